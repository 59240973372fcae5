"""Relative attention over a sliding window, as an equation and in blocks; touches torch alone.

Every position ``i`` of a strand attends to itself and to the ``window - 1`` positions upstream of
it (paper, "Model architecture"; Transformer-XL, Dai et al. 2019).  With ``d = i - j`` the distance
from the query to a key upstream,

    score(i, j)  = [ (q_i + u) . k_j  +  (q_i + w) . r_d ] / sqrt(d_head)      for 0 <= d < window
    a(i, .)      = softmax over j of score(i, .)
    z_i          = sum_j a(i, j) v_j

The first product compares content, the second reads the distance; ``u`` and ``w`` are the content
and the position bias.  :func:`dense_attention` writes this down literally and serves as the oracle.
:func:`blocked_attention` computes the same numbers without ever holding scores outside the window:

* queries go in blocks of ``block``; each block meets one contiguous frame of keys, so the
  content term is one matrix product per block;
* the distance term is one product of all queries with the ``window`` distances, written into the
  frame along its diagonals (a change of row stride, no gather);
* backward recomputes the weights of a tile instead of storing them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Observer = Callable[[int, int, Tensor], None]
"""``observe(row, start, weights)`` with ``weights`` of shape (n, window): its rows are the queries
``start .. start + n - 1``, its columns run 5'->3' from the farthest position to the query."""

BLOCK = 64
TILE_SCORES = 600_000


def dense_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
) -> Tensor:
    """The equation of the module's first lines, written down literally.

    Parameters
    ----------
    query, key, value : Tensor, shape (batch, heads, length, d_head)
    distance : Tensor, shape (heads, window, d_head)
        ``distance[:, d]`` is the vector r of the position ``d`` nt upstream (``d = 0``: the query
        itself).
    content_bias, position_bias : Tensor, shape (heads, d_head)
        The biases u and w of Transformer-XL.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    return dense_weights(query, key, distance, content_bias, position_bias) @ value


def dense_weights(
    query: Tensor, key: Tensor, distance: Tensor, content_bias: Tensor, position_bias: Tensor
) -> Tensor:
    """Weights a(i, j) of :func:`dense_attention`, shape (batch, heads, length, length)."""
    length, d_head = query.shape[-2:]
    window = distance.shape[-2]
    position = torch.arange(length, device=query.device)
    d = position[:, None] - position[None, :]  # (length, length): query minus key
    inside = (d >= 0) & (d < window)
    content = (query + content_bias[:, None]) @ key.transpose(-1, -2)  # B, H, L, L
    by_distance = (query + position_bias[:, None]) @ distance.transpose(-1, -2)  # B, H, L, W
    index = d.clamp(0, window - 1).expand(*by_distance.shape[:2], length, length)
    score = (content + by_distance.gather(-1, index)) / math.sqrt(d_head)
    return score.masked_fill(~inside, -torch.inf).softmax(-1)


