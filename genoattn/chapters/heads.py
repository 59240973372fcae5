"""The chapter heads: what attention heads look at and for, tested; its parameters and its steps.

The steps up to the elements are in `genoattn.chapters.heads_motifs`, the same of other networks in
`genoattn.chapters.heads_networks`; what all of them say is in `genoattn.chapters.heads_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import heads_words as words
from genoattn.chapters.heads_motifs import (
    Elements,
    Motifs,
    Observed,
    Samples,
    Subject,
    elements,
    looked_for,
    observed,
    place,
    sample_error,
    samples,
    subject,
)
from genoattn.chapters.heads_networks import Networks, networks
from genoattn.data import regulondb
from genoattn.data.datasets import fetch
from genoattn.data.simulation import planted_intervals
from genoattn.evaluation import statistics
from genoattn.genome import motifs
from genoattn.genome.motifs import Motif
from genoattn.heads import enrichment, pairs, profiles, tomtom
from genoattn.heads.elements import Element, nearest_head
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import (
    CONTROLS,
    DATA_DIR,
    FOLDERS,
    SEEDS,
    WEIGHTS,
    Checked,
    Parameter,
    Schema,
    filled,
    odd,
    position,
)
from genoattn.study.report import Finding, folded, table
from genoattn.study.run import Run
from genoattn.study.statements import head_statements, shown

__all__ = [
    "PARAMETERS",
    "AllHeads",
    "Correlations",
    "Elements",
    "KnownMotifs",
    "KnownSites",
    "Motifs",
    "Networks",
    "Observed",
    "Pairs",
    "Samples",
    "Spacer",
    "Subject",
    "WithOutput",
    "all_heads",
    "correlations",
    "elements",
    "in_short",
    "known_motifs",
    "known_sites",
    "looked_for",
    "networks",
    "observed",
    "place",
    "sample_error",
    "samples",
    "spacer",
    "statements",
    "subject",
    "together",
    "with_output",
]


PARAMETERS = Schema(
    "03_heads",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seeds": SEEDS,
        "controls": CONTROLS,
        "seed": Parameter(int, 0, "seed of samples, shuffles and random elements", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_extreme": Parameter(
            int, 500, "positions of highest and of lowest output, so many each", low=1
        ),
        "n_best": Parameter(
            int,
            50,
            "samples of most attention at a head's favourite position, for its motif",
            low=2,
        ),
        "width": Parameter(
            int,
            7,
            "nucleotides of a motif, odd, centred at the favourite position",
            low=1,
            high=51,
            rule=odd,
        ),
        "k_census": Parameter(
            int,
            300,
            "how many of all positions are kept, those of most attention, by head and offset",
            low=2,
            high=10_000,
        ),
        "n_known": Parameter(
            int,
            100,
            "of the k_census kept, at most how many make a motif; like surroundings count once",
            low=2,
        ),
        "context": Parameter(
            int,
            41,
            "length, odd, of the surroundings in nt: sites with the same ones count once",
            low=1,
            rule=odd,
        ),
        "wide": Parameter(
            int,
            23,
            "nucleotides of the wider motif, odd: 7 and 8 on each side",
            low=1,
            high=101,
            rule=odd,
        ),
        "region_first": Parameter(
            int, -100, "first position shown close up, the TSS is +1", rule=position
        ),
        "region_last": Parameter(
            int, 20, "last position shown close up, the TSS is +1", rule=position
        ),
        "half_width": Parameter(
            int, 10, "neighbourhood of a head's favourite position, in nt to each side", low=0
        ),
        "selective_share": Parameter(
            float, 0.5, "share of attention in it that makes a head selective", low=0, high=1
        ),
        "n_shuffles": Parameter(
            int,
            10_000,
            "random elements that each match of a motif is compared with",
            low=100,
            high=1_000_000,
        ),
        "n_pairs": Parameter(int, 6, "pairs of heads whose joint motif is drawn", low=1),
        "max_span": Parameter(
            int, 60, "farthest that the two places of such a pair may be apart, nt", low=1
        ),
        "boxes": Parameter(
            list[str],
            ["-35", "-10"],
            "the two elements whose spacer is measured: how their names begin",
            unique=True,
            sizes=(2, 2),
            rule=filled,
        ),
        "known_spacer": Parameter(int, 17, "their best spacer as published, nt", low=0),
        "place": Parameter(
            int, -82, "a position of special interest, the TSS is +1", rule=position
        ),
        "motif_file": Parameter(
            str,
            None,
            "known motifs, TRANSFAC; None: RegulonDB's (E. coli), else the elements",
            optional=True,
        ),
        "data_dir": DATA_DIR,
        "n_permutations": Parameter(
            int,
            200,
            "times that each motif's columns are shuffled, for TOMTOM's null",
            low=1,
            high=100_000,
        ),
        "min_sites": Parameter(
            int, 40, "known sites that a factor needs to be tested by itself", low=1
        ),
        "min_similarity": Parameter(
            float, 0.5, "least similarity of motif and element for a match", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
    },
    at_most=(("n_known", "k_census"), ("region_first", "region_last")),
)
"""What this chapter may be asked."""

APART = 20
"""Positions of highest output within so many nt of a higher one are of the same promoter."""


# ------------------------------------------------------------------------------------ pairs


class Correlations(NamedTuple):
    """Correlation of each two heads, read in two ways."""

    matrices: Mapping[str, NDArray[np.float64]]
    """Title -> shape (heads of all layers, heads of all layers)."""
    orders: Sequence[NDArray[np.int64]]
    """Order in which correlated heads are neighbours, of each matrix."""
    n_heads: int
    """Heads of a layer."""
    finding: Finding


def correlations(seen: Observed) -> Correlations:
    """Correlate the attention of heads: all their weights, and those at their favourites."""
    attention = seen.at_random
    matrices = {
        "all weights (Pearson)": pairs.weight_correlation(attention),
        "favourite positions (Spearman)": pairs.peak_correlation(attention, seen.favourite),
    }
    orders = [pairs.cluster_order(matrix) for matrix in matrices.values()]
    n_heads = attention.shape[2]
    return Correlations(
        matrices, orders, n_heads, Finding(words.say_correlations(matrices, n_heads))
    )


class Pairs(NamedTuple):
    """Where two heads are high together, and what stands there."""

    joint: pd.DataFrame
    """`pairs.joint_places`, a row a pair."""
    drawn: pd.DataFrame
    """Its rows of the strongest pairs at two separate places."""
    motifs: Sequence[pairs.JointMotif]
    """Of the pairs of ``drawn``."""
    finding: Finding


def together(subject: Subject, seen: Observed, p: Checked) -> Pairs:
    """Find the places at which pairs of heads are high together; read the strongest ones' motif."""
    downstream = subject.downstream
    joint = pairs.joint_places(
        seen.at_random,
        seen.random,
        seen.favourite,
        downstream=downstream,
        half_width=p.half_width,
        n_shuffles=5,
        seed=p.seed,
    )
    beyond = joint[joint["correlation"] > joint["chance"]]
    apart = beyond[beyond["span"].between(p.width, p.max_span)]
    drawn = apart.head(p.n_pairs)
    found = [
        pairs.joint_motif(
            seen.at_random,
            seen.random,
            subject.study.genome,
            pair,
            downstream=downstream,
            n_best=p.n_best,
            width=p.width,
            background=subject.background,
            n_draws=200,
            seed=p.seed,
        )
        for _, pair in drawn.iterrows()
    ]
    said = words.say_pairs(
        len(joint), len(beyond), len(apart), [one.spaced for one in found], (p.width, p.max_span)
    )
    return Pairs(joint, drawn, found, Finding(said, {"heads_pairs": joint}))


