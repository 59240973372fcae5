"""Start sites of many species, and their audit; reads one archive of tables, genomes and BED files.

The archive has a table a species: primary start sites with the sequence around them (Kuo et al.
2025, doi:10.1101/2025.01.23.634641). Whole sets of start sites come with the PromoTech collection
(Chevez-Guardado and Pena-Castillo 2021, doi:10.1186/s13059-021-02514-9).

Most transcripts of bacteria begin with a purine. A table whose sites do not is shifted, or counts
something else than first nucleotides; such tables are set apart by a rule, not by hand.
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.files import AnnotationError, FileError, read_lines
from genoattn.genome.genbank import read_sequences
from genoattn.genome.sequence import STRANDS, UNKNOWN, Genome, encode

__all__ = [
    "ARCHIVE",
    "AUDITED_OFFSETS",
    "PURINE_SHARE",
    "WHOLE_GENOMES",
    "PromoterTable",
    "WholeGenome",
    "in_common",
    "is_bed",
    "purine_shares",
    "read_promoter_tables",
    "read_start_bed",
    "read_whole_genome",
    "why_apart",
]

ARCHIVE = "promoters_49_species.tar.gz"  # the tables of 49 species, packed
PURINE_SHARE = 0.6  # least share of purines at the sites of a table that is used
AUDITED_OFFSETS = tuple(range(-3, 4))  # in nt, positive downstream
_WHOLE = re.compile("[0-9]{1,18}")
_LIST = "Genome_List.csv"
_BOX = 6  # nt of a −10 element
_UPSTREAM = ("UP", "Minus35", "Spacer", "Minus10", "Dis")
_COLUMNS = ("TSS_coordinate", "Direction", *_UPSTREAM, "Start", "ITR")
_MISPRINTED = {"Streptococcus pyrogenes S119": "Streptococcus pyogenes S119"}
"""Names of tables that the archive's own list spells otherwise."""


@dataclass(frozen=True, eq=False)
class PromoterTable:
    """Primary start sites of one species, each with the sequence around it.

    Attributes
    ----------
    species, lineage, accession, method : str
        As the archive's list of genomes says.
    gc : float
        GC content of the genome, 0 to 1.
    sites : DataFrame
        ``position`` (0-based, forward) and ``strand``; sorted, without repeats. Positions count
        along their own replicon, which the archive does not name.
    windows : tuple of uint8 array
        Codes of the site's strand around each site, 5'->3'.
    centres : int array, shape (n,)
        Index of the site in its window.
    boxes : uint8 array, shape (n, 6)
        Codes of the −10 element that the archive's authors aligned.
    """

    species: str
    lineage: str
    accession: str
    method: str
    gc: float
    sites: pd.DataFrame
    windows: tuple[NDArray[np.uint8], ...]
    centres: NDArray[np.int64]
    boxes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.sites)

    def around(self, offsets: Sequence[int]) -> NDArray[np.uint8]:
        """Codes at offsets (nt, positive downstream) from the sites, shape (n, k).

        What lies beyond a window is `UNKNOWN`.
        """
        codes = np.full((len(self), len(offsets)), UNKNOWN, dtype=np.uint8)
        for i, (window, centre) in enumerate(zip(self.windows, self.centres, strict=True)):
            index = centre + np.asarray(offsets)
            inside = (index >= 0) & (index < window.size)
            codes[i, inside] = window[index[inside]]
        return codes


def read_promoter_tables(archive: str | Path) -> list[PromoterTable]:
    """Read the tables of all species.

    Parameters
    ----------
    archive : str or Path
        `ARCHIVE`, or a folder that has it, or one that has its tables.

    Returns
    -------
    list of PromoterTable
        By species.

    Raises
    ------
    FileNotFoundError
        No such file.
    AnnotationError
        No such archive, a table of a species that its list does not have, or a row that cannot be
        read; names the table and the line.
    """
    archive = Path(archive)
    if (archive / ARCHIVE).is_file():
        archive = archive / ARCHIVE
    if not archive.exists():
        raise FileNotFoundError(f"{archive}: no such file")
    try:
        texts = dict(_members(archive))
    except FileNotFoundError:
        raise
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{archive}: not an archive of tables ({error})") from error
    if _LIST not in texts:
        raise AnnotationError(f"{archive}: no {_LIST}, which says what each table is")
    listed = {row["Species"]: row for row in csv.DictReader(io.StringIO(texts.pop(_LIST)))}
    tables = []
    for name, text in sorted(texts.items()):
        stem = name.removesuffix(".tsv")
        species = _MISPRINTED.get(stem, stem)
        if species not in listed:
            raise AnnotationError(f"{archive}: {name} is of a species that is not in {_LIST}")
        tables.append(_table(f"{archive}: {name}", text, listed[species]))
    return tables


