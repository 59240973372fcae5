"""The exercises of the course: student and teacher versions of one source; reads notebooks.

A source in ``notebooks/course/`` holds each gap twice: a cell tagged ``exercise`` is what a student
is given, the cell tagged ``solution`` after it is what may stand there. Which cells a version has
is decided by their tags (nbconvert's ``TagRemovePreprocessor``)::

    student     without the solutions
    teacher     with the solutions in the gaps' place

In the book each exercise is a page: its tasks as exercises (sphinx-exercise), with folded solutions
and both versions to be downloaded. The build writes these pages into ``book/course/``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from genoattn.genome.files import writing

__all__ = ["VERSIONS", "exercises", "minutes", "page", "pages", "version", "write"]


VERSIONS = {"student": "solution", "teacher": "exercise"}
"""Version -> tag of the cells that it leaves out."""


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
    return TagRemovePreprocessor(remove_cell_tags=[VERSIONS[name]]).preprocess(notebook, {})[0]


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
    links = " · ".join(f"{{download}}`for {name}s <{name}/{source.name}>`" for name in VERSIONS)
    parts = [head.source, f"The notebook: {links}."]
    task = 0
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if "check" in tags:
            continue  # its words are seen in the notebook only
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
