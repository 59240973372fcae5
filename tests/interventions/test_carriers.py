"""A head that reads by construction is found to carry, and nothing else is."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from genoattn.interventions import carriers as m
from genoattn.interventions import mediation, noise, paths
from tests import toy_reader

CRITERIA = m.Criteria(n_bootstrap=200, level=0.95, seed=0, least=0.05, max_q=0.05)


@pytest.fixture(scope="module")
def answers():
    genome, sites = toy_reader.promoters()
    network = toy_reader.reader()
    asked = noise.questions(
        genome,
        sites,
        np.ones(len(genome), bool),
        [toy_reader.BOX, toy_reader.SILENT],
        n_sites=40,
        draws=2,
        rare=0.08,
        seed=0,
    )
    found = []
    for question in asked:
        given = (network, genome, question.sites, question.noised)
        answer = m.Answer(question, mediation.mediation(*given, progress=False))
        followed = paths.follow(
            network,
            genome,
            question,
            m.leading(answer, 2),
            query=np.array([-20, 0, 4, 5]),
            key=np.array([-40, -30, 0, 10]),
            n_hopping=2,
            progress=False,
        )
        found.append(answer._replace(followed=followed))
    return found


@pytest.fixture(scope="module")
def table(answers):
    return m.shares(answers, CRITERIA, model="toy", seed=3)


def test_the_head_that_reads_the_box_is_the_only_carrier(table):
    found = m.carried(table, CRITERIA)
    assert found[["element", "layer", "head"]].to_numpy().tolist() == [["-35 box", 1, 1]]
    row = found.iloc[0]
    assert row["share"] == pytest.approx(1, abs=1e-6)
    assert (row["first"], row["last"], row["model"], row["seed"]) == (-35, -30, "toy", 3)
    assert list(table.columns) == list(m.COLUMNS)


def test_nothing_comes_back_in_the_control_or_of_an_element_that_is_not_read(table):
    control = table[(table["control"] == noise.CONTROL) & (table["element"] == "-35 box")]
    assert control["share"].abs().max() < 0.2
    silent = table[(table["element"] == "elsewhere") & (table["control"] == "")]
    assert silent["share"].isna().all()
    assert silent["q_value"].min() > 0.05


def test_the_carrier_restores_more_than_at_the_control(table):
    row = m.carried(table, CRITERIA).iloc[0]
    assert row["excess"] == pytest.approx(1, abs=0.15)
    assert 0 < row["excess_low"] <= row["excess"] <= row["excess_high"]
    assert row["excess_q"] < 1e-3
    without = table[(table["query_bin"] != m.EVERY) | (table["control"] != "")]
    assert without[["excess", "excess_q"]].isna().all(axis=None)


def test_a_head_that_restores_as_much_at_the_control_carries_no_element(answers):
    """The same answer as its own control: all comes back, and nothing of it is the element's."""
    real = answers[0]
    same = real._replace(question=real.question._replace(control=noise.CONTROL), followed=None)
    found = m.shares([real, same], CRITERIA, model="toy", seed=0)
    assert m.passed_on(found, CRITERIA)[["layer", "head"]].to_numpy().tolist() == [[1, 1]]
    assert m.carried(found, CRITERIA).empty
    table = m.effects([real, same], CRITERIA)
    assert table["excess"].iloc[0] == pytest.approx(0, abs=1e-9)
    assert table["excess_q"].iloc[0] > 0.4
    assert np.isnan(table["excess"].iloc[1])


def test_a_control_that_no_head_was_asked_at_leaves_no_carrier(answers):
    real, control = answers[0], answers[1]
    nobody = control.mediation.restored * np.nan
    silent = control._replace(
        mediation=dataclasses.replace(control.mediation, restored=nobody), followed=None
    )
    found = m.shares([real, silent], CRITERIA, model="toy", seed=0)
    assert set(found["control"]) == {""}
    assert m.carried(found, CRITERIA).empty
    assert m.effects([real, silent], CRITERIA)["excess"].iloc[0] > 0.5


def test_without_a_control_the_element_is_not_held_against_one(answers):
    found = m.shares([answers[0]], CRITERIA, model="toy", seed=0)
    assert found["excess_q"].isna().all()
    assert len(m.carried(found, CRITERIA)) == 1
    assert m.effects([answers[0]], CRITERIA)["excess_q"].isna().all()


