"""Sequences of many species as one training; arrays, and a folder of two tables and a FASTA file.

A model is trained on one sequence, cut into parts. Here that sequence is laid out of *pieces*,
stretches of genomes with the start sites on them, with unknown nucleotides between. So a training
on many species is a training like any other. Species are held out by lineage: no piece of a
held-out lineage is in the sequence.

Where a species has no whole genome, a piece is made of the windows around its primary start sites,
end to end. Each window is cut short at random on both sides: else the distance to the next seam
would tell where the site is.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.species import PromoterTable
from genoattn.genome.files import AnnotationError, read_table, to_integers, to_strands, writing
from genoattn.genome.formats import read_fasta
from genoattn.genome.sequence import UNKNOWN, Genome, decode, reverse_complement
from genoattn.genome.split import Split

__all__ = [
    "GAP",
    "KINDS",
    "CollectionError",
    "Laid",
    "Piece",
    "genome_piece",
    "lay_out",
    "read_collection",
    "window_pieces",
    "write_collection",
]

GAP = 512  # unknown nucleotides between two pieces: more than any network here looks across
KINDS = ("genome", "windows")
CUT_SHORT = 50  # nt that a window loses at most on each side
WHOLE = (60, 20)  # nt upstream and downstream of a site that show its promoter
_SAME = 10  # nt on both sides that must agree for a site to be the one that a window shows
_PIECE_COLUMNS = ["piece", "species", "lineage", "kind", "part"]


class CollectionError(ValueError):
    """A collection that cannot be used as it stands, or from which nothing is left."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of sequence with all start sites on it.

    Attributes
    ----------
    codes : uint8 array, shape (L,)
    sites : DataFrame
        ``position`` (0-based, along the piece) and ``strand``.
    species, lineage : str
    kind : str
        One of `KINDS`.
    part : str
        'train' or 'validation'.
    """

    codes: NDArray[np.uint8]
    sites: pd.DataFrame
    species: str
    lineage: str
    kind: str
    part: str

    @property
    def name(self) -> str:
        """One word that no other piece of a collection has."""
        words = "".join(c if c.isalnum() or c in ".-" else "_" for c in self.species)
        return f"{words}:{self.kind}:{self.part}"


def genome_piece(
    genome: Genome,
    sites: pd.DataFrame,
    interval: tuple[int, int],
    species: str,
    lineage: str,
    part: str,
) -> Piece:
    """Take a stretch of a genome.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position`` (0-based, forward) and ``strand`` on the whole genome.
    interval : (int, int)
        Half-open, 0-based; ``start > end`` goes round the origin.
    species, lineage, part : str
    """
    start, end = interval
    size = (end - start) % len(genome)
    codes = genome.codes.take(np.arange(start, start + size), mode="wrap")
    position = (sites["position"].to_numpy(np.int64) - start) % len(genome)
    inside = position < size
    on_piece = pd.DataFrame({"position": position, "strand": sites["strand"].to_numpy()})[inside]
    return Piece(codes, on_piece, species, lineage, "genome", part)


def window_pieces(table: PromoterTable, validation: float, seed: int) -> list[Piece]:
    """Lay the windows of a species' table end to end, for training and validation.

    All sites of the table that a window shows are labelled in it, on both strands; a site that an
    earlier window shows whole, with `WHOLE` nt around it, has no window of its own.

    Parameters
    ----------
    table : PromoterTable
    validation : float
        Share of the windows, from one end of the genome, that goes to validation.
    seed : int
        Of where each window is cut short.

    Returns
    -------
    list of Piece
        Of validation, then of training.
    """
    rng = np.random.default_rng(seed)
    position = table.sites["position"].to_numpy(np.int64)
    minus = (table.sites["strand"] == "-").to_numpy()
    count = round(validation * len(table))
    pieces = []
    for part, chosen in (("validation", range(count)), ("train", range(count, len(table)))):
        codes: list[NDArray[np.uint8]] = []
        rows: list[tuple[int, str]] = []
        length = 0
        shown: set[int] = set()
        for i in chosen:
            first, less = (int(cut) for cut in rng.integers(CUT_SHORT, size=2, endpoint=True))
            if i in shown:
                continue
            last = table.windows[i].size - less
            for j, index, strand in _shown(table, i, position, minus):
                if first <= index < last:
                    rows.append((length + index - first, strand))
                    if strand == "+" and first + WHOLE[0] <= index < last - WHOLE[1]:
                        shown.add(j)
            codes.append(table.windows[i][first:last])
            length += codes[-1].size
        if codes:
            sites = pd.DataFrame(sorted(set(rows)), columns=["position", "strand"])
            pieces.append(
                Piece(np.concatenate(codes), sites, table.species, table.lineage, "windows", part)
            )
    return pieces


def _shown(
    table: PromoterTable, i: int, position: NDArray[np.int64], minus: NDArray[np.bool_]
) -> list[tuple[int, int, str]]:
    """Sites of a table in window ``i``: number, index in it, and '+' if on the window's strand.

    A neighbour counts if its own window says so too, as a table may be of several replicons.
    """
    window, centre = table.windows[i], int(table.centres[i])
    reach = window.size
    near = range(
        int(np.searchsorted(position, position[i] - reach)),
        int(np.searchsorted(position, position[i] + reach, side="right")),
    )
    found = []
    for j in near:
        distance = position[j] - position[i]
        index = centre + int(-distance if minus[i] else distance)
        if not 0 <= index < window.size:
            continue
        same = minus[i] == minus[j]
        mine = window if same else reverse_complement(window)
        at = index if same else window.size - 1 - index
        if _agree(mine, at, table.windows[j], int(table.centres[j])):
            found.append((j, index, "+" if same else "-"))
    return found


def _agree(one: NDArray[np.uint8], at: int, other: NDArray[np.uint8], centre: int) -> bool:
    """Say whether two windows are alike around a position of each, as far as both reach."""
    before = min(_SAME, at, centre)
    after = 1 + min(_SAME, one.size - 1 - at, other.size - 1 - centre)
    return bool((one[at - before : at + after] == other[centre - before : centre + after]).all())


# -------------------------------------------------------------------------------------- layout


class Laid(NamedTuple):
    """Pieces as one sequence: what a training takes."""

    genome: Genome
    sites: pd.DataFrame
    split: Split


def lay_out(
    pieces: Iterable[Piece],
    held_out: Sequence[str] = (),
    kinds: Sequence[str] = KINDS,
    name: str = "species",
) -> Laid:
    """Lay pieces end to end, those of validation first, with `GAP` unknown nucleotides between.

    Parameters
    ----------
    pieces : iterable of Piece
    held_out : sequence of str
        Lineages of which nothing is taken.
    kinds : sequence of str
        Kinds of pieces that are taken.
    name : str
        What the sequence is called.

    Returns
    -------
    Laid
        Its test part holds nothing but the first gap; pieces and gaps count as they lie.

    Raises
    ------
    CollectionError
        A lineage that no piece is of, or a part of which nothing is left.
    """
    pieces = list(pieces)
    lineages = sorted({piece.lineage for piece in pieces})
    for lineage in held_out:
        if lineage not in lineages:
            raise CollectionError(
                f"held_out: no species is of {lineage!r}; there are: {', '.join(lineages)}"
            )
    left = [one for one in pieces if one.lineage not in held_out and one.kind in kinds]
    gap = np.full(GAP, UNKNOWN, dtype=np.uint8)
    codes, position, strand = [gap], [], []
    length, ends = GAP, [GAP]
    for part in ("validation", "train"):
        for piece in left:
            if piece.part != part:
                continue
            position.append(piece.sites["position"].to_numpy(np.int64) + length)
            strand.append(piece.sites["strand"].to_numpy(object))
            codes += [piece.codes, gap]
            length += piece.codes.size + GAP
        if length == ends[-1]:
            raise CollectionError(f"no sequence is left for the {part} part; hold out less")
        ends.append(length)
    sites = pd.DataFrame({"position": np.concatenate(position), "strand": np.concatenate(strand)})
    split = Split((0, GAP), (GAP, ends[1]), length)
    return Laid(Genome(name, np.concatenate(codes)), sites, split)


# ----------------------------------------------------------------------------- reading, writing


def write_collection(pieces: Sequence[Piece], folder: str | Path) -> None:
    """Write pieces into a folder: ``pieces.tsv``, ``sites.tsv.gz`` and ``pieces.fa.gz``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    listed = pd.DataFrame(
        [(one.name, one.species, one.lineage, one.kind, one.part) for one in pieces],
        columns=_PIECE_COLUMNS,
    )
    sites = pd.concat([one.sites.assign(piece=one.name) for one in pieces])
    with writing(folder / "pieces.tsv") as partial:
        listed.to_csv(partial, sep="\t", index=False)
    table = sites[["piece", "position", "strand"]].to_csv(sep="\t", index=False)
    fasta = "".join(f">{one.name}\n{decode(one.codes)}\n" for one in pieces)
    for file, text in (("sites.tsv.gz", table), ("pieces.fa.gz", fasta)):
        with writing(folder / file) as partial:
            partial.write_bytes(gzip.compress(text.encode(), mtime=0))


