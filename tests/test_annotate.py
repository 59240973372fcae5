"""Annotation of any FASTA: contigs one by one, attention by brute force, bad input refused."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn import annotate
from genoattn.card import Card
from genoattn.convolutional import load_network
from genoattn.genome import (
    UNKNOWN,
    Genome,
    GenomeError,
    encode,
    read_gff_contigs,
    reverse_complement,
    write_fasta,
)
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.prediction import predict
from genoattn.tracks import find_peaks
from genoattn.weight_files import WeightsError

CONFIG = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=16, downstream=5)


@pytest.fixture(scope="module")
def model() -> Annotator:
    """A small annotator of random weights whose output depends on the sequence."""
    torch.manual_seed(3)
    return Annotator(CONFIG).eval()


@pytest.fixture(scope="module")
def contigs() -> list[Genome]:
    """Three contigs: circular, linear, and one shorter than the window."""
    rng = np.random.default_rng(1)
    letters = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in SIZES.items()}
    return [Genome(name, encode(text), name == "ring") for name, text in letters.items()]


SIZES = {"ring": 400, "line": 150, "bit": 9}


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


def test_of_several_weights_the_log_odds_are_averaged(contigs, tmp_path):
    files = []
    for seed in range(2):
        torch.manual_seed(seed)
        files.append(tmp_path / f"{seed}.safetensors")
        Annotator(AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=6)).save(
            files[-1], Card(genome="ring")
        )
    alone = [annotate.annotate(file, contigs, progress=False) for file in files]
    both = annotate.annotate(files, contigs, progress=False)
    assert list(both) == [one.name for one in contigs]
    for name, track in both.items():
        a, b = (np.log(one[name] / (1 - one[name])) for one in alone)
        assert np.abs(a - b).max() > 0.1
        np.testing.assert_allclose(np.log(track / (1 - track)), (a + b) / 2, atol=1e-4)


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


def test_weights_that_do_not_fit_are_told(model, contigs, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save(path, Card(genome="ring"))
    annotate.check_genome(path, contigs[0])
    with pytest.raises(WeightsError, match=r"trained on ring, so .* none of line"):
        annotate.check_genome(path, contigs[1])
    card = path.with_suffix(".json")
    card.write_text(card.read_text().replace('"d_head": 4', '"d_head": 5'))
    with pytest.raises(WeightsError, match="not what its card describes"):
        annotate.annotate(path, contigs)


class KeepAll:
    """Keeps all weights of one head by strand and position."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], np.ndarray] = {}

    def observe(self, layer, head, strand, start, weights) -> None:
        if (layer, head) == (1, 0):
            for i, row in enumerate(weights.numpy().copy()):
                self.rows[strand, start + i] = row


@pytest.mark.parametrize("which", [0, 1, 2])
def test_received_attention_is_the_sum_over_all_queries(model, contigs, which):
    one = contigs[which]
    kept = KeepAll()
    received = annotate.ReceivedAttention(CONFIG, one, [(1, 0), (0, 1)])
    watching = {one.name: [kept, received]}
    annotate.annotate(model, [one], recorders=watching, chunk=37, progress=False)
    wanted = np.zeros((2, len(one)))
    for (strand, place), row in kept.rows.items():
        for column, weight in enumerate(row):
            at = place + CONFIG.downstream - (CONFIG.window - 1) + column
            if one.circular or 0 <= at < len(one):
                at %= len(one)
                wanted[strand, at if strand == 0 else len(one) - 1 - at] += weight
    assert len(kept.rows) == 2 * len(one)
    np.testing.assert_allclose(received.tracks[1, 0], wanted, atol=1e-5)
    if one.circular:
        assert received.tracks[0, 1].mean() == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="no head 3 in layer 1"):
        annotate.ReceivedAttention(CONFIG, one, [(0, 2)])


def test_the_table_of_contigs(contigs):
    table = annotate.contig_table([*contigs, Genome("n", encode("NNGC"))], CONFIG)
    assert table["contig"].tolist() == ["ring", "line", "bit", "n"]
    assert table["full_context"].tolist() == [1, 1 - 10 / 150, 0, 1]
    assert table["unknown"].tolist() == [0, 0, 0, 0.5]
    assert table["gc"][3] == 1


