"""The chapter curation: sources of start sites, compared and merged; its parameters, its steps.

What the steps say is in `genoattn.chapters.curation_words`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from genoattn.chapters import curation_words as words
from genoattn.data import agreement as source_agreement
from genoattn.data import coordinates, curation, datasets, simulation
from genoattn.data.agreement import PRINTED
from genoattn.data.assays import printed_sendseq, printed_smrt, read_cappable, read_drnaseq
from genoattn.data.curation import OUTVOTED, RULES, Merging
from genoattn.evaluation.bootstrap import Resampling
from genoattn.evaluation.lead import harmonic_lead
from genoattn.study import inputs
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import (
    DATA_DIR,
    FOLDERS,
    Checked,
    Parameter,
    Schema,
    filled,
    own_files,
)
from genoattn.study.report import Finding, in_words
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "Agreement",
    "Audit",
    "Compared",
    "Curated",
    "Interpreted",
    "Shared",
    "Tables",
    "Windows",
    "agreement",
    "audited",
    "compared",
    "curated",
    "in_short",
    "interpreted",
    "provenance",
    "shared",
    "tables",
    "windows",
]


PARAMETERS = Schema(
    "01_curation",
    {
        "source": Parameter(
            str,
            "synthetic",
            "which tables: of a simulation, the published ones, or your files",
            choices=("synthetic", "ecoli", "files"),
        ),
        "seed": Parameter(int, 0, "seed of the simulation", low=0),
        "genome_length": Parameter(
            int, 300_000, "nucleotides of the simulated genome", low=10_000, high=20_000_000
        ),
        "data_dir": DATA_DIR,
        "fasta": Parameter(str, None, "your genome, if source is files", optional=True),
        "gff": Parameter(str, None, "its annotation, if source is files", optional=True),
        "tables": Parameter(
            list[str], [], "your tables of sites, if source is files", unique=True, rule=filled
        ),
        "novelty": Parameter(
            list[str],
            [],
            "sources, newest technique first; if empty, the paper's order, or that of your tables",
            unique=True,
        ),
        "trusted": Parameter(
            str,
            None,
            "source all of whose sites are taken; None: the newest, '': no source",
            optional=True,
        ),
        "window": Parameter(
            int, 5, "farthest that neighbouring sites of one TSS may be apart, nt", low=0, high=50
        ),
        "rule": Parameter(
            str,
            "agreed",
            "which sites are one TSS: how 'within five nucleotides' is understood",
            choices=tuple(RULES),
        ),
        "outvoted": Parameter(
            str,
            "kept",
            "what becomes of a site of the trusted source that loses the vote",
            choices=tuple(OUTVOTED),
        ),
        **FOLDERS,
    },
    together=(own_files,),
)
"""What this chapter may be asked."""

TOLERANCES = (0, 1, 2, 5)
"""Distances in nt at which sources are compared with a reference."""

BLOCK, N_DRAWS = 10_000, 2_000
"""For the interval of a difference: nt of a block of the genome at most, and how many draws."""


class Tables(NamedTuple):
    """The study, and how its sources are to be merged."""

    study: StudyInputs
    merging: Merging
    published: bool
    """Whether these are the paper's own tables, so that its numbers compare."""
    finding: Finding

    @property
    def sites(self) -> pd.DataFrame:
        """Sites of all sources: position (0-based), strand, source and evidence."""
        return self.study.sites


def tables(run: Run, p: Checked) -> Tables:
    """Load genome and tables, decide how they are merged, and write the inputs into the run.

    Parameters
    ----------
    run : Run
        Gets the inputs.
    p : Checked
        ``source`` and what it needs, ``novelty``, ``trusted``, ``window``, ``rule``, ``outvoted``.
    """
    if p.source == "ecoli":
        datasets.fetch("drnaseq", p.data_dir)  # needed at the end, but missing at once
    study = inputs.load_inputs(
        p.source, p.data_dir, p.seed, p.genome_length, p.fasta, p.gff, p.tables
    )
    sources = curation.ordered(study.sources, p.novelty)
    merging = Merging(
        sources,
        sources[-1] if p.trusted is None else p.trusted or None,
        p.window,
        p.rule,
        p.outvoted,
        study.genome.length if study.genome.circular else None,
    )
    run.save_inputs(study)
    return Tables(study, merging, p.source == "ecoli", Finding(words.describe(study, merging)))


# ---------------------------------------------------------------- where the tables come from


def provenance(given: Tables, p: Checked) -> Finding:
    """Say what was done to the tables before they are compared, or how they were simulated."""
    if p.source == "files":
        return Finding("The tables are your own; their form was checked when they were read.")
    if p.source == "synthetic":
        return Finding(words.say_simulation(simulation.ASSAYS))
    path = datasets.fetch_all(["annotation", "old_genes", "cappable", "sendseq"], p.data_dir)
    genome = given.study.genome
    lift = coordinates.Liftover.from_anchors(path["old_genes"], path["annotation"], genome)
    old = read_cappable(path["cappable"])
    lifted, lost = coordinates.lift_sites(old, lift)
    printed = printed_sendseq(path["sendseq"])["printed"]
    beyond = int((printed > genome.length).sum())
    return Finding(
        words.say_liftover(lift, len(old), len(lost), int(lifted["uncertain"].sum()), beyond)
    )


