"""What is said of a training that is not the paper's follows from its card."""

from __future__ import annotations

import pytest

from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import departures

LENGTH = 4_641_652


def changed(**training):
    """The shipped model's card with another training."""
    card = Card.read("curated")
    return card.replace(training={**card.training, **training})


def test_the_shipped_model_departs_in_passes_batch_rate_and_stopping():
    said = departures.say_departures(Card.read("curated"), LENGTH)
    assert "85,000 steps of 10 segments of 512 nt, about 67 passes" in said
    assert "trained for 8.8 passes, in steps of 16 segments of 4,096 nt" in said
    assert "at most 0.002" in said and "at most 0.0001" in said
    assert "lowest validation loss, reached after 7.2." in said
    assert "the cross-entropy, as the paper's text says" in said and "512 nt read before" in said
    assert "Architecture, labels, parts and dropout are the paper's." in said
    assert "window" not in said and "without a site" not in said


@pytest.mark.parametrize(
    ("training", "says"),
    [
        ({"empty_share": 0.2}, "reading 20% of the segments without a site"),
        ({"keep": "last"}, "kept are the weights of the last round"),
        ({"focal_gamma": 0.5}, "its loss (a focal loss of exponent 0.5)"),
    ],
)
def test_each_further_difference_is_named(training, says):
    assert says in departures.say_departures(changed(**training), LENGTH)


def test_a_training_like_the_code_differs_in_nothing_further():
    like = changed(focal_gamma=0.8, context=0, empty_share=1.0)
    assert "also differs" not in departures.say_departures(like, LENGTH)


def test_a_smaller_window_or_dropout_at_the_beginning_is_told():
    card = Card.read("curated")
    first = card.replace(config={**card.config, "window": 128, "dropout": 0.0})
    said = departures.say_departures(card.replace(initial=first), LENGTH)
    assert "the window at its beginning (128 nt) and dropout (0 and 0.1)" in said
    assert "Architecture, labels and parts are the paper's." in said


def test_other_networks_are_not_compared_with_the_paper():
    assert departures.say_departures(Card.read("convolutional"), LENGTH) == ""
    small = Card.read("curated").replace(config=vars(AnnotatorConfig(layers=2)))
    assert departures.say_departures(small, LENGTH) == ""
    assert not departures.of_the_papers_architecture(small)
