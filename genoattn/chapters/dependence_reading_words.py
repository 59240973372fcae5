"""What the steps on reading say of their numbers: frames in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from genoattn.genome.sites import paper_label
from genoattn.interventions.mediated import Logos
from genoattn.interventions.saturation import MutationMap
from genoattn.study.report import every, folded, in_words, listed, spanned, table, with_interval

__all__ = [
    "FECI",
    "LAC",
    "NOT_PLANTED",
    "NO_FACTORS",
    "say_factors",
    "say_first_layer",
    "say_mapped",
    "say_planted",
    "say_stem",
    "say_through",
    "say_used",
]


FECI = "FecI (GGAAAT)"
"""Name of the word that the paper takes for that of sigma fecI."""
LAC = "position -82"
"""Name of the stretch around the paper's lac repressor position."""
NO_FACTORS = (
    "Binding sites of factors are known of *E. coli* only, so none are replaced on this genome."
)

NOT_PLANTED = (
    "Which nucleotides belong to elements is known of simulated genomes only, so there is "
    "no comparison with the truth here."
)

FIRST = 6
"""Heads that a sentence names, those that pass on most."""

SURE = 3
"""Heads of the first layer that a sentence names, those that look most at one place."""

ENOUGH = 30
"""Sites from which on a sandwich standard error may be trusted."""


def say_mapped(
    at_sites: MutationMap,
    at_peaks: MutationMap,
    n_labelled: int,
    effects: pd.DataFrame,
    within: tuple[int, int] = (-40, 2),
) -> str:
    """How many sites were mutated, and where the output depends most on the sequence.

    ``within`` are the first and last position of the stretch whose share is told.
    """
    n, peaks = len(at_sites.sites), len(at_peaks.sites)
    first, last = (int(paper_label(int(end))) for end in at_sites.offset[[0, -1]])
    every = "all" if n == n_labelled else f"{n:,} of"
    each = effects.drop_duplicates("offset").set_index("label")
    most = each.nsmallest(3, "cost")
    told = [
        f"{label:+d} ({with_interval(row['cost'], row['ci_low'], row['ci_high'])})"
        for label, row in most.to_dict("index").items()
    ]
    share = float((each["cost"].clip(upper=0)[_within(each.index, within)]).sum())
    whole = float(each["cost"].clip(upper=0).sum())
    inside = f"{share / whole:.0%}" if whole < 0 else "none"
    return (
        f"We substituted every nucleotide from {first:+d} to {last:+d} by each of the three others "
        f"around {every} {n_labelled:,} labelled sites of the test part and around "
        f"{'all' if peaks == n_labelled else f'{peaks:,}'} of the model's {n_labelled:,} highest "
        f"peaks, {3 * len(at_sites.offset):,} "
        "mutants of each site or peak, each read in full context. The output depends most on "
        f"positions {listed(told)} (mean change of the log-odds, with interval). Of all that "
        "substitutions "
        f"cost between {first:+d} and {last:+d}, {inside} falls to positions "
        f"{within[0]:+d} to {within[1]:+d}."
    )


def _within(label: pd.Index, ends: tuple[int, int]) -> np.ndarray:
    values = label.to_numpy()
    return (values >= ends[0]) & (values <= ends[1])


def _leading(carrying: Sequence[str], n: int) -> str:
    """Name heads that fit an element: all of them, or the first of many."""
    if n == len(carrying):
        return f": {listed(carrying)}"
    return f"; those that pass on most by the letters of their element are {listed(carrying)}"


def say_planted(elements: pd.DataFrame) -> str:
    """Say what a substitution costs inside planted elements and outside of all of them."""
    rows = pd.DataFrame(
        {
            "planted element": elements["element"],
            "sites": elements["n_sites"],
            "mean cost of a substitution": [
                with_interval(*values)
                for values in elements[["cost", "ci_low", "ci_high"]].to_numpy().tolist()
            ],
        }
    )
    return (
        "**Against the truth.** On this simulated genome it is known which nucleotides are "
        "elements. The table gives the mean change of the log-odds by a substitution inside each "
        "element, and outside of all elements at the same sites; sites whose labelled position is "
        "not the true one are left out.\n"
        + table(rows, "What a substitution costs in each planted element")
    )


