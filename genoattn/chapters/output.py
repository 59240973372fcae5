"""The chapter output: the output around sites, genes and regions; its parameters and its steps.

The steps on regions and sites are in `genoattn.chapters.output_sites`, those on the opposite strand
in `genoattn.chapters.output_antisense`; here are those on pseudogenes and on predicted sites that
are not in the labels. What each of the three says is in the module of its name and ``_words``.

Offsets count from the site along its strand and are 0 at the site; what readers see are positions
(`genoattn.genome.sites.position_name`: the site is +1, and there is no 0), or distances in nt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import output_words as words
from genoattn.chapters.output_antisense import (
    Mirrored,
    Opposite,
    Shuffled,
    mirrored,
    opposite,
    shuffled,
)
from genoattn.chapters.output_frames import Framed, framed
from genoattn.chapters.output_sites import (
    EVIDENCE,
    AroundSites,
    BothStrands,
    Output,
    Predicted,
    Regions,
    around_sites,
    both_strands,
    by_region,
    loaded,
    paper_says,
    predicted,
)
from genoattn.data import datasets
from genoattn.data.assays import read_drnaseq, source_name
from genoattn.data.regulondb import read_regulondb
from genoattn.evaluation import bootstrap, statistics
from genoattn.evaluation.bootstrap import MOST_REPLICATES
from genoattn.genome import regions, sites
from genoattn.model import scanner
from genoattn.output import novel as novel_peaks
from genoattn.output import pseudogenes as pseudogene_controls
from genoattn.study.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.study.report import Finding, folded, table

__all__ = [
    "PARAMETERS",
    "AroundSites",
    "BothStrands",
    "Framed",
    "Internal",
    "Mirrored",
    "Novel",
    "Opposite",
    "Output",
    "Predicted",
    "Pseudogenes",
    "Regions",
    "Shuffled",
    "around_sites",
    "both_strands",
    "by_region",
    "framed",
    "in_short",
    "internal",
    "loaded",
    "mirrored",
    "novel",
    "opposite",
    "paper_says",
    "predicted",
    "pseudogenes",
    "ranked",
    "short_of_gene_starts",
    "shuffled",
]


def _a_stretch(values: Mapping[str, Any]) -> str | None:
    """Refuse a stretch that ends before it begins."""
    first, last = values["shared_box"]
    if first <= last:
        return None
    return f"'shared_box' must give the nearer distance first, not {values['shared_box']}"


PARAMETERS = Schema(
    "04_output",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of the resampling of blocks", low=0),
        "flank": Parameter(int, 600, "nucleotides on each side of a site", low=1, high=10_000),
        "reach": Parameter(
            int, 60, "nucleotides on each side of a site in the close-up", low=1, high=10_000
        ),
        "upstream": Parameter(
            int,
            250,
            "a TSS at most this many nt before a pseudogene is counted as its own",
            low=0,
            high=10_000,
        ),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
        "block": Parameter(int, 5_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(
            int, 1_000, "resamples of blocks, for intervals", low=10, high=MOST_REPLICATES
        ),
        "widths": Parameter(
            list[int],
            [1, 10, 50, 100, 200],
            "windows in nt in which the two strands are compared",
            low=1,
            high=100_000,
            unique=True,
            sizes=(1, None),
        ),
        "gene_parts": Parameter(int, 5, "equal parts of a gene, from its start to its end", low=1),
        "tolerance": Parameter(
            int, 5, "a peak and a site at most so many nt apart are the same", low=0
        ),
        "precision": Parameter(
            float, 0.5, "share of the peaks that shall be known sites", low=0.0, high=1.0
        ),
        "distance": Parameter(
            int,
            200,
            "a site is alone if no site of the other strand lies within this many nt",
            low=1,
            high=100_000,
        ),
        "shared_box": Parameter(
            list[int],
            [7, 25],
            "from and to, nt upstream: a site of the other strand may share the -10 box",
            low=1,
            high=10_000,
            sizes=(2, 2),
        ),
        "n_edited": Parameter(int, 12, "start sites whose promoters are shuffled", low=1),
        "n_controls": Parameter(int, 10, "genes that each pseudogene is compared with", low=1),
        "n_candidates": Parameter(int, 100, "new candidates that are listed, best first", low=1),
    },
    together=(_a_stretch,),
)
"""What this chapter may be asked."""


# ----------------------------------------------------------------------------------- pseudogenes


class Pseudogenes(NamedTuple):
    """Pseudogenes beside genes that resemble them."""

    genes: pd.DataFrame
    """`pseudogenes.gene_table`."""
    effects: pd.DataFrame
    """`pseudogenes.effects`; empty where there is nothing to compare."""
    finding: Finding


def pseudogenes(out: Output, p: Checked) -> Pseudogenes:
    """Compare each pseudogene of the test part with the genes that resemble it."""
    if not out.study.asks("pseudogenes"):
        return Pseudogenes(pd.DataFrame(), pd.DataFrame(), Finding())
    genes = pseudogene_controls.gene_table(
        out.study.features, out.study.genome, out.track, out.inside, out.curated,
        upstream=p.upstream,
    )  # fmt: skip
    comparable = genes["pseudo"].any() and not genes["pseudo"].all()
    effects = (
        pseudogene_controls.effects(genes, n=p.n_controls, level=p.level)
        if comparable
        else pd.DataFrame()
    )
    said = (
        f"{words.say_pseudogenes(effects)}\n\n"
        + folded("All comparisons", table(words.effect_rows(effects, p.level)))
        if len(effects)
        else "The test part has no pseudogene, or no gene to compare it with, so this is left out."
    )
    return Pseudogenes(genes, effects, Finding(said, {"output_pseudogenes": effects}))


# ------------------------------------------------------------------------------- false positives


class Novel(NamedTuple):
    """Predicted sites that the labels lack, and the evidence near them."""

    sites: pd.DataFrame
    """position (0-based), strand, output."""
    supported: pd.DataFrame
    """`novel.support`."""
    evidence: dict[str, NDArray[np.bool_]]
    """Kind of evidence -> where it is near, shape (2, L)."""
    places: NDArray[np.int8]
    """Where each nucleotide lies among the genes, `regions.places`."""
    kind: NDArray[np.int64]
    """Kind of each position, `statistics.place_strata`."""
    block: NDArray[np.int64]
    """Units of resampling, `bootstrap.blocks`."""
    finding: Finding
    n_predicted: int = 0
    """All predicted sites, those in the labels among them."""


def novel(out: Output, predicted: Predicted, opposite: Opposite, p: Checked) -> Novel:
    """Ask what evidence there is near the predicted sites that the labels lack."""
    places = regions.places(out.study.features, out.length)
    sites = predicted.sites[~predicted.sites["known"]].reset_index(drop=True)
    if opposite.boxes is None:
        none = np.empty(0, np.int64)
        return Novel(sites, pd.DataFrame(), {}, places, none, none, Finding())
    kind = statistics.place_strata(out.study.genome, places)
    evidence = _evidence(out, predicted, opposite.boxes, opposite.whole, p)
    block = bootstrap.blocks(out.inside, p.block)
    supported = novel_peaks.support(
        sites, evidence, out.inside & ~predicted.known, kind,
        block=block, n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed,
    )  # fmt: skip
    said = words.say_novel(supported, predicted.threshold)
    n_predicted = len(predicted.sites)
    return Novel(sites, supported, evidence, places, kind, block, Finding(said), n_predicted)


def _evidence(
    out: Output, predicted: Predicted, boxes: scanner.Boxes, whole: pd.DataFrame, p: Checked
) -> dict[str, NDArray[np.bool_]]:
    """Where each kind of evidence is near, shape (2, L), that the labels were not made of."""
    study, length = out.study, out.length
    marks: dict[str, Any] = {"tolerance": p.tolerance, "circular": out.circular}
    reported = _not_curated(out, marks)
    if study.published:
        files = datasets.fetch_all(EVIDENCE)
        reported["RegulonDB, weak evidence"] = read_regulondb(
            files["regulondb"], length, levels=["Weak"]
        )
        reported["dRNA-seq"] = read_drnaseq(files["drnaseq"], length)
    evidence = {name: sites.near(one, length, **marks) for name, one in reported.items()}
    none = np.zeros_like(predicted.known)
    evidence[words.ANY] = np.any(list(evidence.values()) or [none], axis=0)
    if study.elements is not None:
        truth = study.elements.rename(columns={"tss_position": "position"})
        evidence[words.TRUE] = sites.near(truth, length, **marks)
    of_sites = scanner.describe(study.genome, whole, boxes)["boxes_bits"]
    promoter = scanner.scores(study.genome, boxes) >= of_sites.median()
    return {
        **evidence,
        "boxes of a promoter": promoter,
        words.BARE: promoter & ~evidence[words.ANY],
    }


def _not_curated(out: Output, marks: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Each source's sites that have no curated one near, where it has any."""
    by_source = {
        f"{source_name(str(source))}, not curated": sites.not_taken(
            one, out.curated, out.length, **marks
        )
        for source, one in out.study.sites.groupby("source", sort=True)
    }
    return {name: sites for name, sites in by_source.items() if len(sites)}


