"""What a round sees, that training learns, and that a killed run equals an unbroken one."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy import CUTS, MODEL, TRAINING, toy

from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.model.segments import Segments, StrandData, TrainingConfig, cut
from genoattn.model.training import AnnotatorTraining, cross_entropy, fit, stand_on, warmup_cosine
from genoattn.model.weights import WeightsError


def toy_data():
    genome, sites = toy()
    return StrandData.of(genome, sites, Split.at(CUTS, 6000), MODEL.downstream)


def test_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0, -1.0]])
    target = torch.tensor([[1.0, 0.0, 1.0]])
    counts = torch.tensor([[1.0, 1.0, 0.0]])
    wanted = -np.log(0.5) - np.log(1 - 1 / (1 + np.exp(-2)))
    assert cross_entropy(logits, target, counts).item() == pytest.approx(wanted, rel=1e-6)


def test_focal_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0, -1.0, -200.0]], requires_grad=True)
    target, counts = torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    missed = 1 / (1 + np.exp(-2))
    wanted = -np.sqrt(0.5) * np.log(0.5) - np.sqrt(missed) * np.log(1 - missed)
    loss = cross_entropy(logits, target, counts, focal_gamma=0.5)
    assert loss.item() == pytest.approx(wanted, rel=1e-6)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    with pytest.raises(ValueError, match="focal_gamma must not be negative"):
        TrainingConfig(focal_gamma=-1.0)


def test_training_minimises_the_focal_loss_and_validation_looks_at_the_cross_entropy():
    config = TrainingConfig(**{**vars(TRAINING), "focal_gamma": 2.0})
    plain = AnnotatorTraining(Annotator(MODEL), toy_data(), TRAINING)
    focal = AnnotatorTraining(Annotator(MODEL), toy_data(), config)
    focal.model.load_state_dict(plain.model.state_dict())
    chosen = cut(plain.data.part_mask("train"), config.segment, 0)[:1]
    batch = [part[None] for part in Segments(plain.data, chosen, config.segment, config.context)[0]]
    losses = {}
    for name, module in (("plain", plain), ("focal", focal)):
        module.model.eval()  # no dropout
        losses[name] = module._losses(batch)[0].item()
        module.training = False
        losses[name, "validation"] = module._losses(batch)[0].item()
    assert losses["focal"] < losses["plain"]
    assert losses["focal", "validation"] == losses["plain", "validation"] == losses["plain"]


def test_auxiliary_targets_add_their_share_of_the_loss():
    genome, sites = toy()
    further = [sites.iloc[:5], sites.iloc[5:]]
    data = StrandData.of(genome, sites, Split.at(CUTS, 6000), MODEL.downstream, further)
    np.testing.assert_array_equal(data.auxiliary.sum(0), data.target)
    config = TrainingConfig(**{**vars(TRAINING), "auxiliary_weight": 0.25})
    torch.manual_seed(0)
    module = AnnotatorTraining(Annotator(MODEL).eval(), data, config)
    chosen = cut(data.part_mask("train"), config.segment, 0)[:1]
    codes, target, counts, beside = (
        part[None] for part in Segments(data, chosen, config.segment, config.context)[0]
    )
    total, extra, number = module._losses((codes, target, counts, beside))
    h = module.model.hidden(codes)[:, config.context :]
    by_hand = sum(
        cross_entropy(
            h @ module.auxiliary.weight[i] + module.auxiliary.bias[i], beside[..., i], counts
        )
        for i in range(2)
    )
    assert extra.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert total.item() == pytest.approx(
        cross_entropy(module.model(codes)[:, config.context :], target, counts).item(), rel=1e-5
    )
    assert number == config.segment
    module.log = lambda *_, **__: None
    loss = module.training_step((codes, target, counts, beside), 0)
    assert loss.item() == pytest.approx((total + 0.25 * extra).item() / config.segment, rel=1e-5)


def test_auxiliary_targets_leave_no_trace_in_the_weights(tmp_path):
    genome, sites = toy()
    cards = []
    for name, auxiliary in (("alone", None), ("helped", {"some": sites.iloc[:5]})):
        weights = tmp_path / f"{name}.safetensors"
        fit(
            genome, sites, Split.at(CUTS, 6000), weights, model=MODEL, training=TRAINING,
            auxiliary=auxiliary, accelerator="cpu", progress=False,
        )  # fmt: skip
        cards.append(Card.read(weights))
    alone, helped = (load_file(tmp_path / f"{name}.safetensors") for name in ("alone", "helped"))
    assert alone.keys() == helped.keys()
    assert not torch.equal(alone["embedding.weight"], helped["embedding.weight"])
    assert [card.auxiliary for card in cards] == [(), ("some",)]
    assert "auxiliary_sha256" in cards[1].data
    assert "auxiliary_sha256" not in cards[0].data


def test_schedule():
    values = [warmup_cosine(step, 100) for step in range(101)]
    assert values[0] == pytest.approx(0.1)
    assert values[9] == 1.0
    assert values[55] == pytest.approx(0.5)
    assert values[100] == pytest.approx(0.0)
    assert max(values) == 1.0


def test_training_learns_the_box(tmp_path):
    genome, sites = toy()
    weights = tmp_path / "toy.safetensors"
    config = TrainingConfig(**{**vars(TRAINING), "passes": 12, "patience": 50})
    fit(
        genome, sites, Split.at(CUTS, 6000), weights,
        model=MODEL, training=config, accelerator="cpu", progress=False, train_set="toy",
    )  # fmt: skip
    card = Card.read(weights)
    losses = [row["validation_loss"] for row in card.history]
    rate = len(sites) / 12_000
    guess = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    assert min(losses) < 0.7 * guess
    assert card.best["validation_loss"] == min(losses)
    assert card.train_set == "toy"
    assert card.data["sites"] == len(sites)


def test_only_a_training_that_keeps_its_best_weights_is_stopped_early(tmp_path):
    genome, sites = toy()
    rounds = {}
    for keep in ("best", "last"):
        still = {"learning_rate": 1e-30, "patience": 1, "keep": keep}  # the loss cannot fall
        config = TrainingConfig(**{**vars(TRAINING), **still})
        fit(
            genome, sites, Split.at(CUTS, 6000), tmp_path / f"{keep}.safetensors",
            model=MODEL, training=config, accelerator="cpu", progress=False,
        )  # fmt: skip
        rounds[keep] = len(Card.read(tmp_path / f"{keep}.safetensors").history)
    assert rounds["best"] == 2 < rounds["last"]


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from toy import CUTS, MODEL, TRAINING, toy
from genoattn.genome.split import Split
from genoattn.model.training import fit
genome, sites = toy()
fit(genome, sites, Split.at(CUTS, 6000), sys.argv[1], model=MODEL, training=TRAINING,
    accelerator="cpu", progress=False)
"""


