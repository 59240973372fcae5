"""Places in known sites: masks, strata, and the exact test against scipy and by counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.heads import enrichment, preferred


def test_masks_of_one_strand_of_both_and_over_the_origin() -> None:
    intervals = pd.DataFrame(
        {
            "kind": ["binding site", "binding site", "promoter"],
            "name": ["A", "B", "sigma70"],
            "start": [-2, 5, 8],
            "end": [2, 7, 9],
            "strand": [".", ".", "-"],
        }
    )
    masks = enrichment.site_masks(intervals, 10, min_sites=1)
    assert np.flatnonzero(masks["binding site", "A"][0]).tolist() == [0, 1, 8, 9]
    assert np.flatnonzero(masks["binding site", "any"][1]).tolist() == [0, 1, 5, 6, 8, 9]
    assert masks["promoter", "any"].sum(axis=1).tolist() == [0, 1]
    assert ("binding site", "A") not in enrichment.site_masks(intervals, 10, min_sites=2)


def test_promoter_intervals_hold_what_they_should() -> None:
    promoters = pd.DataFrame({"position": [50, 50], "strand": ["+", "-"], "sigma": "s"})
    found = enrichment.promoter_intervals(promoters)  # offsets -40 .. -1
    assert found[["start", "end"]].to_numpy().tolist() == [[10, 50], [51, 91]]


def test_a_head_in_sites_is_found_and_one_that_is_not_is_not() -> None:
    rng = np.random.default_rng(4)
    length, downstream = 20_000, 20
    mask = np.zeros((2, length), bool)
    mask[:, ::50] = True
    in_sites = rng.choice(np.arange(2_000, 18_000, 50), 60, replace=False)
    anywhere = rng.choice(np.arange(2_000, 18_000), 60, replace=False)
    strand = np.where(rng.random(60) < 0.5, "+", "-")
    back = np.where(strand == "+", 12, -12)  # the attended nucleotide is 12 nt upstream
    best = preferred.BestPositions(
        np.array([[strand, strand]]),
        np.array([[in_sites + back, anywhere + back]]),
        np.ones((1, 2, 60)),
        np.array([[32, 32]]),
    )
    row, place = enrichment.attended(best, downstream, length)
    np.testing.assert_array_equal(place[0, 0], in_sites)
    assert (row[0, 0] == (strand == "-")).all()
    inside = np.ones(length, bool)
    stratum = np.zeros((2, length), int)
    found = enrichment.enrichment(
        best, {("binding site", "any"): mask}, stratum, inside, downstream=downstream, apart=10
    )
    assert found["n"].tolist()[0] == 60 and found["n_inside"][0] == 60
    assert found["odds_ratio"][0] == np.inf and found["q_value"][0] < 1e-10
    assert found["low"][1] < 1.5 and found["q_value"][1] > 0.05
    with pytest.raises(ValueError, match="do not fit"):
        enrichment.enrichment(best, {}, stratum[:, :5], inside, downstream=downstream)


def test_places_near_a_better_one_do_not_count() -> None:
    row, position = np.array([0, 0, 1, 0, 0]), np.array([100, 105, 105, 111, 120])
    assert enrichment.thinned(row, position, 10).tolist() == [0, 2, 3]
