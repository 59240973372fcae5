"""Outputs are made once, and again when what they were made from has changed."""

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn import evaluation
from genoattn.bootstrap import Resampling
from genoattn.card import Card
from genoattn.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.genome import Genome
from genoattn.labels import Split
from genoattn.model import Annotator, AnnotatorConfig

GENOME = Genome("toy", np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8))
WHERE = np.arange(500) < 200


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    config = ConvolutionalConfig(layers=2, channels=4, conv_width=3, downstream=3)
    path = tmp_path / "training" / "cnn.safetensors"
    ConvolutionalNetwork(config).save(path)
    return path


def output(weights, tmp_path, genome=GENOME, where=WHERE):
    return evaluation.output_of(
        weights, genome, where, tmp_path / "prediction", accelerator="cpu", progress=False
    )


def test_an_output_is_made_once(weights, tmp_path, monkeypatch):
    first = output(weights, tmp_path)
    assert (np.isnan(first) == ~WHERE).all()
    made = []
    real = evaluation.predict
    monkeypatch.setattr(evaluation, "predict", lambda *a, **k: made.append(1) or real(*a, **k))
    assert np.array_equal(output(weights, tmp_path), first, equal_nan=True)
    part = np.arange(500) < 100
    assert np.array_equal(output(weights, tmp_path, where=part), first, equal_nan=True)
    assert not made
    more = output(weights, tmp_path, where=np.ones(500, bool))
    np.testing.assert_allclose(more[:, WHERE], first[:, WHERE], atol=1e-6)
    assert len(made) == 1
    other = Genome("toy", (GENOME.codes + 1) % 4)
    output(weights, tmp_path, genome=other)
    assert len(made) == 2
    torch.manual_seed(1)
    network = ConvolutionalNetwork.load(weights)
    ConvolutionalNetwork(network.config).save(weights)
    changed = output(weights, tmp_path, genome=other)
    assert len(made) == 3
    assert not np.allclose(changed[:, WHERE], first[:, WHERE])
    (tmp_path / "prediction" / "cnn.json").unlink()
    output(weights, tmp_path, genome=other)
    assert len(made) == 4


def test_the_card_says_which_architecture(weights, tmp_path):
    assert isinstance(evaluation.load_network(weights, "cpu"), ConvolutionalNetwork)
    path = tmp_path / "a.safetensors"
    Annotator(AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=8)).save(path)
    assert isinstance(evaluation.load_network(path, "cpu"), Annotator)


def test_table_two_has_one_annotator_a_training_set():
    printed, other = vars(AnnotatorConfig(dropout=0.0)), vars(AnnotatorConfig(layers=2))
    cards = {
        "better": Card(train_set="curated", config=other),
        "cnn": Card(train_set="smrt", config=vars(ConvolutionalConfig())),
        "as-printed": Card(train_set="curated", config=printed),
        "seed-2": Card(train_set="curated", config=printed),
        "small": Card(train_set="sendseq", config=other),
    }
    assert evaluation.one_per_train_set(cards) == ["as-printed", "small"]


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
    table = evaluation.step_table(scores_of(cards), cards, ["helped", "absent", "cnn"])
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
    before = evaluation.step_table(performance, cards, names)
    assert before["step"].tolist() == [1, 2, 2]
    for lacking in (["longer"], ["a"], ["b"], ["a", "b"], names):
        at_hand = {name: card for name, card in cards.items() if name not in lacking}
        now = evaluation.step_table(performance, at_hand, names, earlier=before)
        pd.testing.assert_frame_equal(now, before)
    without = {name: card for name, card in cards.items() if name != "longer"}
    assert evaluation.step_table(performance, without, names)["step"].tolist() == [1, 1]
    other = before.rename(columns={"pr_auc_10": "pr_auc_5"})
    assert len(evaluation.step_table(performance, without, names, earlier=other)) == 2


