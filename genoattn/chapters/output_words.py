"""What the chapter output says of pseudogenes, of novel sites, in short: frames in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.chapters.output_antisense_words import HAVE_BY_CHANCE
from genoattn.chapters.output_intervals import (
    ABOVE,
    BELOW,
    NEITHER,
    UNKNOWN,
    interval,
    intervals,
    row_of,
    texts,
    verdict,
)
from genoattn.evaluation import calls
from genoattn.genome.sites import position_name
from genoattn.interventions import shuffles
from genoattn.output import pseudogenes
from genoattn.output.regions import HIGHEST_IN_GAPS, labels
from genoattn.study.report import listed, with_interval

# ----------------------------------------------------------------------------------- pseudogenes


def effect_rows(effects: pd.DataFrame, level: float) -> pd.DataFrame:
    """Write the table of comparisons as texts."""
    rows = texts(
        effects,
        {
            "matched on": ("matched_on", ""),
            "strand": ("strand", ""),
            "pseudogenes": ("n", ","),
            "controls": ("n_controls", ","),
            "times the controls": ("ratio", ".2f"),
            "AT, points more": ("at_difference", "+.1f"),
            "length, times": ("length_ratio", ".2f"),
            "same expression": ("same_expression", ".0%"),
        },
    )
    limits = intervals(effects, ["ci_low", "ci_high"], ".2f", "too few")
    rows.insert(5, f"{level:.0%} interval", limits)
    return rows


def say_pseudogenes(effects: pd.DataFrame) -> str:
    """Say what is left of the difference when all is matched, strand by strand.

    Parameters
    ----------
    effects : DataFrame
        `pseudogenes.effects`.
    """
    matched = list(pseudogenes.SCHEMES)[-1]
    rows = effects[effects["matched_on"] == matched].to_dict("records")
    if not rows:
        return f"No pseudogene has a control that is matched on {matched}."
    words = {
        ABOVE: "an excess remains",
        BELOW: "a deficit remains",
        NEITHER: "no significant difference",
        UNKNOWN: "too few pseudogenes for an interval",
    }
    said = []
    for row in rows:
        ends = (row["ci_low"], row["ci_high"])
        how = verdict(*ends)
        ratio = f"{row['ratio']:.2f}"
        number = ratio if how == UNKNOWN else f"{ratio}, {interval(*ends)}"
        said.append(f"{row['strand']}, {words[how]} ({number})")
    return f"With {matched} matched: {'; '.join(said)}. {_odd(effects, matched)}"


def _odd(effects: pd.DataFrame, matched: str) -> str:
    """Say whether pseudogenes are odd once all is matched, and whether AT content explains it."""
    how = {
        (row["matched_on"], row["strand"]): verdict(row["ci_low"], row["ci_high"])
        for row in effects.to_dict("records")
    }
    at_all, at_content, of_all = (
        {one for (name, _), one in how.items() if name == scheme}
        for scheme in (*list(pseudogenes.SCHEMES)[:2], matched)
    )
    n = int(effects.loc[effects["matched_on"] == matched, "n"].max())
    number = f"({n:,} pseudogene{'' if n == 1 else 's'})"
    differ = {ABOVE, BELOW}
    if of_all & differ:
        strands = [
            strand for (name, strand), one in how.items() if name == matched and one in differ
        ]
        where = "strand" if len(strands) == 1 else "strands"
        return (
            f"Pseudogenes **are odd** beyond what is matched, on the {listed(strands)} {where} "
            f"{number}."
        )
    if of_all == {UNKNOWN}:
        return f"Whether pseudogenes are odd stays open {number}."
    gone = at_all & differ and at_content == {NEITHER}
    shown = [
        strand
        for (name, strand), one in how.items()
        if name == next(iter(pseudogenes.SCHEMES)) and one in differ
    ]
    because = (
        f"Without any matching, a difference to the controls is shown ({listed(shown)}); once AT "
        "content is matched, it no longer is. So p"
        if gone
        else "P"
    )
    most = effects.loc[effects["matched_on"] == matched, "ci_high"].max()
    return (
        f"{because}seudogenes are **not shown to be odd** {number}. Up to {most:.1f} times the "
        "output of their controls is not excluded, on either strand."
    )


# ------------------------------------------------------------------------------- false positives


ANY, BARE, TRUE = "any of these", "boxes, but no other evidence", "true start site"
"""Kinds of evidence that sentences name."""


def say_novel(supported: pd.DataFrame, threshold: calls.Threshold) -> str:
    """Say how many predicted sites that the labels lack have evidence elsewhere.

    Parameters
    ----------
    supported : DataFrame
        `novel.support`.
    threshold : Threshold
        Of the predicted sites, the known ones among them.
    """
    one, bare = (row_of(supported, "evidence", name) for name in (ANY, BARE))
    if not one["n"]:
        return "Every predicted site is known, so there is no false positive to ask about."
    n = int(one["n_supported"])
    if not one["chance"]:
        return (
            f"There are **{int(one['n']):,} novel sites** (precision {threshold.precision:.2f} by "
            "the curated set), but no evidence outside of the curation to compare them with. "
            f"{int(bare['n_supported']):,} ({bare['share']:.0%}) have a promoter's boxes."
        )
    precision = (threshold.n_hits + n) / threshold.n_peaks
    said = (
        f"Of **{int(one['n']):,} novel sites** (precision {threshold.precision:.2f} by the curated "
        f"set), {n:,} ({one['share']:.0%}; {interval(one['share_low'], one['share_high'], '.0%')})"
        f" have evidence outside of the curation; {one['chance']:.0%} would by chance. If all of "
        f"these were sites, the precision would be {precision:.2f}. "
        f"{_rest(int(one['n']), n, int(bare['n_supported']))}"
    )
    if TRUE in set(supported["evidence"]):
        true = int(row_of(supported, "evidence", TRUE)["n_supported"])
        said += f" In truth {true:,} of the novel sites {'is a' if true == 1 else 'are'} "
        said += f"start site{'' if true == 1 else 's'}."
    return said


def _rest(n: int, n_supported: int, n_bare: int) -> str:
    """Say what is known of the novel sites without evidence elsewhere."""
    without = n - n_supported
    if not without:
        return "None is without evidence."
    return (
        f"For the other {without:,} ({without / n:.0%}), evidence does not decide whose errors "
        f"they are. {n_bare:,} of them have boxes as good as the better half of the curated sites. "
        f"The remaining {without - n_bare:,} have neither evidence nor such boxes and are the "
        "likeliest errors of the model; but half of the curated sites lack such boxes, too."
    )


def candidate_rows(found: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """Write the best rows of the list as texts."""
    shown = found.head(n).drop(columns=["box_10_offset", "gene_distance"])
    numbers = texts(shown, {"output": ("output", ".2g"), "boxes_bits": ("boxes_bits", ".1f")})
    return shown.assign(output=list(numbers["output"]), boxes_bits=list(numbers["boxes_bits"]))


# ----------------------------------------------------------------------------- inside operons


def say_internal(
    one: Mapping[str, Any], n_promoters: int, recall: tuple[float, float, float]
) -> str:
    """Say how many predicted sites inside operons are known internal promoters, and the reverse.

    Parameters
    ----------
    one : mapping
        The row of `novel.support`.
    n_promoters : int
        Internal promoters that RegulonDB lists in the test part.
    recall : tuple of float
        Share of these that are predicted, with its interval.
    """
    n = int(one["n"])
    if not n:
        return "No predicted site lies inside an operon of several genes."
    match = "matches" if int(one["n_supported"]) == 1 else "match"
    said = (
        f"{n:,} predicted {'site lies' if n == 1 else 'sites lie'} inside operons of several "
        f"genes. **{int(one['n_supported']):,}** of them ({one['share']:.0%}; "
        f"{interval(one['share_low'], one['share_high'], '.0%')}) {match} an internal promoter "
        f"of RegulonDB; {one['chance']:.1%} would by chance"
    )
    if np.isfinite(one["ci_low"]):
        ratio = interval(one["ci_low"], one["ci_high"], ".0f")
        said += f": **{one['ratio']:.0f} times** as many ({ratio})"
    if not n_promoters:
        return f"{said}. RegulonDB lists no internal promoter here."
    share, low, high = recall
    return (
        f"{said}. Of RegulonDB's {n_promoters:,} internal promoters here, {share:.0%} "
        f"({interval(low, high, '.0%')}) have a predicted site; one predicted site can match "
        f"several. {_found(one, share)}"
    )


def _found(one: Mapping[str, Any], share: float) -> str:
    """Say in a few words whether the model finds internal promoters: how many, and by chance."""
    many = "Few" if share < 0.5 else "Most"
    found = f"**{many}** internal promoters are found, {share:.0%} of those known"
    if verdict(one["ci_low"], one["ci_high"]) != ABOVE:
        return f"{found}; that predictions match them more than by chance is not shown."
    return f"{found}, but predictions match them {one['ratio']:.0f} times as often as chance."


# -------------------------------------------------------------------------------------- in short


def short_places(regions: pd.DataFrame, extremes: pd.DataFrame, of: str = "TSSs") -> str:
    """Say in which region the median output is highest, and where it peaks around start sites."""
    at = extremes[extremes["site_class"] == of]
    sense, other = (row_of(at, "strand", relation) for relation in ("sense", "antisense"))
    said = (
        "over start sites the median output is highest at "
        f"{position_name(sense['peak_offset'])} on their own strand and at "
        f"{position_name(other['peak_offset'])} on the opposite one "
        f"({_times(sense['peak_ratio'])} and {_times(other['peak_ratio'])} times the median of the "
        "whole test part)."
    )
    shown = regions[(regions["region"] != HIGHEST_IN_GAPS) & (regions["ratio_low"] > 1)]
    if shown.empty:
        return f"In no class of regions is the output shown to be high; {said}"
    best = shown.loc[[shown["ratio"].idxmax()]]
    name, row = _in(labels(best)[0]), dict(best.iloc[0])
    ratio = with_interval(row["ratio"], row["ratio_low"], row["ratio_high"], ".2f")
    return (
        f"Among the regions the median output is highest {name}, {ratio} times that of the whole "
        f"test part; {said}"
    )


def _times(ratio: float) -> str:
    """Write a ratio with about three digits, and a large one without an exponent."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _in(region: str) -> str:
    """Put a region's name behind its preposition."""
    return region if region.startswith("between") else f"in the class *{region}*"


