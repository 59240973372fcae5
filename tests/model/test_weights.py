from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from genoattn import annotate
from genoattn.genome.sequence import Genome
from genoattn.model import weights
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.weights import WEIGHTS, WeightsError
from genoattn.prediction.ensemble import EDGES, GenePrior, mean_log_odds

CLASSES = len(EDGES) + 1


def test_a_prior_of_a_run_takes_the_weights_beside_it(tmp_path):
    folder = tmp_path / "training"
    prior = GenePrior(("own", "annotator"), 1.0, (0.0,) * CLASSES)
    prior.save(folder / "mine.prior.json")
    torch.manual_seed(1)
    config = AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=4, window=16)
    own = Annotator(config)
    own.save(folder / "own.safetensors", Card(genome="x"))
    file = weights.find_prior("mine", tmp_path)
    assert file == folder / "mine.prior.json"
    assert weights.find_prior("mine") is None
    shipped = WEIGHTS / "annotator.safetensors"
    assert prior.weights(file) == [folder / "own.safetensors", shipped]
    with pytest.raises(WeightsError, match="no weights are named 'absent'"):
        GenePrior(("absent",), 1.0, (0.0,) * CLASSES).weights(file)
    genome = Genome("g", np.random.default_rng(0).integers(4, size=500).astype(np.uint8), False)
    track = annotate.annotate(file, genome, progress=False)["g"]
    each = [annotate.annotate(one, genome, progress=False)["g"] for one in (own, "annotator")]
    np.testing.assert_allclose(track, mean_log_odds(each), atol=1e-6)


def test_what_a_result_was_made_from_changes_with_each_part(tmp_path):
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"one")
    one, other = (Genome("g", np.array([0, 1, 2, code], np.uint8)) for code in (0, 3))
    found = [
        weights.made_from(file, one),
        weights.made_from(file, other),
        weights.made_from(file, one, n=5),
        weights.made_from(file, one, n=6),
    ]
    file.write_bytes(b"two")
    found.append(weights.made_from(file, one))
    assert len({json.dumps(part) for part in found}) == len(found)
    assert weights.made_from(file, one) == json.loads(json.dumps(found[-1]))