def test_a_killed_run_equals_an_unbroken_one(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    weights = tmp_path / "killed" / "toy.safetensors"
    process = subprocess.Popen([sys.executable, script, weights])
    checkpoint = weights.with_suffix(".ckpt")
    deadline = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_after = len(Card.read(weights).history)

    # each in a process of its own, as the one that was killed: what other tests did in this one,
    # such as setting torch's threads, moves the last bit
    whole = tmp_path / "whole" / "toy.safetensors"
    for file in (weights, whole):
        subprocess.run([sys.executable, script, file], check=True)
    assert isinstance(Annotator.load(weights), Annotator)
    history = Card.read(whole).history
    assert killed_after < len(history)
    assert Card.read(weights).history == history
    for name, tensor in load_file(whole).items():
        assert torch.equal(load_file(weights)[name], tensor)


def test_training_starts_from_given_weights(tmp_path):
    genome, sites = toy()
    split, arguments = Split.at(CUTS, 6000), {"accelerator": "cpu", "progress": False}
    barely = TrainingConfig(
        **{**vars(TRAINING), "passes": 0.01, "steps_per_round": 1, "learning_rate": 1e-9}
    )
    first = tmp_path / "first.safetensors"
    fit(genome, sites, split, first, model=MODEL, training=barely, **arguments)
    longer = AnnotatorConfig(**{**vars(MODEL), "window": 24})
    again = fit(
        genome, sites, split, tmp_path / "again.safetensors",
        model=longer, training=barely, initial=first, **arguments,
    )  # fmt: skip
    assert again.config.window == 24
    for name, tensor in load_file(first).items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=1e-6, rtol=0)
    card = Card.read(tmp_path / "again.safetensors")
    assert card.initial == Card.read(first)
    assert card.passes(6000) == 2 * card.initial.passes(6000) > 0
    history = card.rounds(6000)
    assert history["stage"].tolist() == [1] * len(card.initial.history) + [2]
    assert history["passes"].is_monotonic_increasing
    assert history["passes"].iloc[-1] == pytest.approx(card.passes(6000))


