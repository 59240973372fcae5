"""Elements are placed in maps whose truth is known, and measured at other sites."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.interventions import placed
from genoattn.interventions.saturation import MutationMap

OFFSET = np.arange(-60, 21)
SETTINGS = {"n_bootstrap": 50, "level": 0.95, "seed": 1}


def a_map(costs, n=40, noise=0.05, seed=0):
    """A map in which a substitution at an offset changes the log-odds by so much, with noise."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, OFFSET.size)).astype(np.uint8)
    change = rng.normal(0, noise, (n, OFFSET.size, 4)).astype(np.float32)
    for at, value in costs.items():
        change[:, at - OFFSET[0]] += value
    np.put_along_axis(change, codes[..., None].astype(np.int64), 0, axis=2)
    sites = pd.DataFrame({"position": np.arange(n), "strand": "+", "log_odds": 0.0})
    return MutationMap(sites, OFFSET, codes, change)


def one_species(found, block=None, **named):
    block = np.arange(len(found.sites)) if block is None else block
    got = placed.readings(found, block, **SETTINGS)
    return got, got.table.assign(**{"model": "m", "species": "s", **named})


def test_a_box_is_found_where_it_lies_and_costs_what_it_costs():
    costs = dict.fromkeys(range(-11, -5), -1.0) | dict.fromkeys(range(-36, -30), -0.5)
    got, rows = one_species(a_map(costs))
    places = got.places.set_index("element")
    assert places.loc["-10 box", ["first", "last", "first_low", "first_high"]].tolist() == [
        -11, -6, -11, -11,
    ]  # fmt: skip
    assert places.loc["-35 box", ["first", "last"]].tolist() == [-36, -31]
    assert places.loc["extended -10", ["first", "last"]].tolist() == [-14, -13]
    assert places.loc["discriminator", ["first", "last"]].tolist() == [-5, -2]
    assert places.loc["start", ["first", "last"]].tolist() == [-1, 0]
    table = placed.place_table(rows, 0.95).set_index("element")
    assert table.index.tolist() == list(placed.ELEMENTS)
    assert table.loc["-10 box", "effect"] == pytest.approx(-1, abs=0.03)
    assert table.loc["-35 box", "effect"] == pytest.approx(-0.5, abs=0.03)
    assert set(table.index[table["q_value"] <= 0.05]) == {"-10 box", "-35 box"}
    assert (table["detectable"] < 0.1).all()
    assert (table["n_sites"] == 40).all()


def test_the_up_element_ends_where_the_box_begins():
    got, _ = one_species(a_map(dict.fromkeys(range(-38, -32), -1.0)))
    places = got.places.set_index("element")
    assert places.loc["-35 box", "first"] == -38
    assert places.loc["UP", "last"] < -38


def test_what_substitutions_cost_everywhere_is_no_element():
    _, rows = one_species(a_map(dict.fromkeys(OFFSET.tolist(), -1.0)))
    table = placed.place_table(rows, 0.95)
    assert (table["change"] < -0.9).all()
    assert (table["effect"].abs() < 0.05).all()


def test_a_map_of_noise_has_no_element_though_its_place_is_chosen():
    """Were the cost measured at the sites that chose the place, noise would seem to be read."""
    effects = []
    for seed in range(30):
        _, rows = one_species(a_map({}, n=12, noise=1.0, seed=seed))
        table = placed.place_table(rows, 0.95).set_index("element")
        effects.append(table.loc["-35 box", "effect"])
    error = np.std(effects, ddof=1) / np.sqrt(len(effects))
    assert abs(np.mean(effects)) < 3 * error
    chosen = [
        a_map({}, n=12, noise=1.0, seed=seed).cost.mean(0)[22:33].reshape(1, -1)
        for seed in range(30)
    ]
    low = [np.convolve(one[0], np.ones(6) / 6, "valid").min() for one in chosen]
    assert np.mean(low) < -3 * error, "the naive way would have found something"


def test_the_best_substitution_tells_of_an_element_that_is_not_there():
    found = a_map({}, noise=0.0)
    gain = found.change.copy()
    gain[:, 48 : 48 + 6, 3] = 2.0  # a T at −12 to −7 would help
    np.put_along_axis(gain, found.codes[..., None].astype(np.int64), 0, axis=2)
    better = MutationMap(found.sites, found.offset, found.codes, gain)
    _, rows = one_species(better)
    assert rows.groupby("element")["gain"].mean()["-10 box"] > 0.3
    assert rows.groupby("element")["gain"].mean()["-35 box"] == 0


def test_species_stand_in_the_order_in_which_they_came():
    both = [one_species(a_map({}, seed=i), species=name)[1] for i, name in enumerate("zb")]
    table = placed.place_table(pd.concat(both), 0.95)
    assert table["species"].tolist() == ["z"] * 6 + ["b"] * 6


def test_maps_that_cannot_be_asked_are_refused():
    found = a_map({})
    with pytest.raises(ValueError, match="all sites lie in one block"):
        placed.readings(found, np.zeros(40, int), **SETTINGS)
    short = MutationMap(found.sites, OFFSET[20:], found.codes[:, 20:], found.change[:, 20:])
    with pytest.raises(ValueError, match="the map lacks offset -50"):
        placed.readings(short, np.arange(40), **SETTINGS)