def say_used(found: pd.DataFrame, n_sites: int, max_q: float) -> str:
    """Which elements the network uses, how often, and what they are worth."""
    if found.empty:
        return (
            f"No motif recurs at enough of the {n_sites:,} sites to be called an element; more "
            "sites, or a network that reads more, would be needed."
        )
    named = found[found["q_value"] <= max_q]
    costly = found[found["ci_high"] < 0]
    told = [
        f"{_placed(row['element'], int(row['offset']))} ({row['n_seqlets']:,} sites, "
        f"{with_interval(row['effect'], row['ci_low'], row['ci_high'])})"
        for row in found.to_dict("records")
    ]
    shown = pd.DataFrame(
        {
            "element": found["element"],
            "letters": found["consensus"],
            "first nt": [f"{paper_label(int(offset)):+d}" for offset in found["offset"]],
            "sites": [f"{n:,}" for n in found["n_seqlets"]],
            "change when replaced": [
                with_interval(*values)
                for values in found[["effect", "ci_low", "ci_high"]].to_numpy().tolist()
            ],
            "best match": found["best_match"],
            "q": [f"{q:.2g}" for q in found["q_value"]],
        }
    )
    return (
        f"TF-MoDISco finds **{in_words(len(found))} element{'s' * (len(found) != 1)}** at "
        f"the {n_sites:,} sites and peaks (those that are both count once): {listed(told)}; in "
        "brackets, after the number of sites that have it, the change of the log-odds when random "
        "letters take the element's place at some of them (further down, where heads are asked, "
        "the sites are those whose letters match the element's matrix, and other letters take its "
        "place; so the losses differ). "
        f"The interval lies below zero for {_of(len(costly), len(found))}; "
        f"{_of(len(named), len(found))} {'has' if len(named) < 2 else 'have'} a known counterpart "
        f"(q ≤ {max_q:g}), whose letters the motif resembles; that what has this name in the cell "
        f"acts there is not shown.{_rising(found)}\n" + folded("All elements found", table(shown))
    )


def _rising(found: pd.DataFrame) -> str:
    """Say which elements raise the output when they are replaced; nothing if there is none."""
    rising = found[found["ci_low"] > 0]
    if rising.empty:
        return ""
    names = [_placed(*pair) for pair in zip(rising["element"], rising["offset"], strict=True)]
    return f" Where {listed(names)} is replaced, the output rises: it speaks against a start site."


def _bits(least: float) -> str:
    """Write an excess that would have been found, where it may be next to nothing."""
    return f"{least:.1f} bits" if least >= 0.05 else "less than 0.1 bits"


def _of(n: int, whole: int) -> str:
    """Say how many of all: the one, both, all three, one of two, none."""
    if n == whole:
        return every(n)
    return f"{in_words(n)} of {in_words(whole)}" if n else "none"


def _placed(name: str, offset: int) -> str:
    """Name an element with its place; one that is named by its letters has it in its name."""
    at = f" at {paper_label(offset):+d}"
    return name if name.endswith(at) else name + at


