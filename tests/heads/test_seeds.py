"""Matching of heads between seeds: a permuted copy is found, random heads are not."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from genoattn.heads import profiles, seeds

LAYERS, HEADS, WINDOW, WIDTH = 2, 3, 40, 7


def random_heads(seed: int, sharp: float = 3.0) -> seeds.Described:
    """Heads that look at one place each and prefer one word each."""
    rng = np.random.default_rng(seed)
    mean = rng.random((LAYERS, HEADS, WINDOW))
    for head in np.ndindex(LAYERS, HEADS):
        mean[(*head, rng.integers(WINDOW))] += WINDOW * sharp
    word = rng.integers(4, size=(LAYERS, HEADS, WIDTH))
    counts = np.eye(4, dtype=int)[word] * 45 + rng.integers(0, 5, (LAYERS, HEADS, WIDTH, 4))
    return seeds.Described(mean / mean.sum(-1, keepdims=True), counts)


def dealt(described: seeds.Described, order: np.ndarray) -> seeds.Described:
    """The same heads in another order, over all layers."""
    flat = [part.reshape(LAYERS * HEADS, *part.shape[2:])[order] for part in described]
    return seeds.Described(*(part.reshape(LAYERS, HEADS, *part.shape[1:]) for part in flat))


def test_a_head_is_like_itself():
    one = random_heads(0)
    assert np.allclose(np.diag(seeds.similarity(one, one)), 1)
    assert (seeds.similarity(one, random_heads(1)) < 1).all()


def test_overlap_is_the_area_that_two_profiles_share():
    a = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    b = np.array([[2.0, 0, 0, 0], [1, 1, 1, 1]])
    assert np.allclose(seeds.profile_overlap(a, b), [[0.5, 0.5], [0, 0.5]])


def test_motifs_may_be_shifted_and_pay_for_it():
    word = np.eye(4, dtype=int)[[0, 1, 2, 3, 0, 1, 2]] * 50
    moved = np.concatenate([np.full((1, 4), 12), word[:-1]])
    apart = np.concatenate([np.full((3, 4), 12), word[:-3]])
    alike = seeds.motif_similarity(word[None], np.stack([word, moved, apart]))[0]
    assert alike[0] == pytest.approx(1)
    assert alike[1] > 0.9 and alike[2] < 0.7
    assert seeds.motif_similarity(word[None], moved[None], shift=0)[0, 0] < 0.6


@pytest.mark.parametrize("within", [True, False])
def test_heads_in_another_order_are_found_again(within):
    one = random_heads(0)
    order = np.array([2, 0, 1, 4, 5, 3]) if within else np.array([4, 2, 0, 5, 1, 3])
    found = seeds.match({"a": one, "b": dealt(one, order)}, within_layer=within)
    mine = found[found["seed"] == "a"]
    assert mine["comes_back"].all() and len(mine) == LAYERS * HEADS
    i = (mine["layer_1based"] - 1) * HEADS + mine["head_1based"] - 1
    j = (mine["other_layer_1based"] - 1) * HEADS + mine["other_head_1based"] - 1
    assert (order[j] == i).all()
    assert (seeds.stability(found, "b")["seed_stability"] == 1).all()


def test_the_matching_is_the_best_of_all():
    a, b = random_heads(0, sharp=0.1), random_heads(1, sharp=0.1)
    both = seeds.similarity(a, b)
    best = max(both[np.arange(6), list(p)].sum() for p in permutations(range(6)))
    found = seeds.match({"a": a, "b": b}, within_layer=False)
    assert found.loc[found["seed"] == "a", "similarity"].sum() == pytest.approx(best)


def test_unrelated_heads_are_no_more_alike_than_chance():
    same = seeds.summed_similarity(
        random_heads(0), random_heads(0), within_layer=False, n_permutations=99, seed=0
    )
    others = [
        seeds.summed_similarity(
            random_heads(0), random_heads(other), within_layer=False, n_permutations=99, seed=0
        )["p_value"]
        for other in range(1, 9)
    ]
    assert same["p_value"] <= 0.02 and same["observed"] == pytest.approx(1)
    assert np.median(others) > 0.2
    within = seeds.summed_similarity(
        random_heads(0), random_heads(0), within_layer=True, n_permutations=99, seed=0
    )
    assert within["observed"] == pytest.approx(1)


def test_a_head_of_one_seed_alone_does_not_come_back():
    one = random_heads(0)
    flat = np.full(WINDOW, 1 / WINDOW)
    other = seeds.Described(one.mean.copy(), one.counts.copy())
    other.mean[1, 2] = flat
    other.counts[1, 2] = other.counts[1, 2][:, ::-1]
    found = seeds.match({"a": one, "b": other, "c": one}, within_layer=True)
    share = seeds.stability(found, "a").set_index(["layer_1based", "head_1based"])
    assert share.loc[(2, 3), "seed_stability"] == 0.5
    assert share["seed_stability"].drop((2, 3)).eq(1).all()


def test_roles_are_counted_by_seed():
    def table(*roles: str) -> pd.DataFrame:
        return pd.DataFrame({"layer_1based": 1, "head_1based": range(1, 4), "role": roles})

    found = seeds.roles_by_seed(
        {"a": table("-10", "-35", ""), "b": table("-10", "-10", ""), "c": table("", "", "-10")}
    ).set_index("role")
    assert found.loc["-10", "verdict"] == "in all seeds"
    assert found.loc["-10", "heads"] == "a: L1 H1; b: L1 H1, L1 H2; c: L1 H3"
    assert found.loc["-35", "verdict"] == "in one seed alone"
    alone = seeds.roles_by_seed({"a": table("-10", "", "")})
    assert alone["verdict"].tolist() == ["one seed only: not known"]
    assert list(profiles.names(table("", "", ""))) == ["L1 H1", "L1 H2", "L1 H3"]


def test_models_of_other_shapes_are_refused():
    one = random_heads(0)
    with pytest.raises(ValueError, match="one architecture"):
        seeds.similarity(one, seeds.Described(one.mean[:1], one.counts[:1]))
    with pytest.raises(ValueError, match="at least two"):
        seeds.match({"a": one}, within_layer=True)
    with pytest.raises(ValueError, match="no seed 'c'"):
        seeds.stability(seeds.match({"a": one, "b": one}, within_layer=True), "c")
