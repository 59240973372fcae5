"""Text files read line by line and written whole or not at all; may touch the file system only."""

from __future__ import annotations

import errno
import glob
import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["FileError", "read_lines", "reserve", "writing"]

_BLOCK = 2**20
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}
"""Errors of the disk or of its rights, which say nothing without the file's name."""


class FileError(ValueError):
    """A file that exists but cannot be read as text: truncated, corrupt or binary."""


def read_lines(path: str | Path, encoding: str = "utf-8") -> list[str]:
    """Read all lines of a text file, plain or gzip-compressed (name ends in ``.gz``).

    Parameters
    ----------
    path : str or Path
        The file.
    encoding : str
        Its text encoding.

    Returns
    -------
    list of str
        Lines without their line ends.

    Raises
    ------
    FileNotFoundError
        No such file.
    FileError
        The gzip stream breaks off or is corrupt, or the bytes are not text of this encoding.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except EOFError as error:
        raise FileError(
            f"{path}: truncated, the gzip stream breaks off; fetch the file again"
        ) from error
    except (OSError, zlib.error) as error:
        raise FileError(f"{path}: not a valid gzip file ({error}); fetch it again") from error
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(f"{path}, line {line}: not {encoding} text") from error
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    When the block fails, the temporary file is removed and whatever stood at `path` before is
    left as it was. What a writer that was killed left behind is removed by the next one of the
    same file. The folder is created when it is missing.

    Parameters
    ----------
    path : str or Path
        Where the finished file shall be.

    Yields
    ------
    Path
        The temporary file to write to; it has the same suffix as `path`.

    Raises
    ------
    OSError
        The file cannot be written; names it, why, and how much space its folder has.
    """
    path = Path(path)
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.{os.getpid()}-", suffix=f".part{path.suffix}", dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def reserve(path: Path, size: int) -> None:
    """Give a file its size on the disk, so that writing into a map of it cannot fail.

    A map of a file without blocks dies with SIGBUS, and no sentence, when the disk is full.

    Parameters
    ----------
    path : Path
        An existing file.
    size : int
        In bytes.

    Raises
    ------
    OSError
        There is no room.
    """
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:  # macOS has no such call: write every block
            for start in range(0, size, _BLOCK):
                file.write(bytes(min(_BLOCK, size - start)))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors of a full or unwritable disk name the file and the space that is left."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        free = next(
            (shutil.disk_usage(one).free for one in path.absolute().parents if one.is_dir()), 0
        )
        reason = f"{os.strerror(error.errno)}; {free / 1e6:,.1f} MB are free in its folder"
        raise OSError(error.errno, f"cannot be written: {reason}", str(path)) from error


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of this file whose writer is no longer alive."""
    pattern = f".{glob.escape(path.stem)}.*-*.part{glob.escape(path.suffix)}"
    for left in path.parent.glob(pattern):
        writer = left.name.removeprefix(f".{path.stem}.").partition("-")[0]
        if writer.isdigit() and not _alive(int(writer)):
            left.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    """Tell whether a process of this machine is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _umask() -> int:
    """Read the process's file-mode mask (which can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
