"""How far several sets of start sites agree, counted beside the paper's numbers; frames alone.

Shared sites by pairs and by Venn region, the shifts between them, the paper's Table 1 under every
interpretation of its rules, and how many known sites a curated set recovers. Counts are of *units*
as `curation.curate` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import paper
from genoattn.data.curation import (
    MEMBERS,
    OUTVOTED,
    PAPER,
    RULES,
    SOURCES,
    Merging,
    cluster,
    curate,
    neighbours,
    unit_masks,
)

__all__ = [
    "PRINTED",
    "groups",
    "interpretations",
    "pair_shares",
    "partnered",
    "recovered_by",
    "recovery",
    "regions",
    "shared",
    "shift_distribution",
    "table_one",
    "window_sensitivity",
]


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
        As in `curation.neighbours`.

    Returns
    -------
    DataFrame
        One row a source: source, n_sites, n_shared, percent_shared.
    """
    code, n_sources = merging.codes(sites), len(merging.sources)
    n_sites = np.bincount(code, minlength=n_sources)
    n_shared = np.bincount(code[partnered(sites, merging)], minlength=n_sources)
    return pd.DataFrame(
        {
            "source": merging.sources,
            "n_sites": n_sites,
            "n_shared": n_shared,
            "percent_shared": _percent(n_shared, n_sites),
        }
    )


def partnered(sites: pd.DataFrame, merging: Merging = PAPER) -> NDArray[np.bool_]:
    """Tell of each site whether another source has a neighbour of it.

    Parameters
    ----------
    sites, merging
        As in `curation.neighbours`.

    Returns
    -------
    bool array, shape (n,)
        In the order of the rows.
    """
    sites = sites.reset_index(drop=True)
    pairs = neighbours(sites, merging)
    code = merging.codes(sites)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    across = code[first] != code[second]
    found = np.zeros(len(sites), dtype=bool)
    found[first[across]] = True
    found[second[across]] = True
    return found


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
        As in `curation.neighbours`.

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
        As in `curation.neighbours`.

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
        As in `curation.neighbours`.

    Returns
    -------
    DataFrame
        A row for each of `groups` (15 for four sources): members (names joined by ``+``, oldest
        technique first) and n (units that have sites of exactly these sources).
    """
    sources = merging.sources
    masks = unit_masks(merging.codes(sites), cluster(sites, merging))
    n = np.bincount(masks, minlength=1 << len(sources))
    rows = [
        ("+".join(group), int(n[sum(1 << sources.index(name) for name in group)]))
        for group in groups(sources)
    ]
    return pd.DataFrame(rows, columns=["members", "n"])


def _counts(sites: pd.DataFrame, merging: Merging) -> dict[str, int]:
    """The numbers by which an interpretation is judged; of four sources, the paper has them too."""
    masks = unit_masks(merging.codes(sites), cluster(sites, merging))
    size = MEMBERS[masks]
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
        As in `curation.neighbours`; all of `curation.RULES` and `curation.OUTVOTED` are tried.

    Returns
    -------
    DataFrame
        One row for each of `curation.RULES` and `curation.OUTVOTED`. Columns: rule, outvoted,
        ``shared_by_<k>`` (units with at least k sources, from two to all), ``<source>_shared``
        (units with a site of the source and of another), ``<trusted>_only`` (units of the trusted
        source alone) and curated (size of the curated set: shared_by_2 and the latter together).
        `PRINTED` has the paper's values.
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
        As in `curation.neighbours`.

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
        As in `curation.neighbours`; its window is not used.
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
        One row for each of `curation.RULES` and `curation.OUTVOTED`: rule, outvoted, and the
        columns of `recovery`.
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
