"""Figures of the curation: what they show is what the frames hold, and nothing overlaps."""

from __future__ import annotations

import warnings
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from genoattn import curation, paper
from genoattn.curation import SOURCES
from genoattn.plots import curation as draw
from genoattn.plots import style


@pytest.fixture(autouse=True)
def canvas():
    """Draw without a screen, warnings as errors, and close what was drawn."""
    with mpl.rc_context({"backend": "agg"}), warnings.catch_warnings():
        style.use()
        warnings.simplefilter("error")
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def sites():
    """A few hundred sites of four sources around common places."""
    rng = np.random.default_rng(0)
    places = rng.choice(20_000, 250, replace=False)
    parts = []
    for source, share in zip(SOURCES, (0.5, 0.9, 0.3, 0.6), strict=True):
        kept = places[rng.random(len(places)) < share]
        position = kept + rng.choice([-2, -1, 0, 0, 0, 1], len(kept)) + 10
        parts.append(pd.DataFrame({"position": position, "source": source}))
    frame = pd.concat(parts, ignore_index=True).assign(strand="+")
    return frame.drop_duplicates(["position", "source"], ignore_index=True)


@pytest.fixture(scope="module")
def regions(sites):
    return curation.regions(sites)


NOTHING = pd.DataFrame({"position": [], "strand": [], "source": []}).astype({"position": int})


def texts(axes):
    return [text.get_text() for text in axes.texts]


# ---- the Venn diagram ----------------------------------------------------------------------


def test_every_number_of_the_venn_diagram_lies_in_its_region():
    places = draw.venn_places()
    assert len(places) == 15
    for members, (x, y) in places.items():
        inside = [s for s in SOURCES if draw._inside(np.array(x), np.array(y), s)]
        assert "+".join(inside) == members


def test_venn_shows_all_counts_and_totals(regions):
    (axes,) = draw.venn(regions).axes
    shown = texts(axes)
    for n in regions["n"]:
        assert f"{n:,}" in shown
    for source in SOURCES:
        total = sum(row.n for row in regions.itertuples() if source in row.members.split("+"))
        assert f"{style.name(source)}\n{total:,}" in shown


def test_venn_ellipses_are_where_the_regions_were_computed(regions):
    """The drawn patches and the arithmetic of `venn_places` mean the same ellipses."""
    (axes,) = draw.venn(regions).axes
    rng = np.random.default_rng(1)
    for source in SOURCES:
        for patch in axes.patches:
            if np.allclose(patch.get_center(), draw._ELLIPSES[source][:2]):
                for x, y in rng.random((200, 2)):
                    drawn = patch.contains_point(axes.transData.transform((x, y)), radius=0)
                    if drawn != draw._inside(np.array(x), np.array(y), source):
                        pytest.fail(f"{source}: {x}, {y}")


def test_venn_numbers_do_not_overlap():
    large = pd.DataFrame({"members": list(draw.venn_places()), "n": 1234})
    figure = draw.venn(large)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for a, b in combinations(boxes, 2):
        assert not a.overlaps(b)


# ---- the other figures ---------------------------------------------------------------------


def test_upset_has_a_bar_for_each_filled_region(regions):
    figure = draw.upset(regions)
    filled = sorted(regions.loc[regions["n"] > 0, "n"], reverse=True)
    labels = [axes for axes in figure.axes if axes.get_ylabel() == "TSSs"]
    assert texts(labels[0]) == [f"{n:,}" for n in filled]


def test_upset_of_a_single_source():
    one = pd.DataFrame({"members": ["cappable", "smrt"], "n": [3, 0]})
    axes = [axes for axes in draw.upset(one).axes if axes.get_ylabel() == "TSSs"]
    assert texts(axes[0]) == ["3"]


def test_shifts_have_a_panel_for_each_centre(sites):
    distribution = curation.shift_distribution(sites)
    figure = draw.shifts(distribution)
    assert [axes.get_title() for axes in figure.axes] == [
        f"centred on {style.name(source)}" for source in SOURCES
    ]
    axes = figure.axes[0]
    line = axes.lines[SOURCES.index("sendseq")]
    part = distribution[
        (distribution["centre"] == "regulondb") & (distribution["other"] == "sendseq")
    ]
    drawn = np.nan_to_num(np.asarray(line.get_ydata(), dtype=float))
    assert drawn.tolist() == part["n"].tolist()
    assert axes.get_yscale() == "log"


def test_exact_shares_print_ours_and_the_papers(sites):
    pairs = curation.pair_shares(sites)
    shown = texts(draw.exact_shares(pairs).axes[0])
    assert len(shown) == 12
    first = pairs.iloc[0]
    printed = paper.EXACT_PERCENT["regulondb", "cappable"]
    assert shown[0] == f"{first['exact_percent']:.1f}%\npaper {printed}"
    assert not any("paper" in s for s in texts(draw.exact_shares(pairs, False).axes[0]))


