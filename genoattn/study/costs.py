"""What an annotation costs beside its prediction: many contigs, a short sequence; CSV files out.

Draft assemblies and metagenomes have 100,000 contigs, most of them short. ``genoattn costs`` (a
part of ``make bench``) makes such drafts at random, times each step of ``genoattn annotate`` and of
the chapter `genoattn.chapters.your_genome` that is not the network's, and compares with the time
that the network takes. Each step should cost as much for each contig, however many there are.

For a short sequence it is the start that may weigh: so each part of ``genoattn annotate`` is timed
on ten thousand nucleotides.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from genoattn import annotate, tracks
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.files import writing
from genoattn.genome.formats import read_gff_contigs, write_fasta
from genoattn.genome.sequence import STRANDS, Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.networks import load_network
from genoattn.model.weights import find_prior
from genoattn.output import around
from genoattn.output.peaks import peak_table, peaks_per_kb
from genoattn.prediction.benchmark import seconds, write_table
from genoattn.prediction.ensemble import GenePrior, gene_starts
from genoattn.prediction.predict import predict

__all__ = ["Draft", "draft", "main", "measure", "nt_per_second", "shares", "short", "steps"]


THRESHOLD, APART, FLANK = 0.5, 5, 20
"""Least output of a peak, nt within which it is the highest, and nt beside a gene's start."""
_DENSITIES = (0.1, 0.2, 0.5)  # thresholds at which the density of peaks is counted


class Draft(NamedTuple):
    """Contigs at random with an output that a network might give."""

    genomes: list[Genome]
    features: pd.DataFrame
    """As of `genoattn.genome.formats.read_gff_contigs`, two genes a contig."""
    output: Mapping[str, NDArray[np.float32]]
    """Contig -> values from 0 to 1, few of them high, shape (2, L)."""


def draft(n: int, length: int, seed: int = 0) -> Draft:
    """Make n contigs of so many nt, at least 40; every third is circular."""
    rng = np.random.default_rng(seed)
    names = [f"contig_{number}" for number in range(n)]
    codes = rng.integers(0, 4, (n, length), dtype=np.uint8)
    genomes = [Genome(name, codes[i], circular=i % 3 == 0) for i, name in enumerate(names)]
    start = rng.integers(0, length - 20, 2 * n)
    features = pd.DataFrame(
        {
            "contig": np.repeat(names, 2),
            "start": start,
            "end": start + 20,
            "strand": rng.choice(STRANDS, 2 * n),
            "type": rng.choice(["gene", "CDS"], 2 * n),
            "gene": rng.choice(["abc", "xyz", ""], 2 * n),
            "locus_tag": [f"L{number}" for number in range(2 * n)],
            "pseudo": False,
        }
    )
    output = (rng.random((n, 2, length), dtype=np.float32)) ** 60
    return Draft(genomes, features, dict(zip(names, output, strict=True)))


def _write_gff(path: Path, features: pd.DataFrame) -> None:
    """Write features as GFF3."""
    table = pd.DataFrame(
        {
            "contig": features["contig"],
            "source": "random",
            "type": features["type"],
            "first": features["start"] + 1,
            "last": features["end"],
            "score": ".",
            "strand": features["strand"],
            "frame": "0",
            "text": "locus_tag=" + features["locus_tag"] + ";gene=" + features["gene"],
        }
    )
    with writing(path) as temporary:
        table.to_csv(temporary, sep="\t", header=False, index=False)


def steps(given: Draft, folder: Path) -> dict[tuple[str, str], Callable[[], object]]:
    """List what is done beside the prediction.

    Parameters
    ----------
    given : Draft
        Its sequences and annotation are written to ``folder``, from which the steps read them.
    folder : Path

    Returns
    -------
    dict of (str, str) to callable
        Part (set-up or output) and name -> what does it.
    """
    genomes, features, output = given
    fasta, gff = folder / "draft.fa", folder / "draft.gff"
    write_fasta(genomes, fasta)
    _write_gff(gff, features)
    found = find_peaks(output, THRESHOLD, apart=APART)
    starts = around.starts_of(features, genomes)
    circular = [one.name for one in genomes if one.circular]
    return {
        ("set-up", "sequences read"): lambda: annotate.load_contigs(fasta, circular),
        ("set-up", "names checked"): lambda: tracks.check_contig_names(genomes, fasta),
        ("set-up", "facts of contigs"): lambda: annotate.contig_table(genomes, AnnotatorConfig()),
        ("set-up", "annotation read"): lambda: read_gff_contigs(gff, genomes),
        ("output", "peaks found"): lambda: find_peaks(output, THRESHOLD, apart=APART),
        ("output", "peaks by threshold"): lambda: peaks_per_kb(output, _DENSITIES, APART),
        ("output", "next genes"): lambda: peak_table(found, features, genomes),
        ("output", "around genes"): lambda: around.around_sites(output, starts, genomes, FLANK),
        ("output", "bigWig of both strands"): lambda: tracks.write_strands(
            folder / "output", output, decimals=4
        ),
        ("output", "BED of the peaks"): lambda: tracks.write_bed(folder / "peaks.bed", found),
        ("output", "2bit of the sequences"): lambda: tracks.write_two_bit(
            folder / "draft.2bit", genomes
        ),
    }


