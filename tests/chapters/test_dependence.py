"""The chapter on dependence: what it says at the limits of its verdicts, and its steps on a toy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from genoattn.chapters import dependence as chapter
from genoattn.chapters import dependence_words as wording
from genoattn.genome import sites
from genoattn.genome.sequence import encode
from genoattn.interventions import mediation, motif_discovery, mutagenesis, paths
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import check
from genoattn.study.run import Run
from tests import toy_reader


def positions() -> pd.DataFrame:
    values = [-1.0, -3.0, -0.5]
    frame = pd.DataFrame({"label": [-11, -10, 1], "gradient": [1.0, 3.0, 0.5]})
    for name in ("mutation", "word"):
        frame = frame.assign(**{name: values, f"{name}_low": -4.0, f"{name}_high": [-0.1, -2, 0]})
    return frame


def test_the_costliest_positions_come_first():
    said = wording.say_positions(positions())
    assert "at -10 (-3.00), -11 (-1.00) and +1 (-0.50)" in said
    assert "below zero at 2 of 3 positions" in said
    assert "centred at -10: its exchange changes the log-odds by -3.00 (-4.00 to -2.00)" in said
    assert "rank correlation of 1.00" in said


@pytest.mark.parametrize(("error", "slow"), [(0.1, False), (0.5, True)])
def test_slow_convergence_is_said(error, slow):
    rng = np.random.default_rng(0)
    n, p = 3, 8
    gradient = rng.normal(size=(n, p))
    ends = np.column_stack([gradient.sum(1) * 0, -np.full(n, 10.0)])
    gradient += ((10 + error - gradient.sum(1)) / p)[:, None]
    scan = mutagenesis.Scan(
        pd.DataFrame({"position": [1, 2, 3]}),
        np.arange(p),
        np.zeros((n, p), dtype=np.uint8),
        rng.normal(size=(n, p, 4)),
        np.arange(1, p - 1),
        np.zeros((n, p - 2)),
        3,
        gradient,
        ends,
        np.zeros((n, 1, 1, p)),
    )
    said = wording.say_scan(scan, 7, 16)
    assert "**3 start sites** (of 7 in the test part), in 96 exchanges" in said
    assert "raises the log-odds by 10.00" in said and f"misses it by {error:.3f}" in said
    assert ("converges slowly" in said) is slow


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
        "n_segments": 8, "segment": 128, "context": 40, "n_sites": 4, "region_first": -10,
        "region_last": 5, "n_steps": 4, "block": 2_000, "n_bootstrap": 50, "weights": "toy",
        "seeds": ["toy-s1", "toy-s9"], "sizes": [1], "n_leading": 2, "n_followed": 2,
    }  # fmt: skip
    checked = check(chapter.PARAMETERS, {**given, **small, "run_dir": str(folder)})
    return run, run.model("toy"), checked


@pytest.fixture(scope="module")
def asked(study):
    return chapter.asked(*study)


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


def test_an_element_of_the_map_is_named_by_its_place_and_replaced(study, monkeypatch):
    run, model, p = study
    monkeypatch.setattr(motif_discovery, "discover", boxes_of)
    used = chapter.used(run, model, check(chapter.PARAMETERS, {**p, "n_sites": 20}))
    row = used.table.iloc[0]
    assert (row["element"], row["offset"], row["best_match"]) == ("-35", -35, "-35")
    assert row["ci_high"] < -0.3
    assert "**1 elements**, found without asking for any: 1 of them" in used.finding.said
    assert used.finding.results["elements_used"] is used.table


def test_few_sites_hold_no_element_and_say_so(study):
    run, model, p = study
    used = chapter.used(run, model, p)
    assert used.table.empty
    assert "no motif of the mutation map occurs 20 times" in used.finding.said


def test_the_first_layer_names_the_word_that_its_head_reads(study):
    run, model, _ = study
    first = chapter.read_first_layer(run, model)
    assert first.table["key_word"].iloc[0].startswith("TTGACA")
    assert "L1 H1 tells keys apart most" in first.finding.said


def test_the_head_that_reads_the_box_is_named_and_its_control_is_not(mediated):
    assert mediated.used == ["-35"]
    found = mediated.carriers.iloc[0]
    assert (found["layer"], found["head"], len(mediated.carriers)) == (1, 1, 1)
    assert found["share"] == pytest.approx(1, abs=0.02)
    assert "-35 by L1 H1 100%" in mediated.finding.said
    assert "The output uses **1 of 1 elements**" in mediated.finding.said
    assert mediated.finding.kept["carriers"] is mediated.carriers


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
    assert "one head together restore 100%" in ways.finding.said
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


def test_sites_are_changed_where_the_region_says(study):
    run, model, p = study
    scanned = chapter.scanned(run, model, p)
    assert scanned.scan.offset.tolist() == list(range(-10, 5))  # +5 is offset 4
    label = sites.site_track(run.curated, len(run.study.genome))
    rows = (scanned.scan.sites["strand"] == "-").astype(int)
    assert label[rows, scanned.scan.sites["position"]].all()
    effects = chapter.positions(scanned).effects
    assert effects["label"].tolist() == [*range(-10, 0), *range(1, 6)]


def test_without_planted_elements_there_is_no_comparison_with_the_truth(study):
    run, model, p = study
    scanned = chapter.scanned(run, model, p)
    found = chapter.planted(run, scanned)
    assert (
        found.said.startswith("**Against the truth.**") and "dependence_elements" in found.results
    )
    without = Run(run.folder)
    without.__dict__["study"] = dataclasses.replace(run.study, elements=None)
    left_out = chapter.planted(without, scanned)
    assert "no comparison with the truth" in left_out.said and not left_out.results
