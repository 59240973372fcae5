"""The atlas of heads: all that is known of each head, joined; arrays and frames alone.

Chapters measure heads one question at a time and leave tables behind: which element comes back when
a head is restored, which letters pass through it, what is lost when it is switched off, whether
other seeds have its role; and, read off the attention, where it looks and what its motif resembles.
The atlas joins them into one row a head (`join`). A measurement that was not made is missing in the
row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.genome import motifs, sites
from genoattn.heads.preferred import BestSequences
from genoattn.heads.profiles import (
    GROUPS,
    Profiles,
    favourite,
    selectivity,
    share_moved,
    share_near_peak,
)

__all__ = ["COLUMNS", "KEYS", "by_element", "head_table", "join"]


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
    "seed_stability": "share of the other seeds in which the head's causal role returns",
    "role": "the element that its attention stands for, by rule; empty: none",
    "carries": "elements of which the output learns through the head, most first; empty: none",
    "carried_share": "share of the first one's effect that comes back with the head alone",
    "carried_low": "lower end of that share's interval",
    "carried_high": "upper end of that share's interval",
    "mediated": "log-odds that pass through the head in all, mean over start sites",
    "mediated_name": "element that the letters passing through the head fit; empty: none",
}
"""Columns of the table of heads, and what they mean."""


# --------------------------------------------------------------------------------- the one table


def join(
    table: pd.DataFrame,
    *,
    ablation: pd.DataFrame | None = None,
    carriers: pd.DataFrame | None = None,
    roles: pd.DataFrame | None = None,
    logos: pd.DataFrame | None = None,
    logo_names: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Join what the chapters know of each head.

    Parameters
    ----------
    table : DataFrame
        A row for each head: ``layer_1based``, ``head_1based`` and any of the other `COLUMNS`.
    ablation : DataFrame, optional
        ``layer_1based``, ``head_1based``, ``delta_pr_auc``, ``ci_low``, ``ci_high``; None where no
        head was switched off.
    carriers : DataFrame, optional
        `genoattn.interventions.carriers.carried` of this model; None where it was not asked.
    roles : DataFrame, optional
        `genoattn.interventions.carriers.matched_roles`, rows of this model; None where there is
        one seed only.
    logos, logo_names : DataFrame, optional
        `genoattn.interventions.mediated.logo_table`, and a row with ``layer``, ``head`` and
        ``name`` for each head that is named by it.

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
        mine = ablation.rename(columns={"delta_pr_auc": "ablation_delta_pr_auc"})
        joined = _beside(joined, mine, ["ablation_delta_pr_auc", "ci_low", "ci_high"], "ablation")
    if logos is not None:
        through = logos.groupby(["layer", "head"])["contribution"].sum().rename("mediated")
        heads = through.reset_index().rename(columns={"layer": KEYS[0], "head": KEYS[1]})
        joined = _beside(joined, heads, ["mediated"], "mediated logos")
    joined = joined.rename(columns=dict(zip(KEYS, ("layer", "head"), strict=True)))
    pair = ["layer", "head"]
    if logo_names is not None:
        named = logo_names[[*pair, "name"]].rename(columns={"name": "mediated_name"})
        joined = joined.merge(named, on=pair, how="left")
    if carriers is not None:
        joined = joined.merge(_carried(carriers), on=pair, how="left")
    if roles is not None and len(roles):
        returns = roles.groupby(pair)["returns"].mean().rename("seed_stability")
        joined = joined.merge(returns.reset_index(), on=pair, how="left")
    joined = joined.reindex(columns=list(COLUMNS))
    for name in ("role", "best_motif", "consensus"):
        joined[name] = joined[name].fillna("").astype(str)
    for name, measured in (("carries", carriers), ("mediated_name", logo_names)):
        if measured is not None:
            joined[name] = joined[name].fillna("").astype(str)
    return joined.sort_values(pair, ignore_index=True)


def _carried(carriers: pd.DataFrame) -> pd.DataFrame:
    """One row for each head that carries an element: all of them, and the first one's share."""
    order = carriers.sort_values("share", ascending=False, kind="stable")
    by_head = order.groupby(["layer", "head"])
    first = by_head[["share", "ci_low", "ci_high"]].first()
    first.columns = ["carried_share", "carried_low", "carried_high"]
    return first.assign(carries=by_head["element"].agg("; ".join)).reset_index()


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


def by_element(
    joined: pd.DataFrame, effects: pd.DataFrame, carriers: pd.DataFrame, model: str
) -> pd.DataFrame:
    """Seen from the elements: the heads that attention gives them, and those that carry them.

    Parameters
    ----------
    joined : DataFrame
        `join`.
    effects : DataFrame
        ``element``, ``effect`` (mean drop of the log-odds by noise), ``ci_low``, ``ci_high``,
        ``used``, ``detectable``.
    carriers : DataFrame
        `genoattn.interventions.carriers.carried` of this model and of its other seeds.
    model : str
        Which of them this model is.

    Returns
    -------
    DataFrame
        ``element``; ``by_attention``, heads of that role ("L1 H6; ..."; empty: none); ``effect``,
        ``ci_low``, ``ci_high``, ``used``, ``detectable``; ``n_carriers``, ``carried_by`` (the head
        that brings most back; empty: none), ``share``, ``share_low``, ``share_high``;
        ``n_seeds``, other seeds in which a head carries it. The greatest effect comes first.
    """
    rows = []
    for row in effects.sort_values("effect", ascending=False).to_dict("records"):
        name = row["element"]
        looking = joined[joined["role"].str.replace(r" \(or .*", "", regex=True) == name]
        every = carriers[carriers["element"] == name].sort_values("share", ascending=False)
        mine = every[every["model"] == model]
        told = {"carried_by": "", "share": np.nan, "share_low": np.nan, "share_high": np.nan}
        if len(mine):
            top = mine.iloc[0]
            told = {
                "carried_by": f"L{top['layer']} H{top['head']}",
                "share": top["share"],
                "share_low": top["ci_low"],
                "share_high": top["ci_high"],
            }
        rows.append(
            {
                "element": name,
                "by_attention": "; ".join(
                    f"L{layer} H{head}" for layer, head in looking[["layer", "head"]].values
                ),
                **{key: row[key] for key in ("effect", "ci_low", "ci_high", "used", "detectable")},
                "n_carriers": len(mine),
                **told,
                "n_seeds": every.loc[every["model"] != model, "model"].nunique(),
            }
        )
    return pd.DataFrame(rows)


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
        ``share_moved``, ``peak_highest``, ``peak_lowest`` (mean attention at the peak by group).
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
            "share_moved": share_moved(profiles["highest"].mean, profiles["lowest"].mean).ravel(),
            "peak_highest": at_peak["highest"],
            "peak_lowest": at_peak["lowest"],
        }
    )