def _members(archive: Path) -> Iterator[tuple[str, str]]:
    """Name and text of every table of an archive or a folder, and of the list."""
    if archive.is_dir():
        if not (archive / _LIST).exists():
            raise FileNotFoundError(f"{archive / ARCHIVE}: no such file")
        for file in (*sorted(archive.glob("*.tsv")), archive / _LIST):
            if file.is_file():
                yield file.name, file.read_text("utf-8-sig")
        return
    with tarfile.open(archive) as opened:
        for member in opened:
            packed = opened.extractfile(member)
            if packed is not None:
                yield Path(member.name).name, packed.read().decode("utf-8-sig")


def _table(where: str, text: str, listed: dict[str, str]) -> PromoterTable:
    """Make a species' table of its text."""
    rows: dict[tuple[int, str], tuple[NDArray[np.uint8], int, NDArray[np.uint8]]] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(text), delimiter="\t"), start=2):
        if missing := [column for column in _COLUMNS if row.get(column) is None]:
            raise AnnotationError(f"{where}, line {number}: column {missing[0]!r} is missing")
        site, strand = row["TSS_coordinate"], row["Direction"]
        if not _WHOLE.fullmatch(site) or int(site) < 1 or strand not in STRANDS:
            raise AnnotationError(
                f"{where}, line {number}: a site at {site!r}, strand {strand!r}; a 1-based "
                "position and '+' or '-' are needed"
            )
        if len(row["Start"]) != 3:
            raise AnnotationError(
                f"{where}, line {number}: Start must be 3 nt, with the site inside"
            )
        upstream = _before_start(row)
        codes = encode(upstream + row["Start"] + row["ITR"])
        if len(row["Minus10"]) != _BOX:
            raise AnnotationError(f"{where}, line {number}: Minus10 must be {_BOX} nt")
        rows.setdefault((int(site) - 1, strand), (codes, len(upstream) + 1, encode(row["Minus10"])))
    if not rows:
        raise AnnotationError(f"{where}: no rows")
    keys = sorted(rows)
    return PromoterTable(
        listed["Species"],
        listed["Lineage"],
        listed["Genome accession"],
        listed["Detection method"],
        float(listed["GC content (%)"]),
        pd.DataFrame(keys, columns=["position", "strand"]),
        tuple(rows[key][0] for key in keys),
        np.array([rows[key][1] for key in keys], dtype=np.int64),
        np.stack([rows[key][2] for key in keys]),
    )


def _before_start(row: dict[str, str]) -> str:
    """Join what lies upstream of the three start nucleotides.

    A discriminator of ``*`` says that these overlap the last nucleotide of the −10 element.
    """
    upstream = "".join(row[column] for column in _UPSTREAM)
    return upstream[:-2] if row["Dis"] == "*" else upstream


# ------------------------------------------------------------------------------- whole genomes


class WholeGenome(NamedTuple):
    """A genome with the whole set of its start sites: where its files are, and what it is."""

    species: str
    lineage: str
    sequence: str
    sites: str


WHOLE_GENOMES = (
    WholeGenome(
        "Helicobacter pylori 26695",
        "Campylobacterota",
        "NC_000915.1.gb.gz",
        "promotech_HPYLORI.bed",
    ),
    WholeGenome(
        "Campylobacter jejuni NCTC11168",
        "Campylobacterota",
        "promotech_CJEJUNI_2.fasta.gz",
        "promotech_CJEJUNI_2.bed",
    ),
    WholeGenome(
        "Streptococcus pyogenes S119",
        "Firmicutes",
        "promotech_SPYOGENE.fasta.gz",
        "promotech_SPYOGENE.bed",
    ),
    WholeGenome(
        "Chlamydia pneumoniae CWL029",
        "Chlamydiota",
        "NC_000922.1.gb.gz",
        "promotech_CPNEUMONIAE.bed",
    ),
)


def read_whole_genome(whole: WholeGenome, folder: str | Path) -> tuple[Genome, pd.DataFrame]:
    """Read a genome and the start sites on it (columns position, strand).

    Raises
    ------
    FileNotFoundError
        One of the two files is not in the folder, neither packed nor plain.
    GenomeError, AnnotationError
        One that cannot be read, or sites that are not of this genome.
    """
    path = Path(folder) / whole.sequence
    plain = path.with_suffix("")  # as its authors have it
    if not path.exists() and plain.is_file():
        path = plain
    genome = read_sequences(path)[0]
    return genome, read_start_bed(Path(folder) / whole.sites, genome)


