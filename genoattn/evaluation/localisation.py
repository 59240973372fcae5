"""Does the output peak on the start site? Shares of sites, their intervals and tests; arrays alone.

Within a window around each known site, the highest output is either on the site, a few nucleotides
beside it or elsewhere. Unlike a score over a genome, this needs no complete set of start sites, so
species can be compared of which only some sites are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata, spearmanr

from genoattn.evaluation.statistics import holm_corrected, proportion, rank_correlation_interval

__all__ = [
    "chance",
    "compare_localised",
    "explained_by",
    "explained_by_groups",
    "highest_offset",
    "localised",
]


def highest_offset(output: NDArray[np.floating], reach: int | None = None) -> NDArray[np.int64]:
    """Offset of the highest output from the site, in nt, positive downstream.

    Parameters
    ----------
    output : float array, shape (n, 2 * R + 1)
        The site is in the middle.
    reach : int, optional
        Look so far to each side only.

    Returns
    -------
    int array, shape (n,)
        Of equal outputs, the one farthest from the site: a model that says the same everywhere
        finds nothing.
    """
    middle = output.shape[1] // 2
    reach = middle if reach is None else reach
    if output.shape[1] % 2 == 0 or reach > middle:
        raise ValueError(
            f"output has {output.shape[1]} positions; {2 * reach + 1} around a site are needed"
        )
    near = output[:, middle - reach : middle + reach + 1]
    offset = np.arange(-reach, reach + 1)
    order = np.argsort(-np.abs(offset), kind="stable")  # from the farthest
    return np.asarray(offset[order[near[:, order].argmax(axis=1)]])


def chance(within: int, reach: int) -> float:
    """Share of sites that a random position of the window is so near to."""
    return (2 * within + 1) / (2 * reach + 1)


def localised(
    offsets: Mapping[str, NDArray[np.int64]], within: Iterable[int], level: float = 0.95
) -> pd.DataFrame:
    """Share of sites whose highest output lies on or near them.

    Parameters
    ----------
    offsets : mapping of model to int array
        From `highest_offset`.
    within : iterable of int
        Farthest that it may lie, in nt; 0 is the site itself.
    level : float
        Coverage of the intervals, exact binomial.

    Returns
    -------
    DataFrame
        Columns model, within, n, share, ci_low, ci_high.
    """
    rows = []
    for model, offset in offsets.items():
        for farthest in within:
            hits = int((np.abs(offset) <= farthest).sum())
            share, low, high = proportion(hits, len(offset), level)
            rows.append((model, farthest, len(offset), share, low, high))
    return pd.DataFrame(rows, columns=["model", "within", "n", "share", "ci_low", "ci_high"])


def compare_localised(
    offsets: Mapping[str, NDArray[np.int64]], reference: str, within: int
) -> pd.DataFrame:
    """Compare models with one of them on the same sites.

    Returns
    -------
    DataFrame
        Columns model, reference, within, n, better and worse (sites that only the model, only the
        reference localises), difference of the shares, p (exact test of McNemar, two-sided, not
        corrected).
    """
    other = np.abs(offsets[reference]) <= within
    rows = []
    for model, offset in offsets.items():
        if model == reference:
            continue
        own = np.abs(offset) <= within
        better, worse = int((own & ~other).sum()), int((other & ~own).sum())
        p = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
        difference = (better - worse) / len(own)
        rows.append((model, reference, within, len(own), better, worse, difference, p))
    columns = ["model", "reference", "within", "n", "better", "worse", "difference", "p"]
    return pd.DataFrame(rows, columns=columns)


# ------------------------------------------------------------- what the shares of species follow


def explained_by(
    shares: pd.DataFrame,
    columns: Iterable[str],
    *,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank correlation of each model's share with properties of the species.

    Parameters
    ----------
    shares : DataFrame
        A row a model and species: columns model, share and the properties.
    columns : iterable of str
        Properties, numbers.
    n_bootstrap, level, seed
        Of the intervals; species are resampled.

    Returns
    -------
    DataFrame
        Columns model, property, n (species), correlation, ci_low, ci_high, p (two-sided, corrected
        for all rows by Holm's method).
    """
    rows = []
    for model, own in shares.groupby("model", sort=False):
        for column in columns:
            both = own[["share", column]].dropna().to_numpy()
            correlation, low, high = rank_correlation_interval(
                both[:, 0], both[:, 1], n_bootstrap=n_bootstrap, level=level, seed=seed
            )
            p = float(spearmanr(both[:, 0], both[:, 1]).pvalue) if len(both) >= 10 else np.nan
            rows.append((model, column, len(both), correlation, low, high, p))
    columns = ["model", "property", "n", "correlation", "ci_low", "ci_high", "p"]
    return holm_corrected(pd.DataFrame(rows, columns=columns).dropna(), "p")


def explained_by_groups(
    shares: pd.DataFrame, group: str, *, n_permutations: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Share of the variance between species, in ranks, that their groups explain.

    Parameters
    ----------
    shares : DataFrame
        As for `explained_by`; ``group`` is one of its columns.
    group : str
    n_permutations, seed
        Of the null: groups dealt out anew among the species.

    Returns
    -------
    DataFrame
        Columns model, n (species), groups, explained (eta squared), expected (its mean under the
        null), p (corrected for the models by Holm's method).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for model, own in shares.groupby("model", sort=False):
        rank = rankdata(own["share"])
        member = own[group].to_numpy(object)[:, None] == np.unique(own[group])  # n, groups
        found = _explained(rank, member)
        null = [_explained(rng.permutation(rank), member) for _ in range(n_permutations)]
        p = (1 + sum(one >= found - 1e-12 for one in null)) / (n_permutations + 1)
        rows.append((model, len(own), member.shape[1], found, float(np.mean(null)), p))
    columns = ["model", "n", "groups", "explained", "expected", "p"]
    return holm_corrected(pd.DataFrame(rows, columns=columns), "p")


def _explained(rank: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """Sum of squares between groups over the total."""
    size = member.sum(axis=0)
    mean = (rank @ member) / size
    total = ((rank - rank.mean()) ** 2).sum()
    return float((size * (mean - rank.mean()) ** 2).sum() / total) if total else 0.0
