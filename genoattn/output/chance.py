"""How many peaks chance gives: a shuffled copy of a part of the genome, read by the same model.

The copy has the genome's dinucleotides, piece by piece, and no promoters but by accident. Peaks on
it are false, so their density estimates that of false peaks on the genome: the *empirical false
discovery rate* (target and decoy: Elias and Gygi 2007, doi:10.1038/nmeth1019). It takes the
genome's own sequence without start sites to be no richer in promoter-like words than a shuffled
one; where it is, as in regions rich in A and T, there are more false peaks than this says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, chi2

from genoattn.genome.sequence import Genome
from genoattn.interventions.shuffles import shuffled_pairs

__all__ = ["by_threshold", "false_discovery_rate", "more_than_chance", "shuffled_copy"]

_PIECE = 10_000
"""Nucleotides that are shuffled together, so that composition stays where it is."""


def shuffled_copy(genomes: Sequence[Genome], nt: int, seed: int) -> Genome:
    """Draw pieces of some contigs and shuffle each, keeping its dinucleotides.

    Parameters
    ----------
    genomes : sequence of Genome
        The contigs; pieces of 10,000 nt and the rests.
    nt : int
        Letters of the copy. If the contigs have fewer, each piece is shuffled several times.
    seed : int

    Returns
    -------
    Genome
        One linear contig of exactly `nt` letters, named ``shuffled``.
    """
    if nt < 1:
        raise ValueError(f"nt must be positive, not {nt}")
    rng = np.random.default_rng(seed)
    pieces = [
        one.codes[first : first + _PIECE] for one in genomes for first in range(0, len(one), _PIECE)
    ]
    drawn: list[NDArray[np.uint8]] = []
    have = 0
    while have < nt:
        for number in rng.permutation(len(pieces)):
            drawn.append(shuffled_pairs(pieces[number], rng))
            have += drawn[-1].size
            if have >= nt:
                break
    return Genome("shuffled", np.concatenate(drawn)[:nt], circular=False)


def by_threshold(
    outputs: ArrayLike,
    nt: int,
    chance: ArrayLike,
    chance_nt: int,
    thresholds: Sequence[float],
    level: float = 0.95,
) -> pd.DataFrame:
    """Count peaks at each threshold, beside the number that chance gives.

    Parameters
    ----------
    outputs, chance : float arrays
        Output at the peaks of the genome and of its shuffled copy, all of them down to the lowest
        threshold.
    nt, chance_nt : int
        Lengths of the two.
    thresholds : sequence of float
    level : float
        Coverage of the exact Poisson interval of the number by chance.

    Returns
    -------
    DataFrame
        ``threshold``, ``n``, ``by_chance`` (peaks of the copy, scaled to the genome's length),
        ``by_chance_low``, ``by_chance_high``, and ``fdr``, their share of the peaks, at most 1
        (NaN without a peak).
    """
    at = np.sort(np.asarray(thresholds, dtype=np.float64))
    n, k = (_at_least(values, at) for values in (outputs, chance))
    scale = nt / chance_nt
    low = chi2.ppf((1 - level) / 2, 2 * k) / 2
    high = chi2.ppf((1 + level) / 2, 2 * (k + 1)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, np.minimum(1, scale * k / n), np.nan)
    return pd.DataFrame(
        {
            "threshold": at,
            "n": n,
            "by_chance": scale * k,
            "by_chance_low": scale * np.where(k > 0, low, 0.0),
            "by_chance_high": scale * high,
            "fdr": share,
        }
    )


def false_discovery_rate(
    outputs: ArrayLike, nt: int, chance: ArrayLike, chance_nt: int
) -> NDArray[np.float64]:
    """Estimate for each peak the share of false ones among all that are as high, or lower bounds.

    Parameters
    ----------
    outputs, nt, chance, chance_nt
        As in `by_threshold`.

    Returns
    -------
    float array, shape (n,)
        In the order of `outputs`: the least rate of any threshold at which the peak is kept. One
        peak of the copy is counted too many, which keeps the rate above zero and makes it a
        conservative one (Levitsky et al. 2017, doi:10.1021/acs.jproteome.6b00144).
    """
    values = np.asarray(outputs, dtype=np.float64)
    n, k = _at_least(values, values), _at_least(chance, values)
    rate = np.minimum(1.0, (k + 1) * (nt / chance_nt) / np.maximum(n, 1))
    order = np.argsort(values, kind="stable")  # lower thresholds first
    least = np.empty_like(rate)
    least[order] = np.minimum.accumulate(rate[order])
    return least


def more_than_chance(n: int, nt: int, n_chance: int, chance_nt: int) -> float:
    """Test whether a genome has more peaks than its shuffled copy; the one-sided p-value.

    Peaks are taken as independent: given the sum of both, the genome's number is binomial
    (Przyborowski and Wilenski 1940).
    """
    if n + n_chance == 0:
        return 1.0
    share = nt / (nt + chance_nt)
    return float(binomtest(n, n + n_chance, share, alternative="greater").pvalue)


def _at_least(values: ArrayLike, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the values that reach each threshold."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return ordered.size - np.searchsorted(ordered, thresholds, side="left")
