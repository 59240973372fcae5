"""The rule of claims on a run: which sites, which part, which names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.interventions.claims import Claims, Rule
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import claims, inputs
from genoattn.study.run import Run


@pytest.fixture
def run(tmp_path):
    """A run of a tiny simulated genome with an untrained model."""
    run = Run(tmp_path)
    run.save_inputs(inputs.synthetic_inputs(seed=0, length=20_000))
    shape = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=32, downstream=10)
    split = {"test": [2_000, 4_000], "validation": [10_000, 12_000]}
    torch.manual_seed(0)
    card = Card.of({"config": {}, "train_set": "cappable", "split": split})
    Annotator(shape).save(run.training / "toy.safetensors", card)
    return run


def test_claims_of_a_run_are_tested_in_its_test_part_and_blind_where_the_truth_is_known(
    run, monkeypatch
):
    asked = {}
    table = pd.DataFrame({"name": ["TATAAT at -12"], "claimed": True})

    def claim(network, genome, mapped, sites, part, **given):
        asked.update(given, mapped=mapped, sites=sites, part=part)
        return Claims(table, [], pd.DataFrame(), [], pd.DataFrame())

    def predicted(network, genome, sites, found, **given):
        asked.update(unseen=sites, predicted_of=found)

    def called(found, known, rule):
        asked["known"] = known
        return ["-10 box"], [""]

    monkeypatch.setattr(claims, "claim", claim)
    monkeypatch.setattr(claims, "predicted", predicted)
    monkeypatch.setattr(claims, "called", called)
    monkeypatch.setattr(claims, "agreement", lambda *given, **settings: (0.9, 0.8, 0.95))
    every = run.sites("cappable")
    inside = every.query("2_000 <= position < 4_000")
    rule = Rule(first=-3, last=2, n_learn=50, min_seqlets=2)
    made = claims.claims_of(run, "toy", rule=rule, seed=3)
    assert made[1:] == (0.9, 0.8, 0.95)
    assert made.found.table[["name", "part_of"]].iloc[0].tolist() == ["-10 box", ""]
    assert asked["predicted_of"].table["name"].tolist() == ["TATAAT at -12"]
    assert np.flatnonzero(asked["part"])[[0, -1]].tolist() == [2_000, 3_999]
    assert asked["sites"].equals(inside) and asked["unseen"].equals(inside)
    searched = asked["mapped"].sites
    assert len(searched) == 50 and not asked["part"][searched["position"]].any()
    assert set(searched["position"]) <= set(every["position"])
    assert asked["known"] == () and asked["seed"] == 3 and asked["name"] == "toy"
    run.study.__dict__["elements"] = None
    claims.claims_of(run, "toy", rule=rule, seed=3)
    assert asked["known"] == run.study.of.carried


def test_the_command_writes_the_claims_of_each_model(run, tmp_path, monkeypatch, capsys):
    table = pd.DataFrame(
        {
            "name": ["-10", "other"],
            "head": ["L1 H1", ""],
            "part_of": ["", "-10"],
            "claimed": [True, False],
        }
    )
    found = Claims(table, [], pd.DataFrame(), [], pd.DataFrame())
    monkeypatch.setattr(
        claims, "claims_of", lambda *given, **settings: claims.Claimed(found, 0.9, 0.8, 0.95)
    )
    results = tmp_path / "results"
    results.mkdir()
    claims.main([str(tmp_path), "--weights", "a", "b", "--results", str(results)])
    read = claims.read(results / "claims.csv")
    assert read["model"].tolist() == ["a", "a", "b", "b"]
    assert read["name"].tolist() == ["-10", "other"] * 2  # a name stays one
    assert (
        read["head"].tolist() == ["L1 H1", ""] * 2 and read["part_of"].tolist() == ["", "-10"] * 2
    )
    assert set(read["r"]) == {0.9}
    assert "a: 1 claims of 2 elements found" in capsys.readouterr().out
    read.drop(columns="r").to_csv(results / "claims.csv", index=False)
    with pytest.raises(ValueError, match="column 'r' is missing"):
        claims.read(results / "claims.csv")
