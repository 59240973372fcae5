"""Stretches of masks, and intervals painted on a genome, against brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.intervals import covered, depth, runs, stretches


def test_stretches_by_hand():
    mask = np.array([1, 1, 0, 0, 1, 0, 1], dtype=bool)
    assert runs(mask).tolist() == [[4, 1], [6, 3]]
    assert runs(mask, circular=False).tolist() == [[0, 2], [4, 1], [6, 1]]
    assert runs(np.ones(3, bool)).tolist() == [[0, 3]]
    assert runs(np.zeros(3, bool)).tolist() == []


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.booleans())
def test_stretches_cover_the_mask_once(values, circular):
    mask = np.array(values)
    found = np.zeros(mask.size, dtype=int)
    for start, size in runs(mask, circular=circular).tolist():
        found[np.arange(start, start + size) % mask.size] += 1
    assert found.tolist() == mask.astype(int).tolist()


@given(
    st.integers(1, 20).flatmap(
        lambda length: st.tuples(
            st.just(length),
            st.lists(
                st.tuples(
                    st.integers(-length, length), st.integers(1, length), st.sampled_from("+-.")
                ),
                max_size=6,
            ),
        )
    )
)
def test_intervals_are_painted_round_the_origin(given_ones):
    length, spans = given_ones
    rows = [(start, start + size, strand) for start, size, strand in spans]
    frame = pd.DataFrame(rows, columns=["start", "end", "strand"])
    wanted = np.zeros((2, length), dtype=int)
    for start, end, strand in rows:
        for position in range(start, end):
            for row, symbol in enumerate("+-"):
                wanted[row, position % length] += strand in {symbol, "."}
    np.testing.assert_array_equal(depth(frame, length), wanted)
    np.testing.assert_array_equal(covered(frame, length), wanted > 0)


@given(st.integers(0, 40), st.sampled_from("+-"), st.integers(-9, 9), st.integers(0, 9))
def test_a_stretch_beside_a_site_holds_the_offsets(position, strand, first, size):
    site = pd.DataFrame({"position": [position], "strand": [strand]})
    start, end = stretches(site, first, first + size)
    step = 1 if strand == "+" else -1
    wanted = sorted(position + step * offset for offset in range(first, first + size))
    assert list(range(start[0], end[0])) == wanted
