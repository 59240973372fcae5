"""The chapter species: E. coli's models on other bacteria, models of many; parameters, steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import species_maps
from genoattn.chapters import species_words as words
from genoattn.chapters.species_maps import MAPS, Mapped
from genoattn.chapters.species_maps_words import say_boxes
from genoattn.data.species import (
    AUDITED_OFFSETS,
    WHOLE_GENOMES,
    PromoterTable,
    in_common,
    purine_shares,
    read_promoter_tables,
    read_whole_genome,
    why_apart,
)
from genoattn.data.species_files import species_folder
from genoattn.evaluation import localisation
from genoattn.evaluation.bootstrap import MOST_REPLICATES, Resampling
from genoattn.evaluation.scores import compare_resolutions
from genoattn.evaluation.statistics import holm_corrected
from genoattn.evaluation.tested import summary
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import distance_to_next, site_track
from genoattn.model import scanner
from genoattn.model.card import Card
from genoattn.model.networks import load_network
from genoattn.model.scanner import PromoterScanner
from genoattn.model.weights import WeightsError, find_prior, weights_sha256
from genoattn.prediction.ensemble import GenePrior, gene_starts, mean_log_odds
from genoattn.prediction.windows import output_in_windows
from genoattn.study.parameters import FOLDERS, Checked, Parameter, Schema, filled
from genoattn.study.report import Finding
from genoattn.study.run import Run
from genoattn.study.species import ECOLI, ECOLI_LINEAGE
from genoattn.study.train import held_out_lineages

__all__ = [
    "PARAMETERS",
    "Advised",
    "Followed",
    "Located",
    "Mapped",
    "Opened",
    "Peered",
    "Scored",
    "advised",
    "followed",
    "in_short",
    "judged",
    "located",
    "mapped",
    "opened",
    "peered",
    "scored",
]

PARAMETERS = Schema(
    "09_species",
    {
        **FOLDERS,
        "ecoli_dir": Parameter(
            str, "runs/ecoli", "folder of the run of E. coli, for its sites and its test part"
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the tables of the species; None: in GENOATTN_DATA, or downloaded",
            optional=True,
        ),
        "models": Parameter(
            list[str],
            ["annotator", "convolutional"],
            "trained on E. coli alone; the first is the reference",
            sizes=(1, None),
            unique=True,
            rule=filled,
        ),
        "priors": Parameter(
            list[str],
            ["annotator-and-genes"],
            "those that find genes too, on whole genomes",
            unique=True,
            rule=filled,
        ),
        "families": Parameter(
            list[str],
            ["bacteria", "bacteria-convolutional"],
            "<family>-<fold> has not seen a fold",
            unique=True,
            rule=filled,
        ),
        "folds": Parameter(
            list[str],
            ["campylobacterota", "firmicutes", "chlamydiota", "gammaproteobacteria", "high-gc"],
            "folds",
            unique=True,
            rule=filled,
        ),
        "peers": Parameter(
            list[str],
            [],
            "outputs of other predictors on E. coli, <name>.npy each of shape (2, L)",
            unique=True,
            rule=filled,
        ),
        "n_sites": Parameter(int, 300, "most sites of a species that are localised", low=10),
        "reach": Parameter(int, 50, "nucleotides on each side of a site that are looked at", low=5),
        "wide": Parameter(int, 200, "the same where the whole genome is known", low=5),
        "within": Parameter(
            list[int], [0, 5], "how near to the site the highest output may lie, nt", low=0
        ),
        **MAPS,
        "most": Parameter(
            int, 0, "nt of each genome, from its middle on, that are scored; 0: all", low=0
        ),
        "block": Parameter(int, 10000, "length of the resampled blocks of a genome, nt", low=100),
        "n_bootstrap": Parameter(
            int, 1000, "resamples, for intervals", low=20, high=MOST_REPLICATES
        ),
        "level": Parameter(float, 0.95, "coverage of intervals", low=0.5, high=0.999),
        "accelerator": Parameter(str, "auto", "cpu, gpu or auto", choices=("cpu", "gpu", "auto")),
        "seed": Parameter(int, 1, "seed of samples and resampling", low=0),
    },
)
"""What this chapter may be asked."""

SCANNER = "scanner"
Around = Callable[[NDArray[np.int64]], NDArray[np.uint8]]
"""Gives the codes at offsets from some sites, as `output_in_windows` takes it."""

_SAME = 0.99  # share of letters that tell that a table's positions count along a genome

# ------------------------------------------------------------------- the species, the models


class Ecoli(NamedTuple):
    """What is needed of *E. coli*: its genome, its sites and the part that no model saw."""

    genome: Genome
    sites: pd.DataFrame
    test: NDArray[np.bool_]


class Opened(NamedTuple):
    """Tables and models; nothing is looked at where ``why_not`` says why."""

    why_not: str
    folder: Path
    tables: list[PromoterTable]
    """Those that the audit lets through."""
    audit: pd.DataFrame
    """Columns species, lineage, accession, gc (%), n, purine_share, apart (why, or empty)."""
    ecoli: Ecoli | None
    scanner: PromoterScanner | None
    families: dict[str, dict[str, Path]]
    """Family -> lineage -> weights that have not seen it."""
    finding: Finding


def opened(run: Run, p: Checked) -> Opened:
    """Read and audit the tables, and find the models; without data, say so."""
    try:
        ecoli = _ecoli(Path(p.ecoli_dir))
        folder = species_folder(p.data_dir)
        tables = read_promoter_tables(folder)
    except FileNotFoundError as error:
        why_not = str(error)
        empty = pd.DataFrame(columns=["species"])
        said = words.say_absent(why_not)
        return Opened(why_not, Path(), [], empty, None, None, {}, Finding(said))
    audit = pd.DataFrame([_audited(table) for table in tables])
    used = [one for one, why in zip(tables, audit["apart"], strict=True) if not why]
    train = Card.read(run.weights(p.models[0])).split(len(ecoli.genome)).mask("train")
    fitted = scanner.fit(ecoli.genome, ecoli.sites, train)
    families, lacking = _families(run, p)
    said = words.say_audit(audit) + words.say_models(families, lacking)
    return Opened("", folder, used, audit, ecoli, fitted, families, Finding(said))


def _ecoli(folder: Path) -> Ecoli:
    """Read the run of *E. coli*."""
    ecoli = Run(folder)
    genome = ecoli.study.genome
    return Ecoli(genome, ecoli.curated, Card.read("curated").split(len(genome)).mask("test"))


def _audited(table: PromoterTable) -> dict[str, object]:
    """What the audit says of a table."""
    shares = purine_shares(table.around(AUDITED_OFFSETS))
    return {
        "species": table.species,
        "lineage": table.lineage,
        "accession": table.accession,
        "gc": 100 * table.gc,
        "n": len(table),
        "purine_share": float(shares[AUDITED_OFFSETS.index(0)]),
        "apart": why_apart(shares) or "",
    }


def _families(run: Run, p: Checked) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """Weights by family and lineage, and the names of those that are not there."""
    found: dict[str, dict[str, Path]] = {}
    lacking = []
    for family in p.families:
        for fold in p.folds:
            name = f"{family}-{fold}"
            if not run.has_weights(name):
                lacking.append(name)
                continue
            file = run.weights(name)
            for lineage in held_out_lineages(Card.read(file).train_set):
                found.setdefault(family, {})[lineage] = file
    return found, lacking


def _models(given: Opened, run: Run, p: Checked, lineage: str) -> dict[str, Path]:
    """Weights that may be asked about a lineage: those that have not seen it.

    What was trained on *E. coli* may be asked about its test part.
    """
    own = {name: run.weights(name) for name in p.models}
    many = {family: of[lineage] for family, of in given.families.items() if lineage in of}
    return own | many


# ------------------------------------------------------------------------------- localisation


class Located(NamedTuple):
    """Shares of localised sites by species and model."""

    shares: pd.DataFrame
    """Columns species, lineage, accession, gc, n, purine_share, in_common, reach, model, within,
    share, ci_low, ci_high."""
    tests: pd.DataFrame
    """Columns species and those of `localisation.compare_localised`, p corrected for all rows."""
    finding: Finding


def located(run: Run, given: Opened, p: Checked) -> Located:
    """Find the highest output around the sites of every species, by every model."""
    if given.why_not:
        return Located(pd.DataFrame(), pd.DataFrame(), Finding())
    rng = np.random.default_rng(p.seed)
    reference = next(one for one in given.tables if one.species == ECOLI)
    facts = given.audit.set_index("species").drop(columns=["apart", "n"])
    shares, tests = [], []
    for table in given.tables:
        chosen = _sample(table, given, p.n_sites, rng)
        if not len(chosen):
            continue
        common = in_common(table.boxes, reference.boxes)
        named = {str(name): value for name, value in facts.loc[table.species].items()}
        for reach, around in _readers(table, chosen, given, p).items():
            offsets = _offsets(run, given, p, table, around, reach)
            own = localisation.localised(offsets, p.within, p.level)
            shares.append(own.assign(species=table.species, **named, in_common=common, reach=reach))
            if reach == p.reach:
                pairs = localisation.compare_localised(offsets, p.models[0], max(p.within))
                tests.append(pairs.assign(species=table.species))
    found = pd.concat(shares, ignore_index=True)[
        [
            *("species", "lineage", "accession", "gc", "n", "purine_share", "in_common"),
            *("reach", "model", "within", "share", "ci_low", "ci_high"),
        ]
    ]
    tested = holm_corrected(pd.concat(tests, ignore_index=True), "p")
    said = words.say_located(found, tested, p.models[0], p.reach, max(p.within))
    said += words.say_wide(found, p.models[0], p.reach, p.wide, max(p.within))
    return Located(found, tested, Finding(said, {"localisation": found, "tests": tested}))


def _sample(
    table: PromoterTable, given: Opened, most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Sites of a table that are looked at; of *E. coli* those of its test part."""
    chosen = np.arange(len(table))
    if table.species == ECOLI and given.ecoli is not None:
        chosen = chosen[given.ecoli.test[table.sites["position"].to_numpy()]]
    if len(chosen) > most:
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    return chosen


