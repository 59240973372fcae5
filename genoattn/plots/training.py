"""Figures of training and evaluation: tidy frames in, figures out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.data.assays import source_name
from genoattn.evaluation.scores import METRIC_NAMES, differs_from_paper
from genoattn.plots import style
from genoattn.plots.drawn import Drawn

__all__ = [
    "ablation",
    "calibration",
    "false_calls",
    "gene_terms",
    "labels",
    "learning_curve",
    "matching",
    "models",
    "performance",
    "precision_recall",
    "recall",
    "resolution",
    "seeds",
]


def learning_curve(history: pd.DataFrame) -> Drawn:
    """Loss on the training and on the validation part, and the learning rate, by passes.

    Parameters
    ----------
    history : DataFrame
        From `genoattn.model.card.Card.rounds`; a dotted line parts the stages.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.0), layout="constrained")
    axes.plot(history["passes"], 1e3 * history["train_loss"], label="training", **style.line(0))
    axes.plot(
        history["passes"],
        1e3 * history["validation_loss"],
        label="validation",
        marker="o",
        **style.line(1),
    )
    kept = _kept(history)
    best = float(history["passes"].iloc[kept])
    axes.axvline(best, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.annotate(
        "kept",
        (best, axes.get_ylim()[1]),
        xytext=(-4, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        color=style.FAINT,
    )
    for end in history.groupby("stage")["passes"].max().iloc[:-1]:
        axes.axvline(float(end), color=style.FAINT, linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlabel="passes over the training part", ylabel="loss, 10⁻³ nats per position")
    axes.set_xlim(left=0)
    rate = axes.twinx()
    rate.fill_between(
        history["passes"], history["learning_rate"], color="#000000", alpha=0.07, lw=0
    )
    rate.set_ylim(0, 2.5 * history["learning_rate"].max() or None)
    rate.set_ylabel("learning rate (shaded)", color=style.FAINT)
    rate.tick_params(colors=style.FAINT)
    rate.spines["right"].set_visible(True)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    stages, lowest = int(history["stage"].max()), 1e3 * history["validation_loss"].iloc[kept]
    end = history["passes"].max()
    return Drawn(
        figure,
        "Loss on the training and on the validation part, and the learning rate (shaded), by "
        "passes over the training part. The weights kept are those of the lowest validation loss "
        + ("of the last stage " if stages > 1 else "")
        + f"(grey line, after {best:.1f} passes)"
        + ("; dotted lines part the stages." if stages > 1 else ".")
        + " Where the training loss goes on falling and the validation loss does not, the model "
        "fits its training part only.",
        f"Two curves of loss over {end:.1f} passes in {stages} "
        f"{'stages' if stages > 1 else 'stage'}; the kept weights have a validation loss "
        f"of {lowest:.2f} thousandths of a nat, after {best:.1f} passes.",
    )


def _kept(history: pd.DataFrame) -> int:
    """Number of the round whose weights were kept: the lowest loss of the last stage."""
    last = (history["stage"] == history["stage"].max()).to_numpy()
    return int(np.where(last, history["validation_loss"].to_numpy(), np.inf).argmin())


def _intervals(axes: Axes, rows: pd.DataFrame, height: np.ndarray, **look: Any) -> None:
    """Values as dots with their intervals as lines, at given heights."""
    axes.hlines(height, rows["ci_low"], rows["ci_high"], color=look["color"], linewidth=1.4)
    axes.plot(rows["value"], height, linestyle="", markersize=6, **look)


def performance(table: pd.DataFrame, baselines: Mapping[str, pd.DataFrame] | None = None) -> Drawn:
    """ROC AUC and PR AUC by training and test set, mean of the seeds, beside the paper's.

    A diamond is filled where the paper's value lies outside the interval of one more training, grey
    where there is but one seed.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.seeds.over_seeds`, one recipe.
    baselines : mapping of name to DataFrame, optional
        Rows of the same columns of other models, shown without intervals.
    """
    first = table[table["metric"] == "roc_auc"]
    pairs = list(zip(first["train_set"], first["test_set"], strict=True))
    new = np.array([i > 0 and pair[0] != pairs[i - 1][0] for i, pair in enumerate(pairs)])
    height = -(np.arange(len(pairs)) + 0.7 * np.cumsum(new)).astype(float)
    several = len({train_set for train_set, _ in pairs}) > 1
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.1 + 0.21 * len(pairs) + 0.15 * new.sum()),
        layout="constrained", sharey=True,
    )  # fmt: skip
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        rows = table[table["metric"] == metric].set_index(["train_set", "test_set"]).loc[pairs]
        _intervals(axes, rows, height, color="#0072B2", marker="o", label="ours, mean of seeds")
        printed, outside = rows["paper_value"].notna(), differs_from_paper(rows)
        lone = rows["ci_low"].isna()
        for chosen, colour, label in (
            (printed & ~outside & ~lone, "white", "paper, inside the interval"),
            (printed & outside, "#000000", "paper, outside the interval"),
            (printed & lone, "#BBBBBB", "paper, beside one seed"),
        ):
            if not chosen.any():
                continue
            axes.plot(
                rows.loc[chosen, "paper_value"], height[chosen], linestyle="", marker="D",
                markerfacecolor=colour, markeredgecolor="#000000", markersize=4.5, label=label,
            )  # fmt: skip
        for number, (name, others) in enumerate((baselines or {}).items()):
            of_metric = others[others["metric"] == metric]
            value = of_metric.drop_duplicates(["train_set", "test_set"]).set_index(
                ["train_set", "test_set"]
            )["value"]
            axes.plot(
                value.reindex(pairs), height, linestyle="", marker="|x"[number % 2], markersize=7,
                color="#D55E00", label=name, zorder=1.5,
            )  # fmt: skip
        axes.set_yticks(height, [style.label(test_set) for _, test_set in pairs])
        axes.set_ylim(height.min() - 0.6, height.max() + 0.6)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.05)
        if metric == "roc_auc":
            axes.set_xlim(right=1.0)
        else:
            axes.set_xlim(left=0)
        axes.set_xlabel(title)
    panels[0].set_ylabel("test set")
    if several:
        for train_set in dict.fromkeys(train_set for train_set, _ in pairs):
            mine = [h for h, pair in zip(height, pairs, strict=True) if pair[0] == train_set]
            panels[1].annotate(
                f"trained on\n{style.label(train_set)}",
                (1.01, float(np.mean(mine))),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
            )
    _one_legend(figure, panels)
    return Drawn(figure, *_say_pairs(table, baselines or {}))


