"""Coordinates held against the genome, and carried to a later assembly; reads files only.

Two of the published tables print 0-based and 1-based numbers side by side. What a start or an end
site looks like in the sequence tells which number is which, without any other table (the audits).

Two assemblies differ by a few indels. Genes that kept their locus tag, strand and length are
*anchors*: each tells the offset (new minus old position) over its whole length. Offsets are
constant between indels, so runs of anchors with one offset are the segments of the liftover, and
each indel lies in the *stretch* between the last anchor of one run and the first of the next. Two
things narrow a stretch: the one gene of changed length that begins with the old offset and ends
with the new one holds the indel; and a mobile element of the new assembly that lies in the stretch
and is as long as the inserted sequence, a short target duplication aside, *is* the insertion, which
leaves only that duplication undecided. A segment of fewer than three anchors cannot be told from
mistaken annotation and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.data.assays import U00096_2_LENGTH, validate_sites
from genoattn.genome.files import AnnotationError, read_table, to_integers, to_strands
from genoattn.genome.formats import read_gff
from genoattn.genome.sequence import STRANDS, Genome, encode

__all__ = [
    "Liftover",
    "lift_sites",
    "offset_audit",
    "read_old_genes",
    "start_codon_audit",
    "terminator_audit",
]


MINIMUM_RUN = 3  # anchors that must agree before their offset counts as a segment
LONGEST_DUPLICATION = 15  # nucleotides of target duplication beside a mobile element


@dataclass(frozen=True)
class Liftover:
    """A map from an old assembly to a new one, constant offsets between stretches.

    Attributes
    ----------
    offsets : tuple of int
        New minus old position in each of the k segments.
    stretches : tuple of (int, int)
        For each of the k - 1 indels the part of the old assembly that it lies in, 0-based
        half-open.
    evidence : tuple of str
        For each indel what narrowed its stretch: ``mobile element``, ``gene`` or ``anchors``.
    n_anchors : tuple of int
        Anchor genes in each segment.
    old_length, new_length : int
        Lengths of the two assemblies in nucleotides.
    """

    offsets: tuple[int, ...]
    stretches: tuple[tuple[int, int], ...]
    evidence: tuple[str, ...]
    n_anchors: tuple[int, ...]
    old_length: int
    new_length: int

    @classmethod
    def from_anchors(
        cls,
        old_gtf: str | Path,
        new_gff: str | Path,
        genome: Genome,
        old_length: int = U00096_2_LENGTH,
    ) -> Liftover:
        """Derive the liftover from the genes of both assemblies.

        Parameters
        ----------
        old_gtf : str or Path
            Genes of the old assembly, see `read_old_genes`.
        new_gff : str or Path
            RefSeq annotation of the new assembly, see `genoattn.genome.formats.read_gff`.
        genome : Genome
            The new assembly.
        old_length : int
            Length of the old assembly in nucleotides.

        Returns
        -------
        Liftover

        Raises
        ------
        ValueError, AnnotationError, GenomeError
            No agreeing anchors, or a file that cannot be read.
        """
        features = read_gff(new_gff, genome)
        return cls.derive(read_old_genes(old_gtf), features, old_length, genome.length)

    @classmethod
    def derive(
        cls, old: pd.DataFrame, new: pd.DataFrame, old_length: int, new_length: int
    ) -> Liftover:
        """Derive the liftover from two tables of genes.

        Parameters
        ----------
        old : pandas.DataFrame
            ``start``, ``end`` (0-based half-open), ``strand``, ``locus_tag``.
        new : pandas.DataFrame
            The same and ``type``: gene, pseudogene and mobile_genetic_element are used.
        old_length, new_length : int
            Lengths of the two assemblies in nucleotides.

        Returns
        -------
        Liftover

        Raises
        ------
        ValueError
            No three neighbouring genes agree on an offset, or the anchors leave no room for an
            indel that they ask for.
        """
        genes = new[new["type"].isin(["gene", "pseudogene"])]
        pairs = old.merge(genes, on=["locus_tag", "strand"], suffixes=("", "_new"))
        pairs = pairs.assign(
            at_start=pairs["start_new"] - pairs["start"], at_end=pairs["end_new"] - pairs["end"]
        ).sort_values("start", ignore_index=True)
        anchors = _agreeing(pairs[pairs["at_start"] == pairs["at_end"]])
        run = (anchors["at_start"] != anchors["at_start"].shift()).cumsum()
        runs = anchors.groupby(run).agg(
            offset=("at_start", "first"),
            first=("start", "min"),
            last=("end", "max"),
            n=("start", "size"),
        )
        rows = [tuple(map(int, row)) for row in runs.itertuples(index=False)]
        stretches, evidence = [], []
        for (left, _, begin, _), (right, end, _, _) in pairwise(rows):
            stretch, found = _narrow((begin, end), left, right, pairs, new)
            if stretch[1] - stretch[0] < max(0, left - right):
                raise ValueError(
                    f"anchors near {begin + 1} (1-based, old assembly) ask for a change of "
                    f"{right - left} nt but leave no room for it; are locus tags mixed up?"
                )
            stretches.append(stretch)
            evidence.append(found)
        return cls(
            offsets=tuple(row[0] for row in rows),
            stretches=tuple(stretches),
            evidence=tuple(evidence),
            n_anchors=tuple(row[3] for row in rows),
            old_length=old_length,
            new_length=new_length,
        )

    @property
    def segments(self) -> pd.DataFrame:
        """Tidy frame, a row a segment.

        ``start``, ``end`` (old assembly, 0-based half-open, stretches left out), ``offset``,
        ``n_anchors``.
        """
        return pd.DataFrame(
            {
                "start": [0, *(end for _, end in self.stretches)],
                "end": [*(start for start, _ in self.stretches), self.old_length],
                "offset": self.offsets,
                "n_anchors": self.n_anchors,
            }
        )

    @property
    def indels(self) -> pd.DataFrame:
        """Tidy frame, a row an indel.

        ``start``, ``end`` of its stretch (old assembly, 0-based half-open), ``change`` (nt
        gained by the new assembly), ``evidence``.
        """
        starts, ends = zip(*self.stretches, strict=True) if self.stretches else ((), ())
        change = np.diff(np.array(self.offsets, dtype=np.int64))
        return pd.DataFrame(
            {"start": starts, "end": ends, "change": change, "evidence": self.evidence}
        )

    def lift(self, positions: Sequence[int] | np.ndarray | pd.Series) -> pd.DataFrame:
        """Carry positions to the new assembly.

        Inside a stretch the indel is taken to lie in the middle, and the position is flagged.
        Where the new assembly lacks nucleotides, the middle ones of the stretch are taken to be
        the lost ones and get no new position.

        Parameters
        ----------
        positions : sequence of int, shape=(n,)
            0-based positions on the old assembly.

        Returns
        -------
        pandas.DataFrame
            In the order given: ``position`` (old), ``lifted`` (Int64, 0-based on the new
            assembly, missing where there is none), ``uncertain`` (bool).

        Raises
        ------
        ValueError
            A position beyond the old assembly.
        """
        old = np.asarray(positions, dtype=np.int64)
        beyond = old[(old < 0) | (old >= self.old_length)]
        if beyond.size:
            raise ValueError(
                f"position {beyond[0]} (0-based) lies beyond the old assembly of "
                f"{self.old_length} nt"
            )
        lifted = old + self.offsets[0]
        lost = np.zeros(old.shape, dtype=bool)
        uncertain = np.zeros(old.shape, dtype=bool)
        for (start, end), left, right in zip(
            self.stretches, self.offsets, self.offsets[1:], strict=False
        ):
            missing = max(0, left - right)
            middle = start + (end - start - missing) // 2
            lifted = np.where(old >= middle + missing, old + right, lifted)
            lost |= (old >= middle) & (old < middle + missing)
            uncertain |= (old >= start) & (old < end)
        lost |= (lifted < 0) | (lifted >= self.new_length)
        uncertain |= self._at_an_open_end(old)
        return pd.DataFrame(
            {
                "position": old,
                "lifted": pd.Series(lifted, dtype="Int64").mask(lost),
                "uncertain": uncertain,
            }
        )

    def _at_an_open_end(self, old: np.ndarray) -> np.ndarray:
        """Flag the outer segments when their offsets do not join the assemblies' ends."""
        segments = self.segments
        head = self.offsets[0] != 0
        tail = self.old_length + self.offsets[-1] != self.new_length
        return (head & (old < segments["end"].iloc[0])) | (
            tail & (old >= segments["start"].iloc[-1])
        )


