"""Figures of what is read: they show every head and factor, and say what is in the frames."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from toy_maps import planted_map

from genoattn.heads.first_layer import read_first_layer
from genoattn.interventions.saturation import letter_effects
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.plots import reading
from genoattn.plots.drawn import Nothing


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_map_names_the_elements_and_the_costliest_position():
    found, _ = planted_map(n=60, share=1.0)
    effects = letter_effects(found, np.arange(60), n_bootstrap=20, level=0.9, seed=0)
    elements = pd.DataFrame(
        {
            "element": ["-10 box", "-35 box", "extended -10"],
            "offset": [-12, -35, -15],
            "consensus": ["TATAAT", "TTGACA", "TGNTATAAT"],
        }
    )
    drawn = reading.mutation_map(effects, elements)
    least = effects.loc[effects["cost"].idxmin()]
    assert f"it is greatest at {least['label']:+d}" in drawn.caption
    assert "Named elements: -35 box, extended -10 and -10 box." in drawn.alt
    texts = {text.get_text(): text.get_position() for text in drawn.figure.axes[0].texts}
    assert set(texts) == set(elements["element"])
    assert texts["-10 box"][1] != texts["extended -10"][1]  # they would overlap
    assert reading.mutation_map(effects).alt.endswith("Named elements: none.")


@pytest.fixture
def logos():
    index = pd.MultiIndex.from_product(
        [[1, 2], [1, 2, 3], np.arange(-60, 21), list("ACGT")],
        names=["layer", "head", "offset", "letter"],
    )
    table = pd.DataFrame({"contribution": 0.0}, index=index)
    table.loc[(2, 3, -12, "T")] = 0.5
    table.loc[(2, 3, -12, "A")] = 0.2
    table.loc[(2, 3, -10, "C")] = -0.1
    return table.reset_index()


def test_every_head_has_a_panel_with_its_name_and_its_layers_scale(logos):
    names = pd.DataFrame({"layer": [2], "head": [3], "name": ["-10 box"]})
    drawn = reading.mediated_grid(logos, names)
    titles = [axes.get_title() for axes in drawn.figure.axes]
    assert titles == ["L1 H1", "L1 H2", "L1 H3", "L2 H1", "L2 H2", "L2 H3\n-10 box"]
    low, high = drawn.figure.axes[3].get_ylim()
    assert (low, high) == pytest.approx((-0.105, 0.735), abs=1e-6)  # of L2 H3, the layer's largest
    assert "strongest in all is L2 H3 with +0.60" in drawn.alt


def test_letters_stand_on_each_other_the_largest_on_top_and_losses_below(logos):
    axes = reading.mediated_grid(logos, logos[:0].assign(name="")).figure.axes[5]
    (letters,) = axes.collections
    boxes = [path.get_extents() for path in letters.get_paths()]
    ends = sorted((round(box.y0, 3), round(box.y1, 3)) for box in boxes)
    assert ends == [(-0.1, 0.0), (0.0, 0.2), (0.2, 0.7)]
    assert all(box.width == pytest.approx(0.92) for box in boxes)


def test_the_first_layers_heads_have_a_row_each():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, conv_width=3)
    drawn = reading.first_layer_words(read_first_layer(Annotator(config).eval()))
    assert len(drawn.figure.axes) == 6
    assert "L1 H2" in drawn.alt


def test_factors_show_what_was_found_and_what_could_have_been():
    table = pd.DataFrame(
        {
            "factor": ["CRP", "Nac"], "n_sites": [50, 20], "effect": [-0.8, 0.1],
            "ci_low": [-1.2, -0.3], "ci_high": [-0.4, 0.5], "q_value": [0.001, 0.6],
            "detectable": [0.5, 0.6],
        }
    )  # fmt: skip
    drawn = reading.factor_forest(table)
    labels = [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]
    assert labels == ["Nac (20)", "CRP (50)"]
    assert "Beyond chance: CRP -0.80 (-1.20 to -0.40)." in drawn.alt
    assert [bar.get_width() for bar in drawn.figure.axes[0].patches] == [1.2, 1.0]


def test_codons_are_drawn_best_first_and_stops_by_frame():
    codons = pd.DataFrame(
        {
            "codon": ["ATG", "GTG", "CTG"],
            "change": [0.0, -1.0, -2.0],
            "ci_low": -3.0,
            "ci_high": 1.0,
        }
    )
    drawn = reading.codon_bars(codons)
    assert [one.get_text() for one in drawn.figure.axes[0].get_xticklabels()] == [*codons["codon"]]
    assert "ATG +0.00, GTG -1.00, CTG -2.00" in drawn.alt
    stops = pd.DataFrame(
        {"offset": [3, 4, 5], "frame": [0, 1, 2], "change": [-0.5, 0.1, 0.2], "ci_low": -1.0,
         "ci_high": 1.0}
    )  # fmt: skip
    drawn = reading.stop_bars(stops)
    bars = drawn.figure.axes[0].patches
    assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == [4, 5, 6], "+4 follows the codon"
    assert "-0.500 in frame" in drawn.alt
    for draw in (reading.codon_bars, reading.stop_bars):
        nothing = draw(pd.DataFrame())
        assert isinstance(nothing, Nothing)
        assert DisplayFormatter().format(nothing) == ({}, {}), "no name on the page"
