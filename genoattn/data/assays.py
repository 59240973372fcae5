"""Published tables of start and end sites, each read into one tidy frame; reads files only.

A *sites frame* has one row a site: ``position`` (int64, 0-based forward coordinate of the +1
nucleotide), ``strand`` (``'+'`` or ``'-'``), ``source``, and that source's evidence columns;
sorted by position, then strand; no (position, strand) twice.

Two of the tables print their coordinates unevenly: SEnd-seq (Ju et al. 2019) and
SMRT-Cappable-seq (Yan et al. 2018) give 5' ends 0-based on the plus strand and 1-based on the
minus strand, as if the start and the end of a BED interval had been printed side by side.
`offset_audit` shows it from the genome alone: with 1 added on plus and nothing on minus, purines
at +1 and -10 boxes at their place are most frequent. The readers make that correction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoattn.genome.files import AnnotationError, read_table, to_integers, to_numbers, to_strands
from genoattn.genome.sequence import STRANDS

__all__ = [
    "NOVELTY",
    "SOURCE_NAMES",
    "U00096_2_LENGTH",
    "distinct",
    "joined",
    "printed_sendseq",
    "printed_sendseq_terminators",
    "printed_smrt",
    "read_cappable",
    "read_drnaseq",
    "read_sendseq",
    "read_sendseq_terminators",
    "read_smrt",
    "read_smrt_terminators",
    "source_name",
    "validate_sites",
]


NOVELTY = ("sendseq", "smrt", "cappable", "regulondb")  # newest technique first (paper, Results)
U00096_2_LENGTH = 4_639_675  # nucleotides of the older assembly that Cappable-seq was mapped on

SOURCE_NAMES = {
    "regulondb": "RegulonDB",
    "cappable": "Cappable-seq",
    "smrt": "SMRT-Cappable-seq",
    "sendseq": "SEnd-seq",
    "curated": "curated set",
    "drnaseq": "dRNA-seq",
}
"""How sources of sites are called in text, figures and tables."""

_KEY = ["position", "strand"]


def source_name(source: str) -> str:
    """Return how a source is called; one that is not known keeps its own name."""
    return SOURCE_NAMES.get(source, source)


def validate_sites(frame: pd.DataFrame, length: int, where: str = "sites") -> pd.DataFrame:
    """Check a sites frame and put it in order: the one gate that every table passes.

    Parameters
    ----------
    frame : pandas.DataFrame
        Needs ``position`` (0-based), ``strand`` and ``source``.
    length : int
        Length of the genome in nucleotides.
    where : str
        What to call the frame in an error, usually the file's name.

    Returns
    -------
    pandas.DataFrame
        A copy sorted by position, strand and source, with ``position`` as int64 and index 0..n-1.

    Raises
    ------
    AnnotationError
        A column is missing, a position is not a whole number or lies beyond the genome, a
        strand is neither ``'+'`` nor ``'-'``, or a site occurs twice in one source.
    """
    for column in ("position", "strand", "source"):
        if column not in frame:
            raise AnnotationError(f"{where}: column {column!r} is missing")
    position = frame["position"]
    if not pd.api.types.is_integer_dtype(position) or position.isna().any():
        raise AnnotationError(f"{where}: column 'position' must hold whole numbers (0-based)")
    beyond = frame.index[(position < 0) | (position >= length)]
    if len(beyond):
        raise AnnotationError(
            f"{where}, row {beyond[0]}: position {position[beyond[0]]} (0-based) lies beyond the "
            f"genome of {length} nt; are these sites of another assembly?"
        )
    unknown = frame.index[~frame["strand"].isin(STRANDS)]
    if len(unknown):
        raise AnnotationError(
            f"{where}, row {unknown[0]}: unknown strand {frame['strand'][unknown[0]]!r}; "
            "use '+' or '-'"
        )
    keys = [*_KEY, "source"]
    twice = frame.index[frame.duplicated(keys)]
    if len(twice):
        site = frame.loc[twice[0], keys]
        raise AnnotationError(
            f"{where}, row {twice[0]}: site {site['position']} {site['strand']} (0-based) of "
            f"{site['source']} occurs twice"
        )
    return frame.astype({"position": np.int64}).sort_values(keys, kind="stable", ignore_index=True)


def read_cappable(path: str | Path, length: int = U00096_2_LENGTH) -> pd.DataFrame:
    """Read the Cappable-seq start sites, **in U00096.2 coordinates**; lift them over before use.

    Source: Ettwiller et al. 2016, doi:10.1186/s12864-016-2539-z, Additional file 1.

    Parameters
    ----------
    path : str or Path
        GTF without header, 1-based positions.
    length : int
        Length of the assembly that the positions refer to, in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites with ``score`` (relative read score, column 6) and ``enrichment`` (log2 ratio of
        the enriched to the control library, last field of the attribute).

    Raises
    ------
    AnnotationError
        Another number of columns, or a value that cannot be a position, strand, site or score.
    """
    names = ["seqname", "origin", "feature", "start", "end", "score", "strand", "frame", "text"]
    table = read_table(path, names)
    enrichment = table["text"].str.rsplit("_", n=1).str[-1]
    sites = pd.DataFrame(
        {
            "position": to_integers(table, "start", path) - 1,
            "strand": to_strands(table, "strand", path),
            "source": "cappable",
            "score": to_numbers(table["score"], "score", path),
            "enrichment": to_numbers(enrichment, "enrichment", path),
        }
    )
    return distinct(sites, length, path, score="max", enrichment="max")


def printed_smrt(m9: str | Path, rich: str | Path) -> pd.DataFrame:
    """Read the 5' ends of SMRT-Cappable-seq's transcription units as printed, uncorrected.

    Parameters
    ----------
    m9, rich : str or Path
        The units (longest read) in M9 and in rich medium.

    Returns
    -------
    pandas.DataFrame
        One row a unit: ``printed`` (left end on plus, right end on minus), ``strand``,
        ``medium`` (m9 or rich).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position or a strand.
    """
    frames = []
    for path, medium in ((m9, "m9"), (rich, "rich")):
        left, right, strand = "TU_left_position", "TU_right_position", "TU_strand"
        table = read_table(path, [left, right, strand], header=1)
        strands = to_strands(table, strand, path)
        printed = np.where(
            strands == "+", to_integers(table, left, path), to_integers(table, right, path)
        )
        frames.append(pd.DataFrame({"printed": printed, "strand": strands, "medium": medium}))
    return pd.concat(frames, ignore_index=True)


def read_smrt(m9: str | Path, rich: str | Path, length: int) -> pd.DataFrame:
    """Read the start sites of SMRT-Cappable-seq: the distinct 5' ends of its units.

    Source: Yan et al. 2018, doi:10.1038/s41467-018-05997-6. The printed 5' ends are 0-based on
    plus and 1-based on minus (see `offset_audit`); corrected here.

    Parameters
    ----------
    m9, rich : str or Path
        The units (longest read) in M9 and in rich medium.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites with ``m9`` and ``rich`` (seen in that medium).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position, strand or site.
    """
    printed = printed_smrt(m9, rich)
    sites = pd.DataFrame(
        {
            "position": _five_prime(printed),
            "strand": printed["strand"],
            "source": "smrt",
            "m9": printed["medium"] == "m9",
            "rich": printed["medium"] == "rich",
        }
    )
    return distinct(sites, length, f"{m9} and {rich}", m9="any", rich="any")


def printed_sendseq(path: str | Path) -> pd.DataFrame:
    """Read the SEnd-seq start sites as printed, uncorrected, spike-in controls included.

    Parameters
    ----------
    path : str or Path
        Supplementary Table 1 (MOESM3): two header lines, then one row a site.

    Returns
    -------
    pandas.DataFrame
        ``printed``, ``strand``, ``log``, ``stationary`` (detected in that growth phase) and
        ``printed_sequence`` (47 nt, 5'->3', of which the last is the start site itself).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position or a strand.
    """
    columns = ["TSS_site", "TSS_direction", "TSS_sequence(5'_3')"]
    phases = ["Detected_in_log_phase", "Detected_in_stationary_phase"]
    table = read_table(path, [*columns, *phases], header=2)
    return pd.DataFrame(
        {
            "printed": to_integers(table, columns[0], path),
            "strand": to_strands(table, columns[1], path),
            "log": table[phases[0]] != "",
            "stationary": table[phases[1]] != "",
            "printed_sequence": table[columns[2]],
        }
    ).reset_index(drop=True)


def read_sendseq(path: str | Path, length: int) -> pd.DataFrame:
    """Read the start sites of SEnd-seq.

    Source: Ju et al. 2019, doi:10.1038/s41564-019-0500-z, Supplementary Table 1. The printed
    positions are 0-based on plus and 1-based on minus (see `offset_audit`); corrected here.
    Rows beyond the genome's end are dropped: they are spike-in controls, whose printed
    sequences are not of the genome (four rows, one with a T7 promoter).

    Parameters
    ----------
    path : str or Path
        Supplementary Table 1 (MOESM3).
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites with ``log``, ``stationary`` (detected in that growth phase) and
        ``printed_sequence`` (47 nt up to and including the site).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position, strand or site.
    """
    printed = printed_sendseq(path)
    sites = printed.assign(position=_five_prime(printed), source="sendseq")
    sites = sites.loc[
        sites["position"] < length,
        ["position", "strand", "source", "log", "stationary", "printed_sequence"],
    ]
    return distinct(sites, length, path, log="any", stationary="any", printed_sequence="first")


def read_drnaseq(path: str | Path, length: int) -> pd.DataFrame:
    """Read the dRNA-seq start sites in LB at an OD of 0.4, an assay the paper does not use.

    Source: Thomason et al. 2015, doi:10.1128/JB.02096-14, as collected by RegulonDB HT.

    Parameters
    ----------
    path : str or Path
        The table, 1-based positions in ``pos_1``.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites with ``gene`` and ``orientation`` (place relative to that gene).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position, strand or site.
    """
    table = read_table(path, ["pos_1", "strand", "gene", "orientation"], header=1)
    sites = pd.DataFrame(
        {
            "position": to_integers(table, "pos_1", path) - 1,
            "strand": to_strands(table, "strand", path),
            "source": "drnaseq",
            "gene": table["gene"],
            "orientation": table["orientation"],
        }
    )
    return distinct(sites, length, path, gene=joined, orientation=joined)


# Termination sites and operons


def printed_sendseq_terminators(path: str | Path) -> pd.DataFrame:
    """Read the SEnd-seq termination sites as printed, uncorrected.

    Parameters
    ----------
    path : str or Path
        Supplementary Table 2 (MOESM4).

    Returns
    -------
    pandas.DataFrame
        ``printed``, ``strand``, ``kind`` (intrinsic, rho-dependent or unspecified) and
        ``printed_sequence`` (45 nt of RNA as DNA letters; the printed position is its 42nd).

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position or a strand.
    """
    columns = ["TTS_position", "TTS_strand", "RNA_sequence_around_TTS_site"]
    kinds = ["intrinsic_TTS", "TTS_type_rho_dependent"]
    table = read_table(path, [*columns, *kinds], header=1)
    return pd.DataFrame(
        {
            "printed": to_integers(table, columns[0], path),
            "strand": to_strands(table, columns[1], path),
            "kind": np.select(
                [table[kinds[0]] != "", table[kinds[1]] != ""],
                ["intrinsic", "rho-dependent"],
                "unspecified",
            ),
            "printed_sequence": table[columns[2]].str.replace("U", "T"),
        }
    ).reset_index(drop=True)


def read_sendseq_terminators(path: str | Path, length: int) -> pd.DataFrame:
    """Read the termination sites (3' ends) of SEnd-seq.

    Source: Ju et al. 2019, doi:10.1038/s41564-019-0500-z, Supplementary Table 2.

    Audit of the coordinates (`terminator_audit`): the printed RNA sequence equals the genome's
    in every row, on both strands, with the printed position read as 1-based at its 42nd letter.
    It was evidently cut out at the printed position, so it cannot show an error of that
    position. The U-tract can: relative to the printed position it lies one nucleotide further
    upstream on the minus strand than on the plus strand, and so does the hairpin that is
    printed beside it. Read as the start sites of the same study, that is as the start and end
    of a BED interval, the 3' end is 1-based on plus (the interval's end) and 0-based on minus
    (its start); with 1 added on minus the two strands' U-tracts coincide. Corrected here. Only
    the difference between the strands is measured; which strand is right rests on that analogy.

    Parameters
    ----------
    path : str or Path
        Supplementary Table 2 (MOESM4).
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites (``position`` is the last transcribed nucleotide, 0-based; ``source`` is sendseq)
        with ``kind``.

    Raises
    ------
    AnnotationError
        A column is missing, or a value cannot be a position, strand or site.
    """
    printed = printed_sendseq_terminators(path)
    sites = pd.DataFrame(
        {
            "position": _three_prime(printed),
            "strand": printed["strand"],
            "source": "sendseq",
            "kind": printed["kind"],
        }
    )
    return distinct(sites, length, path, kind=joined)


def read_smrt_terminators(m9: str | Path, rich: str | Path, length: int) -> pd.DataFrame:
    """Read the termination sites (3' ends) of SMRT-Cappable-seq: the union of two BED files.

    Source: Yan et al. 2018, doi:10.1038/s41467-018-05997-6, as collected by BacTermFinder. The
    BED start is the published 1-based value less 1. On the minus strand, as for SEnd-seq, the
    U-tract lies one nucleotide further upstream than on plus; 1 is added on minus.

    Parameters
    ----------
    m9, rich : str or Path
        The sites in M9 and in rich medium: six-column BED, one nucleotide a row.
    length : int
        Length of the genome (NC_000913.3) in nucleotides.

    Returns
    -------
    pandas.DataFrame
        Sites (``source`` is smrt) with ``kind`` (unspecified).

    Raises
    ------
    AnnotationError
        Another number of columns, or a value that cannot be a position, strand or site.
    """
    frames = []
    for path in (m9, rich):
        table = read_table(path, ["seqname", "start", "end", "name", "score", "strand"])
        strands = to_strands(table, "strand", path)
        printed = pd.DataFrame({"printed": to_integers(table, "end", path), "strand": strands})
        frames.append(pd.DataFrame({"position": _three_prime(printed), "strand": strands}))
    sites = pd.concat(frames, ignore_index=True).assign(source="smrt", kind="unspecified")
    return distinct(sites, length, f"{m9} and {rich}", kind="first")


# Steps that the readers share


def _five_prime(printed: pd.DataFrame) -> pd.Series:
    """0-based 5' ends of printed BED-like intervals: 0-based on plus, 1-based on minus."""
    return printed["printed"] - (printed["strand"] == "-").astype(np.int64)


def _three_prime(printed: pd.DataFrame) -> pd.Series:
    """0-based 3' ends of printed BED-like intervals: 1-based on plus, 0-based on minus."""
    return printed["printed"] - (printed["strand"] == "+").astype(np.int64)


def joined(values: pd.Series) -> str:
    """Join the distinct values of several rows of one site."""
    return ";".join(dict.fromkeys(values))


def distinct(sites: pd.DataFrame, length: int, path: str | Path, **evidence: Any) -> pd.DataFrame:
    """Merge rows of one (position, strand), each evidence column as asked, and validate."""
    outside = sites.index[(sites["position"] < 0) | (sites["position"] >= length)]
    if len(outside):
        raise AnnotationError(
            f"{path}, line {outside[0]}: position {sites['position'][outside[0]] + 1} (1-based) "
            f"lies beyond the genome of {length} nt; is this table of another assembly?"
        )
    alone = ~sites.duplicated(_KEY, keep=False)
    merged = sites[~alone].groupby([*_KEY, "source"], as_index=False).agg(evidence)
    frame = pd.concat([sites[alone], merged], ignore_index=True) if len(merged) else sites
    return validate_sites(frame, length, where=str(path))
