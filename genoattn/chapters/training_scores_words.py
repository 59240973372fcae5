"""What the chapter training says of scores: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from genoattn.annotations import source_name
from genoattn.chapters.training_numbers import difference, keyed, or_blank, score
from genoattn.metrics import METRIC_NAMES, differs_from_paper
from genoattn.scanner import DISTANCES, SPACERS, PromoterScanner
from genoattn.study import earlier
from genoattn.study.report import folded, table

FAR = 0.02
"""A ROC AUC farther from the paper's than this is looked into."""


# ----------------------------------------------------------------------------------- scores


def say_own(name: str, own: pd.DataFrame, guess: float) -> str:
    """Say how a model scores on the set that it was trained on.

    Parameters
    ----------
    name : str
    own : DataFrame
        By metric: value, ci_low, ci_high.
    guess : float
        PR AUC of guessing: the share of sites.
    """
    roc, pr = (score(own.loc[one]) for one in METRIC_NAMES)
    return (
        f"On the set it was trained on, **{name}** has a ROC AUC of {roc} and a PR AUC of {pr}; "
        f"guessing has 0.5 and {guess:.4f}."
    )


def say_paper(pairs: pd.DataFrame) -> str:
    """Say in how many pairs of sets the paper's score lies outside our interval, and by how much.

    Parameters
    ----------
    pairs : DataFrame
        Columns metric, value, ci_low, ci_high, paper_value.
    """
    told = []
    for metric, title in METRIC_NAMES.items():
        rows = pairs[(pairs["metric"] == metric) & pairs["paper_value"].notna()]
        if rows.empty:
            continue
        outside = differs_from_paper(rows)
        above = (rows["value"] > rows["paper_value"]) & outside
        distance = (rows["value"] - rows["paper_value"]).abs().max()
        told.append(
            f"In {title}, our score differs from the paper's by more than our interval in "
            f"{outside.sum()} of {len(rows)} pairs of sets ({above.sum()} higher, "
            f"{(outside & ~above).sum()} lower); the largest difference is {distance:.3f}."
        )
    return " ".join(told) + " Bold: the paper's value lies outside our interval." if told else ""


def pair_table(
    pairs: pd.DataFrame, baselines: Mapping[str, pd.DataFrame], published: bool
) -> pd.DataFrame:
    """Training sets against test sets as texts, the paper and baselines beside.

    Parameters
    ----------
    pairs : DataFrame
        One model a training set, exact positions: train_set, test_set, metric, value, ci_low,
        ci_high, paper_value.
    baselines : mapping of name to DataFrame
        The same columns; the first model a training set counts.
    published : bool
        Whether the paper's values stand beside.
    """
    keys = ["train_set", "test_set", "metric"]
    beside = {
        name: rows.drop_duplicates(keys).set_index(keys)["value"]
        for name, rows in baselines.items()
    }
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in pairs.assign(differs=differs_from_paper(pairs)).to_dict("records"):
        train_set, test_set, metric = (row[key] for key in keys)
        line = cells.setdefault((train_set, test_set), {})
        title = METRIC_NAMES[metric]
        line[title] = score(row)
        if published:
            mark = "**" * row["differs"]
            line[f"{title}, paper"] = f"{mark}{or_blank(row['paper_value'])}{mark}"
        for name, values in beside.items():
            value = values.get((train_set, test_set, metric), np.nan)
            line[f"{title}, {name}"] = or_blank(value)
    wide = pd.DataFrame.from_dict(cells, orient="index").reset_index(drop=True)
    titles = list(METRIC_NAMES.values())
    wide = wide[[name for title in titles for name in wide if str(name).split(",")[0] == title]]
    for place, column in ((1, "tested on"), (0, "trained on")):
        wide.insert(0, column, [source_name(key[place]) for key in cells])
    return wide


def say_seeds(name: str, spread: pd.DataFrame) -> str:
    """Say how far the scores of a model's seeds lie apart; that there is one seed, if so.

    Parameters
    ----------
    name : str
        The model.
    spread : DataFrame
        From `genoattn.evaluation.seed_spread`.
    """
    n = int(spread["n"].max())
    if n < 2:
        return (
            "**Other seeds.** No model was trained a second time with another seed, so this run "
            "does not show how much a second training would differ."
        )
    shown = pd.DataFrame(
        [
            [
                source_name(row["test_set"]),
                METRIC_NAMES[row["metric"]],
                *(f"{row[one]:.3f}" for one in ("lowest", "mean", "highest")),
                or_blank(row["paper_value"]),
            ]
            for row in spread.to_dict("records")
        ],
        columns=["tested on", "score", "lowest seed", "mean", "highest seed", "paper"],
    )
    width = (spread["highest"] - spread["lowest"]).groupby(spread["metric"]).max()
    return (
        f"**Other seeds.** {name} was trained {n} times, with other initial weights and another "
        f"order of segments each time. The seeds' scores differ by up to {width['roc_auc']:.3f} in "
        f"ROC AUC and up to {width['pr_auc']:.3f} in PR AUC; the intervals above do not contain "
        "this difference between trainings.\n\n" + folded("Scores of the seeds", table(shown))
    )