def _one_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Name what any panel shows, once."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside upper right", ncols=3)


def _say_pairs(table: pd.DataFrame, baselines: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """Caption and alternative text of `performance`."""
    judged = table["paper_value"].notna() & table["ci_low"].notna()
    outside = differs_from_paper(table)[judged]
    beside = " and ".join(baselines)
    several = table["test_set"].nunique() > 1
    hardest = table[table["metric"] == "roc_auc"].groupby("test_set")["value"].mean().idxmin()
    drawn = (
        "the mean of the seeds (dots), and the 95% interval in which one more training would lie "
        "(lines)"
        if table["ci_low"].notna().any()
        else "one training each (dots), so that there is no interval for another one"
    )
    caption = (
        f"Scores on the test part, a row a pair of training and test set: {drawn}"
        + (f"; in orange the baselines ({beside}), trained on the same sites" if beside else "")
        + "."
        + (
            " Diamonds are the paper's values, filled where they lie outside that interval: "
            f"{outside.sum()} of {len(outside)} do."
            if len(outside)
            else ""
        )
        + (f" The hardest test set is {source_name(str(hardest))}." if several else "")
    )
    told = []
    for metric, title in METRIC_NAMES.items():
        value = table.loc[table["metric"] == metric, "value"]
        told.append(f"{title} from {value.min():.3f} to {value.max():.3f}")
    n = len(table) // len(METRIC_NAMES)
    return caption, f"Two panels of {n} dots with intervals: {' and '.join(told)}."


def labels(table: pd.DataFrame, alpha: float = 0.05) -> Drawn | None:
    """Score of the curated set's models minus that of each source's, by test set.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.seeds.label_differences`; nothing is drawn of none.
    alpha : float
        Corrected p-values below it are drawn filled.
    """
    table = table[table["difference"].notna()] if len(table) else table
    if table.empty:
        return None
    tests = [*dict.fromkeys(table["test_set"])][::-1]  # sites that no step used stand last: first
    sources = [*dict.fromkeys(table["train_set"])]
    height = {
        (test, source): -(number * (len(sources) + 1) + place)
        for number, test in enumerate(tests)
        for place, source in enumerate(sources)
    }
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.2 + 0.17 * len(tests) * (len(sources) + 1)),
        layout="constrained", sharey=True,
    )  # fmt: skip
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        axes.axvline(0, color=style.FAINT, linewidth=0.8, zorder=0)
        for number in range(1, len(tests)):
            between = 1 - number * (len(sources) + 1)
            axes.axhline(between, color="#E4E4E4", linewidth=0.6, zorder=0)
        for source in sources:
            rows = table[(table["metric"] == metric) & (table["train_set"] == source)]
            look = style.source(source, sources)
            at = np.array([height[test, source] for test in rows["test_set"]])
            axes.hlines(at, rows["ci_low"], rows["ci_high"], color=look["color"], linewidth=1.4)
            sure = (rows["p_adjusted"] < alpha).to_numpy()
            for chosen, filled in ((sure, look["color"]), (~sure, "white")):
                axes.plot(
                    rows["difference"][chosen], at[chosen], linestyle="", marker=look["marker"],
                    color=look["color"], markerfacecolor=filled,
                )  # fmt: skip
            axes.plot(
                [], [], linestyle="", marker=look["marker"], color=look["color"],
                label=style.label(source),
            )  # fmt: skip
        middle = [
            np.mean([height[test, source] for source in sources]).astype(float) for test in tests
        ]
        axes.set_yticks(middle, [style.label(test) for test in tests])
        axes.set_xlabel(f"Δ{title}: curated minus the source")
    panels[0].set_ylabel("tested on")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, title="trained on")
    pr = table[table["metric"] == "pr_auc"]
    sure = pr["p_adjusted"] < alpha
    up, down = (sure & (pr["difference"] > 0)).sum(), (sure & (pr["difference"] < 0)).sum()
    return Drawn(
        figure,
        "Score of models trained on the curated set minus that of models trained on one source, "
        "with 95% intervals over blocks of the genome and seeds. Right of zero, curated labels are "
        "better. Filled: significant after correction for the sources. Where the test set is that "
        "of the source itself, its own labels have the advantage.",
        f"Two panels of differences for {len(tests)} test sets and {len(sources)} sources; in PR "
        f"AUC, {up} of {len(pr)} are significantly above zero and {down} below.",
    )


