import gzip

import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

from genoattn.genome.genbank import read_genbank
from genoattn.genome.sequence import GenomeError


def record(name, sequence, topology):
    annotations = {"molecule_type": "DNA", "topology": topology}
    return SeqRecord(Seq(sequence), id=name, name=name, annotations=annotations)


def test_every_record_is_read_with_its_shape(tmp_path):
    path = tmp_path / "two.gb.gz"
    with gzip.open(path, "wt") as file:
        records = [record("A.1", "ACGTNR", "circular"), record("B.2", "GGT", "linear")]
        SeqIO.write(records, file, "genbank")
    first, second = read_genbank(path)
    assert (first.name, first.sequence, first.circular) == ("A.1", "ACGTNN", True)
    assert (second.name, second.sequence, second.circular) == ("B.2", "GGT", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nACGT\n", r"x\.gb: no GenBank record; it should begin with 'LOCUS'"),
        ("LOCUS       A  9 bp  DNA  linear  BCT 01-JAN-2000\nORIGIN\n//\n", r"x\.gb: .* sequence"),
    ],
)
def test_a_file_that_is_no_genbank_file(tmp_path, text, message):
    path = tmp_path / "x.gb"
    path.write_text(text)
    with pytest.raises(GenomeError, match=message):
        read_genbank(path)
