import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.prediction.predict import predict
from genoattn.study import run
from genoattn.study.run import label_sites

GENOME = Genome("toy", np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8))
WHERE = np.arange(500) < 200


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    config = ConvolutionalConfig(layers=2, channels=4, conv_width=3, downstream=3)
    path = tmp_path / "training" / "cnn.safetensors"
    ConvolutionalNetwork(config).save(path)
    return path


def output(weights, tmp_path, genome=GENOME, where=WHERE):
    return run.output_of(
        weights, genome, where, tmp_path / "prediction", accelerator="cpu", progress=False
    )


def test_an_output_is_made_once(weights, tmp_path, monkeypatch):
    first = output(weights, tmp_path)
    assert (np.isnan(first) == ~WHERE).all()
    made = []
    real = predict
    monkeypatch.setattr(run, "predict", lambda *a, **k: made.append(1) or real(*a, **k))
    assert np.array_equal(output(weights, tmp_path), first, equal_nan=True)
    part = np.arange(500) < 100
    assert np.array_equal(output(weights, tmp_path, where=part), first, equal_nan=True)
    assert not made
    more = output(weights, tmp_path, where=np.ones(500, bool))
    np.testing.assert_allclose(more[:, WHERE], first[:, WHERE], atol=1e-6)
    assert len(made) == 1
    other = Genome("toy", (GENOME.codes + 1) % 4)
    output(weights, tmp_path, genome=other)
    assert len(made) == 2
    torch.manual_seed(1)
    network = ConvolutionalNetwork.load(weights)
    ConvolutionalNetwork(network.config).save(weights)
    changed = output(weights, tmp_path, genome=other)
    assert len(made) == 3
    assert not np.allclose(changed[:, WHERE], first[:, WHERE])
    (tmp_path / "prediction" / "cnn.json").unlink()
    output(weights, tmp_path, genome=other)
    assert len(made) == 4


def test_a_gene_prior_is_fitted_on_the_validation_part_alone(weights, tmp_path):
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=4, conv_width=3))
    split = Split.at([0, 200, 300], 500)  # test, validation, training part
    card = Card(train_set="curated", parts={"test": [0, 200], "validation": [200, 300]})
    network.save(weights, card)
    track = np.random.default_rng(1).random((2, 500)) < 0.1
    distance = np.random.default_rng(2).choice([10.0, 60.0, np.inf], (2, 500))
    fitted = []
    for change in ("nothing", "other parts"):
        if change == "other parts":
            track[:, :200], track[:, 300:] = ~track[:, :200], ~track[:, 300:]
        fitted.append(
            run.fit_gene_prior(
                {"cnn": weights}, GENOME, distance, track, split, tmp_path / "kept", "cpu"
            )
        )
    assert fitted[0] == fitted[1]
    assert fitted[0].members == ("cnn",)
    assert fitted[0].card["fitted_on"] == "validation" and fitted[0].card["genome"] == "toy"
    assert sum(fitted[0].card["positions"]) == 200
    assert sum(fitted[0].card["sites"]) == track[:, 200:300].sum()


def test_arrays_of_a_chapter_are_made_once_and_anew_from_other_sources(tmp_path):
    made = []

    def make():
        made.append(len(made))
        return {"values": np.arange(3) + len(made)}

    own = run.Run(tmp_path)
    given = ("06_dependence", "toy", "answer")
    first = own.once(*given, {"letters": [[1, 2]], "weights": "a"}, make)
    again = run.Run(tmp_path).once(*given, {"weights": "a", "letters": [[1, 2]]}, make)
    assert made == [0]
    assert again.keys() == {"values"}
    np.testing.assert_array_equal(again["values"], first["values"])
    other = own.once(*given, {"letters": [[1, 3]], "weights": "a"}, make)
    assert made == [0, 1]
    assert other["values"].tolist() == [2, 3, 4]


def test_arrays_that_were_cut_short_are_not_left_behind(tmp_path):
    def stop():
        raise KeyboardInterrupt

    given = ("06_dependence", "toy", "answer", {})
    with pytest.raises(KeyboardInterrupt):
        run.Run(tmp_path).once(*given, stop)
    assert run.Run(tmp_path).once(*given, lambda: {"x": np.ones(1)})["x"].tolist() == [1]


def test_label_sites():
    sites = pd.DataFrame({"position": [1, 2], "strand": ["+", "-"], "source": ["smrt", "sendseq"]})
    assert label_sites(sites, "smrt")["position"].tolist() == [1]
    with pytest.raises(
        ValueError, match="no sites of 'cappable'; there are: curated, sendseq, smrt"
    ):
        label_sites(sites, "cappable")
