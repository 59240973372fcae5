"""Every single substitution around sites, and what it changes; touches mutants.py, files.

Saturation mutagenesis in silico asks what a network reads, whatever its architecture: each
nucleotide of a region is exchanged for each of the three others, one at a time, and the change of
the log-odds at the site is kept. Nothing is sampled and nothing is linearised. The letters' effects
at a place, less their mean, are its *hypothetical contributions* (what each letter would add there,
against any letter); the one of the letter that stands there is its contribution. Motif discovery
(`genoattn.interventions.motif_discovery`) begins with them. Where that is too slow, `first_order`
estimates the same map from gradients.

A map of thousands of sites takes an hour of one core, so it is written as it grows: a run that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from genoattn.evaluation import bootstrap
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.files import writing
from genoattn.genome.sequence import UNKNOWN, Genome
from genoattn.genome.sites import paper_label
from genoattn.model.annotator import Annotator
from genoattn.model.attention import keep_freed_memory
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.prediction.mutants import MutantReader, read_site
from genoattn.prediction.site import Rereading, letters

__all__ = [
    "MutationMap",
    "check_region",
    "element_effects",
    "first_order",
    "letter_effects",
    "saturate",
    "strongest_peaks",
]

CHUNK = 50
"""Sites after which what is done is written down."""


@dataclass(frozen=True)
class MutationMap:
    """What every substitution around some sites changes.

    Attributes
    ----------
    sites : DataFrame
        ``position`` (0-based), ``strand``, ``log_odds`` of the unchanged sequence, of n sites.
    offset : int array, shape (p,)
        Offsets from the site, ascending without gaps; 0 is the site.
    codes : uint8 array, shape (n, p)
        The sequences, 5'->3' on the site's strand.
    change : float32 array, shape (n, p, 4)
        Change of the log-odds with A, C, G, T at that place; 0 for the letter that stands there.
    """

    sites: pd.DataFrame
    offset: NDArray[np.int64]
    codes: NDArray[np.uint8]
    change: NDArray[np.float32]

    @property
    def onehot(self) -> NDArray[np.float32]:
        """The sequences as letters, shape (n, p, 4); an unknown nucleotide is none of them."""
        return np.eye(5, 4, dtype=np.float32)[self.codes]

    @property
    def hypothetical(self) -> NDArray[np.float32]:
        """Each letter's effect less the mean of the four, in log-odds, shape (n, p, 4)."""
        return self.change - self.change.mean(2, keepdims=True)

    @property
    def contribution(self) -> NDArray[np.float32]:
        """Contribution of the letter that stands there, in log-odds, shape (n, p)."""
        return (self.hypothetical * self.onehot).sum(2)

    @property
    def cost(self) -> NDArray[np.float32]:
        """Mean change over the three other letters, shape (n, p); negative: it is needed."""
        return self.change.sum(2) / 3

    def of(self, rows: NDArray[np.integer]) -> MutationMap:
        """The map of some of the sites."""
        sites = self.sites.iloc[rows].reset_index(drop=True)
        return MutationMap(sites, self.offset, self.codes[rows], self.change[rows])


def check_region(genome: Genome, sites: pd.DataFrame, first: int, last: int) -> None:
    """Refuse sites whose region passes the end of a linear contig.

    Raises
    ------
    ValueError
        Names the first such site and the region.
    """
    if genome.circular or sites.empty:
        return
    position = sites["position"].to_numpy()
    minus = (sites["strand"] == "-").to_numpy()
    left = position + np.where(minus, -last, first)
    right = position + np.where(minus, -first, last)
    beyond = np.flatnonzero((left < 0) | (right >= len(genome)))
    if beyond.size:
        at = beyond[0]
        raise ValueError(
            f"site {position[at] + 1}{sites['strand'].iloc[at]} is too near the end of "
            f"{genome.name} ({len(genome):,} nt): the region {paper_label(first):+d} to "
            f"{paper_label(last):+d} passes it; leave the site out or give a smaller region"
        )


