"""Sequence motifs as matrices: counts, information, scores; reads TRANSFAC files only.

A motif of width k is a matrix of shape (k, 4): rows are positions 5'->3', columns A, C, G, T.
Codes are those of `genoattn.genome.formats` (0..3; 4 is an unknown nucleotide). Logarithms are to
base 2, so that scores and information are in bits. A background is the probability of A, C, G, T
where no motif is.

Sources: matrices and their information, Schneider et al. 1986 (doi:10.1016/0022-2836(86)90165-8)
and Stormo 2000 (doi:10.1093/bioinformatics/16.1.16); consensus rules, Cavener 1987
(doi:10.1093/nar/15.4.1353). The paper builds its logos from the sequences of the 50 best samples
of a head ("Attention heads show to specialize towards detecting transcription factor-binding
sites").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from Bio.Data.IUPACData import ambiguous_dna_values
from numpy.typing import NDArray

from genoattn.genome.files import FileError, read_lines
from genoattn.genome.sequence import LETTERS, UNKNOWN, Genome

__all__ = [
    "UNIFORM",
    "Motif",
    "MotifError",
    "background",
    "composition",
    "count_matrix",
    "information",
    "information_content",
    "information_matrix",
    "iupac_consensus",
    "letter_heights",
    "letter_information",
    "log_odds_matrix",
    "probability_matrix",
    "read_transfac",
    "scan",
]


UNIFORM = np.full(4, 0.25)
UNIFORM.flags.writeable = False


class MotifError(FileError):
    """A matrix, a background or a motif file that cannot be used as it stands."""


@dataclass(frozen=True, eq=False)
class Motif:
    """A named motif.

    Attributes
    ----------
    accession : str
        Unique within its file (AC in TRANSFAC).
    name : str
        Identifier, usually the transcription factor's name (ID in TRANSFAC).
    counts : numpy.ndarray, float, shape=(k, 4)
        Number of sites with A, C, G, T at each position; read-only.

    Raises
    ------
    MotifError
        Counts of another shape, negative or missing ones, or a position without any.
    """

    accession: str
    name: str
    counts: np.ndarray

    def __post_init__(self) -> None:
        counts = _matrix(self.counts, f"motif {self.name}").copy()
        if (counts.sum(axis=1) == 0).any():
            raise MotifError(f"motif {self.name}: a position without any count")
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)


def _matrix(matrix: Any, where: str) -> np.ndarray:
    """Check that a matrix has shape (k, 4), k >= 1, and finite values of at least zero."""
    values = np.asarray(matrix, dtype=float)
    if values.ndim != 2 or values.shape[1] != 4 or len(values) == 0:
        raise MotifError(f"{where}: a matrix of shape (k, 4) is needed, not {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise MotifError(f"{where}: values must be finite and at least zero")
    return values


def _probabilities(matrix: Any) -> np.ndarray:
    """Check a probability matrix: each row sums to one."""
    values = _matrix(matrix, "probabilities")
    if not np.allclose(values.sum(axis=1), 1):
        raise MotifError("probabilities: each row must sum to 1; use probability_matrix on counts")
    return values


def _background(background: Any) -> np.ndarray:
    """Check a background: four probabilities above zero that sum to one."""
    values = np.asarray(background, dtype=float)
    if values.shape != (4,) or not (values > 0).all() or not np.isclose(values.sum(), 1):
        raise MotifError(
            f"background must be four probabilities above zero that sum to 1, is {background}"
        )
    return values


def composition(codes: np.ndarray) -> np.ndarray:
    """Measure the share of A, C, G, T, to be used as a background.

    Parameters
    ----------
    codes : numpy.ndarray, uint8, any shape
        Nucleotide codes; unknown ones are left out.

    Returns
    -------
    numpy.ndarray, float, shape=(4,)
        Shares, sum 1.

    Raises
    ------
    MotifError
        A nucleotide that does not occur at all, with which log-odds would be infinite.
    """
    counts = np.bincount(np.asarray(codes).ravel(), minlength=UNKNOWN + 1)[:4]
    if (counts == 0).any():
        raise MotifError("background: one of A, C, G, T does not occur in the sequence")
    return counts / counts.sum()


def count_matrix(kmers: np.ndarray) -> np.ndarray:
    """Count the nucleotides at each position of aligned k-mers.

    Parameters
    ----------
    kmers : numpy.ndarray, uint8, shape=(n, k)
        Codes of n words, as `Genome.around` returns them; unknown nucleotides count nowhere.

    Returns
    -------
    numpy.ndarray, int64, shape=(k, 4)
        Counts of A, C, G, T.

    Raises
    ------
    MotifError
        An array that is not two-dimensional, or codes other than 0..4.
    """
    kmers = np.asarray(kmers)
    if kmers.ndim != 2:
        raise MotifError(f"k-mers must have shape (n, k), not {kmers.shape}")
    if kmers.size and (kmers.min() < 0 or kmers.max() > UNKNOWN):
        raise MotifError(f"k-mers hold a code outside 0..{UNKNOWN}")
    return (kmers[:, :, None] == np.arange(4)).sum(axis=0)


def probability_matrix(
    counts: np.ndarray, pseudocount: float = 1.0, background: np.ndarray = UNIFORM
) -> np.ndarray:
    """Estimate the probability of each nucleotide at each position.

    Parameters
    ----------
    counts : numpy.ndarray, shape=(k, 4)
        Counts of A, C, G, T.
    pseudocount : float
        Observations added to each position in all, shared out as the background.
    background : numpy.ndarray, float, shape=(4,)
        Probability of A, C, G, T.

    Returns
    -------
    numpy.ndarray, float, shape=(k, 4)
        (counts + pseudocount * background) / (row sum + pseudocount); each row sums to 1.

    Raises
    ------
    MotifError
        A negative pseudocount, or a position without counts when the pseudocount is zero.
    """
    counts = _matrix(counts, "counts")
    if not pseudocount >= 0:
        raise MotifError(f"pseudocount must be at least zero, is {pseudocount}")
    total = counts.sum(axis=1, keepdims=True) + pseudocount  # k, 1
    if (total == 0).any():
        raise MotifError("counts: a position without any count needs a pseudocount above zero")
    return (counts + pseudocount * _background(background)) / total


def information_content(probabilities: np.ndarray, background: np.ndarray = UNIFORM) -> np.ndarray:
    """Measure how far each position is from the background.

    Parameters
    ----------
    probabilities : numpy.ndarray, float, shape=(k, 4)
        Each row sums to 1.
    background : numpy.ndarray, float, shape=(4,)
        Probability of A, C, G, T.

    Returns
    -------
    numpy.ndarray, float, shape=(k,)
        Relative entropy sum_b p_b log2(p_b / q_b) in bits; at most 2 for a uniform background.
    """
    p, q = _probabilities(probabilities), _background(background)
    ratios = np.log2(np.where(p > 0, p, 1) / np.where(p > 0, q, 1))  # 0 log 0 is 0
    return (p * ratios).sum(axis=1)


def information_matrix(probabilities: np.ndarray, background: np.ndarray = UNIFORM) -> np.ndarray:
    """Share each position's information among its letters: the letter heights of a logo.

    Parameters
    ----------
    probabilities : numpy.ndarray, float, shape=(k, 4)
        Each row sums to 1.
    background : numpy.ndarray, float, shape=(4,)
        Probability of A, C, G, T.

    Returns
    -------
    numpy.ndarray, float, shape=(k, 4)
        Probability times the information content of the position, bits.
    """
    heights = information_content(probabilities, background)  # k
    return np.asarray(probabilities, dtype=float) * heights[:, None]


def log_odds_matrix(probabilities: np.ndarray, background: np.ndarray = UNIFORM) -> np.ndarray:
    """Weigh each letter by how much likelier it is in the motif than in the background.

    Parameters
    ----------
    probabilities : numpy.ndarray, float, shape=(k, 4)
        Each row sums to 1.
    background : numpy.ndarray, float, shape=(4,)
        Probability of A, C, G, T.

    Returns
    -------
    numpy.ndarray, float, shape=(k, 4)
        log2(p / q) in bits; minus infinity where p is zero (a pseudocount avoids it).
    """
    p, q = _probabilities(probabilities), _background(background)
    with np.errstate(divide="ignore"):
        return np.log2(p) - np.log2(q)


IUPAC: dict[str, str] = {
    letter: "".join(sorted(bases))
    for letter, bases in ambiguous_dna_values.items()
    if letter != "X"  # any letter, as N
}
"""The nucleotides that each letter stands for, in the order A, C, G, T."""
_LETTER_OF = {bases: letter for letter, bases in IUPAC.items()}


def iupac_consensus(matrix: np.ndarray) -> str:
    """Name each position by an IUPAC letter.

    Cavener's rules: one nucleotide if it has more than half and more than twice the second; else
    two if they have more than three quarters together; else three if the fourth never occurs;
    else N.

    Parameters
    ----------
    matrix : numpy.ndarray, shape=(k, 4)
        Counts or probabilities.

    Returns
    -------
    str
        k letters.

    Raises
    ------
    MotifError
        Not such a matrix, or a position without any count.
    """
    values = _matrix(matrix, "matrix")
    if (values.sum(axis=1) == 0).any():
        raise MotifError("matrix: a position without any count has no consensus")
    letters = []
    shares = (values / values.sum(axis=1, keepdims=True)).round(9)  # so that a half is a half
    for row in shares:
        order = np.argsort(-row, kind="stable")
        first, second = row[order[:2]]
        if first > 0.5 and first > 2 * second:
            named = order[:1]
        elif first + second > 0.75:
            named = order[:2]
        elif row[order[3]] == 0:
            named = order[:3]
        else:
            named = order
        letters.append(_LETTER_OF["".join(LETTERS[i] for i in sorted(named))])
    return "".join(letters)


def scan(codes: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Score a motif at every place of a sequence.

    Parameters
    ----------
    codes : numpy.ndarray, uint8, shape=(L,)
        One strand read 5'->3', as `Genome.strand` returns it. It is taken as linear: to scan
        across the origin of a circular genome, append its first k - 1 nucleotides.
    log_odds : numpy.ndarray, float, shape=(k, 4)
        Score of A, C, G, T at each position. An unknown nucleotide scores 0: motif and
        background both have some nucleotide there.

    Returns
    -------
    numpy.ndarray, float64, shape=(L - k + 1,)
        Sum of the scores of the k-mer that begins at each index.

    Raises
    ------
    MotifError
        A sequence shorter than the motif, or arrays of another shape.
    """
    codes, log_odds = np.asarray(codes), np.asarray(log_odds, dtype=float)
    if log_odds.ndim != 2 or log_odds.shape[1] != 4 or len(log_odds) == 0:
        raise MotifError(f"log-odds of shape (k, 4) are needed, not {log_odds.shape}")
    width = len(log_odds)
    if codes.ndim != 1 or len(codes) < width:
        raise MotifError(
            f"a sequence of at least {width} nt, the motif's width, is needed; "
            f"its shape is {codes.shape}"
        )
    table = np.column_stack([log_odds, np.zeros(width)])  # k, 5
    places = len(codes) - width + 1
    scores = np.zeros(places)
    for i in range(width):
        scores += table[i, codes[i : i + places]]
    return scores


