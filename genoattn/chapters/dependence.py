"""The chapter dependence: what the output depends on; parameters, steps.

What the steps say is in `genoattn.chapters.dependence_words`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genoattn.chapters import dependence_words as wording
from genoattn.evaluation import bootstrap, scores
from genoattn.genome import motifs, sites
from genoattn.heads.profiles import contrast, selectivity
from genoattn.interventions import ablation, mutagenesis
from genoattn.prediction import ensemble
from genoattn.study import report
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
from genoattn.study.report import Finding, table
from genoattn.study.run import Model, Run

__all__ = [
    "PARAMETERS",
    "Agreement",
    "Alone",
    "Pairs",
    "Positions",
    "Ranks",
    "Sample",
    "Scanned",
    "Words",
    "agreement",
    "alone",
    "in_short",
    "pairs",
    "planted",
    "positions",
    "ranks",
    "sample",
    "scanned",
    "words",
]


PARAMETERS = Schema(
    "06_dependence",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(
            int, 0, "seed of segments, sites, letters and of the resampling of blocks", low=0
        ),
        "n_segments": Parameter(
            int, 32, "segments of the test part on which heads are switched off", low=4
        ),
        "segment": Parameter(int, 512, "scored nucleotides of a segment", low=1),
        "context": Parameter(int, 512, "nucleotides read before a segment", low=0),
        "n_leading": Parameter(
            int,
            6,
            "heads that matter most, of which every two are switched off together",
            low=2,
            high=20,
        ),
        "n_sites": Parameter(
            int,
            20,
            "start sites of the test part around which nucleotides are changed, at most",
            low=2,
        ),
        "region_first": Parameter(
            int, -100, "first position that is changed, the TSS is +1", rule=position
        ),
        "region_last": Parameter(
            int, 20, "last position that is changed, the TSS is +1", rule=position
        ),
        "n_substitutions": Parameter(
            int,
            1,
            "other nucleotides tried at each position, drawn at random if below 3",
            low=1,
            high=3,
        ),
        "width": Parameter(int, 7, "nucleotides of a word, odd", low=1, high=51, rule=odd),
        "n_steps": Parameter(int, 16, "points of the integral of the gradients", low=1),
        "block": Parameter(int, 2_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
    },
    at_most=(("region_first", "region_last"),),
    reads=(("03_heads", "profiles"),),
)
"""What this chapter may be asked."""


# ------------------------------------------------------------------------ switching heads off


class Sample(NamedTuple):
    """Segments of the test part, and the output on them with all heads."""

    segments: ablation.Segments
    mean: torch.Tensor
    """What takes the place of each head, shape (layers, heads, d_head)."""
    draws: NDArray[np.float64]
    """Weights of the segments in the sample (row 0) and in resamples of blocks."""
    finding: Finding


def sample(run: Run, model: Model, p: Checked) -> Sample:
    """Draw segments of the test part, and look how well they stand for all of it.

    Parameters
    ----------
    run : Run
        Has the model's output on the test part.
    model : Model
        With attention heads.
    p : Checked
        ``n_segments``, ``segment``, ``context``, ``block``, ``n_bootstrap``, ``level``, ``seed``.
    """
    labelled = run.sites(model.card.train_set)
    run.check_test(model.split, labelled, f"the set {model.card.train_set}")
    downstream = model.config.downstream
    check_region(p, model.config.reach_upstream - downstream, downstream, model.name)
    label = _labels(run, model)
    segments = ablation.draw_segments(
        run.study.genome,
        label,
        model.test,
        model.config,
        n=p.n_segments,
        size=p.segment,
        context=p.context,
        block=p.block,
        seed=p.seed,
    )
    codes, scored = segments.codes, segments.scored
    mean = ablation.mean_contributions(model.annotator, codes, scored, segments.weight)
    intact, _ = ablation.ablate(model.annotator, codes, scored, [], mean, progress=False)
    draws = ablation.replicates(segments, p.n_bootstrap, p.seed)
    found = ablation.measure(segments, intact, intact, draws)
    track = run.output(model.name)
    whole = scores.score(scores.inside(label, model.test), scores.inside(track, model.test))
    moved, correlation = _moved(intact, ensemble.log_odds(segments.of_track(track)))
    said = [
        wording.say_sample(segments, found, whole, p.level),
        wording.say_context(p.context, model.config.reach_upstream, moved, correlation),
        "All changes below compare outputs on the same segments with the same context.",
        wording.say_blocks(segments, p.block),
    ]
    return Sample(segments, mean, draws, Finding(" ".join(said)))


def _labels(run: Run, model: Model) -> NDArray[np.uint8]:
    """Mark the sites that the model was trained on, shape (2, L)."""
    return sites.site_track(run.sites(model.card.train_set), len(run.study.genome))


def _moved(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[float, float]:
    """Mean absolute difference and correlation, where both are known."""
    known = np.isfinite(a) & np.isfinite(b)
    return float(np.abs(a - b)[known].mean()), float(np.corrcoef(a[known], b[known])[0, 1])


class Alone(NamedTuple):
    """What the output loses without each head."""

    conditions: list[ablation.Condition]
    change: dict[str, NDArray[np.float64]]
    """`ablation.changes`: measure -> array (conditions, replicates)."""
    effects: pd.DataFrame
    """`ablation.head_effects`."""
    finding: Finding


def alone(model: Model, sample: Sample, p: Checked) -> Alone:
    """Switch off every head, one at a time: its mean in its place, and zero."""
    conditions = ablation.single_heads(model.config)
    change = _changes(model, sample, conditions)
    effects = ablation.head_effects(conditions, change, p.level)
    most = wording.without_table(effects)
    said = wording.say_alone(effects, p.level) + report.folded(
        f"The {len(most)} heads whose absence costs most contrast", table(most)
    )
    found = Finding(said, {"dependence_ablation": effects}, {"ablation": effects})
    return Alone(conditions, change, effects, found)


def _changes(
    model: Model, sample: Sample, conditions: list[ablation.Condition]
) -> dict[str, NDArray[np.float64]]:
    """What every condition changes on the segments."""
    segments = sample.segments
    intact, output = ablation.ablate(
        model.annotator, segments.codes, segments.scored, conditions, sample.mean
    )
    return ablation.changes(segments, intact, output, sample.draws)


class Pairs(NamedTuple):
    """What the output loses without two heads at once."""

    interactions: pd.DataFrame
    """`ablation.interactions`."""
    finding: Finding


def pairs(model: Model, sample: Sample, alone: Alone, p: Checked) -> Pairs:
    """Switch off every two of the heads whose absence costs most contrast."""
    leading = ablation.leading(alone.effects, p.n_leading)
    together = ablation.pairs(leading)
    joint = _changes(model, sample, together)
    found = ablation.interactions(alone.conditions, alone.change, together, joint, p.level)
    return Pairs(
        found, Finding(wording.say_pairs(found), {"dependence_pairs": found}, {"pairs": found})
    )


class Ranks(NamedTuple):
    """Whether attention ranks the heads as switching them off does."""

    table: pd.DataFrame
    """A row a head: layer_1based, head_1based, loss (of contrast) and a column a measure."""
    agreement: pd.DataFrame
    """`ablation.rank_agreement`."""
    finding: Finding

    @property
    def of_contrast(self) -> pd.DataFrame:
        """The rows of the agreement with the loss of contrast."""
        return self.agreement[self.agreement["importance"] == "contrast"]


def ranks(run: Run, model: Model, alone: Alone, p: Checked) -> Ranks:
    """Correlate four measures that are read off attention with what is lost without each head.

    Parameters
    ----------
    run : Run
        Has the profiles of the chapter on heads.
    model : Model
    alone : Alone
    p : Checked
        ``level``, ``seed``.
    """
    measures = _measures(run.kept("03_heads", model.name, "profiles"))
    single = np.array([condition.mode == "mean" for condition in alone.conditions])
    losses = {
        "contrast": -alone.change["contrast"][single],
        "PR AUC": -alone.change["pr_auc"][single],
    }
    agreement = ablation.rank_agreement(measures, losses, p.level, p.seed)
    names = wording.by_mode(alone.effects, "mean")[["layer_1based", "head_1based"]]
    frame = names.assign(loss=losses["contrast"][:, 0], **measures)
    said = wording.say_ranks(agreement) + wording.rank_table(agreement, p.level)
    return Ranks(frame, agreement, Finding(said, {"dependence_ranks": agreement}))


def _measures(profiles: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Four measures of each head's attention, by layer and head: name -> shape (heads,)."""
    by_head = profiles.groupby(["layer_1based", "head_1based"], sort=True)
    each = {
        column: np.stack([part.sort_values("offset")[column].to_numpy() for _, part in by_head])
        for column in ("mean", "highest", "lowest", "spearman")
    }
    return {
        "selectivity": selectivity(each["mean"]),
        "peak attention": each["mean"].max(-1),
        "strongest |Spearman|": np.nan_to_num(np.abs(each["spearman"])).max(-1),
        "high/low contrast": contrast(each["highest"], each["lowest"]),
    }


