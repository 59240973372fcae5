"""Fit an annotator, stop early, resume; touches model.py, labels.py and Lightning.

The paper trains on consecutive segments of both strands and stops at the minimum of the validation
loss ("Training and evaluation").  Here each segment brings ``context`` positions of upstream
sequence that are read but not scored, so that no position is judged on a cold start.

Training is cut into *rounds* of ``steps_per_round`` steps. What a round sees is a pure function of
the seed and the round's number, and the state is saved after each: a run that is killed and started
again with the same arguments gives the same weights as one that was never interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import lightning as L
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from typing_extensions import override

from genoattn.genome import Genome
from genoattn.intervals import runs
from genoattn.labels import Split, reading_order, shift_downstream, site_track
from genoattn.memory import keep_freed_memory
from genoattn.model import Annotator, AnnotatorConfig, read_card, write_card


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
    """

    passes: float = 3.0
    segment: int = 4096
    context: int = 512
    batch: int = 2
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 0.5
    steps_per_round: int = 200
    patience: int = 5
    seed: int = 1
    precision: str = "32-true"

    def __post_init__(self) -> None:
        for name in ("passes", "segment", "batch", "learning_rate", "steps_per_round", "patience"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        if self.context < 0:
            raise ValueError(f"context must not be negative, not {self.context}")
        if self.precision not in ("32-true", "bf16-mixed"):
            raise ValueError(f"precision must be '32-true' or 'bf16-mixed', not {self.precision!r}")


@dataclass(frozen=True)
class StrandData:
    """Both strands as the model reads them: codes and targets (2, L), 5'->3', targets shifted.

    Built by :meth:`of`; ``part_mask(part)`` says which positions count in a part: those whose
    *site* lies there.
    """

    codes: NDArray[np.uint8]
    target: NDArray[np.uint8]
    split: Split
    downstream: int

    @classmethod
    def of(cls, genome: Genome, sites: pd.DataFrame, split: Split, downstream: int) -> StrandData:
        """Read both strands of a genome with the labels of ``sites``."""
        codes = np.stack([genome.strand("+"), genome.strand("-")])
        target = shift_downstream(reading_order(site_track(sites, len(genome))), downstream)
        return cls(codes, target, split, downstream)

    def part_mask(self, part: str) -> NDArray[np.bool_]:
        """Say which queries (2, L), in reading order, speak of a site in ``part``."""
        mask = self.split.mask(part)
        return shift_downstream(reading_order(np.stack([mask, mask])), self.downstream)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the sequence and of the labels that a model was trained on."""
        return {
            "sequence_sha256": hashlib.sha256(self.codes[0].tobytes()).hexdigest(),
            "labels_sha256": hashlib.sha256(self.target.tobytes()).hexdigest(),
        }


class Segment(NamedTuple):
    """Scored stretch of a strand, in reading order; only ``first <= index < last`` counts."""

    strand: int
    start: int
    first: int
    last: int


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


class Segments(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Segments with left context: codes (context + length), target and counts (length).

    Indices beyond the genome's end go on at its beginning.
    """

    def __init__(
        self, data: StrandData, segments: list[Segment], length: int, context: int
    ) -> None:
        self.data, self.segments = data, segments
        self.length, self.context = length, context

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        strand, start, first, last = self.segments[number]
        index = np.arange(start - self.context, start + self.length)
        codes = self.data.codes[strand].take(index, mode="wrap")
        scored = index[self.context :]
        target = self.data.target[strand].take(scored, mode="wrap")
        counts = (first <= scored) & (scored < last)
        return (
            torch.from_numpy(codes.astype(np.int64)),
            torch.from_numpy(target.astype(np.float32)),
            torch.from_numpy(counts.astype(np.float32)),
        )


class Passes:
    """An endless, seeded sequence of shuffled passes over a part, dealt out in rounds."""

    def __init__(self, mask: NDArray[np.bool_], config: TrainingConfig) -> None:
        self.mask, self.config = mask, config
        # the most segments that any phase gives; each pass has as many
        self.size = len(cut(mask, config.segment, config.segment))

    def one(self, number: int) -> list[Segment]:
        """All segments of the part, cut at a random phase, in random order."""
        rng = np.random.default_rng([self.config.seed, number])
        phase = int(rng.integers(self.config.segment))
        segments = cut(self.mask, self.config.segment, phase)
        order = rng.permutation(len(segments))
        again = rng.integers(len(segments), size=self.size - len(segments))
        return [segments[i] for i in (*order, *again)]

    def round(self, number: int) -> list[Segment]:
        """What round ``number`` sees: the next stretch of the sequence of passes."""
        wanted = self.config.steps_per_round * self.config.batch
        passed, position = divmod(number * wanted, self.size)
        chosen: list[Segment] = []
        while len(chosen) < wanted:
            chosen += self.one(passed)[position:][: wanted - len(chosen)]
            passed, position = passed + 1, 0
        return chosen

    def steps(self) -> int:
        """Steps of the whole training: rounds enough for ``config.passes`` passes."""
        c = self.config
        return c.steps_per_round * math.ceil(c.passes * self.size / c.batch / c.steps_per_round)


def cross_entropy(logits: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Sum of -log P(label) over the counted positions, in nats (paper, "Training")."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * counts).sum()


class AnnotatorTraining(L.LightningModule):
    """Lightning's view of one training: data of each round, loss, schedule."""

    def __init__(self, model: Annotator, data: StrandData, config: TrainingConfig) -> None:
        super().__init__()
        self.model, self.data, self.config = model, data, config
        train_mask, self.validation_mask = data.part_mask("train"), data.part_mask("validation")
        self.passes = Passes(train_mask, config)
        self.validation_sum = torch.zeros(2)
        rate = data.target[train_mask].mean()
        torch.nn.init.constant_(model.output.bias, float(np.log(rate / (1 - rate))))

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

    def _loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        codes, target, counts = batch
        logits = self.model(codes)[:, self.config.context :]
        return cross_entropy(logits.float(), target, counts), counts.sum()

    @override
    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        total, number = self._loss(batch)
        loss = total / number.clamp(min=1)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    @override
    def on_validation_epoch_start(self) -> None:
        self.validation_sum = torch.zeros(2, device=self.device, dtype=torch.float64)

    @override
    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> None:
        total, number = self._loss(batch)
        self.validation_sum += torch.stack([total.double(), number.double()])

    @override
    def on_validation_epoch_end(self) -> None:
        gathered = cast(Tensor, self.all_gather(self.validation_sum))  # (devices, 2) or (2,)
        total, number = gathered.reshape(-1, 2).sum(0)
        self.log("validation_loss", (total / number).float())

    @override
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
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

    def __init__(self, weights: Path, card: dict[str, Any], progress: bool) -> None:
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
                trainer.global_step * pl_module.config.batch / pl_module.passes.size, 4
            ),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": float(metrics["train_loss"]),
            "validation_loss": float(metrics["validation_loss"]),
        }
        self.history.append(row)
        if not trainer.is_global_zero:
            return
        self.card["history"] = self.history
        self.card["seconds"] = round(self._elapsed(), 1)
        if row["validation_loss"] < before:
            self.card["best"] = row
            pl_module.model.save(self.weights, self.card)
        else:
            write_card(self.weights, {**read_card(self.weights), **self.card})


