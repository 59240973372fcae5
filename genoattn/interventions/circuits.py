"""The network with some of its heads alone, over a whole part of a genome; touches models.

A head that is left out hands on its mean over the part: what it adds everywhere stays, what it says
about *this* position goes. The network is not trained again. A `Circuit` is the network cut down to
the heads that are kept, so few heads cost little time; what it does equals the whole network with
the other heads overwritten by their means.

Leaving out one head changes nothing below it. `part_outputs` therefore reads the part once with all
heads (or with those of a circuit that holds the others) and lets each circuit branch off at the
lowest layer where it differs. So every position is scored in its full context, and no segment has
to stand for others.

Which heads to keep is found greedily, in rounds (`order_of_removal`): each head that is left is
left out alone, and those go whose absence costs least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from genoattn.evaluation import bootstrap
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.intervals import runs
from genoattn.genome.sequence import Genome
from genoattn.interventions.mediation import Head, check_heads, check_model
from genoattn.model.annotator import Annotator, RelativeAttentionLayer
from genoattn.model.attention import keep_freed_memory, sinusoids
from genoattn.prediction.predict import CHUNK, strand_codes

SPAN = {"cpu": 2**16, "cuda": 2**18}
"""Positions of a strand that are read at once."""

MEASURES = ("pr_auc", "roc_auc", "contrast")
"""What is measured; contrast is the mean log-odds at labelled sites minus that elsewhere."""

GOAL = 0.9
"""Share of the whole network's PR AUC that a circuit must have to be enough."""


def all_heads(model: Annotator) -> list[Head]:
    """Every head: layer and head, both from 0."""
    c = check_model(model).config
    return [(layer, head) for layer in range(c.layers) for head in range(c.heads)]


class _Cut(NamedTuple):
    """A layer cut down to some heads; without any, only what its ``combine`` adds is left."""

    layer: RelativeAttentionLayer
    columns: NDArray[np.int64]
    """Columns of the whole layer's z that the kept heads fill."""
    content_bias: Tensor
    position_bias: Tensor


class Circuit:
    """A network of which some heads are kept and the others hand on their means.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    kept : iterable of (layer, head)
        From 0.
    mean : Tensor, shape (layers, heads, d_head)
        `part_means`.

    Attributes
    ----------
    kept : frozenset of (layer, head)
    layers : list
        The network's layers, each with its kept heads alone.
    """

    def __init__(self, model: Annotator, kept: Iterable[Head], mean: Tensor) -> None:
        self.model, self.kept = check_model(model), frozenset(kept)
        check_heads(model.config, sorted(self.kept))
        by_layer = [
            [head for head in range(model.config.heads) if (layer, head) in self.kept]
            for layer in range(model.config.layers)
        ]
        self.layers = [
            _cut(model, layer, heads, mean[layer]) for layer, heads in enumerate(by_layer)
        ]

    def leaves(self, trunk: Sequence[_Cut]) -> int:
        """The lowest layer that lacks a head of a trunk; the number of layers where none does.

        Raises
        ------
        ValueError
            The circuit has a head that the trunk lacks.
        """
        places = [
            (mine.columns, whole.columns) for mine, whole in zip(self.layers, trunk, strict=True)
        ]
        if not all(np.isin(mine, whole).all() for mine, whole in places):
            raise ValueError("a circuit has a head that its trunk lacks")
        lacking = (at for at, (mine, whole) in enumerate(places) if len(mine) < len(whole))
        return next(lacking, len(trunk))

    def branch(self, layer: int, trunk: Sequence[_Cut], h: Tensor, z: Tensor) -> Tensor:
        """End the layer at which it `leaves` a trunk, from what the trunk's heads hand on."""
        mine = self.layers[layer]
        return mine.layer.close(h, z[..., np.searchsorted(trunk[layer].columns, mine.columns)])

    def above(self, layer: int, h: Tensor, chunk: int) -> Tensor:
        """Log-odds (batch, n) from what enters a layer."""
        for cut in self.layers[layer:]:
            if len(cut.columns):
                h = _through(cut.layer, h, cut.content_bias, cut.position_bias, chunk)
            else:
                h = cut.layer.close(h, h.new_empty(*h.shape[:2], 0))
        return self.model.output(h).squeeze(-1)


