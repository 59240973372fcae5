"""Networks of either kind: loaded by name, and told in words by their cards; reads weights."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.model.segments import TrainingConfig

__all__ = ["describe_network", "load_network", "same_but_for_the_seed", "settings_that_differ"]


def load_network(source: str | Path, accelerator: str = "auto") -> Annotator | ConvolutionalNetwork:
    """Load trained weights of any architecture, by file or by a shipped name.

    Parameters
    ----------
    source : str or path
    accelerator : str
        'cpu'; 'gpu' or 'auto' take a GPU where there is one.
    """
    device = "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    if Card.read(source).convolutional:
        return ConvolutionalNetwork.load(source, device)
    return Annotator.load(source, device)


_TRAINING = asdict(TrainingConfig())


def describe_network(card: Card) -> str:
    """Say in a line what a card's network is and what it was trained on beside the labels."""
    c = card.config
    if card.convolutional:
        text = f"{c['layers']} dilated convolutions of {c['channels']} channels"
    else:
        layers = f"{c['layers']} layer" + "s" * (c["layers"] > 1)
        text = f"{layers} of {c['heads']} heads over {c['window']} nt"
        if c["stem"]:
            text += f" on {c['stem']} dilated convolutions of {c['d_model']} channels"
    text += f", {c['downstream']} nt downstream"
    if card.auxiliary:
        text += f", {len(card.auxiliary)} auxiliary targets"
    if card.training.get("focal_gamma"):
        text += f", focal loss of exponent {card.training['focal_gamma']:g}"
    if not card.training.get("context", 1):
        text += ", segments without context"
    return text


def same_but_for_the_seed(card: Card, other: Card) -> bool:
    """Say whether two cards are of one network, trained alike on the same labels.

    Training runs in whole rounds, so that 3.85 and 3.9 passes asked for may be the same: passes
    within two percent of each other are.
    """

    def recipe(one: Card) -> tuple[Any, ...]:
        training = {**_TRAINING, **one.training, "seed": None, "passes": None}
        return one.config, one.train_set, one.auxiliary, training

    passes = (float(one.training.get("passes", 0.0)) for one in (card, other))
    if recipe(card) != recipe(other) or not math.isclose(*passes, rel_tol=0.02):
        return False
    if card.initial is None or other.initial is None:
        return card.initial is other.initial
    return same_but_for_the_seed(card.initial, other.initial)


def settings_that_differ(card: Card, reference: Card) -> str:
    """Name the settings of the training or the network in which a card differs from another."""
    texts = []
    network = asdict(AnnotatorConfig())
    for one, other in (
        ({**network, **card.config}, {**network, **reference.config}),
        ({**_TRAINING, **card.training}, {**_TRAINING, **reference.training}),
    ):
        for key in one:
            if key != "seed" and one[key] != other.get(key):
                texts.append(f"{key} {other.get(key)} → {one[key]}")
    return ", ".join(texts)
