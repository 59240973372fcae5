"""From several tables of TSSs to one curated set; pure functions of site frames.

The paper (Results, "The evaluated annotation sets have many different annotated start sites";
Table 1, Figure 2) compares four sets of transcription start sites (TSSs) and merges them by three
rules: a TSS counts when two separate data sets have it within five nucleotides; its position is
decided by majority vote, ties by the novelty of the technique; every SEnd-seq TSS is kept.

What "a TSS within five nucleotides" means for three or more data sets, the paper leaves open.
Here an *interpretation* of it divides the sites into *units*, one unit for one TSS: `RULES` says
which sites belong together, `OUTVOTED` what becomes of a site of the trusted source (the paper's
is SEnd-seq) that the vote does not elect. Everything that follows (Venn regions, Table 1, the
curated set) is counted in units. A `Merging` holds all of these choices, and which the sources
are: any one to eight.

Sites are 0-based forward coordinates of the +1 nucleotide; sites on different strands never
match. The distance of two sites is the difference of their positions, on a circular genome the
shorter way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from genoattn.data.assays import NOVELTY, source_name
from genoattn.genome.sequence import STRANDS, strand_row

__all__ = [
    "MEMBERS",
    "MOST_SOURCES",
    "OUTVOTED",
    "PAPER",
    "RULES",
    "SOURCES",
    "Merging",
    "cluster",
    "curate",
    "member_names",
    "neighbours",
    "ordered",
    "unit_masks",
]


#: The paper's four data sets, from the oldest technique to the newest; ties go to the newest.
SOURCES: tuple[str, ...] = NOVELTY[::-1]

#: More sources have more combinations than a figure shows or a reader takes in.
MOST_SOURCES = 8

#: Which sites are one TSS: interpretations of "within five nucleotides" for several data sets.
RULES: dict[str, str] = {
    "agreed": (
        "closest pairs of different sources are joined first; a TSS has at most one site of each "
        "source, all of them within the window of one another; where two sources agree on a "
        "position and two others on a different position nearby, these stay two TSSs"
    ),
    "one-to-one": ("as before, but such positions nearby may become one TSS"),
    "complete-link": (
        "closest pairs are joined first; a TSS may have several sites of a source, all of them "
        "within the window of one another"
    ),
    "star": (
        "each site of the newest technique takes all free sites within the window of it, then "
        "each free site of the next newest does, and so on"
    ),
    "single-link": (
        "sites are one TSS when steps of at most the window lead from each to the next, however "
        "long the chain"
    ),
}

#: What becomes of a site of the trusted source at a position that its unit does not elect.
OUTVOTED: dict[str, str] = {
    "kept": "a {trusted} site that loses the vote is a TSS of its own",
    "merged": "a {trusted} site that loses the vote is dropped in favour of the elected position",
}


@dataclass(frozen=True)
class Merging:
    """How sources are merged: which they are, and how the paper's rules are understood.

    The defaults are the paper's sources and the interpretation that comes closest to its numbers.

    Attributes
    ----------
    sources : tuple of str
        From the oldest technique to the newest, which wins ties; one to eight names.
    trusted : str or None
        Source all of whose sites become TSSs (third rule); None: there is none.
    window : int
        Largest distance in nt, inclusive, at which two sites are neighbours.
    rule : str
        Which sites are one TSS, one of `RULES`.
    outvoted : str
        Whether a site of the trusted source that is not at its unit's elected position leaves
        the unit to be one of its own (``kept``) or stays (``merged``); see `OUTVOTED`.
    length : int or None
        Length of the genome in nt if it is circular: then pairs across the origin count.

    Raises
    ------
    ValueError
        Too many or repeated sources, a trusted one that is none of them, or a window, a rule or
        a choice that is not known.
    """

    sources: tuple[str, ...] = SOURCES
    trusted: str | None = "sendseq"
    window: int = 5
    rule: str = "agreed"
    outvoted: str = "kept"
    length: int | None = None

    def __post_init__(self) -> None:
        names = ", ".join(self.sources)
        if not 1 <= len(self.sources) <= MOST_SOURCES:
            raise ValueError(
                f"sources: {len(self.sources)} ({names}), but one to {MOST_SOURCES} can be merged; "
                "give fewer, or one name to assays of one technique"
            )
        if len(set(self.sources)) < len(self.sources):
            raise ValueError(f"sources: {names} names a source twice")
        if self.trusted is not None and self.trusted not in self.sources:
            raise ValueError(f"trusted: {self.trusted!r} is not among the sources {names}")
        window: Any = self.window  # whatever was given
        if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 0:
            raise ValueError(f"window: {window!r} is not a whole number of nucleotides >= 0")
        if self.length is not None and self.length <= 2 * window:
            raise ValueError(f"length: {self.length} nt is too short for a window of {window} nt")
        if self.rule not in RULES:
            raise ValueError(f"rule: {self.rule!r} is not known; choose one of {list(RULES)}")
        if self.outvoted not in OUTVOTED:
            raise ValueError(
                f"outvoted: {self.outvoted!r} is not known; choose one of {list(OUTVOTED)}"
            )

    @property
    def trusted_code(self) -> int:
        """Index of the trusted source in `sources`, -1 if there is none."""
        return -1 if self.trusted is None else self.sources.index(self.trusted)

    def fate(self, outvoted: str) -> str:
        """Say what becomes of outvoted sites of the trusted source."""
        if self.trusted is None:
            return "no source is trusted, so this choice changes nothing"
        return OUTVOTED[outvoted].format(trusted=source_name(self.trusted))

    def checked(self, sites: pd.DataFrame) -> pd.DataFrame:
        """Return `sites` with a fresh index, or say in a ValueError what is wrong with them."""
        missing = [name for name in ("position", "strand", "source") if name not in sites.columns]
        if missing:
            raise ValueError(f"sites: column {missing[0]!r} is missing; give a frame of sites")
        unknown = sorted(set(sites["source"]) - set(self.sources))
        if unknown:
            raise ValueError(
                f"sites: source {unknown[0]!r} is not among those to merge: "
                + ", ".join(self.sources)
            )
        if not sites["strand"].isin(STRANDS).all():
            raise ValueError("sites: a strand is neither '+' nor '-'")
        if sites.duplicated(["position", "strand", "source"]).any():
            raise ValueError("sites: a source lists the same position twice; make them distinct")
        if self.length is not None and not sites["position"].between(0, self.length - 1).all():
            raise ValueError(f"sites: a position is outside 0..{self.length - 1}")
        return sites.reset_index(drop=True)

    def codes(self, sites: pd.DataFrame) -> np.ndarray:
        """Source of each site as its index in `sources`, shape (n,)."""
        code = {name: k for k, name in enumerate(self.sources)}
        return sites["source"].map(code).to_numpy(np.int64)


PAPER = Merging()
"""The paper's four sources, merged as comes closest to its numbers."""


