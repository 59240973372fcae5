"""Profiles: windows, medians and bands, by hand and by brute force."""

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
    with pytest.raises(ValueError, match="unknown strand"):
        profiles.output_around(numbered(), frame((1, ".")), 2)
    with pytest.raises(ValueError, match="beyond"):
        profiles.output_around(numbered(), frame((100, "+")), 2)
    track = numbered()
    track[1, 3] = np.nan
    with pytest.raises(ValueError, match="without a value"):
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
    with pytest.raises(ValueError, match="no site"):
        profiles.median_with_band(np.empty((0, 5)), 0.95)
    with pytest.raises(ValueError, match="between 0 and 1"):
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
    with pytest.raises(ValueError, match="no class"):
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
    assert "highest at +41 nt" in found["here"][3], "a position, not an offset"
    assert found["holds"].tolist()[:4] == ["no", "undecided", "no", "no"]


def test_classes_and_positions_are_named_as_readers_know_them() -> None:
    assert profiles.class_name("terminators (sendseq)") == "terminators (SEnd-seq)"
    assert profiles.class_name("TSSs") == "TSSs"
    assert [profiles.position_name(offset) for offset in (-1, 0, 1)] == ["-1", "+1", "+2"]
