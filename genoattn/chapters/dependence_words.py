"""What the chapter dependence says of nucleotides, and in short: frames in, sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genoattn.chapters.dependence_carriers_words import head_name
from genoattn.evaluation import statistics
from genoattn.interventions import mutagenesis
from genoattn.study.report import in_words, listed, table, with_interval

if TYPE_CHECKING:
    from genoattn.chapters.dependence_carriers import Mediated

SLOW = 0.02
"""Share of a difference that the attributions of the median site may miss unremarked."""


# ------------------------------------------------------------------------ changing nucleotides


def say_scan(scan: mutagenesis.Scan, n_sites: int, n_steps: int) -> str:
    """Say what was changed, and how far the attributions add up to what they should.

    Parameters
    ----------
    scan : Scan
    n_sites : int
        Sites of the test part, from which those of the scan were drawn.
    n_steps : int
        Points of the integral.
    """
    difference = scan.ends[:, 0] - scan.ends[:, 1]
    error = np.abs(scan.completeness_error)
    missed = float(np.median(error / np.abs(difference)))
    alike = np.nanmedian(statistics.rank_correlation(scan.gradient, -scan.effect))
    slowly = (
        "The integral converges slowly, because the output changes almost abruptly at some points "
        "of the way; trust sums and mean maps of attributions more than single ones. "
        if missed > SLOW
        else ""
    )
    return (
        f"We changed the surroundings of **{len(scan.sites):,} start sites** (of {n_sites:,} in "
        f"the test part), in {int(np.isfinite(scan.single).sum()):,} exchanges of single "
        f"nucleotides and {scan.word.size:,} of words of {scan.width} nt. The sequence of the "
        f"region raises the log-odds by {difference.mean():.2f} on average above the baseline. "
        f"The attributions of a site should add up to its difference; with {n_steps} points of the "
        f"integral, the median site misses it by {np.median(error):.3f} ({missed:.1%}) and the "
        f"worst by {error.max():.3f}. {slowly}Within the median site, exchanges and gradients rank "
        f"the positions with a correlation of {alike:.2f}."
    )


def say_positions(effects: pd.DataFrame) -> str:
    """Say where an exchange costs most, and whether gradients agree."""
    most = effects.nsmallest(5, "mutation")
    told = listed(
        f"{label:+d} ({effect:+.2f})"
        for label, effect in zip(most["label"], most["mutation"], strict=True)
    )
    word = effects.nsmallest(1, "word")
    alike = float(
        statistics.rank_correlation(effects["gradient"].to_numpy(), -effects["mutation"].to_numpy())
    )
    return (
        f"The exchange of one nucleotide costs most at {told}; its interval lies below zero at "
        f"{int((effects['mutation_high'] < 0).sum())} of {len(effects)} positions. The costliest "
        f"word is centred at {word['label'].item():+d}: its exchange changes the log-odds by "
        f"{_ranges(word, 'word', 'word_low', 'word_high')[0]}. Over positions, the "
        f"mean maps of exchanges and of gradients have a rank correlation of {alike:.2f}."
    )


def say_planted(elements: pd.DataFrame) -> str:
    """Say what an exchange costs inside planted elements and outside of all of them."""
    rows = pd.DataFrame(
        {
            "planted element": elements["element"],
            "sites": elements["n_sites"],
            "mean effect of an exchange": _ranges(elements, "effect", "low", "high"),
            "mean attribution": elements["gradient"].map("{:+.2f}".format),
        }
    )
    return (
        "**Against the truth.** On this simulated genome it is known which nucleotides are "
        "elements. The table gives the mean change of the log-odds by an exchange inside each "
        "element, and outside of all elements at the same sites; sites whose labelled position is "
        "not the true one are left out.\n" + table(rows)
    )


def _ranges(rows: pd.DataFrame, value: str, low: str, high: str, spec: str = "+.2f") -> list[str]:
    """Write each row's value with its interval."""
    each = zip(rows[value], rows[low], rows[high], strict=True)
    return [with_interval(mean, first, last, spec) for mean, first, last in each]


# ------------------------------------------------------------------------------------ in short


def say_in_short(
    mediated: Mediated,
    n_seeds: int,
    in_two: list[str],
    n_false: int,
    curve: pd.DataFrame,
    goal: float,
) -> str:
    """Answer the chapter's question.

    Parameters
    ----------
    mediated : Mediated
        Of this chapter's model.
    n_seeds : int
        Seeds that were asked, this one included.
    in_two : list of str
        Elements that are carried in at least two of them.
    n_false : int
        Carriers in networks that learnt nothing.
    curve : DataFrame
        Score by number of heads.
    goal : float
        Share of the score that the smallest circuit has.
    """
    used = mediated.used
    carried = mediated.carriers
    told = []
    for name in used:
        mine = carried[carried["element"] == name]
        if len(mine):
            top = mine.iloc[0]
            told.append(
                f"{name} by {head_name(top)} "
                f"({top['share']:.0%}, {top['ci_low']:.0%} to {top['ci_high']:.0%})"
            )
    whole = curve["pr_auc"].iloc[-1]
    n = int(curve[curve["pr_auc"] >= goal * whole]["n_heads"].iloc[0])
    n_real = int((mediated.effects["control"] == "").sum())
    return (
        f"Of {n_real} element{'s' * (n_real != 1)} asked about, the output uses {len(used)}. "
        + (
            "The head that alone restores most of each one's effect (share, interval): "
            f"{listed(told)}. "
            if told
            else "No single head carries any of them. "
        )
        + (
            f"{in_words(len(in_two)).capitalize()} element{'s' * (len(in_two) != 1)} "
            f"{'is' if len(in_two) == 1 else 'are'} carried in at least two of "
            f"{in_words(n_seeds)} seeds ({listed(in_two)}); "
            if n_seeds > 1
            else "One seed was asked; "
        )
        + f"networks that learnt nothing have {in_words(n_false)} carriers. "
        f"{in_words(n).capitalize()} head{'s' * (n != 1)} suffice{'s' * (n == 1)} for {goal:.0%} "
        "of the PR AUC on the test part."
    )
