"""Ways of an element to the output: queries, keys, from head to head; touches site.py.

`mediation.py` says which heads carry an element. Here the leading ones are followed:

* *at which queries* each acts (exact patches in bins), and *from which keys* (to first order);
* *together*: what comes back with the first, the first two, three ... of them;
* *hops*, by path patching (Wang et al. 2023; Goldowsky-Dill et al. 2023): a sender's clean
  contribution is let into the noised run so that one receiver alone sees it, and only through its
  query, its key or its value. All other heads hand on what they do in the noised run, so what comes
  back came by this hop.

The test of a hop is a promoter whose spacer is wrong: `spacers` writes a box at other distances
from the -10 box, and asks how much of what it is worth still goes through a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from genoattn.genome.sequence import Genome
from genoattn.genome.sites import position_name
from genoattn.interventions.mediation import (
    Head,
    SiteRuns,
    check_heads,
    columns_of,
    each_site,
    first_order_map,
    patched,
    sensitivities,
)
from genoattn.interventions.noise import Noised, Question, permuted
from genoattn.model.annotator import Annotator

INPUTS = ("query", "key", "value")
WAYS = (*INPUTS, "all")
"""Through which inputs of a receiver hops are asked about."""

NEGLIGIBLE = 0.01
"""Share of an element's effect at a site below which a bin of queries is not patched exactly."""


class Followed(NamedTuple):
    """Log-odds that come back by each way, means over draws, at n sites.

    Attributes
    ----------
    heads : list of (layer, head)
        The leading heads, the first first.
    query, key : int arrays, shapes (q + 1,) and (k + 1,)
        Edges of the bins, offsets from the site.
    by_query : float array, shape (n, heads, q)
        With a head's contribution at the queries of one bin: exact, or to first order where that
        is less than `NEGLIGIBLE` of the effect.
    by_key : float array, shape (n, heads, q, k)
        To first order, from the keys of one bin at the queries of one.
    together : float array, shape (n, heads)
        With the first 1, 2, ... of the heads.
    hops : list of (sender, receiver)
    by_hop : float array, shape (n, hops, 4)
        Through the receiver's inputs, as in `WAYS`.
    """

    heads: list[Head]
    query: NDArray[np.int64]
    key: NDArray[np.int64]
    by_query: NDArray[np.float64]
    by_key: NDArray[np.float64]
    together: NDArray[np.float64]
    hops: list[tuple[Head, Head]]
    by_hop: NDArray[np.float64]

    @property
    def query_bins(self) -> list[str]:
        """Names of the bins of queries, "-11 to -7"."""
        return bin_names(self.query)


def bin_names(edges: NDArray[np.int64]) -> list[str]:
    """Name bins by their first and last position, as readers count: there is no position 0."""
    return [f"{position_name(a)} to {position_name(b - 1)}" for a, b in pairwise(edges.tolist())]


def hops_among(heads: Sequence[Head]) -> list[tuple[Head, Head]]:
    """Every sender and receiver of some heads: a receiver lies in a higher layer."""
    pairs = combinations(sorted(heads), 2)
    return [(one, other) for one, other in pairs if one[0] < other[0]]


def follow(
    model: Annotator,
    genome: Genome,
    question: Question,
    heads: Sequence[Head],
    *,
    query: NDArray[np.int64],
    key: NDArray[np.int64],
    n_hopping: int,
    progress: bool = True,
) -> Followed:
    """Follow an element through leading heads.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    question : Question
    heads : sequence of (layer, head)
        The first first.
    query, key : int arrays
        Edges of the bins; those of keys should leave out none, as bins of queries are first judged
        by the sum over keys.
    n_hopping : int
        Among so many of the first heads, hops are asked about.
    progress : bool
        Show a progress bar.
    """
    check_heads(model.config, heads)
    hops = hops_among(heads[:n_hopping])
    work = partial(_follow, heads=list(heads), query=query, key=key, hops=hops)
    name = f"{question.element}, followed"
    given = (model, genome, question.sites, question.noised)
    rows = each_site(*given, work, name=name, progress=progress)
    by_query, by_key, together, by_hop = (np.stack(part) for part in zip(*rows, strict=True))
    return Followed(list(heads), query, key, by_query, by_key, together, hops, by_hop)


def _follow(
    runs: SiteRuns,
    *,
    heads: list[Head],
    query: NDArray[np.int64],
    key: NDArray[np.int64],
    hops: list[tuple[Head, Head]],
) -> tuple[NDArray[np.float64], ...]:
    """Arrays of `Followed` of one site."""
    before = runs.noised.log_odds.double().mean().item()
    least = NEGLIGIBLE * abs(runs.clean.log_odds.double().mean().item() - before)
    gradients = sensitivities(runs)
    by_key = np.array([first_order_map(runs, head, query, key, gradients) for head in heads])
    by_query = by_key.sum(2)
    offsets = runs.offsets()
    for number, place in zip(*np.nonzero(np.abs(by_query) > least), strict=True):
        where = (offsets >= query[place]) & (offsets < query[place + 1])
        by_query[number, place] = patched(runs, [heads[number]], where).mean() - before
    together = np.array([patched(runs, heads[: n + 1]).mean() - before for n in range(len(heads))])
    ways = [*((one,) for one in INPUTS), INPUTS]
    by_hop = np.array(
        [[hop(runs, *pair, way).mean() - before for way in ways] for pair in hops]
    ).reshape(len(hops), len(ways))
    return by_query, by_key, together, by_hop