# ------------------------------------------------------------------------- are they right?


class Audit(NamedTuple):
    """Which offset makes a table's positions look like start sites."""

    shares: pd.DataFrame
    """`genoattn.data.coordinates.offset_audit` of each audited source, named in ``source``."""
    finding: Finding


def audited(given: Tables, p: Checked) -> Audit:
    """Audit printed positions by the genome: of the tables in doubt, or of all of your own."""
    if given.published:
        path = datasets.fetch_all(["sendseq", "smrt_m9", "smrt_rich"], p.data_dir)
        printed = {
            "sendseq": printed_sendseq(path["sendseq"]),
            "smrt": printed_smrt(path["smrt_m9"], path["smrt_rich"]),
        }
    else:
        one_based = given.sites.assign(printed=given.sites["position"] + 1)
        names = given.merging.sources[:: -1 if p.source == "files" else 1]
        chosen = names if p.source == "files" else sorted(names)[-2:]
        printed = {name: one_based[one_based["source"] == name] for name in chosen}
    shares = pd.concat(
        [
            coordinates.offset_audit(frame, given.study.genome).assign(source=name)
            for name, frame in printed.items()
        ],
        ignore_index=True,
    )
    expected = {"+": 1, "-": 0} if given.published else {"+": 0, "-": 0}
    said = words.say_offsets(shares, expected)
    return Audit(shares, Finding(said, {"curation_audit": shares}))


# --------------------------------------------------------------------- how much they share


class Shared(NamedTuple):
    """How many TSSs the sources share."""

    counts: pd.DataFrame
    """`genoattn.data.agreement.table_one`."""
    regions: pd.DataFrame
    """`genoattn.data.agreement.regions`."""
    finding: Finding


def shared(given: Tables) -> Shared:
    """Count the TSSs of each source, of each combination of sources, and what is shared."""
    counts = source_agreement.table_one(given.sites, given.merging)
    regions = source_agreement.regions(given.sites, given.merging)
    columns = ["source", "n_sites", "n_shared"]
    columns += ["paper_n_sites", "paper_n_shared"] * given.published
    results = {"curation_sets": counts[columns], "curation_regions": regions}
    said = words.say_shared(counts, regions, given.merging, given.published)
    return Shared(counts, regions, Finding(said, results))


# ------------------------------------------------------------------- how exactly they agree


class Agreement(NamedTuple):
    """At which distance neighbouring sites of two sources lie."""

    pairs: pd.DataFrame
    """`genoattn.data.agreement.pair_shares`."""
    shifts: pd.DataFrame
    """`genoattn.data.agreement.shift_distribution`."""
    finding: Finding


def agreement(given: Tables) -> Agreement:
    """Count for each two sources the neighbours at each distance."""
    pairs = source_agreement.pair_shares(given.sites, given.merging)
    shifts = source_agreement.shift_distribution(given.sites, given.merging)
    columns = ["source", "other", "n_shared", "exact_percent"]
    columns += ["paper_exact_percent"] * given.published
    exact = pairs.round({"exact_percent": 2})[columns]
    results = {"curation_exact": exact, "curation_shifts": shifts}
    said = words.say_agreement(pairs, shifts, given.published)
    return Agreement(pairs, shifts, Finding(said, results))


# ------------------------------------------------------------------------- the curated set


class Curated(NamedTuple):
    """The curated set."""

    sites: pd.DataFrame
    """`genoattn.data.curation.curate`."""
    finding: Finding


def curated(run: Run, given: Tables) -> Curated:
    """Merge the sources, and write the curated set into the run.

    Raises
    ------
    ValueError
        No site is taken.
    """
    merging = given.merging
    sites = curation.curate(given.sites, merging)
    if sites.empty:
        raise ValueError(
            "the curated set is empty: no two sources have a site in common and none is trusted; "
            "give a larger window, or name the source whose sites are all to be taken in trusted"
        )
    run.write_curated(sites)
    summary: dict[str, object] = {
        "n": len(sites),
        "rule": f"{merging.rule}, {merging.outvoted}, window {merging.window} nt: "
        f"{RULES[merging.rule]}; {merging.fate(merging.outvoted)}",
    }
    if given.published:
        summary["paper_n"] = PRINTED["curated"]
    said = words.say_curated(sites, merging, given.published)
    return Curated(sites, Finding(said, {"curated": summary}))


# ------------------------------------------------------------------- what the choices change


class Interpreted(NamedTuple):
    """What each interpretation of "within five nucleotides" counts."""

    counts: pd.DataFrame
    """`genoattn.data.agreement.interpretations`."""
    finding: Finding


