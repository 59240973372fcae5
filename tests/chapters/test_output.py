"""The chapter on the output: steps on a small study of known answer, sentences at their limits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import output as chapter
from genoattn.chapters import output_antisense, output_intervals, output_sites
from genoattn.chapters import output_antisense_words as antisense_words
from genoattn.chapters import output_sites_words as sites_words
from genoattn.chapters import output_words as words
from genoattn.evaluation.calls import Threshold
from genoattn.genome.split import Split
from genoattn.interventions import shuffles
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.output import antisense, novel, pseudogenes
from genoattn.study import inputs, report
from genoattn.study.parameters import Checked

NAN = float("nan")


def given(**changes: object) -> Checked:
    """The chapter's parameters: defaults, but small."""
    values = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {"flank": 100, "n_bootstrap": 50, "block": 1_000, "n_edited": 2, "widths": [1, 10]}
    return Checked(chapter.PARAMETERS, {**values, **small, **changes})


@pytest.fixture(scope="module")
def out() -> output_sites.Output:
    """A simulated study; the output peaks at each SEnd-seq site, and opposite to it at -18."""
    study = inputs.synthetic_inputs(0, 60_000)
    reported = study.sites[study.sites["source"] == "sendseq"]
    curated = reported[["position", "strand"]].drop_duplicates(ignore_index=True).assign(votes=1)
    split = Split((0, 40_000), (40_000, 45_000), 60_000)
    inside = split.mask("test")
    track = np.random.default_rng(0).uniform(0.9e-3, 1.1e-3, (2, 60_000)).astype(np.float32)
    for position, strand in curated[["position", "strand"]].itertuples(index=False):
        row, step = (0, 1) if strand == "+" else (1, -1)
        track[row, position] += 0.4
        track[1 - row, (position - 18 * step) % 60_000] += 0.02
    track[:, ~inside] = np.nan
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=8, window=16, downstream=5)
    model = SimpleNamespace(network=Annotator(config).eval(), split=split)
    baseline = float(np.median(track[:, inside]))
    return output_sites.Output(
        study, curated, model, track, inside, baseline, report.Finding("")  # type: ignore
    )  # fmt: skip


@pytest.fixture(scope="module")
def p() -> Checked:
    return given()


@pytest.fixture(scope="module")
def around(out, p) -> output_sites.AroundSites:
    return output_sites.around_sites(out, p)


@pytest.fixture(scope="module")
def opposite(out, around, p) -> output_antisense.Opposite:
    return output_antisense.opposite(out, around, p)


@pytest.fixture(scope="module")
def predicted(out, p) -> output_sites.Predicted:
    return output_sites.predicted(out, p)


# ------------------------------------------------------------------------------- steps


def test_the_baseline_is_the_median_of_the_test_part_on_both_strands(out, p):
    study, asked = replace(out.study, operons=out.study.operons.iloc[:0]), []
    run = SimpleNamespace(
        study=study,
        curated=out.curated,
        model=lambda name: SimpleNamespace(name=name, test=out.inside, split=out.model.split),
        output=lambda name: out.track,
        check_test=lambda split, sites, name, block: asked.append(name),
    )
    found = output_sites.loaded(run, p)  # type: ignore[arg-type]
    assert found.baseline == np.median(out.track[:, :40_000])
    assert "80,000 positions" in found.finding.said and "No operons" in found.finding.said
    assert asked == ["the curated set"], "that there are sites to look at is asked first"


def test_regions_are_those_of_the_genome_and_the_parts_of_genes_stand_apart(out, p):
    regions = output_sites.by_region(out, p)
    assert regions.table["region"].iloc[0] == "whole test part"
    assert set(regions.along["region"]) == {f"in genes, part {i}" for i in range(1, 6)}
    assert len(regions.every) == len(regions.table) + len(regions.along)
    assert "paper_ratio" not in regions.finding.results["regions"]
    assert "All regions in numbers" in regions.finding.said


def test_profiles_peak_at_the_site_and_upstream_of_it_on_the_other_strand(around):
    at = around.extremes.set_index(["site_class", "strand"])["peak_offset"]
    assert at["TSSs", "sense"] == 0 and at["TSSs", "antisense"] == -18
    assert "| +1 |" in around.finding.said and "| -18 |" in around.finding.said
    assert set(around.finding.results) == {"profiles", "output_levels", "output_peaks"}


