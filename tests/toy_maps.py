"""Mutation maps whose elements are planted by hand, for tests of what is found in them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.genome.sequence import encode
from genoattn.interventions.saturation import MutationMap

OFFSET = np.arange(-60, 21)
PLANTED = {"TATAAT": -12, "TTGACA": -35}
"""Words, and where their first letters lie in the mean."""


def planted_map(n=240, share=0.75, size=1.0, noise=0.02, seed=0):
    """A map of n sites; each word stands at ``share`` of them, its letters worth ``size`` each."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, len(OFFSET))).astype(np.uint8)
    worth = np.zeros((n, len(OFFSET), 4))
    where = {}
    for word, place in PLANTED.items():
        letters = encode(word)
        has = rng.random(n) < share
        first = place + rng.integers(-1, 2, n)
        where[word] = np.where(has, first, 99)
        for row in np.flatnonzero(has):
            at = first[row] - OFFSET[0] + np.arange(len(letters))
            codes[row, at] = letters
            worth[row, at, letters] = size
    worth += rng.normal(0, noise, worth.shape)
    here = np.take_along_axis(worth, codes[..., None].astype(int), 2)
    sites = pd.DataFrame({"position": 1_000 * (1 + np.arange(n)), "strand": "+", "log_odds": 1.0})
    return MutationMap(sites, OFFSET, codes, (worth - here).astype(np.float32)), where
