"""Which of several elements has the letters that they share; touches a genome and elements.py.

A motif beside another holds some of its letters, and the same motif moved by one is nearly the
same. So letters belong to the element that says more: one that says less is looked at, and asked
about, at sites where none before it takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element, sited
from genoattn.interventions.noise import N_RANDOM, has_element, random_places

__all__ = ["Taken", "alone", "beside_all", "taken_by"]

QUARTER = 0.25
"""Share of an element's information in the letters of another that leaves it no place."""


class Taken(NamedTuple):
    """Where an element takes its letters, site by site."""

    first: NDArray[np.int64]
    """Offset of its first nucleotide at each site."""
    there: NDArray[np.bool_]
    """Whether it is there."""
    width: int


def taken_by(
    genome: Genome,
    sites: pd.DataFrame,
    anywhere: pd.DataFrame,
    element: Element,
    *,
    rare: float,
    faint: float,
) -> Taken:
    """Where an element fits best at each site, and whether it is there.

    It is there where its match is one that the share ``faint`` of random places has at most; and
    nowhere, if more than the share ``rare`` have even its best match: where so short a word stands,
    another may.

    Parameters
    ----------
    genome : Genome
    sites, anywhere : DataFrame
        ``position``, ``strand``; the second are random places.
    element : Element
    rare, faint : float
    """
    first, score = sited(genome, sites, element)
    chance = sited(genome, anywhere, element)[1]
    _, _, best = has_element(score, chance, rare)
    there, _, _ = has_element(score, chance, faint)
    return Taken(first, there & (best <= rare), len(element.probabilities))


def beside_all(
    first: NDArray[np.int64],
    information: NDArray[np.float64],
    others: Sequence[Taken],
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Mark the places that no other element has taken a part of (`QUARTER` of the information).

    Parameters
    ----------
    first : int array, shape (n,)
        Offsets of an element's first nucleotide at n sites.
    information : float array, shape (width,)
        Of its columns.
    others : sequence of Taken
    rows : int array, shape (n,)
        These sites among those of the others.
    """
    upto = np.concatenate([[0.0], np.cumsum(information)])
    free = np.ones(len(first), dtype=bool)
    for one in others:
        begin = np.clip(one.first[rows] - first, 0, len(information))
        end = np.clip(one.first[rows] + one.width - first, 0, len(information))
        shared = upto[np.maximum(end, begin)] - upto[begin]
        free &= ~(one.there[rows] & (shared >= QUARTER * max(upto[-1], np.finfo(float).tiny)))
    return free


def alone(
    genome: Genome,
    sites: pd.DataFrame,
    part: NDArray[np.bool_],
    elements: Sequence[Element],
    *,
    rare: float,
    faint: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Mark the sites at which no element before it takes the place of an element.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    part : bool array, shape (L,)
        From whose places matches by chance are known.
    elements : sequence of Element
        Those that say most first.
    rare, faint : float
        See `taken_by`.
    seed : int
        Of the random places.

    Returns
    -------
    bool array, shape (elements, sites)
    """
    anywhere = random_places(part, N_RANDOM, np.random.default_rng(seed))
    every = np.arange(len(sites))
    taken: list[Taken] = []
    free = np.ones((len(elements), len(sites)), dtype=bool)
    for number, element in enumerate(elements):
        mine = taken_by(genome, sites, anywhere, element, rare=rare, faint=faint)
        bits = motifs.information_matrix(element.probabilities).sum(axis=1)
        free[number] = beside_all(mine.first, bits, taken, every)
        taken.append(mine._replace(there=mine.there & free[number]))
    return free
