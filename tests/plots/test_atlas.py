"""Figures of the atlas show every head, every seed and every genome, once."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.heads import atlas, profiles
from genoattn.plots import atlas as draw


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def shown():
    """Cards of two layers of two heads."""
    mean = np.random.default_rng(0).random((2, 2, 16))
    frame = profiles.profile_frame(5, mean=mean, maximum=mean, highest=mean, lowest=mean)
    table = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "peak_offset": 0,
            "selectivity": 0.5,
            "consensus": "TATAAT",
        }
    )
    pair = table[["layer_1based", "head_1based"]]
    ablation = pair.assign(delta_pr_auc=-0.125, ci_low=-0.2, ci_high=-0.05)
    carriers = pd.DataFrame(
        {"layer": [2], "head": [1], "element": ["-10 box"], "share": [0.4], "ci_low": [0.3],
         "ci_high": [0.5]}
    )  # fmt: skip
    logos = pd.DataFrame(
        [(layer, head, offset, letter, float(head * (letter == "T")) / layer)
         for layer in (1, 2) for head in (1, 2) for offset in range(-10, 6) for letter in "ACGT"],
        columns=["layer", "head", "offset", "letter", "contribution"],
    )  # fmt: skip
    names = pd.DataFrame({"layer": [2], "head": [1], "name": ["-10 box"]})
    joined = atlas.join(table, ablation=ablation, carriers=carriers, logos=logos, logo_names=names)
    says = [f"sentence {number}" for number in range(4)]
    return draw.cards(joined, frame, logos, says, (-10, 6))


def test_every_head_has_a_card(shown):
    assert list(shown.figures) == [1, 2]
    figure = shown.figures[2].figure
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["L2 H1", "L2 H2"]
    texts = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "carries -10 box: 40% (30% to 50%)" in texts and "carries none of the elements" in texts
    assert "letters: -10 box" in texts and "letters: no name" in texts
    assert "PR AUC -0.125 [-0.200, -0.050]" in texts
    assert "such a head in other seeds: not known" in texts
    assert "Elements carried: H1 -10 box." in shown.figures[2].alt


def test_the_letters_of_a_layer_have_one_scale(shown):
    logos = [axes for axes in shown.figures[1].figure.axes if axes.get_ylabel() == "log-odds"]
    assert len(logos) == 2
    assert logos[0].get_ylim() == logos[1].get_ylim() == pytest.approx((0, 2.1), abs=1e-6)


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


def test_an_element_is_recovered_missed_or_not_used():
    table = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1],
            "element": ["-10", "-35", "-10"],
            "recovered": [True, False, False],
            "used": [True, False, True],
            "chance": [0.03, 0.0, 0.0],
            "foreign": False,
        }
    )
    drawn = draw.recovery(table)
    recovered, missed, unused = drawn.figure.axes[0].lines
    places = [(line.get_xdata(), line.get_ydata()) for line in (recovered, missed, unused)]
    assert [(list(x), list(y)) for x, y in places] == [([0], [0]), ([1], [0]), ([0], [1])]
    assert "-10 1 of 2 and -35 0 of 1" in drawn.alt
    assert "1.0% would have been recovered" in drawn.caption
    assert "asterisk" not in drawn.caption
    other = draw.recovery(table.assign(foreign=table["genome_seed"] == table["genome_seed"].max()))
    ticks = [label.get_text() for label in other.figure.axes[0].get_xticklabels()]
    assert [one.endswith("*") for one in ticks] == [False, True]
    assert "An asterisk marks a genome of another grammar" in other.caption
    assert draw.recovery(None) is None
