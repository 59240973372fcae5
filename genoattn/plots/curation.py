"""Figures and tables of the curation: tidy frames of `genoattn.curation` in, figures out."""

from __future__ import annotations

import warnings
from functools import cache
from itertools import combinations
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

from genoattn.curation import PRINTED, SOURCES
from genoattn.plots import style

__all__ = [
    "exact_shares",
    "offset_audit",
    "readings",
    "recovery",
    "shifts",
    "table_one",
    "upset",
    "venn",
    "window_sensitivity",
]

# Four ellipses of one shape that cut each other in all 15 regions: centre, tilt in degrees.
_ELLIPSES: dict[str, tuple[float, float, float]] = {
    "regulondb": (0.350, 0.400, 140.0),
    "cappable": (0.450, 0.500, 140.0),
    "smrt": (0.544, 0.500, 40.0),
    "sendseq": (0.644, 0.400, 40.0),
}
_AXES_OF_ELLIPSE = (0.72, 0.45)  # full lengths


def table_one(table: pd.DataFrame, beside_paper: bool = True) -> str:
    """Lay out Table 1 for a page.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.curation.table_one`.
    beside_paper : bool
        Whether to show the paper's columns.

    Returns
    -------
    str
        A Markdown table: counts and shares in percent, the paper's beside ours.
    """
    rows = {"": [style.name(source) for source in table["source"]]}
    rows["sites"] = [f"{n:,}" for n in table["n_sites"]]
    if beside_paper:
        rows["paper"] = [f"{n:,}" for n in table["paper_n_sites"]]
    rows["shared"] = _with_percent(table["n_shared"], table["percent_shared"])
    if beside_paper:
        rows["paper "] = _with_percent(table["paper_n_shared"], table["paper_percent_shared"])
    rows["any partner"] = _with_percent(table["n_shared_strict"], table["percent_shared_strict"])
    return style.table(pd.DataFrame(rows))


def _with_percent(counts: pd.Series, percents: pd.Series) -> list[str]:
    """Counts with their percentage in brackets."""
    return [
        f"{n:,} ({p:.1f}%)" if p == p else f"{n:,}" for n, p in zip(counts, percents, strict=True)
    ]


def _inside(x: np.ndarray, y: np.ndarray, source: str) -> np.ndarray:
    """Whether points lie inside a source's ellipse of the Venn diagram."""
    cx, cy, tilt = _ELLIPSES[source]
    along = np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
    u = (x - cx) * along[0] + (y - cy) * along[1]
    v = -(x - cx) * along[1] + (y - cy) * along[0]
    width, height = _AXES_OF_ELLIPSE
    return (2 * u / width) ** 2 + (2 * v / height) ** 2 <= 1.0


@cache
def venn_places(grid: int = 300) -> dict[str, tuple[float, float]]:
    """Find for each region of the Venn diagram the point that is farthest from its borders.

    Parameters
    ----------
    grid : int
        Points a side at which the unit square is looked at.

    Returns
    -------
    dict
        Members (source names joined by ``+``, oldest first) to (x, y).
    """
    y, x = np.mgrid[0 : 1 : grid * 1j, 0 : 1 : grid * 1j]
    inside = {source: _inside(x, y, source) for source in SOURCES}
    places = {}
    for size in range(1, len(SOURCES) + 1):
        for members in combinations(SOURCES, size):
            region = np.ones_like(x, dtype=bool)
            for source in SOURCES:
                region &= inside[source] == (source in members)
            depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
            best = np.unravel_index(np.argmax(depth), depth.shape)
            places["+".join(members)] = (float(x[best]), float(y[best]))
    return places


