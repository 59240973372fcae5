"""Model cards: the shipped ones survive reading and writing, and answer questions about models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_contigs

from genoattn import annotate
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card, misfit
from genoattn.model.weights import WEIGHTS, WeightsError

SHIPPED = sorted(path for path in WEIGHTS.glob("*.json") if ".prior" not in path.name)


def a_card(**changes) -> Card:
    training = {"batch": 2, "segment": 100, "seed": 3}
    history = ({"step": 10, "passes": 0.5, "validation_loss": 0.2, "learning_rate": 0.1},)
    given = {"training": training, "history": history, "best": history[0]}
    return Card(config={"layers": 1}, **{**given, **changes})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_card_says_the_same_after_reading_and_writing(path, tmp_path):
    today = json.loads(path.read_text())
    weights = tmp_path / "copy.safetensors"
    weights.touch()
    Card.read(path.stem).write(weights)
    again = json.loads(weights.with_suffix(".json").read_text())

    def lacking_nothing(card):
        """Cards of long ago leave out what is empty."""
        if card is None:
            return None
        return {"auxiliary": [], **card, "initial": lacking_nothing(card["initial"])}

    assert again == lacking_nothing(today)
    assert Card.read(weights) == Card.read(path.stem)


PARTS = {"test": [0, 300], "validation": [300, 500]}  # of 1,000 nt: the training part has 500
LENGTH = 1_000


def test_passes_are_counted_in_scored_positions_of_both_strands_over_all_stages():
    before = a_card(training={"batch": 4, "segment": 50, "seed": 1}, parts=PARTS)
    card = a_card(initial=before, parts=PARTS)
    assert card.scored_positions == 10 * 2 * 100 + 10 * 4 * 50
    assert before.passes(LENGTH) == 2.0
    assert card.passes(LENGTH) == 4.0
    kept = card.replace(best={"step": 5})
    assert kept.kept_after(LENGTH) == 3.0


def test_rounds_run_on_through_the_stages_whatever_their_history_calls_a_pass():
    row = {"step": 5, "passes": 9.0, "learning_rate": 0.1, "train_loss": 3, "validation_loss": 2}
    first = a_card(history=(row, {**row, "step": 10}), parts=PARTS)
    card = a_card(history=({**row, "validation_loss": 1},), initial=first, parts=PARTS)
    rounds = card.rounds(LENGTH)
    assert rounds["stage"].tolist() == [1, 1, 2]
    assert rounds["passes"].tolist() == [1.0, 2.0, 3.0]
    assert rounds["validation_loss"].tolist() == [2, 2, 1] and "step" not in rounds


def test_a_card_tells_its_network_and_its_parts():
    assert Card.read("convolutional").convolutional
    assert not Card.read("curated").convolutional
    split = Card.read("curated").split(4_641_652)
    assert split.mask("test").sum() == 3_667_115 - 2_738_785


def test_what_is_no_card_is_refused_by_name(tmp_path):
    weights = tmp_path / "a.safetensors"
    weights.touch()
    with pytest.raises(WeightsError, match=r"a\.json: the model card is missing"):
        Card.read(weights)
    for text, says in (("{}", "has no 'config'"), ("[1]", "but list"), ("{", "not a model card")):
        Path(tmp_path / "a.json").write_text(text)
        with pytest.raises(WeightsError, match=says):
            Card.read(weights)


def test_further_facts_are_kept():
    card = Card.of({"config": {}, "note": "mine"})
    assert card.content() == {"config": {}, "note": "mine"}


model = pytest.fixture(scope="module")(toy_contigs.model)
contigs = pytest.fixture(scope="module")(toy_contigs.contigs)


def test_of_several_weights_the_log_odds_are_averaged(contigs, tmp_path):
    files = []
    for seed in range(2):
        torch.manual_seed(seed)
        files.append(tmp_path / f"{seed}.safetensors")
        Annotator(AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=6)).save(
            files[-1], Card(genome="ring")
        )
    alone = [annotate.annotate(file, contigs, progress=False) for file in files]
    both = annotate.annotate(files, contigs, progress=False)
    assert list(both) == [one.name for one in contigs]
    for name, track in both.items():
        a, b = (np.log(one[name] / (1 - one[name])) for one in alone)
        assert np.abs(a - b).max() > 0.1
        np.testing.assert_allclose(np.log(track / (1 - track)), (a + b) / 2, atol=1e-4)


def test_weights_that_do_not_fit_are_told(model, contigs, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save(path, Card(genome="ring"))
    card = Card.read(path)
    assert misfit(card, contigs[0], "tss") is None
    assert "trained on ring, so its test part is none of line" in misfit(card, contigs[1], "tss")
    card = path.with_suffix(".json")
    card.write_text(card.read_text().replace('"d_head": 4', '"d_head": 5'))
    with pytest.raises(WeightsError, match="not what its card describes"):
        annotate.annotate(path, contigs)
