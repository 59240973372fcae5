"""Figures of the atlas: cards of heads, heads matched between seeds, planted elements recovered.

Offsets are drawn as biologists count them (`heads.paper_label`: no zero, the TSS is +1).
"""

from __future__ import annotations

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genoattn.atlas import Sweep, information
from genoattn.heads import PROMOTER, paper_label
from genoattn.plots import style

ACROSS = 3


def cards(
    joined: pd.DataFrame,
    profiles: pd.DataFrame,
    swept: Sweep,
    background: NDArray[np.float64],
    layer: int,
    region: tuple[int, int] = PROMOTER,
) -> Figure:
    """The cards of one layer: profile, high and low outputs, logo at its offset, numbers.

    Parameters
    ----------
    joined : DataFrame
        `atlas.join`.
    profiles : DataFrame
        `heads.profile_frame` with the columns mean, highest and lowest.
    swept : Sweep
        `atlas.sweep`.
    background : ndarray, shape (4,)
        Share of A, C, G, T in the genome.
    layer : int
        From 1.
    region : tuple of int
        First and last paper label drawn.
    """
    mine = joined[joined["layer"] == layer].sort_values("head")
    n_rows = -(-len(mine) // ACROSS)
    figure, grid = plt.subplots(
        3 * n_rows,
        ACROSS,
        figsize=(style.WIDTH, 3.55 * n_rows + 0.3),
        height_ratios=[1.0, 0.9, 0.55] * n_rows,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat:
        axes.set_axis_off()
    close = profiles[(profiles["layer_1based"] == layer) & profiles["label"].between(*region)]
    by_head = dict(iter(close.groupby("head_1based")))
    for number, row in enumerate(mine.to_dict("records")):
        top, column = 3 * (number // ACROSS), number % ACROSS
        head = int(row["head"])
        _card_profile(grid[top, column], by_head[head], row)
        offset = int(swept.favourite_offset[layer - 1, head - 1])
        heights = information(swept.favourite_counts[layer - 1, head - 1], background)
        _card_logo(grid[top + 1, column], heights, offset, float(-np.log2(background.min())))
        _card_numbers(grid[top + 2, column], row)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=8)
    return figure


def _card_profile(axes: Axes, part: pd.DataFrame, row: dict) -> None:
    """Mean attention by offset, and that of the highest and the lowest outputs."""
    axes.set_axis_on()
    names = {"mean": "random positions", "highest": "highest outputs", "lowest": "lowest outputs"}
    for number, (column, name) in enumerate(names.items()):
        axes.plot(part["offset"], part[column], label=name, linewidth=1.0, **style.line(number))
    peak = int(row["peak_offset"])
    if part["offset"].min() <= peak <= part["offset"].max():
        axes.axvline(peak, color="0.75", linewidth=3, zorder=0)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=6.5, length=2)
    axes.locator_params(axis="y", nbins=3)
    chosen = part[(part["label"] % 50 == 0) | (part["label"] == 1)]
    axes.set_xticks(chosen["offset"], [f"{label:+d}" for label in chosen["label"]])
    axes.set_title(f"L{row['layer']} H{row['head']}", fontsize=9, fontweight="bold", pad=3)
    axes.set_ylabel("attention", fontsize=7)


def _card_logo(axes: Axes, heights: NDArray[np.float64], offset: int, most: float) -> None:
    """The motif at the favourite position, at its offset."""
    axes.set_axis_on()
    width = len(heights)
    places = offset + np.arange(width) - width // 2
    frame = pd.DataFrame(heights, index=places, columns=list("ACGT"))
    logomaker.Logo(frame, ax=axes, color_scheme=style.NUCLEOTIDES, show_spines=False)
    axes.spines[["left", "bottom"]].set_visible(True)
    axes.set_ylim(0, most)
    axes.set_yticks([0, 1, 2])
    axes.set_xticks(places, [f"{label:+d}" for label in paper_label(places)])
    axes.tick_params(labelsize=6, length=2)
    axes.set_ylabel("bits", fontsize=7)


def _card_numbers(axes: Axes, row: dict) -> None:
    """What the other chapters say of the head, or that they do not."""
    if pd.isna(row["q_value"]):
        known = "known motif: not compared"
    else:
        known = f"{row['best_motif'] or 'no motif'}, q = {row['q_value']:.2g}"
    if pd.isna(row["ablation_delta_pr_auc"]):
        without = "switched off: not run"
    else:
        without = (
            f"switched off: PR AUC {row['ablation_delta_pr_auc']:+.3f} "
            f"[{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"
        )
    stability = row["seed_stability"]
    seeds = "one seed only" if pd.isna(stability) else f"in {stability:.0%} of the other seeds"
    role = f"stands for {row['role']}" if row["role"] else "no role by the rule"
    if len(role) > 44:
        role = role[:43] + "…"
    axes.text(
        0,
        1,
        "\n".join([role, known, without, f"seeds: {seeds}"]),
        va="top",
        fontsize=6.8,
        transform=axes.transAxes,
        linespacing=1.35,
    )


def seeds(matches: pd.DataFrame, seed: str) -> Figure:
    """How alike each head of one seed is to its counterparts, a panel for each other seed.

    Parameters
    ----------
    matches : DataFrame
        `seeds.match`.
    seed : str
        The seed whose heads are on the horizontal axis.
    """
    mine = matches[matches["seed"] == seed]
    others = list(mine["other_seed"].unique())
    figure, grid = plt.subplots(
        len(others),
        1,
        figsize=(style.WIDTH, 0.6 + 1.7 * len(others)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, other in zip(grid[:, 0], others, strict=True):
        part = mine[mine["other_seed"] == other].sort_values(["layer_1based", "head_1based"])
        place = np.arange(len(part))
        back = part["comes_back"].to_numpy()
        axes.vlines(place, 0, part["similarity"], color="0.7", linewidth=1)
        for chosen, face, name in ((back, "black", "comes back"), (~back, "white", "does not")):
            axes.plot(
                place[chosen],
                part["similarity"][chosen],
                "o",
                color="black",
                markerfacecolor=face,
                label=name,
            )
        axes.axhline(part["chance"].iloc[0], **style.line(1), linewidth=1, label="chance")
        axes.set_ylim(0, 1.02)
        axes.set_ylabel(f"similarity\nto {other}", fontsize=8)
        names = [f"L{a} H{b}" for a, b in part[["layer_1based", "head_1based"]].to_numpy()]
        axes.set_xticks(place, names, rotation=90, fontsize=6.5)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    grid[-1, 0].set_xlabel(f"heads of {seed}")
    return figure


def recovery(table: pd.DataFrame) -> Figure:
    """Which planted elements were recovered in which simulated genome.

    Parameters
    ----------
    table : DataFrame
        ``genome_seed``, ``element``, ``recovered`` and ``used`` of `recovery.grade`.
    """
    planted = table[table["element"] != ""]
    elements, genomes = (sorted(planted[name].unique()) for name in ("element", "genome_seed"))
    figure, axes = plt.subplots(
        figsize=(1.8 + 0.62 * len(genomes) + 1.6, 0.9 + 0.32 * len(elements)), layout="constrained"
    )
    kinds = (
        ("recovered", "s", "black", planted["recovered"]),
        ("missed, though the model uses it", "o", "white", ~planted["recovered"] & planted["used"]),
        ("the model does not use it", "x", "black", ~planted["recovered"] & ~planted["used"]),
    )
    for name, marker, face, chosen in kinds:
        part = planted[chosen]
        axes.plot(
            [genomes.index(one) for one in part["genome_seed"]],
            [elements.index(one) for one in part["element"]],
            linestyle="",
            marker=marker,
            markersize=9,
            color="black",
            markerfacecolor=face,
            label=name,
        )
    axes.set_xticks(range(len(genomes)), [str(one) for one in genomes])
    axes.set_yticks(range(len(elements)), elements)
    axes.set_xlim(-0.6, len(genomes) - 0.4)
    axes.set_ylim(len(elements) - 0.4, -0.6)
    axes.set_xlabel("seed of the simulated genome")
    axes.set_ylabel("planted element")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def close() -> None:
    """Close the figures that were shown, so that a notebook does not show them twice."""
    plt.close("all")
