"""Trainings that cannot be done: a sentence at once, and nothing left that looks like weights."""

from __future__ import annotations

import errno
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy import CUTS, MODEL, TRAINING, toy

from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator
from genoattn.model.card import Card
from genoattn.model.networks import load_network
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import AnnotatorTraining, DivergedError, StoppedError, fit
from genoattn.model.weights import WeightsError

SHORT = replace(TRAINING, passes=0.1)


def train(path, training=SHORT, model=MODEL, cuts=CUTS, sites=None, **more):
    genome, known = toy()
    return fit(
        genome, known if sites is None else sites, Split.at(cuts, 6000), path, model=model,
        training=training, progress=False, **{"accelerator": "cpu"} | more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(folder / "a.safetensors")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def foreign(path):
    torch.save({"a": 1}, path)


def other(path):
    content = torch.load(path, weights_only=True)
    content["state_dict"].popitem()
    torch.save(content, path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b""), "damaged, or no checkpoint of a training"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "damaged, or no checkpoint"),
        (lambda path: path.write_text("hello\n"), "damaged, or no checkpoint of a training"),
        (foreign, "damaged, or no checkpoint of a training"),
        (other, "a checkpoint of another program or network"),
        (lambda path: path.with_suffix(".safetensors").unlink(), "the best weights of this"),
    ],
    ids=["empty", "torn", "text", "foreign", "other", "alone"],
)
def test_a_checkpoint_that_cannot_be_used_is_named(tmp_path, trained, spoil, says):
    for name, content in trained.items():
        (tmp_path / name).write_bytes(content)
    spoil(tmp_path / "a.ckpt")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=rf"a\.ckpt: {says}.*; start afresh \(fresh=True\)"):
        train(tmp_path / "a.safetensors")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_training_that_diverges_stops_and_leaves_nothing(tmp_path):
    with pytest.raises(DivergedError, match=r"diverged after .* lower .*1000; nothing is"):
        train(tmp_path / "a.safetensors", replace(TRAINING, learning_rate=1000.0, clip=1e9))
    assert list(tmp_path.iterdir()) == []


def test_the_best_round_before_is_kept_when_a_later_one_diverges(tmp_path, monkeypatch):
    losses = AnnotatorTraining._losses

    def late(self, batch):
        total, *rest = losses(self, batch)
        return (total * float("nan") if self.global_step == 9 else total, *rest)

    monkeypatch.setattr(AnnotatorTraining, "_losses", late)
    path = tmp_path / "a.safetensors"
    with pytest.raises(DivergedError, match=r"after 12 steps.*; .*a\.safetensors holds the weigh"):
        train(path, TRAINING)
    assert {one.name for one in tmp_path.iterdir()} == {"a.safetensors", "a.json"}
    card = Card.read(path)
    assert [row["step"] for row in card.history] == [4, 8]
    assert card.best == min(card.history, key=lambda row: row["validation_loss"])
    assert card.further == {"diverged": True}
    kept = Annotator.load(path).state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    monkeypatch.setattr(AnnotatorTraining, "_losses", losses)
    train(path, TRAINING)
    card = Card.read(path)
    assert card.history[0]["step"] == 4 and not card.further, "it began afresh"


@pytest.mark.parametrize("fails", [".safetensors", ".json"])
@pytest.mark.parametrize("before", [True, False], ids=["former model", "none"])
def test_without_room_for_weights_or_their_card_none_of_both_is_new(
    tmp_path, trained, monkeypatch, fails, before
):
    """Weights without a card, or beside that of another training, are no model."""
    path = tmp_path / "a.safetensors"
    former = {name: trained[name] for name in ("a.safetensors", "a.json") if before}
    for name, content in former.items():
        (tmp_path / name).write_bytes(content)
    write_bytes, write_text = Path.write_bytes, Path.write_text

    def without_room(write):
        def fail(self, *args, **more):
            if self.name.endswith(f".part{fails}") and ".run." not in self.name:
                raise OSError(errno.ENOSPC, "No space left on device", str(self))
            return write(self, *args, **more)

        return fail

    monkeypatch.setattr(Path, "write_bytes", without_room(write_bytes))
    monkeypatch.setattr(Path, "write_text", without_room(write_text))
    with pytest.raises(OSError, match=rf"cannot be written: No space.*a\{fails}"):
        train(path, replace(SHORT, seed=9), fresh=True)
    left = {one.name: one.read_bytes() for one in tmp_path.iterdir() if ".run." not in one.name}
    assert left == former
    monkeypatch.undo()
    if before:
        with pytest.raises(ValueError, match="holds a model of other data or settings"):
            train(path, replace(SHORT, seed=9))
    train(path, replace(SHORT, seed=9), fresh=True)
    assert Card.read(path).seed == 9


