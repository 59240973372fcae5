"""Figures of pairs, spacers, known motifs and known sites: what is drawn is what the frames say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn import heads, motifs, promoter_elements
from genoattn.pairs import JointMotif
from genoattn.plots import claims
from genoattn.plots import heads as head_figures


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_correlations_are_drawn_in_their_clusters_order() -> None:
    matrix = np.arange(16.0).reshape(4, 4) / 16
    order = np.array([2, 0, 3, 1])
    figure = claims.clustered_correlations({"one": matrix}, [order], n_heads=2)
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix[np.ix_(order, order)])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["L2 H1", "L1 H1", "L2 H2", "L1 H2"]


def test_a_joint_logo_has_no_zero() -> None:
    motif = JointMotif(np.ones((30, 4), int), -20, (3.0, 3.0), (1.0, 1.0), 9)
    axes = claims.joint_logos([motif], ["a pair"], 7, motifs.UNIFORM).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["-20", "-15", "-10", "-5", "+1", "+5", "+10"]
    assert axes.get_title(loc="left") == "a pair"


def test_spacer_bars_show_the_share_and_what_is_expected() -> None:
    frame = pd.DataFrame(
        {"spacer": [16, 17], "n": [1, 3], "share": [0.25, 0.75], "expected": [0.5, 0.5]}
    )
    axes = claims.spacer_bars(frame, {"planted": frame}, 17).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.75]
    lines = {str(line.get_label()): line for line in axes.lines}
    x, y = (np.asarray(data) for data in lines["planted"].get_data())
    assert y[x == 17] == 0.75 and y[x == 20] == 0
    assert lines["two heads, independently"].get_ydata()[0] == 0.5


def test_calibration_has_its_diagonal_and_both_curves() -> None:
    frame = pd.DataFrame({"threshold": [0.1, 0.01], "heads": [0.3, 0.2], "shuffled": [0.1, 0.0]})
    axes = claims.match_calibration(frame).axes[0]
    lines = {str(line.get_label()): list(line.get_ydata()) for line in axes.lines}
    assert lines["heads' motifs"] == [0.3, 0.2] and lines["columns shuffled"] == [0.1]


def test_odds_without_limits_are_drawn_too() -> None:
    frame = pd.DataFrame(
        {
            "odds_ratio": [0.0, 5.0, np.inf],
            "low": [0.0, 2.0, 3.0],
            "high": [2.0, 9.0, np.inf],
            "q_value": [1.0, 0.01, 0.01],
        }
    )
    figure = claims.site_odds(frame, ["a", "b", "c"])
    axes = figure.axes[0]
    drawn = {str(line.get_label()): line for line in axes.lines}
    assert list(drawn["q ≤ 0.05"].get_ydata()) == [1, 2]
    assert list(drawn["q > 0.05"].get_ydata()) == [0]
    figure.canvas.draw()


def test_examples_show_the_head_that_is_nearest_and_nothing_where_there_is_none() -> None:
    mean = np.full((1, 2, 140), 0.001)
    mean[0, 1, 32] = 0.9
    frame = heads.profile_frame(20, mean=mean, census_mean=mean * 0.9)
    best = heads.BestSequences(
        np.tile(50 * np.eye(4, dtype=int)[[3, 0, 3, 0, 0, 3, 2]], (1, 2, 1, 1)),
        np.ones((1, 2), int),
        np.array([[-60, -12]]),
        np.ones((1, 2)),
    )
    elements = promoter_elements.PAPER_ELEMENTS[:2]
    found = pd.DataFrame(
        {"best_head": ["L1 H2", ""], "verdict": ["stands for it", "none"]},
        index=[one.name for one in elements],
    )
    panels = head_figures.examples(found, frame, best, elements).axes
    assert panels[0].get_title(loc="left") == "-10 box: stands for it"
    assert panels[1].get_title() == "L1 H2"
    assert panels[1].get_xticklabels()[1].get_text() == "-12"
    assert not panels[3].axison

    panels = head_figures.sample_and_census(frame).axes
    images = [np.asarray(axes.images[0].get_array()) for axes in panels[:3]]
    assert images[1].max() == pytest.approx(1) and images[0].max() == pytest.approx(1 / 0.9)
    np.testing.assert_allclose(images[2], images[0] - images[1])
