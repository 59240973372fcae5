"""The chapter your_genome: a genome of one's own, annotated; parameters, steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genoattn import annotate, tracks
from genoattn.chapters.your_genome_chance import Chance, doubt, is_doubtful, read, say
from genoattn.chapters.your_genome_tested import trust
from genoattn.data import simulation
from genoattn.evaluation import calls
from genoattn.evaluation.bootstrap import MOST_REPLICATES
from genoattn.evaluation.statistics import proportion
from genoattn.genome.files import rereadable_both, writing
from genoattn.genome.genbank import is_genbank, read_annotation, read_genbank
from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.weights import WeightsError, find_prior
from genoattn.output import around as surroundings
from genoattn.output.peaks import peak_table, peaks_per_kb
from genoattn.prediction import ensemble, recorders
from genoattn.study.parameters import (
    FOLDERS,
    WEIGHTS,
    Checked,
    Parameter,
    ParameterError,
    Schema,
    address,
    filled,
)
from genoattn.study.report import Finding, listed, table, with_interval
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "Against",
    "Annotated",
    "Genes",
    "Highest",
    "Interval",
    "Opened",
    "against_truth",
    "annotated",
    "around_genes",
    "by_chance",
    "highest",
    "in_short",
    "opened",
    "written",
]


def _of_sequences(values: Mapping[str, Any]) -> str | None:
    """Refuse an annotation of no sequences, which would not be read."""
    if values["gff"] is None or values["fasta"] is not None:
        return None
    return "'gff' needs fasta, the sequences that it annotates"


PARAMETERS = Schema(
    "05_your_genome",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "fasta": Parameter(
            str,
            None,
            "your sequences, FASTA or GenBank; None: a simulation",
            optional=True,
            rule=filled,
        ),
        "gff": Parameter(
            str,
            None,
            "their annotation (GFF3, GTF or GenBank), if it is not in fasta",
            optional=True,
        ),
        "circular": Parameter(
            list[str], [], "names of circular contigs, or all", unique=True, rule=filled
        ),
        "name": Parameter(
            str,
            "my_genome",
            "name of the track hub and its folder, one word",
            rule=tracks.hub_name_complaint,
        ),
        "email": Parameter(
            str, "nobody@example.org", "address that the hub names for questions", rule=address
        ),
        "threshold": Parameter(float, 0.1, "least output of a peak", low=0, high=1),
        "apart": Parameter(int, 5, "a peak is the highest within so many nt", low=1),
        "heads": Parameter(
            list[str],
            [],
            "heads whose received attention becomes a track, such as 1.2",
            unique=True,
        ),
        "n_shuffled": Parameter(
            int,
            200_000,
            "nucleotides of the shuffled copy that is read as well",
            low=1_000,
            high=100_000_000,
        ),
        "decimals": Parameter(int, 4, "decimals of the values in the tracks", low=1, high=9),
        "flank": Parameter(int, 200, "nucleotides on each side of a gene start", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a peak in its close-up", low=1),
        "n_top": Parameter(int, 9, "highest peaks that are shown", low=1, high=100),
        "n_bootstrap": Parameter(
            int, 1_000, "resamples of gene starts, for an interval", low=10, high=MOST_REPLICATES
        ),
        "level": Parameter(float, 0.95, "coverage of intervals", low=0.5, high=0.999),
        "seed": Parameter(int, 7, "seed of the simulation and of resampling", low=0),
        "chromosome": Parameter(
            int, 60_000, "nucleotides of its larger contig", low=10_000, high=20_000_000
        ),
        "plasmid": Parameter(
            int, 15_000, "nucleotides of its smaller contig", low=10_000, high=20_000_000
        ),
    },
    together=(_of_sequences,),
)
"""What this chapter may be asked."""

_SHOWN = 30  # contigs in the table


# ------------------------------------------------------------------- the sequences, the model


class Opened(NamedTuple):
    """What is annotated, and by what; all of it read and checked."""

    genomes: list[Genome]
    features: pd.DataFrame | None
    """Of `genoattn.genome.formats.read_gff_contigs`; None without an annotation."""
    truth: pd.DataFrame | None
    """Columns contig, position (0-based), strand of the planted sites; None if not a simulation."""
    network: Annotator
    """The model, or the first of several that a gene prior averages."""
    prior: Path | None
    """The gene prior's file, where the weights are one."""
    heads: list[tuple[int, int]]
    """Layers and heads, from 0, whose received attention becomes a track."""
    trained_on: str
    """Name of the replicon."""
    contigs: pd.DataFrame
    """Of `genoattn.annotate.contig_table`."""
    finding: Finding


