"""Steps of the chapter on dependence: what the network reads, and through which head it passes.

What the steps say is in `genoattn.chapters.dependence_reading_words`. Their parameters, `READING`,
are part of the chapter's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_reading_words as wording
from genoattn.data import regulondb
from genoattn.data.datasets import fetch
from genoattn.evaluation import bootstrap
from genoattn.genome import motifs, sites
from genoattn.genome.motifs import Motif
from genoattn.genome.sequence import STRANDS, strand_row
from genoattn.heads import first_layer as words_of
from genoattn.heads import tomtom
from genoattn.heads.elements import (
    PROMOTER_ELEMENTS,
    UP_SUBSITES,
    Element,
    planted_elements,
)
from genoattn.interventions import factors as binding
from genoattn.interventions import mediated as through
from genoattn.interventions import motif_discovery, naming, replacement, saturation
from genoattn.interventions.mediated import Logos
from genoattn.interventions.motif_discovery import Found
from genoattn.interventions.saturation import MutationMap
from genoattn.model.weights import made_from
from genoattn.prediction.ensemble import log_odds
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import Checked, Parameter, check_region, position
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = [
    "READING",
    "Factors",
    "FirstWords",
    "Mapped",
    "Through",
    "Used",
    "factors",
    "first_layer",
    "mapped",
    "planted",
    "through_heads",
    "used",
]


READING: dict[str, Parameter] = {
    "n_mapped": Parameter(
        int, 20, "start sites, and as many predicted peaks, that are mutated; 0: all", low=0
    ),
    "map_first": Parameter(
        int, -60, "first position that is mutated, the TSS is +1", rule=position
    ),
    "map_last": Parameter(int, 20, "last position that is mutated, the TSS is +1", rule=position),
    "min_seqlets": Parameter(int, 20, "sites that an element needs to be one", low=5),
    "n_replaced": Parameter(int, 20, "copies of an element that are replaced, at most", low=2),
    "n_draws": Parameter(int, 2, "random replacements of a stretch", low=1),
    "n_through": Parameter(int, 8, "start sites attributed through single heads; 0: all", low=0),
    "n_points": Parameter(int, 8, "points of the integral of gradients through a head", low=1),
    "least_carried": Parameter(
        float,
        0.05,
        "mean log-odds by its letters from which a head can be named by an element",
        low=0.0,
    ),
    "min_factor_sites": Parameter(
        int, 15, "binding sites of a factor in the test part, for it to be tested", low=2
    ),
    "n_carried": Parameter(
        int, 8, "binding sites of a factor that are followed through single heads, at most", low=2
    ),
    "n_controls": Parameter(int, 2, "matched controls of each binding site", low=1),
    "max_q": Parameter(
        float, 0.05, "greatest q-value (false discovery rate) of a finding", low=0, high=1
    ),
}  # fmt: skip
"""What these steps may be asked."""

CARRIED = ("CRP", "Fis", "IHF", "FNR", "ArcA", "Fur")
"""Factors whose sites are followed through single heads."""


# ------------------------------------------------------------------------------ the mutation map


class Mapped(NamedTuple):
    """Mutation maps of start sites and of predicted peaks."""

    at_sites: MutationMap
    at_peaks: MutationMap
    effects: pd.DataFrame
    """`saturation.letter_effects` of the start sites."""
    finding: Finding


def mapped(run: Run, model: Model, p: Checked) -> Mapped:
    """Substitute every nucleotide around start sites and around predicted peaks.

    What is done is kept in the run, and gone on with after an interruption.

    Parameters
    ----------
    run : Run
        Has the model's output on the test part.
    model : Model
        Of any architecture.
    p : Checked
        ``n_mapped``, ``map_first``, ``map_last``, ``block``, ``n_bootstrap``, ``level``, ``seed``.
    """
    genome = run.study.genome
    labels = model.card.train_set
    run.check_test(model.split, run.sites(labels), f"the set {labels}", p.block)
    first, last = _region(model, p)
    labelled = labelled_sites(run, model)
    peaks = saturation.strongest_peaks(run.output(model.name), model.test, len(labelled))

    def around(kind: str, places: pd.DataFrame, known: MutationMap | None = None) -> MutationMap:
        return saturation.saturate(
            model.network,
            genome,
            drawn_places(places, p.n_mapped, p.seed),
            first=first,
            last=last,
            known=known,
            kept=run.file(p.chapter, model.name, f"mutations_{kind}", "npz"),
            made_from=made_from(model.file, genome),
        )

    at_sites = around("sites", labelled)
    at_peaks = around("peaks", peaks, known=at_sites)
    effects = saturation.letter_effects(
        at_sites,
        blocks_of(model, at_sites.sites, p),
        n_bootstrap=p.n_bootstrap,
        level=p.level,
        seed=p.seed,
    )
    said = wording.say_mapped(at_sites, at_peaks, len(labelled), effects, run.study.of.core)
    return Mapped(at_sites, at_peaks, effects, Finding(said, {"dependence_map": effects}))


def _region(model: Model, p: Checked) -> tuple[int, int]:
    """Offsets of the region's ends, as far as the model sees."""
    c = model.config
    check_region(p, c.reach_upstream - c.downstream, c.downstream, model.name, "map")
    first = max(sites.offset_of(p.map_first), c.downstream - c.reach_upstream)
    return first, min(sites.offset_of(p.map_last), c.downstream)