def _cut(model: Annotator, number: int, heads: Sequence[int], mean: Tensor) -> _Cut:
    """A copy of a layer with these heads alone; the means of the others join as a bias."""
    c = model.config
    layer = deepcopy(cast(RelativeAttentionLayer, model.layers[number]))
    columns = (np.array(heads, dtype=np.int64)[:, None] * c.d_head + np.arange(c.d_head)).ravel()
    kept, index = list(heads), torch.from_numpy(columns)
    with torch.no_grad():
        projection = layer.project.weight.view(3, c.heads, c.d_head, c.d_model)
        layer.project.weight = nn.Parameter(projection[:, kept].reshape(-1, c.d_model))
        layer.distance.weight = nn.Parameter(layer.distance.weight[index])
        off = [head for head in range(c.heads) if head not in heads]
        without = mean.clone()
        without[kept] = 0
        combine = layer.combine.weight
        layer.combine.weight = nn.Parameter(combine[:, index])
        if off:
            layer.combine.bias = nn.Parameter(combine @ without.flatten().to(combine))
    if heads:
        layer.config = replace(c, heads=len(heads))
    return _Cut(layer.eval(), columns, model.content_bias[kept], model.position_bias[kept])


def _pieces(n: int, chunk: int) -> Iterator[tuple[slice, bool]]:
    """Cut n positions into chunks, and say which is the last."""
    for first in range(0, n, chunk):
        yield slice(first, min(first + chunk, n)), first + chunk >= n


def _code(h: Tensor, layer: RelativeAttentionLayer, chunk: int) -> Tensor:
    c = layer.config
    return sinusoids(c.window + c.conv_width + chunk, c.d_model, h.dtype).to(h.device)


def _through(
    layer: RelativeAttentionLayer, h: Tensor, content: Tensor, position: Tensor, chunk: int
) -> Tensor:
    """A layer over all positions h (batch, n, d_model), in chunks."""
    memory, code, after = layer.start(h), _code(h, layer, chunk), []
    for piece, last in _pieces(h.shape[1], chunk):
        out, memory = layer(h[:, piece], code, content, position, memory, last)
        after.append(out)
    return torch.cat(after, 1)


# ----------------------------------------------------------------------------- over a whole part


Visit = Callable[[int, Tensor, Tensor, slice], None]
"""``visit(layer, h, z, at)``: what all heads of a layer hand on at some positions of a span."""


class _Span(NamedTuple):
    """A stretch of a strand: its sites, and what is read for them."""

    strand: int
    first: int
    last: int
    codes: NDArray[np.uint8]
    skip: int
    """Queries read before that of the first site."""


def _spans(
    model: Annotator, genome: Genome, where: NDArray[np.bool_], size: int
) -> list[tuple[int, int, int]]:
    """Strand row, first forward position and the one after the last of every span."""
    if where.shape != (len(genome),):
        raise ValueError(f"where has shape {where.shape}; {genome.name} has {len(genome)} nt")
    return [
        (strand, start, min(start + size, first + length))
        for strand in range(2)
        for first, length in runs(where, circular=False).tolist()
        for start in range(first, first + length, size)
    ]


def _span(model: Annotator, genome: Genome, strand: int, first: int, last: int) -> _Span:
    """Cut out what is read for some sites, in reading order; unknown beyond a linear end."""
    c, length = model.config, len(genome)
    start, end = (first, last) if strand == 0 else (length - last, length - first)
    begin, stop = start + c.downstream - c.reach_upstream, end + c.downstream + c.reach_downstream
    if not genome.circular:
        begin, stop = max(0, begin), min(stop, length + c.downstream)
    codes = strand_codes(genome, strand, begin, stop)
    return _Span(strand, first, last, codes, start + c.downstream - begin)


def _each_span(
    model: Annotator,
    genome: Genome,
    where: NDArray[np.bool_],
    work: Callable[[_Span, Tensor, int], object],
    name: str,
    progress: bool,
) -> None:
    """Let ``work(span, h, chunk)`` be done for all spans, on the CPU as many at once as threads."""
    keep_freed_memory()
    device = next(model.parameters()).device
    kind = "cpu" if device.type == "cpu" else "cuda"
    threads = torch.get_num_threads()
    workers = threads if kind == "cpu" else 1
    alone = partial(torch.set_num_threads, 1) if workers > 1 else None
    spans = _spans(model, genome, where, SPAN[kind])

    def one(place: tuple[int, int, int]) -> int:
        span = _span(model, genome, *place)
        with torch.inference_mode():
            codes = torch.from_numpy(span.codes.astype(np.int64))[None].to(device)
            work(span, model.stem(model.embedding(codes)), CHUNK[kind])
        return span.last - span.first

    try:
        with (
            ThreadPoolExecutor(workers, initializer=alone) as pool,
            tqdm(
                total=sum(last - first for _, first, last in spans),
                desc=name,
                unit="nt",
                unit_scale=True,
                mininterval=1,
                disable=not progress,
            ) as bar,
        ):
            for n in pool.map(one, spans):
                bar.update(n)
    finally:
        torch.set_num_threads(threads)


