"""Do a head's best positions lie in known sites; arrays and frames in, a frame out, no files.

Attention is highest near start sites, and so are binding sites. To say that a head looks at binding
sites one has to compare like with like: a head's best places against all other places at the same
distance from a start site and of the same AT content. The comparison is made inside strata of
these two, and the strata are put together **exactly**: given the strata, the number of best places
in sites is a sum of hypergeometric numbers if the head does not care (the Cochran-Mantel-Haenszel
setting), and under a common odds ratio psi each outcome x is psi^x times as likely. Hence the
estimate, the interval and the p-value all come from one convolution (Gart 1970,
doi:10.1093/biomet/57.3.471; Mehta, Patel and Gray 1985, doi:10.1080/01621459.1985.10478185).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from genoattn.evaluation.statistics import odds_ratio
from genoattn.genome.intervals import covered, stretches
from genoattn.genome.sequence import strand_row
from genoattn.heads.preferred import BestPositions

__all__ = [
    "enrichment",
    "promoter_intervals",
    "site_intervals",
    "site_masks",
    "thinned",
]


CORE = (-40, 0)
"""Stretch of a promoter that a sigma factor touches, offsets from the start site, half-open."""


# --------------------------------------------------------------------------------- known sites


def site_intervals(sites: pd.DataFrame, longest: int = 60) -> pd.DataFrame:
    """Binding sites of `regulondb.read_binding_sites` as intervals of both strands.

    Parameters
    ----------
    sites : DataFrame
        ``regulator``, ``start``, ``end``.
    longest : int
        Longer entries are whole regions rather than sites, and are left out, nt.

    Returns
    -------
    DataFrame
        ``kind``, ``name``, ``start``, ``end``, ``strand`` (``.``: both).
    """
    short = sites[sites["end"] - sites["start"] <= longest]
    return pd.DataFrame(
        {
            "kind": "binding site",
            "name": short["regulator"],
            "start": short["start"],
            "end": short["end"],
            "strand": ".",
        }
    ).reset_index(drop=True)


def promoter_intervals(promoters: pd.DataFrame) -> pd.DataFrame:
    """Cores of promoters (`CORE`) by sigma factor, as intervals of their own strand."""
    start, end = stretches(promoters, *CORE)
    return pd.DataFrame(
        {
            "kind": "promoter",
            "name": promoters["sigma"],
            "start": start,
            "end": end,
            "strand": promoters["strand"],
        }
    )


def site_masks(
    intervals: pd.DataFrame, length: int, *, min_sites: int
) -> dict[tuple[str, str], np.ndarray]:
    """Where sites lie, all of one kind together and those of each name.

    Parameters
    ----------
    intervals : DataFrame
        ``kind``, ``name``, ``start``, ``end`` (0-based half-open; may pass the origin), ``strand``.
    length : int
        Length of the genome.
    min_sites : int
        Names of fewer intervals have no mask of their own.

    Returns
    -------
    dict of (kind, name) to bool array, shape (2, L)
        The name ``any`` holds all of that kind.
    """
    masks: dict[tuple[str, str], np.ndarray] = {}
    for kind, whole in intervals.groupby("kind", sort=False):
        masks[str(kind), "any"] = covered(whole, length)
        for name, some in whole.groupby("name"):
            if len(some) >= min_sites:
                masks[str(kind), str(name)] = covered(some, length)
    return masks


# ------------------------------------------------------------------------------------ the test


def attended(best: BestPositions, downstream: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Strand row and forward position of the attended nucleotides, each (layers, heads, k)."""
    row = strand_row(best.strand)
    offset = (downstream - best.distance)[..., None]
    return row, (best.position + np.where(row == 0, offset, -offset)) % length


def enrichment(
    best: BestPositions,
    masks: Mapping[tuple[str, str], np.ndarray],
    stratum: np.ndarray,
    inside: np.ndarray,
    *,
    downstream: int,
    apart: int = 10,
) -> pd.DataFrame:
    """Whether each head's best places lie in known sites more often than places like them.

    Parameters
    ----------
    best : BestPositions
        Of each head, at its favourite distance.
    masks : mapping
        `site_masks`.
    stratum : array of int, shape (2, L)
        `statistics.distance_strata`.
    inside : bool array, shape (L,)
        The part of the genome that is compared (the test part).
    downstream : int
        Label shift in nt.
    apart : int
        Of best places within so many nt of a better one, only that one counts.

    Returns
    -------
    DataFrame
        A row for each head and mask: ``layer_1based``, ``head_1based``, ``kind``, ``name``,
        ``n`` (best places), ``n_inside``, ``expected``, ``odds_ratio``, ``low``, ``high`` (95 %),
        ``p_value`` (more often; exact) and ``q_value`` (Benjamini-Hochberg over all rows).
    """
    length = len(inside)
    if stratum.shape != (2, length):
        raise ValueError(f"strata {stratum.shape} and part {inside.shape} do not fit")
    row, position = attended(best, downstream, length)
    numbers = stratum[:, inside].ravel()
    size = int(stratum.max()) + 1
    total = np.bincount(numbers, minlength=size)
    within = {
        key: np.bincount(numbers[mask[:, inside].ravel()], minlength=size)
        for key, mask in masks.items()
    }
    rows = []
    for layer, head in np.ndindex(*best.distance.shape):
        chosen = thinned(row[layer, head], position[layer, head], apart)
        strand, place = row[layer, head][chosen], position[layer, head][chosen]
        kept = inside[place]
        strand, place = strand[kept], place[kept]
        mine = stratum[strand, place]
        cases = np.bincount(mine, minlength=size)
        for (kind, name), mask in masks.items():
            hit = mask[strand, place]
            cases_in = np.bincount(mine[hit], minlength=size)
            result = odds_ratio(cases_in, cases, within[kind, name], total)
            rows.append(
                {
                    "layer_1based": layer + 1,
                    "head_1based": head + 1,
                    "kind": kind,
                    "name": name,
                    "n": len(place),
                    "n_inside": int(hit.sum()),
                    "expected": result.expected,
                    "odds_ratio": result.estimate,
                    "low": result.low,
                    "high": result.high,
                    "p_value": result.p_value,
                }
            )
    frame = pd.DataFrame(rows)
    frame["q_value"] = false_discovery_control(frame["p_value"]) if len(frame) else []
    return frame


def thinned(row: np.ndarray, position: np.ndarray, apart: int) -> np.ndarray:
    """Indices of places that are not within ``apart`` nt of a better one on the same strand.

    Parameters
    ----------
    row : array of int, shape (n,)
        Strand row of each place, the best place first.
    position : array of int, shape (n,)
        Forward position.
    apart : int
        Nucleotides.
    """
    kept: list[int] = []
    for i in range(len(position)):
        others = np.array(kept, dtype=int)
        near = (row[others] == row[i]) & (np.abs(position[others] - position[i]) <= apart)
        if not near.any():
            kept.append(i)
    return np.array(kept, dtype=int)