def say_length(by_length: pd.DataFrame, left: Collection[str], published: bool) -> str:
    """Say what training longer changed, and whether it brought far scores nearer to the paper's.

    Parameters
    ----------
    by_length : DataFrame
        From `genoattn.evaluation.training_length`.
    left : collection of str
        Models whose rows are from an earlier run.
    published : bool
        Whether the paper's values are to be compared with.
    """
    if by_length.empty:
        return (
            "**Longer training.** No two models of one network and training set were trained for "
            "clearly different numbers of passes."
        )
    shown = pd.DataFrame(
        [
            [
                earlier.marked(row["model"], left),
                source_name(row["test_set"]),
                METRIC_NAMES[row["metric"]],
                *(
                    f"{or_blank(row[one])} ({row[f'{one}_passes']:.1f})"
                    for one in ("shorter", "longer")
                ),
                or_blank(row["paper_value"]),
            ]
            for row in by_length.to_dict("records")
        ],
        columns=["model", "tested on", "score", "shorter (passes)", "longer (passes)", "paper"],
    )
    roc = by_length[by_length["metric"] == "roc_auc"]
    gain = roc["longer"] - roc["shorter"]
    n = by_length["model"].nunique()
    said = (
        f"**Longer training.** {n} network{'s were' if n > 1 else ' was'} trained at least half as "
        f"long again on the same labels. It raised the ROC AUC in {(gain > 0).sum()} of "
        f"{len(roc)} pairs of network and test set (by {gain.median():+.3f} in the median)."
    )
    if published:
        before, after = ((roc[one] - roc["paper_value"]).abs() for one in ("shorter", "longer"))
        far = before > FAR
        said += (
            f" Of {far.sum()} scores that lay more than {FAR} from the paper's after the shorter "
            f"training, longer training brought {(after[far] <= FAR).sum()} within {FAR} and moved "
            f"{((before <= FAR) & (after > FAR)).sum()} that had been nearer beyond it."
        )
    return (
        f"{said}\n\n"
        + folded("Scores after shorter and longer training", table(shown))
        + earlier.note(by_length["model"], left, "the weights of the shorter training")
    )


def say_external(
    scores: pd.DataFrame, model: str, absent: Collection[str], counts: pd.DataFrame
) -> str:
    """Say how models do on sites that no curation step used.

    Parameters
    ----------
    scores : DataFrame
        Exact scores on these sets: test_set, model, train_set, metric, value, ci_low, ci_high.
    model : str
        The chapter's own, which the verdict is about.
    absent : collection of str
        Models whose rows are from an earlier run.
    counts : DataFrame
        A row a set: test_set, n (sites in the test part), shared (at a curated site's position),
        share (of all positions).
    """
    if counts.empty:
        return "Left out: this run names no set of sites for it (`external`)."
    rows = []
    for (tested, name, trained), part in scores.groupby(
        ["test_set", "model", "train_set"], sort=False
    ):
        by = keyed(part, "metric")
        cells = [score(by[each]) for each in METRIC_NAMES]
        marked = earlier.marked(str(name), absent)
        rows.append([source_name(str(tested)), marked, source_name(str(trained)), *cells])
    shown = pd.DataFrame(rows, columns=["tested on", "model", "trained on", *METRIC_NAMES.values()])
    told = []
    for test_set, one in keyed(counts, "test_set").items():
        own = keyed(scores[(scores["model"] == model) & (scores["test_set"] == test_set)], "metric")
        times = own["pr_auc"]["value"] / one["share"]
        told.append(
            f"{source_name(test_set)} has {one['n']:,} sites in the test part, of which "
            f"{one['shared']:,} lie exactly on a curated site. On them **{model}** has a ROC AUC "
            f"of {score(own['roc_auc'])} and a PR AUC of {score(own['pr_auc'])}, "
            f"{times:.0f} times that of guessing."
        )
    return (
        " ".join(told)
        + "\n\n"
        + folded("All models on these sites", table(shown))
        + earlier.note(scores["model"], absent)
    )


