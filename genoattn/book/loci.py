"""A dozen telling places of a genome, chosen by rule and told in numbers; frames and arrays only.

Each rule looks at the part of the genome that it is given (the test part), takes what is most
marked there (the pair of start sites with the highest outputs, the pseudogene whose two outputs
are most raised, ...), and writes one sentence about it. A rule that finds nothing gives no place.
The rules never look at a genome's or a gene's name, so that another run, genome or model has its
own dozen. The first ones are kinds that the paper shows in Supplementary Figure S11: sites that
face each other, an operon with a start inside, a pseudogene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from genoattn.evaluation.calls import find_peaks
from genoattn.genome.regions import names
from genoattn.genome.sequence import STRANDS
from genoattn.genome.sites import near, site_track, values_at
from genoattn.study.inputs import StudyInputs

__all__ = ["NEAR", "PAIR", "RULES", "Ground", "Place", "choose"]


NEAR = 5
"""A peak and a site at most this many nt apart on one strand are the same, as in the curation."""

ALONE = 50
"""A peak without a site of any source within this many nt on its strand is a novel candidate."""

PAIR = 300
"""Two start sites on opposite strands at most this many nt apart are a pair."""

AROUND = 1_500
"""Nucleotides shown on each side of what a place is about."""

_ROUND = 100  # windows begin and end at multiples of it
_GENES = ("gene", "pseudogene")
_WORD = {"+": "plus", "-": "minus"}


class Place(NamedTuple):
    """A stretch worth looking at.

    Attributes
    ----------
    key : str
        One word for links and file names.
    title, caption : str
        What it is; one sentence about it.
    start, end : int
        Window to show, 0-based half-open.
    """

    key: str
    title: str
    start: int
    end: int
    caption: str


class Ground:
    """What the rules look at.

    Attributes
    ----------
    track : float array, shape (2, L)
        Output; -inf outside the part.
    high : float array, shape (2, L)
        Highest output within `NEAR` nt on the strand.
    sites : DataFrame
        Curated sites of the part: ``position``, ``strand``, ``votes`` and ``output`` (``high``
        there).
    peaks : DataFrame
        The highest peaks, as many as there are sites: ``position``, ``strand``, ``output``,
        ``curated`` (a curated site is near) and ``reported`` (any source's site is within
        `ALONE` nt).
    median : float
        Median output of the part.
    taken : set of (int, int)
        Windows of places that were chosen before.
    """

    def __init__(
        self,
        study: StudyInputs,
        curated: pd.DataFrame,
        track: NDArray[np.floating],
        inside: NDArray[np.bool_],
    ) -> None:
        self.study, self.length = study, len(study.genome)
        self.inside = inside & np.isfinite(track).all(axis=0)
        if not self.inside.any():
            raise ValueError("no position of the part has an output on both strands")
        self._outside = np.concatenate([[0], np.cumsum(~self.inside)])
        self.track = np.where(self.inside, track, -np.inf)
        self.high = maximum_filter1d(
            self.track, 2 * NEAR + 1, axis=1, mode="constant", cval=-np.inf
        )
        known = curated[self.inside[curated["position"]]].reset_index(drop=True)
        self.sites = known.assign(output=values_at(self.high, known))
        self.peaks = self._peaks()
        self.median = float(np.median(track[:, self.inside]))
        self.taken: set[tuple[int, int]] = set()

    def _peaks(self) -> pd.DataFrame:
        """The highest local maxima, with what is known near them."""
        values = self.track[:, self.inside].ravel()
        some = min(values.size, 50 * max(len(self.sites), 1))  # positions that hold enough peaks
        least = float(np.partition(values, values.size - some)[values.size - some])
        found = find_peaks({"": self.track}, least, apart=2 * NEAR)
        found = found.nlargest(max(len(self.sites), 1), "output", keep="first")
        found = found.reset_index(drop=True)
        curated, reported = (
            values_at(near(sites, self.length, reach, circular=False), found)
            for sites, reach in ((self.sites, NEAR), (self.study.sites, ALONE))
        )
        return found.assign(curated=curated, reported=reported)

    def holds(self, start: int, end: int) -> bool:
        """Whether a window lies in the part as a whole."""
        return 0 <= start < end <= self.length and self._outside[start] == self._outside[end]

    def window(self, start: int, end: int) -> tuple[int, int] | None:
        """The window around a stretch, rounded outwards; None where it leaves the part."""
        first = (start - AROUND) // _ROUND * _ROUND
        last = -((-end - AROUND) // _ROUND) * _ROUND
        return (first, last) if self.holds(first, last) else None

    def room(self, width: int) -> NDArray[np.int64]:
        """Where stretches of a width begin whose window surely lies in the part."""
        margin = AROUND + _ROUND
        start = np.arange(margin, self.length - width - margin + 1)
        whole = self._outside[start - margin] == self._outside[start + width + margin]
        return start[whole]

    def where(self, position: int) -> str:
        """The gene at a position, or the two beside it, as Markdown."""
        genes = self.study.features
        genes = genes[genes["type"].isin(_GENES)].reset_index(drop=True)
        if genes.empty:
            return f"at {position + 1:,}"
        name = names(genes)
        over = (position - genes["start"]) % self.length < genes["end"] - genes["start"]
        if over.any():
            return f"in *{name[over.idxmax()]}*"
        round_the_end = self.length if self.study.genome.circular else np.inf
        left, right = position - genes["end"], genes["start"] - position
        gaps = [gap.where(gap >= 0, gap + round_the_end) for gap in (left, right)]
        beside = dict.fromkeys(name[gap.idxmin()] for gap in gaps if np.isfinite(gap.min()))
        shown = " and ".join(f"*{one}*" for one in beside)
        return f"between {shown}" if len(beside) == 2 else f"beside {shown}"

    def first(self, frame: pd.DataFrame) -> tuple[Any, tuple[int, int]] | None:
        """The first row, by ``start`` and ``end``, whose window lies in the part."""
        for row in _rows(frame):
            window = self.window(row.start, row.end)
            if window:
                return row, window
        return None


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a frame, as tuples with the columns' names."""
    return frame.itertuples(index=False)


