"""Figures of training and evaluation: tidy frames in, figures out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.annotations import source_name
from genoattn.metrics import differs_from_paper
from genoattn.plots import style

__all__ = [
    "ablation",
    "calibration",
    "false_calls",
    "gene_terms",
    "learning_curve",
    "learning_curves",
    "matching",
    "models",
    "performance",
    "precision_recall",
    "resolution",
]

METRIC_NAMES = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC"}


def learning_curve(history: pd.DataFrame) -> Figure:
    """Loss on the training and on the validation part, and the learning rate, by passes.

    Parameters
    ----------
    history : DataFrame
        From `genoattn.training.learning_history`; a dotted line parts the stages.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    axes.plot(history["passes"], 1e3 * history["train_loss"], label="training", **style.line(0))
    axes.plot(
        history["passes"],
        1e3 * history["validation_loss"],
        label="validation",
        marker="o",
        **style.line(1),
    )
    best = float(history["passes"].to_numpy()[history["validation_loss"].argmin()])
    axes.axvline(best, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.annotate(
        "kept",
        (best, axes.get_ylim()[1]),
        xytext=(-4, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        color=style.FAINT,
    )
    for end in history.groupby("stage")["passes"].max().iloc[:-1]:
        axes.axvline(float(end), color=style.FAINT, linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlabel="passes over the training part", ylabel="loss, 10⁻³ nats per position")
    axes.set_xlim(left=0)
    rate = axes.twinx()
    rate.fill_between(
        history["passes"], history["learning_rate"], color="#000000", alpha=0.07, lw=0
    )
    rate.set_ylim(0, 2.5 * history["learning_rate"].max() or None)
    rate.set_ylabel("learning rate (shaded)", color=style.FAINT)
    rate.tick_params(colors=style.FAINT)
    rate.spines["right"].set_visible(True)
    axes.legend(loc="upper right", bbox_to_anchor=(0.85, 1.0))
    return figure


def learning_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Validation loss of several trainings by passes, the kept round marked.

    Parameters
    ----------
    histories : mapping of model to DataFrame
        From `genoattn.training.learning_history`. Losses of models of different training sets are
        on different labels and do not compare; their shapes do.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    for number, (name, history) in enumerate(histories.items()):
        look = style.line(number)
        loss = 1e3 * history["validation_loss"].to_numpy()
        passes = history["passes"].to_numpy()
        marker = "osD^v"[number // 6 % 5]  # the lines repeat after six
        axes.plot(passes, loss, label=name, marker=marker, markevery=[int(loss.argmin())], **look)
    axes.set(
        xlabel="passes over the training part",
        ylabel="validation loss,\n10⁻³ nats per position",
    )
    axes.set_xlim(left=0)
    axes.legend(ncols=2)
    return figure


def _intervals(axes: Axes, rows: pd.DataFrame, height: np.ndarray, **look: Any) -> None:
    """Values as dots with their intervals as lines, at given heights."""
    axes.hlines(height, rows["ci_low"], rows["ci_high"], color=look["color"], linewidth=1.4)
    axes.plot(rows["value"], height, linestyle="", markersize=6, **look)


def performance(table: pd.DataFrame, baselines: Mapping[str, pd.DataFrame] | None = None) -> Figure:
    """ROC AUC and PR AUC by training and test set with intervals, ours beside the paper's.

    A diamond is filled where the paper's value lies outside our interval.

    Parameters
    ----------
    table : DataFrame
        Rows of resolution 1 and of one model a training set, from `genoattn.metrics.performance`.
    baselines : mapping of name to DataFrame, optional
        Rows of the same columns of other models, shown without intervals.
    """
    first = table[table["metric"] == "roc_auc"]
    pairs = list(zip(first["train_set"], first["test_set"], strict=True))
    new = np.array([i > 0 and pair[0] != pairs[i - 1][0] for i, pair in enumerate(pairs)])
    height = -(np.arange(len(pairs)) + 0.7 * np.cumsum(new)).astype(float)
    several = len({train_set for train_set, _ in pairs}) > 1
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.1 + 0.21 * len(pairs) + 0.15 * new.sum()),
        layout="constrained", sharey=True,
    )  # fmt: skip
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        rows = table[table["metric"] == metric].set_index(["train_set", "test_set"]).loc[pairs]
        _intervals(axes, rows, height, color="#0072B2", marker="o", label="ours, with interval")
        printed, outside = rows["paper_value"].notna(), differs_from_paper(rows)
        for chosen, colour, label in (
            (printed & ~outside, "white", "paper, inside the interval"),
            (printed & outside, "#000000", "paper, outside the interval"),
        ):
            if not chosen.any():
                continue
            axes.plot(
                rows.loc[chosen, "paper_value"], height[chosen], linestyle="", marker="D",
                markerfacecolor=colour, markeredgecolor="#000000", markersize=4.5, label=label,
            )  # fmt: skip
        for number, (name, others) in enumerate((baselines or {}).items()):
            of_metric = others[others["metric"] == metric]
            value = of_metric.drop_duplicates(["train_set", "test_set"]).set_index(
                ["train_set", "test_set"]
            )["value"]
            axes.plot(
                value.reindex(pairs), height, linestyle="", marker="|x"[number % 2], markersize=7,
                color="#D55E00", label=name, zorder=1.5,
            )  # fmt: skip
        axes.set_yticks(height, [source_name(test_set) for _, test_set in pairs])
        axes.set_ylim(height.min() - 0.6, height.max() + 0.6)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.05)
        if metric == "roc_auc":
            axes.set_xlim(right=1.0)
        else:
            axes.set_xlim(left=0)
        axes.set_xlabel(title)
    panels[0].set_ylabel("test set")
    if several:
        for train_set in dict.fromkeys(train_set for train_set, _ in pairs):
            mine = [h for h, pair in zip(height, pairs, strict=True) if pair[0] == train_set]
            panels[1].annotate(
                f"trained on\n{source_name(train_set)}",
                (1.01, float(np.mean(mine))),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
            )
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside upper right", ncols=5)
    return figure


