"""Figures of attention heads: tidy frames of `genoattn.heads` in, matplotlib figures out.

Offsets are drawn as biologists count them (`heads.paper_label`: no zero, the TSS is +1). Layers
and heads count from 1; "L2 H1" is the first head of the second layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.heads import PROMOTER, BestSequences, letter_heights, paper_label
from genoattn.motifs import UNIFORM
from genoattn.plots import style
from genoattn.promoter_elements import Element


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


def _rows_of_heads(axes: Axes, pairs: Sequence[tuple[int, int]]) -> None:
    """Label the rows of a map: heads, and one name and a gap line for each layer."""
    axes.set_yticks(range(len(pairs)), [f"H{head}" for _, head in pairs], fontsize=6.5)
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


def attention_map(profiles: pd.DataFrame, column: str) -> Figure:
    """Attention of every head over the whole window, each head on its own scale.

    After Figure 3 (ii) of the paper.

    Parameters
    ----------
    profiles : DataFrame
        `heads.profile_frame`.
    column : str
        The profile drawn: ``mean`` or ``maximum``.
    """
    values, offset = _matrix(profiles, column)
    pairs = _heads(profiles)
    scaled = values / values.max(axis=1, keepdims=True)
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.4 + 0.155 * len(pairs)), layout="constrained"
    )
    image = axes.imshow(
        scaled,
        aspect="auto",
        interpolation="nearest",
        cmap=style.SEQUENTIAL,
        vmin=0,
        vmax=1,
        extent=(offset[0] - 0.5, offset[-1] + 0.5, len(pairs) - 0.5, -0.5),
    )
    _rows_of_heads(axes, pairs)
    _offset_ticks(axes, offset, 50)
    axes.set_xlabel("attended nucleotide, relative to the start site (nt)")
    figure.colorbar(image, ax=axes, label=f"{column} / head's highest", pad=0.01, aspect=40)
    return figure


def promoter_profiles(
    profiles: pd.DataFrame, columns: dict[str, str], region: tuple[int, int] = PROMOTER
) -> Figure:
    """Small multiples: attention of each head over the promoter region, a line for each column.

    Each panel has its own scale, and its highest value is written in it.

    Parameters
    ----------
    profiles : DataFrame
        `heads.profile_frame`.
    columns : dict of str to str
        Columns to draw, and how the legend names them.
    region : tuple of int
        First and last paper label drawn.
    """
    shown = profiles[profiles["label"].between(*region)]
    pairs = _heads(shown)
    n_layers = len({layer for layer, _ in pairs})
    n_heads = len(pairs) // n_layers
    figure, grid = plt.subplots(
        n_layers,
        n_heads,
        figsize=(style.WIDTH, 0.7 + 1.05 * n_layers),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    by_head = dict(iter(shown.groupby(["layer_1based", "head_1based"])))
    for axes, pair in zip(grid.flat, pairs, strict=True):
        part = by_head[pair]
        for number, (column, name) in enumerate(columns.items()):
            axes.plot(part["offset"], part[column], label=name, linewidth=1.0, **style.line(number))
        top = part[list(columns)].to_numpy().max()
        axes.set_ylim(0, 1.35 * top)
        axes.set_yticks([])
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        axes.text(
            0.03, 0.95, f"L{pair[0]} H{pair[1]}", transform=axes.transAxes, va="top", fontsize=7
        )
        axes.text(
            0.97, 0.95, f"{top:.2g}", transform=axes.transAxes, va="top", ha="right", fontsize=7
        )
        axes.tick_params(labelsize=6.5)
    first, last = _offsets_of(region)
    for axes in grid[-1]:
        _offset_ticks(axes, np.arange(first, last + 1), 50)
    figure.supxlabel("attended nucleotide, relative to the start site (nt)", fontsize=9)
    figure.supylabel("attention (scale of each head)", fontsize=9)
    if len(columns) > 1:
        figure.legend(
            *grid[0, 0].get_legend_handles_labels(),
            loc="outside upper center",
            ncols=len(columns),
            fontsize=8,
        )
    return figure


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
    axes.tick_params(labelsize=6.5, length=2)


def logo_grid(
    best: BestSequences,
    captions: dict[tuple[int, int], str] | None = None,
    background: np.ndarray = UNIFORM,
) -> Figure:
    """Sequence logos of all heads, each at its own place relative to the start site.

    After Figure 3 (iii) and Supplementary Figures S5 and S6 of the paper. The number of different
    sequences stands beside each head's name.

    Parameters
    ----------
    best : BestSequences
        `heads.best_sequences`.
    captions : dict, optional
        A word to write under the name of a head (layer and head from 1), its role for instance.
    background : array of float, shape (4,)
        See `draw_logo`.
    """
    layers, n_heads, width, _ = best.counts.shape
    figure, grid = plt.subplots(
        layers,
        n_heads,
        figsize=(style.WIDTH, 0.6 + 1.3 * layers),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for layer in range(layers):
        for head in range(n_heads):
            axes = grid[layer, head]
            first = int(best.offset[layer, head]) - width // 2
            draw_logo(axes, best.counts[layer, head], first, background)
            name = f"L{layer + 1} H{head + 1}: {best.n_distinct[layer, head]}"
            caption = (captions or {}).get((layer + 1, head + 1))
            axes.set_title(f"{name}\n{caption}" if caption else name, fontsize=7, pad=2)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("information (bits)", fontsize=9)
    return figure


def examples(
    found: pd.DataFrame,
    profiles: pd.DataFrame,
    best: BestSequences,
    elements: Sequence[Element],
    background: np.ndarray = UNIFORM,
) -> Figure:
    """For each element: the head that is most like it, its mean attention, its logo, the verdict.

    After Figure 3 of the paper, which shows such examples chosen by eye.

    Parameters
    ----------
    found : DataFrame
        `promoter_elements.found_elements` with the column ``verdict``.
    profiles : DataFrame
        `heads.profile_frame` with the column ``mean``.
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
        left.tick_params(labelsize=6.5)
        left.set_yticks([])
        if not row["best_head"]:
            right.axis("off")
            continue
        layer, head = (int(part[1:]) for part in row["best_head"].split())
        part = by_head[layer, head]
        part = part[part["offset"].between(-100, 20)]
        left.fill_between(part["offset"], part["mean"], step="mid", color=style.line(0)["color"])
        left.set_ylim(0, 1.1 * part["mean"].max())
        width = best.counts.shape[2]
        first = int(best.offset[layer - 1, head - 1]) - width // 2
        draw_logo(right, best.counts[layer - 1, head - 1], first, background)
        right.set_title(row["best_head"], fontsize=8, pad=2)
    figure.supxlabel(
        "position relative to the start site (nt); grey: where the element lies", fontsize=9
    )
    figure.supylabel("mean attention; information (bits)", fontsize=9)
    return figure


