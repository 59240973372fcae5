from __future__ import annotations

import re
from pathlib import Path

import pytest

from genoattn.book import course

ROOT = Path(__file__).parents[2]
SOURCES = course.exercises(ROOT / "notebooks/course")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_page_has_an_exercise_and_a_folded_solution_for_each_task(source):
    text = course.page(source)
    tasks = re.findall(r"^## Task (\d+)", text, re.MULTILINE)
    labels = re.findall(r"^````\{exercise\}\n:label: (\S+)", text, re.MULTILINE)
    solved = re.findall(r"^````\{solution\} (\S+)\n:class: dropdown", text, re.MULTILINE)
    assert tasks == [str(number) for number in range(1, len(tasks) + 1)]
    assert labels == solved == [f"course-{source.stem[:2]}-{task}" for task in tasks]
    assert text.startswith("# ")


def test_the_solution_stands_in_no_exercise():
    text = course.page(SOURCES[0])
    shown = re.findall(r"````\{exercise\}.*?````", text, re.DOTALL)
    assert shown and all("..." in one for one in shown)


def test_pages_are_written_anew_with_their_versions_beside_them(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    old = tmp_path / "course" / "10_gone.md"
    old.parent.mkdir()
    old.touch()
    written = course.pages(tmp_path / "course")
    assert [path.stem for path in written] == [source.stem for source in SOURCES]
    assert not old.exists()
    for path in written:
        for name in re.findall(r"<(\S+/\S+\.ipynb)>`", path.read_text()):
            assert (path.parent / name).is_file()
        assert path.read_text().count(f"/{path.stem}.ipynb>`") == len(course.VERSIONS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_for_a_session_all_gaps_but_the_last_are_filled(source):
    tags = {
        name: [
            tag
            for cell in course.version(source, name).cells
            for tag in cell.metadata.get("tags", [])
            if tag in ("exercise", "solution")
        ]
        for name in course.VERSIONS
    }
    n = len(tags["student"])
    assert tags["student"] == ["exercise"] * n
    assert tags["teacher"] == ["solution"] * n
    assert tags["last-task"] == ["solution"] * (n - 1) + ["exercise"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_last_question_has_an_answer_for_the_teacher_only(source):
    last = {name: course.version(source, name).cells[-1].source for name in course.VERSIONS}
    assert last["teacher"].startswith("**An answer.** ") and "*To test it:*" in last["teacher"]
    assert last["student"] == last["last-task"]
    assert last["student"].startswith("**Think further.** ")
    assert "An answer" not in course.page(source)


def test_minutes_are_read_from_the_first_cell():
    assert course.minutes(SOURCES[0]) == 30


def test_the_days_of_the_block_course_add_up_and_give_each_exercise_its_minutes():
    block = (ROOT / "book/teach/block.md").read_text()
    told = {source.stem: str(course.minutes(source)) for source in SOURCES}
    days = block.split("\n## Day ")[1:]
    assert len(days) == 5
    seen = []
    for day in days:
        assert "**Objective.** " in day
        rows = re.findall(r"(?m)^\| (morning|afternoon) \| (\d+) \| (.*) \|$", day)
        for when, total in (("morning", 150), ("afternoon", 180)):
            assert sum(int(n) for name, n, _ in rows if name == when) == total, (day, when)
        for _, n, what in rows:
            for stem in re.findall(r"</book/course/(\w+)>", what):
                assert n == told[stem], what
                seen.append(stem)
        assert re.search(r"\*(Answer|Expect):\* ", rows[-1][2])
    assert sorted(seen) == sorted(told)
