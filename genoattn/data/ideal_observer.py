"""The reader that knows the grammar: the best that any network could do on a simulated genome.

What a network does not use of a planted element it either could not use, since the element says
little that the others do not say, or did not learn. This observer tells the two apart: it knows the
grammar and how the assays err, and needs no training. By Bayes' rule

    P(site | x) = prior r(x) / (1 + prior r(x))
    r(x) = sum_c share_c P(x | c) / P(x | background)

where ``c`` runs over the promoter classes, and ``P(x | c)`` over all places of their elements; a
label stands at a site, beside it with the probability of such a shift, or anywhere by mistake:

    P(label at i | x) = sum_d shift_d P(site at i - d | x) + false

Sites are taken to be independent of each other and of genes. Offsets in nucleotides along the
strand, positive downstream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data.grammar import TSS, Element, Grammar
from genoattn.data.simulation import Simulation
from genoattn.genome import motifs

__all__ = ["IdealObserver"]

REACH = 5
"""A label further from every site than this many nt is a false one."""


MOST = 1 - 1e-9
"""Greatest probability of a label: where sites have a second one beside them, the sum exceeds 1."""


@dataclass(frozen=True, eq=False)
class IdealObserver:
    """What is known of the promoters of a genome and of its labels.

    Attributes
    ----------
    grammar : Grammar
    background : float array, shape (4,)
        Probability of A, C, G, T where no element is.
    prior : float
        Sites a nucleotide and strand.
    shifts : mapping of int to float
        Distance of a label from its site -> probability that a site has such a label; the rest to
        one are sites without.
    false : float
        Labels of no site, a nucleotide and strand.
    """

    grammar: Grammar
    background: NDArray[np.float64]
    prior: float
    shifts: Mapping[int, float]
    false: float

    @classmethod
    def of(cls, simulation: Simulation, labels: pd.DataFrame) -> IdealObserver:
        """Count how labels err.

        Parameters
        ----------
        simulation : Simulation
        labels : DataFrame
            ``position``, ``strand`` of the sites that networks are trained on.
        """
        length = len(simulation.genome)
        truth = simulation.truth_sites
        sites = set(zip(truth["position"], truth["strand"], strict=True))
        shifts, false = dict.fromkeys(range(-REACH, REACH + 1), 0), 0
        for position, strand in zip(labels["position"], labels["strand"], strict=True):
            along = 1 if strand == "+" else -1
            near = [d for d in shifts if ((position - along * d) % length, strand) in sites]
            if near:
                shifts[min(near, key=abs)] += 1
            else:
                false += 1
        return cls(
            simulation.grammar,
            motifs.composition(simulation.genome.codes),
            len(sites) / (2 * length),
            {d: n / max(1, len(sites)) for d, n in shifts.items() if n},
            false / (2 * length),
        )

    def log_odds(self, codes: NDArray[np.uint8], zero: int) -> NDArray[np.float64]:
        """Log-odds of a label.

        Parameters
        ----------
        codes : uint8 array, shape (n, W)
            Letters around n places, 5'->3'.
        zero : int
            Index of the place.

        Returns
        -------
        float array, shape (n,)

        Raises
        ------
        ValueError
            An element may lie outside the letters.
        """
        p = np.full(len(codes), self.false)
        for shift, share in self.shifts.items():
            odds = self.prior * self.likelihood_ratio(codes, zero - shift)
            p += share * odds / (1 + odds)
        p = np.minimum(p, MOST)
        return np.asarray(np.log(p) - np.log1p(-p))

    def likelihood_ratio(self, codes: NDArray[np.uint8], zero: int) -> NDArray[np.float64]:
        """How much likelier letters are around a start site than anywhere; shape (n,).

        Parameters
        ----------
        codes : uint8 array, shape (n, W)
        zero : int
            Index of the site.
        """
        total = np.zeros(len(codes))
        for promoter_class, share in self.grammar.classes.items():
            elements = self.grammar.of(promoter_class)
            ratio = np.ones(len(codes))
            for element in elements:
                if element.anchor == TSS:
                    ratio *= self._of_element(codes, zero, element, elements)
            total += share * ratio
        return total

    def _of_element(
        self, codes: NDArray[np.uint8], anchor: int, element: Element, others: Sequence[Element]
    ) -> NDArray[np.float64]:
        """Ratio for an element and those measured from it, over its places; shape (n,)."""
        total = np.zeros(len(codes))
        for offset, share in element.offsets.items():
            begin = anchor + offset
            if begin < 0 or begin + element.width > codes.shape[1]:
                raise ValueError(
                    f"element {element.name} may lie at {begin} of {codes.shape[1]} letters: give "
                    "more letters around each place"
                )
            ratio = element.presence * self._of_letters(codes, begin, element)
            ratio += 1 - element.presence
            for other in others:
                if other.anchor == element.name:
                    ratio *= self._of_element(codes, begin, other, others)
            total += share * ratio
        return total

    def _of_letters(
        self, codes: NDArray[np.uint8], begin: int, element: Element
    ) -> NDArray[np.float64]:
        """Ratio for the letters of an element at one place; an unknown letter says nothing."""
        ratio = np.column_stack([element.matrix / self.background, np.ones(element.width)])
        letters = codes[:, begin : begin + element.width]
        return np.asarray(ratio[np.arange(element.width), letters].prod(axis=1))
