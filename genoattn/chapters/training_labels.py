"""Steps of the chapter training: which labels are better, and whether attention is, by seeds."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from genoattn.chapters import training_labels_words as words
from genoattn.chapters.training_scores import Scores, trained_on
from genoattn.evaluation import models as model_tables
from genoattn.evaluation import scores as metrics
from genoattn.evaluation import seeds
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = ["Attention", "Labels", "attention", "labels"]


class Labels(NamedTuple):
    """One set of labels against the others."""

    compared: pd.DataFrame
    """`genoattn.evaluation.seeds.label_differences`, or what an earlier run left of it."""
    finding: Finding


def labels(run: Run, scores: Scores) -> Labels:
    """Ask whether curated labels are better than each source's, over blocks and seeds.

    Where the weights of a seed are not at hand, the table of an earlier run stands: intervals need
    the outputs of all seeds.
    """
    data, cards = scores.data, scores.models.cards
    trained = trained_on(scores)
    if "curated" not in trained or len(trained) < 2:
        return Labels(pd.DataFrame(columns=seeds.DIFFERENCES), Finding(words.NO_LABELS))
    old = any(name in scores.absent for names in trained.values() for name in names)
    before = run.earlier("labels") if old else None
    at_hand = {name: [one for one in names if one in cards] for name, names in trained.items()}
    if before is None:

        def replicates(model: str, test_set: str) -> seeds.Scored:
            track = data.tracks[test_set]
            return metrics.replicated(track, scores.outputs[model], scores.where, scores.resampling)

        compared = seeds.label_differences(
            at_hand, [*data.tracks], replicates, "curated", scores.resampling.level
        )
    else:
        compared = before
    length = len(data.study.genome)
    read = {
        name: (cards[names[0]].scored_positions, cards[names[0]].passes(length))
        for name, names in at_hand.items()
    }
    counts = pd.DataFrame(
        [
            (
                name,
                data.tracks[name][:, scores.where].sum(),
                (data.tracks[name] & data.tracks["curated"])[:, scores.where].sum(),
            )
            for name in data.external
        ],
        columns=["test_set", "n", "shared"],
    )
    said = words.say_labels(compared, read, data.external, counts, before is not None)
    return Labels(compared, Finding(said, {"labels": compared}))


class Attention(NamedTuple):
    """Annotators beside the convolutional networks that were given the same."""

    dots: pd.DataFrame
    """Columns kind, model, test_set, metric, value: a row a seed."""
    compared: pd.DataFrame
    """A row a test set and metric: with_attention and with_dilations (first models), n_attention,
    n_dilations, mean_attention, mean_dilations, difference, ci_low, ci_high, p_permutation."""
    finding: Finding


def attention(scores: Scores) -> Attention:
    """Isolate what attention adds: seeds of two recipes that were given the same."""
    families, cards = scores.families, scores.models.cards
    pairs = [
        pair
        for pair in model_tables.matched_rivals({name: cards[name] for name in families})
        if cards[pair[0]].train_set == scores.models.train_set
    ]
    if not pairs:
        return Attention(pd.DataFrame(), pd.DataFrame(), Finding(words.NO_PAIR))
    first, second = max(pairs, key=lambda pair: sum(len(families[one]) for one in pair))
    kinds = {"attention": families[first], "dilations": families[second]}
    tests = [scores.models.train_set, *scores.data.external]
    exact = scores.exact[scores.exact["test_set"].isin(tests)]
    dots = pd.concat(
        [exact[exact["model"].isin(names)].assign(kind=kind) for kind, names in kinds.items()],
        ignore_index=True,
    )[["kind", "model", "test_set", "metric", "value"]]
    rows = []
    for (test_set, metric), part in dots.groupby(["test_set", "metric"], sort=False):
        one, other = (part.loc[part["kind"] == kind, "value"].to_numpy() for kind in kinds)
        apart = seeds.recipes_apart(one, other)
        rows.append(
            {
                "test_set": test_set, "metric": metric, "with_attention": first,
                "with_dilations": second, "n_attention": one.size, "n_dilations": other.size,
                "mean_attention": one.mean(), "mean_dilations": other.mean(),
                "difference": apart.difference, "ci_low": apart.low, "ci_high": apart.high,
                "p_permutation": apart.p_permutation,
            }
        )  # fmt: skip
    compared = pd.DataFrame(rows)
    length = len(scores.data.study.genome)
    passes = {name: cards[name].passes(length) for name in (first, second)}
    said = words.say_attention(compared, scores.models.train_set, passes)
    return Attention(dots, compared, Finding(said, {"attention_or_dilations": compared}))
