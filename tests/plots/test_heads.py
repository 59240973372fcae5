"""Figures of heads: what is drawn is what the frames say, at the right place."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.genome import motifs
from genoattn.heads import preferred, profiles
from genoattn.heads.elements import PAPER_ELEMENTS
from genoattn.heads.pairs import JointMotif
from genoattn.plots import heads as draw

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
    return profiles.profile_frame(DOWNSTREAM, mean=mean, highest=mean / 2, spearman=rho)


def best() -> preferred.BestSequences:
    counts = np.tile(50 * np.eye(4, dtype=int)[[3, 0, 3, 0, 0, 3, 2]], (2, 3, 1, 1))
    offset = np.array([[-12, 0, 15], [-1, -100, -40]])
    return preferred.BestSequences(counts, np.ones((2, 3), int), offset, np.ones((2, 3)))


def tick_labels(axes: plt.Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_attention_map_is_scaled_by_head(frame: pd.DataFrame) -> None:
    drawn = draw.attention_map(frame, "mean")
    axes = drawn.figure.axes[0]
    image = np.asarray(axes.images[0].get_array())
    assert image.shape == (6, WINDOW) and (image.max(axis=1) == 1).all()
    left = axes.images[0].get_extent()[0]
    assert left + 0.5 + image[1].argmax() == -12  # ascending offsets, one column a nucleotide
    assert "+1" in tick_labels(axes) and "+0" not in tick_labels(axes)
    assert "nt" in axes.get_xlabel()
    assert "1 of 6 heads" in drawn.alt and "-139 to +21" in drawn.alt  # the flat ones: at -139


def test_correlation_map_is_centred_at_zero(frame: pd.DataFrame) -> None:
    drawn = draw.correlation_map(frame)
    image = drawn.figure.axes[0].images[0]
    assert "+0.60 (L2 H3 at -139) and -0.20 (L1 H1 at +21)" in drawn.alt
    assert image.get_clim() == (pytest.approx(-0.6), pytest.approx(0.6))


def test_promoter_profiles_draw_every_head_and_column(frame: pd.DataFrame) -> None:
    drawn = draw.promoter_profiles(frame, ["mean", "highest"], (-30, 10))
    panels = drawn.figure.axes
    assert len(panels) == 6
    lines = [line for line in panels[1].lines if len(line.get_xdata()) > 2]
    assert len(lines) == 2 and lines[0].get_linestyle() != lines[1].get_linestyle()
    x, y = lines[0].get_data()
    assert (min(x), max(x)) == (-30, 9)  # labels -30 .. +10, the TSS being +1
    assert np.asarray(x)[np.argmax(y)] == -12
    assert "1 at -12 in L1 H2 (random nucleotides)" in drawn.caption
    assert len(drawn.figure.legends) == 1
    assert not draw.promoter_profiles(frame, ["mean"], (-30, 10)).figure.legends


def test_figures_for_slides_say_the_same_and_are_twice_as_broad_as_high(frame) -> None:
    for page, slide in (
        (draw.attention_map(frame, "mean"), draw.attention_map(frame, "mean", slide=True)),
        (
            draw.promoter_profiles(frame, ["mean"], (-30, 10)),
            draw.promoter_profiles(frame, ["mean"], (-30, 10), slide=True),
        ),
    ):
        assert slide.caption == page.caption and slide.alt == page.alt
        width, height = slide.figure.get_size_inches()
        assert 1.9 < width / height < 2.2


def test_logos_stand_at_their_place() -> None:
    roles = pd.DataFrame(
        {"layer_1based": [1], "head_1based": [2], "role": ["some box (or another)"]}
    )
    drawn = draw.logo_grid(best(), motifs.UNIFORM, roles)
    panels = drawn.figure.axes
    assert tick_labels(panels[0]) == ["-15", "-12", "-9"]
    assert tick_labels(panels[1]) == ["-3", "+1", "+4"]  # centred at the TSS, no zero
    assert panels[1].get_title() == "L1 H2: 1\nsome box\n(or another)"
    assert "1 of 6" in drawn.alt and "role" not in draw.logo_grid(best()).caption


def test_candidates_are_the_heads_that_look_at_the_region_and_their_roles_are_not_told() -> None:
    drawn = draw.candidates(best(), (-14, -1))
    shown = [axes.get_title() for axes in drawn.figure.axes]
    assert shown == ["L1 H1", "L2 H1"]
    assert tick_labels(drawn.figure.axes[0]) == ["-15", "-12", "-9"]
    assert "the 2 heads, of 6, whose highest mean attention lies between -14 and -1" in drawn.alt
    with pytest.raises(ValueError, match=r"no head looks at \+30 to \+40"):
        draw.candidates(best(), (30, 40))


def test_peaks_outside_the_region_are_counted() -> None:
    table = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2],
            "head_1based": [1, 2, 1],
            "peak_offset": [-12, -300, 4],
            "peak_label": [-12, -300, 5],
        }
    )
    drawn = draw.peaks_and_elements(table, PAPER_ELEMENTS, table.iloc[:1])
    axes = drawn.figure.axes[1]
    assert sorted(line.get_xdata()[0] for line in axes.lines) == [-12, 4]
    assert "1 of 3 heads" in axes.get_xlabel()
    assert "Filled: 1 of 3 heads" in drawn.caption


def test_correlation_by_layer_shows_both_ends() -> None:
    extremes = pd.DataFrame({"layer_1based": [1, 2], "maximum": [0.3, 0.5], "minimum": [-0.1, 0]})
    drawn = draw.correlation_by_layer(extremes, 0.02)
    axes = drawn.figure.axes[0]
    assert "0.30, 0.50" in drawn.alt and "±0.02" in drawn.caption
    assert [0.3, 0.5] in [list(line.get_ydata()) for line in axes.lines]


def test_correlations_are_drawn_in_their_clusters_order() -> None:
    matrix = np.arange(16.0).reshape(4, 4) / 16
    order = np.array([2, 0, 3, 1])
    drawn = draw.clustered_correlations({"one": matrix}, [order], n_heads=2)
    axes = drawn.figure.axes[0]
    assert "of 6: one, 1." in drawn.alt  # 11 / 16
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix[np.ix_(order, order)])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["L2 H1", "L1 H1", "L2 H2", "L1 H2"]


def test_a_joint_logo_has_no_zero() -> None:
    motif = JointMotif(np.ones((30, 4), int), -20, (3.0, 3.0), (1.0, 1.0), 9)
    row = {
        "layer_a_1based": [1],
        "head_a_1based": [2],
        "offset_a": [-17],
        "layer_b_1based": [2],
        "head_b_1based": [1],
        "offset_b": [6],
        "correlation": [0.5],
        "chance": [0.25],
    }
    drawn = draw.joint_logos(pd.DataFrame(row), [motif], 7, motifs.UNIFORM)
    assert drawn is not None
    axes = drawn.figure.axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["-20", "-15", "-10", "-5", "+1", "+5", "+10"]
    title = "L1 H2 at -17 and L2 H1 at +7: r = 0.50 (chance 0.25), spaced motif"
    assert axes.get_title(loc="left") == title and title in drawn.alt
    assert draw.joint_logos(pd.DataFrame(row)[:0], [], 7, motifs.UNIFORM) is None


def test_spacer_bars_show_the_share_and_what_is_expected() -> None:
    frame = pd.DataFrame(
        {"spacer": [16, 17], "n": [1, 3], "share": [0.25, 0.75], "expected": [0.5, 0.5]}
    )
    drawn = draw.spacer_bars(frame, {"planted": frame}, 17)
    assert drawn is not None and "17 nt at 75% of predicted start sites, expected 50%" in drawn.alt
    assert draw.spacer_bars(None, {}, 17) is None
    axes = drawn.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.75]
    lines = {str(line.get_label()): line for line in axes.lines}
    x, y = (np.asarray(data) for data in lines["planted"].get_data())
    assert y[x == 17] == 0.75 and y[x == 20] == 0
    assert lines["two heads, independently"].get_ydata()[0] == 0.5


def test_calibration_has_its_diagonal_and_both_curves() -> None:
    frame = pd.DataFrame({"threshold": [0.1, 0.01], "heads": [0.3, 0.2], "shuffled": [0.1, 0.0]})
    drawn = draw.match_calibration(frame)
    assert "0.00% of the comparisons of shuffled motifs and 20.00% of" in drawn.alt
    axes = drawn.figure.axes[0]
    lines = {str(line.get_label()): list(line.get_ydata()) for line in axes.lines}
    assert lines["heads' motifs"] == [0.3, 0.2] and lines["columns shuffled"] == [0.1]


def test_odds_without_limits_are_drawn_too() -> None:
    frame = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2],
            "head_1based": [1, 2, 1],
            "odds_ratio": [0.0, 5.0, np.inf],
            "low": [0.0, 2.0, 3.0],
            "high": [2.0, 9.0, np.inf],
            "q_value": [1.0, 0.01, 0.01],
        }
    )
    odds = draw.site_odds(frame)
    assert odds is not None and "2 of 3 heads" in odds.caption
    assert draw.site_odds(None) is None
    axes = odds.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["L1 H1", "L1 H2", "L2 H1"]
    drawn = {str(line.get_label()): line for line in axes.lines}
    assert list(drawn["q ≤ 0.05"].get_ydata()) == [1, 2]
    assert list(drawn["q > 0.05"].get_ydata()) == [0]
    odds.figure.canvas.draw()


def test_examples_show_the_head_that_is_nearest_and_nothing_where_there_is_none() -> None:
    mean = np.full((1, 2, 140), 0.001)
    mean[0, 1, 32] = 0.9
    frame = profiles.profile_frame(20, mean=mean, census_mean=mean * 0.9)
    one_head = preferred.BestSequences(
        np.tile(50 * np.eye(4, dtype=int)[[3, 0, 3, 0, 0, 3, 2]], (1, 2, 1, 1)),
        np.ones((1, 2), int),
        np.array([[-60, -12]]),
        np.ones((1, 2)),
    )
    elements = PAPER_ELEMENTS[:2]
    found = pd.DataFrame(
        {"best_head": ["L1 H2", ""], "verdict": ["stands for it", "none"], "n_heads": [1, 0]},
        index=[one.name for one in elements],
    )
    drawn = draw.examples(found, frame, one_head, elements)
    assert "1 of 2 elements" in drawn.caption and "-35 box: none" in drawn.alt
    panels = drawn.figure.axes
    assert panels[0].get_title(loc="left") == "-10 box: stands for it"
    assert panels[1].get_title() == "L1 H2"
    assert panels[1].get_xticklabels()[1].get_text() == "-12"
    assert not panels[3].axison

    drawn = draw.sample_and_census(frame)
    assert "11% of the head's highest mean" in drawn.alt
    panels = drawn.figure.axes
    images = [np.asarray(axes.images[0].get_array()) for axes in panels[:3]]
    assert images[1].max() == pytest.approx(1) and images[0].max() == pytest.approx(1 / 0.9)
    np.testing.assert_allclose(images[2], images[0] - images[1])
