"""Outputs are made once, and again when what they were made from has changed."""

import numpy as np
import pandas as pd

from genoattn.evaluation import models as model_tables
from genoattn.evaluation.bootstrap import Resampling
from genoattn.model import networks
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig

LENGTH = 1_000
PARTS = {"test": [0, 300], "validation": [300, 500]}
STEP = {"batch": 1, "segment": 500}
"""A step reads half of the training part's 1,000 positions on both strands."""


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
    history = ({"step": 3, "passes": 9.0, "validation_loss": 0.2},)
    return {
        name: Card(
            train_set=train_set,
            config=vars(config),
            auxiliary=auxiliary,
            training={"seed": 7, **STEP},
            parts=PARTS,
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
    table = model_tables.step_table(scores_of(cards), cards, ["helped", "absent", "cnn"], LENGTH)
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
    before = model_tables.step_table(performance, cards, names, LENGTH)
    assert before["step"].tolist() == [1, 2, 2]
    for lacking in (["longer"], ["a"], ["b"], ["a", "b"], names):
        at_hand = {name: card for name, card in cards.items() if name not in lacking}
        now = model_tables.step_table(performance, at_hand, names, LENGTH, earlier=before)
        pd.testing.assert_frame_equal(now, before)
    without = {name: card for name, card in cards.items() if name != "longer"}
    assert model_tables.step_table(performance, without, names, LENGTH)["step"].tolist() == [1, 1]
    other = before.rename(columns={"pr_auc_10": "pr_auc_5"})
    assert len(model_tables.step_table(performance, without, names, LENGTH, earlier=other)) == 2


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


def seed_cards():
    """Two seeds of one recipe, a third training that differs in more, and one of other labels."""

    def card(seed, train_set="curated", passes=1.0, stage=3):
        first = Card(
            config={"window": 128},
            train_set=train_set,
            training={"seed": stage, "passes": 2.0, **STEP},
            parts=PARTS,
            history=({"step": 4},),
        )
        return Card(
            train_set=train_set,
            config=vars(AnnotatorConfig()),
            initial=first,
            training={"seed": seed, "passes": passes, **STEP},
            parts=PARTS,
            history=({"step": int(2 * passes)},),
            best={"validation_loss": 0.5},
        )

    return {
        "a": card(1), "longer": card(1, passes=3.0), "b": card(2, stage=4), "other": card(2, "smrt")
    }  # fmt: skip


def test_seeds_are_those_that_differ_in_nothing_else():
    cards = seed_cards()
    same = {name: networks.same_but_for_the_seed(cards["a"], card) for name, card in cards.items()}
    assert same == {"a": True, "longer": False, "b": True, "other": False}
    rounded = cards["a"].replace(training={**cards["a"].training, "passes": 1.01})
    assert networks.same_but_for_the_seed(rounded, cards["a"])  # as many whole rounds


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
    table = model_tables.step_table(performance, cards, [*models, "absent"], LENGTH, ensembles)
    assert table["model"].tolist() == models
    assert table["step"].tolist() == [1, 1, 2, 3, 4]
    assert table["passes"].tolist() == [3, 3, 6, 5, 3]
    assert table["what"][2] == "mean log-odds of a, b"
    assert table["what"][4] == "a, and where the next gene begins"
    assert table["validation_loss"].isna().tolist() == [False, False, True, False, True]


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
    parts = {"test": [0, 1_000], "validation": [1_000, 2_000]}
    training = {"focal_gamma": 0.0, "batch": 2, "segment": 2_000}
    card = Card(training=training, history=({"step": 2},), parts=parts)
    cards = {"base": card, "focal": card.replace(training={**training, "focal_gamma": 0.8})}
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
