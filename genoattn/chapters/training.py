"""The chapter training: train an annotator, score it; its parameters and its steps.

What the steps say is in `genoattn.chapters.training_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import (
    annotate,
    assignment,
    datasets,
    evaluation,
    gene_context,
    gene_prior,
    labels,
    metrics,
    paper,
    prediction,
    scanner,
    training,
)
from genoattn.annotations import read_drnaseq, source_name
from genoattn.bootstrap import Resampling
from genoattn.card import Card
from genoattn.chapters import training_words as words
from genoattn.gene_prior import GENES, GenePrior
from genoattn.genome import Genome
from genoattn.inputs import StudyInputs
from genoattn.labels import Split
from genoattn.model import AnnotatorConfig
from genoattn.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.scanner import PromoterScanner
from genoattn.study import earlier
from genoattn.study.report import Finding, table
from genoattn.study.run import Model, Run
from genoattn.training import TrainingConfig

__all__ = [
    "PARAMETERS",
    "against_truth",
    "attention",
    "calibrated",
    "curves_by_model",
    "curves_by_set",
    "external",
    "false_positives",
    "in_short",
    "length",
    "matching",
    "models",
    "next_gene",
    "parts",
    "readings",
    "resolution",
    "rivals",
    "scored",
    "seeds",
    "steps",
    "table_two",
    "trained",
]

PARAMETERS = Schema(
    "02_training",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "others": Parameter(
            list[str],
            [],
            "further models to compare with, as weights; those not there are left out",
        ),
        "steps": Parameter(
            list[str],
            [],
            "those of them that lead from one model to a better one, in order, for a table",
        ),
        "ensembles": Parameter(
            list[str],
            [],
            "models to average, each as 'name: first, second'; genes counts as one of them",
        ),
        "readings": Parameter(
            list[str],
            [],
            "models that differ from the first of them in one reading of the paper, for a table",
        ),
        "train": Parameter(
            bool,
            True,
            "whether to train (under this name, in run_dir/training) or to use what is there",
        ),
        "fresh": Parameter(
            bool,
            True,
            "whether to forget an earlier training of that name instead of going on with it",
        ),
        "train_set": Parameter(
            str, "curated", "sites to train on: curated, or the name of a source"
        ),
        "external": Parameter(
            list[str],
            [],
            "published start sites that no curation step used, to test on",
            choices=("drnaseq",),
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "cuts": Parameter(
            list[int],
            [],
            "where test, validation and training part start, nt; none: as in the paper, relatively",
            low=0,
        ),
        "layers": Parameter(int, 3, "attention layers, if a model is trained (paper 6)", low=1),
        "heads": Parameter(
            int, 4, "attention heads of a layer, if a model is trained (paper 6)", low=1
        ),
        "d_model": Parameter(
            int, 32, "width of the hidden state, if a model is trained (paper 32)", low=2
        ),
        "d_head": Parameter(
            int, 16, "width of query, key and value, if a model is trained (paper 32)", low=1
        ),
        "window": Parameter(
            int,
            128,
            "positions that a query attends to, nt, if a model is trained (paper 512)",
            low=1,
        ),
        "downstream": Parameter(
            int,
            20,
            "sequence downstream of a site that is read, nt, if a model is trained (paper 20)",
            low=0,
        ),
        "dropout": Parameter(
            float, 0.1, "dropout, if a model is trained (paper 0.1)", low=0, high=0.9
        ),
        "passes": Parameter(float, 6.0, "most passes over the training part", low=0.01),
        "segment": Parameter(int, 1024, "scored positions of a training segment, nt", low=1),
        "context": Parameter(
            int, 128, "positions read, but not scored, before each segment, nt", low=0
        ),
        "batch": Parameter(int, 4, "segments in a step", low=1),
        "empty_share": Parameter(
            float, 1.0, "share of the segments without a site that a pass reads", low=0.001, high=1
        ),
        "learning_rate": Parameter(float, 0.005, "highest learning rate", low=0),
        "steps_per_round": Parameter(
            int, 100, "steps between two looks at the validation part", low=1
        ),
        "patience": Parameter(
            int, 6, "rounds without a lower validation loss after which training stops", low=1
        ),
        "seed": Parameter(
            int,
            1,
            "seed of the weights, of the order of segments, of dropout, of resampling",
            low=0,
        ),
        "precision": Parameter(
            str, "32-true", "arithmetic of the training", choices=("32-true", "bf16-mixed")
        ),
        "accelerator": Parameter(str, "auto", "cpu, gpu or auto", choices=("auto", "cpu", "gpu")),
        "k_max": Parameter(
            int, 20, "longest k-mer at which the output is scored, nt", low=2, high=200
        ),
        "tolerances": Parameter(
            list[int], [0, 1, 2, 5], "farthest that a call and its site may be apart, nt", low=0
        ),
        "radius": Parameter(
            int, 5, "a call is the highest output within so many nt on its strand", low=0
        ),
        "block": Parameter(
            int, 2_000, "length of the blocks of the genome that are resampled, nt", low=1
        ),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
    },
)
"""What this chapter may be asked."""


# ---------------------------------------------------------------------------- labels, training


class Data(NamedTuple):
    """Sites and parts of the genome."""

    study: StudyInputs
    sites: dict[str, pd.DataFrame]
    """Test sets, those that no curation step used at the end."""
    tracks: dict[str, NDArray[np.uint8]]
    """The same as labels, each of shape (2, L)."""
    external: tuple[str, ...]
    """Test sets that no curation step used."""
    split: Split
    finding: Finding

    @property
    def names(self) -> list[str]:
        """The curated set and its sources."""
        return [name for name in self.sites if name not in self.external]

    @property
    def where(self) -> NDArray[np.bool_]:
        """The test part, shape (L,)."""
        return self.split.mask("test")


def parts(run: Run, p: Checked) -> Data:
    """Read the sets of sites and cut the genome into test, validation and training part."""
    study = run.study
    length = len(study.genome)
    sources = study.sites["source"].unique()  # a single one is the curated set itself
    names = ["curated", *(sources if len(sources) > 1 else [])]
    sites = {name: run.sites(name) for name in names} | {
        name: read_drnaseq(datasets.fetch(name, p.data_dir), length) for name in p.external
    }
    tracks = {name: labels.site_track(one, length) for name, one in sites.items()}
    split = _split(run, study.genome, p)
    own = tracks[p.train_set]
    counts = pd.DataFrame(
        [
            (part, 2 * split.mask(part).sum(), own[:, split.mask(part)].sum())
            for part in labels.PARTS
        ],
        columns=["part", "nucleotides", "sites"],
    )
    said = study.note + words.say_parts(study.genome.name, counts, p.train_set)
    return Data(study, sites, tracks, tuple(p.external), split, Finding(said))


def _split(run: Run, genome: Genome, p: Checked) -> Split:
    """The parts asked for if a model is to be trained, else those of its card."""
    if p.train:
        cuts = p.cuts or [round(len(genome) * share) for share in training.PAPER_CUTS]
        return Split.at(cuts, len(genome))
    file = run.weights(p.weights)
    annotate.check_genome(file, genome)
    return Card.read(file).split(len(genome))


class Trained(NamedTuple):
    """The chapter's own model."""

    model: Model
    finding: Finding


