"""Figures of the model's output around sites and by region: tidy frames in, figures out.

Positions are drawn as biologists count them (`sites.paper_label`: no zero, the site is +1).
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    StrMethodFormatter,
)

from genoattn.genome.sites import position_name
from genoattn.interventions.shuffles import EDITS
from genoattn.output.around import class_name
from genoattn.output.regions import HIGHEST_IN_GAPS, labels
from genoattn.plots import panels, style
from genoattn.plots.drawn import Drawn
from genoattn.study.report import signed

__all__ = [
    "along_genes",
    "antisense",
    "changes",
    "frames",
    "pseudogenes",
    "region_medians",
    "shifts",
    "site_profiles",
    "support",
]


_GROUPS = (style.line(4), style.line(3), {"color": "#222222", "linestyle": "-"})
"""Looks of the groups of sites by their neighbours: the last, alone, is dark."""

_THIRDS = (
    {"color": "#999999", "linestyle": ":"},
    {"color": "#666666", "linestyle": "--"},
    {"color": "#222222", "linestyle": "-"},
)
"""Looks of the thirds of those that are alone: the darker, the higher the score."""


def site_profiles(profiles: pd.DataFrame, baseline: float, reach: int | None = None) -> Drawn:
    """Median output around classes of sites, after the paper's Figure 4.

    A panel for each class; sense solid, antisense dashed, bands around both; the horizontal line
    is the median of the whole part.

    Parameters
    ----------
    profiles : DataFrame
        `around.median_profiles`.
    baseline : float
        Median output of the whole part.
    reach : int, optional
        Nucleotides drawn on each side; all where None.
    """
    shown = profiles if reach is None else profiles[profiles["offset"].abs() <= reach]
    classes = list(dict.fromkeys(shown["site_class"]))
    columns = 2 if len(classes) <= 4 else 3
    height = 2.4 if columns < 3 else 2.25
    figure, grid = panels.in_rows(len(classes), columns, height, rest=0.9, share="x")
    for axes, name in zip(grid, classes, strict=True):
        part = shown[shown["site_class"] == name]
        axes.axhline(baseline, color="black", linewidth=0.8, label="median of the whole part")
        for number, relation in enumerate(("sense", "antisense")):
            _curve(axes, part[part["strand"] == relation], style.line(number), relation)
        _log_output(axes)
        between = ", " if columns < 3 else "\n"
        heading = f"{class_name(name)}{between}n = {part['n'].iloc[0]:,}"
        axes.set_title(heading, fontsize=10 if columns < 3 else 9)
        axes.tick_params(labelsize=8 if columns < 3 else 7.5, labelbottom=True)
    _positions(grid[0], shown["offset"])
    figure.supxlabel("position along the site's strand, nt (the site is +1)", fontsize=9)
    figure.supylabel("median output (probability of a start site)", fontsize=9)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    return Drawn(figure, _said_of_profiles(shown, reach), _alt_of_profiles(shown, baseline))


def _said_of_profiles(shown: pd.DataFrame, reach: int | None) -> str:
    """Caption of `site_profiles`."""
    of_promoters = "TSSs" in set(shown["site_class"])
    farthest = int(shown["offset"].max())
    wide = "in the paper's window" if of_promoters else f"{farthest} nt to each side"
    window = wide if reach is None else f"close up, {reach} nt to each side"
    see = (
        "Around start sites look for the sharp peak at +1 on their own strand and a lower one on "
        "the opposite strand; a class of few sites has wide bands, and other peaks may be chance."
        if reach is None
        else "Look where the dashed curve peaks: upstream of +1 if the model also reads "
        "the nucleotides of the site's own promoter as a promoter of the other strand."
        if of_promoters
        else "Look how narrow the peak at +1 is, and whether others follow three nucleotides apart."
    )
    return (
        f"Median output around sites, {window}: sense solid, antisense dashed, bands of pointwise "
        "confidence, the test part's median as a horizontal line; n is the number of sites whose "
        f"whole window lies in the test part. {see}"
    )


def _alt_of_profiles(shown: pd.DataFrame, baseline: float) -> str:
    """Alternative text of `site_profiles`: where each class is highest on both strands."""
    told = []
    for name, part in shown.groupby("site_class", sort=False):
        tops = [
            dict(part.loc[part[part["strand"] == relation]["median"].idxmax()])
            for relation in ("sense", "antisense")
        ]
        sense, other = (
            f"{position_name(top['offset'])} ({top['median'] / baseline:.3g} times the part)"
            for top in tops
        )
        told.append(f"{class_name(str(name))}: sense highest at {sense}, antisense at {other}")
    reach = int(shown["offset"].abs().max())
    return (
        f"A panel for each class of sites with two curves, {reach} nt to each side. "
        f"{'; '.join(told)}."
    )


def region_medians(regions: pd.DataFrame) -> Drawn:
    """Median output of each region, over that of the whole part and as a rank; paper's beside.

    Parameters
    ----------
    regions : DataFrame
        `regions.beside_paper`: ``region``, ``strand``, ``ratio``, ``ratio_low``,
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
        figure.legend(
            *left.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8.5
        )
    left.axvline(1, color="black", linewidth=0.8)
    left.set_yticks(place, labels(regions))
    left.invert_yaxis()
    _log_ratio(left)
    left.set_xlabel("median output / median of the whole part")
    _intervals(right, regions, "percentile", place, 0, "this run")
    right.axvline(50, color="black", linewidth=0.8)
    right.set_xlim(0, 100)
    right.set_xlabel("percentile of the part's positions")
    right.grid(axis="x", linewidth=0.4, color="0.85")
    told = [
        f"{name} {ratio:.2f} times (percentile {rank:.0f})"
        for name, ratio, rank in zip(
            labels(regions), regions["ratio"], regions["percentile"], strict=True
        )
    ]
    theirs = (
        ", with the paper's multiples as open diamonds where it prints them"
        if regions["paper_ratio"].notna().any()
        else ""
    )
    maxima = (
        " In the rows of the highest output in each gap, gaps are resampled, not blocks of the "
        "genome; these rows lie further right as a maximum is higher than a median."
        if regions["region"].eq(HIGHEST_IN_GAPS).any()
        else ""
    )
    return Drawn(
        figure,
        "Median output of each class of regions: left as a multiple of the whole test part's "
        f"median{theirs}; right as a percentile of the test part. Bars: interval of the block "
        "bootstrap. Where a bar lies to the right of the line, the median output is higher than "
        f"in the whole test part.{maxima}",
        f"Points with horizontal bars, a row for each class of regions: {'; '.join(told)}.",
    )


