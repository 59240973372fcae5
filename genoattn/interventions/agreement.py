"""Whether two networks read the same nucleotides of the same sites; touches saturation.py, arrays.

Every site has a row of contributions in a network's mutation map. Two networks read a site alike if
their rows are correlated (Pearson's r over the nucleotides of the region; scales of log-odds need
not be the same). Rows of promoters are alike anyway: whatever the site, most is read near -10. So
the null is the same correlation between the row of one site in one network and that of *another*
site in the other. What the same site has beyond it is what the two networks agree on about this
sequence and no other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.interventions.saturation import MutationMap

__all__ = ["Agreement", "agreement"]


class Agreement(NamedTuple):
    """Mean correlations of contributions, with the limits of their intervals.

    Attributes
    ----------
    n_sites : int
    same, same_low, same_high : float
        Of the same site in both networks.
    other, other_low, other_high : float
        Of different sites.
    beyond, beyond_low, beyond_high : float
        Their difference.
    """

    n_sites: int
    same: float
    same_low: float
    same_high: float
    other: float
    other_low: float
    other_high: float
    beyond: float
    beyond_low: float
    beyond_high: float


def agreement(
    one: MutationMap,
    other: MutationMap,
    block: NDArray[np.int64],
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> Agreement:
    """Correlate the mutation maps of two networks site by site, and with other sites.

    Parameters
    ----------
    one, other : MutationMap
        Of the same sites in the same order, and of the same region.
    block : int array, shape (n,)
        Block of the genome of each site, numbered from 0 without gaps, for the intervals.
    n_bootstrap, level, seed
        Resamples of blocks, coverage, seed.

    Raises
    ------
    ValueError
        The maps are of different sites or regions, or all sites lie in one block.
    """
    keys = ["position", "strand"]
    same_sites = one.sites[keys].equals(other.sites[keys])
    if not same_sites or not np.array_equal(one.offset, other.offset):
        raise ValueError("the two mutation maps are not of the same sites and the same region")
    if block.max() < 1:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    a, b = (_standard(found.contribution) for found in (one, other))
    r = a @ b.T  # n, n
    n = len(r)
    times = np.vstack([np.ones(n), bootstrap.resample(block, n_bootstrap, seed)[:, block]])
    diagonal = np.diag(r)
    same = times @ diagonal / times.sum(1)
    # pairs of different sites, each as often as the resample has both
    off = np.einsum("ri,ij,rj->r", times, r, times, optimize=True) - times**2 @ diagonal
    pairs = times.sum(1) ** 2 - (times**2).sum(1)  # none where a resample has one site only
    different = np.divide(off, pairs, out=np.full_like(off, np.nan), where=pairs > 0)
    told: list[float] = []
    for values in (same, different, same - different):
        told += [float(values[0]), *bootstrap.interval(values[1:], level)]
    return Agreement(n, *told)


def _standard(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows (n, p) with mean 0 and length 1; a row without spread stays 0."""
    centred = rows.astype(np.float64) - rows.mean(1, keepdims=True, dtype=np.float64)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
