"""The table of scores on other species: that it is the study's, and what is nearest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from genoattn.evaluation import tested

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "book/results/species/tested.csv"


@pytest.mark.skipif(not RESULTS.is_file(), reason="only the package is here")
def test_the_shipped_table_is_the_studys():
    shipped = ROOT / "genoattn/evaluation/tested.csv"
    assert shipped.read_bytes() == RESULTS.read_bytes(), "copy it after make study"


def test_no_site_is_in_it():
    assert not {"position", "strand"} & {*tested.tested().columns}
    assert tested.tested()["gc"].between(20, 80).all()


def test_nearest_species_come_nearest_first():
    found = tested.nearest(38.8, "annotator", 3)
    assert found["species"].iloc[0] == "Helicobacter pylori 26695"
    assert (found["gc"] - 38.8).abs().is_monotonic_increasing
    high, low = tested.above_and_below("annotator")
    assert 0 < high < 1 and 0 < low < 1


def test_a_summary_keeps_one_row_a_species_and_model():
    shares = pd.DataFrame(
        [
            ("A", "L", 50.0, reach, model, within, 0.5 + within / 100, 0.4, 0.6)
            for reach in (50, 200)
            for model in ("m", "other")
            for within in (0, 5)
        ],
        columns=["species", "lineage", "gc", "reach", "model", "within", "share", "ci_low",
                 "ci_high"],
    )  # fmt: skip
    genomes = pd.DataFrame(
        [("B", "m", "pr_auc", 1, 0.2, 0.1, 0.3), ("A", "m", "pr_auc", 10, 0.5, 0.4, 0.6)],
        columns=["species", "model", "metric", "resolution", "value", "ci_low", "ci_high"],
    )
    found = tested.summary(shares, genomes, ["m"], 5, 50)
    assert found[["species", "model", "share"]].to_numpy().tolist() == [["A", "m", 0.55]]
    assert found["pr_auc"].isna().all(), "neither another genome's nor another resolution's"
    whole = genomes.assign(species="A", model="genes")
    found = tested.summary(shares, whole, ["m", "genes"], 5, 50).set_index("model")
    assert found["pr_auc"].isna().tolist() == [True, False]
    assert found["share"].isna().tolist() == [False, True], "asked on whole genomes alone"


@pytest.mark.skipif(not RESULTS.is_file(), reason="only the package is here")
def test_the_readme_prints_what_was_scored():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| *")
    ]
    assert len(rows) == 5
    advice = pd.read_csv(RESULTS.parent / "advice.csv").set_index("model")
    best = advice.loc["annotator-and-genes"]
    assert best["better"] == best["genomes"] == 4, "the README says: on all four other genomes"
    table = tested.tested()
    adapted = pd.read_csv(RESULTS.parent / "adaptation.csv")
    exact = adapted[(adapted["metric"] == "pr_auc") & (adapted["resolution"] == 1)]
    means = exact.groupby(["species", "n_sites"], as_index=False)["after"].mean()
    after = means.groupby("species")["after"].last().tolist()  # with all sites
    for name, gc, annotator, genes, last in rows:
        species = " ".join(name.split("*")[1].split())
        own = table[table["species"].str.startswith(species)].set_index("model")
        assert gc == f"{own['gc'].iloc[0]:.0f}%"
        for model, printed in (("annotator", annotator), ("annotator-and-genes", genes)):
            assert float(printed) == pytest.approx(own.loc[model, "pr_auc"], abs=0.0006)
        if last:
            assert any(float(last) == pytest.approx(one, abs=0.0006) for one in after)