def seeds(dots: pd.DataFrame) -> Drawn | None:
    """Scores of the seeds of two kinds of network: a dot a seed, a line at the mean.

    Parameters
    ----------
    dots : DataFrame
        Columns kind, model, test_set, metric, value; nothing is drawn of none.
    """
    if dots.empty:
        return None
    tests, kinds = [*dict.fromkeys(dots["test_set"])], [*dict.fromkeys(dots["kind"])]
    rows = [(test, kind) for test in tests for kind in kinds]
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.0 + 0.32 * len(rows)), layout="constrained", sharey=True
    )
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        for number, (test, kind) in enumerate(rows):
            chosen = (dots["metric"] == metric) & (dots["test_set"] == test)
            value = dots.loc[chosen & (dots["kind"] == kind), "value"]
            look = ("#0072B2", "o") if kind == kinds[0] else ("#D55E00", "s")
            axes.plot(
                value, np.full(len(value), -number), linestyle="", marker=look[1], color=look[0],
                markerfacecolor="white",
            )  # fmt: skip
            axes.vlines(value.mean(), -number - 0.3, -number + 0.3, color="#000000", linewidth=1.4)
        axes.set_yticks(
            [-number for number in range(len(rows))],
            [f"{kind}, on {style.label(test)}" for test, kind in rows],
        )
        axes.set_ylim(-len(rows) + 0.4, 0.6)
        axes.set_xlabel(title)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
    pr = dots[dots["metric"] == "pr_auc"]
    told = []
    for test, kind in rows:
        value = pr.loc[(pr["test_set"] == test) & (pr["kind"] == kind), "value"].mean()
        told.append(f"{kind} {value:.3f} on {source_name(test)}")
    return Drawn(
        figure,
        "Networks with attention (circles) and with dilations instead of it (squares), given the "
        "same labels, targets and sequence: a dot a seed, a line at the mean of the seeds.",
        f"Two panels of dots; mean PR AUC: {', '.join(told)}.",
    )


