"""Panels of one size in rows, as many as there are things to show."""

from __future__ import annotations

from typing import Literal

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.plots import style

__all__ = ["in_rows"]


def in_rows(
    n: int, columns: int, height: float, *, rest: float, share: Literal["x", "y", "xy"]
) -> tuple[Figure, list[Axes]]:
    """Make a figure of the page's width with panels in rows of at most so many.

    Parameters
    ----------
    n : int
        Panels, at least one; the places of the last row that are left over stay empty.
    columns : int
        Most panels in a row.
    height, rest : float
        Inches of a row, and of what lies above and below all rows.
    share : str
        Axes that are the same in all panels.

    Returns
    -------
    Figure
    list of Axes
        ``n``, row by row.
    """
    columns = min(columns, n)
    rows = -(-n // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, rest + height * rows),
        sharex="x" in share,
        sharey="y" in share,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[n:]:
        axes.set_visible(False)
    return figure, list(grid.flat[:n])
