"""The steps of the chapter on training; rows of models that are not at hand stay."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from toy_trainings import card, readings

from genoattn.chapters import training as chapter
from genoattn.chapters import training_errors, training_models, training_scores
from genoattn.evaluation import scores
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

LENGTH = 3_000


def test_joined_rows_come_by_model_in_the_order_named():
    now = pd.DataFrame({"model": ["a", "a", "c"], "value": [1, 2, 5]})
    left = pd.DataFrame({"model": ["b", "b"], "value": [3, 4]})
    assert training_models.joined(now, left, ["a", "b", "c"])["value"].tolist() == [1, 2, 3, 4, 5]
    assert training_models.joined(now.iloc[:0], left, ["a", "b"])["value"].tolist() == [3, 4]
    assert training_models.joined(now, left.iloc[:0], ["a"]) is now


def test_readings_come_by_set_and_then_by_model():
    now = pd.DataFrame({"model": ["x", "x"], "test_set": ["one", "two"], "value": [1, 3]})
    left = pd.DataFrame({"model": ["y", "y"], "test_set": ["one", "two"], "value": [2, 4]})
    assert chapter._by_set(now, left, ["one", "two"], ["x", "y"])["value"].tolist() == [1, 2, 3, 4]
    assert chapter._by_set(now, left.iloc[:0], ["one", "two"], ["x"]) is now


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Scores of a model, of a network that was given the same, and of one that is not at hand."""
    rng = np.random.default_rng(0)
    run = Run(tmp_path_factory.mktemp("run"))
    genome = Genome("toy", rng.integers(0, 4, LENGTH).astype(np.uint8))
    track = (rng.random((2, LENGTH)) < 0.02).astype(np.uint8)
    split = Split.at([0, 1_500, 2_000], LENGTH)
    where = split.mask("test")
    row, position = np.nonzero(track)
    sites = pd.DataFrame({"position": position, "strand": np.array(["+", "-"])[row]})
    features = pd.DataFrame({"type": ["gene"], "start": [100], "end": [900], "strand": ["+"]})
    study = SimpleNamespace(
        genome=genome, published=False, features=features, elements=None, task="tss"
    )
    data = training_models.Data(study, {"curated": sites}, {"curated": track}, (), split, Finding())
    cards = {"m": card(2.0), "cnn": card(2.0, config=ConvolutionalConfig())}
    resampling = Resampling.of(where, 100, 20, 0)
    outputs = {
        name: 1 / (1 + np.exp(4 - gain * track - rng.normal(size=track.shape)))
        for name, gain in (("m", 4.0), ("cnn", 2.0), ("gone", 3.0), ("scanner", 1.0))
    }
    table = pd.concat(
        [
            scores.performance(
                output, data.tracks, where, resampling, train_set="curated", model=name, seed=1,
                resolutions=(1, 10), beside_paper=False,
            )
            for name, output in outputs.items()
        ],
        ignore_index=True,
    )  # fmt: skip
    model = Model("m", run.folder / "m.safetensors", None, cards["m"], split)
    left = table[table["model"] == "gone"]
    models = training_models.Models(model, {}, cards, {}, ("m", "gone", "cnn"), left, Finding())
    at_hand = {name: outputs[name] for name in cards}
    genes = training_scores.Genes(pd.DataFrame(columns=["position", "strand"]), {})
    scans = {"curated": outputs["scanner"]}
    fitted = SimpleNamespace(
        consensus=("TTGACA", "TATAAT"), spacer=np.eye(8)[3], distance=np.eye(11)[4], share=0.9
    )
    return run, training_scores.Scores(
        data, models, at_hand, {"curated": fitted}, scans, genes, table, resampling, Finding()
    )


def p(**given):
    return SimpleNamespace(**{"tolerances": [0, 2], "radius": 5, "k_max": 10, **given})


def write(run, name, frame):
    run.results.mkdir(parents=True, exist_ok=True)
    frame.to_csv(run.results / f"{name}.csv", index=False, float_format="%.6g")


def test_names_that_are_not_at_hand_are_absent(toy):
    _, scored = toy
    assert scored.absent == ("gone",)
    assert list(scored.rivals) == ["m", "cnn", "scanner"]
    assert scored.own.index.tolist() == ["roc_auc", "pr_auc"]


def test_a_table_of_pairs_is_of_the_annotator_alone(toy):
    _, scored = toy
    two = training_scores.table_two(scored)
    assert set(two.pairs["model"]) == {"m"}
    assert list(two.baselines) == ["scanner", "convolutional"]
    assert "On the set it was trained on, **m**" in two.finding.said


