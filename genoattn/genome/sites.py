"""Sites on a genome: as tracks, their neighbours, what lies around them; arrays and frames.

A *sites frame* has ``position`` (0-based, forward) and ``strand``. A *track* has shape (2, L): row
0 the plus strand, row 1 the minus strand, both indexed by forward position. A transformer reads
each strand 5'->3'; :func:`reading_order` turns a track into that order and back. Around a site a
track is read along the site's own strand: *sense* is the value there, *antisense* that of the other
strand at the same nucleotides, and negative offsets lie upstream.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genoattn.genome.sequence import STRANDS, strand_row

__all__ = [
    "Around",
    "gene_starts",
    "near",
    "nearest_offset",
    "not_taken",
    "offset_of",
    "offsets",
    "output_around",
    "paper_label",
    "reading_order",
    "shift_downstream",
    "site_track",
    "values_at",
]


def site_track(sites: pd.DataFrame, length: int) -> NDArray[np.uint8]:
    """Mark every site of a frame with 1.

    Parameters
    ----------
    sites : DataFrame
        Columns ``position`` (0-based forward coordinate) and ``strand`` ('+' or '-').
    length : int
        Genome length L in nt.

    Returns
    -------
    uint8 array, shape (2, L)
    """
    track = np.zeros((2, length), dtype=np.uint8)
    for row, strand in enumerate(STRANDS):
        position = sites.loc[sites["strand"] == strand, "position"].to_numpy(np.int64)
        if position.size and (position.min() < 0 or position.max() >= length):
            raise ValueError(
                f"a site at {position.max()} lies beyond the genome of {length} nt; "
                "are sites and genome of the same assembly?"
            )
        track[row, position] = 1
    return track


def reading_order(track: NDArray) -> NDArray:
    """Turn a track from forward positions to strands read 5'->3', or back (its own inverse)."""
    return np.stack([track[0], track[1, ::-1]])


def shift_downstream(ordered: NDArray, shift: int) -> NDArray:
    """Move strand-ordered values ``shift`` nt downstream, across the origin of the circular genome.

    A label so shifted lets the model, which looks upstream, see ``shift`` nt past the site
    (paper, "Model architecture": 20 nt).  A negative shift moves back.
    """
    return np.roll(ordered, shift, axis=-1)


def values_at(track: NDArray, sites: pd.DataFrame) -> NDArray:
    """Values of a track, shape (..., 2, L), at sites: shape (..., n)."""
    return np.asarray(track[..., strand_row(sites["strand"]), sites["position"].to_numpy(np.int64)])


# --------------------------------------------------------------------------- offsets and labels


def offsets(window: int, downstream: int) -> np.ndarray:
    """Offset from the nucleotide asked about, for each distance back from the query.

    Parameters
    ----------
    window
        Positions that a query attends to (512 in the paper), itself included.
    downstream
        Label shift in nt (20 in the paper).

    Returns
    -------
    ndarray of int, shape (window,)
        ``downstream - d`` for d = 0..window-1: from +20 down to -491 in the paper's model.
    """
    return downstream - np.arange(window)


def paper_label(offset: np.ndarray | int) -> np.ndarray:
    """Offset as biologists write it: no zero, the TSS is +1 and the nucleotide before it -1.

    Examples
    --------
    >>> paper_label(np.array([-12, -1, 0, 19])).tolist()
    [-12, -1, 1, 20]
    """
    offset = np.asarray(offset)
    return np.where(offset >= 0, offset + 1, offset)


def offset_of(label: int) -> int:
    """Offset of a position as biologists write it: the inverse of `paper_label`.

    Examples
    --------
    >>> offset_of(-12), offset_of(1)
    (-12, 0)
    """
    return label - (label > 0)


# -------------------------------------------------------------------------------- around sites


class Around(NamedTuple):
    """Output around sites, in the direction of their strand; both float, shape (n, 2 flank + 1)."""

    sense: np.ndarray
    antisense: np.ndarray


def output_around(track: np.ndarray, sites: pd.DataFrame, flank: int) -> Around:
    """Track around each site on its own strand and on the other one.

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    sites : DataFrame
        With ``position`` and ``strand``; windows wrap round the end of the genome, so take the
        sites of a linear genome through `around.whole_window_inside`.
    flank : int
        Nucleotides on each side.

    Returns
    -------
    Around
        Column ``flank + k`` is the nucleotide ``k`` nt downstream of the site on its strand.

    Raises
    ------
    ValueError
        Unknown strand, a site beyond the track, or a window without predicted values.
    """
    position = sites["position"].to_numpy()
    if ((position < 0) | (position >= track.shape[1])).any():
        raise ValueError(f"a site lies beyond the track of {track.shape[1]:,} positions")
    row = strand_row(sites["strand"])[:, None]
    step = np.arange(-flank, flank + 1)
    index = (position[:, None] + np.where(row == 0, step, -step)) % track.shape[1]  # n, 2 flank + 1
    around = Around(track[row, index], track[1 - row, index])
    if not (np.isfinite(around.sense).all() and np.isfinite(around.antisense).all()):
        raise ValueError("the track has positions without a value around the sites")
    return around


def gene_starts(features: pd.DataFrame, kind: str) -> pd.DataFrame:
    """First nucleotide of each feature of a type, on its strand: ``position``, ``strand``."""
    chosen = features[features["type"] == kind]
    position = np.where(chosen["strand"] == "+", chosen["start"], chosen["end"] - 1)
    frame = pd.DataFrame({"position": position, "strand": chosen["strand"].to_numpy()})
    return frame.drop_duplicates().sort_values(["position", "strand"], ignore_index=True)


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


def near(
    sites: pd.DataFrame, length: int, tolerance: int, *, circular: bool = True
) -> NDArray[np.bool_]:
    """Mark what lies within a tolerance of a site on its strand, shape (2, L).

    Parameters
    ----------
    sites : DataFrame
        ``position``, ``strand``.
    length : int
    tolerance : int
        In nt, to each side.
    circular : bool
    """
    track = np.zeros((2, length), dtype=bool)
    for row, strand in enumerate(STRANDS):
        position = sites.loc[sites["strand"] == strand, "position"].to_numpy(np.int64)
        index = (position[:, None] + np.arange(-tolerance, tolerance + 1)).ravel()
        if circular:
            index = index % length
        track[row, index[(index >= 0) & (index < length)]] = True
    return track


def not_taken(
    sites: pd.DataFrame, taken: pd.DataFrame, length: int, tolerance: int, *, circular: bool = True
) -> pd.DataFrame:
    """The sites that have none of another frame within a tolerance on their strand."""
    known = near(taken, length, tolerance, circular=circular)
    return sites[~values_at(known, sites)].reset_index(drop=True)
