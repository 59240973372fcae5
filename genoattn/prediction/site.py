"""Output of one site for sequences that differ only near it; touches models and arrays.

The model looks upstream only (and, through its convolutions, a few nucleotides downstream), so a
change at one nucleotide leaves everything alone that lies further upstream than

    reach_downstream = layers * (conv_width // 2)  nt

of it. :class:`Rereading` reads the whole context of a site once and keeps, for every layer, hidden
states, keys and values. A changed sequence is then read from a little before its first change to
the end, against the kept keys: the same numbers as a reading of everything, for a tenth of the
work, and with gradients if they are asked for. Many sites at once, each read anew:
`site_log_odds`.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig, RelativeAttentionLayer
from genoattn.model.attention import sinusoids

TOKENS = {"cpu": 512, "cuda": 2**16}
"""Positions that are read at once: few enough for the cache of a core, many for a GPU."""


def letters(codes: Tensor) -> Tensor:
    """One-hot letters (..., 4) of codes; the unknown letter (4) is a quarter of each."""
    table = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)]).to(codes.device)
    return table[codes]


class Rereading:
    """The context of one site, read once; see the module's first lines.

    Attributes
    ----------
    codes : int64 Tensor, shape (n,)
        What was read 5'->3'; the last position is the last that can change the output.
    log_odds : float
        The model's output for the site.
    attention : float32 array, shape (layers, heads, window)
        Attention of the site's query; the last axis counts nt upstream of the query.
    """

    def __init__(
        self, model: Annotator, genome: Genome, position: int, strand: str, first: int
    ) -> None:
        """Read a site.

        Parameters
        ----------
        model : Annotator
            In evaluation mode.
        genome : Genome
        position, strand
            The site, 0-based forward coordinate.
        first : int
            First offset from the site that will ever be changed; negative is upstream.
        """
        if model.training:
            raise ValueError("the model is in training mode: call model.eval() first")
        c = model.config
        self.model = model
        self._earliest = first - c.reach_downstream  # offset
        begin = min(
            c.downstream - c.reach_upstream,
            self._earliest
            - max(c.stem_reach, c.conv_width // 2 + c.window - 1)
            - c.reach_downstream,
        )
        offset = np.arange(begin, c.downstream + c.reach_downstream + 1)
        read = genome.around([position], [strand], offset)[0].astype(np.int64)
        device = next(model.parameters()).device
        self.codes = torch.from_numpy(read).to(device)
        self.site = -begin
        """Index of the site in ``codes``; its query is ``config.downstream`` further on."""
        self.query = self.site + c.downstream
        self._r = [  # (heads, d_head, window), farthest distance first
            layer.distance(sinusoids(c.window, c.d_model).to(device))
            .view(c.window, c.heads, c.d_head)
            .permute(1, 2, 0)
            .flip(2)
            for layer in self._layers()
        ]
        self._hidden: list[Tensor] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        with torch.no_grad():
            self._read()
            offsets = offset[offset >= self._earliest] + self.site
            attention: list[Tensor] = []
            h = self._enter(model.embedding(self.codes[None, offsets]), int(offsets[0]))
            self.log_odds = float(self._tail(h, int(offsets[0]), attention)[0])
        self.attention = torch.stack(attention).cpu().numpy()

    def _layers(self) -> list[RelativeAttentionLayer]:
        return [layer for layer in self.model.layers if isinstance(layer, RelativeAttentionLayer)]

    def _read(self) -> None:
        """Keep the hidden states that enter each layer, and their keys and values."""
        handles = [
            layer.register_forward_pre_hook(lambda _, given: self._hidden.append(given[0][0]))
            for layer in self._layers()
        ]
        try:
            self.model(self.codes[None])
        finally:
            for handle in handles:
                handle.remove()
        for layer, h in zip(self._layers(), self._hidden, strict=True):
            _, key, value = layer.queries_keys_values(h[None])
            self._keys.append(key[0])  # heads, n, d_head
            self._values.append(value[0])

    def start_of(self, changed: int) -> int:
        """First index to be read again when everything from ``changed`` on may differ."""
        return changed - self.model.config.reach_downstream

    def of_codes(self, changed: NDArray[np.integer] | Tensor, start: int) -> Tensor:
        """Log-odds of the site for changed sequences.

        Parameters
        ----------
        changed : integer array, shape (m, n - start)
            Codes from index ``start`` on; nothing may differ before ``start +
            config.reach_downstream``.
        start : int

        Returns
        -------
        Tensor, shape (m,)
        """
        codes = torch.as_tensor(changed, dtype=torch.int64, device=self.codes.device)
        step = max(1, TOKENS.get(codes.device.type, 512) // codes.shape[1])
        with torch.no_grad():
            parts = [
                self._tail(
                    self._enter(self.model.embedding(codes[first : first + step]), start), start
                )
                for first in range(0, len(codes), step)
            ]
        return torch.cat(parts)

    def of_letters(self, mixed: Tensor, start: int) -> Tensor:
        """Log-odds for mixtures of letters, shape (m, n - start, 4), differentiable."""
        embedding = self.model.embedding.weight
        given = mixed @ embedding * math.sqrt(embedding.shape[1])
        return self._tail(self._enter(given, start), start)

    def _enter(self, given: Tensor, start: int) -> Tensor:
        """What enters the first layer, from embeddings (m, t, d_model) from ``start`` on."""
        reach = min(start, self.model.config.stem_reach)
        left = self.model.embedding(self.codes[start - reach : start])
        whole = torch.cat([left.expand(len(given), -1, -1), given], 1)
        return self.model.stem(whole)[:, reach:]

    def _tail(self, h: Tensor, start: int, attention: list[Tensor] | None = None) -> Tensor:
        """Run all layers over the positions from ``start`` on; h (m, t, d_model) -> (m,)."""
        query = self.query - start
        for number, layer in enumerate(self._layers()):
            last = number == len(self.model.layers) - 1
            rows = slice(query, query + 1) if last else slice(0, h.shape[1])
            h, weights = self._layer(number, layer, h, start, rows)
            if attention is not None:
                row = 0 if last else query
                first = query if last else row  # where the query's window begins in its row
                seen = weights[:, 0, row, first : first + self.model.config.window]
                attention.append(seen.flip(1))
        return self.model.output(h[:, 0]).squeeze(-1)

    def _layer(
        self, number: int, layer: RelativeAttentionLayer, h: Tensor, start: int, rows: slice
    ) -> tuple[Tensor, Tensor]:
        """One layer for the queries ``rows`` of the tail: hidden states and attention weights.

        The weights have shape (heads, m, rows, window - 1 + t): row i reaches the columns
        ``i .. i + window - 1``.
        """
        c = self.model.config
        m, t, _ = h.shape
        margin = c.conv_width // 2
        left = self._hidden[number][start - margin : start].expand(m, -1, -1)
        qkv = layer.queries_keys_values(torch.cat([left, h], 1))[..., margin:, :]
        query, key, value = qkv.transpose(1, 2)  # each heads, m, t, d_head
        query = query[:, :, rows]
        n = query.shape[2]
        before = slice(start - (c.window - 1), start)
        old_key, old_value = self._keys[number][:, before], self._values[number][:, before]
        content = query + self.model.content_bias[:, None, None]
        by_place = query + self.model.position_bias[:, None, None]
        width = c.window - 1 + t
        score = torch.cat(
            [
                (content.reshape(c.heads, m * n, -1) @ old_key.transpose(1, 2)).view(
                    c.heads, m, n, -1
                ),
                content @ key.transpose(2, 3),
            ],
            -1,
        )
        band = (by_place.reshape(c.heads, m * n, -1) @ self._r[number]).view(c.heads, m, n, -1)
        # a row one longer than the table makes each row of the band start one column later
        space = (rows.start, width + 1 - c.window - rows.start)
        band = F.pad(band, space, value=-torch.inf).flatten(2)[..., : n * width]
        weights = ((score + band.view_as(score)) / math.sqrt(c.d_head)).softmax(-1)
        old = weights[..., : c.window - 1].reshape(c.heads, m * n, -1) @ old_value
        z = old.view(c.heads, m, n, -1) + weights[..., c.window - 1 :] @ value
        z = z.permute(1, 2, 0, 3).flatten(2)  # m, n, heads * d_head
        return layer.norm(h[:, rows] + layer.combine(z)), weights


# ------------------------------------------------------------------- switching off and replacing


def site_windows(genome: Genome, sites: pd.DataFrame, config: AnnotatorConfig) -> NDArray[np.uint8]:
    """All nucleotides that can change the output at sites, 5'->3': shape (n, length)."""
    reach = np.arange(
        config.downstream - config.reach_upstream, config.downstream + config.reach_downstream + 1
    )
    return genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), reach)


def site_log_odds(
    model: Annotator, codes: NDArray[np.uint8], batch: int = 20
) -> NDArray[np.float64]:
    """Log-odds at the sites of `site_windows`, shape (n,)."""
    outputs = []
    device = next(model.parameters()).device
    with torch.inference_mode():
        for first in range(0, len(codes), batch):
            part = torch.from_numpy(codes[first : first + batch].astype(np.int64)).to(device)
            outputs.append(model(part)[:, model.config.reach_upstream].double().cpu().numpy())
    return np.concatenate(outputs)
