"""Where false positives lie: how far from a site, and where among the genes; frames alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.regions import PLACES
from genoattn.genome.sequence import STRANDS
from genoattn.genome.sites import nearest_offset, values_at

__all__ = ["DISTANCES", "distance_shares", "place_shares", "recall_by_place"]


DISTANCES: dict[str, float] = {
    "0": 0, "1 to 5": 5, "6 to 20": 20, "21 to 100": 100, "101 to 500": 500, "farther": np.inf
}  # fmt: skip
"""Classes of distance to the nearest site: name -> largest distance in nt."""


def distance_shares(
    calls: pd.DataFrame,
    sites: dict[str, pd.DataFrame],
    where: NDArray[np.bool_],
    *,
    circular: bool = True,
) -> pd.DataFrame:
    """How far calls without a site of one set lie from the nearest site of each set.

    Parameters
    ----------
    calls : DataFrame
        From `genoattn.evaluation.calls.calls`; those with ``hit`` are left out.
    sites : mapping of name to DataFrame
        Sets of sites, of the whole genome.
    where : bool array, shape (L,)
        The part that calls lie in, for comparison: distances of all its positions.

    Returns
    -------
    DataFrame
        Columns sites, distance (a key of :data:`DISTANCES`), n (calls), share (of the calls) and
        expected (share of all positions of the part, both strands).
    """
    false = calls[~calls["hit"]]
    position = np.tile(np.flatnonzero(where), 2)
    strand = np.repeat(STRANDS, where.sum())
    limits = list(DISTANCES.values())
    rows = []
    for name, known in sites.items():
        counts = []
        for asked, on in ((false["position"], false["strand"]), (position, strand)):
            offset = nearest_offset(asked, on, known, where.size, circular=circular)
            which = np.searchsorted(limits, np.abs(offset), side="left")
            counts.append(np.bincount(which, minlength=len(limits)))
        for number, distance in enumerate(DISTANCES):
            rows.append(
                {
                    "sites": name,
                    "distance": distance,
                    "n": counts[0][number],
                    "share": counts[0][number] / max(1, len(false)),
                    "expected": counts[1][number] / len(position),
                }
            )
    return pd.DataFrame(rows)


def place_shares(
    calls: pd.DataFrame, label: NDArray, place: NDArray, where: NDArray[np.bool_]
) -> pd.DataFrame:
    """Where false positives, true positives, sites and all positions lie among the genes.

    Parameters
    ----------
    calls : DataFrame
        From `genoattn.evaluation.calls.calls`.
    label : binary array, shape (2, L)
    place : int array, shape (2, L)
        From `genoattn.genome.regions.places`.
    where : bool array, shape (L,)

    Returns
    -------
    DataFrame
        Columns what ('false positives', 'true positives', 'sites', 'all positions'), place, n,
        share.
    """
    of_calls, hit = values_at(place, calls), calls["hit"].to_numpy()
    inside = place[:, where]
    groups = {
        "false positives": of_calls[~hit],
        "true positives": of_calls[hit],
        "sites": inside[label[:, where].astype(bool)],
        "all positions": inside.ravel(),
    }
    rows = []
    for what, found in groups.items():
        counts = np.bincount(found, minlength=len(PLACES))
        for name, n in zip(PLACES, counts, strict=True):
            rows.append({"what": what, "place": name, "n": n, "share": n / max(1, counts.sum())})
    return pd.DataFrame(rows)


def recall_by_place(
    calls: pd.DataFrame, label: NDArray, place: NDArray, where: NDArray[np.bool_]
) -> pd.Series:
    """Share of the sites of each place among the genes that calls find: true positives over sites.

    Parameters
    ----------
    calls, label, place, where
        As for `place_shares`.

    Returns
    -------
    Series
        By `genoattn.genome.regions.PLACES`; NaN where no site lies.
    """
    n = place_shares(calls, label, place, where).set_index(["what", "place"])["n"]
    return n["true positives"] / n["sites"].where(n["sites"] > 0)
