"""What kind of site a study is about, and which elements may announce it; constants only.

The annotator learns whatever sites it is given. The paper's are transcription start sites; any
other site that lies on one nucleotide of one strand will do.
"""

from __future__ import annotations

from dataclasses import dataclass

from genoattn.promoter_elements import PAPER_ELEMENTS, Element, word

__all__ = ["TASKS", "TIS_ELEMENTS", "Task"]

TIS_ELEMENTS = (
    word("Shine-Dalgarno", "AGGAGG", -16, -10, "Shine and Dalgarno 1974; Chen et al. 1994"),
    word("start codon", "ATG", 0, 0, "genetic code 11"),
    word("stop of the gene before", "ATGA", 0, 0, "overlapping genes; Eyre-Walker 1995"),
)
"""Elements at translation starts; offset 0 is the start codon's first nucleotide. The
Shine-Dalgarno sequence ends 4 to 10 nt before it."""


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
    elements : tuple of Element
        Known elements near it, by offset from the site.
    """

    key: str
    site: str
    short: str
    first: str
    elements: tuple[Element, ...]

    @property
    def note(self) -> str:
        """What a reader must know where the text speaks of TSSs (Markdown); empty for TSSs."""
        if self.key == "tss":
            return ""
        return (
            "```{admonition} Another task\n"
            f"Here the model annotates **{self.site}s ({self.short})**. Where text, tables and "
            f"figures of this chapter say start site or TSS, read {self.short}: position +1 is "
            f"{self.first}. Statements of the paper are about TSSs; they are looked at here only "
            "for comparison, and a difference is no disagreement.\n```"
        )


TASKS = {
    task.key: task
    for task in (
        Task(
            "tss",
            "transcription start site",
            "TSS",
            "the first nucleotide of the transcript",
            PAPER_ELEMENTS,
        ),
        Task(
            "tis",
            "translation initiation site",
            "TIS",
            "the first nucleotide of the start codon",
            TIS_ELEMENTS,
        ),
    )
}
"""Every task that a run folder can be about."""
