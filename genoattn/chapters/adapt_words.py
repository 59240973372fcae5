"""What the chapter adapt says: frames in, sentences and tables out."""

from __future__ import annotations

import pandas as pd

from genoattn.evaluation.scores import METRIC_NAMES
from genoattn.study.report import table, with_interval

SIMULATED = (
    " No genome was given, so one is simulated, of a species whose promoters have other boxes than "
    "those that the model was trained on."
)
MOST_OF_IT = 0.8
"""Share of the whole gain that a smaller number of sites has to reach."""


def say_given(name: str, length: int, taught: int, held_out: int, weights: str) -> str:
    """Say what is adapted to what."""
    return (
        f"**{weights}** is adapted to `{name}` ({length:,} nt). The first half of the genome, with "
        f"{taught:,} labelled sites, teaches; the second, with {held_out:,}, tests. "
    )


def say_audit(audit: pd.DataFrame, reason: str | None) -> str:
    """Say how many sites are purines, and whether that is a reason for doubt."""
    at_site = float(audit.loc[audit["offset"] == 0, "purines"].iloc[0])
    said = f"{at_site:.0%} of the sites are purines"
    if reason is None:
        return f"{said}, more than at any position near them, as it should be."
    return f"{said}, which speaks against the table ({reason}); `go_on` uses it all the same."


def say_curve(curve: pd.DataFrame) -> str:
    """List the scores before and after, by number of sites; means over seeds."""
    rows, n_seeds = [], curve["seed"].nunique()
    for number, own in curve.groupby("n_sites", sort=True):
        cells: dict[str, object] = {"labelled sites": f"{number:,}"}
        for metric, k in (("pr_auc", 1), ("pr_auc", 10), ("roc_auc", 1)):
            each = own[(own["metric"] == metric) & (own["resolution"] == k)]
            row = each.mean(numeric_only=True)
            title = METRIC_NAMES[metric] + (f", {k}-mers" if k > 1 else "")
            cells[title] = f"{row['before']:.3f} → {row['after']:.3f}"
            if (metric, k) == ("pr_auc", 1):
                cells["change"] = with_interval(
                    row["difference"], row["difference_low"], row["difference_high"], "+.3f"
                )
                if n_seeds > 1:
                    low, high = each["after"].min(), each["after"].max()
                    cells["single seeds"] = f"{low:.3f} to {high:.3f}"
        rows.append(cells)
    said = (
        "\nAll scores are those of the held-out half (of its first nucleotides where `most` is set)"
    )
    if n_seeds > 1:
        said += (
            f", and means over {n_seeds} seeds, each of which draws another stretch; intervals are "
            "those of the genome alone, averaged over the seeds"
        )
    return table(pd.DataFrame(rows)) + said + "."


def say_others(curve: pd.DataFrame) -> str:
    """List what all labelled sites brought in other species, which earlier runs adapted to."""
    if curve.empty:
        return ""
    rows = []
    for species, own in curve.groupby("species"):
        exact = _exact(own)
        row = exact.iloc[-1]
        bounds = row["difference_low"], row["difference_high"]
        rows.append(
            {
                "species": species,
                "labelled sites": f"{exact.index[-1]:,}",
                METRIC_NAMES["pr_auc"]: f"{row['before']:.3f} → {row['after']:.3f}",
                "change": with_interval(row["difference"], *bounds, "+.3f"),
            }
        )
    return "\n\nOther species, adapted to before:\n\n" + table(pd.DataFrame(rows))


def _exact(curve: pd.DataFrame) -> pd.DataFrame:
    """PR AUC at exact positions, the mean over seeds, by number of sites."""
    own = curve[(curve["metric"] == "pr_auc") & (curve["resolution"] == 1)]
    return own.groupby("n_sites")[
        ["before", "after", "difference", "difference_low", "difference_high"]
    ].mean()


def say_all(curve: pd.DataFrame) -> str:
    """Say what all labelled sites bring, and whether it is significant."""
    exact = _exact(curve)
    row = exact.iloc[-1]
    change = with_interval(row["difference"], row["difference_low"], row["difference_high"], "+.3f")
    told = f"{exact.index[-1]:,} labelled sites of one half of the genome"
    if (n_seeds := curve["seed"].nunique()) > 1:
        told += f" (mean of {n_seeds} seeds)"
    if row["difference_low"] > 0:
        return (
            f"With {told}, the PR AUC on the other half rises from {row['before']:.3f} to "
            f"**{row['after']:.3f}** ({change})."
        )
    if row["difference_high"] < 0:
        return (
            f"With {told}, the PR AUC on the other half falls from {row['before']:.3f} to "
            f"{row['after']:.3f} ({change}): use the model as it was."
        )
    return (
        f"With {told}, the PR AUC on the other half does not change significantly: "
        f"{row['before']:.3f} before, {row['after']:.3f} after ({change})."
    )


def say_enough(curve: pd.DataFrame) -> str:
    """Say how few sites bring most of the gain."""
    exact = _exact(curve)
    whole = exact["difference"].iloc[-1]
    if whole <= 0 or len(exact) < 2:
        return ""
    enough = exact[exact["difference"] >= MOST_OF_IT * whole]
    number = int(enough.index[0])
    if number == exact.index[-1]:
        before = exact.index[-2]
        share = exact["difference"].iloc[-2] / whole
        return (
            f"{before:,} of them bring {share:.0%} of the gain; {MOST_OF_IT:.0%} of it need more."
        )
    share = enough["difference"].iloc[0] / whole
    return f"{number:,} of them already bring {share:.0%} of the gain."
