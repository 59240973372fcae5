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
    "Gaps",
    "distance_to_next",
    "first_nucleotide",
    "gaps",
    "gene_starts",
    "near",
    "nearest_offset",
    "not_taken",
    "offset_of",
    "offsets",
    "output_around",
    "paper_label",
    "position_name",
    "reading_order",
    "shift_downstream",
    "site_track",
    "turned_round",
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


def position_name(offset: int) -> str:
    """Write the offset from a site as a position: the site is +1, before it comes -1."""
    return f"{int(paper_label(offset)):+d}"


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


def first_nucleotide(features: pd.DataFrame, length: ArrayLike) -> NDArray[np.int64]:
    """Position at which each feature begins on its strand, shape (n,).

    Parameters
    ----------
    features : DataFrame
        ``start``, ``end`` (0-based half-open; may pass the origin of a circle), ``strand``.
    length : int, or array of int of shape (n,)
        Length of the genome, or of each feature's contig, in nt.
    """
    start, end = (features[name].to_numpy(np.int64) for name in ("start", "end"))
    first: NDArray[np.int64] = np.where(strand_row(features["strand"]) == 0, start, end - 1)
    return first % np.asarray(length)


def gene_starts(features: pd.DataFrame, kind: str, length: int) -> pd.DataFrame:
    """First nucleotide of each feature of a type: ``position``, ``strand``; see the function above.

    Distinct, by position.
    """
    chosen = features[features["type"] == kind]
    position = first_nucleotide(chosen, length)
    frame = pd.DataFrame({"position": position, "strand": chosen["strand"].to_numpy()})
    return frame.drop_duplicates().sort_values(["position", "strand"], ignore_index=True)


class Gaps(NamedTuple):
    """How far sites are on either side, in nt along the strand; float, 0 at a site itself."""

    behind: NDArray[np.float64]
    """To the next site upstream; infinite where there is none."""
    ahead: NDArray[np.float64]
    """To the next site downstream; infinite where there is none."""


def turned_round(sites: pd.DataFrame, length: int, seed: int) -> pd.DataFrame:
    """Move all sites of each strand by one random distance round the genome.

    As many sites, spaced as before, at other places: labels for a control that has nothing to
    learn from the sequence. The distance is at least a tenth of the genome.
    """
    rng = np.random.default_rng(seed)
    least = max(1, length // 10)
    moved = sites.copy()
    for strand in ("+", "-"):
        chosen = moved["strand"] == strand
        distance = int(rng.integers(least, max(least + 1, length - least)))
        moved.loc[chosen, "position"] = (moved.loc[chosen, "position"] + distance) % length
    return moved


def gaps(
    position: ArrayLike,
    strand: ArrayLike,
    sites: pd.DataFrame,
    length: int,
    *,
    circular: bool = True,
    opposite: bool = False,
) -> Gaps:
    """How far each position lies from the next sites upstream and downstream of it.

    Parameters
    ----------
    position, strand : arrays, shape (n,)
        0-based forward positions and their strands; up and down are meant along the latter.
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
    Gaps
        Two arrays of shape (n,).
    """
    position, row = np.asarray(position, dtype=np.int64), strand_row(strand)
    found = np.full((2, *position.shape), np.inf)  # to the left, to the right
    of_site = strand_row(sites["strand"])
    for number in range(2):
        there = of_site == (1 - number if opposite else number)
        known = np.unique(sites["position"].to_numpy(np.float64)[there])
        own = row == number
        if known.size == 0:
            continue
        ends = [known[-1] - length, known[0] + length] if circular else [-np.inf, np.inf]
        known = np.concatenate([ends[:1], known, ends[1:]])
        here = position[own]
        found[0, own] = here - known[np.searchsorted(known, here, side="right") - 1]
        found[1, own] = known[np.searchsorted(known, here, side="left")] - here
    return Gaps(*np.where(row == 0, found, found[::-1]))


def nearest_offset(
    position: ArrayLike,
    strand: ArrayLike,
    sites: pd.DataFrame,
    length: int,
    *,
    circular: bool = True,
    opposite: bool = False,
    ahead_first: bool = False,
) -> NDArray[np.float64]:
    """How far each position lies from the nearest site, along the position's own strand.

    Parameters
    ----------
    position, strand, sites, length, circular, opposite
        As for `gaps`.
    ahead_first : bool
        Of two equally near sites, take the one downstream, not that at the lower forward position.

    Returns
    -------
    float array, shape (n,)
        Positive where the position lies downstream of the site (on the position's strand); infinite
        where there is none.
    """
    behind, ahead = gaps(position, strand, sites, length, circular=circular, opposite=opposite)
    tie = (behind == ahead) & np.isfinite(ahead) & (ahead_first | (strand_row(strand) == 1))
    return np.where((ahead < behind) | tie, -ahead, behind)


def distance_to_next(
    sites: pd.DataFrame, length: int, *, circular: bool = True
) -> NDArray[np.float64]:
    """How far the next site lies downstream of every position on its strand, shape (2, L).

    In nt, 0 at a site itself, infinite where none follows; see `gaps`.
    """
    every, strand = np.tile(np.arange(length), 2), np.repeat(STRANDS, length)
    return gaps(every, strand, sites, length, circular=circular).ahead.reshape(2, length)


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
    offset = nearest_offset(sites["position"], sites["strand"], taken, length, circular=circular)
    return sites[np.abs(offset) > tolerance].reset_index(drop=True)