def _readers(
    table: PromoterTable, chosen: NDArray[np.int64], given: Opened, p: Checked
) -> dict[int, Around]:
    """What gives the sequence around the chosen sites, by how far it reaches.

    The whole genome does so too, if it is known and the table's positions count along it.
    """
    readers: dict[int, Around] = {p.reach: lambda offsets: table.around(offsets.tolist())[chosen]}
    genome = _genome(table, given)
    if genome is not None:
        sites = table.sites.iloc[chosen]
        whole = partial(genome.around, sites["position"].to_numpy(), sites["strand"].to_numpy())
        near = np.arange(-10, 11)
        if (whole(near) == readers[p.reach](near)).mean() > _SAME:
            readers[p.wide] = whole
    return readers


def _genome(table: PromoterTable, given: Opened) -> Genome | None:
    """Return the genome of a species, where it is known."""
    if table.species == ECOLI and given.ecoli is not None:
        return given.ecoli.genome
    for one in WHOLE_GENOMES:
        if one.species == table.species:
            return read_whole_genome(one, given.folder)[0]
    return None


def _offsets(
    run: Run, given: Opened, p: Checked, table: PromoterTable, around: Around, reach: int
) -> dict[str, NDArray[np.int64]]:
    """Offset of the highest output of every model from every site, kept in the run."""
    assert given.scanner is not None
    scanned = output_in_windows(given.scanner, around, reach)
    found = {SCANNER: localisation.highest_offset(scanned)}
    seen = hashlib.sha256(around(np.arange(-reach, reach + 1)).tobytes()).hexdigest()
    for name, file in _models(given, run, p, table.lineage).items():
        kept = run.once(
            "09_species",
            f"{table.accession}_{name}",
            f"offsets_{reach}",
            {
                "weights": weights_sha256(file),
                "windows": seen,
            },
            partial(_read, file, around, reach, p.accelerator),
        )
        found[name] = kept["offset"]
    return found


