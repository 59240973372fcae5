"""Drawings of the package itself: rooms and their imports, data and their way; frames in."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from genoattn.plots import style
from genoattn.plots.drawn import Drawn

__all__ = ["flow", "imports"]

_DARK, _PALE, _EDGE = "#222222", "#EFEFEF", "#555555"
_HEIGHT, _STEP = 0.7, 1.0  # of a box, and from one stage to the next


def imports(rooms: pd.DataFrame) -> Drawn:
    """Draw which room imports which, as a square of marks, and how many lines each has.

    Parameters
    ----------
    rooms : DataFrame
        ``room``, ``lines``, ``imports`` (tuple of rooms), each after those that it imports.
    """
    names, n = list(rooms["room"]), len(rooms)
    marks = np.array([[one in row for one in names] for row in rooms["imports"]], dtype=bool)
    figure, (square, bars) = plt.subplots(
        1,
        2,
        figsize=(style.WIDTH, 1.3 + 0.26 * n),
        width_ratios=(2.2, 1),
        sharey=True,
        layout="constrained",
    )
    for place in range(n):  # what a room may import lies to the left of its own place
        square.barh(place, place, left=-0.5, height=0.86, color=_PALE)
        square.text(place, place, "·", ha="center", va="center", color=_EDGE)
    row, column = np.nonzero(marks)
    square.scatter(column, row, marker="s", s=42, color=_DARK, zorder=2)
    square.set_xticks(range(n), names, rotation=60, ha="left", rotation_mode="anchor")
    square.set_yticks(range(n), names)
    square.xaxis.tick_top()
    square.tick_params(length=0)
    square.spines[:].set_visible(False)
    square.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    bars.barh(range(n), rooms["lines"], height=0.6, color=_PALE, edgecolor=_EDGE)
    for place, lines in enumerate(rooms["lines"]):
        bars.text(lines, place, f" {lines:,}", va="center", fontsize=8)
    bars.set_title("lines of source", fontsize=9)
    bars.margins(x=0.25)
    bars.spines[:].set_visible(False)
    bars.set_xticks([])
    bars.tick_params(length=0)
    told = [
        f"{name} imports {', '.join(row) or 'none'}"
        for name, row in zip(names, rooms["imports"], strict=True)
    ]
    return Drawn(
        figure,
        "The parts of the package. A mark says that the part named at the left imports the one "
        "named at the top. All marks lie in the grey triangle, so each part can be read, tested "
        "and changed without knowing those below it. Right: its size.",
        f"A square of marks, {n} rows and {n} columns, with marks only below the diagonal: "
        f"{'; '.join(told)}.",
    )


def flow(things: pd.DataFrame) -> Drawn:
    """Draw the way of data through the package, from the tables at the top to figures and text.

    Parameters
    ----------
    things : DataFrame
        ``stage`` (from 0), ``thing``, ``made_by`` (dotted name) and ``run`` (member of the run
        that hands it on; empty for none), in reading order.
    """
    stages = [part for _, part in things.groupby("stage", sort=True)]
    figure, axes = plt.subplots(figsize=(style.WIDTH, 0.8 * len(stages)), layout="constrained")
    before: list[float] = []
    for place, part in enumerate(stages):
        centres = [(2 * i + 1) / (2 * len(part)) for i in range(len(part))]
        for centre, (_, thing) in zip(centres, part.iterrows(), strict=True):
            _box(axes, centre, -place * _STEP, thing)
        for start in before:
            for end in centres:
                _arrow(axes, start, -(place - 1) * _STEP, end)
        before = centres
    axes.set(xlim=(0, 1), ylim=(-(len(stages) - 1) * _STEP - 0.45, 0.45))
    axes.axis("off")
    order = "; then ".join(" and ".join(part["thing"]) for part in stages)
    return Drawn(
        figure,
        "How data pass through the package. Below each thing stands the function or class that "
        "makes it, with its module; a grey box is shared between chapters through the run's "
        "folder, by the member of `Run` named in it.",
        f"Boxes joined by arrows from top to bottom: {order}.",
    )


def _box(axes: Axes, x: float, y: float, thing: pd.Series) -> None:
    """Draw one thing at (x, y): its name, who makes it, and the member of the run."""
    shared = bool(thing["run"])
    axes.add_patch(
        FancyBboxPatch(
            (x - 0.152, y - _HEIGHT / 2),
            0.304,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.02",
            mutation_aspect=4,
            facecolor=_PALE if shared else "white",
            edgecolor=_EDGE,
        )
    )
    lines = [thing["thing"], thing["made_by"], *([f"Run.{thing['run']}"] if shared else [])]
    for number, text in enumerate(lines):
        look = {"fontsize": 7.5, "family": "monospace"} if number else {"fontweight": "bold"}
        height = y + 0.19 * ((len(lines) - 1) / 2 - number)
        axes.text(x, height, text, ha="center", va="center", **look)


def _arrow(axes: Axes, x: float, y: float, end: float) -> None:
    """Draw an arrow from the box at (x, y) to the box at `end`, one stage below."""
    axes.add_patch(
        FancyArrowPatch(
            (x, y - _HEIGHT / 2),
            (end, y - _STEP + _HEIGHT / 2),
            arrowstyle="-|>",
            mutation_scale=9,
            color=_EDGE,
            linewidth=0.9,
            shrinkA=0,
            shrinkB=0,
        )
    )
