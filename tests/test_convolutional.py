"""The baseline reads what it says it reads, and is trained and read out like the annotator."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_training import CUTS, TRAINING, toy

from genoattn.card import Card
from genoattn.convolutional import ConvolutionalConfig, ConvolutionalNetwork, stand_on
from genoattn.inputs import synthetic_inputs
from genoattn.labels import Split
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.prediction import predict
from genoattn.training import fit, main
from genoattn.weight_files import WeightsError

SMALL = ConvolutionalConfig(layers=3, channels=8, conv_width=3, downstream=4, dropout=0.0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_as_many_parameters_as_the_transformer():
    ours, theirs = parameters(ConvolutionalNetwork()), parameters(Annotator())
    assert ours == pytest.approx(theirs, rel=0.01)


def test_an_output_depends_on_its_reach_and_on_nothing_else():
    torch.manual_seed(0)
    network = ConvolutionalNetwork(SMALL).eval()
    assert (SMALL.reach_upstream, SMALL.reach_downstream) == (14, 0)
    codes = torch.randint(0, 4, (1, 60))
    before = network(codes)[0]
    for changed in range(20, 40):
        other = codes.clone()
        other[0, changed] = (other[0, changed] + 1) % 4
        moved = (network(other)[0] != before).nonzero().ravel()
        assert moved.min() == changed
        assert moved.max() == changed + 14


def test_an_unknown_nucleotide_is_none_of_the_four():
    network = ConvolutionalNetwork(SMALL).eval()
    codes = torch.randint(0, 4, (1, 30))
    codes[0, 10] = 4
    outputs = {float(network(codes)[0, 10].detach())}
    for letter in range(4):
        codes[0, 10] = letter
        outputs.add(float(network(codes)[0, 10].detach()))
    assert len(outputs) == 5


@pytest.mark.parametrize("piece", [1, 5, 14, 40])
def test_reading_piece_by_piece_has_no_seams(piece):
    torch.manual_seed(2)
    network, memory, parts = ConvolutionalNetwork(SMALL).eval(), None, []
    codes = torch.randint(0, 5, (2, 60))
    for start in range(0, 60, piece):
        part, memory = network.read(codes[:, start : start + piece], memory, last=False)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), network(codes))


def test_prediction_has_no_seams():
    torch.manual_seed(1)
    genome, _ = toy(length=700)
    network = ConvolutionalNetwork(SMALL)
    whole = predict(network, genome, progress=False)
    pieces = predict(network, genome, chunk=61, progress=False)
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


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


def test_an_annotator_is_not_a_convolutional_network(tmp_path):
    path = tmp_path / "a.safetensors"
    Annotator().save(path)
    with pytest.raises(WeightsError, match="not that of a convolutional network"):
        ConvolutionalNetwork.load(path)
    with pytest.raises(ValueError, match="channels must be at least 1"):
        ConvolutionalConfig(channels=0)


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


def test_it_is_trained_from_the_command_line(tmp_path):
    synthetic_inputs(seed=0, length=20_000).save(tmp_path / "inputs")
    main(
        [str(tmp_path), "--name", "cnn", "--sites", "sendseq", "--network", "convolutional",
         "--model", '{"layers": 2, "channels": 4, "downstream": 9}', "--cuts", "9000", "13000",
         "15000", "--passes", "0.1", "--segment", "512", "--context", "64", "--steps-per-round",
         "1", "--accelerator", "cpu"]
    )  # fmt: skip
    config = ConvolutionalNetwork.load(tmp_path / "training" / "cnn.safetensors").config
    assert config == ConvolutionalConfig(layers=2, channels=4, downstream=9)
