"""Which head carries which element to the output: causal mediation; touches site.py, bootstrap.py.

Attention says where a head looks. Whether the output *depends* on what the head sees there is asked
by an intervention (Vig et al. 2020; Meng et al. 2022, "activation patching")::

    clean      the sequence as it is                               output y
    noised     an element's letters replaced by random ones        output y* , y - y* is its effect
    restored   noised, but one head hands on what it would if      output y*_h
               the element stood there
    removed    clean, but one head hands on what it would if       output y_h
               the element were noise

    share restored = (y*_h - y*) / (y - y*)      share removed = (y - y_h) / (y - y*)

What a head hands on is its columns of the input of W_o, ``z``; it is replaced at all queries, in a
bin of queries, or for a bin of keys alone (``z`` is a sum over keys). All that lies above is
computed anew. Shares of heads need not add up to one: a head may pass on what another brought
it, and the last steps saturate.

*First order.* The gradient of the output with respect to all ``z`` at once, times the difference
of ``z``, tells the effect of every head, query and key in one backward pass (Nanda 2023). Taken at
both ends and averaged it is exact where the output is a quadratic function of ``z``, and off where
it saturates, so `Mediation` has both and their difference can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from genoattn.genome.sequence import Genome
from genoattn.interventions.noise import Noised
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.attention import keep_freed_memory
from genoattn.prediction.site import TOKENS, Rereading, Trace

Head = tuple[int, int]
"""Layer and head, both from 0."""

T = TypeVar("T")


# ------------------------------------------------------------------------------------- refusals


def check_model(model: object) -> Annotator:
    """Refuse a network without attention.

    Raises
    ------
    TypeError
    """
    if not isinstance(model, Annotator):
        raise TypeError(
            f"a {type(model).__name__} has no attention, so no head can carry an element: give an "
            "annotator"
        )
    return model


def check_heads(config: AnnotatorConfig, heads: Sequence[Head]) -> None:
    """Refuse a head that the model does not have.

    Raises
    ------
    ValueError
        Names the head, counted from 1.
    """
    for layer, head in heads:
        if not (0 <= layer < config.layers and 0 <= head < config.heads):
            raise ValueError(
                f"there is no head L{layer + 1} H{head + 1}: the model has {config.layers} layers "
                f"of {config.heads} heads"
            )


def check_span(config: AnnotatorConfig, name: str, first: int, last: int) -> None:
    """Refuse an element that reaches out of the window of the site's query.

    Parameters
    ----------
    config : AnnotatorConfig
    name : str
    first, last : int
        Its first and last offset from the site.

    Raises
    ------
    ValueError
        Names the element and the window.
    """
    earliest, latest = config.downstream - config.window + 1, config.downstream
    if not earliest <= first <= last <= latest:
        raise ValueError(
            f"{name} at the offsets {first} to {last} lies outside the window of the model, "
            f"{earliest} to {latest} from the site"
        )


def far_from_ends(genome: Genome, sites: pd.DataFrame, first: int, last: int) -> NDArray[np.bool_]:
    """Which sites have all offsets from ``first`` to ``last`` on the genome: shape (n,)."""
    if genome.circular:
        return np.ones(len(sites), dtype=bool)
    position = sites["position"].to_numpy()
    forward = (sites["strand"] == "+").to_numpy()
    left = np.where(forward, position + first, position - last)
    right = np.where(forward, position + last, position - first)
    return (left >= 0) & (right < len(genome))


def check_ends(genome: Genome, sites: pd.DataFrame, first: int, last: int) -> None:
    """Refuse a site so near an end of a linear genome that an offset lies beyond.

    Raises
    ------
    ValueError
        Names the site and the genome.
    """
    out = np.flatnonzero(~far_from_ends(genome, sites, first, last))
    if out.size:
        site = sites.iloc[out[0]]
        raise ValueError(
            f"the site at {site['position'] + 1:,} ({site['strand']}) of {genome.name} is too near "
            f"its end: offsets {first} to {last} do not all exist there; leave it out"
        )


# --------------------------------------------------------------------------------- all the heads


@dataclass(frozen=True)
class Mediation:
    """Log-odds of n sites under every patch, means over the draws of noise.

    Attributes
    ----------
    clean, noised : float array, shape (n,)
    restored, removed : float array, shape (n, layers, heads)
        With one head's clean contribution in the noised run; its noised one in the clean run.
    first_order : float array, shape (n, layers, heads, queries)
        First-order estimate of ``restored - noised`` by query, means of both ends.
    query : int array, shape (queries,)
        Offsets of these queries from the site; what a query hands on that lies elsewhere is zero.
    """

    clean: NDArray[np.float64]
    noised: NDArray[np.float64]
    restored: NDArray[np.float64]
    removed: NDArray[np.float64]
    first_order: NDArray[np.float64]
    query: NDArray[np.int64]

    @property
    def effect(self) -> NDArray[np.float64]:
        """What the element is worth at each site, shape (n,)."""
        return self.clean - self.noised


def mediation(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    noised: Noised,
    *,
    name: str = "the element",
    removing: bool = True,
    progress: bool = True,
) -> Mediation:
    """Patch every head at every site, exactly and to first order.

    Parameters
    ----------
    model : Annotator
        In evaluation mode, on any device.
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``; n of them.
    noised : Noised
    name : str
        What is noised, for messages.
    removing : bool
        Also patch the noised contribution into the clean run; else ``removed`` is NaN.
    progress : bool
        Show a progress bar.
    """
    work = partial(_mediate, removing=removing)
    rows = each_site(model, genome, sites, noised, work, name=name, progress=progress)
    c = check_model(model).config
    query = np.arange(int(noised.first.min()) - c.reach_downstream, c.downstream * 2 + 1)
    query = query[query <= c.downstream + c.reach_downstream]
    first_order = np.zeros((len(sites), c.layers, c.heads, len(query)))
    for number, row in enumerate(rows):
        begin = int(noised.first[number]) - c.reach_downstream - query[0]
        first_order[number, :, :, begin:] = row.first_order
    return Mediation(
        np.array([row.clean for row in rows]),
        np.array([row.noised for row in rows]),
        np.stack([row.restored for row in rows]),
        np.stack([row.removed for row in rows]),
        first_order,
        query,
    )


class _Row(NamedTuple):
    """`Mediation` of one site."""

    clean: float
    noised: float
    restored: NDArray[np.float64]
    removed: NDArray[np.float64]
    first_order: NDArray[np.float64]


@dataclass(frozen=True)
class SiteRuns:
    """The clean and the noised runs of one site, from shortly before the noise on.

    Attributes
    ----------
    reading : Rereading
    start : int
        Index of the first position that is read again.
    clean, noised : Trace
        Of one run (or of one a draw, where its letters are given), and of one a draw.
    """

    reading: Rereading
    start: int
    clean: Trace
    noised: Trace

    def offsets(self) -> NDArray[np.int64]:
        """Offsets from the site of the positions that are read again, shape (t,)."""
        return np.arange(self.start, len(self.reading.codes)) - self.reading.site


def each_site(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    noised: Noised,
    work: Callable[[SiteRuns], T],
    *,
    name: str = "the element",
    progress: bool = True,
) -> list[T]:
    """Read every site, clean and noised, and let something be done with the two runs.

    On the CPU, as many sites at once as torch has threads.

    Parameters
    ----------
    model, genome, sites, noised, name, progress
        As of `mediation`.
    work : callable
        Gets the runs of one site.

    Returns
    -------
    list
        What ``work`` returned, in the order of the sites.
    """
    c = check_model(model).config
    if not len(sites):
        raise ValueError(f"{name}: there is no site to ask")
    check_span(c, name, int(noised.first.min()), int(noised.last.max()))
    check_ends(genome, sites, int(noised.first.min()), c.downstream)
    keep_freed_memory()
    threads = torch.get_num_threads()
    workers = threads if next(model.parameters()).device.type == "cpu" else 1
    alone = partial(torch.set_num_threads, 1) if workers > 1 else None

    def one(number: int) -> T:
        site = sites.iloc[number]
        first = int(noised.first[number])
        reading = Rereading(model, genome, int(site["position"]), str(site["strand"]), first)
        clean = None if noised.clean is None else noised.clean[number]
        return work(site_runs(reading, first, noised.letters[number], clean))

    try:
        with ThreadPoolExecutor(workers, initializer=alone) as pool:
            done = pool.map(one, range(len(sites)))
            bar = tqdm(
                done, total=len(sites), desc=name, unit="site", mininterval=1, disable=not progress
            )
            return list(bar)
    finally:
        torch.set_num_threads(threads)


def site_runs(
    reading: Rereading,
    first: int,
    letters: NDArray[np.integer],
    clean: NDArray[np.integer] | None = None,
) -> SiteRuns:
    """Run a site clean and noised.

    Parameters
    ----------
    reading : Rereading
    first : int
        Offset of the first replaced nucleotide.
    letters : integer array, shape (draws, m)
    clean : integer array, shape (draws, m), optional
        As in `Noised`.
    """
    place = reading.site + first
    start = reading.start_of(place)

    def run(written: NDArray[np.integer] | None) -> Trace:
        codes = reading.codes[None, start:]
        if written is not None:
            codes = codes.repeat(len(written), 1)
            columns = slice(place - start, place - start + written.shape[1])
            codes[:, columns] = torch.as_tensor(written, dtype=torch.int64).to(codes)
        with torch.no_grad():
            return reading.trace(codes, start)

    return SiteRuns(reading, start, run(clean), run(letters))


def columns_of(config: AnnotatorConfig, head: int) -> slice:
    """Columns of ``z`` that one head fills."""
    return slice(head * config.d_head, (head + 1) * config.d_head)


def patched(
    runs: SiteRuns, heads: Sequence[Head], queries: slice | NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Log-odds of the noised runs when some heads together hand on what they do in the clean one.

    Parameters
    ----------
    runs : SiteRuns
    heads : sequence of (layer, head)
        Of any layers, from 0. What a head of an upper layer hands on is that of the clean run,
        whatever the lower ones bring.
    queries : slice or bool array, shape (t,), optional
        At these positions alone; all by default.

    Returns
    -------
    float array, shape (draws,)
    """
    reading = runs.reading
    config = reading.model.config
    check_heads(config, heads)
    if not heads:
        return runs.noised.log_odds.double().cpu().numpy()
    lowest = min(layer for layer, _ in heads)

    def edit(number: int, z: Tensor) -> Tensor:
        mine = [head for layer, head in heads if layer == number]
        if not mine:
            return z
        z = z.clone()
        rows = _rows(runs, number, queries)
        for head in mine:
            columns = columns_of(config, head)
            clean = runs.clean.z[number][..., columns]
            z[:, rows, columns] = clean[:, rows].expand(len(z), -1, -1)
        return z

    with torch.no_grad():
        z = edit(lowest, runs.noised.z[lowest])
        out = reading.resume(lowest, runs.noised.hidden[lowest], z, runs.start, edit)
    return out.double().cpu().numpy()


