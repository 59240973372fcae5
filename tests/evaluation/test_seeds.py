"""Seeds: what one training differs from the next by, and what differs beyond that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_trainings import BOTH, card

from genoattn.evaluation import seeds


def seeded(number, **changes):
    one = card(**changes)
    return one.replace(training={**one.training, "seed": number})


def test_a_family_is_one_recipe_and_a_model_without_a_card_joins_by_its_name():
    cards = {"m": seeded(1), "other": seeded(1, train_set="smrt"), "m-s1": seeded(2)}
    assert seeds.families(cards, ["m-s2", "other-s1", "alone-s1", "m-long"]) == {
        "m": ["m", "m-s1", "m-s2"],
        "other": ["other", "other-s1"],
    }


def test_one_more_value_lies_in_the_prediction_interval_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples, more = rng.normal(size=(4_000, 3)), rng.normal(size=4_000)
    limits = np.array([seeds.prediction_interval(one, 0.8) for one in samples])
    covered = ((limits[:, 0] <= more) & (more <= limits[:, 1])).mean()
    assert covered == pytest.approx(0.8, abs=0.02)
    assert np.isnan(seeds.prediction_interval([0.5])).all()


def scores_of(values):
    return pd.DataFrame(
        [
            {"model": name, "train_set": "curated", "test_set": "smrt", "metric": "pr_auc",
             "resolution": k, "value": value * k, "paper_value": 0.5}
            for name, value in values.items()
            for k in (1, 4)
        ]
    )  # fmt: skip


def test_scores_over_seeds_are_exact_ones_alone():
    table = scores_of({"m": 0.2, "m-s1": 0.4, "alone": 0.3})
    found = seeds.over_seeds(table, {"m": ["m", "m-s1"], "alone": ["alone"]}).set_index("model")
    both, one = found.loc["m"], found.loc["alone"]
    assert (both["value"], both["lowest"], both["highest"]) == pytest.approx((0.3, 0.2, 0.4))
    assert both["n_seeds"] == 2 and both["paper_value"] == 0.5
    assert both["ci_low"] < 0.2 and both["ci_high"] > 0.4
    assert one["n_seeds"] == 1 and np.isnan(one["ci_low"])
    assert (both["ci_low"], both["ci_high"]) == (0.0, 1.0)  # two seeds say little, within bounds


def test_two_recipes_are_compared_by_their_seeds():
    apart = seeds.recipes_apart([0.30, 0.31, 0.32, 0.30, 0.31], [0.10, 0.11, 0.12])
    assert apart.difference == pytest.approx(0.198)
    assert 0 < apart.low < apart.difference < apart.high
    assert apart.p_permutation == pytest.approx(1 / 56)  # one deal of eight seeds is so far apart
    same = seeds.recipes_apart([0.1, 0.3], [0.1, 0.3])
    assert same.difference == 0 and same.low < 0 < same.high and same.p_permutation == 1
    lone = seeds.recipes_apart([0.3, 0.4], [0.1])
    assert lone.difference == pytest.approx(0.25) and np.isnan(lone.low)


def made_up(effects, spread, rng, n_draws=2_000, blocks=0.01):
    """Replicates of models whose score is the set's effect, a seed's and that of the blocks."""
    common = rng.normal(scale=blocks, size=n_draws)
    value = {name: effect + rng.normal(scale=spread) for name, effect in effects.items()}

    def replicates(model, test_set):
        both = ("roc_auc", "pr_auc")
        return dict.fromkeys(both, value[model]), dict.fromkeys(both, value[model] + common)

    return replicates


def test_what_blocks_do_to_all_models_alike_is_no_difference():
    rng = np.random.default_rng(1)
    replicates = made_up({"a": 0.3, "b": 0.2, "c": 0.3}, 0.0, rng, blocks=0.1)
    trained = {"curated": ["a"], "smrt": ["b"], "cappable": ["c"]}
    table = seeds.label_differences(trained, ["x"], replicates, "curated")
    assert list(table) == list(seeds.DIFFERENCES)
    pr = table[table["metric"] == "pr_auc"].set_index("train_set")
    assert pr.loc["smrt", ["difference", "ci_low", "ci_high"]].tolist() == pytest.approx([0.1] * 3)
    assert pr.loc["smrt", "p_adjusted"] < 1e-6
    assert pr.loc["cappable", "p_adjusted"] == 1
    assert np.isnan(pr.loc["curated", "difference"]) and pr.loc["curated", "n_seeds"] == 1


def test_the_interval_over_seeds_covers_the_true_difference():
    covered = []
    for number in range(150):
        rng = np.random.default_rng(number)
        effects = {f"{name}{one}": 0.0 for name in "ab" for one in range(3)}
        replicates = made_up(effects, 0.05, rng, n_draws=200)
        trained = {"curated": ["a0", "a1", "a2"], "smrt": ["b0", "b1", "b2"]}
        row = seeds.label_differences(trained, ["x"], replicates, "curated").iloc[1]
        covered.append(row["ci_low"] <= 0 <= row["ci_high"])
    assert 0.9 < np.mean(covered) < 0.99


def test_one_seed_a_set_gives_the_interval_of_the_blocks():
    rng = np.random.default_rng(2)
    shifts = {"a": rng.normal(scale=0.1, size=4_000), "b": np.zeros(4_000)}

    def replicates(model, test_set):
        return dict.fromkeys(BOTH, 0.5), dict.fromkeys(BOTH, 0.5 + shifts[model])

    trained = {"curated": ["a"], "smrt": ["b"]}
    row = seeds.label_differences(trained, ["x"], replicates, "curated").iloc[1]
    assert row["ci_high"] == pytest.approx(0.196, abs=0.01) and row["ci_low"] < 0


def test_the_smallest_difference_seen_is_that_of_a_normal_test_with_a_power_of_80_percent():
    assert seeds.smallest_seen(1.0, 1) == pytest.approx(1.960 + 0.842, abs=1e-3)
    assert seeds.smallest_seen(2.0, 4) == pytest.approx(2 * (2.498 + 0.842), abs=2e-3)