def test_networks_are_described_by_what_they_are_and_were_given():
    card = Card(config=vars(AnnotatorConfig(layers=1, heads=4, window=256)))
    assert evaluation.describe_network(card).startswith("1 layer of 4 heads over 256 nt")
    card = card.replace(training={"focal_gamma": 0.8, "context": 0})
    assert evaluation.describe_network(card).endswith(
        "20 nt downstream, focal loss of exponent 0.8, segments without context"
    )


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
    assert evaluation.matched_rivals(cards) == [("plain", "plain cnn"), ("helped", "cnn")]


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
    pairs = evaluation.compare_matched(outputs, cards, label, where, resampling)
    assert pairs[["metric", "model", "rival"]].to_numpy().tolist() == [
        ["roc_auc", "plain", "cnn"],
        ["pr_auc", "plain", "cnn"],
    ]
    assert (pairs["difference_low"] > 0).all()
    value, low, high = evaluation.gained(outputs["plain"], outputs["cnn"], label, where, resampling)
    assert pairs.iloc[1][["difference", "difference_low", "difference_high"]].tolist() == [
        value, low, high
    ]  # fmt: skip
    none = evaluation.compare_matched({"cnn": noise}, cards, label, where, resampling)
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
    same = {
        name: evaluation.same_but_for_the_seed(cards["a"], card) for name, card in cards.items()
    }
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
    spread = evaluation.seed_spread(performance, cards, "b")
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
    table = evaluation.step_table(performance, cards, [*models, "absent"], ensembles)
    assert table["model"].tolist() == models
    assert table["step"].tolist() == [1, 1, 2, 3, 4]
    assert table["passes"].tolist() == [3, 3, 6, 5, 3]
    assert table["what"][2] == "mean log-odds of a, b"
    assert table["what"][4] == "a, and where the next gene begins"
    assert table["validation_loss"].isna().tolist() == [False, False, True, False, True]


def test_ensembles_are_read_from_texts():
    read = evaluation.read_ensembles(["three: a, b,c", "two:x,y"])
    assert read == {"three": ["a", "b", "c"], "two": ["x", "y"]}
    assert evaluation.read_ensembles(["with: genes, a"]) == {"with": ["a", "genes"]}
    with pytest.raises(ValueError, match="names no model beside genes"):
        evaluation.read_ensembles(["nothing: genes, genes"])
    for wrong in ("a, b", "one: a", ": a, b"):
        with pytest.raises(ValueError, match="must name an ensemble and two or more models"):
            evaluation.read_ensembles([wrong])


CALLS = pd.DataFrame(
    {
        "position": [10, 14, 40, 90, 30],
        "strand": ["+", "+", "+", "-", "-"],
        "output": 0.5,
        "hit": [True, False, False, False, False],
    }
)


def test_distances_of_false_calls():
    sites = pd.DataFrame({"position": [10, 30, 99], "strand": ["+", "-", "-"]})
    where = np.arange(100) < 100
    table = evaluation.distance_shares(CALLS, {"all": sites}, where).set_index("distance")
    assert table["n"].to_dict() == {
        "0": 1, "1 to 5": 1, "6 to 20": 1, "21 to 100": 1, "101 to 500": 0, "farther": 0
    }  # fmt: skip
    assert table["share"].sum() == pytest.approx(1)
    near = {"+": range(5, 16), "-": [*range(25, 36), *range(94, 100), *range(5)]}
    expected = (len(near["+"]) - 1 + len(near["-"]) - 2) / 200
    assert table.loc["1 to 5", "expected"] == pytest.approx(expected)
    assert table.loc["0", "expected"] == 3 / 200


