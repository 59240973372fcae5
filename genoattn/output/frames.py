"""Predicted gene starts by reading frame; arrays and frames in, tidy frames out.

A start codon inside a gene, in its frame, would make the same protein, shorter: the annotation may
have chosen the wrong one of several. Out of frame it would make another protein. A network that
reads the frame errs in frame more often than start codons lie there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.statistics import proportion
from genoattn.genome.sequence import STRANDS, Genome
from genoattn.genome.sites import values_at

__all__ = ["FRAMES", "by_frame", "start_codons"]

FRAMES = ("in frame", "second letter of a codon", "third letter of a codon")
"""What a start codon's first letter is in the coding sequence that it lies in."""

_A, _C, _G, _T = range(4)


def start_codons(genome: Genome) -> NDArray[np.bool_]:
    """Mark the first letter of every ATG, GTG and TTG on both strands, shape (2, L)."""
    place = np.arange(len(genome))
    found = []
    for strand in STRANDS:
        codon = genome.around(place, strand, np.arange(3))
        found.append(np.isin(codon[:, 0], (_A, _G, _T)) & (codon[:, 1:] == (_T, _G)).all(1))
    return np.array(found)


def by_frame(
    sites: pd.DataFrame, frames: NDArray[np.int8], others: NDArray[np.bool_], *, level: float
) -> pd.DataFrame:
    """How predicted starts inside coding sequences share the three frames, beside start codons.

    Parameters
    ----------
    sites : DataFrame
        ``position``, ``strand``: predicted starts that the labels lack.
    frames : int8 array, shape (2, L)
        `genoattn.genome.regions.reading_frames`.
    others : bool array, shape (2, L)
        Start codons that might have been predicted.
    level : float
        Coverage of the exact binomial intervals.

    Returns
    -------
    DataFrame
        ``frame`` (`FRAMES`), ``n`` (sites in this frame), ``n_inside`` (in any), ``share``,
        ``ci_low``, ``ci_high``, and ``chance``, the share of the start codons inside coding
        sequences that lie in this frame.
    """
    mine = np.asarray(values_at(frames, sites), dtype=np.int64)
    counts = np.bincount(mine[mine >= 0], minlength=3)
    chance = np.bincount(frames[others & (frames >= 0)], minlength=3)
    rows = [
        (name, int(n), int(counts.sum()), *proportion(int(n), int(counts.sum()), level))
        for name, n in zip(FRAMES, counts, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["frame", "n", "n_inside", "share", "ci_low", "ci_high"])
    return table.assign(chance=chance / max(1, chance.sum()))