def planted(run: Run, mapped: Mapped, model: Model, p: Checked) -> Finding:
    """Lay the mutation map beside planted elements, on a genome where these are known.

    Parameters
    ----------
    run, mapped, model
    p : Checked
        ``block``, ``n_bootstrap``, ``level``, ``seed``.
    """
    if run.study.elements is None:
        return Finding(wording.NOT_PLANTED)
    found = saturation.element_effects(
        mapped.at_sites,
        run.study.elements,
        blocks_of(model, mapped.at_sites.sites, p),
        n_bootstrap=p.n_bootstrap,
        level=p.level,
        seed=p.seed,
    )
    return Finding(wording.say_planted(found), {"dependence_elements": found})


def labelled_sites(run: Run, model: Model) -> pd.DataFrame:
    """Labelled sites of the model's test part: ``position``, ``strand``."""
    label = sites.site_track(run.sites(model.card.train_set), len(run.study.genome))
    row, place = np.nonzero(label.astype(bool) & model.test)
    return pd.DataFrame({"position": place, "strand": np.array(STRANDS)[row]})


def drawn_places(places: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """``n`` places at random (all of them if 0), those of a smaller ``n`` first."""
    order = np.random.default_rng(seed).permutation(len(places))
    return places.iloc[order[: n or len(places)]].reset_index(drop=True)


def blocks_of(model: Model, places: pd.DataFrame, p: Checked) -> NDArray[np.int64]:
    """Block of the test part that each place lies in, numbered from 0 without gaps."""
    block = bootstrap.blocks(model.test, p.block)[places["position"].to_numpy()]
    return np.unique(block, return_inverse=True)[1].astype(np.int64)


# -------------------------------------------------------------------------------- elements used


class Used(NamedTuple):
    """Elements that the network uses."""

    elements: list[Found]
    table: pd.DataFrame
    """`motif_discovery.worth`, with ``model``."""
    finding: Finding


def used(run: Run, model: Model, mapped: Mapped, p: Checked) -> Used:
    """Find the motifs of the mutation maps, place and name them, and replace them.

    Parameters
    ----------
    run : Run
    model : Model
    mapped : Mapped
    p : Checked
        ``min_seqlets``, ``n_replaced``, ``n_draws``, ``max_q``, ``block``, ``n_bootstrap``,
        ``level``, ``seed``, ``data_dir``.
    """
    genome = run.study.genome
    background = motifs.background(genome)
    every = _together(mapped.at_sites, mapped.at_peaks)
    block = blocks_of(model, every.sites, p)
    patterns = motif_discovery.discover(every, min_seqlets=p.min_seqlets)
    by_place = motif_discovery.known_by_place(
        patterns,
        every,
        _within(named_elements(run.study), every.offset),
        block,
        background=background,
    )
    by_shape = motif_discovery.known_by_shape(
        patterns, _known_motifs(run, background, p), background=background, seed=p.seed
    )
    elements = motif_discovery.elements_used(patterns, every, by_place, by_shape, max_q=p.max_q)
    table = motif_discovery.worth(
        model.network,
        genome,
        elements,
        every,
        block,
        most=p.n_replaced,
        n_draws=p.n_draws,
        composition=motifs.composition(genome.codes),
        n_bootstrap=p.n_bootstrap,
        level=p.level,
        seed=p.seed,
    )
    table.insert(0, "model", model.name)
    said = wording.say_used(table, len(every.sites), p.max_q)
    return Used(elements, table, Finding(said, {"elements_used": table}))


def _together(first: MutationMap, second: MutationMap) -> MutationMap:
    """Both maps as one; a site that is in both counts once."""
    places = pd.concat([first.sites, second.sites], ignore_index=True)
    kept = np.flatnonzero(~places.duplicated(["position", "strand"]))
    whole = MutationMap(
        places,
        first.offset,
        np.concatenate([first.codes, second.codes]),
        np.concatenate([first.change, second.change]),
    )
    return whole.of(kept)


def elements_of(study: StudyInputs) -> tuple[Element, ...]:
    """Elements to ask about: those that were planted, else those that are known."""
    if study.elements is not None:
        return planted_elements(study.elements)
    return study.of.carried


def named_elements(study: StudyInputs) -> list[Element]:
    """Elements by which a motif may be named: those, each by its own letters, and their parts."""
    asked = elements_of(study)
    parts = UP_SUBSITES if asked is PROMOTER_ELEMENTS else ()
    return [one.core for one in (*asked, *parts)]


def _within(elements: list[Element], offset: NDArray[np.int64]) -> list[Element]:
    """Those that can lie in a region."""
    return [
        one
        for one in elements
        if any(
            offset[0] <= place and place + len(one.probabilities) - 1 <= offset[-1]
            for place in one.places
        )
    ]


def _known_motifs(run: Run, background: NDArray[np.floating], p: Checked) -> list[Motif]:
    """RegulonDB's matrices and its sigma factors', or the planted elements'."""
    if not run.study.published:
        return tomtom.element_motifs(named_elements(run.study), seed=p.seed)
    promoters = regulondb.read_promoters(fetch("regulondb_promoters", p.data_dir), run.study.genome)
    return [
        *motifs.read_transfac(fetch("regulondb_matrices", p.data_dir)),
        *tomtom.sigma_motifs(promoters, run.study.genome, background=background),
    ]


# ------------------------------------------------------------------------------- mediated logos


class Through(NamedTuple):
    """What the output learns through each head."""

    logos: Logos
    table: pd.DataFrame
    """`mediated.logo_table`, with ``model``."""
    names: pd.DataFrame
    """A row for each head that carries an element: ``layer``, ``head``, ``name`` and the row of
    `mediated.name_heads`."""
    asked: pd.DataFrame
    """`mediated.name_heads`, all heads and elements."""
    totals: pd.DataFrame
    """`mediated.completeness`."""
    finding: Finding


def through_heads(
    run: Run,
    model: Model,
    elements: Used,
    p: Checked,
    *,
    n_sites: int | None = None,
    n_points: int | None = None,
    carried: pd.DataFrame | None = None,
) -> Through:
    """Attribute what passes through every head, and name the heads by elements at their places.

    Parameters
    ----------
    run : Run
    model : Model
        With attention.
    elements : Used
        Those without a known name are asked for as well.
    p : Checked
        ``n_through``, ``n_points``, ``map_first``, ``map_last``, ``least_carried``, ``max_q``,
        ``block``, ``n_bootstrap``, ``level``, ``seed``.
    n_sites, n_points : int, optional
        In place of ``n_through`` and ``n_points``.
    carried : DataFrame, optional
        Heads that restore elements (`dependence_carriers.Mediated.carriers`), to compare with.
    """
    genome = run.study.genome
    background = motifs.background(genome)
    first, last = _region(model, p)
    labelled = labelled_sites(run, model)
    logos = through.mediated_logos(
        model.annotator,
        genome,
        drawn_places(labelled, p.n_through if n_sites is None else n_sites, p.seed),
        first=first,
        last=last,
        n_steps=p.n_points if n_points is None else n_points,
        composition=motifs.composition(genome.codes),
        kept=run.file(p.chapter, model.name, "through", "npz"),
        made_from=made_from(model.file, genome),
    )
    block = blocks_of(model, logos.sites, p)
    family = _within(
        [
            *named_elements(run.study),
            *(one.as_element(background) for one in elements.elements if not one.by_place),
        ],
        logos.offset,
    )
    asked = through.name_heads(logos, family, block, background=background)
    names = head_names(asked, p.max_q, p.least_carried)
    totals = through.completeness(
        logos, block, n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed
    )
    table = through.logo_table(logos)
    table.insert(0, "model", model.name)
    stem = bool(getattr(model.config, "stem", 0))
    said = wording.say_through(
        logos, names, asked, totals, len(labelled), p.max_q, stem=stem, carried=carried
    )
    results = {"mediated_logos": table, "mediated_names": asked.assign(model=model.name)}
    kept = {"logos": table, "logo_names": names}
    return Through(logos, table, names, asked, totals, Finding(said, results, kept))


def head_names(asked: pd.DataFrame, max_q: float, least: float) -> pd.DataFrame:
    """The element that each head carries, if any: ``layer``, ``head``, ``name`` and its numbers."""
    rows = []
    for _, part in asked.groupby(["layer", "head"]):
        best = naming.named(part, max_q=max_q, least=least)
        if best is not None:
            rows.append(best)
    columns = [
        "layer",
        "head",
        "name",
        *(c for c in asked if c not in ("layer", "head", "element")),
    ]
    return pd.DataFrame(rows, columns=asked.columns).rename(columns={"element": "name"})[columns]


# ------------------------------------------------------------------------------- the first layer


class FirstWords(NamedTuple):
    """Words of the first layer's heads."""

    read: words_of.FirstLayer | None
    """None if the heads stand on convolutions."""
    finding: Finding


def first_layer(run: Run, model: Model) -> FirstWords:
    """Score every 7-mer as a key and as a query of the first layer's heads."""
    if model.annotator.config.stem:
        return FirstWords(None, Finding(wording.say_stem(model.annotator.config)))
    share = words_of.word_shares(run.study.genome, model.config.conv_width)
    read = words_of.read_first_layer(model.annotator.cpu(), share)
    table = read.summary()
    results = {"first_layer": table, "first_layer_words": read.best_words(10)}
    return FirstWords(read, Finding(wording.say_first_layer(table, len(share)), results))


# -------------------------------------------------------------------------------------- factors


class Factors(NamedTuple):
    """Which factors' binding sites the output depends on."""

    table: pd.DataFrame | None
    """`factors.summarise`; None on a genome without known binding sites."""
    by_head: pd.DataFrame | None
    """The same by factor and head, of `CARRIED`."""
    finding: Finding


def factors(run: Run, model: Model, p: Checked) -> Factors:
    """Replace the binding sites of every frequent factor, beside matched controls.

    Three claims of the paper are tested in the same way: ArcA's sites, the word GGAAAT of sigma
    fecI, and position -82.

    Parameters
    ----------
    run : Run
        Has the model's output on the test part.
    model : Model
    p : Checked
        ``min_factor_sites``, ``n_draws``, ``n_controls``, ``n_replaced``, ``max_q``, ``block``,
        ``level``, ``seed``, ``data_dir``.
    """
    if not run.study.published:
        return Factors(None, None, Finding(wording.NO_FACTORS))
    genome = run.study.genome
    known = regulondb.read_binding_sites(fetch("regulondb_interactions", p.data_dir), genome)
    starts = labelled_sites(run, model)
    output = run.output(model.name)[strand_row(starts["strand"]), starts["position"]]
    starts = starts.assign(log_odds=log_odds(output))
    chosen = binding.frequent(known, model.test, fewest=p.min_factor_sites)
    treated = pd.concat(
        [
            binding.in_promoters(chosen, starts, len(genome), first=-150, last=20),
            binding.word_stretches(genome, starts, wording.FECI, "GGAAAT", first=-100, last=-5),
            binding.fixed_stretches(
                drawn_places(starts, 3 * p.n_replaced, p.seed), wording.LAC, first=-85, last=-79
            ),
        ],
        ignore_index=True,
    ).merge(starts, on=["position", "strand"], how="left")
    control = binding.control_stretches(treated, starts, known, len(genome), n=p.n_controls)
    settings = {
        "n_draws": p.n_draws,
        "composition": motifs.composition(genome.codes),
        "seed": p.seed,
    }
    block = blocks_of(model, treated, p)
    changed, matched = (
        replacement.replace(model.network, genome, one, **settings) for one in (treated, control)
    )
    table = binding.summarise(changed, matched, block, level=p.level)
    table.insert(0, "model", model.name)
    by_head = _by_head(model, run, treated, control, block, table, settings, p)
    results = {"factors": table}
    if by_head is not None:
        results["factors_heads"] = by_head
    said = wording.say_factors(table, by_head, p.max_q)
    return Factors(table, by_head, Finding(said, results))


def _by_head(
    model: Model,
    run: Run,
    treated: pd.DataFrame,
    control: pd.DataFrame,
    block: NDArray[np.int64],
    table: pd.DataFrame,
    settings: dict,
    p: Checked,
) -> pd.DataFrame | None:
    """How much of the effect of each factor of `CARRIED` that has one every head mediates."""
    needed = [one for one in table.loc[table["q_value"] <= p.max_q, "factor"] if one in CARRIED]
    if not needed or not hasattr(model.config, "heads"):
        return None
    order = np.random.default_rng(p.seed).permutation(
        np.flatnonzero(treated["factor"].isin(needed))
    )
    number = treated.iloc[order].groupby("factor").cumcount()
    rows = np.sort(order[(number < p.n_carried).to_numpy()])
    first = control.drop_duplicates("treated")  # one control each
    first = first[first["treated"].isin(rows)]
    tables = []
    for places in (treated.iloc[rows], first):
        found = binding.carried(model.annotator, run.study.genome, places, **settings)
        layers, heads = found.shape[1:]
        layer, head = np.indices((layers, heads)).reshape(2, -1) + 1
        tables.append(
            pd.DataFrame(
                {
                    "row": np.repeat(np.arange(len(places)), layers * heads),
                    "layer": np.tile(layer, len(places)),
                    "head": np.tile(head, len(places)),
                    "change": found.ravel(),
                }
            )
        )
    mine, theirs = tables
    mine["factor"] = treated["factor"].to_numpy()[rows][mine["row"]]
    # number the pairs of site and head, so that controls find their own
    place = {int(row): number for number, row in enumerate(rows)}
    theirs["of"] = first["treated"].map(place).to_numpy()[theirs["row"]]
    keys = mine.reset_index().set_index(["row", "layer", "head"])["index"]
    theirs["treated"] = keys.loc[
        list(zip(theirs["of"], theirs["layer"], theirs["head"], strict=True))
    ].to_numpy()
    table = binding.summarise(
        mine, theirs, block[rows][mine["row"]], ("factor", "layer", "head"), level=p.level
    )
    table.insert(0, "model", model.name)
    return table
