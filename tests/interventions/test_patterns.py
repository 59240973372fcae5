"""Patterns taken apart and put together: gaps, neighbours, other letters, single places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from toy_patterns import pattern

from genoattn.interventions import patterns as m
from genoattn.interventions.saturation import MutationMap


def test_a_pattern_is_cut_at_a_gap_and_each_part_keeps_its_place():
    worth = [1, 1, 1, 0, 0, 0, 1, 1, 0, 1]
    left, right = m.parts(pattern("TGGCATGACA", -26, worth), gap=3)
    assert (left.consensus, left.offset) == ("TGG", -26)
    assert (right.consensus, right.offset) == ("GACA", -20)  # a single weak column is no gap
    (whole,) = m.parts(pattern("TGGCATGACA", -26, worth), gap=4)
    assert whole.width == 10
    (first,) = m.parts(pattern("TGGCAT", -26, [1, 1, 0, 0, 0, 1]), gap=3)
    assert first.consensus == "TG"  # one column is no element


def test_of_patterns_alike_at_one_place_the_one_that_says_most_is_kept():
    box, again = pattern("TATAAT", -12, n=40), pattern("TATACT", -12)
    assert m.distinct([again, box], 0.8) == [box]
    assert m.distinct([again, box], 0.9) == [box, again]
    beside = pattern("TATAAT", -11)
    assert m.distinct([beside, box], 0.9) == [box, beside]  # no letter of one on the other's


def test_of_a_motif_that_holds_another_what_is_beside_it_is_left():
    box = pattern("TATAAT", -12, n=90)
    kept = m.distinct([pattern("TGNTATAAT".replace("N", "C"), -15, [1, 1, 0, *[1] * 6]), box], 0.5)
    assert [(one.consensus, one.offset) for one in kept] == [("TATAAT", -12), ("TG", -15)]
    assert m.distinct([pattern("GTATAAT", -13), box], 0.5) == [box]  # a letter is no element
    mixed = pattern("AATATAAT", -14)
    counts = mixed.counts.copy()
    counts[:2] = 8  # of all letters as many: columns that say nothing
    assert m.distinct([replace(mixed, counts=counts), box], 0.5) == [box]


def test_letters_that_contribute_at_one_place_in_the_mean_are_found_with_the_sites_that_have_them():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(400, 12)).astype(np.uint8)
    codes[0, 8] = 4  # an unknown letter is the worst
    change = np.zeros((400, 12, 4), dtype=np.float32)
    change[:, 7] = [0, 0.2, 0, 0.2]  # a pyrimidine, and a purine that counts more
    change[:, 8] = [0.6, 0, 0.6, 0]
    change[:, 2] = [0.5, 0, 0, 0]  # alone: the better neighbour is drawn in
    change[:, 3] = [0, 0, 0.01, 0]
    change -= np.take_along_axis(change, np.minimum(codes, 3)[..., None].astype(int), 2)
    sites = pd.DataFrame({"position": np.arange(400), "strand": "+"})
    mapped = MutationMap(sites, np.arange(-8, 4), codes, change)
    one, lone = m.standing(mapped, 0.3, 20)
    assert one.offset == -1 and one.width == 2 and (one.first == -1).all()
    assert one.row.tolist() == np.flatnonzero(np.isin(codes[:, 8], [0, 2])).tolist()
    assert one.consensus == "NR"
    assert (lone.offset, lone.consensus) == (-6, "AN")
    assert m.standing(mapped, 0.7, 20) == [] and m.standing(mapped, 0.3, 401) == []


def test_other_letters_at_one_place_are_the_same_element():
    guanine, adenine = pattern("CG", -1, n=30), pattern("TA", -1, n=10)
    adenine = replace(adenine, row=np.arange(25, 35))
    (one,) = m.pooled([guanine, adenine])
    assert one.counts.tolist() == [[0, 30, 0, 10], [10, 0, 30, 0]]
    assert one.row.tolist() == list(range(35)) and len(one.first) == 35  # five sites have both
    assert one.contribution[1].tolist() == pytest.approx([0, -0.25, 0.5, -0.25])
    lowers = pattern("AA", -1, worth=[-1, -1])
    kept = m.pooled([guanine, pattern("CG", -2), pattern("CGGG", -1), lowers])
    assert [len(one) for one in kept] == [30, 30, 30, 30]
    assert m.pooled([guanine, pattern("CGG", -1)])[0].width == 2


def test_what_patterns_explain_is_left_out_of_a_map_at_their_sites_and_places_alone():
    change = np.ones((3, 10, 4), dtype=np.float32)
    sites = pd.DataFrame({"position": [5, 50, 500], "strand": "+"})
    mapped = MutationMap(sites, np.arange(-6, 4), np.zeros((3, 10), np.uint8), change)
    one = replace(pattern("TAT", -4, n=2), row=np.array([0, 2]), first=np.array([-4, -1]))
    left = m.without(mapped, [one, replace(one, row=np.array([0, 2]), first=np.array([1, -1]))])
    gone = np.argwhere((left.change == 0).all(axis=2)).tolist()
    assert gone == [[0, 2], [0, 3], [0, 4], [0, 7], [0, 8], [0, 9], [2, 5], [2, 6], [2, 7]]
    assert (mapped.change == 1).all() and left.sites is mapped.sites
