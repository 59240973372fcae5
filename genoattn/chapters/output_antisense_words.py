"""What the chapter output says of the strand opposite to start sites: frames in, text out."""

from __future__ import annotations

import pandas as pd

from genoattn.chapters.output_intervals import (
    ABOVE,
    BELOW,
    UNKNOWN,
    interval,
    intervals,
    row_of,
    texts,
    verdict,
)
from genoattn.genome.sites import position_name
from genoattn.interventions import shuffles
from genoattn.output import antisense
from genoattn.study.report import listed, with_interval

HAVE_BY_CHANCE = 0.1
"""Share of random places whose output on the other strand counts as a peak."""


# ---------------------------------------------------------------------------- the other strand


def top_rows(tops: pd.DataFrame) -> pd.DataFrame:
    """Write the table of the groups' antisense peaks as texts."""
    place = ["" if pd.isna(one) else position_name(int(one)) for one in tops["offset"]]
    rows = texts(
        tops.assign(place=place),
        {
            "on the other strand": ("group", ""),
            "sites": ("n", ","),
            "highest at": ("place", ""),
            "times the whole part": ("ratio", ".1f"),
        },
    )
    return rows.assign(interval=intervals(tops, ["ci_low", "ci_high"], ".1f", "too few sites"))


def say_alone(tops: pd.DataFrame) -> str:
    """Say whether the antisense peak is there without a neighbour.

    Parameters
    ----------
    tops : DataFrame
        `antisense.group_peaks`.
    """
    one = row_of(tops, "group", "alone")
    if not one["n"]:
        return "No start site is alone, so neighbours cannot be ruled out as the reason."
    ratio = with_interval(one["ratio"], one["ci_low"], one["ci_high"], ".1f", "too few sites")
    if verdict(one["ci_low"], one["ci_high"]) == ABOVE:
        return (
            f"The peak remains where no assay reports a neighbour, at {ratio} times the whole "
            "part's median: neighbours that an assay reports cannot be the whole explanation."
        )
    return f"At the sites that are alone no peak is shown: {ratio} times the whole part's median."


def mirror_rows(correlated: pd.DataFrame) -> pd.DataFrame:
    """Write the table of rank correlations as texts."""
    rows = texts(
        correlated,
        {
            "sites that are alone": ("quantities", ""),
            "n": ("n", ","),
            "rank correlation": ("spearman", ".2f"),
        },
    )
    limits = ["ci_low", "ci_high"]
    return rows.assign(interval=intervals(correlated, limits, ".2f", "too few sites"))


def say_height(at_alone: pd.Series, at_random: pd.Series) -> str:
    """Say how the antisense output of sites compares with that of random places (medians)."""
    return (
        "Of each site that is alone we take the highest antisense output near the place where the "
        "profile has its peak. In the median over sites it is "
        f"{at_alone.median() / at_random.median():.1f} times as high as the same at random places."
    )


def say_mirrored(share: tuple[float, float, float], top: int, tolerance: int, reach: int) -> str:
    """Say how often the highest antisense output lies where the profile has its peak.

    Parameters
    ----------
    share : tuple of float
        Share of the sites with its interval.
    top : int
        Offset of the profile's peak.
    tolerance, reach : int
        Half width in nt of the window around it, and of the close-up.
    """
    mid, low, high = share
    by_chance = (2 * tolerance + 1) / (2 * reach + 1)
    said = (
        f"At {mid:.0%} ({interval(low, high, '.0%')}) of the sites that are alone, the highest "
        "antisense output "
        f"within {reach} nt lies at {position_name(top - tolerance)} to "
        f"{position_name(top + tolerance)} ({by_chance:.0%} by chance)"
    )
    if verdict(low, high, by_chance) != ABOVE:
        return f"{said}; that this is more than chance is not shown."
    side = "upstream" if top < 0 else "downstream"
    return (
        f"{said}. This range surrounds the peak of the median profile, so it is chosen on the same "
        "sites. The point about which the "
        f"strands mirror each other lies {abs(top) / 2:.1f} nt {side} of the start site, halfway "
        "between it and that peak."
    )


