"""The chapter dependence: what the model reads, and which head carries it; parameters, steps.

Other steps are in `genoattn.chapters.dependence_reads` (elements of the mutation map, the first
layer), `genoattn.chapters.dependence_carriers` (which head carries which element) and
`genoattn.chapters.dependence_circuits` (heads left out over the whole test part). What the steps
here say is in `genoattn.chapters.dependence_words`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_words as wording
from genoattn.chapters.dependence_carriers import (
    Mediated,
    Others,
    asked,
    mediated,
    others,
    spaced,
    tiled,
    ways,
)
from genoattn.chapters.dependence_circuits import (
    GOAL,
    Kept,
    ablated,
    kept_heads,
    pairs,
    part,
    ranks,
)
from genoattn.chapters.dependence_reads import read_first_layer, used
from genoattn.evaluation import bootstrap
from genoattn.genome import motifs, sites
from genoattn.interventions import mutagenesis
from genoattn.study.parameters import (
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    check_region,
    filled,
    odd,
    position,
)
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = [
    "PARAMETERS",
    "Positions",
    "Scanned",
    "ablated",
    "asked",
    "in_short",
    "kept_heads",
    "mediated",
    "others",
    "pairs",
    "part",
    "planted",
    "positions",
    "ranks",
    "read_first_layer",
    "scanned",
    "spaced",
    "tiled",
    "used",
    "ways",
]


PARAMETERS = Schema(
    "06_dependence",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seeds": Parameter(
            list[str],
            [],
            "the same training from other seeds, as weights; those not there are left out",
            unique=True,
            rule=filled,
        ),
        "controls": Parameter(
            list[str],
            [],
            "weights of trainings on shuffled labels; those not there are left out",
            unique=True,
            rule=filled,
        ),
        "seed": Parameter(
            int, 0, "seed of segments, sites, letters and of the resampling of blocks", low=0
        ),
        "n_mediated": Parameter(
            int, 16, "start sites at which each element is replaced, at most", low=2
        ),
        "n_draws": Parameter(int, 2, "random replacements of an element at each site", low=1),
        "rare": Parameter(
            float,
            0.05,
            "greatest share of random places with as good a match as a site that has an element",
            low=0.0001,
            high=0.5,
        ),
        "least": Parameter(
            float, 0.05, "effects below so many log-odds count as none", low=0, high=5
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value of a head that carries an element", low=0, high=1
        ),
        "n_followed": Parameter(
            int, 6, "leading heads of an element that are followed by query and key", low=1
        ),
        "n_hopping": Parameter(
            int, 3, "leading heads of an element among which hops are asked about", low=1
        ),
        "ablated_share": Parameter(
            float,
            1.0,
            "share of the test part's blocks on which heads are left out",
            low=0.01,
            high=1,
        ),
        "sizes": Parameter(
            list[int],
            [1, 2, 3, 4, 6, 8],
            "numbers of heads that are kept, for the score of small circuits",
            low=1,
            unique=True,
        ),
        "n_segments": Parameter(
            int, 32, "segments of the test part by which heads are ordered", low=4
        ),
        "segment": Parameter(int, 512, "scored nucleotides of a segment", low=1),
        "context": Parameter(int, 512, "nucleotides read before a segment", low=0),
        "n_leading": Parameter(
            int,
            6,
            "heads that matter most, of which every two are left out together",
            low=2,
            high=20,
        ),
        "n_sites": Parameter(
            int,
            20,
            "start sites of the test part around which nucleotides are changed, at most",
            low=2,
        ),
        "min_seqlets": Parameter(
            int, 20, "fewest sites at which an element of the mutation map is found", low=2
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


def _labels(run: Run, model: Model) -> NDArray[np.uint8]:
    """Mark the sites that the model was trained on, shape (2, L)."""
    return sites.site_track(run.sites(model.card.train_set), len(run.study.genome))


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
    run.check_test(model.split, run.sites(model.card.train_set), f"the set {model.card.train_set}")
    c = model.config
    check_region(p, c.reach_upstream - c.downstream, c.downstream, model.name)
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


# ------------------------------------------------------------------------------------ in short


def in_short(mediated: Mediated, others: Others, kept: Kept) -> Finding:
    """Answer the chapter's question in a few sentences."""
    seeds = others.seeds.values()
    names = dict.fromkeys(name for one in seeds for name in one.carriers["element"])
    in_two = [
        name for name in names if sum((one.carriers["element"] == name).any() for one in seeds) > 1
    ]
    limit = mediated.criteria.max_q
    n_false = sum(
        int(((one.shares["q_value"] < limit) & (one.shares["ci_low"] > 0)).sum())
        for one in others.controls.values()
    )
    return Finding(
        wording.say_in_short(mediated, len(others.seeds), in_two, n_false, kept.curve, GOAL)
    )