# -------------------------------------------------------------------------------- attention


def say_scanner(one: PromoterScanner) -> str:
    """Say what promoter the scanner fitted."""
    box35, box10 = one.consensus
    spacer, distance = SPACERS[int(one.spacer.argmax())], DISTANCES[int(one.distance.argmax())]
    return (
        f"The scanner's most likely promoter is {box35}, {spacer} nt, {box10} and {distance} nt "
        f"before the start; it assigns one to {one.share:.0%} of the sites."
    )


def compared(low: float, high: float) -> str:
    """Say in two words what the interval of a difference means."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no paired interval"
    return "higher" if low > 0 else "lower" if high < 0 else "not significantly different"


def say_rivals(comparison: pd.DataFrame, model: str, absent: Collection[str]) -> str:
    """Say how other models on the same labels score beside the chapter's own.

    Parameters
    ----------
    comparison : DataFrame
        From `genoattn.metrics.compare`; rows of models not at hand have no difference.
    model : str
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    rows = comparison[(comparison["metric"] == "pr_auc") & (comparison["model"] != model)]
    shown = pd.DataFrame(
        [
            [
                earlier.marked(row["model"], absent),
                score(row),
                "" if row["model"] in absent else difference(row),
                compared(row["difference_low"], row["difference_high"]),
            ]
            for row in rows.to_dict("records")
        ],
        columns=["model", "PR AUC", f"difference from {model}", "verdict"],
    )
    best = comparison[comparison["metric"] == "pr_auc"].sort_values("value").iloc[-1]
    return (
        f"The highest PR AUC is that of {earlier.marked(best['model'], absent)}, "
        f"{score(best)}.\n" + table(shown) + earlier.note(rows["model"], absent)
    )


def _effect(rows: pd.DataFrame, title: str) -> str:
    """What attention does to one score, over all matched pairs."""
    n = len(rows)
    up, down = (rows["difference_low"] > 0).sum(), (rows["difference_high"] < 0).sum()
    pairs = "the one matched pair" if n == 1 else f"all {n} matched pairs"
    low, high = rows["difference"].min(), rows["difference"].max()
    span = f"{low:+.3f}" if n == 1 else f"{low:+.3f} to {high:+.3f}"
    if n in (up, down):
        return f"{'raises' if up else 'lowers'} {title} in {pairs} ({span})"
    if not up and not down:
        where = pairs if n == 1 else f"any of {n} matched pairs"
        return f"does not change {title} significantly in {where} ({span})"
    if up and down:
        return (
            f"raises {title} in {up} and lowers it in {down} of {n} matched pairs ({span}), so its "
            "effect is no larger than the difference between two trainings"
        )
    return (
        f"{'raises' if up else 'lowers'} {title} in {up or down} of {n} matched pairs and does not "
        f"change it significantly in the others ({span})"
    )


def say_attention(pairs: pd.DataFrame) -> str:
    """Answer what attention adds, from models that differ in nothing else that was given.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.evaluation.compare_matched`.
    """
    if pairs.empty:
        return (
            "**This run cannot isolate what attention adds.** No annotator and no convolutional "
            "network in it were given the same labels, targets and sequence."
        )
    effects = [
        _effect(pairs[pairs["metric"] == metric], title) for metric, title in METRIC_NAMES.items()
    ]
    return f"**Given the same labels, targets and sequence, attention {'; it '.join(effects)}.**"


def pairs_table(
    pairs: pd.DataFrame, absent: Collection[str], facts: Mapping[str, tuple[int, float]]
) -> str:
    """List matched pairs and the differences of their scores.

    Parameters
    ----------
    pairs : DataFrame
        From `genoattn.evaluation.compare_matched`.
    absent : collection of str
        Models whose rows are from an earlier run.
    facts : mapping of model to its number of parameters and of passes
    """

    def known(name: str) -> str:
        size, passes = facts.get(name, (0, 0.0))
        return f" ({size:,} parameters, {passes:.1f} passes)" * bool(size)

    rows = []
    for (model, rival), part in pairs.groupby(["model", "rival"], sort=False):
        by = part.set_index("metric")
        rows.append(
            [
                earlier.marked(str(model), absent) + known(str(model)),
                earlier.marked(str(rival), absent) + known(str(rival)),
                *(difference(by.loc[metric]) for metric in METRIC_NAMES),
            ]
        )
    columns = ["with attention", "with dilations", "ΔROC AUC", "ΔPR AUC"]
    shown = {*pairs["model"], *pairs["rival"]}
    return table(pd.DataFrame(rows, columns=columns)) + earlier.note(shown, absent)
