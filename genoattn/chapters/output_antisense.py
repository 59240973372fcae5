"""Steps of the chapter output: why the output rises on the strand opposite to a start site.

Offsets count from the site along its strand and are 0 at the site.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import output_antisense_words as words
from genoattn.chapters.output_sites import AroundSites, Output
from genoattn.evaluation import statistics
from genoattn.genome.sites import output_around
from genoattn.interventions import shuffles
from genoattn.model import scanner
from genoattn.model.annotator import Annotator
from genoattn.output import antisense
from genoattn.output.around import median_profiles, whole_window_inside
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding, folded, table

__all__ = ["Mirrored", "Opposite", "Shuffled", "mirrored", "opposite", "shuffled"]


# ---------------------------------------------------------------------------- the other strand


class Opposite(NamedTuple):
    """Start sites by what lies on the other strand, and that strand's output around them."""

    by_group: pd.DataFrame
    """`around.median_profiles` of the groups of `antisense.GROUPS`."""
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
    boxes: scanner.Boxes | None
    """Matrices of the promoter boxes, fitted to the training part's sites."""
    finding: Finding


def opposite(out: Output, around: AroundSites, p: Checked) -> Opposite:
    """Sort start sites by what lies on the other strand, those alone by their mirror score.

    Nothing of another task than the paper's.
    """
    if not out.study.asks("other strand"):
        none = pd.DataFrame()
        return Opposite(none, none, none, none, none, np.empty(0), 0, (0, 0), None, Finding())
    whole, groups = _by_neighbours(out, p)
    alone, top = groups["alone"], antisense_top(around.extremes)
    window = (top - p.tolerance, top + p.tolerance)
    boxes = scanner.from_scanner(
        scanner.fit(out.study.genome, out.curated, out.model.split.mask("train"))
    )
    score = antisense.mirror_score(
        scanner.scores(out.study.genome, boxes, with_35=False), alone, window
    )
    options = {"flank": p.flank, "level": p.level}
    by_group = median_profiles(out.track, groups, **options)
    by_mirror = (
        median_profiles(out.track, antisense.thirds(alone, score), **options)
        if len(alone)
        else by_group.iloc[:0]
    )
    tops = antisense.group_peaks(by_group, window, out.baseline)
    close = pd.concat([by_group, by_mirror])
    results = {"output_antisense": close[close["offset"].abs() <= p.reach]}
    rows = folded("The peak of each group", table(words.top_rows(tops)))
    said = Finding(f"{words.say_alone(tops)}\n\n{rows}", results)
    return Opposite(by_group, by_mirror, tops, whole, alone, score, top, window, boxes, said)


def _by_neighbours(out: Output, p: Checked) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Curated sites with their whole window in the test part, and their groups."""
    whole = whole_window_inside(out.curated, out.inside, p.flank, circular=out.circular)
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
    if not out.study.asks("other strand"):
        return Mirrored(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), Finding())
    alone, window = opposite.alone, opposite.window
    at_alone, at_random = (
        antisense.highest(output_around(out.track, sites, p.reach), p.reach, p.tolerance, window)
        for sites in (alone, _random_places(out, p))
    )
    correlated = _correlations(opposite.score, at_alone, p)
    highest = output_around(out.track, alone, p.reach).antisense.argmax(axis=1) - p.reach
    inside = (highest >= window[0]) & (highest <= window[1])
    share = statistics.proportion(int(inside.sum()), len(alone), p.level)
    said = (
        f"{words.say_height(at_alone['antisense'], at_random['antisense'])} "
        f"{words.say_mirrored(share, opposite.top, p.tolerance, p.reach)} "
        f"{words.say_correlated(correlated)}"
        f"\n\n{folded('Rank correlations', table(words.mirror_rows(correlated)))}"
        if len(alone)
        else "No start site is alone, so there is nothing to correlate."
    )
    return Mirrored(at_alone, at_random, correlated, Finding(said, {"output_mirror": correlated}))


def _random_places(out: Output, p: Checked) -> pd.DataFrame:
    """Random positions and strands with their whole close-up in the test part."""
    places = antisense.random_sites(out.inside, N_RANDOM, p.seed)
    return whole_window_inside(places, out.inside, p.reach, circular=out.circular)


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
            (name, len(other), *statistics.rank_correlation_interval(*three, **options))
            for name, three in tests.items()
        ],
        columns=["quantities", "n", "spearman", "ci_low", "ci_high"],
    )


# ------------------------------------------------------------------------------------- shuffles


class Shuffled(NamedTuple):
    """What is left of both strands' outputs when stretches of the promoter are shuffled."""

    changes: pd.DataFrame
    """`antisense.changes`."""
    floor: dict[str, float]
    """Strand -> output of random places over that of these sites; NaN without a site."""
    finding: Finding
    share: float = float("nan")
    """Of the sites that are alone, those with an antisense peak."""


def shuffled(out: Output, opposite: Opposite, mirrored: Mirrored, p: Checked) -> Shuffled:
    """Shuffle promoters of sites that are alone and have an antisense peak, and read them again.

    A site has an antisense peak where its output in the window is higher than that of nine in
    ten random places. Nothing of another task.
    """
    if not out.study.asks("other strand"):
        return Shuffled(pd.DataFrame(), {}, Finding())
    limit = mirrored.at_random["antisense"].quantile(1 - words.HAVE_BY_CHANCE)
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
    share = float(has_peak.mean())
    said = (
        f"{words.say_chosen(share, len(chosen))}\n"
        f"{words.say_shuffled(changes)}\n\n"
        f"{folded('What is left after each shuffle', table(words.change_rows(changes)))}\n"
        f"{words.say_explained(opposite.tops, changes, share)}"
        if len(chosen)
        else "No site that is alone has an antisense peak, so nothing was shuffled."
    )
    return Shuffled(changes, floor, Finding(said, {"output_shuffles": changes}), share)


def _after(
    out: Output, sites: pd.DataFrame, window: tuple[int, int], p: Checked
) -> dict[str, pd.DataFrame]:
    """Highest outputs of the sites after each of `shuffles.EDITS`."""
    network = cast(Annotator, out.model.network)  # whatever reads a strand will do
    return {
        edit.name: antisense.highest(
            shuffles.edited_output(
                network, out.study.genome, sites, edit, flank=p.reach, seed=p.seed + number
            ),
            p.reach,
            p.tolerance,
            window,
        )
        for number, edit in enumerate(shuffles.EDITS)
    }
