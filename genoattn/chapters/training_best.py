"""Step of the chapter training: the best model without genes, chosen on the validation part."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from genoattn.chapters import training_best_words as words
from genoattn.chapters.training_scores import Scores
from genoattn.evaluation import scores as metrics
from genoattn.prediction.ensemble import GENES, mean_log_odds
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = ["Best", "best"]


class Best(NamedTuple):
    """The model that the study recommends."""

    name: str
    chosen: pd.DataFrame
    """A row a candidate, from the best: model, validation_pr_auc; and of the test part, on the
    training set, value with ci_low and ci_high."""
    finding: Finding


def best(run: Run, scores: Scores, p: Checked) -> Best:
    """Choose among models and ensembles without genes on the validation part, confirm once."""
    models, data = scores.models, scores.data
    names = [name for name in scores.rivals if name in models.cards]
    ensembles = {
        name: members
        for name, members in models.ensembles.items()
        if GENES not in members and name in scores.rivals
    }
    part = data.split.mask("validation")
    outputs = {
        name: run.predict(models.files[name], "validation", data.split, p.accelerator)
        for name in names
    }
    outputs |= {
        name: mean_log_odds([outputs[one] for one in members])
        for name, members in ensembles.items()
        if {*members} <= {*outputs}
    }
    label = metrics.inside(scores.label, part)
    if not label.any():
        return Best(models.name, pd.DataFrame(), Finding(words.NO_SITE))
    value = {
        name: metrics.score(label, metrics.inside(output, part))["pr_auc"]
        for name, output in outputs.items()
    }
    test = scores.exact[scores.exact["metric"] == "pr_auc"]
    own = test[test["test_set"] == models.train_set].set_index("model")
    chosen = pd.DataFrame(
        [
            {"model": name, "validation_pr_auc": value[name], "value": own.at[name, "value"],
             "ci_low": own.at[name, "ci_low"], "ci_high": own.at[name, "ci_high"],
             "n_models": len(ensembles.get(name, [name]))}
            for name in sorted(value, key=lambda one: -value[one])
        ]
    )  # fmt: skip
    name = str(chosen["model"].iloc[0])
    away = test[test["test_set"].isin(data.external)]
    with_genes = [one for one, members in models.ensembles.items() if GENES in members]
    said = words.say_best(
        chosen, away, models.train_set, [one for one in with_genes if one in own.index]
    )
    return Best(name, chosen, Finding(said))
