"""The atlas: motifs at every offset, the joined table, sentences by rule, the explorer's page."""

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
    frame = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "mode": "mean",
            "delta_pr_auc": [0.0, 0.01, -0.125, 0.0],
            "ci_low": [-0.1, 0.005, -0.2, -0.1],
            "ci_high": [0.1, 0.02, -0.05, 0.1],
        }
    )
    return pd.concat([frame.assign(mode="zero", delta_pr_auc=9.0), frame])


def test_heads_are_joined_one_by_one(table, ablation):
    stability = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "seed_stability": [0, 0.5, 1, 1],
        }
    )
    joined = atlas.join(table, ablation=ablation, stability=stability)
    assert list(joined.columns) == list(atlas.COLUMNS)
    assert joined[["layer", "head"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    row = joined.set_index(["layer", "head"]).loc[(2, 1)]
    assert row["ablation_delta_pr_auc"] == -0.125 and row["seed_stability"] == 1
    assert row["consensus"] == "TATAAT"
    assert atlas.join(table, ablation=ablation, mode="zero")["ablation_delta_pr_auc"].eq(9).all()


def test_what_was_not_measured_is_missing_and_named(table):
    joined = atlas.join(table.drop(columns=["q_value", "best_motif"]))
    assert joined[["ablation_delta_pr_auc", "seed_stability", "q_value"]].isna().all(axis=None)
    missing = " ".join(atlas.not_measured(joined))
    assert "ablation not run" in missing and "one seed only" in missing and "motifs" in missing
    assert "binding sites" not in missing
    for text in atlas.sentences(joined, max_q=0.05, selective=0.2):
        assert "Ablation not run; one seed only" in text and "not compared with known" in text


def test_heads_of_another_model_are_refused(table, ablation):
    with pytest.raises(ValueError, match="of the same model"):
        atlas.join(table, ablation=ablation[ablation["layer_1based"] == 1])
    with pytest.raises(ValueError, match="L2 H1 is listed twice"):
        atlas.join(pd.concat([table, table.head(1)]))


def test_sentences_follow_from_the_numbers(table, ablation):
    joined = atlas.join(table, ablation=ablation)
    first, second, third, _ = atlas.sentences(joined, max_q=0.05, selective=0.2)
    assert first == (
        "Spreads its attention, with the highest mean at +1, without a preference for letters; no "
        "known motif resembles it (least q = 0.6). Without it PR AUC does not change "
        "significantly; one seed only, so its stability is not known."
    )
    assert "not compared with known motifs. Without it PR AUC rises by 0.010" in second
    assert third == (
        "Looks mostly around -12 for TATAAT; by the rule it has the role -10 box; its motif "
        "resembles -10 (q = 0.001); its best positions lie more often in known binding sites than "
        "matched positions do (odds ratio 3). Without it PR AUC falls by 0.125; one seed only, so "
        "its stability is not known."
    )
    for share, words in ((1.0, "in 4 of 4 other"), (0.25, "in 1 of 4 other"), (0.0, "in 0 of 4")):
        seeds = joined.assign(seed_stability=share)
        assert words in atlas.sentences(seeds, max_q=0.05, selective=0.2, n_others=4)[0]
