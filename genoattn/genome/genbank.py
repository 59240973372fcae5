"""GenBank files, and sequences and annotations whose kind is told by their content.

A GenBank file (``.gb``, ``.gbk``, ``.gbff``, plain or compressed) holds sequences with their
annotation. It is read by Biopython, and its features then pass through the same rules as those of
GFF (`genoattn.genome.formats`): pseudogenes, unknown ends, genes across the origin.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from genoattn.genome.formats import (
    FeatureRow,
    feature_table,
    parse_fasta,
    read_gff_contigs,
    sequence_lines,
)
from genoattn.genome.sequence import Genome, GenomeError, encode

if TYPE_CHECKING:
    from Bio.SeqFeature import SeqFeature, SimpleLocation
    from Bio.SeqRecord import SeqRecord

__all__ = [
    "GenBank",
    "is_genbank",
    "parse_genbank",
    "parse_sequences",
    "read_annotation",
    "read_genbank",
    "read_sequences",
]


_NO_FEATURE = {"source", "gap", "assembly_gap"}
_NO_NAME = {"", ".", "<unknown id>"}
_CUT_OFF = ("Premature end", "Expected sequence length")
"""How Biopython's warnings begin when a file is not whole."""


class GenBank(NamedTuple):
    """What a GenBank file holds."""

    genomes: list[Genome]
    features: list[FeatureRow]


def is_genbank(path: str | Path) -> bool:
    """Whether a file begins as GenBank does, whatever its name; a pipe, read once, is not asked.

    Raises
    ------
    GenomeError
        Not a file of text.
    """
    return Path(path).is_file() and _begins_as_genbank(sequence_lines(path))


def _begins_as_genbank(lines: Iterable[str]) -> bool:
    return next((line for line in lines if line.strip()), "").startswith("LOCUS ")


def read_sequences(path: str | Path, circular: bool = True) -> list[Genome]:
    """Read every sequence of a FASTA or a GenBank file.

    Parameters
    ----------
    path : str or Path
    circular : bool
        Whether sequences of FASTA are circular where their header says nothing
        (`genoattn.genome.formats.read_fasta`); GenBank always says.

    Raises
    ------
    FileNotFoundError, GenomeError
        As of `read_fasta` and `read_genbank`.
    """
    return parse_sequences(path, sequence_lines(path), circular)


def parse_sequences(path: str | Path, lines: list[str], circular: bool) -> list[Genome]:
    """Sequences in the lines of a file, whose path is for messages; see `read_sequences`."""
    if _begins_as_genbank(lines):
        return parse_genbank(path, lines).genomes
    return parse_fasta(path, lines, circular)


def read_annotation(path: str | Path, genomes: Sequence[Genome]) -> pd.DataFrame:
    """Read the stranded features of several contigs from GFF3, GTF or GenBank.

    Parameters
    ----------
    path : str or Path
    genomes : sequence of Genome
        All sequences that the file may name.

    Returns
    -------
    pandas.DataFrame
        As of `genoattn.genome.formats.read_gff_contigs`.

    Raises
    ------
    FileNotFoundError, GenomeError
        As of `read_gff_contigs` and `read_genbank`, or a sequence that is not the given one.
    """
    if not is_genbank(path):
        return read_gff_contigs(path, genomes)
    found = read_genbank(path)
    known = {one.name: one for one in genomes}
    for one in found.genomes:
        if one.name not in known or not np.array_equal(one.codes, known[one.name].codes):
            what = "another sequence" if one.name in known else "no sequence"
            raise GenomeError(
                f"{path}: the sequences to annotate have {what} of the name {one.name}; use "
                "sequences and annotation of the same accession and version"
            )
    if not found.features:
        raise GenomeError(f"{path}: no stranded feature in this file")
    return feature_table(found.features, genomes)


def read_genbank(path: str | Path) -> GenBank:
    """Read sequences and features of a GenBank file of one or several records.

    Parameters
    ----------
    path : str or Path
        Plain or compressed. A record's name is its accession with its version, or that of its
        ``LOCUS`` line where it has none; the same line says whether it is circular.

    Returns
    -------
    GenBank
        In the file's order. Features without a strand, gaps and ``source`` are left out.

    Raises
    ------
    FileNotFoundError
        No such file.
    GenomeError
        Not a whole GenBank file, a record without a sequence, a repeated name, or a feature beyond
        its sequence; names the file and the record.
    """
    return parse_genbank(path, sequence_lines(path))


