from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import toy_claims
from toy_claims import (
    LENGTH,
    PLACE,
    RULE,
    WORD,
    N,
    effect,
    elements_of,
    planted_genome,
    word_effects,
)

from genoattn.data.grammar import consensus_matrix
from genoattn.heads import elements
from genoattn.interventions import claims, grading
from genoattn.model.annotator import Annotator, AnnotatorConfig

claimed = pytest.fixture(scope="module")(toy_claims.claimed)


def test_how_much_of_a_word_was_planted_is_counted_on_the_genome():
    _, sites, with_word = planted_genome(0, share=0.5)
    sites = sites.assign(strand=np.where(np.arange(N) % 2, "+", "-"))  # places are read on a strand
    elements = elements_of(sites, with_word)
    counts = np.full((2, 9, 4), 5)
    counts[:, 4:6] = [20, 0, 0, 0]  # all information lies in the two letters from the centre on
    table = pd.DataFrame({"offset": [PLACE, PLACE - 1]})
    carriers = np.tile(np.flatnonzero(with_word)[:40], (2, 1))
    found = claims.Found(table, counts, carriers)
    shares = grading.planted_letters(found, sites, elements, LENGTH)
    inside = np.zeros((2, LENGTH), dtype=bool)
    for site in elements.itertuples():
        step = 1 if site.strand == "+" else -1
        for nt in range(len(WORD)):
            place = site.tss_position + step * (PLACE + nt)
            inside[int(site.strand == "-"), place % LENGTH] = True
    for row, offset in enumerate(table["offset"]):
        hits = []
        for site in sites.itertuples():
            step = 1 if site.strand == "+" else -1
            places = [(site.position + step * (offset + nt)) % LENGTH for nt in (0, 1)]
            hits.append(inside[int(site.strand == "-"), places].mean())
        hits = np.array(hits)
        assert shares["planted_share"][row] == pytest.approx(hits[carriers[row]].mean())
        assert shares["planted_elsewhere"][row] == pytest.approx(hits.mean())
    assert shares["planted_share"].tolist() == pytest.approx([1.0, 0.5], abs=0.05)
    assert shares["planted_element"].tolist() == ["box", "box"]
    nothing = grading.planted_letters(found, sites, elements.iloc[:0], LENGTH)
    assert (nothing["planted_share"] == 0).all() and (nothing["planted_element"] == "").all()


def test_a_claim_of_something_not_planted_is_false(claimed):
    found, elements = claimed
    other = elements.assign(element="other", sequence="CCGGTC")
    recovered, claims = grading.grade(found, effect(-2, -0.5), word_effects(found), other, RULE)
    assert not recovered["recovered"].any() and claims["false_claim"].all()
    elsewhere = elements.assign(offset=PLACE - 10)
    recovered, claims = grading.grade(found, effect(-2, -0.5), word_effects(found), elsewhere, RULE)
    assert not recovered["recovered"].any() and claims["false_claim"].all()
    nothing, claims = grading.grade(
        found, effect(-2, -0.5), word_effects(found), elements.head(0), RULE
    )
    assert nothing.empty and claims["false_claim"].all()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=3)
    return Annotator(config).eval()


def test_replacing_letters_out_of_reach_changes_nothing(model):
    genome, sites, with_word = planted_genome(0, share=0.5)
    elements = elements_of(sites, with_word)
    near = grading.usage(model, genome, elements.assign(offset=-8), most=20, least=0.5, seed=0)
    assert near["change"].abs().item() > 1e-9
    assert list(near["element"]) == ["box"]
    reach = model.config.reach_upstream - model.config.downstream
    edge = elements.assign(offset=-reach, sequence=WORD)
    used = grading.usage(model, genome, edge, most=20, least=0.5, seed=0)
    assert np.isfinite(used["change"]).all() and not used["used"].any()


def test_an_element_is_used_if_its_letters_move_the_output_far_enough(model):
    genome, sites, with_word = planted_genome(0, share=0.5)
    near = elements_of(sites, with_word).assign(offset=-8)
    given = {"most": 20, "seed": 0}
    change = abs(grading.usage(model, genome, near, least=0, **given)["change"].item())
    assert grading.usage(model, genome, near, least=0.99 * change, **given)["used"].item()
    assert not grading.usage(model, genome, near, least=1.01 * change, **given)["used"].item()


def test_one_claim_counts_for_one_element_and_as_many_elements_as_possible_have_one():
    alike = np.array([[0.95, 0.9], [0.85, 0.1], [0.79, 0.79]])
    assert grading.assigned(alike, 0.8).tolist() == [1, 0]  # not the most alike pair: two are more
    assert grading.assigned(alike[:1], 0.8).tolist() == [0, -1]
    assert grading.assigned(alike[2:], 0.8).tolist() == [-1, -1]
    assert grading.assigned(alike[:0], 0.8).tolist() == [-1, -1]
    assert grading.assigned(alike[:, :0], 0.8).tolist() == []


def test_a_claim_is_no_recovery_of_two_elements_alike(claimed):
    found, elements = claimed
    strongest = found.table["p_sites"].idxmin()
    one = claims.Found(
        found.table.loc[[strongest]].reset_index(drop=True),
        found.counts[[strongest]],
        found.carriers[[strongest]],
    )
    twice = pd.concat([elements, elements.assign(element="twin")], ignore_index=True)
    recovered, _ = grading.grade(one, effect(-2, -0.5), word_effects(one), twice, RULE)
    assert recovered["recovered"].sum() == 1


def test_permuted_elements_are_recovered_less_often_than_the_planted_one(claimed):
    found, elements = claimed
    given = (found, effect(-2, -0.5), word_effects(found))
    recovered, _ = grading.grade(*given, elements, RULE, seed=1)
    assert recovered["recovered"].all() and recovered["chance"].item() < 0.1
    again, _ = grading.grade(*given, elements, RULE, seed=1)
    pd.testing.assert_frame_equal(recovered, again)


def test_a_motif_is_laid_where_it_fits():
    word = elements.word("box", WORD, PLACE, PLACE, "toy")
    codes = np.array([["ACGT".index(letter) for letter in "AC" + WORD + "G"]])
    counts = np.eye(4, dtype=int)[codes[0]] * 50
    alike, first = grading.placed(counts, PLACE + 2, word, slack=4)
    assert first == PLACE and alike == pytest.approx(1, abs=0.01)
    alike, first = grading.placed(counts, PLACE + 3, word, slack=4)
    assert first == PLACE + 1
    assert grading.placed(counts, PLACE + 40, word, slack=4)[0] == 0


def test_half_of_an_element_with_its_gap_must_be_covered():
    gapped = elements.Element("pair", consensus_matrix("TGTGANNNNNNTCACA", 0.85), (-69,), "toy")
    second = np.eye(4, dtype=int)[["ACGT".index(letter) for letter in "GATTCACAG"]] * 50
    second[[0, 1, 2, 8]] = 12  # no letter preferred; TCACA ends at the last but one
    alike, first = grading.placed(second, -57, gapped, slack=0)
    assert first == -69 and alike > 0.9  # eight of sixteen
    one_less = np.roll(second, -1, axis=0)
    assert grading.placed(one_less, -56, gapped, slack=0)[0] == 0
