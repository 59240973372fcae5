"""The lead of one set over another: what a reference confirms, and how sure the difference is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.evaluation.bootstrap import Resampling
from genoattn.evaluation.lead import harmonic_lead

LENGTH = 100_000


def sites(*positions, strand="+"):
    return pd.DataFrame({"position": positions, "strand": strand})


@pytest.fixture(scope="module")
def drawn():
    return Resampling.of(np.ones(LENGTH, dtype=bool), 1_000, 500, 0)


def test_the_difference_is_that_of_harmonic_means(drawn):
    reference = sites(100, 5_000, 9_000, 20_000)
    first = sites(101, 5_002, 50_000)  # 2 of 3 confirmed, 2 of 4 found
    second = sites(103, 5_000)  # 1 of 2 confirmed, 1 of 4 found
    found, _, _ = harmonic_lead(first, second, reference, 2, drawn)
    assert found == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2) - 1 / 3)


def test_a_site_before_the_origin_is_near_one_after_it(drawn):
    reference, far = sites(1, 700), sites(LENGTH - 1, 700)
    assert harmonic_lead(far, sites(LENGTH - 2, 700), reference, 2, drawn)[0] > 0


def test_sets_that_are_equally_good_lead_by_nothing_as_often_as_stated(drawn):
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(100):
        reference = sites(*rng.choice(LENGTH, 300, replace=False).tolist())
        confirmed = reference.sample(200, random_state=rng.integers(2**31))
        others = sites(*rng.choice(LENGTH, 100, replace=False).tolist())
        first, second = (
            pd.concat(
                [confirmed.sample(150, random_state=rng.integers(2**31)), others]
            ).drop_duplicates()
            for _ in range(2)
        )
        _, low, high = harmonic_lead(first, second, reference, 0, drawn)
        covered.append(low <= 0 <= high)
    assert 0.88 <= np.mean(covered) <= 1.0
    better = pd.concat([reference.head(250), others]).drop_duplicates()
    assert harmonic_lead(better, first, reference, 0, drawn)[1] > 0


def test_a_site_of_the_other_strand_confirms_nothing(drawn):
    reference = pd.concat([sites(100, 30_000), sites(200, strand="-")])
    first, second = sites(100, 30_000), pd.concat([sites(100), sites(30_000, strand="-")])
    assert harmonic_lead(first, second, reference, 2, drawn)[0] == pytest.approx(0.8 - 0.4)


def test_the_same_set_leads_by_nothing_for_sure(drawn):
    reference = sites(*range(0, LENGTH, 997))
    assert harmonic_lead(reference.head(40), reference.head(40), reference, 0, drawn) == (0, 0, 0)
