"""Attention heads: arrays and frames in, arrays and tidy frames out; touches no file and no model.

A head looks back from a query over ``window`` positions of its strand. The query stands for the
nucleotide ``downstream`` nt upstream of it (the label shift), so the weight given at *distance*
``d`` (0 is the query itself) is a weight at the *offset*

    offset = downstream - d

from the nucleotide asked about: offset 0 is that nucleotide (the +1 where it is a TSS), negative
offsets lie upstream. Biologists count without a zero; `sites.paper_label` is the one place that
converts.

The questions of the paper's section *Model analysis*, one function each:

=============================  ===================================================================
`choose_samples`               which positions are looked at (random, highest and lowest output)
`average`                      where does a head look, on average and at most
`sample_error`                 how far the samples are from all positions
`preferred.best_sequences`     which 7-mers does it prefer where it looks most
`preferred.motifs_at`          the same from any list of best positions, of a census for instance
`looking_at`                   which heads look at one place
`spearman`                     does its attention go with the model's output
`share_moved`                  does it look elsewhere when the output is high
`atlas.head_table`             all of it, a row for each head
`statements.head_statements`   do the paper's statements about its heads hold for these
=============================  ===================================================================

Whether a head's motif, at its place, equals a known or a planted element: heads/elements.py.

Frames count layers and heads from 1, as the paper does, and their columns say so
(``layer_1based``, ``head_1based``); arrays are indexed from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from genoattn.genome.sites import offsets, paper_label

GROUPS = ("random", "highest", "lowest")
PROMOTER = (-100, 20)
"""The paper's promoter region, -100..+20, as labels of `sites.paper_label`, both inclusive."""


# ------------------------------------------------------------------------------------- samples


def choose_samples(
    track: np.ndarray, inside: np.ndarray, *, n_random: int, n_extreme: int, seed: int
) -> pd.DataFrame:
    """Positions whose attention is recorded: random ones, and the highest and lowest outputs.

    The paper takes 18,295 random positions (1 % of the test part's two strands) and the 500 of
    highest and of lowest output (section *Model analysis*).

    Parameters
    ----------
    track
        Model output, shape (2, L), by strand row and forward position.
    inside
        bool, shape (L,): the part that is sampled (the test part).
    n_random, n_extreme
        Sample sizes; the random positions are distinct, and drawn without regard to the output.
    seed
        Seed of the random draw.

    Returns
    -------
    DataFrame
        ``group`` (random, highest, lowest), ``strand``, ``position`` (0-based, forward) and
        ``output``; random samples by strand and position, the others from the extreme inwards.
        A position may be both in ``random`` and in another group.

    Raises
    ------
    ValueError
        When the part is too small for the samples, or the track is not finite there.
    """
    if track.ndim != 2 or track.shape[0] != 2 or inside.shape != track.shape[1:]:
        raise ValueError(
            f"track {track.shape} and part {inside.shape} do not fit: give (2, L) and (L,)"
        )
    rows, positions = np.nonzero(np.broadcast_to(inside, track.shape))
    output = track[rows, positions]
    if not np.isfinite(output).all():
        raise ValueError("the track lacks values inside the part: predict it first")
    if n_random > output.size or 2 * n_extreme > output.size:
        raise ValueError(
            f"the part has {output.size:,} positions on both strands: too few for "
            f"n_random={n_random:,} and twice n_extreme={n_extreme:,}"
        )
    rng = np.random.default_rng(seed)
    chosen = {
        "random": np.sort(rng.choice(output.size, n_random, replace=False)),
        "highest": np.argsort(-output, kind="stable")[:n_extreme],
        "lowest": np.argsort(output, kind="stable")[:n_extreme],
    }
    index = np.concatenate([chosen[group] for group in GROUPS])
    return pd.DataFrame(
        {
            "group": np.repeat(GROUPS, [len(chosen[group]) for group in GROUPS]),
            "strand": np.where(rows[index] == 0, "+", "-"),
            "position": positions[index],
            "output": output[index],
        }
    )


# ------------------------------------------------------------------------------------ profiles


class Profiles(NamedTuple):
    """Attention by distance over some samples; both arrays (layers, heads, window), float64."""

    mean: np.ndarray
    maximum: np.ndarray


