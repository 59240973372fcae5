"""Steps of the chapter species: which element is read where, in species that a rule chooses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import species_maps_words as words
from genoattn.data.species import PromoterTable
from genoattn.evaluation.tested import HIGH_GC
from genoattn.genome.sites import offset_of
from genoattn.interventions import placed
from genoattn.interventions.saturation import MutationMap, letter_effects, saturate
from genoattn.model.networks import load_network
from genoattn.model.weights import made_from
from genoattn.prediction.windows import end_to_end
from genoattn.study.parameters import Checked, Parameter, check_region, position
from genoattn.study.report import Finding
from genoattn.study.run import Run

__all__ = ["MAPS", "Mapped", "chosen_sites", "mapped", "telling"]

MAPS: dict[str, Parameter] = {
    "n_mapped": Parameter(int, 40, "sites of a telling species that are mutated", low=4),
    "map_first": Parameter(
        int, -60, "first position that is mutated, the TSS is +1", rule=position
    ),
    "map_last": Parameter(int, 21, "last position that is mutated, the TSS is +1", rule=position),
    "control": Parameter(str, "control", "network without a grammar, read in the same way"),
    "n_control": Parameter(int, 4, "sites of a species that it is asked about", low=4),
}
"""What these steps may be asked."""

_WINDOW = 150
"""Nucleotides upstream of a site that a table may know; a network reads unknown ones beyond."""


def telling(shares: pd.DataFrame, home: str, model: str) -> pd.DataFrame:
    """Choose species whose map may tell why a model fails or does not; no map is looked at.

    Parameters
    ----------
    shares : DataFrame
        A row a species and model: species, lineage, gc (%), in_common, model, share.
    home : str
        The species that the model was trained on, which comes first.
    model : str
        Whose shares count.

    Returns
    -------
    DataFrame
        Columns species, gc, share, why. A species that an earlier rule chose is passed over.
    """
    own = shares[shares["model"] == model].sort_values("species").set_index("species")
    high, low = own["gc"] >= HIGH_GC, own["gc"] < HIGH_GC
    relatives = own["lineage"].str.endswith("proteobacteria")
    rules = (
        (words.HOME, own.index == home, "share", False),
        (words.BEST, own.index != home, "share", False),
        (words.AT_RICH, low, "gc", True),
        (words.OTHER_BOX, low, "in_common", True),
        (words.HIGH_GC_BEST, high & ~relatives, "share", False),
        (words.HIGH_GC_WORST, high, "share", True),
    )
    rows: list[tuple[object, ...]] = []
    for why, among, column, ascending in rules:
        left = own[among & ~own.index.isin([row[0] for row in rows])]
        if len(left):
            best = left.sort_values(column, ascending=ascending, kind="stable").iloc[0]
            rows.append((best.name, best["gc"], best["share"], why))
    return pd.DataFrame(rows, columns=["species", "gc", "share", "why"])


class Mapped(NamedTuple):
    """Mutation maps of the telling species."""

    chosen: pd.DataFrame
    """Of `telling`."""
    letters: pd.DataFrame
    """Columns species, and those of `saturation.letter_effects`, of the model."""
    table: pd.DataFrame
    """Columns model, species, element, n, first, last (as biologists count), first_low, first_high,
    effect, ci_low, ci_high, q, detectable, gain."""
    finding: Finding


def chosen_sites(
    table: PromoterTable, inside: NDArray[np.bool_] | None, n: int, seed: int
) -> NDArray[np.int64]:
    """Draw n sites of a table, all of fewer; those of a smaller n first.

    Parameters
    ----------
    table : PromoterTable
    inside : bool array, shape (L,), optional
        Part of the genome that they must lie in.
    n, seed : int
    """
    rows = np.arange(len(table))
    if inside is not None:
        rows = rows[inside[table.sites["position"].to_numpy()]]
    return np.random.default_rng(seed).permutation(rows)[:n]


def mapped(
    run: Run,
    tables: list[PromoterTable],
    shares: pd.DataFrame,
    home: str,
    test: NDArray[np.bool_],
    p: Checked,
) -> Mapped:
    """Substitute every nucleotide around sites of the telling species, and place the elements.

    What is done is kept in the run, and gone on with after an interruption.

    Parameters
    ----------
    run : Run
    tables : list of PromoterTable
    shares : DataFrame
        See `telling`.
    home : str
        Species that the models were trained on; only sites of its ``test`` part are mutated.
    test : bool array, shape (L,)
    p : Checked
        ``models`` (the first is asked), and `MAPS`, ``block``, ``n_bootstrap``, ``level``,
        ``seed``, ``accelerator``.
    """
    chosen = telling(shares, home, p.models[0])
    named = {one.species: one for one in tables}
    found, letters, places = [], [], []
    for model, most in ((p.models[0], p.n_mapped), (p.control, p.n_control)):
        for species in chosen["species"]:
            sites = named[species]
            rows = chosen_sites(sites, test if species == home else None, most, p.seed)
            one = _map(run, sites, rows, model, p)
            block = np.unique(
                sites.sites["position"].to_numpy()[rows] // p.block, return_inverse=True
            )[1].astype(np.int64)
            settings = {"n_bootstrap": p.n_bootstrap, "level": p.level, "seed": p.seed}
            own = placed.readings(one, block, **settings)
            found.append(own.table.assign(model=model, species=species))
            places.append(own.places.assign(model=model, species=species))
            if model == p.models[0]:
                letters.append(letter_effects(one, block, **settings).assign(species=species))
    effects = placed.place_table(pd.concat(found), p.level)
    keys = ["model", "species", "element"]
    effects = effects.merge(pd.concat(places), on=keys)
    table = _short(effects)
    said = words.say_maps(table, chosen, p.models[0], p.control, p.level)
    every = pd.concat(letters, ignore_index=True)
    return Mapped(chosen, every, table, Finding(said, {"maps": table}))


def _map(
    run: Run, table: PromoterTable, rows: NDArray[np.int64], model: str, p: Checked
) -> MutationMap:
    """The mutation map of some sites of a table by one model, kept in the run."""
    file = run.weights(model)
    network = load_network(file, p.accelerator)
    c = network.config
    check_region(p, c.reach_upstream - c.downstream, c.downstream, model, "map")
    first, last = offset_of(p.map_first), offset_of(p.map_last)
    before = max(_WINDOW, c.reach_upstream - c.downstream)
    codes = table.around(range(-before, c.downstream + c.reach_downstream + 1))[rows]
    genome, sites = end_to_end(codes, before)
    return saturate(
        network,
        genome,
        sites,
        first=first,
        last=last,
        kept=run.file(p.chapter, f"{table.accession}_{model}", "mutations", "npz"),
        made_from=made_from(file, genome),
        progress=False,
    )


def _short(effects: pd.DataFrame) -> pd.DataFrame:
    """The table of results: few columns, few digits."""
    places = ["first", "last", "first_low", "first_high"]
    numbers = ["effect", "ci_low", "ci_high", "q", "detectable", "gain"]
    table = effects.rename(columns={"n_sites": "n", "q_value": "q"})
    table[places] = table[places].round().astype(int)
    table[numbers] = table[numbers].round(4)
    return table[["model", "species", "element", "n", *places, *numbers]]