def fit(
    genome: Genome,
    sites: pd.DataFrame,
    split: Split,
    weights: str | Path,
    *,
    model: AnnotatorConfig | None = None,
    training: TrainingConfig | None = None,
    card: dict[str, Any] | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
    progress: bool = True,
) -> Annotator:
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
    card : dict
        Further facts for the model card.
    accelerator, devices
        As Lightning's Trainer takes them; several devices train data-parallel (start those from the
        command line: ``python -m genoattn.training``).

    Returns
    -------
    Annotator
        With the weights of the lowest validation loss, in evaluation mode.
    """
    model_config, config = model or AnnotatorConfig(), training or TrainingConfig()
    weights = Path(weights)
    weights.parent.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    data = StrandData.of(genome, sites, split, model_config.downstream)
    torch.manual_seed(config.seed)
    module = AnnotatorTraining(Annotator(model_config), data, config)
    whole_card = {
        **(card or {}),
        "genome": genome.name,
        "data": {**data.hashes(), "sites": len(sites)},
        "split": {"test": list(split.test), "validation": list(split.validation)},
        "training": asdict(config),
        "software": {"torch": torch.__version__, "lightning": L.__version__},
        "hardware": _hardware(accelerator),
    }
    identity = {key: whole_card[key] for key in ("genome", "data", "split", "training")}
    identity["config"] = asdict(model_config)
    checkpoint = _resumable(weights, identity)
    keep = KeepBest(weights, whole_card, progress)
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
    with warnings.catch_warnings():
        # Lightning suggests more loader workers; reading a slice of an array needs none
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists.*")
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    return Annotator.load(weights)


def _resumable(weights: Path, identity: dict[str, Any]) -> Path | None:
    """The checkpoint to go on from, if there is one of the very same run."""
    checkpoint, record = weights.with_suffix(".ckpt"), weights.with_suffix(".run.json")
    text = json.dumps(identity, indent=1, sort_keys=True)
    if checkpoint.exists():
        if not record.exists() or record.read_text() != text:
            raise ValueError(
                f"{checkpoint} belongs to a training with other data or settings; "
                "remove it to start anew, or give the run another name"
            )
        return checkpoint
    record.write_text(text)
    return None


def _hardware(accelerator: str) -> str:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main(arguments: list[str] | None = None) -> None:
    """Command line: train on the curated set (or one source) of a run's folder."""
    from genoattn.inputs import StudyInputs

    parser = argparse.ArgumentParser(prog="python -m genoattn.training", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, with inputs/ and curation/")
    parser.add_argument("--name", default="curated", help="name of the weights")
    parser.add_argument("--sites", default="curated", help="'curated' or the name of a source")
    parser.add_argument(
        "--cuts",
        type=int,
        nargs=3,
        required=True,
        help="where test, validation and training start, in nt",
    )
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", type=int, default=1)
    for field, default in asdict(TrainingConfig()).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(default), default=default)
    given = parser.parse_args(arguments)
    inputs = StudyInputs.read(given.run / "inputs")
    sites = label_sites(given.run, inputs.sites, given.sites)
    if given.accelerator == "cpu" and given.devices > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // given.devices))
    fit(
        inputs.genome,
        sites,
        Split.at(given.cuts, len(inputs.genome)),
        given.run / "training" / f"{given.name}.safetensors",
        training=TrainingConfig(
            **{field: getattr(given, field) for field in asdict(TrainingConfig())}
        ),
        card={"train_set": given.sites},
        accelerator=given.accelerator,
        devices=given.devices,
    )


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
