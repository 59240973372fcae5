"""Relative attention over a sliding window, as an equation and in blocks; touches torch alone.

Every position ``i`` of a strand attends to itself and to the ``window - 1`` positions upstream of
it (paper, "Model architecture"; Transformer-XL, Dai et al. 2019).  With ``d = i - j`` the distance
from the query to a key upstream and ``phi(d)`` its sinusoidal code,

::

    score(i, j)  = [ (q_i + u) . k_j  +  (q_i + w) . r_d ] / sqrt(d_head)      for 0 <= d < window
    r_d          = W_r phi(d),   phi(d) = [sin(omega d), cos(omega d)]
    a(i, .)      = softmax over j of score(i, .)
    z_i          = sum_j a(i, j) v_j

The first product compares content, the second reads the distance; ``u`` and ``w`` are the content
and the position bias.  :func:`dense_attention` writes this down literally and serves as the oracle.
:func:`relative_attention` computes the same numbers in time and memory linear in the length:

* **The distance is a dot product.** With ``g = W_r^T (q_i + w)`` the distance term is ``g .
  phi(i - j)``, and by the addition theorems of sine and cosine ``g . phi(i - j) = T_i g . phi(j)``
  where ``T_i`` turns each pair (sine, cosine) of ``g`` by the angle of position ``i``
  (:func:`turned`).  So relative attention is plain attention of the query ``[q_i + u, T_i g]`` to
  the key ``[k_j, phi(j)]``: one matrix product, no gather, no skew.
* **Blocks.** Queries go in blocks; each block meets one contiguous frame of keys
  (:class:`Frames`), and only the two ends of that frame need a mask.
* **Powers of two.** log2(e) goes into the query's scale, and the softmax divides only once, after
  the product with the values.  A weight is never less than :data:`LEAST_POWER` says: products of
  smaller ones would be subnormal, and many a processor takes far longer for those.

On a GPU, under autocast (training in mixed precision), the same plain attention goes to PyTorch's
FlexAttention (:func:`fused_attention`), which never writes the scores to memory.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import cast

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

Observer = Callable[[int, int, Tensor], None]
"""``observe(row, start, weights)`` with ``weights`` of shape (n, window): its rows are the queries
``start .. start + n - 1``, its columns run 5'->3' from the farthest position to the query."""

BLOCK = {"cpu": 32, "cuda": 256}
"""Queries in a block."""
FUSED_LEAST = 16
"""Narrowest heads, in values, that FlexAttention takes."""
TILE_SCORES = {"cpu": 600_000, "cuda": 2**28}
"""Scores that are worked on together: those that fit the cache of a core, or a share of a GPU."""
KEPT_SCORES = 2**25
"""Weights of a layer that training keeps for the backward pass; more are computed again."""
LEAST_POWER = -70.0
"""A weight inside the window is at least two to this power of its row's largest: nothing beside it,
even in 64 bits, and far from subnormal numbers, values and gradients included."""


def sinusoids(
    length: int,
    d_model: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Tensor:
    """Sinusoidal code of 0 .. length - 1 (Vaswani et al. 2017): sines, then cosines.

    Returns
    -------
    Tensor, shape (length, d_model)
        From angles in double precision, so that it is exact along a whole genome.
    """
    pair = torch.arange(0, d_model, 2, dtype=torch.float64, device=device)
    position = torch.arange(length, dtype=torch.float64, device=device)
    angle = position[:, None] * 10_000.0 ** (-pair / d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=-1).to(dtype)


def turned(query: Tensor, code: Tensor) -> Tensor:
    """Turn g (..., length, d_model) so that ``turned(g, phi(i)) . phi(j) = g . phi(i - j)``.

    The first half of ``query`` weighs the sines, the second the cosines, as in :func:`sinusoids`.
    """
    sine, cosine = code.chunk(2, -1)
    of_sine, of_cosine = query.chunk(2, -1)
    return torch.cat(
        [of_cosine * sine - of_sine * cosine, of_sine * sine + of_cosine * cosine], dim=-1
    )


def dense_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    code: Tensor,
    window: int,
) -> Tensor:
    """The equation of the module's first lines, written down literally.

    Parameters
    ----------
    query : Tensor, shape (batch, heads, length, d_head)
    key, value : Tensor, shape (batch, heads, history + length, d_head)
        They may reach further upstream than the queries, which are the last ``length`` positions.
    distance : Tensor, shape (heads, d_head, d_model)
        W_r of each head.
    content_bias, position_bias : Tensor, shape (heads, d_head)
        The biases u and w of Transformer-XL.
    code : Tensor, shape (history + length, d_model)
        :func:`sinusoids` of the keys' length.
    window : int
        Positions that a query attends to: itself and ``window - 1`` upstream.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    vectors = code[:window] @ distance.transpose(-1, -2)  # r_d: heads, up to window, d_head
    return dense_weights(query, key, vectors, content_bias, position_bias) @ value