def say_correlated(correlated: pd.DataFrame) -> str:
    """Say whether the antisense output follows the mirror score, and whether sense explains it."""
    plain, _, fixed = correlated.to_dict("records")
    ends = (plain["ci_low"], plain["ci_high"])
    value = with_interval(plain["spearman"], *ends, ".2f", "too few sites")
    how = verdict(*ends, expected=0)
    if how == UNKNOWN:
        return "The sites are too few to correlate mirror score and antisense output."
    if how != ABOVE:
        return (
            "The antisense output is not shown to rise with the mirror score: rank correlation "
            f"{value}."
        )
    rest = with_interval(fixed["spearman"], fixed["ci_low"], fixed["ci_high"], ".2f")
    return (
        f"The antisense output rises with the mirror score: rank correlation {value}, and {rest} "
        "with the sense output held fixed."
    )


# ------------------------------------------------------------------------------------- shuffles


def change_rows(changes: pd.DataFrame) -> pd.DataFrame:
    """Write what each edit leaves as texts, a row an edit."""
    left = intervals(changes, ["ratio", "ci_low", "ci_high"], ".2g", "too few sites")
    rows = changes.assign(left=left).pivot(index="edit", columns="strand", values="left")
    rows = rows.loc[changes["edit"].unique(), ["sense", "antisense"]]
    rows.columns = ["sense output left, times", "antisense output left, times"]
    return rows.rename_axis("shuffled").reset_index()


def say_chosen(share: float, n: int) -> str:
    """Say how many sites have an antisense peak, and how many promoters were shuffled."""
    return (
        f"Of the sites that are alone, {share:.0%} have an antisense peak (by chance: "
        f"{HAVE_BY_CHANCE:.0%}). Of these, {n} "
        f"had {'its promoter' if n == 1 else 'their promoters'} shuffled."
    )


def say_shuffled(changes: pd.DataFrame) -> str:
    """Say whether the surroundings of the -10 box carry both peaks.

    Parameters
    ----------
    changes : DataFrame
        `antisense.changes`. An interval that touches 1 shows no change.
    """
    box = shuffles.EDITS[1].name
    rows = changes[changes["edit"] == box]
    how = {row["strand"]: verdict(row["ci_low"], row["ci_high"]) for row in rows.to_dict("records")}
    if UNKNOWN in how.values():
        return "These sites are too few for an interval, so nothing is shown."
    kept = [f"the {strand} peak" for strand, one in how.items() if one != BELOW]
    if kept:
        return (
            f"Shuffling the **{box}** does not significantly lower {listed(kept)}, so it is not "
            "shown to carry both peaks."
        )
    return (
        f"Shuffling the **{box}** lowers both peaks, so both depend on it. The shuffle does not "
        "say whether both depend on the same letters of it."
    )


def say_explained(tops: pd.DataFrame, changes: pd.DataFrame, share: float) -> str:
    """Close: for how many sites which explanation is left.

    Parameters
    ----------
    tops, changes : DataFrame
        `antisense.group_peaks` and `antisense.changes`.
    share : float
        Of the sites that are alone, those with an antisense peak.
    """
    rows = {row["group"]: row for row in tops.to_dict("records")}
    n = {group: int(row["n"]) for group, row in rows.items()}
    total = sum(n.values())
    shared, near, alone = (f"{n[one]:,} ({n[one] / total:.0%})" for one in antisense.GROUPS)
    both = changes[changes["edit"] == shuffles.EDITS[1].name].to_dict("records")
    shown = all(verdict(row["ci_low"], row["ci_high"]) == BELOW for row in both)
    return (
        f"**Which explanation holds, and for how many?** Of {total:,} start sites, {alone} are "
        f"alone: no assay sees a neighbour. {share:.0%} of them have an antisense peak "
        f"({HAVE_BY_CHANCE:.0%} by chance), and "
        + (
            "in the median over those that were shuffled it depends on the -10 region. "
            if shown
            else "that it depends on the -10 region is not shown. "
        )
        + f"{near} have another site near, and {shared} one that may share their -10 box. In "
        "these two groups several explanations may add up, and we did not separate them; where "
        "the -10 box is shared, "
        "the second and the third explanation cannot be told apart."
    )
