"""Step of the chapter output that only starts of genes are asked: the frame of false positives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from genoattn.chapters import output_frames_words as words
from genoattn.chapters.output_sites import Output, Predicted
from genoattn.genome.regions import reading_frames
from genoattn.genome.sites import values_at
from genoattn.output import frames
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding

__all__ = ["Framed", "framed"]


class Framed(NamedTuple):
    """Predicted starts that the annotation lacks, by reading frame."""

    table: pd.DataFrame
    """`frames.by_frame`; empty where this is not asked."""
    short: str
    """What the chapter's box says of it."""
    finding: Finding


def framed(out: Output, predicted: Predicted, p: Checked) -> Framed:
    """Ask whether predicted starts inside genes lie in the gene's frame more than by chance.

    Parameters
    ----------
    out, predicted
    p : Checked
        ``level``.
    """
    if not out.study.asks("reading frame"):
        return Framed(pd.DataFrame(), "", Finding())
    novel = predicted.sites[~predicted.sites["known"]]
    codon = frames.start_codons(out.study.genome)
    table = frames.by_frame(
        novel,
        reading_frames(out.study.features, out.length),
        codon & out.inside & ~predicted.known,
        level=p.level,
    )
    at_codon = int(np.asarray(values_at(codon, novel), dtype=bool).sum())
    said = words.say_frames(table, len(novel), at_codon)
    return Framed(table, words.short_frames(table), Finding(said, {"output_frames": table}))
