"""What is claimed of heads, without knowing what was planted: motif, place, head, letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from genoattn.evaluation.statistics import holm_corrected, mann_whitney_greater, mean_interval
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads import profiles
from genoattn.model.annotator import Annotator
from genoattn.prediction.site import site_log_odds, site_windows

__all__ = ["Found", "Rule", "claim", "letters"]


@dataclass(frozen=True)
class Rule:
    """The limits of a claim.

    Attributes
    ----------
    n_best : int
        Sites of the training part that make a motif.
    half : int
        Nucleotides of a motif on each side of the offset.
    pseudocount : float
        Observations added to each column of a motif.
    contrast : float
        Share of the other sites, against the genome's composition, in what a motif is compared to.
    first, last : int
        Offsets from the start site at which claims are looked for, both inclusive.
    flanks : tuple of int
        Distances from the offset at which the same sites serve as controls.
    max_q : float
        Greatest q-value of a claim, and greatest corrected p-value of its interventions.
    apart : int
        Claims of one head are farther apart than this many nt.
    tolerance : int
        A claimed and a planted offset may differ by so many nt.
    min_similarity : float
        Least cosine similarity of a claim's motif and a planted element.
    min_echo : float
        Least cosine similarity of two heads' claims that are said to be one.
    min_used : float
        Log-odds by which a planted element moves the output, at least, if the model uses it.
    n_permuted : int
        Times that the letters of the planted elements are permuted, for the chance line.
    n_sites : int
        Held-out sites at which heads are switched off, and copies of an element replaced.
    n_words : int
        Held-out sites, those of a motif's highest scores, at which the claimed word is replaced.
    """

    n_best: int = 50
    half: int = 4
    pseudocount: float = 8.0
    contrast: float = 0.75
    first: int = -100
    last: int = 18
    flanks: tuple[int, ...] = (-40, -30, -20, 20, 30, 40)
    max_q: float = 0.001
    apart: int = 5
    tolerance: int = 2
    min_similarity: float = 0.8
    min_echo: float = 0.5
    min_used: float = 0.5
    n_permuted: int = 100
    n_sites: int = 100
    n_words: int = 40


# -------------------------------------------------------------------------------- the claims


class Found(NamedTuple):
    """Claims and their motifs."""

    table: pd.DataFrame
    """``layer_1based``, ``head_1based``, ``offset`` (of the motif's centre), ``consensus``,
    ``p_sites``, ``p_attention``, ``q_value``; the strongest first within a head."""
    counts: NDArray[np.int64]
    """Counts of A, C, G, T of each row, shape (claims, 2 * half + 1, 4)."""
    carriers: NDArray[np.int64]
    """Rows of the held-out sites where the motif scores highest, shape (claims, n_words)."""


def claim(
    attention: NDArray[np.float16],
    sites: pd.DataFrame,
    learn: NDArray[np.bool_],
    genome: Genome,
    *,
    downstream: int,
    rule: Rule | None = None,
) -> Found:
    """Claim motifs of heads, by the first three steps of the module.

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
        At the labelled sites.
    sites : DataFrame
        The n labelled sites: ``strand``, ``position``.
    learn : bool array, shape (n,)
        Sites that motifs are made of (training part); the others test them.
    genome : Genome
    downstream : int
        Label shift in nt.
    rule : Rule, optional

    Raises
    ------
    ValueError
        Too few sites to learn from or to test on, or attention of other sites.
    """
    rule = rule or Rule()
    if attention.shape[0] != len(sites) or learn.shape != (len(sites),):
        raise ValueError(f"attention of {len(attention)} sites, but {len(sites)} sites")
    known, held = np.flatnonzero(learn), np.flatnonzero(~learn)
    if len(known) < 2 * rule.n_best or len(held) < 10:
        raise ValueError(
            f"{len(known)} sites to learn from and {len(held)} to test on: at least "
            f"{2 * rule.n_best} and 10 are needed"
        )
    window = attention.shape[-1]
    first, last = max(rule.first, downstream - window + 1), min(rule.last, downstream)
    width = 2 * rule.half + 1
    margin = rule.half + max(map(abs, rule.flanks))
    reach = np.arange(first - margin, last + margin + 1)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), reach)
    background = motifs.composition(genome.codes)
    rows, matrices, carriers = [], [], []
    for layer, head, weights in profiles.each_head(attention):
        for offset in range(first, last + 1):
            given = weights[:, downstream - offset].astype(np.float32)
            place = offset - int(reach[0]) - rule.half
            falling = known[np.argsort(-given[known], kind="stable")]
            counts, others = (
                motifs.count_matrix(codes[some, place : place + width])
                for some in (falling[: rule.n_best], falling[rule.n_best :])
            )
            usual = motifs.probability_matrix(others, rule.pseudocount, background)
            log_odds = np.log2(
                motifs.probability_matrix(counts, rule.pseudocount, background)
                / (rule.contrast * usual + (1 - rule.contrast) * background)
            )
            table = np.column_stack([log_odds, np.zeros(width)])
            scores = _scores(table, codes[held], place)
            elsewhere = [_scores(table, codes[held], place + flank) for flank in rule.flanks]
            order = np.argsort(-given[held], kind="stable")
            half = len(held) // 2
            rows.append(
                {
                    "layer_1based": layer + 1,
                    "head_1based": head + 1,
                    "offset": offset,
                    "consensus": motifs.iupac_consensus(counts + 1e-6),
                    "p_sites": mann_whitney_greater(scores, np.concatenate(elsewhere)),
                    "p_attention": mann_whitney_greater(scores[order[:half]], scores[order[half:]]),
                }
            )
            matrices.append(counts)
            carriers.append(held[np.argsort(-scores, kind="stable")[: rule.n_words]])
    frame = pd.DataFrame(rows)
    q_sites = false_discovery_control(frame["p_sites"])
    q_attention = false_discovery_control(frame["p_attention"])
    frame["q_value"] = np.maximum(q_sites, q_attention)
    kept = _strongest(frame[frame["q_value"] <= rule.max_q], rule.apart)
    return Found(
        kept.reset_index(drop=True),
        np.array([matrices[row] for row in kept.index], dtype=np.int64).reshape(-1, width, 4),
        np.array([carriers[row] for row in kept.index], dtype=np.int64).reshape(
            -1, min(rule.n_words, len(held))
        ),
    )


def _scores(table: NDArray[np.float64], codes: NDArray[np.uint8], place: int) -> NDArray:
    """Score of a motif, shape (width, 5), in each row of codes, beginning at an index."""
    width = len(table)
    return np.asarray(table[np.arange(width), codes[:, place : place + width]].sum(axis=1))


def _strongest(frame: pd.DataFrame, apart: int) -> pd.DataFrame:
    """Of each head's claims, those not near a stronger one."""
    kept: list[int] = []
    taken: dict[tuple[int, int], list[int]] = {}
    for index, row in frame.sort_values("p_sites", kind="stable").iterrows():
        layer, head, offset = (int(row[name]) for name in ("layer_1based", "head_1based", "offset"))
        near = taken.setdefault((layer, head), [])
        if all(abs(offset - other) > apart for other in near):
            near.append(offset)
            kept.append(cast(int, index))
    order = ["layer_1based", "head_1based", "p_sites"]
    return frame.loc[kept].sort_values(order, kind="stable")


def letters(
    model: Annotator, genome: Genome, sites: pd.DataFrame, found: Found, *, seed: int
) -> pd.DataFrame:
    """Change of the log-odds when a claimed word is replaced where its motif scores highest.

    Returns
    -------
    DataFrame
        A row a claim: ``word_effect`` (mean over `Found.carriers` of the log-odds with random
        letters minus those before), ``word_low`` and ``word_high`` (95 %, normal), ``p_word``
        (corrected).

    Raises
    ------
    ValueError
        A word lies beyond what the model reads.
    """
    rng = np.random.default_rng(seed)
    zero = model.config.reach_upstream - model.config.downstream  # index of the start site
    width = found.counts.shape[1]
    rows = []
    for offset, carriers in zip(found.table["offset"], found.carriers, strict=True):
        codes = site_windows(genome, sites.iloc[carriers], model.config)
        begin = zero + int(offset) - width // 2
        if begin < 0 or begin + width > codes.shape[1]:
            raise ValueError(f"a word at offset {offset} lies beyond what the model reads")
        changed = codes.copy()
        changed[:, begin : begin + width] = rng.integers(4, size=(len(codes), width))
        rows.append(mean_interval(site_log_odds(model, changed) - site_log_odds(model, codes)))
    columns = ["word_effect", "word_low", "word_high", "p_word"]
    return holm_corrected(pd.DataFrame(rows, columns=columns), "p_word")
