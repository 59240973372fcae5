"""The chapter output: the output around sites, genes and regions; its parameters and its steps.

Offsets count from the site along its strand and are 0 at the site; what readers see are positions
(`genoattn.profiles.position_name`: the site is +1, and there is no 0), or distances in nt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import (
    antisense,
    bootstrap,
    candidates,
    datasets,
    edits,
    gene_context,
    genome,
    matching,
    paper,
    peaks,
    profiles,
    promoter_boxes,
    region_levels,
    scanner,
    tracks,
)
from genoattn.annotations import read_drnaseq, read_regulondb, source_name
from genoattn.inputs import StudyInputs
from genoattn.model import Annotator
from genoattn.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.profiles import class_name, position_name
from genoattn.study.report import Finding, folded, listed, signed, table, with_interval
from genoattn.study.run import Model, Run

__all__ = [
    "PARAMETERS",
    "AroundSites",
    "BothStrands",
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
    "shuffled",
]

PARAMETERS = Schema(
    "04_output",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of the resampling of blocks", low=0),
        "flank": Parameter(int, 600, "nucleotides on each side of a site", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a site in the close-up", low=1),
        "upstream": Parameter(
            int, 250, "a TSS at most this many nt before a pseudogene is counted as its own", low=0
        ),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
        "block": Parameter(int, 5_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "widths": Parameter(
            list[int],
            [1, 10, 50, 100, 200],
            "windows in nt in which the two strands are compared",
            low=1,
        ),
        "gene_parts": Parameter(int, 5, "equal parts of a gene, from its start to its end", low=1),
        "tolerance": Parameter(
            int, 5, "a peak and a site at most so many nt apart are the same", low=0
        ),
        "precision": Parameter(
            float, 0.5, "share of the peaks that shall be known sites", low=0.0, high=1.0
        ),
        "distance": Parameter(
            int, 200, "without a site of the other strand so near, in nt, a site is alone", low=1
        ),
        "shared_box": Parameter(
            list[int],
            [7, 25],
            "a site of the other strand so far upstream, in nt, may share the -10 box",
            low=1,
        ),
        "n_edited": Parameter(int, 12, "start sites whose promoters are shuffled", low=1),
        "n_controls": Parameter(int, 10, "genes that each pseudogene is compared with", low=1),
        "n_candidates": Parameter(int, 100, "new candidates that are listed, best first", low=1),
    },
)
"""What this chapter may be asked."""


# ---------------------------------------------------------------------------- words for intervals

ABOVE, BELOW, NEITHER, UNKNOWN = "above", "below", "neither", "unknown"
"""How an interval lies to what is expected; see `verdict`."""


def verdict(low: float, high: float, expected: float = 1.0) -> str:
    """Say how an interval lies to an expected value; an interval that touches it is `NEITHER`.

    Parameters
    ----------
    low, high : float
        NaN where there are too few sites for an interval: `UNKNOWN`.
    expected : float
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return UNKNOWN
    return ABOVE if low > expected else BELOW if high < expected else NEITHER


def _interval(low: float, high: float, spec: str = ".2f", missing: str = "too few sites") -> str:
    """Write an interval for a table's cell."""
    known = np.isfinite(low) and np.isfinite(high)
    return f"{low:{spec}} to {high:{spec}}" if known else missing


def _intervals(frame: pd.DataFrame, columns: list[str], spec: str, missing: str) -> list[str]:
    """Write a column of intervals, of two columns, or of numbers with theirs, of three."""
    rows = frame[columns].itertuples(index=False, name=None)
    if len(columns) == 2:
        return [_interval(low, high, spec, missing) for low, high in rows]
    return [with_interval(value, low, high, spec, missing) for value, low, high in rows]