def recall(table: pd.DataFrame, few: int = 10) -> Drawn:
    """Share of the sites found, by kind of site, with intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.kinds.recall_by`.
    few : int
        Groups of fewer sites are not drawn.
    """
    shown = table[(table["n"] >= few) | (table["kind"] == "all")].reset_index(drop=True)
    overlap = (
        "Kinds go together: genes with a rare start codon may have a better Shine-Dalgarno word."
        if "start codon" in set(shown["kind"])
        else "Kinds overlap: a strong promoter is seen by more sources and under more conditions."
    )
    new = shown["kind"].ne(shown["kind"].shift()).cumsum()
    height = -(shown.index.to_numpy() + 0.6 * (new - 1).to_numpy())
    figure, axes = plt.subplots(
        figsize=(0.8 * style.WIDTH, 0.8 + 0.24 * -float(height.min())), layout="constrained"
    )
    axes.hlines(
        height, 100 * shown["ci_low"], 100 * shown["ci_high"], color="#0072B2", linewidth=1.4
    )
    axes.plot(100 * shown["recall"], height, linestyle="", marker="o", color="#0072B2")
    axes.axvline(100 * shown["recall"].iloc[0], color=style.FAINT, linewidth=0.8, zorder=0)
    names = [
        f"{row['group']} (n = {row['n']:,})"
        if row["kind"] == "all"
        else f"{row['kind']}: {row['group']} (n = {row['n']:,})"
        for row in shown.to_dict("records")
    ]
    axes.set_yticks(height, names)
    axes.set(xlabel="share of the sites found, %", xlim=(0, 100))
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)
    least, most = (
        shown.iloc[int(at)] for at in (shown["recall"].argmin(), shown["recall"].argmax())
    )
    return Drawn(
        figure,
        "Recall by kind of site, as many calls as there are sites, with exact 95% intervals; the "
        f"grey line is that of all sites. {overlap} Groups of fewer than {few} are not drawn.",
        f"{len(shown)} dots with intervals, from {least['recall']:.0%} ({least['group']}) to "
        f"{most['recall']:.0%} ({most['group']}); of all sites {shown['recall'].iloc[0]:.0%}.",
    )


