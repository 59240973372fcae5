"""The chapter dependence: what the model reads, and which head carries it; parameters, steps.

The steps are in `genoattn.chapters.dependence_reading` (elements of the mutation map, what passes
through heads, the first layer, factors), `genoattn.chapters.dependence_carriers` (which head
carries which element) and `genoattn.chapters.dependence_circuits` (heads left out over the whole
test part).
"""

from __future__ import annotations

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
    Kept,
    ablated,
    kept_heads,
    pairs,
    part,
    ranks,
)
from genoattn.chapters.dependence_networks import NETWORKS, compared, stemmed
from genoattn.chapters.dependence_reading import (
    READING,
    factors,
    first_layer,
    mapped,
    planted,
    through_heads,
    used,
)
from genoattn.chapters.dependence_starts import (
    codons,
    leaderless,
    short_of_gene_starts,
    stops,
)
from genoattn.evaluation.bootstrap import MOST_REPLICATES
from genoattn.study.parameters import (
    CONTROLS,
    DATA_DIR,
    FOLDERS,
    SEEDS,
    WEIGHTS,
    Parameter,
    Schema,
)
from genoattn.study.report import Finding

__all__ = [
    "PARAMETERS",
    "ablated",
    "asked",
    "codons",
    "compared",
    "factors",
    "first_layer",
    "in_short",
    "kept_heads",
    "leaderless",
    "mapped",
    "mediated",
    "others",
    "pairs",
    "part",
    "planted",
    "ranks",
    "short_of_gene_starts",
    "spaced",
    "stemmed",
    "stops",
    "through_heads",
    "tiled",
    "used",
    "ways",
]


PARAMETERS = Schema(
    "06_dependence",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seeds": SEEDS,
        "controls": CONTROLS,
        "seed": Parameter(
            int, 0, "seed of segments, sites, letters and of the resampling of blocks", low=0
        ),
        "n_mediated": Parameter(
            int, 16, "start sites at which each element is replaced, at most", low=2
        ),
        "n_lacking": Parameter(
            int, 16, "sites that lack an element, as its control, at most", low=2
        ),
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
        "ordered_share": Parameter(
            float,
            1.0,
            "share of the validation part's blocks by which heads are ordered",
            low=0.01,
            high=1,
        ),
        "n_leading": Parameter(
            int,
            6,
            "heads that matter most, of which every two are left out together",
            low=2,
            high=20,
        ),
        **READING,
        **NETWORKS,
        "data_dir": DATA_DIR,
        "block": Parameter(int, 2_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(
            int, 1_000, "resamples of blocks, for intervals", low=10, high=MOST_REPLICATES
        ),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
    },
    at_most=(("map_first", "map_last"),),
    reads=(("03_heads", "profiles"),),
)
"""What this chapter may be asked."""


# ------------------------------------------------------------------------------------ in short


def in_short(mediated: Mediated, others: Others, kept: Kept) -> Finding:
    """Answer the chapter's question; of starts of genes, `short_of_gene_starts` does."""
    if kept.curve.empty:
        return Finding()
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
    return Finding(wording.say_in_short(mediated, len(others.seeds), in_two, n_false, kept.curve))
