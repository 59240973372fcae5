"""What the chapter atlas says of its numbers: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.genome.sites import position_name
from genoattn.heads import preferred
from genoattn.heads.elements import spoken
from genoattn.interventions import recovery
from genoattn.interventions.claims import Rule
from genoattn.study.report import every, in_words, listed, table, with_interval

# ------------------------------------------------------------------------- letters everywhere


def say_swept(name: str, sweep: preferred.Sweep, n_random: int) -> str:
    """Say what was swept."""
    layers, n_heads, window = sweep.counts.shape[:3]
    return (
        f"**{name}** has {layers} layers of {n_heads} heads. The letters that they attend to were "
        f"collected at all {window} offsets, from {n_random:,} random positions of the test part."
    )


# ------------------------------------------------------------------------------------- the heads


def say_measured(joined: pd.DataFrame, max_q: float) -> str:
    """Say which measurements there are of no head, and whose letters are like no known motif's."""
    notes = not_measured(joined)
    said = f"Not measured here: {'; '.join(notes)}." if notes else "No measurement is missing."
    return f"{said}{_say_unlike(joined, max_q)}"


def _say_unlike(joined: pd.DataFrame, max_q: float) -> str:
    """Say how many heads have a motif that resembles no known one; nothing if none has."""
    q = joined["q_value"].dropna()
    unlike = q[q > max_q]
    if unlike.empty:
        return ""
    return (
        " Compared with all known motifs, a stricter test than that by which the chapter on heads "
        f"names a head, the letters at the peak match none significantly for {len(unlike)} of "
        f"{len(q)} heads (least q = {unlike.min():.2g}); their cards do not repeat it."
    )


def sentences(
    joined: pd.DataFrame,
    *,
    max_q: float,
    selective: float,
    n_others: int = 0,
    detectable: tuple[float, float] | None = None,
) -> list[str]:
    """Say each row of the table of heads in sentences, by rule.

    Parameters
    ----------
    joined : DataFrame
        `join`.
    max_q : float
        Greatest q-value at which a resemblance, or a ratio of binding sites, counts.
    selective : float
        Least selectivity of a head that is said to look at a place.
    n_others : int
        Other seeds that ``seed_stability`` is a share of.
    detectable : tuple of float, optional
        Smallest and largest share, over the elements that are used, that a head must bring back to
        be found four times out of five; None if no element is used.

    Returns
    -------
    list of str
        One text for each row. What was not measured is named as such.
    """
    return [
        " ".join(
            (
                _carries(row, n_others, detectable),
                _lost(row) + ".",
                "; ".join([_looks(row, selective), *_resembles(row, max_q)]) + ".",
            )
        )
        for row in joined.to_dict("records")
    ]


def not_measured(joined: pd.DataFrame) -> list[str]:
    """What no head of the table has: one text for each missing measurement."""
    names = {
        "carries": "which element a head carries (chapter 06 not run)",
        "ablation_delta_pr_auc": "switching off (ablation not run)",
        "q_value": "resemblance to known motifs (no file of them)",
        "site_q": "known binding sites (no table of them for this genome)",
    }
    return [text for name, text in names.items() if joined[name].isna().all()]


def _carries(row: Mapping[Any, Any], n_others: int, detectable: tuple[float, float] | None) -> str:
    """What the output learns through a head, and in how many other seeds a head does the same."""
    if pd.isna(row["carries"]):
        return "What it carries was not measured."
    if not row["carries"]:
        said = "Carries none of the elements asked about"
        if detectable is None:
            return f"{said}, as the output uses none of them."
        low, high = detectable
        power = (
            f"{low:.0%} of an effect"
            if f"{low:.0%}" == f"{high:.0%}"
            else f"{low:.0%} to {high:.0%} of the effect, depending on the element,"
        )
        return f"{said} ({power} would have been found){_letters(row, ', though ')}."
    first, *others = row["carries"].split("; ")
    share = with_interval(row["carried_share"], row["carried_low"], row["carried_high"], ".0%")
    said = f"Carries the {spoken(first)}: {share} of its effect comes back with this head alone"
    if others:
        said += f"; it carries the {listed([spoken(one) for one in others])}, too"
    same = row["mediated_name"] in (first, *others)
    said += _letters(row, "; " if same else ", although ")
    return f"{said}; {matched(row['seed_stability'], n_others)}."


