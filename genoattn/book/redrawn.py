"""Figures of the study drawn anew from its committed results; reads ``book/results/``.

A figure has a maker here if its numbers are among the aggregates that are committed. Whether it
says the same as the page that shows it, `genoattn.book.figures` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from genoattn.book.landing import MAX_Q, Results
from genoattn.chapters.dependence_circuits import measures_of
from genoattn.chapters.dependence_reading import head_names
from genoattn.data.curation import Merging
from genoattn.evaluation.seeds import over_seeds
from genoattn.heads.preferred import BestSequences, read_counts
from genoattn.interventions import carriers, recovery
from genoattn.model import attention
from genoattn.model.card import Card
from genoattn.model.training import PAPER_LENGTH
from genoattn.model.weights import WEIGHTS
from genoattn.plots import (
    adapt,
    atlas,
    curation,
    dependence,
    engine,
    gene_starts,
    heads,
    networks,
    output,
    reading,
    species,
    training,
)
from genoattn.plots.drawn import Drawn, Nothing
from genoattn.plots.landing import BOXES
from genoattn.prediction import benchmark
from genoattn.study.tasks import TASKS, Task

__all__ = ["BESIDE", "MAKERS", "Maker", "first_and_seeds"]


Maker = Callable[[Results], Drawn | Nothing | None]

_CRITERIA = carriers.Criteria(n_bootstrap=0, level=0.95, seed=0, least=0.05, max_q=MAX_Q)


def first_and_seeds(names: pd.Series, first: str) -> list[str]:
    """The models of one recipe: the first, and those that are called after it and a seed."""
    return [one for one in names.unique() if re.fullmatch(rf"{re.escape(first)}(-s\d+)?", one)]


def _without_paper(readings: pd.DataFrame) -> pd.DataFrame:
    """The interpretations, without the paper's own counts, which the figure has of its own."""
    return readings[readings["rule"] != "paper"]


def _task(results: Results) -> Task:
    """What the sites of a folder of results are."""
    return TASKS["tis" if results.folder.name == "tis" else "tss"]


def _card(results: Results) -> Card:
    """The card of the model that a folder of results is about."""
    name = "tis" if results.folder.name == "tis" else results.weights
    return Card.read(WEIGHTS / f"{name}.safetensors")


def _baseline(results: Results) -> float:
    """Median output of the whole test part."""
    return float(results.table("regions", "region", "median")["median"].iloc[0])


def _opposite(results: Results) -> Drawn | None:
    """The output opposite start sites; the thirds by mirror score come after the groups."""
    found = results.table("output_antisense", "site_class")
    third = found["site_class"].str.contains("third")
    return output.antisense(found[~third], found[third], _baseline(results), 60)


def _support(results: Results) -> Drawn | None:
    found = results.table("output_support", "of")
    return output.support(found[found["of"] == "novel sites"])


# ------------------------------------------------------------------------------------- training


def _exact(results: Results) -> pd.DataFrame:
    """Scores at exact positions."""
    found = results.table("performance", "resolution", "model", "train_set", "test_set")
    found = found[found["resolution"].astype(str) == "1"]
    return found.assign(resolution=1)


def _performance(results: Results) -> Drawn:
    exact = _exact(results)
    sets = set(exact["train_set"]) & set(exact["test_set"])
    exact = exact[exact["test_set"].isin(sets) & exact["train_set"].isin(sets)]
    baselines = {
        "scanner": exact[exact["model"] == "scanner"],
        "convolutional": exact[
            exact["model"].isin(first_and_seeds(exact["model"], "convolutional"))
        ],
    }
    own = [_own(rows, str(name)) for name, rows in exact.groupby("train_set", sort=False)]
    return training.performance(
        over_seeds(
            exact, {name: first_and_seeds(exact["model"], name) for name in own if name is not None}
        ),
        {name: rows for name, rows in baselines.items() if len(rows)},
    )


def _own(rows: pd.DataFrame, train_set: str) -> str | None:
    """The model that stands for a training set: the one of its name, else the only one."""
    names = [one for one in rows["model"].unique() if one not in ("scanner", "convolutional")]
    return train_set if train_set in names else names[0] if len(names) == 1 else None


