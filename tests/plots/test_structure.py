"""Drawings of the package: every import and every thing is there, in greys."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from genoattn.plots import structure as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


ROOMS = pd.DataFrame(
    {
        "room": ["genome", "model", "heads"],
        "lines": [1200, 300, 40],
        "imports": [(), ("genome",), ("genome", "model")],
    }
)
THINGS = pd.DataFrame(
    {
        "stage": [0, 1, 1, 2],
        "thing": ["tables", "output", "attention", "findings"],
        "made_by": ["data.Dataset", "prediction.predict", "census.tally", "study.Finding"],
        "run": ["", "output", "kept", ""],
    }
)


def test_each_import_is_a_mark_left_of_the_diagonal():
    drawn = figures.imports(ROOMS)
    square, bars = drawn.figure.axes
    marks = square.collections[0].get_offsets()
    assert {tuple(map(int, one)) for one in marks} == {(0, 1), (0, 2), (1, 2)}
    assert [one.get_text() for one in square.get_yticklabels()] == ["genome", "model", "heads"]
    assert [one.get_text() for one in square.get_xticklabels()] == ["genome", "model", "heads"]
    assert [one.get_width() for one in bars.patches] == [1200, 300, 40]
    assert square.get_ylim()[0] > square.get_ylim()[1], "the first room is at the top"
    assert "heads imports genome, model" in drawn.alt
    assert "genome imports none" in drawn.alt


def test_rooms_that_import_nothing_have_no_mark():
    drawn = figures.imports(ROOMS.head(1))
    assert len(drawn.figure.axes[0].collections[0].get_offsets()) == 0


def test_each_thing_is_a_box_and_stages_are_joined():
    drawn = figures.flow(THINGS)
    patches = drawn.figure.axes[0].patches
    boxes = [one for one in patches if isinstance(one, FancyBboxPatch)]
    arrows = [one for one in patches if isinstance(one, FancyArrowPatch)]
    assert len(boxes) == 4
    assert len(arrows) == 1 * 2 + 2 * 1
    shared = [one.get_facecolor()[:3] != (1, 1, 1) for one in boxes]
    assert shared == [False, True, True, False]
    texts = [one.get_text() for one in drawn.figure.axes[0].texts]
    assert {"tables", "prediction.predict", "Run.kept"} <= set(texts)
    assert "Run." not in texts
    assert drawn.alt.endswith("tables; then output and attention; then findings.")


@pytest.mark.parametrize("name", ["imports", "flow"])
def test_nothing_is_said_by_colour(name):
    drawn = getattr(figures, name)({"imports": ROOMS, "flow": THINGS}[name])
    for axes in drawn.figure.axes:
        for patch in axes.patches:
            for colour in (patch.get_facecolor(), patch.get_edgecolor()):
                assert len(set(to_rgb(colour))) == 1
