"""What a study's sites are, which elements lie near them, and what is asked of them; no files.

Transcription start sites are one task, translation initiation sites another. The chapters are the
same for both; what they look for, and which of their steps make sense, they take from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from genoattn.heads.elements import PAPER_ELEMENTS, PROMOTER_ELEMENTS, Element, word

__all__ = ["TASKS", "TIS_ELEMENTS", "Question", "Spacing", "Task"]

Question = Literal[
    "the paper's claims",
    "other strand",
    "pseudogenes",
    "operons",
    "binding sites",
    "architectures",
    "heads left out",
    "start codon",
    "reading frame",
    "leaderless genes",
]
"""What only one kind of site is asked, by the steps of the chapters."""

TIS_ELEMENTS = (
    replace(
        word("Shine-Dalgarno", "AGGAGG", -19, -10, "Shine and Dalgarno 1974; Chen et al. 1994"),
        swapped=True,
    ),
    Element(
        "start codon",
        np.array([[0.90, 0.00, 0.08, 0.02], [0, 0, 0, 1], [0, 0, 1, 0]]),
        (0,),
        "ATG, GTG and TTG as often as in E. coli",
    ),
    word("second codon AAA", "AAA", 3, 3, "Stenström et al. 2001"),
    replace(
        word("A-rich after the start", "AAAA", 6, 14, "Chen et al. 1994; Brock et al. 2007"),
        swapped=True,
    ),
)
"""Elements at translation starts; offset 0 is the start codon's first nucleotide. The
Shine-Dalgarno sequence, which the end of the 16S rRNA pairs with, ends 4 to 13 nt before it."""


@dataclass(frozen=True)
class Spacing:
    """Two elements whose distance counts.

    Attributes
    ----------
    upstream, downstream : str
        How their names begin.
    tried : tuple of int
        Distances in nt that are tried, from the last nucleotide of the one to the first of the
        other.
    preferred : (int, int)
        Least and greatest of those at which they work best in the cell.
    """

    upstream: str
    downstream: str
    tried: tuple[int, ...]
    preferred: tuple[int, int]


@dataclass(frozen=True)
class Task:
    """A kind of site.

    Attributes
    ----------
    key : str
        How files and parameters name it.
    site, short : str
        How readers do, in full and in short.
    first : str
        What the nucleotide of the site is.
    near : str
        What the sequence around it is called.
    core : tuple of int
        First and last position of that sequence; the site is +1, and there is no 0.
    looked_for : tuple of Element
        Known elements near it that the heads' attention is compared with, by offset from the site.
    carried : tuple of Element
        Those that heads may hand on to the output.
    spacing : Spacing
        The two of them whose distance counts.
    questions : frozenset of str
        What is asked of this kind of site, and not of every kind.
    """

    key: str
    site: str
    short: str
    first: str
    near: str
    core: tuple[int, int]
    looked_for: tuple[Element, ...]
    carried: tuple[Element, ...]
    spacing: Spacing
    questions: frozenset[Question]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r})"

    @property
    def note(self) -> str:
        """What a reader must know of positions (Markdown); empty for TSSs."""
        if self.key == "tss":
            return ""
        return (
            f"Here a start site is a **{self.site} ({self.short})**: position +1 is {self.first}."
        )


TASKS = {
    task.key: task
    for task in (
        Task(
            "tss",
            "transcription start site",
            "TSS",
            "the first nucleotide of the transcript",
            "promoter",
            (-40, 2),
            PAPER_ELEMENTS,
            PROMOTER_ELEMENTS,
            Spacing("-35", "-10", tuple(range(13, 22)), (16, 18)),
            frozenset(
                {
                    "the paper's claims",
                    "other strand",
                    "pseudogenes",
                    "operons",
                    "binding sites",
                    "architectures",
                    "heads left out",
                }
            ),
        ),
        Task(
            "tis",
            "translation initiation site",
            "TIS",
            "the first nucleotide of the start codon",
            "ribosome binding site",
            (-20, 3),
            TIS_ELEMENTS,
            TIS_ELEMENTS,
            Spacing("Shine-Dalgarno", "start codon", tuple(range(2, 16)), (5, 9)),
            frozenset({"start codon", "reading frame", "leaderless genes"}),
        ),
    )
}
"""Every task that a run folder can be about."""
