"""The chapter training: train an annotator, score it; its parameters and its steps.

The steps up to the models are in `genoattn.chapters.training_models`, those on scores in
`genoattn.chapters.training_scores`, those on labels and attention, judged by seeds, in
`genoattn.chapters.training_labels`, the choice of a model in `genoattn.chapters.training_best`,
genes and kinds of error in `genoattn.chapters.training_errors`, kinds of sites in
`genoattn.chapters.training_sites`; here are the last ones. What each of them says is in the module
of the same name with ``_words``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from genoattn.chapters import training_best_words as best_words
from genoattn.chapters import training_errors_words as errors_words
from genoattn.chapters import training_labels_words as labels_words
from genoattn.chapters import training_words as words
from genoattn.chapters.training_best import Best, best
from genoattn.chapters.training_errors import (
    Calibration,
    Matching,
    against_truth,
    calibrated,
    false_positives,
    matching,
    next_gene,
    resolution,
)
from genoattn.chapters.training_labels import Attention, Labels, attention, labels
from genoattn.chapters.training_models import check_parts, models, parts, trained
from genoattn.chapters.training_scores import (
    Scores,
    curves_by_model,
    curves_by_set,
    rivals,
    scored,
    table_two,
)
from genoattn.chapters.training_sites import which_sites
from genoattn.evaluation.bootstrap import MOST_REPLICATES
from genoattn.evaluation.models import compare_readings, step_table
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.segments import TrainingConfig
from genoattn.model.weights import WEIGHTS as SHIPPED
from genoattn.model.weights import find_prior
from genoattn.prediction.ensemble import GENES, file_name, read_ensembles
from genoattn.study import earlier
from genoattn.study.parameters import (
    DATA_DIR,
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    filled,
    plain_name,
    positive,
)
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "against_truth",
    "attention",
    "best",
    "calibrated",
    "curves_by_model",
    "curves_by_set",
    "false_positives",
    "in_short",
    "labels",
    "matching",
    "models",
    "next_gene",
    "parts",
    "readings",
    "resolution",
    "rivals",
    "scored",
    "steps",
    "table_two",
    "trained",
    "which_sites",
]


def _a_name_to_train(values: Mapping[str, Any]) -> str | None:
    """Refuse weights that lead out of the run's folder, if a model is trained under that name."""
    name = values["weights"]
    problem = plain_name(name) if values["train"] else None
    if values["train"] and not problem and (name == GENES or find_prior(name)):
        problem = "must not be what an ensemble is called"
    return problem and f"'weights' {problem}, not {name!r}; it is to be trained"


def _ensembles_by_other_names(values: Mapping[str, Any]) -> str | None:
    """Refuse ensembles that cannot be read, or that would be taken for a model."""
    try:
        named = read_ensembles(values["ensembles"])
    except ValueError as error:
        return f"'ensembles' has {error}"
    models = {Path(values["weights"]).stem, *values["others"], *values["readings"]}
    models |= {one for members in named.values() for one in members}
    models |= {file.stem for file in SHIPPED.glob("*.safetensors")}
    files: dict[str, str] = {}
    for name in named:
        file = file_name(name)
        if {name, file} & models:
            return f"'ensembles' has an ensemble that is named as the model {name!r}; rename it"
        if problem := plain_name(file):
            return f"'ensembles': a name {problem}, not {name!r}"
        if file in files:
            return f"'ensembles': {files[file]!r} and {name!r} would have one file; rename one"
        files[file] = name
    return None


def _three_cuts(values: Mapping[str, Any]) -> str | None:
    """Refuse cuts that do not cut a genome into three parts."""
    cuts = values["cuts"]
    if not cuts or (len(cuts) == 3 and cuts[0] < cuts[1] < cuts[2]):
        return None
    return f"'cuts' must be three increasing positions, or none, not {cuts}"


def _model_of_its_size(values: Mapping[str, Any]) -> str | None:
    """Refuse a network or a training that there cannot be, if one is trained."""
    if not values["train"]:
        return None
    try:
        for kind in (AnnotatorConfig, TrainingConfig):
            kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})
    except ValueError as error:
        name, _, wrong = str(error).partition(" ")
        return f"{name!r} {wrong}"
    return None


