"""The baseline reads what it says it reads, and is trained and read out like the annotator."""

import numpy as np
import pytest
import torch
from toy import toy

from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.model.weights import WeightsError
from genoattn.prediction.predict import predict
from genoattn.study.inputs import synthetic_inputs
from genoattn.study.train import main

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


def test_an_annotator_is_not_a_convolutional_network(tmp_path):
    path = tmp_path / "a.safetensors"
    Annotator().save(path)
    with pytest.raises(WeightsError, match="not that of a convolutional network"):
        ConvolutionalNetwork.load(path)
    with pytest.raises(ValueError, match="layers must be at most 24, not 25"):
        ConvolutionalConfig(layers=25)
    with pytest.raises(ValueError, match="channels must be at least 1"):
        ConvolutionalConfig(channels=0)


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
