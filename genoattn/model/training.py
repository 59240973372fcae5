"""Fit an annotator, stop early, resume; touches annotator.py, convolutional.py and Lightning.

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

import json
import logging
import math
import os
import platform
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm
from typing_extensions import override

from genoattn.genome.files import writing
from genoattn.genome.locks import holding
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator, AnnotatorConfig, RelativeAttentionLayer
from genoattn.model.attention import keep_freed_memory
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.model.segments import (
    Batch,
    Passes,
    Segment,
    Segments,
    StrandData,
    TrainingConfig,
    cut,
)

PAPER_LENGTH = 4_641_652
"""Of the paper's genome, NC_000913.3 (*E. coli* K-12 MG1655), nt."""

PAPER_CUTS = tuple(cut / PAPER_LENGTH for cut in (2_738_785, 3_667_115, 4_131_280))
"""Where test, validation and training part start, as shares of the genome (paper, "Training")."""

CHECK_EVERY = 32
"""Steps between two looks whether the loss is finite: each look waits for the accelerator."""

Network = Annotator | ConvolutionalNetwork
"""What can be trained: the annotator, and the baseline that it is compared with."""


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


class DivergedError(ValueError):
    """A training whose loss is not finite any more; it leaves the best weights before that."""


class StoppedError(ValueError):
    """A training that a signal stopped, as of a cluster whose time is up."""


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
        if index % CHECK_EVERY == 0:
            self._check_finite(total + beside)
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
        self._check_finite(total)
        self.log("validation_loss", (total / number).float())

    def _check_finite(self, loss: Tensor) -> None:
        """Stop a training that learns nothing any more."""
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the training diverged after {self.global_step:,} steps: its loss is no number "
                f"any more; lower learning_rate, which is {self.config.learning_rate:g}"
            )

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
    """Write the weights when the validation loss falls, and their card after every round.

    With ``always``, write the weights after every round.
    """

    def __init__(self, weights: Path, card: Card, progress: bool, always: bool = False) -> None:
        self.weights, self.card, self.progress, self.always = weights, card, progress, always
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
        if self.always or row["validation_loss"] < before:
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
    task: str = "tss",
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
        annotator (`genoattn.model.training.stand_on`).
    auxiliary : mapping of name to DataFrame, optional
        Further sets of sites for the hidden state to tell, weighted ``training.auxiliary_weight``.
    task : str
        What these sites are, for the card (`genoattn.study.tasks.TASKS`).
    train_set : str
        What the card calls the labelled sites.
    accelerator, devices
        As Lightning's Trainer takes them; several devices train data-parallel (start those from the
        command line: ``genoattn train``).
    fresh : bool
        Forget what an earlier training left under this name, instead of going on with it. Its model
        stays until the new one's first round is whole.

    Returns
    -------
    Annotator or ConvolutionalNetwork
        With the weights of the lowest validation loss, in evaluation mode.

    Raises
    ------
    LockedError
        Another process trains a model of that name.
    DivergedError
        The loss is not finite any more. The weights of the best round before, if there was one, are
        kept with their card, which says so; a training of that name begins afresh.
    StoppedError
        A signal stopped it.
    ValueError
        The checkpoint is of another training or damaged, or no site lies in the training part.
    """
    model_config, config = model or AnnotatorConfig(), training or TrainingConfig()
    _check_machine(accelerator, devices)
    weights = Path(weights)
    keep_freed_memory()
    auxiliary = auxiliary or {}
    data = StrandData.of(genome, sites, split, model_config.downstream, list(auxiliary.values()))
    if not data.target[data.part_mask("train")].any():
        raise ValueError(
            f"no site{f' of {train_set}' * bool(train_set)} lies in the training part of "
            f"{genome.name}; give other cuts, or other sites"
        )
    module = AnnotatorTraining(_started(model_config, data, initial, config.seed), data, config)
    card = Card(
        config=asdict(model_config),
        task=task,
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
    with _alone(weights):
        if fresh:
            _forget(weights)
        keep = KeepBest(weights, card, progress, config.keep == "last")
        _train(module, keep, accelerator, devices, fresh)
    return type(module.model).load(weights)


def _check_machine(accelerator: str, devices: int | str) -> None:
    """Refuse a machine that is not there before anything is written."""
    known = ("auto", "cpu", "gpu", "cuda", "mps")
    if accelerator not in known:
        raise ValueError(f"accelerator must be one of {', '.join(known)}, not {accelerator!r}")
    n_cuda = torch.cuda.device_count()
    if accelerator not in ("auto", "cpu") and not (n_cuda or torch.backends.mps.is_available()):
        raise ValueError(
            f"accelerator {accelerator!r}: torch finds none on this machine; take auto or cpu"
        )
    if isinstance(devices, int) and not 1 <= devices <= (
        n_cuda if n_cuda and accelerator != "cpu" else devices
    ):
        raise ValueError(f"devices must be from 1 to what this machine has, not {devices}")


@contextmanager
def _alone(weights: Path) -> Iterator[None]:
    """See to it that nobody else trains a model of that name."""
    if os.environ.get("LOCAL_RANK", "0") != "0":  # a process of a training that has the lock
        yield
        return
    with holding(weights.with_suffix(".lock"), str(weights), "train under another name"):
        yield


def _started(
    config: AnnotatorConfig | ConvolutionalConfig,
    data: StrandData,
    initial: str | Path | None,
    seed: int,
) -> Network:
    """Make a network that a training begins with: at random, or from weights."""
    torch.manual_seed(seed)
    if isinstance(config, ConvolutionalConfig):
        network: Network = ConvolutionalNetwork(config)
    else:
        network = Annotator(config)
    if initial is None:
        network.start_from_rate(data.target[data.part_mask("train")].mean())
    elif Card.read(initial).convolutional and isinstance(network, Annotator):
        stand_on(network, ConvolutionalNetwork.load(initial))
    else:
        _take_over(network, initial)
    return network


def _take_over(network: Network, initial: str | Path) -> None:
    """Give a network the parameters of weights of its own shape."""
    source = type(network).load(initial)
    had, has = asdict(source.config), asdict(network.config)
    try:
        network.load_state_dict(source.state_dict())
    except RuntimeError as error:  # torch's says every tensor
        differs = [name for name in had if name not in _FREE and had[name] != has[name]]
        said = ", ".join(f"{name} {had[name]}, here {has[name]}" for name in differs)
        raise ValueError(
            f"initial {initial}: a network of another shape ({said}); give the model its settings"
        ) from error


_FREE = {"window", "downstream", "dropout"}
"""Settings of a network that its parameters do not depend on."""


def _train(
    module: AnnotatorTraining, keep: KeepBest, accelerator: str, devices: int | str, fresh: bool
) -> None:
    """Train to the end, or from where a training of the same identity was interrupted."""
    weights, config = keep.weights, module.config
    same = ("config", "genome", "data", "split", "training", "initial")
    identity = {key: keep.card.content()[key] for key in same}
    checkpoint = _resumable(weights, identity, fresh)
    if checkpoint is not None:
        _check_checkpoint(checkpoint, module)
    stop_early = L.pytorch.callbacks.EarlyStopping(
        "validation_loss", patience=config.patience, check_on_train_epoch_end=False
    )
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
                *([stop_early] if config.keep == "best" else []),
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
            plugins=[_WholeCheckpoints()],
        )
        interrupt = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
        except DivergedError as error:
            raise DivergedError(f"{error}; {_keep_before(weights, keep.history)}") from error
        except SystemExit as error:  # of Lightning: its status of a SIGTERM is that of success
            signal.signal(signal.SIGINT, interrupt)
            keep.on_train_end(trainer, module)
            raise StoppedError(
                f"{weights}: the training was stopped by a signal after {trainer.global_step:,} "
                f"steps; start it again{'' if fresh else ', and it goes on from its last round'}"
            ) from error


class _WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint whole, or leaves the former one."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        written = BytesIO()  # of a full disk, torch says what nobody understands
        torch.save(checkpoint, written)
        with writing(path) as partial:
            partial.write_bytes(written.getbuffer())


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


def _resumable(weights: Path, identity: dict[str, Any], fresh: bool) -> Path | None:
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
    if not fresh:
        _check_finished(weights, identity)
    with writing(record) as partial:
        partial.write_text(text)
    return None


def _check_finished(weights: Path, identity: dict[str, Any]) -> None:
    """Refuse to replace a model of other data or settings that has no checkpoint any more."""
    if not (weights.exists() and weights.with_suffix(".json").exists()):
        return
    content = Card.read(weights).content()
    before = {key: content.get(key) for key in identity}
    if json.dumps(before, sort_keys=True) != json.dumps(identity, sort_keys=True):
        raise ValueError(
            f"{weights} holds a model of other data or settings; start afresh (fresh=True), or "
            "give the run another name"
        )


def _forget(weights: Path) -> None:
    """Remove what a training would go on from; its model stays until another is whole."""
    for suffix in (".ckpt", ".run.json"):
        weights.with_suffix(suffix).unlink(missing_ok=True)


def _keep_before(weights: Path, history: list[dict[str, float]]) -> str:
    """Leave what a training had reached before it diverged, and nothing to go on from; say so."""
    _forget(weights)
    if not history or not weights.exists():
        former = f", and {weights} is the former model" * weights.exists()
        return f"nothing is kept, as no round before was whole{former}"
    card = Card.read(weights)
    card.replace(further={**card.further, "diverged": True}).write(weights)
    return (
        f"{weights} holds the weights of the best round before, after {card.best['step']:,.0f} "
        "steps"
    )


def _check_checkpoint(checkpoint: Path, module: AnnotatorTraining) -> None:
    """Refuse a checkpoint that is not whole, or not one of this network, before it is used."""
    again = "start afresh (fresh=True), or give the run another name"
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        tensors = {name: value.shape for name, value in content["state_dict"].items()}
        known = all(key in content for key in ("loops", "callbacks", "optimizer_states"))
    except Exception as error:
        raise ValueError(
            f"{checkpoint}: damaged, or no checkpoint of a training; {again}"
        ) from error
    if not known or tensors != {name: one.shape for name, one in module.state_dict().items()}:
        raise ValueError(f"{checkpoint}: a checkpoint of another program or network; {again}")
    if not checkpoint.with_suffix(".safetensors").exists():
        raise ValueError(f"{checkpoint}: the best weights of this training are missing; {again}")


def _hardware(accelerator: str) -> str:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def stand_on(annotator: Annotator, network: ConvolutionalNetwork) -> None:
    """Make a network the stem of an annotator, whose attention adds nothing at first.

    The annotator then gives the network's output for every known nucleotide, and what training
    changes from there is what attention brings.

    Raises
    ------
    ValueError
        If the annotator's stem has another shape than the network.
    """
    c, n = annotator.config, network.config
    wanted = (c.stem, c.d_model, c.conv_width, c.downstream)
    given = (n.layers, n.channels, n.conv_width, n.downstream)
    if wanted != given:
        raise ValueError(
            "an annotator stands on a network of the same layers, channels, width of the "
            f"convolutions and nt downstream; its stem has {wanted}, the network {given}"
        )
    with torch.no_grad():
        annotator.embedding.weight.copy_(network.embedding.weight.T / math.sqrt(c.d_model))
        annotator.stem[: n.layers].load_state_dict(network.layers.state_dict())
        for layer in annotator.layers:
            cast(RelativeAttentionLayer, layer).combine.weight.zero_()
        # normalised twice is normalised once, so the last norm takes the network's scale and shift
        last = cast(RelativeAttentionLayer, annotator.layers[-1])
        last.norm.load_state_dict(network.norm.state_dict())
        annotator.output.load_state_dict(network.output.state_dict())
