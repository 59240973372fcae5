"""The promoter grammar of the simulated genome, as data; touches no file and no genome.

A *grammar* lists promoter classes and their sequence elements. An element is a matrix of
nucleotide probabilities, a distribution of distances, and the thing that the distance is
measured from: the transcription start site (TSS) or another element. Since all of it is data,
what a model should find on the simulated genome can be read off here.

Offsets are in nucleotides along the promoter's own strand, positive downstream; the +1
nucleotide (the TSS) has offset 0, the nucleotide before it -1. There is no gap in this count, so
that position -10 of the literature has offset -10 and position +5 has offset 4.

Sources of the consensus sequences: -35 and -10 boxes and their spacer, Harley and Reynolds 1987
(doi:10.1093/nar/15.5.2343); the extended -10 element, Barne et al. 1997
(doi:10.1093/emboj/16.13.4034); sigma-54, Barrios et al. 1999 (doi:10.1093/nar/27.22.4305); the
activator is modelled on CRP and the repressor on LexA. The shares are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np

__all__ = [
    "DEFAULT_GRAMMAR",
    "FOREIGN_GRAMMAR",
    "NO_GRAMMAR",
    "TSS",
    "Element",
    "Grammar",
    "Part",
    "Promoter",
    "choose",
    "consensus_matrix",
]


TSS = "TSS"  # the anchor of elements whose distance is measured from the start site itself
PLACES = ("upstream", "inside", "anywhere")
_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, eq=False)
class Element:
    """One sequence element of one promoter class.

    Attributes
    ----------
    name : str
        Such as ``-10``; the same element may occur in several classes.
    promoter_class : str
        The class that it belongs to.
    matrix : numpy.ndarray, float, shape=(width, 4)
        Probability of A, C, G, T at each position, read 5'->3'; read-only.
    offsets : mapping of int to float
        Offset of the element's first nucleotide from the anchor's first -> probability.
    anchor : str
        ``TSS`` or the name of an element of the same class, listed before this one.
    presence : float
        Probability that a promoter of the class has the element.

    Raises
    ------
    ValueError
        Probabilities that do not sum to one or lie outside 0..1; names the element.
    """

    name: str
    promoter_class: str
    matrix: np.ndarray
    offsets: Mapping[int, float]
    anchor: str = TSS
    presence: float = 1.0

    def __post_init__(self) -> None:
        where = f"element {self.name} of class {self.promoter_class}"
        matrix = np.array(self.matrix, dtype=float)
        if matrix.ndim != 2 or matrix.shape[1] != 4 or len(matrix) == 0:
            raise ValueError(f"{where}: matrix must have shape (width, 4), has {matrix.shape}")
        if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1):
            raise ValueError(f"{where}: each row of the matrix must be probabilities, sum 1")
        if not 0 < self.presence <= 1:
            raise ValueError(f"{where}: presence must be in (0, 1], is {self.presence}")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "offsets", _shares(self.offsets, f"{where}: offsets"))

    @property
    def width(self) -> int:
        """Number of nucleotides."""
        return len(self.matrix)


@dataclass(frozen=True, eq=False)
class Part:
    """An element as drawn for one promoter: where it begins (offset from the TSS) and its codes."""

    element: Element
    offset: int
    codes: np.ndarray  # uint8, shape=(width,)


@dataclass(frozen=True, eq=False)
class Promoter:
    """One draw from a grammar: its class, its parts, and their summed log-odds in bits."""

    promoter_class: str
    parts: tuple[Part, ...]
    strength: float


@dataclass(frozen=True, eq=False)
class Grammar:
    """Promoter classes, their elements, and where on the genome promoters lie.

    Attributes
    ----------
    classes : mapping of str to float
        Promoter class -> share of all promoters.
    elements : tuple of Element
        Of all classes; an anchor stands before the elements measured from it.
    places : mapping of str to float
        Where promoters lie -> share: ``upstream`` (the non-coding stretch before an operon, on
        its strand), ``inside`` (within an operon, either strand), ``anywhere`` (blind to genes).

    Raises
    ------
    ValueError
        Shares that do not sum to one, an unknown class, place or anchor.
    """

    classes: Mapping[str, float]
    elements: tuple[Element, ...]
    places: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", _shares(self.classes, "grammar: classes"))
        object.__setattr__(self, "places", _shares(self.places, "grammar: places"))
        unknown = set(self.places) - set(PLACES)
        if unknown:
            raise ValueError(f"grammar: unknown place {unknown.pop()!r}; use one of {PLACES}")
        known = {(one, TSS) for one in self.classes}
        for element in self.elements:
            where = f"grammar: element {element.name} of class {element.promoter_class}"
            if element.promoter_class not in self.classes:
                raise ValueError(f"{where}: the grammar has no such class")
            if (element.promoter_class, element.anchor) not in known:
                raise ValueError(f"{where}: its anchor {element.anchor} must be listed before it")
            if (element.promoter_class, element.name) in known:
                raise ValueError(f"{where}: listed twice")
            known.add((element.promoter_class, element.name))

    def of(self, promoter_class: str) -> tuple[Element, ...]:
        """Elements of one class, anchors first."""
        return tuple(e for e in self.elements if e.promoter_class == promoter_class)

    def draw(self, rng: np.random.Generator) -> Promoter:
        """Draw one promoter.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness; advanced.

        Returns
        -------
        Promoter
            Strength: the sum over its nucleotides of log2(probability / 0.25).

        Raises
        ------
        ValueError
            The drawn elements overlap, so the grammar contradicts itself.
        """
        promoter_class = choose(rng, self.classes)
        begins = {TSS: 0}
        parts: list[Part] = []
        strength = 0.0
        for element in self.of(promoter_class):
            begins[element.name] = begins[element.anchor] + choose(rng, element.offsets)
            draws = rng.random((element.width, 1))
            if rng.random() >= element.presence:
                continue
            codes = (draws > element.matrix.cumsum(axis=1)[:, :3]).sum(axis=1)  # width
            strength += float(np.log2(4 * element.matrix[np.arange(element.width), codes]).sum())
            parts.append(Part(element, begins[element.name], codes.astype(np.uint8)))
        covered = [part.offset + i for part in parts for i in range(part.element.width)]
        if len(set(covered)) < len(covered):
            raise ValueError(f"grammar: elements of class {promoter_class} overlap each other")
        return Promoter(promoter_class, tuple(parts), strength)


def _shares(shares: Mapping[_Key, float], where: str) -> Mapping[_Key, float]:
    """Check that shares are probabilities that sum to one; make them read-only."""
    values = np.array(list(shares.values()), dtype=float)
    if (values < 0).any() or not np.isclose(values.sum(), 1):
        raise ValueError(f"{where} must be probabilities that sum to 1, sum is {values.sum():g}")
    return MappingProxyType(dict(shares))


def choose(rng: np.random.Generator, shares: Mapping[_Key, float]) -> _Key:
    """Draw one key with its probability."""
    draw = rng.random()
    for key, share in shares.items():
        draw -= share
        if draw < 0:
            return key
    return max(shares, key=lambda key: shares[key])  # the shares' sum was rounded below one


def consensus_matrix(consensus: str, shares: list[float] | float) -> np.ndarray:
    """Build an element's matrix from its consensus.

    Parameters
    ----------
    consensus : str
        Letters A, C, G, T; R (A or G), Y (C or T), W (A or T), which split the share equally;
        N, any letter alike.
    shares : list of float or float
        Probability of the consensus at each position (or at all); the other letters split the
        rest equally.

    Returns
    -------
    numpy.ndarray, float, shape=(len(consensus), 4)
        Probability of A, C, G, T at each position.
    """
    members = {"R": "AG", "Y": "CT", "W": "AT", "N": "ACGT"}
    matrix = np.full((len(consensus), 4), 0.25)
    for row, letter, share in zip(
        matrix, consensus, np.broadcast_to(shares, len(consensus)), strict=True
    ):
        named = ["ACGT".index(one) for one in members.get(letter, letter)]
        if len(named) < 4:
            row[:] = (1 - share) / (4 - len(named))
            row[named] = share / len(named)
    return matrix


_BOX_10 = consensus_matrix("TATAAT", [0.88, 0.96, 0.72, 0.78, 0.75, 0.96])
_BOX_35 = consensus_matrix("TTGACA", [0.86, 0.90, 0.84, 0.74, 0.68, 0.64])
_WEAK_BOX_35 = consensus_matrix("TTGACA", 0.45)
_INITIATOR = consensus_matrix("YR", [0.65, 0.90])  # -1 and +1: a purine is preferred at +1
_DISCRIMINATOR = {-14: 0.05, -13: 0.19, -12: 0.52, -11: 0.19, -10: 0.05}
# A spacer of 15 to 19 nt, 17 favoured: the -35 box begins 6 nt plus the spacer before the -10 box.
_SPACER = {-25: 0.05, -24: 0.18, -23: 0.54, -22: 0.18, -21: 0.05}


def _sigma70(promoter_class: str, box_35: np.ndarray, presence: float = 1.0) -> tuple[Element, ...]:
    """List the core elements of a sigma-70 promoter: initiator, -10 box and -35 box."""
    return (
        Element("initiator", promoter_class, _INITIATOR, {-1: 1.0}),
        Element("-10", promoter_class, _BOX_10, _DISCRIMINATOR),
        Element("-35", promoter_class, box_35, _SPACER, anchor="-10", presence=presence),
    )


DEFAULT_GRAMMAR = Grammar(
    classes={"core": 0.50, "extended": 0.17, "activated": 0.13, "repressed": 0.10, "sigma54": 0.10},
    elements=(
        *_sigma70("core", _BOX_35),
        # Extended -10: TGn just upstream of the -10 box; its -35 box is weak, or absent.
        *_sigma70("extended", _WEAK_BOX_35, presence=0.4),
        Element(
            "extended",
            "extended",
            consensus_matrix("TGN", [0.95, 0.97, 0.25]),
            {-3: 1.0},
            anchor="-10",
        ),
        # Activator: its centre at -61.5 or, two turns of the helix further, at -82.5;
        # such promoters have a weak -35 box.
        *_sigma70("activated", _WEAK_BOX_35),
        Element(
            "activator",
            "activated",
            consensus_matrix("TGTGANNNNNNTCACA", 0.85),
            {-69: 0.60, -68: 0.10, -70: 0.10, -90: 0.20},
        ),
        # Repressor: an operator that covers the first transcribed nucleotides.
        *_sigma70("repressed", _BOX_35),
        Element(
            "repressor",
            "repressed",
            consensus_matrix("CTGTNNNNNNNNACAG", 0.88),
            {1: 0.15, 2: 0.70, 3: 0.15},
        ),
        # Alternative sigma factor: boxes at -24 (GG) and -12 (GC), 4 nt between them, no other.
        Element("initiator", "sigma54", _INITIATOR, {-1: 1.0}),
        Element(
            "-12",
            "sigma54",
            consensus_matrix("TTGCW", [0.80, 0.75, 0.96, 0.96, 0.85]),
            {-16: 0.20, -15: 0.60, -14: 0.20},
        ),
        Element(
            "-24",
            "sigma54",
            consensus_matrix("TGGCACG", [0.85, 0.96, 0.96, 0.85, 0.75, 0.60, 0.60]),
            {-11: 1.0},
            anchor="-12",
        ),
    ),
    places={"upstream": 0.75, "inside": 0.25},
)
"""Five promoter classes, upstream of operons (three in four) and inside genes (one in four)."""

FOREIGN_GRAMMAR = Grammar(
    classes={"core": 1.0},
    elements=(
        Element("initiator", "core", _INITIATOR, {-1: 1.0}),
        Element("-10", "core", consensus_matrix("TACGAT", 0.88), _DISCRIMINATOR),
        Element("-35", "core", consensus_matrix("GGAACA", 0.80), _SPACER, anchor="-10"),
    ),
    places={"upstream": 0.75, "inside": 0.25},
)
"""A species whose sigma factor reads other boxes: a model of the default grammar finds little."""

NO_GRAMMAR = Grammar(classes={"none": 1.0}, elements=(), places={"anywhere": 1.0})
"""Start sites without any sequence element, anywhere: nothing can be learned, or claimed."""
