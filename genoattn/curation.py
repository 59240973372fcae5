"""From several tables of TSSs to one curated set; may touch site frames, and files it is told to.

The paper (Results, "The evaluated annotation sets have many different annotated start sites";
Table 1, Figure 2) compares four sets of transcription start sites (TSSs) and merges them by three
rules: a TSS counts when two separate data sets have it within five nucleotides; its position is
decided by majority vote, ties by the novelty of the technique; every SEnd-seq TSS is kept.

What "a TSS within five nucleotides" means for three or four data sets, the paper leaves open.
Here a *reading* of it (`RULES`) is a way to divide the sites into *units*, one unit for one TSS.
Everything that follows (Venn regions, Table 1, the curated set) is counted in units.

Sites are 0-based forward coordinates of the +1 nucleotide; sites on different strands never
match. The distance of two sites is the difference of their positions, on a circular genome the
shorter way round.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from genoattn import paper
from genoattn.files import writing

__all__ = [
    "RULES",
    "SOURCES",
    "CurationError",
    "agreement",
    "cluster",
    "curate",
    "neighbours",
    "pair_shares",
    "readings",
    "regions",
    "shared",
    "shift_distribution",
    "table_one",
    "window_sensitivity",
    "write_aggregates",
]

#: The four data sets, from the oldest technique to the newest; ties go to the newest.
SOURCES: tuple[str, ...] = ("regulondb", "cappable", "smrt", "sendseq")

#: Readings of "within five nucleotides" for more than two data sets.
RULES: dict[str, str] = {
    "one-to-one": (
        "closest pairs of different sources are joined first; a TSS has at most one site of each "
        "source, all of them within the window of one another"
    ),
    "complete-link": (
        "closest pairs are joined first; a TSS may have several sites of a source, all of them "
        "within the window of one another"
    ),
    "star": (
        "a site of the newest technique takes every free site within the window of it, then the "
        "next newest technique does, and so on"
    ),
    "single-link": (
        "sites are one TSS when steps of at most the window lead from each to the next, however "
        "long the chain"
    ),
}

_KEPT = "sendseq"  # the third rule: every site of this source stays in the curated set


class CurationError(ValueError):
    """Sites, a window or a rule that cannot be curated with."""


def _checked(sites: pd.DataFrame, window: int, length: int | None) -> pd.DataFrame:
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
    rule: str = "one-to-one",
    length: int | None = None,
) -> np.ndarray:
    """Divide sites into units, one unit for one TSS.

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.
    rule : str
        One of `RULES`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of the unit of each site, from 0, in the order of `sites`.

    Raises
    ------
    CurationError
        As `neighbours`, and for a rule that is not known.
    """
    sites = _checked(sites, window, length)
    if rule not in RULES:
        raise CurationError(f"rule: {rule!r} is not known; choose one of {list(RULES)}")
    pairs = neighbours(sites, window, length)
    n = len(sites)
    if rule == "single-link":
        ones = np.ones(len(pairs), dtype=bool)
        graph = coo_matrix((ones, (pairs["first"], pairs["second"])), shape=(n, n))
        unit = connected_components(graph, directed=False)[1]
    elif rule == "star":
        unit = _stars(_codes(sites), pairs)
    else:
        unit = _agglomerate(_codes(sites), pairs, window, one_each=rule == "one-to-one")
    # Number the units by their first site.
    _, first, inverse = np.unique(unit, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _agglomerate(code: np.ndarray, pairs: pd.DataFrame, window: int, one_each: bool) -> np.ndarray:
    """Join the closest pairs first, as long as all of a unit stay within the window.

    Equal distances: the pair of the newest techniques first, then along the genome. With
    `one_each`, only sites of different sources are joined and a unit has one of each at most.
    """
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    distance = pairs["distance"].to_numpy()
    if one_each:
        across = code[first] != code[second]
        first, second, distance = first[across], second[across], distance[across]
    newer = np.maximum(code[first], code[second])
    older = np.minimum(code[first], code[second])
    order = np.lexsort((first, -older, -newer, distance))
    unit = list(range(len(code)))
    members = {k: [k] for k in unit}
    sources = [1 << int(c) for c in code]  # bit mask of the sources in each unit
    near = set(zip(pairs["first"], pairs["second"], strict=True))
    for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True):
        u, v = unit[a], unit[b]
        if u == v or (one_each and sources[u] & sources[v]):
            continue
        if not all((x, y) in near or (y, x) in near for x in members[u] for y in members[v]):
            continue
        for x in members[v]:
            unit[x] = u
        members[u] += members.pop(v)
        sources[u] |= sources[v]
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


def _unit_masks(code: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Bit mask of the sources in each unit, shape (units,): bit k is `SOURCES[k]`."""
    mask = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(mask, unit, 1 << code)
    return mask


