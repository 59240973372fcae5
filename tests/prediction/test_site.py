"""Rereading against the model itself, which reads everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from toy import lively

from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction.site import Rereading, letters, site_log_odds, site_windows

SHAPES = (
    AnnotatorConfig(
        layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=7, downstream=5, dropout=0.2
    ),
    AnnotatorConfig(
        layers=2, heads=3, d_model=8, d_head=4, window=90, conv_width=5, downstream=0, dropout=0.0
    ),
    AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=1, conv_width=1, downstream=2),
    AnnotatorConfig(
        layers=2, heads=2, d_model=8, d_head=4, window=9, conv_width=3, downstream=30, stem=4
    ),
)


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 700).astype(np.uint8))


@pytest.mark.parametrize("config", SHAPES)
@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_changed_end_scores_as_if_everything_were_read(genome, config, strand):
    model = lively(config)
    reading = Rereading(model, genome, 400, strand, first=-30)
    with torch.no_grad():
        assert reading.log_odds == pytest.approx(
            float(model(reading.codes[None])[0, reading.query]), abs=1e-5
        )
        for offset in (-30, -4, 0):
            changed = reading.site + offset
            start = reading.start_of(changed)
            mutants = reading.codes[None].repeat(4, 1)
            mutants[:, changed:] = torch.randint(0, 5, mutants[:, changed:].shape)
            whole = model(mutants)[:, reading.query]
            again = reading.of_codes(mutants[:, start:], start)
            mixed = reading.of_letters(letters(mutants[:, start:]), start)
            torch.testing.assert_close(again, whole, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(mixed, whole, atol=1e-5, rtol=1e-5)


def test_its_context_is_all_that_the_output_depends_on(genome):
    config = SHAPES[0]
    model = lively(config)
    reading = Rereading(model, genome, 400, "+", first=-5)
    c = config
    codes = torch.from_numpy(genome.codes.astype(np.int64))[None]
    with torch.no_grad():
        everything = float(model(codes)[0, 400 + c.downstream])
    assert reading.log_odds == pytest.approx(everything, abs=1e-5)


def test_gradients_are_those_of_the_whole_model(genome):
    model = lively(SHAPES[0])
    reading = Rereading(model, genome, 400, "+", first=-10)
    start = reading.start_of(reading.site - 10)
    mixed = letters(reading.codes[None, start:]).requires_grad_()
    (gradient,) = torch.autograd.grad(reading.of_letters(mixed, start).sum(), mixed)

    def embed(_module, given, output):
        relaxed = (letters(given[0]) + whole) @ model.embedding.weight
        return relaxed * model.config.d_model**0.5

    whole = torch.zeros(1, len(reading.codes), 4, requires_grad=True)
    handle = model.embedding.register_forward_hook(embed)
    out = model(reading.codes[None])[0, reading.query]
    handle.remove()
    (expected,) = torch.autograd.grad(out, whole)
    inside = slice(reading.site - 10, None)  # what lies before may not change
    torch.testing.assert_close(
        gradient[:, inside.start - start :], expected[:, inside], atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("config", SHAPES)
def test_attention_is_that_of_the_models_own_observer(genome, config):
    model = lively(config)
    reading = Rereading(model, genome, 400, "-", first=-10)
    seen = np.full_like(reading.attention, np.nan)

    def observe(layer, row, start, weights):
        if start <= reading.query < start + len(weights):
            seen[layer, row] = weights[reading.query - start].flip(0).numpy()

    with torch.no_grad():
        model(reading.codes[None], observe)
    np.testing.assert_allclose(reading.attention, seen, atol=1e-5)


def test_a_model_in_training_mode_is_refused(genome):
    with pytest.raises(ValueError, match="eval"):
        Rereading(lively(SHAPES[0]).train(), genome, 400, "+", first=-10)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=3)
    return Annotator(config).eval()


def test_the_output_at_a_site_is_that_of_the_whole_genome(model):
    codes = np.random.default_rng(0).integers(4, size=60_000).astype(np.uint8)
    genome = Genome("toy", codes, circular=True)
    some = pd.DataFrame({"position": [500, 40_000, 3], "strand": ["+", "-", "+"]})
    codes = site_windows(genome, some, model.config)
    from genoattn.prediction.predict import predict

    where = np.isin(np.arange(len(genome)), some["position"])
    track = predict(model, genome, where=where, progress=False)
    expected = track[(some["strand"] == "-").astype(int), some["position"]]
    given = 1 / (1 + np.exp(-site_log_odds(model, codes, batch=2)))
    assert np.allclose(given, expected, rtol=1e-4)
