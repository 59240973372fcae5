"""Promoter boxes: planted ones are found, scores agree with a word-by-word sum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn import promoter_boxes, scanner
from genoattn.genome import Genome, decode, encode, reverse_complement
from genoattn.synthetic import simulate


@pytest.fixture(scope="module")
def world():
    made = simulate(seed=2, length=40_000)
    sites = made.truth_sites
    sites = sites[sites["promoter_class"] == "core"].reset_index(drop=True)
    fitted = scanner.fit(made.genome, sites, np.ones(40_000, bool))
    return made.genome, sites, promoter_boxes.from_scanner(fitted)


def test_boxes_are_described_as_the_genome_has_them(world) -> None:
    genome, sites, boxes = world
    found = promoter_boxes.describe(genome, sites, boxes)
    rows = pd.concat([sites, found], axis=1).head(40)
    for row in rows.to_dict("records"):
        start = row["box_10_offset"]
        back = start - 6 - row["spacer"]
        word = [
            decode(genome.around([row["position"]], row["strand"], np.arange(at, at + 6))[0])
            for at in (start, back)
        ]
        assert word == [row["box_10"], row["box_35"]]
        bits = sum(boxes.box_10[i]["ACGT".index(letter)] for i, letter in enumerate(word[0]))
        assert row["box_10_bits"] == pytest.approx(bits)
    planted = sites.index.size
    assert (found["box_10_bits"] > 3).sum() > 0.7 * planted
    assert found["spacer"].between(15, 19).all()
    assert found["spacer"].value_counts().idxmax() == 17


@pytest.mark.parametrize("circular", [True, False])
def test_the_track_of_scores_is_that_of_each_position(world, circular) -> None:
    genome, _, boxes = world
    piece = Genome("piece", genome.codes[:300], circular)
    everywhere = pd.DataFrame(
        {"position": np.tile(np.arange(300), 2), "strand": np.repeat(["+", "-"], 300)}
    )
    found = promoter_boxes.describe(piece, everywhere, boxes)
    track = promoter_boxes.scores(piece, boxes)
    np.testing.assert_allclose(track.ravel(), found["boxes_bits"], atol=1e-4)
    alone = promoter_boxes.scores(piece, boxes, with_35=False)
    assert (alone.ravel() >= found["box_10_bits"] - 1e-4).all()


def test_the_other_strand_of_a_box_is_its_reverse_complement(world) -> None:
    """TATAAT with its start site 12 nt on: highest there, and moved to the other strand."""
    _, _, boxes = world
    codes = np.tile(encode("GC"), 50)
    codes[40:46] = encode("TATAAT")
    track = promoter_boxes.scores(Genome("toy", codes), boxes, with_35=False)
    assert track[0].max() == track[0, 52] > track[1].max()
    turned = promoter_boxes.scores(Genome("toy", reverse_complement(codes)), boxes, with_35=False)
    np.testing.assert_allclose(turned[1, ::-1], track[0])
