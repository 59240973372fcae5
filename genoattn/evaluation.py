"""Outputs of trained models on a part of the genome, kept in a run's folder; touches that folder.

A prediction takes minutes, so it is written beside a record of what it was made from, and made
again only when that has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import metrics
from genoattn.bootstrap import Resampling
from genoattn.card import Card
from genoattn.convolutional import load_network
from genoattn.files import writing
from genoattn.gene_context import PLACES
from genoattn.gene_prior import GENES, GenePrior
from genoattn.genome import STRANDS, Genome
from genoattn.labels import Split
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.peaks import nearest_offset
from genoattn.prediction import mean_log_odds, predict
from genoattn.training import TrainingConfig

__all__ = [
    "DISTANCES",
    "compare_matched",
    "compare_readings",
    "describe_ensemble",
    "describe_network",
    "distance_shares",
    "fit_gene_prior",
    "gained",
    "matched_rivals",
    "one_per_train_set",
    "output_of",
    "place_shares",
    "read_ensembles",
    "recall_by_place",
    "same_but_for_the_seed",
    "seed_spread",
    "settings_that_differ",
    "step_table",
    "training_length",
    "worth_drawing",
]

_TRAINING = asdict(TrainingConfig())

DISTANCES: dict[str, float] = {
    "0": 0, "1 to 5": 5, "6 to 20": 20, "21 to 100": 100, "101 to 500": 500, "farther": np.inf
}  # fmt: skip
"""Classes of distance to the nearest site: name -> largest distance in nt."""


def describe_network(card: Card) -> str:
    """Say in a line what a card's network is and what it was trained on beside the labels."""
    c = card.config
    if card.convolutional:
        text = f"{c['layers']} dilated convolutions of {c['channels']} channels"
    else:
        layers = f"{c['layers']} layer" + "s" * (c["layers"] > 1)
        text = f"{layers} of {c['heads']} heads over {c['window']} nt"
        if c["stem"]:
            text += f" on {c['stem']} dilated convolutions of {c['d_model']} channels"
    text += f", {c['downstream']} nt downstream"
    if card.auxiliary:
        text += f", {len(card.auxiliary)} auxiliary targets"
    if card.training.get("focal_gamma"):
        text += f", focal loss of exponent {card.training['focal_gamma']:g}"
    if not card.training.get("context", 1):
        text += ", segments without context"
    return text


