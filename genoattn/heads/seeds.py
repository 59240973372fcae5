"""Which heads come back when a model is trained again from another seed; arrays and frames only.

Another seed deals the roles to other heads, so heads are matched before they are compared. Two
heads are alike when they look at the same place and prefer the same letters there::

    similarity = (overlap of the mean profiles + similarity of the motifs) / 2        0..1

The heads of two seeds are matched one to one so that the summed similarity is largest (Kuhn 1955),
within each layer and across all layers. That sum is large for random heads too, as the best of
many matchings is taken; so it is compared with the same for heads whose motifs were dealt out anew
among the profiles of their seed. And a single pair counts only when it is more alike than nearly
all pairs of heads of the two seeds that were not matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from genoattn.genome import motifs
from genoattn.heads import profiles

__all__ = [
    "Described",
    "match",
    "motif_similarity",
    "profile_overlap",
    "roles_by_seed",
    "similarity",
    "stability",
    "summed_similarity",
]


SHIFT = 2
"""Offset in nt by which two motifs may be moved against each other."""


class Described(NamedTuple):
    """What is compared of the heads of one seed."""

    mean: NDArray[np.float64]
    """Mean attention, shape (layers, heads, window)."""
    counts: NDArray[np.integer]
    """Nucleotides at the favourite position, shape (layers, heads, width, 4)."""


def profile_overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of their attention that two heads give to the same distances.

    Parameters
    ----------
    a, b : ndarray, shape (n, window) and (m, window)
        Mean profiles.

    Returns
    -------
    ndarray, shape (n, m)
        1 - total variation distance: 1 for equal profiles, 0 where they share no position.
    """
    a = a / a.sum(axis=1, keepdims=True)
    b = b / b.sum(axis=1, keepdims=True)
    return np.stack([np.minimum(one, b).sum(axis=1) for one in a])


def motif_similarity(
    a: NDArray[np.integer], b: NDArray[np.integer], shift: int = SHIFT
) -> NDArray[np.float64]:
    """Cosine of the information matrices of motifs, at the best of some shifts.

    Parameters
    ----------
    a, b : ndarray, shape (n, width, 4) and (m, width, 4)
        Counts. Columns without a partner count against the similarity.
    shift : int
        Most columns by which one is moved against the other.

    Returns
    -------
    ndarray, shape (n, m)
        0..1.
    """
    width = a.shape[1]
    first = np.stack([motifs.letter_heights(one) for one in a])
    second = np.stack([motifs.letter_heights(one) for one in b])
    norms = np.linalg.norm(first, axis=(1, 2))[:, None] * np.linalg.norm(second, axis=(1, 2))
    best = np.zeros((len(a), len(b)))
    for by in range(-min(shift, width - 1), min(shift, width - 1) + 1):
        mine = first[:, max(0, by) : width + min(0, by)].reshape(len(a), -1)
        theirs = second[:, max(0, -by) : width + min(0, -by)].reshape(len(b), -1)
        best = np.maximum(best, mine @ theirs.T)
    return np.divide(best, norms, out=np.zeros_like(best), where=norms > 0)


def similarity(a: Described, b: Described) -> NDArray[np.float64]:
    """Similarity of all heads of two seeds: shape (layers * heads, layers * heads), by layer.

    Raises
    ------
    ValueError
        Models of another shape.
    """
    overlap, alike = _parts(a, b)
    return (overlap + alike) / 2


