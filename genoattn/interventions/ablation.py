"""Heads that are switched off, and what stretches of sequence stand for; touches models.

A head adds ``W_o[:, head] z_head`` to the hidden state. Switching it off replaces ``z_head`` by its
mean, which keeps what the head adds everywhere and takes away only what it says about *this*
position. The rest of the model is left as it is (it is not trained again), so a change says how
much this trained model leans on the head.

Over a whole part of a genome: `circuits.py`. Here stretches are read: at single sites (`effects`),
or segments of a part, those with a labelled site and those without, the latter few and weighted, so
that every nucleotide of the part counts as it would in the whole (stratified sampling; weights are
the inverse of the chance of being drawn). Hidden states are kept in a pass: whatever lies below the
lowest head that is switched off is computed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from genoattn.evaluation import bootstrap
from genoattn.evaluation.statistics import rank_correlation
from genoattn.genome.intervals import runs
from genoattn.genome.sequence import STRANDS, Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.attention import keep_freed_memory

Head = tuple[int, int]
"""Layer and head, both from 0."""

SITE_SHARE = 0.75
"""Share of the drawn segments that hold a labelled site."""

TOKENS = {"cpu": 8_192, "cuda": 2**19}
"""Positions that are read at once."""

# ------------------------------------------------------------------------------------ segments


@dataclass(frozen=True)
class Segments:
    """Stretches of single strands, to be scored under several conditions.

    Attributes
    ----------
    codes : uint8 array, shape (n, context + size + 2 * reach at the end)
        What is read, 5'->3'.
    label : bool array, shape (n, size)
        Labelled sites among the ``size`` scored nucleotides, 5'->3'.
    context : int
        Positions read before the first query that is scored.
    weight : float array, shape (n,)
        Number of segments of the part that each stands for.
    block : int array, shape (n,)
        Block of the genome in which each lies, numbered from 0 without gaps.
    row, start : int arrays, shape (n,)
        Strand row, and forward position of the leftmost scored nucleotide.
    """

    codes: NDArray[np.uint8]
    label: NDArray[np.bool_]
    context: int
    weight: NDArray[np.float64]
    block: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def scored(self) -> slice:
        """Which of the positions that are read give the scored outputs."""
        return slice(self.context, self.context + self.label.shape[1])


def draw_segments(
    genome: Genome,
    label: NDArray,
    inside: NDArray[np.bool_],
    config: AnnotatorConfig,
    *,
    n: int,
    size: int,
    context: int,
    block: int,
    seed: int,
) -> Segments:
    """Draw segments of both strands of a part, three quarters of them with a labelled site.

    Parameters
    ----------
    genome : Genome
    label : array, shape (2, L)
        Labelled sites.
    inside : bool array, shape (L,)
        The part; its stretches are cut into segments, a rest at the end is left out.
    config : AnnotatorConfig
    n : int
        Number of segments; all are taken where there are no more.
    size : int
        Scored nucleotides of a segment.
    context : int
        Positions read before them; less than the model's reach makes a small error.
    block : int
        Length of the resampled blocks in nt.
    seed : int
    """
    starts = np.array(
        [
            first
            for start, length in runs(inside, circular=genome.circular)
            for first in range(start, start + length - size + 1, size)
        ],
        dtype=np.int64,
    )
    if starts.size == 0:
        raise ValueError(f"the part holds no stretch of {size} nt: give smaller segments")
    row, start = np.repeat([0, 1], starts.size), np.tile(starts, 2) % len(genome)
    forward = (start[:, None] + np.arange(size)) % len(genome)
    found = label[row[:, None], forward].astype(bool)
    with_site = found.any(1)
    if not with_site.any():
        raise ValueError("no labelled site lies in the part")
    rng = np.random.default_rng(seed)
    chosen, weight = [], []
    for candidates, share in ((with_site, SITE_SHARE), (~with_site, 1 - SITE_SHARE)):
        index = np.flatnonzero(candidates)
        count = min(index.size, max(1, round(share * n)))
        if count:
            chosen.append(np.sort(rng.choice(index, count, replace=False)))
            weight.append(np.full(count, index.size / count))
    take = np.concatenate(chosen)
    row, start, found = row[take], start[take], found[take]
    found[row == 1] = found[row == 1, ::-1]
    offsets = np.arange(-context, size + config.reach_downstream) + config.downstream
    strand = np.where(row == 0, *STRANDS)
    first = np.where(row == 0, start, start + size - 1) % len(genome)
    centre = (start + size // 2) % len(genome)
    numbers = bootstrap.blocks(inside, block)[centre]
    return Segments(
        codes=genome.around(first, strand, offsets),
        label=found,
        context=context,
        weight=np.concatenate(weight),
        block=np.unique(numbers, return_inverse=True)[1],
        row=row,
        start=start,
    )


# ------------------------------------------------------------------------------ switching off


def _combine(model: Annotator, layer: int) -> nn.Linear:
    return cast(nn.Linear, model.layers[layer].combine)


def _columns(model: Annotator, head: int) -> slice:
    width = model.config.d_head
    return slice(head * width, (head + 1) * width)


@contextmanager
def switched_off(model: Annotator, values: Mapping[Head, Tensor | float]) -> Iterator[None]:
    """Replace what heads hand on, within the block, by constants; the model itself stays as it is.

    Parameters
    ----------
    model : Annotator
    values : mapping of (layer, head) to a number or a Tensor of shape (d_head,)
        What takes the place of ``z`` of the head at every position.

    Examples
    --------
    >>> import torch
    >>> from genoattn.model.annotator import Annotator, AnnotatorConfig
    >>> model = Annotator(AnnotatorConfig(layers=1, heads=2, window=8)).eval()
    >>> codes = torch.zeros(1, 20, dtype=torch.long)
    >>> with torch.no_grad(), switched_off(model, {(0, 1): 0.0}):
    ...     without = model(codes)
    """
    for layer, head in values:
        if not (0 <= layer < model.config.layers and 0 <= head < model.config.heads):
            raise ValueError(f"there is no head {head} in layer {layer} (both from 0)")

    def of_layer(layer: int) -> Any:
        def replace(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
            z = given[0].clone()
            for (one, head), value in values.items():
                if one == layer:
                    z[..., _columns(model, head)] = value
            return (z,)

        return replace

    handles = [
        _combine(model, layer).register_forward_pre_hook(of_layer(layer))
        for layer in sorted({layer for layer, _ in values})
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Kept(NamedTuple):
    """What a pass leaves in each layer: what the layer, its `combine` and its `norm` were given."""

    layer: list[tuple[tuple[Any, ...], dict[str, Any]]]
    z: list[Tensor]
    total: list[Tensor]


def _keeping(model: Annotator, codes: Tensor) -> tuple[Tensor, _Kept]:
    """Log-odds (n, length) of a pass, and what it leaves."""
    kept = _Kept([], [], [])
    handles = []
    for number, layer in enumerate(model.layers):
        norm = cast(nn.Module, layer.norm)
        handles += [
            layer.register_forward_pre_hook(
                lambda _, given, named: kept.layer.append((given, named)), with_kwargs=True
            ),
            _combine(model, number).register_forward_pre_hook(
                lambda _, given: kept.z.append(given[0])
            ),
            norm.register_forward_pre_hook(lambda _, given: kept.total.append(given[0])),
        ]
    try:
        output = model(codes)
    finally:
        for handle in handles:
            handle.remove()
    return output, kept


def _resume(model: Annotator, kept: _Kept, values: Mapping[Head, Tensor]) -> Tensor:
    """The pass with heads switched off, from the lowest of their layers on."""
    lowest = min(layer for layer, _ in values)
    total = kept.total[lowest]
    for (layer, head), value in values.items():
        if layer == lowest:
            columns = _columns(model, head)
            lost = kept.z[lowest][..., columns] - value
            total = total - lost @ _combine(model, lowest).weight[:, columns].T
    h = cast(nn.Module, model.layers[lowest].norm)(total)
    with switched_off(model, {key: v for key, v in values.items() if key[0] > lowest}):
        above = list(model.layers)[lowest + 1 :]
        for block, (given, named) in zip(above, kept.layer[lowest + 1 :], strict=True):
            h, _ = block(h, *given[1:], **named)
    return model.output(h).squeeze(-1)


def _batches(model: Annotator, codes: NDArray[np.uint8]) -> Iterator[tuple[slice, Tensor]]:
    device = next(model.parameters()).device
    step = max(1, TOKENS.get(device.type, 8_192) // codes.shape[1])
    for first in range(0, len(codes), step):
        part = slice(first, first + step)
        yield part, torch.from_numpy(codes[part].astype(np.int64)).to(device)


def mean_contributions(
    model: Annotator,
    codes: NDArray[np.uint8],
    scored: slice | None = None,
    weight: NDArray[np.float64] | None = None,
) -> Tensor:
    """Mean of every head's ``z`` over stretches of sequence: what takes a head's place.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    codes : uint8 array, shape (n, length)
        Stretches, 5'->3', such as `Segments.codes`.
    scored : slice, optional
        Positions of each that count (`Segments.scored`); all by default.
    weight : float array, shape (n,), optional
        How much each stretch counts (`Segments.weight`); all alike by default.

    Returns
    -------
    Tensor, shape (layers, heads, d_head)
    """
    c = model.config
    scored = slice(None) if scored is None else scored
    weight = np.ones(len(codes)) if weight is None else weight
    total = torch.zeros(c.layers, c.heads * c.d_head, dtype=torch.float64)
    with torch.no_grad():
        for part, batch in _batches(model, codes):
            _, kept = _keeping(model, batch)
            for layer, z in enumerate(kept.z):
                mean_z = z[:, scored].double().mean(1).cpu()
                total[layer] += torch.from_numpy(weight[part]) @ mean_z
    mean = total / weight.sum()
    return mean.view(c.layers, c.heads, c.d_head).to(next(model.parameters()))


def single_heads(config: AnnotatorConfig) -> list[tuple[Head, ...]]:
    """Every head alone."""
    return [((layer, head),) for layer in range(config.layers) for head in range(config.heads)]


def pairs(heads: Sequence[Head]) -> list[tuple[Head, ...]]:
    """Every two of some heads."""
    return list(combinations(sorted(heads), 2))


def ablate(
    model: Annotator,
    codes: NDArray[np.uint8],
    scored: slice,
    conditions: Sequence[tuple[Head, ...]],
    mean: Tensor,
    *,
    progress: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-odds at positions of stretches, with all heads and under every condition.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    codes : uint8 array, shape (n, length)
        Stretches, 5'->3', such as `Segments.codes`.
    scored : slice
        The ``size`` positions of each whose outputs are wanted (`Segments.scored`).
    conditions : sequence of tuple of (layer, head)
        Heads that are off together.
    mean : Tensor
        `mean_contributions`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    float32 arrays, shapes (n, size) and (conditions, n, size)
    """
    keep_freed_memory()
    shape = len(codes), len(range(codes.shape[1])[scored])
    intact = np.empty(shape, dtype=np.float32)
    output = np.empty((len(conditions), *shape), dtype=np.float32)
    bar = tqdm(
        total=len(conditions) * len(codes),
        desc="switching off",
        unit="segment",
        mininterval=1,
        disable=not progress,
    )
    with torch.no_grad(), bar:
        for part, batch in _batches(model, codes):
            logits, kept = _keeping(model, batch)
            intact[part] = logits[:, scored].cpu().numpy()
            for number, condition in enumerate(conditions):
                values = {(layer, head): mean[layer, head] for layer, head in condition}
                changed = _resume(model, kept, values)
                output[number, part] = changed[:, scored].cpu().numpy()
                bar.update(len(batch))
    return intact, output


