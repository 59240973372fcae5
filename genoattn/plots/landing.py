"""Small pictures of the first page: numbers with intervals, one figure a finding; frames in."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genoattn.plots import style
from genoattn.plots.drawn import Drawn

__all__ = ["BOXES", "along", "forest", "ranked"]

BOXES: tuple[tuple[str, int, int], ...] = (("−35 box", -38, -30), ("−10 box", -14, -7))
"""Where the two boxes of a promoter usually lie: first and last position, there is no 0."""

_WIDTH = 4.2
"""Inches: as wide as the pictures are shown, so that 8 points stay 8 points."""


def forest(
    rows: pd.DataFrame, label: str, what: str, *, zero: bool = False, share: bool = False
) -> Drawn:
    """Draw numbers with their intervals, a line each.

    Parameters
    ----------
    rows : DataFrame
        ``name``, ``value``, ``low``, ``high`` (NaN: no interval) and, if it is known, ``chance``.
    label : str
        Of the axis.
    what : str
        What the lines are, for the caption.
    zero : bool
        Mark zero, as of a difference.
    share : bool
        The values are shares, written in percent.
    """
    figure, axes = plt.subplots(figsize=(_WIDTH, 0.7 + 0.27 * len(rows)), layout="constrained")
    place = np.arange(len(rows))[::-1]
    value, low, high = (rows[name].to_numpy(float) for name in ("value", "low", "high"))
    known = np.isfinite(low) & np.isfinite(high)
    axes.hlines(place[known], low[known], high[known], color="black", linewidth=1.4)
    axes.plot(value[known], place[known], "o", color=style.line(0)["color"])
    axes.plot(value[~known], place[~known], "D", color=style.line(1)["color"])
    if "chance" in rows:
        axes.plot(rows["chance"], place, "o", markerfacecolor="white", color=style.FAINT)
    if zero:
        axes.axvline(0, color=style.FAINT, linewidth=0.8)
    else:
        axes.set_xlim(left=0)
    if share:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.locator_params(axis="x", nbins=6)  # numbers with three decimals need room
    axes.set_yticks(place, [style.label(name) for name in rows["name"]])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(label)
    spec = ".0%" if share else "+.3f" if zero else ".3f"
    values = "; ".join(
        f"{name} {number:{spec}}" for name, number in zip(rows["name"], value, strict=True)
    )
    return Drawn(
        figure,
        f"{label}: {what}. Lines are 95% intervals.",
        f"Dots with 95 percent intervals, {what}. {label}: {values}.",
    )


def along(positions: pd.DataFrame, region: tuple[int, int] = (-60, 20)) -> Drawn:
    """Draw what the substitution of one nucleotide does to the log-odds, along the promoter.

    Parameters
    ----------
    positions : DataFrame
        ``label`` (the TSS is +1, there is no 0), ``cost``, ``ci_low``, ``ci_high``.
    region : tuple of int
        First and last position shown.
    """
    shown = positions[positions["label"].between(*region)].sort_values("label")
    figure, axes = _panel()
    place = shown["label"].to_numpy()
    axes.fill_between(
        place, shown["ci_low"], shown["ci_high"], step="mid", color="#56B4E9", alpha=0.6
    )
    axes.step(place, shown["cost"], where="mid", color="black", linewidth=1.2)
    axes.axhline(0, color=style.FAINT, linewidth=0.8)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.14 * (top - bottom))
    for name, first, last in BOXES:
        axes.axvspan(first - 0.5, last + 0.5, color="#E69F00", alpha=0.25, linewidth=0)
        axes.text((first + last) / 2, top, name, ha="center", va="bottom", fontsize=8)
    axes.set_xticks([-60, -40, -20, 1, 20], ["−60", "−40", "−20", "+1", "+20"])
    axes.set_xlabel("position, relative to the start site (nt)")
    axes.set_ylabel("change of log-odds")
    worst = shown.loc[shown["cost"].idxmin()]
    return Drawn(
        figure,
        "Mean change of the log-odds when one nucleotide is exchanged.",
        "A line along the promoter: the change of log-odds when one nucleotide is exchanged. It is "
        f"lowest at {int(worst['label']):+d}, {worst['cost']:.2f}; bands mark the two boxes.",
    )


def ranked(heads: pd.DataFrame) -> Drawn:
    """Draw the change of PR AUC without each head, from the one that is missed most.

    Parameters
    ----------
    heads : DataFrame
        ``delta_pr_auc``, ``ci_low``, ``ci_high``, sorted.
    """
    figure, axes = _panel()
    place = np.arange(1, len(heads) + 1)
    below, above = (heads["ci_high"] < 0).to_numpy(), (heads["ci_low"] > 0).to_numpy()
    axes.vlines(place, heads["ci_low"], heads["ci_high"], color=style.FAINT, linewidth=1)
    for kept, marker, number, name in (
        (below, "D", 1, "below zero"),
        (~below & ~above, "o", 0, "not significant"),
        (above, "^", 2, "above zero"),
    ):
        if kept.any():
            axes.plot(
                place[kept],
                heads["delta_pr_auc"][kept],
                marker,
                color=style.line(number)["color"],
                markersize=3.5,
                label=name,
            )
    axes.axhline(0, color=style.FAINT, linewidth=0.8)
    axes.set_xlabel("heads, the one that is missed most first")
    axes.set_ylabel("change of PR AUC")
    axes.legend(loc="lower right")
    return Drawn(
        figure,
        "Change of PR AUC when one head is switched off; lines are 95% intervals.",
        f"The change of PR AUC without each of {len(heads)} heads, sorted; the interval lies below "
        f"zero for {int(below.sum())} and above it for {int(above.sum())}.",
    )


def _panel() -> tuple[Figure, Axes]:
    """One small panel."""
    figure, axes = plt.subplots(figsize=(_WIDTH, 2.1), layout="constrained")
    return figure, axes
