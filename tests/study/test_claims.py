"""The rule of claims on a run: which sites, which part, which names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

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

    def claim(network, genome, sites, held, **given):
        asked.update(given, sites=sites, held=held)

    monkeypatch.setattr(claims, "claim", claim)
    claims.claims_of(run, "toy", seed=3)
    assert np.flatnonzero(asked["held"])[[0, -1]].tolist() == [2_000, 3_999]
    assert asked["sites"].equals(run.sites("cappable"))
    assert asked["known"] == () and asked["seed"] == 3 and asked["name"] == "toy"
    run.study.__dict__["elements"] = None
    claims.claims_of(run, "toy", seed=3)
    assert asked["known"] == run.study.known_elements
