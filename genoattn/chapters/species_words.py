"""What the chapter species says: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from genoattn.evaluation.scores import METRIC_NAMES
from genoattn.study.report import folded, in_words, listed, table, with_interval

TWICE = 2.0
"""A model of many species should at least double the PR AUC elsewhere."""
AT_HOME = 0.03
"""So much of *E. coli*'s PR AUC it may lose."""
SIGNIFICANT = 0.05

PROPERTIES = {"gc": "GC content", "in_common": "resemblance of the −10 element to *E. coli*'s"}


def say_absent(why_not: str) -> str:
    """Say that the chapter has nothing to look at."""
    return (
        f"The tables of other species, or the run of *E. coli*, are not here ({why_not}), so this "
        "chapter is skipped. The page of data says where the tables come from."
    )


def say_audit(audit: pd.DataFrame) -> str:
    """Say which tables are used, and list those set apart."""
    apart = audit[audit["apart"] != ""]
    used = len(audit) - len(apart)
    said = (
        f"**{used} of {len(audit)} tables** pass the audit, with "
        f"{audit.loc[audit['apart'] == '', 'n'].sum():,} primary start sites of "
        f"{in_words(audit.loc[audit['apart'] == '', 'lineage'].nunique())} lineages. "
    )
    if apart.empty:
        return said
    reasons = apart[["species", "apart"]].rename(columns={"apart": "why"})
    return said + "\n\n" + folded(f"{len(apart)} tables set apart", table(reasons)) + "\n"


def say_models(families: Mapping[str, Collection[str]], lacking: Collection[str]) -> str:
    """Say which models of many species there are."""
    if not families:
        return "No model of many species has been trained in this run, so there is none below. "
    known = "; ".join(
        f"`{family}` on {in_words(len(of))} lineages" for family, of in families.items()
    )
    missing = f" Not trained, so left out: {listed(f'`{name}`' for name in lacking)}."
    return (
        f"Tested on lineages that their training left out: {known}."
        + (missing if lacking else "")
        + " "
    )


def say_located(
    shares: pd.DataFrame, tests: pd.DataFrame, reference: str, reach: int, within: int
) -> str:
    """Say how well each model localises the sites of the median species, and who beats whom."""
    one = shares[(shares["reach"] == reach) & (shares["within"] == within)]
    rows = []
    for model, own in one.groupby("model", sort=False):
        pairs = tests[tests["model"] == model]
        sure = pairs[pairs["p"] < SIGNIFICANT]
        rows.append(
            {
                "model": model,
                "species": len(own),
                "median share": f"{own['share'].median():.2f}",
                "lowest": f"{own['share'].min():.2f}",
                "highest": f"{own['share'].max():.2f}",
                f"better than {reference}": "" if pairs.empty else (sure["difference"] > 0).sum(),
                "worse": "" if pairs.empty else (sure["difference"] < 0).sum(),
            }
        )
    chance = (2 * within + 1) / (2 * reach + 1)
    return (
        table(pd.DataFrame(rows))
        + f"\nShare of sites with the highest output within {within} nt, of ±{reach} nt around "
        f"each, in a sample of at most {one['n'].max()} sites of a species; "
        f"a random position has {chance:.2f}. *Better* and *worse* count species in which "
        f"the difference from `{reference}` is significant (McNemar's exact test, Holm's "
        f"correction for {len(tests)} comparisons)."
    )


def say_wide(shares: pd.DataFrame, reference: str, reach: int, wide: int, within: int) -> str:
    """Say how the shares fall in wider windows, for the species whose genome is known."""
    own = shares[(shares["model"] == reference) & (shares["within"] == within)]
    both = own.pivot_table(index="species", columns="reach", values="share", sort=False)
    if wide not in both or reach not in both:
        return ""
    rows = [
        f"*{species}* {near:.2f} and {far:.2f}"
        for species, near, far in both.dropna()[[reach, wide]].itertuples()
    ]
    return (
        f" Where the whole genome is at hand, windows can be wider. Shares of `{reference}` within "
        f"±{reach} and ±{wide} nt: {listed(rows)}."
    )


