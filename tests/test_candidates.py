"""Evidence at novel peaks: chance of their own kind, enrichment, and the list."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn import bootstrap, candidates, gene_context, promoter_boxes
from genoattn.genome import Genome


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def test_near_a_site_on_its_strand() -> None:
    mask = candidates.near(frame((1, "+"), (50, "-")), 100, 2)
    assert np.flatnonzero(mask[0]).tolist() == [0, 1, 2, 3, 99]
    assert np.flatnonzero(mask[1]).tolist() == [48, 49, 50, 51, 52]
    linear = candidates.near(frame((1, "+")), 100, 2, circular=False)
    assert np.flatnonzero(linear[0]).tolist() == [0, 1, 2, 3]


def test_what_was_not_taken() -> None:
    left = candidates.not_taken(frame((10, "+"), (12, "-"), (30, "+")), frame((12, "+")), 100, 2)
    assert list(left.itertuples(index=False, name=None)) == [(12, "-"), (30, "+")]


def test_kinds_are_places_and_composition() -> None:
    codes = np.zeros(400, np.uint8)
    codes[:200] = 1  # GC-rich half
    places = np.zeros((2, 400), np.int8)
    places[1] = 2
    kind = candidates.strata(Genome("g", codes), places, width=21, n_bins=2)
    assert kind[0, 100] != kind[0, 300] and kind[1, 100] == kind[0, 100] + 4
    assert len(np.unique(kind)) == 4


@pytest.mark.parametrize("factor", [1, 5])
def test_support_against_chance_of_the_same_kind(factor) -> None:
    """Evidence is ten times denser in kind 1, where the peaks are: that is no enrichment."""
    rng = np.random.default_rng(3)
    length = 40_000
    kind = (np.arange(length) % 200 < 40).astype(int) * np.ones((2, 1), int)
    evidence = rng.random((2, length)) < np.where(kind == 1, 0.1, 0.01)
    eligible = rng.random((2, length)) < 0.9
    score = np.where(evidence, factor, 1) * (kind == 1) * eligible
    flat = rng.choice(2 * length, 600, replace=False, p=score.ravel() / score.sum())
    found = pd.DataFrame(
        {"position": flat % length, "strand": np.array(["+", "-"])[flat // length]}
    )
    block = bootstrap.blocks(np.ones(length, bool), 500)
    nothing = np.zeros_like(evidence)
    table = candidates.support(
        found, {"some": evidence, "none": nothing}, eligible, kind,
        block=block, n_bootstrap=300, level=0.95, seed=0,
    ).set_index("evidence")  # fmt: skip
    row = table.loc["some"]
    truth = factor / (1 + 0.1 * (factor - 1))
    assert row["chance"] == pytest.approx(0.1, abs=0.01)
    assert row["ci_low"] < truth < row["ci_high"]
    assert row["share_low"] < 0.1 * truth < row["share_high"]
    assert (row["ci_low"] > 1) == (factor > 1)
    assert row["n_supported"] == evidence[flat // length, flat % length].sum()
    assert table.loc["none", "n_supported"] == 0 and np.isnan(table.loc["none", "ratio"])
    assert table.loc["none", ["ci_low", "ci_high"]].isna().all()
    with pytest.raises(ValueError, match="not eligible"):
        candidates.support(
            found, {"some": evidence}, nothing, kind,
            block=block, n_bootstrap=10, level=0.95, seed=0,
        )  # fmt: skip


def test_no_peak_is_no_error() -> None:
    track = np.zeros((2, 100), bool)
    block = bootstrap.blocks(np.ones(100, bool), 10)
    table = candidates.support(
        frame(), {"some": track}, ~track, track.astype(int),
        block=block, n_bootstrap=10, level=0.95, seed=0,
    )  # fmt: skip
    assert table["n"].tolist() == [0] and table["share"].isna().all()


def test_the_list_is_ranked_and_counts_from_one() -> None:
    rng = np.random.default_rng(0)
    genome = Genome("g", rng.integers(0, 4, 300).astype(np.uint8))
    features = pd.DataFrame(
        [(100, 200, "-", "gene", "abc", "t1")],
        columns=["start", "end", "strand", "type", "gene", "locus_tag"],
    )
    boxes = promoter_boxes.Boxes(np.zeros((6, 4)), np.zeros((6, 4)))
    novel = frame((150, "+"), (250, "-"), (20, "+")).assign(output=[0.2, 0.9, 0.1])
    mask = candidates.near(frame((251, "-")), 300, 1)
    places = gene_context.places(features, 300)
    table = candidates.ranked(novel, genome, features, places, boxes, {"seen": mask}, n=2)
    assert table["rank"].tolist() == [1, 2] and table["position_1based"].tolist() == [251, 151]
    assert table["place"].tolist() == ["between genes", "in a gene, antisense"]
    assert table["gene"].tolist() == ["abc", "abc"] and table["from_start"].tolist() == [-51, 49]
    assert table["seen"].tolist() == ["yes", "no"]