def read_transfac(path: str | Path) -> list[Motif]:
    """Read the motifs of a TRANSFAC file, such as RegulonDB's.

    Of each record, from its ``AC`` line to ``//``, the lines ``AC`` (accession), ``ID`` (name),
    ``P0`` or ``PO`` (header ``A C G T``) and the numbered rows that follow it are read.

    Parameters
    ----------
    path : str or Path
        Plain or gzip-compressed text.

    Returns
    -------
    list of Motif
        In file order, at least one; a record without ``ID`` is named by its accession.

    Raises
    ------
    FileNotFoundError
        No such file.
    MotifError
        No motif at all, a record without accession or matrix, cut off before ``//``, an
        accession that occurs twice, or a row that is not its number and four counts; names
        the file and the line.
    """
    try:
        lines = read_lines(path)
    except FileError as error:
        raise MotifError(str(error)) from error
    motifs: list[Motif] = []
    seen: set[str] = set()
    record = _Record()
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        key, _, value = line.strip().replace("\t", " ").partition(" ")
        if key == "//":
            motif = record.finish(where)
            if motif.accession in seen:
                raise MotifError(f"{where}: a second motif of accession {motif.accession}")
            seen.add(motif.accession)
            motifs.append(motif)
            record = _Record()
        else:
            record.take(key, value.strip(), where)
    if not (motifs or record.accession or record.in_matrix or record.rows):
        raise MotifError(f"{path}: no motif in this file; a TRANSFAC file is needed")
    if record.begun:
        raise MotifError(f"{path}: the last record has no '//' line; the file may be cut off")
    return motifs


