"""Where a nucleotide lies among the genes: between which, how far along one; frames and masks.

Touches no file. Genes are the features of type ``gene`` and ``pseudogene``, of protein or RNA.
Masks have shape (L,) where both strands are meant, (2, L) where a region has a strand.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.intervals import covered, depth, runs
from genoattn.genome.sequence import STRANDS, strand_row

__all__ = [
    "PLACES",
    "along_genes",
    "between_genes",
    "internal_to_operons",
    "names",
    "nearest_gene",
    "places",
    "reading_frames",
    "region_masks",
]


PLACES = ("between genes", "in a gene, sense", "in a gene, antisense")
"""What the numbers of `places` mean."""

_GENES = ("gene", "pseudogene")


def _genes(features: pd.DataFrame) -> pd.DataFrame:
    return features[features["type"].isin(_GENES)]


def names(features: pd.DataFrame) -> pd.Series:
    """What readers call each feature: its gene's name, else its locus tag."""
    return features["gene"].where(features["gene"] != "", features["locus_tag"])


def between_genes(
    features: pd.DataFrame, length: int, *, circular: bool = True
) -> dict[str, NDArray[np.bool_]]:
    """Mark the stretches without a gene on either strand, by the directions of their two genes.

    Parameters
    ----------
    features : DataFrame
        ``start``, ``end`` (0-based half-open), ``strand``, ``type``.
    length : int
        Length of the genome in nt.
    circular : bool
        Whether the stretch at the end goes on at the beginning. On a linear genome the two
        outermost stretches have one neighbour only and are in no class.

    Returns
    -------
    dict of str to bool array
        ``between_divergent`` (L,): both genes begin at the stretch; ``between_convergent`` (L,):
        both end there; ``between_tandem`` (2, L): both have the same strand, that of the row.
    """
    genes = _genes(features)
    # of genes that end (begin) at one place, the last row counts; they rarely differ in strand
    ends_at = dict(zip(genes["end"] % length, genes["strand"], strict=True))
    starts_at = dict(zip(genes["start"] % length, genes["strand"], strict=True))
    divergent, convergent = np.zeros(length, dtype=bool), np.zeros(length, dtype=bool)
    tandem = np.zeros((2, length), dtype=bool)
    free = depth(genes, length).sum(axis=0) == 0
    for start, size in runs(free, circular=circular).tolist():
        if not circular and (start == 0 or start + size == length):
            continue
        left, right = ends_at.get(start), starts_at.get((start + size) % length)
        index = np.arange(start, start + size) % length
        if (left, right) == ("-", "+"):
            divergent[index] = True
        elif (left, right) == ("+", "-"):
            convergent[index] = True
        elif left is not None and left == right:
            tandem[STRANDS.index(left), index] = True
    return {
        "between_divergent": divergent,
        "between_convergent": convergent,
        "between_tandem": tandem,
    }


def along_genes(
    features: pd.DataFrame, length: int, parts: int = 5
) -> dict[str, NDArray[np.bool_]]:
    """Mark the parts of genes from their beginning to their end, on the gene's strand.

    Parameters
    ----------
    features : DataFrame
        As for `between_genes`; rows of type ``gene`` count, pseudogenes do not.
    length : int
    parts : int
        Number of equal parts of each gene.

    Returns
    -------
    dict of str to bool array, shape (2, L)
        ``gene_part_1`` (the beginning) to ``gene_part_<parts>``. Nucleotides in two genes, of any
        kind and strand, are in no part.
    """
    masks = np.zeros((parts, 2, length), dtype=bool)
    alone = depth(_genes(features), length).sum(axis=0) == 1
    genes = features.loc[features["type"] == "gene", ["start", "end", "strand"]]
    for start, end, strand in genes.drop_duplicates().itertuples(index=False):
        along = np.arange(end - start) if strand == "+" else np.arange(end - start)[::-1]
        masks[
            along * parts // (end - start), STRANDS.index(strand), np.arange(start, end) % length
        ] = True
    return {f"gene_part_{i + 1}": mask & alone for i, mask in enumerate(masks)}


def places(features: pd.DataFrame, length: int) -> NDArray[np.int8]:
    """Say of each nucleotide of each strand where it lies, shape (2, L): index into `PLACES`.

    Where genes of both strands overlap, a nucleotide counts as sense on both.
    """
    inside = covered(_genes(features), length)
    place = np.zeros((2, length), dtype=np.int8)
    place[inside[::-1]] = 2
    place[inside] = 1
    return place


def internal_to_operons(operons: pd.DataFrame, length: int) -> NDArray[np.bool_]:
    """Mark, on their strand, operons of several genes from their first gene's start to the end.

    A start site there is internal: it lies downstream of the beginning of the first gene.

    Parameters
    ----------
    operons : DataFrame
        ``start``, ``end`` (half-open), ``strand`` and ``genes`` (joined by ``;``).
    length : int

    Returns
    -------
    bool array, shape (2, L)
    """
    several = operons[operons["genes"].str.contains(";")] if len(operons) else operons
    return covered(several, length)


