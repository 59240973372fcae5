"""Switching heads off against a network without their weights; pairs and ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy import lively

from genoattn.interventions import ablation
from genoattn.interventions.circuits import MEASURES
from genoattn.model.annotator import Annotator, AnnotatorConfig

CONFIG = AnnotatorConfig(
    layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=2, dropout=0.1
)


@pytest.fixture(scope="module")
def model() -> Annotator:
    return lively(CONFIG)


CONDITIONS = [[(1, 0)], [(2, 1)], [(0, 1), (2, 0)], [(1, 0), (1, 1)]]


@pytest.mark.parametrize("off", CONDITIONS)
def test_a_head_that_is_off_is_one_without_output_weights_and_with_a_bias(model, off):
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(0, 4, (5, 90)))
    value = {head: torch.from_numpy(rng.normal(size=4)).float() for head in off}
    other = Annotator(CONFIG).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        for layer in range(CONFIG.layers):
            bias = torch.zeros(CONFIG.d_model)
            combine = other.layers[layer].combine
            for head in (head for at, head in off if at == layer):
                columns = slice(4 * head, 4 * head + 4)
                bias += combine.weight[:, columns] @ value[layer, head]
                combine.weight[:, columns] = 0
            combine.bias = torch.nn.Parameter(bias)
        with ablation.switched_off(model, value):
            found = model(codes)
        assert torch.allclose(found, other(codes), atol=1e-5)
        assert (found - model(codes)).abs().max() > 1e-3


def test_the_model_is_as_before_after_switching_off_even_on_error(model):
    codes = torch.zeros(1, 40, dtype=torch.long)
    with torch.no_grad():
        before = model(codes)
        with pytest.raises(RuntimeError, match="stop"), ablation.switched_off(model, {(0, 0): 9.0}):
            assert not torch.equal(model(codes), before)
            raise RuntimeError("stop")
        assert torch.equal(model(codes), before)
    with pytest.raises(ValueError, match="no head 2"):
        ablation.switched_off(model, {(0, 2): 0.0}).__enter__()


def test_interaction_is_joint_minus_sum():
    conditions = [((0, 0),), ((1, 1),)]
    joint = ablation.pairs([(1, 1), (0, 0)])
    assert joint == [((0, 0), (1, 1))]
    change = {name: np.array([[-1.0, -1, -1], [-2.0, -2, -2]]) for name in MEASURES}
    both = {name: np.array([[-2.5, -2.4, -2.6]]) for name in MEASURES}
    row = ablation.interactions(conditions, change, joint, both, 0.95).iloc[0]
    assert row["sum_pr_auc"] == -3
    assert row["interaction_pr_auc"] == pytest.approx(0.5)
    assert 0.4 <= row["interaction_pr_auc_low"] <= row["interaction_pr_auc_high"] <= 0.6
    assert (row["first_layer_1based"], row["second_head_1based"]) == (1, 2)


def test_rank_agreement_is_one_for_the_same_order_and_covers_zero_for_noise():
    rng = np.random.default_rng(0)
    importance = np.arange(36.0)[:, None] + np.zeros((36, 201))
    table = ablation.rank_agreement(
        {"same": np.arange(36.0) ** 3, "noise": rng.normal(size=36)},
        {"loss": importance},
        0.95,
        seed=0,
    ).set_index("attention")
    assert table.loc["same", "spearman"] == pytest.approx(1)
    assert table.loc["same", "low"] == pytest.approx(1)
    assert table.loc["noise", "low"] < 0 < table.loc["noise", "high"]