def _letters(row: Mapping[Any, Any], before: str) -> str:
    """What the letters that pass through a head fit; nothing if they were not measured."""
    if pd.isna(row["mediated"]) or not row["mediated_name"]:
        return ""
    return f"{before}the letters that pass through it fit the {spoken(row['mediated_name'])}"


def _looks(row: Mapping[Any, Any], selective: float) -> str:
    """Where a head looks, and what for."""
    peak = position_name(row["peak_offset"])
    if row["selectivity"] >= selective:
        where = f"Its attention peaks at {peak}"
    else:
        where = f"Spreads its attention, with the highest mean at {peak}"
    if set(row["consensus"]) - {"N"}:
        return f"{where}, where it prefers {row['consensus']}"
    return f"{where}, without a preference for letters"


def _resembles(row: Mapping[Any, Any], max_q: float) -> list[str]:
    """What a head's motif and its best positions are like."""
    said = (
        [
            f"the chapter on heads names it {row['role']}, because it looks at that element's "
            "place and its motif is like the element's"
        ]
        if row["role"]
        else []
    )
    if pd.isna(row["q_value"]):
        said.append("not compared with known motifs")
    elif row["q_value"] <= max_q:
        said.append(f"its motif resembles {row['best_motif']} (q = {row['q_value']:.2g})")
    if not pd.isna(row["site_q"]) and row["site_q"] <= max_q:
        more = "more" if row["site_odds_ratio"] > 1 else "less"
        said.append(
            f"its best positions lie {more} often in known binding sites than matched positions do "
            f"(odds ratio {row['site_odds_ratio']:.2g})"
        )
    return said


def _lost(row: Mapping[Any, Any]) -> str:
    """What switching a head off does."""
    change = row["ablation_delta_pr_auc"]
    if pd.isna(change):
        return "Ablation not run"
    if row["ci_high"] < 0:
        return f"Without it PR AUC falls by {-change:.3f}"
    if row["ci_low"] > 0:
        return f"Without it PR AUC rises by {change:.3f}"
    return "Without it PR AUC does not change significantly"


def matched(share: float, n_others: int) -> str:
    """Say in how many of the other seeds a head's role returns; the share may be missing."""
    if np.isnan(share):
        return "one seed only, so whether such a head returns is not known"
    found = round(share * n_others)
    same = "a head of the same profile over all elements is found"
    return f"{same} in {found} of {n_others} other seeds"


NOT_ASKED = "What heads carry was not measured here: run the chapter 06 first."


