"""Figures of the dependence chapter: what stands where, and that no interval is lost."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.interventions import ablation, circuits
from genoattn.interventions.circuits import MEASURES
from genoattn.plots import dependence as draw


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


HEADS = pd.DataFrame({"layer_1based": [1, 1, 2, 2], "head_1based": [1, 2, 1, 2]})


def test_every_head_has_a_row_with_its_interval():
    rng = np.random.default_rng(0)
    change = [{name: rng.normal(size=21) for name in MEASURES} for _ in range(4)]
    intact = {name: np.zeros(21) for name in MEASURES}
    effects = HEADS.join(circuits.changes(change, intact, 0.95))
    first = draw.ablation_effects(effects).figure.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "L1 H1", "L1 H2", "L2 H1", "L2 H2",
    ]  # fmt: skip
    (drawn,) = [line for line in first.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn.get_xdata(), [one["pr_auc"][0] for one in change])
    segment = first.collections[0].get_segments()[0]
    assert (
        segment[:, 0].tolist() == effects.loc[0, ["delta_pr_auc_low", "delta_pr_auc_high"]].tolist()
    )


def test_an_interaction_is_starred_when_its_interval_leaves_out_zero():
    heads = [(0, 0), (0, 1), (1, 0)]
    conditions = [(head,) for head in heads]
    change = {name: np.zeros((3, 11)) for name in MEASURES}
    together = ablation.pairs(heads)
    sure, unsure = np.full(11, 0.5), np.linspace(-1, 1, 11)
    joint = {name: np.stack([sure, unsure, unsure]) for name in MEASURES}
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


def shares(**more):
    frame = pd.DataFrame(
        {"layer": [1, 1, 2, 2], "head": [1, 2, 1, 2], "element": "box", "first": -35,
         "query_bin": "all", "share": [0.5, 0.1, -0.2, 0.0], "control": "", "ci_low": 0.3,
         "ci_high": 0.7}
    )  # fmt: skip
    return frame.assign(**more)


EFFECTS = pd.DataFrame(
    {"element": ["box", "idle"], "control": "", "used": [True, False], "effect": [2.0, 0.0],
     "ci_low": [1.0, -0.1], "ci_high": [3.0, 0.1], "first": [-35, -10]}
)  # fmt: skip


def test_numbers_stand_in_the_cells_of_carriers_alone():
    both = pd.concat([shares(), shares(element="idle")])
    axes = draw.carrier_map(both, shares().head(1), EFFECTS).figure.axes[0]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["50 (30–70)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["box\n+2.00"]
    assert axes.get_yticklabels()[0].get_text() == "L1 H1"


def test_a_table_without_a_used_element_can_be_drawn():
    nothing = EFFECTS.assign(used=False)
    assert draw.carrier_map(shares(), shares().head(0), nothing).figure.axes
    assert draw.query_key_map(pd.DataFrame(columns=["element", "head"]), "").figure.axes
    assert draw.head_set_curves(
        pd.DataFrame(columns=["element", "n_heads", "share", "ci_low", "ci_high"])
    ).figure.axes
    assert "no spacer" in draw.spacer_curve(None, "").caption


def test_tiles_are_drawn_in_log_odds_and_labelled_without_a_zero():
    tiles = pd.concat([shares(), shares(first=0, share=np.nan)])
    effects = EFFECTS.assign(first=[-35, 0])
    top, bottom, *_ = draw.tile_map(tiles, effects).figure.axes
    assert [label.get_text() for label in bottom.get_xticklabels()] == ["-35", "+1"]
    assert [bar.get_height() for bar in top.patches] == [2.0, 0.0]
    cells = bottom.collections[0].get_array()
    np.testing.assert_allclose(np.ravel(cells)[::2], [1.0, 0.2, -0.4, 0.0])


def test_queries_and_keys_have_a_map_each_head():
    rows = [
        ("box", head, query, key, 0.3 if (query, key) == (-10, -35) else 0.0)
        for head in ("L1 H6", "L4 H2")
        for query in (-10, -5, 0)
        for key in (-100, -35, -30)
    ]
    ways = pd.DataFrame(rows, columns=["element", "head", "query", "key", "share"])
    drawn = draw.query_key_map(ways, "box")
    assert [axes.get_title() for axes in drawn.figure.axes[:2]] == ["L1 H6", "L4 H2"]
    assert "L1 H6 most at queries from -10 and keys from -35 (30%)" in drawn.alt
    rows = [("box", "L1 H6", query, -35, float(query == 0)) for query in (-5, 0)]
    ways = pd.DataFrame(rows, columns=["element", "head", "query", "key", "share"])
    assert "at queries from +1 and" in draw.query_key_map(ways, "box").alt, "there is no position 0"


def test_curves_show_every_point_with_its_interval():
    sets = pd.DataFrame(
        {"element": "box", "n_heads": [1, 2], "share": [0.5, 0.9], "ci_low": 0.4, "ci_high": 1.0}
    )
    line = draw.head_set_curves(sets).figure.axes[0].lines[0]
    assert line.get_ydata().tolist() == [0.5, 0.9]
    spacers = pd.DataFrame(
        {"upstream": "-35 box", "downstream": "-10 box", "spacer": [16, 17],
         "effect": [1.0, 2.0], "effect_low": 0.0, "effect_high": 3.0,
         "through": [0.1, 0.2], "through_low": 0.0, "through_high": 0.3}
    )  # fmt: skip
    drawn = draw.spacer_curve(spacers, "L1 H6")
    assert drawn.figure.axes[0].lines[1].get_ydata().tolist() == [0.1, 0.2]
    assert "most at 17 nt (+2.00)" in drawn.alt
    assert "consensus of the −35 box written" in drawn.caption
    curve = pd.DataFrame(
        {
            "n_heads": [0, 2, 4],
            "pr_auc": [0.0, 0.19, 0.2],
            "ci_low": 0.0,
            "ci_high": 0.3,
            "share_low": [0.0, 0.92, 1.0],
        }
    )
    drawn = draw.circuit_curve(curve)
    assert "90% of the score of all heads; 2 heads are shown to keep" in drawn.caption
    lower = curve.assign(share_low=[0.0, 0.89, 1.0])
    assert "only all 4 heads are shown to" in draw.circuit_curve(lower).caption


def test_each_network_has_a_column_with_the_leading_head():
    leading = pd.DataFrame(
        {"element": ["box", "box", "start", "start"], "model": ["a", "dead", "a", "dead"],
         "head": ["L1 H6", "", "L5 H4", ""], "share": [0.5, 0.0, 1.0, 0.0]}
    )  # fmt: skip
    drawn = draw.seed_map(leading)
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert texts == ["L1 H6\n50%", "none", "L5 H4\n100%", "none"]
    assert "Elements with a carrier: a 2." in drawn.alt
    assert draw.seed_map(leading.head(0)).figure.axes
