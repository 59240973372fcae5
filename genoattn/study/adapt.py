"""Adapt a trained model to another species with start sites of one half of its genome.

One half of the genome teaches, the other tells whether it helped: nothing of the held-out half is
seen. The sites that a training uses are those of one stretch, all of them: had a stretch more sites
than labels, the model would be taught that the others are none.

The training is not stopped early. The loss of the few sites that could decide it is noisy, and may
rise while the ranking of positions still gets better. So it was with 200 sites of *S. pyogenes* and
of *C. pneumoniae*, on which this recipe was chosen: `LEAST_STEPS` steps to the end brought the
most. With 25 sites, of *C. pneumoniae* alone and in one seed, half as many, `MOST_PASSES` passes,
were better than all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.annotate import load_contigs
from genoattn.data.collection import Piece, genome_piece, lay_out
from genoattn.data.species import (
    AUDITED_OFFSETS,
    is_bed,
    purine_shares,
    read_start_bed,
    why_apart,
)
from genoattn.evaluation.bootstrap import Resampling, check_blocks
from genoattn.evaluation.scores import compare_resolutions
from genoattn.evaluation.statistics import holm_corrected
from genoattn.genome.files import (
    AnnotationError,
    read_own_table,
    rereadable,
    to_integers,
    to_strands,
    writing,
)
from genoattn.genome.locks import holding
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import site_track
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.model.segments import Passes, StrandData, TrainingConfig
from genoattn.model.training import fit
from genoattn.study.order import run_locks
from genoattn.study.parameters import COUNT, FROM_0, MORE_THAN_0, plain_name
from genoattn.study.run import Run

__all__ = [
    "LEAST_SITES",
    "LEAST_STEPS",
    "MOST_PASSES",
    "RECIPE",
    "Taught",
    "adapt",
    "audit",
    "before_and_after",
    "held_out_half",
    "learning_curve",
    "main",
    "read_species",
    "scored_half",
    "taught",
]

RECIPE = TrainingConfig(
    passes=3.0,
    segment=512,
    context=378,
    batch=8,
    empty_share=0.2,
    learning_rate=1e-3,
    keep="last",
)
"""How a model is adapted, to the end of the schedule; a round is a pass."""

VALIDATION = 0.15  # share of the labelled sites whose loss the card has, pass by pass
LEAST_SITES = 10  # fewer labelled sites teach nothing that could be told from chance
LEAST_STEPS = 600  # of an adaptation, if they are no more than so many passes:
MOST_PASSES = 50
_LINEAGE = "your species"


class Taught(NamedTuple):
    """What an adaptation learns from."""

    pieces: list[Piece]
    """One of training and one of validation."""
    n_sites: int
    """Labelled sites in both."""


# ------------------------------------------------------------------------------- what is given


def read_species(fasta: str | Path, sites: str | Path) -> tuple[Genome, pd.DataFrame]:
    """Read a genome and its start sites.

    Parameters
    ----------
    fasta : str or Path
        One circular replicon.
    sites : str or Path
        A BED file of single nucleotides, or a table with the columns ``position_1based`` and
        ``strand``; told by its content.

    Returns
    -------
    Genome, DataFrame
        Columns position (0-based) and strand, without repeats.

    Raises
    ------
    FileNotFoundError
        No such file.
    AnnotationError, GenomeError, ValueError
        A file that cannot be read, sites of another sequence or beyond its end; names the line.
    """
    genomes = load_contigs(fasta)
    if len(genomes) > 1:
        raise ValueError(
            f"{fasta}: {len(genomes)} sequences; give the one replicon that the sites are on"
        )
    genome = replace(genomes[0], circular=True)
    with rereadable(sites) as file:
        return genome, _read_sites(file, genome)


def _read_sites(sites: Path, genome: Genome) -> pd.DataFrame:
    """Read start sites, BED or a table; see `read_species`."""
    if is_bed(sites):
        return read_start_bed(sites, genome)
    table = read_own_table(sites, ["position_1based", "strand"])
    printed = to_integers(table, "position_1based", sites)
    beyond = table.index[(printed < 1) | (printed > len(genome))]
    if len(beyond):
        raise AnnotationError(
            f"{sites}, line {beyond[0]}: position_1based {printed[beyond[0]]} is not within "
            f"1..{len(genome)} of {genome.name}; are the sites of this assembly?"
        )
    found = pd.DataFrame({"position": printed - 1, "strand": to_strands(table, "strand", sites)})
    return found.drop_duplicates().sort_values(["position", "strand"], ignore_index=True)


def audit(genome: Genome, sites: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """Ask whether the sites are where transcripts begin: mostly at purines.

    Returns
    -------
    DataFrame, str or None
        Columns offset (nt, positive downstream) and purines (share); and why the sites should not
        be used, as the end of a sentence (`genoattn.data.species.why_apart`).
    """
    around = genome.around(
        sites["position"].to_numpy(), sites["strand"].to_numpy(), np.array(AUDITED_OFFSETS)
    )
    shares = purine_shares(around)
    return pd.DataFrame({"offset": AUDITED_OFFSETS, "purines": shares}), why_apart(shares)


def held_out_half(genome: Genome, most: int = 0) -> NDArray[np.bool_]:
    """Forward positions, shape (L,), of the second half of the genome; its first ``most`` only."""
    where = np.zeros(len(genome), dtype=bool)
    first = len(genome) // 2
    where[first : first + most if most else len(genome)] = True
    return where


def scored_half(genome: Genome, sites: pd.DataFrame, most: int, block: int) -> NDArray[np.bool_]:
    """Take the held-out half, or its beginning, if something can be said of it.

    Parameters
    ----------
    genome, sites
        See `read_species`.
    most : int
        See `held_out_half`.
    block : int
        Length of its resampled blocks, in nt.

    Raises
    ------
    ValueError
        No site lies there, or all of it would be one block.
    """
    where = held_out_half(genome, most)
    if not where[sites["position"].to_numpy(np.int64)].any():
        raise ValueError(
            f"most: no labelled site lies in the first {int(where.sum()):,} nt of the second half "
            f"of {genome.name}, so nothing can be scored; give more, or 0 for all of it"
        )
    check_blocks(where, block)
    return where


def taught(
    genome: Genome, sites: pd.DataFrame, n_sites: int | None = None, seed: int = 1
) -> Taught:
    """Take the sites of a stretch of the first half, the last of them for validation.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        Columns position (0-based) and strand.
    n_sites : int, optional
        Labelled sites of the stretch, its place is drawn by ``seed``; all of the half by default.

    Raises
    ------
    ValueError
        Too few sites in one half.
    """
    position = np.sort(sites["position"].to_numpy(np.int64))
    half = len(genome) // 2
    own = position[position < half]
    count = len(own) if n_sites is None else n_sites
    if len(own) < max(LEAST_SITES, count) or count < LEAST_SITES:
        raise ValueError(
            f"the first half of {genome.name} has {len(own)} labelled sites; "
            f"{max(LEAST_SITES, count)} are needed, at least {LEAST_SITES}"
        )
    if len(own) == len(position):
        raise ValueError(
            f"the second half of {genome.name} has no labelled site, so nothing can be tested; "
            "give sites of the whole genome"
        )
    borders = np.concatenate([[0], (own[1:] + own[:-1] + 1) // 2, [half]])
    begin = int(np.random.default_rng(seed).integers(len(own) - count + 1))
    middle = begin + count - max(2, round(VALIDATION * count))
    first, cut, last = (int(borders[i]) for i in (begin, middle, begin + count))
    pieces = [
        genome_piece(genome, sites, interval, genome.name, _LINEAGE, part)
        for part, interval in (("train", (first, cut)), ("validation", (cut, last)))
    ]
    return Taught(pieces, sum(len(piece.sites) for piece in pieces))


# ---------------------------------------------------------------------------------- adaptation


def adapt(
    weights: str | Path,
    lesson: Taught,
    to: str | Path,
    *,
    recipe: TrainingConfig = RECIPE,
    least_steps: int = LEAST_STEPS,
    progress: bool = True,
    accelerator: str = "auto",
) -> Path:
    """Go on with the training of a model on the sites of another species.

    Parameters
    ----------
    weights : str or Path
        A file, or the name of a shipped model; any architecture.
    lesson : Taught
    to : str or Path
        Where the adapted weights go (.safetensors), with their card.
    recipe : TrainingConfig
        Its ``steps_per_round`` is set to a pass.
    least_steps : int
        Few sites make short passes; of these there are so many more, at most `MOST_PASSES`.
    progress, accelerator
        As `genoattn.model.training.fit` takes them.

    Returns
    -------
    Path
        The adapted weights.
    """
    card = Card.read(weights)
    network = ConvolutionalConfig if card.convolutional else AnnotatorConfig
    model = network(**card.config)
    laid = lay_out(lesson.pieces, name=lesson.pieces[0].species)
    data = StrandData.of(laid.genome, laid.sites, laid.split, model.downstream)
    a_pass = max(1, round(Passes(data, "train", recipe).size(0) / recipe.batch))
    passes = max(recipe.passes, min(least_steps / a_pass, MOST_PASSES))
    recipe = replace(recipe, steps_per_round=a_pass, passes=passes)
    fit(
        *laid,
        to,
        model=model,
        training=recipe,
        initial=weights,
        train_set=f"{lesson.n_sites} sites of {laid.genome.name}",
        fresh=True,
        progress=progress,
        accelerator=accelerator,
    )
    for suffix in (".ckpt", ".run.json"):
        Path(to).with_suffix(suffix).unlink(missing_ok=True)
    return Path(to)


def before_and_after(
    before: NDArray, after: NDArray, label: NDArray, resampling: Resampling
) -> pd.DataFrame:
    """Score a model before and after its adaptation on the held-out half.

    Parameters
    ----------
    before, after : float arrays, shape (2, L)
    label : binary array, shape (2, L)
    resampling : Resampling
        Of the scored part.

    Returns
    -------
    DataFrame
        Columns resolution (1, 10), metric, before, before_low, before_high, after, after_low,
        after_high, difference, difference_low, difference_high, p (corrected by Holm's method).
    """
    table = compare_resolutions(
        {"before": before, "after": after},
        label,
        resampling.block >= 0,
        resampling,
        "before",
        (1, 10),
    )
    keys = ["resolution", "metric"]
    first = table[table["model"] == "before"].set_index(keys)[["value", "ci_low", "ci_high"]]
    second = table[table["model"] == "after"].set_index(keys).drop(columns="model")
    first = first.set_axis(["before", "before_low", "before_high"], axis=1)
    names = {"value": "after", "ci_low": "after_low", "ci_high": "after_high"}
    return holm_corrected(first.join(second.rename(columns=names)).reset_index(), "p")


def learning_curve(
    genome: Genome,
    sites: pd.DataFrame,
    weights: Path,
    numbers: Sequence[int | None],
    run: Run,
    name: str,
    *,
    resampling: Resampling,
    recipe: TrainingConfig = RECIPE,
    least_steps: int = LEAST_STEPS,
    say: Callable[[str], None] = lambda _: None,
    progress: bool = False,
) -> pd.DataFrame:
    """Adapt a model with several numbers of labelled sites, and score each on the held-out half.

    Parameters
    ----------
    genome, sites
        See `read_species`.
    weights : Path
    numbers : sequence of int or None
        Labelled sites of each adaptation; None: all of the half.
    run : Run
        Gets weights and outputs.
    name : str
        Of the adapted weights; those of fewer sites have their number behind it.
    resampling : Resampling
        Of the part of the held-out half that is scored (`held_out_half`).
    recipe : TrainingConfig
        Its seed also draws the stretches.
    least_steps : int
        See `adapt`.
    say : callable
        Gets a line for each adaptation.
    progress : bool

    Returns
    -------
    DataFrame
        Columns n_sites, seed, and those of `before_and_after`.
    """
    files = {number: _new_weights(run, name, number, genome) for number in numbers}
    lessons = [taught(genome, sites, number, recipe.seed) for number in numbers]
    label = site_track(sites, len(genome))
    where = resampling.block >= 0
    before = run.predict_elsewhere(weights, genome, where, progress=progress)
    tables = []
    for number, lesson in zip(numbers, lessons, strict=True):
        to = files[number]
        adapt(weights, lesson, to, recipe=recipe, least_steps=least_steps, progress=progress)
        after = run.predict_elsewhere(to, genome, where, progress=progress)
        table = before_and_after(before, after, label, resampling)
        tables.append(table.assign(n_sites=lesson.n_sites, seed=recipe.seed))
        exact = table[(table["resolution"] == 1) & (table["metric"] == "pr_auc")]
        first, second = exact[["before", "after"]].to_numpy()[0]
        say(f"{lesson.n_sites:,} sites: PR AUC {first:.3f} -> {second:.3f}")
    found = pd.concat(tables, ignore_index=True)
    return found[["n_sites", "seed", *tables[0].columns[:-2]]]


def _new_weights(run: Run, name: str, number: int | None, genome: Genome) -> Path:
    """Where the adapted weights go; ValueError if a model of another genome is there."""
    to = run.new_weights(name if number is None else f"{name}-{number}")
    if to.exists() and (before := Card.read(to).genome) != genome.name:
        raise ValueError(f"{to} is a model of {before}; give the adapted one another name")
    return to


# ------------------------------------------------------------------------------- command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: adapt a model to a species, with start sites of one half of its genome."""
    parser = argparse.ArgumentParser(prog="genoattn adapt", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder that gets the weights and the scores")
    parser.add_argument("--fasta", type=Path, required=True, help="the genome, one replicon")
    parser.add_argument(
        "--sites",
        type=Path,
        required=True,
        help="its start sites: BED, or a table with position_1based and strand",
    )
    parser.add_argument("--weights", default="convolutional", help="model to start from")
    parser.add_argument("--name", default="adapted", help="name of the adapted weights")
    parser.add_argument(
        "--n-sites",
        nargs="*",
        type=COUNT,
        default=[],
        help="also adapt with so many labelled sites each, for a learning curve",
    )
    parser.add_argument("--passes", type=MORE_THAN_0, default=RECIPE.passes)
    parser.add_argument("--learning-rate", type=MORE_THAN_0, default=RECIPE.learning_rate)
    parser.add_argument(
        "--most", type=FROM_0, default=0, help="score so many nt of the held-out half; 0: all"
    )
    parser.add_argument(
        "--go-on", action="store_true", help="use the sites even if the audit advises against it"
    )
    parser.add_argument("--n-bootstrap", type=COUNT, default=1000)
    parser.add_argument("--block", type=COUNT, default=10_000, help="length of a resampled block")
    parser.add_argument("--seed", type=FROM_0, default=1)
    given = parser.parse_args(arguments)
    if problem := plain_name(given.name):
        parser.error(f"--name {problem}, not {given.name!r}")
    try:
        table = _adapt(given)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    shown = table[["n_sites", "resolution", "metric", "before", "after"]]
    shown = shown.assign(
        difference=[
            f"{row.difference:+.3f} ({row.difference_low:+.3f} to {row.difference_high:+.3f})"
            for row in table.itertuples()
        ]
    )
    print(shown.round(3).to_string(index=False))
    return 0


def _adapt(given: Any) -> pd.DataFrame:
    """Adapt as the command line asks, and write the scores."""
    genome, sites = read_species(given.fasta, given.sites)
    shares, reason = audit(genome, sites)
    at_site = float(shares.loc[shares["offset"] == 0, "purines"].iloc[0])
    print(f"{len(sites):,} sites on {genome.name}; {at_site:.0%} of them are purines")
    if reason and not given.go_on:
        raise ValueError(
            f"{given.sites}: {reason}. Correct the table, or say --go-on to use it as it is"
        )
    recipe = replace(
        RECIPE, passes=given.passes, learning_rate=given.learning_rate, seed=given.seed
    )
    where = scored_half(genome, sites, given.most, given.block)
    run = Run(given.run)
    if len(set(given.n_sites)) < len(given.n_sites):
        raise ValueError("n-sites names a number twice; give each once")
    weights = run.weights(given.weights)
    own, others = run_locks(run.folder)
    with holding(own, str(run.folder), "name another folder", others):
        table = learning_curve(
            genome,
            sites,
            weights,
            [*given.n_sites, None],
            run,
            given.name,
            resampling=Resampling.of(where, given.block, given.n_bootstrap, given.seed),
            recipe=recipe,
            least_steps=LEAST_STEPS,
            say=lambda line: print(line, flush=True),
            progress=sys.stderr.isatty(),
        )
        with writing(run.results / f"{given.name}.csv") as partial:
            table.round(6).to_csv(partial, index=False)
    return table
