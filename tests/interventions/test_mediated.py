"""What passes through a head: brute force, completeness, a head that is all there is, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.interventions import mediated
from genoattn.interventions.mediated import SitePaths
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork

EVEN = np.full(4, 0.25)
GENOME = Genome("toy", np.random.default_rng(0).integers(0, 4, 400).astype(np.uint8))
SITES = pd.DataFrame({"position": [200, 260, 190], "strand": ["+", "-", "+"]})


def made(**changes) -> Annotator:
    settings = {"layers": 2, "heads": 2, "d_model": 8, "d_head": 4, "window": 24, "conv_width": 3,
                "downstream": 5, "dropout": 0.0}  # fmt: skip
    torch.manual_seed(1)
    model = Annotator(AnnotatorConfig(**{**settings, **changes})).eval()
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5)
    return model


def by_hand(model, layer, head, site, mutant):
    """Log-odds with one head's z, at all positions, taken from a reading of the mutant genome."""

    def read(genome, put=None):
        kept = {}
        width = model.config.d_head
        columns = slice(head * width, (head + 1) * width)

        def hook(_, given):
            z = given[0].clone()
            kept["z"] = z[..., columns].clone()
            if put is not None:
                z[..., columns] = put
            return (z,)

        handle = model.layers[layer].combine.register_forward_pre_hook(hook)
        with torch.no_grad():
            output = model(torch.from_numpy(genome.strand(site[1]).astype(np.int64))[None])[0]
        handle.remove()
        at = site[0] if site[1] == "+" else len(genome) - 1 - site[0]
        return float(output[at + model.config.downstream]), kept["z"]

    return read(GENOME, read(mutant)[1])[0] - read(GENOME)[0]


@pytest.mark.parametrize("site", [(200, "+"), (260, "-")])
@pytest.mark.parametrize("stem", [0, 2])
def test_what_a_head_mediates_is_what_patching_its_activation_by_hand_gives(site, stem):
    model = made(stem=stem)
    paths = SitePaths(model, GENOME, *site, -15)
    changed = paths.codes.numpy()[None, paths.start :].copy()
    index = paths.site - paths.start + np.array([-9, -4, 0, 3])
    changed[0, index] = (changed[0, index] + 1) % 4
    whole = GENOME.codes.copy()
    for offset, letter in zip([-9, -4, 0, 3], changed[0, index], strict=True):
        at = site[0] + (offset if site[1] == "+" else -offset)
        whole[at] = letter if site[1] == "+" else 3 - letter
    found = paths.changes(changed)[0]
    for layer in range(2):
        for head in range(2):
            expected = by_hand(model, layer, head, site, Genome("mutant", whole))
            assert found[layer, head] == pytest.approx(expected, abs=1e-5)
    assert np.abs(found).max() > 0.01


@pytest.fixture(scope="module")
def logos():
    return mediated.mediated_logos(
        made(), GENOME, SITES, first=-15, last=5, n_steps=96, composition=EVEN, progress=False
    )


def test_attributions_of_every_head_are_complete(logos):
    assert np.abs(logos.ends).max() > 0.1
    assert np.abs(logos.incomplete).max() < 5e-3


def test_the_logo_adds_up_to_the_mean_contribution(logos):
    np.testing.assert_allclose(logos.logo.sum(-1), logos.contribution.mean(0), atol=1e-6)
    frame = mediated.logo_table(logos)
    assert len(frame) == 2 * 2 * 21 * 4
    row = frame[(frame["layer"] == 2) & (frame["head"] == 1) & (frame["offset"] == -3)]
    np.testing.assert_allclose(row["contribution"], logos.logo[1, 0, 12])
    assert row["letter"].tolist() == list("ACGT")


def test_a_mutation_whose_whole_effect_goes_through_one_head_is_mediated_by_it_whole():
    model = made(layers=1, heads=1)
    model.layers[0].norm = torch.nn.Identity()
    paths = SitePaths(model, GENOME, 200, "+", -12)
    index = paths.site + np.arange(-12, 2)  # past the head, the output sees offset 5 alone
    attribution, ends = paths.attributions(index, torch.full((4,), 0.25), 24)
    mutant = GENOME.codes.copy()
    mutant[200 - 6] = (mutant[200 - 6] + 1) % 4
    with torch.no_grad():
        before, after = (
            float(model(torch.from_numpy(codes.astype(np.int64))[None])[0, 205])
            for codes in (GENOME.codes, mutant)
        )
    changed = paths.codes.numpy()[None, paths.start :].copy()
    at = paths.site - paths.start - 6
    changed[0, at] = (changed[0, at] + 1) % 4
    assert paths.changes(changed)[0, 0, 0] == pytest.approx(after - before, abs=1e-5)
    assert attribution[0, 0].sum() == pytest.approx(ends[0, 0], abs=1e-3)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch, logos):
    monkeypatch.setattr(mediated, "CHUNK", 1)
    asked = {"first": -15, "last": 5, "n_steps": 96, "composition": EVEN, "progress": False,
             "kept": tmp_path / "logos.npz"}  # fmt: skip

    class Breaks(SitePaths):
        def __init__(self, model, genome, position, strand, first):
            if position == 190:
                raise KeyboardInterrupt
            super().__init__(model, genome, position, strand, first)

    monkeypatch.setattr(mediated, "SitePaths", Breaks)
    with pytest.raises(KeyboardInterrupt):
        mediated.mediated_logos(made(), GENOME, SITES, **asked)
    seen = []

    class Counted(SitePaths):
        def __init__(self, model, genome, position, strand, first):
            seen.append(position)
            super().__init__(model, genome, position, strand, first)

    monkeypatch.setattr(mediated, "SitePaths", Counted)
    whole = mediated.mediated_logos(made(), GENOME, SITES, **asked)
    assert seen == [190]
    np.testing.assert_array_equal(whole.contribution, logos.contribution)
    mediated.mediated_logos(made(), GENOME, SITES, **{**asked, "n_steps": 2})
    assert seen == [190, 200, 260, 190]


def test_the_total_of_a_head_has_an_interval_and_an_error(logos):
    frame = mediated.completeness(logos, np.array([0, 1, 2]), n_bootstrap=50, level=0.9, seed=0)
    assert frame["total"].tolist() == pytest.approx(logos.ends.mean(0).ravel().tolist())
    assert (frame["ci_low"] <= frame["total"]).all()
    assert (frame["total"] <= frame["ci_high"]).all()
    assert frame["error"].max() < 5e-3


def test_what_cannot_be_is_refused_by_name():
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=1, channels=2, conv_width=3)).eval()
    with pytest.raises(ValueError, match="a ConvolutionalNetwork has no attention"):
        mediated.mediated_logos(network, GENOME, SITES, composition=EVEN)
    with pytest.raises(ValueError, match="give first <= last <= 5"):
        mediated.mediated_logos(made(), GENOME, SITES, first=-3, last=6, composition=EVEN)
    with pytest.raises(ValueError, match="no site"):
        mediated.mediated_logos(made(), GENOME, SITES[:0], last=5, composition=EVEN)
    line = Genome("line", GENOME.codes[:210], circular=False)
    with pytest.raises(ValueError, match=r"site 201\+ is too near the end of line"):
        mediated.mediated_logos(made(downstream=20), line, SITES[:1], last=12, composition=EVEN)
