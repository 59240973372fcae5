"""The census: sums of attention while it is computed against all attention, kept whole."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from genoattn.genome.sequence import Genome
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.attention import TILE_SCORES
from genoattn.prediction import census
from genoattn.prediction.census import PARTIAL, AttentionCensus, _tally_on_cpu, tally_on_device
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention


def genome(length):
    codes = np.random.default_rng(0).integers(0, 5, length).astype(np.uint8)
    return Genome("toy", codes, circular=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_census_equals_all_samples(model, monkeypatch, threads):
    """Every number of the census against the attention of every position, kept whole."""
    length, k = 400, 7
    toy = genome(length)
    output = predict(model, toy, progress=False)
    strand, position = np.repeat(["+", "-"], length), np.tile(np.arange(length), 2)
    everywhere = SampledAttention(model.config, strand, position, length)
    census = AttentionCensus(model.config, best=k, output=output)
    monkeypatch.setattr("genoattn.prediction.predict.SPAN", 90)
    monkeypatch.setitem(TILE_SCORES, "cpu", 2000)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        predict(model, toy, recorders=[everywhere, census], chunk=25, progress=False)
    finally:
        torch.set_num_threads(before)
    every = everywhere.attention.astype(np.float64)
    assert census.count == 2 * length
    np.testing.assert_allclose(census.mean, every.mean(0), atol=1e-3)
    np.testing.assert_allclose(census.maximum, every.max(0), atol=1e-3)
    best = census.best(length)
    np.testing.assert_allclose(
        best.weight, np.sort(every, axis=0)[::-1][:k].transpose(1, 2, 3, 0), atol=1e-3
    )
    for place in np.ndindex(best.weight.shape[:3]):
        row = np.where(best.strand[place] == "+", 0, length) + best.position[place]
        assert len(set(row)) == k
        np.testing.assert_allclose(every[(row, *place)], best.weight[place], atol=1e-3)
    flat = output.ravel()
    for row, y in enumerate((flat, rankdata(flat))):
        for place in [(0, 0, 0), (1, 1, 3), (1, 0, 11)]:
            wanted = np.corrcoef(every[(slice(None), *place)], y)[0, 1]
            assert census.correlation[(row, *place)] == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("size", [1e-30, 1e-3, 0.5])
def test_attention_that_does_not_vary_correlates_with_nothing(size):
    """Nor does what rounding makes of it."""
    config = AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=4, window=3, downstream=5)
    rng = np.random.default_rng(0)
    output = rng.random((2, 3000))
    census = AttentionCensus(config, output=output)
    for start in range(0, 3000, 100):
        weights = torch.full((100, 3), size)
        weights[:, 2] += size * torch.from_numpy(output[0, start : start + 100]).float()
        census.observe(0, 0, 0, start, weights)
    constant, varying = census.correlation[0, 0, 0, 1:], census.correlation[0, 0, 0, 0]
    assert np.isnan(constant).all()
    if size**2 < np.finfo(np.float32).tiny:  # squares that no sum can hold
        assert np.isnan(varying)
    else:
        assert varying == pytest.approx(1.0, abs=1e-3)


def test_census_of_a_part(model):
    toy = genome(200)
    where = np.zeros(200, dtype=bool)
    where[50:80] = True
    census = AttentionCensus(model.config, best=100)
    predict(model, toy, where=where, recorders=[census], progress=False)
    best = census.best(200)
    assert census.count == 60
    assert ((best.weight >= 0).sum(-1) == 60).all()
    assert np.isin(best.position[best.weight >= 0], np.flatnonzero(where)).all()
    with pytest.raises(ValueError, match="without an output"):
        _ = census.correlation


@pytest.mark.parametrize("take", [_tally_on_cpu, tally_on_device])
@pytest.mark.parametrize("sizes", [(1, 3, 8), (5, PARTIAL + 13, 64), (2 * PARTIAL, 1)])
def test_tally_is_what_it_says(take, sizes):
    """By parts of any size, in any order, with many equal weights: on the CPU and elsewhere."""
    window, k = 5, 4
    n = sum(sizes)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 6, (n, window)).astype(np.float32) / 8
    rows = rng.normal(size=(2, n)).astype(np.float32)
    sums, maximum = np.zeros((4, window)), np.zeros(window, dtype=np.float32)
    best = np.full((window, k), -1, dtype=np.float32)
    best_place = np.zeros((window, k), dtype=np.int64)
    ends = np.cumsum(sizes)
    for first, last in reversed(list(zip(ends - sizes, ends, strict=True))):
        part = torch.from_numpy(weights[first:last])
        kept = (sums, maximum, best, best_place)
        take(part, np.ascontiguousarray(rows[:, first:last]), 2 * first + 1, *kept)
    wanted = [weights.sum(0), np.square(weights).sum(0), *(rows @ weights)]
    np.testing.assert_allclose(sums, wanted, atol=1e-4)
    np.testing.assert_array_equal(maximum, weights.max(0))
    for column in range(window):
        order = np.lexsort([np.arange(n), -weights[:, column]])[:k]
        np.testing.assert_array_equal(best[column], weights[order, column])
        np.testing.assert_array_equal(best_place[column], 2 * order + 1)


def test_without_a_place_for_compiled_code_it_is_compiled_anew(monkeypatch):
    asked = []

    def njit(**options):
        asked.append(options.get("cache", False))
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'f': no locator available for file 'x.py'")
        return lambda function: function

    monkeypatch.setattr(census.numba, "njit", njit)
    assert census._compiled(fastmath=True)(len) is len
    assert asked == [True, False]
