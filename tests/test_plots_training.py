"""Figures of training say what their frames say."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from genoattn.plots import training as draw

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    mpl.pyplot.close("all")


def test_learning_curve_marks_the_kept_round():
    history = pd.DataFrame(
        {
            "stage": [1, 2, 2],
            "passes": [1.0, 2.0, 3.0],
            "train_loss": [0.03, 0.02, 0.01],
            "validation_loss": [0.03, 0.015, 0.02],
            "learning_rate": [0.1, 0.2, 0.0],
        }
    )
    axes = draw.learning_curve(history).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["validation"].get_ydata(), [30, 15, 20])
    kept = [line for line in axes.lines if list(line.get_xdata()) == [2.0, 2.0]]
    assert len(kept) == 1
    ends = [line for line in axes.lines if list(line.get_xdata()) == [1.0, 1.0]]
    assert [line.get_linestyle() for line in ends] == [":"]
    assert "nats" in axes.get_ylabel()


def test_performance_shows_the_paper_only_where_it_has_a_value():
    table = pd.DataFrame(
        [
            {"test_set": name, "metric": metric, "value": 0.6, "paper_value": paper}
            for name, paper in (("curated", 0.9), ("smrt", np.nan))
            for metric in ("roc_auc", "pr_auc")
        ]
    )
    figure = draw.performance(table)
    roc = figure.axes[0]
    lines = {line.get_label(): line for line in roc.lines}
    assert list(lines["ours"].get_ydata()) == [1, 0]
    assert list(lines["paper"].get_xdata()) == [0.9]
    assert [label.get_text() for label in roc.get_yticklabels()] == [
        "curated set",
        "SMRT-Cappable-seq",
    ]
    bare = draw.performance(table.assign(paper_value=np.nan))
    assert "paper" not in {line.get_label() for line in bare.axes[0].lines}


def test_resolution_has_mean_maximum_and_chance():
    table = pd.DataFrame(
        [
            {"k": k, "how": how, "pr_auc": k / 10, "positive_share": k / 100}
            for k in (1, 2)
            for how in ("mean", "max")
        ]
    )
    axes = draw.resolution(table, {1: 0.3}).axes[0]
    assert len(axes.lines) == 4
    assert list(axes.lines[2].get_ydata()) == [0.01, 0.02]
    assert "nt" in axes.get_xlabel()


def test_curves_and_calibration():
    curve = pd.DataFrame({"recall": [0, 1], "precision": [1, 0.1]})
    axes = draw.precision_recall({"curated": curve, "smrt": curve}).axes[0]
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 2
    table = pd.DataFrame({"output": [0.001, 0.1], "share": [0.0, 0.1], "n": [5, 5]})
    assert list(draw.calibration(table).lines[1].get_xdata()) == [0.1]
