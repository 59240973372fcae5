"""Figures of heads: what is drawn is what the frames say, at the right place."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn import heads, promoter_elements
from genoattn.plots import heads as head_figures

WINDOW, DOWNSTREAM = 160, 20


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two layers of three heads; head (1, 2) looks at -12 only."""
    mean = np.full((2, 3, WINDOW), 1 / WINDOW)
    mean[0, 1] = 0
    mean[0, 1, DOWNSTREAM + 12] = 1
    rho = np.linspace(-0.2, 0.6, mean.size).reshape(mean.shape)
    return heads.profile_frame(DOWNSTREAM, mean=mean, other=mean / 2, spearman=rho)


def best() -> heads.BestSequences:
    counts = np.tile(50 * np.eye(4, dtype=int)[[3, 0, 3, 0, 0, 3, 2]], (2, 3, 1, 1))
    offset = np.array([[-12, 0, 15], [-1, -100, -40]])
    return heads.BestSequences(counts, np.ones((2, 3), int), offset, np.ones((2, 3)))


def tick_labels(axes: plt.Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_attention_map_is_scaled_by_head(frame: pd.DataFrame) -> None:
    figure = head_figures.attention_map(frame, "mean")
    axes = figure.axes[0]
    image = np.asarray(axes.images[0].get_array())
    assert image.shape == (6, WINDOW) and (image.max(axis=1) == 1).all()
    left = axes.images[0].get_extent()[0]
    assert left + 0.5 + image[1].argmax() == -12  # ascending offsets, one column a nucleotide
    assert "+1" in tick_labels(axes) and "+0" not in tick_labels(axes)
    assert "nt" in axes.get_xlabel()


def test_correlation_map_is_centred_at_zero(frame: pd.DataFrame) -> None:
    image = head_figures.correlation_map(frame).axes[0].images[0]
    assert image.get_clim() == (pytest.approx(-0.6), pytest.approx(0.6))


def test_promoter_profiles_draw_every_head_and_column(frame: pd.DataFrame) -> None:
    figure = head_figures.promoter_profiles(frame, {"mean": "a", "other": "b"}, (-30, 10))
    panels = figure.axes
    assert len(panels) == 6
    lines = [line for line in panels[1].lines if len(line.get_xdata()) > 2]
    assert len(lines) == 2 and lines[0].get_linestyle() != lines[1].get_linestyle()
    x, y = lines[0].get_data()
    assert (min(x), max(x)) == (-30, 9)  # labels -30 .. +10, the TSS being +1
    assert np.asarray(x)[np.argmax(y)] == -12


def test_logos_stand_at_their_place() -> None:
    figure = head_figures.logo_grid(best(), {(1, 2): "some box"})
    panels = figure.axes
    assert tick_labels(panels[0]) == ["-15", "-12", "-9"]
    assert tick_labels(panels[1]) == ["-3", "+1", "+4"]  # centred at the TSS, no zero
    assert "some box" in panels[1].get_title()


def test_peaks_outside_the_region_are_counted() -> None:
    table = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2],
            "head_1based": [1, 2, 1],
            "peak_offset": [-12, -300, 4],
            "peak_label": [-12, -300, 5],
        }
    )
    figure = head_figures.peaks_and_elements(
        table, promoter_elements.PAPER_ELEMENTS, table.iloc[:1]
    )
    axes = figure.axes[1]
    assert sorted(line.get_xdata()[0] for line in axes.lines) == [-12, 4]
    assert "1 of 3 heads" in axes.get_xlabel()


def test_correlation_by_layer_shows_both_ends() -> None:
    extremes = pd.DataFrame({"layer_1based": [1, 2], "maximum": [0.3, 0.5], "minimum": [-0.1, 0]})
    axes = head_figures.correlation_by_layer(extremes, 0.02).axes[0]
    assert [0.3, 0.5] in [list(line.get_ydata()) for line in axes.lines]
