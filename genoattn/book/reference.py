"""Pages made from the package itself: API reference, drawings; an extension of Sphinx; files out.

``python -m genoattn reference`` writes, when the book is built, a page for each sub-package, which
Sphinx fills from the docstrings, and the parts that the pages on the package include. None of
them is committed. As an extension (`setup`), it leaves out the docstrings that Python makes up for
named tuples, and links names that stand in another module than their definition.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd

from genoattn.book import formats, structure
from genoattn.genome.files import writing
from genoattn.plots import structure as figures
from genoattn.plots import style
from genoattn.plots.drawn import Drawn

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["main", "overview", "pages", "setup", "write"]

_PARTS = "_build/structure"
_PAGES = "book/api"
_RESULTS = "book/results"
_MADE_UP = "Alias for field number"


def pages(modules: pd.DataFrame) -> dict[str, str]:
    """Write the pages of the API reference, one for each sub-package, as Sphinx shall read them.

    Parameters
    ----------
    modules : DataFrame
        From `genoattn.book.structure.modules`.

    Returns
    -------
    dict of str to str
        Name of the page, such as ``genome`` (the package's own for modules outside sub-packages)
        -> Markdown. A module whose name begins with an underscore is left out.
    """
    found = {}
    for page, part in _by_page(modules):
        package, *inside = [*part["module"]]
        blocks = [f"# {package}", _directive(package, members=False)]
        for name in inside:
            blocks += [f"## {name.removeprefix(package + '.')}", _directive(name, members=True)]
        found[page] = "\n\n".join(blocks) + "\n"
    return found


def _by_page(modules: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Group public modules by page, the one of the package itself first; ``__init__`` leads."""
    name = modules["module"]
    public = modules[~name.str.contains(r"\._")]
    inside = public["file"].str.contains("/")
    page = public["room"].where(inside, name.min())
    parts = [(str(one), part) for one, part in public.groupby(page)]
    return sorted(parts, key=lambda one: (one[0] != name.min(), one[0]))


def _directive(module: str, members: bool) -> str:
    """Ask Sphinx for a module's docstring, and for those of what it defines."""
    option = "   :members:\n" if members else ""
    return f"```{{eval-rst}}\n.. automodule:: {module}\n{option}```"


def overview(modules: pd.DataFrame) -> str:
    """List all modules by page, each with what it is about and a link; Markdown."""
    blocks = []
    for page, part in _by_page(modules):
        package, *inside = zip(part["module"], part["about"], strict=True)
        rows = [
            (f"{{py:mod}}`{name.removeprefix(package[0] + '.')} <{name}>`", about)
            for name, about in inside
        ]
        blocks += [f"## {{doc}}`{package[0]} </{_PAGES}/{page}>`", f"{package[1]}."]
        blocks += [_table(("module", "what it holds"), rows)] if rows else []
    return "\n\n".join(blocks) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a Markdown table, all columns to the left; names of modules as code."""
    files = re.compile(r"\b\w+\.py\b")
    lines = [[files.sub(r"`\g<0>`", str(cell)).replace("|", r"\|") for cell in row] for row in rows]
    lines = [list(head), [":--"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(
    parts: str | Path = _PARTS,
    to: str | Path = _PAGES,
    package: str | Path | None = None,
    results: str | Path = _RESULTS,
) -> int:
    """Write the pages of the API reference, and what the other pages on the package include.

    Parameters
    ----------
    parts : str or Path
        Folder, made anew, of ``rooms.svg``, ``flow.svg`` and the Markdown files ``rooms``,
        ``flow``, ``run``, ``modules``, ``formats`` and ``costs``; inside the folder from which the
        book is built.
    to : str or Path
        Folder of the pages, made anew.
    package : str or Path, optional
        Folder of the package; that of this one by default.
    results : str or Path, optional
        Folder of the tables that ``genoattn costs`` writes.

    Returns
    -------
    int
        Number of pages.
    """
    style.use()
    modules = structure.modules(package)
    rooms = structure.rooms(modules)
    for folder in (parts, to):
        shutil.rmtree(folder, ignore_errors=True)
    written = pages(modules)
    for page, text in written.items():
        _write(Path(to) / f"{page}.md", text)
    room = _table(
        ("part", "modules", "lines", "what it holds"),
        ((f"`{one.room}`", one.modules, f"{one.lines:,}", one.about) for one in rooms.itertuples()),
    )
    run = _table(
        ("chapter", "its steps use"),
        (
            (f"{{py:mod}}`{chapter} <{module}>`", _members(uses))
            for chapter, module, uses in structure.users_of_run(package).to_numpy()
        ),
    )
    _write(Path(parts) / "rooms.md", _picture(figures.imports(rooms), Path(parts), "rooms") + room)
    _write(
        Path(parts) / "flow.md",
        _picture(figures.flow(structure.flow(package)), Path(parts), "flow"),
    )
    _write(Path(parts) / "run.md", run)
    _write(Path(parts) / "modules.md", overview(modules))
    _write(Path(parts) / "formats.md", formats.page())
    _write(Path(parts) / "costs.md", formats.say_costs(results))
    return len(written)


def _members(names: Iterable[str]) -> str:
    """Link members of the run."""
    return ", ".join(f"{{py:obj}}`Run.{name}`" for name in names)


def _write(path: Path, text: str) -> None:
    """Write a text whole or not at all."""
    with writing(path) as temporary:
        temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _picture(drawn: Drawn, folder: Path, name: str) -> str:
    """Save a drawing as SVG, and give the Markdown that shows it with its caption."""
    with writing(folder / f"{name}.svg") as temporary:
        drawn.figure.savefig(temporary, format="svg", metadata={"Date": None})
    plt.close(drawn.figure)
    source = f"/{folder.as_posix()}/{name}.svg"  # from the folder of the book's configuration
    image = (
        f"````{{div}} drawing\n```{{image}} {source}\n:alt: {drawn.alt}\n:width: 100%\n```\n````"
    )
    return f"{image}\n\n{drawn.caption_block}\n\n"


# ------------------------------------------------------------------------ extension of Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, which calls this because ``_config.yml`` names the module."""
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _sign)
    app.connect("missing-reference", _find)
    app.connect("env-before-read-docs", _forget)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _forget(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Forget what the pages that are read again held, as a module may have moved between them."""
    for docname in docnames:
        app.emit("env-purge-doc", env, docname)
        env.clear_doc(docname)


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out a field of a named tuple that its author did not document below its name."""
    if not str(getattr(obj, "__doc__", "")).startswith(_MADE_UP):
        return None  # as Sphinx decides
    from sphinx.pycode import ModuleAnalyzer

    place = app.env.temp_data
    written = ModuleAnalyzer.for_module(place["autodoc:module"]).find_attr_docs()
    return (place["autodoc:class"], name) not in written


def _sign(
    app: Sphinx,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    signature: str | None,
    back: str | None,
) -> tuple[str | None, str | None]:
    """Write the default that a dataclass makes anew as Python, so that Sphinx can read it."""
    return signature and signature.replace("<factory>", "..."), back


def _find(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Any) -> Any:
    """Link `Name` or `Name.member` to the one class, function or constant of that name."""
    target = str(node.get("reftarget", ""))
    from sphinx.util.nodes import make_refnode

    if node.get("refdomain") != "py" or not ("." in target or target[:1].isupper()):
        return None
    objects = env.domaindata["py"]["objects"]
    found = [name for name in objects if name.endswith(f".{target}")]
    if len(found) != 1:
        return None
    entry = objects[found[0]]
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, content, found[0]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all pages; the exit status is 1 with a sentence when it fails."""
    parser = argparse.ArgumentParser(prog="python -m genoattn reference", description=__doc__)
    parser.add_argument("--parts", default=_PARTS, help="folder of what other pages include")
    parser.add_argument("--to", default=_PAGES, help="folder of the pages of the API reference")
    given = parser.parse_args(arguments)
    try:
        write(given.parts, given.to)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
