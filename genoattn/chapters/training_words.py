"""What the chapter training says of steps and readings, and in short: frames in, Markdown out."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from genoattn.chapters.training_numbers import difference, or_blank
from genoattn.chapters.training_scores_words import say_own
from genoattn.data.assays import source_name
from genoattn.evaluation.scores import METRIC_NAMES
from genoattn.evaluation.statistics import proportion
from genoattn.study import earlier
from genoattn.study.report import folded, listed, table, with_interval

_READINGS = {
    "focal_gamma": "the text minimises the cross-entropy, the code a focal loss (`focal_gamma`)",
    "context": "the code reads no sequence before a segment, where this study reads what lies "
    "upstream of it (`context`)",
}


# ----------------------------------------------------------------------- steps and readings


def say_steps(steps: pd.DataFrame, absent: Collection[str]) -> str:
    """Table of the steps from the paper's architecture to the best model.

    Parameters
    ----------
    steps : DataFrame
        From `genoattn.evaluation.models.step_table`.
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    if steps.empty:
        return "Left out: this run names no steps (`steps`), or none of their models is at hand."
    coarse = steps.columns[-1]
    shown = pd.DataFrame(
        [
            [
                earlier.marked(row["model"], absent),
                f"{row['passes']:.2f}",
                or_blank(1e3 * row["validation_loss"]),
                *(f"{row[name]:.3f}" for name in ("roc_auc", "pr_auc", coarse)),
            ]
            for row in steps.to_dict("records")
        ],
        columns=[
            "model", "passes", "validation loss, 10⁻³ nats", "ROC AUC", "PR AUC",
            f"PR AUC, {coarse.removeprefix('pr_auc_')}-mers",
        ],
    )  # fmt: skip
    return (
        f"{_say_gains(steps)} All decisions were made on the validation part; each row was scored "
        "on the test part "
        "once.\n\n" + folded("All steps", table(shown)) + earlier.note(steps["model"], absent)
    )


def _say_gains(steps: pd.DataFrame) -> str:
    """Say how far the mean over seeds moves, in all and by single steps."""
    by_step = steps.groupby("step", sort=False)
    mean = by_step[["roc_auc", "pr_auc"]].mean()
    said = (
        f"From the first step to the last, the mean over seeds goes from "
        f"{mean['roc_auc'].iloc[0]:.3f} to {mean['roc_auc'].iloc[-1]:.3f} in ROC AUC and from "
        f"{mean['pr_auc'].iloc[0]:.3f} to {mean['pr_auc'].iloc[-1]:.3f} in PR AUC."
    )
    spread = by_step["pr_auc"].agg(lambda one: one.max() - one.min()).max()
    if len(mean) < 2 or not spread > 0:
        return said
    said += f" Seeds of one step differ by {spread:.3f} at most"
    gains, n = int((mean["pr_auc"].diff() > spread).sum()), len(mean) - 1
    if n == 1:
        return f"{said}."
    whole = mean["pr_auc"].iloc[-1] - mean["pr_auc"].iloc[0] > spread
    count = "none" if not gains else "each" if gains == n else f"only {gains}"
    together = ", all of them together do" if whole and gains < n else ""
    return f"{said}; {count} of the {n} steps by itself moves the mean by more{together}."


