"""Steps of the chapter training: labels and parts, the chapter's own model, all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import training_models_words as words
from genoattn.data import datasets
from genoattn.data.assays import read_drnaseq
from genoattn.evaluation import scores
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import site_track
from genoattn.genome.split import PARTS, Split
from genoattn.model import segments, training
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card, misfit
from genoattn.model.segments import TrainingConfig
from genoattn.model.weights import WeightsError, find_prior
from genoattn.prediction import ensemble
from genoattn.prediction.ensemble import GENES
from genoattn.study import earlier
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import Checked, ParameterError
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = ["Data", "Models", "check_parts", "joined", "models", "n_parameters", "parts", "trained"]


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
    tracks = {name: site_track(one, length) for name, one in sites.items()}
    if p.train_set not in sites:
        raise ParameterError(
            f"{p.chapter}: parameter 'train_set' must be one of {', '.join(sites)}, not "
            f"{p.train_set!r}"
        )
    if p.train and p.downstream >= length:
        raise ParameterError(
            f"{p.chapter}: parameter 'downstream' must be less than the genome's {length:,} nt, "
            f"not {p.downstream:,}"
        )
    _check_names(run, p)
    split = _split(run, study.genome, p)
    run.check_test(split, sites["curated"], "the curated set", p.block)
    run.check_test(split, sites[p.train_set], f"the train_set {p.train_set}")
    own = tracks[p.train_set]
    if p.train and not own[:, split.mask("train")].any():
        raise ParameterError(
            f"{p.chapter}: parameter 'cuts': no site of {p.train_set} lies in the training part of "
            f"{study.genome.name}; cut elsewhere, or take another train_set"
        )
    counts = pd.DataFrame(
        [(part, 2 * split.mask(part).sum(), own[:, split.mask(part)].sum()) for part in PARTS],
        columns=["part", "nucleotides", "sites"],
    )
    said = study.note + words.say_parts(study.genome.name, counts, p.train_set)
    return Data(study, sites, tracks, tuple(p.external), split, Finding(said))


def _check_names(run: Run, p: Checked) -> None:
    """Refuse models and ensembles of this run that would be taken for each other."""
    for name in ensemble.read_ensembles(p.ensembles):
        for file in {name, ensemble.file_name(name)}:
            if run.has_weights(file):
                raise ParameterError(
                    f"{p.chapter}: parameter 'ensembles' has an ensemble that is named as the "
                    f"model {run.weights(file)}; rename it"
                )
    if p.train and (prior := find_prior(p.weights, run.folder)):
        raise ParameterError(
            f"{p.chapter}: parameter 'weights' is to be trained, but is what the ensemble {prior} "
            "is called; give the model another name"
        )


def _split(run: Run, genome: Genome, p: Checked) -> Split:
    """The parts asked for if a model is to be trained, else those of its card."""
    if p.train:
        cuts = p.cuts or [round(len(genome) * share) for share in training.PAPER_CUTS]
        return Split.at(cuts, len(genome))
    file = run.weights(p.weights)
    card = Card.read(file)
    if problem := misfit(card, genome, run.study.task):
        raise WeightsError(f"{file}: {problem}")
    return card.split(len(genome))


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
            run.new_weights(p.weights),
            model=AnnotatorConfig(**_settings(AnnotatorConfig, p)),
            training=TrainingConfig(**_settings(TrainingConfig, p)),
            task=data.study.task,
            train_set=p.train_set,
            accelerator=p.accelerator,
            fresh=p.fresh,
        )
    model = run.model(p.weights, p.accelerator)
    card = model.card
    read = segments.StrandData.of(
        genome, data.sites[card.train_set], data.split, model.config.downstream
    )
    said = words.say_model(
        model.name,
        card,
        n_parameters(model.network),
        card.data["labels_sha256"] == read.hashes()["labels_sha256"],
        len(genome),
        data.study.published,
    )
    return Trained(model, Finding(said))


def _settings(of: type, p: Checked) -> dict[str, Any]:
    """Those of the chapter's parameters that a configuration has, by name."""
    return {one.name: p[one.name] for one in fields(of) if one.name in p}


def n_parameters(network: Any) -> int:
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
    check_parts(cards, data, "others")
    named = ensemble.read_ensembles(p.ensembles)
    ensembles = {name: one for name, one in named.items() if {*one} - {GENES} <= {*cards}}
    others = [at_hand[name].stem if name in at_hand else name for name in p.others]
    order = tuple(dict.fromkeys([model.name, *others, *named, *p.steps]))
    absent = [name for name in order if name not in {*cards, *ensembles}]
    left = earlier.left(run.earlier("performance"), absent, scores.COLUMNS)
    left = joined(left.iloc[:0], left, absent)
    known = run.earlier("ablation") if p.steps else None
    said = words.say_models(cards, len(data.study.genome), left, known, absent)
    return Models(model, files, cards, ensembles, order, left, Finding(said))


def check_parts(cards: Mapping[str, Card], data: Data, parameter: str) -> None:
    """Refuse models whose test part is another, naming the parameter that has them."""
    for name, card in cards.items():
        if problem := misfit(card, data.study.genome, data.study.task):
            raise WeightsError(f"{parameter}: {name}: {problem}")
        if card.split(len(data.study.genome)) != data.split:
            raise ValueError(
                f"{name} was tested on another part of the genome; leave it out of {parameter}"
            )


# ------------------------------------------------------------------------------------- scores


def joined(now: pd.DataFrame, left: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Rows of now and of an earlier run, by model in the order given; each model's stay as are."""
    if left.empty:
        return now
    whole = pd.concat([now, left], ignore_index=True) if len(now) else left
    place = {name: number for number, name in enumerate(order)}
    return whole.sort_values(
        "model", key=lambda names: names.map(place), kind="stable", ignore_index=True
    )
