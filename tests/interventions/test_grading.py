"""Claims are laid beside planted elements: one for one, at their place, against permuted ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.data.grammar import consensus_matrix
from genoattn.genome.sequence import Genome
from genoattn.heads import elements
from genoattn.interventions import grading
from genoattn.interventions.claims import AROUND, Claims, Rule
from genoattn.interventions.motif_discovery import Pattern
from genoattn.model.annotator import Annotator, AnnotatorConfig

LENGTH, N = 60_000, 300
WORD, PLACE = "TTGACA", -25  # planted element and the offset of its first nucleotide
EVEN = np.full(4, 0.25)
RULE = Rule(n_permuted=50)


def planted_genome() -> tuple[Genome, pd.DataFrame, pd.DataFrame]:
    """Random genome, sites 150 nt apart, and the copies of the word that half of them have."""
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=LENGTH).astype(np.uint8)
    sites = pd.DataFrame({"position": 60 + 150 * np.arange(N), "strand": "+"})
    copies = sites[rng.random(N) < 0.5]
    letters = np.array(["ACGT".index(letter) for letter in WORD], dtype=np.uint8)
    for site in copies["position"]:
        codes[site + PLACE : site + PLACE + len(WORD)] = letters
    planted = pd.DataFrame(
        {
            "tss_position": copies["position"],
            "strand": "+",
            "element": "box",
            "offset": PLACE,
            "sequence": WORD,
        }
    )
    return Genome("toy", codes, circular=True), sites, planted


def claims_of(words: list[tuple[str, int]], around: str = "", n: int = 50) -> Claims:
    """Claims of words at places; ``around`` stands downstream of each."""
    rng = np.random.default_rng(0)
    patterns, letters = [], []
    for word, first in words:
        counts = np.eye(4, dtype=np.int64)[["ACGT".index(one) for one in word]] * n
        patterns.append(Pattern(np.arange(n), np.full(n, first), counts, counts / n - 0.25))
        wide = rng.multinomial(n, EVEN, size=len(word) + 2 * AROUND)
        wide[AROUND : AROUND + len(word)] = counts
        for place, one in enumerate(around):
            wide[AROUND + len(word) + place] = np.eye(4)["ACGT".index(one)] * n
        letters.append(wide)
    table = pd.DataFrame({"name": [f"{word} at {first}" for word, first in words]})
    table = table.assign(q_value=0.01, head="L1 H1", claimed=True)
    sites = planted_genome()[1]
    return Claims(table, patterns, sites, letters, pd.DataFrame())


def test_one_claim_counts_for_one_element_and_as_many_elements_as_possible_have_one():
    alike = np.array([[0.95, 0.9], [0.85, 0.1], [0.79, 0.79]])
    assert grading.assigned(alike, 0.8).tolist() == [1, 0]  # not the most alike pair: two are more
    assert grading.assigned(alike[:1], 0.8).tolist() == [0, -1]
    assert grading.assigned(alike[2:], 0.8).tolist() == [-1, -1]
    assert grading.assigned(alike[:0], 0.8).tolist() == [-1, -1]
    assert grading.assigned(alike[:, :0], 0.8).tolist() == []


def test_a_claim_that_may_be_of_two_elements_is_of_the_one_that_explains_more_of_it():
    _, _, planted = planted_genome()
    part = planted.assign(element="a part", offset=PLACE + 1, sequence=WORD[1:4])
    both, _ = grading.grade(claims_of([(WORD, PLACE)]), pd.concat([part, planted]), RULE, seed=0)
    assert both.set_index("element")["recovered"].to_dict() == {"a part": False, "box": True}
    alike = np.array([[0.85, 0.95]])
    assert grading.assigned(alike, 0.8, np.array([[1.0, 0.5]])).tolist() == [0, -1]
    assert grading.assigned(alike, 0.8).tolist() == [-1, 0]


def test_a_claim_of_the_planted_word_at_its_place_recovers_it():
    _, _, planted = planted_genome()
    recovered, claims = grading.grade(claims_of([(WORD, PLACE)]), planted, RULE, seed=0)
    (row,) = recovered.to_dict("records")
    assert row["recovered"] and row["recovered_offset"] == PLACE and row["head"] == "L1 H1"
    assert row["similarity"] == pytest.approx(1, abs=1e-3) and row["q_value"] == 0.01
    assert row["chance"] < 0.1
    assert claims["element"].tolist() == ["box"] and not claims["false_claim"].any()


def test_a_row_that_is_no_claim_recovers_nothing_and_is_not_false():
    _, _, planted = planted_genome()
    found = claims_of([(WORD, PLACE), ("CCCCCC", PLACE)])
    found = found._replace(table=found.table.assign(claimed=False))
    recovered, claims = grading.grade(found, planted, RULE, seed=0)
    assert not recovered["recovered"].any() and not claims["false_claim"].any()


def test_a_claim_of_something_not_planted_or_elsewhere_is_false():
    _, _, planted = planted_genome()
    for words in ([("CCGGTC", PLACE)], [(WORD, PLACE - 10)]):
        recovered, claims = grading.grade(claims_of(words), planted, RULE, seed=0)
        assert not recovered["recovered"].any() and claims["false_claim"].all()
    found = claims_of([(WORD, PLACE)])
    nothing, claims = grading.grade(found, planted.head(0), RULE, seed=0)
    assert nothing.empty and claims["false_claim"].all()


def test_a_second_claim_of_an_element_is_neither_a_recovery_nor_false():
    _, _, planted = planted_genome()
    twin = pd.concat([planted, planted.assign(element="twin")], ignore_index=True)
    one, _ = grading.grade(claims_of([(WORD, PLACE)]), twin, RULE, seed=0)
    assert one["recovered"].sum() == 1
    two = claims_of([(WORD, PLACE), (WORD[1:], PLACE + 1)])
    both, _ = grading.grade(two, twin, RULE, seed=0)
    assert both["recovered"].sum() == 2
    once, claims = grading.grade(two, planted, RULE, seed=0)
    assert once["recovered"].sum() == 1
    assert claims["element"].tolist() == ["box", "box"] and not claims["false_claim"].any()


def test_permuted_elements_are_the_same_every_time():
    _, _, planted = planted_genome()
    found = claims_of([("TT", PLACE)])
    first, _ = grading.grade(found, planted.assign(sequence="TT"), RULE, seed=1)
    again, _ = grading.grade(found, planted.assign(sequence="TT"), RULE, seed=1)
    pd.testing.assert_frame_equal(first, again)
    assert first["recovered"].all()
    assert 0 < first["chance"].item() < 0.3  # one of sixteen pairs of letters is the same


def test_a_claim_of_half_an_element_counts_where_its_sites_have_the_whole():
    element = elements.Element("pair", consensus_matrix("TGTGANNNNNNTCACA", 0.85), (-69,), "toy")
    with_rest = claims_of([("TGTGA", -69)], around="ACGTACTCACA")
    without = claims_of([("TGTGA", -69)], around="ACGTACGAGTG")

    def like(found: Claims, words: str = "TGTGA") -> tuple[float, int]:
        counts = np.eye(4, dtype=np.int64)[["ACGT".index(one) for one in words]] * 50
        return grading.likeness(counts, found.letters[0], -69, element, 0)

    assert like(with_rest)[0] > 0.99 and like(with_rest)[1] == -69
    assert like(without)[0] < 0.8
    assert like(with_rest, "TGACC")[0] < 0.8  # its own letters are unlike, whatever the sites have


def test_a_claim_of_much_more_than_an_element_is_not_of_it():
    _, _, planted = planted_genome()
    short = planted.assign(sequence="TT")
    for word, recovered in (("TTG", True), ("TTGACA", False)):  # two thirds, one third
        told, claims = grading.grade(claims_of([(word, PLACE)]), short, RULE, seed=1)
        assert told["recovered"].tolist() == [recovered]
        assert claims["false_claim"].tolist() == [not recovered]


def test_a_claim_beside_an_element_is_not_of_it_whatever_its_sites_have():
    word = elements.word("box", WORD, PLACE, PLACE, "toy")
    found = claims_of([("GCGC", PLACE - 4)], around=WORD)
    one = found.patterns[0]
    assert grading.likeness(one.counts, found.letters[0], one.offset, word, 0)[0] == 0


def test_how_much_of_a_claim_was_planted_is_counted_on_the_genome():
    _, sites, planted = planted_genome()
    found = claims_of([(WORD, PLACE), (WORD, PLACE - 3)])
    have = np.flatnonzero(sites["position"].isin(planted["tss_position"]))[:50]
    patterns = [Pattern(have, one.first, one.counts, one.contribution) for one in found.patterns]
    shares = grading.planted_letters(found._replace(patterns=patterns), planted, LENGTH)
    assert shares["planted_share"].tolist() == pytest.approx([1.0, 0.5])
    of_all = len(planted) / len(sites)
    assert shares["planted_elsewhere"].tolist() == pytest.approx([of_all, of_all / 2])
    assert shares["planted_element"].tolist() == ["box", "box"]
    minus = planted.assign(strand="-")  # the copies of the other strand lie elsewhere
    assert (grading.planted_letters(found, minus, LENGTH)["planted_share"] < 0.5).all()
    nothing = grading.planted_letters(found, planted.iloc[:0], LENGTH)
    assert (nothing["planted_share"] == 0).all() and (nothing["planted_element"] == "").all()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=3)
    return Annotator(config).eval()


def test_letters_at_the_edge_of_what_the_model_reads_can_be_replaced(model):
    genome, _, planted = planted_genome()
    reach = model.config.reach_upstream - model.config.downstream
    edge = planted.assign(offset=-reach)
    used = grading.usage(model, genome, edge, most=20, least=0.5, seed=0)
    assert np.isfinite(used["change"]).all() and not used["used"].any()


def test_an_element_is_used_if_its_letters_move_the_output_far_enough(model):
    genome, _, planted = planted_genome()
    near, given = planted.assign(offset=-8), {"most": 20, "seed": 0}
    change = abs(grading.usage(model, genome, near, least=0, **given)["change"].item())
    assert change > 1e-9
    assert grading.usage(model, genome, near, least=0.99 * change, **given)["used"].item()
    assert not grading.usage(model, genome, near, least=1.01 * change, **given)["used"].item()


def test_claims_are_called_after_known_elements_where_they_would_count_for_them():
    found = claims_of([("TATAAT", -12), ("TG", -15), ("TTG", -35), ("TG", -34), ("ACC", -60)])
    known = elements.PROMOTER_ELEMENTS
    names = ["-10 box", "extended -10", "-35 box", "TG at -34", "ACC at -60"]
    assert grading.called(found, known) == (names, ["", "", "", "-35 box", ""])
    own = found.table["name"].tolist()
    assert grading.called(found, ()) == (own, [""] * 5)
    unclaimed = found._replace(table=found.table.assign(claimed=False))
    assert grading.called(unclaimed, known) == (own, [""] * 5)
