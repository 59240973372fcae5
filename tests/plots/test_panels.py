"""Panels in rows: as many as asked, the rest of the last row empty."""

from __future__ import annotations

import pytest

from genoattn.plots import panels, style


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 3, 1), (3, 3, 1), (4, 3, 2), (7, 3, 3)])
def test_there_are_as_many_panels_as_asked_and_the_figure_is_as_high_as_their_rows(
    n, columns, rows
):
    figure, grid = panels.in_rows(n, columns, 2.0, rest=0.5, share="y")
    assert len(grid) == n and all(axes.get_visible() for axes in grid)
    assert sum(axes.get_visible() for axes in figure.axes) == n
    assert figure.get_size_inches().tolist() == [style.WIDTH, 0.5 + 2.0 * rows]


def test_only_the_axes_that_are_shared_move_together():
    _, (first, second) = panels.in_rows(2, 2, 2.0, rest=0.5, share="x")
    first.set(xlim=(0, 9), ylim=(0, 9))
    assert second.get_xlim() == (0, 9) and second.get_ylim() != (0, 9)
    _, (first, second) = panels.in_rows(2, 2, 2.0, rest=0.5, share="y")
    first.set(xlim=(0, 9), ylim=(0, 9))
    assert second.get_ylim() == (0, 9) and second.get_xlim() != (0, 9)
