"""What the chapter dependence says of elements and the heads that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genoattn.genome.sites import paper_label, position_name
from genoattn.interventions.carriers import Criteria, more_than_control
from genoattn.interventions.noise import Question
from genoattn.study import report
from genoattn.study.parameters import Checked
from genoattn.study.report import listed, spanned, table, with_interval

if TYPE_CHECKING:
    from genoattn.chapters.dependence_carriers import Mediated

ENOUGH = 0.9
"""Share of an element's effect that a set of heads restores if it is called enough."""


def head_name(row: pd.Series) -> str:
    """Name the head of a row, L1 H6."""
    return f"L{int(row['layer'])} H{int(row['head'])}"


_EDITED = " (edited)"  # sites of a question for which nothing has to be there


def place(first: int, last: int) -> str:
    """Name a stretch as biologists do: there is no zero."""
    return f"{int(paper_label(first)):+d} to {int(paper_label(last)):+d}"


def say_asked(questions: Sequence[Question], outside: Sequence[str], p: Checked) -> str:
    """Say at how many sites each element was found, and how it is noised.

    Parameters
    ----------
    questions : sequence of Question
    outside : sequence of str
        Elements that lie beyond the window of the model.
    p : Checked
        ``n_draws``, ``rare``.
    """
    rows = [
        {
            "element": one.element,
            "sites that have it": f"{one.n_with:,}" + _EDITED * (not np.isfinite(one.by_chance)),
            "by chance": f"{one.by_chance:,.0f}" if np.isfinite(one.by_chance) else "—",
            "sites used": str(len(one.sites)),
            "commonest place at these": place(one.first, one.last),
        }
        for one in questions
        if not one.control
    ]
    left_out = (
        f" Outside the window of the model, and so left out: {listed(outside)}." if outside else ""
    )
    if not rows:
        return f"No element is found at sites of at least two blocks.{left_out}"
    few = [one.element for one in questions if not one.control and one.n_with <= one.by_chance]
    return (
        "A site has an element if its best match is perfect, or so good that at most "
        f"{p.rare:.0%} of random places have one as good. "
        + (
            f"{listed(few)} {'is' if len(few) == 1 else 'are'} found at no more sites than chance "
            "alone would give, so "
            "these matches may be chance. "
            if few
            else ""
        )
        + f"At each site the element is replaced {p.n_draws} times.{left_out}\n"
        + report.folded(f"The {len(rows)} elements", table(pd.DataFrame(rows)))
    )


def say_mediated(
    effects: pd.DataFrame, carriers: pd.DataFrame, passed: pd.DataFrame, p: Checked
) -> str:
    """Say which elements the output uses, and which heads carry them.

    Parameters
    ----------
    effects : DataFrame
        `carriers.effects`.
    carriers : DataFrame
        `carriers.carried`.
    passed : DataFrame
        `carriers.passed_on`: heads that restore it, whether or not more than at its control.
    p : Checked
        ``least``, ``max_q``.
    """
    real = effects[effects["control"] == ""].sort_values("effect", ascending=False)
    used = real[real["used"]]
    rows = []
    for row in real.to_dict("records"):
        mine = carriers[carriers["element"] == row["element"]]
        control = effects[(effects["element"] == row["element"]) & (effects["control"] != "")]
        rows.append(
            {
                "element": row["element"],
                "effect (log-odds)": with_interval(row["effect"], row["ci_low"], row["ci_high"]),
                "at the control": (
                    with_interval(*control[["effect", "ci_low", "ci_high"]].iloc[0])
                    if len(control)
                    else "not asked"
                ),
                "more than at the control (q one-sided)": _beyond(row),
                "carried by": _carriers(mine),
                "heads that pass something on": str(
                    int((passed["element"] == row["element"]).sum())
                ),
                "detectable share": (
                    f"{row['detectable']:.0%}" if np.isfinite(row["detectable"]) else "—"
                ),
                "sites": str(row["n_sites"]),
            }
        )
    named = [name for name in used["element"] if (carriers["element"] == name).any()]
    firsts = [_carriers(carriers[carriers["element"] == name], 1) for name in named]
    told = listed(f"{name} by {first}" for name, first in zip(named, firsts, strict=True))
    return (
        f"Losses are positive in this section. At **{len(used)} of {len(real)} elements** noise "
        f"costs more than {p.least:g} log-odds (lower limit of the interval): the output depends "
        "on "
        f"what stands there, and the element counts as *used*. {_more(used, p.max_q)}"
        + (f"The strongest carrier of each: {told}. " if named else "No head carries any of them. ")
        + _not_named([name for name in used["element"] if name not in named], passed)
        + _fast_form(used)
        + _raised(real)
        + "The *detectable share* in the table is the least share of an effect that one head would "
        "have to restore to be found passing something on, four times out of five.\n"
        + report.folded("All elements, with controls and power", table(pd.DataFrame(rows)))
    )


