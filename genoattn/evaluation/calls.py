"""Output called: peaks, a threshold, each call assigned to a site of its own; arrays and frames.

Scored at the exact position, a call next to a site is as wrong as one anywhere else, although the
assays themselves disagree by a nucleotide or two. Here a call may be assigned to a site of its
strand at most ``tolerance`` nt away, and every call and every site is assigned once at most: five
calls around one site are one hit and four false positives.

Going down the calls from the highest output, a call counts as a hit when the calls so far can all
keep a site of their own (earlier ones may change theirs). So at any threshold the number of hits is
the largest that any one-to-one assignment reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter1d

from genoattn.evaluation.bootstrap import Resampling, auc_replicates, sums
from genoattn.genome.sequence import STRANDS

__all__ = [
    "CONTIG_AND_STRAND",
    "Threshold",
    "assign",
    "calls",
    "find_peaks",
    "found",
    "match_table",
    "near",
    "peaks",
    "threshold_at_precision",
]


def peaks(track: NDArray, where: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Positions whose output no other within ``radius`` nt on their strand exceeds.

    Parameters
    ----------
    track : float array, shape (2, L)
        Model output.
    where : bool array, shape (L,)
        The part that is looked at; what lies outside it plays no role.
    radius : int
        In nt; 0 makes every position a peak. Of equal outputs the first counts.

    Returns
    -------
    bool array, shape (2, L)
    """
    if radius < 0:
        raise ValueError(f"radius must not be negative, not {radius}")
    inside = np.where(where, track, -np.inf)
    if radius == 0:
        return np.broadcast_to(where, track.shape).copy()
    width = 2 * radius + 1
    highest = maximum_filter1d(inside, width, axis=1, mode="constant", cval=-np.inf)
    before = np.full_like(inside, -np.inf)  # the highest of the radius positions before
    before[:, 1:] = maximum_filter1d(
        inside, radius, axis=1, mode="constant", cval=-np.inf, origin=(radius - 1) // 2
    )[:, :-1]
    return where & (inside == highest) & (inside > before)