def models(table: pd.DataFrame, printed: Mapping[str, float] | None = None) -> Figure:
    """Several models on the same labels: ROC AUC and PR AUC with intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.metrics.compare`.
    printed : mapping of metric to number, optional
        The paper's values.
    """
    names = list(dict.fromkeys(table["model"]))
    height = -np.arange(len(names)).astype(float)
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.1 + 0.28 * len(names)), layout="constrained", sharey=True
    )
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        rows = table[table["metric"] == metric].set_index("model").loc[names]
        _intervals(axes, rows, height, color="#0072B2", marker="o")
        value = (printed or {}).get(metric, np.nan)
        if np.isfinite(value):
            axes.axvline(value, color="#000000", linestyle="--", linewidth=0.9)
            axes.annotate(
                "paper", (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize=8,
            )  # fmt: skip
        axes.set_yticks(height, names)
        axes.set_ylim(height.min() - 0.6, 0.6)
        axes.set_xlabel(title)
        if metric == "pr_auc":
            axes.set_xlim(left=0)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("model")
    return figure


def matching(table: pd.DataFrame) -> Figure:
    """Average precision of one-to-one matching by tolerance, with intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.assignment.match_table`, with a column ``model``.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    names = list(dict.fromkeys(table["model"]))
    tolerances = sorted(set(table["tolerance"]))
    for number, name in enumerate(names):
        rows = table[table["model"] == name].set_index("tolerance").loc[tolerances]
        look = style.line(number)
        place = np.arange(len(tolerances)) + 0.08 * (number - (len(names) - 1) / 2)
        axes.plot(place, rows["average_precision"], label=name, marker="os^Dv*"[number % 6], **look)
        axes.vlines(place, rows["ci_low"], rows["ci_high"], color=look["color"], linewidth=1.0)
    axes.set_xticks(
        range(len(tolerances)), ["exact" if not one else f"±{one} nt" for one in tolerances]
    )
    axes.set(
        xlabel="farthest that a call may be from its site",
        ylabel="average precision,\none call a site",
        ylim=(0, None),
    )
    axes.legend(title="model", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def false_calls(distances: pd.DataFrame, places: pd.DataFrame) -> Figure:
    """Where calls without a site lie: distance to the nearest known site, and among the genes.

    Parameters
    ----------
    distances : DataFrame
        From `genoattn.evaluation.distance_shares`.
    places : DataFrame
        From `genoattn.evaluation.place_shares`.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.4), layout="constrained", width_ratios=[1.5, 1]
    )
    groups = list(dict.fromkeys(distances["sites"]))
    classes = list(dict.fromkeys(distances["distance"]))
    looks = [("#0072B2", ""), ("#E69F00", "///"), ("#009E73", "...")]
    width = 0.8 / (len(groups) + 1)
    for number, name in enumerate(groups):
        rows = distances[distances["sites"] == name]
        colour, hatch = looks[number % 3]
        place = np.arange(len(classes)) - 0.4 + width * (number + 0.5)
        left.bar(
            place, 100 * rows["share"], width, color=colour, hatch=hatch, edgecolor="white",
            label=name,
        )  # fmt: skip
    last = distances[distances["sites"] == groups[-1]]
    left.bar(
        np.arange(len(classes)) + 0.4 - width / 2, 100 * last["expected"], width,
        color="white", edgecolor=style.FAINT, label=f"any position, to {groups[-1]}",
    )  # fmt: skip
    left.set_xticks(range(len(classes)), classes, rotation=20)
    left.set(xlabel="distance to the nearest site, nt", ylabel="share of the false calls, %")
    left.legend(title="nearest site of", loc="upper left")
    whats = list(dict.fromkeys(places["what"]))
    wide = places.pivot(index="what", columns="place", values="share").loc[whats]
    wide = wide[list(dict.fromkeys(places["place"]))]
    before = np.zeros(len(whats))
    for (name, share), (colour, hatch) in zip(wide.items(), looks, strict=False):
        right.barh(
            whats[::-1], 100 * share[::-1], left=before, color=colour, hatch=hatch,
            edgecolor="white", label=str(name),
        )  # fmt: skip
        before += 100 * share[::-1].to_numpy()
    right.set(xlabel="share, %", xlim=(0, 100))
    right.legend(loc="upper center", bbox_to_anchor=(0.3, -0.2), ncols=1)
    return figure