def _parts(a: Described, b: Described) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Overlap of profiles and similarity of motifs, each (layers * heads, layers * heads)."""
    if a.mean.shape != b.mean.shape or a.counts.shape != b.counts.shape:
        raise ValueError(
            f"heads of shape {a.mean.shape} and {b.mean.shape}, motifs {a.counts.shape} and "
            f"{b.counts.shape}: only seeds of one architecture, described alike, are compared"
        )
    n = a.mean.shape[0] * a.mean.shape[1]
    overlap = profile_overlap(a.mean.reshape(n, -1), b.mean.reshape(n, -1))
    alike = motif_similarity(
        a.counts.reshape(n, *a.counts.shape[2:]), b.counts.reshape(n, *b.counts.shape[2:])
    )
    return overlap, alike


def match(
    seeds: Mapping[str, Described], *, within_layer: bool, share: float = 0.95
) -> pd.DataFrame:
    """Match the heads of every two seeds.

    Parameters
    ----------
    seeds : mapping of str to Described
        At least two, by name.
    within_layer : bool
        Whether a head may only be matched with one of the same layer.
    share : float
        A pair comes back when it is more alike than this share of the pairs not matched (those
        allowed to be matched, in the same two seeds).

    Returns
    -------
    DataFrame
        A row for each matched pair: ``seed``, ``layer_1based``, ``head_1based``, ``other_seed``,
        ``other_layer_1based``, ``other_head_1based``, ``overlap``, ``motif_similarity``,
        ``similarity``, ``chance`` (that share's limit) and ``comes_back``. Each pair of seeds is
        listed from both sides.
    """
    if len(seeds) < 2:
        raise ValueError(f"{len(seeds)} seed: at least two are needed to match heads")
    rows = []
    for name, other in combinations(seeds, 2):
        overlap, alike = _parts(seeds[name], seeds[other])
        layers, n_heads = seeds[name].mean.shape[:2]
        both = (overlap + alike) / 2
        allowed = _allowed(layers, n_heads, within_layer)
        first, second = _assign(both, allowed)
        rest = allowed.copy()
        rest[first, second] = False
        chance = float(np.quantile(both[rest], share)) if rest.any() else np.nan
        for i, j in zip(first, second, strict=True):
            here = (name, i // n_heads + 1, i % n_heads + 1)
            there = (other, j // n_heads + 1, j % n_heads + 1)
            told = (overlap[i, j], alike[i, j], both[i, j], chance, bool(both[i, j] > chance))
            rows += [(*here, *there, *told), (*there, *here, *told)]
    frame = pd.DataFrame(
        rows,
        columns=[
            "seed",
            "layer_1based",
            "head_1based",
            "other_seed",
            "other_layer_1based",
            "other_head_1based",
            "overlap",
            "motif_similarity",
            "similarity",
            "chance",
            "comes_back",
        ],
    )
    order = ["seed", "other_seed", "layer_1based", "head_1based"]
    return frame.sort_values(order, ignore_index=True)


def _allowed(layers: int, n_heads: int, within_layer: bool) -> NDArray[np.bool_]:
    """Which pairs may be matched: shape (layers * heads, layers * heads)."""
    layer = np.repeat(np.arange(layers), n_heads)
    if within_layer:
        return layer[:, None] == layer[None, :]
    return np.ones((len(layer), len(layer)), dtype=bool)


def _assign(
    both: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The one-to-one matching of largest sum among the allowed pairs."""
    cost = np.where(allowed, -both, 1e3)  # a forbidden pair costs more than all others give
    first, second = linear_sum_assignment(cost)
    return first, second


def summed_similarity(
    a: Described, b: Described, *, within_layer: bool, n_permutations: int, seed: int
) -> dict[str, float]:
    """Whether two seeds are more alike than profiles and motifs put together at random.

    Parameters
    ----------
    a, b : Described
    within_layer : bool
        As in `match`; motifs are then dealt out within their layer.
    n_permutations : int
        Times that the motifs of ``b`` are dealt out anew among its profiles.
    seed : int
        Seed of the permutations.

    Returns
    -------
    dict
        ``observed`` (mean similarity of the best matching), ``by_chance`` (its mean with dealt
        motifs) and ``p_value`` (share of the dealings with as much or more, the observed one
        counted in).
    """
    overlap, alike = _parts(a, b)
    layers, n_heads = a.mean.shape[:2]
    allowed = _allowed(layers, n_heads, within_layer)

    def best(of: NDArray[np.float64]) -> float:
        first, second = _assign(of, allowed)
        return float(of[first, second].mean())

    rng = np.random.default_rng(seed)
    index = np.arange(layers * n_heads).reshape(layers, n_heads)
    observed, chance = best((overlap + alike) / 2), []
    for _ in range(n_permutations):
        if within_layer:
            dealt = rng.permuted(index, axis=1).ravel()
        else:
            dealt = rng.permutation(index.ravel())
        chance.append(best((overlap + alike[:, dealt]) / 2))
    reached = np.sum(np.array(chance) >= observed - 1e-12)
    return {
        "observed": observed,
        "by_chance": float(np.mean(chance)),
        "p_value": (1 + int(reached)) / (1 + n_permutations),
    }


def stability(matches: pd.DataFrame, seed: str) -> pd.DataFrame:
    """Share of the other seeds in which the heads of one seed come back.

    Parameters
    ----------
    matches : DataFrame
        `match`.
    seed : str
        The seed whose heads are asked about.

    Returns
    -------
    DataFrame
        ``layer_1based``, ``head_1based``, ``seed_stability``.
    """
    mine = matches[matches["seed"] == seed]
    if mine.empty:
        raise ValueError(f"no seed {seed!r}; there are {sorted(matches['seed'].unique())}")
    share = mine.groupby(["layer_1based", "head_1based"])["comes_back"].mean()
    return share.rename("seed_stability").reset_index()


def roles_by_seed(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """In which seeds a role is held, and by which heads.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        For each seed ``layer_1based``, ``head_1based`` and ``role`` (empty: none).

    Returns
    -------
    DataFrame
        ``role``, ``n_seeds``, ``of`` (seeds compared), ``heads`` (by seed, as text) and
        ``verdict``: "in all seeds", "in some seeds" or "in one seed alone"; the commonest first.
    """
    held: dict[str, dict[str, list[str]]] = {}
    for seed, table in tables.items():
        named = table[table["role"].fillna("") != ""]
        for role, name in zip(named["role"], profiles.names(named), strict=True):
            held.setdefault(role, {}).setdefault(seed, []).append(name)
    rows = [
        {
            "role": role,
            "n_seeds": len(by_seed),
            "of": len(tables),
            "heads": "; ".join(f"{seed}: {', '.join(them)}" for seed, them in by_seed.items()),
            "verdict": _verdict(len(by_seed), len(tables)),
        }
        for role, by_seed in held.items()
    ]
    columns = ["role", "n_seeds", "of", "heads", "verdict"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["n_seeds", "role"], ascending=[False, True], ignore_index=True)


def _verdict(n: int, of: int) -> str:
    """How far a role is shared among seeds."""
    if of == 1:
        return "one seed only: not known"
    return "in all seeds" if n == of else "in one seed alone" if n == 1 else "in some seeds"
