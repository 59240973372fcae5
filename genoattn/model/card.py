"""The model card: what a network is, what it was trained on and how; reads and writes JSON.

A card lies beside its weights, ``<name>.json`` beside ``<name>.safetensors``, so that a model that
travels says what it is. A card is never changed: `Card.replace` gives another one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from torch import nn

from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.weights import WeightsError, find_weights, write_tensors

__all__ = ["Card", "check_one_task", "check_sizes", "configured", "misfit"]


_KEYS = (
    "config", "task", "train_set", "genome", "data", "split", "training", "initial", "auxiliary",
    "software", "hardware", "history", "seconds", "best", "metrics",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What a model card says.

    Attributes
    ----------
    config : mapping
        Of the network, see `genoattn.model.annotator.AnnotatorConfig` and
        `genoattn.model.convolutional.ConvolutionalConfig`.
    task : str
        What the sites are: ``tss``, of which the file says nothing, or another kind.
    train_set : str
        Name of the sites that were the labels: ``curated`` or a source.
    genome : str
        Name of the replicon.
    data : mapping
        SHA-256 of sequence and labels, number of ``sites``.
    parts : mapping
        First and last position of ``test`` and ``validation`` (the rest was trained on).
    training : mapping
        See `genoattn.model.segments.TrainingConfig`.
    initial : Card or None
        Of the weights that the training started from; None: random ones.
    auxiliary : tuple of str
        Further sets of sites that were targets.
    history : tuple of mapping
        A row a round: step, passes, learning_rate, train_loss, validation_loss.
    best : mapping
        The round whose weights were kept.
    metrics : mapping
        Test set -> metric -> value, as far as it was tested.
    software, hardware, seconds
        What trained it, and for how long.
    further : mapping
        Whatever else the file says.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    task: str = "tss"
    train_set: str = ""
    genome: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    initial: Card | None = None
    auxiliary: tuple[str, ...] = ()
    history: tuple[Mapping[str, float], ...] = ()
    best: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    hardware: str = ""
    seconds: float = 0.0
    further: Mapping[str, Any] = field(default_factory=dict)

    # ------------------------------------------------------------------------- reading, writing

    @classmethod
    def of(cls, content: Mapping[str, Any], where: str | Path = "model card") -> Card:
        """Make a card of what a JSON file holds.

        Raises
        ------
        WeightsError
            There is no configuration in it.
        """
        if not isinstance(content.get("config"), Mapping):
            raise WeightsError(f"{where}: the model card has no 'config'")
        named = {one.name for one in dataclasses.fields(cls)} - {"parts", "further"}
        known = {name: content[name] for name in named if content.get(name) is not None}
        known["parts"] = content.get("split", {})
        known["further"] = {k: v for k, v in content.items() if k not in {*named, "split"}}
        for name in ("auxiliary", "history"):
            known[name] = tuple(known.get(name, ()))
        if "initial" in known:
            known["initial"] = cls.of(known["initial"], where)
        return cls(**known)

    @classmethod
    def read(cls, weights: str | Path) -> Card:
        """Read the card beside a weights file, or of a model that the package ships.

        Raises
        ------
        WeightsError
            No such weights, no card beside them, or one that is not a card.
        """
        path = find_weights(weights).with_suffix(".json")
        if not path.exists():
            raise WeightsError(f"{path}: the model card is missing beside its weights")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsError(f"{path}: not a model card ({error})") from error
        if not isinstance(content, dict):
            raise WeightsError(f"{path}: not a model card, but {type(content).__name__}")
        return cls.of(content, path)

    def content(self) -> dict[str, Any]:
        """What the JSON file holds: what is known, in a fixed order."""
        names = {"split": "parts"} | {one.name: one.name for one in dataclasses.fields(self)}
        found = {key: getattr(self, names[key]) for key in _KEYS}
        found["task"] = "" if self.task == "tss" else self.task
        found["initial"] = self.initial and self.initial.content()
        for key in ("auxiliary", "history"):
            found[key] = list(found[key])
        always = ("config", "initial", "auxiliary") if self.training else ("config",)
        return {key: value for key, value in found.items() if value or key in always} | dict(
            self.further
        )

    def write(self, weights: str | Path) -> None:
        """Write the card beside a weights file, whole or not at all."""
        with writing(Path(weights).with_suffix(".json")) as partial:
            partial.write_text(json.dumps(self.content(), indent=1) + "\n", encoding="utf-8")

    def write_with(self, network: nn.Module, weights: str | Path) -> None:
        """Write a network's parameters and the card beside them, both or neither."""
        with writing(weights) as partial:
            write_tensors(network, partial)
            self.write(weights)  # when this fails, the parameters do not take their place either

    def replace(self, **changes: Any) -> Card:
        """Return a card that differs in these attributes."""
        return dataclasses.replace(self, **changes)

    # -------------------------------------------------------------------------------- questions

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.training["seed"])

    @property
    def convolutional(self) -> bool:
        """Whether it is the convolutional baseline rather than an annotator with attention."""
        return "channels" in self.config

    @property
    def validation_loss(self) -> float:
        """Lowest loss on the validation part, in nats a position."""
        return float(self.best["validation_loss"])

    @property
    def scored_positions(self) -> int:
        """Positions whose output entered the loss, over all trainings behind the model.

        A step scores ``batch`` segments of ``segment`` positions; what is only read as context
        does not count. Segments at the ends of a part are counted whole.
        """
        t = self.training
        own = int(self.history[-1]["step"]) * int(t["batch"]) * int(t["segment"])
        return own + (self.initial.scored_positions if self.initial else 0)

    def passes(self, length: int) -> float:
        """Passes behind the model: scored positions over those of the training part, both strands.

        Parameters
        ----------
        length : int
            Of the genome, in nt. A pass that leaves out segments without a site counts for what it
            reads (the ``passes`` of the history count it as a whole one).
        """
        return self.scored_positions / (2 * int(self.split(length).mask("train").sum()))

    def kept_after(self, length: int) -> float:
        """Passes, counted in the same way, after which the kept weights were saved."""
        before = self.initial.passes(length) if self.initial else 0.0
        share = int(self.best["step"]) / int(self.history[-1]["step"])
        return before + share * (self.passes(length) - before)

    def split(self, length: int) -> Split:
        """The parts of a genome of this length that it was trained and tested on."""
        return Split(tuple(self.parts["test"]), tuple(self.parts["validation"]), length)

    def rounds(self, length: int) -> pd.DataFrame:
        """Rounds behind the model, those of the weights it started from first.

        Columns stage (from 1), passes (as `passes` counts them, running on through the stages),
        learning_rate, train_loss and validation_loss (nats a position).
        """
        before = self.initial.passes(length) if self.initial else 0.0
        own = pd.DataFrame(list(self.history))
        share = own.pop("step") / int(self.history[-1]["step"])
        own["passes"] = before + share * (self.passes(length) - before)
        own.insert(0, "stage", 1)
        if self.initial is None:
            return own
        earlier = self.initial.rounds(length)
        own["stage"] += int(earlier["stage"].max())
        return pd.concat([earlier, own], ignore_index=True)

    # the package still reads cards by key in many places; to go with the last of them
    def __getitem__(self, key: str) -> Any:
        return self.content()[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return what the file says under this key."""
        return self.content().get(key, default)


_Config = TypeVar("_Config")


def configured(kind: type[_Config], config: Mapping[str, Any], weights: Path) -> _Config:
    """Make the configuration of a network of what the card beside its weights says.

    Raises
    ------
    WeightsError
        Other settings than such a network has, or a value that it cannot have; names the card.
    """
    where = f"{weights.with_suffix('.json')}: 'config'"
    known = {one.name: type(one.default) for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if set(config) != set(known):
        raise WeightsError(f"{where} must give {sorted(known)}, not {sorted(config)}")
    for name, value in config.items():
        fits = isinstance(value, (int, float) if known[name] is float else known[name])
        if not fits or isinstance(value, bool):
            raise WeightsError(f"{where}: {name} cannot be {value!r}")
    try:
        return kind(**config)
    except ValueError as error:
        raise WeightsError(f"{where}: {error}") from error


def check_sizes(config: Any, least: int, **most: int) -> None:
    """Refuse sizes that no network has, or that no memory holds.

    Raises
    ------
    ValueError
        Names the attribute, and the least or the most that it can be.
    """
    for name, high in most.items():
        value = getattr(config, name)
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
        if value > high:
            raise ValueError(f"{name} must be at most {high:,}, not {value:,}")


def misfit(card: Card, genome: Genome, task: str) -> str | None:
    """Say why a model cannot be used in a study of this genome; None if it can.

    The test part of another genome is none of this one's, nor that of another sequence which has
    the same name; and sites of another kind are no start sites.

    Parameters
    ----------
    card : Card
        One that names no genome, as of a network that was not trained here, fits any.
    genome : Genome
    task : str
        What the study's sites are (`genoattn.study.tasks.TASKS`).
    """
    instead = "train on this genome, or annotate it as a whole (chapter your_genome)"
    if card.genome not in ("", genome.name):
        return f"trained on {card.genome}, so its test part is none of {genome.name}; {instead}"
    here = hashlib.sha256(genome.codes.tobytes()).hexdigest()
    trained_on = card.data.get("sequence_sha256", here)
    if trained_on != here:
        return (
            f"trained on another sequence that is named {genome.name} (SHA-256 {trained_on[:8]}…, "
            f"here {here[:8]}…), so its test part is none of this one; {instead}"
        )
    if card.task != task:
        return (
            f"trained on sites of the task {card.task!r}, but those of this study are of {task!r}; "
            "take a model of that task, or train one"
        )
    return None


def check_one_task(weights: Sequence[str | Path]) -> None:
    """Refuse to average models of different tasks, whose outputs speak of different sites.

    Raises
    ------
    WeightsError
        Names two of them and their tasks.
    """
    tasks = {str(one): Card.read(one).task for one in weights}
    for one, other in pairwise(tasks):
        if tasks[one] != tasks[other]:
            raise WeightsError(
                f"{one} is a model of the task {tasks[one]!r}, {other} of {tasks[other]!r}; "
                "average models of one task"
            )
