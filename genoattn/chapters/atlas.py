"""The chapter atlas: every head on one card; parameters, steps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import atlas, motifs, promoter_elements, recovery
from genoattn import seeds as between
from genoattn.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.study.report import Finding, listed, table
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "Heads",
    "Recovered",
    "Seeds",
    "Swept",
    "in_short",
    "joined",
    "recovered",
    "roles",
    "seeds",
    "swept",
]

PARAMETERS = Schema(
    "07_atlas",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seeds": Parameter(
            list[str],
            [],
            "the same training from other seeds, as weights; those not there are left out",
        ),
        "seed": Parameter(int, 0, "seed of the samples and of the permutations", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_best": Parameter(
            int, 50, "samples of most attention at an offset, for its motif", low=2, high=63
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the offset", low=1, high=51
        ),
        "region_first": Parameter(int, -100, "first position shown on a card, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position shown on a card, the TSS is +1"),
        "selective": Parameter(
            float, 0.2, "least selectivity of a head that is said to look at a place", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
        "ablation": Parameter(
            str,
            "mean",
            "what a head that is switched off gives instead",
            choices=("mean", "zero"),
        ),
        "n_permutations": Parameter(
            int, 1_000, "times that motifs are dealt out anew, for chance between seeds", low=1
        ),
        "n_shuffles": Parameter(
            int, 10_000, "random elements that each match of a motif is compared with", low=1
        ),
        "min_similarity": Parameter(
            float,
            0.5,
            "least similarity of motif and element for a role in another seed",
            low=0,
            high=1,
        ),
        "recovery_file": Parameter(
            str,
            "book/results/demo/recovery.csv",
            "planted elements found on simulated genomes",
        ),
    },
)
"""What this chapter may be asked."""

SIGNIFICANT = 0.05
"""Greatest p-value at which two seeds are said to be more alike than by chance."""


# ------------------------------------------------------------------------- the motif everywhere


class Swept(NamedTuple):
    """What the heads prefer at every offset, in this model and in those of other seeds."""

    sweeps: dict[str, atlas.Sweep]
    """Weights, as they were named -> sweep; this chapter's model first."""
    background: NDArray[np.float64]
    """Share of A, C, G, T in the genome."""
    finding: Finding

    @property
    def mine(self) -> atlas.Sweep:
        """The sweep of this chapter's model."""
        return next(iter(self.sweeps.values()))

    @property
    def n_others(self) -> int:
        """Number of the other seeds."""
        return len(self.sweeps) - 1


def swept(run: Run, p: Checked) -> Swept:
    """Sweep the model and those of other seeds over random positions of the test part.

    Parameters
    ----------
    run : Run
        Keeps the sweeps.
    p : Checked
        ``weights``, ``seeds``; ``n_random``, ``n_best``, ``width``, ``seed``.
    """
    found = [one for one in p.seeds if run.has_weights(one)]
    sweeps = {one: kept_sweep(run, one, p) for one in (p.weights, *found)}
    missing = [one for one in p.seeds if one not in found]
    background = motifs.composition(run.study.genome.codes)
    said = say_swept(p.weights, sweeps[p.weights], p.n_random, found, missing)
    return Swept(sweeps, background, Finding(said))


def kept_sweep(run: Run, weights: str, p: Checked) -> atlas.Sweep:
    """Take a model's sweep from the run, or make it and keep it there.

    It is used again as long as weights, genome and settings stay the same.
    """
    genome, file = run.study.genome, run.weights(weights)
    asked = f"{p.n_random} {p.n_best} {p.width} {p.seed} {genome.name} {len(genome)}"
    identity = hashlib.sha256(file.read_bytes() + asked.encode()).hexdigest()
    kept = run.file("heads", file.stem, "sweep", "npz")
    if kept.exists() and (before := atlas.Sweep.read(kept)).identity == identity:
        return before
    model = run.model(weights)
    settings = {name: p[name] for name in ("n_random", "n_best", "width", "seed")}
    made = atlas.sweep_part(model.annotator, genome, model.test, **settings)
    made = made._replace(identity=identity)
    made.save(kept)
    return made


