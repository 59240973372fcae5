"""What the chapter species says of its mutation maps: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from genoattn.evaluation.tested import HIGH_GC
from genoattn.genome.sites import paper_label
from genoattn.interventions.placed import ELEMENTS
from genoattn.study.report import folded, in_words, listed, table, with_interval

__all__ = [
    "AT_RICH",
    "BEST",
    "HIGH_GC_BEST",
    "HIGH_GC_WORST",
    "HOME",
    "OTHER_BOX",
    "is_read",
    "place",
    "say_boxes",
    "say_maps",
    "say_read",
]

HOME = "where the model was trained (test part)"
BEST = "the highest share elsewhere"
AT_RICH = "the lowest GC content"
OTHER_BOX = f"of those below {HIGH_GC:.0f}% GC, the −10 elements least like *E. coli*'s"
HIGH_GC_BEST = f"from {HIGH_GC:.0f}% GC on, the highest share outside the Proteobacteria"
HIGH_GC_WORST = f"from {HIGH_GC:.0f}% GC on, the lowest share"
NAMES = dict(
    zip(
        ELEMENTS,
        ("UP element", "−35 box", "extended −10", "−10 box", "discriminator", "start"),
        strict=True,
    )
)


def place(first: int) -> str:
    """A position as biologists count."""
    return f"{int(paper_label(first)):+d}".replace("-", "−")


def is_read(row: Mapping[Any, Any], level: float) -> bool:
    """Whether substitutions of an element lower the output more than those outside of elements."""
    return bool(row["effect"] < 0 and row["q"] <= 1 - level)


def say_maps(
    found: pd.DataFrame, chosen: pd.DataFrame, model: str, control: str, level: float
) -> str:
    """Say which species were chosen, and which element is read where.

    Parameters
    ----------
    found, chosen : DataFrame
        ``table`` and ``chosen`` of `genoattn.chapters.species_maps.Mapped`.
    model, control : str
        The network, and the one that has no grammar to read.
    level : float
        Coverage of intervals; 1 - level is the false discovery rate.
    """
    own = found[found["model"] == model]
    rows = []
    for one in chosen.to_dict("records"):
        elements = own[own["species"] == one["species"]].set_index("element")
        cells: dict[str, object] = {
            "species": f"*{one['species']}*, {one['gc']:.0f}% GC",
            "chosen for": one["why"],
            "sites": elements["n"].iloc[0],
        }
        for name, row in elements.to_dict("index").items():
            effect = f"{row['effect']:+.2f}".replace("-", "−")
            effect = f"**{effect}**" if is_read(row, level) else effect
            cells[NAMES[str(name)]] = f"{effect} at {place(row['first'])}"
        rows.append(cells)
    return (
        f"{table(pd.DataFrame(rows))}\nMean change of `{model}`'s log-odds by a substitution "
        "within the element, less that of substitutions in the spacer and downstream of the same "
        "sites, and the first position of the element as it is read there; bold: the false "
        f"discovery rate is at most {1 - level:.0%}.\n\n"
        f"{say_read(own, chosen, level)} {_say_control(found, control, level)}\n\n"
        f"{folded('Effects and places, with intervals', _intervals(own))}"
    )


def _intervals(own: pd.DataFrame) -> str:
    """All rows of one model, with the intervals of effects and places."""
    rows = own.to_dict("records")
    shown = {
        "species": [_short(row["species"]) for row in rows],
        "element": own["element"].map(NAMES),
        "effect": [with_interval(row["effect"], row["ci_low"], row["ci_high"]) for row in rows],
        "q": own["q"].map("{:.2g}".format),
        "smallest effect that would be found": own["detectable"].map("{:.2f}".format),
        "place": [f"{place(row['first'])} to {place(row['last'])}" for row in rows],
        "begins": [f"{place(row['first_low'])} to {place(row['first_high'])}" for row in rows],
        "best substitution": own["gain"].map("{:+.2f}".format),
    }
    return (
        table(pd.DataFrame(shown))
        + "\n*Begins*: interval of the first position, from resampled blocks. *Smallest effect "
        "that would be found*: with a probability of 80%. *Best substitution*: the change by the "
        "best of the "
        "three other letters, mean over the element's places; a high one beside a weak effect says "
        "that the network would read the element, but the sequence lacks it."
    )


def say_read(own: pd.DataFrame, chosen: pd.DataFrame, level: float) -> str:
    """Say for each element where it is read and where not, and what would have been found.

    Parameters
    ----------
    own, chosen : DataFrame
        Rows of one model; the species in their order.
    level : float
    """
    told = []
    order = chosen["species"].tolist()
    for element in ELEMENTS:
        rows = own[own["element"] == element].set_index("species").loc[order]
        read = [is_read(row, level) for row in rows.to_dict("records")]
        yes = [_short(name) for name, one in zip(order, read, strict=True) if one]
        no = [
            f"{_short(str(name))} ({row['detectable']:.2f})"
            for (name, row), one in zip(rows.to_dict("index").items(), read, strict=True)
            if not one
        ]
        name = NAMES[element]
        if not no:
            told.append(f"The {name} is read in all {in_words(len(order))} species.")
        elif not yes:
            told.append(f"The {name} is read in none of them: {listed(no)}.")
        else:
            told.append(f"The {name} is read in {listed(yes)}, not in {listed(no)}.")
    if any("(" in one for one in told):
        told.append(
            "In brackets stands, for each that is not read, the smallest effect in log-odds that "
            "would have been found with a probability of 80%."
        )
    return " ".join(told)


def say_boxes(found: pd.DataFrame, model: str, level: float) -> str:
    """Say in how many species each box is read, and where not."""
    own = found[found["model"] == model]
    told = []
    for element in ("-10 box", "-35 box"):
        rows = own[own["element"] == element].to_dict("records")
        no = [
            f"{_short(row['species'])} ({row['detectable']:.2f})"
            for row in rows
            if not is_read(row, level)
        ]
        number = in_words(len(rows) - len(no), "none")
        told.append(
            f"the {NAMES[element]} in {number}"
            + (f" (not in {listed(no)}: above that an effect would have been found)" * bool(no))
        )
    species = in_words(own["species"].nunique())
    return f"By mutation maps of {species} species, it reads {' and '.join(told)}."


def _short(species: str) -> str:
    """Genus and species, as one abbreviates them."""
    genus, *rest = species.split()
    return f"*{genus[0]}. {rest[0]}*" if rest else f"*{genus}*"


def _say_control(found: pd.DataFrame, control: str, level: float) -> str:
    """Say what the network without a grammar reads, asked in the same way."""
    own = found[found["model"] == control]
    read = sum(is_read(row, level) for row in own.to_dict("records"))
    largest = own["effect"].abs().max()
    return (
        f"`{control}`, trained on labels that were turned round the genome and asked in the same "
        f"way around {own['n'].max()} sites of each, reads {in_words(read, 'none')} of "
        f"the {len(own)}; its largest effect is {_size(largest)} log-odds."
    )


def _size(effect: float) -> str:
    """An effect with the four digits that the table keeps."""
    return f"{effect:.4f}" if effect >= 1e-4 else "below 0.0001"
