"""What the chapter dependence says of heads that are left out over the whole test part."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from genoattn.evaluation import bootstrap, seeds
from genoattn.heads import profiles
from genoattn.interventions import circuits
from genoattn.interventions.circuits import GOAL
from genoattn.study import report
from genoattn.study.parameters import Checked
from genoattn.study.report import listed, table, with_interval

ENOUGH_BLOCKS = 20
"""Blocks below which resampled intervals come out too narrow."""

_NAMED = 8  # heads that a sentence names, at most


def say_part(
    where: NDArray[np.bool_],
    test: NDArray[np.bool_],
    label: NDArray[np.integer],
    intact: dict[str, NDArray[np.float64]],
    n_blocks: int,
    p: Checked,
) -> str:
    """Say which part is scored, and what the network with all heads scores there.

    Parameters
    ----------
    where, test : bool arrays, shape (L,)
    label : array, shape (2, n)
        Labels of the part.
    intact : dict
        `circuits.measure` with all heads.
    n_blocks : int
        Of the test part.
    p : Checked
        ``ablated_share``, ``block``, ``level``.
    """
    low, high = bootstrap.interval(intact["pr_auc"][1:], p.level)
    n = 2 * int(where.sum())
    taken = n_blocks if where.sum() == test.sum() else max(2, round(p.ablated_share * n_blocks))
    part = (
        f"all {n:,} positions of the test part"
        if taken == n_blocks
        else f"{n:,} of the {2 * int(test.sum()):,} positions of the test part ({taken} of "
        f"{n_blocks} blocks, drawn at random)"
    )
    score = with_interval(float(intact["pr_auc"][0]), low, high, ".3f")
    return (
        f"The network without some of its heads (a *circuit*) is scored on **{part}**, in full "
        f"context; {int(label.sum()):,} of them are "
        f"start sites. With all heads, PR AUC is {score} "
        f"and ROC AUC {intact['roc_auc'][0]:.3f}. Intervals come from resampling {taken} blocks of "
        f"about {p.block:,} nt, both strands together."
        + (
            ""
            if taken >= ENOUGH_BLOCKS
            else " With so few they are too narrow: take them as a guide."
        )
    )


def say_ablated(heads: pd.DataFrame, layers: pd.DataFrame, level: float) -> str:
    """Say how many heads the scores need, and which layers.

    Parameters
    ----------
    heads, layers : DataFrame
        `circuits.changes` by head and by layer.
    level : float
    """
    n = len(heads)
    worse, better = heads["delta_pr_auc_high"] < 0, heads["delta_pr_auc_low"] > 0
    most = heads.nsmallest(3, "delta_pr_auc")
    told = listed(
        f"{name} {text}"
        for name, text in zip(
            profiles.names(most),
            _ranges(most, "delta_pr_auc", "delta_pr_auc_low", "delta_pr_auc_high", "+.4f"),
            strict=True,
        )
    )
    width = float((heads["delta_pr_auc_high"] - heads["delta_pr_auc_low"]).median()) / 2
    seen = seeds.smallest_seen(width / norm.ppf((1 + level) / 2), 1, level)
    order = layers.sort_values("delta_pr_auc")
    ranges = _ranges(order, "delta_pr_auc", "delta_pr_auc_low", "delta_pr_auc_high", "+.4f")
    by_layer = listed(
        f"layer {layer:.0f} {change}"
        for layer, change in zip(order["layer_1based"], ranges, strict=True)
    )
    return (
        "The interval of the change of PR AUC when a single head is left out lies below zero for "
        f"**{int(worse.sum())} of {n} heads** and above it for {_count(better)}; by chance, about "
        f"{(1 - level) * n:.1f} of {n} intervals would exclude zero. That of the contrast lies "
        f"below zero for {_count(heads['delta_contrast_high'] < 0)}. PR AUC falls most "
        f"without {told}. For the median head the interval reaches {width:.4f} to each side, so "
        f"its change must be {seen:.3f} or more to be found with {seeds.POWER:.0%} power. Without "
        "a whole layer the change is, from the greatest loss on: "
        f"{by_layer}.\n"
    )


def say_kept(curve: pd.DataFrame, order: list[str]) -> str:
    """Say how few heads are shown to be enough (`circuits.GOAL`), and what the next fewer keep.

    Parameters
    ----------
    curve : DataFrame
        ``n_heads``, ``pr_auc``, ``share``, ``share_low``, ``share_high``.
    order : list of str
        The head that is kept longest first.
    """
    row, enough = circuits.told_of(curve)
    n, whole = int(row["n_heads"]), curve.iloc[-1]
    rest = (
        " The shares have intervals of their own, from the same resamples with and without the "
        f"heads. The sizes were compared on the test part. Without any head PR AUC is "
        f"{curve['pr_auc'].iloc[0]:.3f}. The order is greedy: a smaller circuit may exist."
    )
    if not enough:
        return (
            f"**Of the sizes that were scored, only all {len(order)} heads are shown to keep "
            f"{GOAL:.0%}** of the PR AUC ({whole['pr_auc']:.3f}); scored were "
            f"{listed(curve['n_heads'].iloc[:-1].map(str))} heads. The largest of these circuits "
            f"keeps {_kept(row)}. Kept longest, in this order, are {', '.join(order[:_NAMED])}."
            + rest
        )
    below = curve[curve["n_heads"] < n].iloc[-1]
    fewer = int(below["n_heads"])
    return (
        f"**{n} of {len(order)} heads keep {_kept(row)}** of the PR AUC ({whole['pr_auc']:.3f}): "
        f"{_first(order[:n])} (first those kept longest). Of the circuits that were scored, those "
        "of "
        f"{listed(curve['n_heads'].iloc[:-1].map(str))} heads, it is the smallest whose whole "
        f"interval lies above {GOAL:.0%}; the next smaller one, of "
        f"{fewer} head{'s' * (fewer != 1)}, keeps {_kept(below)}.{rest}"
    )


def _kept(row: pd.Series) -> str:
    """The share of the PR AUC that a circuit keeps, with its interval."""
    return with_interval(row["share"], row["share_low"], row["share_high"], ".0%")


def _first(order: list[str]) -> str:
    """Heads in their order, the first of many."""
    more = f" and {len(order) - _NAMED} more" if len(order) > _NAMED else ""
    return ", ".join(order[:_NAMED]) + more or "none"


def _count(which: pd.Series) -> str:
    """Write how many are true; none in a word."""
    return str(int(which.sum())) if which.any() else "none"


def _ranges(rows: pd.DataFrame, value: str, low: str, high: str, spec: str = "+.2f") -> list[str]:
    """Write each row's value with its interval."""
    each = zip(rows[value], rows[low], rows[high], strict=True)
    return [with_interval(mean, first, last, spec) for mean, first, last in each]