def assign(calls: NDArray[np.int64], sites: NDArray[np.int64], tolerance: int) -> NDArray[np.int64]:
    """Assign calls to sites one to one, the first calls first.

    Parameters
    ----------
    calls : int array, shape (n,)
        Positions on one strand, from the highest output to the lowest.
    sites : int array, shape (m,)
        Positions on that strand, distinct.
    tolerance : int
        Farthest that a call may be from its site, in nt.

    Returns
    -------
    int array, shape (n,)
        Index of the site in ``sites``, -1 for a call without one. For every k, as many of the
        first k calls have a site as is possible.

    Notes
    -----
    Augmenting paths (Kuhn 1955) in the graph of calls and sites within reach of each other. The
    sets of calls that can be assigned form a matroid, so taking calls greedily loses none.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, not {tolerance}")
    order = np.argsort(sites, kind="stable")
    ordered = sites[order]
    first = np.searchsorted(ordered, calls - tolerance, side="left")
    last = np.searchsorted(ordered, calls + tolerance, side="right")
    owner = np.full(len(sites), -1, dtype=np.int64)  # call of each ordered site

    def find(call: int, seen: set[int]) -> bool:
        for site in range(first[call], last[call]):
            if site in seen:
                continue
            seen.add(site)
            if owner[site] < 0 or find(int(owner[site]), seen):
                owner[site] = call
                return True
        return False

    for call in np.flatnonzero(first < last).tolist():
        find(call, set())
    assigned = np.full(len(calls), -1, dtype=np.int64)
    taken = owner >= 0
    assigned[owner[taken]] = order[taken]
    return assigned


def _hits(
    output: NDArray, candidates: NDArray[np.bool_], label: NDArray, tolerance: int
) -> NDArray[np.bool_]:
    """Which candidates are assigned to a site: bool (2, L)."""
    hits = np.zeros(candidates.shape, dtype=bool)
    for row in range(2):
        calls = np.flatnonzero(candidates[row])
        calls = calls[np.argsort(-output[row, calls], kind="stable")]
        sites = np.flatnonzero(label[row])
        hits[row, calls[assign(calls, sites, tolerance) >= 0]] = True
    return hits


def _threshold(scores: NDArray, wanted: int) -> float:
    """Lowest score at which at most ``wanted`` are called; those of equal score go together."""
    values, counts = np.unique(scores, return_counts=True)
    at_least = np.cumsum(counts[::-1])[::-1]  # calls from each score up
    fits = values[at_least <= wanted]
    return float(fits[0]) if fits.size else float("inf")


def calls(
    output: NDArray, label: NDArray, where: NDArray[np.bool_], radius: int, tolerance: int
) -> pd.DataFrame:
    """List as many of the highest peaks as there are sites, and say which have a site.

    Parameters
    ----------
    output, label, where, radius
        As for :func:`match_table`.
    tolerance : int
        Farthest that a call may be from its site, in nt.

    Returns
    -------
    DataFrame
        Columns position (0-based), strand, output and hit; by position and strand.
    """
    sites = label.astype(bool) & where
    candidates = _as_many_as(sites, output, where, radius)
    hits = _hits(output, candidates, sites, tolerance)
    row, position = np.nonzero(candidates)
    listed = pd.DataFrame(
        {
            "position": position,
            "strand": np.array(STRANDS)[row],
            "output": output[candidates],
            "hit": hits[candidates],
        }
    )
    return listed.sort_values(["position", "strand"], ignore_index=True)


def _as_many_as(
    sites: NDArray[np.bool_], output: NDArray, where: NDArray[np.bool_], radius: int
) -> NDArray[np.bool_]:
    """The highest peaks, as many as there are sites at most: bool (2, L)."""
    candidates = peaks(output, where, radius)
    candidates &= output >= _threshold(output[candidates], int(sites.sum()))
    return candidates


def found(
    output: NDArray, label: NDArray, where: NDArray[np.bool_], radius: int, tolerance: int
) -> NDArray[np.bool_]:
    """Which sites have a call of their own, of as many calls as there are sites.

    Parameters
    ----------
    output, label, where, radius, tolerance
        As for :func:`calls`.

    Returns
    -------
    bool array, shape (2, L)
    """
    sites = label.astype(bool) & where
    candidates = _as_many_as(sites, output, where, radius)
    has_one = np.zeros_like(sites)
    for row in range(2):
        made, there = np.flatnonzero(candidates[row]), np.flatnonzero(sites[row])
        made = made[np.argsort(-output[row, made], kind="stable")]
        owned = assign(made, there, tolerance)
        has_one[row, there[owned[owned >= 0]]] = True
    return has_one


def match_table(
    output: NDArray,
    label: NDArray,
    where: NDArray[np.bool_],
    tolerances: Iterable[int],
    resampling: Resampling,
    radius: int,
) -> pd.DataFrame:
    """Score the calls of a track against sites at several tolerances, one to one.

    Parameters
    ----------
    output : float array, shape (2, L)
    label : binary array, shape (2, L)
    where : bool array, shape (L,)
        The part to score. Sites outside it are not there for a call inside it.
    tolerances : iterable of int
        In nt; 0 is the exact position.
    resampling : Resampling
        Of the part, for intervals. Assignments stay, blocks are drawn again.
    radius : int
        Calls are the :func:`peaks` within so many nt; 0 calls every position.

    Returns
    -------
    DataFrame
        Columns tolerance, n_sites, n_calls, average_precision with ci_low and ci_high, reached (the
        share of sites that any call finds), threshold, precision, recall. The last three are those
        of the largest number of calls that is at most the number of sites. With radius 0 and
        tolerance 0 the average precision is the PR AUC of `genoattn.evaluation.scores.score`.
    """
    sites = label.astype(bool) & where
    candidates = peaks(output, where, radius)
    both = np.stack([resampling.block] * 2)
    once = np.ones((1, resampling.draws.shape[1]))
    weights = np.concatenate([once, resampling.draws])  # the first replicate is the sample itself
    scores = output[candidates]
    wanted = int(sites.sum())
    threshold = _threshold(scores, wanted)
    rows = []
    for tolerance in tolerances:
        hit = _hits(output, candidates, sites, tolerance)
        found = hit[candidates]
        area = auc_replicates(found, scores, both[candidates], weights)["pr_auc"]
        # the area is over the hits; the recall that it should be over counts all sites
        with np.errstate(invalid="ignore"):
            share = (weights @ sums(hit, both)) / (weights @ sums(sites, both))
        replicates = np.where(share > 0, area, 0.0) * share
        low, high = resampling.interval(replicates[1:])
        called = scores >= threshold
        rows.append(
            {
                "tolerance": tolerance,
                "n_sites": wanted,
                "n_calls": len(scores),
                "average_precision": replicates[0],
                "ci_low": low,
                "ci_high": high,
                "reached": share[0],
                "threshold": threshold,
                "precision": found[called].mean() if called.any() else np.nan,
                "recall": found[called].sum() / wanted,
            }
        )
    return pd.DataFrame(rows)


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


CONTIG_AND_STRAND = ["contig", "strand"]


# -------------------------------------------------------------------------------------- peaks


def find_peaks(tracks: Mapping[str, NDArray], threshold: float, *, apart: int = 1) -> pd.DataFrame:
    """Local maxima of the output, on each strand by itself.

    A position is a peak when its value reaches the threshold, no position within ``apart`` nt on
    its strand is higher, and none of the same value comes before it within ``apart`` (so a
    plateau counts once for every ``apart`` nt or less). Ends are ends: nothing wraps round.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
        Contig name to track; NaN is never a peak.
    threshold : float
        Least value of a peak.
    apart : int
        How far a peak must be the highest, in nt to each side; 1 or more.

    Returns
    -------
    DataFrame
        ``contig``, ``position`` (0-based), ``strand``, ``output``; by contig in the given order,
        then by position and strand.
    """
    if apart < 1:
        raise ValueError(f"apart must be at least 1 nt, not {apart}")
    if not tracks:
        raise ValueError("no track to look for peaks in: give at least one contig")
    rows, positions, outputs = [], [], []
    for name, track in tracks.items():
        if track.ndim != 2 or len(track) != len(STRANDS):
            raise ValueError(
                f"the track of {name} has shape {track.shape}, not (2, L), both strands"
            )
        values = np.where(np.isnan(track), -np.inf, track)
        within = min(apart, values.shape[1])
        highest = peaks(values, np.ones(values.shape[1], dtype=bool), within)
        position, row = np.nonzero((highest & (values >= threshold)).T)  # by position, then strand
        rows.append(row)
        positions.append(position)
        outputs.append(track[row, position])
    names = np.array([*tracks], dtype=object)
    return pd.DataFrame(
        {
            "contig": names.repeat([len(row) for row in rows]),
            "position": np.concatenate(positions),
            "strand": np.array(STRANDS, dtype=object)[np.concatenate(rows)],
            "output": np.concatenate(outputs),
        }
    )


def near(places: pd.DataFrame, others: pd.DataFrame, tolerance: int) -> NDArray[np.bool_]:
    """Whether each place has another one near: of the same contig and strand, a few nt away.

    Parameters
    ----------
    places, others : DataFrame
        ``contig``, ``position``, ``strand``.
    tolerance : int
        Largest distance in nt; nothing wraps round.

    Returns
    -------
    bool array, shape (len(places),)
    """
    ones, there = (
        one[["contig", "position", "strand"]]
        .astype({"position": np.int64, "contig": str, "strand": str})
        .assign(row=np.arange(len(one)))
        .sort_values("position")
        for one in (places, others)
    )
    found = pd.merge_asof(
        ones, there, on="position", by=CONTIG_AND_STRAND, direction="nearest", tolerance=tolerance
    )
    return found.sort_values("row_x")["row_y"].notna().to_numpy()
