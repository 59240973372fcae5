"""Drafts of many contigs: the same as contig by contig, at a cost that grows with their number."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation.calls import find_peaks
from genoattn.genome.sites import first_nucleotide, gaps
from genoattn.output.peaks import peak_table, peaks_per_kb
from genoattn.study import costs


def test_peaks_of_all_contigs_are_those_of_each():
    output = costs.draft(12, 150).output
    found = find_peaks(output, 0.1, apart=3)
    each = [find_peaks({name: track}, 0.1, apart=3) for name, track in output.items()]
    pd.testing.assert_frame_equal(found, pd.concat(each, ignore_index=True))
    assert len(found) > 20
    density = peaks_per_kb(output, [0.1, 0.5, 0.9], 3).set_index(["contig", "strand", "threshold"])
    assert len(density) == 12 * 2 * 3
    for (name, strand, threshold), row in density.iterrows():
        own = found[(found["contig"] == name) & (found["strand"] == strand)]
        assert row["n"] == (own["output"] >= np.float32(threshold)).sum()
        assert row["per_kb"] == pytest.approx(1000 * row["n"] / 150)


def test_the_next_gene_is_looked_for_on_the_peaks_own_contig():
    genomes, features, output = costs.draft(30, 150, seed=1)
    table = peak_table(find_peaks(output, 0.1, apart=3), features, genomes)
    assert table["distance"].isna().any() and table["distance"].notna().any()
    for one in genomes:
        own = table[table["contig"] == one.name]
        genes = features[features["contig"] == one.name]
        first = first_nucleotide(genes, len(one))
        sites = pd.DataFrame({"position": first, "strand": genes["strand"]})
        ahead = gaps(own["position"], own["strand"], sites, len(one), circular=one.circular).ahead
        np.testing.assert_array_equal(own["distance"], np.where(np.isinf(ahead), np.nan, ahead))
        label = genes["gene"].where(genes["gene"] != "", genes["locus_tag"])
        for peak in own.dropna().itertuples():
            step = peak.distance if peak.strand == "+" else -peak.distance
            there = (first == (peak.position + step) % len(one)) & (genes["strand"] == peak.strand)
            assert peak.next_gene == label[there].iloc[0]


def test_the_cost_grows_as_the_number_of_contigs(tmp_path):
    """Ten times as many contigs may cost some ten times as much, not a hundred times."""
    spent = {}
    for n in (300, 3_000):
        for name, step in costs.steps(costs.draft(n, 100), tmp_path).items():
            tries = []
            for _ in range(3):  # the least of them: other work and collected garbage only add
                started = time.process_time()
                step()
                tries.append(time.process_time() - started)
            spent[n, name] = min(tries)
    for (n, name), many in spent.items():
        assert many < 0.2 + 20 * spent[300, name], (n, name, spent[300, name])


def test_the_table_adds_up(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = costs.measure(20, 50, rate=100.0)
    assert set(table["part"]) == {"set-up", "output"}
    assert table["share_of_prediction"].to_numpy() == pytest.approx(table["seconds"] / 20)
    assert table["ms_per_contig"].to_numpy() == pytest.approx(table["seconds"] * 50)
    whole = costs.shares(pd.concat([table, table.assign(contigs=5)]))
    assert whole["contigs"].tolist() == [5, 20]
    assert whole["seconds"].to_numpy() == pytest.approx(table["seconds"].sum())
    small = ["--contigs", "5", "10", "--length", "60", "--sample", "1", "--short", "200"]
    assert costs.main([*small, "--weights", "convolutional", "--out", "."]) == 0
    written = pd.read_csv("bench_contigs.csv")
    assert written["contigs"].unique().tolist() == [5, 10]
    assert "positions a second" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"bench_contigs.csv", "bench_short.csv"}


def test_the_parts_of_a_short_annotation_are_timed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts = costs.short("with-genes", 300).set_index("part")["seconds"]
    assert list(parts.index) == ["imports", "loading", "genes", "networks", "files"]
    assert (parts > 0).all() and parts["networks"] > parts["genes"]
    assert not list(tmp_path.iterdir())
