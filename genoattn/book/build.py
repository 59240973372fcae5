"""Building the book: chapters and what they import, executed copies; touches files only.

The run graph (``Snakefile``) executes the chapters with papermill and renders the pages with
Jupyter Book; the steps between are here. As a program: ``genoattn book tidy FROM TO``
copies an executed chapter to its place in the book, ``genoattn book check`` looks at the
rendered pages.
"""

from __future__ import annotations

import argparse
import ast
import base64
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genoattn.book.pages import check_site
from genoattn.genome.files import writing
from genoattn.plots.drawn import DRAWING, with_palette
from genoattn.study.settings import read_settings

__all__ = [
    "asked_of",
    "chapters",
    "imported_files",
    "imported_modules",
    "lock",
    "main",
    "overview",
    "own_files",
    "page_task",
    "profile",
    "refresh_prose",
    "tidy",
]

_TASKS = ("tss", "tis")
"""Keys of `genoattn.study.tasks.TASKS`, which is slow to import."""

_TASK = "task"
"""Key of a page's metadata."""


def chapters(folder: str | Path = "notebooks", named: Iterable[str] | None = None) -> list[str]:
    """List the chapters in the order in which they run.

    Parameters
    ----------
    folder : str or Path
        Folder of the source notebooks, named ``NN_name.ipynb``.
    named : iterable of str, optional
        Names (``curation``) of the chapters that a profile has; all by default.

    Returns
    -------
    list of str
        File names without suffix, such as ``01_curation``.

    Raises
    ------
    ValueError
        A name that no notebook has, or no name at all.
    """
    found = sorted(path.stem for path in Path(folder).glob("[0-9][0-9]_*.ipynb"))
    if named is None:
        return found
    wanted = set(named)
    names = [stem.split("_", 1)[1] for stem in found]
    if not wanted or wanted - set(names):
        what = f"{min(wanted - set(names))!r} is no chapter" if wanted else "no chapter is named"
        raise ValueError(f"{what}; the chapters are {', '.join(names)}")
    return [stem for stem, name in zip(found, names, strict=True) if name in wanted]


