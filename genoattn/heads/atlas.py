"""The atlas of heads: all that is known of each head, joined; arrays and frames alone.

Chapters measure heads one question at a time and leave tables behind: where a head looks and what
its motif resembles, what happens when it is switched off, whether other seeds have it too. The
atlas joins them into one row a head (`join`) and says each row as a sentence by rule (`sentences`).

A measurement that was not made is missing in the row, and the sentence says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.genome import motifs, sites
from genoattn.heads.preferred import BestSequences
from genoattn.heads.profiles import (
    GROUPS,
    Profiles,
    contrast,
    favourite,
    selectivity,
    share_near_peak,
)

__all__ = ["COLUMNS", "KEYS", "head_table", "join", "matched", "not_measured", "sentences"]


KEYS = ["layer_1based", "head_1based"]

COLUMNS = {
    "layer": "layer, from 1",
    "head": "head of the layer, from 1",
    "peak_offset": "offset of highest mean attention from the TSS (offset 0 is the TSS), nt",
    "selectivity": "0: attention is flat; 1: all of it at one position",
    "consensus": "motif at the favourite position, IUPAC letters",
    "best_motif": "known motif that resembles it most",
    "q_value": "false discovery rate of that resemblance",
    "site_odds_ratio": "odds that its best positions lie in known binding sites, over matched ones",
    "site_q": "false discovery rate of that ratio",
    "ablation_delta_pr_auc": "change of PR AUC when the head gives its mean instead",
    "ci_low": "lower end of that change's interval",
    "ci_high": "upper end of that change's interval",
    "spearman_max": "highest rank correlation of attention with the output, over positions",
    "seed_stability": "share of the other seeds that have a counterpart of the head",
    "role": "the element that the head stands for, by rule; empty: none",
}
"""Columns of the table of heads, and what they mean."""


# --------------------------------------------------------------------------------- the one table


def join(
    table: pd.DataFrame,
    *,
    ablation: pd.DataFrame | None = None,
    stability: pd.DataFrame | None = None,
    mode: str = "mean",
) -> pd.DataFrame:
    """Join what the chapters know of each head.

    Parameters
    ----------
    table : DataFrame
        A row for each head: ``layer_1based``, ``head_1based`` and any of the other `COLUMNS`.
    ablation : DataFrame, optional
        ``layer_1based``, ``head_1based``, ``delta_pr_auc``, ``ci_low``, ``ci_high`` and perhaps
        ``mode``, of which the rows of ``mode`` are taken; None where no head was switched off.
    stability : DataFrame, optional
        ``layer_1based``, ``head_1based``, ``seed_stability``; None where there is one seed only.
    mode : str
        What an ablated head gives: its ``mean``, or ``zero``.

    Returns
    -------
    DataFrame
        `COLUMNS`, by layer and head; missing where nothing was measured.

    Raises
    ------
    ValueError
        A head that is listed twice, or heads of another model.
    """
    _one_row_each(table, "the table of heads")
    joined = table.copy()
    if ablation is not None:
        mine = ablation[ablation["mode"] == mode] if "mode" in ablation else ablation
        mine = mine.rename(columns={"delta_pr_auc": "ablation_delta_pr_auc"})
        joined = _beside(joined, mine, ["ablation_delta_pr_auc", "ci_low", "ci_high"], "ablation")
    if stability is not None:
        joined = _beside(joined, stability, ["seed_stability"], "seeds")
    joined = joined.rename(columns=dict(zip(KEYS, ("layer", "head"), strict=True)))
    joined = joined.reindex(columns=list(COLUMNS))
    for name in ("role", "best_motif", "consensus"):
        joined[name] = joined[name].fillna("").astype(str)
    return joined.sort_values(["layer", "head"], ignore_index=True)


def _one_row_each(table: pd.DataFrame, where: str) -> None:
    twice = table[table.duplicated(KEYS)]
    if len(twice):
        layer, head = twice[KEYS].iloc[0]
        raise ValueError(f"{where}: L{layer} H{head} is listed twice")


def _beside(
    joined: pd.DataFrame, other: pd.DataFrame, names: list[str], where: str
) -> pd.DataFrame:
    """Put columns of another table beside, head by head; the heads must be the same."""
    _one_row_each(other, where)
    wanted = set(zip(*(joined[key] for key in KEYS), strict=True))
    given = set(zip(*(other[key] for key in KEYS), strict=True))
    if wanted != given:
        raise ValueError(
            f"{where}: {len(given)} heads, but {len(wanted)} in the table of heads; "
            "are both of the same model?"
        )
    kept = joined.drop(columns=names, errors="ignore")
    return kept.merge(other[[*KEYS, *names]], on=KEYS, how="left", validate="one_to_one")


def sentences(
    joined: pd.DataFrame, *, max_q: float, selective: float, n_others: int = 0
) -> list[str]:
    """Say each row of the table of heads as a sentence, by rule.

    Parameters
    ----------
    joined : DataFrame
        `join`.
    max_q : float
        Greatest q-value at which a resemblance, or a ratio of binding sites, counts.
    selective : float
        Least selectivity of a head that is said to look at a place.
    n_others : int
        Other seeds that ``seed_stability`` is a share of.

    Returns
    -------
    list of str
        One text for each row. What was not measured is named as such.
    """
    return [_sentence(row, max_q, selective, n_others) for row in joined.to_dict("records")]


def not_measured(joined: pd.DataFrame) -> list[str]:
    """What no head of the table has: one text for each missing measurement."""
    names = {
        "q_value": "resemblance to known motifs (no file of them)",
        "site_q": "known binding sites (no table of them for this genome)",
        "ablation_delta_pr_auc": "switching off (ablation not run)",
        "seed_stability": "other seeds (one seed only)",
    }
    return [text for name, text in names.items() if joined[name].isna().all()]


def _sentence(row: Mapping[Any, Any], max_q: float, selective: float, n_others: int) -> str:
    """Where, what, known, effect, other seeds: in that order."""
    first = "; ".join([_looks(row, selective), *_resembles(row, max_q)])
    return f"{first}. {_lost(row)}; {matched(row['seed_stability'], n_others)}."


def _looks(row: Mapping[Any, Any], selective: float) -> str:
    """Where a head looks, and what for."""
    peak = f"{int(sites.paper_label(int(row['peak_offset']))):+d}"
    if row["selectivity"] >= selective:
        where = f"Looks mostly around {peak}"
    else:
        where = f"Spreads its attention, with the highest mean at {peak}"
    if set(row["consensus"]) - {"N"}:
        return f"{where} for {row['consensus']}"
    return f"{where}, without a preference for letters"


def _resembles(row: Mapping[Any, Any], max_q: float) -> list[str]:
    """What a head's motif and its best positions are like."""
    said = [f"by the rule it has the role {row['role']}"] if row["role"] else []
    if pd.isna(row["q_value"]):
        said.append("not compared with known motifs")
    elif row["q_value"] <= max_q:
        said.append(f"its motif resembles {row['best_motif']} (q = {row['q_value']:.2g})")
    else:
        said.append(f"no known motif resembles it (least q = {row['q_value']:.2g})")
    if not pd.isna(row["site_q"]) and row["site_q"] <= max_q:
        more = "more" if row["site_odds_ratio"] > 1 else "less"
        said.append(
            f"its best positions lie {more} often in known binding sites than matched positions do "
            f"(odds ratio {row['site_odds_ratio']:.2g})"
        )
    return said