def opened(run: Run, own: Run, p: Checked) -> Opened:
    """Read sequences, annotation and model, and check them before anything is computed.

    Parameters
    ----------
    run : Run
        Has the weights, unless they are the package's.
    own : Run
        Gets what is written about these sequences; see `genoattn.study.run.Run.of_own`.
    p : Checked
    """
    tracks.check_hub_name(p.name)
    fasta, gff, truth = p.fasta, p.gff, None
    if fasta is None:
        fasta, gff, truth = simulation.demo_files(
            own.annotation(p.name), p.seed, p.chromosome, p.plasmid
        )
    genomes, features = _sequences(fasta, gff, p.circular)
    prior_file = find_prior(p.weights, run.folder)
    prior = ensemble.GenePrior.load(prior_file) if prior_file else None
    weights = prior.weights(prior_file)[0] if prior and prior_file else run.weights(p.weights)
    if prior and p.heads:
        raise ParameterError(
            f"{p.chapter}: parameter 'heads': attention is recorded of one model, not of the "
            f"ensemble {p.weights}; take one of {', '.join(prior.members)} as weights"
        )
    if Card.read(weights).convolutional:
        raise WeightsError(
            f"{weights}: a network without attention, of which this chapter has nothing to show; "
            "take another model, or the command genoattn annotate"
        )
    network = Annotator.load(weights, "cuda" if torch.cuda.is_available() else "cpu")
    heads = recorders.head_numbers(p.heads, network.config)
    downstream = network.config.downstream
    if all(len(one) <= downstream for one in genomes):
        raise ValueError(
            f"{fasta}: no contig is longer than the {downstream} nt that {weights.stem} reads "
            "downstream of a position; give longer sequences"
        )
    contigs = annotate.contig_table(genomes, network.config)
    said = (
        say_contigs(contigs)
        + (say_prior(p.weights, prior.members) if prior else "")
        + say_model(weights.stem, network.config)
        + say_short(contigs, downstream)
        + say_where(own, p)
        + ("" if truth is not None else f"\n\n{trust(contigs, p.weights).markdown()}")
    )
    return Opened(
        genomes,
        features,
        truth,
        network,
        prior_file,
        heads,
        Card.read(weights).genome,
        contigs,
        Finding(said, {"your_genome_contigs": contigs}),
    )


def _sequences(
    fasta: str | Path, gff: str | Path | None, circular: Sequence[str]
) -> tuple[list[Genome], pd.DataFrame | None]:
    """Read the contigs and their annotation, whose files or pipes are read more than once."""
    with rereadable_both(fasta, gff) as (fasta, gff):
        genomes = annotate.load_contigs(fasta, circular, gff)
        tracks.check_contig_names(genomes, fasta)
        return genomes, _annotation(fasta, gff, genomes)


def _annotation(
    fasta: str | Path, gff: str | Path | None, genomes: Sequence[Genome]
) -> pd.DataFrame | None:
    """Read the annotation that is given, else the one in a GenBank file of the sequences."""
    genes = ["gene", "pseudogene", "CDS"]
    if gff is not None:
        features = read_annotation(gff, genomes)
        if not features["type"].isin(genes).any():
            raise ValueError(
                f"{gff}: annotates neither a gene nor a CDS on these contigs; give another "
                "annotation, or leave gff out"
            )
        return features
    if not is_genbank(fasta) or not read_genbank(fasta).features:
        return None
    features = read_annotation(fasta, genomes)
    return features if features["type"].isin(genes).any() else None


def say_contigs(contigs: pd.DataFrame) -> str:
    """List the contigs, at most the first 30, and their whole length."""
    rows = contigs.head(_SHOWN)
    shown = pd.DataFrame(
        {
            "contig": rows["contig"],
            "length, nt": rows["length"].map("{:,}".format),
            "shape": np.where(rows["circular"], "circular", "linear"),
            "G and C": rows["gc"].map("{:.1%}".format).replace("nan%", "–"),
            "unknown": rows["unknown"].map("{:.2%}".format),
            "full context": rows["full_context"].map("{:.1%}".format),
        }
    )
    rest = "" if len(contigs) <= _SHOWN else f"; the table shows the first {_SHOWN}"
    return (
        table(shown) + f"\n{_counted(len(contigs), 'contig')} with {contigs['length'].sum():,} nt "
        f"in all{rest}. "
    )


