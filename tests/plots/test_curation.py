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

from genoattn import paper
from genoattn.data import agreement
from genoattn.data.agreement import groups
from genoattn.data.curation import SOURCES, Merging
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
    return agreement.regions(sites)


NOTHING = pd.DataFrame({"position": [], "strand": [], "source": []}).astype({"position": int})


def texts(axes):
    return [text.get_text() for text in axes.texts]


# ---- the Venn diagram ----------------------------------------------------------------------


def numbered(names):
    """Regions of any sources, the n-th with 1,000 n TSSs."""
    members = ["+".join(group) for group in groups(names)]
    return pd.DataFrame({"members": members, "n": 1000 * (1 + np.arange(len(members)))})


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_number_of_the_venn_diagram_lies_in_its_region(n):
    places = draw.venn_places(n)
    assert len(places) == 2**n - 1
    for members, (x, y) in places.items():
        inside = [draw._inside(np.array(x), np.array(y), shape) for shape in draw._SHAPES[n]]
        assert tuple(np.flatnonzero(inside)) == members


def test_venn_shows_all_counts_and_totals(regions):
    (axes,) = draw.venn(regions).figure.axes
    shown = texts(axes)
    for n in regions["n"]:
        assert f"{n:,}" in shown
    for source in SOURCES:
        total = sum(row.n for row in regions.itertuples() if source in row.members.split("+"))
        assert f"{style.label(source)}\n{total:,}" in shown


@pytest.mark.parametrize("names", ["ab", "abc", "abcd"])
def test_venn_shapes_are_where_the_regions_were_computed(names):
    """The drawn patches and the arithmetic of `venn_places` mean the same ellipses."""
    (axes,) = draw.venn(numbered(names)).figure.axes
    rng = np.random.default_rng(1)
    assert len(axes.patches) == 2 * len(names)
    for patch, shape in zip(axes.patches[::2], draw._SHAPES[len(names)], strict=True):
        for x, y in rng.random((200, 2)):
            drawn = patch.contains_point(axes.transData.transform((x, y)), radius=0)
            assert drawn == draw._inside(np.array(x), np.array(y), shape), (x, y)


@pytest.mark.parametrize("names", ["ab", "abc", "abcd"])
def test_venn_numbers_do_not_overlap(names):
    large = numbered(names).assign(n=1234)
    figure = draw.venn(large).figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for a, b in combinations(boxes, 2):
        assert not a.overlaps(b)


def test_there_is_no_venn_diagram_of_one_set_or_of_five():
    assert draw.venn(numbered("a")) is None
    assert draw.venn(numbered("abcde")) is None


# ---- the other figures ---------------------------------------------------------------------


def test_upset_has_a_bar_for_each_filled_region(regions):
    figure = draw.upset(regions).figure
    filled = sorted(regions.loc[regions["n"] > 0, "n"], reverse=True)
    labels = [axes for axes in figure.axes if axes.get_ylabel() == "TSSs"]
    assert texts(labels[0]) == [f"{n:,}" for n in filled]


def test_upset_needs_two_sources_and_a_tss():
    one = numbered("ab").assign(n=[3, 0, 0])
    axes = [axes for axes in draw.upset(one).figure.axes if axes.get_ylabel() == "TSSs"]
    assert texts(axes[0]) == ["3"]
    assert draw.upset(numbered("a")) is None
    assert draw.upset(numbered("ab").assign(n=0)) is None


def test_upset_of_many_sources_shows_the_twenty_largest_regions_even_of_equals():
    drawn = draw.upset(
        numbered(("regulondb", "RegulonDB", "$x$", "a|b", "дРНК", "TEX+")).assign(n=7)
    )
    (axes,) = [axes for axes in drawn.figure.axes if axes.get_ylabel() == "TSSs"]
    assert texts(axes) == ["7"] * 20
    assert "43 smaller regions are left out" in drawn.caption
    (totals,) = [one for one in drawn.figure.axes if one.get_xlabel() == "TSSs of the source"]
    assert texts(totals) == ["224"] * 6  # of all regions, not of those shown