def read_ensembles(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read ensembles from texts such as ``"three seeds: first, second, third"``.

    Returns
    -------
    dict of str to list of str
        Name of the ensemble -> its models, and last ``genes`` (`genoattn.gene_prior.GENES`) if that
        is among them.

    Raises
    ------
    ValueError
        A text without a name, or with fewer than two models.
    """
    found = {}
    for text in texts:
        name, _, rest = text.partition(":")
        members = [member.strip() for member in rest.split(",") if member.strip()]
        if not name.strip() or len(members) < 2:
            raise ValueError(
                f"ensembles: {text!r} must name an ensemble and two or more models, "
                f"such as 'three seeds: first, second, third' or 'with genes: first, {GENES}'"
            )
        if members == [GENES] * len(members):
            raise ValueError(f"ensembles: {text!r} names no model beside {GENES}")
        found[name.strip()] = sorted(members, key=lambda member: member == GENES)
    return found


def describe_ensemble(members: Sequence[str]) -> str:
    """Say in a line what an ensemble's output is made of."""
    models = [member for member in members if member != GENES]
    text = f"mean log-odds of {', '.join(models)}" if len(models) > 1 else models[0]
    return text + ", and where the next gene begins" * (GENES in members)


def same_but_for_the_seed(card: Card, other: Card) -> bool:
    """Say whether two cards are of one network, trained alike on the same labels."""

    def recipe(one: Card) -> tuple[Any, ...]:
        training = {**_TRAINING, **one.training, "seed": None}
        return (
            one.config,
            one.train_set,
            one.auxiliary,
            training,
            one.initial and recipe(one.initial),
        )

    return recipe(card) == recipe(other)


def step_table(
    performance: pd.DataFrame,
    cards: Mapping[str, Card],
    steps: Sequence[str],
    ensembles: Mapping[str, list[str]] | None = None,
    k: int = 10,
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each step from one model to a better one brought, on the labels it was trained on.

    Parameters
    ----------
    performance : DataFrame
        From `genoattn.metrics.performance`, rows of all models.
    cards : mapping of model to its card
    steps : sequence of str
        Models or ensembles in order. Models that differ in their seed alone share a step.
    ensembles : mapping of ensemble to its models, optional
    k : int
        Length of the k-mers of the coarse score (the mean of the output over each).
    earlier : DataFrame, optional
        Such a table of an earlier run: its rows stand for the models without a card, which are
        left out if it has none of them.

    Returns
    -------
    DataFrame
        Columns step (from 1), model, what, seed (of an ensemble, its first model's), passes (summed
        over an ensemble), validation_loss (nats a position; NaN for an ensemble), roc_auc, pr_auc
        and ``pr_auc_<k>``.
    """
    ensembles = ensembles or {}
    before = {}
    if earlier is not None and f"pr_auc_{k}" in earlier:
        before = {str(one["model"]): one for one in _records(earlier)}
    rows: list[dict[str, Any]] = []
    for name in steps:
        if set(_models(name, ensembles)) <= set(cards):
            row = _step(performance, cards, name, ensembles, k)
        elif name in before:
            row = dict(before[name])
        else:
            continue
        step = 1
        if rows:
            last = str(rows[-1]["model"])
            if last in cards and name in cards:
                same = same_but_for_the_seed(cards[last], cards[name])
            else:
                same = {last, name} <= {*before} and before[last]["step"] == before[name]["step"]
            step = rows[-1]["step"] + (not same)
        rows.append({**row, "step": step})
    return pd.DataFrame(rows)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame, with their own types."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _models(name: str, ensembles: Mapping[str, list[str]]) -> list[str]:
    """The models of an ensemble, or the one that has the name."""
    return [member for member in ensembles.get(name, [name]) if member != GENES]


def _step(
    performance: pd.DataFrame,
    cards: Mapping[str, Card],
    name: str,
    ensembles: Mapping[str, list[str]],
    k: int,
) -> dict[str, Any]:
    """A row of `step_table`, all but its number."""
    members = [cards[member] for member in _models(name, ensembles)]
    card, alone = members[0], name not in ensembles
    own = performance[
        (performance["model"] == name) & (performance["test_set"] == card.train_set)
    ].set_index(["resolution", "metric"])["value"]
    return {
        "step": 0,
        "model": name,
        "what": f"{describe_network(card)}, {card.passes:.1f} passes"
        if alone
        else describe_ensemble(ensembles[name]),
        "seed": card.seed,
        "passes": sum(member.passes for member in members),
        "validation_loss": card.validation_loss if alone else np.nan,
        "roc_auc": own[1, "roc_auc"],
        "pr_auc": own[1, "pr_auc"],
        f"pr_auc_{k}": own[k, "pr_auc"],
    }


def seed_spread(performance: pd.DataFrame, cards: Mapping[str, Card], model: str) -> pd.DataFrame:
    """How far the exact scores of a model's seeds lie apart.

    Parameters
    ----------
    performance : DataFrame
        From `genoattn.metrics.performance`.
    cards : mapping of model to its card
    model : str
        Those that differ from it in the seed alone are its seeds.

    Returns
    -------
    DataFrame
        Columns test_set, metric, n (seeds, the model's own included), lowest, mean, highest,
        paper_value.
    """
    seeds = [name for name, card in cards.items() if same_but_for_the_seed(card, cards[model])]
    rows = performance[performance["model"].isin(seeds) & (performance["resolution"] == 1)]
    return (
        rows.groupby(["test_set", "metric"], sort=False)
        .agg(
            n=("value", "size"),
            lowest=("value", "min"),
            mean=("value", "mean"),
            highest=("value", "max"),
            paper_value=("paper_value", "first"),
        )
        .reset_index()
    )


def training_length(performance: pd.DataFrame, cards: Mapping[str, Card]) -> pd.DataFrame:
    """What a longer training of the same network on the same labels changes.

    Parameters
    ----------
    performance : DataFrame
        From `genoattn.metrics.performance`.
    cards : mapping of model to its card
        Networks that differ in dropout or seed alone count as the same.

    Returns
    -------
    DataFrame
        A row for each training set with a network that was trained half as long again as another,
        each test set and each metric: model (the first with the most passes, within a tenth),
        train_set, test_set, metric; shorter_passes, shorter (means over the models with the fewest
        passes, within a tenth); longer_passes, longer (over those with the most); paper_value.
    """
    alike: dict[tuple[Any, ...], dict[str, float]] = {}
    for name, card in cards.items():
        network = {**card.config, "dropout": None}
        key = card.train_set, repr(sorted(network.items())), card.auxiliary
        alike.setdefault(key, {})[name] = card.passes
    exact = performance[performance["resolution"] == 1]
    found = []
    for (train_set, *_), passes in alike.items():
        least, most = min(passes.values()), max(passes.values())
        if most < 1.5 * least:
            continue
        short = [name for name in passes if passes[name] <= 1.1 * least]
        long = [name for name in passes if passes[name] >= most / 1.1]
        keys = ["test_set", "metric"]
        shorter, longer = (
            exact[exact["model"].isin(some)].groupby(keys, sort=False) for some in (short, long)
        )
        table = pd.DataFrame(
            {
                "model": long[0],
                "train_set": train_set,
                "shorter_passes": np.mean([passes[name] for name in short]),
                "shorter": shorter["value"].mean(),
                "longer_passes": np.mean([passes[name] for name in long]),
                "longer": longer["value"].mean(),
                "paper_value": longer["paper_value"].first(),
            }
        )
        found.append(table.reset_index())
    columns = [
        "model", "train_set", "test_set", "metric",
        "shorter_passes", "shorter", "longer_passes", "longer", "paper_value",
    ]  # fmt: skip
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def settings_that_differ(card: Card, reference: Card) -> str:
    """Name the settings of the training or the network in which a card differs from another."""
    texts = []
    network = asdict(AnnotatorConfig())
    for one, other in (
        ({**network, **card.config}, {**network, **reference.config}),
        ({**_TRAINING, **card.training}, {**_TRAINING, **reference.training}),
    ):
        for key in one:
            if key != "seed" and one[key] != other.get(key):
                texts.append(f"{key} {other.get(key)} → {one[key]}")
    return ", ".join(texts)


def compare_readings(
    outputs: Mapping[str, NDArray],
    cards: Mapping[str, Card],
    tracks: Mapping[str, NDArray],
    where: NDArray[np.bool_],
    resampling: Resampling,
) -> pd.DataFrame:
    """Score models that differ from the first of them in one setting, on several sets of sites.

    Parameters
    ----------
    outputs : mapping of name to float array (2, L)
        The first is the one that others are compared with.
    cards : mapping of name to card
    tracks : mapping of name to binary array (2, L)
        Test sets.
    where : bool array, shape (L,)
        The part that is tested on.
    resampling : Resampling

    Returns
    -------
    DataFrame
        `metrics.compare` of each test set, and columns ``test_set``, ``differs_in``
        (`settings_that_differ`; empty for the first) and ``passes``.
    """
    reference = next(iter(outputs))
    frames = [
        metrics.compare(outputs, track, where, resampling, reference).assign(test_set=name)
        for name, track in tracks.items()
    ]
    read = pd.concat(frames, ignore_index=True)
    settings = {name: settings_that_differ(cards[name], cards[reference]) for name in outputs}
    read["differs_in"] = read["model"].map(settings)
    read["passes"] = read["model"].map({name: cards[name].passes for name in outputs})
    return read


def fit_gene_prior(
    files: Mapping[str, Path],
    genome: Genome,
    distance: NDArray[np.floating],
    track: NDArray,
    split: Split,
    folder: Path,
    accelerator: str = "auto",
) -> GenePrior:
    """Fit a gene prior to the outputs of models on the validation part.

    Parameters
    ----------
    files : mapping of name to path
        Weights of the models that are averaged.
    genome : Genome
    distance : float array, shape (2, L)
        From `genoattn.gene_prior.distance_to_gene`.
    track : binary array, shape (2, L)
        The labels.
    split : Split
        The models' own; nothing of its test part is used.
    folder : path
        Keeps the outputs on the validation part (`output_of`).
    accelerator : str

    Returns
    -------
    GenePrior
        Its card names the genome, the training set and the part that it was fitted on.
    """
    where = split.mask("validation")
    outputs = [
        output_of(file, genome, where, folder, accelerator=accelerator) for file in files.values()
    ]
    first = Card.read(next(iter(files.values())))
    card = {
        "train_set": first.train_set,
        "genome": genome.name,
        "split": first.parts,
        "fitted_on": "validation",
    }
    return GenePrior.fit([*files], mean_log_odds(outputs), distance, track, where, card)


def matched_rivals(cards: Mapping[str, Card]) -> list[tuple[str, str]]:
    """Annotators and the convolutional networks that were given the same, as pairs of names.

    The same labels, the same further targets, and the same sequence downstream.
    """

    def given(card: Card) -> tuple[Any, ...]:
        return card.train_set, card.auxiliary, card.config["downstream"]

    networks = [name for name, card in cards.items() if card.convolutional]
    return [
        (name, network)
        for name, card in cards.items()
        if name not in networks
        for network in networks
        if given(card) == given(cards[network])
    ]


def compare_matched(
    outputs: Mapping[str, NDArray],
    cards: Mapping[str, Card],
    label: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
) -> pd.DataFrame:
    """Score annotators against the convolutional networks that were given the same.

    Parameters
    ----------
    outputs : mapping of name to float array (2, L)
        Pairs of `matched_rivals` that are both in it are compared.
    cards : mapping of model to its card
    label : binary array, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling

    Returns
    -------
    DataFrame
        Rows of the annotators in `metrics.compare`, metric first, and ``rival``, the network.
    """
    columns = [
        "metric", "model", "value", "ci_low", "ci_high",
        "difference", "difference_low", "difference_high", "rival",
    ]  # fmt: skip
    found = []
    for name, network in matched_rivals(cards):
        if not {name, network} <= set(outputs):
            continue
        two = {one: outputs[one] for one in (network, name)}
        pair = metrics.compare(two, label, where, resampling, reference=network)
        found.append(pair[pair["model"] == name].assign(rival=network)[columns])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def gained(
    better: NDArray,
    worse: NDArray,
    label: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
    metric: str = "pr_auc",
) -> tuple[float, float, float]:
    """By how much one output scores higher than another, and the interval, draw by draw.

    Parameters
    ----------
    better, worse : float arrays, shape (2, L)
    label : binary array, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling
    metric : str
        A key of `metrics.METRICS`.

    Returns
    -------
    (float, float, float)
        Difference, its lower and its upper limit.
    """
    two = {"worse": worse, "better": better}
    pair = metrics.compare(two, label, where, resampling, reference="worse")
    row = pair[(pair["model"] == "better") & (pair["metric"] == metric)].iloc[0]
    return row["difference"], row["difference_low"], row["difference_high"]


def worth_drawing(
    names: Sequence[str], cards: Mapping[str, Card], model: str, most: int = 6
) -> list[str]:
    """Choose few of many models for a figure of curves.

    Parameters
    ----------
    names : sequence of str
        Models, and what has no card: ensembles, from the least to the best, and then the scanner.
    cards : mapping of model to its card
    model : str
        One that has to be among them.
    most : int
        So many may stay without a choice.

    Returns
    -------
    list of str
        In the order of ``names``: the model, the annotator and the convolutional network with the
        lowest validation loss, and the last two without a card.
    """
    if len(names) <= most:
        return list(names)
    chosen = {model, *[name for name in names if name not in cards][-2:]}
    for kind in (False, True):
        alike = [name for name in names if name in cards and cards[name].convolutional == kind]
        if alike:
            chosen.add(min(alike, key=lambda name: cards[name].validation_loss))
    return [name for name in names if name in chosen]


def one_per_train_set(cards: Mapping[str, Card]) -> list[str]:
    """Choose the models of the table of training sets against test sets.

    Parameters
    ----------
    cards : mapping of model to its card

    Returns
    -------
    list of str
        For each training set the first annotator of the paper's configuration, else the first
        annotator (dropout does not count); training sets in the order in which they come.
    """
    default = asdict(AnnotatorConfig())
    chosen: dict[str, str] = {}
    for as_printed in (True, False):
        for name, card in cards.items():
            if card.convolutional:
                continue
            same = all(
                card.config.get(key, value) == value
                for key, value in default.items()
                if key != "dropout"
            )
            if same or not as_printed:
                chosen.setdefault(card.train_set, name)
    order = dict.fromkeys(card.train_set for card in cards.values())
    return [chosen[train_set] for train_set in order if train_set in chosen]


def output_of(
    weights: Path,
    genome: Genome,
    where: NDArray[np.bool_],
    folder: Path,
    *,
    accelerator: str = "auto",
    progress: bool = True,
) -> NDArray[np.float32]:
    """Output of a model at the positions ``where``, read from ``folder`` if it is there.

    Parameters
    ----------
    weights : path
        A .safetensors file.
    genome : Genome
    where : bool array, shape (L,)
    folder : path
        Holds ``<weights>.npy`` and ``<weights>.json``, the SHA-256 of weights and sequence that it
        was made from. A file of other weights, of another genome, or without all positions is made
        again.
    accelerator, progress
        For a prediction.

    Returns
    -------
    float32 array, shape (2, L)
        NaN where not asked (or, in a file that has more, what it has).
    """
    kept, record = folder / f"{weights.stem}.npy", folder / f"{weights.stem}.json"
    made_from = {
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "sequence_sha256": hashlib.sha256(genome.codes.tobytes()).hexdigest(),
    }
    if kept.exists() and record.exists() and json.loads(record.read_text()) == made_from:
        track = np.load(kept)
        if not np.isnan(track[:, where]).any():
            return track
    network = load_network(weights, accelerator)
    track = predict(cast(Annotator, network), genome, where=where, progress=progress)
    with writing(kept) as partial:
        np.save(partial, track, allow_pickle=False)
    with writing(record) as partial:
        partial.write_text(json.dumps(made_from, indent=1) + "\n")
    return track


def distance_shares(
    calls: pd.DataFrame,
    sites: dict[str, pd.DataFrame],
    where: NDArray[np.bool_],
    *,
    circular: bool = True,
) -> pd.DataFrame:
    """How far calls without a site of one set lie from the nearest site of each set.

    Parameters
    ----------
    calls : DataFrame
        From `genoattn.assignment.calls`; those with ``hit`` are left out.
    sites : mapping of name to DataFrame
        Sets of sites, of the whole genome.
    where : bool array, shape (L,)
        The part that calls lie in, for comparison: distances of all its positions.

    Returns
    -------
    DataFrame
        Columns sites, distance (a key of :data:`DISTANCES`), n (calls), share (of the calls) and
        expected (share of all positions of the part, both strands).
    """
    false = calls[~calls["hit"]]
    position = np.tile(np.flatnonzero(where), 2)
    strand = np.repeat(STRANDS, where.sum())
    limits = list(DISTANCES.values())
    rows = []
    for name, known in sites.items():
        counts = []
        for asked, on in ((false["position"], false["strand"]), (position, strand)):
            offset = nearest_offset(asked, on, known, where.size, circular=circular)
            which = np.searchsorted(limits, np.abs(offset), side="left")
            counts.append(np.bincount(which, minlength=len(limits)))
        for number, distance in enumerate(DISTANCES):
            rows.append(
                {
                    "sites": name,
                    "distance": distance,
                    "n": counts[0][number],
                    "share": counts[0][number] / max(1, len(false)),
                    "expected": counts[1][number] / len(position),
                }
            )
    return pd.DataFrame(rows)


def place_shares(
    calls: pd.DataFrame, label: NDArray, place: NDArray, where: NDArray[np.bool_]
) -> pd.DataFrame:
    """Where false calls, hits, sites and all positions lie among the genes.

    Parameters
    ----------
    calls : DataFrame
        From `genoattn.assignment.calls`.
    label : binary array, shape (2, L)
    place : int array, shape (2, L)
        From `genoattn.gene_context.places`.
    where : bool array, shape (L,)

    Returns
    -------
    DataFrame
        Columns what ('false calls', 'hits', 'sites', 'all positions'), place, n, share.
    """
    row = (calls["strand"] == "-").to_numpy(dtype=np.int64)
    of_calls, hit = place[row, calls["position"]], calls["hit"].to_numpy()
    inside = place[:, where]
    groups = {
        "false calls": of_calls[~hit],
        "hits": of_calls[hit],
        "sites": inside[label[:, where].astype(bool)],
        "all positions": inside.ravel(),
    }
    rows = []
    for what, found in groups.items():
        counts = np.bincount(found, minlength=len(PLACES))
        for name, n in zip(PLACES, counts, strict=True):
            rows.append({"what": what, "place": name, "n": n, "share": n / max(1, counts.sum())})
    return pd.DataFrame(rows)


def recall_by_place(
    calls: pd.DataFrame, label: NDArray, place: NDArray, where: NDArray[np.bool_]
) -> pd.Series:
    """Share of the sites of each place among the genes that calls find: hits over sites.

    Parameters
    ----------
    calls, label, place, where
        As for `place_shares`.

    Returns
    -------
    Series
        By `genoattn.gene_context.PLACES`; NaN where no site lies.
    """
    n = place_shares(calls, label, place, where).set_index(["what", "place"])["n"]
    return n["hits"] / n["sites"].where(n["sites"] > 0)
