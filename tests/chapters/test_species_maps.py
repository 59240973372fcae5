"""Species chosen by a rule, and what is said of their maps at the limits."""

from __future__ import annotations

import pandas as pd
import pytest

from genoattn.chapters import species_maps as maps
from genoattn.chapters import species_maps_words as words
from genoattn.interventions.placed import ELEMENTS

HOME = "Escherichia coli"
ROWS = [
    (HOME, "Gammaproteobacteria", 50, 1.0, 0.7),
    ("Best one", "Firmicutes", 40, 0.9, 0.99),
    ("Poor gc", "Firmicutes", 30, 0.9, 0.6),
    ("Other box", "Bacteroidota", 43, 0.5, 0.3),
    ("Mid gc", "Firmicutes", 45, 0.95, 0.5),
    ("High good", "Actinobacteria", 65, 0.8, 0.8),
    ("High best", "Betaproteobacteria", 66, 0.9, 0.9),
    ("High poor", "Alphaproteobacteria", 65, 0.4, 0.2),
]


def shares(rows):
    frame = pd.DataFrame(rows, columns=["species", "lineage", "gc", "in_common", "share"])
    return pd.concat([frame.assign(model="m"), frame.assign(model="other", share=0.0)])


def test_each_rule_chooses_one_species_and_relatives_do_not_stand_for_high_gc():
    chosen = maps.telling(shares(ROWS), HOME, "m")
    assert chosen["species"].tolist() == [
        HOME, "Best one", "Poor gc", "Other box", "High good", "High poor",
    ]  # fmt: skip
    assert chosen["why"].nunique() == 6


def test_a_species_that_an_earlier_rule_chose_is_passed_over():
    chosen = maps.telling(shares(ROWS[:3]), HOME, "m")
    # the lowest GC content is that of "Poor gc"; then only home is left, which is chosen already
    assert chosen["species"].tolist() == [HOME, "Best one", "Poor gc"]


def effects(model, species, **given):
    """Rows of one species: every element has the effect and q of ``all``, or its own."""
    every = dict.fromkeys(ELEMENTS, given["every"]) | given.get("but", {})
    return [
        {
            "model": model, "species": species, "element": element, "n": 40, "first": -12,
            "last": -7, "first_low": -13, "first_high": -12, "effect": effect,
            "ci_low": effect - 0.1, "ci_high": effect + 0.1, "q": q, "detectable": 0.123,
            "gain": 0.5,
        }
        for element, (effect, q) in every.items()
    ]  # fmt: skip


READ, NOT, HIGHER = (-0.5, 0.05), (-0.5, 0.051), (0.5, 0.001)
CHOSEN = pd.DataFrame(
    {"species": [HOME, "Other box"], "gc": [50.0, 43.0], "why": ["home", "its box"]}
)


def said(home, other, control=(1e-5, 0.9)):
    rows = [
        *effects("m", HOME, **home),
        *effects("m", "Other box", **other),
        *effects("c", HOME, every=control),
        *effects("c", "Other box", every=control),
    ]
    return words.say_maps(pd.DataFrame(rows), CHOSEN, "m", "c", 0.95)


@pytest.mark.parametrize(("row", "read"), [(READ, True), (NOT, False), (HIGHER, False)])
def test_an_element_is_read_if_its_substitution_costs_beyond_the_false_discovery_rate(row, read):
    assert words.is_read({"effect": row[0], "q": row[1]}, 0.95) is read


def test_it_says_where_an_element_is_read_and_where_not_with_the_power():
    told = said({"every": READ}, {"every": READ, "but": {"-35 box": NOT}})
    assert "The −35 box is read in *E. coli*, not in *O. box* (0.12)." in told
    assert "The −10 box is read in all two species." in told
    assert "In brackets stands, for each that is not read, the smallest effect" in told
    assert "**−0.50** at −12" in told
    assert "| −0.50 at −12" in told, "what is not read is not bold"
    assert "−13 to −12" in told, "the interval of the place"
    assert "reads none of the 12; its largest effect is below 0.0001 log-odds" in told


def test_it_says_that_an_element_is_read_nowhere_and_needs_no_brackets_where_all_are():
    assert "The start is read in none of them: *E. coli* (0.12) and *O. box* (0.12)." in said(
        {"every": READ, "but": {"start": NOT}}, {"every": READ, "but": {"start": HIGHER}}
    )
    assert "In brackets" not in said({"every": READ}, {"every": READ})


def test_a_control_that_reads_something_is_not_hidden():
    told = said({"every": READ}, {"every": READ}, READ)
    assert "reads twelve of the 12; its largest effect is 0.5000 log-odds" in told


def test_the_boxes_are_counted_in_short():
    rows = [
        *effects("m", HOME, every=READ, but={"-35 box": NOT}),
        *effects("m", "Other box", every=READ, but={"-35 box": NOT}),
        *effects("c", HOME, every=NOT),
    ]
    assert words.say_boxes(pd.DataFrame(rows), "m", 0.95) == (
        "By mutation maps of two species, it reads the −10 box in two and the −35 box in none "
        "(not in *E. coli* (0.12) and *O. box* (0.12): above that an effect would have been found)."
    )
