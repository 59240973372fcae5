"""Figures of what several networks read, and of what goes past heads on a stem."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from genoattn.plots import style
from genoattn.plots.drawn import Drawn, Nothing
from genoattn.plots.reading import letter_stacks, position_ticks
from genoattn.study.report import listed

__all__ = ["element_effects", "map_agreement", "stem_logos", "ways_past_heads"]

_MARKERS = "osD^vP"
_SHOWN = (-56, 6)
"""Offsets that logos show."""


def _spread(number: int, n: int) -> float:
    """Where the n-th of several points of a row lies, from its middle."""
    return (number - (n - 1) / 2) * 0.7 / max(n, 2)


def _point(
    axes: Axes, value: float, low: float, high: float, height: float, number: int, label: str
) -> None:
    """A point with its interval, in the look of a network or a way."""
    colour = style.line(number)["color"]
    axes.hlines(height, low, high, color=colour, linewidth=1.1)
    axes.plot(
        value,
        height,
        linestyle="none",
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4.5,
        color=colour,
        markerfacecolor="white" if number % 2 else colour,
        label=label,
    )


def element_effects(effects: pd.DataFrame) -> Drawn:
    """What the noise of every element costs every network, with intervals.

    Parameters
    ----------
    effects : DataFrame
        ``element``, ``model``, ``effect``, ``ci_low``, ``ci_high``, ``used``.
    """
    models = list(dict.fromkeys(effects["model"]))
    first = effects[effects["model"] == models[0]].sort_values("effect", ascending=False)
    order = first["element"].tolist()
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.3 + (0.18 + 0.11 * len(models)) * len(order)),
        layout="constrained",
    )
    for number, model in enumerate(models):
        mine = effects[effects["model"] == model].set_index("element")
        for place, element in enumerate(order):
            row = mine.loc[element]
            _point(axes, row["effect"], row["ci_low"], row["ci_high"],
                   place + _spread(number, len(models)), number,
                   model if place == 0 else "_")  # fmt: skip
    for place in range(1, len(order)):
        axes.axhline(place - 0.5, color="0.9", linewidth=0.6, zorder=0)
    axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel("log-odds lost when the element's letters are noise")
    axes.legend(loc="lower right")
    used = effects[effects["used"]].groupby("model", sort=False).size()
    told = listed(f"{model} {int(used.get(model, 0))}" for model in models)
    return Drawn(
        figure,
        "What each network loses when an element becomes noise: the same letters at the same "
        "sites, means with intervals from resampled blocks. Points of one row that lie together "
        "are an element that the networks read alike. Where an element's effect is not "
        "larger than its control's, the network reads that place, but is not shown to read that "
        "element.",
        f"A row for each of {len(order)} elements, a point for each network. Elements used: "
        f"{told}.",
    )


def map_agreement(agreement: pd.DataFrame, main: str) -> Drawn:
    """Correlation of mutation maps at the same site and at different sites.

    Parameters
    ----------
    agreement : DataFrame
        ``model`` and the fields of `genoattn.interventions.agreement.Agreement`.
    main : str
        The model whose maps the others' are compared with.
    """
    models = agreement["model"].tolist()
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 1.3 + 0.42 * len(models)), layout="constrained"
    )
    labels = {"same": "the same site in both networks", "other": "different sites"}
    for place, row in enumerate(agreement.to_dict("records")):
        axes.plot([row["other"], row["same"]], [place, place], color="0.75", linewidth=2, zorder=0)
        for number, (kind, label) in enumerate(labels.items()):
            _point(axes, row[kind], row[f"{kind}_low"], row[f"{kind}_high"], place, number,
                   label if place == 0 else "_")  # fmt: skip
    axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(models)), models)
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.set_xlabel(f"correlation with the mutation map of {main} (mean over sites)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    told = listed(
        f"{row['model']} {row['same']:.2f} and {row['other']:.2f}"
        for row in agreement.to_dict("records")
    )
    return Drawn(
        figure,
        f"How alike other networks' mutation maps are to those of {main}, with intervals from "
        "resampled blocks. Maps of different sites are alike because sites are: only what "
        "the point of the same site has beyond that of different sites is agreement on a site's "
        "own letters.",
        f"Two points a network, the same site and different sites: {told}.",
    )


def ways_past_heads(paths: pd.DataFrame | None) -> Drawn | Nothing:
    """Share of every element's effect through all heads together, and past them.

    Parameters
    ----------
    paths : DataFrame or None
        `residual.split_table` of one or several networks; None where no heads stand on a stem.
    """
    if paths is None:
        return Nothing()
    models = list(dict.fromkeys(paths["model"]))
    known = paths[paths["through"].notna()]
    order = known.groupby("element")["effect"].max().sort_values(ascending=False).index.tolist()
    figure, grid = plt.subplots(
        1,
        len(models),
        figsize=(style.WIDTH, 1.5 + 0.32 * len(order)),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    told = []
    for axes, model in zip(grid[0], models, strict=True):
        mine = known[known["model"] == model].set_index("element")
        for number, (way, label) in enumerate(
            {"through": "through the heads", "past": "past the heads"}.items()
        ):
            for place, element in enumerate(order):
                if element in mine.index:
                    row = mine.loc[element]
                    _point(axes, row[way], row[f"{way}_low"], row[f"{way}_high"],
                           place + _spread(number, 2), number, label)  # fmt: skip
        for share in (0, 1):
            axes.axvline(share, color="0.6", linewidth=0.6, zorder=0)
        axes.set_title(model, fontsize=9)
        axes.set_xlabel("share of the element's effect restored")
        most = mine["past"].idxmax() if len(mine) else None
        if most is not None:
            told.append(f"{model} most past the heads for {most} ({mine.loc[most, 'past']:.0%})")
    grid[0, 0].set_yticks(range(len(order)), order)
    grid[0, 0].set_ylim(len(order) - 0.4, -0.6)
    handles = dict(zip(*grid[0, 0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=2, fontsize=8.5
    )
    return Drawn(
        figure,
        "Two ways to the output: what comes back of an element when all heads are set back "
        "to the clean run, and when only what passes beside them on the residual path is. The two "
        "need not add up to one: the rest is their interaction.",
        f"{len(models)} panels, a row for each of {len(order)} elements: {listed(told)}.",
    )


def stem_logos(table: pd.DataFrame | None, names: pd.DataFrame | None) -> Drawn | Nothing:
    """Mediated logos of the heads on a stem, and of what goes past them, on one scale.

    Parameters
    ----------
    table : DataFrame or None
        `mediated.logo_table`; layer 0, head 0 is what goes past the heads.
    names : DataFrame or None
        ``layer``, ``head`` and ``name`` of heads that are named by an element.
    """
    if table is None or names is None:
        return Nothing()
    called = {(row["layer"], row["head"]): row["name"] for row in names.to_dict("records")}
    shown = table[(table["offset"] >= _SHOWN[0]) & (table["offset"] <= _SHOWN[1])]
    panels = list(shown.groupby(["layer", "head"]))
    figure, grid = plt.subplots(
        len(panels),
        1,
        figsize=(style.WIDTH, 0.6 + 1.1 * len(panels)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    ends, told = [], []
    for axes, ((layer, head), part) in zip(grid[:, 0], panels, strict=True):
        heights = part.pivot(index="offset", columns="letter", values="contribution")
        ends.append(letter_stacks(axes, heights))
        label = "past the heads" if layer == 0 else f"L{layer} H{head}"
        name = called.get((layer, head))
        axes.set_title(f"{label}: {name}" if name else label, fontsize=8, pad=2, loc="left")
        axes.tick_params(labelsize=style.SMALL, length=2)
        told.append(f"{label} {float(part['contribution'].sum()):+.2f}")
    low, high = np.array(ends).T
    grid[0, 0].set_ylim(1.05 * low.min() - 1e-9, 1.05 * high.max() + 1e-9)
    position_ticks(grid[-1, 0], np.sort(shown["offset"].unique()), 10)
    figure.supxlabel("position relative to the start site (nt)", fontsize=9)
    figure.supylabel("contribution (log-odds)", fontsize=9)
    return Drawn(
        figure,
        "What the output learns past the heads of this network, and through each of them: "
        "integrated gradients, letter by letter, as the mean over start sites. All panels have "
        "one scale; a head is named by the element that its letters fit.",
        f"{len(panels)} sequence logos; in all, over the places shown, {listed(told)}.",
    )
