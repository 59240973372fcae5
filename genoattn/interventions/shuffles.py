"""What the output becomes when chosen stretches are shuffled; touches a genome and a model.

A stretch near each of many sites is replaced, and the model reads the edited genome. Sites whose
reading would overlap are edited in separate rounds, so that each output answers to one edit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome.sequence import Genome, reverse_complement
from genoattn.genome.sites import Around, output_around
from genoattn.model.annotator import Annotator
from genoattn.prediction.predict import predict

__all__ = ["EDITS", "Edit", "edited_output", "rounds", "shuffled", "shuffled_pairs"]


Shuffle = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]


def shuffled(codes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same nucleotides in random order."""
    return rng.permutation(codes)


def shuffled_pairs(codes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random sequence with exactly the same dinucleotides, first and last nucleotide.

    Every such sequence is equally likely: the sequence is a path over all edges (pairs) of the
    graph of nucleotides, and a random path of this kind is drawn by choosing each nucleotide's
    last edge so that these lead to the end, and putting the others in random order (Altschul and
    Erickson 1985, doi:10.1093/oxfordjournals.molbev.a040370).

    Parameters
    ----------
    codes : uint8 array, shape (n,)
        Any codes; unknown nucleotides are a fifth letter.
    rng : numpy.random.Generator

    Returns
    -------
    uint8 array, shape (n,)
    """
    if len(codes) < 3:
        return codes.copy()
    end = int(codes[-1])
    following: dict[int, list[int]] = {}
    for one, after in zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True):
        following.setdefault(one, []).append(after)
    while True:
        last = {
            one: after[rng.integers(len(after))] for one, after in following.items() if one != end
        }
        if all(_leads_to(end, one, last) for one in last):
            break
    for one, after in following.items():
        if one != end:
            after.remove(last[one])
        order = rng.permutation(len(after))
        following[one] = [after[i] for i in order] + ([last[one]] if one != end else [])
    path = [int(codes[0])]
    taken = dict.fromkeys(following, 0)
    for _ in range(len(codes) - 1):
        here = path[-1]
        path.append(following[here][taken[here]])
        taken[here] += 1
    return np.array(path, dtype=codes.dtype)


def _leads_to(end: int, start: int, last: dict[int, int]) -> bool:
    """Whether following the last edges from a nucleotide arrives at the end."""
    seen = set()
    while start != end:
        if start in seen:
            return False
        seen.add(start)
        start = last[start]
    return True


class Edit(NamedTuple):
    """A stretch from ``first`` up to and including ``last`` (offsets from the site), and how."""

    name: str
    first: int
    last: int
    shuffle: Shuffle


def rounds(sites: pd.DataFrame, apart: int, length: int) -> NDArray[np.int64]:
    """Give each site a round such that sites of one round are more than ``apart`` nt apart.

    Parameters
    ----------
    sites : DataFrame
        ``position``, of either strand.
    apart : int
    length : int
        Length of the genome, round whose end distances are counted.

    Returns
    -------
    int array, shape (n,)
        From 0; each site gets the first round that has room for it, in order of position.
    """
    position = sites["position"].to_numpy()
    number = np.empty(len(sites), dtype=np.int64)
    first: list[int] = []
    newest: list[int] = []
    for site in np.argsort(position, kind="stable"):
        here = int(position[site])
        for one, (begin, before) in enumerate(zip(first, newest, strict=True)):
            if here - before > apart and begin + length - here > apart:
                newest[one] = here
                number[site] = one
                break
        else:
            number[site] = len(first)
            first.append(here)
            newest.append(here)
    return number


def edited_output(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    edit: Edit,
    *,
    flank: int,
    seed: int,
) -> Around:
    """Output around each site after the edit of that site alone.

    Parameters
    ----------
    model : Annotator
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``; on a linear genome, further than the edit from its ends.
    edit : Edit
    flank : int
        Nucleotides on each side of a site that are predicted.
    seed : int
        Of the shuffles.

    Returns
    -------
    Around
        Sense and antisense output, each shape (n, 2 flank + 1), as `sites.output_around`.
    """
    length, rng = len(genome), np.random.default_rng(seed)
    step = np.arange(edit.first, edit.last + 1)
    width = max(flank, *(abs(end) for end in (edit.first, edit.last)))
    config = model.config
    reach = max(config.reach_upstream, config.reach_downstream + config.downstream)
    turn = rounds(sites, reach + 2 * width, length)
    sense = np.empty((len(sites), 2 * flank + 1), dtype=np.float32)
    antisense = np.empty_like(sense)
    for number in range(int(turn.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turn == number)
        codes, where = genome.codes.copy(), np.zeros(length, dtype=bool)
        for position, strand in sites[["position", "strand"]].iloc[chosen].itertuples(index=False):
            forward = position + step if strand == "+" else position - step[::-1]
            old = codes[forward % length]
            read = old if strand == "+" else reverse_complement(old)
            new = edit.shuffle(read, rng)
            codes[forward % length] = new if strand == "+" else reverse_complement(new)
            where[np.arange(position - flank, position + flank + 1) % length] = True
        track = predict(
            model, Genome(genome.name, codes, genome.circular), where=where, progress=False
        )
        found = output_around(track, sites.iloc[chosen], flank)
        sense[chosen], antisense[chosen] = found
    return Around(sense, antisense)


EDITS = (
    Edit("whole promoter, pairs kept", -60, 10, shuffled_pairs),
    Edit("-10 region", -15, -5, shuffled),
    Edit("as long, further upstream", -135, -65, shuffled_pairs),
)
"""What is shuffled: the promoter with its dinucleotides kept, the surroundings of the -10 box
alone, and as a control a stretch of the promoter's length next to it."""
