"""YAML read strictly: the sentence names the file and the line; a profile and a plan say so too."""

from __future__ import annotations

import pytest

from genoattn.book.build import profile
from genoattn.genome.files import FileError
from genoattn.study import train
from genoattn.study.settings import read_settings

WRONG = [
    ("a: 1\nb: 2\na: 3\n", r", line 3: 'a' is given twice, first in line 1; keep one"),
    ("a: {b: 1,\n  b: 2}\n", r", line 2: 'b' is given twice, first in line 1"),
    ("a: 1\nb: 010\n", r", line 2: 010 is no plain number; write 10, or put it between quotes"),
    ("a: -010\n", r", line 1: -010 is no plain number"),
    ("a: 1:30\n", r", line 1: 1:30 is no plain number; put it between quotes"),
    ("a: 2026-01-01\n", r", line 1: 2026-01-01 would be read as a date; put it between quotes"),
    ("a:\n\tb: 1\n", r", line 2: indented with a tab; use blanks"),
    ("a: [1\nb: 2\n", r", line 2: not YAML"),
    ("a: !!python/name:os.system x\n", r", line 1: not YAML"),
    ("a: 1\nb: \x07\n", r", line 2: a control character; remove it"),
    ("a: 1\n---\nb: 2\n", r", line 2: not YAML"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_what_could_be_meant_otherwise_is_refused(tmp_path, text, says):
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(FileError, match=rf"some\.yaml{says}") as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=rf"some\.yaml{says}"):
        profile(path)


def test_other_encodings_are_named(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_bytes("a: 1\nb: 'für'\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"some\.yaml, line 2: not utf-8 text; save it as UTF-8"):
        read_settings(path)
    path.write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(FileError, match=r"some\.yaml: UTF-16 text; save it as UTF-8"):
        read_settings(path)


def test_settings_are_read_as_they_look(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(
        "base: &base {a: 0, b: 1_000}\nmore: &more {<<: *base, a: '010'}\n"
        "last: {<<: *more, b: -7}\n"
        "date: '2026-01-01'\nfloat: 0.10\nlist: [1, 0x10]\n"
    )
    assert read_settings(path) == {
        "base": {"a": 0, "b": 1000},
        "more": {"a": "010", "b": 1000},
        "last": {"a": "010", "b": -7},
        "date": "2026-01-01",
        "float": 0.1,
        "list": [1, 16],
    }
    path.write_text("# nothing\n")
    assert read_settings(path) is None
    assert profile(path) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- curation\n", "must map each chapter to a mapping of its parameters"),
        ("curation: {}\nheads:\n", r"heads must have a mapping of its parameters, .* not None"),
        ("heads: {1: 2}\n", "heads must have a mapping of its parameters"),
    ],
)
def test_a_profile_that_is_none_names_the_chapter(tmp_path, text, says):
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"some\.yaml: {says}"):
        profile(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "no plan of trainings"),
        ("", "no plan of trainings"),
        ("every: {cuts: [1, 2, 3]}\n", "no plan of trainings"),
        ("trainings: [a]\n", "no plan of trainings"),
        ("trainings: {a: 3}\n", "a: must be a mapping of settings, not 3"),
        ("every: [1]\ntrainings: {a: {}}\n", r"every: must be a mapping of settings, not \[1\]"),
        ("trainings: {a: {batch: 1.5}}\n", r"a: batch must be a whole number, not 1\.5"),
        ("trainings: {a: {passes: [3]}}\n", r"a: passes must be a number, not \[3\]"),
    ],
)
def test_a_plan_that_is_none_says_what_to_write(tmp_path, text, says):
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    with pytest.raises(ValueError, match=rf"plan\.yaml: {says}"):
        train.planned(plan, "a", {"cuts", "batch", "passes"})


def test_the_command_says_it_in_one_line(tmp_path, capsys):
    plan = tmp_path / "plan.yaml"
    plan.write_text("trainings: {a: {}, a: {}}\n")
    assert train.main([str(tmp_path), "--plan", str(plan), "--name", "a"]) == 1
    said = capsys.readouterr().err
    assert said == f"{plan}, line 1: 'a' is given twice, first in line 1; keep one\n"
    cuts = ["--cuts", "1", "2", "3"]
    for model, says in (
        ('{"windw": 9}', "model: 'windw' is not known; there are: "),
        ("[1]", "model must be a mapping of settings, not [1]"),
        ('{"window": "9"}', "model: window must be a whole number, not '9'"),
    ):
        assert train.main([str(tmp_path), *cuts, "--model", model]) == 1
        assert capsys.readouterr().err.startswith(says)
    for name in ("../x", "a/b", "", "..", " a"):
        with pytest.raises(SystemExit):
            train.main([str(tmp_path), *cuts, f"--name={name}"])
        assert "--name must be a plain name" in capsys.readouterr().err
