"""What heads claim, and what was planted: genomes of known truth; touches its own folder of runs.

On a simulated genome the promoter elements are known, so claims made of a model's heads can be
counted right or wrong. Each genome is treated as the demo is: simulated, curated, a small model
trained on it. Then claims are made *without* the planted elements, in three steps that each head
and each offset from the start site have to pass:

1. **A motif.** Labelled sites of the training part that get most attention at the offset, against
   a mixture of the other sites there and the genome: what is more frequent around the offset in the
   former is the head's motif. (What all start sites share, whatever a head does, counts less.)
2. **Is it at start sites?** At the labelled sites of the other parts, which the motif has not
   seen, its score at the offset is compared with that of the same sites at flanking offsets
   (Mann-Whitney, one-sided). Start sites without a grammar have no motif at a fixed place, whatever
   a head prefers.
3. **Is it this head that reads it?** The half of those sites that get more attention there must
   score higher than the other half (the same test).

Both p-values are corrected over all heads and offsets (Benjamini-Hochberg); the worse of them is
the claim's q-value. Of overlapping claims of a head the strongest stays. Two interventions follow:

4. **Does the head matter?** It is replaced by its mean: the log-odds of the held-out sites must
   change.
5. **Do the letters matter?** At the held-out sites with the highest scores, the claimed word is
   replaced by random letters: the log-odds must change as well.

Both by t-tests, corrected over all heads and over all claims (Holm). What passes is a claim, unless
another head reads the same motif at the same place more surely (step 3): then it is an *echo*.

Only then are claims laid beside the planted elements (`grade`). What the model does not use cannot
be found in its heads; so the planted copies are replaced by random letters, and the change of the
log-odds says whether the model uses the element at all (`usage`). And as a claim may be of a part
of an element, it is counted how much of its word lies in planted copies (`planted_letters`).

Command: ``python -m genoattn.recovery --seeds 0 1 2 3 4 --out runs/recovery``; a training that is
there already is not repeated. The rule was settled on seed 0.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, mannwhitneyu, ttest_1samp

from genoattn import ablation, heads, motifs, promoter_elements
from genoattn.curation import Merging, curate
from genoattn.files import writing
from genoattn.genome import Genome, strand_index
from genoattn.grammar import DEFAULT_GRAMMAR, NO_GRAMMAR
from genoattn.labels import Split
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.prediction import SampledAttention, predict
from genoattn.synthetic import Simulation, simulate
from genoattn.training import PAPER_CUTS, TrainingConfig, fit

__all__ = [
    "Found",
    "Recovery",
    "Rule",
    "claim",
    "effects",
    "grade",
    "letters",
    "placed",
    "planted_letters",
    "read",
    "site_windows",
    "usage",
]

MODEL = AnnotatorConfig(
    layers=3, heads=4, d_model=32, d_head=16, window=128, downstream=20, dropout=0.0
)
"""A small model, of the demo's size."""
TRAINING = TrainingConfig(
    passes=6.0, segment=512, context=128, batch=4, empty_share=0.2, learning_rate=0.003,
    steps_per_round=400, patience=9,
)  # fmt: skip
"""Smaller steps than the demo's, and on a longer genome: the rarer elements need them."""
LENGTH = 2_400_000
"""Nucleotides of a genome: twice as many give a motif's tests twice as many sites."""


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
    min_similarity: float = 0.5
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
    for layer, head, weights in heads.each_head(attention):
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
                    "p_sites": _greater(scores, np.concatenate(elsewhere)),
                    "p_attention": _greater(scores[order[:half]], scores[order[half:]]),
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


def _greater(a: NDArray, b: NDArray) -> float:
    """One-sided Mann-Whitney p-value; 1 where all values are the same."""
    if np.ptp(np.concatenate([a, b])) == 0:
        return 1.0
    return float(mannwhitneyu(a, b, alternative="greater").pvalue)


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


# ------------------------------------------------------------------- switching off and replacing


def site_windows(genome: Genome, sites: pd.DataFrame, config: AnnotatorConfig) -> NDArray[np.uint8]:
    """All nucleotides that can change the output at sites, 5'->3': shape (n, length)."""
    reach = np.arange(
        config.downstream - config.reach_upstream, config.downstream + config.reach_downstream + 1
    )
    return genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), reach)