def interpreted(given: Tables) -> Interpreted:
    """Count under every interpretation, the paper's counts above where they compare."""
    counts = source_agreement.interpretations(given.sites, given.merging)
    written = counts
    if given.published:
        printed = pd.DataFrame([{"rule": "paper", "outvoted": "", **PRINTED}])
        written = pd.concat([printed, counts], ignore_index=True)
    said = words.say_interpreted(counts, given.merging, given.published)
    return Interpreted(counts, Finding(said, {"curation_readings": written}))


class Windows(NamedTuple):
    """What other windows count."""

    counts: pd.DataFrame
    """`genoattn.data.agreement.window_sensitivity`."""
    finding: Finding


def windows(given: Tables) -> Windows:
    """Repeat the counting with windows from 1 to 10 nt."""
    counts = source_agreement.window_sensitivity(given.sites, given.merging)
    said = words.say_windows(counts, given.merging)
    return Windows(counts, Finding(said, {"curation_windows": counts}))


# ------------------------------------------------------------- against what had no part in it


class Compared(NamedTuple):
    """Precision and recall of sources and curated set against a reference."""

    table: pd.DataFrame | None
    """`genoattn.data.agreement.recovery` of each set, named in ``source``; None without
    reference."""
    finding: Finding


def compared(given: Tables, merged: Curated, p: Checked) -> Compared:
    """Compare sources, curated set and interpretations with a reference, where there is one."""
    reference = _reference(given, p)
    if reference is None:
        return Compared(
            None, Finding("There is no reference for your tables, so nothing is compared here.")
        )
    sets = {name: given.sites[given.sites["source"] == name] for name in given.merging.sources}
    sets["curated"] = merged.sites
    length = given.merging.length
    found = pd.concat(
        [
            source_agreement.recovery(part, reference, TOLERANCES, length).assign(source=name)
            for name, part in sets.items()
        ],
        ignore_index=True,
    )
    trials = source_agreement.recovered_by(given.sites, given.merging, reference)
    lead = _lead(sets, words.best_alone(found), reference, given.study.genome.length)
    said = words.say_compared(found, lead, len(reference), given.published)
    exact = found[(found["tolerance"] == 0) & (found["source"] != "curated")]
    said = f"{said}\n\n{words.say_trials(trials, exact, given.merging)}"
    return Compared(found, Finding(said, {"curation_recovery": found, "curation_lead": lead}))


def _lead(
    sets: dict[str, pd.DataFrame], best: str, reference: pd.DataFrame, length: int
) -> pd.DataFrame:
    """By how much the curated set leads the best source, a row a tolerance of the text."""
    draws = Resampling.of(np.ones(length, dtype=bool), min(BLOCK, length // 10), N_DRAWS, 0)
    rows = [
        (best, t, *harmonic_lead(sets["curated"], sets[best], reference, t, draws)) for t in (0, 2)
    ]
    return pd.DataFrame(rows, columns=["best_source", "tolerance", "lead", "ci_low", "ci_high"])


def _reference(given: Tables, p: Checked) -> pd.DataFrame | None:
    """Sites that no source had a part in: dRNA-seq, or the planted truth; None for your files."""
    if given.published:
        path = datasets.fetch("drnaseq", p.data_dir)
        return read_drnaseq(path, given.study.genome.length)
    if given.study.elements is None:
        return None
    planted = given.study.elements[["tss_position", "strand"]].drop_duplicates()
    return planted.rename(columns={"tss_position": "position"})


# ---------------------------------------------------------------------------- the answer


def in_short(
    given: Tables, merged: Curated, agreed: Agreement, tried: Interpreted, against: Compared
) -> Finding:
    """Answer the chapter's question in three sentences, and say how sure the answer is."""
    names, n = given.merging.sources, len(merged.sites)
    if len(names) == 1:
        return Finding(
            f"{words.called(names[0])} is the only source, so its {n:,} sites are the curated set. "
            "Nothing was compared: how many of them are false, or some nucleotides off, these "
            "tables cannot tell."
        )
    both = int((merged.sites["kind"] == "shared").sum())
    sizes, exact = tried.counts["curated"], agreed.pairs["exact_percent"].dropna()
    text = (
        f"{in_words(len(names)).capitalize()} sources with {len(given.sites):,} sites, merged by "
        f"the paper's rules, give {n:,} TSSs{words.paper('curated', given.published)}; {both:,} of "
        "them are in at least two sources. "
    )
    if len(exact):
        span = f"{exact.min():.0f}%"
        if exact.min() < exact.max():
            span += f" to {exact.max():.0f}% of these pairs, depending on the sources,"
        else:
            span += " of these pairs"
        text += (
            f"Where two sources have sites at most {given.merging.window} nt apart, {span} lie "
            "at the same nucleotide. "
        )
    matters = "matters little" if sizes.max() <= 1.1 * sizes.min() else "matters"
    text += (
        f"The rules can be read in several ways. That {matters} for the number of TSSs: the "
        f"{in_words(len(sizes))} interpretations tried give {sizes.min():,} to {sizes.max():,}"
        + (", and we use the one that fits the paper's counts best. " if given.published else ". ")
    )
    return Finding(f"{text}\n\n{words.say_sure(against.table, given.published)}")