def _more(used: pd.DataFrame, max_q: float) -> str:
    """Say at which elements noise costs more than in the same places of sites that lack them."""
    asked = used[np.isfinite(used["excess"])]
    if asked.empty:
        return ""
    more = more_than_control(asked, max_q)
    rest = [name for name in asked["element"] if name not in more]
    first = (
        f"For {listed(more)}, the noise costs significantly more than at the control. "
        if more
        else "For none of them is it shown to cost more than at the control. "
    )
    return first + (
        f"For {listed(rest)}, that is not shown (the difference is known to "
        f"±{_width(asked, rest)} log-odds); a single head may still restore more of the "
        "element than of its control, and so carry it. "
        if rest
        else ""
    )


def _width(asked: pd.DataFrame, names: Sequence[str]) -> str:
    """Half the intervals of what elements cost beyond their controls, least and greatest."""
    mine = asked[asked["element"].isin(list(names))]
    half = (mine["excess_high"] - mine["excess_low"]) / 2
    return f"{half.min():.1f}" if len(mine) == 1 else f"{half.min():.1f} to {half.max():.1f}"


def _raised(real: pd.DataFrame) -> str:
    """Say where noise raises the output; nothing if it does nowhere."""
    up = real[real["ci_high"] < 0]
    if up.empty:
        return ""
    told = listed(
        f"{row['element']} ({with_interval(row['effect'], row['ci_low'], row['ci_high'])}; "
        f"{row['n_sites']} sites)"
        for row in up.to_dict("records")
    )
    return (
        f"At {told} noise raises the output: what stands there lowers it, which does not count as "
        "used here. "
    )


def _beyond(row: Mapping[Any, Any]) -> str:
    """How much larger the effect is than that of the control, with its q-value."""
    if not np.isfinite(row["excess"]):
        return "—"
    difference = with_interval(row["excess"], row["excess_low"], row["excess_high"])
    return f"{difference}, q = {row['excess_q']:.2g}"


def _not_named(names: Sequence[str], passed: pd.DataFrame) -> str:
    """Say which elements heads restore, but no more than at sites that lack them."""
    fallen = [name for name in names if (passed["element"] == name).any()]
    if not fallen:
        return ""
    return (
        f"Of {listed(fallen)}, too, heads restore a part, but no head is shown to restore more "
        "than "
        "at the control: what is passed on need not be the element. "
    )


def _carriers(rows: pd.DataFrame, most: int = 4) -> str:
    """Name the heads that carry an element, with shares."""
    if rows.empty:
        return "none"
    named = [
        f"{head_name(row)} {row['share']:.0%} ({row['ci_low']:.0%} to {row['ci_high']:.0%})"
        for _, row in rows.head(most).iterrows()
    ]
    more = len(rows) - len(named)
    return ", ".join(named) + (f" and {more} more" if more and most > 1 else "")


def _fast_form(used: pd.DataFrame) -> str:
    """Say how good first-order patching is."""
    if used.empty:
        return ""
    return (
        "A quick linear estimate of what each head restores (first-order patching) ranks the "
        "heads like the exact computation (correlation "
        f"{spanned(used['first_order_r'], '.2f')}), but finds only "
        f"{spanned(used['first_order_slope'], '.0%')} of it. "
        + (
            "The reverse, one head's contribution noised in the clean run, ranks the heads like "
            f"restoring it does (correlation at least {used['removed_r'].min():.2f}). "
            if np.isfinite(used["removed_r"]).all()
            else ""
        )
    )


def say_tiled(effects: pd.DataFrame, carriers: pd.DataFrame) -> str:
    """Say which tiles matter and how many heads carry each."""
    used = effects[effects["used"]].sort_values("effect", ascending=False)
    if used.empty:
        return "Permuting no tile lowers the output by more than the least."
    told = listed(
        f"{place(row['first'], row['last'])} ({row['effect']:.2f}, "
        f"{_carriers(carriers[carriers['element'] == row['element']], 1)})"
        for row in used.head(4).to_dict("records")
    )
    return (
        f"Permuting {len(used)} of the {len(effects)} tiles from "
        f"{place(effects['first'].min(), effects['last'].max())} costs log-odds, most at {told}; "
        "in "
        "brackets the loss and the head that brings back most of it, if one does significantly "
        "(tiles have no control)."
    )


