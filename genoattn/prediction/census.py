"""Attention of every position, summed up while it is computed; touches prediction.py's recorders.

A whole genome's attention, 340 GB a strand, is never held. Each tile of weights of one head is
read once (:func:`tally`), while it lies in the core's cache, into what the head chapters ask for:
its sum and largest by distance, the positions where it is largest, and the sums that correlate it
with the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from typing_extensions import override

from genoattn.genome.sequence import STRANDS
from genoattn.model.annotator import AnnotatorConfig
from genoattn.prediction.recorders import AttentionRecorder

ROUNDING = 1e-5
"""Share of a mean square below which its distance from the squared mean is not told from zero."""
TOGETHER = 8
"""Positions that are read side by side."""
PARTIAL = 128
"""Positions that are summed in single precision before they join the sums in double."""


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


class AttentionCensus(AttentionRecorder):
    """Attention of every head over all positions of the pass, by distance.

    Exact: mean, maximum, the best positions and, if the output is known from a pass before,
    Pearson's correlation with it and with its ranks. Spearman's correlation would need the ranks of
    all attention as well; :class:`genoattn.prediction.recorders.SampledAttention` gives it from a
    sample.

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

        ``output`` has shape (2, L), as :func:`genoattn.prediction.predict` returns it, with a
        number wherever the pass looks.
        """
        heads, window = (config.layers, config.heads), config.window
        self._output = None if output is None else _standardised(output)
        self._seen = np.zeros(heads, dtype=np.int64)
        self._moments = np.zeros((*heads, 2, 2))  # of the output: which sum, which row
        self._sums = np.zeros((*heads, 4, window))
        self._maximum = np.zeros((*heads, window), dtype=np.float32)
        self._weight = np.full((*heads, window, best), -1.0, dtype=np.float32)
        self._place = np.zeros((*heads, window, best), dtype=np.int64)

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        n = len(weights)
        rows = np.zeros((2, n), dtype=np.float32)
        if self._output is not None:
            rows = np.ascontiguousarray(self._output[:, strand, start : start + n])
            self._moments[layer, head] += [rows.sum(1), np.square(rows).sum(1)]
        self._seen[layer, head] += n
        take = tally_on_device if weights.is_cuda else _tally_on_cpu
        take(
            weights,
            rows,
            2 * start + strand,  # strand and place in one number
            self._sums[layer, head],
            self._maximum[layer, head],
            self._weight[layer, head],
            self._place[layer, head],
        )

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
        return self._maximum[..., ::-1]

    def best(self, length: int) -> BestPositions:
        """The positions of highest attention at each distance, in a genome of ``length`` nt."""
        place = self._place[:, :, ::-1]
        strand, index = place % 2, place // 2
        position = np.where(strand == 0, index, length - 1 - index)
        return BestPositions(self._weight[:, :, ::-1], np.array(STRANDS)[strand], position)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """Pearson's correlation with the output and with its ranks, (2, layers, heads, window).

        The last axis counts nt upstream of the query; NaN where attention does not vary.
        """
        if self._output is None:
            raise ValueError("the census was taken without an output to correlate with")
        n = self._seen[..., None]
        mean, square = self._sums[:, :, 0] / n, self._sums[:, :, 1] / n
        varies = square - mean**2 > ROUNDING * square  # else the difference is one of rounding
        variance = np.where(varies, square - mean**2, np.nan)
        found = []
        for row in range(2):
            y_mean = self._moments[:, :, 0, row, None] / n
            y_variance = self._moments[:, :, 1, row, None] / n - y_mean**2
            covariance = self._sums[:, :, 2 + row] / n - mean * y_mean
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append(covariance / np.sqrt(variance * y_variance))
        return np.stack(found)[..., ::-1]


def _tally_on_cpu(weights: Tensor, *rest: Any) -> None:
    tally(weights.float().contiguous().numpy(), *rest)


def _compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Compile a function when it is called; keep the code for the next run if there is a place.

    There is none where the package lies in a folder that cannot be written, for a user without a
    home; then each run compiles anew.
    """

    def decorate(function: Callable) -> Callable:
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # "no locator available": raised at once, before any compilation
            return numba.njit(nogil=True, **options)(function)

    return decorate


