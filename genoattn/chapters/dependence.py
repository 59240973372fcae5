"""The chapter dependence: what the output depends on; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "06_dependence",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(
            int, 0, "seed of segments, sites, letters and of the resampling of blocks", low=0
        ),
        "n_segments": Parameter(
            int, 32, "segments of the test part on which heads are switched off", low=4
        ),
        "segment": Parameter(int, 512, "scored nucleotides of a segment", low=1),
        "context": Parameter(int, 512, "nucleotides read before a segment", low=0),
        "n_leading": Parameter(
            int,
            6,
            "heads that matter most, of which every two are switched off together",
            low=2,
            high=20,
        ),
        "n_sites": Parameter(
            int,
            20,
            "start sites of the test part around which nucleotides are changed, at most",
            low=2,
        ),
        "region_first": Parameter(int, -100, "first position that is changed, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position that is changed, the TSS is +1"),
        "n_substitutions": Parameter(
            int,
            1,
            "other nucleotides tried at each position, drawn at random if below 3",
            low=1,
            high=3,
        ),
        "width": Parameter(int, 7, "nucleotides of a word, odd", low=1, high=51),
        "n_steps": Parameter(int, 16, "points of the integral of the gradients", low=1),
        "block": Parameter(int, 2_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
    },
)
"""What this chapter may be asked."""
