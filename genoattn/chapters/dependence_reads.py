"""The chapter dependence, what the model reads: elements of the mutation map, first layer; steps.

What the steps say is in `genoattn.chapters.dependence_reads_words`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_reads_words as wording
from genoattn.chapters.dependence_carriers import NOTEBOOK, elements_of
from genoattn.evaluation import bootstrap
from genoattn.genome import motifs, sites
from genoattn.heads import first_layer
from genoattn.interventions import motif_discovery, mutagenesis, replacement, saturation
from genoattn.model.weights import made_from
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = ["FirstLayer", "Used", "read_first_layer", "used"]

MAPPED = (-60, 20)
"""First and last offset of the mutation map."""


class Used(NamedTuple):
    """Elements that the mutation map holds, and what they are worth."""

    table: pd.DataFrame
    """``model``, ``element``, ``offset``, ``n_seqlets``, ``effect`` (change of the log-odds by
    random letters), ``ci_low``, ``ci_high``, ``best_match``, ``q_value``."""
    finding: Finding


def used(run: Run, model: Model, p: Checked) -> Used:
    """Substitute every nucleotide around start sites, and find motifs in the effects.

    Parameters
    ----------
    run : Run
        Keeps the map as it grows.
    model : Model
        Of any architecture.
    p : Checked
        ``n_sites``, ``min_seqlets``, ``n_draws``, ``max_q``, ``block``, ``n_bootstrap``,
        ``level``, ``seed``.
    """
    genome, test = run.study.genome, model.test
    label = sites.site_track(run.sites(model.card.train_set), len(genome))
    chosen = mutagenesis.choose_sites(
        label, test, bootstrap.blocks(test, p.block), p.n_sites, p.seed
    )
    c = model.config
    found = saturation.saturate(
        model.network,
        genome,
        chosen,
        first=max(MAPPED[0], c.downstream - c.reach_upstream),
        last=min(MAPPED[1], c.downstream),
        kept=run.file(NOTEBOOK[3:], model.name, "map", "npz"),
        made_from=made_from(model.file, genome),
    )
    background = motifs.composition(genome.codes)
    patterns = motif_discovery.discover(found, min_seqlets=p.min_seqlets)
    block = chosen["block"].to_numpy()
    by_place = motif_discovery.known_by_place(
        patterns, found, elements_of(run.study), block, background=background
    )
    by_shape = motif_discovery.known_by_shape([], [], background=background, seed=p.seed)
    named = motif_discovery.elements_used(patterns, found, by_place, by_shape, max_q=p.max_q)
    rows = []
    for one in named:
        place = (model.name, one.name, one.pattern.offset, len(one.pattern))
        worth = _worth(run, model, chosen, one.pattern, background, p)
        rows.append((*place, *worth, one.best_match, one.q_value))
    columns = ["model", "element", "offset", "n_seqlets", "effect", "ci_low", "ci_high"]
    table = pd.DataFrame(rows, columns=[*columns, "best_match", "q_value"])
    said = wording.say_used(table, len(chosen), p.min_seqlets)
    return Used(table, Finding(said, {"elements_used": table}))


def _worth(
    run: Run,
    model: Model,
    chosen: pd.DataFrame,
    pattern: motif_discovery.Pattern,
    background: NDArray[np.floating],
    p: Checked,
) -> tuple[float, float, float]:
    """Mean change of the log-odds where a pattern is replaced, with an interval from blocks."""
    mine = chosen.iloc[pattern.row].reset_index(drop=True)
    downstream = model.config.downstream
    last = np.minimum(pattern.first + pattern.width - 1, downstream)
    stretches = mine.assign(first=pattern.first, last=last)
    changed = replacement.replace(
        model.network,
        run.study.genome,
        stretches,
        n_draws=p.n_draws,
        composition=background,
        seed=p.seed,
    )["change"].to_numpy()
    block = np.unique(mine["block"], return_inverse=True)[1]
    times = bootstrap.resample(block, p.n_bootstrap, p.seed)[:, block]
    low, high = bootstrap.interval((times @ changed) / times.sum(1), p.level)
    return float(changed.mean()), low, high


# ------------------------------------------------------------------------------- the first layer


class FirstLayer(NamedTuple):
    """What the heads of the first layer look for, over all words."""

    table: pd.DataFrame | None
    """`first_layer.FirstLayer.summary`; None for a model with a stem."""
    finding: Finding


def read_first_layer(run: Run, model: Model) -> FirstLayer:
    """Score every word as a key and as a query of the first layer's heads, exactly.

    Parameters
    ----------
    run : Run
    model : Model
        With attention.
    """
    if model.annotator.config.stem:
        said = (
            "The heads of this model stand on a convolutional stem, so what their keys depend on "
            "cannot be listed word by word."
        )
        return FirstLayer(None, Finding(said))
    share = first_layer.word_shares(run.study.genome, model.config.conv_width)
    table = first_layer.read_first_layer(model.annotator, share).summary()
    return FirstLayer(table, Finding(wording.say_first_layer(table), {"first_layer": table}))
