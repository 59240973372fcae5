"""Trained models side by side: steps, readings, which to draw; cards and frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import scores
from genoattn.evaluation.bootstrap import Resampling
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.networks import describe_network, same_but_for_the_seed, settings_that_differ
from genoattn.prediction.ensemble import GENES, describe_ensemble

__all__ = [
    "compare_readings",
    "gained",
    "matched_rivals",
    "one_per_train_set",
    "step_table",
    "worth_drawing",
]


def step_table(
    performance: pd.DataFrame,
    cards: Mapping[str, Card],
    steps: Sequence[str],
    length: int,
    ensembles: Mapping[str, list[str]] | None = None,
    k: int = 10,
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each step from one model to a better one brought, on the labels it was trained on.

    Parameters
    ----------
    performance : DataFrame
        From `genoattn.evaluation.scores.performance`, rows of all models.
    cards : mapping of model to its card
    steps : sequence of str
        Models or ensembles in order. Models that differ in their seed alone share a step.
    length : int
        Of the genome, in nt: passes are counted in scored positions.
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
            row = _step(performance, cards, name, length, ensembles, k)
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
    length: int,
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
        "what": f"{describe_network(card)}, {card.passes(length):.1f} passes"
        if alone
        else describe_ensemble(ensembles[name]),
        "seed": card.seed,
        "passes": sum(member.passes(length) for member in members),
        "validation_loss": card.validation_loss if alone else np.nan,
        "roc_auc": own[1, "roc_auc"],
        "pr_auc": own[1, "pr_auc"],
        f"pr_auc_{k}": own[k, "pr_auc"],
    }


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
        `scores.compare` of each test set, and columns ``test_set``, ``differs_in``
        (`networks.settings_that_differ`; empty for the first) and ``passes``.
    """
    reference = next(iter(outputs))
    frames = [
        scores.compare(outputs, track, where, resampling, reference).assign(test_set=name)
        for name, track in tracks.items()
    ]
    read = pd.concat(frames, ignore_index=True)
    settings = {name: settings_that_differ(cards[name], cards[reference]) for name in outputs}
    read["differs_in"] = read["model"].map(settings)
    read["passes"] = read["model"].map({name: cards[name].passes(where.size) for name in outputs})
    return read


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
        A key of `scores.METRICS`.

    Returns
    -------
    (float, float, float)
        Difference, its lower and its upper limit.
    """
    two = {"worse": worse, "better": better}
    pair = scores.compare(two, label, where, resampling, reference="worse")
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
