"""What the package is made of: its modules and rooms, and how data flow; reads source files only.

A *room* is a sub-package; a module outside any sub-package is a room of its own. All is read from
the source by `ast`, and nothing is imported. The drawings in ``plots/structure.py`` and the pages
that ``reference.py`` writes are made from these frames.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from genoattn.book.build import imported_files

__all__ = [
    "FLOW",
    "first_sentence",
    "flow",
    "modules",
    "package_folder",
    "rooms",
    "users_of_run",
]

FLOW: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (("published tables", "Dataset", ""),),
    (("genome, genes, sites", "StudyInputs", "study"),),
    (("curated set", "curate", "curated"),),
    (("labels", "site_track", ""),),
    (("weights and their card", "AnnotatorTraining", "model"),),
    (
        ("output", "predict", "output"),
        ("attention", "tally", "kept"),
        ("interventions", "mediation", "kept"),
    ),
    (("findings", "Finding", "write"),),
    (("figures", "Drawn", ""), ("sentences", "InShort", "")),
)
"""Stages in the order in which data pass them; each holds things: their name, a class or function
that stands for how they are made, and the member of `Run` through which chapters share them."""


def package_folder() -> Path:
    """Find the folder of the installed package."""
    spec = find_spec("genoattn")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def modules(package: str | Path | None = None) -> pd.DataFrame:
    """List the modules of a package.

    Parameters
    ----------
    package : str or Path, optional
        Its folder; that of this package by default.

    Returns
    -------
    DataFrame
        ``module`` (dotted name), ``file`` (in the package's folder), ``room`` (empty for the
        package's own ``__init__.py``), ``lines``, ``about`` (first sentence of the docstring),
        ``public`` (tuple of the names in ``__all__``) and ``imports`` (tuple of modules of the
        package that it imports itself, or names in full in a string), sorted by module.
    """
    root = package_folder() if package is None else Path(package)
    rows = []
    for path in root.rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        tree, inside = ast.parse(code), path.relative_to(root).with_suffix("").parts
        found = imported_files(code, root, (root.name, *inside)) | _named_files(tree, root)
        rows.append(
            {
                "module": _dotted(path, root),
                "file": path.relative_to(root).as_posix(),
                "room": "" if inside == ("__init__",) else inside[0],
                "lines": len(code.splitlines()),
                "about": first_sentence(ast.get_docstring(tree) or ""),
                "public": tuple(_exported(tree)),
                "imports": tuple(sorted(_dotted(one, root) for one in found - {path})),
            }
        )
    return pd.DataFrame(rows).sort_values("module", ignore_index=True)


def _named_files(tree: ast.Module, root: Path) -> set[Path]:
    """Find the modules that strings name, as those are that a command line imports when asked."""
    strings = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(rf"{root.name}(\.\w+)+", node.value)
    }
    files = {root.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in strings}
    return {path for path in files if path.is_file()}


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring, on one line and without its full stop."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<!\b[A-Za-z])\. ", paragraph)[0].removesuffix(".")  # not at "E. coli"


def _dotted(path: Path, root: Path) -> str:
    """Name a module by its file."""
    inside = path.relative_to(root).with_suffix("").parts
    return ".".join((root.name, *inside)).removesuffix(".__init__")


def _exported(tree: ast.Module) -> list[str]:
    """Read ``__all__``; empty where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def rooms(modules: pd.DataFrame) -> pd.DataFrame:
    """Sum modules up to rooms, each after all rooms that it imports.

    Parameters
    ----------
    modules : DataFrame
        From `modules`.

    Returns
    -------
    DataFrame
        ``room``, ``modules`` (number, without ``__init__.py``), ``lines``, ``about`` (first
        sentence of the sub-package's docstring), ``imports`` (tuple of other rooms) and ``level``:
        0 for a room that imports none, else one more than the highest that it imports. Sorted by
        level, then by name.

    Raises
    ------
    ValueError
        Rooms import each other in a circle.
    """
    inside = modules[modules["room"] != ""]
    room_of = dict(zip(inside["module"], inside["room"], strict=True))
    imports = {
        str(room): {room_of[one] for names in part["imports"] for one in names if one in room_of}
        - {room}
        for room, part in inside.groupby("room")
    }
    level = _levels(imports)
    rows = []
    for room, part in inside.groupby("room"):
        package = part["file"].str.endswith("__init__.py")
        rows.append(
            {
                "room": room,
                "modules": int((~package).sum()),
                "lines": int(part["lines"].sum()),
                "about": part["about"][package if package.any() else ~package].iloc[0],
                "imports": tuple(sorted(imports[str(room)])),
                "level": level[str(room)],
            }
        )
    return pd.DataFrame(rows).sort_values(["level", "room"], ignore_index=True)


def _levels(imports: dict[str, set[str]]) -> dict[str, int]:
    """Give each room its level; see `rooms`."""
    level: dict[str, int] = {}
    try:
        for room in TopologicalSorter(imports).static_order():
            level[room] = max((level[one] + 1 for one in imports[room]), default=0)
    except CycleError as error:
        circle = " imports ".join(reversed(error.args[1]))
        raise ValueError(f"imports go in a circle: {circle}") from error
    return level


def flow(package: str | Path | None = None) -> pd.DataFrame:
    """Find, for each thing that `FLOW` names, where in the package it is made.

    Parameters
    ----------
    package : str or Path, optional
        Its folder; that of this package by default.

    Returns
    -------
    DataFrame
        ``stage`` (from 0), ``thing``, ``made_by`` (module and name, without the package's name)
        and ``run`` (member of `Run`, empty for what is not shared), in the order of `FLOW`.

    Raises
    ------
    ValueError
        No module, or more than one, defines such a class or function; `Run` has no such member.
    """
    root = package_folder() if package is None else Path(package)
    places: dict[str, list[str]] = {}
    members: set[str] = set()
    for path in root.rglob("*.py"):
        for node in _definitions(ast.parse(path.read_text(encoding="utf-8"))):
            places.setdefault(node.name, []).append(_dotted(path, root))
            if node.name == "Run":
                members |= {one.name for one in _definitions(node)}
    rows = []
    for stage, things in enumerate(FLOW):
        for thing, name, member in things:
            found = places.get(name, [])
            if len(found) != 1:
                raise ValueError(f"{name} is defined in {len(found)} modules, not in one")
            if member and member not in members:
                raise ValueError(f"Run has no member {member}")
            made_by = f"{found[0]}.{name}".removeprefix(f"{root.name}.")
            rows.append({"stage": stage, "thing": thing, "made_by": made_by, "run": member})
    return pd.DataFrame(rows)


def _definitions(
    node: ast.Module | ast.ClassDef | ast.FunctionDef,
) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Give the classes and functions that stand directly in a module or a class."""
    yield from (one for one in node.body if isinstance(one, ast.ClassDef | ast.FunctionDef))


def users_of_run(package: str | Path | None = None) -> pd.DataFrame:
    """Find what each chapter asks of the run: the members of ``run`` that its steps use.

    Parameters
    ----------
    package : str or Path, optional
        Its folder; that of this package by default.

    Returns
    -------
    DataFrame
        ``chapter`` (as its parameters name it, such as ``03_heads``), ``module`` and ``uses``
        (sorted tuple; of ``heads.py`` and its parts, ``heads_*.py``), in the order of the chapters.
    """
    root = package_folder() if package is None else Path(package)
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((root / "chapters").glob("*.py"))
    }
    rows = []
    for path, tree in trees.items():
        for name in _chapter(tree):
            parts = (one for other, one in trees.items() if _is_part(other.stem, path.stem))
            uses = {use for part in parts for use in _asked_of_run(part)}
            rows.append({"chapter": name, "module": _dotted(path, root), "uses": (*sorted(uses),)})
    frame = pd.DataFrame(rows, columns=["chapter", "module", "uses"])
    return frame.sort_values("chapter", ignore_index=True)


def _chapter(tree: ast.Module) -> Iterator[str]:
    """Give the name that a chapter's ``PARAMETERS = Schema("NN_name", ...)`` has, if any."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PARAMETERS":
            assert isinstance(node.value, ast.Call)
            yield str(ast.literal_eval(node.value.args[0]))


def _is_part(stem: str, chapter: str) -> bool:
    """Tell whether a module is a chapter's, by its name: the chapter's own, or longer."""
    return stem == chapter or stem.startswith(f"{chapter}_")


def _asked_of_run(tree: ast.Module) -> Iterator[str]:
    """Give the attributes of what is called ``run``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "run":
            yield node.attr