def test_predicted_sites_are_the_planted_peaks(out, predicted):
    near = out.curated[out.inside[out.curated["position"].to_numpy()]]
    known = predicted.sites[predicted.sites["known"]]
    planted = set(near[["position", "strand"]].itertuples(index=False, name=None))
    found = set(known[["position", "strand"]].itertuples(index=False, name=None))
    assert found <= planted and len(found) > 0.8 * len(planted)
    assert predicted.threshold.reached


def test_the_statements_are_made_of_the_steps_and_only_told_of_tsss(out, around, p):
    regions, strands = output_sites.by_region(out, p), output_sites.both_strands(out, p)
    found = output_sites.paper_says(out, around, regions, strands)
    holds = found.results["output_statements"].set_index("statement")["holds"]
    assert holds["the antisense strand peaks upstream of start sites"] == "yes"
    elsewhere = out._replace(study=replace(out.study, task="tis"))
    told = output_sites.paper_says(elsewhere, around, regions, strands)
    assert not told.said and not told.results


def test_the_opposite_peak_of_planted_sites_is_at_their_mirror(out, opposite):
    assert opposite.top == -18 and opposite.window == (-23, -13)
    assert len(opposite.score) == len(opposite.alone)
    offsets = opposite.finding.results["output_antisense"]["offset"]
    assert (offsets.min(), offsets.max()) == (-60, 60)
    assert list(opposite.tops["group"]) == list(antisense.GROUPS)


def test_the_mirror_share_is_that_of_the_planted_peaks(out, opposite, p):
    mirrored = output_antisense.mirrored(out, opposite, p)
    assert (mirrored.at_alone["antisense"] > 0.02).all()
    assert mirrored.at_random["antisense"].median() < 0.02
    assert len(mirrored.correlated) == 3
    none = opposite._replace(alone=opposite.alone.iloc[:0], score=opposite.score[:0])
    said = output_antisense.mirrored(out, none, p).finding.said
    assert said == "No start site is alone, so there is nothing to correlate."


def test_promoters_are_shuffled_only_at_sites_with_an_antisense_peak(out, opposite, p):
    mirrored = output_antisense.mirrored(out, opposite, p)
    shuffled = output_antisense.shuffled(out, opposite, mirrored, p)
    assert list(shuffled.changes["n"].unique()) == [min(2, len(opposite.alone))]
    assert 0 < shuffled.floor["sense"] < 0.1
    low = mirrored._replace(at_alone=mirrored.at_alone * 0)
    none = output_antisense.shuffled(out, opposite, low, p)
    assert not none.changes["n"].any() and np.isnan(none.floor["sense"])
    assert "nothing was shuffled" in none.finding.said


def test_no_pseudogene_means_that_the_comparison_is_left_out(out, p):
    found = chapter.pseudogenes(out, p)
    assert len(found.effects) and found.genes["pseudo"].any()
    features = out.study.features
    study = replace(out.study, features=features[features["type"] != "pseudogene"])
    none = chapter.pseudogenes(out._replace(study=study), p)
    assert none.effects.empty and "left out" in none.finding.said


def test_evidence_near_novel_sites_is_listed_and_counted_once(out, predicted, opposite, p):
    novel = chapter.novel(out, predicted, opposite, p)
    assert len(novel.sites) == (~predicted.sites["known"]).sum()
    either = [mask for name, mask in novel.evidence.items() if name.endswith("not curated")]
    np.testing.assert_array_equal(np.any(either, axis=0), novel.evidence[words.ANY])
    assert not (novel.evidence[words.BARE] & novel.evidence[words.ANY]).any()
    table = chapter.ranked(out, novel, opposite, p).results["candidates"]
    assert table.columns[-1] == "true_site" and "any_evidence" in table
    inside = chapter.internal(out, predicted, novel, p)
    of = inside.finding.results["output_support"]["of"]
    assert set(of) == {"novel sites", "predicted sites inside operons"}
    assert len(of) == len(novel.supported) + 1