def is_bed(path: str | Path) -> bool:
    """Whether the first line that is no comment has places where BED has them, whatever its name.

    Raises
    ------
    FileNotFoundError, AnnotationError
        As of `read_start_bed`.
    """
    fields = next(_bed_rows(path), (0, [""]))[1]
    return len(fields) > 2 and all(_WHOLE.fullmatch(field.strip()) for field in fields[1:3])


def _bed_rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Fields of the lines of a BED file, with the line's number."""
    try:
        lines = read_lines(path)
    except FileError as error:
        raise AnnotationError(str(error)) from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith(("#", "track", "browser")):
            yield number, line.split("\t")


def read_start_bed(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read start sites from a BED file of single nucleotides.

    Parameters
    ----------
    path : str or Path
        Six columns: sequence, start, end (0-based, half-open), name, score, strand.
    genome : Genome

    Returns
    -------
    DataFrame
        ``position`` (0-based, forward) and ``strand``, sorted, without repeats.

    Raises
    ------
    FileNotFoundError
        No such file.
    AnnotationError
        Another genome, an interval that is not one nucleotide of it, or a strand that is none;
        names the line.
    """
    rows: set[tuple[int, str]] = set()
    for number, fields in _bed_rows(path):
        if len(fields) < 6:
            raise AnnotationError(f"{path}, line {number}: six columns are needed")
        sequence, start, end, _, _, strand = (field.strip() for field in fields[:6])
        if sequence != genome.name:
            raise AnnotationError(
                f"{path}, line {number}: a site on {sequence}; the genome is {genome.name}"
            )
        whole = _WHOLE.fullmatch(start) and _WHOLE.fullmatch(end)
        if not (whole and int(end) == int(start) + 1):
            raise AnnotationError(
                f"{path}, line {number}: {start}-{end} is not a single nucleotide"
            )
        if int(end) > len(genome) or strand not in STRANDS:
            raise AnnotationError(
                f"{path}, line {number}: {start} on strand {strand!r} is not on the "
                f"{len(genome):,} nt of {genome.name}"
            )
        rows.add((int(start), strand))
    if not rows:
        raise AnnotationError(f"{path}: no rows")
    return pd.DataFrame(sorted(rows), columns=["position", "strand"])


# --------------------------------------------------------------------------------------- audit


def purine_shares(around: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of purines at each offset from the sites, unknown nucleotides left out.

    Parameters
    ----------
    around : uint8 array, shape (n, k)
        Codes around n sites, 5'->3' on their strands, as `Genome.around` and
        `PromoterTable.around` read them.

    Returns
    -------
    float array, shape (k,)
    """
    purine = np.isin(around, (0, 2)).sum(axis=0)
    known = (around != UNKNOWN).sum(axis=0)
    return np.asarray(purine / np.maximum(known, 1))


def in_common(boxes: NDArray[np.uint8], others: NDArray[np.uint8]) -> float:
    """How much two sets of −10 elements have in common, 0 to 1.

    At each place, the share of letters that the two distributions have in common (one minus their
    total variation distance); the mean over places.

    Parameters
    ----------
    boxes, others : uint8 arrays, shapes (n, 6) and (m, 6)
        `PromoterTable.boxes` of two species.
    """
    one, other = (
        np.stack([(set_ == letter).mean(axis=0) for letter in range(4)]) for set_ in (boxes, others)
    )
    return float(np.minimum(one, other).sum(axis=0).mean())


def why_apart(shares: NDArray[np.float64]) -> str | None:
    """Say why a table is set apart, by its share of purines at each of `AUDITED_OFFSETS`.

    A table is used if at least `PURINE_SHARE` of its sites are purines, and no other offset has
    more of them.

    Returns
    -------
    str or None
        The reason, as the end of a sentence; None if the table is used.
    """
    at_site = shares[AUDITED_OFFSETS.index(0)]
    best = AUDITED_OFFSETS[int(np.argmax(shares))]
    if at_site >= PURINE_SHARE and at_site >= shares.max():
        return None
    if shares.max() >= PURINE_SHARE:
        return (
            f"{at_site:.0%} of its sites are purines, and {shares.max():.0%} of the nucleotides at "
            f"{best:+d}: it may be shifted"
        )
    return f"{at_site:.0%} of its sites are purines, at least {PURINE_SHARE:.0%} should be"