def say_followed(properties: pd.DataFrame, lineages: pd.DataFrame) -> str:
    """Say what the share of a species follows, for each model."""
    shown = pd.DataFrame(
        {
            "model": properties["model"],
            "property": properties["property"].map(PROPERTIES),
            "species": properties["n"],
            "rank correlation": [
                with_interval(row["correlation"], row["ci_low"], row["ci_high"])
                for _, row in properties.iterrows()
            ],
            "p, corrected": properties["p"].map("{:.2g}".format),
        }
    )
    kinds = pd.DataFrame(
        {
            "model": lineages["model"],
            "lineages": lineages["groups"],
            "variance between species explained": lineages["explained"].map("{:.0%}".format),
            "by chance": lineages["expected"].map("{:.0%}".format),
            "p, corrected": lineages["p"].map("{:.2g}".format),
        }
    )
    sure = properties[properties["p"] < SIGNIFICANT]
    told = [
        f"{PROPERTIES[str(row['property'])]} for `{row['model']}` "
        f"({with_interval(row['correlation'], row['ci_low'], row['ci_high'])})"
        for _, row in sure.iterrows()
    ]
    said = (
        f"After correction, {in_words(len(sure))} of {in_words(len(properties))} rank correlations "
        f"of the share with a property {'is' if len(sure) == 1 else 'are'} significant"
        + (f": {listed(told)}." if told else ".")
    )
    if len(lineages):
        explained, n = lineages["explained"], int((lineages["p"] < SIGNIFICANT).sum())
        said += (
            f" Lineages explain {explained.min():.0%} to {explained.max():.0%} of the variance "
            f"between species, where {lineages['expected'].mean():.0%} would be explained by "
            f"chance; this is significant for {in_words(n)} of {in_words(len(lineages))} models."
        )
    return f"{said}\n\n" + folded("All models", table(shown) + "\n" + table(kinds))


def say_scored(found: pd.DataFrame, reference: str, most: int) -> str:
    """List PR AUC and ROC AUC of every model on every genome."""
    rows = []
    for (species, model), own in found.groupby(["species", "model"], sort=False):
        cells: dict[str, object] = {"species": species, "model": model}
        for metric, k in (("pr_auc", 1), ("pr_auc", 10), ("roc_auc", 1)):
            row = own[(own["metric"] == metric) & (own["resolution"] == k)].iloc[0]
            name = METRIC_NAMES[metric] + (f", {k}-mers" if k > 1 else "")
            cells[name] = with_interval(row["value"], row["ci_low"], row["ci_high"], ".3f")
        row = own[(own["metric"] == "pr_auc") & (own["resolution"] == 1)].iloc[0]
        bounds = row["difference_low"], row["difference_high"]
        cells[f"PR AUC − {reference}"] = (
            "" if model == reference else with_interval(row["difference"], *bounds, "+.3f")
        )
        rows.append(cells)
    part = f" Of each genome, {most:,} nt from the middle on are scored." if most else ""
    shown = table(pd.DataFrame(rows), "Scores over whole genomes, a row a species and model")
    return shown + "\nEvery position of both strands counts." + part


def say_best(table_of_models: pd.DataFrame) -> str:
    """Say which weights a genome of one's own is best read with.

    Parameters
    ----------
    table_of_models : DataFrame
        model, networks, pr_auc, ratio, better, worse, genomes; the first row is the reference. To
        be named, a model has to be better than the reference on most genomes, and worse on none.
    """
    reference, genomes = table_of_models["model"].iloc[0], int(table_of_models["genomes"].max())
    fair = table_of_models[
        (table_of_models["better"] > genomes / 2) & (table_of_models["worse"] == 0)
    ].sort_values("pr_auc")
    quick = fair[fair["networks"] == 1]
    if fair.empty:
        said = f"None is better than `{reference}` on most of the genomes and worse on none."
    else:
        best = fair.iloc[-1]
        said = (
            f"**The best for a genome of another species is `{best['model']}`**, with "
            f"{best['ratio']:.2f} times the PR AUC of `{reference}`; it is better on "
            f"{in_words(best['better'])} of {in_words(genomes)} genomes"
        )
        if best["networks"] > 1:
            said += f" and takes the time of {in_words(best['networks'])} networks"
            if len(quick):
                second = quick.iloc[-1]
                said += (
                    f". Of those that take the time of one, it is `{second['model']}`, with "
                    f"{second['ratio']:.2f} times"
                )
        said += "."
    return said


