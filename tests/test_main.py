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
