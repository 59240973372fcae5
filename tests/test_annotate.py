"""Annotation of any FASTA: contigs one by one, attention by brute force, bad input refused."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import toy_contigs
from toy_contigs import CONFIG, SIZES

from genoattn import annotate
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome, GenomeError, encode, reverse_complement
from genoattn.model.networks import load_network
from genoattn.model.weights import WeightsError
from genoattn.prediction.predict import predict

model = pytest.fixture(scope="module")(toy_contigs.model)
contigs = pytest.fixture(scope="module")(toy_contigs.contigs)


def test_every_contig_is_predicted_by_itself(model, contigs):
    tracks = annotate.annotate(model, contigs, progress=False)
    assert list(tracks) == list(SIZES)
    for one in contigs:
        np.testing.assert_array_equal(tracks[one.name], predict(model, one, progress=False))
    ring = contigs[0]
    line = annotate.annotate(model, Genome("x", ring.codes, circular=False), progress=False)["x"]
    reach = CONFIG.reach_upstream
    assert not np.allclose(line[0, :5], tracks["ring"][0, :5]), "the ring is read over its end"
    np.testing.assert_allclose(line[0, reach:-30], tracks["ring"][0, reach:-30], atol=1e-6)


def test_the_convolutional_network_annotates_as_well(contigs):
    named = annotate.annotate("convolutional", contigs[1:], progress=False)
    network = load_network("convolutional", "cpu")
    for one in contigs[1:]:
        np.testing.assert_allclose(
            named[one.name], predict(network, one, progress=False), atol=1e-6
        )


def test_a_file_is_read_whatever_its_case_letters_and_packing(model, contigs, tmp_path):
    plain = tmp_path / "a.fasta"
    write_fasta(contigs, plain)
    wanted = annotate.annotate(model, contigs, progress=False)
    packed = tmp_path / "a.fa.gz"
    packed.write_bytes(gzip.compress(plain.read_text().replace("A", "a").encode()))
    for path in (plain, packed):
        found = annotate.annotate(model, path, progress=False)
        assert list(found) == list(wanted)
        for name, track in wanted.items():
            np.testing.assert_array_equal(found[name], track)
    ambiguous = tmp_path / "n.fa"
    ambiguous.write_text(">x\n" + contigs[0].sequence[:80] + "rykmswBDHVn" + "\n")
    track = annotate.annotate(model, ambiguous, progress=False)["x"]
    assert track.shape == (2, 91)
    assert np.isfinite(track).all()


def test_the_other_strand_is_the_reverse_complement(model, contigs):
    ring = contigs[0]
    turned = Genome("ring", reverse_complement(ring.codes))
    forward = annotate.annotate(model, ring, progress=False)["ring"]
    backward = annotate.annotate(model, turned, progress=False)["ring"]
    np.testing.assert_allclose(forward, backward[::-1, ::-1], atol=1e-6)


def test_circular_contigs_by_name_by_header_or_all(tmp_path):
    path = tmp_path / "c.fa"
    path.write_text(">a\nACGT\n>b [topology=circular]\nACGT\n>c\nACGT\n")

    def shape(circular) -> list[bool]:
        return [one.circular for one in annotate.load_contigs(path, circular)]

    assert shape(()) == [False, True, False]
    assert shape(["c"]) == [False, True, True]
    assert shape(["all"]) == shape("all") == [True, True, True]
    with pytest.raises(ValueError, match="no contig is named 'd'; there are: a, b, c"):
        shape(["a", "d"])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", GenomeError, "empty"),
        ("\n\n", GenomeError, "empty"),
        (">a\nACGT\n>a\nACGT\n", GenomeError, "line 3: a second sequence named a"),
        (">a\n>b\nACGT\n", GenomeError, "line 1: a has no sequence"),
        (">a\nACGT\nMKLV*\n", GenomeError, "line 3: 'L'"),
        (">a\nNNNN\n>b\nRYRY\n", ValueError, "no letter is A, C, G or T"),
    ],
)
def test_a_bad_file_stops_before_anything_is_computed(tmp_path, monkeypatch, text, error, message):
    monkeypatch.setattr(annotate, "predict", lambda *a, **k: pytest.fail("computing began"))
    path = tmp_path / "bad.fa"
    path.write_text(text)
    with pytest.raises(error, match=message):
        annotate.annotate("curated", path)


def test_other_bad_requests_stop_before_anything_is_computed(model, contigs, monkeypatch, tmp_path):
    monkeypatch.setattr(annotate, "predict", lambda *a, **k: pytest.fail("computing began"))
    with pytest.raises(ValueError, match="two contigs are named bit"):
        annotate.annotate(model, [contigs[2], contigs[2]])
    with pytest.raises(ValueError, match="no contig to annotate"):
        annotate.annotate(model, [])
    with pytest.raises(ValueError, match="no contig is named 'chr'"):
        annotate.annotate(model, contigs, recorders={"chr": []})
    with pytest.raises(ValueError, match="no weights to annotate with"):
        annotate.annotate([], contigs)
    with pytest.raises(ValueError, match="of one model, not of several"):
        annotate.annotate(["a", "b"], contigs, recorders={"bit": []})
    with pytest.raises(FileNotFoundError, match="no such file"):
        annotate.annotate(model, tmp_path / "none.fa")
    with pytest.raises(WeightsError, match="no weights are named 'curated-shrt'"):
        annotate.annotate("curated-shrt", contigs)


def test_the_table_of_contigs(contigs):
    table = annotate.contig_table([*contigs, Genome("n", encode("NNGC"))], CONFIG)
    assert table["contig"].tolist() == ["ring", "line", "bit", "n"]
    assert table["full_context"].tolist() == [1, 1 - 10 / 150, 0, 1]
    assert table["unknown"].tolist() == [0, 0, 0, 0.5]
    assert table["gc"][3] == 1
