"""Tab-separated tables, read as text with line numbers and checked by value; reads files only."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.files import FileError, read_lines

__all__ = [
    "AnnotationError",
    "read_own_table",
    "read_table",
    "to_integers",
    "to_numbers",
    "to_strands",
]

_STRAND_OF = {"+": "+", "-": "-", "\u2212": "-", "forward": "+", "reverse": "-"}


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


def read_own_table(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that a user made, as text indexed by line number (1-based).

    The first line that is neither blank nor a comment names the columns, in either case, quoted or
    not; they may be parted by tabs, commas or semicolons, and further columns are not read.

    Parameters
    ----------
    path : str or Path
    columns : sequence of str
        Columns that must be there, in lower case.

    Raises
    ------
    FileNotFoundError
        No such file.
    AnnotationError
        No such column or two of one name, rows of another length, or none; names the line.
    """
    try:
        lines = read_lines(path)
    except FileError as error:
        raise AnnotationError(str(error)) from error
    header, delimiter = _header(path, lines, columns)
    names = _cells(lines[header].removeprefix("#"), delimiter)
    names = [name.casefold() for name in names]
    for column in columns:
        if names.count(column) != 1:
            raise AnnotationError(
                f"{path}, line {header + 1}: column {column!r} is there {names.count(column)} times"
            )
    rows: dict[int, list[str]] = {}
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if not line.strip():
            continue
        cells = _cells(line, delimiter)
        if line.startswith("#"):
            if len(cells) >= len(names):
                raise AnnotationError(
                    f"{path}, line {number}: a row that begins with '#'; remove the sign or the row"
                )
            continue
        while len(cells) > len(names) and not cells[-1]:
            cells.pop()
        if len(cells) != len(names):
            raise AnnotationError(
                f"{path}, line {number}: {len(cells)} columns instead of {len(names)}"
            )
        rows[number] = cells
    if not rows:
        raise AnnotationError(f"{path}: no rows")
    table = pd.DataFrame.from_dict(rows, orient="index", columns=pd.RangeIndex(len(names)))
    return table[[names.index(column) for column in columns]].set_axis(list(columns), axis=1)


def _header(path: str | Path, lines: Sequence[str], columns: Sequence[str]) -> tuple[int, str]:
    """Index of the line that names the columns, and what parts them."""
    first = None
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        for delimiter in ("\t", ",", ";"):
            names = {name.casefold() for name in _cells(line.removeprefix("#"), delimiter)}
            if set(columns) <= names:
                return number, delimiter
        if not line.startswith("#"):
            first = number
            break
    if first is None:
        raise AnnotationError(f"{path}: empty; its first line should name the columns")
    names = [name.casefold() for name in _cells(lines[first], "\t")]
    missing = next(column for column in columns if column not in names)
    raise AnnotationError(
        f"{path}, line {first + 1}: column {missing!r} is missing; the first line must name "
        f"{', '.join(columns)}, parted by tabs, commas or semicolons"
    )


def _cells(line: str, delimiter: str) -> list[str]:
    """Cells of one line, without quotes and blanks around them."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line]


def to_integers(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Turn a text column into int64; name file, line and column where it is no whole number."""
    wrong = table.index[~table[column].str.fullmatch(r"[0-9]{1,18}")]
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