def say_elements(found: pd.DataFrame, matched: set[str], n_others: int) -> str:
    """Say, element by element, what attention and what interventions find.

    Parameters
    ----------
    found : DataFrame
        `atlas.by_element`.
    matched : set of str
        Elements that the paper matches with a head by eye.
    n_others : int
        Number of other seeds.
    """
    looked, carried = found["by_attention"] != "", found["carried_by"] != ""
    both = [name for name in found["element"] if name in matched]
    paper = ""
    if both:
        held = found[found["element"].isin(both)]
        paper = (
            f" The paper matches {in_words(len(both))} of them with a head by eye; of these, "
            "attention gives some head to "
            f"{in_words(int((held['by_attention'] != '').sum()), 'none')}, "
            f"intervention to {in_words(int((held['carried_by'] != '').sum()), 'none')}."
        )
    rows = pd.DataFrame(
        {
            "element": [
                f"{name}*" if name in matched else name for name in found["element"].astype(str)
            ],
            "by attention": found["by_attention"].replace("", "none"),
            "output without it": [
                with_interval(-row["effect"], -row["ci_high"], -row["ci_low"])
                for row in found.to_dict("records")
            ],
            "by intervention": [_by_intervention(row) for row in found.to_dict("records")],
            "carried in other seeds": [
                f"{row['n_seeds']} of {n_others}" if n_others else "not asked"
                for row in found.to_dict("records")
            ],
        }
    )
    star = " An asterisk marks what the paper matches with a head." if both else ""
    return (
        f"Of {in_words(len(found))} elements, {in_words(int(looked.sum()), 'none')} "
        f"{'has' if looked.sum() == 1 else 'have'} a head by attention (the rule of the chapter on "
        f"heads), and {in_words(int(carried.sum()), 'none')} by intervention."
        f"{paper} {_elsewhere(found, n_others)}The table gives the "
        "change of the log-odds when noise takes the element's place and, of the heads that carry "
        f"the element, the one that brings back most of it and how many more there are.{star}\n"
        + table(rows, "Element by element: attention and intervention")
    )


def _elsewhere(found: pd.DataFrame, n_others: int) -> str:
    """Say which elements other seeds carry and this model does not; nothing if there is none."""
    only = found[(found["n_carriers"] == 0) & (found["n_seeds"] > 0)] if n_others else found[:0]
    if only.empty:
        return ""
    are = "is" if len(only) == 1 else "are"
    return f"{listed(only['element'])} {are} carried in other seeds only, not in this one. "


def _by_intervention(row: Mapping[Any, Any]) -> str:
    """The head that carries an element, or why there is none."""
    if row["carried_by"]:
        share = with_interval(row["share"], row["share_low"], row["share_high"], ".0%")
        more = f" and {row['n_carriers'] - 1} more" if row["n_carriers"] > 1 else ""
        return f"{row['carried_by']} {share}{more}"
    if not row["used"]:
        return "not counted: the output rises" if row["ci_high"] < 0 else "not used"
    return f"none (detection limit {row['detectable']:.0%})"


# --------------------------------------------------------------------- genomes of known truth


def say_recovered(tables: recovery.Recovery) -> str:
    """Say how many planted elements were recovered: of all, by chance, and of those used."""
    planted = tables.recovered
    used = planted[planted["used"]]
    chance, n = planted["chance"].sum(), planted["genome_seed"].nunique()
    missed = len(used) - int(used["recovered"].sum())
    return (
        f"{n} genome{'s were' if n != 1 else ' was'} simulated, with {len(planted)} planted "
        f"elements in all. **{_of(planted)}** were recovered: the network depends on the element, "
        "a head carries it, and each claim counts for one element only. By chance, that is, "
        "compared with motifs whose letters are those of the planted ones in another order, the "
        f"same claims would have recovered {chance:.1f} ({chance / max(1, len(planted)):.0%}). We "
        "say that a model uses an element if random letters in place of all its copies move the "
        f"log-odds by half a unit or more. The models use {len(used)} of the elements; of these, "
        f"**{_of(used)}** were recovered, and {missed} {'was' if missed == 1 else 'were'} not."
        f"{_say_small(planted)}{_say_unused(planted)}"
    )


def _say_small(planted: pd.DataFrame) -> str:
    """Say how many were recovered although the models hardly use them."""
    small = int((planted["recovered"] & ~planted["used"]).sum())
    if not small:
        return ""
    its = "was recovered although its" if small == 1 else "were recovered although their"
    return f" {in_words(small).capitalize()} more {its} effect is smaller."


