"""How far to trust a model on a genome: what it reached on tested species, in words and a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from genoattn.evaluation.tested import (
    HIGH_GC,
    above_and_below,
    localised,
    nearest,
    on_whole_genomes,
)
from genoattn.study.report import in_words, table
from genoattn.study.species import ECOLI

__all__ = ["Trust", "trust"]

_FALLBACK = "annotator"


class Trust(NamedTuple):
    """What is known of a model on species like a genome's."""

    gc: float
    """GC content of all sequences together, in %."""
    said: str
    """Plain text."""
    warned: str
    """A plain warning, or nothing."""
    rows: pd.DataFrame
    """A table of texts: the tested species of the nearest GC content."""

    def markdown(self) -> str:
        """Write all of it for a page of the book."""
        warned = f"**{self.warned}** " if self.warned else ""
        return f"{warned}{self.said}\n\n{table(self.rows)}"


def trust(contigs: pd.DataFrame, weights: str) -> Trust:
    """Say what a model reached on species with about the GC content of these sequences.

    Parameters
    ----------
    contigs : DataFrame
        `genoattn.annotate.contig_table`.
    weights : str
        The model. One that was not tested on other species is taken for the annotator.
    """
    known = contigs["length"] * (1 - contigs["unknown"])
    gc = round(100 * float(np.average(contigs["gc"].fillna(0), weights=known)), 6)
    model = weights if len(localised(weights)) else _FALLBACK
    near = nearest(gc, model)
    instead = "" if model == weights else f" {_instead(weights, model)}"
    shares = near["share"]
    said = (
        f"{gc:.1f}% of the letters are G or C. A species cannot be told from its sequence here, so "
        f"these are the tested species with the nearest GC content: there, {model}, trained on "
        f"Escherichia coli alone, has its highest output within 5 nt of {shares.min():.0%} to "
        f"{shares.max():.0%} of known start sites, of 50 nt on each side; a random position "
        f"would be so near to 11%.{instead} PR AUC is known where all start sites of a genome are."
    )
    return Trust(gc, said, _warning(gc, model), _rows(near))


def _instead(weights: str, model: str) -> str:
    """Say what is known of weights that were not asked to place sites, as another model was."""
    own = on_whole_genomes(weights, ECOLI)
    if own.empty:
        return f"{weights} was not tested on other species; the numbers are {model}'s."
    both = own.merge(on_whole_genomes(model, ECOLI), on="species", suffixes=("", "_other"))
    mean, other = both[["pr_auc", "pr_auc_other"]].mean()
    return (
        f"The numbers are {model}'s; {weights}, which finds genes as well, was tested on "
        f"{in_words(len(both))} whole genomes of other species, where its mean PR AUC is "
        f"{mean:.3f} against {other:.3f}."
    )


def _warning(gc: float, model: str) -> str:
    """Warn of a genome that is richer in G and C than most that are read well."""
    if gc <= HIGH_GC:
        return ""
    high, low = above_and_below(model)
    return (
        f"{gc:.1f}% of this genome is G or C, more than {HIGH_GC:.0f}%: {model} places {high:.0%} "
        f"of the start sites of such a species within 5 nt, in the median, against {low:.0%} "
        "of the others, and no whole genome so rich in G and C has been scored. Treat peaks as "
        "candidates, and adapt the model to start sites of your own if you have any "
        "(genoattn adapt)."
    )


def _rows(near: pd.DataFrame) -> pd.DataFrame:
    """Write the table of the nearest species."""

    def interval(name: str, digits: int) -> pd.Series:
        low, high = near[f"{name}_low"], near[f"{name}_high"]
        written = [
            f"{one:.{digits}f} ({a:.{digits}f} to {b:.{digits}f})" if pd.notna(one) else ""
            for one, a, b in zip(near[name], low, high, strict=True)
        ]
        return pd.Series(written, index=near.index)

    return pd.DataFrame(
        {
            "species": near["species"],
            "lineage": near["lineage"],
            "G and C": near["gc"].map("{:.1f}%".format),
            "share within 5 nt": interval("share", 2),
            "PR AUC": interval("pr_auc", 3),
        }
    )