def test_sources_that_may_not_be_passed_on_stand_together(out):
    masks = {
        name: np.full((2, 3), value)
        for name, value in (
            ("SEnd-seq, not curated", True),
            ("RegulonDB, not curated", False),
            ("RegulonDB, weak evidence", True),
            ("dRNA-seq", False),
            (words.ANY, True),
        )
    }
    sites = pd.DataFrame({"source": ["sendseq", "regulondb"]})
    published = out._replace(study=SimpleNamespace(sites=sites, published=True))
    listed = chapter._listed(published, masks)
    assert list(listed) == ["sendseq", "regulondb_or_drnaseq", "any_evidence"]
    assert listed["regulondb_or_drnaseq"].all()


# ------------------------------------------------------------------- sentences at their limits


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (1.01, 2.0, output_intervals.ABOVE),
        (1.0, 2.0, output_intervals.NEITHER),
        (0.5, 1.0, output_intervals.NEITHER),
        (0.5, 0.99, output_intervals.BELOW),
        (NAN, NAN, output_intervals.UNKNOWN),
        (0.5, NAN, output_intervals.UNKNOWN),
    ],
)
def test_an_interval_that_touches_what_is_expected_shows_nothing(low, high, found):
    assert output_intervals.verdict(low, high) == found


def test_the_paper_s_median_stands_only_beside_its_genome():
    assert "(the paper's model: 0.0052)" in sites_words.say_output("m", "g", 10, 0.1, True)
    assert "paper" not in sites_words.say_output("m", "g", 10, 0.1, False)
    said = sites_words.say_output("m", "g", 10, 0.1, False)
    assert "20 positions" in said and "can be compared is the *percentile*" in said


def regions(*rows: tuple[str, str, float, float, float]) -> pd.DataFrame:
    whole = ("whole test part", "both", 1.0, 0.9, 1.1)
    columns = ["region", "strand", "ratio", "ratio_low", "ratio_high"]
    return pd.DataFrame([whole, *rows], columns=columns)


def test_regions_are_sorted_by_where_their_interval_lies():
    table = regions(
        ("pseudogenes", "sense", 2.0, 1.5, 2.5),
        ("operon gaps", "sense", 0.5, 0.4, 0.6),
        ("between tandem genes", "antisense", 1.2, 1.0, 1.4),
        ("between divergent genes", "both", 3.0, NAN, NAN),
        ("highest in each operon gap", "sense", 50.0, 40.0, 60.0),
    )
    lines = sites_words.say_regions(table).splitlines()
    assert len(lines) == 4
    assert "Higher" in lines[0] and "pseudogenes, sense (2.00 times, 1.50 to 2.50)" in lines[0]
    assert "Lower" in lines[1] and "operon gaps" in lines[1]
    assert "Not significantly different" in lines[2] and "tandem" in lines[2]
    assert "too few" in lines[3] and "divergent genes (3.00 times)." in lines[3]
    assert "highest" not in sites_words.say_regions(table)
    assert sites_words.say_regions(regions()) == "The test part has none of these regions."


def test_the_table_of_regions_has_the_paper_s_columns_on_its_genome_only():
    columns = ["median", "ci_low", "ci_high", "ratio", "percentile", "percentile_low",
               "percentile_high", "paper_value", "paper_ratio"]  # fmt: skip
    values = [1e-5, NAN, NAN, 2, 70, NAN, NAN, NAN, NAN]
    row = {"region": "r", "strand": "both", "n_nt": 1_200} | dict(zip(columns, values, strict=True))
    table = sites_words.region_rows(pd.DataFrame([row]), 0.95, True)
    assert table.loc[0, ["nt", "95% interval", "percentile", "paper: ratio"]].tolist() == [
        "1,200", "too few blocks", "70 (too few blocks)", ""
    ]  # fmt: skip
    assert not any(
        "paper" in one for one in sites_words.region_rows(pd.DataFrame([row]), 0.95, False)
    )


def levels(**low: tuple[float, float]) -> pd.DataFrame:
    rows = [
        (name, relation, one)
        for name, both in low.items()
        for relation, one in zip(("sense", "antisense"), both, strict=True)
    ]
    return pd.DataFrame(rows, columns=["site_class", "strand", "ci_low"])


