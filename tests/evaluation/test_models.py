"""Outputs are made once, and again when what they were made from has changed."""

import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation import models as model_tables
from genoattn.evaluation.bootstrap import Resampling
from genoattn.model import networks
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig


def test_table_two_has_one_annotator_a_training_set():
    printed, other = vars(AnnotatorConfig(dropout=0.0)), vars(AnnotatorConfig(layers=2))
    cards = {
        "better": Card(train_set="curated", config=other),
        "cnn": Card(train_set="smrt", config=vars(ConvolutionalConfig())),
        "as-printed": Card(train_set="curated", config=printed),
        "seed-2": Card(train_set="curated", config=printed),
        "small": Card(train_set="sendseq", config=other),
    }
    assert model_tables.one_per_train_set(cards) == ["as-printed", "small"]


def plain_cards():
    history = ({"passes": 1.5, "validation_loss": 0.2},)
    return {
        name: Card(
            train_set=train_set,
            config=vars(config),
            auxiliary=auxiliary,
            training={"seed": 7},
            history=history,
            best=history[0],
        )
        for name, train_set, config, auxiliary in (
            ("plain", "curated", AnnotatorConfig(), ()),
            ("cnn", "smrt", ConvolutionalConfig(), ()),
            ("helped", "curated", AnnotatorConfig(stem=2, downstream=90), ("smrt", "sendseq")),
        )
    }


def scores_of(names, bonus=0.5):
    """Scores that say which model, set and resolution they are of."""
    return pd.DataFrame(
        [
            (name, test_set, resolution, metric, number + resolution / 100 + more)
            for number, name in enumerate(names)
            for test_set, more in (("curated", 0), ("smrt", bonus))
            for resolution in (1, 10)
            for metric in ("roc_auc", "pr_auc")
        ],
        columns=["model", "test_set", "resolution", "metric", "value"],
    )


def test_steps_stand_in_their_order_with_the_scores_on_their_own_labels():
    cards = plain_cards()
    table = model_tables.step_table(scores_of(cards), cards, ["helped", "absent", "cnn"])
    assert table["model"].tolist() == ["helped", "cnn"]
    assert table["step"].tolist() == [1, 2]
    assert table["pr_auc"].tolist() == [2.01, 1.51]
    assert table["pr_auc_10"].tolist() == [2.1, 1.6]
    assert table["what"].tolist() == [
        "6 layers of 6 heads over 512 nt on 2 dilated convolutions of 32 channels, "
        "90 nt downstream, 2 auxiliary targets, 1.5 passes",
        "7 dilated convolutions of 80 channels, 20 nt downstream, 1.5 passes",
    ]


def test_steps_of_models_not_at_hand_stay_as_an_earlier_run_left_them():
    cards = seed_cards()
    performance = scores_of(cards)
    names = ["longer", "a", "b"]
    before = model_tables.step_table(performance, cards, names)
    assert before["step"].tolist() == [1, 2, 2]
    for lacking in (["longer"], ["a"], ["b"], ["a", "b"], names):
        at_hand = {name: card for name, card in cards.items() if name not in lacking}
        now = model_tables.step_table(performance, at_hand, names, earlier=before)
        pd.testing.assert_frame_equal(now, before)
    without = {name: card for name, card in cards.items() if name != "longer"}
    assert model_tables.step_table(performance, without, names)["step"].tolist() == [1, 1]
    other = before.rename(columns={"pr_auc_10": "pr_auc_5"})
    assert len(model_tables.step_table(performance, without, names, earlier=other)) == 2


def test_rivals_are_matched_in_what_they_were_given():
    def card(config, auxiliary=(), train_set="curated"):
        return Card(config=vars(config), train_set=train_set, auxiliary=auxiliary)

    cards = {
        "plain": card(AnnotatorConfig()),
        "helped": card(AnnotatorConfig(downstream=190), ("smrt",)),
        "farther": card(AnnotatorConfig(downstream=200), ("smrt",)),
        "cnn": card(ConvolutionalConfig(downstream=190), ("smrt",)),
        "plain cnn": card(ConvolutionalConfig()),
        "other": card(ConvolutionalConfig(), (), "smrt"),
    }
    assert model_tables.matched_rivals(cards) == [("plain", "plain cnn"), ("helped", "cnn")]


