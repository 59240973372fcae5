"""Motifs of a mutation map: planted words come back, named, at their places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_maps import PLANTED, planted_map

from genoattn.heads.elements import PAPER_ELEMENTS
from genoattn.heads.tomtom import element_motifs
from genoattn.interventions import motif_discovery
from genoattn.interventions.motif_discovery import Pattern

EVEN = np.full(4, 0.25)
NEAR = [one for one in PAPER_ELEMENTS if one.name != "FecI"]


@pytest.fixture(scope="module")
def planted():
    return planted_map(n=120)


@pytest.fixture(scope="module")
def patterns(planted):
    return motif_discovery.discover(planted[0])


def test_made_up_sites_need_all_that_others_need_compiled(planted):
    """So that it is compiled once, and found by the next process."""
    assert {one.consensus for one in motif_discovery.compile_kernels()} == {"TTGACA", "TATAAT"}
    kernels = motif_discovery._kernels()
    compiled = [len(one.overloads) for one in kernels]
    assert sum(compiled) > 10
    motif_discovery.discover(planted[0])
    assert [len(one.overloads) for one in kernels] == compiled
    kept = [one for one in kernels if one.stats.cache_path]
    assert len(kept) > 10, "what no process keeps, each compiles anew"


def test_planted_words_come_back_at_the_sites_and_places_where_they_are(planted, patterns):
    _, where = planted
    assert {one.consensus for one in patterns} == set(PLANTED)
    for one in patterns:
        there = where[one.consensus][one.row]
        assert (one.first == there).mean() > 0.95
        assert len(np.unique(one.row)) == len(one)
    for text, places in where.items():
        sites = np.unique(np.concatenate([one.row for one in patterns if one.consensus == text]))
        assert len(sites) > 0.9 * (places < 99).sum()


def test_they_are_named_by_place_and_the_motif_discovery_does_not_depend_on_names(
    planted, patterns
):
    found, _ = planted
    by_place = motif_discovery.known_by_place(
        patterns, found, NEAR, np.arange(120), background=EVEN
    )
    by_shape = motif_discovery.known_by_shape(
        patterns, element_motifs(NEAR, seed=0), background=EVEN, seed=0
    )
    used = motif_discovery.elements_used(patterns, found, by_place, by_shape)
    assert {one.name: one.pattern.consensus for one in used} == {
        "-10 box": "TATAAT",
        "-35 box": "TTGACA",
    }
    assert all(one.by_place and one.q_value < 1e-6 for one in used)
    unknown = motif_discovery.elements_used(patterns, found, by_place[:0], by_shape[:0])
    assert {one.name.split(" at ")[0] for one in unknown} == set(PLANTED)
    assert not any(one.by_place for one in unknown)


def test_patterns_of_one_name_are_one_element_with_their_columns_aligned(planted):
    found, where = planted
    has = np.flatnonzero(where["TATAAT"] < 99)
    first = where["TATAAT"][has] - found.offset[0]
    a = motif_discovery.laid(found, has[:40], first[:40], 6)
    b = motif_discovery.laid(found, has[40:70], first[40:70] - 2, 8)  # two columns more before it
    by_place = motif_discovery.known_by_place([a, b], found, NEAR, np.arange(120), background=EVEN)
    (one,) = motif_discovery.elements_used([a, b], found, by_place, pd.DataFrame({"pattern": []}))
    assert one.name == "-10 box"
    assert one.pattern.consensus == "TATAAT"
    assert len(one.pattern) == 70


def test_a_pattern_far_from_all_known_elements_leaves_the_others_their_names(planted):
    found, where = planted
    has = np.flatnonzero(where["TATAAT"] < 99)
    box = motif_discovery.laid(found, has[:40], where["TATAAT"][has[:40]] - found.offset[0], 6)
    rows = np.arange(30)
    far = motif_discovery.laid(found, rows, np.zeros(30, dtype=int), 4)
    each = [motif_discovery.known_by_place([one], found, NEAR, np.arange(120), background=EVEN)
            for one in (box, far)]  # fmt: skip
    assert len(each[0]) and each[1].empty
    both = motif_discovery.known_by_place([far, box], found, NEAR, np.arange(120), background=EVEN)
    pd.testing.assert_frame_equal(both.assign(pattern=0), each[0])
    used = motif_discovery.elements_used([far], found, each[1], pd.DataFrame({"pattern": []}))
    assert [one.by_place for one in used] == [False]


def test_one_pattern_at_two_distances_is_two_elements():
    start = np.concatenate([np.full(30, 10), np.full(25, 12), np.full(22, 50), [33]])
    groups = motif_discovery._by_place(start, 20)
    assert [len(group) for group in groups] == [55, 22]


def test_a_map_without_contributions_has_no_elements():
    assert motif_discovery.discover(planted_map(n=60, size=0.0)[0]) == []
    assert len(motif_discovery.known_by_shape([], [], background=EVEN, seed=0)) == 0
    assert len(motif_discovery.known_by_place([], planted_map(n=9)[0], NEAR, np.arange(9),
                                              background=EVEN)) == 0  # fmt: skip


def test_most_seqlets_decide_on_the_strand():
    class Seqlet:
        def __init__(self, row, start, is_revcomp):
            self.example_idx, self.start, self.end = row, start, start + 5
            self.is_revcomp = is_revcomp

    seqlets = [Seqlet(0, 3, True), Seqlet(1, 4, True), Seqlet(1, 4, True), Seqlet(2, 5, False)]
    row, start, width = motif_discovery._oriented(seqlets)
    assert (row.tolist(), start.tolist(), width) == ([0, 1], [3, 4], 5)


def test_a_pattern_says_its_usual_place():
    one = Pattern(np.arange(3), np.array([-12, -12, -11]), np.eye(4)[[3, 0]] * 3, np.ones((2, 4)))
    assert (one.offset, one.width, one.consensus, len(one)) == (-12, 2, "TA", 3)
