"""Figures of the atlas: cards of heads, an explorer, recovered elements.

Offsets are drawn as biologists count them (`sites.paper_label`: no zero, the TSS is +1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from genoattn.genome.sites import paper_label
from genoattn.heads.preferred import Sweep
from genoattn.heads.profiles import PROMOTER
from genoattn.plots import explorer as explorer_page
from genoattn.plots import style
from genoattn.plots.drawn import Drawn
from genoattn.plots.reading import letter_stacks
from genoattn.study.report import listed, with_interval

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["Cards", "cards", "explorer", "recovery"]


_ACROSS = 2
"""Cards in a row."""
_CLOSE = (-42, 4)
"""Offsets between which letters are drawn, large enough to be read; beyond little passes."""
_LONGEST = 64
"""Letters of a line on a card."""


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
    logos: pd.DataFrame | None,
    says: Sequence[str],
    region: tuple[int, int] = PROMOTER,
) -> Cards:
    """The cards of all heads: attention, the letters that pass through the head, numbers.

    Parameters
    ----------
    joined : DataFrame
        `atlas.join`.
    profiles : DataFrame
        `profiles.profile_frame` with the columns mean, highest and lowest.
    logos : DataFrame or None
        `mediated.logo_table`; None where it was not made.
    says : sequence of str
        `atlas_words.sentences`: one for each row of the table.
    region : tuple of int
        First and last paper label drawn.
    """
    told = joined.assign(said=list(says)).sort_values(["layer", "head"])
    figures, texts = {}, {}
    for layer, mine in told.groupby("layer"):
        number = int(str(layer))
        close = profiles[(profiles["layer_1based"] == layer) & profiles["label"].between(*region)]
        letters = None if logos is None else logos[logos["layer"] == layer]
        figures[number] = _layer(mine, close, letters)
        texts[number] = "\n".join(
            f"- **L{number} H{head}** {said}"
            for head, said in zip(mine["head"], mine["said"], strict=True)
        )
    return Cards(figures, texts)


def _layer(mine: pd.DataFrame, profiles: pd.DataFrame, logos: pd.DataFrame | None) -> Drawn:
    """The cards of one layer's heads, from their rows and the region of their profiles."""
    layer, n_rows = int(mine["layer"].iloc[0]), -(-len(mine) // _ACROSS)
    figure, grid = plt.subplots(
        3 * n_rows,
        _ACROSS,
        figsize=(style.WIDTH, 3.2 * n_rows + 0.3),
        height_ratios=[1.0, 0.9, 0.55] * n_rows,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat:
        axes.set_axis_off()
    by_head = dict(iter(profiles.groupby("head_1based")))
    shown = None if logos is None else logos[logos["offset"].between(*_CLOSE)]
    ends, drawn = [], []
    for number, row in enumerate(mine.to_dict("records")):
        top, column = 3 * (number // _ACROSS), number % _ACROSS
        head = int(row["head"])
        _card_profile(grid[top, column], by_head[head], row)
        if shown is not None:
            drawn.append(grid[top + 1, column])
            ends.append(_card_logo(grid[top + 1, column], shown[shown["head"] == head]))
        _card_numbers(grid[top + 2, column], row)
    for axes in drawn:  # one scale a layer, so that heads compare
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        axes.set_ylim(1.05 * low - 1e-9, 1.05 * high + 1e-9)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    handles, words = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words), fontsize=8)
    held = mine[mine["carries"].fillna("") != ""]
    told = listed(f"H{row['head']} {row['carries']}" for row in held.to_dict("records"))
    letters = (
        "Below, the letters that pass through the head to the output, at their true distances, as "
        "the mean over start sites (one scale for all heads of the layer). "
        if logos is not None
        else ""
    )
    return Drawn(
        figure,
        f"The heads of layer {layer}. Curves: mean attention by position, over random positions "
        "and over those of highest and lowest output; where the curves part, the head looks "
        "elsewhere when the output is high. The grey stripe marks the position of highest mean "
        f"attention, if it lies in the region. {letters}Where attention is high and no letters "
        "stand below, the letters there are not seen to reach the output through this head; what "
        "lower layers put there may.",
        f"{len(mine)} cards, each with three curves, a sequence logo and lines of text. "
        f"Elements carried: {told or 'none'}.",
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
    axes.tick_params(labelsize=style.SMALL, length=2)
    axes.locator_params(axis="y", nbins=3)
    chosen = part[(part["label"] % 50 == 0) | (part["label"] == 1)]
    axes.set_xticks(chosen["offset"], [f"{label:+d}" for label in chosen["label"]])
    axes.set_title(f"L{row['layer']} H{row['head']}", fontsize=9, fontweight="bold", pad=3)
    axes.set_ylabel("attention", fontsize=style.SMALL)


def _card_logo(axes: Axes, part: pd.DataFrame) -> tuple[float, float]:
    """The letters that pass through the head; gives the ends of the axis."""
    axes.set_axis_on()
    heights = part.pivot(index="offset", columns="letter", values="contribution")
    ends = letter_stacks(axes, heights)
    label = paper_label(heights.index.to_numpy())
    shown = (label % 10 == 0) | (label == 1)
    axes.set_xticks(heights.index[shown], [f"{value:+d}" for value in label[shown]])
    axes.locator_params(axis="y", nbins=3)
    axes.tick_params(labelsize=style.SMALL, length=2)
    axes.set_ylabel("log-odds", fontsize=style.SMALL)
    return ends


def _card_numbers(axes: Axes, row: dict) -> None:
    """What the other chapters say of the head, or that they do not."""
    if pd.isna(row["carries"]):
        carries = "carries: not measured"
    elif row["carries"]:
        first = row["carries"].split("; ")[0]
        share = with_interval(row["carried_share"], row["carried_low"], row["carried_high"], ".0%")
        carries = f"carries {first}: {share}"
    else:
        carries = "carries none of the elements"
    letters = f"letters: {row['mediated_name'] or 'no name'}"
    if pd.isna(row["mediated"]):
        letters = "letters: not measured"
    if pd.isna(row["ablation_delta_pr_auc"]):
        without = "switched off: not run"
    else:
        without = (
            f"switched off: PR AUC {row['ablation_delta_pr_auc']:+.3f} "
            f"[{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"
        )
    stability = row["seed_stability"]
    seeds = "such a head in other seeds: "
    seeds += "not known" if pd.isna(stability) else f"in {stability:.0%}"
    lines = [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
             for line in (carries, letters, without, seeds)]  # fmt: skip
    axes.text(
        0,
        1,
        "\n".join(lines),
        va="top",
        fontsize=style.SMALL,
        transform=axes.transAxes,
        linespacing=1.35,
    )


def explorer(
    profiles: pd.DataFrame,
    swept: Sweep,
    says: Sequence[str],
    background: NDArray[np.float64],
    logos: pd.DataFrame | None,
) -> HTML:
    """A page in the page, in which all heads and offsets can be swept: `explorer.explorer`."""
    from IPython.display import HTML

    page = explorer_page.explorer(
        profiles, swept, says, background, logos, colours=style.NUCLEOTIDES
    )
    return HTML(page)


def recovery(table: pd.DataFrame | None) -> Drawn | None:
    """Which planted elements were recovered in which simulated genome.

    Parameters
    ----------
    table : DataFrame or None
        ``genome_seed``, ``element``, ``recovered``, ``chance`` (`grading.grade`) and ``used``
        (`grading.usage`), ``foreign``; nothing is drawn without it.
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
    foreign = set(planted.loc[planted["foreign"], "genome_seed"])
    marked = [f"{one}*" if one in foreign else str(one) for one in genomes]
    axes.set_xticks(range(len(genomes)), marked)
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
        "Planted elements (rows) on simulated genomes (columns). A filled square was recovered: "
        "the output depends on it and a head carries it; an open circle was missed, although the "
        "model uses the element; a cross was missed as well, but the model does not use it. "
        f"By chance {planted['chance'].mean():.1%} would have been recovered."
        + " An asterisk marks a genome of another grammar, which lacks most elements."
        * bool(foreign),
        f"A grid of {len(elements)} elements by {len(genomes)} genomes. Recovered: {told}.",
    )
