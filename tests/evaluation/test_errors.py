import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation import errors

CALLS = pd.DataFrame(
    {
        "position": [10, 14, 40, 90, 30],
        "strand": ["+", "+", "+", "-", "-"],
        "output": 0.5,
        "hit": [True, False, False, False, False],
    }
)


def test_distances_of_false_calls():
    sites = pd.DataFrame({"position": [10, 30, 99], "strand": ["+", "-", "-"]})
    where = np.arange(100) < 100
    table = errors.distance_shares(CALLS, {"all": sites}, where).set_index("distance")
    assert table["n"].to_dict() == {
        "0": 1, "1 to 5": 1, "6 to 20": 1, "21 to 100": 1, "101 to 500": 0, "farther": 0
    }  # fmt: skip
    assert table["share"].sum() == pytest.approx(1)
    near = {"+": range(5, 16), "-": [*range(25, 36), *range(94, 100), *range(5)]}
    expected = (len(near["+"]) - 1 + len(near["-"]) - 2) / 200
    assert table.loc["1 to 5", "expected"] == pytest.approx(expected)
    assert table.loc["0", "expected"] == 3 / 200


def test_places_of_calls():
    place = np.zeros((2, 100), dtype=int)
    place[0, :20] = 1
    place[1, 80:] = 2
    label = np.zeros((2, 100), dtype=int)
    label[0, 10] = label[0, 50] = label[1, 85] = 1
    where = np.arange(100) >= 5
    table = errors.place_shares(CALLS, label, place, where)
    n = table.pivot(index="what", columns="place", values="n")
    assert n.loc["false positives"].to_dict() == {
        "between genes": 2, "in a gene, sense": 1, "in a gene, antisense": 1
    }  # fmt: skip
    assert n.loc["true positives", "in a gene, sense"] == 1
    assert n.loc["sites"].sum() == 3
    assert n.loc["all positions"].tolist() == [155, 20, 15]
    assert (table.groupby("what")["share"].sum() - 1).abs().max() < 1e-12


def test_recall_is_the_share_of_the_sites_of_a_place():
    place = np.zeros((2, 100), dtype=int)
    place[0, :20] = 1
    label = np.zeros((2, 100), dtype=int)
    label[0, 10] = label[0, 15] = label[0, 50] = 1
    recall = errors.recall_by_place(CALLS, label, place, np.arange(100) >= 5)
    assert recall["in a gene, sense"] == 0.5
    assert recall["between genes"] == 0
    assert np.isnan(recall["in a gene, antisense"])
