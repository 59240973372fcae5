"""Pairs of heads: do they look together, and at what; arrays and frames in, frames out, no files.

The paper's Supplementary Figure S10 correlates the attention of heads, and its discussion hopes
that correlated heads map binding sites longer than the 7 nt that one head sees. Here:

==========================  ======================================================================
`weight_correlation`        correlation of all weights of two heads (S10)
`peak_correlation`          rank correlation of the weights at their favourite places
`joint_places`              at which two places a pair of heads is high together, beyond chance
`joint_motif`               the nucleotides at both places where both are high
`spacers`                   distance of the two boxes that two heads find in the same promoter
==========================  ======================================================================
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from genoattn.genome import motifs
from genoattn.genome.motifs import letter_heights
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import paper_label
from genoattn.heads.elements import Element
from genoattn.heads.profiles import each_head

__all__ = [
    "JointMotif",
    "box_spacers",
    "cluster_order",
    "joint_motif",
    "joint_places",
    "pair_names",
    "peak_correlation",
    "planted_spacers",
    "spacers",
    "weight_correlation",
]


_BLOCK = 512  # samples whose weights are taken at once


def weight_correlation(attention: np.ndarray) -> np.ndarray:
    """Pearson correlation of all weights of each two heads, over samples and distances together.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)

    Returns
    -------
    float array, shape (layers * heads, layers * heads)
        Heads in the order of layers. Two heads that look at one place whatever is there are
        correlated; `peak_correlation` asks more.
    """
    n, layers, heads, window = attention.shape
    total, product = np.zeros(layers * heads), np.zeros((layers * heads,) * 2)
    for first in range(0, n, _BLOCK):
        block = attention[first : first + _BLOCK].astype(np.float32)
        by_head = block.reshape(len(block), layers * heads, window).transpose(1, 0, 2)
        rows = by_head.reshape(layers * heads, -1)
        total += rows.sum(axis=1, dtype=np.float64)
        product += (rows @ rows.T).astype(np.float64)
    mean = total / (n * window)
    covariance = product / (n * window) - np.outer(mean, mean)
    return _as_correlation(covariance)


def peak_correlation(attention: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Spearman correlation, over samples, of the weights that heads give to their favourite place.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
    distance : int array, shape (layers, heads)
        `profiles.favourite`.

    Returns
    -------
    float array, shape (layers * heads, layers * heads)
        0 for a head whose weight there is always the same.
    """
    ranks = np.array(
        [
            rankdata(weights[:, distance[layer, head]])
            for layer, head, weights in each_head(attention)
        ]
    )
    return _as_correlation(np.cov(ranks, bias=True))


