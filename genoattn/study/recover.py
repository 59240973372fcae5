"""Recover planted elements on simulated genomes, one after the other, and write the tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from genoattn.genome.files import writing
from genoattn.interventions.recovery import LENGTH, TRAINING, Treated, one_genome
from genoattn.study.parameters import COUNT, FROM_0, MORE_THAN_0

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: recover planted elements on simulated genomes, one after the other."""
    parser = argparse.ArgumentParser(prog="genoattn recover", description=main.__doc__)
    parser.add_argument("--seeds", type=FROM_0, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"), help="folder of runs")
    parser.add_argument(
        "--results", type=Path, default=Path("book/results/demo"), help="folder of the tables"
    )
    parser.add_argument("--length", type=COUNT, default=LENGTH, help="nucleotides of a genome")
    parser.add_argument("--passes", type=MORE_THAN_0, default=TRAINING.passes)
    parser.add_argument(
        "--foreign", type=FROM_0, nargs="*", default=[0], help="seeds of genomes of another grammar"
    )
    parser.add_argument(
        "--blank", type=FROM_0, nargs="*", default=[0], help="seeds of genomes without grammar"
    )
    parser.add_argument(
        "--untrained",
        type=FROM_0,
        nargs="*",
        default=[0],
        help="seeds of genomes with grammar whose network is not trained",
    )
    given = parser.parse_args(arguments)
    training = replace(TRAINING, passes=given.passes)
    kinds = (
        (given.seeds, "grammar", True),
        (given.foreign, "foreign", True),
        (given.blank, "none", True),
        (given.untrained, "grammar", False),
    )
    wanted = [  # in turns, so that there is something of each kind early
        (seeds[turn], *kind)
        for turn in range(max(len(seeds) for seeds, *_ in kinds))
        for seeds, *kind in kinds
        if turn < len(seeds)
    ]
    if not wanted:
        parser.error(
            "no genome is named: give a seed to --seeds, --foreign, --blank or --untrained"
        )
    done: list[Treated] = []
    for seed, grammar, trained in wanted:
        one = one_genome(
            seed,
            given.out,
            grammar=grammar,
            trained=trained,
            length=given.length,
            training=training,
        )
        done.append(one)
        print(_said(one), flush=True)
        tables = {  # after each genome, so that what is done is there
            "recovery.csv": _joined([_of_trained(each) for each in done]),
            "recovery_claims.csv": _joined([each.claims for each in done]),
            "recovery_genomes.csv": _joined([each.genome for each in done]),
        }
        for name, table in tables.items():
            with writing(given.results / name) as partial:
                table.to_csv(partial, index=False, float_format="%.6g")


def _said(one: Treated) -> str:
    """One line on a genome."""
    row = one.genome.iloc[0]
    kind = "foreign" if row["foreign"] else "grammar" if row["grammar"] else "none"
    kind = kind if row["trained"] else "untrained"
    false = int(one.claims["false_claim"].sum())
    told = f"{kind} {row['genome_seed']}: {row['n_claims']} claims, {false} false"
    if one.recovered.empty:
        return told
    used = one.recovered[one.recovered["used"]]
    return (
        f"{told}; {int(one.recovered['recovered'].sum())} of {len(one.recovered)} planted and "
        f"{int(used['recovered'].sum())} of {len(used)} used elements recovered, "
        f"{one.recovered['chance'].sum():.2f} by chance; predicted and seen drops r = "
        f"{row['r']:.2f} ({row['r_low']:.2f} to {row['r_high']:.2f})"
    )


def _of_trained(one: Treated) -> pd.DataFrame:
    """What was recovered of planted elements; no row of a network that was not trained."""
    return one.recovered if one.genome["trained"][0] else one.recovered.head(0)


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One table of several; without those that have no row, if any has one."""
    return pd.concat([one for one in frames if len(one)] or frames, ignore_index=True)
