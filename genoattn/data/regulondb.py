"""RegulonDB's tables: start sites, terminators, operons, binding sites, promoters; reads files.

Binding sites and promoters with their sigma factor are of release 13 (Salgado et al. 2024,
doi:10.1093/nar/gkad1072), on NC_000913.3, with 1-based positions; frames here are 0-based and
half-open, as everywhere inside the package. Both print the sequence beside the position, so each
row is held against the genome: rows that disagree, or that have no position, are left out. (Of the
sites whose printed sequence is as long as their interval all agree, on both strands, with no
correction; so do all promoters but one.)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.data.assays import distinct, joined
from genoattn.genome.files import AnnotationError, read_table, to_integers, to_strands
from genoattn.genome.sequence import Genome, encode

__all__ = [
    "read_binding_sites",
    "read_promoters",
    "read_regulondb",
    "read_regulondb_operons",
    "read_regulondb_terminators",
]


_UPSTREAM = 60  # nucleotides that a promoter's printed sequence begins before its start site


def read_binding_sites(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read the binding sites of transcription factors (RISet).

    A site that regulates several promoters is listed several times; it counts once for each
    factor. Interactions of small RNAs and of compounds are left out.

    Parameters
    ----------
    path : str or Path
        The table; its site sequence prints the site in capitals between two flanks.
    genome : Genome
        NC_000913.3.

    Returns
    -------
    pandas.DataFrame
        ``regulator``, ``start``, ``end``, ``strand``; sorted by start, end and regulator.

    Raises
    ------
    AnnotationError
        A column is missing, a value is no position or strand, or no site agrees with the genome.
    """
    left, right = "tfrsLeftEndPosition", "tfrsRightEndPosition"
    columns = ["riType", "regulatorName", left, right, "strand", "tfrsSequence"]
    table = read_table(path, columns, header=1)
    table = table[table["riType"].str.startswith("tf-") & (table[left] != "")]
    strand = to_strands(table, "strand", path)
    start = _whole(table, left, path) - 1
    end = _whole(table, right, path)
    capitals = table["tfrsSequence"].str.replace(r"[^ACGT]", "", regex=True)
    agrees = _agrees(genome, start, end, strand, capitals)
    if not agrees.any():
        raise AnnotationError(f"{path}: no site's printed sequence is that of {genome.name}")
    sites = pd.DataFrame(
        {"regulator": table["regulatorName"], "start": start, "end": end, "strand": strand}
    )[agrees]
    keys = ["start", "end", "regulator"]
    return sites.drop_duplicates(keys).sort_values(keys, kind="stable", ignore_index=True)


