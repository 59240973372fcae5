"""Figures of translation starts: tidy frames in, figures out."""

from __future__ import annotations

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome import motifs
from genoattn.genome.sites import paper_label
from genoattn.plots import style
from genoattn.plots.drawn import Drawn

__all__ = ["start_codons", "start_logo"]


_MARKS = {"+": "o", "-": "s"}
_WORDS = {"+": "plus strand", "-": "minus strand"}


def start_codons(audit: pd.DataFrame) -> Drawn:
    """Share of sites with a start codon, by the nucleotides added to the position; both strands.

    Parameters
    ----------
    audit : DataFrame
        `genoattn.data.coordinates.start_codon_audit`.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.6), layout="constrained")
    for number, (strand, part) in enumerate(audit.groupby("strand", sort=False)):
        look = {**style.line(number), "marker": _MARKS[str(strand)]}
        axes.plot(part["offset"], 100 * part["start_codon"], label=_WORDS[str(strand)], **look)
    axes.set_xlabel("added to the position, nt (forward coordinates)")
    axes.set_ylabel("sites at a start codon, %")
    axes.set_ylim(0, 105)
    axes.legend()
    best = audit.loc[audit["start_codon"].idxmax()]
    return Drawn(
        figure,
        "Share of the sites at which the genome has a start codon (ATG, GTG or TTG) when the "
        "printed position is moved by so many nucleotides. Right positions give one sharp peak, "
        "at 0 and at the same height on both strands.",
        f"Two curves, one a strand, of the share of sites at a start codon against an offset; the "
        f"highest value is {best['start_codon']:.0%} at offset {best['offset']}.",
    )


def start_logo(counts: NDArray, first: int) -> Drawn:
    """What stands around sites, as a logo in bits.

    Parameters
    ----------
    counts : int array, shape (n, 4)
        Counts of A, C, G, T at consecutive offsets.
    first : int
        Offset of the first row; 0 is the site, drawn as +1.
    """
    offset = first + np.arange(len(counts))
    heights = pd.DataFrame(
        motifs.information_matrix(motifs.probability_matrix(counts)),
        index=offset,
        columns=list("ACGT"),
    )
    figure, (whole, close) = plt.subplots(
        2, 1, figsize=(style.WIDTH, 3.6), sharex=True, layout="constrained"
    )
    for axes, top in ((whole, 2.0), (close, 0.4)):
        logomaker.Logo(heights, ax=axes, color_scheme=style.NUCLEOTIDES, show_spines=False)
        axes.spines[["left", "bottom"]].set_visible(True)
        axes.set_ylim(0, top)
        axes.set_ylabel("bits" if top == 2 else "bits, cut off")
    ticks = offset[(offset % 5 == 0) | (offset == first)]
    close.set_xticks(ticks, [f"{value:+d}" for value in paper_label(ticks)])
    close.set_xlabel("position relative to the first nucleotide of the start codon, +1")
    bits = heights.sum(axis=1)
    return Drawn(
        figure,
        "Information of the letters around all sites; the lower panel is the same, cut off at 0.4 "
        "bits. The start codon stands at +1 to +3; a hump of G and A some ten nucleotides before "
        "it is the Shine-Dalgarno sequence, watered down by genes that have none or have it at "
        "another distance.",
        f"Sequence logo of positions {paper_label(offset[0]):+d} to "
        f"{paper_label(offset[-1]):+d}; the most informative position is "
        f"{paper_label(int(bits.idxmax())):+d} with {bits.max():.1f} bits.",
    )