def _seeds(results: Results) -> Drawn | None:
    exact = _exact(results)
    compared = results.table(
        "attention_or_dilations", "with_attention", "with_dilations", "test_set"
    )
    recipes = {"attention": "with_attention", "dilations": "with_dilations"}
    dots = [
        exact[
            exact["model"].isin(first_and_seeds(exact["model"], compared[column].iloc[0]))
        ].assign(kind=kind)
        for kind, column in recipes.items()
    ]
    whole = pd.concat(dots, ignore_index=True)
    return training.seeds(whole[whole["test_set"].isin(compared["test_set"])])


# ----------------------------------------------------------------------------------- dependence


def _explained(results: Results, name: str) -> pd.DataFrame:
    """Rows of a table that are about the model that the chapter explains, which come first."""
    found = results.table(name)
    return found[found["model"] == found["model"].iloc[0]] if "model" in found else found


def _asked(results: Results) -> pd.DataFrame:
    """Shares that come back with single heads."""
    return _explained(results, "mediation").fillna({"control": ""})


def _carrier_map(results: Results) -> Drawn:
    shares = _asked(results)
    effects = _explained(results, "mediation_effects").fillna({"control": ""})
    return dependence.carrier_map(shares, carriers.carried(shares, _CRITERIA), effects)


def _spacer_curve(results: Results) -> Drawn:
    carried = carriers.carried(_asked(results), _CRITERIA)
    spacers = results.table("mediation_spacers", "upstream")
    top = carried[carried["element"] == spacers["upstream"].iloc[0]].iloc[0]
    return dependence.spacer_curve(spacers, f"L{int(top['layer'])} H{int(top['head'])}")


def _mediated_grid(results: Results) -> Drawn:
    names = head_names(_explained(results, "mediated_names"), MAX_Q, _CRITERIA.least)
    return reading.mediated_grid(_explained(results, "mediated_logos"), names)


def _ranks(results: Results) -> Drawn | Nothing:
    """Attention's measures beside what contrast loses without the head."""
    agreement = results.table("dependence_ranks", "importance")
    whole = results.table("ablation_whole", "delta_contrast")
    whole = whole.sort_values(["layer_1based", "head_1based"], ignore_index=True)
    table = whole[["layer_1based", "head_1based"]].assign(
        loss=-whole["delta_contrast"], **measures_of(results.table("heads_profiles"))
    )
    return dependence.attention_and_ablation(
        table, agreement[agreement["importance"] == "contrast"]
    )


def _stem_logos(results: Results) -> Drawn | Nothing:
    """The network whose heads stand on a stem: the last of the logos' table."""
    logos, names = results.table("mediated_logos"), results.table("mediated_names")
    other = logos["model"].iloc[-1]
    return networks.stem_logos(
        logos[logos["model"] == other],
        head_names(names[names["model"] == other], MAX_Q, _CRITERIA.least),
    )


# --------------------------------------------------------------------------------------- heads


def _profiles(*columns: str) -> Maker:
    """A maker of lines near the start site."""
    return lambda r: heads.promoter_profiles(r.table("heads_profiles"), columns)


def _motifs(results: Results, name: str = "heads_logos") -> tuple[BestSequences, np.ndarray]:
    """Motifs of all heads, and the background that they are drawn against."""
    background = results.table("heads_background", *"ACGT").iloc[0].to_numpy(dtype=float)
    return read_counts(results.table(name, "offset")), background


def _table(results: Results) -> pd.DataFrame:
    """The table of all heads, as the chapter on heads has it."""
    found = results.table("heads_table", "layer", "head", "role")
    return found.rename(columns={"layer": "layer_1based", "head": "head_1based"})


def _roles(results: Results) -> pd.DataFrame:
    return _table(results).dropna(subset="role")


def _logo_grid(results: Results) -> Drawn:
    return heads.logo_grid(*_motifs(results), _roles(results))


def _for_slide(drawn: Drawn) -> Drawn:
    """The page of figures shows it beside the one that it stands for: it says which it is."""
    return replace(drawn, alt=f"{drawn.alt} As broad as a slide.")


def _wide_map(results: Results) -> Drawn:
    """Where the heads look, as broad as a slide."""
    return _for_slide(heads.attention_map(results.table("heads_profiles"), "maximum", slide=True))


def _wide_profiles(results: Results) -> Drawn:
    """The same heads close to the start site, as broad as a slide."""
    profiles = results.table("heads_profiles")
    return _for_slide(heads.promoter_profiles(profiles, ("census_mean",), slide=True))


