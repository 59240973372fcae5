"""What the chapter training says of labels and of attention: frames in, sentences out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.chapters.training_numbers import change, or_blank
from genoattn.data.assays import source_name
from genoattn.evaluation.scores import METRIC_NAMES
from genoattn.evaluation.seeds import smallest_seen
from genoattn.study.report import folded, in_words, listed, table

ALPHA = 0.05
"""A corrected p-value below it is a difference."""

NO_LABELS = (
    "Left out: this run has no models that were trained on the curated set and on a source of it."
)
NO_PAIR = (
    "**This run cannot isolate what attention adds.** No annotator and no convolutional network in "
    "it were given the same labels, targets and sequence."
)
_WIDTH = 2 * 1.96  # standard errors that a normal 95% interval is wide


# ------------------------------------------------------------------------------------ labels


def _judged(rows: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Sources than which curated labels are better, worse, and neither."""
    better, worse, neither = [], [], []
    for row in rows.to_dict("records"):
        if row["p_adjusted"] >= ALPHA:
            neither.append(source_name(row["train_set"]))
        elif row["difference"] > 0:
            better.append(source_name(row["train_set"]))
        else:
            worse.append(source_name(row["train_set"]))
    return better, worse, neither


def labels_verdict(compared: pd.DataFrame, external: Collection[str]) -> str:
    """Answer in a sentence whether curated labels are better, on sites that no step used.

    Parameters
    ----------
    compared : DataFrame
        From `genoattn.evaluation.seeds.label_differences`.
    external : collection of str
        Test sets that no curation step used: the first of them decides.
    """
    if compared.empty:
        return ""
    if not external:
        return (
            "**Are curated labels better? Not decided:** this run has no set of sites that no "
            "curation step used."
        )
    first = next(iter(external))
    rows = compared[(compared["test_set"] == first) & (compared["metric"] == "pr_auc")]
    rows = rows[rows["difference"].notna()]
    better, worse, neither = _judged(rows)
    word = (
        "Yes"
        if not worse and not neither
        else "Better than some and worse than others"
        if better and worse
        else "Better than some"
        if better
        else "No"
        if worse
        else "Not shown"
    )
    seen = smallest_seen(float((rows["ci_high"] - rows["ci_low"]).max()) / _WIDTH, len(rows))
    parts = [
        f"their PR AUC is higher than that of {listed(better)} labels" if better else "",
        f"lower than that of {listed(worse)} labels" if worse else "",
        f"not significantly different from that of {listed(neither)} labels" if neither else "",
    ]
    told = listed(part for part in parts if part)
    return (
        f"**Are curated labels better? {word}:** on {source_name(first)}, which no step of the "
        f"curation used, {told} ({in_words(len(rows))} comparisons, corrected; with 80% "
        f"power a difference of {seen:.3f} could be found)."
    )


def say_labels(
    compared: pd.DataFrame,
    read: Mapping[str, tuple[int, float]],
    external: Collection[str],
    counts: pd.DataFrame,
    earlier: bool,
) -> str:
    """Answer whether curated labels are better, and set out all comparisons.

    Parameters
    ----------
    compared : DataFrame
        From `genoattn.evaluation.seeds.label_differences`.
    read : mapping of training set to scored positions and passes
    external : collection of str
        Test sets that no curation step used.
    counts : DataFrame
        A row for each of them: test_set, n (sites in the test part), shared (at the position of a
        curated site).
    earlier : bool
        Whether the comparison is one of an earlier run.
    """
    pr = compared[(compared["metric"] == "pr_auc") & compared["difference"].notna()]
    told = [labels_verdict(compared, external)]
    for test_set in external:
        changes = "; ".join(
            f"{source_name(row['train_set'])} "
            f"{change(row['difference'], row['ci_low'], row['ci_high'])}"
            for row in pr[pr["test_set"] == test_set].to_dict("records")
        )
        told.append(
            f"PR AUC of curated labels minus that of each source's, on {source_name(test_set)} "
            f"(each interval by itself; the verdict is corrected for their number): {changes}."
        )
    own = pr[~pr["test_set"].isin([*external])]
    better, worse = (
        own[(own["p_adjusted"] < ALPHA) & (np.sign(own["difference"]) == sign)] for sign in (1, -1)
    )
    home = (worse["train_set"] == worse["test_set"]).sum()
    told.append(
        f"On the curated set and its sources, which are not independent of the labels, curated "
        f"labels have the significantly higher PR AUC in {len(better)} of {len(own)} comparisons "
        f"and the lower in {len(worse)}"
        + (f" ({home} of them on the source's own sites)." if len(worse) else ".")
    )
    told.append(_say_read(read, compared, earlier))
    for one in counts.to_dict("records"):
        told.append(
            f"{source_name(one['test_set'])} has {one['n']:,} sites in the test part; "
            f"{one['shared']:,} of them lie exactly on a curated site."
        )
    return "\n\n".join([told[0], " ".join(told[1:])]) + "\n\n" + _all_labels(compared)


