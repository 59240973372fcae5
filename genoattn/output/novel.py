"""Peaks that the labels do not know: what supports them elsewhere; touches arrays and frames.

A peak without a curated site near is an error of the model or of the curation. Which, other
evidence may tell: how often it lies near such peaks is compared with how often it lies near any
position of the same kind (place among the genes, AT content), counted over the whole part rather
than drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.evaluation.statistics import proportion
from genoattn.genome.regions import PLACES, nearest_gene
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import values_at
from genoattn.model.scanner import Boxes, describe

__all__ = ["ranked", "support"]


def support(
    peaks: pd.DataFrame,
    evidence: Mapping[str, NDArray[np.bool_]],
    eligible: NDArray[np.bool_],
    kind: NDArray[np.int64],
    *,
    block: NDArray[np.int64],
    n_bootstrap: int,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """How many peaks have each kind of evidence, and how many would have it by chance.

    Parameters
    ----------
    peaks : DataFrame
        ``position``, ``strand``; all of them eligible.
    evidence : mapping of str to bool array, shape (2, L)
        Where there is support.
    eligible : bool array, shape (2, L)
        Positions that a peak could have been at.
    kind : int array, shape (2, L)
        `statistics.place_strata`; chance is the share of the eligible positions of a peak's own
        kind.
    block : int array, shape (L,)
        `bootstrap.blocks`, the units of resampling.
    n_bootstrap, level, seed
        Replicates, coverage, seed.

    Returns
    -------
    DataFrame
        ``evidence``, ``n`` peaks, ``n_supported``, ``share`` with ``share_low`` and ``share_high``
        (exact binomial), ``chance`` (expected share), ``ratio`` (share over chance) with
        ``ci_low`` and ``ci_high`` (blocks of the genome resampled; NaN where chance is 0, or where
        no peak is supported: all resamples would agree).

    Raises
    ------
    ValueError
        A peak at a position that is not eligible.
    """
    if not values_at(eligible, peaks).all():
        raise ValueError("a peak lies at a position that is not eligible")
    draws = bootstrap.resample(block, n_bootstrap, seed)
    where, own = block[peaks["position"]], values_at(kind, peaks)
    n_kinds = int(kind.max()) + 1
    of_kind = np.bincount(kind[eligible], minlength=n_kinds)
    rows = []
    for name, mask in evidence.items():
        with np.errstate(invalid="ignore"):
            chance = np.bincount(kind[eligible & mask], minlength=n_kinds) / of_kind
        seen, expected = values_at(mask, peaks).astype(float), chance[own]
        seen_in = np.bincount(where, seen, minlength=draws.shape[1])  # of each block
        expected_in = np.bincount(where, expected, minlength=draws.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            replicates = (draws @ seen_in) / (draws @ expected_in)
        low, high = bootstrap.interval(replicates[np.isfinite(replicates)], level)
        if not seen.any():
            low = high = np.nan
        share, share_low, share_high = proportion(int(seen.sum()), len(peaks), level)
        rows.append(
            {
                "evidence": name,
                "n": len(peaks),
                "n_supported": int(seen.sum()),
                "share": share,
                "share_low": share_low,
                "share_high": share_high,
                "chance": expected.mean() if len(peaks) else np.nan,
                "ratio": seen.sum() / expected.sum() if expected.sum() > 0 else np.nan,
                "ci_low": low,
                "ci_high": high,
            }
        )
    return pd.DataFrame(rows)


def ranked(
    novel: pd.DataFrame,
    genome: Genome,
    features: pd.DataFrame,
    places: NDArray[np.int8],
    boxes: Boxes,
    evidence: Mapping[str, NDArray[np.bool_]],
    *,
    n: int,
) -> pd.DataFrame:
    """The peaks of highest output, with what is known about each.

    Parameters
    ----------
    novel : DataFrame
        ``position``, ``strand``, ``output``.
    genome, features, places, boxes
        For the neighbourhood and the promoter boxes.
    evidence : mapping of str to bool array, shape (2, L)
        Each becomes a column of yes and no.
    n : int
        Most rows.

    Returns
    -------
    DataFrame
        ``rank``, ``position_1based``, ``strand``, ``output``, ``place``, ``gene``,
        ``gene_strand``, ``gene_distance``, ``from_start`` (see `regions.nearest_gene`),
        ``box_10``, ``box_10_offset``, ``box_35``, ``spacer``, ``boxes_bits`` (see
        `scanner.describe`), then the evidence.
    """
    best = novel.sort_values("output", ascending=False, kind="stable").head(n)
    best = best.reset_index(drop=True)
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(best) + 1),
            "position_1based": best["position"] + 1,
            "strand": best["strand"],
            "output": best["output"],
            "place": [PLACES[one] for one in values_at(places, best)],
        }
    )
    found = describe(genome, best, boxes).drop(columns=["box_10_bits", "box_35_bits"])
    gene = nearest_gene(best, features, len(genome), circular=genome.circular)
    table = pd.concat([table, gene, found], axis=1)
    for name, mask in evidence.items():
        table[name] = np.where(values_at(mask, best), "yes", "no")
    return table