def test_classes_are_raised_on_both_strands_on_one_or_on_none():
    said = sites_words.say_levels(
        levels(a=(1.1, 1.1), b=(1.1, 1.0), c=(1.0, 1.1), d=(0.9, 0.9), e=(NAN, NAN)), 1.0, ["f"]
    )
    assert said == (
        "Raised on both strands are the surroundings of these classes: a. "
        "Raised on the sense strand, and not shown to be on the other: b. "
        "Raised on the antisense strand, and not shown to be on the other: c. "
        "Not shown to be raised: d. "
        "There are too few sites for an interval of e. "
        "No site has its whole window in the test part: f."
    )


def test_the_width_at_which_strands_agree_most_is_named():
    table = pd.DataFrame({"width": [1, 50], "spearman": [0.2, 0.35], "chance": [0.01, -0.01]})
    assert "windows of 50 nt, 0.35, where -0.01" in sites_words.say_strands(table)


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        (["yes", "no"], "2 statements 1 holds and 1 does not."),
        (["yes", "yes"], "2 statements 2 hold.\n"),
        (["yes", "no", "undecided"], "1 holds, 1 does not and 1 is not shown. *Not shown* is"),
        (["undecided"] * 2, "0 hold and 2 are not shown"),
    ],
)
def test_statements_are_counted(holds, said):
    table = pd.DataFrame({"statement": "s", "here": "h", "holds": holds})
    assert said in sites_words.say_statements(table)


def shifts(**n: int) -> pd.DataFrame:
    offset = np.arange(-2, 3)
    count = np.array([n.get(f"at{one}", 0) for one in offset])
    return pd.DataFrame(
        {"offset": offset, "n": count, "share": 0.4, "ci_low": 0.3, "ci_high": 0.5, "chance": 0.01}
    )


def test_predicted_sites_say_how_far_they_are_and_whether_the_precision_was_reached():
    reached = Threshold(0.2, 0.5, 10, 5, True)
    said = sites_words.say_predicted(reached, shifts(at0=3, at1=2), 0.5, 2)
    assert "At a precision of 0.50, **10 start sites are predicted**" in said
    assert "40% of all (30% to 50%) lie exactly at a curated site" in said
    assert "median distance is 0 nt (quartiles 0 and +1 nt" in said
    said = sites_words.say_predicted(reached._replace(reached=False), shifts(), 0.9, 2)
    assert "No threshold reaches a precision of 0.90; the highest is 0.50." in said
    assert "None lies at a curated site." in said


def tops(n: int, ratio: float, low: float, high: float) -> pd.DataFrame:
    rows = [(name, 9, 4, 2.0, 1.5, 2.5) for name in antisense.GROUPS[:2]]
    rows.append(("alone", n, -18 if n else None, ratio, low, high))
    table = pd.DataFrame(rows, columns=["group", "n", "offset", "ratio", "ci_low", "ci_high"])
    return table.astype({"offset": "Int64"})


def test_the_peak_without_neighbours_is_shown_by_its_interval_alone():
    assert "cannot be the whole explanation" in antisense_words.say_alone(tops(50, 5.9, 4.2, 7.4))
    touching = antisense_words.say_alone(tops(50, 5.9, 1.0, 7.4))
    assert "no peak is shown: 5.9 (1.0 to 7.4)" in touching
    assert "no peak is shown: 5.9 (too few sites)" in antisense_words.say_alone(
        tops(3, 5.9, NAN, NAN)
    )
    assert "cannot be ruled out" in antisense_words.say_alone(tops(0, NAN, NAN, NAN))


def test_the_groups_table_writes_positions_without_a_zero():
    rows = antisense_words.top_rows(tops(0, NAN, NAN, NAN))
    assert rows["highest at"].tolist() == ["+5", "+5", ""]
    assert rows["times the whole part"].tolist() == ["2.0", "2.0", ""]


def test_the_mirror_lies_upstream_or_downstream_by_half_the_distance():
    said = antisense_words.say_mirrored((0.24, 0.21, 0.28), -18, 5, 60)
    assert (
        "At 24% (21% to 28%) of the sites that are alone" in said
        and "at -23 to -13 (9% by chance)" in said
    )
    assert "9.0 nt upstream" in said
    said = antisense_words.say_mirrored((0.2, 0.1, 0.3), 1, 5, 60)
    assert "at -4 to +7 (" in said and "0.5 nt downstream" in said
    by_chance = antisense_words.say_mirrored((0.2, 11 / 121, 0.3), 1, 5, 60)
    assert by_chance.endswith("that this is more than chance is not shown.")


