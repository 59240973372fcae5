"""Which elements a network reads: motifs of its mutation map, at their places; touches modisco.

TF-MoDISco (Shrikumar et al. 2018, arXiv:1811.00416; here modisco-lite) takes short stretches that
contribute much ("seqlets") out of the maps of all sites and groups those whose hypothetical
contributions are alike. It knows nothing of places. So each pattern is laid back onto the sites: a
pattern that occurs at several distances from the start is as many elements, one for each.

What a found element is called is settled by place first (`naming.name_places`: few hypotheses),
then by TOMTOM against all known motifs; patterns of one name at one place are one element. What it
is worth is measured by replacing it (`replacement.replace`), not read off the map.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from genoattn.evaluation import bootstrap
from genoattn.genome.motifs import Motif, count_matrix, iupac_consensus, probability_matrix
from genoattn.genome.sequence import Genome, encode
from genoattn.genome.sites import paper_label
from genoattn.heads.elements import PAPER_ELEMENTS, Element
from genoattn.heads.tomtom import element_motifs, tomtom, trimmed, with_decoys
from genoattn.interventions.naming import name_places, named, with_q
from genoattn.interventions.replacement import replace
from genoattn.interventions.saturation import MutationMap
from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.prediction.threads import numba_alone

__all__ = [
    "Found",
    "Pattern",
    "compile_kernels",
    "discover",
    "elements_used",
    "known_by_place",
    "known_by_shape",
    "laid",
    "worth",
]

WINDOW = 9
"""Nucleotides whose contributions are added up to find seqlets."""
FLANK = 3
"""Nucleotides that a seqlet has on each side of its window."""
SPREAD = 7
"""Places (nt) that one element may take: that much does the distance to a start vary."""
MOST_WINDOWS = 0.4
"""Share of all windows that may be seqlets at most: a promoter's elements fill its region."""
LEIDEN_RUNS = 5
"""Clusterings from different seeds, of which the best is taken."""
WEAK = 0.25
"""Outer columns of a pattern that contribute less than this share of its best column are cut."""


@dataclass(frozen=True)
class Pattern:
    """A motif that contributes, at one distance from the start.

    Attributes
    ----------
    row : int array, shape (n,)
        Sites of the map at which it was found, each once.
    first : int array, shape (n,)
        Offset of its first nucleotide there.
    counts : int array, shape (k, 4)
        Letters of its columns.
    contribution : float array, shape (k, 4)
        Mean hypothetical contribution, log-odds.
    """

    row: NDArray[np.int64]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]
    contribution: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.counts)

    @property
    def offset(self) -> int:
        """The most frequent offset of the first nucleotide."""
        values, number = np.unique(self.first, return_counts=True)
        return int(values[number.argmax()])

    @property
    def consensus(self) -> str:
        """IUPAC letters of the columns."""
        return iupac_consensus(self.counts)


def discover(found: MutationMap, *, min_seqlets: int = 20) -> list[Pattern]:
    """Find the motifs of a mutation map, and place them.

    Parameters
    ----------
    found : MutationMap
    min_seqlets : int
        Fewest sites of a pattern at a place.

    Returns
    -------
    list of Pattern
        Most sites first. Empty if the map has too few seqlets to be grouped.
    """
    patterns: list[Pattern] = []
    for one in _modisco(found, min_seqlets):
        row, start, width = _oriented(one.seqlets)
        mean = np.stack(
            [found.hypothetical[r, s : s + width] for r, s in zip(row, start, strict=True)]
        ).mean(0)
        letters = count_matrix(
            np.stack([found.codes[r, s : s + width] for r, s in zip(row, start, strict=True)])
        )
        left, right = _core(np.abs((mean * letters / len(row)).sum(1)))
        for chosen in _by_place(start, min_seqlets):
            patterns.append(laid(found, row[chosen], start[chosen] + left, right - left))
    return sorted((p for p in patterns if len(p) >= min_seqlets), key=len, reverse=True)