def _say_unused(planted: pd.DataFrame) -> str:
    """Say what an observer that knows the grammar would lose with the elements not used."""
    left = planted[~planted["used"]]
    if left.empty:
        return ""
    able = left[left["ideal"].abs() >= Rule.min_used]
    if able.empty:
        return (
            f" With none of the {len(left)} elements that they do not use an observer that knows "
            "the grammar would lose half a unit."
        )
    ideal, own = able["ideal"].abs(), able["change"].abs()
    which = "All" if len(able) == len(left) > 1 else f"{len(able)} of the"
    return (
        f" {which} {len(left)} elements that they do not use could be of use: when one of them is "
        "replaced, an ideal observer, which knows the grammar and how the simulated labels err, "
        f"loses {ideal.mean():.1f} log-odds in the mean, and a network loses {own.mean():.1f}. The "
        "networks have hardly learnt these elements. Whether more sites would change that was not "
        "tested."
    )


def _of(rows: pd.DataFrame) -> str:
    """Write how many of some elements were recovered."""
    n = int(rows["recovered"].sum())
    return f"{n} of {len(rows)} ({n / len(rows):.0%})" if len(rows) else "0 of 0"


def say_claims(tables: recovery.Recovery) -> str:
    """Say how many claims were false, where none can be true, and what the claims predict."""
    claims = tables.claims[tables.claims["claimed"]]
    true = claims[claims["grammar"] & claims["trained"]]
    false = true[true["false_claim"]]
    again = len(true) - len(false) - int(tables.recovered["recovered"].sum())
    return (
        f"Of {len(true)} claims on these genomes, **{len(false)}** "
        f"match{'es' * (len(false) == 1)} no planted element"
        + (
            f", and {again} match{'es' * (again == 1)} one that another claim had recovered. "
            if again
            else ". "
        )
        + _say_parts(false, tables.recovered)
        + _say_foreign(tables)
        + _say_nothing_there(claims, tables.genomes)
        + _say_predicted(tables.genomes)
    )


def _say_foreign(tables: recovery.Recovery) -> str:
    """Say what came out where other words were planted than where the rule was made."""
    planted = tables.recovered[tables.recovered["foreign"]]
    if planted.empty:
        return ""
    claims = tables.claims[tables.claims["claimed"] & tables.claims["foreign"]]
    n = planted["genome_seed"].nunique()
    return (
        f"The limits of the rule were set on genomes with the same grammar; {in_words(n)} of those "
        f"counted here {'has' if n == 1 else 'have'} another, with other words for the boxes. "
        f"There, {_of(planted[planted['used']])} of the used elements were recovered, and "
        f"{int(claims['false_claim'].sum())} of {len(claims)} claims match none. "
    )


def _say_nothing_there(claims: pd.DataFrame, genomes: pd.DataFrame) -> str:
    """Say how many claims there were where none can be true."""
    blank, untrained = ~genomes["grammar"], ~genomes["trained"]
    told = [
        f"On {_networks(where, int(of.sum()))}, where every claim is false, there were "
        f"**{int(mine.sum())}** claims."
        if of.any()
        else f"{none} was treated."
        for where, none, of, mine in (
            ("without grammar", "No genome without grammar", blank, ~claims["grammar"]),
            ("with an untrained network", "No untrained network", untrained, ~claims["trained"]),
        )
    ]
    return " ".join(told)


def _networks(kind: str, n: int) -> str:
    return f"{n} genome{'s' * (n != 1)} {kind}"


def _say_predicted(genomes: pd.DataFrame) -> str:
    """Say how well claims predict what a replacement costs; nothing where none was made."""
    known = genomes[genomes["grammar"] & genomes["trained"] & genomes["r"].notna()]
    if known.empty:
        return ""
    row = known.iloc[0]
    told = (
        f"r = {with_interval(row['r'], row['r_low'], row['r_high'], '.2f')}"
        if len(known) == 1
        else f"r = {_over_genomes(known['r'])}; within one genome the 95% interval is "
        f"{(known['r_high'] - known['r_low']).mean():.2f} wide in the mean"
    )
    return (
        "\n\nClaims also predict. The mutation map, made outside of the test part, gives a weight "
        "to each letter at the place of a claim. For a site of the test part we add the weights of "
        "the letters that it has there; the sum predicts how much these letters contribute to the "
        f"output. It correlates with the log-odds lost when they are replaced: {told}."
        + _say_ideal(known)
    )


