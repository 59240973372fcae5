"""What the chapter training says of the best model: frames in, sentences out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from genoattn.chapters.training_numbers import score
from genoattn.data.assays import source_name
from genoattn.study.report import folded, in_words, table

NO_SITE = "Left out: the validation part has no site to choose a model by."


def best_verdict(chosen: pd.DataFrame, away: pd.DataFrame) -> str:
    """Name the best model without genes in a sentence, with its scores on the test part.

    Parameters
    ----------
    chosen : DataFrame
        From `genoattn.chapters.training_best.best`.
    away : DataFrame
        PR AUC on sites that no step used: model, test_set, value, ci_low, ci_high.
    """
    if chosen.empty:
        return ""
    first = chosen.iloc[0]
    n = int(first["n_models"])
    mean = f", the mean log-odds of {in_words(n)} networks" if n > 1 else ""
    told = [f"a PR AUC of {score(first)} on the test part"]
    told += [
        f"{score(row)} on {source_name(row['test_set'])}"
        for row in away[away["model"] == first["model"]].to_dict("records")
    ]
    return (
        f"**The best model that is told nothing of genes is *{first['model']}***{mean}, chosen on "
        f"the validation part: {' and '.join(told)}."
    )


def say_best(
    chosen: pd.DataFrame, away: pd.DataFrame, train_set: str, with_genes: Sequence[str]
) -> str:
    """Say which model is the best, whether the test part agrees, and what genes change elsewhere.

    Parameters
    ----------
    chosen, away : DataFrame
        As for `best_verdict`; the candidates from the best on.
    train_set : str
    with_genes : sequence of str
        Ensembles with genes, which are no candidates.
    """
    first = chosen.iloc[0]
    said = best_verdict(chosen, away)
    rank = int((chosen["value"] > first["value"]).sum())
    if len(chosen) > 1:
        said += (
            f" It was chosen among {len(chosen)} models and ensembles by its PR AUC on the "
            f"validation part ({first['validation_pr_auc']:.3f}). On the test part, scored once, "
            + (
                "none of the others is higher."
                if not rank
                else f"{rank} of the others {'is' if rank == 1 else 'are'} higher, by "
                f"{(chosen['value'].max() - first['value']):.3f} at most."
            )
        )
    extra = away[away["model"].isin(with_genes)]
    if len(extra) and (away["model"] == first["model"]).any():
        names = "; ".join(
            f"*{row['model']}*, with {score(row)} on {source_name(row['test_set'])}"
            for row in extra.sort_values("value").iloc[[-1]].to_dict("records")
        )
        said += (
            " The ensembles that also use where genes begin, explained under *What the next gene "
            "adds*, are no candidates: what they learn from the genes may be which sites the "
            f"{source_name(train_set)} holds. Of these ensembles, the best on sites that no step "
            f"of the curation used is {names}."
        )
    shown = pd.DataFrame(
        [
            [row["model"], f"{row['validation_pr_auc']:.3f}", score(row)]
            for row in chosen.to_dict("records")
        ],
        columns=["model", "PR AUC, validation", "PR AUC, test"],
    )
    return f"{said}\n\n" + folded("All candidates", table(shown))
