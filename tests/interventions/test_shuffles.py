"""Shuffles keep what they say; an edit changes the output of its own site alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.sequence import Genome, reverse_complement
from genoattn.interventions import shuffles
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction.predict import predict

CODES = st.lists(st.integers(0, 4), max_size=80).map(lambda one: np.array(one, dtype=np.uint8))


def pairs(codes: np.ndarray) -> Counter:
    return Counter(zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True))


@given(CODES, st.integers(0, 100))
def test_shuffles_keep_pairs_and_ends(codes, seed) -> None:
    before = codes.copy()
    new = shuffles.shuffled_pairs(codes, np.random.default_rng(seed))
    assert new.dtype == codes.dtype and len(new) == len(codes)
    assert pairs(new) == pairs(codes)
    assert new[:1].tolist() == codes[:1].tolist() and new[-1:].tolist() == codes[-1:].tolist()
    single = shuffles.shuffled(codes, np.random.default_rng(seed))
    assert Counter(single.tolist()) == Counter(codes.tolist())
    assert (codes == before).all()


def test_every_sequence_of_these_pairs_is_equally_likely() -> None:
    codes = np.array([0, 1, 0, 2, 0, 1, 3, 0], dtype=np.uint8)
    rng = np.random.default_rng(0)
    drawn = Counter(tuple(shuffles.shuffled_pairs(codes, rng).tolist()) for _ in range(6_000))

    def extend(path: tuple[int, ...], left: Counter) -> set[tuple[int, ...]]:
        if not left:
            return {path}
        found: set[tuple[int, ...]] = set()
        for pair in left:
            if pair[0] == path[-1]:
                found |= extend((*path, pair[1]), left - Counter([pair]))
        return found

    possible = extend((0,), pairs(codes))
    assert set(drawn) == possible and len(possible) > 5
    expected = 6_000 / len(possible)
    chi_square = sum((drawn[one] - expected) ** 2 / expected for one in possible)
    assert chi_square < len(possible) + 5 * np.sqrt(2 * len(possible))


@given(st.lists(st.integers(0, 499), min_size=1, max_size=30), st.integers(0, 120))
def test_rounds_keep_sites_apart(position, apart) -> None:
    sites = pd.DataFrame({"position": position})
    number = shuffles.rounds(sites, apart, 500)
    for one in np.unique(number):
        own = np.sort(np.array(position)[number == one])
        gaps = np.diff(np.append(own, own[0] + 500))
        assert len(own) == 1 or (gaps > apart).all()


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=16)
    model = Annotator(config)
    rng = np.random.default_rng(5)
    return model, Genome("g", rng.integers(0, 4, 900).astype(np.uint8))


def test_the_output_is_that_of_each_edit_alone(small) -> None:
    model, genome = small
    sites = pd.DataFrame({"position": [100, 130, 500, 895], "strand": ["+", "-", "-", "+"]})
    edit = shuffles.Edit("turn", -9, 3, lambda codes, rng: reverse_complement(codes))
    got = shuffles.edited_output(model, genome, sites, edit, flank=12, seed=0)
    for site, (position, strand) in enumerate(sites.itertuples(index=False)):
        step = np.arange(-9, 4) * (1 if strand == "+" else -1)
        codes = genome.codes.copy()
        place = (position + np.sort(step)) % 900
        codes[place] = reverse_complement(codes[place])
        track = predict(model, Genome("g", codes), progress=False)
        own = int(strand == "-")
        along = (position + np.arange(-12, 13) * (1 if strand == "+" else -1)) % 900
        np.testing.assert_allclose(got.sense[site], track[own, along], rtol=2e-4)
        np.testing.assert_allclose(got.antisense[site], track[1 - own, along], rtol=2e-4)
    plain = predict(model, genome, progress=False)
    assert np.abs(got.sense[0] - plain[0, 88:113]).max() > 1e-6


def test_an_edit_that_changes_nothing_leaves_the_output(small) -> None:
    model, genome = small
    sites = pd.DataFrame({"position": [400], "strand": ["-"]})
    same = shuffles.Edit("none", -9, 3, lambda codes, rng: codes)
    got = shuffles.edited_output(model, genome, sites, same, flank=5, seed=0)
    plain = predict(model, genome, progress=False)
    np.testing.assert_allclose(got.sense[0], plain[1, 405:394:-1], rtol=2e-4)


def test_the_edits_cover_what_they_say() -> None:
    promoter, box, control = shuffles.EDITS
    assert promoter.first <= box.first < box.last <= promoter.last
    assert control.last < promoter.first
    assert control.last - control.first == pytest.approx(promoter.last - promoter.first)
