"""Model output by class of region, and of the two strands: tracks and masks in, tidy frames out.

Touches no file and no model. Medians, as in the paper (section *The output probabilities
of the model reflect a correlation between sense and antisense*). Neighbouring positions depend on
each other, so blocks of the genome are resampled instead of positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from genoattn import paper
from genoattn.evaluation import bootstrap
from genoattn.evaluation.statistics import median_with_band, percentile, too_few
from genoattn.genome.intervals import runs


def region_medians(
    track: np.ndarray,
    masks: dict[str, np.ndarray],
    inside: np.ndarray,
    *,
    block: int,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Median output by class of region, with a block bootstrap interval and its rank.

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    masks : dict of str to ndarray of bool
        Classes of `regions.region_masks`. One of shape (L,) holds for both strands, whose outputs
        are pooled; one of shape (2, L) marks regions of a strand, whose output on that strand is
        *sense* and on the other *antisense*.
    inside : ndarray of bool, shape (L,)
        The part that is looked at (the test part).
    block : int
        Length in nt of the blocks that are resampled.
    n_bootstrap, level, seed
        Number of resamples, coverage of the interval, seed of the draw.

    Returns
    -------
    DataFrame
        ``region``, ``strand`` (both, sense, antisense), ``n_nt`` positions, ``n_blocks`` that hold
        some of them, ``median``, ``ci_low``, ``ci_high`` (NaN where the blocks are too few),
        ``ratio`` to the median of the whole part, and ``percentile`` with ``percentile_low`` and
        ``percentile_high``: the ranks of the median and of its limits (`statistics.percentile`).
        The first row is the whole part; a class without a position is left out.

    Notes
    -----
    The bootstrap counts outputs in 4,096 classes of equal frequency, so its limits are those of
    such a class, 0.02 % of the part's positions wide.
    """
    if not inside.any():
        raise ValueError("the part is empty: no position to take a median over")
    whole = track[:, inside]  # 2, inside
    if not np.isfinite(whole).all():
        raise ValueError("the track has positions without a value inside the part")
    ordered = np.sort(whole, axis=None)
    edges = np.unique(ordered[np.linspace(0, ordered.size - 1, 4096).astype(int)])
    level_of = np.searchsorted(edges, whole, side="right") - 1  # 2, inside: class of each output
    blocks = bootstrap.blocks(inside, block)[inside]  # of each position of the part
    n_blocks = int(blocks.max()) + 1
    draws = bootstrap.resample(blocks, n_bootstrap, seed)  # n_bootstrap, n_blocks
    overall = float(np.median(ordered))

    rows = []
    chosen: list[tuple[str, str, np.ndarray]] = [("whole part", "both", np.ones_like(whole, bool))]
    for name, mask in masks.items():
        if mask.ndim == 1:
            chosen.append((name, "both", np.broadcast_to(mask[inside], whole.shape)))
        else:
            chosen.append((name, "sense", mask[:, inside]))
            chosen.append((name, "antisense", mask[::-1, inside]))
    for name, relation, mask in chosen:
        if not mask.any():
            continue
        values = whole[mask]
        cell = np.broadcast_to(blocks, whole.shape)[mask] * edges.size + level_of[mask]
        table = np.bincount(cell, minlength=n_blocks * edges.size).reshape(n_blocks, edges.size)
        counts = np.cumsum(draws @ table, axis=1)  # n_bootstrap, classes
        counts = counts[counts[:, -1] > 0]
        medians = edges[(counts < (counts[:, -1:] + 1) // 2).sum(axis=1)]
        median = float(np.median(values))
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(medians, [tail, 1.0 - tail])
        filled = int((table.sum(axis=1) > 0).sum())
        if too_few(filled, level):
            low = high = np.nan
        rank = percentile(ordered, [median, low, high])
        rows.append(
            {
                "region": name,
                "strand": relation,
                "n_nt": values.size,
                "n_blocks": filled,
                "median": median,
                "ci_low": low,
                "ci_high": high,
                "ratio": median / overall,
                "percentile": rank[0],
                "percentile_low": rank[1],
                "percentile_high": rank[2],
            }
        )
    return pd.DataFrame(rows)


def strand_correlation(
    track: np.ndarray, inside: np.ndarray, widths: Sequence[int]
) -> pd.DataFrame:
    """Rank correlation of the two strands' outputs, in windows of several widths.

    The paper finds increased output "generally concurring" on both strands, with the antisense
    peak shifted; so the highest output of each strand in a window is compared, not that of single
    positions alone.

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    inside : ndarray of bool, shape (L,)
        The part that is looked at.
    widths : sequence of int
        Window widths in nt; windows do not overlap, the last incomplete one is dropped.

    Returns
    -------
    DataFrame
        ``width``, ``n`` windows, ``spearman``, and ``chance``: the same with one strand moved on
        by half the part, which keeps each strand's own correlation along the genome.
    """
    both = track[:, inside]
    rows = []
    for width in widths:
        n = both.shape[1] // width
        if n < 4:
            raise ValueError(f"the part has {n} windows of {width} nt: too few to correlate")
        top = both[:, : n * width].reshape(2, n, width).max(axis=2)
        moved = np.roll(top[1], n // 2)
        rows.append(
            (width, n, spearmanr(top[0], top[1]).statistic, spearmanr(top[0], moved).statistic)
        )
    return pd.DataFrame(rows, columns=["width", "n", "spearman", "chance"])


def median_of_maxima(
    track: np.ndarray, mask: np.ndarray, inside: np.ndarray, *, level: float, circular: bool = True
) -> pd.DataFrame:
    """Highest output within each stretch of a strand's mask, and the median over stretches.

    The paper gives this for the non-coding gaps within operons. Only stretches that lie wholly in
    the part are taken.

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    mask : ndarray of bool, shape (2, L)
        Stretches of each strand.
    inside : ndarray of bool, shape (L,)
        The part.
    level : float
        Coverage of the exact bootstrap interval, stretches resampled.

    Returns
    -------
    DataFrame
        ``strand`` (sense, antisense), ``n`` stretches, ``n_nt`` positions in them, ``median``,
        ``ci_low``, ``ci_high``, and ``percentile``, ``percentile_low``, ``percentile_high`` among
        the part's positions; no rows where no stretch lies in the part.
    """
    highest: list[tuple[float, float]] = []
    n_nt = 0
    for row in (0, 1):
        for start, size in runs(mask[row], circular=circular):
            index = np.arange(start, start + size) % mask.shape[1]
            if inside[index].all():
                highest.append((track[row, index].max(), track[1 - row, index].max()))
                n_nt += size
    if not highest:
        return pd.DataFrame()
    found = median_with_band(np.array(highest), level)  # median, low, high; each of shape (2,)
    ranks = [percentile(np.sort(track[:, inside], axis=None), list(one)) for one in found]
    return pd.DataFrame(
        {
            "strand": ["sense", "antisense"],
            "n": len(highest),
            "n_nt": n_nt,
            **dict(zip(("median", "ci_low", "ci_high"), found, strict=True)),
            **dict(zip(_PERCENTILES, ranks, strict=True)),
        }
    )


_PERCENTILES = ("percentile", "percentile_low", "percentile_high")


def beside_paper(
    regions: pd.DataFrame, maxima: pd.DataFrame, *, published: bool = True
) -> pd.DataFrame:
    """One table of all region medians with the paper's, also as ratios to the whole part's.

    The paper's network was trained with another loss, so its outputs are on another scale; the
    ratios to the median of the whole part, and the percentiles, are what can be compared.

    Parameters
    ----------
    regions : DataFrame
        `region_medians`.
    maxima : DataFrame
        `median_of_maxima` over operon gaps.
    published : bool
        Whether the genome is the paper's, so that its values may stand beside.

    Returns
    -------
    DataFrame
        ``region`` as readers see it, ``strand``, ``n_nt``, ``median``, ``ci_low``, ``ci_high``,
        ``percentile``, ``paper_value``, ``percentile_low``, ``percentile_high``; and ``ratio``,
        ``ratio_low``, ``ratio_high``, ``paper_ratio``: the uncertainty of the whole part's median
        is not in these. `REGION_COLUMNS` are the first eight.
    """
    gaps = maxima.assign(region="operon_gap_maximum")
    table = pd.concat([regions, gaps], ignore_index=True) if len(gaps) else regions.copy()
    keys = [_PAPER_KEYS.get(key, "") for key in zip(table["region"], table["strand"], strict=True)]
    table["paper_value"] = [
        paper.REGION_MEDIANS.get(key, float("nan")) if published else float("nan") for key in keys
    ]
    table["region"] = [region_name(name) for name in table["region"]]
    overall = float(table["median"].iloc[0])
    for column, source in (("ratio", "median"), ("ratio_low", "ci_low"), ("ratio_high", "ci_high")):
        table[column] = table[source] / overall
    table["paper_ratio"] = table["paper_value"] / paper.REGION_MEDIANS["test_set"]
    more = ["percentile_low", "percentile_high", "ratio", "ratio_low", "ratio_high", "paper_ratio"]
    return table[[*REGION_COLUMNS, *more]]


REGION_COLUMNS = [
    "region",
    "strand",
    "n_nt",
    "median",
    "ci_low",
    "ci_high",
    "percentile",
    "paper_value",
]
"""Columns of the table of regions that is written for readers."""


def region_name(key: str) -> str:
    """What readers see of a class of regions; a key that is not known keeps its name."""
    if key.startswith("gene_part_"):
        return f"in genes, part {key.removeprefix('gene_part_')}"
    return _NAMES.get(key, key)


def labels(regions: pd.DataFrame) -> list[str]:
    """Name of each row of `beside_paper`: the region, and the strand where it has one."""
    return [
        name if strand == "both" else f"{name}, {strand}"
        for name, strand in zip(regions["region"], regions["strand"], strict=True)
    ]


HIGHEST_IN_GAPS = "highest in each operon gap"
"""The one region whose rows are medians of maxima, not of all its positions."""

_NAMES = {
    "whole part": "whole test part",
    "coding_either": "coding on either strand",
    "noncoding_both": "coding on neither strand",
    "operon_gap": "operon gaps",
    "operon_gap_maximum": HIGHEST_IN_GAPS,
    "pseudogene": "pseudogenes",
    "between_divergent": "between divergent genes",
    "between_convergent": "between convergent genes",
    "between_tandem": "between tandem genes",
}

_PAPER_KEYS = {
    ("whole part", "both"): "test_set",
    ("coding_either", "both"): "coding_either",
    ("noncoding_both", "both"): "noncoding_both",
    ("operon_gap", "sense"): "operon_gap_sense",
    ("operon_gap", "antisense"): "operon_gap_antisense",
    ("operon_gap_maximum", "sense"): "operon_gap_maximum_sense",
    ("operon_gap_maximum", "antisense"): "operon_gap_maximum_antisense",
    ("pseudogene", "sense"): "pseudogene",
}
"""Region and strand -> key of `paper.REGION_MEDIANS`."""