def _together(n: int) -> str:
    return "one head alone restores" if n == 1 else f"{report.in_words(n)} heads together restore"


def say_ways(
    sets: pd.DataFrame,
    hops: pd.DataFrame,
    bins: pd.DataFrame,
    maps: pd.DataFrame,
    criteria: Criteria,
) -> str:
    """Say how many heads are enough, where the leading ones act, and which hops carry most.

    Parameters
    ----------
    sets, hops : DataFrame
        `carriers.head_sets`, `carriers.hops`.
    bins : DataFrame
        Rows of `carriers.shares` by bin of queries.
    maps : DataFrame
        By head, query bin and key bin (`dependence_carriers.Ways.map`).
    criteria : Criteria
    """
    if sets.empty:
        return "No element is used, so there is no path to follow."
    said = []
    for element, rows in sets.groupby("element", sort=False):
        enough = rows[rows["share"] >= ENOUGH]
        last = rows.iloc[-1]
        said.append(
            f"**{element}**: "
            + (
                f"{_together(int(enough['n_heads'].iloc[0]))} {enough['share'].iloc[0]:.0%}"
                if len(enough)
                else f"the first {report.in_words(int(last['n_heads']))} heads together restore "
                + ("just under " if f"{last['share']:.0%}" == f"{ENOUGH:.0%}" else "")
                + f"{last['share']:.0%}"
            )
            + f"; {_acts(str(element), str(rows['head'].iloc[0]), bins, maps, criteria)}"
            + _best_hop(hops[hops["element"] == element])
            + "."
        )
    return f"{_ways_in_all(sets, hops)}\n\n" + "\n".join(f"- {one}" for one in said)


def _ways_in_all(sets: pd.DataFrame, hops: pd.DataFrame) -> str:
    """Say what the ways of all elements have in common: heads needed, the leading head, hops."""
    needed = sets[sets["share"] >= ENOUGH].groupby("element", sort=False)["n_heads"].min()
    n = sets["element"].nunique()
    alone, shared = needed.index[needed == 1], needed[needed > 1]
    told = [f"one head is enough for {report.listed(alone)}"] if len(alone) else []
    if len(shared):
        who = f"{report.in_words(len(shared))} element{'s' * (len(shared) > 1)}"
        who += " need" if len(shared) > 1 else " needs"
        few, many = (report.in_words(int(one)) for one in (shared.min(), shared.max()))
        told.append(f"{who} {few if few == many else f'{few} to {many}'} heads together")
    if n > len(needed):
        told.append(f"for {report.in_words(n - len(needed))} those tried are not enough")
    led = sets.groupby("element", sort=False)["head"].first().value_counts()
    most = f"**To restore {ENOUGH:.0%} of an effect in this network, {'; '.join(told)}.** "
    if led.iloc[0] > 1:
        many = report.in_words(int(led.iloc[0]))
        most += f"{led.index[0]} leads for {many} of {report.in_words(n)}. "
    hopping = hops[(hops["through"] == "all") & (hops["ci_low"] > 0)]["element"].unique()
    return most + (
        "That a part goes from a head to a given one above it is shown for "
        f"{report.listed(hopping)} (the interval of the hop lies above zero, a weaker "
        "condition than that for a head to pass something on)."
        if len(hopping)
        else "For no element is it shown that a part goes from a head to a given one above it."
    )


def _acts(
    element: str, head: str, bins: pd.DataFrame, maps: pd.DataFrame, criteria: Criteria
) -> str:
    """Where a head acts: the bin of queries with the greatest share, and from which keys."""
    mine = bins[bins["element"] == element]
    mine = mine[[head_name(row) == head for _, row in mine.iterrows()]]
    top = mine.loc[mine["share"].idxmax()]
    sure = "" if top["q_value"] < criteria.max_q else ", not significantly"
    cells = maps[(maps["element"] == element) & (maps["head"] == head)]
    key = cells.groupby("key")["share"].sum().idxmax()
    return (
        f"restored at queries {top['query_bin']} only, {head} brings back "
        f"{top['share']:.0%}{sure}; of its keys, "
        f"those of the bin that begins at {position_name(int(key))} bring most"
    )


