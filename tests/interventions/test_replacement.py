"""Stretches replaced by random letters: a network whose answer is known, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.interventions import replacement
from genoattn.interventions.noise import Noised
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork

EVEN = np.full(4, 0.25)


def test_replacing_a_stretch_of_a_network_of_attention_changes_what_its_genome_does():
    torch.manual_seed(0)
    network = Annotator(
        AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=4, window=16, conv_width=3,
                        downstream=4, dropout=0.0)
    ).eval()  # fmt: skip
    for parameter in network.parameters():
        parameter.data.normal_(std=0.7)
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 300).astype(np.uint8))
    stretches = pd.DataFrame({"position": [150, 150], "strand": ["+", "+"], "first": [-6, -3],
                              "last": [-4, -3]})  # fmt: skip
    certain = np.array([1.0, 0, 0, 0])  # every draw is A, so the mean is one mutant's
    found = replacement.replace(
        network, genome, stretches, n_draws=3, composition=certain, seed=0, progress=False
    )
    with torch.no_grad():
        before = float(network(torch.from_numpy(genome.codes.astype(np.int64))[None])[0, 154])
        for row, part in ((0, slice(144, 147)), (1, slice(147, 148))):
            changed = genome.codes.astype(np.int64)
            changed[part] = 0
            after = float(network(torch.from_numpy(changed)[None])[0, 154])
            assert found["change"][row] == pytest.approx(after - before, abs=1e-5)
    assert found["log_odds"].tolist() == pytest.approx([before] * 2, abs=1e-5)
    np.testing.assert_allclose(found["spread"], 0, atol=1e-6)


@pytest.mark.parametrize("attention", [True, False])
def test_what_given_letters_cost_is_what_writing_them_into_the_genome_does(attention):
    torch.manual_seed(0)
    network = (
        Annotator(AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=4, window=16, conv_width=3,
                                  downstream=4, dropout=0.0, stem=1))
        if attention
        else ConvolutionalNetwork(
            ConvolutionalConfig(layers=3, channels=4, conv_width=3, downstream=4, dropout=0.0)
        )
    ).eval()  # fmt: skip
    for parameter in network.parameters():
        parameter.data.normal_(std=0.7)
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 300).astype(np.uint8))
    sites = pd.DataFrame({"position": [150, 160], "strand": ["+", "-"]})
    letters = np.random.default_rng(1).integers(0, 4, (2, 3, 4))
    found = replacement.lost_by_noise(
        network, genome, sites, Noised(np.array([-6, -3]), letters), progress=False
    )
    for row, (at, first, strand) in enumerate([(150, -6, "+"), (299 - 160, -3, "-")]):
        whole = np.repeat(genome.strand(strand).astype(np.int64)[None], 4, 0)
        whole[1:, at + first : at + first + 4] = letters[row]
        with torch.no_grad():
            output = network(torch.from_numpy(whole))[:, at + 4].numpy()
        assert found[row] == pytest.approx(output[0] - output[1:].mean(), abs=1e-5)


def test_shuffling_keeps_the_composition_and_random_letters_follow_the_genomes():
    rng = np.random.default_rng(0)
    word = np.array([0, 0, 1, 2, 3, 3, 3])
    shuffled = replacement.replacements(word, 50, "shuffled", EVEN, rng)
    assert (np.sort(shuffled, axis=1) == np.sort(word)).all()
    assert len(np.unique(shuffled, axis=0)) > 10
    random = replacement.replacements(word, 2_000, "random", np.array([0.5, 0.5, 0, 0]), rng)
    assert np.bincount(random.ravel(), minlength=4)[2:].sum() == 0
    assert np.mean(random == 0) == pytest.approx(0.5, abs=0.02)


def test_each_stretch_draws_from_its_own_stream():
    torch.manual_seed(0)
    network = ConvolutionalNetwork(
        ConvolutionalConfig(layers=2, channels=4, conv_width=3, downstream=2, dropout=0.0)
    ).eval()
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 300).astype(np.uint8))
    stretches = pd.DataFrame({"position": [90, 150], "strand": ["+", "-"], "first": [-4, -4],
                              "last": [-1, -1]})  # fmt: skip
    settings = {"n_draws": 4, "composition": EVEN, "seed": 3, "progress": False}
    both = replacement.replace(network, genome, stretches, **settings)
    alone = replacement.replace(network, genome, stretches[1:], **settings)
    assert both["change"][1] == alone["change"][0]
    assert both["change"][1] != 0


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (-3, -5, r"stretch -3\.\.-5 of site 11\+ is empty or outside the window"),
        (-3, 3, r"outside the window -12\.\.2 that the network reads"),
        (-13, -5, r"outside the window"),
        (-11, -5, r"site 11\+ is too near the end of toy"),
    ],
)
def test_stretches_that_cannot_be_are_refused_by_name(first, last, message):
    network = ConvolutionalNetwork(
        ConvolutionalConfig(layers=3, channels=4, conv_width=3, downstream=2, dropout=0.0)
    ).eval()
    genome = Genome("toy", np.zeros(300, np.uint8), circular=False)
    stretch = pd.DataFrame({"position": [10], "strand": "+", "first": first, "last": last})
    with pytest.raises(ValueError, match=message):
        replacement.replace(
            network, genome, stretch, n_draws=2, composition=EVEN, seed=0, progress=False
        )
