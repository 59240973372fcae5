"""Fit an annotator, stop early, resume; touches model.py, convolutional.py and Lightning.

The paper trains on consecutive segments of both strands and stops at the minimum of the validation
loss ("Training and evaluation").  Here each segment brings ``context`` positions of upstream
sequence that are read but not scored, so that no position is judged on a cold start.

Training is cut into *rounds* of ``steps_per_round`` steps. What a round sees is a pure function of
the seed and the round's number, and the state is saved after each: a run that is killed and started
again with the same arguments gives the same weights as one that was never interrupted.

A training may have *auxiliary* targets, further sets of sites that the same hidden state must tell.
Their outputs live in the training alone: the weights that it leaves are those of the annotator.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import os
import platform
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import lightning as L
import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from typing_extensions import override

from genoattn.card import Card
from genoattn.convolutional import ConvolutionalConfig, ConvolutionalNetwork, stand_on
from genoattn.files import writing
from genoattn.genome import Genome
from genoattn.intervals import runs
from genoattn.labels import Split, reading_order, shift_downstream, site_track
from genoattn.memory import keep_freed_memory
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.weight_files import find_weights

PAPER_CUTS = tuple(cut / 4_641_652 for cut in (2_738_785, 3_667_115, 4_131_280))
"""Where test, validation and training part start, as shares of the genome (paper, "Training")."""

Network = Annotator | ConvolutionalNetwork
"""What can be trained: the annotator, and the baseline that it is compared with."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes
    ----------
    passes : float
        Times that the whole training part is seen at most.
    segment, context : int
        Scored positions of a segment, and positions upstream of it that are read but not scored, in
        nt.
    batch : int
        Segments in one step (over all devices).
    empty_share : float
        Share of the segments without a site that a pass takes; see :class:`Passes`.
    learning_rate : float
        Peak of the schedule: linear warm-up over the first tenth, then a cosine down to zero.
    weight_decay, clip : float
        Of AdamW; largest norm of the gradient.
    steps_per_round : int
        Steps between two looks at the validation part (and two checkpoints).
    patience : int
        Rounds without a lower validation loss after which training stops.
    seed : int
    precision : str
        Lightning's name, '32-true' or 'bf16-mixed'.
    auxiliary_weight : float
        Share of the auxiliary targets' cross-entropy that is added to the loss.
    focal_gamma : float
        Exponent of the focal loss (Lin et al. 2017), which training minimises instead of the
        cross-entropy; 0 is the cross-entropy. The paper's text says cross-entropy, its code 0.8.
        The validation loss is the cross-entropy in any case.
    """

    passes: float = 3.0
    segment: int = 4096
    context: int = 512
    batch: int = 2
    empty_share: float = 1.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 0.5
    steps_per_round: int = 200
    patience: int = 5
    seed: int = 1
    precision: str = "32-true"
    auxiliary_weight: float = 0.5
    focal_gamma: float = 0.0

    def __post_init__(self) -> None:
        for name in ("passes", "segment", "batch", "learning_rate", "steps_per_round", "patience"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        if not 0 < self.empty_share <= 1:
            raise ValueError(f"empty_share must be above 0 and at most 1, not {self.empty_share}")
        for name in ("context", "auxiliary_weight", "focal_gamma"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.precision not in ("32-true", "bf16-mixed"):
            raise ValueError(f"precision must be '32-true' or 'bf16-mixed', not {self.precision!r}")


@dataclass(frozen=True)
class StrandData:
    """Both strands as the model reads them: codes and targets (2, L), 5'->3', targets shifted.

    ``auxiliary``, shape (n, 2, L), holds further targets that help to train. Built by :meth:`of`;
    ``part_mask(part)`` says which positions count in a part: those whose *site* lies there.
    """

    codes: NDArray[np.uint8]
    target: NDArray[np.uint8]
    split: Split
    downstream: int
    auxiliary: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        genome: Genome,
        sites: pd.DataFrame,
        split: Split,
        downstream: int,
        auxiliary: Sequence[pd.DataFrame] = (),
    ) -> StrandData:
        """Read both strands of a genome with the labels of ``sites`` and of auxiliary sets."""
        codes = np.stack([genome.strand("+"), genome.strand("-")])
        target, *further = [
            shift_downstream(reading_order(site_track(one, len(genome))), downstream)
            for one in (sites, *auxiliary)
        ]
        return cls(codes, target, split, downstream, np.array(further).reshape(-1, *target.shape))

    def part_mask(self, part: str) -> NDArray[np.bool_]:
        """Say which queries (2, L), in reading order, speak of a site in ``part``."""
        mask = self.split.mask(part)
        return shift_downstream(reading_order(np.stack([mask, mask])), self.downstream)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the sequence and of the labels that a model was trained on."""
        arrays = {"sequence": self.codes[0], "labels": self.target}
        if len(self.auxiliary):
            arrays["auxiliary"] = self.auxiliary
        return {
            f"{name}_sha256": hashlib.sha256(array.tobytes()).hexdigest()
            for name, array in arrays.items()
        }


