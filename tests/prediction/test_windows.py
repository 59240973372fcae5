from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from toy import toy

from genoattn.genome.sequence import Genome
from genoattn.model import scanner
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.prediction.predict import predict
from genoattn.prediction.windows import output_in_windows

SITES = pd.DataFrame({"position": [900, 1500, 3000], "strand": ["+", "-", "-"]})


def around(genome):
    return partial(genome.around, SITES["position"].to_numpy(), SITES["strand"].to_numpy())


def expected(track, reach):
    rows = []
    for position, strand in SITES.itertuples(index=False):
        part = track[int(strand == "-"), position - reach : position + reach + 1]
        rows.append(part if strand == "+" else part[::-1])
    return np.stack(rows)


def convolutional():
    torch.manual_seed(1)
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=8, downstream=7))
    return network.eval()


@pytest.mark.parametrize("kind", ["annotator", "convolutional"])
def test_windows_that_hold_all_that_counts_give_the_output_along_the_genome(model, kind):
    genome, _ = toy()
    network = model if kind == "annotator" else convolutional()
    track = predict(network, genome, progress=False)
    found = output_in_windows(network, around(genome), 12, network.config.reach_upstream)
    np.testing.assert_allclose(found, expected(track, 12), rtol=2e-4)


def test_the_scanner_reads_windows_as_the_genome():
    genome, sites = toy()
    fitted = scanner.fit(genome, sites, np.ones(len(genome), dtype=bool))
    track = scanner.scan(fitted, genome)
    np.testing.assert_allclose(
        output_in_windows(fitted, around(genome), 20), expected(track, 20), rtol=1e-5
    )


def test_many_windows_are_read_in_batches(monkeypatch):
    genome, _ = toy()
    network = convolutional()
    whole = output_in_windows(network, around(genome), 5)
    monkeypatch.setattr("genoattn.prediction.windows._POSITIONS", 1)
    np.testing.assert_allclose(output_in_windows(network, around(genome), 5), whole, rtol=1e-5)


def test_what_lies_beyond_a_linear_genome_is_unknown():
    genome, _ = toy()
    short = Genome("short", genome.codes[880:1600], circular=False)
    network = convolutional()
    here = partial(short.around, np.array([20]), np.array(["+"]))
    assert output_in_windows(network, here, 3).shape == (1, 7)
