"""Figures of what the model reads and which head carries it: tidy frames in, figures out.

A thing keeps its colour through the chapter: exchanges of single nucleotides, gradients, words.
"""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from genoattn.genome.sites import position_name
from genoattn.heads.profiles import names
from genoattn.interventions.circuits import GOAL, told_of
from genoattn.plots import style
from genoattn.plots.drawn import Drawn, Nothing
from genoattn.study.report import listed

__all__ = [
    "ablation_effects",
    "attention_and_ablation",
    "carrier_map",
    "circuit_curve",
    "head_set_curves",
    "interaction_map",
    "query_key_map",
    "seed_map",
    "spacer_curve",
    "tile_map",
]


_PANELS = {
    "delta_pr_auc": "PR AUC",
    "delta_roc_auc": "ROC AUC",
    "delta_contrast": "log-odds,\nsites - elsewhere",
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
    axes.set_yticks(range(len(frame)), names(frame), fontsize=style.SMALL)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    layer = frame["layer_1based"].to_numpy()
    for row in np.flatnonzero(np.diff(layer)):
        axes.axhline(row + 0.5, color="0.85", linewidth=0.6, zorder=0)
    axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)


def ablation_effects(effects: pd.DataFrame) -> Drawn | Nothing:
    """Change of each measure without one head, with intervals; a row for each head.

    Parameters
    ----------
    effects : DataFrame
        ``layer_1based``, ``head_1based`` and `circuits.changes`.
    """
    if effects.empty:
        return Nothing()
    figure, grid = plt.subplots(
        1,
        len(_PANELS),
        figsize=(style.WIDTH, 1.2 + 0.16 * len(effects)),
        sharey=True,
        layout="constrained",
    )
    for axes, (column, title) in zip(grid, _PANELS.items(), strict=True):
        low, high = effects[f"{column}_low"], effects[f"{column}_high"]
        _points(axes, np.arange(len(effects)), effects[column], low, high, 0, "")
        _head_rows(axes, effects)
        axes.set_xlabel(f"change of\n{title}", fontsize=8)
        axes.tick_params(axis="x", labelsize=style.SMALL)
        axes.locator_params(axis="x", nbins=4)
    most = effects.nsmallest(3, "delta_pr_auc")
    told = listed(
        f"{name} ({change:+.3f})"
        for name, change in zip(names(most), most["delta_pr_auc"], strict=True)
    )
    return Drawn(
        figure,
        "Change of three scores over the test part when a head hands on its mean, with intervals "
        "from resampled blocks. Left of the vertical line, the model is worse without the head. "
        f"PR AUC falls most without {told}.",
        f"Three panels with a row for each of {len(effects)} heads. The change of PR AUC runs from "
        f"{effects['delta_pr_auc'].min():+.3f} to {effects['delta_pr_auc'].max():+.3f}, that of "
        f"the contrast from {effects['delta_contrast'].min():+.2f} to "
        f"{effects['delta_contrast'].max():+.2f}.",
    )


def interaction_map(pairs: pd.DataFrame) -> Drawn | Nothing:
    """Interaction of every two heads; framed where its interval leaves out zero.

    Parameters
    ----------
    pairs : DataFrame
        `ablation.interactions`.
    """
    if pairs.empty:
        return Nothing()
    ends = [
        pairs[[f"{end}_layer_1based", f"{end}_head_1based"]].set_axis(
            ["layer_1based", "head_1based"], axis=1
        )
        for end in ("first", "second")
    ]
    column = "interaction_contrast"
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
        annot_kws={"fontsize": style.SMALL},
        linewidths=0.5,
        cbar_kws={"label": "interaction (log-odds)"},
    )
    axes.tick_params(axis="y", rotation=0)
    axes.set_xlabel("first head")
    axes.set_ylabel("second head")
    starred = int(((pairs[f"{column}_low"] > 0) | (pairs[f"{column}_high"] < 0)).sum())
    return Drawn(
        figure,
        "Interaction of every two of the leading heads, in the contrast: the change "
        "without both minus the sum of the changes without each. Below zero, losing both costs "
        "more than the sum; above, less. "
        f"An asterisk marks the {starred} of {len(pairs)} pairs whose interval leaves out zero.",
        f"A triangle of {len(pairs)} pairs of heads, coloured by their interaction, which runs "
        f"from {pairs[column].min():+.2f} to {pairs[column].max():+.2f}.",
    )


