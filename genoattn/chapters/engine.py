"""The chapter engine: how fast attention runs, and that it is exact; parameters, steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "08_engine",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of random operands and samples", low=0),
        "bench": Parameter(
            str, "book/results", "folder of bench.csv and bench_profile.csv, written by make bench"
        ),
        "lengths": Parameter(
            list[int],
            [1, 64, 513, 1500],
            "lengths in nt on which the two forms are compared",
            low=1,
        ),
        "chunks": Parameter(
            list[int],
            [100, 1000, 3000],
            "positions read at once that are compared with one piece, in nt",
            low=1,
        ),
        "seam_length": Parameter(
            int, 4_000, "nucleotides of the genome on which the chunks are compared", low=1
        ),
        "n_census": Parameter(
            int, 2_500, "nucleotides whose attention is held whole, on both strands", low=10
        ),
        "n_sample": Parameter(int, 500, "positions of the sample for rank correlation", low=3),
        "k_best": Parameter(int, 50, "best positions of each head and distance", low=1),
        "mixed_steps": Parameter(
            int, 10, "training steps taken in full and in mixed precision", low=2
        ),
        "n_genomes": Parameter(
            int,
            400_000,
            "genomes of a large collection, about as many as RefSeq has of bacteria",
            low=1,
        ),
        "mean_length": Parameter(int, 4_000_000, "their mean length in nt", low=1),
        "days": Parameter(
            float, 7, "time in which the collection shall be annotated, in days", low=0.01
        ),
    },
)
"""What this chapter may be asked."""
