"""Chapters run after what they read; those that do not read each other may write side by side."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
from toy_run import asked, toy_run

from genoattn.book import build
from genoattn.chapters import curation, heads, output
from genoattn.genome.locks import LockedError, holding
from genoattn.study.manifest import Manifest
from genoattn.study.order import READS, excluded, nearest, run_locks
from genoattn.study.parameters import ParameterError
from genoattn.study.report import Finding
from genoattn.study.run import Run

ROOT = Path(__file__).parents[2]


def before(notebook):
    """All chapters that one comes after."""
    near = set(READS[notebook])
    return near.union(*(before(one) for one in near))


def test_each_chapter_has_its_place_after_earlier_ones():
    assert list(READS) == build.chapters(ROOT / "notebooks")
    assert all(read < notebook for notebook, read in READS.items() for read in READS[notebook])


def literals(notebook):
    """Chapters that the code of one names when it asks the run for what another one kept."""
    name = notebook.split("_", 1)[1]
    for file in build.imported_modules(ROOT / f"notebooks/{notebook}.ipynb", ROOT / "genoattn"):
        if not Path(file).stem.startswith(name) or Path(file).parent.name != "chapters":
            continue
        for node in ast.walk(ast.parse(Path(file).read_text())):
            if isinstance(node, ast.Constant) and node.value in READS:
                yield node.value


def test_a_chapter_comes_after_every_one_whose_tables_it_reads():
    named = {notebook: {*literals(notebook)} - {notebook} for notebook in READS}
    assert named["07_atlas"] == {"03_heads", "06_dependence"}, "else the test sees nothing"
    for notebook, read in named.items():
        parameters = import_module(f"genoattn.chapters.{notebook.split('_', 1)[1]}").PARAMETERS
        assert read | {one for one, _ in parameters.reads} <= before(notebook), notebook


@pytest.mark.parametrize(
    ("notebook", "run", "expected"),
    [
        ("01_curation", ["01_curation", "02_training"], []),
        ("06_dependence", [*READS], ["03_heads"]),
        ("10_adapt", [*READS], ["02_training"]),
        ("02_training", [*READS], ["00_gene_starts", "01_curation"]),
        ("02_training", ["00_gene_starts", "02_training"], ["00_gene_starts"]),
        ("07_atlas", ["01_curation", "07_atlas"], ["01_curation"]),
        ("05_your_genome", ["05_your_genome"], []),
    ],
)
def test_in_place_of_a_chapter_that_is_not_run_stand_those_before_it(notebook, run, expected):
    assert nearest(notebook, run) == expected


def test_chapters_exclude_each_other_or_do_not():
    for one in READS:
        assert one not in excluded(one)
        assert all(one in excluded(other) for other in excluded(one))
    assert excluded("02_training") == [one for one in READS if one != "02_training"]
    assert "00_gene_starts" in excluded("01_curation"), "both make the inputs"
    begun = ["00_gene_starts", "01_curation", "02_training"]
    assert excluded("04_output") == begun
    assert excluded("06_dependence") == [*begun, "03_heads", "07_atlas"]


# ------------------------------------------------------------------------------------ in a folder


def writing(held, folder, notebook):
    """Let another process write into a folder, as a chapter or as a command."""
    own, others = run_locks(folder, notebook)
    return held(own, *others)


@pytest.mark.parametrize(
    ("chapter", "other", "together"),
    [
        (heads, "04_output", True),
        (output, "06_dependence", True),
        (heads, "03_heads", False),
        (heads, "06_dependence", False),
        (heads, "02_training", False),
        (curation, "04_output", False),
        (curation, "00_gene_starts", False),
        (heads, None, False),
    ],
)
def test_who_may_write_beside_whom(tmp_path, held, chapter, other, together):
    run = toy_run(tmp_path / "runs/mine")
    process = writing(held, run.folder, other)
    p = asked(chapter, run)
    if together:
        Run.of(p).release()
        return
    refused = rf"{run.folder} is being written by process {process.pid} .* wait until"
    with pytest.raises(ParameterError, match=refused):
        Run.of(p)
    assert [one.name for one in run.folder.glob("*.lock")] == [f"{other or 'run'}.lock"]
    process.kill()
    process.wait()
    Run.of(p).release()
    assert not list(run.folder.glob("*.lock")), "who was killed holds nothing, and leaves nothing"


def test_a_command_waits_for_no_chapter(tmp_path, held):
    process = writing(held, tmp_path, "07_atlas")
    own, others = run_locks(tmp_path)
    with (
        pytest.raises(LockedError, match=f"by process {process.pid} "),
        holding(own, "it", "go", others),
    ):
        pass
    assert not own.exists()


def test_two_chapters_of_one_kernel_hold_what_each_writes(tmp_path):
    run = toy_run(tmp_path / "runs/mine")
    first, second = Run.of(asked(heads, run)), Run.of(asked(curation, run))
    second.release()
    assert run_locks(run.folder, "03_heads")[0].exists(), "the second gives back its own only"
    first.write(asked(heads, run), Finding("", {"a": pd.DataFrame({"b": [1]})}))
    assert not list(run.folder.glob("*.lock"))


NOTING = """
import sys
from pathlib import Path
from genoattn.study.manifest import Manifest
folder, one = Path(sys.argv[1]), sys.argv[2]
(folder / one).write_text("")
print("ready", flush=True)
sys.stdin.read()
for number in range(20):
    Manifest(folder).record(f"chapter {one}", {one: {f"turn {number}": str(number)}})
"""


def test_what_is_noted_side_by_side_is_not_lost(tmp_path):
    names = ["a", "b", "c"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", NOTING, str(tmp_path), one],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in names
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.close()
    assert [process.wait() for process in processes] == [0, 0, 0]
    for process in processes:
        process.stdout.close()
    manifest = Manifest(tmp_path)
    assert [manifest.sources(f"chapter {one}") for one in names] == [{"19"}] * 3
    assert not list(tmp_path.glob("*.lock"))