class Spacer(NamedTuple):
    """Distance of the two boxes in the same promoter, as two heads find them and by other means."""

    by_heads: pd.DataFrame | None
    """`pairs.spacers`; None where one of the boxes has no head."""
    others: Mapping[str, pd.DataFrame]
    """Name -> spacer, n, share: by the sequence alone, and as planted where that is known."""
    finding: Finding


def spacer(
    subject: Subject, seen: Observed, motifs: Motifs, elements: Elements, p: Checked
) -> Spacer:
    """Measure how far apart two heads find the ``boxes`` in promoters of highest output.

    Nothing of another task than the paper's.
    """
    if not subject.study.asks("the paper's claims"):
        return Spacer(None, {}, Finding())
    first, second = (_box(subject, motifs, elements, prefix) for prefix in p.boxes)
    if first is None or second is None:
        return Spacer(None, {}, Finding(words.say_spacer(None, [], [], p.known_spacer)))
    (upstream, head_up), (below, head_below) = first, second
    promoters = _promoters(seen.samples)
    by_heads = pairs.spacers(
        seen.attention[promoters],
        head_up,
        head_below,
        downstream=subject.downstream,
        length=len(upstream.probabilities),
        half_width=p.half_width // 2,
        seed=p.seed,
    )
    genome, planted = subject.study.genome, subject.study.elements
    others = {
        "best words, same promoters": pairs.box_spacers(
            genome, seen.samples.iloc[promoters], upstream, below
        )
    }
    if planted is not None:
        others["planted"] = pairs.planted_spacers(planted, upstream.name, below.name)
    roles = set(elements.roles[[*words.KEYS, "element"]].itertuples(index=False, name=None))
    qualified = [tuple(one[[*words.KEYS, "element"]]) in roles for one in (head_up, head_below)]
    said = words.say_spacer(by_heads, [head_up, head_below], qualified, p.known_spacer)
    return Spacer(by_heads, others, Finding(said, {"heads_spacers": by_heads}))


