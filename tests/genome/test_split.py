"""Labels, shift and split against position-by-position reckoning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.split import Split


def test_the_papers_split():
    split = Split.at((2_738_785, 3_667_115, 4_131_280), 4_641_652)
    counts = {part: 2 * int(split.mask(part).sum()) for part in ("train", "validation", "test")}
    assert counts["test"] == 1_856_660
    assert sum(counts.values()) == 9_283_304
    train = split.mask("train")
    assert train[0] and train[-1] and train[2_738_784] and not train[2_738_785]
    assert train[4_131_280] and not train[4_131_279]


@given(st.integers(3, 50), st.data())
def test_parts_cover_the_circle_once(length, data):
    cuts = data.draw(
        st.lists(st.integers(0, length - 1), min_size=3, max_size=3, unique=True).map(sorted)
    )
    split = Split.at(cuts, length)
    for position in range(length):
        if cuts[0] <= position < cuts[1]:
            wanted = "test"
        elif cuts[1] <= position < cuts[2]:
            wanted = "validation"
        else:
            wanted = "train"
        inside = [part for part in ("train", "validation", "test") if split.mask(part)[position]]
        assert inside == [wanted]


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ((5, 3, 8), "three increasing positions"),
        ((1, 2), "three increasing positions"),
        ((1, 5, 99), "within 0..10"),
    ],
)
def test_impossible_cuts(cuts, message):
    with pytest.raises(ValueError, match=message):
        Split.at(cuts, 10)


def test_overlapping_parts():
    with pytest.raises(ValueError, match="overlap"):
        Split((2, 6), (5, 8), 10)
    with pytest.raises(ValueError, match="no training part"):
        Split((0, 5), (5, 10), 10)
    with pytest.raises(ValueError, match="'dev' is not one of"):
        Split((0, 5), (5, 8), 10).mask("dev")


def test_a_part_may_wrap_round():
    mask = Split((8, 2), (2, 4), 10).mask("test")
    assert np.flatnonzero(mask).tolist() == [0, 1, 8, 9]
