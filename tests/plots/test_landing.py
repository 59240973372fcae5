from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from genoattn.plots import landing


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_number_without_an_interval_is_a_diamond_and_has_no_line():
    rows = pd.DataFrame(
        [("ours", 0.3, 0.2, 0.4), ("theirs", 0.1, np.nan, np.nan)],
        columns=["name", "value", "low", "high"],
    )
    drawn = landing.forest(rows, "score", "two models")
    (axes,) = drawn.figure.axes
    (lines,) = axes.collections
    assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[0.2, 0.4]]
    dots, diamonds = axes.lines
    assert dots.get_marker() == "o" and dots.get_xdata().tolist() == [0.3]
    assert diamonds.get_marker() == "D" and diamonds.get_xdata().tolist() == [0.1]
    assert axes.get_xlim()[0] == 0
    assert "ours 0.300; theirs 0.100" in drawn.alt


def test_differences_have_a_line_at_zero_and_shares_are_percent():
    rows = pd.DataFrame([("a", -0.1, -0.2, 0.1)], columns=["name", "value", "low", "high"])
    drawn = landing.forest(rows, "difference", "a pair", zero=True)
    assert drawn.figure.axes[0].get_xlim()[0] < -0.2
    assert "a -0.100" in drawn.alt
    shares = rows.assign(value=0.43, low=0.4, high=0.5, chance=0.04)
    drawn = landing.forest(shares, "share", "kinds", share=True)
    assert "a 43%" in drawn.alt
    assert [line.get_xdata().tolist() for line in drawn.figure.axes[0].lines][-1] == [0.04]


def test_the_lowest_nucleotide_is_named_and_the_boxes_are_marked():
    label = np.r_[-70:0, 1:25]
    value = np.where(label == -12, -3.0, -0.1)
    positions = pd.DataFrame(
        {
            "label": label,
            "cost": value,
            "ci_low": value - 0.1,
            "ci_high": value + 0.1,
        }
    )
    drawn = landing.along(positions)
    assert "at -12, -3.00" in drawn.alt
    (axes,) = drawn.figure.axes
    assert [text.get_text() for text in axes.texts] == [name for name, _, _ in landing.BOXES]
    assert axes.lines[0].get_xdata().min() == -60


def test_heads_below_and_above_zero_are_marked_apart():
    heads = pd.DataFrame(
        {
            "delta_pr_auc": [-0.1, -0.01, 0.0, 0.05],
            "ci_low": [-0.2, -0.03, -0.1, 0.01],
            "ci_high": [-0.05, 0.01, 0.1, 0.1],
        }
    )
    (axes,) = (drawn := landing.ranked(heads)).figure.axes
    assert "4 heads, sorted; the interval lies below zero for 1 and above it for 1" in drawn.alt
    assert {line.get_label(): line.get_xdata().tolist() for line in axes.lines[:3]} == {
        "below zero": [1],
        "not significant": [2, 3],
        "above zero": [4],
    }
    (axes,) = landing.ranked(heads[:3]).figure.axes
    assert "above zero" not in [text.get_text() for text in axes.get_legend().get_texts()]
