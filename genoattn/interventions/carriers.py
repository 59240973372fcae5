"""Which heads carry an element, with interval, q-value and power; touches arrays and frames.

The log-odds of `mediation.Mediation` become shares: of the element's effect, summed over its sites,
how much comes back with one head. Sites of one block of the genome are resampled together.

An untrained network also answers to a word that stands at the same place of every site,
by some thousandths of log-odds, and with enough sites any such answer differs from zero. So the
hypothesis that is tested is not "nothing comes back" but "no more than `least` log-odds comes back"
(a minimum-effect test: Murphy and Myors 1999, doi:10.1037/0021-9010.84.2.234). q-values (Benjamini
and Hochberg 1995) are over all heads, elements, bins of queries and controls of a network.

That a head passes something on is not yet that it passes on *this element*: whatever stands at its
place is read too. So what comes back is held against what comes back at the control, the same noise
in the same places of sites that lack the element. A head carries an element if it restores more
than `least` where the element stands, and more there than at the control. The second is asked of
those heads only for which the first may hold (`restoring`).
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
    "ci_high", "q_value", "control", "excess", "excess_low", "excess_high", "excess_q",
)  # fmt: skip
"""Of the table of `shares`; layer and head are counted from 1."""

EVERY = "all"
"""The bin of queries that holds all."""

_EXCESS = COLUMNS[-4:]


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


class Contrast(NamedTuple):
    """What is more where the element stands than at its control, in log-odds.

    Attributes
    ----------
    replicates : float array, shape (1 + n_bootstrap, ...)
        The difference of the means (row 0), and those of resampled blocks.
    p_value : float array, shape (...)
        That it is not above zero (normal).
    """

    replicates: NDArray[np.float64]
    p_value: NDArray[np.float64]


def contrast(
    there: NDArray[np.float64],
    elsewhere: NDArray[np.float64],
    sites: pd.DataFrame,
    controls: pd.DataFrame,
    criteria: Criteria,
) -> Contrast:
    """Compare what was measured at sites with the element and at sites without it.

    Parameters
    ----------
    there : float array, shape (n, ...)
    elsewhere : float array, shape (m, ...)
    sites, controls : DataFrame
        ``block`` of each: a block is resampled with all that lies in it, of both kinds.
    criteria : Criteria
    """
    times = draws(pd.concat([sites[["block"]], controls[["block"]]]), criteria)
    parts = (times[:, : len(sites)], there), (times[:, len(sites) :], elsewhere)
    with np.errstate(invalid="ignore"):  # a resample without a site of one kind is NaN
        one, other = (
            np.tensordot(weight, value, 1) / weight.sum(1).reshape(-1, *[1] * (value.ndim - 1))
            for weight, value in parts
        )
    more = one - other
    spread = np.nanstd(more[1:], axis=0)
    certain = np.where(more[0] > 0, 0.0, 1.0)
    p_value = np.where(spread > 0, norm.sf(more[0] / np.where(spread > 0, spread, 1)), certain)
    return Contrast(more, p_value)


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
        over heads, at the family's strictest limit; NaN where it is not used); of an element with
        a control, ``excess`` (its effect less the control's) with ``excess_low``, ``excess_high``,
        and ``excess_q`` (that it is not larger; over all elements).
    """
    rows = []
    family = sum(int(np.isfinite(answer.gain[0]).sum()) for answer in answers)
    lacking = controls_of(answers)
    for answer in answers:
        q, times = answer.question, draws(answer.question.sites, criteria)
        effect = (times @ answer.mediation.effect) / times.sum(1)
        low, high = bootstrap.interval(effect[1:], criteria.level)
        patched = ~np.isnan(answer.gain[0])
        exact = answer.gain.mean(0)[patched]
        fast = answer.mediation.first_order.sum(-1).mean(0)[patched]
        back = answer.loss.mean(0)[patched]
        gains = times[1:] @ answer.gain[:, patched] / times[1:].sum(1)[:, None]
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
                "first_order_r": _correlation(fast, exact),
                "first_order_error": np.abs(fast - exact).max(initial=0)
                / (abs(effect[0]) or np.nan),
                "removed_r": _correlation(back, exact),
                "detectable": (
                    (criteria.least + need * float(np.median(gains.std(0)))) / effect[0]
                    if used and patched.any()
                    else np.nan
                ),
                **_beyond_control(answer, lacking, criteria),
            }
        )
    return _with_excess_q(pd.DataFrame(rows))


def controls_of(answers: Sequence[Answer]) -> dict[str, Answer]:
    """The answers at sites that lack an element, by its name."""
    return {one.question.element: one for one in answers if one.question.control}


def _beyond_control(
    answer: Answer, lacking: Mapping[str, Answer], criteria: Criteria
) -> dict[str, float]:
    """How much larger an element's effect is than that of its control, if it has one."""
    control = None if answer.question.control else lacking.get(answer.question.element)
    if control is None:
        return dict.fromkeys(_EXCESS, np.nan)
    found = contrast(
        answer.mediation.effect,
        control.mediation.effect,
        answer.question.sites,
        control.question.sites,
        criteria,
    )
    low, high = bootstrap.interval(found.replicates[1:], criteria.level)
    return dict(zip(_EXCESS, (found.replicates[0], low, high, float(found.p_value)), strict=True))