# ---------------------------------------------------------------------------------- measuring


def leading(effects: pd.DataFrame, n: int) -> list[Head]:
    """The ``n`` heads whose absence lowers the contrast most."""
    means = effects.nsmallest(n, "delta_contrast")
    return [
        (int(layer) - 1, int(head) - 1)
        for layer, head in zip(means["layer_1based"], means["head_1based"], strict=True)
    ]


def interactions(
    conditions: Sequence[tuple[Head, ...]],
    change: Mapping[str, NDArray[np.float64]],
    joint_conditions: Sequence[tuple[Head, ...]],
    joint: Mapping[str, NDArray[np.float64]],
    level: float,
) -> pd.DataFrame:
    """Effect of two heads together beside the sum of their single effects.

    The interaction is joint - (first + second). Where the single effects are losses, a negative
    interaction says that each head makes up in part for the absence of the other (losing both costs
    more than the sum), a positive one that part of what one head loses was lost with the other
    already (one serves the other, or both do the same last step).

    Returns
    -------
    DataFrame
        ``first_layer_1based``, ``first_head_1based``, ``second_layer_1based``,
        ``second_head_1based``, and for ``pr_auc`` and ``contrast``: ``joint_<measure>``,
        ``sum_<measure>``, ``interaction_<measure>`` with ``_low`` and ``_high``.
    """
    place = {heads[0]: row for row, heads in enumerate(conditions)}
    rows = []
    for number, condition in enumerate(joint_conditions):
        first, second = condition
        row: dict[str, float] = {
            "first_layer_1based": first[0] + 1,
            "first_head_1based": first[1] + 1,
            "second_layer_1based": second[0] + 1,
            "second_head_1based": second[1] + 1,
        }
        for name in ("pr_auc", "contrast"):
            single = sum(change[name][place[head]] for head in (first, second))
            difference = joint[name][number] - single
            row[f"joint_{name}"] = joint[name][number, 0]
            row[f"sum_{name}"] = single[0]
            row[f"interaction_{name}"] = difference[0]
            low, high = bootstrap.interval(difference[1:], level)
            row[f"interaction_{name}_low"], row[f"interaction_{name}_high"] = low, high
        rows.append(row)
    return pd.DataFrame(rows)