def venn(regions: pd.DataFrame) -> Figure:
    """Draw the Venn diagram of four sets, after Figure 2A.

    Parameters
    ----------
    regions : DataFrame
        From `genoattn.curation.regions`: members, n.

    Returns
    -------
    Figure
        Four ellipses; each of the 15 regions shows its number of TSSs. Areas mean nothing.
    """
    figure, axes = plt.subplots(figsize=(0.8 * style.WIDTH, 0.62 * style.WIDTH))
    for source in SOURCES:
        x, y, tilt = _ELLIPSES[source]
        colour = style.COLOURS[source]
        axes.add_patch(Ellipse((x, y), *_AXES_OF_ELLIPSE, angle=tilt, facecolor=colour, alpha=0.12))
        axes.add_patch(
            Ellipse(
                (x, y),
                *_AXES_OF_ELLIPSE,
                angle=tilt,
                facecolor="none",
                edgecolor=colour,
                linewidth=2.0,
                linestyle=style.source(source)["linestyle"],
            )
        )
    counts = regions.set_index("members")["n"]
    for members, (x, y) in venn_places().items():
        alone = "+" not in members
        axes.text(
            x,
            y,
            f"{counts[members]:,}",
            ha="center",
            va="center",
            fontsize=11 if alone else 9.5,
            fontweight="bold" if members.count("+") == len(SOURCES) - 1 else "normal",
        )
    corners = {
        "regulondb": (0.09, 0.72, "right"),
        "cappable": (0.30, 0.86, "right"),
        "smrt": (0.70, 0.86, "left"),
        "sendseq": (0.91, 0.72, "left"),
    }
    totals = {source: int(regions.loc[_has(regions, source), "n"].sum()) for source in SOURCES}
    for source, (x, y, side) in corners.items():
        axes.text(
            x,
            y,
            f"{style.name(source)}\n{totals[source]:,}",
            ha=side,
            va="bottom",
            color=style.COLOURS[source] if source != "cappable" else "#8A5F00",
            fontsize=10,
            fontweight="bold",
        )
    axes.set(xlim=(-0.08, 1.08), ylim=(0.08, 0.95), aspect="equal")
    axes.axis("off")
    figure.tight_layout()
    return figure


def _has(regions: pd.DataFrame, source: str) -> pd.Series:
    """Rows of the regions frame that `source` is a member of."""
    return regions["members"].str.split("+").map(lambda members: source in members).astype(bool)


