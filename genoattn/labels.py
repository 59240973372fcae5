"""Per-nucleotide labels, their shift, the genome split; touches site frames and arrays alone.

A *track* has shape (2, L): row 0 the plus strand, row 1 the minus strand, both indexed by forward
position. A transformer reads each strand 5'->3'; :func:`reading_order` turns a track into that
order and back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STRANDS = ("+", "-")
PARTS = ("train", "validation", "test")


class SplitError(ValueError):
    """A split that does not describe three parts of the genome."""


def site_track(sites: pd.DataFrame, length: int) -> NDArray[np.uint8]:
    """Mark every site of a frame with 1.

    Parameters
    ----------
    sites : DataFrame
        Columns ``position`` (0-based forward coordinate) and ``strand`` ('+' or '-').
    length : int
        Genome length L in nt.

    Returns
    -------
    uint8 array, shape (2, L)
    """
    track = np.zeros((2, length), dtype=np.uint8)
    for row, strand in enumerate(STRANDS):
        position = sites.loc[sites["strand"] == strand, "position"].to_numpy(np.int64)
        if position.size and (position.min() < 0 or position.max() >= length):
            raise ValueError(
                f"a site at {position.max()} lies beyond the genome of {length} nt; "
                "are sites and genome of the same assembly?"
            )
        track[row, position] = 1
    return track


def reading_order(track: NDArray) -> NDArray:
    """Turn a track from forward positions to strands read 5'->3', or back (its own inverse)."""
    return np.stack([track[0], track[1, ::-1]])


def shift_downstream(ordered: NDArray, shift: int) -> NDArray:
    """Move strand-ordered values ``shift`` nt downstream, across the origin of the circular genome.

    A label so shifted lets the model, which looks upstream, see ``shift`` nt past the site
    (paper, "Model architecture": 20 nt).  A negative shift moves back.
    """
    return np.roll(ordered, shift, axis=-1)


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
                raise SplitError(
                    f"the {part} part ({start}, {end}) is no interval of a genome of "
                    f"{self.length} nt; give 0 <= start < {self.length} and another end"
                )
        if (self._inside(self.test) & self._inside(self.validation)).any():
            raise SplitError(f"test {self.test} and validation {self.validation} overlap")
        if not self.mask("train").any():
            raise SplitError("test and validation leave no training part")

    @classmethod
    def at(cls, cuts: tuple[int, int, int] | list[int], length: int) -> Split:
        """Cut at three positions: test, then validation, then training, which wraps round."""
        if len(cuts) != 3 or not 0 <= cuts[0] < cuts[1] < cuts[2] <= length:
            raise SplitError(
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
            raise SplitError(f"part {part!r} is not one of {', '.join(PARTS)}")
        return self._inside(getattr(self, part))
