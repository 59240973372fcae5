"""Figures of the curation: tidy frames of `genoattn.data.curation` in, figures out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import distance_transform_edt

from genoattn.data.agreement import PRINTED, groups
from genoattn.data.assays import source_name
from genoattn.data.curation import Merging
from genoattn.plots import panels, style
from genoattn.plots.drawn import Drawn
from genoattn.study.report import escaped, in_words, listed

__all__ = [
    "exact_shares",
    "interpretations",
    "offset_audit",
    "recovery",
    "shifts",
    "upset",
    "venn",
    "window_sensitivity",
]


_Shape = tuple[float, float, float, float, float]  # centre x and y, full width, height, tilt
_Corner = tuple[float, float, str]  # x, y and side of a set's name

# Circles and ellipses that cut each other in all regions, and where the sets' names stand.
_SHAPES: dict[int, tuple[_Shape, ...]] = {
    2: ((0.37, 0.46, 0.60, 0.60, 0.0), (0.63, 0.46, 0.60, 0.60, 0.0)),
    3: (
        (0.36, 0.58, 0.52, 0.52, 0.0),
        (0.64, 0.58, 0.52, 0.52, 0.0),
        (0.50, 0.36, 0.52, 0.52, 0.0),
    ),
    4: (
        (0.350, 0.400, 0.72, 0.45, 140.0),
        (0.450, 0.500, 0.72, 0.45, 140.0),
        (0.544, 0.500, 0.72, 0.45, 40.0),
        (0.644, 0.400, 0.72, 0.45, 40.0),
    ),
}
_CORNERS: dict[int, tuple[_Corner, ...]] = {
    2: ((0.30, 0.78, "right"), (0.70, 0.78, "left")),
    3: ((0.18, 0.80, "right"), (0.82, 0.80, "left"), (0.74, 0.12, "left")),
    4: (
        (0.09, 0.72, "right"),
        (0.30, 0.86, "right"),
        (0.70, 0.86, "left"),
        (0.91, 0.72, "left"),
    ),
}
_CROSS: dict[str, Any] = {"color": "black", "marker": "x", "markersize": 9, "markeredgewidth": 2}
_MOST_BARS = 20  # of an UpSet plot; more cannot be read


def _called(source: str) -> str:
    """How a caption calls a source."""
    return escaped(source_name(source))


def _inside(x: np.ndarray, y: np.ndarray, shape: _Shape) -> np.ndarray:
    """Whether points lie inside a circle or ellipse."""
    cx, cy, width, height, tilt = shape
    along = np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
    u = (x - cx) * along[0] + (y - cy) * along[1]
    v = -(x - cx) * along[1] + (y - cy) * along[0]
    return (2 * u / width) ** 2 + (2 * v / height) ** 2 <= 1.0


@cache
def venn_places(n: int, grid: int = 300) -> dict[tuple[int, ...], tuple[float, float]]:
    """Find for each region of a Venn diagram the point that is farthest from its borders.

    Parameters
    ----------
    n : int
        Sets, two to four.
    grid : int
        Points a side at which the unit square is looked at.

    Returns
    -------
    dict
        Indices of the sets that a region lies in -> (x, y), in the order of
        `genoattn.data.agreement.groups`.
    """
    y, x = np.mgrid[0 : 1 : grid * 1j, 0 : 1 : grid * 1j]
    inside = [_inside(x, y, shape) for shape in _SHAPES[n]]
    places = {}
    for size in range(1, n + 1):
        for members in combinations(range(n), size):
            region = np.ones_like(x, dtype=bool)
            for k in range(n):
                region &= inside[k] == (k in members)
            depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
            best = np.unravel_index(np.argmax(depth), depth.shape)
            places[members] = (float(x[best]), float(y[best]))
    return places


def _sources(regions: pd.DataFrame) -> tuple[str, ...]:
    """The sources of a whole frame of regions: its first rows are each source alone."""
    n = (len(regions) + 1).bit_length() - 1
    return tuple(regions["members"].iloc[:n])


def _totals(regions: pd.DataFrame) -> dict[str, int]:
    """TSSs of each source, in whatever region."""
    sources = _sources(regions)
    rows = list(zip(groups(sources), regions["n"], strict=True))
    return {name: sum(int(n) for group, n in rows if name in group) for name in sources}


def venn(regions: pd.DataFrame) -> Drawn | None:
    """Draw the Venn diagram of two to four sets, after Figure 2A.

    Parameters
    ----------
    regions : DataFrame
        From `genoattn.data.agreement.regions`: members, n; all rows.

    Returns
    -------
    Drawn or None
        Circles or, of four sets, ellipses; each region shows its number of TSSs. None for one
        set or more than four, whose regions cannot be drawn so that one sees anything.
    """
    sources, totals = _sources(regions), _totals(regions)
    if len(sources) not in _SHAPES:
        return None
    figure, axes = plt.subplots(figsize=(0.8 * style.WIDTH, 0.62 * style.WIDTH))
    for source, (x, y, width, height, tilt) in zip(sources, _SHAPES[len(sources)], strict=True):
        look = style.source(source, sources)
        shape: dict[str, Any] = {"xy": (x, y), "width": width, "height": height, "angle": tilt}
        axes.add_patch(Ellipse(**shape, facecolor=look["color"], alpha=0.12))
        edge = {"edgecolor": look["color"], "linestyle": look["linestyle"]}
        axes.add_patch(Ellipse(**shape, facecolor="none", linewidth=2.0, **edge))
    for (members, (x, y)), n in zip(venn_places(len(sources)).items(), regions["n"], strict=True):
        axes.text(
            x,
            y,
            f"{n:,}",
            ha="center",
            va="center",
            fontsize=11 if len(members) == 1 else 9.5,
            fontweight="bold" if len(members) == len(sources) else "normal",
        )
    for source, (x, y, side) in zip(sources, _CORNERS[len(sources)], strict=True):
        axes.text(
            x,
            y,
            f"{style.label(source, 20)}\n{totals[source]:,}",
            ha=side,
            va="bottom",
            color=style.ink(source, sources),
            fontsize=10,
            fontweight="bold",
        )
    axes.set(xlim=(-0.08, 1.08), ylim=(0.08, 0.95), aspect="equal")
    axes.axis("off")
    figure.tight_layout()
    everywhere = int(regions["n"].iloc[-1])
    return Drawn(
        figure,
        f"TSSs of {listed(map(_called, sources))} by the sources that have them; beside each "
        f"name stands the total. Look at the innermost number, {everywhere:,} TSSs that "
        f"{'both' if len(sources) == 2 else 'all'} have, and at the outermost ones, TSSs of a "
        "single source. Areas carry no meaning.",
        f"Venn diagram of {len(sources)} sets with {int(regions['n'].sum()):,} TSSs in all, of "
        f"which {everywhere:,} lie in every set; totals: "
        + listed(f"{source_name(name)} {n:,}" for name, n in totals.items())
        + ".",
    )


def upset(regions: pd.DataFrame) -> Drawn | None:
    """Draw the regions of the Venn diagram as an UpSet plot (Lex et al. 2014).

    Parameters
    ----------
    regions : DataFrame
        From `genoattn.data.agreement.regions`: members, n; all rows.

    Returns
    -------
    Drawn or None
        A bar for each region that is not empty, largest first and at most twenty; the dots below
        name its members, the bars at the left the number of TSSs of each source. None for one
        source, or without a TSS.
    """
    from upsetplot import UpSet

    sources, totals = _sources(regions), _totals(regions)
    members = pd.Series(groups(sources), index=regions.index)
    filled = regions.assign(group=members)[regions["n"] > 0]
    if len(sources) < 2 or filled.empty:
        return None
    columns = _distinct([style.label(source, 20) for source in sources])
    ordered = filled["n"].rank(method="first", ascending=False)  # so that no two are equal
    content = pd.Series(
        filled["n"].to_numpy() - 1e-3 * ordered.to_numpy() / len(filled),
        index=pd.MultiIndex.from_tuples(
            [tuple(source in group for source in sources) for group in filled["group"]],
            names=columns,
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # upsetplot 0.9 under pandas 2
        plot = UpSet(
            content,
            sort_by="cardinality",
            sort_categories_by="input",
            show_counts="{:,.0f}",
            element_size=33 if len(filled) <= 15 else 26,
            facecolor="#333333",
            totals_plot_elements=3,
            intersection_plot_elements=7,
            max_subset_rank=_MOST_BARS,
        )
        for column, source in zip(columns, sources, strict=True):
            look = style.fill(source, sources)
            plot.style_categories(
                column,
                bar_facecolor=look["facecolor"],
                bar_hatch=look["hatch"],
                bar_edgecolor=look["edgecolor"],
            )
        figure = plt.figure()
        parts = plot.plot(fig=figure)
    _finish_upset(parts, int(filled["n"].max()))
    largest = filled.loc[filled["n"].idxmax()]
    without = filled["n"].sort_values(ascending=False, kind="stable").iloc[_MOST_BARS:]
    most = max(totals, key=lambda name: totals[name])
    return Drawn(
        figure,
        "The same regions as bars, to scale: the dots below a bar say which sources have its "
        f"TSSs. The largest region is {listed(map(_called, largest['group']))} alone, with "
        f"{largest['n']:,} TSSs."
        + (f" {len(without)} smaller regions are left out." if len(without) else ""),
        f"UpSet plot of {min(len(filled), _MOST_BARS)} regions, the largest with {largest['n']:,} "
        f"TSSs; the source with most TSSs is {source_name(most)} with {totals[most]:,}.",
    )


def _distinct(labels: Sequence[str]) -> list[str]:
    """Number labels that stand there already, as by them an UpSet plot knows its sets."""
    again = [labels[:k].count(one) for k, one in enumerate(labels)]
    return [f"{one} ({n + 1})" if n else one for one, n in zip(labels, again, strict=True)]


def _finish_upset(parts: dict[str, Axes], highest: int) -> None:
    """Name the axes of an UpSet plot, and make room for the numbers."""
    parts["intersections"].set_ylabel("TSSs")
    parts["intersections"].set_ylim(0, 1.08 * highest)
    left, right = parts["intersections"].get_xlim()
    parts["intersections"].set_xlim(left - 0.3, right)  # room for the first bar's number
    parts["totals"].set_xlabel("TSSs of the source")
    parts["totals"].xaxis.set_major_locator(MaxNLocator(2))
    for part in ("intersections", "totals"):
        parts[part].grid(False)
        for text in parts[part].texts:
            text.set_fontsize(7.5)
            x, y = text.get_position()
            text.set_position((float(np.squeeze(x)), float(np.squeeze(y))))


def shifts(distribution: pd.DataFrame) -> Drawn | None:
    """Draw the shifts between neighbouring sites, centred on each source, after Figure 2B.

    Parameters
    ----------
    distribution : DataFrame
        From `genoattn.data.agreement.shift_distribution`.

    Returns
    -------
    Drawn or None
        A panel for each centre; a line for each source; pairs on a logarithmic axis, shifts
        without any pair left out. None for one source, or where no two sites are neighbours.
    """
    sources = list(dict.fromkeys(distribution["centre"]))
    if len(sources) < 2 or not distribution["n"].any():
        return None
    figure, grid = panels.in_rows(len(sources), 2, 2.5, rest=0.8, share="xy")
    window = int(distribution["shift"].max())
    by_pair = dict(iter(distribution.groupby(["centre", "other"])))
    for centre, axes in zip(sources, grid, strict=True):
        for other in sources:
            part = by_pair[centre, other]
            n = part["n"].where(part["n"] > 0)
            axes.plot(part["shift"], n, **style.source(other, sources), alpha=0.95)
        axes.axvline(0, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.set_title(f"centred on {style.label(centre)}")
        axes.set_yscale("log")
        step = max(1, window // 6)
        ticks = [*range(-window // step * step, window + 1, step)]
        ticks = [tick for tick in ticks if abs(tick) <= window]
        axes.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
        axes.set_xlim(-window - 0.5, window + 0.5)
        axes.tick_params(labelbottom=True)
    figure.supxlabel("shift of the other site, nt (5'→3': positive is downstream)", fontsize=9)
    figure.supylabel("pairs of sites", fontsize=9)
    _source_legend(figure, sources, sources)
    across = distribution[distribution["centre"] != distribution["other"]]
    return Drawn(
        figure,
        "How far neighbours lie apart, as seen from the sites of each source. A curve with a "
        "high, narrow peak at 0 is a source that puts its sites where the panel's source does; a "
        "lopsided one is shifted against it. The curve of the panel's own source shows how far its "
        "sites lie from each other; it has none at 0, as no two of them are at one position.",
        f"{len(sources)} panels, one a source, with the number of pairs by shift from "
        f"{-window} to {window:+d} nt on a logarithmic axis; "
        f"{_share_at_zero(across):.0%} of the pairs of different sources have no shift.",
    )


def _share_at_zero(distribution: pd.DataFrame) -> float:
    """Share of the pairs that are at one position; 0 without pairs."""
    n = distribution["n"]
    return float(n[distribution["shift"] == 0].sum() / max(1, n.sum()))


def _source_legend(figure: Figure, shown: Sequence[str], names: Sequence[str]) -> None:
    """Name the lines of sources above the panels."""
    figure.legend(
        handles=[Line2D([], [], label=style.label(s), **style.source(s, names)) for s in shown],
        loc="outside upper center",
        ncols=min(len(shown), 5),
        handlelength=3.2,
    )


def exact_shares(pairs: pd.DataFrame, beside_paper: bool = True) -> Drawn | None:
    """Draw for each two sources how many of the neighbouring pairs are at one position.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.data.agreement.pair_shares`.
    beside_paper : bool
        Whether to print the paper's value below ours.

    Returns
    -------
    Drawn or None
        A map of the shares in percent. None where no two sources have neighbouring sites.
    """
    known = pairs.dropna(subset="exact_percent")
    if known.empty:
        return None
    sources = list(dict.fromkeys(pairs["source"]))
    ours, printed = (
        pairs.pivot(index="source", columns="other", values=column)
        .reindex(index=sources, columns=sources)
        .to_numpy(np.float64)
        for column in ("exact_percent", "paper_exact_percent")
    )
    text = [
        [
            f"{value:.1f}%" + (f"\npaper {theirs:.1f}" if beside_paper else "")
            for value, theirs in row
        ]
        for row in np.dstack([ours, printed])
    ]
    labels = [style.label(source, 20).replace("SMRT-", "SMRT-\n") for source in sources]
    many = max(0, len(sources) - 4)
    figure, axes = plt.subplots(
        figsize=(0.72 * style.WIDTH + 0.3 * many, 3.9 + 0.45 * many), layout="constrained"
    )
    axes.set_facecolor("#EEEEEE")
    sns.heatmap(
        ours,
        mask=np.isnan(ours),
        annot=np.array(text),
        fmt="",
        annot_kws={"size": 9 if not many else 8},
        cmap=style.SEQUENTIAL,
        vmin=0,
        vmax=100,
        square=True,
        xticklabels=labels,
        yticklabels=labels,
        cbar_kws={"label": "pairs at exactly one position, %", "shrink": 0.85},
        ax=axes,
    )
    axes.tick_params(length=0, rotation=0)
    if many:
        axes.tick_params(axis="x", rotation=45)
    low, high = known["exact_percent"].min(), known["exact_percent"].max()
    return Drawn(
        figure,
        "Of the pairs of neighbouring sites of two sources, the share at exactly the same position"
        + ("; the paper's value is printed under ours" if beside_paper else "")
        + f". Ours lies between {low:.1f}% and {high:.1f}%: look for the source whose whole row is "
        "low.",
        f"Map of {len(sources)} by {len(sources)} sources; the shares lie between {low:.1f}% and "
        f"{high:.1f}%.",
    )


def _quantities(merging: Merging) -> dict[str, str]:
    """Columns of counts that the map of interpretations has room for, and what it calls them."""
    sources, n = merging.sources, len(merging.sources)
    short = {"smrt": "SMRT", "cappable": "Cappable"}
    named = {source: short.get(source) or style.label(source, 10) for source in sources}
    found = {f"shared_by_{k}": f"in ≥ {k}" for k in range(2, n)}
    found[f"shared_by_{n}"] = "in both" if n == 2 else f"in all {n}"
    if n <= 4:
        found |= {f"{source}_shared": f"{named[source]}\nshared" for source in sources}
    if merging.trusted is not None:
        found[f"{merging.trusted}_only"] = f"{named[merging.trusted]}\nonly"
    return {**found, "curated": "curated\nset"}


def interpretations(
    table: pd.DataFrame, merging: Merging, beside_paper: bool = True
) -> Drawn | None:
    """Draw what each interpretation of "within five nucleotides" counts.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.data.agreement.interpretations`.
    merging : Merging
        The sources, and the interpretation in use; its row is framed.
    beside_paper : bool
        Whether to colour by the deviation from the paper and show its counts as the first row.

    Returns
    -------
    Drawn or None
        A row for each interpretation, a column for each count; the columns of single sources
        only up to four sources. None for one source, where nothing is to be interpreted.
    """
    if len(merging.sources) < 2:
        return None
    quantities = _quantities(merging)
    counts = table[list(quantities)].to_numpy(np.float64)
    names = [
        f"{rule}, {outvoted}" for rule, outvoted in zip(table.rule, table.outvoted, strict=True)
    ]
    if beside_paper:
        counts = np.vstack([[PRINTED[quantity] for quantity in quantities], counts])
        names = ["paper", *names]
    used = names.index(f"{merging.rule}, {merging.outvoted}")
    figure = _counts_map(counts, 0 if beside_paper else used, used, names, quantities)
    sizes = table["curated"]
    return Drawn(
        figure,
        "TSSs counted under each interpretation; the one in use is framed, and colours show the "
        f"deviation from {'the first row, the paper' if beside_paper else 'it'}. The last column "
        f"is what matters for training: {sizes.min():,} to {sizes.max():,} TSSs.",
        f"Table of {len(table)} interpretations by {len(quantities)} counts"
        + (" with the paper's counts above" if beside_paper else "")
        + f"; the curated set has {sizes.min():,} to {sizes.max():,} TSSs.",
    )


def _counts_map(
    counts: np.ndarray, reference: int, used: int, names: list[str], quantities: dict[str, str]
) -> Figure:
    """Print counts in a map that is coloured by the deviation from one row, another one framed."""
    base = counts[reference]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(base > 0, 100.0 * (counts / base - 1.0), 0.0)
    size = (style.WIDTH, 1.1 + 0.32 * len(names))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    limit = max(10.0, float(np.abs(off).max()))
    scale = TwoSlopeNorm(0.0, -limit, limit)
    image = axes.imshow(off, cmap=style.DIVERGING, norm=scale, aspect="auto")
    for (i, j), value in np.ndenumerate(counts):
        colour = "white" if abs(off[i, j]) > 0.72 * limit else "black"
        axes.text(j, i, f"{value:,.0f}", ha="center", va="center", fontsize=8.5, color=colour)
    corner, wide = (-0.5, used - 0.5), len(quantities)
    axes.add_patch(Rectangle(corner, wide, 1, fill=False, linewidth=2, clip_on=False, zorder=3))
    beside_paper = names[0] == "paper"
    if beside_paper:
        axes.axhline(0.5, color="white", linewidth=3)
    axes.set_xticks(range(len(quantities)), list(quantities.values()), fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label("deviation from the " + ("paper" if beside_paper else "one in use") + ", %")
    return figure


def window_sensitivity(
    table: pd.DataFrame, merging: Merging, beside_paper: bool = True
) -> Drawn | None:
    """Draw how the counts change with the window.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.data.agreement.window_sensitivity`.
    merging : Merging
        The sources, and the window in use; it is marked.
    beside_paper : bool
        Whether to draw the paper's counts, which hold for five nucleotides.

    Returns
    -------
    Drawn or None
        A line for each count. None for one source, which has no partners to find.
    """
    if len(merging.sources) < 2:
        return None
    lines = _window_lines(merging)
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.9), layout="constrained")
    for k, (quantity, marker) in enumerate(zip(lines, "osD^v", strict=False)):
        axes.plot(table["window"], table[quantity], marker=marker, **style.line(k))
        if beside_paper:
            axes.plot(5, PRINTED[quantity], **_CROSS)
    axes.axvline(merging.window, color=style.FAINT, linewidth=0.8, zorder=0)
    if beside_paper:
        cross = Line2D([], [], linestyle="none", label="paper (5 nt)", **_CROSS)
        axes.legend(handles=[cross], loc="center left", bbox_to_anchor=(0.0, 0.5))
    axes.set(xlabel="window, nt", ylabel="TSSs")
    axes.set_xticks(table["window"])
    axes.margins(x=0.02)
    first, last = table.iloc[0], table.iloc[-1]
    top = max(1.0, 1.05 * float(table[list(lines)].to_numpy().max()))
    axes.set_ylim(0, top)
    heights = _spread([float(last[quantity]) for quantity in lines], 0.055 * top)
    for k, (text, height) in enumerate(zip(lines.values(), heights, strict=True)):
        axes.annotate(
            text,
            (last["window"], height),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=style.line(k)["color"],
            annotation_clip=False,
        )
    return Drawn(
        figure,
        "TSSs against the window within which sites are neighbours; the grey line marks "
        f"{merging.window} nt. Where a curve is flat, the window hardly changes their number.",
        f"{len(lines)} rising or flat curves; from a window of {first['window']} nt to one of "
        f"{last['window']} nt the curated set goes from {first['curated']:,} to "
        f"{last['curated']:,} TSSs.",
    )


def _window_lines(merging: Merging) -> dict[str, str]:
    """Counts that are drawn against the window: five at most, however many sources there are."""
    n = len(merging.sources)
    lines = {"curated": "curated set"}
    if n > 2:
        lines["shared_by_2"] = "in at least two sources"
    if n > 3:
        lines["shared_by_3"] = "in at least three"
    if merging.trusted is not None:
        lines[f"{merging.trusted}_only"] = f"{style.label(merging.trusted, 20)} only"
    lines[f"shared_by_{n}"] = "in both" if n == 2 else f"in all {in_words(n)}"
    return lines


def _spread(heights: Sequence[float], least: float) -> list[float]:
    """Move heights apart, upwards from the lowest, so that no two are closer than `least`."""
    order = np.argsort(heights, kind="stable")
    moved = np.asarray(heights, dtype=np.float64).copy()
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + least)
    return [float(height) for height in moved]


def offset_audit(audit: pd.DataFrame) -> Drawn:
    """Draw the audit of printed positions: which offset makes a table fit the genome.

    Parameters
    ----------
    audit : DataFrame
        From `genoattn.data.coordinates.offset_audit`, with a column ``source`` added; frames of
        several sources one below the other.

    Returns
    -------
    Drawn
        A row of panels for each source, a column for each measure that there is, a line for each
        strand.
    """
    measures = {
        "purine": "purine at +1",
        "minus10": "TAnnnT at −10",
        "agreement": "printed sequence agrees",
    }
    measures = {name: text for name, text in measures.items() if audit[name].notna().any()}
    sources = list(dict.fromkeys(audit["source"]))
    tall = 2.1 if len(sources) < 4 else 1.6
    figure, grid = plt.subplots(
        len(sources),
        len(measures),
        figsize=(style.WIDTH, 0.7 + tall * len(sources)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    looks: dict[str, dict[str, Any]] = {
        "+": {**style.line(0), "marker": "o"},
        "-": {**style.line(1), "marker": "s"},
    }
    for row, source in zip(grid, sources, strict=True):
        part = audit[audit["source"] == source]
        for axes, (measure, text) in zip(row, measures.items(), strict=True):
            _audit_panel(axes, part, measure, looks)
            axes.set_title(text)
        row[0].set_ylabel(f"{style.label(source, 20)}\nshare of sites, %")
    figure.supxlabel("added to the printed position, nt (forward coordinates)", fontsize=9)
    figure.legend(
        handles=[
            Line2D([], [], label=f"{word} strand", **looks[strand])
            for strand, word in (("+", "plus"), ("-", "minus"))
        ],
        loc="outside upper center",
        ncols=2,
        handlelength=3.2,
    )
    best = audit.loc[audit.groupby(["source", "strand"], sort=False)["purine"].idxmax()]
    peaks = [
        f"{source_name(row['source'])} {row['strand']} at {row['offset']} ({row['purine']:.0%})"
        for row in best.to_dict("records")
    ]
    return Drawn(
        figure,
        "What lies at the sites when the number of nucleotides on the horizontal axis is added to "
        "the printed position. "
        "All measures of a strand should peak at one offset; where the two strands peak at "
        "different ones, the table counts from zero on one strand and from one on the other.",
        f"{len(sources)} rows of {len(measures)} panels, two curves each; most purines are found "
        f"for {listed(peaks)}.",
    )


def _audit_panel(
    axes: Axes, part: pd.DataFrame, measure: str, looks: dict[str, dict[str, Any]]
) -> None:
    """One measure of one source against the offset, a line for each strand."""
    if part[measure].isna().all():
        axes.text(0.5, 0.5, "no sequences printed", ha="center", transform=axes.transAxes)
    for strand, look in looks.items():
        mine = part[part["strand"] == strand]
        axes.plot(mine["offset"], 100 * mine[measure], **look)
    axes.set_ylim(0, 105)
    axes.set_xticks(sorted(part["offset"].unique()))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.0f}" if value else "0")


def recovery(table: pd.DataFrame | None) -> Drawn | None:
    """Draw precision and recall of sets of sites against an independent reference.

    Parameters
    ----------
    table : DataFrame or None
        From `genoattn.data.agreement.recovery`, with a column ``source`` added; frames of several
        sources one below the other. None where there is no reference.

    Returns
    -------
    Drawn or None
        Two panels; a line for each source over the tolerance.
    """
    if table is None:
        return None
    figure, grid = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.4), sharex=True, sharey=True, layout="constrained"
    )
    sources = list(dict.fromkeys(table["source"]))
    for axes, measure in zip(grid, ("precision", "recall"), strict=True):
        for source in sources:
            part = table[table["source"] == source]
            axes.plot(part["tolerance"], 100 * part[measure], **style.source(source, sources))
        axes.set_title(measure)
        axes.set_xticks(sorted(table["tolerance"].unique()))
        axes.set_ylim(0, 102)
    grid[0].set_ylabel("%")
    figure.supxlabel("tolerance, nt", fontsize=9)
    _source_legend(figure, sources, sources)
    exact = table[table["tolerance"] == table["tolerance"].min()].set_index("source")
    best = {measure: str(exact[measure].idxmax()) for measure in ("precision", "recall")}
    said = [
        f"{measure} {exact.loc[source, measure]:.0%} ({source_name(source)})"
        for measure, source in best.items()
    ]
    return Drawn(
        figure,
        "Precision and recall of each source and of the curated set against the reference, by the "
        "distance at which a site still counts as the same. Look whether the curated set is high "
        "in both panels: a source that is high in one of them is often low in the other.",
        f"Two panels of {len(sources)} rising curves; highest at the smallest tolerance: "
        f"{listed(said)}.",
    )
