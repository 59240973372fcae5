"""The chapter on heads: what its steps keep, and what its sentences say at their limits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import heads as chapter
from genoattn.chapters import heads_motifs, heads_networks
from genoattn.chapters import heads_words as words
from genoattn.heads import profiles as analysis
from genoattn.heads.preferred import BestSequences
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import inputs, parameters, report
from genoattn.study.run import Run
from genoattn.study.tasks import TASKS

KEYS = ["layer_1based", "head_1based"]
NAMED = "By position and sequence, heads are named after"


def checked(folder: Path, **given):
    """Parameters of a chapter, small ones."""
    defaults = {name: parameter.default for name, parameter in chapter.PARAMETERS.items()}
    small = {
        "run_dir": str(folder),
        "results_dir": str(folder / "results"),
        "weights": "tiny",
        "n_random": 300,
        "n_extreme": 30,
        "n_best": 10,
        "k_census": 20,
        "n_known": 10,
        "n_permutations": 1,
        "n_shuffles": 100,
        "min_sites": 10,
        "n_pairs": 2,
    }
    return parameters.check(chapter.PARAMETERS, {**defaults, **small, **given})


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A run with a simulated genome and an untrained model of two layers of two heads."""
    folder = tmp_path_factory.mktemp("run")
    run, study = Run(folder), inputs.synthetic_inputs(seed=0, length=20_000)
    run.save_inputs(study)
    curated = study.sites.drop_duplicates(["position", "strand"])[["position", "strand"]]
    run.write_curated(
        curated.assign(source="curated", n_sources=1, members="x", kind="shared", votes=1)
    )
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=64)
    network = Annotator(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # so that heads differ clearly from place to place
    card = Card(config={}, parts={"test": [0, 4_000], "validation": [4_000, 6_000]})
    run.training.mkdir()
    network.save(run.training / "tiny.safetensors", card)
    model = run.model("tiny", "cpu")
    run.predict(model.file, "test", model.split)
    return run


@pytest.fixture(scope="module")
def p(run):
    return checked(run.folder)


@pytest.fixture(scope="module")
def subject(run, p):
    return heads_motifs.subject(run, p)


@pytest.fixture(scope="module")
def seen(run, subject, p):
    return heads_motifs.observed(run, subject, heads_motifs.samples(run, subject, p), p)


@pytest.fixture(scope="module")
def motifs(subject, seen, p):
    return heads_motifs.looked_for(subject, seen, p)


@pytest.fixture(scope="module")
def elements(subject, motifs, p):
    return heads_motifs.elements(subject, motifs, p)


def test_the_pass_keeps_the_samples_in_their_order_and_all_positions(seen, p):
    assert seen.n_random == p.n_random and len(seen.attention) == 300 + 2 * 30
    assert (seen.random["group"] == "random").all() and len(seen.random) == 300
    assert seen.n_positions == 2 * 4_000
    assert seen.at_random.shape == (300, 2, 2, 64)
    np.testing.assert_allclose(seen.over_all.mean.sum(axis=-1), 1, atol=1e-3)
    assert (seen.over_all.maximum >= seen.by_group["random"].maximum - 1e-3).all()
    assert seen.favourite.tolist() == seen.over_all.mean.argmax(axis=-1).tolist()
    frame = seen.finding.kept["profiles"]
    assert frame.columns.tolist() == [
        *KEYS, "offset", "label", "mean", "maximum", "census_mean", "highest", "lowest",
        "spearman", "pearson", "pearson_ranks",
    ]  # fmt: skip
    assert len(frame) == 4 * 64


def test_a_convolutional_network_has_no_heads(run, monkeypatch):
    model = run.model("tiny", "cpu")._replace(network=torch.nn.Identity())
    monkeypatch.setattr(run, "model", lambda name: model)
    with pytest.raises(ValueError, match="no attention heads"):
        heads_motifs.subject(run, checked(run.folder))


def test_the_steps_keep_what_later_chapters_read(run, subject, seen, motifs, elements, p):
    error = heads_motifs.sample_error(seen)
    joint = chapter.together(subject, seen, p)
    spacer = chapter.spacer(subject, seen, motifs, elements, p)
    known = chapter.known_motifs(subject, motifs, p)
    sites = chapter.known_sites(run, subject, motifs, p)
    others = chapter.networks(run, subject, motifs, elements, p)
    everything = chapter.all_heads(motifs, elements, known, sites, p)
    statements = chapter.statements(seen, motifs, elements, p)
    steps = (seen, error, motifs, elements, joint, spacer, known, sites, everything, statements)
    run.write(p, *steps)
    kept = {path.name for path in (run.folder / "heads").iterdir()}
    assert kept == {
        "tiny_profiles.csv", "tiny_matches.csv", "tiny_known.csv", "tiny_table.csv",
        "tiny_logos.npz", "tiny-untrained_census.npz",
    }  # fmt: skip
    logos = dict(np.load(run.folder / "heads/tiny_logos.npz"))
    assert list(logos) == ["counts", "offset", "n_distinct", "wide_counts", "background"]
    assert logos["counts"].shape == (2, 2, 7, 4) and logos["wide_counts"].shape == (2, 2, 23, 4)
    assert not run.kept("03_heads", "tiny", "known")["decoy"].any()
    table = run.kept("03_heads", "tiny", "table")
    assert table[["layer", "head"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert table["site_odds_ratio"].tolist() == pytest.approx(
        sites.any_site["odds_ratio"].tolist(), rel=1e-4
    )
    results = {path.stem for path in run.results.iterdir()}
    assert {"heads_samples", "heads_elements", "heads_pairs", "heads_known"} <= results
    assert ("heads_spacers" in results) == (spacer.by_heads is not None)
    answer = chapter.in_short(motifs, elements, others, known, sites, p).said
    assert "of 4 heads" in answer and "another seed" in answer


def test_other_seeds_and_networks_that_learnt_nothing_go_by_the_same_rule(
    run, subject, motifs, elements
):
    for name in ("tiny-s1", "mixed"):  # the same weights, so the same roles
        for end in (".safetensors", ".json"):
            copy = (run.training / f"tiny{end}").read_bytes()
            (run.training / f"{name}{end}").write_bytes(copy)
    p = checked(run.folder, seeds=["tiny-s1", "tiny-s9"], controls=["mixed"])
    found = chapter.networks(run, subject, motifs, elements, p)
    table = found.table.set_index("model")
    assert table.index.tolist() == ["tiny", "tiny-s1", "tiny-untrained", "mixed"]
    assert table["control"].tolist() == ["", "", "untrained", "shuffled labels"]
    for name in ("tiny-s1", "mixed"):
        assert table.loc[name].drop("control").equals(table.loc["tiny"].drop("control"))
    assert table.loc["tiny", "n_roles"] == len(elements.roles)
    assert table.loc["tiny-untrained", "information"] != table.loc["tiny", "information"]
    assert "Not there, and left out: tiny-s9." in found.finding.said

    def again(*_):
        raise AssertionError("a census that is kept is taken again")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(heads_networks, "predict", again)
        chapter.networks(run, subject, motifs, elements, p)


def networks(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model", "control", "n_roles"]).assign(
        n_heads=36, n_selective=10, elements="", information=5.0
    )


def test_roles_are_owed_to_training_only_if_they_are_more_frequent_there():
    few = networks(("a", "", 3), ("a-untrained", "untrained", 1))
    few["n_selective"] = [10, 2]
    said = words.say_networks(few, [])
    assert "it is not shown that more heads have a role where start sites were learnt" in said
    assert "with 7 or more it would be significant" in said
    assert "Of each network's 36 heads, 10 are selective where" in said
    assert "10 are selective where start sites were learnt, and 2 elsewhere." in said
    sizes = words.say_networks(few.assign(n_heads=[36, 12]), [])
    assert "networks' heads, 10 of 36 are selective where start sites were learnt, and 2 of 12" in (
        sizes
    )
    assert words.say_null(few) == (
        "Of the 36 heads of networks not trained on start sites, 2 are selective and 1 "
        "matches. The difference in matches (3 against 1) is not significant, if heads are counted "
        "as independent."
    )
    more = networks(("a", "", 9), ("b", "", 8), ("a-untrained", "untrained", 1))
    more["n_selective"] = [12, 13, 2]
    said = words.say_networks(more, [])
    assert "17 have a role (9 and 8, network by network)" in said
    assert (
        "**So more heads have a role in the networks trained on start sites**" in said
        and "would be" not in said
    )
    assert "25 are selective in this sense" in words.say_null(more)
    assert words.say_null(more).endswith(
        "1 matches. The difference in matches (17 against 1) is significant, if heads are counted "
        "as independent."
    )


def test_without_known_sites_the_table_has_empty_columns(motifs, elements, subject, p):
    known = chapter.known_motifs(subject, motifs, p)
    nothing = chapter.KnownSites(None, None, report.Finding("none"))
    table = chapter.all_heads(motifs, elements, known, nothing, p).table
    assert table.columns[-4:].tolist() == ["site_odds_ratio", "site_low", "site_high", "site_q"]
    assert table["site_q"].isna().all() and len(table) == 4


def test_no_sites_are_tested_where_none_are_known(run, subject, motifs, p):
    study = subject.study
    without = type(study)(
        study.genome, study.features, study.operons, study.terminators, study.sites
    )
    sites = chapter.known_sites(run, subject._replace(study=without), motifs, p)
    assert sites.enriched is None and not sites.finding.results
    assert "No binding sites are known" in sites.finding.said


def test_no_spacer_without_a_head_at_both_boxes(subject, seen, motifs, elements, run):
    spacer = chapter.spacer(
        subject, seen, motifs, elements, checked(run.folder, boxes=["no such box", "-10"])
    )
    assert spacer.by_heads is None and not spacer.finding.results
    assert "no spacer is measured" in spacer.finding.said


def test_promoters_are_the_best_of_their_neighbours():
    samples = pd.DataFrame(
        {
            "group": ["random", "highest", "highest", "highest", "highest"],
            "strand": ["+", "+", "+", "-", "+"],
            "position": [5, 100, 110, 110, 140],
        }
    )
    assert chapter._promoters(samples).tolist() == [1, 3, 4]


def test_correlations_name_the_strongest_pair(seen):
    found = chapter.correlations(seen)
    assert found.n_heads == 2 and len(found.orders) == 2
    matrix = np.array([[1, 0.2, 0.9], [0.2, 1, -0.95], [0.9, -0.95, 1]])
    said = words.say_correlations({"all weights": matrix}, 2)
    assert said == "The most correlated heads are L1 H1 and L2 H1 (r = 0.90 over all weights)."
    assert words.say_correlations({"x": np.ones((1, 1))}, 1) == "There is only one head."


# ------------------------------------------------------------------------------- sentences


def test_the_subject_says_where_heads_look_and_what_the_paper_prints(subject):
    said = subject.finding.said
    assert "2 layers of 2 heads" in said and "from -43 to +21" in said
    assert "8,000 nucleotides on both strands, hence 2.0 million weights" in said
    assert "The paper" not in said
    study = SimpleNamespace(
        note="",
        site="site",
        published=True,
        genome=SimpleNamespace(name="NC_000913.3"),
        of=TASKS["tss"],
    )
    said = words.say_subject(study, "curated", AnnotatorConfig(), 1_856_660)
    assert "hence 34.2 billion weights" in said and "3.4·10¹⁰" in said


def test_sample_error_says_median_worst_and_shortfall():
    error = pd.DataFrame(
        {
            "relative": [0.01, 0.02, 0.25],
            "beyond_two": [0.0, 0.0, 0.3],
            "same_peak": [True, True, False],
        }
    )
    said = words.say_sample_error(error, np.array([1.0, 0.5, 0.1]), 100, 2_000)
    assert "is 2.0% of the head's highest mean in the median head and 25.0% in the w" in said
    assert "10.0% of all means" in said and "2 of 3 heads" in said
    assert "its largest weight is typically 50% of the true largest" in said
    assert "at worst 10%" in said


@pytest.mark.parametrize(
    ("peaks", "verdict"),
    [
        ([-82, -40], "**L1 H1** peaks there."),
        ([-79, -85], "**L1 H1 and L1 H2** peak there."),
        ([-78, -86], "**No head peaks there**, in any layer."),
    ],
)
def test_a_place_is_that_of_a_head_which_peaks_within_three_nucleotides(peaks, verdict):
    looking = pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": [1, 2],
            "enrichment": [9.5, 2.0],
            "peak_label": peaks,
        }
    )
    said = words.say_place(looking, -82)
    assert said.endswith(verdict)
    assert f"L1 H1 (9.5 times; peak at {peaks[0]}) and L1 H2 (2.0 times" in said
    assert "does not reach -82" in words.say_place(looking[:0], -82)


def test_motifs_are_compared_by_their_information():
    sharp = 50 * np.eye(4, dtype=int)[[0, 1]]
    flat = np.full((2, 4), 25)

    def best(*counts):
        shape = (1, len(counts))
        return BestSequences(
            np.array([counts]),
            np.arange(1, 1 + len(counts))[None],
            np.zeros(shape),
            np.zeros(shape),
        )

    said = words.say_motifs(best(flat, sharp), best(sharp, sharp), np.full(4, 0.25), 10, 20)
    assert "more informative motif in 1 of 2 heads" in said
    assert "hold 1 to 2 different motifs (median 2)" in said and "about 4 possible" in said


def roles(*rows) -> pd.DataFrame:
    """Rows of layer, head, element and rivals."""
    frame = pd.DataFrame(list(rows), columns=[*KEYS, "element", "rivals"])
    return frame.assign(role=frame["element"])


@pytest.mark.parametrize(
    ("given", "n", "said"),
    [
        ([], 2, "**No element** is matched in position and sequence."),
        ([(1, 2, "-10", "")], 1, f"{NAMED} **every element**: -10 (L1 H2)."),
        ([(1, 2, "-10", "")], 2, f"{NAMED} **only one element**: -10 (L1 H2)."),
        (
            [(1, 2, "-10", "extended"), (3, 1, "-10", "")],
            3,
            f"{NAMED} **only one element**: -10 (L1 H2 and L3 H1). "
            "Of these heads, some are as similar, or nearly so, to another element: to the "
            "extended (L1 H2).",
        ),
        (
            [(1, 2, "-10", ""), (2, 2, "-35", "")],
            3,
            f"{NAMED} **2 of 3 elements**: -10 (L1 H2) and -35 (L2 H2).",
        ),
        (
            [(1, 2, "-10", ""), (2, 2, "-35", "")],
            2,
            f"{NAMED} **every element**: -10 (L1 H2) and -35 (L2 H2).",
        ),
    ],
)
def test_elements_that_are_matched(given, n, said):
    assert words.say_roles(roles(*given), n) == said


@pytest.mark.parametrize(
    ("together", "apart", "spaced", "said"),
    [
        (
            0,
            0,
            [],
            "In none of 630 pairs of heads are the weights correlated beyond chance; we find **no "
            "jointly",
        ),
        (
            1,
            0,
            [],
            "In 1 of 630 pairs of heads, the weights are correlated beyond chance. In none of "
            "these are the two positions 7 to 60 nt apart, so",
        ),
        (54, 2, [False, False], "Among the strongest (2 drawn) we find **no jointly read spaced"),
        (54, 2, [True, False], "Of the strongest (2 drawn), **1** shows a spaced motif."),
        (54, 2, [True, True], "Of the strongest (2 drawn), **2** show a spaced motif."),
    ],
)
def test_pairs_of_heads(together, apart, spaced, said):
    assert said in words.say_pairs(630, together, apart, spaced, (7, 60))


@pytest.mark.parametrize(
    ("p_value", "verdict"),
    [
        (0.05, "start sites: more often than by independent choice"),
        (0.051, "start sites: not significantly more often than by independent choice"),
    ],
)
def test_a_spacer_is_judged_against_independent_choice(p_value, verdict):
    by_heads = pd.DataFrame(
        {
            "spacer": [15, 16, 17, 18],
            "n": [1, 1, 6, 2],
            "share": [0.1, 0.1, 0.6, 0.2],
            "expected": [0.1, 0.2, 0.3, 0.1],
            "p_value": [1, 1, p_value, 1],
        }
    )
    boxes = [
        pd.Series({"layer_1based": 4, "head_1based": head, "element": element, "q_value": q})
        for head, element, q in ((1, "-35 box", 1.0), (2, "-10 box", 0.016))
    ]
    said = words.say_spacer(by_heads, boxes, [False, True], 17)
    assert "L4 H1, the head most like the -35 box, and L4 H2, a head of the -10 box, find" in said
    assert "most often, at 60% of 10 predicted" in said and verdict in said
    assert "17 nt is found at 90% of the sites, against 60% by independent" in said
    assert said.endswith(
        "L4 H1 does not qualify as a -35 box head (q = 1); this comparison is only illustrative."
    )
    weak = words.say_spacer(by_heads, boxes, [False, False], 17)
    assert "head (q = 1) and L4 H2 does not qualify as a -10 box head (q = 0.016); this" in weak
    assert "qualify" not in words.say_spacer(by_heads, boxes, [True, True], 17)


def test_correlations_with_the_output_are_counted_against_chance():
    by_layer = pd.DataFrame(
        {
            "layer_1based": [1, 2, 3],
            "maximum": [0.1, 0.2, 0.3],
            "minimum": [-0.1, -0.69, 0.0],
            "maximum_all": [0, 0, 0],
            "minimum_all": [0, 0, 0],
        }
    )
    said = words.say_output(by_layer, 0.3)
    assert "is 0.69, in layer 2, regardless of sign. 1 of 3 layers exceed 0.30" in said


def known(*q) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": np.arange(len(q)) + 1,
            "motif": "CRP",
            "width": 7,
            "overlap": 6,
            "reverse": False,
            "p_value": 1e-4,
            "q_value": q,
            "q_tomtom": q,
        }
    )