def dense_weights(
    query: Tensor, key: Tensor, vectors: Tensor, content_bias: Tensor, position_bias: Tensor
) -> Tensor:
    """Weights a(i, j) of :func:`dense_attention`, shape (batch, heads, length, history + length).

    ``vectors[:, d]``, shape (heads, window, d_head), is r of the distance ``d``.
    """
    length, d_head = query.shape[-2:]
    keys, window = key.shape[-2], vectors.shape[-2]
    position = torch.arange(keys, device=query.device)
    d = position[keys - length :, None] - position  # (length, keys): query minus key
    inside = (d >= 0) & (d < window)
    content = (query + content_bias[:, None]) @ key.transpose(-1, -2)  # B, H, L, L
    by_distance = (query + position_bias[:, None]) @ vectors.transpose(-1, -2)  # B, H, L, W
    index = d.clamp(0, window - 1).expand(*by_distance.shape[:2], length, keys)
    score = (content + by_distance.gather(-1, index)) / math.sqrt(d_head)
    return score.masked_fill(~inside, -torch.inf).softmax(-1)


def relative_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    code: Tensor,
    window: int,
    *,
    block: int | None = None,
    observe: Observer | None = None,
) -> Tensor:
    """:func:`dense_attention` in time and memory linear in the length.

    Parameters
    ----------
    query, key, value, distance, content_bias, position_bias, code, window
        As in :func:`dense_attention`.
    block : int, optional
        Queries per block; by default :data:`BLOCK`.
    observe : callable, optional
        Called with each tile of attention weights as it is computed (``row`` counts ``batch *
        heads``); the weights are overwritten afterwards.  Only without gradients.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    batch, heads, length, d_head = query.shape
    device = query.device.type
    if (
        device != "cpu"
        and torch.is_autocast_enabled(device)
        and observe is None
        and d_head >= FUSED_LEAST
    ):
        mask = window_mask(length, key.shape[2] - length, window, query.device)
        operands = (query, key, value, distance, content_bias, position_bias, code)
        return _compiled()(*operands, mask, torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):  # scores are kept in full precision
        query, key, value, distance = (
            tensor.to(content_bias.dtype) for tensor in (query, key, value, distance)
        )
        content = query + content_bias[:, None]
        position = turned((query + position_bias[:, None]) @ distance, code[-length:])
        content, position, key, value = (
            tensor.flatten(0, 1) for tensor in (content, position, key, value)
        )
        block = block or BLOCK["cpu" if device == "cpu" else "cuda"]
        blocked = (content, position, key, value, code, window, block)
        if observe is None:
            out = _WindowAttention.apply(*blocked)  # type: ignore[no-untyped-call]
        else:
            out = _Pass(*blocked).run(observe=observe)
    return out.unflatten(0, (batch, heads))


@cache
def _compiled() -> Callable[..., Tensor]:
    """:func:`fused_attention` as one kernel, made at its first use."""
    return cast(Callable[..., Tensor], torch.compile(fused_attention, dynamic=False))


@cache
def window_mask(length: int, history: int, window: int, device: torch.device) -> BlockMask:
    """Which blocks of keys the blocks of queries meet, for FlexAttention."""

    def inside(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        distance = query + history - key
        return (distance >= 0) & (distance < window)

    return create_block_mask(inside, None, None, length, history + length, device=device)


def fused_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    code: Tensor,
    mask: BlockMask,
    dtype: torch.dtype,
) -> Tensor:
    """:func:`dense_attention` through FlexAttention, which keeps no scores in memory.

    Compiled, as :func:`relative_attention` uses it, it is one kernel and what leads to it.

    Parameters
    ----------
    query, key, value, distance, content_bias, position_bias, code
        As in :func:`dense_attention`.
    mask : BlockMask
        :func:`window_mask`.
    dtype : torch.dtype
        Of the products; sums are kept in float32.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head), of ``dtype``
    """
    with torch.autocast(query.device.type, enabled=False):
        query, distance = query.to(content_bias.dtype), distance.to(content_bias.dtype)
        content = query + content_bias[:, None]
        position = turned((query + position_bias[:, None]) @ distance, code[-query.shape[2] :])
        asked = torch.cat([content, position], -1).to(dtype)
        reached = torch.cat([key.to(dtype), code.to(dtype).expand(*key.shape[:2], -1, -1)], -1)
        scale = 1 / math.sqrt(key.shape[-1])
        out = flex_attention(asked, reached, value.to(dtype), block_mask=mask, scale=scale)
    return out


def _between_zeros(parts: Sequence[Tensor], before: int, after: int) -> Tensor:
    """Lay parts (rows, n, width) side by side, with zeros before and after, in one copy."""
    rows, n, _ = parts[0].shape
    out = parts[0].new_empty(rows, before + n + after, sum(part.shape[-1] for part in parts))
    out[:, :before] = 0
    out[:, before + n :] = 0
    column = 0
    for part in parts:
        out[:, before : before + n, column : column + part.shape[-1]] = part
        column += part.shape[-1]
    return out


class Frames:
    """Which keys a block of queries meets.

    A block of ``block`` queries that starts at ``s`` meets the ``keys`` positions that end with its
    own last query: column ``c`` is position ``s - before + c``.  Query ``i`` of the block reaches
    distance ``d`` in column ``i + before - d``, so the first ``block + lead`` and the last
    ``block`` columns are cut by the window's two edges, and those between are whole.
    """

    def __init__(self, length: int, history: int, window: int, block: int, like: Tensor) -> None:
        self.length, self.window = length, window
        self.block = min(block, length)
        self.keys = math.ceil((window + self.block - 1) / self.block) * self.block
        self.before = self.keys - self.block  # the first frame starts so far upstream
        self.lead = self.before - (window - 1)
        self.blocks = math.ceil(length / self.block)
        self.missing = max(0, self.before - history)  # columns upstream of the first key
        self.unused = max(0, history - self.before)  # keys upstream of the first column
        self.budget = TILE_SCORES["cpu" if like.device.type == "cpu" else "cuda"]
        query = torch.arange(self.block, device=like.device)[:, None]
        d = query + self.before - torch.arange(self.keys, device=like.device)
        outside = like.new_zeros(self.block, self.keys)
        outside[(d < 0) | (d >= window)] = -torch.inf
        self.edges = [
            (columns, outside[:, columns].contiguous())
            for columns in (slice(0, self.block + self.lead), slice(self.before, None))
        ]

    def pad(self, *parts: Tensor) -> Tensor:
        """Lay queries out in whole blocks: (rows, blocks * block, sum of widths)."""
        return _between_zeros(parts, 0, self.blocks * self.block - self.length)

    def pad_keys(self, *parts: Tensor) -> Tensor:
        """Lay keys out for the frames: (rows, before + blocks * block, sum of widths)."""
        used = [part[..., self.unused :, :] for part in parts]
        return _between_zeros(used, self.missing, self.blocks * self.block - self.length)

    def unpad_keys(self, padded: Tensor) -> Tensor:
        """Undo :meth:`pad_keys` for a gradient: (rows, history + length, width)."""
        inner = padded[:, self.missing : self.before + self.length]
        return torch.nn.functional.pad(inner, (0, 0, self.unused, 0))

    def tiles(self, rows: int) -> Iterator[tuple[slice, slice]]:
        """Rows and blocks that are worked on together, within the budget of scores.

        Whole rows together, or blocks of one row.
        """
        together = max(1, self.budget // (self.blocks * self.block * self.keys))
        step = max(1, self.budget // (self.block * self.keys))
        for row in range(0, rows, together):
            for first in range(0, self.blocks, step):
                yield slice(row, row + together), slice(first, min(first + step, self.blocks))

    def queries(self, padded: Tensor) -> Tensor:
        """Blocks of queries: a view (rows, blocks, block, width)."""
        return padded.unflatten(1, (self.blocks, self.block))

    def frames(self, padded: Tensor) -> Tensor:
        """Overlapping key frames: a view (rows, blocks, keys, width)."""
        rows, positions, width = padded.shape
        stride = (positions * width, self.block * width, width, 1)
        return padded.as_strided((rows, self.blocks, self.keys, width), stride)

    def mask(self, scores: Tensor, blocks: slice) -> None:
        """Give minus infinity to keys outside the window or upstream of the first position."""
        for columns, outside in self.edges:
            scores[..., columns].add_(outside)
        if blocks.start * self.block < self.missing:
            by_block = scores.unflatten(0, (-1, blocks.stop - blocks.start))
            for number in range(blocks.start, blocks.stop):
                missing = max(0, self.missing - number * self.block)
                by_block[:, number - blocks.start, :, :missing] = -torch.inf

    def band(self, scores: Tensor) -> Tensor:
        """The window inside the frames: a view (n, block, window), from farthest to nearest."""
        n, block, keys = scores.shape
        stride = (block * keys, keys + 1, 1)
        return scores.as_strided(
            (n, block, self.window), stride, scores.storage_offset() + self.lead
        )

    def overlap_add(self, total: Tensor, frames: Tensor, rows: slice, blocks: slice) -> None:
        """Add gradients of frames (n, keys, width) onto the padded rows they came from."""
        number = blocks.stop - blocks.start
        by_block = total[rows].unflatten(1, (-1, self.block))
        parts = frames.unflatten(1, (-1, self.block)).unflatten(0, (-1, number))
        for part in range(parts.shape[2]):
            by_block[:, blocks.start + part :][:, :number] += parts[:, :, part]


class _Pass:
    """One pass of attention of the keys to [content, position] queries, and back.

    ``content``, ``position``, ``key``, ``value`` have shapes (rows, length or history + length,
    width).
    """

    def __init__(
        self,
        content: Tensor,
        position: Tensor,
        key: Tensor,
        value: Tensor,
        code: Tensor,
        window: int,
        block: int,
    ) -> None:
        self.rows, length, self.d_head = content.shape
        self.frame = frame = Frames(length, key.shape[1] - length, window, block, content)
        self.scale = math.log2(math.e) / math.sqrt(self.d_head)
        self.queries = frame.queries(frame.pad(content, position).mul_(self.scale))
        self.padded_keys = frame.pad_keys(key, code.expand(self.rows, -1, -1))
        self.padded_values = frame.pad_keys(value)
        self.keys = frame.frames(self.padded_keys)
        self.values = frame.frames(self.padded_values)
        self.out = torch.empty_like(self.queries[..., : value.shape[-1]])
        self.total = torch.empty_like(self.queries[..., :1])
        self.kept: list[Tensor] = []

    def run(self, *, keep: bool = False, observe: Observer | None = None) -> Tensor:
        """Output (rows, length, width of the values); ``keep`` the weights to go back."""
        frame = self.frame
        scores = None
        for rows, blocks in frame.tiles(self.rows):
            if keep or scores is None:
                scores = self.scores(rows, blocks)
            weights, total = self.weights(rows, blocks, scores[: self.count(rows, blocks)])
            if keep:
                self.kept.append(weights)
            self.total[rows, blocks].flatten(0, 1).copy_(total)
            z = self.out[rows, blocks].flatten(0, 1)
            torch.bmm(weights, self.values[rows, blocks].flatten(0, 1), out=z).div_(total)
            if observe is not None:
                start = blocks.start * frame.block
                band = frame.band(weights).div(total).unflatten(0, (-1, blocks.stop - blocks.start))
                for number, of_row in enumerate(band.flatten(1, 2), start=rows.start):
                    observe(number, start, of_row[: frame.length - start])
        return self.out.flatten(1, 2)[:, : frame.length]

    def count(self, rows: slice, blocks: slice) -> int:
        """Blocks of queries in a tile."""
        return (min(rows.stop, self.rows) - rows.start) * (blocks.stop - blocks.start)

    def scores(self, rows: slice, blocks: slice) -> Tensor:
        """Room for the scores of a tile, or of a later, smaller one."""
        frame = self.frame
        return self.total.new_empty(self.count(rows, blocks), frame.block, frame.keys)

    def weights(self, rows: slice, blocks: slice, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights before the division by their sums, in ``scores``; and the sums."""
        query = self.queries[rows, blocks].flatten(0, 1)
        key = self.keys[rows, blocks].flatten(0, 1).transpose(1, 2)
        torch.bmm(query, key, out=scores)
        self.frame.mask(scores, blocks)
        if scores.is_cuda:
            torch.softmax(scores.mul_(math.log(2)), -1, out=scores)
            return scores, scores.new_ones(*scores.shape[:-1], 1)
        scores.sub_(scores.amax(-1, keepdim=True)).clamp_(min=LEAST_POWER)
        self.frame.mask(scores, blocks)  # again, as the least power is not for what is outside
        scores.exp2_()
        return scores, scores.sum(-1, keepdim=True)

    def back(self, grad_out: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of content, position, key and value."""
        # with e the weights before division and t their sum, a = e / t:
        # d score = a * (g . v - sum_j a (g . v)) ln 2, where the sum equals g . out
        frame = self.frame
        g = frame.queries(frame.pad(grad_out)) / self.total
        mean = (g * self.out).sum(-1, keepdim=True)
        grad_query = torch.empty_like(self.queries)
        grad_key = torch.zeros_like(self.padded_keys[..., : self.d_head])
        grad_value = torch.zeros_like(self.padded_values)
        scores = self.scores(*next(frame.tiles(self.rows)))
        spare = None if self.kept else torch.empty_like(scores)
        for number, (rows, blocks) in enumerate(frame.tiles(self.rows)):
            n = self.count(rows, blocks)
            e = self.kept[number] if spare is None else self.weights(rows, blocks, spare[:n])[0]
            g_tile = g[rows, blocks].flatten(0, 1)
            frame.overlap_add(grad_value, e.transpose(1, 2) @ g_tile, rows, blocks)
            values = self.values[rows, blocks].flatten(0, 1).transpose(1, 2)
            d_score = torch.bmm(g_tile, values, out=scores[:n])
            d_score.sub_(mean[rows, blocks].flatten(0, 1)).mul_(e)
            keys = self.keys[rows, blocks].flatten(0, 1)
            torch.bmm(d_score, keys, out=grad_query[rows, blocks].flatten(0, 1))
            content = self.queries[rows, blocks, :, : self.d_head].flatten(0, 1)
            frame.overlap_add(grad_key, d_score.transpose(1, 2) @ content, rows, blocks)
        grad_query = grad_query.flatten(1, 2)[:, : frame.length] * (math.log(2) * self.scale)
        return (
            grad_query[..., : self.d_head],
            grad_query[..., self.d_head :],
            frame.unpad_keys(grad_key) * math.log(2),
            frame.unpad_keys(grad_value),
        )


class _WindowAttention(torch.autograd.Function):
    """:class:`_Pass` with its gradient; the code is a constant."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        content: Tensor,
        position: Tensor,
        key: Tensor,
        value: Tensor,
        code: Tensor,
        window: int,
        block: int,
    ) -> Tensor:
        attention = _Pass(content, position, key, value, code, window, block)
        if not any(ctx.needs_input_grad):  # type: ignore[attr-defined]
            return attention.run()
        ctx.attention = attention  # type: ignore[attr-defined]
        weights = attention.total.numel() * attention.frame.keys
        return attention.run(keep=weights <= KEPT_SCORES)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, grad_out: Tensor
    ) -> tuple[Tensor | None, ...]:
        return (*ctx.attention.back(grad_out), None, None, None)  # type: ignore[attr-defined]


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_PAD = 2**28


def keep_freed_memory() -> bool:
    """Stop glibc from returning every large temporary to the kernel.

    By default each tensor above 32 MiB is mapped afresh and unmapped when freed, and the kernel
    zeroes its pages every time: that alone makes attention over long segments 1.3 to 3 times
    slower.  Returns whether the settings took (False where the C library is not glibc).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all(
        mallopt(option, value) == 1
        for option, value in (
            (_M_MMAP_MAX, 0),
            (_M_TRIM_THRESHOLD, 2**31 - 1),
            (_M_TOP_PAD, _PAD),
        )
    )
