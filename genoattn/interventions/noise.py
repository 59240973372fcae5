"""Which stretch is replaced at which site, and by what letters; touches elements.py and a genome.

An element is looked for at its allowed places beside each site. A site *has* it where its best
match is as good as only a few random places of the part have one, and *lacks* it where the match is
no better than that of the median random place. Noise keeps the composition: that of the element
(its letters in another order), or, for an element of so few letters, or kinds of letters, that all
orders are alike, that of the place (the letters there at sites that lack the element; where no site
lacks it, as none does a start codon, those of random places). The control is the same noise at
sites that lack the element, in the same places: what stands there instead is read as well, so a
head carries the *element* only as far as it restores more than there.

A reading frame is no word. What asks about it are edits that break the frame, and, as their
control, edits of the same kind that do not (`frame_questions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.sequence import STRANDS, Genome
from genoattn.heads.elements import Element, sited
from genoattn.interventions.written import STOPS

FEWEST = 4
"""An element of fewer letters is replaced by those of other sites instead of being permuted."""

N_RANDOM = 5_000
"""Random places that say what a good match is."""


def permuted(letters: NDArray[np.integer], n: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Letters in n random orders, each of which moves at least half of what can be moved.

    Parameters
    ----------
    letters : integer array, shape (m,)
    n : int
    rng : Generator

    Returns
    -------
    integer array, shape (n, m)
        Every row has the composition of ``letters``.
    """
    movable = min(len(letters), 2 * int(len(letters) - np.bincount(letters).max()))
    rows: list[NDArray[np.integer]] = []
    while len(rows) < n:
        one = rng.permutation(letters)
        if 2 * (one != letters).sum() >= movable:
            rows.append(one)
    return np.array(rows)