def _names(mask: int) -> str:
    """Sources of a bit mask, oldest first, joined by plus signs."""
    return "+".join(name for k, name in enumerate(SOURCES) if mask >> k & 1)


_COUNT = np.array([k.bit_count() for k in range(1 << len(SOURCES))])  # sources in a mask


def regions(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "one-to-one",
    length: int | None = None,
) -> pd.DataFrame:
    """Count the units in each region of the Venn diagram (Figure 2A).

    Parameters
    ----------
    sites, window, rule, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        15 rows, members (source names joined by ``+``, oldest first; one source, then two,
        three, four) and n (units that have sites of exactly these sources).
    """
    masks = _unit_masks(_codes(sites), cluster(sites, window, rule, length))
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
    rule: str = "one-to-one",
    length: int | None = None,
) -> pd.DataFrame:
    """Build the curated set by the paper's three rules.

    (1) A unit with sites of at least two sources is a TSS. (2) Its position is the one on which
    most sources vote; a tie goes to the position that the newest technique votes for (SEnd-seq,
    SMRT-Cappable-seq, Cappable-seq, RegulonDB), and if that technique votes for several, to the
    most upstream of them. (3) Units of SEnd-seq alone are kept too, at every of their positions.

    Parameters
    ----------
    sites, window, rule, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        A sites frame (distinct by position and strand, sorted): position, strand, source
        (``curated``), n_sources, members (source names joined by ``+``), kind (``shared`` or
        ``sendseq-only``), votes (sources at exactly this position).
    """
    sites = sites.reset_index(drop=True)
    code = _codes(sites)
    unit = cluster(sites, window, rule, length)
    masks = _unit_masks(code, unit)
    shared_unit = _COUNT[masks] >= 2
    # One row for each position of each unit, with the sources that vote for it.
    votes = pd.DataFrame(
        {
            "unit": unit,
            "position": sites["position"].to_numpy(np.int64),
            "strand": sites["strand"].to_numpy(),
            "mask": 1 << code,
        }
    )
    votes = votes.groupby(["unit", "position", "strand"], as_index=False)["mask"].sum()
    votes["votes"] = _COUNT[votes["mask"]]
    votes["newest"] = np.floor(np.log2(votes["mask"].to_numpy(np.float64))).astype(np.int64)
    votes["upstream"] = _upstream_rank(votes, length)
    ballot = votes.sort_values(
        ["unit", "votes", "newest", "upstream"], ascending=[True, False, False, True]
    )
    elected = ballot[shared_unit[ballot["unit"]]].drop_duplicates("unit").assign(kind="shared")
    alone = ballot[masks[ballot["unit"]] == 1 << SOURCES.index(_KEPT)].assign(kind=f"{_KEPT}-only")
    chosen = pd.concat([elected, alone])
    chosen["n_sources"] = _COUNT[masks[chosen["unit"]]]
    chosen["members"] = [_names(m) for m in masks[chosen["unit"]]]
    chosen["source"] = "curated"
    # Two units can elect one position only if a site between them was given to either; keep the
    # better supported.
    chosen = chosen.sort_values(
        ["position", "strand", "n_sources", "votes"], ascending=[True, True, False, False]
    ).drop_duplicates(["position", "strand"])
    columns = ["position", "strand", "source", "n_sources", "members", "kind", "votes"]
    return chosen[columns].reset_index(drop=True)


