"""Why the other strand's output rises at start sites: neighbours, shared boxes, symmetry.

Touches arrays and frames alone. Three explanations are told apart: another start site lies near on
the other strand (*neighbours*); a promoter that works both ways, whose two start sites share a -10
box; or the sequence alone, as a -10 box is half a -10 box of the other strand: its most conserved
letters, A at -11 and T at -7, are a T and an A there, each in the other's place, for a start at
-18. Warman et al. 2021 (doi:10.1038/s41564-021-00898-9) find bidirectional promoters to be a
consequence of that symmetry.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.statistics import median_with_band
from genoattn.genome.sites import Around, nearest_offset, output_around, site_track

__all__ = [
    "GROUPS",
    "by_neighbours",
    "changes",
    "group_peaks",
    "highest",
    "mirror_score",
    "random_sites",
    "thirds",
]


GROUPS = ("shared -10 box", "other site near", "alone")
"""Start sites by what lies on the other strand; see `by_neighbours`."""


def by_neighbours(
    sites: pd.DataFrame,
    known: pd.DataFrame,
    length: int,
    *,
    distance: int,
    shared: tuple[int, int],
    circular: bool = True,
) -> dict[str, pd.DataFrame]:
    """Sort start sites by the sites of any assay on the other strand.

    Parameters
    ----------
    sites : DataFrame
        Start sites to be sorted: ``position``, ``strand``.
    known : DataFrame
        All start sites that any source reports.
    length : int
    distance : int
        Sites farther than this from all known sites of the other strand are *alone*.
    shared : tuple of int
        A known site of the other strand so many nt upstream, from and to, can share the -10 box.
        It counts even where another one is nearer.
    circular : bool

    Returns
    -------
    dict of str to DataFrame
        A class of each of `GROUPS`, disjoint and together all of ``sites``, each indexed from 0.
    """
    position, strand = sites["position"].to_numpy(), sites["strand"].to_numpy()
    nearest = nearest_offset(position, strand, known, length, circular=circular, opposite=True)
    alone = np.abs(nearest) > distance
    upstream = np.arange(shared[0], shared[1] + 1)
    index = position[:, None] + np.where(strand == "+", -1, 1)[:, None] * upstream
    other = (strand == "+").astype(np.int64)[:, None]  # row of the other strand
    there = site_track(known, length)[other, index % length].astype(bool)
    if not circular:
        there &= (index >= 0) & (index < length)
    one_box = there.any(axis=1) & ~alone
    return {
        name: sites[mask].reset_index(drop=True)
        for name, mask in zip(GROUPS, (one_box, ~one_box & ~alone, alone), strict=True)
    }


def highest(around: Around, flank: int, sense_reach: int, window: tuple[int, int]) -> pd.DataFrame:
    """Highest output of each site: at the site on its strand, and in a window on the other one.

    Parameters
    ----------
    around : Around
        Outputs from ``-flank`` to ``+flank``.
    flank : int
    sense_reach : int
        On the own strand, so many nt to each side of the site.
    window : tuple of int
        On the other strand, from and up to and including these offsets.

    Returns
    -------
    DataFrame
        ``sense``, ``antisense``.
    """
    own = around.sense[:, flank - sense_reach : flank + sense_reach + 1]
    other = around.antisense[:, flank + window[0] : flank + window[1] + 1]
    return pd.DataFrame({"sense": own.max(axis=1), "antisense": other.max(axis=1)})


def mirror_score(
    box_scores: NDArray, sites: pd.DataFrame, window: tuple[int, int]
) -> NDArray[np.float64]:
    """How much the other strand looks as if it had a -10 box for a start site in a window.

    Parameters
    ----------
    box_scores : float array, shape (2, L)
        `scanner.scores` of the -10 box alone.
    sites : DataFrame
        ``position``, ``strand``.
    window : tuple of int
        Offsets, from and up to and including, of start sites on the other strand.

    Returns
    -------
    float array, shape (n,)
        Bits: the best score in the window.
    """
    flank = max(abs(window[0]), abs(window[1]))
    other = output_around(box_scores, sites, flank).antisense
    best = other[:, flank + window[0] : flank + window[1] + 1].max(axis=1)
    return np.asarray(best, dtype=np.float64)


def random_sites(inside: NDArray[np.bool_], n: int, seed: int) -> pd.DataFrame:
    """Places to compare sites with: positions of a part and strands at random, with replacement.

    Parameters
    ----------
    inside : bool array, shape (L,)
        The part.
    n, seed : int

    Returns
    -------
    DataFrame
        ``position`` (0-based), ``strand``.
    """
    random = np.random.default_rng(seed)
    position = random.choice(np.flatnonzero(inside), n)
    return pd.DataFrame({"position": position, "strand": random.choice(["+", "-"], n)})


def group_peaks(profiles: pd.DataFrame, window: tuple[int, int], baseline: float) -> pd.DataFrame:
    """Where the antisense profile of each group of sites is highest within a window, and how high.

    Parameters
    ----------
    profiles : DataFrame
        `genoattn.output.around.median_profiles` of groups of sites.
    window : tuple of int
        Offsets from the site, from and up to and including.
    baseline : float
        Median output of the whole part.

    Returns
    -------
    DataFrame
        ``group`` (all of `GROUPS`, in their order), ``n`` sites, ``offset`` of the highest median
        (missing where a group has no site), and as multiples of the baseline ``ratio``,
        ``ci_low``, ``ci_high`` (NaN where the sites are too few).
    """
    shown = profiles[(profiles["strand"] == "antisense") & profiles["offset"].between(*window)]
    columns = ["n", "offset", "median", "ci_low", "ci_high"]
    best = shown.loc[shown.groupby("site_class")["median"].idxmax()].set_index("site_class")
    table = best[columns].reindex(GROUPS).rename(columns={"median": "ratio"})
    table[["ratio", "ci_low", "ci_high"]] /= baseline
    table["n"] = table["n"].fillna(0).astype(int)
    table["offset"] = table["offset"].astype("Int64")
    return table.rename_axis("group").reset_index()


def thirds(sites: pd.DataFrame, score: NDArray) -> dict[str, pd.DataFrame]:
    """Split sites into three classes of equal size by a score: lowest, middle and highest third."""
    rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    part = rank * 3 // max(len(sites), 1)
    names = ("lowest third", "middle third", "highest third")
    return {name: sites[part == i].reset_index(drop=True) for i, name in enumerate(names)}


def changes(before: pd.DataFrame, after: Mapping[str, pd.DataFrame], level: float) -> pd.DataFrame:
    """How many times the highest output each edit leaves, on both strands.

    Parameters
    ----------
    before : DataFrame
        `highest` of the sites as they are.
    after : mapping of str to DataFrame
        `highest` of the same sites after each edit.
    level : float
        Coverage of the exact bootstrap interval of the median.

    Returns
    -------
    DataFrame
        ``edit``, ``strand`` (sense, antisense), ``n`` sites, ``ratio`` (median over sites of the
        output after over that before), ``ci_low``, ``ci_high``; NaN where there are no or too few
        sites.
    """
    rows = []
    for name, found in after.items():
        for relation in ("sense", "antisense"):
            ratio = (found[relation] / before[relation]).to_numpy(dtype=np.float64)
            median = low = high = float("nan")
            if len(ratio):
                median, low, high = (float(v[0]) for v in median_with_band(ratio[:, None], level))
            rows.append((name, relation, len(ratio), median, low, high))
    return pd.DataFrame(rows, columns=["edit", "strand", "n", "ratio", "ci_low", "ci_high"])
