"""What is claimed of a network, whatever was planted: elements, and heads that carry them.

A claim is an element that the network reads and that at least one head hands on to the output:

1. **Found.** What each letter around some start sites contributes is mapped (`saturation`, exactly
   or to first order), and motifs are looked for in the map (`motif_discovery`), and again
   in what the first leave unexplained; last, letters that contribute at one place in the mean of
   all sites (`standing`). A motif with a gap is as many elements as it has parts; other letters at
   the same place are the same element (`pooled`). Its letters are those at sites where no element
   that says more takes the same place (`distinct`, `separated`).
2. **Used.** At other start sites that have the element, and where no element that says more takes
   the same place (`alone`), its letters are put in another order: the log-odds must fall
   (`carriers.effects`). So what is a part of another element, or that element moved by a letter,
   is no claim of its own.
3. **Carried.** In the noised sequence one head at a time hands on what it would if the element
   stood there (`mediation`): with at least one head some of the effect must come back, beyond
   doubt over all heads and elements of the network (`carriers.carried`).

The rule is the same for simulated genomes and for real ones. Claims also predict: what a stretch
is worth at a site that they were not made of is read off the letters of all claims (`expected`),
and compared with what its replacement costs there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element, sited
from genoattn.interventions import replacement
from genoattn.interventions.carriers import COLUMNS, Answer, Criteria, carried, effects, shares
from genoattn.interventions.mediation import check_model, mediation
from genoattn.interventions.motif_discovery import (
    WEAK,
    Pattern,
    discover,
    elements_used,
    known_by_place,
    laid,
)
from genoattn.interventions.noise import (
    N_RANDOM,
    Question,
    has_element,
    questions,
    random_places,
)
from genoattn.interventions.saturation import MutationMap, first_order
from genoattn.model.annotator import Annotator

__all__ = [
    "Asked",
    "Claims",
    "Rule",
    "agreement",
    "alone",
    "apart",
    "ask",
    "claim",
    "distinct",
    "letters_around",
    "parts",
    "pooled",
    "predicted",
    "randomised",
    "searched",
    "separated",
    "standing",
    "without",
]


@dataclass(frozen=True)
class Rule:
    """The limits of a claim, and of its grading.

    Attributes
    ----------
    first, last : int
        Offsets from the start site between which elements are looked for, both inclusive; ``first``
        is as far upstream as the site's query sees if that is less.
    n_learn : int
        Sites that are searched for elements, drawn at random.
    min_seqlets : int
        Fewest of these sites that have an element.
    n_sites : int
        Sites at which each element is asked about, and stretches are replaced.
    draws : int
        Random replacements at each site.
    rare : float
        A site has an element where its match is one that this share of random places has at most.
    faint : float
        An element takes a place from those that say less where its match is one that this share of
        random places has at most.
    least : float
        Log-odds of an effect or of what comes back with a head that may be chance.
    max_q : float
        Greatest q-value of a head that carries an element.
    block : int
        Nucleotides of the genome that are resampled together.
    n_bootstrap : int
        Resamples.
    level : float
        Coverage of intervals.
    rounds : int
        Times that motifs are looked for, each time in what the former leave unexplained.
    gap : int
        So many columns that contribute next to nothing part two elements; the middle of the -10
        box is one fewer.
    max_alike : float
        Of two motifs at one place more alike than this (cosine) one is enough.
    steady : float
        Log-odds between the best and the worst letter, in the mean of all sites, from which on a
        place is an element by itself.
    tolerance : int
        A claimed and a planted offset may differ by so many nt.
    min_similarity : float
        Least likeness of a claim and a planted element (`grading.likeness`).
    min_used : float
        Log-odds by which a planted element moves the output, at least, if the model uses it.
    n_permuted : int
        Times that the letters of the planted elements are permuted, for the chance line.
    """

    first: int = -100
    last: int = 18
    n_learn: int = 1_600
    min_seqlets: int = 20
    n_sites: int = 60
    draws: int = 2
    rare: float = 0.05
    faint: float = 0.25
    least: float = 0.05
    max_q: float = 0.05
    block: int = 2_000
    n_bootstrap: int = 1_000
    level: float = 0.95
    rounds: int = 2
    gap: int = 4
    max_alike: float = 0.5
    steady: float = 0.3
    tolerance: int = 1
    min_similarity: float = 0.8
    min_used: float = 0.5
    n_permuted: int = 100

    def criteria(self, seed: int) -> Criteria:
        """How the shares of heads are tested."""
        return Criteria(self.n_bootstrap, self.level, seed, self.least, self.max_q)


AROUND = 20
"""Nucleotides on each side of a claim whose letters are kept, to hold it against an element."""

PREDICTED_DRAWS = 32
"""Random letters that a prediction is the mean of."""

LEAST_BITS = 1.0
"""Information of what is left of a motif beside another: that of one letter out of two."""

FEWEST = 10
"""Sites at which elements are asked about, at least."""


class Claims(NamedTuple):
    """Elements that a network reads, and what the heads have to do with them."""

    table: pd.DataFrame
    """A row an element: ``name`` (that of a known element, or letters and place), ``consensus``,
    ``first``, ``last`` (commonest offsets), ``n_seqlets``; ``effect``, ``ci_low``, ``ci_high``
    (log-odds lost by noise; NaN where too few other sites have it), ``used``; ``head`` (with which
    most comes back of those that carry it; empty: none), ``n_heads``, ``share``, ``share_low``,
    ``share_high``, ``q_value``; ``claimed``."""
    patterns: list[Pattern]
    """Of each row; its rows are those of ``sites``."""
    sites: pd.DataFrame
    """``position``, ``strand`` of the sites that were searched."""
    letters: list[NDArray[np.int64]]
    """Counts of A, C, G, T at these sites from `AROUND` nt before each pattern to as many after."""
    shares: pd.DataFrame
    """`carriers.shares` of all heads and elements."""


class Asked(NamedTuple):
    """What was answered about elements."""

    table: pd.DataFrame
    """A row an element, the columns of `Claims.table` from ``effect`` on."""
    shares: pd.DataFrame
    """`carriers.shares` of all heads and elements."""
    questions: list[Question]
    """Of the elements that enough sites have."""


def searched(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    *,
    rule: Rule,
    seed: int,
    progress: bool = False,
) -> MutationMap:
    """Map what the letters around sites contribute, to look for elements there.

    Parameters
    ----------
    model : Annotator
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``; ``rule.n_learn`` of them are taken.
    rule : Rule
        ``first``, ``last``, ``n_learn``.
    seed : int
    progress : bool

    Returns
    -------
    MutationMap
        To first order (`saturation.first_order`).

    Raises
    ------
    ValueError
        Too few sites.
    """
    check_model(model)
    if len(sites) < 2 * rule.min_seqlets:
        raise ValueError(
            f"{len(sites)} sites to find elements at: at least {2 * rule.min_seqlets} are needed"
        )
    first = max(rule.first, model.config.downstream - model.config.window + 1)
    chosen = _drawn(sites, rule.n_learn, seed)
    return first_order(
        model,
        genome,
        chosen,
        first=first,
        last=rule.last,
        composition=motifs.composition(genome.codes),
        progress=progress,
    )


def claim(
    model: Annotator,
    genome: Genome,
    found: MutationMap,
    sites: pd.DataFrame,
    part: NDArray[np.bool_],
    *,
    known: Sequence[Element] = (),
    rule: Rule | None = None,
    seed: int,
    name: str = "",
    progress: bool = False,
) -> Claims:
    """Claim elements and their heads.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    found : MutationMap
        Of the sites at which elements are found.
    sites : DataFrame
        ``position``, ``strand`` of the sites at which they are asked about; those of the map are
        left out.
    part : bool array, shape (L,)
        The part of the genome in which these lie, from whose places matches by chance are known.
    known : sequence of Element
        Names for what is found; without any, it is called by its letters and place.
    rule : Rule, optional
    seed : int
    name : str
        What the table of shares calls the model.
    progress : bool
        Show progress bars.

    Raises
    ------
    ValueError
        Too few sites to ask about elements.
    """
    rule = rule or Rule()
    check_model(model)
    unseen = apart(sites, found.sites)
    if len(unseen) < FEWEST:
        raise ValueError(
            f"{len(unseen)} sites to ask about elements at, besides those where they are found: at "
            f"least {FEWEST} are needed"
        )
    names, patterns = _elements(found, genome, part, known, rule, seed)
    elements = [_as_element(name, one) for name, one in zip(names, patterns, strict=True)]
    free = alone(genome, unseen, part, elements, rule.faint, seed)
    asked = ask(
        model, genome, unseen, part, elements, free,
        rule=rule, seed=seed, name=name, progress=progress,
    )  # fmt: skip
    told = pd.DataFrame(
        [
            (each, one.consensus, one.offset, one.offset + one.width - 1, len(one))
            for each, one in zip(names, patterns, strict=True)
        ],
        columns=["name", "consensus", "first", "last", "n_seqlets"],
    )
    letters = [letters_around(genome, found.sites, one) for one in patterns]
    return Claims(told.join(asked.table), patterns, found.sites, letters, asked.shares)


def apart(sites: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Leave out sites that are among others: ``position``, ``strand``, numbered anew."""
    keys = ["position", "strand"]
    known = pd.MultiIndex.from_frame(others[keys])
    new = ~pd.MultiIndex.from_frame(sites[keys]).isin(known)
    return sites.loc[new, keys].reset_index(drop=True)