def _read(file: Path, around: Around, reach: int, accelerator: str) -> dict[str, NDArray[np.int64]]:
    """Read windows by one model: the offsets of its highest output."""
    output = output_in_windows(load_network(file, accelerator), around, reach)
    return {"offset": localisation.highest_offset(output)}


class Followed(NamedTuple):
    """What the shares of species follow."""

    shares: pd.DataFrame
    """A row a species and model, of the widest ``within``."""
    properties: pd.DataFrame
    """Of `localisation.explained_by`."""
    lineages: pd.DataFrame
    """Of `localisation.explained_by_groups`."""
    finding: Finding


def followed(found: Located, p: Checked) -> Followed:
    """Compare the shares with GC content, with the −10 element, and between lineages."""
    if found.shares.empty:
        return Followed(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), Finding())
    table = found.shares
    one = table[(table["within"] == max(p.within)) & (table["reach"] == p.reach)]
    properties = localisation.explained_by(
        one, ["gc", "in_common"], n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed
    )
    lineages = localisation.explained_by_groups(one, "lineage", seed=p.seed)
    said = words.say_followed(properties, lineages)
    results = {"properties": properties, "lineages": lineages}
    return Followed(one, properties, lineages, Finding(said, results))


def mapped(run: Run, given: Opened, follows: Followed, p: Checked) -> Mapped:
    """Map what the first model reads in species that tell why it fails, or does not."""
    if given.ecoli is None:
        empty = pd.DataFrame()
        return Mapped(empty, empty, empty, Finding())
    return species_maps.mapped(run, given.tables, follows.shares, ECOLI, given.ecoli.test, p)


