"""Figures of the model's output around sites and by region: tidy frames in, figures out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from genoattn.plots import style


def site_profiles(profiles: pd.DataFrame, baseline: float, reach: int | None = None) -> Figure:
    """Median output around classes of sites, after the paper's Figure 4.

    A panel for each class; sense solid, antisense dashed, bands around both; the horizontal line
    is the median of the whole part.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.median_profiles`.
    baseline : float
        Median output of the whole part.
    reach : int, optional
        Nucleotides drawn on each side; all where None.
    """
    shown = profiles if reach is None else profiles[profiles["offset"].abs() <= reach]
    classes = list(dict.fromkeys(shown["site_class"]))
    columns = min(2, len(classes))
    rows = -(-len(classes) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, 0.9 + 2.4 * rows),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, name in zip(grid.flat, classes, strict=False):
        part = shown[shown["site_class"] == name]
        axes.axhline(baseline, color="black", linewidth=0.8, label="median of the whole part")
        for number, relation in enumerate(("sense", "antisense")):
            curve = part[part["strand_relation"] == relation]
            look = style.line(number)
            axes.fill_between(
                curve["offset"], curve["low"], curve["high"], color=look["color"], alpha=0.25, lw=0
            )
            axes.plot(curve["offset"], curve["median"], label=relation, linewidth=1.0, **look)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{title(name)}, n = {part['n_sites'].iloc[0]:,}")
        axes.tick_params(labelsize=8, labelbottom=True)
    for axes in grid.flat[len(classes) :]:
        axes.set_visible(False)
    figure.supxlabel("position relative to the site, along its strand (nt)", fontsize=9)
    figure.supylabel("median output (probability of a TSS)", fontsize=9)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    return figure


def title(site_class: str) -> str:
    """Name of a class of sites, with the name that its source has in all figures."""
    before, bracket, source = site_class.rstrip(")").partition(" (")
    return f"{before} ({style.name(source)})" if bracket else site_class


def region_medians(regions: pd.DataFrame) -> Figure:
    """Median output of each region over that of the whole part, with intervals; paper's beside.

    Parameters
    ----------
    regions : DataFrame
        ``name``, ``ratio``, ``ratio_low``, ``ratio_high`` and, to stand beside, ``paper_ratio``
        (NaN where the paper gives none).
    """
    place = np.arange(len(regions))
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.1 + 0.36 * len(regions)), layout="constrained"
    )
    error = [regions["ratio"] - regions["ratio_low"], regions["ratio_high"] - regions["ratio"]]
    axes.errorbar(
        regions["ratio"],
        place - 0.12,
        xerr=np.clip(np.array(error), 0, None),
        fmt="o",
        color=style.line(0)["color"],
        capsize=3,
        label="this run",
    )
    if "paper_ratio" in regions:
        axes.plot(
            regions["paper_ratio"],
            place + 0.12,
            marker="D",
            linestyle="none",
            markerfacecolor="white",
            color="black",
            label="paper",
        )
        axes.legend()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(place, regions["name"])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("median output / median output of the whole part")
    axes.grid(axis="x", which="both", linewidth=0.4, color="0.85")
    return figure
