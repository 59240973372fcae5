"""Patterns made by hand, for tests."""

from __future__ import annotations

import numpy as np

from genoattn.interventions.motif_discovery import Pattern


def pattern(letters: str, first: int, worth=None, n: int = 30) -> Pattern:
    """A pattern of one word at one place, whose letters contribute one each."""
    codes = ["ACGT".index(letter) for letter in letters]
    counts = np.eye(4, dtype=np.int64)[codes] * n
    worth = np.ones(len(letters)) if worth is None else np.asarray(worth, float)
    contribution = worth[:, None] * (np.eye(4)[codes] - 0.25)
    return Pattern(np.arange(n), np.full(n, first), counts, contribution)
