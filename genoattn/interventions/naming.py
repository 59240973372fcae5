"""Which element it is that is read at a place: few hypotheses, at their place; touches arrays.

TOMTOM compares a short matrix with a hundred others wherever they fit, and over so many tests not
even an ideal TATAAT is told from chance. Here an element is only asked for where it may lie, on the
site's own strand, and it has to be *the sequence that is read*: at each site the allowed place with
the greatest contribution is taken, and the element's log-odds there (its position weight matrix
against the genome's composition, bits) are compared with those of the matched places, which are the
same offset at all the other sites. The statistic is the mean excess over the matched places,
weighted by the contribution::

    excess = sum_i c_i (s_i - mean of s at this offset) / sum_i c_i

It is zero if what is read there has nothing to do with the element. Neighbouring sites share
sequence, so its standard error is that of independent blocks of the genome (a sandwich), and p is
one-sided by Student's t with blocks - 1 degrees of freedom, times the number of `REGISTERS` tried.
Each row also says the smallest excess that would have been found four times out of five had it been
the only one (``detectable``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from genoattn.genome.motifs import information_matrix, log_odds_matrix
from genoattn.heads.elements import Element

__all__ = ["POWER", "check_elements", "element_scores", "element_weights", "name_places", "with_q"]

POWER = 0.8
"""How often a ``detectable`` effect would have been found."""

REGISTERS = (0, -2, -1, 1, 2)
"""Shifts of an element against the places that contribute most, the same at all sites: what is read
may be narrower than the element. The best counts, and p is multiplied by their number."""
SMALLEST = 1e-9
"""Bits; a smaller standard error is rounding."""
BESIDE = 3
"""Nucleotides beside an element that are looked at when elements are told from each other."""

ALIKE = 0.4
"""Similarity below which what is read is not called by an element's name, however sure its bits."""

CERTAINTY = 0.9
"""Share of a consensus letter in an element's matrix; the rest is as the background."""