def say_advice(table_of_models: pd.DataFrame) -> str:
    """List what each model reaches on other species, and say which is the best."""
    reference, genomes = table_of_models["model"].iloc[0], int(table_of_models["genomes"].max())
    shown = pd.DataFrame(
        {
            "model": table_of_models["model"],
            "networks read": table_of_models["networks"],
            "mean PR AUC": table_of_models["pr_auc"].map("{:.3f}".format),
            f"times `{reference}`": table_of_models["ratio"].map("{:.2f}".format),
            "better on": table_of_models["better"],
            "worse on": table_of_models["worse"],
        }
    )
    return (
        f"{table(shown)}\nMeans are over {in_words(genomes)} genomes of other species; better and "
        f"worse count those on which the interval of the difference to `{reference}` excludes "
        f"zero.\n\n{say_best(table_of_models)}"
    )


def say_verdict(verdicts: pd.DataFrame, reference: str) -> str:
    """Say whether each family of models earns its place, and by which number it fails."""
    told = []
    for _, row in verdicts.iterrows():
        reasons = [
            f"over {in_words(row['genomes'])} genome{'s' * (row['genomes'] != 1)} of lineages that "
            f"it has not seen, its mean PR AUC is {row['ratio']:.1f} times that of `{reference}` "
            f"({TWICE:g} are required)",
            "it is worse than the scanner on "
            f"{in_words(row['worse_than_scanner'], 'none')} of them",
            f"on *E. coli*'s test part, the PR AUC of `{row['family']} (all)`, trained on all "
            f"lineages, differs from that of `{reference}` by {row['ecoli']:+.3f} (at least "
            f"{-AT_HOME:+g} is required)",
        ]
        earns = "**earns its place**" if row["earned"] else "**does not earn its place**"
        told.append(f"`{row['family']}` {earns}: {'; '.join(reasons)}.")
    return " ".join(told)


def say_peers(found: pd.DataFrame) -> str:
    """List the scores of other predictors and of our models on the same positions."""
    if found.empty:
        return "No output of another predictor is at hand, so none is compared."
    rows = []
    for predictor, own in found.groupby("predictor", sort=False):
        cells: dict[str, object] = {"predictor": predictor}
        for metric, k in (("pr_auc", 1), ("pr_auc", 10), ("roc_auc", 1)):
            row = own[(own["metric"] == metric) & (own["resolution"] == k)].iloc[0]
            name = METRIC_NAMES[metric] + (f", {k}-mers" if k > 1 else "")
            cells[name] = with_interval(row["value"], row["ci_low"], row["ci_high"], ".3f")
        took = own["seconds"].iloc[0]
        cells["seconds for 1,000,000 nt"] = "" if pd.isna(took) else f"{took:,.1f}"
        rows.append(cells)
    return table(pd.DataFrame(rows)) + "\nAll are scored on the same positions of both strands."


def say_best_and_worst(shares: pd.DataFrame, reference: str, within: int) -> str:
    """Say in which species the first model localises most and fewest sites."""
    own = shares[shares["model"] == reference]
    best, worst = (own.loc[own["share"].agg(which)] for which in ("idxmax", "idxmin"))
    return (
        f"In the median of {len(own)} species, the output of `{reference}`, which was trained on "
        f"*E. coli* alone, is highest within {within} nt of the start site for "
        f"{own['share'].median():.0%} of the sites: from {worst['share']:.0%} "
        f"(*{worst['species']}*, {worst['gc']:.0f}% GC) to {best['share']:.0%} "
        f"(*{best['species']}*, {best['gc']:.0f}% GC)."
    )


def say_gc(properties: pd.DataFrame, reference: str) -> str:
    """Say whether the share falls with GC content."""
    row = properties[(properties["model"] == reference) & (properties["property"] == "gc")]
    if row.empty:
        return ""
    one = row.iloc[0]
    found = with_interval(one["correlation"], one["ci_low"], one["ci_high"])
    if one["p"] >= SIGNIFICANT:
        return (
            f"The share does not change significantly with GC content (rank correlation {found})."
        )
    falls = "falls" if one["correlation"] < 0 else "rises"
    return f"The share {falls} with GC content (rank correlation {found})."