def _check_asked(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    sites: pd.DataFrame,
    first: int,
    last: int,
) -> None:
    """Refuse a region that the network does not read, no site, and what `check_region` refuses."""
    downstream = network.config.downstream
    if not first <= last <= downstream:
        raise ValueError(
            f"region {first}..{last}: give first <= last <= {downstream}, beyond which the network "
            "does not look"
        )
    if sites.empty:
        raise ValueError("there is no site around which nucleotides could be substituted")
    check_region(genome, sites, first, last)


def strongest_peaks(
    track: NDArray, inside: NDArray[np.bool_], n: int, *, apart: int = 10
) -> pd.DataFrame:
    """The ``n`` highest peaks of an output: ``position``, ``strand``, ``output``, highest first.

    Parameters
    ----------
    track : array, shape (2, L)
        Output; NaN where it is not known.
    inside : bool array, shape (L,)
        The part that is looked at.
    n : int
        At most so many.
    apart : int
        How far a peak must be the highest, nt.
    """
    peaks = find_peaks({"": np.where(inside, track, np.nan)}, -np.inf, apart=apart)
    top = peaks.nlargest(n, "output", keep="first")
    return top[["position", "strand", "output"]].reset_index(drop=True)


def saturate(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    sites: pd.DataFrame,
    *,
    first: int = -60,
    last: int = 20,
    known: MutationMap | None = None,
    kept: Path | None = None,
    made_from: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> MutationMap:
    """Substitute every nucleotide of a region around sites, each in its full context.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
        In evaluation mode.
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    first, last : int
        Offsets of the region's ends, both inclusive; ``last`` at most ``config.downstream``.
    known : MutationMap, optional
        A map of the same network, genome and region; its sites are not substituted again.
    kept : Path, optional
        A .npz file that holds what is done so far, and is gone on with.
    made_from : mapping, optional
        What beside sites and region decides the numbers (`genoattn.model.weights.made_from`): a
        kept file of something else is made anew.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        No site, a region beyond what the network reads, a site too near a contig's end, or a
        ``known`` map of another region.
    """
    _check_asked(network, genome, sites, first, last)
    offset = np.arange(first, last + 1)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offset)
    record = _record(sites, offset, made_from)
    change, log_odds = _resume(kept, record, codes.shape)
    if known is not None:
        _take_over(known, sites, offset, change, log_odds)
    missing = np.flatnonzero(np.isnan(log_odds))
    done = len(sites) - len(missing)
    bar = tqdm(total=len(sites), initial=done, desc="substituting", unit="site", mininterval=1,
               disable=not progress)  # fmt: skip
    with bar:
        for number, row in enumerate(missing, start=1):
            position, strand = sites["position"].iloc[row], sites["strand"].iloc[row]
            reader = read_site(network, genome, int(position), str(strand), first)
            change[row], log_odds[row] = _substitute(reader, offset), reader.log_odds
            bar.update()
            if kept is not None and (number % CHUNK == 0 or number == len(missing)):
                _keep(kept, record, change, log_odds)
    measured = sites[["position", "strand"]].reset_index(drop=True).assign(log_odds=log_odds)
    return MutationMap(measured, offset, codes, change)


