"""Blind claims on toy heads: what is planted and read is claimed, at its place; nothing else is."""

from __future__ import annotations

import pandas as pd
import pytest

from genoattn.interventions import recovery


def test_the_tables_are_read_and_counted(tmp_path):
    recovered = pd.DataFrame(
        {
            "genome_seed": [0, 0],
            "element": ["-10", "-35"],
            "recovered": [True, False],
            "used": [True, False],
            "change": [-1.5, -0.1],
        }
    )
    claims = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1],
            "grammar": [True, True, False],
            "element": ["-10", None, None],
            "claimed": [True, True, False],
            "false_claim": [False, True, False],
            "planted_share": [0.9, 0.8, 0.0],
            "planted_elsewhere": [0.5, 0.1, 0.0],
            "planted_element": ["-10", "-35", None],
        }
    )
    genomes = pd.DataFrame({"genome_seed": [0, 1], "grammar": [True, False]})
    recovered.to_csv(tmp_path / "recovery.csv", index=False)
    with pytest.raises(FileNotFoundError, match=r"recovery_claims\.csv"):
        recovery.read(tmp_path / "recovery.csv")
    claims.to_csv(tmp_path / "recovery_claims.csv", index=False)
    genomes.to_csv(tmp_path / "recovery_genomes.csv", index=False)
    tables = recovery.read(tmp_path / "recovery.csv")
    assert tables.recovered["element"].tolist() == ["-10", "-35"]
