"""Model output around sites: tracks and frames in, tidy frames out.

Touches no file and no model. A track has shape (2, L), by strand row ('+' is 0) and forward
position. Around a site the track is read along the site's own strand: *sense* is the output on
that strand, *antisense* the output on the other one at the same nucleotides, and negative offsets
lie upstream of the site on its strand.

Medians, as in the paper (section *The output probabilities of the model reflect a correlation
between sense and antisense*, Figure 4), because the output is very skewed. For their
uncertainty sites are resampled. The bootstrap distribution of a median is known exactly (an order
statistic whose rank is binomial; Efron 1982, *The Jackknife, the Bootstrap and Other Resampling
Plans*, section 10.3), so the bands need no simulation and no seed. Medians by class of region:
region_levels.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom

from genoattn.annotations import source_name
from genoattn.heads import paper_label

STRAND_ROW = {"+": 0, "-": 1}


# -------------------------------------------------------------------------------- around sites


class Around(NamedTuple):
    """Output around sites, in the direction of their strand; both float, shape (n, 2 flank + 1)."""

    sense: np.ndarray
    antisense: np.ndarray


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


def output_around(track: np.ndarray, sites: pd.DataFrame, flank: int) -> Around:
    """Track around each site on its own strand and on the other one.

    Parameters
    ----------
    track : ndarray of float, shape (2, L)
        Model output.
    sites : DataFrame
        With ``position`` and ``strand``; windows wrap round the end of the genome, so take the
        sites of a linear genome through `whole_window_inside`.
    flank : int
        Nucleotides on each side.

    Returns
    -------
    Around
        Column ``flank + k`` is the nucleotide ``k`` nt downstream of the site on its strand.

    Raises
    ------
    ValueError
        Unknown strand, a site beyond the track, or a window without predicted values.
    """
    unknown = sorted(set(sites["strand"]) - set(STRAND_ROW))
    if unknown:
        raise ValueError(f"unknown strand {unknown[0]!r} among the sites: use '+' or '-'")
    position = sites["position"].to_numpy()
    if ((position < 0) | (position >= track.shape[1])).any():
        raise ValueError(f"a site lies beyond the track of {track.shape[1]:,} positions")
    row = sites["strand"].map(STRAND_ROW).to_numpy(dtype=int)[:, None]
    step = np.arange(-flank, flank + 1)
    index = (position[:, None] + np.where(row == 0, step, -step)) % track.shape[1]  # n, 2 flank + 1
    around = Around(track[row, index], track[1 - row, index])
    if not (np.isfinite(around.sense).all() and np.isfinite(around.antisense).all()):
        raise ValueError("the track has positions without a value around the sites")
    return around


def median_with_band(values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median over rows, and the exact bootstrap percentile band of each column's median.

    Resampling n rows, the k-th smallest value of a column or a smaller one is the (lower) middle
    of the resample with probability ``P(Binomial(n, k / n) >= (n + 1) // 2)``. The band takes the
    smallest k that reaches the lower quantile for the lower middle, and the upper quantile for
    the upper middle (which are the same value where n is odd). Even the whole range of n values
    misses the true median with probability ``2 * 0.5**n``; where that is more than the band
    may miss, there is no band.

    Parameters
    ----------
    values : ndarray of float, shape (n, columns)
        At least one row.
    level : float
        Coverage, 0.95 for instance; pointwise, not of a whole curve.

    Returns
    -------
    tuple of ndarray, each shape (columns,)
        Median, lower limit, upper limit; limits are NaN where n is too small (5 or less for 95 %).
    """
    n = len(values)
    if n == 0:
        raise ValueError("no site to take a median over")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level} must lie between 0 and 1")
    share = np.arange(1, n + 1) / n
    lower_middle = binom.sf((n + 1) // 2 - 1, n, share)  # P(lower middle <= k-th value)
    upper_middle = binom.sf(n // 2, n, share)
    tail = (1.0 - level) / 2.0
    low = int(np.searchsorted(lower_middle, tail))
    high = min(int(np.searchsorted(upper_middle, 1.0 - tail)), n - 1)
    ordered = np.sort(values, axis=0)
    median = np.median(values, axis=0)
    if too_few(n, level):
        return median, np.full_like(median, np.nan), np.full_like(median, np.nan)
    return median, ordered[low], ordered[high]


def too_few(n: int, level: float) -> bool:
    """Whether not even the range of n values holds the median with this probability."""
    return 2 * 0.5**n > 1.0 - level


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
        near[STRAND_ROW[strand], np.arange(start - before, end + after) % length] = True
    rows = sites["strand"].map(STRAND_ROW).to_numpy(dtype=int)
    return sites[near[rows, sites["position"].to_numpy()]].reset_index(drop=True)


def gene_starts(features: pd.DataFrame, kind: str) -> pd.DataFrame:
    """First nucleotide of each feature of a type, on its strand: ``position``, ``strand``."""
    chosen = features[features["type"] == kind]
    position = np.where(chosen["strand"] == "+", chosen["start"], chosen["end"] - 1)
    frame = pd.DataFrame({"position": position, "strand": chosen["strand"].to_numpy()})
    return frame.drop_duplicates().sort_values(["position", "strand"], ignore_index=True)


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
        "starts of pseudogenes": gene_starts(features, "pseudogene"),
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


def position_name(offset: int) -> str:
    """Write the offset from a site as a position: the site is +1, before it comes -1."""
    return f"{int(paper_label(offset)):+d}"


# ---------------------------------------------------------------------- the paper's statements


class _Verdict(NamedTuple):
    """What is found about one statement; ``holds`` is None where it cannot be decided."""

    here: str
    holds: bool | None


_Rows = Mapping[tuple[Any, Any], Mapping[Any, Any]]
"""Rows of a table by their first key (class of sites or region) and strand."""

_TERMINATORS = "terminators (sendseq)"
_TOO_FEW_SITES = _Verdict("too few sites of this kind in the test part", None)
_TOO_FEW_REGIONS = _Verdict("too few regions of this kind in the test part", None)
_NEAR_CENTRE = 100
"""A dip so many nt or fewer from a terminator's 3' end counts as at its centre."""


def statements(
    levels: pd.DataFrame,
    peaks: pd.DataFrame,
    regions: pd.DataFrame,
    strands: pd.DataFrame,
    baseline: float,
) -> pd.DataFrame:
    """What the paper says of its model's output, and what the same rules say of this one.

    Parameters
    ----------
    levels : DataFrame
        `window_levels`; *raised* is a class of sites whose interval lies above ``baseline``.
    peaks : DataFrame
        `peaks`.
    regions : DataFrame
        `region_levels.beside_paper`.
    strands : DataFrame
        `region_levels.strand_correlation`.
    baseline : float
        Median output of the whole part.

    Returns
    -------
    DataFrame
        ``statement`` (the paper's), ``here`` (numbers of this model) and ``holds`` (yes, no, or
        undecided where there are too few such sites or regions for an interval).
    """
    height, at, region = (
        {(row[key], row["strand"]): row for row in table.to_dict("records")}
        for table, key in ((levels, "site_class"), (peaks, "site_class"), (regions, "region"))
    )
    gaps = [("operon gaps", "sense"), ("operon gaps", "antisense")]
    found = {
        "around start sites both strands are raised": _raised(height, "TSSs", baseline),
        "around start sites of pseudogenes both strands are raised": _raised(
            height, "TSSs of pseudogenes", baseline
        ),
        "around terminators (SEnd-seq) both strands are slightly raised": _raised(
            height, _TERMINATORS, baseline
        ),
        "the antisense strand peaks upstream of start sites": _peak(at),
        "the output dips at the centre of terminators (SEnd-seq)": _dip(at),
        "output is more than doubled where neither strand is coding": _doubled(region),
        "gaps within operons are raised on both strands": _raised_regions(region, gaps),
        "pseudogenes are raised": _raised_regions(region, [("pseudogenes", "sense")]),
        "raised outputs generally concur on both strands": _concur(strands),
    }
    words = {True: "yes", False: "no", None: "undecided"}
    rows = [(statement, one.here, words[one.holds]) for statement, one in found.items()]
    return pd.DataFrame(rows, columns=["statement", "here", "holds"])


def _raised(height: _Rows, name: str, baseline: float) -> _Verdict:
    """Whether both strands' levels around a class of sites lie above the baseline."""
    if not ((name, "sense") in height and height[name, "sense"]["ci_low"] > 0):  # NaN: too few
        return _TOO_FEW_SITES
    found = [height[name, relation] for relation in ("sense", "antisense")]
    ratios = [
        f"{row['strand']} {row['median'] / baseline:.2f} times the whole part "
        f"({row['ci_low'] / baseline:.2f} to {row['ci_high'] / baseline:.2f})"
        for row in found
    ]
    return _Verdict("; ".join(ratios), all(row["ci_low"] > baseline for row in found))


def _peak(at: _Rows) -> _Verdict:
    """Whether the antisense profile of start sites is highest upstream of them."""
    if ("TSSs", "antisense") not in at:
        return _TOO_FEW_SITES
    offset, ratio = (at["TSSs", "antisense"][f"peak_{what}"] for what in ("offset", "ratio"))
    return _Verdict(
        f"highest at {position_name(offset)} nt, {ratio:.1f} times the whole part",
        offset < 0 and ratio > 1,
    )


def _dip(at: _Rows) -> _Verdict:
    """Whether both profiles of SEnd-seq's terminators are lowest near their 3' ends."""
    if (_TERMINATORS, "sense") not in at:
        return _TOO_FEW_SITES
    dips = [at[_TERMINATORS, relation]["dip_offset"] for relation in ("sense", "antisense")]
    return _Verdict(
        f"lowest at {position_name(dips[0])} nt on the sense strand, "
        f"at {position_name(dips[1])} nt on the antisense",
        max(abs(dip) for dip in dips) <= _NEAR_CENTRE,
    )


def _doubled(region: _Rows) -> _Verdict:
    """Whether the output where neither strand is coding is more than twice that elsewhere."""
    either, neither = ((f"coding on {which} strand", "both") for which in ("either", "neither"))
    if not {either, neither} <= set(region):
        return _TOO_FEW_REGIONS
    times = region[neither]["ratio"] / region[either]["ratio"]
    return _Verdict(f"{times:.2f} times that where either is", times > 2)


def _raised_regions(region: _Rows, names: list[tuple[str, str]]) -> _Verdict:
    """Whether all of these regions lie above the whole part."""
    found = [region[key] for key in names if key in region]
    found = [row for row in found if row["ratio_low"] > 0]  # NaN: too few
    if len(found) < len(names):
        return _TOO_FEW_REGIONS
    here = "; ".join(
        f"{row['ratio']:.2f} times the whole part "
        f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        for row in found
    )
    return _Verdict(here, all(row["ratio_low"] > 1 for row in found))


def _concur(strands: pd.DataFrame) -> _Verdict:
    """Whether the strands correlate in the widest windows, by more than twice the error of 0."""
    wide = max(strands.to_dict("records"), key=lambda row: row["width"])
    return _Verdict(
        f"rank correlation {wide['spearman']:.2f} in windows of {wide['width']} nt "
        f"({wide['chance']:.2f} by chance)",
        bool(wide["spearman"] > abs(wide["chance"]) + 2 / np.sqrt(wide["n"])),
    )
