"""What the chapter training says of the sites that are found: frames in, sentences out."""

from __future__ import annotations

import pandas as pd

from genoattn.chapters.training_numbers import score
from genoattn.evaluation.kinds import UPSTREAM
from genoattn.study.report import with_interval

FEW = 10
"""A group of fewer sites is not told of in a sentence."""


def _share(row: pd.Series) -> str:
    """Recall with its interval."""
    return with_interval(row["recall"], row["ci_low"], row["ci_high"], ".0%")


def say_found(recall: pd.DataFrame, tolerance: int) -> str:
    """Answer which sites are found.

    Parameters
    ----------
    recall : DataFrame
        From `genoattn.evaluation.kinds.recall_by`, all sites first.
    tolerance : int
        Farthest that a call may be from its site, in nt.
    """
    whole = recall.iloc[0]
    said = (
        f"Of the {whole['n']:,} sites, {_share(whole)} have a call of their own within {tolerance} "
        f"nt, among the {whole['n']:,} highest calls."
    )
    by = dict([*recall.iloc[1:].groupby("kind", sort=False)])
    if "sources" in by and len(by["sources"]) > 1:
        rows = by.pop("sources")
        first, last = rows.iloc[0], rows.iloc[-1]
        apart = last["ci_low"] > first["ci_high"]
        word = "**Those that more assays saw.** " if apart else ""
        said = (
            f"{word}{said} By the number of sources that have a site, recall goes from "
            f"{_share(first)} with {first['group']} to {_share(last)} with {last['group']}."
        )
    elif "start codon" not in by:
        said = f"**How sure a site is cannot be told here.** {said}"
    lacking = not by.keys() & {"sigma factor", "start codon"}
    if lacking:
        said += " The tables of this run name no sigma factors."
    lines = []
    for kind, rows in by.items():
        told = rows[rows["n"] >= FEW]
        if len(told) > 1:
            groups = "; ".join(
                f"{row['group']} {_share(row)} of {row['n']:,}" for _, row in told.iterrows()
            )
            lines.append(f"- By {kind}: {groups}.")
    return said + ("\n\n" + "\n".join(lines) if lines else "")


def say_copies(n: int, of: int, own: pd.DataFrame, fewer: pd.DataFrame | None) -> str:
    """Say how many sites have a copy in the training part, and what the model scores without them.

    Parameters
    ----------
    n, of : int
        Sites with a copy, and all of them.
    own : DataFrame
        Scores on all sites by metric: value, ci_low, ci_high.
    fewer : DataFrame or None
        `genoattn.evaluation.scores.compare` without the sites that have a copy; None if there are
        none, or no others.
    """
    what = f"the {UPSTREAM} nt directly upstream"
    if fewer is None:
        return f"Of {of:,} sites, {n:,} have {what} in the training part too."
    rest = fewer.set_index("metric").loc["pr_auc"]
    return (
        f"**Copies across the split.** Of {of:,} sites, {n:,} have {what} in the training part "
        f"too, on either strand, so that the model may have learnt them by heart. Without these "
        f"positions its PR AUC is {score(rest)}, with them {score(own.loc['pr_auc'])}."
    )
