"""Steps of the chapter output: the output by region, around known sites, at predicted ones.

Offsets count from the site along its strand and are 0 at the site.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import output_sites_words as words
from genoattn.chapters.output_intervals import texts
from genoattn.data.datasets import fetch_all
from genoattn.evaluation import calls
from genoattn.genome.regions import along_genes, between_genes, region_masks
from genoattn.genome.sites import near, values_at
from genoattn.output import around as surroundings
from genoattn.output import peaks, regions
from genoattn.output.around import class_name
from genoattn.study import statements
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding, folded, table
from genoattn.study.run import Model, Run

__all__ = [
    "EVIDENCE",
    "AroundSites",
    "BothStrands",
    "Output",
    "Predicted",
    "Regions",
    "around_sites",
    "both_strands",
    "by_region",
    "loaded",
    "paper_says",
    "predicted",
]


# ---------------------------------------------------------------------------------- the output


class Output(NamedTuple):
    """A model's output on its test part, and the study that it is about."""

    study: StudyInputs
    curated: pd.DataFrame
    """The labels: position (0-based), strand, votes."""
    model: Model
    track: NDArray[np.float32]
    """Probability of a site, shape (2, L); NaN outside the test part."""
    inside: NDArray[np.bool_]
    """The test part, shape (L,)."""
    baseline: float
    """Median output of the test part, both strands."""
    finding: Finding

    @property
    def length(self) -> int:
        """Nucleotides of the genome."""
        return len(self.study.genome)

    @property
    def circular(self) -> bool:
        """Whether the genome is a circle."""
        return self.study.genome.circular


EVIDENCE = ("drnaseq", "regulondb")
"""Published tables that the sites which the labels lack are compared with."""


def loaded(run: Run, p: Checked) -> Output:
    """Load the output that the chapter on training left, and what it is compared with."""
    study, model = run.study, run.model(p.weights)
    run.check_test(model.split, run.curated, "the curated set", p.block)
    if study.published:
        fetch_all(EVIDENCE)  # needed much later, but missing at once
    track, inside = run.output(model.name), model.test
    baseline = float(np.median(track[:, inside]))
    said = (
        study.note
        + words.say_output(
            p.weights, study.genome.name, int(inside.sum()), baseline, study.published
        )
        + "".join(f"\n\n{sentence}" for sentence in study.lacking())
    )
    return Output(study, run.curated, model, track, inside, baseline, Finding(said))


# --------------------------------------------------------------------------------------- regions


class Regions(NamedTuple):
    """Median output by class of region, `regions.beside_paper`."""

    table: pd.DataFrame
    """All classes but the parts of genes."""
    along: pd.DataFrame
    """The parts of genes."""
    every: pd.DataFrame
    """Both, in the order in which they are written."""
    finding: Finding


def by_region(out: Output, p: Checked) -> Regions:
    """Take the median output in and between genes, in pseudogenes and in operon gaps."""
    study, length = out.study, out.length
    masks = region_masks(study.features, study.operons, length)
    if not study.asks("pseudogenes"):
        masks = {name: one for name, one in masks.items() if not name.startswith("pseudo")}
    masks |= between_genes(study.features, length, circular=out.circular)
    masks |= along_genes(study.features, length, p.gene_parts)
    medians = regions.region_medians(
        out.track, masks, out.inside, block=p.block, n_bootstrap=p.n_bootstrap, level=p.level,
        seed=p.seed,
    )  # fmt: skip
    maxima = regions.median_of_maxima(
        out.track, masks["operon_gap"], out.inside, level=p.level, circular=out.circular
    )
    every = regions.beside_paper(medians, maxima, published=study.published)
    in_genes = every["region"].str.startswith("in genes")
    said = f"{words.say_regions(every[~in_genes])}\n\n" + folded(
        "All regions in numbers", table(words.region_rows(every, p.level, study.published))
    )
    results = {"regions": every[regions.REGION_COLUMNS]}
    return Regions(every[~in_genes], every[in_genes], every, Finding(said, results))


# ---------------------------------------------------------------------------------- around sites


