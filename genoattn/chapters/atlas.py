"""The chapter atlas: every head on one card; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "07_atlas",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seeds": Parameter(
            list[str],
            [],
            "the same training from other seeds, as weights; those not there are left out",
        ),
        "seed": Parameter(int, 0, "seed of the samples and of the permutations", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_best": Parameter(
            int, 50, "samples of most attention at an offset, for its motif", low=2, high=63
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the offset", low=1, high=51
        ),
        "region_first": Parameter(int, -100, "first position shown on a card, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position shown on a card, the TSS is +1"),
        "selective": Parameter(
            float, 0.2, "least selectivity of a head that is said to look at a place", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
        "ablation": Parameter(
            str,
            "mean",
            "what a head that is switched off gives instead",
            choices=("mean", "zero"),
        ),
        "n_permutations": Parameter(
            int, 1_000, "times that motifs are dealt out anew, for chance between seeds", low=1
        ),
        "n_shuffles": Parameter(
            int, 10_000, "random elements that each match of a motif is compared with", low=1
        ),
        "min_similarity": Parameter(
            float,
            0.5,
            "least similarity of motif and element for a role in another seed",
            low=0,
            high=1,
        ),
        "recovery_file": Parameter(
            str,
            "book/results/demo/recovery.csv",
            "planted elements found on simulated genomes",
        ),
    },
)
"""What this chapter may be asked."""