def short_opposite(tops: pd.DataFrame, changes: pd.DataFrame, share: float) -> str:
    """Say why the opposite strand's output rises, as far as it is shown.

    Parameters
    ----------
    tops, changes : DataFrame
        `antisense.group_peaks` and `antisense.changes`.
    share : float
        Of the sites that are alone, those with an antisense peak, of which some were shuffled.
    """
    one = row_of(tops, "group", "alone")
    if verdict(one["ci_low"], one["ci_high"]) != ABOVE:
        return "An opposite peak without a neighbouring start site is not shown."
    there = (
        "Without a neighbouring start site the opposite peak is still "
        f"{with_interval(one['ratio'], one['ci_low'], one['ci_high'], '.1f')} times the median"
    )
    rows = changes[changes["edit"] == shuffles.EDITS[1].name].to_dict("records")
    ends = [(row["ci_low"], row["ci_high"]) for row in rows]
    if all(verdict(*one) == BELOW for one in ends):
        left = listed(
            f"{with_interval(row['ratio'], row['ci_low'], row['ci_high'], '.1%')} of the "
            f"{row['strand']} peak"
            for row in rows
        )
        n = max(int(row["n"]) for row in rows)
        return (
            f"{there}. Of the sites without such a neighbour, {share:.0%} have an antisense output "
            f"higher than that at {1 - HAVE_BY_CHANCE:.0%} of random places. In {n:,} of these the "
            f"-10 region alone was shuffled, which leaves {left}: in the median over these sites, "
            "both peaks "
            "depend on this one stretch."
        )
    return f"{there}; that the -10 region makes both peaks is not shown."


def short_novel(supported: pd.DataFrame, n_predicted: int) -> str:
    """Say whether the false positives are errors of the labels, as far as evidence shows.

    Parameters
    ----------
    supported : DataFrame
        `novel.support`.
    n_predicted : int
        All predicted sites, those in the labels among them.
    """
    one = row_of(supported, "evidence", ANY)
    if not one["n"]:
        return "No predicted site is novel."
    if not one["chance"]:
        return (
            f"For {int(one['n']):,} predicted sites that the labels lack there is no other "
            "evidence, so whose errors they are stays open."
        )
    share = with_interval(one["share"], one["share_low"], one["share_high"], ".0%")
    more = verdict(one["ci_low"], one["ci_high"]) == ABOVE
    known = (n_predicted - one["n"]) / n_predicted
    return (
        f"We set the threshold so that {known:.0%} of the {n_predicted:,} predicted sites are in "
        f"the labels. Of the other {int(one['n']):,}, the *novel* ones, {share} have evidence "
        "outside of the curation, against "
        f"{one['chance']:.0%} by chance: "
        + (
            "many false positives may be gaps in the labels."
            if more
            else "that false positives are gaps in the labels is not shown."
        )
    )
