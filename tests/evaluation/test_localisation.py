from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from genoattn.evaluation.localisation import (
    chance,
    compare_localised,
    explained_by,
    explained_by_groups,
    highest_offset,
    localised,
)


def test_the_highest_output_is_counted_from_the_site():
    output = np.zeros((3, 7))
    output[0, 3], output[1, 0], output[2, 5] = 1, 1, 1
    assert highest_offset(output).tolist() == [0, -3, 2]
    output[1, 4] = 0.5  # the highest within two nucleotides
    assert highest_offset(output, 2).tolist()[1] == 1


def test_a_model_that_says_the_same_everywhere_finds_nothing():
    assert np.abs(highest_offset(np.ones((4, 11)))).tolist() == [5] * 4


@pytest.mark.parametrize(("shape", "reach"), [((1, 6), None), ((1, 7), 4)])
def test_windows_must_have_a_middle_and_reach_far_enough(shape, reach):
    with pytest.raises(ValueError, match="around a site are needed"):
        highest_offset(np.zeros(shape), reach)


def test_shares_are_those_counted_by_hand():
    table = localised({"a": np.array([0, 0, 3, -9])}, [0, 3]).set_index("within")
    assert table["share"].tolist() == [0.5, 0.75]
    assert (table["n"] == 4).all()
    exact = binomtest(2, 4).proportion_ci(0.95, method="exact")
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == [exact.low, exact.high]
    assert chance(0, 50) == 1 / 101


def test_models_are_compared_on_the_sites_that_only_one_of_them_localises():
    offsets = {"new": np.array([0, 0, 0, 0, 9, 0]), "old": np.array([0, 7, 8, 9, 0, -6])}
    (row,) = compare_localised(offsets, "old", 5).to_dict("records")
    assert (row["model"], row["better"], row["worse"]) == ("new", 4, 1)
    assert row["difference"] == 3 / 6
    assert row["p"] == binomtest(4, 5).pvalue
    same = compare_localised({"new": offsets["old"], "old": offsets["old"]}, "old", 5)
    assert same["p"].tolist() == [1.0]


def shares(n=12):
    gc = np.linspace(0.3, 0.7, n)
    return pd.DataFrame(
        {
            "model": "m",
            "share": 1 - gc,
            "gc": gc,
            "lineage": np.repeat(["A", "B", "C"], n // 3),
        }
    )


def test_a_share_that_falls_with_gc_is_told():
    (row,) = explained_by(shares(), ["gc"], n_bootstrap=50).to_dict("records")
    assert row["correlation"] == pytest.approx(-1)
    assert row["n"] == 12
    assert row["p"] < 1e-6


def test_p_values_are_corrected_for_all_properties_and_models():
    rng = np.random.default_rng(0)
    table = shares().assign(noise=rng.random(12), share=rng.random(12))
    one = explained_by(table, ["noise"], n_bootstrap=20)["p"].iloc[0]
    two = explained_by(table, ["noise", "gc"], n_bootstrap=20)["p"]
    assert two.max() <= 1
    assert two.min() >= min(one, 1) or two.min() == pytest.approx(one, rel=2)
    assert len(two) == 2


def test_groups_explain_what_lies_between_them():
    (row,) = explained_by_groups(shares(), "lineage", n_permutations=199).to_dict("records")
    assert row["groups"] == 3
    rank = np.arange(12)
    between = sum(4 * (rank[i : i + 4].mean() - 5.5) ** 2 for i in (0, 4, 8))
    assert row["explained"] == pytest.approx(between / ((rank - 5.5) ** 2).sum())
    assert row["p"] == 1 / 200
    assert row["expected"] == pytest.approx(2 / 11, abs=0.05)
    rng = np.random.default_rng(3)
    noise = shares().assign(share=rng.random(12))
    assert explained_by_groups(noise, "lineage", n_permutations=199)["p"].iloc[0] > 0.05