def _whole(model: Annotator) -> list[_Cut]:
    """The network's layers with all their heads."""
    every = np.arange(model.config.heads * model.config.d_head)
    biases = model.content_bias, model.position_bias
    layers = cast(Iterable[RelativeAttentionLayer], model.layers)
    return [_Cut(layer, every, *biases) for layer in layers]


def _climb(trunk: Sequence[_Cut], h: Tensor, chunk: int, visit: Visit) -> Tensor:
    """Read through layers; ``visit`` sees what the heads of each hand on."""
    for number, (layer, columns, content, position) in enumerate(trunk):
        memory, code, after, done = layer.start(h), _code(h, layer, chunk), [], 0
        for piece, last in _pieces(h.shape[1], chunk):
            if len(columns):
                mid, z, memory = layer.attended(h[:, piece], code, content, position, memory, last)
            else:
                mid = h[:, piece]
                z = mid.new_empty(*mid.shape[:2], 0)
            visit(number, mid, z, slice(done, done + z.shape[1]))
            done += z.shape[1]
            after.append(layer.close(mid, z))
        h = torch.cat(after, 1)
    return h


def part_means(
    model: Annotator, genome: Genome, where: NDArray[np.bool_], *, progress: bool = True
) -> Tensor:
    """Mean of what every head hands on over all queries of a part, on both strands.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    where : bool array, shape (L,)
    progress : bool

    Returns
    -------
    Tensor, shape (layers, heads, d_head)
    """
    c = check_model(model).config
    totals: list[Tensor] = []

    def work(span: _Span, h: Tensor, chunk: int) -> None:
        total = torch.zeros(c.layers, c.heads * c.d_head, dtype=torch.float64)
        inside = range(span.skip, span.skip + span.last - span.first)

        def visit(layer: int, _: Tensor, z: Tensor, at: slice) -> None:
            a, b = max(at.start, inside.start), min(at.stop, inside.stop)
            if a < b:
                total[layer] += z[0, a - at.start : b - at.start].double().sum(0).cpu()

        _climb(_whole(model), h, chunk, visit)
        totals.append(total)

    _each_span(model, genome, where, work, "means", progress)
    mean = torch.stack(totals).sum(0) / (2 * int(where.sum()))
    return mean.view(c.layers, c.heads, c.d_head).to(next(model.parameters()))


def part_outputs(
    circuits: Sequence[Circuit],
    genome: Genome,
    where: NDArray[np.bool_],
    *,
    trunk: Circuit | None = None,
    name: str = "leaving out heads",
    progress: bool = True,
) -> NDArray[np.float32]:
    """Log-odds of several circuits of one network over a part.

    Parameters
    ----------
    circuits : sequence of Circuit
        Of the same network.
    genome : Genome
    where : bool array, shape (L,)
    trunk : Circuit, optional
        One that has all their heads, the network by default. What lies below the lowest layer where
        a circuit differs from it is read once for all.
    name : str
        For the progress bar.
    progress : bool

    Returns
    -------
    float32 array, shape (circuits, 2, number of positions)
        By strand row and forward position.
    """
    model = circuits[0].model
    if any(one.model is not model for one in (*circuits, trunk or circuits[0])):
        raise ValueError("the circuits are of different networks")
    place = np.cumsum(where) - 1
    output = np.full((len(circuits), 2, int(where.sum())), np.nan, dtype=np.float32)
    shared = trunk.layers if trunk else _whole(model)
    leaves = [circuit.leaves(shared) for circuit in circuits]
    read = shared[: 1 + max(leaves)]

    def work(span: _Span, h: Tensor, chunk: int) -> None:
        branches: dict[int, list[Tensor]] = {
            number: [] for number, layer in enumerate(leaves) if layer < len(shared)
        }

        def visit(layer: int, mid: Tensor, z: Tensor, _: slice) -> None:
            for number, parts in branches.items():
                if leaves[number] == layer:
                    parts.append(circuits[number].branch(layer, shared, mid, z))

        h = _climb(read, h, chunk, visit)
        asked = slice(span.skip, span.skip + span.last - span.first)
        forward = slice(place[span.first], place[span.last - 1] + 1)
        for number, circuit in enumerate(circuits):
            if number in branches:
                entering = torch.cat(branches.pop(number), 1)
                logits = circuit.above(leaves[number] + 1, entering, chunk)
            else:
                logits = model.output(h).squeeze(-1)
            values = logits[0, asked].float().cpu().numpy()
            output[number, span.strand, forward] = values if span.strand == 0 else values[::-1]

    _each_span(model, genome, where, work, name, progress)
    return output


