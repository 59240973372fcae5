"""How far to trust a model on a genome: the warning at its limit, the model that stands in."""

from __future__ import annotations

import pandas as pd
import pytest

from genoattn.chapters.your_genome_tested import trust
from genoattn.evaluation.tested import on_whole_genomes
from genoattn.study.species import ECOLI


def contigs(*gc, unknown=0.0):
    return pd.DataFrame({"length": [1000] * len(gc), "unknown": unknown, "gc": gc})


@pytest.mark.parametrize(("gc", "warns"), [(0.55, False), (0.551, True), (0.3, False)])
def test_only_a_genome_rich_in_g_and_c_is_warned_of(gc, warns):
    assert bool(trust(contigs(gc), "annotator").warned) is warns


def test_what_was_reached_on_the_species_of_nearest_gc_is_listed():
    found = trust(contigs(0.38, 0.40), "convolutional")
    assert found.gc == pytest.approx(39)
    assert "Helicobacter pylori 26695" in set(found.rows["species"])
    pylori = found.rows.set_index("species").loc["Helicobacter pylori 26695"]
    assert pylori["lineage"] == "Campylobacterota"
    assert pylori["PR AUC"].startswith("0.086")
    assert "not tested" not in found.said
    assert "| species |" in found.markdown()


def test_for_a_model_that_was_not_tested_the_annotator_stands_in():
    said = trust(contigs(0.5), "curated").said
    assert "curated was not tested on other species; the numbers are annotator's" in said


def test_of_a_model_with_genes_it_is_said_what_it_reached_on_whole_genomes():
    said = trust(contigs(0.5), "annotator-and-genes").said
    own, other = (on_whole_genomes(name, ECOLI) for name in ("annotator-and-genes", "annotator"))
    assert len(own) == 4
    assert "four whole genomes of other species" in said
    assert f"{own['pr_auc'].mean():.3f} against {other['pr_auc'].mean():.3f}" in said


def test_contigs_count_by_their_known_letters():
    table = pd.DataFrame(
        {"length": [1000, 3000, 50], "unknown": [0.0, 0.0, 1.0], "gc": [0.2, 0.6, float("nan")]}
    )
    assert trust(table, "annotator").gc == pytest.approx(50)
