"""Text files and tables: read with line numbers, checked by value, written whole or not at all."""

from __future__ import annotations

import bz2
import csv
import errno
import glob
import gzip
import lzma
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

__all__ = [
    "AnnotationError",
    "FileError",
    "naming",
    "read_lines",
    "read_own_table",
    "read_table",
    "rereadable",
    "rereadable_both",
    "reserve",
    "to_integers",
    "to_numbers",
    "to_strands",
    "writing",
    "writing_together",
]


_BLOCK = 2**20
_PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,  # bgzip is gzip in many members
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}
"""Errors of the disk or of its rights, which say nothing without the file's name."""
_CANNOT = "cannot be written"


class FileError(ValueError):
    """A file that exists but cannot be read: truncated, corrupt, binary or not of its kind.

    The message is one line, whatever stands in the file: a sign that cannot be shown is a blank.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(sign if sign.isprintable() else " " for sign in message))


def read_lines(path: str | Path, encoding: str = "utf-8", fallback: str | None = None) -> list[str]:
    """Read all lines of a text file; compression, byte order mark and line ends by its content.

    Parameters
    ----------
    path : str or Path
        The file, or a pipe: plain, or compressed by gzip, bgzip, bzip2 or xz.
    encoding : str
        Its text encoding.
    fallback : str, optional
        Encoding of a file that is not text of the first; bytes without a letter are marked.

    Returns
    -------
    list of str
        Lines without their line ends, which may be those of Unix, Windows or an old Mac.

    Raises
    ------
    FileNotFoundError
        No such file.
    FileError
        A compressed stream breaks off or is corrupt, an archive or a spreadsheet, or bytes that
        are not text of this encoding.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise FileError(f"{path}: a folder, not a file")
    data = _unpacked(path, path.read_bytes())
    for mark, name in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if data.startswith(mark):
            raise FileError(f"{path}: {name} text; save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if fallback is None:
            line = data.count(b"\n", 0, error.start) + 1
            raise FileError(
                f"{path}, line {line}: not {encoding} text; save it as UTF-8"
            ) from error
        text = data.decode(fallback, errors="replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def _unpacked(path: Path, data: bytes) -> bytes:
    """Decompress what its first bytes say is compressed."""
    if data.startswith(b"PK\x03\x04"):
        raise FileError(f"{path}: a zip archive or a spreadsheet; unpack it, or save it as text")
    opener = next((one for magic, one in _PACKED.items() if data.startswith(magic)), None)
    if opener is None:
        return data
    try:
        return opener(data)
    except EOFError as error:
        raise FileError(
            f"{path}: truncated, the compressed stream breaks off; fetch the file again"
        ) from error
    except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise FileError(f"{path}: damaged compressed file ({error}); fetch it again") from error


@contextmanager
def rereadable(path: str | Path, stream: BinaryIO | None = None) -> Iterator[Path]:
    """Give a file that can be read more than once: a pipe is copied to a temporary one of its name.

    Parameters
    ----------
    path : str or Path
        The file or the pipe; whatever else it is, it is given as it is.
    stream : binary file, optional
        What is copied instead, such as the standard input; `path` is then what it is called.

    Yields
    ------
    Path
        There until the block ends. An error of the block names what was copied, not the copy.

    Raises
    ------
    OSError
        There is no room for the copy; names it.
    """
    path = Path(path)
    if stream is None and not path.is_fifo():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        source = nullcontext(stream) if stream else path.open("rb")
        with naming(copy), copy.open("wb") as file, source as opened:
            shutil.copyfileobj(opened, file)
        try:
            yield copy
        except ValueError as error:
            kind = type(error) if isinstance(error, FileError) else ValueError
            raise kind(str(error).replace(str(copy), str(path))) from error


@contextmanager
def rereadable_both(
    fasta: str | Path, gff: str | Path | None
) -> Iterator[tuple[Path, Path | None]]:
    """Do the same for sequences and their annotation, if there is one."""
    with ExitStack() as stack:
        found = stack.enter_context(rereadable(fasta))
        yield found, None if gff is None else stack.enter_context(rereadable(gff))


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
    with naming(path):
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


@contextmanager
def writing_together(folder: str | Path) -> Iterator[Path]:
    """Give a temporary folder in `folder`, where its files go when the block ends well.

    So files that belong together are never some old and some new. When the block fails, what stood
    there before is left as it was; what a killed writer left behind is removed by the next one.

    Parameters
    ----------
    folder : str or Path
        Made when it is missing.

    Yields
    ------
    Path
        The folder to write to.

    Raises
    ------
    OSError
        A file cannot be written; names it as it is called in the end.
    """
    folder = Path(folder)
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".new.*-*"):
            writer = left.name.removeprefix(".new.").partition("-")[0]
            if writer.isdigit() and not _alive(int(writer)):
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f".new.{os.getpid()}-", dir=folder) as new:
            try:
                yield Path(new)
                for path in sorted(Path(new).iterdir()):
                    path.replace(folder / path.name)
            except OSError as error:
                if error.filename and Path(error.filename).is_relative_to(new):
                    error.filename = str(folder / Path(error.filename).name)
                raise


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
def naming(path: Path) -> Iterator[None]:
    """Let errors of a full or unwritable disk name the file and the space that is left."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK or str(error.strerror).startswith(_CANNOT):
            raise
        free = next(
            (shutil.disk_usage(one).free for one in path.absolute().parents if one.is_dir()), 0
        )
        reason = f"{os.strerror(error.errno)}; {free / 1e6:,.1f} MB are free in its folder"
        raise OSError(error.errno, f"{_CANNOT}: {reason}", str(path)) from error


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


_STRAND_OF = {"+": "+", "-": "-", "\u2212": "-", "forward": "+", "reverse": "-"}


class AnnotationError(FileError):
    """A table of sites that cannot be used as it stands."""


def read_table(
    path: str | Path, columns: Sequence[str], header: int | None = None, encoding: str = "utf-8"
) -> pd.DataFrame:
    """Read a tab-separated table as text, indexed by line number (1-based).

    With `header`, that line names the columns, of which `columns` must be there; without, each
    line has exactly `columns`. Other lines that begin with ``#`` are comments. Anything else is
    an AnnotationError that names the file, the line and, where one is meant, the column.
    """
    try:
        lines = read_lines(path, encoding)
    except FileError as error:
        raise AnnotationError(str(error)) from error
    if header is None:
        names = list(columns)
    else:
        if len(lines) < header:
            raise AnnotationError(f"{path}: empty; line {header} should name the columns")
        names = lines[header - 1].lstrip("#").split("\t")
        for column in columns:
            if column not in names:
                raise AnnotationError(f"{path}, line {header}: column {column!r} is missing")
    rows, numbers = [], []
    for number, line in enumerate(lines, start=1):
        if number <= (header or 0) or not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(names):
            raise AnnotationError(
                f"{path}, line {number}: {len(fields)} columns instead of {len(names)}"
            )
        rows.append(fields)
        numbers.append(number)
    if not rows:
        raise AnnotationError(f"{path}: no rows")
    return pd.DataFrame(rows, index=numbers, columns=names)[list(columns)]


def read_own_table(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that a user made, as text indexed by line number (1-based).

    The first line that is neither blank nor a comment names the columns, in either case, quoted or
    not; they may be parted by tabs, commas or semicolons, and further columns are not read.

    Parameters
    ----------
    path : str or Path
    columns : sequence of str
        Columns that must be there, in lower case.

    Raises
    ------
    FileNotFoundError
        No such file.
    AnnotationError
        No such column or two of one name, rows of another length, or none; names the line.
    """
    try:
        lines = read_lines(path)
    except FileError as error:
        raise AnnotationError(str(error)) from error
    header, delimiter = _header(path, lines, columns)
    names = _cells(lines[header].removeprefix("#"), delimiter)
    names = [name.casefold() for name in names]
    for column in columns:
        if names.count(column) != 1:
            raise AnnotationError(
                f"{path}, line {header + 1}: column {column!r} is there {names.count(column)} times"
            )
    rows: dict[int, list[str]] = {}
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if not line.strip():
            continue
        cells = _cells(line, delimiter)
        if line.startswith("#"):
            if len(cells) >= len(names):
                raise AnnotationError(
                    f"{path}, line {number}: a row that begins with '#'; remove the sign or the row"
                )
            continue
        while len(cells) > len(names) and not cells[-1]:
            cells.pop()
        if len(cells) != len(names):
            raise AnnotationError(
                f"{path}, line {number}: {len(cells)} columns instead of {len(names)}"
            )
        rows[number] = cells
    if not rows:
        raise AnnotationError(f"{path}: no rows")
    table = pd.DataFrame.from_dict(rows, orient="index", columns=pd.RangeIndex(len(names)))
    return table[[names.index(column) for column in columns]].set_axis(list(columns), axis=1)