# ------------------------------------------------------------------------ changing nucleotides


class Scanned(NamedTuple):
    """Exchanges and gradients around start sites of the test part."""

    scan: mutagenesis.Scan
    resampling: dict[str, Any]
    """n_bootstrap, level and seed, as the summaries of `genoattn.interventions.mutagenesis` take
    them."""
    finding: Finding


def scanned(run: Run, model: Model, p: Checked) -> Scanned:
    """Exchange every nucleotide and every word around start sites, and take gradients.

    Parameters
    ----------
    run : Run
    model : Model
    p : Checked
        ``n_sites``, ``block``, ``seed``; ``region_first`` and ``region_last`` (as biologists
        count, the TSS is +1), ``n_substitutions``, ``width``, ``n_steps``.
    """
    genome, label, test = run.study.genome, _labels(run, model), model.test
    chosen = mutagenesis.choose_sites(
        label, test, bootstrap.blocks(test, p.block), p.n_sites, p.seed
    )
    scan = mutagenesis.scan_sites(
        model.annotator,
        genome,
        chosen,
        first=sites.offset_of(p.region_first),
        last=min(sites.offset_of(p.region_last), model.config.downstream),
        n_substitutions=p.n_substitutions,
        width=p.width,
        n_steps=p.n_steps,
        composition=motifs.composition(genome.codes),
        seed=p.seed,
    )
    said = wording.say_scan(scan, int(label[:, test].sum()), p.n_steps)
    resampling = {"n_bootstrap": p.n_bootstrap, "level": p.level, "seed": p.seed}
    return Scanned(scan, resampling, Finding(said))


