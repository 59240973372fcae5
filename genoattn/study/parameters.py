"""What each chapter may be asked: names, types, ranges, meanings; touches nothing outside itself.

A chapter's notebook has one cell of defaults (tagged ``parameters``); papermill may override any of
them in a second cell. The next code cell calls `check` with the schema of its chapter
(``genoattn/chapters/<name>.py``), so that a misspelt name or an impossible value stops the run at
once, with one sentence that says what to do. `show` prints what a chapter ran with and the command
that runs it again. Schema and cell of defaults say the same thing twice on purpose; a test compares
them.

To give a chapter a new parameter, add one line to its schema and one line to its cell:
``"window": Parameter(int, 5, "farthest two calls of one site may be apart, in nt", low=0),`` and
``window = 5  # farthest two calls of one site may be apart, in nt``.
"""

from __future__ import annotations

import argparse
import math
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from IPython.display import Markdown

__all__ = [
    "CONTROLS",
    "COUNT",
    "DATA_DIR",
    "FOLDERS",
    "FROM_0",
    "MORE_THAN_0",
    "SEEDS",
    "WEIGHTS",
    "Checked",
    "Parameter",
    "ParameterError",
    "Schema",
    "address",
    "argument",
    "check",
    "check_region",
    "command",
    "filled",
    "folder",
    "odd",
    "own_files",
    "plain_name",
    "position",
    "positive",
    "show",
    "table",
]


_PLAIN = (bool, int, float, str, list, tuple, dict, type(None))  # all that papermill can inject
_NOTEBOOK_NAMES = frozenset({"In", "Out"})  # plain data that IPython itself keeps in a namespace
_CHECKED = "_parameters_checked"  # left in a namespace whose names have been looked through once


class ParameterError(ValueError):
    """A chapter was given a parameter that it does not know, or a value that it cannot use."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter.

    Attributes
    ----------
    kind : type
        ``bool``, ``int``, ``float``, ``str``, or a list of one of them, such as ``list[str]``.
    default : object
        The value that the notebook's own cell gives.
    meaning : str
        One line for the reader, with the unit; the same as the comment in the notebook's cell.
    low, high : float or None
        Smallest and largest value allowed, both inclusive.
    choices : sequence or None
        The only values allowed (for a list: of each of its members).
    optional : bool
        Whether ``None`` is allowed too.
    unique : bool
        Whether a list may not name the same thing twice.
    sizes : (int, int or None)
        Fewest and most members of a list.
    rule : callable or None
        Says what is wrong with a value (of a list: with one of its members) that has the right type
        and range, such as ``must be odd``, or None.
    """

    kind: Any
    default: Any
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: Sequence[Any] | None = None
    optional: bool = False
    unique: bool = False
    sizes: tuple[int, int | None] = (0, None)
    rule: Callable[[Any], str | None] | None = None

    def complaint(self, value: Any) -> str | None:
        """Say what is wrong with `value`, or return None when it can be used."""
        if value is None:
            return None if self.optional else f"must be {self._wanted()}, not None"
        if get_origin(self.kind) is list:
            if not isinstance(value, (list, tuple)):
                return f"must be {self._wanted()}, not {value!r} (give a list with papermill -y)"
            problems = (self._one(member, get_args(self.kind)[0]) for member in value)
            return next((problem for problem in problems if problem), None) or self._as_list(value)
        return self._one(value, self.kind)

    def converted(self, value: Any) -> Any:
        """Return `value` as the parameter's own type; whole numbers serve as floats."""
        if value is None:
            return None
        if get_origin(self.kind) is list:
            member = get_args(self.kind)[0]
            return [float(one) if member is float else one for one in value]
        return float(value) if self.kind is float else value

    def _one(self, value: Any, kind: type) -> str | None:
        """Complain about a single value, which must be of type `kind`."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = number if kind is float else isinstance(value, kind)
        if kind is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits or (number and not math.isfinite(value)):
            hint = " (give text with papermill -r)" if kind is str else ""
            return f"must be {self._wanted()}, not {value!r}{hint}"
        if self.choices is not None and value not in self.choices:
            near = get_close_matches(str(value), [str(choice) for choice in self.choices], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return f"must be {self._wanted()}, not {value!r}{hint}"
        too_low = self.low is not None and value < self.low
        too_high = self.high is not None and value > self.high
        if too_low or too_high:
            return f"must be {self._wanted()}, not {value!r}"
        problem = self.rule(value) if self.rule else None
        return problem and f"{problem}, not {value!r}"

    def _as_list(self, value: Sequence[Any]) -> str | None:
        """Complain about a list as a whole, whose members are all right."""
        fewest, most = self.sizes
        if len(value) < fewest or (most is not None and len(value) > most):
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more"
            counted = "member" if wanted == "1" else "members"
            return f"must have {wanted} {counted}, not {len(value)}: {list(value)!r}"
        twice = next((one for one in value if list(value).count(one) > 1), None)
        if self.unique and twice is not None:
            return f"must name everything once, but has {twice!r} {list(value).count(twice)} times"
        return None

    def _wanted(self) -> str:
        """Describe the allowed values in words."""
        names = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
        plural = {bool: "True or False", int: "whole numbers", float: "numbers", str: "texts"}
        if get_origin(self.kind) is list:
            words = f"a list of {plural[get_args(self.kind)[0]]}"
        else:
            words = names[self.kind]
        if self.choices is not None:
            words = "one of " + ", ".join(repr(choice) for choice in self.choices)
            words = f"a list, each {words}" if get_origin(self.kind) is list else words
        if self.low is not None and self.high is not None:
            words += f" from {self.low} to {self.high}"
        elif self.low is not None:
            words += f", {self.low} or more"
        elif self.high is not None:
            words += f", at most {self.high}"
        return words + (" or None" if self.optional else "")


@dataclass(frozen=True)
class Schema(Mapping[str, Parameter]):
    """The parameters of one chapter: a mapping of name to `Parameter`.

    Attributes
    ----------
    notebook : str
        Stem of the chapter's file, such as ``03_heads``.
    parameters : mapping
        In the order of the notebook's cell of defaults.
    at_most : sequence of pairs of str
        Pairs of parameters of which the first may not be greater than the second.
    together : sequence of callables
        Each looks at all values and names what is wrong, a parameter and why, or returns None:
        what one parameter alone cannot tell.
    reads : sequence of pairs of str
        Notebooks and the kinds of table of the model that they kept, which this chapter reads.
    """

    notebook: str
    parameters: Mapping[str, Parameter]
    at_most: Sequence[tuple[str, str]] = ()
    together: Sequence[Callable[[Mapping[str, Any]], str | None]] = ()
    reads: Sequence[tuple[str, str]] = ()

    @property
    def chapter(self) -> str:
        """The chapter's name, such as ``heads``."""
        return self.notebook.split("_", 1)[1]

    @property
    def defaults(self) -> dict[str, Any]:
        """The values of the notebook's cell of defaults."""
        return {name: parameter.default for name, parameter in self.items()}

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)


