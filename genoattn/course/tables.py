"""Exercise 1, reading a table of start sites: a table with a mistake, and its checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from genoattn.course.checks import as_numbers, check, choice
from genoattn.genome.sequence import Genome, decode

__all__ = ["FAULT", "box", "cause", "printed", "shifts", "zero_based"]


FAULT = {"+": 0, "-": 1}
"""By how many nt the printed positions lie downstream of the start site, by strand."""
BOX = np.arange(-12, -6)
"""Offsets of a -10 box at its commonest place, from the start site at 0."""


def printed(sites: pd.DataFrame, length: int) -> pd.DataFrame:
    """Print start sites as a table of a paper does: 1-based, and with a mistake on one strand.

    Parameters
    ----------
    sites : DataFrame
        ``position`` (0-based), ``strand``.
    length : int
        Of the genome, which is circular, in nt.

    Returns
    -------
    DataFrame
        ``Position`` (1-based) and ``Strand`` (``forward``, ``reverse``).
    """
    along = sites["strand"].map({"+": 1, "-": -1})
    wrong = sites["position"] + along * sites["strand"].map(FAULT)
    names = sites["strand"].map({"+": "forward", "-": "reverse"})
    return pd.DataFrame({"Position": wrong % length + 1, "Strand": names}).reset_index(drop=True)


@check("Subtract from the column `Position` what makes the first nucleotide number 0.")
def zero_based(given: Any, *, table: pd.DataFrame) -> str | None:
    """Positions that count from 0, made of the printed ones."""
    difference = as_numbers(given) - table["Position"].to_numpy()
    if difference.shape != (len(table),) or np.ptp(difference) > 0:
        return "Every row of the table moves by the same number of nt, whatever its strand."
    if difference[0] == -1:
        return None
    if difference[0] == 0:
        return "These are still the printed numbers: the first nucleotide of the genome is 1 there."
    return (
        f"You moved the positions by {difference[0]:+.0f}. What is the 0-based number of the "
        "nucleotide that is printed as 1?"
    )


@check("Take the six letters of the genome's text, and read the reverse strand 5'->3'.")
def box(function: Any, *, genome: Genome) -> str | None:
    """Letters from -12 to -7 of a start site: ``function(text, position, strand)``."""
    text = genome.sequence
    forward, reverse = 500, len(genome) - 500
    for position in range(forward, forward + 3):
        wanted = _letters(genome, position, "+", BOX)
        given = function(text, position, "+")
        if not isinstance(given, str):
            return f"Return letters as a text, not a {type(given).__name__}."
        if given == wanted:
            continue
        for moved in (-1, 1):
            if given == _letters(genome, position, "+", BOX + moved):
                return (
                    f"On the forward strand you are {abs(moved)} nt too far "
                    f"{'upstream' if moved < 0 else 'downstream'}: the start site itself is at "
                    "offset 0, and a slice leaves out its end."
                )
        if len(given) != len(BOX):
            return f"You return {len(given)} letters; -12 to -7 are {len(BOX)}, both ends included."
        return "On the forward strand: upstream of a site are smaller positions."
    for position in range(reverse, reverse + 3):
        wanted, given = _letters(genome, position, "-", BOX), function(text, position, "-")
        if given == wanted:
            continue
        if given == wanted[::-1]:
            return "The reverse strand is read 5'->3': turn the letters round."
        if given == _letters(genome, position, "+", BOX):
            return "On the reverse strand you read the forward one: upstream is the other way."
        swapped = wanted.translate(str.maketrans("ACGT", "TGCA"))
        if given in (swapped, swapped[::-1]):
            return "The reverse strand has the complement: A and T change places, C and G too."
        for moved in (-1, 1):
            if given == _letters(genome, position, "-", BOX + moved):
                return "On the reverse strand you are one nt off: mirror the two ends of the slice."
        return "On the reverse strand: upstream of a site are larger positions of the text."
    return None


def _letters(genome: Genome, position: int, strand: str, offsets: np.ndarray) -> str:
    """Letters at offsets from a site, 5'->3'."""
    return decode(genome.around([position], [strand], offsets)[0])


@check(
    "Compare the two curves: at which offset does the share of purines of each strand peak?",
    "The sequence itself told which numbers are wrong: no second table was needed.",
)
def shifts(plus: Any, minus: Any) -> str | None:
    """By how many nt the sites of each strand must be moved along their strand."""
    given = {"+": float(plus), "-": float(minus)}
    wanted = {strand: -by for strand, by in FAULT.items()}
    if given == wanted:
        return None
    if given == {strand: -by for strand, by in wanted.items()}:
        return (
            "The right size, the wrong direction: if the purine stands one nt upstream of the "
            "printed site, the site moves upstream, by -1."
        )
    strand = next(one for one in "+-" if given[one] != wanted[one])
    name = "forward" if strand == "+" else "reverse"
    return (
        f"Look at the {name} strand again: a start site is mostly a purine (A or G). At which "
        "offset does the share of purines peak, and at which should it?"
    )


@check("Choose a, b or c.")
def cause(given: Any) -> str | None:
    """How such a mistake comes about."""
    return choice(
        given,
        "c",
        {
            "a": "Then both strands would be off, in opposite directions along the strand.",
            "b": "For 104 it prints 106 where 105 is right. Larger is upstream on the minus "
            "strand, so the sites would have to move downstream.",
        },
    )