def ask(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    part: NDArray[np.bool_],
    elements: Sequence[Element],
    at: NDArray[np.bool_] | None = None,
    *,
    rule: Rule,
    seed: int,
    name: str = "",
    progress: bool = False,
) -> Asked:
    """Ask whether the output depends on elements, and which heads carry them.

    Parameters
    ----------
    model, genome, part, rule, seed, name, progress
        As of `claim`.
    sites : DataFrame
        ``position``, ``strand`` of sites in the part; each element is asked about at those that
        have it.
    elements : sequence of Element
        Of different names.
    at : bool array, shape (elements, sites), optional
        Sites at which each may be asked about; all by default.
    """
    block = bootstrap.blocks(part, rule.block)
    given = sites[["position", "strand"]].reset_index(drop=True)
    given = given.assign(block=block[given["position"].to_numpy()])
    every = np.ones((len(elements), len(given)), dtype=bool) if at is None else at
    asked = [
        one
        for element, mine in zip(elements, every, strict=True)
        for one in questions(
            genome, given[mine].reset_index(drop=True), part, [element],
            n_sites=rule.n_sites, draws=rule.draws, rare=rule.rare, seed=seed,
        )
        if not one.control
    ]  # fmt: skip
    answers = [
        Answer(one, mediation(model, genome, one.sites, one.noised, name=one.element,
                              removing=False, progress=progress))
        for one in asked
    ]  # fmt: skip
    if not answers:
        nothing = pd.DataFrame(columns=list(COLUMNS))
        return Asked(_answered(elements, nothing, nothing), nothing, [])
    criteria = rule.criteria(seed)
    table = shares(answers, criteria, model=name, seed=seed)
    answered = _answered(elements, effects(answers, criteria), carried(table, criteria))
    return Asked(answered, table, asked)