PARAMETERS = Schema(
    "02_training",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "others": Parameter(
            list[str],
            [],
            "weights to compare with; a model not there keeps the scores of an earlier run",
            unique=True,
            rule=filled,
        ),
        "steps": Parameter(
            list[str],
            [],
            "those of them that lead from one model to a better one, in order, for a table",
            unique=True,
        ),
        "ensembles": Parameter(
            list[str],
            [],
            "models to average, each as 'name: first, second'; genes counts as one of them",
            unique=True,
        ),
        "readings": Parameter(
            list[str],
            [],
            "models that differ from the first of them in one reading of the paper, for a table",
            unique=True,
            rule=filled,
        ),
        "train": Parameter(
            bool,
            True,
            "whether to train (under this name, in run_dir/training) or to use what is there",
        ),
        "fresh": Parameter(
            bool,
            True,
            "whether to forget an earlier training of that name instead of going on with it",
        ),
        "train_set": Parameter(
            str, "curated", "sites to train on: curated, or the name of a source"
        ),
        "external": Parameter(
            list[str],
            [],
            "published start sites that no curation step used, to test on",
            choices=("drnaseq",),
            unique=True,
        ),
        "data_dir": DATA_DIR,
        "cuts": Parameter(
            list[int],
            [],
            "where test, validation and training part start, nt; none: as in the paper, relatively",
            low=0,
        ),
        "layers": Parameter(int, 3, "attention layers, if a model is trained (paper 6)", low=1),
        "heads": Parameter(
            int, 4, "attention heads of a layer, if a model is trained (paper 6)", low=1
        ),
        "d_model": Parameter(
            int, 32, "width of the hidden state, if a model is trained (paper 32)", low=2
        ),
        "d_head": Parameter(
            int, 16, "width of query, key and value, if a model is trained (paper 32)", low=1
        ),
        "window": Parameter(
            int,
            128,
            "positions that a query attends to, nt, if a model is trained (paper 512)",
            low=1,
        ),
        "downstream": Parameter(
            int,
            20,
            "sequence downstream of a site that is read, nt, if a model is trained (paper 20)",
            low=0,
        ),
        "dropout": Parameter(
            float, 0.1, "dropout, if a model is trained (paper 0.1)", low=0, high=0.9
        ),
        "passes": Parameter(float, 6.0, "most passes over the training part", low=0.01),
        "segment": Parameter(int, 1024, "scored positions of a training segment, nt", low=1),
        "context": Parameter(
            int, 128, "positions read, but not scored, before each segment, nt", low=0
        ),
        "batch": Parameter(int, 4, "segments in a step", low=1),
        "empty_share": Parameter(
            float, 1.0, "share of the segments without a site that a pass reads", low=0.001, high=1
        ),
        "learning_rate": Parameter(
            float, 0.005, "highest learning rate", low=0, high=1000, rule=positive
        ),
        "steps_per_round": Parameter(
            int, 100, "steps between two looks at the validation part", low=1
        ),
        "patience": Parameter(
            int, 6, "rounds without a lower validation loss after which training stops", low=1
        ),
        "seed": Parameter(
            int,
            1,
            "seed of the weights, of the order of segments, of dropout, of resampling",
            low=0,
        ),
        "precision": Parameter(
            str, "32-true", "arithmetic of the training", choices=("32-true", "bf16-mixed")
        ),
        "accelerator": Parameter(str, "auto", "cpu, gpu or auto", choices=("auto", "cpu", "gpu")),
        "k_max": Parameter(
            int, 20, "longest k-mer at which the output is scored, nt", low=2, high=200
        ),
        "tolerances": Parameter(
            list[int],
            [0, 1, 2, 5],
            "farthest that a call and its site may be apart, nt",
            low=0,
            unique=True,
            sizes=(1, None),
        ),
        "radius": Parameter(
            int, 5, "a call is the highest output within so many nt on its strand", low=0
        ),
        "block": Parameter(
            int, 2_000, "length of the blocks of the genome that are resampled, nt", low=1
        ),
        "n_bootstrap": Parameter(
            int, 1_000, "resamples of blocks, for intervals", low=10, high=MOST_REPLICATES
        ),
    },
    together=(_a_name_to_train, _ensembles_by_other_names, _three_cuts, _model_of_its_size),
)
"""What this chapter may be asked."""


