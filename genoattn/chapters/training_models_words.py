"""What the chapter training says of parts and models: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby

import numpy as np
import pandas as pd

from genoattn.chapters.training_numbers import or_blank
from genoattn.data.assays import source_name
from genoattn.model.card import Card
from genoattn.model.networks import describe_network
from genoattn.study import earlier
from genoattn.study.departures import say_departures
from genoattn.study.report import admonition, folded, listed, table


def say_parts(name: str, counts: pd.DataFrame, train_set: str) -> str:
    """Say how long the genome's parts are and how many sites each has.

    Parameters
    ----------
    name : str
        Of the genome.
    counts : DataFrame
        Columns part, nucleotides (both strands), sites.
    train_set : str
    """
    length = counts["nucleotides"].sum()
    shown = pd.DataFrame(
        {
            "part": counts["part"],
            "nucleotides, both strands": counts["nucleotides"].map("{:,}".format),
            "start sites": counts["sites"].map("{:,}".format),
        }
    )
    return (
        f"**{name}** has {length:,} nucleotides on both strands; "
        f"{counts['sites'].sum() / length:.3%} of them are start sites of the "
        f"{source_name(train_set)}.\n{table(shown)}"
    )


def say_stages(card: Card, length: int) -> str:
    """Say in a sentence in which stages a model was trained; nothing if there was only one."""
    stages: list[Card] = []
    one: Card | None = card
    while one is not None:
        stages.insert(0, one)
        one = one.initial
    if len(stages) == 1:
        return ""

    def kind(stage: Card) -> tuple[str, int]:
        how = (
            "as a convolutional network that became its stem"
            if stage.convolutional and not card.convolutional
            else f"with a window of {stage.config['window']} nt"
            if not stage.convolutional
            else ""
        )
        return how, int(stage.data.get("sites", 0))

    told = []
    for (how, sites), alike in groupby(stages, kind):
        passes = listed(f"{_own_passes(stage, length):.2f}" for stage in alike)
        on = f" on {sites:,} sites" if sites != stages[-1].data.get("sites", 0) else ""
        told.append(f"{passes} passes {how}".rstrip() + on)
    return f" Training had {len(stages)} stages: {', then '.join(told)}."


def _own_passes(card: Card, length: int) -> float:
    """Passes of a training alone."""
    return card.passes(length) - (card.initial.passes(length) if card.initial else 0.0)


def say_model(
    name: str,
    card: Card,
    n_parameters: int,
    same_labels: bool,
    length: int,
    published: bool = False,
) -> str:
    """Say what a model is and how it was trained on a genome of this length, in nt."""
    t = card.training
    network = describe_network(card)
    labels = "the labels of this run" if same_labels else "**not** the labels of this run"
    said = (
        f"**{name}** has {network} and {n_parameters:,} parameters. It was trained on the "
        f"{source_name(card.train_set)} ({card.data['sites']:,} sites, {labels}) for "
        f"{_own_passes(card, length):.1f} passes over the training part, in steps of {t['batch']} "
        f"segments of {t['segment']:,} nt with {t['context']} nt of context, at a learning "
        f"rate of at most {t['learning_rate']:g}, on one {card.hardware}, in "
        f"{card.seconds / 60:.0f} minutes. The lowest validation loss, "
        f"{1e3 * card.validation_loss:.3f}·10⁻³ nats per position, came after "
        f"{card.kept_after(length):.1f} passes."
        + (
            f" Of the segments without a site, {t['empty_share']:.0%} were read at a time, with "
            "higher weights; passes are counted in scored positions."
            if t["empty_share"] < 1
            else ""
        )
        + say_stages(card, length)
    )
    departures = say_departures(card, length) if published else ""
    return said + (f"\n\n{admonition('What this model is', departures)}" if departures else "")


def model_table(
    cards: Mapping[str, Card], length: int, left: pd.DataFrame, steps: pd.DataFrame | None
) -> pd.DataFrame:
    """List the models that are compared, and what is still known of those not at hand.

    Parameters
    ----------
    cards : mapping of model to its card
    length : int
        Of the genome, in nt.
    left : DataFrame
        Rows of scores that an earlier run left of models not at hand: model, train_set, seed.
    steps : DataFrame or None
        The step table of that run; it knows their networks.

    Returns
    -------
    DataFrame
        Texts, a row a model.
    """
    rows = [
        [
            name,
            describe_network(card),
            source_name(card.train_set),
            f"{card.seed}",
            f"{card.passes(length):.1f}",
            f"{1e3 * card.validation_loss:.3f}",
        ]
        for name, card in cards.items()
    ]
    known = {} if steps is None else steps.set_index("model").to_dict("index")
    for one in left.drop_duplicates("model").to_dict("records"):
        more = known.get(one["model"], {})
        rows.append(
            [
                earlier.marked(one["model"], {one["model"]}),
                str(more.get("what", "")).rsplit(", ", 1)[0],
                source_name(one["train_set"]),
                f"{one['seed']}",
                or_blank(more.get("passes", np.nan), ".1f"),
                or_blank(1e3 * more.get("validation_loss", np.nan)),
            ]
        )
    columns = ["model", "network", "trained on", "seed", "passes"]
    return pd.DataFrame(rows, columns=[*columns, "lowest validation loss, 10⁻³ nats"])


def say_models(
    cards: Mapping[str, Card],
    length: int,
    left: pd.DataFrame,
    steps: pd.DataFrame | None,
    absent: Collection[str],
) -> str:
    """Say which models are compared, and which are not at hand."""
    if len(cards) + len(left) + len(absent) == 1:
        return "No other model is compared: `others` names none."
    unknown = [name for name in absent if name not in set(left["model"])]
    return (
        f"{len(cards)} models are at hand. Passes are counted in scored positions of the training "
        "part, both strands. Losses are comparable only between models trained on the same "
        "labels.\n\n"
        + folded("All models", table(model_table(cards, length, left, steps)))
        + earlier.note(left["model"], absent)
        + (f"\nNot at hand, and left out: {listed(unknown)}." if unknown else "")
    )