def models(table: pd.DataFrame, printed: Mapping[str, float] | None = None) -> Drawn:
    """Several models on the same labels: ROC AUC and PR AUC with intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.scores.compare`; a dot is hollow where a column ``earlier`` is
        true.
    printed : mapping of metric to number, optional
        The paper's values.
    """
    names = list(dict.fromkeys(table["model"]))
    height = -np.arange(len(names)).astype(float)
    figure, panels = plt.subplots(
        1, 2, figsize=(style.WIDTH, 1.1 + 0.28 * len(names)), layout="constrained", sharey=True
    )
    for axes, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
        rows = table[table["metric"] == metric].set_index("model").loc[names]
        old = rows.get("earlier", pd.Series(False, rows.index)).to_numpy(dtype=bool)
        _intervals(axes, rows[~old], height[~old], color="#0072B2", marker="o")
        if old.any():
            look = {"color": "#0072B2", "marker": "o", "markerfacecolor": "white"}
            _intervals(axes, rows[old], height[old], **look)
        value = (printed or {}).get(metric, np.nan)
        if np.isfinite(value):
            axes.axvline(value, color="#000000", linestyle="--", linewidth=0.9)
            axes.annotate(
                "paper", (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize=8,
            )  # fmt: skip
        axes.set_yticks(height, names)
        axes.locator_params(axis="x", nbins=5)  # scores that agree to three decimals need room
        axes.set_ylim(height.min() - 0.6, 0.6)
        axes.set_xlabel(title)
        if metric == "pr_auc":
            axes.set_xlim(left=0)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("model")
    pr = table[table["metric"] == "pr_auc"].set_index("model")["value"]
    hollow = bool(table.get("earlier", pd.Series(dtype=bool)).any())
    return Drawn(
        figure,
        "Models trained on the same sites, on the same test part, with 95% intervals."
        + (" Dashed: the paper's value." if printed else "")
        + (" Hollow: from an earlier run." if hollow else "")
        + " Intervals of two models may overlap although their difference is significant, as the "
        "same stretches of genome are hard for both; the folded table gives the paired difference.",
        f"Two panels of {len(names)} dots with intervals; PR AUC is highest for {pr.idxmax()} "
        f"({pr.max():.3f}) and lowest for {pr.idxmin()} ({pr.min():.3f}).",
    )


def matching(table: pd.DataFrame) -> Drawn:
    """Average precision of one-to-one matching by tolerance, with intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.calls.match_table`, with a column ``model``.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    names = list(dict.fromkeys(table["model"]))
    tolerances = sorted(set(table["tolerance"]))
    for number, name in enumerate(names):
        rows = table[table["model"] == name].set_index("tolerance").loc[tolerances]
        look = style.line(number)
        place = np.arange(len(tolerances)) + 0.08 * (number - (len(names) - 1) / 2)
        axes.plot(place, rows["average_precision"], label=name, marker="os^Dv*"[number % 6], **look)
        axes.vlines(place, rows["ci_low"], rows["ci_high"], color=look["color"], linewidth=1.0)
    axes.set_xticks(
        range(len(tolerances)), ["exact" if not one else f"±{one} nt" for one in tolerances]
    )
    axes.set(
        xlabel="farthest that a call may be from its site",
        ylabel="average precision,\none call a site",
        ylim=(0, None),
    )
    axes.legend(title="model", loc="center left", bbox_to_anchor=(1.0, 0.5))
    first = table[table["model"] == names[0]].set_index("tolerance")["average_precision"]
    told = ", ".join(
        f"{first[one]:.3f} {'at the exact position' if not one else f'within {one} nt'}"
        for one in tolerances
    )
    return Drawn(
        figure,
        "Average precision with 95% intervals, by how far a call may lie from its site; each site "
        "counts for one call. The rise from the left is the error of a nucleotide or two; what is "
        "missing to 1 at the right is error of another kind.",
        f"A rising line for each of {len(names)} models; for {names[0]}, {told}.",
    )


def false_calls(distances: pd.DataFrame, places: pd.DataFrame) -> Drawn:
    """Where calls without a site lie: distance to the nearest known site, and among the genes.

    Parameters
    ----------
    distances : DataFrame
        From `genoattn.evaluation.errors.distance_shares`.
    places : DataFrame
        From `genoattn.evaluation.errors.place_shares`.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, 3.8), layout="constrained", width_ratios=[1.5, 1]
    )
    groups = list(dict.fromkeys(distances["sites"]))
    classes = list(dict.fromkeys(distances["distance"]))
    looks = [("#0072B2", ""), ("#E69F00", "///"), ("#009E73", "...")]
    width = 0.8 / (len(groups) + 1)
    for number, name in enumerate(groups):
        rows = distances[distances["sites"] == name]
        colour, hatch = looks[number % 3]
        place = np.arange(len(classes)) - 0.4 + width * (number + 0.5)
        left.bar(
            place, 100 * rows["share"], width, color=colour, hatch=hatch, edgecolor="white",
            label=name,
        )  # fmt: skip
    last = distances[distances["sites"] == groups[-1]]
    left.bar(
        np.arange(len(classes)) + 0.4 - width / 2, 100 * last["expected"], width,
        color="white", edgecolor=style.FAINT, label=f"any position, to {groups[-1]}",
    )  # fmt: skip
    left.set_xticks(range(len(classes)), classes, rotation=20)
    left.set(xlabel="distance to the nearest site, nt", ylabel="share of the false positives, %")
    left.legend(title="nearest site of", loc="upper center", bbox_to_anchor=(0.4, -0.33), ncols=1)
    whats = list(dict.fromkeys(places["what"]))
    wide = places.pivot(index="what", columns="place", values="share").loc[whats]
    wide = wide[list(dict.fromkeys(places["place"]))]
    before = np.zeros(len(whats))
    for (name, share), (colour, hatch) in zip(wide.items(), looks, strict=False):
        right.barh(
            whats[::-1], 100 * share[::-1], left=before, color=colour, hatch=hatch,
            edgecolor="white", label=str(name),
        )  # fmt: skip
        before += 100 * share[::-1].to_numpy()
    right.set(xlabel="share, %", xlim=(0, 100))
    right.legend(loc="upper center", bbox_to_anchor=(0.3, -0.2), ncols=1)
    near = last[last["distance"].isin(["0", "1 to 5"])][["share", "expected"]].sum()
    free = wide.iloc[:, 0]
    return Drawn(
        figure,
        "Left: distance of the false positives to the nearest site, beside that of all positions "
        "(white). At small distances, a bar that is higher than the white one beside it shows "
        "false positives that a set of sites explains. Right: where false and true positives, "
        "sites and "
        "all positions lie among the genes.",
        f"Bars: {near['share']:.0%} of the false positives lie within 5 nt of a site of "
        f"{groups[-1]}, and {near['expected']:.1%} of all positions. Stacked bars: "
        + ", ".join(f"{share:.0%} of {what}" for what, share in free.items())
        + f" lie {free.name}.",
    )