def read_old_genes(path: str | Path) -> pd.DataFrame:
    """Read the genes of the old assembly.

    Parameters
    ----------
    path : str or Path
        GTF without header, 1-based inclusive; the first ``gene_id`` is the locus tag.

    Returns
    -------
    pandas.DataFrame
        ``start``, ``end`` (0-based half-open), ``strand``, ``locus_tag``.

    Raises
    ------
    AnnotationError
        Another number of columns, a value that is no position or strand, or no ``gene_id``.
    """
    names = ["seqname", "origin", "feature", "start", "end", "score", "strand", "frame", "text"]
    table = read_table(path, names)
    tags = table["text"].str.extract(r'gene_id "([^"]+)"')[0]
    if tags.isna().any():
        raise AnnotationError(f"{path}, line {tags.index[tags.isna()][0]}: no gene_id")
    return pd.DataFrame(
        {
            "start": to_integers(table, "start", path) - 1,
            "end": to_integers(table, "end", path),
            "strand": to_strands(table, "strand", path),
            "locus_tag": tags,
        }
    ).reset_index(drop=True)


def lift_sites(sites: pd.DataFrame, liftover: Liftover) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Carry a sites frame to the new assembly.

    Parameters
    ----------
    sites : pandas.DataFrame
        Sites on the old assembly.
    liftover : Liftover
        From that assembly to the new one.

    Returns
    -------
    lifted : pandas.DataFrame
        Sites on the new assembly, with ``old_position`` and ``uncertain`` (inside an indel's
        stretch) added.
    unlifted : pandas.DataFrame
        The rows of `sites` that have no place on the new assembly.
    """
    carried = liftover.lift(sites["position"])
    found = carried["lifted"].notna().to_numpy()
    lifted = sites[found].assign(
        position=carried["lifted"][found].astype(np.int64).to_numpy(),
        old_position=sites["position"][found],
        uncertain=carried["uncertain"][found].to_numpy(),
    )
    return (
        validate_sites(lifted, liftover.new_length, where="lifted sites"),
        sites[~found].reset_index(drop=True),
    )


def _agreeing(anchors: pd.DataFrame) -> pd.DataFrame:
    """Keep anchors in runs of at least `MINIMUM_RUN` neighbours with one offset."""
    run = (anchors["at_start"] != anchors["at_start"].shift()).cumsum()
    kept = anchors[run.map(run.value_counts()) >= MINIMUM_RUN]
    if kept.empty:
        raise ValueError(
            f"no {MINIMUM_RUN} neighbouring genes of the two annotations agree on an offset; "
            "do both use the same locus tags?"
        )
    return kept


def _narrow(
    stretch: tuple[int, int], left: int, right: int, pairs: pd.DataFrame, new: pd.DataFrame
) -> tuple[tuple[int, int], str]:
    """Narrow an indel's stretch by the gene that holds it or the element that it is."""
    begin, end = stretch
    found = "anchors"
    holders = pairs[
        (pairs["at_start"] == left)
        & (pairs["at_end"] == right)
        & (pairs["start"] < end)
        & (pairs["end"] > begin)
    ]
    if len(holders) == 1:
        begin = max(begin, int(holders["start"].iloc[0]))
        end = min(end, int(holders["end"].iloc[0]))
        found = "gene"
    elements = new[
        (new["type"] == "mobile_genetic_element")
        & (new["start"] >= begin + left)
        & (new["end"] <= end + right)
    ]
    duplication = (right - left) - (elements["end"] - elements["start"])
    elements = elements[duplication.between(0, LONGEST_DUPLICATION)]
    if len(elements) == 1:
        end = int(elements["start"].iloc[0]) - left
        begin = end - int(duplication[elements.index[0]])
        found = "mobile element"
    return (begin, end), found


