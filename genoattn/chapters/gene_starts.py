"""The chapter gene_starts: translation starts, another kind of site; parameters, steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.data import coordinates
from genoattn.genome import motifs
from genoattn.genome.formats import GeneStarts
from genoattn.genome.sequence import decode
from genoattn.study import inputs
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import FOLDERS, Checked, Parameter, Schema, own_files
from genoattn.study.report import Finding, listed, signed, table
from genoattn.study.run import Run

__all__ = ["PARAMETERS", "Audit", "Codons", "Sites", "audited", "codons", "in_short", "sites"]


PARAMETERS = Schema(
    "00_gene_starts",
    {
        "source": Parameter(
            str,
            "synthetic",
            "whose genes: of a simulation, of E. coli (RefSeq), or of your files",
            choices=("synthetic", "ecoli", "files"),
        ),
        "seed": Parameter(int, 0, "seed of the simulation", low=0),
        "genome_length": Parameter(
            int, 300_000, "nucleotides of the simulated genome", low=10_000, high=20_000_000
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published files; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "fasta": Parameter(str, None, "your genome, if source is files", optional=True),
        "gff": Parameter(str, None, "its annotation (GFF3), if source is files", optional=True),
        "before": Parameter(int, 25, "nucleotides shown before a start", low=1, high=200),
        "after": Parameter(int, 15, "nucleotides shown from a start on", low=3, high=200),
        **FOLDERS,
    },
    together=(own_files,),
)
"""What this chapter may be asked."""


class Sites(NamedTuple):
    """The study whose sites are the starts of coding sequences."""

    study: StudyInputs
    finding: Finding


def sites(run: Run, p: Checked) -> Sites:
    """Take the starts of all coding sequences as sites; write inputs and labels into the run.

    Parameters
    ----------
    run : Run
        Gets the inputs, and the sites as its curated set.
    p : Checked
        ``source``, ``seed``, ``genome_length``, ``data_dir``, ``fasta``, ``gff``.
    """
    study, starts = inputs.gene_start_inputs(
        p.source, p.data_dir, p.seed, p.genome_length, p.fasta, p.gff
    )
    run.save_inputs(study)
    run.write_curated(
        study.sites.assign(
            source="curated", n_sources=1, members="annotation", kind="annotated", votes=1
        )
    )
    return Sites(study, Finding(describe(study, starts)))


def describe(study: StudyInputs, starts: GeneStarts) -> str:
    """Say how many sites the annotation gave, and what cannot be looked at for want of tables."""
    genome, n_plus = study.genome, int((study.sites["strand"] == "+").sum())
    return (
        f"**{genome.name}** has {genome.length:,} nt and {starts.n_features:,} coding sequences; "
        f"{starts.n_pseudo:,} are pseudogenes, {starts.n_partial:,} have no known beginning. That "
        f"leaves **{len(study.sites):,}** distinct {study.of.site}s, "
        f"{n_plus:,} of them on the plus strand."
        + "".join(f"\n\n- {sentence}" for sentence in study.lacking())
    )


class Audit(NamedTuple):
    """Share of sites with a start codon at each offset from the printed position."""

    shares: pd.DataFrame
    finding: Finding


def audited(study: StudyInputs) -> Audit:
    """Look at which offset from the printed position most sites have a start codon."""
    shares = coordinates.start_codon_audit(study.sites, study.genome)
    return Audit(shares, Finding(say_offsets(shares), {"gene_starts_audit": shares}))


def say_offsets(shares: pd.DataFrame) -> str:
    """Say at which offset start codons are found on each strand, and whether that is right."""
    best = shares.loc[shares.groupby("strand", sort=False)["start_codon"].idxmax()]
    told = listed(
        f"{share:.1%} on the {strand} strand (offset {signed(offset)})"
        for share, strand, offset in zip(
            best["start_codon"], best["strand"], best["offset"], strict=True
        )
    )
    right = (best["offset"] == 0).all()
    return f"Most start codons are found for {told}. " + (
        "The positions are right as they stand."
        if right
        else "**The positions are not those of the start codons**: is this the annotation of this "
        "very sequence?"
    )


class Codons(NamedTuple):
    """Which codons the sites have, and which letters stand around them."""

    counts: NDArray[np.int64]
    """Counts of A, C, G, T at each offset, shape (before + after, 4)."""
    first: int
    """Offset of the first row."""
    codons: pd.DataFrame
    """Columns codon, n; most frequent first."""
    finding: Finding


def codons(study: StudyInputs, p: Checked) -> Codons:
    """Count the letters from ``before`` nt before each site to ``after`` nt from it on."""
    offset = np.arange(-p.before, p.after)
    codes = study.genome.around(study.sites["position"], study.sites["strand"], offset)
    counts = motifs.count_matrix(codes)
    words = pd.Series([decode(codon) for codon in codes[:, p.before : p.before + 3]])
    found = words.value_counts().rename_axis("codon").reset_index(name="n")
    letters = pd.DataFrame(counts, columns=list("ACGT")).assign(offset=offset)
    shown = pd.DataFrame(
        {
            "start codon": found["codon"],
            "sites": found["n"].map("{:,}".format),
            "share": found["n"].div(len(study.sites)).map("{:.1%}".format),
        }
    )
    results = {"gene_starts_codons": found, "gene_starts_letters": letters}
    return Codons(counts, -p.before, found, Finding(table(shown), results))


def in_short(study: StudyInputs, audit: Audit, codons: Codons) -> Finding:
    """Answer the chapter's question in three sentences."""
    at_zero = audit.shares[audit.shares["offset"] == 0]["start_codon"]
    first = codons.codons.iloc[0]
    n = int(codons.codons["n"].sum())
    return Finding(
        f"The annotation of {study.genome.name} gives {n:,} {study.of.site}s, each "
        f"on one nucleotide of one strand. At {at_zero.min():.1%} of them or more, on either "
        f"strand, the genome has a start codon at the very position; {first['codon']} is the most "
        f"frequent ({first['n'] / n:.0%}). These are counts of a whole annotation, so they have no "
        "sampling error; what they cannot tell is whether ribosomes start there, as few of these "
        "starts have been seen in an experiment."
    )