def _lost(row: Mapping[Any, Any]) -> str:
    """What switching a head off does."""
    change = row["ablation_delta_pr_auc"]
    if pd.isna(change):
        return "Ablation not run"
    if row["ci_high"] < 0:
        return f"Without it PR AUC falls by {-change:.3f}"
    if row["ci_low"] > 0:
        return f"Without it PR AUC rises by {change:.3f}"
    return "Without it PR AUC does not change significantly"


def matched(share: float, n_others: int) -> str:
    """Say in how many of the other seeds a head comes back; the share may be missing."""
    if np.isnan(share):
        return "one seed only, so its stability is not known"
    return f"a matching head exists in {round(share * n_others)} of {n_others} other seeds"


# ---------------------------------------------------------------------------------- the table


def head_table(
    profiles: dict[str, Profiles],
    best: BestSequences,
    rho: np.ndarray,
    *,
    half_width: int,
    background: np.ndarray = motifs.UNIFORM,
) -> pd.DataFrame:
    """One row for each head: where it looks, what for, and how that goes with the output.

    Parameters
    ----------
    profiles
        `profiles.average` of each group of `profiles.GROUPS`.
    best
        `preferred.best_sequences` of the random group.
    rho
        `profiles.spearman` of the random group.
    half_width
        Neighbourhood of the peak in nt, for `profiles.share_near_peak`.
    background
        Probability of A, C, G, T, for the information of the motifs.

    Returns
    -------
    DataFrame
        ``layer_1based``, ``head_1based``; ``peak_offset``, ``peak_label``, ``peak_mean``;
        ``selectivity``, ``share_near_peak``; ``consensus``, ``information`` (bits, all columns),
        ``n_distinct``; ``spearman_max``, ``spearman_min`` with the labels where they are reached;
        ``contrast``, ``peak_highest``, ``peak_lowest`` (mean attention at the peak by group).
    """
    mean = profiles["random"].mean
    layers, heads, window = mean.shape
    peak = favourite(mean)
    at_peak = {
        group: np.take_along_axis(profiles[group].mean, peak[..., None], axis=-1).ravel()
        for group in GROUPS
    }
    label_of = sites.paper_label(
        best.offset.ravel()[:, None] + peak.ravel()[:, None] - np.arange(window)
    )
    flat = rho.reshape(-1, window)
    upper, lower = np.nan_to_num(flat, nan=-np.inf), np.nan_to_num(flat, nan=np.inf)
    rows, defined = np.arange(len(flat)), np.isfinite(flat).any(axis=1)
    layer, head = (grid.ravel() for grid in np.indices((layers, heads)))
    matrices = best.counts.reshape(layers * heads, *best.counts.shape[2:])
    return pd.DataFrame(
        {
            "layer_1based": layer + 1,
            "head_1based": head + 1,
            "peak_offset": best.offset.ravel(),
            "peak_label": sites.paper_label(best.offset.ravel()),
            "peak_mean": at_peak["random"],
            "selectivity": selectivity(mean).ravel(),
            "share_near_peak": share_near_peak(mean, half_width).ravel(),
            "consensus": [motifs.iupac_consensus(counts) for counts in matrices],
            "information": motifs.information(best.counts, background).ravel(),
            "n_distinct": best.n_distinct.ravel(),
            "spearman_max": np.where(defined, upper.max(axis=1), np.nan),
            "spearman_max_label": label_of[rows, upper.argmax(axis=1)],
            "spearman_min": np.where(defined, lower.min(axis=1), np.nan),
            "spearman_min_label": label_of[rows, lower.argmin(axis=1)],
            "contrast": contrast(profiles["highest"].mean, profiles["lowest"].mean).ravel(),
            "peak_highest": at_peak["highest"],
            "peak_lowest": at_peak["lowest"],
        }
    )
