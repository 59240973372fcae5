"""A genome's sequence and its strands, as codes; touches arrays alone.

Coordinates are 0-based and half-open everywhere inside the package. Strands are ``'+'`` and
``'-'``; where an array has one row a strand, row 0 is ``'+'`` and row 1 is ``'-'``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genoattn.genome.files import FileError

__all__ = [
    "CODE_OF_BYTE",
    "INVALID",
    "LETTERS",
    "STRANDS",
    "UNKNOWN",
    "Genome",
    "GenomeError",
    "decode",
    "encode",
    "reverse_complement",
    "strand_index",
    "strand_row",
]


LETTERS = "ACGTN"  # the letter of code 0, 1, 2, 3 and UNKNOWN
UNKNOWN = 4  # the code of every IUPAC ambiguity letter
STRANDS = ("+", "-")  # the order of strand rows

_AMBIGUITY = "RYSWKMBDHVN"
INVALID = 255
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


class GenomeError(FileError):
    """A sequence or annotation file that cannot be used as it stands."""


def _code_table() -> np.ndarray:
    """Map each byte to its nucleotide code, 255 where the byte is no IUPAC DNA letter."""
    table = np.full(256, INVALID, dtype=np.uint8)
    for code, letter in enumerate("ACGT"):
        table[[ord(letter), ord(letter.lower())]] = code
    table[[ord("U"), ord("u")]] = 3  # RNA
    for letter in _AMBIGUITY + "X":
        table[[ord(letter), ord(letter.lower())]] = UNKNOWN
    return table


CODE_OF_BYTE = _code_table()
_BYTE_OF_CODE = np.frombuffer(LETTERS.encode(), dtype=np.uint8)


def encode(sequence: str) -> np.ndarray:
    """Turn letters into codes.

    Parameters
    ----------
    sequence : str
        IUPAC DNA letters, either case.

    Returns
    -------
    numpy.ndarray, uint8, shape=(len(sequence),)
        A, C, G, T as 0, 1, 2, 3; ambiguity letters as `UNKNOWN` (4).

    Raises
    ------
    GenomeError
        A letter is not an IUPAC DNA letter.
    """
    codes = CODE_OF_BYTE[np.frombuffer(sequence.encode("utf-8"), dtype=np.uint8)]
    if (codes == INVALID).any():
        letter = next(c for c in sequence if ord(c) > 255 or CODE_OF_BYTE[ord(c)] == INVALID)
        raise GenomeError(f"{letter!r} is not an IUPAC DNA letter (ACGT{_AMBIGUITY})")
    return codes


def decode(codes: np.ndarray) -> str:
    """Turn codes, shape=(n,), back into upper-case letters; `UNKNOWN` becomes ``N``."""
    return _BYTE_OF_CODE[codes].tobytes().decode("ascii")


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Read codes on the opposite strand.

    Parameters
    ----------
    codes : numpy.ndarray, uint8, shape=(..., L)
        Nucleotide codes along the last axis.

    Returns
    -------
    numpy.ndarray, uint8, shape=(..., L)
        The complement of each code, in reversed order; `UNKNOWN` stays `UNKNOWN`.
    """
    return _COMPLEMENT[codes[..., ::-1]]


def strand_index(position: Any, strand: Any, length: int) -> Any:
    """Convert a forward position into the index along a strand read 5'->3'.

    The conversion is its own inverse.

    Parameters
    ----------
    position : int or array of int, shape=(n,)
        0-based forward coordinate (or index along the strand, to go back).
    strand : str or array of str, shape=(n,)
        ``'+'`` or ``'-'``.
    length : int
        Length of the genome in nucleotides.

    Returns
    -------
    int or array of int
        The same number on ``'+'``, ``length - 1 - position`` on ``'-'``.

    Raises
    ------
    GenomeError
        A strand other than ``'+'`` and ``'-'``.
    """
    minus = _is_minus(strand)
    if np.ndim(minus) == 0 and np.ndim(position) == 0:
        return length - 1 - position if minus else position
    position = np.asarray(position)
    return np.where(minus, length - 1 - position, position)


