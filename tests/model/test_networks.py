import pytest
import torch

from genoattn.model import networks
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    config = ConvolutionalConfig(layers=2, channels=4, conv_width=3, downstream=3)
    path = tmp_path / "training" / "cnn.safetensors"
    ConvolutionalNetwork(config).save(path)
    return path


def test_the_card_says_which_architecture(weights, tmp_path):
    assert isinstance(networks.load_network(weights, "cpu"), ConvolutionalNetwork)
    path = tmp_path / "a.safetensors"
    Annotator(AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=8)).save(path)
    assert isinstance(networks.load_network(path, "cpu"), Annotator)


def test_networks_are_described_by_what_they_are_and_were_given():
    card = Card(config=vars(AnnotatorConfig(layers=1, heads=4, window=256)))
    assert networks.describe_network(card).startswith("1 layer of 4 heads over 256 nt")
    card = card.replace(training={"focal_gamma": 0.8, "context": 0})
    assert networks.describe_network(card).endswith(
        "20 nt downstream, focal loss of exponent 0.8, segments without context"
    )


def test_settings_that_differ_are_named_with_both_values():
    base = Card(config={"window": 128}, training={"seed": 1, "context": 128})
    other = base.replace(training={"seed": 2, "context": 0, "focal_gamma": 0.8})
    told = networks.settings_that_differ(other, base)
    assert told == "context 128 → 0, focal_gamma 0.0 → 0.8"
    assert networks.settings_that_differ(base, base) == ""