START_CODONS = ("ATG", "GTG", "TTG")
"""Start codons that bacterial genes use as a rule (genetic code 11 allows a few more)."""


def offset_audit(
    printed: pd.DataFrame, genome: Genome, offsets: Iterable[int] = range(-3, 4)
) -> pd.DataFrame:
    """Ask the genome which offset a table's printed start positions need, strand by strand.

    Each position is read as ``printed + offset``, 1-based. Three measures, none of which uses
    another table: transcription begins with a purine more often than not; a -10 box (TAnnnT)
    stands about 12 nt upstream; and the printed sequence must end at the start site.

    Parameters
    ----------
    printed : pandas.DataFrame
        ``printed``, ``strand`` and, optionally, ``printed_sequence`` (5'->3', ending with the
        start site), as `printed_sendseq` and `printed_smrt` return them.
    genome : Genome
        The assembly that the positions refer to.
    offsets : iterable of int
        What to add to the printed number, in forward coordinates.

    Returns
    -------
    pandas.DataFrame
        A row for each strand and offset: ``n`` (distinct sites; rows beyond the genome's end
        are left out), ``purine`` (share with A or G at +1), ``minus10`` (share with a TAnnnT whose
        first T is at -14..-10) and ``agreement`` (share whose printed sequence equals the
        genome's; NaN without sequences).
    """
    rows = []
    box = np.arange(-14, -9)  # first T of TAnnnT; there is no position 0, so -1 is offset -1
    for strand, offset, sites, position in _shifted(printed, genome, offsets):
        codes = genome.around(position, strand, np.arange(box[0], 1))  # n, 15; last is +1
        first = box - box[0]
        hexamer = (codes[:, first] == 3) & (codes[:, first + 1] == 0) & (codes[:, first + 5] == 3)
        rows.append(
            (
                strand,
                offset,
                len(sites),
                float(np.isin(codes[:, -1], [0, 2]).mean()),
                float(hexamer.any(axis=1).mean()),
                _agreement(sites, genome, strand, position, after=0),
            )
        )
    return pd.DataFrame(rows, columns=["strand", "offset", "n", "purine", "minus10", "agreement"])