def correlated(low: float, high: float) -> pd.DataFrame:
    columns = ["quantities", "n", "spearman", "ci_low", "ci_high"]
    rows = [("m", 50, 0.6, low, high), ("s", 50, 0.2, 0.1, 0.3), ("f", 50, 0.5, 0.4, 0.7)]
    return pd.DataFrame(rows, columns=columns)


def test_a_correlation_that_may_be_zero_is_not_shown():
    assert "rises with the mirror score" in antisense_words.say_correlated(correlated(0.5, 0.7))
    assert "0.50 (0.40 to 0.70) with the sense" in antisense_words.say_correlated(
        correlated(0.5, 0.7)
    )
    assert "not shown to rise" in antisense_words.say_correlated(correlated(0.0, 0.7))
    assert "too few" in antisense_words.say_correlated(correlated(NAN, NAN))


def changes(sense: tuple[float, float], other: tuple[float, float]) -> pd.DataFrame:
    rows = [
        (edit.name, strand, 9, 0.5, *(ends if edit is shuffles.EDITS[1] else (0.1, 0.9)))
        for edit in shuffles.EDITS
        for strand, ends in (("sense", sense), ("antisense", other))
    ]
    return pd.DataFrame(rows, columns=["edit", "strand", "n", "ratio", "ci_low", "ci_high"])


def test_a_box_carries_both_peaks_only_if_both_intervals_lie_below_one():
    assert "both depend on it" in antisense_words.say_shuffled(changes((0.1, 0.9), (0.1, 0.9)))
    said = antisense_words.say_shuffled(changes((0.1, 0.9), (0.1, 1.0)))
    assert "does not significantly lower the antisense peak" in said
    said = antisense_words.say_shuffled(changes((0.1, 1.2), (1.1, 1.3)))
    assert "lower the sense peak and the antisense peak" in said
    assert "too few" in antisense_words.say_shuffled(changes((0.1, 0.9), (NAN, NAN)))


def test_what_an_edit_leaves_is_one_row_in_the_order_of_the_edits():
    rows = antisense_words.change_rows(changes((0.1, 0.9), (NAN, NAN)))
    assert rows["shuffled"].tolist() == [edit.name for edit in shuffles.EDITS]
    assert rows.iloc[1, 1:].tolist() == ["0.5 (0.1 to 0.9)", "0.5 (too few sites)"]


def test_one_promoter_is_not_several():
    assert antisense_words.say_chosen(0.3, 1).endswith("Of these, 1 had its promoter shuffled.")
    assert antisense_words.say_chosen(0.3, 2).endswith("Of these, 2 had their promoters shuffled.")


def test_each_explanation_is_given_its_sites():
    shown, below = tops(32, 5.9, 4.2, 7.4), changes((0.1, 0.9), (0.1, 0.9))
    said = antisense_words.say_explained(shown, below, 0.25)
    assert "Of 50 start sites, 32 (64%) are alone: no assay sees a neighbour" in said
    assert "25% of them have an antisense peak (10% by chance), and in the median over" in said
    assert "9 (18%) have another site near, and 9 (18%) one that may share" in said
    touching = antisense_words.say_explained(shown, changes((0.1, 0.9), (0.1, 1.0)), 0.25)
    assert "and that it depends on the -10 region is not shown" in touching


def effects(low: float, high: float) -> pd.DataFrame:
    rows = [
        (name, strand, 27, 1.07, low, high)
        for name in pseudogenes.SCHEMES
        for strand in ("sense", "antisense")
    ]
    return pd.DataFrame(rows, columns=["matched_on", "strand", "n", "ratio", "ci_low", "ci_high"])


def test_pseudogenes_after_matching():
    assert "sense, an excess remains (1.07, 1.02 to 1.39)" in words.say_pseudogenes(
        effects(1.02, 1.39)
    )
    assert "a deficit remains" in words.say_pseudogenes(effects(0.5, 0.9))
    assert "no significant difference" in words.say_pseudogenes(effects(1.0, 1.39))
    assert "too few pseudogenes for an interval (1.07)" in words.say_pseudogenes(effects(NAN, NAN))
    unmatched = effects(1.02, 1.39).iloc[:2]
    assert "No pseudogene has a control" in words.say_pseudogenes(unmatched)