def ablation(table: pd.DataFrame, metric: str = "pr_auc") -> Drawn | None:
    """What each step of building a model brought: one dot a seed, a bar at the mean.

    Parameters
    ----------
    table : DataFrame
        Columns step, what, seed and the metric; steps in their order. Nothing is drawn of none.
    metric : str
        Column shown.
    """
    if table.empty:
        return None
    steps = list(dict.fromkeys(table["step"]))
    what = table.drop_duplicates("step").set_index("step")["what"]
    height = {step: -number for number, step in enumerate(steps)}
    names = [textwrap.fill(str(what[step]), 40) for step in steps]
    lines = max(name.count("\n") for name in names) + 1
    size = (style.WIDTH, 0.9 + (0.15 + 0.15 * lines) * len(steps))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.plot(
        table[metric], table["step"].map(height), "o", color="#0072B2", markerfacecolor="white"
    )
    mean = table.groupby("step")[metric].mean().loc[steps]
    axes.vlines(
        mean, [height[step] - 0.3 for step in steps], [height[step] + 0.3 for step in steps],
        color="#000000", linewidth=1.4,
    )  # fmt: skip
    axes.set_yticks(list(height.values()), names)
    axes.set_ylim(-len(steps) + 0.4, 0.6)
    title = METRIC_NAMES.get(metric, metric)
    axes.set_xlabel(f"{title} (dots: seeds, line: their mean)")
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)
    spread = table.groupby("step")[metric].agg(lambda one: one.max() - one.min()).max()
    return Drawn(
        figure,
        f"{title} of each step, from the top down: a dot a seed, a line at their mean. A step is a "
        f"gain if it moves the line by more than seeds of one step differ (at most {spread:.3f}).",
        f"{len(steps)} steps; {title} goes from {mean.iloc[0]:.3f} in the first to "
        f"{mean.iloc[-1]:.3f} in the last.",
    )


