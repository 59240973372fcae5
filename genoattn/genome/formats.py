"""Sequences, genes and gene starts read from FASTA and GFF files; sequences written.

GFF's 1-based inclusive coordinates are converted here to the 0-based, half-open ones that are used
everywhere inside the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd

from genoattn.genome.files import FileError, read_lines, writing
from genoattn.genome.sequence import (
    CODE_OF_BYTE,
    INVALID,
    STRANDS,
    UNKNOWN,
    Genome,
    GenomeError,
    encode,
)

__all__ = [
    "FEATURE_COLUMNS",
    "FeatureRow",
    "GeneStarts",
    "circular_in_gff",
    "feature_table",
    "gene_starts_of",
    "gff_rows",
    "parse_fasta",
    "read_fasta",
    "read_gene_starts",
    "read_gff",
    "read_gff_contigs",
    "sequence_lines",
    "write_fasta",
]


_TOPOLOGY = re.compile(r"\[topology=(?:circular|linear)\]|\bcircular=(?:true|false)\b", re.I)
FEATURE_COLUMNS = ["start", "end", "strand", "type", "gene", "locus_tag", "pseudo"]


def read_fasta(path: str | Path, circular: bool = True) -> list[Genome]:
    """Read every sequence of a FASTA file.

    Parameters
    ----------
    path : str or Path
        FASTA, plain or compressed (`genoattn.genome.files.read_lines`); either case. U is read as
        T, and X, which marks masked stretches, as N.
    circular : bool
        Whether its sequences are circular, where a header does not say so itself by
        ``[topology=circular]`` or ``[topology=linear]`` (NCBI's FASTA modifier) or by
        ``circular=true`` or ``circular=false`` (assemblers).

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
    return parse_fasta(path, sequence_lines(path), circular)


def sequence_lines(path: str | Path) -> list[str]:
    """Lines of a file of sequences, in whatever encoding; a GenomeError if it is not text."""
    try:
        return read_lines(path, encoding="latin-1")
    except FileError as error:
        raise GenomeError(str(error)) from error


def parse_fasta(path: str | Path, lines: list[str], circular: bool) -> list[Genome]:
    """Sequences in the lines of a FASTA file, whose path is for messages; see `read_fasta`."""
    headers = [i for i, line in enumerate(lines) if line.startswith(">")]
    first = next((i for i, line in enumerate(lines) if line.strip() and line[0] != ";"), None)
    if first is None:
        raise GenomeError(f"{path}: empty; a FASTA file with at least one sequence is needed")
    if not headers or first != headers[0]:
        raise GenomeError(f"{path}, line {first + 1}: {_no_header(lines[first])}")
    genomes: dict[str, Genome] = {}
    for begin, end in zip(headers, [*headers[1:], len(lines)], strict=True):
        where = f"{path}, line {begin + 1}"
        words = _as_utf8(lines[begin][1:]).split()
        if not words:
            raise GenomeError(f"{where}: header without a name")
        name = words[0]
        if name in genomes:
            raise GenomeError(f"{where}: a second sequence named {name}")
        codes = _encoded(path, lines, begin + 1, end)
        if codes.size == 0:
            raise GenomeError(f"{where}: {name} has no sequence")
        stated = _TOPOLOGY.search(lines[begin])
        round_ = stated[0].lower().endswith(("circular]", "true")) if stated else circular
        genomes[name] = Genome(name, codes, round_)
    return list(genomes.values())


def _no_header(line: str) -> str:
    """Say what a file is that does not begin as FASTA does."""
    kinds = {"@": "FASTQ", "LOCUS": "GenBank", "ID   ": "EMBL", "##gff": "GFF", "#NEXUS": "NEXUS"}
    kind = next((name for start, name in kinds.items() if line.startswith(start)), None)
    begins = "a FASTA file begins with a '>' header"
    return f"this looks like {kind}; {begins}" if kind else begins


def _as_utf8(line: str) -> str:
    """Read a line that was decoded byte by byte as UTF-8, where it is that."""
    try:
        return line.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return line


def _encoded(path: str | Path, lines: list[str], begin: int, end: int) -> np.ndarray:
    """Encode the lines of one sequence; a wrong letter, or a protein, is an error with its line."""
    text = "".join(lines[begin:end])
    codes = CODE_OF_BYTE[np.frombuffer(text.encode("latin-1"), dtype=np.uint8)]
    if (codes == INVALID).any():  # white space, comments, or a letter that is none
        codes = _encode_lines(path, lines, begin, end)
    unknown = int((codes == UNKNOWN).sum())
    if 2 * unknown > codes.size and codes.size >= 20:
        masked = sum(text.count(letter) for letter in "NnXx")
        if 2 * (unknown - masked) > codes.size:
            raise GenomeError(
                f"{path}, line {begin + 1}: more than half of the letters are ambiguity codes; is "
                "this a protein? Give nucleotides"
            )
    return codes


def _encode_lines(path: str | Path, lines: list[str], begin: int, end: int) -> np.ndarray:
    """Encode lines one by one, white space removed, so that a wrong letter's line is known."""
    parts = [np.empty(0, dtype=np.uint8)]
    for i in range(begin, end):
        if lines[i].startswith(";"):
            continue
        try:
            parts.append(encode("".join(lines[i].split())))
        except GenomeError as error:
            raise GenomeError(f"{path}, line {i + 1}: {error}") from error
    return np.concatenate(parts)


def write_fasta(genome: Genome | Sequence[Genome], path: str | Path, width: int = 80) -> None:
    """Write one or several genomes as FASTA, `width` letters a line; whole or not at all."""
    genomes = [genome] if isinstance(genome, Genome) else list(genome)
    with writing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for one in genomes:
            topology = "circular" if one.circular else "linear"
            file.write(f">{one.name} [topology={topology}]\n")
            sequence = one.sequence
            for start in range(0, len(sequence), width):
                file.write(sequence[start : start + width] + "\n")


def read_gff(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read the stranded features of a GFF3 or GTF file.

    The row of the whole replicon (``region``) and rows without a strand (``.`` or ``?``) are
    left out. Reading stops at the sequence that some tools append (``##FASTA`` or a ``>`` line).

    Parameters
    ----------
    path : str or Path
        Plain or compressed GFF3 or GTF; 1-based inclusive coordinates, as both prescribe. A
        feature across the origin of a circular replicon ends beyond its length, or stands in two
        rows of one ``ID``.
    genome : Genome
        The replicon that the features belong to.

    Returns
    -------
    pandas.DataFrame
        One row a feature, sorted by start, end, strand and type: ``start``, ``end`` (0-based
        half-open; beyond the genome's length where a feature crosses the origin), ``strand``,
        ``type`` (gene, CDS, pseudogene, tRNA, ...), ``gene`` and ``locus_tag`` (empty text where
        the file has none) and ``pseudo`` (the row is a pseudogene or a part of one).

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
    """Read the stranded features of a GFF3 or GTF file that annotates several contigs.

    Parameters
    ----------
    path : str or Path
        As for `read_gff`.
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
    return feature_table(gff_rows(path, genomes), genomes)


def feature_table(rows: list[FeatureRow], genomes: Sequence[Genome]) -> pd.DataFrame:
    """Put features into a table, those across an origin in one row; see `read_gff_contigs`."""
    rows = _whole(rows, genomes)
    order = {genome.name: number for number, genome in enumerate(genomes)}
    table = pd.DataFrame(
        [
            (
                order[row.contig], row.contig, row.start, row.end, row.strand, row.kind,
                row.gene, row.locus_tag, row.pseudo,
            )
            for row in rows
        ],
        columns=["order", "contig", *FEATURE_COLUMNS],
    )  # fmt: skip
    by = ["order", "start", "end", "strand", "type"]
    table = table.sort_values(by, kind="stable", ignore_index=True).drop(columns="order")
    return table.astype({"start": np.int64, "end": np.int64, "pseudo": np.bool_})


def circular_in_gff(path: str | Path) -> set[str]:
    """Names of the sequences that an annotation calls circular (``Is_circular=true``).

    RefSeq says it in a row of the type ``region``, Ensembl in one of ``chromosome``.
    """
    found = set()
    for _, line in _feature_lines(path):
        fields = line.rstrip("\t").split("\t")
        if len(fields) != 9 or "is_circular" not in fields[8].lower():
            continue
        said = {name.lower(): value.lower() for name, value in _attributes(fields[8]).items()}
        if said.get("is_circular") == "true":
            found.add(unquote(fields[0]))
    return found


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

    A feature of several rows (GFF3 gives them one ``ID``: joined exons, programmed frameshifts,
    the two sides of the origin) begins once, at its 5'-most nucleotide. Alternative starts of a
    gene are features of their own. Left out are pseudogenes, and features whose beginning is not
    known, however a tool says so: a range for an end (RefSeq), ``<`` or ``>`` before a coordinate
    (GenBank), ``partial=10`` (Prodigal), ``truncated`` (Bakta), a first codon that begins
    before the feature (column 8), or ``partial=true`` that does not say of which end.

    Parameters
    ----------
    path : str or Path
        As for `read_gff`.
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
    return gene_starts_of(path, gff_rows(path, [genome]), genome, kind)


def gene_starts_of(
    path: str | Path, rows: list[FeatureRow], genome: Genome, kind: str = "CDS"
) -> GeneStarts:
    """First nucleotides of features of a file (for messages); see `read_gene_starts`."""
    rows = _whole(rows, [genome])
    found = _features([row for row in _unrolled(rows, genome) if row.kind == kind])
    if not found:
        kinds = ", ".join(sorted({row.kind for row in rows}))
        raise GenomeError(f"{path}: no feature of the type {kind!r}; there are: {kinds}")
    places: set[tuple[int, str]] = set()
    n_pseudo = n_partial = 0
    for parts in found:
        first = parts[0] if parts[0].strand == "+" else parts[-1]
        if any(part.pseudo for part in parts):
            n_pseudo += 1
        elif first.beginning_unknown:
            n_partial += 1
        else:
            begins = first.start if first.strand == "+" else first.end - 1
            places.add((begins % genome.length, first.strand))
    if not places:
        raise GenomeError(
            f"{path}: no start of a {kind} is known: of {len(found)}, {n_pseudo} are pseudogenes "
            f"and {n_partial} partial"
        )
    sites = pd.DataFrame(sorted(places), columns=["position", "strand"])
    return GeneStarts(sites.astype({"position": np.int64}), len(found), n_pseudo, n_partial)


_NO = {"false", "no", "0", "none", "n"}
_PSEUDO = ("pseudo", "pseudogene", "is_pseudo", "is_pseudogene")
"""Attributes that say of what they belong to that it is a pseudogene, unless it is `_NO`."""


@dataclass(frozen=True)
class FeatureRow:
    """One stranded feature; ``start``, ``end`` 0-based half-open."""

    contig: str
    start: int
    end: int
    strand: str
    kind: str
    frame: str
    attributes: dict[str, str]
    open_left: bool = False
    open_right: bool = False

    @property
    def gene(self) -> str:
        """The gene's name."""
        return self.attributes.get("gene") or self.attributes.get("gene_name", "")

    @property
    def locus_tag(self) -> str:
        """The gene's name in this annotation alone."""
        return self.attributes.get("locus_tag") or self.attributes.get("gene_id", "")

    @property
    def identity(self) -> tuple[str, ...]:
        """What rows of one feature have in common; empty where the file does not say."""
        feature = self.attributes.get("ID") or self.attributes.get("transcript_id")
        if self.kind == "CDS":  # several tools give its rows no ID
            feature = feature or self.attributes.get("Parent")
        return () if not feature else (self.kind, self.strand, feature, self.locus_tag)

    @property
    def parents(self) -> tuple[str, ...]:
        """``ID`` of what it is a part of."""
        return tuple(filter(None, self.attributes.get("Parent", "").split(",")))

    @property
    def pseudo(self) -> bool:
        """Whether it is a pseudogene, or a part of one, in any tool's spelling."""
        said = {name.lower(): value.strip().lower() for name, value in self.attributes.items()}
        return (
            self.kind.lower().startswith("pseudogen")
            or any(said.get(name, "false") not in _NO for name in _PSEUDO)
            or any(
                dead in value
                for name, value in said.items()
                if name.endswith(("biotype", "gene_type", "transcript_type"))  # the last: GENCODE
                for dead in ("pseudogen", "nontranslating")  # Ensembl's two words
            )
        )

    @property
    def beginning_unknown(self) -> bool:
        """Whether its 5' end lies beyond what is annotated, or may do so."""
        said = {name.lower(): value.strip().lower() for name, value in self.attributes.items()}
        left = self.open_left or "start_range" in said
        right = self.open_right or "end_range" in said
        partial = said.get("partial", "false")
        if re.fullmatch("[01]{2}", partial):  # Prodigal: its left and its right edge
            left, right = left or partial[0] == "1", right or partial[1] == "1"
        elif partial not in _NO and not (left or right):
            return True
        truncated = said.get("truncated", "")
        five = self.frame in {"1", "2"} or truncated.startswith(("5", "both", "true"))
        return five or (left if self.strand == "+" else right)


_LONGEST_GAP = 5_000
"""Rows of one ``ID`` that are farther apart, in nt, are features of their own."""
_SEAM = 3
"""Nucleotides at an origin that a programmed frameshift may leave out."""


def _features(rows: Sequence[FeatureRow]) -> list[list[FeatureRow]]:
    """Put the rows of one feature together, by start; a repeated ``ID`` elsewhere is another."""
    found: dict[tuple[str, ...], list[list[FeatureRow]]] = {}
    for number, row in enumerate(sorted(rows, key=lambda row: row.start)):
        groups = found.setdefault(row.identity or (f"row {number}",), [])
        near = groups and row.start - groups[-1][-1].end <= _LONGEST_GAP
        if near:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [parts for groups in found.values() for parts in groups]


def _whole(rows: list[FeatureRow], genomes: Sequence[Genome]) -> list[FeatureRow]:
    """Features as they are meant: those of a pseudogene marked, those across an origin joined."""
    return _joined_at_the_origin(_with_genes(rows), genomes)


def _with_genes(rows: list[FeatureRow]) -> list[FeatureRow]:
    """Pass on to its parts that a gene is a pseudogene: by ``Parent``, or by their locus tag."""
    parents = {row.attributes["ID"]: row.parents for row in rows if "ID" in row.attributes}
    dead = {row.attributes["ID"] for row in rows if row.pseudo and "ID" in row.attributes}
    genes = {
        (row.contig, row.locus_tag)
        for row in rows
        if row.pseudo and row.locus_tag and row.kind in ("gene", "pseudogene")
    }

    def of_dead(row: FeatureRow) -> bool:
        if row.locus_tag and (row.contig, row.locus_tag) in genes:
            return True
        waiting, seen = list(row.parents), set[str]()
        while waiting:
            one = waiting.pop()
            if one in dead:
                return True
            if one not in seen:
                seen.add(one)
                waiting += parents.get(one, ())
        return False

    return [
        replace(row, attributes={**row.attributes, "pseudo": "true"})
        if not row.pseudo and of_dead(row)
        else row
        for row in rows
    ]


def _joined_at_the_origin(rows: list[FeatureRow], genomes: Sequence[Genome]) -> list[FeatureRow]:
    """Make one row of two that meet at the origin of a circular replicon and are one feature."""
    length = {genome.name: genome.length for genome in genomes if genome.circular}
    first: dict[tuple[str, ...], FeatureRow] = {}
    last: dict[tuple[str, ...], FeatureRow] = {}
    for row in rows:
        size, key = length.get(row.contig), _at_origin(row)
        if size is None or not key:
            continue
        if row.start <= _SEAM and (key not in first or row.start < first[key].start):
            first[key] = row
        if size - _SEAM <= row.end <= size and (key not in last or row.end > last[key].end):
            last[key] = row
    pairs = {
        id(last[key]): first[key] for key in last if first.get(key, last[key]) is not last[key]
    }
    gone = {id(after) for after in pairs.values()}
    return [_across(row, pairs.get(id(row)), length) for row in rows if id(row) not in gone]


def _across(row: FeatureRow, after: FeatureRow | None, length: Mapping[str, int]) -> FeatureRow:
    """Let a row before the origin go on as the one after it."""
    if after is None:
        return row
    open_right = row.open_right or after.open_right
    return replace(row, end=length[row.contig] + after.end, open_right=open_right)


def _at_origin(row: FeatureRow) -> tuple[str, ...]:
    """What two rows that meet at an origin have in common if they are one; empty if not known."""
    same = row.identity or ((row.kind, row.strand, row.locus_tag) if row.locus_tag else ())
    return (row.contig, *same) if same else ()


def _unrolled(rows: list[FeatureRow], genome: Genome) -> list[FeatureRow]:
    """Count on beyond the length what of a feature across the origin lies in rows behind it."""
    across = {row.identity: row for row in rows if row.identity and row.end > genome.length}
    return [
        replace(row, start=row.start + genome.length, end=row.end + genome.length)
        if (one := across.get(row.identity)) is not None
        and row is not one
        and row.start + genome.length - one.end < one.start - row.end
        else row
        for row in rows
    ]


def _feature_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Lines of features with their number, up to the sequence that may follow them."""
    try:
        lines = read_lines(path, fallback="cp1252")
    except FileError as error:
        raise GenomeError(str(error)) from error
    for number, line in enumerate(lines, start=1):
        if line.startswith(">") or re.fullmatch(r"##FASTA\s*", line):
            return
        if line.strip() and not line.startswith("#"):
            yield number, line


def gff_rows(path: str | Path, genomes: Sequence[Genome]) -> list[FeatureRow]:
    """Read all stranded features of these sequences, in the file's order; at least one."""
    by_name = {genome.name: genome for genome in genomes}
    rows = []
    for number, line in _feature_lines(path):
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


_KINDS = {kind.lower(): kind for kind in ("CDS", "gene", "pseudogene", "tRNA", "rRNA", "ncRNA")}


def _gff_row(where: str, line: str, genomes: Mapping[str, Genome]) -> FeatureRow | None:
    """Parse one feature line; None for a row that is not a stranded feature."""
    fields = line.rstrip("\t").split("\t")
    if len(fields) != 9:
        raise GenomeError(f"{where}: {len(fields)} columns where GFF3 has nine, tab-separated")
    accession, _, kind, first, last, _, strand, frame, text = fields
    if accession not in genomes and unquote(accession) in genomes:
        accession = unquote(accession)
    if accession not in genomes:
        raise GenomeError(
            f"{where}: feature of {accession}, but the genome is {_some(list(genomes))}; "
            "use the annotation of the same accession and version"
        )
    start, end = _coordinates(where, first, last, genomes[accession])
    if kind == "region" or strand in {".", "?"}:
        return None
    if strand not in STRANDS:
        raise GenomeError(f"{where}: unknown strand {strand!r}; use '+' or '-'")
    kind = _KINDS.get(kind.lower(), kind)
    open_left, open_right = first.startswith("<"), last.startswith(">")
    return FeatureRow(
        accession, start, end, strand, kind, frame, _attributes(text), open_left, open_right
    )


def _coordinates(where: str, first: str, last: str, genome: Genome) -> tuple[int, int]:
    """0-based half-open coordinates; the end may pass the origin of a circular replicon."""
    numbers = [re.fullmatch("[<>]?([0-9]{1,18})", text) for text in (first, last)]
    if numbers[0] is None or numbers[1] is None:
        raise GenomeError(f"{where}: start {first!r} and end {last!r} must be whole numbers")
    start, end = int(numbers[0][1]) - 1, int(numbers[1][1])
    length = genome.length
    if 0 <= start < end <= length or (genome.circular and start < length < end <= start + length):
        return start, end
    remedy = ""
    if start < length < end <= start + length:
        remedy = (
            "; if the sequence is circular, say so: [topology=circular] in its FASTA header, "
            "or the parameter circular"
        )
    elif 0 <= end <= start < length:
        remedy = "; a feature across the origin ends beyond the length in GFF3"
    raise GenomeError(
        f"{where}: feature {first}..{last} is not within 1..{length} of {genome.name}{remedy}"
    )


_GTF_PAIR = re.compile(r'\s*(\w+)\s+(?:"([^"]*)"|([^;"\s]+))\s*(?:;|$)')


def _attributes(text: str) -> dict[str, str]:
    """Column 9 of GFF3 (``ID=c1;gene=a``) or GTF (``gene_id "c1"; gene "a"``)."""
    text = text.strip()
    if text.startswith('"') and text.endswith('"') and text.count('"') == 2:
        text = text[1:-1]  # a spreadsheet's quotes
    if _GTF_PAIR.match(text):
        pairs = [(one[1], one[2] or one[3] or "") for one in _GTF_PAIR.finditer(text)]
    else:
        items = (item.partition("=") for item in text.split(";"))
        pairs = [
            (name.strip(), unquote(value))
            for name, given, value in items
            if given or name.strip().lower() in {*_PSEUDO, "partial"}  # GenBank's flags
        ]
    return {name: _CONTROL.sub(" ", value) for name, value in pairs}


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
