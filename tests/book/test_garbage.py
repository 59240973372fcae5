"""Rendering looks for garbage less often; what runs in the same process later does not."""

from __future__ import annotations

import gc
from types import SimpleNamespace

from genoattn.book import garbage


def test_the_threshold_is_set_for_the_rendering_alone():
    former, ending = gc.get_threshold(), {}
    try:
        garbage.setup(SimpleNamespace(connect=ending.__setitem__))
        assert gc.get_threshold() == garbage.THRESHOLD
        ending["build-finished"](None, None)
        assert gc.get_threshold() == former
    finally:
        gc.set_threshold(*former)
