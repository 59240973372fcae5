"""Steps of the chapter training: scores of all models, on all sets; the models side by side."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import paper
from genoattn.chapters import training_scores_words as words
from genoattn.chapters.training_models import Data, Models
from genoattn.evaluation import models as model_tables
from genoattn.evaluation import scores as metrics
from genoattn.evaluation import seeds as seed_tables
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.sites import distance_to_next
from genoattn.model import scanner
from genoattn.model.scanner import PromoterScanner
from genoattn.prediction import ensemble
from genoattn.prediction.ensemble import GENES, GenePrior
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding, folded, table
from genoattn.study.run import Run, fit_gene_prior

__all__ = [
    "Rivals",
    "Scores",
    "TableTwo",
    "curves_by_model",
    "curves_by_set",
    "rivals",
    "scored",
    "table_two",
]


# ------------------------------------------------------------------------------------- scores


class Genes(NamedTuple):
    """Genes found in the sequence, and the priors fitted to them; empty if no ensemble asks."""

    starts: pd.DataFrame
    """Columns position (0-based), strand."""
    priors: dict[str, GenePrior]
    """By ensemble."""


class Scores(NamedTuple):
    """Outputs of all models on the test part, and their scores on all test sets."""

    data: Data
    models: Models
    outputs: dict[str, NDArray[np.floating]]
    """By model and ensemble, shape (2, L)."""
    scanners: dict[str, PromoterScanner]
    """By training set."""
    scans: dict[str, NDArray[np.floating]]
    """Their outputs, by training set, shape (2, L)."""
    genes: Genes
    table: pd.DataFrame
    """`genoattn.evaluation.scores.performance` of all, and what an earlier run left of models not
    at hand."""
    resampling: Resampling
    finding: Finding

    @property
    def where(self) -> NDArray[np.bool_]:
        """The test part, shape (L,)."""
        return self.data.where

    @property
    def output(self) -> NDArray[np.floating]:
        """Of the chapter's own model, shape (2, L)."""
        return self.outputs[self.models.name]

    @property
    def label(self) -> NDArray[np.uint8]:
        """Sites that the chapter's own model was trained on, shape (2, L)."""
        return self.data.tracks[self.models.train_set]

    @property
    def absent(self) -> tuple[str, ...]:
        """Models and ensembles that are not at hand."""
        return self.models.absent

    @property
    def exact(self) -> pd.DataFrame:
        """Scores at exact positions."""
        return self.table[self.table["resolution"] == 1]

    @property
    def own(self) -> pd.DataFrame:
        """Exact scores of the chapter's own model on its own set, by metric."""
        rows = self.exact[self.exact["model"] == self.models.name]
        return rows[rows["test_set"] == self.models.train_set].set_index("metric")

    @property
    def rivals(self) -> dict[str, NDArray[np.floating]]:
        """Outputs of all models of the same training set; the scanner's last."""
        mine = self.models.train_set
        same = [name for name in self.outputs if self.models.first_card(name).train_set == mine]
        return {name: self.outputs[name] for name in same} | {"scanner": self.scans[mine]}

    @property
    def families(self) -> dict[str, list[str]]:
        """Models that differ in their seed alone, by the first of them."""
        return seed_tables.families(self.models.cards, self.absent)

    @property
    def drawn(self) -> dict[str, NDArray[np.floating]]:
        """Few of the rivals, for figures of curves."""
        rivals = self.rivals
        chosen = model_tables.worth_drawing(list(rivals), self.models.cards, self.models.name)
        return {name: rivals[name] for name in chosen}


