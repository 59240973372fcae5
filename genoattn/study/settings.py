"""Files of settings, in YAML, read strictly: what could be read in two ways is refused.

Plain YAML keeps the last of two settings of one name, takes ``010`` for 8, ``1:30`` for 90 and
``2026-01-01`` for a date, and its errors do not name the file.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from genoattn.genome.files import FileError, read_lines

__all__ = ["read_settings"]

_INT, _DATE, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("int", "timestamp", "merge"))


def read_settings(path: str | Path) -> Any:
    """Read a YAML file.

    Parameters
    ----------
    path : str or Path
        UTF-8 text.

    Returns
    -------
    object
        What the file holds; None if it holds nothing.

    Raises
    ------
    FileNotFoundError
        No such file.
    FileError
        No YAML, a key given twice, or a value that YAML takes for something else than it looks;
        names the file and the line.
    """
    text = "\n".join(read_lines(path)) + "\n"
    try:
        return yaml.load(text, _Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise FileError(f"{path}{line}: {_reason(error, text)}") from error
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        raise FileError(f"{path}, line {number}: a control character; remove it") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: not YAML ({error})") from error


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """Say in words what the reader has found."""
    if isinstance(error, _Refused):
        return str(error.problem)
    mark = error.problem_mark
    line = text.splitlines()[mark.line] if mark and mark.line < text.count("\n") else ""
    if "\t" in re.match(r"\s*(?:-\s*)*", line).group():  # type: ignore[union-attr]
        return "indented with a tab; use blanks"
    return f"not YAML ({error.problem or error.context})"


class _Refused(yaml.constructor.ConstructorError):
    """YAML that could be meant in another way than it is read."""


class _Strict(yaml.SafeLoader):
    """Reads what has one meaning only."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # the stubs misname its type
        node = super().compose_mapping_node(anchor)
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                problem = f"{key.value!r} is given twice, first in line {seen[key.value]}; keep one"
                raise _Refused(None, None, problem, key.start_mark)
            seen[key.value] = line
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Hashable:
        value = str(node.value)
        if node.tag == _INT and re.match(r"[-+]?0[0-7_]|.*:", value):
            plain = value.replace("_", "").lstrip("+-0") or "0"
            meant = "" if ":" in value else f"write {plain}, or "
            problem = f"{value} is no plain number; {meant}put it between quotes if it is text"
            raise _Refused(None, None, problem, node.start_mark)
        if node.tag == _DATE:
            problem = f"{value} would be read as a date; put it between quotes"
            raise _Refused(None, None, problem, node.start_mark)
        found: Hashable = super().construct_object(node, deep)
        return found