def nt_per_second(model: Annotator, n: int, length: int) -> float:
    """Positions of both strands that a network predicts a second, contig by contig."""
    genomes = draft(n, length).genomes
    spent = seconds(lambda: annotate.annotate(model, genomes, progress=False))
    return 2 * n * length / spent


def measure(n: int, length: int, rate: float) -> pd.DataFrame:
    """Time each step for n contigs.

    Parameters
    ----------
    n, length : int
        Contigs, and nt of each.
    rate : float
        Positions that a network predicts a second (`nt_per_second`).

    Returns
    -------
    DataFrame
        Columns part, step, contigs, length (nt), seconds, ms_per_contig, share_of_prediction.
    """
    with tempfile.TemporaryDirectory(dir=".", prefix=".draft-") as folder:
        spent = {
            name: seconds(step) for name, step in steps(draft(n, length), Path(folder)).items()
        }
    table = pd.DataFrame([(*name, n, length, one) for name, one in spent.items()])
    table.columns = ["part", "step", "contigs", "length", "seconds"]
    table["ms_per_contig"] = 1000 * table["seconds"] / n
    table["share_of_prediction"] = table["seconds"] * rate / (2 * n * length)
    return table


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Add up the steps of each draft: seconds, ms_per_contig, share_of_prediction."""
    kept = ["seconds", "ms_per_contig", "share_of_prediction"]
    return table.groupby(["contigs", "length"], as_index=False)[kept].sum()


def short(weights: str, length: int) -> pd.DataFrame:
    """Time the parts of annotating one linear contig at random, each once, one after the other.

    Parameters
    ----------
    weights : str
        Name of weights that are shipped, or of a gene prior.
    length : int
        In nt.

    Returns
    -------
    DataFrame
        Columns weights, length, part (imports, loading, genes, networks, files), seconds.
    """
    (genome,) = draft(1, length).genomes
    genome = replace(genome, circular=False)
    file = find_prior(weights)
    names = GenePrior.load(file).weights(file) if file else [weights]
    networks: list[Any] = []
    tracks_of: list[NDArray[np.float32]] = []

    def write() -> None:
        with tempfile.TemporaryDirectory(dir=".", prefix=".short-") as folder:
            found = {genome.name: tracks_of[0]}
            tracks.write_strands(Path(folder) / "output", found, decimals=4)
            tracks.write_bed(Path(folder) / "peaks.bed", find_peaks(found, 0.1, apart=APART))

    command = [sys.executable, "-c", "import genoattn.annotate"]
    parts = {
        "imports": lambda: subprocess.run(command, check=True),
        "loading": lambda: networks.extend(load_network(name) for name in names),
        "genes": lambda: gene_starts([genome]) if file else None,
        "networks": lambda: tracks_of.extend(
            predict(one, genome, progress=False) for one in networks
        ),
        "files": write,
    }
    rows = [(weights, length, part, seconds(do)) for part, do in parts.items()]
    return pd.DataFrame(rows, columns=["weights", "length", "part", "seconds"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: time drafts and a short contig; write bench_contigs.csv, bench_short.csv."""
    parser = argparse.ArgumentParser(prog="genoattn costs", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("book/results"), help="folder of results")
    parser.add_argument("--contigs", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--length", type=int, default=1_000, help="of a contig, in nt")
    parser.add_argument("--sample", type=int, default=100, help="contigs that are predicted")
    parser.add_argument("--short", type=int, default=10_000, help="nt of the short contig")
    parser.add_argument("--weights", nargs="+", default=["curated", "annotator", "with-genes"])
    given = parser.parse_args(arguments)
    threads = torch.get_num_threads()
    parts = pd.concat([short(name, given.short) for name in given.weights], ignore_index=True)
    parts["threads"] = threads
    print(parts.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    write_table(given.out / "bench_short.csv", parts)
    torch.manual_seed(0)
    model = Annotator(AnnotatorConfig(dropout=0.0)).eval()
    rate = nt_per_second(model, given.sample, given.length)
    table = pd.concat(
        [measure(n, given.length, rate) for n in tqdm(given.contigs, desc="drafts", mininterval=1)],
        ignore_index=True,
    )
    table["threads"] = threads
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(f"The network predicts {rate:,.0f} positions a second, contig by contig; in all:")
    print(shares(table).to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    write_table(given.out / "bench_contigs.csv", table)
    return 0