def test_a_contrast_is_the_difference_of_the_means_and_blocks_move_together():
    sites = pd.DataFrame({"block": np.arange(30)})
    shared = np.random.default_rng(0).normal(0, 5, 30)  # of each block, at both kinds of site
    found = m.contrast(shared + 1.0, shared, sites, sites, CRITERIA)
    assert found.replicates[0] == pytest.approx(1.0)
    np.testing.assert_allclose(found.replicates[1:], 1.0)
    assert found.p_value < 1e-6
    apart = sites + 100
    alone = m.contrast(shared + 1.0, shared, sites, apart, CRITERIA)
    assert np.nanstd(alone.replicates[1:]) > 0.5
    assert m.contrast(shared, shared + 1.0, sites, sites, CRITERIA).p_value > 0.99


def test_only_the_bin_of_the_sites_own_query_carries(table):
    bins = table[(table["element"] == "-35 box") & (table["control"] == "")]
    first = bins[(bins["head"] == 1)].set_index("query_bin")["share"]
    assert first["+5 to +5"] == pytest.approx(1)
    assert first["-20 to -1"] == pytest.approx(0, abs=1e-9)


def test_the_effects_say_what_is_used_and_how_good_the_fast_form_is(answers):
    table = m.effects(answers, CRITERIA).set_index(["element", "control"])
    box, silent = (table.loc[(name, "")] for name in ("-35 box", "elsewhere"))
    assert box["used"]
    assert not silent["used"]
    assert box["first_order_slope"] == pytest.approx(1, abs=1e-6)  # the read-out is linear
    assert box["first_order_error"] == pytest.approx(0, abs=1e-6)
    assert 0 < box["detectable"] < 1
    assert np.isnan(silent["detectable"])
    assert box["effect"] > 1


def test_one_head_restores_all_of_it_and_a_second_adds_nothing(answers):
    sets = m.head_sets([answers[0]], CRITERIA)
    assert sets["share"].tolist() == pytest.approx([1, 1])
    assert sets["head"].iloc[0] == "L1 H1"


def test_the_q_value_is_against_the_least_that_may_come_back(answers):
    strict = m.shares(answers, CRITERIA._replace(least=10.0), model="toy", seed=0)
    assert strict["q_value"].min() > 0.9


def test_the_interval_holds_the_spread_between_blocks(answers):
    row = m.effects([answers[0]], CRITERIA).iloc[0]
    effect = answers[0].mediation.effect
    error = effect.std(ddof=1) / np.sqrt(len(effect))
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 1.96 * error, rel=0.5)


def gains(rows):
    index = pd.MultiIndex.from_product([[1], [1, 2, 3]], names=["layer", "head"])
    return pd.DataFrame(rows, index=index, columns=["box", "start"], dtype=float)


def holding(head, element):
    return pd.DataFrame({"layer": [1], "head": [head], "element": [element], "share": [0.5]})


def test_a_role_returns_in_another_head_of_another_seed_and_is_named_by_its_element():
    seeds = {
        "a": gains([[1, 0.1], [0, 0], [0, 0]]),
        "b": gains([[0, 0.2], [0, 0], [2, 0.1]]),
        "c": gains([[0, 1], [0, 0], [0, 0]]),
    }
    carried = {"a": holding(1, "box"), "b": holding(3, "box"), "c": holding(1, "start")}
    null = {"untrained": gains([[0.01, 0.01], [-0.01, 0.01], [0.01, -0.01]])}
    found = m.matched_roles(seeds, carried, null).set_index(["seed", "other_seed"])
    there = found.loc[("a", "b")]
    assert (there["other_layer"], there["other_head"], there["element"]) == (1, 3, "box")
    assert there["returns"]
    assert there["chance"] < 0.95
    assert not found.loc[("a", "c"), "returns"]
    assert np.isnan(found.loc[("a", "c"), "other_head"])


def test_without_a_network_that_learnt_nothing_no_role_returns():
    seeds = {"a": gains([[1, 0], [0, 0], [0, 0]]), "b": gains([[1, 0], [0, 0], [0, 0]])}
    carried = {"a": holding(1, "box"), "b": holding(1, "box")}
    assert not m.matched_roles(seeds, carried, {})["returns"].any()
