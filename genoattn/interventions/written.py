"""What a word is worth that is written near a site; touches mutants.py.

Replacing an element tells what is lost without it. Writing a word where another stands tells what
the network would make of it there: every codon in place of the start codon, a stop codon at every
place behind it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from genoattn.genome.sequence import Genome
from genoattn.interventions.saturation import check_region
from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.prediction.mutants import read_site

__all__ = ["CODONS", "STOPS", "as_letters", "write_words"]

CODONS = np.stack(np.unravel_index(np.arange(64), (4, 4, 4)), axis=1).astype(np.int64)
"""Codes of all codons, AAA to TTT, shape (64, 3)."""

STOPS = CODONS[[48, 50, 56]]
"""Codes of TAA, TAG and TGA, shape (3, 3)."""


def as_letters(codes: NDArray[np.integer]) -> str:
    """A word as it is read."""
    return "".join("ACGT"[code] for code in codes)


def write_words(
    network: Annotator | ConvolutionalNetwork,
    genome: Genome,
    sites: pd.DataFrame,
    words: NDArray[np.integer],
    places: NDArray[np.integer],
    *,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Write words at places near sites, one at a time, and read the output at the site.

    Parameters
    ----------
    network : Annotator or ConvolutionalNetwork
        In evaluation mode.
    genome : Genome
    sites : DataFrame
        ``position`` (0-based), ``strand``; n of them.
    words : integer array, shape (w, m)
        Codes.
    places : integer array, shape (k,)
        Offsets from the site at which the first letter is written.
    progress : bool
        Show a progress bar.

    Returns
    -------
    float array, shape (n, w, k)
        Change of the log-odds.

    Raises
    ------
    ValueError
        A word would lie beyond what the network reads, or beyond the end of a linear genome.
    """
    c, m = network.config, words.shape[1]
    first, last = int(places.min()), int(places.max()) + m - 1
    earliest, latest = c.downstream - c.reach_upstream, c.downstream + c.reach_downstream
    if first < earliest or last > latest:
        raise ValueError(
            f"words at the offsets {first} to {last} lie outside what the network reads, "
            f"{earliest} to {latest} from the site"
        )
    check_region(genome, sites, first, last)
    found = np.empty((len(sites), len(words), len(places)))
    rows = zip(sites["position"], sites["strand"], strict=True)
    bar = tqdm(rows, total=len(sites), desc="writing", unit="site", disable=not progress)
    for number, (position, strand) in enumerate(bar):
        reader = read_site(network, genome, int(position), str(strand), first)
        begin = reader.site + first
        changed = np.tile(reader.codes[begin:], (len(words), len(places), 1))
        for column, place in enumerate(places - first):
            changed[:, column, place : place + m] = words
        flat = changed.reshape(len(words) * len(places), -1)
        found[number] = (reader.score(begin, flat) - reader.log_odds).reshape(len(words), -1)
    return found
