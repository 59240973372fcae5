"""One pass without seams: chunks against a whole, attention against the equation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.attention import dense_weights, sinusoids
from genoattn.census import AttentionCensus
from genoattn.genome import UNKNOWN, Genome
from genoattn.labels import reading_order
from genoattn.prediction import SampledAttention, _codes, mean_log_odds, predict


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
        last_certain = 100 - model.config.downstream - model.config.reach_downstream
        ours = reading_order(track)[row, :last_certain]
        np.testing.assert_allclose(
            ours, whole[model.config.downstream : model.config.downstream + last_certain], atol=4e-6
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
    code = sinusoids(model.config.window, model.config.d_model)
    r = layer.distance(code).view(model.config.window, model.config.heads, -1).transpose(0, 1)
    return dense_weights(query, key, r, model.content_bias, model.position_bias)[0]


def test_recorded_attention_is_that_of_the_query(model):
    toy = genome(100, circular=False)
    strand, position = ["+", "-", "-", "+"], [30, 60, 20, 90]
    samples = SampledAttention(model.config, strand, position, 100)
    moments = AttentionCensus(model.config)
    predict(model, toy, recorders=[samples, moments], chunk=13, progress=False)
    with torch.inference_mode():
        by_strand = {s: first_layer_attention(model, toy.strand(s)).numpy() for s in "+-"}
    for sample, (s, p) in enumerate(zip(strand, position, strict=True)):
        query = (p if s == "+" else 99 - p) + model.config.downstream
        for d in range(model.config.window):
            np.testing.assert_allclose(
                samples.attention[sample, 0, :, d], by_strand[s][:, query, query - d], atol=1e-3
            )
    assert moments.count == 200
    assert moments.mean.shape == (2, 2, 12)
    np.testing.assert_allclose(moments.mean.sum(-1), 1, atol=1e-5)


def test_training_mode_is_restored(model):
    model.train()
    predict(model, genome(20, circular=True), progress=False)
    assert model.training
    model.eval()


def test_an_ensemble_has_the_mean_log_odds_of_its_members():
    a, b = np.array([0.2, 0.9, 0.0, np.nan]), np.array([0.2, 0.1, 0.5, np.nan])
    both = mean_log_odds([a, b])
    assert both[:2] == pytest.approx([0.2, 0.5])
    assert 0 < both[2] < 1e-10
    assert np.isnan(both[3])
