"""Output and attention along a genome in one pass without seams; touches model.py, genome.py.

Spans of a strand are read side by side, each from as far upstream as can change its outputs (six
layers of window and convolution: :attr:`genoattn.model.AnnotatorConfig.reach_upstream`) and in
chunks that hand on what the layers remember (:class:`genoattn.model.Memory`). So every position
gets its full 512 positions of context, the result does not depend on where the cuts fall, and
memory does not grow with the genome. A circular genome is
read across its origin; a linear one ends where it ends.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from tqdm import tqdm
from typing_extensions import override

from genoattn.files import writing
from genoattn.genome import UNKNOWN, Genome, reverse_complement, strand_index
from genoattn.intervals import runs
from genoattn.labels import STRANDS
from genoattn.memory import keep_freed_memory
from genoattn.model import Annotator, AnnotatorConfig

CHUNK = {"cpu": 4096, "cuda": 131_072}
"""Positions read at once: so many that a core's cache, or a share of a GPU's memory, holds them."""
SPAN = 2**18
"""Positions that a worker takes at once; each span costs its upstream reach on top."""


TOGETHER = 16
"""Positions among which a census first looks at the largest weight alone."""


ROUNDING = 1e-5
"""Share of a mean square below which its distance from the squared mean is not told from zero."""


class AttentionRecorder(Protocol):
    """Watches the attention weights of a pass as they are computed.

    Several workers may call it at once, but never for the same head.
    """

    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        """Take the weights of one head over a run of positions.

        Parameters
        ----------
        layer, head : int
        strand : int
            0 plus, 1 minus.
        start : int
            Index along the strand, read 5'->3', of the first position asked about (the possible
            site, not the query ``config.downstream`` nt further on).
        weights : Tensor, shape (n, window)
            Columns run 5'->3', from the farthest upstream position to the query itself. A view:
            copy what is kept.
        """
        ...


def predict(
    model: Annotator,
    genome: Genome,
    *,
    where: NDArray[np.bool_] | None = None,
    recorders: Sequence[AttentionRecorder] = (),
    chunk: int | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Probability that a site (here: a TSS) lies at each position of both strands.

    On the CPU, as many workers as torch has threads read spans of the genome side by side, each on
    one core.

    Parameters
    ----------
    model : Annotator
        On any device; set to evaluation mode for the pass and restored after it.
    genome : Genome
    where : bool array, shape (L,), optional
        Forward positions to predict, on both strands; all by default.
    recorders : sequence of AttentionRecorder
    chunk : int, optional
        Positions read at once. Changes memory and speed, not the result.
    out : path, optional
        A ``.npy`` file to write the track to, instead of holding it in memory.
    progress : bool
        Show a progress bar.

    Returns
    -------
    float32 array, shape (2, L)
        Indexed by strand row and forward position of the site; NaN where not asked. With ``out``,
        a read-only map of that file.
    """
    length = len(genome)
    if where is not None and where.shape != (length,):
        raise ValueError(f"where has shape {where.shape}; the genome {genome.name} has {length} nt")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1, not {chunk}")
    if out is None:
        track = np.full((2, length), np.nan, dtype=np.float32)
        _fill(model, genome, where, recorders, chunk, progress, track.__setitem__)
        return track
    with writing(out) as partial:
        file = np.lib.format.open_memmap(partial, "w+", np.float32, (2, length))
        for start in range(0, length, SPAN):
            file[:, start : start + SPAN] = np.nan

        def store(place: tuple[int, slice], values: NDArray[np.float32]) -> None:
            file[place] = values
            file.flush()
            file._mmap.madvise(mmap.MADV_DONTNEED)

        _fill(model, genome, where, recorders, chunk, progress, store)
    return np.load(out, mmap_mode="r")


