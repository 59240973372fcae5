"""What the chapter output says of regions, of known and predicted sites: frames in, text out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from genoattn import paper
from genoattn.chapters.output_intervals import (
    ABOVE,
    BELOW,
    NEITHER,
    UNKNOWN,
    interval,
    intervals,
    texts,
    verdict,
)
from genoattn.evaluation import calls
from genoattn.genome.sites import position_name
from genoattn.output.around import class_name
from genoattn.output.regions import HIGHEST_IN_GAPS, labels
from genoattn.study.report import listed, signed, table
from genoattn.study.statements import shown

# ---------------------------------------------------------------------------------- the output


def say_output(weights: str, name: str, n: int, baseline: float, published: bool) -> str:
    """Say whose output it is, on how many nucleotides, and what can be compared between models."""
    theirs = f" (the paper's model: {paper.REGION_MEDIANS['test_set']})" if published else ""
    return (
        f"Output of the model **{weights}** on the test part of {name}: {2 * n:,} positions on "
        f"both strands, median **{baseline:.2g}**{theirs}. The scale of an output depends on how "
        "a model was trained (loss, share of start sites), so the outputs of two models cannot be "
        "compared. What can be compared is the *percentile*, the share of the test part's "
        "positions whose output is lower. The ratio to the test part's median can be compared in "
        "its direction only (above or below 1), as its size still depends on how a model was "
        "trained."
    )


# --------------------------------------------------------------------------------------- regions


def say_regions(regions: pd.DataFrame) -> str:
    """Say which regions' medians lie above, below or neither of the whole part's.

    Parameters
    ----------
    regions : DataFrame
        `regions.beside_paper`, the whole part in the first row; the highest outputs of
        operon gaps are left out, as a maximum lies above a median by its nature.
    """
    shown = regions[regions["region"] != HIGHEST_IN_GAPS].iloc[1:]
    words = {
        ABOVE: "Higher than in the whole test part",
        BELOW: "Lower",
        NEITHER: "Not significantly different",
        UNKNOWN: "In too few blocks for an interval",
    }
    found: dict[str, list[str]] = {one: [] for one in words}
    for name, row in zip(labels(shown), shown.to_dict("records"), strict=True):
        ends = (row["ratio_low"], row["ratio_high"])
        how = verdict(*ends)
        number = f"{row['ratio']:.2f} times"
        found[how].append(
            f"{name} ({number if how == UNKNOWN else f'{number}, {interval(*ends)}'})"
        )
    said = [f"- **{words[how]}:** {'; '.join(names)}." for how, names in found.items() if names]
    return "\n".join(said) or "The test part has none of these regions."


def region_rows(regions: pd.DataFrame, level: float, published: bool) -> pd.DataFrame:
    """Write the table of regions as texts, the paper's values beside where it is its genome."""
    few, rank = "too few blocks", ["percentile", "percentile_low", "percentile_high"]
    rows = texts(
        regions,
        {
            "region": ("region", ""),
            "strand": ("strand", ""),
            "nt": ("n_nt", ","),
            "median": ("median", ".2g"),
            "ratio": ("ratio", ".2f"),
        },
    )
    rows.insert(4, f"{level:.0%} interval", intervals(regions, ["ci_low", "ci_high"], ".2g", few))
    rows["percentile"] = intervals(regions, rank, ".0f", few)
    if published:
        theirs = {"paper: median": ("paper_value", "g"), "paper: ratio": ("paper_ratio", ".2f")}
        rows = pd.concat([rows, texts(regions, theirs)], axis=1)
    return rows


# ---------------------------------------------------------------------------------- around sites


def level_rows(levels: pd.DataFrame, baseline: float, level: float) -> pd.DataFrame:
    """Write the table of levels as texts, as multiples of the whole part's median."""
    limits = ["median", "ci_low", "ci_high"]
    times = levels[limits] / baseline
    named = levels.assign(**times, site_class=levels["site_class"].map(class_name))
    rows = texts(
        named,
        {
            "sites": ("site_class", ""),
            "n": ("n", ","),
            "strand": ("strand", ""),
            "times the whole part": ("median", ".2f"),
        },
    )
    return rows.assign(
        **{f"{level:.0%} interval": intervals(named, limits[1:], ".2f", "too few sites")}
    )


def extreme_rows(extremes: pd.DataFrame) -> pd.DataFrame:
    """Write the table of highest and lowest points as texts; the site is at +1."""
    named = extremes.assign(
        site_class=extremes["site_class"].map(class_name),
        peak=extremes["peak_offset"].map(position_name),
        dip=extremes["dip_offset"].map(position_name),
    )
    return texts(
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
        `around.window_levels`: each class on both strands.
    baseline : float
        Median output of the whole part.
    missing : iterable of str
        Classes without a site whose whole window lies in the part.
    """
    words = {
        (True, True): "Raised on both strands are the surroundings of these classes:",
        (True, False): "Raised on the sense strand, and not shown to be on the other:",
        (
            False,
            True,
        ): "Raised on the antisense strand, and not shown to be on the other:",
        (False, False): "Not shown to be raised:",
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


def say_strands(strands: pd.DataFrame) -> str:
    """Say in which windows the strands agree most, beside chance."""
    best = dict(strands.loc[strands["spearman"].idxmax()])
    return (
        "The rank correlation of the two strands is highest in windows of "
        f"{int(best['width'])} nt, {best['spearman']:.2f}, where {best['chance']:.2f} is found by "
        "chance."
    )


def say_statements(statements: pd.DataFrame) -> str:
    """Say how many of the paper's statements hold, and list all.

    Parameters
    ----------
    statements : DataFrame
        `statements.output_statements`.
    """
    n = statements["holds"].value_counts()
    yes, no, open_ = (int(n.get(word, 0)) for word in ("yes", "no", "undecided"))
    parts = [f"{yes} {'holds' if yes == 1 else 'hold'}"]
    if no:
        parts.append(f"{no} {'does' if no == 1 else 'do'} not")
    if open_:
        parts.append(f"{open_} {'is' if open_ == 1 else 'are'} not shown")
    why = (
        " *Not shown* is what an interval neither supports nor contradicts, or what has too few "
        "places in the test part: it may hold."
        if open_
        else ""
    )
    rows = table(shown(statements), "Each statement of the paper, and what is found here")
    return f"Of the paper's {len(statements)} statements {listed(parts)}.{why}\n{rows}"


# ------------------------------------------------------------------------------ predicted sites


def say_predicted(
    threshold: calls.Threshold, shifts: pd.DataFrame, asked: float, tolerance: int
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
            f"{exact['share']:.0%} of all ({interval(exact['ci_low'], exact['ci_high'], '.0%')}) "
            f"lie exactly at a curated site, against {exact['chance']:.2%} of random positions. "
            f"For the predicted sites within {tolerance} nt of a curated one, the median distance "
            f"is {middle} nt (quartiles {first} and {last} nt; positive is downstream)."
        )
    return f"{said} Scores at a coarser resolution, by *k*-mers, are in the chapter on training."