def read_collection(folder: str | Path) -> list[Piece]:
    """Read what `write_collection` has written.

    Raises
    ------
    FileNotFoundError
        A file of the folder is missing.
    AnnotationError, GenomeError
        One that cannot be read.
    CollectionError
        The three files are not of one collection.
    """
    folder = Path(folder)
    listed = read_table(folder / "pieces.tsv", _PIECE_COLUMNS, header=1)
    path = folder / "sites.tsv.gz"
    table = read_table(path, ["piece", "position", "strand"], header=1)
    table["position"] = to_integers(table, "position", path)
    table["strand"] = to_strands(table, "strand", path)
    codes = {one.name: one.codes for one in read_fasta(folder / "pieces.fa.gz", circular=False)}
    if not set(table["piece"]) <= set(listed["piece"]) or set(codes) != set(listed["piece"]):
        raise CollectionError(f"{folder}: its three files are not of one collection; make it anew")
    of_piece = dict(tuple(table.groupby("piece")[["position", "strand"]]))
    pieces = []
    for name, species, lineage, kind, part in listed.itertuples(index=False):
        sites = of_piece.get(name, table[["position", "strand"]].head(0)).reset_index(drop=True)
        if len(sites) and sites["position"].max() >= codes[name].size:
            raise AnnotationError(f"{path}: a site beyond the end of {name}")
        pieces.append(Piece(codes[name], sites, species, lineage, kind, part))
    return pieces
