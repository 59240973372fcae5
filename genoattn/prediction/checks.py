"""How far the fast forms are from the plain ones, measured; touches predict.py and annotator.py.

Each function computes the same thing twice, once in the way that the study uses and once in a way
that is slow and beyond doubt, and returns the largest differences as a tidy frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from tqdm import tqdm

from genoattn.genome.sequence import STRANDS, Genome, strand_row
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.attention import dense_attention, relative_attention, sinusoids
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def forms(lengths: Sequence[int], config: AnnotatorConfig, seed: int = 0) -> pd.DataFrame:
    """Blocked attention against the equation, on random operands of the model's size.

    Returns
    -------
    DataFrame
        Columns length (nt), dtype, output, gradient: the largest absolute difference of the output,
        and of the gradients of its sum of squares, as a share of an operand's largest gradient.
    """
    rows = []
    for length in lengths:
        for name, dtype in DTYPES.items():
            generator = torch.Generator().manual_seed(seed)
            sizes = [
                *[(1, config.heads, length, config.d_head)] * 3,
                (config.heads, config.d_head, config.d_model),
                *[(config.heads, config.d_head)] * 2,
            ]
            operands = [
                torch.randn(size, generator=generator, dtype=torch.float64)
                .to(dtype)
                .requires_grad_()
                for size in sizes
            ]
            query, key, value, distance, u, w = operands
            code = sinusoids(length, config.d_model, dtype)
            results = []
            for form in (dense_attention, relative_attention):
                out = form(query, key, value, distance, u, w, code, config.window)
                results.append((out, torch.autograd.grad(out.square().sum(), operands)))
            (plain, plain_gradients), (blocked, blocked_gradients) = results
            gradient = max(
                float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1.0))
                for ours, theirs in zip(blocked_gradients, plain_gradients, strict=True)
            )
            output = float((blocked - plain).abs().max().detach())
            rows.append((length, name, output, gradient))
    return pd.DataFrame(rows, columns=["length", "dtype", "output", "gradient"])


def seams(model: Annotator, genome: Genome, chunks: Sequence[int]) -> pd.DataFrame:
    """Probabilities read in chunks against both strands read in one piece.

    Returns
    -------
    DataFrame
        Columns chunk (nt), difference: largest absolute difference of a probability.
    """
    reach = model.config.reach_upstream + model.config.reach_downstream
    whole = predict(model, genome, chunk=len(genome) + reach, progress=False)
    rows = []
    for chunk in tqdm(chunks, desc="chunks", mininterval=1):
        pieces = predict(model, genome, chunk=chunk, progress=False)
        rows.append((chunk, float(np.nanmax(np.abs(pieces - whole)))))
    return pd.DataFrame(rows, columns=["chunk", "difference"])


def census(
    model: Annotator,
    genome: Genome,
    where: NDArray[np.bool_],
    *,
    best: int,
    n_sample: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Statistics of one streaming pass against those of all attention, kept whole.

    Parameters
    ----------
    where : bool array, shape (L,)
        Positions to look at, on both strands; their attention is held in memory.
    best : int
        Best positions of each head and distance.
    n_sample : int
        Positions of the sample from which Spearman's correlation is estimated.

    Returns
    -------
    DataFrame
        Columns statistic, how ('exact' or 'from a sample'), largest (difference over heads and
        distances), median.
    """
    config, length = model.config, len(genome)
    position = np.flatnonzero(where)
    strand = np.repeat(STRANDS, len(position))
    position = np.tile(position, 2)
    output = predict(model, genome, where=where, progress=False)
    every = SampledAttention(config, strand, position, length, np.float32)
    streamed = AttentionCensus(config, best=best, output=output)
    predict(model, genome, where=where, recorders=[every, streamed])
    y = output[strand_row(strand), position]
    rng = np.random.default_rng(seed)
    sample = rng.choice(len(y), min(n_sample, len(y)), replace=False)
    ranks = rankdata(y)
    found: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for layer in tqdm(range(config.layers), desc="comparing", mininterval=1):
        for head in range(config.heads):
            a = every.attention[:, layer, head].astype(np.float64)  # n, window
            top = np.sort(a, axis=0)[::-1][:best].T
            differences = {
                ("mean", "exact"): a.mean(0) - streamed.mean[layer, head],
                ("maximum", "exact"): a.max(0) - streamed.maximum[layer, head],
                (f"{best} best", "exact"): np.abs(
                    top - streamed.best(length).weight[layer, head]
                ).max(-1),
            }
            for row, (name, values) in enumerate((("the output", y), ("its ranks", ranks))):
                ours = streamed.correlation[row, layer, head]
                differences[f"Pearson's r with {name}", "exact"] = _correlation(a, values) - ours
            rho, from_sample = (
                _correlation(rankdata(a[rows], axis=0), rankdata(y[rows]))
                for rows in (slice(None), sample)
            )
            differences["Spearman's rho", "from a sample"] = rho - from_sample
            for key, values in differences.items():
                found.setdefault(key, []).append(np.abs(values))
    return pd.DataFrame(
        [
            (statistic, how, float(np.nanmax(values)), float(np.nanmedian(values)))
            for (statistic, how), values in found.items()
        ],
        columns=["statistic", "how", "largest", "median"],
    )


def _correlation(a: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of each column of ``a`` (n, window) with ``y`` (n)."""
    a, y = a - a.mean(0), y - y.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        return (y @ a) / np.sqrt((a**2).sum(0) * (y @ y))


def mixed_precision(
    model: Annotator, codes: Tensor, target: Tensor, steps: int, learning_rate: float
) -> pd.DataFrame:
    """The same training steps in 32-bit floats and with bfloat16 products, from the same weights.

    Parameters
    ----------
    model : Annotator
        Where both start; left as it is.
    codes, target : Tensor, shapes (steps, batch, length)

    Returns
    -------
    DataFrame
        Columns step, float32, bfloat16: loss before the step, in nats a position.
    """
    losses: dict[str, list[float]] = {}
    for name in ("float32", "bfloat16"):
        copy = Annotator(model.config)
        copy.load_state_dict(model.state_dict())
        copy = copy.to(codes.device).eval()
        optimizer = torch.optim.AdamW(copy.parameters(), lr=learning_rate)
        losses[name] = []
        for step in tqdm(range(steps), desc=name, mininterval=1):
            with torch.autocast(codes.device.type, torch.bfloat16, enabled=name == "bfloat16"):
                logits = copy(codes[step])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits.float(), target[step]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[name].append(float(loss.detach()))
    return pd.DataFrame({"step": range(1, steps + 1), **losses})