# ------------------------------------------------------------------------------ rules of values


def filled(value: str) -> str | None:
    """Refuse text of blanks alone."""
    return None if value.strip() else "must not be empty"


def odd(value: int) -> str | None:
    """Refuse even widths, which have no centre."""
    return None if value % 2 else "must be odd, as it has a centre"


def position(value: int) -> str | None:
    """Refuse 0 as a position: before the TSS, which is +1, comes -1."""
    return None if value else "must be a position: -1 is followed by +1, the TSS, and there is no 0"


def positive(value: float) -> str | None:
    """Refuse 0 and less."""
    return None if value > 0 else "must be greater than 0"


def folder(value: str) -> str | None:
    """Refuse what is no folder's path, or one that only a shell would understand."""
    if value.startswith("~"):
        return "must be a whole path, as nothing but a shell knows what ~ is"
    return filled(value)


def own_files(values: Mapping[str, Any]) -> str | None:
    """Refuse files of one's own where the source is another: they would not be read."""
    given = next((name for name in ("fasta", "gff", "tables") if values.get(name)), None)
    if given is None or values["source"] == "files":
        return None
    return f"{given!r} is read if source is 'files', but source is {values['source']!r}"


def plain_name(value: str) -> str | None:
    """Refuse a name that would lead a file elsewhere, or that a file system does not take."""
    if value in ("", ".", "..") or not value.isprintable() or re.search(r'[/\\:*?"<>|{}]', value):
        return "must be a plain name, without a folder or a sign that files cannot have"
    if value != value.strip():
        return "must be a plain name, without blanks at its ends"
    if value.startswith(".") or value.endswith(".safetensors"):
        return "must be a plain name, without a dot in front or .safetensors at its end"
    return None if len(value.encode()) <= 200 else "must be a name of at most 200 letters"


def address(value: str) -> str | None:
    """Refuse what is no e-mail address."""
    found = re.fullmatch(r"[^@\s]+@[^@\s]+", value)
    return None if found else "must be an e-mail address, somebody@somewhere"