def test_another_run_is_not_resumed(tmp_path):
    genome, sites = toy()
    weights = tmp_path / "toy.safetensors"
    config = TrainingConfig(**{**vars(TRAINING), "passes": 0.1, "steps_per_round": 1})
    arguments = {"model": MODEL, "accelerator": "cpu", "progress": False}
    fit(genome, sites, Split.at(CUTS, 6000), weights, training=config, **arguments)
    with pytest.raises(ValueError, match="belongs to a training with other data or settings"):
        fit(genome, sites[:-1], Split.at(CUTS, 6000), weights, training=config, **arguments)
    fit(genome, sites[:-1], Split.at(CUTS, 6000), weights, training=config, fresh=True, **arguments)
    assert Card.read(weights).data["sites"] == len(sites) - 1


SMALL = ConvolutionalConfig(layers=3, channels=8, conv_width=3, downstream=4, dropout=0.0)


def test_it_is_trained_saved_and_loaded(tmp_path):
    genome, sites = toy()
    weights = tmp_path / "toy.safetensors"
    trained = fit(
        genome, sites, Split.at(CUTS, 6000), weights,
        model=SMALL, training=TRAINING, accelerator="cpu", progress=False,
    )  # fmt: skip
    assert isinstance(trained, ConvolutionalNetwork)
    losses = [row["validation_loss"] for row in Card.read(weights).history]
    assert min(losses) < 0.5 * losses[0]
    again = ConvolutionalNetwork.load(weights)
    assert again.config == SMALL
    for name, tensor in trained.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    with pytest.raises(WeightsError, match="'config' must give"):
        Annotator.load(weights)
    weights.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="not what its card describes"):
        ConvolutionalNetwork.load(weights)


ON_TOP = AnnotatorConfig(
    layers=2, heads=2, d_model=8, d_head=4, window=16, conv_width=3, downstream=4, dropout=0.0,
    stem=3,
)  # fmt: skip


def test_attention_on_top_of_a_network_adds_nothing_at_first():
    torch.manual_seed(3)
    network, annotator = ConvolutionalNetwork(SMALL).eval(), Annotator(ON_TOP).eval()
    for parameter in network.parameters():  # norms too, which start at 1 and 0
        torch.nn.init.normal_(parameter, std=0.5)
    codes = torch.randint(0, 4, (2, 80))
    assert not torch.allclose(annotator(codes), network(codes), atol=0.1)
    stand_on(annotator, network)
    torch.testing.assert_close(annotator(codes), network(codes), rtol=1e-3, atol=1e-4)
    loss = annotator(codes).sum()
    loss.backward()
    assert all(
        layer.combine.weight.grad.abs().max() > 0 for layer in annotator.layers
    )  # but learns


@pytest.mark.parametrize("field", ["stem", "conv_width", "downstream"])
def test_a_network_of_another_shape_is_no_stem(field):
    other = replace(ON_TOP, **{field: getattr(ON_TOP, field) + 2})
    with pytest.raises(ValueError, match="stands on a network of the same layers"):
        stand_on(Annotator(other), ConvolutionalNetwork(SMALL))


def test_an_annotator_is_trained_from_a_network_on(tmp_path):
    genome, sites = toy()
    arguments = {"accelerator": "cpu", "progress": False, "training": TRAINING}
    first, weights = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    fit(genome, sites, Split.at(CUTS, 6000), first, model=SMALL, **arguments)
    trained = fit(
        genome, sites, Split.at(CUTS, 6000), weights, model=ON_TOP, initial=first, **arguments
    )
    assert isinstance(trained, Annotator)
    before, card = Card.read(first), Card.read(weights)
    assert card.initial == before
    assert card.history[0]["validation_loss"] < 0.5 * before.history[0]["validation_loss"]
    assert card.best["validation_loss"] < before.best["validation_loss"]
    assert trained.layers[0].combine.weight.abs().max() > 0