def scored(run: Run, data: Data, models: Models, p: Checked) -> Scores:
    """Compute every model's output on the test part and score it on every test set.

    Cards of weights trained in this run, and gene priors, are written with their scores beside the
    weights; cards of shipped weights stay as they are.
    """
    where = data.where
    resampling = Resampling.of(where, p.block, p.n_bootstrap, p.seed)
    outputs, genes = _outputs(run, data, models, p)
    scanners = {
        name: scanner.fit(data.study.genome, data.sites[name], data.split.mask("train"))
        for name in data.names
    }
    scans = {name: scanner.scan(one, data.study.genome, where) for name, one in scanners.items()}
    beside = data.study.published
    found = []
    for name, output in outputs.items():
        card = models.first_card(name)
        facts: dict[str, Any] = {"train_set": card.train_set, "model": name, "seed": card.seed}
        own = {card.train_set: data.tracks[card.train_set]} if card.train_set in data.tracks else {}
        for tracks, ks in ((data.tracks, [1]), (own, _coarse(p.k_max))):
            found.append(
                metrics.performance(
                    output, tracks, where, resampling, **facts, resolutions=ks, beside_paper=beside
                )
            )
    for name, scan in scans.items():
        facts = {"train_set": name, "model": "scanner", "seed": 0}
        found.append(
            metrics.performance(scan, data.tracks, where, resampling, **facts, beside_paper=beside)
        )
    now = pd.concat(found, ignore_index=True)
    _note_scores(run, models, genes, now)
    whole = pd.concat([now, models.left], ignore_index=True) if len(models.left) else now
    finding = Finding("", {"performance": metrics.in_order(whole)})
    return Scores(data, models, outputs, scanners, scans, genes, whole, resampling, finding)


def _coarse(k_max: int) -> list[int]:
    """Lengths of k-mers at which every model is scored on its own set."""
    return sorted({k for k in (4, 10, 20) if k <= k_max} | {min(10, k_max)})


def _outputs(
    run: Run, data: Data, models: Models, p: Checked
) -> tuple[dict[str, NDArray[np.floating]], Genes]:
    """Outputs of models and ensembles on the test part, and the gene priors of the latter."""
    genome = data.study.genome
    outputs: dict[str, NDArray[np.floating]] = {
        name: run.predict(file, "test", data.split, p.accelerator)
        for name, file in models.files.items()
    }
    genes = Genes(pd.DataFrame(columns=["position", "strand"]), {})
    if any(GENES in members for members in models.ensembles.values()):
        genes = genes._replace(starts=ensemble.gene_starts([genome])[genome.name])
    to_gene = distance_to_next(genes.starts, len(genome), circular=genome.circular)
    for name, members in models.ensembles.items():
        files = {member: models.files[member] for member in members if member != GENES}
        outputs[name] = ensemble.mean_log_odds([outputs[member] for member in files])
        if GENES in members:
            genes.priors[name] = fit_gene_prior(
                files,
                genome,
                to_gene,
                data.tracks[models.first_card(name).train_set],
                data.split,
                run.predictions / "validation",
                p.accelerator,
            )
            outputs[name] = genes.priors[name].apply(outputs[name], to_gene)
    return outputs, genes


def _note_scores(run: Run, models: Models, genes: Genes, now: pd.DataFrame) -> None:
    """Write exact scores into the cards of this run's own weights, and save the gene priors."""
    for name, file in models.files.items():
        if file.is_relative_to(run.folder):
            scores = metrics.exact_scores(now[now["model"] == name])
            models.cards[name].replace(metrics=scores).write(file)
    for name, prior in genes.priors.items():
        scores = metrics.exact_scores(now[now["model"] == name])
        file = run.training / f"{ensemble.file_name(name)}.prior.json"
        prior.with_facts(metrics=scores).save(file)


class TableTwo(NamedTuple):
    """Every training set against every test set."""

    pairs: pd.DataFrame
    """`genoattn.evaluation.seeds.over_seeds` of one annotator a training set."""
    baselines: dict[str, pd.DataFrame]
    """The same of the scanner and of convolutional networks."""
    finding: Finding


