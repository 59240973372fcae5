"""Ablation on toy models whose heads' work is known, and against literal recomputation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy import lively

from genoattn.genome.sequence import Genome
from genoattn.interventions import ablation
from genoattn.interventions.circuits import MEASURES
from genoattn.model.annotator import Annotator, AnnotatorConfig

CONFIG = AnnotatorConfig(
    layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=2, dropout=0.1
)


@pytest.fixture(scope="module")
def model() -> Annotator:
    return lively(CONFIG)


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 3_000).astype(np.uint8))


@pytest.fixture(scope="module")
def label() -> np.ndarray:
    rng = np.random.default_rng(3)
    track = np.zeros((2, 3_000), dtype=np.uint8)
    track[rng.integers(0, 2, 40), rng.integers(0, 3_000, 40)] = 1
    return track


@pytest.fixture(scope="module")
def inside() -> np.ndarray:
    part = np.zeros(3_000, dtype=bool)
    part[500:2_500] = True
    return part


@pytest.fixture(scope="module")
def segments(genome, label, inside):
    return ablation.draw_segments(
        genome, label, inside, CONFIG, n=16, size=50, context=80, block=200, seed=0
    )


def mean_of(model, segments):
    return ablation.mean_contributions(model, segments.codes, segments.scored, segments.weight)


def test_segments_lie_in_the_part_and_carry_their_labels(genome, label, inside, segments):
    for number in range(len(segments)):
        forward = segments.start[number] + np.arange(50)
        assert inside[forward].all()
        row = segments.row[number]
        forward = forward if row == 0 else forward[::-1]
        np.testing.assert_array_equal(label[row, forward], segments.label[number])
        first_query = genome.around([forward[0]], ["+-"[row]], [CONFIG.downstream])[0, 0]
        assert segments.codes[number, segments.context] == first_query
    assert segments.codes.shape[1] == 80 + 50 + CONFIG.reach_downstream


def test_weights_stand_for_all_segments_of_the_part(label, inside, segments):
    whole = label[:, 500:2_500].reshape(2, 40, 50).any(2)
    with_site = segments.label.any(1)
    assert segments.weight.sum() == pytest.approx(80)
    assert segments.weight[with_site].sum() == pytest.approx(whole.sum())
    assert with_site.sum() == 12


def test_kept_states_give_what_a_model_without_the_heads_columns_gives(model, segments):
    mean = mean_of(model, segments)
    conditions = [
        ((1, 0),),
        ((2, 1),),
        ((0, 1), (2, 0)),
        ((1, 0), (1, 1)),
    ]
    intact, output = ablation.ablate(
        model, segments.codes, segments.scored, conditions, mean, progress=False
    )
    codes = torch.from_numpy(segments.codes.astype(np.int64))
    scored = slice(80, 130)
    with torch.no_grad():
        np.testing.assert_allclose(intact, model(codes)[:, scored], atol=1e-5)
        for number, condition in enumerate(conditions):
            other = Annotator(CONFIG).eval()
            other.load_state_dict(model.state_dict())
            for layer in range(CONFIG.layers):  # W_o without the columns, and a bias instead
                bias = torch.zeros(CONFIG.d_model)
                for at, head in condition:
                    if at != layer:
                        continue
                    columns = slice(4 * head, 4 * head + 4)
                    bias += model.layers[layer].combine.weight[:, columns] @ mean[layer, head]
                    other.layers[layer].combine.weight[:, columns] = 0
                other.layers[layer].combine.bias = torch.nn.Parameter(bias)
            expected = other(codes)[:, scored]
            np.testing.assert_allclose(output[number], expected, atol=1e-5)
            assert np.abs(output[number] - intact).max() > 1e-3


def test_mean_contribution_is_the_weighted_mean_of_z(model, segments):
    seen = []
    handle = model.layers[1].combine.register_forward_pre_hook(lambda _, z: seen.append(z[0]))
    with torch.no_grad():
        model(torch.from_numpy(segments.codes.astype(np.int64)))
    handle.remove()
    z = seen[0][:, 80:130].mean(1)  # segments, heads * d_head
    expected = np.average(z.numpy(), axis=0, weights=segments.weight).reshape(2, 4)
    np.testing.assert_allclose(mean_of(model, segments)[1], expected, atol=1e-5)


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


def test_a_head_without_output_weights_is_found_to_do_nothing(segments):
    model = lively(CONFIG, seed=2)
    model.layers[1].combine.weight.data[:, :4] = 0  # layer 2, head 1
    conditions = ablation.single_heads(CONFIG)
    mean = mean_of(model, segments)
    intact, output = ablation.ablate(
        model, segments.codes, segments.scored, conditions, mean, progress=False
    )
    moved = np.abs(output - intact).mean((1, 2))
    idle = np.array([heads == ((1, 0),) for heads in conditions])
    assert (moved[idle] < 1e-5).all()
    assert (moved[~idle] > 1e-3).all()
    assert len(moved) == CONFIG.layers * CONFIG.heads


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


def test_segments_that_cannot_be_are_named(genome, label, inside):
    given = {"n": 4, "context": 10, "block": 100, "seed": 0}
    with pytest.raises(ValueError, match="smaller segments"):
        ablation.draw_segments(genome, label, inside, CONFIG, size=2_600, **given)
    with pytest.raises(ValueError, match="no labelled site"):
        ablation.draw_segments(genome, 0 * label, inside, CONFIG, size=50, **given)
