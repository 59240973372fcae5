"""What the chapter training says of scores: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from genoattn.chapters.training_numbers import difference, or_blank, score
from genoattn.data.assays import source_name
from genoattn.evaluation.scores import METRIC_NAMES, differs_from_paper
from genoattn.model.scanner import DISTANCES, SPACERS, PromoterScanner
from genoattn.study import earlier
from genoattn.study.report import folded, listed, table

# ----------------------------------------------------------------------------------- scores


def say_own(name: str, own: pd.DataFrame, guess: float) -> str:
    """Say how a model scores on the set that it was trained on.

    Parameters
    ----------
    name : str
    own : DataFrame
        By metric: value, ci_low, ci_high.
    guess : float
        PR AUC of guessing: the share of sites.
    """
    roc, pr = (score(own.loc[one]) for one in METRIC_NAMES)
    return (
        f"On the test part, by the sites of the set that it was trained on, **{name}** has a ROC "
        f"AUC of {roc} and a PR AUC of {pr}; guessing has 0.5 and {guess:.4f}."
    )


def say_paper(pairs: pd.DataFrame) -> str:
    """Say in how many pairs of sets the paper's score is not one that another training would give.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.evaluation.seeds.over_seeds`: metric, value, ci_low, ci_high, paper_value.
    """
    told, lone = [], 0
    for metric, title in METRIC_NAMES.items():
        rows = pairs[(pairs["metric"] == metric) & pairs["paper_value"].notna()]
        judged = rows[rows["ci_low"].notna()]
        lone = max(lone, len(rows) - len(judged))
        if judged.empty:
            continue
        outside = differs_from_paper(judged)
        away = judged["value"] - judged["paper_value"]
        told.append(
            f"in {title}, it lies outside in {outside.sum()} of {len(judged)} pairs of sets (ours "
            f"is higher in {(outside & (away > 0)).sum()}, lower in {(outside & (away < 0)).sum()};"
            f" the median difference is {away.median():+.3f})"
        )
    if not told:
        return (
            "Only one seed was trained, so the paper's scores cannot be judged beside ours."
            if lone
            else ""
        )
    return (
        "The paper trained one model of each kind. We ask whether its score lies in the 95% "
        f"prediction interval of one more training of ours: {'; '.join(told)}. In the folded table "
        "of all scores, such values are bold."
        + _say_width(pairs)
        + (f" Of {lone} pairs there is but one seed; they are not judged." if lone else "")
    )


def _say_width(pairs: pd.DataFrame) -> str:
    """How wide the interval of one more training is, and so what could differ unseen."""
    pr = pairs[(pairs["metric"] == "pr_auc") & pairs["ci_low"].notna()]
    half = (pr["ci_high"] - pr["ci_low"]).median() / 2
    if not np.isfinite(half):
        return ""
    n = int(pr["n_seeds"].min())
    return (
        f" With as few as {n} seeds such an interval is wide (±{half:.2f} in PR AUC in the median),"
        " so that a score inside it is not shown to be the same."
    )


def say_seeds(pairs: pd.DataFrame, absent: Collection[str]) -> str:
    """Say how many seeds a score is the mean of, and how far they lie apart.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.evaluation.seeds.over_seeds`.
    absent : collection of str
        Models whose scores are from an earlier run.
    """
    several = pairs[pairs["n_seeds"] > 1]
    if several.empty:
        return (
            "No model was trained a second time with another seed, so this run does not show how "
            "much a second training would differ."
        )
    n = sorted({int(one) for one in pairs["n_seeds"]})
    width = (several["highest"] - several["lowest"]).groupby(several["metric"]).max()
    return (
        f"Scores of training sets are means over {listed(map(str, n))} seeds. Seeds differ by up "
        f"to {width['roc_auc']:.3f} in ROC AUC and {width['pr_auc']:.3f} in PR AUC."
        + " Some of these scores are from an earlier run."
        * bool(absent)
    )


def say_controls(rows: pd.DataFrame) -> str:
    """Say how models score that were trained on labels which are no sites; nothing without any.

    Parameters
    ----------
    rows : DataFrame
        Columns model, train_set (which says what was done to the labels), metric, value, ci_low,
        ci_high.
    """
    told = []
    for name, part in rows.groupby("model", sort=False):
        roc, pr = (score(part.set_index("metric").loc[one]) for one in METRIC_NAMES)
        told.append(
            f"**{name}**, trained on {_moved(part['train_set'].iloc[0])}, has a ROC AUC of {roc} "
            f"and a PR AUC of {pr}"
        )
    return (
        f"A control shows what a model scores that has no sites to learn from: {listed(told)}."
        if told
        else ""
    )


def _moved(train_set: str) -> str:
    """Name a set of sites in plain words if it was turned round."""
    name, turned, _ = train_set.partition(", labels turned round")
    if not turned:
        return train_set
    return f"the {source_name(name)} after all its sites were moved round the genome together"


def pair_table(
    pairs: pd.DataFrame, baselines: Mapping[str, pd.DataFrame], published: bool
) -> pd.DataFrame:
    """Training sets against test sets as texts, the paper and baselines beside.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.evaluation.seeds.over_seeds`: train_set, test_set, metric, value, ci_low,
        ci_high, paper_value.
    baselines : mapping of name to DataFrame
        The same columns; the first model a training set counts.
    published : bool
        Whether the paper's values stand beside.
    """
    keys = ["train_set", "test_set", "metric"]
    beside = {
        name: rows.drop_duplicates(keys).set_index(keys)["value"]
        for name, rows in baselines.items()
    }
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in pairs.assign(differs=differs_from_paper(pairs)).to_dict("records"):
        train_set, test_set, metric = (row[key] for key in keys)
        line = cells.setdefault((train_set, test_set), {})
        title = METRIC_NAMES[metric]
        line[title] = score(row)
        if published:
            mark = "**" * row["differs"]
            line[f"{title}, paper"] = f"{mark}{or_blank(row['paper_value'])}{mark}"
        for name, values in beside.items():
            value = values.get((train_set, test_set, metric), np.nan)
            line[f"{title}, {name}"] = or_blank(value)
    wide = pd.DataFrame.from_dict(cells, orient="index").reset_index(drop=True)
    titles = list(METRIC_NAMES.values())
    wide = wide[[name for title in titles for name in wide if str(name).split(",")[0] == title]]
    for place, column in ((1, "tested on"), (0, "trained on")):
        wide.insert(0, column, [source_name(key[place]) for key in cells])
    return wide


# ------------------------------------------------------------------------------------ rivals


def say_scanner(one: PromoterScanner, near: str = "promoter") -> str:
    """Say what promoter the scanner fitted, or what else lies ``near`` the sites."""
    box35, box10 = one.consensus
    spacer, distance = SPACERS[int(one.spacer.argmax())], DISTANCES[int(one.distance.argmax())]
    return (
        f"The scanner's most likely {near} is {box35}, {spacer} nt, {box10} and {distance} nt "
        f"before the start. By its fit, {one.share:.0%} of the sites have one."
    )


def compared(low: float, high: float) -> str:
    """Say in two words what the interval of a difference means."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no paired interval"
    return "higher" if low > 0 else "lower" if high < 0 else "not significantly different"


def say_rivals(comparison: pd.DataFrame, model: str, absent: Collection[str]) -> str:
    """Say how other models on the same labels score beside the chapter's own.

    Parameters
    ----------
    comparison : DataFrame
        From `genoattn.evaluation.scores.compare`; rows of models not at hand have no difference.
    model : str
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    rows = comparison[(comparison["metric"] == "pr_auc") & (comparison["model"] != model)]
    shown = pd.DataFrame(
        [
            [
                earlier.marked(row["model"], absent),
                score(row),
                "" if row["model"] in absent else difference(row),
                compared(row["difference_low"], row["difference_high"]),
            ]
            for row in rows.to_dict("records")
        ],
        columns=["model", "PR AUC", f"difference from {model}", "verdict"],
    )
    only = rows.iloc[0] if len(rows) == 1 else None
    told = (
        f"The PR AUC of {only['model']} differs from that of {model} by **{difference(only)}**. "
        if only is not None and only["model"] not in absent
        else ""
    )
    return (
        f"{told}Differences are from {model}, on the same resampled blocks; they are between "
        "single trainings, and do not count the spread of seeds.\n\n"
        + folded("All models", table(shown))
        + earlier.note(rows["model"], absent)
    )