def _fill(
    model: Annotator,
    genome: Genome,
    where: NDArray[np.bool_] | None,
    recorders: Sequence[AttentionRecorder],
    chunk: int | None,
    progress: bool,
    store: Callable[[tuple[int, slice], NDArray[np.float32]], None],
) -> None:
    """Predict all spans and store each by strand row and forward positions."""
    keep_freed_memory()
    length = len(genome)
    device = next(model.parameters()).device
    chunk = chunk or CHUNK["cpu" if device.type == "cpu" else "cuda"]
    asked = [(0, length)] if where is None else runs(where, circular=False).tolist()
    spans = [
        (strand, start, min(start + SPAN, first + size))
        for strand in range(2)
        for first, size in asked
        for start in range(first, first + size, SPAN)
    ]
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    lock = Lock()
    of_head = {}
    if recorders:
        heads = product(range(model.config.layers), range(model.config.heads))
        of_head = {head: Lock() for head in heads}
    training = model.training
    model.eval()
    alone = partial(torch.set_num_threads, 1) if workers > 1 else None  # a core for each worker
    try:
        with (
            ThreadPoolExecutor(workers, initializer=alone) as pool,
            tqdm(
                total=sum(end - start for _, start, end in spans),
                desc="predicting",
                unit="nt",
                unit_scale=True,
                mininterval=1,
                disable=not progress,
            ) as bar,
        ):

            def work(span: tuple[int, int, int]) -> None:
                strand, first, last = span
                # forward positions first .. last - 1, in reading order
                start, end = (first, last) if strand == 0 else (length - last, length - first)
                values = np.empty(end - start, dtype=np.float32)
                read = _read(model, genome, strand, start, end, recorders, chunk, of_head)
                for place, part in read:
                    values[place : place + len(part)] = part
                    with lock:
                        bar.update(len(part))
                with lock:
                    store((strand, slice(first, last)), values if strand == 0 else values[::-1])

            futures = [pool.submit(work, span) for span in spans]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        torch.set_num_threads(workers)
        model.train(training)


