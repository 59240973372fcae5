"""What the chapter on training says follows from its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.card import Card
from genoattn.chapters import training_errors_words as errors_words
from genoattn.chapters import training_models_words as models_words
from genoattn.chapters import training_scores_words as scores_words
from genoattn.chapters import training_words as words
from genoattn.convolutional import ConvolutionalConfig
from genoattn.model import AnnotatorConfig
from genoattn.study import earlier

BOTH = ("roc_auc", "pr_auc")


def card(passes=2.0, loss=0.01, config=None, **changes):
    return Card(
        train_set="curated",
        config=vars(config or AnnotatorConfig()),
        training={"seed": 1, "batch": 2, "segment": 1024, "context": 512, "empty_share": 0.2,
                  "learning_rate": 0.001},
        history=({"step": 10, "passes": passes, "validation_loss": loss},),
        best={"passes": passes, "validation_loss": loss},
        data={"sites": 100},
        hardware="a machine",
        seconds=120,
    ).replace(**changes)  # fmt: skip


# ------------------------------------------------------------------- rows of an earlier run


def test_only_rows_of_models_not_at_hand_are_kept():
    table = pd.DataFrame({"model": ["here", "gone", "forgotten"], "value": [1.0, 2.0, 3.0]})
    assert earlier.left(table, ["gone"], table.columns)["value"].tolist() == [2.0]
    assert earlier.left(table, [], table.columns).empty
    assert list(earlier.left(None, ["gone"], table.columns)) == ["model", "value"]
    with pytest.raises(ValueError, match="columns model, value, not model, score; move it away"):
        earlier.left(table, ["gone"], ["model", "score"])


def test_a_dagger_is_explained_where_it_stands():
    assert earlier.marked("gone", ["gone"]) == "gone†"
    assert earlier.marked("here", ["gone"]) == "here"
    assert earlier.note(["here"], ["gone"]) == ""
    assert "† from an earlier run; its weights are not here." in earlier.note(["gone"], ["gone"])
    assert "their weights" in earlier.note(["gone", "lost", "gone"], ["gone", "lost"])


# ------------------------------------------------------------------------------ model, parts


def test_parts_are_counted():
    counts = pd.DataFrame({"part": ["train", "test"], "nucleotides": [1500, 500], "sites": [3, 1]})
    said = models_words.say_parts("toy", counts, "curated")
    assert "**toy** has 2,000 nucleotides on both strands; 0.200% of them" in said
    assert "| test | 500 | 1 |" in said


def test_stages_are_one_sentence_and_none_without_any_before():
    first = card(1.61, config=AnnotatorConfig(window=128))
    second = card(3.62, config=AnnotatorConfig(window=128), initial=first)
    third = card(0.27, initial=second)
    assert models_words.say_stages(first) == ""
    assert models_words.say_stages(third) == (
        " Training had 3 stages: 1.61 and 3.62 passes with a window of 128 nt, then 0.27 passes "
        "with a window of 512 nt."
    )
    stem = card(2.0, config=ConvolutionalConfig(), data={"sites": 50})
    said = models_words.say_stages(card(3.0, initial=stem))
    assert "2.00 passes as a convolutional network that became its stem on 50 sites, then" in said
    plain = card(1.0, config=ConvolutionalConfig(), initial=card(config=ConvolutionalConfig()))
    assert "stem" not in models_words.say_stages(plain)


def test_a_model_says_whether_its_labels_are_those_of_the_run():
    said = models_words.say_model("m", card(), 1234, True)
    assert "1,234 parameters" in said and "100 sites, the labels of this run" in said
    assert "10.000·10⁻³ nats" in said and "weighted up" in said and "paper" not in said
    other = models_words.say_model("m", card(), 1234, False, published=True)
    assert "**not** the labels of this run" in other
    assert "this model took 2.0" in other and "not a verdict" in other


def test_models_not_at_hand_are_marked_or_left_out():
    left = pd.DataFrame({"model": ["gone"] * 2, "train_set": "curated", "seed": 7})
    steps = pd.DataFrame(
        {"model": ["gone"], "what": ["1 layer of 4 heads, 2 nt downstream, 5.9 passes"],
         "passes": [5.92], "validation_loss": [0.003]}
    )  # fmt: skip
    said = models_words.say_models({"m": card()}, left, steps, ["gone", "unknown"])
    assert (
        "| gone† | 1 layer of 4 heads, 2 nt downstream | curated set | 7 | 5.92 | 3.000 |" in said
    )
    assert "† from an earlier run" in said and "left out: unknown." in said
    bare = models_words.say_models({"m": card()}, left, None, ["gone"])
    assert "| gone† |  | curated set | 7 |  |  |" in bare and "left out" not in bare
    assert "names none" in models_words.say_models({"m": card()}, left.iloc[:0], None, [])


# ------------------------------------------------------------------------------------ scores


def scores(value, low, high, paper_value=np.nan, **facts):
    return pd.DataFrame(
        [
            {**facts, "metric": metric, "value": value, "ci_low": low, "ci_high": high,
             "paper_value": paper_value}
            for metric in BOTH
        ]
    )  # fmt: skip


def test_the_paper_differs_beyond_the_interval_alone():
    said = scores_words.say_paper(
        pd.concat([scores(0.5, 0.4, 0.6, 0.4), scores(0.5, 0.4, 0.6, 0.39)])
    )
    assert "in 1 of 2 pairs of sets (1 higher, 0 lower); the largest difference is 0.110" in said
    assert "(0 higher, 1 lower)" in scores_words.say_paper(scores(0.5, 0.4, 0.6, 0.61))
    assert scores_words.say_paper(scores(0.5, 0.4, 0.6)) == ""


def test_a_pair_has_its_interval_the_paper_and_the_baselines():
    pairs = scores(0.5, 0.4, 0.6, 0.7, train_set="curated", test_set="smrt")
    scanner = pairs.assign(value=0.3)
    row = scores_words.pair_table(pairs, {"scanner": scanner}, True).iloc[0]
    assert row.to_dict() == {
        "trained on": "curated set",
        "tested on": "SMRT-Cappable-seq",
        "ROC AUC": "0.500 (0.400 to 0.600)",
        "ROC AUC, paper": "**0.700**",
        "ROC AUC, scanner": "0.300",
        "PR AUC": "0.500 (0.400 to 0.600)",
        "PR AUC, paper": "**0.700**",
        "PR AUC, scanner": "0.300",
    }
    elsewhere = scanner.assign(train_set="other")
    bare = scores_words.pair_table(pairs, {"scanner": elsewhere}, False)
    assert "ROC AUC, paper" not in bare and bare["ROC AUC, scanner"][0] == ""


def test_seeds_are_told_only_if_there_are_some():
    spread = pd.DataFrame(
        {"test_set": "curated", "metric": BOTH, "n": 1, "lowest": 0.5, "mean": 0.55,
         "highest": [0.6, 0.7], "paper_value": np.nan}
    )  # fmt: skip
    assert "does not show how much a second training" in scores_words.say_seeds("m", spread)
    said = scores_words.say_seeds("m", spread.assign(n=2))
    assert "m was trained 2 times" in said
    assert "up to 0.100 in ROC AUC and up to 0.200 in PR AUC" in said


def test_longer_training_says_what_it_brought_nearer():
    rows = pd.DataFrame(
        [
            ("m", test_set, "roc_auc", 1.0, before, 3.0, after, 0.9)
            for test_set, before, after in (
                ("near", 0.89, 0.95), ("far", 0.85, 0.885), ("farther", 0.80, 0.85)
            )
        ],
        columns=["model", "test_set", "metric", "shorter_passes", "shorter", "longer_passes",
                 "longer", "paper_value"],
    )  # fmt: skip
    said = scores_words.say_length(rows, [], True)
    assert "1 network was trained" in said and "in 3 of 3 pairs" in said
    assert "Of 2 scores that lay more than 0.02" in said
    assert "brought 1 within 0.02 and moved 1 that had been nearer beyond it" in said
    assert "†" not in said and "0.850 (1.0)" in said
    assert "paper's" not in scores_words.say_length(rows, [], False)
    old = scores_words.say_length(rows, ["m"], False)
    assert "m†" in old and "the weights of the shorter training are not here" in old
    assert "No two models" in scores_words.say_length(rows.iloc[:0], [], True)


def test_external_sites_are_left_out_or_told_with_the_guess():
    counts = pd.DataFrame({"test_set": ["drnaseq"], "n": [100], "shared": [20], "share": [0.01]})
    found = scores(0.5, 0.4, 0.6, test_set="drnaseq", model="m", train_set="curated")
    gone = found.assign(model="gone")
    said = scores_words.say_external(pd.concat([found, gone]), "m", ["gone"], counts)
    assert "100 sites in the test part, of which 20 lie exactly on a curated site" in said
    assert "50 times that of guessing" in said
    assert "| dRNA-seq | gone† |" in said and "† from an earlier run" in said
    assert scores_words.say_external(found, "m", [], counts.iloc[:0]).startswith("Left out")


# --------------------------------------------------------------------------------- attention


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.001, 0.1, "higher"),
        (0.0, 0.1, "not significantly different"),
        (-0.1, 0.0, "not significantly different"),
        (-0.1, -0.001, "lower"),
        (np.nan, np.nan, "no paired interval"),
    ],
)
def test_a_difference_is_one_if_its_interval_leaves_zero_out(low, high, said):
    assert scores_words.compared(low, high) == said


def test_rivals_without_weights_have_no_difference():
    comparison = pd.DataFrame(
        [
            ("m", "pr_auc", 0.2, 0.1, 0.3, 0.0, 0.0, 0.0),
            ("better", "pr_auc", 0.3, 0.2, 0.4, 0.1, 0.05, 0.15),
            ("gone", "pr_auc", 0.4, 0.3, 0.5, np.nan, np.nan, np.nan),
        ],
        columns=["model", "metric", "value", "ci_low", "ci_high", "difference", "difference_low",
                 "difference_high"],
    )  # fmt: skip
    said = scores_words.say_rivals(comparison, "m", ["gone"])
    assert "The highest PR AUC is that of gone†, 0.400" in said
    assert "| better | 0.300 (0.200 to 0.400) | +0.100 (+0.050 to +0.150) | higher |" in said
    assert "| gone† | 0.400 (0.300 to 0.500) |  | no paired interval |" in said
    assert "| m |" not in said


def matched(*intervals):
    return pd.DataFrame(
        [
            {"model": f"m{number}", "rival": "cnn", "metric": metric,
             "difference": (low + high) / 2, "difference_low": low, "difference_high": high}
            for number, (low, high) in enumerate(intervals)
            for metric in BOTH
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ([], "cannot isolate what attention adds"),
        ([(0.01, 0.03)], "attention raises ROC AUC in the one matched pair (+0.020)"),
        ([(-0.03, -0.01)], "attention lowers ROC AUC in the one matched pair (-0.020)"),
        ([(0.0, 0.02)], "does not change ROC AUC significantly in the one matched pair"),
        ([(-0.1, 0.1)] * 2, "does not change ROC AUC significantly in any of 2 matched pairs"),
        ([(0.01, 0.03), (0.02, 0.04)], "raises ROC AUC in all 2 matched pairs (+0.020 to +0.030)"),
        (
            [(0.01, 0.03), (-0.01, 0.03)],
            "raises ROC AUC in 1 of 2 matched pairs and does not change it significantly in the",
        ),
        ([(-0.03, 0.01), (-0.03, -0.01)], "lowers ROC AUC in 1 of 2 matched pairs"),
        (
            [(0.01, 0.03), (-0.03, -0.01), (-0.01, 0.01)],
            "raises ROC AUC in 1 and lowers it in 1 of 3 matched pairs",
        ),
    ],
)
def test_what_attention_adds_follows_from_the_matched_pairs(intervals, said):
    verdict = scores_words.say_attention(matched(*intervals))
    assert said in verdict
    assert ("no larger than the difference between two trainings" in verdict) == (
        "and lowers it" in said
    )


def test_matched_pairs_are_listed_with_what_is_known_of_them():
    said = scores_words.pairs_table(matched((0.01, 0.03)), ["m0"], {"cnn": (1000, 2.5)})
    assert "| m0† | cnn (1,000 parameters, 2.5 passes) | +0.020 (+0.010 to +0.030)" in said
    assert "its weights are not here" in said


# ------------------------------------------------------------------------------------- genes


def test_the_gene_prior_is_told_by_place():
    places = ["between genes", "in a gene, sense", "in a gene, antisense"]
    said = errors_words.say_places(
        "both", pd.Series([0.56, 0.33, np.nan], places), pd.Series([0.67, 0.33, np.nan], places)
    )
    assert "raises it between genes from 56% to 67% and leaves it in a gene, sense" in said
    assert "antisense" not in said
    lost = pd.Series([0.5, np.nan, np.nan], places)
    assert "lowers it between genes from 50% to 40%" in errors_words.say_places(
        "both", lost, lost - 0.1
    )
    none = pd.Series(np.nan, places)
    assert errors_words.say_places("both", none, none) == ""


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([(-0.2, -0.3, -0.1)], "Of the training set."),
        ([(0.2, 0.1, 0.3)], "Of promoters."),
        ([(-0.1, -0.3, 0.0)], "does not change the PR AUC significantly"),
        ([(0.2, 0.1, 0.3), (-0.2, -0.3, -0.1)], "significantly in 1 and lowers it in 1 of 2"),
        ([(-0.2, -0.3, -0.1), (0.0, -0.1, 0.1)], "significantly in 0 and lowers it in 1 of 2"),
    ],
)
def test_whether_the_prior_learnt_promoters_follows_from_new_sites(gains, verdict):
    given = {("drnaseq", f"e{number}"): gain for number, gain in enumerate(gains)}
    said = errors_words.say_beyond(given, "curated")
    assert verdict in said and "Is that true of promoters, or of the curated set?" in said
    assert errors_words.say_beyond({}, "curated") == ""


# -------------------------------------------------------------------------------- kinds of error


def table_of_matches(*precisions):
    return pd.DataFrame(
        [
            {"model": "m", "tolerance": tolerance, "average_precision": value, "ci_low": 0.0,
             "ci_high": 1.0, "precision": value, "recall": value}
            for tolerance, value in precisions
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("precisions", "word"),
    [
        ([(0, 0.1), (2, 0.39)], "**Little of it.**"),
        ([(0, 0.1), (1, 0.1), (2, 0.41), (5, 0.9)], "**Part of it.**"),
        ([(0, 0.1), (2, 0.71)], "**Most of it.**"),
        ([(0, 1.0), (2, 1.0)], None),
        ([(0, 0.1), (5, 0.9)], None),
        ([(2, 0.5)], None),
    ],
)
def test_how_much_is_a_nucleotide_or_two_follows_from_what_is_resolved(precisions, word):
    said = errors_words.say_matching(table_of_matches(*precisions), "m")
    assert said.startswith(word or "````{admonition}")


def test_matching_says_which_share_lies_near():
    said = errors_words.say_matching(table_of_matches((0, 0.2), (1, 0.4)), "m")
    assert "25% have an unclaimed site within 1 nt" in said
    assert "| m | exact | 0.200 (0.000 to 1.000) | 0.200 | 0.200 |" in said


def test_resolution_has_the_paper_beside_if_it_is_the_papers_genome():
    by_k = pd.DataFrame(
        [
            {"k": k, "how": how, "metric": "pr_auc", "value": k / 10, "ci_low": 0.0, "ci_high": 1.0}
            for k in (1, 2, 4)
            for how in ("mean", "max")
        ]
    )
    said = errors_words.say_resolution(by_k, {1: 0.141})
    assert "| 1 | 0.100 (0.000 to 1.000) | 0.100 (0.000 to 1.000) | 0.141 |" in said
    assert "| 4 | 0.400 (0.000 to 1.000) | 0.400 (0.000 to 1.000) |  |" in said
    assert "| 2 |" not in said and "paper" not in errors_words.say_resolution(by_k, None)


def bins(*rows):
    return pd.DataFrame(rows, columns=["output", "share", "ci_low", "ci_high", "n", "n_sites"])


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([], "Undecided"),
        ([(0.001, 0.001, 0.0, 0.002, 1000, 1)], "Undecided"),
        ([(0.1, 0.1, 0.1, 0.2, 100, 10)], "Yes, as far as this test part can show"),
        (
            [(0.12, 0.1, 0.09, 0.11, 100, 10)],
            "Nearly: at outputs near 0.12 it is 1.2 times too high",
        ),
        ([(0.16, 0.1, 0.09, 0.11, 100, 10)], "No: at outputs near 0.16 it is 1.6 times too high"),
        ([(0.05, 0.1, 0.09, 0.11, 100, 10)], "No: at outputs near 0.05 it is 2.0 times too low"),
        ([(0.1, 0.0, 0.0, 0.0, 100, 0)], "No: it expects sites where none is labelled"),
        (  # a bin without a site has no factor, but is off
            [(0.12, 0.1, 0.09, 0.11, 100, 10), (0.5, 0.0, 0.0, 0.0, 20, 0)],
            "No: at outputs near 0.12 it is 1.2 times too high",
        ),
        (  # a bin that is off by more, but within its interval, does not count
            [(0.12, 0.1, 0.09, 0.11, 100, 10), (0.5, 0.25, 0.1, 0.6, 20, 5)],
            "Nearly: at outputs near 0.12 it is 1.2 times too high",
        ),
    ],
)
def test_whether_the_output_is_a_probability_follows_from_the_bins(rows, verdict):
    found, _ = errors_words.verdict_on(bins(*rows))
    assert found == verdict
    said = errors_words.say_calibration(bins(*rows), {"m": (1.1, 0.9, 1.3)}, "m")
    assert said.startswith(f"**{verdict}.**") and "m 1.10 (0.90 to 1.30)" in said


def places(false=0.5):
    return pd.DataFrame(
        {"what": ["false calls", "sites", "all positions"], "place": "between genes",
         "share": [false, 0.48, 0.11]}
    )  # fmt: skip


def distances(n=30, share=0.3, expected=0.03, groups=("own", "any of the sets")):
    return pd.DataFrame(
        [
            {"sites": name, "distance": distance, "n": n, "share": share, "expected": expected}
            for name in groups
            for distance in ("1 to 5", "farther")
        ]
    )


def test_false_positives_lie_at_other_sites_if_twice_chance_does_not_explain_it():
    said = errors_words.say_false(200, 100, distances(), places(), 5)
    assert said.startswith("**Many lie at sites of other sets.**")
    assert "Of 100 false positives, 30% lie within 5 nt of a site in some set" in said
    assert "against 3.0% of all positions, and 50% lie between genes" in said
    for few in (distances(share=0.06), distances(n=4)):
        assert "**Other sets explain few.**" in errors_words.say_false(200, 100, few, places(), 5)
    alone = errors_words.say_false(200, 100, distances(groups=("own",)), places(), 5)
    assert "Of 100 false positives, 50% lie between genes" in alone and "some set" not in alone
    assert "**There is none.**" in errors_words.say_false(200, 0, distances(), places(np.nan), 5)


def test_the_truth_is_told_where_it_is_known():
    labelled, true = dict.fromkeys(BOTH, 0.5), dict.fromkeys(BOTH, 0.6)
    assert "an error of the labels" in errors_words.say_truth(labelled, true)
    assert "do not explain" in errors_words.say_truth(true, labelled)
    assert errors_words.say_truth(None, None).startswith("Left out")


# -------------------------------------------------------------------------- steps and readings


def test_steps_are_marked_and_told_from_first_to_last():
    table = pd.DataFrame(
        {"step": [1, 2], "model": ["gone", "both"], "what": "", "seed": 1, "passes": [1.0, 3.0],
         "validation_loss": [0.003, np.nan], "roc_auc": [0.8, 0.9], "pr_auc": [0.1, 0.2],
         "pr_auc_10": [0.3, 0.4]}
    )  # fmt: skip
    said = words.say_steps(table, ["gone"])
    assert "PR AUC from 0.100 to 0.200" in said
    assert "| gone† | 1.00 | 3.000 | 0.800 | 0.100 | 0.300 |" in said
    assert "| both | 3.00 |  | 0.900 | 0.200 | 0.400 |" in said and "PR AUC, 10-mers" in said
    assert words.say_steps(table.iloc[:0], []).startswith("Left out")


def readings():
    return pd.DataFrame(
        [
            {"model": model, "metric": metric, "value": 0.5, "difference": change,
             "difference_low": change - 0.1, "difference_high": change + 0.1,
             "test_set": test_set, "differs_in": setting, "passes": 0.8}
            for test_set in ("curated", "smrt")
            for model, setting, change in (("base", "", 0.0), ("cold", "context 128 → 0", -0.2))
            for metric in BOTH
        ]
    )  # fmt: skip


def test_readings_are_told_as_changes():
    said = words.say_readings(readings(), ["curated", "smrt"], [])
    assert "the code starts each segment cold" in said and "focal" not in said
    assert "(0.80 passes)" in said and "| unchanged | 0.500 | 0.500 |" in said
    change = "-0.200 (-0.300 to -0.100)"
    assert f"| context 128 → 0 | {change} | {change} |" in said and "†" not in said
    old = words.say_readings(readings(), ["curated"], ["base", "cold"])
    assert "| unchanged† |" in old and "their weights are not here" in old
    assert words.say_readings(readings().iloc[:0], ["curated"], []).startswith("Left out")


def test_what_lies_far_from_the_paper_is_traced_to_the_training_or_a_setting():
    pairs = pd.DataFrame(
        [("curated", "smrt", 0.95, 0.9), ("curated", "curated", 0.91, 0.9)],
        columns=["train_set", "test_set", "value", "paper_value"],
    ).assign(metric="roc_auc")
    by_length = pairs.assign(shorter=[0.91, 0.9], metric="roc_auc")
    said = words.say_far(pairs, by_length, readings())
    assert "Of 2 pairs of sets, 1 have a ROC AUC more than 0.02" in said
    assert "curated set on SMRT-Cappable-seq (+0.050)" in said
    assert "1 of the 1 lay within 0.02 after the shorter training" in said
    assert "The setting context 128 → 0 lowers the ROC AUC significantly on 1 of the 1" in said
    near = pairs.assign(value=pairs["paper_value"])
    assert "None of 2 pairs" in words.say_far(near, by_length, readings())
    unmoved = words.say_far(
        pairs, by_length.assign(shorter=0.95), readings().assign(difference_high=0)
    )
    assert "shorter training" not in unmoved and "The setting context" not in unmoved


def test_in_short_follows_from_the_scores():
    comparison = pd.concat([scores(0.2, 0.1, 0.3, model="m"), scores(0.4, 0.3, 0.5, model="gone")])

    def said(value, low, compared=comparison):
        own = scores(value, low, 1.0).set_index("metric")
        given = table_of_matches((0, 0.3), (5, 0.4))
        return words.say_in_short("m", own, 0.001, given, compared, ["gone"], "Attention.", "No: x")

    assert "far above most nucleotides" in said(0.95, 0.94)
    assert "30% at the exact position and 40% within 5 nt" in said(0.95, 0.94)
    assert "above other nucleotides;" in said(0.8, 0.7)
    assert "does not distinguish" in said(0.52, 0.5)
    assert "that of gone†, 0.400 (0.300 to 0.500)" in said(0.95, 0.94)
    assert "no other model of this run" in said(0.95, 0.94, comparison[comparison["model"] == "m"])
    assert "Attention. Is the output a probability? No: x." in said(0.95, 0.94)
