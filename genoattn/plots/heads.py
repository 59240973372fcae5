"""Figures of attention heads: frames and motifs of a chapter in, drawn figures out.

Positions are drawn as biologists count them (`sites.paper_label`: no zero, the TSS is +1). Layers
and heads count from 1; "L2 H1" is the first head of the second layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from genoattn.genome import motifs
from genoattn.genome.motifs import UNIFORM, letter_heights
from genoattn.genome.sites import paper_label
from genoattn.heads import pairs
from genoattn.heads.elements import Element
from genoattn.heads.preferred import BestSequences
from genoattn.heads.profiles import PROMOTER, names
from genoattn.plots import panels, style
from genoattn.plots.drawn import Drawn

__all__ = [
    "attention_map",
    "candidates",
    "clustered_correlations",
    "correlation_by_layer",
    "correlation_map",
    "draw_logo",
    "examples",
    "joint_logos",
    "logo_grid",
    "match_calibration",
    "peaks_and_elements",
    "promoter_profiles",
    "sample_and_census",
    "site_odds",
    "spacer_bars",
]


_SLIDE = 3.9
"""Height in inches of a figure that is as broad as a slide."""

PROFILES = {
    "census_mean": "mean over all nucleotides judged",
    "maximum": "maximum over all nucleotides judged",
    "highest": "highest outputs",
    "lowest": "lowest outputs",
    "mean": "random nucleotides",
}
"""What readers call the columns of a profile frame."""


# ---------------------------------------------------------------------------- parts of figures


def _heads(frame: pd.DataFrame) -> list[tuple[int, int]]:
    """Layer and head numbers of a frame, ascending."""
    pairs = frame[["layer_1based", "head_1based"]].drop_duplicates()
    return sorted(pairs.itertuples(index=False, name=None))


def _matrix(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Values (heads, offsets) of a profile frame, and the offsets, ascending."""
    wide = frame.pivot_table(
        index=["layer_1based", "head_1based"], columns="offset", values=column, dropna=False
    )
    return wide.to_numpy(), wide.columns.to_numpy()


def _offset_ticks(axes: Axes, offset: np.ndarray, step: int) -> None:
    """Ticks at labels that are multiples of ``step``, at the TSS (+1) instead of zero."""
    label = paper_label(offset)
    chosen = (label % step == 0) | (label == 1)
    axes.set_xticks(offset[chosen], [f"{value:+d}" for value in label[chosen]])


def _offsets_of(region: tuple[int, int]) -> tuple[int, int]:
    """Offsets of the first and last paper label of a region."""
    first, last = region
    return first - (first > 0), last - (last > 0)


def _rows_of_heads(axes: Axes, pairs: Sequence[tuple[int, int]], size: float = style.SMALL) -> None:
    """Label the rows of a map: heads, and one name and a gap line for each layer."""
    axes.set_yticks(range(len(pairs)), [f"H{head}" for _, head in pairs], fontsize=size)
    layers = np.array([layer for layer, _ in pairs])
    for layer in np.unique(layers):
        mine = np.flatnonzero(layers == layer)
        axes.text(
            -0.055,
            mine.mean(),
            f"layer {layer}",
            rotation=90,
            ha="center",
            va="center",
            fontsize=8,
            transform=axes.get_yaxis_transform(),
        )
        if mine[0] > 0:
            axes.axhline(mine[0] - 0.5, color="white", linewidth=2)


def _map(
    axes: Axes, values: NDArray, offset: NDArray, colours: str, limits: tuple[float, float]
) -> AxesImage:
    """Draw one value a head (row) and offset (column)."""
    return axes.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        extent=(offset[0] - 0.5, offset[-1] + 0.5, len(values) - 0.5, -0.5),
    )


def _whole_map(
    profiles: pd.DataFrame,
    values: NDArray,
    limits: tuple[float, float],
    label: str,
    *,
    slide: bool = False,
) -> Figure:
    """Draw a map of all heads over the whole window, rows grouped by layer."""
    rows, offset = _heads(profiles), np.unique(profiles["offset"])
    height = _SLIDE if slide else 1.4 + 0.155 * len(rows)
    figure, axes = plt.subplots(figsize=(style.WIDTH, height), layout="constrained")
    image = _map(axes, values, offset, style.SEQUENTIAL, limits)
    _rows_of_heads(axes, rows, 200 / len(rows) if slide and len(rows) > 26 else style.SMALL)
    _offset_ticks(axes, offset, 50)
    axes.set_xlabel("attended nucleotide, relative to the start site (nt)")
    figure.colorbar(image, ax=axes, label=label, pad=0.01, aspect=40)
    return figure


