"""Output by class of region: medians by hand, intervals against a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.output import regions as region_levels


def regions(track: np.ndarray, masks: dict[str, np.ndarray], inside: np.ndarray) -> pd.DataFrame:
    table = region_levels.region_medians(
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
    with pytest.raises(ValueError, match="empty"):
        regions(track, {}, np.zeros(10, bool))
    with pytest.raises(ValueError, match="without a value"):
        regions(track, {}, np.ones(10, bool))


def test_strands_that_peak_together() -> None:
    track = np.random.default_rng(0).random((2, 4_000)).astype(np.float32)
    peaks = np.arange(50, 4_000, 130)
    track[0, peaks] += 5
    track[1, peaks + 3] += 5  # the other strand's peak is shifted, as in the paper
    found = region_levels.strand_correlation(track, np.ones(4_000, bool), [1, 20]).set_index(
        "width"
    )
    assert abs(found.loc[1, "spearman"]) < 0.1 and found.loc[20, "spearman"] > 0.3
    assert abs(found.loc[20, "chance"]) < 0.2 and found.loc[20, "n"] == 200
    with pytest.raises(ValueError, match="too few"):
        region_levels.strand_correlation(track, np.ones(4_000, bool), [2_000])


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
    maxima = region_levels.median_of_maxima(track, stranded, inside, level=0.95)
    table = region_levels.beside_paper(medians, maxima).set_index(["region", "strand"])
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
    elsewhere = region_levels.beside_paper(medians, maxima, published=False)
    assert elsewhere["paper_value"].isna().all()
    named = {"region": "gene_part_2", "strand": "sense"}
    more = pd.concat([medians, medians.tail(1).assign(**named)], ignore_index=True)
    assert "in genes, part 2" in set(region_levels.beside_paper(more, maxima)["region"])


def test_median_of_maxima_over_gaps() -> None:
    track = np.zeros((2, 50), np.float32)
    mask = np.zeros((2, 50), bool)
    for row, start, stop, here, there in ((0, 5, 9, 0.4, 0.1), (1, 20, 21, 0.6, 0.3)):
        mask[row, start:stop] = True
        track[row, start] = here
        track[1 - row, stop - 1] = there
    mask[0, 38:45] = True
    table = region_levels.median_of_maxima(track, mask, np.arange(50) < 40, level=0.95)
    assert table["strand"].tolist() == ["sense", "antisense"]
    assert (table["n"] == 2).all() and (table["n_nt"] == 5).all()
    assert table["median"].tolist() == pytest.approx([0.5, 0.2])
    assert region_levels.median_of_maxima(track, mask, np.zeros(50, bool), level=0.95).empty


def test_regions_are_labelled_with_their_strand_where_they_have_one() -> None:
    table = pd.DataFrame({"region": ["whole", "gap"], "strand": ["both", "sense"]})
    assert region_levels.labels(table) == ["whole", "gap, sense"]
