"""Figures of translation starts show what their tables hold."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.data import coordinates
from genoattn.genome.sequence import Genome, encode
from genoattn.plots import gene_starts as draw


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_start_codons_are_found_at_the_offset_that_is_right():
    text = "CCCATGCCCCCCCCCGTGCCCCCAACCC"  # GTT... no codon on the minus strand but CAA at 23: TTG
    genome = Genome("toy", encode(text))
    sites = pd.DataFrame({"position": [2, 14, 24], "strand": ["+", "+", "-"]})
    table = coordinates.start_codon_audit(sites, genome, range(-1, 3))
    share = table.set_index(["strand", "offset"])["start_codon"]
    assert share["+"].tolist() == [0, 0, 1, 0]
    assert share["-"].tolist() == [0, 1, 0, 0]
    axes = draw.start_codons(table).figure.axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0, 0, 100, 0], [0, 100, 0, 0]]


def test_a_logo_has_a_letter_stack_for_every_offset():
    counts = np.array([[10, 0, 0, 0], [0, 5, 5, 0]])
    drawn = draw.start_logo(counts, -1)
    whole, close = drawn.figure.axes
    assert whole.get_ylim()[1] == 2
    assert [tick.get_text() for tick in close.get_xticklabels()] == ["-1", "+1"]
    assert "most informative position is -1" in drawn.alt
