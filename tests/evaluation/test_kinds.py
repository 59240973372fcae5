"""Kinds of sites are what the tables say; copies by comparing every window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation import kinds
from genoattn.genome.sequence import Genome


def test_sites_have_the_kinds_of_what_lies_within_five_nucleotides():
    sites = pd.DataFrame(
        {"position": [100, 200, 300], "strand": ["+", "+", "-"], "n_sources": [1, 4, 1]}
    )
    tables = pd.DataFrame(
        [
            (105, "+", "regulondb", "Sigma70, Sigma38", np.nan, np.nan),
            (206, "+", "regulondb", "Sigma54;Sigma70", np.nan, np.nan),  # too far
            (300, "+", "regulondb", "Sigma32", np.nan, np.nan),  # on the other strand
            (300, "-", "regulondb", "unknown", np.nan, np.nan),
            (100, "+", "sendseq", np.nan, True, True),
            (200, "+", "sendseq", np.nan, True, False),
            (300, "-", "sendseq", np.nan, False, True),
        ],
        columns=["position", "strand", "source", "sigma", "log", "stationary"],
    )
    found = kinds.site_kinds(sites, tables, 1_000)
    by = found.groupby(["kind", "group"])["site"].apply(list).to_dict()
    assert by == {
        ("sources", "1"): [0, 2],
        ("sources", "4"): [1],
        ("sigma factor", "σ70"): [0],
        ("sigma factor", "σ38"): [0],
        ("SEnd-seq", "log only"): [1],
        ("SEnd-seq", "stationary only"): [2],
        ("SEnd-seq", "log and stationary"): [0],
    }
    recall = kinds.recall_by(found, np.array([True, False, False])).set_index(["kind", "group"])
    assert recall["recall"].tolist()[0] == pytest.approx(1 / 3)
    assert recall.loc[("sources", "1"), ["n", "recall"]].tolist() == [2, 0.5]
    assert (recall["ci_low"] <= recall["recall"]).all()
    assert (recall["recall"] <= recall["ci_high"]).all()


def test_tables_that_say_nothing_give_no_kinds():
    sites = pd.DataFrame({"position": [1], "strand": ["+"]})
    assert kinds.site_kinds(sites, sites.assign(source="assay"), 10).empty


@pytest.mark.parametrize("circular", [True, False])
def test_copies_by_comparing_every_window(circular):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 5, 400).astype(np.uint8)  # 4 is an unknown letter
    genome = Genome("toy", codes, circular=circular)
    where = np.ones(400, dtype=bool)
    where[100:250] = False
    sites = pd.DataFrame(
        {"position": np.repeat(np.arange(103, 247), 2), "strand": ["+", "-"] * 144}
    )
    found = kinds.copied(genome, sites, where, upstream=3)
    plus, minus = genome.strand("+"), genome.strand("-")
    windows = set()
    for strand, inside in ((plus, where), (minus, where[::-1])):
        for start in range(400 if circular else 398):
            at = np.arange(start, start + 3) % 400
            if inside[at].all() and (strand[at] < 4).all():
                windows.add(tuple(strand[at].tolist()))
    expected = []
    for position, strand in zip(sites["position"], sites["strand"], strict=True):
        start = position if strand == "+" else 399 - position
        before = (plus if strand == "+" else minus)[start - 3 : start]
        expected.append(tuple(before.tolist()) in windows)
    assert found.tolist() == expected and 0 < found.sum() < len(found)
