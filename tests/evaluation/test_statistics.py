from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, spearmanr
from scipy.stats.contingency import odds_ratio as scipy_odds_ratio

from genoattn.evaluation import statistics
from genoattn.genome.sequence import Genome


@pytest.mark.parametrize(("hits", "n", "null", "n_null"), [(7, 108, 0, 72), (3, 36, 2, 36)])
def test_more_frequent_is_fishers_exact_test_with_its_power(hits, n, null, n_null):
    def by_scipy(k):
        return fisher_exact([[k, n - k], [null, n_null - null]], alternative="greater").pvalue

    p_value, least = statistics.more_frequent(hits, n, null, n_null)
    assert p_value == pytest.approx(by_scipy(hits))
    assert by_scipy(least) <= 0.05 < by_scipy(least - 1)


def test_with_few_things_no_number_of_hits_is_significant():
    assert statistics.more_frequent(1, 2, 0, 2)[1] == 3


def test_rank_correlation_is_spearmans_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (3, 20)), rng.integers(0, 5, (3, 20))
    expected = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(statistics.rank_correlation(a, b), expected)
    assert np.isnan(statistics.rank_correlation(np.ones(5), np.arange(5)))


def test_partial_correlation_takes_the_third_out() -> None:
    rng = np.random.default_rng(0)
    cause = rng.normal(size=400)
    first, second = cause + rng.normal(size=400), cause + rng.normal(size=400)
    options = {"n_bootstrap": 300, "level": 0.95, "seed": 1}
    plain, low, high = statistics.rank_correlation_interval(first, second, **options)
    assert 0.35 < plain < 0.6 and low < plain < high and low > 0.2
    partial, low, high = statistics.rank_correlation_interval(first, second, cause, **options)
    assert low < 0 < high and abs(partial) < 0.12
    assert np.isnan(statistics.rank_correlation_interval(first[:9], second[:9], **options)).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.integers(0, 12))
def test_one_stratum_is_fishers_exact_test(cases: int, rest: int, a: int, c: int) -> None:
    a, c = min(a, cases), min(c, rest)
    table = np.array([[a, cases - a], [c, rest - c]])
    one = [np.array([n]) for n in (a, cases, a + c, cases + rest)]
    found = statistics.odds_ratio(*one)
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
    found = statistics.odds_ratio(
        np.array([2, 1]), np.array([2, 2]), np.array([2, 2]), np.array([4, 5])
    )
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= 3))
    assert found.expected == pytest.approx(np.mean(sums))


def test_a_confounded_excess_is_none() -> None:
    """Cases and sites are both frequent in the first stratum; within strata nothing is left."""
    cases_in, cases = np.array([50, 1]), np.array([100, 100])
    all_in, total = np.array([500, 100]), np.array([1_000, 10_000])
    found = statistics.odds_ratio(cases_in, cases, all_in, total)
    assert found.low < 1 < found.high and found.p_value > 0.3
    pooled = statistics.odds_ratio(
        *(x.sum(keepdims=True) for x in (cases_in, cases, all_in, total))
    )
    assert pooled.low > 3


@pytest.mark.parametrize("circular", [True, False])
def test_strata_by_a_plain_loop(circular: bool) -> None:
    rng = np.random.default_rng(0)
    length = 400
    genome = Genome("toy", rng.integers(0, 4, length, dtype=np.uint8), circular)
    tss = pd.DataFrame({"position": [30, 200, 390], "strand": ["+", "+", "-"]})
    numbers = statistics.distance_strata(genome, tss, at_window=5, n_at=2)
    weak = np.isin(genome.codes, [0, 3])
    windows = [np.arange(i - 2, i + 3) for i in range(length)]
    if not circular:
        windows = [one[(one >= 0) & (one < length)] for one in windows]
    share = np.array([weak[one % length].mean() for one in windows])
    middle, turns = np.quantile(share, 0.5), (-length, 0, length) if circular else (0,)
    for row, strand, sign in ((0, "+", 1), (1, "-", -1)):
        sites = tss.loc[tss["strand"] == strand, "position"]
        for i in range(length):
            ways = [sign * (i - s + turn) for s in sites for turn in turns]
            distance = min(ways, key=lambda way: (abs(way), way))
            expected = 2 * np.searchsorted(statistics.DISTANCE_EDGES, distance, side="right")
            assert numbers[row, i] - int(share[i] >= middle) == expected
    with pytest.raises(ValueError, match="no start site"):
        statistics.distance_strata(genome, tss.iloc[:0])


