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
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from genoattn import paper
from genoattn.annotations import NOVELTY, source_name

__all__ = [
    "MOST_SOURCES",
    "OUTVOTED",
    "PRINTED",
    "RULES",
    "SOURCES",
    "Merging",
    "cluster",
    "curate",
    "groups",
    "interpretations",
    "neighbours",
    "ordered",
    "pair_shares",
    "recovered_by",
    "recovery",
    "regions",
    "shared",
    "shift_distribution",
    "table_one",
    "window_sensitivity",
]

#: The paper's four data sets, from the oldest technique to the newest; ties go to the newest.
SOURCES: tuple[str, ...] = NOVELTY[::-1]

#: More sources have more combinations than a figure shows or a reader takes in.
MOST_SOURCES = 8

#: Which sites are one TSS: interpretations of "within five nucleotides" for several data sets.
RULES: dict[str, str] = {
    "agreed": (
        "as one-to-one, but two positions on each of which two sources agree exactly stay two TSSs"
    ),
    "one-to-one": (
        "closest pairs of different sources are joined first; a TSS has at most one site of each "
        "source, all of them within the window of one another"
    ),
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
        if not sites["strand"].isin(["+", "-"]).all():
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
    row = (sites["strand"] == "-").to_numpy(np.int64)
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


def _ordered_pairs(sites: pd.DataFrame, merging: Merging) -> pd.DataFrame:
    """Every pair twice, once centred on each of its sites: centre, other, shift (5'->3')."""
    pairs = neighbours(sites, merging)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    sign = np.where(sites["strand"].to_numpy() == "-", -1, 1)
    shift = pairs["distance"].to_numpy() * sign[first]
    return pd.DataFrame(
        {
            "centre": np.concatenate([first, second]),
            "other": np.concatenate([second, first]),
            "shift": np.concatenate([shift, -shift]),
        }
    )


def shared(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Count for each source the sites that have a partner in another source (strict rule).

    Each site is looked at for itself: two neighbouring sites of one source that share one
    partner both count.

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared, percent_shared.
    """
    sites = sites.reset_index(drop=True)
    pairs = neighbours(sites, merging)
    code, n_sources = merging.codes(sites), len(merging.sources)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    across = code[first] != code[second]
    has_partner = np.zeros(len(sites), dtype=bool)
    has_partner[first[across]] = True
    has_partner[second[across]] = True
    n_sites = np.bincount(code, minlength=n_sources)
    n_shared = np.bincount(code[has_partner], minlength=n_sources)
    return pd.DataFrame(
        {
            "source": merging.sources,
            "n_sites": n_sites,
            "n_shared": n_shared,
            "percent_shared": _percent(n_shared, n_sites),
        }
    )


def _percent(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """100 part / whole; not a number where the whole is empty."""
    return 100.0 * part / np.where(whole > 0, whole, np.nan)


def pair_shares(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """For all ordered pairs of sources: how many sites are shared, and how many exactly.

    The paper's "percentage of shared TSSs that are annotated at the exact position" is the same
    in both directions of a pair, so it is a share of the *pairs of sites* within the window
    (the bar at shift 0 in Figure 2B), which is ``exact_percent`` here. The share of the sites of
    `source` that have an exact partner among those that have any depends on the direction; it
    is ``exact_percent_of_sites``.

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        Rows: the ordered pairs of two sources, of which a single source has none. Columns:
        source, other, n_shared (sites of `source` with a site of `other` within the window),
        n_pairs, n_exact (pairs at distance 0), exact_percent, exact_percent_of_sites,
        paper_exact_percent (not a number for a source that is not the paper's).
    """
    sites = sites.reset_index(drop=True)
    pairs = _ordered_pairs(sites, merging)
    source = sites["source"].to_numpy()
    pairs["source"], pairs["to"] = source[pairs["centre"]], source[pairs["other"]]
    rows = []
    for a, b in permutations(merging.sources, 2):
        of_pair = pairs[(pairs["source"] == a) & (pairs["to"] == b)]
        n_shared, n_pairs = of_pair["centre"].nunique(), len(of_pair)
        n_exact = int((of_pair["shift"] == 0).sum())
        rows.append(
            {
                "source": a,
                "other": b,
                "n_shared": n_shared,
                "n_pairs": n_pairs,
                "n_exact": n_exact,
                "exact_percent": 100.0 * n_exact / n_pairs if n_pairs else np.nan,
                "exact_percent_of_sites": 100.0 * n_exact / n_shared if n_shared else np.nan,
                "paper_exact_percent": paper.EXACT_PERCENT.get((a, b), np.nan),
            }
        )
    counts, percents = ["n_shared", "n_pairs", "n_exact"], ["exact_percent"]
    percents += ["exact_percent_of_sites", "paper_exact_percent"]
    return pd.DataFrame(rows, columns=["source", "other", *counts, *percents])


def shift_distribution(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Count the shifts between neighbouring sites, centred on each source (Figure 2B).

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        Rows: every centre source x other source x shift from -window to +window. Columns:
        centre, other, shift (nt, in the 5'->3' direction of the centre's strand: positive is
        downstream), n (pairs), share (of the pairs of this centre and other). A source is also
        compared with itself: there, no site is its own neighbour.
    """
    sites, window = sites.reset_index(drop=True), merging.window
    pairs = _ordered_pairs(sites, merging)
    code, n_sources = merging.codes(sites), len(merging.sources)
    size = (n_sources, n_sources, 2 * window + 1)
    cells = np.ravel_multi_index(
        (
            code[pairs["centre"]],
            code[pairs["other"]],
            pairs["shift"].to_numpy() + window,
        ),
        size,
    )
    n = np.bincount(cells, minlength=int(np.prod(size))).reshape(size)  # centre, other, shift
    share = n / np.where(n.sum(2, keepdims=True) > 0, n.sum(2, keepdims=True), np.nan)
    index = pd.MultiIndex.from_product(
        [merging.sources, merging.sources, range(-window, window + 1)],
        names=["centre", "other", "shift"],
    )
    return pd.DataFrame({"n": n.ravel(), "share": share.ravel()}, index=index).reset_index()


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
    options["votes"] = _COUNT[options["mask"]]
    options["newest"] = _NEWEST[options["mask"]]
    # Upstream first: the lower position on plus, the higher on minus, across the origin too.
    along, length = options["position"].to_numpy(np.int64), merging.length
    if length is not None:
        groups = options.groupby("unit")["position"]
        span = (groups.transform("max") - groups.transform("min")).to_numpy()
        along = np.where((span > length // 2) & (along < length // 2), along + length, along)
    minus = np.zeros(unit.max(initial=-1) + 1, dtype=bool)
    minus[unit] = (sites["strand"] == "-").to_numpy()
    options["upstream"] = np.where(minus[options["unit"]], -along, along)
    options = options.sort_values(
        ["unit", "votes", "newest", "upstream"], ascending=[True, False, False, True]
    )
    options["rank"] = options.groupby("unit").cumcount()
    result = ballots[["unit", "position"]].merge(options, how="left", on=["unit", "position"])
    return result[["votes", "rank"]]


def _unit_masks(code: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Bit mask of the sources in each unit, shape (units,): bit k is the k-th."""
    mask = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(mask, unit, 1 << code)
    return mask


# By bit mask: how many sources are in it, and which of them is the newest.
_COUNT = np.array([mask.bit_count() for mask in range(1 << MOST_SOURCES)])
_NEWEST = np.array([mask.bit_length() - 1 for mask in range(1 << MOST_SOURCES)])


def groups(sources: Sequence[str]) -> list[tuple[str, ...]]:
    """List all groups of sources: each alone, all twos, all threes and so on.

    Returns
    -------
    list of tuple of str
        2^n - 1 groups of n sources, in the order of the rows of `regions`; within a group, the
        sources are in their given order.
    """
    sizes = range(1, len(sources) + 1)
    return [group for size in sizes for group in combinations(sources, size)]


def regions(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Count the units in each region of the Venn diagram (Figure 2A).

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        A row for each of `groups` (15 for four sources): members (names joined by ``+``, oldest
        technique first) and n (units that have sites of exactly these sources).
    """
    sources = merging.sources
    masks = _unit_masks(merging.codes(sites), cluster(sites, merging))
    n = np.bincount(masks, minlength=1 << len(sources))
    rows = [
        ("+".join(group), int(n[sum(1 << sources.index(name) for name in group)]))
        for group in groups(sources)
    ]
    return pd.DataFrame(rows, columns=["members", "n"])


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
    masks = _unit_masks(merging.codes(sites), unit)[unit]
    names = {mask: "+".join(_members(mask, merging)) for mask in np.unique(masks)}
    alone = merging.trusted is not None and masks == 1 << merging.trusted_code
    chosen = pd.DataFrame(
        {
            "position": sites["position"].to_numpy(np.int64),
            "strand": sites["strand"],
            "source": "curated",
            "n_sources": _COUNT[masks],
            "members": [names[mask] for mask in masks],
            "kind": np.where(_COUNT[masks] >= 2, "shared", f"{merging.trusted}-only"),
            "votes": votes["votes"],
        }
    )
    elected = (votes["rank"] == 0) & ((_COUNT[masks] >= 2) | alone)
    return (
        chosen[elected]
        .drop_duplicates(["position", "strand"])  # all who voted for it are listed
        .sort_values(["position", "strand"], ignore_index=True)
    )


def _members(mask: int, merging: Merging) -> list[str]:
    """Sources of a bit mask, oldest technique first."""
    return [name for k, name in enumerate(merging.sources) if mask >> k & 1]


def _counts(sites: pd.DataFrame, merging: Merging) -> dict[str, int]:
    """The numbers by which an interpretation is judged; of four sources, the paper has them too."""
    masks = _unit_masks(merging.codes(sites), cluster(sites, merging))
    size = _COUNT[masks]
    several = range(2, len(merging.sources) + 1)
    result = {f"shared_by_{k}": int((size >= k).sum()) for k in several}
    for k, name in enumerate(merging.sources):
        result[f"{name}_shared"] = int(((size >= 2) & (masks >> k & 1 == 1)).sum())
    curated = int((size >= 2).sum())
    if merging.trusted is not None:
        alone = int((masks == 1 << merging.trusted_code).sum())
        result[f"{merging.trusted}_only"] = alone
        curated += alone
    return {**result, "curated": curated}


#: The paper's values of what `interpretations` and `window_sensitivity` count.
PRINTED: dict[str, int] = {
    **{f"shared_by_{k}": n for k, n in paper.SHARED_BY.items()},
    **{f"{name}_shared": int(paper.TABLE_ONE[name]["n_shared"]) for name in SOURCES},
    "sendseq_only": paper.CURATED["sendseq_only"],
    "curated": paper.CURATED["n"],
}


def interpretations(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Count under every interpretation of "within five nucleotides".

    Parameters
    ----------
    sites, merging
        As in `neighbours`; all of `RULES` and `OUTVOTED` are tried.

    Returns
    -------
    DataFrame
        One row for each of `RULES` and `OUTVOTED`. Columns: rule, outvoted, ``shared_by_<k>``
        (units with at least k sources, from two to all), ``<source>_shared`` (units with a site
        of the source and of another), ``<trusted>_only`` (units of the trusted source alone) and
        curated (size of the curated set: shared_by_2 and the latter together). `PRINTED` has the
        paper's values.
    """
    return pd.DataFrame(
        [
            {
                "rule": rule,
                "outvoted": outvoted,
                **_counts(sites, replace(merging, rule=rule, outvoted=outvoted)),
            }
            for rule in RULES
            for outvoted in OUTVOTED
        ]
    )


def table_one(sites: pd.DataFrame, merging: Merging = PAPER) -> pd.DataFrame:
    """Table 1 of the paper, ours beside the paper's.

    Parameters
    ----------
    sites, merging
        As in `neighbours`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared (units with a site of this and of another
        source), percent_shared, n_shared_strict (sites with a partner, as in `shared`),
        percent_shared_strict, paper_n_sites, paper_n_shared, paper_percent_shared (not a number
        for a source that is not the paper's).
    """
    strict = shared(sites, merging)
    counts = _counts(sites, merging)
    n_shared = np.array([counts[f"{name}_shared"] for name in merging.sources])
    n_sites = strict["n_sites"].to_numpy()
    printed = [paper.TABLE_ONE.get(name, {}) for name in merging.sources]
    return pd.DataFrame(
        {
            "source": merging.sources,
            "n_sites": n_sites,
            "n_shared": n_shared,
            "percent_shared": _percent(n_shared, n_sites),
            "n_shared_strict": strict["n_shared"],
            "percent_shared_strict": strict["percent_shared"],
            **{
                f"paper_{column}": [row.get(column, np.nan) for row in printed]
                for column in ("n_sites", "n_shared", "percent_shared")
            },
        }
    )


def window_sensitivity(
    sites: pd.DataFrame,
    merging: Merging = PAPER,
    windows: Sequence[int] = tuple(range(1, 11)),
) -> pd.DataFrame:
    """Repeat the counting with other windows.

    Parameters
    ----------
    sites, merging
        As in `neighbours`; its window is not used.
    windows : sequence of int
        Windows in nt.

    Returns
    -------
    DataFrame
        One row a window: window and the counts of `interpretations`.
    """
    return pd.DataFrame(
        [{"window": w, **_counts(sites, replace(merging, window=w))} for w in windows]
    )


def recovery(
    sites: pd.DataFrame,
    truth: pd.DataFrame,
    tolerances: Sequence[int] = (0, 2, 5),
    length: int | None = None,
) -> pd.DataFrame:
    """Precision and recall of a set of sites against the true ones, within a tolerance.

    Parameters
    ----------
    sites, truth : DataFrame
        Columns position and strand; `sites` of one source, each distinct by the two.
    tolerances : sequence of int
        Largest distances in nt at which a site counts as true, and a true one as found.
    length : int, optional
        Length of the genome in nt if it is circular.

    Returns
    -------
    DataFrame
        One row a tolerance: tolerance, n_sites, n_truth, n_correct (sites near a true one),
        n_found (true ones near a site), precision, recall.
    """
    both = pd.concat(
        [
            sites[["position", "strand"]].assign(source="sites"),
            truth[["position", "strand"]].assign(source="truth"),
        ],
        ignore_index=True,
    )
    rows = []
    for tolerance in tolerances:
        near = Merging(("sites", "truth"), None, tolerance, length=length)
        n_correct, n_found = shared(both, near)["n_shared"].tolist()
        rows.append(
            {
                "tolerance": tolerance,
                "n_sites": len(sites),
                "n_truth": len(truth),
                "n_correct": n_correct,
                "n_found": n_found,
                "precision": n_correct / len(sites) if len(sites) else np.nan,
                "recall": n_found / len(truth) if len(truth) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def recovered_by(
    sites: pd.DataFrame, merging: Merging, truth: pd.DataFrame, tolerance: int = 0
) -> pd.DataFrame:
    """Precision and recall of the curated set under every interpretation.

    Parameters
    ----------
    sites, merging
        As in `interpretations`.
    truth : DataFrame
        Columns position and strand.
    tolerance : int
        As in `recovery`, nt.

    Returns
    -------
    DataFrame
        One row for each of `RULES` and `OUTVOTED`: rule, outvoted, and the columns of `recovery`.
    """
    found = []
    for rule in RULES:
        for outvoted in OUTVOTED:
            made = curate(sites, replace(merging, rule=rule, outvoted=outvoted))
            one = recovery(made, truth, (tolerance,), merging.length)
            one.insert(0, "rule", rule)
            one.insert(1, "outvoted", outvoted)
            found.append(one)
    return pd.concat(found, ignore_index=True)
