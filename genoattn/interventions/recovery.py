"""What is claimed of networks, and what was planted: genomes of known truth; touches its own runs.

On a simulated genome the promoter elements are known, so claims made of a network can be counted
right or wrong. Each genome is treated as the demo is: simulated, curated, a small model trained on
it. Then claims are made *without* the planted elements, by the rule of
`genoattn.interventions.claims`: an element that the output depends on, and that at least one head
carries. The same rule runs on any other genome.

The rule was made on genomes of the default grammar; so it is also graded on genomes of another one,
with other words (`GRAMMARS`).

Only then are claims laid beside the planted elements, one claim for one element, and beside the
same elements with permuted letters: the chance line (`grading.grade`). Truth has two levels: what
was planted, and what of it the model uses (`grading.usage`); beside it stands what an observer that
knows the grammar would use. Where every claim is false, none must
be made: on genomes without grammar, and of untrained networks on genomes with one.

And claims have to predict: what they say that a stretch is worth, at sites that they were not made
of, is compared with what its replacement costs there (`claims.predicted`).

Command: ``genoattn recover --seeds 0 1 2 3 4 --out runs/recovery``; a training that is
there already is not repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.curation import Merging, curate
from genoattn.data.grammar import DEFAULT_GRAMMAR, FOREIGN_GRAMMAR, NO_GRAMMAR
from genoattn.data.ideal_observer import IdealObserver
from genoattn.data.simulation import Layout, Simulation, simulate
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.interventions.claims import (
    PREDICTED_DRAWS,
    Rule,
    agreement,
    claim,
    predicted,
    randomised,
    searched,
)
from genoattn.interventions.grading import grade, planted_letters, usage
from genoattn.model.annotator import Annotator, AnnotatorConfig, untrained
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import PAPER_CUTS, fit

__all__ = ["GRAMMARS", "Recovery", "Treated", "judge", "one_genome", "read"]


MODEL = AnnotatorConfig(
    layers=3, heads=4, d_model=32, d_head=16, window=128, downstream=20, dropout=0.0
)
"""A small model, of the demo's size."""
TRAINING = TrainingConfig(
    passes=20.0, segment=512, context=128, batch=4, empty_share=0.2, learning_rate=0.003,
    steps_per_round=400, patience=9,
)  # fmt: skip
"""Smaller steps and more passes than the demo's: the rarer elements need them. The validation loss
is flat by then."""
LENGTH = 600_000
"""Nucleotides of a genome."""
OBSERVED = (130, 60)
"""Nucleotides before and from a site on that the observer reads."""
LAYOUT = Layout(tss_per_kb=8.0)
"""Twice as many start sites as in the demo: the rarer elements need them."""
GRAMMARS = MappingProxyType(
    {"grammar": DEFAULT_GRAMMAR, "foreign": FOREIGN_GRAMMAR, "none": NO_GRAMMAR}
)
"""What may be planted: the default grammar, one with other words, nothing."""


# ----------------------------------------------------------------------------------- the genomes


class Treated(NamedTuple):
    """What became of one genome."""

    recovered: pd.DataFrame
    """`grading.grade` and `grading.usage`: a row for each planted element."""
    claims: pd.DataFrame
    """`grading.grade` and `grading.planted_letters`: a row for each element that was found."""
    drops: pd.DataFrame
    """`claims.predicted`."""
    genome: pd.DataFrame
    """One row: ``genome_seed``, ``grammar``, ``foreign``, ``trained``; ``n_claims``; ``r``,
    ``r_low``, ``r_high`` (`claims.agreement`) and ``r_ideal``, the correlation of `foreseen`."""


def one_genome(
    seed: int,
    folder: Path,
    *,
    grammar: str,
    length: int,
    trained: bool = True,
    model: AnnotatorConfig = MODEL,
    training: TrainingConfig = TRAINING,
    rule: Rule | None = None,
) -> Treated:
    """Simulate, train, claim and grade one genome; a training that is there is not repeated.

    Parameters
    ----------
    seed : int
        Of the genome, and of everything drawn at random.
    folder : Path
        Of trained weights.
    grammar : str
        What is planted, one of `GRAMMARS`.
    length : int
        Nucleotides.
    trained : bool
        Whether the network is trained; else its weights are random.
    model, training : configurations
    rule : Rule, optional
    """
    planted = GRAMMARS[grammar]
    simulation = simulate(seed, length, planted, LAYOUT)
    curated = curate(_reported(simulation), Merging(length=length))
    split = Split.at([round(length * share) for share in PAPER_CUTS], length)
    if trained:
        into = folder / f"{grammar}-{seed}"
        annotator = _trained(simulation, curated, split, into, model, training)
    else:
        annotator = untrained(model, seed)
    treated = judge(
        annotator,
        simulation.genome,
        curated,
        simulation.elements,
        ~split.mask("train"),
        rule=rule,
        seed=seed,
        observer=IdealObserver.of(simulation, curated) if planted.elements else None,
    )
    for frame in treated:
        frame.insert(0, "genome_seed", seed)
        frame.insert(1, "grammar", bool(planted.elements))
        frame.insert(2, "foreign", planted is FOREIGN_GRAMMAR)
        frame.insert(3, "trained", trained)
    return treated