def each_head(attention: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Layer, head (from 0) and attention (n, window) of each head of (n, layers, heads, window)."""
    if attention.ndim != 4:
        raise ValueError(f"attention {attention.shape} is not (samples, layers, heads, window)")
    for layer in range(attention.shape[1]):
        for head in range(attention.shape[2]):
            yield layer, head, attention[:, layer, head, :]


def average(attention: np.ndarray, rows: np.ndarray | None = None) -> Profiles:
    """Mean and maximum attention by distance over the samples (or over ``rows`` of them).

    Parameters
    ----------
    attention
        float16, shape (n, layers, heads, window), of `recorders.SampledAttention`.
    rows
        bool, shape (n,): the samples to take; all where None.

    Notes
    -----
    Means are summed in float64: float16 would lose a mean over thousands of samples.
    """
    rows = np.ones(len(attention), dtype=bool) if rows is None else np.asarray(rows)
    if not rows.any():
        raise ValueError("no sample to average over: the group is empty")
    mean, maximum = np.empty(attention.shape[1:]), np.empty(attention.shape[1:])
    for layer, head, weights in each_head(attention):
        mean[layer, head] = weights[rows].mean(axis=0, dtype=np.float64)
        maximum[layer, head] = weights[rows].max(axis=0)
    return Profiles(mean, maximum)


def profile_frame(downstream: int, **columns: np.ndarray) -> pd.DataFrame:
    """Arrays by head and distance as one tidy frame, a row for each head and offset.

    Parameters
    ----------
    downstream
        Label shift in nt.
    **columns
        Arrays of one shape (layers, heads, window); each becomes the column of its name.

    Returns
    -------
    DataFrame
        ``layer_1based``, ``head_1based``, ``offset``, ``label`` (see `sites.paper_label`) and the
        given columns; offsets ascend within a head.
    """
    shapes = {array.shape for array in columns.values()}
    if len(shapes) != 1:
        raise ValueError(f"profiles of one shape (layers, heads, window) expected, got {shapes}")
    (shape,) = shapes
    layer, head, distance = (grid.ravel() for grid in np.indices(shape))
    offset = offsets(shape[2], downstream)[distance]
    frame = pd.DataFrame(
        {
            "layer_1based": layer + 1,
            "head_1based": head + 1,
            "offset": offset,
            "label": paper_label(offset),
        }
        | {name: array.ravel() for name, array in columns.items()}
    )
    return frame.sort_values(["layer_1based", "head_1based", "offset"], ignore_index=True)


def favourite(mean: np.ndarray) -> np.ndarray:
    """Distance of highest mean attention of each head: int, shape (layers, heads)."""
    return mean.argmax(axis=-1)


def selectivity(mean: np.ndarray) -> np.ndarray:
    """How far a mean profile is from flat: 1 - entropy / log(window), shape (layers, heads).

    0: the same attention at all positions; 1: all of it at one position.
    """
    share = mean / mean.sum(axis=-1, keepdims=True)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1.0)), axis=-1)
    return 1.0 - entropy / np.log(mean.shape[-1])


def share_near_peak(mean: np.ndarray, half_width: int) -> np.ndarray:
    """Share of a head's attention within ``half_width`` nt of its favourite: (layers, heads).

    A flat profile of the paper's model gives 21 / 512 = 4 % for a half width of 10 nt.
    """
    distance = np.arange(mean.shape[-1])
    near = np.abs(distance - favourite(mean)[..., None]) <= half_width  # (layers, heads, window)
    return np.where(near, mean, 0.0).sum(axis=-1) / mean.sum(axis=-1)


def share_moved(highest: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """Share of a head's attention that lies elsewhere in one group than in the other.

    Total variation distance of the two mean profiles, ``sum |a - b| / 2``: 0 where both groups are
    looked at alike, 1 where they share no position. Shape (layers, heads).
    """
    a = highest / highest.sum(axis=-1, keepdims=True)
    b = lowest / lowest.sum(axis=-1, keepdims=True)
    return 0.5 * np.abs(a - b).sum(axis=-1)


def sample_error(attention: np.ndarray, census: np.ndarray) -> pd.DataFrame:
    """How far the mean profiles of random samples lie from those of all positions.

    Parameters
    ----------
    attention
        Attention of the random samples, float16, shape (n, layers, heads, window).
    census
        Mean attention over all positions, shape (layers, heads, window).

    Returns
    -------
    DataFrame
        A row for each head: ``layer_1based``, ``head_1based``; ``largest`` (absolute difference of
        the two means at any distance), ``relative`` (its share of the head's highest census mean),
        ``beyond_two`` (share of distances at which the sample lies more than two of its standard
        errors off; one in twenty if samples were independent), ``same_peak`` (whether both have
        their highest mean at the same distance) and ``peak_distance`` between the two, in nt.
    """
    rows = []
    for layer, head, weights in each_head(attention):
        values = weights.astype(np.float32)
        mean = values.mean(axis=0, dtype=np.float64)
        error = values.std(axis=0, dtype=np.float64) / np.sqrt(len(values))
        gap = np.abs(mean - census[layer, head])
        apart = abs(int(mean.argmax()) - int(census[layer, head].argmax()))
        rows.append(
            {
                "layer_1based": layer + 1,
                "head_1based": head + 1,
                "largest": gap.max(),
                "relative": gap.max() / census[layer, head].max(),
                "beyond_two": float(np.mean(gap > 2 * error)),
                "same_peak": apart == 0,
                "peak_distance": apart,
            }
        )
    return pd.DataFrame(rows)


def looking_at(mean: np.ndarray, downstream: int, label: int, half_width: int = 3) -> pd.DataFrame:
    """How much each head looks at one place, compared with a head that looks everywhere alike.

    Parameters
    ----------
    mean
        Mean attention, shape (layers, heads, window).
    downstream
        Label shift in nt.
    label
        The place, as biologists write it (the paper: -82).
    half_width
        Nucleotides taken on each side of it.

    Returns
    -------
    DataFrame
        A row for each head, the highest enrichment first: ``layer_1based``, ``head_1based``,
        ``share`` of the head's attention there, ``enrichment`` over an even share, ``peak_label``
        (where it looks most). Empty where the window does not reach that far.
    """
    window = mean.shape[-1]
    here = np.abs(paper_label(offsets(window, downstream)) - label) <= half_width
    if not here.any():
        columns = ["layer_1based", "head_1based", "share", "enrichment", "peak_label"]
        return pd.DataFrame(columns=columns)
    share = mean[..., here].sum(axis=-1) / mean.sum(axis=-1)
    layer, head = (grid.ravel() for grid in np.indices(share.shape))
    frame = pd.DataFrame(
        {
            "layer_1based": layer + 1,
            "head_1based": head + 1,
            "share": share.ravel(),
            "enrichment": share.ravel() * window / here.sum(),
            "peak_label": paper_label(downstream - favourite(mean).ravel()),
        }
    )
    return frame.sort_values("enrichment", ascending=False, kind="stable", ignore_index=True)


# --------------------------------------------------------------------- correlation with output


def spearman(attention: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of attention with the model output, for each head and distance.

    Parameters
    ----------
    attention
        float16, shape (n, layers, heads, window), not negative.
    output
        Model output of the n samples.

    Returns
    -------
    ndarray of float64, shape (layers, heads, window)
        NaN where the attention (or the output) is the same for all samples.

    Notes
    -----
    Non-negative float16 numbers, read as 16-bit integers, keep their order, so ranks come from
    counting instead of sorting: for a value v, the rank is the number of smaller values plus half
    of its ties (Knuth, TAOCP 3, 5.2 D). 18,432 columns of 18,295 samples take seconds.
    """
    output = np.asarray(output, dtype=np.float64)
    n = len(output)
    if len(attention) != n:
        raise ValueError(f"attention of {len(attention):,} samples, but {n:,} outputs")
    if attention.dtype != np.float16:
        raise ValueError(f"attention is {attention.dtype}: ranks are counted on float16")
    centred = rankdata(output) - (n + 1) / 2
    spread = np.sqrt(centred @ centred)
    rho = np.empty(attention.shape[1:])
    for layer, head, weights in each_head(attention):
        bits = np.ascontiguousarray(weights.T + np.float16(0)).view(np.uint16)  # window, n
        if bits.max() > 0x7C00:
            raise ValueError("attention has negative values or NaN")
        for distance, column in enumerate(bits):
            tied = np.bincount(column)
            rank = np.cumsum(tied) - (tied - 1) / 2 - (n + 1) / 2  # by value, centred
            scale = spread * np.sqrt(tied @ rank**2)
            rho[layer, head, distance] = centred @ rank[column] / scale if scale > 0 else np.nan
    return rho


def chance_correlation(attention: np.ndarray, output: np.ndarray, seed: int) -> float:
    """Largest absolute rank correlation with shuffled outputs, over all heads and distances.

    Parameters
    ----------
    attention, output
        As of `spearman`.
    seed
        Seed of the shuffle.
    """
    shuffled = np.random.default_rng(seed).permutation(output)
    return float(np.nanmax(np.abs(spearman(attention, shuffled))))


def extremes_by_layer(rho: np.ndarray) -> pd.DataFrame:
    """Highest and lowest correlation in each layer: ``layer_1based``, ``maximum``, ``minimum``."""
    flat = rho.reshape(len(rho), -1)
    return pd.DataFrame(
        {
            "layer_1based": np.arange(len(rho)) + 1,
            "maximum": np.nanmax(flat, axis=1),
            "minimum": np.nanmin(flat, axis=1),
        }
    )


def names(frame: pd.DataFrame) -> list[str]:
    """How readers see the heads of a frame: "L2 H1" is the first head of the second layer."""
    pairs = zip(frame["layer_1based"], frame["head_1based"], strict=True)
    return [f"L{layer} H{head}" for layer, head in pairs]
