"""Claims of heads laid beside the elements that were planted; frames and a model.

One claim counts for one element: claims and elements are assigned to each other so that as many
elements as possible have a claim of their own. How many would have one by chance is measured: the
same claims are laid beside elements whose letters are permuted.

What the model does not use cannot be found in its heads; so the planted copies are replaced by
random letters, and the change of the log-odds says whether the model uses the element at all
(`usage`). As a claim may be of a part of an element, it is counted how much of its word lies in
planted copies (`planted_letters`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from genoattn.data.simulation import planted_intervals
from genoattn.evaluation.statistics import mean_interval
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome, strand_index, strand_row
from genoattn.genome.sites import first_nucleotide
from genoattn.heads import profiles
from genoattn.heads.elements import Element, planted_elements
from genoattn.interventions.claims import Found, Rule
from genoattn.model.annotator import Annotator
from genoattn.prediction.site import site_log_odds, site_windows

__all__ = ["assigned", "grade", "placed", "planted_letters", "usage"]


def usage(
    model: Annotator,
    genome: Genome,
    elements: pd.DataFrame,
    *,
    most: int,
    least: float,
    seed: int,
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

    Returns
    -------
    DataFrame
        ``element``, ``change`` (mean change of the log-odds at its start sites), ``change_low``,
        ``change_high`` (95 %, normal) and ``used`` (the mean is at least ``least``, either way).
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
        rows.append((str(name), mean, low, high, abs(mean) >= least))
    return pd.DataFrame(rows, columns=["element", "change", "change_low", "change_high", "used"])


# ------------------------------------------------------------------------------------- grading


def placed(
    counts: NDArray[np.int64], offset: int, element: Element, slack: int
) -> tuple[float, int]:
    """How much a claim's motif is like an element laid near its place.

    Parameters
    ----------
    counts : int array, shape (width, 4)
        The claim's motif, centred at ``offset``.
    offset : int
    element : promoter_elements.Element
        A planted element with its places.
    slack : int
        Nucleotides beyond its places at which it is tried.

    Returns
    -------
    float
        Best cosine similarity of the information matrices, over the columns of the shorter; 0 where
        they share less than half of the element's columns or less than three tenths of its squared
        information.
    int
        Offset of the element's first nucleotide there.
    """
    bits = motifs.information_matrix(element.probabilities)
    mine = motifs.letter_heights(counts)
    width, start = len(mine), offset - len(mine) // 2
    best, first = 0.0, element.places[0]
    needed = min(width, len(bits), max(2, (len(bits) + 1) // 2))
    for place in range(min(element.places) - slack, max(element.places) + slack + 1):
        left, right = max(place, start), min(place + len(bits), start + width)
        if right - left < needed:
            continue
        a, b = mine[left - start : right - start], bits[left - place : right - place]
        if (b**2).sum() < 0.3 * (bits**2).sum():  # the overlap must hold what makes the element
            continue
        scale = np.linalg.norm(a) * np.linalg.norm(b)
        alike = float((a * b).sum() / scale) if scale > 0 else 0.0
        if alike > best:
            best, first = alike, place
    return best, first


def _echoes(found: Found, matters: NDArray[np.bool_], rule: Rule) -> NDArray[np.bool_]:
    """Say which claims that matter repeat one that another head reads more surely."""
    offsets = found.table["offset"].to_numpy()
    echo = np.zeros(len(offsets), dtype=bool)
    spoken: list[int] = []
    for row in np.argsort(found.table["p_attention"].to_numpy(), kind="stable"):
        if not matters[row]:
            continue
        echo[row] = any(_same(found.counts, offsets, row, other, rule) for other in spoken)
        if not echo[row]:
            spoken.append(int(row))
    return echo


def _same(
    counts: NDArray[np.int64], offsets: NDArray[np.int64], one: int, other: int, rule: Rule
) -> bool:
    """Whether two claims are of one motif at one place."""
    if abs(offsets[one] - offsets[other]) > rule.apart:
        return False
    first = int(offsets[other]) - rule.half
    share = counts[other] / counts[other].sum(axis=1, keepdims=True)
    element = Element("other", share, (first,), "another head")
    return placed(counts[one], int(offsets[one]), element, rule.tolerance)[0] >= rule.min_echo


def assigned(alike: NDArray[np.float64], least: float) -> NDArray[np.int64]:
    """Give each element a claim of its own: of as many elements as possible, the most alike.

    Parameters
    ----------
    alike : float array, shape (claims, elements)
        Similarity, at most 1.
    least : float
        A pair of less is none.

    Returns
    -------
    int array, shape (elements,)
        The claim of each element; -1 where there is none.
    """
    elements = alike.shape[1]
    allowed = alike >= least
    worth = np.where(allowed, elements + 1 + alike, 0.0)  # one pair more outweighs all likeness
    rows, columns = linear_sum_assignment(worth, maximize=True)
    given = np.full(elements, -1)
    kept = allowed[rows, columns]
    given[columns[kept]] = rows[kept]
    return given


def _laid(
    found: Found, claimed: NDArray[np.bool_], elements: Sequence[Element], mode: NDArray, rule: Rule
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Similarity of claims and elements, and where: each (claims, elements); -1 where none can be.

    An element counts at its commonest place alone, within the tolerance.
    """
    alike = np.full((len(claimed), len(elements)), -1.0)
    first = np.zeros(alike.shape, dtype=np.int64)
    offset = found.table["offset"].to_numpy()
    for row in np.flatnonzero(claimed):
        for column, element in enumerate(elements):
            one, place = placed(found.counts[row], int(offset[row]), element, rule.tolerance)
            first[row, column] = place
            if abs(place - mode[column]) <= rule.tolerance:
                alike[row, column] = one
    return alike, first


