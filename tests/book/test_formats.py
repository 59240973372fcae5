"""The cases of the page "Formats and limits": every file is read, or refused, as the page says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from genoattn.book import formats

CASES = [(group.name, case) for group in formats.groups() for case in group.cases]


@pytest.mark.parametrize(
    ("group", "case"), CASES, ids=[f"{group}: {case.what}" for group, case in CASES]
)
def test_what_the_page_says_is_so(tmp_path, group, case):
    assert (case.reads is None) != (case.refused is None)
    said, refused = formats.outcome(group, case, tmp_path)
    assert (said, refused) == (case.reads or case.refused, case.refused is not None)
    assert len(said.splitlines()) == 1 and str(tmp_path) not in said
    assert not refused or said.startswith(case.name)


def test_every_reader_has_files_that_it_reads_and_that_it_refuses():
    for group in formats.groups():
        assert group.name in formats.READERS
        for kind in ("reads", "refused"):
            assert any(getattr(case, kind) is not None for case in group.cases)
        names = [case.what for case in group.cases]
        assert len(set(names)) == len(names)


def test_the_page_has_every_case():
    page = formats.page()
    for group, case in CASES:
        assert f"| {case.what} | " in page, (group, case.what)
    assert "| a.txt, line 3: '\\*' is not an IUPAC DNA letter" in page
    assert page.count("\n## ") == len(formats.groups()) - 1


def test_costs_of_this_study_are_said():
    said = formats.say_costs(Path(__file__).parents[2] / "book/results")
    assert "| 100,000 | 1,000 | " in said and "with `with-genes` the networks" in said


def test_costs_are_said_with_what_bounds_them(tmp_path):
    assert "Nothing was measured" in formats.say_costs(tmp_path)
    pd.DataFrame(
        {
            "part": ["set-up", "output"],
            "step": ["a", "b"],
            "contigs": 1_000,
            "length": 500,
            "seconds": [1.0, 2.0],
            "ms_per_contig": [1.0, 2.0],
            "share_of_prediction": [0.01, 0.02],
        }
    ).to_csv(tmp_path / "bench_contigs.csv", index=False)
    pd.DataFrame(
        {
            "weights": ["x"] * 2 + ["y"] * 2,
            "length": 10_000,
            "part": ["imports", "networks"] * 2,
            "seconds": [2.0, 1.0, 2.0, 8.0],
            "threads": 2,
        }
    ).to_csv(tmp_path / "bench_short.csv", index=False)
    said = formats.say_costs(tmp_path)
    assert "| 1,000 | 500 | 3.0 | 3.00 | 3.0% |" in said
    assert "| `y` | 2.00 | 8.00 |" in said
    assert "with `x` the imports, with `y` the networks" in said
    assert "Measured with 2 threads" in said
