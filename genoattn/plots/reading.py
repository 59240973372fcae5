"""Figures of what a network reads and what passes through each head: tidy frames in, drawn out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from genoattn.genome.sites import paper_label
from genoattn.heads.first_layer import FirstLayer
from genoattn.plots import style
from genoattn.plots.drawn import Drawn, Nothing
from genoattn.study.report import listed, with_interval

__all__ = [
    "codon_bars",
    "contribution_heights",
    "factor_forest",
    "first_layer_words",
    "letter_stacks",
    "mediated_grid",
    "mutation_map",
    "position_ticks",
    "stop_bars",
]

_SHOWN = (-56, 6)
"""Offsets that small panels show of a wider region; beyond them heads tell the output little."""
_SMALL = 0.03
"""Letters lower than this share of a panel's highest are left out."""


def _unit_letters() -> dict[str, Path]:
    """Outlines of A, C, G, T, each stretched to the unit square."""
    outlines = {}
    for letter in "ACGT":
        path = TextPath((0, 0), letter, size=1, prop=FontProperties(weight="bold"))
        box = path.get_extents()
        outlines[letter] = path.transformed(
            Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height)
        )
    return outlines


def letter_stacks(axes: Axes, frame: pd.DataFrame) -> tuple[float, float]:
    """Draw heights (index: place; columns A, C, G, T), negative ones below the line.

    All letters of a panel are one collection, which for 36 panels is a hundred times faster than a
    patch each. Returns the lowest and the highest end of a stack.
    """
    outlines = _unit_letters()
    least = _SMALL * float(frame.abs().to_numpy().max())
    paths, colours, ends = [], [], [0.0]
    for place, row in frame.iterrows():
        for sign in (1, -1):
            base = 0.0
            for letter, height in (sign * row).sort_values().items():
                if height < max(least, 1e-12):
                    continue
                low = base if sign > 0 else -(base + height)
                stretch = Affine2D().scale(0.92, height).translate(float(str(place)) - 0.46, low)
                paths.append(outlines[str(letter)].transformed(stretch))
                colours.append(style.NUCLEOTIDES[str(letter)])
                base += float(height)
            ends.append(sign * base)
    axes.add_collection(PathCollection(paths, facecolors=colours, linewidths=0))
    axes.axhline(0, color="0.4", linewidth=0.5)
    axes.spines["bottom"].set_visible(False)
    low, high = min(ends), max(ends)
    axes.set_xlim(frame.index.min() - 0.6, frame.index.max() + 0.6)
    axes.set_ylim(1.05 * low - 1e-9, 1.05 * high + 1e-9)
    return low, high


