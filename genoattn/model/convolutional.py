"""A dilated convolutional network, the baseline without attention; touches torch alone.

It has as many parameters as the paper's transformer and is trained, stored and read out in the same
way, so that a difference in scores is one of architecture::

    h(0)   = W x                                         one vector a nucleotide
    h(l+1) = h(l) + convolution_7,d( gelu( LayerNorm( h(l) ) ) )      dilation d = 1, 2, 4 .. 64
    y      = sigmoid( w . LayerNorm( h(7) ) + b )        P(TSS ``downstream`` nt upstream)

Convolutions look upstream only, and how much sequence downstream of a site is read is the label's
shift, as in the transformer: with a shift of 20 both read the same sequence, and with one of half
the reach the network looks to both sides.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from typing_extensions import override

from genoattn.model.card import Card, check_sizes, configured
from genoattn.model.weights import WeightsError, find_weights, read_tensors

__all__ = [
    "MOST_DILATED",
    "ConvolutionalConfig",
    "ConvolutionalNetwork",
    "DilatedLayer",
    "dilated_layers",
    "reach",
]


MOST_DILATED = 24
"""Dilated layers that a network has at most: they then read 16 Mb on each side."""


@dataclass(frozen=True)
class ConvolutionalConfig:
    """Architecture; the defaults give as many parameters as the paper's transformer.

    Attributes
    ----------
    layers : int
        Residual layers; the dilation doubles from one to the next, beginning with 1.
    channels : int
        Width of the hidden state.
    conv_width : int
        Width of the convolutions.
    downstream : int
        The output at a position speaks of the site this many nt upstream of it.
    dropout : float
    """

    layers: int = 7
    channels: int = 80
    conv_width: int = 7
    downstream: int = 20
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(self, 1, layers=MOST_DILATED, channels=10_000, conv_width=1_001)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")

    @property
    def reach_upstream(self) -> int:
        """Positions upstream that can change an output, over all layers, in nt."""
        return reach(self.layers, self.conv_width)

    @property
    def reach_downstream(self) -> int:
        """Positions downstream that can change an output: none."""
        return 0


class ConvolutionalNetwork(nn.Module):
    """Reads one strand 5'->3' and scores every position, like `annotator.Annotator`."""

    def __init__(self, config: ConvolutionalConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ConvolutionalConfig()
        self.embedding = nn.Linear(4, c.channels, bias=False)
        self.layers = nn.ModuleList(dilated_layers(c.layers, c.channels, c.conv_width, c.dropout))
        self.norm = nn.LayerNorm(c.channels)
        self.output = nn.Linear(c.channels, 1)

    def start_from_rate(self, rate: float) -> None:
        """Set the output's bias so that an untrained network says the share of sites everywhere."""
        nn.init.constant_(self.output.bias, math.log(rate / (1 - rate)))

    @override
    def forward(self, codes: Tensor, observe: None = None) -> Tensor:
        """Log-odds that a site lies ``config.downstream`` nt upstream of each position.

        Parameters
        ----------
        codes : integer Tensor, shape (batch, length)
            A, C, G, T, unknown as 0..4, read 5'->3'.
        observe : None
            There is no attention to observe.

        Returns
        -------
        Tensor, shape (batch, length)
        """
        return self.output(self.hidden(codes)).squeeze(-1)

    def hidden(self, codes: Tensor) -> Tensor:
        """What the output is read from, shape (batch, length, channels)."""
        onehot = torch.eye(5, 4, device=codes.device)[codes]  # B, L, 4; an unknown is none of them
        h = self.embedding(onehot.to(self.embedding.weight.dtype))  # B, L, channels
        for layer in self.layers:
            h = layer(h)
        return self.norm(h)

    def read(
        self,
        codes: Tensor,
        memory: Tensor | None = None,
        *,
        last: bool = True,
        observe: None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read a strand piece by piece: :meth:`forward` without seams.

        Parameters
        ----------
        codes : integer Tensor, shape (batch, n)
            The next positions.
        memory : Tensor, optional
            What the piece before returned: the positions that can still change an output.
        last, observe
            Play no role: every position is settled at once, and there is no attention.

        Returns
        -------
        logits : Tensor, shape (batch, n)
        memory : Tensor
        """
        whole = codes if memory is None else torch.cat([memory, codes], dim=1)
        logits = self(whole)[:, whole.shape[1] - codes.shape[1] :]
        return logits, whole[:, -self.config.reach_upstream :]

    def save(self, path: str | Path, card: Card | None = None) -> None:
        """Write the weights (safetensors) and, beside them, their card (``.json``)."""
        (card or Card()).replace(config=asdict(self.config)).write_with(self, path)

    @classmethod
    def load(cls, source: str | Path, device: str | torch.device = "cpu") -> ConvolutionalNetwork:
        """Load weights by file or by a shipped model's name, in evaluation mode.

        Raises
        ------
        WeightsError
            Unknown name, missing card, or tensors that do not fit the card's configuration.
        """
        path = find_weights(source)
        card = Card.read(path)
        if not card.convolutional:
            raise WeightsError(
                f"{path.with_suffix('.json')}: 'config' is not that of a convolutional network"
            )
        network = cls(configured(ConvolutionalConfig, card.config, path))
        read_tensors(network, path)
        return network.eval().to(device)


def reach(layers: int, width: int) -> int:
    """Positions upstream that can change an output of `dilated_layers`, in nt."""
    return (width - 1) * (2**layers - 1)


class DilatedLayer(nn.Module):
    """h -> h + convolution(gelu(LayerNorm(h))), looking upstream."""

    def __init__(self, channels: int, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.convolve = nn.Conv1d(channels, channels, width, dilation=dilation)
        self.reach = dilation * (width - 1)
        self.dropout = nn.Dropout(dropout)

    @override
    def forward(self, h: Tensor) -> Tensor:
        """Shape (batch, length, channels) in and out; zeros stand before the first position."""
        read = nn.functional.gelu(self.norm(h)).transpose(1, 2)  # B, channels, L
        added = self.convolve(nn.functional.pad(read, (self.reach, 0)))
        return h + self.dropout(added.transpose(1, 2))  # B, L, channels


def dilated_layers(layers: int, channels: int, width: int, dropout: float) -> list[DilatedLayer]:
    """Layers whose dilation doubles from one to the next, beginning with 1."""
    return [DilatedLayer(channels, width, 2**number, dropout) for number in range(layers)]
