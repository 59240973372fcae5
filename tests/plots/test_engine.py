"""What the engine's figures show, read back from them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from genoattn.plots import engine


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def bench():
    rows = [
        ("predict", "plain", 1000.0, 1.0),
        ("predict", "blocked", 9000.0, 9.0),
        ("census", "blocked", 6000.0, 6.0),
        ("train", "plain", 100.0, 1.0),
        ("train", "blocked", 3000.0, 30.0),
        ("growth", "blocked", 50_000.0, np.nan),
    ]
    table = pd.DataFrame(rows, columns=["what", "form", "nt_per_s", "ratio_to_plain"])
    return table.assign(device="cpu", positions=10**6, peak_mib=400.0)


def test_blocks_show_frame_and_window():
    axes = engine.blocks(window=10, block=4, n_blocks=3).figure.axes[0]
    image = axes.get_images()[0].get_array()
    white, yellow, blue = [255, 255, 255], [0xF3, 0xC6, 0x6B], [0, 0x72, 0xB2]
    assert image.shape == (12, 12 + 12, 3)
    for query in range(12):
        for key in range(-12, 12):
            block = query // 4
            if 0 <= query - key < 10:
                wanted = blue
            elif 4 * block - 12 <= key < 4 * (block + 1):
                wanted = yellow
            else:
                wanted = white
            assert image[query, key + 12].tolist() == wanted
    assert len(axes.patches) == 3


def test_rates_are_bars():
    drawn = engine.rates(bench())
    axes = drawn.figure.axes[0]
    assert "30.0 times as many in training (full window), on cpu" in drawn.caption
    assert sorted(bar.get_height() for bar in axes.patches) == [100, 1000, 3000, 6000, 9000]
    assert "9,000\n9.0×" in {text.get_text() for text in axes.texts}


def test_profile_stacks_to_the_whole():
    parts = pd.DataFrame(
        {
            "form": ["plain"] * 2 + ["blocked"] * 2,
            "part": ["matrix products", "the rest"] * 2,
            "us_per_nt": [10.0, 30.0, 7.0, 1.0],
        }
    )
    drawn = engine.profile(parts)
    assert "takes 8 µs where the plain form takes 40 µs" in drawn.caption
    axes = drawn.figure.axes[0]
    ends = {(round(bar.get_y()), bar.get_x() + bar.get_width()) for bar in axes.patches}
    assert {end for _, end in ends} == {10.0, 40.0, 7.0, 8.0}
    assert [text.get_text() for text in axes.texts] == ["40 µs", "8 µs"]


def test_growth_shows_memory_and_seconds():
    drawn = engine.growth(bench())
    assert "from 400 to 400 MiB" in drawn.alt
    memory, time = drawn.figure.axes
    assert memory.lines[0].get_ydata().tolist() == [400]
    assert time.lines[0].get_ydata().tolist() == [20]


def test_growth_that_was_not_measured_is_not_drawn():
    table = bench()
    assert engine.growth(table[table["what"] != "growth"]) is None
