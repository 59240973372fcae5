"""GenBank as tools write it: read as FASTA and GFF of the same would be, or refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from toy_genbank import RING, record
from toy_pipe import piped

from genoattn.annotate import load_contigs
from genoattn.genome.formats import feature_table, read_gff_contigs, write_fasta
from genoattn.genome.genbank import is_genbank, read_annotation, read_genbank, read_sequences
from genoattn.genome.sequence import Genome, GenomeError, encode

LINE = "GGGGCCCCAA" * 3  # 30 nt


FEATURES = """\
     gene            complement(join(51..60,1..10))
                     /locus_tag="A1"
     CDS             complement(join(51..60,1..10))
                     /locus_tag="A1"
     gene            <1..12
                     /gene="xyz"
     CDS             21..>32
                     /gene="abc"
                     /codon_start=2
                     /note="a; long
                     note"
     CDS             35..40
                     /pseudo
     assembly_gap    41..42"""
GFF = """\
##gff-version 3
ring.1\tt\tregion\t1\t60\t.\t+\t.\tID=r;Is_circular=true
ring.1\tt\tgene\t51\t70\t.\t-\t.\tID=g;locus_tag=A1
ring.1\tt\tCDS\t51\t70\t.\t-\t0\tID=c;locus_tag=A1
ring.1\tt\tgene\t<1\t12\t.\t+\t.\tID=x;gene=xyz
ring.1\tt\tCDS\t21\t>32\t.\t+\t1\tID=y;gene=abc
ring.1\tt\tCDS\t35\t40\t.\t+\t0\tID=z;pseudo=true
line.2\tt\tCDS\t3\t9\t.\t-\t0\tID=l;gene=pqr
"""
CONTIG = "CONTIG      join(AB000001.1:1..60)\n//\n"  # NCBI's short form
SECOND = "     CDS             complement(3..9)\n                     /gene=pqr"
BOTH = record(features=FEATURES) + record("line", LINE, SECOND, "linear", ".2")


@pytest.fixture
def both(tmp_path: Path) -> Path:
    (tmp_path / "both.gbff").write_text(BOTH)
    return tmp_path / "both.gbff"


def test_it_is_read_as_fasta_and_gff_of_the_same(tmp_path, both):
    genomes = [Genome("ring.1", encode(RING)), Genome("line.2", encode(LINE), circular=False)]
    write_fasta(genomes, tmp_path / "a.fa")
    (tmp_path / "a.gff").write_text(GFF)
    for path in (both, tmp_path / "a.fa"):
        found = read_sequences(path, circular=False)
        assert [(one.name, one.sequence, one.circular) for one in found] == [
            ("ring.1", RING, True),
            ("line.2", LINE, False),
        ]
        assert [one.name for one in load_contigs(path) if one.circular] == ["ring.1"]
    features = read_annotation(both, genomes)
    expected = read_gff_contigs(tmp_path / "a.gff", genomes)
    assert features.to_numpy().tolist() == expected.to_numpy().tolist()
    assert read_annotation(tmp_path / "a.gff", genomes).equals(expected)
    assert features.loc[features["gene"] == "abc", "end"].tolist() == [32]


def test_what_is_not_known_of_an_end_is_kept(both):
    rows = {row.gene or row.kind: row for row in read_genbank(both).features}
    assert rows["xyz"].beginning_unknown and rows["abc"].open_right
    assert rows["abc"].beginning_unknown, "its first codon begins before it"
    assert not rows["pqr"].beginning_unknown


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(BOTH.encode(), mtime=0),
        b"\xef\xbb\xbf" + BOTH.encode(),
        BOTH.replace("\n", "\r\n").encode(),
        b"\n\n" + BOTH.encode(),
        BOTH.replace("a sequence", "s\xe9quence").encode("latin-1"),
    ],
)
@pytest.mark.parametrize("name", ["a.gb", "a.fa", "a.gz"])
def test_it_is_told_by_its_content(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    assert is_genbank(tmp_path / name)
    assert [one.name for one in read_sequences(tmp_path / name)] == ["ring.1", "line.2"]


def test_a_record_without_a_version_has_the_name_of_its_locus(tmp_path):
    (tmp_path / "a.gbk").write_text(record("contig_1", version=""))  # Prokka
    assert read_sequences(tmp_path / "a.gbk")[0].name == "contig_1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOTH[:-20], r"the file may be cut off \(.*\); fetch it again"),
        (BOTH[:400], "record 1 cannot be read: "),
        (record() + record(), "a second record named ring.1"),
        (record().replace("acgttgcaat\n", "acgttgca*t\n"), r"record ring\.1: '\*' is not"),
        (record().replace("60 bp", "99 bp"), "may be cut off"),
        (record().split("ORIGIN")[0] + CONTIG, r"ring\.1 has no sequence; fetch it in full"),
        (record(features="     CDS             50..90"), r"CDS 50\.\.90 is not within 1\.\.60"),
        (
            record(features="     CDS             5..x0"),
            r"ring\.1: a CDS whose place cannot be read",
        ),
        ("LOCUS \n", "cannot be read|no whole record"),
        ("LOCUS       x\nFEATURES\n     gene   1..90\n", "record 1 cannot be read|no whole record"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "a.gbk"
    path.write_text(text)
    with pytest.raises(GenomeError, match=says) as caught:
        read_sequences(path)
    assert str(path) in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_an_annotation_of_other_sequences_is_refused(both):
    ring, line = read_sequences(both)
    with pytest.raises(GenomeError, match=r"have no sequence of the name line\.2"):
        read_annotation(both, [ring])
    other = Genome("line.2", line.codes[::-1].copy(), circular=False)
    with pytest.raises(GenomeError, match=r"have another sequence of the name line\.2"):
        read_annotation(both, [ring, other])


def test_a_file_without_features_annotates_nothing(tmp_path):
    path = tmp_path / "a.gbk"
    path.write_text(record())
    with pytest.raises(GenomeError, match="no stranded feature in this file"):
        read_annotation(path, read_sequences(path))


@pytest.mark.parametrize("text", [">a\nACGT\n", record("a")], ids=["FASTA", "GenBank"])
def test_a_pipe_is_read_once(tmp_path, text):
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    file.write_text(text)
    with piped(pipe, text.encode()):
        found = read_sequences(pipe)
    wanted = read_sequences(file)
    assert [(one.name, one.sequence) for one in found] == [
        (one.name, one.sequence) for one in wanted
    ]


def test_real_files_are_read(data_dir):
    files = sorted((data_dir / "species").glob("*.gb.gz"))
    if not files:
        pytest.skip("no GenBank file among the real tables")
    for file in files:
        found = read_genbank(file)
        (genome,) = found.genomes
        assert genome.name == file.name.removesuffix(".gb.gz") and genome.circular
        features = feature_table(found.features, found.genomes)
        starts = features[(features["type"] == "CDS") & ~features["pseudo"]]
        first = starts["start"].where(starts["strand"] == "+", starts["end"] - 1)
        codons = genome.around(first % len(genome), starts["strand"], range(3))
        assert (codons[:, 1:] == [3, 2]).all(axis=1).mean() > 0.97  # ATG, GTG and TTG end in TG