def _stretch(sites: pd.DataFrame) -> pd.DataFrame:
    """Give sites a ``start`` and ``end`` of their own nucleotide."""
    return sites.assign(start=sites["position"], end=sites["position"] + 1)


def _number(value: float) -> str:
    return f"{value:.2g}"


def _pairs(ground: Ground, left: str) -> pd.DataFrame:
    """Nearby sites on opposite strands, the one on strand ``left`` at the lower coordinate."""
    sites = ground.sites.sort_values("position", kind="stable")
    lower, upper = sites[sites["strand"] == left], sites[sites["strand"] != left]
    place = upper["position"].to_numpy()
    rows = []
    for one in _rows(lower):
        begin, stop = np.searchsorted(place, [one.position + 1, one.position + PAIR + 1])
        for other in _rows(upper.iloc[begin:stop]):
            lesser = min(one.output, other.output)
            rows.append((one.position, other.position + 1, one.output, other.output, lesser))
    frame = pd.DataFrame(rows, columns=["start", "end", "output", "other", "lesser"])
    return frame.sort_values("lesser", ascending=False, kind="stable")


def head_on(ground: Ground) -> Place | None:
    """Two start sites that face each other, both outputs high."""
    found = ground.first(_pairs(ground, "+"))
    if not found:
        return None
    row, window = found
    return Place(
        "head-on",
        "Start sites head on",
        *window,
        f"Two start sites on opposite strands face each other over "
        f"{row.end - 1 - row.start} nt {ground.where(row.start)}, so that "
        f"transcription from one runs into the other; the output reaches "
        f"{_number(row.output)} on the plus strand and {_number(row.other)} on the minus "
        "strand.",
    )