def ablation(table: pd.DataFrame, metric: str = "pr_auc") -> Figure:
    """What each step of building a model brought: one dot a seed, a bar at the mean.

    Parameters
    ----------
    table : DataFrame
        Columns step, what, seed and the metric; steps in their order.
    metric : str
        Column shown.
    """
    steps = list(dict.fromkeys(table["step"]))
    what = table.drop_duplicates("step").set_index("step")["what"]
    height = {step: -number for number, step in enumerate(steps)}
    names = [textwrap.fill(str(what[step]), 40) for step in steps]
    lines = max(name.count("\n") for name in names) + 1
    size = (style.WIDTH, 0.9 + (0.15 + 0.15 * lines) * len(steps))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.plot(
        table[metric], table["step"].map(height), "o", color="#0072B2", markerfacecolor="white"
    )
    mean = table.groupby("step")[metric].mean().loc[steps]
    axes.vlines(
        mean, [height[step] - 0.3 for step in steps], [height[step] + 0.3 for step in steps],
        color="#000000", linewidth=1.4,
    )  # fmt: skip
    axes.set_yticks(list(height.values()), names)
    axes.set_ylim(-len(steps) + 0.4, 0.6)
    axes.set_xlabel(f"{METRIC_NAMES.get(metric, metric)} (dots: seeds, line: their mean)")
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def gene_terms(tables: Mapping[str, pd.DataFrame]) -> Axes:
    """What the distance to the next gene adds to the log-odds of a site.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        Each from `genoattn.gene_prior.GenePrior.table`.
    """
    _, axes = plt.subplots(figsize=(style.WIDTH, 2.8), layout="constrained")
    for number, (name, table) in enumerate(tables.items()):
        axes.plot(
            table["distance"], table["log_odds"], label=name, marker="o", **style.line(number)
        )
    axes.axhline(0, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.set(xlabel="distance to the next gene's first nucleotide, nt", ylabel="added log-odds")
    axes.legend()
    return axes


def resolution(table: pd.DataFrame, paper_pr_auc: Mapping[int, float] | None = None) -> Figure:
    """PR AUC by the length of the k-mers, mean and maximum of the output; bands are intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.metrics.kmer_resolution`.
    paper_pr_auc : mapping of k to PR AUC, optional
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    table = table[table["metric"] == "pr_auc"]
    for number, (how, label) in enumerate(
        (("mean", "mean of the output, as the paper"), ("max", "maximum of the output"))
    ):
        rows, look = table[table["how"] == how], style.line(number)
        axes.fill_between(
            rows["k"], rows["ci_low"], rows["ci_high"], color=look["color"], alpha=0.15, lw=0
        )
        axes.plot(rows["k"], rows["value"], label=label, marker="os"[number], **look)
    chance = table[table["how"] == "mean"]
    axes.plot(
        chance["k"], chance["positive_share"], color=style.FAINT, linestyle=":", label="chance"
    )
    if paper_pr_auc:
        axes.plot(
            list(paper_pr_auc),
            list(paper_pr_auc.values()),
            "D",
            markerfacecolor="white",
            markeredgecolor="#000000",
            label="paper",
            zorder=5,
        )
    axes.set(xlabel="resolution: length k of the k-mers, nt", ylabel="PR AUC", ylim=(0, None))
    axes.set_xticks(sorted(set(table["k"])))
    axes.legend(loc="best")
    return figure


def precision_recall(curves: Mapping[str, pd.DataFrame], of: str = "test set") -> Figure:
    """Precision against recall on the test part, exact positions.

    Parameters
    ----------
    curves : mapping of name to DataFrame
        Columns recall and precision, from `genoattn.metrics.precision_recall`.
    of : str
        What the names are: 'test set' (drawn as sources are everywhere) or anything else.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    for number, (name, curve) in enumerate(curves.items()):
        look, label = style.line(number), name
        if of == "test set":
            look = {key: value for key, value in style.source(name).items() if key != "marker"}
            label = source_name(name)
        axes.plot(curve["recall"], curve["precision"], label=label, **look)
    axes.set(
        xlabel="recall: share of the labelled sites found",
        ylabel="precision: share of\nfound positions labelled",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.legend(title=of)
    return figure


def calibration(tables: Mapping[str, pd.DataFrame]) -> Axes:
    """Share of sites among positions of like output; on the diagonal, the output is a probability.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        From `genoattn.metrics.calibration`.
    """
    _, axes = plt.subplots(figsize=(0.65 * style.WIDTH, 3.8), layout="constrained")
    axes.plot([1e-7, 1], [1e-7, 1], color=style.FAINT, linestyle="--", linewidth=0.9)
    low = 1.0
    for number, (name, table) in enumerate(tables.items()):
        seen = table[table["share"] > 0]
        axes.plot(
            seen["output"], seen["share"], marker="os^Dv*"[number % 6], label=name,
            **style.line(number),
        )  # fmt: skip
        low = min(low, 0.5 * min(seen["output"].min(), seen["share"].min()))
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, 1),
        ylim=(low, 1),
        xlabel="mean output of the positions",
        ylabel="share of them that are labelled",
    )
    axes.legend(title="model")
    return axes
