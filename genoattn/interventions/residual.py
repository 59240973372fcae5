"""What goes past the heads: the residual path of heads that stand on a stem; touches mediation.py.

Without a stem, the first layer's residual path holds one letter, that of the query itself, so all
that the output knows of a promoter came through heads. A stem of convolutions puts its own reading
of the sequence there, and every layer adds to it what its heads hand on. So an element has two ways
to the output::

    through the heads   noised, but every head hands on what it does in the clean run
    past the heads      noised heads, but what enters the first layer is that of the clean run

Both together are the clean run, by construction. That each *alone* restores a part and that the two
parts add up to the whole is not given: the normalisation and the layers above see both at once. The
rest, one minus the two shares, is their interaction, and says how far "so much goes past the heads"
holds. In the same way the letters' attributions past the heads
(`mediated.SitePaths.past_heads`) stand beside those through each head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genoattn.evaluation import bootstrap
from genoattn.genome.sequence import Genome
from genoattn.interventions import mediation
from genoattn.interventions.carriers import Criteria, draws
from genoattn.interventions.mediated import Logos, SitePaths
from genoattn.interventions.mediation import SiteRuns
from genoattn.interventions.noise import Question
from genoattn.model.annotator import Annotator

__all__ = ["PastHeads", "Split", "logo_past_heads", "split", "split_table"]


class Split(NamedTuple):
    """Log-odds of n sites, means over the draws of noise, each shape (n,).

    Attributes
    ----------
    clean, noised : float array
    through, past : float array
        Of the noised run with all heads, or with all that goes past them, as in the clean one.
    """

    clean: NDArray[np.float64]
    noised: NDArray[np.float64]
    through: NDArray[np.float64]
    past: NDArray[np.float64]


def split(model: Annotator, genome: Genome, question: Question, *, progress: bool = True) -> Split:
    """Restore at every site what all heads hand on, and what goes past them.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    question : Question
    progress : bool
        Show a progress bar.
    """
    rows = mediation.each_site(
        model,
        genome,
        question.sites,
        question.noised,
        _both_ways,
        name=question.element,
        progress=progress,
    )
    return Split(*np.array(rows).T)


def _both_ways(runs: SiteRuns) -> tuple[float, float, float, float]:
    """Fields of `Split` of one site."""
    c = runs.reading.model.config
    every = [(layer, head) for layer in range(c.layers) for head in range(c.heads)]
    through = mediation.patched(runs, every)
    with torch.no_grad():
        entering = runs.clean.hidden[0].expand_as(runs.noised.hidden[0])
        past = runs.reading.resume(
            0, entering, runs.noised.z[0], runs.start, lambda layer, _: runs.noised.z[layer]
        )
    ends = [float(trace.log_odds.double().mean()) for trace in (runs.clean, runs.noised)]
    return ends[0], ends[1], float(through.mean()), float(past.double().mean())


def split_table(
    questions: Sequence[Question], splits: Sequence[Split], criteria: Criteria, *, model: str
) -> pd.DataFrame:
    """Shares of each element's effect that go through and past the heads.

    Returns
    -------
    DataFrame
        ``model``, ``element``, ``effect`` (log-odds), ``n_sites``, ``through``, ``past`` (shares of
        the effect) and ``together`` (their interaction: one minus the two), each with ``_low`` and
        ``_high``. Shares of an effect whose lower limit is not above ``least`` are NaN.
    """
    rows = []
    for question, one in zip(questions, splits, strict=True):
        times = draws(question.sites, criteria)
        effect = times @ (one.clean - one.noised) / times.sum(1)
        low, high = bootstrap.interval(effect[1:], criteria.level)
        whole = effect if low > criteria.least else np.full(len(effect), np.nan)
        row = {
            "model": model,
            "element": question.element,
            "n_sites": len(question.sites),
            "effect": effect[0],
            "effect_low": low,
            "effect_high": high,
        }
        shares = {
            "through": times @ (one.through - one.noised) / times.sum(1) / whole,
            "past": times @ (one.past - one.noised) / times.sum(1) / whole,
        }
        shares["together"] = 1 - shares["through"] - shares["past"]
        for name, share in shares.items():
            low, high = bootstrap.interval(share[1:], criteria.level)
            row |= {name: share[0], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


class PastHeads(NamedTuple):
    """Letters' attributions past the heads, and what all ways together come to.

    Attributes
    ----------
    logos : Logos
        Of one way only: ``contribution`` has the shape (n, 1, 1, p), ``ends`` (n, 1, 1).
    whole : float array, shape (n,)
        Log-odds of the sequence less those of the composition.
    """

    logos: Logos
    whole: NDArray[np.float64]


def logo_past_heads(
    model: Annotator,
    genome: Genome,
    logos: Logos,
    *,
    n_steps: int,
    composition: NDArray[np.floating],
) -> PastHeads:
    """Attribute what goes past the heads to the letters around the sites of mediated logos.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    logos : Logos
        `mediated.mediated_logos` of this model: its sites and its region are taken.
    n_steps, composition
        As there.
    """
    n, p = logos.codes.shape
    contribution = np.zeros((n, 1, 1, p), np.float32)
    ends, whole = np.zeros((n, 1, 1)), np.zeros(n)
    pool = torch.tensor(np.asarray(composition), dtype=torch.float32)
    rows = zip(logos.sites["position"], logos.sites["strand"], strict=True)
    for number, (position, strand) in enumerate(rows):
        paths = SitePaths(model, genome, int(position), str(strand), int(logos.offset[0]))
        contribution[number, 0, 0], ends[number, 0, 0], whole[number] = paths.past_heads(
            paths.site + logos.offset, pool, n_steps
        )
    return PastHeads(Logos(logos.sites, logos.offset, logos.codes, contribution, ends), whole)
