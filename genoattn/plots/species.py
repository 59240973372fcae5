"""Figures of models on other species: tidy frames in, figures out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from genoattn.evaluation.scores import METRIC_NAMES
from genoattn.evaluation.tested import HIGH_GC
from genoattn.plots import panels, style
from genoattn.plots.drawn import Drawn
from genoattn.plots.reading import contribution_heights, letter_stacks, position_ticks

__all__ = ["mutation_maps", "shares_by_gc", "shares_by_species", "whole_genomes"]


def shares_by_species(shares: pd.DataFrame) -> Drawn | None:
    """Share of localised sites, a row a species, by lineage and GC content.

    Parameters
    ----------
    shares : DataFrame
        Columns species, lineage, gc (%), model, within (one value), share, ci_low, ci_high; a row a
        species and model. Without one there is no figure.
    """
    if shares.empty:
        return None
    within = int(shares["within"].iloc[0])
    species = shares.drop_duplicates("species").sort_values(["lineage", "gc"])["species"].tolist()
    row = {name: place for place, name in enumerate(reversed(species))}
    models = shares["model"].unique().tolist()
    height = 1.2 + 0.22 * len(species)
    figure, axes = plt.subplots(figsize=(style.WIDTH, height), layout="constrained")
    for number, model in enumerate(models):
        own = shares[shares["model"] == model]
        look = style.source(model, models) | {"linestyle": ""}
        shift = (number - (len(models) - 1) / 2) * 0.12
        axes.errorbar(
            own["share"],
            own["species"].map(row) + shift,
            xerr=np.abs(own[["ci_low", "ci_high"]].to_numpy().T - own["share"].to_numpy()),
            label=model,
            markersize=4,
            elinewidth=0.6,
            **look,
        )
    facts = shares.drop_duplicates("species").set_index("species")
    names = [f"{name}, {facts.loc[name, 'gc']:.0f}%" for name in reversed(species)]
    axes.set_yticks(range(len(species)), names, fontsize=style.SMALL)
    axes.set_ylim(-0.6, len(species) - 0.4)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"share of sites with the highest output within {within} nt")
    figure.legend(loc="outside upper center", ncols=min(4, len(models)))
    best = shares.loc[shares["share"].idxmax()]
    return Drawn(
        figure,
        f"Share of primary start sites that a model localises within {within} nt, by species "
        "(with GC content), those of a lineage side by side; bars are exact 95% intervals.",
        f"Dots with intervals of {len(models)} models in {len(species)} rows of species; the "
        f"highest is {best['model']} in {best['species']} with {best['share']:.2f}.",
    )


def shares_by_gc(shares: pd.DataFrame) -> Drawn | None:
    """Share of localised sites against GC content, a panel a model; frame as above."""
    if shares.empty:
        return None
    within = int(shares["within"].iloc[0])
    models = shares["model"].unique().tolist()
    figure, grid = panels.in_rows(len(models), 3, 2.3, rest=0.6, share="xy")
    for axes, model in zip(grid, models, strict=True):
        own = shares[shares["model"] == model]
        look = style.source(model, models) | {"linestyle": ""}
        axes.plot(own["gc"], own["share"], markersize=4, **look)
        axes.axvline(HIGH_GC, color=style.FAINT, linewidth=0.8, linestyle=":")
        axes.set_title(model)
    grid[0].set_ylim(0, 1)
    figure.supxlabel("GC content of the genome, %", fontsize=9)
    figure.supylabel(f"share of sites within {within} nt", fontsize=9)
    return Drawn(
        figure,
        "The same shares against GC content, a dot a species; the dotted line is at a GC content "
        f"of {HIGH_GC:.0f}%. A model whose dots lie lower the richer in G and C a genome is has "
        "learnt promoters that are rich in A and T.",
        f"{len(models)} scatter plots of the share against GC content, one a model.",
    )


def mutation_maps(letters: pd.DataFrame, chosen: pd.DataFrame, table: pd.DataFrame) -> Drawn | None:
    """The mean mutation map of each of several species, with the boxes as they are read there.

    Parameters
    ----------
    letters : DataFrame
        `saturation.letter_effects` of each species, with ``species``.
    chosen : DataFrame
        Columns species, gc; in the order of the panels. Without one there is no figure.
    table : DataFrame
        Of the same model: columns species, element, first, last (offsets).
    """
    if chosen.empty:
        return None
    figure, grid = plt.subplots(
        len(chosen),
        1,
        figsize=(style.WIDTH, 0.7 + 1.05 * len(chosen)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, (name, gc) in zip(
        grid.flat, chosen[["species", "gc"]].itertuples(index=False), strict=True
    ):
        letter_stacks(axes, contribution_heights(letters[letters["species"] == name]))
        axes.set_title(f"{name}, {gc:.0f}% GC", fontsize=8, loc="left")
        boxes = table[(table["species"] == name) & table["element"].isin(["-35 box", "-10 box"])]
        for first, last in boxes[["first", "last"]].itertuples(index=False):
            axes.axvspan(
                first - 0.5, last + 0.5, color=style.FAINT, alpha=0.25, linewidth=0, zorder=0
            )
    position_ticks(axes, np.sort(letters["offset"].unique()), 10)
    axes.set_xlabel("position relative to the start site (nt)")
    figure.supylabel("contribution of the letter (log-odds)", fontsize=9)
    return Drawn(
        figure,
        "What the network reads around primary start sites of species that a rule chose, as in the "
        "mutation map of the chapter on dependence: each letter is as high as it contributes there "
        "in the mean over sites. Shaded: where the −35 and the −10 box are read. Scales differ "
        "between panels.",
        f"{len(chosen)} sequence logos, one a species: {', '.join(chosen['species'])}.",
    )


def whole_genomes(table: pd.DataFrame, metric: str = "pr_auc", k: int = 1) -> Drawn | None:
    """Score of every model on every genome, with its interval.

    Parameters
    ----------
    table : DataFrame
        Columns species, model, metric, resolution, value, ci_low, ci_high.
    metric, k : str, int
        Which score to draw, at which resolution.
    """
    if table.empty:
        return None
    own = table[(table["metric"] == metric) & (table["resolution"] == k)]
    species = own["species"].unique().tolist()
    models = own["model"].unique().tolist()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    width = 0.8 / len(models)
    for number, model in enumerate(models):
        one = own[own["model"] == model]
        axes.bar(
            one["species"].map(species.index) + (number - (len(models) - 1) / 2) * width,
            one["value"],
            width,
            yerr=np.abs(one[["ci_low", "ci_high"]].to_numpy().T - one["value"].to_numpy()).tolist(),
            label=model,
            error_kw={"elinewidth": 0.8},
            **style.fill(model, models),
        )
    axes.set_xticks(range(len(species)), [" ".join(name.split()[:2]) for name in species])
    axes.tick_params(axis="x", labelrotation=12)
    axes.set_ylabel(METRIC_NAMES[metric] + (f", {k}-mers" if k > 1 else ""))
    figure.legend(loc="outside upper center", ncols=min(4, len(models)))
    best = own.loc[own["value"].idxmax()]
    return Drawn(
        figure,
        f"{METRIC_NAMES[metric]} on whole genomes and on *E. coli*'s test part, with 95% intervals "
        "from resampled blocks. Models of many species are shown where they have not seen the "
        "lineage; one whose name ends in *(all)* was trained on all lineages.",
        f"Bars of {len(models)} models on {len(species)} genomes; the highest is {best['model']} "
        f"on {best['species']} with {best['value']:.3f}.",
    )
