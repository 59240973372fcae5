"""What the output at start sites owes to single nucleotides; touches site.py, bootstrap.py.

Two measurements, site by site, over a region around it:

* *In-silico mutagenesis*: a nucleotide is exchanged for another, and the change of the log-odds at
  the site is read (Alipanahi et al. 2015); or seven neighbouring ones are, each for another
  letter. Negative: the site needs what was there.
* *Integrated gradients* (Sundararajan et al. 2017): the gradient with respect to the letters,
  integrated along the straight way from the genome's composition to the sequence. Attributions of
  all positions add up to the difference between the ends of the way (*completeness*). The integral
  is taken at a few points only, and a trained model changes almost abruptly at some places of the
  way, so how far they add up is measured at every site.

The functions at the top work on any score of sequences; `scan_sites` applies them to a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from genoattn.evaluation import bootstrap
from genoattn.genome.sequence import STRANDS, UNKNOWN, Genome
from genoattn.genome.sites import paper_label
from genoattn.model.annotator import Annotator
from genoattn.model.attention import keep_freed_memory
from genoattn.prediction.site import Rereading, letters

GROUP = 20
"""Neighbouring positions whose mutants are read together, from the first of them on."""


# ------------------------------------------------------------------------------ any sequence


def substitutions(
    codes: NDArray[np.integer], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Other letters for every nucleotide, in random order.

    Parameters
    ----------
    codes : integer array, shape (m,)
    n : int
        1, 2 or 3 of the other letters.
    rng : Generator

    Returns
    -------
    int array, shape (m, n)
        For an unknown nucleotide, any letters.
    """
    if not 1 <= n <= 3:
        raise ValueError(f"a nucleotide has three others: n must be 1, 2 or 3, not {n}")
    codes = np.where(codes == UNKNOWN, rng.integers(4, size=len(codes)), codes)
    others = (codes[:, None] + np.arange(1, 4)) % 4
    return rng.permuted(others, axis=1)[:, :n]


