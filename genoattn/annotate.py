"""Your own sequences, annotated: a FASTA file in, a track for each contig out; wraps prediction.py.

The short way, for a script::

    from genoattn import annotate
    from genoattn.model import Annotator

    model = Annotator.load("annotator")
    tracks = annotate.annotate(model, "genome.fasta", circular=["chromosome"])
    tracks["chromosome"].shape  # (2, L): strand, forward position

Everything that can be wrong with the input is looked at before the first position is computed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from typing_extensions import override

from genoattn import bootstrap
from genoattn.card import Card
from genoattn.convolutional import load_network
from genoattn.files import writing
from genoattn.gene_prior import GenePrior, distance_to_gene, find_prior, gene_starts
from genoattn.genome import STRANDS, UNKNOWN, Genome, read_fasta, strand_index, write_fasta
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.prediction import AttentionRecorder, mean_log_odds, predict
from genoattn.profiles import Around
from genoattn.tracks import find_peaks
from genoattn.weight_files import WeightsError

__all__ = [
    "ReceivedAttention",
    "annotate",
    "around_sites",
    "before_over_after",
    "check_genome",
    "contig_table",
    "demo_files",
    "head_numbers",
    "load_contigs",
    "mean_and_median",
    "near",
    "peak_table",
    "peaks_per_kb",
    "starts_of",
]

_PLACE = ["contig", "strand"]
_FEW = 5  # contigs that have a progress bar each
_GROUPS = 200  # groups of neighbouring sites that are resampled

ALL = "all"
"""As the only name of a circular contig: all of them are circular."""


# ---------------------------------------------------------------------------------- sequences


def load_contigs(path: str | Path, circular: Collection[str] = ()) -> list[Genome]:
    """Read the contigs of a FASTA file and say which are circular.

    Parameters
    ----------
    path : str or Path
        FASTA, plain or ``.gz``, either case, IUPAC letters.
    circular : collection of str
        Names of the circular contigs, or ``["all"]``. A contig that is not named is what its
        header says (``[topology=circular]``), and linear where the header says nothing.

    Returns
    -------
    list of Genome
        In the file's order.

    Raises
    ------
    GenomeError, FileNotFoundError
        See `genoattn.genome.read_fasta`: empty file, repeated name, a letter that is none.
    ValueError
        A contig is named as circular that is not there, or no letter of the file is known.
    """
    if isinstance(circular, str):
        circular = [circular]
    genomes = read_fasta(path, circular=False)
    names = [genome.name for genome in genomes]
    unknown = [name for name in circular if name not in names and name != ALL]
    if unknown:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise ValueError(f"{path}: no contig is named {unknown[0]!r}; there are: {shown}")
    if all((genome.codes == UNKNOWN).all() for genome in genomes):
        raise ValueError(f"{path}: no letter is A, C, G or T; is this a protein or a mask?")
    return [
        Genome(
            genome.name, genome.codes, genome.circular or {ALL, genome.name} & {*circular} != set()
        )
        for genome in genomes
    ]


def contig_table(genomes: Sequence[Genome], config: AnnotatorConfig) -> pd.DataFrame:
    """Facts that decide how much an annotation of these contigs can be trusted.

    Returns
    -------
    DataFrame
        ``contig``, ``length`` (nt), ``circular``, ``gc`` and ``unknown`` (shares of the letters;
        ``gc`` among the known ones, NaN where there are none), ``full_context`` (share of the
        positions, both strands, whose first layer sees a whole window inside the contig).
    """
    rows = []
    for genome in genomes:
        known = genome.codes[genome.codes != UNKNOWN]
        cold = 0 if genome.circular else min(len(genome), config.window - 1 - config.downstream)
        rows.append(
            {
                "contig": genome.name,
                "length": len(genome),
                "circular": genome.circular,
                "gc": float(np.isin(known, (1, 2)).mean()) if known.size else np.nan,
                "unknown": 1 - known.size / len(genome),
                "full_context": 1 - max(0, cold) / len(genome),
            }
        )
    return pd.DataFrame(rows)


def check_genome(weights: str | Path, genome: Genome) -> None:
    """Refuse to take the test part of one genome for that of another.

    Parameters
    ----------
    weights : str or Path
        A file or a shipped name; its card says what it was trained on.
    genome : Genome
        The genome whose test part is to be looked at.

    Raises
    ------
    WeightsError
        The weights were trained on another genome.
    """
    trained_on = Card.read(weights).genome
    if trained_on != genome.name:
        raise WeightsError(
            f"{weights}: trained on {trained_on}, so its test part is none of {genome.name}; train "
            "on this genome, or annotate it as a whole (chapter your_genome)"
        )


class DemoFiles(NamedTuple):
    """What `demo_files` wrote, and the truth: ``contig``, ``position``, ``strand`` of each TSS."""

    fasta: Path
    gff: Path
    truth: pd.DataFrame


def demo_files(folder: str | Path, seed: int, chromosome: int, plasmid: int) -> DemoFiles:
    """Simulate a genome of two contigs and write it as FASTA and GFF3, as if it were yours.

    A circular ``chromosome`` and a linear ``plasmid`` (the header says which), the latter with
    lower-case letters and a stretch of ambiguity letters.

    Parameters
    ----------
    folder : str or Path
        Where ``demo.fa`` and ``demo.gff`` go.
    seed : int
        Of the simulation; use another than that of the genome a model was trained on.
    chromosome, plasmid : int
        Lengths in nt, at least 10,000.

    Returns
    -------
    DemoFiles
    """
    from genoattn.synthetic import simulate

    contigs, lines, truth = [], ["##gff-version 3\n"], []
    for number, (name, length) in enumerate([("chromosome", chromosome), ("plasmid", plasmid)]):
        made = simulate(seed=seed + number, length=length)
        contigs.append(Genome(name, made.genome.codes, circular=name == "chromosome"))
        truth.append(made.truth_sites[["position", "strand"]].assign(contig=name))
        columns = made.features[["start", "end", "strand", "type", "locus_tag", "pseudo"]]
        for start, end, strand, kind, tag, pseudo in columns.itertuples(index=False, name=None):
            phase, ending = "0" if kind == "CDS" else ".", ";pseudo=true" if pseudo else ""
            text = f"ID={kind}-{name}-{tag};locus_tag={name}_{tag}{ending}"
            fields = (name, "simulation", kind, start + 1, end, ".", strand, phase, text)
            lines.append("\t".join(map(str, fields)) + "\n")
    fasta, gff = Path(folder) / "demo.fa", Path(folder) / "demo.gff"
    write_fasta(contigs, fasta)
    head, plain = fasta.read_text().rsplit(">", 1)
    first, sequence = plain.split("\n", 1)
    with writing(fasta) as temporary:
        temporary.write_text(f"{head}>{first}\nNNNNRYSWKM\n{sequence[10:].lower()}")
    with writing(gff) as temporary:
        temporary.write_text("".join(lines))
    return DemoFiles(fasta, gff, pd.concat(truth, ignore_index=True))


# --------------------------------------------------------------------------------- annotation


def annotate(
    model: Annotator | str | Path | Sequence[str | Path],
    genome: str | Path | Genome | Sequence[Genome],
    *,
    circular: Collection[str] = (),
    recorders: Mapping[str, Sequence[AttentionRecorder]] | None = None,
    chunk: int | None = None,
    progress: bool = True,
) -> dict[str, NDArray[np.float32]]:
    """Probability of a site at every position of both strands of every contig.

    Parameters
    ----------
    model : Annotator, str, Path or sequence of str and Path
        The annotator, or the name or file of its weights. Of several weights the log-odds are
        averaged, which takes as many times as long. With the name or file of a gene prior (such as
        ``with-genes``) the annotators that it names are averaged, the genes of all contigs found,
        and where they begin is weighed (`genoattn.gene_prior`).
    genome : str, Path, Genome or sequence of Genome
        A FASTA file, or contigs that were read before.
    circular : collection of str
        See `load_contigs`; for a file only.
    recorders : mapping of str to sequence of AttentionRecorder, optional
        What watches the attention, by contig.
    chunk : int, optional
        Positions read at once, see `genoattn.prediction.predict`.
    progress : bool
        Show a progress bar for each contig, or one over all where there are many.

    Returns
    -------
    dict of str to float32 array, shape (2, L)
        Contig name to track, in the file's order; indexed by strand row and forward position.
    """
    if isinstance(genome, Genome):
        genomes = [genome]
    elif isinstance(genome, (str, Path)):
        genomes = load_contigs(genome, circular)
    else:
        genomes = list(genome)
    if not genomes:
        raise ValueError("no contig to annotate")
    names = [one.name for one in genomes]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two contigs are named {twice}")
    watched = dict(recorders or {})
    if set(watched) - set(names):
        raise ValueError(f"no contig is named {min(set(watched) - set(names))!r}")
    if isinstance(model, (str, Path)) and (file := find_prior(model)):
        prior = GenePrior.load(file)
        starts = gene_starts(genomes)
        mean = annotate(
            prior.weights(file), genomes, recorders=recorders, chunk=chunk, progress=progress
        )
        return {
            one.name: prior.apply(
                mean[one.name],
                distance_to_gene(starts[one.name], len(one), circular=one.circular),
            )
            for one in genomes
        }
    if isinstance(model, Sequence) and not isinstance(model, str):
        if not model:
            raise ValueError("no weights to annotate with")
        if watched:
            raise ValueError("attention is recorded of one model, not of several at once")
        each = [annotate(one, genomes, chunk=chunk, progress=progress) for one in model]
        return {name: mean_log_odds([found[name] for found in each]) for name in names}
    if isinstance(model, (str, Path)):
        model = cast(Annotator, load_network(model))  # whatever reads a strand will do
    tracks = {}
    many = len(genomes) > _FEW
    bar = tqdm(
        total=2 * sum(map(len, genomes)),
        desc="annotating",
        unit="nt",
        unit_scale=True,
        mininterval=1,
        disable=not (progress and many),
    )
    with bar:
        for one in genomes:
            tracks[one.name] = predict(
                model,
                one,
                recorders=watched.get(one.name, ()),
                chunk=chunk,
                progress=progress and not many,
            )
            bar.update(2 * len(one))
    return tracks


def head_numbers(names: Sequence[str], config: AnnotatorConfig) -> list[tuple[int, int]]:
    """Read names of heads, such as ``"1.2"`` for the second head of the first layer.

    Returns
    -------
    list of (int, int)
        Layer and head, counted from 0.

    Raises
    ------
    ValueError
        Not of this form, or the model has no such head.
    """
    found = []
    for name in names:
        parts = name.split(".")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError(f"head {name!r}: write layer and head as 1.2, both from 1")
        found.append((int(parts[0]) - 1, int(parts[1]) - 1))
    _check_heads(found, config)
    return found


def _check_heads(heads: Sequence[tuple[int, int]], config: AnnotatorConfig) -> None:
    """Refuse heads that the model does not have."""
    for layer, head in heads:
        if not (0 <= layer < config.layers and 0 <= head < config.heads):
            raise ValueError(
                f"no head {head + 1} in layer {layer + 1}: the model has {config.layers} "
                f"layers of {config.heads} heads"
            )


class ReceivedAttention(AttentionRecorder):
    """Attention that each nucleotide gets from a head, summed over all queries that look at it.

    The mean over a contig is 1 (each query hands out 1), less what falls beyond its ends.
    """

    def __init__(
        self, config: AnnotatorConfig, genome: Genome, heads: Sequence[tuple[int, int]]
    ) -> None:
        """Watch heads, each a layer and a head counted from 0."""
        _check_heads(heads, config)
        self._config, self._genome = config, genome
        self._ordered = {key: np.zeros((2, len(genome))) for key in heads}

    @override
    def observe(self, layer: int, head: int, strand: int, start: int, weights: Tensor) -> None:
        received = self._ordered.get((layer, head))
        if received is None:
            return
        n, window = weights.shape
        # row i of the skewed table begins i places further right, so columns are positions
        skewed = torch.nn.functional.pad(weights.double(), (0, n)).flatten()[: n * (window + n - 1)]
        total = skewed.view(n, window + n - 1).sum(0).cpu().numpy()
        first = start + self._config.downstream - (window - 1)
        index = np.arange(first, first + total.size)
        if self._genome.circular:
            index %= len(self._genome)
        else:
            inside = (index >= 0) & (index < len(self._genome))
            index, total = index[inside], total[inside]
        np.add.at(received[strand], index, total)

    @property
    def tracks(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """By (layer, head), counted from 0; shape (2, L) each."""
        return {key: np.stack([plus, minus[::-1]]) for key, (plus, minus) in self._ordered.items()}


# ------------------------------------------------------------------------------------ summary


def starts_of(features: pd.DataFrame) -> pd.DataFrame:
    """First nucleotides of all genes of an annotation; of its CDS, if it names no gene.

    Parameters
    ----------
    features : DataFrame
        `genoattn.genome.read_gff_contigs`.

    Returns
    -------
    DataFrame
        ``contig``, ``position``, ``strand``; distinct.

    Raises
    ------
    ValueError
        There is neither a gene nor a CDS.
    """
    genes = features[features["type"].isin(["gene", "pseudogene"])]
    chosen = genes if len(genes) else features[features["type"] == "CDS"]
    if chosen.empty:
        kinds = ", ".join(sorted(set(features["type"])))
        raise ValueError(f"the annotation has neither a gene nor a CDS, only: {kinds}")
    position = np.where(chosen["strand"] == "+", chosen["start"], chosen["end"] - 1)
    sites = chosen[_PLACE].assign(position=position)[["contig", "position", "strand"]]
    return sites.drop_duplicates(ignore_index=True)


def around_sites(
    tracks: Mapping[str, NDArray], sites: pd.DataFrame, genomes: Sequence[Genome], flank: int
) -> Around:
    """Output around sites of several contigs, on their own and the other strand.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
    sites : DataFrame
        ``contig``, ``position`` (0-based), ``strand``.
    genomes : sequence of Genome
        Windows wrap round the end of a circular one; beyond the ends of a linear one stands NaN.
    flank : int
        Nucleotides on each side.

    Returns
    -------
    Around
        Sites contig by contig, in the order of ``genomes``.
    """
    if sites.empty:
        raise ValueError("no site to look around")
    step = np.arange(-flank, flank + 1)
    windows: dict[str, list[NDArray]] = {"sense": [], "antisense": []}
    for genome in genomes:
        own = sites[sites["contig"] == genome.name]
        if own.empty:
            continue
        length, track = len(genome), tracks[genome.name]
        strand = own["strand"].to_numpy()
        row = (strand == STRANDS[1]).astype(int)[:, None]
        along = strand_index(own["position"].to_numpy(), strand, length)[:, None] + step
        inside = genome.circular | ((along >= 0) & (along < length))
        along %= length
        index = np.where(row == 0, along, length - 1 - along)
        for relation, chosen in (("sense", row), ("antisense", 1 - row)):
            windows[relation].append(np.where(inside, track[chosen, index], np.nan))
    return Around(*map(np.concatenate, windows.values()))


def mean_and_median(around: Around) -> pd.DataFrame:
    """Mean and median output at each offset from the sites.

    Returns
    -------
    DataFrame
        ``strand_relation`` (sense, antisense), ``offset`` (0 is the site), ``mean``, ``median``,
        ``n`` (sites that have a value there).
    """
    frames = []
    for relation, values in around._asdict().items():
        masked = np.ma.masked_invalid(values)
        flank = values.shape[1] // 2
        frames.append(
            pd.DataFrame(
                {
                    "strand_relation": relation,
                    "offset": np.arange(-flank, flank + 1),
                    "mean": masked.mean(axis=0).filled(np.nan),
                    "median": np.ma.median(masked, axis=0).filled(np.nan),
                    "n": np.isfinite(values).sum(axis=0),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def before_over_after(
    windows: NDArray, *, n_bootstrap: int, level: float, seed: int
) -> tuple[float, float, float]:
    """Mean output before sites over that after them, with a bootstrap interval.

    Neighbouring sites are resampled together, in at most 200 groups, as their windows may overlap.

    Parameters
    ----------
    windows : array, shape (n, 2 flank + 1)
        Output around sites in the order of the genome; NaN where there is none. The sites
        themselves, in the middle, do not count.
    n_bootstrap, level, seed
        Resamplings, coverage, and the seed of the random numbers.

    Returns
    -------
    (float, float, float)
        Ratio, and lower and upper limit; limits are NaN with fewer than two sites.
    """
    n, flank = len(windows), windows.shape[1] // 2
    group = np.arange(n) * min(n, _GROUPS) // n
    halves = windows[:, :flank], windows[:, flank + 1 :]
    totals = [bootstrap.sums(np.nansum(half, axis=1), group) for half in halves]
    counts = [bootstrap.sums(np.isfinite(half).sum(axis=1), group) for half in halves]

    def ratio(weight: NDArray) -> NDArray:
        with np.errstate(invalid="ignore", divide="ignore"):  # none of the drawn has a value there
            before, after = (
                (weight @ t) / (weight @ c) for t, c in zip(totals, counts, strict=True)
            )
            return before / after

    value = float(ratio(np.ones(int(group.max()) + 1)))
    if n < 2:
        return value, float("nan"), float("nan")
    draws = bootstrap.resample(group, n_bootstrap, seed)
    return value, *bootstrap.interval(ratio(draws), level)


def peaks_per_kb(
    tracks: Mapping[str, NDArray], thresholds: Sequence[float], apart: int
) -> pd.DataFrame:
    """How many peaks each threshold gives, by contig and strand.

    Returns
    -------
    DataFrame
        ``contig``, ``strand``, ``threshold``, ``n``, ``per_kb`` (of one strand).
    """
    lowest = find_peaks(tracks, min(thresholds), apart=apart)
    rows = []
    for contig, track in tracks.items():
        for strand in STRANDS:
            own = lowest[(lowest["contig"] == contig) & (lowest["strand"] == strand)]
            for threshold in thresholds:
                n = int((own["output"] >= np.float32(threshold)).sum())
                rows.append((contig, strand, threshold, n, 1000 * n / track.shape[1]))
    return pd.DataFrame(rows, columns=["contig", "strand", "threshold", "n", "per_kb"])


def near(places: pd.DataFrame, others: pd.DataFrame, tolerance: int) -> NDArray[np.bool_]:
    """Whether each place has another one near: of the same contig and strand, a few nt away.

    Parameters
    ----------
    places, others : DataFrame
        ``contig``, ``position``, ``strand``.
    tolerance : int
        Largest distance in nt; nothing wraps round.

    Returns
    -------
    bool array, shape (len(places),)
    """
    ones, there = (
        one[["contig", "position", "strand"]]
        .astype({"position": np.int64, "contig": str, "strand": str})
        .assign(row=np.arange(len(one)))
        .sort_values("position")
        for one in (places, others)
    )
    found = pd.merge_asof(
        ones, there, on="position", by=_PLACE, direction="nearest", tolerance=tolerance
    )
    return found.sort_values("row_x")["row_y"].notna().to_numpy()


def peak_table(
    peaks: pd.DataFrame, features: pd.DataFrame | None, genomes: Sequence[Genome]
) -> pd.DataFrame:
    """Peaks with the next feature start downstream on their strand.

    Parameters
    ----------
    peaks : DataFrame
        `genoattn.tracks.find_peaks`.
    features : DataFrame or None
        `genoattn.genome.read_gff_contigs`; features of the type ``gene``, ``pseudogene`` or
        ``CDS`` count. None where there is no annotation.
    genomes : sequence of Genome
        The contigs.

    Returns
    -------
    DataFrame
        The peaks, and where features are given ``next_gene`` (its locus tag, else its name; empty
        where none follows) and ``distance`` (nt from the peak to its first nucleotide, NaN where
        none follows). Round the end of a circular contig the search goes on.
    """
    if features is None:
        return peaks
    gene = peaks.assign(next_gene="", distance=np.nan)
    kept = features[features["type"].isin(["gene", "pseudogene", "CDS"])]
    for genome in genomes:
        length = len(genome)
        for strand in STRANDS:
            rows = gene.index[(gene["contig"] == genome.name) & (gene["strand"] == strand)]
            own = kept[(kept["contig"] == genome.name) & (kept["strand"] == strand)]
            if own.empty or rows.empty:
                continue
            begin = own["start"] if strand == "+" else own["end"] - 1
            first = strand_index(begin.to_numpy(), np.full(len(own), strand), length)
            order = np.argsort(first, kind="stable")
            first = first[order]
            label = own["locus_tag"].where(own["locus_tag"] != "", own["gene"]).to_numpy()[order]
            place = gene.loc[rows, "position"].to_numpy()
            along = strand_index(place, np.full(len(rows), strand), length)
            found = np.searchsorted(first, along)
            beyond = found == len(first)
            distance = np.where(beyond, first[0] + length, first[found % len(first)]) - along
            if not genome.circular:
                rows, distance, found = rows[~beyond], distance[~beyond], found[~beyond]
            gene.loc[rows, "next_gene"] = label[found % len(first)]
            gene.loc[rows, "distance"] = distance
    return gene
