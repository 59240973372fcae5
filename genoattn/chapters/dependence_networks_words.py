"""What the chapter dependence says of other networks, and of heads on a stem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genoattn.chapters.dependence_carriers_words import head_name
from genoattn.genome.sites import position_name
from genoattn.interventions import carriers
from genoattn.interventions.residual import PastHeads
from genoattn.study.parameters import Checked
from genoattn.study.report import folded, in_words, listed, spanned, table, with_interval

if TYPE_CHECKING:
    from genoattn.chapters.dependence_carriers import Mediated
    from genoattn.chapters.dependence_reading import Through

NO_STEM = (
    "No network whose heads stand on convolutions was named (parameter `compared`), so none is "
    "read here."
)

MOST = 0.5
"""Share of an element's effect above which one way is said to bring most of it."""


def say_compared(
    effects: pd.DataFrame,
    agreement: pd.DataFrame,
    elements: Sequence[pd.DataFrame],
    missing: Sequence[str],
    n_places: int,
    p: Checked,
) -> str:
    """Say whether the networks read the same elements, and the same letters of single sites.

    Parameters
    ----------
    effects, agreement : DataFrame
        `dependence_networks.Compared`; the first model is this chapter's, the last one untrained.
    elements : sequence of DataFrame
        `motif_discovery.worth` of each trained network, this chapter's first.
    missing : sequence of str
        Weights that were asked for and are not there.
    n_places : int
        Places of the others' mutation maps.
    p : Checked
        ``least`` (effects below it count as none), ``min_seqlets``.
    """
    models = list(dict.fromkeys(effects["model"]))
    main, others, nothing = models[0], models[1:-1], models[-1]
    row = agreement.set_index("model")
    left_out = f"Not there and left out: {listed(missing)}. " if missing else ""
    null = (
        f"Maps of {nothing} and {main} correlate at "
        f"{with_interval(*row.loc[nothing, ['same', 'same_low', 'same_high']])}."
    )
    if not others:
        return left_out + "No other trained network was asked (parameter `compared`). " + null
    read = {
        name: effects.loc[(effects["model"] == name) & effects["used"], "element"].tolist()
        for name in models
    }
    lacking = {name: [one for one in read[main] if one not in read[name]] for name in others}
    verdict = (
        "**Yes**"
        if not any(lacking.values())
        else "**Largely yes**"
        if all(len(gone) * 2 < len(read[main]) for gone in lacking.values())
        else "**No**"
    )
    return (
        f"{left_out}{verdict}: of the {_elements(len(read[main]))} that {main} uses (noise in "
        f"place of them costs more than {p.least:g} log-odds), "
        + listed(_uses(name, read, lacking[name], main) for name in others)
        + f"; {nothing} uses {in_words(len(read[nothing]), 'none')}.\n\n"
        + " ".join(_maps(name, row.loc[name], main) for name in others)
        + f" {null}\n\n"
        + _discovered(elements, n_places, p.min_seqlets)
        + "\n"
        + folded("What the noise of each element costs each network", table(_side(effects)))
    )


def _elements(n: int) -> str:
    return f"{in_words(n)} element{'s' * (n != 1)}"


def _uses(name: str, read: dict[str, list[str]], gone: list[str], main: str) -> str:
    """How many of the model's elements another network uses, and what else."""
    more = [one for one in read[name] if one not in read[main]]
    return (
        f"{name} uses {in_words(len(read[main]) - len(gone), 'none')}"
        + (f" (not surely {listed(gone)})" if gone else "")
        + (f" and {listed(more)} beside" if more else "")
    )


def _maps(name: str, row: pd.Series, main: str) -> str:
    """How alike the maps of single sites are, and whether that is more than their being sites."""
    same, other, beyond = (
        with_interval(*row[[kind, f"{kind}_low", f"{kind}_high"]])
        for kind in ("same", "other", "beyond")
    )
    told = (
        "so both read the letters of this very site alike"
        if row["beyond_low"] > 0
        else "so that no agreement on single sites is shown"
    )
    return (
        f"At the same site, the maps of {name} and {main} correlate at {same} (mean of "
        f"{int(row['n_sites']):,} sites), at different sites at {other}; the difference is "
        f"{beyond}, {told}."
    )


def _discovered(elements: Sequence[pd.DataFrame], n_places: int, fewest: int) -> str:
    """The elements that motif discovery finds in each network's map."""
    told = []
    for one in elements:
        names = [
            f"{row['element']} at {position_name(row['offset'])} "
            f"({with_interval(row['effect'], row['ci_low'], row['ci_high'])})"
            for row in one.to_dict("records")
        ]
        if names:
            told.append(f"for {one['model'].iloc[0]}, {listed(names)}")
    if not told:
        return ""
    return (
        f"TF-MoDISco is not told what to look for. In the maps it finds, {'; '.join(told)}; in "
        "brackets, the change of the log-odds when the element is replaced (a loss is negative "
        "here, and positive in the folded table of what noise costs). The other networks were "
        "mutated at "
        f"{n_places} places: an element that fewer than {fewest} of these have could not be found. "
    )


def _side(effects: pd.DataFrame) -> pd.DataFrame:
    """Elements by networks: effects with intervals."""
    cells = effects.assign(
        cell=[
            with_interval(*values)
            for values in effects[["effect", "ci_low", "ci_high"]].to_numpy().tolist()
        ]
    )
    order = {name: list(dict.fromkeys(effects[name])) for name in ("element", "model")}
    wide = cells.pivot(index="element", columns="model", values="cell")
    return wide.loc[order["element"], order["model"]].reset_index()


# ------------------------------------------------------------------------------- heads on a stem


