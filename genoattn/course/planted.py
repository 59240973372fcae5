"""Exercise 7, a planted genome: checks of elements found in the letters, and of graded claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from genoattn.course import game as claim_game
from genoattn.course.checks import check
from genoattn.genome.files import writing
from genoattn.interventions.claims import Rule

__all__ = ["claimed", "runs_above", "summed"]


@check("Walk along the bits, and note where a stretch above the limit begins and ends.")
def runs_above(function: Any) -> str | None:
    """Stretches of columns above a limit: ``function(bits, limit)`` -> ``[(begin, end)]``."""
    bits = [0.0, 0.5, 0.7, 0.0, 0.0, 0.9, 0.8]
    given = [tuple(int(x) for x in pair) for pair in function(bits, 0.3)]
    if given == [(1, 3), (5, 7)]:
        return None
    if given == [(1, 2), (5, 6)]:
        return "Half-open: the end is the first column that is no longer part of it."
    if given == [(1, 3)]:
        return "A stretch that reaches the last column counts as well."
    return f"For {bits} and a limit of 0.3 the stretches are 1 to 3 and 5 to 7, not {given}."


@check("Make a list of rows: a name, the offset of the first letter, the letters, a head.")
def claimed(
    rows: Any, *, folder: str | Path, least_score: float = 0.0, rule: Rule | None = None
) -> str | None:
    """A table of claims, graded; the grade is printed.

    Parameters
    ----------
    rows : list of (element, place, motif, head)
    folder : str or Path
        Of the game.
    least_score : float
        What counts as passed.
    rule : Rule, optional
    """
    folder = Path(folder)
    table = pd.DataFrame(rows)
    if table.shape[1] != len(claim_game.COLUMNS):
        return f"A row has {table.shape[1]} entries: {', '.join(claim_game.COLUMNS)} are wanted."
    table.columns = pd.Index(claim_game.COLUMNS)
    with writing(folder / "claims.csv") as partial:
        table.to_csv(partial, index=False)
    game = claim_game.Game.read(folder)
    try:
        given = claim_game.read_claims(folder / "claims.csv", game.network.config)
    except ValueError as error:
        return str(error)
    grades = claim_game.grade(game, given, claim_game.unseal(folder / "truth.sealed"), rule)
    if grades.score >= least_score:
        print(grades.said())
        return None
    return summed(grades, least_score)


def summed(grades: claim_game.Grades, least_score: float) -> str:
    """What is wrong with claims, without telling the truth that is still hidden."""
    counts = grades.claims["verdict"].value_counts()
    listed = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    advice = {
        "false": "A false claim has the wrong letters or the wrong place: look at the logo again.",
        "not supported": "A claim that is not supported names letters that the output does not "
        "depend on, or a head that does not carry them: try another head.",
        "part": "A part of an element does not count for it: give more of its letters.",
        "echo": "An echo repeats what another claim says: one claim an element is enough.",
    }
    worst = next((advice[one] for one in advice if counts.get(one)), "Claim more elements.")
    return f"Score {grades.score:.2f}, and {least_score:.2f} is wanted ({listed}). {worst}"