def element_weights(element: Element, background: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-odds of an element's letters in bits, shape (k, 4)."""
    mixed = CERTAINTY * element.probabilities + (1 - CERTAINTY) * background
    unknown = np.ptp(element.probabilities, axis=1) == 0  # N: any letter
    mixed[unknown] = background
    return log_odds_matrix(mixed, background)


def check_elements(elements: Sequence[Element], offset: NDArray[np.int64]) -> None:
    """Refuse elements that cannot lie in a region of ``offset``.

    Raises
    ------
    ValueError
        Names the element, its places and the region.
    """
    for one in elements:
        if not _places(one, offset):
            first, last = one.places[0], one.places[-1] + len(one.probabilities) - 1
            raise ValueError(
                f"element {one.name} lies outside the window: it covers offsets {first} to {last}, "
                f"the window is {offset[0]} to {offset[-1]} (the site is 0)"
            )


def _places(element: Element, offset: NDArray[np.int64]) -> list[int]:
    """Allowed places of an element's first nucleotide at which it lies in the region whole."""
    width = len(element.probabilities)
    return [
        place for place in element.places if offset[0] <= place and place + width - 1 <= offset[-1]
    ]


def element_scores(
    codes: NDArray[np.uint8], offset: NDArray[np.int64], element: Element, weights: NDArray
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Log-odds of an element at each allowed place of each site.

    Parameters
    ----------
    codes : uint8 array, shape (n, p)
    offset : int array, shape (p,)
    element : Element
    weights : float array, shape (k, 4)
        `element_weights`.

    Returns
    -------
    places : int array, shape (q,)
        Offsets of the first nucleotide.
    score : float array, shape (n, q)
        Bits; unknown nucleotides count 0.
    """
    table = np.column_stack([weights, np.zeros(len(weights))])  # k, 5
    places = np.array(_places(element, offset), dtype=np.int64)
    begin = places - offset[0]
    words = codes[:, begin[:, None] + np.arange(len(weights))]  # n, q, k
    return places, table[np.arange(len(weights)), words].sum(2)


def name_places(
    contribution: NDArray[np.floating],
    codes: NDArray[np.uint8],
    offset: NDArray[np.int64],
    elements: Sequence[Element],
    block: NDArray[np.int64],
    *,
    background: NDArray[np.floating],
    anchor: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """Hold what is read at n sites against elements at their places.

    Parameters
    ----------
    contribution : float array, shape (n, p)
        What each nucleotide contributes, in log-odds; places that contribute less than nothing
        count nothing.
    codes : uint8 array, shape (n, p)
    offset : int array, shape (p,)
    elements : sequence of Element
    block : int array, shape (n,)
        Block of the genome that each site lies in.
    background : float array, shape (4,)
    anchor : int array, shape (n,), optional
        Where something was aligned at each site (offset of its first nucleotide): elements are
        then laid at the same distance from it at all sites, instead of where most is contributed.

    Returns
    -------
    DataFrame
        A row an element: ``element``, ``offset`` (of its first nucleotide, the place that
        contributes most), ``similarity`` (cosine of the letters that are read and the element's,
        0..1: which of several elements that are alike it is), ``n_sites`` (that contribute),
        ``contribution`` (mean over all sites at the place taken, log-odds), ``excess`` (bits),
        ``ci_low``, ``ci_high`` (95 %), ``standard_error``, ``n_tried`` (registers), ``p_value``.
        See `with_q`.

    Raises
    ------
    ValueError
        An element lies outside the region, or all sites in one block.
    """
    check_elements(elements, offset)
    rows = []
    for one in elements:
        weights = element_weights(one, background)
        places, score = element_scores(codes, offset, one, weights)
        covered = (places - offset[0])[:, None] + np.arange(len(weights))  # q, k
        there = contribution[:, covered].sum(2)  # n, q
        matched = score - score.mean(0)  # n, q
        tried = _tried(places, there) if anchor is None else _anchored(places, anchor, len(weights))
        found = [_excess(there, matched, taken, allowed, block) for taken, allowed in tried]
        best = min(range(len(tried)), key=lambda one: found[one].p_value)
        placed, measured = places[tried[best][0]], found[best]
        n_tried = len(np.unique([taken for taken, _ in tried], axis=0))
        rows.append(
            (
                one.name,
                _usual(placed, measured.amount),
                _similarity(contribution, codes, placed - offset[0], one),
                *measured[1:-1],
                n_tried,
                min(1.0, n_tried * measured.p_value),
            )
        )
    columns = ["element", "offset", "similarity", "n_sites", "contribution", "excess", "ci_low",
               "ci_high", "standard_error", "n_tried", "p_value"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


_Tried = list[tuple[NDArray[np.intp], NDArray[np.bool_]]]
"""Number of the place of each site, and whether the element may lie there, of each attempt."""


def _tried(places: NDArray[np.int64], there: NDArray[np.floating]) -> _Tried:
    """Where each site's contribution is greatest, in each of `REGISTERS`."""
    taken = there.argmax(1)
    last = len(places) - 1
    return [((taken + shift).clip(0, last), np.full(len(taken), True)) for shift in REGISTERS]


def _anchored(places: NDArray[np.int64], anchor: NDArray[np.int64], width: int) -> _Tried:
    """At the same distance from an alignment, for each distance that covers its first half."""
    found = []
    for shift in range(-width + 2, width - 1):
        taken = np.searchsorted(places, anchor + shift).clip(0, len(places) - 1)
        found.append((taken, places[taken] == anchor + shift))
    return found


def _similarity(
    contribution: NDArray[np.floating],
    codes: NDArray[np.uint8],
    first: NDArray[np.int64],
    element: Element,
) -> float:
    """Cosine of what is read around the places taken and the element's information, 0..1.

    `BESIDE` nucleotides to each side count as well, so that neither a part of an element nor an
    element with letters that nothing reads is as like as the element itself.
    """
    bits = information_matrix(element.probabilities)
    wanted = np.pad(bits, ((BESIDE, BESIDE), (0, 0)))
    column = first[:, None] + np.arange(-BESIDE, len(bits) + BESIDE)
    inside = (column >= 0) & (column < codes.shape[1])
    column = column.clip(0, codes.shape[1] - 1)
    site = np.arange(len(codes))[:, None]
    amount = np.where(inside, contribution[site, column], 0.0)
    read = np.einsum("nk,nka->ka", amount, np.eye(5, 4)[codes[site, column]]).clip(0)
    size = np.linalg.norm(read) * np.linalg.norm(wanted)
    return float((read * wanted).sum() / size) if size > 0 else 0.0


class _Measured(NamedTuple):
    amount: NDArray[np.float64]
    n_sites: int
    contribution: float
    excess: float
    low: float
    high: float
    error: float
    p_value: float


def _excess(
    there: NDArray[np.float64],
    matched: NDArray[np.float64],
    taken: NDArray[np.intp],
    allowed: NDArray[np.bool_],
    block: NDArray[np.int64],
) -> _Measured:
    """Weighted mean excess with its interval and p: see the module's first lines.

    ``there`` (n, q) is what each place contributes, ``matched`` (n, q) the log-odds less their mean
    over the sites, ``taken`` (n,) the place of each site, if ``allowed`` there. A site counts in
    the weighted mean and in the means of the matched places.
    """
    site = np.arange(len(there))
    amount = np.where(allowed, np.maximum(there[site, taken], 0.0), 0.0)
    n, total = int((amount > 0).sum()), amount.sum()
    if len(np.unique(block)) < 2:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    freedom = len(np.unique(block[amount > 0])) - 1
    if freedom < 1 or total <= 0:  # what contributes lies in one block: nothing can be said
        return _Measured(amount, n, float(amount.mean()), 0.0, np.nan, np.nan, np.nan, 1.0)
    above = matched[site, taken]
    mean = float((amount * above).sum() / total)
    share = np.bincount(taken, amount, minlength=matched.shape[1]) / total  # of each place
    influence = amount * (above - mean) / total - matched @ share / len(amount)
    number = np.unique(block, return_inverse=True)[1]
    sums = np.bincount(number, influence)
    error = float(np.sqrt((sums**2).sum() * (freedom + 1) / freedom))
    half = float(student.ppf(0.975, freedom)) * error
    p_value = float(student.sf(mean / max(error, SMALLEST), freedom))
    low, high = mean - half, mean + half
    return _Measured(amount, n, float(amount.mean()), mean, low, high, error, p_value)


def _usual(places: NDArray[np.int64], amount: NDArray[np.float64]) -> int:
    """The place that contributes most, all sites together."""
    each, number = np.unique(places, return_inverse=True)
    return int(each[np.bincount(number, amount).argmax()])


def with_q(frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
    """Add q over all rows (Benjamini-Hochberg), and what would have been found.

    Parameters
    ----------
    frame : DataFrame
        Rows of `name_places`: of one reader, or of several (36 heads) together.
    level : float
        False discovery rate.

    Returns
    -------
    DataFrame
        ``q_value``, and ``detectable``: the smallest excess (bits) that alone among all rows would
        have had q < ``level`` with a probability of `POWER`.
    """
    if frame.empty:
        return frame.assign(q_value=[], detectable=[])
    freedom = np.maximum(frame["n_sites"].to_numpy() - 1, 1)
    needed = student.isf(level / len(frame) / frame["n_tried"].to_numpy(), freedom) + student.ppf(
        POWER, freedom
    )
    return frame.assign(
        q_value=false_discovery_control(frame["p_value"]),
        detectable=needed * frame["standard_error"].to_numpy(),
    )


def named(table: pd.DataFrame, *, max_q: float = 0.05, least: float = 0.0) -> pd.Series | None:
    """The row of one reader that names it: of those that pass, the most similar element's.

    Elements contain each other (TATAAT lies in TGNTATAAT), and a sure excess of bits is one of
    all of them: so q only says which come into question.

    Parameters
    ----------
    table : DataFrame
        `with_q`, the rows of one reader.
    max_q : float
    least : float
        Mean contribution (log-odds) below which a reader does not count as one of the element.
    """
    sure = (table["q_value"] <= max_q) & (table["excess"] > 0) & (table["similarity"] >= ALIKE)
    passing = table[sure & (table["contribution"] >= least)]
    return None if passing.empty else passing.iloc[int(passing["similarity"].to_numpy().argmax())]
