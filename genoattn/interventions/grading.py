"""Claims laid beside the elements that were planted; frames and a model.

One claim counts for one element: claims and elements are assigned to each other so that as many
elements as possible have a claim of their own (`assigned`). A claim is of an element if its letters
are like the element's, or if the sites that it was made of have the element's own matrix at its
place (`likeness`); the latter because a claim may be of a part of an element. How many elements
would have a claim by chance is measured: the same claims are laid beside elements whose letters are
permuted, column by column.

What the model does not use cannot be found in it; so the planted copies are replaced by random
letters, and the change of the log-odds says whether the model uses the element at all (`usage`).
And it is counted how much of a claim lies in planted copies (`planted_letters`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from genoattn.data.ideal_observer import IdealObserver
from genoattn.data.simulation import planted_intervals
from genoattn.evaluation.statistics import mean_interval
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome, strand_index, strand_row
from genoattn.genome.sites import first_nucleotide
from genoattn.heads.elements import Element, planted_elements
from genoattn.interventions.claims import AROUND, Claims, Rule
from genoattn.interventions.motif_discovery import Pattern
from genoattn.model.annotator import Annotator
from genoattn.prediction.site import site_log_odds, site_windows

__all__ = ["assigned", "called", "grade", "likeness", "planted_letters", "usage"]

LEAST_INFORMATION = 0.3
"""Share of an element's squared information that a claim must overlap to be held against it."""
LEAST_COVERED = 0.5
"""Share of a claim's information that must lie in an element for the claim to be of it."""
NAMED = 2 / 3
"""Likeness from which on a claim is called after a known element: less than for one that was
planted, as of a word of the literature all letters count alike."""
LEAST_COLUMN = 0.1
"""Columns of an element with less than this share of the information of its best say nothing."""


def usage(
    model: Annotator,
    genome: Genome,
    elements: pd.DataFrame,
    *,
    most: int,
    least: float,
    seed: int,
    observer: IdealObserver | None = None,
) -> pd.DataFrame:
    """Whether the model uses the planted elements: copies are replaced by random letters.

    Parameters
    ----------
    elements : DataFrame
        `simulation.Simulation.elements` (those to be looked at).
    most : int
        Copies of each element that are replaced, drawn at random.
    least : float
        Log-odds by which an element moves the output, at least, if the model uses it.
    seed : int
    observer : IdealObserver, optional
        Who reads the same letters, knowing the grammar.

    Returns
    -------
    DataFrame
        ``element``, ``change`` (mean change of the log-odds at its start sites), ``change_low``,
        ``change_high`` (95 %, normal) and ``used`` (the mean is at least ``least``, either way);
        ``ideal``, the mean change of the observer's log-odds.
    """
    rng = np.random.default_rng(seed)
    zero = model.config.reach_upstream - model.config.downstream  # index of the start site
    rows = []
    for name, copies in elements.groupby("element", sort=True):
        chosen = copies.iloc[rng.permutation(len(copies))[:most]]
        sites = chosen.rename(columns={"tss_position": "position"})
        codes = site_windows(genome, sites, model.config)
        without = codes.copy()
        for row, (offset, text) in enumerate(
            zip(chosen["offset"], chosen["sequence"], strict=True)
        ):
            begin = zero + int(offset)
            without[row, begin : begin + len(text)] = rng.integers(4, size=len(text))
        change = site_log_odds(model, without) - site_log_odds(model, codes)
        mean, low, high, _ = mean_interval(change)
        ideal = np.nan
        if observer is not None:
            drop = observer.log_odds(codes, zero) - observer.log_odds(without, zero)
            ideal = -float(drop.mean())
        rows.append((str(name), mean, low, high, abs(mean) >= least, ideal))
    columns = ["element", "change", "change_low", "change_high", "used", "ideal"]
    return pd.DataFrame(rows, columns=columns)


# ------------------------------------------------------------------------------------- grading


