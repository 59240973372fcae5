"""Checks of exercises: right, or a hint in words, and never a traceback; touches nothing else.

A check is a function of a student's answers that returns a hint, or nothing where they are right.
`check` makes of it one that first looks whether there is an answer at all, and that turns whatever
goes wrong inside a student's function into a sentence.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["Verdict", "as_numbers", "check", "choice", "close"]


@dataclass(frozen=True)
class Verdict:
    """What a check says.

    Attributes
    ----------
    passed : bool
    said : str
        Praise, a hint, or what to do first; Markdown.
    """

    passed: bool
    said: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'Right' if self.passed else 'Not yet'}: {self.said}"

    def _repr_markdown_(self) -> str:
        return f"**{'✓ Right.' if self.passed else '✗ Not yet.'}** {self.said}"


class Stumbled(Exception):
    """A student's function that raised an error; says which."""


Hint = str | None


def check(
    todo: str, praise: str = "On to the next."
) -> Callable[[Callable[..., Hint]], Callable[..., Verdict]]:
    """Make a check of a function that returns a hint, or nothing where the answers are right.

    Parameters
    ----------
    todo : str
        What to do first: said of a blank answer.
    praise : str
        Said of a right one.

    Returns
    -------
    callable
        A decorator. The decorated function takes the same answers, returns a `Verdict` and raises
        nothing, whatever it is given.
    """

    def decorate(function: Callable[..., Hint]) -> Callable[..., Verdict]:
        @functools.wraps(function)
        def checked(*answers: Any, **settings: Any) -> Verdict:
            if any(_blank(answer) for answer in answers):
                return Verdict(False, f"Nothing here yet. {todo}")
            try:
                hint = function(*(_guarded(answer) for answer in answers), **settings)
            except Stumbled as stumble:
                return Verdict(False, f"{stumble} {todo}")
            except Exception as error:
                return Verdict(
                    False,
                    f"The check cannot use this answer ({type(error).__name__}: {error}). {todo}",
                )
            return Verdict(hint is None, praise if hint is None else hint)

        return checked

    return decorate


def _blank(answer: Any) -> bool:
    """Whether nothing was answered: ``...``, None, an empty text or collection."""
    if answer is ... or answer is None:
        return True
    if isinstance(answer, str):
        return not answer.strip()
    if isinstance(answer, list | tuple | dict):
        values = list(answer.values()) if isinstance(answer, dict) else list(answer)
        return not values or any(value is ... or value is None for value in values)
    return False


def _guarded(answer: Any) -> Any:
    """Turn a student's function into one whose errors and blanks are sentences."""
    if not callable(answer):
        return answer

    @functools.wraps(answer)
    def guarded(*given: Any) -> Any:
        name = getattr(answer, "__name__", "your function")
        try:
            result = answer(*given)
        except Exception as error:
            line = traceback.extract_tb(error.__traceback__)[-1]
            text = f" in the line `{line.line}`" if line.line else ""
            raise Stumbled(
                f"`{name}` stopped{text} with {type(error).__name__}: {error}."
            ) from error
        if result is None or result is ...:
            raise Stumbled(f"`{name}` returns nothing yet.")
        return result

    return guarded


def close(given: Any, wanted: Any, tolerance: float = 1e-4) -> bool:
    """Whether numbers, arrays or tensors are of one shape and equal but for rounding."""
    one, other = as_numbers(given), as_numbers(wanted)
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    )


def as_numbers(given: Any) -> np.ndarray:
    """Numbers of whatever a student gave, as a float array; TypeError or ValueError if none."""
    if isinstance(given, torch.Tensor):
        given = given.detach().numpy()
    return np.asarray(given, dtype=float)


def choice(given: Any, right: str, why_not: dict[str, str]) -> Hint:
    """Mark a choice among letters.

    Parameters
    ----------
    given : str
        The answer, in either case.
    right : str
    why_not : mapping of str to str
        The other letters -> why they are wrong.
    """
    letter = str(given).strip().strip("()").lower()
    if letter == right:
        return None
    known = sorted([right, *why_not])
    return why_not.get(letter, f"Answer with one of the letters {', '.join(known)}.")
