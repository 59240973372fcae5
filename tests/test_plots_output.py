"""Figures of the output: what is drawn is what the frames say, at the right place."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn import profiles
from genoattn.plots import profiles as figures


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def labels(axes: plt.Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def around(*names: str) -> pd.DataFrame:
    track = np.full((2, 500), 0.01, np.float32)
    track[0, 250] = 0.5
    track[1, 240] = 0.2
    sites = pd.DataFrame({"position": [250], "strand": ["+"]})
    return profiles.median_profiles(track, dict.fromkeys(names, sites), flank=50, level=0.9)


def test_site_profiles_show_both_strands_and_the_number_of_sites() -> None:
    axes = figures.site_profiles(around("TSSs"), 0.01, reach=10).axes[0]
    assert axes.get_title() == "TSSs, n = 1"
    curves = {str(line.get_label()): line for line in axes.lines}
    x, y = curves["sense"].get_data()
    assert (min(x), max(x)) == (-10, 10) and np.asarray(x)[np.argmax(y)] == 0
    assert curves["antisense"].get_linestyle() != curves["sense"].get_linestyle()
    five = figures.site_profiles(around(*"abcde"), 0.01)
    assert [axes.get_title() for axes in five.axes if axes.get_visible()] == [
        f"{name}\nn = 1" for name in "abcde"
    ]


def test_region_medians_stand_beside_the_papers() -> None:
    regions = pd.DataFrame(
        {
            "region": ["whole", "gap"],
            "strand": ["both", "antisense"],
            "ratio": [1.0, 2.0],
            "ratio_low": [0.9, 1.5],
            "ratio_high": [1.1, 2.5],
            "paper_ratio": [1.0, np.nan],
            "percentile": [50.0, 70.0],
            "percentile_low": [49.0, np.nan],
            "percentile_high": [51.0, np.nan],
        }
    )
    left, right = figures.region_medians(regions).axes
    assert labels(left) == ["whole", "gap, antisense"]
    assert [1.0, 2.0] in [list(line.get_xdata()) for line in left.lines]
    assert [50.0, 70.0] in [list(line.get_xdata()) for line in right.lines]
    assert left.get_legend() is not None
    left = figures.region_medians(regions.assign(paper_ratio=np.nan)).axes[0]
    assert left.get_legend() is None


def test_along_genes_is_a_curve_for_each_strand() -> None:
    rows = [
        {"region": f"in genes, part {i}", "strand": strand, "ratio": i, "ratio_low": i,
         "ratio_high": i}
        for i in (1, 2)
        for strand in ("sense", "antisense")
    ]  # fmt: skip
    axes = figures.along_genes(pd.DataFrame(rows), 2).axes[0]
    curves = [line for line in axes.lines if line.get_marker() in ("o", "s")]
    assert [list(curve.get_ydata()) for curve in curves] == [[1, 2], [1, 2]]
    places = [np.asarray(curve.get_xdata(), dtype=float) for curve in curves]
    np.testing.assert_allclose(np.mean(places, axis=0), [25, 75])


def test_shifts_are_bars_over_chance() -> None:
    table = pd.DataFrame(
        {"offset": [-1, 0, 1], "share": [0.1, 0.5, 0.2], "ci_low": [0.05, 0.4, 0.1],
         "ci_high": [0.2, 0.6, 0.3], "chance": [0.01] * 3}
    )  # fmt: skip
    axes = figures.shifts(table).axes[0]
    assert [bar.get_height() for bar in axes.patches[:3]] == pytest.approx([10, 50, 20])
    assert [1.0, 1.0, 1.0] in [pytest.approx(list(line.get_ydata())) for line in axes.lines]


def test_antisense_draws_the_other_strand_alone() -> None:
    left, right = figures.antisense(around("a", "b"), around("c"), 0.01, reach=20).axes
    curves = [line for line in left.lines if "n = 1" in str(line.get_label())]
    assert [curve.get_label() for curve in curves] == ["a, n = 1", "b, n = 1"]
    x, y = (np.asarray(one) for one in curves[0].get_data())
    assert x[np.argmax(y)] == -10 and y.max() == pytest.approx(0.2)
    assert any(line.get_label() == "c, n = 1" for line in right.lines)


def ratios(column: str, names: list[str]) -> pd.DataFrame:
    rows = [(n, s, r, r / 2, r * 2) for r, n in enumerate(names, 1) for s in ("sense", "antisense")]
    return pd.DataFrame(rows, columns=[column, "strand", "ratio", "ci_low", "ci_high"])


def test_changes_and_their_floor() -> None:
    table = ratios("edit", ["all", "box"])
    axes = figures.changes(table, {"sense": 0.1, "antisense": 0.3}).axes[0]
    assert labels(axes) == ["all", "box"]
    drawn = [list(line.get_xdata()) for line in axes.lines]
    assert drawn.count([1, 2]) == 2 and [0.1, 0.1] in drawn and [0.3, 0.3] in drawn


def test_pseudogenes_beside_their_controls() -> None:
    genes = pd.DataFrame({"pseudo": [True, False], "at": [0.6, 0.4], "sense": [0.2, 0.1]})
    left, right = figures.pseudogenes(genes, ratios("matched_on", ["none", "AT"]), 0.1).axes
    assert [one.get_offsets().tolist() for one in left.collections] == [[[40, 1]], [[60, 2]]]
    assert labels(right) == ["none", "AT"]


def test_support_writes_the_factor_where_there_is_one() -> None:
    table = pd.DataFrame(
        {"evidence": ["a", "b"], "share": [0.4, 0.0], "share_low": [0.3, 0.0],
         "share_high": [0.5, 0.1], "chance": [0.1, 0.0], "ratio": [4.0, np.nan],
         "ci_low": [3.0, np.nan], "ci_high": [5.0, np.nan]}
    )  # fmt: skip
    axes = figures.support(table).axes[0]
    assert labels(axes) == ["a", "b"]
    assert [text.get_text().strip() for text in axes.texts] == ["×4.0 (3.0 to 5.0)"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([40, 0, 10, 0])