def upset(regions: pd.DataFrame) -> Figure:
    """Draw the regions of the Venn diagram as an UpSet plot (Lex et al. 2014).

    Parameters
    ----------
    regions : DataFrame
        From `genoattn.curation.regions`: members, n.

    Returns
    -------
    Figure
        A bar for each region that is not empty, largest first; the dots below name its members,
        the bars at the left the number of TSSs of each source.
    """
    from upsetplot import UpSet

    filled = regions[regions["n"] > 0]
    members = filled["members"].str.split("+")
    content = pd.Series(
        filled["n"].to_numpy(),
        index=pd.MultiIndex.from_tuples(
            [tuple(source in group for source in SOURCES) for group in members],
            names=[style.name(source) for source in SOURCES],
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # upsetplot 0.9 under pandas 2
        plot = UpSet(
            content,
            sort_by="cardinality",
            sort_categories_by="input",
            show_counts="{:,}",
            element_size=33,
            facecolor="#333333",
            totals_plot_elements=3,
            intersection_plot_elements=7,
        )
        for source in SOURCES:
            plot.style_categories(
                style.name(source),
                bar_facecolor=style.COLOURS[source],
                bar_hatch=style.HATCHES[source],
                bar_edgecolor="white",
            )
        figure = plt.figure()
        parts = plot.plot(fig=figure)
    parts["intersections"].set_ylabel("TSSs")
    parts["intersections"].set_ylim(0, 1.08 * filled["n"].max())
    left, right = parts["intersections"].get_xlim()
    parts["intersections"].set_xlim(left - 0.3, right)  # room for the first bar's number
    parts["totals"].set_xlabel("TSSs of the source")
    parts["totals"].xaxis.set_major_locator(MaxNLocator(2))
    for part in ("intersections", "totals"):
        parts[part].grid(False)
        for text in parts[part].texts:
            text.set_fontsize(7.5)
    return figure


def shifts(distribution: pd.DataFrame) -> Figure:
    """Draw the shifts between neighbouring sites, centred on each source, after Figure 2B.

    Parameters
    ----------
    distribution : DataFrame
        From `genoattn.curation.shift_distribution`.

    Returns
    -------
    Figure
        A panel for each centre; a line for each source; pairs on a logarithmic axis, shifts
        without any pair left out.
    """
    figure, grid = plt.subplots(
        2, 2, figsize=(style.WIDTH, 5.8), sharex=True, sharey=True, layout="constrained"
    )
    window = int(distribution["shift"].max())
    for centre, axes in zip(SOURCES, grid.flat, strict=True):
        for other in SOURCES:
            part = distribution[
                (distribution["centre"] == centre) & (distribution["other"] == other)
            ]
            n = part["n"].where(part["n"] > 0)
            look = style.source(other)
            axes.plot(part["shift"], n, **look, alpha=0.95)
        axes.axvline(0, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.set_title(f"centred on {style.name(centre)}")
        axes.set_yscale("log")
        axes.set_xticks(range(-window, window + 1), [f"{s:+d}" if s else "0" for s in _all(window)])
    figure.supxlabel("shift of the other site, nt (5'→3': positive is downstream)", fontsize=9)
    figure.supylabel("pairs of sites", fontsize=9)
    figure.legend(
        handles=[Line2D([], [], label=style.name(s), **style.source(s)) for s in SOURCES],
        loc="outside upper center",
        ncols=len(SOURCES),
        handlelength=3.2,
    )
    return figure


def _all(window: int) -> range:
    """All shifts within a window."""
    return range(-window, window + 1)


def exact_shares(pairs: pd.DataFrame, beside_paper: bool = True) -> Figure:
    """Draw for each two sources how many of the neighbouring pairs are at one position.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.curation.pair_shares`.
    beside_paper : bool
        Whether to print the paper's value below ours.

    Returns
    -------
    Figure
        A map of the shares in percent.
    """
    ours, printed = (
        pairs.pivot(index="source", columns="other", values=column)
        .reindex(index=list(SOURCES), columns=list(SOURCES))
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
    labels = [style.name(source).replace("SMRT-", "SMRT-\n") for source in SOURCES]
    figure, axes = plt.subplots(figsize=(0.72 * style.WIDTH, 3.9), layout="constrained")
    axes.set_facecolor("#EEEEEE")
    sns.heatmap(
        ours,
        mask=np.isnan(ours),
        annot=np.array(text),
        fmt="",
        annot_kws={"size": 9},
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
    return figure


_QUANTITIES = {
    "shared_by_2": "in ≥ 2",
    "shared_by_3": "in ≥ 3",
    "shared_by_4": "in all 4",
    "regulondb_shared": "RegulonDB\nshared",
    "cappable_shared": "Cappable\nshared",
    "smrt_shared": "SMRT\nshared",
    "sendseq_shared": "SEnd-seq\nshared",
    "sendseq_only": "SEnd-seq\nonly",
    "curated": "curated\nset",
}


def readings(table: pd.DataFrame, chosen: tuple[str, str], beside_paper: bool = True) -> Figure:
    """Draw what each reading of "within five nucleotides" counts.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.curation.readings`.
    chosen : tuple of str
        Rule and treatment of outvoted SEnd-seq sites of the reading in use; it is framed.
    beside_paper : bool
        Whether to colour by the deviation from the paper and show its counts as the first row.

    Returns
    -------
    Figure
        A row for each reading, a column for each count.
    """
    counts = table[list(_QUANTITIES)].to_numpy(np.float64)
    names = [
        f"{rule}, {outvoted}" for rule, outvoted in zip(table.rule, table.outvoted, strict=True)
    ]
    reference = np.array([PRINTED[q] for q in _QUANTITIES], dtype=np.float64)
    if beside_paper:
        counts = np.vstack([reference, counts])
        names = ["paper", *names]
    else:
        reference = counts[names.index(", ".join(chosen))]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(reference > 0, 100.0 * (counts / reference - 1.0), 0.0)
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.1 + 0.32 * len(names)), layout="constrained"
    )
    limit = max(10.0, float(np.abs(off).max()))
    image = axes.imshow(
        off, cmap=style.DIVERGING, norm=TwoSlopeNorm(0.0, -limit, limit), aspect="auto"
    )
    for (i, j), value in np.ndenumerate(counts):
        ink = "white" if abs(off[i, j]) > 0.72 * limit else "black"
        axes.text(j, i, f"{value:,.0f}", ha="center", va="center", fontsize=8.5, color=ink)
    row = names.index(", ".join(chosen))
    axes.add_patch(
        Rectangle(
            (-0.5, row - 0.5), len(_QUANTITIES), 1, fill=False, linewidth=2, clip_on=False, zorder=3
        )
    )
    if beside_paper:
        axes.axhline(0.5, color="white", linewidth=3)
    axes.set_xticks(range(len(_QUANTITIES)), list(_QUANTITIES.values()), fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label("deviation from the " + ("paper" if beside_paper else "reading in use") + ", %")
    return figure


def window_sensitivity(table: pd.DataFrame, window: int, beside_paper: bool = True) -> Figure:
    """Draw how the counts change with the window.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.curation.window_sensitivity`.
    window : int
        The window in use, nt; it is marked.
    beside_paper : bool
        Whether to draw the paper's counts, which hold for five nucleotides.

    Returns
    -------
    Figure
        A line for each count.
    """
    quantities = {
        "curated": "curated set",
        "shared_by_2": "in at least two sources",
        "shared_by_3": "in at least three",
        "sendseq_only": "SEnd-seq only",
        "shared_by_4": "in all four",
    }
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.9), layout="constrained")
    markers = "osD^v"
    for k, (quantity, label) in enumerate(quantities.items()):
        look = style.line(k)
        axes.plot(table["window"], table[quantity], marker=markers[k], **look)
        axes.annotate(
            label,
            (table["window"].iloc[-1], table[quantity].iloc[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=look["color"],
        )
        if beside_paper:
            axes.plot(
                5, PRINTED[quantity], marker="x", markersize=9, markeredgewidth=2, color="black"
            )
    axes.axvline(window, color=style.FAINT, linewidth=0.8, zorder=0)
    if beside_paper:
        cross = Line2D([], [], color="black", marker="x", markersize=9, linestyle="none")
        cross.set(markeredgewidth=2, label="paper (5 nt)")
        axes.legend(handles=[cross], loc="center left", bbox_to_anchor=(0.0, 0.5))
    axes.set(xlabel="window, nt", ylabel="TSSs")
    axes.set_xticks(table["window"])
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    return figure


def offset_audit(audit: pd.DataFrame) -> Figure:
    """Draw the audit of printed positions: which offset makes a table fit the genome.

    Parameters
    ----------
    audit : DataFrame
        From `genoattn.audit.offset_audit`, with a column ``source`` added; frames of several
        sources one below the other.

    Returns
    -------
    Figure
        A row of panels for each source, a column for each measure that there is, a line for each
        strand.
    """
    measures = {
        "purine": "purine at +1",
        "minus10": "TAnnnT at −10",
        "agreement": "printed sequence agrees",
    }
    measures = {name: label for name, label in measures.items() if audit[name].notna().any()}
    sources = list(dict.fromkeys(audit["source"]))
    figure, grid = plt.subplots(
        len(sources),
        len(measures),
        figsize=(style.WIDTH, 0.7 + 2.1 * len(sources)),
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
        for axes, (measure, label) in zip(row, measures.items(), strict=True):
            _audit_panel(axes, part, measure, looks)
            axes.set_title(label)
        row[0].set_ylabel(f"{style.name(source)}\nshare of sites, %")
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
    return figure


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


def recovery(table: pd.DataFrame) -> Figure:
    """Draw precision and recall of sets of sites against the planted truth.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.curation.recovery`, with a column ``source`` added; frames of several
        sources one below the other.

    Returns
    -------
    Figure
        Two panels; a line for each source over the tolerance.
    """
    figure, grid = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.4), sharex=True, sharey=True, layout="constrained"
    )
    sources = list(dict.fromkeys(table["source"]))
    for axes, measure in zip(grid, ("precision", "recall"), strict=True):
        for source in sources:
            part = table[table["source"] == source]
            axes.plot(part["tolerance"], 100 * part[measure], **style.source(source))
        axes.set_title(measure)
        axes.set_xticks(sorted(table["tolerance"].unique()))
        axes.set_ylim(0, 102)
    grid[0].set_ylabel("%")
    figure.supxlabel("tolerance, nt", fontsize=9)
    figure.legend(
        handles=[Line2D([], [], label=style.name(s), **style.source(s)) for s in sources],
        loc="outside upper center",
        ncols=len(sources),
        handlelength=3.2,
    )
    return figure
