"""By how much one set of sites agrees better with a reference than another; frames alone.

The two sets share sites, and both are compared with the same reference. So blocks of the genome are
drawn anew with all sites that lie in them, and the difference is computed in each draw (a paired
block bootstrap; Politis and Romano 1994).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.agreement import partnered
from genoattn.data.curation import Merging
from genoattn.evaluation.bootstrap import Resampling

__all__ = ["harmonic_lead"]


def harmonic_lead(
    first: pd.DataFrame,
    second: pd.DataFrame,
    reference: pd.DataFrame,
    tolerance: int,
    resampling: Resampling,
) -> tuple[float, float, float]:
    """Harmonic mean of precision and recall of the first set minus that of the second.

    Parameters
    ----------
    first, second, reference : DataFrame
        Columns position (0-based) and strand, each site once.
    tolerance : int
        Largest distance in nt at which a site is confirmed, and one of the reference found.
    resampling : Resampling
        Of the whole genome, which is circular.

    Returns
    -------
    (float, float, float)
        The difference, and the limits of its interval.
    """
    scores = [_scores(sites, reference, tolerance, resampling) for sites in (first, second)]
    whole, drawn = scores[0][0] - scores[1][0], scores[0][1] - scores[1][1]
    return float(whole), *resampling.interval(drawn)


def _scores(
    sites: pd.DataFrame, reference: pd.DataFrame, tolerance: int, resampling: Resampling
) -> tuple[float, NDArray[np.float64]]:
    """The harmonic mean of a set, and of every draw: 2 PR / (P + R)."""
    length = resampling.block.size
    both = pd.concat(
        [sites.assign(source="sites"), reference.assign(source="reference")], ignore_index=True
    )[["source", "position", "strand"]]
    near = partnered(both, Merging(("sites", "reference"), None, tolerance, length=length))
    block = resampling.block[both["position"].to_numpy()]
    own = both["source"].eq("sites").to_numpy()
    n_blocks = resampling.draws.shape[1]
    parts = np.stack(
        [
            np.bincount(block[mask], minlength=n_blocks)
            for mask in (near & own, own, near & ~own, ~own)
        ]
    )
    return float(_harmonic(parts.sum(axis=1))), _harmonic(parts @ resampling.draws.T)


def _harmonic(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 PR / (P + R), from confirmed sites, sites, found ones of the reference, and all of it."""
    confirmed, n_sites, found, n_reference = counts
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = confirmed / n_sites, found / n_reference
        return np.asarray(2 * precision * recall / (precision + recall))
