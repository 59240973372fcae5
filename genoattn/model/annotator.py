"""The annotator, a Transformer-XL with convolutions on q, k, v; touches attention.py.

Read top to bottom in the paper's order ("Model architecture", Figure 1)::

    h(0)   = sqrt(d_model) * embedding(x)                           one vector a nucleotide
    q,k,v  = convolution_7( W_{q,k,v} h )                           a head sees 7-mers
    z      = relative attention over the 512 positions upstream     model/attention.py
    h(l+1) = LayerNorm( h(l) + W_o [z_1 .. z_heads] )               no feed-forward block
    y      = sigmoid( w . h(6) + b )                                P(TSS 20 nt upstream)

Beyond the paper, a stem of dilated convolutions may stand between h(0) and the first layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from genoattn.model.attention import relative_attention, sinusoids
from genoattn.model.card import Card, check_sizes, configured
from genoattn.model.convolutional import MOST_DILATED, dilated_layers, reach
from genoattn.model.weights import find_weights, read_tensors

LayerObserver = Callable[[int, int, int, Tensor], None]
"""``observe(layer, row, start, weights)``: :data:`genoattn.model.attention.Observer` of each layer,
with ``start`` counted from the first position read."""

BRANCH_SCALE = 0.1
"""Initial size of each layer's addition to h, relative to h itself."""