def start_codon_audit(
    sites: pd.DataFrame, genome: Genome, offsets: Iterable[int] = range(-3, 4)
) -> pd.DataFrame:
    """Ask the genome whether sites are the first nucleotides of start codons, strand by strand.

    Parameters
    ----------
    sites : pandas.DataFrame
        ``position`` (0-based), ``strand``.
    genome : Genome
        The assembly that the positions refer to.
    offsets : iterable of int
        What to add to the position, in forward coordinates.

    Returns
    -------
    pandas.DataFrame
        A row for each strand and offset: ``n``, and ``start_codon``, the share of the sites at
        which a start codon would begin.
    """
    known = np.stack([encode(codon) for codon in START_CODONS])
    printed = sites.assign(printed=sites["position"] + 1)
    rows = []
    for strand, offset, part, position in _shifted(printed, genome, offsets):
        codons = genome.around(position, strand, np.arange(3))  # n, 3
        share = (codons[:, None] == known).all(axis=2).any(axis=1).mean()
        rows.append((strand, offset, len(part), float(share)))
    return pd.DataFrame(rows, columns=["strand", "offset", "n", "start_codon"])


def terminator_audit(
    printed: pd.DataFrame, genome: Genome, offsets: Iterable[int] = range(-12, 7)
) -> pd.DataFrame:
    """Profile the nucleotides around printed termination sites, strand by strand.

    The U-tract of intrinsic terminators must lie at the same distance from the 3' end on both
    strands; a lag between the two profiles is an error of the coordinates.

    Parameters
    ----------
    printed : pandas.DataFrame
        ``printed`` (read as 1-based), ``strand`` and, optionally, ``printed_sequence`` (5'->3',
        ending 3 nt downstream of the site), as `printed_sendseq_terminators` returns them.
    genome : Genome
        The assembly that the positions refer to.
    offsets : iterable of int
        Distances from the printed position in nucleotides, positive downstream on the site's
        own strand.

    Returns
    -------
    pandas.DataFrame
        A row for each strand and offset: ``n``, ``uracil`` (share of sites with U, that is T in
        the genome, at that distance) and ``agreement`` (share whose printed sequence equals the
        genome's if the site were that far downstream of the printed position).
    """
    rows = []
    for direction, strand in ((1, "+"), (-1, "-")):
        part = printed[printed["strand"] == strand]
        steps = [direction * offset for offset in offsets]
        for _, step, sites, position in _shifted(part, genome, steps):
            uracil = float((genome.around(position, strand, [0]) == 3).mean())
            agreement = _agreement(sites, genome, strand, position, after=3)
            rows.append((strand, direction * step, len(sites), uracil, agreement))
    return pd.DataFrame(rows, columns=["strand", "offset", "n", "uracil", "agreement"])


def _shifted(
    printed: pd.DataFrame, genome: Genome, offsets: Iterable[int]
) -> list[tuple[str, int, pd.DataFrame, np.ndarray]]:
    """List strand, offset, distinct rows on the genome, their 0-based positions with the offset."""
    found = []
    printed = printed.drop_duplicates(["printed", "strand"])
    offsets = list(offsets)
    for strand in STRANDS:
        sites = printed[(printed["strand"] == strand) & (printed["printed"] <= genome.length)]
        for offset in offsets if len(sites) else []:
            found.append((strand, offset, sites, sites["printed"].to_numpy() - 1 + offset))
    return found


def _agreement(
    sites: pd.DataFrame, genome: Genome, strand: str, position: np.ndarray, after: int
) -> float:
    """Share of sites whose printed sequence, ending `after` nt downstream, is the genome's."""
    if "printed_sequence" not in sites:
        return float("nan")
    equal = 0
    for length, rows in sites.groupby(sites["printed_sequence"].str.len()).indices.items():
        text = sites["printed_sequence"].to_numpy()[rows]
        sequence = encode("".join(text)).reshape(len(rows), int(str(length)))
        span = np.arange(sequence.shape[1]) - (sequence.shape[1] - 1) + after
        equal += int((genome.around(position[rows], strand, span) == sequence).all(axis=1).sum())
    return equal / len(sites)
