from __future__ import annotations

import re

import numpy as np
import pytest
from toy_species import toy_archive, toy_codes, toy_row

from genoattn.data.species import (
    AUDITED_OFFSETS,
    in_common,
    purine_shares,
    read_promoter_tables,
    read_start_bed,
    why_apart,
)
from genoattn.genome.files import AnnotationError
from genoattn.genome.sequence import UNKNOWN, Genome, decode

SITES = [(300, "+", 6), (500, "-", 0), (700, "+", -1), (900, "-", -1), (1200, "-", 13)]


def rows(codes, sites=SITES):
    return [toy_row(codes, *site) for site in sites]


def test_windows_are_what_the_genome_has_around_the_sites(tmp_path):
    codes = toy_codes(2000)
    archive = toy_archive(tmp_path / "a.tar.gz", {"Toy one": rows(codes)[::-1]})
    (table,) = read_promoter_tables(archive)
    assert table.sites.values.tolist() == [[p, s] for p, s, _ in SITES]
    offsets = np.arange(-120, 101)
    genome = Genome("toy", codes)
    around = genome.around(table.sites["position"], table.sites["strand"].to_numpy(), offsets)
    assert (table.around(offsets) == around).all()
    assert (table.lineage, table.accession, table.gc) == ("Toys", "T_0.1", 0.5)


def test_beyond_a_window_nothing_is_known(tmp_path):
    archive = toy_archive(tmp_path / "a.tar.gz", {"Toy": rows(toy_codes(2000), SITES[:1])})
    (table,) = read_promoter_tables(archive)
    assert table.around([-136, 101]).tolist()[0] != [UNKNOWN, UNKNOWN]
    assert table.around([-137, 102]).tolist() == [[UNKNOWN, UNKNOWN]]


def test_a_site_that_a_table_repeats_counts_once(tmp_path):
    archive = toy_archive(tmp_path / "a.tar.gz", {"Toy": rows(toy_codes(2000)) * 2})
    assert len(read_promoter_tables(archive)[0]) == len(SITES)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Direction", "?", "Toy.tsv, line 2: a site at '301', strand '?'; a 1-based position"),
        ("TSS_coordinate", "0", "line 2: a site at '0'"),
        ("Start", "AC", "line 2: Start must be 3 nt"),
        ("Minus10", "TATA", "line 2: Minus10 must be 6 nt"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, column, value, message):
    row = rows(toy_codes(2000))[0] | {column: value}
    archive = toy_archive(tmp_path / "a.tar.gz", {"Toy": [row]})
    with pytest.raises(AnnotationError, match=re.escape(message)):
        read_promoter_tables(archive)


def test_no_archive_and_no_file(tmp_path):
    (tmp_path / "a.tar.gz").write_text("no archive")
    with pytest.raises(AnnotationError, match=r"a\.tar\.gz: not an archive of tables"):
        read_promoter_tables(tmp_path / "a.tar.gz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_promoter_tables(tmp_path / "b.tar.gz")


def test_start_sites_of_a_bed_file(tmp_path):
    genome = Genome("toy", toy_codes(100))
    path = tmp_path / "sites.bed"
    path.write_text("toy\t9\t10\t.\t0\t-\t\ntoy\t4\t5\t.\t0\t+\ntoy\t4\t5\t.\t0\t+\n")
    assert read_start_bed(path, genome).values.tolist() == [[4, "+"], [9, "-"]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("else\t4\t5\t.\t0\t+", "line 1: a site on else; the genome is toy"),
        ("toy\t4\t6\t.\t0\t+", "line 1: 4-6 is not a single nucleotide"),
        ("toy\t\u2074\t5\t.\t0\t+", "line 1: \u2074-5 is not a single nucleotide"),
        (f"toy\t{10**30}\t{10**30 + 1}\t.\t0\t+", "is not a single nucleotide"),
        ("toy\t100\t101\t.\t0\t+", "line 1: 100 on strand '+' is not on the 100 nt of toy"),
        ("toy\t4\t5\t.\t0\t.", "line 1: 4 on strand '.'"),
        ("toy\t4\t5", "line 1: six columns are needed"),
        ("", "no rows"),
    ],
)
def test_a_bed_line_that_is_no_site_of_this_genome(tmp_path, line, message):
    path = tmp_path / "sites.bed"
    path.write_text(line + "\n")
    with pytest.raises(AnnotationError, match=re.escape(message)):
        read_start_bed(path, Genome("toy", toy_codes(100)))


def test_purines_are_counted_among_known_nucleotides():
    around = np.array([[0, 1, 4], [2, 3, 4], [1, 0, 4], [4, 4, 4]], dtype=np.uint8)
    assert purine_shares(around).tolist() == [2 / 3, 1 / 3, 0]


@pytest.mark.parametrize(
    ("at_site", "beside", "reason"),
    [
        (0.60, 0.60, None),
        (0.5999, 0.5, "60% of its sites are purines, at least 60% should be"),
        (0.61, 0.62, "61% of its sites are purines, and 62% of the nucleotides at +2: it may be"),
        (0.3, 0.59, "30% of its sites are purines, at least 60% should be"),
    ],
)
def test_a_table_is_set_apart_by_its_purines(at_site, beside, reason):
    shares = np.full(len(AUDITED_OFFSETS), 0.4)
    shares[AUDITED_OFFSETS.index(0)] = at_site
    shares[AUDITED_OFFSETS.index(2)] = beside
    found = why_apart(shares)
    assert found is None if reason is None else found.startswith(reason)


def test_boxes_have_in_common_what_their_letters_share():
    one = np.array([[0, 3], [0, 3]], dtype=np.uint8)
    other = np.array([[0, 0], [1, 0]], dtype=np.uint8)
    assert in_common(one, one) == 1
    assert in_common(one, other) == in_common(other, one) == 0.25


def test_the_aligned_box_is_that_of_the_row(tmp_path):
    printed = rows(toy_codes(2000))
    (table,) = read_promoter_tables(toy_archive(tmp_path / "a.tar.gz", {"Toy": printed}))
    assert [decode(box) for box in table.boxes] == [row["Minus10"] for row in printed]
