"""Statistics that several rooms share: intervals, tests, strata, matching; touches arrays alone.

The bootstrap distribution of a median is known exactly (an order statistic whose rank is binomial;
Efron 1982, *The Jackknife, the Bootstrap and Other Resampling Plans*, section 10.3), so
`median_with_band` needs no simulation and no seed. Odds ratios over strata are put together
**exactly**: given the strata, the number of hits is a sum of hypergeometric numbers if nothing
matters (the Cochran-Mantel-Haenszel setting), and under a common odds ratio psi each outcome x is
psi^x times as likely. Hence the estimate, the interval and the p-value all come from one
convolution (Gart 1970, doi:10.1093/biomet/57.3.471; Mehta, Patel and Gray 1985,
doi:10.1080/01621459.1985.10478185).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp
from scipy.stats import binom, binomtest, hypergeom, rankdata, ttest_1samp

from genoattn.evaluation import bootstrap
from genoattn.genome.sequence import STRANDS, Genome
from genoattn.genome.sites import nearest_offset

__all__ = [
    "DISTANCE_EDGES",
    "OddsRatio",
    "distance_strata",
    "holm_corrected",
    "matched_controls",
    "mean_interval",
    "median_with_band",
    "more_frequent",
    "odds_ratio",
    "percentile",
    "place_strata",
    "proportion",
    "rank_correlation",
    "rank_correlation_interval",
    "too_few",
]


DISTANCE_EDGES = (
    -500,
    -200,
    -100,
    -80,
    -60,
    -50,
    -45,
    -40,
    -35,
    -30,
    -25,
    -20,
    -15,
    -10,
    -5,
    0,
    5,
    10,
)
"""Edges of the strata of distance from the nearest start site, nt, negative upstream."""


class OddsRatio(NamedTuple):
    """A common odds ratio over strata, with its exact interval and one-sided p-value."""

    estimate: float
    low: float
    high: float
    p_value: float
    """Chance of so many or more if the odds ratio is 1."""
    expected: float
    """Expected number of cases inside if the odds ratio is 1."""


def more_frequent(hits: int, n: int, hits_null: int, n_null: int) -> tuple[float, int]:
    """Whether hits are more frequent among some things than among others (Fisher's exact test).

    Parameters
    ----------
    hits, n : int
        Hits among n things.
    hits_null, n_null : int
        The same of those with which they are compared.

    Returns
    -------
    p_value : float
        One-sided.
    least : int
        The smallest number of hits among the n for which it would be at most 0.05, with
        ``hits_null`` as it is; n + 1 if there is none.
    """
    more = np.arange(n + 1)
    p_values = hypergeom.sf(more - 1, n + n_null, more + hits_null, n)
    significant = np.flatnonzero(p_values <= 0.05)
    return float(p_values[hits]), int(significant[0]) if significant.size else n + 1


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


def distance_strata(
    genome: Genome, tss: pd.DataFrame, *, at_window: int = 51, n_at: int = 4
) -> np.ndarray:
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
        Places of one number are alike: the same class of distance (`DISTANCE_EDGES`) from the
        nearest start site of their strand, and of AT content.
    """
    length = len(genome)
    if tss.empty:
        raise ValueError("no start site to measure distances from")
    share = _weak_share(genome, at_window)  # L
    edges = np.quantile(share, np.arange(1, n_at) / n_at)
    at_class = np.searchsorted(edges, share, side="right")  # L
    every, strand = np.tile(np.arange(length), 2), np.repeat(STRANDS, length)
    distance = nearest_offset(
        every, strand, tss, length, circular=genome.circular, ahead_first=True
    ).reshape(2, length)
    return np.searchsorted(DISTANCE_EDGES, distance, side="right") * n_at + at_class


def _weak_share(genome: Genome, width: int) -> NDArray[np.float64]:
    """Share of A and T in a window round each nucleotide, cut off at the ends of a line."""
    weak = np.isin(genome.codes, [0, 3]).astype(np.float64)
    if genome.circular:
        return uniform_filter1d(weak, width, mode="wrap")
    inside = uniform_filter1d(np.ones(len(genome)), width, mode="constant")
    return uniform_filter1d(weak, width, mode="constant") / inside


# ---------------------------------------------------------------- attention against ablation


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Spearman's correlation along the last axis (broadcast); NaN where one is constant."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    ra, rb = rankdata(a, axis=-1), rankdata(b, axis=-1)
    ra -= ra.mean(-1, keepdims=True)
    rb -= rb.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ra * rb).sum(-1) / np.sqrt((ra**2).sum(-1) * (rb**2).sum(-1))


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Mean, its 95 % interval (normal), and the p-value of a t-test that it is zero."""
    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    p = float(ttest_1samp(values, 0).pvalue) if values.any() else 1.0
    return float(values.mean()), float(values.mean() - error), float(values.mean() + error), p


def holm_corrected(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Correct the p-values of a column for their number (Holm 1979)."""
    p = frame[column].to_numpy()
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return frame.assign(**{column: corrected})


