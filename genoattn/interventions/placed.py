"""Where in a mutation map an element is read, and how much it counts; touches saturation's maps.

A network that was trained on one species reads another's promoters with the elements that it knows,
and may find them elsewhere. So the place of an element is not given but looked for: it is where, in
the mean over sites, substitutions within a stretch of its width cost most. What they cost *there*
is measured at other sites than those that chose the place; otherwise the greatest of several
chance effects would pass for one. It is compared with substitutions of the same sites in the spacer
and downstream, where no element lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.heads.elements import PAPER_ELEMENTS, UP_SUBSITES, Element
from genoattn.interventions.factors import summarise
from genoattn.interventions.saturation import MutationMap

__all__ = ["ELEMENTS", "OUTSIDE", "Readings", "place_table", "readings"]

OUTSIDE = (*range(-26, -18), *range(2, 21))
"""Offsets that no element of a promoter covers: the middle of the spacer, and downstream."""

_BOX, _FAR_BOX = PAPER_ELEMENTS[:2]
_UP = UP_SUBSITES[0]
ELEMENTS = ("UP", "-35 box", "extended -10", "-10 box", "discriminator", "start")
"""Elements asked about, 5'->3'. The paper's boxes and the proximal half of the UP element move;
the extended −10 lies right before the −10 box (TGn), the discriminator between it and the start."""


class Readings(NamedTuple):
    """What substitutions of each element cost at each site, and where the elements lie."""

    table: pd.DataFrame
    """Columns element, site (row of the map), block, change (mean cost of a substitution in the
    element, log-odds), outside (the same in `OUTSIDE`), gain (mean over the element's places of the
    best substitution)."""
    places: pd.DataFrame
    """Columns element, first, last (offsets, both inclusive), first_low, first_high."""


def readings(
    found: MutationMap,
    block: NDArray[np.int64],
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> Readings:
    """Place the elements in a mutation map, and measure what their substitutions cost.

    Parameters
    ----------
    found : MutationMap
    block : int array, shape (n,)
        Block of the genome of each site, numbered from 0 without gaps. Blocks of even number place
        the elements for those of odd number, and the other way round.
    n_bootstrap, level, seed
        Resamples of blocks for the intervals of the places, their coverage, their seed.

    Raises
    ------
    ValueError
        All sites lie in one block, or the map does not cover the elements.
    """
    if block.max() < 1:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    missing = {*OUTSIDE, *range(_UP.places[0], 1)} - set(found.offset.tolist())
    if missing:
        raise ValueError(f"the map lacks offset {min(missing)}, which elements are asked at")
    cost, best = found.cost, found.change.max(2)  # n, p
    even = block % 2 == 0
    tables = []
    for own in (even, ~even):
        rows = np.flatnonzero(own)
        for name, first, last in _stretches(cost[~own].mean(0), found.offset):
            inside = _columns(found, range(first, last + 1))
            tables.append(
                pd.DataFrame(
                    {
                        "element": name,
                        "site": rows,
                        "block": block[rows],
                        "change": cost[np.ix_(rows, inside)].mean(1),
                        "outside": cost[np.ix_(rows, _columns(found, OUTSIDE))].mean(1),
                        "gain": best[np.ix_(rows, inside)].mean(1),
                    }
                )
            )
    draws = bootstrap.resample(block, n_bootstrap, seed)[:, block]
    resampled = draws @ cost / draws.sum(1, keepdims=True)
    firsts = np.array([[first for _, first, _ in _stretches(one, found.offset)]
                       for one in resampled])  # fmt: skip
    places = pd.DataFrame(
        [
            (*stretch, *bootstrap.interval(column, level))
            for stretch, column in zip(
                _stretches(cost.mean(0), found.offset), firsts.T, strict=True
            )
        ],
        columns=["element", "first", "last", "first_low", "first_high"],
    )
    return Readings(pd.concat(tables, ignore_index=True), places)


def _columns(found: MutationMap, offsets: range | tuple[int, ...]) -> NDArray[np.int64]:
    """Columns of a map."""
    return np.asarray(offsets) - int(found.offset[0])


def _stretches(
    cost: NDArray[np.floating], offset: NDArray[np.int64]
) -> Iterator[tuple[str, int, int]]:
    """Name, first and last offset of each of `ELEMENTS` in a mean mutation map, shape (p,)."""
    far, box = (_costliest(cost, offset, one) for one in (_FAR_BOX, _BOX))
    up = _costliest(cost, offset, _UP, far)
    after = box + len(_BOX.probabilities)
    yield from zip(
        ELEMENTS,
        (up, far, box - 3, box, after, -1),
        (
            up + len(_UP.probabilities) - 1,
            far + len(_FAR_BOX.probabilities) - 1,
            box - 2,
            after - 1,
            -2,
            0,
        ),
        strict=True,
    )


def _costliest(
    cost: NDArray[np.floating], offset: NDArray[np.int64], element: Element, end: int = 1
) -> int:
    """Offset among an element's places from which its width costs most; it lies before ``end``."""
    width = len(element.probabilities)
    sums = np.convolve(cost, np.ones(width), "valid")
    places = np.array([place for place in element.places if place + width <= end])
    return int(places[sums[places - offset[0]].argmin()])


def place_table(by: pd.DataFrame, level: float) -> pd.DataFrame:
    """Mean effect of the elements beyond the substitutions outside, of several maps.

    Parameters
    ----------
    by : DataFrame
        `Readings.table` of each map, with columns model and species.
    level : float
        Coverage of intervals.

    Returns
    -------
    DataFrame
        Columns model, species, element, n_sites, change, control, effect, ci_low, ci_high, p_value,
        q_value, detectable (`genoattn.interventions.factors.summarise`) and gain; in the order of
        the maps and of `ELEMENTS`.
    """
    keys = ["model", "species", "element"]
    by = by.reset_index(drop=True)
    outside = pd.DataFrame({"treated": np.arange(len(by)), "change": by["outside"]})
    block = by["block"].to_numpy()
    table = summarise(by[[*keys, "change"]], outside, block, keys, level=level)
    table = table.merge(by.groupby(keys, sort=False)["gain"].mean().reset_index(), on=keys)
    return by[keys].drop_duplicates().merge(table, on=keys)
