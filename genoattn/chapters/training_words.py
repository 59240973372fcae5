"""What the chapter training says of its numbers: frames in, sentences and tables (Markdown) out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from genoattn import paper
from genoattn.annotations import source_name
from genoattn.card import Card
from genoattn.evaluation import describe_ensemble, describe_network
from genoattn.gene_context import PLACES
from genoattn.gene_prior import GenePrior
from genoattn.metrics import METRIC_NAMES, differs_from_paper
from genoattn.scanner import DISTANCES, SPACERS, PromoterScanner
from genoattn.study import earlier
from genoattn.study.report import admonition, folded, listed, table, with_interval

FAR = 0.02
"""A ROC AUC farther from the paper's than this is looked into."""

FEW = 5
"""A bin of outputs counts towards the verdict if it has, or should have, so many sites."""

NEARLY = 1.5
"""Factor by which an output may be off at most and still be nearly a probability."""

_READINGS = {
    "focal_gamma": "the text minimises the cross-entropy, the code a focal loss (`focal_gamma`)",
    "context": "the code starts each segment cold, where this study reads the sequence upstream of "
    "it (`context`)",
}


def number(value: float, low: float, high: float) -> str:
    """Write a score with its interval."""
    return with_interval(value, low, high, ".3f")


def change(value: float, low: float, high: float) -> str:
    """Write a difference of scores with its interval."""
    return with_interval(value, low, high, "+.3f")


def _by(frame: pd.DataFrame, key: str) -> dict[Any, dict[str, Any]]:
    """Rows of a frame by what a column says."""
    return {
        row[key]: {str(name): value for name, value in row.items()}
        for row in frame.to_dict("records")
    }


def score(row: Any) -> str:
    """Write the score of a row that has value, ci_low and ci_high."""
    return number(row["value"], row["ci_low"], row["ci_high"])


def difference(row: Any) -> str:
    """Write the difference of a row that has difference, difference_low and difference_high."""
    return change(row["difference"], row["difference_low"], row["difference_high"])


def _or_blank(value: float, spec: str = ".3f") -> str:
    """Write a number, nothing if it is not one."""
    return f"{value:{spec}}" if np.isfinite(value) else ""


# ------------------------------------------------------------------------- labels and model


def say_parts(name: str, counts: pd.DataFrame, train_set: str) -> str:
    """Say how long the genome's parts are and how many sites each has.

    Parameters
    ----------
    name : str
        Of the genome.
    counts : DataFrame
        Columns part, nucleotides (both strands), sites.
    train_set : str
    """
    length = counts["nucleotides"].sum()
    shown = pd.DataFrame(
        {
            "part": counts["part"],
            "nucleotides, both strands": counts["nucleotides"].map("{:,}".format),
            "start sites": counts["sites"].map("{:,}".format),
        }
    )
    return (
        f"**{name}** has {length:,} nucleotides on both strands; "
        f"{counts['sites'].sum() / length:.3%} of them are start sites of the "
        f"{source_name(train_set)}.\n{table(shown)}"
    )


def say_stages(card: Card) -> str:
    """Say in a sentence in which stages a model was trained; nothing if there was only one."""
    stages: list[Card] = []
    one: Card | None = card
    while one is not None:
        stages.insert(0, one)
        one = one.initial
    if len(stages) == 1:
        return ""

    def kind(stage: Card) -> tuple[str, int]:
        how = (
            "as a convolutional network that became its stem"
            if stage.convolutional and not card.convolutional
            else f"with a window of {stage.config['window']} nt"
            if not stage.convolutional
            else ""
        )
        return how, int(stage.data.get("sites", 0))

    told = []
    for (how, sites), alike in groupby(stages, kind):
        passes = listed(f"{stage.own_passes:.2f}" for stage in alike)
        on = f" on {sites:,} sites" if sites != stages[-1].data.get("sites", 0) else ""
        told.append(f"{passes} passes {how}".rstrip() + on)
    return f" Training had {len(stages)} stages: {', then '.join(told)}."


