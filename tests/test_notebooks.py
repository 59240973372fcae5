"""Every chapter executed by papermill: on a tiny study, one after the other; bad parameters."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from genoattn.book import build
from genoattn.study.parameters import ParameterError
from genoattn.study.run import Run

ROOT = Path(__file__).parent.parent
CHAPTERS = build.chapters(ROOT / "notebooks")
TINY = build.profile(ROOT / "tests/tiny.yaml")


def execute(chapter: str, folder: Path, **given) -> Path:
    """Run one chapter in `folder` as the run graph does; papermill raises when a cell fails."""
    executed = folder / f"{chapter}.ipynb"
    papermill.execute_notebook(
        ROOT / "notebooks" / f"{chapter}.ipynb",
        executed,
        parameters=given,
        kernel_name="python3",
        cwd=folder,
        progress_bar=False,
    )
    return executed


def said(cells) -> str:
    """What a chapter says, but for the table of its parameters."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = [output.get("data", {}).get("text/markdown", "") for output in outputs]
    return "\n".join(text for text in texts if "To run it again" not in text)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Execute the chapters up to the one asked for, each once, in one folder."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "book/results").mkdir(parents=True)
    for table in (ROOT / "book/results").glob("bench*.csv"):
        shutil.copy(table, folder / "book/results")
    done: dict[str, Path | Exception] = {}

    def up_to(chapter: str) -> Path:
        for one in CHAPTERS[: CHAPTERS.index(chapter) + 1]:
            if one not in done:
                name = one.split("_", 1)[1]
                folders = {"run_dir": "run", "results_dir": "results"}
                try:
                    done[one] = execute(one, folder, **folders, **TINY.get(name, {}))
                except PapermillExecutionError as error:
                    done[one] = error
            if isinstance(done[one], Exception):
                if one == chapter:
                    raise done[one]
                pytest.fail(f"{one}, which comes before, failed")
        return done[chapter]

    return up_to


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_and_shows_what_it_ran_with(study, chapter, tmp_path):
    build.tidy(study(chapter), tmp_path / "shown.ipynb")
    shown = nbformat.read(tmp_path / "shown.ipynb", as_version=4)
    outputs = [
        output for cell in shown.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    text = "\n".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    assert f"papermill notebooks/{chapter}.ipynb" in text
    assert "| `run_dir` | **`'run'`** |" in text
    warnings = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not warnings, warnings


def test_papermill_says_that_a_parameter_is_unknown_and_begins_nothing(tmp_path):
    chapter = CHAPTERS[1]
    with pytest.raises(PapermillExecutionError, match="did you mean 'run_dir'") as caught:
        execute(chapter, tmp_path, run_dirr="elsewhere")
    assert caught.value.ename == "ParameterError"
    assert [path.name for path in tmp_path.iterdir()] == [f"{chapter}.ipynb"], "nothing was begun"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_refuses_an_unknown_parameter_at_once(chapter, tmp_path, monkeypatch):
    """As papermill gives it: after the cell of parameters, before the next one."""
    monkeypatch.chdir(tmp_path)
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4).cells
    defaults, start, *_ = (cell.source for cell in cells if cell.cell_type == "code")
    names: dict[str, object] = {}
    exec(defaults, names)
    names["run_dirr"] = "elsewhere"
    with pytest.raises(ParameterError, match="did you mean 'run_dir'"):
        exec(start, names)
    assert not list(tmp_path.iterdir()), "nothing was begun"


def test_another_task_goes_through_the_same_chapters(tmp_path):
    """Translation starts as labels, without a pseudogene among the features."""
    folders = {"run_dir": "run", "results_dir": "results"}
    named = build.profile(ROOT / "notebooks/profiles/tis.yaml")
    for chapter in build.chapters(ROOT / "notebooks", named):
        name = chapter.split("_", 1)[1]
        executed = nbformat.read(
            execute(chapter, tmp_path, **folders, **TINY.get(name, {})), as_version=4
        )
        text = said(executed.cells)
        if name == "gene_starts":
            assert "translation initiation sites" in text
            run = Run(tmp_path / "run")
            features, curated = run.study.features, run.curated
            assert features["pseudo"].any()
            run.save_inputs(replace(run.study, features=features[~features["pseudo"]]))
            run.write_curated(curated)
        else:
            assert "TIS" in text or name == "dependence"
            shown = said(build.asked_of(executed.cells, "tis"))
            for foreign in ("of pseudogenes", "-35 box", "sigma", "terminator", "Left out"):
                assert foreign not in shown, f"{chapter} speaks of {foreign}"