def say_swept(
    name: str, sweep: atlas.Sweep, n_random: int, found: list[str], missing: list[str]
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


class Seeds(NamedTuple):
    """Which heads come back from other seeds."""

    across: pd.DataFrame | None
    """`seeds.match` across layers; None where there is one seed only."""
    stability: pd.DataFrame | None
    """`seeds.stability` of this chapter's model; None where there is one seed only."""
    finding: Finding


def seeds(swept: Swept, p: Checked) -> Seeds:
    """Match the heads of every two seeds one to one, and compare the sum with chance.

    Parameters
    ----------
    swept : Swept
    p : Checked
        ``weights``, ``n_permutations``, ``seed``.
    """
    if not swept.n_others:
        said = "Only one seed of this model is given, so how stable its heads are is **not known**."
        return Seeds(None, None, Finding(said))
    described = {
        one: between.Described(sweep.mean, sweep.favourite_counts)
        for one, sweep in swept.sweeps.items()
    }
    matches = {within: between.match(described, within_layer=within) for within in (True, False)}
    compared = _compared(described, matches, p)
    shown, across = _seed_table(compared), matches[False]
    found = {"seeds": shown, "seeds_heads": across}
    said = say_seeds(compared, p.weights) + table(shown)
    return Seeds(across, between.stability(across, p.weights), Finding(said, found))


def _compared(
    described: Mapping[str, between.Described], matches: Mapping[bool, pd.DataFrame], p: Checked
) -> pd.DataFrame:
    """Similarity of this model's heads to those of each other seed, within and across layers.

    Columns seed, within_layer, back, n, observed, by_chance, p_value.
    """
    rows = []
    for other in [one for one in described if one != p.weights]:
        for within, pairs in matches.items():
            sums = between.summed_similarity(
                described[p.weights],
                described[other],
                within_layer=within,
                n_permutations=p.n_permutations,
                seed=p.seed,
            )
            these = pairs[(pairs["seed"] == p.weights) & (pairs["other_seed"] == other)]
            back = int(these["comes_back"].sum())
            told = {"seed": other, "within_layer": within, "back": back, "n": len(these)}
            rows.append(told | sums)
    return pd.DataFrame(rows)


def _seed_table(compared: pd.DataFrame) -> pd.DataFrame:
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


def roles(run: Run, swept: Swept, p: Checked) -> Finding:
    """Give the heads of all seeds their roles, all from the same random positions.

    Parameters
    ----------
    run : Run
    swept : Swept
    p : Checked
        ``n_shuffles``, ``min_similarity``, ``max_q``, ``seed``.
    """
    elements = (
        run.study.known_elements
        if run.study.elements is None
        else promoter_elements.planted_elements(run.study.elements)
    )
    named = {
        one: promoter_elements.name_roles(
            promoter_elements.match_elements(
                sweep.favourites, elements, n_shuffles=p.n_shuffles, seed=p.seed
            ),
            min_similarity=p.min_similarity,
            max_q=p.max_q,
        )
        for one, sweep in swept.sweeps.items()
    }
    found = between.roles_by_seed(named)
    return Finding(say_roles(found), {"seeds_roles": found} if len(found) else {})


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


class Heads(NamedTuple):
    """All that is known of each head."""

    joined: pd.DataFrame
    """`atlas.join`: a row a head."""
    profiles: pd.DataFrame
    """`heads.profile_frame` of the chapter on heads."""
    says: list[str]
    """A sentence a head, in the order of the rows."""
    finding: Finding


def joined(run: Run, swept: Swept, seeds: Seeds, p: Checked) -> Heads:
    """Join what the chapters measured of each head, and say it by rule.

    Parameters
    ----------
    run : Run
        Has the tables of the chapters on heads and, if it was run, on dependence.
    swept : Swept
    seeds : Seeds
    p : Checked
        ``weights``, ``ablation``, ``max_q``, ``selective``.
    """
    name = run.weights(p.weights).stem
    ablated = (
        run.kept("06_dependence", name, "ablation")
        if run.has_kept("06_dependence", name, "ablation")
        else None
    )
    known = head_table(run, name)
    frame = atlas.join(known, ablation=ablated, stability=seeds.stability, mode=p.ablation)
    says = atlas.sentences(frame, max_q=p.max_q, selective=p.selective, n_others=swept.n_others)
    profiles = run.kept("03_heads", name, "profiles")
    return Heads(frame, profiles, says, Finding(say_measured(frame), {"heads": frame}))


def head_table(run: Run, name: str) -> pd.DataFrame:
    """Read the table of heads of one model, as `atlas.join` takes it.

    Raises
    ------
    ValueError
        A column is missing that every head has.
    """
    texts = ("role", "best_motif", "consensus")  # "-10" is a name here
    found = run.kept("03_heads", name, "table", texts)
    found = found.rename(columns={"layer": "layer_1based", "head": "head_1based"})
    needed = ("layer_1based", "head_1based", "peak_offset", "selectivity")
    lacking = [one for one in needed if one not in found]
    if lacking:
        file = run.file("heads", name, "table")
        raise ValueError(f"{file}: column {lacking[0]!r} is missing")
    return found.assign(role=found["role"].fillna("") if "role" in found else "")


def say_measured(joined: pd.DataFrame) -> str:
    """Say which measurements there are of no head."""
    notes = atlas.not_measured(joined)
    return f"Not measured here: {'; '.join(notes)}." if notes else "Everything was measured."


# --------------------------------------------------------------------- genomes of known truth


class Recovered(NamedTuple):
    """What claims of this kind are worth where the truth is known."""

    tables: recovery.Recovery | None
    """None where the command was not run."""
    finding: Finding

    @property
    def elements(self) -> pd.DataFrame | None:
        """A row for each planted element of each genome."""
        return None if self.tables is None else self.tables.recovered


def recovered(p: Checked) -> Recovered:
    """Read what was recovered on simulated genomes (``recovery_file``)."""
    if not Path(p.recovery_file).exists():
        said = f"`{p.recovery_file}` is not there: run `python -m genoattn.recovery`."
        return Recovered(None, Finding(said))
    tables = recovery.read(p.recovery_file)
    return Recovered(tables, Finding(say_recovered(tables) + " " + say_claims(tables)))


def say_recovered(tables: recovery.Recovery) -> str:
    """Say how many planted elements were recovered: of all, of those used, of those needed."""
    planted = tables.recovered
    used = planted[planted["used"]]
    strong = used[used["change"] <= -1]
    return (
        f"{planted['genome_seed'].nunique()} genomes were simulated, with {len(planted)} planted "
        f"elements in all. **{_of(planted)}** were recovered, each with its motif, its place "
        "within the tolerance, and an effect of the head. The model uses "
        f"{len(used)} of them, as replacing their copies shows; of these, **{_of(used)}** were "
        f"recovered. Of the {len(strong)} strongly used elements, without which the odds fall by a "
        f"factor of e or more, **{_of(strong)}** were recovered."
    )


def _of(rows: pd.DataFrame) -> str:
    """Write how many of some elements were recovered."""
    n = int(rows["recovered"].sum())
    return f"{n} of {len(rows)} ({n / len(rows):.0%})" if len(rows) else "0 of 0"


def say_claims(tables: recovery.Recovery) -> str:
    """Say how many claims were false, and how many of these are parts of planted elements."""
    recovered, claims, genomes = tables
    said = claims[claims["claimed"]]
    true = said[said["grammar"]]
    false = true[true["false_claim"]]
    blank = int((~genomes["grammar"]).sum())
    return (
        f"Of {len(true)} claims on these genomes, **{len(false)}** match no planted element. "
        + _say_parts(false, recovered)
        + (
            f"On {blank} genome{'s' * (blank > 1)} without grammar, where every claim is false, "
            f"there were **{int((~said['grammar']).sum())}** claims."
            if blank
            else "No genome without grammar was treated."
        )
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


def in_short(heads: Heads, swept: Swept, recovered: Recovered, p: Checked) -> Finding:
    """Answer the chapter's question in a few sentences."""
    return Finding(
        say_in_short(heads.joined, swept.n_others, p.selective)
        + " "
        + say_trust(recovered.tables)
        + " All numbers are of one genome; a role says what a head looks for, and only its "
        "ablation says whether the output needs it."
    )


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
    claims = tables.claims[tables.claims["claimed"] & tables.claims["grammar"]]
    return (
        "On simulated genomes of known truth, claims of this kind recovered "
        f"{_of(tables.recovered)} planted elements, and {int(claims['false_claim'].sum())} of "
        f"{len(claims)} claims matched none."
    )
