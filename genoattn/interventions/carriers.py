"""Which heads carry an element, with interval, q-value and power; touches arrays and frames.

The log-odds of `mediation.Mediation` become shares: of the element's effect, summed over its sites,
how much comes back with one head. Sites of one block of the genome are resampled together.

A network that learnt nothing also answers to a word that stands at the same place of every site,
by some thousandths of log-odds, and with enough sites any such answer differs from zero. So the
hypothesis that is tested is not "nothing comes back" but "no more than `least` log-odds comes back"
(a minimum-effect test: Murphy and Myors 1999, doi:10.1037/0021-9010.84.2.234). q-values (Benjamini
and Hochberg 1995) are over all heads, elements, bins of queries and controls of a network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm

from genoattn.evaluation import bootstrap
from genoattn.interventions.mediation import Head, Mediation
from genoattn.interventions.noise import Question
from genoattn.interventions.paths import WAYS, Followed

COLUMNS = (
    "model", "seed", "element", "first", "last", "layer", "head", "query_bin", "share", "ci_low",
    "ci_high", "q_value", "control",
)  # fmt: skip
"""Of the table of `shares`; layer and head are counted from 1."""

EVERY = "all"
"""The bin of queries that holds all."""


class Answer(NamedTuple):
    """What came back when an element was asked about, and, for leading heads, by which way."""

    question: Question
    mediation: Mediation
    followed: Followed | None = None

    @property
    def gain(self) -> NDArray[np.float64]:
        """Log-odds that come back with each head: (n, layers, heads)."""
        return self.mediation.restored - self.mediation.noised[:, None, None]

    @property
    def loss(self) -> NDArray[np.float64]:
        """Log-odds that go with each head in the clean run: (n, layers, heads)."""
        return self.mediation.clean[:, None, None] - self.mediation.removed


class Criteria(NamedTuple):
    """How shares are resampled and tested.

    Attributes
    ----------
    n_bootstrap : int
    level : float
        Coverage of intervals.
    seed : int
    least : float
        Log-odds that may come back by chance.
    max_q : float
        A head carries an element at a q-value below it.
    """

    n_bootstrap: int
    level: float
    seed: int
    least: float
    max_q: float


def draws(sites: pd.DataFrame, criteria: Criteria) -> NDArray[np.float64]:
    """How often each site counts: once (row 0) and in resamples of blocks; (1 + n_bootstrap, n)."""
    block = np.unique(sites["block"], return_inverse=True)[1]
    if block.max() < 1:
        raise ValueError("all sites lie in one block: give smaller blocks or more sites")
    times = bootstrap.resample(block, criteria.n_bootstrap, criteria.seed)
    return np.concatenate([np.ones((1, times.shape[1])), times])[:, block]


def effects(answers: Sequence[Answer], criteria: Criteria) -> pd.DataFrame:
    """What each element is worth to the output, and what the first-order form and the reverse say.

    Returns
    -------
    DataFrame
        ``element``, ``control``, ``first``, ``last``, ``n_with``, ``n_sites``, ``effect`` (mean
        drop of the log-odds by noise), ``ci_low``, ``ci_high``; ``used`` (its lower limit exceeds
        ``least``); over heads, ``first_order_slope`` (sum of the first-order gains by the exact
        ones'), ``first_order_r``, ``first_order_error`` (largest absolute difference, as a share
        of the effect) and ``removed_r`` (correlation of shares restored and removed);
        ``detectable``, the share that a head must restore to be found with 80 % power (median
        over heads, at the family's strictest limit; NaN where it is not used).
    """
    rows = []
    family = sum(answer.gain[0].size for answer in answers)
    for answer in answers:
        q, times = answer.question, draws(answer.question.sites, criteria)
        effect = (times @ answer.mediation.effect) / times.sum(1)
        low, high = bootstrap.interval(effect[1:], criteria.level)
        exact, fast = answer.gain.mean(0).ravel(), answer.mediation.first_order.sum(-1).mean(0)
        back = answer.loss.mean(0).ravel()
        gains = np.einsum("rn,nlh->rlh", times[1:], answer.gain) / times[1:].sum(1)[:, None, None]
        need = norm.isf(criteria.max_q / family) + norm.isf(0.2)
        used = low > criteria.least
        rows.append(
            {
                "element": q.element,
                "control": q.control,
                "first": q.first,
                "last": q.last,
                "n_with": q.n_with,
                "n_sites": len(q.sites),
                "effect": effect[0],
                "ci_low": low,
                "ci_high": high,
                "used": used,
                "first_order_slope": fast.sum() / (exact.sum() or np.nan),
                "first_order_r": _correlation(fast.ravel(), exact),
                "first_order_error": np.abs(fast.ravel() - exact).max()
                / (abs(effect[0]) or np.nan),
                "removed_r": _correlation(back, exact),
                "detectable": (
                    (criteria.least + need * float(np.median(gains.std(0)))) / effect[0]
                    if used
                    else np.nan
                ),
            }
        )
    return pd.DataFrame(rows)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's; NaN where one is constant or unknown."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def shares(
    answers: Sequence[Answer], criteria: Criteria, *, model: str, seed: int, control: str = ""
) -> pd.DataFrame:
    """Share of each element's effect that comes back with each head, in all queries and by bin.

    Parameters
    ----------
    answers : sequence of Answer
        Of one network.
    criteria : Criteria
    model : str
    seed : int
        Of its training.
    control : str
        What is wrong with the whole network, if anything ("untrained").

    Returns
    -------
    DataFrame
        `COLUMNS`. A control's share is of the element's effect where it stands; a share of an
        effect that is not above ``least`` is NaN.
    """
    scale = {
        (answer.question.element, control): answer.mediation.effect.mean()
        for answer in answers
        if not answer.question.control
    }
    rows = []
    for answer in answers:
        q = answer.question
        times = draws(q.sites, criteria)
        whole = (
            np.full(len(times), scale.get((q.element, control), np.nan))
            if q.control
            else (times @ answer.mediation.effect) / times.sum(1)
        )
        if not whole[0] > criteria.least:
            whole = np.full(len(times), np.nan)
        for (layer, head), label, gain in _gains(answer):
            mean = (times @ gain) / times.sum(1)
            share = mean / whole
            low, high = bootstrap.interval(share[1:], criteria.level)
            spread = mean[1:].std()
            excess = mean[0] - criteria.least
            p = norm.sf(excess / spread) if spread > 0 else float(excess <= 0)
            place = (model, seed, q.element, q.first, q.last, layer + 1, head + 1, label)
            rows.append((*place, share[0], low, high, p, control or q.control))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["q_value"] = false_discovery_control(frame["q_value"])
    return frame


def _gains(answer: Answer) -> list[tuple[Head, str, NDArray[np.float64]]]:
    """Every head in all queries, and the followed ones by bin: head, bin, gain (n,)."""
    _, layers, heads = answer.gain.shape
    found = [
        ((layer, head), EVERY, answer.gain[:, layer, head])
        for layer in range(layers)
        for head in range(heads)
    ]
    followed = answer.followed
    if followed is not None:
        for number, head in enumerate(followed.heads):
            for which, label in enumerate(followed.query_bins):
                found.append((head, label, followed.by_query[:, number, which]))
    return found


def carried(table: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """The rows of `shares`, of all queries and no control, of heads that carry the element.

    Its q-value is below the limit and its interval above zero; by element, the greatest share
    first.
    """
    kept = table[
        (table["query_bin"] == EVERY)
        & (table["control"] == "")
        & (table["q_value"] < criteria.max_q)
        & (table["ci_low"] > 0)
    ]
    return kept.sort_values(["element", "share"], ascending=[True, False], ignore_index=True)


def leading(answer: Answer, n: int) -> list[Head]:
    """The heads with which most comes back, at most ``n``, the first first."""
    mean = answer.gain.mean(0)
    order = np.argsort(-mean, axis=None, kind="stable")[:n]
    return [(int(one) // mean.shape[1], int(one) % mean.shape[1]) for one in order]


def head_sets(answers: Sequence[Answer], criteria: Criteria) -> pd.DataFrame:
    """Share that comes back with the leading heads together, one head after the other.

    Returns
    -------
    DataFrame
        ``element``, ``n_heads``, ``head`` (the one added, "L1 H6"), ``share``, ``ci_low``,
        ``ci_high``. The order is that of the single shares at the same sites.
    """
    rows = []
    for answer in answers:
        followed = answer.followed
        if followed is None:
            continue
        times = draws(answer.question.sites, criteria)
        whole = times @ answer.mediation.effect
        for number, (layer, head) in enumerate(followed.heads):
            share = (times @ followed.together[:, number]) / whole
            low, high = bootstrap.interval(share[1:], criteria.level)
            name = f"L{layer + 1} H{head + 1}"
            rows.append((answer.question.element, number + 1, name, share[0], low, high))
    columns = ["element", "n_heads", "head", "share", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def hops(answers: Sequence[Answer], criteria: Criteria) -> pd.DataFrame:
    """Share of an element's effect that goes from one head to another, through each of its inputs.

    Returns
    -------
    DataFrame
        ``element``, ``sender``, ``receiver``, ``through`` ("query", "key", "value", "all"),
        ``share``, ``ci_low``, ``ci_high``, ``of_sender`` (as a share of what the sender alone
        restores).
    """
    rows = []
    for answer in answers:
        followed = answer.followed
        if followed is None:
            continue
        times = draws(answer.question.sites, criteria)
        whole = times @ answer.mediation.effect
        for number, (sender, receiver) in enumerate(followed.hops):
            alone = (times @ answer.gain[:, sender[0], sender[1]])[0]
            for which, through in enumerate(WAYS):
                gain = times @ followed.by_hop[:, number, which]
                low, high = bootstrap.interval(gain[1:] / whole[1:], criteria.level)
                names = [f"L{layer + 1} H{head + 1}" for layer, head in (sender, receiver)]
                numbers = (gain[0] / whole[0], low, high, gain[0] / alone)
                rows.append((answer.question.element, *names, through, *numbers))
    columns = ["element", "sender", "receiver", "through", "share", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=[*columns, "of_sender"])


# --------------------------------------------------------------------------------- among seeds


def profiles(answers: Sequence[Answer]) -> pd.DataFrame:
    """Log-odds that come back with each head, by element: index layer, head (from 1)."""
    columns = {
        answer.question.element: answer.gain.mean(0).ravel()
        for answer in answers
        if not answer.question.control
    }
    layers, heads = answers[0].gain.shape[1:]
    index = pd.MultiIndex.from_product(
        [range(1, layers + 1), range(1, heads + 1)], names=["layer", "head"]
    )
    return pd.DataFrame(columns, index=index)


def matched_roles(
    gains: Mapping[str, pd.DataFrame],
    carriers: Mapping[str, pd.DataFrame],
    null: Mapping[str, pd.DataFrame],
    *,
    quantile: float = 0.95,
) -> pd.DataFrame:
    """Match the heads of networks by what they carry, against networks that learnt nothing.

    A head's role is the vector over elements of what comes back with it, each in units of the
    greatest gain of any head of the seeds, so that no element dominates. The similarity of two
    heads is the cosine of their roles: it does not depend on their strength. A head is matched with
    the most similar one of another seed that carries the same leading element, and its role
    *returns* if they are more similar than untrained heads are to the most similar trained one.

    Parameters
    ----------
    gains : mapping of seed to DataFrame
        `profiles`, with the same elements.
    carriers : mapping of seed to DataFrame
        `carried` of each.
    null : mapping of network to DataFrame
        `profiles` of networks that learnt nothing; without any, no similarity is beyond chance.
    quantile : float
        Share of the null's similarities that one must exceed.

    Returns
    -------
    DataFrame
        ``seed``, ``layer``, ``head``, ``element`` (that it carries most of), ``share``,
        ``other_seed``, ``other_layer``, ``other_head``, ``other_share``, ``similarity``,
        ``chance`` and ``returns``; the other head is missing where none carries the element.
    """
    unit = pd.concat(gains).abs().max()
    roles = {name: one / unit for name, one in gains.items()}
    limit = max(
        (
            float(np.quantile(cosines(dead[unit.index] / unit, one).max(1), quantile))
            for dead in null.values()
            for one in roles.values()
        ),
        default=1.0,
    )
    rows = []
    for seed, table in carriers.items():
        best = table.sort_values("share", ascending=False).drop_duplicates(["layer", "head"])
        for row in best.sort_values(["layer", "head"]).to_dict("records"):
            for other in gains:
                if other == seed:
                    continue
                here = (seed, row["layer"], row["head"], row["element"], row["share"], other)
                same = carriers[other][carriers[other]["element"] == row["element"]]
                if same.empty:
                    rows.append((*here, np.nan, np.nan, np.nan, np.nan, limit, False))
                    continue
                theirs = roles[other].loc[list(zip(same["layer"], same["head"], strict=True))]
                alike = cosines(roles[seed].loc[[(row["layer"], row["head"])]], theirs)[0]
                found = same.iloc[int(alike.argmax())]
                there = (found["layer"], found["head"], found["share"])
                rows.append((*here, *there, alike.max(), limit, bool(alike.max() > limit)))
    return pd.DataFrame(
        rows,
        columns=[
            "seed", "layer", "head", "element", "share", "other_seed", "other_layer", "other_head",
            "other_share", "similarity", "chance", "returns",
        ],
    )  # fmt: skip


def cosines(a: pd.DataFrame, b: pd.DataFrame) -> NDArray[np.float64]:
    """Cosine of every row of one frame with every row of another; 0 with a row of zeros."""
    one, other = a.to_numpy(np.float64), b.to_numpy(np.float64)
    scale = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
    return np.divide(one @ other.T, scale, out=np.zeros_like(scale), where=scale > 0)
