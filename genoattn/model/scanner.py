"""Promoter scanner of -35 and -10 matrices, the baseline before networks; touches arrays alone.

The classic model of a sigma-70 promoter (Hertz and Stormo 1996; Staden 1984): two position weight
matrices, a distribution of the spacer between them and of the distance to the start, and a matrix
of the nucleotides around the start. The elements' places are not annotated, so they are latent and
found by expectation maximisation from the textbook consensus on the training part's sites; some
sites may have no such promoter at all (the "zero or one" model of MEME, Bailey and Elkan 1994).

A position's output is the probability that a site lies there: the odds of the elements, summed over
all placements, times the share of sites in the training part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.intervals import runs
from genoattn.genome.motifs import log_odds_matrix
from genoattn.genome.motifs import scan as motif_scan
from genoattn.genome.sequence import LETTERS, STRANDS, UNKNOWN, Genome, encode, strand_index

__all__ = [
    "DISTANCES",
    "SPACERS",
    "Boxes",
    "PromoterScanner",
    "describe",
    "fit",
    "from_scanner",
    "scan",
    "scores",
]


BOX = 6
"""Nucleotides of the -35 and of the -10 box."""

SPACERS = range(14, 22)
"""Nucleotides between the two boxes."""

DISTANCES = range(2, 13)
"""Nucleotides between the -10 box and the start, which are not of either."""

START = range(-2, 3)
"""Nucleotides around the start that have a matrix, the start being 0."""

CONSENSUS = ("TTGACA", "TATAAT")
"""Where the search begins: textbook hexamers, each letter three times as likely as others."""

_UPSTREAM = max(DISTANCES) + max(SPACERS) + 2 * BOX


@dataclass(frozen=True)
class PromoterScanner:
    """Fitted matrices; made by :func:`fit`.

    Attributes
    ----------
    box35, box10, start : float arrays, shapes (6, 4), (6, 4), (5, 4)
        Probability of A, C, G, T at each place.
    spacer, distance : float arrays
        Probability of each of :data:`SPACERS` and :data:`DISTANCES`.
    background : float array, shape (4,)
        Letters of the training part, both strands.
    share : float
        Share of the sites that have these elements.
    rate : float
        Share of the training part's positions that are sites.
    """

    box35: NDArray[np.float64]
    box10: NDArray[np.float64]
    start: NDArray[np.float64]
    spacer: NDArray[np.float64]
    distance: NDArray[np.float64]
    background: NDArray[np.float64]
    share: float
    rate: float

    @property
    def consensus(self) -> tuple[str, str]:
        """The most likely letters of the -35 and of the -10 box."""
        box35, box10 = ("".join("ACGT"[i] for i in m.argmax(1)) for m in (self.box35, self.box10))
        return box35, box10


def fit(
    genome: Genome, sites: pd.DataFrame, where: NDArray[np.bool_], rounds: int = 40
) -> PromoterScanner:
    """Fit the scanner to the sites of a part.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        Columns position (0-based) and strand.
    where : bool array, shape (L,)
        The training part; other sites are not looked at.
    rounds : int
        Rounds of expectation maximisation.

    Raises
    ------
    ValueError
        No site lies in the part.
    """
    chosen = sites[where[sites["position"].to_numpy()]].drop_duplicates(["position", "strand"])
    if chosen.empty:
        raise ValueError("no site lies in the training part, so there is nothing to fit")
    around = _sequences(genome, chosen)  # sites, upstream + start's matrix
    letters = np.bincount(genome.codes[where], minlength=UNKNOWN + 1)[:UNKNOWN].astype(float)
    letters += letters[::-1]  # both strands
    background = letters / letters.sum()

    uniform = np.full(4, 1.0)
    scanner = PromoterScanner(
        box35=_matrix(CONSENSUS[0], uniform),
        box10=_matrix(CONSENSUS[1], uniform),
        start=np.tile(background, (len(START), 1)),
        spacer=_normal(np.exp(-0.5 * (np.array(SPACERS) - 17.0) ** 2)),
        distance=_normal(np.ones(len(DISTANCES))),
        background=background,
        share=0.5,
        rate=len(chosen) / (2 * where.sum()),
    )
    for _ in range(rounds):
        scanner = _round(scanner, around)
    return scanner


def _sequences(genome: Genome, sites: pd.DataFrame) -> NDArray[np.uint8]:
    """Codes from ``_UPSTREAM`` nt before each site to the end of its start's matrix, 5'->3'."""
    offset = np.arange(-_UPSTREAM, START.stop)
    found = []
    for strand in STRANDS:
        codes = genome.strand(strand)
        position = sites.loc[sites["strand"] == strand, "position"].to_numpy(np.int64)
        first = strand_index(position, strand, len(genome))
        found.append(_take(codes, first[:, None] + offset, genome.circular))
    return np.concatenate(found)


def _take(codes: NDArray[np.uint8], index: NDArray, circular: bool) -> NDArray[np.uint8]:
    """Codes at an index that may lie beyond the ends: round a circle, unknown on a line."""
    taken = codes.take(index, mode="wrap")
    return taken if circular else np.where((index < 0) | (index >= codes.size), UNKNOWN, taken)


def _matrix(word: str, pseudocount: NDArray) -> NDArray[np.float64]:
    counts = 2 * np.eye(5)[encode(word)][:, :4] + pseudocount
    return counts / counts.sum(1, keepdims=True)


