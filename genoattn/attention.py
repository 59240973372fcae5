"""Relative attention over a sliding window, as an equation and in blocks; touches torch alone.

Every position ``i`` of a strand attends to itself and to the ``window - 1`` positions upstream of
it (paper, "Model architecture"; Transformer-XL, Dai et al. 2019).  With ``d = i - j`` the distance
from the query to a key upstream and ``phi(d)`` its sinusoidal code,

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
  the product with the values.  Without a shift by the maximum this holds while each sum of weights
  stays within the range of the number format; where one does not, its tile is done again with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Observer = Callable[[int, int, Tensor], None]
"""``observe(row, start, weights)`` with ``weights`` of shape (n, window): its rows are the queries
``start .. start + n - 1``, its columns run 5'->3' from the farthest position to the query."""

BLOCK = 64
TILE_SCORES = {"cpu": 600_000, "cuda": 2**28}
"""Scores that are worked on together: those that fit the cache of a core, or a share of a GPU."""
KEPT_SCORES = 2**25
"""Weights of a layer that training keeps for the backward pass; more are computed again."""
SAFE_SUM = 2.0**80
"""Sums of weights between its inverse and itself are far from over- and underflow, values and
gradients included."""


def sinusoids(length: int, d_model: int) -> Tensor:
    """Sinusoidal code of 0 .. length - 1 (Vaswani et al. 2017): sines, then cosines.

    Returns
    -------
    Tensor, shape (length, d_model)
        In the default dtype, from angles in double precision: exact along a whole genome.
    """
    frequency = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1).to(torch.get_default_dtype())


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
    query, key, value : Tensor, shape (batch, heads, length, d_head)
    distance : Tensor, shape (heads, d_head, d_model)
        W_r of each head.
    content_bias, position_bias : Tensor, shape (heads, d_head)
        The biases u and w of Transformer-XL.
    code : Tensor, shape (length, d_model)
        :func:`sinusoids` of the length.
    window : int
        Positions that a query attends to: itself and ``window - 1`` upstream.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    vectors = code[:window] @ distance.transpose(-1, -2)  # r_d: heads, min(window, length), d_head
    return dense_weights(query, key, vectors, content_bias, position_bias) @ value


def dense_weights(
    query: Tensor, key: Tensor, vectors: Tensor, content_bias: Tensor, position_bias: Tensor
) -> Tensor:
    """Weights a(i, j) of :func:`dense_attention`, shape (batch, heads, length, length).

    ``vectors[:, d]``, shape (heads, window, d_head), is r of the distance ``d``.
    """
    length, d_head = query.shape[-2:]
    window = vectors.shape[-2]
    position = torch.arange(length, device=query.device)
    d = position[:, None] - position[None, :]  # (length, length): query minus key
    inside = (d >= 0) & (d < window)
    content = (query + content_bias[:, None]) @ key.transpose(-1, -2)  # B, H, L, L
    by_distance = (query + position_bias[:, None]) @ vectors.transpose(-1, -2)  # B, H, L, W
    index = d.clamp(0, window - 1).expand(*by_distance.shape[:2], length, length)
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
    block: int = BLOCK,
    observe: Observer | None = None,
) -> Tensor:
    """:func:`dense_attention` in time and memory linear in the length.

    Parameters
    ----------
    query : Tensor, shape (batch, heads, length, d_head)
    key, value : Tensor, shape (batch, heads, history + length, d_head)
        They may reach further upstream than the queries, which are the last ``length`` positions.
    code : Tensor, shape (history + length, d_model)
    distance, content_bias, position_bias, window
        As in :func:`dense_attention`.
    block : int
        Queries per block.
    observe : callable, optional
        Called with each tile of attention weights as it is computed (``row`` counts ``batch *
        heads``); the weights are overwritten afterwards.  Only without gradients.

    Returns
    -------
    Tensor, shape (batch, heads, length, d_head)
    """
    batch, heads, length, d_head = query.shape
    with torch.autocast(query.device.type, enabled=False):  # scores are kept in full precision
        query, key, value, distance = (
            tensor.to(content_bias.dtype) for tensor in (query, key, value, distance)
        )
        content = query + content_bias[:, None]
        position = turned((query + position_bias[:, None]) @ distance, code[-length:])
        scale = math.log2(math.e) / math.sqrt(d_head)
        wide_query = torch.cat([content, position], dim=-1).mul(scale).flatten(0, 1)
        arguments = (wide_query, key.flatten(0, 1), code, value.flatten(0, 1), window, block)
        if observe is None:
            out = _WindowAttention.apply(*arguments)
        else:
            out = _forward(*arguments, observe=observe).out
    return out.unflatten(0, (batch, heads))


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

    def pad(self, queries: Tensor) -> Tensor:
        """Add zeros up to whole blocks: (rows, blocks * block, width)."""
        return _between_zeros([queries], 0, self.blocks * self.block - self.length)

    def pad_keys(self, *parts: Tensor) -> Tensor:
        """Lay keys out for the frames: (rows, before + blocks * block, sum of widths)."""
        used = [part[..., self.unused :, :] for part in parts]
        return _between_zeros(used, self.missing, self.blocks * self.block - self.length)

    def unpad_keys(self, padded: Tensor) -> Tensor:
        """Undo :meth:`pad_keys` for a gradient: (rows, history + length, width)."""
        inner = padded[:, self.missing : self.before + self.length]
        return torch.nn.functional.pad(inner, (0, 0, self.unused, 0))

    def tiles(self, rows: int) -> Iterator[tuple[slice, int, int]]:
        """Rows, first and last block of the tiles, each within the budget of scores."""
        whole = self.blocks * self.block * self.keys
        together = max(1, self.budget // whole)
        step = max(1, self.budget // (self.block * self.keys))
        for row in range(0, rows, together):
            for first in range(0, self.blocks, step):
                yield slice(row, row + together), first, min(first + step, self.blocks)

    def queries(self, padded: Tensor, row: slice, first: int, last: int) -> Tensor:
        """Blocks of queries: a view (rows, last - first, block, width)."""
        chosen = padded[row, first * self.block : last * self.block]
        return chosen.unflatten(1, (last - first, self.block))

    def frames(self, padded: Tensor, row: slice, first: int, last: int) -> Tensor:
        """Overlapping key frames: a view (rows, last - first, keys, width)."""
        chosen = padded[row]
        width = padded.shape[-1]
        return chosen.as_strided(
            (len(chosen), last - first, self.keys, width),
            (chosen.stride(0), self.block * width, width, 1),
            chosen.storage_offset() + first * self.block * width,
        )

    def mask(self, scores: Tensor, first: int) -> None:
        """Give minus infinity to keys outside the window or upstream of the first position."""
        for columns, outside in self.edges:
            scores[..., columns].add_(outside)
        for number in range(
            first, min(first + scores.shape[1], math.ceil(self.missing / self.block))
        ):
            scores[:, number - first, :, : self.missing - number * self.block] = -torch.inf

    def band(self, scores: Tensor) -> Tensor:
        """The window inside the frames: a view (..., block, window), from farthest to nearest."""
        *outer, block, keys = scores.shape
        return scores.as_strided(
            (*outer, block, self.window),
            (*scores.stride()[:-2], keys + 1, 1),
            scores.storage_offset() + self.lead,
        )

    def overlap_add(self, total: Tensor, frames: Tensor, row: slice, first: int) -> None:
        """Add gradients of frames (rows, n, keys, width) onto the padded rows they came from."""
        blocks = total[row].unflatten(1, (-1, self.block))
        parts = frames.unflatten(2, (-1, self.block))
        for part in range(parts.shape[2]):
            blocks[:, first + part : first + part + parts.shape[1]] += parts[:, :, part]


class _Forward:
    """What a forward pass leaves: its output and, to go back, its operands and weights."""

    def __init__(self, frame: Frames, query: Tensor, key: Tensor, value: Tensor) -> None:
        self.frame, self.query, self.key, self.value = frame, query, key, value
        self.padded = query.new_empty(*query.shape[:2], value.shape[-1])
        self.total = query.new_empty(*query.shape[:2], 1)
        self.kept: list[Tensor] | None = None

    @property
    def out(self) -> Tensor:
        return self.padded[:, : self.frame.length]


def _weights(
    frame: Frames, query: Tensor, key: Tensor, first: int, scores: Tensor
) -> tuple[Tensor, Tensor]:
    """Attention weights before the division by their sums, in ``scores``; and the sums."""
    torch.matmul(query, key.transpose(-1, -2), out=scores)
    frame.mask(scores, first)
    if scores.is_cuda:
        torch.softmax(scores.mul_(math.log(2)), -1, out=scores)
        return scores, scores.new_ones(*scores.shape[:-1], 1)
    total = torch.exp2(scores, out=scores).sum(-1, keepdim=True)
    least, most = total.aminmax()
    if not 1 / SAFE_SUM < least <= most < SAFE_SUM:
        torch.matmul(query, key.transpose(-1, -2), out=scores)
        frame.mask(scores, first)
        scores.sub_(scores.amax(-1, keepdim=True)).exp2_()
        total = scores.sum(-1, keepdim=True)
    return scores, total


def _forward(
    query: Tensor,
    key: Tensor,
    code: Tensor,
    value: Tensor,
    window: int,
    block: int,
    *,
    keep: bool = False,
    observe: Observer | None = None,
) -> _Forward:
    """Attention of wide queries (rows, length, d_head + d_model) to keys and their code."""
    rows, length, _ = query.shape
    frame = Frames(length, key.shape[1] - length, window, block, query)
    wide_key = frame.pad_keys(key, code.expand(rows, -1, -1))
    run = _Forward(frame, frame.pad(query), wide_key, frame.pad_keys(value))
    if keep and rows * frame.blocks * frame.block * frame.keys <= KEPT_SCORES:
        run.kept = []
    buffer = None
    for row, first, last in frame.tiles(rows):
        q, k = frame.queries(run.query, row, first, last), frame.frames(wide_key, row, first, last)
        shape = (*q.shape[:-1], frame.keys)
        if buffer is None or buffer.shape != shape or run.kept is not None:
            buffer = query.new_empty(shape)
        weights, total = _weights(frame, q, k, first, buffer)
        if run.kept is not None:
            run.kept.append(weights)
        frame.queries(run.total, row, first, last).copy_(total)
        z = frame.queries(run.padded, row, first, last)
        torch.matmul(weights, frame.frames(run.value, row, first, last), out=z)
        z.div_(total)
        if observe is not None:
            band = frame.band(weights).div(total).flatten(1, 2)  # rows, n * block, window
            for number, of_row in enumerate(band, start=row.start):
                observe(number, first * frame.block, of_row[: length - first * frame.block])
    return run


class _WindowAttention(torch.autograd.Function):
    """:func:`_forward` with its gradient; the code is a constant."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        query: Tensor,
        key: Tensor,
        code: Tensor,
        value: Tensor,
        window: int,
        block: int,
    ) -> Tensor:
        keep = any(ctx.needs_input_grad)  # type: ignore[attr-defined]
        run = _forward(query, key, code, value, window, block, keep=keep)
        if keep:
            ctx.run, ctx.d_head = run, key.shape[-1]  # type: ignore[attr-defined]
        return run.out

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, grad_out: Tensor
    ) -> tuple[Tensor | None, ...]:
        run: _Forward = ctx.run  # type: ignore[attr-defined]
        d_head: int = ctx.d_head  # type: ignore[attr-defined]
        frame = run.frame
        rows, length = len(run.query), frame.length
        # with e the weights before division and t their sum, a = e / t:
        # d score = a * (g . v - sum_j a (g . v)) ln 2, where the sum equals g . out
        g = frame.pad(grad_out) / run.total
        mean = (g * run.padded).sum(-1, keepdim=True)
        grad_query = torch.empty_like(run.query)
        grad_key = torch.zeros_like(run.key[..., :d_head])
        grad_value = torch.zeros_like(run.value)
        for number, (row, first, last) in enumerate(frame.tiles(rows)):
            q, k = (
                frame.queries(run.query, row, first, last),
                frame.frames(run.key, row, first, last),
            )
            v = frame.frames(run.value, row, first, last)
            g_tile = frame.queries(g, row, first, last)
            shape = (*q.shape[:-1], frame.keys)
            if run.kept is not None:
                e = run.kept[number]
            else:
                e, _ = _weights(frame, q, k, first, q.new_empty(shape))
            frame.overlap_add(grad_value, e.transpose(-1, -2) @ g_tile, row, first)
            d_score = torch.matmul(g_tile, v.transpose(-1, -2))
            d_score.sub_(frame.queries(mean, row, first, last)).mul_(e)
            torch.matmul(d_score, k, out=frame.queries(grad_query, row, first, last))
            d_key = d_score.transpose(-1, -2) @ q[..., :d_head]
            frame.overlap_add(grad_key, d_key, row, first)
        return (
            grad_query[:, :length] * math.log(2),
            frame.unpad_keys(grad_key) * math.log(2),
            None,
            frame.unpad_keys(grad_value),
            None,
            None,
        )