def divergent(ground: Ground) -> Place | None:
    """Two start sites back to back, both outputs high."""
    found = ground.first(_pairs(ground, "-"))
    if not found:
        return None
    row, window = found
    return Place(
        "divergent",
        "Divergent promoters",
        *window,
        f"Two start sites lie back to back, {row.end - 1 - row.start} nt apart, "
        f"{ground.where(row.start)}; the output reaches {_number(row.output)} on the "
        f"minus strand and {_number(row.other)} on the plus strand.",
    )


def operon_start(ground: Ground) -> Place | None:
    """An operon of three genes or more with a start site after the start of its second gene."""
    study = ground.study
    if study.operons.empty:
        return None
    genes = study.features[study.features["type"].isin(_GENES)]
    operons = study.operons[study.operons["genes"].str.count(";") >= 2]
    rows = []
    for operon in _rows(operons):
        own = genes[
            (genes["strand"] == operon.strand)
            & (genes["start"] >= operon.start)
            & (genes["end"] <= operon.end)
        ]
        if len(own) < 3:
            continue
        ordered = own.sort_values("start", ascending=operon.strand == "+")
        border = ordered.iloc[0]["end" if operon.strand == "+" else "start"]
        span = (border, operon.end) if operon.strand == "+" else (operon.start, border)
        here = ground.sites[
            (ground.sites["strand"] == operon.strand)
            & (ground.sites["position"] >= span[0])
            & (ground.sites["position"] < span[1])
        ]
        if len(here):
            best = here.loc[here["output"].idxmax()]
            row = (operon.start, operon.end, operon.name, len(own), best["position"])
            rows.append((*row, best["output"], len(here)))
    columns = ["start", "end", "name", "n_genes", "position", "output", "n_sites"]
    frame = pd.DataFrame(rows, columns=columns)
    found = ground.first(frame.sort_values("output", ascending=False, kind="stable"))
    if not found:
        return None
    row, window = found
    count = "one start site" if row.n_sites == 1 else f"{row.n_sites} start sites"
    return Place(
        "operon",
        "An operon with a start inside",
        *window,
        f"The operon *{row.name}* of {row.n_genes} genes has {count} after its first gene; "
        f"the strongest, {ground.where(row.position)}, has an output of "
        f"{_number(row.output)}.",
    )


def pseudogene(ground: Ground) -> Place | None:
    """The pseudogene of 300 nt or more whose output is most raised, on both strands."""
    features = ground.study.features
    chosen = features[features["type"] == "pseudogene"]
    chosen = chosen[chosen["end"] - chosen["start"] >= 300]
    chosen = chosen.assign(name=names(chosen))
    rows = []
    for one in _rows(chosen):
        if ground.holds(one.start, one.end):
            row = STRANDS.index(one.strand)
            medians = np.median(ground.track[:, one.start : one.end], axis=1)
            rows.append((one.start, one.end, one.name, medians[row], medians[1 - row]))
    frame = pd.DataFrame(rows, columns=["start", "end", "name", "sense", "antisense"])
    frame["lesser"] = frame[["sense", "antisense"]].min(axis=1)
    found = ground.first(frame.sort_values("lesser", ascending=False, kind="stable"))
    if not found:
        return None
    row, window = found
    return Place(
        "pseudogene",
        "A pseudogene",
        *window,
        f"Over the pseudogene *{row.name}*, the median output is "
        f"{row.sense / ground.median:.1f} times that of the whole part on its own strand and "
        f"{row.antisense / ground.median:.1f} times on the other one, the most of all "
        "pseudogenes by the lower of the two.",
    )


