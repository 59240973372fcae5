"""Output and attention along a genome in one pass without seams; touches model.py, genome.py.

The strand is read in chunks. Each chunk brings along everything upstream and downstream that can
change its outputs (six layers of window and convolution:
:attr:`genoattn.model.AnnotatorConfig.reach_upstream`), so every position gets its full 512
positions of context and the result does not depend on where the cuts fall. A circular genome is
read across its origin; a linear one ends where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from typing_extensions import override

from genoattn.genome import UNKNOWN, Genome, strand_index
from genoattn.intervals import runs
from genoattn.labels import STRANDS
from genoattn.memory import keep_freed_memory
from genoattn.model import Annotator, AnnotatorConfig

CHUNK = 65_536


class AttentionRecorder(Protocol):
    """Watches the attention weights of a pass as they are computed."""

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
    chunk: int = CHUNK,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Probability that a site (here: a TSS) lies at each position of both strands.

    Parameters
    ----------
    model : Annotator
        On any device; set to evaluation mode for the pass and restored after it.
    genome : Genome
    where : bool array, shape (L,), optional
        Forward positions to predict, on both strands; all by default.
    recorders : sequence of AttentionRecorder
    chunk : int
        Positions in one piece. Changes memory and speed, not the result.
    progress : bool
        Show a progress bar.

    Returns
    -------
    float32 array, shape (2, L)
        Indexed by strand row and forward position of the site; NaN where not asked.
    """
    length = len(genome)
    where = np.ones(length, dtype=bool) if where is None else where
    if where.shape != (length,):
        raise ValueError(f"where has shape {where.shape}; the genome {genome.name} has {length} nt")
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, not {chunk}")
    keep_freed_memory()
    track = np.full((2, length), np.nan, dtype=np.float32)
    pieces = [
        (strand, start, min(start + chunk, first + size))
        for strand, wanted in enumerate((where, where[::-1]))
        for first, size in runs(wanted, circular=False)
        for start in range(first, first + size, chunk)
    ]
    training = model.training
    model.eval()
    try:
        with (
            torch.inference_mode(),
            tqdm(
                total=2 * int(where.sum()),
                desc="predicting",
                unit="nt",
                unit_scale=True,
                mininterval=1,
                disable=not progress,
            ) as bar,
        ):
            strands = [genome.strand(strand) for strand in STRANDS]
            for strand, start, end in pieces:
                output = _piece(
                    model, strands[strand], genome.circular, strand, start, end, recorders
                )
                forward = np.arange(start, end)
                if strand == 1:
                    forward = length - 1 - forward
                track[strand, forward] = output
                bar.update(end - start)
    finally:
        model.train(training)
    return track


def _piece(
    model: Annotator,
    codes: NDArray[np.uint8],
    circular: bool,
    strand: int,
    start: int,
    end: int,
    recorders: Sequence[AttentionRecorder],
) -> NDArray[np.float32]:
    """Probabilities for the sites ``start .. end - 1`` of one strand, both in reading order."""
    c = model.config
    first_query, last_query = start + c.downstream, end + c.downstream
    first = first_query - c.reach_upstream
    last = last_query + c.reach_downstream
    if circular:
        read = codes.take(np.arange(first, last), mode="wrap")
    else:
        # beyond a linear strand, the queries of its last sites stand on unknown nucleotides
        first, last = max(0, first), min(last, len(codes) + c.downstream)
        read = np.concatenate([codes, np.full(c.downstream, UNKNOWN, codes.dtype)])[first:last]
    skip = first_query - first
    count = end - start

    def observe(layer: int, row: int, tile_start: int, weights: Tensor) -> None:
        begin, stop = max(tile_start, skip), min(tile_start + len(weights), skip + count)
        if begin >= stop:
            return
        asked = weights[begin - tile_start : stop - tile_start]
        for recorder in recorders:
            recorder.observe(layer, row, strand, start + begin - skip, asked)

    device = next(model.parameters()).device
    batch = torch.from_numpy(read.astype(np.int64))[None].to(device)
    logits = model(batch, observe if recorders else None)
    return logits[0, skip : skip + count].sigmoid().float().cpu().numpy()


class SampledAttention(AttentionRecorder):
    """Keeps the attention of chosen positions.

    Attributes
    ----------
    attention : float16 array, shape (n, layers, heads, window)
        Filled by the pass, in the order in which the samples were given; the last axis counts nt
        upstream of the query (0 is the query itself).
    """

    def __init__(
        self,
        config: AnnotatorConfig,
        strand: Sequence[str] | NDArray,
        position: Sequence[int] | NDArray,
        length: int,
    ) -> None:
        """Ask for sites by strand ('+' or '-') and 0-based forward position."""
        strand = np.asarray(strand)
        index = strand_index(np.asarray(position, dtype=np.int64), strand, length)
        shape = (len(strand), config.layers, config.heads, config.window)
        self.attention = np.full(shape, np.nan, dtype=np.float16)
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
        chosen = weights[rows].flip(1).half().cpu().numpy()
        self.attention[self._samples[strand][first:last], layer, head] = chosen


class AttentionMoments(AttentionRecorder):
    """Mean and maximum attention of every head by distance, over all positions of the pass."""

    def __init__(self, config: AnnotatorConfig) -> None:
        shape = (config.layers, config.heads, config.window)
        self._sum, self._maximum = np.zeros(shape), np.zeros(shape)
        self._count = np.zeros(shape[:2], dtype=np.int64)

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        self._sum[layer, head] += weights.sum(0, dtype=torch.float64).cpu().numpy()
        largest = weights.amax(0).cpu().numpy()
        np.maximum(self._maximum[layer, head], largest, out=self._maximum[layer, head])
        self._count[layer, head] += len(weights)

    @property
    def count(self) -> int:
        """Positions seen."""
        return int(self._count[0, 0])

    @property
    def mean(self) -> NDArray[np.float64]:
        """Shape (layers, heads, window); the last axis counts nt upstream of the query."""
        return (self._sum / self._count[..., None])[..., ::-1]

    @property
    def maximum(self) -> NDArray[np.float64]:
        """Shape (layers, heads, window); the last axis counts nt upstream of the query."""
        return self._maximum[..., ::-1]