def _log_odds(model: Annotator, codes: NDArray[np.uint8], batch: int = 20) -> NDArray[np.float64]:
    """Log-odds at the sites of `site_windows`, shape (n,)."""
    outputs = []
    with torch.inference_mode():
        for first in range(0, len(codes), batch):
            part = torch.from_numpy(codes[first : first + batch].astype(np.int64))
            outputs.append(model(part)[:, model.config.reach_upstream].double().numpy())
    return np.concatenate(outputs)


def effects(model: Annotator, genome: Genome, sites: pd.DataFrame) -> pd.DataFrame:
    """Change of the log-odds at sites when a head gives its mean instead.

    Returns
    -------
    DataFrame
        ``layer_1based``, ``head_1based``, ``effect`` (mean of the log-odds without the head minus
        those with it), ``ci_low`` and ``ci_high`` (95 %, normal), ``p_effect`` (corrected).
    """
    codes, site = site_windows(genome, sites, model.config), model.config.reach_upstream
    mean = ablation.mean_contributions(model, codes)
    each = ablation.single_heads(model.config, ["mean"])
    whole, without = ablation.ablate(
        model, codes, slice(site, site + 1), each, mean, progress=False
    )
    change = without[..., 0].astype(np.float64) - whole[:, 0]  # heads, n
    rows = [
        (layer + 1, head + 1, *_interval(one))
        for ((layer, head),), one in zip((which.heads for which in each), change, strict=True)
    ]
    columns = ["layer_1based", "head_1based", "effect", "ci_low", "ci_high", "p_effect"]
    return _corrected(pd.DataFrame(rows, columns=columns), "p_effect")


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
        rows.append(_interval(_log_odds(model, changed) - _log_odds(model, codes)))
    columns = ["word_effect", "word_low", "word_high", "p_word"]
    return _corrected(pd.DataFrame(rows, columns=columns), "p_word")


