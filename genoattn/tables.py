"""Tab-separated tables, read as text with line numbers and checked by value; reads files only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.files import FileError, read_lines

__all__ = ["AnnotationError", "read_table", "to_integers", "to_numbers", "to_strands"]

_STRAND_OF = {"+": "+", "-": "-", "forward": "+", "reverse": "-"}


class AnnotationError(ValueError):
    """A table of sites that cannot be used as it stands."""


def read_table(
    path: str | Path, columns: Sequence[str], header: int | None = None, encoding: str = "utf-8"
) -> pd.DataFrame:
    """Read a tab-separated table as text, indexed by line number (1-based).

    With `header`, that line names the columns, of which `columns` must be there; without, each
    line has exactly `columns`. Other lines that begin with ``#`` are comments. Anything else is
    an AnnotationError that names the file, the line and, where one is meant, the column.
    """
    try:
        lines = read_lines(path, encoding)
    except FileError as error:
        raise AnnotationError(str(error)) from error
    if header is None:
        names = list(columns)
    else:
        if len(lines) < header:
            raise AnnotationError(f"{path}: empty; line {header} should name the columns")
        names = lines[header - 1].lstrip("#").split("\t")
        for column in columns:
            if column not in names:
                raise AnnotationError(f"{path}, line {header}: column {column!r} is missing")
    rows, numbers = [], []
    for number, line in enumerate(lines, start=1):
        if number <= (header or 0) or not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(names):
            raise AnnotationError(
                f"{path}, line {number}: {len(fields)} columns instead of {len(names)}"
            )
        rows.append(fields)
        numbers.append(number)
    if not rows:
        raise AnnotationError(f"{path}: no rows")
    return pd.DataFrame(rows, index=numbers, columns=names)[list(columns)]


def to_integers(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Turn a text column into int64; name file, line and column where it is no whole number."""
    wrong = table.index[~table[column].str.fullmatch(r"\d+")]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: {column} {table[column][wrong[0]]!r} is not a whole number"
        )
    return table[column].astype(np.int64)


def to_numbers(values: pd.Series, column: str, path: str | Path) -> pd.Series:
    """Turn text into float64; name file, line and column where it is no number."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values.index[numbers.isna()]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: {column} {values[wrong[0]]!r} is not a number"
        )
    return numbers.astype(np.float64)


def to_strands(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Turn +/-/forward/reverse into the two strand symbols; name the line of anything else."""
    strands = table[column].map(_STRAND_OF)
    wrong = table.index[strands.isna()]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: unknown strand {table[column][wrong[0]]!r}"
        )
    return strands
