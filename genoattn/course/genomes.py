"""Exercise 8, your own genome: a shuffled control, and checks of a threshold and of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genoattn.course.checks import as_numbers, check, choice
from genoattn.genome.sequence import Genome
from genoattn.interventions.shuffles import shuffled_pairs

__all__ = ["cannot", "control", "false_share", "gff_line", "threshold"]


def control(genome: Genome, seed: int) -> Genome:
    """A genome of the same length and the same pairs of neighbouring letters, without promoters."""
    codes = genome.codes.copy()
    known = np.flatnonzero(codes < 4)
    codes[known] = shuffled_pairs(codes[known], np.random.default_rng(seed))
    return Genome(f"{genome.name}-shuffled", codes, circular=genome.circular)


@check("Peaks of the shuffled genome are false: how many, for each peak of the real one?")
def false_share(function: Any) -> str | None:
    """Estimated share of false peaks: ``function(real, shuffled, threshold)``, outputs of peaks."""
    real, shuffled = np.array([0.9, 0.8, 0.6, 0.4, 0.3]), np.array([0.5, 0.3, 0.2])
    for cut, wanted in ((0.3, 0.4), (0.5, 1 / 3), (0.7, 0.0)):
        given = float(function(real, shuffled, cut))
        if np.isclose(given, wanted):
            continue
        n, m = int((real >= cut).sum()), int((shuffled >= cut).sum())
        if np.isclose(given, m / (n + m)):
            return "Divide by the peaks of the real genome alone: the false ones are among them."
        if np.isclose(given, m / len(shuffled)):
            return "Of the peaks of the *real* genome: divide by how many of those pass."
        if np.isclose(given, (shuffled > cut).sum() / (real > cut).sum()):
            return "At or above the threshold: equal counts."
        return f"At {cut} {n} real and {m} shuffled peaks pass; you give {given:.2f}."
    given = float(function(real, shuffled, 0.95))
    if not np.isfinite(given):
        return "Where no real peak passes, say 0: there is nothing that could be false."
    return None


@check("Try all outputs of real peaks as thresholds; keep the lowest that is good enough.")
def threshold(given: Any, *, real: NDArray, shuffled: NDArray, most: float) -> str | None:
    """The lowest threshold at which at most a share of the peaks is false by the control."""
    cuts = np.unique(real)
    good = [cut for cut in cuts if (shuffled >= cut).sum() <= most * (real >= cut).sum()]
    if not good:
        return "No threshold is good enough for these data: take more sequence."
    wanted, cut = float(min(good)), float(as_numbers(given))
    n = int((real >= cut).sum())
    if n == int((real >= wanted).sum()):
        return None
    false = int((shuffled >= cut).sum()) / n if n else 0.0
    if false > most:
        return f"At {cut:.3f} the control says {false:.0%} false; at most {most:.0%} are allowed."
    return (
        f"At {cut:.3f} the control says {false:.0%}, but {int((real >= wanted).sum()) - n} more "
        "peaks could be had: go lower."
    )


@check("Nine columns parted by tabs; a peak is one nucleotide; GFF counts from 1.")
def gff_line(function: Any) -> str | None:
    """A line of GFF3: ``function(contig, position, strand, output)``, position 0-based."""
    text = function("c1", 41, "-", 0.5)
    if not isinstance(text, str):
        return f"Return a text, not a {type(text).__name__}."
    cells = text.rstrip("\n").split("\t")
    if len(cells) != 9:
        return f"You have {len(cells)} columns parted by tabs; GFF3 has nine."
    if cells[0] != "c1":
        return "The first column is the contig."
    if cells[3:5] == ["41", "41"]:
        return "GFF counts from 1: the nucleotide with the 0-based number 41 is number 42."
    if cells[3:5] == ["41", "42"]:
        return "GFF's ends are inclusive and count from 1: one nucleotide begins and ends at 42."
    if cells[3:5] != ["42", "42"]:
        return f"Start and end are {cells[3]} and {cells[4]}; one nucleotide has the same for both."
    if cells[6] != "-":
        return "Strand is the seventh column."
    return None


@check("Choose a, b or c.", "A control answers one question only; say which.")
def cannot(given: Any) -> str | None:
    """What the shuffled control cannot tell."""
    return choice(
        given,
        "b",
        {
            "a": "That it can: promoters of shuffled sequence are chance.",
            "c": "Composition is kept by the shuffle, so the control accounts for it.",
        },
    )
