"""Exercise 6, patch a head: the runs of one site with and without an element, and checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.course.checks import as_numbers, check
from genoattn.genome.sequence import Genome
from genoattn.interventions.mediation import SiteRuns, patched, site_runs
from genoattn.interventions.noise import Noised
from genoattn.model.annotator import Annotator
from genoattn.prediction.site import Rereading

__all__ = ["effect", "measured", "predicted", "replaced", "restored", "runs_of"]


def runs_of(
    network: Annotator, genome: Genome, sites: pd.DataFrame, noised: Noised
) -> list[SiteRuns]:
    """Run each site with its element and with random letters in its place.

    Parameters
    ----------
    network : Annotator
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    noised : Noised
    """
    runs = []
    for number, (position, strand) in enumerate(
        zip(sites["position"], sites["strand"], strict=True)
    ):
        first = int(noised.first[number])
        reading = Rereading(network, genome, int(position), strand, first)
        runs.append(site_runs(reading, first, noised.letters[number]))
    return runs


def measured(runs: list[SiteRuns], head: tuple[int, int]) -> tuple[float, float]:
    """Mean change of the log-odds without the element: as it is, and with one head patched.

    Parameters
    ----------
    runs : list of SiteRuns
    head : tuple of int
        Layer and head, from 0.
    """
    clean = np.array([float(one.clean.log_odds.mean()) for one in runs])
    without = np.array([float(one.noised.log_odds.mean()) for one in runs])
    with_head = np.array([patched(one, [head]).mean() for one in runs])
    return float((without - clean).mean()), float((with_head - clean).mean())


# -------------------------------------------------------------------------------------- checks


@check("Copy the array, then write the new letters into the copy.")
def replaced(function: Any) -> str | None:
    """Sequences with new letters: ``function(codes, begin, letters)``."""
    codes = np.arange(20, dtype=np.uint8).reshape(2, 10) % 4
    before, letters = codes.copy(), np.array([3, 3, 3], dtype=np.uint8)
    given = as_numbers(function(codes, 4, letters))
    if (codes != before).any():
        return "You changed the array that you were given: the clean sequence is lost. Copy it."
    if given.shape != codes.shape:
        return f"The result has shape {given.shape}; it must stay {codes.shape}."
    wanted = before.copy()
    wanted[:, 4:7] = 3
    if np.array_equal(given, wanted):
        return None
    if np.array_equal(given, before):
        return "Nothing has changed."
    if not np.array_equal(given[1], wanted[1]):
        return "All rows are to be changed: index the columns, [:, begin:end]."
    return "Columns `begin` to `begin + len(letters)`, the end left out, get the new letters."


@check("What the element is worth: the mean of clean minus noised.")
def effect(given: Any, *, clean: NDArray, noised: NDArray) -> str | None:
    """What an element is worth to the output, in log-odds."""
    wanted = float((clean - noised).mean())
    if np.ndim(given):
        return "One number is wanted: the mean over the sites."
    if np.isclose(float(given), wanted, rtol=1e-3):
        return None
    if np.isclose(float(given), -wanted, rtol=1e-3):
        return "The sign is turned round: an element that helps is worth something positive."
    return f"Mean of `clean - noised` over {len(clean)} sites; you give {float(given):.2f}."


@check("Use `patched(runs, [head])`: the log-odds of the noised runs with that head's clean part.")
def restored(function: Any, *, runs: SiteRuns) -> str | None:
    """Share of the effect that one head restores: ``function(runs, head)``."""
    clean, noised = (float(one.log_odds.mean()) for one in (runs.clean, runs.noised))
    config = runs.reading.model.config
    for head in ((0, 0), (config.layers - 1, config.heads - 1)):
        back = float(patched(runs, [head]).mean())
        given, wanted = float(as_numbers(function(runs, head)).mean()), back - noised
        if np.isclose(given, wanted / (clean - noised), atol=1e-3):
            continue
        if np.isclose(given, wanted, atol=1e-4):
            return "That is the gain in log-odds: divide by the effect, clean minus noised."
        if np.isclose(given, (clean - back) / (clean - noised), atol=1e-3):
            return "That is the share that stays lost."
        return f"For head {head} you give {given:.3f}; begin with what came back: patched - noised."
    return None


@check(
    "Give a number for each of the three, from the sites that you have looked at.",
    "You predicted an experiment from an explanation: that is what an explanation is for.",
)
def predicted(box: Any, control: Any, patch: Any, *, truth: dict[str, float]) -> str | None:
    """Predicted mean changes of the log-odds on sites not seen before.

    Parameters
    ----------
    box, control, patch
        Without the element; with letters replaced where no element is; without the element, but
        with the head patched.
    truth : dict
        The same three, measured.
    """
    for name, given in (("box", box), ("control", control), ("patch", patch)):
        wanted = truth[name]
        margin = max(0.5, 0.5 * abs(wanted))
        if abs(float(given) - wanted) <= margin:
            continue
        said = f"For {name!r} you predict {float(given):+.1f}, measured is {wanted:+.1f}."
        if float(given) * wanted < 0 and abs(wanted) > 0.2:
            return f"{said} The sign: does the output rise or fall without the element?"
        if name == "control":
            return f"{said} Where nothing stands, little can be lost."
        return f"{said} Measure it on the first half of the sites, and predict the same."
    return None