class _Record:
    """One TRANSFAC record as far as it has been read."""

    def __init__(self) -> None:
        self.begun = False
        self.accession = ""
        self.name = ""
        self.in_matrix = False
        self.rows: list[list[float]] = []

    def take(self, key: str, value: str, where: str) -> None:
        """Take in one line, split into its key and the rest."""
        if key in {"", "VV"}:  # blank, or the file's version line
            return
        self.begun = True
        if key == "AC":
            self.accession = value
        elif key == "ID":
            self.name = value
        elif key in {"P0", "PO"}:
            if value.split()[:4] != list(LETTERS[:4]):
                raise MotifError(f"{where}: the columns must be A C G T, not {value!r}")
            self.in_matrix = True
        elif self.in_matrix and re.fullmatch(r"[0-9]{1,9}", key):
            self.rows.append(self._row(key, value, where))
        else:
            self.in_matrix = False

    def _row(self, key: str, value: str, where: str) -> list[float]:
        """Parse one row of the matrix: four counts, perhaps followed by a consensus letter."""
        if int(key) != len(self.rows) + 1:
            raise MotifError(f"{where}: row {key} where row {len(self.rows) + 1} is expected")
        try:
            counts = [float(word) for word in value.split()[:4]]
        except ValueError:
            counts = []
        if len(counts) != 4 or not all(np.isfinite(c) and c >= 0 for c in counts):
            raise MotifError(f"{where}: {value!r} are not four counts of at least zero")
        return counts

    def finish(self, where: str) -> Motif:
        """Make the motif at the record's end."""
        if not self.accession:
            raise MotifError(f"{where}: a record without an AC line (accession)")
        if not self.rows:
            raise MotifError(f"{where}: motif {self.accession} has no matrix")
        try:
            return Motif(self.accession, self.name or self.accession, np.array(self.rows))
        except MotifError as error:
            raise MotifError(f"{where}: {error}") from error


