"""Figures of the model's output around sites and by region: tidy frames in, figures out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from genoattn.annotations import source_name
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
    columns = min(2 if len(classes) <= 4 else 3, len(classes))
    rows = -(-len(classes) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, 0.9 + (2.4 if columns < 3 else 2.25) * rows),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, name in zip(grid.flat, classes, strict=False):
        part = shown[shown["site_class"] == name]
        axes.axhline(baseline, color="black", linewidth=0.8, label="median of the whole part")
        for number, relation in enumerate(("sense", "antisense")):
            curve = part[part["strand"] == relation]
            look = style.line(number)
            axes.fill_between(
                curve["offset"],
                curve["ci_low"],
                curve["ci_high"],
                color=look["color"],
                alpha=0.25,
                lw=0,
            )
            axes.plot(curve["offset"], curve["median"], label=relation, linewidth=1.0, **look)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        size = 10 if columns < 3 else 9
        between = ", " if columns < 3 else "\n"
        axes.set_title(f"{title(name)}{between}n = {part['n'].iloc[0]:,}", fontsize=size)
        axes.tick_params(labelsize=8 if columns < 3 else 7.5, labelbottom=True)
    for axes in grid.flat[len(classes) :]:
        axes.set_visible(False)
    figure.supxlabel("position relative to the site, along its strand (nt)", fontsize=9)
    figure.supylabel("median output (probability of a start site)", fontsize=9)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    return figure


def title(site_class: str) -> str:
    """Name of a class of sites, with the name that its source has in all figures."""
    before, bracket, source = site_class.rstrip(")").partition(" (")
    return f"{before} ({source_name(source)})" if bracket else site_class


def region_medians(regions: pd.DataFrame) -> Figure:
    """Median output of each region, over that of the whole part and as a rank; paper's beside.

    Parameters
    ----------
    regions : DataFrame
        `region_levels.beside_paper`: ``region``, ``strand``, ``ratio``, ``ratio_low``,
        ``ratio_high``, ``paper_ratio`` (NaN where the paper gives none), ``percentile``,
        ``percentile_low``, ``percentile_high``.
    """
    place = np.arange(len(regions))
    figure, (left, right) = plt.subplots(
        1,
        2,
        figsize=(style.WIDTH, 1.1 + 0.3 * len(regions)),
        sharey=True,
        width_ratios=(3, 2),
        layout="constrained",
    )
    _intervals(left, regions, "ratio", place - 0.12, 0, "this run")
    if regions["paper_ratio"].notna().any():
        left.plot(
            regions["paper_ratio"],
            place + 0.12,
            marker="D",
            linestyle="none",
            markerfacecolor="white",
            color="black",
            label="paper",
        )
        left.legend(loc="upper right")
    left.axvline(1, color="black", linewidth=0.8)
    left.set_yticks(
        place,
        [
            name if strand == "both" else f"{name}, {strand}"
            for name, strand in zip(regions["region"], regions["strand"], strict=True)
        ],
    )
    left.invert_yaxis()
    _log_ratio(left)
    left.set_xlabel("median output / median of the whole part")
    _intervals(right, regions, "percentile", place, 0, "this run")
    right.axvline(50, color="black", linewidth=0.8)
    right.set_xlim(0, 100)
    right.set_xlabel("percentile of the part's positions")
    right.grid(axis="x", linewidth=0.4, color="0.85")
    return figure


def along_genes(regions: pd.DataFrame, parts: int) -> Figure:
    """Median output from the beginning to the end of genes, on both strands.

    Parameters
    ----------
    regions : DataFrame
        `region_levels.beside_paper` of the masks of `gene_context.along_genes`.
    parts : int
        Number of parts of a gene.
    """
    figure, axes = plt.subplots(figsize=(0.6 * style.WIDTH, 2.8), layout="constrained")
    axes.axhline(1, color="black", linewidth=0.8, label="whole part")
    for number, relation in enumerate(("sense", "antisense")):
        shown = regions[regions["strand"] == relation]
        part = shown["region"].str.extract(r"part (\d+)")[0].astype(int)
        middle = (part - 0.5 + 0.06 * (2 * number - 1)) * 100 / parts
        error = [shown["ratio"] - shown["ratio_low"], shown["ratio_high"] - shown["ratio"]]
        look = style.line(number)
        axes.errorbar(
            middle,
            shown["ratio"],
            yerr=np.clip(np.array(error), 0, None),
            marker="os"[number],
            capsize=3,
            label=relation,
            **look,
        )
    axes.set_xlim(0, 100)
    axes.set_xlabel("position in the gene, % of its length from its start")
    axes.set_ylabel("median output / whole part's")
    axes.legend()
    return figure


def shifts(table: pd.DataFrame) -> Figure:
    """Where peaks lie relative to the nearest annotated site, beside what chance gives.

    Parameters
    ----------
    table : DataFrame
        `peaks.shifts`.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.9), layout="constrained")
    error = [table["share"] - table["ci_low"], table["ci_high"] - table["share"]]
    axes.bar(
        table["offset"],
        100 * table["share"],
        yerr=100 * np.clip(np.array(error), 0, None),
        color=style.line(0)["color"],
        error_kw={"linewidth": 0.8},
        capsize=2,
        label="peaks",
    )
    axes.step(
        table["offset"], 100 * table["chance"], where="mid", color="black", lw=1.0, label="chance"
    )
    axes.set_xlabel("position of the peak relative to the nearest annotated site (nt)")
    axes.set_ylabel("% of the peaks")
    axes.legend()
    return figure


