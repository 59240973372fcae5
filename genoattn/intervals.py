"""Stretches of a mask along a genome; touches arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs(mask: NDArray[np.bool_], *, circular: bool = True) -> NDArray[np.int64]:
    """Uninterrupted stretches of a mask.

    Parameters
    ----------
    mask : bool array, shape (L,)
    circular : bool
        Whether a stretch at the end goes on at the beginning.

    Returns
    -------
    int array, shape (k, 2)
        Start and length of each stretch, by start; a stretch over the end starts near it.
    """
    if not mask.any():
        return np.empty((0, 2), dtype=np.int64)
    if mask.all():
        return np.array([[0, mask.size]])
    first = int(np.argmin(mask)) if circular else 0  # begin outside a stretch
    turned = np.roll(mask, -first).astype(np.int8)
    change = np.diff(np.concatenate([[0], turned, [0]]))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    found = np.column_stack([(starts + first) % mask.size, ends - starts])
    return found[np.argsort(found[:, 0])]