def say_model(
    name: str, card: Card, n_parameters: int, same_labels: bool, published: bool = False
) -> str:
    """Say what a model is and how it was trained."""
    t, best = card.training, card.best
    network = describe_network(card)
    labels = "the labels of this run" if same_labels else "**not** the labels of this run"
    said = (
        f"**{name}** has {network} and {n_parameters:,} parameters. It was trained on the "
        f"{source_name(card.train_set)} ({card.data['sites']:,} sites, {labels}) for "
        f"{card.own_passes:.2f} passes over the training part, in steps of {t['batch']} segments "
        f"of {t['segment']:,} nt with {t['context']} nt of context, at a learning rate of at most "
        f"{t['learning_rate']:g}, on {card.hardware}, in {card.seconds / 60:.0f} minutes. The "
        f"lowest validation loss, {1e3 * card.validation_loss:.3f}·10⁻³ nats per position, came "
        f"after {best['passes']:.2f} passes. A pass reads all segments with a site and "
        f"{t['empty_share']:.0%} of the others"
        + (", each weighted up to make good for those left out." if t["empty_share"] < 1 else ".")
        + say_stages(card)
    )
    if not published:
        return said
    return f"{said}\n\n" + admonition(
        "What this model is",
        f"The paper's reference implementation trains for {paper.TRAINING['steps']:,} steps, about "
        f"{paper.TRAINING['passes']} passes; this model took {card.passes:.1f}. Architecture, "
        "labels and parts are the paper's, the training is not: its scores are those of a shorter "
        "training, not a verdict on the paper's.",
    )


def model_table(
    cards: Mapping[str, Card], left: pd.DataFrame, steps: pd.DataFrame | None
) -> pd.DataFrame:
    """List the models that are compared, and what is still known of those not at hand.

    Parameters
    ----------
    cards : mapping of model to its card
    left : DataFrame
        Rows of scores that an earlier run left of models not at hand: model, train_set, seed.
    steps : DataFrame or None
        The step table of that run; it knows their networks.

    Returns
    -------
    DataFrame
        Texts, a row a model.
    """
    rows = [
        [
            name,
            describe_network(card),
            source_name(card.train_set),
            f"{card.seed}",
            f"{card.passes:.2f}",
            f"{1e3 * card.validation_loss:.3f}",
        ]
        for name, card in cards.items()
    ]
    known = {} if steps is None else steps.set_index("model").to_dict("index")
    for one in left.drop_duplicates("model").to_dict("records"):
        more = known.get(one["model"], {})
        rows.append(
            [
                earlier.marked(one["model"], {one["model"]}),
                str(more.get("what", "")).rsplit(", ", 1)[0],
                source_name(one["train_set"]),
                f"{one['seed']}",
                _or_blank(more.get("passes", np.nan), ".2f"),
                _or_blank(1e3 * more.get("validation_loss", np.nan)),
            ]
        )
    columns = ["model", "network", "trained on", "seed", "passes"]
    return pd.DataFrame(rows, columns=[*columns, "lowest validation loss, 10⁻³ nats"])


def say_models(
    cards: Mapping[str, Card],
    left: pd.DataFrame,
    steps: pd.DataFrame | None,
    absent: Collection[str],
) -> str:
    """Say which models are compared, and which are not at hand."""
    if len(cards) + len(left) + len(absent) == 1:
        return "No other model is compared: `others` names none."
    unknown = [name for name in absent if name not in set(left["model"])]
    return (
        "Losses are comparable only between models trained on the same labels.\n"
        + table(model_table(cards, left, steps))
        + earlier.note(left["model"], absent)
        + (f"\nNot at hand, and left out: {listed(unknown)}." if unknown else "")
    )


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
            line[f"{title}, paper"] = f"{mark}{_or_blank(row['paper_value'])}{mark}"
        for name, values in beside.items():
            value = values.get((train_set, test_set, metric), np.nan)
            line[f"{title}, {name}"] = _or_blank(value)
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
                _or_blank(row["paper_value"]),
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
                    f"{_or_blank(row[one])} ({row[f'{one}_passes']:.1f})"
                    for one in ("shorter", "longer")
                ),
                _or_blank(row["paper_value"]),
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
        by = _by(part, "metric")
        cells = [score(by[each]) for each in METRIC_NAMES]
        marked = earlier.marked(str(name), absent)
        rows.append([source_name(str(tested)), marked, source_name(str(trained)), *cells])
    shown = pd.DataFrame(rows, columns=["tested on", "model", "trained on", *METRIC_NAMES.values()])
    told = []
    for test_set, one in _by(counts, "test_set").items():
        own = _by(scores[(scores["model"] == model) & (scores["test_set"] == test_set)], "metric")
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
        f"{score:.3f}, of which the genes add {change(*gain)}; {coarse:.3f} at {k}-mers."
    )


