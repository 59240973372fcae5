"""Distances, thresholds and shifts, by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn import peaks


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


@given(
    st.lists(st.tuples(st.integers(0, 49), st.sampled_from("+-")), max_size=6, unique=True),
    st.booleans(),
    st.booleans(),
)
def test_nearest_offset_against_all_pairs(rows, circular, opposite) -> None:
    position = np.repeat(np.arange(50), 2)
    strand = np.tile(["+", "-"], 50)
    got = peaks.nearest_offset(
        position, strand, frame(*rows), 50, circular=circular, opposite=opposite
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
        assert (offset if own == "+" else -offset) in gaps


def test_downstream_is_positive_on_either_strand() -> None:
    sites = frame((20, "+"), (30, "-"))
    assert peaks.nearest_offset([22, 28], ["+", "-"], sites, 100).tolist() == [2, 2]
    found = peaks.nearest_offset([22, 28], ["-", "+"], sites, 100, opposite=True)
    assert found.tolist() == [-2, -2]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=3, max_size=30),
    st.floats(0, 1),
)
def test_the_lowest_threshold_of_a_precision(pairs, wanted) -> None:
    output, hit = np.array(pairs, dtype=float).T
    got = peaks.threshold_at_precision(output, hit, wanted, at_least=3)
    shares = {t: hit[output >= t].mean() for t in np.unique(output) if (output >= t).sum() >= 3}
    good = [t for t, share in shares.items() if share >= wanted]
    assert got.reached == bool(good)
    assert got.output == min(good) if good else got.precision == max(shares.values())
    assert got.precision == pytest.approx(shares[got.output])
    assert got.n_peaks == (output >= got.output).sum()
    assert got.n_hits == hit[output >= got.output].sum()
    with pytest.raises(ValueError, match="at least 31"):
        peaks.threshold_at_precision(output, hit, wanted, at_least=31)


def test_exact_proportions() -> None:
    share, low, high = peaks.proportion(0, 20, 0.95)
    assert share == 0 and low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert np.isnan(peaks.proportion(0, 0, 0.95)).all()


def test_shifts_beside_chance() -> None:
    sites = frame((20, "+"), (70, "-"))
    predicted = frame((19, "+"), (19, "+"), (69, "-"), (5, "+"))
    inside = np.ones(100, bool)
    inside[21] = False
    table = peaks.shifts(predicted, sites, inside, reach=3, level=0.95).set_index("offset")
    assert table["n"].to_dict() == {-3: 0, -2: 0, -1: 2, 0: 0, 1: 1, 2: 0, 3: 0}
    assert table.loc[-1, "share"] == 0.5
    assert table.loc[-1, "ci_low"] < 0.5 < table.loc[-1, "ci_high"]
    assert table.loc[1, "chance"] == pytest.approx(1 / 198)  # 21 on + is outside
    assert table.loc[0, "chance"] == pytest.approx(2 / 198)
