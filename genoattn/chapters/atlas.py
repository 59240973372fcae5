"""The chapter atlas: every head on one card; parameters, steps.

What the steps say is in `genoattn.chapters.atlas_words`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import atlas_words as words
from genoattn.genome import motifs
from genoattn.heads import atlas, preferred
from genoattn.heads.elements import PAPER_ELEMENTS
from genoattn.interventions import recovery
from genoattn.model.card import Card
from genoattn.model.weights import made_from
from genoattn.study import claims
from genoattn.study.parameters import (
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    check_region,
    odd,
    position,
)
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "Asked",
    "Heads",
    "Recovered",
    "Swept",
    "elements",
    "in_short",
    "joined",
    "recovered",
    "swept",
]


PARAMETERS = Schema(
    "07_atlas",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of the random positions", low=0),
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


# ------------------------------------------------------------------------- letters everywhere


class Swept(NamedTuple):
    """What the heads prefer at every offset."""

    sweep: preferred.Sweep
    background: NDArray[np.float64]
    """Share of A, C, G, T in the genome."""
    finding: Finding


def swept(run: Run, p: Checked) -> Swept:
    """Sweep the model over random positions of the test part.

    Parameters
    ----------
    run : Run
        Keeps the sweep.
    p : Checked
        ``weights``; ``n_random``, ``n_best``, ``width``, ``seed``.
    """
    own = Card.read(run.weights(p.weights)).config
    check_region(p, own["window"] - 1 - own["downstream"], own["downstream"], p.weights)
    sweep = kept_sweep(run, p.weights, p)
    background = motifs.composition(run.study.genome.codes)
    return Swept(sweep, background, Finding(words.say_swept(p.weights, sweep, p.n_random)))


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


# ------------------------------------------------------------------------------------- the heads


class Asked(NamedTuple):
    """What was found of the elements that heads were asked about."""

    effects: pd.DataFrame
    """`carriers.effects`, without the controls."""
    carriers: pd.DataFrame
    """`carriers.carried` of this model and of its other seeds."""
    model: str
    """Which of them this model is."""


class Heads(NamedTuple):
    """All that is known of each head."""

    joined: pd.DataFrame
    """`atlas.join`: a row a head."""
    profiles: pd.DataFrame
    """`profiles.profile_frame` of the chapter on heads."""
    logos: pd.DataFrame | None
    """`mediated.logo_table`; None where chapter 06 was not run."""
    asked: Asked | None
    """What chapter 06 found of the elements; None where it was not run."""
    says: list[str]
    """Sentences of each head, in the order of the rows."""
    n_others: int
    """Other seeds that were asked what their heads carry."""
    finding: Finding


def joined(run: Run, p: Checked) -> Heads:
    """Join what the chapters measured of each head, and say it by rule.

    Parameters
    ----------
    run : Run
        Has the tables of the chapters on heads and, if it was run, on dependence.
    p : Checked
        ``weights``, ``max_q``, ``selective``.
    """
    name = run.weights(p.weights).stem
    texts = {  # "-10" is a name here
        "seed_carriers": ("element",),
        "effects": ("element", "control"),
        "logo_names": ("name",),
        "roles": ("element",),
    }
    found = {
        kind: run.kept("06_dependence", name, kind, texts.get(kind, ()))
        for kind in ("ablation", "seed_carriers", "roles", "logos", "logo_names", "effects")
        if run.has_kept("06_dependence", name, kind)
    }
    roles = found.get("roles", pd.DataFrame(columns=["seed", "other_seed"]))
    roles = roles[roles["seed"] == name]
    n_others = roles["other_seed"].nunique()
    logos = found.get("logos")
    asked, carriers = None, found.get("seed_carriers")
    if carriers is not None:
        effects = found["effects"]
        real = effects[effects["control"].fillna("") == ""]
        asked = Asked(real, carriers, name)
        carriers = carriers[carriers["model"] == name]
    frame = atlas.join(
        head_table(run, name),
        ablation=found.get("ablation"),
        carriers=carriers,
        roles=roles,
        logos=logos,
        logo_names=found.get("logo_names"),
    )
    says = words.sentences(
        frame,
        max_q=p.max_q,
        selective=p.selective,
        n_others=n_others,
        detectable=_detectable(asked),
    )
    profiles = run.kept("03_heads", name, "profiles")
    said = words.say_measured(frame, p.max_q)
    return Heads(frame, profiles, logos, asked, says, n_others, Finding(said, {"heads": frame}))


def _detectable(asked: Asked | None) -> tuple[float, float] | None:
    """Smallest and largest share that would have been found, over the elements that are used."""
    if asked is None:
        return None
    shares = asked.effects.loc[asked.effects["used"], "detectable"]
    return None if shares.isna().all() else (float(shares.min()), float(shares.max()))


def elements(run: Run, heads: Heads) -> Finding:
    """Lay what attention says of each element beside what the interventions say.

    Parameters
    ----------
    run : Run
    heads : Heads
    """
    if heads.asked is None:
        return Finding(words.NOT_ASKED)
    found = atlas.by_element(heads.joined, *heads.asked)
    matched = {one.name for one in PAPER_ELEMENTS} if run.study.published else set()
    said = words.say_elements(found, matched, heads.n_others)
    return Finding(said, {"heads_by_element": found})


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
    """Read what was recovered on simulated genomes, and what the same rule claims of this genome.

    Parameters
    ----------
    p : Checked
        ``recovery_file``; ``results_dir``, where ``genoattn claims`` leaves ``claims.csv``.
    """
    file = Path(p.results_dir) / "claims.csv"
    real = words.say_real(claims.read(file), p.weights) if file.exists() else ""
    if not Path(p.recovery_file).exists():
        said = f"`{p.recovery_file}` is not there: run `genoattn recover`."
        return Recovered(None, Finding(f"{said}\n\n{real}".strip()))
    tables = recovery.read(p.recovery_file)
    said = f"{words.say_recovered(tables)}\n\n{words.say_claims(tables)}"
    return Recovered(tables, Finding(f"{said}\n\n{real}".strip()))


# ------------------------------------------------------------------------------------ in short


def in_short(heads: Heads, recovered: Recovered) -> Finding:
    """Answer the chapter's question in a few sentences."""
    return Finding(
        words.say_in_short(heads.joined, heads.n_others)
        + " "
        + words.say_trust(recovered.tables)
        + " Apart from simulations, all numbers are of one genome."
    )