def along_genes(regions: pd.DataFrame, parts: int) -> Drawn | None:
    """Median output from the beginning to the end of genes, on both strands; None without genes.

    Parameters
    ----------
    regions : DataFrame
        `regions.beside_paper` of the masks of `regions.along_genes`.
    parts : int
        Number of parts of a gene.
    """
    if regions.empty:
        return None
    figure, axes = plt.subplots(figsize=(0.6 * style.WIDTH, 2.8), layout="constrained")
    told = []
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
        first, last = shown["ratio"].iloc[0], shown["ratio"].iloc[-1]
        told.append(f"from {first:.2f} to {last:.2f} times ({relation})")
    axes.set_xlim(0, 100)
    axes.set_xlabel("position in the gene, % of its length from its start")
    axes.set_ylabel("median output / whole part's")
    figure.legend(loc="outside right center")
    return Drawn(
        figure,
        "Median output along genes, from start to end, on the gene's strand and opposite; genes of "
        "protein and RNA without pseudogenes, nucleotides in two genes left out. Bars: block "
        f"bootstrap. From the first to the last of {parts} parts the median goes "
        f"{' and '.join(told)} that of the whole test part.",
        f"Two curves along a gene: from its first to its last part the median goes "
        f"{' and '.join(told)} that of the whole part.",
    )


def shifts(table: pd.DataFrame) -> Drawn:
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
        label="predicted sites",
    )
    axes.step(
        table["offset"], 100 * table["chance"], where="mid", color="black", lw=1.0, label="chance"
    )
    axes.set_xlabel("distance of the predicted from the nearest curated site, nt (> 0: downstream)")
    axes.set_ylabel("% of the predicted sites")
    axes.legend()
    exact = dict(table[table["offset"] == 0].iloc[0])
    top = dict(table.loc[table["share"].fillna(0).idxmax()])
    return Drawn(
        figure,
        "Distance of the predicted start sites from the nearest curated site of their strand "
        "(positive: downstream; 0: at the very nucleotide), in % of all predicted sites, with "
        "exact binomial intervals. Black: the same of all positions of the test part, which is "
        "what random positions would give. A model that finds the nucleotide itself has one bar "
        f"far above chance, at 0: here {exact['share']:.0%} against {exact['chance']:.2%}.",
        f"Bars by distance; the highest, {top['share']:.0%} of the predicted sites, is at "
        f"{signed(top['offset'])} nt.",
    )