# ------------------------------------------------------------------------------- whole genomes


class Scored(NamedTuple):
    """Scores on whole genomes."""

    table: pd.DataFrame
    """Columns species, and those of `genoattn.evaluation.scores.compare_resolutions`; p, of the
    exact PR AUC alone, is corrected for all genomes and models."""
    finding: Finding


def scored(run: Run, given: Opened, places: Located, p: Checked) -> Scored:
    """Score every position of the genomes whose start sites are all known, and E. coli's test."""
    if given.why_not or given.ecoli is None:
        return Scored(pd.DataFrame(), Finding())
    used = {table.species for table in given.tables}
    tables = []
    for one in WHOLE_GENOMES:
        if one.species not in used:
            continue
        genome, sites = read_whole_genome(one, given.folder)
        where = scored_part(genome, p.most)
        table = _scores(run, given, p, one.lineage, genome, sites, where)
        tables.append(table.assign(species=one.species))
    genome, sites, where = given.ecoli
    everything = {f"{one} (all)": run.weights(one) for one in p.families if run.has_weights(one)}
    home = _scores(run, given, p, ECOLI_LINEAGE, genome, sites, where, everything)
    tables.append(home.assign(species=ECOLI))
    found = pd.concat(tables, ignore_index=True)
    exact = (found["metric"] == "pr_auc") & (found["resolution"] == 1)
    compared = exact & (found["model"] != p.models[0])
    found.loc[~compared, "p"] = np.nan
    found.loc[compared, "p"] = holm_corrected(found[compared], "p")["p"]
    found = found[["species", *[name for name in found if name != "species"]]]
    said = words.say_scored(found, p.models[0], p.most)
    models = [SCANNER, *p.models, *p.priors]
    tested = summary(places.shares, found, models, max(p.within), p.reach)
    return Scored(found, Finding(said, {"whole_genome": found, "tested": tested}))


def scored_part(genome: Genome, most: int) -> NDArray[np.bool_]:
    """Forward positions, shape (L,), that are scored: ``most`` from the middle on; 0: all."""
    where = np.zeros(len(genome), dtype=bool)
    first = len(genome) // 2 if most else 0
    where[first : first + most if most else len(genome)] = True
    return where