def say_prior(name: str, members: Sequence[str]) -> str:
    """Say what a gene prior combines."""
    return (
        f"**{name}** averages {listed(members)}, and weighs how far downstream the next gene "
        "begins. "
    )


def say_model(name: str, config: AnnotatorConfig) -> str:
    """Say how far the model reads."""
    return (
        f"The model **{name}** has {_counted(config.layers, 'layer')} of attention to "
        f"{config.window} positions each, and reads up to {config.downstream} nt downstream of the "
        "position that it judges. "
    )


def say_short(contigs: pd.DataFrame, downstream: int) -> str:
    """Say how many contigs end before what the model reads downstream; nothing if none does."""
    n = int((contigs["length"] <= downstream).sum())
    if not n:
        return ""
    rests = "is" if n == 1 else "are"
    return (
        f"{_counted(n, 'contig')} {rests} no longer than that, so the output there rests on "
        "letters that are not known. "
    )


def say_where(own: Run, p: Checked) -> str:
    """Say where the files go, and why there if that was not asked for."""
    where = f"Tracks and peaks go to `{own.annotation(p.name)}`, aggregates to `{own.results}`"
    moved = (own.folder, own.results) != (Path(p.run_dir), Path(p.results_dir))
    return where + (
        ", as `run_dir` or `results_dir` was left at the demo's folder." if moved else "."
    )


# -------------------------------------------------------------------------------- the output


class Annotated(NamedTuple):
    """Output, received attention and peaks of all contigs."""

    output: dict[str, NDArray[np.float32]]
    """Contig -> probability of a site, shape (2, L): strand row, forward position."""
    received: dict[tuple[int, int], dict[str, NDArray[np.float64]]]
    """Layer and head, from 0 -> contig -> received attention, shape (2, L)."""
    peaks: pd.DataFrame
    """Of `genoattn.output.peaks.peak_table`, with ``fdr``; positions 0-based."""
    density: pd.DataFrame
    """Of `genoattn.output.peaks.peaks_per_kb`."""
    chance: Chance
    """What a shuffled copy of the sequences has."""
    finding: Finding


def annotated(given: Opened, p: Checked) -> Annotated:
    """Annotate both strands of every contig, find peaks at ``threshold``, and those by chance."""
    watching = {
        one.name: [recorders.ReceivedAttention(given.network.config, one, given.heads)]
        for one in given.genomes
        if given.heads
    }
    output = annotate.annotate(given.prior or given.network, given.genomes, recorders=watching)
    received = {
        head: {name: watching[name][0].tracks[head] for name in output} for head in given.heads
    }
    found = calls.find_peaks(output, p.threshold, apart=p.apart)
    peaks = peak_table(found, given.features, given.genomes)
    every = np.concatenate([track.ravel() for track in output.values()])
    steps = np.unique([*np.geomspace(every.max() / 50, every.max(), 16), p.threshold])
    density = peaks_per_kb(output, steps.tolist(), p.apart)
    made = read(
        given.prior or given.network,
        given.genomes,
        peaks,
        [one for one in steps.tolist() if one >= p.threshold],
        n_shuffled=p.n_shuffled,
        apart=p.apart,
        seed=p.seed,
        level=p.level,
    )
    said = say_output(float(np.median(every)), float(every.max()), len(peaks), every.size, p)
    return Annotated(
        output, received, made.peaks, density, made, Finding(said, {"your_genome_density": density})
    )


def by_chance(found: Annotated) -> Finding:
    """Say how many peaks a shuffled copy has, and so how many of the others are false."""
    return Finding(say(found.chance), {"your_genome_chance": found.chance.table})


def say_output(median: float, highest: float, n_peaks: int, positions: int, p: Checked) -> str:
    """Say how high the output is, and how many peaks it has on so many positions of a strand."""
    return (
        f"The median output is {median:.2g}, the highest {highest:.2g}. "
        f"**{_counted(n_peaks, 'peak')}** of at least {p.threshold:g}: "
        f"{1000 * n_peaks / positions:.2g} in 1,000 nt of a strand."
    )


class Interval(NamedTuple):
    """A number and its interval."""

    value: float
    low: float
    high: float


class Against(NamedTuple):
    """How peaks compare with the true sites of a simulation; None where these are not known."""

    right: Interval | None
    """Share of the peaks near a site."""
    reached: Interval | None
    """Share of the sites near a peak."""
    finding: Finding


