"""Figures of a model's adaptation to another species: tidy frames in, figures out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from genoattn.plots import style
from genoattn.plots.drawn import Drawn

__all__ = ["learning_curve", "purines"]


def purines(audit: pd.DataFrame) -> Drawn:
    """Share of purines around the listed sites.

    Parameters
    ----------
    audit : DataFrame
        Columns offset (nt, positive downstream) and purines (share).
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH * 0.6, 2.6), layout="constrained")
    look = style.line(0)
    axes.bar(audit["offset"], audit["purines"], color=look["color"], width=0.7)
    axes.axhline(0.5, color=style.FAINT, linewidth=0.8, linestyle=":")
    axes.set_xticks(audit["offset"], [f"{one:+d}" if one else "site" for one in audit["offset"]])
    axes.set_ylim(0, 1)
    axes.set_xlabel("distance from the listed site, nt")
    axes.set_ylabel("share of purines")
    best = audit.loc[audit["purines"].idxmax()]
    return Drawn(
        figure,
        "Share of A and G around the listed sites. Most transcripts of bacteria begin with a "
        "purine, and a pyrimidine mostly stands before it; a table whose peak is beside the site "
        "is shifted.",
        f"Bars of the share of purines at {len(audit)} offsets; the highest, "
        f"{best['purines']:.2f}, at {best['offset']:+.0f}.",
    )


def learning_curve(curve: pd.DataFrame) -> Drawn:
    """PR AUC on the held-out half by number of labelled sites.

    Parameters
    ----------
    curve : DataFrame
        Of `genoattn.study.adapt.learning_curve`, one or several seeds.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH * 0.75, 3.2), layout="constrained")
    for number, (k, own) in enumerate(
        curve[curve["metric"] == "pr_auc"].groupby("resolution", sort=True)
    ):
        look = style.line(number)
        mean = own.groupby("n_sites")[["after", "after_low", "after_high"]].mean()
        name = "exact position" if k == 1 else f"{k}-mers"
        axes.errorbar(
            mean.index,
            mean["after"],
            yerr=np.abs(mean[["after_low", "after_high"]].to_numpy().T - mean["after"].to_numpy()),
            marker="o",
            capsize=2,
            label=f"adapted, {name}",
            **look,
        )
        if own["seed"].nunique() > 1:
            axes.scatter(
                own["n_sites"], own["after"], s=9, facecolors="none", edgecolors=look["color"]
            )
        axes.axhline(own["before"].iloc[0], linewidth=0.9, label=f"before, {name}", **look)
    axes.set_xscale("log")
    ticks = sorted(curve["n_sites"].unique())
    axes.set_xticks(ticks, [f"{one:,}" for one in ticks])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("labelled sites of the other half")
    axes.set_ylabel("PR AUC on the held-out half")
    figure.legend(loc="outside upper center", ncols=2)
    exact = curve[(curve["metric"] == "pr_auc") & (curve["resolution"] == 1)]
    last = exact[exact["n_sites"] == exact["n_sites"].max()]
    n_seeds = curve["seed"].nunique()
    dots = f", means over {n_seeds} seeds like the points; small circles are single seeds"
    return Drawn(
        figure,
        "PR AUC on the half of the genome that taught nothing, by the number of labelled sites of "
        f"the other; bars are 95% intervals from resampled blocks{dots if n_seeds > 1 else ''}. "
        "Horizontal lines are the model as it was. Where the curve is flat, more sites would not "
        "help.",
        f"Curves of the PR AUC against the number of labelled sites; at exact positions it goes "
        f"from {last['before'].mean():.3f} to {last['after'].mean():.3f} with all of them.",
    )
