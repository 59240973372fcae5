"""The chapter your_genome: a genome of one's own, annotated; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "05_your_genome",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "fasta": Parameter(
            str, None, "your sequences, FASTA or FASTA.gz; None: a simulation", optional=True
        ),
        "gff": Parameter(str, None, "their annotation (GFF3), if you have one", optional=True),
        "circular": Parameter(list[str], [], "names of circular contigs, or all"),
        "name": Parameter(str, "my_genome", "name of the track hub, one word"),
        "email": Parameter(str, "nobody@example.org", "address that the hub names for questions"),
        "threshold": Parameter(float, 0.1, "least output of a peak", low=0, high=1),
        "apart": Parameter(int, 5, "a peak is the highest within so many nt", low=1),
        "heads": Parameter(
            list[str], [], "heads whose received attention becomes a track, such as 1.2"
        ),
        "decimals": Parameter(int, 4, "decimals of the values in the tracks", low=1, high=9),
        "flank": Parameter(int, 200, "nucleotides on each side of a gene start", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a peak in its close-up", low=1),
        "n_top": Parameter(int, 9, "highest peaks that are shown", low=1, high=100),
        "seed": Parameter(int, 7, "seed of the simulation", low=0),
        "chromosome": Parameter(int, 60_000, "nucleotides of its larger contig", low=10_000),
        "plasmid": Parameter(int, 15_000, "nucleotides of its smaller contig", low=10_000),
    },
)
"""What this chapter may be asked."""