def _box(
    subject: Subject, motifs: Motifs, elements: Elements, prefix: str
) -> tuple[Element, pd.Series] | None:
    """The element whose name begins so, and the head most like it; None without one of them."""
    element = next((one for one in subject.elements if one.name.startswith(prefix)), None)
    if element is None:
        return None
    head = nearest_head(elements.matches, motifs.table, element.name)
    return None if head is None else (element, head)


def _promoters(samples: pd.DataFrame) -> NDArray[np.int64]:
    """Rows of the positions of highest output, of those within `APART` nt the highest alone."""
    high = np.flatnonzero(samples["group"] == "highest")
    chosen = samples.iloc[high]
    minus = (chosen["strand"] == "-").to_numpy()
    return high[enrichment.thinned(minus, chosen["position"].to_numpy(), APART)]


# ---------------------------------------------------------------------- attention and output


class WithOutput(NamedTuple):
    """How attention goes with the output."""

    by_layer: pd.DataFrame
    """`profiles.extremes_by_layer` over the samples; columns with ``_all`` over all positions."""
    chance: float
    """Largest absolute correlation with shuffled outputs."""
    finding: Finding


def with_output(seen: Observed, p: Checked) -> WithOutput:
    """Take the strongest correlations of attention with the output, layer by layer."""
    output = seen.random["output"].to_numpy()
    by_layer = profiles.extremes_by_layer(seen.spearman).merge(
        profiles.extremes_by_layer(seen.pearson_ranks), on="layer_1based", suffixes=("", "_all")
    )
    chance = profiles.chance_correlation(seen.at_random, output, p.seed)
    return WithOutput(by_layer, chance, Finding(words.say_output(by_layer, chance)))


# -------------------------------------------------------------------- known motifs and sites


class KnownMotifs(NamedTuple):
    """Heads' motifs against known motifs, wherever they lie."""

    matches: pd.DataFrame
    """`tomtom.compare`, without decoys."""
    best: pd.DataFrame
    """The best known motif of each head."""
    calibration: pd.DataFrame
    """How often p-values are small: of the heads' motifs, and with their columns shuffled."""
    finding: Finding


def known_motifs(subject: Subject, motifs: Motifs, p: Checked) -> KnownMotifs:
    """Compare each head's motif, of both widths, with every known motif by TOMTOM."""
    known = _known(subject, p)
    matches, null = tomtom.compare(
        [motifs.best, motifs.wide],
        tomtom.with_decoys(known, seed=p.seed),
        background=subject.background,
        n_shuffles=p.n_permutations,
        seed=p.seed,
    )
    best = tomtom.best_match(matches)
    calibration = tomtom.calibration(matches, null)
    real = matches[~matches["decoy"]]
    finding = Finding(
        words.say_known_motifs(real, best, calibration, len(known), p.max_q),
        {"heads_known": best.drop(columns="decoy"), "heads_calibration": calibration},
        {"known": real},
    )
    return KnownMotifs(real, best, calibration, finding)


def _known(subject: Subject, p: Checked) -> list[Motif]:
    """Known motifs: of a file, of RegulonDB and its sigma factors, or the elements."""
    if p.motif_file is not None:
        return motifs.read_transfac(p.motif_file)
    if not subject.study.published:
        return tomtom.element_motifs(subject.elements, seed=p.seed)
    genome = subject.study.genome
    promoters = regulondb.read_promoters(fetch("regulondb_promoters", p.data_dir), genome)
    return [
        *motifs.read_transfac(fetch("regulondb_matrices", p.data_dir)),
        *tomtom.sigma_motifs(promoters, genome, background=subject.background),
    ]


class KnownSites(NamedTuple):
    """Whether heads' best places lie in known sites more often than places like them."""

    enriched: pd.DataFrame | None
    """`enrichment.enrichment`, a row a head and set of sites; None where no sites are known."""
    any_site: pd.DataFrame | None
    """Its rows of all binding sites together, a row a head."""
    finding: Finding


