"""Model output around sites: tracks and frames in, tidy frames out.

Touches no file and no model. A track has shape (2, L), by strand row ('+' is 0) and forward
position; around a site it is read along the site's own strand (`sites.output_around`).

Medians, as in the paper (section *The output probabilities of the model reflect a correlation
between sense and antisense*, Figure 4), because the output is very skewed. For their uncertainty
sites are resampled, exactly (`statistics.median_with_band`). Medians by class of region:
output/regions.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.assays import source_name
from genoattn.evaluation import bootstrap
from genoattn.evaluation.calls import CONTIG_AND_STRAND
from genoattn.evaluation.statistics import median_with_band
from genoattn.genome.sequence import Genome, strand_index, strand_row
from genoattn.genome.sites import (
    Around,
    first_nucleotide,
    gene_starts,
    output_around,
    values_at,
)


def whole_window_inside(
    sites: pd.DataFrame, inside: np.ndarray, flank: int, *, circular: bool = True
) -> pd.DataFrame:
    """The sites whose whole window lies in a part, so that no other part's output is read.

    Parameters
    ----------
    sites : DataFrame
        With ``position`` (0-based) and ``strand``.
    inside : ndarray of bool, shape (L,)
        The part, the test part for instance.
    flank : int
        Nucleotides on each side of the site.
    circular : bool
        Whether windows run on over the end of the genome.

    Returns
    -------
    DataFrame
        Those rows, index 0..n-1.
    """
    index = sites["position"].to_numpy()[:, None] + np.arange(-flank, flank + 1)
    good = inside[index % inside.size]
    if not circular:
        good &= (index >= 0) & (index < inside.size)
    return sites[good.all(axis=1)].reset_index(drop=True)


def median_profiles(
    track: np.ndarray, classes: dict[str, pd.DataFrame], *, flank: int, level: float
) -> pd.DataFrame:
    """Median output around each class of sites, sense and antisense (the paper's Figure 4).

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    classes : dict of str to DataFrame
        Sites of each class; a class without sites gives no rows.
    flank : int
        Nucleotides on each side of a site (600 in the paper: 1,201 positions).
    level : float
        Coverage of the band.

    Returns
    -------
    DataFrame
        ``site_class``, ``strand`` (sense, antisense), ``offset``, ``median``, ``ci_low``,
        ``ci_high``, ``n`` sites.
    """
    frames = []
    for name, sites in classes.items():
        if sites.empty:
            continue
        for relation, values in output_around(track, sites, flank)._asdict().items():
            median, low, high = median_with_band(values, level)
            frames.append(
                pd.DataFrame(
                    {
                        "site_class": name,
                        "strand": relation,
                        "offset": np.arange(-flank, flank + 1),
                        "median": median,
                        "ci_low": low,
                        "ci_high": high,
                        "n": len(sites),
                    }
                )
            )
    if not frames:
        raise ValueError("no class has a site in the asked part")
    return pd.concat(frames, ignore_index=True)


def window_levels(
    track: np.ndarray, classes: dict[str, pd.DataFrame], *, flank: int, level: float
) -> pd.DataFrame:
    """How high the output is around a class of sites as a whole, one number for each site.

    Each site counts with the median output of its window; of these, the median over the sites is
    given with its exact bootstrap interval. Unlike the many medians of a profile, this says with
    one interval whether the surroundings of such sites are raised.

    Parameters
    ----------
    track, classes, flank, level
        As for `median_profiles`.

    Returns
    -------
    DataFrame
        ``site_class``, ``strand``, ``n`` sites, ``median``, ``ci_low``, ``ci_high``; classes
        without sites are left out.
    """
    rows = []
    for name, sites in classes.items():
        if sites.empty:
            continue
        for relation, values in output_around(track, sites, flank)._asdict().items():
            own = np.median(values, axis=1)[:, None]  # n, 1
            median, low, high = (float(one[0]) for one in median_with_band(own, level))
            rows.append((name, relation, len(sites), median, low, high))
    columns = ["site_class", "strand", "n", "median", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def peaks(profiles: pd.DataFrame, baseline: float) -> pd.DataFrame:
    """Where each profile is highest and lowest, and how that compares with the baseline.

    Returns
    -------
    DataFrame
        ``site_class``, ``n`` sites, ``strand``; ``peak_offset``, ``peak_median``,
        ``peak_ratio`` (to the baseline); ``dip_offset``, ``dip_median``.
    """
    rows = []
    for (name, relation), part in profiles.groupby(["site_class", "strand"], sort=False):
        top, bottom = part.loc[part["median"].idxmax()], part.loc[part["median"].idxmin()]
        rows.append(
            {
                "site_class": name,
                "n": int(part["n"].iloc[0]),
                "strand": relation,
                "peak_offset": int(top["offset"]),
                "peak_median": top["median"],
                "peak_ratio": top["median"] / baseline,
                "dip_offset": int(bottom["offset"]),
                "dip_median": bottom["median"],
            }
        )
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------- classes of sites


def pseudogene_tss(
    sites: pd.DataFrame, features: pd.DataFrame, *, upstream: int, length: int
) -> pd.DataFrame:
    """TSSs of pseudogenes: those within one, or at most ``upstream`` nt before its start.

    The paper speaks of "the TSSs of genes annotated as pseudogenes" without saying how they are
    assigned. Here a TSS belongs to a pseudogene when both are on the same strand and the TSS lies
    between ``upstream`` nt before the pseudogene's first nucleotide and its last one; no other
    gene's claim to the TSS is looked at.

    Parameters
    ----------
    sites : DataFrame
        TSSs: ``position``, ``strand``.
    features : DataFrame
        Genome features: ``start``, ``end`` (0-based half-open), ``strand``, ``type``.
    upstream : int
        Reach before the start in nt.
    length : int
        Length of the genome, round whose end the reach goes.

    Returns
    -------
    DataFrame
        The rows of ``sites`` that belong to a pseudogene, index 0..n-1.
    """
    near = np.zeros((2, length), dtype=bool)
    pseudogenes = features[features["type"] == "pseudogene"]
    for start, end, strand in pseudogenes[["start", "end", "strand"]].to_numpy():
        before, after = (upstream, 0) if strand == "+" else (0, upstream)
        near[strand_row(strand), np.arange(start - before, end + after) % length] = True
    return sites[values_at(near, sites)].reset_index(drop=True)


def site_classes(
    curated: pd.DataFrame,
    terminators: pd.DataFrame,
    features: pd.DataFrame,
    inside: np.ndarray,
    *,
    upstream: int,
    flank: int,
    circular: bool,
) -> dict[str, pd.DataFrame]:
    """The classes of sites of the paper's Figure 4, whole windows inside the part only.

    ``TSSs``; ``TSSs of pseudogenes`` (see `pseudogene_tss`; there are few); ``starts of
    pseudogenes`` (their first nucleotides, with or without a known TSS, which are more); and
    ``terminators (<source>)`` of each source, 3' ends as published; RegulonDB's intrinsic and
    rho-dependent ones apart (SEnd-seq's stay together, as in the paper, and SMRT-Cappable-seq's
    have no type).
    """
    every = {
        "TSSs": curated,
        "TSSs of pseudogenes": pseudogene_tss(
            curated, features, upstream=upstream, length=inside.size
        ),
        "starts of pseudogenes": gene_starts(features, "pseudogene", inside.size),
    }
    for source in ("sendseq", "smrt", "regulondb"):
        sites = terminators[terminators["source"] == source]
        if source == "regulondb":
            for name, kinds in _REGULONDB_KINDS.items():
                every[f"{name} terminators ({source})"] = sites[sites["kind"].isin(kinds)]
        else:
            every[f"terminators ({source})"] = sites
    every = {name: sites.drop_duplicates(["position", "strand"]) for name, sites in every.items()}
    return {
        name: whole_window_inside(sites, inside, flank, circular=circular)
        for name, sites in every.items()
    }


_REGULONDB_KINDS = {
    "intrinsic": ("rho-independent", "intrinsic"),
    "rho-dependent": ("rho-dependent",),
}
"""Name of a class -> what RegulonDB's releases and the simulation call it."""


def class_name(site_class: str) -> str:
    """Name of a class of sites, with the name that its source has for readers."""
    before, bracket, source = site_class.rstrip(")").partition(" (")
    return f"{before} ({source_name(source)})" if bracket else site_class


_GROUPS = 200  # groups of neighbouring sites that are resampled


# ------------------------------------------------------------------------------------ summary


def starts_of(features: pd.DataFrame, genomes: Sequence[Genome]) -> pd.DataFrame:
    """First nucleotides of all genes of an annotation; of its CDS, if it names no gene.

    Parameters
    ----------
    features : DataFrame
        `genoattn.genome.formats.read_gff_contigs`.
    genomes : sequence of Genome
        The contigs.

    Returns
    -------
    DataFrame
        ``contig``, ``position``, ``strand``; distinct.

    Raises
    ------
    ValueError
        There is neither a gene nor a CDS.
    """
    genes = features[features["type"].isin(["gene", "pseudogene"])]
    chosen = genes if len(genes) else features[features["type"] == "CDS"]
    if chosen.empty:
        kinds = ", ".join(sorted(set(features["type"])))
        raise ValueError(f"the annotation has neither a gene nor a CDS, only: {kinds}")
    length = chosen["contig"].map({one.name: len(one) for one in genomes})
    position = first_nucleotide(chosen, length)
    sites = chosen[CONTIG_AND_STRAND].assign(position=position)[["contig", "position", "strand"]]
    return sites.drop_duplicates(ignore_index=True)


def around_sites(
    tracks: Mapping[str, NDArray], sites: pd.DataFrame, genomes: Sequence[Genome], flank: int
) -> Around:
    """Output around sites of several contigs, on their own and the other strand.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
    sites : DataFrame
        ``contig``, ``position`` (0-based), ``strand``.
    genomes : sequence of Genome
        Windows wrap round the end of a circular one; beyond the ends of a linear one stands NaN.
    flank : int
        Nucleotides on each side.

    Returns
    -------
    Around
        Sites contig by contig, in the order of ``genomes``.
    """
    if sites.empty:
        raise ValueError("no site to look around")
    step = np.arange(-flank, flank + 1)
    windows: dict[str, list[NDArray]] = {"sense": [], "antisense": []}
    of_contig = sites.groupby("contig", sort=False).indices
    positions, strands = sites["position"].to_numpy(), sites["strand"].to_numpy()
    for genome in genomes:
        if genome.name not in of_contig:
            continue
        own = of_contig[genome.name]
        length, track = len(genome), tracks[genome.name]
        row = strand_row(strands[own])[:, None]
        along = strand_index(positions[own], strands[own], length)[:, None] + step
        inside = genome.circular | ((along >= 0) & (along < length))
        along %= length
        index = np.where(row == 0, along, length - 1 - along)
        for relation, chosen in (("sense", row), ("antisense", 1 - row)):
            windows[relation].append(np.where(inside, track[chosen, index], np.nan))
    return Around(*map(np.concatenate, windows.values()))


def mean_and_median(around: Around) -> pd.DataFrame:
    """Mean and median output at each offset from the sites.

    Returns
    -------
    DataFrame
        ``strand_relation`` (sense, antisense), ``offset`` (0 is the site), ``mean``, ``median``,
        ``n`` (sites that have a value there).
    """
    frames = []
    for relation, values in around._asdict().items():
        masked = np.ma.masked_invalid(values)
        flank = values.shape[1] // 2
        frames.append(
            pd.DataFrame(
                {
                    "strand_relation": relation,
                    "offset": np.arange(-flank, flank + 1),
                    "mean": masked.mean(axis=0).filled(np.nan),
                    "median": np.ma.median(masked, axis=0).filled(np.nan),
                    "n": np.isfinite(values).sum(axis=0),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def before_over_after(
    windows: NDArray, *, n_bootstrap: int, level: float, seed: int
) -> tuple[float, float, float]:
    """Mean output before sites over that after them, with a bootstrap interval.

    Neighbouring sites are resampled together, in at most 200 groups, as their windows may overlap.

    Parameters
    ----------
    windows : array, shape (n, 2 flank + 1)
        Output around sites in the order of the genome; NaN where there is none. The sites
        themselves, in the middle, do not count.
    n_bootstrap, level, seed
        Resamplings, coverage, and the seed of the random numbers.

    Returns
    -------
    (float, float, float)
        Ratio, and lower and upper limit; limits are NaN with fewer than two sites.
    """
    n, flank = len(windows), windows.shape[1] // 2
    group = np.arange(n) * min(n, _GROUPS) // n
    halves = windows[:, :flank], windows[:, flank + 1 :]
    totals = [bootstrap.sums(np.nansum(half, axis=1), group) for half in halves]
    counts = [bootstrap.sums(np.isfinite(half).sum(axis=1), group) for half in halves]

    def ratio(weight: NDArray) -> NDArray:
        with np.errstate(invalid="ignore", divide="ignore"):  # none of the drawn has a value there
            before, after = (
                (weight @ t) / (weight @ c) for t, c in zip(totals, counts, strict=True)
            )
            return before / after

    value = float(ratio(np.ones(int(group.max()) + 1)))
    if n < 2:
        return value, float("nan"), float("nan")
    draws = bootstrap.resample(group, n_bootstrap, seed)
    return value, *bootstrap.interval(ratio(draws), level)