def blocked_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    *,
    block: int = BLOCK,
    observe: Observer | None = None,
) -> Tensor:
    """:func:`dense_attention` in time and memory linear in the length.

    Parameters
    ----------
    query, key, value, distance, content_bias, position_bias
        As in :func:`dense_attention`.
    block : int
        Queries per block.
    observe : callable, optional
        Called with each tile of attention weights as it is computed (``row`` counts ``batch *
        heads``); the weights are a view that is overwritten afterwards.  Only without gradients.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    batch, heads, length, d_head = query.shape
    scale = 1 / math.sqrt(d_head)
    content_query = (query + content_bias[:, None]) * scale
    position_query = (query + position_bias[:, None]) * scale
    rows = (batch * heads, length, d_head)
    arguments = (
        content_query.reshape(rows),
        position_query.reshape(rows),
        key.reshape(rows),
        value.reshape(rows),
        distance,
    )
    if observe is not None:
        out, _ = _forward(*arguments, block, observe)
    else:
        out = _BlockedAttention.apply(*arguments, block)
    return out.view(batch, heads, length, d_head)


class _Frame:
    """Which keys a block of queries meets, and where each distance lies in that frame.

    A block of ``block`` queries that starts at ``s`` meets the ``keys`` positions that end with its
    own last query: column ``c`` is position ``s - (keys - block) + c``.  Query ``i`` of the block
    reaches distance ``d`` in column ``i + (keys - block) - d``: in the flat buffer of a block the
    distances of query ``i`` are the ``window`` elements from ``i * (keys + 1) + lead``, so the
    diagonal band is a matrix of row stride ``keys + 1``.
    """

    def __init__(self, length: int, window: int, block: int) -> None:
        self.length, self.window = length, window
        self.block = min(block, length)
        self.keys = math.ceil((window + self.block - 1) / self.block) * self.block
        self.lead = self.keys - self.block - (window - 1)
        self.blocks = math.ceil(length / self.block)
        self.step = max(1, TILE_SCORES // (self.block * self.keys))  # blocks of one tile
        self.before = (
            self.keys - self.block
        )  # positions that the first block's frame starts upstream

    def pad(self, rows: Tensor, before: int) -> Tensor:
        """Add zeros in front and up to whole blocks: (rows, before + blocks * block, d_head)."""
        return torch.nn.functional.pad(rows, (0, 0, before, self.blocks * self.block - self.length))

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Ranges of blocks that are worked on together, small enough for the cache."""
        for first in range(0, self.blocks, self.step):
            yield first, min(first + self.step, self.blocks)

    def buffer(self, like: Tensor) -> Tensor:
        """Scratch for the scores of one tile."""
        return like.new_empty(min(self.step, self.blocks) * self.block * self.keys)

    def scores(self, buffer: Tensor, count: int) -> Tensor:
        """The buffer as (count, block, keys), contiguous."""
        return buffer[: count * self.block * self.keys].view(count, self.block, self.keys)

    def band(self, scores: Tensor) -> Tensor:
        """The distances inside a tile: (count, block, window), from farthest to nearest."""
        count, block, keys = scores.shape
        return scores.as_strided(
            (count, block, self.window),
            (scores.stride(0), keys + 1, 1),
            scores.storage_offset() + self.lead,
        )

    def frames(self, padded: Tensor, first: int, last: int) -> Tensor:
        """Overlapping key frames of blocks: a view (last - first, keys, d_head) of one row."""
        d_head = padded.shape[-1]
        return padded.as_strided(
            (last - first, self.keys, d_head),
            (self.block * d_head, d_head, 1),
            padded.storage_offset() + first * self.block * d_head,
        )

    def weights(
        self,
        scores: Tensor,
        content_query: Tensor,
        position_query: Tensor,
        keys: Tensor,
        reversed_distance: Tensor,
        first: int,
    ) -> Tensor:
        """Attention weights of one tile, in place of ``scores``; zero outside the band."""
        count = scores.shape[0]
        scores.fill_(-torch.inf)
        by_distance = position_query @ reversed_distance.T  # count * block, window
        self.band(scores).copy_(by_distance.view(count, self.block, self.window))
        scores.baddbmm_(content_query.view(count, self.block, -1), keys.transpose(1, 2))
        for number in range(first, min(first + count, self.before // self.block)):
            # keys upstream of the sequence's first position do not exist
            scores[number - first, :, : self.before - number * self.block] = -torch.inf
        return torch.softmax(scores, -1, out=scores)

    def overlap_add(self, total: Tensor, frames: Tensor, first: int) -> None:
        """Add frame gradients (count, keys, d_head) onto the padded row they came from."""
        count, _, d_head = frames.shape
        blocks = total.view(-1, self.block, d_head)
        parts = frames.view(count, self.keys // self.block, self.block, d_head)
        for part in range(parts.shape[1]):
            blocks[first + part : first + part + count] += parts[:, part]


def _forward(
    content_query: Tensor,
    position_query: Tensor,
    key: Tensor,
    value: Tensor,
    distance: Tensor,
    block: int,
    observe: Observer | None,
) -> tuple[Tensor, _Frame]:
    rows, length, d_head = content_query.shape
    heads, window, _ = distance.shape
    frame = _Frame(length, window, block)
    reversed_distance = distance.flip(1)
    content_query, position_query = frame.pad(content_query, 0), frame.pad(position_query, 0)
    key, value = frame.pad(key, frame.before), frame.pad(value, frame.before)
    out = torch.empty_like(content_query)
    buffer = frame.buffer(content_query)
    for row in range(rows):
        for first, last in frame.tiles():
            span = slice(first * frame.block, last * frame.block)
            weights = frame.weights(
                frame.scores(buffer, last - first),
                content_query[row, span],
                position_query[row, span],
                frame.frames(key[row], first, last),
                reversed_distance[row % heads],
                first,
            )
            tile = out[row, span].view(last - first, frame.block, d_head)
            torch.bmm(weights, frame.frames(value[row], first, last), out=tile)
            if observe is not None:
                _show(frame, weights, row, first, observe)
    return out[:, :length], frame


def _show(frame: _Frame, weights: Tensor, row: int, first: int, observe: Observer) -> None:
    band = frame.band(weights).reshape(-1, frame.window)
    start = first * frame.block
    observe(row, start, band[: frame.length - start])


class _BlockedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        content_query: Tensor,
        position_query: Tensor,
        key: Tensor,
        value: Tensor,
        distance: Tensor,
        block: int,
    ) -> Tensor:
        out, _ = _forward(content_query, position_query, key, value, distance, block, None)
        ctx.save_for_backward(content_query, position_query, key, value, distance, out)
        ctx.block = block  # type: ignore[attr-defined]
        return out

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, grad_out: Tensor
    ) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        content_query, position_query, key, value, distance, out = saved
        rows, length, d_head = content_query.shape
        heads, window, _ = distance.shape
        frame = _Frame(length, window, ctx.block)  # type: ignore[attr-defined]
        reversed_distance = distance.flip(1)
        mean = frame.pad((grad_out * out).sum(-1, keepdim=True), 0)  # rows, padded, 1
        content_query, position_query = frame.pad(content_query, 0), frame.pad(position_query, 0)
        grad_out = frame.pad(grad_out, 0)
        key, value = frame.pad(key, frame.before), frame.pad(value, frame.before)
        grad_content = torch.empty_like(content_query)
        grad_position = torch.empty_like(content_query)
        grad_key, grad_value = torch.zeros_like(key), torch.zeros_like(value)
        grad_distance = torch.zeros_like(reversed_distance)
        buffer, other = frame.buffer(content_query), frame.buffer(content_query)
        for row in range(rows):
            for first, last in frame.tiles():
                count, span = last - first, slice(first * frame.block, last * frame.block)
                keys = frame.frames(key[row], first, last)
                a = frame.weights(
                    frame.scores(buffer, count),
                    content_query[row, span],
                    position_query[row, span],
                    keys,
                    reversed_distance[row % heads],
                    first,
                )
                g = grad_out[row, span].view(count, frame.block, d_head)
                frame.overlap_add(grad_value[row], a.transpose(1, 2) @ g, first)
                # d score = a * (d a - sum_j a d a), where the sum equals g . out
                values = frame.frames(value[row], first, last).transpose(1, 2)
                d_score = torch.bmm(g, values, out=frame.scores(other, count))
                d_score.sub_(mean[row, span].view(count, frame.block, 1)).mul_(a)
                query = content_query[row, span].view(count, frame.block, d_head)
                frame.overlap_add(grad_key[row], d_score.transpose(1, 2) @ query, first)
                torch.bmm(
                    d_score, keys, out=grad_content[row, span].view(count, frame.block, d_head)
                )
                band = frame.band(d_score)  # count, block, window
                torch.matmul(
                    band,
                    reversed_distance[row % heads],
                    out=grad_position[row, span].view(count, frame.block, d_head),
                )
                query = position_query[row, span].view(count, frame.block, d_head)
                grad_distance[row % heads] += torch.bmm(band.transpose(1, 2), query).sum(0)
        before = frame.before
        return (
            grad_content[:, :length],
            grad_position[:, :length],
            grad_key[:, before : before + length],
            grad_value[:, before : before + length],
            grad_distance.flip(1),
            None,
        )
