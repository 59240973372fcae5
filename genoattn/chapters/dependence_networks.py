"""The chapter dependence, other networks: whether they read the same, and what a stem changes.

What the steps say is in `genoattn.chapters.dependence_networks_words`. Their parameters,
`NETWORKS`, are part of the chapter's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_networks_words as wording
from genoattn.chapters.dependence_carriers import (
    NOTEBOOK,
    Asked,
    Mediated,
    Subject,
    answers,
    letters_of,
    tables,
    trained,
    untrained,
)
from genoattn.chapters.dependence_reading import (
    Mapped,
    Through,
    Used,
    blocks_of,
    drawn_places,
    labelled_sites,
    through_heads,
    used,
)
from genoattn.evaluation import bootstrap
from genoattn.genome import motifs
from genoattn.interventions import agreement as alike
from genoattn.interventions import carriers, mediated, replacement, residual, saturation
from genoattn.interventions.carriers import Criteria
from genoattn.interventions.mediated import Logos
from genoattn.interventions.noise import Question
from genoattn.interventions.saturation import MutationMap
from genoattn.model.annotator import Annotator
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.model.weights import made_from
from genoattn.study.parameters import Checked, Parameter, filled
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = ["NETWORKS", "Compared", "Stemmed", "compared", "stemmed"]


NETWORKS: dict[str, Parameter] = {
    "compared": Parameter(
        list[str],
        [],
        "networks that are asked whether they read the same, as weights",
        unique=True,
        rule=filled,
    ),
    "n_compared": Parameter(
        int,
        10,
        "start sites, and as many peaks, that are mutated in each; 0: all",
        low=0,
    ),
    "n_stem": Parameter(
        int, 24, "start sites attributed through and past heads that stand on a stem", low=2
    ),
    "stem_points": Parameter(
        int,
        64,
        "points of the integral of gradients where heads stand on a convolutional stem",
        low=1,
    ),
}
"""What these steps may be asked."""


# ------------------------------------------------------------------------- do they read the same


class Compared(NamedTuple):
    """What other networks read, beside this chapter's model."""

    effects: pd.DataFrame
    """``element``, ``model``, ``n_sites``, ``effect`` (log-odds that its noise costs), ``ci_low``,
    ``ci_high``, ``used`` (the lower limit exceeds ``least``): the same letters at the same sites,
    this chapter's model first, an untrained network last."""
    agreement: pd.DataFrame
    """``model`` and `agreement.Agreement` with this chapter's model."""
    elements: pd.DataFrame
    """`motif_discovery.worth` of the others, with ``model``."""
    finding: Finding


class _Reader(NamedTuple):
    """A network whose outputs are asked for, and what they are kept under."""

    name: str
    network: Annotator | ConvolutionalNetwork
    sources: dict[str, Any]


def compared(
    run: Run,
    model: Model,
    mapped: Mapped,
    found: Used,
    asked: Asked,
    mine: Mediated,
    p: Checked,
) -> Compared:
    """Ask other networks for the same mutants, and for the same noise in place of elements.

    Only outputs are asked for, so any architecture will do. An untrained network of the model's
    shape is asked as well.

    Parameters
    ----------
    run : Run
        Has the output of each network on the test part; maps are kept in it.
    model : Model
    mapped : Mapped
        The model's mutation maps.
    found : Used
        Elements of the model's map.
    asked : Asked
    mine : Mediated
        The model's answers.
    p : Checked
        ``compared``, ``n_compared`` and the parameters of `mapped` and `used`.
    """
    there = [name for name in p.compared if run.has_weights(name)]
    others = [_same_part(run.model(name), model) for name in there]
    chosen = np.arange(min(p.n_compared or len(mapped.at_sites.sites), len(mapped.at_sites.sites)))
    own = mapped.at_sites.of(chosen)
    nothing = untrained(run, model, p.seed)
    readers = [
        *(_Reader(one.name, one.network, made_from(one.file, run.study.genome)) for one in others),
        _Reader(nothing.name, nothing.network, nothing.sources),
    ]
    maps = {one.name: _map(run, one, own.sites, "sites", own, p) for one in readers}
    elements = [
        _elements(run, one, reader, maps[one.name], p)
        for one, reader in zip(others, readers, strict=False)
    ]
    questions = [one for one in asked.elements if not one.control]
    lost = {
        model.name: [one.mediation.effect for one in mine.answers if not one.question.control],
        **{one.name: _lost(run, one, questions, p) for one in others},
        nothing.name: _lost_with_heads(run, nothing, questions, p),
    }
    effects = _effects(lost, questions, mine.criteria)
    block = blocks_of(model, own.sites, p)
    rows = {
        name: alike.agreement(
            own, theirs, block, n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed
        )
        for name, theirs in maps.items()
    }
    frame = pd.DataFrame([{"model": name, **one._asdict()} for name, one in rows.items()])
    results = {"networks_effects": effects, "networks_agreement": frame}
    every = pd.concat(elements, ignore_index=True) if elements else found.table.head(0)
    if len(every):
        results["elements_used"] = every
    missing = [name for name in p.compared if name not in there]
    said = wording.say_compared(
        effects, frame, [found.table, *elements], missing, 2 * len(own.sites), p
    )
    return Compared(effects, frame, every, Finding(said, results))


