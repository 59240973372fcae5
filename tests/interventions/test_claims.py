"""What a network made by hand reads is claimed, at its place, with its head; nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import toy_reader

from genoattn.genome.motifs import count_matrix
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element
from genoattn.interventions import claims as m
from genoattn.interventions.motif_discovery import Pattern
from genoattn.interventions.saturation import MutationMap
from genoattn.model.annotator import Annotator

RULE = m.Rule(
    first=-45, last=0, n_learn=90, min_seqlets=15, n_sites=30, block=1_000, n_bootstrap=200
)


@pytest.fixture(scope="module")
def given():
    """Genome, sites, and the part (the last third) at whose sites claims are tested."""
    genome, sites = toy_reader.promoters(n=150)
    held = np.arange(len(genome)) >= 300 + 400 * 100 - 200
    return genome, sites, held


def claimed_of(network, given, rule=RULE):
    """Elements are found at the sites of the first two thirds, and asked about at the others."""
    genome, sites, held = given
    seen = held[sites["position"]]
    mapped = m.searched(network, genome, sites[~seen], rule=rule, seed=0)
    return m.claim(network, genome, mapped, sites, held, rule=rule, seed=0, name="toy")


@pytest.fixture(scope="module")
def found(given):
    return claimed_of(toy_reader.reader(), given)


def pattern(letters: str, first: int, worth=None, n: int = 30) -> Pattern:
    """A pattern of one word at one place, whose letters contribute one each."""
    codes = ["ACGT".index(letter) for letter in letters]
    counts = np.eye(4, dtype=np.int64)[codes] * n
    worth = np.ones(len(letters)) if worth is None else np.asarray(worth, float)
    contribution = worth[:, None] * (np.eye(4)[codes] - 0.25)
    return Pattern(np.arange(n), np.full(n, first), counts, contribution)


def test_the_element_that_is_read_is_claimed_at_its_place_with_the_head_that_reads_it(found):
    claimed = found.table[found.table["claimed"]]
    (row,) = claimed.to_dict("records")
    assert "TTGAC" in row["consensus"] or "TGACA" in row["consensus"]
    assert row["first"] in (-35, -34) and row["last"] in (-31, -30)
    assert row["head"] == "L1 H1" and row["n_heads"] == 1
    assert row["ci_low"] > RULE.least and row["share_low"] > 0.5
    assert len(found.letters[claimed.index[0]]) == row["last"] - row["first"] + 1 + 2 * m.AROUND


def test_the_letters_around_a_claim_are_those_of_the_genome(given, found):
    genome, _, _ = given
    row = int(np.flatnonzero(found.table["claimed"])[0])
    one, letters = found.patterns[row], found.letters[row]
    assert (letters.sum(axis=1) == len(one)).all()
    np.testing.assert_array_equal(letters[m.AROUND : -m.AROUND], one.counts)
    site = found.sites.iloc[one.row]
    beside = [
        genome.around([p], [s], [f - 1])[0, 0]
        for p, s, f in zip(site["position"], site["strand"], one.first, strict=True)
    ]
    assert letters[m.AROUND - 1].tolist() == np.bincount(beside, minlength=4).tolist()


def test_a_network_that_learnt_nothing_claims_nothing(given):
    genome, sites, _ = given
    torch.manual_seed(0)
    untrained = Annotator(toy_reader.CONFIG).eval()
    found = claimed_of(untrained, given)
    assert not found.table["claimed"].any()
    drops = m.predicted(untrained, genome, sites, found, rule=RULE, seed=0)
    assert drops.empty and "seen" in drops
    assert np.isnan(m.agreement(drops, RULE, seed=0)).all()


def test_the_drop_that_a_claim_predicts_is_seen_where_its_letters_are_replaced(given, found):
    genome, sites, held = given
    unseen = sites[held[sites["position"]]]
    drops = m.predicted(toy_reader.reader(), genome, unseen, found, rule=RULE, seed=0)
    assert len(drops) == RULE.n_sites and set(drops["position"]) <= set(unseen["position"])
    r, low, high = m.agreement(drops, RULE, seed=0)
    assert r == pytest.approx(np.corrcoef(drops["predicted"], drops["seen"])[0, 1])
    assert low <= r <= high and low > 0.5
    has = drops.merge(sites, on=["position", "strand"])["has"].to_numpy()
    assert drops["predicted"][has].min() > drops["predicted"][~has].median()


def test_a_pattern_is_cut_at_a_gap_and_each_part_keeps_its_place():
    worth = [1, 1, 1, 0, 0, 0, 1, 1, 0, 1]
    left, right = m.parts(pattern("TGGCATGACA", -26, worth), gap=3)
    assert (left.consensus, left.offset) == ("TGG", -26)
    assert (right.consensus, right.offset) == ("GACA", -20)  # a single weak column is no gap
    (whole,) = m.parts(pattern("TGGCATGACA", -26, worth), gap=4)
    assert whole.width == 10
    (first,) = m.parts(pattern("TGGCAT", -26, [1, 1, 0, 0, 0, 1]), gap=3)
    assert first.consensus == "TG"  # one column is no element


def test_of_patterns_alike_at_one_place_the_one_that_says_most_is_kept():
    box, again = pattern("TATAAT", -12, n=40), pattern("TATACT", -12)
    assert m.distinct([again, box], 0.8) == [box]
    assert m.distinct([again, box], 0.9) == [box, again]
    beside = pattern("TATAAT", -11)
    assert m.distinct([beside, box], 0.9) == [box, beside]  # no letter of one on the other's


def test_of_a_motif_that_holds_another_what_is_beside_it_is_left():
    box = pattern("TATAAT", -12, n=90)
    kept = m.distinct([pattern("TGNTATAAT".replace("N", "C"), -15, [1, 1, 0, *[1] * 6]), box], 0.5)
    assert [(one.consensus, one.offset) for one in kept] == [("TATAAT", -12), ("TG", -15)]
    assert m.distinct([pattern("GTATAAT", -13), box], 0.5) == [box]  # a letter is no element
    mixed = pattern("AATATAAT", -14)
    counts = mixed.counts.copy()
    counts[:2] = 8  # of all letters as many: columns that say nothing
    assert m.distinct([replace(mixed, counts=counts), box], 0.5) == [box]


def test_letters_that_contribute_at_one_place_in_the_mean_are_found_with_the_sites_that_have_them():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(400, 12)).astype(np.uint8)
    codes[0, 8] = 4  # an unknown letter is the worst
    change = np.zeros((400, 12, 4), dtype=np.float32)
    change[:, 7] = [0, 0.2, 0, 0.2]  # a pyrimidine, and a purine that counts more
    change[:, 8] = [0.6, 0, 0.6, 0]
    change[:, 2] = [0.6, 0, 0, 0]  # alone
    change -= np.take_along_axis(change, np.minimum(codes, 3)[..., None].astype(int), 2)
    sites = pd.DataFrame({"position": np.arange(400), "strand": "+"})
    mapped = MutationMap(sites, np.arange(-8, 4), codes, change)
    (one,) = m.standing(mapped, 0.3, 20)
    assert one.offset == -1 and one.width == 2 and (one.first == -1).all()
    assert one.row.tolist() == np.flatnonzero(np.isin(codes[:, 8], [0, 2])).tolist()
    assert one.consensus == "NR"
    assert m.standing(mapped, 0.7, 20) == [] and m.standing(mapped, 0.3, 401) == []


def site_with(words: dict[int, str], rng: np.random.Generator) -> np.ndarray:
    """Letters from -50 to +49 of a site: C and G at random but for words."""
    codes = rng.choice([1, 2], size=100).astype(np.uint8)
    for first, word in words.items():
        codes[50 + first : 50 + first + len(word)] = ["ACGT".index(letter) for letter in word]
    return codes


@pytest.fixture
def boxes():
    """Sites: TATAAT at -12 (30), TTAACA at -33 (30), both (30); genome, sites, part."""
    rng = np.random.default_rng(1)
    kinds = [{-12: "TATAAT"}, {-33: "TTAACA"}, {-12: "TATAAT", -33: "TTAACA"}] * 30
    filler = rng.choice([1, 2], size=60_000).astype(np.uint8)
    genome = Genome("made", np.concatenate([*(site_with(one, rng) for one in kinds), filler]))
    sites = pd.DataFrame({"position": np.arange(90) * 100 + 50, "strand": "+"})
    part = np.arange(len(genome)) >= 9_100
    return genome, sites, part


def word_at(letters: str, *places: int) -> Element:
    """A word that may begin at some places."""
    return Element(letters, np.eye(4)[["ACGT".index(one) for one in letters]], places, "made")


def test_a_site_is_left_to_an_element_unless_a_greater_one_takes_its_letters(boxes):
    genome, sites, part = boxes
    asked = [word_at("TATAAT", -13, -12), word_at("AATCC", -9), word_at("TTAACA", -33)]
    free = m.alone(genome, sites, part, asked, 0.25, 0)
    assert free[0].all() and free[2].all()  # nothing is before the first; the last lies elsewhere
    kind = np.arange(90) % 3
    assert not free[1][kind != 1].any() and free[1][kind == 1].all()
    short = [word_at("CG", -9, -8, -7, -6), word_at("TATAAT", -12)]  # most random places have it
    assert m.alone(genome, sites, part, short, 0.25, 0).all()


def test_a_pattern_keeps_the_sites_at_which_no_greater_one_takes_its_place(boxes):
    genome, sites, part = boxes
    kind = np.arange(90) % 3
    offset = np.arange(-50, 50)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offset)
    mapped = MutationMap(sites, offset, codes, np.zeros((90, 100, 4), np.float32))

    def at(first: int, width: int, row: np.ndarray) -> Pattern:
        letters = codes[row, 50 + first : 50 + first + width]
        return Pattern(row, np.full(len(row), first), count_matrix(letters), np.zeros((width, 4)))

    box, upstream = at(-12, 6, np.flatnonzero(kind != 1)), at(-33, 6, np.flatnonzero(kind != 0))
    piece = at(-9, 5, np.arange(90))  # AAT.. of the box, and random letters elsewhere
    rule = replace(RULE, min_seqlets=20)
    kept = m.separated(mapped, genome, part, [box, upstream, piece], rule, 0)
    assert [len(one) for one in kept] == [60, 60, 30]
    assert kept[2].row.tolist() == np.flatnonzero(kind == 1).tolist()
    assert kept[2].counts.sum(1).tolist() == [30] * 5 and kept[2].counts[:, [0, 3]].sum() == 0
    fewer = m.separated(mapped, genome, part, [box, piece], replace(rule, min_seqlets=31), 0)
    assert [one.width for one in fewer] == [6]


def test_other_letters_at_one_place_are_the_same_element():
    guanine, adenine = pattern("CG", -1, n=30), pattern("TA", -1, n=10)
    adenine = replace(adenine, row=np.arange(25, 35))
    (one,) = m.pooled([guanine, adenine])
    assert one.counts.tolist() == [[0, 30, 0, 10], [10, 0, 30, 0]]
    assert one.row.tolist() == list(range(35)) and len(one.first) == 35  # five sites have both
    assert one.contribution[1].tolist() == pytest.approx([0, -0.25, 0.5, -0.25])
    lowers = pattern("AA", -1, worth=[-1, -1])
    kept = m.pooled([guanine, pattern("CG", -2), pattern("CGGG", -1), lowers])
    assert [len(one) for one in kept] == [30, 30, 30, 30]
    assert m.pooled([guanine, pattern("CGG", -1)])[0].width == 2


def test_what_patterns_explain_is_left_out_of_a_map_at_their_sites_and_places_alone():
    change = np.ones((3, 10, 4), dtype=np.float32)
    sites = pd.DataFrame({"position": [5, 50, 500], "strand": "+"})
    mapped = MutationMap(sites, np.arange(-6, 4), np.zeros((3, 10), np.uint8), change)
    one = replace(pattern("TAT", -4, n=2), row=np.array([0, 2]), first=np.array([-4, -1]))
    left = m.without(mapped, [one, replace(one, row=np.array([0, 2]), first=np.array([1, -1]))])
    gone = np.argwhere((left.change == 0).all(axis=2)).tolist()
    assert gone == [[0, 2], [0, 3], [0, 4], [0, 7], [0, 8], [0, 9], [2, 5], [2, 6], [2, 7]]
    assert (mapped.change == 1).all() and left.sites is mapped.sites


def test_claims_together_expect_the_sum_of_what_each_is_worth_at_its_usual_places():
    box = replace(pattern("TA", -4, n=4), first=np.array([-4, -4, -4, -2]))
    cap = pattern("G", 0, n=1)
    even, offset = np.full(4, 0.25), np.arange(-4, 1)
    codes = np.array([["ACGTN".index(letter) for letter in word] for word in ("TACCC", "CCTAG")])
    worth = np.array([[1.5, -0.5], [-0.5, 1.5]])  # box at -4, at -2; letters less random ones
    ratio = np.log1p(np.exp(worth) @ [0.75, 0.25])
    told = m.expected([box], codes, offset, even)
    assert told == pytest.approx(ratio)
    both = m.expected([box, cap], codes, offset, even)
    assert both - told == pytest.approx(np.log1p(np.exp([-0.25, 0.75])))


def test_a_correlation_from_one_block_has_no_interval():
    drops = pd.DataFrame({"position": [1, 2, 3], "predicted": [1.0, 2, 3], "seen": [1.0, 2, 3]})
    assert np.isnan(m.agreement(drops, RULE, seed=0)).all()
    apart = drops.assign(position=[1, 5_000, 9_000])
    assert m.agreement(apart, RULE, seed=0)[0] == pytest.approx(1)


def test_sites_of_the_map_are_not_asked(found, given):
    _, sites, _ = given
    left = m.apart(sites, found.sites)
    assert len(left) == len(sites) - len(found.sites)
    assert left.merge(found.sites, on=["position", "strand"]).empty
    other = found.sites.assign(strand=found.sites["strand"].map({"+": "-", "-": "+"}))
    assert len(m.apart(sites, other)) == len(sites)  # the same place on the other strand


def test_too_few_sites_are_refused(given, found):
    genome, sites, held = given
    network = toy_reader.reader()
    few = replace(RULE, min_seqlets=60)
    with pytest.raises(ValueError, match="100 sites to find elements at: at least 120 are needed"):
        m.searched(network, genome, sites[~held[sites["position"]]], rule=few, seed=0)
    mapped = MutationMap(found.sites, np.arange(2), np.zeros((90, 2)), np.zeros((90, 2, 4)))
    with pytest.raises(ValueError, match="0 sites to ask about elements at"):
        m.claim(network, genome, mapped, found.sites, held, rule=RULE, seed=0)