def say_pairs(interactions: pd.DataFrame) -> str:
    """Say for how many pairs single effects do not add up, and by how much."""
    more = _count(interactions["interaction_contrast_high"] < 0)
    less = _count(interactions["interaction_contrast_low"] > 0)
    n = len(interactions)
    share = (interactions["interaction_contrast"] / interactions["sum_contrast"]).abs()
    return (
        f"We left out {n} pair{'s' * (n > 1)} of leading heads. The joint loss of contrast is "
        f"significantly larger than the sum of the single losses for {more}, and significantly "
        f"smaller for {less}. In the median pair the interaction is {share.median():.0%} of that "
        f"sum, at most {share.max():.0%}; to this extent, single effects do not add up. The "
        "leading heads were selected on this same part, which overstates their single effects "
        "somewhat, and so can make a joint loss look smaller than their sum."
    )


def say_ranks(agreement: pd.DataFrame, level: float) -> str:
    """Say which measures of attention order the heads as their absence does, or the reverse."""
    up, down = agreement[agreement["low"] > 0], agreement[agreement["high"] < 0]
    best = agreement.nlargest(1, "spearman")
    n = len(agreement)
    return (
        f"The interval lies above zero for {_pairs_of(up)} of the {n} rank correlations"
        + (f", and below it for {_pairs_of(down)}" if len(down) else "")
        + f"; by chance, about {(1 - level) * n:.1f} of {n} would exclude zero. "
        f"The highest is {_ranges(best, 'spearman', 'low', 'high')[0]}, of "
        f"{best['attention'].item()} with the loss of {best['importance'].item()}. "
        + (
            "So attention tells in part which heads matter; it cannot replace leaving them out.\n"
            if len(up)
            else "So it is not shown that attention tells which heads matter.\n"
        )
    )


def _pairs_of(rows: pd.DataFrame) -> str:
    """How many correlations, and of what with what."""
    named = listed(
        f"{row.attention} with the loss of {row.importance}" for row in rows.itertuples(index=False)
    )
    return f"{len(rows)} ({named})" if len(rows) else "none"


def rank_table(agreement: pd.DataFrame, level: float) -> str:
    """All rank correlations, folded away."""
    rows = pd.DataFrame(
        {
            "measure of attention": agreement["attention"],
            "against the loss of": agreement["importance"],
            f"rank correlation ({level:.0%} interval)": _ranges(
                agreement, "spearman", "low", "high"
            ),
            "heads": agreement["n_heads"],
        }
    )
    return report.folded(f"All {len(rows)} rank correlations", table(rows))
