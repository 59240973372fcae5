"""Predicted start sites as a list of peaks: threshold, precision, shifts; touches frames alone.

A *peak* is a local maximum of the output on its strand (`genoattn.tracks.find_peaks`). It is a
*hit* when an annotated site lies within a tolerance on the same strand. Peaks further apart than
twice the tolerance cannot share a site, so that precision counts no site twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from genoattn.genome import STRANDS

__all__ = ["Threshold", "nearest_offset", "proportion", "shifts", "threshold_at_precision"]


def nearest_offset(
    position: ArrayLike,
    strand: ArrayLike,
    sites: pd.DataFrame,
    length: int,
    *,
    circular: bool = True,
    opposite: bool = False,
) -> NDArray[np.float64]:
    """How far each position lies from the nearest site, along the position's own strand.

    Parameters
    ----------
    position, strand : arrays, shape (n,)
        0-based forward positions and their strands.
    sites : DataFrame
        ``position``, ``strand``.
    length : int
        Length of the genome in nt.
    circular : bool
        Whether distances go round the end of the genome.
    opposite : bool
        Look for sites on the other strand instead of the same one.

    Returns
    -------
    float array, shape (n,)
        Positive where the position lies downstream of the site (on the position's strand); of two
        equally near sites the one at the lower forward coordinate; infinite where there is none.
    """
    position, strand = np.asarray(position, dtype=np.int64), np.asarray(strand)
    offset = np.full(position.shape, np.inf)
    for row, symbol in enumerate(STRANDS):
        other = STRANDS[1 - row] if opposite else symbol
        known = np.unique(sites.loc[sites["strand"] == other, "position"]).astype(np.float64)
        own = strand == symbol
        if known.size == 0 or not own.any():
            continue
        around = [known[-1] - length, known[0] + length] if circular else [-np.inf, np.inf]
        known = np.concatenate([around[:1], known, around[1:]])
        after = np.searchsorted(known, position[own])
        after = np.maximum(after, 1)
        before_by, after_by = position[own] - known[after - 1], known[after] - position[own]
        nearest = np.where(before_by <= after_by, before_by, -after_by)
        offset[own] = nearest if symbol == "+" else -nearest
    return offset


class Threshold(NamedTuple):
    """A threshold on the output of peaks, and what lies at or above it."""

    output: float
    precision: float
    n_peaks: int
    n_hits: int
    reached: bool


def threshold_at_precision(
    output: ArrayLike, hit: ArrayLike, precision: float, *, at_least: int = 1
) -> Threshold:
    """The lowest threshold at which the share of hits among the peaks is as asked.

    Parameters
    ----------
    output : array, shape (n,)
        Output of each peak.
    hit : bool array, shape (n,)
        Whether an annotated site is near.
    precision : float
        Wanted share of hits.
    at_least : int
        Thresholds that leave fewer peaks are not looked at.

    Returns
    -------
    Threshold
        Where no threshold reaches the precision, the one of the highest precision, with
        ``reached`` false.

    Raises
    ------
    ValueError
        Fewer than ``at_least`` peaks.
    """
    output, hit = np.asarray(output), np.asarray(hit, dtype=bool)
    if output.size < max(at_least, 1):
        raise ValueError(f"{output.size} peaks: a threshold needs at least {max(at_least, 1)}")
    order = np.argsort(-output, kind="stable")
    output, hits = output[order], np.cumsum(hit[order])
    number = np.arange(1, output.size + 1)
    last_of_equals = np.append(output[1:] < output[:-1], True)
    allowed = last_of_equals & (number >= at_least)
    share = np.where(allowed, hits / number, -1.0)
    good = np.flatnonzero(share >= precision)
    chosen = int(good[-1]) if good.size else int(share.argmax())
    return Threshold(
        float(output[chosen]),
        float(share[chosen]),
        int(number[chosen]),
        int(hits[chosen]),
        bool(good.size),
    )


def proportion(count: int, n: int, level: float) -> tuple[float, float, float]:
    """Share with its exact binomial interval (Clopper and Pearson 1934); NaN where n is 0."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    found = binomtest(int(count), int(n)).proportion_ci(level, method="exact")
    return count / n, float(found.low), float(found.high)


def shifts(
    peaks: pd.DataFrame,
    sites: pd.DataFrame,
    inside: NDArray[np.bool_],
    *,
    reach: int,
    level: float,
    circular: bool = True,
) -> pd.DataFrame:
    """How peaks lie relative to the nearest annotated site, beside positions taken at random.

    Parameters
    ----------
    peaks : DataFrame
        ``position``, ``strand``.
    sites : DataFrame
        Annotated sites: ``position``, ``strand``.
    inside : bool array, shape (L,)
        The part of the genome that the peaks are from.
    reach : int
        Offsets up to so many nt to each side.
    level : float
        Coverage of the exact binomial intervals.
    circular : bool

    Returns
    -------
    DataFrame
        ``offset`` (of the peak, positive downstream of the site), ``n`` peaks, ``share`` of all
        peaks, ``ci_low``, ``ci_high``, and ``chance``: the share of all positions of the part, on
        both strands, at that offset (the limit of any number of random positions).
    """
    length = inside.size
    found = nearest_offset(peaks["position"], peaks["strand"], sites, length, circular=circular)
    every = np.flatnonzero(inside)
    by_chance = np.concatenate(
        [
            nearest_offset(every, np.full(every.size, s), sites, length, circular=circular)
            for s in STRANDS
        ]
    )
    offsets = np.arange(-reach, reach + 1)
    count = [int((found == offset).sum()) for offset in offsets]
    share = np.array([proportion(n, len(peaks), level) for n in count]).T
    return pd.DataFrame(
        {
            "offset": offsets,
            "n": count,
            "share": share[0],
            "ci_low": share[1],
            "ci_high": share[2],
            "chance": [(by_chance == offset).mean() for offset in offsets],
        }
    )
