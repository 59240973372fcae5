"""Matched controls: nearest ones, and an effect that is there or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome
from genoattn.output import pseudogenes


def table(n: int, pseudo: bool, at: np.ndarray, output: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "pseudo": pseudo,
            "at": at,
            "log_length": 10.0,
            "expression": np.arange(n) % 3,
            "sense": output,
            "antisense": 2 * output,
        }
    )


def test_what_composition_makes_goes_away_and_what_it_does_not_stays() -> None:
    rng = np.random.default_rng(0)
    at = rng.uniform(0.4, 0.7, 600)
    genes = table(600, False, at, np.exp(20 * at + rng.normal(0, 0.05, 600)))
    richer = rng.uniform(0.6, 0.7, 40)
    for factor in (1.0, 3.0):
        odd = table(40, True, richer, factor * np.exp(20 * richer + rng.normal(0, 0.05, 40)))
        found = pseudogenes.effects(pd.concat([genes, odd], ignore_index=True), n=5, level=0.95)
        found = found.set_index(["matched_on", "strand"])
        assert found.loc[("no matching", "sense"), "ratio"] > 5
        for name in list(pseudogenes.SCHEMES)[1:]:
            row = found.loc[(name, "sense")]
            assert row["ci_low"] < row["ratio"] < row["ci_high"]
            assert row["ratio"] == pytest.approx(factor, rel=0.15)
            assert abs(row["at_difference"]) < 1 and row["n"] == 40
        assert found.loc[("AT content, length, expression", "sense"), "same_expression"] == 1
        assert found.loc[("AT content", "sense"), "same_expression"] < 0.6
        both = found["ratio"].unstack()
        assert both["antisense"].tolist() == pytest.approx(both["sense"].tolist())


def test_few_pseudogenes_have_no_interval() -> None:
    genes = table(9, False, np.linspace(0.4, 0.6, 9), np.ones(9))
    odd = table(3, True, np.array([0.5, 0.5, 0.5]), np.ones(3))
    found = pseudogenes.effects(pd.concat([genes, odd], ignore_index=True), n=3, level=0.95)
    assert (found["ratio"] == 1).all() and found["ci_low"].isna().all()


def test_the_table_of_genes() -> None:
    codes = np.tile(np.array([1, 2], np.uint8), 50)
    codes[20:25] = 0
    genome = Genome("toy", codes)
    features = pd.DataFrame(
        [
            (20, 30, "+", "gene", "a", "t1"),
            (20, 30, "+", "CDS", "a", "t1"),
            (40, 56, "-", "pseudogene", "", "t2"),
            (90, 98, "+", "gene", "out", "t3"),
            (0, 8, "+", "gene", "first", "t4"),
        ],
        columns=["start", "end", "strand", "type", "gene", "locus_tag"],
    )
    curated = pd.DataFrame(
        {
            "position": [15, 14, 60, 61, 22, 97],
            "strand": ["+", "+", "-", "-", "-", "+"],
            "votes": [1, 4, 3, 4, 4, 1],
        }
    )
    track = np.stack([np.arange(100.0), 1000 - np.arange(100.0)])
    inside = np.arange(100) < 95
    found = pseudogenes.gene_table(features, genome, track, inside, curated, upstream=5)
    assert found["gene"].tolist() == ["a", "t2", "first"]
    assert found["pseudo"].tolist() == [False, True, False]
    assert found["at"].tolist() == [0.5, 0, 0]
    # 14 lies 6 nt before a; 60 lies 5 nt before t2, which ends at 55; 97 before 0 on the circle
    assert found["expression"].tolist() == [1, 2, 1]
    assert found["sense"].tolist() == [24.5, 1000 - 47.5, 3.5]
    assert found["antisense"].tolist() == [1000 - 24.5, 47.5, 1000 - 3.5]
    assert found["log_length"].tolist() == pytest.approx(np.log2([10, 16, 8]))
