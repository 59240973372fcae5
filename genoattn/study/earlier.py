"""Rows that an earlier run left of models whose weights are not at hand; touches frames alone.

A study's tables may hold models that are too many to ship. When a chapter runs without their
weights, their rows stay as they are, and the page marks them: `left` gives the rows, `marked` the
name with a dagger, `note` the sentence below a table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

__all__ = ["left", "marked", "note"]

_DAGGER = "†"


def left(
    earlier: pd.DataFrame | None, absent: Collection[str], columns: Collection[str]
) -> pd.DataFrame:
    """Rows that an earlier run left of models that are not at hand.

    Parameters
    ----------
    earlier : DataFrame or None
        What that run wrote (`genoattn.study.run.Run.earlier`), with a column ``model``.
    absent : collection of str
        The models; rows of others are left out.
    columns : collection of str
        Of the table that the rows are to join.

    Raises
    ------
    ValueError
        The earlier table has other columns.
    """
    names = list(columns)
    if earlier is None or not absent:
        return pd.DataFrame(columns=names)
    if set(earlier.columns) != set(names):
        raise ValueError(
            f"an earlier run left a table with the columns {', '.join(earlier.columns)}, not "
            f"{', '.join(names)}; move it away"
        )
    return earlier.loc[earlier["model"].isin(absent), names].reset_index(drop=True)


def marked(name: str, absent: Collection[str]) -> str:
    """A model's name, with a dagger if it is not at hand."""
    return name + _DAGGER * (name in absent)


def note(shown: Iterable[str], absent: Collection[str], lacking: str = "") -> str:
    """What the dagger means, as a sentence in a paragraph of its own; nothing without any.

    Parameters
    ----------
    shown : iterable of str
        Models of the table.
    absent : collection of str
        Those of them that have a dagger.
    lacking : str
        What is not at hand; the weights of these models by default.
    """
    n = len({*shown} & {*absent})
    if not n:
        return ""
    lacking = lacking or f"{'its' if n == 1 else 'their'} weights"
    return f"\n{_DAGGER} from an earlier run; {lacking} are not here.\n"
