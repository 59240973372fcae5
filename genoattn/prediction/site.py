"""Output of one site for sequences that differ only near it; touches models and arrays.

The model looks upstream only (and, through its convolutions, a few nucleotides downstream), so a
change at one nucleotide leaves everything alone that lies further upstream than

    reach_downstream = layers * (conv_width // 2)  nt

of it. :class:`Rereading` reads the whole context of a site once and keeps, for every layer, hidden
states, keys and values. A changed sequence is then read from a little before its first change to
the end, against the kept keys: the same numbers as a reading of everything, for a tenth of the
work, and with gradients if they are asked for. What the heads hand on in such a reading can be
kept (`Rereading.trace`) and replaced (`Rereading.resume`). Many sites at once, each read anew:
`site_log_odds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

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


Edit = Callable[[int, Tensor], Tensor]
"""``edit(layer, z)`` returns what the heads of a layer hand on instead of ``z``, of that shape."""


class Trace(NamedTuple):
    """What m readings left in every layer, from one position of the sequence on.

    Attributes
    ----------
    hidden : list of Tensor, each (m, t, d_model)
        What entered the layer.
    z : list of Tensor, each (m, rows, heads * d_head)
        What its heads handed on; the last layer has the row of the site's query alone.
    log_odds : Tensor, shape (m,)
    """

    hidden: list[Tensor]
    z: list[Tensor]
    log_odds: Tensor


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
        model, c = self.model, self.model.config
        h = model.stem(model.embedding(self.codes[None]))
        code = sinusoids(c.window + c.reach_downstream + len(self.codes), c.d_model, h.dtype)
        code = code.to(h.device)
        for layer in self._layers():
            _, key, value = layer.queries_keys_values(h)
            self._hidden.append(h[0])
            self._keys.append(key[0])  # heads, n, d_head
            self._values.append(value[0])
            biases = model.content_bias, model.position_bias
            h, _ = layer(h, code, *biases, layer.start(h), True)

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

    def trace(self, changed: Tensor, start: int, edit: Edit | None = None) -> Trace:
        """Log-odds of changed sequences (as `of_codes`), with what every layer did.

        All are read at once and gradients are kept if something asks for them.

        Parameters
        ----------
        changed : int64 Tensor, shape (m, n - start)
        start : int
        edit : callable, optional
            Replaces what heads hand on, layer after layer; the trace has the replaced values.
        """
        h = self._enter(self.model.embedding(changed), start)
        hidden, given = [], []
        for number in range(len(self.model.layers)):
            hidden.append(h)
            z = self.heads_hand_on(number, h, start)
            z = z if edit is None else edit(number, z)
            given.append(z)
            h = self.close(number, h, z, start)
        return Trace(hidden, given, self.model.output(h[:, 0]).squeeze(-1))

    def resume(
        self, layer: int, h: Tensor, z: Tensor, start: int, edit: Edit | None = None
    ) -> Tensor:
        """Log-odds when the heads of one layer hand on ``z``, and all layers above go on from it.

        Parameters
        ----------
        layer : int
            From 0.
        h : Tensor, shape (m, t, d_model)
            What enters that layer (`Trace.hidden`).
        z : Tensor, shape (m, rows, heads * d_head)
            As in `Trace.z`.
        start : int
        edit : callable, optional
            Replaces what heads of the layers above hand on.

        Returns
        -------
        Tensor, shape (m,)
        """
        h = self.close(layer, h, z, start)
        for number in range(layer + 1, len(self.model.layers)):
            z = self.heads_hand_on(number, h, start)
            h = self.close(number, h, z if edit is None else edit(number, z), start)
        return self.model.output(h[:, 0]).squeeze(-1)

    def _enter(self, given: Tensor, start: int) -> Tensor:
        """What enters the first layer, from embeddings (m, t, d_model) from ``start`` on."""
        reach = min(start, self.model.config.stem_reach)
        left = self.model.embedding(self.codes[start - reach : start])
        whole = torch.cat([left.expand(len(given), -1, -1), given], 1)
        return self.model.stem(whole)[:, reach:]

    def _tail(self, h: Tensor, start: int, attention: list[Tensor] | None = None) -> Tensor:
        """Run all layers over the positions from ``start`` on; h (m, t, d_model) -> (m,)."""
        window = self.model.config.window
        for number in range(len(self.model.layers)):
            query, key, value = self.queries_keys_values(number, h, start)
            rows = self.rows(number, start)
            z, weights = self.attend(number, query[:, :, rows], key, value, start)
            if attention is not None:
                row = self.query - start
                seen = weights[:, 0, row - rows.start, row : row + window]
                attention.append(seen.flip(1))
            h = self.close(number, h, z, start)
        return self.model.output(h[:, 0]).squeeze(-1)

    def rows(self, number: int, start: int) -> slice:
        """Which positions from ``start`` on a layer is asked about: in the last, the query's."""
        query = self.query - start
        last = number == len(self.model.layers) - 1
        return slice(query, query + 1) if last else slice(0, len(self.codes) - start)

    def queries_keys_values(self, number: int, h: Tensor, start: int) -> Tensor:
        """What a layer compares, from h (m, t, d_model): shape (3, heads, m, t, d_head)."""
        layer, margin = self._layers()[number], self.model.config.conv_width // 2
        left = self._hidden[number][start - margin : start].expand(len(h), -1, -1)
        qkv = layer.queries_keys_values(torch.cat([left, h], 1))[..., margin:, :]
        return qkv.transpose(1, 2)

    def heads_hand_on(self, number: int, h: Tensor, start: int) -> Tensor:
        """What the heads of a layer hand on, shape (m, rows, heads * d_head)."""
        query, key, value = self.queries_keys_values(number, h, start)
        return self.attend(number, query[:, :, self.rows(number, start)], key, value, start)[0]

    def attend(
        self, number: int, query: Tensor, key: Tensor, value: Tensor, start: int
    ) -> tuple[Tensor, Tensor]:
        """Attention of the rows of a layer to what was kept and to what was read anew.

        Parameters
        ----------
        number : int
            The layer, from 0.
        query : Tensor, shape (heads, m, rows, d_head)
        key, value : Tensor, shape (heads, m, t, d_head)
        start : int

        Returns
        -------
        z : Tensor, shape (m, rows, heads * d_head)
        weights : Tensor, shape (heads, m, rows, window - 1 + t)
            Column j is the position ``start - (window - 1) + j``: row i of all positions reaches
            the columns ``i .. i + window - 1``.
        """
        c, first = self.model.config, self.rows(number, start).start
        _, m, n, _ = query.shape
        old_key, old_value = self._kept(number, start)
        content = query + self.model.content_bias[:, None, None]
        by_place = query + self.model.position_bias[:, None, None]
        width = c.window - 1 + key.shape[2]
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
        space = (first, width + 1 - c.window - first)
        band = F.pad(band, space, value=-torch.inf).flatten(2)[..., : n * width]
        weights = ((score + band.view_as(score)) / math.sqrt(c.d_head)).softmax(-1)
        old = weights[..., : c.window - 1].reshape(c.heads, m * n, -1) @ old_value
        z = old.view(c.heads, m, n, -1) + weights[..., c.window - 1 :] @ value
        return z.permute(1, 2, 0, 3).flatten(2), weights

    def values(self, number: int, value: Tensor, start: int) -> Tensor:
        """What all columns of the weights stand for: (heads, m, window - 1 + t, d_head)."""
        _, old = self._kept(number, start)
        return torch.cat([old[:, None].expand(-1, value.shape[1], -1, -1), value], 2)

    def _kept(self, number: int, start: int) -> tuple[Tensor, Tensor]:
        """Keys and values before ``start``: each (heads, window - 1, d_head)."""
        before = slice(start - (self.model.config.window - 1), start)
        return self._keys[number][:, before], self._values[number][:, before]

    def close(self, number: int, h: Tensor, z: Tensor, start: int) -> Tensor:
        """End a layer: what its heads hand on joins h, shape (m, rows, d_model)."""
        layer = self._layers()[number]
        return layer.norm(h[:, self.rows(number, start)] + layer.combine(z))


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
