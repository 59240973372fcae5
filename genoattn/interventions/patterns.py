"""Patterns of a mutation map, taken apart and put together; touches motif_discovery alone.

TF-MoDISco returns what is frequent together: an element with its neighbour, one element in several
patterns, the same letters twice. Here a pattern with a gap becomes as many as it has parts
(`parts`), other letters at one place become one element (`pooled`), and of a pattern that holds
another what is beside it is left (`distinct`). Words of a letter or two at every site, too short to
be grouped by likeness, show in the mean over sites (`standing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from genoattn.genome import motifs
from genoattn.interventions.motif_discovery import WEAK, Pattern, laid
from genoattn.interventions.saturation import MutationMap

__all__ = ["bits", "distinct", "parts", "pooled", "standing", "told", "without"]

LEAST_BITS = 1.0
"""Information of what is left of a motif beside another: that of one letter out of two."""
WIDEST = 6
"""Columns of a word that stands at every site: more are a trend along the sequence."""


def without(found: MutationMap, patterns: Sequence[Pattern]) -> MutationMap:
    """Leave out of a map what patterns explain: no letter of theirs contributes any more.

    What stands beside a frequent element at some of its sites, such as the TG of an extended -10
    box, is too rare in the mean of that element's sites; it is found in what is left.
    """
    change = found.change.copy()
    for one in patterns:
        column = (one.first - found.offset[0])[:, None] + np.arange(one.width)
        change[one.row[:, None], column] = 0
    return replace(found, change=change)


def parts(pattern: Pattern, gap: int) -> list[Pattern]:
    """Cut a pattern where ``gap`` columns together contribute next to nothing.

    Next to nothing is less than `motif_discovery.WEAK` of the best column. Outer columns of a part
    that contribute as little are left out; a part has two columns at least.
    """
    worth = _column_worth(pattern)
    enough = np.flatnonzero(worth >= WEAK * worth.max())
    if len(enough) < 2:
        return [pattern]
    ends = np.flatnonzero(np.diff(enough) > gap)
    stretches = [(int(one[0]), int(one[-1]) + 1) for one in np.split(enough, ends + 1)]
    if len(stretches) == 1:
        return [pattern]
    return [_cut(pattern, left, right) for left, right in stretches if right - left >= 2]


def told(one: Pattern) -> Pattern | None:
    """A pattern without outer columns that contribute next to nothing; None if one is left."""
    worth = _column_worth(one)
    enough = np.flatnonzero(worth >= WEAK * worth.max())
    left, right = int(enough[0]), int(enough[-1]) + 1
    return _cut(one, left, right) if right - left >= 2 else None


def _column_worth(pattern: Pattern) -> NDArray[np.float64]:
    """What each column contributes with its letters, absolute."""
    share = pattern.counts / np.maximum(pattern.counts.sum(axis=1, keepdims=True), 1)
    return np.abs((pattern.contribution * share).sum(axis=1))


def _cut(pattern: Pattern, left: int, right: int) -> Pattern:
    """Some columns of a pattern."""
    return replace(
        pattern,
        first=pattern.first + left,
        counts=pattern.counts[left:right],
        contribution=pattern.contribution[left:right],
    )


def pooled(patterns: Sequence[Pattern]) -> list[Pattern]:
    """Put patterns of one place together: other letters there are the same element.

    Those are together that begin at the same offset, differ in width by one column at most and both
    raise the output, or both lower it. YG and YA at -1, found apart, are YR.

    Parameters
    ----------
    patterns : sequence of Pattern

    Returns
    -------
    list of Pattern
        In the order of the first of each; columns that all have.
    """
    kept: list[Pattern] = []
    for one in patterns:
        for number, other in enumerate(kept):
            near = one.offset == other.offset and abs(one.width - other.width) <= 1
            if near and _raises(one) == _raises(other):
                kept[number] = _together(other, one)
                break
        else:
            kept.append(one)
    return kept


def _raises(pattern: Pattern) -> bool:
    """Whether the letters of a pattern raise the output in sum."""
    return bool((pattern.contribution * pattern.counts).sum() > 0)


def _together(one: Pattern, other: Pattern) -> Pattern:
    """Two patterns that begin at the same offset as one; a site of both counts once."""
    width = min(one.width, other.width)
    new = ~np.isin(other.row, one.row)
    size, added = len(one), len(other)
    contribution = size * one.contribution[:width] + added * other.contribution[:width]
    return Pattern(
        np.concatenate([one.row, other.row[new]]),
        np.concatenate([one.first, other.first[new]]),
        one.counts[:width] + other.counts[:width],
        contribution / (size + added),
    )


def bits(pattern: Pattern) -> float:
    """Information of a pattern's letters, over all its sites."""
    return len(pattern) * float(motifs.letter_heights(pattern.counts).sum())


