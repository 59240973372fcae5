"""Steps on reading: on a toy study from end to end, and their sentences at their limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from toy_maps import OFFSET, planted_map

from genoattn.chapters import dependence
from genoattn.chapters import dependence_reading as steps
from genoattn.chapters import dependence_reading_words as wording
from genoattn.interventions.mediated import Logos
from genoattn.interventions.saturation import letter_effects
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import check
from genoattn.study.run import Run

SCHEMA = dependence.PARAMETERS


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run = Run(folder)
    study = inputs.synthetic_inputs(seed=1, length=40_000)
    run.save_inputs(study)
    length = len(study.genome)
    truth = study.sites[study.sites["source"] == "sendseq"][["position", "strand"]]
    run.write_curated(truth.drop_duplicates())
    torch.manual_seed(0)
    config = AnnotatorConfig(
        layers=2, heads=2, d_model=8, d_head=4, window=32, conv_width=3, dropout=0.0
    )
    parts = {"test": [0, length // 2], "validation": [length // 2, 3 * length // 4]}
    network = Annotator(config)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.4)
    network.save(run.training / "toy.safetensors", Card(train_set="curated", parts=parts))
    model = run.model("toy", "cpu")
    track = run.predict(model.file, "test", model.split, "cpu")
    assert np.isfinite(track[:, model.test]).all()
    given = {"run_dir": str(folder), "results_dir": str(folder / "results"), "weights": "toy",
             "n_mapped": 6, "n_through": 5, "n_bootstrap": 20, "map_first": -12,
             "map_last": 3}  # fmt: skip
    defaults = {name: one.default for name, one in SCHEMA.parameters.items()}
    return run, model, check(SCHEMA, {**defaults, **given})


def test_the_steps_run_on_a_simulated_genome_and_leave_their_tables(toy):
    run, model, p = toy
    mapped = steps.mapped(run, model, p)
    assert len(mapped.at_sites.sites) == len(mapped.at_peaks.sites) == 6
    assert run.file(p.chapter, "toy", "mutations_sites", "npz").is_file()
    used = steps.used(run, model, mapped, p)
    assert list(used.table)[:9] == ["model", "element", "offset", "n_seqlets", "effect", "ci_low",
                                    "ci_high", "best_match", "q_value"]  # fmt: skip
    through = steps.through_heads(run, model, used, p)
    assert len(through.table) == 2 * 2 * 15 * 4
    assert list(through.table) == ["model", "layer", "head", "offset", "letter", "contribution"]
    assert "add up to what a head tells the output to within" in through.finding.said
    first = steps.first_layer(run, model)
    assert set(first.finding.results) == {"first_layer", "first_layer_words"}
    assert "All 64 words were scored" in first.finding.said
    assert steps.factors(run, model, p).table is None
    written = run.write(p, mapped, used, through, first)
    assert "elements_used.csv" in written.said


def test_a_smaller_number_of_places_is_the_beginning_of_a_larger():
    places = pd.DataFrame({"position": np.arange(50), "strand": "+"})
    few, many = steps.drawn_places(places, 5, 3), steps.drawn_places(places, 0, 3)
    assert len(many) == 50
    pd.testing.assert_frame_equal(few, many[:5])


def test_a_place_that_is_both_a_site_and_a_peak_counts_once():
    found, _ = planted_map(n=10)
    both = steps._together(found.of(np.arange(6)), found.of(np.arange(4, 10)))
    assert both.sites["position"].tolist() == found.sites["position"].tolist()
    np.testing.assert_array_equal(both.change, found.change)


def test_what_is_said_of_the_map_names_its_positions():
    found, _ = planted_map(n=60, share=1.0, noise=0.0)
    effects = letter_effects(found, np.arange(60), n_bootstrap=20, level=0.9, seed=0)
    said = wording.say_mapped(found, found, 60, effects)
    assert "around all 60 labelled sites" in said
    assert "243 mutants of each site" in said
    assert "100% falls to positions -40 to +2" in said
    assert "around 60 of 70 labelled" in wording.say_mapped(found, found, 70, effects)


def elements(**changes):
    row = {"model": "m", "element": "-10 box", "offset": -12, "n_seqlets": 50, "effect": -3.0,
           "ci_low": -4.0, "ci_high": -2.0, "best_match": "-10 box", "q_value": 0.01,
           "consensus": "TATAAT", "by_place": True}  # fmt: skip
    return pd.DataFrame([{**row, **changes}])


def test_what_is_said_of_elements_counts_those_that_cost_and_that_are_known():
    said = wording.say_used(elements(), 100, 0.05)
    assert "\n````{admonition} All elements found" in said  # a fence begins its line
    assert (
        "finds **one element** at the 100 sites and peaks (those that are both count once): -10 "
        "box at -12 (50 sites, -3.00" in said
    )
    assert "interval lies below zero for the one; the one has a known counterpart (q" in said
    weak = wording.say_used(elements(ci_high=0.0, q_value=0.051), 100, 0.05)
    assert "interval lies below zero for none; none has a known counterpart (q" in weak
    two = wording.say_used(pd.concat([elements(), elements(q_value=0.2)]), 100, 0.05)
    assert "below zero for both; one of two has a known counterpart" in two
    assert "No motif recurs" in wording.say_used(elements()[:0], 100, 0.05)
    by_letters = wording.say_used(elements().assign(element="TAT at -12"), 100, 0.05)
    assert "once): TAT at -12 (50 sites" in by_letters, "its place is told once"


def test_few_sites_are_warned_of_and_no_name_is_said_to_be_none():
    contribution = np.zeros((29, 1, 1, len(OFFSET)), np.float32)
    codes = planted_map(n=29)[0].codes
    sites = planted_map(n=29)[0].sites
    logos = Logos(sites, OFFSET, codes, contribution, np.zeros((29, 1, 1)))
    asked = pd.DataFrame({"layer": [1], "head": [1], "detectable": [2.0]})
    totals = pd.DataFrame({"layer": [1], "head": [1]})
    names = pd.DataFrame(columns=["layer", "head", "name", "contribution", "excess", "q_value"])
    said = wording.say_through(logos, names, asked, totals, 29, 0.05, stem=True)
    assert "No head passes on a known element" in said
    assert "With 29 sites standard errors are rough" in said
    assert "heads stand on convolutions" in said
    named = pd.DataFrame([{"layer": 1, "head": 1, "name": "-10 box", "contribution": 0.5,
                           "excess": 8.0, "q_value": 0.001}])  # fmt: skip
    more = wording.say_through(logos, named, asked, totals, 40, 0.05, stem=False)
    assert "**1 of 1 heads** fit an element (a hint, weaker than restoring): L1 H1" in more
    assert "weaker than restoring): L1 H1 (-10 box, +0.50 log" in more
    assert "where the letters of a head vary least, 2.0 bits would have been enough" in more
    assert wording._bits(0.04) == "less than 0.1 bits"
    keys = pd.DataFrame({"layer": [1], "head": [1], "element": ["-10 box"]})
    both = [
        wording.say_through(logos, named, asked, totals, 40, 0.05, stem=False, carried=one)
        for one in (keys, keys.assign(element="start"))
    ]
    assert "Restoring gives each of them the same element." in both[0]
    assert "Restoring confirms none of these names." in both[1] and "Restoring" not in more
    assert "| L1 H1 | -10 box | +0.50 | 8.0 | 0.001 |" in more
    assert "convolutions" not in more


def factor(name, effect, q):
    return {"factor": name, "n_sites": 20, "effect": effect, "ci_low": effect - 0.3,
            "ci_high": effect + 0.3, "q_value": q, "detectable": 0.4}  # fmt: skip


def test_claims_of_the_paper_get_a_verdict_with_its_power():
    table = pd.DataFrame(
        [factor("CRP", -0.9, 0.05), factor("ArcA", 0.1, 0.7), factor(wording.LAC, 0.5, 0.01)]
    )
    said = wording.say_factors(table, None, 0.05)
    assert "output changes for **CRP -0.90 (-1.20 to -0.60) and position -82" in said
    assert "We replaced the binding sites of two factors and one stretch (a neg" in said
    assert (
        "ArcA's sites, for which the paper sees a head: no effect beyond the controls is shown"
        in said
    )
    assert "found four times out of five" in said
    assert "sigma fecI: too few in the test part to say" in said
    assert "-82, which the paper links with the lac repressor: the output rises" in said
    none = wording.say_factors(table.assign(q_value=0.051), None, 0.05)
    assert "is shown for none of them" in none


def test_heads_that_carry_factors_are_named_or_their_power_is():
    table = pd.DataFrame([factor("CRP", -0.9, 0.01)])
    by_head = pd.DataFrame([{**factor("CRP", -0.3, 0.02), "layer": 3, "head": 2}])
    assert "CRP by L3 H2 (-0.30)" in wording.say_factors(table, by_head, 0.05)
    weak = wording.say_factors(table, by_head.assign(q_value=0.2), 0.05)
    assert "none carries a factor at q ≤ 0.05 (1 comparisons; the median smallest" in weak


def test_the_three_sharpest_heads_of_the_first_layer_are_named():
    summary = pd.DataFrame(
        {"head": [1, 2, 3, 4], "distance": [5, 6, 7, 8], "query_word": ["AAA", "CCC", "GGG", "TTT"],
         "query_attention": [0.2, 0.5, 0.1, 0.3], "mean_attention": 0.05, "one_matrix": 0.5,
         "with_a_pair": 0.6, "query_r_squared": 0.9}
    )  # fmt: skip
    said = wording.say_first_layer(summary, 64)
    assert "The sharpest heads are L1 H2 6 nt back (5% of its attention" in said
    assert "50% if the query's word is CCC), L1 H4 8 nt" in said and "and L1 H1 5 nt" in said
    assert "GGG" not in said and said.endswith("; the figure shows the others.")
    one = wording.say_first_layer(summary[:1], 64)
    assert "The sharpest head is L1 H1" in one and one.endswith("20% if the query's word is AAA).")


def test_a_stem_is_said_to_hide_the_words():
    said = wording.say_stem(AnnotatorConfig(stem=2, conv_width=3))
    assert "stand on 2 dilated convolutions: a first-layer key depends on 9 nt" in said