def _read(
    model: Annotator,
    genome: Genome,
    strand: int,
    start: int,
    end: int,
    recorders: Sequence[AttentionRecorder],
    chunk: int,
    of_head: dict[tuple[int, int], Lock],
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Probabilities for the sites ``start .. end - 1`` of one strand, in reading order, in parts.

    Yields the place of each part's first site, counted from ``start``, and the part.
    """
    c = model.config
    device = next(model.parameters()).device
    first = start + c.downstream - c.reach_upstream
    last = end + c.downstream + c.reach_downstream
    if not genome.circular:
        # beyond a linear strand, the queries of its last sites stand on unknown nucleotides
        first, last = max(0, first), min(last, len(genome) + c.downstream)
    skip = start + c.downstream - first  # queries upstream of those that are asked about

    def observe(layer: int, row: int, tile_start: int, weights: Tensor) -> None:
        begin, stop = max(tile_start, skip), min(tile_start + len(weights), skip + end - start)
        if begin >= stop:
            return
        asked = weights[begin - tile_start : stop - tile_start]
        with of_head[layer, row]:
            for recorder in recorders:
                recorder.observe(layer, row, strand, start + begin - skip, asked)

    memory, done = None, -skip
    with torch.inference_mode():  # of this thread
        for position in range(first, last, chunk):
            until = min(position + chunk, last)
            codes = _codes(genome, strand, position, until)
            logits, memory = model.read(
                torch.from_numpy(codes.astype(np.int64))[None].to(device),
                memory,
                last=until == last,
                observe=observe if recorders else None,
            )
            settled = logits[0].sigmoid().float().cpu().numpy()
            begin, stop = max(0, done), min(done + len(settled), end - start)
            if begin < stop:
                yield begin, settled[begin - done : stop - done]
            done += len(settled)


def _codes(genome: Genome, strand: int, first: int, last: int) -> NDArray[np.uint8]:
    """Codes of one strand in reading order; round a circle, unknown beyond a linear end."""
    length = len(genome)
    if strand == 1:
        return reverse_complement(_codes(genome, 0, length - last, length - first))
    index = np.arange(first, last)
    if genome.circular:
        return genome.codes.take(index, mode="wrap")
    inside = (index >= 0) & (index < length)
    return np.where(inside, genome.codes.take(index, mode="clip"), UNKNOWN)


class SampledAttention(AttentionRecorder):
    """Keeps the attention of chosen positions.

    Attributes
    ----------
    attention : float array, shape (n, layers, heads, window)
        Filled by the pass, in the order in which the samples were given; the last axis counts nt
        upstream of the query (0 is the query itself).
    """

    def __init__(
        self,
        config: AnnotatorConfig,
        strand: Sequence[str] | NDArray,
        position: Sequence[int] | NDArray,
        length: int,
        dtype: type[np.floating] = np.float16,
    ) -> None:
        """Ask for sites by strand ('+' or '-') and 0-based forward position."""
        strand = np.asarray(strand)
        index = strand_index(np.asarray(position, dtype=np.int64), strand, length)
        shape = (len(strand), config.layers, config.heads, config.window)
        self.attention = np.full(shape, np.nan, dtype=dtype)
        self._samples, self._index = [], []
        for symbol in STRANDS:
            samples = np.flatnonzero(strand == symbol)
            samples = samples[np.argsort(index[samples], kind="stable")]
            self._samples.append(samples)
            self._index.append(index[samples])

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        index = self._index[strand]
        first, last = np.searchsorted(index, [start, start + len(weights)])
        if first == last:
            return
        rows = torch.from_numpy(index[first:last] - start).to(weights.device)
        chosen = weights[rows].flip(1).float().cpu().numpy()
        self.attention[self._samples[strand][first:last], layer, head] = chosen


class AttentionCensus(AttentionRecorder):
    """Attention of every head over all positions of the pass, by distance.

    Exact: mean, maximum, the best positions and, if the output is known from a pass before,
    Pearson's correlation with it and with its ranks. Spearman's correlation would need the ranks of
    all attention as well; :class:`SampledAttention` gives it from a sample.

    Attributes
    ----------
    count : int
        Positions seen.
    """

    def __init__(
        self,
        config: AnnotatorConfig,
        *,
        best: int = 0,
        output: NDArray[np.floating] | None = None,
    ) -> None:
        """Keep the ``best`` positions of each head and distance; correlate with ``output``.

        ``output`` has shape (2, L), as :func:`predict` returns it, with a number wherever the pass
        looks.
        """
        self._window = config.window
        heads = (config.layers, config.heads)
        self._seen = np.zeros(heads, dtype=np.int64)
        self._maximum = torch.zeros(*heads, config.window)
        self._weight = torch.full((*heads, config.window, best), -1.0)
        self._place = torch.zeros(*heads, config.window, best, dtype=torch.int64)
        self._noted: dict[tuple[int, int], list[tuple[Tensor, Tensor, Tensor]]] = {
            head: [] for head in product(range(config.layers), range(config.heads))
        }
        self._output = None
        if output is not None:
            self._output = np.stack(_standardised(output)).astype(np.float32)
            self._output[:, 1] = self._output[:, 1, ::-1]  # in reading order
        rows = 1 if output is None else 3
        self._sums = np.zeros((*heads, rows, config.window))
        self._squares = np.zeros((*heads, config.window))
        self._moments = np.zeros((*heads, 2, rows))

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        n = len(weights)
        self._seen[layer, head] += n
        parts = weights.split(-(-n // TOGETHER))
        largest = parts[0].clone()  # of positions that are len(largest) apart
        for part in parts[1:]:
            some = largest[: len(part)]
            torch.maximum(some, part, out=some)
        maximum = self._maximum[layer, head]
        torch.maximum(maximum, largest.amax(0).cpu(), out=maximum)
        rows = np.ones((1, n), dtype=np.float32)
        if self._output is not None:
            rows = np.concatenate([rows, self._output[:, strand, start : start + n]])
            squares = weights.new_ones(1, n) @ weights.square()
            self._squares[layer, head] += squares[0].double().cpu().numpy()
            self._moments[layer, head] += [rows.sum(1), np.square(rows).sum(1)]
        # one by one: a product of three rows is slower than three of one
        sums = torch.stack([row @ weights for row in torch.from_numpy(rows).to(weights)])
        self._sums[layer, head] += sums.double().cpu().numpy()
        if self._weight.shape[-1]:
            self._keep_best(layer, head, strand, start, weights, largest)

    def _keep_best(
        self, layer: int, head: int, strand: int, start: int, weights: Tensor, largest: Tensor
    ) -> None:
        """Note what beats the least of the best, looking only at positions whose largest does."""
        held, places = self._weight[layer, head], self._place[layer, head]
        k = held.shape[1]
        least = held[:, -1]
        if least[0] < 0:  # fewer than k so far
            found, row = (part.cpu() for part in weights.topk(min(k, len(weights)), dim=0))
            _merge(held, places, slice(None), found.T.float(), 2 * (start + row.T) + strand)
            return
        first, column = (largest > least.to(largest)).nonzero().cpu().T
        if not len(column):
            return
        n, device = len(weights), weights.device
        row = first[:, None] + len(largest) * torch.arange(TOGETHER)
        values = weights[row.clamp(max=n - 1).to(device), column[:, None].to(device)].float().cpu()
        values[row >= n] = -1.0
        pair, inside = (values > least[column, None]).nonzero().T
        place = 2 * (start + row[pair, inside]) + strand  # strand and place in one number
        noted = self._noted[layer, head]
        noted.append((column[pair], values[pair, inside], place))
        if sum(len(columns) for columns, _, _ in noted) > held.numel():
            self._settle(layer, head)

    def _settle(self, layer: int, head: int) -> None:
        """Merge what was noted into the best; done rarely, as it costs a sort."""
        held, places = self._weight[layer, head], self._place[layer, head]
        k = held.shape[1]
        column, value, place = (
            torch.cat(parts) for parts in zip(*self._noted[layer, head], strict=True)
        )
        self._noted[layer, head] = []
        order = value.argsort(descending=True)
        order = order[column[order].argsort(stable=True)]
        columns, counts = column[order].unique_consecutive(return_counts=True)
        group = torch.arange(len(columns)).repeat_interleave(counts)
        rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[group]
        order, group, rank = order[rank < k], group[rank < k], rank[rank < k]
        found = torch.full((len(columns), k), -1.0)
        found_places = torch.zeros(found.shape, dtype=torch.int64)
        found[group, rank], found_places[group, rank] = value[order], place[order]
        _merge(held, places, columns, found, found_places)

    @property
    def count(self) -> int:
        """Positions seen."""
        return int(self._seen[0, 0])

    @property
    def mean(self) -> NDArray[np.float64]:
        """Shape (layers, heads, window); the last axis counts nt upstream of the query."""
        return (self._sums[:, :, 0] / self._seen[..., None])[..., ::-1]

    @property
    def maximum(self) -> NDArray[np.float32]:
        """Shape (layers, heads, window); the last axis counts nt upstream of the query."""
        return self._maximum.numpy()[..., ::-1]

    def best(self, length: int) -> BestPositions:
        """The positions of highest attention at each distance, in a genome of ``length`` nt."""
        for layer, head in self._noted:
            if self._noted[layer, head]:
                self._settle(layer, head)
        place = self._place.numpy()[:, :, ::-1]
        strand, index = place % 2, place // 2
        position = np.where(strand == 0, index, length - 1 - index)
        return BestPositions(self._weight.numpy()[:, :, ::-1], np.array(STRANDS)[strand], position)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Pearson's correlation with the output and with its ranks, (2, layers, heads, window).

        The last axis counts nt upstream of the query; NaN where attention does not vary.
        """
        if self._output is None:
            raise ValueError("the census was taken without an output to correlate with")
        n = self._seen[..., None]
        mean = self._sums[:, :, 0] / n
        square = self._squares / n
        varies = square - mean**2 > ROUNDING * square  # else the difference is one of rounding
        variance = np.where(varies, square - mean**2, np.nan)
        found = []
        for row in (1, 2):
            y_mean = self._moments[:, :, 0, row, None] / n
            y_variance = self._moments[:, :, 1, row, None] / n - y_mean**2
            covariance = self._sums[:, :, row] / n - mean * y_mean
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append(covariance / np.sqrt(variance * y_variance))
        return np.stack(found)[..., ::-1]


def _merge(
    held: Tensor, places: Tensor, columns: Tensor | slice, found: Tensor, found_places: Tensor
) -> None:
    """Keep the largest of held and found values of some columns, and their places, in order."""
    k = held.shape[1]
    held[columns], chosen = torch.cat([held[columns], found], dim=1).topk(k, dim=1)
    places[columns] = torch.cat([places[columns], found_places], dim=1).gather(1, chosen)


class BestPositions(NamedTuple):
    """Where a head attends most at each distance.

    Attributes
    ----------
    weight : float array, shape (layers, heads, window, k)
        Falling along the last axis; -1 where fewer than k positions were seen.
    strand : str array, same shape
    position : int array, same shape
        Forward position of the site asked about, 0-based (the query stands ``downstream`` nt
        further on, the attended nucleotide ``distance`` nt upstream of the query).
    """

    weight: NDArray[np.float32]
    strand: NDArray[np.str_]
    position: NDArray[np.int64]


def _standardised(output: NDArray[np.floating]) -> list[NDArray[np.float64]]:
    """The output and its ranks, each with mean 0 and variance 1; NaN becomes 0, never looked at."""
    known = np.isfinite(output)
    found = []
    for values in (output[known].astype(np.float64), rankdata(output[known])):
        row = np.zeros(output.shape)
        row[known] = (values - values.mean()) / (values.std() or 1.0)
        found.append(row)
    return found
