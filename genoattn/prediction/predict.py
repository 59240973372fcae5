"""Output and attention along a genome in one pass without seams; touches annotator.py, sequence.py.

Spans of a strand are read side by side, each from as far upstream as can change its outputs (six
layers of window and convolution: :attr:`genoattn.model.annotator.AnnotatorConfig.reach_upstream`)
and in chunks that hand on what the layers remember (:class:`genoattn.model.annotator.Memory`). So
every position gets its full 512 positions of context, the result does not depend on where the cuts
fall, and memory does not grow with the genome. A circular genome is
read across its origin; a linear one ends where it ends.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from genoattn.genome.files import reserve, writing
from genoattn.genome.intervals import runs
from genoattn.genome.sequence import UNKNOWN, Genome, reverse_complement
from genoattn.model.annotator import Annotator
from genoattn.model.attention import keep_freed_memory
from genoattn.prediction.recorders import AttentionRecorder

CHUNK = {"cpu": 4096, "cuda": 131_072}
"""Positions read at once: so many that a core's cache, or a share of a GPU's memory, holds them."""
SPAN = 2**18
"""Positions that a worker takes at once; each span costs its upstream reach on top."""


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
        file = _reserved_map(partial, (2, length))
        for start in range(0, length, SPAN):
            file[:, start : start + SPAN] = np.nan

        def store(place: tuple[int, slice], values: NDArray[np.float32]) -> None:
            file[place] = values
            file.flush()
            file._mmap.madvise(mmap.MADV_DONTNEED)

        _fill(model, genome, where, recorders, chunk, progress, store)
    return np.load(out, mmap_mode="r")


def _reserved_map(path: Path, shape: tuple[int, ...]) -> Any:
    """Map a new .npy file whose room on the disk is taken already."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
    reserve(path, begin + 4 * math.prod(shape))
    return np.lib.format.open_memmap(path, "r+")


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
            codes = strand_codes(genome, strand, position, until)
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


def strand_codes(genome: Genome, strand: int, first: int, last: int) -> NDArray[np.uint8]:
    """Codes of one strand in reading order; round a circle, unknown beyond a linear end."""
    length = len(genome)
    if strand == 1:
        return reverse_complement(strand_codes(genome, 0, length - last, length - first))
    index = np.arange(first, last)
    if genome.circular:
        return genome.codes.take(index, mode="wrap")
    inside = (index >= 0) & (index < length)
    return np.where(inside, genome.codes.take(index, mode="clip"), UNKNOWN)