def frames(table: pd.DataFrame) -> Drawn | None:
    """Share of predicted gene starts inside genes by reading frame, beside that of start codons.

    None where this is not asked, or no such start lies in a gene.

    Parameters
    ----------
    table : DataFrame
        `frames.by_frame`.
    """
    if table.empty or not table["n_inside"].iloc[0]:
        return None
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.2), layout="constrained")
    place = np.arange(len(table))
    axes.barh(place + 0.2, table["chance"], 0.36, color="0.8", label="all start codons in genes")
    low, high = table["share"] - table["ci_low"], table["ci_high"] - table["share"]
    look = style.line(0)["color"]
    axes.barh(place - 0.2, table["share"], 0.36, color=look, label="predicted, not annotated")
    axes.errorbar(
        table["share"], place - 0.2, xerr=[low, high], fmt="none", color="black", capsize=3
    )
    axes.set_yticks(place, table["frame"])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("share of those inside a coding sequence on its strand")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    told = [f"{row['frame']} {row['share']:.0%} ({row['chance']:.0%})" for row in _records(table)]
    return Drawn(
        figure,
        "Predicted starts that the annotation lacks, inside a coding sequence: which letter of its "
        "codons their first nucleotide is, with exact binomial intervals, beside the same of all "
        "ATG, GTG and TTG there. A bar in frame that is far longer than the grey one says that "
        "these predictions would begin the same protein at another place.",
        f"Bars by frame, share of predicted starts and, in brackets, of start codons: "
        f"{'; '.join(told)}.",
    )


def antisense(
    groups: pd.DataFrame, thirds: pd.DataFrame, baseline: float, reach: int
) -> Drawn | None:
    """Output opposite start sites: by what lies on the other strand, and by the mirror score.

    None where this is not asked.

    Parameters
    ----------
    groups, thirds : DataFrame
        `around.median_profiles` of the groups of sites.
    baseline : float
        Median output of the whole part.
    reach : int
        Nucleotides drawn on each side.
    """
    if groups.empty:
        return None
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.6), sharey=True, layout="constrained"
    )
    titles = ("by known sites on the other strand", "alone, by the other strand's -10 score")
    told = []
    for axes, table, text, looks in zip(
        panels, (groups, thirds), titles, (_GROUPS, _THIRDS), strict=True
    ):
        shown = table[(table["strand"] == "antisense") & (table["offset"].abs() <= reach)]
        axes.axhline(baseline, color="black", linewidth=0.8)
        for number, name in enumerate(dict.fromkeys(shown["site_class"])):
            curve = shown[shown["site_class"] == name]
            _curve(axes, curve, looks[number % 3], f"{name}, n = {curve['n'].iloc[0]:,}")
            top = curve.loc[curve["median"].idxmax()]
            told.append(
                f"{name} {top['median'] / baseline:.3g} times at {position_name(top['offset'])}"
            )
        _log_output(axes)
        _positions(axes, groups["offset"][groups["offset"].abs() <= reach])
        axes.set_title(text)
        if not shown.empty:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.08), fontsize=8)
    panels[0].set_ylabel("median output opposite the site")
    figure.supxlabel("position along the site's strand, nt (the site is +1)", fontsize=9)
    return Drawn(
        figure,
        "Median output on the strand opposite to start sites, with bands of pointwise confidence. "
        "Left: by what any assay reports on the other strand. Right: the sites that are alone, in "
        "thirds by their mirror score. Horizontal line: median of the whole test part. If "
        "neighbours were the only reason, *alone* would have no peak above its own flanks; if the "
        "sequence is, the peak grows with the mirror score.",
        f"Two panels of curves opposite the site; highest points as multiples of the part's "
        f"median: {'; '.join(told)}.",
    )


def changes(table: pd.DataFrame, floor: dict[str, float]) -> Drawn | None:
    """How many times the output remains when the sequence is shuffled, on both strands.

    None where no site was shuffled.

    Parameters
    ----------
    table : DataFrame
        `antisense.changes`.
    floor : dict of str to float
        For each strand the ratio that random places have to these sites: where nothing is left.
    """
    if table.empty or not table["n"].any():
        return None
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
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("highest output after / before the shuffle (median over sites)")
    axes.grid(axis="x", linewidth=0.4, color="0.85")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    told = [f"{row['edit']}, {row['strand']}, {row['ratio']:.2g} times" for row in _records(table)]
    return Drawn(
        figure,
        "Highest output after shuffling divided by that before: at the start site (sense), and on "
        "the other strand around the place where the antisense profile is highest (antisense). "
        "Medians over the sites with exact bootstrap intervals; dotted: the level at "
        "which nothing of the peak is left, that is, the output of random places divided by that "
        f"of the sites before shuffling ({floor['sense']:.2g} sense, {floor['antisense']:.2g} "
        "antisense). If "
        f"both peaks depend on the *{EDITS[1].name}*, both of its "
        "intervals lie left of 1, and those of the control do not.",
        f"Points with horizontal bars, what is left after each shuffle: {'; '.join(told)}.",
    )


