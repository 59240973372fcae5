"""The API reference and what Sphinx makes of docstrings, on a toy package and on this one."""

from __future__ import annotations

import ast
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import roles
from sphinx.ext import napoleon

import genoattn
from genoattn.book import reference, structure


@pytest.fixture(scope="module")
def here():
    return structure.modules()


def test_every_public_module_is_in_the_reference(here):
    pages = reference.pages(here)
    text = "".join(pages.values())
    found = {one.name for one in pkgutil.walk_packages(genoattn.__path__, "genoattn.")}
    public = {name for name in found if not name.rsplit(".", 1)[1].startswith("_")}
    assert len(public) > 80
    for name in public | {"genoattn"}:
        assert text.count(f".. automodule:: {name}\n") == 1, name
        assert f"<{name}>`" in reference.overview(here) or name in text
    assert {"genoattn", "study", "plots", "chapters"} <= set(pages)


def frame(*rows):
    columns = ["module", "file", "room", "about"]
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])


TOY = frame(
    ("toy", "__init__.py", "", "A toy"),
    ("toy.__main__", "__main__.py", "__main__", "Run"),
    ("toy.door", "door.py", "door", "Opens a|b"),
    ("toy.low", "low/__init__.py", "low", "Below"),
    ("toy.low._own", "low/_own.py", "low", "Hidden"),
    ("toy.low.deep", "low/deep.py", "low", "Deep; touches deep.py"),
)


def test_a_page_for_each_sub_package_and_one_for_what_is_outside():
    pages = reference.pages(TOY)
    assert list(pages) == ["toy", "low"]
    assert pages["toy"].startswith("# toy\n\n```{eval-rst}\n.. automodule:: toy\n```\n\n## door\n")
    assert ".. automodule:: toy.low.deep\n   :members:\n```" in pages["low"]
    assert not any("_own" in page or "__main__" in page for page in pages.values())


def test_the_overview_links_each_module():
    text = reference.overview(TOY)
    assert "## {doc}`toy </book/api/toy>`\n\nA toy.\n" in text
    assert r"| {py:mod}`door <toy.door>` | Opens a\|b |" in text
    assert "| {py:mod}`deep <toy.low.deep>` | Deep; touches `deep.py` |" in text


def test_all_is_written_and_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book/api").mkdir(parents=True)
    (tmp_path / "book/api/old.md").write_text("# of a sub-package that is no more\n")
    assert reference.main([]) == 0
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert reference.main([]) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == first
    parts = tmp_path / "_build/structure"
    assert {path.name for path in parts.iterdir()} == {
        "rooms.md", "rooms.svg", "flow.md", "flow.svg", "run.md", "modules.md", "formats.md",
        "costs.md",
    }  # fmt: skip
    for name in ("rooms", "flow"):
        assert ElementTree.parse(parts / f"{name}.svg").getroot().tag.endswith("svg")
        text = (parts / f"{name}.md").read_text()
        assert f"```{{image}} /_build/structure/{name}.svg\n:alt: " in text
        assert '<div class="caption">' in text
    assert (tmp_path / "book/api/study.md").is_file()
    assert not (tmp_path / "book/api/old.md").exists()


def test_a_source_that_is_not_as_drawn_fails_with_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lost = ((("labels", "NoSuchThing", ""),),)
    monkeypatch.setattr(structure, "FLOW", lost)
    assert reference.main([]) == 1
    assert "NoSuchThing is defined in 0 modules" in capsys.readouterr().err


def test_docstrings_are_sound_markup(here):
    """An error in one would stop the build of the book, at its very end."""
    names = ("attr", "class", "data", "exc", "func", "meth", "mod", "obj")
    for name in names:
        roles.register_generic_role(name, nodes.literal)
    config = napoleon.Config(napoleon_custom_sections=[["Attributes", "params_style"]])
    settings = {"report_level": 5, "halt_level": 5, "file_insertion_enabled": False}
    wrong = []
    for file in here["file"]:
        tree = ast.parse((structure.package_folder() / file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = napoleon.NumpyDocstring(
                    ast.get_docstring(node) or "", config, what="function"
                )
                document = publish_doctree(str(text), settings_overrides=settings)
                wrong += [
                    f"{file}, {getattr(node, 'name', 'module')}: {message.astext()}"
                    for message in document.findall(nodes.system_message)
                    if message["level"] > 1
                ]
    assert not wrong


def test_sphinx_leaves_out_what_nobody_wrote_and_links_across_modules(tmp_path):
    (tmp_path / "toy_a.py").write_text(
        '"""A."""\nfrom dataclasses import dataclass, field\nfrom typing import NamedTuple\n\n'
        'class Pair(NamedTuple):\n    """Two things."""\n    first: int\n    """The first."""\n'
        '    second: int\n\n@dataclass\nclass Kept:\n    """Kept."""\n'
        "    things: dict[str, int] = field(default_factory=dict)\n"
    )
    (tmp_path / "toy_b.py").write_text(
        '"""B, beside `Pair.first` and `Kept` of the other, and `nothing`."""\n'
    )
    (tmp_path / "index.rst").write_text(
        "Toy\n===\n\n.. automodule:: toy_a\n   :members:\n\n.. automodule:: toy_b\n   :members:\n"
    )
    (tmp_path / "conf.py").write_text(
        f'extensions = ["sphinx.ext.autodoc", "{reference.__name__}"]\ndefault_role = "py:obj"\n'
    )
    root = Path(genoattn.__file__).parent.parent
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", ".", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])},
        check=True,
        timeout=300,
    )
    page = (tmp_path / "out/index.html").read_text()
    assert "The first." in page
    assert "Alias for field number" not in page
    assert 'id="toy_a.Pair.second"' not in page
    assert "factory" not in page
    assert 'href="#toy_a.Pair.first"' in page
    assert page.count('href="#toy_a.Kept" title="toy_a.Kept"') == 1
    assert 'title="nothing"' not in page
