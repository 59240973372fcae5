from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.files import writing
from genoattn.genome.formats import (
    read_fasta,
    read_gene_starts,
    read_gff,
    read_gff_contigs,
    write_fasta,
)
from genoattn.genome.sequence import UNKNOWN, Genome, GenomeError, encode

dna = st.text("ACGTN", min_size=1, max_size=60)


def genome(sequence: str, circular: bool = True) -> Genome:
    return Genome("toy", encode(sequence), circular)


# FASTA


def test_fasta_of_several_records_either_case_and_iupac(tmp_path: Path) -> None:
    path = tmp_path / "two.fa"
    path.write_text("\n>one first [topology=linear]\r\nacgt\r\nNNry\n\n>two\nAC GT\n")
    one, two = read_fasta(path)
    assert (one.name, one.sequence, one.circular) == ("one", "ACGTNNNN", False)
    assert (two.name, two.sequence, two.circular) == ("two", "ACGT", True)


def test_gzipped_fasta_reads_like_the_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "one.fa.gz"
    path.write_bytes(gzip.compress(b">one\nACGT\n"))
    assert read_fasta(path)[0].sequence == "ACGT"


@given(st.lists(dna, min_size=1, max_size=3), st.booleans(), st.integers(1, 7))
def test_reading_undoes_writing(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[str], circular: bool, width: int
) -> None:
    path = tmp_path_factory.mktemp("fasta") / "some.fa"
    genomes = [Genome(f"g{i}", encode(s), circular) for i, s in enumerate(sequences)]
    write_fasta(genomes, path, width)
    again = read_fasta(path, circular=not circular)
    assert [(g.name, g.sequence, g.circular) for g in again] == [
        (g.name, g.sequence, circular) for g in genomes
    ]
    assert max(len(line) for line in path.read_text().splitlines() if line[0] != ">") <= width


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n \n", "empty"),
        ("\nACGT\n>late\nACGT\n", "line 2: a FASTA file begins with"),
        ("LOCUS       x\n", "line 1: this looks like GenBank"),
    ],
)
def test_bad_fasta_is_one_clear_error(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.fa"
    path.write_text(content)
    with pytest.raises(GenomeError, match=f"{re.escape(str(path))}.*{message}"):
        read_fasta(path)


def test_truncated_or_false_gzip_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(gzip.compress(b">one\n" + b"ACGTTGCA" * 1000)[:-20])
    with pytest.raises(GenomeError, match=r"cut\.fa\.gz: truncated"):
        read_fasta(path)
    path.write_bytes(gzip.compress(b">one\nACGT\n") + b"junk")
    with pytest.raises(GenomeError, match="damaged compressed file"):
        read_fasta(path)
    with pytest.raises(FileNotFoundError, match=r"none\.fa: no such file"):
        read_fasta(tmp_path / "none.fa")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.fa"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="on purpose"), writing(path) as temporary:
        temporary.write_text("half of the ne")
        raise RuntimeError("on purpose")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.fa"]


# GFF and region masks

GFF = """##gff-version 3
toy\tx\tregion\t1\t40\t.\t+\t.\tID=toy
toy\tx\tgene\t11\t20\t.\t-\t.\tID=g2;gene=b%2Cc;locus_tag=t2
toy\tx\tCDS\t11\t20\t.\t-\t0\tID=c2;gene=b%2Cc;locus_tag=t2
toy\tx\tgene\t1\t6\t.\t+\t.\tID=g1;gene=a;locus_tag=t1
toy\tx\tpseudogene\t30\t40\t.\t+\t.\tID=g3;locus_tag=t3;pseudo=true
toy\tx\tCDS\t30\t35\t.\t+\t0\tID=c3;locus_tag=t3;pseudo=true
toy\tx\tsequence_feature\t3\t4\t.\t.\t.\tID=s
##FASTA
>toy
"""


def test_gff_features_are_half_open_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "toy.gff"
    path.write_text(GFF)
    features = read_gff(path, genome("A" * 40))
    assert features.to_numpy().tolist() == [
        [0, 6, "+", "gene", "a", "t1", False],
        [10, 20, "-", "CDS", "b,c", "t2", False],
        [10, 20, "-", "gene", "b,c", "t2", False],
        [29, 35, "+", "CDS", "", "t3", True],
        [29, 40, "+", "pseudogene", "", "t3", True],
    ]
    assert list(features) == ["start", "end", "strand", "type", "gene", "locus_tag", "pseudo"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("toy\tx\tgene\t1\t81\t.\t+\t.\tID=g", r"line 2: feature 1\.\.81 is not within 1\.\.40"),
        ("toy\tx\tgene\t0\t4\t.\t+\t.\tID=g", r"line 2: feature 0\.\.4 is not within"),
        ("toy\tx\tgene\t9\t4\t.\t+\t.\tID=g", r"line 2: feature 9\.\.4 is not within"),
        ("toy\tx\tgene\t1\tend\t.\t+\t.\tID=g", "line 2: start '1' and end 'end' must be whole"),
        ("toy\tx\tgene\t1\t6\t.\tplus\t.\tID=g", "line 2: unknown strand 'plus'"),
        ("# nothing", "no stranded feature of toy"),
    ],
)
def test_bad_gff_is_one_clear_error(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "bad.gff"
    path.write_text(f"##gff-version 3\n{row}\n")
    with pytest.raises(GenomeError, match=f"{re.escape(str(path))}.*{message}"):
        read_gff(path, genome("A" * 40))


def gff_line(contig: str, kind: str, first: int, last: int, strand: str, text: str) -> str:
    return f"{contig}\ttoy\t{kind}\t{first}\t{last}\t.\t{strand}\t0\t{text}\n"


def test_features_of_several_contigs_keep_the_order_of_the_contigs(tmp_path: Path) -> None:
    path = tmp_path / "two.gff"
    path.write_text(
        gff_line("p", "CDS", 3, 8, "+", "gene=late")
        + gff_line("toy", "CDS", 5, 7, "-", "gene=x")
        + gff_line("p", "gene", 1, 8, "+", "gene=early")
    )
    contigs = [genome("A" * 10), Genome("p", encode("C" * 8)), Genome("bare", encode("G" * 5))]
    features = read_gff_contigs(path, contigs)
    assert features[["contig", "start", "end", "strand", "gene"]].to_numpy().tolist() == [
        ["toy", 4, 7, "-", "x"],
        ["p", 0, 8, "+", "early"],
        ["p", 2, 8, "+", "late"],
    ]
    with pytest.raises(GenomeError, match="line 2: feature of toy, but the genome is p, bare"):
        read_gff_contigs(path, contigs[1:])
    with pytest.raises(GenomeError, match=r"line 1: feature 3\.\.8 is not within 1\.\.7 of p"):
        read_gff_contigs(path, [contigs[0], Genome("p", encode("C" * 7), circular=False)])


def test_gene_starts_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "starts.gff"
    path.write_text(
        gff_line("toy", "CDS", 3, 8, "+", "ID=a")
        + gff_line("toy", "CDS", 10, 20, "+", "ID=joined")
        + gff_line("toy", "CDS", 20, 26, "+", "ID=joined")
        + gff_line("toy", "CDS", 12, 14, "-", "ID=back")
        + gff_line("toy", "CDS", 16, 18, "-", "ID=back")
        + gff_line("toy", "CDS", 3, 5, "+", "ID=same start")
        + gff_line("toy", "CDS", 30, 33, "+", "ID=dead;pseudo=true")
        + gff_line("toy", "CDS", 1, 6, "+", "ID=cut;partial=true;start_range=.,1")
        + gff_line("toy", "CDS", 30, 40, "-", "ID=cut too;partial=true;end_range=40,.")
        + gff_line("toy", "CDS", 35, 40, "+", "ID=cut at its end;partial=true;end_range=40,.")
        + gff_line("toy", "CDS", 22, 24, "-", "product=nameless")
        + gff_line("toy", "tRNA", 28, 29, "+", "ID=t")
    )
    found = read_gene_starts(path, genome("A" * 40))
    assert found.sites.to_numpy().tolist() == [
        [2, "+"], [9, "+"], [17, "-"], [23, "-"], [34, "+"]
    ]  # fmt: skip
    assert (found.n_features, found.n_pseudo, found.n_partial) == (9, 1, 2)
    assert read_gene_starts(path, genome("A" * 40), "tRNA").sites.to_numpy().tolist() == [[27, "+"]]
    with pytest.raises(GenomeError, match="no feature of the type 'exon'; there are: CDS, tRNA"):
        read_gene_starts(path, genome("A" * 40), "exon")
    path.write_text(gff_line("toy", "CDS", 3, 8, "+", "ID=a;pseudo=true"))
    with pytest.raises(GenomeError, match="no start of a CDS is known: of 1, 1 are pseudogenes"):
        read_gene_starts(path, genome("A" * 40))


def test_real_genes_begin_with_start_codons(data_dir: Path) -> None:
    real = read_fasta(data_dir / "GCF_000005845.2_ASM584v2_genomic.fna.gz")[0]
    found = read_gene_starts(data_dir / "GCF_000005845.2_ASM584v2_genomic.gff.gz", real)
    codons = real.around(found.sites["position"], found.sites["strand"], np.arange(3))
    assert (found.n_features, found.n_pseudo, len(found.sites)) == (4_315, 17, 4_296)
    assert np.isin(["".join("ACGT"[c] for c in codon) for codon in codons],
                   ["ATG", "GTG", "TTG"]).sum() == 4_290  # fmt: skip


# Real tables


def test_the_real_genome_and_its_annotation(data_dir: Path) -> None:
    (genome,) = read_fasta(data_dir / "GCF_000005845.2_ASM584v2_genomic.fna.gz")
    assert (genome.name, len(genome)) == ("NC_000913.3", 4_641_652)
    assert genome.codes.max() < UNKNOWN
    features = read_gff(data_dir / "GCF_000005845.2_ASM584v2_genomic.gff.gz", genome)
    counts = features["type"].value_counts()
    assert counts["CDS"] == 4337
    assert counts["pseudogene"] == 145
    named = features[features["type"].isin(["CDS", "gene", "pseudogene"])]
    assert (named["gene"] != "").all()
    starts = genome.around(
        np.where(features["strand"] == "+", features["start"], features["end"] - 1),
        features["strand"].to_numpy(),
        range(3),
    )[(features["type"] == "CDS") & ~features["pseudo"]]
    assert (starts[:, 1:] == [3, 2]).all(axis=1).mean() > 0.99  # start codons end in TG
