"""Agreement of mutation maps: brute force, the null of other sites, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genoattn.interventions import agreement as m
from tests.toy_maps import planted_map

SETTINGS = {"n_bootstrap": 200, "level": 0.9, "seed": 0}


@pytest.fixture(scope="module")
def maps():
    """Two maps of the same sites that read the same letters, each with its own noise."""
    found, _ = planted_map(n=60, noise=0.0)
    rng = np.random.default_rng(1)

    def noisy(size):
        return replace(found, change=found.change + rng.normal(0, size, found.change.shape))

    return noisy(0.2), noisy(0.2)


def test_the_mean_correlations_are_those_of_all_pairs(maps):
    one, other = maps
    found = m.agreement(one, other, np.arange(60), **SETTINGS)
    r = np.array([[np.corrcoef(a, b)[0, 1] for b in other.contribution] for a in one.contribution])
    assert found.n_sites == 60
    assert found.same == pytest.approx(np.diag(r).mean())
    assert found.other == pytest.approx(r[~np.eye(60, dtype=bool)].mean())
    assert found.beyond == pytest.approx(found.same - found.other)
    assert found.same_low < found.same < found.same_high


def test_networks_that_read_the_same_site_alike_agree_beyond_other_sites(maps):
    found = m.agreement(*maps, np.arange(60), **SETTINGS)
    assert found.other > 0.1  # promoters are alike anyway
    assert found.beyond_low > 0.05


def test_a_map_of_noise_agrees_with_nothing(maps):
    one = maps[0]
    noise = np.random.default_rng(2).normal(0, 1, one.change.shape).astype(np.float32)
    found = m.agreement(one, replace(one, change=noise), np.arange(60), **SETTINGS)
    assert abs(found.same) < 0.1
    assert found.beyond_low < 0 < found.beyond_high


def test_a_pair_of_other_sites_is_never_a_site_with_itself():
    """Two sites, one block drawn twice: then no pair of different sites is left."""
    found, _ = planted_map(n=2)
    one = m.agreement(found, found, np.arange(2), **SETTINGS)
    assert one.same == pytest.approx(1)
    a, b = found.contribution
    assert one.other == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert one.other_low == pytest.approx(one.other_high)


def test_resamples_of_one_site_alone_are_left_out_whatever_rounding_leaves_of_their_sum():
    found, _ = planted_map(n=3)
    noise = np.random.default_rng(0).normal(0, 1, found.change.shape)
    other = replace(found, change=found.change + noise)
    with np.errstate(divide="raise"):
        one = m.agreement(found, other, np.arange(3), **SETTINGS)
    assert np.isfinite([one.other_low, one.other_high, one.beyond_low, one.beyond_high]).all()


def test_a_site_that_nothing_is_read_of_correlates_with_nothing(maps):
    one = maps[0]
    silent = replace(one, change=np.zeros_like(one.change))
    assert m.agreement(one, silent, np.arange(60), **SETTINGS).same == 0


def test_maps_of_other_sites_or_regions_and_a_single_block_are_refused(maps):
    one, other = maps
    turned = other.of(np.arange(60)[::-1])
    with pytest.raises(ValueError, match="not of the same sites and the same region"):
        m.agreement(one, turned, np.arange(60), **SETTINGS)
    shifted = replace(other, offset=other.offset + 1)
    with pytest.raises(ValueError, match="not of the same sites and the same region"):
        m.agreement(one, shifted, np.arange(60), **SETTINGS)
    with pytest.raises(ValueError, match="all sites lie in one block"):
        m.agreement(one, other, np.zeros(60, int), **SETTINGS)
