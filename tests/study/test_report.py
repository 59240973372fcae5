"""Sentences and tables of a page are written so that they read as they are meant."""

from __future__ import annotations

import json

import pandas as pd

from genoattn.chapters import curation as chapter
from genoattn.study import parameters, report
from genoattn.study.report import Finding, escaped, in_words, table
from genoattn.study.run import LONG, Run


def test_a_bar_in_a_cell_does_not_end_it():
    frame = pd.DataFrame({"measure": ["|rho|"], "a|b": [3]})
    assert table(frame).split("\n") == [
        "", r"| measure | a\|b |", "| :-- | --: |", r"| \|rho\| | 3 |", ""
    ]  # fmt: skip


def test_names_that_somebody_gave_are_no_markdown():
    assert escaped("RegulonDB, SEnd-seq") == "RegulonDB, SEnd-seq"
    assert escaped("a_b*c`$x$<i>[1]{d}\\") == r"a\_b\*c\`\$x\$\<i>\[1]\{d}" + "\\\\"


def test_numbers_stand_in_words_up_to_twelve():
    assert [in_words(n) for n in (0, 1, 12, 13, 1234)] == ["no", "one", "twelve", "13", "1,234"]
    assert [in_words(n, "none") for n in (0, 2)] == ["none", "two"]


def test_facts_are_written_as_json_and_frames_as_csv(tmp_path):
    defaults = {name: one.default for name, one in chapter.PARAMETERS.items()}
    p = parameters.check(chapter.PARAMETERS, {**defaults, "run_dir": str(tmp_path)})
    run = Run(tmp_path)
    frame = pd.DataFrame({"a": [1, 2]})
    said = run.write(p, Finding("", {"facts": {"n": 3, "rule": "é"}, "counts": frame})).said
    assert json.loads((run.results / "facts.json").read_text()) == {"n": 3, "rule": "é"}
    assert (run.results / "counts.csv").read_text() == "a\n1\n2\n"
    assert "facts.json`: 2 entries" in said and "counts.csv`: 2 rows" in said


def test_the_curated_set_is_written_with_its_convention(tmp_path):
    curated = pd.DataFrame({"position": [4], "strand": ["+"], "members": ["a+b"]})
    run = Run(tmp_path / "deep")
    run.write_curated(curated)
    assert (
        run.curated_file.read_text()
        == "# 0-based positions\nposition\tstrand\tmembers\n4\t+\ta+b\n"
    )
    pd.testing.assert_frame_equal(run.curated, curated)


def test_a_long_table_is_folded_unless_it_is_already():
    frame = pd.DataFrame({name: [f"{name}{i}" for i in range(9)] for name in "abcde"})
    short, long = report.table(frame.head(8)), report.table(frame)
    assert report.with_long_tables_folded(f"Before.\n{short}After.") == f"Before.\n{short}After."
    shown = report.Finding(f"Before.\n{long}After.")._repr_markdown_()
    box = report.folded("Table of 9 rows: a, b, c, d, …", long)
    assert box in shown
    assert shown.startswith("Before.\n") and shown.endswith("After.")
    assert shown.count("| a8 |") == 1
    already = f"Before.\n{report.folded('All', long)}After."
    assert report.with_long_tables_folded(already) == already


def test_a_table_with_a_title_is_folded_below_it_once_it_is_long():
    rows = pd.DataFrame({"a": range(report.LONG + 1), "b": 1})
    box = report.table(rows, "All of a")
    assert box.startswith("\n````{admonition} All of a\n:class: dropdown") and "| 8 | 1 |" in box
    assert report.with_long_tables_folded(box) == box
    assert report.table(rows[: report.LONG], "All of a") == report.table(rows[: report.LONG])


def test_a_long_table_is_written_compressed_and_the_form_of_an_earlier_run_goes(tmp_path):
    defaults = {name: one.default for name, one in chapter.PARAMETERS.items()}
    p = parameters.check(chapter.PARAMETERS, {**defaults, "run_dir": str(tmp_path)})
    run = Run(tmp_path)
    short, long = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": range(LONG + 1)})
    for frame, suffix, other in ((short, "", ".gz"), (long, ".gz", ""), (short, "", ".gz")):
        said = run.write(p, Finding("", {"counts": frame})).said
        path = run.results / f"counts.csv{suffix}"
        assert f"counts.csv{suffix}`" in said
        assert pd.read_csv(path)["a"].tolist() == frame["a"].tolist()
        assert not (run.results / f"counts.csv{other}").exists()
    run.write(p, Finding("", {"counts": long}))
    first = (run.results / "counts.csv.gz").read_bytes()
    run.write(p, Finding("", {"counts": long}))
    assert (run.results / "counts.csv.gz").read_bytes() == first