def _modisco(found: MutationMap, min_seqlets: int) -> list[Any]:
    """Patterns of modisco-lite, those that raise the output and those that lower it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from modiscolite.tfmodisco import TFMoDISco

        _keep_compiled()
        with numba_alone():  # with more threads it forks, and a child beside torch's may hang
            both = TFMoDISco(
                found.onehot,
                np.ascontiguousarray(found.hypothetical),
                sliding_window_size=WINDOW,
                flank_size=FLANK,
                min_metacluster_size=min_seqlets,
                max_passing_windows_frac=MOST_WINDOWS,
                trim_to_window_size=WINDOW + 2 * FLANK,
                initial_flank_to_add=0,
                final_min_cluster_size=min_seqlets,
                n_leiden_runs=LEIDEN_RUNS,
            )
    return [pattern for patterns in both for pattern in patterns or []]


def _kernels() -> list[Any]:
    """What numba compiles of modisco-lite."""
    from modiscolite import affinitymat, aggregator, gapped_kmer, util
    from numba.core.dispatcher import Dispatcher

    modules = (affinitymat, aggregator, gapped_kmer, util)
    values = (one for module in modules for one in vars(module).values())
    return [one for one in values if isinstance(one, Dispatcher)]


def _keep_compiled() -> None:
    """Let numba keep what it compiles of modisco-lite, so that the next process need not.

    modisco-lite asks for it only where it forks.
    """
    for kernel in _kernels():
        if not kernel.overloads:
            with suppress(RuntimeError):  # there is no folder where numba may write
                kernel.enable_caching()


def compile_kernels() -> list[Pattern]:
    """Let numba compile what `discover` and `known_by_shape` need, on a few made-up sites.

    It takes up to a minute once, and is kept beside the installed packages for later processes.

    Returns
    -------
    list of Pattern
        Of the made-up sites.
    """
    rng = np.random.default_rng(0)
    n, width = 60, 60
    codes = rng.integers(0, 4, (n, width)).astype(np.uint8)
    change = rng.normal(0, 0.1, (n, width, 4)).astype(np.float32)
    for first, box in ((5, "TTGACA"), (30, "TATAAT")):
        inside = slice(first, first + len(box))
        codes[:, inside] = encode(box)
        change[:, inside] -= 3.0
    np.put_along_axis(change, codes[..., None].astype(np.int64), 0.0, axis=2)
    patterns = discover(MutationMap(pd.DataFrame(), np.arange(width), codes, change))
    known = element_motifs(PAPER_ELEMENTS, seed=0)
    known_by_shape(patterns, known, background=np.full(4, 0.25), seed=0)
    return patterns


def _oriented(seqlets: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Sites and places (columns of the map) of a pattern's seqlets on the sites' own strand.

    TF-MoDISco puts a motif and its reverse complement together; a promoter's strand is known, so
    the orientation of most is kept and the others are left out; each site counts once a place.
    """
    reverse = np.array([one.is_revcomp for one in seqlets])
    kept = [one for one, turned in zip(seqlets, reverse, strict=True)
            if turned == (reverse.mean() > 0.5)]  # fmt: skip
    places = np.unique([(one.example_idx, one.start) for one in kept], axis=0)
    return places[:, 0], places[:, 1], kept[0].end - kept[0].start


def _core(worth: NDArray[np.floating]) -> tuple[int, int]:
    """First and last column (half-open) that contribute enough, at least four."""
    told = np.flatnonzero(worth >= WEAK * worth.max())
    left, right = int(told[0]), int(told[-1]) + 1
    while right - left < min(4, len(worth)):
        left, right = max(0, left - 1), min(len(worth), right + 1)
    return left, right


def _by_place(start: NDArray[np.int64], fewest: int) -> list[NDArray[np.int64]]:
    """Seqlets of each stretch of `SPREAD` places that holds enough of them, fullest first."""
    left = np.arange(len(start))
    groups = []
    while len(left) >= fewest:
        inside = (start[left] >= start[left][:, None]) & (
            start[left] < start[left][:, None] + SPREAD
        )
        best = inside[inside.sum(1).argmax()]
        if best.sum() < fewest:
            break
        groups.append(left[best])
        left = left[~best]
    return groups


def laid(
    found: MutationMap, row: NDArray[np.int64], start: NDArray[np.int64], width: int
) -> Pattern:
    """The pattern of some places (columns of the map), those beyond its ends left out."""
    inside = (start >= 0) & (start + width <= len(found.offset))
    row, start = row[inside], start[inside]
    order = np.argsort(-_worth(found, row, start, width), kind="stable")
    _, once = np.unique(row[order], return_index=True)  # a site counts by its strongest place
    row, start = row[order][once], start[order][once]
    covered = start[:, None] + np.arange(width)
    return Pattern(
        row,
        found.offset[start],
        count_matrix(found.codes[row[:, None], covered]),
        found.hypothetical[row[:, None], covered].mean(0).astype(np.float64),
    )


