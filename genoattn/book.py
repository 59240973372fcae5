"""Building the book: chapters and what they import, executed copies, pages; touches files only.

The run graph (``Snakefile``) executes the chapters with papermill and renders the pages with
Jupyter Book; the steps between are here. As a program: ``python -m genoattn.book tidy FROM TO``
copies an executed chapter to its place in the book, ``python -m genoattn.book check`` looks at the
rendered pages.
"""

from __future__ import annotations

import argparse
import ast
import base64
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import yaml
from PIL import Image

from genoattn.files import writing

__all__ = [
    "BookError",
    "chapters",
    "check_site",
    "imported_files",
    "imported_modules",
    "lock",
    "main",
    "overview",
    "page_source",
    "profile",
    "refresh_prose",
    "tidy",
    "toc_pages",
    "with_palette",
]

_PAGE_SUFFIXES = (".md", ".ipynb")
_REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_REMOTE_CSS = re.compile(
    r"(?:@import\s+(?:url\()?|url\()\s*[\"']?(?:https?:)?//[^)\"'\s]+", re.IGNORECASE
)


class BookError(ValueError):
    """A chapter, a profile or a rendered page that is not as it must be."""


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
    BookError
        A name that no notebook has, or no name at all.
    """
    found = sorted(path.stem for path in Path(folder).glob("[0-9][0-9]_*.ipynb"))
    if named is None:
        return found
    wanted = set(named)
    names = [stem.split("_", 1)[1] for stem in found]
    if not wanted or wanted - set(names):
        what = f"{min(wanted - set(names))!r} is no chapter" if wanted else "no chapter is named"
        raise BookError(f"{what}; the chapters are {', '.join(names)}")
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
    BookError
        No such file, or not a mapping of mappings.
    """
    path = Path(path)
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise BookError(f"{path}: no such profile; there are: {known}")
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise BookError(f"{path}: must map each chapter to a mapping of its parameters")
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