def test_pseudogenes_are_odd_only_if_something_is_left_when_all_is_matched():
    left, gone = effects(1.02, 1.39), effects(0.9, 1.2)
    assert words.say_pseudogenes(left).endswith(
        "**are odd** beyond what is matched, on the sense and antisense strands (27 pseudogenes)."
    )
    one = gone.copy()
    one.loc[one.index[-1], "ci_low"] = 1.01
    assert "on the antisense strand (27" in words.say_pseudogenes(one)
    assert words.say_pseudogenes(gone).endswith(
        " Pseudogenes are **not shown to be odd** (27 pseudogenes). Up to 1.2 times the output of "
        "their controls is not excluded, on either strand."
    ), "they never differed"
    differed = gone.copy()
    differed.loc[differed.index[1], ["ci_low", "ci_high"]] = 1.4, 16.0
    assert words.say_pseudogenes(differed).endswith(
        "Without any matching, a difference to the controls is shown (antisense); once AT content "
        "is matched, it no longer is. So pseudogenes are **not shown to be odd** (27 pseudogenes). "
        "Up to 1.2 times the output of their controls is not excluded, on either strand."
    )
    still = differed.copy()
    still.loc[still.index[3], ["ci_low", "ci_high"]] = 1.4, 16.0
    assert "Without any matching" not in words.say_pseudogenes(still)
    assert "stays open (1 pseudogene)" in words.say_pseudogenes(effects(NAN, NAN).assign(n=1))


def supported(n: int, n_supported: int, true: int | None = None) -> pd.DataFrame:
    """What `novel.support` gives for these counts."""
    track = np.zeros((2, 40), bool)
    evidence = {words.ANY: track.copy(), words.BARE: track.copy()}
    if true is not None:
        evidence[words.TRUE] = track.copy()
        evidence[words.TRUE][0, :true] = True
    evidence[words.ANY][0, :n_supported] = True
    sites = pd.DataFrame({"position": np.arange(n), "strand": ["+"] * n})
    return novel.support(
        sites, evidence, np.ones((2, 40), bool), np.zeros((2, 40), int),
        block=np.arange(40) // 4, n_bootstrap=50, level=0.95, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n_supported", "share"), [(1, "1 (10%;"), (5, "5 (50%;"), (10, "10 (100%;")]
)
def test_novel_sites_with_evidence_one_half_all(n_supported, share):
    said = words.say_novel(supported(10, n_supported), Threshold(0.1, 0.5, 20, 10, True))
    assert "Of **10 novel sites**" in said and share in said
    assert (
        f"the precision would be {(10 + n_supported) / 20:.2f}" in said and "In truth" not in said
    )


def test_truth_is_told_where_it_is_known():
    threshold = Threshold(0.1, 0.5, 20, 10, True)
    assert "In truth 1 of the novel sites is a start site." in words.say_novel(
        supported(10, 2, true=1), threshold
    )
    assert "In truth 2 of the novel sites are start sites." in words.say_novel(
        supported(10, 2, true=2), threshold
    )
    assert "Every predicted site is known" in words.say_novel(supported(0, 0), threshold)


def test_novel_sites_without_evidence_are_split_by_their_boxes():
    assert words._rest(455, 208, 130) == (
        "For the other 247 (54%), evidence does not decide whose errors they are. 130 of them have "
        "boxes as good as the better half of the curated sites. The remaining 117 have neither "
        "evidence nor such boxes and are the likeliest errors of the model; but half of the "
        "curated sites lack such boxes, too."
    )
    assert words._rest(10, 10, 0) == "None is without evidence."


