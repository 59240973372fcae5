"""What heads claim, and what was planted: genomes of known truth; touches its own folder of runs.

On a simulated genome the promoter elements are known, so claims made of a model's heads can be
counted right or wrong. Each genome is treated as the demo is: simulated, curated, a small model
trained on it. Then claims are made *without* the planted elements, in three steps that each head
and each offset from the start site have to pass:

1. **A motif.** Labelled sites of the training part that get most attention at the offset, against
   a mixture of the other sites there and the genome: what is more frequent around the offset in the
   former is the head's motif. (What all start sites share, whatever a head does, counts less.)
2. **Is it at start sites?** At the labelled sites of the other parts, which the motif has not
   seen, its score at the offset is compared with that of the same sites at flanking offsets
   (Mann-Whitney, one-sided). Start sites without a grammar have no motif at a fixed place, whatever
   a head prefers.
3. **Is it this head that reads it?** The half of those sites that get more attention there must
   score higher than the other half (the same test).

Both p-values are corrected over all heads and offsets (Benjamini-Hochberg); the worse of them is
the claim's q-value. Of overlapping claims of a head the strongest stays. Two interventions follow:

4. **Does the head matter?** It is replaced by its mean: the log-odds of the held-out sites must
   change.
5. **Do the letters matter?** At the held-out sites with the highest scores, the claimed word is
   replaced by random letters: the log-odds must change as well.

Both by t-tests, corrected over all heads and over all claims (Holm). What passes is a claim, unless
another head reads the same motif at the same place more surely (step 3): then it is an *echo*.

Only then are claims laid beside the planted elements, one claim for one element
(`grading.grade`), and beside the same elements with permuted letters: the chance line. What the
model does not use cannot be found in its heads; so the planted copies are replaced by random
letters, and the change of the log-odds says whether the model uses the element (`grading.usage`).
And as a claim may be of a part of an element, it is counted how much of its word lies in planted
copies (`grading.planted_letters`).

Command: ``genoattn recover --seeds 0 1 2 3 4 --out runs/recovery``; a training that is
there already is not repeated. The rule was settled on seed 0.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from genoattn.data.curation import Merging, curate
from genoattn.data.grammar import DEFAULT_GRAMMAR, NO_GRAMMAR
from genoattn.data.simulation import Simulation, simulate
from genoattn.genome.files import writing
from genoattn.genome.split import Split
from genoattn.interventions.ablation import effects
from genoattn.interventions.claims import Rule, claim, letters
from genoattn.interventions.grading import grade, planted_letters, usage
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import PAPER_CUTS, fit
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention

__all__ = ["Recovery", "read"]


MODEL = AnnotatorConfig(
    layers=3, heads=4, d_model=32, d_head=16, window=128, downstream=20, dropout=0.0
)
"""A small model, of the demo's size."""
TRAINING = TrainingConfig(
    passes=6.0, segment=512, context=128, batch=4, empty_share=0.2, learning_rate=0.003,
    steps_per_round=400, patience=9,
)  # fmt: skip
"""Smaller steps than the demo's, and on a longer genome: the rarer elements need them."""
LENGTH = 2_400_000
"""Nucleotides of a genome: twice as many give a motif's tests twice as many sites."""


# ----------------------------------------------------------------------------------- the genomes