def tidy(executed: str | Path, target: str | Path) -> None:
    """Copy an executed chapter to its place in the book, without the traces of its run.

    Leaves out papermill's record of paths and times, progress bars, and time stamps of
    cells, so that a run that computes the same gives the same file. Code is folded until the
    reader opens it; pictures get a palette, and their alternative text goes where the page's
    builder looks for it.

    Parameters
    ----------
    executed : str or Path
        Notebook that papermill wrote.
    target : str or Path
        Where the copy goes; its folder is made.

    Raises
    ------
    BookError
        The notebook holds an error, or a cell that was not run.
    """
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells, start=1):
        for key in ("papermill", "execution", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        tags = [*cell.metadata.get("tags", []), "hide-input"]
        cell.metadata["tags"] = [*dict.fromkeys(tags)]
        cell.outputs = [kept for kept in map(_without_progress, cell.outputs) if kept is not None]
        for output in cell.outputs:
            picture = output.get("data", {}).get("image/png")
            if picture is not None:
                output.data["image/png"] = with_palette(picture)
                if alt := output.metadata.get("image/png", {}).get("alt"):
                    cell.metadata["mystnb"] = {"image": {"alt": alt}}
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            raise BookError(f"{executed}, cell {number}: {errors[0].ename}: {errors[0].evalue}")
        if cell.execution_count is None and cell.source.strip():
            raise BookError(f"{executed}, cell {number}: was not run")
    with writing(target) as temporary:
        nbformat.write(notebook, temporary)


def with_palette(picture: str) -> str:
    """A PNG (base64) with a palette of 256 colours, if that makes it smaller: a third, mostly."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as drawn:
        if drawn.mode == "P":
            return picture
        few = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True)
    found = base64.b64encode(written.getvalue()).decode()
    return found if len(found) < len(picture) else picture


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
    BookError
        The code of the two differs, so that the chapter must be executed.
    """
    wanted = nbformat.read(source, as_version=4)
    notebook = nbformat.read(shown, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ran = [cell for cell in code if not _has_tag(cell, "injected-parameters")]
    if [cell.source for cell in ran] != [c.source for c in wanted.cells if c.cell_type == "code"]:
        raise BookError(f"{shown}: its code is not that of {source}; execute the chapter again")
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


def toc_pages(toc: str | Path = "_toc.yml") -> list[str]:
    """List the pages of a table of contents, in reading order.

    Parameters
    ----------
    toc : str or Path
        Jupyter Book's table of contents.

    Returns
    -------
    list of str
        Pages as the table names them: relative to its folder, without suffix. For a pattern
        (``glob``), the pages that are there.
    """
    pages: list[str] = []
    for key, name in _entries(yaml.safe_load(Path(toc).read_text(encoding="utf-8"))):
        pages += _matching(name, Path(toc).parent) if key == "glob" else [name]
    return pages


def _matching(pattern: str, folder: Path) -> list[str]:
    """List the pages of a pattern, sorted; none if no such file is there yet."""
    found = (path for suffix in _PAGE_SUFFIXES for path in folder.glob(pattern + suffix))
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in found)


def page_source(page: str, folder: str | Path = ".") -> str:
    """Find the source file of a page of the table of contents.

    Parameters
    ----------
    page : str
        A page as `toc_pages` gives it.
    folder : str or Path
        The folder of the table of contents.

    Returns
    -------
    str
        The page with the suffix of the file that exists.

    Raises
    ------
    BookError
        There is no such file.
    """
    for suffix in _PAGE_SUFFIXES:
        if (Path(folder) / (page + suffix)).is_file():
            return page + suffix
    raise BookError(f"the table of contents lists {page}, but there is no {page}.md or .ipynb")


def _entries(node: Any) -> Iterator[tuple[str, str]]:
    """Walk a table of contents and give each page: by what key it is named, and its name."""
    if isinstance(node, list):
        for member in node:
            yield from _entries(member)
    elif isinstance(node, dict):
        for key in ("root", "file", "glob"):
            if key in node:
                yield key, str(node[key])
        for key in ("parts", "chapters", "sections"):
            yield from _entries(node.get(key, []))


class _Loads(HTMLParser):
    """Collects what a page loads by itself (links that a reader may follow are no loads)."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link":
            if (given.get("rel") or "").lower() not in {"canonical", "prev", "next", "search"}:
                self.addresses.append(given.get("href") or "")
        elif tag in {"script", "img", "iframe", "source", "video", "audio", "embed", "object"}:
            self.addresses += [given.get("src") or "", given.get("data") or ""]


def check_site(site: str | Path = "_build/html", toc: str | Path = "_toc.yml") -> int:
    """Check that every page of the table of contents was rendered and stands by itself.

    Parameters
    ----------
    site : str or Path
        Folder of the rendered pages.
    toc : str or Path
        Jupyter Book's table of contents.

    Returns
    -------
    int
        Number of pages.

    Raises
    ------
    BookError
        A page is missing, loads something from another server or a file that does not exist, or
        a style sheet loads something from another server.
    """
    site = Path(site)
    if not (site / "index.html").is_file():
        raise BookError(f"{site}/index.html is missing: the book was not rendered")
    for key, name in _entries(yaml.safe_load(Path(toc).read_text(encoding="utf-8"))):
        if key == "glob" and not _matching(name, Path(toc).parent):
            raise BookError(f"{toc} lists {name}, but there is no such page")
    pages = [site / f"{page}.html" for page in toc_pages(toc)]
    for page in pages:
        if not page.is_file():
            raise BookError(f"{page} is missing although {toc} lists it")
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        for address in filter(None, loads.addresses):
            if _REMOTE.match(address):
                raise BookError(f"{page} needs another server: {address}")
            local = re.split(r"[?#]", address)[0]
            if local and not local.startswith("data:") and not (page.parent / local).exists():
                raise BookError(f"{page} loads {address}, which does not exist")
    for sheet in sorted(site.rglob("*.css")):
        remote = _REMOTE_CSS.search(sheet.read_text(encoding="utf-8", errors="replace"))
        if remote:
            raise BookError(f"{sheet} needs another server: {remote.group()}")
    return len(pages)


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
    BookError
        A line that is not ``name==version``, such as a local path.
    """
    pins = []
    for line in Path(freeze).read_text(encoding="utf-8").splitlines():
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line):
            raise BookError(f"{freeze}: {line!r} is no pin of a published package")
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

    from genoattn.heads import paper_label
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
    with writing(target) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step of the build; the exit status is 1 with a sentence when it fails."""
    parser = argparse.ArgumentParser(prog="python -m genoattn.book", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    copy = steps.add_parser("tidy", help="copy an executed chapter into the book")
    copy.add_argument("executed")
    copy.add_argument("target")
    prose = steps.add_parser("prose", help="renew the text of an executed chapter")
    prose.add_argument("source")
    prose.add_argument("shown")
    check = steps.add_parser("check", help="check the rendered pages")
    check.add_argument("--site", default="_build/html")
    steps.add_parser("data", help="find or download the published tables of the study")
    steps.add_parser("overview", help="draw the figure of the first screen")
    pin = steps.add_parser("lock", help="write requirements.lock and environment.yml")
    pin.add_argument("freeze")
    given = parser.parse_args(arguments)
    try:
        if given.step == "tidy":
            tidy(given.executed, given.target)
        elif given.step == "overview":
            overview()
        elif given.step == "data":
            from genoattn.inputs import ecoli_inputs  # slow to import, and needed here only

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


if __name__ == "__main__":
    sys.exit(main())
