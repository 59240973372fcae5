"""Sphinx extension: pages are rendered on several cores, and garbage is looked for less often.

jupyter-book hands no number of processes on to Sphinx. And the pages are trees of millions of nodes
that are kept to the end: to look through them after every few hundred new ones, as Python does by
default, took a third of the whole rendering.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["AT_MOST", "SAFE", "THRESHOLD", "setup"]


THRESHOLD = (100_000, 20, 20)
"""New objects after which Python looks through the youngest ones; looks after which it goes on to
the older ones, and to the oldest."""

AT_MOST = 4
"""Cores that render; one process more than these, as the first one mostly waits for the others."""

SAFE = ("sphinx-mathjax-offline", "sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")
"""Extensions that do not say whether they allow pages to be read side by side. They do: they keep
nothing of a page that is read (the last one numbers headings when all have been read)."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Set both when Sphinx loads its extensions; the former threshold when it has ended."""
    former = gc.get_threshold()
    gc.set_threshold(*THRESHOLD)
    app.connect("build-finished", lambda *_: gc.set_threshold(*former))
    app.parallel = min(os.cpu_count() or 1, AT_MOST) + 1
    app.connect("builder-inited", _declare)
    app.connect("env-before-read-docs", _deal)
    app.connect("env-updated", _sort)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _declare(app: Sphinx) -> None:
    """Say of the extensions that are silent that they are safe."""
    for name in SAFE:
        if name in app.extensions and app.extensions[name].parallel_read_safe is None:
            app.extensions[name].parallel_read_safe = True


def _deal(app: Sphinx, env: object, pages: list[str]) -> None:
    """Put pages into another order: a process reads several neighbours, and neighbours are alike.

    Else one process would read all pages of the API reference, which take longest.
    """
    heaps = 2 * app.parallel
    pages[:] = [page for first in range(heaps) for page in pages[first::heaps]]


def _sort(app: Sphinx, env: BuildEnvironment) -> None:
    """Put what pages describe into the order of the pages, whichever was read first.

    Of several things that a short name may mean, Sphinx takes the first.
    """
    objects = env.domaindata["py"]["objects"]
    found = sorted(objects.items(), key=lambda one: one[1].docname)
    objects.clear()
    objects.update(found)