def _terminator(ground: Ground, kinds: set[str], key: str, title: str, word: str) -> Place | None:
    """The terminator of a kind that most sources report, then the one of highest antisense."""
    table = ground.study.terminators
    table = table[table["kind"].isin(kinds)]
    rows = []
    for one in _rows(table):
        window = (one.position - 100, one.position + 101)
        if not ground.holds(*window):
            continue
        every = ground.study.terminators
        same = every[
            (every["strand"] == one.strand) & ((every["position"] - one.position).abs() <= 20)
        ]
        row = STRANDS.index(one.strand)
        top = ground.track[:, slice(*window)].max(axis=1)
        rows.append((*window, same["source"].nunique(), top[row], top[1 - row], one.strand))
    columns = ["start", "end", "n_sources", "sense", "antisense", "strand"]
    frame = pd.DataFrame(rows, columns=columns)
    found = ground.first(frame.sort_values(["n_sources", "antisense"], ascending=False))
    if not found:
        return None
    row, window = found
    sources = "one source" if row.n_sources == 1 else f"{row.n_sources} sources"
    return Place(
        key,
        title,
        *window,
        f"{word} on the {_WORD[row.strand]} strand {ground.where(row.start + 100)}, "
        f"reported by {sources}; within 100 nt the output reaches {_number(row.antisense)} on "
        f"the opposite strand and {_number(row.sense)} on its own.",
    )


def intrinsic_terminator(ground: Ground) -> Place | None:
    """An intrinsic (rho-independent) terminator."""
    return _terminator(
        ground,
        {"intrinsic", "rho-independent"},
        "terminator",
        "An intrinsic terminator",
        "A terminator that needs no protein",
    )


def rho_terminator(ground: Ground) -> Place | None:
    """A rho-dependent terminator."""
    return _terminator(
        ground,
        {"rho-dependent"},
        "rho",
        "A rho-dependent terminator",
        "A terminator that needs the factor rho",
    )


def strongest(ground: Ground) -> Place | None:
    """The curated site of highest output."""
    sites = ground.sites.sort_values("output", ascending=False, kind="stable")
    found = ground.first(_stretch(sites))
    if not found:
        return None
    row, window = found
    return Place(
        "surest",
        "The surest start",
        *window,
        f"The curated start site of highest output, {_number(row.output)}, "
        f"{row.output / ground.median:,.0f} times the median of the whole part, lies "
        f"{ground.where(row.position)} on the {_WORD[row.strand]} strand.",
    )


def missed(ground: Ground) -> Place | None:
    """The site that most sources agree on and that the model sees least."""
    sites = ground.sites.sort_values(
        ["votes", "output"], ascending=[False, True], kind="stable", ignore_index=True
    )
    found = ground.first(_stretch(sites))
    if not found:
        return None
    row, window = found
    votes = "one source votes" if row.votes == 1 else f"{row.votes} sources vote"
    return Place(
        "missed",
        "A start that the model misses",
        *window,
        f"For this start site {ground.where(row.position)} on the {_WORD[row.strand]} "
        f"strand {votes}, as many as for any, yet of all such sites it has the lowest output, "
        f"{_number(row.output)} within {NEAR} nt.",
    )


def false_positive(ground: Ground) -> Place | None:
    """The highest peak that is no curated site although some source has one nearby."""
    peaks = ground.peaks[~ground.peaks["curated"] & ground.peaks["reported"]]
    found = ground.first(_stretch(peaks))
    if not found:
        return None
    row, window = found
    return Place(
        "false-positive",
        "A high false positive",
        *window,
        f"The peak of {_number(row.output)} {ground.where(row.position)} on the "
        f"{_WORD[row.strand]} strand has no curated site within {NEAR} nt and counts as an "
        f"error, but a source reports a start within {ALONE} nt.",
    )


def novel(ground: Ground) -> Place | None:
    """The highest peak without a site of any source nearby."""
    peaks = ground.peaks[~ground.peaks["reported"]]
    found = ground.first(_stretch(peaks))
    if not found:
        return None
    row, window = found
    rank = int((ground.peaks["output"] > row.output).sum()) + 1
    return Place(
        "novel",
        "A novel candidate",
        *window,
        f"The peak of {_number(row.output)} {ground.where(row.position)} on the "
        f"{_WORD[row.strand]} strand, number {rank:,} of the part by output, has no start site "
        f"of any source within {ALONE} nt.",
    )


