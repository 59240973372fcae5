"""The atlas: the joined table of heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.heads import atlas


@pytest.fixture
def table():
    """Four heads with everything that the chapter on heads measures."""
    return pd.DataFrame(
        {
            "layer_1based": [2, 1, 1, 2],
            "head_1based": [1, 1, 2, 2],
            "peak_offset": [-12, 0, -300, 3],
            "selectivity": [0.8, 0.1, 0.5, 0.5],
            "consensus": ["TATAAT", "NNNNNN", "RYNNNN", "ANNNNN"],
            "best_motif": ["-10", "CRP", "LexA", "Fis"],
            "q_value": [0.001, 0.6, np.nan, 0.2],
            "site_odds_ratio": [3.0, 1.0, np.nan, 1.0],
            "site_q": [0.01, 0.9, np.nan, 0.9],
            "spearman_max": [0.5, 0.1, 0.2, 0.3],
            "role": ["-10 box", "", "", ""],
        }
    )


@pytest.fixture
def ablation():
    return pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "delta_pr_auc": [0.0, 0.01, -0.125, 0.0],
            "ci_low": [-0.1, 0.005, -0.2, -0.1],
            "ci_high": [0.1, 0.02, -0.05, 0.1],
        }
    )


def test_heads_are_joined_one_by_one(table, ablation):
    carriers = pd.DataFrame(
        {
            "layer": [2, 2],
            "head": [1, 1],
            "element": ["start", "-10 box"],
            "share": [0.1, 0.4],
            "ci_low": [0.05, 0.3],
            "ci_high": [0.15, 0.5],
        }
    )
    roles = pd.DataFrame({"layer": 2, "head": 1, "returns": [True, False]})
    joined = atlas.join(table, ablation=ablation, carriers=carriers, roles=roles)
    assert list(joined.columns) == list(atlas.COLUMNS)
    assert joined[["layer", "head"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    row = joined.set_index(["layer", "head"]).loc[(2, 1)]
    assert row["ablation_delta_pr_auc"] == -0.125 and row["seed_stability"] == 0.5
    assert row["consensus"] == "TATAAT"
    assert row["carries"] == "-10 box; start"
    assert (row["carried_share"], row["carried_low"], row["carried_high"]) == (0.4, 0.3, 0.5)
    assert joined["carries"].eq("").sum() == 3


def test_what_passes_through_a_head_is_summed_over_its_letters(table):
    logos = pd.DataFrame(
        {
            "layer": [1, 1, 2, 2, 2],
            "head": [1, 2, 1, 2, 2],
            "contribution": [0.5, 0.0, 1.0, 0.25, -0.5],
        }
    )
    names = pd.DataFrame({"layer": [2], "head": [1], "name": ["-10 box"]})
    joined = atlas.join(table, logos=logos, logo_names=names)
    assert joined["mediated"].tolist() == [0.5, 0.0, 1.0, -0.25]
    assert joined["mediated_name"].tolist() == ["", "", "-10 box", ""]


def test_what_was_not_measured_is_missing(table):
    joined = atlas.join(table.drop(columns=["q_value", "best_motif"]))
    lacking = ["ablation_delta_pr_auc", "seed_stability", "q_value", "carries", "mediated"]
    assert joined[lacking].isna().all(axis=None)


def test_heads_of_another_model_are_refused(table, ablation):
    with pytest.raises(ValueError, match="of the same model"):
        atlas.join(table, ablation=ablation[ablation["layer_1based"] == 1])
    with pytest.raises(ValueError, match="L2 H1 is listed twice"):
        atlas.join(pd.concat([table, table.head(1)]))
