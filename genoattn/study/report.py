"""What a step of a chapter found, and how a page says it; touches nothing outside itself.

A chapter is made of steps (``genoattn/chapters``). Each returns the frames that its figure is
drawn from and a `Finding`: what it says in words, and which tables it leaves behind. A notebook
shows the finding, and hands all of them to `genoattn.study.run.Run.write` at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

__all__ = [
    "Finding",
    "HasFinding",
    "InShort",
    "Kept",
    "admonition",
    "escaped",
    "folded",
    "in_words",
    "listed",
    "signed",
    "table",
    "with_interval",
    "with_long_tables_folded",
]


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
          "eleven", "twelve")  # fmt: skip

Kept = pd.DataFrame | Mapping[str, NDArray[Any]]
"""What one chapter keeps for another: a frame (CSV) or named arrays (npz)."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What a step of a chapter found.

    Attributes
    ----------
    said : str
        Sentences and tables for the reader (Markdown), made from the numbers of this run.
    results : mapping of str to DataFrame or to mapping
        Aggregates for the folder of results: name of the file without its suffix -> tidy frame
        (CSV) or named facts (JSON).
    kept : mapping of str to DataFrame or to mapping of str to array
        What later chapters read of this model: kind -> frame or arrays; see
        `genoattn.study.run.Run.kept`.
    """

    said: str = ""
    results: Mapping[str, pd.DataFrame | Mapping[str, Any]] = field(default_factory=dict)
    kept: Mapping[str, Kept] = field(default_factory=dict)

    @property
    def finding(self) -> Finding:
        """Itself, so that a finding can stand where a step's result can."""
        return self

    def _repr_markdown_(self) -> str:
        return with_long_tables_folded(self.said)


@runtime_checkable
class HasFinding(Protocol):
    """What a step returns: frames to draw from, and what they say."""

    @property
    def finding(self) -> Finding:
        """What the step found."""
        ...


class InShort:
    """The box at the top of a chapter, filled when the chapter has run.

    Made in the first cells, it shows a placeholder; `say` replaces it, so that the answer stands
    above what it was computed from.

    Parameters
    ----------
    question : str
        What the chapter asks, as one sentence.
    """

    def __init__(self, question: str) -> None:
        from IPython.display import Markdown, display

        self.question = question
        text = admonition("In short", f"**{question}**\n\nThe answer appears once the chapter ran.")
        self._box: DisplayHandle | None = display(Markdown(text), display_id=True)

    def say(self, answer: Finding, question: str = "") -> None:
        """Fill the box: the answer in a few sentences, and how sure it is; leave it without one.

        Parameters
        ----------
        answer : Finding
        question : str
            What was asked, where the task has a question of its own.
        """
        from IPython.display import Markdown

        text = admonition(
            "In short", f"**{question or self.question}**\n\n{answer.said}", "tip in-short"
        )
        if self._box is not None and answer.said:
            self._box.update(Markdown(text))


def admonition(title: str, text: str, classes: str = "note") -> str:
    """Put Markdown into a box with a title."""
    return f"````{{admonition}} {title}\n:class: {classes}\n{text.strip()}\n````\n"


def folded(title: str, text: str) -> str:
    """Put Markdown into a box that opens when its title is pressed."""
    return admonition(title, text, "dropdown")


LONG = 8
"""Most rows of a table that stands open on a page."""


def with_long_tables_folded(text: str) -> str:
    """Fold the tables of a Markdown text that have more than `LONG` rows, and are not folded yet.

    A page is read for its sentences and figures; a long table is looked up. The box is called by
    the table's first columns.
    """
    lines, fence = [], ""
    parts: list[tuple[bool, list[str]]] = []  # whether it is an open table, its lines
    for line in text.split("\n"):
        mark = re.match(r"(`{3,}|:{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = ""
        is_table = not fence and not mark and line.startswith("|")
        if not parts or parts[-1][0] != is_table:
            parts.append((is_table, []))
        parts[-1][1].append(line)
    for is_table, own in parts:
        rows = len(own) - 2
        if is_table and rows > LONG:
            names = [one.strip() for one in own[0].strip("|").split("|")]
            title = f"Table of {rows} rows: {', '.join(filter(None, names[:4]))}"
            lines.append(folded(title + (", …" if len(names) > 4 else ""), "\n".join(own)))
        else:
            lines.extend(own)
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Write text that somebody gave, such as the name of an assay, so that it reads as it is."""
    return re.sub(r"([\\`*_$<\[{])", r"\\\1", text)


def table(frame: pd.DataFrame, title: str = "") -> str:
    """Write a frame of texts as a Markdown table, the first column to the left, others right.

    Parameters
    ----------
    frame : DataFrame
        Cells as they shall be read; the index is not shown.
    title : str
        Of the box into which the table is folded if it has more than `LONG` rows.

    Returns
    -------
    str
        Lines of a Markdown table, with an empty line before and after.
    """
    cells = [list(frame.columns), *frame.astype(str).to_numpy().tolist()]
    rows = [[cell.replace("|", r"\|") for cell in row] for row in cells]
    rows.insert(1, [":--", *["--:"] * (frame.shape[1] - 1)])
    text = "\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
    return "\n" + folded(title, text) if title and len(frame) > LONG else text


def every(number: int) -> str:
    """Write that it is all of so many: ``the one``, ``both``, ``all three``."""
    return {1: "the one", 2: "both"}.get(number, f"all {in_words(number)}")


def spanned(values: Iterable[float], spec: str) -> str:
    """Write the least and the greatest of some numbers, once where they read the same."""
    numbers = list(values)
    least, most = (format(end(numbers), spec) for end in (min, max))
    return least if least == most else f"{least} to {most}"


def with_interval(
    value: float, low: float, high: float, spec: str = "+.2f", missing: str = "no interval"
) -> str:
    """Write a number and its interval: ``-0.09 (-0.15 to -0.04)``.

    Parameters
    ----------
    value, low, high : float
    spec : str
        Format of all three, as `format` takes it.
    missing : str
        Said in place of an interval that is not a number.
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{value:{spec}} ({missing})"
    return f"{value:{spec}} ({low:{spec}} to {high:{spec}})"


def signed(offset: float) -> str:
    """Write a whole offset with its sign; zero has none."""
    return f"{offset:+.0f}" if round(offset) else "0"


def in_words(number: int, none: str = "no") -> str:
    """Write a whole number as a sentence does: in words up to twelve, then in digits; 0 as `none`.

    ``no`` has its noun after it; ``none`` stands alone or before ``of them``.
    """
    if number == 0:
        return none
    return _WORDS[number] if 0 < number < len(_WORDS) else f"{number:,}"


def listed(words: Iterable[str], none: str = "none") -> str:
    """Join words as a sentence does: ``a``, ``a and b``, ``a, b and c``; `none` without any."""
    *before, last = [*words] or [none]
    return f"{', '.join(before)} and {last}" if before else last