def gene_terms(tables: Mapping[str, pd.DataFrame]) -> Drawn | None:
    """What the distance to the next gene adds to the log-odds of a site.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        Each from `genoattn.prediction.ensemble.GenePrior.table`; nothing is drawn of none.
    """
    if not tables:
        return None
    figure, axes = plt.subplots(figsize=(style.WIDTH, 2.8), layout="constrained")
    for number, (name, table) in enumerate(tables.items()):
        axes.plot(
            table["distance"], table["log_odds"], label=name, marker="o", **style.line(number)
        )
    axes.axhline(0, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.set(xlabel="distance to the next gene's first nucleotide, nt", ylabel="added log-odds")
    axes.legend()
    terms = list(tables.values())[-1].set_index("distance")["log_odds"]
    return Drawn(
        figure,
        "What the distance to the next gene downstream adds to the log-odds of a site, an ensemble "
        "a line. Above zero, a position is more likely to be a site than its sequence alone says; "
        "below, less.",
        f"{len(tables)} line{'s' * (len(tables) > 1)} over {len(terms)} classes of distance. In "
        f"the last line, {terms.iloc[0]:+.1f} at {terms.index[0]} nt and {terms.iloc[-1]:+.1f} at "
        f"{terms.index[-1]}.",
    )


def resolution(table: pd.DataFrame, paper_pr_auc: Mapping[int, float] | None = None) -> Drawn:
    """PR AUC by the length of the k-mers, mean and maximum of the output; bands are intervals.

    Parameters
    ----------
    table : DataFrame
        From `genoattn.evaluation.scores.kmer_resolution`.
    paper_pr_auc : mapping of k to PR AUC, optional
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.2), layout="constrained")
    table = table[table["metric"] == "pr_auc"]
    for number, (how, label) in enumerate(
        (("mean", "mean of the output, as the paper"), ("max", "maximum of the output"))
    ):
        rows, look = table[table["how"] == how], style.line(number)
        axes.fill_between(
            rows["k"], rows["ci_low"], rows["ci_high"], color=look["color"], alpha=0.15, lw=0
        )
        axes.plot(rows["k"], rows["value"], label=label, marker="os"[number], **look)
    chance = table[table["how"] == "mean"]
    axes.plot(
        chance["k"], chance["positive_share"], color=style.FAINT, linestyle=":", label="chance"
    )
    if paper_pr_auc:
        axes.plot(
            list(paper_pr_auc),
            list(paper_pr_auc.values()),
            "D",
            markerfacecolor="white",
            markeredgecolor="#000000",
            label="paper",
            zorder=5,
        )
    axes.set(xlabel="resolution: length k of the k-mers, nt", ylabel="PR AUC", ylim=(0, None))
    axes.set_xticks(sorted(set(table["k"])))
    axes.legend(loc="best")
    by_mean = chance.set_index("k")
    last = by_mean.index.max()
    return Drawn(
        figure,
        "PR AUC when *k*-mers are scored instead of nucleotides, by the mean of the output over a "
        "*k*-mer and by its maximum; bands are 95% intervals. Part of the rise is owed to chance, "
        "as longer *k*-mers hold a site more often (dotted)."
        + (" Diamonds: the paper, by the mean." if paper_pr_auc else ""),
        f"Two curves; by the mean, PR AUC goes from {by_mean.loc[1, 'value']:.3f} at k = 1 to "
        f"{by_mean.loc[last, 'value']:.3f} at k = {last}.",
    )


def precision_recall(curves: Mapping[str, pd.DataFrame], of: str = "test set") -> Drawn:
    """Precision against recall on the test part, exact positions.

    Parameters
    ----------
    curves : mapping of name to DataFrame
        Columns recall and precision, from `genoattn.evaluation.scores.precision_recall`.
    of : str
        What the names are: 'test set' (drawn as sources are everywhere) or anything else.
    """
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.4), layout="constrained")
    for number, (name, curve) in enumerate(curves.items()):
        look, label = style.line(number), name
        if of == "test set":
            look = {**style.source(name, curves), "marker": None}
            label = style.label(name)
        axes.plot(curve["recall"], curve["precision"], label=label, **look)
    axes.set(
        xlabel="recall: share of the labelled sites found",
        ylabel="precision: share of\nfound positions labelled",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.legend(title=of)
    half = {
        name: float(np.interp(0.5, curve["recall"], curve["precision"]))
        for name, curve in curves.items()
    }
    if of == "test set":
        half = {source_name(name): value for name, value in half.items()}
    told = ", ".join(f"{name} {value:.2f}" for name, value in half.items())
    return Drawn(
        figure,
        f"Precision against recall at exact positions, a line a {of}. Precision at high recall is "
        "what is paid for finding nearly all sites; guessing would lie at the bottom.",
        f"{len(curves)} falling curves; precision at a recall of one half: {told}.",
    )


def calibration(tables: Mapping[str, pd.DataFrame]) -> Drawn:
    """Share of sites among positions of like output; on the diagonal, the output is a probability.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        From `genoattn.evaluation.scores.calibration`; the first has its intervals drawn.
    """
    figure, axes = plt.subplots(figsize=(0.85 * style.WIDTH, 3.8), layout="constrained")
    axes.plot([1e-7, 1], [1e-7, 1], color=style.FAINT, linestyle="--", linewidth=0.9)
    low = 1.0
    for number, (name, table) in enumerate(tables.items()):
        seen = table[table["share"] > 0]
        axes.plot(
            seen["output"], seen["share"], marker="os^Dv*"[number % 6], label=name,
            **style.line(number),
        )  # fmt: skip
        low = min(low, 0.5 * min(seen["output"].min(), seen["share"].min()))
        if not number:
            colour = style.line(number)["color"]
            axes.vlines(seen["output"], seen["ci_low"], seen["ci_high"], color=colour, lw=1.0)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, 1),
        ylim=(low, 1),
        xlabel="mean output of the positions",
        ylabel="share of them that are labelled",
    )
    axes.legend(title="model", loc="center left", bbox_to_anchor=(1.0, 0.5))
    name, first = next(iter(tables.items()))
    top = first.iloc[-1]
    return Drawn(
        figure,
        "Share of sites among positions of like output, both on log scales; vertical lines are 95% "
        f"intervals of {name}. On the dashed diagonal the output is a probability; below it, the "
        "output is too high. Bins without a site have no place here.",
        f"{len(tables)} curves beside the diagonal; in the highest bin of {name}, the output "
        f"averages {top['output']:.2f} and the share of sites is {top['share']:.2f}.",
    )
