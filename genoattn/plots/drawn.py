"""A figure with its caption and its alternative text; shows itself in a notebook, or nothing."""

from __future__ import annotations

import io
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Drawn", "Nothing", "with_palette"]


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

    def _ipython_display_(self) -> None:
        """Show the picture, its alternative text in the metadata, and the caption below it."""
        from IPython import display as shown

        picture = shown.Image(self.png(), metadata={"alt": self.alt})
        plt.close(self.figure)
        shown.display(picture, metadata={"image/png": {"alt": self.alt}})
        shown.display(shown.Markdown(self.caption_block))


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
