"""The one door: each command is there, and says what it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from genoattn import __main__ as door

ROOT = Path(__file__).parent.parent


def test_the_console_script_is_the_door():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"genoattn": "genoattn.__main__:main"}


@pytest.mark.parametrize("command", door.COMMANDS)
def test_each_command_says_how_it_is_called(command, capsys):
    with pytest.raises(SystemExit) as left:
        door.main([command, "--help"])
    assert left.value.code == 0
    assert f"genoattn {command}" in capsys.readouterr().out
    assert callable(import_module(door.COMMANDS[command][0]).main)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("bench --positions", "0"),
        ("bench --plain-positions", "-1"),
        ("bench --turns", "0"),
        ("bench --growth 1000", "0"),
        ("bench --device", "tpu"),
        ("costs --contigs 5", "0"),
        ("costs --length", "0"),
        ("costs --sample", "-3"),
        ("costs --short", "half"),
        ("species run --ecoli run --seed", "-1"),
        ("adapt run --fasta a.fa --sites a.bed --passes", "nan"),
        ("recover --length", "0"),
        ("recover --blank 1", "-2"),
        ("claims run --sites", "0"),
        ("game new --seeds 3", "-1"),
        ("game new --length", "0"),
        ("game new --elements", "0"),
        ("game new --passes", "0"),
        ("annotate a.fa --threshold", "2"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_option(given, value, capsys):
    with pytest.raises(SystemExit) as left:
        door.main([*given.split(), value])
    assert left.value.code == 2
    said = capsys.readouterr().err
    option = [word for word in given.split() if word.startswith("--")][-1]
    assert f"argument {option}: " in said
    assert value in said.split(f"argument {option}: ")[1]


def test_without_a_command_all_are_named(capsys):
    assert door.main([]) == 2
    assert door.main(["--help"]) == 0
    assert set(door.COMMANDS) <= set(capsys.readouterr().out.split())


def test_an_unknown_command(capsys):
    assert door.main(["brwoser"]) == 2
    assert "no command is named 'brwoser'" in capsys.readouterr().err


def test_annotate_leaves_tracks_and_peaks(tmp_path, capsys):
    fasta = tmp_path / "toy.fa"
    fasta.write_text(">toy\n" + "ACGTTGCA" * 100 + "\n")
    given = ["annotate", str(fasta), "--to", str(tmp_path / "to"), "--threshold", "0"]
    given += ["--shuffled", "1000"]
    assert door.main(given) == 0
    names = {"output.plus.bw", "output.minus.bw", "peaks.bed", "peaks.tsv", "report.html"}
    names |= {"manifest.json"}
    assert {path.name for path in (tmp_path / "to").iterdir()} == names
    assert "peaks of 0 or more" in capsys.readouterr().out


def test_annotate_says_what_is_wrong(tmp_path, capsys):
    assert door.main(["annotate", str(tmp_path / "none.fa")]) == 1
    assert "none.fa" in capsys.readouterr().err


def test_a_user_without_a_home_can_import_all():
    """As a container runs a number that is no entry among its users."""
    code = (
        "import pwd\ndef none(uid):\n    raise KeyError(uid)\npwd.getpwuid = none\n"
        "import genoattn\nimport matplotlib\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=ROOT)


def test_who_reads_the_output_may_go_away(tmp_path):
    code = (
        "import sys, types\nfrom genoattn import __main__ as door\n"
        "door.COMMANDS['x'] = ('spoken', '')\n"
        "sys.modules['spoken'] = types.SimpleNamespace(main=lambda rest: print('y' * 10**6))\n"
        "sys.exit(door.main(['x']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as run:
        run.stdout.close()
        assert (run.stderr.read(), run.wait()) == (b"", 1)