@_compiled()
def tally(
    weights: NDArray[np.float32],
    rows: NDArray[np.float32],
    place: int,
    sums: NDArray[np.float64],
    maximum: NDArray[np.float32],
    best: NDArray[np.float32],
    best_place: NDArray[np.int64],
) -> None:
    """Add the weights of a run of positions to a head's statistics, in one reading of them.

    Parameters
    ----------
    weights : array, shape (n, window)
    rows : array, shape (2, n)
        What to correlate the weights with.
    place : int
        Of the first position; each position is two further on.
    sums : array, shape (4, window)
        Changed in place: sums of the weights, of their squares, of their products with the rows.
    maximum : array, shape (window,)
        Changed in place.
    best, best_place : array, shape (window, k)
        Changed in place: the largest weights in falling order (of equal ones, that of the smaller
        place first) and their places.
    """
    n, window = weights.shape
    k = best.shape[1]
    least = np.full(window, np.inf, dtype=np.float32)
    if k:
        least[:] = best[:, k - 1]
    # arrays of their own: the compiler does not vectorise over rows of one, which might overlap
    a, b, c, d, largest = (
        np.zeros(window, dtype=np.float32),
        np.zeros(window, dtype=np.float32),
        np.zeros(window, dtype=np.float32),
        np.zeros(window, dtype=np.float32),
        np.zeros(window, dtype=np.float32),
    )
    for first in range(0, n, TOGETHER):
        last = min(first + TOGETHER, n)
        group, y, z = weights[first:last], rows[0, first:last], rows[1, first:last]
        if last - first < TOGETHER:
            group = np.zeros((TOGETHER, window), dtype=np.float32)
            group[: last - first] = weights[first:]
            y, z = np.zeros(TOGETHER, dtype=np.float32), np.zeros(TOGETHER, dtype=np.float32)
            y[: last - first], z[: last - first] = rows[0, first:], rows[1, first:]
        if _sum_up(group, y, z, a, b, c, d, largest, maximum, least):
            for j in range(window):
                if largest[j] >= least[j]:
                    for i in range(first, last):
                        _enter(best[j], best_place[j], weights[i, j], place + 2 * i)
                    least[j] = best[j, k - 1]
        if last % PARTIAL == 0 or last == n:
            for row, partial in enumerate((a, b, c, d)):
                sums[row] += partial
                partial[:] = 0


@_compiled(fastmath={"contract", "nnan", "nsz"})
def _sum_up(
    group: NDArray[np.float32],
    y: NDArray[np.float32],
    z: NDArray[np.float32],
    weight_sum: NDArray[np.float32],
    square_sum: NDArray[np.float32],
    y_sum: NDArray[np.float32],
    z_sum: NDArray[np.float32],
    largest: NDArray[np.float32],
    maximum: NDArray[np.float32],
    least: NDArray[np.float32],
) -> bool:
    """Add a group to the sums, find its largest weights; say if one of them reaches the least.

    The inner loop has a fixed length, so that the sums of eight columns stay in registers.
    """
    reached = np.int32(0)
    for j in range(group.shape[1]):
        top = np.float32(0)
        a, b, c, d = weight_sum[j], square_sum[j], y_sum[j], z_sum[j]
        for i in range(TOGETHER):
            weight = group[i, j]
            top = max(top, weight)
            a += weight
            b += weight * weight
            c += weight * y[i]
            d += weight * z[i]
        weight_sum[j], square_sum[j], y_sum[j], z_sum[j] = a, b, c, d
        largest[j] = top
        maximum[j] = max(maximum[j], top)
        reached += np.int32(top >= least[j])
    return bool(reached > 0)


@_compiled()
def _enter(
    best: NDArray[np.float32], best_place: NDArray[np.int64], weight: np.float32, place: int
) -> None:
    """Put a weight where it belongs among the largest, if it does."""
    at = len(best)
    while at and (weight > best[at - 1] or (weight == best[at - 1] and place < best_place[at - 1])):
        at -= 1
        if at + 1 < len(best):
            best[at + 1], best_place[at + 1] = best[at], best_place[at]
    if at < len(best):
        best[at], best_place[at] = weight, place


def tally_on_device(
    weights: Tensor,
    rows: NDArray[np.float32],
    place: int,
    sums: NDArray[np.float64],
    maximum: NDArray[np.float32],
    best: NDArray[np.float32],
    best_place: NDArray[np.int64],
) -> None:
    """:func:`tally` of weights that lie on an accelerator, whose products sum them up there."""
    weights = weights.float()
    of_rows = torch.from_numpy(rows).to(weights) @ weights
    found = torch.stack([weights.sum(0), weights.square().sum(0), *of_rows])
    sums += found.double().cpu().numpy()
    np.maximum(maximum, weights.amax(0).cpu().numpy(), out=maximum)
    k = best.shape[1]
    if not k:
        return
    least = torch.from_numpy(best[:, -1].copy()).to(weights)
    if least[0] < 0:  # fewer than k so far
        least = weights.topk(min(k, len(weights)), dim=0).values[-1]
    row, column = (weights >= least).nonzero(as_tuple=True)
    _enter_all(
        best,
        best_place,
        column.cpu().numpy(),
        weights[row, column].cpu().numpy(),
        place + 2 * row.cpu().numpy(),
    )


@_compiled()
def _enter_all(
    best: NDArray[np.float32],
    best_place: NDArray[np.int64],
    column: NDArray[np.int64],
    weight: NDArray[np.float32],
    place: NDArray[np.int64],
) -> None:
    for i in range(len(column)):
        _enter(best[column[i]], best_place[column[i]], weight[i], place[i])


def _standardised(output: NDArray[np.floating]) -> NDArray[np.float32]:
    """The output and its ranks, (2, 2, L) in reading order, each with mean 0 and variance 1.

    NaN, which is never looked at, becomes 0.
    """
    known = np.isfinite(output)
    found = np.zeros((2, *output.shape), dtype=np.float32)
    for row, values in enumerate((output[known].astype(np.float64), rankdata(output[known]))):
        found[row, known] = (values - values.mean()) / (values.std() or 1.0)
    found[:, 1] = found[:, 1, ::-1].copy()
    return found
