"""Audits of printed coordinates by the genome's own sequence; pure functions, no files.

Two of the published tables print 0-based and 1-based numbers side by side. What a start or an end
site looks like in the sequence tells which number is which, without any other table.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from genoattn.genome import STRANDS, Genome, encode

__all__ = ["offset_audit", "start_codon_audit", "terminator_audit"]

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
