"""Figures of the atlas show every head, every seed and every genome, once."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.heads import atlas, preferred, profiles
from genoattn.plots import atlas as draw


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def shown():
    """Cards of two layers of two heads."""
    rng = np.random.default_rng(0)
    mean = rng.random((2, 2, 16))
    counts = np.zeros((2, 2, 16, 7, 4), dtype=np.uint8)
    counts[..., 3] = 8  # TTTTTTT everywhere
    frame = profiles.profile_frame(5, mean=mean, maximum=mean, highest=mean, lowest=mean)
    table = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "peak_offset": 0,
            "selectivity": 0.5,
            "consensus": "TATAAT",
            "best_motif": ["", "", "-10", ""],
            "q_value": [np.nan, np.nan, 0.01, np.nan],
            "role": ["", "", "-10 box", ""],
        }
    )
    ablation = table[["layer_1based", "head_1based"]].assign(
        delta_pr_auc=-0.125, ci_low=-0.2, ci_high=-0.05
    )
    joined = atlas.join(table, ablation=ablation)
    swept = preferred.Sweep(mean, counts, 8, 5)
    says = [f"sentence {number}" for number in range(4)]
    return draw.cards(joined, frame, swept, np.full(4, 0.25), says, (-10, 6))


def test_every_head_has_a_card(shown):
    assert list(shown.figures) == [1, 2]
    figure = shown.figures[2].figure
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["L2 H1", "L2 H2"]
    texts = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "role: -10 box" in texts and "PR AUC -0.125 [-0.200, -0.050]" in texts
    assert "-10, q = 0.01" in texts and "known motif: not compared" in texts
    assert "one seed only" in texts
    assert "H1 +1 and H2 +1" in shown.figures[2].alt


def test_cards_show_heading_figure_and_sentences_of_one_layer_after_the_other(shown, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "IPython.display.display", lambda what: seen.append(getattr(what, "data", what))
    )
    shown._ipython_display_()
    assert seen[:3] == [
        "### Layer 1",
        shown.figures[1],
        "- **L1 H1** sentence 0\n- **L1 H2** sentence 1",
    ]
    assert seen[3:5] == ["### Layer 2", shown.figures[2]] and len(seen) == 6


def test_heads_that_come_back_are_filled():
    matches = pd.DataFrame(
        {
            "seed": ["a", "a", "b", "b"],
            "other_seed": ["b", "b", "a", "a"],
            "layer_1based": 1,
            "head_1based": [1, 2, 1, 2],
            "similarity": [0.9, 0.2, 0.9, 0.2],
            "chance": 0.5,
            "comes_back": [True, False, True, False],
        }
    )
    drawn = draw.seeds(matches, "a")
    filled, open_, chance = drawn.figure.axes[0].lines
    assert filled.get_ydata().tolist() == [0.9] and open_.get_ydata().tolist() == [0.2]
    assert chance.get_ydata() == [0.5, 0.5]
    assert "1 of 2 in b" in drawn.caption
    assert draw.seeds(None, "a") is None


def test_an_element_is_recovered_missed_or_not_used():
    table = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1],
            "element": ["-10", "-35", "-10"],
            "recovered": [True, False, False],
            "used": [True, False, True],
        }
    )
    drawn = draw.recovery(table)
    recovered, missed, unused = drawn.figure.axes[0].lines
    places = [(line.get_xdata(), line.get_ydata()) for line in (recovered, missed, unused)]
    assert [(list(x), list(y)) for x, y in places] == [([0], [0]), ([1], [0]), ([0], [1])]
    assert "-10 1 of 2 and -35 0 of 1" in drawn.alt
    assert draw.recovery(None) is None