def test_kinds_are_places_and_composition() -> None:
    codes = np.zeros(400, np.uint8)
    codes[:200] = 1  # GC-rich half
    places = np.zeros((2, 400), np.int8)
    places[1] = 2
    kind = statistics.place_strata(Genome("g", codes), places, width=21, n_bins=2)
    assert kind[0, 100] != kind[0, 300] and kind[1, 100] == kind[0, 100] + 4
    assert len(np.unique(kind)) == 4


def test_controls_are_the_nearest_of_the_same_class() -> None:
    pool = pd.DataFrame({"x": [0.0, 1, 2, 3, 10], "class": [0, 1, 0, 1, 0]})
    treated = pd.DataFrame({"x": [2.1, 0.1], "class": [0, 1]})
    chosen = statistics.matched_controls(treated, pool, ["x"], same="class", n=2)
    assert [one.tolist() for one in chosen] == [[2, 0], [1, 3]]
    chosen = statistics.matched_controls(treated, pool, ["x"], n=2)
    assert [one.tolist() for one in chosen] == [[2, 3], [0, 1]]
    every = statistics.matched_controls(treated, pool, [], n=1)
    assert [len(one) for one in every] == [5, 5]
    alone = statistics.matched_controls(
        treated.assign(**{"class": 7}), pool, ["x"], same="class", n=2
    )
    assert [len(one) for one in alone] == [0, 0]


def test_exact_proportions() -> None:
    share, low, high = statistics.proportion(0, 20, 0.95)
    assert share == 0 and low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert np.isnan(statistics.proportion(0, 0, 0.95)).all()


@settings(deadline=None, max_examples=15)
@given(st.integers(5, 41), st.integers(0, 1_000))
def test_band_equals_a_simulated_bootstrap(n: int, seed: int) -> None:
    """In rank space: the exact limits are within one order statistic of 20,000 resamples."""
    rng = np.random.default_rng(seed)
    values = np.arange(n, dtype=float)
    median, low, high = statistics.median_with_band(values[:, None], 0.9)
    draws = np.sort(values[rng.integers(0, n, (20_000, n))], axis=1)
    lower, upper = draws[:, (n - 1) // 2], draws[:, n // 2]
    assert median[0] == np.median(values)
    assert abs(low[0] - np.quantile(lower, 0.05, method="inverted_cdf")) <= 1
    assert abs(high[0] - np.quantile(upper, 0.95, method="inverted_cdf")) <= 1
    assert low[0] <= median[0] <= high[0]


def test_band_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    _, low, high = statistics.median_with_band(rng.exponential(size=(61, 4_000)), 0.95)
    covered = ((low <= np.log(2)) & (np.log(2) <= high)).mean()
    assert 0.93 < covered < 0.98


def test_five_values_have_no_band_of_95_percent() -> None:
    """The range of five values misses the median in 2 of 32 cases, that of six in 2 of 64."""
    median, low, high = statistics.median_with_band(np.arange(5.0)[:, None], 0.95)
    assert median[0] == 2 and np.isnan(low[0]) and np.isnan(high[0])
    _, low, high = statistics.median_with_band(np.arange(6.0)[:, None], 0.95)
    assert low[0] >= 0 and high[0] <= 5


def test_bands_that_cannot_be_had() -> None:
    with pytest.raises(ValueError, match="no site"):
        statistics.median_with_band(np.empty((0, 5)), 0.95)
    with pytest.raises(ValueError, match="between 0 and 1"):
        statistics.median_with_band(np.ones((3, 5)), 95)


def test_p_values_are_corrected_for_their_number():
    frame = statistics.holm_corrected(pd.DataFrame({"p": [0.03, 0.001, 0.02, 0.9]}), "p")
    assert frame["p"].to_numpy() == pytest.approx([0.06, 0.004, 0.06, 0.9])  # Holm, by hand
    mean, low, high, p = statistics.mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low < mean < high) == (2, True)
    assert p == pytest.approx(0.0742, abs=1e-4)  # t = 3.46 with 2 degrees of freedom
    assert statistics.mean_interval(np.zeros(5))[3] == 1