@pytest.fixture
def interruptible():
    """Hear SIGINT as at a terminal; a shell starts what runs in the background deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_a_signal_stops_has_not_succeeded(
    tmp_path, monkeypatch, interruptible, number
):
    """Lightning would leave with the status of success, and what follows would take its model."""
    losses, handler = AnnotatorTraining._losses, signal.getsignal(signal.SIGINT)

    def stopped(self, batch):
        if self.global_step == 9:
            os.kill(os.getpid(), number)
        return losses(self, batch)

    monkeypatch.setattr(AnnotatorTraining, "_losses", stopped)
    with pytest.raises(
        StoppedError, match=r"a\.safetensors.* after \d+ steps; start it again, and"
    ):
        train(tmp_path / "a.safetensors", TRAINING)
    assert signal.getsignal(signal.SIGINT) is handler, "the next one is heard as well"
    monkeypatch.undo()
    train(tmp_path / "a.safetensors", TRAINING)
    train(tmp_path / "b.safetensors", TRAINING)
    assert Card.read(tmp_path / "a.safetensors").history == (
        Card.read(tmp_path / "b.safetensors").history
    )


def test_a_fresh_training_that_diverges_at_once_leaves_the_former_model(tmp_path, trained):
    path = tmp_path / "a.safetensors"
    for name, content in trained.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DivergedError, match=r"nothing is kept.*a\.safetensors is the former"):
        train(path, replace(TRAINING, learning_rate=1000.0, clip=1e9), fresh=True)
    left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert left == {name: trained[name] for name in ("a.safetensors", "a.json")}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"learning_rate": 1e38}, "learning_rate must be at most 1000"),
        ({"learning_rate": float("inf")}, "learning_rate must be a number, not inf"),
        ({"passes": float("nan")}, "passes must be a number, not nan"),
        ({"seed": -1}, "seed must be a whole number of 0 or more, not -1"),
        ({"seed": 10**30}, "seed must be a whole number of 0 or more"),
        ({"clip": -1.0}, "clip must not be negative"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
    ],
)
def test_settings_that_are_no_numbers(change, says):
    with pytest.raises(ValueError, match=says):
        TrainingConfig(**change)


def test_more_downstream_than_there_is_genome(tmp_path):
    with pytest.raises(ValueError, match=r"downstream must be less than the 6,000 nt of toy, not"):
        train(tmp_path / "a.safetensors", model=replace(MODEL, downstream=6000))
    assert list(tmp_path.iterdir()) == []


def test_no_site_to_train_on(tmp_path):
    sites = toy()[1]
    inside = sites[sites["position"].between(CUTS[0] + 200, CUTS[1] - 200)]
    with pytest.raises(ValueError, match="no site of some lies in the training part of toy"):
        train(tmp_path / "a.safetensors", sites=inside, train_set="some")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 4, 500])
def test_truncated_weights_are_named(tmp_path, trained, size):
    for name, content in trained.items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "a.safetensors"
    path.write_bytes(trained["a.safetensors"][:size])
    with pytest.raises(WeightsError, match=r"a\.safetensors: not what its card describes"):
        Annotator.load(path)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"accelerator": "banana"}, "accelerator must be one of auto, cpu.* not 'banana'"),
        ({"accelerator": "gpu"}, "'gpu': torch finds none on this machine; take auto or cpu"),
        ({"devices": 0}, "devices must be from 1"),
        ({"devices": -3}, "devices must be from 1"),
        ({"initial": "curated"}, r"initial curated: a network of another shape \(layers 6, here 1"),
        ({"initial": "nowhere"}, "no weights are named 'nowhere'"),
    ],
)
def test_what_cannot_be_trained_with_is_said_before_anything_is_written(
    tmp_path, monkeypatch, asked, says
):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ValueError, match=says) as caught:
        train(tmp_path / "a.safetensors", **asked)
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_finished_model_without_its_checkpoint_is_not_replaced_by_another(tmp_path, trained):
    for name, content in trained.items():
        if not name.endswith((".ckpt", ".run.json")):
            (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.safetensors holds a model of other data or settings"):
        train(tmp_path / "a.safetensors", replace(SHORT, seed=99))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: trained[name] for name in ("a.safetensors", "a.json")
    }
    train(tmp_path / "a.safetensors", replace(SHORT, seed=99), fresh=True)
    assert Card.read(tmp_path / "a.safetensors").seed == 99


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "has no 'config'"),
        ([1], "has no 'config'"),
        ({"layers": 1}, "'config' must give"),
        ({"layers": "two"}, "'config': layers cannot be 'two'"),
        ({"layers": 0}, "'config': layers must be at least 1, not 0"),
        ({"dropout": 2}, "'config': dropout must be from 0 to below 1, not 2"),
    ],
)
def test_a_card_of_no_network_is_named(tmp_path, trained, config, says):
    (tmp_path / "a.safetensors").write_bytes(trained["a.safetensors"])
    card = json.loads(trained["a.json"])
    whole = isinstance(config, dict) and says != "'config' must give"
    card["config"] = card["config"] | config if whole else config
    (tmp_path / "a.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match=rf"a\.json: .*{says}"):
        load_network(tmp_path / "a.safetensors", "cpu")


def test_weights_that_are_no_numbers_are_named(tmp_path):
    network = Annotator(MODEL)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    network.save(tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=r"a\.safetensors: some of its values are no numbers"):
        load_network(tmp_path / "a.safetensors", "cpu")