def trained(run: Run, data: Data, p: Checked) -> Trained:
    """Train a model, or go on with its training, or take the weights that there are."""
    genome = data.study.genome
    if p.train:
        training.fit(
            genome,
            data.sites[p.train_set],
            data.split,
            run.training / f"{p.weights}.safetensors",
            model=AnnotatorConfig(**_settings(AnnotatorConfig, p)),
            training=TrainingConfig(**_settings(TrainingConfig, p)),
            train_set=p.train_set,
            accelerator=p.accelerator,
            fresh=p.fresh,
        )
    model = run.model(p.weights, p.accelerator)
    card = model.card
    read = training.StrandData.of(
        genome, data.sites[card.train_set], data.split, model.config.downstream
    )
    said = words.say_model(
        model.name,
        card,
        _size(model.network),
        card.data["labels_sha256"] == read.hashes()["labels_sha256"],
        data.study.published,
    )
    return Trained(model, Finding(said))


def _settings(of: type, p: Checked) -> dict[str, Any]:
    """Those of the chapter's parameters that a configuration has, by name."""
    return {one.name: p[one.name] for one in fields(of) if one.name in p}


def _size(network: Any) -> int:
    """Number of a network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


class Models(NamedTuple):
    """The models that are compared: those at hand, and names of those not at hand."""

    model: Model
    """The chapter's own."""
    files: dict[str, Path]
    """Weights by name, the chapter's own first."""
    cards: dict[str, Card]
    ensembles: dict[str, list[str]]
    """Those whose models are all at hand, with their members."""
    order: tuple[str, ...]
    """All models and ensembles that the parameters name, at hand or not."""
    left: pd.DataFrame
    """Rows of scores that an earlier run left of these."""
    finding: Finding

    @property
    def name(self) -> str:
        """Name of the chapter's own model."""
        return self.model.name

    @property
    def absent(self) -> tuple[str, ...]:
        """Models and ensembles that the parameters name and that are not at hand."""
        return tuple(one for one in self.order if one not in {*self.cards, *self.ensembles})

    @property
    def train_set(self) -> str:
        """The set of sites that the chapter's own model was trained on."""
        return self.model.card.train_set

    @property
    def histories(self) -> dict[str, pd.DataFrame]:
        """Rounds of every training, for a figure."""
        return {name: card.rounds for name, card in self.cards.items()}

    def first_card(self, name: str) -> Card:
        """Card of a model, or of an ensemble's first model."""
        return self.cards[self.ensembles[name][0] if name in self.ensembles else name]