def antisense(ground: Ground) -> Place | None:
    """The highest peak inside a gene of the other strand, not within `PAIR` nt of its ends."""
    genes = ground.study.features
    genes = genes[genes["type"].isin(_GENES)]
    for peak in _rows(ground.peaks):
        inner = genes[
            (genes["strand"] != peak.strand)
            & (genes["start"] + PAIR <= peak.position)
            & (peak.position < genes["end"] - PAIR)
        ]
        window = ground.window(peak.position, peak.position + 1)
        if len(inner) and window and window not in ground.taken:
            known = "a curated start site" if peak.curated else "no curated start site"
            return Place(
                "antisense",
                "A start against a gene",
                *window,
                f"Inside *{names(inner).iloc[0]}*, on the opposite ({_WORD[peak.strand]}) "
                f"strand, the output peaks at {_number(peak.output)}, with {known} within "
                f"{NEAR} nt; both ends of the gene are at least {PAIR} nt away.",
            )
    return None


def crowd(ground: Ground) -> Place | None:
    """The 1,000 nt with most curated sites on both strands."""
    every = site_track(ground.sites, ground.length).sum(axis=0, dtype=np.int64)
    total = np.concatenate([[0], np.cumsum(every)])
    room = ground.room(1_000)
    if not room.size:
        return None
    count = total[room + 1_000] - total[room]
    start, n = int(room[count.argmax()]), int(count.max())
    window = ground.window(start, start + 1_000)
    if not window or not n:
        return None
    top = ground.track[:, start : start + 1_000].max(axis=1)
    return Place(
        "crowd",
        "Many starts together",
        *window,
        f"Most curated start sites of any 1,000 nt, {n}, lie "
        f"{ground.where(start + 500)}; the output reaches {_number(top[0])} on the "
        f"plus strand and {_number(top[1])} on the minus strand.",
    )


def quiet(ground: Ground) -> Place | None:
    """The 5,000 nt whose highest output, on either strand, is lowest."""
    width = 5_000
    room = ground.room(width)
    if not room.size:
        return None
    # the filter's window of an even width begins half of it before its place
    highest = maximum_filter1d(ground.track.max(axis=0), width)[room + width // 2]
    start, top = int(room[highest.argmin()]), float(highest.min())
    window = ground.window(start, start + width)
    if not window:
        return None
    return Place(
        "quiet",
        "A quiet stretch",
        *window,
        f"Over 5,000 nt {ground.where(start + width // 2)} the output of neither "
        f"strand exceeds {_number(top)}, the lowest maximum of any stretch of this length.",
    )


RULES: tuple[Callable[[Ground], Place | None], ...] = (
    head_on,
    operon_start,
    pseudogene,
    divergent,
    strongest,
    missed,
    false_positive,
    novel,
    antisense,
    intrinsic_terminator,
    rho_terminator,
    crowd,
    quiet,
)
"""In the order in which a reader meets them."""


def choose(
    study: StudyInputs,
    curated: pd.DataFrame,
    track: NDArray[np.floating],
    inside: NDArray[np.bool_],
) -> pd.DataFrame:
    """Choose the telling places of a part of the genome.

    Parameters
    ----------
    study : StudyInputs
    curated : DataFrame
        Curated sites: ``position`` (0-based), ``strand``, ``votes``.
    track : float array, shape (2, L)
        Output; NaN where there is none.
    inside : bool array, shape (L,)
        The part to look at.

    Returns
    -------
    DataFrame
        `Place`'s columns, at most one row a rule.

    Raises
    ------
    ValueError
        No position of the part has an output.
    """
    ground = Ground(study, curated, track, inside)
    found = []
    for rule in RULES:
        place = rule(ground)
        if place:
            found.append(place)
            ground.taken.add((place.start, place.end))
    return pd.DataFrame(found, columns=list(Place._fields))
