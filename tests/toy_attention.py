"""Attention at random, and what its heads prefer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from genoattn.genome.sequence import Genome
from genoattn.heads import preferred

LAYERS, HEADS, WINDOW, N, DOWNSTREAM = 2, 2, 16, 60, 5


def attended() -> tuple[Genome, pd.DataFrame, np.ndarray, Any]:
    """Random attention on a random genome; float16, with ties."""
    rng = np.random.default_rng(0)
    genome = Genome("toy", rng.integers(4, size=500).astype(np.uint8), circular=True)
    samples = pd.DataFrame(
        {"strand": rng.choice(["+", "-"], N), "position": rng.integers(500, size=N)}
    )
    attention = rng.random((N, LAYERS, HEADS, WINDOW)).round(1).astype(np.float16)
    made = preferred.sweep(attention, samples, genome, downstream=DOWNSTREAM, n_best=9, width=7)
    return genome, samples, attention, made
