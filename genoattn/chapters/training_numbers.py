"""How the chapter training writes numbers, scores and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from genoattn.study.report import with_interval


def number(value: float, low: float, high: float) -> str:
    """Write a score with its interval."""
    return with_interval(value, low, high, ".3f")


def change(value: float, low: float, high: float) -> str:
    """Write a difference of scores with its interval."""
    return with_interval(value, low, high, "+.3f")


def keyed(frame: pd.DataFrame, key: str) -> dict[Any, dict[str, Any]]:
    """Rows of a frame by what a column says."""
    return {
        row[key]: {str(name): value for name, value in row.items()}
        for row in frame.to_dict("records")
    }


def score(row: Any) -> str:
    """Write the score of a row that has value, ci_low and ci_high."""
    return number(row["value"], row["ci_low"], row["ci_high"])


def difference(row: Any) -> str:
    """Write the difference of a row that has difference, difference_low and difference_high."""
    return change(row["difference"], row["difference_low"], row["difference_high"])


def or_blank(value: float, spec: str = ".3f") -> str:
    """Write a number, nothing if it is not one."""
    return f"{value:{spec}}" if np.isfinite(value) else ""