def _candidates(results: Results) -> Drawn:
    """The heads that look at the −10 box, for a vote: no role is written beside them."""
    best, background = _motifs(results)
    (region,) = [ends for name, *ends in BOXES if name == "−10 box"]
    return heads.candidates(best, (region[0], region[1]), background)


def _examples(results: Results) -> Drawn:
    found = results.table("heads_elements", "element", "best_head", "verdict")
    best, background = _motifs(results)
    return heads.examples(
        found.fillna({"best_head": ""}).set_index("element"),
        results.table("heads_profiles"),
        best,
        _task(results).looked_for,
        background,
    )


def _peaks(results: Results) -> Drawn:
    return heads.peaks_and_elements(_table(results), _task(results).looked_for, _roles(results))


def _cards(layer: int) -> Maker:
    """A maker of the cards of one layer."""

    def made(results: Results) -> Drawn:
        found = results.table("heads", "layer").query("layer == @layer")
        mine = found.fillna({"role": "", "carries": "", "mediated_name": "", "best_motif": ""})
        profiles, logos = results.table("heads_profiles"), _explained(results, "mediated_logos")
        return atlas.cards(mine, profiles, logos, [""] * len(mine)).figures[layer]

    return made


# ------------------------------------------------------------------------------ species, engine


def _site_odds(results: Results) -> Drawn | None:
    sites = results.table("heads_sites", "kind", "name")
    return heads.site_odds(sites[(sites["kind"] == "binding site") & (sites["name"] == "any")])


def _localised(results: Results) -> pd.DataFrame:
    """Rows of the usual reach, at the widest distance that still counts."""
    found = results.table("localisation", "within", "reach")
    return found[
        (found["within"] == found["within"].max()) & (found["reach"] == found["reach"].min())
    ]


def _own_curve(results: Results) -> Drawn:
    curve = results.table("adaptation", "species")
    return adapt.learning_curve(curve[curve["species"] == curve["species"].iloc[0]])


def _blocks(results: Results) -> Drawn:
    window = int(_card(results).config["window"])
    return engine.blocks(window, min(attention.BLOCK["cpu"], window))


def _start_logo(results: Results) -> Drawn:
    letters = results.table("gene_starts_letters", "offset", *"ACGT")
    return gene_starts.start_logo(letters[list("ACGT")].to_numpy(), int(letters["offset"].iloc[0]))


def _bench(results: Results) -> pd.DataFrame:
    return benchmark.read_tables(results.folder.parent)[0]


def _growth(results: Results) -> Drawn | None:
    bench = _bench(results)
    return engine.growth(bench[bench["what"] == "growth"].sort_values(["device", "positions"]))