# ------------------------------------------------------------------------------------ measuring


def measure(
    label: NDArray, output: NDArray[np.floating], where: NDArray[np.bool_], resampling: Resampling
) -> dict[str, NDArray[np.float64]]:
    """Areas and contrast of a circuit, in the part (entry 0) and in each resample of its blocks.

    Parameters
    ----------
    label : array, shape (2, L)
    output : float array, shape (2, n)
        Of one circuit from `part_outputs`.
    where : bool array, shape (L,)
    resampling : Resampling

    Returns
    -------
    dict of `MEASURES` to float arrays, shape (1 + replicates,)
    """
    found = label[:, where].astype(bool)
    block = np.stack([resampling.block[where]] * 2)
    every = np.concatenate([np.ones((1, resampling.draws.shape[1])), resampling.draws])
    areas = bootstrap.auc_replicates(found, output, block, every)

    def mean(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        top = every @ bootstrap.sums(np.where(rows, output, 0.0), block)
        with np.errstate(invalid="ignore"):
            return top / (every @ bootstrap.sums(rows, block))

    return {**areas, "contrast": mean(found) - mean(~found)}


def changes(
    measured: Sequence[dict[str, NDArray[np.float64]]],
    intact: dict[str, NDArray[np.float64]],
    level: float,
) -> pd.DataFrame:
    """What circuits change, with intervals: paired differences from the network with all heads.

    Returns
    -------
    DataFrame
        For each of `MEASURES`: ``delta_<measure>``, ``delta_<measure>_low``,
        ``delta_<measure>_high``; a row a circuit.
    """
    rows = []
    for one in measured:
        row: dict[str, float] = {}
        for name in MEASURES:
            difference = one[name] - intact[name]
            low, high = bootstrap.interval(difference[1:], level)
            row |= {
                f"delta_{name}": difference[0],
                f"delta_{name}_low": low,
                f"delta_{name}_high": high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------- which to keep


def told_of(curve: pd.DataFrame) -> tuple[pd.Series, bool]:
    """The circuit to speak of: the smallest shown to be enough, else the largest short of all.

    Parameters
    ----------
    curve : DataFrame
        ``n_heads``, ``share_low`` (lower limit of the share of the whole network's PR AUC) of
        circuits, from few heads to all of them.

    Returns
    -------
    Series
        A row of ``curve``.
    bool
        Whether it is shown to be enough: the whole interval of its share reaches `GOAL`.
    """
    fewer = curve.iloc[:-1]
    enough = fewer[fewer["share_low"] >= GOAL]
    return (fewer.iloc[-1], False) if enough.empty else (enough.iloc[0], True)


Score = Callable[[frozenset[Head], Sequence[Head]], Sequence[float] | NDArray[np.floating]]
"""``score(kept, without)``: score of a circuit without each of some heads in turn."""


def order_of_removal(heads: Iterable[Head], sizes: Iterable[int], score: Score) -> list[Head]:
    """Leave out heads in rounds, always those whose absence alone costs least.

    In a round each head that is left is left out alone. Those without which the score is highest
    go, as many as bring the circuit to the next size; then the rest is measured anew.

    Parameters
    ----------
    heads : iterable of (layer, head)
        With which to begin.
    sizes : iterable of int
        Numbers of heads at which a round ends; one head is always the last.
    score : callable
        See `Score`.

    Returns
    -------
    list of (layer, head)
        The first goes first; the last is the one that is kept longest.
    """
    left, going = sorted(heads), list[Head]()
    for size in sorted({1, *sizes}, reverse=True):
        if not 0 < size < len(left):
            continue
        without = np.asarray(score(frozenset(left), left))
        gone = [left[row] for row in np.argsort(-without, kind="stable")[: len(left) - size]]
        going += gone
        left = [head for head in left if head not in gone]
    return going + left