def against_truth(given: Opened, found: Annotated, p: Checked) -> Against:
    """Count the peaks near true sites, and the true sites near peaks."""
    if given.truth is None:
        said = "The true start sites of these sequences are not known, so nothing is counted here."
        return Against(None, None, Finding(said))
    right, reached = (
        Interval(*proportion(int(hits.sum()), len(hits), p.level))
        for hits in (
            calls.near(found.peaks, given.truth, p.apart),
            calls.near(given.truth, found.peaks, p.apart),
        )
    )
    said = say_against(right, reached, len(given.truth), p.apart)
    new = f" The model was trained on {given.trained_on}; these sequences are new to it."
    return Against(right, reached, Finding(said + new))


def say_against(right: Interval, reached: Interval, n_sites: int, tolerance: int) -> str:
    """Say how many peaks are right and how many sites are reached; no peak has a NaN share."""
    if np.isnan(right.value):
        return f"None of the {n_sites:,} planted sites has a peak within {tolerance} nt."
    return (
        f"**{with_interval(*right, '.0%')}** of the peaks lie within {tolerance} nt of a planted "
        f"start site, and {with_interval(*reached, '.0%')} of the {n_sites:,} planted sites have "
        "a peak."
    )


class Highest(NamedTuple):
    """The highest peaks, highest first."""

    peaks: pd.DataFrame
    finding: Finding


def highest(found: Annotated, p: Checked) -> Highest:
    """Take the ``n_top`` highest peaks."""
    ordered = found.peaks.sort_values("output", ascending=False, kind="stable")
    top = ordered.head(p.n_top)
    return Highest(top, Finding(say_highest(top)))


def say_highest(top: pd.DataFrame) -> str:
    """List peaks, with the next gene where that is known."""
    if top.empty:
        return "No peak reaches the threshold; to see some, lower `threshold`."
    shown = pd.DataFrame(
        {
            "contig": top["contig"],
            "position (from 1)": (top["position"] + 1).map("{:,}".format),
            "strand": top["strand"],
            "output": top["output"].map("{:.3f}".format),
            "false discovery rate": top["fdr"].map("{:.2g}".format),
        }
    )
    if "next_gene" in top:
        shown["next gene"] = top["next_gene"]
        shown["nt to it"] = top["distance"].map("{:,.0f}".format).replace("nan", "")
    return table(shown, f"The {len(shown)} highest peaks")


# ------------------------------------------------------------------------ around gene starts


class Genes(NamedTuple):
    """Output around the starts of genes; None without an annotation."""

    profile: pd.DataFrame | None
    """Of `genoattn.output.around.mean_and_median`."""
    ratio: Interval | None
    """Mean output before gene starts over that after them."""
    finding: Finding


def around_genes(given: Opened, found: Annotated, p: Checked) -> Genes:
    """Compare the output before gene starts with that after them, on the genes' strand."""
    if given.features is None:
        said = "No annotation was given (`gff`), so this part is left out."
        return Genes(None, None, Finding(said))
    starts = surroundings.starts_of(given.features, given.genomes)
    around = surroundings.around_sites(found.output, starts, given.genomes, p.flank)
    ratio = Interval(
        *surroundings.before_over_after(
            around.sense, n_bootstrap=p.n_bootstrap, level=p.level, seed=p.seed
        )
    )
    said = say_ratio(ratio, len(starts), p.flank)
    lacking = say_lacking(given.contigs["contig"], given.features)
    return Genes(surroundings.mean_and_median(around), ratio, Finding(said + lacking))


def say_ratio(ratio: Interval, n_starts: int, flank: int) -> str:
    """Say whether the output rises before genes."""
    if np.isnan(ratio.value):
        return (
            f"Around {_counted(n_starts, 'gene start')}, no contig holds the nucleotides before "
            "and after, so nothing is compared."
        )
    if not np.isfinite(ratio.low):
        meaning = "with so few gene starts there is no interval."
    elif ratio.low > 1:
        meaning = "the output does rise before genes."
    elif ratio.high < 1:
        meaning = "the output is lower before genes than in them, which speaks against promoters."
    else:
        meaning = "not significantly different, so there is no sign of promoters."
    return (
        f"Around {_counted(n_starts, 'gene start')}, the mean output of the {flank} nt before is "
        f"**{with_interval(*ratio, '.1f')}** times that of the {flank} nt after, on the gene's "
        f"strand: {meaning}"
    )


