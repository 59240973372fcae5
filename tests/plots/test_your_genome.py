"""Figures of an annotated genome show what their tables hold."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.output import chance, peaks
from genoattn.plots import your_genome as draw


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_profiles_around_starts_have_both_strands_and_no_zero():
    frame = pd.DataFrame(
        {
            "strand_relation": np.repeat(["sense", "antisense"], 5),
            "offset": [-2, -1, 0, 1, 2] * 2,
            "mean": [0.1, 0.5, 0.3, 0.2, 0.2, 0.01, 0.02, 0.03, 0.01, 0.01],
            "median": 0.05,
            "n": 7,
        }
    )
    drawn = draw.around_starts(frame)
    mean, _ = drawn.figure.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in mean.lines}
    assert lines["sense"] == [0.1, 0.5, 0.3, 0.2, 0.2]
    assert lines["antisense"] == [0.01, 0.02, 0.03, 0.01, 0.01]
    assert mean.get_xticks().tolist() == [-2, -1, 0, 0, 1]
    assert {tick.get_text() for tick in mean.get_xticklabels()} == {"-2", "-1", "+1", "+2"}
    assert "7 gene starts" in drawn.caption
    assert "peaks at -1 with 0.5" in drawn.alt
    assert draw.around_starts(None) is None


def test_the_density_of_peaks_has_a_curve_for_every_contig_and_strand():
    track = np.zeros((2, 1_000), np.float32)
    track[0, 3], track[1, 990] = 0.8, 0.4
    tracks = {"a": track, "b": track[:, ::-1]}
    density = peaks.peaks_per_kb(tracks, [0.1, 0.5], 1)
    drawn = draw.peak_density(density, 0.5)
    axes = drawn.figure.axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines[:4]] == [[1, 1], [1, 0]] * 2
    assert "from 0 to 1 in 1,000 nt" in drawn.alt
    labels = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert labels == ["a", "b", "plus strand", "minus strand"]


def test_close_ups_show_both_strands_and_the_truth():
    track = np.zeros((2, 1_000), np.float32)
    track[0, 3], track[1, 990] = 0.8, 0.4
    tracks = {"a": track, "b": track[:, ::-1]}
    peaks = pd.DataFrame(
        {"contig": ["a", "b"], "position": [3, 9], "strand": ["+", "-"], "output": [0.8, 0.4]}
    )
    truth = pd.DataFrame({"contig": ["a", "a"], "position": [3, 700], "strand": ["+", "+"]})
    drawn = draw.peak_views(tracks, peaks, 50, truth)
    first, second = drawn.figure.axes[:2]
    assert first.get_xlim() == (0, 54)
    assert first.get_title() == "a 4 +"
    marked = [line.get_xdata().tolist() for line in first.lines if line.get_marker() == "^"]
    assert marked == [[3]]
    lowest = min(path.vertices[:, 1].min() for c in second.collections for path in c.get_paths())
    assert lowest == pytest.approx(-0.4), "the minus strand hangs down"
    assert "Triangles" in drawn.caption
    assert "Triangles" not in draw.peak_views(tracks, peaks, 50, None).caption
    assert draw.peak_views(tracks, peaks[:0], 50, None) is None


def test_peaks_are_drawn_beside_those_of_chance():
    table = chance.by_threshold([0.1, 0.2, 0.3], 100, [0.1], 100, [0.1, 0.25])
    drawn = draw.by_chance(table)
    own, false = drawn.figure.axes[0].lines
    assert own.get_ydata().tolist() == [3, 1] and false.get_ydata().tolist() == [1, 0]
    assert "At 0.1 there are 3, and 1.0 by chance, a share of 33%." in drawn.caption
    none = draw.by_chance(chance.by_threshold([], 100, [], 100, [0.1]))
    assert "there are 0, and 0.0 by chance." in none.caption