def _over_genomes(r: pd.Series) -> str:
    """The mean of correlations, and between which they lie."""
    return (
        f"{r.mean():.2f} in the mean of {len(r)} genomes (least {r.min():.2f}, greatest "
        f"{r.max():.2f})"
    )


def _say_ideal(known: pd.DataFrame) -> str:
    """Say how well an observer that knows the grammar predicts the same."""
    known = known[known["r_ideal"].notna()]
    if known.empty:
        return ""
    ideal = known["r_ideal"]
    told = f"{ideal.iloc[0]:.2f}" if len(known) == 1 else _over_genomes(ideal)
    return (
        " For comparison, the prediction of an observer that knows the grammar correlates with the "
        f"same losses: r = {told}."
    )


def say_real(table: pd.DataFrame, weights: str) -> str:
    """Say which elements the same rule claims of models of a real genome.

    Parameters
    ----------
    table : DataFrame
        `genoattn.study.claims.read`.
    weights : str
        Name of the model that the chapter is about.
    """
    told = [
        _say_model(str(name), mine, own=name == weights)
        for name, mine in table.groupby("model", sort=False)
    ]
    if table["claimed"].any():
        told.append(
            "This rule differs from that by which heads carry elements on the cards and in the "
            "table of elements. It is told of no known element, "
            "and claims get their names afterwards. It asks at other sites and with other "
            "replacements. The other rule also requires that a head restore more at sites that "
            "have the element than at sites that lack it; this rule does not. So losses and heads "
            "can differ, and an element can be claimed here that no head carries there."
        )
    return "\n\n".join(told)


def _say_model(name: str, table: pd.DataFrame, own: bool) -> str:
    """Say what is claimed of one model, the chapter's own or not, and how well it predicts."""
    claims = table[table["claimed"]].sort_values("effect", ascending=False)
    said = (
        f"On the genome of this chapter, by the same rule, {in_words(len(claims), 'none')} of "
        f"{in_words(len(table))} elements that are found in the mutation map of "
        f"{'' if own else 'a network of another architecture, '}`{name}`"
        f"{',' * (not own)} become claims"
    )
    if claims.empty:
        return f"{said}."
    each = listed(
        f"{_called(row)}{with_interval(row['effect'], row['ci_low'], row['ci_high'], '.2f')} "
        f"log-odds lost, foremost by {'' if own else 'its '}{row['head']})"
        for row in claims.to_dict("records")
    )
    one = claims.iloc[0]
    r = with_interval(one["r"], one["r_low"], one["r_high"], ".2f")
    return (
        f"{said}: {each}. The drops that these claims predict at test sites correlate with those "
        f"seen there: r = {r}."
    )


def _called(row: dict[Hashable, Any]) -> str:
    """Begin to tell of a claim: by its name and letters, or by its letters alone."""
    letters = f"{row['consensus']} at {position_name(row['first'])}"
    if not str(row["name"]).startswith(f"{row['consensus']} at "):
        return f"{row['name']} ({letters}; "
    part = f"a part of the {spoken(row['part_of'])}; " if row["part_of"] else ""
    return f"{letters} ({part}"


