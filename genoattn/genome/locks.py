"""One writer at a time: a lock file that names its holder; touches lock files alone.

The file stands as long as its holder writes, and says its process and machine. A holder that was
killed leaves the file behind: who comes next on the same machine finds that no process of that
number and start time runs any more, and takes the lock over.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLock, Timeout

from genoattn.genome.files import naming

__all__ = ["LockedError", "hold", "holding"]


_TORN = 10.0  # s; a holder writes its name at once
_ASKED = 0.5  # s; for longer no process holds a lock only to see whether another does


class LockedError(ValueError):
    """Somebody else writes there; says who, since when, and what to do."""


def hold(
    path: str | Path,
    what: str,
    instead: str,
    against: Iterable[str | Path] = (),
    wait: float = 0.0,
) -> SoftFileLock:
    """Take a lock, or say who has it.

    Parameters
    ----------
    path : str or Path
        The lock file; its folder is made when missing.
    what : str
        What is written under this lock, such as a folder.
    instead : str
        What else can be done than to wait, such as "name another folder".
    against : iterable of path
        Other lock files. While another process holds one of them, this lock is not given. Of two
        processes that exclude each other and begin in the same moment, none may get its lock.
    wait : float
        Seconds to wait for a holder of this lock.

    Returns
    -------
    SoftFileLock
        Holds until its ``release``, or the end of this process. Who holds a lock may take it again.

    Raises
    ------
    LockedError
        Another process holds it, or one of those that exclude it.
    """
    path = Path(path).absolute()
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(path)
    if lock.is_locked:
        return lock
    _take(lock, path, what, instead, wait)
    try:
        for other in (Path(one).absolute() for one in against):
            held = _lock(other)
            if other.exists() and not held.is_locked:  # by this process
                _take(held, other, what, instead, _ASKED)
                held.release()
    except (LockedError, OSError):
        lock.release()
        raise
    return lock


def _lock(path: Path) -> SoftFileLock:
    """The one object of this process for a lock file."""
    return SoftFileLock(path, is_singleton=True, thread_local=False)


def _take(lock: SoftFileLock, path: Path, what: str, instead: str, wait: float) -> None:
    """Take a lock that this process does not hold."""
    _remove_torn(path)
    try:
        with naming(path):
            lock.acquire(timeout=wait, poll_interval=0.01)
    except Timeout:
        raise LockedError(
            f"{what} is being written by {_holder(path)}; wait until it has ended, or {instead}. "
            f"If no such process runs any more, remove {path}"
        ) from None
    except OSError:
        _remove_torn(path, 0.0)
        raise


@contextmanager
def holding(
    path: str | Path,
    what: str,
    instead: str,
    against: Iterable[str | Path] = (),
    wait: float = 0.0,
) -> Iterator[None]:
    """Hold a lock for a block; see `hold`."""
    lock = hold(path, what, instead, against, wait)
    try:
        yield
    finally:
        lock.release(force=True)


def _remove_torn(path: Path, after: float = _TORN) -> None:
    """Remove a lock file whose maker was killed before it could write its name."""
    with suppress(OSError):
        made = path.stat()
        if made.st_size == 0 and time.time() - made.st_mtime >= after:
            path.unlink()


def _holder(path: Path) -> str:
    """Say which process holds a lock, where, and since when."""
    try:
        number, machine, *_ = path.read_text(encoding="utf-8", errors="replace").split()
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    except (OSError, ValueError):
        return "another process"
    return f"process {number} on {machine.partition('?')[0]} since {since}"