@dataclass(frozen=True)
class AnnotatorConfig:
    """Architecture; the defaults are the paper's (six layers of six heads, 512 positions upstream).

    Attributes
    ----------
    layers, heads : int
    d_model, d_head : int
        Width of the hidden state h and of q, k, v in each head.
    window : int
        Positions that a query attends to: itself and ``window - 1`` upstream, in nt.
    conv_width : int
        Width of the convolutions on q, k and v in nt, odd (symmetric padding).
    downstream : int
        The output at a position speaks of the site this many nt upstream of it.
    dropout : float
    stem : int
        Dilated convolutional layers (model/convolutional.py) between the embedding and the
        attention; none in the paper. What a head sees at a position then stands for the
        ``stem_reach`` nt upstream of it as well.
    """

    layers: int = 6
    heads: int = 6
    d_model: int = 32
    d_head: int = 32
    window: int = 512
    conv_width: int = 7
    downstream: int = 20
    dropout: float = 0.1
    stem: int = 0

    def __post_init__(self) -> None:
        check_sizes(self, 1, layers=1_000, heads=1_000, d_model=10_000, d_head=10_000)
        check_sizes(self, 1, window=100_000, conv_width=1_001)
        check_sizes(self, 0, stem=MOST_DILATED)
        if self.conv_width % 2 == 0:
            raise ValueError(f"conv_width must be odd, not {self.conv_width}")
        if self.downstream < 0:
            raise ValueError(f"downstream must not be negative, not {self.downstream}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")
        if self.d_model % 2:
            raise ValueError(f"d_model must be even, not {self.d_model}")
        if (size := self.layers * self.heads * self.d_head * self.d_model) > 10**9:
            raise ValueError(
                f"layers times heads, d_head and d_model must be at most 1,000,000,000, as no "
                f"memory holds more, not {size:,}"
            )

    @property
    def reach_upstream(self) -> int:
        """Positions upstream that can change an output, over all layers, in nt."""
        return self.stem_reach + self.layers * (self.window - 1 + self.conv_width // 2)

    @property
    def stem_reach(self) -> int:
        """Positions upstream that the stem reads, in nt."""
        return reach(self.stem, self.conv_width)

    @property
    def reach_downstream(self) -> int:
        """Positions downstream that can change an output, over all layers, in nt.

        Within a layer a query's key may be itself, convolved with its right neighbours.
        """
        return self.layers * (self.conv_width // 2)


class NucleotideEmbedding(nn.Module):
    """A vector for each of A, C, G, T, times sqrt(d_model); code 4 (unknown) is their mean."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4, d_model))
        nn.init.normal_(self.weight, std=d_model**-0.5)  # h(0) then has unit variance

    @override
    def forward(self, codes: Tensor) -> Tensor:
        table = torch.cat([self.weight, self.weight.mean(0, keepdim=True)])
        return nn.functional.embedding(codes, table) * math.sqrt(self.weight.shape[1])


class Memory(NamedTuple):
    """What a layer remembers of a strand that is read piece by piece.

    Transformer-XL caches hidden states of the segment before.  Here the cache reaches exactly as
    far as the layer does, so that pieces give the same numbers as the strand in one.

    Attributes
    ----------
    h : Tensor, shape (batch, at most conv_width - 1, d_model)
        Inputs that the next convolutions need.
    key, value : Tensor, shape (batch, heads, at most window - 1, d_head)
    done : int
        Positions that have left the layer.
    """

    h: Tensor
    key: Tensor
    value: Tensor
    done: int


class Past(NamedTuple):
    """What a reading hands on to the next piece of a strand.

    Attributes
    ----------
    codes : Tensor, shape (batch, at most stem_reach)
        Positions that the stem still needs.
    layers : list of Memory
        One an attention layer.
    """

    codes: Tensor
    layers: list[Memory]


class RelativeAttentionLayer(nn.Module):
    """One residual block: h -> LayerNorm(h + W_o attention(conv(W h)))."""

    attention = staticmethod(relative_attention)
    """The form of the equation: set :func:`genoattn.model.attention.dense_attention` to compare."""

    def __init__(self, config: AnnotatorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.heads * config.d_head
        self.project = nn.Linear(config.d_model, 3 * width, bias=False)  # q, k, v of all heads
        self.convolve = nn.ModuleList(  # one each for q, k and v, shared by the heads
            nn.Conv1d(config.d_head, config.d_head, config.conv_width, padding="same")
            for _ in range(3)
        )
        self.distance = nn.Linear(config.d_model, width, bias=False)
        self.combine = nn.Linear(width, config.d_model, bias=False)
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        for linear in (self.project, self.distance, self.combine):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        with torch.no_grad():  # a post-norm network only trains fast if it starts near identity
            self.combine.weight.mul_(BRANCH_SCALE)

    def start(self, h: Tensor) -> Memory:
        """What the layer remembers at the first position of a strand: zeros to convolve with."""
        c = self.config
        nothing = h.new_empty(len(h), c.heads, 0, c.d_head)
        return Memory(h.new_zeros(len(h), c.conv_width // 2, c.d_model), nothing, nothing, 0)

    def queries_keys_values(self, h: Tensor) -> Tensor:
        """Project, then convolve between zeros; shape (3, batch, heads, length, d_head)."""
        margin = self.config.conv_width // 2
        return self.convolutions(nn.functional.pad(h, (0, 0, margin, margin)))

    def convolutions(self, h: Tensor) -> Tensor:
        """Project, then convolve; shape (3, batch, heads, length - conv_width + 1, d_head).

        Both steps are linear with nothing between them, so they are one convolution of h, whose
        kernel is the product of the two; as one matrix product over unfolded 7-mers it costs the
        same and runs much faster.
        """
        c = self.config
        projection = self.project.weight.view(3, c.heads, c.d_head, c.d_model)
        convolutions = [cast(nn.Conv1d, conv) for conv in self.convolve]
        convolution = torch.stack([conv.weight for conv in convolutions])  # 3, out, in, width
        bias = torch.stack([cast(Tensor, conv.bias) for conv in convolutions])  # 3, out
        kernel = torch.einsum("toiw,thim->thowm", convolution, projection)
        seven_mers = h.unfold(1, c.conv_width, 1).transpose(2, 3)  # B, L, width, d_model
        qkv = nn.functional.linear(
            seven_mers.flatten(2),
            kernel.reshape(3 * c.heads * c.d_head, -1),
            bias[:, None].expand(3, c.heads, c.d_head).reshape(-1),
        )
        return qkv.unflatten(2, (3, c.heads, c.d_head)).permute(2, 0, 3, 1, 4)

    @override
    def forward(
        self,
        h: Tensor,
        code: Tensor,
        content_bias: Tensor,
        position_bias: Tensor,
        memory: Memory,
        last: bool,
        observe: Callable[[int, int, Tensor], None] | None = None,
    ) -> tuple[Tensor, Memory]:
        """Go on reading; the outputs lag behind by the right half of the convolution till the last.

        Parameters
        ----------
        h : Tensor, shape (batch, n, d_model)
            The next positions.
        code : Tensor, shape (at least window - 1 + n + margin, d_model)
        memory : Memory
            From the piece before, or :meth:`start`.
        last : bool
            The strand ends with these positions.
        """
        h, z, memory = self.attended(h, code, content_bias, position_bias, memory, last, observe)
        return self.close(h, z), memory

    def close(self, h: Tensor, z: Tensor) -> Tensor:
        """Add what the heads hand on to h: the last steps of the layer."""
        return self.norm(h + self.dropout(self.combine(z)))

    def attended(
        self,
        h: Tensor,
        code: Tensor,
        content_bias: Tensor,
        position_bias: Tensor,
        memory: Memory,
        last: bool,
        observe: Callable[[int, int, Tensor], None] | None = None,
    ) -> tuple[Tensor, Tensor, Memory]:
        """What the heads hand on, before it joins h; parameters as of :meth:`forward`.

        Returns
        -------
        h : Tensor, shape (batch, m, d_model)
            That of the positions that are settled now.
        z : Tensor, shape (batch, m, heads * d_head)
        memory : Memory
        """
        c = self.config
        margin = c.conv_width // 2
        end = [h.new_zeros(len(h), margin, c.d_model)] if last else []
        h = torch.cat([memory.h, h, *end], dim=1)
        n = h.shape[1] - 2 * margin
        if n <= 0:
            return h[:, :0], h.new_empty(len(h), 0, c.heads * c.d_head), memory._replace(h=h)
        query, key, value = self.convolutions(h)  # each B, H, n, d_head
        key = torch.cat([memory.key, key], dim=2)
        value = torch.cat([memory.value, value], dim=2)
        distance = self.distance.weight.view(c.heads, c.d_head, c.d_model)
        attend = self.attention
        if observe is not None:
            done = memory.done
            attend = partial(
                relative_attention,
                observe=lambda row, start, weights: observe(row, done + start, weights),
            )
        reach = key.shape[2]
        z = attend(
            query, key, value, distance, content_bias, position_bias, code[:reach], c.window
        )  # B, H, n, d_head
        z = z.transpose(1, 2).flatten(2)  # B, n, H * d_head
        kept = slice(max(0, reach - c.window + 1), None)
        memory = Memory(h[:, n:], key[:, :, kept], value[:, :, kept], memory.done + n)
        return h[:, margin : margin + n], z, memory


class Annotator(nn.Module):
    """Transformer-XL with convolutions that reads one strand 5'->3' and scores every position."""

    def __init__(self, config: AnnotatorConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or AnnotatorConfig()
        self.embedding = NucleotideEmbedding(c.d_model)
        self.dropout = nn.Dropout(c.dropout)
        self.content_bias = nn.Parameter(torch.empty(c.heads, c.d_head))  # u, shared by all layers
        self.position_bias = nn.Parameter(torch.empty(c.heads, c.d_head))  # w (Transformer-XL's v)
        nn.init.normal_(self.content_bias, std=0.02)
        nn.init.normal_(self.position_bias, std=0.02)
        self.stem = nn.Sequential(*dilated_layers(c.stem, c.d_model, c.conv_width, c.dropout))
        if c.stem:
            self.stem.append(nn.LayerNorm(c.d_model))
        self.layers = nn.ModuleList(RelativeAttentionLayer(c) for _ in range(c.layers))
        self.output = nn.Linear(c.d_model, 1)

    def start_from_rate(self, rate: float) -> None:
        """Set the output's bias so that an untrained model says the share of sites everywhere."""
        nn.init.constant_(self.output.bias, math.log(rate / (1 - rate)))

    def forward(self, codes: Tensor, observe: LayerObserver | None = None) -> Tensor:
        """Log-odds that a site lies ``config.downstream`` nt upstream of each position.

        Parameters
        ----------
        codes : integer Tensor, shape (batch, length)
            A, C, G, T, unknown as 0..4, read 5'->3'. The first position is taken as the start of
            the strand.
        observe : callable, optional
            Gets the attention weights of each layer as they are computed.

        Returns
        -------
        Tensor, shape (batch, length)
        """
        return self.read(codes, observe=observe)[0]

    def read(
        self,
        codes: Tensor,
        past: Past | None = None,
        *,
        last: bool = True,
        observe: LayerObserver | None = None,
    ) -> tuple[Tensor, Past]:
        """Read a strand piece by piece: :meth:`forward` without seams.

        Parameters
        ----------
        codes : integer Tensor, shape (batch, n)
            The next positions.
        past : Past, optional
            What the piece before returned; none at the strand's start.
        last : bool
            Whether the strand ends here.

        Returns
        -------
        logits : Tensor, shape (batch, m)
            Of the positions that are settled now: those of the whole strand, in order, up to
            ``config.reach_downstream`` before the last one read.
        past : Past
        """
        h, past = self._read(codes, past, last, observe)
        return self.output(h).squeeze(-1), past

    def hidden(self, codes: Tensor) -> Tensor:
        """Last layer's h, which the output is read from, shape (batch, length, d_model)."""
        return self._read(codes, None, True, None)[0]

    def _read(
        self, codes: Tensor, past: Past | None, last: bool, observe: LayerObserver | None
    ) -> tuple[Tensor, Past]:
        c = self.config
        n = codes.shape[1]
        seen = codes if past is None else torch.cat([past.codes, codes], dim=1)
        h = self.stem(self.dropout(self.embedding(seen)))  # B, stem_reach + n, d_model
        h = h[:, seen.shape[1] - n :]  # B, n, d_model
        if past is None:
            memory = [cast(RelativeAttentionLayer, layer).start(h) for layer in self.layers]
        else:
            memory = past.layers
        code = sinusoids(c.window + c.reach_downstream + n, c.d_model, h.dtype, h.device)
        after = []
        for number, layer in enumerate(self.layers):
            watch = None if observe is None else partial(observe, number)
            h, remembered = layer(
                h, code, self.content_bias, self.position_bias, memory[number], last, watch
            )
            after.append(remembered)
        return h, Past(seen[:, max(0, seen.shape[1] - c.stem_reach) :], after)

    def save(self, path: str | Path, card: Card | None = None) -> None:
        """Write the weights (safetensors) and, beside them, their card (``.json``).

        The card always records the configuration; everything else (data hashes, seed, metrics) is
        the caller's.
        """
        (card or Card()).replace(config=asdict(self.config)).write_with(self, path)

    @classmethod
    def load(cls, source: str | Path, device: str | torch.device = "cpu") -> Annotator:
        """Load weights by file or by a shipped model's name, in evaluation mode.

        Raises
        ------
        WeightsError
            Unknown name, missing card, or tensors that do not fit the card's configuration.
        """
        path = find_weights(source)
        model = cls(configured(AnnotatorConfig, Card.read(path).config, path))
        read_tensors(model, path)
        return model.eval().to(device)


def untrained(config: AnnotatorConfig, seed: int) -> Annotator:
    """A network that learnt nothing: random weights, in evaluation mode.

    Parameters
    ----------
    config : AnnotatorConfig
    seed : int
        Of the weights; PyTorch's own generator is left as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Annotator(config).eval()