def check_region(
    parameters: Checked, upstream: int, downstream: int, model: str, region: str = "region"
) -> None:
    """Refuse a region (``region_first`` to ``region_last``) of which a model sees nothing.

    Parameters
    ----------
    parameters : Checked
    upstream, downstream : int
        How far the model sees from a site, in nt.
    model : str
        Its name.
    region : str
        How the names of the two parameters begin.

    Raises
    ------
    ParameterError
        Names the parameter that lies beyond what the model sees.
    """
    first, last = (one + (one >= 0) for one in (-upstream, downstream))  # the TSS is +1
    for name, beyond in (
        (f"{region}_first", parameters[f"{region}_first"] > last),
        (f"{region}_last", parameters[f"{region}_last"] < first),
    ):
        if beyond:
            raise ParameterError(
                f"{parameters.chapter}: parameter {name!r} is {parameters[name]:+d}, but {model} "
                f"sees positions {first:+d} to {last:+d}; give a region that overlaps with them"
            )


FOLDERS: Mapping[str, Parameter] = {
    "run_dir": Parameter(
        str, "runs/demo", "folder through which the chapters pass their files", rule=folder
    ),
    "results_dir": Parameter(
        str, "runs/demo/results", "folder for the aggregates, as CSV", rule=folder
    ),
}
"""Parameters that every chapter of a run has."""

DATA_DIR = Parameter(
    str, None, "folder with the published tables; None: GENOATTN_DATA, else download", optional=True
)
"""Parameter of chapters that read the published tables."""

WEIGHTS = Parameter(
    str,
    "demo",
    "trained model: a name in run_dir/training, else one that the package ships",
    rule=filled,
)
"""The parameter that names a model."""

SEEDS = Parameter(
    list[str],
    [],
    "the same training from other seeds, as weights; those not there are left out",
    unique=True,
    rule=filled,
)
"""The parameter that names further trainings of the model."""

CONTROLS = Parameter(
    list[str],
    [],
    "weights of trainings on shuffled labels; those not there are left out",
    unique=True,
    rule=filled,
)
"""The parameter that names models which learnt nothing of the sites."""