def _extreme(
    profiles: pd.DataFrame, column: str, *, lowest: bool = False
) -> tuple[str, int, float]:
    """The head of the highest (lowest) value, the position there, and the value.

    The first of those that agree to six decimals, as many as the results keep.
    """
    values = profiles[column].round(6)
    at = values.idxmin() if lowest else values.idxmax()
    row = profiles.loc[[at]]
    return names(row)[0], int(row["label"].iloc[0]), float(row[column].iloc[0])


def _window(profiles: pd.DataFrame) -> str:
    """First and last position of a profile frame."""
    return f"{profiles['label'].min():+d} to {profiles['label'].max():+d}"


def draw_logo(
    axes: Axes, counts: np.ndarray, first_offset: int, background: np.ndarray = UNIFORM
) -> None:
    """One sequence logo at its place relative to the start site.

    Parameters
    ----------
    axes : Axes
    counts : array of int, shape (width, 4)
    first_offset : int
        Offset of the first column; 0 is the TSS.
    background : array of float, shape (4,)
        Probability of A, C, G, T; letters are as high as they stand out from it.
    """
    offset = first_offset + np.arange(len(counts))
    heights = pd.DataFrame(letter_heights(counts, background), index=offset, columns=list("ACGT"))
    logomaker.Logo(heights, ax=axes, color_scheme=style.NUCLEOTIDES, show_spines=False)
    axes.spines[["left", "bottom"]].set_visible(True)
    axes.set_ylim(0, 2)
    axes.set_yticks([0, 1, 2])
    ends = offset[[0, len(offset) // 2, -1]]
    axes.set_xticks(ends, [f"{value:+d}" for value in paper_label(ends)])
    axes.tick_params(labelsize=style.SMALL, length=2)


# ------------------------------------------------------------------------------ where they look


def attention_map(profiles: pd.DataFrame, column: str, *, slide: bool = False) -> Drawn:
    """Attention of every head over the whole window, each head on its own scale.

    After Figure 3 (ii) of the paper.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.profile_frame`.
    column : str
        The profile drawn, a key of `PROFILES`.
    slide : bool
        As broad as a slide is, so that it fills one.
    """
    values, _ = _matrix(profiles, column)
    figure = _whole_map(
        profiles,
        values / values.max(axis=1, keepdims=True),
        (0, 1),
        f"{column}, relative to the head's highest",
        slide=slide,
    )
    peaks = profiles.loc[profiles.groupby(["layer_1based", "head_1based"])[column].idxmax()]
    near = int(peaks["label"].between(*PROMOTER).sum())
    counted = (
        f"{near} of {len(peaks)} heads have their highest value between {PROMOTER[0]:+d} and "
        f"{PROMOTER[1]:+d}"
    )
    return Drawn(
        figure,
        f"Attention of each head (row) at each position, {PROFILES[column]}, relative to the "
        f"head's own highest value. A head that looks at one place is a dark row with one bright "
        f"stripe; a bright row can look anywhere, depending on the sequence. {counted}.",
        f"Heat map of {len(peaks)} heads over positions {_window(profiles)}; {counted}.",
    )


def promoter_profiles(
    profiles: pd.DataFrame,
    columns: Sequence[str],
    region: tuple[int, int] = PROMOTER,
    *,
    slide: bool = False,
) -> Drawn:
    """Small multiples: attention of each head over the promoter region, a line for each column.

    Each panel has its own scale, and its highest value is written in it.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.profile_frame`.
    columns : sequence of str
        The profiles drawn, keys of `PROFILES`.
    region : tuple of int
        First and last paper label drawn.
    slide : bool
        As broad as a slide is, so that it fills one.
    """
    shown = profiles[profiles["label"].between(*region)]
    rows = _heads(shown)
    n_layers = len({layer for layer, _ in rows})
    figure, grid = plt.subplots(
        n_layers,
        len(rows) // n_layers,
        figsize=(style.WIDTH, _SLIDE if slide else 0.7 + 0.8 * n_layers),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    by_head = dict(iter(shown.groupby(["layer_1based", "head_1based"])))
    for axes, (layer, head) in zip(grid.flat, rows, strict=True):
        part = by_head[layer, head]
        for number, column in enumerate(columns):
            axes.plot(
                part["offset"],
                part[column],
                label=PROFILES[column],
                linewidth=1.0,
                **style.line(number),
            )
        top = part[list(columns)].to_numpy().max()
        axes.set_ylim(0, 1.35 * top)
        axes.set_yticks([])
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        written = {"transform": axes.transAxes, "va": "top", "fontsize": style.SMALL}
        axes.text(0.03, 0.95, f"L{layer} H{head}", **written)
        axes.text(0.97, 0.95, f"{top:.2g}", ha="right", **written)
        axes.tick_params(labelsize=style.SMALL)
    first, last = _offsets_of(region)
    for axes in grid[-1]:
        _offset_ticks(axes, np.arange(first, last + 1), 50)
    figure.supxlabel("attended nucleotide, relative to the start site (nt)", fontsize=9)
    figure.supylabel("attention (scale of each head)", fontsize=9)
    if len(columns) > 1:
        lines = grid[0, 0].get_legend_handles_labels()
        figure.legend(*lines, loc="outside upper center", ncols=len(columns), fontsize=8)
    return Drawn(figure, *_told_profiles(shown, columns, region))


def _told_profiles(
    shown: pd.DataFrame, columns: Sequence[str], region: tuple[int, int]
) -> tuple[str, str]:
    """Caption and alternative text of `promoter_profiles`."""
    named = ", ".join(PROFILES[column] for column in columns)
    tops = [_extreme(shown, column) for column in columns]
    told = "; ".join(
        f"{value:.2g} at {label:+d} in {head} ({PROFILES[column]})"
        for column, (head, label, value) in zip(columns, tops, strict=True)
    )
    compare = (
        " Where the lines part, the head attends differently at high and low outputs."
        if len(columns) > 1
        else ""
    )
    return (
        f"Attention of each head from {region[0]:+d} to {region[1]:+d}: {named}. Every panel has "
        "its own scale; the number in its corner is the highest value, the vertical line the start "
        f"site.{compare} Highest of all: {told}.",
        f"Grid of {len(_heads(shown))} line plots, one a head, over positions {region[0]:+d} to "
        f"{region[1]:+d}. Highest: {told}.",
    )


def sample_and_census(profiles: pd.DataFrame) -> Drawn:
    """Mean attention of all heads by the random samples and by all positions, and the difference.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.profile_frame` with ``mean`` and ``census_mean``; each head is scaled by its
        highest census mean.
    """
    sample, offset = _matrix(profiles, "mean")
    census, _ = _matrix(profiles, "census_mean")
    rows = _heads(profiles)
    scale = census.max(axis=1, keepdims=True)
    difference = (sample - census) / scale
    limit = float(np.abs(difference).max())
    figure, panels = plt.subplots(
        1,
        3,
        figsize=(style.WIDTH, 1.4 + 0.135 * len(rows)),
        sharey=True,
        layout="constrained",
    )
    drawn = (
        (sample / scale, "random samples", style.SEQUENTIAL, (0.0, 1.0)),
        (census / scale, "all nucleotides", style.SEQUENTIAL, (0.0, 1.0)),
        (difference, "samples minus all", style.DIVERGING, (-limit, limit)),
    )
    for axes, (values, title, colours, limits) in zip(panels, drawn, strict=True):
        image = _map(axes, values, offset, colours, limits)
        axes.set_title(title)
        _offset_ticks(axes, offset, 200 if len(offset) > 300 else 50)
        if axes is not panels[0]:
            figure.colorbar(
                image, ax=axes, pad=0.02, aspect=40, label="relative to the head's highest"
            )
    panels[0].set_yticks(range(len(rows)), [f"L{layer} H{head}" for layer, head in rows])
    panels[0].tick_params(axis="y", labelsize=style.SMALL)
    figure.supxlabel("attended nucleotide, relative to the start site (nt)", fontsize=9)
    worst = int(np.abs(difference).max(axis=1).argmax())
    largest = f"{limit:.0%} of the head's highest mean, in L{rows[worst][0]} H{rows[worst][1]}"
    return Drawn(
        figure,
        "Mean attention of each head (row) relative to its highest mean: over the random "
        "samples, over all nucleotides judged, and the difference, with a scale of its own. The "
        f"first two panels should look the same; the largest difference is {largest}.",
        f"Three heat maps of {len(rows)} heads over positions {_window(profiles)}; the largest "
        f"difference between samples and all nucleotides is {largest}.",
    )


# --------------------------------------------------------------------------- what they look for


def logo_grid(
    best: BestSequences, background: NDArray = UNIFORM, roles: pd.DataFrame | None = None
) -> Drawn:
    """Sequence logos of all heads, each at its own place relative to the start site.

    After Figure 3 (iii) and Supplementary Figures S5 and S6 of the paper. The number of different
    sequences stands beside each head's name.

    Parameters
    ----------
    best : BestSequences
        `preferred.motifs_at`.
    background : array of float, shape (4,)
        See `draw_logo`.
    roles : DataFrame, optional
        `elements.name_roles`; a head's role is written under its name.
    """
    layers, n_heads, width, _ = best.counts.shape
    named: dict[tuple[int, int], str] = {}
    if roles is not None:
        keys = zip(roles["layer_1based"], roles["head_1based"], strict=True)
        named = dict(zip(keys, roles["role"], strict=True))
    figure, grid = plt.subplots(
        layers,
        n_heads,
        figsize=(style.WIDTH, 0.6 + 1.0 * layers),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for (layer, head), axes in np.ndenumerate(grid):
        _draw_motif(axes, best, layer, head, background)
        name = f"L{layer + 1} H{head + 1}: {best.n_distinct[layer, head]}"
        role = named.get((layer + 1, head + 1))
        axes.set_title(f"{name}\n{_broken(role)}" if role else name, fontsize=style.SMALL, pad=2)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("information (bits)", fontsize=9)
    bits = motifs.information(best.counts, background)
    layer, head = np.unravel_index(bits.argmax(), bits.shape)
    most = f"{bits.max():.1f} bits in L{layer + 1} H{head + 1}; median {np.median(bits):.1f} bits"
    of_roles = "" if roles is None else f" Heads with a role, by rule: {len(roles)} of {bits.size}."
    return Drawn(
        figure,
        "Motif of each head at the position that it attends to most; beside its name, the number "
        "of different sequences in it. Tall letters are common where the head gives most "
        f"attention; in a flat logo these places share no sequence. Most information: "
        f"{most}.{of_roles}",
        f"Grid of {bits.size} sequence logos of {width} nucleotides, one a head. Most information: "
        f"{most}.{of_roles}",
    )


def _draw_motif(
    axes: Axes, best: BestSequences, layer: int, head: int, background: NDArray
) -> None:
    """The logo of a head's motif, its middle at the place that the head attends to most."""
    counts = best.counts[layer, head]
    draw_logo(axes, counts, int(best.offset[layer, head]) - len(counts) // 2, background)


def candidates(
    best: BestSequences, region: tuple[int, int], background: NDArray = UNIFORM
) -> Drawn:
    """Large logos of the heads that look at one region, without a role: for a class to choose one.

    Parameters
    ----------
    best : BestSequences
        `preferred.motifs_at`.
    region : tuple of int
        First and last paper label that the middle of a motif may have.
    background : array of float, shape (4,)
        See `draw_logo`.
    """
    first, last = _offsets_of(region)
    looking = np.argwhere((best.offset >= first) & (best.offset <= last))
    if not len(looking):
        raise ValueError(f"no head looks at {region[0]:+d} to {region[1]:+d}")
    figure, grid = panels.in_rows(len(looking), 4, 1.15, rest=0.5, share="y")
    for axes, (layer, head) in zip(grid, looking, strict=True):
        _draw_motif(axes, best, layer, head, background)
        axes.set_title(f"L{layer + 1} H{head + 1}", fontsize=10, pad=2)
    figure.supxlabel("position relative to the start site (nt)", fontsize=10)
    figure.supylabel("information (bits)", fontsize=10)
    said = (
        f"the {len(looking)} heads, of {best.offset.size}, whose highest mean attention lies "
        f"between {region[0]:+d} and {region[1]:+d}"
    )
    return Drawn(
        figure,
        f"Motifs of {said}: the letters there, at the positions to which the head gives most. "
        "Which of them reads the element?",
        f"Sequence logos of {said}.",
    )


def _broken(role: str) -> str:
    """A role on two lines where it names rivals."""
    return role.replace(" (or ", "\n(or ", 1)


def examples(
    found: pd.DataFrame,
    profiles: pd.DataFrame,
    best: BestSequences,
    elements: Sequence[Element],
    background: NDArray = UNIFORM,
) -> Drawn:
    """For each element: the head that is most like it, its mean attention, its logo, the verdict.

    After Figure 3 of the paper, which shows such examples chosen by eye.

    Parameters
    ----------
    found : DataFrame
        `elements.found_elements` with the column ``verdict``.
    profiles : DataFrame
        `profiles.profile_frame` with ``census_mean``.
    best : BestSequences
        Motifs of all heads.
    elements : sequence of Element
        Those of ``found``; their allowed places are shaded.
    background : array of float, shape (4,)
        See `draw_logo`.
    """
    figure, grid = plt.subplots(
        len(elements),
        2,
        figsize=(style.WIDTH, 0.5 + 1.15 * len(elements)),
        width_ratios=(3, 1),
        squeeze=False,
        layout="constrained",
    )
    by_head = dict(iter(profiles.groupby(["layer_1based", "head_1based"])))
    for (left, right), element in zip(grid, elements, strict=True):
        row = found.loc[element.name]
        left.set_title(f"{element.name}: {row['verdict']}", fontsize=8, loc="left", pad=2)
        last = element.places[-1] + len(element.probabilities)
        left.axvspan(element.places[0] - 0.5, last - 0.5, color="0.88", linewidth=0)
        left.set_xlim(-100, 21)
        _offset_ticks(left, np.arange(-100, 20), 20)
        left.tick_params(labelsize=style.SMALL)
        left.set_yticks([])
        if not row["best_head"]:
            right.axis("off")
            continue
        layer, head = (int(part[1:]) for part in row["best_head"].split())
        part = by_head[layer, head]
        part = part[part["offset"].between(-100, 20)]
        mean = part["census_mean"]
        left.fill_between(part["offset"], mean, step="mid", color=style.line(0)["color"])
        left.set_ylim(0, 1.1 * mean.max())
        _draw_motif(right, best, layer - 1, head - 1, background)
        right.set_title(row["best_head"], fontsize=8, pad=2)
    figure.supxlabel(
        "position relative to the start site (nt); grey: where the element lies", fontsize=9
    )
    figure.supylabel("mean attention; information (bits)", fontsize=9)
    fitting = found.index[found["n_heads"] > 0]
    told = "; ".join(f"{name}: {verdict}" for name, verdict in found["verdict"].items())
    return Drawn(
        figure,
        "For each element, the head whose motif is most like it where the element can lie (grey): "
        "the head's mean attention over all nucleotides judged, on its own scale, and its motif. A "
        "head stands for the element only where the motif is similar enough and more so than "
        f"random elements; heads are named after {len(fitting)} of {len(found)} elements (each "
        "after one, the most similar).",
        f"A row for each of {len(found)} elements, mean attention at the left, a logo at the "
        f"right. {told}.",
    )


def peaks_and_elements(
    table: pd.DataFrame,
    elements: Sequence[Element],
    roles: pd.DataFrame,
    region: tuple[int, int] = PROMOTER,
) -> Drawn:
    """Where each head looks most, under the places of the elements that it may stand for.

    Parameters
    ----------
    table : DataFrame
        `atlas.head_table`.
    elements : sequence of Element
        Drawn as bars from their first possible nucleotide to their last.
    roles : DataFrame
        `elements.name_roles`; heads with a role are filled.
    region : tuple of int
        First and last paper label drawn.
    """
    inside = table["peak_label"].between(*region)
    n_layers = int(table["layer_1based"].max())
    heights = [0.3 + 0.21 * len(elements), 0.4 + 0.9 * n_layers]
    figure, (above, below) = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 0.9 + sum(heights)),
        sharex=True,
        height_ratios=heights,
        layout="constrained",
    )
    _element_bars(above, elements)
    _peak_circles(below, table, inside.to_numpy(), roles)
    first, last = _offsets_of(region)
    _offset_ticks(below, np.arange(first, last + 1), 10)
    below.set_xlim(first - 2, last + 2)
    for axes in (above, below):
        axes.grid(axis="x", linewidth=0.4, color="0.85")
    outside = int((~inside).sum())
    below.set_xlabel(
        "position of highest mean attention relative to the start site (nt); "
        f"{outside} of {len(table)} heads peak outside this region"
    )
    return Drawn(
        figure,
        "Above, a bar for each element, at the positions where it can lie; a position is the "
        "darker the more of the element's possible placements cover it. Below, where each head has "
        "its highest mean attention; the number is the head, a filled circle a head that is named "
        "after an element. A head with an open circle under a bar has its peak where the element "
        "can lie, but its motif is not shown to be the element's. "
        f"Filled: {len(roles)} of {len(table)} heads.",
        f"Ranges of {len(elements)} elements above the peak positions of {int(inside.sum())} heads "
        f"in {n_layers} layers, between {region[0]:+d} and {region[1]:+d}; heads with a role: "
        f"{len(roles)}; peaks outside: {outside}.",
    )


def _element_bars(axes: Axes, elements: Sequence[Element]) -> None:
    """Draw where each element can lie, the upstream ones first."""
    ordered = sorted(elements, key=lambda element: float(np.mean(element.places)))
    for row, element in enumerate(ordered):
        axes.barh(
            [row] * len(element.places),
            len(element.probabilities),
            left=np.array(element.places) - 0.5,
            height=0.7,
            color=style.line(0)["color"],
            alpha=1.0 if len(element.places) == 1 else 0.35,
            linewidth=0,
        )
    axes.set_yticks(range(len(ordered)), [element.name for element in ordered], fontsize=8)
    axes.invert_yaxis()


def _peak_circles(
    axes: Axes, table: pd.DataFrame, chosen: NDArray[np.bool_], roles: pd.DataFrame
) -> None:
    """Draw the chosen heads' peaks, a band a layer; heads with a role are filled."""
    named = set(zip(roles["layer_1based"], roles["head_1based"], strict=True))
    n_layers, n_heads = int(table["layer_1based"].max()), int(table["head_1based"].max())
    peaks = table.loc[chosen, ["layer_1based", "head_1based", "peak_offset"]].to_numpy(dtype=int)
    for layer, head, offset in peaks:
        face, ink = ("black", "white") if (layer, head) in named else ("white", "black")
        height = layer + (head - (1 + n_heads) / 2) * 0.8 / n_heads
        axes.plot(offset, height, marker="o", markersize=10, color="black", markerfacecolor=face)
        number = axes.text(offset, height, str(head), color=ink, fontsize=style.SMALL)
        number.set(ha="center", va="center_baseline")
    axes.set_yticks(range(1, n_layers + 1))
    axes.set_ylim(n_layers + 0.6, 0.4)
    axes.set_ylabel("layer (numbers: head)")


# ------------------------------------------------------------------------- attention and output


def correlation_map(profiles: pd.DataFrame, column: str = "spearman") -> Drawn:
    """Rank correlation of attention with the output, every head over the whole window.

    The colours run from dark to bright through zero in the middle, so that the sign survives in
    greyscale, where a map with two dark ends would lose it.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.profile_frame`.
    column : str
        The correlation drawn.
    """
    values, _ = _matrix(profiles, column)
    limit = float(np.nanmax(np.abs(values)))
    figure = _whole_map(profiles, values, (-limit, limit), "rank correlation")
    ends = [_extreme(profiles, column, lowest=lowest) for lowest in (False, True)]
    told = " and ".join(f"{value:+.2f} ({head} at {label:+d})" for head, label, value in ends)
    return Drawn(
        figure,
        "Spearman's correlation of the attention at each position with the model's output, over "
        "the random samples. Mid-grey is zero, bright positive (more attention where the output is "
        f"high), dark negative, white no variation of the attention. Extremes: {told}.",
        f"Heat map of correlations of {len(values)} heads over positions {_window(profiles)}; "
        f"extremes {told}.",
    )


def correlation_by_layer(extremes: pd.DataFrame, chance: float) -> Drawn:
    """Highest and lowest correlation in each layer, and what shuffled outputs reach.

    Parameters
    ----------
    extremes : DataFrame
        `profiles.extremes_by_layer`.
    chance : float
        Largest absolute correlation with a shuffled output, over all heads and offsets.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    layer = extremes["layer_1based"]
    axes.axhspan(-chance, chance, color="0.85", label="largest with shuffled outputs")
    axes.plot(layer, extremes["maximum"], label="highest in the layer", marker="^", **style.line(0))
    axes.plot(layer, extremes["minimum"], label="lowest in the layer", marker="v", **style.line(1))
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xticks(layer)
    axes.set_ylim(-1, 1)
    axes.set_xlabel("layer")
    axes.set_ylabel("Spearman correlation\nwith the output")
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    strength = extremes[["maximum", "minimum"]].abs().max(axis=1)
    told = ", ".join(f"{value:.2f}" for value in strength)
    return Drawn(
        figure,
        "Highest and lowest rank correlation with the output in each layer. The grey band "
        f"(±{chance:.2f}) is the strongest correlation with shuffled outputs; it is too narrow, as "
        "shuffling ignores that neighbouring samples depend on each other. In the paper, the "
        "correlation grows over the first three layers.",
        f"Two curves over {len(extremes)} layers; the strongest correlations by layer are {told}, "
        f"the largest with shuffled outputs is {chance:.2f}.",
    )


# ------------------------------------------------------------------------------------- pairs


def clustered_correlations(
    matrices: Mapping[str, NDArray], orders: Sequence[NDArray], n_heads: int
) -> Drawn:
    """Correlation matrices between heads, each in the order of its clusters.

    After Supplementary Figure S10 of the paper.

    Parameters
    ----------
    matrices : mapping of str to array, shape (heads of all layers, heads of all layers)
        By the title of their panel.
    orders : sequence of array
        `pairs.cluster_order` of each.
    n_heads : int
        Heads of a layer.
    """
    n_rows = max(len(order) for order in orders)
    figure, panels = plt.subplots(
        1,
        len(matrices),
        figsize=(style.WIDTH, 1 + 0.118 * n_rows),
        squeeze=False,
        layout="constrained",
    )
    for axes, (title, matrix), order in zip(panels[0], matrices.items(), orders, strict=True):
        image = axes.imshow(
            matrix[np.ix_(order, order)], cmap=style.DIVERGING, vmin=-1, vmax=1, aspect="auto"
        )
        names = [f"L{one // n_heads + 1} H{one % n_heads + 1}" for one in order]
        axes.set_xticks([])
        axes.set_xlabel("the same heads in the same order")
        axes.set_yticks(range(len(order)), names, fontsize=style.SMALL)
        axes.tick_params(length=1.5)
        axes.set_title(title)
    figure.colorbar(image, ax=list(panels[0]), label="correlation", shrink=0.7, pad=0.01)
    counts = {title: _beyond(matrix) for title, matrix in matrices.items()}
    told = "; ".join(f"{title}, {n}" for title, n in counts.items())
    n_pairs = len(order) * (len(order) - 1) // 2
    return Drawn(
        figure,
        "Correlation of each pair of heads, clustered so that correlated heads are neighbours. A "
        "block along the diagonal is a group of heads that look together. A block that "
        "is in the left panel only is a group of heads that look at the same position; one in the "
        "right panel, of heads whose weights on their favourite positions are high for the same "
        "judged sites. "
        f"Pairs above 0.5, of {n_pairs}: {told}.",
        f"{len(matrices)} heat maps of correlations between {len(order)} heads; pairs above "
        f"0.5, of {n_pairs}: {told}.",
    )


def _beyond(matrix: NDArray, limit: float = 0.5) -> int:
    """Number of pairs of heads with a higher correlation."""
    return int((matrix[np.triu_indices(len(matrix), k=1)] > limit).sum())


def joint_logos(
    drawn: pd.DataFrame, motifs: Sequence[pairs.JointMotif], width: int, background: NDArray
) -> Drawn | None:
    """Logos of pairs of heads, from one attended place to the other; the two places are shaded.

    Parameters
    ----------
    drawn : DataFrame
        Rows of `pairs.joint_places`.
    motifs : sequence of JointMotif
        Of these rows.
    width : int
        Nucleotides that belong to each place.
    background : array of float, shape (4,)

    Returns
    -------
    Drawn or None
        None without a pair.
    """
    if not motifs:
        return None
    figure, grid = plt.subplots(
        len(motifs),
        1,
        figsize=(style.WIDTH, 0.4 + 1.25 * len(motifs)),
        squeeze=False,
        layout="constrained",
    )
    titles = [*_titles(drawn, motifs)]
    for axes, motif, title in zip(grid[:, 0], motifs, titles, strict=True):
        draw_logo(axes, motif.counts, motif.first_offset, background)
        last = motif.first_offset + len(motif.counts)
        for left in (motif.first_offset, last - width):
            axes.axvspan(left - 0.5, left + width - 0.5, color="0.93", linewidth=0, zorder=-1)
        _offset_ticks(axes, np.arange(motif.first_offset, last), 5)
        axes.set_title(title, fontsize=8, loc="left", pad=2)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("information (bits)", fontsize=9)
    spaced = f"{sum(one.spaced for one in motifs)} of {len(motifs)} pairs"
    return Drawn(
        figure,
        "The nucleotides between and around the two places (shaded) at which a pair of heads is "
        "high together. A jointly read motif has tall letters in **both** shaded places; this is "
        f"so for {spaced}.",
        f"{len(motifs)} sequence logos, one a pair of heads, spaced motif in {spaced}: "
        f"{'; '.join(titles)}.",
    )


def _titles(drawn: pd.DataFrame, motifs: Sequence[pairs.JointMotif]) -> Iterator[str]:
    """Name each pair, how correlated it is, and whether both halves hold information."""
    rows = zip(pairs.pair_names(drawn), drawn["correlation"], drawn["chance"], motifs, strict=True)
    for name, r, chance, motif in rows:
        verdict = "spaced motif" if motif.spaced else "one half says too little"
        yield f"{name}: r = {r:.2f} (chance {chance:.2f}), {verdict}"


def spacer_bars(
    by_heads: pd.DataFrame | None,
    others: Mapping[str, pd.DataFrame],
    known: int | None = None,
    region: tuple[int, int] = (8, 26),
) -> Drawn | None:
    """Share of promoters by spacer: as two heads see it, and by other means.

    Parameters
    ----------
    by_heads : DataFrame or None
        `pairs.spacers`.
    others : mapping of str to DataFrame
        `pairs.box_spacers` or `pairs.planted_spacers`, by the name of their line.
    known : int, optional
        The spacer that is known to be the best.
    region : tuple of int
        First and last spacer shown.

    Returns
    -------
    Drawn or None
        None where two heads find no boxes.
    """
    if by_heads is None:
        return None
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    shown = by_heads[by_heads["spacer"].between(*region)]
    axes.bar(shown["spacer"], shown["share"], color="0.75", label="two heads, same promoter")
    axes.plot(
        shown["spacer"],
        shown["expected"],
        label="two heads, independently",
        marker=".",
        **style.line(1),
    )
    for number, (name, frame) in enumerate(others.items()):
        values = np.arange(region[0], region[1] + 1)
        share = frame.set_index("spacer")["share"].reindex(values, fill_value=0.0)
        axes.plot(values, share, label=name, marker="sD^"[number % 3], **style.line(2 * number))
    if known is not None:
        axes.axvline(known, color=style.FAINT, linewidth=0.8, linestyle=":")
        axes.set_ylim(top=1.1 * axes.get_ylim()[1])
        axes.text(known + 0.15, axes.get_ylim()[1], f"{known} nt", va="top", fontsize=8)
    axes.set_xlim(region[0] - 0.6, region[1] + 0.6)
    axes.set_xticks(range(region[0], region[1] + 1, 2))
    axes.set_xlabel("nucleotides between the two boxes")
    axes.set_ylabel("share of promoters")
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    most = by_heads.loc[by_heads["n"].idxmax()]
    told = f"{most['spacer']:.0f} nt at {most['share']:.0%} of predicted start sites"
    return Drawn(
        figure,
        "Nucleotides between the two boxes, as the two heads find them in the same promoter "
        "(bars), against independent choice by the same heads (dashed). Only what the bars have "
        "above the dashed line speaks for two heads that find boxes of one promoter: two heads "
        "that each look at a fixed distance from the start site always give the same spacer. The "
        "other lines use no head: in the same sequences, the spacer between the best match of one "
        "box and that of the other and, "
        "on a simulated genome, the spacer that was planted. The heads "
        f"find {told}, where independent choice gives {most['expected']:.0%}.",
        f"Bars of the share of promoters by spacer, {region[0]} to {region[1]} nt; the heads find "
        f"most often {told}, expected {most['expected']:.0%}.",
    )


# ---------------------------------------------------------------------- known motifs and sites


def match_calibration(calibration: pd.DataFrame) -> Drawn:
    """How often TOMTOM's p-values are small: heads' motifs, and the same with columns shuffled.

    Parameters
    ----------
    calibration : DataFrame
        `tomtom.calibration`.
    """
    figure, axes = plt.subplots(figsize=(5.0, 3.6), layout="constrained")
    ends = [calibration["threshold"].min(), 1.0]
    axes.plot(ends, ends, color=style.FAINT, linewidth=0.8, label="calibrated")
    for number, (column, label) in enumerate(
        {"heads": "heads' motifs", "shuffled": "columns shuffled"}.items()
    ):
        shown = calibration[calibration[column] > 0]
        axes.plot(
            shown["threshold"],
            shown[column],
            label=label,
            marker="os"[number],
            **style.line(number),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("p-value")
    axes.set_ylabel("share of comparisons with such a\np-value or a smaller one")
    axes.legend()
    row = calibration.set_index("threshold").loc[0.01]
    told = (
        f"{row['shuffled']:.2%} of the comparisons of shuffled motifs and {row['heads']:.2%} of "
        "those of the heads' motifs"
    )
    return Drawn(
        figure,
        "For each p-value (horizontal axis), the share of all comparisons of a motif with a known "
        "one that reach it or a smaller one (vertical axis). Where the shuffled motifs lie on the "
        "grey line, the p-values are calibrated. Heads' motifs above the shuffled ones would "
        "suggest that they resemble known motifs more than their composition explains; whether the "
        f"difference exceeds chance was not tested. The p-value is 0.01 or less in {told}.",
        f"Two curves on logarithmic axes beside a diagonal; at p = 0.01, {told}.",
    )


def site_odds(frame: pd.DataFrame | None) -> Drawn | None:
    """Odds ratios of the heads' best places to lie in known sites, with their intervals.

    Parameters
    ----------
    frame : DataFrame or None
        `enrichment.enrichment` of one kind and name, a row a head.

    Returns
    -------
    Drawn or None
        None where no sites are known.
    """
    if frame is None:
        return None
    figure, axes = plt.subplots(figsize=(6.0, 0.9 + 0.16 * len(frame)), layout="constrained")
    least = 0.05
    rows = np.arange(len(frame))
    low = np.clip(frame["low"].fillna(least), least, None)
    high = frame["high"].replace(np.inf, np.nan).fillna(frame["low"].max() * 2 + 100)
    significant = (frame["q_value"] <= 0.05).to_numpy()
    axes.hlines(rows, low, high, color="0.55", linewidth=1)
    estimate = np.clip(frame["odds_ratio"].replace(np.inf, np.nan), least, None)
    for chosen, face, label in (
        (significant, "black", "q ≤ 0.05"),
        (~significant, "white", "q > 0.05"),
    ):
        axes.plot(
            estimate[chosen],
            rows[chosen],
            linestyle="",
            marker="o",
            color="black",
            markerfacecolor=face,
            label=label,
        )
    axes.axvline(1, color=style.FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(left=least * 0.9)
    axes.set_yticks(rows, names(frame), fontsize=style.SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("odds ratio against matched positions (95% interval; 0 at the left edge)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    told = f"{int(significant.sum())} of {len(frame)} heads at q ≤ 0.05"
    return Drawn(
        figure,
        "Odds ratio of a head's best places to lie in known binding sites, against places at "
        "the same distance from a start site and of the same AT content, with its 95% interval. At "
        "the vertical line, 1, a head's best places are no more often in sites than matched "
        f"ones. Enriched (filled): {told}. A bar without a circle: the estimate is 0 or infinite.",
        f"Odds ratios with intervals, one a head, on a logarithmic axis; enriched: {told}.",
    )
