"""What make does, in a copy of the project whose path has a space and an accent.

The copy's environment holds stand-ins: each notes how it was called, and is then the real tool, or
does something small where the real one takes long or needs the published tables. What is not run
here is run by the workflows in .github.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output

from genoattn.book import build

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
FILES = (
    "CITATION.cff",
    "Makefile",
    "Snakefile",
    "pyproject.toml",
    "requirements.lock",
    "_toc.yml",
    "_config.yml",
)
CHAPTERS = ["01_curation", "03_heads"]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

STAND_INS = {
    "python": """
case "$*" in
    *"book data"|*"browser refresh") ;;  # these read the published tables
    *"browser pages"*) mkdir -p _build/browser ;;
    *http.server*) ;;  # this goes on for ever
    *"book landing"*) mkdir -p _build/landing ;;
    *"book slides"*) mkdir -p _build/teaching && touch _build/figures.md ;;
    *"book course"*) mkdir -p book/course; touch book/course/01_table.md ;;
    *"reference --parts"*) mkdir -p _build/structure book/api; touch book/api/genoattn.md ;;
    *compile_kernels*|*genoattn?bench*|*genoattn?costs*|*" --plan "*) ;;  # these take long
    *) exec REAL "$@" ;;
esac
""",
    "genoattn": 'exec python -m genoattn "$@"',
    "snakemake": 'exec REAL -m snakemake "$@"',
    "papermill": """
echo "profile $GENOATTN_PROFILE" >> "$CALLS"
sed 's/"execution_count": null/"execution_count": 1/' "$1" > "$2"
""",
    "jupyter-book": """
listed=$(sed -n 's/.*file: //p; s/^root: //p' _toc.yml)
for page in index $listed book/api/genoattn book/course/01_table; do
    mkdir -p "$(dirname "_build/html/$page")"
    echo "<p>$page</p>" > "_build/html/$page.html"
done
""",
    "ruff": 'exec REAL -m ruff "$@"',
    "nbstripout": 'exec REAL -m nbstripout "$@"',
    "mypy": "",
    "sp-repo-review": "",
    "lint-imports": "",
}


def write_program(path: Path, body: str) -> Path:
    """A shell script that notes in the file $CALLS how it was called; REAL is this Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = 'echo "$(basename "$0") $*" >> "$CALLS"\n'
    path.write_text("#!/bin/sh\n" + note + body.replace("REAL", f'"{sys.executable}"') + "\n")
    path.chmod(0o755)
    return path


@dataclass
class Copy:
    """A folder in which make is run."""

    folder: Path
    output: str = ""

    def make(self, *arguments: str, status: int = 0) -> list[str]:
        """Run make; return how the programs of the environment were called."""
        calls = self.folder / "calls.txt"
        calls.write_text("")
        inherited = ("MAKE", "MFLAGS", "VENV", "PYTHON", "CORES", "GENOATTN_DATA", "PYTEST_")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(inherited)
        }
        done = subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env=environment | {"CALLS": str(calls)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=600,
        )
        self.output = done.stdout
        assert done.returncode == status, done.stdout
        return calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def bare(tmp_path) -> Copy:
    """The files that make reads, without an environment."""
    folder = tmp_path / "a copy é"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return Copy(folder)


@pytest.fixture
def small(bare) -> Copy:
    """The same with an environment of stand-ins."""
    for name, body in STAND_INS.items():
        write_program(bare.folder / ".venv/bin" / name, body)
    (bare.folder / ".venv/.ready").touch()
    return bare


@pytest.fixture
def whole(small) -> Copy:
    """The same with the package, the book, and two chapters in each profile."""
    (small.folder / "genoattn").symlink_to(ROOT / "genoattn")
    shutil.copytree(ROOT / "notebooks", small.folder / "notebooks")
    for path in (small.folder / "notebooks/profiles").glob("*.yaml"):
        path.write_text(
            yaml.safe_dump({"curation": {}, "heads": build.profile(path).get("heads", {})})
        )
    made = shutil.ignore_patterns("api", "course", "demo", "mine", ".*")
    shutil.copytree(ROOT / "book", small.folder / "book", ignore=made)
    return small


def programs(calls: list[str], name: str) -> list[str]:
    """The arguments of one program's calls."""
    return [call.removeprefix(f"{name} ") for call in calls if call.startswith(f"{name} ")]


def test_serving_shows_the_built_pages_on_this_machine_only(small):
    small.make("serve", status=2)
    assert "There is no book yet: make book" in small.output
    (small.folder / "_build/html").mkdir(parents=True)
    (small.folder / "_build/html/index.html").touch()
    *_, call = small.make("serve")
    assert call == "python -m http.server --directory _build/html --bind localhost 8000"


def test_every_target_is_run_here_or_by_the_workflow():
    here = set(re.findall(r'\.make\("(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    folder = ROOT / ".github/workflows"
    workflows = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.yml"))
    assert here | set(re.findall(r"run: make (\w+)", workflows)) >= TARGETS
    assert set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)) == TARGETS


