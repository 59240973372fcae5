"""Which transcription factors' sites the output depends on; touches replacement.py, mediated.py.

A known binding site at a promoter is replaced by random letters, and the change of the output at
the start site is compared with that at *matched controls*: the same offsets at other start sites,
which have no known site of any factor there and about the same output. Near the core every
replacement costs something, so only what goes beyond the controls is owed to the factor's site::

    effect of a site = change by its replacement - mean change at its controls

Negative: the network takes the site for a sign of a start site. The mean over a factor's sites has
an interval and a p-value from independent blocks of the genome, q over all factors (Benjamini and
Hochberg), and the smallest effect that would have been found (``detectable``): a factor without an
effect is one without an effect of that size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control
from scipy.stats import t as student
from tqdm import tqdm

from genoattn.evaluation.statistics import matched_controls
from genoattn.genome.sequence import Genome, encode
from genoattn.interventions.mediated import SitePaths
from genoattn.interventions.naming import POWER
from genoattn.interventions.replacement import Letters, check_stretches, replacements
from genoattn.model.annotator import Annotator

__all__ = [
    "carried",
    "control_stretches",
    "fixed_stretches",
    "frequent",
    "in_promoters",
    "summarise",
    "word_stretches",
]

_STRETCH = ["position", "strand", "first", "last"]


# ---------------------------------------------------------------------------- which stretches


def frequent(
    binding_sites: pd.DataFrame,
    inside: NDArray[np.bool_],
    *,
    fewest: int = 15,
    longest: int = 60,
) -> pd.DataFrame:
    """Binding sites in a part of the genome, of factors that have enough of them there.

    Parameters
    ----------
    binding_sites : DataFrame
        `regulondb.read_binding_sites`: ``regulator``, ``start``, ``end``.
    inside : bool array, shape (L,)
    fewest : int
        Sites of a factor in the part.
    longest : int
        Longer entries are regions rather than sites, nt.
    """
    short = binding_sites["end"] - binding_sites["start"] <= longest
    centre = (binding_sites["start"] + binding_sites["end"]) // 2 % inside.size
    mine = binding_sites[short & inside[centre.to_numpy()]]
    number = mine["regulator"].map(mine["regulator"].value_counts())
    return mine[number >= fewest].reset_index(drop=True)


def in_promoters(
    binding_sites: pd.DataFrame, starts: pd.DataFrame, length: int, *, first: int, last: int
) -> pd.DataFrame:
    """Binding sites that lie at a start site: offsets from the nearest one.

    Parameters
    ----------
    binding_sites : DataFrame
        ``regulator``, ``start``, ``end`` (0-based half-open).
    starts : DataFrame
        ``position``, ``strand`` of start sites.
    length : int
        Length of the genome.
    first, last : int
        Offsets between which a binding site has to lie whole.

    Returns
    -------
    DataFrame
        ``factor``, ``position``, ``strand`` (of the start site), ``first``, ``last`` (offsets, both
        inclusive). A binding site near no start site is left out.
    """
    position = starts["position"].to_numpy(np.int64)
    minus = (starts["strand"] == "-").to_numpy()
    half = length // 2
    rows = []
    for site in binding_sites.to_dict("records"):
        left = (site["start"] - position + half) % length - half  # the short way round
        right = left + site["end"] - site["start"] - 1
        begin, end = np.where(minus, -right, left), np.where(minus, -left, right)
        fits = np.flatnonzero((begin >= first) & (end <= last))
        if fits.size:
            best = fits[np.abs(begin[fits] + end[fits]).argmin()]
            strand = starts["strand"].iloc[best]
            rows.append(
                (site["regulator"], position[best], strand, int(begin[best]), int(end[best]))
            )
    return pd.DataFrame(rows, columns=["factor", *_STRETCH])


def word_stretches(
    genome: Genome, starts: pd.DataFrame, name: str, word: str, *, first: int, last: int
) -> pd.DataFrame:
    """Every occurrence of a word of A, C, G, T at start sites, as `in_promoters` gives sites."""
    letters = encode(word)
    offset = np.arange(first, last + 1)
    codes = genome.around(starts["position"].to_numpy(), starts["strand"].to_numpy(), offset)
    windows = np.lib.stride_tricks.sliding_window_view(codes, len(letters), axis=1)
    row, place = np.nonzero((windows == letters).all(2))
    found = starts[["position", "strand"]].iloc[row].reset_index(drop=True)
    begin = offset[place]
    found = found.assign(first=begin, last=begin + len(letters) - 1)
    return found.assign(factor=name)[["factor", *_STRETCH]]


def fixed_stretches(starts: pd.DataFrame, name: str, *, first: int, last: int) -> pd.DataFrame:
    """The same stretch at every start site, as `in_promoters` gives sites."""
    found = starts[["position", "strand"]].reset_index(drop=True)
    return found.assign(factor=name, first=first, last=last)[["factor", *_STRETCH]]


def control_stretches(
    treated: pd.DataFrame,
    starts: pd.DataFrame,
    binding_sites: pd.DataFrame,
    length: int,
    *,
    n: int,
    apart: int = 200,
) -> pd.DataFrame:
    """Matched controls: the same offsets at other start sites, where no site is known.

    Parameters
    ----------
    treated : DataFrame
        `in_promoters`, with ``log_odds`` of the start site.
    starts : DataFrame
        Start sites to choose from: ``position``, ``strand``, ``log_odds``.
    binding_sites : DataFrame
        Known sites of all factors: ``start``, ``end``.
    length : int
        Length of the genome.
    n : int
        Controls of each, nearest in output.
    apart : int
        A control's start site is at least so far from the treated one, nt.

    Returns
    -------
    DataFrame
        ``treated`` (row of the treated one), ``position``, ``strand``, ``first``, ``last``.
    """
    known = np.zeros(length + 1, dtype=np.int64)
    np.add.at(known, binding_sites["start"].to_numpy() % length, 1)
    np.add.at(known, binding_sites["end"].to_numpy().clip(max=length), -1)
    before = np.concatenate([[0], np.cumsum(np.cumsum(known[:-1]) > 0)])  # covered positions so far
    position = starts["position"].to_numpy(np.int64)
    minus = (starts["strand"] == "-").to_numpy()
    rows: list[tuple[int, int, str, int, int]] = []
    for number, one in enumerate(treated.to_dict("records")):
        first, last = int(one["first"]), int(one["last"])
        left = position + np.where(minus, -last, first)
        right = position + np.where(minus, -first, last) + 1
        inside = (left >= 0) & (right <= length)
        free = before[right.clip(0, length)] == before[left.clip(0, length)]
        far = np.abs(position - one["position"]) >= apart
        pool = np.flatnonzero(inside & free & far)
        (chosen,) = matched_controls(
            pd.DataFrame([{"log_odds": one["log_odds"]}]), starts.iloc[pool], ["log_odds"], n=n
        )
        rows += [
            (number, int(position[at]), str(starts["strand"].iloc[at]), first, last)
            for at in pool[chosen]
        ]
    return pd.DataFrame(rows, columns=["treated", *_STRETCH])


# ------------------------------------------------------------------------------- what they cost


def summarise(
    treated: pd.DataFrame,
    control: pd.DataFrame,
    block: NDArray[np.int64],
    by: Sequence[str] = ("factor",),
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Mean effect of the sites of each factor, beyond their controls.

    Parameters
    ----------
    treated : DataFrame
        The columns of ``by``, and ``change``: one row a site.
    control : DataFrame
        ``treated`` (row number in ``treated``) and ``change``. A site without controls is left out.
    block : int array, shape (n,)
        Block of the genome of each treated site.
    by : sequence of str
        What the rows are grouped by: factors, or factors and heads.
    level : float
        Coverage of intervals; 1 - level is the false discovery rate that ``detectable`` is for.

    Returns
    -------
    DataFrame
        The columns of ``by``, ``n_sites``, ``change`` and ``control`` (means), ``effect`` with
        ``ci_low``, ``ci_high``, ``p_value`` (two-sided), ``q_value`` over all rows, and
        ``detectable`` (smallest absolute effect that alone would have had q < 1 - level with a
        probability of `POWER`).
    """
    matched = control.groupby("treated")["change"].mean()
    frame = treated.reset_index(drop=True).assign(
        control=matched.reindex(range(len(treated))).to_numpy(), block=block
    )
    frame = frame[frame["control"].notna()]
    frame = frame.assign(effect=frame["change"] - frame["control"])
    rows = []
    for key, part in frame.groupby(list(by), sort=True):
        mean, error, freedom = _clustered(part["effect"].to_numpy(), part["block"].to_numpy())
        half = float(student.ppf((1 + level) / 2, freedom)) * error if freedom else np.nan
        p = 2 * float(student.sf(abs(mean) / error, freedom)) if freedom and error > 0 else 1.0
        means = part[["change", "control"]].mean()
        rows.append((*key, len(part), *means, mean, mean - half, mean + half, p, error, freedom))
    columns = [*by, "n_sites", "change", "control", "effect", "ci_low", "ci_high", "p_value",
               "error", "freedom"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:
        return table.drop(columns=["error", "freedom"]).assign(q_value=[], detectable=[])
    freedom = np.maximum(table["freedom"].to_numpy(), 1)
    needed = student.isf((1 - level) / 2 / len(table), freedom) + student.ppf(POWER, freedom)
    return table.assign(
        q_value=false_discovery_control(table["p_value"]),
        detectable=needed * table["error"].to_numpy(),
    ).drop(columns=["error", "freedom"])


def _clustered(values: NDArray, block: NDArray[np.int64]) -> tuple[float, float, int]:
    """Mean, its standard error with blocks as the independent units, degrees of freedom."""
    mean = float(values.mean())
    sums = np.bincount(np.unique(block, return_inverse=True)[1], values - mean)
    freedom = len(sums) - 1
    if freedom == 0:
        return mean, float("nan"), 0
    error = np.sqrt((sums**2).sum() * (freedom + 1) / freedom) / len(values)
    return mean, float(error), freedom


# ----------------------------------------------------------------------------- which heads carry


def carried(
    model: Annotator,
    genome: Genome,
    stretches: pd.DataFrame,
    *,
    n_draws: int,
    letters: Letters = "random",
    composition: NDArray[np.floating],
    seed: int,
    progress: bool = True,
) -> NDArray[np.float64]:
    """How much of the change by replacing stretches each head mediates (exact patching).

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    stretches : DataFrame
        ``position``, ``strand``, ``first``, ``last``.
    n_draws, letters, composition, seed, progress
        As of `replacement.replace`.

    Returns
    -------
    float array, shape (n, layers, heads)
        Mean over the draws, log-odds: `mediated.SitePaths.changes`.

    Raises
    ------
    ValueError
        A model without attention, or a stretch that the model does not read.
    """
    if not isinstance(model, Annotator):
        raise ValueError(f"a {type(model).__name__} has no attention, so no head carries a site")
    check_stretches(model, genome, stretches)
    c = model.config
    found = np.empty((len(stretches), c.layers, c.heads))
    rows = list(stretches[_STRETCH].itertuples(index=False))
    bar = tqdm(rows, desc="patching", unit="stretch", mininterval=1, disable=not progress)
    for number, (position, strand, first, last) in enumerate(bar):
        paths = SitePaths(model, genome, int(position), str(strand), int(first))
        rng = np.random.default_rng([seed, int(position), "+-".index(strand), first % 2**32])
        codes = paths.codes.cpu().numpy()
        begin, end = paths.site + int(first), paths.site + int(last) + 1
        changed = np.repeat(codes[None, paths.start :], n_draws, axis=0)
        drawn = replacements(codes[begin:end], n_draws, letters, composition, rng)
        changed[:, begin - paths.start : end - paths.start] = drawn
        found[number] = paths.changes(changed).mean(0)
    return found