def alone(
    genome: Genome,
    sites: pd.DataFrame,
    part: NDArray[np.bool_],
    elements: Sequence[Element],
    faint: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Mark the sites at which no element before it takes the place of an element.

    An element takes the letters of its best match at a site if the match is one that the share
    ``faint`` of random places has at most (`_there`).

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    part : bool array, shape (L,)
        From whose places matches by chance are known.
    elements : sequence of Element
        Those that say most first.
    faint : float
    seed : int
        Of the random places.

    Returns
    -------
    bool array, shape (elements, sites)
    """
    anywhere = random_places(part, N_RANDOM, np.random.default_rng(seed))
    first = np.empty((len(elements), len(sites)), dtype=np.int64)
    there, free = (np.ones(first.shape, dtype=bool) for _ in range(2))
    for number, element in enumerate(elements):
        first[number], there[number] = _there(genome, sites, anywhere, element, faint)
        width = len(element.probabilities)
        for other in range(number):
            beside = len(elements[other].probabilities)
            free[number] &= ~_meet(first[number], width, first[other], beside, there[other])
    return free


def _drawn(sites: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many sites, drawn at random, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(sites))[:most]
    return sites.iloc[np.sort(chosen)][["position", "strand"]].reset_index(drop=True)


# --------------------------------------------------------------------------------- what is read


def _elements(
    found: MutationMap,
    genome: Genome,
    part: NDArray[np.bool_],
    known: Sequence[Element],
    rule: Rule,
    seed: int,
) -> tuple[list[str], list[Pattern]]:
    """Elements of a mutation map with their names, those that say most first."""
    patterns: list[Pattern] = []
    left = found
    for _ in range(rule.rounds):
        new = [
            part_of
            for one in discover(left, min_seqlets=rule.min_seqlets)
            for part_of in parts(one, rule.gap)
        ]
        patterns += new
        left = without(left, new)
    patterns = pooled([*patterns, *standing(left, rule.steady, rule.min_seqlets)])
    patterns = separated(found, genome, part, distinct(patterns, rule.max_alike), rule, seed)
    by_place = pd.DataFrame()
    if known and patterns:
        background = motifs.composition(genome.codes)
        block = found.sites["position"].to_numpy() // rule.block
        by_place = known_by_place(patterns, found, known, block, background=background)
    shapeless = pd.DataFrame(columns=["pattern", "best_match", "p_value", "q_value"])
    every = sorted(
        elements_used(patterns, found, by_place, shapeless), key=lambda one: -_bits(one.pattern)
    )
    return [one.name for one in every], [one.pattern for one in every]


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
        that belong to it.
    min_seqlets : int
        Fewest sites that have the letters: half or more of what the best ones contribute.
    """
    mean = found.hypothetical.mean(axis=0).astype(np.float64)
    worth = mean.max(axis=1) - mean.min(axis=1)
    patterns = []
    left = worth.copy()
    while len(left) and left.max() >= steady:
        best = int(left.argmax())
        weak = np.flatnonzero(worth < WEAK * worth[best])
        begin = int(weak[weak < best].max(initial=-1)) + 1
        end = int(weak[weak > best].min(initial=len(worth)))
        left[begin:end] = 0
        letters = np.vstack([mean[begin:end].T, mean[begin:end].min(axis=1)])  # unknown: the worst
        score = letters[found.codes[:, begin:end], np.arange(end - begin)].sum(axis=1)
        row = np.flatnonzero(score >= mean[begin:end].max(axis=1).sum() / 2)
        if end - begin >= 2 and len(row) >= min_seqlets:
            patterns.append(laid(found, row, np.full(len(row), begin), end - begin))
    return patterns


def separated(
    found: MutationMap,
    genome: Genome,
    part: NDArray[np.bool_],
    patterns: Sequence[Pattern],
    rule: Rule,
    seed: int,
) -> list[Pattern]:
    """Keep of each pattern the sites at which none before it takes its place.

    What a motif has of another one beside it, or of the same one moved by a letter, is so left out
    of its letters; a pattern that has fewer than ``rule.min_seqlets`` sites of its own is none.

    Parameters
    ----------
    found : MutationMap
    genome : Genome
    part : bool array, shape (L,)
        From whose places matches by chance are known.
    patterns : sequence of Pattern
        Those that say most first.
    rule : Rule
        ``faint``, ``min_seqlets``.
    seed : int
        Of the random places.

    Returns
    -------
    list of Pattern
        Most sites first.
    """
    anywhere = random_places(part, N_RANDOM, np.random.default_rng(seed))
    kept: list[Pattern] = []
    taken: list[tuple[NDArray[np.int64], NDArray[np.bool_], int]] = []
    for one in patterns:
        free = np.ones(len(one), dtype=bool)
        for first, there, width in taken:
            free &= ~_meet(one.first, one.width, first[one.row], width, there[one.row])
        if free.sum() < rule.min_seqlets:
            continue
        own = laid(found, one.row[free], one.first[free] - found.offset[0], one.width)
        kept.append(own)
        first, there = _there(genome, found.sites, anywhere, _as_element("", own), rule.faint)
        taken.append((first, there, one.width))
    return sorted(kept, key=len, reverse=True)


def _there(
    genome: Genome, sites: pd.DataFrame, anywhere: pd.DataFrame, element: Element, faint: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where an element fits best at each site, and whether it is there.

    Nowhere, if more than the share ``faint`` of random places have its best match: where so short a
    word stands, another may.
    """
    first, score = sited(genome, sites, element)
    there, _, share = has_element(score, sited(genome, anywhere, element)[1], faint)
    return first, there & (share <= faint)


def _meet(
    first: NDArray[np.int64],
    width: int,
    other: NDArray[np.int64],
    other_width: int,
    there: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether another element is there, and shares letters with this one."""
    return there & (first < other + other_width) & (other < first + width)


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
    told = np.flatnonzero(worth >= WEAK * worth.max())
    if len(told) < 2:
        return [pattern]
    ends = np.flatnonzero(np.diff(told) > gap)
    stretches = [(int(one[0]), int(one[-1]) + 1) for one in np.split(told, ends + 1)]
    if len(stretches) == 1:
        return [pattern]
    return [_cut(pattern, left, right) for left, right in stretches if right - left >= 2]


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


def _bits(pattern: Pattern) -> float:
    """Information of a pattern's letters, over all its sites."""
    return len(pattern) * float(motifs.letter_heights(pattern.counts).sum())


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


def distinct(patterns: Sequence[Pattern], max_alike: float) -> list[Pattern]:
    """Leave out of each pattern what one that says more already has at its place.

    Two are alike by the cosine of their letters' information over all columns of both, where they
    usually lie. Of a pattern that is alike one before it, the columns beside that one are left, if
    there are two that contribute and hold `LEAST_BITS`: of TGNTATAAT, beside TATAAT, TG.

    Returns
    -------
    list of Pattern
        Those that say most first.
    """
    kept: list[Pattern] = []
    for whole in sorted(patterns, key=_bits, reverse=True):
        left: Pattern | None = whole
        for other in kept:
            if left is not None and _alike(left, other) > max_alike:
                left = _beside(left, other)
        if left is not None:
            kept.append(left)
    return sorted(kept, key=_bits, reverse=True)


def _beside(one: Pattern, other: Pattern) -> Pattern | None:
    """The columns on that side of another pattern that says more; None if fewer than two do."""
    begin = other.offset - one.offset
    sides = [(0, max(0, begin)), (min(one.width, begin + other.width), one.width)]
    cut = [_told(_cut(one, left, right)) for left, right in sides if right - left >= 2]
    told = [piece for piece in cut if piece is not None and _bits(piece) >= LEAST_BITS * len(piece)]
    return max(told, key=_bits, default=None)


def _told(one: Pattern) -> Pattern | None:
    """A pattern without outer columns that contribute next to nothing; None if one is left."""
    told = np.flatnonzero(_column_worth(one) >= WEAK * _column_worth(one).max())
    left, right = int(told[0]), int(told[-1]) + 1
    return _cut(one, left, right) if right - left >= 2 else None


def _alike(one: Pattern, other: Pattern) -> float:
    """Cosine of two patterns' letters where they lie."""
    a, b = motifs.letter_heights(one.counts), motifs.letter_heights(other.counts)
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    begin = other.offset - one.offset  # of b's first column, in columns of a
    left, right = max(0, begin), min(len(a), begin + len(b))
    if right <= left or scale == 0:
        return 0.0
    return float((a[left:right] * b[left - begin : right - begin]).sum() / scale)


def letters_around(genome: Genome, sites: pd.DataFrame, pattern: Pattern) -> NDArray[np.int64]:
    """Count letters from `AROUND` nt before a pattern to as many after, where it was found.

    Returns
    -------
    int array, shape (width + 2 * AROUND, 4)
        Of the patterns' sites, whose rows are those of ``sites``.
    """
    step = np.arange(-AROUND, pattern.width + AROUND)
    mine = sites.iloc[pattern.row]
    codes = [
        genome.around([position], [strand], first + step)[0]
        for position, strand, first in zip(
            mine["position"], mine["strand"], pattern.first, strict=True
        )
    ]
    return motifs.count_matrix(np.array(codes, dtype=np.uint8).reshape(-1, len(step)))


# ------------------------------------------------------------------------------ what carries it


def _as_element(name: str, pattern: Pattern) -> Element:
    """A pattern as an element that can be looked for."""
    share = pattern.counts / pattern.counts.sum(axis=1, keepdims=True)
    places = tuple(range(int(pattern.first.min()), int(pattern.first.max()) + 1))
    return Element(name, share, places, f"found at {len(pattern):,} sites")


def _answered(
    elements: Sequence[Element], worth: pd.DataFrame, carriers: pd.DataFrame
) -> pd.DataFrame:
    """What was answered about each element: the first table of `ask`."""
    rows = []
    for element in elements:
        mine = worth[(worth["element"] == element.name) & (worth["control"] == "")]
        by = carriers[carriers["element"] == element.name]
        known, lead = len(mine) > 0, len(by) > 0
        used = bool(mine["used"].iloc[0]) if known else False
        rows.append(
            {
                "effect": float(mine["effect"].iloc[0]) if known else np.nan,
                "ci_low": float(mine["ci_low"].iloc[0]) if known else np.nan,
                "ci_high": float(mine["ci_high"].iloc[0]) if known else np.nan,
                "used": used,
                "head": f"L{by['layer'].iloc[0]} H{by['head'].iloc[0]}" if lead else "",
                "n_heads": len(by),
                "share": float(by["share"].iloc[0]) if lead else np.nan,
                "share_low": float(by["ci_low"].iloc[0]) if lead else np.nan,
                "share_high": float(by["ci_high"].iloc[0]) if lead else np.nan,
                "q_value": float(by["q_value"].iloc[0]) if lead else np.nan,
                "claimed": used and lead,
            }
        )
    columns = ["effect", "ci_low", "ci_high", "used", "head", "n_heads", "share", "share_low",
               "share_high", "q_value", "claimed"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"used": bool, "claimed": bool})


# ---------------------------------------------------------------------------- what they predict


def predicted(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    found: Claims,
    *,
    rule: Rule | None = None,
    seed: int,
    progress: bool = False,
) -> pd.DataFrame:
    """Predict what stretches are worth at sites from the claims, and replace them to see.

    At each site every claim names a stretch: the place at which it expects most. The prediction is
    what all claims together say of the site's sequence (`expected`), less what they say in the mean
    of sequences with random letters of the genome's composition in that stretch.

    Parameters
    ----------
    sites : DataFrame
        ``position``, ``strand`` of sites that the claims were not made of; at most
        ``rule.n_sites`` are taken, whether or not they have the elements.

    Returns
    -------
    DataFrame
        ``name``, ``position``, ``strand``, ``first``, ``last``, ``predicted`` and ``seen``: the
        drop of the log-odds when random letters replace the stretch.
    """
    rule = rule or Rule()
    claimed = [found.patterns[row] for row in np.flatnonzero(found.table["claimed"])]
    names = found.table.loc[found.table["claimed"].to_numpy(bool), "name"]
    columns = ["name", "position", "strand", "first", "last", "predicted"]
    if not claimed:
        return pd.DataFrame(columns=[*columns, "seen"])
    chosen = _drawn(sites, rule.n_sites, seed)
    composition = motifs.composition(genome.codes)
    offset = np.arange(
        min(one.first.min() for one in claimed),
        max(one.first.max() + one.width for one in claimed),
    )
    codes = genome.around(chosen["position"].to_numpy(), chosen["strand"].to_numpy(), offset)
    rng = np.random.default_rng(seed)
    tables = []
    for name, one in zip(names, claimed, strict=True):
        worth, first = _worth_by_place(one, codes, offset, composition)
        place = first[worth.argmax(axis=1)]
        stretch = (place - offset[0])[:, None] + np.arange(one.width)
        drop = expected(claimed, codes, offset, composition)
        for other in randomised(codes, stretch, composition, rng):
            drop = drop - expected(claimed, other, offset, composition) / PREDICTED_DRAWS
        last = place + one.width - 1
        tables.append(chosen.assign(name=name, first=place, last=last, predicted=drop))
    asked = pd.concat(tables, ignore_index=True)[columns]
    measured = replacement.replace(
        model,
        genome,
        asked,
        n_draws=2 * rule.draws,
        composition=composition,
        seed=seed,
        progress=progress,
    )
    return asked.assign(seen=-measured["change"])


def randomised(
    codes: NDArray[np.uint8],
    stretch: NDArray[np.int64],
    composition: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[NDArray[np.uint8]]:
    """Yield sequences with random letters in a stretch of each, `PREDICTED_DRAWS` times.

    Parameters
    ----------
    codes : uint8 array, shape (n, p)
    stretch : int array, shape (n, k)
        Columns of each sequence.
    composition : float array, shape (4,)
    rng : numpy.random.Generator
    """
    for _ in range(PREDICTED_DRAWS):
        other = codes.copy()
        letters = rng.choice(4, size=stretch.shape, p=composition)
        np.put_along_axis(other, stretch, letters.astype(codes.dtype), axis=1)
        yield other


def expected(
    claimed: Sequence[Pattern],
    codes: NDArray[np.uint8],
    offset: NDArray[np.int64],
    composition: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What claims together say that sequences are worth, in log-odds beyond random letters.

    The sum over claims of ``log(1 + sum_o share(o) exp(worth at o))``, where ``share(o)`` is how
    often the claim was found at that place and its worth there the sum of what its letters
    contribute: an element that is not there is worth next to nothing, wherever it might have been.

    Parameters
    ----------
    claimed : sequence of Pattern
    codes : uint8 array, shape (n, p)
    offset : int array, shape (p,)
        Of the letters from the site, ascending without gaps.
    composition : float array, shape (4,)

    Returns
    -------
    float array, shape (n,)
    """
    total = np.zeros(len(codes))
    for one in claimed:
        worth, first = _worth_by_place(one, codes, offset, composition)
        found_at, times = np.unique(one.first, return_counts=True)
        share = np.zeros(len(first))
        share[found_at - first[0]] = times / times.sum()
        total += np.log1p(np.exp(worth) @ share)
    return total


def _worth_by_place(
    one: Pattern,
    codes: NDArray[np.uint8],
    offset: NDArray[np.int64],
    composition: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What a pattern's letters contribute beyond random ones, at each of its places.

    Returns
    -------
    float array, shape (n, places)
    int array, shape (places,)
        Offsets of the first letter, from the first to the last at which the pattern was found.
    """
    worth = one.contribution - (one.contribution * composition).sum(axis=1, keepdims=True)
    weights = np.column_stack([worth, np.zeros(one.width)])  # unknown letters are worth nothing
    first = np.arange(one.first.min(), one.first.max() + 1)
    region = codes[:, first[0] - offset[0] : first[-1] + one.width - offset[0]]
    windows = np.lib.stride_tricks.sliding_window_view(region, one.width, axis=1)
    return np.asarray(weights[np.arange(one.width), windows].sum(axis=2)), first


def agreement(
    drops: pd.DataFrame, rule: Rule, *, seed: int, of: str = "predicted"
) -> tuple[float, float, float]:
    """Correlation of the drops that were predicted and seen, with its interval from blocks.

    Parameters
    ----------
    drops : DataFrame
        `predicted`.
    rule : Rule
        ``block``, ``n_bootstrap``, ``level``.
    seed : int
    of : str
        Column of the predictions.

    Returns
    -------
    tuple of float
        Pearson's correlation, lower and upper limit; NaN without two blocks.
    """
    block = np.unique(drops["position"].to_numpy(np.int64) // rule.block, return_inverse=True)[1]
    if not len(drops) or block.max() < 1:
        return float("nan"), float("nan"), float("nan")
    times = bootstrap.resample(block, rule.n_bootstrap, seed)[:, block]
    weights = np.concatenate([np.ones((1, len(drops))), times])
    weights /= weights.sum(axis=1, keepdims=True)
    x, y = drops[of].to_numpy(float), drops["seen"].to_numpy(float)
    covariance = weights @ (x * y) - (weights @ x) * (weights @ y)
    spread = [np.sqrt(np.maximum(weights @ z**2 - (weights @ z) ** 2, 0)) for z in (x, y)]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covariance / (spread[0] * spread[1])
    return (float(r[0]), *bootstrap.interval(r[1:], rule.level))
