"""A figure with its caption and its alternative text; shows itself in a notebook, or nothing.

When the run graph executes a chapter of the study, the notebook keeps each figure twice: the
picture that is shown, and below `DRAWING` in its metadata the same as SVG, for slides. Which
drawings a page of the book needs, `genoattn.book.figures` decides.
"""

from __future__ import annotations

import base64
import io
import lzma
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from genoattn.study.manifest import PROFILE

__all__ = ["DRAWING", "Drawn", "Nothing", "packed", "unpacked", "with_palette"]


DRAWING = "drawing"
"""Key of an output's metadata, below which its figure is an SVG (`packed`)."""

_COORDINATES = re.compile(rb'(?<= (?:d|x|y)=")[^"]*')


@dataclass(frozen=True, eq=False)
class Drawn:
    """A finished figure and what goes with it.

    Attributes
    ----------
    figure : Figure
    caption : str
        What is drawn and what to see in it, Markdown.
    alt : str
        The picture in words, for who cannot see it: plain text.
    """

    figure: Figure
    caption: str
    alt: str

    @property
    def caption_block(self) -> str:
        """The caption as a block of a page, Markdown."""
        return f'<div class="caption">\n\n{self.caption}\n\n</div>'

    def png(self) -> bytes:
        """The picture as PNG, at the figure's own resolution."""
        written = io.BytesIO()
        self.figure.savefig(written, format="png", dpi="figure", bbox_inches="tight")
        return written.getvalue()

    def svg(self, told: Mapping[str, str] | None = None) -> bytes:
        """The figure as SVG, the same whenever it is drawn; coordinates to a hundredth of a point.

        Parameters
        ----------
        told : mapping of str to str, optional
            What the file says of itself, by matplotlib's names: ``Title``, ``Rights``.
        """
        written = io.BytesIO()
        self.figure.savefig(written, format="svg", metadata={"Date": None, **(told or {})})
        return _COORDINATES.sub(_to_hundredths, written.getvalue())

    def _ipython_display_(self) -> None:
        """Show the picture, its alternative text in the metadata, and the caption below it."""
        from IPython import display as shown

        picture = shown.Image(self.png(), metadata={"alt": self.alt})
        beside = {DRAWING: packed(self.svg())} if os.environ.get(PROFILE, "demo") != "demo" else {}
        plt.close(self.figure)
        shown.display(picture, metadata={"image/png": {"alt": self.alt}, **beside})
        shown.display(shown.Markdown(self.caption_block))


def _to_hundredths(coordinates: re.Match[bytes]) -> bytes:
    """Coordinates of an SVG with two decimals."""
    return re.sub(
        rb"-?\d+\.\d{3,}(?:e-\d+)?", lambda one: b"%g" % round(float(one[0]), 2), coordinates[0]
    )


def packed(svg: bytes) -> str:
    """A drawing as a notebook keeps it: xz, base64."""
    return base64.b64encode(lzma.compress(svg, preset=9)).decode()


def unpacked(text: str) -> bytes:
    """What was `packed`."""
    return lzma.decompress(base64.b64decode(text))


def with_palette(picture: bytes) -> bytes:
    """A PNG with a palette of 192 colours, if that makes it smaller: a third, mostly."""
    with Image.open(io.BytesIO(picture)) as drawn:
        if drawn.mode == "P":
            return picture
        few = drawn.convert("RGB").quantize(192, dither=Image.Dither.NONE, kmeans=2)
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True)
    return min(picture, written.getvalue(), key=len)


@dataclass(frozen=True)
class Nothing:
    """In place of a figure where there is nothing to draw; the step beside it says why."""

    def _ipython_display_(self) -> None:
        """Show nothing, not even a name."""