def _say_read(read: Mapping[str, tuple[int, float]], compared: pd.DataFrame, earlier: bool) -> str:
    """What the trainings read, how many seeds there are, and where that is not alike."""
    positions = {n for n, _ in read.values()}
    passes = [one for _, one in read.values()]
    n = sorted({int(one) for one in compared["n_seeds"]})
    said = (
        f"All were trained on {positions.pop() / 1e6:.0f} million scored positions "
        f"({passes[0]:.1f} passes)"
        if len(positions) == 1
        else f"They were trained on unequal numbers of scored positions ({min(passes):.1f} to "
        f"{max(passes):.1f} passes), which the comparison does not make good for"
    )
    said += f", {listed(map(in_words, n))} seed{'s' * (n != [1])} each."
    if min(n) < 2:
        said += " Where there is one seed, intervals are over blocks of the genome alone."
    return said + " The comparison is that of an earlier run." * earlier


def _all_labels(compared: pd.DataFrame) -> str:
    """All comparisons, folded."""
    rows: list[list[str]] = []
    for row in compared.to_dict("records"):
        none = not np.isfinite(row["difference"])
        rows.append(
            [
                source_name(row["test_set"]),
                source_name(row["train_set"]),
                METRIC_NAMES[row["metric"]],
                f"{row['mean']:.3f} ({row['lowest']:.3f}–{row['highest']:.3f}; {row['n_seeds']})",
                "" if none else change(row["difference"], row["ci_low"], row["ci_high"]),
                or_blank(row["p_adjusted"], ".3f"),
            ]
        )
    columns = [
        "tested on", "trained on", "score", "mean (seeds; their number)", "curated minus this",
        "p, corrected",
    ]  # fmt: skip
    return folded("All labels on all test sets", table(pd.DataFrame(rows, columns=columns)))


# --------------------------------------------------------------------------------- attention


def attention_verdict(compared: pd.DataFrame, train_set: str) -> str:
    """Answer in a sentence what attention adds, by the interval over seeds of both recipes.

    Parameters
    ----------
    compared : DataFrame
        From `genoattn.chapters.training_labels.attention`.
    train_set : str
        The set whose PR AUC decides.
    """
    if compared.empty:
        return NO_PAIR
    own = compared[compared["test_set"] == train_set].set_index("metric")
    row: Any = own.loc["pr_auc"]
    if not np.isfinite(row["ci_low"]):
        return (
            "**This run cannot say what attention adds:** one of the two recipes was trained with "
            "one seed only."
        )
    effect = (
        "raises" if row["ci_low"] > 0 else "lowers" if row["ci_high"] < 0 else "does not change"
    )
    significantly = " significantly" * (effect == "does not change")
    return (
        f"**Given the same labels, targets and sequence, attention {effect} the PR "
        f"AUC{significantly}** ({change(row['difference'], row['ci_low'], row['ci_high'])}; "
        f"{row['n_attention']} seeds against {row['n_dilations']}, permutation p = "
        f"{row['p_permutation']:.2g})."
    )


def say_attention(compared: pd.DataFrame, train_set: str, passes: Mapping[str, float]) -> str:
    """Answer what attention adds, on all test sets of the comparison.

    Parameters
    ----------
    compared : DataFrame
        From `genoattn.chapters.training_labels.attention`.
    train_set : str
    passes : mapping of model to passes
        Of the first model of each recipe.
    """
    told = "; ".join(
        f"{METRIC_NAMES[row['metric']]} on {source_name(row['test_set'])} "
        f"{row['mean_attention']:.3f} against {row['mean_dilations']:.3f} "
        f"({change(row['difference'], row['ci_low'], row['ci_high'])})"
        for row in compared.to_dict("records")
    )
    first, second = passes
    return (
        f"{attention_verdict(compared, train_set)} Means over the seeds of {first} against those "
        f"of {second}, and their difference with Welch's interval: {told}. The two were trained "
        f"for {passes[first]:.1f} and {passes[second]:.1f} passes."
    )
