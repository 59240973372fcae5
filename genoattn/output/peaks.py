"""Predicted start sites as a list of peaks: shifts, density, the next gene; frames alone.

A *peak* is a local maximum of the output on its strand (`calls.find_peaks`). It is a *hit* when an
annotated site lies within a tolerance on the same strand. Peaks further apart than twice the
tolerance cannot share a site, so that precision counts no site twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.calls import find_peaks
from genoattn.evaluation.statistics import proportion
from genoattn.genome.regions import names
from genoattn.genome.sequence import STRANDS, Genome, strand_row
from genoattn.genome.sites import first_nucleotide, nearest_offset

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
    number = {contig: number for number, contig in enumerate(tracks)}
    strand = 2 * lowest["contig"].map(number).to_numpy(np.int64) + strand_row(lowest["strand"])
    n = np.stack(
        [
            np.bincount(strand[lowest["output"] >= np.float32(one)], minlength=2 * len(tracks))
            for one in thresholds
        ],
        axis=1,
    )  # strands of all contigs, thresholds
    length = np.repeat([track.shape[1] for track in tracks.values()], 2)[:, None]
    contigs = np.array([*tracks], dtype=object)
    return pd.DataFrame(
        {
            "contig": contigs.repeat(2 * len(thresholds)),
            "strand": np.tile(np.repeat(STRANDS, len(thresholds)), len(tracks)),
            "threshold": np.tile(thresholds, 2 * len(tracks)),
            "n": n.ravel(),
            "per_kb": (1000 * n / length).ravel(),
        }
    )


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
    starts = _starts(features, genomes)
    found = peaks.assign(next_gene="", distance=np.nan)
    downstream: dict[str, Literal["forward", "backward"]] = {"+": "forward", "-": "backward"}
    for strand, direction in downstream.items():
        own = peaks.loc[peaks["strand"] == strand, ["contig", "position"]]
        own = own.assign(row=own.index).sort_values("position", kind="stable")
        there = starts[starts["strand"] == strand].drop(columns="strand")
        ahead = pd.merge_asof(
            own, there, left_on="position", right_on="start", by="contig", direction=direction
        ).dropna(subset="start")
        found.loc[ahead["row"], "next_gene"] = ahead["name"].to_numpy()
        distance = (ahead["start"] - ahead["position"]).abs().to_numpy(np.float64)
        found.loc[ahead["row"], "distance"] = distance
    return found


def _starts(features: pd.DataFrame, genomes: Sequence[Genome]) -> pd.DataFrame:
    """First nucleotides of genes and CDS: contig, strand, name, start; sorted by the last.

    Those of a circular contig are there three times, a length before and a length after too, so
    that whoever goes on over the origin finds them.
    """
    genes = features[features["type"].isin(["gene", "pseudogene", "CDS"])]
    length = genes["contig"].map({one.name: len(one) for one in genomes}).to_numpy(np.int64)
    starts = genes[["contig", "strand"]].assign(
        name=names(genes), start=first_nucleotide(genes, length), length=length
    )
    starts = starts.drop_duplicates(["contig", "strand", "start"])
    round_ = starts[starts["contig"].isin({one.name for one in genomes if one.circular})]
    turns = [round_.assign(start=round_["start"] + turn * round_["length"]) for turn in (-1, 1)]
    every = pd.concat([starts, *turns]).drop(columns="length").sort_values("start", kind="stable")
    return every.astype({"start": np.int64})