def _worth(
    found: MutationMap, row: NDArray[np.int64], start: NDArray[np.int64], width: int
) -> NDArray[np.floating]:
    """Contribution of each place's letters, absolute."""
    covered = start[:, None] + np.arange(width)
    return np.abs(found.contribution[row[:, None], covered].sum(1))


# ------------------------------------------------------------------------------ what it is called


def known_by_place(
    patterns: Sequence[Pattern],
    found: MutationMap,
    elements: Sequence[Element],
    block: NDArray[np.int64],
    *,
    background: NDArray[np.floating],
) -> pd.DataFrame:
    """Hold patterns against known elements at their places.

    Parameters
    ----------
    patterns : sequence of Pattern
    found : MutationMap
    elements : sequence of Element
    block : int array, shape (n,)
        Block of the genome of each site of the map.
    background : float array, shape (4,)

    Returns
    -------
    DataFrame
        `naming.name_places` and `naming.with_q` over all patterns and elements, with ``pattern``
        (its number). Elements that no place of a pattern overlaps are not asked for.
    """
    tables = []
    for number, one in enumerate(patterns):
        near = [element for element in elements if _overlaps(one, element)]
        if not near:
            continue
        within = np.zeros(found.codes.shape)
        covered = (one.first - found.offset[0])[:, None] + np.arange(one.width)
        amount = found.contribution[one.row[:, None], covered]
        within[one.row[:, None], covered] = np.sign(amount.sum()) * amount
        anchor = np.full(len(found.codes), int(found.offset[0]))
        anchor[one.row] = one.first
        asked = name_places(
            within, found.codes, found.offset, near, block, background=background, anchor=anchor
        )
        tables.append(asked.assign(pattern=number))
    return with_q(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()


def _overlaps(pattern: Pattern, element: Element) -> bool:
    """Whether an element can cover at least half of its letters where a pattern usually lies."""
    width = len(element.probabilities)
    shared = [
        min(place + width, pattern.offset + pattern.width) - max(place, pattern.offset)
        for place in element.places
    ]
    return 2 * max(shared) >= min(width, pattern.width)


def known_by_shape(
    patterns: Sequence[Pattern],
    known: Sequence[Motif],
    *,
    background: NDArray[np.floating],
    seed: int,
) -> pd.DataFrame:
    """Hold patterns against known motifs wherever these lie (TOMTOM): the best match of each.

    Returns
    -------
    DataFrame
        ``pattern``, ``best_match``, ``p_value`` and ``q_value`` (Benjamini-Hochberg over all
        patterns and motifs).
    """
    if not patterns:
        return pd.DataFrame(columns=["pattern", "best_match", "p_value", "q_value"])
    matrices = [
        trimmed(probability_matrix(one.counts, background=background), background)
        for one in patterns
    ]
    both = with_decoys(known, seed=seed)
    p_value = tomtom(matrices, both)["p_value"][:, : len(known)]
    q_value = false_discovery_control(p_value.ravel()).reshape(p_value.shape)
    best = p_value.argmin(1)
    every = np.arange(len(patterns))
    return pd.DataFrame(
        {
            "pattern": every,
            "best_match": [known[match].name for match in best],
            "p_value": p_value[every, best],
            "q_value": q_value[every, best],
        }
    )


@dataclass(frozen=True)
class Found:
    """An element that a network uses: the patterns of one name at one place.

    Attributes
    ----------
    name : str
        That of a known element or motif, or its letters and place.
    pattern : Pattern
        Of all its sites together; columns and places are those of its largest pattern.
    best_match : str
        The known element or motif that it resembles most; empty without any.
    q_value : float
        Of that match.
    by_place : bool
        Whether the name comes from its place (else from its shape, or it has none).
    """

    name: str
    pattern: Pattern
    best_match: str
    q_value: float
    by_place: bool

    def as_element(self, background: NDArray[np.floating]) -> Element:
        """As an element that can be looked for: its letters, at the places where it was found."""
        places = np.quantile(self.pattern.first, [0.05, 0.95]).round().astype(int)
        shares = probability_matrix(self.pattern.counts, background=background)
        source = f"found at {len(self.pattern)} sites"
        return Element(self.name, shares, tuple(range(places[0], places[1] + 1)), source)


def worth(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    used: Sequence[Found],
    found: MutationMap,
    block: NDArray[np.int64],
    *,
    most: int,
    n_draws: int,
    composition: NDArray[np.floating],
    n_bootstrap: int,
    level: float,
    seed: int,
    progress: bool = True,
) -> pd.DataFrame:
    """What each element is worth to the network: its letters are replaced by random ones.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
    genome : Genome
    used : sequence of Found
        `elements_used`.
    found : MutationMap
    block : int array, shape (n,)
        Block of the genome of each site of the map.
    most : int
        Copies of each element that are replaced, drawn at random.
    n_draws : int
        Replacements of each copy.
    composition : float array, shape (4,)
    n_bootstrap, level, seed
        Resamples of blocks, coverage, seed.
    progress : bool

    Returns
    -------
    DataFrame
        A row an element: ``element``, ``offset`` (of its first nucleotide, where most have it),
        ``n_seqlets`` (sites with it), ``effect`` (mean change of the log-odds without it),
        ``ci_low``, ``ci_high``, ``best_match``, ``q_value``, ``consensus``, ``by_place``.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for one in used:
        pattern = one.pattern
        chosen = np.sort(rng.permutation(len(pattern))[:most])
        stretches = found.sites.iloc[pattern.row[chosen]][["position", "strand"]].assign(
            first=pattern.first[chosen], last=pattern.first[chosen] + pattern.width - 1
        )
        replaced = replace(network, genome, stretches, n_draws=n_draws, composition=composition,
                           seed=seed, progress=progress)  # fmt: skip
        change = replaced["change"].to_numpy()
        number = np.unique(block[pattern.row[chosen]], return_inverse=True)[1]
        draws = bootstrap.resample(number, n_bootstrap, seed)[:, number]
        low, high = bootstrap.interval(draws @ change / draws.sum(1), level)
        rows.append(
            (one.name, pattern.offset, len(pattern), change.mean(), low, high, one.best_match,
             one.q_value, pattern.consensus, one.by_place)
        )  # fmt: skip
    columns = ["element", "offset", "n_seqlets", "effect", "ci_low", "ci_high", "best_match",
               "q_value", "consensus", "by_place"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def elements_used(
    patterns: Sequence[Pattern],
    found: MutationMap,
    by_place: pd.DataFrame,
    by_shape: pd.DataFrame,
    *,
    max_q: float = 0.05,
) -> list[Found]:
    """Name patterns, and put those of one name at one place together.

    Parameters
    ----------
    patterns, found
        `discover` and what it was given.
    by_place, by_shape : DataFrame
        `known_by_place`, `known_by_shape`.
    max_q : float
        A match of a greater q gives no name.
    """
    called: dict[tuple[str, bool], list[tuple[Pattern, str, float]]] = {}
    for number, one in enumerate(patterns):
        name, match, q, placed = _name(number, one, by_place, by_shape, max_q)
        called.setdefault((name, placed), []).append((one, match, q))
    every = []
    for (name, placed), parts in called.items():
        largest = parts[0][0]  # patterns come most sites first
        row = np.concatenate([largest.row, *(one.row for one, _, _ in parts[1:])])
        start = np.concatenate([_aligned(one, largest) for one, _, _ in parts])
        pattern = laid(found, row, start - found.offset[0], largest.width)
        best = min(parts, key=lambda part: part[2])
        every.append(Found(name, pattern, best[1], best[2], placed))
    return sorted(every, key=lambda one: len(one.pattern), reverse=True)


def _aligned(one: Pattern, to: Pattern) -> NDArray[np.int64]:
    """Offsets at which the other pattern's first column lies where this one was found."""
    if one is to:
        return one.first
    a, b = one.contribution, to.contribution
    shifts = range(1 - len(b), len(a))
    best = max(shifts, key=lambda shift: _product(a, b, shift))
    return one.first + best


def _product(a: NDArray[np.float64], b: NDArray[np.float64], shift: int) -> float:
    """Sum of products of two matrices, the second shifted to the right."""
    left, right = max(0, shift), min(len(a), shift + len(b))
    return float((a[left:right] * b[left - shift : right - shift]).sum())


def _name(
    number: int, one: Pattern, by_place: pd.DataFrame, by_shape: pd.DataFrame, max_q: float
) -> tuple[str, str, float, bool]:
    """Name, best match, its q, and whether it is by place."""
    mine = by_place[by_place["pattern"] == number] if len(by_place) else by_place
    best = named(mine, max_q=max_q) if len(mine) else None
    if best is not None:
        return str(best["element"]), str(best["element"]), float(best["q_value"]), True
    alone = f"{one.consensus} at {paper_label(one.offset):+d}"
    shape = by_shape[by_shape["pattern"] == number]
    if shape.empty:
        return alone, "", 1.0, False
    match, q = str(shape["best_match"].iloc[0]), float(shape["q_value"].iloc[0])
    return (match if q <= max_q else alone), match, q, False
