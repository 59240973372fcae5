from __future__ import annotations

import numpy as np
import pytest
import torch
import toy_contigs
from toy_contigs import CONFIG

from genoattn import annotate
from genoattn.genome.sequence import Genome
from genoattn.model.attention import dense_weights, sinusoids
from genoattn.prediction import recorders
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention

model_of_annotate = pytest.fixture(scope="module")(toy_contigs.model)
contigs = pytest.fixture(scope="module")(toy_contigs.contigs)


class KeepAll:
    """Keeps all weights of one head by strand and position."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], np.ndarray] = {}

    def observe(self, layer, head, strand, start, weights) -> None:
        if (layer, head) == (1, 0):
            for i, row in enumerate(weights.numpy().copy()):
                self.rows[strand, start + i] = row


@pytest.mark.parametrize("which", [0, 1, 2])
def test_received_attention_is_the_sum_over_all_queries(model_of_annotate, contigs, which):
    one = contigs[which]
    kept = KeepAll()
    received = recorders.ReceivedAttention(CONFIG, one, [(1, 0), (0, 1)])
    watching = {one.name: [kept, received]}
    annotate.annotate(model_of_annotate, [one], recorders=watching, chunk=37, progress=False)
    wanted = np.zeros((2, len(one)))
    for (strand, place), row in kept.rows.items():
        for column, weight in enumerate(row):
            at = place + CONFIG.downstream - (CONFIG.window - 1) + column
            if one.circular or 0 <= at < len(one):
                at %= len(one)
                wanted[strand, at if strand == 0 else len(one) - 1 - at] += weight
    assert len(kept.rows) == 2 * len(one)
    np.testing.assert_allclose(received.tracks[1, 0], wanted, atol=1e-5)
    if one.circular:
        assert received.tracks[0, 1].mean() == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="no head 3 in layer 1"):
        recorders.ReceivedAttention(CONFIG, one, [(0, 2)])


def test_names_of_heads():
    assert recorders.head_numbers(["1.2", "2.1"], CONFIG) == [(0, 1), (1, 0)]
    for name, message in (("12", "as 1.2"), ("1.x", "as 1.2"), ("3.1", "no head 1 in layer 3")):
        with pytest.raises(ValueError, match=message):
            recorders.head_numbers(["1.1", name], CONFIG)


def genome(length, circular, seed=0):
    codes = np.random.default_rng(seed).integers(0, 5, length).astype(np.uint8)
    return Genome("toy", codes, circular=circular)


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
