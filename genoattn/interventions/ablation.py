"""Heads that are switched off, alone and in pairs, and what their absence costs; touches models.

A head adds ``W_o[:, head] z_head`` to the hidden state. Switching it off replaces ``z_head`` by its
mean, which keeps what the head adds everywhere and takes away only what it says about *this*
position. The rest of the model is left as it is (it is not trained again), so a change says how
much this trained model leans on the head.

What is lost over a whole part of a genome is scored in `circuits.py`; here is which heads to leave
out, whether the losses of two add up, and whether attention ranks the heads as their losses do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from genoattn.evaluation import bootstrap
from genoattn.evaluation.statistics import rank_correlation
from genoattn.model.annotator import Annotator, AnnotatorConfig

Head = tuple[int, int]
"""Layer and head, both from 0."""

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


def single_heads(config: AnnotatorConfig) -> list[tuple[Head, ...]]:
    """Every head alone."""
    return [((layer, head),) for layer in range(config.layers) for head in range(config.heads)]


def pairs(heads: Sequence[Head]) -> list[tuple[Head, ...]]:
    """Every two of some heads."""
    return list(combinations(sorted(heads), 2))


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