MAKERS: dict[str, Maker] = {
    "00-gene-starts-start-codons": lambda r: gene_starts.start_codons(r.table("gene_starts_audit")),
    "00-gene-starts-start-logo": _start_logo,
    "01-curation-offset-audit": lambda r: curation.offset_audit(r.table("curation_audit")),
    "01-curation-venn": lambda r: curation.venn(r.table("curation_regions")),
    "01-curation-upset": lambda r: curation.upset(r.table("curation_regions")),
    "01-curation-exact-shares": lambda r: curation.exact_shares(r.table("curation_exact")),
    "01-curation-shifts": lambda r: curation.shifts(r.table("curation_shifts")),
    "01-curation-interpretations": lambda r: curation.interpretations(
        _without_paper(r.table("curation_readings")), Merging()
    ),
    "01-curation-window-sensitivity": lambda r: curation.window_sensitivity(
        r.table("curation_windows"), Merging()
    ),
    "01-curation-recovery": lambda r: curation.recovery(r.table("curation_recovery")),
    "02-training-learning-curve": lambda r: training.learning_curve(_card(r).rounds(PAPER_LENGTH)),
    "02-training-performance": _performance,
    "02-training-labels": lambda r: training.labels(r.table("labels")),
    "02-training-seeds": _seeds,
    "02-training-matching": lambda r: training.matching(r.table("matching")),
    "02-training-recall": lambda r: training.recall(r.table("recall_by")),
    "02-training-false-calls": lambda r: training.false_calls(
        r.table("false_calls"), r.table("false_calls_places")
    ),
    "02-training-ablation": lambda r: training.ablation(r.table("ablation")),
    "03-heads-sample-and-census": lambda r: heads.sample_and_census(r.table("heads_profiles")),
    "03-heads-attention-map": lambda r: heads.attention_map(r.table("heads_profiles"), "maximum"),
    "03-heads-promoter-profiles": _profiles("census_mean"),
    "03-heads-promoter-profiles-2": _profiles("maximum"),
    "03-heads-promoter-profiles-3": _profiles("highest", "lowest", "mean"),
    "03-heads-logo-grid": lambda r: heads.logo_grid(*_motifs(r, "heads_logos_sampled")),
    "03-heads-logo-grid-2": _logo_grid,
    "03-heads-examples": _examples,
    "03-heads-peaks-and-elements": _peaks,
    "03-heads-correlation-map": lambda r: heads.correlation_map(r.table("heads_profiles")),
    "03-heads-match-calibration": lambda r: heads.match_calibration(r.table("heads_calibration")),
    "03-heads-site-odds": _site_odds,
    "04-output-site-profiles": lambda r: output.site_profiles(r.table("profiles"), _baseline(r)),
    "04-output-site-profiles-2": lambda r: output.site_profiles(
        r.table("profiles"), _baseline(r), 60
    ),
    "04-output-antisense": _opposite,
    "04-output-frames": lambda r: output.frames(r.table("output_frames")),
    "04-output-shifts": lambda r: output.shifts(r.table("output_shifts")),
    "04-output-support": _support,
    "06-dependence-mutation-map": lambda r: reading.mutation_map(
        r.table("dependence_map"), _explained(r, "elements_used")
    ),
    "06-dependence-carrier-map": _carrier_map,
    "06-dependence-head-set-curves": lambda r: dependence.head_set_curves(
        r.table("mediation_sets")
    ),
    "06-dependence-spacer-curve": _spacer_curve,
    "06-dependence-mediated-grid": _mediated_grid,
    "06-dependence-codon-bars": lambda r: reading.codon_bars(r.table("start_codons")),
    "06-dependence-stop-bars": lambda r: reading.stop_bars(r.table("stop_codons")),
    "06-dependence-element-effects": lambda r: networks.element_effects(
        r.table("networks_effects")
    ),
    "06-dependence-map-agreement": lambda r: networks.map_agreement(
        r.table("networks_agreement"), r.table("networks_effects")["model"].iloc[0]
    ),
    "06-dependence-ways-past-heads": lambda r: networks.ways_past_heads(r.table("networks_paths")),
    "06-dependence-stem-logos": _stem_logos,
    "06-dependence-attention-and-ablation": _ranks,
    "06-dependence-factor-forest": lambda r: reading.factor_forest(r.table("factors"), MAX_Q),
    "06-dependence-ablation-effects": lambda r: dependence.ablation_effects(
        r.table("ablation_whole")
    ),
    "06-dependence-interaction-map": lambda r: dependence.interaction_map(
        r.table("dependence_pairs")
    ),
    "06-dependence-circuit-curve": lambda r: dependence.circuit_curve(r.table("circuits")),
    **{
        f"07-atlas-cards{'' if layer == 1 else f'-{layer}'}": _cards(layer) for layer in range(1, 7)
    },
    "07-atlas-recovery": lambda r: atlas.recovery(
        recovery.read(r.folder.parent / "demo/recovery.csv").recovered
    ),
    "08-engine-blocks": _blocks,
    "08-engine-rates": lambda r: engine.rates((bench := _bench(r))[bench["what"] != "growth"]),
    "08-engine-profile": lambda r: engine.profile(benchmark.read_tables(r.folder.parent)[1]),
    "08-engine-growth": _growth,
    "09-species-shares-by-species": lambda r: species.shares_by_species(_localised(r)),
    "09-species-shares-by-gc": lambda r: species.shares_by_gc(_localised(r)),
    "09-species-whole-genomes": lambda r: species.whole_genomes(r.table("whole_genome")),
    "10-adapt-learning-curve": _own_curve,
}
"""Page and function, as the figure's name has them after its part of the book -> maker."""

BESIDE: dict[str, tuple[str, Maker]] = {
    "study-03-heads-attention-map": ("slides-attention-map", _wide_map),
    "study-03-heads-promoter-profiles": ("slides-promoter-profiles", _wide_profiles),
    "study-03-heads-logo-grid-2": ("slides-candidates", _candidates),
}
"""Figure of a page -> name and maker of one that slides show in its place."""
