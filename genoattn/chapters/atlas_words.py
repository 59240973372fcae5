"""What the chapter atlas says of its numbers: frames in, sentences and tables out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.heads import atlas, preferred
from genoattn.interventions import recovery
from genoattn.study.report import listed, table

SIGNIFICANT = 0.05
"""Greatest p-value at which two seeds are said to be more alike than by chance."""


# ------------------------------------------------------------------------- the motif everywhere


def say_swept(
    name: str, sweep: preferred.Sweep, n_random: int, found: list[str], missing: list[str]
) -> str:
    """Say what was swept, and which other seeds there are."""
    layers, n_heads, window = sweep.counts.shape[:3]
    others = f"Other seeds: {listed(found)}. " if found else "No other seed is given. "
    return (
        f"**{name}** has {layers} layers of {n_heads} heads. Their motifs were collected at all "
        f"{window} offsets, from {n_random:,} random positions of the test part. {others}"
        + (f"Left out, as there are no such weights: {listed(missing)}." if missing else "")
    )


# ----------------------------------------------------------------------------------- other seeds


def seed_table(compared: pd.DataFrame) -> pd.DataFrame:
    """The comparison of seeds, cells as they shall be read."""
    return pd.DataFrame(
        {
            "seed": compared["seed"],
            "matched": np.where(compared["within_layer"], "within a layer", "across layers"),
            "similarity": compared["observed"].map("{:.2f}".format),
            "with dealt motifs": compared["by_chance"].map("{:.2f}".format),
            "p-value": compared["p_value"].map("{:.2g}".format),
            "come back": [
                f"{back} of {n}" for back, n in zip(compared["back"], compared["n"], strict=True)
            ],
        }
    )


def say_seeds(compared: pd.DataFrame, weights: str) -> str:
    """Say how alike the heads of the seeds are, beside motifs dealt out anew.

    Parameters
    ----------
    compared : DataFrame
        Columns seed, within_layer, observed, by_chance, p_value, back, n.
    weights : str
        The model whose heads are compared with those of the other seeds.
    """
    said = []
    for within, where in ((False, "across layers"), (True, "within layers")):
        rows = compared[compared["within_layer"] == within]
        sure = rows[rows["p_value"] <= SIGNIFICANT]
        back = listed(
            f"{row.back} of {row.n} in {row.seed}" for row in rows.itertuples(index=False)
        )
        said.append(
            f"Matched {where}, the heads of {weights} are significantly more similar to those of "
            f"{len(sure)} of {len(rows)} other seeds than dealt motifs would make them "
            f"(p ≤ {SIGNIFICANT:g}). Of these heads, {back} come back."
        )
    return " ".join(said) + "\n"


def say_roles(found: pd.DataFrame) -> str:
    """Say which roles heads of the seeds have, and which seeds share them.

    Parameters
    ----------
    found : DataFrame
        `seeds.roles_by_seed`.
    """
    if found.empty:
        return (
            "By the rule of the chapter on heads, applied to the same random positions for all "
            "seeds, no head of any seed has a role."
        )
    return (
        "Roles follow the rule of the chapter on heads, here applied to the same random positions "
        "for all seeds. That chapter takes the best of all positions, so a head may have a role "
        "there and none here. These seeds have them:\n"
        + table(found.rename(columns={"n_seeds": "seeds", "of": "compared"}))
    )


# ------------------------------------------------------------------------------------- the heads


def say_measured(joined: pd.DataFrame) -> str:
    """Say which measurements there are of no head."""
    notes = atlas.not_measured(joined)
    return f"Not measured here: {'; '.join(notes)}." if notes else "Everything was measured."


# --------------------------------------------------------------------- genomes of known truth


def say_recovered(tables: recovery.Recovery) -> str:
    """Say how many planted elements were recovered: of all, by chance, and of those used."""
    planted = tables.recovered
    used = planted[planted["used"]]
    chance = planted["chance"].sum()
    return (
        f"{planted['genome_seed'].nunique()} genomes were simulated, with {len(planted)} planted "
        f"elements in all. **{_of(planted)}** were recovered: the network depends on the element, "
        "a head carries it, and the claim counts for no other. Had the elements' letters been "
        f"permuted, the same claims would have recovered {chance:.1f} "
        f"({chance / max(1, len(planted)):.0%}). The models use {len(used)} of the elements, as "
        "replacing their copies by random letters moves the log-odds by half a unit or more; of "
        f"these, **{_of(used)}** were recovered."
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
    return (
        f"Of {len(true)} claims on these genomes, **{len(false)}** match no planted element. "
        + _say_parts(false, tables.recovered)
        + _say_nothing_there(claims, tables.genomes)
        + _say_predicted(tables.genomes)
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
    each = listed(
        f"{row.r:.2f} ({row.r_low:.2f} to {row.r_high:.2f})" for row in known.itertuples()
    )
    return (
        " What the claims say that an element is worth at a site that they were not made of "
        f"correlates with what its replacement costs there: r = {each}, a number a genome."
    )


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
    return (
        f"Of those {len(false)}, {len(parts)} are parts of planted elements "
        f"({listed(sorted(set(parts['planted_element'])))}): at the sites that carry the word, "
        "more than half of its information lies in planted copies, on average "
        f"{parts['planted_share'].mean():.0%}, against {parts['planted_elsewhere'].mean():.0%} at "
        f"that place of all labelled sites. So {len(in_part)} of the {len(missed)} elements that "
        "were not recovered are claimed in part. "
    )


# ------------------------------------------------------------------------------------ in short


def say_in_short(joined: pd.DataFrame, n_others: int, selective: float) -> str:
    """Say how many heads have a place, a role, an effect, and a match in other seeds.

    Parameters
    ----------
    joined : DataFrame
        `atlas.join`.
    n_others : int
        Number of other seeds.
    selective : float
        Least selectivity of a head that looks at a place.
    """
    n = len(joined)
    held = joined[joined["role"] != ""]
    named = f" ({listed(sorted(set(held['role'])))})" if len(held) else ""
    return (
        f"Of {n} heads, {int((joined['selectivity'] >= selective).sum())} look mostly at one place "
        f"(selectivity of {selective:g} or more), and {len(held)} have a role by the rule{named}; "
        f"{_say_effects(joined)}. {_say_back(joined['seed_stability'], n_others)}."
    )


def _say_effects(joined: pd.DataFrame) -> str:
    """Say how many heads the output needs."""
    if joined["ablation_delta_pr_auc"].isna().all():
        return "no head was switched off"
    n = int((joined["ci_high"] < 0).sum())
    return f"switching a single one off lowers PR AUC significantly for {n or 'none'}"


def _say_back(stability: pd.Series, n_others: int) -> str:
    """Say how many heads have a match in the other seeds."""
    if not n_others:
        return "How stable the heads are is not known, as there is one seed only"
    return (
        f"A matching head exists in every other seed ({n_others} compared) for "
        f"{int((stability == 1).sum())} heads, and in none for {int((stability == 0).sum())}"
    )


def say_trust(tables: recovery.Recovery | None) -> str:
    """Say how far claims of this kind held where the truth is known."""
    if tables is None:
        return "How far such claims can be trusted was not tested on genomes of known truth here."
    claims = tables.claims
    claims = claims[claims["claimed"] & claims["grammar"] & claims["trained"]]
    used = tables.recovered[tables.recovered["used"]]
    return (
        "On simulated genomes of known truth, claims by intervention recovered "
        f"{_of(tables.recovered)} planted elements and {_of(used)} of those that the models use, "
        f"and {int(claims['false_claim'].sum())} of {len(claims)} claims matched none."
    )
