"""Replicates against positions that are really drawn again, and intervals that cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from genoattn.evaluation.bootstrap import (
    Resampling,
    auc_replicates,
    blocks,
    interval,
    resample,
    sums,
)


@given(
    mask=st.lists(st.booleans(), min_size=1, max_size=80).filter(any),
    size=st.integers(1, 30),
)
def test_blocks_cover_the_mask_in_equal_pieces(mask, size):
    where = np.array(mask)
    block = blocks(where, size)
    assert ((block >= 0) == where).all()
    lengths = np.bincount(block[where])
    assert (lengths > 0).all()
    assert lengths.max() <= max(1.5 * size, 1) + 1
    for number in range(len(lengths)):
        inside = block == number
        borders = (inside != np.roll(inside, 1)).sum()
        assert borders in (0, 2), "a block is one stretch"


def test_a_stretch_over_the_origin_is_one():
    where = np.ones(30, bool)
    where[10:20] = False
    assert blocks(where, 10).tolist() == [1] * 10 + [-1] * 10 + [0] * 10


@pytest.mark.parametrize(
    ("where", "size", "message"),
    [(np.ones(3, bool), 0, "size must be at least 1"), (np.zeros(3, bool), 2, "nothing to cut")],
)
def test_impossible_blocks(where, size, message):
    with pytest.raises(ValueError, match=message):
        blocks(where, size)


def test_blocks_that_cannot_be_exchanged_are_refused():
    where = np.zeros(1_000, bool)
    where[:300] = True
    with pytest.raises(ValueError, match=r"block: with 300 nt, the 300 nt.* at most 150$"):
        Resampling.of(where, 300, 10, 0)
    assert Resampling.of(where, 150, 10, 0).draws.shape == (10, 2)
    where[500:600] = True
    assert Resampling.of(where, 10_000, 10, 0).draws.shape == (10, 2), "two stretches"


def test_every_replicate_takes_as_many_blocks():
    block = np.repeat(np.arange(7), 3)
    draws = resample(block, 500, seed=1)
    assert draws.shape == (500, 7)
    assert (draws.sum(1) == 7).all()
    assert (draws == resample(block, 500, seed=1)).all()
    assert (draws != resample(block, 500, seed=2)).any()
    assert draws.mean() == 1.0
    with pytest.raises(ValueError, match=r"^n_bootstrap must be at most 100,000, not 1,000,000$"):
        resample(block, 10**6, seed=1)


def drawn(block, counts):
    """Samples of a replicate, each block as often as it was taken."""
    return np.concatenate(
        [np.tile(np.flatnonzero(block == b), int(n)) for b, n in enumerate(counts) if n]
    )


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(0, 6), st.integers(-1, 4)), min_size=1, max_size=40
    ),
    seed=st.integers(0, 99),
)
def test_areas_are_those_of_samples_drawn_again(rows, seed):
    label, output, block = (np.array(column) for column in zip(*rows, strict=True))
    draws = np.random.default_rng(seed).integers(0, 3, (6, 5)).astype(float)
    got = auc_replicates(label, output / 7, block, draws)
    for number, counts in enumerate(draws):
        taken = drawn(block, counts) if counts.any() else np.array([], int)
        chosen = label[taken]
        if chosen.size == 0 or chosen.min() == chosen.max():
            assert np.isnan(got["roc_auc"][number])
            assert np.isnan(got["pr_auc"][number])
            continue
        assert got["roc_auc"][number] == pytest.approx(roc_auc_score(chosen, output[taken]))
        wanted = average_precision_score(chosen, output[taken])
        assert got["pr_auc"][number] == pytest.approx(wanted)


def test_a_large_table_is_made_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    label, output = rng.random(2000) < 0.1, rng.random(2000)
    block = np.arange(2000) // 100
    draws = resample(block, 40, seed=0)
    whole = auc_replicates(label, output, block, draws)
    monkeypatch.setattr("genoattn.evaluation.bootstrap._CELLS", 1000)
    pieces = auc_replicates(label, output, block, draws)
    for name in whole:
        assert (whole[name] == pieces[name]).all()


def test_sums_and_ratios():
    block = np.array([0, 0, 1, -1, 2, 1])
    values = np.array([1, 2, 3, 100, 5, 6])
    assert sums(values, block).tolist() == [3, 9, 5]
    assert sums(1, np.stack([block, block])).tolist() == [4, 4, 2]
    draws = resample(block, 20, seed=3)
    mean = (draws @ sums(values, block)) / (draws @ sums(1, block))
    for number, counts in enumerate(draws):
        assert mean[number] == pytest.approx(values[drawn(block, counts)].mean())


def test_interval_of_a_mean_covers_when_neighbours_are_alike():
    """Runs of 50 equal values: blocks of 500 cover the true mean, single values would not."""
    rng = np.random.default_rng(4)
    block = blocks(np.ones(20_000, bool), 500)
    alone = np.arange(20_000)
    hits = {"blocks": 0, "single": 0}
    for trial in range(60):
        values = np.repeat(rng.normal(size=400), 50)
        for name, one in (("blocks", block), ("single", alone)):
            if name == "single":
                error = 1.96 * values.std() / np.sqrt(values.size)
                low, high = values.mean() - error, values.mean() + error
            else:
                draws = resample(one, 300, seed=trial)
                low, high = interval((draws @ sums(values, one)) / (draws @ sums(1, one)))
            hits[name] += low <= 0 <= high
    assert hits["blocks"] >= 50
    assert hits["single"] <= 25


def test_interval_leaves_out_what_is_missing():
    assert interval([1.0, np.nan, 3.0], level=0.5) == (1.5, 2.5)
    assert np.isnan(interval([np.nan, np.nan])).all()
