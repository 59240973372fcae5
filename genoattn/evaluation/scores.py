"""How well an output track finds labelled sites.  Touches tracks (arrays) and frames alone.

The paper scores every nucleotide of the test part, on both strands, as a sample of its own
("Training and evaluation"): ROC AUC and PR AUC. Because assays disagree by a nucleotide or two, it
also averages the output over k-mers and calls a k-mer positive that holds a site (Discussion);
:func:`kmer_resolution` does so, and gives the maximum over the k-mer beside the mean.

Intervals come from resampling blocks of the genome, both strands of a block together
(:mod:`genoattn.evaluation.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from genoattn import paper
from genoattn.evaluation import bootstrap
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.sites import reading_order
from genoattn.prediction.ensemble import log_odds

METRICS = {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}
"""PR AUC is the average precision: the step-wise area, without interpolation between thresholds."""

COLUMNS = (
    "train_set", "test_set", "model", "resolution", "metric", "value", "ci_low", "ci_high", "seed",
    "paper_value",
)  # fmt: skip
"""Of the table of :func:`performance`."""

METRIC_NAMES = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC"}
"""How readers know them."""


def score(label: NDArray, output: NDArray) -> dict[str, float]:
    """ROC AUC and PR AUC of ``output`` for binary ``label``, both of one shape.

    Raises
    ------
    ValueError
        If there is no positive or no negative label, or an output is NaN.
    """
    _refuse(label, output)
    return {
        name: float(metric(np.ravel(label), np.ravel(output))) for name, metric in METRICS.items()
    }


def _refuse(label: NDArray, output: NDArray) -> None:
    """Raise what :func:`score` says."""
    if np.isnan(output).any():
        raise ValueError(f"{np.isnan(output).sum()} positions to be scored have no output (NaN)")
    if label.min() == label.max():
        raise ValueError(
            "ROC and PR AUC need positive and negative labels; "
            f"all {label.size} labels are {int(label.min())}"
        )


def _with_replicates(
    label: NDArray, output: NDArray, block: NDArray[np.int64], resampling: Resampling
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """The scores of :func:`score`, and those of every replicate."""
    _refuse(label, output)
    itself = np.ones((1, resampling.draws.shape[1]))  # takes every block once
    every = bootstrap.auc_replicates(
        label, output, block, np.concatenate([itself, resampling.draws])
    )
    return (
        {metric: float(values[0]) for metric, values in every.items()},
        {metric: values[1:] for metric, values in every.items()},
    )


def replicated(
    label: NDArray, output: NDArray, where: NDArray[np.bool_], resampling: Resampling
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Scores of one output at exact positions, and those of every draw of blocks.

    Parameters
    ----------
    label, output : arrays, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling
        Positions outside all its blocks are not scored.

    Returns
    -------
    (dict, dict)
        By metric: the score, and an array of shape (n_replicates,).
    """
    block = inside(np.stack([resampling.block] * 2), where)
    return _with_replicates(inside(label, where), inside(output, where), block, resampling)


def inside(track: NDArray, where: NDArray[np.bool_]) -> NDArray:
    """The positions ``where`` (L,) of a track (2, L), each strand read 5'->3': shape (2, n)."""
    return reading_order(track[:, where])


