"""A shuffled copy of one's own genome, read by the same model; what its peaks say of the others.

The chapter your_genome and the command ``genoattn annotate`` share this step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from genoattn.annotate import annotate
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator
from genoattn.output import chance
from genoattn.study.report import admonition, with_interval

__all__ = ["RATE", "WARN", "Chance", "doubt", "is_doubtful", "read", "say"]

WARN = 0.01
"""Largest p-value at which sequences count as having more peaks than their shuffled copy."""

RATE = 0.05
"""False discovery rate at which peaks are counted."""


class Chance(NamedTuple):
    """How many peaks a shuffled copy of some sequences has."""

    table: pd.DataFrame
    """Of `genoattn.output.chance.by_threshold`."""
    peaks: pd.DataFrame
    """Those of the sequences, with ``fdr``."""
    p_value: float
    """Of `genoattn.output.chance.more_than_chance`, for all peaks."""
    copied: int
    """Nucleotides of the copy."""


def read(
    model: Annotator | str | Path,
    genomes: Sequence[Genome],
    peaks: pd.DataFrame,
    thresholds: Sequence[float],
    *,
    n_shuffled: int,
    apart: int,
    seed: int,
    level: float = 0.95,
    progress: bool = True,
) -> Chance:
    """Annotate a shuffled copy of a part of some contigs, and compare its peaks with theirs.

    Parameters
    ----------
    model : Annotator, str or Path
        As the contigs were annotated with.
    genomes : sequence of Genome
    peaks : DataFrame
        Their peaks down to the lowest threshold: ``output``.
    thresholds : sequence of float
        The lowest is that of `peaks`.
    n_shuffled : int
        Nucleotides of the copy.
    apart : int
        A peak is the highest within so many nt.
    seed : int
        Of the shuffle.
    level : float
        Coverage of intervals.
    progress : bool
        Show a progress bar.
    """
    copy = chance.shuffled_copy(genomes, n_shuffled, seed)
    track = annotate(model, [copy], progress=progress)
    false = find_peaks(track, min(thresholds), apart=apart)["output"].to_numpy()
    nt, outputs = sum(map(len, genomes)), peaks["output"].to_numpy()
    return Chance(
        chance.by_threshold(outputs, nt, false, n_shuffled, thresholds, level),
        peaks.assign(fdr=chance.false_discovery_rate(outputs, nt, false, n_shuffled)),
        chance.more_than_chance(len(outputs), nt, len(false), n_shuffled),
        n_shuffled,
    )


def is_doubtful(found: Chance) -> bool:
    """Tell whether the peaks are no more than chance gives."""
    return found.p_value > WARN


def doubt(found: Chance) -> str:
    """Warn that the peaks are no more than chance gives; plain text."""
    lowest = found.table.iloc[0]
    return (
        f"These sequences have no more peaks than a shuffled copy of themselves: {lowest['n']:,.0f}"
        f", where chance gives {_number(lowest['by_chance'])}. Do not take the peaks for start "
        "sites. The sequence may be random or too short, or of an organism that this model does "
        "not know."
    )


def say(found: Chance) -> str:
    """Say how many peaks chance gives, and how many can be trusted; Markdown."""
    lowest = found.table.iloc[0]
    by_chance = with_interval(
        lowest["by_chance"], lowest["by_chance_low"], lowest["by_chance_high"], ",.0f"
    )
    kept = found.peaks[found.peaks["fdr"] <= RATE]
    trusted = (
        f"**{len(kept):,} peaks** have a false discovery rate of at most {RATE:.0%}; their "
        f"output is at least {kept['output'].min():.2g}."
        if len(kept)
        else f"No peak has a false discovery rate of at most {RATE:.0%}."
    )
    said = (
        f"A copy of {found.copied:,} nt, shuffled so that its dinucleotides stay, was read as "
        f"well. At the threshold of {lowest['threshold']:g}, chance alone would give {by_chance} "
        f"peaks on sequences of this length; there are {lowest['n']:,.0f}. {trusted}"
    )
    return said + ("\n\n" + admonition("Warning", doubt(found), "warning") * is_doubtful(found))


def _number(value: float) -> str:
    """Write an expected number: whole from ten on."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
