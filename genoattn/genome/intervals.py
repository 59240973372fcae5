"""Stretches of a mask along a genome, and masks of intervals; touches arrays alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genoattn.genome.sequence import STRANDS, strand_row

__all__ = ["covered", "depth", "runs", "stretches"]


def runs(mask: NDArray[np.bool_], *, circular: bool = True) -> NDArray[np.int64]:
    """Uninterrupted stretches of a mask.

    Parameters
    ----------
    mask : bool array, shape (L,)
    circular : bool
        Whether a stretch at the end goes on at the beginning.

    Returns
    -------
    int array, shape (k, 2)
        Start and length of each stretch, by start; a stretch over the end starts near it.
    """
    if not mask.any():
        return np.empty((0, 2), dtype=np.int64)
    if mask.all():
        return np.array([[0, mask.size]])
    first = int(np.argmin(mask)) if circular else 0  # begin outside a stretch
    turned = np.roll(mask, -first).astype(np.int8)
    change = np.diff(np.concatenate([[0], turned, [0]]))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    found = np.column_stack([(starts + first) % mask.size, ends - starts])
    return found[np.argsort(found[:, 0])]


def stretches(
    sites: pd.DataFrame, first: ArrayLike, end: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Intervals at given offsets from sites, along each site's strand.

    Parameters
    ----------
    sites : DataFrame
        ``position`` (0-based, forward), ``strand``.
    first, end : int, or arrays of int of shape (n,)
        Offsets of the first nucleotide and of that after the last; negative is upstream.

    Returns
    -------
    start, end : int arrays, shape (n,)
        Half-open, forward; may pass the origin.
    """
    position, plus = sites["position"].to_numpy(np.int64), strand_row(sites["strand"]) == 0
    first, end = np.asarray(first), np.asarray(end)
    left = np.where(plus, position + first, position - end + 1)
    return left, left + (end - first)


def depth(intervals: pd.DataFrame, length: int) -> NDArray[np.int64]:
    """How many intervals of each strand cover each position.

    Parameters
    ----------
    intervals : DataFrame
        ``start``, ``end`` (0-based half-open; an interval that begins before 0 or ends beyond the
        length goes round the origin), ``strand`` (``+``, ``-``, or ``.`` for both).
    length : int
        Of the genome in nt.

    Returns
    -------
    int array, shape (2, L)
    """
    start, end = (intervals[name].to_numpy(np.int64) for name in ("start", "end"))
    strand = intervals["strand"].to_numpy()
    first, size = start % length, end - start
    edges = np.zeros((2, 2 * length + 1), dtype=np.int64)
    for row, symbol in enumerate(STRANDS):
        own = (strand == symbol) | (strand == ".")
        np.add.at(edges[row], first[own], 1)
        np.add.at(edges[row], (first + size)[own], -1)
    twice = edges[:, : 2 * length].cumsum(axis=1)  # twice round the circle
    return twice[:, :length] + twice[:, length:]


def covered(intervals: pd.DataFrame, length: int) -> NDArray[np.bool_]:
    """Mark the positions inside any interval of a strand, shape (2, L); see `depth`."""
    return depth(intervals, length) > 0