def kmers(values: NDArray, k: int, how: str) -> NDArray:
    """Reduce (2, n) to consecutive k-mers (2, n // k) by 'mean' or 'max'; a rest is dropped."""
    whole = values[:, : values.shape[1] // k * k].reshape(2, -1, k)
    return whole.mean(-1) if how == "mean" else whole.max(-1)


def kmer_resolution(
    label: NDArray,
    output: NDArray,
    where: NDArray[np.bool_],
    ks: Iterable[int],
    resampling: Resampling,
    how: Iterable[str] = ("mean", "max"),
) -> pd.DataFrame:
    """ROC and PR AUC at the resolution of k-mers.

    Parameters
    ----------
    label, output : arrays, shape (2, L)
    where : bool array, shape (L,)
        The part of the genome to score.
    ks : iterable of int
        1 is the exact position.
    resampling : Resampling
        Of the part, for intervals; a k-mer belongs to the block of its first nucleotide.
    how : iterable of str
        'mean' or 'max' of the output over the k-mer.

    Returns
    -------
    DataFrame
        Columns k, how, metric, value, ci_low, ci_high, positive_share.
    """
    label, output = inside(label, where), inside(output, where)
    block = inside(np.stack([resampling.block] * 2), where)
    rows = []
    for k in ks:
        positive = kmers(label, k, "max")
        first = block[:, : positive.shape[1] * k : k]
        for reduction in how:
            reduced = kmers(output, k, reduction)
            scores, replicates = _with_replicates(positive, reduced, first, resampling)
            for metric, value in scores.items():
                low, high = resampling.interval(replicates[metric])
                rows.append(
                    {
                        "k": k,
                        "how": reduction,
                        "metric": metric,
                        "value": value,
                        "ci_low": low,
                        "ci_high": high,
                        "positive_share": positive.mean(),
                    }
                )
    return pd.DataFrame(rows)


def performance(
    output: NDArray,
    labels: Mapping[str, NDArray],
    where: NDArray[np.bool_],
    resampling: Resampling,
    *,
    train_set: str,
    model: str,
    seed: int,
    resolutions: Iterable[int] = (1,),
    beside_paper: bool = True,
) -> pd.DataFrame:
    """One model against every test set: rows of the paper's Table 2.

    Parameters
    ----------
    output : float array, shape (2, L)
    labels : mapping of test-set name to uint8 array (2, L)
    where : bool array, shape (L,)
        The test part.
    resampling : Resampling
        Of the test part, for intervals.
    train_set, model : str
        Recorded as they are; ``model`` is ``paper`` for the paper's configuration.
    resolutions : iterable of int
        k-mer lengths; the output is averaged over the k-mer, as in the paper.
    beside_paper : bool
        Whether the genome and the sets are those of the paper, so that its values may stand beside.

    Returns
    -------
    DataFrame
        Columns train_set, test_set, model, resolution, metric, value, ci_low, ci_high, seed,
        paper_value (NaN where the paper gives none).
    """
    rows = []
    for test_set, label in labels.items():
        table = kmer_resolution(label, output, where, resolutions, resampling, ["mean"])
        for row in table.to_dict("records"):
            k, metric = int(row["k"]), str(row["metric"])
            rows.append(
                {
                    "train_set": train_set,
                    "test_set": test_set,
                    "model": model,
                    "resolution": k,
                    "metric": metric,
                    "value": row["value"],
                    "ci_low": row["ci_low"],
                    "ci_high": row["ci_high"],
                    "seed": seed,
                    "paper_value": _paper_value(train_set, test_set, k, metric)
                    if beside_paper
                    else float("nan"),
                }
            )
    return pd.DataFrame(rows)


def differs_from_paper(table: pd.DataFrame) -> pd.Series:
    """Say of each row whether the paper's value is outside the interval.

    A row without the paper's value, or without an interval, does not differ.
    """
    printed = table["paper_value"]
    return (printed < table["ci_low"]) | (printed > table["ci_high"])


def compare(
    outputs: Mapping[str, NDArray],
    label: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
    reference: str,
) -> pd.DataFrame:
    """Score several outputs on the same labels, and their differences to one of them.

    Parameters
    ----------
    outputs : mapping of name to float array (2, L)
    label : binary array, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling
    reference : str
        Name of the output that others are compared with.

    Returns
    -------
    DataFrame
        Columns model, metric, value, ci_low, ci_high, difference (value minus the reference's),
        difference_low, difference_high. The interval of a difference takes the same blocks for
        both, so it is narrower than the two intervals suggest.
    """
    compared = _compared(outputs, label, where, resampling, reference, 1)
    return pd.DataFrame(compared).drop(columns="p")


def compare_resolutions(
    outputs: Mapping[str, NDArray],
    label: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
    reference: str,
    ks: Iterable[int],
) -> pd.DataFrame:
    """Compare outputs as `compare` does, at the resolution of k-mers, and test the differences.

    Parameters
    ----------
    outputs, label, where, resampling, reference
        As for `compare`.
    ks : iterable of int
        Lengths of k-mers, over which outputs are averaged; 1 is the exact position.

    Returns
    -------
    DataFrame
        The columns of `compare`, after a column resolution, and p: of no difference, two-sided,
        by the share of resamples on the other side of zero; not corrected.
    """
    rows = [
        {"resolution": k, **row}
        for k in ks
        for row in _compared(outputs, label, where, resampling, reference, k)
    ]
    return pd.DataFrame(rows)


def _compared(
    outputs: Mapping[str, NDArray],
    label: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
    reference: str,
    k: int,
) -> list[dict[str, object]]:
    """Rows of `compare_resolutions`."""
    label, block = inside(label, where), inside(np.stack([resampling.block] * 2), where)
    label = kmers(label, k, "max")
    block = block[:, : label.shape[1] * k : k]
    values, replicates = {}, {}
    for name, output in outputs.items():
        values[name], replicates[name] = _with_replicates(
            label, kmers(inside(output, where), k, "mean"), block, resampling
        )
    rows = []
    for name in outputs:
        for metric, value in values[name].items():
            own, other = replicates[name][metric], replicates[reference][metric]
            low, high = resampling.interval(own)
            difference_low, difference_high = resampling.interval(own - other)
            rows.append(
                {
                    "model": name,
                    "metric": metric,
                    "value": value,
                    "ci_low": low,
                    "ci_high": high,
                    "difference": value - values[reference][metric],
                    "difference_low": difference_low,
                    "difference_high": difference_high,
                    "p": _two_sided(own - other),
                }
            )
    return rows


def _two_sided(differences: NDArray[np.float64]) -> float:
    """How probable no difference is: twice the smaller share of replicates beyond zero."""
    known = differences[~np.isnan(differences)]
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (1 + beyond) / (1 + known.size)))