def _scores(
    run: Run,
    given: Opened,
    p: Checked,
    lineage: str,
    genome: Genome,
    sites: pd.DataFrame,
    where: NDArray[np.bool_],
    further: Mapping[str, Path] = MappingProxyType({}),
) -> pd.DataFrame:
    """Scores of every model that may be asked about a genome, and of further ones."""
    assert given.scanner is not None
    resampling = Resampling.of(where, p.block, p.n_bootstrap, p.seed)
    outputs: dict[str, NDArray[np.float32]] = {}
    for name, file in {**_models(given, run, p, lineage), **further}.items():
        outputs[name] = run.predict_elsewhere(file, genome, where, p.accelerator, progress=False)
    starts = gene_starts([genome])[genome.name] if p.priors else None
    for name in p.priors:
        assert starts is not None
        outputs[name] = _with_genes(run, name, genome, starts, where, p)
    outputs[SCANNER] = scanner.scan(given.scanner, genome, where)
    label = site_track(sites, len(genome))
    return compare_resolutions(outputs, label, where, resampling, p.models[0], (1, 10))


def _with_genes(
    run: Run,
    name: str,
    genome: Genome,
    starts: pd.DataFrame,
    where: NDArray[np.bool_],
    p: Checked,
) -> NDArray[np.float32]:
    """Output of a gene prior's networks and of the genes, as `genoattn.annotate` joins them."""
    file, prior = _prior(run, name)
    each = [
        run.predict_elsewhere(one, genome, where, p.accelerator, progress=False)
        for one in prior.weights(file)
    ]
    distance = distance_to_next(starts, len(genome), circular=genome.circular)
    return prior.apply(mean_log_odds(each), distance)


def _prior(run: Run, name: str) -> tuple[Path, GenePrior]:
    """Find a gene prior: its file, and what is in it."""
    file = find_prior(name, run.folder)
    if file is None:
        raise WeightsError(f"no gene prior is named {name!r}; give its name or file in priors")
    return file, GenePrior.load(file)


class Advised(NamedTuple):
    """Which weights serve a genome of one's own best."""

    table: pd.DataFrame
    """A row a model that was trained on *E. coli* alone: model, networks (how many are read),
    pr_auc (mean over the other genomes), ratio (of it to the first model's), better, worse (on how
    many of them, by an interval of the difference without zero), genomes."""
    finding: Finding


def advised(run: Run, found: Scored, p: Checked) -> Advised:
    """Compare the models with and without genes over the genomes of other species."""
    if found.table.empty:
        return Advised(pd.DataFrame(), Finding())
    networks = dict.fromkeys(p.models, 1)
    networks |= {name: len(_prior(run, name)[1].members) for name in p.priors}
    table = compared(found.table, networks)
    said = words.say_advice(table)
    return Advised(table, Finding(said, {"advice": table}))


def compared(table: pd.DataFrame, networks: Mapping[str, int]) -> pd.DataFrame:
    """`Advised.table`, from `Scored.table`; the first of the networks is the reference."""
    exact = table[(table["resolution"] == 1) & (table["metric"] == "pr_auc")]
    away = exact[exact["species"] != ECOLI]
    rows = []
    for model, number in networks.items():
        own = away[away["model"] == model]
        rows.append(
            {
                "model": model,
                "networks": number,
                "pr_auc": own["value"].mean(),
                "better": int((own["difference_low"] > 0).sum()),
                "worse": int((own["difference_high"] < 0).sum()),
                "genomes": len(own),
            }
        )
    frame = pd.DataFrame(rows)
    frame.insert(3, "ratio", frame["pr_auc"] / frame["pr_auc"].iloc[0])
    return frame


class Verdict(NamedTuple):
    """Whether a family of models of many species earns its place."""

    table: pd.DataFrame
    """A row a family: family, ratio (of the mean PR AUC over held-out genomes to the first
    model's), worse_than_scanner (species), ecoli (difference of PR AUC on its test part), earned.
    """
    finding: Finding


def judged(given: Opened, found: Scored, p: Checked) -> Verdict:
    """Ask whether a family is twice as good elsewhere, never below the scanner, as good at home."""
    if found.table.empty or not given.families:
        return Verdict(pd.DataFrame(), Finding())
    known = set(found.table["model"])
    rows = [
        verdict(found.table, family, p.models[0]) for family in given.families if family in known
    ]
    table = pd.DataFrame(rows)
    return Verdict(table, Finding(words.say_verdict(table, p.models[0]), {"verdict": table}))