def test_readings_show_all_counts_and_frame_the_one_in_use(sites):
    table = curation.readings(sites)
    for beside_paper in (True, False):
        axes = draw.readings(table, ("star", "kept"), beside_paper).axes[0]
        rows = [label.get_text() for label in axes.get_yticklabels()]
        assert len(texts(axes)) == 9 * len(rows)
        assert (rows[0] == "paper") == beside_paper
        frame = next(patch for patch in axes.patches if not patch.get_fill())
        assert rows[round(frame.get_y() + 0.5)] == "star, kept"
    assert "6,580" not in texts(axes)
    assert f"{table['curated'][0]:,}" in texts(axes)


def test_window_sensitivity_marks_the_paper_only_when_asked(sites):
    table = curation.window_sensitivity(sites, (1, 3, 5))
    crosses = [
        [line for line in figure.axes[0].lines if line.get_marker() == "x"]
        for figure in (
            draw.window_sensitivity(table, 5),
            draw.window_sensitivity(table, 5, beside_paper=False),
        )
    ]
    assert [len(found) for found in crosses] == [5, 0]
    assert crosses[0][0].get_ydata()[0] == paper.CURATED["n"]


def audit_frame(agreement):
    return pd.DataFrame(
        [
            (source, strand, offset, 10, 0.5 + 0.1 * offset, 0.4, agreement)
            for source in ("sendseq", "smrt")
            for strand in "+-"
            for offset in range(-3, 4)
        ],
        columns=["source", "strand", "offset", "n", "purine", "minus10", "agreement"],
    )


def test_offset_audit_leaves_out_a_measure_that_there_is_not():
    assert len(draw.offset_audit(audit_frame(0.5)).axes) == 6
    figure = draw.offset_audit(audit_frame(np.nan))
    assert len(figure.axes) == 4
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), np.arange(20, 81, 10))


def test_recovery_draws_percentages():
    table = pd.DataFrame(
        {
            "source": ["smrt", "smrt", "curated", "curated"],
            "tolerance": [0, 2, 0, 2],
            "precision": [0.1, 0.2, 0.3, 0.4],
            "recall": [0.5, 0.6, 0.7, 0.8],
        }
    )
    precision, recall = draw.recovery(table).axes
    assert np.allclose(precision.lines[1].get_ydata(), [30, 40])
    assert np.allclose(recall.lines[0].get_ydata(), [50, 60])


def test_table_one_is_laid_out_with_and_without_the_paper(sites):
    table = curation.table_one(sites)
    text = draw.table_one(table)
    assert "4,631 (28.3%)" in text and "| 16,348 |" in text
    assert text.strip().splitlines()[1] == "| :-- | --: | --: | --: | --: | --: |"
    assert "SMRT-Cappable-seq" in text
    assert "4,631" not in draw.table_one(table, beside_paper=False)


def test_a_bar_in_a_cell_does_not_end_it():
    frame = pd.DataFrame({"measure": ["|rho|"], "a|b": [3]})
    assert style.table(frame).split("\n") == [
        "", r"| measure | a\|b |", "| :-- | --: |", r"| \|rho\| | 3 |", ""
    ]  # fmt: skip


def test_figures_of_no_sites_at_all():
    venn = curation.regions(NOTHING)
    draw.venn(venn)
    draw.exact_shares(curation.pair_shares(NOTHING))
    draw.readings(curation.readings(NOTHING), ("agreed", "kept"), beside_paper=False)
    draw.window_sensitivity(curation.window_sensitivity(NOTHING), 5, beside_paper=False)
    assert "nan" not in draw.table_one(curation.table_one(NOTHING))


# ---- the style -----------------------------------------------------------------------------


def lightness(colour):
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                        for c in to_rgb(colour))  # fmt: skip
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_sources_differ_in_grey_and_in_shape():
    levels = sorted(lightness(style.COLOURS[source]) for source in (*SOURCES, "curated"))
    assert min(np.diff(levels)) > 8
    for look in (style.MARKERS, style.HATCHES, style.COLOURS):
        assert len({look[source] for source in SOURCES}) == len(SOURCES)
    dashes = {str(style.source(source)["linestyle"]) for source in SOURCES}
    assert len(dashes) == len(SOURCES)


def test_lines_repeat_after_six_and_can_be_changed_freely():
    looks = [str(sorted(style.line(k).items(), key=str)) for k in range(6)]
    assert len(set(looks)) == 6
    assert style.line(6) == style.line(0)
    style.line(0)["color"] = "red"
    assert style.line(0)["color"] != "red"


def test_an_unknown_source_keeps_its_name():
    assert style.name("cage") == "cage"
    assert style.name("smrt") == "SMRT-Cappable-seq"