def _paper_value(train_set: str, test_set: str, resolution: int, metric: str) -> float:
    """What the paper prints for a pair of sets, or NaN."""
    if resolution == 1:
        printed = paper.ROC_AUC if metric == "roc_auc" else paper.PR_AUC
        return printed.get(train_set, {}).get(test_set, float("nan"))
    if metric == "pr_auc" and train_set == test_set == "curated":
        return paper.KMER_PR_AUC.get(resolution, float("nan"))
    return float("nan")


def exact_scores(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Exact scores of :func:`performance` for a card: test set -> metric -> value."""
    exact = table[table["resolution"] == 1]
    return {
        str(test_set): {row["metric"]: round(row["value"], 4) for row in rows.to_dict("records")}
        for test_set, rows in exact.groupby("test_set", sort=False)
    }


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`performance` as they are written: sorted, scores to six decimals."""
    order = ["train_set", "model", "seed", "test_set", "resolution", "metric"]
    ordered = table.sort_values(order, ignore_index=True)
    return ordered.round({"value": 6, "ci_low": 6, "ci_high": 6})


def precision_recall(
    label: NDArray, output: NDArray, where: NDArray[np.bool_], points: int = 500
) -> pd.DataFrame:
    """Precision and threshold at evenly spaced recalls: columns recall, precision, threshold."""
    precision, recall, threshold = precision_recall_curve(
        inside(label, where).ravel(), inside(output, where).ravel()
    )
    wanted = np.linspace(0, 1, points)
    # recall falls along the curve: for each wanted recall the highest threshold that reaches it
    index = len(recall) - 1 - np.searchsorted(recall[::-1], wanted, side="left")
    index = np.clip(index, 0, len(threshold) - 1)
    return pd.DataFrame(
        {"recall": recall[index], "precision": precision[index], "threshold": threshold[index]}
    )


def calibration(
    label: NDArray,
    output: NDArray,
    where: NDArray[np.bool_],
    resampling: Resampling,
    bins: int = 12,
) -> pd.DataFrame:
    """Mean output beside the share of sites, in bins of log-odds.

    Parameters
    ----------
    label : binary array, shape (2, L)
    output : float array, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling
        Of that part, for the intervals of the shares; bins stay, blocks are drawn again.
    bins : int
        Of equal width in log-odds, from the lowest output to the highest; empty ones are left out.

    Returns
    -------
    DataFrame
        Columns output (mean), share (of sites), ci_low, ci_high, n (positions), n_sites.
    """
    block = inside(np.stack([resampling.block] * 2), where).ravel()
    label, output = inside(label, where).ravel(), inside(output, where).ravel().astype(np.float64)
    odds = log_odds(output)
    edges = np.linspace(odds.min(), odds.max(), bins + 1)
    which = np.clip(np.digitize(odds, edges) - 1, 0, bins - 1)
    n_blocks = resampling.draws.shape[1]
    cell = block * bins + which
    size = n_blocks * bins
    by_block = np.bincount(cell, minlength=size).reshape(n_blocks, bins)
    sites_by_block = np.bincount(cell, label, size).reshape(n_blocks, bins)
    n, sites = by_block.sum(0), sites_by_block.sum(0)
    with np.errstate(invalid="ignore"):
        shares = (resampling.draws @ sites_by_block) / (resampling.draws @ by_block)
    mean = np.bincount(which, output, bins)
    rows = [
        {
            "output": mean[one] / n[one],
            "share": sites[one] / n[one],
            **dict(zip(("ci_low", "ci_high"), resampling.interval(shares[:, one]), strict=True)),
            "n": n[one],
            "n_sites": int(sites[one]),
        }
        for one in np.flatnonzero(n)
    ]
    return pd.DataFrame(rows)


def expected_sites(
    label: NDArray, output: NDArray, where: NDArray[np.bool_], resampling: Resampling
) -> tuple[float, float, float]:
    """Sites that the outputs add up to, for each labelled one, and its interval; 1 is right.

    Parameters
    ----------
    label : binary array, shape (2, L)
    output : float array, shape (2, L)
    where : bool array, shape (L,)
    resampling : Resampling
    """
    block = inside(np.stack([resampling.block] * 2), where)
    expected = bootstrap.sums(inside(output, where), block)
    sites = bootstrap.sums(inside(label, where), block)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = (resampling.draws @ expected) / (resampling.draws @ sites)
    return float(expected.sum() / sites.sum()), *resampling.interval(replicates)
