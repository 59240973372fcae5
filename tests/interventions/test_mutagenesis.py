"""Mutagenesis and integrated gradients on scores whose answer is known by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from toy import lively

from genoattn.genome.sequence import Genome
from genoattn.interventions import mutagenesis
from genoattn.interventions.mutagenesis import Scan
from genoattn.model.annotator import Annotator, AnnotatorConfig

CONFIG = AnnotatorConfig(
    layers=2, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=5, dropout=0.0
)


def test_substitutions_are_other_letters_each_once():
    codes = np.array([0, 1, 2, 3, 4])
    three = mutagenesis.substitutions(codes, 3, np.random.default_rng(0))
    for code, row in zip(codes[:4], three[:4], strict=True):
        assert sorted([code, *row]) == [0, 1, 2, 3]
    one = mutagenesis.substitutions(np.zeros(3_000, int), 1, np.random.default_rng(0))
    assert np.bincount(one.ravel(), minlength=4)[0] == 0
    assert np.bincount(one.ravel())[1:].min() > 900
    with pytest.raises(ValueError, match="not 4"):
        mutagenesis.substitutions(codes, 4, np.random.default_rng(0))


def test_gradients_of_a_linear_score_are_its_weights():
    torch.manual_seed(0)
    weight = torch.randn(6, 4)
    sequence = torch.eye(4)[[0, 1, 2, 3, 0, 1]]
    baseline = torch.tensor([0.1, 0.2, 0.3, 0.4]).expand(6, 4)
    attribution, top, bottom = mutagenesis.integrated_gradients(
        lambda mixed: (mixed * weight).sum((1, 2)), sequence, baseline, 1
    )
    expected = ((sequence - baseline) * weight).sum(1)
    np.testing.assert_allclose(attribution, expected, rtol=1e-5)
    assert attribution.sum() == pytest.approx(top - bottom, rel=1e-5)


def test_gradients_are_complete_and_symmetric_where_a_plain_gradient_is_not():
    # both letters are needed: at the sequence (1, 1) and the baseline (0, 0), x y = 1
    sequence = torch.tensor([[1.0, 0, 0, 0], [1.0, 0, 0, 0]])
    attribution, top, bottom = mutagenesis.integrated_gradients(
        lambda mixed: mixed[:, 0, 0] * mixed[:, 1, 0], sequence, torch.zeros(2, 4), 2
    )
    assert (top, bottom) == (1, 0)
    np.testing.assert_allclose(attribution, [0.5, 0.5], rtol=1e-6)


@pytest.fixture(scope="module")
def model() -> Annotator:
    return lively(CONFIG)


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 600).astype(np.uint8))


@pytest.fixture(scope="module")
def scan(model, genome) -> Scan:
    sites = pd.DataFrame({"position": [100, 300, 420], "strand": ["+", "-", "+"]})
    return mutagenesis.scan_sites(
        model,
        genome,
        sites.assign(block=[0, 1, 1]),
        first=-25,
        last=5,
        n_substitutions=3,
        width=5,
        n_steps=24,
        composition=np.full(4, 0.25),
        seed=0,
        progress=False,
    )


def test_every_exchange_scores_as_the_mutated_genome_does(model, genome, scan):
    def log_odds(genome: Genome, position: int, strand: str) -> float:
        row = 0 if strand == "+" else 1
        codes = torch.from_numpy(genome.strand("+-"[row]).astype(np.int64))[None]
        index = position if row == 0 else len(genome) - 1 - position
        with torch.no_grad():
            return float(model(codes)[0, index + CONFIG.downstream])

    for number, (position, strand) in enumerate([(100, "+"), (300, "-"), (420, "+")]):
        sign = 1 if strand == "+" else -1
        before = log_odds(genome, position, strand)
        assert scan.sites["log_odds"][number] == pytest.approx(before, abs=1e-5)
        assert np.isnan(scan.single[number]).sum() == scan.single.shape[1]
        for place in (0, 7, 24, 25, 30):
            for letter in range(4):
                changed = genome.codes.copy()
                at = position + sign * scan.offset[place]
                changed[at] = letter if sign == 1 else 3 - letter
                if changed[at] == genome.codes[at]:
                    assert np.isnan(scan.single[number, place, letter])
                    continue
                expected = log_odds(Genome("m", changed), position, strand) - before
                assert scan.single[number, place, letter] == pytest.approx(expected, abs=1e-5)


def test_gradients_of_the_model_are_complete(scan):
    assert np.abs(scan.completeness_error).max() < 5e-3
    assert np.ptp(scan.ends[:, 0] - scan.ends[:, 1]) > 0.1
    np.testing.assert_allclose(scan.ends[:, 0], scan.sites["log_odds"], atol=1e-5)


def test_a_position_beyond_the_context_has_no_effect(model, genome, scan):
    config = CONFIG
    assert scan.offset[0] > config.downstream - config.reach_upstream
    far = mutagenesis.scan_sites(
        model,
        genome,
        scan.sites[["position", "strand", "block"]],
        first=-config.reach_upstream - 4,
        last=-config.reach_upstream + 4 + config.downstream,
        n_substitutions=1,
        width=1,
        n_steps=1,
        composition=np.full(4, 0.25),
        seed=0,
        progress=False,
    )
    inside = far.offset >= config.downstream - config.reach_upstream
    assert np.abs(far.effect[:, ~inside]).max() < 1e-6
    assert np.abs(far.gradient[:, ~inside]).max() == 0
    assert (far.attention == 0).all()


def made_scan(single: np.ndarray, attention: np.ndarray, word: np.ndarray) -> Scan:
    """A scan with given values: single effects (n, p), attention (n, heads, p), words (n, p)."""
    n, p = single.shape
    all_letters = np.full((n, p, 4), np.nan)
    all_letters[..., 1] = single
    offset = np.arange(p) - p // 2
    return Scan(
        sites=pd.DataFrame(
            {"position": 100 * np.arange(n), "strand": "+", "block": np.arange(n), "log_odds": 0.0}
        ),
        offset=offset,
        codes=np.zeros((n, p), np.uint8),
        single=all_letters,
        word_offset=offset,
        word=word,
        width=1,
        gradient=-single,
        ends=np.zeros((n, 2)),
        attention=attention[:, None],
    )


def test_mean_map_has_the_means_and_an_interval_that_holds_them():
    rng = np.random.default_rng(0)
    single = rng.normal(-np.arange(9.0), 0.5, size=(40, 9))
    scan = made_scan(single, rng.random((40, 1, 9)), 2 * single)
    table = mutagenesis.position_effects(scan, n_bootstrap=200, level=0.95, seed=0)
    np.testing.assert_allclose(table["mutation"], single.mean(0))
    np.testing.assert_allclose(table["word"], 2 * single.mean(0))
    np.testing.assert_allclose(table["gradient"], -single.mean(0))
    width = table["mutation_high"] - table["mutation_low"]
    assert width.between(0.5 * 3.92 * 0.5 / 40**0.5, 1.5 * 3.92 * 0.5 / 40**0.5).all()
    assert table["label"].tolist() == [-4, -3, -2, -1, 1, 2, 3, 4, 5]


def test_planted_elements_are_told_from_their_surroundings():
    single = np.zeros((3, 11))
    single[:2, 3:6] = -2
    scan = made_scan(single, np.zeros((3, 1, 11)), single)
    elements = pd.DataFrame(
        {
            "tss_position": [0, 100, 999],
            "strand": "+",
            "element": "box",
            "offset": -2,  # index 3 of offsets -5 .. 5
            "sequence": "TAT",
        }
    )
    table = mutagenesis.element_effects(scan, elements, n_bootstrap=50, level=0.95, seed=0)
    assert table["element"].tolist() == ["box", "outside"]
    assert table["effect"].tolist() == [-2, 0]
    assert table["n_sites"].tolist() == [2, 2]
    assert table["gradient"].tolist() == [2, 0]


def test_sites_are_those_of_the_part(genome):
    label = np.zeros((2, 600), dtype=np.uint8)
    label[0, [10, 300]] = label[1, 310] = 1
    inside = np.arange(600) >= 100
    block = np.arange(600) // 100
    sites = mutagenesis.choose_sites(label, inside, block, 500, seed=0)
    assert sites.to_numpy().tolist() == [[300, "+", 0], [310, "-", 0]]
    with pytest.raises(ValueError, match="no labelled site"):
        mutagenesis.choose_sites(label, np.zeros(600, bool), block, 5, seed=0)


def test_a_region_beyond_the_models_view_is_refused(model, genome):
    sites = pd.DataFrame({"position": [100], "strand": ["+"], "block": [0]})
    given = {
        "n_substitutions": 1,
        "n_steps": 1,
        "composition": np.full(4, 0.25),
        "seed": 0,
        "progress": False,
    }
    with pytest.raises(ValueError, match="<= 5"):
        mutagenesis.scan_sites(model, genome, sites, first=-9, last=6, width=3, **given)
    with pytest.raises(ValueError, match="odd"):
        mutagenesis.scan_sites(model, genome, sites, first=-9, last=5, width=4, **given)


def test_sites_of_a_single_block_have_no_interval(scan):
    alone = dataclasses.replace(scan, sites=scan.sites.assign(block=0))
    with pytest.raises(ValueError, match="one block"):
        mutagenesis.position_effects(alone, n_bootstrap=10, level=0.95, seed=0)