def _say_parts(false: pd.DataFrame, recovered: pd.DataFrame) -> str:
    """Say which false claims are parts of planted elements all the same; nothing if none is."""
    parts = false[false["planted_share"] > 0.5]
    if parts.empty:
        return ""
    missed = recovered[~recovered["recovered"]]
    in_part = (
        parts[["genome_seed", "planted_element"]]
        .drop_duplicates()
        .merge(missed.rename(columns={"element": "planted_element"}))
    )
    which = f"{in_words(len(parts)).capitalize()} of those that match none"
    if len(parts) == len(false):
        which = "That one" if len(false) == 1 else f"All {in_words(len(false))} that match none"
    return (
        f"{which} {'is a part' if len(parts) == 1 else 'are parts'} of planted elements "
        f"({listed(sorted(set(parts['planted_element'])))}), too small for a match. "
        "Of the letters by which such a claim is made at its sites (weighted by their "
        f"information), {parts['planted_share'].mean():.0%} on average belong to a planted copy; "
        f"of those at the same positions of all sites, {parts['planted_elsewhere'].mean():.0%} "
        "do. Through such parts, "
        f"{'none' if in_part.empty else in_words(len(in_part))} of the {len(missed)} "
        f"elements that were not recovered {'is' if len(in_part) == 1 else 'are'} claimed in part"
        + (
            "; the other such claims are parts of elements that another claim recovered. "
            if len(in_part) < len(parts[["genome_seed", "planted_element"]].drop_duplicates())
            else ". "
        )
    )


# ------------------------------------------------------------------------------------ in short


def say_in_short(joined: pd.DataFrame, n_others: int) -> str:
    """Say how many heads carry an element, which lose the score, and which roles return.

    Parameters
    ----------
    joined : DataFrame
        `atlas.join`.
    n_others : int
        Number of other seeds.
    """
    n = len(joined)
    if joined["carries"].isna().all():
        return f"What the {n} heads carry was not measured: run the chapter 06 first."
    carrying = joined[joined["carries"] != ""].sort_values("carried_share", ascending=False)
    rows = carrying.drop_duplicates("carries").head(3).to_dict("records")
    told = listed(
        f"L{row['layer']} H{row['head']} carries the {spoken(row['carries'].split('; ')[0])} "
        f"({with_interval(row['carried_share'], row['carried_low'], row['carried_high'], '.0%')}"
        f"{' of its effect comes back with this head alone' * (row is rows[0])})"
        for row in rows
    )
    return (
        f"Of {n} heads, {in_words(len(carrying)) if len(carrying) else 'none'} "
        f"carr{'y' if len(carrying) > 1 else 'ies'} an element to the output"
        f"{': foremost ' + told if len(carrying) else ''}. {_say_effects(joined)}. "
        f"{_say_back(joined['seed_stability'], n_others)}."
    )


def _say_effects(joined: pd.DataFrame) -> str:
    """Say how many heads the output needs."""
    if joined["ablation_delta_pr_auc"].isna().all():
        return "No head was switched off"
    n = int((joined["ci_high"] < 0).sum())
    return (
        f"Switched off alone, {n or 'none'} of all {len(joined)} heads lower PR AUC significantly"
    )


def _say_back(stability: pd.Series, n_others: int) -> str:
    """Say how many roles return in the other seeds."""
    if not n_others:
        return "Whether these roles return is not known, as there is one seed only"
    all_of_them, none_of_them = int((stability == 1).sum()), int((stability == 0).sum())
    return (
        "A head's partner is a head of another seed that brings back much the same shares of all "
        f"elements. Of the heads that carry an element, {in_words(all_of_them, 'none')} "
        f"{'have' if all_of_them > 1 else 'has'} a partner in "
        f"{every(n_others)} other seed{'s' * (n_others > 1)}; {in_words(none_of_them, 'none')} "
        f"{'have' if none_of_them > 1 else 'has'} none"
    )


def say_trust(tables: recovery.Recovery | None) -> str:
    """Say how far claims of this kind held where the truth is known."""
    if tables is None:
        return "How far such claims can be trusted was not tested on genomes of known truth here."
    claims = tables.claims
    claims = claims[claims["claimed"] & claims["grammar"] & claims["trained"]]
    used = tables.recovered[tables.recovered["used"]]
    return (
        "On simulated genomes of known truth, a related rule, which is told of no element, "
        f"recovered {_of(tables.recovered)} planted elements and {_of(used)} of those that the "
        f"models use; {int(claims['false_claim'].sum())} of its {len(claims)} claims matched none."
    )