def test_help_names_every_target(bare):
    bare.make("help")
    assert set(re.findall(r"^make (\w+) +\S", bare.output, re.MULTILINE)) == TARGETS
    named = bare.output
    bare.make()
    assert bare.output == named


ENVIRONMENT = """
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
esac
"""


def test_an_environment_is_made_once_and_kept(bare, tmp_path):
    base = write_program(tmp_path / "another place/python3.11", ENVIRONMENT)
    given = ("VENV=my é env", f"PYTHON={base}")
    calls = bare.make("bench", *given)
    assert calls[:2] == ["python3.11 -c import ensurepip", "python3.11 -m venv my é env"]
    installed = [call for call in calls if " -m pip install " in call]
    assert [call.split()[-2:] for call in installed] == [["-r", "requirements.lock"], ["-e", "."]]
    assert len(bare.make("bench", *given)) == 2, "nothing is installed twice"

    kept = bare.folder / "my é env/kept"
    kept.touch()
    later = (bare.folder / "my é env/.ready").stat().st_mtime + 10
    os.utime(bare.folder / "requirements.lock", (later, later))
    calls = bare.make("bench", *given)
    assert sum(" -m pip install " in call for call in calls) == 2
    assert not any(" -m venv " in call for call in calls)
    assert kept.is_file()


def test_an_environment_may_be_anywhere(small, tmp_path):
    elsewhere = tmp_path / "envs of mine"
    shutil.move(small.folder / ".venv", elsewhere)
    assert len(small.make("bench", f"VENV={elsewhere}")) == 2


def test_a_folder_that_is_no_environment_is_left_alone(bare):
    kept = bare.folder / "my data/kept"
    kept.parent.mkdir()
    kept.touch()
    bare.make("bench", "VENV=my data", status=2)
    assert "my data is there, but has no Python with pip" in bare.output
    assert kept.is_file()


def test_a_python_that_will_not_do_is_refused(bare, tmp_path):
    bare.make("bench", "PYTHON=", status=2)
    assert "genoattn needs Python 3.11 or newer" in bare.output
    base = write_program(tmp_path / "python3", "exit 1")
    bare.make("bench", f"PYTHON={base}", status=2)
    assert "install python3-venv" in bare.output
    assert not (bare.folder / ".venv").exists()


def test_book_executes_the_demo_and_prints_where_the_pages_are(whole):
    calls = whole.make("book", "CORES=2")
    assert [Path(call.split()[0]).stem for call in programs(calls, "papermill")] == CHAPTERS
    assert programs(calls, "profile") == ["demo"] * 2, "the run folder is the demo's"
    assert [path.stem for path in sorted((whole.folder / "book/demo").iterdir())] == CHAPTERS
    assert whole.output.endswith(f"The book is ready: {whole.folder}/_build/html/index.html\n")
    calls = whole.make("book", "CORES=2")
    assert not programs(calls, "papermill") + programs(calls, "jupyter-book"), "nothing changed"


def test_study_executes_its_chapters_and_refreshes_what_is_drawn_from_them(whole):
    shutil.rmtree(whole.folder / "book/study")
    calls = whole.make("study", "CORES=2")
    assert [Path(call.split()[0]).stem for call in programs(calls, "papermill")] == CHAPTERS
    assert [path.stem for path in sorted((whole.folder / "book/study").iterdir())] == CHAPTERS
    steps = ("book data", "snakemake", "book overview", "browser refresh")
    order = [next(i for i, call in enumerate(calls) if step in call) for step in steps]
    assert order == sorted(order)


def test_an_edited_file_of_ones_own_repeats_the_chapters(whole):
    """Once the run graph said "Nothing to be done" when a genome or a table had changed."""
    given = {
        "curation": {"source": "files", "fasta": "g é.fa", "tables": ["a.tsv", "b.tsv"]},
        "heads": {"weights": "w.safetensors"},
    }
    (whole.folder / "notebooks/profiles/demo.yaml").write_text(yaml.safe_dump(given))
    files = ["g é.fa", "a.tsv", "b.tsv", "w.safetensors", "w.json"]
    for name in files:
        (whole.folder / name).write_text("first")
    whole.make("book", "CORES=2")
    assert not programs(whole.make("book", "CORES=2"), "papermill"), "nothing changed"
    for name, again in (("g é.fa", CHAPTERS), ("b.tsv", CHAPTERS), ("w.json", CHAPTERS[1:])):
        (whole.folder / name).write_text("edited")
        calls = whole.make("book", "CORES=2")
        assert [Path(call.split()[0]).stem for call in programs(calls, "papermill")] == again


