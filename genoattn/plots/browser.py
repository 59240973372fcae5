"""Static views of a place on the genome: output of both strands, genes, support of the sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from genoattn.plots import style

__all__ = ["place"]


_COLOUR = {"+": style.line(0)["color"], "-": style.line(1)["color"]}
_PSEUDO = "#967096"


def place(
    output: pd.DataFrame,
    genes: pd.DataFrame,
    support: pd.DataFrame,
    *,
    start: int,
    end: int,
    floor: float,
    n_sources: int,
) -> Figure:
    """Draw a window: plus strand upwards, minus strand downwards, genes and support below.

    Parameters
    ----------
    output : DataFrame
        ``position`` (0-based), ``strand``, ``output``; positions that are not named lie below
        ``floor``.
    genes : DataFrame
        ``start``, ``end`` (0-based half-open), ``strand``, ``name``, ``kind`` (gene, pseudogene).
    support : DataFrame
        ``start``, ``end`` of a bin, ``strand``, ``n``: sources with a start site in the bin.
    start, end : int
        The window, 0-based half-open; the axis counts from 1.
    floor : float
        Least output that is drawn; axes are logarithmic from there.
    n_sources : int
        Number of sources, the height of the support's axis.
    """
    figure, (up, down, middle, low) = plt.subplots(
        4,
        1,
        figsize=(style.WIDTH, 4.2),
        sharex=True,
        height_ratios=[2.4, 2.4, 1.3, 1.2],
        gridspec_kw={"hspace": 0.0},
    )
    figure.subplots_adjust(left=0.1, right=0.98, top=0.98, bottom=0.11)
    top = max(float(output["output"].max()) if len(output) else 0.0, 10 * floor)
    for axes, strand in ((up, "+"), (down, "-")):
        own = output[output["strand"] == strand]
        axes.vlines(own["position"] + 1, floor, own["output"], color=_COLOUR[strand], linewidth=1)
        axes.set_yscale("log")
        limits = (floor, 4 * top)  # room for the strand's name
        axes.set_ylim(limits if strand == "+" else limits[::-1])
        axes.text(
            0.004,
            0.95 if strand == "+" else 0.05,
            "plus strand" if strand == "+" else "minus strand",
            transform=axes.transAxes,
            va="top" if strand == "+" else "bottom",
            color=_COLOUR[strand],
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:g}" if value > 2 * floor else "")
        )
        axes.tick_params(bottom=False)
    down.spines["top"].set_visible(True)
    down.spines["bottom"].set_visible(False)
    figure.text(0.012, 0.68, "output", rotation=90, va="center", fontsize=9)
    _genes(middle, genes, start, end)
    for strand, sign in (("+", 1), ("-", -1)):
        own = support[support["strand"] == strand]
        low.bar(
            own["start"] + 1,
            sign * own["n"],
            own["end"] - own["start"],
            align="edge",
            color=_COLOUR[strand],
            hatch=None if strand == "+" else "///",
            edgecolor="white",
            linewidth=0,
        )
    low.axhline(0, color="black", linewidth=0.6)
    low.set_ylim(-n_sources - 0.5, n_sources + 0.5)
    low.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    low.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    low.set_ylabel("sources")
    low.set_xlim(start + 0.5, end + 0.5)
    low.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    low.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    low.set_xlabel("position on the plus strand (1-based), nt")
    return figure


def _genes(axes: Axes, genes: pd.DataFrame, start: int, end: int) -> None:
    """Genes as arrows: plus strand above, minus strand below, pseudogenes hatched."""
    axes.set_ylim(-1.1, 1.1)
    axes.set_yticks([])
    axes.set_ylabel("genes")
    axes.tick_params(bottom=False)
    axes.axhline(0, color="black", linewidth=0.6)
    tip = 0.008 * (end - start)
    rows: Iterator[Any] = genes.itertuples(index=False)
    for one in rows:
        left, right = max(one.start, start), min(one.end, end)
        if left >= right:
            continue
        sign = 1 if one.strand == "+" else -1
        tail, head = (left, right) if sign > 0 else (right, left)
        neck = head - sign * min(tip, right - left)
        y = sign * 0.5
        corners = np.array(
            [
                (tail, y - 0.28),
                (neck, y - 0.28),
                (head, y),
                (neck, y + 0.28),
                (tail, y + 0.28),
            ]
        )
        pseudo = one.kind == "pseudogene"
        axes.fill(
            corners[:, 0] + 0.5,
            corners[:, 1],
            facecolor="white" if pseudo else _COLOUR[one.strand],
            edgecolor=_PSEUDO if pseudo else _COLOUR[one.strand],
            hatch="////" if pseudo else None,
            linewidth=0.8,
        )
        if right - left > 0.011 * len(one.name) * (end - start):
            axes.text(
                (left + right) / 2,
                y,
                one.name,
                ha="center",
                va="center",
                fontsize=7.5,
                fontstyle="italic",
                color="black" if pseudo else "white",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8} if pseudo else None,
            )