def letter_heights(counts: np.ndarray, background: np.ndarray = UNIFORM) -> np.ndarray:
    """Information matrix of counts (width, 4) in bits above a background.

    One pseudocount is shared by the letters as in the background.
    """
    probabilities = probability_matrix(counts, background=background)
    return information_matrix(probabilities, background)


def information(counts: np.ndarray, background: np.ndarray = UNIFORM) -> np.ndarray:
    """Bits of whole motifs, summed over their columns.

    Parameters
    ----------
    counts
        Counts of A, C, G, T, shape (..., width, 4).
    background
        Probability of A, C, G, T.

    Returns
    -------
    ndarray of float, shape (...)
    """
    flat = counts.reshape(-1, *counts.shape[-2:])
    bits = [letter_heights(one, background).sum() for one in flat]
    return np.array(bits).reshape(counts.shape[:-2])


def background(genome: Genome) -> np.ndarray:
    """Share of A, C, G, T on both strands together: what a motif has to stand out from."""
    forward = composition(genome.codes)
    return (forward + forward[::-1]) / 2


def letter_information(
    counts: NDArray[Any], background: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Letter heights in bits, shape (width, 4), of counts, against the genome's composition."""
    shares = probability_matrix(counts, background=background)
    return information_matrix(shares, background=background)