class Segment(NamedTuple):
    """Stretch of a strand, in reading order; ``first <= index < last`` counts, with ``weight``."""

    strand: int
    start: int
    first: int
    last: int
    weight: float = 1.0


def cut(mask: NDArray[np.bool_], length: int, phase: int) -> list[Segment]:
    """Cut a part into segments of ``length`` nt that together count every position of it once.

    ``mask`` has shape (2, L). The first segment of each run of the part starts ``phase`` nt before
    it, so that another phase cuts elsewhere.
    """
    return [
        Segment(strand, start, first, first + size)
        for strand in range(2)
        for first, size in runs(mask[strand]).tolist()
        for start in range(first - phase, first + size, length)
    ]


Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Codes, target, counts and auxiliary targets of some segments."""


class Segments(Dataset[Batch]):
    """Segments with left context.

    Codes (context + length), target and counts (length), auxiliary targets (length, n).

    Indices beyond the genome's end go on at its beginning.
    """

    def __init__(
        self, data: StrandData, segments: list[Segment], length: int, context: int
    ) -> None:
        self.data, self.segments = data, segments
        self.length, self.context = length, context

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, number: int) -> Batch:
        strand, start, first, last, weight = self.segments[number]
        index = np.arange(start - self.context, start + self.length)
        codes = self.data.codes[strand].take(index, mode="wrap")
        scored = index[self.context :]
        target = self.data.target[strand].take(scored, mode="wrap")
        auxiliary = self.data.auxiliary[:, strand].take(scored, axis=-1, mode="wrap")
        counts = weight * ((first <= scored) & (scored < last))
        return (
            torch.from_numpy(codes.astype(np.int64)),
            torch.from_numpy(target.astype(np.float32)),
            torch.from_numpy(counts.astype(np.float32)),
            torch.from_numpy(auxiliary.T.astype(np.float32)),
        )


class Passes:
    """An endless, seeded sequence of shuffled passes over a part, dealt out in rounds.

    Most segments hold no site and teach little. With ``config.empty_share`` below 1, a pass takes a
    random share of them and counts each so much more, which leaves the expected loss as it is.
    """

    def __init__(self, data: StrandData, part: str, config: TrainingConfig) -> None:
        self.mask, self.config = data.part_mask(part), config
        sites = np.cumsum(np.pad(data.target, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
        self._sites = np.hstack([sites, sites[:, -1:] + sites[:, 1:]])  # twice round the circle
        self._sizes: list[int] = []

    def one(self, number: int) -> list[Segment]:
        """One pass: all segments of the part, cut at a random phase, in random order."""
        c = self.config
        rng = np.random.default_rng([c.seed, number])
        segments = cut(self.mask, c.segment, int(rng.integers(c.segment)))
        if c.empty_share < 1:
            full = [segment for segment in segments if self._count(segment)]
            empty = [segment for segment in segments if not self._count(segment)]
            taken = rng.choice(len(empty), round(c.empty_share * len(empty)), replace=False)
            segments = full + [empty[i]._replace(weight=1 / c.empty_share) for i in taken]
        return [segments[i] for i in rng.permutation(len(segments))]

    def _count(self, segment: Segment) -> int:
        """Sites that count in a segment."""
        length = self.mask.shape[1]
        first = max(segment.start, segment.first) % length
        size = min(segment.start + self.config.segment, segment.last) - max(
            segment.start, segment.first
        )
        sites = self._sites[segment.strand]
        return int(sites[first + size] - sites[first])

    def size(self, number: int) -> int:
        """Segments of a pass; it differs a little from pass to pass."""
        while len(self._sizes) <= number:
            self._sizes.append(len(self.one(len(self._sizes))))
        return self._sizes[number]

    def round(self, number: int) -> list[Segment]:
        """What round ``number`` sees: the next stretch of the sequence of passes."""
        wanted = self.config.steps_per_round * self.config.batch
        passed, position = 0, number * wanted
        while position >= self.size(passed):
            position -= self.size(passed)
            passed += 1
        chosen: list[Segment] = []
        while len(chosen) < wanted:
            chosen += self.one(passed)[position:][: wanted - len(chosen)]
            passed, position = passed + 1, 0
        return chosen

    def steps(self) -> int:
        """Steps of the whole training: rounds enough for ``config.passes`` passes."""
        c = self.config
        return c.steps_per_round * math.ceil(c.passes * self.size(0) / c.batch / c.steps_per_round)


def cross_entropy(
    logits: Tensor, target: Tensor, counts: Tensor, focal_gamma: float = 0.0
) -> Tensor:
    """Sum of -(1 - p)^gamma log p over the counted positions, in nats; p is P(label).

    With a gamma of 0 the cross-entropy (paper, "Training"), else the focal loss: what is predicted
    well counts less.
    """
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if focal_gamma:
        wrong = -torch.expm1(-loss)  # 1 - p
        loss = loss * wrong.clamp(min=1e-12) ** focal_gamma
    return (loss * counts).sum()


class AnnotatorTraining(L.LightningModule):
    """Lightning's view of one training: data of each round, loss, schedule."""

    def __init__(self, model: Network, data: StrandData, config: TrainingConfig) -> None:
        super().__init__()
        self.model, self.data, self.config = model, data, config
        self.validation_mask = data.part_mask("validation")
        self.passes = Passes(data, "train", config)
        self.validation_sum = torch.zeros(2)
        self.auxiliary: nn.Linear | None = None
        if len(data.auxiliary):
            self.auxiliary = nn.Linear(model.output.in_features, len(data.auxiliary))
            rate = data.auxiliary[:, data.part_mask("train")].mean(1).clip(1e-6, 1 - 1e-6)
            with torch.no_grad():
                self.auxiliary.bias.copy_(torch.from_numpy(np.log(rate / (1 - rate))))

    @override
    def on_train_epoch_start(self) -> None:
        torch.manual_seed(hash((self.config.seed, self.current_epoch, self.global_rank)))

    @override
    def train_dataloader(self) -> DataLoader:
        return self._loader(self.passes.round(self.current_epoch))

    @override
    def val_dataloader(self) -> DataLoader:
        return self._loader(cut(self.validation_mask, self.config.segment, 0))

    def _loader(self, chosen: list[Segment]) -> DataLoader:
        c = self.config
        segments = Segments(self.data, chosen, c.segment, c.context)
        return DataLoader(segments, batch_size=max(1, c.batch // self.trainer.world_size))

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Summed loss of the labels, that of all auxiliary targets, counted positions."""
        codes, target, counts, further = batch
        gamma = self.config.focal_gamma if self.training else 0.0
        h = self.model.hidden(codes)[:, self.config.context :]  # B, length, width
        total = cross_entropy(self.model.output(h).squeeze(-1).float(), target, counts, gamma)
        beside = total.new_zeros(())
        if self.auxiliary is not None:
            beside = cross_entropy(self.auxiliary(h).float(), further, counts[..., None], gamma)
        return total, beside, counts.sum()

    @override
    def training_step(self, batch: Batch, index: int) -> Tensor:
        total, beside, number = self._losses(batch)
        number = number.clamp(min=1)
        self.log("train_loss", total / number, on_step=False, on_epoch=True, sync_dist=True)
        return (total + self.config.auxiliary_weight * beside) / number

    @override
    def on_validation_epoch_start(self) -> None:
        self.validation_sum = torch.zeros(2, device=self.device, dtype=torch.float64)

    @override
    def validation_step(self, batch: Batch, index: int) -> None:
        total, _, number = self._losses(batch)
        self.validation_sum += torch.stack([total.double(), number.double()])

    @override
    def on_validation_epoch_end(self) -> None:
        gathered = cast(Tensor, self.all_gather(self.validation_sum))  # (devices, 2) or (2,)
        total, number = gathered.reshape(-1, 2).sum(0)
        self.log("validation_loss", (total / number).float())

    @override
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(
            self.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_cosine(step, self.passes.steps())
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def warmup_cosine(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear over the first tenth, then a cosine to zero."""
    warmup = max(1, steps // 10)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


class KeepBest(L.Callback):
    """Write the weights when the validation loss falls, and their card after every round."""

    def __init__(self, weights: Path, card: Card, progress: bool) -> None:
        self.weights, self.card, self.progress = weights, card, progress
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0
        self.started = time.monotonic()
        self.bar: tqdm | None = None

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "seconds": self._elapsed()}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history, self.seconds = list(state_dict["history"]), state_dict["seconds"]

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.started = time.monotonic()
        self.bar = tqdm(
            total=trainer.max_steps,
            initial=trainer.global_step,
            unit="step",
            desc="training",
            mininterval=1,
            disable=not (self.progress and trainer.is_global_zero),
        )

    @override
    def on_train_batch_end(self, *args: Any) -> None:
        assert self.bar is not None
        self.bar.update()

    @override
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert self.bar is not None
        self.bar.close()

    @override
    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, AnnotatorTraining)
        if self.history and self.history[-1]["step"] == trainer.global_step:
            return  # resumed at the end of a round, which Lightning closes once more
        metrics = trainer.callback_metrics
        before = min((row["validation_loss"] for row in self.history), default=math.inf)
        row = {
            "step": trainer.global_step,
            "passes": round(
                trainer.global_step * pl_module.config.batch / pl_module.passes.size(0), 4
            ),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": float(metrics["train_loss"]),
            "validation_loss": float(metrics["validation_loss"]),
        }
        self.history.append(row)
        if not trainer.is_global_zero:
            return
        self.card = self.card.replace(
            history=tuple(self.history), seconds=round(self._elapsed(), 1)
        )
        if row["validation_loss"] < before:
            self.card = self.card.replace(best=row)
            pl_module.model.save(self.weights, self.card)
        else:
            best = min(self.history, key=lambda one: one["validation_loss"])
            self.card.replace(best=best).write(self.weights)


def fit(
    genome: Genome,
    sites: pd.DataFrame,
    split: Split,
    weights: str | Path,
    *,
    model: AnnotatorConfig | ConvolutionalConfig | None = None,
    training: TrainingConfig | None = None,
    initial: str | Path | None = None,
    auxiliary: dict[str, pd.DataFrame] | None = None,
    train_set: str = "",
    accelerator: str = "auto",
    devices: int | str = 1,
    fresh: bool = False,
    progress: bool = True,
) -> Network:
    """Train an annotator, or go on with a training that was interrupted.

    Parameters
    ----------
    genome, sites, split
        Sequence, labelled sites (columns position, strand) and the parts of the genome.
    weights : path
        Where the best weights go (.safetensors), with their card (.json, holding the learning
        curve) and the checkpoint (.ckpt) beside them. An existing checkpoint of the same run is
        resumed; one of another run is refused.
    model, training : configurations
        The model's says by its type what is trained.
    initial : str or path, optional
        Weights to start from (a file or a shipped name) instead of random ones. Their window may be
        another, as no parameter depends on it. A convolutional network becomes the stem of an
        annotator (`genoattn.convolutional.stand_on`).
    auxiliary : mapping of name to DataFrame, optional
        Further sets of sites for the hidden state to tell, weighted ``training.auxiliary_weight``.
    train_set : str
        What the card calls the labelled sites.
    accelerator, devices
        As Lightning's Trainer takes them; several devices train data-parallel (start those from the
        command line: ``python -m genoattn.training``).
    fresh : bool
        Forget what an earlier training left under this name, instead of going on with it.

    Returns
    -------
    Annotator or ConvolutionalNetwork
        With the weights of the lowest validation loss, in evaluation mode.
    """
    model_config, config = model or AnnotatorConfig(), training or TrainingConfig()
    weights = Path(weights)
    weights.parent.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    auxiliary = auxiliary or {}
    data = StrandData.of(genome, sites, split, model_config.downstream, list(auxiliary.values()))
    torch.manual_seed(config.seed)
    annotator: Network
    if isinstance(model_config, ConvolutionalConfig):
        annotator = ConvolutionalNetwork(model_config)
    else:
        annotator = Annotator(model_config)
    if initial is None:
        annotator.start_from_rate(data.target[data.part_mask("train")].mean())
    else:
        _start_from(annotator, initial)
    module = AnnotatorTraining(annotator, data, config)
    card = Card(
        config=asdict(model_config),
        train_set=train_set,
        genome=genome.name,
        data={**data.hashes(), "sites": len(sites)},
        parts={"test": list(split.test), "validation": list(split.validation)},
        training=asdict(config),
        initial=None if initial is None else Card.read(initial),
        auxiliary=tuple(auxiliary),
        software={"torch": torch.__version__, "lightning": L.__version__},
        hardware=_hardware(accelerator),
    )
    same = ("config", "genome", "data", "split", "training", "initial")
    identity = {key: card.content()[key] for key in same}
    if fresh:
        for suffix in (".safetensors", ".json", ".ckpt", ".run.json"):
            weights.with_suffix(suffix).unlink(missing_ok=True)
    checkpoint = _resumable(weights, identity)
    keep = KeepBest(weights, card, progress)
    with _quiet_lightning():
        trainer = L.Trainer(
            accelerator=accelerator,
            devices=devices,
            precision=config.precision,  # type: ignore[arg-type]
            max_steps=module.passes.steps(),
            reload_dataloaders_every_n_epochs=1,
            gradient_clip_val=config.clip,
            num_sanity_val_steps=0,
            callbacks=[
                L.pytorch.callbacks.EarlyStopping(
                    "validation_loss", patience=config.patience, check_on_train_epoch_end=False
                ),
                keep,
                L.pytorch.callbacks.ModelCheckpoint(
                    weights.parent,
                    filename=weights.stem,
                    every_n_epochs=1,
                    save_on_train_epoch_end=True,
                    enable_version_counter=False,
                ),
            ],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            deterministic="warn",
        )
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    return type(annotator).load(weights)


def _start_from(network: Network, initial: str | Path) -> None:
    """Take over trained weights."""
    if Card.read(initial).convolutional and isinstance(network, Annotator):
        stand_on(network, ConvolutionalNetwork.load(initial))
    else:
        network.load_state_dict(type(network).load(initial).state_dict())


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence advice that does not apply: reading slices of an array needs no loader workers."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
        try:
            yield
        finally:
            logger.setLevel(level)


def _resumable(weights: Path, identity: dict[str, Any]) -> Path | None:
    """The checkpoint to go on from, if there is one of the very same run."""
    checkpoint, record = weights.with_suffix(".ckpt"), weights.with_suffix(".run.json")
    text = json.dumps(identity, indent=1, sort_keys=True)
    if checkpoint.exists():
        if not record.exists() or record.read_text() != text:
            raise ValueError(
                f"{checkpoint} belongs to a training with other data or settings; "
                "start afresh (fresh=True), or give the run another name"
            )
        return checkpoint
    with writing(record) as partial:
        partial.write_text(text)
    return None


def _hardware(accelerator: str) -> str:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main(arguments: list[str] | None = None) -> None:
    """Command line: train on the curated set (or one source) of a run's folder."""
    from genoattn.inputs import StudyInputs

    given = _parse(arguments)
    inputs = StudyInputs.read(given.run / "inputs")
    sites = label_sites(given.run, inputs.sites, given.sites)
    if given.accelerator == "cpu" and given.devices > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // given.devices))
    fit(
        inputs.genome,
        sites,
        Split.at(given.cuts, len(inputs.genome)),
        given.run / "training" / f"{given.name}.safetensors",
        model=(ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig)(
            **given.model
        ),
        training=TrainingConfig(
            **{field: getattr(given, field) for field in asdict(TrainingConfig())}
        ),
        initial=given.initial and find_weights(given.initial, given.run),
        auxiliary={name: label_sites(given.run, inputs.sites, name) for name in given.auxiliary},
        train_set=given.sites,
        accelerator=given.accelerator,
        devices=given.devices,
        fresh=given.fresh,
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a plan gives what it leaves out."""
    parser = argparse.ArgumentParser(prog="python -m genoattn.training", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, with inputs/ and curation/")
    parser.add_argument("--name", default="curated", help="name of the weights")
    parser.add_argument(
        "--plan",
        type=Path,
        help="YAML file of trainings by name; what it says of this name counts as given here",
    )
    parser.add_argument("--sites", default="curated", help="'curated' or the name of a source")
    parser.add_argument(
        "--cuts",
        type=int,
        nargs=3,
        help="where test, validation and training start, in nt",
    )
    parser.add_argument(
        "--network", choices=("transformer", "convolutional"), default="transformer"
    )
    parser.add_argument(
        "--model",
        type=json.loads,
        default={},
        help="what differs from the network's defaults, as JSON: '{\"downstream\": 256}'",
    )
    parser.add_argument(
        "--auxiliary", nargs="*", default=[], help="sources whose sites are further targets"
    )
    parser.add_argument("--initial", help="weights to start from: a file, or a name in the run")
    parser.add_argument("--fresh", action="store_true", help="forget an earlier training")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", type=int, default=1)
    for field, default in asdict(TrainingConfig()).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(default), default=default)
    given = parser.parse_args(arguments)
    if given.plan is not None:
        parser.set_defaults(**planned(given.plan, given.name, set(vars(given))))
        given = parser.parse_args(arguments)
    if given.cuts is None:
        parser.error("give --cuts, or a --plan that has them")
    return given


def planned(plan: Path, name: str, known: set[str]) -> dict[str, Any]:
    """What a plan says of one training.

    Parameters
    ----------
    plan : path
        YAML: ``every`` training's settings, and the ``trainings`` by name with theirs.
    name : str
    known : set of str
        Settings that there are.

    Raises
    ------
    ValueError
        If there is no training of that name, or a setting is not known.
    """
    content = yaml.safe_load(plan.read_text(encoding="utf-8"))
    trainings = content["trainings"]
    if name not in trainings:
        raise ValueError(
            f"{plan}: no training is named {name!r}; there are: {', '.join(trainings)}"
        )
    settings = {**content.get("every", {}), **trainings[name]}
    for setting in settings:
        if setting not in known - {"run", "name", "plan"}:
            raise ValueError(
                f"{plan}: {name}: {setting!r} is not known; there are: {', '.join(sorted(known))}"
            )
    return settings


def label_sites(run: Path, sites: pd.DataFrame, train_set: str) -> pd.DataFrame:
    """Sites to label: the run's curated set, or those of one source."""
    if train_set == "curated":
        return pd.read_csv(run / "curation" / "curated.tsv", sep="\t", comment="#")
    chosen = sites[sites["source"] == train_set]
    if chosen.empty:
        names = sorted(sites["source"].unique())
        raise ValueError(f"no sites of {train_set!r}; there are: curated, {', '.join(names)}")
    return chosen


if __name__ == "__main__":
    main()
