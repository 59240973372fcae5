"""Where a training departs from the paper's, as sentences made from a model card alone.

Every chapter that shows a model of the paper's architecture has to say so; this is the one place
that does.
"""

from __future__ import annotations

from genoattn import paper
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study.report import listed

__all__ = ["of_the_papers_architecture", "say_departures"]

_NETWORK = ("layers", "heads", "d_model", "d_head", "window", "conv_width", "downstream", "stem")


def of_the_papers_architecture(card: Card) -> bool:
    """Tell whether the network is the paper's, dropout apart."""
    printed = vars(AnnotatorConfig())
    return not card.convolutional and all(
        card.config.get(name, printed[name]) == printed[name] for name in _NETWORK
    )


def say_departures(card: Card, length: int) -> str:
    """Say where the training of a model of the paper's architecture departs from the paper's.

    Parameters
    ----------
    card : Card
    length : int
        Of the genome, in nt: passes are counted in scored positions of its training part.

    Returns
    -------
    str
        Markdown; empty for a network that is not the paper's.
    """
    if not of_the_papers_architecture(card):
        return ""
    t, printed = card.training, paper.TRAINING
    kept, passes = card.kept_after(length), card.passes(length)
    stop = (
        "the weights of the last round"
        if t.get("keep", "best") == "last"
        else f"those with the lowest validation loss, reached after {kept:.1f}"
    )
    said = (
        f"The paper's code trains for {printed['steps']:,} steps of {printed['batch']} segments of "
        f"{printed['segment']} nt, about {printed['passes']} passes over the training part, at a "
        f"learning rate of at most {printed['learning_rate']:g}. This model was trained for "
        f"{passes:.1f} passes, in steps of {t['batch']} segments of {t['segment']:,} nt, at a "
        f"learning rate of at most {t['learning_rate']:g}; the weights kept are {stop}."
    )
    others = _further(card)
    same = ["architecture", "labels", "parts"] + ["dropout"] * _all(card, "dropout")
    said += f" It also differs in {listed(others)}." if others else ""
    return said + (
        f" {listed(same).capitalize()} are the paper's. Where its scores differ from the paper's, "
        "the training can be the reason."
    )


def _stages(card: Card) -> list[Card]:
    """The trainings behind a model, the last one first."""
    return [card] + (_stages(card.initial) if card.initial else [])


def _all(card: Card, setting: str) -> bool:
    """Whether a setting of the network is the paper's in every stage."""
    printed = vars(AnnotatorConfig()) | {"dropout": paper.TRAINING["dropout"]}
    return all(one.config.get(setting) == printed[setting] for one in _stages(card))


def _further(card: Card) -> list[str]:
    """Further settings in which a training differs from the paper's code."""
    t, found = card.training, []
    if t.get("focal_gamma", 0.0) != paper.TRAINING["focal_gamma"]:
        gamma = t.get("focal_gamma", 0.0)
        ours = f"a focal loss of exponent {gamma:g}" if gamma else "the cross-entropy"
        found.append(
            f"its loss ({ours}, as the paper's text says; its code has a focal loss of exponent "
            f"{paper.TRAINING['focal_gamma']:g})"
            if not gamma
            else f"its loss ({ours})"
        )
    if t.get("context", 0):
        found.append(f"the {t['context']} nt read before each segment, which are not scored")
    if t.get("empty_share", 1.0) < 1:
        found.append(
            f"reading {t['empty_share']:.0%} of the segments without a site in each pass, with "
            "higher weights"
        )
    earlier = [one for one in _stages(card)[1:] if not one.convolutional]
    windows = sorted({one.config["window"] for one in earlier} - {card.config["window"]})
    if windows:
        found.append(f"the window at its beginning ({listed(map(str, windows))} nt)")
    if not _all(card, "dropout"):
        seen = sorted({one.config.get("dropout", 0.0) for one in _stages(card)})
        found.append(f"dropout ({listed(f'{one:g}' for one in seen)})")
    return found