class Checked(Mapping[str, Any]):
    """Checked parameters of one chapter, read as attributes or items; they cannot be changed.

    Parameters
    ----------
    schema : Schema
    values : mapping
        Value by parameter name, in the schema's order.
    """

    __slots__ = ("_schema", "_values")

    def __init__(self, schema: Schema, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_schema", schema)
        object.__setattr__(self, "_values", MappingProxyType(dict(values)))

    @property
    def schema(self) -> Schema:
        """What these parameters were checked by."""
        found: Schema = object.__getattribute__(self, "_schema")
        return found

    @property
    def chapter(self) -> str:
        """The chapter that these parameters belong to."""
        return self.schema.chapter

    def __getitem__(self, name: str) -> Any:
        return object.__getattribute__(self, "_values")[name]

    def __iter__(self) -> Iterator[str]:
        return iter(object.__getattribute__(self, "_values"))

    def __len__(self) -> int:
        return len(object.__getattribute__(self, "_values"))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{self.chapter} has no parameter {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"parameters are fixed once checked; cannot set {name!r}")

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"Checked({self.chapter}: {inside})"


def argument(parameter: Parameter) -> Callable[[str], Any]:
    """Read a number of a command line as a chapter's parameter: the ``type`` of an argument.

    Parameters
    ----------
    parameter : Parameter
        Of the kind int or float.

    Returns
    -------
    callable
        Text -> value; an argparse.ArgumentTypeError says what the parameter wants instead.
    """

    def read(text: str) -> Any:
        try:
            value = parameter.kind(text)
        except ValueError:
            value = text
        if problem := parameter.complaint(value):
            raise argparse.ArgumentTypeError(problem)
        return parameter.converted(value)

    return read


COUNT = argument(Parameter(int, 1, "a number of things", low=1))
"""Of a command line: 1, 2, …"""
FROM_0 = argument(Parameter(int, 0, "a number of things, or none", low=0))
"""Of a command line: 0, 1, 2, …"""
MORE_THAN_0 = argument(Parameter(float, 1.0, "more than nothing", rule=positive))
"""Of a command line: a number above 0."""


def check(schema: Schema, namespace: dict[str, Any]) -> Checked:
    """Read a chapter's parameters from a notebook's namespace, or stop with a clear error.

    Unknown parameters are found as public names bound to plain data (numbers, text, lists,
    dictionaries, None), which is all that papermill can inject. So nothing but the parameters may
    be bound to plain data before this call; imports and functions do no harm. When the
    cell is run again in the same kernel, only the values are looked at, as other names are then the
    chapter's own.

    Parameters
    ----------
    schema : Schema
        The chapter's.
    namespace : dict
        The notebook's ``globals()``.

    Returns
    -------
    Checked
        The values, in the schema's order.

    Raises
    ------
    ParameterError
        An unknown parameter, a parameter missing, a wrong type, range or choice, or one
        greater than another that limits it.
    """
    chapter = schema.chapter
    if not namespace.get(_CHECKED):
        bound = [
            name
            for name, value in namespace.items()
            if not name.startswith("_")
            and name not in _NOTEBOOK_NAMES
            and isinstance(value, _PLAIN)
        ]
        for name in bound:
            if name not in schema:
                raise ParameterError(f"{chapter}: {_unknown(name, schema)}")
    values: dict[str, Any] = {}
    for name, parameter in schema.items():
        if name not in namespace:
            raise ParameterError(
                f"{chapter}: parameter {name!r} is missing; "
                f"its cell of defaults should say {name} = {parameter.default!r}"
            )
        problem = parameter.complaint(namespace[name])
        if problem:
            raise ParameterError(
                f"{chapter}: parameter {name!r} {problem}; it means: {parameter.meaning}"
            )
        values[name] = parameter.converted(namespace[name])
    for smaller, larger in schema.at_most:
        if values[smaller] > values[larger]:
            raise ParameterError(
                f"{chapter}: parameter {smaller!r} must be at most {larger!r}, but is "
                f"{values[smaller]} and {larger!r} is {values[larger]}"
            )
    for look in schema.together:
        problem = look(values)
        if problem:
            raise ParameterError(f"{chapter}: parameter {problem}")
    namespace[_CHECKED] = True
    return Checked(schema, values)


def table(parameters: Checked, names: Iterable[str]) -> str:
    """Write parameters as a Markdown table; values that differ from the default are in bold.

    Parameters
    ----------
    parameters : Checked
        From `check`.
    names : iterable of str
        Parameters to list.

    Returns
    -------
    str
        A table with the columns parameter, value, meaning.
    """
    lines = ["| parameter | value | meaning |", "|:--|:--|:--|"]
    for name in names:
        parameter, value = parameters.schema[name], parameters[name]
        shown = f"`{value!r}`".replace("|", "\\|")
        if value != parameter.default:
            shown = f"**{shown}**"
        lines.append(f"| `{name}` | {shown} | {parameter.meaning} |")
    return "\n".join(lines)


def command(parameters: Checked) -> str:
    """Write the papermill command that runs a chapter again with the same parameters.

    Parameters
    ----------
    parameters : Checked
        From `check`.

    Returns
    -------
    str
        A shell command, to be run in the project's folder, that names only what differs from the
        notebook's defaults.
    """
    schema = parameters.schema
    lines = [f"papermill notebooks/{schema.notebook}.ipynb my_{schema.chapter}.ipynb"]
    for name, value in parameters.items():
        if value == schema[name].default:
            continue
        if isinstance(value, list):
            listed = f"{name}: [{', '.join(_yaml(one) for one in value)}]"
            lines.append(f"-y {shlex.quote(listed)}")
        else:
            raw = isinstance(value, str) and _reads_as_other(value)
            lines.append(f"{'-r' if raw else '-p'} {name} {shlex.quote(str(value))}")
    return " \\\n  ".join(lines)


def show(parameters: Checked) -> Markdown:
    """Render what a chapter ran with, and how to run it again, for a notebook's page.

    Parameters
    ----------
    parameters : Checked
        From `check`.

    Returns
    -------
    IPython.display.Markdown
        Folded: a table of what differs from the defaults, one of the rest, and a shell command.
    """
    from IPython.display import Markdown

    schema = parameters.schema
    changed = [name for name, value in parameters.items() if value != schema[name].default]
    default = [name for name in parameters if name not in changed]
    differ = f", {len(changed)} of them not at their defaults" if changed else ""
    parts = [
        f"<details><summary>The {len(parameters)} parameters of this run{differ}, and how to run "
        "it again</summary>"
    ]
    if changed:
        parts.append(f"**This chapter ran with**\n\n{table(parameters, changed)}")
    if default:
        parts.append(f"**At their defaults**\n\n{table(parameters, default)}")
    parts.append(
        "**To run it again**, in the project's folder; any of the parameters can be given with "
        f"`-p`:\n\n```bash\n{command(parameters)}\n```"
    )
    return Markdown("\n\n".join([*parts, "</details>"]) + "\n")


def _unknown(name: str, schema: Mapping[str, Parameter]) -> str:
    """Say that a parameter is not known, and which one may have been meant."""
    near = get_close_matches(name, list(schema), n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"parameter {name!r} is not known; {guess}It knows {', '.join(schema)}"


def _reads_as_other(text: str) -> bool:
    """Tell whether papermill's ``-p`` would take a text for a number, a truth value or None."""
    try:
        float(text)
    except ValueError:
        return text in {"True", "False", "None"}
    return True


def _yaml(value: Any) -> str:
    """Write one plain value so that YAML reads it back."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else repr(value)