def test_attention_keeps_the_pairs_of_an_earlier_run(toy, monkeypatch):
    run, scored = toy
    monkeypatch.setattr(run, "model", lambda *_: SimpleNamespace(network=None))
    monkeypatch.setattr(training_scores, "n_parameters", lambda _: 10)
    now = training_scores.attention(run, scored)
    assert now.pairs["model"].tolist() == ["m", "m"]
    before = pd.concat([now.pairs.assign(model=name) for name in ("forgotten", "m", "gone")])
    write(run, "attention_or_dilations", before)
    again = training_scores.attention(run, scored)
    assert again.pairs["model"].tolist() == ["m", "m", "gone", "gone"]
    assert list(again.pairs) == list(now.pairs)
    assert "gone†" in again.finding.said and "forgotten" not in again.finding.said


def test_rivals_of_an_earlier_run_have_scores_and_no_difference(toy):
    _, scored = toy
    rivals = training_scores.rivals(scored)
    assert "TTGACA, 17 nt, TATAAT and 6 nt" in rivals.finding.said
    comparison = rivals.comparison
    gone = comparison[comparison["model"] == "gone"]
    assert gone["earlier"].all() and gone["difference"].isna().all() and len(gone) == 2
    assert not comparison[comparison["model"] != "gone"]["earlier"].any()


def test_training_length_keeps_rows_that_an_absent_model_may_be_part_of(toy):
    run, scored = toy
    columns = ["model", "train_set", "test_set", "metric", "shorter_passes", "shorter",
               "longer_passes", "longer", "paper_value"]  # fmt: skip
    rows = [
        (model, train_set, "curated", "roc_auc", 1.0, 0.8, 3.0, 0.9, np.nan)
        for model, train_set in (("m", "curated"), ("m", "smrt"), ("other", "curated"))
    ]
    write(run, "training_length", pd.DataFrame(rows, columns=columns))
    length = training_scores.length(run, scored)
    assert length.by_length[["model", "train_set"]].to_numpy().tolist() == [["m", "curated"]]
    assert "m†" in length.finding.said
    nothing = scored._replace(models=scored.models._replace(left=scored.models.left.iloc[:0]))
    assert training_scores.length(run, nothing).by_length.empty
    assert not training_scores.length(run, nothing).finding.results


def test_steps_keep_the_rows_of_an_earlier_run(toy):
    run, scored = toy
    steps = chapter.steps(run, scored, p(steps=["m", "cnn"]))
    assert steps.steps["model"].tolist() == ["m", "cnn"]
    write(run, "ablation", pd.concat([steps.steps, steps.steps.iloc[:1].assign(model="gone")]))
    again = chapter.steps(run, scored, p(steps=["gone", "m", "cnn"]))
    assert again.steps["model"].tolist() == ["gone", "m", "cnn"]
    assert "| gone† |" in again.finding.said
    assert chapter.steps(run, scored, p(steps=[])).finding.results == {}


def test_readings_without_weights_are_those_of_an_earlier_run(toy):
    run, scored = toy
    two, length = training_scores.table_two(scored), training_scores.length(run, scored)
    asked = p(readings=["base", "cold"], accelerator="cpu")
    none = chapter.readings(run, scored, two, length, asked)
    assert none.read.empty and not none.finding.results
    kept = readings().assign(ci_low=0.0, ci_high=1.0)[chapter._READ]
    kept = kept[kept["test_set"] == "curated"]
    write(run, "readings", pd.concat([kept, kept.iloc[:1].assign(model="forgotten")]))
    read = chapter.readings(run, scored, two, length, asked)
    pd.testing.assert_frame_equal(read.read, kept.reset_index(drop=True), check_dtype=False)
    assert "| unchanged† |" in read.finding.said


def test_errors_are_looked_at_in_all_ways(toy):
    _, scored = toy
    matched = training_errors.matching(scored, p())
    assert set(matched.matched["model"]) == {"m", "cnn", "scanner"}
    assert matched.matched.columns[0] == "train_set"
    assert set(training_errors.calibrated(scored).bins) == {"m", "cnn", "scanner"}
    false = training_errors.false_positives(scored, p())
    assert "some set" not in false.finding.said, "there is but one set"
    assert set(false.finding.results) == {"false_calls", "false_calls_places"}
    assert training_errors.resolution(scored, p()).by_k["k"].max() == 10
    assert training_errors.next_gene(scored, p()).terms == {}
    assert training_errors.against_truth(scored).said.startswith("Left out")
    assert set(training_scores.curves_by_set(scored)) == {"curated"}
    assert set(training_scores.curves_by_model(scored)) == {"m", "cnn", "scanner"}
    assert training_scores.external(scored).said.startswith("Left out")
    assert "second time" in training_scores.seeds(scored).said


def test_a_model_of_another_part_is_refused(toy):
    _, scored = toy
    here = {"test": [0, 1_500], "validation": [1_500, 2_000]}
    training_models.check_parts({"m": card(parts=here)}, scored.data, "others")
    with pytest.raises(ValueError, match="m was tested on another part of the genome; leave"):
        other = {"test": [0, 1_400], "validation": [1_500, 2_000]}
        training_models.check_parts({"m": card(parts=other)}, scored.data, "others")
