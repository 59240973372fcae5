"""Distances, thresholds and shifts, by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome, encode
from genoattn.output.peaks import peak_table, peaks_per_kb, shifts


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def test_shifts_beside_chance() -> None:
    sites = frame((20, "+"), (70, "-"))
    predicted = frame((19, "+"), (19, "+"), (69, "-"), (5, "+"))
    inside = np.ones(100, bool)
    inside[21] = False
    table = shifts(predicted, sites, inside, reach=3, level=0.95).set_index("offset")
    assert table["n"].to_dict() == {-3: 0, -2: 0, -1: 2, 0: 0, 1: 1, 2: 0, 3: 0}
    assert table.loc[-1, "share"] == 0.5
    assert table.loc[-1, "ci_low"] < 0.5 < table.loc[-1, "ci_high"]
    assert table.loc[1, "chance"] == pytest.approx(1 / 198)  # 21 on + is outside
    assert table.loc[0, "chance"] == pytest.approx(2 / 198)


def test_peaks_find_the_next_gene_on_their_strand():
    ring = Genome("ring", encode("A" * 100))
    line = Genome("line", encode("A" * 100), circular=False)
    features = pd.DataFrame(
        [
            ("ring", 20, 30, "+", "gene", "a", "r1"),
            ("ring", 60, 80, "-", "gene", "b", ""),
            ("ring", 10, 12, "+", "exon", "", "e"),
            ("line", 20, 30, "+", "gene", "", "l1"),
        ],
        columns=["contig", "start", "end", "strand", "type", "gene", "locus_tag"],
    )
    peaks = pd.DataFrame(
        [
            ("ring", 5, "+"),
            ("ring", 20, "+"),
            ("ring", 21, "+"),
            ("ring", 85, "-"),
            ("ring", 3, "-"),
            ("line", 15, "+"),
            ("line", 40, "+"),
            ("line", 40, "-"),
        ],
        columns=["contig", "position", "strand"],
    )
    found = peak_table(peaks, features, [ring, line])
    assert found["next_gene"].tolist() == ["a", "a", "a", "b", "b", "l1", "", ""]
    np.testing.assert_array_equal(found["distance"], [15, 0, 99, 6, 24, 5, np.nan, np.nan])
    assert peak_table(peaks, None, [ring, line]) is peaks


def test_peaks_per_kb_counts_peaks():
    track = np.zeros((2, 2_000), np.float32)
    track[0, [10, 500, 900]] = [0.2, 0.5, 0.9]
    track[1, 7] = 0.3
    table = peaks_per_kb({"x": track}, [0.1, 0.5], 1)
    assert table[["strand", "threshold", "n", "per_kb"]].to_numpy().tolist() == [
        ["+", 0.1, 3, 1.5],
        ["+", 0.5, 2, 1.0],
        ["-", 0.1, 1, 0.5],
        ["-", 0.5, 0, 0.0],
    ]