def say_readings(read: pd.DataFrame, names: Sequence[str], absent: Collection[str]) -> str:
    """Say what each reading of the paper is worth: the changed setting, the change of the scores.

    Parameters
    ----------
    read : DataFrame
        From `genoattn.evaluation.models.compare_readings`.
    names : sequence of str
        Test sets shown.
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    if read.empty:
        return "Left out: this run names no such models (`readings`), or they are not at hand."
    together = " ".join(read["differs_in"].unique())
    apart = "; ".join(text for setting, text in _READINGS.items() if setting in together)
    passes = listed(f"{one:.2f}" for one in sorted(read["passes"].unique()))
    said = (
        (f"The two disagree: {apart}. " if apart else "")
        + f"A network of the paper's shape was trained briefly ({passes} passes), and again with "
        "one setting changed at a time. The first row of each table is the score of the unchanged "
        "one; the others are "
        "changes of it with their intervals, on the same resampled blocks."
        + _say_largest(read, names[0])
    )
    for metric, rows in read.groupby("metric", sort=False):
        lines = []
        for model, part in rows.groupby("model", sort=False):
            cells = [
                difference(row) if row["differs_in"] else f"{row['value']:.3f}"
                for row in part.set_index("test_set").reindex(list(names)).to_dict("records")
            ]
            setting = part["differs_in"].iloc[0] or "unchanged"
            lines.append([earlier.marked(setting, {setting} if model in absent else ()), *cells])
        columns = [METRIC_NAMES[str(metric)], *map(source_name, names)]
        shown = table(pd.DataFrame(lines, columns=columns))
        pr = metric == "pr_auc"  # the other score folds away
        said += "\n" + (shown if pr else folded(METRIC_NAMES[str(metric)], shown))
    return said + earlier.note(read["model"], absent)


def _say_largest(read: pd.DataFrame, test_set: str) -> str:
    """Say which setting matters most to the PR AUC on a test set, and how much."""
    own = read[(read["metric"] == "pr_auc") & (read["test_set"] == test_set)]
    base, changed = own[own["differs_in"] == ""], own[own["differs_in"] != ""]
    if base.empty or changed.empty:
        return ""
    changed = changed.sort_values("difference", key=lambda one: -one.abs())
    told = "; ".join(
        f"{difference(row)} with `{row['differs_in']}`" for row in changed.to_dict("records")
    )
    return (
        f" The PR AUC on the {source_name(test_set)}, {base['value'].iloc[0]:.3f} if nothing is "
        f"changed, changes by, the greatest change first: {told}."
    )


# --------------------------------------------------------------------------------- in short


def say_in_short(
    name: str,
    own: pd.DataFrame,
    guess: float,
    matched: pd.DataFrame,
    verdicts: Sequence[str],
    on_probability: str,
    *,
    several: bool = True,
) -> str:
    """Answer the chapter's question.

    Parameters
    ----------
    name : str
        The chapter's own model.
    own : DataFrame
        Its exact scores on its own set, by metric.
    guess : float
        Share of sites in the test part.
    matched : DataFrame
        From `genoattn.evaluation.calls.match_table`, with a column ``model``.
    verdicts : sequence of str
        On the best model, on labels and on attention; empty ones are left out.
    on_probability : str
        Verdict.
    several : bool
        Whether labels and architectures are compared.
    """
    roc: Any = own.loc["roc_auc"]
    if roc["ci_low"] <= 0.5:
        answer = "It does not distinguish start sites from other nucleotides"
    else:
        calls = matched[matched["model"] == name].sort_values("tolerance")
        found = listed(
            f"{_share(row)} {_where(int(row['tolerance']))}"
            for row in calls.iloc[[0, -1]].drop_duplicates("tolerance").to_dict("records")
        )
        answer = (
            "It ranks start sites far above most nucleotides. Yet if it names as many positions "
            f"as there are sites, those of highest output, only {found}"
            if roc["value"] > 0.9
            else "It ranks start sites above other nucleotides. If it names as many positions as "
            f"there are sites, those of highest output, {found}"
        )
    told = [f"{say_own(name, own, guess)} {answer}.", *(one for one in verdicts if one)]
    lines = "\n".join(f"- {one}" for one in told)
    return (
        f"{lines}\n- Is the output a probability? {on_probability}.\n\n"
        "Intervals of scores come from resampling blocks of one test part of one genome"
        + (
            ". The comparison of labels also counts the spread of seeds; that of attention with "
            "dilations counts the seeds alone."
            if several
            else ", and one training; they do not count the spread of seeds."
        )
    )


def _share(row: Mapping[Hashable, Any]) -> str:
    """Precision of as many calls as there are sites, with its exact interval."""
    hits = round(row["recall"] * row["n_sites"])
    n_calls = round(hits / row["precision"]) if hits else 0
    return with_interval(row["precision"], *proportion(hits, n_calls, 0.95)[1:], ".0%")


def _where(tolerance: int) -> str:
    """Say where a call that finds a site lies."""
    return f"lie within {tolerance} nt of a site of their own" if tolerance else "are a site"


def words_of_distance(tolerance: int) -> str:
    """Say how near a call must be to its site."""
    return f"within {tolerance} nt" if tolerance else "at the exact position"