@pytest.mark.parametrize(
    ("q", "said"),
    [
        (
            (0.051, 1),
            "all 8 known motifs, at any place, **none of 2 heads** passes (q ≤ 0.05; by",
        ),
        ((0.05, 1), "at any place, **1 of 2 heads** passes"),
        ((0.05, 0.01), "at any place, **2 of 2 heads** pass ("),
    ],
)
def test_known_motifs_count_up_to_the_greatest_q(q, said):
    calibration = pd.DataFrame(
        {"threshold": [0.1, 0.01], "heads": [1, 0.02], "shuffled": [1, 0.01]}
    )
    told = words.say_known_motifs(known(*q), known(*q), calibration, 8, 0.05)
    assert said in told
    assert ("CRP" in told) == (min(q) <= 0.05)
    assert f"correction, {sum(one <= 0.05 for one in q) or 'none'} would; we rely on" in told
    assert "1.00% of the comparisons of shuffled motifs and by 2.00%" in told


def enriched(*q) -> pd.DataFrame:
    n = len(q)
    return pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": np.arange(n) + 1,
            "kind": "binding site",
            "name": "any",
            "n": 100,
            "n_inside": 9,
            "expected": 3.0,
            "odds_ratio": [3.0] * (n - 1) + [np.inf],
            "low": 1.5,
            "high": [6.0] * (n - 1) + [np.inf],
            "p_value": np.asarray(q) / 10,
            "q_value": q,
        }
    )


