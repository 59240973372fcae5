"""The chapter on dependence: what it says at the limits of its verdicts, and its steps on a toy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import dependence as chapter
from genoattn.genome import sites
from genoattn.genome.sequence import encode
from genoattn.interventions import mediation, motif_discovery, paths, replacement, saturation
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
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
    toy_reader.reader(linear=False, stem=1).save(run.training / "toy-stem.safetensors", card)
    torch.manual_seed(0)
    shape = ConvolutionalConfig(layers=5, channels=4, conv_width=3, downstream=4, dropout=0.0)
    ConvolutionalNetwork(shape).save(run.training / "toy-conv.safetensors", card)
    given = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {
        "n_mapped": 20, "map_first": -40,
        "map_last": 5, "n_through": 3, "n_points": 2, "block": 2_000, "n_bootstrap": 50,
        "weights": "toy",
        "seeds": ["toy-s1", "toy-s9"], "compared": ["toy-stem", "toy-conv", "toy-s9"],
        "sizes": [1], "n_leading": 2, "n_followed": 2, "n_compared": 6,
        "n_stem": 3, "stem_points": 2,
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
    assert "At **1 of 1 elements** noise costs more than" in mediated.finding.said
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
    assert table.loc[table["control"] == "untrained", "excess_q"].isna().all()
    assert list(table.columns) == [
        "model", "seed", "element", "first", "last", "layer", "head", "query_bin", "share",
        "ci_low", "ci_high", "q_value", "control", "excess", "excess_low", "excess_high",
        "excess_q",
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
    assert kept.finding.said.startswith("**1 of 2 heads keep 100%")


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
    assert "Of 1 element asked about, noise in place of one lowers the log-odds" in said
    assert "-35 by L1 H1 (100%," in said
    assert "One element is carried in at least two of two seeds (-35)" in said
    assert "on the validation part; one of 2 keep 100% (100% to 100%) of the PR AUC" in said
    assert "we do not call" not in said
    fallen = mediated._replace(carriers=mediated.carriers[:0])
    assert fallen.not_named == ["-35"]
    said = chapter.in_short(fallen, others, kept).said
    assert "No single head carries any of them." in said
    assert (
        "In the network of this chapter heads restore -35 as well, but not demonstrably more than "
        "at sites t" in said
    )
    assert "so we do not call these heads carriers." in said
    assert "One element is carried in at least two of two seeds (-35)" in said, "in the seeds"


@pytest.fixture(scope="module")
def compared(study, mapped, used, asked, mediated):
    run, model, p = study
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(motif_discovery, "discover", boxes_of)
        for name in ("toy-stem", "toy-conv"):
            other = run.model(name)
            run.predict(other.file, "test", other.split, "cpu")
        return chapter.compared(run, model, mapped, used, asked, mediated, p)


def test_networks_of_any_architecture_are_asked_whether_they_read_the_same(compared, mediated):
    assert list(compared.agreement["model"]) == ["toy-stem", "toy-conv", "toy-untrained"]
    used = compared.effects.set_index(["model", "element"])["used"]
    assert used.loc[("toy", "-35")] and used.loc[("toy-stem", "-35")]
    assert not used.loc[("toy-conv", "-35")] and not used.loc[("toy-untrained", "-35")]
    effect = compared.effects.set_index("model").loc["toy", "effect"]
    assert effect == pytest.approx(mediated.effects["effect"].iloc[0], abs=1e-4)
    row = compared.agreement.set_index("model")
    assert row.loc["toy-stem", "beyond_low"] > 0.1
    assert (row["n_sites"] == 6).all()
    said = compared.finding.said
    assert "Not there and left out: toy-s9. **No**: of the one element that" in said
    assert (
        "toy-stem uses one and toy-conv uses none (not surely -35); toy-untrained uses none."
        in said
    )
    assert set(compared.finding.results["elements_used"]["model"]) == {"toy-stem", "toy-conv"}


def test_maps_of_other_networks_are_made_once(
    study, mapped, used, asked, mediated, compared, monkeypatch
):
    run, model, p = study
    monkeypatch.setattr(motif_discovery, "discover", boxes_of)
    monkeypatch.setattr(saturation, "_substitute", None)  # would fail if it were called
    monkeypatch.setattr(replacement, "lost_by_noise", None)
    again = chapter.compared(run, model, mapped, used, asked, mediated, p)
    pd.testing.assert_frame_equal(again.effects, compared.effects)
    pd.testing.assert_frame_equal(again.agreement, compared.agreement)


def test_a_network_that_was_tested_on_another_part_is_refused(study, mapped, used, asked, mediated):
    run, model, p = study
    length = len(run.study.genome)
    parts = {"test": [0, length // 2], "validation": [length // 2, length - 2_000]}
    other = Card(train_set="curated", parts=parts)
    toy_reader.reader(linear=False).save(run.training / "toy-other.safetensors", other)
    wrong = check(chapter.PARAMETERS, {**p, "compared": ["toy-other"]})
    with pytest.raises(ValueError, match="toy-other has another test part than toy"):
        chapter.compared(run, model, mapped, used, asked, mediated, wrong)


def test_heads_on_a_stem_are_asked_and_what_goes_past_them(study, used, asked, mediated, compared):
    run, model, p = study
    found = chapter.stemmed(run, model, used, asked, mediated, p)
    row = found.paths.iloc[0]
    assert (row["model"], row["element"]) == ("toy-stem", "-35")
    assert row["through"] == pytest.approx(1, abs=0.02)
    assert row["past"] == pytest.approx(0, abs=1e-6)  # this stem hands on each letter alone
    carriers = found.mediated.carriers
    assert carriers[["layer", "head"]].to_numpy().tolist() == [[1, 1]]
    assert set(found.logos["layer"]) == {0, 1}
    past = found.logos[found.logos["layer"] == 0]
    assert past["contribution"].abs().max() < past.shape[0]
    said = found.finding.said
    assert "The 2 heads of toy-stem stand on 1 dilated convolutions, which have read 6 nt" in said
    assert (
        "most of the effect goes past the heads for none; most of the effect goes through" in said
    )
    assert "In toy next to nothing can go past the heads" in said
    assert set(found.finding.results) == {
        "mediation", "mediated_logos", "mediated_names", "networks_paths"
    }  # fmt: skip


def test_tables_of_several_networks_are_written_below_each_other(
    study, used, asked, mediated, compared
):
    run, _, p = study
    written = run.write(p, used, compared)
    assert "elements_used.csv`: 3 rows" in written.said


def test_without_a_stem_there_is_nothing_beside_the_heads(study, used, asked, mediated):
    run, model, p = study
    none = check(chapter.PARAMETERS, {**p, "compared": ["toy-conv"]})
    found = chapter.stemmed(run, model, used, asked, mediated, none)
    assert found.paths is None and not found.finding.results
    assert "No network whose heads stand on convolutions was named" in found.finding.said


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
