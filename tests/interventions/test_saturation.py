"""Saturation mutagenesis: a network whose answer is known, interruption, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from toy import lively

from genoattn.genome.sequence import Genome
from genoattn.interventions import saturation
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.prediction.site import Rereading, letters


def counting() -> ConvolutionalNetwork:
    """A network that adds 0, 1, 2 or 3 for A, C, G, T at the site."""
    network = ConvolutionalNetwork(
        ConvolutionalConfig(layers=1, channels=1, conv_width=1, downstream=0, dropout=0.0)
    ).eval()
    network.norm = torch.nn.Identity()
    network.layers = torch.nn.ModuleList()
    network.embedding.weight.data = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    network.output.weight.data.fill_(1.0)
    network.output.bias.data.fill_(0.5)
    return network


GENOME = Genome("toy", np.array([0, 1, 2, 3, 0, 1, 2, 3, 4, 0], np.uint8), circular=False)
SITES = pd.DataFrame({"position": [5, 6, 2], "strand": ["+", "-", "+"]})


def test_a_network_that_reads_one_letter_depends_on_that_letter_alone():
    found = saturation.saturate(counting(), GENOME, SITES, first=-2, last=0, progress=False)
    assert found.sites["log_odds"].tolist() == [1.5, 1.5, 2.5]  # C; G on the other strand: C; G
    assert (found.change[:, :2] == 0).all()  # upstream of the site nothing matters
    np.testing.assert_allclose(found.change[0, 2], [-1, 0, 1, 2])
    np.testing.assert_allclose(found.change[2, 2], [-2, -1, 0, 1])
    np.testing.assert_allclose(found.contribution[:, 2], [-0.5, -0.5, 0.5])
    np.testing.assert_allclose(found.cost[:, 2], [2 / 3, 2 / 3, -2 / 3])


def test_an_unknown_nucleotide_gets_all_four_letters_and_contributes_nothing():
    sites = pd.DataFrame({"position": [8], "strand": ["+"]})
    found = saturation.saturate(counting(), GENOME, sites, first=0, last=0, progress=False)
    assert found.sites["log_odds"][0] == 0.5
    np.testing.assert_allclose(found.change[0, 0], [0, 1, 2, 3])
    assert found.contribution[0, 0] == 0


def test_an_interrupted_map_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(saturation, "CHUNK", 1)
    kept = tmp_path / "map.npz"
    asked = {"first": -2, "last": 0, "kept": kept, "progress": False}
    read = saturation.read_site

    def breaks(network, genome, position, strand, first):
        if position == 2:
            raise KeyboardInterrupt
        return read(network, genome, position, strand, first)

    monkeypatch.setattr(saturation, "read_site", breaks)
    with pytest.raises(KeyboardInterrupt):
        saturation.saturate(counting(), GENOME, SITES, **asked)
    read_again = []

    def counted(network, genome, position, strand, first):
        read_again.append(position)
        return read(network, genome, position, strand, first)

    monkeypatch.setattr(saturation, "read_site", counted)
    whole = saturation.saturate(counting(), GENOME, SITES, **asked)
    assert read_again == [2]
    plain = saturation.saturate(counting(), GENOME, SITES, first=-2, last=0, progress=False)
    np.testing.assert_array_equal(whole.change, plain.change)
    saturation.saturate(counting(), GENOME, SITES, **asked, made_from={"weights": "others"})
    assert read_again == [2, 5, 6, 2, 5, 6, 2]  # once without a file, once of other weights


READ = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=24, downstream=3)


def test_a_site_of_a_known_map_is_not_substituted_again(monkeypatch):
    asked = {"first": -2, "last": 0, "progress": False}
    whole = saturation.saturate(counting(), GENOME, SITES, **asked)
    read = []
    plain = saturation.read_site
    monkeypatch.setattr(
        saturation, "read_site", lambda *given: read.append(given[2:4]) or plain(*given)
    )
    known = whole.of(np.array([1]))
    found = saturation.saturate(counting(), GENOME, SITES, **asked, known=known)
    there = SITES[["position", "strand"]].drop(index=1).itertuples(index=False, name=None)
    assert read == list(there)
    np.testing.assert_array_equal(found.change, whole.change)
    assert found.sites.equals(whole.sites)
    with pytest.raises(ValueError, match="the known map is of offsets -2 to 0, not -1 to 0"):
        saturation.saturate(counting(), GENOME, SITES, first=-1, last=0, known=known)


def test_the_map_to_first_order_adds_up_from_the_composition_to_the_sequence():
    network = lively(READ)
    codes = np.random.default_rng(0).integers(4, size=500).astype(np.uint8)
    genome = Genome("toy", codes, circular=True)
    sites = pd.DataFrame({"position": [100, 250, 3, 400], "strand": ["+", "-", "+", "-"]})
    share = np.array([0.3, 0.2, 0.2, 0.3])
    asked = {"first": -15, "composition": share, "progress": False}
    found = saturation.first_order(network, genome, sites, last=3, n_steps=100, **asked)
    for row, site in enumerate(sites.itertuples()):
        reading = Rereading(network, genome, site.position, site.strand, -15)
        start = reading.start_of(reading.site - 15)
        mixed = letters(reading.codes[start:])
        mixed[reading.site - 15 - start : reading.site + 4 - start] = torch.tensor(share).float()
        with torch.no_grad():
            beginning = float(reading.of_letters(mixed[None], start))
        gained = -(found.change[row] @ share).sum()  # by the letters, against the composition
        assert gained == pytest.approx(found.sites["log_odds"][row] - beginning, abs=5e-3)
    exact = saturation.saturate(network, genome, sites, first=-15, last=3, progress=False)
    np.testing.assert_array_equal(found.codes, exact.codes)
    assert (found.change[exact.change == 0] == 0).all()  # the letter that stands there
    with pytest.raises(ValueError, match="give first <= last <= 3"):
        saturation.first_order(network, genome, sites, last=4, **asked)


def test_bad_regions_and_sites_are_refused_by_name():
    network = counting()
    with pytest.raises(ValueError, match=r"site 3\+ is too near the end of toy .* region -4 to"):
        saturation.saturate(network, GENOME, SITES[2:], first=-4, last=0, progress=False)
    with pytest.raises(ValueError, match="give first <= last <= 0"):
        saturation.saturate(network, GENOME, SITES, first=-2, last=1, progress=False)
    with pytest.raises(ValueError, match="there is no site"):
        saturation.saturate(network, GENOME, SITES[:0], first=-2, last=0, progress=False)
    circle = Genome("circle", GENOME.codes)
    saturation.check_region(circle, SITES, -400, 0)  # a circle has no end
    with pytest.raises(ValueError, match=r"site 7- is too near"):
        saturation.check_region(GENOME, SITES[1:2], -4, 0)


def test_peaks_are_the_highest_of_the_part_and_apart():
    track = np.full((2, 60), np.nan)
    track[:] = 0.1
    track[0, [10, 12, 40]] = 0.9, 0.8, 0.5
    track[1, 30] = 0.7
    track[0, 55] = 0.99  # outside
    inside = np.arange(60) < 50
    peaks = saturation.strongest_peaks(track, inside, 3, apart=5)
    assert peaks["position"].tolist() == [10, 30, 40]
    assert peaks["strand"].tolist() == ["+", "-", "+"]


def test_the_mean_map_adds_up_and_its_interval_holds_the_mean():
    found = saturation.saturate(counting(), GENOME, SITES, first=-2, last=0, progress=False)
    frame = saturation.letter_effects(
        found, np.array([0, 1, 2]), n_bootstrap=200, level=0.9, seed=0
    )
    at = frame[frame["offset"] == 0].set_index("letter")
    assert at["share"].to_dict() == pytest.approx({"A": 0, "C": 2 / 3, "G": 1 / 3, "T": 0})
    assert at["contribution"].sum() == pytest.approx(found.contribution[:, 2].mean())
    assert at["ci_low"].iloc[0] <= at["cost"].iloc[0] <= at["ci_high"].iloc[0]
    assert at["cost"].iloc[0] == pytest.approx((2 / 3 + 2 / 3 - 2 / 3) / 3)
    assert at["label"].unique() == [1]
    with pytest.raises(ValueError, match="one block"):
        saturation.letter_effects(found, np.zeros(3, int), n_bootstrap=9, level=0.9, seed=0)


def test_planted_letters_are_told_from_those_beside_them_at_their_sites():
    sites = pd.DataFrame({"position": [100, 200, 300], "strand": ["+", "-", "+"], "log_odds": 0.0})
    change = np.zeros((3, 6, 4), np.float32)
    change[0, 1:3] = -3.0  # by letter: a substitution costs 4 in the mean of the three others
    change[1, 4] = -1.5
    found = saturation.MutationMap(sites, np.arange(-4, 2), np.zeros((3, 6), np.uint8), change)
    elements = pd.DataFrame(
        {
            "tss_position": [100, 200, 999],
            "strand": ["+", "-", "+"],
            "element": ["box", "start", "box"],
            "offset": [-3, 0, -3],
            "sequence": ["AA", "A", "AA"],
        }
    )
    table = saturation.element_effects(
        found, elements, np.arange(3), n_bootstrap=20, level=0.9, seed=0
    ).set_index("element")
    assert table["n_sites"].to_dict() == {"box": 1, "start": 1, "outside": 2}
    assert table["cost"].to_dict() == {"box": -4.0, "start": -2.0, "outside": 0.0}
    assert (table["ci_low"] <= table["cost"]).all()
