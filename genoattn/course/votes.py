"""Exercise 2, curation by vote: checks of clusters, votes and the choice of a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from genoattn.course.checks import as_numbers, check, choice

__all__ = ["assays", "cluster", "elect", "f1_window", "too_wide"]


@check("Read the table: precision is the share of its sites that are true, recall of true found.")
def assays(exact: Any, complete: Any, *, table: pd.DataFrame) -> str | None:
    """Which assay has the highest precision, and which the highest recall.

    ``table`` has the columns ``source``, ``precision``, ``recall``.
    """
    by_source = table.set_index("source")
    for given in (exact, complete):
        if given not in by_source.index:
            return f"{given!r} is no assay: answer with one of {', '.join(by_source.index)}."
    best, widest = by_source["precision"].idxmax(), by_source["recall"].idxmax()
    if (exact, complete) == (best, widest):
        return None
    if (exact, complete) == (widest, best):
        return "The other way round: an assay that reports few false sites is precise."
    if exact != best:
        return f"{exact} has precision {by_source['precision'][exact]:.2f}; another has more."
    return f"{complete} finds {by_source['recall'][complete]:.2f} of the true sites; another more."


@check("Walk along the sorted positions: where does a new cluster begin?")
def cluster(function: Any) -> str | None:
    """Single-link clusters of positions: ``function(positions, window)`` numbers them from 0."""
    cases = [
        ([10, 12, 40], 5, [0, 0, 1], "Two sites 2 nt apart are one cluster, one 28 nt off is not."),
        ([10, 15, 40], 5, [0, 0, 1], "The window is inclusive: sites 5 nt apart are together."),
        ([10, 16], 5, [0, 1], "Sites 6 nt apart are not within a window of 5."),
        (
            [10, 14, 18, 22],
            5,
            [0, 0, 0, 0],
            "Single link means a chain: each site is within 5 nt of the one before it, though the "
            "last is 12 nt from the first.",
        ),
        ([7], 5, [0], "One site alone is cluster 0."),
    ]
    for positions, window, wanted, hint in cases:
        given = as_numbers(function(np.array(positions), window))
        if given.shape != (len(positions),):
            return f"Return one number for each of the {len(positions)} sites."
        if not np.array_equal(given, wanted):
            if np.array_equal(given - given[0], wanted):
                return "Number the clusters from 0."
            return f"{hint} For {positions} and a window of {window} you give {given.astype(int)}."
    return None


@check("Count the votes for each position; only then look at who is the newest.")
def elect(function: Any) -> str | None:
    """The elected position: ``function(votes)`` of ``[(position, rank of the source)]``."""
    cases = [
        ([(100, 0), (100, 1), (102, 3)], 100, "Two votes beat one, however new the one is."),
        ([(100, 0), (102, 3)], 102, "A tie goes to the newest technique, that of highest rank."),
        (
            [(100, 0), (100, 1), (103, 2), (103, 3)],
            103,
            "Two against two is a tie: the newest technique decides, and it stands at 103.",
        ),
        ([(100, 2)], 100, "A single vote elects its own position."),
    ]
    for votes, wanted, hint in cases:
        given = function(votes)
        if given in {rank for _, rank in votes} and given != wanted:
            return "You return a rank; return a position."
        if float(given) != wanted:
            return f"{hint} For {votes} you elect {given}."
    return None


@check("Compute F1 = 2 precision recall / (precision + recall) for each row, and take the best.")
def f1_window(given: Any, *, table: pd.DataFrame) -> str | None:
    """The window with the highest F1; ``table`` has ``window``, ``precision``, ``recall``."""
    p, r = table["precision"].to_numpy(), table["recall"].to_numpy()
    best = int(table["window"].iloc[int(np.argmax(2 * p * r / (p + r)))])
    if float(given) == best:
        return None
    for name, values in (("precision", p), ("recall", r)):
        if float(given) == int(table["window"].iloc[int(np.argmax(values))]):
            return f"That window has the highest {name}; F1 wants both, and neither alone."
    return "F1 is the harmonic mean of precision and recall, row by row; which window has the most?"


@check("Choose a, b or c.", "A window trades two kinds of mistakes; no choice has none.")
def too_wide(given: Any) -> str | None:
    """What a window that is too wide does."""
    return choice(
        given,
        "b",
        {
            "a": "A wider window can only bring more sites together: a site that had a partner "
            "keeps one.",
            "c": "Strands are never mixed: sites on different strands do not match.",
        },
    )
