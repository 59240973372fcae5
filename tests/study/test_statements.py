from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.study import statements

# ---------------------------------------------------------------------- the paper's statements


def test_statements_follow_from_the_table() -> None:
    table = pd.DataFrame(
        {
            "layer_1based": np.repeat(np.arange(1, 7), 2),
            "head_1based": [1, 2] * 6,
            "peak_label": [-12, -35, -10, -33, 4, -20, -300, -82, -400, -40, -81, 19],
            "share_near_peak": [0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1],
            "share_moved": [0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.05, 0.1, 0.15, 0.2, 0.1, 0.1],
        }
    )
    rho = np.zeros((6, 2, 4))
    rho[:, 0, 0] = [0.1, -0.3, 0.2, 0.4, 0.5, 0.6]
    roles = table.iloc[:4].assign(element="x")
    found = statements.head_statements(table, rho, roles, selective_share=0.5)
    assert found["holds"].tolist() == ["yes", "yes", "undecided", "yes", "no", "yes"]
    assert "4 of them in layers 1 and 2 (100% (40% to 100%); the claim" in found["here"][2]
    early = table[table["layer_1based"] <= 2].sample(12, replace=True, random_state=0)
    found = statements.head_statements(table, rho, early, selective_share=0.5)
    assert found["holds"][2] == "yes", "twelve of twelve"
    late = table[table["layer_1based"] > 2].sample(12, replace=True, random_state=0)
    found = statements.head_statements(table, rho, late, selective_share=0.5)
    assert found["holds"][2] == "no"
    assert "7 of 12" in found["here"][0] and "6 of 7" in found["here"][1]
    assert found["here"][3].endswith("L4 H2, L6 H1")
    found = statements.head_statements(table, rho, roles.iloc[:0], selective_share=0.95)
    assert found["holds"].tolist() == ["no", "undecided", "undecided", "yes", "no", "undecided"]


def test_statements_follow_from_the_tables() -> None:
    def site(name: str, relation: str, peak: int, dip: int) -> dict[str, object]:
        place = {"site_class": name, "strand": relation}
        return place | {"peak_offset": peak, "peak_ratio": 3.0, "dip_offset": dip}

    def level(name: str, relation: str, low: float) -> dict[str, object]:
        place = {"site_class": name, "strand": relation}
        return place | {"n": 1_422, "median": low + 0.1, "ci_low": low, "ci_high": low + 0.2}

    peaks = pd.DataFrame(
        [
            site("TSSs", "sense", 0, 300),
            site("TSSs", "antisense", -40, 300),
            site("terminators (sendseq)", "sense", -200, 10),
            site("terminators (sendseq)", "antisense", -200, 500),
        ]
    )
    levels = pd.DataFrame(
        [
            level("TSSs", "sense", 1.1),
            level("TSSs", "antisense", 1.2),
            level("terminators (sendseq)", "sense", 1.1),
            level("terminators (sendseq)", "antisense", 0.9),
        ]
    )
    levels = pd.concat(
        [
            levels,
            pd.DataFrame(
                [
                    level("TSSs of pseudogenes", "sense", np.nan),
                    level("TSSs of pseudogenes", "antisense", np.nan),
                ]
            ),
        ]
    )
    medians = pd.DataFrame(
        {
            "region": ["coding on either strand", "coding on neither strand", "pseudogenes"],
            "strand": ["both", "both", "sense"],
            "ratio": [0.9, 2.0, 1.2],
            "ratio_low": [0.86, 1.9, 0.9],
            "ratio_high": [0.94, 2.1, 1.5],
        }
    )
    strands = pd.DataFrame(
        {"width": [1, 100], "n": [10_000, 400], "spearman": [0, 0.5], "chance": [0, 0.1]}
    )
    found = statements.output_statements(levels, peaks, medians, strands, baseline=1.0)
    assert found["holds"].tolist() == [
        "yes", "undecided", "undecided", "yes", "undecided", "yes", "undecided", "undecided", "yes"
    ]  # fmt: skip
    assert found["here"][0].endswith(
        "antisense 1.30 times the test part's median (1.20 to 1.40); 1,422 sites"
    )
    assert "highest at -40, " in found["here"][3]
    assert found["here"][5].startswith("2.22 times (2.02 to 2.44, ")
    peaks.loc[1, "peak_offset"] = 40
    found = statements.output_statements(levels, peaks, medians, strands, baseline=1.15)
    assert "highest at +41, " in found["here"][3], "a position, not an offset"
    assert found["holds"].tolist()[:4] == ["undecided", "undecided", "no", "no"]


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [(4.1, 6, True), (3.9, 6, None), (2, 3.7, False)],
)
def test_doubled_only_if_the_farthest_ends_of_both_intervals_are(low, high, holds):
    """The output where either strand is coding is 2 times the median, 1.9 to 2.0."""
    either = {"ratio": 1.95, "ratio_low": 1.9, "ratio_high": 2.0}
    neither = {"ratio": 4.5, "ratio_low": low, "ratio_high": high}
    region = {("coding on either strand", "both"): either}
    assert statements._doubled(region) == statements._TOO_FEW_REGIONS
    region["coding on neither strand", "both"] = neither
    assert statements._doubled(region).holds is holds
    region["coding on neither strand", "both"] = neither | {"ratio_low": np.nan}
    assert statements._doubled(region) == statements._TOO_FEW_REGIONS