def _same_part(other: Model, model: Model) -> Model:
    """Refuse a network that was tested on another part: it may know the sites by heart.

    Raises
    ------
    ValueError
        Names both.
    """
    if not np.array_equal(other.test, model.test):
        raise ValueError(
            f"{other.name} has another test part than {model.name}, so it may have been trained on "
            "the sites that both are asked about; leave it out of 'compared'"
        )
    return other


def _map(
    run: Run, one: _Reader, places: pd.DataFrame, kind: str, like: MutationMap, p: Checked
) -> MutationMap:
    """The mutation map of a network at some places, over the region of another map."""
    return saturation.saturate(
        one.network,
        run.study.genome,
        places[["position", "strand"]],
        first=int(like.offset[0]),
        last=int(like.offset[-1]),
        kept=run.file(p.chapter, one.name, f"mutations_{kind}", "npz"),
        made_from=one.sources,
    )


def _elements(
    run: Run, other: Model, reader: _Reader, at_sites: MutationMap, p: Checked
) -> pd.DataFrame:
    """Elements of a network's own map: of the sites, and of as many of its own peaks."""
    highest = saturation.strongest_peaks(
        run.output(other.name), other.test, len(labelled_sites(run, other))
    )
    chosen = drawn_places(highest, len(at_sites.sites), p.seed)
    at_peaks = _map(run, reader, chosen, "peaks", at_sites, p)
    return used(run, other, Mapped(at_sites, at_peaks, pd.DataFrame(), Finding()), p).table


def _effects(
    lost: Mapping[str, Sequence[NDArray[np.float64]]],
    questions: Sequence[Question],
    criteria: Criteria,
) -> pd.DataFrame:
    """What the noise of every element costs every network: `Compared.effects`."""
    rows = []
    for name, by_element in lost.items():
        for question, at_sites in zip(questions, by_element, strict=True):
            times = carriers.draws(question.sites, criteria)
            effect = times @ at_sites / times.sum(1)
            low, high = bootstrap.interval(effect[1:], criteria.level)
            rows.append(
                {
                    "element": question.element,
                    "model": name,
                    "n_sites": len(question.sites),
                    "effect": effect[0],
                    "ci_low": low,
                    "ci_high": high,
                    "used": low > criteria.least,
                }
            )
    return pd.DataFrame(rows)


def _lost(
    run: Run, model: Model, questions: Sequence[Question], p: Checked
) -> list[NDArray[np.float64]]:
    """Log-odds lost at each site, by element; of a network with heads, from its answers."""
    if isinstance(model.network, Annotator):
        return _lost_with_heads(run, trained(run, model), questions, p)
    arrays = run.once(
        NOTEBOOK,
        model.name,
        "lost",
        {
            **made_from(model.file, run.study.genome),
            "questions": [letters_of(one) for one in questions],
        },
        lambda: {
            one.element: replacement.lost_by_noise(
                model.network, run.study.genome, one.sites, one.noised, name=one.element
            )
            for one in questions
        },
    )
    return [arrays[one.element] for one in questions]


def _lost_with_heads(
    run: Run, subject: Subject, questions: Sequence[Question], p: Checked
) -> list[NDArray[np.float64]]:
    """The same from the answers about heads, which are kept in the run for other steps as well."""
    found = answers(run, subject, questions, p, follow=False)
    return [one.mediation.effect for one in found]


