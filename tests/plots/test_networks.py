"""Figures of several networks: what stands where, and that no interval is lost."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.plots import networks as draw
from genoattn.plots.drawn import Nothing


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_elements_come_in_the_order_of_the_first_network_and_each_point_has_its_interval():
    effects = pd.DataFrame(
        {"element": ["start", "box"] * 2, "model": ["m", "m", "other", "other"],
         "effect": [1.0, 4.0, 0.5, 2.0], "ci_low": [0.5, 3.0, 0.1, 1.0],
         "ci_high": [1.5, 5.0, 0.9, 3.0], "used": [True, True, False, True]}
    )  # fmt: skip
    drawn = draw.element_effects(effects)
    axes = drawn.figure.axes[0]
    assert [one.get_text() for one in axes.get_yticklabels()] == ["box", "start"]
    segments = [one.get_segments()[0][:, 0].tolist() for one in axes.collections]
    assert segments == [[3.0, 5.0], [0.5, 1.5], [1.0, 3.0], [0.1, 0.9]]
    assert [one.get_text() for one in axes.get_legend().get_texts()] == ["m", "other"]
    assert "m 2 and other 1" in drawn.alt


def agreeing():
    return pd.DataFrame(
        {"model": ["a", "b"], "same": [0.8, 0.1], "same_low": [0.7, 0.0], "same_high": [0.9, 0.2],
         "other": [0.4, 0.1], "other_low": [0.3, 0.0], "other_high": [0.5, 0.2]}
    )  # fmt: skip


def test_the_same_site_and_other_sites_stand_in_one_row():
    drawn = draw.map_agreement(agreeing(), "m")
    axes = drawn.figure.axes[0]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in "os"]
    assert points == [0.8, 0.4, 0.1, 0.1]
    assert "a 0.80 and 0.40 and b 0.10 and 0.10" in drawn.alt
    assert "mutation map of m" in axes.get_xlabel()


def test_the_ways_past_the_heads_have_a_panel_for_each_network():
    numbers = {"effect": 2.0, "through_low": 0.2, "through_high": 0.4, "past_low": 0.5,
               "past_high": 0.7}  # fmt: skip
    paths = pd.DataFrame(
        [
            {"model": model, "element": element, "through": through, "past": past, **numbers}
            for model, element, through, past in (
                ("m", "box", 1.0, 0.0), ("m", "start", np.nan, np.nan),
                ("stem", "box", 0.3, 0.6), ("stem", "start", 0.2, 0.9),
            )
        ]
    )  # fmt: skip
    drawn = draw.ways_past_heads(paths)
    assert [axes.get_title() for axes in drawn.figure.axes] == ["m", "stem"]
    assert [len(axes.collections) for axes in drawn.figure.axes] == [2, 4]
    assert "stem most past the heads for start (90%)" in drawn.alt
    assert isinstance(draw.ways_past_heads(None), Nothing)


def test_what_goes_past_the_heads_stands_above_them_on_the_same_scale():
    rows = [
        {
            "layer": layer,
            "head": head,
            "offset": offset,
            "letter": letter,
            "contribution": 0.1 * head,
        }
        for layer, head in ((0, 0), (1, 1), (1, 2))
        for offset in (-80, -12, -11)
        for letter in "ACGT"
    ]
    names = pd.DataFrame({"layer": [1], "head": [2], "name": ["-10 box"]})
    drawn = draw.stem_logos(pd.DataFrame(rows), names)
    titles = [axes.get_title(loc="left") for axes in drawn.figure.axes]
    assert titles == ["past the heads", "L1 H1", "L1 H2: -10 box"]
    assert len({axes.get_ylim() for axes in drawn.figure.axes}) == 1
    assert "L1 H2 +1.60" in drawn.alt  # -80 is not shown
    assert isinstance(draw.stem_logos(None, None), Nothing)