def median_with_band(values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median over rows, and the exact bootstrap percentile band of each column's median.

    Resampling n rows, the k-th smallest value of a column or a smaller one is the (lower) middle
    of the resample with probability ``P(Binomial(n, k / n) >= (n + 1) // 2)``. The band takes the
    smallest k that reaches the lower quantile for the lower middle, and the upper quantile for
    the upper middle (which are the same value where n is odd). Even the whole range of n values
    misses the true median with probability ``2 * 0.5**n``; where that is more than the band
    may miss, there is no band.

    Parameters
    ----------
    values : ndarray of float, shape (n, columns)
        At least one row.
    level : float
        Coverage, 0.95 for instance; pointwise, not of a whole curve.

    Returns
    -------
    tuple of ndarray, each shape (columns,)
        Median, lower limit, upper limit; limits are NaN where n is too small (5 or less for 95 %).
    """
    n = len(values)
    if n == 0:
        raise ValueError("no site to take a median over")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level} must lie between 0 and 1")
    share = np.arange(1, n + 1) / n
    lower_middle = binom.sf((n + 1) // 2 - 1, n, share)  # P(lower middle <= k-th value)
    upper_middle = binom.sf(n // 2, n, share)
    tail = (1.0 - level) / 2.0
    low = int(np.searchsorted(lower_middle, tail))
    high = min(int(np.searchsorted(upper_middle, 1.0 - tail)), n - 1)
    ordered = np.sort(values, axis=0)
    median = np.median(values, axis=0)
    if too_few(n, level):
        return median, np.full_like(median, np.nan), np.full_like(median, np.nan)
    return median, ordered[low], ordered[high]


def too_few(n: int, level: float) -> bool:
    """Whether not even the range of n values holds the median with this probability."""
    return 2 * 0.5**n > 1.0 - level


def percentile(ordered: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Share in % of outputs that are below each value, ties counted half; NaN stays NaN.

    Unlike the outputs themselves, it does not depend on how a model's outputs are scaled.

    Parameters
    ----------
    ordered : ndarray of float, shape (n,)
        Outputs in increasing order, of the whole part for instance.
    values : sequence of float, length k

    Returns
    -------
    ndarray of float, shape (k,)
    """
    wanted = np.asarray(values, dtype=ordered.dtype)
    below = np.searchsorted(ordered, wanted, "left") + np.searchsorted(ordered, wanted, "right")
    return np.where(np.isnan(wanted), np.nan, 100.0 * below / (2 * ordered.size))


def proportion(count: int, n: int, level: float) -> tuple[float, float, float]:
    """Share with its exact binomial interval (Clopper and Pearson 1934); NaN where n is 0."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    found = binomtest(int(count), int(n)).proportion_ci(level, method="exact")
    return count / n, float(found.low), float(found.high)


def rank_correlation_interval(
    first: NDArray,
    second: NDArray,
    given: NDArray | None = None,
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> tuple[float, float, float]:
    """Rank correlation with its bootstrap interval, sites resampled; at will with a third fixed.

    Parameters
    ----------
    first, second : arrays, shape (n,)
    given : array, shape (n,), optional
        A third quantity whose share in both is taken out (partial rank correlation).
    n_bootstrap, level, seed
        Replicates, coverage, seed.

    Returns
    -------
    tuple of float
        Correlation, lower and upper limit; NaN with fewer than ten sites.
    """
    columns = [first, second] if given is None else [first, second, given]
    values = np.stack(columns)
    n = values.shape[1]
    if n < 10:
        return float("nan"), float("nan"), float("nan")

    def correlation(chosen: NDArray) -> float:
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.corrcoef(rankdata(chosen, axis=1))
            if given is None:
                return float(r[0, 1])
            rest = np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
            return float((r[0, 1] - r[0, 2] * r[1, 2]) / rest)

    draws = np.random.default_rng(seed).integers(0, n, (n_bootstrap, n))
    low, high = bootstrap.interval([correlation(values[:, draw]) for draw in draws], level)
    return correlation(values), low, high


def matched_controls(
    treated: pd.DataFrame,
    pool: pd.DataFrame,
    near: Sequence[str],
    *,
    same: str | None = None,
    n: int,
) -> list[NDArray[np.int64]]:
    """For each row the rows of a pool that are nearest to it.

    Parameters
    ----------
    treated, pool : DataFrame
    near : sequence of str
        Columns; distance is Euclidean after division by the pool's standard deviation. With none,
        all of the pool is taken.
    same : str, optional
        Column whose value must be equal.
    n : int
        Controls for each row; fewer where the pool has no more.

    Returns
    -------
    list of int array
        For each treated row the row numbers of its controls in the pool, nearest first. A row of
        the pool may serve several times.
    """
    allowed = np.ones((len(treated), len(pool)), dtype=bool)
    if same is not None:
        allowed = treated[same].to_numpy()[:, None] == pool[same].to_numpy()
    if not near:
        return [np.flatnonzero(row) for row in allowed]
    spread = pool[list(near)].to_numpy(dtype=float).std(axis=0)
    spread[spread == 0] = 1.0
    ours = treated[list(near)].to_numpy(dtype=float) / spread
    theirs = pool[list(near)].to_numpy(dtype=float) / spread
    distance = ((ours[:, None] - theirs) ** 2).sum(axis=2)  # treated, pool
    distance[~allowed] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")
    return [row[:n][ok[row[:n]]] for row, ok in zip(order, allowed, strict=True)]


def place_strata(
    genome: Genome, places: NDArray[np.int8], *, width: int = 101, n_bins: int = 5
) -> NDArray[np.int64]:
    """Kind of each position of both strands: its place among the genes and its AT content.

    Parameters
    ----------
    genome : Genome
    places : int8 array, shape (2, L)
        `regions.places`.
    width : int
        Window in nt, around the position, in which A and T are counted.
    n_bins : int
        Classes of AT content, of equal size over the genome.

    Returns
    -------
    int array, shape (2, L)
    """
    share = _weak_share(genome, width)
    edges = np.quantile(share, np.linspace(0, 1, n_bins + 1)[1:-1])
    return places.astype(np.int64) * n_bins + np.searchsorted(edges, share)
