"""Output around sites of which only the sequence nearby is known; touches networks and arrays.

A table of start sites often brings some hundred nucleotides around each site and no genome. Each
window is read as a strand of its own; what lies beyond it is unknown to the model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genoattn.genome.sequence import Genome
from genoattn.model import scanner
from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.model.scanner import PromoterScanner

__all__ = ["UPSTREAM", "end_to_end", "output_in_windows"]

UPSTREAM = 100
"""Nucleotides that are read before the first position asked about."""
_POSITIONS = 16_384  # read at once


def output_in_windows(
    model: Annotator | ConvolutionalNetwork | PromoterScanner,
    around: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
    reach: int,
    upstream: int = UPSTREAM,
) -> NDArray[np.float32]:
    """Probability of a site at each position around given ones, on their strand.

    Parameters
    ----------
    model : network in evaluation mode, or PromoterScanner
    around : callable
        Gives the codes (n, k) at k offsets (nt, positive downstream) from n sites, 5'->3', such as
        `genoattn.data.species.PromoterTable.around`.
    reach : int
        Nucleotides to each side of a site that are judged.
    upstream : int
        Nucleotides before those that are read.

    Returns
    -------
    float32 array, shape (n, 2 * reach + 1)
        The site is in the middle.
    """
    if isinstance(model, PromoterScanner):
        return _scanned(model, around(np.arange(-reach - upstream, reach + upstream + 1)), upstream)
    beyond = model.config.downstream + model.config.reach_downstream
    codes = around(np.arange(-reach - upstream, reach + beyond + 1))
    first = upstream + model.config.downstream  # the query that speaks of the first position
    batch = max(1, _POSITIONS // codes.shape[1])
    device = next(model.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, len(codes), batch):
            part = torch.from_numpy(codes[start : start + batch].astype(np.int64)).to(device)
            logits = model(part)[:, first : first + 2 * reach + 1]
            found.append(logits.sigmoid().float().cpu().numpy())
    return np.concatenate(found)


def end_to_end(codes: NDArray[np.uint8], site: int = 0) -> tuple[Genome, pd.DataFrame]:
    """Lay windows end to end, so that what reads a genome reads them.

    Parameters
    ----------
    codes : uint8 array, shape (n, k)
        Windows, 5'->3'. Each has to have so much unknown sequence at its ends that a model which
        reads one does not see the next.
    site : int
        Index of the site in each window.

    Returns
    -------
    Genome, DataFrame
        A linear genome of n * k nt, and ``position`` and ``strand`` of the n sites on it.
    """
    n, length = codes.shape
    places = pd.DataFrame({"position": np.arange(n) * length + site, "strand": ["+"] * n})
    return Genome("windows", codes.ravel(), circular=False), places


def _scanned(model: PromoterScanner, codes: NDArray[np.uint8], margin: int) -> NDArray[np.float32]:
    """Output of the scanner in windows laid end to end, without their margins."""
    track = scanner.scan(model, end_to_end(codes)[0])[0].reshape(codes.shape)
    return track[:, margin : codes.shape[1] - margin]
