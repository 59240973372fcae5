"""The ideal observer: Bayes' rule by hand, and against what the simulation drew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.data.grammar import DEFAULT_GRAMMAR, Element, Grammar
from genoattn.data.ideal_observer import IdealObserver
from genoattn.data.simulation import Layout, simulate

EVEN = np.full(4, 0.25)
SURE = np.eye(4)[[2, 0]]  # GA, and nothing else


def observer(*elements: Element, **given) -> IdealObserver:
    grammar = Grammar({"core": 1.0}, elements, {"anywhere": 1.0})
    given = {"prior": 0.01, "shifts": {0: 1.0}, "false": 0.0} | given
    return IdealObserver(grammar, EVEN, **given)


def codes(*words: str) -> np.ndarray:
    return np.array([["ACGTN".index(letter) for letter in word] for word in words], dtype=np.uint8)


def test_an_element_at_one_place_of_two_is_worth_its_letters_times_the_place():
    one = observer(Element("box", "core", SURE, {-3: 0.75, -2: 0.25}))
    ratio = one.likelihood_ratio(codes("GACC", "CGAC", "CCCC", "NNCC"), 3)
    assert ratio.tolist() == [0.75 * 16, 0.25 * 16, 0, 0.75]  # unknown letters say nothing


def test_an_element_that_may_be_absent_leaves_the_ratio_of_its_absence():
    one = observer(Element("box", "core", SURE, {-2: 1.0}, presence=0.4))
    assert one.likelihood_ratio(codes("GAC", "CCC"), 2).tolist() == pytest.approx([7.0, 0.6])


def test_an_element_measured_from_another_moves_with_it():
    first = Element("box", "core", SURE, {-2: 0.5, -1: 0.5})
    second = Element("far", "core", SURE, {-3: 1.0}, anchor="box")
    one = observer(first, second)
    ratio = one.likelihood_ratio(codes("GACGACC", "CGACGAC", "GACCGAC"), 5)
    assert ratio.tolist() == [0.5 * 256, 0.5 * 256, 0]


def test_a_label_is_a_shifted_site_or_a_mistake():
    box = Element("box", "core", SURE, {0: 1.0})
    words = codes("CCGACC", "CCCCCC")
    one = observer(box, shifts={0: 0.6, 1: 0.2}, false=0.001)
    site = 0.01 * 16 / (1 + 0.01 * 16)
    for zero, chance in ((2, 0.6 * site), (3, 0.2 * site)):
        p = np.array([chance + 0.001, 0.001])
        assert one.log_odds(words, zero) == pytest.approx(np.log(p / (1 - p)))


def test_an_element_outside_the_letters_is_refused_by_name():
    one = observer(Element("box", "core", SURE, {-3: 1.0}))
    with pytest.raises(ValueError, match="element box may lie at -1 of 4 letters"):
        one.likelihood_ratio(codes("CCCC"), 2)


def test_what_is_known_of_labels_is_counted_and_sites_stand_out_as_bayes_rule_says():
    simulation = simulate(seed=3, length=60_000, layout=Layout(tss_per_kb=8.0))
    sites = simulation.truth_sites[["position", "strand"]]
    kept = sites.iloc[::2]
    moved = kept.head(20).assign(position=(kept["position"].head(20) + 1) % 60_000)
    false = pd.DataFrame({"position": [7, 9], "strand": "+"})
    labels = pd.concat([kept.iloc[20:], moved, false], ignore_index=True)
    one = IdealObserver.of(simulation, labels)
    assert one.prior == len(sites) / 120_000
    assert sum(one.shifts.values()) * len(sites) + one.false * 120_000 == pytest.approx(len(labels))
    assert one.shifts[0] == pytest.approx((len(kept) - 20) / len(sites), abs=0.01)
    assert one.grammar is DEFAULT_GRAMMAR
    span = np.arange(-110, 40)
    there = simulation.genome.around(sites["position"], sites["strand"], span)
    rng = np.random.default_rng(0)
    anywhere = simulation.genome.around(rng.integers(60_000, size=2_000), "+", span)
    assert np.median(one.likelihood_ratio(there, 110)) > 50
    # of a likelihood ratio, the mean over the background is one
    assert np.median(one.likelihood_ratio(anywhere, 110)) < 0.2


def test_a_site_with_more_labels_than_one_is_no_surer_than_sure():
    box = Element("box", "core", SURE, {-2: 1.0})
    sure = observer(box, prior=1e12, shifts={0: 0.9, 1: 0.2}, false=0.001)
    told = sure.log_odds(codes("GAGACC"), 4)  # the place, and one nt before it, are sites
    assert np.isfinite(told).all()
    twice = observer(Element("box", "core", SURE, {-2: 0.5, -1: 0.5}), prior=1e12,
                     shifts={0: 0.9, 1: 0.2})  # fmt: skip
    assert np.isfinite(twice.log_odds(codes("GAGACC"), 4)).all()
