"""Pseudogenes beside genes like them: matched controls, and what is left; touches frames alone.

Pseudogenes differ from other genes in more than being broken: in base composition, length and
expression. To ask whether their output is odd, each is compared with other genes of the same class
of expression that are nearest in AT content and length.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.statistics import matched_controls, median_with_band
from genoattn.genome.sequence import STRANDS, Genome

__all__ = ["SCHEMES", "effects", "gene_table"]


SCHEMES: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "no matching": ((), None),
    "AT content": (("at",), None),
    "AT content and length": (("at", "log_length"), None),
    "AT content, length, expression": (("at", "log_length"), "expression"),
}
"""Name of a comparison -> columns whose values shall be near, column that shall be equal."""


def gene_table(
    features: pd.DataFrame,
    genome: Genome,
    track: NDArray,
    inside: NDArray[np.bool_],
    curated: pd.DataFrame,
    *,
    upstream: int,
) -> pd.DataFrame:
    """Composition, length, expression and output of each gene that lies wholly in a part.

    Parameters
    ----------
    features : DataFrame
        Rows of type ``gene`` and ``pseudogene`` are taken.
    genome : Genome
    track : float array, shape (2, L)
        Model output.
    inside : bool array, shape (L,)
    curated : DataFrame
        ``position``, ``strand`` and ``votes`` (how many assays agree).
    upstream : int
        A site belongs to a gene when it lies on its strand, within it or at most so many nt before
        its start.

    Returns
    -------
    DataFrame
        ``gene``, ``start``, ``end``, ``strand``, ``pseudo``, ``at`` (share of A and T),
        ``log_length`` (base 2, nt), ``expression`` (assays that agree on a start site of the gene:
        0, 1, or 2 for more), ``sense`` and ``antisense`` (median output over the gene).
    """
    genes = features.loc[
        features["type"].isin(["gene", "pseudogene"]),
        ["start", "end", "strand", "type", "gene", "locus_tag"],
    ].drop_duplicates(["start", "end", "strand"])
    best = {strand: np.zeros(len(genome), dtype=np.int64) for strand in STRANDS}
    for strand, votes in best.items():
        own = curated[curated["strand"] == strand]
        np.maximum.at(votes, own["position"].to_numpy(), own["votes"].to_numpy())
    weak = np.isin(genome.codes, [0, 3])
    rows = []
    for start, end, strand, kind, name, tag in genes.itertuples(index=False):
        gene = _stretch(genome, start, end)  # which may go on beyond the origin
        if not inside[gene].all():
            continue
        row = STRANDS.index(strand)
        before, after = (upstream, 0) if strand == "+" else (0, upstream)
        window = best[strand][_stretch(genome, start - before, end + after)]
        rows.append(
            {
                "gene": name or tag,
                "start": start,
                "end": end,
                "strand": strand,
                "pseudo": kind == "pseudogene",
                "at": weak[gene].mean(),
                "log_length": np.log2(end - start),
                "expression": min(int(window.max()), 2),
                "sense": float(np.median(track[row, gene])),
                "antisense": float(np.median(track[1 - row, gene])),
            }
        )
    columns = "gene start end strand pseudo at log_length expression sense antisense"
    return pd.DataFrame(rows, columns=columns.split())


def _stretch(genome: Genome, start: int, end: int) -> NDArray[np.int64]:
    """Positions from start to end; round the origin of a circle, cut at the ends of a line."""
    there = np.arange(start, end)
    if genome.circular:
        return there % len(genome)
    return there[(there >= 0) & (there < len(genome))]


def effects(genes: pd.DataFrame, *, n: int, level: float) -> pd.DataFrame:
    """How many times a pseudogene's output is that of genes like it, under each matching.

    Each pseudogene counts with the ratio of its median output to the median of its controls' ones;
    of these ratios, the median over the pseudogenes is given with its exact bootstrap interval,
    pseudogenes resampled.

    Parameters
    ----------
    genes : DataFrame
        `gene_table`.
    n : int
        Controls for each pseudogene.
    level : float
        Coverage of the interval.

    Returns
    -------
    DataFrame
        ``matched_on`` (a key of `SCHEMES`), ``strand`` (sense, antisense), ``n`` pseudogenes with
        a control, ``n_controls`` distinct genes, ``ratio``, ``ci_low``, ``ci_high`` (NaN where the
        pseudogenes are too few), and how much the groups differ: ``at_difference`` (percentage
        points) and ``length_ratio``, means over pseudogenes, pseudogene against controls, and
        ``same_expression`` (mean share of controls of the same class).
    """
    treated, pool = genes[genes["pseudo"]], genes[~genes["pseudo"]]
    rows = []
    for name, (near, same) in SCHEMES.items():
        chosen = matched_controls(treated, pool, near, same=same, n=n)
        kept = [i for i, one in enumerate(chosen) if len(one)]
        if not kept:
            continue
        groups = [pool.iloc[chosen[i]] for i in kept]
        own = treated.iloc[kept]
        balance = {
            "at_difference": 100
            * np.mean(own["at"].to_numpy() - [group["at"].mean() for group in groups]),
            "length_ratio": 2.0
            ** np.mean(own["log_length"].to_numpy() - [g["log_length"].mean() for g in groups]),
            "same_expression": np.mean(
                [
                    (group["expression"] == expression).mean()
                    for group, expression in zip(groups, own["expression"], strict=True)
                ]
            ),
        }
        for relation in ("sense", "antisense"):
            control = np.array([group[relation].median() for group in groups])
            ratio = own[relation].to_numpy() / control
            median, low, high = (float(v[0]) for v in median_with_band(ratio[:, None], level))
            rows.append(
                {
                    "matched_on": name,
                    "strand": relation,
                    "n": len(kept),
                    "n_controls": len(np.unique(np.concatenate([chosen[i] for i in kept]))),
                    "ratio": median,
                    "ci_low": low,
                    "ci_high": high,
                    **balance,
                }
            )
    return pd.DataFrame(rows)
