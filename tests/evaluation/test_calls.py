"""Assignments against all that are possible, and scores against thresholds set one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from genoattn.evaluation import calls
from genoattn.evaluation.bootstrap import Resampling
from genoattn.evaluation.calls import assign, find_peaks, match_table, peaks
from genoattn.evaluation.scores import score


def most_hits(calls, sites, tolerance):
    """Largest one-to-one assignment, by the Hungarian method on the whole table."""
    near = np.abs(np.subtract.outer(calls, sites)) <= tolerance
    return int(near[linear_sum_assignment(-near.astype(int))].sum())


@given(
    calls=st.lists(st.integers(0, 25), max_size=9, unique=True),
    sites=st.lists(st.integers(0, 25), max_size=7, unique=True),
    tolerance=st.integers(0, 6),
)
def test_at_every_threshold_as_many_as_possible(calls, sites, tolerance):
    calls, sites = np.array(calls, int), np.array(sites, int)
    got = assign(calls, sites, tolerance)
    taken = got[got >= 0]
    assert len(set(taken)) == len(taken), "a site is given once"
    assert (np.abs(calls[got >= 0] - sites[taken]) <= tolerance).all()
    for k in range(len(calls) + 1):
        assert (got[:k] >= 0).sum() == most_hits(calls[:k], sites, tolerance)


def test_an_earlier_call_gives_way():
    calls, sites = np.array([11, 9]), np.array([10, 12])
    assert assign(calls, sites, 1).tolist() == [1, 0]
    assert assign(np.array([10, 11, 9]), np.array([10]), 1).tolist() == [0, -1, -1]
    with pytest.raises(ValueError, match="must not be negative"):
        assign(calls, sites, -1)


@given(
    values=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    radius=st.integers(0, 6),
    outside=st.integers(0, 5),
)
def test_peaks_by_looking_around(values, radius, outside):
    track = np.array([values, values[::-1]], dtype=float)
    where = np.arange(len(values)) >= outside
    got = peaks(track, where, radius)
    for row in range(2):
        for i in range(len(values)):
            if not where[i]:
                assert not got[row, i]
                continue
            near = [j for j in range(i - radius, i + radius + 1) if outside <= j < len(values)]
            wanted = all(
                track[row, i] > track[row, j] or (track[row, i] == track[row, j] and j >= i)
                for j in near
            )
            assert got[row, i] == wanted
    with pytest.raises(ValueError, match="must not be negative"):
        peaks(track, where, -1)


def toy(seed, n=400):
    rng = np.random.default_rng(seed)
    label = rng.random((2, n)) < 0.03
    moved = np.roll(label, rng.integers(-2, 3), axis=1)
    output = np.round(rng.random((2, n)) + 0.6 * moved, 2)
    where = (np.arange(n) >= 20) & (np.arange(n) < n - 30)
    return output, label, where, Resampling.of(where, 40, 30, seed)


@pytest.mark.parametrize("seed", range(4))
def test_exact_positions_without_suppression_are_the_pr_auc(seed):
    output, label, where, resampling = toy(seed)
    table = match_table(output, label, where, [0, 2], resampling, radius=0)
    exact = score(label[:, where], output[:, where])
    assert table["average_precision"][0] == pytest.approx(exact["pr_auc"])
    assert table["reached"][0] == 1.0
    assert (table["ci_low"] <= table["average_precision"]).all()
    assert (table["ci_high"] >= table["average_precision"]).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tolerance", [0, 1, 5])
def test_average_precision_threshold_by_threshold(seed, tolerance):
    output, label, where, resampling = toy(seed)
    radius = 2
    row = match_table(output, label, where, [tolerance], resampling, radius).iloc[0]
    called_at_all = peaks(output, where, radius)
    n_sites = (label & where).sum()
    area, before, at_most = 0.0, 0.0, None
    for threshold in sorted(set(output[called_at_all]), reverse=True):
        called = called_at_all & (output >= threshold)
        hits = sum(
            most_hits(np.flatnonzero(called[s]), np.flatnonzero(label[s] & where), tolerance)
            for s in range(2)
        )
        area += (hits / n_sites - before) * hits / called.sum()
        before = hits / n_sites
        if called.sum() <= n_sites:
            at_most = hits / called.sum(), hits / n_sites, threshold
    assert row["average_precision"] == pytest.approx(area)
    assert row["reached"] == pytest.approx(before)
    assert (row["precision"], row["recall"], row["threshold"]) == pytest.approx(at_most)


def test_a_shift_is_forgiven_within_the_tolerance_only():
    label = np.zeros((2, 300), bool)
    label[:, 20::40] = True
    output = np.roll(label, 2, axis=1) * 0.9 + 0.01
    where = np.ones(300, bool)
    table = match_table(
        output, label, where, [0, 1, 2, 5], Resampling.of(where, 50, 20, 0), radius=5
    ).set_index("tolerance")
    assert (table["precision"] == [0, 0, 1, 1]).all()
    assert table.loc[2, "average_precision"] == 1.0
    assert table.loc[1, "average_precision"] == 0.0


def test_order_of_equal_calls_plays_no_role():
    sites = np.array([3, 5, 6])
    numbers = {
        int((assign(np.array(order), sites, 1) >= 0).sum()) for order in permutations([2, 4, 6, 7])
    }
    assert numbers == {3}


@pytest.mark.parametrize("seed", range(3))
def test_listed_calls_are_those_of_the_table(seed):
    output, label, where, resampling = toy(seed)
    row = match_table(output, label, where, [2], resampling, radius=3).iloc[0]
    listed = calls.calls(output, label, where, radius=3, tolerance=2)
    assert listed["output"].min() == row["threshold"]
    assert len(listed) <= row["n_sites"]
    assert listed["hit"].mean() == pytest.approx(row["precision"])
    strand = (listed["strand"] == "-").astype(int)
    assert (output[strand, listed["position"]] == listed["output"]).all()
    assert where[listed["position"]].all()


def test_near_by_brute_force():
    rng = np.random.default_rng(2)

    def some(n: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "contig": rng.choice(["a", "b"], n),
                "position": rng.integers(0, 200, n),
                "strand": rng.choice(["+", "-"], n),
            }
        )

    def near(ones: pd.DataFrame, others: pd.DataFrame) -> list[bool]:
        return [
            any(
                (o.contig, o.strand) == (p.contig, p.strand) and abs(o.position - p.position) <= 4
                for o in others.itertuples()
            )
            for p in ones.itertuples()
        ]

    for n, m in ((30, 20), (1, 40), (50, 2)):
        peaks, sites = some(n), some(m)
        assert calls.near(peaks, sites, 4).tolist() == near(peaks, sites)
        assert calls.near(sites, peaks, 4).tolist() == near(sites, peaks)
    none = find_peaks({"a": np.zeros((2, 5), np.float32)}, 0.5)
    assert calls.near(none, sites, 4).tolist() == []
    assert calls.near(sites, none, 4).tolist() == [False, False]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=3, max_size=30),
    st.floats(0, 1),
)
def test_the_lowest_threshold_of_a_precision(pairs, wanted) -> None:
    output, hit = np.array(pairs, dtype=float).T
    got = calls.threshold_at_precision(output, hit, wanted, at_least=3)
    shares = {t: hit[output >= t].mean() for t in np.unique(output) if (output >= t).sum() >= 3}
    good = [t for t, share in shares.items() if share >= wanted]
    assert got.reached == bool(good)
    assert got.output == min(good) if good else got.precision == max(shares.values())
    assert got.precision == pytest.approx(shares[got.output])
    assert got.n_peaks == (output >= got.output).sum()
    assert got.n_hits == hit[output >= got.output].sum()
    with pytest.raises(ValueError, match="at least 31"):
        calls.threshold_at_precision(output, hit, wanted, at_least=31)


NAN = np.nan


# ---- peaks


def brute_peaks(values, threshold, apart) -> list[int]:
    """Peaks by their definition."""
    found = []
    for i, value in enumerate(values):
        if np.isnan(value) or value < threshold:
            continue
        near = range(max(0, i - apart), min(len(values), i + apart + 1))
        if all(
            np.isnan(values[j]) or values[j] < value or (values[j] == value and j > i)
            for j in near
            if j != i
        ):
            found.append(i)
    return found


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, NAN]), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.1, 0.25]),
    st.integers(1, 5),
)
def test_peaks_are_what_their_definition_says(values, threshold, apart):
    track = np.array([values, values[::-1]], dtype=np.float32)
    found = calls.find_peaks({"x": track}, np.float32(threshold), apart=apart)
    for row, strand in enumerate("+-"):
        mine = found[found["strand"] == strand]
        assert mine["position"].tolist() == brute_peaks(track[row], np.float32(threshold), apart)
        np.testing.assert_array_equal(mine["output"], track[row, mine["position"]])


@pytest.mark.parametrize("seed", range(5))
def test_sites_found_are_as_many_as_calls_that_hit(seed):
    rng = np.random.default_rng(seed)
    label = (rng.random((2, 300)) < 0.1).astype(np.uint8)
    output, where = rng.random((2, 300)) + label, np.arange(300) < 250
    found = calls.found(output, label, where, radius=2, tolerance=3)
    listed = calls.calls(output, label, where, radius=2, tolerance=3)
    assert found.sum() == listed["hit"].sum() > 0
    assert not (found & ~(label.astype(bool) & where)).any()
    for row, strand in enumerate("+-"):
        made = listed.loc[listed["strand"] == strand, "position"].to_numpy()
        for site in np.flatnonzero(found[row]):
            assert np.abs(made - site).min() <= 3