def _as_correlation(covariance: np.ndarray) -> np.ndarray:
    """Correlation of a covariance; 0 where something does not vary, 1 on the diagonal."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.outer(spread, spread)
    correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    np.fill_diagonal(correlation, 1.0)
    return np.clip(correlation, -1, 1)


def cluster_order(correlation: np.ndarray) -> np.ndarray:
    """Order in which correlated heads are neighbours: average linkage, optimal leaf order."""
    if len(correlation) < 3:
        return np.arange(len(correlation))
    apart = 1 - (correlation + correlation.T) / 2
    np.fill_diagonal(apart, 0)
    return leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))


# ---------------------------------------------------------------------------- high together


def joint_places(
    attention: np.ndarray,
    samples: pd.DataFrame,
    distance: np.ndarray,
    *,
    downstream: int,
    half_width: int,
    n_shuffles: int,
    seed: int,
) -> pd.DataFrame:
    """For each pair of heads, the two places near their favourites that are high together.

    For each place near one head's favourite and each near the other's, the Pearson correlation of
    the two weights over the samples; the highest one is the pair's joint place. Chance: one head's
    samples are shifted against the other's along the genome, so that neighbouring samples stay
    alike, and the highest correlation of **any** pair is taken, since the best of many pairs are
    looked at.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
    samples : DataFrame
        The n samples, ``strand`` and ``position``, in the order of the genome (the random group).
    distance : int array, shape (layers, heads)
        `profiles.favourite`.
    downstream, half_width : int
        Label shift, and how far from the favourites to look, nt.
    n_shuffles, seed : int
        Shifts, and their seed.

    Returns
    -------
    DataFrame
        A row for each pair: ``layer_a_1based``, ``head_a_1based``, ``layer_b_1based``,
        ``head_b_1based`` (a lies upstream), ``offset_a``, ``offset_b`` (of the joint place from the
        nucleotide asked about), ``span`` (their distance, nt), ``correlation``, ``chance`` (the
        highest of all pairs and shifts); the highest correlation first.
    """
    n, layers, heads, window = attention.shape
    if len(samples) != n:
        raise ValueError(f"{len(samples):,} samples, but attention of {n:,}")
    count, width = layers * heads, 2 * half_width + 1
    near = distance.reshape(-1)[:, None] + np.arange(-half_width, half_width + 1)  # count, width
    outside = (near < 0) | (near >= window)
    flat = attention.reshape(n, count, window)
    rows = np.empty((n, count, width), dtype=np.float32)
    for head in range(count):
        rows[:, head] = flat[:, head, np.clip(near[head], 0, window - 1)]
    rows -= rows.mean(axis=0)
    spread = rows.std(axis=0)
    rows /= np.where(spread > 0, spread, 1)
    rows[:, outside] = 0
    table = rows.reshape(n, count * width)

    def highest(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        product = (first.T @ second / n).reshape(count, width, count, width)
        pairs = product.transpose(0, 2, 1, 3).reshape(count, count, width * width)
        return pairs.max(axis=2), pairs.argmax(axis=2)

    correlation, place = highest(table, table)
    rng = np.random.default_rng(seed)
    chance = 0.0
    for _ in range(n_shuffles):
        shift = int(rng.integers(n // 10, n - n // 10))
        shifted = highest(table, np.roll(table, shift, axis=0))[0]
        chance = max(chance, float(shifted[~np.eye(count, dtype=bool)].max()))
    found = []
    for one in range(count):
        for two in range(one + 1, count):
            i, j = divmod(int(place[one, two]), width)
            offset = downstream - near[one, i], downstream - near[two, j]
            a, b = (one, two) if offset[0] <= offset[1] else (two, one)
            found.append(
                {
                    "layer_a_1based": a // heads + 1,
                    "head_a_1based": a % heads + 1,
                    "layer_b_1based": b // heads + 1,
                    "head_b_1based": b % heads + 1,
                    "offset_a": int(min(offset)),
                    "offset_b": int(max(offset)),
                    "span": int(max(offset) - min(offset)),
                    "correlation": float(correlation[one, two]),
                    "chance": chance,
                }
            )
    frame = pd.DataFrame(found)
    return frame.sort_values("correlation", ascending=False, kind="stable", ignore_index=True)


class JointMotif(NamedTuple):
    """The nucleotides from one attended place to the other, where both heads look most."""

    counts: np.ndarray
    """Counts of A, C, G, T, shape (span + width, 4)."""
    first_offset: int
    """Offset of the first column from the nucleotide asked about."""
    bits: tuple[float, float]
    """Information in the columns of the upstream and of the downstream head."""
    chance: tuple[float, float]
    """What each reaches in one of a hundred draws of as many random samples."""
    n_distinct: int
    """Different sequences at the two places together."""

    @property
    def spaced(self) -> bool:
        """Whether both halves say more than chance, and as much as one certain nucleotide."""
        return all(
            mine > max(by_chance, 2.0)
            for mine, by_chance in zip(self.bits, self.chance, strict=True)
        )


def joint_motif(
    attention: np.ndarray,
    samples: pd.DataFrame,
    genome: Genome,
    pair: pd.Series,
    *,
    downstream: int,
    n_best: int,
    width: int,
    background: np.ndarray,
    n_draws: int,
    seed: int,
) -> JointMotif:
    """The motif of the samples to which both heads of a pair give most at their joint place.

    The samples are ranked by the product of the two weights. A head that is high everywhere leaves
    the choice to the other, and its half of the motif is then no better than that of random
    samples.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
    samples : DataFrame
        The n samples.
    genome : Genome
    pair : Series
        A row of `joint_places`.
    downstream, n_best, width : int
        Label shift; samples taken; nucleotides around each place.
    background : float array, shape (4,)
    n_draws, seed : int
        Draws of random samples, and their seed.
    """
    weights = []
    for s in "ab":
        layer, head = int(pair[f"layer_{s}_1based"]) - 1, int(pair[f"head_{s}_1based"]) - 1
        column = attention[:, layer, head, downstream - int(pair[f"offset_{s}"])]
        weights.append(column.astype(np.float64))
    order = np.argsort(-(weights[0] * weights[1]), kind="stable")[:n_best]
    span = int(pair["span"]) + width
    first = int(pair["offset_a"]) - width // 2
    reach = first + np.arange(span)
    codes = genome.around(samples["position"].to_numpy(), samples["strand"].to_numpy(), reach)
    halves = codes[:, :width], codes[:, -width:]

    def bits(rows: np.ndarray) -> list[float]:
        return [
            float(letter_heights(motifs.count_matrix(half[rows]), background).sum())
            for half in halves
        ]

    rng = np.random.default_rng(seed)
    draws = [bits(rng.choice(len(samples), n_best, replace=False)) for _ in range(n_draws)]
    chance = np.quantile(draws, 0.99, axis=0)
    mine = bits(order)
    both = np.concatenate([half[order] for half in halves], axis=1)
    return JointMotif(
        motifs.count_matrix(codes[order]),
        first,
        (mine[0], mine[1]),
        (float(chance[0]), float(chance[1])),
        len(np.unique(both, axis=0)),
    )


# ----------------------------------------------------------------------------------- spacers


def spacers(
    attention: np.ndarray,
    upstream: pd.Series,
    below: pd.Series,
    *,
    downstream: int,
    length: int,
    half_width: int,
    n_permutations: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Distance between two boxes as two heads see it, promoter by promoter.

    Each head finds its box where it looks most, within ``half_width`` nt of its favourite. The
    match with the known element says which column of the head's motif is the box's first.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
        Of promoters, each once (neighbouring positions would all tell of the same one).
    upstream, below : Series
        The heads of the two boxes, rows of `elements.match_elements` with ``peak_offset``
        beside: ``layer_1based``, ``head_1based``, ``first_offset``, ``peak_offset``.
    downstream : int
        Label shift, nt.
    length : int
        Nucleotides of the upstream box.
    half_width : int
        How far from its favourite a head may find the box, nt.
    n_permutations, seed : int
        Random pairings of promoters, for the p-value.

    Returns
    -------
    DataFrame
        ``spacer`` (nucleotides between the boxes), ``n`` promoters, ``share`` and ``expected``:
        the share if the two heads chose independently, each as it does; ``p_value``: how often so
        many promoters or more have this spacer when the two heads' promoters are paired at random.
    """
    firsts = [
        _first_nucleotide(attention, one, downstream, half_width) for one in (upstream, below)
    ]
    gap = firsts[1] - firsts[0] - length
    crossed = firsts[1][None, :] - firsts[0][:, None] - length  # every pairing of promoters
    values = np.arange(crossed.min(), crossed.max() + 1)
    n = np.array([(gap == value).sum() for value in values])
    expected = np.bincount((crossed - values[0]).ravel(), minlength=len(values)) / crossed.size
    rng = np.random.default_rng(seed)
    as_many = np.zeros(len(values))
    for _ in range(n_permutations):
        paired = rng.permutation(firsts[1]) - firsts[0] - length
        as_many += np.bincount(paired - values[0], minlength=len(values)) >= n
    return pd.DataFrame(
        {
            "spacer": values,
            "n": n,
            "share": n / len(gap),
            "expected": expected,
            "p_value": (1 + as_many) / (1 + n_permutations),
        }
    )


