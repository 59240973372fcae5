"""The chapters' parameters: what `check` lets pass, what it says otherwise, and `show`."""

from __future__ import annotations

import io
import math
import shlex
import tokenize
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from genoattn.study import parameters
from genoattn.study.parameters import Parameter, ParameterError, Schema

ROOT = Path(__file__).parents[2]


def schema_of(chapter: str) -> Schema:
    """Return a chapter's schema by its name or by its notebook's."""
    name = chapter.split("_", 1)[1] if chapter[0].isdigit() else chapter
    return import_module(f"genoattn.chapters.{name}").PARAMETERS


PROFILES = [*sorted((ROOT / "notebooks/profiles").glob("*.yaml")), ROOT / "tests/tiny.yaml"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


TOY = Schema(
    "09_toy",
    {
        "window": Parameter(int, 5, "nt", low=0, high=10),
        "rate": Parameter(float, 0.1, "share", low=0),
        "rule": Parameter(str, "strict", "which", choices=("strict", "loose")),
        "folder": Parameter(str, "runs/demo", "where"),
        "train": Parameter(bool, False, "whether"),
        "weights": Parameter(str, None, "which file", optional=True),
        "ks": Parameter(list[int], [1, 2], "resolutions", low=1),
        "names": Parameter(list[str], ["a"], "sources", choices=("a", "b")),
        "shares": Parameter(list[float], [0.5], "shares"),
    },
)


@pytest.fixture
def toy():
    """Defaults of a chapter with one parameter of each kind."""
    return {name: parameter.default for name, parameter in TOY.items()}


def test_defaults_pass_and_keep_their_order(toy):
    checked = parameters.check(TOY, dict(toy))
    assert dict(checked) == toy
    assert list(checked) == list(toy)
    assert checked.window == 5


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("window", "5", "must be a whole number from 0 to 10, not '5'"),
        ("window", 5.0, "must be a whole number"),
        ("window", True, "must be a whole number"),
        ("window", 11, "from 0 to 10, not 11"),
        ("window", -1, "not -1"),
        ("window", None, "not None"),
        ("rate", "much", "must be a number, 0 or more, not 'much'"),
        ("rate", math.nan, "not nan"),
        ("rate", -0.1, "not -0.1"),
        ("rule", "strikt", "did you mean 'strict'?"),
        ("rule", "other", "one of 'strict', 'loose'"),
        ("folder", 7, "papermill -r"),
        ("train", 1, "must be True or False"),
        ("train", "yes", "must be True or False"),
        ("weights", 3, "must be text or None"),
        ("ks", 3, "papermill -y"),
        ("ks", [1, "2"], "a list of whole numbers"),
        ("ks", [1, 0], "1 or more"),
        ("names", ["a", "c"], "one of 'a', 'b'"),
        ("names", "a", "must be a list"),
    ],
)
def test_wrong_values_are_named(toy, name, value, says):
    with pytest.raises(ParameterError) as caught:
        parameters.check(TOY, toy | {name: value})
    message = str(caught.value)
    assert message.startswith(f"toy: parameter {name!r} must be")
    assert says in message


def test_an_unknown_parameter_is_named_with_the_nearest_known_one(toy):
    with pytest.raises(ParameterError, match=r"'windw' is not known; did you mean 'window'\?"):
        parameters.check(TOY, toy | {"windw": 5})
    with pytest.raises(ParameterError, match="'qqq' is not known; It knows window, rate"):
        parameters.check(TOY, toy | {"qqq": None})


def test_a_missing_parameter_is_named(toy):
    del toy["rate"]
    with pytest.raises(ParameterError, match=r"'rate' is missing.* rate = 0\.1"):
        parameters.check(TOY, toy)


def test_a_notebooks_own_names_are_no_parameters(toy):
    namespace = toy | {
        "In": ["", "window = 5"],
        "Out": {},
        "_": 3,
        "__name__": "__main__",
        "Path": Path,
        "parameters": parameters,
        "exit": lambda: None,
    }
    assert parameters.check(TOY, namespace).window == 5


def test_run_again_in_a_kernel_that_has_gone_on(toy):
    parameters.check(TOY, toy)
    toy["n_sites"] = 12  # bound by a later cell
    assert parameters.check(TOY, toy).window == 5
    toy["window"] = 99
    with pytest.raises(ParameterError, match="window"):
        parameters.check(TOY, toy)


def test_whole_numbers_serve_as_floats_and_lists_are_copied(toy):
    given_list = [1, 2]
    checked = parameters.check(TOY, toy | {"rate": 1, "shares": (1, 0.5), "ks": given_list})
    assert type(checked.rate) is float
    assert checked.shares == [1.0, 0.5]
    given_list.append(3)
    assert checked.ks == [1, 2]


def test_checked_parameters_cannot_be_changed(toy):
    checked = parameters.check(TOY, toy)
    with pytest.raises(AttributeError, match="window"):
        checked.window = 6
    with pytest.raises(TypeError):
        checked["window"] = 6
    with pytest.raises(AttributeError, match="no parameter 'windw'"):
        _ = checked.windw


