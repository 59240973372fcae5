"""A short soak: chapters killed side by side in one folder leave what a clean run needs."""

from __future__ import annotations

import pytest
import soak


def test_chapters_that_were_killed_leave_what_a_clean_run_needs(tmp_path):
    tally = soak.soak(tmp_path, 20, ["01_curation", "02_training"], seed=1)
    assert tally.wrong == []
    assert sum(tally.ended.values()) >= soak.AT_ONCE
    assert "killed" in {how for _, how in tally.ended}


@pytest.mark.parametrize("change", ["edited", "more", "less", "held"])
def test_the_soak_would_see_a_difference(tmp_path, monkeypatch, change):
    def leave(folder, chapters):
        folder.mkdir()
        (folder / "a.csv").write_text("1")
        (folder / "b.csv").write_text("2")
        if folder.name == "disturbed":
            if change == "edited":
                (folder / "a.csv").write_text("3")
            if change == "less":
                (folder / "a.csv").unlink()
            if change == "more":
                (folder / ".c.12-x.part.csv").write_text("")
            if change == "held":
                (folder / "02_training.lock").write_text("")
        return {}

    monkeypatch.setattr(soak, "run_through", leave)
    monkeypatch.setattr(soak, "disturb", lambda *_: soak.Tally())
    (said,) = soak.soak(tmp_path, 0, [], seed=1).wrong
    assert (
        said
        == {
            "edited": "a.csv differs",
            "less": "a.csv is lacking",
            "more": ".c.12-x.part.csv is left over",
            "held": "02_training.lock is still held",
        }[change]
    )


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (
            "ParameterError: heads: parameter 'run_dir': x is being written by 5; wait until it",
            True,
        ),
        ("FileNotFoundError: x: no such file; run the chapter 01_curation first", True),
        ("WeightsError: no weights are named 'demo' in x; there are: curated", True),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'x'", False),
        ("ValueError: something", False),
    ],
)
def test_what_counts_as_refused(said, refused):
    assert bool(soak.REFUSED.search(f"Traceback\n  line\n{said}\n")) is refused
