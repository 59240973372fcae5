"""Elements at their places: what is there is matched, chance is as rare as its p-value says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome, encode
from genoattn.heads import elements, preferred


def test_verdicts_say_so_when_no_head_fits() -> None:
    found = pd.DataFrame(
        {
            "best_head": ["L1 H1", "L2 H1", "", "L1 H1", "L1 H1", "L1 H1"],
            "similarity": [0.8, 0.4, np.nan, 0.8, 0.5, 0.49],
            "q_value": [0.01, 0.5, np.nan, 0.01, 0.05, 0.01],
            "n_heads": [2, 0, 0, 0, 0, 0],
        }
    )
    roles = pd.DataFrame(
        {"layer_1based": [1], "head_1based": [1], "element": ["a"], "similarity": [0.8]}
    )
    stands, nearest, nowhere, equal, less, unlike = elements.verdicts(
        found, roles, min_similarity=0.5, max_q=0.05
    )
    assert stands == "L1 H1 stands for it (similarity 0.80, q = 0.01)"
    assert nearest.startswith("no head fits; the nearest is L2 H1")
    assert nowhere == "no head has a motif at its place"
    assert equal == "L1 H1 fits (similarity 0.80, q = 0.01), but is named a (as similar)"
    assert less == "L1 H1 fits (similarity 0.50, q = 0.05), but is named a (more similar)"
    assert unlike.startswith("no head fits; the nearest is L1 H1 (similarity 0.49")


def test_a_role_names_its_rivals() -> None:
    matches = pd.DataFrame(
        {
            "layer_1based": [1, 1, 1, 1, 2],
            "head_1based": [1, 1, 1, 2, 1],
            "element": ["a", "b", "c", "b", "a"],
            "similarity": [0.80, 0.75, 0.60, 0.79, 0.9],
            "q_value": [0.01, 0.20, 0.01, 0.01, 0.2],
        }
    )
    roles = elements.name_roles(matches, min_similarity=0.5, max_q=0.05)
    assert roles["role"].tolist() == ["a (or b)", "b"]
    assert roles["rivals"].tolist() == ["b", ""]
    assert elements.name_roles(matches, min_similarity=0.95, max_q=0.05)["role"].tolist() == []


def test_chance_matches_are_as_rare_as_their_p_values_say() -> None:
    """Motifs of random sequences: p-values below 0.1 in about a tenth of heads, not more."""
    rng = np.random.default_rng(1)
    counts = np.array([rng.multinomial(50, rng.dirichlet(np.ones(4))) for _ in range(200 * 7)])
    best = preferred.BestSequences(
        counts.reshape(20, 10, 7, 4),
        np.zeros((20, 10), int),
        np.full((20, 10), -10),
        np.zeros((20, 10)),
    )
    element = elements.word("box", "TATAAT", -14, -11, "here")
    p = elements.match_elements(best, [element], n_shuffles=500, seed=0)["p_value"]
    assert 0.04 < (p <= 0.1).mean() < 0.17


def test_planted_elements_from_the_frame_of_copies() -> None:
    frame = pd.DataFrame(
        {
            "element": ["b", "a", "a"],
            "offset": [-5, -12, -11],
            "sequence": ["GG", "TAT", "TAA"],
        }
    )
    a, b = elements.planted_elements(frame)
    assert (a.name, a.places, b.places) == ("a", (-12, -11), (-5,))
    np.testing.assert_allclose(a.probabilities, [[0, 0, 0, 1], [1, 0, 0, 0], [0.5, 0, 0, 0.5]])
    frame.loc[2, "sequence"] = "TA"
    with pytest.raises(ValueError, match="differ in length"):
        elements.planted_elements(frame)


def test_a_word_of_other_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="no word"):
        elements.word("x", "TATXAT", 0, 0, "here")


def test_a_letter_of_two_nucleotides_counts_half_for_each() -> None:
    one = elements.word("x", "WN", 0, 0, "here")
    np.testing.assert_allclose(one.probabilities, [[0.5, 0, 0, 0.5], [0.25] * 4])


def test_an_element_is_sited_at_its_best_allowed_place_on_both_strands() -> None:
    codes = np.zeros(200, dtype=np.uint8)  # AAAA...
    box = encode("GGCC")
    codes[50 - 12 : 50 - 8] = box  # before the site at 50 of the plus strand
    codes[150 + 8 : 150 + 12] = 3 - box[::-1]  # before the site at 150 of the minus strand
    codes[50 - 30 : 50 - 26] = box  # not at an allowed place
    sites = pd.DataFrame({"position": [50, 150, 100], "strand": ["+", "-", "+"]})
    element = elements.word("x", "GGCC", -13, -10, "here")
    first, score = elements.sited(Genome("toy", codes), sites, element)
    assert first.tolist() == [-12, -11, -13]  # none is better than another at the third
    best = 4 * np.log2(0.9 / 0.25 + 0.1)
    np.testing.assert_allclose(score[:2], best)
    assert score[2] < 0


def test_unknown_letters_fit_nothing() -> None:
    codes = np.full(60, 4, dtype=np.uint8)
    sites = pd.DataFrame({"position": [30], "strand": ["+"]})
    element = elements.word("x", "GGCC", -13, -10, "here")
    _, score = elements.sited(Genome("toy", codes), sites, element)
    assert score[0] == pytest.approx(4 * np.log2(0.1))


def test_the_extended_box_counts_by_its_own_two_letters() -> None:
    (extended,) = (one for one in elements.PROMOTER_ELEMENTS if one.name == "extended -10")
    assert extended.span == (0, 2)
    assert elements.PAPER_ELEMENTS[0].span == (0, 6)
    assert extended.core.probabilities.tolist() == extended.probabilities[:2].tolist()
    assert extended.core.places == extended.places
    assert elements.PAPER_ELEMENTS[0].core.places == elements.PAPER_ELEMENTS[0].places


def test_the_nearest_head_is_one_that_looks_there() -> None:
    matches = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2],
            "head_1based": [1, 2, 1],
            "element": ["a", "a", "a"],
            "similarity": [0.9, 0.3, 0.5],
            "on_peak": [False, True, True],
        }
    )
    table = matches[["layer_1based", "head_1based"]].assign(peak_offset=[-60, -35, -36])
    nearest = elements.nearest_head(matches, table, "a")
    assert nearest is not None
    assert nearest[["layer_1based", "head_1based", "peak_offset"]].tolist() == [2, 1, -36]
    assert elements.nearest_head(matches[:1], table, "a") is None
    assert elements.nearest_head(matches, table, "b") is None


def test_every_element_can_stand_in_a_sentence():
    names = [one.name for one in (*elements.PROMOTER_ELEMENTS, *elements.UP_SUBSITES)]
    said = [f"the {elements.spoken(name)}" for name in names]
    assert "the -10 box" in said and "the ArcA site" in said and "the UP element" in said
    assert not [name for name in said if name.endswith(("ArcA", "FecI", "UP", "-12", "distal"))]