def _normal(values: NDArray) -> NDArray[np.float64]:
    return values / values.sum()


def _odds(matrix: NDArray, background: NDArray, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Odds of a matrix against the background at each place where it may begin (last axis)."""
    table = np.concatenate([matrix / background, np.ones((len(matrix), 1))], axis=1)
    width = codes.shape[-1] - len(matrix) + 1
    odds = np.ones((*codes.shape[:-1], width))
    for column in range(len(matrix)):
        odds *= table[column][codes[..., column : column + width]]
    return odds


def _round(scanner: PromoterScanner, around: NDArray[np.uint8]) -> PromoterScanner:
    """One round: where the elements probably lie, then the matrices of what lies there."""
    s, n = scanner, len(around)
    odds35 = _odds(s.box35, s.background, around)
    odds10 = _odds(s.box10, s.background, around)
    first = _UPSTREAM + START[0]
    odds_start = _odds(s.start, s.background, around[:, first:])[:, 0]
    onehot = np.eye(5)[around][:, :, :4]  # sites, place, letter
    begin10 = _UPSTREAM - BOX - np.array(DISTANCES)  # place of the -10 box, by distance
    begin35 = begin10[:, None] - BOX - np.array(SPACERS)  # by distance and spacer
    placed = (  # sites, distances, spacers
        odds35[:, begin35]
        * odds10[:, begin10][:, :, None]
        * odds_start[:, None, None]
        * (s.distance[:, None] * s.spacer)
    )
    total = placed.sum((1, 2))
    has = s.share * total / (s.share * total + 1 - s.share)  # P(the site has the elements)
    weight = placed * (has / total)[:, None, None]

    pseudo = s.background  # one more site of background letters
    weight35, weight10 = np.zeros((2, n, onehot.shape[1] - BOX + 1))  # by place
    weight10[:, begin10] = weight.sum(2)
    for column in range(len(SPACERS)):
        weight35[:, begin35[:, column]] += weight[:, :, column]
    box35, box10 = _expected(weight35, onehot) + pseudo, _expected(weight10, onehot) + pseudo
    start = np.einsum("n,npa->pa", has, onehot[:, first : first + len(START)]) + pseudo
    return PromoterScanner(
        box35=box35 / box35.sum(1, keepdims=True),
        box10=box10 / box10.sum(1, keepdims=True),
        start=start / start.sum(1, keepdims=True),
        spacer=_normal(weight.sum((0, 1)) + 1 / len(SPACERS)),
        distance=_normal(weight.sum((0, 2)) + 1 / len(DISTANCES)),
        background=s.background,
        share=float((has.sum() + 1) / (n + 2)),
        rate=s.rate,
    )


def _expected(weight: NDArray, onehot: NDArray) -> NDArray[np.float64]:
    """Expected letters at each place of a box, from the weight of each place where it may begin."""
    places = weight.shape[1]
    return np.stack([np.einsum("np,npa->a", weight, onehot[:, i : i + places]) for i in range(BOX)])


def scan(
    scanner: PromoterScanner, genome: Genome, where: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Probability of a site at each position, as `genoattn.prediction.predict` gives it.

    Parameters
    ----------
    scanner : PromoterScanner
    genome : Genome
    where : bool array, shape (L,), optional
        Forward positions asked for, both strands; all by default.

    Returns
    -------
    float32 array, shape (2, L)
        NaN where not asked.
    """
    s, length = scanner, len(genome)
    where = np.ones(length, dtype=bool) if where is None else where
    track = np.full((2, length), np.nan, dtype=np.float32)
    for row, wanted in enumerate((where, where[::-1])):
        codes = genome.strand(STRANDS[row])
        for first, size in runs(wanted, circular=False).tolist():
            index = np.arange(first - _UPSTREAM, first + size + START.stop - 1)
            odds = _placements(s, _take(codes, index, genome.circular), size)
            # P(site) from its odds: rate / (1 - rate) times what the sequence says
            odds = s.rate / (1 - s.rate) * (s.share * odds + 1 - s.share)
            forward = np.arange(first, first + size)
            track[row, forward if row == 0 else length - 1 - forward] = odds / (1 + odds)
    return track


def _placements(s: PromoterScanner, codes: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """Odds of the elements at each of ``size`` starts, summed over spacers and distances."""
    odds35 = _odds(s.box35, s.background, codes)
    odds10 = _odds(s.box10, s.background, codes)
    farthest = BOX + SPACERS[-1]  # from the -35 box's first nt to the -10 box's
    boxes = np.zeros(odds10.size)  # by the place of the -10 box
    for p, spacer in zip(s.spacer, SPACERS, strict=True):
        back = BOX + spacer
        boxes[farthest:] += p * odds35[farthest - back : odds35.size - back]
    boxes *= odds10
    odds = np.zeros(size)
    for p, distance in zip(s.distance, DISTANCES, strict=True):
        begin = _UPSTREAM - BOX - distance
        odds += p * boxes[begin : begin + size]
    return odds * _odds(s.start, s.background, codes[_UPSTREAM + START[0] :])[:size]


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
        total = motif_scan(read, boxes.box_10)  # by the -10 box's start
        if with_35:
            thirty_five = motif_scan(read, boxes.box_35)
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