def say_lacking(contigs: Collection[str], features: pd.DataFrame) -> str:
    """Say which contigs have no feature, and whether pseudogenes are marked."""
    bare = sorted(set(contigs) - set(features["contig"]))
    some = [*bare[:3], *([f"{len(bare) - 3} more"] if len(bare) > 3 else [])]
    without = f" No feature is annotated on {listed(some)}." if bare else ""
    marked = (features["type"] == "pseudogene").any()
    return without + ("" if marked else " The annotation marks no pseudogene.")


# ------------------------------------------------------------------------- files, the answer


def written(own: Run, given: Opened, found: Annotated, p: Checked) -> Finding:
    """Write the track hub, and the peaks as BED and as CSV (positions from 1)."""
    folder = own.annotation(p.name)
    label = f"{p.name}: output of {p.weights}"[:76]
    shown = [tracks.HubTrack("output", "Output", "Probability of a start site", found.output)]
    shown += [_hub_track(head, received) for head, received in found.received.items()]
    hub = tracks.track_hub(
        folder / "hub",
        given.genomes,
        shown,
        name=p.name,
        label=label,
        email=p.email,
        decimals=p.decimals,
    )
    tracks.write_bed(folder / "peaks.bed", found.peaks)
    from_one = found.peaks.assign(position_1based=found.peaks["position"] + 1)
    with writing(folder / "peaks.csv") as partial:
        from_one.drop(columns="position").to_csv(partial, index=False, float_format="%.6g")
    simulated = [folder / "demo.fa", folder / "demo.gff"] if given.truth is not None else []
    files = sorted([*hub, folder / "peaks.bed", folder / "peaks.csv", *simulated])
    own.only(p.name, files)
    return Finding("\n".join(f"- `{path}`: {path.stat().st_size:,} bytes" for path in files))


def _hub_track(head: tuple[int, int], received: Mapping[str, NDArray]) -> tracks.HubTrack:
    """The track of the attention that nucleotides receive from one head."""
    layer, number = head[0] + 1, head[1] + 1
    caption = f"Attention received from head {number} of layer {layer}"
    return tracks.HubTrack(f"head_{layer}_{number}", f"L{layer} H{number}", caption, received)


def in_short(
    given: Opened, found: Annotated, against: Against, genes: Genes, p: Checked
) -> Finding:
    """Answer the chapter's question in a few sentences."""
    nt = int(given.contigs["length"].sum())
    n = len(found.peaks)
    many = (
        f"`{p.weights}` marks **{_counted(n, 'peak')}** of at least {p.threshold:g} on "
        f"{_counted(len(given.genomes), 'contig')} of {nt:,} nt, {1000 * n / (2 * nt):.2g} in "
        "1,000 nt of a strand. "
    )
    warned = f"**{doubt(found.chance)}** " if is_doubtful(found.chance) else ""
    return Finding(
        warned + many + say_right(against, p) + say_genes(genes, p) + say_how_sure(against, p.level)
    )


def say_right(against: Against, p: Checked) -> str:
    """Say how many peaks are start sites, as far as that is known."""
    if against.right is None or against.reached is None:
        return "How many of them are start sites is not known here. "
    if np.isnan(against.right.value):
        return f"No planted site has a peak within {p.apart} nt. "
    return (
        f"Within {p.apart} nt of a planted site lie {with_interval(*against.right, '.0%')} of the "
        f"peaks, and {with_interval(*against.reached, '.0%')} of the planted sites have a peak. "
    )


def say_genes(genes: Genes, p: Checked) -> str:
    """Say how the output changes at gene starts, if there is an annotation."""
    if genes.ratio is None:
        return "Without an annotation, the output cannot be compared before and after gene starts. "
    return (
        f"The mean output of the {p.flank} nt before gene starts is "
        f"{with_interval(*genes.ratio, '.1f')} times that of the {p.flank} nt after them. "
    )


def say_how_sure(against: Against, level: float) -> str:
    """Say what the intervals rest on, and what was not shown."""
    if against.right is None:
        return (
            f"An interval of the ratio covers {level:.0%} and comes from resampling gene starts. A "
            "rise of the output before genes does not prove any single peak; an experiment on this "
            "organism could."
        )
    return (
        f"Intervals cover {level:.0%}: those of the shares are binomial and take peaks as "
        "independent, that of the ratio comes from resampling gene starts. All hold for this one "
        "simulated genome, and say nothing of another organism."
    )


def _counted(n: int, word: str) -> str:
    """Write a number and its noun: ``1 peak``, ``1,200 peaks``."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")
