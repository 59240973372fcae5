"""Peaks by chance: the copy keeps what it must, rates by brute force, random sequence is random."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from genoattn.genome.sequence import Genome
from genoattn.output import chance


def pairs(codes):
    return Counter(zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True))


def contig(name, length, seed=0):
    codes = np.random.default_rng(seed).choice(4, length, p=(0.4, 0.1, 0.2, 0.3)).astype(np.uint8)
    return Genome(name, codes, circular=True)


def test_a_copy_of_one_piece_has_its_dinucleotides_and_another_order():
    one = contig("a", 3_000)
    copy = chance.shuffled_copy([one], 3_000, seed=1)
    assert pairs(copy.codes) == pairs(one.codes) and not np.array_equal(copy.codes, one.codes)
    assert not copy.circular
    again = chance.shuffled_copy([one], 3_000, seed=1)
    assert np.array_equal(copy.codes, again.codes)


def test_a_short_genome_is_shuffled_several_times_and_a_long_one_in_part():
    short, long_ = contig("a", 50), contig("b", 35_000)
    assert len(chance.shuffled_copy([short], 420, seed=1)) == 420
    copy = chance.shuffled_copy([short, long_], 12_000, seed=1)
    assert len(copy) == 12_000
    with pytest.raises(ValueError, match="positive"):
        chance.shuffled_copy([short], 0, seed=1)


def test_numbers_by_threshold_are_scaled_to_the_length_and_bracketed():
    found = chance.by_threshold([0.1, 0.2, 0.2, 0.9], 1_000, [0.1, 0.2], 500, [0.95, 0.1, 0.2])
    assert found["threshold"].tolist() == [0.1, 0.2, 0.95]
    assert found["n"].tolist() == [4, 3, 0]
    assert found["by_chance"].tolist() == [4, 2, 0]
    assert found["fdr"].tolist()[:2] == [1, 2 / 3] and np.isnan(found["fdr"].iloc[2])
    # exact Poisson limits of 2, 1 and 0 events (Garwood 1936)
    assert found["by_chance_high"].tolist() == pytest.approx([14.449, 11.143, 7.378], abs=1e-3)
    assert found["by_chance_low"].tolist() == pytest.approx([0.4844, 0.0506, 0], abs=1e-3)


def test_the_rate_of_each_peak_is_the_least_of_all_thresholds_below_it():
    rng = np.random.default_rng(2)
    outputs, decoys = rng.random(40).round(1), 0.7 * rng.random(15)
    found = chance.false_discovery_rate(outputs, 900, decoys, 300)
    for value, rate in zip(outputs, found, strict=True):
        every = [
            min(1, 3 * (1 + (decoys >= at).sum()) / (outputs >= at).sum())
            for at in outputs
            if at <= value
        ]
        assert rate == pytest.approx(min(every))
    assert chance.false_discovery_rate([], 900, decoys, 300).size == 0


def test_random_sequence_rarely_has_more_peaks_than_its_copy_and_real_peaks_are_noticed():
    rng = np.random.default_rng(3)
    p = [
        chance.more_than_chance(rng.poisson(50), 1_000, rng.poisson(100), 2_000)
        for _ in range(2_000)
    ]
    assert 0.02 < np.mean(np.array(p) < 0.05) <= 0.06
    assert chance.more_than_chance(100, 1_000, 100, 2_000) < 1e-4
    assert chance.more_than_chance(0, 1_000, 0, 2_000) == 1