def strand_row(strand: Any) -> np.ndarray:
    """Row of each strand in an array of both (`STRANDS`), int64 of the same shape.

    Raises
    ------
    GenomeError
        A strand other than ``'+'`` and ``'-'``.
    """
    return np.asarray(_is_minus(strand)).astype(np.int64)


def _is_minus(strand: Any) -> Any:
    """Say where `strand` is minus; raise GenomeError for any symbol but + and -."""
    symbols = np.asarray(strand, dtype=object)
    minus = symbols == "-"
    wrong = ~(minus | (symbols == "+"))
    if np.any(wrong):
        raise GenomeError(
            f"unknown strand {np.atleast_1d(symbols)[np.atleast_1d(wrong)][0]!r}; use '+' or '-'"
        )
    return bool(minus) if np.ndim(symbols) == 0 else minus


@dataclass(frozen=True, eq=False)
class Genome:
    """One replicon.

    Attributes
    ----------
    name : str
        Accession: the first word of its FASTA header.
    codes : numpy.ndarray, uint8, shape=(L,)
        Forward strand, A, C, G, T as 0, 1, 2, 3 and `UNKNOWN` (4) for any other IUPAC letter;
        read-only.
    circular : bool
        Whether the last nucleotide is followed by the first.

    Raises
    ------
    GenomeError
        No name, no nucleotides, or codes of another type, shape or range.
    """

    name: str
    codes: np.ndarray
    circular: bool = True

    def __post_init__(self) -> None:
        codes = np.asarray(self.codes)
        if not self.name or any(c.isspace() for c in self.name):
            raise GenomeError(f"genome name {self.name!r} must be one word")
        if codes.ndim != 1 or codes.size == 0:
            raise GenomeError(f"genome {self.name}: codes must be one row of at least one code")
        if codes.dtype != np.uint8 or codes.max() > UNKNOWN:
            raise GenomeError(f"genome {self.name}: codes must be uint8 from 0 to {UNKNOWN}")
        codes = codes.copy()
        codes.flags.writeable = False
        object.__setattr__(self, "codes", codes)

    def __len__(self) -> int:
        return int(self.codes.size)

    @property
    def length(self) -> int:
        """Number of nucleotides on one strand."""
        return len(self)

    @property
    def sequence(self) -> str:
        """Forward strand as upper-case letters, ``N`` for unknown."""
        return decode(self.codes)

    def strand(self, strand: str) -> np.ndarray:
        """Codes of one strand read 5'->3', uint8, shape=(L,): ``'-'`` is the reverse complement."""
        return reverse_complement(self.codes) if _is_minus(strand) else self.codes

    def around(self, positions: Any, strands: Any, offsets: Any) -> np.ndarray:
        """Read nucleotides at given distances from sites, along each site's own strand.

        Parameters
        ----------
        positions : array of int, shape=(n,)
            0-based forward coordinates of the sites.
        strands : str or array of str, shape=(n,)
            ``'+'`` or ``'-'``.
        offsets : array of int, shape=(k,)
            Distances in nucleotides, positive downstream; 0 is the site itself.

        Returns
        -------
        numpy.ndarray, uint8, shape=(n, k)
            Codes as read 5'->3' on the site's strand. Beyond the end of a linear genome:
            `UNKNOWN`; a circular genome wraps round.
        """
        minus = np.broadcast_to(_is_minus(strands), np.shape(positions))[:, None]  # n, 1
        forward = np.asarray(positions)[:, None] + np.where(minus, -1, 1) * np.asarray(offsets)
        codes = self.codes[forward % self.length]  # n, k
        codes = np.where(minus, _COMPLEMENT[codes], codes)
        if not self.circular:
            codes[(forward < 0) | (forward >= self.length)] = UNKNOWN
        return codes