def attention_and_ablation(table: pd.DataFrame, agreement: pd.DataFrame) -> Drawn | Nothing:
    """Measures of attention against what is lost without the head, a panel for each measure.

    Parameters
    ----------
    table : DataFrame
        A row for each head: ``layer_1based``, ``loss`` and one column for each measure.
    agreement : DataFrame
        `ablation.rank_agreement` for that loss: ``attention``, ``spearman``, ``low``, ``high``.
    """
    if table.empty:
        return Nothing()
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
        axes.tick_params(labelsize=style.SMALL)
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


# -------------------------------------------------------------------- heads that carry elements


def carrier_map(shares: pd.DataFrame, carriers: pd.DataFrame, effects: pd.DataFrame) -> Drawn:
    """Share of each element's effect that comes back with each head; carriers with intervals.

    Parameters
    ----------
    shares : DataFrame
        `carriers.shares` of one network.
    carriers : DataFrame
        `carriers.carried`.
    effects : DataFrame
        `carriers.effects`; the elements that are used are drawn, the most important first.
    """
    used = effects[effects["used"] & (effects["control"] == "")]
    order = used.sort_values("effect", ascending=False)["element"].tolist()
    every = shares[(shares["query_bin"] == "all") & (shares["control"] == "")]
    table = every.pivot_table(index=["layer", "head"], columns="element", values="share")
    table = table.reindex(columns=order)
    sure = pd.DataFrame("", index=table.index, columns=order)
    told = carriers[carriers["element"].isin(order)]
    for layer, head, element, share, low, high in zip(
        *(told[name] for name in ("layer", "head", "element", "share", "ci_low", "ci_high")),
        strict=True,
    ):
        sure.loc[(layer, head), element] = f"{100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f})"
    figure, axes = plt.subplots(figsize=(style.WIDTH, 1.4 + 0.2 * len(table)), layout="constrained")
    shown = table.rename(index=str)
    limit = max(0.1, float(np.nanmax(np.abs(table.to_numpy(np.float64)), initial=0.1)))
    if order:
        sns.heatmap(
            shown,
            ax=axes,
            cmap=style.DIVERGING,
            vmin=-limit,
            vmax=limit,
            annot=sure.to_numpy(),
            fmt="",
            annot_kws={"fontsize": style.SMALL},
            linewidths=0.3,
            cbar_kws={"label": "share of the effect restored (numbers: %)", "shrink": 0.5},
        )
    labels = [f"L{layer} H{head}" for layer, head in table.index]
    axes.set_yticks(np.arange(len(labels)) + 0.5, labels, rotation=0, fontsize=style.SMALL)
    worth = used.set_index("element")["effect"]
    axes.set_xticks(
        np.arange(len(order)) + 0.5,
        [f"{name}\n{worth[name]:+.2f}" for name in order],
        rotation=0,
        fontsize=style.SMALL,
    )
    axes.set_ylabel("")
    axes.set_xlabel("element, and its effect (log-odds)")
    n = len(carriers[carriers["element"].isin(order)])
    return Drawn(
        figure,
        "Causal mediation: the share of an element's effect that comes back when one head alone "
        "hands on its clean signal. Numbers stand in the "
        f"{n} cells whose head carries the element (it restores more than the least, and more than "
        "at sites that lack the element), with intervals from resampled blocks. Shares of heads "
        "need not add up to 100%.",
        f"A table of {len(table)} heads by {len(order)} elements, coloured by the share restored, "
        f"which runs from {np.nanmin(table.to_numpy(np.float64), initial=0):.0%} to "
        f"{np.nanmax(table.to_numpy(np.float64), initial=0):.0%}.",
    )