class AroundSites(NamedTuple):
    """Median output around classes of sites."""

    profiles: pd.DataFrame
    """`around.median_profiles`."""
    extremes: pd.DataFrame
    """Where each profile is highest and lowest, `around.peaks`."""
    levels: pd.DataFrame
    """The level of each class as a whole, `around.window_levels`."""
    finding: Finding


def around_sites(out: Output, p: Checked) -> AroundSites:
    """Take the median output around start sites, pseudogenes' starts and terminators.

    Of another task than the paper's, around its sites alone.
    """
    study = out.study
    classes = surroundings.site_classes(
        out.curated, study.terminators, study.features, out.inside,
        upstream=p.upstream, flank=p.flank, circular=out.circular,
    )  # fmt: skip
    if not study.asks("other strand"):
        classes = {f"{study.of.short}s": classes["TSSs"]}
    around = surroundings.median_profiles(out.track, classes, flank=p.flank, level=p.level)
    extremes = surroundings.peaks(around, out.baseline)
    levels = surroundings.window_levels(out.track, classes, flank=p.flank, level=p.level)
    missing = [class_name(name) for name, sites in classes.items() if sites.empty]
    said = (
        table(
            words.level_rows(levels, out.baseline, p.level), "The level around each class of sites"
        )
        + f"\n{words.say_levels(levels, out.baseline, missing)}\n\n"
        + folded("Where each profile is highest and lowest", table(words.extreme_rows(extremes)))
    )
    results = {"profiles": around, "output_levels": levels, "output_peaks": extremes}
    return AroundSites(around, extremes, levels, Finding(said, results))


# ----------------------------------------------------------------------------------- both strands


class BothStrands(NamedTuple):
    """Rank correlation of the strands' highest outputs, by the width of the windows."""

    table: pd.DataFrame
    """`regions.strand_correlation`."""
    finding: Finding


def both_strands(out: Output, p: Checked) -> BothStrands:
    """Correlate the two strands' outputs in windows of several widths; nothing of another task."""
    if not out.study.asks("other strand"):
        return BothStrands(pd.DataFrame(), Finding())
    found = regions.strand_correlation(out.track, out.inside, p.widths)
    rows = texts(
        found,
        {
            "window, nt": ("width", ""),
            "windows": ("n", ","),
            "rank correlation": ("spearman", ".3f"),
            "by chance": ("chance", ".3f"),
        },
    )
    said = f"{table(rows)}\n{words.say_strands(found)}"
    return BothStrands(found, Finding(said, {"output_strands": found}))


def paper_says(out: Output, around: AroundSites, regions: Regions, strands: BothStrands) -> Finding:
    """Put the paper's statements beside what is found here; nothing of another task."""
    if not out.study.asks("the paper's claims"):
        return Finding()
    found = statements.output_statements(
        around.levels, around.extremes, regions.every, strands.table, out.baseline
    )
    return Finding(words.say_statements(found), {"output_statements": found})


# ------------------------------------------------------------------------------ predicted sites


class Predicted(NamedTuple):
    """The peaks above the threshold of the asked precision: the predicted start sites."""

    sites: pd.DataFrame
    """position (0-based), strand, output, known (a curated site within the tolerance)."""
    known: NDArray[np.bool_]
    """Where a curated site lies within the tolerance, shape (2, L)."""
    threshold: calls.Threshold
    shifts: pd.DataFrame
    """How far they lie from the nearest curated site, `peaks.shifts`."""
    finding: Finding


def predicted(out: Output, p: Checked) -> Predicted:
    """Cut the output into peaks, and take those above the lowest threshold precise enough."""
    found = calls.find_peaks(
        {out.study.genome.name: out.track}, out.baseline, apart=2 * p.tolerance
    )
    known = near(out.curated, out.length, p.tolerance, circular=out.circular)
    found["known"] = values_at(known, found)
    threshold = calls.threshold_at_precision(
        found["output"], found["known"], p.precision, at_least=min(20, len(found))
    )
    sites = found[found["output"] >= threshold.output].reset_index(drop=True)
    shifts = peaks.shifts(
        sites, out.curated, out.inside, reach=4 * p.tolerance, level=p.level, circular=out.circular
    )
    said = words.say_predicted(threshold, shifts, p.precision, p.tolerance)
    return Predicted(sites, known, threshold, shifts, Finding(said, {"output_shifts": shifts}))
