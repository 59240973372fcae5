"""The chapter output: the output around sites, genes and regions; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "04_output",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of the resampling of blocks", low=0),
        "flank": Parameter(int, 600, "nucleotides on each side of a site", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a site in the close-up", low=1),
        "upstream": Parameter(
            int, 250, "a TSS at most this many nt before a pseudogene is counted as its own", low=0
        ),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
        "block": Parameter(int, 5_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "widths": Parameter(
            list[int],
            [1, 10, 50, 100, 200],
            "windows in nt in which the two strands are compared",
            low=1,
        ),
        "gene_parts": Parameter(int, 5, "equal parts of a gene, from its start to its end", low=1),
        "tolerance": Parameter(
            int, 5, "a peak and a site at most so many nt apart are the same", low=0
        ),
        "precision": Parameter(
            float, 0.5, "share of the peaks that shall be known sites", low=0.0, high=1.0
        ),
        "distance": Parameter(
            int, 200, "without a site of the other strand so near, in nt, a site is alone", low=1
        ),
        "shared_box": Parameter(
            list[int],
            [7, 25],
            "a site of the other strand so far upstream, in nt, may share the -10 box",
            low=1,
        ),
        "n_edited": Parameter(int, 12, "start sites whose promoters are shuffled", low=1),
        "n_controls": Parameter(int, 10, "genes that each pseudogene is compared with", low=1),
        "n_candidates": Parameter(int, 100, "new candidates that are listed, best first", low=1),
    },
)
"""What this chapter may be asked."""