def test_show_lists_every_parameter_and_marks_what_differs(toy):
    shown = parameters.show(parameters.check(TOY, toy | {"window": 3})).data
    rows = [line for line in shown.splitlines() if line.startswith("| `")]
    assert len(rows) == len(toy)
    assert rows[0] == "| `window` | **`3`** | nt |"
    assert "**" not in "".join(rows[1:])
    assert shown.index("| `window`") < shown.index("**At their defaults**")
    assert shown.index("**At their defaults**") < shown.index("| `rate`")
    assert shown.startswith("<details><summary>The 9 parameters of this run, 1 of them not")
    assert shown.strip().endswith("</details>"), "all of it is folded"
    assert "-p window 3" in shown
    assert "-p rate" not in shown


def _parsed(command: str) -> dict[str, object]:
    """Read a papermill command as papermill's own command line would."""
    words = [word for word in shlex.split(command.replace("\\\n", " ")) if word.strip()]
    assert words[0] == "papermill"
    result: dict[str, object] = {}
    rest = iter(words[3:])
    for flag in rest:
        if flag == "-y":
            result |= yaml.safe_load(next(rest))
        else:
            name, value = next(rest), next(rest)
            result[name] = value if flag == "-r" else _resolve_type(value)
    return result


@given(
    window=st.integers(0, 10),
    rate=st.floats(0, 1e6),
    rule=st.sampled_from(["strict", "loose"]),
    folder=st.one_of(
        st.sampled_from(["1", "1e3", "True", "None", "nan", "a b", "it's", '"', "$HOME", "-x"]),
        st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1),
    ),
    train=st.booleans(),
    weights=st.one_of(st.none(), st.just("x.safetensors")),
    ks=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    names=st.lists(st.sampled_from(["a", "b"]), max_size=3),
)
def test_the_command_gives_back_the_same_parameters(**values):
    schema = {
        "window": Parameter(int, 5, "", low=0, high=10),
        "rate": Parameter(float, 0.1, "", low=0),
        "rule": Parameter(str, "strict", ""),
        "folder": Parameter(str, "runs/demo", ""),
        "train": Parameter(bool, False, ""),
        "weights": Parameter(str, None, "", optional=True),
        "ks": Parameter(list[int], [1, 2], "", low=1),
        "names": Parameter(list[str], ["a"], ""),
    }
    defaults = {name: parameter.default for name, parameter in schema.items()}
    toy = Schema("09_toy", schema)
    checked = parameters.check(toy, dict(values))
    again = parameters.check(toy, defaults | _parsed(parameters.command(checked)))
    assert dict(again) == dict(checked)


def test_every_schema_accepts_its_own_defaults_and_says_what_they_mean():
    for notebook in NOTEBOOKS:
        schema = schema_of(notebook.stem)
        assert schema.notebook == notebook.stem
        parameters.check(schema, {name: one.default for name, one in schema.items()})
        for name, one in schema.items():
            assert one.meaning.strip(), f"{schema.chapter}.{name} has no meaning"
            assert "|" not in one.meaning, f"{schema.chapter}.{name}: would break the table"
            assert "\n" not in one.meaning
        assert {name for pair in schema.at_most for name in pair} <= set(schema)


@pytest.mark.parametrize(
    "profile",
    [*sorted((ROOT / "notebooks/profiles").glob("*.yaml")), ROOT / "tests/tiny.yaml"],
    ids=str,
)
def test_profiles_name_known_parameters_with_possible_values(profile):
    for chapter, given_ones in yaml.safe_load(profile.read_text(encoding="utf-8")).items():
        schema = schema_of(chapter)
        defaults = {name: one.default for name, one in schema.items()}
        parameters.check(schema, defaults | given_ones)


def _cell_of_defaults(source: str) -> dict[str, tuple[object, str]]:
    """Read ``name = literal  # meaning`` lines: name -> (value, meaning)."""
    values: dict[str, object] = {}
    exec(source, {}, values)
    comments = {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = dict(enumerate(source.splitlines(), start=1))
    named = {
        line.split("=")[0].strip(): comments.get(number, "")
        for number, line in lines.items()
        if line.strip() and not line.lstrip().startswith("#")
    }
    assert list(named) == list(values), "one line for each parameter"
    return {name: (value, named[name]) for name, value in values.items()}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebooks_cell_of_defaults_agrees_with_its_schema(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    schema = schema_of(notebook.stem)
    assert _cell_of_defaults(tagged[0].source) == {
        name: (one.default, one.meaning) for name, one in schema.items()
    }


def test_a_parameter_that_another_limits_is_refused():
    schema = schema_of("heads")
    given = {name: one.default for name, one in schema.items()}
    assert parameters.check(schema, dict(given))["n_known"] <= given["k_census"]
    wanted = "'n_known' must be at most 'k_census', but is 100 and 'k_census' is 60"
    with pytest.raises(parameters.ParameterError, match=wanted):
        parameters.check(schema, {**given, "k_census": 60})
