"""Step of the chapter training: which sites are found, and what copies of them are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import training_sites_words as words
from genoattn.chapters.training_scores import Scores
from genoattn.evaluation import calls, kinds
from genoattn.evaluation import scores as metrics
from genoattn.genome.sites import values_at
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding

__all__ = ["Found", "which_sites"]


class Found(NamedTuple):
    """Recall by kinds of sites."""

    recall: pd.DataFrame
    """`genoattn.evaluation.kinds.recall_by`."""
    finding: Finding


def which_sites(scores: Scores, p: Checked) -> Found:
    """Ask which sites the chapter's own model finds, and whether copies in training help it."""
    data, mine, tolerance = scores.data, scores.models.train_set, max(p.tolerances)
    genome = data.study.genome
    every = data.sites[mine]
    sites = every[scores.where[every["position"].to_numpy(np.int64)]]
    sites = sites.drop_duplicates(["position", "strand"]).reset_index(drop=True)
    one = calls.found(scores.output, scores.label, scores.where, p.radius, tolerance)
    of = kinds.site_kinds(sites, data.study.sites, len(genome), circular=genome.circular)
    recall = kinds.recall_by(of, np.asarray(values_at(one, sites), dtype=bool))
    copy = kinds.copied(genome, sites, data.split.mask("train"))
    said = [words.say_found(recall, tolerance), _without_copies(scores, sites, copy)]
    return Found(recall, Finding("\n\n".join(said), {"recall_by": recall}))


def _without_copies(scores: Scores, sites: pd.DataFrame, copy: NDArray[np.bool_]) -> str:
    """What the model scores where sites with a copy in the training part are left out."""
    block = scores.resampling.block.copy()
    block[sites.loc[copy, "position"].to_numpy(np.int64)] = -1  # neither sites nor other positions
    rest = replace(scores.resampling, block=block)
    fewer = None
    if copy.any() and not copy.all():
        outputs = {"rest": scores.output}
        fewer = metrics.compare(outputs, scores.label, scores.where, rest, "rest")
    return words.say_copies(int(copy.sum()), len(sites), scores.own, fewer)