def swapped(pool: NDArray[np.integer], n: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Stretches drawn from a pool (sites without the element): the composition of the place.

    Parameters
    ----------
    pool : integer array, shape (k, m)

    Returns
    -------
    integer array, shape (n, m)
    """
    return pool[rng.integers(len(pool), size=n)]


class Noised(NamedTuple):
    """What is replaced at each of n sites, and by what.

    Attributes
    ----------
    first : int array, shape (n,)
        Offset of the first replaced nucleotide from the site.
    letters : integer array, shape (n, draws, m)
        Replacements of the m nucleotides from there on.
    clean : integer array, shape (n, draws, m), optional
        What stands there in the clean run of each draw; the genome's letters by default.
    """

    first: NDArray[np.int64]
    letters: NDArray[np.integer]
    clean: NDArray[np.integer] | None = None

    @property
    def last(self) -> NDArray[np.int64]:
        """Offset of the last replaced nucleotide, shape (n,)."""
        return self.first + self.letters.shape[2] - 1


class Question(NamedTuple):
    """One element, and the noise that asks about it.

    Attributes
    ----------
    element : str
    first, last : int
        First and last offset that it takes at most sites (the commonest place).
    sites : DataFrame
        ``position``, ``strand``, ``block``; n of them.
    noised : Noised
    control : str
        Empty where the element stands, else what is wrong with the places.
    n_with : int
        Sites that have it (or lack it, for a control), of which these were drawn.
    by_chance : float
        Sites that would have it if sites were random places; NaN where that is no question.
    """

    element: str
    first: int
    last: int
    sites: pd.DataFrame
    noised: Noised
    control: str
    n_with: int
    by_chance: float = np.nan


CONTROL = "no element here"


def questions(
    genome: Genome,
    sites: pd.DataFrame,
    inside: NDArray[np.bool_],
    elements: Sequence[Element],
    *,
    n_sites: int,
    n_lacking: int | None = None,
    draws: int,
    rare: float,
    seed: int,
) -> list[Question]:
    """Ask about elements where they are, and at sites that lack them.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``, ``block``: labelled sites of a part.
    inside : bool array, shape (L,)
        The part, from whose places matches by chance are known.
    elements : sequence of Element
    n_sites : int
        At most so many sites for each element, drawn at random.
    n_lacking : int, optional
        The same for each control; ``n_sites`` by default.
    draws : int
        Random replacements at each site.
    rare : float
        A site has an element where its match is one that at most this share of random places have
        (or the best possible).
    seed : int

    Returns
    -------
    list of Question
        Two for each element: itself and its control, whose places are those that the element takes
        at the sites drawn for it. An element whose sites do not lie in at least two blocks is left
        out with its control, and so is a control by itself.
    """
    asked = []
    for number, element in enumerate(elements):
        rng = np.random.default_rng([seed, number])
        first, score = sited(genome, sites, element)
        anywhere = random_places(inside, N_RANDOM, rng)
        elsewhere, chance = sited(genome, anywhere, element)
        has, lacks, share = has_element(score, chance, rare)
        a, b = element.span
        swapping = element.swapped or b - a < FEWEST
        if lacks.any():
            pool = _letters(genome, sites[lacks], first[lacks] + a, b - a)
        elif swapping:
            poor = chance <= np.median(chance) + 1e-9
            pool = _letters(genome, anywhere[poor], elsewhere[poor] + a, b - a)
        else:
            continue
        taken: NDArray[np.int64] | None = None  # places of the element at the sites drawn for it
        kinds = (has, "", n_sites), (lacks, CONTROL, n_lacking or n_sites)
        for rows, control, most in kinds:
            index = np.flatnonzero(rows)
            take = np.sort(rng.permutation(index)[:most])
            if sites["block"].iloc[take].nunique() < 2:
                break
            if taken is None:
                begin = taken = first[take] + a
            else:
                begin = np.resize(rng.permutation(taken), len(take))
            there = _letters(genome, sites.iloc[take], begin, b - a)
            noise = [
                swapped(pool, draws, rng) if swapping else permuted(letters, draws, rng)
                for letters in there
            ]
            common = int(np.bincount(begin - begin.min()).argmax() + begin.min())
            asked.append(
                Question(
                    element.name,
                    common,
                    common + b - a - 1,
                    sites.iloc[take].reset_index(drop=True),
                    Noised(begin, np.stack(noise)),
                    control,
                    int(index.size),
                    np.nan if control else share * len(sites),
                )
            )
    return asked


OUT_OF_FRAME = "frame kept"
"""The control of questions about the reading frame."""


def frame_questions(
    genome: Genome, sites: pd.DataFrame, *, last: int, n_sites: int, draws: int, seed: int
) -> list[Question]:
    """Ask about the reading frame that begins at a site: break it, and do the same without.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``, ``block``: first letters of start codons.
    last : int
        Last offset that may be changed.
    n_sites, draws, seed
        As of `questions`; the sites are the same for all.

    Returns
    -------
    list of Question
        *Stop codon in frame*: TAA, TAG or TGA in place of one of the codons after the first; its
        control writes it one or two letters further. *Frame shifted*: one or two random letters
        are inserted after the start codon, which moves what follows up to ``last``; its control
        inserts three that are no stop codon.
    """
    rng = np.random.default_rng(seed)
    chosen = sites.iloc[np.sort(rng.permutation(len(sites))[:n_sites])].reset_index(drop=True)
    if last < 8 or len(chosen) == 0 or chosen["block"].nunique() < 2:
        return []
    n, begin = len(chosen), np.full(len(chosen), 3)
    stop = STOPS[rng.integers(len(STOPS), size=(n, draws))]
    codon = 3 * rng.integers(1, (last - 5) // 3 + 1, size=n)
    beside = codon + rng.integers(1, 3, size=n)
    behind = _letters(genome, chosen, begin, last - 2)
    shifted, moved = (
        np.stack(
            [[_inserted(one, k, rng) for k in rng.choice(sizes, size=draws)] for one in behind]
        )
        for sizes in ((1, 2), (3,))
    )
    asked = []
    for name, broken, kept in (
        ("stop codon in frame", Noised(codon, stop), Noised(beside, stop)),
        ("frame shifted", Noised(begin, shifted), Noised(begin, moved)),
    ):
        for noised, control in ((broken, ""), (kept, OUT_OF_FRAME)):
            asked.append(Question(name, 3, last, chosen, noised, control, len(sites)))
    return asked


def _inserted(
    letters: NDArray[np.integer], k: int, rng: np.random.Generator
) -> NDArray[np.integer]:
    """Letters with k random ones before them, no stop codon, and as many fewer at the end."""
    new = rng.integers(4, size=k)
    while k == STOPS.shape[1] and (new == STOPS).all(1).any():
        new = rng.integers(4, size=k)
    return np.concatenate([new, letters[: len(letters) - k]])


def tiles(
    genome: Genome,
    sites: pd.DataFrame,
    *,
    first: int,
    last: int,
    width: int,
    n_sites: int,
    draws: int,
    seed: int,
) -> list[Question]:
    """Ask about every stretch of a region, whatever stands there: permuted letters.

    Parameters
    ----------
    genome, sites, n_sites, draws, seed
        As of `questions`; the sites are the same for all tiles.
    first, last : int
        First offset of the first tile and last of the last; the rest is left out.
    width : int
        Nucleotides of a tile.
    """
    rng = np.random.default_rng(seed)
    chosen = sites.iloc[np.sort(rng.permutation(len(sites))[:n_sites])].reset_index(drop=True)
    asked = []
    for begin in range(first, last - width + 2, width):
        start = np.full(len(chosen), begin)
        letters = _letters(genome, chosen, start, width)
        noise = np.stack([permuted(one, draws, rng) for one in letters])
        name, end = f"{begin:+d} to {begin + width - 1:+d}", begin + width - 1
        asked.append(Question(name, begin, end, chosen, Noised(start, noise), "", len(sites)))
    return asked


def has_element(
    score: NDArray[np.float64], chance: NDArray[np.float64], rare: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
    """Which sites have an element, which lack it, and how many random places have it.

    Parameters
    ----------
    score : float array, shape (n,)
        Best match at each site.
    chance : float array, shape (k,)
        The same at random places.
    rare : float
        Share of random places that may match as well.

    Returns
    -------
    has, lacks : bool arrays, shape (n,)
    share : float
        Of random places that have it.
    """
    values = np.unique(np.concatenate([score, chance]))
    reached = 1 - np.searchsorted(np.sort(chance), values - 1e-9) / len(chance)
    good = values[reached <= rare]
    least = (good.min() if good.size else values.max()) - 1e-9
    has = score >= least
    return has, ~has & (score <= np.median(chance) + 1e-9), float((chance >= least).mean())


def random_places(inside: NDArray[np.bool_], n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Places of a part on either strand, drawn at random."""
    place = np.flatnonzero(inside)
    strand = np.array(STRANDS)[rng.integers(2, size=n)]
    return pd.DataFrame({"position": rng.choice(place, n), "strand": strand})


def _letters(
    genome: Genome, sites: pd.DataFrame, first: NDArray[np.int64], width: int
) -> NDArray[np.uint8]:
    """Codes of the ``width`` nucleotides from ``first`` (n,) on at each site: (n, width)."""
    rows = zip(sites["position"], sites["strand"], first, strict=True)
    step = np.arange(width)
    return np.stack([genome.around([p], [s], f + step)[0] for p, s, f in rows])
