"""One pass without seams: chunks against a whole, attention against the equation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from genoattn.attention import TILE_SCORES, dense_weights, sinusoids
from genoattn.genome import UNKNOWN, Genome
from genoattn.labels import reading_order
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.prediction import AttentionCensus, SampledAttention, _codes, predict

CONFIG = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=5)


@pytest.fixture(scope="module", params=[0, 3], ids=["attention", "stem"])
def model(request):
    torch.manual_seed(0)
    model = Annotator(replace(CONFIG, stem=request.param))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)  # so that outputs differ clearly from place to place
    return model.eval()


def genome(length, circular, seed=0):
    codes = np.random.default_rng(seed).integers(0, 5, length).astype(np.uint8)
    return Genome("toy", codes, circular=circular)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(1, 150), chunk=st.integers(1, 200), circular=st.booleans())
def test_cuts_do_not_show(model, length, chunk, circular):
    toy = genome(length, circular)
    whole = predict(model, toy, chunk=10_000, progress=False)
    pieces = predict(model, toy, chunk=chunk, progress=False)
    np.testing.assert_allclose(pieces, whole, atol=4e-6)


@pytest.mark.parametrize("circular", [True, False])
def test_spans_and_workers_do_not_show(model, monkeypatch, tmp_path, circular):
    toy = genome(301, circular)
    where = np.ones(301, dtype=bool)
    where[100:110] = False
    alone = predict(model, toy, where=where, progress=False)
    monkeypatch.setattr("genoattn.prediction.SPAN", 37)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together = predict(model, toy, where=where, progress=False)
        file = tmp_path / "track.npy"
        on_disk = predict(model, toy, where=where, out=file, progress=False)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(together, alone, atol=4e-6)
    np.testing.assert_array_equal(np.load(file), together)
    np.testing.assert_array_equal(on_disk, together)


def test_a_failing_pass_leaves_no_file(model, tmp_path):
    class Breaks:
        def observe(self, layer, head, strand, start, weights):
            raise RuntimeError("recorder broke")

    with pytest.raises(RuntimeError, match="recorder broke"):
        predict(
            model, genome(90, True), recorders=[Breaks()], out=tmp_path / "x.npy", progress=False
        )
    assert list(tmp_path.iterdir()) == []


@given(first=st.integers(-40, 80), size=st.integers(0, 60), strand=st.sampled_from([0, 1]))
def test_codes_round_the_circle_and_beyond_the_end(first, size, strand):
    circle, line = genome(50, True), genome(50, False)
    whole = line.strand("+-"[strand])
    for place, (ours, theirs) in enumerate(
        zip(
            _codes(circle, strand, first, first + size),
            _codes(line, strand, first, first + size),
            strict=True,
        ),
        start=first,
    ):
        assert ours == whole[place % 50]
        assert theirs == (whole[place] if 0 <= place < 50 else UNKNOWN)


def test_linear_strand_in_one_piece(model):
    """The output at a site is the model's at the query downstream of it, on each strand."""
    toy = genome(100, circular=False)
    track = predict(model, toy, chunk=17, progress=False)
    for row, strand in enumerate("+-"):
        with torch.inference_mode():
            codes = torch.from_numpy(toy.strand(strand).astype(np.int64))[None]
            whole = model(codes)[0].sigmoid().numpy()
        last_certain = 100 - CONFIG.downstream - CONFIG.reach_downstream
        ours = reading_order(track)[row, :last_certain]
        np.testing.assert_allclose(
            ours, whole[CONFIG.downstream : CONFIG.downstream + last_certain], atol=4e-6
        )


def test_circular_genome_has_no_origin(model):
    toy = genome(120, circular=True)
    turned = Genome("turned", np.roll(toy.codes, 37), circular=True)
    track = predict(model, toy, progress=False)
    np.testing.assert_allclose(
        np.roll(track, 37, axis=1), predict(model, turned, progress=False), atol=4e-6
    )
    linear = Genome("linear", toy.codes, circular=False)
    assert np.abs(track - predict(model, linear, progress=False))[0, :3].max() > 1e-3


