"""Exercise 3, build attention yourself: operands, and checks against the package's equation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genoattn.course.checks import as_numbers, check, close
from genoattn.model.attention import dense_attention, sinusoids

__all__ = ["Operands", "causal", "counts", "operands", "relative", "sliding"]


class Operands(NamedTuple):
    """What one head of a layer works with; all random.

    Attributes
    ----------
    query, key, value : Tensor, shape (length, d_head)
    u, w : Tensor, shape (d_head,)
        Content and position bias.
    distance : Tensor, shape (d_head, d_head)
        W_r, which turns the code of a distance into r.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    u: Tensor
    w: Tensor
    distance: Tensor

    @property
    def r(self) -> Tensor:
        """Vector of each distance, shape (length, d_head): row d is of a key d nt upstream."""
        return self.code @ self.distance.T

    @property
    def code(self) -> Tensor:
        """Sinusoidal code of each distance, shape (length, d_head)."""
        return sinusoids(len(self.key), self.key.shape[1], torch.float64)


def operands(length: int, d_head: int, seed: int = 0) -> Operands:
    """Draw the operands of one head."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    query, key, value = (drawn(length, d_head) for _ in range(3))
    return Operands(query, key, value, drawn(d_head), drawn(d_head), drawn(d_head, d_head))


def _package(o: Operands, window: int) -> Tensor:
    """The package's equation for one head, shape (length, d_head)."""
    query, key, value = (one[None, None] for one in o[:3])
    u, w, distance = (one[None] for one in o[3:])
    return dense_attention(query, key, value, distance, u, w, o.code, window)[0, 0]


def _without_distance(o: Operands, window: int) -> Tensor:
    """Attention by content alone."""
    u, w, distance = (torch.zeros_like(one) for one in o[3:])
    return _package(o._replace(u=u, w=w, distance=distance), window)


def _by_hand(o: Operands, **wrong: bool) -> Tensor:
    """Causal attention with mistakes, to know them again."""
    n, d_head = o.query.shape
    score = o.query @ o.key.T
    if not wrong.get("unscaled"):
        score = score / (d_head if wrong.get("by_width") else math.sqrt(d_head))
    late = torch.ones(n, n, dtype=torch.bool).triu(0 if wrong.get("not_itself") else 1)
    if wrong.get("ahead"):
        late = late.T
    if not wrong.get("no_mask"):
        score = score.masked_fill(late, 0.0 if wrong.get("zeros") else -torch.inf)
    return score.softmax(0 if wrong.get("columns") else 1).nan_to_num() @ o.value


_MISTAKES = {
    "unscaled": "Divide the scores by the square root of d_head before the softmax.",
    "by_width": "Divide by the square root of d_head, not by d_head.",
    "no_mask": "A position attends to itself and to what lies upstream: mask the keys that come "
    "later.",
    "zeros": "A masked score must be minus infinity: exp(0) is 1, so a zero still gets weight.",
    "not_itself": "A query attends to itself as well: the diagonal stays.",
    "ahead": "Your mask is turned round: upstream are the smaller positions, j <= i.",
    "columns": "The softmax runs over the keys: the weights of one query sum to one.",
}


@check("Scores, mask, softmax, sum of values: four lines.")
def causal(function: Any) -> str | None:
    """Causal attention by content: ``function(query, key, value)``."""
    o = operands(9, 4)
    given = function(o.query, o.key, o.value)
    wanted = _without_distance(o, 9)
    if close(given, wanted):
        return None
    shape = tuple(as_numbers(given).shape)
    if shape == (9, 9):
        return "You return the weights; multiply them with the values."
    if shape != (9, 4):
        return f"The result has shape {shape}; one vector a query is wanted, (9, 4)."
    for mistake, hint in _MISTAKES.items():
        if close(given, _by_hand(o, **{mistake: True})):
            return hint
    return (
        "The numbers differ from the equation: compare the first row, which must be the first "
        "value itself."
    )


@check("Take what you wrote, and mask what lies `window` or more positions upstream as well.")
def sliding(function: Any) -> str | None:
    """Attention over a sliding window: ``function(query, key, value, window)``."""
    o = operands(12, 4)
    for window in (1, 3, 12):
        given = function(o.query, o.key, o.value, window)
        if close(given, _without_distance(o, window)):
            continue
        if close(given, _without_distance(o, window + 1)):
            return (
                f"A window of {window} is the query itself and {window - 1} upstream; yours reaches"
                " one too far."
            )
        if window > 1 and close(given, _without_distance(o, window - 1)):
            return f"A window of {window} counts the query itself; yours is one too short."
        if close(given, _without_distance(o, 12)):
            return "Your window changes nothing: mask d >= window, where d = i - j."
        return f"With a window of {window} the numbers differ from the package's."
    return None


@check("Score = [(q_i + u) . k_j + (q_i + w) . r_d] / sqrt(d_head), with d = i - j.")
def relative(function: Any) -> str | None:
    """Relative attention: ``function(query, key, value, u, w, r, window)``."""
    o = operands(10, 4, seed=1)
    window, zero = 6, torch.zeros_like(o.u)
    given = function(*o[:5], o.r, window)
    if close(given, _package(o, window)):
        return None
    for hint, other in {
        "The term of the distance is missing: (q_i + w) . r_d.": _package(
            o._replace(distance=torch.zeros_like(o.distance)), window
        ),
        "u belongs to the content and w to the distance; you changed them.": _package(
            o._replace(u=o.w, w=o.u), window
        ),
        "The content bias u is missing.": _package(o._replace(u=zero), window),
        "The position bias w is missing.": _package(o._replace(w=zero), window),
        "The window is missing: mask what is `window` or more positions upstream.": _package(
            o, len(o.key)
        ),
        "r is asked for the distance d = i - j, not for the position of the key.": _by_key(
            o, window
        ),
    }.items():
        if close(given, other):
            return hint
    return "Begin with the first query: it has one key, so its result is the first value."


def _by_key(o: Operands, window: int) -> Tensor:
    """The equation with a common mistake: r of the key's position."""
    n, d_head = o.query.shape
    d = torch.arange(n)[:, None] - torch.arange(n)
    score = ((o.query + o.u) @ o.key.T + (o.query + o.w) @ o.r.T) / math.sqrt(d_head)
    return score.masked_fill((d < 0) | (d >= window), -torch.inf).softmax(1) @ o.value


@check(
    "Every one of the positions has `window` keys in each head; dense, it has all before it.",
    "The paper prints 3.4 · 10^13 for the window; by its own numbers it is 3.4 · 10^10.",
)
def counts(window: Any, dense: Any) -> str | None:
    """Attention scores of the paper's test part: 1,856,660 positions, 36 heads, window 512."""
    positions, heads = 1_856_660, 36
    near, all_keys = positions * heads * 512, heads * positions * (positions + 1) / 2
    if not math.isclose(float(window), near, rel_tol=0.01):
        if math.isclose(float(window), positions * 512, rel_tol=0.01):
            return "That is one head; there are 36."
        return "Windowed: positions times heads times 512."
    if math.isclose(float(dense), all_keys, rel_tol=0.01):
        return None
    if math.isclose(float(dense), 2 * all_keys, rel_tol=0.01):
        return "Dense and causal: position i has i keys, not all of them. Half as many, then."
    return "Dense: the sum of 1 + 2 + ... up to the number of positions, times 36 heads."
