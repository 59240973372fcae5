from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import toy_claims
from toy_claims import (
    DOWNSTREAM,
    PLACE,
    RULE,
    WINDOW,
    N,
    effect,
    learn,
    planted_genome,
    reading_attention,
    word_effects,
)

from genoattn.interventions import claims as head_claims
from genoattn.interventions import grading
from genoattn.model.annotator import Annotator, AnnotatorConfig

claimed = pytest.fixture(scope="module")(toy_claims.claimed)


def test_a_planted_word_that_a_head_reads_is_claimed_at_its_place(claimed):
    found, elements = claimed
    assert set(found.table["head_1based"]) == {1}
    recovered, claims = grading.grade(found, effect(-2, -0.5), word_effects(found), elements, RULE)
    (row,) = recovered.to_dict("records")
    assert row["recovered"] and row["q_value"] <= RULE.max_q and row["head"] == "L1 H1"
    assert abs(row["recovered_offset"] - PLACE) <= RULE.tolerance
    assert not claims["false_claim"].any()


def test_a_head_without_effect_claims_nothing(claimed):
    found, elements = claimed
    recovered, claims = grading.grade(found, effect(-2, 0.5), word_effects(found), elements, RULE)
    assert not recovered["recovered"].any() and not claims["false_claim"].any()


def test_a_word_whose_letters_do_not_matter_is_not_claimed(claimed):
    found, elements = claimed
    words = word_effects(found, low=-2, high=0.5)
    recovered, claims = grading.grade(found, effect(-2, -0.5), words, elements, RULE)
    assert not recovered["recovered"].any() and not claims["false_claim"].any()


def test_the_same_motif_of_another_head_is_an_echo(claimed):
    found, elements = claimed
    row = found.table["p_sites"].idxmin()
    weaker = found.table.loc[[row]].assign(head_1based=2)
    weaker["p_attention"] *= 2
    elsewhere = weaker.assign(offset=weaker["offset"] + 20)
    two = head_claims.Found(
        pd.concat([weaker, found.table.loc[[row]], elsewhere], ignore_index=True),
        found.counts[[row] * 3],
        found.carriers[[row] * 3],
    )
    _, claims = grading.grade(two, effect(-2, -0.5), word_effects(two), elements, RULE)
    assert claims["echo"].tolist() == [True, False, False]
    assert claims["claimed"].tolist() == [False, True, True]
    counts = two.counts.copy()
    counts[0] = [0, 50, 0, 0]  # CCCCCCCCC
    other = two._replace(counts=counts)
    _, claims = grading.grade(other, effect(-2, -0.5), word_effects(two), elements, RULE)
    assert not claims["echo"].any()  # another motif


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sites_without_a_word_give_no_claim_whatever_a_head_prefers(seed):
    genome, sites, _ = planted_genome(seed, share=0.0)
    attention = reading_attention(genome, sites, seed)
    found = head_claims.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    assert found.table.empty and found.counts.shape == (0, 2 * RULE.half + 1, 4)


def test_a_word_that_no_head_reads_is_not_claimed():
    genome, sites, _ = planted_genome(0, share=0.5)
    attention = np.random.default_rng(0).random((N, 1, 2, WINDOW)).astype(np.float16)
    found = head_claims.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    assert found.table.empty


def test_claims_of_a_head_keep_their_distance():
    frame = pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": [1, 1, 1, 2],
            "offset": [-10, -12, -20, -11],
            "p_sites": [1e-3, 1e-9, 1e-4, 1e-2],
        }
    )
    kept = head_claims._strongest(frame, apart=5)
    assert kept[["head_1based", "offset"]].to_numpy().tolist() == [[1, -12], [1, -20], [2, -11]]


def test_too_few_sites_are_refused():
    genome, sites, _ = planted_genome(0, share=0.5)
    attention = reading_attention(genome, sites, 1)
    with pytest.raises(ValueError, match="0 to test on"):
        head_claims.claim(attention, sites, np.ones(N, bool), genome, downstream=DOWNSTREAM)
    with pytest.raises(ValueError, match="attention of 399 sites"):
        head_claims.claim(attention[1:], sites, learn(), genome, downstream=DOWNSTREAM)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=3)
    return Annotator(config).eval()


def test_a_claimed_word_matters_where_the_model_reads_it(model):
    genome, sites, _ = planted_genome(0, share=0.5)
    reach = model.config.reach_upstream - model.config.downstream
    table = pd.DataFrame({"offset": [-8, -reach - 5 + RULE.half]})
    width = 2 * RULE.half + 1
    found = head_claims.Found(
        table, np.ones((2, width, 4), dtype=np.int64), np.tile(np.arange(12), (2, 1))
    )
    with pytest.raises(ValueError, match="beyond what the model reads"):
        head_claims.letters(model, genome, sites, found, seed=0)
    near = head_claims.Found(table.head(1), found.counts[:1], found.carriers[:1])
    words = head_claims.letters(model, genome, sites, near, seed=0)
    assert words["word_effect"].abs().item() > 1e-9
    assert words["word_low"].item() <= words["word_effect"].item() <= words["word_high"].item()
    again = head_claims.letters(model, genome, sites, near, seed=0)
    pd.testing.assert_frame_equal(words, again)
