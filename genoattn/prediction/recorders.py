"""What watches attention while a genome is read: samples, and what each nucleotide receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from genoattn.genome.sequence import STRANDS, Genome, strand_index
from genoattn.model.annotator import AnnotatorConfig

__all__ = ["AttentionRecorder", "ReceivedAttention", "SampledAttention", "head_numbers"]


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


def head_numbers(names: Sequence[str], config: AnnotatorConfig) -> list[tuple[int, int]]:
    """Read names of heads, such as ``"1.2"`` for the second head of the first layer.

    Returns
    -------
    list of (int, int)
        Layer and head, counted from 0.

    Raises
    ------
    ValueError
        Not of this form, or the model has no such head.
    """
    found = []
    for name in names:
        parts = name.split(".")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(f"head {name!r}: write layer and head as 1.2, both from 1")
        head = (int(parts[0]) - 1, int(parts[1]) - 1)
        if head in found:
            raise ValueError(f"head {name!r} is named twice; name every head once")
        found.append(head)
    _check_heads(found, config)
    return found


def _check_heads(heads: Sequence[tuple[int, int]], config: AnnotatorConfig) -> None:
    """Refuse heads that the model does not have."""
    for layer, head in heads:
        if not (0 <= layer < config.layers and 0 <= head < config.heads):
            raise ValueError(
                f"no head {head + 1} in layer {layer + 1}: the model has {config.layers} "
                f"layers of {config.heads} heads"
            )


class ReceivedAttention(AttentionRecorder):
    """Attention that each nucleotide gets from a head, summed over all queries that look at it.

    The mean over a contig is 1 (each query hands out 1), less what falls beyond its ends.
    """

    def __init__(
        self, config: AnnotatorConfig, genome: Genome, heads: Sequence[tuple[int, int]]
    ) -> None:
        """Watch heads, each a layer and a head counted from 0."""
        _check_heads(heads, config)
        self._config, self._genome = config, genome
        self._ordered = {key: np.zeros((2, len(genome))) for key in heads}

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        received = self._ordered.get((layer, head))
        if received is None:
            return
        n, window = weights.shape
        # row i of the skewed table begins i places further right, so columns are positions
        skewed = torch.nn.functional.pad(weights.double(), (0, n)).flatten()[: n * (window + n - 1)]
        total = skewed.view(n, window + n - 1).sum(0).cpu().numpy()
        first = start + self._config.downstream - (window - 1)
        index = np.arange(first, first + total.size)
        if self._genome.circular:
            index %= len(self._genome)
        else:
            inside = (index >= 0) & (index < len(self._genome))
            index, total = index[inside], total[inside]
        np.add.at(received[strand], index, total)

    @property
    def tracks(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """By (layer, head), counted from 0; shape (2, L) each."""
        return {key: np.stack([plus, minus[::-1]]) for key, (plus, minus) in self._ordered.items()}
