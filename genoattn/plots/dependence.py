"""Figures of what the output depends on: tidy frames in, figures out.

A thing keeps its colour through the chapter: exchanges of single nucleotides, gradients, words.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from genoattn.genome.sites import paper_label
from genoattn.heads.profiles import names
from genoattn.plots import style
from genoattn.plots.drawn import Drawn
from genoattn.study.report import listed

__all__ = [
    "ablation_effects",
    "attended_words",
    "attention_and_ablation",
    "head_agreement",
    "interaction_map",
    "position_map",
]


_PANELS = {
    "delta_pr_auc": ("ci_low", "ci_high", "PR AUC"),
    "delta_roc_auc": ("delta_roc_auc_low", "delta_roc_auc_high", "ROC AUC"),
    "delta_log_odds": ("delta_log_odds_low", "delta_log_odds_high", "log-odds at start sites"),
    "delta_contrast": ("delta_contrast_low", "delta_contrast_high", "log-odds,\nsites - elsewhere"),
}
_MARKERS = "os^D"
_EXCHANGE, _GRADIENT, _WORD = range(3)
"""Numbers of the lines (`style.line`) of what is measured nucleotide by nucleotide."""


def _points(
    axes: Axes,
    height: np.ndarray,
    value: pd.Series,
    low: pd.Series,
    high: pd.Series,
    number: int,
    label: str,
) -> None:
    """Points with horizontal intervals; `number` gives their colour and marker."""
    colour = style.line(number)["color"]
    axes.hlines(height, low, high, color=colour, linewidth=1.0)
    axes.plot(
        value,
        height,
        linestyle="none",
        marker=_MARKERS[number],
        markersize=3.2,
        color=colour,
        markerfacecolor="white" if number == 1 else colour,
        label=label,
    )


def _head_rows(axes: Axes, frame: pd.DataFrame) -> None:
    """Rows of heads from the top, a line between layers."""
    axes.set_yticks(range(len(frame)), names(frame), fontsize=7)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    layer = frame["layer_1based"].to_numpy()
    for row in np.flatnonzero(np.diff(layer)):
        axes.axhline(row + 0.5, color="0.85", linewidth=0.6, zorder=0)
    axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)


def ablation_effects(effects: pd.DataFrame) -> Drawn:
    """Change of each measure when one head is off, with intervals; a row for each head.

    Parameters
    ----------
    effects : DataFrame
        `ablation.head_effects`.
    """
    rows = effects[["layer_1based", "head_1based"]].drop_duplicates()
    figure, grid = plt.subplots(
        1,
        len(_PANELS),
        figsize=(style.WIDTH, 1.2 + 0.16 * len(rows)),
        sharey=True,
        layout="constrained",
    )
    for axes, (column, (low, high, title)) in zip(grid, _PANELS.items(), strict=True):
        for number, mode in enumerate(("mean", "zero")):
            part = effects[effects["mode"] == mode]
            height = np.arange(len(part)) + (number - 0.5) * 0.36
            _points(axes, height, part[column], part[low], part[high], number, f"{mode} instead")
        _head_rows(axes, rows)
        axes.set_xlabel(f"change of\n{title}", fontsize=8)
        axes.tick_params(axis="x", labelsize=7)
        axes.locator_params(axis="x", nbins=4)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
    )
    means = effects[effects["mode"] == "mean"]
    most = means.nsmallest(3, "delta_contrast")
    told = listed(
        f"{name} ({change:+.2f})"
        for name, change in zip(names(most), most["delta_contrast"], strict=True)
    )
    return Drawn(
        figure,
        "Change of four scores when one head is switched off, with intervals from resampled "
        "blocks: filled circles where its mean stands in for it, open squares where zero does. "
        "Left of the vertical line, the model is worse without the head. Replaced by its mean, "
        f"the heads that cost most contrast (right) are {told}.",
        f"Four panels with a row for each of {len(rows)} heads. The change of PR AUC by the mean "
        f"runs from {means['delta_pr_auc'].min():+.3f} to {means['delta_pr_auc'].max():+.3f}, "
        f"that of the contrast from {means['delta_contrast'].min():+.2f} to "
        f"{means['delta_contrast'].max():+.2f}.",
    )


def interaction_map(pairs: pd.DataFrame, measure: str = "contrast") -> Drawn:
    """Interaction of every two heads; framed where its interval leaves out zero.

    Parameters
    ----------
    pairs : DataFrame
        `ablation.interactions`.
    measure : str
        ``contrast`` or ``pr_auc``.
    """
    ends = [
        pairs[[f"{end}_layer_1based", f"{end}_head_1based"]].set_axis(
            ["layer_1based", "head_1based"], axis=1
        )
        for end in ("first", "second")
    ]
    column = f"interaction_{measure}"
    order = names(pd.concat(ends).drop_duplicates().sort_values(["layer_1based", "head_1based"]))
    first, second = (pd.Series(names(end), index=pairs.index) for end in ends)
    table = pd.DataFrame(np.nan, index=order[1:], columns=order[:-1])
    sure = pd.DataFrame("", index=table.index, columns=table.columns)
    for row in pairs.index:
        table.loc[second[row], first[row]] = pairs.loc[row, column]
        clear = pairs.loc[row, f"{column}_low"] > 0 or pairs.loc[row, f"{column}_high"] < 0
        mark = "*" if clear else ""
        sure.loc[second[row], first[row]] = f"{pairs.loc[row, column]:+.2g}{mark}"
    size = 1.6 + 0.6 * len(order)
    figure, axes = plt.subplots(
        figsize=(min(style.WIDTH, size + 1.2), 0.6 * size + 0.8), layout="constrained"
    )
    limit = float(np.nanmax(np.abs(table.to_numpy()))) or 1.0
    sns.heatmap(
        table,
        ax=axes,
        cmap=style.DIVERGING,
        vmin=-limit,
        vmax=limit,
        annot=sure,
        fmt="",
        annot_kws={"fontsize": 7},
        linewidths=0.5,
        cbar_kws={"label": f"interaction ({'log-odds' if measure == 'contrast' else 'PR AUC'})"},
    )
    axes.tick_params(axis="y", rotation=0)
    axes.set_xlabel("first head")
    axes.set_ylabel("second head")
    starred = int(((pairs[f"{column}_low"] > 0) | (pairs[f"{column}_high"] < 0)).sum())
    return Drawn(
        figure,
        "Interaction of every two of the leading heads: the change without both minus the sum of "
        "the changes without each. Below zero, losing both costs more than the sum; above, less. "
        f"An asterisk marks the {starred} of {len(pairs)} pairs whose interval leaves out zero.",
        f"A triangle of {len(pairs)} pairs of heads, coloured by their interaction, which runs "
        f"from {pairs[column].min():+.2f} to {pairs[column].max():+.2f}.",
    )


def attention_and_ablation(table: pd.DataFrame, agreement: pd.DataFrame) -> Drawn:
    """Measures of attention against what is lost without the head, a panel for each measure.

    Parameters
    ----------
    table : DataFrame
        A row for each head: ``layer_1based``, ``loss`` and one column for each measure.
    agreement : DataFrame
        `ablation.rank_agreement` for that loss: ``attention``, ``spearman``, ``low``, ``high``.
    """
    figure, grid = plt.subplots(
        1,
        len(agreement),
        figsize=(style.WIDTH, 2.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, row in zip(grid[0], agreement.to_dict("records"), strict=True):
        points = axes.scatter(
            table[row["attention"]],
            table["loss"],
            c=table["layer_1based"],
            cmap=style.SEQUENTIAL,
            s=22,
            edgecolor="0.3",
            linewidth=0.4,
        )
        axes.axhline(0, color="0.4", linewidth=0.6, zorder=0)
        axes.set_xlabel(row["attention"], fontsize=8)
        axes.set_title(
            f"rank correlation {row['spearman']:+.2f}\n({row['low']:+.2f} to {row['high']:+.2f})",
            fontsize=8,
        )
        axes.tick_params(labelsize=7)
    grid[0, 0].set_ylabel("log-odds lost\nwithout the head")
    layers = sorted(table["layer_1based"].unique())
    figure.colorbar(points, ax=grid[0, -1], label="layer", ticks=layers)
    told = listed(
        f"{row.attention} {row.spearman:+.2f}" for row in agreement.itertuples(index=False)
    )
    return Drawn(
        figure,
        "Each point is a head: a measure of its attention against the log-odds contrast that is "
        "lost when its mean stands in for it; colour is the layer. If attention ranked the heads "
        "as their absence does, the points would rise from left to right in every panel. Above "
        "each panel stands the rank correlation with its interval.",
        f"{len(agreement)} scatter plots of {len(table)} heads. Rank correlations with the loss: "
        f"{told}.",
    )


def position_map(effects: pd.DataFrame) -> Drawn:
    """Mean maps over sites: exchanges, whole words, integrated gradients, with bands.

    Parameters
    ----------
    effects : DataFrame
        `mutagenesis.position_effects`.
    """
    panels = {
        "mutation": ("exchange of\none nucleotide", _EXCHANGE),
        "word": ("exchange of the\nword around it", _WORD),
        "gradient": ("integrated\ngradient", _GRADIENT),
    }
    figure, grid = plt.subplots(
        len(panels), 1, figsize=(style.WIDTH, 5.4), sharex=True, layout="constrained"
    )
    for axes, (column, (title, number)) in zip(grid, panels.items(), strict=True):
        look = style.line(number)
        axes.plot(effects["offset"], effects[column], **{**look, "linestyle": "-"}, linewidth=1.2)
        axes.fill_between(
            effects["offset"],
            effects[f"{column}_low"],
            effects[f"{column}_high"],
            color=look["color"],
            alpha=0.25,
            linewidth=0,
        )
        axes.axhline(0, color="0.4", linewidth=0.6, zorder=0)
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        axes.set_ylabel(f"{title}\n(log-odds)", fontsize=8)
    offset = effects["offset"].to_numpy()
    label = paper_label(offset)
    shown = (label % 10 == 0) | (label == 1)
    grid[-1].set_xticks(offset[shown], [f"{value:+d}" for value in label[shown]])
    grid[-1].set_xlabel("position relative to the start site (nt)")
    least, word = (effects.loc[effects[name].idxmin()] for name in ("mutation", "word"))
    at, centre = (int(paper_label(int(row["offset"]))) for row in (least, word))
    return Drawn(
        figure,
        "What the output at a start site owes to each position around it, as the mean over sites "
        "with its interval: the change of the log-odds when the nucleotide is exchanged (top), "
        "when the word around it is (middle), and what integrated gradients attribute to it "
        "(bottom). Where a position matters, the first two curves fall below zero and the third "
        f"rises above it; here above all around {at:+d}.",
        f"Three curves over positions {paper_label(int(offset[0])):+d} to "
        f"{paper_label(int(offset[-1])):+d}. Exchanges of one nucleotide cost most at {at:+d} "
        f"({least['mutation']:+.2f}), exchanges of a word at {centre:+d} ({word['word']:+.2f}).",
    )


def head_agreement(agreement: pd.DataFrame) -> Drawn:
    """Rank correlation of attention with what matters, head by head, with intervals.

    Parameters
    ----------
    agreement : DataFrame
        `mutagenesis.agreement`, without the row of the mean over heads.
    """
    rows = agreement[["layer_1based", "head_1based"]].drop_duplicates()
    figure, grid = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.2 + 0.16 * len(rows)), sharey=True, layout="constrained"
    )
    titles = {
        "map": "mean attention against\nmean effect, by position",
        "gain": "within a site: own attention\nmore than another site's",
    }
    labels = {"mutation": "exchanges", "gradient": "integrated gradients"}
    for axes, (column, title) in zip(grid, titles.items(), strict=True):
        for number, (method, label) in zip((_EXCHANGE, _GRADIENT), labels.items(), strict=True):
            part = agreement[agreement["method"] == method]
            height = np.arange(len(part)) + (number - 0.5) * 0.36
            low, high = part[f"{column}_low"], part[f"{column}_high"]
            _points(axes, height, part[column], low, high, number, label)
        _head_rows(axes, rows)
        axes.set_xlabel(f"rank correlation:\n{title}", fontsize=8)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
    )
    swapped = agreement[agreement["method"] == "mutation"]
    gains = int((swapped["gain_low"] > 0).sum())
    return Drawn(
        figure,
        "How well the attention of each head fits the effects of changes. Left, over positions, "
        "its mean attention against the mean effect: right of the line, the head looks where "
        "changes matter. Right, within single sites, how much better its own attention fits than "
        "its attention at another site: above zero, the head responds to the sequence of the "
        f"site, not only to a position. That holds for {gains} of {len(rows)} heads (exchanges, "
        "interval above zero).",
        f"Two panels with a row for each of {len(rows)} heads. Against exchanges, the left "
        f"correlations run from {swapped['map'].min():+.2f} to {swapped['map'].max():+.2f}, the "
        f"gains on the right from {swapped['gain'].min():+.2f} to {swapped['gain'].max():+.2f}.",
    )


def attended_words(words: pd.DataFrame) -> Drawn:
    """Exchange of the word that each head attends to, beside words at the same places elsewhere.

    Parameters
    ----------
    words : DataFrame
        `mutagenesis.attended_words`.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.2 + 0.16 * len(words)), sharey=True, layout="constrained"
    )
    height = np.arange(len(words))
    colour = style.line(_WORD)["color"]
    left.hlines(height, words["attended"], words["control"], color="0.7", linewidth=1.0)
    left.plot(words["attended"], height, "o", markersize=4, color=colour, label="attended word")
    left.plot(
        words["control"],
        height,
        "s",
        markersize=4,
        color=style.FAINT,
        markerfacecolor="white",
        label="words at the same offset at other sites",
    )
    _points(
        right,
        height,
        words["difference"],
        words["difference_low"],
        words["difference_high"],
        _WORD,
        "difference",
    )
    for axes, title in ((left, "change of log-odds"), (right, "difference")):
        _head_rows(axes, words)
        axes.set_xlabel(title, fontsize=8)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
    )
    more = int((words["difference_high"] < 0).sum())
    return Drawn(
        figure,
        "Left, the change of the log-odds when the word is exchanged that a head attends to most, "
        "and when words at the same offset at other sites are. Right, the difference with its "
        "interval: left of the line, the attended word matters more than the place alone "
        f"explains. That holds for {more} of {len(words)} heads.",
        f"Two panels with a row for each of {len(words)} heads. Changes by the attended word run "
        f"from {words['attended'].min():+.2f} to {words['attended'].max():+.2f}, differences from "
        f"{words['difference'].min():+.2f} to {words['difference'].max():+.2f}.",
    )