# ------------------------------------------------------------------------- steps and readings


class Steps(NamedTuple):
    """What each step from one model to a better one brought."""

    steps: pd.DataFrame
    """`genoattn.evaluation.models.step_table`, what an earlier run left included."""
    finding: Finding


def steps(run: Run, scores: Scores, p: Checked) -> Steps:
    """Set out the steps that the parameters name, in their order."""
    models = scores.models
    found = step_table(
        scores.table,
        models.cards,
        p.steps,
        len(scores.data.study.genome),
        models.ensembles,
        min(10, p.k_max),
        run.earlier("ablation") if p.steps else None,
    )
    results = {"ablation": found} if len(found) else {}
    return Steps(found, Finding(words.say_steps(found, scores.absent), results))


class Readings(NamedTuple):
    """Models that differ from the first of them in one reading of the paper."""

    read: pd.DataFrame
    """`genoattn.evaluation.models.compare_readings`, what an earlier run left included."""
    finding: Finding


def readings(run: Run, scores: Scores, p: Checked) -> Readings:
    """Compare models that read the paper differently.

    Differences are to the first model, so that without its weights all rows are those of an
    earlier run.
    """
    data = scores.data
    at_hand = [name for name in p.readings if run.has_weights(name)]
    if p.readings[:1] != at_hand[:1]:
        at_hand = []
    absent = [name for name in p.readings if name not in at_hand]
    read = pd.DataFrame(columns=_READ)
    if at_hand:
        files = {name: run.weights(name) for name in at_hand}
        cards = {name: Card.read(file) for name, file in files.items()}
        check_parts(cards, data, "readings")
        outputs = {
            name: run.predict(file, "test", data.split, p.accelerator)
            for name, file in files.items()
        }
        read = compare_readings(outputs, cards, data.tracks, scores.where, scores.resampling)
    left = earlier.left(run.earlier("readings"), absent, _READ).fillna({"differs_in": ""})
    read = _by_set(read, left, [*data.tracks], p.readings)
    said = words.say_readings(read, data.names, absent)
    return Readings(read, Finding(said, {"readings": read} if len(read) else {}))


_READ = [
    "model", "metric", "value", "ci_low", "ci_high", "difference", "difference_low",
    "difference_high", "test_set", "differs_in", "passes",
]  # fmt: skip


def _by_set(
    now: pd.DataFrame, left: pd.DataFrame, sets: Sequence[str], order: Sequence[str]
) -> pd.DataFrame:
    """Rows of now and of an earlier run, by test set and then by model."""
    if left.empty:
        return now
    whole = pd.concat([now, left], ignore_index=True) if len(now) else left
    place = {name: number for number, name in enumerate([*sets, *order])}
    return whole.sort_values(
        ["test_set", "model"], key=lambda names: names.map(place), kind="stable", ignore_index=True
    )


# ------------------------------------------------------------------------------------ in short


def in_short(
    scores: Scores,
    labels: Labels,
    best: Best,
    attention: Attention,
    matching: Matching,
    calibration: Calibration,
) -> Finding:
    """Answer the chapter's question in a few sentences, and say what they rest on."""
    several = scores.data.study.asks("architectures")
    away = scores.exact[scores.exact["test_set"].isin(scores.data.external)]
    return Finding(
        words.say_in_short(
            scores.models.name,
            scores.own,
            scores.label[:, scores.where].mean(),
            matching.matched,
            [
                best_words.best_verdict(best.chosen, away[away["metric"] == "pr_auc"]),
                labels_words.labels_verdict(labels.compared, scores.data.external),
                labels_words.attention_verdict(attention.compared, scores.models.train_set)
                if several
                else "",
            ],
            errors_words.verdict_on(calibration.bins[scores.models.name])[0],
            several=several,
        )
    )