def _header(path: str | Path, lines: Sequence[str], columns: Sequence[str]) -> tuple[int, str]:
    """Index of the line that names the columns, and what parts them."""
    first = None
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        for delimiter in ("\t", ",", ";"):
            names = {name.casefold() for name in _cells(line.removeprefix("#"), delimiter)}
            if set(columns) <= names:
                return number, delimiter
        if not line.startswith("#"):
            first = number
            break
    if first is None:
        raise AnnotationError(f"{path}: empty; its first line should name the columns")
    here = [name.casefold() for name in _cells(lines[first], "\t")]
    missing = next(column for column in columns if column not in here)
    raise AnnotationError(
        f"{path}, line {first + 1}: column {missing!r} is missing; the first line must name "
        f"{', '.join(columns)}, parted by tabs, commas or semicolons"
    )


def _cells(line: str, delimiter: str) -> list[str]:
    """Cells of one line, without quotes and blanks around them."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line]


def to_integers(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Turn a text column into int64; name file, line and column where it is no whole number."""
    wrong = table.index[~table[column].str.fullmatch(r"[0-9]{1,18}")]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: {column} {table[column][wrong[0]]!r} is not a whole number"
        )
    return table[column].astype(np.int64)


def to_numbers(values: pd.Series, column: str, path: str | Path) -> pd.Series:
    """Turn text into float64; name file, line and column where it is no number."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values.index[numbers.isna()]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: {column} {values[wrong[0]]!r} is not a number"
        )
    return numbers.astype(np.float64)


def to_strands(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """Turn +/-/forward/reverse into the two strand symbols; name the line of anything else."""
    strands = table[column].map(_STRAND_OF)
    wrong = table.index[strands.isna()]
    if len(wrong):
        raise AnnotationError(
            f"{path}, line {wrong[0]}: unknown strand {table[column][wrong[0]]!r}; use + or -"
        )
    return strands
