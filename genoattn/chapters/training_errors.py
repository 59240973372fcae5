"""Steps of the chapter training: errors by place, distance and output; what genes add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import paper
from genoattn.chapters import training_errors_words as words
from genoattn.chapters.training_scores import Scores
from genoattn.data.assays import source_name
from genoattn.evaluation import calls, errors, models
from genoattn.evaluation import scores as metrics
from genoattn.genome import regions, sites
from genoattn.output import around
from genoattn.prediction import ensemble
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding

__all__ = [
    "Calibration",
    "Matching",
    "against_truth",
    "calibrated",
    "false_positives",
    "matching",
    "next_gene",
    "resolution",
]


# -------------------------------------------------------------------------------------- genes


class NextGene(NamedTuple):
    """What the distance to the next gene adds."""

    terms: dict[str, pd.DataFrame]
    """By ensemble, `genoattn.prediction.ensemble.GenePrior.table`."""
    finding: Finding


def next_gene(scores: Scores, p: Checked) -> NextGene:
    """Look at what genes found in the sequence add to ensembles, and whether it generalises."""
    priors = scores.genes.priors
    if not priors:
        return NextGene({}, Finding("Left out: no ensemble of this run has `genes` in it."))
    bare = {
        name: ensemble.mean_log_odds([scores.outputs[member] for member in prior.members])
        for name, prior in priors.items()
    }
    beyond = {
        (test_set, name): _gain(scores, scores.outputs[name], bare[name], test_set)
        for test_set in scores.data.external
        for name in priors
    }
    last = list(priors)[-1]
    said = [
        _annotated(scores),
        *_prior_lines(scores, bare, min(10, p.k_max)),
        words.say_places(
            last, *(_recall(scores, one, p) for one in (bare[last], scores.outputs[last]))
        ),
        words.say_beyond(beyond, scores.models.train_set),
    ]
    return NextGene(
        {name: prior.table() for name, prior in priors.items()}, Finding("\n".join(said))
    )


def _annotated(scores: Scores) -> str:
    """How many genes were found, and how many of their starts are annotated."""
    genome, starts = scores.data.study.genome, scores.genes.starts
    features = scores.data.study.features
    if not features["type"].isin(["gene", "pseudogene", "CDS"]).any():
        return (
            f"In this genome {len(starts):,} genes are found; there is no annotation to compare "
            "them with.\n"
        )
    true = around.starts_of(features.assign(contig=genome.name), [genome])
    same = len(starts.merge(true)) / max(1, len(starts))
    return (
        f"In this genome {len(starts):,} genes are found; {same:.0%} of their first nucleotides "
        "are those of an annotated gene.\n"
    )


def _gain(
    scores: Scores, better: NDArray, worse: NDArray, test_set: str
) -> tuple[float, float, float]:
    """By how much the PR AUC of one output is higher than another's, with limits."""
    track = scores.data.tracks[test_set]
    return models.gained(better, worse, track, scores.where, scores.resampling)


def _prior_lines(scores: Scores, bare: Mapping[str, NDArray], k: int) -> list[str]:
    """What the genes add to each ensemble, as a list."""
    pr = scores.table[scores.table["metric"] == "pr_auc"]
    coarse = pr[pr["resolution"] == k].set_index("model")["value"]
    exact = pr[(pr["resolution"] == 1) & (pr["test_set"] == scores.models.train_set)]
    value = exact.set_index("model")["value"]
    mine = scores.models.train_set
    return [
        words.say_prior(
            name,
            prior,
            value[name],
            _gain(scores, scores.outputs[name], bare[name], mine),
            coarse[name],
            k,
        )
        for name, prior in scores.genes.priors.items()
    ]


def _places(scores: Scores) -> NDArray[np.int8]:
    """Where each nucleotide lies among the genes, shape (2, L)."""
    return regions.places(scores.data.study.features, len(scores.data.study.genome))


def _recall(scores: Scores, output: NDArray, p: Checked) -> pd.Series:
    """Share of the sites found, by place among the genes."""
    made = calls.calls(output, scores.label, scores.where, p.radius, max(p.tolerances))
    return errors.recall_by_place(made, scores.label, _places(scores), scores.where)


# ------------------------------------------------------------------------------ kinds of error


class Resolution(NamedTuple):
    """Scores by the length of k-mers."""

    by_k: pd.DataFrame
    """`genoattn.evaluation.scores.kmer_resolution`."""
    printed: dict[int, float] | None
    """The paper's PR AUC by k."""
    finding: Finding