def pseudogenes(genes: pd.DataFrame, effects: pd.DataFrame, baseline: float) -> Drawn | None:
    """Output of genes by AT content, and how pseudogenes compare with their controls.

    None where there is nothing to compare.

    Parameters
    ----------
    genes : DataFrame
        `pseudogenes.gene_table`.
    effects : DataFrame
        `pseudogenes.effects`.
    baseline : float
        Median output of the whole part.
    """
    if effects.empty:
        return None
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.4), width_ratios=(2, 3), layout="constrained"
    )
    for pseudo, look in (
        (False, {"s": 5, "color": "0.7", "label": "genes"}),
        (True, {"s": 24, "color": "black", "marker": "^", "label": "pseudogenes"}),
    ):
        shown = genes[genes["pseudo"] == pseudo]
        left.scatter(100 * shown["at"], shown["sense"] / baseline, **look)
    left.axhline(1, color="black", linewidth=0.8)
    _log_output(left)
    left.set_xlabel("A and T, % of the gene")
    left.set_ylabel("median output / whole part's")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=8)
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
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=8)
    told = [
        f"{row['matched_on']}, {row['strand']}, {row['ratio']:.2f} times"
        for row in _records(effects)
    ]
    return Drawn(
        figure,
        "Left: median output over each gene of the test part, on its strand, against its AT "
        "content. Right: the output of each pseudogene divided by the median of its controls; "
        "shown is the median of these ratios with its exact bootstrap interval, as more and more "
        "is matched. If the bar of the last row does not reach 1, pseudogenes differ by something "
        "that is not matched here; if it does, the question stays open.",
        f"Left, a cloud of {len(genes):,} genes, {int(genes['pseudo'].sum()):,} of them "
        f"pseudogenes. Right, points with bars: {'; '.join(told)}.",
    )


def support(table: pd.DataFrame) -> Drawn | None:
    """Share of novel sites with each kind of evidence, beside what positions of their kind have.

    None where no site is novel.

    Parameters
    ----------
    table : DataFrame
        `novel.support`.
    """
    if table.empty or not table["n"].any():
        return None
    place = np.arange(len(table))
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.3 + 0.38 * len(table)), layout="constrained"
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
        label="novel sites",
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
    figure.legend(loc="outside upper center", ncols=2)
    told = [
        f"{row['evidence']} {row['share']:.1%} (chance {row['chance']:.1%})"
        for row in _records(table)
    ]
    return Drawn(
        figure,
        "Share of the novel sites that have each kind of evidence within the tolerance (exact "
        "binomial intervals), beside the share of positions of the same kind that have it. The "
        "factor is their ratio, with the interval of a block bootstrap. A filled bar far "
        "longer than the hatched one suggests that many of these sites are real and missing from "
        "the labels.",
        f"Pairs of bars, novel sites beside chance: {'; '.join(told)}.",
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return [dict(row) for _, row in table.iterrows()]


def _curve(axes: Axes, curve: pd.DataFrame, look: dict[str, Any], label: str) -> None:
    """One profile with its band."""
    axes.fill_between(
        curve["offset"], curve["ci_low"], curve["ci_high"], color=look["color"], alpha=0.2, lw=0
    )
    axes.plot(curve["offset"], curve["median"], label=label, linewidth=1.1, **look)


def _positions(axes: Axes, offset: pd.Series) -> None:
    """Label offsets along an axis as positions, round ones and +1 instead of 0."""
    first, last = int(offset.min()), int(offset.max())
    locator = MaxNLocator(nbins=5, steps=[1, 2, 3, 5, 10], integer=True)
    label = np.asarray(locator.tick_values(first, last), dtype=int)
    places = np.where(label > 0, label - 1, label)
    places = places[(places >= first) & (places <= last)]
    axes.set_xticks(places, [position_name(place) for place in places])


def _log_output(axes: Axes) -> None:
    """A logarithmic vertical axis with plain numbers, fewer of them over many decades."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


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
