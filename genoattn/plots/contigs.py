"""Figures of annotated contigs and of gene starts: tidy frames and tracks in, figures out."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genoattn.plots import style

_MARKS = {"+": "o", "-": "s"}


def around_starts(profile: pd.DataFrame) -> Figure:
    """Mean and median output around gene starts, sense and antisense.

    Parameters
    ----------
    profile : DataFrame
        `genoattn.annotate.around_sites`.
    """
    figure, grid = plt.subplots(1, 2, figsize=(style.WIDTH, 2.9), sharex=True, layout="constrained")
    for axes, measure in zip(grid, ("mean", "median"), strict=True):
        for number, (relation, part) in enumerate(profile.groupby("strand_relation", sort=False)):
            look = style.line(number) | {"linewidth": 1.0}
            axes.plot(part["offset"], part[measure], label=relation, **look)
        axes.axvline(0, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.set_yscale("log")
        axes.set_ylabel(f"{measure} output")
    figure.supxlabel("nucleotides from the first one of the gene, on its strand", fontsize=9)
    grid[0].legend()
    return figure


def peak_density(density: pd.DataFrame, threshold: float) -> Figure:
    """Peaks per thousand nucleotides of a strand, for each threshold, contig and strand.

    Parameters
    ----------
    density : DataFrame
        `genoattn.annotate.peaks_per_kb`; of many contigs the ten longest lists are drawn.
    threshold : float
        The one in use, marked.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    most = density.groupby("contig", sort=False)["n"].sum().nlargest(10).index
    for number, contig in enumerate(one for one in density["contig"].unique() if one in most):
        for strand in ("+", "-"):
            own = density[(density["contig"] == contig) & (density["strand"] == strand)]
            look = style.line(number) | {"marker": _MARKS[strand], "markersize": 3.5}
            axes.plot(own["threshold"], own["per_kb"], label=f"{contig} {strand}", **look)
    axes.axvline(threshold, color=style.FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("least output of a peak")
    axes.set_ylabel("peaks per 1,000 nt of a strand")
    axes.legend(ncols=2)
    return figure


def peak_views(
    tracks: Mapping[str, NDArray], peaks: pd.DataFrame, reach: int, truth: pd.DataFrame | None
) -> Figure:
    """Output around each of some peaks, the minus strand downwards, as a browser would show it.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
    peaks : DataFrame
        ``contig``, ``position``, ``strand``, ``output``; a panel each.
    reach : int
        Nucleotides on each side; what lies beyond a contig's ends is not drawn.
    truth : DataFrame or None
        ``contig``, ``position``, ``strand`` of known sites, marked by triangles.
    """
    columns = min(3, len(peaks))
    rows = -(-len(peaks) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, 0.5 + 1.6 * rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    shown = peaks[["contig", "position", "strand"]].itertuples(index=False, name=None)
    for axes, (contig, position, peak_strand) in zip(grid.flat, shown, strict=False):
        track = tracks[contig]
        first, last = max(0, position - reach), min(track.shape[1], position + reach + 1)
        place = np.arange(first, last)
        for row, strand, sign in ((0, "+", 1), (1, "-", -1)):
            look = style.line(row)
            axes.fill_between(place, sign * track[row, first:last], step="mid", color=look["color"])
            if truth is not None:
                own = truth[(truth["contig"] == contig) & (truth["strand"] == strand)]
                near = own.loc[own["position"].between(first, last - 1), "position"]
                axes.plot(near, np.zeros(len(near)), "k^" if sign > 0 else "kv", markersize=4)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_title(f"{contig} {position + 1:,} {peak_strand}", fontsize=7.5, pad=2)
        axes.set_xlim(first, last)
        axes.set_xticks([position], [""])
        axes.tick_params(labelsize=7)
    for axes in grid.flat[len(peaks) :]:
        axes.set_axis_off()
    figure.supxlabel(f"{reach} nt to each side of the peak (the tick)", fontsize=9)
    figure.supylabel("output; minus strand downwards", fontsize=9)
    return figure