def profile(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a profile: which chapters are run, and the parameters that each is to be given.

    Parameters
    ----------
    path : str or Path
        YAML file with one mapping, chapter name (``curation``) to parameters.

    Returns
    -------
    dict
        Parameters by chapter; a chapter that the file does not name is not run.

    Raises
    ------
    ValueError
        No such file, no YAML that has one meaning (`genoattn.study.settings`), or not a mapping
        of mappings.
    """
    path = Path(path)
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise ValueError(f"{path}: no such profile; there are: {known}")
    content = read_settings(path) or {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must map each chapter to a mapping of its parameters")
    for chapter, given in content.items():
        if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
            raise ValueError(
                f"{path}: {chapter} must have a mapping of its parameters, "
                f"such as {{}} for none, not {given!r}"
            )
    return content


def imported_modules(notebook: str | Path, package: str | Path = "genoattn") -> list[str]:
    """List the package's files that a notebook imports, directly or through other files.

    The run graph takes them as a chapter's inputs, so that a change in the package repeats the
    chapters that use it and no others. Only import statements are followed.

    Parameters
    ----------
    notebook : str or Path
        A source notebook.
    package : str or Path
        Folder of the package.

    Returns
    -------
    list of str
        Sorted paths, `package` included.
    """
    import nbformat

    root = Path(package)
    code = "\n".join(
        "\n".join(line for line in cell.source.splitlines() if not line.startswith(("%", "!")))
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.cell_type == "code"
    )
    found: set[Path] = set()
    waiting = imported_files(code, root, module=())
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            inside = path.relative_to(root).with_suffix("").parts
            waiting |= imported_files(
                path.read_text(encoding="utf-8"), root, module=(root.name, *inside)
            )
    return sorted(path.as_posix() for path in found)


def imported_files(code: str, root: Path, module: tuple[str, ...]) -> set[Path]:
    """Find the files of a package that some code imports itself, by its import statements.

    Parameters
    ----------
    code : str
        Source of a module of the package, or of a notebook.
    root : Path
        Folder of the package.
    module : tuple of str
        The module's dotted name in parts, for relative imports; empty for a notebook.

    Returns
    -------
    set of Path
        With the ``__init__.py`` of each sub-package on the way.
    """
    names: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                base = module[: len(module) - node.level] + base
            names |= {base, *((*base, alias.name) for alias in node.names)}
    paths: set[Path] = set()
    for name in names:
        if not name or name[0] != root.name:
            continue
        for depth in range(1, len(name) + 1):
            stem = root.joinpath(*name[1:depth])
            paths |= {p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()}
    return paths


def own_files(given: Mapping[str, Any]) -> list[str]:
    """List the files of the reader's own that a chapter's parameters name.

    The run graph takes them as the chapter's inputs, so that an edited genome repeats it.

    Parameters
    ----------
    given : mapping
        What a profile gives one chapter. Weights count if they are a file, not a name.

    Returns
    -------
    list of str
        As the profile writes them.
    """
    if given.get("source", "files") != "files":
        return []
    named = [str(given.get(name) or "") for name in ("fasta", "gff", "sites", "motif_file")]
    named += given.get("tables") or []
    weights = Path(given.get("weights", ""))
    if weights.suffix == ".safetensors":
        named += [str(weights), str(weights.with_suffix(".json"))]
    return [one for one in named if one]


def asked_of(cells: Iterable[Any], task: str) -> list[Any]:
    """Cells of a chapter that a task's page shows: those tagged for another task are left out.

    Parameters
    ----------
    cells : iterable of cells
        A notebook's. One with the tag ``task-tss`` is about start sites of transcription only,
        one with ``task-tis`` about those of translation only.
    task : str
        One of `_TASKS`.

    Returns
    -------
    list of cells
    """
    others = [f"task-{one}" for one in _TASKS if one != task]
    return [cell for cell in cells if not any(_has_tag(cell, other) for other in others)]


def page_task(notebook: Any) -> str:
    """The task of a page of the book, which `tidy` wrote into its metadata."""
    return str(notebook.metadata.get(_TASK, "tss"))


def tidy(executed: str | Path, target: str | Path, task: str | None = None) -> None:
    """Copy an executed chapter to its place in the book, without the traces of its run.

    Leaves out papermill's record of paths and times, progress bars, time stamps of cells, and the
    plain text of what is shown as Markdown, so that a run that computes the same gives the same
    file. Cells that ask what another task is asked go (`asked_of`). Code is folded until the reader
    opens it; pictures get a palette. Drawings beside them that the figures for slides need go to a
    file beside the page.

    Parameters
    ----------
    executed : str or Path
        Notebook that papermill wrote.
    target : str or Path
        Where the copy goes; its folder is made.
    task : str, optional
        What the run's sites are; as the copied page has it, else ``tss``.

    Raises
    ------
    ValueError
        The notebook holds an error, or a cell that was not run.
    """
    import nbformat

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("papermill", None)
    task = task or page_task(notebook)
    if task != page_task(notebook):
        notebook.metadata[_TASK] = task
    for number, cell in enumerate(notebook.cells, start=1):
        for key in ("papermill", "execution", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        tags = [*cell.metadata.get("tags", []), "hide-input"]
        cell.metadata["tags"] = [*dict.fromkeys(tags)]
        cell.outputs = [kept for kept in map(_without_progress, cell.outputs) if kept is not None]
        for output in cell.outputs:
            if "text/markdown" in output.get("data", {}):
                output.data.pop("text/plain", None)  # how Python would print what is shown
            picture = output.get("data", {}).get("image/png")
            if picture is not None:
                output.data["image/png"] = _smaller(picture)
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            raise ValueError(f"{executed}, cell {number}: {errors[0].ename}: {errors[0].evalue}")
        if cell.execution_count is None and cell.source.strip():
            raise ValueError(f"{executed}, cell {number}: was not run")
    notebook.cells = asked_of(notebook.cells, task)
    if any(DRAWING in output.get("metadata", {}) for output in _outputs(notebook)):
        from genoattn.book import figures  # slow to import, and needed for the study's pages only

        figures.keep_drawings(notebook, target)
    with writing(target) as temporary:
        nbformat.write(notebook, temporary)


def _outputs(notebook: Any) -> Iterator[Any]:
    """All outputs of a notebook."""
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _smaller(picture: str) -> str:
    """A PNG (base64), with a palette if that makes it smaller."""
    return base64.b64encode(with_palette(base64.b64decode(picture))).decode()


def _without_progress(output: Any) -> Any:
    """Return an output without what carriage returns overwrote; None when nothing is left."""
    if output.output_type != "stream":
        return output
    lines = [line.rsplit("\r", 1)[-1] for line in output.text.split("\n")]
    if output.name == "stderr":
        lines = [line for line in lines if not re.search(r"\d+%\|.*\|", line)]
    output.text = "\n".join(lines)
    return output if output.text.strip() else None


def refresh_prose(source: str | Path, shown: str | Path) -> None:
    """Give an executed chapter the text cells of its source, as its code need not run again.

    Parameters
    ----------
    source : str or Path
        Source notebook.
    shown : str or Path
        Executed copy in the book; rewritten.

    Raises
    ------
    ValueError
        The code of the two differs, so that the chapter must be executed.
    """
    import nbformat

    wanted = nbformat.read(source, as_version=4)
    notebook = nbformat.read(shown, as_version=4)
    wanted.cells = asked_of(wanted.cells, page_task(notebook))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ran = [cell for cell in code if not _has_tag(cell, "injected-parameters")]
    if [cell.source for cell in ran] != [c.source for c in wanted.cells if c.cell_type == "code"]:
        raise ValueError(f"{shown}: its code is not that of {source}; execute the chapter again")
    waiting = iter(code)
    cells = []
    for cell in wanted.cells:
        if cell.cell_type != "code":
            cells.append(cell)
            continue
        cells.append(next(waiting))
        if _has_tag(cell, "parameters") and len(code) > len(ran):
            cells.append(next(waiting))
    notebook.cells = cells
    with writing(shown) as temporary:
        nbformat.write(notebook, temporary)


def _has_tag(cell: Any, tag: str) -> bool:
    """Tell whether a notebook cell has a tag."""
    return tag in cell.metadata.get("tags", [])


def lock(freeze: str | Path, folder: str | Path = ".") -> int:
    """Write the lock file and the conda environment from what pip installed.

    Parameters
    ----------
    freeze : str or Path
        Output of ``pip freeze``.
    folder : str or Path
        Where ``requirements.lock`` and ``environment.yml`` go.

    Returns
    -------
    int
        Number of packages.

    Raises
    ------
    ValueError
        A line that is not ``name==version``, such as a local path.
    """
    pins = []
    for line in Path(freeze).read_text(encoding="utf-8").splitlines():
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line):
            raise ValueError(f"{freeze}: {line!r} is no pin of a published package")
        # a build tag (+cpu) is no published version; torch itself pins its accelerator packages
        if not re.match(r"nvidia-|cuda-|triton\b", line):
            pins.append(line.split("+")[0])
    pins.sort(key=str.lower)
    head = "# Every package of the environment, pinned; made by `make lock` from pyproject.toml."
    with writing(Path(folder) / "requirements.lock") as temporary:
        temporary.write_text("\n".join([head, *pins]) + "\n", encoding="utf-8")
    lines = [
        "# The environment of requirements.lock for conda users; made by `make lock`. Then:",
        "#   conda env create -f environment.yml && conda activate genoattn",
        "#   make book VENV=$CONDA_PREFIX",
        "name: genoattn",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - make",
        "  - pip:",
        *(f"      - {pin}" for pin in pins),
    ]
    with writing(Path(folder) / "environment.yml") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(pins)


def overview(
    results: str | Path = "book/results/ecoli",
    run: str | Path = "runs/ecoli",
    target: str | Path = "book/images/overview.png",
    weights: str | None = None,
) -> None:
    """Draw the figure of the first screen from what the study's chapters wrote.

    Parameters
    ----------
    results : str or Path
        Folder of the study's aggregates: ``curation_regions.csv``, ``heads.csv``.
    run : str or Path
        Folder of its run: ``heads/<weights>_profiles.csv``; without it, heads are left out.
    target : str or Path
        The picture.
    weights : str, optional
        Of the model whose heads are shown; that of the study's profile if not given.
    """
    import pandas as pd  # these are slow to import, and needed here only

    from genoattn.genome.sites import paper_label
    from genoattn.plots import overview as figures
    from genoattn.plots import style

    style.use()
    regions = pd.read_csv(Path(results) / "curation_regions.csv")
    if weights is None:
        weights = str(profile("notebooks/profiles/ecoli.yaml")["heads"]["weights"])
    found = Path(run) / "heads" / f"{weights}_profiles.csv"
    heads, profiles = None, None
    if found.is_file() and (Path(results) / "heads.csv").is_file():
        heads, profiles = pd.read_csv(Path(results) / "heads.csv"), pd.read_csv(found)
        heads = heads.rename(columns={"layer": "layer_1based", "head": "head_1based"})
        heads["peak_label"] = paper_label(heads["peak_offset"].to_numpy())
    figure = figures.overview(regions, heads, profiles)
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=120, metadata={"Software": None})
    with writing(target) as temporary:
        temporary.write_bytes(with_palette(written.getvalue()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step of the build; the exit status is 1 with a sentence when it fails."""
    parser = argparse.ArgumentParser(prog="genoattn book", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    copy = steps.add_parser("tidy", help="copy an executed chapter into the book")
    copy.add_argument("executed")
    copy.add_argument("target")
    copy.add_argument("--task", choices=_TASKS, help="what the run's sites are (tss)")
    prose = steps.add_parser("prose", help="renew the text of an executed chapter")
    prose.add_argument("source")
    prose.add_argument("shown")
    check = steps.add_parser("check", help="check the rendered pages")
    check.add_argument("--site", default="_build/html")
    steps.add_parser("data", help="find or download the published tables of the study")
    steps.add_parser("overview", help="draw the figure of the README")
    first = steps.add_parser("landing", help="write what the first page includes")
    first.add_argument("--results", default="book/results/ecoli")
    taught = steps.add_parser("course", help="write the exercises: pages, and both versions")
    taught.add_argument("--to", default="book/course")
    steps.add_parser("slides", help="write the figures for slides, and the decks of the course")
    placed = steps.add_parser("place", help="put the rendered pages among the published versions")
    placed.add_argument("folder")
    placed.add_argument("version", help="stable or dev")
    placed.add_argument("--site", default="_build/html")
    pin = steps.add_parser("lock", help="write requirements.lock and environment.yml")
    pin.add_argument("freeze")
    given = parser.parse_args(arguments)
    try:
        if given.step == "tidy":
            tidy(given.executed, given.target, given.task)
        elif given.step == "overview":
            overview()
        elif given.step == "landing":
            from genoattn.book import landing  # slow to import, and needed here only

            print(f"{landing.write(landing.Results(Path(given.results)))} findings written")
        elif given.step == "course":
            from genoattn.book import course  # needs nbconvert

            print(f"{len(course.pages(given.to))} exercises written to {given.to}")
        elif given.step == "slides":
            from genoattn.book import figures, slides  # need the whole package, and nbconvert

            print(f"{len(figures.write())} figures and {len(slides.write())} decks written")
        elif given.step == "place":
            from genoattn.book import web  # needs Sphinx

            web.place(given.site, given.folder, given.version)
        elif given.step == "data":
            from genoattn.study.inputs import ecoli_inputs  # slow to import, and needed here only

            print(f"The published tables are there: {len(ecoli_inputs().sites)} start sites")
        elif given.step == "prose":
            refresh_prose(given.source, given.shown)
        elif given.step == "lock":
            print(f"{lock(given.freeze)} packages pinned")
        else:
            print(f"{check_site(given.site)} pages rendered, each readable without a network")
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
