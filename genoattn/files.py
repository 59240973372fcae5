"""Text files read line by line and written whole or not at all; may touch the file system only."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["FileError", "read_lines", "writing"]


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
    left as it was. The folder is created when it is missing.

    Parameters
    ----------
    path : str or Path
        Where the finished file shall be.

    Yields
    ------
    Path
        The temporary file to write to; it has the same suffix as `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Read the process's file-mode mask (which can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
