"""What one training differs from the next by: seeds of one recipe; cards, frames and arrays.

Two trainings that differ in their seed alone do not score alike. A difference between recipes, sets
of labels or a printed number and ours means something only beside that. Three questions, three
intervals:

- Could *one more training* give the score that somebody printed? The prediction interval of a new
  value, from mean and standard deviation of the seeds (`prediction_interval`).
- Do two recipes differ? Welch's interval of the difference of their means, and an exact permutation
  test of the seeds (`recipes_apart`).
- Are some labels better than others? Both the genome that is tested on and the seeds are samples,
  so a difference has a variance over blocks and one over seeds (`label_differences`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genoattn.evaluation.scores import METRICS
from genoattn.evaluation.statistics import holm_corrected
from genoattn.model.card import Card
from genoattn.model.networks import same_but_for_the_seed

__all__ = [
    "DIFFERENCES",
    "Apart",
    "Scored",
    "families",
    "label_differences",
    "over_seeds",
    "prediction_interval",
    "recipes_apart",
    "smallest_seen",
]

POWER = 0.8
"""Chance with which the smallest difference that is said to be seen would be."""

DIFFERENCES = (
    "train_set", "test_set", "metric", "mean", "lowest", "highest", "n_seeds", "difference",
    "ci_low", "ci_high", "p_adjusted",
)  # fmt: skip
"""Columns of :func:`label_differences`."""


def families(cards: Mapping[str, Card], absent: Collection[str] = ()) -> dict[str, list[str]]:
    """Group models whose trainings differ in the seed alone.

    Parameters
    ----------
    cards : mapping of model to its card
    absent : collection of str
        Models without a card: ``<name>-s2`` counts as a seed of the model ``<name>``.

    Returns
    -------
    dict of str to list of str
        The first model of each family -> all of it, in the order given.
    """
    found: dict[str, list[str]] = {}
    for name, card in cards.items():
        for first in found:
            if same_but_for_the_seed(card, cards[first]):
                found[first].append(name)
                break
        else:
            found[name] = [name]
    first_of = {name: first for first, names in found.items() for name in names}
    for name in absent:
        base = re.sub(r"-s\d+$", "", name)
        if base in first_of:
            found[first_of[base]].append(name)
    return found


# ------------------------------------------------------------------------- one more training


def prediction_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval in which one more value lies, given a sample from a normal distribution.

    ``mean ± t sd sqrt(1 + 1/n)``, with n - 1 degrees of freedom; NaN for fewer than two values.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = sample.size
    if n < 2:
        return float("nan"), float("nan")
    t = float(stats.t.ppf((1 + level) / 2, n - 1))
    half = t * float(sample.std(ddof=1)) * np.sqrt(1 + 1 / n)
    return float(sample.mean() - half), float(sample.mean() + half)


def over_seeds(table: pd.DataFrame, families: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Exact scores of each family: mean over its seeds, and where one more training would lie.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.scores.performance`.
    families : mapping of model to all models of its family
        From :func:`families`.

    Returns
    -------
    DataFrame
        Columns model (the first of the family), train_set, test_set, metric, value (mean), ci_low
        and ci_high (`prediction_interval`; NaN with one seed), lowest, highest, n_seeds,
        paper_value.
    """
    exact = table[table["resolution"] == 1]
    rows = []
    for first, names in families.items():
        own = exact[exact["model"].isin(names)]
        for key, part in own.groupby(["train_set", "test_set", "metric"], sort=False):
            values = part["value"].to_numpy(np.float64)
            low, high = np.clip(prediction_interval(values), 0.0, 1.0)  # no score lies beyond
            row = dict(zip(("train_set", "test_set", "metric"), key, strict=True))
            row |= {"model": first, "value": values.mean(), "ci_low": low, "ci_high": high}
            row |= {"lowest": values.min(), "highest": values.max(), "n_seeds": values.size}
            rows.append(row | {"paper_value": part["paper_value"].iloc[0]})
    columns = [
        "model", "train_set", "test_set", "metric", "value", "ci_low", "ci_high", "lowest",
        "highest", "n_seeds", "paper_value",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


# ------------------------------------------------------------------------------- two recipes


class Apart(NamedTuple):
    """Difference of the means of two samples of seeds."""

    difference: float
    low: float
    high: float
    """Welch's 95% interval; NaN where a sample has fewer than two seeds."""
    p_permutation: float
    """Share of all ways to deal the seeds out that give so large a difference, to either side."""


def recipes_apart(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Apart:
    """Compare the scores of two recipes, a value a seed: the mean of the first minus the second's.

    Notes
    -----
    Welch 1947, doi:10.1093/biomet/34.1-2.28. The permutation test is exact for small samples.
    """
    a, b = (np.asarray(one, dtype=np.float64) for one in (first, second))
    difference = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return Apart(difference, np.nan, np.nan, np.nan)
    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)

    def apart(one: NDArray, other: NDArray, axis: int) -> NDArray:
        return np.abs(one.mean(axis=axis) - other.mean(axis=axis))

    dealt = stats.permutation_test(
        (a, b), apart, vectorized=True, n_resamples=np.inf, alternative="greater"
    )
    return Apart(difference, float(found.low), float(found.high), float(dealt.pvalue))


# ----------------------------------------------------------------------------- sets of labels


Scored = tuple[dict[str, float], dict[str, NDArray[np.float64]]]
"""Scores of one output by metric, and of every draw of blocks, shape (n_replicates,)."""

Replicates = Callable[[str, str], Scored]
"""Scores of a model on a test set."""


def label_differences(
    trained: Mapping[str, Sequence[str]],
    test_sets: Sequence[str],
    replicates: Replicates,
    reference: str,
    level: float = 0.95,
) -> pd.DataFrame:
    """Score sets of labels by the models trained on them: one set against each other one.

    Parameters
    ----------
    trained : mapping of training set to its models, one a seed
    test_sets : sequence of str
    replicates : callable
        See `Replicates`; the draws of blocks are the same for all.
    reference : str
        The training set that others are taken from.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        `DIFFERENCES`: mean, lowest and highest score over n_seeds models; of each training set but
        the reference, the reference's mean minus its, with an interval over blocks and seeds and
        the p-value of no difference, corrected (Holm) for all training sets of the same test set
        and metric.

    Notes
    -----
    The variance of a difference is the sum of that over draws of blocks, the seeds' means taken on
    the same blocks, and of each set's variance over seeds by their number. Drawing three seeds
    again would give too short intervals; Satterthwaite's degrees of freedom and Student's t do not
    (Satterthwaite 1946, doi:10.2307/3002019). With a single seed of both, an interval is over
    blocks alone.
    """
    rows: list[dict[str, Any]] = []
    for test_set in test_sets:
        found = {
            name: [replicates(model, test_set) for model in models]
            for name, models in trained.items()
        }
        for metric in METRICS:
            values = {
                name: np.array([one[0][metric] for one in scored]) for name, scored in found.items()
            }
            drawn = {
                name: np.mean([one[1][metric] for one in scored], axis=0)
                for name, scored in found.items()
            }
            for name, value in values.items():
                row: dict[str, Any] = {"train_set": name, "test_set": test_set, "metric": metric}
                row |= {"mean": value.mean(), "lowest": value.min(), "highest": value.max()}
                row |= {"n_seeds": value.size}
                if name != reference:
                    by_block = float(np.nanvar(drawn[reference] - drawn[name], ddof=1))
                    row |= _student(values[reference], value, by_block, level)
                rows.append(row)
    table = pd.DataFrame(rows, columns=[*DIFFERENCES])
    for _, part in table[table["train_set"] != reference].groupby(["test_set", "metric"]):
        table.loc[part.index, "p_adjusted"] = holm_corrected(part, "p_adjusted")["p_adjusted"]
    return table


def _student(
    first: NDArray[np.float64], second: NDArray[np.float64], by_block: float, level: float
) -> dict[str, float]:
    """Difference of two means over seeds, its interval, and the p-value of none."""
    difference = float(first.mean() - second.mean())
    of_seeds = [
        (float(one.var(ddof=1)) / one.size, one.size - 1) for one in (first, second) if one.size > 1
    ]
    whole = by_block + sum(variance for variance, _ in of_seeds)
    rest = sum(variance**2 / free for variance, free in of_seeds)
    freedom = whole**2 / rest if rest > 0 else np.inf
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * np.sqrt(whole)
    if whole > 0:
        p_value = 2 * float(stats.t.sf(abs(difference) / np.sqrt(whole), freedom))
    else:
        p_value = float(difference == 0)
    limits = {"ci_low": difference - half, "ci_high": difference + half}
    return {"difference": difference, **limits, "p_adjusted": p_value}


def smallest_seen(error: float, n_tests: int, level: float = 0.95) -> float:
    """Smallest true difference that would have been seen with a chance of `POWER`.

    Parameters
    ----------
    error : float
        Standard error of the difference; a normal 95% interval is 3.92 of it wide.
    n_tests : int
        Comparisons that are corrected for (Bonferroni, which Holm's first step is).
    level : float
    """
    alpha = (1 - level) / max(1, n_tests)
    return float((stats.norm.isf(alpha / 2) + stats.norm.ppf(POWER)) * error)
