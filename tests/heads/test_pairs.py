"""Pairs of heads: correlations by brute force, joint places and spacers that were put in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from toy import most_frequent

from genoattn.genome import motifs
from genoattn.genome.sequence import Genome, encode
from genoattn.heads import pairs
from genoattn.heads.elements import word

WINDOW, DOWNSTREAM = 64, 20


def toy(n: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).gamma(0.5, size=(n, 2, 2, WINDOW))
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float16)


def test_correlations_against_numpy_and_scipy() -> None:
    attention = toy(700)
    flat = attention.astype(float).transpose(1, 2, 0, 3).reshape(4, -1)
    assert pairs.weight_correlation(attention) == pytest.approx(np.corrcoef(flat), abs=1e-4)
    distance = np.array([[3, 9], [60, 3]])
    attention[:, 1, 1, 3] = 0.25  # never varies
    got = pairs.peak_correlation(attention, distance)
    columns = [attention[:, i // 2, i % 2, distance.ravel()[i]].astype(float) for i in range(3)]
    assert got[:3, :3] == pytest.approx(spearmanr(np.array(columns).T).statistic)
    assert got[3].tolist() == [0, 0, 0, 1]


def test_correlated_heads_become_neighbours() -> None:
    matrix = np.eye(6)
    for one, two in ((0, 3), (1, 4), (2, 5)):
        matrix[one, two] = matrix[two, one] = 0.9
    order = pairs.cluster_order(matrix).tolist()
    assert sorted(order) == list(range(6))
    for one, two in ((0, 3), (1, 4), (2, 5)):
        assert abs(order.index(one) - order.index(two)) == 1


@pytest.fixture(scope="module")
def together() -> tuple[np.ndarray, pd.DataFrame, Genome]:
    """Two heads that are high together at -35 and -12 where TTGACA and TATAAT stand there."""
    rng = np.random.default_rng(1)
    n = 1_200
    codes = rng.integers(0, 4, 60 * n + 200, dtype=np.uint8)
    samples = pd.DataFrame({"strand": "+", "position": 60 * np.arange(n) + 100})
    attention = rng.uniform(0, 0.01, (n, 1, 3, WINDOW)).astype(np.float16)
    for i in np.flatnonzero(rng.random(n) < 0.1):
        at = int(samples["position"][i])
        codes[at - 37 : at - 31] = encode("TTGACA")
        codes[at - 14 : at - 8] = encode("TATAAT")
        attention[i, 0, 0, DOWNSTREAM + 12] = 0.5 + 0.1 * rng.random()
        attention[i, 0, 1, DOWNSTREAM + 35] = 0.5 + 0.1 * rng.random()
    attention[:, 0, 2, DOWNSTREAM + 25] = rng.uniform(0.2, 0.4, n)
    return attention, samples, Genome("toy", codes)


def test_the_joint_place_and_the_spaced_motif(
    together: tuple[np.ndarray, pd.DataFrame, Genome],
) -> None:
    attention, samples, genome = together
    distance = np.array([[DOWNSTREAM + 11, DOWNSTREAM + 34, DOWNSTREAM + 25]])  # 1 nt off
    found = pairs.joint_places(
        attention, samples, distance, downstream=DOWNSTREAM, half_width=3, n_shuffles=3, seed=0
    )
    assert len(found) == 3
    first = found.iloc[0]
    assert first[["head_a_1based", "head_b_1based"]].tolist() == [2, 1]
    assert first[["offset_a", "offset_b", "span"]].tolist() == [-35, -12, 23]
    a = attention[:, 0, 0, DOWNSTREAM + 12].astype(float)
    b = attention[:, 0, 1, DOWNSTREAM + 35].astype(float)
    assert first["correlation"] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-3)
    assert first["correlation"] > 0.9 > 5 * first["chance"]
    assert (found["correlation"][1:] < 3 * found["chance"][1:]).all()
    assert pairs.pair_names(found)[0] == "L1 H2 at -35 and L1 H1 at -12"
    motif = pairs.joint_motif(
        attention,
        samples,
        genome,
        first,
        downstream=DOWNSTREAM,
        n_best=40,
        width=7,
        background=motifs.UNIFORM,
        n_draws=30,
        seed=0,
    )
    assert motif.first_offset == -38 and len(motif.counts) == 30
    letters = most_frequent(motif.counts)
    assert letters[1:7] == "TTGACA" and letters[24:30] == "TATAAT"
    assert motif.spaced and motif.n_distinct > 5
    by_position = pairs.joint_motif(
        attention,
        samples,
        genome,
        pd.Series(dict(first) | {"head_b_1based": 3, "offset_b": -25, "span": 10}),
        downstream=DOWNSTREAM,
        n_best=40,
        width=7,
        background=motifs.UNIFORM,
        n_draws=30,
        seed=0,
    )
    assert by_position.bits[0] > 8 and not by_position.spaced


def test_spacers_of_two_heads_that_know_of_each_other_and_of_two_that_do_not() -> None:
    rng = np.random.default_rng(2)
    n = 400
    attention = np.full((n, 1, 3, WINDOW), 0.001, np.float16)
    ten = rng.integers(-14, -10, n)  # first nucleotide of the -10 box
    far = ten - 17 - 6
    free = rng.permutation(far)
    for head, first, peak in ((0, ten, 2), (1, far, 3), (2, free, 3)):
        attention[np.arange(n), 0, head, DOWNSTREAM - (first + peak)] = 0.9  # looks inside the box
    below = pd.Series(
        {"layer_1based": 1, "head_1based": 1, "first_offset": -14, "peak_offset": -12}
    )
    upstream = [
        pd.Series({"layer_1based": 1, "head_1based": head, "first_offset": -37, "peak_offset": -34})
        for head in (2, 3)
    ]
    given = {"downstream": DOWNSTREAM, "length": 6, "half_width": 6}
    found = pairs.spacers(attention, upstream[0], below, **given).set_index("spacer")
    assert found.loc[17, "share"] == 1 and found.loc[17, "expected"] < 0.4
    assert found.loc[17, "p_value"] == pytest.approx(1 / 2_001) and found.loc[16, "p_value"] == 1
    assert found["expected"].sum() == pytest.approx(1)
    found = pairs.spacers(attention, upstream[1], below, **given).set_index("spacer")
    assert found.loc[17, "share"] == pytest.approx(found.loc[17, "expected"], abs=0.08)
    p = []
    for _ in range(40):
        shuffled = attention.copy()
        shuffled[:, 0, 2] = attention[rng.permutation(n), 0, 2]
        one = pairs.spacers(shuffled, upstream[1], below, **given, n_permutations=100)
        p.append(one.set_index("spacer").loc[17, "p_value"])
    assert np.mean(np.array(p) <= 0.1) < 0.3 and np.mean(np.array(p) > 0.5) > 0.2, "no bias"


def test_spacers_by_sequence_and_as_planted() -> None:
    codes = np.random.default_rng(0).integers(0, 4, 300, dtype=np.uint8)
    codes[200 - 36 : 200 - 30] = encode("TTGACA")
    codes[200 - 12 : 200 - 6] = encode("TATAAT")
    samples = pd.DataFrame({"strand": ["+"], "position": [200]})
    box = [
        word("-35", "TTGACA", -38, -32, "here"),
        word("-10", "TATAAT", -15, -9, "here"),
    ]
    found = pairs.box_spacers(Genome("toy", codes), samples, *box)
    assert found["spacer"].tolist() == [18]
    elements = pd.DataFrame(
        {
            "tss_position": [5, 5, 9, 9, 30],
            "strand": ["+", "+", "-", "-", "+"],
            "element": ["-35", "-10", "-35", "-10", "-10"],
            "offset": [-35, -12, -36, -12, -12],
            "sequence": ["TTGACA", "TATAAT", "TTGACA", "TATAAT", "TATAAT"],
        }
    )
    planted = pairs.planted_spacers(elements, "-35", "-10").set_index("spacer")["n"]
    assert planted.to_dict() == {17: 1, 18: 1}