def table_two(scores: Scores) -> TableTwo:
    """Set out the paper's Table 2: one annotator a training set, baselines beside it."""
    cards, published = scores.models.cards, scores.data.study.published
    exact = scores.exact[scores.exact["test_set"].isin(scores.data.names)]
    trained = trained_on(scores)
    pairs = seed_tables.over_seeds(exact, {names[0]: names for names in trained.values()})
    networks = [name for name, card in cards.items() if card.convolutional]
    baselines = {
        "scanner": exact[exact["model"] == "scanner"],
        "convolutional": exact[exact["model"].isin(networks)],
    }
    baselines = {name: rows for name, rows in baselines.items() if len(rows)}
    guess = scores.label[:, scores.where].mean()
    said = [
        words.say_own(scores.models.name, scores.own, guess),
        words.say_seeds(pairs, scores.absent),
        words.say_paper(pairs) if published else "",
        words.say_controls(_controls(scores)),
        folded(
            "All scores (in brackets: 95% intervals, of one more training where there are seeds)",
            table(words.pair_table(pairs, baselines, published)),
        ),
    ]
    return TableTwo(pairs, baselines, Finding("\n\n".join(one for one in said if one)))


def _controls(scores: Scores) -> pd.DataFrame:
    """Scores of models trained on labels that are no set of sites, on the chapter's own set."""
    own = scores.exact[scores.exact["test_set"] == scores.models.train_set]
    return own[~own["train_set"].isin(scores.data.sites)]


def trained_on(scores: Scores) -> dict[str, list[str]]:
    """Models of one recipe by their training set, a model a seed: those of the table."""
    families = scores.families
    chosen = model_tables.one_per_train_set(scores.models.cards)
    by_set = {scores.models.cards[name].train_set: name for name in chosen}
    of = {name: names for names in families.values() for name in names}
    return {name: of[model] for name, model in by_set.items() if name in scores.data.names}


def curves_by_set(scores: Scores) -> dict[str, pd.DataFrame]:
    """Precision and recall of the chapter's own model on every test set."""
    return {
        name: metrics.precision_recall(track, scores.output, scores.where)
        for name, track in scores.data.tracks.items()
    }


def curves_by_model(scores: Scores) -> dict[str, pd.DataFrame]:
    """Precision and recall of few models on the chapter's own set."""
    return {
        name: metrics.precision_recall(scores.label, output, scores.where)
        for name, output in scores.drawn.items()
    }


# ------------------------------------------------------------------------------------ rivals


class Rivals(NamedTuple):
    """All models of one training set, on its sites."""

    comparison: pd.DataFrame
    """`genoattn.evaluation.scores.compare` with the chapter's own; what an earlier run left has no
    difference, and ``earlier`` says which rows those are."""
    printed: dict[str, float] | None
    """The paper's scores by metric."""
    finding: Finding


def rivals(scores: Scores) -> Rivals:
    """Compare models of the same training set, one of each recipe, on the same draws of blocks."""
    mine, name = scores.models.train_set, scores.models.name
    seeds = {one for _, *others in scores.families.values() for one in others}
    shown = {one: output for one, output in scores.rivals.items() if one not in seeds - {name}}
    now = metrics.compare(shown, scores.label, scores.where, scores.resampling, name)
    left = scores.exact[scores.exact["model"].isin({*scores.absent} - seeds)]
    left = left[(left["train_set"] == mine) & (left["test_set"] == mine)]
    left = left[["model", "metric", "value", "ci_low", "ci_high"]]
    comparison = pd.concat([now, left], ignore_index=True) if len(left) else now
    comparison["earlier"] = comparison["model"].isin(scores.absent)
    printed = None
    if scores.data.study.published:
        printed = {"roc_auc": paper.ROC_AUC[mine][mine], "pr_auc": paper.PR_AUC[mine][mine]}
    said = [
        words.say_rivals(comparison, name, scores.absent),
        words.say_scanner(scores.scanners[mine], scores.data.study.of.near),
    ]
    return Rivals(comparison, printed, Finding("\n".join(said)))
