"""Promoter boxes: planted ones are found, scores agree with a word-by-word sum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.data.simulation import simulate
from genoattn.evaluation.scores import score
from genoattn.genome.sequence import Genome, decode, encode, reverse_complement
from genoattn.genome.sites import site_track
from genoattn.model import scanner


@pytest.fixture(scope="module")
def world():
    made = simulate(seed=2, length=40_000)
    sites = made.truth_sites
    sites = sites[sites["promoter_class"] == "core"].reset_index(drop=True)
    fitted = scanner.fit(made.genome, sites, np.ones(40_000, bool))
    return made.genome, sites, scanner.from_scanner(fitted)


def test_boxes_are_described_as_the_genome_has_them(world) -> None:
    genome, sites, boxes = world
    found = scanner.describe(genome, sites, boxes)
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
    found = scanner.describe(piece, everywhere, boxes)
    track = scanner.scores(piece, boxes)
    np.testing.assert_allclose(track.ravel(), found["boxes_bits"], atol=1e-4)
    alone = scanner.scores(piece, boxes, with_35=False)
    assert (alone.ravel() >= found["box_10_bits"] - 1e-4).all()


def test_the_other_strand_of_a_box_is_its_reverse_complement(world) -> None:
    """TATAAT with its start site 12 nt on: highest there, and moved to the other strand."""
    _, _, boxes = world
    codes = np.tile(encode("GC"), 50)
    codes[40:46] = encode("TATAAT")
    track = scanner.scores(Genome("toy", codes), boxes, with_35=False)
    assert track[0].max() == track[0, 52] > track[1].max()
    turned = scanner.scores(Genome("toy", reverse_complement(codes)), boxes, with_35=False)
    np.testing.assert_allclose(turned[1, ::-1], track[0])


def planted(n=300, length=60_000, seed=0):
    """A genome of random letters with promoters of TTGACA, 17 nt, TATAAT, 6 nt, then A."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    rows = []
    for begin in np.linspace(100, length - 200, n).astype(int):
        distance = int(rng.choice([5, 6, 6, 7]))
        word = encode("TTGACA" + "N" * 17 + "TATAAT" + "N" * distance + "A")
        known = word < 4
        if rng.random() < 0.2:  # a box letter that differs
            word[rng.integers(0, 6)] = rng.integers(0, 4)
        if rng.random() < 0.5:
            codes[begin : begin + len(word)][known] = word[known]
            rows.append((begin + len(word) - 1, "+"))
        else:
            codes[begin : begin + len(word)][known[::-1]] = 3 - word[known][::-1]
            rows.append((begin, "-"))
    return Genome("planted", codes), pd.DataFrame(rows, columns=["position", "strand"])


@pytest.fixture(scope="module")
def fitted():
    genome, sites = planted()
    train = np.arange(len(genome)) < 40_000
    return genome, sites, train, scanner.fit(genome, sites, train)


def test_the_planted_elements_are_found(fitted):
    _, _, _, found = fitted
    assert found.consensus == ("TTGACA", "TATAAT")
    assert scanner.SPACERS[found.spacer.argmax()] == 17
    assert found.spacer.max() > 0.95
    at = dict(zip(scanner.DISTANCES, found.distance, strict=True))
    assert at[6] == pytest.approx(0.5, abs=0.1)
    assert at[5] + at[6] + at[7] > 0.95
    assert found.start[-scanner.START[0]].argmax() == 0
    assert found.share > 0.9
    for matrix in (found.box35, found.box10, found.start):
        np.testing.assert_allclose(matrix.sum(1), 1)


def test_sites_of_the_test_part_are_found(fitted):
    genome, sites, train, found = fitted
    output = scanner.scan(found, genome, ~train)
    assert np.isnan(output[:, train]).all()
    label = site_track(sites, len(genome))[:, ~train]
    scores = score(label, output[:, ~train])
    assert scores["roc_auc"] > 0.99
    assert scores["pr_auc"] > 0.5


def test_sites_outside_the_part_teach_nothing(fitted):
    genome, sites, train, found = fitted
    again = scanner.fit(genome, sites[train[sites["position"]]], train)
    for name, value in vars(found).items():
        assert np.array_equal(value, getattr(again, name)), name
    with pytest.raises(ValueError, match="no site lies in the training part"):
        scanner.fit(genome, sites, np.zeros(len(genome), bool))


@pytest.mark.parametrize("circular", [True, False])
def test_output_by_placing_the_elements_one_by_one(circular):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 5, 70).astype(np.uint8)  # unknown letters too
    genome = Genome("small", codes, circular)

    def some(*shape):
        values = rng.random(shape) + 0.1
        return values / values.sum(-1, keepdims=True)

    one = scanner.PromoterScanner(
        some(6, 4), some(6, 4), some(5, 4), some(len(scanner.SPACERS)),
        some(len(scanner.DISTANCES)), some(4), share=0.7, rate=0.01,
    )  # fmt: skip

    def odds(strand_codes, matrix, begin):
        value = 1.0
        for column, row in enumerate(matrix):
            place = begin + column
            inside = circular or 0 <= place < 70
            code = strand_codes[place % 70] if inside else 4
            if code < 4:
                value *= row[code] / one.background[code]
        return value

    where = np.ones(70, bool)
    where[30:33] = False
    got = scanner.scan(one, genome, where)
    assert np.isnan(got[:, 30:33]).all()
    for row, strand in enumerate("+-"):
        read = genome.strand(strand)
        for start in range(70):
            forward = start if row == 0 else 69 - start
            if not where[forward]:
                continue
            total = 0.0
            for p, distance in zip(one.distance, scanner.DISTANCES, strict=True):
                box10 = start - distance - 6
                for q, spacer in zip(one.spacer, scanner.SPACERS, strict=True):
                    total += (
                        p * q * odds(read, one.box10, box10)
                        * odds(read, one.box35, box10 - spacer - 6)
                    )  # fmt: skip
            total *= odds(read, one.start, start - 2)
            whole = 0.01 / 0.99 * (0.7 * total + 0.3)
            assert got[row, forward] == pytest.approx(whole / (1 + whole), rel=1e-5)