def _interval(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Mean, its 95 % interval (normal), and the p-value of a t-test that it is zero."""
    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    p = float(ttest_1samp(values, 0).pvalue) if values.any() else 1.0
    return float(values.mean()), float(values.mean() - error), float(values.mean() + error), p


def _corrected(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Correct the p-values of a column for their number (Holm 1979)."""
    p = frame[column].to_numpy()
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return frame.assign(**{column: corrected})


def usage(
    model: Annotator, genome: Genome, elements: pd.DataFrame, *, most: int, seed: int
) -> pd.DataFrame:
    """Whether the model uses the planted elements: copies are replaced by random letters.

    Parameters
    ----------
    elements : DataFrame
        `synthetic.Simulation.elements` (those to be looked at).
    most : int
        Copies of each element that are replaced, drawn at random.
    seed : int

    Returns
    -------
    DataFrame
        ``element``, ``change`` (mean change of the log-odds at its start sites), ``change_low``,
        ``change_high`` and ``used`` (the interval lies below zero).
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
        change = _log_odds(model, without) - _log_odds(model, codes)
        mean, low, high, _ = _interval(change)
        rows.append((str(name), mean, low, high, high < 0))
    return pd.DataFrame(rows, columns=["element", "change", "change_low", "change_high", "used"])


# ------------------------------------------------------------------------------------- grading


def placed(
    counts: NDArray[np.int64], offset: int, element: promoter_elements.Element, slack: int
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
    mine = heads.letter_heights(counts)
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
    element = promoter_elements.Element("other", share, (first,), "another head")
    return placed(counts[one], int(offsets[one]), element, rule.tolerance)[0] >= rule.min_similarity


def grade(
    found: Found,
    changed: pd.DataFrame,
    words: pd.DataFrame,
    elements: pd.DataFrame,
    rule: Rule | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay claims beside what was planted.

    Parameters
    ----------
    found : Found
        `claim`.
    changed : DataFrame
        `effects`.
    words : DataFrame
        `letters`, in the order of the claims.
    elements : DataFrame
        Planted copies; empty for a genome without grammar.
    rule : Rule, optional

    Returns
    -------
    recovered : DataFrame
        A row for each planted element: ``element``, ``planted_offset`` (its commonest first
        offset), ``recovered_offset``, ``q_value``, ``similarity``, ``head``, ``recovered``.
    claims : DataFrame
        `Found.table` with the effects of its head and of its letters, ``echo`` (of another head's
        claim), ``claimed`` (both effects differ from zero, and no echo), ``element`` (the planted
        one that it is, empty: none), and ``false_claim``.
    """
    rule = rule or Rule()
    claims = found.table.merge(changed, on=["layer_1based", "head_1based"], how="left")
    claims = claims.join(words)
    matters = (claims["p_effect"] <= rule.max_q) & (claims["p_word"] <= rule.max_q)
    claims["echo"] = _echoes(found, matters.to_numpy(), rule)
    claims["claimed"] = matters & ~claims["echo"]
    planted = promoter_elements.planted_elements(elements) if len(elements) else ()
    modes = (
        {
            str(name): int(copies["offset"].mode().iloc[0])
            for name, copies in elements.groupby("element")
        }
        if len(elements)
        else {}
    )
    named, rows = [""] * len(claims), []
    best_of = np.zeros(len(claims))
    for element in planted:
        hits = []
        for number, row in claims.iterrows():
            index = cast(int, number)
            alike, first = placed(found.counts[index], int(row["offset"]), element, rule.tolerance)
            near = abs(first - modes[element.name]) <= rule.tolerance
            if row["claimed"] and alike >= rule.min_similarity and near:
                hits.append((float(row["q_value"]), -alike, first, index))
                if alike > best_of[index]:
                    best_of[index], named[index] = alike, element.name
        hits.sort()
        head = claims.loc[[hits[0][3]]] if hits else None
        rows.append(
            {
                "element": element.name,
                "planted_offset": modes[element.name],
                "recovered_offset": hits[0][2] if hits else pd.NA,
                "q_value": hits[0][0] if hits else np.nan,
                "similarity": -hits[0][1] if hits else np.nan,
                "head": heads.names(head)[0] if head is not None else "",
                "recovered": bool(hits),
            }
        )
    claims["element"] = named
    claims["false_claim"] = claims["claimed"] & (claims["element"] == "")
    columns = ["element", "planted_offset", "recovered_offset", "q_value", "similarity", "head"]
    recovered = pd.DataFrame(rows, columns=[*columns, "recovered"])
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
        `claim`.
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
        first = strand_index(
            elements["tss_position"].to_numpy(), elements["strand"].to_numpy(), length
        )
        row = (elements["strand"] == "-").to_numpy(np.int64)
        number = elements["element"].map(names.index).to_numpy()
        width = elements["sequence"].str.len().to_numpy()
        begin = first + elements["offset"].to_numpy()
        for nt in range(int(width.max())):
            some = nt < width
            inside[row[some], (begin[some] + nt) % length] = number[some]
    along = strand_index(sites["position"].to_numpy(), sites["strand"].to_numpy(), length)
    strand = (sites["strand"] == "-").to_numpy(np.int64)
    rows = []
    for offset, counts, carriers in zip(
        found.table["offset"], found.counts, found.carriers, strict=True
    ):
        weight = heads.letter_heights(counts).sum(axis=1)
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


# ----------------------------------------------------------------------------------- the genomes


def one_genome(
    seed: int,
    folder: Path,
    *,
    with_grammar: bool,
    length: int,
    model: AnnotatorConfig = MODEL,
    training: TrainingConfig = TRAINING,
    rule: Rule | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate, train, claim and grade one genome; a training that is there is not repeated.

    Returns
    -------
    recovered, claims : DataFrame
        `grade`, with ``genome_seed``, ``grammar`` and (recovered) `usage` and (claims)
        `planted_letters`.
    """
    rule = rule or Rule()
    grammar = DEFAULT_GRAMMAR if with_grammar else NO_GRAMMAR
    simulation: Simulation = simulate(seed=seed, length=length, grammar=grammar)
    curated = curate(_reported(simulation), Merging(length=length))
    split = Split.at([round(length * share) for share in PAPER_CUTS], length)
    settings = repr((asdict(model), asdict(training), length)).encode()
    name = f"{'grammar' if with_grammar else 'none'}-{seed}"
    weights = folder / name / f"{hashlib.sha256(settings).hexdigest()[:8]}.safetensors"
    finished = weights.with_suffix(".done")
    if not finished.exists():
        fit(
            simulation.genome,
            curated,
            split,
            weights,
            model=model,
            training=training,
            train_set="curated",
            accelerator="cpu",
            progress=False,
        )
        finished.touch()
    annotator = Annotator.load(weights)
    learn = split.mask("train")[curated["position"].to_numpy()]
    recorder = SampledAttention(
        model, curated["strand"].to_numpy(), curated["position"].to_numpy(), length
    )
    predict(annotator, simulation.genome, recorders=[recorder], progress=False)
    found = claim(
        recorder.attention,
        curated,
        learn,
        simulation.genome,
        downstream=model.downstream,
        rule=rule,
    )
    rng = np.random.default_rng(seed)
    held = curated[~learn]
    held = held.iloc[rng.permutation(len(held))[: rule.n_sites]]
    changed = effects(annotator, simulation.genome, held)
    words = letters(annotator, simulation.genome, curated, found, seed=seed)
    recovered, claims = grade(found, changed, words, simulation.elements, rule)
    claims = claims.join(planted_letters(found, curated, simulation.elements, length))
    if len(recovered):
        used = usage(
            annotator, simulation.genome, simulation.elements, most=rule.n_sites, seed=seed
        )
        recovered = recovered.merge(used, on="element", validate="one_to_one")
    for frame in (recovered, claims):
        frame.insert(0, "genome_seed", seed)
        frame.insert(1, "grammar", with_grammar)
    return recovered, claims


def _reported(simulation: Simulation) -> pd.DataFrame:
    """What the simulated assays report, in the order that the curation expects."""
    return simulation.assays.sort_values(["position", "strand", "source"], ignore_index=True)


class Recovery(NamedTuple):
    """The three tables that the command writes."""

    recovered: pd.DataFrame
    """A row for each planted element of each genome (`grade`)."""
    claims: pd.DataFrame
    """A row for each claim (`grade`)."""
    genomes: pd.DataFrame
    """``genome_seed`` and ``grammar`` of all genomes; one without a claim has no row elsewhere."""


def read(path: str | Path) -> Recovery:
    """Read recovery.csv and, beside it, recovery_claims.csv and recovery_genomes.csv."""
    path = Path(path)
    files = [path, *(path.with_name(f"{path.stem}_{name}.csv") for name in ("claims", "genomes"))]
    for one in files:
        if not one.exists():
            raise FileNotFoundError(f"{one}: no such file; run python -m genoattn.recovery")
    names = dict.fromkeys(("element", "consensus", "planted_element"), str)  # "-10" is a name
    tables = Recovery(*(pd.read_csv(one, dtype=names) for one in files))  # type: ignore[arg-type]
    for column in ("element", "planted_element"):
        tables.claims[column] = tables.claims[column].fillna("")
    return tables


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: recover planted elements on simulated genomes, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m genoattn.recovery", description=main.__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"), help="folder of runs")
    parser.add_argument(
        "--results", type=Path, default=Path("book/results/demo"), help="folder of the tables"
    )
    parser.add_argument("--length", type=int, default=LENGTH, help="nucleotides of a genome")
    parser.add_argument("--passes", type=float, default=TRAINING.passes)
    parser.add_argument(
        "--blank", type=int, nargs="*", default=[0], help="seeds of genomes without grammar"
    )
    given = parser.parse_args(arguments)
    training = TrainingConfig(**{**asdict(TRAINING), "passes": given.passes})
    all_recovered, all_claims, treated = [], [], []
    wanted = [(seed, True) for seed in given.seeds] + [(seed, False) for seed in given.blank]
    for seed, with_grammar in wanted:
        recovered, claims = one_genome(
            seed, given.out, with_grammar=with_grammar, length=given.length, training=training
        )
        all_recovered.append(recovered)
        all_claims.append(claims)
        treated.append((seed, with_grammar))
        kind = "grammar" if with_grammar else "none"
        hits, n = int(recovered["recovered"].sum()), len(recovered)
        false = int(claims["false_claim"].sum())
        print(f"{kind} {seed}: {hits} of {n} recovered, {false} false claims", flush=True)
        tables = {  # after each genome, so that what is done is there
            "recovery.csv": _joined(all_recovered),
            "recovery_claims.csv": _joined(all_claims),
            "recovery_genomes.csv": pd.DataFrame(treated, columns=["genome_seed", "grammar"]),
        }
        for name, table in tables.items():
            with writing(given.results / name) as partial:
                table.to_csv(partial, index=False, float_format="%.6g")


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One table of several; without those that have no row, if any has one."""
    return pd.concat([one for one in frames if len(one)] or frames, ignore_index=True)


if __name__ == "__main__":
    main()
