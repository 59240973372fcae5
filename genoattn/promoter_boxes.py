"""Where a promoter's -10 and -35 boxes are, and how good; touches arrays alone.

The matrices are those of the scanner (`genoattn.scanner`), fitted to the start sites of another
part of the genome. A site's score is that of its best -10 box at a usual distance, plus that of the
best -35 box upstream of it, with a spacer of 15 to 19 nt, where there is one with a score above
zero. Unlike the scanner's probability it names the two boxes and can leave the -35 box out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome import LETTERS, STRANDS, UNKNOWN, Genome
from genoattn.motifs import log_odds_matrix, scan
from genoattn.scanner import BOX, PromoterScanner

__all__ = ["Boxes", "describe", "from_scanner", "scores"]

_STARTS = range(-14, -9)  # first nucleotide of the -10 box, from the start site
_BACK = range(-25, -20)  # first nucleotide of the -35 box, from the -10 box's


class Boxes(NamedTuple):
    """Log-odds of the letters of both boxes in bits; each shape (6, 4)."""

    box_10: NDArray[np.float64]
    box_35: NDArray[np.float64]


def from_scanner(scanner: PromoterScanner) -> Boxes:
    """Turn the matrices of a fitted scanner into log-odds against its background."""
    background = scanner.background
    return Boxes(
        log_odds_matrix(scanner.box10, background), log_odds_matrix(scanner.box35, background)
    )


class _Placed(NamedTuple):
    start_10: NDArray[np.int64]  # offset of the box's first nucleotide from the site
    score_10: NDArray[np.float64]
    start_35: NDArray[np.int64]
    score_35: NDArray[np.float64]


def _place(genome: Genome, sites: pd.DataFrame, boxes: Boxes) -> _Placed:
    """Place both boxes of each site where their sum is best."""
    first = min(_STARTS) + min(_BACK)
    offsets = np.arange(first, max(_STARTS) + BOX)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offsets)
    table = [np.column_stack([matrix, np.zeros(BOX)]) for matrix in boxes]  # 6, 5

    def at(matrix: NDArray, start: int) -> NDArray[np.float64]:
        word = codes[:, start - first : start - first + BOX]
        return matrix[np.arange(BOX), word].sum(axis=1)

    ten = np.stack([at(table[0], start) for start in _STARTS])  # starts, n
    back = np.stack([[at(table[1], start + gap) for gap in _BACK] for start in _STARTS])
    best_back = back.argmax(axis=1)  # starts, n
    thirty_five = back.max(axis=1)
    chosen = (ten + np.maximum(thirty_five, 0)).argmax(axis=0)  # n
    site = np.arange(len(sites))
    start = np.array(_STARTS)[chosen]
    return _Placed(
        start,
        ten[chosen, site],
        start + np.array(_BACK)[best_back[chosen, site]],
        thirty_five[chosen, site],
    )


def _words(genome: Genome, sites: pd.DataFrame, start: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The six letters from an offset of each site's own, shape (n, 6)."""
    minus = (sites["strand"] == "-").to_numpy()
    first = sites["position"].to_numpy() + np.where(minus, -start, start)
    return genome.around(first, sites["strand"].to_numpy(), np.arange(BOX))


def scores(genome: Genome, boxes: Boxes, *, with_35: bool = True) -> NDArray[np.float32]:
    """Score of a start site at every position of both strands, in bits, shape (2, L).

    Parameters
    ----------
    genome : Genome
    boxes : Boxes
    with_35 : bool
        False scores the -10 box alone.
    """
    track = np.empty((2, len(genome)), dtype=np.float32)
    pad = -(min(_STARTS) + min(_BACK)) + BOX
    for row, strand in enumerate(STRANDS):
        codes = genome.strand(strand)
        index = np.arange(-pad, len(codes) + pad)
        read = codes.take(index, mode="wrap")
        if not genome.circular:
            read = np.where((index < 0) | (index >= len(codes)), UNKNOWN, read)
        total = scan(read, boxes.box_10)  # by the -10 box's start
        if with_35:
            thirty_five = scan(read, boxes.box_35)
            # index i of `behind` is the best -35 box of the -10 box that starts at i
            behind = np.full(total.shape, 0.0)
            for gap in _BACK:
                behind[-gap:] = np.maximum(behind[-gap:], thirty_five[:gap])
            total = total + behind
        begins = [total[pad + start : pad + start + len(codes)] for start in _STARTS]
        best = np.max(begins, axis=0)
        track[row] = best if strand == "+" else best[::-1]
    return track


def describe(genome: Genome, sites: pd.DataFrame, boxes: Boxes) -> pd.DataFrame:
    """The boxes of each site: letters, places and scores.

    Returns
    -------
    DataFrame
        With the index of ``sites``: ``box_10``, ``box_10_offset`` (of its first nucleotide from
        the site), ``box_10_bits``, ``box_35``, ``spacer`` (nt between the boxes), ``box_35_bits``
        and ``boxes_bits`` (their sum; a -35 box below zero does not count).
    """
    placed = _place(genome, sites, boxes)

    def letters(start: NDArray[np.int64]) -> list[str]:
        return ["".join(LETTERS[code] for code in word) for word in _words(genome, sites, start)]

    return pd.DataFrame(
        {
            "box_10": letters(placed.start_10),
            "box_10_offset": placed.start_10,
            "box_10_bits": placed.score_10,
            "box_35": letters(placed.start_35),
            "spacer": placed.start_10 - placed.start_35 - BOX,
            "box_35_bits": placed.score_35,
            "boxes_bits": placed.score_10 + np.maximum(placed.score_35, 0),
        },
        index=sites.index,
    )
