"""Which chapter reads what another one left, so which may run at the same time; touches nothing.

The run graph (``Snakefile``) takes the order of the chapters from here, and a run folder takes from
here whom a chapter excludes while it writes (`genoattn.study.run`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["READS", "excluded", "nearest", "run_locks"]


READS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "00_gene_starts": (),
        "01_curation": (),
        "02_training": ("00_gene_starts", "01_curation"),
        "03_heads": ("02_training",),
        "04_output": ("02_training",),
        "05_your_genome": ("02_training",),
        "06_dependence": ("03_heads",),
        "07_atlas": ("06_dependence",),
        "08_engine": ("02_training",),
        "09_species": ("02_training",),
        "10_adapt": ("02_training",),
    }
)
"""Chapter -> the last ones whose files it reads; those that these read come before it too."""


def nearest(notebook: str, run: Collection[str]) -> list[str]:
    """The chapters of a series that have to be run right before one.

    Parameters
    ----------
    notebook : str
        Such as ``03_heads``.
    run : collection of str
        The chapters of the series. In place of one that is not among them stand those before it.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    KeyError
        There is no such chapter.
    """
    found: set[str] = set()
    for one in READS[notebook]:
        found |= {one} if one in run else set(nearest(one, run))
    return sorted(found)


def _before(notebook: str) -> set[str]:
    """All chapters whose files one reads, directly or through others."""
    return {*READS[notebook]}.union(*(_before(one) for one in READS[notebook]))


def excluded(notebook: str) -> list[str]:
    """The other chapters that may not write into a run folder while one does.

    They are those whose files it reads and those that read its own. Chapters that begin a run write
    the same files and exclude each other.
    """
    return [
        one
        for one in READS
        if one != notebook
        and (
            one in _before(notebook)
            or notebook in _before(one)
            or not (READS[one] or READS[notebook])
        )
    ]


def run_locks(folder: Path, notebook: str | None = None) -> tuple[Path, list[Path]]:
    """The lock file of who writes into a run folder, and those that exclude it.

    Parameters
    ----------
    folder : Path
    notebook : str, optional
        The chapter; without one, a command, which excludes all chapters.

    Returns
    -------
    Path
    list of Path
    """
    command = folder / "run.lock"
    if notebook is None:
        return command, [folder / f"{one}.lock" for one in READS]
    return folder / f"{notebook}.lock", [
        command,
        *(folder / f"{one}.lock" for one in excluded(notebook)),
    ]
