"""Trainings that cannot be done: a sentence at once, and nothing left that looks like weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from toy import CUTS, MODEL, TRAINING, toy

from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator
from genoattn.model.card import Card
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import AnnotatorTraining, DivergedError, fit
from genoattn.model.weights import WeightsError

SHORT = replace(TRAINING, passes=0.1)


def train(path, training=SHORT, model=MODEL, cuts=CUTS, sites=None, **more):
    genome, known = toy()
    return fit(
        genome, known if sites is None else sites, Split.at(cuts, 6000), path, model=model,
        training=training, accelerator="cpu", progress=False, **more,
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"learning_rate": 1e38}, "learning_rate must be at most 1000"),
        ({"learning_rate": float("inf")}, "learning_rate must be a number, not inf"),
        ({"passes": float("nan")}, "passes must be a number, not nan"),
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
