"""Every exercise executed at test size, with its solutions and blank; one also by a real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import papermill
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from genoattn.book import course
from genoattn.course.checks import Verdict

ROOT = Path(__file__).parents[2]
SOURCES = course.exercises(ROOT / "notebooks/course")
TINY = yaml.safe_load((ROOT / "tests/course/tiny.yaml").read_text())


def execute(notebook, given: dict) -> list[Verdict]:
    """Run the cells in this process, parameters replaced, and return what the checks say.

    A kernel for each of the twenty notebooks would take longer than all their cells together.
    """
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    verdicts = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        result = shell.run_cell(cell.source, store_history=False)
        result.raise_error()
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            shell.push(given)
        if "check" in tags:
            assert isinstance(result.result, Verdict), cell.source
            verdicts.append(result.result)
    return verdicts


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path, capsys):
    """Figures are drawn without a window, files are written where nothing else is."""
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context():
        plt.switch_backend("agg")
        yield
        plt.close("all")


def test_there_are_at_least_eight():
    assert len(SOURCES) >= 8
    assert sorted(TINY) == [source.stem for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_with_its_solutions_every_check_is_passed(source):
    verdicts = execute(course.version(source, "teacher"), TINY[source.stem])
    assert verdicts
    assert [one.said for one in verdicts if not one] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_blank_every_check_says_what_to_do_first(source):
    verdicts = execute(course.version(source, "student"), TINY[source.stem])
    assert verdicts
    for one in verdicts:
        assert not one
        assert re.match(r"Nothing here yet\. \w|`\w+` returns nothing yet\. \w", one.said)


@pytest.mark.parametrize("source", [SOURCES[4], SOURCES[5]], ids=lambda source: source.stem)
def test_what_a_session_begins_with_lacks_the_last_answer_only(source):
    *passed, last = execute(course.version(source, "last-task"), TINY[source.stem])
    assert passed and all(passed)
    assert last.said.startswith("Nothing here yet.")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_it_says_what_it_teaches_and_how_long_it_takes(source):
    notebook = nbformat.read(source, as_version=4)
    head = notebook.cells[0].source
    for part in ("# ", "**Objectives.**", "**Prerequisites.**", "**Minutes.**"):
        assert part in head
    assert 20 <= course.minutes(source) <= 60
    tasks = [cell.source for cell in notebook.cells if cell.source.startswith("## Task")]
    told = [re.search(r"Difficulty (★+) · (\d+) minutes", text) for text in tasks]
    assert tasks and all(told)
    assert sum(int(one[2]) for one in told) <= course.minutes(source)
    assert f"{['', 'one', 'two', 'three', 'four', 'five'][len(tasks)]} tasks" in head


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_each_gap_has_one_solution_and_one_check_in_this_order(source):
    tags = [
        tag
        for cell in nbformat.read(source, as_version=4).cells
        for tag in cell.metadata.get("tags", [])
        if tag != "parameters"
    ]
    assert tags == [*["exercise", "solution", "check"] * (len(tags) // 3), "answer"]
    assert all(not cell.get("outputs") for cell in nbformat.read(source, as_version=4).cells)


def test_the_versions_are_written_side_by_side(tmp_path):
    written = course.write(tmp_path, SOURCES[:2])
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        f"{name}/{source.name}" for source in SOURCES[:2] for name in course.VERSIONS
    ]
    student, teacher = (path.read_text() for path in written[:2])
    assert '"solution"' not in student and '"exercise"' in student
    assert '"exercise"' not in teacher and '"solution"' in teacher


def test_a_kernel_runs_what_a_student_is_given(tmp_path):
    (student, *_) = course.write(tmp_path, SOURCES[:1])
    papermill.execute_notebook(
        student, tmp_path / "ran.ipynb", parameters={"length": 20_000}, progress_bar=False,
        kernel_name="python3", cwd=tmp_path,
    )  # fmt: skip
    ran = nbformat.read(tmp_path / "ran.ipynb", as_version=4)
    shown = [
        output["data"]["text/markdown"]
        for cell in ran.cells
        if "check" in cell.metadata.get("tags", [])
        for output in cell.outputs
    ]
    assert len(shown) == 4
    assert all(text.startswith("**✗ Not yet.** ") for text in shown)
