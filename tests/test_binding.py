"""Places in known sites: masks, strata, and the exact test against scipy and by counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from scipy.stats.contingency import odds_ratio as scipy_odds_ratio

from genoattn import binding, heads
from genoattn.genome import Genome


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.integers(0, 12))
def test_one_stratum_is_fishers_exact_test(cases: int, rest: int, a: int, c: int) -> None:
    a, c = min(a, cases), min(c, rest)
    table = np.array([[a, cases - a], [c, rest - c]])
    one = [np.array([n]) for n in (a, cases, a + c, cases + rest)]
    found = binding.odds_ratio(*one)
    if (table.sum(axis=0) == 0).any():
        assert np.isnan(found.estimate) and found.p_value == 1
        return
    assert found.p_value == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
    theirs = scipy_odds_ratio(table, kind="conditional")
    interval = theirs.confidence_interval(0.95)
    assert found.estimate == pytest.approx(theirs.statistic, rel=1e-4)
    assert found.low == pytest.approx(interval.low, rel=1e-4)
    assert found.high == pytest.approx(interval.high, rel=1e-4)
    assert found.expected == pytest.approx(cases * (a + c) / (cases + rest))


def test_two_strata_by_counting_every_arrangement() -> None:
    """Places 0..3 and 4..8; two cases in each stratum; p is the share of draws with so many in."""
    inside = [np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0, 1])]
    pairs = [[(i, j) for i in range(len(x)) for j in range(i)] for x in inside]
    sums = [inside[0][list(one)].sum() + inside[1][list(two)].sum() for one, two in product(*pairs)]
    found = binding.odds_ratio(
        np.array([2, 1]), np.array([2, 2]), np.array([2, 2]), np.array([4, 5])
    )
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= 3))
    assert found.expected == pytest.approx(np.mean(sums))


def test_a_confounded_excess_is_none() -> None:
    """Cases and sites are both frequent in the first stratum; within strata nothing is left."""
    cases_in, cases = np.array([50, 1]), np.array([100, 100])
    all_in, total = np.array([500, 100]), np.array([1_000, 10_000])
    found = binding.odds_ratio(cases_in, cases, all_in, total)
    assert found.low < 1 < found.high and found.p_value > 0.3
    pooled = binding.odds_ratio(*(x.sum(keepdims=True) for x in (cases_in, cases, all_in, total)))
    assert pooled.low > 3


def test_masks_of_one_strand_of_both_and_over_the_origin() -> None:
    intervals = pd.DataFrame(
        {
            "kind": ["binding site", "binding site", "promoter"],
            "name": ["A", "B", "sigma70"],
            "start": [-2, 5, 8],
            "end": [2, 7, 9],
            "strand": [".", ".", "-"],
        }
    )
    masks = binding.site_masks(intervals, 10, min_sites=1)
    assert np.flatnonzero(masks["binding site", "A"][0]).tolist() == [0, 1, 8, 9]
    assert np.flatnonzero(masks["binding site", "any"][1]).tolist() == [0, 1, 5, 6, 8, 9]
    assert masks["promoter", "any"].sum(axis=1).tolist() == [0, 1]
    assert ("binding site", "A") not in binding.site_masks(intervals, 10, min_sites=2)


def test_planted_and_promoter_intervals_hold_what_they_should() -> None:
    elements = pd.DataFrame(
        {
            "tss_position": [50, 50],
            "strand": ["+", "-"],
            "element": "box",
            "offset": -12,
            "sequence": "TATAAT",
        }
    )
    found = binding.planted_intervals(elements)
    assert found[["start", "end"]].to_numpy().tolist() == [[38, 44], [57, 63]]
    promoters = pd.DataFrame({"position": [50, 50], "strand": ["+", "-"], "sigma": "s"})
    found = binding.promoter_intervals(promoters)  # offsets -40 .. -1
    assert found[["start", "end"]].to_numpy().tolist() == [[10, 50], [51, 91]]


def test_strata_by_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    length = 400
    genome = Genome("toy", rng.integers(0, 4, length, dtype=np.uint8))
    tss = pd.DataFrame({"position": [30, 200, 390], "strand": ["+", "+", "-"]})
    numbers = binding.strata(genome, tss, at_window=5, n_at=2)
    weak = np.isin(genome.codes, [0, 3])
    share = np.array([weak[np.arange(i - 2, i + 3) % length].mean() for i in range(length)])
    middle = np.quantile(share, 0.5)
    for row, strand, sign in ((0, "+", 1), (1, "-", -1)):
        sites = tss.loc[tss["strand"] == strand, "position"]
        for i in range(length):
            ways = [sign * (i - s + turn) for s in sites for turn in (-length, 0, length)]
            distance = min(ways, key=abs)
            expected = 2 * np.searchsorted(binding.DISTANCES, distance, side="right")
            both = {expected, 2 * np.searchsorted(binding.DISTANCES, -distance, side="right")}
            got = numbers[row, i] - int(share[i] >= middle)
            tied = sorted(map(abs, ways))[0] == sorted(map(abs, ways))[1]
            assert got in both if tied else got == expected
    with pytest.raises(ValueError, match="no start site"):
        binding.strata(genome, tss.iloc[:0])


def test_a_head_in_sites_is_found_and_one_that_is_not_is_not() -> None:
    rng = np.random.default_rng(4)
    length, downstream = 20_000, 20
    mask = np.zeros((2, length), bool)
    mask[:, ::50] = True
    in_sites = rng.choice(np.arange(2_000, 18_000, 50), 60, replace=False)
    anywhere = rng.choice(np.arange(2_000, 18_000), 60, replace=False)
    strand = np.where(rng.random(60) < 0.5, "+", "-")
    back = np.where(strand == "+", 12, -12)  # the attended nucleotide is 12 nt upstream
    best = heads.BestPositions(
        np.array([[strand, strand]]),
        np.array([[in_sites + back, anywhere + back]]),
        np.ones((1, 2, 60)),
        np.array([[32, 32]]),
    )
    row, place = binding.attended(best, downstream, length)
    np.testing.assert_array_equal(place[0, 0], in_sites)
    assert (row[0, 0] == (strand == "-")).all()
    inside = np.ones(length, bool)
    stratum = np.zeros((2, length), int)
    found = binding.enrichment(
        best, {("binding site", "any"): mask}, stratum, inside, downstream=downstream, apart=10
    )
    assert found["n"].tolist()[0] == 60 and found["n_inside"][0] == 60
    assert found["odds_ratio"][0] == np.inf and found["q_value"][0] < 1e-10
    assert found["low"][1] < 1.5 and found["q_value"][1] > 0.05
    with pytest.raises(ValueError, match="do not fit"):
        binding.enrichment(best, {}, stratum[:, :5], inside, downstream=downstream)


def test_places_near_a_better_one_do_not_count() -> None:
    row, position = np.array([0, 0, 1, 0, 0]), np.array([100, 105, 105, 111, 120])
    assert binding.thinned(row, position, 10).tolist() == [0, 2, 3]