def say_places(name: str, without: pd.Series, with_genes: pd.Series) -> str:
    """Say, by place among the genes, which share of the sites is found without and with the prior.

    Parameters
    ----------
    name : str
    without, with_genes : Series
        From `genoattn.evaluation.recall_by_place`.
    """
    told = []
    for place in PLACES:
        if not np.isfinite(without[place]):
            continue
        before, after = (round(100 * one[place]) for one in (without, with_genes))
        verb = "raises" if after > before else "lowers" if after < before else "leaves"
        goal = "unchanged at" if verb == "leaves" else f"from {before}% to"
        told.append(f"{verb} it {place} {goal} {after}%")
    return (
        f"- Recall at as many calls as there are sites: in {name}, the gene prior {listed(told)}."
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
            "**Of the training set.** The prior lowers the PR AUC wherever sites are new: part of "
            "what it learnt is which start sites the training set holds."
        )
    elif up == n:
        verdict = (
            "**Of promoters.** The prior raises the PR AUC on sites that no step used as well."
        )
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
        f"\n\n**Is that true of promoters, or of the {source_name(train_set)}?** {verdict} Change "
        f"of PR AUC by the genes: {told}."
    )


# ------------------------------------------------------------------------------ kinds of error


def say_resolution(by_k: pd.DataFrame, printed: Mapping[int, float] | None) -> str:
    """Table of the PR AUC by the length of the k-mers.

    Parameters
    ----------
    by_k : DataFrame
        From `genoattn.metrics.kmer_resolution`.
    printed : mapping of k to the paper's value, or None
    """
    at = by_k[by_k["metric"] == "pr_auc"].set_index(["how", "k"])
    rows = []
    for k in [k for k in (1, 4, 10, 20) if ("mean", k) in at.index]:
        cells = [score(at.loc[(how, k)]) for how in ("mean", "max")]
        beside = [] if printed is None else [_or_blank(printed.get(k, np.nan))]
        rows.append([f"{k}", *cells, *beside])
    columns = ["k", "PR AUC by the mean", "by the maximum", "paper, by the mean"]
    return table(pd.DataFrame(rows, columns=columns[: 3 + (printed is not None)]))


def say_matching(matched: pd.DataFrame, model: str) -> str:
    """Answer how much of the error is a nucleotide or two, and list all models.

    Parameters
    ----------
    matched : DataFrame
        From `genoattn.assignment.match_table`, with a column ``model``.
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
    own = matched[matched["model"] == model].rename(columns={"average_precision": "value"})
    return _say_near(model, _by(own, "tolerance")) + folded(
        "All models and distances", table(shown)
    )


def _say_near(model: str, own: Mapping[int, Mapping[str, Any]]) -> str:
    """Answer how much of the error is a nucleotide or two; nothing if it cannot be told."""
    near = [one for one in own if 0 < one <= 2]
    if 0 not in own or not near or not own[0]["precision"] < 1:
        return ""
    exact, close = own[0], own[max(near)]
    share = (close["precision"] - exact["precision"]) / (1 - exact["precision"])
    word = "Little of it" if share < 1 / 3 else "Part of it" if share < 2 / 3 else "Most of it"
    return (
        f"**{word}.** Of the calls of {model} that are wrong at the exact position, {share:.0%} "
        f"have an unclaimed site within {max(near)} nt. Allowing {max(near)} nt raises the average "
        f"precision from {score(exact)} to {score(close)}.\n\n"
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
        f"The worst: where the output averages {worst['output']:.2g}, the share of sites is "
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
        From `genoattn.metrics.calibration`.
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
        From `genoattn.metrics.calibration`, of the chapter's own model.
    totals : mapping of model to expected sites per labelled one, with limits
    model : str
    """
    verdict, told = verdict_on(bins)
    sums = "; ".join(f"{name} {with_interval(*total, '.2f')}" for name, total in totals.items())
    return (
        f"**{verdict}.** For {model}, {told}\n\nSites that the outputs add up to, for each "
        f"labelled one (1 is right): {sums}."
    )