def ordered(named: Sequence[str], novelty: Sequence[str] = ()) -> tuple[str, ...]:
    """Put sources in the order of their techniques, from the oldest to the newest.

    Parameters
    ----------
    named : sequence of str
        The sources, in the order in which the tables name them.
    novelty : sequence of str
        The same, newest technique first. Empty: the paper's order where all of them are among
        the paper's, else `named` itself, of which the first then counts as the newest.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        `novelty` leaves out a source, or names one that there is not, or one twice.
    """
    if not novelty:
        known = [name for name in NOVELTY if name in named]
        novelty = known if len(known) == len(named) else named
    for problem, wrong in (
        ("leaves out", [name for name in named if name not in novelty]),
        ("names, but the tables do not,", [name for name in novelty if name not in named]),
        ("names twice", [name for k, name in enumerate(novelty) if name in novelty[:k]]),
    ):
        if wrong:
            raise ValueError(
                f"novelty: {problem} {wrong[0]!r}; name each of {', '.join(named)} once, newest "
                "technique first"
            )
    return tuple(novelty)[::-1]


def neighbours(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """List all pairs of sites on the same strand that are within the window of one another.

    Parameters
    ----------
    sites : DataFrame
        Columns position, strand, source; distinct by the three.
    merging : Merging
        Which sources there are, the window, and the length of a circular genome.

    Returns
    -------
    DataFrame
        One row a pair: ``first`` and ``second`` (row numbers in `sites`) and ``distance``
        (nt, >= 0): `second` is `distance` nt further along the forward strand than `first`.
        Pairs of one source are included; a site is not its own neighbour.

    Raises
    ------
    ValueError
        A column is missing, a source or strand is unknown, or a position is beyond the genome.
    """
    sites, window, length = merging.checked(sites), merging.window, merging.length
    n = len(sites)
    position = sites["position"].to_numpy(np.int64)
    row = strand_row(sites["strand"])
    index = np.arange(n)
    if length is not None:  # sites just after the origin appear once more beyond the end
        again = np.flatnonzero(position < window)
        index = np.concatenate([index, again])
        position = np.concatenate([position, position[again] + length])
        row = np.concatenate([row, row[again]])
    # Both strands on one line, further apart than any window: one sort serves both.
    apart = (int(position.max()) if n else 0) + window + 1
    line = position + row * apart
    order = np.argsort(line, kind="stable")
    line, index, copy = line[order], index[order], order >= n
    first, second, distance = [], [], []
    for step in range(1, len(line)):
        gap = line[step:] - line[:-step]
        near = np.flatnonzero(gap <= window)
        if len(near) == 0:  # the lines are sorted: larger steps are further apart still
            break
        near = near[~copy[near]]
        first.append(index[near])
        second.append(index[near + step])
        distance.append(gap[near])
    empty = [np.empty(0, dtype=np.int64)]
    return pd.DataFrame(
        {
            "first": np.concatenate(first or empty),
            "second": np.concatenate(second or empty),
            "distance": np.concatenate(distance or empty),
        }
    )


def cluster(sites: pd.DataFrame, merging: Merging = PAPER) -> np.ndarray:
    """Divide sites into units, one unit for one TSS.

    Parameters
    ----------
    sites, merging
        As in `neighbours`; ``merging.rule`` says which sites belong together, and
        ``merging.outvoted`` what becomes of sites of the trusted source that lose the vote.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of the unit of each site, from 0, in the order of `sites`.

    Raises
    ------
    ValueError
        As `neighbours`.
    """
    sites, rule = merging.checked(sites), merging.rule
    # Along the genome, so that the result does not depend on the order of the rows.
    order = sites.sort_values(["strand", "position", "source"]).index.to_numpy()
    sites = sites.iloc[order].reset_index(drop=True)
    pairs = neighbours(sites, merging)
    code, n = merging.codes(sites), len(sites)
    if rule == "single-link":
        ones = np.ones(len(pairs), dtype=bool)
        graph = coo_matrix((ones, (pairs["first"], pairs["second"])), shape=(n, n))
        unit = connected_components(graph, directed=False)[1]
    elif rule == "star":
        unit = _stars(code, pairs)
    else:
        unit = _agglomerate(code, pairs, one_each=rule != "complete-link", apart=rule == "agreed")
    if merging.outvoted == "kept":
        lost = _votes(sites, unit, merging)["rank"] > 0
        leaving = np.flatnonzero((code == merging.trusted_code) & lost)
        unit = unit.copy()
        unit[leaving] = unit.max(initial=-1) + 1 + np.arange(len(leaving))
    given = np.empty(n, dtype=np.int64)
    given[order] = unit
    return _renumbered(given)


def _renumbered(unit: np.ndarray) -> np.ndarray:
    """Number units from 0 in the order of their first sites."""
    _, first, inverse = np.unique(unit, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _agglomerate(code: np.ndarray, pairs: pd.DataFrame, one_each: bool, apart: bool) -> np.ndarray:
    """Join the closest pairs first, as long as all sites of a unit stay neighbours.

    Equal distances: the pair of the newest techniques first, then along the genome.
    With `one_each`, only sites of different sources are joined and a unit has one of each at
    most. With `apart`, two units are not joined if both have two sites at one position.
    """
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    distance = pairs["distance"].to_numpy()
    near = set(zip(first.tolist(), second.tolist(), strict=True))
    near |= {(b, a) for a, b in near}
    if one_each:
        across = code[first] != code[second]
        first, second, distance = first[across], second[across], distance[across]
    newer = np.maximum(code[first], code[second])
    older = np.minimum(code[first], code[second])
    order = np.lexsort((np.minimum(first, second), -older, -newer, distance))
    unit = list(range(len(code)))
    members = {k: [k] for k in unit}
    sources = [1 << int(c) for c in code]  # bit mask of the sources of each unit
    agreed = [False] * len(code)  # whether two sites of a unit are at one position
    for k in order.tolist():
        u, v = unit[first[k]], unit[second[k]]
        if u == v or (one_each and sources[u] & sources[v]):
            continue
        if apart and agreed[u] and agreed[v] and distance[k] > 0:
            continue
        if not all((x, y) in near for x in members[u] for y in members[v]):
            continue
        for x in members[v]:
            unit[x] = u
        members[u] += members.pop(v)
        sources[u] |= sources[v]
        agreed[u] = agreed[u] or agreed[v] or bool(distance[k] == 0)
    return np.array(unit, dtype=np.int64)


def _stars(code: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    """Sites of the newest technique, along the genome, take all free sites near them, and so on.

    A site that could be taken by two centres of one source goes to the closer one.
    """
    centre = np.concatenate([pairs["first"], pairs["second"]])
    other = np.concatenate([pairs["second"], pairs["first"]])
    distance = np.concatenate([pairs["distance"], pairs["distance"]])
    unit = np.full(len(code), -1, dtype=np.int64)
    for source in range(code.max(initial=-1), -1, -1):
        own = np.flatnonzero((code == source) & (unit < 0))
        unit[own] = own
        takes = np.isin(centre, own) & (unit[other] < 0)
        order = np.lexsort((centre[takes], distance[takes]))
        taken, where = np.unique(other[takes][order], return_index=True)
        unit[taken] = centre[takes][order][where]
    return unit


def _votes(sites: pd.DataFrame, unit: np.ndarray, merging: Merging) -> pd.DataFrame:
    """Hold the vote on the position of each unit (second rule).

    Returns one row a site, in the order of `sites`: ``votes`` (sources of the unit at the site's
    position) and ``rank`` (0 at the elected position, 1 at the runner-up, ...).
    """
    position = sites["position"].to_numpy(np.int64)
    ballots = pd.DataFrame({"unit": unit, "position": position, "mask": 1 << merging.codes(sites)})
    options = ballots.groupby(["unit", "position"], as_index=False).agg(mask=("mask", "sum"))
    options["votes"] = MEMBERS[options["mask"]]
    options["newest"] = _NEWEST[options["mask"]]
    # Upstream first: the lower position on plus, the higher on minus, across the origin too.
    along, length = options["position"].to_numpy(np.int64), merging.length
    if length is not None:
        groups = options.groupby("unit")["position"]
        span = (groups.transform("max") - groups.transform("min")).to_numpy()
        along = np.where((span > length // 2) & (along < length // 2), along + length, along)
    minus = np.zeros(unit.max(initial=-1) + 1, dtype=bool)
    minus[unit] = strand_row(sites["strand"]) == 1
    options["upstream"] = np.where(minus[options["unit"]], -along, along)
    options = options.sort_values(
        ["unit", "votes", "newest", "upstream"], ascending=[True, False, False, True]
    )
    options["rank"] = options.groupby("unit").cumcount()
    result = ballots[["unit", "position"]].merge(options, how="left", on=["unit", "position"])
    return result[["votes", "rank"]]


def unit_masks(code: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Bit mask of the sources in each unit, shape (units,): bit k is the k-th."""
    mask = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(mask, unit, 1 << code)
    return mask


# By bit mask: how many sources are in it, and which of them is the newest.
MEMBERS = np.array([mask.bit_count() for mask in range(1 << MOST_SOURCES)])
_NEWEST = np.array([mask.bit_length() - 1 for mask in range(1 << MOST_SOURCES)])


def curate(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Build the curated set by the paper's three rules.

    (1) A unit with sites of at least two sources is a TSS. (2) Its position is the one on which
    most sources vote; a tie goes to the position that the newest technique votes for (in the
    paper SEnd-seq, SMRT-Cappable-seq, Cappable-seq, RegulonDB), and if that technique votes for
    several, to the most upstream of them. (3) Units of the trusted source alone (in the paper
    SEnd-seq) are kept too.

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        A sites frame (distinct by position and strand, sorted): position, strand, source
        (``curated``), n_sources, members (source names joined by ``+``), kind (``shared`` or
        ``<trusted>-only``), votes (sources at exactly this position).
    """
    unit = cluster(sites, merging)
    sites = sites.reset_index(drop=True)
    votes = _votes(sites, unit, merging)
    masks = unit_masks(merging.codes(sites), unit)[unit]
    names = {mask: "+".join(member_names(mask, merging)) for mask in np.unique(masks)}
    alone = merging.trusted is not None and masks == 1 << merging.trusted_code
    chosen = pd.DataFrame(
        {
            "position": sites["position"].to_numpy(np.int64),
            "strand": sites["strand"],
            "source": "curated",
            "n_sources": MEMBERS[masks],
            "members": [names[mask] for mask in masks],
            "kind": np.where(MEMBERS[masks] >= 2, "shared", f"{merging.trusted}-only"),
            "votes": votes["votes"],
        }
    )
    elected = (votes["rank"] == 0) & ((MEMBERS[masks] >= 2) | alone)
    return (
        chosen[elected]
        .drop_duplicates(["position", "strand"])  # all who voted for it are listed
        .sort_values(["position", "strand"], ignore_index=True)
    )


def member_names(mask: int, merging: Merging) -> list[str]:
    """Sources of a bit mask, oldest technique first."""
    return [name for k, name in enumerate(merging.sources) if mask >> k & 1]
