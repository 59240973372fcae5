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
from genoattn.genome.sequence import Genome, decode
from genoattn.genome.sites import values_at
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.tasks import TIS_ELEMENTS

__all__ = ["Found", "gene_start_kinds", "which_sites"]


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
    of = (
        gene_start_kinds(genome, sites)
        if data.study.asks("start codon")
        else kinds.site_kinds(sites, data.study.sites, len(genome), circular=genome.circular)
    )
    recall = kinds.recall_by(of, np.asarray(values_at(one, sites), dtype=bool))
    copy = kinds.copied(genome, sites, data.split.mask("train"))
    said = [words.say_found(recall, tolerance), _without_copies(scores, sites, copy)]
    return Found(recall, Finding("\n\n".join(said), {"recall_by": recall}))


def gene_start_kinds(genome: Genome, sites: pd.DataFrame) -> pd.DataFrame:
    """Sort starts of genes by their start codon, and by how good a Shine-Dalgarno they have.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        position (0-based), strand.

    Returns
    -------
    DataFrame
        As `genoattn.evaluation.kinds.site_kinds`: the kinds 'start codon' and 'Shine-Dalgarno', the
        letters of AGGAGG at its best allowed place.
    """
    place, strand = sites["position"].to_numpy(), sites["strand"].to_numpy()
    codon = [decode(one) for one in genome.around(place, strand, np.arange(3))]
    known = TIS_ELEMENTS[0]
    word, first = known.probabilities.argmax(1), known.places[0]
    around = genome.around(place, strand, np.arange(first, known.places[-1] + len(word)))
    windows = np.lib.stride_tricks.sliding_window_view(around, len(word), axis=1)
    fits = (windows == word).sum(-1).max(1)
    groups = {
        "start codon": [one if one in ("ATG", "GTG", "TTG") else "another" for one in codon],
        "Shine-Dalgarno": [
            f"{max(3, n)}{' or fewer' * (n < 4)} of 6 letters" for n in fits.tolist()
        ],
    }
    frames = [
        pd.DataFrame({"site": np.arange(len(sites)), "kind": kind, "group": group})
        for kind, group in groups.items()
    ]
    return pd.concat([one.sort_values("group", kind="stable") for one in frames], ignore_index=True)


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
