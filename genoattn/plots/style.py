"""One look for all figures: colours, line styles, markers; sets matplotlib's defaults on request.

The colours are distinct for colour-blind readers and differ in lightness, so that they stay
apart in greyscale; a line style, a marker or a hatch always says the same once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_rgb

from genoattn.data.assays import source_name

__all__ = [
    "DIVERGING",
    "FAINT",
    "NUCLEOTIDES",
    "SEQUENTIAL",
    "SMALL",
    "WIDTH",
    "fill",
    "ink",
    "label",
    "line",
    "source",
    "use",
]


WIDTH = 8.0
"""Width of a figure in inches: the text column of a page."""

SMALL = 7.7
"""Size of a figure's smallest text in points: a page shows its 8 inches on 7.3, so this as 7."""

FAINT = "#767676"
"""Grey of reference lines and remarks, still readable on white."""

SEQUENTIAL = "cividis"
"""Colour map of values from low to high."""

DIVERGING = "PuOr_r"
"""Colour map of values around a middle."""

NUCLEOTIDES: dict[str, str] = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
"""Colours of letters in logos (Okabe and Ito)."""

_Look = dict[str, Any]

_KNOWN: dict[str, _Look] = {
    "regulondb": {"color": "#0072B2", "linestyle": ":", "marker": "o", "hatch": "///"},
    "cappable": {"color": "#E69F00", "linestyle": "-.", "marker": "s", "hatch": "..."},
    "smrt": {"color": "#009E73", "linestyle": "--", "marker": "^", "hatch": "\\\\\\"},
    "sendseq": {"color": "#882255", "linestyle": "-", "marker": "D", "hatch": ""},
    "curated": {
        "color": "#000000", "linestyle": (0, (6, 1, 1, 1, 1, 1)), "marker": "*", "hatch": "xxx"
    },
    "drnaseq": {"color": "#9A9A9A", "linestyle": (0, (1, 1)), "marker": "v", "hatch": "---"},
}  # fmt: skip
"""Look of each source that the study knows; lightness 46, 70, 58, 31, 0, 64."""

_OTHERS: tuple[_Look, ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o", "hatch": "///"},
    {"color": "#E69F00", "linestyle": "--", "marker": "s", "hatch": "..."},
    {"color": "#882255", "linestyle": ":", "marker": "D", "hatch": ""},
    {"color": "#56B4E9", "linestyle": "-.", "marker": "P", "hatch": "|||"},
    {"color": "#D55E00", "linestyle": (0, (5, 1)), "marker": "<", "hatch": "ooo"},
    {"color": "#009E73", "linestyle": (0, (8, 2, 2, 2)), "marker": "^", "hatch": "\\\\\\"},
    {"color": "#332288", "linestyle": (0, (1, 3)), "marker": ">", "hatch": "OO"},
    {"color": "#CC79A7", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "X", "hatch": "++"},
)
"""Looks of sources of any other name, eight that differ in each respect."""

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


def source(name: str, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return colour, line style and marker of a source, as keywords of ``plot``.

    Parameters
    ----------
    name : str
        The source; those that the study knows look the same in every figure.
    names : iterable of str
        All sources of the figure or of the study, in any order: up to eight look different.
    """
    look = _look(name, names)
    return {key: look[key] for key in ("color", "linestyle", "marker")}


def fill(name: str, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return colours and hatch of a source, as keywords of ``bar`` and of patches.

    Parameters
    ----------
    name, names
        As in `source`.
    """
    look = _look(name, names)
    return {"facecolor": look["color"], "edgecolor": "white", "hatch": look["hatch"]}


def ink(name: str, names: Iterable[str] = ()) -> tuple[float, float, float]:
    """Return the colour of a source dark enough for text on white (contrast 4.5 or more).

    Parameters
    ----------
    name, names
        As in `source`.
    """
    colour = to_rgb(_look(name, names)["color"])
    while 1.05 / (_luminance(colour) + 0.05) < 4.5:
        colour = (0.9 * colour[0], 0.9 * colour[1], 0.9 * colour[2])
    return colour


def label(name: str, most: int = 30) -> str:
    """Return how a figure calls a source: its name, cut off after so many signs, as plain text."""
    text = source_name(name)
    if len(text) > most:
        text = f"{text[: most - 1].rstrip()}…"
    return text.replace("$", r"\$")


def _look(name: str, names: Iterable[str]) -> _Look:
    """Look of a source: its own, or one of the others' that no source of the figure has."""
    if name in _KNOWN:
        return _KNOWN[name]
    every = {*names, name}
    taken = {_KNOWN[one]["color"] for one in every if one in _KNOWN}
    free = [look for look in _OTHERS if look["color"] not in taken]
    place = sorted(one for one in every if one not in _KNOWN).index(name)
    return free[place % len(free)]


def _luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance of a colour, from 0 (black) to 1 (white), as WCAG defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
