"""Exercises 5 and 9, reading heads: three readings of every head side by side, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genoattn.course.checks import check, choice
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads import preferred, profiles
from genoattn.interventions.mediation import mediation
from genoattn.interventions.noise import Noised
from genoattn.model.annotator import Annotator
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention

__all__ = [
    "Read",
    "favourite",
    "found",
    "gains",
    "information",
    "misleading",
    "noised_element",
    "p_value",
    "read_heads",
    "share",
    "sharp",
    "words",
]

CARRIES, SILENT = 0.3, 0.1
"""A head that restores at least the first share of an element's effect carries it; one that
restores less than the second does not."""
WIDTH = 7
"""Nucleotides of a word: what the convolutions of a head see at one position."""


class Read(NamedTuple):
    """Heads read in three ways.

    Attributes
    ----------
    table : DataFrame
        A row a head: ``head`` (``L1 H2``), ``offset`` (its favourite, from the start site),
        ``words`` (consensus of the letters where it looks most), ``bits`` of these letters, and a
        column for each element: the share of its effect that comes back with this head alone.
    effect : dict of str to float
        What each element is worth: mean log-odds with it minus those without.
    """

    table: pd.DataFrame
    effect: dict[str, float]


def noised_element(
    elements: pd.DataFrame, name: str, n: int, seed: int
) -> tuple[pd.DataFrame, Noised]:
    """Start sites that have an element, and random letters in its place.

    Parameters
    ----------
    elements : DataFrame
        `genoattn.data.simulation.Simulation.elements`.
    name : str
    n : int
        At most so many sites, drawn at random.
    seed : int

    Returns
    -------
    DataFrame
        ``position``, ``strand``.
    Noised
    """
    rng = np.random.default_rng(seed)
    copies = elements[elements["element"] == name]
    copies = copies.iloc[np.sort(rng.permutation(len(copies))[:n])]
    width = int(copies["sequence"].str.len().iloc[0])
    sites = copies.rename(columns={"tss_position": "position"})[["position", "strand"]]
    letters = rng.integers(4, size=(len(copies), 1, width))
    return sites.reset_index(drop=True), Noised(copies["offset"].to_numpy(), letters)


def read_heads(
    network: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    elements: pd.DataFrame,
    names: Sequence[str],
    *,
    n_best: int,
    n_sites: int,
    seed: int,
) -> Read:
    """Read every head by its average, by its best words and by what it carries.

    Parameters
    ----------
    network : Annotator
    genome : Genome
    sites : DataFrame
        ``position``, ``strand`` of the start sites whose attention is averaged.
    elements : DataFrame
        Planted copies.
    names : sequence of str
        Elements whose effect is mediated.
    n_best : int
        Sites of most attention that make a head's words.
    n_sites : int
        Sites at which each element is noised.
    seed : int
    """
    config = network.config
    sites = sites.reset_index(drop=True)
    recorder = SampledAttention(
        config, sites["strand"].to_numpy(), sites["position"].to_numpy(), len(genome)
    )
    predict(network, genome, recorders=[recorder], progress=False)
    mean = profiles.average(recorder.attention).mean
    best = preferred.best_sequences(
        recorder.attention, sites, genome, mean,
        downstream=config.downstream, n_best=n_best, width=WIDTH,
    )  # fmt: skip
    rows = [
        {
            "layer_1based": layer + 1,
            "head_1based": head + 1,
            "offset": int(best.offset[layer, head]),
            "words": motifs.iupac_consensus(best.counts[layer, head] + 1e-6),
            "bits": float(motifs.information(best.counts[layer, head])),
        }
        for layer in range(config.layers)
        for head in range(config.heads)
    ]
    table = pd.DataFrame(rows)
    table.insert(0, "head", profiles.names(table))
    effect = {}
    for name in names:
        gained, effect[name] = gains(network, genome, elements, name, n_sites=n_sites, seed=seed)
        table[name] = table["head"].map(gained) / effect[name]
    return Read(table.drop(columns=["layer_1based", "head_1based"]), effect)


def gains(
    network: Annotator,
    genome: Genome,
    elements: pd.DataFrame,
    name: str,
    *,
    n_sites: int,
    seed: int,
) -> tuple[dict[str, float], float]:
    """Log-odds that come back with each head alone when an element is noised.

    Parameters
    ----------
    network, genome, elements, n_sites, seed
        As of `read_heads`.
    name : str
        The element.

    Returns
    -------
    dict of str to float
        Head (``L1 H2``) -> mean gain over the sites.
    float
        What the element is worth: mean log-odds with it minus those without.
    """
    where, noised = noised_element(elements, name, n_sites, seed)
    given = mediation(network, genome, where, noised, removing=False, progress=False)
    gained = (given.restored - given.noised[:, None, None]).mean(0)
    named = {
        f"L{layer + 1} H{head + 1}": float(gained[layer, head])
        for layer, head in np.ndindex(*gained.shape)
    }
    return named, float(given.effect.mean())


# -------------------------------------------------------------------------------------- checks


@check("Find the distance of the highest mean, and turn it into an offset: downstream - distance.")
def favourite(function: Any) -> str | None:
    """Offset at which a head looks most: ``function(profile, downstream)``."""
    profile = np.array([0.1, 0.2, 0.05, 0.5, 0.1, 0.05])
    for downstream in (2, 20):
        given = float(function(profile, downstream))
        if given == downstream - 3:
            continue
        if given == 3:
            return "3 is the distance from the query; the site lies `downstream` nt behind it."
        if given == 3 - downstream:
            return "The sign is turned round: upstream of the site is negative."
        if given == downstream - 2:
            return "You took the second highest, or began to count at the wrong end."
        return f"For a peak 3 nt upstream of the query and {downstream=} you give {given:g}."
    return None


@check("Take the rows of the n highest weights; in each column, take the commonest letter.")
def words(function: Any) -> str | None:
    """Consensus of the words that get most attention: ``function(weights, letters, n)``."""
    letters = np.array([list(text) for text in ("TATA", "TATT", "GGGG", "GGCC", "GGGC", "TACA")])
    weights = np.array([0.9, 0.8, 0.1, 0.05, 0.2, 0.7])
    given = function(weights, letters, 3)
    given = "".join(given) if not isinstance(given, str) else given
    if given == "TATA":
        return None
    if given == "GGGC":
        return "Those are the rows of the lowest weights."
    if len(given) != 4:
        return f"A word of 4 letters is wanted, not {given!r}."
    return f"Of TATA, TATT and TACA, the three of most attention, the consensus is not {given}."


@check("What came back, as a share of what was lost: both averaged over the sites first.")
def share(function: Any) -> str | None:
    """Share of an effect that a head restores: ``function(clean, noised, restored)``."""
    clean, noised = np.array([3.0, 2.0, 0.1]), np.array([0.0, 1.0, 0.0])
    restored = np.array([1.5, 1.5, 0.3])
    given = function(clean, noised, restored)
    if np.ndim(given):
        return "One number is wanted, not one a site."
    wanted = (restored - noised).mean() / (clean - noised).mean()
    if np.isclose(given, wanted):
        return None
    if np.isclose(given, ((restored - noised) / (clean - noised)).mean()):
        return (
            "A mean of ratios: a site where the element is worth almost nothing then outweighs "
            "all others. Take the ratio of the means."
        )
    if np.isclose(given, restored.mean() / clean.mean()):
        return "Subtract the noised run from both: a head that restores nothing has the share 0."
    if np.isclose(given, 1 - wanted):
        return "That is what stays lost; the share that comes back is one minus it."
    return f"You give {float(given):.2f}; the mean gain is 0.77 and the mean effect 1.37."


@check("Lay the columns side by side: who looks at an element, and who carries it?")
def misleading(head: Any, element: Any, *, read: Read, places: dict[str, range]) -> str | None:
    """A head whose average says one thing and whose effect another.

    Parameters
    ----------
    head, element
        The answer: it looks at the element and does not carry it, or carries it and looks
        elsewhere.
    read : Read
    places : mapping of str to range
        Offsets that each element takes at most sites.
    """
    rows = {str(row["head"]): row for row in read.table.to_dict("records")}
    name = str(head).strip().upper()
    if name not in rows:
        return f"{head!r} is no head: write it as {min(rows)}."
    if element not in places:
        return f"{element!r} is no element: answer with one of {', '.join(places)}."
    row = rows[name]
    looks, carried = row["offset"] in places[element], float(row[element])
    if (looks and carried < SILENT) or (not looks and carried >= CARRIES):
        return None
    if looks:
        return (
            f"{head} looks at the {element} box and restores {carried:.0%} of its effect: "
            "attention and effect agree, or nearly so."
        )
    return (
        f"{head} looks at {row['offset']:+d}, not at the {element} box, and restores "
        f"{carried:.0%} of its effect: nobody is misled by that."
    )


@check("Bits of a column: 2 + sum of p log2 p; sum them over the columns.")
def information(function: Any) -> str | None:
    """Information of aligned words in bits: ``function(counts)``, counts of shape (width, 4)."""
    for counts in ([[8, 0, 0, 0]], [[4, 4, 0, 0], [2, 2, 2, 2]], [[8, 0, 0, 0], [0, 8, 0, 0]]):
        given = float(function(np.array(counts)))
        shares = motifs.probability_matrix(np.array(counts), 0.0)
        wanted = float(motifs.information_content(shares).sum())
        if np.isclose(given, wanted, atol=1e-6):
            continue
        if np.isnan(given):
            return "0 times log2 of 0 is 0 here: keep it out of the sum."
        if np.isclose(given, wanted * np.log(2)):
            return "Bits: use log2, not the natural logarithm."
        if np.isclose(given, wanted / len(counts)):
            return "Sum over the columns, do not average."
        if np.isclose(given, -wanted):
            return "The sign is turned round: a column without choice has 2 bits."
        return f"For counts {counts} you give {given:.2f} bits; it is {wanted:.2f}."
    return None


@check("Choose a, b or c.", "Choosing the best of many makes a motif of anything.")
def sharp(given: Any) -> str | None:
    """Why an untrained head has a sharp logo."""
    return choice(
        given,
        "a",
        {
            "b": "It has seen no genome: its weights are random.",
            "c": "The genome has planted boxes, but the best words of an untrained head are "
            "others.",
        },
    )


@check("How many of the null values are at least as large? Count the observed one as well.")
def p_value(function: Any) -> str | None:
    """P-value of a value among null values: ``function(value, null)``."""
    null = np.array([0.1, 0.3, 0.2, 0.3])
    for value, wanted in ((0.3, 0.6), (0.5, 0.2), (0.0, 1.0)):
        given = float(function(value, null))
        if np.isclose(given, wanted):
            continue
        n = int((null >= value).sum())
        if np.isclose(given, n / len(null)):
            return "A p-value from a sample is never 0: (1 + number at least as large) / (1 + n)."
        if np.isclose(given, (1 + (null > value).sum()) / 5):
            return "At least as large: equal values count."
        return f"For {value} among {null.tolist()} you give {given:.2f}; it is {wanted:.2f}."
    return None


@check("Take the heads of the trained network whose p-value is below 0.05 after correction.")
def found(heads: Any, *, p_values: dict[str, float]) -> str | None:
    """Heads that differ from the null after Holm's correction; ``["none"]`` where none does."""
    wanted = _holm(p_values, 0.05)
    given = {str(one).strip().upper() for one in heads} - {"NONE"}
    if given == wanted:
        return None
    if given == {name for name, p in p_values.items() if p < 0.05} and given > wanted:
        return f"{len(p_values)} heads were asked at once: correct for that (Holm)."
    if given - set(p_values):
        return f"{min(given - set(p_values))} is no head."
    return (
        f"You name {len(given)} heads, the rule {len(wanted)}: sort the p-values, and compare the "
        f"smallest with 0.05 / {len(p_values)}, the next with 0.05 / {len(p_values) - 1}, until "
        "one is larger."
    )


def _holm(p_values: dict[str, float], alpha: float) -> set[str]:
    """Names whose p-values Holm's step-down rule rejects."""
    rejected: set[str] = set()
    for number, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > alpha / (len(p_values) - number):
            break
        rejected.add(name)
    return rejected
