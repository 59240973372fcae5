"""Naming by few hypotheses at their place: a planted ideal, chance, power, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_maps import OFFSET, planted_map

from genoattn.genome.sequence import encode
from genoattn.heads.elements import PAPER_ELEMENTS, word
from genoattn.interventions import naming

EVEN = np.full(4, 0.25)
ASKED = [one for one in PAPER_ELEMENTS if one.name != "FecI"]


def asked(contribution, codes, elements=ASKED, block=None):
    block = np.arange(len(codes)) if block is None else block
    table = naming.name_places(contribution, codes, OFFSET, elements, block, background=EVEN)
    return naming.with_q(table).set_index("element")


def test_a_planted_ideal_is_named_even_among_hundreds_of_questions():
    found, _ = planted_map(n=64, share=1.0)
    table = asked(found.contribution, found.codes)
    heads = pd.concat([table] + [table.assign(p_value=0.5)] * 60)  # 366 questions, 6 of them real
    q = naming.with_q(heads.drop(columns=["q_value", "detectable"]))["q_value"].to_numpy()[:6]
    assert dict(zip(table.index, q < 0.05, strict=True))["-10 box"]
    assert dict(zip(table.index, q < 0.05, strict=True))["-35 box"]
    assert table.loc["-10 box", "similarity"] == pytest.approx(1, abs=0.01)
    assert table.loc["-10 box", "excess"] > 10  # bits, of twelve


def test_an_element_within_another_is_told_from_it_by_what_is_read():
    found, _ = planted_map(n=100, share=1.0)
    table = asked(found.contribution, found.codes).reset_index()
    around = table[table["element"].isin(["-10 box", "extended -10", "sigma 54 -12"])]
    best = naming.named(around)
    assert best is not None
    assert best["element"] == "-10 box"
    assert naming.named(around.assign(q_value=0.2)) is None


def test_contributions_that_have_nothing_to_do_with_the_letters_are_named_at_the_stated_rate():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(60):
        codes = rng.integers(0, 4, (80, len(OFFSET))).astype(np.uint8)
        contribution = rng.gamma(0.5, 1.0, codes.shape) - 0.2
        p_values.append(asked(contribution, codes)["p_value"].to_numpy())
    below = (np.array(p_values) < 0.05).mean()
    assert 0.02 < below < 0.085  # 360 tests


SLOPE = 0.045
"""How steeply the toy's contribution rises with the element's bits: just enough to be found."""


def test_power_is_as_stated_for_an_effect_of_the_stated_size():
    rng = np.random.default_rng(1)
    box = [word("box", "TATAAT", -12, -12, "toy")]
    found = []
    for _ in range(200):
        codes = rng.integers(0, 4, (100, len(OFFSET))).astype(np.uint8)
        amount = np.zeros(codes.shape)
        at = -12 - OFFSET[0]
        score = naming.element_scores(codes, OFFSET, box[0], naming.element_weights(box[0], EVEN))
        amount[:, at] = np.exp(0.8 * rng.normal(size=100) + SLOPE * score[1][:, 0])
        found.append(asked(amount, codes, box).iloc[0])
    table = pd.DataFrame(found)
    effect, detectable = table["excess"].mean(), table["detectable"].mean()
    power = (table["q_value"] < 0.05).mean()
    assert effect == pytest.approx(detectable, rel=0.15)  # the slope was chosen for that
    assert power == pytest.approx(naming.POWER, abs=0.12)


def test_sites_of_one_block_count_as_one():
    found, _ = planted_map(n=60)
    noisy = np.abs(np.random.default_rng(0).normal(size=found.codes.shape))
    single = asked(noisy, found.codes)
    doubled = asked(
        np.concatenate([noisy] * 2),
        np.concatenate([found.codes] * 2),
        block=np.tile(np.arange(60), 2),
    )
    np.testing.assert_allclose(doubled["p_value"], single["p_value"], rtol=1e-6)
    with pytest.raises(ValueError, match="one block"):
        asked(noisy, found.codes, block=np.zeros(60, int))


def test_what_contributes_in_one_block_only_is_not_judged():
    found, _ = planted_map(n=60)
    once = np.zeros(found.codes.shape)
    once[:5] = 1.0
    block = np.r_[np.zeros(5, int), np.arange(1, 56)]
    table = asked(once, found.codes, block=block)
    assert table["p_value"].eq(1).all() and table["standard_error"].isna().all()


def test_what_contributes_nothing_gets_no_name():
    found, _ = planted_map(n=40)
    table = asked(np.zeros(found.codes.shape), found.codes)
    assert (table["p_value"] == 1).all()
    assert naming.named(table.reset_index()) is None


def test_an_element_outside_the_window_is_refused_by_name():
    far = word("far box", "TATAAT", -80, -62, "toy")
    found, _ = planted_map(n=10)
    with pytest.raises(ValueError, match=r"element far box lies outside the window: .* -80 to -57"):
        asked(found.contribution, found.codes, [*ASKED, far])


def test_scores_are_sums_of_log_odds_and_unknown_letters_count_nothing():
    weights = np.arange(8.0).reshape(2, 4)
    codes = np.array([encode("ACGTN")])
    one = word("x", "AC", -2, 3, "toy")
    places, score = naming.element_scores(codes, np.arange(-2, 3), one, weights)
    assert places.tolist() == [-2, -1, 0, 1]
    np.testing.assert_allclose(score[0], [0 + 5, 1 + 6, 2 + 7, 3])