class Positions(NamedTuple):
    """What each position around a start site is worth, as a mean over sites."""

    effects: pd.DataFrame
    """`mutagenesis.position_effects`."""
    finding: Finding


def positions(scanned: Scanned) -> Positions:
    """Average exchanges and gradients over sites, position by position."""
    effects = mutagenesis.position_effects(scanned.scan, **scanned.resampling)
    return Positions(
        effects, Finding(wording.say_positions(effects), {"dependence_positions": effects})
    )


def planted(run: Run, scanned: Scanned) -> Finding:
    """Lay exchanges beside planted elements, on a genome where these are known."""
    if run.study.elements is None:
        return Finding(
            "Which nucleotides belong to elements is known of simulated genomes only, so there is "
            "no comparison with the truth here."
        )
    found = mutagenesis.element_effects(scanned.scan, run.study.elements, **scanned.resampling)
    return Finding(wording.say_planted(found), {"dependence_elements": found})


class Agreement(NamedTuple):
    """How far the attention of each head goes with what matters."""

    by_head: pd.DataFrame
    """`mutagenesis.agreement` without the rows of all heads together."""
    finding: Finding


def agreement(scanned: Scanned) -> Agreement:
    """Correlate the attention of each head with the effects of changes, over positions."""
    fit = mutagenesis.agreement(scanned.scan, **scanned.resampling)
    found = Finding(wording.say_agreement(fit), {"dependence_agreement": fit}, {"agreement": fit})
    return Agreement(fit[fit["layer_1based"] > 0], found)


class Words(NamedTuple):
    """What the words are worth that heads attend to."""

    effects: pd.DataFrame
    """`mutagenesis.attended_words`."""
    finding: Finding


def words(scanned: Scanned) -> Words:
    """Exchange the word that each head attends to, beside words at the same offsets elsewhere."""
    found = mutagenesis.attended_words(scanned.scan, **scanned.resampling)
    return Words(
        found, Finding(wording.say_words(found), {"dependence_words": found}, {"words": found})
    )


# ------------------------------------------------------------------------------------ in short


def in_short(
    sample: Sample, alone: Alone, ranks: Ranks, positions: Positions, words: Words
) -> Finding:
    """Answer the chapter's question in a few sentences."""
    return Finding(
        wording.say_in_short(alone.effects, ranks.of_contrast, positions.effects, words.effects)
        + f" These numbers rest on {len(sample.segments)} segments and "
        f"{int(words.effects['n_sites'].iloc[0]):,} start sites of one genome and on one trained "
        "model; that three or more heads stand in for each other, or that another training leans "
        "on other heads, was not tested."
    )