def test_matched_rivals_are_compared_with_each_other_alone():
    rng = np.random.default_rng(3)
    label = rng.random((2, 2_000)) < 0.05
    noise = rng.normal(size=label.shape)
    where = np.ones(2_000, dtype=bool)
    resampling = Resampling.of(where, size=100, n_replicates=40, seed=0)
    cards = {
        "plain": Card(config=vars(AnnotatorConfig()), train_set="curated"),
        "cnn": Card(config=vars(ConvolutionalConfig()), train_set="curated"),
        "elsewhere": Card(config=vars(AnnotatorConfig()), train_set="curated"),
    }
    outputs = {"plain": noise + 2.0 * label, "cnn": noise + 1.0 * label}
    pairs = model_tables.compare_matched(outputs, cards, label, where, resampling)
    assert pairs[["metric", "model", "rival"]].to_numpy().tolist() == [
        ["roc_auc", "plain", "cnn"],
        ["pr_auc", "plain", "cnn"],
    ]
    assert (pairs["difference_low"] > 0).all()
    value, low, high = model_tables.gained(
        outputs["plain"], outputs["cnn"], label, where, resampling
    )
    assert pairs.iloc[1][["difference", "difference_low", "difference_high"]].tolist() == [
        value, low, high
    ]  # fmt: skip
    none = model_tables.compare_matched({"cnn": noise}, cards, label, where, resampling)
    assert none.empty and list(none) == list(pairs)


def seed_cards():
    """Two seeds of one recipe, a third training that differs in more, and one of other labels."""

    def card(seed, train_set="curated", passes=1.0, stage=3):
        first = Card(
            config={"window": 128},
            train_set=train_set,
            training={"seed": stage, "passes": 2.0},
            history=({"passes": 2.0},),
        )
        return Card(
            train_set=train_set,
            config=vars(AnnotatorConfig()),
            initial=first,
            training={"seed": seed, "passes": passes},
            history=({"passes": passes},),
            best={"validation_loss": 0.5},
        )

    return {
        "a": card(1), "longer": card(1, passes=3.0), "b": card(2, stage=4), "other": card(2, "smrt")
    }  # fmt: skip


def test_seeds_are_those_that_differ_in_nothing_else():
    cards = seed_cards()
    same = {name: networks.same_but_for_the_seed(cards["a"], card) for name, card in cards.items()}
    assert same == {"a": True, "longer": False, "b": True, "other": False}
    performance = pd.DataFrame(
        [
            (name, test_set, resolution, "roc_auc", value + resolution / 100, 0.9)
            for name, value in (("a", 0.1), ("b", 0.3), ("longer", 9.0))
            for test_set in ("curated", "smrt")
            for resolution in (1, 10)
        ],
        columns=["model", "test_set", "resolution", "metric", "value", "paper_value"],
    )
    spread = model_tables.seed_spread(performance, cards, "b")
    assert spread["test_set"].tolist() == ["curated", "smrt"]
    row = spread.iloc[0]
    assert (row["n"], row["paper_value"]) == (2, 0.9)
    assert [row["lowest"], row["mean"], row["highest"]] == pytest.approx([0.11, 0.21, 0.31])


def test_seeds_share_a_step_and_an_ensemble_is_one_of_its_own():
    cards = seed_cards()
    models = ["a", "b", "both", "longer", "told"]
    performance = pd.DataFrame(
        [
            (name, "curated", resolution, metric, number)
            for number, name in enumerate(models)
            for resolution in (1, 10)
            for metric in ("roc_auc", "pr_auc")
        ],
        columns=["model", "test_set", "resolution", "metric", "value"],
    )
    ensembles = {"both": ["a", "b"], "absent": ["a", "nobody"], "told": ["a", "genes"]}
    table = model_tables.step_table(performance, cards, [*models, "absent"], ensembles)
    assert table["model"].tolist() == models
    assert table["step"].tolist() == [1, 1, 2, 3, 4]
    assert table["passes"].tolist() == [3, 3, 6, 5, 3]
    assert table["what"][2] == "mean log-odds of a, b"
    assert table["what"][4] == "a, and where the next gene begins"
    assert table["validation_loss"].isna().tolist() == [False, False, True, False, True]


