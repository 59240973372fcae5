"""Output of one site for its mutants, without reading twice what they share; touches models.

A substitution at a nucleotide changes nothing further upstream than the convolutions on q, k and v
reach (``conv_width // 2`` nt a layer), and what lies further downstream than they reach is never
asked for. So a mutant is read over a stretch that moves upstream by that margin from layer to
layer and keeps its length::

    embedding     o .. q + 18        o the substituted nucleotide, q the site's query
    layer 1       o - 3 .. q + 15    (six layers, margin 3)
    ...
    layer 6       o - 18 .. q        of which the last row alone is the output

Everything upstream of it comes from one reading of the unchanged sequence: hidden states for the
convolutions, keys and values for the attention. The numbers are those of reading every mutant in
full. Networks of dilated convolutions, and a stem of them below attention, are read in the same
way. For mixtures of letters, with gradients: `site.Rereading`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, RelativeAttentionLayer
from genoattn.model.attention import keep_freed_memory, sinusoids, turned
from genoattn.model.convolutional import ConvolutionalNetwork, DilatedLayer

__all__ = ["MutantReader", "read_site"]

POSITIONS = {"cpu": 256, "cuda": 2**16}
"""Positions of mutants that are read at once."""
_SAFE_SUM = 2.0**80
"""Sums of weights between its inverse and itself are far from over- and underflow."""


class MutantReader(Protocol):
    """A site that was read once, and whose mutants can be scored.

    Attributes
    ----------
    codes : int64 array, shape (n,)
        The unchanged sequence, 5'->3'; its last position is the last that can change the output.
    site : int
        Index of the site in ``codes``.
    log_odds : float
        Output for the unchanged sequence.
    """

    codes: NDArray[np.int64]
    site: int
    log_odds: float

    def score(self, start: int, changed: NDArray[np.integer]) -> NDArray[np.float64]:
        """Log-odds of sequences that are ``changed`` (m, n - start) from index ``start`` on."""
        ...


def read_site(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    position: int,
    strand: str,
    first: int,
) -> MutantReader:
    """Read a site and its context once.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
        In evaluation mode.
    genome : Genome
    position, strand
        The site, 0-based forward coordinate.
    first : int
        First offset from the site that will ever be changed; negative is upstream.
    """
    if network.training:
        raise ValueError("the network is in training mode: call network.eval() first")
    keep_freed_memory()
    with torch.no_grad():
        if isinstance(network, Annotator):
            return _AttentionReader(network, genome, position, strand, first)
        return _ConvolutionalReader(network, genome, position, strand, first)


class _Reader:
    """What both kinds share: the sequence, the batches, the layers of dilated convolutions."""

    codes: NDArray[np.int64]
    log_odds: float

    def __init__(
        self,
        network: Annotator | ConvolutionalNetwork,
        genome: Genome,
        position: int,
        strand: str,
        begin: int,
    ) -> None:
        c = network.config
        offset = np.arange(begin, c.downstream + c.reach_downstream + 1)
        self.codes = genome.around([position], [strand], offset)[0].astype(np.int64)
        self.site = -begin
        self.query = self.site + c.downstream
        self.device = next(network.parameters()).device
        self._dilated: list[tuple[DilatedLayer, Tensor]] = []

    def score(self, start: int, changed: NDArray[np.integer]) -> NDArray[np.float64]:
        codes = torch.as_tensor(np.asarray(changed, np.int64), device=self.device)
        if codes.shape[1] != len(self.codes) - start:
            raise ValueError(
                f"changed sequences of {codes.shape[1]} nt do not end where the reading does: "
                f"{len(self.codes) - start} nt from index {start} on are needed"
            )
        step = max(1, POSITIONS[self.device.type] // codes.shape[1])
        with torch.no_grad():
            parts = [
                self._tail(codes[row : row + step], start) for row in range(0, len(codes), step)
            ]
        return torch.cat(parts).double().cpu().numpy()

    def _tail(self, codes: Tensor, start: int) -> Tensor:
        """Log-odds (m,) of codes (m, t) from index ``start`` on."""
        raise NotImplementedError

    def _read_dilated(self, layers: Sequence[DilatedLayer], h: Tensor) -> Tensor:
        """Run dilated layers over the unchanged sequence h (1, n, d), and keep what they read."""
        for layer in layers:
            self._dilated.append((layer, F.gelu(layer.norm(h))))  # 1, n, d
            h = layer(h)
        return h

    def _tail_of_dilated(self, h: Tensor, start: int) -> Tensor:
        """The same layers over h (m, t, d) from index ``start`` on."""
        for layer, read in self._dilated:
            left = read[:, max(0, start - layer.reach) : start]
            left = F.pad(left, (0, 0, layer.reach - left.shape[1], 0)).expand(len(h), -1, -1)
            seen = torch.cat([left, F.gelu(layer.norm(h))], 1)
            h = h + layer.convolve(seen.transpose(1, 2)).transpose(1, 2)
        return h


class _ConvolutionalReader(_Reader):
    """A network without attention: see `_Reader`."""

    def __init__(
        self,
        network: ConvolutionalNetwork,
        genome: Genome,
        position: int,
        strand: str,
        first: int,
    ) -> None:
        c = network.config
        super().__init__(
            network, genome, position, strand, min(first, c.downstream - c.reach_upstream)
        )
        self.network = network
        self._read_dilated(
            [cast(DilatedLayer, layer) for layer in network.layers],
            self._embed(torch.from_numpy(self.codes).to(self.device)[None]),
        )
        self.log_odds = float(self.score(self.site, self.codes[None, self.site :])[0])

    def _embed(self, codes: Tensor) -> Tensor:
        onehot = torch.eye(5, 4, device=codes.device)[codes]
        return self.network.embedding(onehot.to(self.network.embedding.weight.dtype))

    def _tail(self, codes: Tensor, start: int) -> Tensor:
        h = self._tail_of_dilated(self._embed(codes), start)
        return self.network.output(self.network.norm(h[:, -1])).squeeze(-1)


class _AttentionReader(_Reader):
    """A network with attention: see the module's first lines."""

    def __init__(
        self, network: Annotator, genome: Genome, position: int, strand: str, first: int
    ) -> None:
        c = network.config
        self.network = network
        self.margin = c.conv_width // 2
        # keys reach back one window from the first row of the last layer, in each layer below
        rows = first - c.layers * self.margin
        begin = min(
            rows - c.layers * (c.window - 1 + self.margin) - c.stem_reach,
            c.downstream - c.reach_upstream,
        )
        super().__init__(network, genome, position, strand, begin)
        self.layers = [cast(RelativeAttentionLayer, layer) for layer in network.layers]
        self._hidden: list[Tensor] = []  # what enters each layer: 1, n, d_model
        self._keys: list[Tensor] = []  # [key, code of the distance]: heads, n, d_head + d_model
        self._values: list[Tensor] = []  # heads, n, d_head
        self._code = sinusoids(len(self.codes), c.d_model).to(self.device)
        self._scale = math.log2(math.e) / math.sqrt(c.d_head)
        self._read()
        self.log_odds = float(self.score(self.site, self.codes[None, self.site :])[0])

    def _read(self) -> None:
        """Read the unchanged sequence, in each layer as far upstream as those above it need."""
        c = self.network.config
        h = self.network.embedding(torch.from_numpy(self.codes).to(self.device)[None])
        h = self._read_dilated([m for m in self.network.stem if isinstance(m, DilatedLayer)], h)
        h = self._leave_stem(h)
        n = h.shape[1]
        code = sinusoids(c.window + c.reach_downstream + n, c.d_model).to(self.device)
        biases = self.network.content_bias, self.network.position_bias
        begin = 0
        for number, layer in enumerate(self.layers):
            self._hidden.append(F.pad(h, (0, 0, n - h.shape[1], 0)))
            _, key, value = layer.queries_keys_values(h)[:, 0]  # heads, rows, d_head
            key = torch.cat([key, self._code[begin:].expand(c.heads, -1, -1)], -1)
            self._keys.append(F.pad(key, (0, 0, begin, 0)))
            self._values.append(F.pad(value, (0, 0, begin, 0)))
            if number + 1 < len(self.layers):
                h, _ = layer(h, code, *biases, layer.start(h), True)
                step = c.window - 1 + self.margin
                begin, h = begin + step, h[:, step:]

    def _leave_stem(self, h: Tensor) -> Tensor:
        """What follows the stem's convolutions, if there is a stem."""
        return self.network.stem[-1](h) if len(self.network.stem) else h

    def _tail(self, codes: Tensor, start: int) -> Tensor:
        h = self._leave_stem(self._tail_of_dilated(self.network.embedding(codes), start))
        for number in range(len(self.layers)):
            start -= self.margin
            h = self._layer(number, h, start)  # m, t, d_model from the new start on
        return self.network.output(h[:, -1]).squeeze(-1)

    def _layer(self, number: int, h: Tensor, start: int) -> Tensor:
        """One layer: h from ``start + margin`` on goes in, h from ``start`` on comes out."""
        layer = self.layers[number]
        m, t, _ = h.shape
        left = self._hidden[number][:, start - self.margin : start + self.margin]
        h = torch.cat([left.expand(m, -1, -1), h], 1)
        query, key, value = layer.convolutions(h).transpose(1, 2)  # each heads, m, t, d_head
        h = h[:, self.margin : self.margin + t]
        rows = slice(t - 1, t) if number + 1 == len(self.layers) else slice(0, t)
        z = self._attend(number, query[:, :, rows], key, value, start, rows.start)
        return layer.norm(h[:, rows] + layer.combine(z.permute(1, 2, 0, 3).flatten(2)))

    def _attend(
        self, number: int, query: Tensor, key: Tensor, value: Tensor, start: int, first: int
    ) -> Tensor:
        """Attention of queries (heads, m, r, d_head), the first at ``start + first``.

        Keys upstream of ``start`` are the unchanged sequence's, shared by all mutants: one matrix
        product. The distance is a dot product with its code, as in `genoattn.model.attention`.
        """
        c, layer = self.network.config, self.layers[number]
        m, r, t = query.shape[1], query.shape[2], key.shape[2]
        distance = layer.distance.weight.view(c.heads, 1, c.d_head, c.d_model)
        code = self._code[start : start + t]
        place = (query + self.network.position_bias[:, None, None]) @ distance
        query = torch.cat(
            [
                query + self.network.content_bias[:, None, None],
                turned(place, code[first : first + r]),
            ],
            -1,
        ).mul_(self._scale)  # heads, m, r, d_head + d_model
        old = slice(start - (c.window - 1), start)
        old_key, old_value = self._keys[number][:, old], self._values[number][:, old]
        reach = old_key.shape[1]
        new_key = torch.cat([key, code.expand(c.heads, m, -1, -1)], -1)
        upstream = torch.bmm(query.flatten(1, 2), old_key.transpose(1, 2)).view(c.heads, m, r, -1)
        inside = query @ new_key.transpose(2, 3)  # heads, m, r, t
        row = torch.arange(first, first + r, device=self.device)[:, None]
        column = torch.arange(max(reach, t), device=self.device)
        beyond = column[: min(t, reach)] < row  # one window further upstream than the query
        upstream[..., : beyond.shape[1]].masked_fill_(beyond, -torch.inf)
        later = (column[:t] > row) | (column[:t] <= row - c.window)
        inside.masked_fill_(later, -torch.inf)
        weights, total = _powers(upstream, inside)
        z = torch.bmm(weights[0].flatten(1, 2), old_value).view(c.heads, m, r, -1)
        return (z + weights[1] @ value) / total


def _powers(upstream: Tensor, inside: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Weights before division, 2 to the power of the scores (which are overwritten), and sums.

    Without a shift by the maximum as long as every sum is far from over- and underflow.
    """
    a, b = torch.exp2(upstream), torch.exp2(inside)
    total = a.sum(-1, keepdim=True) + b.sum(-1, keepdim=True)
    least, most = total.aminmax()
    if not 1 / _SAFE_SUM < least <= most < _SAFE_SUM:
        top = torch.maximum(upstream.amax(-1, keepdim=True), inside.amax(-1, keepdim=True))
        a, b = (upstream - top).exp2_(), (inside - top).exp2_()
        total = a.sum(-1, keepdim=True) + b.sum(-1, keepdim=True)
    return (a, b), total
