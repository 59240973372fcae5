from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome
from genoattn.heads.elements import word
from genoattn.interventions import noise as m

BOX = word("box", "TTGACA", -36, -34, "test")
TWO = word("two", "CA", -1, -1, "test")


@pytest.fixture(scope="module")
def planted():
    """Half of the sites have a box at -35, on both strands; all have some letter at -1."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 40_000).astype(np.uint8)
    rows = []
    for number in range(100):
        position, strand = 200 + 380 * number, "+-"[number % 2]
        if number % 4 < 2:
            box = np.array([3, 3, 2, 0, 1, 0], np.uint8)
            if strand == "+":
                codes[position - 35 : position - 29] = box
            else:
                codes[position + 30 : position + 36] = 3 - box[::-1]
        rows.append((position, strand, number // 5, number % 4 < 2))
    sites = pd.DataFrame(rows, columns=["position", "strand", "block", "has"])
    return Genome("toy", codes), sites


def ask(planted, elements, **more):
    genome, sites = planted
    given = {"n_sites": 30, "draws": 3, "rare": 0.01, "seed": 0} | more
    return m.questions(genome, sites, np.ones(len(genome), bool), elements, **given)


def test_an_element_is_asked_where_it_stands_and_its_control_where_it_does_not(planted):
    real, control = ask(planted, [BOX])
    assert real.sites["has"].all()
    assert not control.sites["has"].any()
    assert (real.noised.first == -35).all()
    assert (real.first, real.last, real.control, control.control) == (-35, -30, "", m.CONTROL)
    assert real.n_with == 50
    assert len(real.sites) == 30


def test_the_control_lies_where_the_element_lies_whatever_matches_best_there(planted):
    """The box may lie at three places and is planted at one; the control is asked there alone."""
    real, control = ask(planted, [BOX], n_sites=20)
    assert set(real.noised.first) == {-35}
    assert (control.noised.first == -35).all()
    assert (control.first, control.last) == (-35, -30)
    genome, _ = planted
    where = -35 + np.arange(6)
    there = genome.around(control.sites["position"], control.sites["strand"], where)
    assert (np.sort(control.noised.letters, -1) == np.sort(there, -1)[:, None]).all()


def test_an_element_at_too_few_blocks_is_left_out_with_its_control(planted):
    genome, sites = planted
    one_block = (genome, sites.assign(block=0))
    assert ask(one_block, [BOX]) == []


def test_the_noise_of_a_long_element_has_its_letters_and_of_a_short_one_those_of_the_place(planted):
    genome, _ = planted
    real, _, short, _ = ask(planted, [BOX, TWO], rare=0.1)
    assert (np.sort(real.noised.letters, -1) == [0, 0, 1, 2, 3, 3]).all()
    step = np.arange(2)
    there = genome.around(short.sites["position"], short.sites["strand"], step - 1)
    assert (there == [1, 0]).all()
    assert not (short.noised.letters == [1, 0]).all(-1).any()


def test_the_same_seed_asks_the_same_and_another_element_before_changes_nothing(planted):
    for one, other in zip(ask(planted, [BOX]), ask(planted, [BOX, TWO], rare=0.01), strict=False):
        np.testing.assert_array_equal(one.noised.letters, other.noised.letters)


def test_only_the_own_columns_of_an_element_become_noise(planted):
    from dataclasses import replace

    real, _ = ask(planted, [replace(BOX, own=(2, 6))])
    assert (real.noised.first == -33).all()
    assert real.noised.letters.shape[2] == 4
    assert real.sites["has"].all()


def test_tiles_cover_the_region_without_overlap_at_the_same_sites(planted):
    genome, sites = planted
    asked = m.tiles(genome, sites, first=-60, last=20, width=5, n_sites=7, draws=2, seed=0)
    assert [(one.first, one.last) for one in asked] == [(a, a + 4) for a in range(-60, 17, 5)]
    assert all(one.sites.equals(asked[0].sites) for one in asked)
    for one in asked:
        where = one.first + np.arange(5)
        there = genome.around(one.sites["position"], one.sites["strand"], where)
        assert (np.sort(one.noised.letters, -1) == np.sort(there, -1)[:, None]).all()


def test_a_match_that_every_place_has_is_only_had_when_perfect():
    score, chance = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 3.0])
    has, lacks, share = m.has_element(score, chance, rare=0.1)
    assert has.tolist() == [False, False, True]
    assert lacks.tolist() == [True, True, False]
    assert share == 0.5, "of the random places that have it"


def test_permuted_letters_keep_their_composition_and_move():
    letters = np.array([3, 3, 2, 0, 1, 0])
    rows = m.permuted(letters, 20, np.random.default_rng(0))
    assert (np.sort(rows, 1) == np.sort(letters)).all()
    assert ((rows != letters).sum(1) >= 3).all()
    assert (m.permuted(np.array([0, 0, 0]), 2, np.random.default_rng(0)) == 0).all()


def test_swapped_letters_come_from_the_pool():
    pool = np.arange(12).reshape(4, 3)
    rows = m.swapped(pool, 50, np.random.default_rng(0))
    assert {tuple(row) for row in rows} == {tuple(row) for row in pool}


def test_an_element_that_no_site_lacks_is_replaced_by_letters_of_random_places():
    codes = np.random.default_rng(1).integers(0, 4, 30_000).astype(np.uint8)
    place = np.arange(300, 29_000, 600)
    for offset, letter in enumerate((0, 3, 2)):
        codes[place + offset] = letter
    sites = pd.DataFrame({"position": place, "strand": "+", "block": np.arange(len(place)) // 4})
    start = word("start codon", "DTG", 0, 0, "test")
    (real,) = ask((Genome("toy", codes), sites), [start], rare=0.06)
    assert real.control == "", "no site lacks it, so there is no control"
    assert real.n_with == len(place)
    assert not (real.noised.letters[..., 1:] == [3, 2]).all(-1).any(), "none is a start codon"


@pytest.fixture(scope="module")
def framed(planted):
    genome, sites = planted
    return m.frame_questions(genome, sites, last=20, n_sites=30, draws=4, seed=0)


def letters_after(genome, question, number, draw, last=20):
    """What stands from the fourth letter on when a question's noise is written."""
    site = question.sites.iloc[number]
    codes = genome.around([site["position"]], [site["strand"]], np.arange(last + 1))[0].copy()
    first = question.noised.first[number]
    new = question.noised.letters[number, draw]
    codes[first : first + len(new)] = new
    return codes[3:]


