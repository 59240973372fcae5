"""What is claimed of a network, whatever was planted: elements, and heads that carry them.

A claim is an element that the network reads and that at least one head hands on to the output:

1. **Found.** What each letter around some start sites contributes is mapped (`saturation`, exactly
   or to first order), and motifs are looked for in the map (`motif_discovery`), and again
   in what the first leave unexplained; last, letters that contribute at one place in the mean of
   all sites (`standing`). A motif with a gap is as many elements as it has parts; other letters at
   the same place are the same element (`pooled`). Its letters are those at sites where no element
   that says more takes the same place (`patterns`, `separation`).
2. **Used.** At other start sites that have the element, and where no element that says more takes
   the same place (`alone`), its letters are put in another order: the log-odds must fall
   (`carriers.effects`). So a part of another element, or that element moved by a letter, seldom
   becomes a claim of its own.
3. **Carried.** In the noised sequence one head at a time hands on what it would if the element
   stood there (`mediation`): with at least one head some of the effect must come back, beyond
   doubt over all heads and elements of the network (`carriers.carried`).

The rule is the same for simulated genomes and for real ones. Claims also predict: what a stretch
is worth at a site that they were not made of is read off the letters of all claims (`expected`),
and compared with what its replacement costs there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import paper_label
from genoattn.heads.elements import Element
from genoattn.interventions import replacement
from genoattn.interventions.carriers import COLUMNS, Answer, Criteria, carried, effects, shares
from genoattn.interventions.mediation import check_model, mediation
from genoattn.interventions.motif_discovery import (
    Pattern,
    discover,
    laid,
)
from genoattn.interventions.noise import N_RANDOM, Question, questions, random_places
from genoattn.interventions.patterns import (
    bits,
    distinct,
    parts,
    pooled,
    standing,
    told,
    without,
)
from genoattn.interventions.saturation import MutationMap, first_order
from genoattn.interventions.separation import Taken, alone, beside_all, taken_by
from genoattn.model.annotator import Annotator

__all__ = [
    "Asked",
    "Claims",
    "Rule",
    "agreement",
    "apart",
    "ask",
    "claim",
    "letters_around",
    "predicted",
    "randomised",
    "searched",
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
        Where the letters of two motifs are more alike than this (cosine, over the columns that they
        share), one is enough.
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
    max_alike: float = 0.7
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

FEWEST = 10
"""Sites at which elements are asked about, at least."""

ENOUGH = 15
"""Sites at which one element is asked about, at least: with fewer an interval is too narrow."""


class Claims(NamedTuple):
    """Elements that a network reads, and what the heads have to do with them."""

    table: pd.DataFrame
    """A row an element: ``name`` (letters and place, see `grading.called`), ``consensus``,
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
    names, patterns = _elements(found, genome, part, rule, seed)
    elements = [_as_element(name, one) for name, one in zip(names, patterns, strict=True)]
    free = alone(genome, unseen, part, elements, rare=rule.rare, faint=rule.faint, seed=seed)
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
        if not one.control and len(one.sites) >= ENOUGH
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


def _drawn(sites: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many sites, drawn at random, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(sites))[:most]
    return sites.iloc[np.sort(chosen)][["position", "strand"]].reset_index(drop=True)


# --------------------------------------------------------------------------------- what is read


def _elements(
    found: MutationMap,
    genome: Genome,
    part: NDArray[np.bool_],
    rule: Rule,
    seed: int,
) -> tuple[list[str], list[Pattern]]:
    """Elements of a mutation map, called by letters and place; those that say most first."""
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
    each = [  # a site counts once in each
        laid(found, one.row, one.first - found.offset[0], one.width)
        for one in sorted(distinct(patterns, rule.max_alike), key=len, reverse=True)
    ]
    return _separated(each, found, genome, ~part, rule, seed)


def _separated(
    patterns: Sequence[Pattern],
    found: MutationMap,
    genome: Genome,
    part: NDArray[np.bool_],
    rule: Rule,
    seed: int,
) -> tuple[list[str], list[Pattern]]:
    """Keep the elements that have sites at which none that says more takes their place.

    Letters are counted at these sites only, and outer columns that then contribute next to nothing
    are left out.
    """
    anywhere = random_places(part, N_RANDOM, np.random.default_rng(seed))
    taken: list[Taken] = []
    kept: dict[str, Pattern] = {}
    for whole in sorted(patterns, key=bits, reverse=True):
        worth = motifs.letter_heights(whole.counts).sum(axis=1)
        free = beside_all(whole.first, worth, taken, whole.row)
        if free.sum() < rule.min_seqlets:
            continue
        first = whole.first[free] - found.offset[0]
        own = laid(found, whole.row[free], first, whole.width)
        if not free.all():
            trimmed = told(own)
            if trimmed is None:
                continue
            own = trimmed
        name = f"{own.consensus} at {paper_label(own.offset):+d}"
        kept.setdefault(name, own)
        element = _as_element(name, own)
        mine = taken_by(genome, found.sites, anywhere, element, rare=rule.rare, faint=rule.faint)
        information = motifs.letter_heights(own.counts).sum(axis=1)
        left = beside_all(mine.first, information, taken, np.arange(len(found.sites)))
        taken.append(mine._replace(there=mine.there & left))
    order = sorted(kept, key=lambda name: bits(kept[name]), reverse=True)
    return order, [kept[name] for name in order]


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
    ends = np.quantile(pattern.first, [0.05, 0.95]).round().astype(int)
    places = tuple(range(ends[0], ends[1] + 1))
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
