"""Labels, shift and split against position-by-position reckoning."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.labels import Split, SplitError, reading_order, shift_downstream, site_track


def frame(sites):
    return pd.DataFrame(sites, columns=["position", "strand"])


@given(
    length=st.integers(2, 60),
    shift=st.integers(0, 80),
    picks=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("+-")), max_size=8),
)
def test_shifted_labels_stand_downstream_of_their_site(length, shift, picks):
    sites = [(position % length, strand) for position, strand in picks]
    track = site_track(frame(sites), length)
    wanted = np.zeros((2, length), dtype=int)
    for position, strand in sites:
        forward = position + shift if strand == "+" else position - shift
        row = 0 if strand == "+" else 1
        wanted[row, forward % length] = 1
    shifted = reading_order(shift_downstream(reading_order(track), shift))
    assert (shifted == wanted).all()


@given(st.integers(1, 40), st.integers(-50, 50))
def test_reading_order_and_shift_undo_themselves(length, shift):
    track = np.arange(2 * length).reshape(2, length)
    assert (reading_order(reading_order(track)) == track).all()
    assert (shift_downstream(shift_downstream(track, shift), -shift) == track).all()


def test_minus_strand_is_read_backwards():
    track = site_track(frame([(1, "+"), (1, "-")]), 5)
    assert reading_order(track).tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


def test_site_beyond_the_genome():
    with pytest.raises(ValueError, match="a site at 10 lies beyond the genome of 10 nt"):
        site_track(frame([(10, "+")]), 10)


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
    with pytest.raises(SplitError, match=message):
        Split.at(cuts, 10)


def test_overlapping_parts():
    with pytest.raises(SplitError, match="overlap"):
        Split((2, 6), (5, 8), 10)
    with pytest.raises(SplitError, match="no training part"):
        Split((0, 5), (5, 10), 10)
    with pytest.raises(SplitError, match="'dev' is not one of"):
        Split((0, 5), (5, 8), 10).mask("dev")


def test_a_part_may_wrap_round():
    mask = Split((8, 2), (2, 4), 10).mask("test")
    assert np.flatnonzero(mask).tolist() == [0, 1, 8, 9]
