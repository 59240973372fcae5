"""Pages are rendered side by side, and after that Python looks for garbage as it did before."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest
from sphinx.application import Sphinx

from genoattn.book import rendering


@pytest.fixture
def threshold():
    former = gc.get_threshold()
    yield former
    gc.set_threshold(*former)


def test_the_threshold_is_set_for_the_rendering_alone(threshold):
    called = {}
    rendering.setup(SimpleNamespace(connect=called.__setitem__))
    assert gc.get_threshold() == rendering.THRESHOLD
    called["build-finished"](None, None)
    assert gc.get_threshold() == threshold


def rendered(folder, extensions):
    """Seven pages that refer to each other, with what Sphinx said; file -> text."""
    source, to = folder / "source", folder / "to"
    source.mkdir(parents=True)
    names = [f"page{number}" for number in range(7)]
    contents = "\n   ".join(names)
    (source / "index.rst").write_text(
        f"Start\n=====\n\n.. toctree::\n   :numbered:\n\n   {contents}\n"
    )
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        text = f".. _at-{name}:\n\n{name}\n=====\n\nSee :ref:`at-{other}` and :doc:`{other}`.\n\n"
        text += f".. py:class:: {name}.Split(part: Split)\n"
        (source / f"{name}.rst").write_text(text)
    (source / "conf.py").write_text(f"extensions = {extensions}\nhtml_theme = 'basic'\n")
    with (folder / "said").open("w+") as said:
        app = Sphinx(source, source, to, folder / "trees", "html", status=said, warning=said)
        app.build()
        said.seek(0)
        return {path.name: path.read_text() for path in to.glob("*.html")}, said.read(), app


@pytest.mark.filterwarnings("ignore:nodes.Node.traverse")  # by the numbering of headings
def test_pages_are_those_of_one_process(tmp_path, monkeypatch, threshold):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    others = [name for name in rendering.SAFE if name != "sphinx-mathjax-offline"]
    alone, said_alone, _ = rendered(tmp_path / "alone", others)
    beside, said_beside, app = rendered(tmp_path / "beside", [*others, "genoattn.book.rendering"])
    assert beside == alone and len(alone) > 7
    assert app.parallel == 3 and app.is_parallel_allowed("read")
    assert "index .. page5" in said_beside and " .. " not in said_alone, (
        "who reads first, reads these"
    )
    assert "doing serial" not in said_beside