def test_reverse_complement_swaps_the_strands(model):
    toy = genome(80, circular=True)
    other = Genome("other", toy.strand("-"), circular=True)
    np.testing.assert_allclose(
        predict(model, toy, progress=False),
        predict(model, other, progress=False)[::-1, ::-1],
        atol=1e-6,
    )


def test_only_what_was_asked(model):
    toy = genome(90, circular=True)
    where = np.zeros(90, dtype=bool)
    where[[0, 1, 40, 41, 42, 89]] = True
    part = predict(model, toy, where=where, progress=False)
    assert np.isnan(part[:, ~where]).all()
    np.testing.assert_allclose(
        part[:, where], predict(model, toy, progress=False)[:, where], atol=1e-6
    )
    with pytest.raises(ValueError, match=r"where has shape \(5,\); the genome toy has 90 nt"):
        predict(model, toy, where=where[:5], progress=False)


def first_layer_attention(model, codes):
    """Weights of the first layer by the equation: (heads, length, length)."""
    layer = model.layers[0]
    h = model.stem(model.embedding(torch.from_numpy(codes.astype(np.int64))[None]))
    query, key, _ = layer.queries_keys_values(h)
    code = sinusoids(CONFIG.window, CONFIG.d_model)
    r = layer.distance(code).view(CONFIG.window, CONFIG.heads, -1).transpose(0, 1)
    return dense_weights(query, key, r, model.content_bias, model.position_bias)[0]


def test_recorded_attention_is_that_of_the_query(model):
    toy = genome(100, circular=False)
    strand, position = ["+", "-", "-", "+"], [30, 60, 20, 90]
    samples = SampledAttention(CONFIG, strand, position, 100)
    moments = AttentionCensus(CONFIG)
    predict(model, toy, recorders=[samples, moments], chunk=13, progress=False)
    with torch.inference_mode():
        by_strand = {s: first_layer_attention(model, toy.strand(s)).numpy() for s in "+-"}
    for sample, (s, p) in enumerate(zip(strand, position, strict=True)):
        query = (p if s == "+" else 99 - p) + CONFIG.downstream
        for d in range(CONFIG.window):
            np.testing.assert_allclose(
                samples.attention[sample, 0, :, d], by_strand[s][:, query, query - d], atol=1e-3
            )
    assert moments.count == 200
    assert moments.mean.shape == (2, 2, 12)
    np.testing.assert_allclose(moments.mean.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_census_equals_all_samples(model, monkeypatch, threads):
    """Every number of the census against the attention of every position, kept whole."""
    length, k = 400, 7
    toy = genome(length, circular=True)
    output = predict(model, toy, progress=False)
    strand, position = np.repeat(["+", "-"], length), np.tile(np.arange(length), 2)
    everywhere = SampledAttention(CONFIG, strand, position, length)
    census = AttentionCensus(CONFIG, best=k, output=output)
    monkeypatch.setattr("genoattn.prediction.SPAN", 90)
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
    config = replace(CONFIG, layers=1, heads=1, window=3)
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
    toy = genome(200, circular=True)
    where = np.zeros(200, dtype=bool)
    where[50:80] = True
    census = AttentionCensus(CONFIG, best=100)
    predict(model, toy, where=where, recorders=[census], progress=False)
    best = census.best(200)
    assert census.count == 60
    assert ((best.weight >= 0).sum(-1) == 60).all()
    assert np.isin(best.position[best.weight >= 0], np.flatnonzero(where)).all()
    with pytest.raises(ValueError, match="without an output"):
        _ = census.correlation


def test_training_mode_is_restored(model):
    model.train()
    predict(model, genome(20, circular=True), progress=False)
    assert model.training
    model.eval()
