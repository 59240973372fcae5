"""One pass without seams: chunks against a whole, attention against the equation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.genome.sequence import UNKNOWN, Genome
from genoattn.genome.sites import reading_order
from genoattn.prediction.predict import predict, strand_codes


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
    monkeypatch.setattr("genoattn.prediction.predict.SPAN", 37)
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
            strand_codes(circle, strand, first, first + size),
            strand_codes(line, strand, first, first + size),
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


def test_training_mode_is_restored(model):
    model.train()
    predict(model, genome(20, circular=True), progress=False)
    assert model.training
    model.eval()
