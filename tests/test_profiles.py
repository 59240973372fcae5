"""Profiles: windows, medians, bands and regions, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn import profiles


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def numbered(length: int = 100) -> np.ndarray:
    """A track whose values name their place: position on '+', 1000 + position on '-'."""
    return np.stack([np.arange(length), 1000 + np.arange(length)]).astype(np.float32)


# ------------------------------------------------------------------------------- around sites


def test_windows_follow_the_strand_and_wrap() -> None:
    around = profiles.output_around(numbered(), frame((1, "+"), (50, "-")), 2)
    assert around.sense.tolist() == [[99, 0, 1, 2, 3], [1052, 1051, 1050, 1049, 1048]]
    assert around.antisense.tolist() == [[1099, 1000, 1001, 1002, 1003], [52, 51, 50, 49, 48]]


def test_only_sites_with_their_whole_window_in_the_part() -> None:
    inside = np.zeros(100, bool)
    inside[:20] = True
    inside[90:] = True
    sites = frame((0, "+"), (17, "-"), (18, "+"), (92, "+"), (91, "-"), (50, "+"))
    kept = profiles.whole_window_inside(sites, inside, 2)
    assert kept["position"].tolist() == [0, 17, 92]
    kept = profiles.whole_window_inside(sites, np.ones(100, bool), 2, circular=False)
    assert kept["position"].tolist() == [17, 18, 92, 91, 50]


def test_sites_that_cannot_be_read() -> None:
    with pytest.raises(profiles.ProfileError, match="unknown strand"):
        profiles.output_around(numbered(), frame((1, ".")), 2)
    with pytest.raises(profiles.ProfileError, match="beyond"):
        profiles.output_around(numbered(), frame((100, "+")), 2)
    track = numbered()
    track[1, 3] = np.nan
    with pytest.raises(profiles.ProfileError, match="without a value"):
        profiles.output_around(track, frame((1, "+")), 2)


@settings(deadline=None, max_examples=15)
@given(st.integers(5, 41), st.integers(0, 1_000))
def test_band_equals_a_simulated_bootstrap(n: int, seed: int) -> None:
    """In rank space: the exact limits are within one order statistic of 20,000 resamples."""
    rng = np.random.default_rng(seed)
    values = np.arange(n, dtype=float)
    median, low, high = profiles.median_with_band(values[:, None], 0.9)
    draws = np.sort(values[rng.integers(0, n, (20_000, n))], axis=1)
    lower, upper = draws[:, (n - 1) // 2], draws[:, n // 2]
    assert median[0] == np.median(values)
    assert abs(low[0] - np.quantile(lower, 0.05, method="inverted_cdf")) <= 1
    assert abs(high[0] - np.quantile(upper, 0.95, method="inverted_cdf")) <= 1
    assert low[0] <= median[0] <= high[0]


def test_band_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    _, low, high = profiles.median_with_band(rng.exponential(size=(61, 4_000)), 0.95)
    covered = ((low <= np.log(2)) & (np.log(2) <= high)).mean()
    assert 0.93 < covered < 0.98


def test_five_values_have_no_band_of_95_percent() -> None:
    """The range of five values misses the median in 2 of 32 cases, that of six in 2 of 64."""
    median, low, high = profiles.median_with_band(np.arange(5.0)[:, None], 0.95)
    assert median[0] == 2 and np.isnan(low[0]) and np.isnan(high[0])
    _, low, high = profiles.median_with_band(np.arange(6.0)[:, None], 0.95)
    assert low[0] >= 0 and high[0] <= 5


def test_bands_that_cannot_be_had() -> None:
    with pytest.raises(profiles.ProfileError, match="no site"):
        profiles.median_with_band(np.empty((0, 5)), 0.95)
    with pytest.raises(profiles.ProfileError, match="between 0 and 1"):
        profiles.median_with_band(np.ones((3, 5)), 95)


def test_median_profiles_and_their_peaks() -> None:
    track = np.full((2, 100), 0.01, np.float32)
    for position, strand in ((30, "+"), (60, "-")):
        track[profiles.STRAND_ROW[strand], position] = 0.5
        step = 1 if strand == "+" else -1
        track[1 - profiles.STRAND_ROW[strand], position - 3 * step] = 0.2
    classes = {"sites": frame((30, "+"), (60, "-")), "none": frame()}
    table = profiles.median_profiles(track, classes, flank=5, level=0.95)
    assert set(table["site_class"]) == {"sites"} and (table["n"] == 2).all()
    found = profiles.peaks(table, baseline=0.01).set_index("strand")
    assert found["peak_offset"].to_dict() == {"sense": 0, "antisense": -3}
    assert found.loc["sense", "peak_ratio"] == pytest.approx(50)
    with pytest.raises(profiles.ProfileError, match="no class"):
        profiles.median_profiles(track, {"none": frame()}, flank=5, level=0.95)


# ---------------------------------------------------------------------------- classes of sites

FEATURES = pd.DataFrame(
    {
        "start": [20, 60, 5],
        "end": [30, 70, 8],
        "strand": ["+", "-", "+"],
        "type": ["pseudogene", "pseudogene", "CDS"],
    }
)


def test_tss_of_pseudogenes_upstream_or_within_on_their_strand() -> None:
    sites = frame(
        *[(p, "+") for p in (14, 15, 20, 29, 30)], (25, "-"), *[(p, "-") for p in (59, 60, 74, 75)]
    )
    got = profiles.pseudogene_tss(sites, FEATURES, upstream=5, length=100)
    assert list(got.itertuples(index=False, name=None)) == [
        (15, "+"), (20, "+"), (29, "+"), (60, "-"), (74, "-")
    ]  # fmt: skip
    wrapped = profiles.pseudogene_tss(frame((98, "+")), FEATURES, upstream=25, length=100)
    assert len(wrapped) == 1


def test_starts_of_genes_are_first_nucleotides_on_their_strand() -> None:
    starts = profiles.gene_starts(FEATURES, "pseudogene")
    assert list(starts.itertuples(index=False, name=None)) == [(20, "+"), (69, "-")]


def test_classes_of_sites() -> None:
    terminators = pd.DataFrame(
        {
            "position": [40, 40, 45, 30, 31, 32, 33],
            "strand": ["+"] * 7,
            "source": ["smrt", "smrt", "sendseq"] + ["regulondb"] * 4,
            "kind": ["unspecified"] * 3
            + ["rho-independent", "intrinsic", "rho-dependent", "another"],
        }
    )
    inside = np.zeros(100, bool)
    inside[:65] = True
    classes = profiles.site_classes(
        frame((20, "+"), (50, "-"), (90, "+")),
        terminators,
        FEATURES,
        inside,
        upstream=5,
        flank=3,
        circular=True,
    )
    assert {name: len(sites) for name, sites in classes.items()} == {
        "TSSs": 2,
        "TSSs of pseudogenes": 1,
        "starts of pseudogenes": 1,
        "terminators (sendseq)": 1,
        "terminators (smrt)": 1,
        "intrinsic terminators (regulondb)": 2,
        "rho-dependent terminators (regulondb)": 1,
    }


# ------------------------------------------------------------------------------------- regions


def regions(track: np.ndarray, masks: dict[str, np.ndarray], inside: np.ndarray) -> pd.DataFrame:
    table = profiles.region_medians(
        track, masks, inside, block=50, n_bootstrap=400, level=0.95, seed=0
    )
    return table.set_index(["region", "strand"])


def test_region_medians_by_hand() -> None:
    rng = np.random.default_rng(3)
    track = rng.random((2, 1_000)).astype(np.float32)
    inside = np.arange(1_000) < 800
    flat = rng.random(1_000) < 0.5
    stranded = rng.random((2, 1_000)) < 0.3
    table = regions(track, {"flat": flat, "stranded": stranded, "none": ~inside}, inside)
    both = np.concatenate([track[0, inside & flat], track[1, inside & flat]])
    sense = np.concatenate([track[row, inside & stranded[row]] for row in (0, 1)])
    anti = np.concatenate([track[1 - row, inside & stranded[row]] for row in (0, 1)])
    for key, values in {
        ("whole part", "both"): track[:, inside],
        ("flat", "both"): both,
        ("stranded", "sense"): sense,
        ("stranded", "antisense"): anti,
    }.items():
        row = table.loc[key]
        assert row["n_nt"] == values.size
        assert row["median"] == pytest.approx(np.median(values))
        assert row["ci_low"] <= row["median"] + 1e-3 and row["median"] <= row["ci_high"] + 1e-3
        below = (track[:, inside] < np.median(values)).mean()
        assert row["percentile"] == pytest.approx(100 * below, abs=0.1)
        limits = [(track[:, inside] < row[end]).mean() * 100 for end in ("ci_low", "ci_high")]
        assert row[["percentile_low", "percentile_high"]].tolist() == pytest.approx(limits, abs=0.1)
    assert "none" not in table.index.get_level_values("region")
    assert table.loc[("whole part", "both"), "ratio"] == pytest.approx(1)
    pd.testing.assert_frame_equal(table, regions(track, {
        "flat": flat, "stranded": stranded, "none": ~inside}, inside))  # fmt: skip


def test_the_interval_is_the_block_bootstraps() -> None:
    """Against resampling blocks and taking plain medians; and wider where blocks differ."""
    rng = np.random.default_rng(4)
    track = (rng.random((2, 2_000)) + np.repeat(rng.random(40), 50)).astype(np.float32)
    row = regions(track, {}, np.ones(2_000, bool)).loc[("whole part", "both")]
    parts = track.reshape(2, 40, 50)
    brute = [
        np.median(parts[:, np.random.default_rng(seed).integers(0, 40, 40)]) for seed in range(400)
    ]
    low, high = np.quantile(brute, [0.025, 0.975])
    assert row["ci_low"] == pytest.approx(low, abs=0.25 * (high - low))
    assert row["ci_high"] == pytest.approx(high, abs=0.25 * (high - low))
    naive = 1.2533 * track.std() / np.sqrt(track.size)
    assert row["ci_high"] - row["ci_low"] > 3 * naive


def test_regions_that_cannot_be_had() -> None:
    track = np.full((2, 10), np.nan, np.float32)
    with pytest.raises(profiles.ProfileError, match="empty"):
        regions(track, {}, np.zeros(10, bool))
    with pytest.raises(profiles.ProfileError, match="without a value"):
        regions(track, {}, np.ones(10, bool))


def test_strands_that_peak_together() -> None:
    track = np.random.default_rng(0).random((2, 4_000)).astype(np.float32)
    peaks = np.arange(50, 4_000, 130)
    track[0, peaks] += 5
    track[1, peaks + 3] += 5  # the other strand's peak is shifted, as in the paper
    found = profiles.strand_correlation(track, np.ones(4_000, bool), [1, 20]).set_index("width")
    assert abs(found.loc[1, "spearman"]) < 0.1 and found.loc[20, "spearman"] > 0.3
    assert abs(found.loc[20, "chance"]) < 0.2 and found.loc[20, "n"] == 200
    with pytest.raises(profiles.ProfileError, match="too few"):
        profiles.strand_correlation(track, np.ones(4_000, bool), [2_000])


def test_region_medians_stand_beside_the_papers() -> None:
    track = np.random.default_rng(1).random((2, 1_000)).astype(np.float32)
    inside = np.ones(1_000, bool)
    coding = np.arange(1_000) < 700
    stranded = np.zeros((2, 1_000), bool)
    stranded[1, 710:730] = True
    masks = {
        "coding_either": coding,
        "noncoding_both": ~coding,
        "operon_gap": stranded,
        "pseudogene": stranded,
    }
    medians = regions(track, masks, inside).reset_index()
    maxima = profiles.median_of_maxima(track, stranded, inside, level=0.95)
    table = profiles.beside_paper(medians, maxima).set_index(["region", "strand"])
    assert len(table) == 9
    assert table.loc[("whole test part", "both"), ["ratio", "paper_ratio"]].tolist() == [1, 1]
    row = table.loc[("coding on neither strand", "both")]
    assert row["paper_ratio"] == pytest.approx(0.0105 / 0.0052)
    assert row["ratio"] == pytest.approx(np.median(track[:, 700:]) / np.median(track))
    row = table.loc[("highest in each operon gap", "antisense")]
    assert row["median"] == pytest.approx(track[0, 710:730].max())
    assert row["paper_value"] == 0.0480 and row["n_nt"] == 20
    below = (track[:, inside] < row["median"]).mean()
    assert row["percentile"] == pytest.approx(100 * below, abs=0.1)
    assert np.isnan(table.loc[("pseudogenes", "antisense"), "paper_value"])
    elsewhere = profiles.beside_paper(medians, maxima, published=False)
    assert elsewhere["paper_value"].isna().all()
    named = {"region": "gene_part_2", "strand": "sense"}
    more = pd.concat([medians, medians.tail(1).assign(**named)], ignore_index=True)
    assert "in genes, part 2" in set(profiles.beside_paper(more, maxima)["region"])


def test_levels_give_each_site_one_vote() -> None:
    track = np.full((2, 300), 1.0, np.float32)
    for place, value in ((50, 3.0), (150, 5.0), (250, 4.0)):
        track[0, place - 10 : place + 11] = value
        track[0, place] = 90.0  # a peak does not move the level
    classes = {"sites": frame((50, "+"), (150, "+"), (250, "+")), "none": frame()}
    levels = profiles.window_levels(track, classes, flank=10, level=0.5)
    assert np.isnan(profiles.window_levels(track, classes, flank=10, level=0.9)["ci_low"][0])
    assert levels["median"].tolist() == [4.0, 1.0] and levels["n"].tolist() == [3, 3]
    assert levels["ci_low"][0] >= 3.0 and levels["ci_high"][0] <= 5.0


def test_statements_follow_from_the_tables() -> None:
    def site(name: str, relation: str, peak: int, dip: int) -> dict[str, object]:
        place = {"site_class": name, "strand": relation}
        return place | {"peak_offset": peak, "peak_ratio": 3.0, "dip_offset": dip}

    def level(name: str, relation: str, low: float) -> dict[str, object]:
        place = {"site_class": name, "strand": relation}
        return place | {"median": low + 0.1, "ci_low": low, "ci_high": low + 0.2}

    peaks = pd.DataFrame(
        [
            site("TSSs", "sense", 0, 300),
            site("TSSs", "antisense", -40, 300),
            site("terminators (sendseq)", "sense", -200, 10),
            site("terminators (sendseq)", "antisense", -200, 500),
        ]
    )
    levels = pd.DataFrame(
        [
            level("TSSs", "sense", 1.1),
            level("TSSs", "antisense", 1.2),
            level("terminators (sendseq)", "sense", 1.1),
            level("terminators (sendseq)", "antisense", 0.9),
        ]
    )
    levels = pd.concat(
        [
            levels,
            pd.DataFrame(
                [
                    level("TSSs of pseudogenes", "sense", np.nan),
                    level("TSSs of pseudogenes", "antisense", np.nan),
                ]
            ),
        ]
    )
    medians = pd.DataFrame(
        {
            "region": ["coding on either strand", "coding on neither strand", "pseudogenes"],
            "strand": ["both", "both", "sense"],
            "ratio": [0.9, 2.0, 1.2],
            "ratio_low": [0.8, 1.9, 0.9],
            "ratio_high": [1.0, 2.1, 1.5],
        }
    )
    strands = pd.DataFrame(
        {"width": [1, 100], "n": [10_000, 400], "spearman": [0, 0.5], "chance": [0, 0.1]}
    )
    found = profiles.statements(levels, peaks, medians, strands, baseline=1.0)
    assert found["holds"].tolist() == [
        "yes", "undecided", "no", "yes", "no", "yes", "undecided", "no", "yes"
    ]  # fmt: skip
    assert "antisense 1.30 times the whole part (1.20 to 1.40)" in found["here"][0]
    assert "highest at -40 nt" in found["here"][3]
    peaks.loc[1, "peak_offset"] = 40
    found = profiles.statements(levels, peaks, medians, strands, baseline=1.15)
    assert found["holds"].tolist()[:4] == ["no", "undecided", "no", "no"]


def test_median_of_maxima_over_gaps() -> None:
    track = np.zeros((2, 50), np.float32)
    mask = np.zeros((2, 50), bool)
    for row, start, stop, here, there in ((0, 5, 9, 0.4, 0.1), (1, 20, 21, 0.6, 0.3)):
        mask[row, start:stop] = True
        track[row, start] = here
        track[1 - row, stop - 1] = there
    mask[0, 38:45] = True
    table = profiles.median_of_maxima(track, mask, np.arange(50) < 40, level=0.95)
    assert table["strand"].tolist() == ["sense", "antisense"]
    assert (table["n"] == 2).all() and (table["n_nt"] == 5).all()
    assert table["median"].tolist() == pytest.approx([0.5, 0.2])
    assert profiles.median_of_maxima(track, mask, np.zeros(50, bool), level=0.95).empty
