"""The rule of `genoattn.interventions.claims` on a model of a run; touches run.py.

Command: ``genoattn claims runs/ecoli --weights curated --results book/results/ecoli`` writes
``claims.csv``. It is the rule that ``genoattn recover`` puts to the test where the truth is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from genoattn.genome.files import writing
from genoattn.interventions.claims import Claims, Rule, agreement, claim, predicted, searched
from genoattn.interventions.grading import called
from genoattn.study.parameters import COUNT, FROM_0
from genoattn.study.run import Run

__all__ = ["Claimed", "claims_of", "read"]


class Claimed(NamedTuple):
    """What is claimed of one model, and how well it predicts."""

    found: Claims
    r: float
    """Correlation of the drops that were predicted and seen (`claims.agreement`)."""
    r_low: float
    r_high: float


def claims_of(
    run: Run, weights: str, *, rule: Rule | None = None, seed: int, progress: bool = False
) -> Claimed:
    """Claim elements of a run's model, and the heads that carry them.

    Elements are found at labelled sites outside the test part, and asked about at those inside,
    where their drops are predicted too, as on simulated genomes (`recovery.judge`). No known
    element is used for it; on a real genome, claims are called after them in the end
    (`grading.called`).

    Parameters
    ----------
    run : Run
        Has genome and labelled sites.
    weights : str
        A model of the run, or one that is shipped.
    rule : Rule, optional
    seed : int
        Of all that is drawn at random.
    progress : bool
        Show progress bars.

    Raises
    ------
    TypeError, ValueError
        The model has no attention, or the genome has too few sites.
    """
    rule = rule or Rule()
    model = run.model(weights)
    genome = run.study.genome
    every = run.sites(model.card.train_set)
    tested = model.test[every["position"].to_numpy()]
    inside = every[tested]
    mapped = searched(
        model.annotator, genome, every[~tested], rule=rule, seed=seed, progress=progress
    )
    found = claim(
        model.annotator,
        genome,
        mapped,
        inside,
        model.test,
        rule=rule,
        seed=seed,
        name=model.name,
        progress=progress,
    )
    drops = predicted(
        model.annotator, genome, inside, found, rule=rule, seed=seed, progress=progress
    )
    known = run.study.of.carried if run.study.elements is None else ()
    names, part_of = called(found, known, rule)
    table = found.table.assign(name=names, part_of=part_of)
    return Claimed(found._replace(table=table), *agreement(drops, rule, seed=seed))


def read(path: str | Path) -> pd.DataFrame:
    """Read claims.csv.

    Returns
    -------
    DataFrame
        ``model``; the columns of `claims.Claims.table`; ``part_of`` (`grading.called`); ``r``,
        ``r_low``, ``r_high`` of the model in each of its rows.

    Raises
    ------
    ValueError
        A column is missing.
    """
    table = pd.read_csv(path, dtype=dict.fromkeys(("name", "consensus", "head", "part_of"), str))
    needed = ("model", "name", "claimed", "head", "part_of", "r")
    lacking = [one for one in needed if one not in table]
    if lacking:
        raise ValueError(f"{path}: column {lacking[0]!r} is missing; run genoattn claims")
    return table.fillna({"head": "", "part_of": ""})


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: claim elements, and the heads that carry them, of models of a run."""
    parser = argparse.ArgumentParser(prog="genoattn claims", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of a run, after chapter 01")
    parser.add_argument("--weights", nargs="+", default=["curated"], help="names of models")
    parser.add_argument("--seed", type=FROM_0, default=0)
    parser.add_argument(
        "--sites", type=COUNT, default=Rule().n_sites, help="at which each element is asked about"
    )
    parser.add_argument("--results", type=Path, required=True, help="folder of claims.csv")
    given = parser.parse_args(arguments)
    run, rule, done = Run(given.run), Rule(n_sites=given.sites), []
    for name in given.weights:
        made = claims_of(run, name, rule=rule, seed=given.seed, progress=True)
        table = made.found.table.assign(r=made.r, r_low=made.r_low, r_high=made.r_high)
        table.insert(0, "model", name)
        done.append(table)
        with writing(given.results / "claims.csv") as partial:
            pd.concat(done, ignore_index=True).to_csv(partial, index=False, float_format="%.6g")
        claimed = table[table["claimed"]]
        print(f"{name}: {len(claimed)} claims of {len(table)} elements found", flush=True)
