"""Figures of the engine: tidy frames in, figures out."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from genoattn.plots import style
from genoattn.plots.drawn import Drawn
from genoattn.prediction.benchmark import WHAT

__all__ = ["blocks", "growth", "profile", "rates"]


FORMS: dict[str, dict[str, Any]] = {
    "plain": {"facecolor": "#E69F00", "edgecolor": "white", "hatch": "///"},
    "blocked": {"facecolor": "#0072B2", "edgecolor": "white", "hatch": ""},
}
PARTS = ("#56B4E9", "#CC79A7", "#009E73", "#BBBBBB")  # none is that of a form
HATCHES = ("", "...", "///", "xxx")


def blocks(window: int, block: int, n_blocks: int = 4) -> Drawn:
    """Which keys each block of queries meets: its frame, the window inside it, its masked corners.

    Parameters
    ----------
    window, block : int
        In nt.
    n_blocks : int
        Blocks of queries to draw.
    """
    before = -(-(window - 1) // block) * block
    length = n_blocks * block
    query = np.arange(length)[:, None]
    key = np.arange(-before, length)[None]
    d = query - key
    inside = (d >= 0) & (d < window)
    frame = (key >= query // block * block - before) & (key < (query // block + 1) * block)
    shade = np.where(inside, 2, np.where(frame, 1, 0))
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    colours = ["#FFFFFF", "#F3C66B", "#0072B2"]
    axes.imshow(
        np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=np.uint8)[
            shade
        ],
        extent=(-before - 0.5, length - 0.5, length - 0.5, -0.5),
        aspect="auto",
        interpolation="nearest",
    )
    for number in range(n_blocks):
        axes.add_patch(
            Rectangle(
                (number * block - before - 0.5, number * block - 0.5),
                before + block,
                block,
                fill=False,
                edgecolor="black",
                linewidth=1.2,
            )
        )
    axes.set(xlabel="key: position on the strand, nt", ylabel="query: position, nt")
    figure.legend(
        handles=[
            Patch(facecolor=colours[2], edgecolor="black", label="inside the window"),
            Patch(facecolor=colours[1], edgecolor="black", label="in the frame, masked"),
            Patch(facecolor="white", edgecolor="black", label="frame of a block"),
        ],
        loc="outside upper center",
        ncols=3,
    )
    more = (block - 1) / window
    return Drawn(
        figure,
        f"Query blocks of {block} positions and their frames of keys, for a window of {window}. "
        "Each row is a query and attends to the dark cells. Only the two corners of a frame lie "
        f"outside the window and are masked; they cost {more:.0%} more scores than the equation "
        "needs.",
        f"A diagonal band of cells inside the window, cut into {n_blocks} frames that overlap "
        "along the key axis; small triangles at the corners of each frame are masked.",
    )


def rates(bench: pd.DataFrame) -> Drawn:
    """Positions a second of each kind of work in each form, one panel a device, on a log scale.

    Parameters
    ----------
    bench : DataFrame
        From `genoattn.prediction.benchmark`: columns what, form, device, nt_per_s, ratio_to_plain;
        growth is left out.
    """
    shown = bench[bench["what"].isin(list(WHAT))]
    devices = list(shown["device"].unique())
    figure, panels = plt.subplots(
        1, len(devices), figsize=(style.WIDTH, 2.9), layout="constrained", squeeze=False
    )
    for axes, device in zip(panels[0], devices, strict=True):
        _bars(axes, shown[shown["device"] == device].set_index(["what", "form"]))
        axes.set_title(device)
    figure.legend(
        handles=[Patch(label=form, **look) for form, look in FORMS.items()],
        loc="outside right upper",
    )
    best = shown.sort_values("ratio_to_plain").iloc[-1]
    gain = f"{best['ratio_to_plain']:.1f} times as many in {WHAT[best['what']]}"
    return Drawn(
        figure,
        "Positions per second of each kind of work, on a log scale, in the plain and the blocked "
        "form; below the rate of the blocked form, how many times the plain rate it is. It gains "
        f"most, {gain}, on {best['device']}.",
        f"Bars of the rate of {shown['what'].nunique()} kinds of work on {len(devices)} "
        f"machine(s), plain and blocked; the largest gain is {gain}.",
    )


def _bars(axes: Axes, rates: pd.DataFrame) -> None:
    """Draw the rates of one machine, indexed by what and form."""
    kinds = [what for what in WHAT if what in rates.index.get_level_values("what")]
    for place, what in enumerate(kinds):
        forms = [form for form in FORMS if (what, form) in rates.index]
        for number, form in enumerate(forms):
            rate = float(rates["nt_per_s"][what, form])
            x = place + (number - (len(forms) - 1) / 2) * 0.36
            axes.bar(x, rate, width=0.34, **FORMS[form])
            text = f"{rate:,.0f}"
            if form != "plain":
                text += f"\n{rates['ratio_to_plain'][what, form]:.1f}×"
            axes.annotate(
                text,
                (x, rate),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    axes.set_yscale("log")
    axes.set_ylim(rates["nt_per_s"].min() / 3, rates["nt_per_s"].max() * 6)
    axes.set_xticks(range(len(kinds)), [WHAT[what].replace(" (", "\n(") for what in kinds])
    axes.set_ylabel("positions per second")


def profile(parts: pd.DataFrame) -> Drawn:
    """Time of prediction on one core by what it is spent on, in both forms.

    Parameters
    ----------
    parts : DataFrame
        From `genoattn.prediction.benchmark.profile`: columns form, part, share, us_per_nt.
    """
    table = parts.pivot(index="form", columns="part", values="us_per_nt")
    table = table.loc[list(FORMS), list(dict.fromkeys(parts["part"]))]
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.1), layout="constrained")
    left = np.zeros(len(table))
    for number, part in enumerate(table.columns):
        width = table[part].to_numpy()
        axes.barh(
            table.index,
            width,
            left=left,
            label=part,
            color=PARTS[number],
            hatch=HATCHES[number],
            edgecolor="white",
        )
        left += width
    for row, total in enumerate(left):
        axes.annotate(
            f"{total:.0f} µs",
            (total, row),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_xlim(0, left.max() * 1.12)
    axes.invert_yaxis()
    axes.set_xlabel("time per position on one core, µs")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(table.columns))
    times = dict(zip(table.index, left, strict=True))
    return Drawn(
        figure,
        "Time per position on one core, by what it is spent on. The blocked form takes "
        f"{times['blocked']:.0f} µs where the plain form takes {times['plain']:.0f} µs; the parts "
        "that shrink most are what it saves.",
        f"Two stacked bars, plain with {times['plain']:.0f} µs and blocked with "
        f"{times['blocked']:.0f} µs per position, each split into "
        f"{', '.join(table.columns)}.",
    )


def growth(bench: pd.DataFrame) -> Drawn | None:
    """Largest memory and seconds of a whole pass by the length of what is read.

    Parameters
    ----------
    bench : DataFrame
        From `genoattn.prediction.benchmark`: the rows whose ``what`` is growth. Without any there
        is no figure.
    """
    shown = bench[bench["what"] == "growth"]
    if shown.empty:
        return None
    figure, (memory, time) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 2.8), layout="constrained", sharex=True
    )
    for number, (device, rows) in enumerate(shown.groupby("device", sort=False)):
        look = {**style.line(number), "marker": "o", "label": device}
        memory.plot(rows["positions"], rows["peak_mib"], **look)
        time.plot(rows["positions"], rows["positions"] / rows["nt_per_s"], **look)
    memory.axhline(2048, color=style.FAINT, linewidth=0.9, linestyle=":")
    memory.annotate(
        "2 GiB",
        (1, 2048),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        color=style.FAINT,
    )
    memory.set(xscale="log", ylabel="largest memory, MiB", xlabel="positions (both strands)")
    memory.set_ylim(0, max(2300, 1.1 * shown["peak_mib"].max()))
    time.set(xscale="log", yscale="log", ylabel="time, s", xlabel="positions (both strands)")
    time.legend(loc="upper left")
    spread = f"from {shown['peak_mib'].min():,.0f} to {shown['peak_mib'].max():,.0f} MiB"
    return Drawn(
        figure,
        "Largest memory (left) and time (right) of a whole pass of a tiny model, against the "
        "length of what is read. Time should grow in proportion to the length, and memory by a few "
        f"bytes for each position: it goes {spread}, while the length grows "
        f"{shown['positions'].max() / shown['positions'].min():,.0f} times.",
        f"Two panels against the number of positions on a log scale: memory, {spread}, and time.",
    )