def test_known_sites_at_the_limits():
    none = enriched(0.06, 1.0)
    said = words.say_known_sites(none, none, 0.05)
    assert "**None of 2 heads** has best places that are shown to be enriched in" in said
    assert (
        said.endswith("none of 2 pairs of head and set is shown to be enriched.")
        and "|" not in said
    )
    both = enriched(0.05, 0.05)
    said = words.say_known_sites(both, both, 0.05)
    assert "**2 of 2 heads** have best places that are shown to be enriched" in said
    assert "3.0 (1.5 to 6.0)" in said and "inf (no interval)" in said
    assert "the clearest 1:" in words.say_known_sites(both, both, 0.05, most=1)


def test_the_answer_counts_heads_and_names_the_clearest_odds():
    told = words.say_tested(roles(), known(1.0), enriched(0.2, 0.1), 0.05)
    assert "no head matches a promoter element at its place; against all known motifs" in told
    assert "at any place, none passes; no head has best places" in told
    assert (
        "(clearest: L1 H1, odds ratio 3.0, 95% interval 1.5 to 6.0 before correction; "
        "corrected over heads and sets q = 0.2, so chance may explain it). What the 1 head reads, "
        "attention does not tell."
    ) in told
    some = words.say_tested(
        roles((1, 2, "-10", ""), (3, 1, "-35", "")), known(0.05), enriched(0.05, 0.1), 0.05
    )
    assert "2 heads match a promoter element at its place: -10 (L1 H2) and -35 (L3 H1); ag" in some
    assert "at any place, 1 head passes; 1 head has best places" in some
    assert "q = 0.05)." in some and "chance" not in some
    two = known(1.0, 1.0, 1.0)
    found = words.say_tested(roles(), two, None, 0.05)
    assert found.endswith("What the 3 heads read, attention does not tell.")
    found = words.say_tested(roles((1, 1, "-10", "")), two, None, 0.05)
    assert "like the element's. What the 2 other heads read, it does not tell." in found
    one = roles((1, 1, "-10", ""))
    assert words.say_tested(one, known(1.0), enriched(0.5), 0.05).endswith("sites.")
    assert words.say_tested(one, known(1.0), None, 0.05).endswith("none passes.")