# ------------------------------------------------------------------------------- heads on a stem


class Stemmed(NamedTuple):
    """Which head of a network on a stem carries what, and what goes past its heads."""

    paths: pd.DataFrame | None
    """`residual.split_table` of this network; None without one."""
    mediated: Mediated | None
    logos: pd.DataFrame | None
    """`mediated.logo_table` of the heads, and of what goes past them as layer 0, head 0."""
    names: pd.DataFrame | None
    """`Through.names`."""
    finding: Finding


def stemmed(
    run: Run, model: Model, found: Used, asked: Asked, mine: Mediated, p: Checked
) -> Stemmed:
    """Ask the heads of a network that stand on a stem, and what the stem tells without them.

    Parameters
    ----------
    run, model, found, asked
        As of `compared`.
    mine : Mediated
        Of this chapter's model.
    p : Checked
        ``compared`` (the first network there whose heads stand on a stem is asked), ``n_stem``,
        ``stem_points``.
    """
    name = _on_a_stem(run, p)
    if name is None:
        return Stemmed(None, None, None, None, Finding(wording.NO_STEM))
    other = _same_part(run.model(name), model)
    subject = trained(run, other)
    made = tables(subject, answers(run, subject, asked.elements, p, follow=False), p)
    questions = [one for one in asked.elements if not one.control]
    both_ways = _split_once(run, other, questions)
    paths = residual.split_table(questions, both_ways, mine.criteria, model=other.name)
    through = through_heads(run, other, found, p, n_sites=p.n_stem, n_points=p.stem_points)
    past = _past_once(run, other, through, p)
    logo = mediated.logo_table(past.logos).assign(layer=0, head=0)
    logo.insert(0, "model", other.name)
    logos = pd.concat([through.table, logo], ignore_index=True)
    bare = "" if model.annotator.config.stem else model.name
    said = wording.say_stemmed(paths, made, through, past, mine, bare, other.config)
    results = {
        "mediation": made.shares,
        "mediated_logos": logos,
        "mediated_names": through.finding.results["mediated_names"],
        "networks_paths": paths,
    }
    return Stemmed(paths, made, logos, through.names, Finding(said, results))


def _on_a_stem(run: Run, p: Checked) -> str | None:
    """The first of the networks compared whose heads stand on a stem."""
    for name in p.compared:
        if run.has_weights(name):
            network = run.model(name).network
            if isinstance(network, Annotator) and network.config.stem:
                return str(name)
    return None


def _split_once(run: Run, model: Model, questions: list[Question]) -> list[residual.Split]:
    """What goes through and past the heads of a model at each site, kept in the run."""

    def make() -> dict[str, NDArray[Any]]:
        return {
            one.element: np.stack(residual.split(model.annotator, run.study.genome, one))
            for one in questions
        }

    sources = {
        **made_from(model.file, run.study.genome),
        "questions": [letters_of(one) for one in questions],
    }
    arrays = run.once(NOTEBOOK, model.name, "split", sources, make)
    return [residual.Split(*arrays[one.element]) for one in questions]


def _past_once(run: Run, model: Model, through: Through, p: Checked) -> residual.PastHeads:
    """Attributions past the heads at the sites of the mediated logos, kept in the run."""
    logos = through.logos
    composition = motifs.composition(run.study.genome.codes)

    def make() -> dict[str, NDArray[Any]]:
        found = residual.logo_past_heads(
            model.annotator,
            run.study.genome,
            logos,
            n_steps=p.stem_points,
            composition=composition,
        )
        return {
            "contribution": found.logos.contribution,
            "ends": found.logos.ends,
            "whole": found.whole,
        }

    sources = {
        **made_from(model.file, run.study.genome),
        "sites": logos.sites[["position", "strand"]].to_csv(index=False),
        "region": [int(logos.offset[0]), int(logos.offset[-1])],
        "n_points": p.stem_points,
        "composition": [round(float(share), 6) for share in composition],
    }
    arrays = run.once(NOTEBOOK, model.name, "past", sources, make)
    past = Logos(logos.sites, logos.offset, logos.codes, arrays["contribution"], arrays["ends"])
    return residual.PastHeads(past, arrays["whole"])