def grade(
    found: Found,
    changed: pd.DataFrame,
    words: pd.DataFrame,
    elements: pd.DataFrame,
    rule: Rule | None = None,
    *,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay claims beside what was planted.

    Parameters
    ----------
    found : Found
        `claims.claim`.
    changed : DataFrame
        `ablation.effects`.
    words : DataFrame
        `claims.letters`, in the order of the claims.
    elements : DataFrame
        Planted copies; empty for a genome without grammar.
    rule : Rule, optional
    seed : int
        Of the permuted elements.

    Returns
    -------
    recovered : DataFrame
        A row for each planted element: ``element``, ``planted_offset`` (its commonest first
        offset), ``recovered_offset``, ``q_value``, ``similarity``, ``head``, ``recovered``, and
        ``chance``: how often it would be with its letters permuted, column by column.
    claims : DataFrame
        `Found.table` with the effects of its head and of its letters, ``echo`` (of another head's
        claim), ``claimed`` (both effects differ from zero, and no echo), ``element`` (the planted
        one that it is like, whether or not another claim counts for it; empty: none), and
        ``false_claim``.
    """
    rule = rule or Rule()
    claims = found.table.merge(changed, on=["layer_1based", "head_1based"], how="left")
    claims = claims.join(words)
    matters = (claims["p_effect"] <= rule.max_q) & (claims["p_word"] <= rule.max_q)
    claims["echo"] = _echoes(found, matters.to_numpy(), rule)
    claims["claimed"] = matters & ~claims["echo"]
    said = claims["claimed"].to_numpy()
    planted = planted_elements(elements) if len(elements) else ()
    names = [element.name for element in planted]
    mode = np.array(
        [int(elements.loc[elements["element"] == name, "offset"].mode().iloc[0]) for name in names],
        dtype=np.int64,
    )
    alike, first = _laid(found, said, planted, mode, rule)
    given = assigned(alike, rule.min_similarity)
    rng = np.random.default_rng(seed)
    chance = np.zeros(len(planted))
    for _ in range(rule.n_permuted if planted else 0):
        others = [
            replace(one, probabilities=rng.permuted(one.probabilities, axis=1)) for one in planted
        ]
        chance += assigned(_laid(found, said, others, mode, rule)[0], rule.min_similarity) >= 0
    rows = []
    for column, row in enumerate(given):
        hit = row >= 0
        rows.append(
            {
                "element": names[column],
                "planted_offset": mode[column],
                "recovered_offset": first[row, column] if hit else pd.NA,
                "q_value": float(claims["q_value"].iloc[row]) if hit else np.nan,
                "similarity": alike[row, column] if hit else np.nan,
                "head": profiles.names(claims.iloc[[row]])[0] if hit else "",
                "recovered": bool(hit),
                "chance": chance[column] / max(1, rule.n_permuted),
            }
        )
    like = (alike.max(axis=1) >= rule.min_similarity) if planted else np.zeros(len(claims), bool)
    claims["element"] = [
        names[int(alike[row].argmax())] if like[row] else "" for row in range(len(claims))
    ]
    for column, row in enumerate(given):
        if row >= 0:
            claims.loc[row, "element"] = names[column]
    claims["false_claim"] = said & ~like
    columns = ["element", "planted_offset", "recovered_offset", "q_value", "similarity", "head"]
    recovered = pd.DataFrame(rows, columns=[*columns, "recovered", "chance"])
    recovered["recovered_offset"] = recovered["recovered_offset"].astype("Int64")
    return recovered, claims


def planted_letters(
    found: Found, sites: pd.DataFrame, elements: pd.DataFrame, length: int
) -> pd.DataFrame:
    """How much of a claimed word lies in planted copies, at the sites that carry it.

    A claim may be of a part of an element, and is then no recovery of it, nor made of nothing.
    This looks at the genome itself: each letter of the word counts with its information.

    Parameters
    ----------
    found : Found
        `claims.claim`.
    sites : DataFrame
        The labelled sites that it was made of.
    elements : DataFrame
        Planted copies; empty for a genome without grammar.
    length : int
        Of the genome, in nt.

    Returns
    -------
    DataFrame
        A row a claim: ``planted_share`` (of the word's information, at `Found.carriers`),
        ``planted_elsewhere`` (the same place at all labelled sites) and ``planted_element`` (the
        one that most of it lies in; empty: none).
    """
    names = sorted(elements["element"].unique()) if len(elements) else []
    inside = np.full((2, length), -1, dtype=np.int8)  # number of the element in reading order
    if len(elements):
        planted = planted_intervals(elements)
        first = first_nucleotide(planted, length)
        begin = strand_index(first, planted["strand"].to_numpy(), length)
        row = strand_row(elements["strand"])
        number = elements["element"].map(names.index).to_numpy()
        width = (planted["end"] - planted["start"]).to_numpy()
        for nt in range(int(width.max())):
            some = nt < width
            inside[row[some], (begin[some] + nt) % length] = number[some]
    along = strand_index(sites["position"].to_numpy(), sites["strand"].to_numpy(), length)
    strand = strand_row(sites["strand"])
    rows = []
    for offset, counts, carriers in zip(
        found.table["offset"], found.counts, found.carriers, strict=True
    ):
        weight = motifs.letter_heights(counts).sum(axis=1)
        weight = weight / max(weight.sum(), np.finfo(float).tiny)
        word = int(offset) + np.arange(len(counts)) - len(counts) // 2
        element = inside[strand[:, None], (along[:, None] + word) % length]  # site, letter
        shares = [((element[carriers] == one) @ weight).mean() for one in range(len(names))]
        most = int(np.argmax(shares)) if names else -1
        rows.append(
            (
                float(sum(shares)),
                float(((element >= 0) @ weight).mean()),
                names[most] if names and shares[most] > 0 else "",
            )
        )
    columns = ["planted_share", "planted_elsewhere", "planted_element"]
    return pd.DataFrame(rows, columns=columns)
