"""What goes past the heads: nothing without a stem, everything where heads are silent, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.interventions import mediated, residual
from genoattn.interventions.carriers import Criteria
from genoattn.interventions.noise import Noised, Question
from genoattn.model.annotator import Annotator, AnnotatorConfig

EVEN = np.full(4, 0.25)
GENOME = Genome("toy", np.random.default_rng(0).integers(0, 4, 600).astype(np.uint8))
SITES = pd.DataFrame({"position": [200, 260, 290], "strand": ["+", "-", "+"], "block": [0, 1, 2]})
CRITERIA = Criteria(n_bootstrap=50, level=0.9, seed=0, least=0.0, max_q=0.05)


def made(**changes) -> Annotator:
    settings = {"layers": 2, "heads": 2, "d_model": 8, "d_head": 4, "window": 24, "conv_width": 3,
                "downstream": 5, "dropout": 0.0, "stem": 2}  # fmt: skip
    torch.manual_seed(1)
    model = Annotator(AnnotatorConfig(**{**settings, **changes})).eval()
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5)
    return model


def silenced(model: Annotator) -> Annotator:
    """The same, whose heads hand nothing on."""
    for layer in model.layers:
        layer.combine.weight.data.zero_()
    return model


def question(first=-1):
    letters = np.random.default_rng(3).integers(0, 4, (3, 2, 4))
    noised = Noised(np.full(3, first), letters)
    return Question("box", first, first + 3, SITES, noised, "", 3)


def outputs(model, letters=None, first=-1):
    """Log-odds at each site with letters written into the whole genome, (3,)."""
    found = []
    for number, (position, strand) in enumerate(SITES[["position", "strand"]].values):
        codes = GENOME.strand(strand).astype(np.int64)
        at = position if strand == "+" else len(GENOME) - 1 - position
        if letters is not None:
            codes[at + first : at + first + letters.shape[1]] = letters[number]
        with torch.no_grad():
            found.append(float(model(torch.from_numpy(codes)[None])[0, at + 5]))
    return np.array(found)


def test_both_ends_are_those_of_the_whole_sequence():
    model = made()
    asked = question()
    found = residual.split(model, GENOME, asked, progress=False)
    np.testing.assert_allclose(found.clean, outputs(model), atol=1e-5)
    draws = [outputs(model, asked.noised.letters[:, draw]) for draw in range(2)]
    np.testing.assert_allclose(found.noised, np.mean(draws, 0), atol=1e-5)


def test_without_a_stem_all_goes_through_heads_and_nothing_past_them():
    found = residual.split(made(stem=0), GENOME, question(), progress=False)
    np.testing.assert_allclose(found.past, found.noised, atol=1e-6)
    np.testing.assert_allclose(found.through, found.clean, atol=1e-6)
    assert np.abs(found.clean - found.noised).max() > 0.01


def test_heads_that_hand_nothing_on_leave_all_to_the_stem():
    found = residual.split(silenced(made()), GENOME, question(), progress=False)
    np.testing.assert_allclose(found.past, found.clean, atol=1e-6)
    np.testing.assert_allclose(found.through, found.noised, atol=1e-6)
    assert np.abs(found.clean - found.noised).max() > 0.01


def test_where_the_layer_is_linear_the_two_ways_add_up():
    model = made(layers=1)
    model.layers[0].norm = torch.nn.Identity()
    found = residual.split(model, GENOME, question(), progress=False)
    effect = found.clean - found.noised
    parts = (found.through - found.noised) + (found.past - found.noised)
    np.testing.assert_allclose(parts, effect, atol=1e-5)
    table = residual.split_table([question()], [found], CRITERIA._replace(least=-9), model="toy")
    assert table["together"].iloc[0] == pytest.approx(0, abs=1e-4)
    assert table["through"].iloc[0] + table["past"].iloc[0] == pytest.approx(1, abs=1e-4)


def test_shares_of_an_effect_that_is_not_sure_are_not_given():
    found = residual.split(made(), GENOME, question(), progress=False)
    row = residual.split_table([question()], [found], CRITERIA._replace(least=9.0), model="toy")
    assert row[["through", "past", "together"]].isna().all(axis=None)
    assert row["effect"].iloc[0] == pytest.approx((found.clean - found.noised).mean())


def past_of(model, *, last=5):
    logos = mediated.mediated_logos(
        model, GENOME, SITES, first=-15, last=last, n_steps=4, composition=EVEN, progress=False
    )
    return residual.logo_past_heads(model, GENOME, logos, n_steps=96, composition=EVEN)


def test_attributions_past_the_heads_are_complete():
    past = past_of(made())
    assert np.abs(past.logos.ends).max() > 0.05
    assert np.abs(past.logos.incomplete).max() < 5e-3
    assert past.logos.contribution.shape == (3, 1, 1, 21)


def test_where_heads_are_silent_what_goes_past_them_is_the_whole_output():
    past = past_of(silenced(made()))
    np.testing.assert_allclose(past.logos.ends[:, 0, 0], past.whole, atol=1e-5)


def test_without_a_stem_only_the_letter_at_the_query_goes_past_the_heads():
    past = past_of(made(stem=0))
    read = np.abs(past.logos.contribution).max((0, 1, 2)) > 1e-7
    assert past.logos.offset[read].tolist() == [5]
