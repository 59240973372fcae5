"""Sphinx extension: Python looks for garbage less often while it renders the pages.

The pages are trees of millions of nodes that are kept to the end. To look through them after every
few hundred new ones, as Python does by default, took a third of the whole rendering.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["THRESHOLD", "setup"]


THRESHOLD = (100_000, 20, 20)
"""New objects after which Python looks through the youngest ones; looks after which it goes on to
the older ones, and to the oldest."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Set the threshold when Sphinx loads its extensions, and the former one when it has ended."""
    former = gc.get_threshold()
    gc.set_threshold(*THRESHOLD)
    app.connect("build-finished", lambda *_: gc.set_threshold(*former))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