def nearest_gene(
    sites: pd.DataFrame, features: pd.DataFrame, length: int, *, circular: bool = True
) -> pd.DataFrame:
    """Name the gene nearest to each site, of either strand; the one it lies in, if any.

    Parameters
    ----------
    sites : DataFrame
        ``position`` (0-based), ``strand``.
    features : DataFrame
        As for `between_genes`, with ``gene`` and ``locus_tag``.
    length : int
        Length of the genome in nt.
    circular : bool
        Whether distances go round the end of the genome.

    Returns
    -------
    DataFrame
        In the order and with the index of ``sites``: ``gene`` (`names`; empty where there is no
        gene at all), ``gene_strand``, ``gene_distance`` (nt to the gene's nearest
        nucleotide, 0 inside) and ``from_start`` (nt from the gene's first nucleotide along the
        gene's strand, negative upstream).
    """
    genes = _genes(features)
    columns = ["gene", "gene_strand", "gene_distance", "from_start"]
    if genes.empty:
        blank = pd.DataFrame(index=sites.index, columns=columns)
        return blank.fillna({"gene": "", "gene_strand": ""})
    start, size = genes["start"].to_numpy(), (genes["end"] - genes["start"]).to_numpy()
    past = sites["position"].to_numpy()[:, None] - start  # sites, genes: nt right of the start
    if circular:
        past = past % length
        past = np.where(length - past < past - (size - 1), past - length, past)  # the shorter way
    distance = np.maximum(np.maximum(-past, past - (size - 1)), 0)
    chosen = distance.argmin(axis=1)
    strand, each = genes["strand"].to_numpy()[chosen], np.arange(len(sites))
    nt = past[each, chosen]
    along = np.where(strand == "+", nt, size[chosen] - 1 - nt)
    found = (names(genes).to_numpy()[chosen], strand, distance[each, chosen], along)
    return pd.DataFrame(dict(zip(columns, found, strict=True)), index=sites.index)


def reading_frames(features: pd.DataFrame, length: int) -> NDArray[np.int8]:
    """Which letter of a codon each nucleotide is, on the strand of its coding sequence.

    Parameters
    ----------
    features : DataFrame
        As `formats.read_gff` returns them; rows of type ``CDS`` count, those of pseudogenes do not.
        Of two that overlap, the later row counts.
    length : int
        Length of the genome in nt.

    Returns
    -------
    int8 array, shape (2, L)
        0, 1 or 2 by strand row; -1 where no coding sequence lies on that strand.
    """
    coding = features[(features["type"] == "CDS") & ~features["pseudo"].astype(bool)]
    frames = np.full((2, length), -1, dtype=np.int8)
    rows = strand_row(coding["strand"])
    for row, start, end in zip(rows, coding["start"], coding["end"], strict=True):
        index = np.arange(start, end) % length
        frames[row, index if row == 0 else index[::-1]] = np.arange(end - start) % 3
    return frames


def region_masks(
    features: pd.DataFrame, operons: pd.DataFrame, length: int
) -> dict[str, np.ndarray]:
    """Mark the classes of regions that the output is compared over.

    Source: paper, "The output probabilities of the model reflect a correlation between sense
    and antisense" (regions with and without a coding sequence on either strand, non-coding
    sequences within operons, coding sequences of pseudogenes).

    Parameters
    ----------
    features : pandas.DataFrame
        As `formats.read_gff` returns them.
    operons : pandas.DataFrame
        ``start``, ``end`` (0-based half-open, first to last gene) and ``strand``.
    length : int
        Length of the genome in nucleotides.

    Returns
    -------
    dict of str to numpy.ndarray of bool
        ``coding_either``, shape=(L,): a CDS on either strand, pseudogenes' CDS included.
        ``noncoding_both``, shape=(L,): no CDS on either strand (the complement).
        ``operon_gap``, shape=(2, L): inside an operon of that strand and in no gene, of protein
        or RNA, on either strand.
        ``pseudogene``, shape=(2, L): in a pseudogene of that strand.
    """
    coding = covered(features[features["type"] == "CDS"], length)
    genes = covered(features[features["type"].isin(["gene", "pseudogene", "CDS"])], length)
    pseudogenes = covered(features[features["type"] == "pseudogene"], length)
    coding_either = np.logical_or(coding[0], coding[1])
    return {
        "coding_either": coding_either,
        "noncoding_both": ~coding_either,
        "operon_gap": covered(operons, length) & ~np.logical_or(genes[0], genes[1]),
        "pseudogene": pseudogenes,
    }