def models(run: Run, data: Data, own: Trained, p: Checked) -> Models:
    """Find the weights of the models to compare, and what an earlier run left of those lacking.

    Raises
    ------
    ValueError
        A model was tested on another part of the genome.
    """
    model = own.model
    at_hand = {name: run.weights(name) for name in p.others if run.has_weights(name)}
    files = {model.name: model.file, **{file.stem: file for file in at_hand.values()}}
    cards = {name: Card.read(file) for name, file in files.items()}
    _check_parts(cards, data, "others")
    named = evaluation.read_ensembles(p.ensembles)
    ensembles = {name: one for name, one in named.items() if {*one} - {GENES} <= {*cards}}
    others = [at_hand[name].stem if name in at_hand else name for name in p.others]
    order = tuple(dict.fromkeys([model.name, *others, *named, *p.steps]))
    absent = [name for name in order if name not in {*cards, *ensembles}]
    left = earlier.left(run.earlier("performance"), absent, metrics.COLUMNS)
    known = run.earlier("ablation") if p.steps else None
    said = words.say_models(cards, left, known, absent)
    return Models(model, files, cards, ensembles, order, left, Finding(said))


def _check_parts(cards: Mapping[str, Card], data: Data, parameter: str) -> None:
    """Refuse models whose test part is another, naming the parameter that has them."""
    for name, card in cards.items():
        if card.split(len(data.study.genome)) != data.split:
            raise ValueError(
                f"{name} was tested on another part of the genome; leave it out of {parameter}"
            )


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
    """`genoattn.metrics.performance` of all, and what an earlier run left of models not at hand."""
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
    def drawn(self) -> dict[str, NDArray[np.floating]]:
        """Few of the rivals, for figures of curves."""
        rivals = self.rivals
        chosen = evaluation.worth_drawing(list(rivals), self.models.cards, self.models.name)
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
        for tracks, ks in (
            (data.tracks, [1]),
            ({card.train_set: data.tracks[card.train_set]}, range(2, p.k_max + 1)),
        ):
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
        genes = genes._replace(starts=gene_prior.gene_starts([genome])[genome.name])
    to_gene = gene_prior.distance_to_gene(genes.starts, len(genome), circular=genome.circular)
    for name, members in models.ensembles.items():
        files = {member: models.files[member] for member in members if member != GENES}
        outputs[name] = prediction.mean_log_odds([outputs[member] for member in files])
        if GENES in members:
            genes.priors[name] = evaluation.fit_gene_prior(
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
        file = run.training / f"{name.replace(' ', '-')}.prior.json"
        prior.with_facts(metrics=scores).save(file)


class TableTwo(NamedTuple):
    """Every training set against every test set."""

    pairs: pd.DataFrame
    """Exact scores of one annotator a training set."""
    baselines: dict[str, pd.DataFrame]
    """The same of the scanner and of convolutional networks."""
    finding: Finding


def table_two(scores: Scores) -> TableTwo:
    """Set out the paper's Table 2: one annotator a training set, baselines beside it."""
    cards, published = scores.models.cards, scores.data.study.published
    exact = scores.exact[scores.exact["test_set"].isin(scores.data.names)]
    pairs = exact[exact["model"].isin(evaluation.one_per_train_set(cards))]
    networks = [name for name, card in cards.items() if card.convolutional]
    baselines = {
        "scanner": exact[exact["model"] == "scanner"],
        "convolutional": exact[exact["model"].isin(networks)],
    }
    baselines = {name: rows for name, rows in baselines.items() if len(rows)}
    guess = scores.label[:, scores.where].mean()
    said = [
        words.say_own(scores.models.name, scores.own, guess),
        words.say_paper(pairs) if published else "",
        table(words.pair_table(pairs, baselines, published)),
    ]
    return TableTwo(pairs, baselines, Finding("\n".join(said)))


def seeds(scores: Scores) -> Finding:
    """Look at how far the scores of one recipe's seeds lie apart: the one with the most seeds."""
    cards = scores.models.cards
    spreads = {
        name: evaluation.seed_spread(scores.table, cards, name)
        for name, card in cards.items()
        if card.train_set == scores.models.train_set
    }
    most = max(spreads, key=lambda name: spreads[name]["n"].max())  # of equals the first
    return Finding(words.say_seeds(most, spreads[most]))


class Length(NamedTuple):
    """What a longer training of the same network on the same labels changed."""

    by_length: pd.DataFrame
    """`genoattn.evaluation.training_length`, what an earlier run left included."""
    finding: Finding


def length(run: Run, scores: Scores) -> Length:
    """Compare long trainings with short ones of the same network and training set."""
    models = scores.models
    now = evaluation.training_length(scores.table, models.cards)
    named = {*models.order} - {*now["model"]}
    left = earlier.left(run.earlier("training_length"), named, now.columns)
    # only a model that is not at hand can be why a row that was there is not computed now
    left = left[left["train_set"].isin(models.left["train_set"].unique())]
    whole = _joined(now, left, models.order)
    shown = whole[whole["model"].isin(evaluation.one_per_train_set(models.cards))]
    said = words.say_length(shown, {*left["model"]}, scores.data.study.published)
    return Length(whole, Finding(said, {"training_length": whole} if len(whole) else {}))


def _joined(now: pd.DataFrame, left: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Rows of now and of an earlier run, by model in the order given; each model's stay as are."""
    if left.empty:
        return now
    whole = pd.concat([now, left], ignore_index=True) if len(now) else left
    place = {name: number for number, name in enumerate(order)}
    return whole.sort_values(
        "model", key=lambda names: names.map(place), kind="stable", ignore_index=True
    )


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


def external(scores: Scores) -> Finding:
    """Score all models on sites that no step of the curation used."""
    data, where = scores.data, scores.where
    rows = scores.exact[scores.exact["test_set"].isin(data.external)]
    counts = pd.DataFrame(
        [
            (
                name,
                data.tracks[name][:, where].sum(),
                (data.tracks[name] & data.tracks["curated"])[:, where].sum(),
                data.tracks[name][:, where].mean(),
            )
            for name in data.external
        ],
        columns=["test_set", "n", "shared", "share"],
    )
    return Finding(words.say_external(rows, scores.models.name, scores.absent, counts))


# ---------------------------------------------------------------------------------- attention


class Rivals(NamedTuple):
    """All models of one training set, on its sites."""

    comparison: pd.DataFrame
    """`genoattn.metrics.compare` with the chapter's own; what an earlier run left has no
    difference, and ``earlier`` says which rows those are."""
    printed: dict[str, float] | None
    """The paper's scores by metric."""
    finding: Finding


def rivals(scores: Scores) -> Rivals:
    """Compare all models of the same training set, draw by draw on the same blocks."""
    mine, name = scores.models.train_set, scores.models.name
    now = metrics.compare(scores.rivals, scores.label, scores.where, scores.resampling, name)
    left = scores.exact[scores.exact["model"].isin(scores.absent)]
    left = left[(left["train_set"] == mine) & (left["test_set"] == mine)]
    left = left[["model", "metric", "value", "ci_low", "ci_high"]]
    comparison = pd.concat([now, left], ignore_index=True) if len(left) else now
    comparison["earlier"] = comparison["model"].isin(scores.absent)
    printed = None
    if scores.data.study.published:
        printed = {"roc_auc": paper.ROC_AUC[mine][mine], "pr_auc": paper.PR_AUC[mine][mine]}
    said = [
        words.say_rivals(comparison, name, scores.absent),
        words.say_scanner(scores.scanners[mine]),
    ]
    return Rivals(comparison, printed, Finding("\n".join(said)))


class Attention(NamedTuple):
    """Annotators beside the convolutional networks that were given the same."""

    pairs: pd.DataFrame
    """`genoattn.evaluation.compare_matched`, what an earlier run left included."""
    finding: Finding


def attention(run: Run, scores: Scores) -> Attention:
    """Isolate what attention adds, in pairs of models that were given the same."""
    models = scores.models
    now = evaluation.compare_matched(
        scores.rivals, models.cards, scores.label, scores.where, scores.resampling
    )
    left = earlier.left(run.earlier("attention_or_dilations"), scores.absent, now.columns)
    pairs = _joined(now, left[left["rival"].isin(models.order)], models.order)
    at_hand = {*pairs["model"], *pairs["rival"]} & {*models.cards}
    facts = {
        name: (_size(run.model(name, "cpu").network), models.cards[name].passes) for name in at_hand
    }
    said = words.say_attention(pairs)
    if len(pairs):
        said += "\n" + words.pairs_table(pairs, scores.absent, facts)
    results = {"attention_or_dilations": pairs} if len(pairs) else {}
    return Attention(pairs, Finding(said, results))


# -------------------------------------------------------------------------------------- genes


class NextGene(NamedTuple):
    """What the distance to the next gene adds."""

    terms: dict[str, pd.DataFrame]
    """By ensemble, `genoattn.gene_prior.GenePrior.table`."""
    finding: Finding


def next_gene(scores: Scores, p: Checked) -> NextGene:
    """Look at what genes found in the sequence add to ensembles, and whether it generalises."""
    priors = scores.genes.priors
    if not priors:
        return NextGene({}, Finding("Left out: no ensemble of this run has `genes` in it."))
    bare = {
        name: prediction.mean_log_odds([scores.outputs[member] for member in prior.members])
        for name, prior in priors.items()
    }
    beyond = {
        (test_set, name): _gain(scores, scores.outputs[name], bare[name], test_set)
        for test_set in scores.data.external
        for name in priors
    }
    last = list(priors)[-1]
    said = [
        _annotated(scores),
        *_prior_lines(scores, bare, min(10, p.k_max)),
        *_matched_lines(scores),
        words.say_places(
            last, *(_recall(scores, one, p) for one in (bare[last], scores.outputs[last]))
        ),
        words.say_beyond(beyond, scores.models.train_set),
    ]
    return NextGene(
        {name: prior.table() for name, prior in priors.items()}, Finding("\n".join(said))
    )


def _annotated(scores: Scores) -> str:
    """How many genes were found, and how many of their starts are annotated."""
    genome, starts = scores.data.study.genome, scores.genes.starts
    true = annotate.starts_of(scores.data.study.features.assign(contig=genome.name))
    same = len(starts.merge(true)) / max(1, len(starts))
    return (
        f"In this genome {len(starts):,} genes are found; {same:.0%} of their first nucleotides "
        "are those of an annotated gene.\n"
    )


def _gain(
    scores: Scores, better: NDArray, worse: NDArray, test_set: str
) -> tuple[float, float, float]:
    """By how much the PR AUC of one output is higher than another's, with limits."""
    track = scores.data.tracks[test_set]
    return evaluation.gained(better, worse, track, scores.where, scores.resampling)


def _prior_lines(scores: Scores, bare: Mapping[str, NDArray], k: int) -> list[str]:
    """What the genes add to each ensemble, as a list."""
    pr = scores.table[scores.table["metric"] == "pr_auc"]
    coarse = pr[pr["resolution"] == k].set_index("model")["value"]
    exact = pr[(pr["resolution"] == 1) & (pr["test_set"] == scores.models.train_set)]
    value = exact.set_index("model")["value"]
    mine = scores.models.train_set
    return [
        words.say_prior(
            name,
            prior,
            value[name],
            _gain(scores, scores.outputs[name], bare[name], mine),
            coarse[name],
            k,
        )
        for name, prior in scores.genes.priors.items()
    ]


def _matched_lines(scores: Scores) -> list[str]:
    """Matched pairs with genes given to both, as a list."""
    alone = {prior.members: name for name, prior in scores.genes.priors.items()}
    lines = []
    for one, network in evaluation.matched_rivals(scores.models.cards):
        if (one,) in alone and (network,) in alone:
            better, worse = (scores.outputs[alone[member,]] for member in (one, network))
            gain = _gain(scores, better, worse, scores.models.train_set)
            lines.append(
                f"- With genes given to both, **{one}** and **{network}** differ in PR AUC by "
                f"{words.change(*gain)}."
            )
    return lines


def _places(scores: Scores) -> NDArray[np.int8]:
    """Where each nucleotide lies among the genes, shape (2, L)."""
    return gene_context.places(scores.data.study.features, len(scores.data.study.genome))


def _recall(scores: Scores, output: NDArray, p: Checked) -> pd.Series:
    """Share of the sites found, by place among the genes."""
    made = assignment.calls(output, scores.label, scores.where, p.radius, max(p.tolerances))
    return evaluation.recall_by_place(made, scores.label, _places(scores), scores.where)


# ------------------------------------------------------------------------------ kinds of error


class Resolution(NamedTuple):
    """Scores by the length of k-mers."""

    by_k: pd.DataFrame
    """`genoattn.metrics.kmer_resolution`."""
    printed: dict[int, float] | None
    """The paper's PR AUC by k."""
    finding: Finding


def resolution(scores: Scores, p: Checked) -> Resolution:
    """Score the output at the resolution of k-mers, by its mean and by its maximum."""
    by_k = metrics.kmer_resolution(
        scores.label, scores.output, scores.where, range(1, p.k_max + 1), scores.resampling
    )
    printed = paper.KMER_PR_AUC if scores.data.study.published else None
    return Resolution(by_k, printed, Finding(words.say_resolution(by_k, printed)))


class Matching(NamedTuple):
    """Calls assigned one to one to sites that may be a few nt away."""

    matched: pd.DataFrame
    """`genoattn.assignment.match_table` of few models."""
    finding: Finding


def matching(scores: Scores, p: Checked) -> Matching:
    """Assign calls to sites one to one, at every tolerance."""
    found = [
        assignment.match_table(
            output, scores.label, scores.where, p.tolerances, scores.resampling, p.radius
        ).assign(model=name)
        for name, output in scores.drawn.items()
    ]
    matched = pd.concat(found, ignore_index=True)
    matched.insert(0, "train_set", scores.models.train_set)
    said = words.say_matching(matched, scores.models.name)
    return Matching(matched, Finding(said, {"matching": matched}))


class Calibration(NamedTuple):
    """Share of sites among positions of like output."""

    bins: dict[str, pd.DataFrame]
    """By model, `genoattn.metrics.calibration`."""
    finding: Finding


def calibrated(scores: Scores) -> Calibration:
    """Compare outputs with the shares of sites, in bins and in sum."""
    given = scores.where, scores.resampling
    bins = {
        name: metrics.calibration(scores.label, output, *given)
        for name, output in scores.drawn.items()
    }
    totals = {
        name: metrics.expected_sites(scores.label, output, *given)
        for name, output in scores.drawn.items()
    }
    name = scores.models.name
    return Calibration(bins, Finding(words.say_calibration(bins[name], totals, name)))


class FalsePositives(NamedTuple):
    """Where calls without a site lie."""

    distances: pd.DataFrame
    """`genoattn.evaluation.distance_shares`."""
    places: pd.DataFrame
    """`genoattn.evaluation.place_shares`."""
    finding: Finding


def false_positives(scores: Scores, p: Checked) -> FalsePositives:
    """Look at where the false positives of the chapter's own model lie."""
    data, mine, tolerance = scores.data, scores.models.train_set, max(p.tolerances)
    made = assignment.calls(scores.output, scores.label, scores.where, p.radius, tolerance)
    known = {
        source_name(mine): data.sites[mine],
        "any of the sets": pd.concat([*data.sites.values()]),
    }
    circular = data.study.genome.circular
    distances = evaluation.distance_shares(made, known, scores.where, circular=circular)
    places = evaluation.place_shares(made, scores.label, _places(scores), scores.where)
    shown = distances if len(data.sites) > 1 else distances[distances["sites"] != "any of the sets"]
    n_false = int((~made["hit"]).sum())
    said = words.say_false(len(made), n_false, shown, places, tolerance)
    results = {"false_calls": distances, "false_calls_places": places}
    return FalsePositives(distances, places, Finding(said, results))


def against_truth(scores: Scores) -> Finding:
    """Score the model against planted sites, where there are any."""
    elements, where = scores.data.study.elements, scores.where
    if elements is None:
        return Finding(words.say_truth(None, None))
    planted = elements[["tss_position", "strand"]].drop_duplicates()
    planted = planted.rename(columns={"tss_position": "position"})
    truth = labels.site_track(planted, len(scores.data.study.genome))
    true = metrics.score(metrics.inside(truth, where), metrics.inside(scores.output, where))
    return Finding(words.say_truth(dict(scores.own["value"]), true))


# ------------------------------------------------------------------------- steps and readings


class Steps(NamedTuple):
    """What each step from one model to a better one brought."""

    steps: pd.DataFrame
    """`genoattn.evaluation.step_table`, what an earlier run left included."""
    finding: Finding


def steps(run: Run, scores: Scores, p: Checked) -> Steps:
    """Set out the steps that the parameters name, in their order."""
    models = scores.models
    found = evaluation.step_table(
        scores.table,
        models.cards,
        p.steps,
        models.ensembles,
        min(10, p.k_max),
        run.earlier("ablation") if p.steps else None,
    )
    results = {"ablation": found} if len(found) else {}
    return Steps(found, Finding(words.say_steps(found, scores.absent), results))


class Readings(NamedTuple):
    """Models that differ from the first of them in one reading of the paper."""

    read: pd.DataFrame
    """`genoattn.evaluation.compare_readings`, what an earlier run left included."""
    finding: Finding


def readings(run: Run, scores: Scores, pairs: TableTwo, by_length: Length, p: Checked) -> Readings:
    """Compare models that read the paper differently, and look at what lies far from its scores.

    Differences are to the first model, so that without its weights all rows are those of an
    earlier run.
    """
    data = scores.data
    at_hand = [name for name in p.readings if run.has_weights(name)]
    if p.readings[:1] != at_hand[:1]:
        at_hand = []
    absent = [name for name in p.readings if name not in at_hand]
    read = pd.DataFrame(columns=_READ)
    if at_hand:
        files = {name: run.weights(name) for name in at_hand}
        cards = {name: Card.read(file) for name, file in files.items()}
        _check_parts(cards, data, "readings")
        outputs = {
            name: run.predict(file, "test", data.split, p.accelerator)
            for name, file in files.items()
        }
        read = evaluation.compare_readings(
            outputs, cards, data.tracks, scores.where, scores.resampling
        )
    left = earlier.left(run.earlier("readings"), absent, _READ).fillna({"differs_in": ""})
    read = _by_set(read, left, [*data.tracks], p.readings)
    said = words.say_readings(read, data.names, absent)
    if data.study.published and len(read):
        models = by_length.by_length["model"].isin(pairs.pairs["model"].unique())
        said += words.say_far(pairs.pairs, by_length.by_length[models], read)
    return Readings(read, Finding(said, {"readings": read} if len(read) else {}))


_READ = [
    "model", "metric", "value", "ci_low", "ci_high", "difference", "difference_low",
    "difference_high", "test_set", "differs_in", "passes",
]  # fmt: skip


def _by_set(
    now: pd.DataFrame, left: pd.DataFrame, sets: Sequence[str], order: Sequence[str]
) -> pd.DataFrame:
    """Rows of now and of an earlier run, by test set and then by model."""
    if left.empty:
        return now
    whole = pd.concat([now, left], ignore_index=True) if len(now) else left
    place = {name: number for number, name in enumerate([*sets, *order])}
    return whole.sort_values(
        ["test_set", "model"], key=lambda names: names.map(place), kind="stable", ignore_index=True
    )


# ------------------------------------------------------------------------------------ in short


def in_short(
    scores: Scores,
    rivals: Rivals,
    attention: Attention,
    matching: Matching,
    calibration: Calibration,
) -> Finding:
    """Answer the chapter's question in three sentences, and say what they rest on."""
    return Finding(
        words.say_in_short(
            scores.models.name,
            scores.own,
            scores.label[:, scores.where].mean(),
            matching.matched,
            rivals.comparison,
            scores.absent,
            words.say_attention(attention.pairs),
            words.verdict_on(calibration.bins[scores.models.name])[0],
        )
    )
