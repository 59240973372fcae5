"""What a stretch of sequence is worth: it is replaced by random letters; touches mutants.py.

The plainest intervention on an element, a binding site, a planted copy: its letters are exchanged
for others, several times, and the output at the start site is read again in full context. Random
letters come from the genome's composition, or are the stretch's own in another order, which keeps
its composition but may leave a palindrome half standing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from genoattn.genome.sequence import Genome
from genoattn.interventions.noise import Noised
from genoattn.interventions.saturation import check_region
from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.prediction.mutants import MutantReader, read_site

__all__ = ["Letters", "check_stretches", "lost_by_noise", "replace", "replacements"]

Letters = Literal["random", "shuffled"]
"""What replaces a stretch: letters of the genome's composition, or its own in another order."""


def check_stretches(
    network: Annotator | ConvolutionalNetwork, genome: Genome, stretches: pd.DataFrame
) -> None:
    """Refuse stretches that are empty, that the network does not read, or that pass an end.

    Parameters
    ----------
    stretches : DataFrame
        ``position``, ``strand``, ``first``, ``last`` (offsets from the site, both inclusive).

    Raises
    ------
    ValueError
        Names the first of them.
    """
    c = network.config
    wrong = stretches[
        (stretches["first"] > stretches["last"])
        | (stretches["last"] > c.downstream + c.reach_downstream)
        | (stretches["first"] < c.downstream - c.reach_upstream)
    ]
    if len(wrong):
        one = wrong.iloc[0]
        raise ValueError(
            f"stretch {one['first']}..{one['last']} of site {one['position'] + 1}{one['strand']} "
            f"is empty or outside the window {c.downstream - c.reach_upstream}.."
            f"{c.downstream + c.reach_downstream} that the network reads"
        )
    for row in stretches.to_dict("records"):
        site = pd.DataFrame([{"position": row["position"], "strand": row["strand"]}])
        check_region(genome, site, row["first"], row["last"])


def replacements(
    word: NDArray[np.integer],
    n: int,
    letters: Letters,
    composition: NDArray[np.floating],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """``n`` replacements of a word of codes, shape (n, len(word))."""
    if letters == "shuffled":
        return rng.permuted(np.repeat(np.asarray(word, np.int64)[None], n, 0), axis=1)
    return rng.choice(4, size=(n, len(word)), p=composition)


def replace(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    stretches: pd.DataFrame,
    *,
    n_draws: int,
    letters: Letters = "random",
    composition: NDArray[np.floating],
    seed: int,
    progress: bool = True,
) -> pd.DataFrame:
    """Replace stretches around sites, one at a time.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
        In evaluation mode.
    genome : Genome
    stretches : DataFrame
        ``position``, ``strand`` of the site; ``first``, ``last``, offsets from it, both inclusive.
    n_draws : int
        Replacements of each.
    letters : str
        `Letters`.
    composition : float array, shape (4,)
        Of random letters.
    seed : int
        Each stretch draws from a stream of its own, so that its numbers do not depend on which
        others there are.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        The stretches with ``log_odds`` (unchanged), ``change`` (mean over the draws) and ``spread``
        (standard deviation over the draws).
    """
    check_stretches(network, genome, stretches)
    found = np.empty((len(stretches), 3))
    columns = ["position", "strand", "first", "last"]
    rows = list(stretches[columns].itertuples(index=False))
    bar = tqdm(rows, desc="replacing", unit="stretch", mininterval=1, disable=not progress)
    for number, (position, strand, first, last) in enumerate(bar):
        reader = read_site(network, genome, int(position), str(strand), int(first))
        rng = np.random.default_rng([seed, int(position), "+-".index(strand), first % 2**32])
        begin, end = reader.site + int(first), reader.site + int(last) + 1
        drawn = replacements(reader.codes[begin:end], n_draws, letters, composition, rng)
        change = _change(reader, int(first), drawn)
        found[number] = reader.log_odds, change.mean(), change.std(ddof=n_draws > 1)
    return stretches.reset_index(drop=True).assign(
        log_odds=found[:, 0], change=found[:, 1], spread=found[:, 2]
    )


def lost_by_noise(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    sites: pd.DataFrame,
    noised: Noised,
    *,
    name: str = "the element",
    progress: bool = True,
) -> NDArray[np.float64]:
    """Log-odds that each site loses when given letters take the place of its own.

    It asks nothing but outputs, so that networks of any architecture can be compared: the same
    letters at the same sites. For a network with attention it is `mediation.Mediation.effect`.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
        In evaluation mode.
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``; n of them.
    noised : Noised
        Against the genome's letters (`Noised.clean` is not used).
    name : str
        What is replaced, for the progress bar.
    progress : bool
        Show a progress bar.

    Returns
    -------
    float array, shape (n,)
        Means over the draws; negative where the output rises.
    """
    stretches = sites[["position", "strand"]].assign(first=noised.first, last=noised.last)
    check_stretches(network, genome, stretches)
    lost = np.empty(len(stretches))
    rows = list(stretches[["position", "strand", "first"]].itertuples(index=False))
    bar = tqdm(rows, desc=name, unit="site", mininterval=1, disable=not progress)
    for number, (position, strand, first) in enumerate(bar):
        reader = read_site(network, genome, int(position), str(strand), int(first))
        lost[number] = -_change(reader, int(first), noised.letters[number]).mean()
    return lost


def _change(reader: MutantReader, first: int, letters: NDArray[np.integer]) -> NDArray[np.floating]:
    """Change of a site's log-odds with each row of letters written from an offset on."""
    begin = reader.site + first
    changed = np.repeat(reader.codes[None, begin:], len(letters), axis=0)
    changed[:, : letters.shape[1]] = letters
    return reader.score(begin, changed) - reader.log_odds