def ranked(out: Output, novel: Novel, opposite: Opposite, p: Checked) -> Finding:
    """List the novel sites of highest output with what is known about each; all in the file."""
    if opposite.boxes is None:
        return Finding()
    listed_evidence = _listed(out, novel.evidence)
    found = novel_peaks.ranked(
        novel.sites, out.study.genome, out.study.features, novel.places, opposite.boxes,
        listed_evidence, n=p.n_candidates,
    )  # fmt: skip
    shown = words.candidate_rows(found)
    title = f"The {len(shown)} novel sites of highest output"
    return Finding(table(shown, title), {"candidates": found})


def _listed(out: Output, evidence: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Evidence by its column in the list; tables that may not be passed on stand together."""
    sources = out.study.sites["source"].unique()
    names = {f"{source_name(one)}, not curated": one for one in sources}
    names |= {words.ANY: "any_evidence", words.TRUE: "true_site"}
    found = {names[name]: mask for name, mask in evidence.items() if name in names}
    if out.study.published:
        found.pop("regulondb", None)
        closed = [mask for name, mask in evidence.items() if "RegulonDB" in name or "dRNA" in name]
        found["regulondb_or_drnaseq"] = np.any(closed, axis=0)
        found["any_evidence"] = found.pop("any_evidence")
    return found


# ----------------------------------------------------------------------------- inside operons


class Internal(NamedTuple):
    """Predicted sites inside operons beside RegulonDB's internal promoters."""

    supported: pd.DataFrame
    """`novel.support`, one row."""
    finding: Finding


def internal(out: Output, predicted: Predicted, novel: Novel, p: Checked) -> Internal:
    """Compare the predicted sites inside operons of several genes with RegulonDB's promoters."""
    if not out.study.asks("operons"):
        return Internal(pd.DataFrame(), Finding())
    where = regions.internal_to_operons(out.study.operons, out.length) & out.inside
    within = predicted.sites[sites.values_at(where, predicted.sites)]
    regulon = out.study.sites[out.study.sites["source"] == "regulondb"]
    marks: dict[str, Any] = {"tolerance": p.tolerance, "circular": out.circular}
    supported = novel_peaks.support(
        within,
        {"RegulonDB promoter": sites.near(regulon, out.length, **marks)},
        where,
        novel.kind,
        block=novel.block,
        n_bootstrap=p.n_bootstrap,
        level=p.level,
        seed=p.seed,
    )
    promoters = regulon[sites.values_at(where, regulon)]
    hit = sites.values_at(sites.near(predicted.sites, out.length, **marks), promoters)
    recall = statistics.proportion(int(hit.sum()), len(hit), p.level)
    both = pd.concat(
        [
            novel.supported.assign(of="novel sites"),
            supported.assign(of="predicted sites inside operons"),
        ]
    )
    said = words.say_internal(dict(supported.iloc[0]), len(hit), recall)
    return Internal(supported, Finding(said, {"output_support": both}))


# -------------------------------------------------------------------------------------- in short


def in_short(
    regions: Regions,
    around: AroundSites,
    opposite: Opposite,
    shuffled: Shuffled,
    novel: Novel,
) -> Finding:
    """Answer the chapter's question in three sentences, and say what they rest on.

    Nothing of another task: see `short_of_gene_starts`.
    """
    if opposite.boxes is None:
        return Finding()
    return Finding(
        f"{words.short_places(regions.table, around.extremes)} "
        f"{words.short_opposite(opposite.tops, shuffled.changes, shuffled.share)} "
        f"{words.short_novel(novel.supported, novel.n_predicted)} "
        "All this is the output of one model on the test part. The bands treat sites as if "
        "they were independent and are somewhat too narrow; a shuffled promoter says what the "
        "model reads, not what the polymerase does; and evidence that is frequent at the novel "
        "sites makes no single one of them true."
    )


def short_of_gene_starts(
    out: Output, regions: Regions, around: AroundSites, framed: Framed
) -> Finding:
    """Answer the chapter's question where the sites are starts of genes, else nothing."""
    if not out.study.asks("reading frame"):
        return Finding()
    return Finding(
        f"{words.short_places(regions.table, around.extremes, f'{out.study.of.short}s')} "
        f"{framed.short} "
        "All this is the output of one model on the test part, and an annotated start is itself "
        "mostly a prediction: few have been seen in an experiment."
    )