def test_output_around_sites_by_hand():
    ring = Genome("ring", encode("ACGTACGT"))
    line = Genome("line", encode("ACGTA"), circular=False)
    tracks = {
        "ring": np.array([np.arange(8), np.arange(8) + 100], float),
        "line": np.array([np.arange(5) + 200, np.arange(5) + 300], float),
    }
    sites = pd.DataFrame(
        {"contig": ["ring", "ring", "line"], "position": [0, 7, 4], "strand": ["+", "-", "+"]}
    )
    around = annotate.around_sites(tracks, sites, [ring, line], 1)
    np.testing.assert_array_equal(around.sense, [[7, 0, 1], [100, 107, 106], [203, 204, np.nan]])
    found = annotate.mean_and_median(around)
    table = found.set_index(["strand_relation", "offset"])
    sense = {-1: (7, 100, 203), 0: (0, 107, 204), 1: (1, 106)}
    antisense = {-1: (107, 0, 303), 0: (100, 7, 304), 1: (101, 6)}
    for relation, wanted in (("sense", sense), ("antisense", antisense)):
        for offset, values in wanted.items():
            row = table.loc[relation, offset]
            assert row["mean"] == pytest.approx(np.mean(values))
            assert row["median"] == pytest.approx(np.median(values))
            assert row["n"] == len(values)
    with pytest.raises(ValueError, match="no site"):
        annotate.around_sites(tracks, sites.iloc[:0], [ring, line], 1)


def test_peaks_find_the_next_gene_on_their_strand():
    ring = Genome("ring", encode("A" * 100))
    line = Genome("line", encode("A" * 100), circular=False)
    features = pd.DataFrame(
        [
            ("ring", 20, 30, "+", "gene", "a", "r1"),
            ("ring", 60, 80, "-", "gene", "b", ""),
            ("ring", 10, 12, "+", "exon", "", "e"),
            ("line", 20, 30, "+", "gene", "", "l1"),
        ],
        columns=["contig", "start", "end", "strand", "type", "gene", "locus_tag"],
    )
    peaks = pd.DataFrame(
        [
            ("ring", 5, "+"),
            ("ring", 20, "+"),
            ("ring", 21, "+"),
            ("ring", 85, "-"),
            ("ring", 3, "-"),
            ("line", 15, "+"),
            ("line", 40, "+"),
            ("line", 40, "-"),
        ],
        columns=["contig", "position", "strand"],
    )
    found = annotate.peak_table(peaks, features, [ring, line])
    assert found["next_gene"].tolist() == ["r1", "r1", "r1", "b", "b", "l1", "", ""]
    np.testing.assert_array_equal(found["distance"], [15, 0, 99, 6, 24, 5, np.nan, np.nan])
    assert annotate.peak_table(peaks, None, [ring, line]) is peaks


def test_the_demo_files_are_what_a_user_would_have(tmp_path):
    made = annotate.demo_files(tmp_path, 3, 12_000, 10_000)
    chromosome, plasmid = annotate.load_contigs(made.fasta)
    assert (chromosome.name, len(chromosome), chromosome.circular) == ("chromosome", 12_000, True)
    assert (plasmid.name, len(plasmid), plasmid.circular) == ("plasmid", 10_000, False)
    assert (plasmid.codes == UNKNOWN).sum() == 10
    assert any(line.islower() for line in made.fasta.read_text().splitlines())
    features = read_gff_contigs(made.gff, [chromosome, plasmid])
    assert set(features["type"]) == {"gene", "CDS", "pseudogene"}
    assert features["pseudo"].any()
    starts = features[(features["type"] == "CDS") & ~features["pseudo"]]
    for one in (chromosome, plasmid):
        own = starts[(starts["contig"] == one.name) & (starts["strand"] == "+")]
        codons = one.around(own["start"], "+", [1, 2])
        assert (codons == [3, 2]).all(), "all genes begin with NTG"
        true = made.truth[made.truth["contig"] == one.name]
        assert len(true) > 5
        assert true["position"].between(0, len(one) - 1).all()
    again = annotate.demo_files(tmp_path / "again", 3, 12_000, 10_000)
    assert again.fasta.read_bytes() == made.fasta.read_bytes()
    assert again.gff.read_bytes() == made.gff.read_bytes()


