"""How the chapter output writes intervals and columns of tables, and how an interval is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.study.report import with_interval

ABOVE, BELOW, NEITHER, UNKNOWN = "above", "below", "neither", "unknown"
"""How an interval lies to what is expected; see `verdict`."""


def verdict(low: float, high: float, expected: float = 1.0) -> str:
    """Say how an interval lies to an expected value; an interval that touches it is `NEITHER`.

    Parameters
    ----------
    low, high : float
        NaN where there are too few sites for an interval: `UNKNOWN`.
    expected : float
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return UNKNOWN
    return ABOVE if low > expected else BELOW if high < expected else NEITHER


def interval(low: float, high: float, spec: str = ".2f", missing: str = "too few sites") -> str:
    """Write an interval for a table's cell."""
    known = np.isfinite(low) and np.isfinite(high)
    return f"{low:{spec}} to {high:{spec}}" if known else missing


def intervals(frame: pd.DataFrame, columns: list[str], spec: str, missing: str) -> list[str]:
    """Write a column of intervals, of two columns, or of numbers with theirs, of three."""
    rows = frame[columns].itertuples(index=False, name=None)
    if len(columns) == 2:
        return [interval(low, high, spec, missing) for low, high in rows]
    return [with_interval(value, low, high, spec, missing) for value, low, high in rows]


def texts(frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Write columns of a frame for a table: header -> column and format; NaN stays empty."""
    return pd.DataFrame(
        {
            header: ["" if pd.isna(value) else format(value, spec) for value in frame[column]]
            for header, (column, spec) in columns.items()
        }
    )


def row_of(frame: pd.DataFrame, column: str, value: str) -> dict[str, Any]:
    """The first row with this value in a column, as a dictionary."""
    return dict(frame[frame[column] == value].iloc[0])