def read_promoters(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read the promoters whose sigma factor is known (PromoterSet).

    Parameters
    ----------
    path : str or Path
        The table; its sequence runs from 60 nt before the start site to 20 nt after it.
    genome : Genome
        NC_000913.3.

    Returns
    -------
    pandas.DataFrame
        ``position`` (of the start site), ``strand``, ``sigma``; distinct, sorted by position.

    Raises
    ------
    AnnotationError
        A column is missing, a value is no position or strand, or no promoter agrees with the
        genome.
    """
    columns = ["strand", "posTSS", "sigmaFactor", "sequence"]
    table = read_table(path, columns, header=1)
    table = table[(table["posTSS"] != "") & (table["sigmaFactor"] != "")]
    strand = to_strands(table, "strand", path)
    position = _whole(table, "posTSS", path) - 1
    printed = table["sequence"].str.upper()
    plus = strand == "+"
    after = printed.str.len() - _UPSTREAM  # the start site and what follows it
    start = position - np.where(plus, _UPSTREAM, after - 1)
    agrees = _agrees(genome, start, start + printed.str.len(), strand, printed)
    if not agrees.any():
        raise AnnotationError(f"{path}: no promoter's printed sequence is that of {genome.name}")
    promoters = pd.DataFrame(
        {"position": position, "strand": strand, "sigma": table["sigmaFactor"]}
    )
    keys = ["position", "strand", "sigma"]
    return promoters[agrees].drop_duplicates(keys).sort_values(keys, ignore_index=True)


def _whole(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Positions printed as ``123.0``, as whole numbers."""
    plain = table.assign(**{column: table[column].str.replace(r"\.0$", "", regex=True)})
    return to_integers(plain, column, path)


def _agrees(
    genome: Genome, start: pd.Series, end: pd.Series, strand: pd.Series, printed: pd.Series
) -> np.ndarray:
    """Whether each printed sequence is as long as its interval and is the genome's there."""
    agrees = np.zeros(len(printed), dtype=bool)
    size = printed.str.len()
    fits = ((size == end - start) & (size > 0)).to_numpy()
    first = np.where(strand == "+", start, end - 1)  # forward position of the 5' end
    for length, rows in printed[fits].groupby(size[fits]).groups.items():
        index = printed.index.get_indexer(rows)
        codes = encode("".join(printed.iloc[index])).reshape(len(index), -1)
        there = genome.around(first[index], strand.to_numpy()[index], np.arange(int(str(length))))
        agrees[index] = (there == codes).all(axis=1)
    return agrees


# Start sites


def read_regulondb(
    path: str | Path, length: int, levels: Sequence[str] = ("Strong", "Confirmed")
) -> pd.DataFrame:
    """Read RegulonDB's promoters of some levels of evidence (PromoterSet 10.6.3).

    Source: Santos-Zavaleta et al. 2019, doi:10.1093/nar/gky1077; the paper uses the positions
    of "strong evidence". Several promoters of one position become one site. Promoters whose
    position is not known are given as position 0 in the table and are left out here; counting
    that 0 as a position, once a strand, makes two sites more.

    Parameters
    ----------
    path : str or Path
        The table: Latin-1 text, eight tab-separated columns, ``#`` comments, 1-based positions.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.
    levels : sequence of str
        Levels of evidence that are read: of ``Confirmed``, ``Strong`` and ``Weak``.

    Returns
    -------
    pandas.DataFrame
        Sites with ``name`` and ``sigma`` (several joined by ``;``) and ``confidence``
        (the best level of them).

    Raises
    ------
    AnnotationError
        Another number of columns, or a value that cannot be a position, strand or site.
    """
    names = ["id", "name", "strand", "position_1based", "sigma", "sequence", "evidence", "level"]
    table = read_table(path, names, encoding="latin-1")
    table = table[table["level"].isin(levels)]
    table = table[table["position_1based"] != "0"]
    sites = pd.DataFrame(
        {
            "position": to_integers(table, "position_1based", path) - 1,
            "strand": to_strands(table, "strand", path),
            "source": "regulondb",
            "name": table["name"],
            "sigma": table["sigma"],
            "confidence": table["level"],
        }
    )
    return distinct(sites, length, path, name=joined, sigma=joined, confidence="min")


def read_regulondb_terminators(path: str | Path, length: int) -> pd.DataFrame:
    """Read RegulonDB's terminators; the site is the 3' end of the annotated element.

    The annotated element ends with the hairpin, or shortly after, so that the last transcribed
    nucleotide usually lies a few nucleotides further downstream.

    Parameters
    ----------
    path : str or Path
        TerminatorSet of release 13, 1-based inclusive ends.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites (``source`` is regulondb) with ``kind`` (rho-independent or rho-dependent).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position, strand or site.
    """
    table = read_table(path, ["leftEndPos", "rightEndPos", "strand", "type"], header=1)
    strands = to_strands(table, "strand", path)
    left, right = to_integers(table, "leftEndPos", path), to_integers(table, "rightEndPos", path)
    sites = pd.DataFrame(
        {
            "position": np.where(strands == "+", right, left) - 1,
            "strand": strands,
            "source": "regulondb",
            "kind": table["type"],
        }
    )
    return distinct(sites, length, path, kind=joined)


def read_regulondb_operons(path: str | Path, length: int) -> pd.DataFrame:
    """Read RegulonDB's operons.

    Parameters
    ----------
    path : str or Path
        OperonSet of release 13, 1-based inclusive ends of the first and the last gene.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        ``start``, ``end`` (0-based half-open), ``strand``, ``name``, ``n_genes``, ``genes``
        (joined by ``;``); sorted by start, end and strand.

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be an interval of the genome or a strand.
    """
    first, last = "firstGeneLeftPosition", "lastGeneRightPosition"
    columns = ["operonName", first, last, "strand", "numberOfGenes", "operonGenes"]
    table = read_table(path, columns, header=1)
    operons = pd.DataFrame(
        {
            "start": to_integers(table, first, path) - 1,
            "end": to_integers(table, last, path),
            "strand": to_strands(table, "strand", path),
            "name": table["operonName"],
            "n_genes": to_integers(table, "numberOfGenes", path),
            "genes": table["operonGenes"],
        }
    )
    wrong = operons.index[
        (operons["start"] < 0) | (operons["start"] >= operons["end"]) | (operons["end"] > length)
    ]
    if len(wrong):
        row = operons.loc[wrong[0]]
        raise AnnotationError(
            f"{path}, line {wrong[0]}: operon {row['start'] + 1}..{row['end']} is not within "
            f"1..{length}"
        )
    return operons.sort_values(["start", "end", "strand"], kind="stable", ignore_index=True)
