from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome import sites as site_tools
from genoattn.genome.sites import reading_order, shift_downstream, site_track


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def test_near_a_site_on_its_strand() -> None:
    mask = site_tools.near(frame((1, "+"), (50, "-")), 100, 2)
    assert np.flatnonzero(mask[0]).tolist() == [0, 1, 2, 3, 99]
    assert np.flatnonzero(mask[1]).tolist() == [48, 49, 50, 51, 52]
    linear = site_tools.near(frame((1, "+")), 100, 2, circular=False)
    assert np.flatnonzero(linear[0]).tolist() == [0, 1, 2, 3]


def test_what_was_not_taken() -> None:
    left = site_tools.not_taken(frame((10, "+"), (12, "-"), (30, "+")), frame((12, "+")), 100, 2)
    assert list(left.itertuples(index=False, name=None)) == [(12, "-"), (30, "+")]


# ------------------------------------------------------------------------- offsets and labels


def test_offsets_of_the_papers_model() -> None:
    offset = site_tools.offsets(512, 20)
    assert offset[0] == 20 and offset[20] == 0 and offset[-1] == -491


def test_label_has_no_zero() -> None:
    label = site_tools.paper_label(np.arange(-3, 4))
    assert label.tolist() == [-3, -2, -1, 1, 2, 3, 4]
    assert site_tools.paper_label(0) == 1
    named = [site_tools.position_name(offset) for offset in (-1, 0, 1)]
    assert named == ["-1", "+1", "+2"]


def frame_of_labels(sites):
    return pd.DataFrame(sites, columns=["position", "strand"])


@given(
    length=st.integers(2, 60),
    shift=st.integers(0, 80),
    picks=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("+-")), max_size=8),
)
def test_shifted_labels_stand_downstream_of_their_site(length, shift, picks):
    sites = [(position % length, strand) for position, strand in picks]
    track = site_track(frame_of_labels(sites), length)
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
    track = site_track(frame_of_labels([(1, "+"), (1, "-")]), 5)
    assert reading_order(track).tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


def test_site_beyond_the_genome():
    with pytest.raises(ValueError, match="a site at 10 lies beyond the genome of 10 nt"):
        site_track(frame_of_labels([(10, "+")]), 10)


SOME = st.lists(st.tuples(st.integers(0, 49), st.sampled_from("+-")), max_size=6)


@given(SOME, st.booleans(), st.booleans())
def test_gaps_are_what_one_walks_to_the_next_site(rows, circular, opposite) -> None:
    position, strand = np.repeat(np.arange(50), 2), np.tile(["+", "-"], 50)
    got = site_tools.gaps(position, strand, frame(*rows), 50, circular=circular, opposite=opposite)
    for here, own, *found in zip(position, strand, *got, strict=True):
        other = {"+": "-", "-": "+"}[own] if opposite else own
        for step, gap in zip((-1, 1) if own == "+" else (1, -1), found, strict=True):
            walk = [here + step * nt for nt in range(51)]
            reached = [
                nt
                for nt, place in enumerate(walk)
                if (circular or 0 <= place < 50) and (place % 50, other) in rows
            ]
            assert gap == (reached[0] if reached else np.inf)
    if not opposite:
        ahead = site_tools.distance_to_next(frame(*rows), 50, circular=circular)
        assert (ahead == got.ahead.reshape(50, 2).T).all()


@given(SOME, st.booleans(), st.booleans(), st.booleans())
def test_nearest_offset_against_all_pairs(rows, circular, opposite, ahead_first) -> None:
    position = np.repeat(np.arange(50), 2)
    strand = np.tile(["+", "-"], 50)
    got = site_tools.nearest_offset(
        position,
        strand,
        frame(*rows),
        50,
        circular=circular,
        opposite=opposite,
        ahead_first=ahead_first,
    )
    for here, own, offset in zip(position, strand, got, strict=True):
        other = {"+": "-", "-": "+"}[own] if opposite else own
        turns = (-50, 0, 50) if circular else (0,)
        gaps = [here - p + turn for p, s in rows if s == other for turn in turns]
        if not gaps:
            assert np.isinf(offset)
            continue
        best = min(abs(gap) for gap in gaps)
        assert abs(offset) == best
        forward = [gap for gap in gaps if abs(gap) == best]
        along = forward if own == "+" else [-gap for gap in forward]
        assert offset == (min(along) if ahead_first or own == "-" else max(along))


@given(SOME, SOME, st.integers(0, 30), st.booleans())
def test_what_was_not_taken_is_near_none(rows, taken, tolerance, circular) -> None:
    kept = site_tools.not_taken(frame(*rows), frame(*taken), 50, tolerance, circular=circular)
    mask = site_tools.near(frame(*taken), 50, tolerance, circular=circular)
    wanted = [(p, s) for p, s in rows if not mask["+-".index(s), p]]
    assert list(kept.itertuples(index=False, name=None)) == wanted


def test_downstream_is_positive_on_either_strand() -> None:
    sites = frame((20, "+"), (30, "-"))
    assert site_tools.nearest_offset([22, 28], ["+", "-"], sites, 100).tolist() == [2, 2]
    found = site_tools.nearest_offset([22, 28], ["-", "+"], sites, 100, opposite=True)
    assert found.tolist() == [-2, -2]


def numbered(length: int = 100) -> np.ndarray:
    """A track whose values name their place: position on '+', 1000 + position on '-'."""
    return np.stack([np.arange(length), 1000 + np.arange(length)]).astype(np.float32)


# ------------------------------------------------------------------------------- around sites


def test_windows_follow_the_strand_and_wrap() -> None:
    around = site_tools.output_around(numbered(), frame((1, "+"), (50, "-")), 2)
    assert around.sense.tolist() == [[99, 0, 1, 2, 3], [1052, 1051, 1050, 1049, 1048]]
    assert around.antisense.tolist() == [[1099, 1000, 1001, 1002, 1003], [52, 51, 50, 49, 48]]


def test_sites_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="unknown strand"):
        site_tools.output_around(numbered(), frame((1, ".")), 2)
    with pytest.raises(ValueError, match="beyond"):
        site_tools.output_around(numbered(), frame((100, "+")), 2)
    track = numbered()
    track[1, 3] = np.nan
    with pytest.raises(ValueError, match="without a value"):
        site_tools.output_around(track, frame((1, "+")), 2)


# ---------------------------------------------------------------------------- classes of sites

FEATURES = pd.DataFrame(
    {
        "start": [20, 60, 5],
        "end": [30, 70, 8],
        "strand": ["+", "-", "+"],
        "type": ["pseudogene", "pseudogene", "CDS"],
    }
)


def test_starts_of_genes_are_first_nucleotides_on_their_strand() -> None:
    starts = site_tools.gene_starts(FEATURES, "pseudogene", 69)  # one crosses the origin
    assert list(starts.itertuples(index=False, name=None)) == [
        (0, "-"),
        (20, "+"),
    ]  # the second crosses the origin


def test_values_of_a_track_at_sites() -> None:
    assert site_tools.values_at(numbered(), frame((3, "-"), (7, "+"))).tolist() == [1003, 7]
    several = np.stack([numbered(), -numbered()])
    assert site_tools.values_at(several, frame((3, "-"))).tolist() == [[1003], [-1003]]
    with pytest.raises(ValueError, match=r"unknown strand '\.'"):
        site_tools.values_at(numbered(), frame((3, ".")))
