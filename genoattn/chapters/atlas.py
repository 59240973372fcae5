"""The chapter atlas: every head on one card; parameters, steps.

What the steps say is in `genoattn.chapters.atlas_words`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import atlas_words as words
from genoattn.genome import motifs
from genoattn.heads import atlas, preferred
from genoattn.heads import seeds as between
from genoattn.heads.elements import match_elements, name_roles, planted_elements
from genoattn.interventions import recovery
from genoattn.model.card import Card
from genoattn.model.weights import made_from
from genoattn.study.parameters import (
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    check_region,
    filled,
    odd,
    position,
)
from genoattn.study.report import Finding, table
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
            unique=True,
            rule=filled,
        ),
        "seed": Parameter(int, 0, "seed of the samples and of the permutations", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_best": Parameter(
            int, 50, "samples of most attention at an offset, for its motif", low=2, high=63
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the offset", low=1, high=51, rule=odd
        ),
        "region_first": Parameter(
            int, -100, "first position shown on a card, the TSS is +1", rule=position
        ),
        "region_last": Parameter(
            int, 20, "last position shown on a card, the TSS is +1", rule=position
        ),
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
    at_most=(("region_first", "region_last"),),
    reads=(("03_heads", "table"), ("03_heads", "profiles")),
)
"""What this chapter may be asked."""


# ------------------------------------------------------------------------- the motif everywhere


class Swept(NamedTuple):
    """What the heads prefer at every offset, in this model and in those of other seeds."""

    sweeps: dict[str, preferred.Sweep]
    """Weights, as they were named -> sweep; this chapter's model first."""
    background: NDArray[np.float64]
    """Share of A, C, G, T in the genome."""
    finding: Finding

    @property
    def mine(self) -> preferred.Sweep:
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
    own = Card.read(run.weights(p.weights)).config
    check_region(p, own["window"] - 1 - own["downstream"], own["downstream"], p.weights)
    found = [one for one in p.seeds if run.has_weights(one)]
    sweeps = {one: kept_sweep(run, one, p) for one in (p.weights, *found)}
    missing = [one for one in p.seeds if one not in found]
    background = motifs.composition(run.study.genome.codes)
    said = words.say_swept(p.weights, sweeps[p.weights], p.n_random, found, missing)
    return Swept(sweeps, background, Finding(said))


def kept_sweep(run: Run, weights: str, p: Checked) -> preferred.Sweep:
    """Take a model's sweep from the run, or make it and keep it there.

    It is used again as long as weights, genome and settings stay the same.
    """
    genome, file = run.study.genome, run.weights(weights)
    settings = {name: p[name] for name in ("n_random", "n_best", "width", "seed")}
    identity = json.dumps(made_from(file, genome, **settings))
    kept = run.file("heads", file.stem, "sweep", "npz")
    if kept.exists() and (before := preferred.Sweep.read(kept)).identity == identity:
        return before
    model = run.model(weights)
    made = preferred.sweep_part(model.annotator, genome, model.test, **settings)
    made = made._replace(identity=identity)
    made.save(kept)
    return made


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
    shown, across = words.seed_table(compared), matches[False]
    found = {"seeds": shown, "seeds_heads": across}
    said = words.say_seeds(compared, p.weights) + table(shown)
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
        else planted_elements(run.study.elements)
    )
    named = {
        one: name_roles(
            match_elements(sweep.favourites, elements, n_shuffles=p.n_shuffles, seed=p.seed),
            min_similarity=p.min_similarity,
            max_q=p.max_q,
        )
        for one, sweep in swept.sweeps.items()
    }
    found = between.roles_by_seed(named)
    return Finding(words.say_roles(found), {"seeds_roles": found} if len(found) else {})


# ------------------------------------------------------------------------------------- the heads


class Heads(NamedTuple):
    """All that is known of each head."""

    joined: pd.DataFrame
    """`atlas.join`: a row a head."""
    profiles: pd.DataFrame
    """`profiles.profile_frame` of the chapter on heads."""
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
    return Heads(frame, profiles, says, Finding(words.say_measured(frame), {"heads": frame}))


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
        said = f"`{p.recovery_file}` is not there: run `genoattn recover`."
        return Recovered(None, Finding(said))
    tables = recovery.read(p.recovery_file)
    return Recovered(tables, Finding(words.say_recovered(tables) + " " + words.say_claims(tables)))


# ------------------------------------------------------------------------------------ in short


def in_short(heads: Heads, swept: Swept, recovered: Recovered, p: Checked) -> Finding:
    """Answer the chapter's question in a few sentences."""
    return Finding(
        words.say_in_short(heads.joined, swept.n_others, p.selective)
        + " "
        + words.say_trust(recovered.tables)
        + " All numbers are of one genome; a role says what a head looks for, and only its "
        "ablation says whether the output needs it."
    )