def parse_genbank(path: str | Path, lines: list[str]) -> GenBank:
    """Sequences and features in the lines of a file; see `read_genbank`."""
    genomes: dict[str, Genome] = {}
    features: list[FeatureRow] = []
    for record in _records(path, lines):
        genome = _genome(path, record)
        if genome.name in genomes:
            raise GenomeError(f"{path}: a second record named {genome.name}")
        genomes[genome.name] = genome
        for number, feature in enumerate(record.features):
            if feature.type not in _NO_FEATURE:
                features += _rows(path, genome, feature, number)
    if not genomes:
        raise GenomeError(f"{path}: no whole record; a GenBank file is needed (LOCUS ... //)")
    return GenBank(list(genomes.values()), features)


def _records(path: str | Path, lines: list[str]) -> list[SeqRecord]:
    """Let Biopython read all records; whatever it stumbles over is one sentence."""
    from Bio import SeqIO

    done = 0
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        records = []
        try:
            for record in SeqIO.parse(StringIO("\n".join([*lines, ""])), "genbank"):
                records.append(record)
                done += 1
        except Exception as error:  # Biopython has no error of its own for files that are none
            reason = " ".join(str(error).split())[:80] or "not as GenBank prescribes"
            raise GenomeError(f"{path}: record {done + 1} cannot be read: {reason}") from error
    for one in said:
        if str(one.message).startswith(_CUT_OFF):
            raise GenomeError(
                f"{path}: the file may be cut off ({str(one.message).rstrip('.')}); fetch it again"
            )
    return records


def _genome(path: str | Path, record: SeqRecord) -> Genome:
    """Sequence of a record."""
    from Bio.Seq import UndefinedSequenceError

    name = str(record.name if record.id in _NO_NAME else record.id)
    try:
        codes = encode(str(record.seq))
    except UndefinedSequenceError:
        codes = encode("")
    except GenomeError as error:
        raise GenomeError(f"{path}: record {name}: {error}") from error
    if not codes.size:
        raise GenomeError(
            f"{path}: record {name} has no sequence; fetch it in full (GenBank with ORIGIN)"
        )
    try:
        return Genome(name, codes, circular=record.annotations.get("topology") == "circular")
    except GenomeError as error:
        raise GenomeError(f"{path}: {error}") from error


def _rows(path: str | Path, genome: Genome, feature: SeqFeature, number: int) -> list[FeatureRow]:
    """Parts of a feature, each a row as GFF would have it."""
    if feature.location is None:
        raise GenomeError(
            f"{path}: record {genome.name}: a {feature.type} whose place cannot be read"
        )
    said = {name: " ".join(str(value[0]).split()) for name, value in feature.qualifiers.items()}
    first_codon = said.get("codon_start", "1")
    frame = str(int(first_codon) - 1) if first_codon in {"1", "2", "3"} else "."
    attributes = {**said, "ID": f"{feature.type}-{number}"}
    if attributes.get("pseudo") == "":
        attributes["pseudo"] = "true"
    return [
        _row(path, genome, feature.type, part, frame, attributes)
        for part in feature.location.parts
        if part.strand in (1, -1) and part.ref is None
    ]


def _row(
    path: str | Path,
    genome: Genome,
    kind: str,
    part: SimpleLocation,
    frame: str,
    attributes: dict[str, str],
) -> FeatureRow:
    """One stretch of a feature, checked."""
    from Bio.SeqFeature import AfterPosition, BeforePosition, UnknownPosition

    where = f"{path}: record {genome.name}: {kind}"
    if isinstance(part.start, UnknownPosition) or isinstance(part.end, UnknownPosition):
        raise GenomeError(f"{where} {part}: its place is not known")
    start, end = int(part.start), int(part.end)
    if not 0 <= start < end <= len(genome):
        raise GenomeError(f"{where} {start + 1}..{end} is not within 1..{len(genome)}")
    return FeatureRow(
        genome.name,
        start,
        end,
        "+" if part.strand == 1 else "-",
        kind,
        frame,
        attributes,
        isinstance(part.start, BeforePosition),
        isinstance(part.end, AfterPosition),
    )
