"""Whose a run folder is, and what each of its files was made from; touches ``manifest.json``.

::

    {"owner": "ecoli", "folder": "ecoli", "results": "../../book/results/ecoli",
     "chapters": {"02_training curated": {"profile": "ecoli", "parameters": {...}}},
     "files": {"curation/curated.tsv": {"by": "01_curation", "sha256": "5f...",
                                        "from": {"inputs/genome.fa": "12...", ...}}}}

A file that was recorded is read again only as long as it is what was written, and as long as what
it was made from is what is there now. A file without a record, in a folder that was put together by
hand, is taken as it is; but a curated set is not beside inputs that are recorded.

A folder that a profile makes (its *owner*) is changed by that profile alone: a chapter that is run
by hand may repeat what the owner did, or add a model, but not replace what the owner made. A copy
of a folder, under another name, has no owner.

What a model was trained on is not here, but in its card (`genoattn.model.card`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genoattn.genome.files import writing
from genoattn.genome.locks import holding
from genoattn.study.parameters import Checked, ParameterError

__all__ = ["PROFILE", "Manifest", "ManifestError", "digest", "lasting"]


PROFILE = "GENOATTN_PROFILE"
"""Environment variable by which the run graph says for which profile it runs a chapter."""

_OF_THE_MACHINE = {"run_dir", "results_dir", "data_dir", "accelerator"}
"""Parameters that do not change what a chapter makes."""

_PATIENCE = 60.0  # s; to change the manifest takes milliseconds


class ManifestError(ValueError):
    """A file of a run that is not what its manifest says; says what to run again."""


def digest(path: str | Path) -> str:
    """SHA-256 of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Manifest:
    """The manifest of one run folder.

    Parameters
    ----------
    folder : str or Path
        Of the run. Names of files are relative to it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.file = self.folder / "manifest.json"

    def _read(self) -> dict[str, Any]:
        """What the file holds; empty without one, ManifestError if it is none."""
        if not self.file.is_file():
            return {"chapters": {}, "files": {}}
        try:
            content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
            known = isinstance(content["chapters"], dict) and all(
                isinstance(one["sha256"] + one["by"], str) and isinstance(one["from"], dict)
                for one in content["files"].values()
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ManifestError(self._damaged()) from error
        if not known:
            raise ManifestError(self._damaged())
        return content

    def _damaged(self) -> str:
        """Say that the file cannot be read."""
        return f"{self.file}: damaged; remove it, and run the chapters again from the first"

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """What the file holds, to be changed; no other process changes it meanwhile."""
        with holding(self.folder / "manifest.lock", str(self.file), "try again", wait=_PATIENCE):
            content = self._read()
            yield content
            self._write(content)

    def _write(self, content: Mapping[str, Any]) -> None:
        """Replace the file, whole or not at all."""
        with writing(self.file) as partial:
            text = json.dumps(content, indent=1, sort_keys=True)
            partial.write_text(text + "\n", encoding="utf-8")

    # ---------------------------------------------------------------------------------- files

    def names(self, below: str) -> list[str]:
        """Recorded files of one folder of the run, such as ``inputs``."""
        return [name for name in self._read()["files"] if name.startswith(f"{below}/")]

    def sources(self, by: str) -> set[str]:
        """SHA-256 of all that the recorded files of a chapter or a command were made from."""
        files = self._read()["files"].values()
        return {one for file in files if file["by"] == by for one in file["from"].values()}

    def record(self, by: str, files: Mapping[str, Mapping[str, str]], below: str = "") -> None:
        """Note what was written.

        Parameters
        ----------
        by : str
            The chapter or the command that wrote it, such as ``01_curation``.
        files : mapping of str to mapping of str to str
            File -> what it was made from: file -> SHA-256.
        below : str
            Folder of which no other file is known any more.
        """
        new = self._records(by, files)
        with self._changing() as content:
            content["files"] = {
                name: one
                for name, one in content["files"].items()
                if not below or not name.startswith(f"{below}/")
            } | new

    def _records(self, by: str, files: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """What is noted of files that were written."""
        return {
            name: {"by": by, "sha256": digest(self.folder / name), "from": dict(sources)}
            for name, sources in files.items()
        }

    def check(self, name: str, now: Mapping[str, str] | None = None, by: str = "") -> None:
        """Refuse a file that is not what was written, or was made from what is there no more.

        Parameters
        ----------
        name : str
        now : mapping of str to str, optional
            File -> SHA-256 of what it would be made from today.
        by : str
            The chapter that makes it: then it must be recorded if what it is made from is.

        Raises
        ------
        ManifestError
            Names the file and what it does not fit.
        """
        files, now = self._read()["files"], dict(now or {})
        path = self.folder / name
        if name not in files:
            newer = next((one for one in now if one in files), None)
            if by and newer:
                raise ManifestError(
                    f"{path} is not of this run: {self.file} knows {newer}, but not this file; "
                    f"run the chapter {by} again"
                )
            return
        made = files[name]
        again = f"run the chapter {made['by']} again"
        if made["sha256"] != digest(path):
            raise ManifestError(f"{path} is not what {made['by']} wrote there; {again}")
        before = made["from"]
        for one in sorted({*before, *now} if now else ()):
            if before.get(one) != now.get(one):
                raise ManifestError(
                    f"{path} was made from another {self.folder / one} than is there now; {again}"
                )

    # ---------------------------------------------------------------------------------- owner

    def open(self, parameters: Checked, results: Path, default: bool) -> None:
        """Let a chapter write into the folder, for the profile that runs it or by hand.

        Parameters
        ----------
        parameters : Checked
            The chapter's.
        results : Path
            Where its aggregates go.
        default : bool
            Whether it is the folder that chapters have unless another one is named, the demo's.

        Raises
        ------
        ParameterError
            The folder has another owner; names both, the parameter and what to do.
        """
        content = self._read()
        mine = content.get("folder") == self.folder.absolute().name  # a copy is nobody's
        owner = content.get("owner") if mine else "demo" if default else None
        profile = os.environ.get(PROFILE) or None
        if profile is None:
            if owner is not None:
                self._check_by_hand(owner, content, parameters, results)
            return
        if owner not in (None, profile):
            raise ParameterError(
                f"{parameters.chapter}: parameter 'run_dir': {self.folder} belongs to the profile "
                f"{owner}; let notebooks/profiles/{profile}.yaml name another, such as "
                f"runs/{profile}"
            )
        with self._changing() as content:
            content["owner"] = profile
            content["folder"] = self.folder.absolute().name
            content["results"] = os.path.relpath(results, self.folder)

    def _check_by_hand(
        self, owner: str, content: Mapping[str, Any], parameters: Checked, results: Path
    ) -> None:
        """Refuse to replace by hand what an owner made or makes."""
        entry = content["chapters"].get(_key(parameters), {})
        made = entry.get("parameters") if entry.get("profile") == owner else None
        default = "owner" not in content
        shared = os.path.relpath(results, self.folder) == content.get("results", "results")
        if made is None and default:
            made = lasting(parameters.schema.defaults)
        if made is None and not shared:
            return
        asked = lasting(parameters)
        differs = next((name for name in asked if made and asked[name] != made.get(name)), None)
        if made is not None and differs is None:
            return
        why = f", which has {differs} = {made.get(differs)!r}" if made and differs else ""
        raise ParameterError(
            f"{parameters.chapter}: parameter 'run_dir': {self.folder} is the run of the profile "
            f"{owner}{why}; name a folder of your own, such as runs/mine, and copy this one there "
            f"first if you need its files (cp -r {self.folder} runs/mine)"
        )

    def finish(self, parameters: Checked, files: Mapping[str, Mapping[str, str]]) -> None:
        """Note that a chapter came to its end, with which parameters, and what it left."""
        new, profile = self._records(parameters.schema.notebook, files), os.environ.get(PROFILE)
        with self._changing() as content:
            content["files"] |= new
            entry = content["chapters"].get(_key(parameters), {})
            if not profile and entry.get("parameters") == lasting(parameters):
                profile = entry["profile"]  # what an owner made and somebody repeated stays its own
            content["chapters"][_key(parameters)] = {
                "profile": profile or None,
                "parameters": lasting(parameters),
            }


def _key(parameters: Checked) -> str:
    """A chapter, the model and the name that it was run for."""
    told = [str(parameters[one]) for one in ("weights", "name") if one in parameters]
    return " ".join([parameters.schema.notebook, *told])


def lasting(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that change what a chapter makes."""
    return {name: value for name, value in parameters.items() if name not in _OF_THE_MACHINE}