def sample_and_census(profiles: pd.DataFrame) -> Figure:
    """Mean attention of all heads by the random samples and by all positions, and the difference.

    Parameters
    ----------
    profiles : DataFrame
        `heads.profile_frame` with ``mean`` and ``census_mean``; each head is scaled by its highest
        census mean.
    """
    sample, offset = _matrix(profiles, "mean")
    census, _ = _matrix(profiles, "census_mean")
    pairs = _heads(profiles)
    scale = census.max(axis=1, keepdims=True)
    extent = (offset[0] - 0.5, offset[-1] + 0.5, len(pairs) - 0.5, -0.5)
    figure, panels = plt.subplots(
        1,
        3,
        figsize=(1.3 * style.WIDTH, 1.4 + 0.13 * len(pairs)),
        sharey=True,
        layout="constrained",
    )
    drawn = (
        (panels[0], sample / scale, "random samples", style.SEQUENTIAL, 0.0, 1.0),
        (panels[1], census / scale, "all positions", style.SEQUENTIAL, 0.0, 1.0),
        (panels[2], (sample - census) / scale, "samples less all", style.DIVERGING, None, None),
    )
    for axes, values, title, colours, low, high in drawn:
        limit = float(np.abs(values).max())
        image = axes.imshow(
            values,
            aspect="auto",
            interpolation="nearest",
            cmap=colours,
            vmin=-limit if low is None else low,
            vmax=limit if high is None else high,
            extent=extent,
        )
        axes.set_title(title)
        _offset_ticks(axes, offset, 200 if len(offset) > 300 else 50)
        if axes is not panels[0]:
            figure.colorbar(image, ax=axes, pad=0.02, aspect=40, label="/ head's highest")
    panels[0].set_yticks(range(len(pairs)), [f"L{layer} H{head}" for layer, head in pairs])
    panels[0].tick_params(axis="y", labelsize=6)
    figure.supxlabel("attended nucleotide, relative to the start site (nt)", fontsize=9)
    return figure


