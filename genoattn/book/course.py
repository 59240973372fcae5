"""The exercises of the course: student and teacher versions of one source; reads notebooks.

A source in ``notebooks/course/`` holds each gap twice: a cell tagged ``exercise`` is what a student
is given, the cell tagged ``solution`` after it is what may stand there. Which cells a version has
is decided by their tags (nbconvert's ``TagRemovePreprocessor``)::

    student     without the solutions
    teacher     with the solutions in the gaps' place
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genoattn.genome.files import writing

__all__ = ["VERSIONS", "exercises", "minutes", "version", "write"]


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