def say_through(
    logos: Logos,
    names: pd.DataFrame,
    asked: pd.DataFrame,
    totals: pd.DataFrame,
    n_labelled: int,
    max_q: float,
    *,
    stem: bool,
    carried: pd.DataFrame | None = None,
) -> str:
    """Which heads pass on which element, how complete the attributions are, and the power.

    ``carried`` are the heads that restore an element (`carriers.carried`), where that was asked.
    """
    n = len(logos.sites)
    order = names.sort_values("contribution", ascending=False)
    carrying = [
        f"L{row['layer']} H{row['head']} ({row['name']}, {row['contribution']:+.2f} log-odds)"
        for row in order.head(FIRST).to_dict("records")
    ]
    n_heads, tests = len(totals), len(asked)
    error = float(np.abs(logos.incomplete).mean())
    size = float(np.abs(logos.ends).mean())
    seen = asked["detectable"].replace(np.inf, np.nan)
    least, power = float(seen.quantile(0.1)), float(seen.median())
    said = (
        f"At {'all' if n == n_labelled else f'{n:,} of'} {n_labelled:,} labelled sites we followed "
        f"what passes through each of {n_heads} heads. The letters' parts add up to what a head "
        f"tells the output to within {error:.2g} log-odds in the mean, where the mean size of the "
        f"whole is {size:.2g}. "
    )
    said += (
        f"By the letters at their places, **{len(names)} of {n_heads} heads** fit an element (a "
        f"hint, weaker than restoring){_leading(carrying, len(names))}. "
        if len(names)
        else f"No head passes on a known element at q ≤ {max_q:g}. "
    )
    if carried is not None and len(names):
        said += _confirmed(order, carried)
    said += (
        f"The {tests:,} comparisons are of the {tests // n_heads} elements that have letters and "
        f"of {n_heads} heads. In the median comparison, an excess over matched places of "
        f"{power:.1f} bits would have been found with 80% power; in the most sensitive "
        f"tenth, where the letters of a head vary least, {_bits(least)} would have been enough."
    )
    if n < ENOUGH:
        said += f" With {n} sites standard errors are rough: take names as provisional."
    if stem:
        said += (
            " These heads stand on convolutions: a letter that passes through a head may have been "
            "read by the stem and lie as far from the head's key as the stem reaches."
        )
    return said + (_named_heads(order) if len(names) else "")


def _confirmed(names: pd.DataFrame, carried: pd.DataFrame) -> str:
    """Say of which heads restoring says the same as the letters."""
    keys = ["layer", "head", "element"]
    both = names.rename(columns={"name": "element"})[keys].merge(carried[keys], on=keys)
    agreed = [f"L{layer} H{head}" for layer, head in both[["layer", "head"]].values]
    if len(agreed) == len(names):
        return "Restoring gives each of them the same element. "
    return (
        f"Restoring confirms the names of {listed(agreed)}, and not the others. "
        if agreed
        else "Restoring confirms none of these names. "
    )


def _named_heads(names: pd.DataFrame) -> str:
    """All heads that are named by their letters, folded."""
    rows = pd.DataFrame(
        {
            "head": [f"L{layer} H{head}" for layer, head in names[["layer", "head"]].values],
            "element": names["name"],
            "log-odds by its letters": names["contribution"].map("{:+.2f}".format),
            "bits beyond matched places": names["excess"].map("{:.1f}".format),
            "q": names["q_value"].map("{:.2g}".format),
        }
    )
    return "\n" + folded("All heads named by the letters that pass through them", table(rows))


def say_stem(config: Any) -> str:
    """Why there are no words of the first layer above a stem."""
    return (
        f"The heads of this model stand on {config.stem} dilated convolutions: a first-layer key "
        f"depends on {config.stem_reach + config.conv_width} nt and not on a "
        f"{config.conv_width}-mer alone, so its words cannot be listed."
    )


def say_first_layer(summary: pd.DataFrame, n_words: int) -> str:
    """What the first layer's heads look for, and how far a matrix explains it."""
    told = [
        f"L1 H{row['head']} {row['distance']} nt back ({row['mean_attention']:.0%} of its "
        f"attention goes there in the mean over query words, {row['query_attention']:.0%} if the "
        f"query's word is {row['query_word']})"
        for row in summary.nlargest(SURE, "query_attention").to_dict("records")
    ]
    alone, pair = summary["one_matrix"], summary["with_a_pair"]
    fit = summary["query_r_squared"]
    return (
        f"All {n_words:,} words were scored. Averaged over queries, each letter of the seven "
        "under the key adds a fixed amount to a head's score: a position weight matrix. Single "
        "queries differ from that average: over all pairs of words, the matrix explains "
        f"{spanned(alone, '.0%')} of the variance of the score. With the product of two more "
        "matrices added, one for the query's word and one for the key's, "
        f"{spanned(pair, '.0%')} is explained. Every head has a distance at which it looks most, "
        "whatever stands there. How "
        "strongly a query's word looks at that distance is explained by a matrix to R² = "
        f"{spanned(fit, '.2f')}. The sharpest "
        f"{'heads are' if len(told) > 1 else 'head is'} {listed(told)}"
        f"{'; the figure shows the others' if len(summary) > len(told) else ''}."
    )


