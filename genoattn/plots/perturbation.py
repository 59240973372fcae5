"""Figures of what the output depends on; draws frames, touches nothing else."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.heads import names, paper_label
from genoattn.plots import style

PANELS = {
    "delta_pr_auc": ("ci_low", "ci_high", "PR AUC"),
    "delta_roc_auc": ("delta_roc_auc_low", "delta_roc_auc_high", "ROC AUC"),
    "delta_log_odds": ("delta_log_odds_low", "delta_log_odds_high", "log-odds at start sites"),
    "delta_contrast": ("delta_contrast_low", "delta_contrast_high", "log-odds,\nsites - elsewhere"),
}
_MARKERS = "os^D"


def _points(
    axes: Axes,
    height: np.ndarray,
    value: pd.Series,
    low: pd.Series,
    high: pd.Series,
    number: int,
    label: str,
) -> None:
    """Points with horizontal intervals; the n-th series of a figure."""
    colour = style.line(number)["color"]
    axes.hlines(height, low, high, color=colour, linewidth=1.0)
    axes.plot(
        value,
        height,
        linestyle="none",
        marker=_MARKERS[number],
        markersize=3.2,
        color=colour,
        markerfacecolor=colour if number == 0 else "white",
        label=label,
    )


def _head_rows(axes: Axes, frame: pd.DataFrame) -> None:
    """Rows of heads from the top, a line between layers."""
    axes.set_yticks(range(len(frame)), names(frame), fontsize=6.5)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    layer = frame["layer_1based"].to_numpy()
    for row in np.flatnonzero(np.diff(layer)):
        axes.axhline(row + 0.5, color="0.85", linewidth=0.6, zorder=0)
    axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)


def ablation_effects(effects: pd.DataFrame) -> Figure:
    """Change of each measure when one head is off, with intervals; a row for each head.

    Parameters
    ----------
    effects : DataFrame
        `ablation.head_effects`.
    """
    rows = effects[["layer_1based", "head_1based"]].drop_duplicates()
    figure, grid = plt.subplots(
        1,
        len(PANELS),
        figsize=(style.WIDTH, 1.2 + 0.16 * len(rows)),
        sharey=True,
        layout="constrained",
    )
    for axes, (column, (low, high, title)) in zip(grid, PANELS.items(), strict=True):
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
    return figure


def interaction_map(pairs: pd.DataFrame, measure: str = "contrast") -> Figure:
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
    return figure


def attention_and_ablation(table: pd.DataFrame, agreement: pd.DataFrame) -> Figure:
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
    return figure


def position_map(effects: pd.DataFrame) -> Figure:
    """Mean maps over sites: exchanges, whole words, integrated gradients, with bands.

    Parameters
    ----------
    effects : DataFrame
        `mutagenesis.position_effects`.
    """
    panels = {
        "mutation": "exchange of\none nucleotide",
        "word": "exchange of the\nword around it",
        "gradient": "integrated\ngradient",
    }
    figure, grid = plt.subplots(
        len(panels), 1, figsize=(style.WIDTH, 5.4), sharex=True, layout="constrained"
    )
    for number, (axes, (column, title)) in enumerate(zip(grid, panels.items(), strict=True)):
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
    return figure


def head_agreement(agreement: pd.DataFrame) -> Figure:
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
        for number, (method, label) in enumerate(labels.items()):
            part = agreement[agreement["method"] == method]
            height = np.arange(len(part)) + (number - 0.5) * 0.36
            low, high = part[f"{column}_low"], part[f"{column}_high"]
            _points(axes, height, part[column], low, high, number, label)
        _head_rows(axes, rows)
        axes.set_xlabel(f"rank correlation:\n{title}", fontsize=8)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
    )
    return figure


def attended_words(words: pd.DataFrame) -> Figure:
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
    colours = [style.line(number)["color"] for number in (0, 1)]
    left.hlines(height, words["attended"], words["control"], color="0.7", linewidth=1.0)
    left.plot(
        words["attended"], height, "o", markersize=4, color=colours[0], label="the word attended to"
    )
    left.plot(
        words["control"],
        height,
        "s",
        markersize=4,
        color=colours[1],
        markerfacecolor="white",
        label="words there at other sites",
    )
    _points(
        right,
        height,
        words["difference"],
        words["difference_low"],
        words["difference_high"],
        0,
        "difference",
    )
    for axes, title in ((left, "change of log-odds"), (right, "difference")):
        _head_rows(axes, words)
        axes.set_xlabel(title, fontsize=8)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
    )
    return figure