def known_sites(run: Run, subject: Subject, motifs: Motifs, p: Checked) -> KnownSites:
    """Test whether the best places of each head are enriched in known sites."""
    if not subject.study.asks("binding sites"):
        return KnownSites(None, None, Finding())
    intervals = _intervals(subject.study, p)
    if intervals is None:
        return KnownSites(None, None, Finding("No binding sites are known for this study."))
    genome = subject.study.genome
    enriched = enrichment.enrichment(
        motifs.places,
        enrichment.site_masks(intervals, len(genome), min_sites=p.min_sites),
        statistics.distance_strata(genome, run.curated),
        subject.model.test,
        downstream=subject.downstream,
    )
    any_site = enriched[(enriched["kind"] == "binding site") & (enriched["name"] == "any")]
    finding = Finding(words.say_known_sites(enriched, any_site, p.max_q), {"heads_sites": enriched})
    return KnownSites(enriched, any_site, finding)


def _intervals(study: StudyInputs, p: Checked) -> pd.DataFrame | None:
    """Known sites as intervals: of RegulonDB, the planted elements, or none."""
    if study.published:
        genome = study.genome
        promoters = regulondb.read_promoters(fetch("regulondb_promoters", p.data_dir), genome)
        sites = regulondb.read_binding_sites(fetch("regulondb_interactions", p.data_dir), genome)
        both = [enrichment.site_intervals(sites), enrichment.promoter_intervals(promoters)]
        return pd.concat(both, ignore_index=True)
    return None if study.elements is None else planted_intervals(study.elements)


# -------------------------------------------------------------------------------- all heads


class AllHeads(NamedTuple):
    """All that was found about each head."""

    table: pd.DataFrame
    """A row a head, layer and head from 1; the chapter's last section describes the columns."""
    finding: Finding


def all_heads(
    motifs: Motifs, elements: Elements, known: KnownMotifs, sites: KnownSites, p: Checked
) -> AllHeads:
    """Join what was found about each head into one table."""
    roles = elements.roles[[*words.KEYS, "element", "similarity", "role"]]
    rows = motifs.table.merge(roles, how="left", on=words.KEYS)
    rows[["element", "role"]] = rows[["element", "role"]].fillna("")
    best = known.best[[*words.KEYS, "motif", "width", "q_value", "q_tomtom"]]
    rows = rows.merge(
        best.rename(columns={"motif": "best_motif", "width": "best_motif_width"}), on=words.KEYS
    )
    columns = ["site_odds_ratio", "site_low", "site_high", "site_q"]
    if sites.any_site is None:
        rows = rows.assign(**dict.fromkeys(columns, np.nan))
    else:
        given = sites.any_site[[*words.KEYS, "odds_ratio", "low", "high", "q_value"]]
        rows = rows.merge(given.set_axis([*words.KEYS, *columns], axis=1), on=words.KEYS)
    said = folded(f"All {len(rows)} heads", words.say_all_heads(rows, p.max_q))
    final = rows.rename(columns={"layer_1based": "layer", "head_1based": "head"})
    return AllHeads(final, Finding(said, {"heads_table": final}, {"table": final}))


def statements(seen: Observed, motifs: Motifs, elements: Elements, p: Checked) -> Finding:
    """Ask whether the paper's statements about its heads hold for these; of its task alone."""
    if "the paper's claims" not in elements.of.questions:
        return Finding()
    said = head_statements(
        motifs.table, seen.spearman, elements.roles, selective_share=p.selective_share
    )
    return Finding(table(shown(said)), {"heads_statements": said})


def in_short(
    motifs: Motifs,
    elements: Elements,
    others: Networks,
    known: KnownMotifs,
    sites: KnownSites,
    p: Checked,
) -> Finding:
    """Answer the chapter's question."""
    rows, near = motifs.table, elements.of.near
    selective = rows[rows["share_near_peak"] >= p.selective_share]
    return Finding(
        f"{words.say_selective(selective, len(rows), p)} "
        f"{words.say_tested(elements.roles, known.best, sites.any_site, p.max_q, near)} "
        f"{words.say_null(others.table)} "
        "Mean attention was computed over every nucleotide of the test part, so it has no "
        "sampling error; matches and odds ratios can be due to chance. Trained from another seed, "
        "other heads may have these roles, or none. Attention "
        "shows where a head looks, not that the output depends on it."
    )