def first_order(
    network: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    *,
    first: int = -60,
    last: int = 20,
    n_steps: int = 4,
    composition: NDArray[np.floating],
    progress: bool = True,
) -> MutationMap:
    """Estimate what every substitution changes from gradients, some hundred times faster.

    The gradient of the log-odds by the letters is averaged along the straight way from the genome's
    composition to the sequence (integrated gradients, Sundararajan et al. 2017): the gradient at
    the sequence alone vanishes where an element's effect is saturated. What is found in such a map
    has still to be tested by an intervention.

    Parameters
    ----------
    network : Annotator
        In evaluation mode.
    genome, sites, first, last, progress
        As of `saturate`.
    n_steps : int
        Points of the way (Gauss-Legendre).
    composition : float array, shape (4,)
        Where the way begins, at each place of the region.
    """
    _check_asked(network, genome, sites, first, last)
    keep_freed_memory()
    offset = np.arange(first, last + 1)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offset)
    change = np.zeros((*codes.shape, 4), np.float32)
    log_odds = np.zeros(len(sites))
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    share = torch.tensor((nodes + 1) / 2, dtype=torch.float32)[:, None, None]
    weight = torch.tensor(weights / 2, dtype=torch.float32)
    rows = tqdm(sites[["position", "strand"]].itertuples(index=False), total=len(sites),
                desc="attributing", unit="site", mininterval=1, disable=not progress)  # fmt: skip
    for row, (position, strand) in enumerate(rows):
        reading = Rereading(network, genome, int(position), str(strand), first)
        start = reading.start_of(reading.site + first)
        sequence = letters(reading.codes[start:])
        place = slice(reading.site + first - start, reading.site + last - start + 1)
        beginning = sequence.clone()
        beginning[place] = torch.as_tensor(composition).to(sequence)
        mixed = (beginning + share.to(sequence) * (sequence - beginning)).requires_grad_()
        (slope,) = torch.autograd.grad(reading.of_letters(mixed, start).sum(), mixed)
        mean = torch.einsum("s,spa->pa", weight.to(slope), slope[:, place])  # p, 4
        own = (mean * sequence[place]).sum(1, keepdim=True)
        change[row] = (mean - own).cpu().numpy()
        log_odds[row] = reading.log_odds
    measured = sites[["position", "strand"]].reset_index(drop=True).assign(log_odds=log_odds)
    return MutationMap(measured, offset, codes, change)


def _substitute(reader: MutantReader, offset: NDArray[np.int64]) -> NDArray[np.float32]:
    """All substitutions of one site: change of the log-odds, shape (p, 4)."""
    change = np.zeros((len(offset), 4), dtype=np.float32)
    for place, index in enumerate(reader.site + offset):
        here = reader.codes[index]
        others = [letter for letter in range(UNKNOWN) if letter != here]
        changed = np.repeat(reader.codes[None, index:], len(others), axis=0)
        changed[:, 0] = others
        change[place, others] = reader.score(int(index), changed) - reader.log_odds
    return change


def _record(
    sites: pd.DataFrame, offset: NDArray[np.int64], made_from: Mapping[str, Any] | None
) -> str:
    """What a kept map belongs to, as one line of JSON."""
    places = [f"{position}{strand}" for position, strand in sites[["position", "strand"]].values]
    region = [int(offset[0]), int(offset[-1])]
    return json.dumps({"sites": places, "region": region, **(made_from or {})}, sort_keys=True)