def correlation_map(profiles: pd.DataFrame, column: str = "spearman") -> Figure:
    """Rank correlation of attention with the output, every head over the whole window.

    The colours run from dark to bright through zero in the middle, so that the sign survives in
    greyscale, where a map with two dark ends would lose it.
    """
    values, offset = _matrix(profiles, column)
    pairs = _heads(profiles)
    limit = float(np.nanmax(np.abs(values)))
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.4 + 0.155 * len(pairs)), layout="constrained"
    )
    image = axes.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap=style.SEQUENTIAL,
        vmin=-limit,
        vmax=limit,
        extent=(offset[0] - 0.5, offset[-1] + 0.5, len(pairs) - 0.5, -0.5),
    )
    _rows_of_heads(axes, pairs)
    _offset_ticks(axes, offset, 50)
    axes.set_xlabel("attended nucleotide, relative to the start site (nt)")
    figure.colorbar(image, ax=axes, label="rank correlation", pad=0.01, aspect=40)
    return figure


def correlation_by_layer(extremes: pd.DataFrame, chance: float) -> Figure:
    """Highest and lowest correlation in each layer, and what shuffled outputs reach.

    Parameters
    ----------
    extremes : DataFrame
        `heads.extremes_by_layer`.
    chance : float
        Largest absolute correlation with a shuffled output, over all heads and offsets.
    """
    figure, axes = plt.subplots(figsize=(5.0, 3.0), layout="constrained")
    layer = extremes["layer_1based"]
    axes.axhspan(-chance, chance, color="0.85", label="largest with shuffled outputs")
    axes.plot(layer, extremes["maximum"], label="highest in the layer", marker="^", **style.line(0))
    axes.plot(layer, extremes["minimum"], label="lowest in the layer", marker="v", **style.line(1))
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xticks(layer)
    axes.set_ylim(-1, 1)
    axes.set_xlabel("layer")
    axes.set_ylabel("Spearman correlation\nwith the output")
    axes.legend(fontsize=8)
    return figure


def peaks_and_elements(
    table: pd.DataFrame,
    elements: Sequence[Element],
    roles: pd.DataFrame,
    region: tuple[int, int] = PROMOTER,
) -> Figure:
    """Where each head looks most, under the places of the elements that it may stand for.

    Parameters
    ----------
    table : DataFrame
        `heads.head_table`.
    elements : sequence of Element
        Drawn as bars from their first possible nucleotide to their last.
    roles : DataFrame
        `promoter_elements.name_roles`; heads with a role are filled.
    region : tuple of int
        First and last paper label drawn.
    """
    inside = table["peak_label"].between(*region)
    ordered = sorted(elements, key=lambda element: float(np.mean(element.places)))
    named = set(zip(roles["layer_1based"], roles["head_1based"], strict=True))
    n_layers, n_heads = int(table["layer_1based"].max()), int(table["head_1based"].max())
    middle = (1 + n_heads) / 2
    figure, (above, axes) = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 1.6 + 0.21 * len(elements) + 0.72 * n_layers),
        sharex=True,
        height_ratios=[0.3 + 0.21 * len(elements), 0.4 + 0.72 * n_layers],
        layout="constrained",
    )
    for row, element in enumerate(ordered):
        for first in element.places:
            above.barh(
                row,
                len(element.probabilities),
                left=first - 0.5,
                height=0.7,
                align="center",
                color=style.line(0)["color"],
                alpha=1.0 if len(element.places) == 1 else 0.35,
                linewidth=0,
            )
    above.set_yticks(range(len(elements)), [element.name for element in ordered], fontsize=8)
    above.invert_yaxis()
    peaks = table.loc[inside, ["layer_1based", "head_1based", "peak_offset"]].to_numpy(dtype=int)
    for layer, head, offset in peaks:
        filled = (layer, head) in named
        height = layer + (head - middle) * 0.8 / n_heads
        axes.plot(
            offset,
            height,
            marker="o",
            markersize=8.5,
            color="black",
            markerfacecolor="black" if filled else "white",
        )
        axes.text(
            offset,
            height,
            str(head),
            ha="center",
            va="center_baseline",
            fontsize=6,
            color="white" if filled else "black",
        )
    axes.set_yticks(range(1, n_layers + 1))
    axes.set_ylim(n_layers + 0.6, 0.4)
    axes.set_ylabel("layer (numbers: head)")
    first, last = _offsets_of(region)
    _offset_ticks(axes, np.arange(first, last + 1), 10)
    axes.set_xlim(first - 1, last + 1)
    axes.grid(axis="x", linewidth=0.4, color="0.85")
    above.grid(axis="x", linewidth=0.4, color="0.85")
    outside = int((~inside).sum())
    axes.set_xlabel(
        "position of highest mean attention relative to the start site (nt); "
        f"{outside} of {len(table)} heads peak outside this region"
    )
    return figure
