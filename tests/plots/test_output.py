"""Figures of the output: what is drawn is what the frames say, at the right place."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.output.around import median_profiles
from genoattn.plots import output as draw


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
    return median_profiles(track, dict.fromkeys(names, sites), flank=50, level=0.9)


def test_site_profiles_show_both_strands_and_the_number_of_sites() -> None:
    drawn = draw.site_profiles(around("TSSs"), 0.01, reach=10)
    axes = drawn.figure.axes[0]
    assert axes.get_title() == "TSSs, n = 1"
    curves = {str(line.get_label()): line for line in axes.lines}
    x, y = curves["sense"].get_data()
    assert (min(x), max(x)) == (-10, 10) and np.asarray(x)[np.argmax(y)] == 0
    assert curves["antisense"].get_linestyle() != curves["sense"].get_linestyle()
    assert "sense highest at +1 (50 times the part), antisense at -10 (20 times" in drawn.alt
    assert "10 nt to each side" in drawn.alt  # close up and whole stand on one page
    assert draw.site_profiles(around("TSSs"), 0.01).alt != drawn.alt
    five = draw.site_profiles(around(*"abcde"), 0.01).figure
    assert [axes.get_title() for axes in five.axes if axes.get_visible()] == [
        f"{name}\nn = 1" for name in "abcde"
    ]


def test_positions_have_no_zero_and_the_site_is_one() -> None:
    axes = draw.site_profiles(around("TSSs"), 0.01, reach=10).figure.axes[0]
    place = dict(
        zip([one.get_text() for one in axes.get_xticklabels()], axes.get_xticks(), strict=True)
    )
    assert place["+1"] == 0 and place["-5"] == -5 and place["+5"] == 4
    assert "0" not in place and "+0" not in place


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
    drawn = draw.region_medians(regions)
    left, right = drawn.figure.axes
    assert labels(left) == ["whole", "gap, antisense"]
    assert [1.0, 2.0] in [list(line.get_xdata()) for line in left.lines]
    assert [50.0, 70.0] in [list(line.get_xdata()) for line in right.lines]
    assert drawn.figure.legends and "diamonds" in drawn.caption
    assert "gap, antisense 2.00 times (percentile 70)" in drawn.alt
    alone = draw.region_medians(regions.assign(paper_ratio=np.nan))
    assert not alone.figure.legends and "paper" not in alone.caption


def test_along_genes_is_a_curve_for_each_strand() -> None:
    rows = [
        {"region": f"in genes, part {i}", "strand": strand, "ratio": i, "ratio_low": i,
         "ratio_high": i}
        for i in (1, 2)
        for strand in ("sense", "antisense")
    ]  # fmt: skip
    drawn = draw.along_genes(pd.DataFrame(rows), 2)
    axes = drawn.figure.axes[0]
    curves = [line for line in axes.lines if line.get_marker() in ("o", "s")]
    assert [list(curve.get_ydata()) for curve in curves] == [[1, 2], [1, 2]]
    places = [np.asarray(curve.get_xdata(), dtype=float) for curve in curves]
    np.testing.assert_allclose(np.mean(places, axis=0), [25, 75])
    assert "from 1.00 to 2.00 times (sense)" in drawn.caption
    assert draw.along_genes(pd.DataFrame(rows).iloc[:0], 2) is None


def test_shifts_are_bars_over_chance() -> None:
    table = pd.DataFrame(
        {"offset": [-1, 0, 1], "share": [0.1, 0.5, 0.2], "ci_low": [0.05, 0.4, 0.1],
         "ci_high": [0.2, 0.6, 0.3], "chance": [0.01] * 3}
    )  # fmt: skip
    drawn = draw.shifts(table)
    axes = drawn.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches[:3]] == pytest.approx([10, 50, 20])
    assert [1.0, 1.0, 1.0] in [pytest.approx(list(line.get_ydata())) for line in axes.lines]
    assert "at 0: here 50% against 1.00%" in drawn.caption and "is at 0 nt" in drawn.alt


def test_antisense_draws_the_other_strand_alone() -> None:
    drawn = draw.antisense(around("a", "b"), around("c"), 0.01, reach=20)
    left, right = drawn.figure.axes
    curves = [line for line in left.lines if "n = 1" in str(line.get_label())]
    assert [curve.get_label() for curve in curves] == ["a, n = 1", "b, n = 1"]
    x, y = (np.asarray(one) for one in curves[0].get_data())
    assert x[np.argmax(y)] == -10 and y.max() == pytest.approx(0.2)
    assert any(line.get_label() == "c, n = 1" for line in right.lines)
    assert "a 20 times at -10; b 20 times at -10; c 20 times at -10" in drawn.alt
    none = draw.antisense(around("a"), around("c").iloc[:0], 0.01, reach=20)
    assert none.figure.axes[1].get_legend() is None


def ratios(column: str, names: list[str]) -> pd.DataFrame:
    rows = [(n, s, r, r / 2, r * 2) for r, n in enumerate(names, 1) for s in ("sense", "antisense")]
    return pd.DataFrame(rows, columns=[column, "strand", "ratio", "ci_low", "ci_high"]).assign(n=9)


def test_changes_and_their_floor() -> None:
    table = ratios("edit", ["all", "box"])
    drawn = draw.changes(table, {"sense": 0.1, "antisense": 0.3})
    axes = drawn.figure.axes[0]
    assert labels(axes) == ["all", "box"]
    lines = [list(line.get_xdata()) for line in axes.lines]
    assert lines.count([1, 2]) == 2 and [0.1, 0.1] in lines and [0.3, 0.3] in lines
    assert "box, antisense, 2 times" in drawn.alt
    assert draw.changes(table.assign(n=0), {"sense": np.nan, "antisense": np.nan}) is None


def test_pseudogenes_beside_their_controls() -> None:
    genes = pd.DataFrame({"pseudo": [True, False], "at": [0.6, 0.4], "sense": [0.2, 0.1]})
    drawn = draw.pseudogenes(genes, ratios("matched_on", ["none", "AT"]), 0.1)
    left, right = drawn.figure.axes
    assert [one.get_offsets().tolist() for one in left.collections] == [[[40, 1]], [[60, 2]]]
    assert labels(right) == ["none", "AT"]
    assert "2 genes, 1 of them pseudogenes" in drawn.alt
    assert draw.pseudogenes(genes, pd.DataFrame(), 0.1) is None


def test_support_writes_the_factor_where_there_is_one() -> None:
    table = pd.DataFrame(
        {"evidence": ["a", "b"], "n": 10, "share": [0.4, 0.0], "share_low": [0.3, 0.0],
         "share_high": [0.5, 0.1], "chance": [0.1, 0.0], "ratio": [4.0, np.nan],
         "ci_low": [3.0, np.nan], "ci_high": [5.0, np.nan]}
    )  # fmt: skip
    drawn = draw.support(table)
    axes = drawn.figure.axes[0]
    assert labels(axes) == ["a", "b"]
    assert [text.get_text().strip() for text in axes.texts] == ["×4.0 (3.0 to 5.0)"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([40, 0, 10, 0])
    assert "a 40.0% (chance 10.0%); b 0.0% (chance 0.0%)" in drawn.alt
    assert draw.support(table.assign(n=0)) is None
