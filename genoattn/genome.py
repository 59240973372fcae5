"""Genome sequence, strands, gene features and region masks; reads and writes FASTA and GFF files.

Coordinates are 0-based and half-open everywhere inside the package; GFF's 1-based inclusive
coordinates are converted at the reader. Strands are ``'+'`` and ``'-'``; where an array has one
row a strand, row 0 is ``'+'`` and row 1 is ``'-'``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd

from genoattn.files import FileError, read_lines, writing

__all__ = [
    "FEATURE_COLUMNS",
    "LETTERS",
    "STRANDS",
    "UNKNOWN",
    "GeneStarts",
    "Genome",
    "GenomeError",
    "decode",
    "encode",
    "read_fasta",
    "read_gene_starts",
    "read_gff",
    "read_gff_contigs",
    "region_masks",
    "reverse_complement",
    "strand_index",
    "write_fasta",
]

LETTERS = "ACGTN"  # the letter of code 0, 1, 2, 3 and UNKNOWN
UNKNOWN = 4  # the code of every IUPAC ambiguity letter
STRANDS = ("+", "-")  # the order of strand rows

_AMBIGUITY = "RYSWKMBDHVN"
_INVALID = 255
_TOPOLOGY = re.compile(r"\[topology=(circular|linear)\]")
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
FEATURE_COLUMNS = ["start", "end", "strand", "type", "gene", "locus_tag", "pseudo"]


class GenomeError(ValueError):
    """A sequence or annotation file that cannot be used as it stands."""


def _code_table() -> np.ndarray:
    """Map each byte to its nucleotide code, 255 where the byte is no IUPAC DNA letter."""
    table = np.full(256, _INVALID, dtype=np.uint8)
    for code, letter in enumerate("ACGT"):
        table[[ord(letter), ord(letter.lower())]] = code
    for letter in _AMBIGUITY:
        table[[ord(letter), ord(letter.lower())]] = UNKNOWN
    return table


_CODE_OF_BYTE = _code_table()
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
    codes = _CODE_OF_BYTE[np.frombuffer(sequence.encode("utf-8"), dtype=np.uint8)]
    if (codes == _INVALID).any():
        letter = next(c for c in sequence if ord(c) > 255 or _CODE_OF_BYTE[ord(c)] == _INVALID)
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


def read_fasta(path: str | Path, circular: bool = True) -> list[Genome]:
    """Read every sequence of a FASTA file.

    Parameters
    ----------
    path : str or Path
        Plain or gzip-compressed (``.gz``) FASTA; either case.
    circular : bool
        Whether its sequences are circular, where a header does not say so itself by
        ``[topology=circular]`` or ``[topology=linear]`` (NCBI's FASTA modifier).

    Returns
    -------
    list of Genome
        In file order, at least one.

    Raises
    ------
    FileNotFoundError
        No such file.
    GenomeError
        Truncated or empty file, a header without a name or without sequence, a repeated name,
        or a letter outside the IUPAC DNA alphabet; names the file and the line.
    """
    try:
        lines = read_lines(path, encoding="latin-1")
    except FileError as error:
        raise GenomeError(str(error)) from error
    headers = [i for i, line in enumerate(lines) if line.startswith(">")]
    first_text = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first_text is None:
        raise GenomeError(f"{path}: empty; a FASTA file with at least one sequence is needed")
    if not headers or first_text != headers[0]:
        raise GenomeError(f"{path}, line {first_text + 1}: a FASTA file begins with a '>' header")
    genomes: list[Genome] = []
    for begin, end in zip(headers, [*headers[1:], len(lines)], strict=True):
        words = lines[begin][1:].split()
        if not words:
            raise GenomeError(f"{path}, line {begin + 1}: header without a name")
        if any(genome.name == words[0] for genome in genomes):
            raise GenomeError(f"{path}, line {begin + 1}: a second sequence named {words[0]}")
        text = "".join(lines[begin + 1 : end])
        codes = _CODE_OF_BYTE[np.frombuffer(text.encode("latin-1"), dtype=np.uint8)]
        if (codes == _INVALID).any():
            codes = _encode_lines(path, lines, begin + 1, end)
        if codes.size == 0:
            raise GenomeError(f"{path}, line {begin + 1}: {words[0]} has no sequence")
        stated = _TOPOLOGY.search(lines[begin])
        round_ = stated[1] == "circular" if stated else circular
        genomes.append(Genome(words[0], codes, round_))
    return genomes


def _encode_lines(path: str | Path, lines: list[str], begin: int, end: int) -> np.ndarray:
    """Encode lines one by one, white space removed, so that a wrong letter's line is known."""
    parts = [np.empty(0, dtype=np.uint8)]
    for i in range(begin, end):
        try:
            parts.append(encode("".join(lines[i].split())))
        except GenomeError as error:
            raise GenomeError(f"{path}, line {i + 1}: {error}") from error
    return np.concatenate(parts)


def write_fasta(genome: Genome | Sequence[Genome], path: str | Path, width: int = 80) -> None:
    """Write one or several genomes as FASTA, `width` letters a line; whole or not at all."""
    genomes = [genome] if isinstance(genome, Genome) else list(genome)
    with writing(path) as temporary, temporary.open("w", encoding="ascii") as file:
        for one in genomes:
            topology = "circular" if one.circular else "linear"
            file.write(f">{one.name} [topology={topology}]\n")
            sequence = one.sequence
            for start in range(0, len(sequence), width):
                file.write(sequence[start : start + width] + "\n")


def read_gff(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read the stranded features of a GFF3 file.

    The row of the whole replicon (``region``) and rows without a strand (``.`` or ``?``) are
    left out. Reading stops at a ``##FASTA`` section.

    Parameters
    ----------
    path : str or Path
        Plain or gzip-compressed GFF3; 1-based inclusive coordinates, as GFF3 prescribes.
    genome : Genome
        The replicon that the features belong to.

    Returns
    -------
    pandas.DataFrame
        One row a feature, sorted by start, end, strand and type: ``start``, ``end`` (0-based
        half-open), ``strand``, ``type`` (gene, CDS, pseudogene, tRNA, ...), ``gene`` and
        ``locus_tag`` (empty text where the file has none) and ``pseudo`` (the row is a
        pseudogene or a part of one).

    Raises
    ------
    FileNotFoundError
        No such file.
    GenomeError
        Fewer than nine columns, coordinates that are not whole numbers or lie beyond the
        genome, another accession, an unknown strand, or no feature at all; names the line.
    """
    return read_gff_contigs(path, [genome]).drop(columns="contig")


def read_gff_contigs(path: str | Path, genomes: Sequence[Genome]) -> pd.DataFrame:
    """Read the stranded features of a GFF3 file that annotates several contigs.

    Parameters
    ----------
    path : str or Path
        Plain or gzip-compressed GFF3.
    genomes : sequence of Genome
        All sequences that the file may name; it need not name them all.

    Returns
    -------
    pandas.DataFrame
        As of `read_gff`, with the first column ``contig``; sorted by contig, in the order given.

    Raises
    ------
    FileNotFoundError, GenomeError
        As of `read_gff`.
    """
    frames = []
    rows = _gff_rows(path, genomes)
    for genome in genomes:
        columns: list[tuple[str, int, int, str, str, str, str, bool]] = [
            (
                genome.name,
                row.start,
                row.end,
                row.strand,
                row.kind,
                row.attributes.get("gene", ""),
                row.attributes.get("locus_tag", ""),
                row.pseudo,
            )
            for row in rows
            if row.contig == genome.name
        ]
        frame = pd.DataFrame(columns, columns=["contig", *FEATURE_COLUMNS])
        frames.append(frame.sort_values(["start", "end", "strand", "type"], kind="stable"))
    types = {"start": np.int64, "end": np.int64, "pseudo": np.bool_}
    return pd.concat(frames, ignore_index=True).astype(types)


class GeneStarts(NamedTuple):
    """Where the features of one type begin, and what was left out.

    Attributes
    ----------
    sites : pandas.DataFrame
        ``position`` (0-based, first nucleotide on its strand), ``strand``; distinct, sorted.
    n_features : int
        Features of the type, several rows of one ``ID`` counted once.
    n_pseudo, n_partial : int
        Features left out: pseudogenes, and those whose 5' end is not known.
    """

    sites: pd.DataFrame
    n_features: int
    n_pseudo: int
    n_partial: int


def read_gene_starts(path: str | Path, genome: Genome, kind: str = "CDS") -> GeneStarts:
    """First nucleotides of all features of a type: translation initiation sites, for ``CDS``.

    A feature of several rows (GFF3 gives them one ``ID``: joined exons, programmed frameshifts)
    begins once, at its 5'-most nucleotide. Alternative starts of a gene are features of their own.

    Parameters
    ----------
    path : str or Path
        Plain or gzip-compressed GFF3.
    genome : Genome
        The replicon that the features belong to.
    kind : str
        Type of the features (column 3).

    Returns
    -------
    GeneStarts

    Raises
    ------
    FileNotFoundError, GenomeError
        As of `read_gff`, or no feature of the type has a known start.
    """
    rows = _gff_rows(path, [genome])
    found: dict[tuple[str, str], list[_GffRow]] = {}
    for number, row in enumerate(rows):
        if row.kind == kind:
            key = row.attributes.get("ID") or f"row {number}"
            found.setdefault((key, row.strand), []).append(row)
    if not found:
        kinds = ", ".join(sorted({row.kind for row in rows}))
        raise GenomeError(f"{path}: no feature of the type {kind!r}; there are: {kinds}")
    places: set[tuple[int, str]] = set()
    n_pseudo = n_partial = 0
    for (_, strand), parts in found.items():
        first = min(parts, key=lambda p: p.start) if strand == "+" else max(parts, key=_row_end)
        if any(part.pseudo for part in parts):
            n_pseudo += 1
        elif ("start_range" if strand == "+" else "end_range") in first.attributes:
            n_partial += 1
        else:
            places.add((first.start if strand == "+" else first.end - 1, strand))
    if not places:
        raise GenomeError(
            f"{path}: no start of a {kind} is known: of {len(found)}, {n_pseudo} are pseudogenes "
            f"and {n_partial} partial"
        )
    sites = pd.DataFrame(sorted(places), columns=["position", "strand"])
    return GeneStarts(sites.astype({"position": np.int64}), len(found), n_pseudo, n_partial)


class _GffRow(NamedTuple):
    """One stranded feature; ``start``, ``end`` 0-based half-open."""

    contig: str
    start: int
    end: int
    strand: str
    kind: str
    attributes: dict[str, str]

    @property
    def pseudo(self) -> bool:
        return self.kind == "pseudogene" or self.attributes.get("pseudo") == "true"


def _row_end(row: _GffRow) -> int:
    return row.end


def _gff_rows(path: str | Path, genomes: Sequence[Genome]) -> list[_GffRow]:
    """Read all stranded features of these sequences, in the file's order; at least one."""
    try:
        lines = read_lines(path)
    except FileError as error:
        raise GenomeError(str(error)) from error
    by_name = {genome.name: genome for genome in genomes}
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("##FASTA"):
            break
        if not line.strip() or line.startswith("#"):
            continue
        row = _gff_row(f"{path}, line {number}", line, by_name)
        if row is not None:
            rows.append(row)
    if not rows:
        names = _some(list(by_name))
        raise GenomeError(f"{path}: no stranded feature of {names} in this file")
    return rows


def _some(names: Sequence[str]) -> str:
    """Name a few of many."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _gff_row(where: str, line: str, genomes: Mapping[str, Genome]) -> _GffRow | None:
    """Parse one feature line; None for a row that is not a stranded feature."""
    fields = line.split("\t")
    if len(fields) != 9:
        raise GenomeError(f"{where}: {len(fields)} columns where GFF3 has nine, tab-separated")
    accession, _, kind, first, last, _, strand, _, text = fields
    if accession not in genomes:
        raise GenomeError(
            f"{where}: feature of {accession}, but the genome is {_some(list(genomes))}; "
            "use the annotation of the same accession and version"
        )
    genome = genomes[accession]
    if not (first.isdigit() and last.isdigit()):
        raise GenomeError(f"{where}: start {first!r} and end {last!r} must be whole numbers")
    start, end = int(first) - 1, int(last)
    if not 0 <= start < end <= genome.length:
        raise GenomeError(
            f"{where}: feature {first}..{last} is not within 1..{genome.length} of {genome.name}"
        )
    if kind == "region" or strand in {".", "?"}:
        return None
    if strand not in STRANDS:
        raise GenomeError(f"{where}: unknown strand {strand!r}; use '+' or '-'")
    pairs = (item.split("=", 1) for item in text.strip().split(";") if "=" in item)
    attributes = {name: unquote(value) for name, value in pairs}
    return _GffRow(accession, start, end, strand, kind, attributes)


def region_masks(
    features: pd.DataFrame, operons: pd.DataFrame, length: int
) -> dict[str, np.ndarray]:
    """Mark the classes of regions that the output is compared over.

    Source: paper, "The output probabilities of the model reflect a correlation between sense
    and antisense" (regions with and without a coding sequence on either strand, non-coding
    sequences within operons, coding sequences of pseudogenes).

    Parameters
    ----------
    features : pandas.DataFrame
        As `read_gff` returns them.
    operons : pandas.DataFrame
        ``start``, ``end`` (0-based half-open, first to last gene) and ``strand``.
    length : int
        Length of the genome in nucleotides.

    Returns
    -------
    dict of str to numpy.ndarray of bool
        ``coding_either``, shape=(L,): a CDS on either strand, pseudogenes' CDS included.
        ``noncoding_both``, shape=(L,): no CDS on either strand (the complement).
        ``operon_gap``, shape=(2, L): inside an operon of that strand and in no gene, of protein
        or RNA, on either strand.
        ``pseudogene``, shape=(2, L): in a pseudogene of that strand.
    """
    coding = _mask(features[features["type"] == "CDS"], length)
    genes = _mask(features[features["type"].isin(["gene", "pseudogene", "CDS"])], length)
    pseudogenes = _mask(features[features["type"] == "pseudogene"], length)
    coding_either = np.logical_or(coding[0], coding[1])
    return {
        "coding_either": coding_either,
        "noncoding_both": ~coding_either,
        "operon_gap": _mask(operons, length) & ~np.logical_or(genes[0], genes[1]),
        "pseudogene": pseudogenes,
    }


def _mask(intervals: pd.DataFrame, length: int) -> np.ndarray:
    """Mark positions inside any interval of a strand; bool, shape=(2, L)."""
    edges = np.zeros((2, length + 1), dtype=np.int64)
    rows = np.asarray(_is_minus(intervals["strand"].to_numpy()), dtype=np.int64)
    np.add.at(edges, (rows, intervals["start"].to_numpy(np.int64)), 1)
    np.add.at(edges, (rows, intervals["end"].to_numpy(np.int64)), -1)
    return edges[:, :length].cumsum(axis=1) > 0
