"""Figures of contigs and gene starts show what their tables hold."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn import annotate
from genoattn.plots import contigs as draw


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_profiles_around_starts_have_both_strands():
    frame = pd.DataFrame(
        {
            "strand_relation": np.repeat(["sense", "antisense"], 3),
            "offset": [-1, 0, 1] * 2,
            "mean": [0.1, 0.2, 0.3, 0.01, 0.02, 0.03],
            "median": 0.05,
        }
    )
    mean, _ = draw.around_starts(frame).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in mean.lines}
    assert drawn["sense"] == [0.1, 0.2, 0.3]
    assert drawn["antisense"] == [0.01, 0.02, 0.03]


def test_peak_figures():
    track = np.zeros((2, 1_000), np.float32)
    track[0, 3], track[1, 990] = 0.8, 0.4
    tracks = {"a": track, "b": track[:, ::-1]}
    density = annotate.peaks_per_kb(tracks, [0.1, 0.5], 1)
    axes = draw.peak_density(density, 0.1).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [1, 1]
    assert len(axes.lines) == 5
    peaks = pd.DataFrame({"contig": ["a", "b"], "position": [3, 9], "strand": ["+", "-"]})
    truth = pd.DataFrame({"contig": ["a"], "position": [3], "strand": ["+"]})
    first, second = draw.peak_views(tracks, peaks, 50, truth).axes[:2]
    assert first.get_xlim() == (0, 54)
    assert first.get_title() == "a 4 +"
    lowest = min(path.vertices[:, 1].min() for c in second.collections for path in c.get_paths())
    assert lowest == pytest.approx(-0.4), "the minus strand hangs down"
