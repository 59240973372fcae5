"""What is read from the package's source: on a toy package, and on this one."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from genoattn.book import structure


@pytest.fixture
def toy(tmp_path):
    """A package of two rooms, a door, and a chapter in two parts."""
    files = {
        "__init__.py": '"""A toy."""\n',
        "door.py": '"""Opens E. coli. Then closes it."""\nfrom toy.upper import high\n',
        "lower/__init__.py": '"""What lies below."""\n',
        "lower/low.py": '"""Low."""\n__all__ = ["a", "b"]\na = b = 1\n',
        "upper/__init__.py": '"""What lies above."""\n',
        "upper/high.py": "from ..lower.low import a\nfrom toy.lower import low\nimport os\n",
        "chapters/__init__.py": '"""Chapters."""\n',
        "chapters/heads.py": 'PARAMETERS = Schema(\n    "03_heads", {})\n\n\n'
        "def step(run):\n    return run.model, given.run.kept\n",
        "chapters/heads_words.py": "def more(run):\n    return run.output(runs.other)\n",
        "chapters/gene.py": 'PARAMETERS = Schema("00_gene", {})\n',
    }
    for name, text in files.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "toy"


def test_modules_are_read_from_the_source(toy):
    found = structure.modules(toy).set_index("module")
    assert found.index.is_monotonic_increasing
    assert found.loc["toy", "room"] == ""
    assert found.loc["toy.door", ["file", "room", "lines"]].tolist() == ["door.py", "door", 2]
    assert found.loc["toy.door", "about"] == "Opens E. coli"
    assert found.loc["toy.upper", ["file", "room"]].tolist() == ["upper/__init__.py", "upper"]
    assert found.loc["toy.lower.low", "public"] == ("a", "b")
    assert found.loc["toy.upper.high", "public"] == ()
    assert found.loc["toy.upper.high", "about"] == ""
    named = {"toy.lower", "toy.lower.low"}
    assert named <= set(found.loc["toy.upper.high", "imports"]) <= {"toy", "toy.upper"} | named


def test_a_room_comes_after_those_that_it_imports(toy):
    found = structure.rooms(structure.modules(toy)).set_index("room")
    assert found.index.tolist() == ["chapters", "lower", "upper", "door"]
    assert found["level"].tolist() == [0, 0, 1, 2]
    assert found["modules"].tolist() == [3, 1, 1, 1]
    assert found.loc["upper", "imports"] == ("lower",)
    assert found.loc["door", "imports"] == ("upper",)
    assert found.loc["lower", ["lines", "about"]].tolist() == [4, "What lies below"]
    assert found.loc["door", "about"] == "Opens E. coli"


def test_a_module_that_is_named_to_be_imported_later_counts(toy):
    (toy / "__main__.py").write_text(
        'COMMANDS = {"go": ("toy.door", "toy.lost", "of toy.upper")}\n'
    )
    found = structure.modules(toy).set_index("module")
    assert found.loc["toy.__main__", "imports"] == ("toy.door",)
    assert structure.rooms(structure.modules(toy))["room"].iloc[-1] == "__main__"


def test_a_circle_of_imports_is_named(toy):
    (toy / "lower/low.py").write_text("import toy.door\n")
    with pytest.raises(ValueError, match=r"circle: (door|lower|upper) imports "):
        structure.rooms(structure.modules(toy))


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("", ""),
        ("One line.", "One line"),
        ("Of E. coli, e.g. K-12. Not more.", "Of E. coli, e.g. K-12"),
        ("Over two\nlines; touches a.py. More.\n\nA paragraph.", "Over two lines; touches a.py"),
        ("See `name`. More.", "See `name`"),
    ],
)
def test_first_sentences(docstring, sentence):
    assert structure.first_sentence(docstring) == sentence


def test_what_chapters_ask_of_the_run_with_all_their_parts(toy):
    found = structure.users_of_run(toy)
    assert found["chapter"].tolist() == ["00_gene", "03_heads"]
    assert found["module"].tolist() == ["toy.chapters.gene", "toy.chapters.heads"]
    assert found["uses"].tolist() == [(), ("kept", "model", "output")]


def test_the_flow_needs_each_definition_once(toy):
    with pytest.raises(ValueError, match="Dataset is defined in 0 modules"):
        structure.flow(toy)
    names = {name for stage in structure.FLOW for _, name, _ in stage}
    (toy / "lower/low.py").write_text("\n".join(f"class {name}: pass" for name in sorted(names)))
    with pytest.raises(ValueError, match="Run has no member study"):
        structure.flow(toy)
    members = {member for stage in structure.FLOW for _, _, member in stage if member}
    body = "\n".join(f"    def {member}(self): pass" for member in sorted(members))
    (toy / "door.py").write_text(f"class Run:\n{body}\n")
    found = structure.flow(toy)
    assert len(found) == len(names)
    assert found["made_by"].tolist()[0] == "lower.low.Dataset"
    (toy / "upper/high.py").write_text("def Dataset(): pass\n")
    with pytest.raises(ValueError, match="Dataset is defined in 2 modules"):
        structure.flow(toy)


# ------------------------------------------------------------------------------ this package


@pytest.fixture(scope="module")
def here():
    return structure.modules()


def test_rooms_of_this_package_import_in_one_direction(here):
    found = structure.rooms(here)
    place = {room: number for number, room in enumerate(found["room"])}
    assert all(place[one] < place[row.room] for row in found.itertuples() for one in row.imports)
    assert {"chapters", "plots", "study"} <= set(found["room"])
    files = list(structure.package_folder().rglob("*.py"))
    root = len((structure.package_folder() / "__init__.py").read_text().splitlines())
    assert found["lines"].sum() + root == sum(
        len(path.read_text(encoding="utf-8").splitlines()) for path in files
    )


def test_what_the_flow_names_can_be_imported():
    for made_by in structure.flow()["made_by"]:
        module, name = f"genoattn.{made_by}".rsplit(".", 1)
        assert hasattr(importlib.import_module(module), name)


def test_every_chapter_is_among_the_users_of_the_run():
    sources = (Path(__file__).parent.parent.parent / "notebooks").glob("[0-9][0-9]_*.ipynb")
    assert structure.users_of_run()["chapter"].tolist() == sorted(path.stem for path in sources)


def test_docstrings_refer_to_what_there_is(here):
    """The book links these names; one that is out of date would be left without a word."""
    modules = set(here["module"])
    lost = []
    for file in here["file"]:
        text = (structure.package_folder() / file).read_text(encoding="utf-8")
        for name in re.findall(r"(?<!`)`~?(genoattn\.[\w.]+)`(?!`)", text):
            if not _exists(name, modules):
                lost.append(f"{file}: {name}")
    assert not lost


def _exists(name, modules):
    """Follow a dotted name: a module, then members; fields of a class count."""
    module = next(one for one in sorted(modules, reverse=True) if f"{name}.".startswith(f"{one}."))
    found = importlib.import_module(module)
    for member in filter(None, name.removeprefix(module).split(".")):
        if member in getattr(found, "__annotations__", {}) and not hasattr(found, member):
            return True
        if not hasattr(found, member):
            return False
        found = getattr(found, member)
    return True
