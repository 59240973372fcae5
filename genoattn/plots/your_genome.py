"""Figures of an annotated genome: tidy frames and tracks in, figures out."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from genoattn.genome.sites import paper_label
from genoattn.plots import panels, style
from genoattn.plots.drawn import Drawn

__all__ = ["around_starts", "by_chance", "peak_density", "peak_views"]


_MARKS = {"+": "o", "-": "s"}
_MOST = 10  # contigs in the figure of densities
_FIRST = 2  # lines 0 and 1 of the style are the strands, here and in the views of peaks


def around_starts(profile: pd.DataFrame | None) -> Drawn | None:
    """Mean and median output around gene starts, sense and antisense.

    Parameters
    ----------
    profile : DataFrame or None
        `genoattn.output.around.mean_and_median`; without one there is no figure.
    """
    if profile is None:
        return None
    figure, grid = plt.subplots(1, 2, figsize=(style.WIDTH, 2.9), sharex=True, layout="constrained")
    for axes, measure in zip(grid, ("mean", "median"), strict=True):
        for number, (relation, part) in enumerate(profile.groupby("strand_relation", sort=False)):
            look = style.line(number) | {"linewidth": 1.0}
            axes.plot(part["offset"], part[measure], label=relation, **look)
        axes.axvline(0, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.set_yscale("log")
        axes.set_ylabel(f"{measure} output")
    flank = int(profile["offset"].max())
    ticks = np.array([-flank, -(flank // 2), 0, flank // 2 - 1, flank - 1])
    grid[0].set_xticks(ticks, [f"{value:+d}" for value in paper_label(ticks)])
    figure.supxlabel("position relative to the first nucleotide of the gene, +1", fontsize=9)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    sense = profile[profile["strand_relation"] == "sense"]
    top = sense.loc[sense["mean"].idxmax()]
    place = f"{paper_label(int(top['offset'])):+d}"
    return Drawn(
        figure,
        f"Output around {int(sense['n'].max()):,} gene starts (grey line), on the gene's strand "
        "(sense) and on the other (antisense). If the output means anything on this genome, it is "
        "higher before genes than in them, on their strand. The few sites of high output carry the "
        f"mean, which is highest at {place}; the median shows what most genes have in common.",
        "Two panels, mean and median output on a log scale against the position around gene "
        f"starts, each with a sense and an antisense curve; the sense mean peaks at {place} "
        f"with {top['mean']:.2g}.",
    )


def by_chance(table: pd.DataFrame) -> Drawn:
    """Peaks of the sequences at each threshold, and those that chance gives.

    Parameters
    ----------
    table : DataFrame
        `genoattn.output.chance.by_threshold`.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    own, false = style.line(0), style.line(1)
    axes.fill_between(
        table["threshold"],
        table["by_chance_low"],
        table["by_chance_high"],
        color=false["color"],
        alpha=0.25,
        linewidth=0,
    )
    axes.plot(table["threshold"], table["n"], label="these sequences", **own)
    axes.plot(table["threshold"], table["by_chance"], label="by chance (shuffled copy)", **false)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("least output of a peak")
    axes.set_ylabel("number of peaks")
    axes.legend(loc="upper right")
    first = table.iloc[0]
    share = "" if np.isnan(first["fdr"]) else f", a share of {first['fdr']:.0%}"
    return Drawn(
        figure,
        "Peaks of these sequences at each threshold, and the number that chance gives on "
        f"sequences of this length (band: 95% interval). At {first['threshold']:g} there are "
        f"{first['n']:,.0f}, and {first['by_chance']:,.1f} by chance{share}. Where the two lines "
        "meet, a peak means nothing.",
        "Two falling curves of the number of peaks against the threshold. At "
        f"{first['threshold']:g} the sequences have {first['n']:,.0f} and chance gives "
        f"{first['by_chance']:,.1f}.",
    )


