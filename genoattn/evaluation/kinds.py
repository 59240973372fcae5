"""Which sites are found: recall by what the tables say of a site; copies across the split; frames.

A site has kinds: how many sources have it, which sigma factor a table names for it, under which
conditions an assay saw it. Kinds overlap and go together (a strong promoter is seen by more
sources), so a difference between two of them describes; it does not explain.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.assays import source_name
from genoattn.evaluation.statistics import proportion
from genoattn.genome.sequence import STRANDS, UNKNOWN, Genome
from genoattn.genome.sites import near, values_at

__all__ = ["CONDITIONS", "UPSTREAM", "copied", "recall_by", "site_kinds"]

CONDITIONS = ("log", "stationary", "m9", "rich")
"""Columns of a table of sites that say under which condition an assay saw a site."""

UPSTREAM = 20
"""Nucleotides before a site that make it a copy if they stand in the training part too."""

NEAR = 5
"""Farthest that a source's site may be from a site that it speaks of, in nt."""


def site_kinds(
    sites: pd.DataFrame, tables: pd.DataFrame, length: int, *, circular: bool = True
) -> pd.DataFrame:
    """Say which kinds each site is of, as far as the tables have it.

    Parameters
    ----------
    sites : DataFrame
        position (0-based), strand, and n_sources if they are curated.
    tables : DataFrame
        Sites of all sources: position, strand, source; sigma and columns of `CONDITIONS` if there
        are such.
    length : int
        Of the genome, in nt.

    Returns
    -------
    DataFrame
        Columns site (row number in ``sites``), kind ('sources', 'sigma factor', or the name of an
        assay with conditions) and group, a row for each kind of each site. A source's site speaks
        of those within 5 nt on its strand; a site may have several sigma factors.
    """
    found: list[pd.DataFrame] = []

    def add(kind: str, group: str, chosen: NDArray[np.bool_]) -> None:
        found.append(pd.DataFrame({"site": np.flatnonzero(chosen), "kind": kind, "group": group}))

    def close(known: pd.DataFrame) -> NDArray[np.bool_]:
        return np.asarray(values_at(near(known, length, NEAR, circular=circular), sites), bool)

    if "n_sources" in sites:
        for n in sorted(sites["n_sources"].unique()):
            add("sources", f"{n}", (sites["n_sources"] == n).to_numpy())
    if "sigma" in tables:
        named = [{*re.findall(r"Sigma\d+", str(text))} for text in tables["sigma"]]
        for factor in sorted({*()}.union(*named), key=lambda name: -int(name[5:])):
            known = tables[[factor in factors for factors in named]]
            add("sigma factor", factor.replace("Sigma", "σ"), close(known))
    for source, table in tables.groupby("source", sort=False):
        seen = {
            name: close(table[_said(table, name)])
            for name in CONDITIONS
            if name in table and _said(table, name).any()
        }
        if len(seen) == 2:
            (first, one), (second, other) = seen.items()
            kind = source_name(str(source))
            add(kind, f"{first} only", one & ~other)
            add(kind, f"{second} only", other & ~one)
            add(kind, f"{first} and {second}", one & other)
    columns = ["site", "kind", "group"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _said(table: pd.DataFrame, column: str) -> pd.Series:
    """Where a column of true, false and nothing says true."""
    return table[column].astype(str) == "True"


def recall_by(kinds: pd.DataFrame, found: NDArray[np.bool_], level: float = 0.95) -> pd.DataFrame:
    """Share of the sites of each kind that were found, with exact binomial intervals.

    Parameters
    ----------
    kinds : DataFrame
        From :func:`site_kinds`.
    found : bool array, shape (n,)
        Of each site.
    level : float

    Returns
    -------
    DataFrame
        Columns kind, group, n, recall, ci_low, ci_high; all sites first, groups without a site left
        out.
    """
    rows = [("all", "all sites", found.size, *proportion(int(found.sum()), found.size, level))]
    for (kind, group), part in kinds.groupby(["kind", "group"], sort=False):
        hit = found[part["site"].to_numpy(np.int64)]
        rows.append((str(kind), str(group), hit.size, *proportion(int(hit.sum()), hit.size, level)))
    return pd.DataFrame(rows, columns=["kind", "group", "n", "recall", "ci_low", "ci_high"])


def copied(
    genome: Genome, sites: pd.DataFrame, where: NDArray[np.bool_], upstream: int = UPSTREAM
) -> NDArray[np.bool_]:
    """Tell which sites have the nucleotides before them somewhere else too: on either strand.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        position (0-based), strand.
    where : bool array, shape (L,)
        Where copies count: the training part. A copy lies in it whole.
    upstream : int
        Nucleotides directly before the site (−1 and further), on its strand.

    Returns
    -------
    bool array, shape (n,)
        Of each site; false where one of the nucleotides is unknown.
    """
    before = genome.around(
        sites["position"].to_numpy(np.int64), sites["strand"].to_numpy(), np.arange(-upstream, 0)
    )
    own = np.where((before == UNKNOWN).any(1), -1, _words(before, upstream)[:, 0])
    there = []
    for strand in STRANDS:
        codes = genome.strand(strand)
        inside = where if strand == STRANDS[0] else where[::-1]
        if genome.circular:
            codes, inside = (np.append(one, one[: upstream - 1]) for one in (codes, inside))
        good = np.append(0, np.cumsum(inside & (codes != UNKNOWN)))
        whole = good[upstream:] - good[:-upstream] == upstream  # windows all of whose letters count
        there.append(_words(codes, upstream)[whole])
    return np.isin(own, np.concatenate(there))


def _words(codes: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    """Each k successive codes along the last axis as one number in base 4 (k at most 31)."""
    n = codes.shape[-1] - k + 1
    words = np.zeros((*codes.shape[:-1], n), dtype=np.int64)
    for offset in range(k):
        words = 4 * words + codes[..., offset : offset + n]
    return words
