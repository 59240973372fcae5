"""What the chapter training says of errors and genes: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoattn.chapters.training_numbers import change, keyed, number, or_blank, score
from genoattn.data.assays import source_name
from genoattn.evaluation.statistics import rank_correlation
from genoattn.genome.regions import PLACES
from genoattn.prediction.ensemble import GenePrior, describe_ensemble
from genoattn.study.report import folded, table, with_interval

FEW = 5
"""A bin of outputs counts towards the verdict if it has, or should have, so many sites."""

NEARLY = 1.5
"""Factor by which an output may be off at most and still be nearly a probability."""


# ------------------------------------------------------------------------------------ genes


def say_prior(
    name: str,
    prior: GenePrior,
    score: float,
    gain: tuple[float, float, float],
    coarse: float,
    k: int,
) -> str:
    """Say what the genes add to one ensemble, as an item of a list."""
    return (
        f"- **{name}** ({describe_ensemble(prior.members)}; slope {prior.slope:.2f}): PR AUC "
        f"{score:.3f}, of which the genes add {change(*gain)}; {coarse:.3f} where stretches of {k} "
        "nt are scored (next section)."
    )


def say_places(name: str, without: pd.Series, with_genes: pd.Series) -> str:
    """Say, by place among the genes, which share of the sites is found without and with the prior.

    Parameters
    ----------
    name : str
    without, with_genes : Series
        From `genoattn.evaluation.errors.recall_by_place`.
    """
    told = []
    for place in PLACES:
        if not np.isfinite(without[place]):
            continue
        before, after = (round(100 * one[place]) for one in (without, with_genes))
        goal = f"stays at {after}%" if after == before else f"goes from {before}% to {after}%"
        told.append(f"{place.replace(', ', ' (') + ')' * (', ' in place)} it {goal}")
    return (
        f"- What the genes change in the recall of *{name}*, at as many calls as there are sites: "
        f"{'; '.join(told)}."
        if told
        else ""
    )


def say_beyond(gains: Mapping[tuple[str, str], tuple[float, float, float]], train_set: str) -> str:
    """Answer whether the prior learnt promoters or the training set.

    Parameters
    ----------
    gains : mapping of (test set, ensemble) to what the genes change in PR AUC, with limits
    train_set : str
    """
    if not gains:
        return ""
    up = sum(low > 0 for _, low, _ in gains.values())
    down = sum(high < 0 for _, _, high in gains.values())
    n = len(gains)
    if down == n:
        verdict = (
            f"**In part the {source_name(train_set)}.** The prior lowers the PR AUC on all sites "
            "that no step used: part of what it learnt is which start sites that set holds."
        )
    elif up == n:
        verdict = "**Promoters.** The prior raises the PR AUC on sites that no step used as well."
    elif not up and not down:
        verdict = (
            "**Not decided.** On sites that no step used, the prior does not change the PR AUC "
            "significantly."
        )
    else:
        verdict = (
            f"**Not decided.** On sites that no step used, the prior raises the PR AUC "
            f"significantly in {up} and lowers it in {down} of {n} comparisons."
        )
    told = "; ".join(
        f"{name} on {source_name(test_set)} {change(*gain)}"
        for (test_set, name), gain in gains.items()
    )
    return (
        f"\n\nDoes the prior know promoters, or only the {source_name(train_set)}? {verdict} "
        f"Change of PR AUC by the genes: {told}."
    )


# ------------------------------------------------------------------------------ kinds of error


def say_resolution(by_k: pd.DataFrame, printed: Mapping[int, float] | None) -> str:
    """Table of the PR AUC by the length of the k-mers.

    Parameters
    ----------
    by_k : DataFrame
        From `genoattn.evaluation.scores.kmer_resolution`.
    printed : mapping of k to the paper's value, or None
    """
    at = by_k[by_k["metric"] == "pr_auc"].set_index(["how", "k"])
    rows = []
    for k in [k for k in (1, 4, 10, 20) if ("mean", k) in at.index]:
        cells = [score(at.loc[(how, k)]) for how in ("mean", "max")]
        beside = [] if printed is None else [or_blank(printed.get(k, np.nan))]
        rows.append([f"{k}", *cells, *beside])
    columns = ["k", "PR AUC by the mean", "by the maximum", "paper, by the mean"]
    return table(pd.DataFrame(rows, columns=columns[: 3 + (printed is not None)]))


def say_matching(matched: pd.DataFrame, model: str) -> str:
    """Answer how much of the error is a nucleotide or two, and list all models.

    Parameters
    ----------
    matched : DataFrame
        From `genoattn.evaluation.calls.match_table`, with a column ``model``.
    model : str
        The chapter's own, which the verdict is about.
    """
    shown = pd.DataFrame(
        [
            [
                row["model"],
                f"±{row['tolerance']}" if row["tolerance"] else "exact",
                number(row["average_precision"], row["ci_low"], row["ci_high"]),
                f"{row['precision']:.3f}",
                f"{row['recall']:.3f}",
            ]
            for row in matched.to_dict("records")
        ],
        columns=["model", "within, nt", "average precision", "precision", "recall"],
    )
    said = say_near(model, matched[matched["model"] == model])
    return (said and f"{said}\n\n") + folded("All models and distances", table(shown))


def say_ratio(
    by_k: pd.DataFrame,
    printed: Mapping[int, float] | None,
    own: pd.DataFrame,
    ratios: pd.DataFrame,
) -> str:
    """Say how much 4-mers raise the PR AUC, and why that is less or more than in the paper.

    Parameters
    ----------
    by_k : DataFrame
        From `genoattn.evaluation.scores.kmer_resolution`.
    printed : mapping of k to the paper's PR AUC, or None
    own : DataFrame
        From `genoattn.evaluation.calls.match_table`, of the chapter's own model.
    ratios : DataFrame
        Of every model, PR AUC on its own set: exact, coarse (4-mers).
    """
    rows = by_k[(by_k["metric"] == "pr_auc") & (by_k["how"] == "mean")].set_index("k")["value"]
    if not {1, 4} <= {*rows.index} or not rows[1] > 0:
        return ""
    ours = rows[4] / rows[1]
    said = f"At 4-mers, by the mean, the PR AUC is {ours:.1f} times that at exact positions"
    if not printed or not {1, 4} <= {*printed}:
        return said + "."
    theirs = printed[4] / printed[1]
    said += (
        f"; in the paper it more than doubled ({theirs:.1f} times). "
        if theirs > 2
        else (f"; in the paper, {theirs:.1f} times. ")
    )
    precision = own.set_index("tolerance")["precision"]
    near = [one for one in precision.index if 0 < one <= 2]
    if 0 in precision.index and near and precision[max(near)] > 0:
        exact = precision[0] / precision[max(near)]
        said += (
            "Forgiving a nucleotide or two helps a model that misplaces its calls; of our calls "
            f"within {max(near)} nt of a site, {exact:.0%} lie exactly on it. "
        )
    lead, coarse = rows[1] - printed[1], rows[4] - printed[4]
    said += (
        f"The PR AUC of this training differs from the paper's by {lead:+.3f} at exact positions "
        "and by "
        f"{coarse:+.3f} at 4-mers"
    )
    said += (
        f": about {1 - coarse / lead:.0%} of this lead is gone when small misplacements are "
        "forgiven."
        if lead > coarse > 0
        else ": this lead is better placement."
        if lead > 0 >= coarse
        else "."
    )
    if len(ratios) >= FEW:
        factor = ratios["coarse"] / ratios["exact"]
        rho = float(rank_correlation(ratios["exact"].to_numpy(), factor.to_numpy()))
        said += (
            f" In {len(ratios)} models and ensembles, all that are scored on the labels that they "
            f"were trained on, 4-mers raise the PR AUC {factor.min():.1f} to {factor.max():.1f} "
            f"times (rank correlation of this factor with the exact PR AUC {rho:+.2f})."
        )
    return said


def say_near(model: str, own: pd.DataFrame) -> str:
    """Answer how much of the error is a nucleotide or two; nothing if it cannot be told.

    Parameters
    ----------
    model : str
    own : DataFrame
        Its rows of `genoattn.evaluation.calls.match_table`.
    """
    at = keyed(own.rename(columns={"average_precision": "value"}), "tolerance")
    near = [one for one in at if 0 < one <= 2]
    if 0 not in at or not near or not at[0]["precision"] < 1:
        return ""
    exact, close = at[0], at[max(near)]
    share = (close["precision"] - exact["precision"]) / (1 - exact["precision"])
    gain = close["value"] / exact["value"] - 1 if exact["value"] > 0 else 0.0
    some = share >= 0.005  # as printed
    high = (
        " These are among its highest calls, which weigh most." if some and gain > 2 * share else ""
    )
    return (
        f"**Of the calls of {model} that miss the exact position, {share:.0%} have a site of their "
        f"own within {max(near)} nt.**{high} Allowing {max(near)} nt raises the "
        f"average precision from {score(exact)} to {score(close)}."
    )


def _misfit(counted: pd.DataFrame) -> tuple[str, str]:
    """Verdict and worst bin of those whose mean output lies outside the interval.

    A bin without a site has no factor by which it is off; with one, the verdict is no.
    """
    seen = counted[counted["n_sites"] > 0]
    factor = seen["output"] / seen["share"]
    worst: Any = seen.iloc[int(np.abs(np.log(factor)).argmax())]
    off = float(worst["output"] / worst["share"])
    told = (
        f"It is worst where the output averages {worst['output']:.2g}: there the share of sites is "
        f"{worst['share']:.2g} ({worst['ci_low']:.2g} to {worst['ci_high']:.2g})."
    )
    nearly = len(seen) == len(counted) and max(off, 1 / off) <= NEARLY
    word = "Nearly" if nearly else "No"
    where = f"at outputs near {worst['output']:.2g}"
    side = "high" if off > 1 else "low"
    return f"{word}: {where} it is {max(off, 1 / off):.1f} times too {side}", told


def verdict_on(bins: pd.DataFrame) -> tuple[str, str]:
    """Verdict on whether the output is a probability, and what it rests on.

    Yes: in all bins that count, the mean output lies within the interval of the share of sites.
    Nearly: it is off by a factor of at most `NEARLY` in each. Else no.

    Parameters
    ----------
    bins : DataFrame
        From `genoattn.evaluation.scores.calibration`.
    """
    counted = bins[(bins["n_sites"] >= FEW) | (bins["output"] * bins["n"] >= FEW)]
    if counted.empty:
        return "Undecided", "no bin of outputs has enough sites."
    inside = (counted["ci_low"] <= counted["output"]) & (counted["output"] <= counted["ci_high"])
    told = (
        "the mean output lies within the 95% interval of the share of sites in "
        f"{inside.sum()} of {len(counted)} bins."
    )
    if inside.all():
        return "Yes, as far as this test part can show", told
    off = counted[~inside]
    if (off["n_sites"] == 0).all():
        return "No: it expects sites where none is labelled", told
    verdict, worst = _misfit(off)
    return verdict, f"{told} {worst}"


def say_calibration(
    bins: pd.DataFrame, totals: Mapping[str, tuple[float, float, float]], model: str
) -> str:
    """Answer whether the output is a probability, by `verdict_on`.

    Parameters
    ----------
    bins : DataFrame
        From `genoattn.evaluation.scores.calibration`, of the chapter's own model.
    totals : mapping of model to expected sites per labelled one, with limits
    model : str
    """
    verdict, told = verdict_on(bins)
    sums = "; ".join(f"{name} {with_interval(*total, '.2f')}" for name, total in totals.items())
    return (
        f"**{verdict}.** For {model}, {told}\n\nSummed over the test part, outputs give the number "
        "of sites to be expected. Divided by the number of labelled sites, 1 would be right, it "
        f"is: {sums}."
    )


def say_false(
    n_calls: int, n_false: int, distances: pd.DataFrame, places: pd.DataFrame, tolerance: int
) -> str:
    """Say where false positives lie: near sites of other sets, and among the genes.

    Parameters
    ----------
    n_calls, n_false : int
    distances : DataFrame
        From `genoattn.evaluation.errors.distance_shares`; the labels first, then any other group.
    places : DataFrame
        From `genoattn.evaluation.errors.place_shares`.
    tolerance : int
        Farthest that a call may be from its site, in nt.
    """
    close = distances[distances["distance"].isin(["0", "1 to 5"])]
    near = close.groupby("sites", sort=False)[["n", "share", "expected"]].sum()
    share = places.set_index(["what", "place"])["share"]
    free = PLACES[0]
    said = (
        f"We take as many top-scoring calls as there are labelled sites ({n_calls:,} here); one "
        f"with no labelled site of its own within {tolerance} nt is a false positive. "
    )
    if not n_false:
        return said + "**There is none.**"
    said += f"Of {n_false:,} false positives, "
    if len(near) > 1:
        most = near.iloc[-1]
        more = most["share"] > 2 * most["expected"] and most["n"] >= FEW
        said = (
            ("**Many lie near a known site.** " if more else "**Few lie near a known site.** ")
            + f"{said}{most['share']:.0%} lie within 5 nt of a site of any set (a labelled one "
            "that "
            "another call has found counts too), against "
            f"{most['expected']:.1%} of all positions, and "
        )
    sites = share["sites", free]
    of_sites = f"{sites:.0%} of the sites and " if sites else ""  # starts of genes are in genes
    return (
        f"{said}{share['false positives', free]:.0%} lie between genes, against {of_sites}"
        f"{share['all positions', free]:.0%} of all positions."
    )


def say_truth(labelled: Mapping[str, float] | None, true: Mapping[str, float] | None) -> str:
    """Say how the model scores against planted sites, beside the labels.

    Parameters
    ----------
    labelled, true : mapping of metric to score, or None where the truth is not known
    """
    if labelled is None or true is None:
        return (
            "Left out: the true start sites of this genome are not known; the demo has this test."
        )
    better = true["pr_auc"] > labelled["pr_auc"]
    return (
        f"Against the labels the model has a ROC AUC of {labelled['roc_auc']:.3f} and a PR AUC of "
        f"{labelled['pr_auc']:.3f}; against the planted sites, {true['roc_auc']:.3f} and "
        f"{true['pr_auc']:.3f}. "
        + (
            "Some of what counts as the model's error is an error of the labels."
            if better
            else "The labels' errors do not explain the model's."
        )
    )
