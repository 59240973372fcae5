"""Figures of the atlas: cards of heads, an explorer, matched seeds, recovered elements.

Offsets are drawn as biologists count them (`sites.paper_label`: no zero, the TSS is +1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from genoattn.genome.motifs import letter_information
from genoattn.genome.sites import paper_label
from genoattn.heads.preferred import Sweep
from genoattn.heads.profiles import PROMOTER, names
from genoattn.plots import explorer as explorer_page
from genoattn.plots import style
from genoattn.plots.drawn import Drawn
from genoattn.study.report import listed

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["Cards", "cards", "explorer", "recovery", "seeds"]


_ACROSS = 3
"""Cards in a row."""


@dataclass(frozen=True, eq=False)
class Cards:
    """The cards of all heads, a figure and a list of sentences for each layer; shows itself.

    Attributes
    ----------
    figures : mapping of int to Drawn
        By layer, from 1.
    texts : mapping of int to str
        Sentences about the layer's heads, as a Markdown list.
    """

    figures: Mapping[int, Drawn]
    texts: Mapping[int, str]

    def _ipython_display_(self) -> None:
        """Show heading, cards and sentences of one layer after the other."""
        from IPython.display import Markdown, display

        for layer, drawn in self.figures.items():
            display(Markdown(f"### Layer {layer}"))
            display(drawn)
            display(Markdown(self.texts[layer]))


def cards(
    joined: pd.DataFrame,
    profiles: pd.DataFrame,
    swept: Sweep,
    background: NDArray[np.float64],
    says: Sequence[str],
    region: tuple[int, int] = PROMOTER,
) -> Cards:
    """The cards of all heads: profile, high and low outputs, logo at its offset, numbers.

    Parameters
    ----------
    joined : DataFrame
        `atlas.join`.
    profiles : DataFrame
        `profiles.profile_frame` with the columns mean, highest and lowest.
    swept : Sweep
        `preferred.sweep`.
    background : ndarray, shape (4,)
        Share of A, C, G, T in the genome.
    says : sequence of str
        `atlas.sentences`: one for each row of the table.
    region : tuple of int
        First and last paper label drawn.
    """
    told = joined.assign(said=list(says)).sort_values(["layer", "head"])
    figures, texts = {}, {}
    for layer, mine in told.groupby("layer"):
        number = int(str(layer))
        close = profiles[(profiles["layer_1based"] == layer) & profiles["label"].between(*region)]
        figures[number] = _layer(mine, close, swept, background)
        texts[number] = "\n".join(
            f"- **L{number} H{head}** {said}"
            for head, said in zip(mine["head"], mine["said"], strict=True)
        )
    return Cards(figures, texts)


def _layer(
    mine: pd.DataFrame, profiles: pd.DataFrame, swept: Sweep, background: NDArray[np.float64]
) -> Drawn:
    """The cards of one layer's heads, from their rows and the region of their profiles."""
    layer, n_rows = int(mine["layer"].iloc[0]), -(-len(mine) // _ACROSS)
    figure, grid = plt.subplots(
        3 * n_rows,
        _ACROSS,
        figsize=(style.WIDTH, 3.55 * n_rows + 0.3),
        height_ratios=[1.0, 0.9, 0.55] * n_rows,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat:
        axes.set_axis_off()
    by_head = dict(iter(profiles.groupby("head_1based")))
    for number, row in enumerate(mine.to_dict("records")):
        top, column = 3 * (number // _ACROSS), number % _ACROSS
        head = int(row["head"])
        _card_profile(grid[top, column], by_head[head], row)
        offset = int(swept.favourite_offset[layer - 1, head - 1])
        heights = letter_information(swept.favourite_counts[layer - 1, head - 1], background)
        _card_logo(grid[top + 1, column], heights, offset, float(-np.log2(background.min())))
        _card_numbers(grid[top + 2, column], row)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    handles, words = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words), fontsize=8)
    peaks = listed(
        f"H{head} {label:+d}"
        for head, label in zip(
            mine["head"], paper_label(mine["peak_offset"].to_numpy()), strict=True
        )
    )
    return Drawn(
        figure,
        f"The heads of layer {layer}. Curves: mean attention by position, over random positions "
        "and over those of highest and lowest output; where the curves part, the head looks "
        "elsewhere when the output is high. The grey stripe marks the position of highest mean "
        "attention, if it lies in the region. Logos: letters there, in the samples that give it "
        "most attention, against the genome's composition.",
        f"{len(mine)} cards, each with three curves, a sequence logo and four lines of text. "
        f"Positions of highest mean attention: {peaks}.",
    )


def _card_profile(axes: Axes, part: pd.DataFrame, row: dict) -> None:
    """Mean attention by offset, and that of the highest and the lowest outputs."""
    axes.set_axis_on()
    curves = {"mean": "random positions", "highest": "highest outputs", "lowest": "lowest outputs"}
    for number, (column, name) in enumerate(curves.items()):
        axes.plot(part["offset"], part[column], label=name, linewidth=1.0, **style.line(number))
    peak = int(row["peak_offset"])
    if part["offset"].min() <= peak <= part["offset"].max():
        axes.axvline(peak, color="0.75", linewidth=3, zorder=0)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7, length=2)
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
    axes.tick_params(labelsize=7, length=2)
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
    seeds = "one seed only" if pd.isna(stability) else f"a match in {stability:.0%} of the others"
    role = f"role: {row['role']}" if row["role"] else "no role by the rule"
    if len(role) > 44:
        role = role[:43] + "…"
    axes.text(
        0,
        1,
        "\n".join([role, known, without, f"seeds: {seeds}"]),
        va="top",
        fontsize=7,
        transform=axes.transAxes,
        linespacing=1.35,
    )


