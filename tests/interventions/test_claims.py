"""What a network made by hand reads is claimed, at its place, with its head; nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import toy_reader
from toy_patterns import pattern

from genoattn.interventions import claims as m
from genoattn.interventions.saturation import MutationMap
from genoattn.model.annotator import Annotator

RULE = m.Rule(
    first=-45, last=0, n_learn=90, min_seqlets=15, n_sites=30, block=1_000, n_bootstrap=200
)


@pytest.fixture(scope="module")
def given():
    """Genome, sites, and the part (the last third) at whose sites claims are tested."""
    genome, sites = toy_reader.promoters(n=150)
    held = np.arange(len(genome)) >= 300 + 400 * 100 - 200
    return genome, sites, held


def claimed_of(network, given, rule=RULE):
    """Elements are found at the sites of the first two thirds, and asked about at the others."""
    genome, sites, held = given
    seen = held[sites["position"]]
    mapped = m.searched(network, genome, sites[~seen], rule=rule, seed=0)
    return m.claim(network, genome, mapped, sites, held, rule=rule, seed=0, name="toy")


@pytest.fixture(scope="module")
def found(given):
    return claimed_of(toy_reader.reader(), given)


def test_the_element_that_is_read_is_claimed_at_its_place_with_the_head_that_reads_it(found):
    claimed = found.table[found.table["claimed"]]
    (row,) = claimed.to_dict("records")
    assert "TTGAC" in row["consensus"] or "TGACA" in row["consensus"]
    assert row["first"] in (-35, -34) and row["last"] in (-31, -30)
    assert row["head"] == "L1 H1" and row["n_heads"] == 1
    assert row["ci_low"] > RULE.least and row["share_low"] > 0.5
    assert len(found.letters[claimed.index[0]]) == row["last"] - row["first"] + 1 + 2 * m.AROUND


def test_the_letters_around_a_claim_are_those_of_the_genome(given, found):
    genome, _, _ = given
    row = int(np.flatnonzero(found.table["claimed"])[0])
    one, letters = found.patterns[row], found.letters[row]
    assert (letters.sum(axis=1) == len(one)).all()
    np.testing.assert_array_equal(letters[m.AROUND : -m.AROUND], one.counts)
    site = found.sites.iloc[one.row]
    beside = [
        genome.around([p], [s], [f - 1])[0, 0]
        for p, s, f in zip(site["position"], site["strand"], one.first, strict=True)
    ]
    assert letters[m.AROUND - 1].tolist() == np.bincount(beside, minlength=4).tolist()


def test_a_network_that_learnt_nothing_claims_nothing(given):
    genome, sites, _ = given
    torch.manual_seed(0)
    untrained = Annotator(toy_reader.CONFIG).eval()
    found = claimed_of(untrained, given)
    assert not found.table["claimed"].any()
    drops = m.predicted(untrained, genome, sites, found, rule=RULE, seed=0)
    assert drops.empty and "seen" in drops
    assert np.isnan(m.agreement(drops, RULE, seed=0)).all()


def test_the_drop_that_a_claim_predicts_is_seen_where_its_letters_are_replaced(given, found):
    genome, sites, held = given
    unseen = sites[held[sites["position"]]]
    drops = m.predicted(toy_reader.reader(), genome, unseen, found, rule=RULE, seed=0)
    assert len(drops) == RULE.n_sites and set(drops["position"]) <= set(unseen["position"])
    r, low, high = m.agreement(drops, RULE, seed=0)
    assert r == pytest.approx(np.corrcoef(drops["predicted"], drops["seen"])[0, 1])
    assert low <= r <= high and low > 0.5
    has = drops.merge(sites, on=["position", "strand"])["has"].to_numpy()
    assert drops["predicted"][has].min() > drops["predicted"][~has].median()


def test_claims_together_expect_the_sum_of_what_each_is_worth_at_its_usual_places():
    box = replace(pattern("TA", -4, n=4), first=np.array([-4, -4, -4, -2]))
    cap = pattern("G", 0, n=1)
    even, offset = np.full(4, 0.25), np.arange(-4, 1)
    codes = np.array([["ACGTN".index(letter) for letter in word] for word in ("TACCC", "CCTAG")])
    worth = np.array([[1.5, -0.5], [-0.5, 1.5]])  # box at -4, at -2; letters less random ones
    ratio = np.log1p(np.exp(worth) @ [0.75, 0.25])
    told = m.expected([box], codes, offset, even)
    assert told == pytest.approx(ratio)
    both = m.expected([box, cap], codes, offset, even)
    assert both - told == pytest.approx(np.log1p(np.exp([-0.25, 0.75])))


def test_a_correlation_from_one_block_has_no_interval():
    drops = pd.DataFrame({"position": [1, 2, 3], "predicted": [1.0, 2, 3], "seen": [1.0, 2, 3]})
    assert np.isnan(m.agreement(drops, RULE, seed=0)).all()
    apart = drops.assign(position=[1, 5_000, 9_000])
    assert m.agreement(apart, RULE, seed=0)[0] == pytest.approx(1)


def test_sites_of_the_map_are_not_asked(found, given):
    _, sites, _ = given
    left = m.apart(sites, found.sites)
    assert len(left) == len(sites) - len(found.sites)
    assert left.merge(found.sites, on=["position", "strand"]).empty
    other = found.sites.assign(strand=found.sites["strand"].map({"+": "-", "-": "+"}))
    assert len(m.apart(sites, other)) == len(sites)  # the same place on the other strand


def test_too_few_sites_are_refused(given, found):
    genome, sites, held = given
    network = toy_reader.reader()
    few = replace(RULE, min_seqlets=60)
    with pytest.raises(ValueError, match="100 sites to find elements at: at least 120 are needed"):
        m.searched(network, genome, sites[~held[sites["position"]]], rule=few, seed=0)
    mapped = MutationMap(found.sites, np.arange(2), np.zeros((90, 2)), np.zeros((90, 2, 4)))
    with pytest.raises(ValueError, match="0 sites to ask about elements at"):
        m.claim(network, genome, mapped, found.sites, held, rule=RULE, seed=0)