def say_false(
    n_calls: int, n_false: int, distances: pd.DataFrame, places: pd.DataFrame, tolerance: int
) -> str:
    """Say where false positives lie: near sites of other sets, and among the genes.

    Parameters
    ----------
    n_calls, n_false : int
    distances : DataFrame
        From `genoattn.evaluation.distance_shares`; the labels first, then any other group.
    places : DataFrame
        From `genoattn.evaluation.place_shares`.
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
            ("**Many lie at sites of other sets.** " if more else "**Other sets explain few.** ")
            + f"{said}{most['share']:.0%} lie within 5 nt of a site in some set, against "
            f"{most['expected']:.1%} of all positions, and "
        )
    return (
        f"{said}{share['false calls', free]:.0%} lie between genes, as do "
        f"{share['sites', free]:.0%} of the sites and {share['all positions', free]:.0%} of all "
        "positions."
    )


def say_truth(labelled: Mapping[str, float] | None, true: Mapping[str, float] | None) -> str:
    """Say how the model scores against planted sites, beside the labels.

    Parameters
    ----------
    labelled, true : mapping of metric to score, or None where the truth is not known
    """
    if labelled is None or true is None:
        return "Left out: the true start sites of this genome are not known."
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


# ----------------------------------------------------------------------- steps and readings


def say_steps(steps: pd.DataFrame, absent: Collection[str]) -> str:
    """Table of the steps from the paper's architecture to the best model.

    Parameters
    ----------
    steps : DataFrame
        From `genoattn.evaluation.step_table`.
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    if steps.empty:
        return "Left out: this run names no steps (`steps`), or none of their models is at hand."
    coarse = steps.columns[-1]
    first, last = steps.iloc[0], steps.iloc[-1]
    shown = pd.DataFrame(
        [
            [
                earlier.marked(row["model"], absent),
                f"{row['passes']:.2f}",
                _or_blank(1e3 * row["validation_loss"]),
                *(f"{row[name]:.3f}" for name in ("roc_auc", "pr_auc", coarse)),
            ]
            for row in steps.to_dict("records")
        ],
        columns=[
            "model", "passes", "validation loss, 10⁻³ nats", "ROC AUC", "PR AUC",
            f"PR AUC, {coarse.removeprefix('pr_auc_')}-mers",
        ],
    )  # fmt: skip
    return (
        f"From {first['model']} to {last['model']}, ROC AUC goes from {first['roc_auc']:.3f} to "
        f"{last['roc_auc']:.3f} and PR AUC from {first['pr_auc']:.3f} to {last['pr_auc']:.3f}. "
        "All decisions were made on the validation part; the test part was looked at once for each "
        "row.\n" + table(shown) + earlier.note(steps["model"], absent)
    )


def say_readings(read: pd.DataFrame, names: Sequence[str], absent: Collection[str]) -> str:
    """Say what each reading of the paper is worth: the changed setting, the change of the scores.

    Parameters
    ----------
    read : DataFrame
        From `genoattn.evaluation.compare_readings`.
    names : sequence of str
        Test sets shown.
    absent : collection of str
        Models whose rows are from an earlier run.
    """
    if read.empty:
        return "Left out: this run names no such models (`readings`), or they are not at hand."
    together = " ".join(read["differs_in"].unique())
    apart = "; ".join(text for setting, text in _READINGS.items() if setting in together)
    passes = listed(f"{one:.2f}" for one in sorted(read["passes"].unique()))
    said = (
        (f"The paper's text and code disagree: {apart}. " if apart else "")
        + f"The same network was trained equally and briefly ({passes} passes) with one setting "
        "changed at a time. The first row of each table is the unchanged one's score; the others "
        "are changes with their intervals, on the same resampled blocks."
    )
    for metric, rows in read.groupby("metric", sort=False):
        lines = []
        for model, part in rows.groupby("model", sort=False):
            cells = [
                difference(row) if row["differs_in"] else f"{row['value']:.3f}"
                for row in part.set_index("test_set").reindex(list(names)).to_dict("records")
            ]
            setting = part["differs_in"].iloc[0] or "unchanged"
            lines.append([earlier.marked(setting, {setting} if model in absent else ()), *cells])
        columns = [METRIC_NAMES[str(metric)], *map(source_name, names)]
        said += "\n" + table(pd.DataFrame(lines, columns=columns))
    return said + earlier.note(read["model"], absent)