def _best_hop(hops: pd.DataFrame) -> str:
    """The hop by which most goes, if its interval leaves out zero."""
    whole = hops[(hops["through"] == "all") & (hops["ci_low"] > 0)]
    if whole.empty:
        return ""
    best = whole.loc[whole["share"].idxmax()]
    parts = hops[
        (hops["sender"] == best["sender"])
        & (hops["receiver"] == best["receiver"])
        & (hops["through"] != "all")
    ]
    by = parts.loc[parts["share"].idxmax()]
    return (
        f"; the strongest hop, {best['sender']} → {best['receiver']}, restores "
        f"{best['share']:.0%}, mostly through the {by['through']} of {best['receiver']} "
        f"({by['share']:.0%})"
    )


def say_spaced(frame: pd.DataFrame, head: str, preferred: tuple[int, int]) -> str:
    """Say at which spacer an element is worth most, and whether it is that of the cell."""
    best, through = (
        frame.nlargest(1, name)[["spacer", name, f"{name}_low", f"{name}_high"]]
        .to_numpy(np.float64)[0]
        .tolist()
        for name in ("effect", "through")
    )
    far = frame[frame["effect_high"] < best[2]]["spacer"].astype(int).tolist()
    return (
        f"The {_element(frame)} is worth most with a spacer of {best[0]:.0f} nt "
        f"({with_interval(*best[1:])} log-odds), and "
        f"what comes by {head} alone is greatest at {through[0]:.0f} nt "
        f"({with_interval(*through[1:])}). "
        + (
            f"It is worth significantly less at {listed(map(str, far))} nt."
            if far
            else "No other spacer is significantly worse."
        )
        + (
            f" The cell's own machinery, too, works best with {preferred[0]} to "
            f"{preferred[1]} nt. This is to be expected if a head looks at one element from the "
            "other; it does not prove that the effect takes this path."
            if preferred[0] <= best[0] <= preferred[1]
            else f" The cell's own machinery works best at {preferred[0]} to {preferred[1]} nt: "
            "the distance is not weighed as there."
        )
    )


def _element(frame: pd.DataFrame) -> str:
    """How a sentence calls the element that was moved: a box is a box."""
    name = str(frame["upstream"].iloc[0])
    return "box" if name.startswith("-") else f"{name} sequence"


def say_others(
    seeds: Mapping[str, Mediated],
    controls: Mapping[str, Mediated],
    roles: pd.DataFrame,
    missing: Sequence[str],
    p: Checked,
) -> str:
    """Say what returns in other seeds, and what networks not trained on start sites carry.

    Parameters
    ----------
    seeds, controls : mapping of model to Mediated
    roles : DataFrame
        `carriers.matched_roles`.
    missing : sequence of str
        Weights that were asked for and are not there.
    p : Checked
    """
    rows = []
    names = list(dict.fromkeys(name for one in seeds.values() for name in one.used))
    for name in names:
        cells = {"element": name}
        for seed, one in seeds.items():
            cells[seed] = _carriers(one.carriers[one.carriers["element"] == name], 2)
        rows.append(cells)
    in_two = [
        name
        for name in names
        if sum((one.carriers["element"] == name).any() for one in seeds.values()) >= 2
    ]
    falsely = {
        name: int(((one.shares["q_value"] < p.max_q) & (one.shares["ci_low"] > 0)).sum())
        for name, one in controls.items()
    }
    dead = listed(f"{name} {number}" for name, number in falsely.items())
    back = roles[roles["returns"].astype(bool)]
    told = listed(
        f"{row['element']} ({row['seed']} L{int(row['layer'])} H{int(row['head'])}, "
        f"{row['other_seed']} L{int(row['other_layer'])} H{int(row['other_head'])})"
        for row in back[back["seed"] == next(iter(seeds))]
        .sort_values("share", ascending=False)
        .drop_duplicates(["layer", "head", "other_seed", "other_layer", "other_head"])
        .head(6)
        .to_dict("records")
    )
    return (
        (f"Not there and left out: {listed(missing)}. " if missing else "")
        + (
            f"**{len(in_two)} element{'s' * (len(in_two) != 1)}** "
            f"{'is' if len(in_two) == 1 else 'are'} carried in at least two of {len(seeds)} seeds: "
            f"{listed(in_two)}. "
            if len(seeds) > 1
            else "There is one seed only, so what returns is not known. "
        )
        + "Carriers in networks that were not trained on start sites (an untrained one and, if "
        f"there are any, those trained on shuffled labels): {dead}. "
        + (
            "Some heads match a head of another seed in their whole vector over the elements; one "
            "head may match several. The pairs, each once, under the element of which its first "
            f"head restores most: {told}. "
            if len(back)
            else ""
        )
        + "\n"
        + (report.folded("Carriers in each seed", table(pd.DataFrame(rows))) if rows else "")
    )
