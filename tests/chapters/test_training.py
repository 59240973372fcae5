"""The steps of the chapter on training; rows of models that are not at hand stay."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from toy_trainings import card, readings

from genoattn.chapters import training as chapter
from genoattn.chapters import (
    training_best,
    training_errors,
    training_labels,
    training_models,
    training_scores,
    training_sites,
)
from genoattn.evaluation import scores
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run
from genoattn.study.tasks import TASKS

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
    table = sites.assign(source="assay", sigma="Sigma70")
    study = SimpleNamespace(
        sites=table,
        genome=genome,
        published=False,
        features=features,
        elements=None,
        task="tss",
        of=TASKS["tss"],
        asks=TASKS["tss"].questions.__contains__,
    )
    sites = sites.assign(n_sources=1 + np.arange(len(sites)) % 2)
    data = training_models.Data(study, {"curated": sites}, {"curated": track}, (), split, Finding())
    parts = {"test": [0, 1_500], "validation": [1_500, 2_000]}
    cards = {
        "m": card(2.0, parts=parts),
        "cnn": card(2.0, config=ConvolutionalConfig(), parts=parts),
    }
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
    assert "by the sites of the set that it was trained on, **m**" in two.finding.said
    assert "No model was trained a second time" in two.finding.said


def test_rivals_of_an_earlier_run_have_scores_and_no_difference(toy):
    _, scored = toy
    rivals = training_scores.rivals(scored)
    assert "TTGACA, 17 nt, TATAAT and 6 nt" in rivals.finding.said
    comparison = rivals.comparison
    gone = comparison[comparison["model"] == "gone"]
    assert gone["earlier"].all() and gone["difference"].isna().all() and len(gone) == 2
    assert not comparison[comparison["model"] != "gone"]["earlier"].any()


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
    asked = p(readings=["base", "cold"], accelerator="cpu")
    none = chapter.readings(run, scored, asked)
    assert none.read.empty and not none.finding.results
    kept = readings().assign(ci_low=0.0, ci_high=1.0)[chapter._READ]
    kept = kept[kept["test_set"] == "curated"]
    write(run, "readings", pd.concat([kept, kept.iloc[:1].assign(model="forgotten")]))
    read = chapter.readings(run, scored, asked)
    pd.testing.assert_frame_equal(read.read, kept.reset_index(drop=True), check_dtype=False)
    assert "| unchanged† |" in read.finding.said


def test_errors_are_looked_at_in_all_ways(toy):
    _, scored = toy
    by_k = training_errors.resolution(scored, p())
    matched = training_errors.matching(scored, by_k, p())
    assert "At 4-mers, by the mean, the PR AUC is" in matched.finding.said
    assert set(matched.matched["model"]) == {"m", "cnn", "scanner"}
    assert matched.matched.columns[0] == "train_set"
    assert set(training_errors.calibrated(scored).bins) == {"m", "cnn", "scanner"}
    false = training_errors.false_positives(scored, p())
    assert "some set" not in false.finding.said, "there is but one set"
    assert set(false.finding.results) == {"false_calls", "false_calls_places"}
    assert by_k.by_k["k"].max() == 10
    assert training_errors.next_gene(scored, p()).terms == {}
    assert training_errors.against_truth(scored).said.startswith("Left out")
    assert set(training_scores.curves_by_set(scored)) == {"curated"}
    assert set(training_scores.curves_by_model(scored)) == {"m", "cnn", "scanner"}


def test_a_model_of_another_part_is_refused(toy):
    _, scored = toy
    here = {"test": [0, 1_500], "validation": [1_500, 2_000]}
    training_models.check_parts({"m": card(parts=here)}, scored.data, "others")
    with pytest.raises(ValueError, match="m was tested on another part of the genome; leave"):
        other = {"test": [0, 1_400], "validation": [1_500, 2_000]}
        training_models.check_parts({"m": card(parts=other)}, scored.data, "others")


def with_seeds(scored):
    """The same with a second seed of both recipes, models of another source, and new sites."""
    rng = np.random.default_rng(5)
    cards, outputs = dict(scored.models.cards), dict(scored.outputs)
    source = (rng.random((2, LENGTH)) < 0.02).astype(np.uint8)
    for name in ("m", "cnn"):
        training = {**cards[name].training, "seed": 2}
        cards[f"{name}-s1"] = cards[name].replace(training=training)
        outputs[f"{name}-s1"] = outputs[name] * rng.uniform(0.8, 1.0, outputs[name].shape)
    cards["assay"] = cards["m"].replace(train_set="assay")
    outputs["assay"] = 1 / (1 + np.exp(4 - 4.0 * source - rng.normal(size=source.shape)))
    tracks = {**scored.data.tracks, "assay": source, "new": scored.data.tracks["curated"]}
    sites = {**scored.data.sites, "assay": pd.DataFrame(), "new": pd.DataFrame()}
    data = scored.data._replace(tracks=tracks, sites=sites, external=("new",))
    models = scored.models._replace(cards=cards, left=scored.models.left.iloc[:0], order=(*cards,))
    table = pd.concat(
        [
            scores.performance(
                output, tracks, scored.where, scored.resampling, model=name, resolutions=(1,),
                train_set=cards[name].train_set, seed=cards[name].seed, beside_paper=False,
            )
            for name, output in outputs.items()
        ],
        ignore_index=True,
    )  # fmt: skip
    often = Resampling.of(scored.where, 100, 200, 0)
    return scored._replace(data=data, models=models, outputs=outputs, table=table, resampling=often)


def test_labels_are_compared_by_models_of_one_recipe(toy):
    run, scored = toy
    assert training_labels.labels(run, scored).finding.said.startswith("Left out")
    several = with_seeds(scored)
    found = training_labels.labels(run, several)
    own = found.compared.set_index(["train_set", "test_set", "metric"])
    assert own.loc[("curated", "new", "pr_auc"), "n_seeds"] == 2
    assert own.loc[("assay", "new", "pr_auc"), "difference"] > 0
    assert own.loc[("assay", "assay", "pr_auc"), "difference"] < 0
    assert "Are curated labels better? Yes:** on new" in found.finding.said
    two = training_scores.table_two(several)
    assert set(two.pairs["train_set"]) == {"curated", "assay"}


def test_labels_stand_as_an_earlier_run_left_them_if_a_seed_is_not_at_hand(toy):
    run, scored = toy
    several = with_seeds(scored)
    now = training_labels.labels(run, several).compared
    write(run, "labels", now.assign(n_seeds=3))
    lacking = several._replace(models=several.models._replace(order=("m", "m-s2", "cnn", "assay")))
    again = training_labels.labels(run, lacking)
    assert set(again.compared["n_seeds"]) == {3} and "an earlier run" in again.finding.said
    (run.results / "labels.csv").unlink()
    fresh = training_labels.labels(run, lacking)
    assert set(fresh.compared["n_seeds"]) == {1, 2}


def test_attention_is_judged_by_the_seeds_of_both(toy):
    _, scored = toy
    one = training_labels.attention(scored)
    assert "with one seed only" in one.finding.said
    found = training_labels.attention(with_seeds(scored))
    assert found.compared[["n_attention", "n_dilations"]].to_numpy().tolist() == [[2, 2]] * 4
    assert found.compared["test_set"].unique().tolist() == ["curated", "new"]
    assert set(found.dots["model"]) == {"m", "m-s1", "cnn", "cnn-s1"}
    bare = scored._replace(models=scored.models._replace(cards={"m": scored.models.cards["m"]}))
    assert training_labels.attention(bare).finding.said.startswith("**This run cannot isolate")


def test_the_best_model_is_chosen_on_the_validation_part(toy, monkeypatch):
    run, scored = toy
    files = {name: run.folder / name for name in scored.outputs}
    monkeypatch.setattr(run, "predict", lambda file, *_: scored.outputs[file.name])
    given = scored._replace(models=scored.models._replace(files=files))
    found = training_best.best(run, given, p(accelerator="cpu"))
    assert found.name == "m" and found.chosen["model"].tolist() == ["m", "cnn"]
    assert found.chosen["validation_pr_auc"].is_monotonic_decreasing
    assert "none of the others is higher" in found.finding.said


def test_sites_are_found_by_kind_and_copies_are_counted(toy):
    _, scored = toy
    found = training_sites.which_sites(scored, p())
    groups = found.recall.set_index(["kind", "group"])["n"]
    n = int(scored.label[:, scored.where].sum())
    assert groups["all", "all sites"] == n == groups["sigma factor", "σ70"]
    assert groups["sources", "1"] + groups["sources", "2"] == n
    assert f"Of {n:,} sites, 0 have the 20 nt directly upstream" in found.finding.said