def integrated_gradients(
    score: Callable[[Tensor], Tensor], sequence: Tensor, baseline: Tensor, n_steps: int
) -> tuple[NDArray[np.float64], float, float]:
    """Attribute the difference of a score between two mixtures of letters to the positions.

    Parameters
    ----------
    score : callable
        Mixtures (m, t, 4) to scores (m,), differentiable.
    sequence, baseline : Tensor, shape (t, 4)
        Where the way ends and where it starts.
    n_steps : int
        Points at which the gradient is taken (Gauss-Legendre: exact for polynomials of degree
        ``2 n_steps - 1`` along the way).

    Returns
    -------
    attribution : float array, shape (t,)
        Summed over the letters of a position.
    at_sequence, at_baseline : float
        The scores whose difference the attributions should add up to.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    share = torch.tensor((nodes + 1) / 2, dtype=sequence.dtype, device=sequence.device)
    weight = torch.tensor(weights / 2, dtype=sequence.dtype, device=sequence.device)
    way = sequence - baseline
    points = (baseline + share[:, None, None] * way).requires_grad_()
    (gradient,) = torch.autograd.grad(score(points).sum(), points)
    attribution = (way * torch.einsum("s,sta->ta", weight, gradient)).sum(-1)
    with torch.no_grad():
        ends = score(torch.stack([sequence, baseline])).double().cpu().numpy()
    return attribution.double().cpu().numpy(), float(ends[0]), float(ends[1])


# ------------------------------------------------------------------------------- around sites


@dataclass(frozen=True)
class Scan:
    """What was measured at some sites, over the offsets of a region.

    Attributes
    ----------
    sites : DataFrame
        ``position``, ``strand`` and ``log_odds`` (the unchanged sequence's) of n sites.
    offset : int array, shape (p,)
        Offsets of the region from the site.
    codes : uint8 array, shape (n, p)
        The sequences.
    single : float array, shape (n, p, 4)
        Change of the log-odds when the nucleotide is exchanged for A, C, G, T; NaN for the letter
        that stands there and for those not tried.
    word_offset : int array, shape (w,)
        Centres of the words of ``width`` nucleotides that lie in the region.
    word : float array, shape (n, w)
        Change when all nucleotides of the word are exchanged.
    width : int
    gradient : float array, shape (n, p)
        Integrated gradients.
    ends : float array, shape (n, 2)
        Log-odds at the sequence and at the baseline.
    attention : float array, shape (n, layers, heads, p)
        Attention of the site's query at these offsets; zero outside the window.
    """

    sites: pd.DataFrame
    offset: NDArray[np.int64]
    codes: NDArray[np.uint8]
    single: NDArray[np.float64]
    word_offset: NDArray[np.int64]
    word: NDArray[np.float64]
    width: int
    gradient: NDArray[np.float64]
    ends: NDArray[np.float64]
    attention: NDArray[np.float64]

    @property
    def effect(self) -> NDArray[np.float64]:
        """Mean change over the letters tried, shape (n, p)."""
        return np.nanmean(self.single, axis=2)

    @property
    def completeness_error(self) -> NDArray[np.float64]:
        """Sum of the attributions minus what it should be, in log-odds, shape (n,)."""
        return self.gradient.sum(1) - (self.ends[:, 0] - self.ends[:, 1])


def choose_sites(
    label: NDArray, inside: NDArray[np.bool_], block: NDArray[np.int64], n: int, seed: int
) -> pd.DataFrame:
    """Draw labelled sites of a part at random.

    Parameters
    ----------
    label : array, shape (2, L)
    inside : bool array, shape (L,)
    block : int array, shape (L,)
        `bootstrap.blocks`.
    n : int
        At most so many.
    seed : int

    Returns
    -------
    DataFrame
        ``position``, ``strand`` and ``block`` (numbered from 0 without gaps).
    """
    row, position = np.nonzero(label.astype(bool) & inside)
    if not row.size:
        raise ValueError("no labelled site lies in the part")
    rng = np.random.default_rng(seed)
    take = np.sort(rng.choice(row.size, min(n, row.size), replace=False))
    return pd.DataFrame(
        {
            "position": position[take],
            "strand": np.array(STRANDS)[row[take]],
            "block": np.unique(block[position[take]], return_inverse=True)[1],
        }
    )


def scan_sites(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    *,
    first: int,
    last: int,
    n_substitutions: int,
    width: int,
    n_steps: int,
    composition: NDArray[np.floating],
    seed: int,
    progress: bool = True,
) -> Scan:
    """Mutate and attribute a region around sites, each in its full context.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    first, last : int
        First and last offset of the region; ``last`` at most ``config.downstream``.
    n_substitutions : int
        Other letters tried at every position, drawn at random if fewer than three.
    width : int
        Nucleotides of a word, odd.
    n_steps : int
        Points of the integral of the gradients.
    composition : float array, shape (4,)
        Baseline of the gradients at every position of the region; what lies upstream of the region
        stays as it is.
    seed : int
        Seed of the letters.
    progress : bool
        Show a progress bar.
    """
    c = model.config
    if not first <= last <= c.downstream:
        raise ValueError(
            f"region {first}..{last}: give first <= last <= {c.downstream}, beyond which the model "
            "does not look"
        )
    if width < 1 or width % 2 == 0 or width > last - first + 1:
        raise ValueError(f"width={width} must be odd and fit into the region")
    keep_freed_memory()
    rng = np.random.default_rng(seed)
    offset = np.arange(first, last + 1)
    n, p = len(sites), len(offset)
    single = np.full((n, p, 4), np.nan)
    word = np.empty((n, p - width + 1))
    codes = np.empty((n, p), dtype=np.uint8)
    gradient, ends = np.empty((n, p)), np.empty((n, 2))
    attention = np.zeros((n, c.layers, c.heads, p))
    log_odds = np.empty(n)
    pool = torch.tensor(composition, dtype=torch.float32)
    for number, site in enumerate(
        tqdm(
            list(zip(sites["position"], sites["strand"], strict=True)),
            desc="changing nucleotides",
            unit="site",
            mininterval=1,
            disable=not progress,
        )
    ):
        reading = Rereading(model, genome, int(site[0]), site[1], first)
        log_odds[number] = reading.log_odds
        sequence = reading.codes.cpu().numpy()
        index = reading.site + offset
        codes[number] = sequence[index]
        distance = c.downstream - offset
        seen = distance < c.window
        attention[number][..., seen] = reading.attention[..., distance[seen]]
        others = substitutions(sequence[index], n_substitutions, rng)
        mutants = _mutants(index, others, width)
        change = _score_mutants(reading, sequence, mutants) - reading.log_odds
        n_single = p * n_substitutions
        place = np.repeat(np.arange(p), n_substitutions)
        single[number, place, others.ravel()] = change[:n_single]
        word[number] = change[n_single:]
        gradient[number], ends[number] = _attribute(reading, index, pool, n_steps)
    return Scan(
        sites=sites.assign(log_odds=log_odds),
        offset=offset,
        codes=codes,
        single=single,
        word_offset=offset[width // 2 : p - width // 2],
        word=word,
        width=width,
        gradient=gradient,
        ends=ends,
        attention=attention,
    )


def _mutants(
    index: NDArray[np.int64], others: NDArray[np.int64], width: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Where and to what: single exchanges, then words (each nucleotide by its first other)."""
    made = [
        (index[place : place + 1], others[place, which : which + 1])
        for place in range(len(index))
        for which in range(others.shape[1])
    ]
    for start in range(len(index) - width + 1):
        made.append((index[start : start + width], others[start : start + width, 0]))
    return made


def _score_mutants(
    reading: Rereading,
    sequence: NDArray[np.int64],
    mutants: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> NDArray[np.float64]:
    """Log-odds of mutants, those that begin near each other read together."""
    begins = np.array([where[0] for where, _ in mutants])
    score = np.empty(len(mutants))
    for group in np.unique(begins // GROUP):
        mine = np.flatnonzero(begins // GROUP == group)
        start = reading.start_of(int(begins[mine].min()))
        changed = np.repeat(sequence[None, start:], len(mine), axis=0)
        for row, number in enumerate(mine):
            where, letter = mutants[number]
            changed[row, where - start] = letter
        score[mine] = reading.of_codes(changed, start).double().cpu().numpy()
    return score


def _attribute(
    reading: Rereading, index: NDArray[np.int64], composition: Tensor, n_steps: int
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Integrated gradients of a site at ``index``."""
    start = reading.start_of(int(index[0]))
    sequence = letters(reading.codes[start:])
    baseline = sequence.clone()
    baseline[index - start] = composition.to(sequence)
    whole, *ends = integrated_gradients(
        lambda mixed: reading.of_letters(mixed, start), sequence, baseline, n_steps
    )
    return whole[index - start], (ends[0], ends[1])


# ---------------------------------------------------------------------------------- summaries


def _draws(scan: Scan, n: int, seed: int) -> NDArray[np.float64]:
    """How often each site counts: once (row 0), and in ``n`` resamples of blocks."""
    block = scan.sites["block"].to_numpy()
    if block.max() < 1:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    draws = bootstrap.resample(block, n, seed)
    return np.concatenate([np.ones((1, draws.shape[1])), draws])[:, block]


def _means(draws: NDArray[np.float64], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over sites of values (n, ...) in each replicate: (replicates, ...)."""
    flat = values.reshape(len(values), -1)
    total = draws @ np.nan_to_num(flat)
    with np.errstate(invalid="ignore"):
        return (total / (draws @ np.isfinite(flat))).reshape(len(draws), *values.shape[1:])


def position_effects(scan: Scan, *, n_bootstrap: int, level: float, seed: int) -> pd.DataFrame:
    """Mean map: by offset, what exchanges change and what gradients attribute.

    Returns
    -------
    DataFrame
        ``offset``, ``label``, and for each of ``mutation`` (mean change of the log-odds),
        ``absolute`` (mean of its absolute value), ``word`` (all nucleotides of the word centred
        there; NaN at the ends) and ``gradient`` (integrated): the mean over sites, ``_low``,
        ``_high``.
    """
    draws = _draws(scan, n_bootstrap, seed)
    word = np.full(scan.effect.shape, np.nan)
    word[:, np.isin(scan.offset, scan.word_offset)] = scan.word
    frame = pd.DataFrame({"offset": scan.offset, "label": paper_label(scan.offset)})
    for name, values in {
        "mutation": scan.effect,
        "absolute": np.nanmean(np.abs(scan.single), axis=2),
        "word": word,
        "gradient": scan.gradient,
    }.items():
        mean = _means(draws, values)
        limits = np.array([bootstrap.interval(one, level) for one in mean[1:].T])
        frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = mean[0], *limits.T
    return frame


def element_effects(
    scan: Scan, elements: pd.DataFrame, *, n_bootstrap: int, level: float, seed: int
) -> pd.DataFrame:
    """Where the truth is known: exchanges inside planted elements and outside of all of them.

    Parameters
    ----------
    scan : Scan
    elements : DataFrame
        ``tss_position``, ``strand``, ``element``, ``offset`` (of its first nucleotide),
        ``sequence``.
    n_bootstrap, level, seed
        Of the intervals.

    Returns
    -------
    DataFrame
        ``element`` (the last row: outside of all), ``n_sites`` with it in the region, ``effect``
        (mean change of the log-odds by an exchange), ``low``, ``high``, ``gradient`` (mean
        attribution of a nucleotide).
    """
    draws = _draws(scan, n_bootstrap, seed)
    keys = zip(scan.sites["position"], scan.sites["strand"], strict=True)
    place = {(int(position), str(strand)): number for number, (position, strand) in enumerate(keys)}
    covered: dict[str, NDArray[np.bool_]] = {}
    known = np.zeros(len(scan.sites), dtype=bool)
    columns = ("tss_position", "strand", "element", "offset", "sequence")
    for position, strand, element, first, sequence in zip(
        *(elements[column] for column in columns), strict=True
    ):
        number = place.get((int(position), str(strand)))
        if number is None:
            continue
        known[number] = True
        mask = covered.setdefault(str(element), np.zeros(scan.effect.shape, dtype=bool))
        mask[number] |= (scan.offset >= first) & (scan.offset < first + len(sequence))
    every = np.zeros(scan.effect.shape, dtype=bool)
    for mask in covered.values():
        every |= mask
    groups = dict(sorted(covered.items())) | {"outside": ~every & known[:, None]}
    rows = []
    for name, mask in groups.items():
        counts = mask.sum(1)
        if not counts.any():
            continue
        total = draws @ counts
        with np.errstate(invalid="ignore"):
            effect = (draws @ np.where(mask, scan.effect, 0).sum(1)) / total
            gradient = (draws @ np.where(mask, scan.gradient, 0).sum(1)) / total
        low, high = bootstrap.interval(effect[1:], level)
        rows.append((name, int((counts > 0).sum()), effect[0], low, high, gradient[0]))
    return pd.DataFrame(rows, columns=["element", "n_sites", "effect", "low", "high", "gradient"])