def test_internal_promoters_none_one_and_without_a_chance():
    one = {"n": 10, "n_supported": 1, "share": 0.1, "share_low": 0.0, "share_high": 0.4,
           "chance": 0.02, "ratio": 5.0, "ci_low": 2.0, "ci_high": 9.0}  # fmt: skip
    said = words.say_internal(one, 20, (0.05, 0.01, 0.2))
    assert "10 predicted sites lie inside" in said and "matches an internal promoter" in said
    assert "**5 times** as many (2 to 9)" in said and "20 internal promoters here, 5%" in said
    assert "times" not in words.say_internal({**one, "ci_low": NAN}, 20, (0.05, 0.01, 0.2))
    assert "lists no internal promoter" in words.say_internal(one, 0, (NAN, NAN, NAN))
    assert said.endswith(
        "**Few** internal promoters are found, 5% of those known, but predictions match them 5 "
        "times as often as chance."
    )
    most = words.say_internal({**one, "ci_low": 1.0}, 20, (0.5, 0.4, 0.6))
    assert "**Most** internal promoters" in most and "by chance is not shown." in most
    assert "No predicted site lies" in words.say_internal({**one, "n": 0}, 20, (0, 0, 0.1))


def extremes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "site_class": ["TSSs", "TSSs"],
            "strand": ["sense", "antisense"],
            "peak_offset": [0, -18],
            "peak_ratio": [2960.0, 9.7],
        }
    )


def test_the_short_answer_names_the_highest_region_and_both_peaks():
    table = regions(
        ("between divergent genes", "both", 4.7, 4.1, 5.2),
        ("highest in each operon gap", "sense", 50.0, 40.0, 60.0),
    )
    said = words.short_places(table, extremes())
    assert "highest between divergent genes, 4.70 (4.10 to 5.20) times" in said
    assert "highest at +1 on their own strand and at -18" in said
    assert "(2,960 and 9.7 times the median" in said
    touching = regions(("between divergent genes", "both", 4.7, 1.0, 5.2))
    unknown = regions(("between divergent genes", "both", 4.7, NAN, NAN))
    for nothing in (regions(), touching, unknown):
        assert words.short_places(nothing, extremes()).startswith("In no class of regions")


def test_the_short_answer_claims_no_more_than_the_intervals_show():
    below, touching = changes((0.1, 0.9), (0.1, 0.9)), changes((0.1, 0.9), (0.1, 1.0))
    shown = tops(50, 5.9, 4.2, 7.4)
    said = words.short_opposite(shown, below, 0.25)
    assert "leaves 50.0% (10.0% to 90.0%) of the sense peak and 50.0%" in said
    assert "such a neighbour, 25% have an antisense output higher than that at 90%" in said
    assert "In 9 of these the -10 region alone was shuffled" in said
    assert said.endswith("in the median over these sites, both peaks depend on this one stretch.")
    assert "is not shown" in words.short_opposite(shown, touching, 0.25)
    assert "is not shown" in words.short_opposite(tops(50, 5.9, 1.0, 7.4), below, 0.25)
    more = supported(10, 10)
    said = words.short_novel(more, 40)
    assert said.startswith("We set the threshold so that 75% of the 40 predicted sites are in the")
    assert (
        "Of the other 10, the *novel* ones, 100%" in said
        and "many false positives may be gaps" in said
    )
    assert "is not shown" in words.short_novel(more.assign(ci_low=1.0), 40)
    assert words.short_novel(supported(0, 0), 40) == "No predicted site is novel."


def test_without_any_evidence_to_compare_with_nothing_is_concluded():
    none = supported(10, 0)
    said = words.say_novel(none, Threshold(0.1, 0.5, 20, 10, True))
    assert "**10 novel sites**" in said and "no evidence outside of the curation" in said
    assert "stays open" in words.short_novel(none, 20)


def test_no_start_site_in_the_test_part_stops_with_advice():
    with pytest.raises(ValueError, match="smaller flank"):
        output_antisense.antisense_top(extremes().iloc[:0])


def test_the_answer_has_all_three_parts(out, around, opposite, predicted, p):
    mirrored = output_antisense.mirrored(out, opposite, p)
    shuffled = output_antisense.shuffled(out, opposite, mirrored, p)
    novel = chapter.novel(out, predicted, opposite, p)
    said = chapter.in_short(output_sites.by_region(out, p), around, opposite, shuffled, novel).said
    assert "at -18 on the opposite one" in said and "one model on the test part" in said
    assert f"of the {len(predicted.sites):,} predicted sites are in the labels" in said
    assert f"Of the other {len(novel.sites):,}, " in said


def test_boxes_are_fitted_to_the_planted_promoters(opposite):
    assert "".join("ACGT"[one] for one in opposite.boxes.box_10.argmax(axis=1)) == "TATAAT"