def rank_agreement(
    attention: Mapping[str, NDArray[np.floating]],
    importance: Mapping[str, NDArray[np.float64]],
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Tell whether measures of attention rank the heads as ablation does.

    Parameters
    ----------
    attention : mapping of name to float array, shape (heads,)
        Measures read off the attention.
    importance : mapping of name to float array, shape (heads, 1 + n)
        How much each head matters, in the sample and in each resample of blocks.
    level : float
        Coverage of the interval. Each replicate takes the importance of one resample of blocks and
        draws the heads with replacement, so the interval holds both uncertainties.
    seed : int

    Returns
    -------
    DataFrame
        ``attention``, ``importance``, ``spearman``, ``low``, ``high``, ``n_heads``.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for by, values in importance.items():
        n_heads, n = values.shape[0], values.shape[1] - 1
        drawn = rng.integers(n_heads, size=(n, n_heads))
        resampled = values[:, 1:].T[np.arange(n)[:, None], drawn]  # n, heads
        for name, measured in attention.items():
            flat = np.asarray(measured, float).ravel()
            low, high = bootstrap.interval(rank_correlation(flat[drawn], resampled), level)
            rho = float(rank_correlation(flat, values[:, 0]))
            rows.append((name, by, rho, low, high, n_heads))
    return pd.DataFrame(
        rows, columns=["attention", "importance", "spearman", "low", "high", "n_heads"]
    )