def _rows(runs: SiteRuns, layer: int, queries: slice | NDArray[np.bool_] | None) -> slice | Tensor:
    """Rows of ``z`` of a layer that are patched."""
    if queries is None:
        return slice(None)
    every = np.zeros(len(runs.reading.codes) - runs.start, dtype=bool)
    every[queries] = True
    return torch.from_numpy(every[runs.reading.rows(layer, runs.start)])


def _mediate(runs: SiteRuns, *, removing: bool) -> _Row:
    """Patch every head of one site, both ways."""
    model = runs.reading.model
    c = model.config
    draws = len(runs.noised.log_odds)
    restored = np.empty((draws, c.layers, c.heads))
    removed = np.full((draws, c.layers, c.heads), np.nan)
    for layer in range(c.layers):
        restored[:, layer] = _each_head(runs, layer, runs.noised, runs.clean)
        if removing:
            removed[:, layer] = _each_head(runs, layer, runs.clean, runs.noised)
    return _Row(
        float(runs.clean.log_odds.double().mean()),
        float(runs.noised.log_odds.double().mean()),
        restored.mean(0),
        removed.mean(0),
        first_order(runs),
    )


def _each_head(runs: SiteRuns, layer: int, into: Trace, of: Trace) -> NDArray[np.float64]:
    """Patch one head's contribution of a layer from one run into the other: (draws, heads)."""
    reading, c = runs.reading, runs.reading.model.config
    draws = len(runs.noised.log_odds)
    h, z, other = (
        one.expand(draws, -1, -1) for one in (into.hidden[layer], into.z[layer], of.z[layer])
    )
    which = [(draw, head) for draw in range(draws) for head in range(c.heads)]
    step = max(1, TOKENS.get(h.device.type, 512) // h.shape[1])
    outputs = []
    with torch.no_grad():
        for first in range(0, len(which), step):
            part = which[first : first + step]
            rows = [draw for draw, _ in part]
            mixed = z[rows].clone()
            for row, (draw, head) in enumerate(part):
                columns = columns_of(c, head)
                mixed[row, :, columns] = other[draw, :, columns]
            outputs.append(reading.resume(layer, h[rows], mixed, runs.start).double().cpu())
    return torch.cat(outputs).numpy().reshape(draws, c.heads)


# ---------------------------------------------------------------------------------- first order


def first_order(runs: SiteRuns) -> NDArray[np.float64]:
    """Gradient times difference, averaged over both ends: what restoring each query would bring.

    Returns
    -------
    float array, shape (layers, heads, t)
        Means over the draws.
    """
    c = runs.reading.model.config
    found = np.zeros((c.layers, c.heads, len(runs.reading.codes) - runs.start))
    gradients = sensitivities(runs)
    for layer in range(c.layers):
        lost = runs.clean.z[layer] - runs.noised.z[layer]  # draws, rows, heads * d_head
        gain = (gradients[layer] * lost).unflatten(-1, (c.heads, c.d_head)).sum(-1)
        rows = runs.reading.rows(layer, runs.start)
        found[layer][:, rows] = gain.double().mean(0).T.cpu().numpy()
    return found


def sensitivities(runs: SiteRuns) -> list[Tensor]:
    """Gradient of the log-odds by all that heads hand on, mean of the clean and the noised run.

    Returns
    -------
    list of Tensor, each (draws, rows, heads * d_head)
        One a layer.
    """
    parts = []
    for trace in (runs.clean, runs.noised):
        h = trace.hidden[0].detach()
        added = [torch.zeros_like(z, requires_grad=True) for z in trace.z]
        z = trace.z[0] + added[0]
        out = runs.reading.resume(0, h, z, runs.start, partial(_plus, added))
        parts.append(torch.autograd.grad(out.sum(), added))
    return [(clean + noised) / 2 for clean, noised in zip(*parts, strict=True)]


def _plus(added: Sequence[Tensor], layer: int, z: Tensor) -> Tensor:
    """What the heads of a layer hand on, with something added."""
    return z + added[layer]


def first_order_map(
    runs: SiteRuns,
    head: Head,
    query: NDArray[np.int64],
    key: NDArray[np.int64],
    gradients: list[Tensor] | None = None,
) -> NDArray[np.float64]:
    """First-order gain of restoring what a head hands on from a bin of keys at a bin of queries.

    ``z`` of a query is the sum over keys of weight times value, so its difference between the two
    runs is a sum over keys as well. The weights of all keys may differ (their sum is one), also
    those of keys that are the same in both runs.

    Parameters
    ----------
    runs : SiteRuns
    head : (layer, head)
    query, key : int arrays, shapes (q + 1,) and (k + 1,)
        Edges of the bins, offsets from the site, ascending; a bin holds its first edge and not its
        last.
    gradients : list of Tensor, optional
        `sensitivities` of the runs, if they are known already.

    Returns
    -------
    float array, shape (q, k)
        Mean over the draws. Bins that hold every query and every key add up to `first_order`.
    """
    reading, start = runs.reading, runs.start
    c = reading.model.config
    check_heads(c, [head])
    layer, number = head
    gradients = sensitivities(runs) if gradients is None else gradients
    gradient = gradients[layer][..., columns_of(c, number)]  # draws, rows, d_head
    passed = []
    with torch.no_grad():
        for trace in (runs.clean, runs.noised):
            rows = reading.rows(layer, start)
            q, k, v = reading.queries_keys_values(layer, trace.hidden[layer], start)
            _, weights = reading.attend(layer, q[:, :, rows], k, v, start)
            values = reading.values(layer, v, start)[number]  # m, columns, d_head
            passed.append(weights[number] * (gradient @ values.transpose(1, 2)))
    gain = (passed[0] - passed[1]).double().mean(0).cpu().numpy()  # rows, columns
    at_query = runs.offsets()[reading.rows(layer, start)]
    at_key = start - (c.window - 1) - reading.site + np.arange(gain.shape[1])
    return _in_bins(at_query, query) @ gain @ _in_bins(at_key, key).T


def _in_bins(offset: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Which offsets lie in which bin: shape (bins, offsets)."""
    number = np.searchsorted(edges, offset, side="right") - 1
    return (number == np.arange(len(edges) - 1)[:, None]).astype(np.float64)