def antisense(groups: pd.DataFrame, thirds: pd.DataFrame, baseline: float, reach: int) -> Figure:
    """Output opposite start sites: by what lies on the other strand, and by the mirror score.

    Parameters
    ----------
    groups, thirds : DataFrame
        `profiles.median_profiles` of the groups of sites.
    baseline : float
        Median output of the whole part.
    reach : int
        Nucleotides drawn on each side.
    """
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.3), sharey=True, layout="constrained"
    )
    titles = ("by known sites on the other strand", "alone, by the other strand's -10 score")
    for axes, table, text in zip(panels, (groups, thirds), titles, strict=True):
        shown = table[(table["strand"] == "antisense") & (table["offset"].abs() <= reach)]
        axes.axhline(baseline, color="black", linewidth=0.8)
        for number, name in enumerate(dict.fromkeys(shown["site_class"])):
            curve, look = shown[shown["site_class"] == name], style.line(number)
            axes.fill_between(
                curve["offset"], curve["ci_low"], curve["ci_high"], color=look["color"],
                alpha=0.2, lw=0,
            )  # fmt: skip
            label = f"{name}, n = {curve['n'].iloc[0]:,}"
            axes.plot(curve["offset"], curve["median"], linewidth=1.2, label=label, **look)
        axes.set_yscale("log")
        axes.set_title(text)
        axes.legend(fontsize=7.5)
    panels[0].set_ylabel("median output opposite the site")
    figure.supxlabel("position relative to the site, along its strand (nt)", fontsize=9)
    return figure


