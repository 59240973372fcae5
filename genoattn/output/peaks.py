"""Predicted start sites as a list of peaks: shifts, density, the next gene; frames alone.

A *peak* is a local maximum of the output on its strand (`calls.find_peaks`). It is a *hit* when an
annotated site lies within a tolerance on the same strand. Peaks further apart than twice the
tolerance cannot share a site, so that precision counts no site twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.calls import find_peaks
from genoattn.evaluation.statistics import proportion
from genoattn.genome.regions import names
from genoattn.genome.sequence import STRANDS, Genome, strand_row
from genoattn.genome.sites import first_nucleotide, gaps, nearest_offset

__all__ = ["peak_table", "peaks_per_kb", "shifts"]


def shifts(
    peaks: pd.DataFrame,
    sites: pd.DataFrame,
    inside: NDArray[np.bool_],
    *,
    reach: int,
    level: float,
    circular: bool = True,
) -> pd.DataFrame:
    """How peaks lie relative to the nearest annotated site, beside positions taken at random.

    Parameters
    ----------
    peaks : DataFrame
        ``position``, ``strand``.
    sites : DataFrame
        Annotated sites: ``position``, ``strand``.
    inside : bool array, shape (L,)
        The part of the genome that the peaks are from.
    reach : int
        Offsets up to so many nt to each side.
    level : float
        Coverage of the exact binomial intervals.
    circular : bool

    Returns
    -------
    DataFrame
        ``offset`` (of the peak, positive downstream of the site), ``n`` peaks, ``share`` of all
        peaks, ``ci_low``, ``ci_high``, and ``chance``: the share of all positions of the part, on
        both strands, at that offset (the limit of any number of random positions).
    """
    length = inside.size
    found = nearest_offset(peaks["position"], peaks["strand"], sites, length, circular=circular)
    every = np.flatnonzero(inside)
    by_chance = np.concatenate(
        [
            nearest_offset(every, np.full(every.size, s), sites, length, circular=circular)
            for s in STRANDS
        ]
    )
    offsets = np.arange(-reach, reach + 1)
    count = [int((found == offset).sum()) for offset in offsets]
    share = np.array([proportion(n, len(peaks), level) for n in count]).T
    return pd.DataFrame(
        {
            "offset": offsets,
            "n": count,
            "share": share[0],
            "ci_low": share[1],
            "ci_high": share[2],
            "chance": [(by_chance == offset).mean() for offset in offsets],
        }
    )


def peaks_per_kb(
    tracks: Mapping[str, NDArray], thresholds: Sequence[float], apart: int
) -> pd.DataFrame:
    """How many peaks each threshold gives, by contig and strand.

    Returns
    -------
    DataFrame
        ``contig``, ``strand``, ``threshold``, ``n``, ``per_kb`` (of one strand).
    """
    lowest = find_peaks(tracks, min(thresholds), apart=apart)
    rows = []
    for contig, track in tracks.items():
        for strand in STRANDS:
            own = lowest[(lowest["contig"] == contig) & (lowest["strand"] == strand)]
            for threshold in thresholds:
                n = int((own["output"] >= np.float32(threshold)).sum())
                rows.append((contig, strand, threshold, n, 1000 * n / track.shape[1]))
    return pd.DataFrame(rows, columns=["contig", "strand", "threshold", "n", "per_kb"])


def peak_table(
    peaks: pd.DataFrame, features: pd.DataFrame | None, genomes: Sequence[Genome]
) -> pd.DataFrame:
    """Peaks with the next feature start downstream on their strand.

    Parameters
    ----------
    peaks : DataFrame
        `genoattn.evaluation.calls.find_peaks`.
    features : DataFrame or None
        `genoattn.genome.formats.read_gff_contigs`; features of the type ``gene``, ``pseudogene`` or
        ``CDS`` count. None where there is no annotation.
    genomes : sequence of Genome
        The contigs.

    Returns
    -------
    DataFrame
        The peaks, and where features are given ``next_gene`` (`regions.names`; empty where none
        follows) and ``distance`` (nt from the peak to its first nucleotide, NaN where
        none follows). Round the end of a circular contig the search goes on.
    """
    if features is None:
        return peaks
    gene = peaks.assign(next_gene="", distance=np.nan)
    kept = features[features["type"].isin(["gene", "pseudogene", "CDS"])]
    for genome in genomes:
        own = kept[kept["contig"] == genome.name]
        first = own[["strand"]].assign(position=first_nucleotide(own, len(genome)), name=names(own))
        some = gene.loc[gene["contig"] == genome.name, ["position", "strand"]]
        ahead = gaps(
            some["position"], some["strand"], first, len(genome), circular=genome.circular
        ).ahead
        some, ahead = some[np.isfinite(ahead)], ahead[np.isfinite(ahead)]
        step = np.where(strand_row(some["strand"]) == 0, ahead, -ahead).astype(np.int64)
        label = first.drop_duplicates(["position", "strand"]).set_index(["position", "strand"])
        place = pd.MultiIndex.from_arrays([(some["position"] + step) % len(genome), some["strand"]])
        gene.loc[some.index, "next_gene"] = label["name"].reindex(place).to_numpy()
        gene.loc[some.index, "distance"] = ahead
    return gene