def _texts(frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Write columns of a frame for a table: header -> column and format; NaN stays empty."""
    return pd.DataFrame(
        {
            header: ["" if pd.isna(value) else format(value, spec) for value in frame[column]]
            for header, (column, spec) in columns.items()
        }
    )


def _row(frame: pd.DataFrame, column: str, value: str) -> dict[str, Any]:
    """The first row with this value in a column, as a dictionary."""
    return dict(frame[frame[column] == value].iloc[0])


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


def loaded(run: Run, p: Checked) -> Output:
    """Load the output that the chapter on training left, and what it is compared with."""
    study, model = run.study, run.model(p.weights)
    track, inside = run.output(model.name), model.test
    baseline = float(np.median(track[:, inside]))
    said = (
        study.note
        + say_output(p.weights, study.genome.name, int(inside.sum()), baseline, study.published)
        + "".join(f"\n\n{sentence}" for sentence in study.lacking())
    )
    return Output(study, run.curated, model, track, inside, baseline, Finding(said))


def say_output(weights: str, name: str, n: int, baseline: float, published: bool) -> str:
    """Say whose output it is, on how many nucleotides, and what can be compared between models."""
    theirs = f" (the paper's model: {paper.REGION_MEDIANS['test_set']})" if published else ""
    return (
        f"Output of the model **{weights}** on the test part of {name}: {2 * n:,} positions on "
        f"both strands, median **{baseline:.2g}**{theirs}. The scale of an output depends on how "
        "a model was trained (loss, share of start sites), so the outputs of two models cannot be "
        "compared. Two quantities can: the ratio to this median, and the *percentile*, the share "
        "of the test part's positions whose output is lower."
    )


# --------------------------------------------------------------------------------------- regions


class Regions(NamedTuple):
    """Median output by class of region, `region_levels.beside_paper`."""

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
    masks = genome.region_masks(study.features, study.operons, length)
    masks |= gene_context.between_genes(study.features, length, circular=out.circular)
    masks |= gene_context.along_genes(study.features, length, p.gene_parts)
    medians = region_levels.region_medians(
        out.track, masks, out.inside, block=p.block, n_bootstrap=p.n_bootstrap, level=p.level,
        seed=p.seed,
    )  # fmt: skip
    maxima = region_levels.median_of_maxima(
        out.track, masks["operon_gap"], out.inside, level=p.level, circular=out.circular
    )
    every = region_levels.beside_paper(medians, maxima, published=study.published)
    in_genes = every["region"].str.startswith("in genes")
    said = f"{say_regions(every[~in_genes])}\n\n" + folded(
        "All regions in numbers", table(region_rows(every, p.level, study.published))
    )
    results = {"regions": every[region_levels.REGION_COLUMNS]}
    return Regions(every[~in_genes], every[in_genes], every, Finding(said, results))


def say_regions(regions: pd.DataFrame) -> str:
    """Say which regions' medians lie above, below or neither of the whole part's.

    Parameters
    ----------
    regions : DataFrame
        `region_levels.beside_paper`, the whole part in the first row; the highest outputs of
        operon gaps are left out, as a maximum lies above a median by its nature.
    """
    shown = regions[regions["region"] != region_levels.HIGHEST_IN_GAPS].iloc[1:]
    words = {
        ABOVE: "Higher than in the whole test part",
        BELOW: "Lower",
        NEITHER: "Not significantly different",
        UNKNOWN: "In too few blocks for an interval",
    }
    found: dict[str, list[str]] = {one: [] for one in words}
    for name, row in zip(region_levels.labels(shown), shown.to_dict("records"), strict=True):
        ends = (row["ratio_low"], row["ratio_high"])
        how = verdict(*ends)
        number = f"{row['ratio']:.2f} times"
        found[how].append(
            f"{name} ({number if how == UNKNOWN else f'{number}, {_interval(*ends)}'})"
        )
    said = [f"- **{words[how]}:** {'; '.join(names)}." for how, names in found.items() if names]
    return "\n".join(said) or "The test part has none of these regions."


def region_rows(regions: pd.DataFrame, level: float, published: bool) -> pd.DataFrame:
    """Write the table of regions as texts, the paper's values beside where it is its genome."""
    few, rank = "too few blocks", ["percentile", "percentile_low", "percentile_high"]
    rows = _texts(
        regions,
        {
            "region": ("region", ""),
            "strand": ("strand", ""),
            "nt": ("n_nt", ","),
            "median": ("median", ".2g"),
            "ratio": ("ratio", ".2f"),
        },
    )
    rows.insert(4, f"{level:.0%} interval", _intervals(regions, ["ci_low", "ci_high"], ".2g", few))
    rows["percentile"] = _intervals(regions, rank, ".0f", few)
    if published:
        theirs = {"paper: median": ("paper_value", "g"), "paper: ratio": ("paper_ratio", ".2f")}
        rows = pd.concat([rows, _texts(regions, theirs)], axis=1)
    return rows


# ---------------------------------------------------------------------------------- around sites


class AroundSites(NamedTuple):
    """Median output around classes of sites."""

    profiles: pd.DataFrame
    """`profiles.median_profiles`."""
    extremes: pd.DataFrame
    """Where each profile is highest and lowest, `profiles.peaks`."""
    levels: pd.DataFrame
    """The level of each class as a whole, `profiles.window_levels`."""
    finding: Finding


def around_sites(out: Output, p: Checked) -> AroundSites:
    """Take the median output around start sites, pseudogenes' starts and terminators."""
    study = out.study
    classes = profiles.site_classes(
        out.curated, study.terminators, study.features, out.inside,
        upstream=p.upstream, flank=p.flank, circular=out.circular,
    )  # fmt: skip
    around = profiles.median_profiles(out.track, classes, flank=p.flank, level=p.level)
    extremes = profiles.peaks(around, out.baseline)
    levels = profiles.window_levels(out.track, classes, flank=p.flank, level=p.level)
    missing = [class_name(name) for name, sites in classes.items() if sites.empty]
    said = (
        table(level_rows(levels, out.baseline, p.level))
        + f"\n{say_levels(levels, out.baseline, missing)}\n\n"
        + folded("Where each profile is highest and lowest", table(extreme_rows(extremes)))
    )
    results = {"profiles": around, "output_levels": levels, "output_peaks": extremes}
    return AroundSites(around, extremes, levels, Finding(said, results))


def level_rows(levels: pd.DataFrame, baseline: float, level: float) -> pd.DataFrame:
    """Write the table of levels as texts, as multiples of the whole part's median."""
    limits = ["median", "ci_low", "ci_high"]
    times = levels[limits] / baseline
    named = levels.assign(**times, site_class=levels["site_class"].map(class_name))
    rows = _texts(
        named,
        {
            "sites": ("site_class", ""),
            "n": ("n", ","),
            "strand": ("strand", ""),
            "times the whole part": ("median", ".2f"),
        },
    )
    return rows.assign(
        **{f"{level:.0%} interval": _intervals(named, limits[1:], ".2f", "too few sites")}
    )


def extreme_rows(extremes: pd.DataFrame) -> pd.DataFrame:
    """Write the table of highest and lowest points as texts; the site is at +1."""
    named = extremes.assign(
        site_class=extremes["site_class"].map(class_name),
        peak=extremes["peak_offset"].map(position_name),
        dip=extremes["dip_offset"].map(position_name),
    )
    return _texts(
        named,
        {
            "sites": ("site_class", ""),
            "n": ("n", ","),
            "strand": ("strand", ""),
            "highest at": ("peak", ""),
            "median there": ("peak_median", ".2g"),
            "times the whole part": ("peak_ratio", ".1f"),
            "lowest at": ("dip", ""),
            "median there ": ("dip_median", ".2g"),
        },
    )


def say_levels(levels: pd.DataFrame, baseline: float, missing: Iterable[str] = ()) -> str:
    """Say around which classes the surroundings as a whole are raised, and on which strands.

    Parameters
    ----------
    levels : DataFrame
        `profiles.window_levels`: each class on both strands.
    baseline : float
        Median output of the whole part.
    missing : iterable of str
        Classes without a site whose whole window lies in the part.
    """
    words = {
        (True, True): "Raised on both strands are the surroundings of",
        (True, False): "Raised on the sense strand only are those of",
        (False, True): "Raised on the antisense strand only are those of",
        (False, False): "Not shown to be raised are those of",
    }
    found: dict[tuple[bool, bool], list[str]] = {one: [] for one in words}
    few = []
    for name, part in levels.groupby("site_class", sort=False):
        low = part.set_index("strand")["ci_low"]
        if low.isna().any():
            few.append(class_name(str(name)))
        else:
            raised = low > baseline
            found[bool(raised["sense"]), bool(raised["antisense"])].append(class_name(str(name)))
    said = [f"{words[how]} {listed(names)}." for how, names in found.items() if names]
    if few:
        said.append(f"There are too few sites for an interval of {listed(few)}.")
    if missing := [*missing]:
        said.append(f"No site has its whole window in the test part: {listed(missing)}.")
    return " ".join(said)


# ----------------------------------------------------------------------------------- both strands


class BothStrands(NamedTuple):
    """Rank correlation of the strands' highest outputs, by the width of the windows."""

    table: pd.DataFrame
    """`region_levels.strand_correlation`."""
    finding: Finding


def both_strands(out: Output, p: Checked) -> BothStrands:
    """Correlate the two strands' outputs in windows of several widths."""
    found = region_levels.strand_correlation(out.track, out.inside, p.widths)
    rows = _texts(
        found,
        {
            "window, nt": ("width", ""),
            "windows": ("n", ","),
            "rank correlation": ("spearman", ".3f"),
            "by chance": ("chance", ".3f"),
        },
    )
    said = f"{table(rows)}\n{say_strands(found)}"
    return BothStrands(found, Finding(said, {"output_strands": found}))


def say_strands(strands: pd.DataFrame) -> str:
    """Say in which windows the strands agree most, beside chance."""
    best = dict(strands.loc[strands["spearman"].idxmax()])
    return (
        "The rank correlation of the two strands is highest in windows of "
        f"{int(best['width'])} nt, {best['spearman']:.2f}, where {best['chance']:.2f} is found by "
        "chance."
    )


def paper_says(out: Output, around: AroundSites, regions: Regions, strands: BothStrands) -> Finding:
    """Put the paper's statements beside what is found here."""
    found = profiles.statements(
        around.levels, around.extremes, regions.every, strands.table, out.baseline
    )
    said = (
        say_statements(found)
        if out.study.task == "tss"
        else "The paper's statements are about transcription start sites, and this run is not."
    )
    return Finding(said, {"output_statements": found})


def say_statements(statements: pd.DataFrame) -> str:
    """Say how many of the paper's statements hold, and list all.

    Parameters
    ----------
    statements : DataFrame
        `profiles.statements`.
    """
    n = statements["holds"].value_counts()
    yes, no, open_ = (int(n.get(word, 0)) for word in ("yes", "no", "undecided"))
    parts = [f"{yes} {'holds' if yes == 1 else 'hold'}", f"{no} {'does' if no == 1 else 'do'} not"]
    if open_:
        parts.append(f"{open_} cannot be decided, as the test part has too few such places")
    named = statements.set_axis(["the paper's statement", "here", "holds here"], axis=1)
    return f"Of the paper's {len(statements)} statements {listed(parts)}.\n{table(named)}"


# ------------------------------------------------------------------------------ predicted sites


class Predicted(NamedTuple):
    """The peaks above the threshold of the asked precision: the predicted start sites."""

    sites: pd.DataFrame
    """position (0-based), strand, output, known (a curated site within the tolerance)."""
    known: NDArray[np.bool_]
    """Where a curated site lies within the tolerance, shape (2, L)."""
    threshold: peaks.Threshold
    shifts: pd.DataFrame
    """How far they lie from the nearest curated site, `peaks.shifts`."""
    finding: Finding


def predicted(out: Output, p: Checked) -> Predicted:
    """Cut the output into peaks, and take those above the lowest threshold precise enough."""
    found = tracks.find_peaks(
        {out.study.genome.name: out.track}, out.baseline, apart=2 * p.tolerance
    )
    known = candidates.near(out.curated, out.length, p.tolerance, circular=out.circular)
    found["known"] = _at(known, found)
    threshold = peaks.threshold_at_precision(
        found["output"], found["known"], p.precision, at_least=min(20, len(found))
    )
    sites = found[found["output"] >= threshold.output].reset_index(drop=True)
    shifts = peaks.shifts(
        sites, out.curated, out.inside, reach=4 * p.tolerance, level=p.level, circular=out.circular
    )
    said = say_predicted(threshold, shifts, p.precision, p.tolerance)
    return Predicted(sites, known, threshold, shifts, Finding(said, {"output_shifts": shifts}))


def _at(mask: NDArray, sites: pd.DataFrame) -> NDArray:
    """Values of a track, shape (2, L), at sites."""
    row = (sites["strand"] == "-").to_numpy(dtype=int)
    return np.asarray(mask[row, sites["position"].to_numpy()])


def say_predicted(
    threshold: peaks.Threshold, shifts: pd.DataFrame, asked: float, tolerance: int
) -> str:
    """Say how many sites are predicted, how many are known, and how exactly they are placed.

    Parameters
    ----------
    threshold : Threshold
    shifts : DataFrame
        `peaks.shifts`.
    asked : float
        Precision that was asked for.
    tolerance : int
        In nt.
    """
    at = (
        f"At a precision of {threshold.precision:.2f}, "
        if threshold.reached
        else f"No threshold reaches a precision of {asked:.2f}; the highest is "
        f"{threshold.precision:.2f}. There, "
    )
    said = (
        f"{at}**{threshold.n_peaks:,} start sites are predicted** in the test part; "
        f"{threshold.n_hits:,} of them are known. "
    )
    close = shifts[shifts["offset"].abs() <= tolerance]
    distance = pd.Series(np.repeat(close["offset"], close["n"]))
    if distance.empty:
        said += "None lies at a curated site."
    else:
        exact = dict(shifts[shifts["offset"] == 0].iloc[0])
        middle, first, last = (signed(distance.quantile(q)) for q in (0.5, 0.25, 0.75))
        said += (
            f"{exact['share']:.0%} of all ({_interval(exact['ci_low'], exact['ci_high'], '.0%')}) "
            f"lie exactly at a curated site, against {exact['chance']:.2%} of random positions. "
            f"Of those within {tolerance} nt of one, the median distance is {middle} nt "
            f"(quartiles {first} and {last} nt; positive is downstream)."
        )
    return f"{said} Scores at a coarser resolution, by *k*-mers, are in the chapter on training."


# ---------------------------------------------------------------------------- the other strand


class Opposite(NamedTuple):
    """Start sites by what lies on the other strand, and that strand's output around them."""

    by_group: pd.DataFrame
    """`profiles.median_profiles` of the groups of `antisense.GROUPS`."""
    by_mirror: pd.DataFrame
    """The same of the sites that are alone, in thirds by their mirror score."""
    tops: pd.DataFrame
    """Where the groups' profiles are highest in the window, `antisense.group_peaks`."""
    whole: pd.DataFrame
    """Curated sites whose whole window lies in the test part: position (0-based), strand."""
    alone: pd.DataFrame
    """Those without a known site near on the other strand."""
    score: NDArray[np.float64]
    """Mirror score of the sites that are alone, in bits, shape (n,)."""
    top: int
    """Offset at which the antisense profile of all sites is highest."""
    window: tuple[int, int]
    """Offsets up to the tolerance from there, from and up to and including."""
    boxes: promoter_boxes.Boxes
    """Matrices of the promoter boxes, fitted to the training part's sites."""
    finding: Finding


def opposite(out: Output, around: AroundSites, p: Checked) -> Opposite:
    """Sort start sites by what lies on the other strand, those alone by their mirror score."""
    whole, groups = _by_neighbours(out, p)
    alone, top = groups["alone"], antisense_top(around.extremes)
    window = (top - p.tolerance, top + p.tolerance)
    boxes = promoter_boxes.from_scanner(
        scanner.fit(out.study.genome, out.curated, out.model.split.mask("train"))
    )
    score = antisense.mirror_score(
        promoter_boxes.scores(out.study.genome, boxes, with_35=False), alone, window
    )
    options = {"flank": p.flank, "level": p.level}
    by_group = profiles.median_profiles(out.track, groups, **options)
    by_mirror = (
        profiles.median_profiles(out.track, antisense.thirds(alone, score), **options)
        if len(alone)
        else by_group.iloc[:0]
    )
    tops = antisense.group_peaks(by_group, window, out.baseline)
    close = pd.concat([by_group, by_mirror])
    results = {"output_antisense": close[close["offset"].abs() <= p.reach]}
    said = Finding(f"{table(top_rows(tops))}\n{say_alone(tops)}", results)
    return Opposite(by_group, by_mirror, tops, whole, alone, score, top, window, boxes, said)


def _by_neighbours(out: Output, p: Checked) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Curated sites with their whole window in the test part, and their groups."""
    whole = profiles.whole_window_inside(out.curated, out.inside, p.flank, circular=out.circular)
    every = pd.concat([sites[["position", "strand"]] for sites in (out.study.sites, out.curated)])
    groups = antisense.by_neighbours(
        whole,
        every.drop_duplicates(),
        out.length,
        distance=p.distance,
        shared=(p.shared_box[0], p.shared_box[-1]),
        circular=out.circular,
    )
    return whole, groups


def antisense_top(extremes: pd.DataFrame) -> int:
    """Offset at which the antisense profile of all start sites is highest.

    Raises
    ------
    ValueError
        No start site has its whole window in the test part.
    """
    rows = extremes[(extremes["site_class"] == "TSSs") & (extremes["strand"] == "antisense")]
    if rows.empty:
        raise ValueError(
            "no start site has its whole window in the test part: give a smaller flank"
        )
    return int(rows["peak_offset"].iloc[0])


def top_rows(tops: pd.DataFrame) -> pd.DataFrame:
    """Write the table of the groups' antisense peaks as texts."""
    place = ["" if pd.isna(one) else position_name(int(one)) for one in tops["offset"]]
    rows = _texts(
        tops.assign(place=place),
        {
            "on the other strand": ("group", ""),
            "sites": ("n", ","),
            "highest at": ("place", ""),
            "times the whole part": ("ratio", ".1f"),
        },
    )
    return rows.assign(interval=_intervals(tops, ["ci_low", "ci_high"], ".1f", "too few sites"))


def say_alone(tops: pd.DataFrame) -> str:
    """Say whether the antisense peak is there without a neighbour.

    Parameters
    ----------
    tops : DataFrame
        `antisense.group_peaks`.
    """
    one = _row(tops, "group", "alone")
    if not one["n"]:
        return "No start site is alone, so neighbours cannot be ruled out as the reason."
    ratio = with_interval(one["ratio"], one["ci_low"], one["ci_high"], ".1f", "too few sites")
    if verdict(one["ci_low"], one["ci_high"]) == ABOVE:
        return (
            f"The peak remains where no assay reports a neighbour, at {ratio} times the whole "
            "part's median: neighbours alone do not explain it."
        )
    return f"At the sites that are alone no peak is shown: {ratio} times the whole part's median."


N_RANDOM = 5_000
"""Random places whose output is compared with that of sites."""


class Mirrored(NamedTuple):
    """What the antisense output of the sites that are alone goes with."""

    at_alone: pd.DataFrame
    """Highest output on both strands (sense, antisense), a row a site; `antisense.highest`."""
    at_random: pd.DataFrame
    """The same of random places."""
    correlated: pd.DataFrame
    """Columns quantities, n, spearman, ci_low, ci_high."""
    finding: Finding


def mirrored(out: Output, opposite: Opposite, p: Checked) -> Mirrored:
    """Ask whether the antisense output of sites that are alone follows their mirror score."""
    alone, window = opposite.alone, opposite.window
    at_alone, at_random = (
        antisense.highest(
            profiles.output_around(out.track, sites, p.reach), p.reach, p.tolerance, window
        )
        for sites in (alone, _random_places(out, p))
    )
    correlated = _correlations(opposite.score, at_alone, p)
    highest = profiles.output_around(out.track, alone, p.reach).antisense.argmax(axis=1) - p.reach
    inside = (highest >= window[0]) & (highest <= window[1])
    share = peaks.proportion(int(inside.sum()), len(alone), p.level)
    said = (
        f"{say_height(at_alone['antisense'], at_random['antisense'])} "
        f"{say_mirrored(share, opposite.top, p.tolerance, p.reach)} {say_correlated(correlated)}"
        f"\n\n{folded('Rank correlations', table(mirror_rows(correlated)))}"
        if len(alone)
        else "No start site is alone, so there is nothing to correlate."
    )
    return Mirrored(at_alone, at_random, correlated, Finding(said, {"output_mirror": correlated}))


def _random_places(out: Output, p: Checked) -> pd.DataFrame:
    """Random positions and strands with their whole close-up in the test part."""
    places = antisense.random_sites(out.inside, N_RANDOM, p.seed)
    return profiles.whole_window_inside(places, out.inside, p.reach, circular=out.circular)


def _correlations(score: NDArray[np.float64], at_alone: pd.DataFrame, p: Checked) -> pd.DataFrame:
    """Rank correlations of mirror score, sense and antisense output."""
    sense, other = at_alone["sense"].to_numpy(), at_alone["antisense"].to_numpy()
    tests = {
        "mirror score and antisense output": (score, other, None),
        "sense and antisense output": (sense, other, None),
        "mirror score and antisense output, sense output fixed": (score, other, sense),
    }
    options = {"n_bootstrap": p.n_bootstrap, "level": p.level, "seed": p.seed}
    return pd.DataFrame(
        [
            (name, len(other), *antisense.rank_correlation(*three, **options))
            for name, three in tests.items()
        ],
        columns=["quantities", "n", "spearman", "ci_low", "ci_high"],
    )


def mirror_rows(correlated: pd.DataFrame) -> pd.DataFrame:
    """Write the table of rank correlations as texts."""
    rows = _texts(
        correlated,
        {
            "sites that are alone": ("quantities", ""),
            "n": ("n", ","),
            "rank correlation": ("spearman", ".2f"),
        },
    )
    limits = ["ci_low", "ci_high"]
    return rows.assign(interval=_intervals(correlated, limits, ".2f", "too few sites"))


def say_height(at_alone: pd.Series, at_random: pd.Series) -> str:
    """Say how the antisense output of sites compares with that of random places (medians)."""
    return (
        "Around that peak, the highest antisense output at the sites that are alone is "
        f"{at_alone.median() / at_random.median():.1f} times that at random places (medians)."
    )


def say_mirrored(share: tuple[float, float, float], top: int, tolerance: int, reach: int) -> str:
    """Say how often the highest antisense output lies where the profile has its peak.

    Parameters
    ----------
    share : tuple of float
        Share of the sites with its interval.
    top : int
        Offset of the profile's peak.
    tolerance, reach : int
        Half width in nt of the window around it, and of the close-up.
    """
    mid, low, high = share
    by_chance = (2 * tolerance + 1) / (2 * reach + 1)
    said = (
        f"At {mid:.0%} of them ({_interval(low, high, '.0%')}) the highest antisense output "
        f"within {reach} nt lies at {position_name(top - tolerance)} to "
        f"{position_name(top + tolerance)}, where {by_chance:.0%} would by chance"
    )
    if verdict(low, high, by_chance) != ABOVE:
        return f"{said}; that this is more than chance is not shown."
    side = "upstream" if top < 0 else "downstream"
    return (
        f"{said}. This is the mirror image of the start site; the axis lies {abs(top) / 2:.1f} nt "
        f"{side} of it."
    )


def say_correlated(correlated: pd.DataFrame) -> str:
    """Say whether the antisense output follows the mirror score, and whether sense explains it."""
    plain, _, fixed = correlated.to_dict("records")
    ends = (plain["ci_low"], plain["ci_high"])
    value = with_interval(plain["spearman"], *ends, ".2f", "too few sites")
    how = verdict(*ends, expected=0)
    if how == UNKNOWN:
        return "The sites are too few to correlate mirror score and antisense output."
    if how != ABOVE:
        return (
            "The antisense output is not shown to rise with the mirror score: rank correlation "
            f"{value}."
        )
    rest = with_interval(fixed["spearman"], fixed["ci_low"], fixed["ci_high"], ".2f")
    return (
        f"The antisense output rises with the mirror score: rank correlation {value}, and {rest} "
        "with the sense output held fixed."
    )


# ------------------------------------------------------------------------------------- shuffles


class Shuffled(NamedTuple):
    """What is left of both strands' outputs when stretches of the promoter are shuffled."""

    changes: pd.DataFrame
    """`antisense.changes`."""
    floor: dict[str, float]
    """Strand -> output of random places over that of these sites; NaN without a site."""
    finding: Finding


def shuffled(out: Output, opposite: Opposite, mirrored: Mirrored, p: Checked) -> Shuffled:
    """Shuffle promoters of sites that are alone and have an antisense peak, and read them again.

    A site has an antisense peak where its output in the window is higher than that of nine in
    ten random places.
    """
    limit = mirrored.at_random["antisense"].quantile(0.9)
    has_peak = mirrored.at_alone["antisense"] > limit
    chosen = opposite.alone[has_peak].sample(
        min(p.n_edited, int(has_peak.sum())), random_state=p.seed
    )
    chosen = chosen.sort_values("position")
    before = mirrored.at_alone.loc[chosen.index].reset_index(drop=True)
    after = _after(out, chosen.reset_index(drop=True), opposite.window, p)
    changes = antisense.changes(before, after, p.level)
    floor = {
        name: float(mirrored.at_random[name].median() / before[name].median())
        for name in ("sense", "antisense")
    }
    said = (
        f"{say_chosen(float(has_peak.mean()), len(chosen))}\n{table(change_rows(changes))}\n"
        f"{say_shuffled(changes)}"
        if len(chosen)
        else "No site that is alone has an antisense peak, so nothing was shuffled."
    )
    return Shuffled(changes, floor, Finding(said, {"output_shuffles": changes}))


def _after(
    out: Output, sites: pd.DataFrame, window: tuple[int, int], p: Checked
) -> dict[str, pd.DataFrame]:
    """Highest outputs of the sites after each of `antisense.EDITS`."""
    network = cast(Annotator, out.model.network)  # whatever reads a strand will do
    return {
        edit.name: antisense.highest(
            edits.edited_output(
                network, out.study.genome, sites, edit, flank=p.reach, seed=p.seed + number
            ),
            p.reach,
            p.tolerance,
            window,
        )
        for number, edit in enumerate(antisense.EDITS)
    }


def change_rows(changes: pd.DataFrame) -> pd.DataFrame:
    """Write what each edit leaves as texts, a row an edit."""
    left = _intervals(changes, ["ratio", "ci_low", "ci_high"], ".2g", "too few sites")
    rows = changes.assign(left=left).pivot(index="edit", columns="strand", values="left")
    rows = rows.loc[changes["edit"].unique(), ["sense", "antisense"]]
    rows.columns = ["sense output left, times", "antisense output left, times"]
    return rows.rename_axis("shuffled").reset_index()


def say_chosen(share: float, n: int) -> str:
    """Say how many sites have an antisense peak, and how many promoters were shuffled."""
    return (
        f"Of the sites that are alone, {share:.0%} have an antisense peak (by chance: 10%); {n} "
        f"of their promoters {'was' if n == 1 else 'were'} shuffled."
    )


def say_shuffled(changes: pd.DataFrame) -> str:
    """Say whether the surroundings of the -10 box carry both peaks.

    Parameters
    ----------
    changes : DataFrame
        `antisense.changes`. An interval that touches 1 shows no change.
    """
    box = antisense.EDITS[1].name
    rows = changes[changes["edit"] == box]
    how = {row["strand"]: verdict(row["ci_low"], row["ci_high"]) for row in rows.to_dict("records")}
    if UNKNOWN in how.values():
        return "These sites are too few for an interval, so nothing is shown."
    kept = [f"the {strand} peak" for strand, one in how.items() if one != BELOW]
    if kept:
        return (
            f"Shuffling the **{box}** does not significantly lower {listed(kept)}, so it is not "
            "shown to carry both peaks."
        )
    return f"Shuffling the **{box}** lowers both peaks, so it carries both."


# ----------------------------------------------------------------------------------- pseudogenes


class Pseudogenes(NamedTuple):
    """Pseudogenes beside genes that resemble them."""

    genes: pd.DataFrame
    """`matching.gene_table`."""
    effects: pd.DataFrame
    """`matching.effects`; empty where there is nothing to compare."""
    finding: Finding


def pseudogenes(out: Output, p: Checked) -> Pseudogenes:
    """Compare each pseudogene of the test part with the genes that resemble it."""
    genes = matching.gene_table(
        out.study.features, out.study.genome, out.track, out.inside, out.curated,
        upstream=p.upstream,
    )  # fmt: skip
    comparable = genes["pseudo"].any() and not genes["pseudo"].all()
    effects = (
        matching.effects(genes, n=p.n_controls, level=p.level) if comparable else pd.DataFrame()
    )
    said = (
        f"{table(effect_rows(effects, p.level))}\n{say_pseudogenes(effects)}"
        if len(effects)
        else "The test part has no pseudogene, or no gene to compare it with, so this is left out."
    )
    return Pseudogenes(genes, effects, Finding(said, {"output_pseudogenes": effects}))


def effect_rows(effects: pd.DataFrame, level: float) -> pd.DataFrame:
    """Write the table of comparisons as texts."""
    rows = _texts(
        effects,
        {
            "matched on": ("matched_on", ""),
            "strand": ("strand", ""),
            "pseudogenes": ("n", ","),
            "controls": ("n_controls", ","),
            "times the controls": ("ratio", ".2f"),
            "AT, points more": ("at_difference", "+.1f"),
            "length, times": ("length_ratio", ".2f"),
            "same expression": ("same_expression", ".0%"),
        },
    )
    limits = _intervals(effects, ["ci_low", "ci_high"], ".2f", "too few")
    rows.insert(5, f"{level:.0%} interval", limits)
    return rows


def say_pseudogenes(effects: pd.DataFrame) -> str:
    """Say what is left of the difference when all is matched, strand by strand.

    Parameters
    ----------
    effects : DataFrame
        `matching.effects`.
    """
    matched = list(matching.SCHEMES)[-1]
    rows = effects[effects["matched_on"] == matched].to_dict("records")
    if not rows:
        return f"No pseudogene has a control that is matched on {matched}."
    words = {
        ABOVE: "an excess remains",
        BELOW: "a deficit remains",
        NEITHER: "no significant difference",
        UNKNOWN: "too few pseudogenes for an interval",
    }
    said = []
    for row in rows:
        ends = (row["ci_low"], row["ci_high"])
        how = verdict(*ends)
        ratio = f"{row['ratio']:.2f}"
        number = ratio if how == UNKNOWN else f"{ratio}, {_interval(*ends)}"
        said.append(f"{row['strand']}, {words[how]} ({number})")
    return f"With {matched} matched: {'; '.join(said)}."


# ------------------------------------------------------------------------------- false positives

ANY, BARE, TRUE = "any of these", "boxes, but no other evidence", "true start site"
"""Kinds of evidence that sentences name."""


class Novel(NamedTuple):
    """Predicted sites that the labels lack, and the evidence near them."""

    sites: pd.DataFrame
    """position (0-based), strand, output."""
    supported: pd.DataFrame
    """`candidates.support`."""
    evidence: dict[str, NDArray[np.bool_]]
    """Kind of evidence -> where it is near, shape (2, L)."""
    places: NDArray[np.int8]
    """Where each nucleotide lies among the genes, `gene_context.places`."""
    kind: NDArray[np.int64]
    """Kind of each position, `candidates.strata`."""
    block: NDArray[np.int64]
    """Units of resampling, `bootstrap.blocks`."""
    finding: Finding


def novel(out: Output, predicted: Predicted, opposite: Opposite, p: Checked) -> Novel:
    """Ask what evidence there is near the predicted sites that the labels lack."""
    places = gene_context.places(out.study.features, out.length)
    kind = candidates.strata(out.study.genome, places)
    evidence = _evidence(out, predicted, opposite, p)
    sites = predicted.sites[~predicted.sites["known"]].reset_index(drop=True)
    block = bootstrap.blocks(out.inside, p.block)
    supported = candidates.support(
        sites, evidence, out.inside & ~predicted.known, kind,
        block=block, n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed,
    )  # fmt: skip
    said = say_novel(supported, predicted.threshold)
    return Novel(sites, supported, evidence, places, kind, block, Finding(said))


def _evidence(
    out: Output, predicted: Predicted, opposite: Opposite, p: Checked
) -> dict[str, NDArray[np.bool_]]:
    """Where each kind of evidence is near, shape (2, L), that the labels were not made of."""
    study, length = out.study, out.length
    marks: dict[str, Any] = {"tolerance": p.tolerance, "circular": out.circular}
    reported = _not_curated(out, marks)
    if study.published:
        files = datasets.fetch_all(["drnaseq", "regulondb"])
        reported["RegulonDB, weak evidence"] = read_regulondb(
            files["regulondb"], length, levels=["Weak"]
        )
        reported["dRNA-seq"] = read_drnaseq(files["drnaseq"], length)
    evidence = {name: candidates.near(one, length, **marks) for name, one in reported.items()}
    none = np.zeros_like(predicted.known)
    evidence[ANY] = np.any(list(evidence.values()) or [none], axis=0)
    if study.elements is not None:
        truth = study.elements.rename(columns={"tss_position": "position"})
        evidence[TRUE] = candidates.near(truth, length, **marks)
    of_sites = promoter_boxes.describe(study.genome, opposite.whole, opposite.boxes)["boxes_bits"]
    promoter = promoter_boxes.scores(study.genome, opposite.boxes) >= of_sites.median()
    return {**evidence, "boxes of a promoter": promoter, BARE: promoter & ~evidence[ANY]}


def _not_curated(out: Output, marks: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Each source's sites that have no curated one near, where it has any."""
    by_source = {
        f"{source_name(str(source))}, not curated": candidates.not_taken(
            one, out.curated, out.length, **marks
        )
        for source, one in out.study.sites.groupby("source", sort=True)
    }
    return {name: sites for name, sites in by_source.items() if len(sites)}


def say_novel(supported: pd.DataFrame, threshold: peaks.Threshold) -> str:
    """Say how many predicted sites that the labels lack have evidence elsewhere.

    Parameters
    ----------
    supported : DataFrame
        `candidates.support`.
    threshold : Threshold
        Of the predicted sites, the known ones among them.
    """
    one, bare = (_row(supported, "evidence", name) for name in (ANY, BARE))
    if not one["n"]:
        return "Every predicted site is known, so there is no false positive to ask about."
    n = int(one["n_supported"])
    if not one["chance"]:
        return (
            f"There are **{int(one['n']):,} novel sites** (precision {threshold.precision:.2f} by "
            "the curated set), but no evidence outside of the curation to compare them with. "
            f"{int(bare['n_supported']):,} ({bare['share']:.0%}) have a promoter's boxes."
        )
    precision = (threshold.n_hits + n) / threshold.n_peaks
    said = (
        f"Of **{int(one['n']):,} novel sites** (precision {threshold.precision:.2f} by the curated "
        f"set), {n:,} ({one['share']:.0%}; {_interval(one['share_low'], one['share_high'], '.0%')})"
        f" have evidence outside of the curation, where {one['chance']:.0%} would by chance. If "
        f"these are counted as sites, the precision is {precision:.2f}. "
        f"{int(bare['n_supported']):,} ({bare['share']:.0%}) have a promoter's boxes, but no assay "
        "reports a transcript."
    )
    if TRUE in set(supported["evidence"]):
        true = int(_row(supported, "evidence", TRUE)["n_supported"])
        said += f" In truth {true:,} of the novel sites {'is a' if true == 1 else 'are'} "
        said += f"start site{'' if true == 1 else 's'}."
    return said


def ranked(out: Output, novel: Novel, opposite: Opposite, p: Checked) -> Finding:
    """List the novel sites of highest output with what is known about each; all in the file."""
    listed_evidence = _listed(out, novel.evidence)
    found = candidates.ranked(
        novel.sites, out.study.genome, out.study.features, novel.places, opposite.boxes,
        listed_evidence, n=p.n_candidates,
    )  # fmt: skip
    return Finding(table(candidate_rows(found)), {"candidates": found})


def _listed(out: Output, evidence: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Evidence by its column in the list; tables that may not be passed on stand together."""
    sources = out.study.sites["source"].unique()
    names = {f"{source_name(one)}, not curated": one for one in sources}
    names |= {ANY: "any_evidence", TRUE: "true_site"}
    found = {names[name]: mask for name, mask in evidence.items() if name in names}
    if out.study.published:
        found.pop("regulondb", None)
        closed = [mask for name, mask in evidence.items() if "RegulonDB" in name or "dRNA" in name]
        found["regulondb_or_drnaseq"] = np.any(closed, axis=0)
        found["any_evidence"] = found.pop("any_evidence")
    return found


def candidate_rows(found: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """Write the best rows of the list as texts."""
    shown = found.head(n).drop(columns=["box_10_offset", "gene_distance"])
    numbers = _texts(shown, {"output": ("output", ".2g"), "boxes_bits": ("boxes_bits", ".1f")})
    return shown.assign(output=list(numbers["output"]), boxes_bits=list(numbers["boxes_bits"]))


# ----------------------------------------------------------------------------- inside operons


class Internal(NamedTuple):
    """Predicted sites inside operons beside RegulonDB's internal promoters."""

    supported: pd.DataFrame
    """`candidates.support`, one row."""
    finding: Finding


def internal(out: Output, predicted: Predicted, novel: Novel, p: Checked) -> Internal:
    """Compare the predicted sites inside operons of several genes with RegulonDB's promoters."""
    where = gene_context.internal_to_operons(out.study.operons, out.length) & out.inside
    within = predicted.sites[_at(where, predicted.sites)]
    regulon = out.study.sites[out.study.sites["source"] == "regulondb"]
    marks: dict[str, Any] = {"tolerance": p.tolerance, "circular": out.circular}
    supported = candidates.support(
        within,
        {"RegulonDB promoter": candidates.near(regulon, out.length, **marks)},
        where,
        novel.kind,
        block=novel.block,
        n_bootstrap=p.n_bootstrap,
        level=p.level,
        seed=p.seed,
    )
    promoters = regulon[_at(where, regulon)]
    hit = _at(candidates.near(predicted.sites, out.length, **marks), promoters)
    recall = peaks.proportion(int(hit.sum()), len(hit), p.level)
    both = pd.concat(
        [
            novel.supported.assign(of="novel sites"),
            supported.assign(of="predicted sites inside operons"),
        ]
    )
    said = say_internal(dict(supported.iloc[0]), len(hit), recall)
    return Internal(supported, Finding(said, {"output_support": both}))


def say_internal(
    one: Mapping[str, Any], n_promoters: int, recall: tuple[float, float, float]
) -> str:
    """Say how many predicted sites inside operons are known internal promoters, and the reverse.

    Parameters
    ----------
    one : mapping
        The row of `candidates.support`.
    n_promoters : int
        Internal promoters that RegulonDB lists in the test part.
    recall : tuple of float
        Share of these that are predicted, with its interval.
    """
    n = int(one["n"])
    if not n:
        return "No predicted site lies inside an operon of several genes."
    match = "matches" if int(one["n_supported"]) == 1 else "match"
    said = (
        f"{n:,} predicted {'site lies' if n == 1 else 'sites lie'} inside operons of several "
        f"genes. **{int(one['n_supported']):,}** of them ({one['share']:.0%}; "
        f"{_interval(one['share_low'], one['share_high'], '.0%')}) {match} an internal promoter "
        f"of RegulonDB, where {one['chance']:.1%} would by chance"
    )
    if np.isfinite(one["ci_low"]):
        ratio = _interval(one["ci_low"], one["ci_high"], ".0f")
        said += f": **{one['ratio']:.0f} times** as many ({ratio})"
    if not n_promoters:
        return f"{said}. RegulonDB lists no internal promoter here."
    share, low, high = recall
    return (
        f"{said}. Of RegulonDB's {n_promoters:,} internal promoters here, {share:.0%} "
        f"({_interval(low, high, '.0%')}) are predicted at this threshold."
    )


# -------------------------------------------------------------------------------------- in short


def in_short(
    regions: Regions,
    around: AroundSites,
    opposite: Opposite,
    shuffled: Shuffled,
    novel: Novel,
) -> Finding:
    """Answer the chapter's question in three sentences, and say what they rest on."""
    return Finding(
        f"{short_places(regions.table, around.extremes)} "
        f"{short_opposite(opposite.tops, shuffled.changes)} {short_novel(novel.supported)} "
        "All this is the output of one model on the test part. The bands resample sites as if "
        "they were independent and are somewhat too narrow; a shuffled promoter says what the "
        "model reads, not what the polymerase does; and evidence that is frequent at the novel "
        "sites makes no single one of them true."
    )


def short_places(regions: pd.DataFrame, extremes: pd.DataFrame) -> str:
    """Say in which region the median output is highest, and where it peaks around start sites."""
    at = extremes[extremes["site_class"] == "TSSs"]
    sense, other = (_row(at, "strand", relation) for relation in ("sense", "antisense"))
    said = (
        f"around start sites the output peaks at {position_name(sense['peak_offset'])} on their "
        f"own strand and at {position_name(other['peak_offset'])} on the opposite one "
        f"({sense['peak_ratio']:.3g} and {other['peak_ratio']:.3g} times the median of the whole "
        "test part)."
    )
    shown = regions[
        (regions["region"] != region_levels.HIGHEST_IN_GAPS) & (regions["ratio_low"] > 1)
    ]
    if shown.empty:
        return f"In no class of regions is the output shown to be high; {said}"
    best = shown.loc[[shown["ratio"].idxmax()]]
    name, row = _in(region_levels.labels(best)[0]), dict(best.iloc[0])
    ratio = with_interval(row["ratio"], row["ratio_low"], row["ratio_high"], ".2f")
    return (
        f"Of all regions the median output is highest {name}, {ratio} times that of the whole "
        f"test part; {said}"
    )


def _in(region: str) -> str:
    """Put a region's name behind its preposition."""
    return region if region.startswith("between") else f"in the class *{region}*"


def short_opposite(tops: pd.DataFrame, changes: pd.DataFrame) -> str:
    """Say why the opposite strand's output rises, as far as it is shown."""
    one = _row(tops, "group", "alone")
    if verdict(one["ci_low"], one["ci_high"]) != ABOVE:
        return "An opposite peak without a neighbouring start site is not shown."
    there = (
        "Without a neighbouring start site the opposite peak is still "
        f"{with_interval(one['ratio'], one['ci_low'], one['ci_high'], '.1f')} times the median"
    )
    rows = changes[changes["edit"] == antisense.EDITS[1].name].to_dict("records")
    ends = [(row["ci_low"], row["ci_high"]) for row in rows]
    if all(verdict(*one) == BELOW for one in ends):
        left = listed(
            f"{with_interval(row['ratio'], row['ci_low'], row['ci_high'], '.2g')} on the "
            f"{row['strand']} strand"
            for row in rows
        )
        return (
            f"{there}, and shuffling the -10 region alone leaves {left}: one sequence, read on "
            "each strand by itself, makes both peaks."
        )
    return f"{there}; that the -10 region makes both peaks is not shown."


def short_novel(supported: pd.DataFrame) -> str:
    """Say whether the false positives are errors of the labels, as far as evidence shows."""
    one = _row(supported, "evidence", ANY)
    if not one["n"]:
        return "No predicted site is novel."
    if not one["chance"]:
        return (
            f"For {int(one['n']):,} predicted sites that the labels lack there is no other "
            "evidence, so whose errors they are stays open."
        )
    share = with_interval(one["share"], one["share_low"], one["share_high"], ".0%")
    more = verdict(one["ci_low"], one["ci_high"]) == ABOVE
    return (
        f"Of {int(one['n']):,} predicted sites that the labels lack, {share} have evidence "
        f"elsewhere, against {one['chance']:.0%} by chance: "
        + (
            "many false positives are gaps in the labels."
            if more
            else "that false positives are gaps in the labels is not shown."
        )
    )
