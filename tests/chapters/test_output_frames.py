"""Predicted gene starts by reading frame: sentences at their limits."""

from __future__ import annotations

import pandas as pd
import pytest

from genoattn.chapters import output_frames_words as words
from genoattn.output.frames import FRAMES
from genoattn.plots import output as draw


def table(low=0.5, high=0.7, n=(60, 30, 10)):
    inside = sum(n)
    return pd.DataFrame(
        {"frame": FRAMES, "n": n, "n_inside": inside, "share": [one / max(1, inside) for one in n],
         "ci_low": [low, 0.2, 0.05], "ci_high": [high, 0.4, 0.2], "chance": [0.4, 0.5, 0.1]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.41, 0.7, "errs in frame, where another start of the same protein"),
        (0.4, 0.7, "no preference for the frame"),
        (0.2, 0.4, "no preference for the frame"),
        (0.2, 0.39, "less often than start codons lie there"),
        (float("nan"), float("nan"), "too few to tell"),
    ],
)
def test_the_frame_of_errors_is_judged_by_the_share_of_start_codons(low, high, text):
    assert text in words.short_frames(table(low, high))


def test_false_positives_are_counted_and_tabulated():
    said = words.say_frames(table(), 200, 190)
    assert "200 predicted starts are not annotated; 190 of them (95%)" in said
    assert "100 (50%) lie in a coding sequence" in said
    assert "| in frame | 60 | 60% (50% to 70%) | 40% |" in said
    assert "Every predicted start is annotated" in words.say_frames(table(), 0, 0)
    none = table(n=(0, 0, 0))
    assert words.say_frames(none, 5, 5).endswith("0 (0%) lie in a coding sequence on its strand.")
    assert words.short_frames(none).startswith("No predicted start")


def test_frames_are_drawn_beside_chance_or_not_at_all():
    drawn = draw.frames(table())
    assert drawn is not None and "in frame 60% (40%)" in drawn.alt
    widths = [round(bar.get_width(), 2) for bar in drawn.figure.axes[0].patches]
    assert widths == [0.4, 0.5, 0.1, 0.6, 0.3, 0.1]
    assert draw.frames(table(n=(0, 0, 0))) is None and draw.frames(pd.DataFrame()) is None
