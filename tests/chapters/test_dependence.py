"""The chapter on dependence: what it says at the limits of its verdicts, and its steps on a toy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from genoattn.chapters import dependence as chapter
from genoattn.genome import sites
from genoattn.genome.sequence import encode
from genoattn.interventions import mediation, motif_discovery, paths
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import check
from genoattn.study.run import Run
from tests import toy_reader


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A run whose model reads TTGACA by construction; its parameters of the chapter."""
    folder = tmp_path_factory.mktemp("run")
    run = Run(folder)
    genome, promoters = toy_reader.promoters()
    made = inputs.synthetic_inputs(seed=0, length=20_000)
    has = promoters[promoters["has"]]
    elements = pd.DataFrame(
        {
            "tss_position": has["position"],
            "strand": has["strand"],
            "element": "-35",
            "offset": -35,
            "sequence": "TTGACA",
        }
    )
    run.save_inputs(dataclasses.replace(made, genome=genome, elements=elements))
    sites = promoters[["position", "strand"]]
    run.write_curated(sites.assign(n_sources=1, members="a", kind="x", votes=1))
    length = len(genome)
    split = {"test": [0, length - 4_000], "validation": [length - 4_000, length - 2_000]}
    card = Card.of({"config": {}, "train_set": "curated", "split": split})
    toy_reader.reader(linear=False).save(run.training / "toy.safetensors", card)
    toy_reader.reader(linear=False).save(run.training / "toy-s1.safetensors", card)
    given = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {
        "n_segments": 8, "segment": 128, "context": 40, "n_mapped": 20, "map_first": -40,
        "map_last": 5, "n_through": 3, "n_points": 2, "block": 2_000, "n_bootstrap": 50,
        "weights": "toy",
        "seeds": ["toy-s1", "toy-s9"], "sizes": [1], "n_leading": 2, "n_followed": 2,
    }  # fmt: skip
    checked = check(chapter.PARAMETERS, {**given, **small, "run_dir": str(folder)})
    return run, run.model("toy"), checked


@pytest.fixture(scope="module")
def asked(study, used):
    run, model, p = study
    return chapter.asked(run, model, used, p)


@pytest.fixture(scope="module")
def mediated(study, asked):
    run, model, p = study
    return chapter.mediated(run, model, asked, p)


def boxes_of(found, *, min_seqlets):
    """In place of motif discovery: the sites of a map that have the box."""
    columns = np.searchsorted(found.offset, -35) + np.arange(6)
    row = np.flatnonzero((found.codes[:, columns] == encode("TTGACA")).all(1))
    counts = np.array([[6 * (one == letter) for letter in range(4)] for one in encode("TTGACA")])
    worth = found.hypothetical[row][:, columns].mean(0)
    return [motif_discovery.Pattern(row, np.full(len(row), -35), counts, worth)]


@pytest.fixture(scope="module")
def mapped(study):
    run, model, p = study
    run.predict(model.file, "test", model.split, "cpu")
    return chapter.mapped(run, model, p)


@pytest.fixture(scope="module")
def used(study, mapped):
    run, model, p = study
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(motif_discovery, "discover", boxes_of)
        return chapter.used(run, model, mapped, p)


def test_an_element_of_the_map_is_named_by_its_place_and_replaced(used):
    row = used.table.iloc[0]
    assert (row["element"], row["offset"], row["best_match"]) == ("-35", -35, "-35")
    assert row["ci_high"] < -0.3
    assert "finds **one element**" in used.finding.said
    assert used.finding.results["elements_used"] is used.table


def test_an_element_that_has_no_name_is_asked_about_as_well(study, used):
    run, model, p = study
    nameless = used._replace(
        elements=[dataclasses.replace(one, by_place=False, name="TTGACA") for one in used.elements]
    )
    asked = chapter.asked(run, model, nameless, p)
    assert list(asked.known) == ["-35", "TTGACA"]
    assert {one.element for one in asked.elements} == {"-35", "TTGACA"}


def test_the_first_layer_names_the_word_that_its_head_reads(study):
    run, model, _ = study
    first = chapter.first_layer(run, model)
    assert first.finding.results["first_layer"]["key_word"].iloc[0].startswith("TTGACA")


def test_the_head_that_reads_the_box_is_named_and_its_control_is_not(mediated):
    assert mediated.used == ["-35"]
    found = mediated.carriers.iloc[0]
    assert (found["layer"], found["head"], len(mediated.carriers)) == (1, 1, 1)
    assert found["share"] == pytest.approx(1, abs=0.02)
    assert "-35 by L1 H1 100%" in mediated.finding.said
    assert "The output uses **1 of 1 elements**" in mediated.finding.said
    assert mediated.finding.kept["effects"] is mediated.effects


def test_what_was_kept_is_read_again_and_other_weights_are_asked_anew(
    study, asked, mediated, monkeypatch
):
    run, model, p = study
    monkeypatch.setattr(mediation, "mediation", None)  # would fail if it were called
    monkeypatch.setattr(paths, "follow", None)
    again = chapter.mediated(run, model, asked, p)
    pd.testing.assert_frame_equal(again.shares, mediated.shares)
    with pytest.raises(TypeError, match="not callable"):
        chapter.mediated(run, model._replace(file=run.weights("curated")), asked, p)


def test_tiles_find_the_box_without_its_name(study, asked):
    run, model, p = study
    tiled = chapter.tiled(run, model, asked, p)
    used = tiled.effects[tiled.effects["used"]]
    assert used["first"].tolist() == [-35, -30]  # five letters of the box, and the last
    assert "mediation_tiles" in tiled.finding.results


