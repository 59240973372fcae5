"""Figures of training say what their frames say."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from genoattn.plots import training as draw

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    mpl.pyplot.close("all")


def test_learning_curve_marks_the_kept_round():
    history = pd.DataFrame(
        {
            "stage": [1, 2, 2],
            "passes": [1.0, 2.0, 3.0],
            "train_loss": [0.03, 0.02, 0.01],
            "validation_loss": [0.01, 0.015, 0.02],  # the first stage's weights are not kept
            "learning_rate": [0.1, 0.2, 0.0],
        }
    )
    drawn = draw.learning_curve(history)
    axes = drawn.figure.axes[0]
    assert "after 2.0 passes" in drawn.caption and "stages" in drawn.caption
    assert "15.00 thousandths" in drawn.alt
    assert "stages" not in draw.learning_curve(history.assign(stage=1)).caption
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["validation"].get_ydata(), [10, 15, 20])
    kept = [line for line in axes.lines if list(line.get_xdata()) == [2.0, 2.0]]
    assert len(kept) == 1
    ends = [line for line in axes.lines if list(line.get_xdata()) == [1.0, 1.0]]
    assert [line.get_linestyle() for line in ends] == [":"]
    assert "nats" in axes.get_ylabel()


def pairs(paper):
    return pd.DataFrame(
        [
            {
                "train_set": train_set, "test_set": test_set, "metric": metric, "value": 0.6,
                "ci_low": 0.55, "ci_high": 0.7, "paper_value": paper[test_set],
            }
            for train_set in ("curated", "smrt")
            for test_set in ("curated", "smrt", "sendseq")
            for metric in ("roc_auc", "pr_auc")
        ]
    )  # fmt: skip


def test_performance_marks_where_the_paper_is_outside_the_interval():
    drawn = draw.performance(pairs({"curated": 0.9, "smrt": np.nan, "sendseq": 0.65}))
    figure = drawn.figure
    assert "4 of 8 do." in drawn.caption  # both scores of two training sets
    roc = figure.axes[0]
    lines = {line.get_label(): line for line in roc.lines}
    assert list(lines["paper, outside the interval"].get_xdata()) == [0.9, 0.9]
    assert list(lines["paper, inside the interval"].get_xdata()) == [0.65, 0.65]
    heights = lines["ours, mean of seeds"].get_ydata()
    assert len(heights) == 6
    assert list(lines["paper, outside the interval"].get_ydata()) == [heights[0], heights[3]]
    (whiskers,) = roc.collections
    assert {tuple(segment[:, 0]) for segment in whiskers.get_segments()} == {(0.55, 0.7)}
    assert [label.get_text() for label in roc.get_yticklabels()][:2] == [
        "curated set",
        "SMRT-Cappable-seq",
    ]
    texts = {text.get_text() for text in figure.axes[1].texts}
    assert texts == {"trained on\ncurated set", "trained on\nSMRT-Cappable-seq"}


def test_performance_of_one_model_without_a_paper():
    table = pairs(dict.fromkeys(("curated", "smrt", "sendseq"), np.nan))
    drawn = draw.performance(table[table["train_set"] == "smrt"])
    bare = drawn.figure
    assert "paper" not in drawn.caption
    assert {line.get_label() for line in bare.axes[0].lines} == {"ours, mean of seeds"}
    assert not bare.axes[1].texts


def test_performance_has_the_baselines_where_they_are():
    table = pairs(dict.fromkeys(("curated", "smrt", "sendseq"), np.nan))
    scanner = table[(table["train_set"] == "smrt")].assign(value=0.3)
    drawn = draw.performance(table, {"scanner": scanner})
    roc = drawn.figure.axes[0]
    assert "the baselines (scanner)" in drawn.caption
    (line,) = [line for line in roc.lines if line.get_label() == "scanner"]
    np.testing.assert_array_equal(line.get_xdata(), [np.nan] * 3 + [0.3] * 3)


def test_performance_does_not_judge_a_single_seed():
    table = pairs({"curated": 0.9, "smrt": np.nan, "sendseq": 0.65})
    lone = draw.performance(table.assign(ci_low=np.nan, ci_high=np.nan))
    labels = {line.get_label() for line in lone.figure.axes[0].lines}
    assert "paper, beside one seed" in labels and "paper, inside the interval" not in labels
    assert "Diamonds" not in lone.caption
    assert "one training each (dots)" in lone.caption and "mean of the seeds" not in lone.caption


def differences():
    return pd.DataFrame(
        [
            {"train_set": source, "test_set": test, "metric": metric, "difference": change,
             "ci_low": change - 0.1, "ci_high": change + 0.1, "p_adjusted": p}
            for source, change, p in (
                ("curated", np.nan, np.nan), ("smrt", 0.2, 0.01), ("sendseq", 0.05, 0.5)
            )
            for test in ("curated", "drnaseq")
            for metric in ("roc_auc", "pr_auc")
        ]
    )  # fmt: skip


def test_labels_are_filled_where_they_differ_and_new_sites_come_first():
    drawn = draw.labels(differences())
    axes = drawn.figure.axes[1]
    filled = {
        (tuple(line.get_xdata()), line.get_markerfacecolor() != "white")
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_marker() in "^D"
    }
    assert filled == {((0.2, 0.2), True), ((0.05, 0.05), False)}
    names = [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]
    assert names == ["dRNA-seq", "curated set"]
    assert "2 of 4 are significantly above zero and 0 below" in drawn.alt
    assert draw.labels(differences().iloc[:0]) is None


def test_seeds_are_dots_with_a_line_at_their_mean():
    dots = pd.DataFrame(
        [
            {"kind": kind, "model": "m", "test_set": "curated", "metric": metric, "value": value}
            for kind, value in (("attention", 0.2), ("attention", 0.4), ("dilations", 0.1))
            for metric in ("roc_auc", "pr_auc")
        ]
    )
    drawn = draw.seeds(dots)
    axes = drawn.figure.axes[1]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.2, 0.4], [0.1]]
    assert "attention 0.300 on curated set, dilations 0.100" in drawn.alt
    assert draw.seeds(dots.iloc[:0]) is None


def test_recall_shows_kinds_with_enough_sites():
    table = pd.DataFrame(
        [
            ("all", "all sites", 50, 0.4, 0.3, 0.5),
            ("sources", "1", 40, 0.3, 0.2, 0.4),
            ("sources", "2", 9, 0.9, 0.6, 1.0),
            ("sigma factor", "σ70", 30, 0.6, 0.5, 0.7),
        ],
        columns=["kind", "group", "n", "recall", "ci_low", "ci_high"],
    )
    drawn = draw.recall(table)
    (axes,) = drawn.figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["all sites (n = 50)", "sources: 1 (n = 40)", "sigma factor: σ70 (n = 30)"]
    assert "from 30% (1) to 60% (σ70); of all sites 40%" in drawn.alt


def test_models_stand_in_their_order_beside_the_paper():
    table = pd.DataFrame(
        [
            {"model": name, "metric": metric, "value": value, "ci_low": 0.1, "ci_high": 0.9}
            for name, value in (("ours", 0.5), ("scanner", 0.4))
            for metric in ("roc_auc", "pr_auc")
        ]
    )
    roc = draw.models(table, {"roc_auc": 0.8}).figure.axes[0]
    assert list(roc.lines[0].get_xdata()) == [0.5, 0.4]
    assert [label.get_text() for label in roc.get_yticklabels()] == ["ours", "scanner"]
    assert list(roc.lines[1].get_xdata()) == [0.8, 0.8]
    bare = draw.models(table)
    assert len(bare.figure.axes[0].lines) == 1
    assert "Hollow" not in bare.caption and "highest for ours (0.500)" in bare.alt


def test_models_of_an_earlier_run_are_hollow():
    table = pd.DataFrame(
        [
            {"model": name, "metric": metric, "value": value, "ci_low": 0.1, "ci_high": 0.9,
             "earlier": old}
            for name, value, old in (("ours", 0.5, False), ("gone", 0.4, True))
            for metric in ("roc_auc", "pr_auc")
        ]
    )  # fmt: skip
    drawn = draw.models(table)
    full, hollow = drawn.figure.axes[0].lines
    assert (list(full.get_xdata()), list(hollow.get_xdata())) == ([0.5], [0.4])
    assert hollow.get_markerfacecolor() == "white" != full.get_markerfacecolor()
    assert "Hollow: from an earlier run." in drawn.caption


def test_matching_names_its_tolerances():
    table = pd.DataFrame(
        [
            {"model": name, "tolerance": t, "average_precision": t / 10, "ci_low": 0, "ci_high": 1}
            for name in ("a", "b")
            for t in (0, 2)
        ]
    )
    drawn = draw.matching(table)
    axes = drawn.figure.axes[0]
    assert "0.000 at the exact position, 0.200 within 2 nt" in drawn.alt
    assert [label.get_text() for label in axes.get_xticklabels()] == ["exact", "±2 nt"]
    assert list(axes.lines[1].get_ydata()) == [0, 0.2]


def test_false_calls_have_a_bar_for_each_class():
    distances = pd.DataFrame(
        [
            {"sites": name, "distance": distance, "share": share, "expected": 0.5}
            for name in ("curated set", "any source")
            for distance, share in (("0", 0.25), ("farther", 0.75))
        ]
    )
    places = pd.DataFrame(
        [
            {"what": what, "place": place, "share": 0.5}
            for what in ("false positives", "sites")
            for place in ("between genes", "in a gene")
        ]
    )
    drawn = draw.false_calls(distances, places)
    left, right = drawn.figure.axes
    assert "25% of the false positives lie within 5 nt of a site of any source" in drawn.alt
    assert "50% of false positives, 50% of sites lie between genes" in drawn.alt
    assert [bar.get_height() for bar in left.patches] == [25, 75, 25, 75, 50, 50]
    assert [bar.get_width() for bar in right.patches] == [50] * 4


def test_ablation_has_a_dot_a_seed_and_a_line_at_the_mean():
    table = pd.DataFrame(
        {
            "step": [0, 0, 1], "what": ["as the paper", "as the paper", "both sides"],
            "seed": [1, 2, 1], "pr_auc": [0.1, 0.2, 0.3],
        }
    )  # fmt: skip
    drawn = draw.ablation(table)
    axes = drawn.figure.axes[0]
    assert "at most 0.100" in drawn.caption and "from 0.150" in drawn.alt
    assert draw.ablation(table.iloc[:0]) is None
    assert list(axes.lines[0].get_ydata()) == [0, 0, -1]
    means = [segment[0, 0] for segment in axes.collections[0].get_segments()]
    assert means == pytest.approx([0.15, 0.3])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["as the paper", "both sides"]


def test_ablation_leaves_room_for_the_dots_beside_long_names():
    long = "2 layers of 4 heads over 128 nt on 5 dilated convolutions of 64 channels, and so on"
    table = pd.DataFrame({"step": [1, 2], "what": ["short", long], "seed": 1, "pr_auc": [0.1, 0.3]})
    figure = draw.ablation(table).figure
    figure.canvas.draw()
    box = figure.axes[0].get_window_extent()
    assert box.width > 0.5 * figure.bbox.width


def test_resolution_has_mean_maximum_and_chance():
    table = pd.DataFrame(
        [
            {"k": k, "how": how, "metric": metric, "value": k / 10 if metric == "pr_auc" else 0.9,
             "ci_low": k / 20, "ci_high": k / 5, "positive_share": k / 100}
            for k in (1, 2)
            for how in ("mean", "max")
            for metric in ("roc_auc", "pr_auc")
        ]
    )  # fmt: skip
    drawn = draw.resolution(table, {1: 0.3})
    axes = drawn.figure.axes[0]
    assert "from 0.100 at k = 1 to 0.200 at k = 2" in drawn.alt
    assert "Diamonds" in drawn.caption and "Diamonds" not in draw.resolution(table).caption
    assert len(axes.lines) == 4
    assert list(axes.lines[0].get_ydata()) == [0.1, 0.2]
    assert list(axes.lines[2].get_ydata()) == [0.01, 0.02]
    assert "nt" in axes.get_xlabel()


def test_curves_and_calibration():
    curve = pd.DataFrame({"recall": [0, 1], "precision": [1, 0.1]})
    for of, called in (("test set", "curated set"), ("model", "curated")):
        drawn = draw.precision_recall({"curated": curve, "smrt": curve}, of)
        axes = drawn.figure.axes[0]
        assert f"{called} 0.55" in drawn.alt
        assert axes.lines[0].get_label() == called
        assert len({(line.get_color(), str(line.get_linestyle())) for line in axes.lines}) == 2
        assert axes.get_legend().get_title().get_text() == of
    table = pd.DataFrame(
        {"output": [0.001, 0.1], "share": [0.0, 0.1], "ci_low": [0.0, 0.05], "ci_high": [0.1, 0.2]}
    )
    axes = draw.calibration({"ours": table, "scanner": table}).figure.axes[0]
    (whiskers,) = axes.collections
    assert [segment.tolist() for segment in whiskers.get_segments()] == [[[0.1, 0.05], [0.1, 0.2]]]
    assert [list(line.get_xdata()) for line in axes.lines[1:]] == [[0.1], [0.1]]


def test_each_test_set_of_any_name_has_a_colour_of_its_own():
    curve = pd.DataFrame({"recall": [0.0, 1.0], "precision": [1.0, 0.1]})
    names = ("curated", "TEX+", "a|b", "$x$", "regulondb")
    axes = draw.precision_recall(dict.fromkeys(names, curve)).figure.axes[0]
    assert len({line.get_color() for line in axes.lines}) == len(names)
    assert axes.lines[3].get_label() == r"\$x\$"


def test_gene_terms_show_each_prior_by_distance():
    tables = {
        name: pd.DataFrame({"distance": ["0 to 19", "20 and more"], "log_odds": [up, -1.0]})
        for name, up in (("one", 0.5), ("other", 0.7))
    }
    drawn = draw.gene_terms(tables)
    axes = drawn.figure.axes[0]
    assert "In the last line, +0.7 at 0 to 19 nt and -1.0 at 20 and more." in drawn.alt
    assert draw.gene_terms({}) is None
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["one"].get_ydata().tolist() == [0.5, -1.0]
    assert lines["other"].get_ydata().tolist() == [0.7, -1.0]
    assert lines["one"].get_linestyle() != lines["other"].get_linestyle(), "greyscale tells them"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0 to 19", "20 and more"]
    assert "nt" in axes.get_xlabel() and "log-odds" in axes.get_ylabel()
