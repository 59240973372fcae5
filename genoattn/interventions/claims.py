"""What is claimed of a network, whatever was planted: elements, and heads that carry them.

A claim is an element that the network reads and that at least one head hands on to the output:

1. **Found.** What each letter around some start sites contributes is mapped (`saturation`, exactly
   or to first order), and motifs are looked for in the map (`motif_discovery`). A motif with a gap
   is as many elements as it has parts; of several that are alike at one place the most frequent
   stays.
2. **Used.** At other start sites that have the element its letters are put in another order: the
   log-odds must fall (`carriers.effects`).
3. **Carried.** In the noised sequence one head at a time hands on what it would if the element
   stood there (`mediation`): with at least one head some of the effect must come back, beyond
   doubt over all heads and elements of the network (`carriers.carried`).

The rule is the same for simulated genomes and for real ones. Claims also predict: what a stretch
is worth at a site that they were not made of is read off the element's letters (`predicted`), and
compared with what its replacement costs there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element
from genoattn.interventions import replacement
from genoattn.interventions.carriers import COLUMNS, Answer, Criteria, carried, effects, shares
from genoattn.interventions.mediation import check_model, mediation
from genoattn.interventions.motif_discovery import (
    WEAK,
    Pattern,
    discover,
    elements_used,
    known_by_place,
)
from genoattn.interventions.noise import Question, questions
from genoattn.interventions.saturation import MutationMap, first_order
from genoattn.model.annotator import Annotator

__all__ = [
    "Asked",
    "Claims",
    "Rule",
    "agreement",
    "apart",
    "ask",
    "claim",
    "distinct",
    "letters_around",
    "parts",
    "predicted",
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
    gap : int
        So many columns that contribute next to nothing part two elements; the middle of the -10
        box is one fewer.
    max_alike : float
        Of two motifs at one place more alike than this (cosine) one is enough.
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
    n_learn: int = 800
    min_seqlets: int = 20
    n_sites: int = 60
    draws: int = 2
    rare: float = 0.05
    least: float = 0.05
    max_q: float = 0.05
    block: int = 2_000
    n_bootstrap: int = 1_000
    level: float = 0.95
    gap: int = 4
    max_alike: float = 0.9
    tolerance: int = 2
    min_similarity: float = 0.8
    min_used: float = 0.5
    n_permuted: int = 100

    def criteria(self, seed: int) -> Criteria:
        """How the shares of heads are tested."""
        return Criteria(self.n_bootstrap, self.level, seed, self.least, self.max_q)


AROUND = 20
"""Nucleotides on each side of a claim whose letters are kept, to hold it against an element."""

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
    names, patterns = _elements(found, genome, known, rule)
    elements = [_as_element(name, one) for name, one in zip(names, patterns, strict=True)]
    asked = ask(
        model, genome, unseen, part, elements, rule=rule, seed=seed, name=name, progress=progress
    )
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

    """
    block = bootstrap.blocks(part, rule.block)
    given = sites[["position", "strand"]].reset_index(drop=True)
    given = given.assign(block=block[given["position"].to_numpy()])
    asked = [
        one
        for one in questions(
            genome, given, part, elements,
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


def _drawn(sites: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many sites, drawn at random, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(sites))[:most]
    return sites.iloc[np.sort(chosen)][["position", "strand"]].reset_index(drop=True)


# --------------------------------------------------------------------------------- what is read


def _elements(
    found: MutationMap, genome: Genome, known: Sequence[Element], rule: Rule
) -> tuple[list[str], list[Pattern]]:
    """Elements of a mutation map, most sites first, with their names."""
    patterns = [
        part
        for one in discover(found, min_seqlets=rule.min_seqlets)
        for part in parts(one, rule.gap)
    ]
    by_place = pd.DataFrame()
    if known and patterns:
        background = motifs.composition(genome.codes)
        block = found.sites["position"].to_numpy() // rule.block
        by_place = known_by_place(patterns, found, known, block, background=background)
    shapeless = pd.DataFrame(columns=["pattern", "best_match", "p_value", "q_value"])
    every = elements_used(patterns, found, by_place, shapeless)
    kept = distinct([one.pattern for one in every], rule.max_alike)
    return [every[number].name for number in kept], [every[number].pattern for number in kept]


def parts(pattern: Pattern, gap: int) -> list[Pattern]:
    """Cut a pattern where ``gap`` columns together contribute next to nothing.

    Next to nothing is less than `motif_discovery.WEAK` of the best column. Outer columns of a part
    that contribute as little are left out; a part has two columns at least.
    """
    share = pattern.counts / np.maximum(pattern.counts.sum(axis=1, keepdims=True), 1)
    worth = np.abs((pattern.contribution * share).sum(axis=1))
    told = np.flatnonzero(worth >= WEAK * worth.max())
    if len(told) < 2:
        return [pattern]
    ends = np.flatnonzero(np.diff(told) > gap)
    stretches = [(int(one[0]), int(one[-1]) + 1) for one in np.split(told, ends + 1)]
    if len(stretches) == 1:
        return [pattern]
    return [_cut(pattern, left, right) for left, right in stretches if right - left >= 2]


def _cut(pattern: Pattern, left: int, right: int) -> Pattern:
    """Some columns of a pattern."""
    return replace(
        pattern,
        first=pattern.first + left,
        counts=pattern.counts[left:right],
        contribution=pattern.contribution[left:right],
    )


def distinct(patterns: Sequence[Pattern], max_alike: float) -> list[int]:
    """Numbers of the patterns that are not like one before them at its place.

    Two are compared by the cosine of their letters' information over all columns of both, where
    they usually lie or one nt beside.
    """
    kept: list[int] = []
    for number, one in enumerate(patterns):
        if all(_alike(one, patterns[other]) <= max_alike for other in kept):
            kept.append(number)
    return kept


def _alike(one: Pattern, other: Pattern) -> float:
    """Cosine of two patterns' letters where they lie, the best of three registers."""
    a, b = motifs.letter_heights(one.counts), motifs.letter_heights(other.counts)
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    best = 0.0
    for shift in (-1, 0, 1):
        begin = other.offset - one.offset + shift  # of b's first column, in columns of a
        left, right = max(0, begin), min(len(a), begin + len(b))
        if right > left and scale > 0:
            best = max(best, float((a[left:right] * b[left - begin : right - begin]).sum() / scale))
    return best


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
    """Predict what every claimed element is worth at sites, and replace it to see.

    At each site the place is taken at which the claim expects most. Its prediction is the sum of
    what the letters there contributed in the mean where the element was found, less what random
    letters of the genome's composition would.

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
    chosen = _drawn(sites, rule.n_sites, seed)
    composition = motifs.composition(genome.codes)
    tables = []
    for row in np.flatnonzero(found.table["claimed"]):
        one = found.patterns[row]
        worth = one.contribution - (one.contribution * composition).sum(axis=1, keepdims=True)
        weights = np.column_stack([worth, np.zeros(one.width)])  # unknown letters are worth nothing
        offset = np.arange(one.first.min(), one.first.max() + one.width)
        codes = genome.around(chosen["position"].to_numpy(), chosen["strand"].to_numpy(), offset)
        windows = np.lib.stride_tricks.sliding_window_view(codes, one.width, axis=1)
        expected = weights[np.arange(one.width), windows].sum(axis=2)  # site, place
        first = offset[expected.argmax(axis=1)]
        tables.append(
            chosen.assign(
                name=found.table["name"].iloc[row],
                first=first,
                last=first + one.width - 1,
                predicted=expected.max(axis=1),
            )
        )
    columns = ["name", "position", "strand", "first", "last", "predicted"]
    if not tables:
        return pd.DataFrame(columns=[*columns, "seen"])
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


def agreement(drops: pd.DataFrame, rule: Rule, *, seed: int) -> tuple[float, float, float]:
    """Correlation of the drops that were predicted and seen, with its interval from blocks.

    Parameters
    ----------
    drops : DataFrame
        `predicted`.
    rule : Rule
        ``block``, ``n_bootstrap``, ``level``.
    seed : int

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
    x, y = drops["predicted"].to_numpy(float), drops["seen"].to_numpy(float)
    covariance = weights @ (x * y) - (weights @ x) * (weights @ y)
    spread = [np.sqrt(np.maximum(weights @ z**2 - (weights @ z) ** 2, 0)) for z in (x, y)]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covariance / (spread[0] * spread[1])
    return (float(r[0]), *bootstrap.interval(r[1:], rule.level))
