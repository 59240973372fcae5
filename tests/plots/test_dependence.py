"""Figures of the dependence chapter: what stands where, and that no interval is lost."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.interventions import ablation
from genoattn.interventions.ablation import Condition
from genoattn.model.annotator import AnnotatorConfig
from genoattn.plots import dependence as draw


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


HEADS = pd.DataFrame({"layer_1based": [1, 1, 2, 2], "head_1based": [1, 2, 1, 2]})


def test_every_head_has_a_row_with_both_ways_of_switching_it_off():
    conditions = ablation.single_heads(AnnotatorConfig(layers=2, heads=2))
    rng = np.random.default_rng(0)
    change = {name: rng.normal(size=(8, 21)) for name in ablation.MEASURES}
    effects = ablation.head_effects(conditions, change, 0.95)
    figure = draw.ablation_effects(effects).figure
    first = figure.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "L1 H1", "L1 H2", "L2 H1", "L2 H2",
    ]  # fmt: skip
    drawn = [line for line in first.lines if line.get_marker() in "os"]
    np.testing.assert_allclose(drawn[0].get_xdata(), change["pr_auc"][:4, 0])  # mean
    np.testing.assert_allclose(drawn[1].get_xdata(), change["pr_auc"][4:, 0])  # zero
    assert np.abs(drawn[0].get_ydata() - np.arange(4)).max() < 0.5


def test_an_interaction_is_starred_when_its_interval_leaves_out_zero():
    heads = [(0, 0), (0, 1), (1, 0)]
    conditions = [Condition((head,), "mean") for head in heads]
    change = {name: np.zeros((3, 11)) for name in ablation.MEASURES}
    together = ablation.pairs(heads)
    sure, unsure = np.full(11, 0.5), np.linspace(-1, 1, 11)
    joint = {name: np.stack([sure, unsure, unsure]) for name in ablation.MEASURES}
    pairs = ablation.interactions(conditions, change, together, joint, 0.95)
    figure = draw.interaction_map(pairs).figure
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(texts) == ["+0.5*", "-1", "-1"]


def test_attention_stands_beside_the_loss_with_its_correlation():
    table = HEADS.assign(loss=[0.1, 0.2, 0.3, 0.4], selectivity=[4, 3, 2, 1])
    agreement = pd.DataFrame(
        {"attention": ["selectivity"], "spearman": [-1.0], "low": [-1.0], "high": [-0.9]}
    )
    axes = draw.attention_and_ablation(table, agreement).figure.axes[0]
    assert axes.get_title() == "rank correlation -1.00\n(-1.00 to -0.90)"
    assert axes.collections[0].get_offsets().tolist() == [[4, 0.1], [3, 0.2], [2, 0.3], [1, 0.4]]


def test_the_map_counts_without_a_zero():
    offset = np.arange(-12, 3)
    values = {
        f"{name}{end}": np.linspace(0, 1, 15)
        for name in ("mutation", "word", "gradient")
        for end in ("", "_low", "_high")
    }
    figure = draw.position_map(pd.DataFrame({"offset": offset, "label": 0, **values})).figure
    ticks = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert ticks == ["-10", "+1"]


def test_agreement_and_words_draw_all_heads_and_intervals():
    limits = {"map": 0.5, "map_low": 0.2, "map_high": 0.7, "gain": 0.0}
    part = HEADS.assign(**limits, gain_low=-0.1, gain_high=0.1)
    both = pd.concat([part.assign(method="mutation"), part.assign(method="gradient")])
    left = draw.head_agreement(both).figure.axes[0]
    (segment, *_) = left.collections[0].get_segments()
    assert segment[:, 0].tolist() == [0.2, 0.7]
    words = HEADS.assign(
        attended=[-1.0, -2, -3, -4],
        control=0.0,
        difference=[-1.0, -2, -3, -4],
        difference_low=-5.0,
        difference_high=-0.5,
    )
    right = draw.attended_words(words).figure.axes[1]
    assert len(right.collections[0].get_segments()) == 4
    assert right.lines[0].get_xdata().tolist() == [-1, -2, -3, -4]
