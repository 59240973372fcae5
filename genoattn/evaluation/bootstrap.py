"""Confidence intervals by resampling blocks of the genome; touches arrays alone.

Neighbouring nucleotides, and the two strands of a locus, are not independent samples, so an
interval that resamples nucleotides is too narrow. A block bootstrap (Kuensch 1989) resamples
stretches of the genome instead, both strands of a stretch together.

::

    block = blocks(where, 10_000)                     # which block each position belongs to
    draws = resample(block, 1_000, seed=0)            # how often each replicate takes each block
    auc = auc_replicates(label, output, both, draws)  # tracks (2, L): both = stack([block] * 2)
    mean = (draws @ sums(values, block)) / (draws @ sums(1, block))     # any ratio of sums
    low, high = interval(mean)

The same ``draws`` for two outputs give paired replicates: their differences have an interval too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genoattn.genome.intervals import runs

__all__ = [
    "MOST_REPLICATES",
    "Resampling",
    "auc_replicates",
    "blocks",
    "check_blocks",
    "interval",
    "resample",
    "sums",
]


MOST_REPLICATES = 100_000
"""More would fill the memory, and move no limit of an interval."""

_CELLS = 4_000_000  # numbers in the largest temporary table


def blocks(where: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Cut the stretches of a mask into blocks of nearly equal length.

    Parameters
    ----------
    where : bool array, shape (L,)
        The part of the genome, forward positions; a stretch over the origin is one stretch.
    size : int
        Wanted length of a block in nt; a stretch is cut into the whole number of equal pieces that
        comes closest, at least one.

    Returns
    -------
    int array, shape (L,)
        Number of the block, from 0; -1 outside the mask.

    Raises
    ------
    ValueError
        If the mask is empty or the size is below 1.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 nt, not {size}")
    if not where.any():
        raise ValueError("there is nothing to cut into blocks: no position is in the mask")
    block = np.full(where.size, -1, dtype=np.int64)
    first = 0
    for start, length in runs(where).tolist():
        pieces = max(1, round(length / size))
        index = np.arange(start, start + length) % where.size
        block[index] = first + np.arange(length) * pieces // length
        first += pieces
    return block


def check_blocks(where: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Cut into `blocks`, if they are not too long: one block has nothing to be exchanged for.

    Parameters
    ----------
    where, size
        As of `blocks`.

    Returns
    -------
    int array, shape (L,)
        Of `blocks`.

    Raises
    ------
    ValueError
        All would be one block; says the longest that can be.
    """
    block = blocks(where, size)
    if block.max() == 0:
        length = int(where.sum())
        raise ValueError(
            f"block: with {size:,} nt, the {length:,} nt that are scored are one block, and no "
            f"interval can be given; make block at most {max(1, length // 2):,}"
        )
    return block


def resample(block: NDArray[np.int64], n_replicates: int, seed: int) -> NDArray[np.float64]:
    """Draw as many blocks as there are, with replacement, ``n_replicates`` times.

    Returns
    -------
    float array, shape (n_replicates, n_blocks)
        How often each replicate takes each block (whole numbers, as floats for matrix products).

    Raises
    ------
    ValueError
        More replicates than `MOST_REPLICATES`.
    """
    if n_replicates > MOST_REPLICATES:
        raise ValueError(f"n_bootstrap must be at most {MOST_REPLICATES:,}, not {n_replicates:,}")
    n_blocks = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n_replicates)
    return draws.astype(np.float64)


