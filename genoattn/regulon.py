"""RegulonDB's binding sites and promoters with their sigma factor; reads two tables only.

Both tables are of release 13 (Salgado et al. 2024, doi:10.1093/nar/gkad1072), on NC_000913.3, with
1-based positions; frames here are 0-based and half-open, as everywhere inside the package. Both
print the sequence beside the position, so each row is held against the genome: rows that disagree,
or that have no position, are left out. (Of the sites whose printed sequence is as long as their
interval all agree, on both strands, with no correction; so do all promoters but one.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.genome import Genome, encode
from genoattn.tables import AnnotationError, read_table, to_integers, to_strands

__all__ = ["read_binding_sites", "read_promoters"]

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
