"""What the chapter dependence says in short: frames in, sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from genoattn.chapters.dependence_carriers_words import head_name
from genoattn.interventions.carriers import more_than_control
from genoattn.interventions.circuits import GOAL, told_of
from genoattn.study.report import in_words, listed, with_interval

if TYPE_CHECKING:
    from genoattn.chapters.dependence_carriers import Mediated

# ------------------------------------------------------------------------------------ in short


def say_in_short(
    mediated: Mediated,
    n_seeds: int,
    in_two: list[str],
    n_false: int,
    curve: pd.DataFrame,
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
        Carriers in networks not trained on start sites.
    curve : DataFrame
        `dependence_circuits.Kept`.
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
    fallen = mediated.not_named
    n_real = int((mediated.effects["control"] == "").sum())
    more = more_than_control(mediated.effects, mediated.criteria.max_q)
    return (
        f"Of {n_real} element{'s' * (n_real != 1)} asked about, noise in place of "
        f"{in_words(len(used), 'none')} lowers the log-odds, and in place of "
        f"{in_words(len(more), 'none')} {f'({listed(more)}) ' if more else ''}by more than in the "
        "same places of sites that lack the element. "
        + (
            "A head *carries* an element if it restores more log-odds at sites that have the "
            "element than at those that lack it; "
            f"{in_words(len(told))} element{'s have' if len(told) > 1 else ' has'} a carrier, the "
            f"strongest of each being (share of the effect, interval): {listed(told)}. "
            if told
            else "No single head carries any of them. "
        )
        + (
            f"{in_words(len(in_two)).capitalize()} element{'s' * (len(in_two) != 1)} "
            f"{'is' if len(in_two) == 1 else 'are'} carried in at least two of "
            f"{in_words(n_seeds)} seeds{f' ({listed(in_two)})' * bool(in_two)}; "
            if n_seeds > 1
            else "One seed was asked; "
        )
        + f"networks that were not trained on start sites have {in_words(n_false)} carriers. "
        + (
            f"In the network of this chapter heads restore {listed(fallen)} as well, but not "
            "demonstrably more "
            f"than at sites that lack {'it' if len(fallen) == 1 else 'them'}, so we do not call "
            "these heads carriers. "
            if fallen
            else ""
        )
        + _circuit(curve)
    )


def _circuit(curve: pd.DataFrame) -> str:
    """How many heads the score needs, of the circuits tried."""
    most, enough = told_of(curve)
    n, whole = int(most["n_heads"]), int(curve["n_heads"].iloc[-1])
    share = with_interval(most["share"], most["share_low"], most["share_high"], ".0%")
    said = "Heads were taken out in rounds, ordered on the validation part; "
    if enough:
        return f"{said}{in_words(n)} of {whole} keep {share} of the PR AUC on the test part."
    return (
        f"{said}of the sizes that were scored, only all {whole} heads are shown to keep "
        f"{GOAL:.0%} of the PR AUC: {n} keep {share}."
    )
