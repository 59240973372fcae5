"""Scores against pairs counted one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.evaluation import bootstrap
from genoattn.evaluation.bootstrap import Resampling
from genoattn.evaluation.scores import (
    COLUMNS,
    calibration,
    compare,
    compare_resolutions,
    differs_from_paper,
    exact_scores,
    expected_sites,
    in_order,
    inside,
    kmer_resolution,
    kmers,
    performance,
    precision_recall,
    score,
)


def resampling(where, size):
    return Resampling.of(where, size, n_replicates=40, seed=1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_by_counting(pairs):
    label = np.array([positive for positive, _ in pairs], dtype=int)
    output = np.array([value for _, value in pairs], dtype=float)
    if label.min() == label.max():
        with pytest.raises(ValueError, match="need positive and negative labels"):
            score(label, output)
        return
    won = [(a > b) + 0.5 * (a == b) for a in output[label == 1] for b in output[label == 0]]
    area, recall = 0.0, 0.0
    for threshold in sorted(set(output), reverse=True):
        called = output >= threshold
        now = label[called].sum() / label.sum()
        area += (now - recall) * label[called].mean()
        recall = now
    got = score(label, output)
    assert got["roc_auc"] == pytest.approx(np.mean(won))
    assert got["pr_auc"] == pytest.approx(area)


def test_missing_output_is_an_error():
    with pytest.raises(ValueError, match="1 positions to be scored have no output"):
        score(np.array([0, 1]), np.array([0.1, np.nan]))


def test_kmers_by_hand():
    values = np.array([[1, 3, 0, 8, 9], [2, 2, 2, 6, 1]])
    assert kmers(values, 2, "mean").tolist() == [[2, 4], [2, 4]]
    assert kmers(values, 2, "max").tolist() == [[3, 8], [2, 6]]


def test_kmers_run_along_each_strand():
    track = np.array([[1, 2, 3, 4, 5], [10, 20, 30, 40, 50]])
    where = np.array([True, True, True, False, False])
    assert inside(track, where).tolist() == [[1, 2, 3], [30, 20, 10]]


def test_resolution_forgives_a_shift():
    label = np.zeros((2, 40), dtype=int)
    label[:, 10] = label[:, 22] = 1
    output = np.roll(label, 1, axis=1) * 0.9 + 0.05
    where = np.ones(40, bool)
    table = kmer_resolution(label, output, where, [1, 4], resampling(where, 10))
    table = table.set_index(["k", "how", "metric"])
    assert table.loc[(1, "mean", "pr_auc"), "value"] < 0.2
    assert table.loc[(4, "max", "pr_auc"), ["value", "ci_low", "ci_high"]].tolist() == [1, 1, 1]
    assert table.loc[(4, "mean", "pr_auc"), "positive_share"] == pytest.approx(0.2)


def test_a_kmer_is_drawn_with_the_block_of_its_first_nucleotide():
    rng = np.random.default_rng(5)
    label, output = rng.random((2, 90)) < 0.1, rng.random((2, 90))
    where = np.arange(90) >= 7
    drawn = resampling(where, 20)
    table = kmer_resolution(label, output, where, [3], drawn, ["max"]).set_index("metric")
    replicates = []
    for counts in drawn.draws:
        positive, value = [], []
        for strand, read in enumerate((np.arange(7, 90), np.arange(7, 90)[::-1])):
            for first in range(0, 81, 3):
                mer = read[first : first + 3]
                times = int(counts[drawn.block[mer[0]]])
                positive += [label[strand, mer].max()] * times
                value += [output[strand, mer].max()] * times
        replicates.append(score(np.array(positive), np.array(value))["pr_auc"])
    limits = table.loc["pr_auc", ["ci_low", "ci_high"]].tolist()
    assert limits == pytest.approx(bootstrap.interval(replicates))


def test_performance_rows():
    rng = np.random.default_rng(0)
    label = (rng.random((2, 400)) < 0.05).astype(int)
    output = rng.random((2, 400))
    where = np.arange(400) < 300
    table = performance(
        output, {"curated": label, "smrt": label}, where, resampling(where, 30),
        train_set="curated", model="m", seed=1, resolutions=(1, 4),
    )  # fmt: skip
    assert list(table.columns) == [
        "train_set", "test_set", "model", "resolution", "metric", "value", "ci_low", "ci_high",
        "seed", "paper_value",
    ]  # fmt: skip
    assert len(table) == 8
    index = table.set_index(["test_set", "resolution", "metric"])
    wanted = score(label[:, :300], output[:, :300])
    assert index.loc[("smrt", 1, "pr_auc"), "value"] == pytest.approx(wanted["pr_auc"])
    assert index.loc[("curated", 1, "roc_auc"), "paper_value"] == 0.976
    assert index.loc[("smrt", 1, "pr_auc"), "paper_value"] == 0.141
    assert index.loc[("curated", 4, "pr_auc"), "paper_value"] == 0.29
    assert np.isnan(index.loc[("smrt", 4, "pr_auc"), "paper_value"])
    assert (table["ci_low"] < table["value"]).all()
    assert (table["value"] < table["ci_high"]).all()
    elsewhere = performance(
        output, {"curated": label}, where, resampling(where, 30),
        train_set="curated", model="m", seed=1, beside_paper=False,
    )  # fmt: skip
    assert elsewhere["paper_value"].isna().all()
    card = exact_scores(table)
    assert list(card) == ["curated", "smrt"]
    assert card["smrt"]["pr_auc"] == pytest.approx(wanted["pr_auc"], abs=1e-4)


def test_rows_are_written_in_order_and_to_six_decimals():
    rng = np.random.default_rng(0)
    label = (rng.random((2, 50)) < 0.2).astype(int)
    where = np.ones(50, bool)
    table = pd.concat(
        [
            performance(
                rng.random((2, 50)), {"smrt": label, "curated": label}, where,
                resampling(where, 10), train_set="smrt", model=name, seed=1,
            )
            for name in ("b", "a")
        ],
        ignore_index=True,
    )  # fmt: skip
    ordered = in_order(table)
    assert tuple(ordered) == COLUMNS
    assert ordered["model"].tolist() == ["a"] * 4 + ["b"] * 4
    assert ordered["test_set"].tolist() == ["curated", "curated", "smrt", "smrt"] * 2
    assert ordered["metric"].tolist() == ["pr_auc", "roc_auc"] * 4
    assert ordered["value"].tolist() == ordered["value"].round(6).tolist()
    assert sorted(ordered["value"]) == pytest.approx(sorted(table["value"]), abs=1e-6)


def test_precision_recall_curve_is_what_its_threshold_gives():
    rng = np.random.default_rng(1)
    label = (rng.random((2, 300)) < 0.1).astype(int)
    output = np.round(rng.random((2, 300)) + 0.3 * label, 2)
    where = np.ones(300, bool)
    curve = precision_recall(label, output, where, points=11)
    for row in curve.itertuples():
        called = output >= row.threshold
        assert label[called].mean() == pytest.approx(row.precision)
        assert label[called].sum() / label.sum() == pytest.approx(row.recall)
    assert curve["recall"].is_monotonic_increasing
    assert curve["recall"].iloc[-1] == 1.0


def test_calibration_of_a_calibrated_output():
    rng = np.random.default_rng(2)
    output = rng.random((2, 20_000)) ** 4
    label = (rng.random((2, 20_000)) < output).astype(int)
    where = np.ones(20_000, bool)
    given = where, resampling(where, 500)
    table = calibration(label, output, *given)
    assert table["n"].sum() == 40_000 and table["n_sites"].sum() == label.sum()
    large = table[table["n"] > 1000]
    np.testing.assert_allclose(large["share"], large["output"], atol=0.03)
    assert (large["ci_low"] <= large["share"]).all() and (large["share"] <= large["ci_high"]).all()
    halved = calibration(label, output / 2, *given)
    halved = halved[halved["n"] > 1000]
    assert (halved["ci_low"] > halved["output"]).any()
    times, low, high = expected_sites(label, output, *given)
    assert low < 1 < high and low < times < high
    assert expected_sites(label, output / 2, *given)[2] < 1


def test_the_paper_differs_where_it_is_outside_the_interval():
    table = pd.DataFrame(
        {"ci_low": [0.1] * 4, "ci_high": [0.2] * 4, "paper_value": [0.05, 0.15, 0.25, np.nan]}
    )
    assert differs_from_paper(table).tolist() == [True, False, True, False]


def test_a_difference_is_drawn_in_pairs():
    """Two outputs, one a little better everywhere: the difference is surer than either score."""
    rng = np.random.default_rng(6)
    label = rng.random((2, 5000)) < 0.02
    noise = rng.normal(size=label.shape)
    outputs = {"a": noise + 1.0 * label, "b": noise + 1.3 * label}
    where = np.ones(5000, bool)
    table = compare(outputs, label, where, resampling(where, 100), "a").set_index(
        ["model", "metric"]
    )
    same = table.loc["a"]
    assert (same[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    better = table.loc[("b", "roc_auc")]
    assert better["value"] == pytest.approx(score(label, outputs["b"])["roc_auc"])
    assert better["difference_low"] > 0
    assert better["difference_high"] - better["difference_low"] < 0.7 * (
        better["ci_high"] - better["ci_low"]
    )


def test_a_comparison_at_k_mers_is_that_of_the_reduced_outputs():
    rng = np.random.default_rng(5)
    label = (rng.random((2, 4000)) < 0.02).astype(np.uint8)
    where = np.ones(4000, dtype=bool)
    good, bad = rng.random((2, 4000)) + 0.5 * label, rng.random((2, 4000))
    drawn = resampling(where, 100)
    found = compare_resolutions({"a": bad, "b": good}, label, where, drawn, "a", (1, 10))
    table = found.set_index(["resolution", "model", "metric"])
    exact = compare({"a": bad, "b": good}, label, where, drawn, "a")
    exact = exact.set_index(["model", "metric"])
    assert (table.loc[1, "value"] == exact["value"]).all()
    reading = [inside(one, where) for one in (label, good)]
    positive, output = kmers(reading[0], 10, "max"), kmers(reading[1], 10, "mean")
    assert table.loc[(10, "b", "pr_auc"), "value"] == pytest.approx(
        score(positive, output)["pr_auc"]
    )
    assert table.loc[(1, "b", "roc_auc"), "p"] == 2 / (1 + len(drawn.draws))
    assert (table.loc[(slice(None), "a"), "p"] == 1).all()
