"""Mutants that are read from their substitution on give what a reading of everything gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.prediction.mutants import read_site

ATTENTION = AnnotatorConfig(
    layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=5, dropout=0.0
)
NETWORKS = {
    "attention": lambda: Annotator(ATTENTION),
    "a window shorter than what is read again": lambda: Annotator(
        AnnotatorConfig(layers=2, heads=1, d_model=8, d_head=4, window=6, conv_width=3,
                        downstream=9, dropout=0.0)
    ),
    "attention on a stem": lambda: Annotator(
        AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=24, conv_width=3,
                        downstream=12, dropout=0.0, stem=3)
    ),
    "convolutions": lambda: ConvolutionalNetwork(
        ConvolutionalConfig(layers=3, channels=8, conv_width=3, downstream=7, dropout=0.0)
    ),
}  # fmt: skip


def made(kind: str) -> Annotator | ConvolutionalNetwork:
    torch.manual_seed(1)
    network = NETWORKS[kind]().eval()
    for parameter in network.parameters():
        parameter.data.normal_(std=0.5)
    return network


def in_full(network, genome, position, strand):
    """Log-odds of a site, the whole strand read at once."""
    codes = torch.from_numpy(genome.strand(strand).astype(np.int64))[None]
    index = position if strand == "+" else len(genome) - 1 - position
    with torch.no_grad():
        return float(network(codes)[0, index + network.config.downstream])


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("strand", ["+", "-"])
def test_every_mutant_scores_as_its_whole_genome_does(kind, strand):
    network = made(kind)
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8))
    reader = read_site(network, genome, 250, strand, -20)
    assert reader.log_odds == pytest.approx(in_full(network, genome, 250, strand), abs=1e-5)
    moved = []
    for offset in (-20, -11, -1, 0, network.config.downstream):
        index = reader.site + offset
        changed = np.repeat(reader.codes[None, index:], 2, axis=0)
        changed[0, 0] = (changed[0, 0] + 1) % 4
        changed[1, : min(3, changed.shape[1])] = 2  # several nucleotides at once
        for row, score in zip(changed, reader.score(index, changed), strict=True):
            whole = genome.codes.copy()
            for step, letter in enumerate(row):
                at = 250 + (1 if strand == "+" else -1) * (offset + step)
                whole[at] = letter if strand == "+" else 3 - letter
            expected = in_full(network, Genome("mutant", whole), 250, strand)
            assert score == pytest.approx(expected, abs=1e-5)
            moved.append(abs(expected - reader.log_odds))
    assert max(moved) > 1e-3  # so that equality says something


def test_scores_too_large_for_powers_of_two_are_shifted_first():
    network = made("attention")
    for layer in network.layers:
        layer.project.weight.data.mul_(40)
    genome = Genome("toy", np.random.default_rng(3).integers(0, 4, 500).astype(np.uint8))
    reader = read_site(network, genome, 250, "+", -20)
    assert reader.log_odds == pytest.approx(in_full(network, genome, 250, "+"), abs=1e-4)


def test_a_stretch_of_another_length_is_refused():
    network = made("convolutions")
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8))
    reader = read_site(network, genome, 250, "+", -20)
    with pytest.raises(ValueError, match="do not end where the reading does"):
        reader.score(reader.site, reader.codes[None, reader.site : -1])


def test_a_network_in_training_is_refused():
    genome = Genome("toy", np.zeros(500, np.uint8))
    with pytest.raises(ValueError, match=r"call network\.eval\(\) first"):
        read_site(made("attention").train(), genome, 250, "+", -20)