@pytest.mark.parametrize(
    ("intervals", "holds"),
    [
        ([(1.01, 2), (1.1, 2)], True),
        ([(1.01, 2), (1.0, 2)], None),
        ([(1.01, 2), (0.5, 1.0)], None),
        ([(1.01, 2), (0.5, 0.99)], False),
        ([(0.9, 1.1), (0.5, 0.99)], False),
    ],
)
def test_an_interval_that_includes_no_effect_refutes_nothing(intervals, holds):
    assert statements._all_above(intervals, 1) is holds


@pytest.mark.parametrize(
    ("spearman", "holds", "said"),
    [
        (0.21, True, "(-0.10 by chance)"),
        (0.19, None, "(-0.10 by chance; only more than 0.20 is significant)"),
        (-0.19, None, "only more than 0.20"),
        (-0.21, False, "(-0.10 by chance)"),
    ],
)
def test_strands_concur_only_beyond_twice_the_error(spearman, holds, said):
    strands = pd.DataFrame({"width": [9], "n": [400], "spearman": [spearman], "chance": [-0.1]})
    found = statements._concur(strands)
    assert found.holds is holds and said in found.here


@pytest.mark.parametrize(
    ("with_role", "holds"),
    [([0.9, 0.8, 0.95], "yes"), ([0.3, 0.1, 0.6], "undecided"), ([0.0, 0.01, 0.02], "no")],
)
def test_a_difference_that_is_not_significant_refutes_nothing(with_role, holds):
    n = 12
    table = pd.DataFrame(
        {
            "layer_1based": np.repeat(np.arange(1, 7), 2),
            "head_1based": [1, 2] * 6,
            "peak_label": -12,
            "share_near_peak": 0.9,
            "share_moved": [*with_role, *np.linspace(0.1, 0.7, n - 3)],
        }
    )
    roles = table.iloc[:3].assign(element="x")
    found = statements.head_statements(table, np.zeros((6, 2, 4)), roles, selective_share=0.5)
    assert found["holds"].iloc[-1] == holds
    assert ("of the 27 pairings of one head with a role" in found["here"].iloc[-1]) == (
        holds != "yes"
    )


def test_two_heads_are_too_few_for_any_difference() -> None:
    assert "too few for any difference" in statements._power(1, 1, 0.5)
    assert statements._power(1, 1, 0.04) == ""


def test_a_page_shows_three_verdicts() -> None:
    table = pd.DataFrame({"statement": "s", "here": "h", "holds": ["yes", "no", "undecided"]})
    assert statements.shown(table)["verdict"].tolist() == ["holds", "does not hold", "not shown"]