def test_a_stop_codon_is_in_frame_and_its_control_is_not(planted, framed):
    real, control = framed[:2]
    assert (real.control, control.control) == ("", m.OUT_OF_FRAME)
    assert (real.noised.first % 3 == 0).all() and (control.noised.first % 3 != 0).all()
    assert real.noised.first.min() >= 3 and control.noised.last.max() <= 20
    assert set(np.unique(control.noised.first - real.noised.first)) <= {1, 2}
    np.testing.assert_array_equal(real.noised.letters, control.noised.letters)


def test_a_shift_moves_what_follows_and_its_control_keeps_the_frame(planted, framed):
    genome, _ = planted
    real, control = framed[2:]
    shifts = set()
    for number in range(5):
        site = real.sites.iloc[number]
        whole = genome.around([site["position"]], [site["strand"]], np.arange(3, 21))[0]
        for draw in range(4):
            moved = letters_after(genome, control, number, draw)
            np.testing.assert_array_equal(moved[3:], whole[:-3])
            assert not (moved[:3] == m.STOPS).all(1).any()
            new = letters_after(genome, real, number, draw)
            shifts |= {k for k in (1, 2) if (new[k:] == whole[:-k]).all()}
    assert shifts == {1, 2}


def test_too_little_downstream_leaves_no_frame_to_ask_about(planted):
    genome, sites = planted
    assert m.frame_questions(genome, sites, last=7, n_sites=9, draws=1, seed=0) == []
    assert m.frame_questions(genome, sites.iloc[:0], last=20, n_sites=9, draws=1, seed=0) == []


def test_an_element_of_one_letter_is_replaced_by_what_stands_at_sites_without_it(planted):
    genome, sites = planted
    box = replace(BOX, swapped=True)
    real, control = ask(planted, [box])
    lacking = sites[~sites["has"]]
    step = np.arange(6)
    around = [
        genome.around([site.position], [site.strand], step + place)[0].tolist()
        for site in lacking.itertuples()
        for place in BOX.places
    ]
    assert all(one in around for one in real.noised.letters.reshape(-1, 6).tolist())
    assert control.control == m.CONTROL