def likeness(
    counts: NDArray[np.int64],
    around: NDArray[np.int64],
    first: int,
    element: Element,
    slack: int,
    *,
    part: bool = False,
) -> tuple[float, int]:
    """How much a claim is of an element laid near its place.

    The greater of two cosines between the information of letters, at the best of the element's
    places:

    * of the claim's own and the element's, over the element's columns (the claim says nothing in
      those that it lacks), or, where a part is enough, over the columns that both have;
    * of those that stand at the claim's sites and the element's, over all columns in which the
      element has any to speak of: whether the sites have the element's own matrix there. An element
      that every site has would be like any claim that lies over it, so this one is at most the
      cosine of the claim's own letters over the columns that both have.

    Both are 0 where claim and element share less than half of the element's columns (or all of the
    claim's), or less than `LEAST_INFORMATION`.

    Parameters
    ----------
    counts : int array, shape (k, 4)
        The claim's letters.
    around : int array, shape (k + 2 * AROUND, 4)
        Letters at its sites, from `claims.AROUND` nt before it to as many after.
    first : int
        Offset of its first column.
    element : elements.Element
        A planted element with its places.
    slack : int
        Nucleotides beyond its places at which it is tried.
    part : bool
        Whether a part of the element is enough.

    Returns
    -------
    float
        0..1.
    int
        Offset of the element's first nucleotide there.
    """
    bits = motifs.information_matrix(element.probabilities)
    told = bits.sum(axis=1) >= LEAST_COLUMN * bits.sum(axis=1).max()
    mine, there = motifs.letter_heights(counts), motifs.letter_heights(around)
    width, length = len(mine), len(bits)
    needed = min(width, length, max(2, (length + 1) // 2))
    best, where = 0.0, element.places[0]
    for place in range(min(element.places) - slack, max(element.places) + slack + 1):
        left, right = max(place, first), min(place + length, first + width)
        if right - left < needed:
            continue
        shared = bits[left - place : right - place]
        if (shared**2).sum() < LEAST_INFORMATION * (bits**2).sum():
            continue
        claimed = mine[left - first : right - first]
        alike = in_both = _cosine(claimed, shared)
        if not part:
            around_it = ((left - place, place + length - right), (0, 0))
            alike = _cosine(np.pad(claimed, around_it), bits)
        begin = place - first + AROUND
        if begin >= 0 and begin + length <= len(there):
            at_sites = _cosine(there[begin : begin + length][told], bits[told])
            alike = max(alike, min(at_sites, in_both))
        if alike > best:
            best, where = min(alike, 1.0), place
    return best, where


def _cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Cosine of two matrices; 0 with one of zeros."""
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def assigned(
    alike: NDArray[np.float64], least: float, covered: NDArray[np.float64] | float = 1.0
) -> NDArray[np.int64]:
    """Give each element a claim of its own: as many elements as possible, the best pairs.

    Parameters
    ----------
    alike : float array, shape (claims, elements)
        Similarity, at most 1.
    least : float
        A pair of less is none.
    covered : float array, shape (claims, elements), optional
        Share of the claim's information that lies in the element: of two elements that a claim may
        be of, the one that explains more of it is the better.

    Returns
    -------
    int array, shape (elements,)
        The claim of each element; -1 where there is none.
    """
    elements = alike.shape[1]
    allowed = alike >= least
    worth = np.where(allowed, elements + 1 + alike * covered, 0.0)  # one pair more outweighs all
    rows, columns = linear_sum_assignment(worth, maximize=True)
    given = np.full(elements, -1)
    kept = allowed[rows, columns]
    given[columns[kept]] = rows[kept]
    return given


def _laid(
    found: Claims,
    elements: Sequence[Element],
    mode: NDArray[np.int64] | None,
    rule: Rule,
    *,
    part: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Likeness of claims and elements, where, and `_covered`: each (rows of the table, elements).

    -1 where a row is no claim, where less of it than `LEAST_COVERED` lies in the element, or where
    it is like an element elsewhere than within the tolerance of its commonest place; of any of its
    places, where a part is enough or none is given as the commonest.
    """
    claimed = found.table["claimed"].to_numpy()
    alike = np.full((len(claimed), len(elements)), -1.0)
    first, covered = np.zeros(alike.shape, dtype=np.int64), np.zeros(alike.shape)
    for row in np.flatnonzero(claimed):
        one = found.patterns[row]
        for column, element in enumerate(elements):
            like, place = likeness(
                one.counts, found.letters[row], one.offset, element, rule.tolerance, part=part
            )
            first[row, column] = place
            covered[row, column] = _covered(one, place, len(element.probabilities))
            near = part or mode is None or abs(place - mode[column]) <= rule.tolerance
            if near and covered[row, column] >= LEAST_COVERED:
                alike[row, column] = like
    return alike, first, covered


def _covered(claimed: Pattern, place: int, width: int) -> float:
    """Share of a claim's information in the columns of an element that begins at a place."""
    bits = motifs.letter_heights(claimed.counts).sum(axis=1)
    column = claimed.offset + np.arange(claimed.width)
    inside = (column >= place) & (column < place + width)
    return float(bits[inside].sum() / max(bits.sum(), np.finfo(float).tiny))


def grade(
    found: Claims,
    elements: pd.DataFrame,
    rule: Rule | None = None,
    *,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay claims beside what was planted.

    Parameters
    ----------
    found : Claims
        `claims.claim`.
    elements : DataFrame
        Planted copies (`simulation.Simulation.elements`); empty for a genome without grammar.
    rule : Rule, optional
    seed : int
        Of the permuted elements.

    Returns
    -------
    recovered : DataFrame
        A row for each planted element: ``element``, ``planted_offset`` (its commonest first
        offset), ``recovered_offset``, ``q_value`` (of the head), ``similarity`` (`likeness`),
        ``head``, ``recovered``, and ``chance``: how often it would be with its letters permuted.
    claims : DataFrame
        `Claims.table` with ``element`` (the planted one that it is of, or of a part of; empty:
        none), ``counted`` (for it; else another claim does, or it is of a part) and
        ``false_claim``.
    """
    rule = rule or Rule()
    planted = planted_elements(elements) if len(elements) else ()
    names = [element.name for element in planted]
    copies = [elements.loc[elements["element"] == name, "offset"] for name in names]
    mode = np.array([int(one.mode().iloc[0]) for one in copies], dtype=np.int64)
    alike, first, covered = _laid(found, planted, mode, rule)
    given = assigned(alike, rule.min_similarity, covered)
    chance = _chance(found, planted, mode, rule, seed)
    rows = []
    for column, row in enumerate(given):
        hit = row >= 0
        rows.append(
            {
                "element": names[column],
                "planted_offset": mode[column],
                "recovered_offset": first[row, column] if hit else pd.NA,
                "q_value": found.table["q_value"].iloc[row] if hit else np.nan,
                "similarity": alike[row, column] if hit else np.nan,
                "head": found.table["head"].iloc[row] if hit else "",
                "recovered": bool(hit),
                "chance": chance[column],
            }
        )
    columns = ["element", "planted_offset", "recovered_offset", "q_value", "similarity", "head",
               "recovered", "chance"]  # fmt: skip
    recovered = pd.DataFrame(rows, columns=columns)
    recovered["recovered_offset"] = recovered["recovered_offset"].astype("Int64")
    in_part, _, _ = _laid(found, planted, mode, rule, part=True)
    own = {int(row): names[column] for column, row in enumerate(given) if row >= 0}
    like = [
        own.get(row, names[int(one.argmax())] if one.max(initial=-1) >= rule.min_similarity else "")
        for row, one in enumerate(in_part)
    ]
    claims = found.table.assign(element=like)
    claims["counted"] = [row in own for row in range(len(claims))]
    claims["false_claim"] = claims["claimed"] & (claims["element"] == "")
    return recovered, claims


def called(
    found: Claims, known: Sequence[Element], rule: Rule | None = None
) -> tuple[list[str], list[str]]:
    """Call claims after known elements at their places.

    Parameters
    ----------
    found : Claims
        `claims.claim`.
    known : sequence of Element
        With their places; of an element that takes in another, the columns that are its own count.
    rule : Rule, optional

    Returns
    -------
    names : list of str
        Of each row of the table: the element that a claim is most like (`NAMED` at least), which
        names one claim only; else its letters and place.
    part_of : list of str
        Of a claim without such a name: the element that it is a part of and that names another
        claim. Else empty.
    """
    rule = rule or Rule()
    names, part_of = found.table["name"].tolist(), [""] * len(found.table)
    cores = [one.core for one in known]
    alike, _, covered = _laid(found, cores, None, rule)
    given = assigned(alike, NAMED, covered)
    for element, row in zip(known, given, strict=True):
        if row >= 0:
            names[row] = element.name
    in_part, _, _ = _laid(found, cores, None, rule, part=True)
    in_part[:, given < 0] = -1
    for row in np.setdiff1d(np.flatnonzero((in_part >= rule.min_similarity).any(axis=1)), given):
        part_of[row] = known[int(in_part[row].argmax())].name
    return names, part_of


def _chance(
    found: Claims,
    planted: Sequence[Element],
    mode: NDArray[np.int64],
    rule: Rule,
    seed: int,
) -> NDArray[np.float64]:
    """How often each element has a claim of its own when the letters of all are permuted."""
    rng = np.random.default_rng(seed)
    hits = np.zeros(len(planted))
    for _ in range(rule.n_permuted):
        others = [
            replace(one, probabilities=rng.permuted(one.probabilities, axis=1)) for one in planted
        ]
        by_chance, _, _ = _laid(found, others, mode, rule)
        hits += assigned(by_chance, rule.min_similarity) >= 0
    return hits / max(1, rule.n_permuted)


def planted_letters(found: Claims, elements: pd.DataFrame, length: int) -> pd.DataFrame:
    """How much of a claim lies in planted copies, at the sites that it was made of.

    A claim may be of a part of an element, and is then no recovery of it, nor made of nothing.
    This looks at the genome itself: each letter of the claim counts with its information.

    Parameters
    ----------
    found : Claims
        `claims.claim`.
    elements : DataFrame
        Planted copies; empty for a genome without grammar.
    length : int
        Of the genome, in nt.

    Returns
    -------
    DataFrame
        A row a row of the table: ``planted_share`` (of its information, at its sites),
        ``planted_elsewhere`` (its commonest place at all sites that were searched) and
        ``planted_element`` (the one that most of it lies in; empty: none).
    """
    names = sorted(elements["element"].unique()) if len(elements) else []
    inside = _inside(elements, names, length)
    along = strand_index(
        found.sites["position"].to_numpy(), found.sites["strand"].to_numpy(), length
    )
    strand = strand_row(found.sites["strand"])

    def lies_in(rows: NDArray[np.int64], first: NDArray[np.int64], width: int) -> NDArray[np.int8]:
        """Element that each letter lies in, shape (rows, width)."""
        word = first[:, None] + np.arange(width)
        return np.asarray(inside[strand[rows][:, None], (along[rows][:, None] + word) % length])

    told = []
    for one in found.patterns:
        weight = motifs.letter_heights(one.counts).sum(axis=1)
        weight = weight / max(weight.sum(), np.finfo(float).tiny)
        mine = lies_in(one.row, one.first, one.width)
        every = np.arange(len(along))
        usual = lies_in(every, np.full(len(every), one.offset), one.width)
        shares = [((mine == number) @ weight).mean() for number in range(len(names))]
        most = int(np.argmax(shares)) if names else -1
        told.append(
            (
                float(sum(shares)),
                float(((usual >= 0) @ weight).mean()),
                names[most] if names and shares[most] > 0 else "",
            )
        )
    columns = ["planted_share", "planted_elsewhere", "planted_element"]
    return pd.DataFrame(told, columns=columns)


def _inside(elements: pd.DataFrame, names: Sequence[str], length: int) -> NDArray[np.int8]:
    """Number of the element that a nucleotide lies in, -1: none; (2, length), reading order."""
    inside = np.full((2, length), -1, dtype=np.int8)
    if elements.empty:
        return inside
    planted = planted_intervals(elements)
    first = first_nucleotide(planted, length)
    begin = strand_index(first, planted["strand"].to_numpy(), length)
    row = strand_row(elements["strand"])
    number = elements["element"].map(list(names).index).to_numpy()
    width = (planted["end"] - planted["start"]).to_numpy()
    for nt in range(int(width.max())):
        some = nt < width
        inside[row[some], (begin[some] + nt) % length] = number[some]
    return inside
