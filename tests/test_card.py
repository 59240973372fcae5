"""Model cards: the shipped ones survive reading and writing, and answer questions about models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genoattn.card import Card
from genoattn.weight_files import WEIGHTS, WeightsError

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


def test_passes_and_scored_positions_include_the_stages_before():
    before = a_card(training={"batch": 4, "segment": 50, "seed": 1})
    card = a_card(initial=before)
    assert card.passes == 1.0
    assert card.own_passes == 0.5
    assert card.scored_positions == 10 * 2 * 100 + 10 * 4 * 50


def test_rounds_run_on_through_the_stages():
    row = {"step": 5, "passes": 1.0, "learning_rate": 0.1, "train_loss": 3, "validation_loss": 2}
    later = {**row, "passes": 0.25, "validation_loss": 1}
    card = a_card(history=(later,), initial=a_card(history=(row, {**row, "passes": 2.0})))
    assert card.rounds["stage"].tolist() == [1, 1, 2]
    assert card.rounds["passes"].tolist() == [1.0, 2.0, 2.25]
    assert "step" not in card.rounds


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