def test_selective_heads_are_counted_inside_and_outside_the_promoter(tmp_path):
    p = checked(tmp_path)
    peaks = pd.DataFrame({"peak_label": [-101, -100, 20, 21]})
    said = words.say_selective(peaks, 36, p)
    assert said.startswith("4 of 36 heads give at least 50% of their attention to positions within")
    assert said.endswith("of one place; 2 of these peak between -100 and +20.")
    assert "; all of these peak" in words.say_selective(peaks[1:3], 36, p)
    assert "; it peaks" in words.say_selective(peaks[1:2], 36, p)
    assert "; none of these peaks" in words.say_selective(peaks[:1], 36, p)
    assert words.say_selective(peaks[:0], 36, p).startswith("None of 36 heads gives")


def test_all_heads_show_known_motifs_and_sites_only_where_there_are_some(motifs):
    rows = motifs.table.assign(
        best_motif="CRP",
        q_value=[0.05, 0.06, 1, 1],
        site_odds_ratio=[2.0, np.nan, np.nan, np.nan],
        site_q=0.01,
        role="",
    )
    said = words.say_all_heads(rows, 0.05)
    assert said.count("CRP (0.05)") == 1 and said.count("CRP") == 1
    assert said.count("2.0 (0.01)") == 1 and said.count("\n| L") == 4
    assert analysis.names(rows)[3] in said