def test_places_of_calls():
    place = np.zeros((2, 100), dtype=int)
    place[0, :20] = 1
    place[1, 80:] = 2
    label = np.zeros((2, 100), dtype=int)
    label[0, 10] = label[0, 50] = label[1, 85] = 1
    where = np.arange(100) >= 5
    table = evaluation.place_shares(CALLS, label, place, where)
    n = table.pivot(index="what", columns="place", values="n")
    assert n.loc["false calls"].to_dict() == {
        "between genes": 2, "in a gene, sense": 1, "in a gene, antisense": 1
    }  # fmt: skip
    assert n.loc["hits", "in a gene, sense"] == 1
    assert n.loc["sites"].sum() == 3
    assert n.loc["all positions"].tolist() == [155, 20, 15]
    assert (table.groupby("what")["share"].sum() - 1).abs().max() < 1e-12


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
    table = evaluation.training_length(performance, cards)
    assert table["model"].tolist() == ["long"] * 2
    assert table["train_set"].tolist() == ["curated"] * 2
    assert table["test_set"].tolist() == ["curated", "smrt"]
    assert table["shorter"].tolist() == pytest.approx([0.05, 0.05])
    assert table["longer"].tolist() == pytest.approx([0.35, 0.35])  # of both
    assert table["shorter_passes"].tolist() == pytest.approx([2.05, 2.05])
    assert table["longer_passes"].tolist() == pytest.approx([6.1, 6.1])
    assert evaluation.training_length(performance, {"alone": cards["alone"]}).empty


def test_settings_that_differ_are_named_with_both_values():
    base = Card(config={"window": 128}, training={"seed": 1, "context": 128})
    other = base.replace(training={"seed": 2, "context": 0, "focal_gamma": 0.8})
    told = evaluation.settings_that_differ(other, base)
    assert told == "context 128 → 0, focal_gamma 0.0 → 0.8"
    assert evaluation.settings_that_differ(base, base) == ""


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
    assert evaluation.worth_drawing(names, cards, "a") == ["a", "c", "e", "three", "scanner"]
    assert evaluation.worth_drawing(["a", "b"], cards, "a") == ["a", "b"]


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
    read = evaluation.compare_readings(
        {"base": better, "focal": worse}, cards, tracks, where, resampling
    )
    roc = read[read["metric"] == "roc_auc"].set_index(["model", "test_set"])
    assert roc.loc[("base", "curated"), "differs_in"] == ""
    assert roc.loc[("focal", "cappable"), "differs_in"] == "focal_gamma 0.0 → 0.8"
    assert roc.loc[("focal", "curated"), "difference_high"] < 0
    assert roc.loc[("focal", "cappable"), "difference_high"] > 0  # neither model knows these sites
    assert (read["passes"] == 2.0).all()


def test_a_gene_prior_is_fitted_on_the_validation_part_alone(weights, tmp_path):
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=4, conv_width=3))
    split = Split.at([0, 200, 300], 500)  # test, validation, training part
    card = Card(train_set="curated", parts={"test": [0, 200], "validation": [200, 300]})
    network.save(weights, card)
    track = np.random.default_rng(1).random((2, 500)) < 0.1
    distance = np.random.default_rng(2).choice([10.0, 60.0, np.inf], (2, 500))
    fitted = []
    for change in ("nothing", "other parts"):
        if change == "other parts":
            track[:, :200], track[:, 300:] = ~track[:, :200], ~track[:, 300:]
        fitted.append(
            evaluation.fit_gene_prior(
                {"cnn": weights}, GENOME, distance, track, split, tmp_path / "kept", "cpu"
            )
        )
    assert fitted[0] == fitted[1]
    assert fitted[0].members == ("cnn",)
    assert fitted[0].card["fitted_on"] == "validation" and fitted[0].card["genome"] == "toy"
    assert sum(fitted[0].card["positions"]) == 200
    assert sum(fitted[0].card["sites"]) == track[:, 200:300].sum()


def test_recall_is_the_share_of_the_sites_of_a_place():
    place = np.zeros((2, 100), dtype=int)
    place[0, :20] = 1
    label = np.zeros((2, 100), dtype=int)
    label[0, 10] = label[0, 15] = label[0, 50] = 1
    recall = evaluation.recall_by_place(CALLS, label, place, np.arange(100) >= 5)
    assert recall["in a gene, sense"] == 0.5
    assert recall["between genes"] == 0
    assert np.isnan(recall["in a gene, antisense"])
