"""A run's manifest: files are what was written, from what is there; an owner's folder stays its."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from genoattn.study.manifest import Manifest, ManifestError, digest
from genoattn.study.parameters import FOLDERS, Checked, Parameter, ParameterError, Schema

SCHEMA = Schema(
    "03_some",
    {
        "weights": Parameter(str, "demo", "model"),
        "size": Parameter(int, 5, "size"),
        "data_dir": Parameter(str, None, "tables", optional=True),
        **FOLDERS,
    },
)


def asked(**given) -> Checked:
    return Checked(SCHEMA, SCHEMA.defaults | given)


@pytest.fixture
def made(tmp_path) -> Manifest:
    """A manifest of two files, the second made from the first."""
    manifest = Manifest(tmp_path / "run")
    (tmp_path / "run/inputs").mkdir(parents=True)
    for name in ("inputs/a", "b"):
        (manifest.folder / name).write_text(name)
    manifest.record("01_first", {"inputs/a": {}})
    manifest.record("02_second", {"b": sources(manifest)})
    return manifest


def sources(manifest):
    return {"inputs/a": digest(manifest.folder / "inputs/a")}


def test_what_was_written_and_its_sources_are_checked(made):
    made.check("b", sources(made))
    made.check("inputs/a")
    (made.folder / "b").write_text("edited")
    with pytest.raises(ManifestError, match=r"run/b is not what 02_second wrote there; run the ch"):
        made.check("b", sources(made))


def test_another_source_is_named(made):
    (made.folder / "inputs/a").write_text("another")
    with pytest.raises(
        ManifestError,
        match=r"run/b was made from another .*inputs/a than is there now; run the chapter 02_secon",
    ):
        made.check("b", sources(made))


def test_a_source_that_came_or_went_is_another(made):
    for now in ({"inputs/more": "0"}, sources(made) | {"inputs/more": "0"}):
        with pytest.raises(ManifestError, match="was made from another"):
            made.check("b", now)


def test_a_file_without_a_record_is_taken_unless_it_is_older_than_its_sources(made):
    (made.folder / "c").write_text("from before")
    made.check("c", sources(made))
    made.check("c", {"not recorded": "0"}, "03_third")
    with pytest.raises(ManifestError, match=r"run/c is not of this run: .*manifest\.json knows"):
        made.check("c", sources(made), "03_third")


def test_a_folder_of_files_is_recorded_as_a_whole(made):
    (made.folder / "inputs/new").write_text("new")
    made.record("01_first", {"inputs/new": {}}, below="inputs")
    assert made.names("inputs") == ["inputs/new"]
    assert made.names("input") == []
    made.check("b", {"inputs/a": digest(made.folder / "inputs/a")})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 5, "chapters": 6}', "null"])
def test_a_manifest_that_is_none_is_named(made, text):
    made.file.write_text(text)
    with pytest.raises(ManifestError, match=r"manifest\.json: damaged; remove it, and run"):
        made.check("b")


# ------------------------------------------------------------------------------------- owners


@pytest.fixture
def by(monkeypatch):
    """Say for which profile the chapters that follow are run; None: by hand."""

    def say(profile):
        if profile is None:
            monkeypatch.delenv("GENOATTN_PROFILE", raising=False)
        else:
            monkeypatch.setenv("GENOATTN_PROFILE", profile)

    say(None)
    return say


@pytest.fixture
def owned(tmp_path, by) -> Manifest:
    """A folder that the profile mine made, with results beside it."""
    by("mine")
    manifest = Manifest(tmp_path / "mine")
    run_by(manifest, asked(size=7), tmp_path / "results")
    by(None)
    return manifest


def run_by(manifest, p, results, default=False):
    manifest.open(p, results, default)
    manifest.finish(p, {})


def test_another_profile_is_refused(owned, by, tmp_path):
    by("other")
    with pytest.raises(
        ParameterError,
        match=r"^some: parameter 'run_dir': .*mine belongs to the profile mine; let "
        r"notebooks/profiles/other\.yaml name another, such as runs/other$",
    ):
        owned.open(asked(), tmp_path / "results", False)


def test_the_owner_may_change_its_parameters(owned, by, tmp_path):
    by("mine")
    run_by(owned, asked(size=8), tmp_path / "results")
    by(None)
    run_by(owned, asked(size=8), tmp_path / "results")


def test_by_hand_the_same_may_be_done_again_elsewhere_or_on_another_device(owned, tmp_path):
    run_by(owned, asked(size=7, data_dir="elsewhere"), tmp_path / "results")


def test_by_hand_what_the_owner_made_is_not_replaced(owned, tmp_path):
    for results in ("results", "other"):
        with pytest.raises(
            ParameterError,
            match=r"parameter 'run_dir': .*mine is the run of the profile mine, which has size = 7"
            r"; name a folder of your own, such as runs/mine, and copy this one there first",
        ):
            owned.open(asked(size=8), tmp_path / results, False)


def test_by_hand_a_model_can_be_added_but_not_among_the_owners_results(owned, tmp_path):
    run_by(owned, asked(weights="other"), tmp_path / "mine/results")
    run_by(owned, asked(weights="other", size=6), tmp_path / "mine/results")
    with pytest.raises(ParameterError, match="is the run of the profile mine; name a folder"):
        owned.open(asked(weights="other"), tmp_path / "results", False)


def test_a_copy_has_no_owner(owned, tmp_path):
    shutil.copytree(owned.folder, tmp_path / "copy")
    run_by(Manifest(tmp_path / "copy"), asked(size=9), tmp_path / "results")


@pytest.mark.parametrize("built", [False, True])
def test_the_demos_folder_is_the_demos_before_it_is_built_and_after(tmp_path, by, built):
    manifest = Manifest(tmp_path / "demo")
    results = tmp_path / "demo/results"
    if built:
        by("demo")
        run_by(manifest, asked(), results, default=True)
        by(None)
    for _ in range(2):
        run_by(manifest, asked(), results, default=True)
    with pytest.raises(ParameterError, match="is the run of the profile demo, which has size = 5"):
        manifest.open(asked(size=6), results, True)
    by("other")
    with pytest.raises(ParameterError, match="demo belongs to the profile demo"):
        manifest.open(asked(), results, True)


def test_a_profile_takes_over_what_was_made_by_hand(tmp_path, by):
    manifest = Manifest(tmp_path / "run")
    run_by(manifest, asked(size=6), tmp_path / "run/results")
    by("mine")
    run_by(manifest, asked(size=7), tmp_path / "run/results")
    assert json.loads(manifest.file.read_text())["owner"] == "mine"


def test_the_manifest_says_nothing_of_the_machine(owned, by, tmp_path):
    """So that a clean run equals an undisturbed one, wherever and whenever it was made."""
    text = owned.file.read_text()
    assert str(tmp_path) not in text and os.uname().nodename not in text
