"""From several tables of TSSs to one curated set; may touch site frames, and files it is told to.

The paper (Results, "The evaluated annotation sets have many different annotated start sites";
Table 1, Figure 2) compares four sets of transcription start sites (TSSs) and merges them by three
rules: a TSS counts when two separate data sets have it within five nucleotides; its position is
decided by majority vote, ties by the novelty of the technique; every SEnd-seq TSS is kept.

What "a TSS within five nucleotides" means for three or four data sets, the paper leaves open.
Here a *reading* of it divides the sites into *units*, one unit for one TSS: `RULES` says which
sites belong together, `OUTVOTED` what becomes of a SEnd-seq site that the vote does not elect.
Everything that follows (Venn regions, Table 1, the curated set) is counted in units.

Sites are 0-based forward coordinates of the +1 nucleotide; sites on different strands never
match. The distance of two sites is the difference of their positions, on a circular genome the
shorter way round.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from genoattn import paper
from genoattn.annotations import NOVELTY
from genoattn.files import writing

__all__ = [
    "OUTVOTED",
    "PRINTED",
    "RULES",
    "SOURCES",
    "CurationError",
    "cluster",
    "curate",
    "neighbours",
    "pair_shares",
    "readings",
    "recovery",
    "regions",
    "shared",
    "shift_distribution",
    "table_one",
    "window_sensitivity",
    "write_aggregates",
    "write_curated",
]

#: The four data sets, from the oldest technique to the newest; ties go to the newest.
SOURCES: tuple[str, ...] = NOVELTY[::-1]

#: Which sites are one TSS: readings of "within five nucleotides" for more than two data sets.
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

#: What becomes of a SEnd-seq site at a position that its unit does not elect (third rule).
OUTVOTED: dict[str, str] = {
    "kept": "a SEnd-seq site that loses the vote is a TSS of its own",
    "merged": "a SEnd-seq site that loses the vote is dropped in favour of the elected position",
}

_KEPT = SOURCES.index("sendseq")  # the third rule: all sites of this source are kept


class CurationError(ValueError):
    """Sites, a window or a rule that cannot be curated with."""


def _checked(sites: pd.DataFrame, window: Any, length: int | None) -> pd.DataFrame:
    """Return `sites` with a fresh index, or say what is wrong with the arguments."""
    missing = [name for name in ("position", "strand", "source") if name not in sites.columns]
    if missing:
        raise CurationError(f"sites: column {missing[0]!r} is missing; give a frame of sites")
    if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 0:
        raise CurationError(f"window: {window!r} is not a whole number of nucleotides >= 0")
    unknown = sorted(set(sites["source"]) - set(SOURCES))
    if unknown:
        raise CurationError(f"sites: unknown source {unknown[0]!r}; known are {list(SOURCES)}")
    if not sites["strand"].isin(["+", "-"]).all():
        raise CurationError("sites: a strand is neither '+' nor '-'")
    if sites.duplicated(["position", "strand", "source"]).any():
        raise CurationError("sites: a source lists the same position twice; make them distinct")
    if length is not None:
        if length <= 2 * window:
            raise CurationError(f"length: {length} nt is too short for a window of {window} nt")
        if len(sites) and not sites["position"].between(0, length - 1).all():
            raise CurationError(f"sites: a position is outside 0..{length - 1}")
    return sites.reset_index(drop=True)


def _codes(sites: pd.DataFrame) -> np.ndarray:
    """Source of each site as its index in `SOURCES`, shape (n,)."""
    return sites["source"].map({name: k for k, name in enumerate(SOURCES)}).to_numpy(np.int64)


def neighbours(sites: pd.DataFrame, window: int = 5, length: int | None = None) -> pd.DataFrame:
    """List all pairs of sites on the same strand that are at most `window` nt apart.

    Parameters
    ----------
    sites : DataFrame
        Columns position, strand, source; distinct by the three.
    window : int
        Largest distance in nt, inclusive.
    length : int, optional
        Length of the genome in nt if it is circular: then pairs across the origin count.

    Returns
    -------
    DataFrame
        One row a pair: ``first`` and ``second`` (row numbers in `sites`) and ``distance``
        (nt, >= 0): `second` is `distance` nt further along the forward strand than `first`.
        Pairs of one source are included; a site is not its own neighbour.

    Raises
    ------
    CurationError
        A column is missing, a source or strand is unknown, or the window is not usable.
    """
    sites = _checked(sites, window, length)
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


def _ordered_pairs(sites: pd.DataFrame, window: int, length: int | None) -> pd.DataFrame:
    """Every pair twice, once centred on each of its sites: centre, other, shift (5'->3')."""
    pairs = neighbours(sites, window, length)
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


def shared(sites: pd.DataFrame, window: int = 5, length: int | None = None) -> pd.DataFrame:
    """Count for each source the sites that have a partner in another source (strict rule).

    Each site is looked at for itself: two neighbouring sites of one source that share one
    partner both count.

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared, percent_shared.
    """
    sites = sites.reset_index(drop=True)
    code = _codes(sites)
    pairs = neighbours(sites, window, length)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    across = code[first] != code[second]
    has_partner = np.zeros(len(sites), dtype=bool)
    has_partner[first[across]] = True
    has_partner[second[across]] = True
    n_sites = np.bincount(code, minlength=len(SOURCES))
    n_shared = np.bincount(code[has_partner], minlength=len(SOURCES))
    return pd.DataFrame(
        {
            "source": SOURCES,
            "n_sites": n_sites,
            "n_shared": n_shared,
            "percent_shared": _percent(n_shared, n_sites),
        }
    )


def _percent(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """100 part / whole; not a number where the whole is empty."""
    return 100.0 * part / np.where(whole > 0, whole, np.nan)


def pair_shares(sites: pd.DataFrame, window: int = 5, length: int | None = None) -> pd.DataFrame:
    """For all ordered pairs of sources: how many sites are shared, and how many exactly.

    The paper's "percentage of shared TSSs that are annotated at the exact position" is the same
    in both directions of a pair, so it is a share of the *pairs of sites* within the window
    (the bar at shift 0 in Figure 2B), which is ``exact_percent`` here. The share of the sites of
    `source` that have an exact partner among those that have any depends on the direction; it
    is ``exact_percent_of_sites``.

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.

    Returns
    -------
    DataFrame
        Rows: the 12 ordered pairs. Columns: source, other, n_shared (sites of `source` with a
        site of `other` within the window), n_pairs, n_exact (pairs at distance 0),
        exact_percent, exact_percent_of_sites, paper_exact_percent.
    """
    sites = sites.reset_index(drop=True)
    code = _codes(sites)
    pairs = _ordered_pairs(sites, window, length)
    pairs["source"] = code[pairs["centre"]]
    pairs["to"] = code[pairs["other"]]
    rows = []
    for a, b in ((a, b) for a in range(len(SOURCES)) for b in range(len(SOURCES)) if a != b):
        of_pair = pairs[(pairs["source"] == a) & (pairs["to"] == b)]
        n_shared, n_pairs = of_pair["centre"].nunique(), len(of_pair)
        n_exact = int((of_pair["shift"] == 0).sum())
        rows.append(
            {
                "source": SOURCES[a],
                "other": SOURCES[b],
                "n_shared": n_shared,
                "n_pairs": n_pairs,
                "n_exact": n_exact,
                "exact_percent": 100.0 * n_exact / n_pairs if n_pairs else np.nan,
                "exact_percent_of_sites": 100.0 * n_exact / n_shared if n_shared else np.nan,
                "paper_exact_percent": paper.EXACT_PERCENT[SOURCES[a], SOURCES[b]],
            }
        )
    return pd.DataFrame(rows)


def shift_distribution(
    sites: pd.DataFrame, window: int = 5, length: int | None = None
) -> pd.DataFrame:
    """Count the shifts between neighbouring sites, centred on each source (Figure 2B).

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.

    Returns
    -------
    DataFrame
        Rows: every centre source x other source x shift from -window to +window. Columns:
        centre, other, shift (nt, in the 5'->3' direction of the centre's strand: positive is
        downstream), n (pairs), share (of the pairs of this centre and other). A source is also
        compared with itself: there, no site is its own neighbour.
    """
    sites = sites.reset_index(drop=True)
    code = _codes(sites)
    pairs = _ordered_pairs(sites, window, length)
    size = (len(SOURCES), len(SOURCES), 2 * window + 1)
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
        [SOURCES, SOURCES, range(-window, window + 1)], names=["centre", "other", "shift"]
    )
    return pd.DataFrame({"n": n.ravel(), "share": share.ravel()}, index=index).reset_index()


def cluster(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
) -> np.ndarray:
    """Divide sites into units, one unit for one TSS.

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.
    rule : str
        Which sites belong together, one of `RULES`.
    outvoted : str
        Whether a SEnd-seq site that is not at its unit's elected position leaves the unit to be
        one of its own (``kept``) or stays (``merged``); see `OUTVOTED`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of the unit of each site, from 0, in the order of `sites`.

    Raises
    ------
    CurationError
        As `neighbours`, and for a rule or a choice that is not known.
    """
    sites = _checked(sites, window, length)
    if rule not in RULES:
        raise CurationError(f"rule: {rule!r} is not known; choose one of {list(RULES)}")
    if outvoted not in OUTVOTED:
        raise CurationError(f"outvoted: {outvoted!r} is not known; choose from {list(OUTVOTED)}")
    # Along the genome, so that the result does not depend on the order of the rows.
    order = sites.sort_values(["strand", "position", "source"]).index.to_numpy()
    sites = sites.iloc[order].reset_index(drop=True)
    pairs = neighbours(sites, window, length)
    code, n = _codes(sites), len(sites)
    if rule == "single-link":
        ones = np.ones(len(pairs), dtype=bool)
        graph = coo_matrix((ones, (pairs["first"], pairs["second"])), shape=(n, n))
        unit = connected_components(graph, directed=False)[1]
    elif rule == "star":
        unit = _stars(code, pairs)
    else:
        unit = _agglomerate(code, pairs, one_each=rule != "complete-link", apart=rule == "agreed")
    if outvoted == "kept":
        leaving = np.flatnonzero((code == _KEPT) & (_votes(sites, unit, length)["rank"] > 0))
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


def _votes(sites: pd.DataFrame, unit: np.ndarray, length: int | None) -> pd.DataFrame:
    """Hold the vote on the position of each unit (second rule).

    Returns one row a site, in the order of `sites`: ``votes`` (sources of the unit at the site's
    position) and ``rank`` (0 at the elected position, 1 at the runner-up, ...).
    """
    position = sites["position"].to_numpy(np.int64)
    ballots = pd.DataFrame({"unit": unit, "position": position, "mask": 1 << _codes(sites)})
    options = ballots.groupby(["unit", "position"], as_index=False).agg(mask=("mask", "sum"))
    options["votes"] = _COUNT[options["mask"]]
    options["newest"] = _NEWEST[options["mask"]]
    # Upstream first: the lower position on plus, the higher on minus, across the origin too.
    along = options["position"].to_numpy(np.int64)
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
    """Bit mask of the sources in each unit, shape (units,): bit k is `SOURCES[k]`."""
    mask = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(mask, unit, 1 << code)
    return mask


def _names(mask: int) -> str:
    """Sources of a bit mask, oldest first, joined by plus signs."""
    return "+".join(name for k, name in enumerate(SOURCES) if mask >> k & 1)


# By bit mask: how many sources are in it, and which of them is the newest.
_COUNT = np.array([mask.bit_count() for mask in range(1 << len(SOURCES))])
_NEWEST = np.array([mask.bit_length() - 1 for mask in range(1 << len(SOURCES))])


def regions(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
) -> pd.DataFrame:
    """Count the units in each region of the Venn diagram (Figure 2A).

    Parameters
    ----------
    sites, window, rule, outvoted, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        15 rows, members (source names joined by ``+``, oldest first; one source, then two,
        three, four) and n (units that have sites of exactly these sources).
    """
    masks = _unit_masks(_codes(sites), cluster(sites, window, rule, outvoted, length))
    n = np.bincount(masks, minlength=1 << len(SOURCES))
    order = [
        sum(1 << k for k in group)
        for size in range(1, len(SOURCES) + 1)
        for group in combinations(range(len(SOURCES)), size)
    ]
    return pd.DataFrame({"members": [_names(m) for m in order], "n": [int(n[m]) for m in order]})


def curate(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
) -> pd.DataFrame:
    """Build the curated set by the paper's three rules.

    (1) A unit with sites of at least two sources is a TSS. (2) Its position is the one on which
    most sources vote; a tie goes to the position that the newest technique votes for (SEnd-seq,
    SMRT-Cappable-seq, Cappable-seq, RegulonDB), and if that technique votes for several, to the
    most upstream of them. (3) Units of SEnd-seq alone are kept too.

    Parameters
    ----------
    sites, window, rule, outvoted, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        A sites frame (distinct by position and strand, sorted): position, strand, source
        (``curated``), n_sources, members (source names joined by ``+``), kind (``shared`` or
        ``sendseq-only``), votes (sources at exactly this position).
    """
    unit = cluster(sites, window, rule, outvoted, length)
    sites = sites.reset_index(drop=True)
    votes = _votes(sites, unit, length)
    masks = _unit_masks(_codes(sites), unit)[unit]
    chosen = pd.DataFrame(
        {
            "position": sites["position"].to_numpy(np.int64),
            "strand": sites["strand"],
            "source": "curated",
            "n_sources": _COUNT[masks],
            "members": [_names(mask) for mask in masks],
            "kind": np.where(_COUNT[masks] >= 2, "shared", f"{SOURCES[_KEPT]}-only"),
            "votes": votes["votes"],
        }
    )
    elected = (votes["rank"] == 0) & ((_COUNT[masks] >= 2) | (masks == 1 << _KEPT))
    return (
        chosen[elected]
        .drop_duplicates(["position", "strand"])  # all who voted for it are listed
        .sort_values(["position", "strand"], ignore_index=True)
    )


def _counts(
    sites: pd.DataFrame, window: int, rule: str, outvoted: str, length: int | None
) -> dict[str, int]:
    """The numbers by which a reading is judged, each with a counterpart in the paper."""
    masks = _unit_masks(_codes(sites), cluster(sites, window, rule, outvoted, length))
    size = _COUNT[masks]
    result = {f"shared_by_{k}": int((size >= k).sum()) for k in (2, 3, 4)}
    for k, name in enumerate(SOURCES):
        result[f"{name}_shared"] = int(((size >= 2) & (masks >> k & 1 == 1)).sum())
    result["sendseq_only"] = int((masks == 1 << _KEPT).sum())
    result["curated"] = result["shared_by_2"] + result["sendseq_only"]
    return result


#: The paper's values of the quantities that `readings` and `window_sensitivity` count.
PRINTED: dict[str, int] = {
    **{f"shared_by_{k}": n for k, n in paper.SHARED_BY.items()},
    **{f"{name}_shared": int(paper.TABLE_ONE[name]["n_shared"]) for name in SOURCES},
    "sendseq_only": paper.CURATED["sendseq_only"],
    "curated": paper.CURATED["n"],
}


def readings(sites: pd.DataFrame, window: int = 5, length: int | None = None) -> pd.DataFrame:
    """Count under every reading of "within five nucleotides".

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.

    Returns
    -------
    DataFrame
        One row for each of `RULES` and `OUTVOTED`. Columns: rule, outvoted, shared_by_2,
        shared_by_3, shared_by_4 (units with at least as many sources), ``<source>_shared`` (units
        with a site of the source and of another), sendseq_only (units of SEnd-seq alone) and
        curated (size of the curated set: shared_by_2 and sendseq_only together). `PRINTED` has
        the paper's values.
    """
    return pd.DataFrame(
        [
            {
                "rule": rule,
                "outvoted": outvoted,
                **_counts(sites, window, rule, outvoted, length),
            }
            for rule in RULES
            for outvoted in OUTVOTED
        ]
    )


def table_one(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
) -> pd.DataFrame:
    """Table 1 of the paper, ours beside the paper's.

    Parameters
    ----------
    sites, window, rule, outvoted, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared (units with a site of this and of another
        source), percent_shared, n_shared_strict (sites with a partner, as in `shared`),
        percent_shared_strict, paper_n_sites, paper_n_shared, paper_percent_shared.
    """
    strict = shared(sites, window, length)
    counts = _counts(sites, window, rule, outvoted, length)
    n_shared = np.array([counts[f"{name}_shared"] for name in SOURCES])
    n_sites = strict["n_sites"].to_numpy()
    return pd.DataFrame(
        {
            "source": SOURCES,
            "n_sites": n_sites,
            "n_shared": n_shared,
            "percent_shared": _percent(n_shared, n_sites),
            "n_shared_strict": strict["n_shared"],
            "percent_shared_strict": strict["percent_shared"],
            "paper_n_sites": [int(paper.TABLE_ONE[name]["n_sites"]) for name in SOURCES],
            "paper_n_shared": [int(paper.TABLE_ONE[name]["n_shared"]) for name in SOURCES],
            "paper_percent_shared": [paper.TABLE_ONE[name]["percent_shared"] for name in SOURCES],
        }
    )


def window_sensitivity(
    sites: pd.DataFrame,
    windows: Sequence[int] = tuple(range(1, 11)),
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
) -> pd.DataFrame:
    """Repeat the counting with other windows.

    Parameters
    ----------
    sites, rule, outvoted, length
        As in `cluster`.
    windows : sequence of int
        Windows in nt.

    Returns
    -------
    DataFrame
        One row a window: window and the counts of `readings` (without the paper's).
    """
    return pd.DataFrame(
        [{"window": w, **_counts(sites, w, rule, outvoted, length)} for w in windows]
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
        As in `neighbours`.

    Returns
    -------
    DataFrame
        One row a tolerance: tolerance, n_sites, n_truth, n_correct (sites near a true one),
        n_found (true ones near a site), precision, recall.
    """
    both = pd.concat(
        [
            sites[["position", "strand"]].assign(source=SOURCES[0]),
            truth[["position", "strand"]].assign(source=SOURCES[1]),
        ],
        ignore_index=True,
    )
    rows = []
    for tolerance in tolerances:
        n_correct, n_found = shared(both, tolerance, length)["n_shared"].tolist()[:2]
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


def write_curated(curated: pd.DataFrame, path: str | Path) -> None:
    """Write a curated set as a tab-separated table, whole or not at all.

    Parameters
    ----------
    curated : DataFrame
        From `curate`.
    path : str or Path
        Where to. The first line says that positions are 0-based; the second names the columns.
    """
    with writing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("# 0-based positions\n")
        curated.to_csv(file, sep="\t", index=False, lineterminator="\n")


def write_aggregates(
    folder: str | Path,
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "agreed",
    outvoted: str = "kept",
    length: int | None = None,
    beside_paper: bool = True,
) -> list[Path]:
    """Write the aggregated counts of a curation; no site is among them.

    Parameters
    ----------
    folder : str or Path
        Where to write; created when missing.
    sites, window, rule, outvoted, length
        As in `cluster`.
    beside_paper : bool
        Whether to put the paper's values beside (they mean nothing for simulated sites).

    Returns
    -------
    list of Path
        ``curation_sets.csv`` (`table_one`), ``curation_exact.csv`` (`pair_shares`; its
        ``exact_percent`` is the share of pairs), ``curation_regions.csv`` (`regions`),
        ``curation_readings.csv`` (`readings`, the first row the paper's),
        ``curation_windows.csv`` (`window_sensitivity`) and ``curated.json`` (n, rule, paper_n).
    """
    folder = Path(folder)
    choices = (window, rule, outvoted, length)
    sets = table_one(sites, *choices)
    exact = pair_shares(sites, window, length).round({"exact_percent": 2})
    read = readings(sites, window, length)
    n = len(curate(sites, *choices))
    summary: dict[str, object] = {
        "n": n,
        "rule": f"{rule}, {outvoted}, window {window} nt: {RULES[rule]}; {OUTVOTED[outvoted]}",
    }
    set_columns = ["source", "n_sites", "n_shared"]
    exact_columns = ["source", "other", "n_shared", "exact_percent"]
    if beside_paper:
        set_columns += ["paper_n_sites", "paper_n_shared"]
        exact_columns += ["paper_exact_percent"]
        read = pd.concat(
            [pd.DataFrame([{"rule": "paper", "outvoted": "", **PRINTED}]), read],
            ignore_index=True,
        )
        summary["paper_n"] = paper.CURATED["n"]
    tables = {
        "curation_sets.csv": sets[set_columns],
        "curation_exact.csv": exact[exact_columns],
        "curation_regions.csv": regions(sites, *choices),
        "curation_readings.csv": read,
        "curation_windows.csv": window_sensitivity(
            sites, rule=rule, outvoted=outvoted, length=length
        ),
    }
    for name, table in tables.items():
        with writing(folder / name) as path:
            table.to_csv(path, index=False)
    with writing(folder / "curated.json") as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return [folder / name for name in (*tables, "curated.json")]
