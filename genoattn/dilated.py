"""A residual layer of one dilated convolution that looks upstream; touches torch alone.

    h -> h + convolution_width,dilation( gelu( LayerNorm( h ) ) )

Stacked with dilations 1, 2, 4 .. the layers read ``(width - 1) (2^n - 1)`` nucleotides upstream
(van den Oord et al. 2016, "WaveNet"). They are the whole of the convolutional baseline
(convolutional.py) and the optional stem of the annotator (model.py).
"""

from __future__ import annotations

from torch import Tensor, nn
from typing_extensions import override

__all__ = ["DilatedLayer", "dilated_layers", "reach"]


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