def tile_map(shares: pd.DataFrame, effects: pd.DataFrame) -> Drawn:
    """Effect of every tile, and what comes back of it with each head, in log-odds.

    Parameters
    ----------
    shares : DataFrame
        `carriers.shares` of the tiles.
    effects : DataFrame
        `carriers.effects` of the tiles.
    """
    every = shares[shares["query_bin"] == "all"]
    worth = effects.set_index("first")["effect"].sort_index()
    table = every.pivot_table(
        index=["layer", "head"], columns="first", values="share", dropna=False
    )
    table = table.reindex(columns=worth.index).mul(worth, axis=1).fillna(0.0)
    figure, (top, bottom) = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 2.6 + 0.14 * len(table)),
        height_ratios=(1, max(2.0, 0.12 * len(table))),
        sharex=True,
        layout="constrained",
    )
    place = np.arange(len(worth)) + 0.5
    rows = effects.sort_values("first")
    top.bar(place, rows["effect"], color=style.line(0)["color"], width=0.8)
    top.vlines(place, rows["ci_low"], rows["ci_high"], color="0.2", linewidth=0.8)
    top.axhline(0, color="0.4", linewidth=0.6)
    top.set_ylabel("effect\n(log-odds)", fontsize=8)
    limit = max(0.05, float(np.abs(table.to_numpy()).max()))
    sns.heatmap(
        table,
        ax=bottom,
        cmap=style.DIVERGING,
        vmin=-limit,
        vmax=limit,
        cbar_kws={"label": "log-odds restored", "orientation": "horizontal", "shrink": 0.5},
    )
    labels = [f"L{layer} H{head}" for layer, head in table.index]
    bottom.set_yticks(np.arange(len(labels)) + 0.5, labels, rotation=0, fontsize=style.SMALL)
    ticks = [position_name(first) for first in worth.index]
    bottom.set_xticks(place, ticks, rotation=0, fontsize=style.SMALL)
    bottom.set_xlabel("first position of the tile relative to the start site (nt)")
    bottom.set_ylabel("")
    best = rows.loc[rows["effect"].idxmax()]
    return Drawn(
        figure,
        "Every tile of the region permuted, whatever stands there. Top, what this costs, with "
        "intervals; below, how much of it comes back with each head alone. White: less than the "
        "least effect that counts.",
        f"Bars over {len(worth)} tiles, the highest {best['effect']:+.2f} at "
        f"{position_name(int(best['first']))}, above a table of {len(table)} heads.",
    )


