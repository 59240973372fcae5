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
from genoattn.interventions.claims import Claims, Rule, agreement, claim, predicted
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

    Elements are found at the labelled sites outside the test part and asked about at those inside,
    where their drops are predicted too. On a real genome they get the names of known elements; on a
    simulated one, whose truth is known, the claims are made blindly.

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
    sites = run.sites(model.card.train_set)
    run.check_test(model.split, sites, f"the set {model.card.train_set}")
    genome = run.study.genome
    found = claim(
        model.annotator,
        genome,
        sites,
        model.test,
        known=run.study.known_elements if run.study.elements is None else (),
        rule=rule,
        seed=seed,
        name=model.name,
        progress=progress,
    )
    unseen = sites[model.test[sites["position"].to_numpy()]]
    drops = predicted(
        model.annotator, genome, unseen, found, rule=rule, seed=seed, progress=progress
    )
    return Claimed(found, *agreement(drops, rule, seed=seed))


def read(path: str | Path) -> pd.DataFrame:
    """Read claims.csv.

    Returns
    -------
    DataFrame
        ``model``, the columns of `claims.Claims.table`, and ``r``, ``r_low``, ``r_high`` of the
        model in each of its rows.

    Raises
    ------
    ValueError
        A column is missing.
    """
    table = pd.read_csv(path, dtype={"name": str, "consensus": str, "head": str})
    lacking = [one for one in ("model", "name", "claimed", "head", "r") if one not in table]
    if lacking:
        raise ValueError(f"{path}: column {lacking[0]!r} is missing; run genoattn claims")
    return table.assign(head=table["head"].fillna(""))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: claim elements, and the heads that carry them, of models of a run."""
    parser = argparse.ArgumentParser(prog="genoattn claims", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--weights", nargs="+", default=["curated"], help="names of models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, required=True, help="folder of claims.csv")
    given = parser.parse_args(arguments)
    run, done = Run(given.run), []
    for name in given.weights:
        made = claims_of(run, name, seed=given.seed, progress=True)
        table = made.found.table.assign(r=made.r, r_low=made.r_low, r_high=made.r_high)
        table.insert(0, "model", name)
        done.append(table)
        with writing(given.results / "claims.csv") as partial:
            pd.concat(done, ignore_index=True).to_csv(partial, index=False, float_format="%.6g")
        claimed = table[table["claimed"]]
        print(f"{name}: {len(claimed)} claims of {len(table)} elements found", flush=True)
