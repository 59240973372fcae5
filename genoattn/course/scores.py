"""Exercise 4, training and two scores: checks of ROC AUC, PR AUC and of what they are by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from genoattn.course.checks import check, choice
from genoattn.evaluation.scores import score

__all__ = ["average_precision", "by_chance", "roc_auc", "thinned", "which"]


def _cases() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    small = np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    label = (rng.random(400) < 0.1).astype(int)
    return [small, (label, np.round(rng.random(400) + 0.4 * label, 3))]


@check("How often does a site get a higher output than a position that is none?")
def roc_auc(function: Any) -> str | None:
    """Probability that a site outranks another position: ``function(label, output)``."""
    for label, output in _cases():
        given, wanted = float(function(label, output)), score(label, output)["roc_auc"]
        if abs(given - wanted) < 1e-6:
            continue
        if abs(given - (1 - wanted)) < 1e-6:
            return "You have one minus it: the highest output must have the highest rank."
        if abs(given - score(label, output)["pr_auc"]) < 0.005:
            return "That is the average precision, which comes next."
        if abs(given - wanted) < 0.01:
            return "Almost: two equal outputs count one half."
        return f"For {len(label)} positions you give {given:.3f}, it is {wanted:.3f}."
    return None


@check("Sort by output, highest first; at each site, what share of those so far are sites?")
def average_precision(function: Any) -> str | None:
    """Mean precision at the rank of each site: ``function(label, output)``."""
    for label, output in _cases():
        given, wanted = float(function(label, output)), score(label, output)["pr_auc"]
        if abs(given - wanted) < 0.005:
            continue
        order = np.argsort(-output, kind="stable")
        precision = np.cumsum(label[order]) / np.arange(1, len(label) + 1)
        if abs(given - precision.mean()) < 1e-6:
            return "You average over all positions; average over those that are sites."
        rising = label[order[::-1]]
        wrong = (np.cumsum(rising) / np.arange(1, len(label) + 1))[rising == 1].mean()
        if abs(given - wrong) < 0.005:
            return "You sorted from the lowest output: begin with the highest."
        return f"For {len(label)} positions you give {given:.3f}, it is {wanted:.3f}."
    return None


@check("What does a model that tosses a coin score? One answer does not depend on the labels.")
def by_chance(roc: Any, pr: Any, *, label: np.ndarray) -> str | None:
    """Both scores of an output without information."""
    rate = float(np.mean(label))
    if abs(float(roc) - 0.5) > 0.01:
        return "Without information, a site outranks another position half of the time."
    if abs(float(pr) - rate) > 0.05 * rate:
        return (
            "Precision by chance is the share of positions that are sites, whatever the "
            "threshold: count them."
        )
    return None


@check("Keep all sites and every tenth other position, and score again.")
def thinned(roc: Any, pr: Any, *, label: np.ndarray, output: np.ndarray) -> str | None:
    """Scores with a tenth of the positions that are no sites."""
    kept = np.flatnonzero(label == 1), np.flatnonzero(label == 0)[::10]
    index = np.sort(np.concatenate(kept))
    wanted, before = score(label[index], output[index]), score(label, output)
    if abs(float(pr) - before["pr_auc"]) < 1e-4 and abs(before["pr_auc"] - wanted["pr_auc"]) > 1e-3:
        return "These are the scores of all positions: drop nine of ten that are no sites."
    if abs(float(roc) - wanted["roc_auc"]) > 0.02:
        return f"ROC AUC should be near {wanted['roc_auc']:.2f}: were sites dropped as well?"
    if abs(float(pr) - wanted["pr_auc"]) > 0.1 * wanted["pr_auc"]:
        return "PR AUC: keep every site, and only every tenth of the others."
    return None


@check("Choose a, b or c.", "With one site in some thousand positions, ROC AUC is soon near one.")
def which(given: Any) -> str | None:
    """Which score says how useful a list of predicted sites is."""
    return choice(
        given,
        "b",
        {
            "a": "ROC AUC did not notice that false positives became ten times fewer.",
            "c": "One of them changed by much when negatives were dropped: they cannot say the "
            "same.",
        },
    )