def _first_nucleotide(
    attention: np.ndarray, head: pd.Series, downstream: int, half_width: int
) -> np.ndarray:
    """Offset of the box's first nucleotide in each sample, by where the head looks most."""
    weights = attention[:, int(head["layer_1based"]) - 1, int(head["head_1based"]) - 1]
    centre = downstream - int(head["peak_offset"])
    low, high = max(0, centre - half_width), min(weights.shape[1], centre + half_width + 1)
    offset = downstream - (low + weights[:, low:high].argmax(axis=1))
    return offset + int(head["first_offset"]) - int(head["peak_offset"])


def box_spacers(
    genome: Genome, samples: pd.DataFrame, upstream: Element, below: Element
) -> pd.DataFrame:
    """Distance between two boxes by the sequence alone: the best word of each within its places.

    Returns
    -------
    DataFrame
        ``spacer``, ``n``, ``share``.
    """
    firsts = []
    for element in (upstream, below):
        table = motifs.log_odds_matrix(0.9 * element.probabilities + 0.1 / 4)
        reach = np.arange(element.places[0], element.places[-1] + len(table))
        codes = genome.around(samples["position"].to_numpy(), samples["strand"].to_numpy(), reach)
        scores = np.array([motifs.scan(row, table) for row in codes])
        firsts.append(element.places[0] + scores.argmax(axis=1))
    return _shares(firsts[1] - firsts[0] - len(upstream.probabilities))


def planted_spacers(elements: pd.DataFrame, upstream: str, below: str) -> pd.DataFrame:
    """True distance between two planted boxes: ``spacer``, ``n``, ``share``."""
    keys = ["tss_position", "strand"]
    parts = [elements[elements["element"] == name] for name in (upstream, below)]
    both = parts[0].merge(parts[1], on=keys, suffixes=("_a", "_b"))
    gap = both["offset_b"] - both["offset_a"] - both["sequence_a"].str.len()
    return _shares(gap.to_numpy(dtype=int))


def _shares(gap: np.ndarray) -> pd.DataFrame:
    """Spacers counted."""
    values, n = np.unique(gap, return_counts=True)
    return pd.DataFrame({"spacer": values, "n": n, "share": n / max(len(gap), 1)})


def pair_names(pairs: pd.DataFrame) -> list[str]:
    """How readers see pairs: "L2 H1 at -35 and L1 H3 at -12"."""
    ends = []
    for s in "ab":
        columns = [f"layer_{s}_1based", f"head_{s}_1based", f"offset_{s}"]
        ends.append(
            [
                f"L{layer} H{head} at {paper_label(offset):+d}"
                for layer, head, offset in pairs[columns].to_numpy(dtype=int)
            ]
        )
    return [f"{one} and {two}" for one, two in zip(*ends, strict=True)]