def verdict(table: pd.DataFrame, family: str, reference: str) -> dict[str, object]:
    """One row of `Verdict.table`, from `Scored.table`."""
    exact = table[(table["resolution"] == 1) & (table["metric"] == "pr_auc")]
    value = exact.pivot_table(index="species", columns="model", values="value")
    home = value.loc[ECOLI] if ECOLI in value.index else None
    away = value.drop(index=ECOLI, errors="ignore").dropna(subset=[family])
    ratio = float(away[family].mean() / away[reference].mean())
    worse = int((away[family] < away[SCANNER]).sum())
    ecoli = float("nan")
    if home is not None:  # the model that was trained on all lineages, if there is one
        own = home[f"{family} (all)"] if f"{family} (all)" in home else home[family]
        ecoli = float(own - home[reference])
    earned = ratio >= words.TWICE and not worse and ecoli >= -words.AT_HOME
    return {
        "family": family,
        "genomes": len(away),
        "ratio": ratio,
        "worse_than_scanner": worse,
        "ecoli": ecoli,
        "earned": bool(earned),
    }


class Peered(NamedTuple):
    """Other predictors on *E. coli*'s test part."""

    table: pd.DataFrame
    """Columns predictor, resolution, metric, value, ci_low, ci_high and seconds (for 1,000,000 nt,
    both strands)."""
    finding: Finding


def peered(run: Run, given: Opened, p: Checked) -> Peered:
    """Score what other predictors say of E. coli's test part exactly as our models.

    Where their outputs are not at hand, what an earlier run found of them is shown.
    """
    files = [Path(one) for one in p.peers]
    earlier = run.earlier("peers")
    if not files or given.ecoli is None or not all(one.is_file() for one in files):
        table = pd.DataFrame() if earlier is None else earlier
        return Peered(table, Finding(words.say_peers(table)))
    assert given.scanner is not None
    genome, sites, test = given.ecoli
    outputs = {one.stem.replace("_", " "): np.load(one, allow_pickle=False) for one in files}
    for (name, output), file in zip(outputs.items(), files, strict=True):
        if output.shape != (2, len(genome)):
            raise ValueError(f"{file}: {name} has shape {output.shape}, not (2, {len(genome)})")
    where = test & ~np.any([np.isnan(one).any(axis=0) for one in outputs.values()], axis=0)
    seconds = {
        name: json.loads(file.with_suffix(".json").read_text())["seconds_per_million"]
        for name, file in zip(outputs, files, strict=True)
    }
    for name in p.models:
        outputs[name] = run.predict_elsewhere(
            run.weights(name), genome, test, p.accelerator, progress=False
        )
    outputs[SCANNER] = scanner.scan(given.scanner, genome, where)
    scores = compare_resolutions(
        outputs,
        site_track(sites, len(genome)),
        where,
        Resampling.of(where, p.block, p.n_bootstrap, p.seed),
        p.models[0],
        (1, 10),
    ).rename(columns={"model": "predictor"})
    scores["seconds"] = scores["predictor"].map(seconds)
    table = scores[["predictor", "resolution", "metric", "value", "ci_low", "ci_high", "seconds"]]
    return Peered(table, Finding(words.say_peers(table), {"peers": table}))


def in_short(
    given: Opened,
    found: Located,
    follows: Followed,
    maps: Mapped,
    advice: Advised,
    verdicts: Verdict,
    p: Checked,
) -> Finding:
    """Answer the chapter's question."""
    if given.why_not:
        return given.finding
    parts = [
        words.say_best_and_worst(follows.shares, p.models[0], max(p.within)),
        words.say_gc(follows.properties, p.models[0]),
        say_boxes(maps.table, p.models[0], p.level),
        words.say_best(advice.table) if len(advice.table) else "",
        words.say_verdict(verdicts.table, p.models[0]) if len(verdicts.table) else "",
    ]
    return Finding(" ".join(part for part in parts if part))
