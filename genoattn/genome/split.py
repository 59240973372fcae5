"""The genome cut into the parts that a model is trained, stopped and tested on; arrays alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The genome in three parts; both strands of a region belong to the same part.

    Parameters
    ----------
    test, validation : (int, int)
        Half-open intervals of 0-based forward positions; ``start > end`` wraps round the origin.
        The rest is the training part. The paper cuts NC_000913.3 at 2,738,785 / 3,667,115 /
        4,131,280: test, then validation, then training.
    length : int
        Genome length L in nt.
    """

    test: tuple[int, int]
    validation: tuple[int, int]
    length: int

    def __post_init__(self) -> None:
        for part in ("test", "validation"):
            start, end = getattr(self, part)
            if not (0 <= start < self.length and 0 < end <= self.length and start != end):
                raise ValueError(
                    f"the {part} part ({start}, {end}) is no interval of a genome of "
                    f"{self.length} nt; give 0 <= start < {self.length} and another end"
                )
        if (self._inside(self.test) & self._inside(self.validation)).any():
            raise ValueError(f"test {self.test} and validation {self.validation} overlap")
        if not self.mask("train").any():
            raise ValueError("test and validation leave no training part")

    @classmethod
    def at(cls, cuts: tuple[int, int, int] | list[int], length: int) -> Split:
        """Cut at three positions: test, then validation, then training, which wraps round."""
        if len(cuts) != 3 or not 0 <= cuts[0] < cuts[1] < cuts[2] <= length:
            raise ValueError(
                f"cuts {list(cuts)} must be three increasing positions within 0..{length}"
            )
        return cls((cuts[0], cuts[1]), (cuts[1], cuts[2]), length)

    def _inside(self, interval: tuple[int, int]) -> NDArray[np.bool_]:
        start, end = interval
        position = np.arange(self.length)
        if start < end:
            return (position >= start) & (position < end)
        return (position >= start) | (position < end)

    def mask(self, part: str) -> NDArray[np.bool_]:
        """Say which forward positions are in 'train', 'validation' or 'test': bool (L,)."""
        if part == "train":
            return ~(self._inside(self.test) | self._inside(self.validation))
        if part not in PARTS:
            raise ValueError(f"part {part!r} is not one of {', '.join(PARTS)}")
        return self._inside(getattr(self, part))
