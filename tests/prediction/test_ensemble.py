"""The gene prior: genes found in real sequence, distances by brute force, coefficients by truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit, logit

from genoattn import annotate
from genoattn.genome.formats import read_fasta, read_gff
from genoattn.genome.sequence import Genome, reverse_complement
from genoattn.genome.sites import distance_to_next
from genoattn.model import weights
from genoattn.model.weights import WEIGHTS, WeightsError
from genoattn.output import around
from genoattn.prediction import ensemble
from genoattn.prediction.ensemble import (
    EDGES,
    GenePrior,
    gene_starts,
    mean_log_odds,
)

CLASSES = len(EDGES) + 1


@pytest.fixture(scope="module")
def ecoli(data_dir) -> Genome:
    return read_fasta(data_dir / "GCF_000005845.2_ASM584v2_genomic.fna.gz")[0]


@pytest.fixture(scope="module")
def piece(ecoli) -> Genome:
    """A stretch of real genome."""
    return Genome("piece", ecoli.codes[:150_000], circular=False)


def test_genes_are_found_in_the_sequence_alone(ecoli, piece, data_dir):
    found = gene_starts([piece])["piece"]
    features = read_gff(data_dir / "GCF_000005845.2_ASM584v2_genomic.gff.gz", ecoli)
    genes = features[(features["type"] == "gene") & (features["end"] <= len(piece))]
    true = around.starts_of(genes.assign(contig="piece"), [piece])
    assert 0.8 * len(true) < len(found) < 1.1 * len(true)
    assert len(found.merge(true)) > 0.8 * len(found), "of found genes most begin where annotated"
    turned = Genome("turned", reverse_complement(piece.codes), circular=False)
    there = gene_starts([turned])["turned"]
    back = there.assign(
        position=len(piece) - 1 - there["position"],
        strand=there["strand"].map({"+": "-", "-": "+"}),
    )
    assert len(back.merge(found)) > 0.95 * len(found), "the other strand has the same genes"


def test_a_gene_across_the_origin_is_found_on_a_circle(ecoli):
    length, first = 120_000, 336  # thrA begins there, on the plus strand
    turned = np.roll(ecoli.codes[:length], -(first + 30))
    ring = gene_starts([Genome("ring", turned, circular=True)])["ring"]
    line = gene_starts([Genome("line", turned, circular=False)])["line"]
    assert length - 30 in set(ring["position"]), "30 nt before the origin"
    assert length - 30 not in set(line["position"]), "too little of it is left at an end"
    assert ring["position"].between(0, length - 1).all()
    assert not ring.duplicated().any()
    whole = gene_starts([Genome("whole", ecoli.codes[:length], circular=True)])["whole"]
    moved = whole.assign(position=(whole["position"] - first - 30) % length)
    assert len(moved.merge(ring)) > 0.95 * len(whole), "the cut says nothing of the other genes"


def test_contigs_are_learned_from_together_and_small_ones_by_other_genomes(piece):
    parts = [Genome(f"p{i}", piece.codes[i : i + 60_000], False) for i in (0, 60_000)]
    together = gene_starts(parts)
    assert [len(together[one.name]) > 30 for one in parts] == [True, True]
    few = Genome("few", piece.codes[:9_000], circular=False)
    assert len(gene_starts([few])["few"]) > 3
    empty = gene_starts([Genome("none", piece.codes[:60], circular=False)])["none"]
    assert empty.empty and empty.columns.tolist() == ["position", "strand"]


def simulated(slope: float, terms: np.ndarray, length: int = 150_000):
    """Outputs, distances and labels of known coefficients."""
    rng = np.random.default_rng(4)
    distance = rng.choice([5.0, 30, 70, 150, 300, 700, np.inf], size=(2, length))
    evidence = rng.normal(-4, 2, size=(2, length))
    truth = expit(slope * evidence + terms[np.digitize(distance, EDGES)])
    return expit(evidence), distance, rng.random((2, length)) < truth


def test_the_coefficients_of_a_simulation_come_back():
    slope, terms = 1.3, np.array([0.5, 1.0, 0.7, 0.2, -0.4, -0.9, -1.5])
    output, distance, label = simulated(slope, terms)
    where = np.ones(output.shape[1], dtype=bool)
    where[:1000] = False
    fitted = GenePrior.fit(["a"], output, distance, label, where)
    assert fitted.slope == pytest.approx(slope, abs=0.05)
    np.testing.assert_allclose(fitted.terms, terms, atol=0.2)
    table = fitted.table()
    assert table["distance"].tolist()[0] == "0 to 19"
    assert table["distance"].tolist()[-1] == "1000 and more"
    assert table["sites"].sum() == label[:, where].sum()
    assert table["positions"].sum() == 2 * where.sum()
    other = GenePrior.fit(["a"], np.where(where, output, np.nan), distance, label, where)
    assert other == fitted, "what lies outside the part has no say"
    better = fitted.apply(output, distance)
    truth = expit(slope * logit(output) + terms[np.digitize(distance, EDGES)])
    assert np.abs(better - truth).mean() < 0.3 * np.abs(output - truth).mean()


def test_positions_not_asked_stay_so_and_certain_ones_stay_finite():
    prior = GenePrior(("a",), 1.0, (0.0,) * CLASSES)
    output = np.array([[np.nan, 0.0, 1.0, 0.25], [0.5, 0.5, np.nan, 0.5]])
    applied = prior.apply(output, np.full((2, 4), np.inf))
    assert np.isnan(applied).tolist() == np.isnan(output).tolist()
    np.testing.assert_allclose(applied, output, atol=1e-6)


def test_a_prior_is_kept_whole(tmp_path):
    prior = GenePrior(("a", "b"), 1.2, tuple(range(CLASSES)), EDGES, {"genome": "x"})
    path = tmp_path / "p.prior.json"
    prior.with_facts(metrics={"roc_auc": 0.9}).save(path)
    assert GenePrior.load(path) == prior.with_facts(metrics={"roc_auc": 0.9})
    assert weights.find_prior(path) == path
    path.write_text('{"members": ["a"]}')
    with pytest.raises(WeightsError, match=r"p\.prior\.json: not a gene prior"):
        GenePrior.load(path)
    endless = {"members": ["a"], "slope": 1, "terms": [0.5] * 7, "edges": [1e999], "card": None}
    path.write_text(json.dumps(endless))
    with pytest.raises(WeightsError, match=r"p\.prior\.json: not a gene prior \(OverflowError"):
        GenePrior.load(path)
    with pytest.raises(WeightsError, match="no such file"):
        weights.find_prior(tmp_path / "absent.prior.json")
    with pytest.raises(ValueError, match="7 classes; there are 2 terms"):
        GenePrior(("a",), 1.0, (0.0, 1.0))
    nothing = np.zeros((2, 9))
    with pytest.raises(ValueError, match="no site lies in the part"):
        GenePrior.fit(["a"], nothing, nothing, nothing, np.ones(9, dtype=bool))


@pytest.mark.parametrize("shipped", sorted(WEIGHTS.glob("*.prior.json")), ids=lambda one: one.stem)
def test_a_shipped_prior_annotates_contigs(piece, shipped):
    prior = GenePrior.load(shipped)
    contigs = [
        Genome("a", piece.codes[:6_000], circular=False),
        Genome("b", piece.codes[6_000:9_000], circular=False),
    ]
    tracks = annotate.annotate(shipped.name.removesuffix(".prior.json"), contigs, progress=False)
    each = [annotate.annotate(one, contigs, progress=False) for one in prior.members]
    begin = gene_starts(contigs)
    for one in contigs:
        mean = mean_log_odds([found[one.name] for found in each])
        distance = distance_to_next(begin[one.name], len(one), circular=False)
        np.testing.assert_array_equal(tracks[one.name], prior.apply(mean, distance))
        assert not np.allclose(tracks[one.name], mean), "genes change the output"
    with pytest.raises(ValueError, match="not of several at once"):
        annotate.annotate(shipped, contigs, recorders={"a": []})


def test_ensembles_are_read_from_texts():
    read = ensemble.read_ensembles(["three: a, b,c", "two:x,y"])
    assert read == {"three": ["a", "b", "c"], "two": ["x", "y"]}
    assert ensemble.read_ensembles(["with: genes, a"]) == {"with": ["a", "genes"]}
    with pytest.raises(ValueError, match="names no model beside genes"):
        ensemble.read_ensembles(["nothing: genes, genes"])
    for wrong in ("a, b", "one: a", ": a, b"):
        with pytest.raises(ValueError, match="must name an ensemble and two or more models"):
            ensemble.read_ensembles([wrong])


def test_an_ensemble_has_the_mean_log_odds_of_its_members():
    a, b = np.array([0.2, 0.9, 0.0, np.nan]), np.array([0.2, 0.1, 0.5, np.nan])
    both = mean_log_odds([a, b])
    assert both[:2] == pytest.approx([0.2, 0.5])
    assert 0 < both[2] < 1e-10
    assert np.isnan(both[3])


def test_log_odds_are_finite_and_come_back():
    given = np.array([0.0, 1e-30, 0.25, 0.5, 0.9, 1.0, np.nan], np.float32)
    odds = ensemble.log_odds(given)
    assert np.isfinite(odds[:-1]).all() and np.isnan(odds[-1])
    np.testing.assert_allclose(
        odds[1:5], np.log(given[1:5].astype(float) / (1 - given[1:5])), rtol=1e-6
    )
    np.testing.assert_allclose(mean_log_odds([given, given]), given, atol=1e-8)