def test_train_trains_each_model_after_the_one_that_it_starts_from(whole):
    plan = {"trainings": {"annotator": {"initial": "stem"}, "stem": {}, "rival": {}}}
    (whole.folder / "notebooks/trainings/ecoli.yaml").write_text(yaml.safe_dump(plan))
    calls = whole.make("train", "CORES=2")
    first = whole.folder / "runs/ecoli/executed"
    assert [path.stem for path in first.iterdir()] == ["01_curation"], "only what trainings need"
    trained = [call.split()[-1] for call in calls if "--plan" in call]
    assert sorted(trained) == ["annotator", "rival", "stem"]
    assert trained.index("stem") < trained.index("annotator")


def test_bench_measures_the_engine(small):
    engine, costs = small.make("bench")
    assert re.search(r"genoattn.*bench", engine) and re.search(r"genoattn.*costs", costs)


def test_unlock_frees_the_run_graph(whole):
    lock = whole.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("_build/html\n")
    whole.make("book", status=2)
    assert "locked" in whole.output
    whole.make("unlock")
    assert not lock.exists()


def test_format_leaves_nothing_to_lint(small):
    module = small.folder / "genoattn/module.py"
    result = small.folder / "book/result.py"
    for path in (module, result):
        path.parent.mkdir()
        path.write_text('"""A module."""\nimport os\nVALUES = {  "a":1 }\n')
    notebook = small.folder / "notebooks/00_chapter.ipynb"
    notebook.parent.mkdir()
    output = new_output("stream", name="stdout", text="1\n")
    cell = new_code_cell("print(1)", id="said", execution_count=1, outputs=[output])
    nbformat.write(new_notebook(cells=[cell]), notebook)

    small.make("lint", status=2)
    small.make("format")
    assert module.read_text() == '"""A module."""\n\nVALUES = {"a": 1}\n'
    assert "import os" in result.read_text(), "results are not sources"
    (cell,) = json.loads(notebook.read_text())["cells"]
    assert (cell["id"], cell["outputs"], cell["execution_count"]) == ("said", [], None)
    calls = small.make("lint")
    assert "sp-repo-review . --show err" in calls
    assert "mypy " in calls


def test_clean_removes_what_the_build_made_and_nothing_else(small):
    made = ("runs/demo/x", "book/demo/x", "_build/html/x", ".snakemake/x", ".ruff_cache/x")
    kept = ("runs/ecoli/x", "book/mine/x", "book/study/x", ".venv/x")
    for name in (*made, *kept):
        (small.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (small.folder / name).touch()
    assert small.make("clean") == []
    assert not any((small.folder / name).parent.exists() for name in made)
    assert all((small.folder / name).is_file() for name in kept)


def test_lock_pins_what_was_installed(bare, tmp_path):
    frozen = """
case "$*" in
    *"book lock"*) exec REAL "$@" ;;
    *freeze*) printf 'b==2\\na==1+cpu\\n' ;;
esac
"""
    installed = write_program(tmp_path / "installed/python", frozen)
    base = write_program(
        tmp_path / "python3", f'mkdir -p "$3/bin" && cp "{installed}" "$3/bin/python"'
    )
    (bare.folder / "genoattn").symlink_to(ROOT / "genoattn")
    calls = bare.make("lock", f"PYTHON={base}")
    assert "python -m pip install --quiet -e .[book,dev]" in calls
    lock = (bare.folder / "requirements.lock").read_text().splitlines()
    assert lock[1:] == ["a==1", "b==2"]
    environment = yaml.safe_load((bare.folder / "environment.yml").read_text())
    assert environment["dependencies"][-1]["pip"] == ["a==1", "b==2"]
    assert not (bare.folder / ".venv-lock").exists()


def test_to_lock_needs_a_python_and_a_failure_changes_nothing(bare, tmp_path):
    before = (bare.folder / "requirements.lock").read_bytes()
    bare.make("lock", "PYTHON=", status=2)
    assert "genoattn needs Python 3.11 or newer" in bare.output
    broken = write_program(tmp_path / "broken/python", "exit 1")
    base = write_program(
        tmp_path / "python3", f'mkdir -p "$3/bin" && cp "{broken}" "$3/bin/python"'
    )
    bare.make("lock", f"PYTHON={base}", status=2)
    assert (bare.folder / "requirements.lock").read_bytes() == before


@pytest.mark.parametrize("beside", [True, False])
def test_a_change_is_checked_with_or_without_the_published_tables(bare, tmp_path, beside):
    shutil.copytree(ROOT / ".ci", bare.folder / ".ci")
    tables = tmp_path / "shared/data"
    if beside:
        tables.mkdir(parents=True)
    make = write_program(tmp_path / "bin/make", 'echo "tables: ${GENOATTN_DATA-none}" >> "$CALLS"')
    calls = bare.folder / "calls.txt"
    environment = {"PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls)}
    done = subprocess.run(
        [bare.folder / ".ci/run"], env=environment, capture_output=True, text=True, check=True
    )
    found = f"tables: {tables}" if beside else "tables: none"
    assert calls.read_text().splitlines() == ["make test", found, "make lint", found]
    assert ("skipped" in done.stdout) is not beside
