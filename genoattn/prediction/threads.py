"""How many threads torch and numba count with, for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["numba_alone", "one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def numba_alone() -> Iterator[None]:
    """Let numba compute on one core, and leave torch the number of threads that it had.

    Both may use the same OpenMP, where the number that numba sets stays, or is set by asking numba
    for its own: torch would then split its work among more threads than it was given, and these
    wait for each other.
    """
    with one_thread():
        import numba

        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(threads)