def query_key_map(ways: pd.DataFrame, element: str, most: int = 3) -> Drawn:
    """At which queries, and from which keys, the leading heads restore an element.

    Parameters
    ----------
    ways : DataFrame
        ``element``, ``head``, ``query``, ``key``, ``share``, one row a pair of bins.
    element : str
    most : int
        Heads that are drawn.
    """
    mine = ways[ways["element"] == element]
    heads = list(dict.fromkeys(mine["head"]))[:most]
    tables = [
        mine[mine["head"] == head].pivot_table(index="query", columns="key", values="share")
        for head in heads
    ]
    limit = max([0.01, *(float(np.abs(table.to_numpy()).max()) for table in tables)])
    figure, grid = plt.subplots(
        1,
        max(1, len(heads)),
        figsize=(style.WIDTH, 3.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    told = []
    for axes, head, table in zip(grid[0], heads, tables, strict=False):
        image = axes.pcolormesh(
            np.arange(table.shape[1] + 1),
            np.arange(table.shape[0] + 1),
            table.to_numpy(),
            cmap=style.DIVERGING,
            vmin=-limit,
            vmax=limit,
        )
        axes.set_title(head, fontsize=9)
        step = slice(1, None, 2)
        keys = np.arange(table.shape[1])
        axes.set_xticks(
            keys[step] + 0.5,
            [position_name(key) for key in table.columns[step]],
            fontsize=style.SMALL,
            rotation=90,
        )
        axes.set_xlabel("keys from (nt)", fontsize=8)
        queries = np.arange(table.shape[0])
        axes.set_yticks(
            queries[step] + 0.5,
            [position_name(query) for query in table.index[step]],
            fontsize=style.SMALL,
        )
        query, key = np.unravel_index(int(table.to_numpy().argmax()), table.shape)
        told.append(
            f"{head} most at queries from {position_name(table.index[query])} and keys from "
            f"{position_name(table.columns[key])} ({table.to_numpy().max():.0%})"
        )
    grid[0, 0].set_ylabel("queries from (nt)", fontsize=8)
    if heads:
        figure.colorbar(image, ax=grid[0, -1], label="share restored (first order)")
    return Drawn(
        figure,
        f"By which path {element} is read: share of its effect that comes back with a head, by the "
        "bin of queries where the head acts and the bin of keys that it reads, to first order. "
        "Numbers are the first position of each bin; the leftmost keys are all "
        "those further upstream. The site's own query is in the topmost "
        "row in which anything comes back; a head that acts in lower rows, at queries further "
        "upstream, hands on to other heads.",
        f"{len(heads)} maps of queries by keys: {listed(told)}.",
    )


def head_set_curves(sets: pd.DataFrame, most: int = 6) -> Drawn:
    """Share of each element's effect that comes back with the leading heads together.

    Parameters
    ----------
    sets : DataFrame
        `carriers.head_sets`.
    most : int
        Elements that are drawn.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    told = []
    for number, (element, rows) in enumerate([*sets.groupby("element", sort=False)][:most]):
        look = style.line(number)
        marker = "os^Dv*"[number % 6]
        axes.plot(
            rows["n_heads"], rows["share"], marker=marker, markersize=4, label=element, **look
        )
        axes.fill_between(
            rows["n_heads"], rows["ci_low"], rows["ci_high"], color=look["color"], alpha=0.15
        )
        told.append(f"{element} {rows['share'].iloc[-1]:.0%} with {len(rows)}")
    axes.axhline(1, color="0.4", linewidth=0.6)
    axes.set_xlabel("heads restored together, the leading ones first")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("share of the effect restored")
    if told:
        axes.legend(fontsize=8)
    return Drawn(
        figure,
        "How many heads an element's effect goes through: the share that comes back when the "
        "first, the first two, ... of the leading heads hand on their clean contributions "
        "together, with intervals.",
        f"Rising curves over the number of heads: {listed(told)}.",
    )


def spacer_curve(table: pd.DataFrame | None, head: str) -> Drawn:
    """What an element is worth at each distance from another, and what of it one head brings.

    Parameters
    ----------
    table : DataFrame or None
        ``upstream``, ``downstream`` (names), ``spacer``, ``effect``, ``through``, their limits.
    head : str
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    if table is None:
        axes.set_axis_off()
        return Drawn(figure, "No head carries it, so no spacer was tried.", "Nothing drawn.")
    upstream, downstream = (
        re.sub(r"^-", "−", str(table[name].iloc[0])) for name in ("upstream", "downstream")
    )
    labels = {"effect": f"{upstream}, all heads", "through": f"what comes by {head} alone"}
    for number, (name, label) in enumerate(labels.items()):
        look = style.line(number)
        axes.plot(table["spacer"], table[name], marker="os"[number], label=label, **look)
        low, high = table[f"{name}_low"], table[f"{name}_high"]
        axes.fill_between(table["spacer"], low, high, color=look["color"], alpha=0.2, linewidth=0)
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xlabel(f"spacer between {upstream} and {downstream} (nt)")
    axes.set_ylabel("log-odds gained")
    axes.legend(fontsize=8)
    best = table.loc[table["effect"].idxmax()]
    return Drawn(
        figure,
        f"The consensus of the {upstream} written at several distances upstream of the "
        f"{downstream}, in permuted surroundings: what it is worth to the output, and what comes "
        "back with one head alone; means over sites with intervals.",
        f"Two curves over spacers of {table['spacer'].min()} to {table['spacer'].max()} nt; the "
        f"element is worth most at {best['spacer']:.0f} nt ({best['effect']:+.2f}).",
    )


def seed_map(leading: pd.DataFrame) -> Drawn:
    """The head that carries most of each element, in every network that was asked.

    Parameters
    ----------
    leading : DataFrame
        ``element``, ``model``, ``head``, ``share``.
    """
    elements, models = (list(dict.fromkeys(leading[name])) for name in ("element", "model"))
    share, head = (
        leading.pivot_table(index="element", columns="model", values=name, aggfunc="first").reindex(
            index=elements, columns=models
        )
        for name in ("share", "head")
    )
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.4 + 0.35 * len(elements)), layout="constrained"
    )
    if elements:
        text = [
            [f"{one}\n{part:.0%}" if one else "none" for one, part in zip(*row, strict=True)]
            for row in zip(head.to_numpy(), share.to_numpy(), strict=True)
        ]
        sns.heatmap(
            share,
            ax=axes,
            cmap="Greys",
            vmin=0,
            vmax=max(0.01, float(share.to_numpy().max()) * 1.6),
            annot=np.array(text),
            fmt="",
            annot_kws={"fontsize": style.SMALL},
            linewidths=0.5,
            cbar_kws={"label": "share restored"},
        )
    axes.tick_params(axis="y", rotation=0)
    axes.set_xlabel("network")
    axes.set_ylabel("")
    named = leading[leading["head"] != ""].groupby("model", sort=False).size()
    told = listed(f"{model} {count}" for model, count in named.items())
    return Drawn(
        figure,
        "The head that carries most of each element, and the share that it restores, in every seed "
        "and in networks not trained on start sites. Which number a head has is chance; what can "
        "return is its role.",
        f"A table of {len(elements)} elements by {len(models)} networks. Elements with a carrier: "
        f"{told}.",
    )