def changes(table: pd.DataFrame, floor: dict[str, float]) -> Figure:
    """How many times the output remains when the sequence is shuffled, on both strands.

    Parameters
    ----------
    table : DataFrame
        `antisense.changes`.
    floor : dict of str to float
        For each strand the ratio that random places have to these sites: where nothing is left.
    """
    names = list(dict.fromkeys(table["edit"]))
    figure, axes = plt.subplots(figsize=(style.WIDTH, 1.0 + 0.6 * len(names)), layout="constrained")
    for number, relation in enumerate(("sense", "antisense")):
        rows = table[table["strand"] == relation]
        shift = 0.3 * number - 0.15
        _intervals(axes, rows, "ratio", np.arange(len(rows)) + shift, number, relation)
        axes.axvline(
            floor[relation],
            color=style.line(number)["color"],
            linestyle=":",
            linewidth=1,
            label=f"random places ({relation})",
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xlabel("highest output after / before the shuffle (median over sites)")
    axes.grid(axis="x", linewidth=0.4, color="0.85")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def pseudogenes(genes: pd.DataFrame, effects: pd.DataFrame, baseline: float) -> Figure:
    """Output of genes by AT content, and how pseudogenes compare with genes like them.

    Parameters
    ----------
    genes : DataFrame
        `matching.gene_table`.
    effects : DataFrame
        `matching.effects`.
    baseline : float
        Median output of the whole part.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.2), width_ratios=(2, 3), layout="constrained"
    )
    for pseudo, look in (
        (False, {"s": 5, "color": "0.7", "label": "genes"}),
        (True, {"s": 24, "color": "#D55E00", "marker": "^", "label": "pseudogenes"}),
    ):
        shown = genes[genes["pseudo"] == pseudo]
        left.scatter(100 * shown["at"], shown["sense"] / baseline, **look)
    left.axhline(1, color="black", linewidth=0.8)
    left.set_yscale("log")
    left.set_xlabel("A and T, % of the gene")
    left.set_ylabel("median output / whole part's")
    left.legend(fontsize=8)
    names = list(dict.fromkeys(effects["matched_on"]))
    for number, relation in enumerate(("sense", "antisense")):
        rows = effects[effects["strand"] == relation]
        shift = 0.3 * number - 0.15
        _intervals(right, rows, "ratio", np.arange(len(rows)) + shift, number, relation)
    right.axvline(1, color="black", linewidth=0.8)
    right.set_yticks(np.arange(len(names)), names)
    right.set_ylim(len(names) - 0.5, -0.5)
    _log_ratio(right)
    right.set_xlabel("pseudogene / its controls (median)")
    right.legend(fontsize=8)
    return figure


def support(table: pd.DataFrame) -> Figure:
    """Share of peaks with each kind of evidence, beside what positions of their kind have.

    Parameters
    ----------
    table : DataFrame
        `candidates.support`.
    """
    place = np.arange(len(table))
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.1 + 0.38 * len(table)), layout="constrained"
    )
    error = [table["share"] - table["share_low"], table["share_high"] - table["share"]]
    axes.barh(
        place - 0.18,
        100 * table["share"],
        height=0.36,
        xerr=100 * np.clip(np.array(error), 0, None),
        color=style.line(0)["color"],
        error_kw={"linewidth": 0.8},
        capsize=2,
        label="peaks",
    )
    axes.barh(
        place + 0.18,
        100 * table["chance"],
        height=0.36,
        color="white",
        edgecolor="black",
        hatch="///",
        label="positions of the same kind",
    )
    for y, row in zip(place, table.to_dict("records"), strict=True):
        if np.isfinite(row["ci_low"]):
            text = f" ×{row['ratio']:.1f} ({row['ci_low']:.1f} to {row['ci_high']:.1f})"
            axes.text(100 * row["share_high"], y - 0.18, text, va="center", fontsize=8)
    axes.set_yticks(place, table["evidence"])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(100 * table["share_high"].max(), 1))
    axes.set_xlabel("% with this evidence")
    axes.legend(loc="upper right")
    return figure


def _intervals(
    axes: Axes, table: pd.DataFrame, value: str, place: np.ndarray, number: int, label: str
) -> None:
    """Points with horizontal intervals; ``ratio`` without its own limits has ``ci_low/high``."""
    low = f"{value}_low" if f"{value}_low" in table else "ci_low"
    high = f"{value}_high" if f"{value}_high" in table else "ci_high"
    error = [table[value] - table[low], table[high] - table[value]]
    axes.errorbar(
        table[value],
        place,
        xerr=np.clip(np.array(error), 0, None),
        fmt="os"[number],
        color=style.line(number)["color"],
        capsize=3,
        label=label,
    )


def _log_ratio(axes: Axes) -> None:
    """A logarithmic horizontal axis with plain numbers and a light grid."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", which="both", linewidth=0.4, color="0.85")
