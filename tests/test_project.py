"""Facts about the project's files: pins, notebooks, pages, size, and no published table in it."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from itertools import chain
from pathlib import Path

import nbformat
import pytest
import yaml

from genoattn.book import build
from genoattn.book.pages import page_source, toc_pages
from genoattn.data.datasets import DATASETS
from genoattn.data.species_files import species_files
from genoattn.model.card import Card

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHOWN = {  # folder in the book -> profile
    "demo": "demo", "study": "ecoli", "tis": "tis", "species": "species",
}  # fmt: skip
EXECUTED = [
    path
    for one in ("study", "tis", "species")
    for path in sorted((ROOT / "book" / one).glob("*.ipynb"))
]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that git tracks; all of them exist in a clean clone."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git clone")
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def pins(lines) -> dict[str, str]:
    """Package name in its normal form -> version."""
    found = {}
    for line in lines:
        name, version = line.split("==")
        found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return found


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return pins(line for line in lines if not line.startswith("#"))


def test_conda_users_get_the_locked_versions(lock):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert pins(environment["dependencies"][-1]["pip"]) == lock
    python = next(one for one in environment["dependencies"] if str(one).startswith("python="))
    assert python == "python=3.11"


def test_the_lock_holds_what_the_package_asks_for(lock):
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for requirement in map(Requirement, asked):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in lock, f"{name} is asked for but not locked"
        assert requirement.specifier.contains(lock[name]), f"{requirement}, locked {lock[name]}"


def test_the_lock_names_no_place():
    text = (ROOT / "requirements.lock").read_text() + (ROOT / "environment.yml").read_text()
    assert not re.search(r"://|file:|--|-e |@|\+", text)


def test_checks_before_a_commit_use_the_locked_versions(lock):
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    revision = {one["repo"].split("/")[-1]: one["rev"].lstrip("v") for one in hooks["repos"]}
    assert revision["ruff-pre-commit"] == lock["ruff"]
    assert revision["nbstripout"] == lock["nbstripout"]


def test_imports_are_declared():
    """Every third-party module that the package imports is one that it asks for."""
    names = {
        "Bio": "biopython",
        "sklearn": "scikit-learn",
        "yaml": "pyyaml",
        "IPython": "ipykernel",
        "PIL": "pillow",
        "modiscolite": "modisco-lite",
        "sphinxcontrib": "sphinxcontrib-bibtex",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["book"]
    declared = {re.split(r"[=<>!~ ]", one)[0].lower() for one in asked}
    imported = set()
    for path in (ROOT / "genoattn").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.match(r"\s*(?:import|from)\s+([A-Za-z_]\w*)[\w.]*\s*(?:import|as|,|$)", line)
            if match:
                imported.add(match[1])
    foreign = imported - set(sys.stdlib_module_names) - {"genoattn"}
    lacking = {one for one in foreign if names.get(one, one).lower() not in declared}
    assert not lacking, f"not declared in pyproject.toml: {lacking}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_cells_only_call_draw_and_show(path):
    """What computes, decides or words stands in the package, where it is tested."""
    forbidden = (
        ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With,
        ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr, ast.BinOp,
        ast.Compare, ast.Subscript,
    )  # fmt: skip
    cells = nbformat.read(path, as_version=4).cells
    code = [
        cell.source
        for cell in cells
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", [])
    ]
    for source in code:
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, forbidden), f"{path.stem}: {ast.unparse(node)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                module = node.module if isinstance(node, ast.ImportFrom) else names[0]
                assert module.split(".")[0] == "genoattn", f"{path.stem} imports {module}"
    chapter = import_module(f"genoattn.chapters.{path.stem.split('_', 1)[1]}")
    used = set(re.findall(r"\bchapter\.(\w+)", "\n".join(code)))
    assert used <= set(chapter.__all__), "a chapter holds all its steps, wherever they are written"
    assert all(hasattr(chapter, name) for name in chapter.__all__)
    lines = [line for source in code for line in source.splitlines() if line.strip()]
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    assert len(lines) <= 100
    assert max(len(source.splitlines()) for source in code) <= 15
    assert words >= 8 * len(lines)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_source_notebooks_are_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1, "one cell of parameters"
    assert all("#" in line for line in tagged[0].source.splitlines() if line.strip()), (
        "each parameter says in a comment what it means"
    )
    after = code[code.index(tagged[0]) + 1].source
    chapter = path.stem.split("_", 1)[1]
    assert f"from genoattn.chapters import {chapter} as chapter" in after
    assert "parameters.check(chapter.PARAMETERS, globals())" in after, (
        "the cell after the parameters checks them"
    )
    assert any("parameters.show(" in cell.source for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_committed_chapters_ran_to_their_end(path):
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        assert cell.execution_count is not None, f"cell {number} was not run"
        for output in cell.outputs:
            assert output.output_type != "error", f"cell {number}: {output.get('ename')}"
            assert output.get("name") != "stderr", f"cell {number}: {output.get('text')[:200]}"
    assert "papermill" not in notebook.metadata


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_committed_chapters_show_the_source_that_is_here(path):
    """Otherwise it is out of date: make study, or book's step prose where only text changed."""
    source = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    shown = nbformat.read(path, as_version=4)
    kept = [
        cell.source
        for cell in shown.cells
        if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    asked = build.asked_of(source.cells, build.page_task(shown))
    assert kept == [cell.source for cell in asked]


def test_the_table_of_contents_lists_every_page_once():
    pages = toc_pages(ROOT / "_toc.yml")
    assert len(pages) == len(set(pages))
    for folder, name in SHOWN.items():
        if folder in ("tis", "species") and not (ROOT / "book" / folder).is_dir():
            continue  # shown once its weights are there
        named = build.profile(ROOT / f"notebooks/profiles/{name}.yaml")
        names = build.chapters(ROOT / "notebooks", named)
        listed = [page.split("/")[-1] for page in pages if page.startswith(f"book/{folder}/")]
        assert listed == names
    built = ("book/demo/", "book/api/", "book/course/")
    written = [page for page in pages if not page.startswith(built)]
    sources = {page_source(page, ROOT) for page in written}
    existing = {path.relative_to(ROOT).as_posix() for path in (ROOT / "book").rglob("*.md")}
    existing = {page for page in existing if not page.startswith(built)}
    existing |= {path.relative_to(ROOT).as_posix() for path in EXECUTED}
    assert sources == existing


def test_every_chapter_is_in_a_profile():
    profiles = [build.profile(path) for path in (ROOT / "notebooks/profiles").glob("*.yaml")]
    assert {stem.split("_", 1)[1] for stem in build.chapters(ROOT / "notebooks")} == {
        name for profile in profiles for name in profile
    }


def test_the_repository_stays_small(tracked):
    sizes = {path: path.stat().st_size for path in tracked}
    weights = sum(size for path, size in sizes.items() if path.parent.name == "weights")
    assert weights < 13.5 * MEGABYTE
    assert sum(sizes.values()) < 25 * MEGABYTE
    assert sum(sizes.values()) < 25 * MEGABYTE
    assert max(sizes.values()) < 5 * MEGABYTE, max(sizes, key=sizes.__getitem__)


def test_no_published_table_is_tracked(tracked):
    every = [*DATASETS.values(), *species_files()]
    published = {dataset.sha256: Path(dataset.file).name for dataset in every}
    for path in tracked:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest not in published, f"{path} is {published[digest]}"
        assert path.name not in published.values(), f"{path} has the name of a published table"


def test_the_page_of_data_names_every_published_file():
    page = (ROOT / "book/data.md").read_text(encoding="utf-8")
    for dataset in DATASETS.values():
        assert f"`{dataset.file}`" in page, f"{dataset.file} is not on the page"


def test_the_page_of_the_model_agrees_with_the_model():
    from genoattn.model.annotator import Annotator, AnnotatorConfig

    page = (ROOT / "book/learn/model.md").read_text(encoding="utf-8")
    rows = [row.strip("|").rsplit("|", 1) for row in page.splitlines() if row.startswith("|")]
    value = {left.split("|")[-1].strip(): right.strip() for left, right in rows}
    config = AnnotatorConfig()
    assert value["layers"] == str(config.layers)
    assert value["heads in each layer"] == str(config.heads)
    assert value["size of query, key and value"] == str(config.d_head)
    assert value["width of the convolution"] == str(config.conv_width)
    assert value["shift of the labels, downstream"] == str(config.downstream)
    assert value["window: positions that a query attends to, itself included"] == str(config.window)
    hidden = next(key for key in value if key.startswith("hidden state"))
    assert value[hidden] == str(config.d_model)
    count = sum(p.numel() for p in Annotator(config).parameters())
    assert value["parameters in all"] == f"about {round(count, -3):,}"
    assert f"up to {config.layers * (config.conv_width // 2)} nt further downstream" in page


def test_the_page_of_the_model_agrees_with_the_annotator_that_is_shipped():
    from genoattn.model.annotator import AnnotatorConfig

    page = (ROOT / "book/learn/model.md").read_text(encoding="utf-8")
    card = Card.read("annotator")
    config = AnnotatorConfig(**card.config)
    numbers = {1: "One layer", 4: "four", 6: "Six"}
    assert f"{numbers[config.stem]} of them read {config.stem_reach} nt" in page
    assert f"{numbers[config.layers]} of {numbers[config.heads]} heads follows" in page
    assert card.initial.convolutional
    assert (
        f"**{config.downstream} nt downstream** instead of {AnnotatorConfig().downstream}" in page
    )
    assert f"each of the {numbers[len(card.auxiliary)]} assays" in page
    assert card.training["auxiliary_weight"] == 0.5
    assert r"\tfrac12 \sum_a" in page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_the_commands_and_files_that_a_page_names_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)\b", text, re.MULTILINE)) <= targets
    for image in re.findall(r"!\[[^]]*\]\(([^)]+)\)|<img[^>]*src=\"([^\"]+)\"", text):
        assert (ROOT / (image[0] or image[1])).is_file(), image
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert (ROOT / link).exists(), f"{name} links to {link}"


def test_the_readme_names_what_is_made_first():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"book", "test", "study"} <= set(re.findall(r"^make ([a-z]+)\b", text, re.MULTILINE))


def test_the_example_that_the_readme_gives_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "my_genome.fa").write_text(">toy\n" + "ACGTTGCA" * 150 + "\n")
    monkeypatch.chdir(tmp_path)
    exec(code[1], {})
    assert re.match(r"toy \(2, 1200\) 0\.\d+", capsys.readouterr().out)


def test_what_zenodo_and_binder_read_says_what_the_project_says():
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    for name in ("title", "license", "keywords"):
        assert zenodo[name] == cited[name]
    assert [one["name"] for one in zenodo["creators"]] == [one["name"] for one in cited["authors"]]
    assert zenodo["related_identifiers"][0]["identifier"] == cited["references"][0]["doi"]
    binder = ROOT / "binder"
    assert (binder / "environment.yml").read_bytes() == (ROOT / "environment.yml").read_bytes()
    assert (binder / "postBuild").stat().st_mode & 0o111, "repo2docker runs it"
