"""The chapter adapt: a trained model, taught the start sites of another species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from genoattn.chapters import adapt_words as words
from genoattn.data.grammar import FOREIGN_GRAMMAR
from genoattn.data.simulation import simulate
from genoattn.evaluation.bootstrap import MOST_REPLICATES, Resampling
from genoattn.genome.sequence import Genome
from genoattn.study import adapt
from genoattn.study.parameters import (
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    plain_name,
    positive,
)
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = ["PARAMETERS", "Adapted", "Opened", "adapted", "in_short", "opened"]


def _both(values: Mapping[str, Any]) -> str | None:
    """Ask for genome and sites together."""
    if (values["fasta"] is None) == (values["sites"] is None):
        return None
    lacking = "sites" if values["sites"] is None else "fasta"
    return f"{lacking!r} is missing: give a genome and its start sites, or neither"


PARAMETERS = Schema(
    "10_adapt",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "fasta": Parameter(
            str, None, "your genome, one replicon; None: a simulation", optional=True
        ),
        "sites": Parameter(
            str,
            None,
            "its start sites: BED, or a table with position_1based and strand",
            optional=True,
        ),
        "name": Parameter(
            str, "my_species", "name of the adapted weights, one word", rule=plain_name
        ),
        "go_on": Parameter(bool, False, "use the sites even if the audit advises against it"),
        "n_sites": Parameter(
            list[int], [25, 50], "labelled sites of the smaller adaptations", low=10, unique=True
        ),
        "seeds": Parameter(
            list[int],
            [1],
            "seeds of trainings and of the stretches they learn from",
            low=0,
            sizes=(1, None),
            unique=True,
        ),
        "passes": Parameter(float, 3.0, "least passes over what is learnt from", rule=positive),
        "least_steps": Parameter(
            int,
            60,
            f"least steps of a training, unless they were over {adapt.MOST_PASSES} passes",
            low=1,
        ),
        "learning_rate": Parameter(float, 0.001, "highest learning rate", high=1000, rule=positive),
        "most": Parameter(
            int, 0, "nucleotides of the held-out half that are scored; 0: all", low=0
        ),
        "block": Parameter(int, 2000, "length of the resampled blocks, nt", low=100),
        "n_bootstrap": Parameter(
            int, 500, "resamples of blocks, for intervals", low=20, high=MOST_REPLICATES
        ),
        "length": Parameter(
            int, 100_000, "nucleotides of the simulated genome", low=20_000, high=20_000_000
        ),
        "seed": Parameter(int, 7, "seed of the simulation and of resampling", low=0),
    },
    together=(_both,),
)
"""What this chapter may be asked."""


class Opened(NamedTuple):
    """What is adapted, and to what."""

    genome: Genome
    sites: pd.DataFrame
    """Columns position (0-based) and strand."""
    weights: Path
    audit: pd.DataFrame
    """Of `genoattn.study.adapt.audit`."""
    finding: Finding


def opened(run: Run, p: Checked) -> Opened:
    """Read genome, sites and model; refuse sites that are shifted, and halves without sites.

    Raises
    ------
    ValueError
        What is wrong, and what to do.
    """
    if p.fasta is None:
        made = simulate(seed=p.seed, length=p.length, grammar=FOREIGN_GRAMMAR)
        genome = Genome("another_species", made.genome.codes)
        sites = made.truth_sites[["position", "strand"]].reset_index(drop=True)
    else:
        genome, sites = adapt.read_species(p.fasta, p.sites)
    audit, reason = adapt.audit(genome, sites)
    if reason and not p.go_on:
        raise ValueError(f"{p.sites or genome.name}: {reason}. Correct the table, or set go_on")
    for number in [None, *p.n_sites]:
        adapt.taught(genome, sites, number, p.seeds[0])
    adapt.scored_half(genome, sites, p.most, p.block)
    weights = run.weights(p.weights)
    half = int((sites["position"] < len(genome) // 2).sum())
    said = words.say_given(genome.name, len(genome), half, len(sites) - half, weights.stem)
    said += words.say_audit(audit, reason) + ("" if p.fasta else words.SIMULATED)
    return Opened(genome, sites, weights, audit, Finding(said))


class Adapted(NamedTuple):
    """Scores before and after, by number of labelled sites."""

    curve: pd.DataFrame
    """Columns species, and those of `genoattn.study.adapt.learning_curve`."""
    finding: Finding


def adapted(own: Run, given: Opened, p: Checked) -> Adapted:
    """Adapt with each number of sites and each seed, and score on the held-out half."""
    where = adapt.held_out_half(given.genome, p.most)
    resampling = Resampling.of(where, p.block, p.n_bootstrap, p.seed)
    curves = [
        adapt.learning_curve(
            given.genome,
            given.sites,
            given.weights,
            [*p.n_sites, None],
            own,
            p.name if len(p.seeds) == 1 else f"{p.name}-s{seed}",
            resampling=resampling,
            recipe=replace(adapt.RECIPE, passes=p.passes, learning_rate=p.learning_rate, seed=seed),
            least_steps=p.least_steps,
        )
        for seed in p.seeds
    ]
    curve = pd.concat(curves, ignore_index=True)
    curve.insert(0, "species", given.genome.name)
    earlier = own.earlier("adaptation")
    others = pd.DataFrame() if earlier is None else earlier[earlier["species"] != given.genome.name]
    said = words.say_curve(curve) + words.say_others(others)
    kept = pd.concat([curve, others], ignore_index=True)
    return Adapted(curve, Finding(said, {"adaptation": kept}))


def in_short(found: Adapted) -> Finding:
    """Answer the chapter's question."""
    return Finding(words.say_all(found.curve) + " " + words.say_enough(found.curve))
