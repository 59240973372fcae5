"""Explanations of the antisense peak are told apart on toys of known answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.genome.sites import Around
from genoattn.output import antisense


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def test_sites_by_what_lies_on_the_other_strand() -> None:
    known = frame((82, "-"), (318, "+"), (550, "-"), (100, "+"), (300, "-"), (993, "-"))
    sites = frame((100, "+"), (300, "-"), (500, "+"), (620, "-"), (800, "+"), (5, "+"))
    groups = antisense.by_neighbours(sites, known, 1_000, distance=60, shared=(7, 25))
    found = {name: one["position"].tolist() for name, one in groups.items()}
    # 82 lies 18 nt upstream of 100, 318 upstream of 300 (-); 993 lies 12 nt upstream round the end
    assert found == {"shared -10 box": [100, 300, 5], "other site near": [500], "alone": [620, 800]}
    linear = antisense.by_neighbours(
        sites, known, 1_000, distance=60, shared=(7, 25), circular=False
    )
    assert linear["alone"]["position"].tolist() == [620, 800, 5]
    edges = antisense.by_neighbours(
        frame((200, "+"), (400, "-")),
        frame((193, "-"), (426, "+")),
        1_000,
        distance=60,
        shared=(7, 25),
    )
    assert edges["shared -10 box"]["position"].tolist() == [200]  # 7 is within, 26 is not


def test_highest_reads_each_strand_in_its_own_window() -> None:
    sense, other = np.zeros((1, 21)), np.zeros((1, 21))
    sense[0, [8, 10, 13]] = [9, 2, 7]
    other[0, [3, 6, 7, 10]] = [8, 3, 4, 9]
    found = antisense.highest(Around(sense, other), 10, 1, (-6, -3))
    assert found.to_dict("list") == {"sense": [2.0], "antisense": [4.0]}


def test_mirror_score_is_read_on_the_other_strand() -> None:
    scores = np.zeros((2, 100), np.float32)
    scores[1, 32], scores[0, 68], scores[0, 45] = 5, 6, 99
    got = antisense.mirror_score(scores, frame((50, "+"), (50, "-")), (-20, -16))
    assert got.tolist() == [5, 6]


def test_random_sites_lie_in_the_part_on_both_strands() -> None:
    inside = np.arange(100) >= 90
    sites = antisense.random_sites(inside, 200, 0)
    assert set(sites["position"]) == set(range(90, 100)) and set(sites["strand"]) == {"+", "-"}
    pd.testing.assert_frame_equal(sites, antisense.random_sites(inside, 200, 0))


def test_group_peaks_are_the_highest_points_of_the_other_strand_in_the_window() -> None:
    def profile(group: str, strand: str, values: list[float]) -> pd.DataFrame:
        return pd.DataFrame(
            {"site_class": group, "strand": strand, "offset": range(-2, 3), "median": values,
             "ci_low": np.array(values) / 2, "ci_high": np.nan, "n": 7}
        )  # fmt: skip

    table = pd.concat(
        [
            profile("alone", "antisense", [9, 2, 4, 3, 9]),
            profile("alone", "sense", [8, 8, 8, 8, 8]),
            profile("other site near", "antisense", [1, 6, 6, 1, 1]),
        ],
        ignore_index=True,
    )
    found = antisense.group_peaks(table, (-1, 1), 2.0)
    assert found["group"].tolist() == list(antisense.GROUPS)
    assert found["n"].tolist() == [0, 7, 7]
    assert found["offset"].tolist()[1:] == [-1, 0] and pd.isna(found["offset"][0])
    assert found["ratio"].tolist()[1:] == [3, 2] and found["ci_low"].tolist()[1:] == [1.5, 1]


def test_thirds_by_score() -> None:
    sites = frame(*[(i, "+") for i in range(9)])
    groups = antisense.thirds(sites, np.array([5, 1, 9, 3, 8, 2, 7, 4, 6]))
    assert [one["position"].tolist() for one in groups.values()] == [
        [1, 3, 5], [0, 7, 8], [2, 4, 6]
    ]  # fmt: skip


def test_changes_are_medians_of_ratios() -> None:
    before = pd.DataFrame({"sense": np.arange(1.0, 8), "antisense": np.ones(7)})
    after = {"half": before / 2, "mixed": before.assign(antisense=[1, 1, 1, 2, 9, 9, 9])}
    table = antisense.changes(before, after, 0.95).set_index(["edit", "strand"])
    assert table.loc[("half", "sense"), ["ratio", "ci_low", "ci_high"]].tolist() == [0.5] * 3
    row = table.loc[("mixed", "antisense")]
    assert row["ratio"] == 2 and row["ci_low"] == 1 and row["ci_high"] == 9 and row["n"] == 7


def test_no_site_has_no_change() -> None:
    none = pd.DataFrame({"sense": [], "antisense": []}, dtype=float)
    table = antisense.changes(none, {"all": none}, 0.95)
    assert table["n"].tolist() == [0, 0] and table["ratio"].isna().all()
