"""Evidence at novel peaks: chance of their own kind, enrichment, and the list."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation import bootstrap
from genoattn.genome import regions, sites
from genoattn.genome.sequence import Genome
from genoattn.model import scanner
from genoattn.output.novel import ranked, support


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


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
    table = support(
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
        support(
            found, {"some": evidence}, nothing, kind,
            block=block, n_bootstrap=10, level=0.95, seed=0,
        )  # fmt: skip


def test_no_peak_is_no_error() -> None:
    track = np.zeros((2, 100), bool)
    block = bootstrap.blocks(np.ones(100, bool), 10)
    table = support(
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
    boxes = scanner.Boxes(np.zeros((6, 4)), np.zeros((6, 4)))
    novel = frame((150, "+"), (250, "-"), (20, "+")).assign(output=[0.2, 0.9, 0.1])
    mask = sites.near(frame((251, "-")), 300, 1)
    places = regions.places(features, 300)
    table = ranked(novel, genome, features, places, boxes, {"seen": mask}, n=2)
    assert table["rank"].tolist() == [1, 2] and table["position_1based"].tolist() == [251, 151]
    assert table["place"].tolist() == ["between genes", "in a gene, antisense"]
    assert table["gene"].tolist() == ["abc", "abc"] and table["from_start"].tolist() == [-51, 49]
    assert table["seen"].tolist() == ["yes", "no"]
