from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from genoattn.model.annotator import Annotator, AnnotatorConfig

# Small tensors gain nothing from threads, and workers that run side by side would fight for cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # what numba sets, torch's threads follow

settings.register_profile("genoattn", deadline=None, print_blob=True)
settings.register_profile("nightly", deadline=None, print_blob=True, max_examples=2_000)
settings.load_profile("genoattn")


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close what a test draws, so that no other test meets its figures."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


_HOLDER = """
import sys
from genoattn.genome.locks import hold
lock = hold(sys.argv[1], "it", "go", sys.argv[2:])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Let other processes hold locks: a function of the lock file and those that exclude it."""
    started = []

    def hold(*paths: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


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


@pytest.fixture(scope="session", params=[0, 3], ids=["attention", "stem"])
def model(request: pytest.FixtureRequest) -> Annotator:
    """Build a small untrained model, of attention alone and on convolutions."""
    torch.manual_seed(0)
    model = Annotator(
        AnnotatorConfig(
            layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=5, stem=request.param
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)  # so that outputs differ clearly from place to place
    return model.eval()