def test_ways_lead_from_the_box_to_the_sites_own_query(mediated):
    ways = chapter.ways(mediated)
    top = ways.map.loc[ways.map["share"].idxmax()]
    assert top["query"] <= toy_reader.CONFIG.downstream < top["query"] + 5
    assert top["key"] <= -30 < top["key"] + 10
    assert "one head alone restores 100%" in ways.finding.said
    assert ways.hops.empty  # there is one layer
    assert ways.shown == "-35"
    assert ways._replace(map=ways.map.head(0)).shown == ""


def test_without_another_box_there_is_no_spacer(study, asked, mediated):
    run, model, p = study
    spaced = chapter.spaced(run, model, asked, mediated, p)
    assert spaced.table is None
    assert "no spacer to ask about" in spaced.finding.said


def test_the_role_returns_in_the_other_seed_and_the_untrained_carry_nothing(study, asked, mediated):
    run, model, p = study
    others = chapter.others(run, model, asked, mediated, p)
    assert set(others.seeds) == {"toy", "toy-s1"}
    assert "Not there and left out: toy-s9." in others.finding.said
    assert "**1 element** is carried in at least two of 2 seeds: -35" in others.finding.said
    assert "toy-untrained 0" in others.finding.said
    assert others.leading["head"].tolist() == ["L1 H1", "L1 H1", ""]
    table = others.finding.results["mediation"]
    assert set(table["control"]) == {"", "no element here", "untrained"}
    assert list(table.columns) == [
        "model", "seed", "element", "first", "last", "layer", "head", "query_bin", "share",
        "ci_low", "ci_high", "q_value", "control",
    ]  # fmt: skip


def test_heads_are_left_out_over_the_whole_part(study):
    run, model, p = study
    part = chapter.part(run, model, p)
    assert f"all {2 * int(model.test.sum()):,} positions" in part.finding.said
    ablated = chapter.ablated(run, model, part, p)
    one, other = ablated.heads["delta_contrast"]
    assert one < -0.5
    assert other == pytest.approx(0, abs=1e-6)
    assert ablated.layers["delta_contrast"].iloc[0] == pytest.approx(one, abs=1e-6)
    assert set(ablated.finding.kept["ablation"]) >= {"delta_pr_auc", "ci_low", "ci_high"}
    assert len(chapter.pairs(run, model, part, ablated, p).interactions) == 1
    kept = chapter.kept_heads(run, model, part, p)
    assert kept.order[0] == "L1 H1"
    assert kept.curve["n_heads"].tolist() == [0, 1, 2]
    assert kept.curve["pr_auc"].iloc[1] == pytest.approx(kept.curve["pr_auc"].iloc[2])
    assert "has **1 head**" in kept.finding.said


def test_a_share_of_the_blocks_is_a_part_of_the_part(study):
    run, model, p = study
    half = check(chapter.PARAMETERS, {**p, "ablated_share": 0.5})
    part = chapter.part(run, model, half)
    assert 0.4 < part.where.sum() / model.test.sum() < 0.6
    assert "drawn at random" in part.finding.said


def test_in_short_names_the_carrier_and_the_circuit(study, asked, mediated):
    run, model, p = study
    others = chapter.others(run, model, asked, mediated, p)
    kept = chapter.kept_heads(run, model, chapter.part(run, model, p), p)
    said = chapter.in_short(mediated, others, kept).said
    assert "Of 1 element asked about, the output uses 1." in said
    assert "-35 by L1 H1 (100%," in said
    assert "One element is carried in at least two of two seeds (-35)" in said
    assert "One head suffices for 90% of the PR AUC" in said
    assert "the name is not settled" not in said
    shares = mediated.shares.assign(control="no element here", q_value=0.01, ci_low=0.1)
    said = chapter.in_short(mediated._replace(shares=shares), others, kept).said
    assert "heads carry what stands there instead for -35: there, the name is not settled" in said


def test_sites_are_mutated_where_the_region_says(study, mapped):
    run, _, _ = study
    assert mapped.at_sites.offset.tolist() == list(range(-40, 5))  # +5 is offset 4
    label = sites.site_track(run.curated, len(run.study.genome))
    rows = (mapped.at_sites.sites["strand"] == "-").astype(int)
    assert label[rows, mapped.at_sites.sites["position"]].all()
    assert mapped.effects["label"].unique().tolist() == [*range(-40, 0), *range(1, 6)]


def test_a_region_that_the_model_does_not_see_is_refused(study):
    run, model, p = study
    beyond = check(chapter.PARAMETERS, {**p, "map_first": 15, "map_last": 30})
    with pytest.raises(ValueError, match="parameter 'map_first' is \\+15, but toy sees positions"):
        chapter.mapped(run, model, beyond)


def test_planted_letters_cost_more_than_those_beside_them(study, mapped):
    run, model, p = study
    found = chapter.planted(run, mapped, model, p)
    table = found.results["dependence_elements"].set_index("element")
    assert table.loc["-35", "ci_high"] < 0
    assert table.loc["outside", "cost"] == pytest.approx(0, abs=0.05)
    assert found.said.startswith("**Against the truth.**")
    without = Run(run.folder)
    without.__dict__["study"] = dataclasses.replace(run.study, elements=None)
    left_out = chapter.planted(without, mapped, model, p)
    assert "no comparison with the truth" in left_out.said and not left_out.results
