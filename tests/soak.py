"""Chapters that are killed again and again: what is left must serve a clean run as if untouched.

Three at a time run in one folder, each a process that executes the code cells of a notebook on the
small study of ``tiny.yaml``, and each is killed after a random time. A run that is not killed must
end well, or be refused with a sentence that says what to do. Then the chapters run once in their
order, and every file they left must be the one of a folder that was never disturbed.

``make soak`` does this for ten minutes: ``python tests/soak.py --seconds 600``.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genoattn.book import build
from genoattn.study.manifest import PROFILE

ROOT = Path(__file__).parents[1]
CHAPTERS = ("01_curation", "02_training", "03_heads", "04_output")
AT_ONCE = 3

REFUSED = re.compile(
    r"(ParameterError|ManifestError|LockedError|FileNotFoundError|WeightsError): .*"
    r"(wait until|run the chapter|there are: )"
)
"""How a run may end besides well: with a sentence that says what to do."""

_OF_THE_TIME = {"seconds", "hardware"}  # what a card says of the machine
_WORKING = {".ckpt", ".lock"}  # files of a training that goes on, and of who writes

_RUNNER = """
import json, sys
import nbformat
notebook, given = sys.argv[1], json.loads(sys.argv[2])
cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
names = {"__name__": "__main__"}
exec(cells[0].source, names)
names.update(given)
for cell in cells[1:]:
    exec(compile(cell.source, notebook, "exec"), names)
"""


@dataclass
class Tally:
    """How the runs ended, by chapter: well, refused or killed; and what should not have been."""

    ended: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The counts, a line each."""
        return [f"{chapter}: {n} {how}" for (chapter, how), n in sorted(self.ended.items())]


@dataclass
class Started:
    """A chapter that runs in a process of its own; what it says goes to a file."""

    chapter: str
    process: subprocess.Popen[bytes]
    said: Path
    since: float
    allowed: float = float("inf")  # seconds until it is killed

    @classmethod
    def of(cls, chapter: str, folder: Path, allowed: float = float("inf")) -> Started:
        """Begin a chapter in a run folder."""
        given = build.profile(ROOT / "tests/tiny.yaml").get(chapter.split("_", 1)[1], {})
        given |= {"run_dir": str(folder), "results_dir": str(folder / "results")}
        handle, said = tempfile.mkstemp(dir=folder.parent, suffix=".txt")
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        notebook = str(ROOT / f"notebooks/{chapter}.ipynb")
        with os.fdopen(handle, "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", _RUNNER, notebook, json.dumps(given)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in environment.items() if name != PROFILE},
            )
        return cls(chapter, process, Path(said), time.monotonic(), allowed)

    @property
    def lasted(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.since

    def how(self) -> str:
        """How it ended: ``well``, ``refused`` or ``wrong``."""
        if self.process.wait() == 0:
            return "well"
        return "refused" if REFUSED.search(self.text()) else "wrong"

    def text(self) -> str:
        """What it said."""
        return self.said.read_text(encoding="utf-8", errors="replace")


def disturb(folder: Path, seconds: float, lasting: Mapping[str, float], seed: int) -> Tally:
    """Run chapters side by side in one folder for so long, killing each after a random time.

    Parameters
    ----------
    folder : Path
    seconds : float
    lasting : mapping of str to float
        The chapters, and how many seconds each takes when nothing else runs. A run is allowed up
        to 1.5 times as long for each of those beside it.
    seed : int
        Of what runs when, and for how long.
    """
    drawn, tally = random.Random(seed), Tally()
    until = time.monotonic() + seconds
    running: list[Started] = []
    while running or time.monotonic() < until:
        while len(running) < AT_ONCE and time.monotonic() < until:
            chapter = drawn.choice([*lasting])
            allowed = drawn.uniform(0, 1.5 * AT_ONCE * lasting[chapter])
            running.append(Started.of(chapter, folder, allowed))
        for one in running.copy():
            late = one.lasted > one.allowed or time.monotonic() > until
            if one.process.poll() is None and not late:
                continue
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()
                how = "killed"
            else:
                how = one.how()
            if how == "wrong":
                tally.wrong.append(f"{one.chapter}: {' '.join(one.text().splitlines()[-3:])}")
            tally.ended[one.chapter, how] += 1
            running.remove(one)
        time.sleep(0.05)
    return tally


def run_through(folder: Path, chapters: Iterable[str]) -> dict[str, float]:
    """Run the chapters in their order, and say how long each took.

    Raises
    ------
    RuntimeError
        One does not end well.
    """
    lasting = {}
    for chapter in chapters:
        one = Started.of(chapter, folder)
        if one.how() != "well":
            raise RuntimeError(f"{chapter} in {folder}: {one.text()}")
        lasting[chapter] = one.lasted
    return lasting


def content(folder: Path) -> dict[str, bytes]:
    """What chapters left in a folder, by name, without what tells of time and machine."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in _WORKING:
            continue
        data = path.read_bytes()
        if path.parent.name == "training" and path.suffix == ".json":
            card = json.loads(data)
            data = json.dumps({k: v for k, v in card.items() if k not in _OF_THE_TIME}).encode()
        found[path.relative_to(folder).as_posix()] = data
    return found


def soak(folder: Path, seconds: float, chapters: Iterable[str], seed: int) -> Tally:
    """Disturb one folder, run it clean, and compare it with one that was never disturbed.

    Returns
    -------
    Tally
        What differs or is left over stands in ``wrong``.
    """
    lasting = run_through(folder / "undisturbed", chapters)
    tally = disturb(folder / "disturbed", seconds, lasting, seed)
    run_through(folder / "disturbed", chapters)
    wanted, got = content(folder / "undisturbed"), content(folder / "disturbed")
    tally.wrong += [f"{name} is lacking" for name in wanted.keys() - got.keys()]
    tally.wrong += [f"{name} is left over" for name in got.keys() - wanted.keys()]
    tally.wrong += [
        f"{name} differs" for name in wanted.keys() & got.keys() if wanted[name] != got[name]
    ]
    tally.wrong += [f"{path.name} is still held" for path in folder.rglob("*.lock")]
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Command line: soak for so many seconds; say how the runs ended."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chapters", nargs="+", choices=CHAPTERS, default=CHAPTERS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        tally = soak(Path(folder), given.seconds, given.chapters, given.seed)
    print(*tally.lines(), *(f"WRONG {one}" for one in tally.wrong), sep="\n")
    print(f"{sum(tally.ended.values())} runs, {len(tally.wrong)} things wrong")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