def one_genome(
    seed: int,
    folder: Path,
    *,
    with_grammar: bool,
    length: int,
    model: AnnotatorConfig = MODEL,
    training: TrainingConfig = TRAINING,
    rule: Rule | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate, train, claim and grade one genome; a training that is there is not repeated.

    Returns
    -------
    recovered, claims : DataFrame
        `grading.grade`, with ``genome_seed``, ``grammar`` and (recovered) `grading.usage` and
        (claims) `grading.planted_letters`.
    """
    rule = rule or Rule()
    grammar = DEFAULT_GRAMMAR if with_grammar else NO_GRAMMAR
    simulation: Simulation = simulate(seed=seed, length=length, grammar=grammar)
    curated = curate(_reported(simulation), Merging(length=length))
    split = Split.at([round(length * share) for share in PAPER_CUTS], length)
    settings = repr((asdict(model), asdict(training), length)).encode()
    name = f"{'grammar' if with_grammar else 'none'}-{seed}"
    weights = folder / name / f"{hashlib.sha256(settings).hexdigest()[:8]}.safetensors"
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
    annotator = Annotator.load(weights)
    learn = split.mask("train")[curated["position"].to_numpy()]
    recorder = SampledAttention(
        model, curated["strand"].to_numpy(), curated["position"].to_numpy(), length
    )
    predict(annotator, simulation.genome, recorders=[recorder], progress=False)
    found = claim(
        recorder.attention,
        curated,
        learn,
        simulation.genome,
        downstream=model.downstream,
        rule=rule,
    )
    rng = np.random.default_rng(seed)
    held = curated[~learn]
    held = held.iloc[rng.permutation(len(held))[: rule.n_sites]]
    changed = effects(annotator, simulation.genome, held)
    words = letters(annotator, simulation.genome, curated, found, seed=seed)
    recovered, claims = grade(found, changed, words, simulation.elements, rule, seed=seed)
    claims = claims.join(planted_letters(found, curated, simulation.elements, length))
    if len(recovered):
        used = usage(
            annotator,
            simulation.genome,
            simulation.elements,
            most=rule.n_sites,
            least=rule.min_used,
            seed=seed,
        )
        recovered = recovered.merge(used, on="element", validate="one_to_one")
    for frame in (recovered, claims):
        frame.insert(0, "genome_seed", seed)
        frame.insert(1, "grammar", with_grammar)
    return recovered, claims


def _reported(simulation: Simulation) -> pd.DataFrame:
    """What the simulated assays report, in the order that the curation expects."""
    return simulation.assays.sort_values(["position", "strand", "source"], ignore_index=True)


class Recovery(NamedTuple):
    """The three tables that the command writes."""

    recovered: pd.DataFrame
    """A row for each planted element of each genome (`grading.grade`)."""
    claims: pd.DataFrame
    """A row for each claim (`grading.grade`)."""
    genomes: pd.DataFrame
    """``genome_seed`` and ``grammar`` of all genomes; one without a claim has no row elsewhere."""


def read(path: str | Path) -> Recovery:
    """Read recovery.csv and, beside it, recovery_claims.csv and recovery_genomes.csv."""
    path = Path(path)
    files = [path, *(path.with_name(f"{path.stem}_{name}.csv") for name in ("claims", "genomes"))]
    for one in files:
        if not one.exists():
            raise FileNotFoundError(f"{one}: no such file; run genoattn recover")
    names = dict.fromkeys(("element", "consensus", "planted_element"), str)  # "-10" is a name
    tables = Recovery(*(pd.read_csv(one, dtype=names) for one in files))  # type: ignore[arg-type]
    for column in ("element", "planted_element"):
        tables.claims[column] = tables.claims[column].fillna("")
    return tables


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: recover planted elements on simulated genomes, one after the other."""
    parser = argparse.ArgumentParser(prog="genoattn recover", description=main.__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"), help="folder of runs")
    parser.add_argument(
        "--results", type=Path, default=Path("book/results/demo"), help="folder of the tables"
    )
    parser.add_argument("--length", type=int, default=LENGTH, help="nucleotides of a genome")
    parser.add_argument("--passes", type=float, default=TRAINING.passes)
    parser.add_argument(
        "--blank", type=int, nargs="*", default=[0], help="seeds of genomes without grammar"
    )
    given = parser.parse_args(arguments)
    training = TrainingConfig(**{**asdict(TRAINING), "passes": given.passes})
    all_recovered, all_claims, treated = [], [], []
    wanted = [(seed, True) for seed in given.seeds] + [(seed, False) for seed in given.blank]
    for seed, with_grammar in wanted:
        recovered, claims = one_genome(
            seed, given.out, with_grammar=with_grammar, length=given.length, training=training
        )
        all_recovered.append(recovered)
        all_claims.append(claims)
        treated.append((seed, with_grammar))
        kind = "grammar" if with_grammar else "none"
        hits, n = int(recovered["recovered"].sum()), len(recovered)
        false = int(claims["false_claim"].sum())
        print(f"{kind} {seed}: {hits} of {n} recovered, {false} false claims", flush=True)
        tables = {  # after each genome, so that what is done is there
            "recovery.csv": _joined(all_recovered),
            "recovery_claims.csv": _joined(all_claims),
            "recovery_genomes.csv": pd.DataFrame(treated, columns=["genome_seed", "grammar"]),
        }
        for name, table in tables.items():
            with writing(given.results / name) as partial:
                table.to_csv(partial, index=False, float_format="%.6g")


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One table of several; without those that have no row, if any has one."""
    return pd.concat([one for one in frames if len(one)] or frames, ignore_index=True)