def sums(values: ArrayLike, block: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum values within each block; positions outside all blocks (-1) are left out.

    Parameters
    ----------
    values : number or array of the shape of ``block``
    block : int array, any shape
        For a track (2, L) say ``np.stack([block, block])``.

    Returns
    -------
    float array, shape (n_blocks,)
    """
    values = np.broadcast_to(np.asarray(values, dtype=np.float64), block.shape)
    inside = block >= 0
    total = np.bincount(block[inside], values[inside], minlength=int(block.max()) + 1)
    return total.astype(np.float64)


def interval(replicates: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of replicates; those that are NaN (no positive drawn) are left out.

    Parameters
    ----------
    replicates : array, shape (n_replicates,)
    level : float
        Coverage.

    Returns
    -------
    (float, float)
        Lower and upper limit; NaN where there is no replicate.
    """
    kept = np.asarray(replicates, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    if kept.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Resampling:
    """Blocks of a part of the genome, and how often each replicate takes each of them.

    Attributes
    ----------
    block : int array, shape (L,)
        From :func:`blocks`.
    draws : float array, shape (n_replicates, n_blocks)
        From :func:`resample`.
    level : float
        Coverage of intervals.
    """

    block: NDArray[np.int64]
    draws: NDArray[np.float64]
    level: float = 0.95

    @classmethod
    def of(cls, where: NDArray[np.bool_], size: int, n_replicates: int, seed: int) -> Resampling:
        """Cut the part ``where`` (L,) into blocks of about ``size`` nt and draw replicates.

        Raises
        ------
        ValueError
            As of `check_blocks`.
        """
        block = check_blocks(where, size)
        return cls(block, resample(block, n_replicates, seed))

    def interval(self, replicates: NDArray[np.float64]) -> tuple[float, float]:
        """Percentile interval of replicates."""
        return interval(replicates, self.level)


def auc_replicates(
    label: NDArray, output: NDArray, block: NDArray[np.int64], draws: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """ROC AUC and PR AUC (average precision) of every replicate, exactly and without resorting.

    Both areas change only at outputs that a positive has, so it is enough to count, in every block,
    the negatives at and between these outputs; a replicate is then a weighted sum of the blocks'
    counts.

    Parameters
    ----------
    label, output : arrays of one shape
        Binary label and output of each sample.
    block : int array of that shape
        Block of each sample; samples outside all blocks (-1) are left out.
    draws : float array, shape (n_replicates, n_blocks)
        From :func:`resample`.

    Returns
    -------
    dict
        ``roc_auc`` and ``pr_auc``, each of shape (n_replicates,); NaN for a replicate without a
        positive or without a negative.
    """
    inside = np.ravel(block) >= 0
    label, output, block = (np.ravel(array)[inside] for array in (label, output, block))
    positive = label.astype(bool)
    n_blocks = draws.shape[1]
    level, rank = np.unique(output[positive], return_inverse=True)
    n_levels = level.size
    if n_levels == 0:
        empty = np.full(len(draws), np.nan)
        return {"roc_auc": empty, "pr_auc": empty.copy()}
    # cell 2j + 1 holds negatives of output level[j], cell 2j those between level[j - 1] and it
    below = np.searchsorted(level, output[~positive])
    cell = 2 * below + (level[np.minimum(below, n_levels - 1)] == output[~positive])
    n_cells = 2 * n_levels + 1
    at = np.bincount(block[positive] * n_levels + rank, minlength=n_blocks * n_levels)
    at = at.reshape(n_blocks, n_levels)[:, ::-1].astype(np.float64)  # from the highest output down
    other = np.bincount(block[~positive] * n_cells + cell, minlength=n_blocks * n_cells)
    other = other.reshape(n_blocks, n_cells)[:, ::-1].astype(np.float64)
    found: dict[str, list[NDArray[np.float64]]] = {"roc_auc": [], "pr_auc": []}
    step = max(1, _CELLS // n_cells)
    for first in range(0, len(draws), step):
        taken = draws[first : first + step]
        hits = taken @ at  # replicates, levels
        above = np.cumsum(taken @ other, axis=1)  # replicates, cells: negatives down to each cell
        false = above[:, 1::2]  # down to and including each level
        lower = above[:, -1:] - 0.5 * (above[:, 0:-1:2] + false)  # below it, ties half
        true = np.cumsum(hits, axis=1)
        positives, negatives = true[:, -1], above[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(hits > 0, true / (true + false), 0.0)
            area = (hits * precision).sum(1) / positives
            won = (hits * lower).sum(1) / (positives * negatives)
        area[negatives == 0] = np.nan
        found["pr_auc"].append(area)
        found["roc_auc"].append(won)
    return {name: np.concatenate(parts) for name, parts in found.items()}
