"""What the chapter on training says follows from its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_trainings import BOTH, LENGTH, card, readings

from genoattn.chapters import training_best_words as best_words
from genoattn.chapters import training_errors_words as errors_words
from genoattn.chapters import training_labels_words as labels_words
from genoattn.chapters import training_models_words as models_words
from genoattn.chapters import training_scores_words as scores_words
from genoattn.chapters import training_sites_words as sites_words
from genoattn.chapters import training_words as words
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.study import earlier

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
    first = card(1.5, config=AnnotatorConfig(window=128))
    second = card(3.5, config=AnnotatorConfig(window=128), initial=first)
    third = card(0.5, initial=second)
    assert models_words.say_stages(first, LENGTH) == ""
    assert models_words.say_stages(third, LENGTH) == (
        " Training had 3 stages: 1.50 and 3.50 passes with a window of 128 nt, then 0.50 passes "
        "with a window of 512 nt."
    )
    stem = card(2.0, config=ConvolutionalConfig(), data={"sites": 50})
    said = models_words.say_stages(card(3.0, initial=stem), LENGTH)
    assert "2.00 passes as a convolutional network that became its stem on 50 sites, then" in said
    plain = card(1.0, config=ConvolutionalConfig(), initial=card(config=ConvolutionalConfig()))
    assert "stem" not in models_words.say_stages(plain, LENGTH)


def test_a_model_says_whether_its_labels_are_those_of_the_run():
    said = models_words.say_model("m", card(), 1234, True, LENGTH)
    assert "1,234 parameters" in said and "100 sites, the labels of this run" in said
    assert "10.000·10⁻³ nats" in said and "20% were read at a time" in said
    assert "for 2.0 passes" in said and "paper" not in said
    other = models_words.say_model("m", card(), 1234, False, LENGTH, published=True)
    assert "**not** the labels of this run" in other
    assert "This model was trained for 2.0 passes" in other and "What this model is" in other
    small = card(config=AnnotatorConfig(layers=2))
    assert "paper" not in models_words.say_model("m", small, 9, True, LENGTH, published=True)


def test_models_not_at_hand_are_marked_or_left_out():
    left = pd.DataFrame({"model": ["gone"] * 2, "train_set": "curated", "seed": 7})
    steps = pd.DataFrame(
        {"model": ["gone"], "what": ["1 layer of 4 heads, 2 nt downstream, 5.9 passes"],
         "passes": [5.92], "validation_loss": [0.003]}
    )  # fmt: skip
    said = models_words.say_models({"m": card()}, LENGTH, left, steps, ["gone", "unknown"])
    assert "| gone† | 1 layer of 4 heads, 2 nt downstream | curated set | 7 | 5.9 | 3.000 |" in said
    assert "† from an earlier run" in said and "left out: unknown." in said
    bare = models_words.say_models({"m": card()}, LENGTH, left, None, ["gone"])
    assert "| gone† |  | curated set | 7 |  |  |" in bare and "left out" not in bare
    assert "names none" in models_words.say_models({"m": card()}, LENGTH, left.iloc[:0], None, [])


# ------------------------------------------------------------------------------------ scores


def scores(value, low, high, paper_value=np.nan, **facts):
    return pd.DataFrame(
        [
            {**facts, "metric": metric, "value": value, "ci_low": low, "ci_high": high,
             "paper_value": paper_value, "n_seeds": 3}
            for metric in BOTH
        ]
    )  # fmt: skip


def test_the_paper_differs_beyond_what_one_more_training_would_give():
    said = scores_words.say_paper(
        pd.concat([scores(0.5, 0.4, 0.6, 0.4), scores(0.5, 0.4, 0.6, 0.39)])
    )
    assert "in 1 of 2 pairs of sets (ours is higher in 1, lower in 0; the median difference" in said
    assert "as few as 3 seeds" in said and "(±0.10 in PR AUC in the median)" in said
    assert "lower in 1;" in scores_words.say_paper(scores(0.5, 0.4, 0.6, 0.61))
    assert "one seed; they are not judged" in scores_words.say_paper(
        pd.concat([scores(0.5, 0.4, 0.6, 0.4), scores(0.5, np.nan, np.nan, 0.4)])
    )
    assert "cannot be judged" in scores_words.say_paper(scores(0.5, np.nan, np.nan, 0.4))
    assert scores_words.say_paper(scores(0.5, 0.4, 0.6)) == ""


def test_a_control_is_told_if_there_is_one():
    rows = scores(0.5, 0.4, 0.6, model="control", train_set="sites, turned round")
    said = scores_words.say_controls(rows)
    assert "**control**, trained on sites, turned round, has a ROC AUC of 0.500 (0.400" in said
    assert scores_words.say_controls(rows.iloc[:0]) == ""
    turned = scores_words.say_controls(rows.assign(train_set="curated, labels turned round"))
    assert "trained on the curated set after all its sites were moved round" in turned


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
    pairs = pd.DataFrame({"metric": BOTH, "n_seeds": 1, "lowest": 0.5, "highest": [0.6, 0.7]})
    assert "how much a second training would" in scores_words.say_seeds(pairs, [])
    said = scores_words.say_seeds(pairs.assign(n_seeds=[2, 3]), [])
    assert "means over 2 and 3 seeds" in said and "earlier" not in said
    assert "up to 0.100 in ROC AUC and 0.200 in PR AUC" in said
    assert "earlier run" in scores_words.say_seeds(pairs.assign(n_seeds=2), ["gone"])


# -------------------------------------------------------------------------------------- labels


def labels_of(*differences, test_set="drnaseq", half=0.01):
    """Rows of sources in both scores: (difference, corrected p-value) each."""
    rows = [("curated", 0.3, np.nan, np.nan)] + [
        (name, 0.3 - change, change, p)
        for name, (change, p) in zip(("regulondb", "smrt", "sendseq"), differences, strict=False)
    ]
    return pd.DataFrame(
        [
            {"train_set": name, "test_set": test_set, "metric": metric, "mean": mean,
             "lowest": mean, "highest": mean, "n_seeds": 3, "difference": change,
             "ci_low": change - half, "ci_high": change + half, "p_adjusted": p}
            for name, mean, change, p in rows
            for metric in BOTH
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("differences", "word", "told"),
    [
        ([(0.1, 0.01), (0.2, 0.049)], "Yes", "higher than that of RegulonDB and SMRT-Cappable-seq"),
        ([(0.1, 0.01), (0.2, 0.05)], "Better than some", "not significantly different"),
        (
            [(0.1, 0.01), (-0.2, 0.01)],
            "Better than some and worse than others",
            "lower than that of SMRT",
        ),
        ([(-0.1, 0.01), (0.2, 0.5)], "No", "lower than that of RegulonDB"),
        ([(0.1, 0.5), (-0.2, 0.5)], "Not shown", "not significantly different"),
    ],
)
def test_whether_curated_labels_are_better_is_decided_by_sites_that_no_step_used(
    differences, word, told
):
    compared = pd.concat([labels_of((0.5, 0.001), test_set="curated"), labels_of(*differences)])
    verdict = labels_words.labels_verdict(compared, ["drnaseq"])
    assert f"**Are curated labels better? {word}:** on dRNA-seq" in verdict and told in verdict
    assert "two comparisons, corrected" in verdict
    seen = (2.241 + 0.842) * 0.02 / 3.92
    assert f"with 80% power a difference of {seen:.3f} could be found" in verdict


def test_without_such_sites_labels_are_not_decided():
    assert "Not decided" in labels_words.labels_verdict(labels_of((0.1, 0.01)), [])
    assert labels_words.labels_verdict(pd.DataFrame(), ["drnaseq"]) == ""


def test_all_comparisons_of_labels_are_told_with_what_was_read():
    compared = pd.concat(
        [labels_of((0.1, 0.01)), labels_of((-0.1, 0.01), (0.2, 0.2), test_set="regulondb")]
    )
    counts = pd.DataFrame({"test_set": ["drnaseq"], "n": [100], "shared": [20]})
    read = {"curated": (2_000_000, 3.0), "regulondb": (2_000_000, 3.0)}
    said = labels_words.say_labels(compared, read, ["drnaseq"], counts, False)
    assert "RegulonDB +0.100 (+0.090 to +0.110)" in said
    assert "significantly higher PR AUC in 0 of 2 comparisons and the lower in 1 (1 of them" in said
    assert "trained on 2 million scored positions (3.0 passes), three seeds each." in said
    assert "100 sites in the test part; 20 of them lie exactly" in said
    assert "| dRNA-seq | curated set | ROC AUC | 0.300 (0.300–0.300; 3) |  |  |" in said
    uneven = {**read, "regulondb": (1_000_000, 1.5)}
    lone = labels_words.say_labels(compared.assign(n_seeds=1), uneven, ["drnaseq"], counts, True)
    assert "unequal numbers of scored positions (1.5 to 3.0 passes)" in lone
    assert "over blocks of the genome alone" in lone and "an earlier run" in lone


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
    assert said.startswith("Differences are from m, on the same resampled blocks")
    assert "| better | 0.300 (0.200 to 0.400) | +0.100 (+0.050 to +0.150) | higher |" in said
    assert "| gone† | 0.400 (0.300 to 0.500) |  | no paired interval |" in said
    assert "| m |" not in said
    two = scores_words.say_rivals(comparison.iloc[:2], "m", [])
    assert two.startswith("The PR AUC of better differs from that of m by **+0.100 (+0.050 to")
    gone = scores_words.say_rivals(comparison.iloc[[0, 2]], "m", ["gone"])
    assert gone.startswith("Differences are from m")


def by_attention(low, high, test_set="curated"):
    return pd.DataFrame(
        [
            {"test_set": test_set, "metric": metric, "with_attention": "m",
             "with_dilations": "cnn", "n_attention": 5, "n_dilations": 3, "mean_attention": 0.32,
             "mean_dilations": 0.3, "difference": 0.02, "ci_low": low, "ci_high": high,
             "p_permutation": 0.0179}
            for metric in BOTH
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.001, 0.1, "attention raises the PR AUC**"),
        (0.0, 0.1, "attention does not change the PR AUC significantly**"),
        (-0.1, 0.0, "attention does not change the PR AUC significantly**"),
        (-0.1, -0.001, "attention lowers the PR AUC**"),
        (np.nan, np.nan, "with one seed only"),
    ],
)
def test_what_attention_adds_follows_from_the_interval_over_seeds(low, high, told):
    assert told in labels_words.attention_verdict(by_attention(low, high), "curated")


def test_attention_is_told_on_all_test_sets_with_passes():
    both = pd.concat([by_attention(0.01, 0.03), by_attention(-0.01, 0.03, "drnaseq")])
    said = labels_words.say_attention(both, "curated", {"m": 3.15, "cnn": 3.2})
    assert "5 seeds against 3, permutation p = 0.018" in said
    assert "PR AUC on dRNA-seq 0.320 against 0.300 (+0.020 (-0.010 to +0.030))" in said
    assert "3.1 and 3.2 passes" in said or "3.2 and 3.2 passes" in said
    assert labels_words.attention_verdict(pd.DataFrame(), "curated").startswith("**This run")


# ------------------------------------------------------------------------------ the best model


def candidates(*values):
    return pd.DataFrame(
        [
            {"model": f"m{number}", "validation_pr_auc": 0.5 - number / 10, "value": value,
             "ci_low": value - 0.1, "ci_high": value + 0.1, "n_models": 1}
            for number, value in enumerate(values)
        ]
    )  # fmt: skip


def test_the_best_model_is_named_with_its_scores_on_the_test_part():
    away = scores(0.2, 0.1, 0.3, model="m0", test_set="drnaseq").iloc[[1]]
    genes = away.assign(model="with genes", value=0.15)
    said = best_words.say_best(
        candidates(0.4, 0.3), pd.concat([away, genes]), "curated", ["with genes"]
    )
    assert "of genes is *m0***, chosen on" in said
    several = best_words.best_verdict(candidates(0.4).assign(n_models=3), away)
    assert "is *m0***, the mean log-odds of three networks, chosen on" in several
    assert "a PR AUC of 0.400 (0.300 to 0.500) on the test part and 0.200" in said
    assert "among 2 models" in said and "(0.500)" in said and "none of the others" in said
    assert "is *with genes*, with 0.150" in said and "| m1 | 0.400 | 0.300" in said
    other = best_words.say_best(candidates(0.4, 0.45, 0.5), away, "curated", [])
    assert "2 of the others are higher, by 0.100 at most" in other and "genes begin" not in other
    assert best_words.best_verdict(pd.DataFrame(), away) == ""


# -------------------------------------------------------------------------------- kinds of sites


def recall_table(*rows):
    return pd.DataFrame(rows, columns=["kind", "group", "n", "recall", "ci_low", "ci_high"])


def test_recall_is_told_by_kind_if_sites_are_enough():
    table = recall_table(
        ("all", "all sites", 100, 0.4, 0.3, 0.5),
        ("sources", "1", 50, 0.2, 0.1, 0.3),
        ("sources", "2", 50, 0.6, 0.5, 0.7),
        ("sigma factor", "σ70", 40, 0.6, 0.5, 0.7),
        ("sigma factor", "σ32", 10, 0.5, 0.2, 0.8),
        ("sigma factor", "σ28", 9, 0.1, 0.0, 0.5),
    )
    said = sites_words.say_found(table, 5)
    assert said.startswith(
        "**Those that more assays saw.** Of the 100 sites, 40% (30% to 50%) have a call"
    )
    assert "goes from 20% (10% to 30%) with 1 to 60% (50% to 70%) with 2." in said
    assert "σ32 50% (20% to 80%) of 10" in said and "σ28" not in said
    near = table.assign(ci_low=0.1)
    assert not sites_words.say_found(near, 5).startswith("**Those")
    bare = sites_words.say_found(table.iloc[:1], 5)
    assert "cannot be told here" in bare and "name no sigma factors" in bare


def test_copies_are_counted_and_left_out():
    own = scores(0.5, 0.4, 0.6).set_index("metric")
    said = sites_words.say_copies(3, 100, own, scores(0.45, 0.4, 0.5))
    assert "Of 100 sites, 3 have the 20 nt directly upstream" in said
    assert "its PR AUC is 0.450 (0.400 to 0.500), with them 0.500" in said
    assert "Without" not in sites_words.say_copies(0, 100, own, None)


# ------------------------------------------------------------------------------------- genes


def test_the_gene_prior_is_told_by_place():
    places = ["between genes", "in a gene, sense", "in a gene, antisense"]
    said = errors_words.say_places(
        "both", pd.Series([0.56, 0.33, np.nan], places), pd.Series([0.67, 0.33, np.nan], places)
    )
    assert "between genes it goes from 56% to 67%; in a gene (sense) it stays at 33%." in said
    assert "antisense" not in said
    lost = pd.Series([0.5, np.nan, np.nan], places)
    assert "between genes it goes from 50% to 40%" in errors_words.say_places(
        "both", lost, lost - 0.1
    )
    none = pd.Series(np.nan, places)
    assert errors_words.say_places("both", none, none) == ""


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([(-0.2, -0.3, -0.1)], "**In part the curated set.**"),
        ([(0.2, 0.1, 0.3)], "**Promoters.**"),
        ([(-0.1, -0.3, 0.0)], "does not change the PR AUC significantly"),
        ([(0.2, 0.1, 0.3), (-0.2, -0.3, -0.1)], "significantly in 1 and lowers it in 1 of 2"),
        ([(-0.2, -0.3, -0.1), (0.0, -0.1, 0.1)], "significantly in 0 and lowers it in 1 of 2"),
    ],
)
def test_whether_the_prior_learnt_promoters_follows_from_new_sites(gains, verdict):
    given = {("drnaseq", f"e{number}"): gain for number, gain in enumerate(gains)}
    said = errors_words.say_beyond(given, "curated")
    assert verdict in said and "Does the prior know promoters, or only the curated set?" in said
    assert errors_words.say_beyond({}, "curated") == ""


# -------------------------------------------------------------------------------- kinds of error


def table_of_matches(*precisions):
    return pd.DataFrame(
        [
            {"model": "m", "tolerance": tolerance, "average_precision": value, "ci_low": 0.0,
             "ci_high": 1.0, "precision": value, "recall": value, "n_sites": 100}
            for tolerance, value in precisions
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("precisions", "share"),
    [
        ([(0, 0.1), (2, 0.19)], "10%"),
        ([(0, 0.1), (1, 0.1), (2, 0.415), (5, 0.9)], "35%"),
        ([(0, 1.0), (2, 1.0)], None),
        ([(0, 0.1), (5, 0.9)], None),
        ([(2, 0.5)], None),
    ],
)
def test_how_much_is_a_nucleotide_or_two_follows_from_what_is_resolved(precisions, share):
    said = errors_words.say_matching(table_of_matches(*precisions), "m")
    told = f"**Of the calls of m that miss the exact position, {share} have a site of their own"
    assert said.startswith(told if share else "````{admonition}")


def test_matching_says_which_share_lies_near():
    said = errors_words.say_matching(table_of_matches((0, 0.2), (1, 0.4)), "m")
    assert "25% have a site of their own within 1 nt" in said
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
        {"what": ["false positives", "sites", "all positions"], "place": "between genes",
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
    assert said.startswith("**Many lie near a known site.**")
    assert "Of 100 false positives, 30% lie within 5 nt of a site of any set" in said
    assert "against 3.0% of all positions, and 50% lie between genes" in said
    for few in (distances(share=0.06), distances(n=4)):
        assert "**Few lie near a known site.**" in errors_words.say_false(
            200, 100, few, places(), 5
        )
    alone = errors_words.say_false(200, 100, distances(groups=("own",)), places(), 5)
    assert "Of 100 false positives, 50% lie between genes" in alone and "any set" not in alone
    assert "**There is none.**" in errors_words.say_false(200, 0, distances(), places(np.nan), 5)


def test_starts_of_genes_are_not_compared_with_places_between_genes():
    said = errors_words.say_false(200, 100, distances(), places(), 5)
    assert "against 48% of the sites and 11% of all positions" in said
    inside = places().assign(share=[0.5, 0.0, 0.11])
    said = errors_words.say_false(200, 100, distances(), inside, 5)
    assert "lie between genes, against 11% of all positions" in said


@pytest.mark.parametrize(
    ("precision", "average", "told"),
    [(0.6, 0.5, True), (0.6, 0.26, False), (0.501, 0.5, False)],
)
def test_near_misses_are_called_high_if_there_are_some_and_they_weigh_much(
    precision, average, told
):
    own = pd.DataFrame(
        {"tolerance": [0, 2], "precision": [0.5, precision], "average_precision": [0.25, average]}
    ).assign(ci_low=0.1, ci_high=0.9)
    said = errors_words.say_near("m", own)
    assert ("These are among its highest calls" in said) == told


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
    assert "and from 0.100 to 0.200 in PR AUC. All decisions" in said, "no seeds, no spread"
    assert "| gone† | 1.00 | 3.000 | 0.800 | 0.100 | 0.300 |" in said
    assert "| both | 3.00 |  | 0.900 | 0.200 | 0.400 |" in said and "PR AUC, 10-mers" in said
    assert words.say_steps(table.iloc[:0], []).startswith("Left out")


def test_a_step_is_a_gain_if_it_moves_the_mean_by_more_than_seeds_differ():
    def told(*means: float) -> str:
        rows = [
            {"step": str(step), "model": f"m{step}", "passes": 1.0, "validation_loss": 0.003,
             "roc_auc": 0.9, "pr_auc": mean + side, "pr_auc_10": 0.5}
            for step, mean in enumerate(means) for side in (-0.02, 0.02)
        ]  # fmt: skip
        return words.say_steps(pd.DataFrame(rows), [])

    assert "differ by 0.040 at most; none of the 2 steps by itself" in told(0.2, 0.23, 0.26)
    assert "by more, all of them together do." in told(0.2, 0.23, 0.26)
    assert "only 1 of the 2 steps by itself moves the mean by more, all" in told(0.2, 0.25, 0.26)
    assert "each of the 2 steps by itself moves the mean by more. All" in told(0.2, 0.25, 0.3)
    assert "by itself" not in told(0.2, 0.21) and "0.040 at most" in told(0.2, 0.21)


def test_readings_are_told_as_changes():
    said = words.say_readings(readings(), ["curated", "smrt"], [])
    assert "the code reads no sequence before a segment" in said and "focal" not in said
    assert "(0.80 passes)" in said and "| unchanged | 0.500 | 0.500 |" in said
    change = "-0.200 (-0.300 to -0.100)"
    assert f"| context 128 → 0 | {change} | {change} |" in said and "†" not in said
    assert f"greatest change first: {change} with `context 128 → 0`." in said
    old = words.say_readings(readings(), ["curated"], ["base", "cold"])
    assert "| unchanged† |" in old and "their weights are not here" in old
    assert words.say_readings(readings().iloc[:0], ["curated"], []).startswith("Left out")


def test_in_short_follows_from_the_scores():
    def said(value, low):
        own = scores(value, low, 1.0).set_index("metric")
        given = table_of_matches((0, 0.3), (5, 0.4))
        return words.say_in_short("m", own, 0.001, given, ["Best.", "", "Attention."], "No: x")

    assert "far above most nucleotides" in said(0.95, 0.94)
    assert "30% (21% to 40%) are a site and 40% (30% to 50%) lie within 5 nt" in said(0.95, 0.94)
    assert "above other nucleotides." in said(0.8, 0.7)
    assert "does not distinguish" in said(0.52, 0.5)
    assert "\n- Best.\n- Attention.\n- Is the output a probability? No: x." in said(0.95, 0.94)


def by_mean(**values):
    return pd.DataFrame(
        [
            {"k": int(k[1:]), "how": "mean", "metric": "pr_auc", "value": v}
            for k, v in values.items()
        ]
    )


def test_what_longer_words_add_is_told_beside_the_paper_with_its_reason():
    ratios = pd.DataFrame(
        {"exact": [0.1, 0.2, 0.3, 0.4, 0.5], "coarse": [0.3, 0.4, 0.5, 0.5, 0.55]}
    )
    own = table_of_matches((0, 0.3), (2, 0.4))
    said = errors_words.say_ratio(by_mean(k1=0.24, k4=0.31), {1: 0.14, 4: 0.29}, own, ratios)
    assert (
        "the PR AUC is 1.3 times that at exact positions; in the paper it more than doubled" in said
    )
    assert "within 2 nt of a site, 75% lie exactly on it." in said
    assert "+0.100 at exact positions and by +0.020 at 4-mers: about 80% of this lead" in said
    assert "In 5 models" in said and "1.1 to 3.0 times" in said and "-1.00" in said
    paper = {1: 0.14, 4: 0.32}
    gone = errors_words.say_ratio(by_mean(k1=0.24, k4=0.31), paper, own, ratios)
    assert "this lead is better placement" in gone
    behind = errors_words.say_ratio(by_mean(k1=0.1, k4=0.2), paper, own, ratios)
    assert "-0.040 at exact positions and by -0.120 at 4-mers." in behind
    few = errors_words.say_ratio(by_mean(k1=0.1, k4=0.3), None, own, ratios)
    assert few.endswith("3.0 times that at exact positions.")
    assert errors_words.say_ratio(by_mean(k1=0.1), None, own, ratios) == ""


def test_starts_of_genes_are_told_by_codon_and_miss_no_sigma_factor():
    table = recall_table(
        ("all", "all sites", 100, 0.4, 0.3, 0.5),
        ("start codon", "ATG", 80, 0.5, 0.4, 0.6),
        ("start codon", "GTG", 12, 0.1, 0.0, 0.3),
    )
    said = sites_words.say_found(table, 5)
    assert "- By start codon: ATG 50% (40% to 60%) of 80; GTG 10% (0% to 30%) of 12." in said
    assert "sigma" not in said and "cannot be told" not in said


def test_in_short_speaks_of_seeds_only_where_recipes_are_compared():
    own = scores(0.95, 0.94, 1.0).set_index("metric")
    given = ("m", own, 0.001, table_of_matches((0, 0.3)), ["Best."], "No: x")
    assert "The comparison of labels also" in words.say_in_short(*given)
    alone = words.say_in_short(*given, several=False)
    assert alone.endswith("one training; they do not count the spread of seeds.")