def say_stemmed(
    paths: pd.DataFrame,
    made: Mediated,
    through: Through,
    past: PastHeads,
    mine: Mediated,
    main: str,
    config: Any,
) -> str:
    """Say what heads on a stem carry, what goes past them, and whether that adds up.

    Parameters
    ----------
    paths : DataFrame
        `residual.split_table` of the network on a stem.
    made, mine : Mediated
        Of the other network, and of the chapter's model.
    through : Through
        What passes through the other's heads, letter by letter.
    past : PastHeads
    main : str
        The chapter's model; empty if its heads stand on a stem as well.
    config : AnnotatorConfig
        The other's.
    """
    name = str(paths["model"].iloc[0])
    theirs = paths[paths["through"].notna()].sort_values("effect", ascending=False)
    said = (
        f"The {config.layers * config.heads} heads of {name} stand on {config.stem} dilated "
        f"convolutions, which have read {config.stem_reach} nt upstream before any head does. "
    )
    if main:
        said += (
            f"In {main} next to nothing can go past the heads: its convolutions lie inside the "
            "layers and feed queries, keys and values only, so the residual path below the first "
            "heads holds just the letter at the query. "
        )
    return (
        f"{said}{_ways_of(theirs, name)}\n\n"
        + f"{_heads_of(made, name, mine)}\n\n"
        + f"{_adds_up(through, past)}\n\n"
        + through.finding.said
        + "\n"
        + folded(f"Through and past the heads of {name}", table(_paths(paths)))
    )


def _ways_of(theirs: pd.DataFrame, name: str) -> str:
    """Which elements come mostly through heads, and which mostly past them."""
    if theirs.empty:
        return f"{name} uses none of the elements asked about. "
    said = []
    for way, words in (("past", "past the heads"), ("through", "through the heads")):
        most = theirs[theirs[f"{way}_low"] > MOST]
        told = listed(
            f"{row['element']} {row[way]:.0%} ({row[f'{way}_low']:.0%} to {row[f'{way}_high']:.0%})"
            for row in most.to_dict("records")
        )
        said.append(
            f"most of the effect goes {words} for {in_words(len(most), 'none')}"
            + (f": {told}" if len(most) else "")
        )
    rest = theirs["together"]
    overlap, need = (
        int(one.sum()) for one in (theirs["together_high"] < 0, theirs["together_low"] > 0)
    )
    both = f"; for {in_words(overlap)} they overlap (interaction below zero)" if overlap else ""
    both += f"; for {in_words(need)} they need each other (interaction above zero)" if need else ""
    return (
        f"Of the {_elements(len(theirs))} that {name} uses, {said[0]}; {said[1]}. "
        f"The two ways one by one add up to {spanned(1 - rest, '.0%')} of an effect{both}. "
        f"(Most: the lower limit is above {MOST:.0%}.) "
    )


def _heads_of(made: Mediated, name: str, mine: Mediated) -> str:
    """Which heads carry which element, in the network on a stem and in the model."""
    if made.carriers.empty:
        return (
            f"No single head of {name} is shown to carry an element, that is, to restore more of "
            "one than in the "
            f"same places of sites that lack it. {_restored(made)}"
        )
    told = []
    for element in dict.fromkeys(made.carriers["element"]):
        top = made.carriers[made.carriers["element"] == element].iloc[0]
        told.append(
            f"{element} {head_name(top)} ({top['share']:.0%}, {top['ci_low']:.0%} to "
            f"{top['ci_high']:.0%})"
        )
    both = [one for one in mine.used if one in set(made.carriers["element"])]
    return (
        f"Heads of {name} that carry an element beyond its control (share restored): "
        f"{listed(told)}; {in_words(len(both))} of these "
        f"{'is' if len(both) == 1 else 'are'} used by the chapter's model too. "
    )


def _restored(made: Mediated) -> str:
    """Which heads restore a part of which elements, whether or not it is the element's own."""
    passed = carriers.passed_on(made.shares, made.criteria)
    if passed.empty:
        return ""
    told = [
        f"L{layer} H{head} restores {spanned(rows['share'], '.0%')} of {listed(rows['element'])}"
        for (layer, head), rows in passed.groupby(["layer", "head"])
    ]
    return (
        f"Yet {'; '.join(told)}, as if a head on a stem passed on whatever the stem found there. "
    )


def _adds_up(through: Through, past: PastHeads) -> str:
    """Whether the attributions through each head and past all add up to the output."""
    heads = through.logos.ends.sum((1, 2))
    beside = past.logos.ends[:, 0, 0]
    whole = float(past.whole.mean())
    parts = float((heads + beside).mean())
    error = float(np.abs(past.logos.incomplete).mean())
    return (
        "The same can be asked letter by letter, by integrated gradients from the genome's "
        f"composition to the sequence of a site. In the mean, the letters add "
        f"{float(heads.mean()):+.2f} log-odds through the heads and {float(beside.mean()):+.2f} "
        f"past them; by all ways at once they add {whole:+.2f}, of which the two together make "
        f"{parts / whole:.0%}. What goes past the heads is attributed to within "
        f"{error:.2g} log-odds."
    )


def _paths(paths: pd.DataFrame) -> pd.DataFrame:
    """Shares of every element, as a table is read."""

    def cell(row: dict[Any, Any], name: str) -> str:
        value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
        return with_interval(value, low, high, ".0%") if np.isfinite(value) else "—"

    return pd.DataFrame(
        [
            {
                "element": row["element"],
                "effect (log-odds)": with_interval(
                    row["effect"], row["effect_low"], row["effect_high"]
                ),
                "through the heads": cell(row, "through"),
                "past them": cell(row, "past"),
                "interaction": cell(row, "together"),
            }
            for row in paths.to_dict("records")
        ]
    )