def contribution_heights(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``offset``, ``letter``, ``contribution`` as one row an offset."""
    return table.pivot(index="offset", columns="letter", values="contribution")


def position_ticks(axes: Axes, offset: np.ndarray, step: int) -> None:
    """Mark every ``step``-th position as biologists count: the start site is +1."""
    label = paper_label(offset)
    shown = (label % step == 0) | (label == 1)
    axes.set_xticks(offset[shown], [f"{value:+d}" for value in label[shown]])


def mutation_map(effects: pd.DataFrame, elements: pd.DataFrame | None = None) -> Drawn:
    """The mean mutation map: letters by what they contribute, with the elements found named.

    Parameters
    ----------
    effects : DataFrame
        `saturation.letter_effects`.
    elements : DataFrame, optional
        `motif_discovery.worth`, with ``consensus``: a bar and a name each.
    """
    heights = contribution_heights(effects)
    offset = heights.index.to_numpy()
    cost = effects.drop_duplicates("offset")
    figure, (top, bottom) = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 4.6),
        sharex=True,
        height_ratios=(3, 2),
        layout="constrained",
    )
    letter_stacks(top, heights)
    top.set_ylabel("contribution of the\nletter (log-odds)")
    named = _name_elements(top, elements, heights)
    look = style.line(0)
    bottom.plot(offset, cost["cost"], **{**look, "linestyle": "-"}, linewidth=1.2)
    bottom.fill_between(
        offset, cost["ci_low"], cost["ci_high"], color=look["color"], alpha=0.25, linewidth=0
    )
    bottom.axhline(0, color="0.4", linewidth=0.6, zorder=0)
    bottom.set_ylabel("change by a\nsubstitution (log-odds)")
    bottom.set_xlabel("position relative to the start site (nt)")
    position_ticks(bottom, offset, 10)
    least = cost.loc[cost["cost"].idxmin()]
    where = f"{int(least['label']):+d}"
    value, low, high = (float(least[name]) for name in ("cost", "ci_low", "ci_high"))
    told = with_interval(value, low, high)
    return Drawn(
        figure,
        "What the network reads around a start site. Above, each letter is as high as its "
        "contribution at this position, in the mean over sites (its effect less the mean of the "
        "four letters); bars name the elements found. Below, the mean change of the log-odds when "
        "the nucleotide is "
        f"substituted, with its interval; it is greatest at {where}: {told}.",
        f"A sequence logo over positions {paper_label(int(offset[0])):+d} to "
        f"{paper_label(int(offset[-1])):+d} and a curve below it. A substitution costs most at "
        f"{where} ({least['cost']:+.2f}). Named elements: {listed(named)}.",
    )


def _name_elements(axes: Axes, elements: pd.DataFrame | None, heights: pd.DataFrame) -> list[str]:
    """Bars with names above the letters, in as many rows as keep them apart."""
    if elements is None or elements.empty:
        return []
    highest = float(heights.clip(lower=0).sum(axis=1).max())
    step = 0.13 * highest
    ends: list[float] = []
    for row in elements.sort_values("offset").to_dict("records"):
        left, right = row["offset"] - 0.5, row["offset"] + len(row["consensus"]) - 0.5
        width = max(right - left, 0.78 * len(row["element"]) + 1)  # of the name, in positions
        centre = (left + right) / 2
        level = next((n for n, end in enumerate(ends) if end < centre - width / 2), len(ends))
        ends[level : level + 1] = [centre + width / 2]
        height = highest * 1.08 + level * step
        axes.hlines(height, left, right, color="0.15", linewidth=2.5)
        axes.text(
            centre,
            height + 0.15 * step,
            row["element"],
            fontsize=style.SMALL,
            ha="center",
            va="bottom",
        )
    axes.set_ylim(top=highest * 1.08 + len(ends) * step + 0.35 * step)
    return [str(name) for name in elements.sort_values("offset")["element"]]


def mediated_grid(table: pd.DataFrame, names: pd.DataFrame) -> Drawn:
    """Mediated logos of all heads at true offsets, each layer on one scale.

    Parameters
    ----------
    table : DataFrame
        `mediated.logo_table`.
    names : DataFrame
        ``layer``, ``head`` (from 1) and ``name``: what is written over a head; others have none.
    """
    layers, heads = int(table["layer"].max()), int(table["head"].max())
    called = {(row["layer"], row["head"]): row["name"] for row in names.to_dict("records")}
    figure, grid = plt.subplots(
        layers,
        heads,
        figsize=(style.WIDTH, 0.6 + 1.1 * layers),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    strongest = ("", 0.0)
    shown = table
    if np.ptp(table["offset"]) > _SHOWN[1] - _SHOWN[0]:
        shown = table[(table["offset"] >= _SHOWN[0]) & (table["offset"] <= _SHOWN[1])]
    for layer in range(1, layers + 1):
        ends = []
        for head, axes in enumerate(grid[layer - 1], start=1):
            heights = contribution_heights(
                shown[(shown["layer"] == layer) & (shown["head"] == head)]
            )
            ends.append(letter_stacks(axes, heights))
            name = called.get((layer, head))
            label = f"L{layer} H{head}"
            axes.set_title(f"{label}\n{name}" if name else label, fontsize=style.SMALL, pad=2,
                           fontweight="bold" if name else "normal")  # fmt: skip
            axes.tick_params(labelsize=style.SMALL, length=2)
            total = float(heights.to_numpy().sum())
            strongest = max(strongest, (label, total), key=lambda one: one[1])
        low, high = np.array(ends).T
        grid[layer - 1, 0].set_ylim(1.05 * low.min() - 1e-9, 1.05 * high.max() + 1e-9)
    position_ticks(grid[-1, 0], np.sort(shown["offset"].unique()), 20)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("contribution through the head (log-odds)", fontsize=9)
    return Drawn(
        figure,
        "What the output learns through each head: path-specific integrated gradients, letter by "
        "letter, as the mean over start sites, at true distances from the start. The letters of a "
        "panel add up to what the head tells the output in all; letters below the line lower it. "
        "A head is named by the element that its letters fit; every layer has its own scale.",
        f"{layers} times {heads} sequence logos. The strongest in all is {strongest[0]} with "
        f"{strongest[1]:+.2f} log-odds. Named heads: "
        + listed(f"L{layer} H{head} ({name})" for (layer, head), name in called.items())
        + ".",
    )


def first_layer_words(read: FirstLayer | None) -> Drawn | Nothing:
    """What each head of the first layer looks for: key's and query's matrix, and the distance.

    Parameters
    ----------
    read : FirstLayer or None
        `first_layer.read_first_layer`; None if the layer stands on convolutions.
    """
    if read is None:
        return Nothing()
    heads, width = read.key_matrix.shape[:2]
    figure, grid = plt.subplots(
        heads,
        3,
        figsize=(style.WIDTH, 0.6 + 1.15 * heads),
        squeeze=False,
        layout="constrained",
        width_ratios=(2, 2, 3),
    )
    places = np.arange(width) - width // 2
    longest = min(read.by_distance.shape[1], 80)
    for head, (key, query, reach) in enumerate(grid):
        for axes, matrix in ((key, read.key_matrix[head]), (query, read.query_matrix[head])):
            letter_stacks(axes, pd.DataFrame(matrix, index=places, columns=list("ACGT")))
            axes.set_xticks(places, [f"{place:+d}" if place else "0" for place in places])
            axes.tick_params(labelsize=style.SMALL, length=2)
        key.set_ylabel(f"L1 H{head + 1}", fontsize=9)
        key.set_title(
            f"one matrix: {read.alone[head]:.0%} of the variance", fontsize=style.SMALL, pad=2
        )
        query.set_title(f"$R^2$ = {read.query_fit[head]:.2f}", fontsize=style.SMALL, pad=2)
        best = int(read.query[head].argmax())
        distance = np.arange(longest)
        word = "".join("ACGT"[code] for code in read.words[best])
        reach.plot(distance, read.best_by_distance[head, :longest], **style.line(1), label=word)
        reach.plot(distance, read.by_distance[head, :longest], **style.line(2), label="all words")
        reach.legend(fontsize=style.SMALL, loc="upper right")
        reach.set_title(f"most at {read.distance[head]} nt back", fontsize=style.SMALL, pad=2)
        reach.set_ylim(0, 1.05)
        reach.tick_params(labelsize=style.SMALL, length=2)
    grid[0, 0].annotate("key's 7-mer (ln attention)", (0.5, 1.3), xycoords="axes fraction",
                        ha="center", fontsize=8)  # fmt: skip
    grid[0, 1].annotate("query's 7-mer (ln attention)", (0.5, 1.3), xycoords="axes fraction",
                        ha="center", fontsize=8)  # fmt: skip
    grid[0, 2].annotate("attention by distance alone", (0.5, 1.3), xycoords="axes fraction",
                        ha="center", fontsize=8)  # fmt: skip
    grid[-1, 2].set_xlabel("nt upstream of the query", fontsize=8)
    for axes in grid[-1, :2]:
        axes.set_xlabel("place in the word", fontsize=8)
    told = listed(f"L1 H{head + 1} {read.distance[head]} nt back" for head in range(heads))
    return Drawn(
        figure,
        "The first layer, exactly: every 7-mer was scored. Left, the matrix by which keys are "
        "scored for the mean query, and the share of the variance of the content score (what "
        "letters add to a score) that it explains; the "
        "rest is interplay of the query's and the key's word. Right, attention by "
        "distance, the keys' letters left aside: the mean over all words of the query, and one "
        "word "
        "of the query, that which looks most at the distance at which the mean is highest. Middle, "
        "the matrix that fits best how strongly a query's word looks at that distance.",
        f"A row for each of {heads} heads with two sequence logos and a curve. Distances: {told}.",
    )


def factor_forest(table: pd.DataFrame | None, max_q: float = 0.05) -> Drawn | Nothing:
    """Effect of the sites of each factor beyond their controls, with what could have been found.

    Parameters
    ----------
    table : DataFrame or None
        `factors.summarise`; None where no binding site is known.
    max_q : float
        Factors of at most this q are filled points.
    """
    if table is None:
        return Nothing()
    rows = table.sort_values("effect", ascending=False).reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(style.WIDTH, 1.1 + 0.3 * len(rows)), layout="constrained")
    height = np.arange(len(rows))
    power = rows["detectable"].to_numpy()
    axes.barh(height, 2 * power, left=-power, height=0.75, color="0.92", linewidth=0,
              label="too small to be found", zorder=0)  # fmt: skip
    colour = style.line(0)["color"]
    axes.hlines(height, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.2)
    sure = (rows["q_value"] <= max_q).to_numpy()
    for chosen, face, label in (
        (sure, colour, f"q ≤ {max_q:g}"),
        (~sure, "white", f"q > {max_q:g}"),
    ):
        axes.plot(rows["effect"][chosen], height[chosen], "o", markersize=5, color=colour,
                  markerfacecolor=face, label=label)  # fmt: skip
    axes.axvline(0, color="0.4", linewidth=0.6)
    axes.set_yticks(
        height, [f"{row['factor']} ({row['n_sites']})" for row in rows.to_dict("records")]
    )
    axes.set_xlabel("change of the log-odds beyond matched controls")
    axes.margins(y=0.03)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    found = [
        f"{row['factor']} {with_interval(row['effect'], row['ci_low'], row['ci_high'])}"
        for row in rows[sure].to_dict("records")
    ]
    return Drawn(
        figure,
        "How the output changes when the binding sites of a factor are replaced by random letters, "
        "beyond its change at matched start sites without a known site (below 0: it falls more); "
        "95% intervals, number of sites in brackets. Effects within the grey bar would have been "
        "found less than four times out of five.",
        f"{len(rows)} points with intervals. Beyond chance: {listed(found)}.",
    )


def codon_bars(table: pd.DataFrame, most: int = 16) -> Drawn | Nothing:
    """What the best codons are worth as a start codon, against ATG; nothing without a row.

    Parameters
    ----------
    table : DataFrame
        ``codon``, ``change``, ``ci_low``, ``ci_high``; the best first.
    most : int
        Codons drawn.
    """
    if table.empty:
        return Nothing()
    shown = table.head(most)
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.6), layout="constrained")
    usual = shown["codon"].isin(["ATG", "GTG", "TTG"])
    place = np.arange(len(shown))
    for chosen, look in (
        (usual, {"color": style.line(0)["color"], "label": "usual start codons"}),
        (~usual, {"color": "0.75", "hatch": "//", "edgecolor": "white", "label": "others"}),
    ):
        axes.bar(place[chosen], shown["change"][chosen], **look)
    error = [shown["change"] - shown["ci_low"], shown["ci_high"] - shown["change"]]
    axes.errorbar(place, shown["change"], yerr=error, fmt="none", color="black", capsize=2)
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xticks(place, shown["codon"], rotation=90, family="monospace")
    axes.set_ylabel("log-odds, less those of ATG")
    axes.legend(fontsize=8)
    told = [f"{name} {change:+.2f}" for name, change in shown[["codon", "change"]].to_numpy()[:6]]
    return Drawn(
        figure,
        f"Every codon written in place of the start codon: change of the log-odds against ATG, the "
        f"{len(shown)} best of {len(table)}, means over genes with intervals. Look whether ATG, "
        "GTG and TTG stand first, and how far behind the fourth is.",
        f"Bars from the best codon down: {', '.join(told)} and so on.",
    )


def stop_bars(table: pd.DataFrame) -> Drawn | Nothing:
    """What a stop codon costs at each place after the start codon; nothing without a row.

    Parameters
    ----------
    table : DataFrame
        ``offset``, ``frame``, ``change``, ``ci_low``, ``ci_high``.
    """
    if table.empty:
        return Nothing()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.8), layout="constrained")
    looks = (
        {"color": style.line(0)["color"], "label": "in frame"},
        {"color": "0.6", "hatch": "//", "edgecolor": "white", "label": "one nt further"},
        {"color": "0.85", "hatch": "..", "edgecolor": "white", "label": "two nt further"},
    )
    for frame, look in enumerate(looks):
        rows = table[table["frame"] == frame]
        change = rows["change"].to_numpy()
        error = np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - change)
        place = rows["offset"].to_numpy() + 1
        axes.bar(place, change, 0.9, **look)
        axes.errorbar(place, change, yerr=error, fmt="none", color="black", linewidth=0.8)
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xlabel("first nucleotide of the stop codon; the start codon is +1 to +3 (nt)")
    axes.set_ylabel("change of the log-odds")
    axes.legend(fontsize=8, ncols=3, loc="lower right")
    mean = table.groupby("frame")["change"].mean()
    return Drawn(
        figure,
        "What TAA, TAG and TGA cost, by where they are written after the start codon; means over "
        "genes and the three words, with intervals. If the network reads codons, every third bar "
        "is lower than its neighbours.",
        f"Bars at {len(table)} places; mean change {mean[0]:+.3f} in frame, {mean[1]:+.3f} and "
        f"{mean[2]:+.3f} out of frame.",
    )