def judge(
    annotator: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    elements: pd.DataFrame,
    held: NDArray[np.bool_],
    *,
    rule: Rule | None = None,
    seed: int,
    observer: IdealObserver | None = None,
) -> Treated:
    """Claim, grade and predict for one network on a genome of known truth.

    Parameters
    ----------
    annotator : Annotator
    genome : Genome
    sites : DataFrame
        Labelled sites.
    elements : DataFrame
        Planted copies; empty where there are none.
    held : bool array, shape (L,)
        The part at whose sites claims are tested.
    rule : Rule, optional
    seed : int
    observer : IdealObserver, optional
        Who reads the same letters, knowing the grammar.
    """
    rule = rule or Rule()
    seen = held[sites["position"].to_numpy()]
    mapped = searched(annotator, genome, sites[~seen], rule=rule, seed=seed)
    found = claim(annotator, genome, mapped, sites[seen], held, rule=rule, seed=seed)
    recovered, claims = grade(found, elements, rule, seed=seed)
    claims = claims.join(planted_letters(found, elements, len(genome)))
    used = usage(
        annotator,
        genome,
        elements,
        most=rule.n_sites,
        least=rule.min_used,
        seed=seed,
        observer=observer,
    )
    recovered = recovered.merge(used, on="element", validate="one_to_one")
    drops = predicted(annotator, genome, sites[seen], found, rule=rule, seed=seed)
    r, low, high = agreement(drops, rule, seed=seed)
    told = {"n_claims": int(claims["claimed"].sum()), "r": r, "r_low": low, "r_high": high}
    told["r_ideal"] = float("nan")
    if observer is not None:
        drops["ideal"] = foreseen(observer, genome, drops, seed=seed)
        told["r_ideal"] = agreement(drops, rule, seed=seed, of="ideal")[0]
    return Treated(recovered, claims, drops, pd.DataFrame([told]))


def foreseen(
    observer: IdealObserver, genome: Genome, drops: pd.DataFrame, *, seed: int
) -> NDArray[np.float64]:
    """Drops of the log-odds of an observer that knows the grammar, at the stretches of claims.

    No claim of elements can tell more of the sequence than it does: what a network's drops have
    beyond these, the network reads otherwise than the grammar is.

    Parameters
    ----------
    observer : IdealObserver
    genome : Genome
    drops : DataFrame
        `claims.predicted`.
    seed : int

    Returns
    -------
    float array, shape (len(drops),)
    """
    if drops.empty:
        return np.zeros(0)
    offset = np.arange(-OBSERVED[0], OBSERVED[1])
    codes = genome.around(drops["position"].to_numpy(), drops["strand"].to_numpy(), offset)
    drop = observer.log_odds(codes, OBSERVED[0])
    rng = np.random.default_rng(seed)
    first, last = drops["first"].to_numpy(int), drops["last"].to_numpy(int)
    for length in np.unique(last - first + 1):
        at = np.flatnonzero(last - first + 1 == length)
        stretch = first[at, None] + OBSERVED[0] + np.arange(length)
        for other in randomised(codes[at], stretch, observer.background, rng):
            drop[at] -= observer.log_odds(other, OBSERVED[0]) / PREDICTED_DRAWS
    return drop


def _trained(
    simulation: Simulation,
    curated: pd.DataFrame,
    split: Split,
    folder: Path,
    model: AnnotatorConfig,
    training: TrainingConfig,
) -> Annotator:
    """The network of a genome; trained unless that was done before."""
    settings = repr((asdict(model), asdict(training), len(simulation.genome))).encode()
    weights = folder / f"{hashlib.sha256(settings).hexdigest()[:8]}.safetensors"
    finished = weights.with_suffix(".done")
    if not finished.exists():
        fit(
            simulation.genome,
            curated,
            split,
            weights,
            model=model,
            training=training,
            train_set="curated",
            accelerator="cpu",
            progress=False,
        )
        finished.touch()
    return Annotator.load(weights).eval()


def _reported(simulation: Simulation) -> pd.DataFrame:
    """What the simulated assays report, in the order that the curation expects."""
    return simulation.assays.sort_values(["position", "strand", "source"], ignore_index=True)


class Recovery(NamedTuple):
    """The three tables that the command writes."""

    recovered: pd.DataFrame
    """A row for each planted element of each genome (`Treated.recovered`)."""
    claims: pd.DataFrame
    """A row for each element that was found (`Treated.claims`)."""
    genomes: pd.DataFrame
    """A row for each genome and network (`Treated.genome`), whether or not there was a claim."""


def read(path: str | Path) -> Recovery:
    """Read recovery.csv and, beside it, recovery_claims.csv and recovery_genomes.csv.

    Raises
    ------
    FileNotFoundError
        One of them is missing.
    ValueError
        They were made by another rule: a column is missing.
    """
    path = Path(path)
    files = [path, *(path.with_name(f"{path.stem}_{name}.csv") for name in ("claims", "genomes"))]
    for one in files:
        if not one.exists():
            raise FileNotFoundError(f"{one}: no such file; run genoattn recover")
    names = dict.fromkeys(("element", "consensus", "planted_element"), str)  # "-10" is a name
    tables = Recovery(*(pd.read_csv(one, dtype=names) for one in files))  # type: ignore[arg-type]
    needed = (
        ("recovered", "used", "chance", "ideal", "foreign"),
        ("claimed", "trained", "foreign"),
        ("trained", "r", "foreign"),
    )
    for file, table, columns in zip(files, tables, needed, strict=True):
        lacking = [one for one in columns if one not in table]
        if lacking:
            raise ValueError(
                f"{file}: column {lacking[0]!r} is missing, so it was made by another rule; run "
                "genoattn recover"
            )
    for column in ("element", "planted_element"):
        tables.claims[column] = tables.claims[column].fillna("")
    return tables
