"""Which of several elements has the letters that they share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.motifs import count_matrix
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element
from genoattn.interventions import claims
from genoattn.interventions import separation as m
from genoattn.interventions.motif_discovery import Pattern
from genoattn.interventions.saturation import MutationMap


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
    free = m.alone(genome, sites, part, asked, rare=0.05, faint=0.25, seed=0)
    assert free[0].all() and free[2].all()  # nothing is before the first; the last lies elsewhere
    kind = np.arange(90) % 3
    assert not free[1][kind != 1].any() and free[1][kind == 1].all()
    short = [word_at("CG", -9, -8, -7, -6), word_at("TATAAT", -12)]  # most random places have it
    assert m.alone(genome, sites, part, short, rare=0.05, faint=0.25, seed=0).all()


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
    rule = claims.Rule(min_seqlets=20)
    _, kept = claims._separated([box, upstream, piece], mapped, genome, part, rule, 0)
    assert [len(one) for one in kept] == [60, 60, 30]
    assert kept[2].row.tolist() == np.flatnonzero(kind == 1).tolist()
    assert kept[2].counts.sum(1).tolist() == [30] * 5 and kept[2].counts[:, [0, 3]].sum() == 0
    fewer = replace(rule, min_seqlets=31)
    _, kept = claims._separated([box, piece], mapped, genome, part, fewer, 0)
    assert [one.width for one in kept] == [6]
