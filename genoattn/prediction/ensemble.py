"""What the next gene says about a start site, beside annotators; touches JSON files and Prodigal.

An annotator weighs a few hundred nucleotides. It cannot tell a promoter of a gene from a look-alike
amid one. But genes can be found in the sequence alone, by their codons and ribosome binding sites
(Prodigal, Hyatt et al. 2010), and a transcript of a gene begins some ten to some hundred
nucleotides before it. So, for a position i of a strand,

::

    log-odds(site at i) = slope * (mean log-odds of the annotators at i) + term[ class of d(i) ]

where d(i) is the distance from i to the first nucleotide of the next gene downstream on the same
strand. Were the two independent given the truth, Bayes' rule would say the same with a slope of 1,
each term being how much more often a class holds sites than positions. What they share, and how
sure the annotators are on sequence new to them, goes into the slope. All coefficients are those of
a logistic regression on the validation part, on which the annotators were not trained (it said when
to stop), and which is not the test part.

The input remains the sequence: no annotation is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.model.card import check_one_task
from genoattn.model.weights import WeightsError, find_weights, weights_sha256

__all__ = [
    "EDGES",
    "GENES",
    "GenePrior",
    "describe_ensemble",
    "file_name",
    "gene_starts",
    "log_odds",
    "mean_log_odds",
    "read_ensembles",
]


GENES = "genes"
"""Stands for the gene prior among the names of an ensemble's models."""

EDGES = (20, 50, 100, 200, 400, 1000)
"""Where one class of distances ends and the next begins, in nt; the last has no end."""

SELF_TRAINING = 100_000
"""With so many nt, Prodigal learns a genome's genes from it alone, as its authors advise."""

_OVERLAP = 10_000  # nt of a circle that are read twice, so that no gene is cut at its origin


def gene_starts(genomes: Sequence[Genome]) -> dict[str, pd.DataFrame]:
    """Find the first nucleotides of protein-coding genes in contigs, from the sequence alone.

    Parameters
    ----------
    genomes : sequence of Genome
        Contigs of one organism: Prodigal learns from all of them together. If they have fewer than
        100,000 nt, its models of other organisms are used.

    Returns
    -------
    dict of str to DataFrame
        Contig name -> ``position`` (0-based) and ``strand``, distinct, by position. A gene that a
        contig's end cuts at its beginning has none.

    Notes
    -----
    Prodigal: Hyatt et al. 2010, doi:10.1186/1471-2105-11-119; by pyrodigal, Larralde 2022.
    """
    from pyrodigal import GeneFinder

    read = {
        one.name: one.sequence + (one.sequence[:_OVERLAP] if one.circular else "")
        for one in genomes
    }
    alone = sum(map(len, genomes)) >= SELF_TRAINING
    finder = GeneFinder(meta=not alone)
    if alone:
        finder.train(*[one.sequence for one in genomes])
    found = {}
    for one in genomes:
        genes = [
            (gene.begin - 1, "+") if gene.strand > 0 else (gene.end - 1, "-")
            for gene in finder.find_genes(read[one.name])
            if not (gene.partial_begin if gene.strand > 0 else gene.partial_end)
        ]
        table = pd.DataFrame(genes, columns=["position", "strand"])
        table["position"] %= len(one)
        table = table.drop_duplicates().sort_values(["position", "strand"], ignore_index=True)
        found[one.name] = table
    return found