def _upstream_rank(votes: pd.DataFrame, length: int | None) -> np.ndarray:
    """Rank that is smaller for the more upstream position of a unit, also across the origin."""
    position = votes["position"].to_numpy(np.int64)
    if length is not None:
        lowest = votes.groupby("unit")["position"].transform("min").to_numpy()
        highest = votes.groupby("unit")["position"].transform("max").to_numpy()
        across = highest - lowest > length // 2
        position = np.where(across & (position < length // 2), position + length, position)
    return np.where(votes["strand"] == "-", -position, position)


def _counts(sites: pd.DataFrame, window: int, rule: str, length: int | None) -> dict[str, int]:
    """The numbers by which a reading is judged, each with a counterpart in the paper."""
    venn = regions(sites, window, rule, length)
    size = venn["members"].str.count(r"\+") + 1
    curated = curate(sites, window, rule, length)
    result = {f"shared_by_{k}": int(venn.loc[size >= k, "n"].sum()) for k in (2, 3, 4)}
    for name in SOURCES:
        has = venn["members"].str.split("+").map(lambda members, name=name: name in members)
        result[f"{name}_shared"] = int(venn.loc[has & (size >= 2), "n"].sum())
    result["sendseq_only"] = int((curated["kind"] == f"{_KEPT}-only").sum())
    result["curated"] = len(curated)
    return result


def readings(
    sites: pd.DataFrame,
    window: int = 5,
    length: int | None = None,
    rules: Iterable[str] = tuple(RULES),
) -> pd.DataFrame:
    """Set the readings of "within five nucleotides" side by side with the paper.

    Parameters
    ----------
    sites, window, length
        As in `neighbours`.
    rules : iterable of str
        Which of `RULES`.

    Returns
    -------
    DataFrame
        First row ``paper``, then one row a rule. Columns: reading, shared_by_2, shared_by_3,
        shared_by_4 (units with at least as many sources), ``<source>_shared`` (units with a site
        of the source and of another), sendseq_only, curated, and curated_percent_off (deviation
        of the size of the curated set from the paper's, in percent).
    """
    printed: dict[str, object] = {"reading": "paper"}
    printed |= {f"shared_by_{k}": n for k, n in paper.SHARED_BY.items()}
    printed |= {f"{name}_shared": int(paper.TABLE_ONE[name]["n_shared"]) for name in SOURCES}
    printed |= {"sendseq_only": paper.CURATED["sendseq_only"], "curated": paper.CURATED["n"]}
    rows = [printed]
    rows += [{"reading": rule, **_counts(sites, window, rule, length)} for rule in rules]
    table = pd.DataFrame(rows)
    table["curated_percent_off"] = 100.0 * (table["curated"] / paper.CURATED["n"] - 1.0)
    return table


def table_one(
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "one-to-one",
    length: int | None = None,
) -> pd.DataFrame:
    """Table 1 of the paper, ours beside the paper's.

    Parameters
    ----------
    sites, window, rule, length
        As in `cluster`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared (units with a site of this and of another
        source), percent_shared, n_shared_strict (sites with a partner, as in `shared`),
        percent_shared_strict, paper_n_sites, paper_n_shared, paper_percent_shared.
    """
    strict = shared(sites, window, length)
    counts = _counts(sites, window, rule, length)
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
    rule: str = "one-to-one",
    length: int | None = None,
) -> pd.DataFrame:
    """Repeat the counting with other windows.

    Parameters
    ----------
    sites, rule, length
        As in `cluster`.
    windows : sequence of int
        Windows in nt.

    Returns
    -------
    DataFrame
        One row a window: window and the counts of `readings` (without the paper's).
    """
    return pd.DataFrame([{"window": w, **_counts(sites, w, rule, length)} for w in windows])


def agreement(
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


def write_aggregates(
    folder: str | Path,
    sites: pd.DataFrame,
    window: int = 5,
    rule: str = "one-to-one",
    length: int | None = None,
) -> list[Path]:
    """Write the aggregated counts of a curation; no site is among them.

    Parameters
    ----------
    folder : str or Path
        Where to write; created when missing.
    sites, window, rule, length
        As in `cluster`.

    Returns
    -------
    list of Path
        ``curation_sets.csv``, ``curation_exact.csv``, ``curation_regions.csv``,
        ``curation_readings.csv``, ``curation_windows.csv`` and ``curated.json``. In the second,
        ``exact_percent`` is the share of pairs, see `pair_shares`.
    """
    folder = Path(folder)
    tables = {
        "curation_sets.csv": table_one(sites, window, rule, length)[
            ["source", "n_sites", "n_shared", "paper_n_sites", "paper_n_shared"]
        ],
        "curation_exact.csv": pair_shares(sites, window, length)[
            ["source", "other", "n_shared", "exact_percent", "paper_exact_percent"]
        ].round({"exact_percent": 2}),
        "curation_regions.csv": regions(sites, window, rule, length),
        "curation_readings.csv": readings(sites, window, length).round(2),
        "curation_windows.csv": window_sensitivity(sites, rule=rule, length=length),
    }
    for name, table in tables.items():
        with writing(folder / name) as path:
            table.to_csv(path, index=False)
    summary = {
        "n": len(curate(sites, window, rule, length)),
        "rule": f"{rule}, window {window} nt: {RULES[rule]}",
        "paper_n": paper.CURATED["n"],
    }
    with writing(folder / "curated.json") as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return [folder / name for name in (*tables, "curated.json")]