def circuit_curve(curve: pd.DataFrame) -> Drawn | Nothing:
    """PR AUC against the number of heads that are kept.

    Parameters
    ----------
    curve : DataFrame
        ``n_heads``, ``pr_auc``, ``ci_low``, ``ci_high``.
    """
    if curve.empty:
        return Nothing()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    look = style.line(0)
    axes.plot(curve["n_heads"], curve["pr_auc"], marker="o", **look)
    axes.fill_between(
        curve["n_heads"], curve["ci_low"], curve["ci_high"], color=look["color"], alpha=0.2
    )
    whole = curve["pr_auc"].iloc[-1]
    axes.axhline(GOAL * whole, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_xlabel("heads kept, the others hand on their means")
    axes.set_ylabel("PR AUC, test part")
    axes.set_ylim(bottom=0)
    n_all = int(curve["n_heads"].iloc[-1])
    most, enough = told_of(curve)
    reached = (
        f"{int(most['n_heads'])} heads are shown to keep that much"
        if enough
        else f"of the sizes scored, only all {n_all} heads are shown to keep that much"
    )
    return Drawn(
        figure,
        f"Score of circuits against the number of heads, with intervals. The dashed line is "
        f"{GOAL:.0%} of the score of all heads; {reached} (the share has an interval of its own, "
        "narrower than that of the score).",
        f"A curve from {curve['pr_auc'].iloc[0]:.3f} without heads to {whole:.3f} with all "
        f"{n_all}.",
    )
