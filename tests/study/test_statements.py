from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.study import statements

# ---------------------------------------------------------------------- the paper's statements


def test_statements_follow_from_the_table() -> None:
    table = pd.DataFrame(
        {
            "layer_1based": np.repeat(np.arange(1, 7), 2),
            "head_1based": [1, 2] * 6,
            "peak_label": [-12, -35, -10, -33, 4, -20, -300, -82, -400, -40, -81, 19],
            "share_near_peak": [0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1],
            "contrast": [0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.05, 0.1, 0.15, 0.2, 0.1, 0.1],
        }
    )
    rho = np.zeros((6, 2, 4))
    rho[:, 0, 0] = [0.1, -0.3, 0.2, 0.4, 0.5, 0.6]
    roles = table.iloc[:4].assign(element="x")
    found = statements.head_statements(table, rho, roles, selective_share=0.5)
    assert found["holds"].tolist() == ["yes", "yes", "yes", "yes", "no", "yes"]
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
        return place | {"median": low + 0.1, "ci_low": low, "ci_high": low + 0.2}

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
            "ratio_low": [0.8, 1.9, 0.9],
            "ratio_high": [1.0, 2.1, 1.5],
        }
    )
    strands = pd.DataFrame(
        {"width": [1, 100], "n": [10_000, 400], "spearman": [0, 0.5], "chance": [0, 0.1]}
    )
    found = statements.output_statements(levels, peaks, medians, strands, baseline=1.0)
    assert found["holds"].tolist() == [
        "yes", "undecided", "no", "yes", "no", "yes", "undecided", "no", "yes"
    ]  # fmt: skip
    assert "antisense 1.30 times the whole part (1.20 to 1.40)" in found["here"][0]
    assert "highest at -40 nt" in found["here"][3]
    peaks.loc[1, "peak_offset"] = 40
    found = statements.output_statements(levels, peaks, medians, strands, baseline=1.15)
    assert "highest at +41 nt" in found["here"][3], "a position, not an offset"
    assert found["holds"].tolist()[:4] == ["no", "undecided", "no", "no"]