def resolution(scores: Scores, p: Checked) -> Resolution:
    """Score the output at the resolution of k-mers, by its mean and by its maximum."""
    by_k = metrics.kmer_resolution(
        scores.label, scores.output, scores.where, range(1, p.k_max + 1), scores.resampling
    )
    printed = paper.KMER_PR_AUC if scores.data.study.published else None
    return Resolution(by_k, printed, Finding(words.say_resolution(by_k, printed)))


class Matching(NamedTuple):
    """Calls assigned one to one to sites that may be a few nt away."""

    matched: pd.DataFrame
    """`genoattn.evaluation.calls.match_table` of few models."""
    finding: Finding


def matching(scores: Scores, by_k: Resolution, p: Checked) -> Matching:
    """Assign calls to sites one to one, at every tolerance."""
    found = [
        calls.match_table(
            output, scores.label, scores.where, p.tolerances, scores.resampling, p.radius
        ).assign(model=name)
        for name, output in scores.drawn.items()
    ]
    matched = pd.concat(found, ignore_index=True)
    matched.insert(0, "train_set", scores.models.train_set)
    said = words.say_matching(matched, scores.models.name)
    ratio = words.say_ratio(
        by_k.by_k, by_k.printed, matched[matched["model"] == scores.models.name], _ratios(scores)
    )
    said = f"{said}\n\n{ratio}" if ratio else said
    return Matching(matched, Finding(said, {"matching": matched}))


def _ratios(scores: Scores) -> pd.DataFrame:
    """PR AUC of every model on its own set, exact and at 4-mers: columns exact, coarse."""
    table = scores.table[scores.table["metric"] == "pr_auc"]
    table = table[table["test_set"] == table["train_set"]]
    wide = table.pivot_table(index="model", columns="resolution", values="value")
    if not {1, 4} <= {*wide.columns}:
        return pd.DataFrame(columns=["exact", "coarse"])
    return wide[[1, 4]].set_axis(["exact", "coarse"], axis=1).dropna()


class Calibration(NamedTuple):
    """Share of sites among positions of like output."""

    bins: dict[str, pd.DataFrame]
    """By model, `genoattn.evaluation.scores.calibration`."""
    finding: Finding


def calibrated(scores: Scores) -> Calibration:
    """Compare outputs with the shares of sites, in bins and in sum."""
    given = scores.where, scores.resampling
    bins = {
        name: metrics.calibration(scores.label, output, *given)
        for name, output in scores.drawn.items()
    }
    totals = {
        name: metrics.expected_sites(scores.label, output, *given)
        for name, output in scores.drawn.items()
    }
    name = scores.models.name
    return Calibration(bins, Finding(words.say_calibration(bins[name], totals, name)))


class FalsePositives(NamedTuple):
    """Where calls without a site lie."""

    distances: pd.DataFrame
    """`genoattn.evaluation.errors.distance_shares`."""
    places: pd.DataFrame
    """`genoattn.evaluation.errors.place_shares`."""
    finding: Finding


def false_positives(scores: Scores, p: Checked) -> FalsePositives:
    """Look at where the false positives of the chapter's own model lie."""
    data, mine, tolerance = scores.data, scores.models.train_set, max(p.tolerances)
    made = calls.calls(scores.output, scores.label, scores.where, p.radius, tolerance)
    known = {
        source_name(mine): data.sites[mine],
        "any of the sets": pd.concat([*data.sites.values()]),
    }
    circular = data.study.genome.circular
    distances = errors.distance_shares(made, known, scores.where, circular=circular)
    places = errors.place_shares(made, scores.label, _places(scores), scores.where)
    shown = distances if len(data.sites) > 1 else distances[distances["sites"] != "any of the sets"]
    n_false = int((~made["hit"]).sum())
    said = words.say_false(len(made), n_false, shown, places, tolerance)
    results = {"false_calls": distances, "false_calls_places": places}
    return FalsePositives(distances, places, Finding(said, results))


def against_truth(scores: Scores) -> Finding:
    """Score the model against planted sites, where there are any."""
    elements, where = scores.data.study.elements, scores.where
    if elements is None:
        return Finding(words.say_truth(None, None))
    planted = elements[["tss_position", "strand"]].drop_duplicates()
    planted = planted.rename(columns={"tss_position": "position"})
    truth = sites.site_track(planted, len(scores.data.study.genome))
    true = metrics.score(metrics.inside(truth, where), metrics.inside(scores.output, where))
    return Finding(words.say_truth(dict(scores.own["value"]), true))
