"""What the paper states of outputs and heads, and whether it holds here; frames alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu, norm

from genoattn.evaluation.statistics import proportion
from genoattn.genome.sites import position_name
from genoattn.heads.profiles import PROMOTER, extremes_by_layer, names
from genoattn.study.report import with_interval

VERDICTS = {"yes": "holds", "no": "does not hold", "undecided": "not shown"}
"""What ``holds`` says in the tables below -> how a page says it.

*Undecided* is where the numbers speak neither for the statement nor against it: the interval
includes no effect, the test is not significant, or there is too little to compare."""


def shown(statements: pd.DataFrame) -> pd.DataFrame:
    """Write a table of statements as texts, for a page."""
    named = statements.assign(holds=statements["holds"].map(VERDICTS))
    return named.set_axis(["the paper's statement", "here", "verdict"], axis=1)


# ---------------------------------------------------------------------- the paper's statements


def head_statements(
    table: pd.DataFrame, rho: np.ndarray, roles: pd.DataFrame, *, selective_share: float
) -> pd.DataFrame:
    """What the paper says of its heads, and what the same rules say of these.

    Parameters
    ----------
    table : DataFrame
        `atlas.head_table`.
    rho : ndarray, shape (layers, heads, window)
        `profiles.spearman`.
    roles : DataFrame
        `elements.name_roles`.
    selective_share : float
        A head is called selective when this share of its attention lies near its peak.

    Returns
    -------
    DataFrame
        ``statement`` (the paper's), ``here`` (numbers of this model) and ``holds`` (yes, no, or
        undecided where there is nothing to compare or the test is not significant).
    """
    n = len(table)
    selective = table[table["share_near_peak"] >= selective_share]
    near = selective["peak_label"].between(*PROMOTER)
    layers = extremes_by_layer(rho)
    strength = layers[["maximum", "minimum"]].abs().max(axis=1).to_numpy()
    first = strength[:3]
    keys = ["layer_1based", "head_1based"]
    named = table.set_index(keys).index.isin(roles.set_index(keys).index)
    with_role, without = (table.loc[rows, "share_moved"] for rows in (named, ~named))
    early = roles["layer_1based"] <= 2
    lac = table[(table["peak_label"] + 82).abs() <= 3]
    both = len(with_role) > 0 and len(without) > 0
    more, less = (
        mannwhitneyu(with_role, without, alternative=side).pvalue if both else np.nan
        for side in ("greater", "less")
    )
    share, low, high = proportion(int(early.sum()), len(roles), 0.95)
    told = (
        f" ({with_interval(share, low, high, '.0%')}; the claim is that most are)"
        if len(roles)
        else ""
    )
    rows = [
        (
            "the majority of heads is highly selective of where they look",
            f"{len(selective)} of {n} heads put at least {selective_share:.0%} of their attention "
            "near their peak",
            _verdict(2 * len(selective) > n),
        ),
        (
            "most selective heads look between -100 and +20",
            f"{int(near.sum())} of {len(selective)} selective heads",
            _verdict(bool(2 * near.sum() > len(near)), known=len(selective) > 0),
        ),
        (
            "heads match known promoter elements, in layers 1 and 2",
            f"{len(roles)} of {n} heads match an element, {int(early.sum())} of them in layers 1 "
            f"and 2{told}",
            _verdict(low > 0.5, known=low > 0.5 or high < 0.5),
        ),
        (
            "a head of layer 6 looks at -82",
            "peaking within 3 nt of -82: " + (", ".join(names(lac)) or "no head"),
            _verdict(bool((lac["layer_1based"] == 6).any()), known=len(layers) >= 6),
        ),
        (
            "correlation with the output grows over the first three layers",
            "strongest by layer: " + ", ".join(f"{value:.2f}" for value in strength),
            _verdict(bool((np.diff(first) > 0).all()), known=len(strength) >= 3),
        ),
        (
            "attention differs most between high and low outputs in heads of promoter elements",
            f"median share of attention that moves: {with_role.median():.2f} in heads with a role, "
            f"{without.median():.2f} in others (Mann-Whitney p = {more:.2g}"
            f"{_power(len(with_role), len(without), more)})"
            if both
            else "no two groups of heads to compare",
            _verdict(bool(more < ALPHA), known=bool(min(more, less) < ALPHA)),
        ),
    ]
    return pd.DataFrame(rows, columns=["statement", "here", "holds"])


ALPHA = 0.05
"""A one-sided p-value below this is significant."""


def _power(n: int, m: int, p: float) -> str:
    """Say what share of pairs would have been significant, where p is not.

    From the normal approximation to Mann and Whitney's statistic for groups of ``n`` and ``m``.
    """
    if p < ALPHA:
        return ""
    needed = 0.5 + norm.isf(ALPHA) * np.sqrt((n + m + 1) / (12 * n * m))
    if needed > 1:
        return f"; {n} against {m} heads are too few for any difference to be significant"
    return (
        f"; to be significant, the head with a role would have to have the larger share in at "
        f"least {needed:.0%} of the {n * m:,} pairings of one head with a role and one without"
    )


def _verdict(holds: bool, known: bool = True) -> str:
    """Yes, no, or undecided."""
    return ("yes" if holds else "no") if known else "undecided"


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


def output_statements(
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
        `around.window_levels`; *raised* is a class of sites whose interval lies above ``baseline``.
    peaks : DataFrame
        `around.peaks`.
    regions : DataFrame
        `regions.beside_paper`.
    strands : DataFrame
        `regions.strand_correlation`.
    baseline : float
        Median output of the whole part.

    Returns
    -------
    DataFrame
        ``statement`` (the paper's), ``here`` (numbers of this model) and ``holds`` (yes, no, or
        undecided where the interval includes no effect, or where there are too few such sites or
        regions for one).
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
    """Whether both strands' levels around a class of sites lie above the baseline.

    No where one lies below it, undecided where an interval includes it.
    """
    if not ((name, "sense") in height and height[name, "sense"]["ci_low"] > 0):  # NaN: too few
        return _TOO_FEW_SITES
    found = [height[name, relation] for relation in ("sense", "antisense")]
    ratios = [
        f"{row['strand']} {row['median'] / baseline:.2f} times the test part's median "
        f"({row['ci_low'] / baseline:.2f} to {row['ci_high'] / baseline:.2f})"
        for row in found
    ]
    holds = _all_above([(row["ci_low"], row["ci_high"]) for row in found], baseline)
    said = f"median of whole windows: {'; '.join(ratios)}; {found[0]['n']:,} sites"
    return _Verdict(said, holds)


def _all_above(intervals: list[tuple[float, float]], expected: float) -> bool | None:
    """Whether all intervals lie above a value; no if one lies below, None if one includes it."""
    if all(low > expected for low, _ in intervals):
        return True
    return False if any(high < expected for _, high in intervals) else None


def _peak(at: _Rows) -> _Verdict:
    """Whether the antisense profile of start sites is highest upstream of them."""
    if ("TSSs", "antisense") not in at:
        return _TOO_FEW_SITES
    offset, ratio = (at["TSSs", "antisense"][f"peak_{what}"] for what in ("offset", "ratio"))
    return _Verdict(
        f"median at single positions: highest at {position_name(offset)}, {ratio:.1f} times the "
        "test part's median",
        offset < 0 and ratio > 1,
    )


def _dip(at: _Rows) -> _Verdict:
    """Whether both profiles of SEnd-seq's terminators are lowest near their 3' ends.

    Undecided where they are not: a lowest point elsewhere does not exclude a dip at the centre.
    """
    if (_TERMINATORS, "sense") not in at:
        return _TOO_FEW_SITES
    dips = [at[_TERMINATORS, relation]["dip_offset"] for relation in ("sense", "antisense")]
    return _Verdict(
        f"lowest at {position_name(dips[0])} nt on the sense strand, "
        f"at {position_name(dips[1])} nt on the antisense; both would have to lie within "
        f"{_NEAR_CENTRE} nt of the terminator (the place of a minimum has no interval)",
        max(abs(dip) for dip in dips) <= _NEAR_CENTRE or None,
    )


def _doubled(region: _Rows) -> _Verdict:
    """Whether the output where neither strand is coding is more than twice that elsewhere.

    The range goes from the lowest of the one interval by the highest of the other to the reverse,
    so it is wider than an interval of the quotient.
    """
    either, neither = (
        region.get((f"coding on {which} strand", "both")) for which in ("either", "neither")
    )
    if not (either and neither and either["ratio_low"] > 0 and neither["ratio_low"] > 0):  # NaN
        return _TOO_FEW_REGIONS
    low = neither["ratio_low"] / either["ratio_high"]
    high = neither["ratio_high"] / either["ratio_low"]
    here = (
        f"{neither['ratio'] / either['ratio']:.2f} times ({low:.2f} to {high:.2f}, from the ends "
        "of both intervals) the output where either is; the size of this factor depends on how a "
        "model was trained"
    )
    return _Verdict(here, _all_above([(low, high)], 2))


def _raised_regions(region: _Rows, names: list[tuple[str, str]]) -> _Verdict:
    """Whether all of these regions lie above the whole part."""
    found = [region[key] for key in names if key in region]
    found = [row for row in found if row["ratio_low"] > 0]  # NaN: too few
    if len(found) < len(names):
        return _TOO_FEW_REGIONS
    here = "; ".join(
        f"{row['ratio']:.2f} times the test part's median "
        f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        for row in found
    )
    return _Verdict(here, _all_above([(row["ratio_low"], row["ratio_high"]) for row in found], 1))


def _concur(strands: pd.DataFrame) -> _Verdict:
    """Whether the strands correlate in the widest windows, by more than twice the error of 0.

    No where they do the opposite by as much, undecided between.
    """
    wide = max(strands.to_dict("records"), key=lambda row: row["width"])
    needed = abs(wide["chance"]) + 2 / np.sqrt(wide["n"])
    significant = abs(wide["spearman"]) > needed
    power = "" if significant else f"; only more than {needed:.2f} is significant"
    return _Verdict(
        f"rank correlation {wide['spearman']:.2f} in windows of {wide['width']} nt, the widest "
        f"({wide['chance']:.2f} by chance{power})",
        bool(wide["spearman"] > 0) if significant else None,
    )
