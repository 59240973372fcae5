from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Small tensors gain nothing from threads, and workers that run side by side would fight for cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("genoattn", deadline=None, print_blob=True)
settings.load_profile("genoattn")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real tables: skip where none is named, fail where a named one is missing."""
    name = os.environ.get("GENOATTN_DATA", "")
    if not name:
        pytest.skip("real tables: set GENOATTN_DATA to their folder")
    folder = Path(name)
    if not folder.is_dir():
        pytest.fail(f"GENOATTN_DATA names {folder}, which is not a folder")
    return folder