def hop(
    runs: SiteRuns, sender: Head, receiver: Head, through: Sequence[str] = INPUTS
) -> NDArray[np.float64]:
    """Log-odds of the noised runs when a receiver alone sees a sender's clean contribution.

    Parameters
    ----------
    runs : SiteRuns
    sender, receiver : (layer, head)
        The receiver in a higher layer.
    through : sequence of {"query", "key", "value"}
        By which of its inputs.

    Returns
    -------
    float array, shape (draws,)
    """
    reading, start = runs.reading, runs.start
    c = reading.model.config
    check_heads(c, [sender, receiver])
    if not sender[0] < receiver[0]:
        raise ValueError("a receiver must lie in a higher layer than the sender")
    if unknown := sorted(set(through) - set(INPUTS)):
        raise ValueError(f"a head has no input {unknown[0]!r}; it has {', '.join(INPUTS)}")
    layer, columns = receiver[0], columns_of(c, receiver[1])
    with torch.no_grad():
        seen = _seen(runs, sender, layer)
        parts = [
            reading.queries_keys_values(layer, h, start) for h in (runs.noised.hidden[layer], seen)
        ]
        q, k, v = (parts[name in through][number] for number, name in enumerate(INPUTS))
        z = runs.noised.z[layer].clone()
        new, _ = reading.attend(layer, q[:, :, reading.rows(layer, start)], k, v, start)
        z[..., columns] = new[..., columns]
        out = reading.resume(layer, runs.noised.hidden[layer], z, start)
    return out.double().cpu().numpy()


def _seen(runs: SiteRuns, sender: Head, layer: int) -> Tensor:
    """What enters a layer if of all heads below the sender alone hands on what it does clean."""
    h = runs.noised.hidden[sender[0]]
    for number in range(sender[0], layer):
        z = runs.noised.z[number]
        if number == sender[0]:
            z = z.clone()
            columns = columns_of(runs.reading.model.config, sender[1])
            z[..., columns] = runs.clean.z[number][..., columns].expand(len(z), -1, -1)
        h = runs.reading.close(number, h, z, runs.start)
    return h


# -------------------------------------------------------------------------------------- spacers


class Spaced(NamedTuple):
    """A box written at several distances from another.

    Attributes
    ----------
    spacer : int array, shape (s,)
        Nucleotides between the two boxes.
    effect : float array, shape (n, s)
        Log-odds with the box minus those without.
    through : float array, shape (n, s)
        Of that, what comes with one head alone.
    block : int array, shape (n,)
    """

    spacer: NDArray[np.int64]
    effect: NDArray[np.float64]
    through: NDArray[np.float64]
    block: NDArray[np.int64]


def spacers(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    box: NDArray[np.integer],
    downstream_box: NDArray[np.int64],
    head: Head,
    *,
    spacer: NDArray[np.int64],
    draws: int,
    seed: int,
    progress: bool = True,
) -> Spaced:
    """Write a box at several distances upstream of another one, in permuted surroundings.

    Parameters
    ----------
    model : Annotator
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``, ``block``.
    box : integer array, shape (m,)
        Codes of what is written (TTGACA).
    downstream_box : int array, shape (n,)
        Offset of the first nucleotide of the other box at each site.
    head : (layer, head)
        Whose contribution is restored.
    spacer : int array, shape (s,)
        Distances that are tried, ascending.
    draws : int
        Permutations of the surroundings.
    seed : int
    progress : bool
    """
    check_heads(model.config, [head])
    rng = np.random.default_rng(seed)
    m = len(box)
    width = int(spacer.max()) + m  # from the farthest box to the downstream one
    first = downstream_box - width
    step = np.arange(width)
    empty = np.stack(
        [
            permuted(genome.around([p], [s], f + step)[0], draws, rng)
            for p, s, f in zip(sites["position"], sites["strand"], first, strict=True)
        ]
    )
    effect, through = [], []
    for gap in spacer:
        written = empty.copy()
        written[..., width - gap - m : width - gap] = box
        given = Noised(first, empty, written)
        work = partial(_gained, head=head)
        name = f"spacer of {gap}"
        rows = each_site(model, genome, sites, given, work, name=name, progress=progress)
        effect.append([row[0] for row in rows])
        through.append([row[1] for row in rows])
    block = sites["block"].to_numpy()
    return Spaced(np.asarray(spacer), np.array(effect).T, np.array(through).T, block)


def _gained(runs: SiteRuns, *, head: Head) -> tuple[float, float]:
    """Effect of what is written, and what comes back of it with one head."""
    before = runs.noised.log_odds.double().mean().item()
    effect = runs.clean.log_odds.double().mean().item() - before
    return effect, float(patched(runs, [head]).mean()) - before