def test_shifts_have_a_panel_for_each_centre(sites):
    distribution = agreement.shift_distribution(sites)
    figure = draw.shifts(distribution).figure
    assert [axes.get_title() for axes in figure.axes] == [
        f"centred on {style.label(source)}" for source in SOURCES
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
    pairs = agreement.pair_shares(sites)
    shown = texts(draw.exact_shares(pairs).figure.axes[0])
    assert len(shown) == 12
    first = pairs.iloc[0]
    printed = paper.EXACT_PERCENT["regulondb", "cappable"]
    assert shown[0] == f"{first['exact_percent']:.1f}%\npaper {printed}"
    assert not any("paper" in s for s in texts(draw.exact_shares(pairs, False).figure.axes[0]))


def test_interpretations_show_all_counts_and_frame_the_one_in_use(sites):
    table = agreement.interpretations(sites)
    for beside_paper in (True, False):
        drawn = draw.interpretations(table, Merging(rule="star"), beside_paper)
        axes = drawn.figure.axes[0]
        rows = [label.get_text() for label in axes.get_yticklabels()]
        assert len(texts(axes)) == 9 * len(rows)
        assert (rows[0] == "paper") == beside_paper
        frame = next(patch for patch in axes.patches if not patch.get_fill())
        assert rows[round(frame.get_y() + 0.5)] == "star, kept"
    assert "6,580" not in texts(axes)
    assert f"{table['curated'][0]:,}" in texts(axes)


def test_window_sensitivity_marks_the_paper_only_when_asked(sites):
    table = agreement.window_sensitivity(sites, windows=(1, 3, 5))
    crosses = [
        [line for line in drawn.figure.axes[0].lines if line.get_marker() == "x"]
        for drawn in (
            draw.window_sensitivity(table, Merging()),
            draw.window_sensitivity(table, Merging(), beside_paper=False),
        )
    ]
    assert [len(found) for found in crosses] == [5, 0]
    assert crosses[0][0].get_ydata()[0] == paper.CURATED["n"]


def test_names_of_curves_that_end_together_are_moved_apart():
    assert draw._spread([5.0, 1.0, 1.1], 1.0) == [5.0, 1.0, 2.0]
    assert draw._spread([2.0, 2.0, 2.0], 0.5) == [2.0, 2.5, 3.0]


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
    assert len(draw.offset_audit(audit_frame(0.5)).figure.axes) == 6
    figure = draw.offset_audit(audit_frame(np.nan)).figure
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
    precision, recall = draw.recovery(table).figure.axes
    assert np.allclose(precision.lines[1].get_ydata(), [30, 40])
    assert np.allclose(recall.lines[0].get_ydata(), [50, 60])
    assert draw.recovery(None) is None


@pytest.mark.parametrize("n", [1, 3, 8])
def test_one_to_eight_sources_of_any_name_are_drawn(sites, n):
    """Without a warning; a single source has no partners to draw."""
    names = ("my_assay", "$x$", "regulondb", "a|b", "дРНК", "TEX+", "an assay of a long name", "b")
    part = sites.assign(source=np.resize(names[:n], len(sites)))
    part = part.drop_duplicates(["position", "source"], ignore_index=True)
    how = Merging(names[:n], names[0])
    drawn = {
        "venn": draw.venn(agreement.regions(part, how)),
        "upset": draw.upset(agreement.regions(part, how)),
        "exact": draw.exact_shares(agreement.pair_shares(part, how), beside_paper=False),
        "shifts": draw.shifts(agreement.shift_distribution(part, how)),
        "counts": draw.interpretations(agreement.interpretations(part, how), how, False),
        "windows": draw.window_sensitivity(agreement.window_sensitivity(part, how), how, False),
    }
    there = {name for name, one in drawn.items() if one is not None}
    assert there == (set(drawn) - ({"venn"} if n > 4 else set()) if n > 1 else set())
    for one in (drawn[name] for name in there):
        assert one.caption and one.alt and "nan" not in one.alt
        one.figure.canvas.draw()
        sizes = [text.get_fontsize() for text in one.figure.findobj(plt.Text) if text.get_text()]
        assert min(sizes) >= 7


def test_without_sites_or_neighbours_there_is_no_figure_of_pairs():
    apart = Merging(("a", "b"), "a")
    far = pd.DataFrame({"position": [5, 50], "strand": "+", "source": ["a", "b"]})
    for some in (NOTHING, far):
        assert draw.exact_shares(agreement.pair_shares(some, apart), beside_paper=False) is None
        assert draw.shifts(agreement.shift_distribution(some, apart)) is None
        assert draw.venn(agreement.regions(some, apart)) is not None
        assert (
            draw.interpretations(agreement.interpretations(some, apart), apart, False) is not None
        )
        table = agreement.window_sensitivity(some, apart)
        assert draw.window_sensitivity(table, apart, beside_paper=False) is not None


# ---- the style -----------------------------------------------------------------------------

NAMES = tuple("abcdefgh")
MACHADO = {  # how colours look to most and to the two commonest colour-blind (Machado et al. 2009)
    "normal": np.eye(3),
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}


def linear(colour):
    return np.array(
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    )


def lab(light):
    """CIELAB of linear RGB, under D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = xyz @ np.clip(light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def look(name, names=()):
    return {**style.source(name, names), **style.fill(name, names)}


def test_sources_differ_in_grey_and_in_shape():
    colours = [style.source(source)["color"] for source in (*SOURCES, "curated")]
    levels = sorted(lab(linear(colour))[0] for colour in colours)
    assert min(np.diff(levels)) > 8
    for part in ("marker", "hatch", "color", "linestyle"):
        assert len({str(look(source)[part]) for source in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize("known", [(), ("regulondb",), ("cappable", "sendseq", "smrt"), SOURCES])
def test_eight_names_look_different_in_each_respect(known):
    names = (*known, *NAMES[len(known) :])
    for part in ("marker", "hatch", "color", "linestyle"):
        found = {str(look(name, names)[part]) for name in names}
        if part == "color" or not known:
            assert len(found) == 8, part
    for source in known:
        assert look(source, names) == look(source), "known sources look as they do everywhere"
    assert look("d", names) == look("d", sorted(names, reverse=True)), "order does not matter"


@pytest.mark.parametrize("eyes", MACHADO)
def test_colour_blind_readers_tell_eight_names_apart(eyes):
    colours = [style.source(name, NAMES)["color"] for name in (*NAMES, "curated")]
    seen = [lab(np.array(MACHADO[eyes]) @ linear(colour)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 12


def test_names_are_written_dark_enough_to_be_read():
    for name in (*NAMES, *SOURCES, "drnaseq"):
        luminance = np.array([0.2126, 0.7152, 0.0722]) @ linear(style.ink(name, NAMES))
        assert 1.05 / (luminance + 0.05) >= 4.5


def test_a_label_is_plain_text_of_bounded_length():
    assert style.label("cage") == "cage"
    assert style.label("smrt") == "SMRT-Cappable-seq"
    assert style.label("$x_{1}$") == r"\$x_{1}\$"
    assert style.label("abcdefgh", 5) == "abcd…"


def test_lines_repeat_after_six_and_can_be_changed_freely():
    looks = [str(sorted(style.line(k).items(), key=str)) for k in range(6)]
    assert len(set(looks)) == 6
    assert style.line(6) == style.line(0)
    style.line(0)["color"] = "red"
    assert style.line(0)["color"] != "red"