def say_far(pairs: pd.DataFrame, by_length: pd.DataFrame, read: pd.DataFrame) -> str:
    """Say which ROC AUCs lie far from the paper's, and what of it training length explains.

    Parameters
    ----------
    pairs : DataFrame
        Training sets against test sets: train_set, test_set, metric, value, paper_value.
    by_length : DataFrame
        From `genoattn.evaluation.training_length`, of the models in ``pairs``.
    read : DataFrame
        From `genoattn.evaluation.compare_readings`.
    """
    roc = pairs[pairs["metric"] == "roc_auc"]
    away = roc.assign(distance=roc["value"] - roc["paper_value"])
    far = away[away["distance"].abs() > FAR].sort_values("distance", ascending=False)
    if far.empty:
        return (
            f"\nNone of {len(away)} pairs of sets has a ROC AUC more than {FAR} from the paper's."
        )
    told = listed(
        f"{source_name(row['train_set'])} on {source_name(row['test_set'])} "
        f"({row['distance']:+.3f})"
        for row in far.to_dict("records")
    )
    near = by_length[
        (by_length["metric"] == "roc_auc")
        & ((by_length["shorter"] - by_length["paper_value"]).abs() <= FAR)
    ]
    grown = far.merge(near[["train_set", "test_set"]])
    above = far[far["distance"] > 0]["test_set"].unique()
    lower = read[
        (read["metric"] == "roc_auc") & (read["difference_high"] < 0) & read["test_set"].isin(above)
    ]
    settings = lower.groupby("differs_in")["test_set"].nunique()
    return (
        f"\nOf {len(away)} pairs of sets, {len(far)} have a ROC AUC more than {FAR} from the "
        f"paper's: {told}. "
        + (
            f"{len(grown)} of the {len(far)} lay within {FAR} after the shorter training on the "
            "same labels, so they come from training on to a lower validation loss. "
            if len(grown)
            else ""
        )
        + "".join(
            f"The setting {setting} lowers the ROC AUC significantly on {n} of the {len(above)} "
            "test sets on which ours is higher. "
            for setting, n in settings.items()
        )
        + "Only models of the curated set were trained with these settings changed."
    )


# --------------------------------------------------------------------------------- in short


def say_in_short(
    name: str,
    own: pd.DataFrame,
    guess: float,
    matched: pd.DataFrame,
    comparison: pd.DataFrame,
    absent: Collection[str],
    on_attention: str,
    on_probability: str,
) -> str:
    """Answer the chapter's question.

    Parameters
    ----------
    name : str
        The chapter's own model.
    own : DataFrame
        Its exact scores on its own set, by metric.
    guess : float
        Share of sites in the test part.
    matched : DataFrame
        From `genoattn.assignment.match_table`, with a column ``model``.
    comparison : DataFrame
        From `genoattn.metrics.compare`.
    absent : collection of str
        Models whose rows are from an earlier run.
    on_attention, on_probability : str
        Verdicts.
    """
    pr = _by(comparison[comparison["metric"] == "pr_auc"], "model")
    best = max(pr, key=lambda one: pr[one]["value"])
    beside = (
        "no other model of this run has a higher PR AUC"
        if best == name
        else f"the highest PR AUC of this run is that of {earlier.marked(best, absent)}, "
        f"{score(pr[best])}"
    )
    roc: Any = own.loc["roc_auc"]
    if roc["ci_low"] <= 0.5:
        answer = "It does not distinguish start sites from other nucleotides"
    else:
        calls = matched[matched["model"] == name].sort_values("tolerance")
        found = listed(
            f"{row['precision']:.0%} {words_of_distance(int(row['tolerance']))}"
            for row in calls.iloc[[0, -1]].drop_duplicates("tolerance").to_dict("records")
        )
        answer = (
            "It ranks start sites far above most nucleotides, but of as many calls as there are "
            f"sites, only {found} hit one"
            if roc["value"] > 0.9
            else "It ranks start sites above other nucleotides; of as many calls as there are "
            f"sites, {found} hit one"
        )
    return (
        f"{say_own(name, own, guess)} {answer}; {beside}. {on_attention} Is the output a "
        f"probability? {on_probability}.\n\n"
        "The intervals come from resampling blocks of one test part of one genome. They say how "
        "far another stretch of that size would differ; another training, or another species, was "
        "not tested by them."
    )


def words_of_distance(tolerance: int) -> str:
    """Say how near a call must be to its site."""
    return f"within {tolerance} nt" if tolerance else "at the exact position"