def _resume(
    kept: Path | None, record: str, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Changes (n, p, 4) and log-odds (n,), NaN where they are still to be made."""
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            if str(arrays["record"]) == record:
                return arrays["change"], arrays["log_odds"]
    return np.zeros((*shape, 4), np.float32), np.full(shape[0], np.nan)


def _take_over(
    known: MutationMap,
    sites: pd.DataFrame,
    offset: NDArray[np.int64],
    change: NDArray[np.float32],
    log_odds: NDArray[np.float64],
) -> None:
    """Fill in the sites that a map has."""
    if not np.array_equal(known.offset, offset):
        raise ValueError(
            f"the known map is of offsets {known.offset[0]} to {known.offset[-1]}, not "
            f"{offset[0]} to {offset[-1]}"
        )
    key = ["position", "strand"]
    row = pd.MultiIndex.from_frame(known.sites[key]).get_indexer(
        pd.MultiIndex.from_frame(sites[key])
    )
    there = row >= 0
    change[there] = known.change[row[there]]
    log_odds[there] = known.sites["log_odds"].to_numpy()[row[there]]


def _keep(
    kept: Path, record: str, change: NDArray[np.float32], log_odds: NDArray[np.float64]
) -> None:
    with writing(kept) as partial:
        np.savez(partial, allow_pickle=False, record=record, change=change, log_odds=log_odds)


def letter_effects(
    found: MutationMap, block: NDArray[np.int64], *, n_bootstrap: int, level: float, seed: int
) -> pd.DataFrame:
    """The mean mutation map: by offset, and by letter that stands there.

    Parameters
    ----------
    found : MutationMap
    block : int array, shape (n,)
        Block of the genome of each site, numbered from 0 without gaps, for the intervals.
    n_bootstrap, level, seed
        Resamples of blocks, coverage, seed.

    Returns
    -------
    DataFrame
        ``offset``, ``label`` (as biologists count), ``letter`` (A, C, G, T), ``share`` of the sites
        that have it, ``contribution`` (sum over these sites by the number of all sites, so that the
        letters of an offset add up to its mean); and, the same for all letters of an offset,
        ``cost`` (mean change of the log-odds by a substitution), ``ci_low``, ``ci_high``.
    """
    if block.max() < 1:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    draws = bootstrap.resample(block, n_bootstrap, seed)[:, block]
    cost = draws @ found.cost / draws.sum(1, keepdims=True)  # replicates, p
    limits = np.array([bootstrap.interval(one, level) for one in cost.T])
    letters = (found.hypothetical * found.onehot).mean(0)  # p, 4
    return pd.DataFrame(
        {
            "offset": np.repeat(found.offset, 4),
            "label": np.repeat(paper_label(found.offset), 4),
            "letter": np.tile(list("ACGT"), len(found.offset)),
            "share": found.onehot.mean(0).ravel(),
            "contribution": letters.ravel(),
            "cost": np.repeat(found.cost.mean(0), 4),
            "ci_low": np.repeat(limits[:, 0], 4),
            "ci_high": np.repeat(limits[:, 1], 4),
        }
    )


def element_effects(
    found: MutationMap,
    elements: pd.DataFrame,
    block: NDArray[np.int64],
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Where the truth is known: substitutions inside planted elements and outside of all of them.

    Parameters
    ----------
    found : MutationMap
    elements : DataFrame
        `genoattn.data.simulation.Simulation.elements`: ``tss_position``, ``strand``, ``element``,
        ``offset`` (of its first nucleotide), ``sequence``.
    block : int array, shape (n,)
        Block of the genome of each site, numbered from 0 without gaps.
    n_bootstrap, level, seed
        Resamples of blocks, coverage, seed.

    Returns
    -------
    DataFrame
        ``element`` (the last row: outside of all, at the sites that have one), ``n_sites`` with it
        in the region, ``cost`` (mean change of the log-odds by a substitution), ``ci_low``,
        ``ci_high``.
    """
    covered = _covered(found, elements)
    every = np.any(list(covered.values()), axis=0) if covered else np.zeros(found.codes.shape, bool)
    groups = {**covered, "outside": ~every & every.any(1, keepdims=True)}
    draws = bootstrap.resample(block, n_bootstrap, seed)[:, block]
    draws = np.vstack([np.ones(len(block)), draws])
    rows = []
    for name, mask in groups.items():
        if not mask.any():
            continue
        with np.errstate(invalid="ignore"):
            cost = (draws @ np.where(mask, found.cost, 0).sum(1)) / (draws @ mask.sum(1))
        low, high = bootstrap.interval(cost[1:], level)
        rows.append((name, int(mask.any(1).sum()), cost[0], low, high))
    return pd.DataFrame(rows, columns=["element", "n_sites", "cost", "ci_low", "ci_high"])


def _covered(found: MutationMap, elements: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Nucleotides of the map that belong to each element, shape (n, p), by name."""
    keys = ["position", "strand"]
    planted = elements.rename(columns={"tss_position": "position"})
    here = found.sites[keys].reset_index(names="row").merge(planted, on=keys)
    covered = {}
    for name, copies in here.groupby("element", sort=True):
        mask = np.zeros(found.codes.shape, dtype=bool)
        for row, first, sequence in copies[["row", "offset", "sequence"]].values:
            mask[row] |= (found.offset >= first) & (found.offset < first + len(sequence))
        covered[str(name)] = mask
    return covered
