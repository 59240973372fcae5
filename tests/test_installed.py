"""The package without extras; .ci/installed does the same in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_what_is_declared_is_enough(tmp_path):
    """Every module is imported, a sequence annotated and a model trained without the extras."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests/installed.py", "--only-declared"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "modules imported, a sequence annotated, a model trained" in done.stdout