@dataclass(frozen=True)
class GenePrior:
    """Annotators and the distance to the next gene, as one output.

    Attributes
    ----------
    members : tuple of str
        Weights whose log-odds are averaged.
    slope : float
        What the mean log-odds count for.
    terms : tuple of float
        Log-odds added in each class of distances.
    edges : tuple of int
        Where each class but the last ends, in nt.
    card : dict
        What it was fitted on, for the reader.
    """

    members: tuple[str, ...]
    slope: float
    terms: tuple[float, ...]
    edges: tuple[int, ...] = EDGES
    card: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if len(self.terms) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} classes; there "
                             f"are {len(self.terms)} terms")  # fmt: skip
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges must rise, not {list(self.edges)}")

    @classmethod
    def fit(
        cls,
        members: Sequence[str],
        output: NDArray[np.floating],
        distance: NDArray[np.floating],
        label: NDArray,
        where: NDArray[np.bool_],
        card: Mapping[str, Any] | None = None,
    ) -> GenePrior:
        """Fit slope and terms on a part that the annotators were not trained on.

        Parameters
        ----------
        members : sequence of str
        output : float array, shape (2, L)
            The members' ensemble (`genoattn.prediction.ensemble.mean_log_odds`), for every position
            asked.
        distance : float array, shape (2, L)
            From `sites.distance_to_next`, of the first nucleotides of genes.
        label : binary array, shape (2, L)
        where : bool array, shape (L,)
            The positions that are fitted on, both strands.
        card : mapping, optional
            Facts to keep beside the coefficients.

        Raises
        ------
        ValueError
            No site lies in that part.
        """
        from sklearn.linear_model import LogisticRegression

        truth = label[:, where].ravel()
        if not truth.any():
            raise ValueError("no site lies in the part that a gene prior is to be fitted on")
        kind = np.digitize(distance[:, where].ravel(), EDGES)
        classes = np.eye(len(EDGES) + 1)[kind]
        features = np.column_stack([log_odds(output[:, where]).ravel(), classes])
        # no intercept: the classes have one each; the penalty holds a class of few sites near 0
        model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000, tol=1e-6)
        slope, *terms = model.fit(features, truth).coef_[0].tolist()
        facts = {
            **(card or {}),
            "positions": np.bincount(kind, minlength=len(EDGES) + 1).tolist(),
            "sites": np.bincount(kind[truth > 0], minlength=len(EDGES) + 1).tolist(),
        }
        return cls(tuple(members), slope, tuple(terms), EDGES, facts)

    def apply(
        self, output: NDArray[np.floating], distance: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Probability of a site, given the members' ensemble and the distance to the next gene.

        Parameters
        ----------
        output : float array, shape (2, L)
            Probabilities; NaN where not asked.
        distance : float array, shape (2, L)
        """
        added = np.asarray(self.terms)[np.digitize(distance, self.edges)]
        return np.asarray(expit(self.slope * log_odds(output) + added), dtype=np.float32)

    def weights(self, file: Path) -> list[Path]:
        """Find the members' weights, given the prior's own file: in its run, else shipped ones.

        Raises
        ------
        WeightsError
            There are none of that name, others than the prior was fitted to, or models of
            different tasks.
        """
        found = {name: find_weights(name, file.parent.parent) for name in self.members}
        known = (self.card or {}).get("weights_sha256", {})
        for name, weights in found.items():
            if known.get(name, now := weights_sha256(weights)) != now:
                raise WeightsError(
                    f"{file} was fitted to other weights than {weights} holds now; run the chapter "
                    "02_training again"
                )
        check_one_task([*found.values()])
        return [*found.values()]

    def table(self) -> pd.DataFrame:
        """Classes of distance in a tidy table.

        Returns
        -------
        DataFrame
            Columns distance (such as "20 to 49"), log_odds (the term), and of the part fitted on
            positions and sites.
        """
        low = (0, *self.edges)
        names = [f"{one} to {end - 1}" for one, end in zip(low, self.edges, strict=False)]
        names.append(f"{low[-1]} and more")
        counts = {key: (self.card or {}).get(key) for key in ("positions", "sites")}
        return pd.DataFrame({"distance": names, "log_odds": self.terms, **counts})

    def with_facts(self, **facts: Any) -> GenePrior:
        """Return the same prior with more facts on its card."""
        return replace(self, card={**(self.card or {}), **facts})

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all."""
        values = {
            "members": self.members, "slope": self.slope, "edges": self.edges, "terms": self.terms,
            "card": self.card,
        }  # fmt: skip
        with writing(path) as partial:
            partial.write_text(json.dumps(values, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> GenePrior:
        """Read what `save` wrote.

        Raises
        ------
        WeightsError
            The file is not such a prior.
        """
        try:
            read = json.loads(Path(path).read_text())
            return cls(
                tuple(read["members"]),
                float(read["slope"]),
                tuple(map(float, read["terms"])),
                tuple(map(int, read["edges"])),
                read["card"],
            )
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise WeightsError(f"{path}: not a gene prior ({error!r})") from error


def mean_log_odds(outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """Output of an ensemble: the probability whose log-odds are the mean of the members'.

    Parameters
    ----------
    outputs : sequence of arrays, all of one shape
        Probabilities; NaN where not asked.
    """
    mean = np.mean([log_odds(one) for one in outputs], axis=0)
    return np.asarray(expit(mean), dtype=np.float32)


def log_odds(output: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-odds of probabilities, finite also of 0 and 1; NaN stays."""
    clipped = np.clip(output.astype(np.float64), np.finfo(np.float32).tiny, 1 - 1e-9)
    return np.asarray(logit(clipped))


def read_ensembles(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read ensembles from texts such as ``"three seeds: first, second, third"``.

    Returns
    -------
    dict of str to list of str
        Name of the ensemble -> its models, and last ``genes``
        (`genoattn.prediction.ensemble.GENES`) if that is among them.

    Raises
    ------
    ValueError
        A text without a name, with fewer than two models or one of them twice, or a name that
        another ensemble has; says which, to follow "ensembles has".
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, rest = text.partition(":")
        members = [member.strip() for member in rest.split(",") if member.strip()]
        if not name.strip() or len(members) < 2:
            raise ValueError(
                f"{text!r}, which must name an ensemble and two or more models, "
                f"such as 'three seeds: first, second, third' or 'with genes: first, {GENES}'"
            )
        if members == [GENES] * len(members):
            raise ValueError(f"{text!r}, which names no model beside {GENES}")
        if len({*members}) < len(members):
            raise ValueError(f"{text!r}, which names a model twice")
        if name.strip() in found:
            raise ValueError(f"two ensembles named {name.strip()!r}")
        found[name.strip()] = sorted(members, key=lambda member: member == GENES)
    return found


def file_name(ensemble: str) -> str:
    """What the file of an ensemble's gene prior is called, without its suffix."""
    return ensemble.replace(" ", "-")


def describe_ensemble(members: Sequence[str]) -> str:
    """Say in a line what an ensemble's output is made of."""
    models = [member for member in members if member != GENES]
    text = f"mean log-odds of {', '.join(models)}" if len(models) > 1 else models[0]
    return text + ", and where the next gene begins" * (GENES in members)
