"""What the shipped models reached on species that they were not trained on; reads one table.

The table comes with the package: aggregates of the chapter on other species, which compares the
models there with start sites that experiments found.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

__all__ = [
    "HIGH_GC",
    "above_and_below",
    "localised",
    "nearest",
    "on_whole_genomes",
    "summary",
    "tested",
]

HIGH_GC = 55.0
"""GC content of a genome, in %, above which an output deserves a plain warning."""

_COLUMNS = ["share", "share_low", "share_high"]


@cache
def tested() -> pd.DataFrame:
    """Scores by species and model.

    Returns
    -------
    DataFrame
        Columns species, lineage, gc (%), model, share (of start sites with the highest output
        within 5 nt, of ±50 nt around them; NaN of a model that needs the whole genome), share_low,
        share_high, pr_auc (exact position, both strands; NaN where not all start sites are known),
        pr_auc_low, pr_auc_high.
    """
    return pd.read_csv(str(files("genoattn") / "evaluation" / "tested.csv"))


def summary(
    shares: pd.DataFrame, genomes: pd.DataFrame, models: list[str], within: int, reach: int
) -> pd.DataFrame:
    """Make the table of `tested` of a chapter's results.

    Parameters
    ----------
    shares : DataFrame
        Columns species, lineage, gc, reach, model, within, share, ci_low, ci_high.
    genomes : DataFrame
        Columns species, model, metric, resolution, value, ci_low, ci_high.
    models : list of str
        Those that are kept.
    within, reach : int
        Which shares.
    """
    own = shares[(shares["within"] == within) & (shares["reach"] == reach)]
    own = own[own["model"].isin(models)].rename(
        columns={"ci_low": "share_low", "ci_high": "share_high"}
    )
    exact = genomes[(genomes["metric"] == "pr_auc") & (genomes["resolution"] == 1)].rename(
        columns={"value": "pr_auc", "ci_low": "pr_auc_low", "ci_high": "pr_auc_high"}
    )
    keys = ["species", "model"]
    scores = exact[[*keys, "pr_auc", "pr_auc_low", "pr_auc_high"]]
    facts = own[["species", "lineage", "gc"]].drop_duplicates()
    asked = facts.merge(pd.DataFrame({"model": models}), how="cross")
    both = asked.merge(own[[*keys, *_COLUMNS]], on=keys, how="left")
    both = both.merge(scores, on=keys, how="left")
    return both.dropna(subset=["share", "pr_auc"], how="all").round(3).reset_index(drop=True)


def localised(model: str) -> pd.DataFrame:
    """Rows of `tested` of a model that was asked to place known start sites; others have none."""
    return tested()[(tested()["model"] == model) & tested()["share"].notna()]


def on_whole_genomes(model: str, but: str) -> pd.DataFrame:
    """Rows of `tested` of a model on genomes with all start sites known, but one species'."""
    own = tested()[(tested()["model"] == model) & tested()["pr_auc"].notna()]
    return own[own["species"] != but]


def nearest(gc: float, model: str, number: int = 5) -> pd.DataFrame:
    """Tested species whose GC content is nearest to that of a genome, nearest first.

    Parameters
    ----------
    gc : float
        In %.
    model : str
        One of the tested.
    number : int
    """
    own = localised(model)
    return own.loc[(own["gc"] - gc).abs().sort_values(kind="stable").index[:number]]


def above_and_below(model: str) -> tuple[float, float]:
    """Median share of the species above `HIGH_GC`, and of the others."""
    own = localised(model)
    high = own["gc"] > HIGH_GC
    return float(own.loc[high, "share"].median()), float(own.loc[~high, "share"].median())
