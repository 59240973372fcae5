"""Figures of training and evaluation: tidy frames in, figures out."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.plots import style

__all__ = ["calibration", "learning_curve", "performance", "precision_recall", "resolution"]

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


def performance(table: pd.DataFrame) -> Figure:
    """ROC AUC and PR AUC on each test set, ours beside the paper's.

    Parameters
    ----------
    table : DataFrame
        Rows of one model and of resolution 1, from `genoattn.metrics.performance`.
    """
    figure, panels = plt.subplots(1, 2, figsize=(style.WIDTH, 2.6), layout="constrained")
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        rows = table[table["metric"] == metric].reset_index(drop=True)
        height = np.arange(len(rows))[::-1]
        axes.hlines(height, 0, rows["value"], color=style.FAINT, linewidth=0.8, zorder=1)
        axes.plot(rows["value"], height, "o", color="#0072B2", markersize=7, label="ours")
        printed = rows["paper_value"].notna()
        if printed.any():
            axes.plot(
                rows.loc[printed, "paper_value"],
                height[printed],
                "D",
                markerfacecolor="white",
                markeredgecolor="#000000",
                markersize=6,
                label="paper",
            )
        axes.set_yticks(height, [style.name(name) for name in rows["test_set"]])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        low = 0.5 if metric == "roc_auc" else 0.0
        largest = np.nanmax(rows[["value", "paper_value"]].to_numpy(float))
        axes.set_xlim(low, 1.0 if metric == "roc_auc" else 1.15 * largest)
        axes.set_xlabel(title)
    panels[0].set_ylabel("test set")
    panels[1].set_yticklabels([])
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=2)
    return figure


def resolution(table: pd.DataFrame, paper_pr_auc: Mapping[int, float] | None = None) -> Figure:
    """PR AUC by the length of the k-mers that are scored, mean and maximum of the output.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.metrics.kmer_resolution`.
    paper_pr_auc : mapping of k to PR AUC, optional
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    for number, (how, label) in enumerate(
        (("mean", "mean of the output, as the paper"), ("max", "maximum of the output"))
    ):
        rows = table[table["how"] == how]
        axes.plot(rows["k"], rows["pr_auc"], label=label, marker="os"[number], **style.line(number))
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


def precision_recall(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Precision against recall on the test part, exact positions.

    Parameters
    ----------
    curves : mapping of test set to DataFrame
        Columns recall and precision, from `genoattn.metrics.precision_recall`.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    for test_set, curve in curves.items():
        look = {key: value for key, value in style.source(test_set).items() if key != "marker"}
        axes.plot(curve["recall"], curve["precision"], label=style.name(test_set), **look)
    axes.set(
        xlabel="recall: share of the labelled sites found",
        ylabel="precision: share of\nfound positions labelled",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.legend(title="test set")
    return figure


def calibration(table: pd.DataFrame) -> Axes:
    """Share of sites among positions of like output; on the diagonal, the output is a probability.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.metrics.calibration`.
    """
    _, axes = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
    seen = table[table["share"] > 0]
    axes.plot([1e-6, 1], [1e-6, 1], color=style.FAINT, linestyle="--", linewidth=0.9)
    axes.plot(seen["output"], seen["share"], "o-", color="#0072B2")
    low = 0.5 * min(seen["output"].min(), seen["share"].min())
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, 1),
        ylim=(low, 1),
        xlabel="mean output of the positions",
        ylabel="share of them that are labelled",
    )
    return axes