def peak_density(density: pd.DataFrame, threshold: float) -> Drawn:
    """Peaks per thousand nucleotides of a strand, for each threshold, contig and strand.

    Parameters
    ----------
    density : DataFrame
        `genoattn.output.peaks.peaks_per_kb`; of many contigs, the ten with most peaks are drawn.
    threshold : float
        The one in use, marked.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    most = set(density.groupby("contig", sort=False)["n"].sum().nlargest(_MOST).index)
    contigs = [one for one in density["contig"].unique() if one in most]
    looks = {contig: style.line(_FIRST + number) for number, contig in enumerate(contigs)}
    for contig, look in looks.items():
        for strand, mark in _MARKS.items():
            own = density[(density["contig"] == contig) & (density["strand"] == strand)]
            axes.plot(own["threshold"], own["per_kb"], marker=mark, markersize=3.5, **look)
    axes.axvline(threshold, color=style.FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("least output of a peak")
    axes.set_ylabel("peaks per 1,000 nt of a strand")
    strands = [
        Line2D([], [], color=style.FAINT, linestyle="", marker=mark, label=f"{word} strand")
        for word, mark in zip(("plus", "minus"), _MARKS.values(), strict=True)
    ]
    figure.legend(
        handles=[Line2D([], [], label=contig, **look) for contig, look in looks.items()] + strands,
        loc="outside right upper",
    )
    here = density.loc[np.isclose(density["threshold"], threshold), "per_kb"]
    spread = f"from {here.min():.2g} to {here.max():.2g} in 1,000 nt"
    return Drawn(
        figure,
        "Peaks per 1,000 nt of a strand, by the least output that a peak must have; the grey line "
        f"is the threshold in use, which gives {spread}, depending on contig and strand. Both "
        "strands of a contig should give about as many; where a curve is steep, the number of "
        "peaks depends on the threshold more than on the genome.",
        "Falling curves of the density of peaks against the threshold on a log scale, two for each "
        f"of {len(contigs)} contigs; at the threshold {threshold:g} they lie {spread}.",
    )


def peak_views(
    tracks: Mapping[str, NDArray], peaks: pd.DataFrame, reach: int, truth: pd.DataFrame | None
) -> Drawn | None:
    """Output around each of some peaks, the minus strand downwards, as a browser would show it.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
    peaks : DataFrame
        ``contig``, ``position`` (0-based), ``strand``, ``output``; a panel each. Without a peak
        there is no figure.
    reach : int
        Nucleotides on each side; what lies beyond a contig's ends is not drawn.
    truth : DataFrame or None
        ``contig``, ``position``, ``strand`` of known sites, marked by triangles.
    """
    if peaks.empty:
        return None
    figure, grid = panels.in_rows(len(peaks), 3, 1.6, rest=0.5, share="y")
    shown = peaks[["contig", "position", "strand"]].itertuples(index=False, name=None)
    for axes, (contig, position, strand) in zip(grid, shown, strict=True):
        _view(axes, tracks[contig], position, reach)
        if truth is not None:
            _mark(axes, truth[truth["contig"] == contig])
        axes.set_title(f"{contig} {position + 1:,} {strand}", fontsize=style.SMALL, pad=2)
    figure.supxlabel(f"{reach} nt to each side of the peak (the tick)", fontsize=9)
    figure.supylabel("output; minus strand downwards", fontsize=9)
    marked = "" if truth is None else " Triangles mark planted start sites."
    spread = f"{peaks['output'].min():.2g} to {peaks['output'].max():.2g}"
    return Drawn(
        figure,
        f"Output around the highest peaks ({spread}), highest first; blue and upwards on the plus "
        "strand, orange and downwards on the minus strand. The title gives contig, position "
        f"counted from 1, and strand.{marked} A single start site should look like one narrow peak "
        "on its own strand, with nothing opposite it.",
        f"{len(peaks)} small panels of the output within {reach} nt of a peak, the plus strand "
        f"upwards and the minus strand downwards; the outputs at the peaks are {spread}.",
    )


def _view(axes: Axes, track: NDArray, position: int, reach: int) -> None:
    """Draw both strands of a track (2, L) around a position."""
    first, last = max(0, position - reach), min(track.shape[1], position + reach + 1)
    place = np.arange(first, last)
    for row, sign in ((0, 1), (1, -1)):
        colour = style.line(row)["color"]
        axes.fill_between(place, sign * track[row, first:last], step="mid", color=colour)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xlim(first, last)
    axes.set_xticks([position], [""])
    axes.tick_params(labelsize=style.SMALL)


def _mark(axes: Axes, sites: pd.DataFrame) -> None:
    """Mark the sites of one contig that lie in view."""
    first, last = axes.get_xlim()
    for strand, mark in (("+", "k^"), ("-", "kv")):
        own = sites.loc[sites["strand"] == strand, "position"]
        near = own[own.between(first, last - 1)]
        axes.plot(near, np.zeros(len(near)), mark, markersize=4)