def say_factors(found: pd.DataFrame, by_head: pd.DataFrame | None, max_q: float) -> str:
    """Which factors the output depends on, which heads carry them, and the paper's claims."""
    sure = found[found["q_value"] <= max_q].sort_values("effect")
    rest = found[found["q_value"] > max_q]
    told = [f"{row['factor']} {_effect(row)}" for row in sure.to_dict("records")]
    said = f"We replaced {_counted(found['factor'])} (a negative change: the output falls). " + (
        f"Beyond matched controls, the output changes for **{listed(told)}**. "
        if told
        else "That the output changes beyond matched controls is shown for none of them. "
    )
    if len(rest):
        weakest, best = rest["detectable"].max(), rest["detectable"].min()
        said += (
            f"{'For the others, the' if told else 'The'} smallest effect that would have been "
            f"found four times out of five is {best:.2f} to {weakest:.2f} log-odds; where it is "
            "above 1, only an effect as large as that could have been found. "
        )
    said += " ".join(_verdict(found, name, claim, max_q) for name, claim in _CLAIMS.items())
    if by_head is not None and len(by_head):
        heads = by_head[by_head["q_value"] <= max_q]
        carried = [
            f"{factor} by "
            + listed(f"L{row['layer']} H{row['head']} ({row['effect']:+.2f})"
                     for row in part.sort_values("effect").head(3).to_dict("records"))
            for factor, part in heads.groupby("factor")
        ]  # fmt: skip
        said += " Through single heads: " + (
            f"{listed(carried)}."
            if carried
            else f"none carries a factor at q ≤ {max_q:g} ({len(by_head):,} comparisons; the "
            f"median smallest effect that would have been found is "
            f"{by_head['detectable'].median():.2f} log-odds)."
        )
    return said


def _counted(names: pd.Series) -> str:
    """Of how many factors sites were replaced, and what else was."""
    known = {"one word": FECI, "one stretch": LAC}
    others = [what for what, name in known.items() if (names == name).any()]
    n = len(names) - len(others)
    return listed([f"the binding sites of {in_words(n)} factor{'s' * (n != 1)}"] * (n > 0) + others)


_CLAIMS = {
    "ArcA": "ArcA's sites, for which the paper sees a head",
    FECI: "The word GGAAAT, which the paper takes for that of sigma fecI",
    LAC: "The stretch around -82, which the paper links with the lac repressor",
}


def _effect(row: Mapping[Any, Any]) -> str:
    return with_interval(row["effect"], row["ci_low"], row["ci_high"])


def _verdict(found: pd.DataFrame, name: str, claim: str, max_q: float) -> str:
    """What the intervention says of one claim, with its power."""
    mine = found[found["factor"] == name]
    if mine.empty:
        return f"{claim}: too few in the test part to say."
    row = mine.iloc[0].to_dict()
    numbers = f"{_effect(row)}, q = {row['q_value']:.2g}, {row['n_sites']} places"
    if row["q_value"] <= max_q:
        way = "falls" if row["effect"] < 0 else "rises"
        return f"{claim}: the output {way} beyond the controls ({numbers})."
    return (
        f"{claim}: no effect beyond the controls is shown ({numbers}); {row['detectable']:.2f} "
        "log-odds would have been found four times out of five."
    )
