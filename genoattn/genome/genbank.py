"""Sequences read from GenBank files, plain or compressed; Biopython parses the records."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from genoattn.genome.files import FileError, read_lines
from genoattn.genome.sequence import Genome, GenomeError, encode

__all__ = ["read_genbank"]


def read_genbank(path: str | Path) -> list[Genome]:
    """Read every sequence of a GenBank file.

    Parameters
    ----------
    path : str or Path
        GenBank flat file (.gb, .gbk, .gbff), plain or compressed.

    Returns
    -------
    list of Genome
        In file order, at least one, named by accession and version; circular where the record
        says so.

    Raises
    ------
    FileNotFoundError
        No such file.
    GenomeError
        No GenBank record, or one without its sequence; names the file and the record.
    """
    from Bio import BiopythonParserWarning, SeqIO
    from Bio.Seq import UndefinedSequenceError

    try:
        text = "\n".join(read_lines(path)) + "\n"
    except FileError as error:
        raise GenomeError(str(error)) from error
    genomes = []
    try:
        # many assemblers write a LOCUS line that is not by the book, and that is read all the same
        with warnings.catch_warnings(action="ignore", category=BiopythonParserWarning):
            for record in SeqIO.parse(io.StringIO(text), "genbank"):  # type: ignore[no-untyped-call]
                circular = record.annotations.get("topology") == "circular"
                genomes.append(Genome(record.id, encode(str(record.seq)), circular))
    except UndefinedSequenceError as error:
        raise GenomeError(f"{path}: {record.id} has no sequence; get the full record") from error
    except (GenomeError, ValueError) as error:
        raise GenomeError(f"{path}: not a whole GenBank file ({error})") from error
    if not genomes:
        raise GenomeError(f"{path}: no GenBank record; it should begin with 'LOCUS'")
    return genomes