def _with_excess_q(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn the p-values of ``excess_q`` into q-values over all rows that have one."""
    asked = frame["excess_q"].notna()
    if asked.any():
        frame.loc[asked, "excess_q"] = false_discovery_control(frame.loc[asked, "excess_q"])
    return frame


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's; NaN where one is constant or unknown."""
    known = len(a) > 1 and np.isfinite(a).all() and np.isfinite(b).all()
    if not known or not (np.ptp(a) and np.ptp(b)):
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
        effect that is not above ``least`` is NaN. ``excess``, of an element that has a control and
        of all queries: the share less the control's, its interval, and its q-value over all heads
        and elements (that no more comes back than at the control).
    """
    lacking = controls_of(answers)
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
        beyond = _beyond(answer, lacking, whole[0], criteria)
        for (layer, head), label, gain in _gains(answer):
            mean = (times @ gain) / times.sum(1)
            share = mean / whole
            low, high = bootstrap.interval(share[1:], criteria.level)
            spread = mean[1:].std()
            excess = mean[0] - criteria.least
            p = norm.sf(excess / spread) if spread > 0 else float(excess <= 0)
            place = (model, seed, q.element, q.first, q.last, layer + 1, head + 1, label)
            more = beyond[layer, head] if label == EVERY else [np.nan] * len(_EXCESS)
            rows.append((*place, share[0], low, high, p, control or q.control, *more))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["q_value"] = false_discovery_control(frame["q_value"])
    return _with_excess_q(frame)


def _beyond(
    answer: Answer, lacking: Mapping[str, Answer], whole: float, criteria: Criteria
) -> NDArray[np.float64]:
    """Share restored beyond the control's, interval and p of every head: (layers, heads, 4).

    NaN without a control; a head that was not asked at the control has a p of 1.
    """
    q = answer.question
    found = np.full((*answer.gain.shape[1:], len(_EXCESS)), np.nan)
    control = None if q.control else lacking.get(q.element)
    if control is None:
        return found
    found[..., 3] = 1
    asked = ~np.isnan(control.gain[0])
    there, elsewhere = answer.gain[:, asked], control.gain[:, asked]
    more = contrast(there, elsewhere, q.sites, control.question.sites, criteria)
    share = more.replicates / whole
    limits = [bootstrap.interval(one, criteria.level) for one in share[1:].T]
    found[asked] = np.column_stack([share[0], np.reshape(limits, (-1, 2)), more.p_value])
    return found


def _gains(answer: Answer) -> list[tuple[Head, str, NDArray[np.float64]]]:
    """Every head patched in all queries, and the followed ones by bin: head, bin, gain (n,)."""
    found: list[tuple[Head, str, NDArray[np.float64]]] = [
        ((int(layer), int(head)), EVERY, answer.gain[:, layer, head])
        for layer, head in np.argwhere(~np.isnan(answer.gain[0]))
    ]
    followed = answer.followed
    if followed is not None:
        for number, head in enumerate(followed.heads):
            for which, label in enumerate(followed.query_bins):
                found.append((head, label, followed.by_query[:, number, which]))
    return found


def carried(table: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """The rows of `shares`, of all queries and no control, of heads that carry the element.

    They are of `passed_on`, and more comes back than at the control (q-value and interval). Tiles
    have no control, and are not held against one.
    """
    kept = passed_on(table, criteria)
    more = (kept["excess_q"] < criteria.max_q) & (kept["excess_low"] > 0)
    return kept[more | kept["excess_q"].isna()].reset_index(drop=True)


def passed_on(table: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """The rows of `shares`, of all queries and no control, of heads that restore something.

    Its q-value is below the limit and its interval above zero, whether it is the element or
    whatever stands at its place; by element, the greatest share first.
    """
    kept = table[
        (table["query_bin"] == EVERY)
        & (table["control"] == "")
        & (table["q_value"] < criteria.max_q)
        & (table["ci_low"] > 0)
    ]
    return kept.sort_values(["element", "share"], ascending=[True, False], ignore_index=True)


def more_than_control(effects: pd.DataFrame, max_q: float) -> list[str]:
    """Elements whose noise costs more than in the same places of sites that lack them.

    Of those that are used in `effects`; the one that costs most first.
    """
    here = effects[effects["used"] & (effects["control"] == "")]
    sure = here[(here["excess_low"] > 0) & (here["excess_q"] <= max_q)]
    return sure.sort_values("effect", ascending=False)["element"].tolist()


def restoring(answer: Answer, least: float) -> list[Head]:
    """The heads with which more than ``least`` comes back by two standard errors over sites."""
    error = answer.gain.std(0) / np.sqrt(len(answer.gain))
    sure = answer.gain.mean(0) - 2 * error > least
    return [(int(layer), int(head)) for layer, head in np.argwhere(sure)]


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
    """Match the heads of networks by what they carry, against networks not trained on start sites.

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
        `profiles` of networks not trained on start sites; without any, no similarity is beyond
        chance.
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
