"""Promoter grammars drawn at random, for claims whose truth nobody has seen; touches no file."""

from __future__ import annotations

import numpy as np

from genoattn.data.grammar import Element, Grammar, consensus_matrix

__all__ = ["PLACES", "drawn_grammar"]


PLACES = (-58, -43, -29, -14, 5)
"""Where elements may begin, in nt from the start site: apart enough never to overlap."""
WIDTHS = (6, 7, 8)
JITTER = 2
"""An element's commonest first offset lies within so many nt of its place."""
DIFFERENT = 4
"""Two words differ in at least so many of the letters that both have, however they are laid."""
SHARE = 0.92
"""Probability of the consensus letter at each position."""


def drawn_grammar(rng: np.random.Generator, n_elements: int = 4) -> Grammar:
    """Draw a promoter class of elements with random words at random places.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness; advanced.
    n_elements : int
        From 1 to the number of `PLACES`. Elements are named A, B, ... from upstream to downstream.

    Returns
    -------
    Grammar
        Each element stands at its commonest offset in eight of ten copies, one nt beside it in the
        others, and in 70 to 100 % of all promoters.

    Raises
    ------
    ValueError
        More elements than places, or none.
    """
    if not 1 <= n_elements <= len(PLACES):
        raise ValueError(f"n_elements must be from 1 to {len(PLACES)}, not {n_elements}")
    places = np.sort(rng.choice(PLACES, n_elements, replace=False))
    words: list[str] = []
    elements = []
    for name, place in zip("ABCDE", places, strict=False):
        word = _new_word(rng, words)
        words.append(word)
        first = int(place) + int(rng.integers(-JITTER, JITTER + 1))
        offsets = {first: 0.8, first - 1: 0.1, first + 1: 0.1}
        presence = float(rng.uniform(0.7, 1.0))
        matrix = consensus_matrix(word, SHARE)
        elements.append(Element(name, "drawn", matrix, offsets, presence=presence))
    return Grammar({"drawn": 1.0}, tuple(elements), {"upstream": 0.75, "inside": 0.25})


def _new_word(rng: np.random.Generator, others: list[str]) -> str:
    """Draw a word of at least three letters that is unlike the others."""
    while True:
        word = "".join(rng.choice(list("ACGT"), int(rng.choice(WIDTHS))))
        if len(set(word)) >= 3 and all(_differ(word, other) >= DIFFERENT for other in others):
            return word


def _differ(a: str, b: str) -> int:
    """Fewest differing letters of two words, laid side by side with at most one nt of shift."""
    pairs = ((a, b), (a[1:], b), (a, b[1:]))
    return min(sum(x != y for x, y in zip(*pair, strict=False)) for pair in pairs)
