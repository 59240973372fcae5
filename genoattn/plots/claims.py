"""Figures that test what heads stand for: pairs, spacers, known motifs, known sites; frames in."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genoattn.heads import paper_label
from genoattn.pairs import JointMotif
from genoattn.plots import style
from genoattn.plots.heads import draw_logo

__all__ = [
    "clustered_correlations",
    "joint_logos",
    "match_calibration",
    "site_odds",
    "spacer_bars",
]


def clustered_correlations(
    matrices: dict[str, np.ndarray], orders: Sequence[np.ndarray], n_heads: int
) -> Figure:
    """Correlation matrices between heads, each in the order of its clusters.

    After Supplementary Figure S10 of the paper.

    Parameters
    ----------
    matrices : dict of str to array, shape (heads of all layers, heads of all layers)
        By the title of their panel.
    orders : sequence of array
        `pairs.cluster_order` of each.
    n_heads : int
        Heads of a layer.
    """
    figure, panels = plt.subplots(
        1, len(matrices), figsize=(1.35 * style.WIDTH, 5.4), squeeze=False, layout="constrained"
    )
    for axes, (title, matrix), order in zip(panels[0], matrices.items(), orders, strict=True):
        image = axes.imshow(
            matrix[np.ix_(order, order)], cmap=style.DIVERGING, vmin=-1, vmax=1, aspect="equal"
        )
        names = [f"L{one // n_heads + 1} H{one % n_heads + 1}" for one in order]
        axes.set_xticks(range(len(order)), names, rotation=90, fontsize=5.5)
        axes.set_yticks(range(len(order)), names, fontsize=5.5)
        axes.tick_params(length=1.5)
        axes.set_title(title)
    figure.colorbar(image, ax=list(panels[0]), label="correlation", shrink=0.7, pad=0.01)
    return figure


def joint_logos(
    joint: Sequence[JointMotif], names: Sequence[str], width: int, background: np.ndarray
) -> Figure:
    """Logos of pairs of heads, from one attended place to the other; the two places are shaded.

    Parameters
    ----------
    joint : sequence of JointMotif
    names : sequence of str
        Title of each.
    width : int
        Nucleotides that belong to each place.
    background : array of float, shape (4,)
    """
    figure, grid = plt.subplots(
        len(joint),
        1,
        figsize=(style.WIDTH, 0.4 + 1.25 * len(joint)),
        squeeze=False,
        layout="constrained",
    )
    for axes, motif, title in zip(grid[:, 0], joint, names, strict=True):
        draw_logo(axes, motif.counts, motif.first_offset, background)
        last = motif.first_offset + len(motif.counts)
        for left in (motif.first_offset, last - width):
            axes.axvspan(left - 0.5, left + width - 0.5, color="0.93", linewidth=0, zorder=-1)
        offset = np.arange(motif.first_offset, last)
        label = paper_label(offset)
        shown = (label % 5 == 0) | (label == 1)
        axes.set_xticks(offset[shown], [f"{value:+d}" for value in label[shown]])
        axes.set_title(title, fontsize=8, loc="left", pad=2)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("information (bits)", fontsize=9)
    return figure


def spacer_bars(
    by_heads: pd.DataFrame,
    others: dict[str, pd.DataFrame],
    known: int | None = None,
    region: tuple[int, int] = (8, 26),
) -> Figure:
    """Share of promoters by spacer: as two heads see it, and by other means.

    Parameters
    ----------
    by_heads : DataFrame
        `pairs.spacers`.
    others : dict of str to DataFrame
        `pairs.box_spacers` or `pairs.planted_spacers`, by the name of their line.
    known : int, optional
        The spacer that is known to be the best.
    region : tuple of int
        First and last spacer shown.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
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
        axes.text(known + 0.15, axes.get_ylim()[1], f"{known} nt", va="top", fontsize=8)
    axes.set_xlim(region[0] - 0.6, region[1] + 0.6)
    axes.set_xticks(range(region[0], region[1] + 1, 2))
    axes.set_xlabel("nucleotides between the two boxes")
    axes.set_ylabel("share of promoters")
    axes.legend(fontsize=8)
    return figure


def match_calibration(calibration: pd.DataFrame) -> Figure:
    """How often TOMTOM's p-values are small: heads' motifs, and the same with columns shuffled.

    Parameters
    ----------
    calibration : DataFrame
        `comparison.calibration`.
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
    return figure


def site_odds(frame: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Odds ratios of the heads' best places to lie in known sites, with their intervals.

    Parameters
    ----------
    frame : DataFrame
        `binding.enrichment` of one kind and name, and a q-value for each head.
    names : sequence of str
        Names of the heads, in the same order.
    """
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
    axes.set_yticks(rows, list(names), fontsize=6.5)
    axes.invert_yaxis()
    axes.set_xlabel("odds ratio against matched places (95 % interval)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure
