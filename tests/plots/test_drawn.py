from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pytest

from genoattn.plots import style
from genoattn.plots.drawn import DRAWING, Drawn, packed, unpacked


@pytest.fixture
def line():
    style.use()

    def draw() -> Drawn:
        figure, axes = plt.subplots(layout="constrained")
        axes.plot([1, 2, 3.3], [2, 1 / 3, 1], marker="o")
        return Drawn(figure, "A line.", "one line")

    yield draw
    plt.close("all")


def test_a_drawing_is_the_same_whenever_it_is_made(line):
    one = line()
    assert one.svg() == one.svg() == line().svg()
    assert b"<dc:date>" not in one.svg()


def test_a_drawing_keeps_hundredths_of_a_point(line):
    svg = line().svg({"Title": "a line", "Rights": "free"})
    decimals = [
        len(number.split(".")[1])
        for path in re.findall(r' d="([^"]*)"', svg.decode())
        for number in re.findall(r"\d+\.\d+", path)
    ]
    assert max(decimals) == 2
    assert b"scale(0.015625)" in svg, "the size of letters is left as it is"
    assert b"<title>a line</title>" in svg and b"free" in svg


def test_a_packed_drawing_comes_back_whole():
    assert unpacked(packed(b"<svg/>" * 99)) == b"<svg/>" * 99


@pytest.mark.parametrize(("profile", "left"), [(None, False), ("demo", False), ("ecoli", True)])
def test_only_a_chapter_of_the_study_leaves_drawings(line, monkeypatch, profile, left):
    monkeypatch.delenv("GENOATTN_PROFILE", raising=False)
    if profile:
        monkeypatch.setenv("GENOATTN_PROFILE", profile)
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda what, **given: seen.append(given))
    one = line()
    one._ipython_display_()
    told = seen[0]["metadata"]
    assert told["image/png"] == {"alt": "one line"}
    assert (DRAWING in told) == left
    if left:
        assert unpacked(told[DRAWING]) == line().svg()