def test_before_over_after_is_a_ratio_of_means_and_its_interval_covers_it():
    windows = np.array([[4.0, 9.0, 1.0], [2.0, 0.0, np.nan], [6.0, 1.0, 3.0]])
    value, low, high = annotate.before_over_after(windows, n_bootstrap=500, level=0.9, seed=0)
    assert value == pytest.approx((12 / 3) / (4 / 2))
    assert low < value < high
    one = annotate.before_over_after(windows[:1], n_bootstrap=50, level=0.9, seed=0)
    np.testing.assert_array_equal(one, [4, np.nan, np.nan])
    same = np.tile([2.0, 2.0, 5.0, 1.0, 1.0], (1_000, 1))
    assert annotate.before_over_after(same, n_bootstrap=50, level=0.9, seed=0) == (2, 2, 2)


def test_near_by_brute_force():
    rng = np.random.default_rng(2)

    def some(n: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "contig": rng.choice(["a", "b"], n),
                "position": rng.integers(0, 200, n),
                "strand": rng.choice(["+", "-"], n),
            }
        )

    def near(ones: pd.DataFrame, others: pd.DataFrame) -> list[bool]:
        return [
            any(
                (o.contig, o.strand) == (p.contig, p.strand) and abs(o.position - p.position) <= 4
                for o in others.itertuples()
            )
            for p in ones.itertuples()
        ]

    for n, m in ((30, 20), (1, 40), (50, 2)):
        peaks, sites = some(n), some(m)
        assert annotate.near(peaks, sites, 4).tolist() == near(peaks, sites)
        assert annotate.near(sites, peaks, 4).tolist() == near(sites, peaks)
    none = find_peaks({"a": np.zeros((2, 5), np.float32)}, 0.5)
    assert annotate.near(none, sites, 4).tolist() == []
    assert annotate.near(sites, none, 4).tolist() == [False, False]


def test_peaks_per_kb_counts_peaks():
    track = np.zeros((2, 2_000), np.float32)
    track[0, [10, 500, 900]] = [0.2, 0.5, 0.9]
    track[1, 7] = 0.3
    table = annotate.peaks_per_kb({"x": track}, [0.1, 0.5], 1)
    assert table[["strand", "threshold", "n", "per_kb"]].to_numpy().tolist() == [
        ["+", 0.1, 3, 1.5],
        ["+", 0.5, 2, 1.0],
        ["-", 0.1, 1, 0.5],
        ["-", 0.5, 0, 0.0],
    ]


def test_names_of_heads():
    assert annotate.head_numbers(["1.2", "2.1"], CONFIG) == [(0, 1), (1, 0)]
    for name, message in (("12", "as 1.2"), ("1.x", "as 1.2"), ("3.1", "no head 1 in layer 3")):
        with pytest.raises(ValueError, match=message):
            annotate.head_numbers(["1.1", name], CONFIG)


def test_starts_of_genes_or_else_of_coding_sequences():
    columns = ["contig", "start", "end", "strand", "type"]
    rows = [("a", 3, 9, "+", "gene"), ("a", 3, 9, "-", "pseudogene"), ("b", 1, 5, "+", "CDS")]
    starts = annotate.starts_of(pd.DataFrame(rows, columns=columns))
    assert starts.to_numpy().tolist() == [["a", 3, "+"], ["a", 8, "-"]]
    starts = annotate.starts_of(pd.DataFrame(rows[2:], columns=columns))
    assert starts.to_numpy().tolist() == [["b", 1, "+"]]
    with pytest.raises(ValueError, match="neither a gene nor a CDS, only: exon"):
        annotate.starts_of(pd.DataFrame([("b", 1, 5, "+", "exon")], columns=columns))
