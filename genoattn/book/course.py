"""The exercises of the course: several versions of one source; reads notebooks.

A source in ``notebooks/course/`` holds each gap twice: a cell tagged ``exercise`` is what a student
is given, the cell tagged ``solution`` after it is what may stand there. A version has one of the
two in each place (nbconvert's ``TagRemovePreprocessor`` takes the other away)::

    student     all gaps blank
    teacher     all gaps filled
    last-task   filled but for the last, for a session that begins there

The cell tagged ``answer``, one to the question at the end, is the teacher's only.

In the book each exercise is a page: its tasks as exercises (sphinx-exercise), with folded solutions
and all versions to be downloaded. The build writes these pages into ``book/course/``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from genoattn.genome.files import writing

__all__ = ["VERSIONS", "exercises", "minutes", "page", "pages", "version", "write"]


VERSIONS = {"student": slice(None), "teacher": slice(0), "last-task": slice(-1, None)}
"""Version -> which of its gaps are blank."""

_LINKS = {
    "student": "for students",
    "teacher": "for teachers",
    "last-task": "solved but for the last task",
}


def exercises(folder: str | Path = "notebooks/course") -> list[Path]:
    """The sources, in the order in which they are taught."""
    return sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))


def version(source: str | Path, name: str) -> Any:
    """One version of an exercise notebook.

    Parameters
    ----------
    source : str or Path
    name : str
        One of `VERSIONS`.

    Returns
    -------
    NotebookNode
    """
    import nbformat
    from nbconvert.preprocessors import TagRemovePreprocessor

    notebook = nbformat.read(source, as_version=4)
    gaps, solutions = (
        [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
        for tag in ("exercise", "solution")
    )
    filled = gaps[:]
    del filled[VERSIONS[name]]
    answers = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    hidden = [] if name == "teacher" else answers
    for cell in [*filled, *solutions[VERSIONS[name]], *hidden]:
        cell.metadata["tags"].append("left-out")
    return TagRemovePreprocessor(remove_cell_tags=["left-out"]).preprocess(notebook, {})[0]


def write(folder: str | Path, sources: list[Path] | None = None) -> list[Path]:
    """Write all versions of all exercises, each version into a folder of its name.

    Returns
    -------
    list of Path
        What was written.
    """
    import nbformat

    written = []
    for source in exercises() if sources is None else sources:
        for name in VERSIONS:
            target = Path(folder) / name / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with writing(target) as partial:
                nbformat.write(version(source, name), partial)
            written.append(target)
    return written


def minutes(source: str | Path) -> int:
    """Minutes that an exercise says it takes: the number after **Minutes.** in its first cell."""
    import nbformat

    first = nbformat.read(source, as_version=4).cells[0].source
    return int(first.split("**Minutes.**")[1].split()[0].rstrip(":,."))


def page(source: str | Path) -> str:
    """An exercise as a page of the book, in MyST Markdown.

    Parameters
    ----------
    source : str or Path

    Returns
    -------
    str
        The cells in their order; each task as an exercise, its solution folded below.
    """
    import nbformat

    source = Path(source)
    head, *cells = nbformat.read(source, as_version=4).cells
    links = " · ".join(
        f"{{download}}`{said} <{name}/{source.name}>`" for name, said in _LINKS.items()
    )
    parts = [head.source, f"The notebook: {links}."]
    task = 0
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if {"check", "answer"} & set(tags):
            continue  # seen in the notebook only, an answer in the teacher's
        text = cell.source
        if cell.cell_type == "code":
            text = f"```python\n{text}\n```"
        if text.startswith("## Task"):
            task += 1
            title, _, body = text.partition("\n")
            parts.append(f"{title}\n{body}")
        elif "exercise" in tags:
            label = f"course-{source.stem[:2]}-{task}"
            parts.append(f"````{{exercise}}\n:label: {label}\n:nonumber:\n\n{text}\n````")
        elif "solution" in tags:
            label = f"course-{source.stem[:2]}-{task}"
            parts.append(f"````{{solution}} {label}\n:class: dropdown\n\n{text}\n````")
        else:
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def pages(folder: str | Path = "book/course") -> list[Path]:
    """Write the pages of all exercises, and the notebooks that they offer, anew.

    Returns
    -------
    list of Path
        The pages.
    """
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
    written = []
    for source in exercises():
        target = folder / f"{source.stem}.md"
        with writing(target) as partial:
            partial.write_text(page(source), encoding="utf-8")
        written.append(target)
    return written
