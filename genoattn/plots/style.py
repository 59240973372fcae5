"""One look for all figures: colours, line styles, markers; sets matplotlib's defaults on request.

The colours are distinct for colour-blind readers and differ in lightness, so that they stay
apart in greyscale; a line style, a marker or a hatch always says the same once more.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl

__all__ = [
    "COLOURS",
    "DIVERGING",
    "FAINT",
    "HATCHES",
    "MARKERS",
    "NUCLEOTIDES",
    "SEQUENTIAL",
    "WIDTH",
    "fill",
    "line",
    "source",
    "use",
]

WIDTH = 8.0
"""Width of a figure in inches: the text column of a page."""

FAINT = "#767676"
"""Grey of reference lines and remarks, still readable on white."""

SEQUENTIAL = "cividis"
"""Colour map of values from low to high."""

DIVERGING = "PuOr_r"
"""Colour map of values around a middle."""

NUCLEOTIDES: dict[str, str] = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
"""Colours of letters in logos (Okabe and Ito)."""

COLOURS: dict[str, str] = {
    "regulondb": "#0072B2",
    "cappable": "#E69F00",
    "smrt": "#009E73",
    "sendseq": "#882255",
    "curated": "#000000",
    "drnaseq": "#9A9A9A",
}
"""Colour of each source; lightness 46, 70, 58, 31, 0, 64."""

MARKERS: dict[str, str] = {
    "regulondb": "o",
    "cappable": "s",
    "smrt": "^",
    "sendseq": "D",
    "curated": "*",
    "drnaseq": "v",
}
HATCHES: dict[str, str] = {
    "regulondb": "///",
    "cappable": "...",
    "smrt": "\\\\\\",
    "sendseq": "",
    "curated": "xxx",
    "drnaseq": "---",
}

_DASHES: dict[str, Any] = {
    "regulondb": ":",
    "cappable": "-.",
    "smrt": "--",
    "sendseq": "-",
    "curated": (0, (6, 1, 1, 1, 1, 1)),
    "drnaseq": (0, (1, 1)),
}
_CYCLE: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#222222", "linestyle": "-."},
    {"color": "#E69F00", "linestyle": (0, (6, 1, 1, 1, 1, 1))},
    {"color": "#009E73", "linestyle": ":"},
    {"color": "#882255", "linestyle": (0, (1, 3))},
)


def use() -> None:
    """Make this look matplotlib's default for the rest of the session."""
    mpl.rcParams.update(
        {
            "axes.grid": False,
            "axes.labelsize": 9,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 10,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.figsize": (WIDTH, 4.0),
            "font.size": 9,
            "hatch.linewidth": 0.6,
            "image.cmap": SEQUENTIAL,
            "legend.fontsize": 8.5,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "savefig.bbox": "tight",
            "svg.hashsalt": "genoattn",
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
        }
    )


def line(number: int) -> dict[str, Any]:
    """Return colour and line style of the n-th line of a figure, as keywords of ``plot``.

    Parameters
    ----------
    number : int
        From 0; six lines differ, then they repeat.
    """
    return dict(_CYCLE[number % len(_CYCLE)])


def source(source_name: str) -> dict[str, Any]:
    """Return colour, line style and marker of a source, as keywords of ``plot``."""
    return {
        "color": COLOURS[source_name],
        "linestyle": _DASHES[source_name],
        "marker": MARKERS[source_name],
    }


def fill(source_name: str) -> dict[str, Any]:
    """Return colours and hatch of a source, as keywords of ``bar`` and of patches."""
    return {
        "facecolor": COLOURS[source_name],
        "edgecolor": "white",
        "hatch": HATCHES[source_name],
    }