def explorer(
    profiles: pd.DataFrame, swept: Sweep, says: Sequence[str], background: NDArray[np.float64]
) -> HTML:
    """A page in the page, in which all heads and offsets can be swept: `explorer.explorer`."""
    from IPython.display import HTML

    return HTML(
        explorer_page.explorer(profiles, swept, says, background, colours=style.NUCLEOTIDES)
    )


def seeds(matches: pd.DataFrame | None, seed: str) -> Drawn | None:
    """How alike each head of one seed is to its counterparts, a panel for each other seed.

    Parameters
    ----------
    matches : DataFrame or None
        `seeds.match`; nothing is drawn without it.
    seed : str
        The seed whose heads are on the horizontal axis.
    """
    if matches is None:
        return None
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
        axes.set_xticks(place, names(part), rotation=90, fontsize=7)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    grid[-1, 0].set_xlabel(f"heads of {seed}")
    back = mine.groupby("other_seed", sort=False)["comes_back"].agg(["sum", "size"])
    told = listed(f"{row.sum} of {row.size} in {row.Index}" for row in back.itertuples())
    return Drawn(
        figure,
        "Similarity of each head to the head of another seed that it is matched with, across "
        "layers. A head comes back (filled) when the pair is more similar than 95% of the pairs "
        f"that were not matched (dashed line): {told}.",
        f"A stem plot for each of {len(others)} other seeds. Heads that come back: {told}. "
        f"Similarities run from {mine['similarity'].min():.2f} to {mine['similarity'].max():.2f}.",
    )


def recovery(table: pd.DataFrame | None) -> Drawn | None:
    """Which planted elements were recovered in which simulated genome.

    Parameters
    ----------
    table : DataFrame or None
        ``genome_seed``, ``element``, ``recovered`` and ``used`` of `grading.grade`; nothing is
        drawn without it.
    """
    if table is None:
        return None
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
    by_element = planted.groupby("element")["recovered"].agg(["sum", "size"])
    told = listed(f"{row.Index} {row.sum} of {row.size}" for row in by_element.itertuples())
    return Drawn(
        figure,
        "Planted elements (rows) on simulated genomes (columns). A filled square was recovered "
        "from the heads; an open circle was missed, although the model uses the element; a cross "
        "was missed as well, but the model does not use the element.",
        f"A grid of {len(elements)} elements by {len(genomes)} genomes. Recovered: {told}.",
    )