def test_training_length_compares_the_longest_with_the_shortest():
    config = vars(AnnotatorConfig())

    def card(train_set, passes, seed, **changes):
        return Card(
            train_set=train_set,
            config={**config, **changes},
            training={"seed": seed},
            history=({"passes": passes},),
        )

    cards = {
        "short": card("curated", 2.0, 1),
        "short-2": card("curated", 2.1, 2, dropout=0.0),
        "middle": card("curated", 3.0, 1),
        "long": card("curated", 6.0, 1),
        "long-2": card("curated", 6.2, 2),
        "other": card("curated", 9.0, 1, layers=2),
        "alone": card("smrt", 2.0, 1),
    }
    performance = pd.DataFrame(
        [
            (name, test_set, resolution, "roc_auc", number / 10, 0.5)
            for number, name in enumerate(cards)
            for test_set in ("curated", "smrt")
            for resolution in (1, 10)
        ],
        columns=["model", "test_set", "resolution", "metric", "value", "paper_value"],
    )
    table = model_tables.training_length(performance, cards)
    assert table["model"].tolist() == ["long"] * 2
    assert table["train_set"].tolist() == ["curated"] * 2
    assert table["test_set"].tolist() == ["curated", "smrt"]
    assert table["shorter"].tolist() == pytest.approx([0.05, 0.05])
    assert table["longer"].tolist() == pytest.approx([0.35, 0.35])  # of both
    assert table["shorter_passes"].tolist() == pytest.approx([2.05, 2.05])
    assert table["longer_passes"].tolist() == pytest.approx([6.1, 6.1])
    assert model_tables.training_length(performance, {"alone": cards["alone"]}).empty


def test_of_many_models_few_are_drawn():
    attention, dilations = vars(AnnotatorConfig()), vars(ConvolutionalConfig())
    cards = {
        name: Card(config=config, best={"validation_loss": loss})
        for name, config, loss in (
            ("a", attention, 0.4),
            ("b", attention, 0.3),
            ("c", attention, 0.2),
            ("d", dilations, 0.6),
            ("e", dilations, 0.5),
        )
    }
    names = [*cards, "two", "three", "scanner"]
    assert model_tables.worth_drawing(names, cards, "a") == ["a", "c", "e", "three", "scanner"]
    assert model_tables.worth_drawing(["a", "b"], cards, "a") == ["a", "b"]


def test_readings_are_compared_on_every_test_set():
    rng = np.random.default_rng(0)
    length = 4_000
    where = np.ones(length, dtype=bool)
    tracks = {name: rng.random((2, length)) < 0.05 for name in ("curated", "cappable")}
    better = 0.5 * tracks["curated"] + rng.random((2, length))
    worse = 0.1 * tracks["curated"] + rng.random((2, length))
    card = Card(training={"focal_gamma": 0.0}, history=({"passes": 2.0},))
    cards = {"base": card, "focal": card.replace(training={"focal_gamma": 0.8})}
    resampling = Resampling.of(where, size=200, n_replicates=200, seed=0)
    read = model_tables.compare_readings(
        {"base": better, "focal": worse}, cards, tracks, where, resampling
    )
    roc = read[read["metric"] == "roc_auc"].set_index(["model", "test_set"])
    assert roc.loc[("base", "curated"), "differs_in"] == ""
    assert roc.loc[("focal", "cappable"), "differs_in"] == "focal_gamma 0.0 → 0.8"
    assert roc.loc[("focal", "curated"), "difference_high"] < 0
    assert roc.loc[("focal", "cappable"), "difference_high"] > 0  # neither model knows these sites
    assert (read["passes"] == 2.0).all()