def distinct(patterns: Sequence[Pattern], max_alike: float) -> list[Pattern]:
    """Leave out of each pattern what one that says more already has at its place.

    Two are alike by the cosine of their letters' information over the columns that they share where
    they usually lie. Of a pattern that is alike one that says more, what lies on either side of
    that one is left, if it has two columns that contribute and holds `LEAST_BITS`: of TGNTATAAT,
    beside TATAAT, TG.

    Returns
    -------
    list of Pattern
        Those that say most first.
    """
    waiting = sorted(patterns, key=bits, reverse=True)
    kept: list[Pattern] = []
    while waiting:
        one = waiting.pop(0)
        like = next((other for other in kept if _alike(one, other) > max_alike), None)
        if like is None:
            kept.append(one)
        else:  # what is left says less, so its turn comes later
            waiting = sorted([*waiting, *_beside(one, like)], key=bits, reverse=True)
    return kept


def _beside(one: Pattern, other: Pattern) -> list[Pattern]:
    """The columns on either side of another pattern, where they contribute and say enough."""
    begin = other.offset - one.offset
    sides = [(0, max(0, begin)), (min(one.width, begin + other.width), one.width)]
    cut = [told(_cut(one, left, right)) for left, right in sides if right - left >= 2]
    return [piece for piece in cut if piece is not None and bits(piece) >= LEAST_BITS * len(piece)]


def _alike(one: Pattern, other: Pattern) -> float:
    """Cosine of two patterns' letters over the columns that they share; 0 without any."""
    a, b = motifs.letter_heights(one.counts), motifs.letter_heights(other.counts)
    begin = other.offset - one.offset  # of b's first column, in columns of a
    left, right = max(0, begin), min(len(a), begin + len(b))
    if right <= left:
        return 0.0
    a, b = a[left:right], b[left - begin : right - begin]
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def standing(found: MutationMap, steady: float, min_seqlets: int) -> list[Pattern]:
    """Find letters that contribute at one place in the mean of all sites.

    A word of two letters at every start site, such as the first nucleotide and the one before it,
    is too short to be grouped by its likeness with others. In the mean over sites it shows.

    Parameters
    ----------
    found : MutationMap
    steady : float
        Log-odds between the best and the worst letter of a column, in the mean over all sites, from
        which on it is one. Columns beside it that contribute at least `motif_discovery.WEAK` of
        that belong to it; to one that stands alone, the stronger of its neighbours. A stretch of
        more than `WIDEST` columns is no word.
    min_seqlets : int
        Fewest sites that have the letters: half or more of what the best ones contribute.
    """
    mean = found.hypothetical.mean(axis=0).astype(np.float64)
    left = mean.max(axis=1) - mean.min(axis=1)
    patterns: list[Pattern] = []
    while len(left) > 1 and left.max() >= max(steady, np.finfo(float).tiny):
        begin, end = _stretch(left)
        left[begin:end] = 0
        letters = np.vstack([mean[begin:end].T, mean[begin:end].min(axis=1)])  # unknown: the worst
        score = letters[found.codes[:, begin:end], np.arange(end - begin)].sum(axis=1)
        row = np.flatnonzero(score >= mean[begin:end].max(axis=1).sum() / 2)
        if end - begin <= WIDEST and len(row) >= min_seqlets:
            patterns.append(laid(found, row, np.full(len(row), begin), end - begin))
    return patterns


def _stretch(worth: NDArray[np.float64]) -> tuple[int, int]:
    """First and last column (half-open) around the best one: two at least."""
    best = int(worth.argmax())
    weak = np.flatnonzero(worth < WEAK * worth[best])
    begin = int(weak[weak < best].max(initial=-1)) + 1
    end = int(weak[weak > best].min(initial=len(worth)))
    if end - begin > 1:
        return begin, end
    before = worth[begin - 1] if begin else -1.0
    after = worth[end] if end < len(worth) else -1.0
    return (begin - 1, end) if before >= after else (begin, end + 1)
