"""Sequences and annotations as tools write them: read rightly, or refused with the line."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from toy_pipe import piped

from genoattn.genome.files import FileError, read_lines
from genoattn.genome.formats import (
    circular_in_gff,
    read_fasta,
    read_gene_starts,
    read_gff,
    read_gff_contigs,
    write_fasta,
)
from genoattn.genome.sequence import Genome, GenomeError, encode

LENGTH = 3_000
CIRCLE = Genome("ctg", encode("ACGT" * (LENGTH // 4)))
LINE = Genome("ctg", CIRCLE.codes, circular=False)
FASTA = b">a one\nACGTACGT\nAC\n>b\nGGGG\n"


def rows(*lines: str) -> str:
    return "##gff-version 3\n" + "".join(f"{line}\n" for line in lines)


def row(kind="CDS", first=101, last=400, strand="+", frame="0", text="ID=c1", name="ctg") -> str:
    return f"{name}\ttool\t{kind}\t{first}\t{last}\t.\t{strand}\t{frame}\t{text}"


def starts(tmp_path: Path, *lines: str, genome: Genome = CIRCLE) -> list[list]:
    path = tmp_path / "a.gff"
    path.write_text(rows(*lines))
    return read_gene_starts(path, genome).sites.to_numpy().tolist()


KEPT = row(first=601, last=900, text="ID=kept")
START_OF_KEPT = [600, "+"]


@pytest.mark.parametrize(
    "data",
    [
        FASTA,
        gzip.compress(FASTA, mtime=0),
        gzip.compress(FASTA[:9], mtime=0)
        + gzip.compress(FASTA[9:], mtime=0)
        + gzip.compress(b"", mtime=0),  # as bgzip
        gzip.compress(FASTA, mtime=0) + bytes(512),
        bz2.compress(FASTA),
        lzma.compress(FASTA),
        b"\xef\xbb\xbf" + FASTA,
        FASTA.replace(b"\n", b"\r\n"),
        FASTA.replace(b"\n", b"\r"),
        b"; by a tool\n" + FASTA,
        b"\n \n" + FASTA.rstrip(),
        FASTA.replace(b"ACGTACGT", b"acgt ACGU"),
        FASTA.replace(b"one", b"\xe9"),
    ],
    ids=lambda data: data[:12].hex(),
)
@pytest.mark.parametrize("name", ["a.fa", "a.gz", "a.FA.GZ"])
def test_sequences_are_told_by_their_content(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    first, second = read_fasta(tmp_path / name)
    assert (first.name, first.sequence) == ("a", "ACGTACGTAC")
    assert (second.name, second.sequence) == ("b", "GGGG")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (lzma.compress(FASTA)[:-9], "truncated|damaged"),
        (bz2.compress(FASTA)[:20] + b"x" * 30, "damaged|truncated"),
        ("\ufeff>a\nACGT\n".encode("utf-16-le"), "UTF-16 text; save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, data, says):
    (tmp_path / "a.fa").write_bytes(data)
    with pytest.raises(GenomeError, match=says) as caught:
        read_fasta(tmp_path / "a.fa")
    assert str(tmp_path / "a.fa") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_sequence_comes_from_a_pipe(tmp_path):
    with piped(tmp_path / "pipe", FASTA) as pipe:
        assert [one.name for one in read_fasta(pipe)] == ["a", "b"]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileError, match="a folder, not a file"):
        read_lines(tmp_path)


@pytest.mark.parametrize(
    ("header", "circular"),
    [
        ("a [topology=circular]", True),
        ("a [topology=Circular] [gcode=11]", True),
        ("a [topology=linear]", False),
        ("1 length=3000 depth=1.00x circular=true", True),
        ("1 length=3000 circular=false", False),
    ],
)
@pytest.mark.parametrize("otherwise", [True, False])
def test_a_header_says_whether_its_sequence_is_circular(tmp_path, header, circular, otherwise):
    (tmp_path / "a.fa").write_text(f">{header}\nACGT\n")
    assert read_fasta(tmp_path / "a.fa", circular=otherwise)[0].circular is circular


@pytest.mark.parametrize(
    "dead",
    [
        row(kind="pseudogene"),
        row(kind="pseudogenic_CDS"),
        row(text="ID=c1;pseudo=true"),
        row(text="ID=c1;pseudo=True"),
        row(text="ID=c1;pseudo="),
        row(text="ID=c1;pseudo"),
        row(text="ID=c1;Pseudo=yes"),
        row(text="ID=c1;pseudogene=unknown"),
        row(text="ID=c1;gene_biotype=pseudogene"),
        row(text='gene_id "t1"; transcript_id "x"; pseudo "true";'),
    ],
)
def test_pseudogenes_are_no_labels_however_they_are_spelt(tmp_path, dead):
    path = tmp_path / "a.gff"
    path.write_text(rows(dead, KEPT))
    assert read_gff(path, CIRCLE)["pseudo"].tolist() == [True, False]
    assert starts(tmp_path, dead, KEPT) == [START_OF_KEPT]


def test_a_part_of_a_pseudogene_is_one(tmp_path):
    lines = (row(kind="pseudogene", text="ID=g1"), row(text="ID=c1;Parent=g1"), KEPT)
    assert starts(tmp_path, *lines) == [START_OF_KEPT]


def test_what_is_said_to_be_no_pseudogene_is_none(tmp_path):
    assert starts(tmp_path, row(text="ID=c1;pseudo=false")) == [[100, "+"]]


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("partial=true;start_range=.,101", "partial=true;end_range=400,."),  # RefSeq, PGAP
        ("partial=10", "partial=01"),  # Prodigal
        ("partial=11", "partial=00"),
        ("truncated=5-prime", "truncated=3-prime"),  # Bakta
        ("partial=true", "partial=false"),  # which end is not said
    ],
)
def test_a_beginning_that_is_not_known_is_no_label(tmp_path, cut, whole):
    assert starts(tmp_path, row(text=f"ID=c1;{cut}"), KEPT) == [START_OF_KEPT]
    assert starts(tmp_path, row(text=f"ID=c1;{whole}")) == [[100, "+"]]


def test_marks_before_coordinates_and_a_frame_say_the_same(tmp_path):
    assert starts(tmp_path, row(first="<101"), KEPT) == [START_OF_KEPT]
    assert starts(tmp_path, row(last=">400")) == [[100, "+"]]
    assert starts(tmp_path, row(last=">400", strand="-"), KEPT) == [START_OF_KEPT]
    assert starts(tmp_path, row(frame="2"), KEPT) == [START_OF_KEPT]
    assert starts(tmp_path, row(strand="-", text="ID=c1;partial=01"), KEPT) == [START_OF_KEPT]


def test_one_id_far_apart_or_of_several_genes_is_several_features(tmp_path):
    """Some tools give every row the same ID."""
    lines = [row(first=a, last=a + 200, text=f"ID=cds;locus_tag=L{a}") for a in (101, 401, 701)]
    assert starts(tmp_path, *lines) == [[100, "+"], [400, "+"], [700, "+"]]
    genome = Genome("ctg", encode("A" * 30_000))
    lines = [row(first=a, last=a + 200, text="ID=cds") for a in (101, 10_001, 20_001)]
    assert starts(tmp_path, *lines, genome=genome) == [[100, "+"], [10_000, "+"], [20_000, "+"]]
    joined = [row(first=a, last=a + 99, text="ID=prfB") for a in (101, 200)]
    assert starts(tmp_path, *joined) == [[100, "+"]]


@pytest.mark.parametrize("kind", ["CDS", "gene"])
@pytest.mark.parametrize(("strand", "start"), [("+", 2_900), ("-", 99)])
def test_genes_across_the_origin_in_both_customs(tmp_path, kind, strand, start):
    path = tmp_path / "a.gff"
    beyond = row(kind, 2901, 3100, strand, text="ID=o;locus_tag=L9")
    parts = [
        row(kind, 2901, 3000, strand, text="ID=o;locus_tag=L9"),
        row(kind, 1, 100, strand, text="ID=o;locus_tag=L9"),
    ]
    for lines in ([beyond], parts, parts[::-1]):
        path.write_text(rows(*lines))
        features = read_gff(path, CIRCLE)
        assert features[["start", "end", "strand"]].to_numpy().tolist() == [[2900, 3100, strand]]
        found = read_gene_starts(path, CIRCLE, kind)
        assert found.sites.to_numpy().tolist() == [[start, strand]]
        assert found.n_features == 1
    path.write_text(rows(beyond))
    with pytest.raises(GenomeError, match=r"line 2: .*2901\.\.3100.*if the sequence is circular"):
        read_gff(path, LINE)
    path.write_text(rows(*parts))
    assert len(read_gff(path, LINE)) == 2, "on a line they are two features"


def test_rows_of_a_cds_without_an_id_are_one_by_their_parent(tmp_path):
    whole = [row(first=a, last=b, text="Parent=g9") for a, b in ((101, 175), (177, 400))]
    assert starts(tmp_path, *whole) == [[100, "+"]]
    assert starts(tmp_path, *whole[:1], row(text="Parent=g8")) == [[100, "+"]], "of one place"
    assert len(starts(tmp_path, *whole[:1], row(first=177, text="Parent=g8"))) == 2
    across = [
        row(first=a, last=b, strand="-", text="Parent=g9") for a, b in ((1, 100), (2901, 3000))
    ]
    assert starts(tmp_path, *across) == [[99, "-"]]


@pytest.mark.parametrize("said", ["Note=a;b pseudo", "product=x;y", "Note=x;whole"])
def test_a_word_without_a_value_is_no_attribute(tmp_path, said):
    assert starts(tmp_path, row(text=f"ID=c1;{said}")) == [[100, "+"]]


def test_an_annotation_says_what_is_circular(tmp_path):
    path = tmp_path / "a.gff"
    path.write_text(
        rows(
            row("region", 1, 3000, text="ID=r;Is_circular=true"),
            row("region", 1, 90, text="ID=r;genome=plasmid", name="p"),
            KEPT,
        )
    )
    assert circular_in_gff(path) == {"ctg"}


@pytest.mark.parametrize(
    "end",
    ["##FASTA\n>ctg\nACGT", "##FASTA  \nACGT", "## FASTA\n>ctg\nACGT", ">ctg\nACGT"],
)
def test_reading_ends_at_the_sequence(tmp_path, end):
    assert starts(tmp_path, KEPT, end) == [START_OF_KEPT]


def test_a_comment_that_looks_like_the_directive_is_one(tmp_path):
    for comment in ("##FASTAQSWLKV", "## FASTA", "#FASTA"):
        assert len(starts(tmp_path, row(), comment, KEPT)) == 2


def test_names_are_decoded_and_hold_no_control_letters(tmp_path):
    path = tmp_path / "a.gff"
    name = "gi|1|ref|NC.1|"
    genome = Genome(name, CIRCLE.codes)
    lines = (
        row(text="ID=1;gene=a%2Cb%0Ac", name="gi%7C1%7Cref%7CNC.1%7C"),
        row(first=501, last=600, text='ID=2;gene=aph(3")-Ib', name=name),
        row(first=701, last=800, text='"ID=3;gene=abc"', name=name),
    )
    path.write_text(rows(*lines))
    assert read_gff(path, genome)["gene"].tolist() == ["a,b c", 'aph(3")-Ib', "abc"]


def test_gtf_is_read_as_gff(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        rows(
            row("gene", text='gene_id "b0001"; gene "thrL"; gene_biotype "protein_coding";'),
            row(text='gene_id "b0001"; transcript_id "t1"; gene_name "thrL"; note "a; b";'),
            row(first=601, last=700, strand="-", text='gene_id "b0002"; transcript_id "t2"'),
        )
    )
    features = read_gff(path, CIRCLE)
    assert features["gene"].tolist() == ["thrL", "thrL", ""]
    assert features["locus_tag"].tolist() == ["b0001", "b0001", "b0002"]
    assert read_gene_starts(path, CIRCLE).sites.to_numpy().tolist() == [[100, "+"], [699, "-"]]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + rows(KEPT).encode(),
        rows(KEPT).replace("\n", "\r").encode(),
        rows(KEPT).replace("\n", "\t\n").replace("##gff-version 3\t", "##gff-version 3").encode(),
        gzip.compress(rows(KEPT).encode(), mtime=0),
        (rows(row(text="ID=x;product=\x91wing\x92")) + KEPT).encode("latin-1"),
        rows(KEPT.replace("CDS", "cds")).encode(),
    ],
)
def test_annotations_are_told_by_their_content(tmp_path, data):
    path = tmp_path / "a.gff"
    path.write_bytes(data)
    assert START_OF_KEPT in read_gene_starts(path, CIRCLE).sites.to_numpy().tolist()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (row(first="-5"), "must be whole numbers"),
        (row(last=9 * 10**30), "must be whole numbers"),
        (row() + "\textra", "10 columns"),
    ],
)
def test_what_is_no_feature_names_its_line(tmp_path, line, says):
    path = tmp_path / "a.gff"
    path.write_text(rows(KEPT, line))
    with pytest.raises(GenomeError, match=says) as caught:
        read_gff(path, CIRCLE)
    assert "line 3" in str(caught.value)


def test_reading_grows_with_the_number_of_contigs(tmp_path):
    """20,000 contigs, each with a feature: some seconds if every contig looks at every other."""
    n = 20_000
    (tmp_path / "a.fa").write_text("".join(f">c{i}\nACGTACGTAC\n" for i in range(n)))
    (tmp_path / "a.gff").write_text(
        rows(*(row(first=1, last=9, text="ID=x", name=f"c{i}") for i in range(n)))
    )
    genomes = read_fasta(tmp_path / "a.fa")
    features = read_gff_contigs(tmp_path / "a.gff", genomes)
    assert features["contig"].tolist() == [one.name for one in genomes]


GONE = 'gene_id "a"; transcript_id "t";'


@pytest.mark.parametrize(
    "lines",
    [
        (row(text=f'{GONE} transcript_biotype "pseudogene";'),),  # Ensembl
        (row(text=f'{GONE} gene_biotype "nontranslating_CDS";'),),
        (row(text=f'{GONE} transcript_type "unprocessed_pseudogene";'),),  # GENCODE
        (row("gene", text='gene_id "a"; pseudo "true";'), row(text=GONE)),
        (row("pseudogene", text="ID=g;locus_tag=L1"), row(text="ID=c1;locus_tag=L1")),
        (
            row(text="ID=c1;Parent=t1"),
            row("mRNA", text="ID=t1;Parent=g1"),
            row("pseudogene", text="ID=g1"),
        ),
        (row(text="ID=c1;is_pseudo=true"),),
    ],
)
def test_parts_of_a_pseudogene_are_no_labels_whatever_binds_them_to_it(tmp_path, lines):
    assert starts(tmp_path, *lines, KEPT) == [START_OF_KEPT]


@pytest.mark.parametrize("said", ["pseudogene=No", "pseudogene=false", "pseudo=0;is_pseudo=none"])
def test_a_gene_that_is_said_to_be_whole_is_a_label(tmp_path, said):
    assert starts(tmp_path, row(text=f"ID=c1;{said}")) == [[100, "+"]]


def test_parents_that_go_round_in_a_circle_come_to_an_end(tmp_path):
    lines = (row("gene", text="ID=a;Parent=b"), row("mRNA", text="ID=b;Parent=a"))
    assert starts(tmp_path, *lines, row(text="ID=c1;Parent=a")) == [[100, "+"]]


@pytest.mark.parametrize(("strand", "start"), [("+", 2_900), ("-", 99)])
@pytest.mark.parametrize(
    "places",
    [
        [(2901, 3000), (1, 50), (50, 100)],  # a programmed frameshift behind the origin
        [(2901, 2950), (2950, 3000), (1, 100)],  # and before it
        [(2901, 2998), (1, 100)],  # and at it
    ],
)
def test_a_gene_of_several_rows_across_the_origin_begins_once(tmp_path, strand, start, places):
    lines = [row(first=a, last=b, strand=strand, text="ID=o;locus_tag=L9") for a, b in places]
    assert starts(tmp_path, *lines) == [[start, strand]]
    assert starts(tmp_path, *lines[::-1]) == [[start, strand]]


def test_two_rows_of_one_locus_tag_that_meet_at_the_origin_need_no_id(tmp_path):
    lines = [row(first=a, last=b, text="locus_tag=L9") for a, b in [(2901, 3000), (1, 50)]]
    assert starts(tmp_path, *lines) == [[2_900, "+"]]


def test_only_the_attribute_says_that_a_sequence_is_circular(tmp_path):
    path = tmp_path / "a.gff"
    path.write_text(rows(row(text="ID=c;Note=no Is_circular=true here")))
    assert circular_in_gff(path) == set()
    path.write_text(rows(row("region", 1, 3000, text='Is_circular "TRUE"; organism "x";')))
    assert circular_in_gff(path) == {"ctg"}


def test_a_name_of_any_letters_is_written_and_read(tmp_path):
    write_fasta(Genome("Süß_转录", CIRCLE.codes), tmp_path / "a.fa")
    (genome,) = read_fasta(tmp_path / "a.fa")
    assert (genome.name, genome.sequence) == ("Süß_转录", CIRCLE.sequence)
