"""Steps of the chapter heads: other seeds, and networks not trained on start sites."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import heads_words as words
from genoattn.chapters.heads_motifs import Elements, Motifs, Subject, census_motifs, named
from genoattn.genome.motifs import information
from genoattn.heads import preferred, profiles
from genoattn.model.annotator import untrained
from genoattn.model.weights import made_from
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = ["Networks", "networks"]

NOTEBOOK = "03_heads"
SHUFFLED = "shuffled labels"
UNTRAINED = "untrained"


class Networks(NamedTuple):
    """What the rules of this chapter say of several networks."""

    table: pd.DataFrame
    """A row a network, this chapter's first: ``model``, ``control`` (what it was trained on instead
    of start sites, else empty), ``n_heads``, ``n_selective``, ``n_roles``, ``elements`` (those that
    heads are named after, with these heads), ``information`` (median bits of the motifs)."""
    finding: Finding


def networks(
    run: Run, subject: Subject, motifs: Motifs, elements: Elements, p: Checked
) -> Networks:
    """Name the heads of other seeds, and of networks not trained on start sites, by the same rule.

    Parameters
    ----------
    run, subject, motifs, elements
    p : Checked
        ``seeds`` and ``controls`` (weights; those not there are left out; an untrained network of
        the same shape is always asked), and the parameters of the steps before.
    """
    near = motifs.table["share_near_peak"].to_numpy()
    rows = [
        _row(subject.model.name, "", near, motifs.best, elements.roles, subject.background, p),
        *(
            _asked(run, subject, run.model(name), "", p)
            for name in p.seeds
            if run.has_weights(name)
        ),
        _asked(run, subject, subject.model, UNTRAINED, p),
        *(
            _asked(run, subject, run.model(name), SHUFFLED, p)
            for name in p.controls
            if run.has_weights(name)
        ),
    ]
    table = pd.DataFrame(rows)
    missing = [name for name in (*p.seeds, *p.controls) if not run.has_weights(name)]
    finding = Finding(words.say_networks(table, missing), {"heads_networks": table})
    return Networks(table, finding)


def _asked(run: Run, subject: Subject, model: Model, control: str, p: Checked) -> dict[str, Any]:
    """Read the test part with a network, and name its heads."""
    name, network, genome = model.name, model.annotator, subject.study.genome
    settings: dict[str, Any] = {"k_census": p.k_census, "where": subject.model.test}
    if control == UNTRAINED:
        name, settings = f"{name}-{UNTRAINED}", settings | {UNTRAINED: p.seed}
        network = untrained(model.config, p.seed).to(next(network.parameters()).device)

    def make() -> dict[str, NDArray[Any]]:
        census = AttentionCensus(network.config, best=p.k_census)
        predict(network, genome, where=subject.model.test, recorders=[census])
        best = census.best(len(genome))
        favourite = profiles.favourite(census.mean)
        there = preferred.census_positions(best.strand, best.position, best.weight, favourite)
        return {"mean": census.mean, **there._asdict()}

    arrays = run.once(NOTEBOOK, name, "census", made_from(model.file, genome, **settings), make)
    mean = arrays.pop("mean")
    motifs = census_motifs(
        preferred.BestPositions(**arrays), genome, network.config.downstream, p.width, p
    )
    _, roles = named(motifs, subject.elements, p)
    near = profiles.share_near_peak(mean, p.half_width).ravel()
    return _row(name, control, near, motifs, roles, subject.background, p)


def _row(
    model: str,
    control: str,
    near: NDArray[np.floating],
    motifs: preferred.BestSequences,
    roles: pd.DataFrame,
    background: NDArray[np.float64],
    p: Checked,
) -> dict[str, Any]:
    """Count what the rules say of the heads of a network."""
    return {
        "model": model,
        "control": control,
        "n_heads": len(near),
        "n_selective": int((near >= p.selective_share).sum()),
        "n_roles": len(roles),
        "elements": words.grouped(roles, "element") if len(roles) else "",
        "information": float(np.median(information(motifs.counts, background))),
    }
