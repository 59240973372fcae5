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
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp
from scipy.stats import false_discovery_control

from genoattn.genome import STRANDS, Genome, strand_index
from genoattn.heads import BestPositions
from genoattn.intervals import covered

__all__ = [
    "OddsRatio",
    "enrichment",
    "odds_ratio",
    "planted_intervals",
    "promoter_intervals",
    "site_intervals",
    "site_masks",
    "strata",
    "thinned",
]

DISTANCES = (-500, -200, -100, -80, -60, -50, -45, -40, -35, -30, -25, -20, -15, -10, -5, 0, 5, 10)
"""Edges of the strata of distance from the nearest start site, nt, negative upstream."""

CORE = (-40, 0)
"""Stretch of a promoter that a sigma factor touches, offsets from the start site, half-open."""


class OddsRatio(NamedTuple):
    """A common odds ratio over strata, with its exact interval and one-sided p-value."""

    estimate: float
    low: float
    high: float
    p_value: float
    """Chance of so many or more if the odds ratio is 1."""
    expected: float
    """Expected number of cases inside if the odds ratio is 1."""


def odds_ratio(
    cases_in: np.ndarray,
    cases: np.ndarray,
    all_in: np.ndarray,
    total: np.ndarray,
    level: float = 0.95,
) -> OddsRatio:
    """Exact conditional inference on the common odds ratio of several 2 x 2 tables.

    Parameters
    ----------
    cases_in : array of int, shape (strata,)
        Cases that lie inside.
    cases : array of int, shape (strata,)
        Cases.
    all_in : array of int, shape (strata,)
        Places that lie inside, cases included.
    total : array of int, shape (strata,)
        Places, cases included.
    level : float
        Coverage of the interval.

    Returns
    -------
    OddsRatio
        0 or infinite where the number inside is the least or the greatest possible; NaN where it
        could be no other number.
    """
    observed, low_sum = int(cases_in.sum()), 0
    log_weights = np.zeros(1)
    for n, inside, size in zip(cases, all_in, total, strict=True):
        if n == 0:
            continue
        x = np.arange(max(0, n + inside - size), min(n, inside) + 1)
        low_sum += int(x[0])
        one = _log_choose(inside, x) + _log_choose(size - inside, n - x) - _log_choose(size, n)
        log_weights = _log_convolve(log_weights, one)
    support = low_sum + np.arange(len(log_weights))
    null = np.exp(log_weights - logsumexp(log_weights))
    expected = float(support @ null)
    p_value = float(min(1.0, null[support >= observed].sum()))
    if len(support) == 1:
        return OddsRatio(np.nan, np.nan, np.nan, 1.0, expected)

    def tilted(log_psi: float) -> np.ndarray:
        weights = log_weights + support * log_psi
        return np.exp(weights - logsumexp(weights))

    def solve(excess: np.ndarray, target: float) -> float:
        return float(np.exp(brentq(lambda t: tilted(t) @ excess - target, -60.0, 60.0)))

    tail = (1 - level) / 2
    lowest, highest = observed == support[0], observed == support[-1]
    estimate = 0.0 if lowest else np.inf if highest else solve(support.astype(float), observed)
    low = 0.0 if lowest else solve((support >= observed).astype(float), tail)
    high = np.inf if highest else solve((support <= observed).astype(float), tail)
    return OddsRatio(estimate, low, high, p_value, expected)


def _log_choose(n: int, k: np.ndarray | int) -> np.ndarray:
    """Logarithm of the binomial coefficient."""
    k = np.asarray(k)
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def _log_convolve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Convolution of two lists of log weights without underflow."""
    if len(a) < len(b):
        a, b = b, a
    table = np.full((len(b), len(a) + len(b) - 1), -np.inf)
    for shift, weight in enumerate(b):
        table[shift, shift : shift + len(a)] = a + weight
    return logsumexp(table, axis=0)


# --------------------------------------------------------------------------------- known sites


def site_intervals(sites: pd.DataFrame, longest: int = 60) -> pd.DataFrame:
    """Binding sites of `regulon.read_binding_sites` as intervals of both strands.

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
    plus = promoters["strand"] == "+"
    first, last = CORE
    position = promoters["position"]
    return pd.DataFrame(
        {
            "kind": "promoter",
            "name": promoters["sigma"],
            "start": np.where(plus, position + first, position - last + 1),
            "end": np.where(plus, position + last, position - first + 1),
            "strand": promoters["strand"],
        }
    )


def planted_intervals(elements: pd.DataFrame) -> pd.DataFrame:
    """Planted elements of a simulated genome as intervals of their own strand."""
    size = elements["sequence"].str.len()
    plus = elements["strand"] == "+"
    first = elements["tss_position"] + np.where(plus, elements["offset"], -elements["offset"])
    start = first - np.where(plus, 0, size - 1)
    return pd.DataFrame(
        {
            "kind": "binding site",
            "name": elements["element"],
            "start": start,
            "end": start + size,
            "strand": elements["strand"],
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


def strata(genome: Genome, tss: pd.DataFrame, *, at_window: int = 51, n_at: int = 4) -> np.ndarray:
    """Number the places of a genome by distance from a start site and by AT content.

    Parameters
    ----------
    genome : Genome
    tss : DataFrame
        Start sites: ``position``, ``strand``.
    at_window : int
        Odd number of nucleotides around a place in which AT is counted.
    n_at : int
        Classes of AT content, of equal size over the genome.

    Returns
    -------
    array of int, shape (2, L)
        Places of one number are alike: the same class of distance (`DISTANCES`) from the nearest
        start site of their strand, and of AT content.
    """
    length = len(genome)
    if tss.empty:
        raise ValueError("no start site to measure distances from")
    weak = np.isin(genome.codes, [0, 3]).astype(float)
    half = at_window // 2
    padded = np.concatenate([weak[-half:], weak, weak[:half]]) if half else weak
    share = np.convolve(padded, np.ones(at_window), mode="valid") / at_window  # L
    edges = np.quantile(share, np.arange(1, n_at) / n_at)
    at_class = np.searchsorted(edges, share, side="right")  # L
    numbers = np.empty((2, length), dtype=np.int64)
    for row, symbol in enumerate(STRANDS):
        sites = tss.loc[tss["strand"] == symbol, "position"].to_numpy()
        along = np.sort(strand_index(sites, np.full(len(sites), symbol), length))
        index = strand_index(np.arange(length), np.full(length, symbol), length)
        distance = _from_nearest(along, index, length)
        numbers[row] = np.searchsorted(DISTANCES, distance, side="right") * n_at + at_class
    return numbers


def _from_nearest(sites: np.ndarray, index: np.ndarray, length: int) -> np.ndarray:
    """Signed distance of each index from the nearest site on a circle; negative is upstream."""
    if len(sites) == 0:
        return np.full(len(index), length)
    round_circle = np.concatenate([[sites[-1] - length], sites, [sites[0] + length]])
    after = np.searchsorted(round_circle, index)
    ahead, behind = index - round_circle[after], index - round_circle[after - 1]
    return np.where(-ahead <= behind, ahead, behind)


# ------------------------------------------------------------------------------------ the test


def attended(best: BestPositions, downstream: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Strand row and forward position of the attended nucleotides, each (layers, heads, k)."""
    row = (best.strand == "-").astype(np.int64)
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
        `strata`.
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
