"""The chapter heads: where attention heads look and what for; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "03_heads",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of samples, shuffles and random elements", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_extreme": Parameter(
            int, 500, "positions of highest and of lowest output, so many each", low=1
        ),
        "n_best": Parameter(
            int,
            50,
            "samples of most attention at a head's favourite position, for its motif",
            low=2,
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the favourite position", low=1, high=51
        ),
        "k_census": Parameter(
            int, 300, "positions of most attention kept of all, for each head and offset", low=2
        ),
        "n_known": Parameter(
            int, 100, "of these, positions in a motif: so many of different surroundings", low=2
        ),
        "context": Parameter(
            int, 41, "nucleotides, odd, in which surroundings differ, so copies count once", low=1
        ),
        "wide": Parameter(
            int, 23, "nucleotides of the wider motif, odd: 7 and 8 on each side", low=1, high=101
        ),
        "region_first": Parameter(int, -100, "first position shown close up, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position shown close up, the TSS is +1"),
        "half_width": Parameter(
            int, 10, "neighbourhood of a head's favourite position, in nt to each side", low=0
        ),
        "selective_share": Parameter(
            float, 0.5, "share of attention in it that makes a head selective", low=0, high=1
        ),
        "n_shuffles": Parameter(
            int, 10_000, "random elements that each match of a motif is compared with", low=100
        ),
        "n_pairs": Parameter(int, 6, "pairs of heads whose joint motif is drawn", low=1),
        "max_span": Parameter(
            int, 60, "farthest that the two places of such a pair may be apart, nt", low=1
        ),
        "boxes": Parameter(
            list[str],
            ["-35", "-10"],
            "the two elements whose spacer is measured: how their names begin",
        ),
        "known_spacer": Parameter(int, 17, "their best spacer as published, nt", low=0),
        "place": Parameter(int, -82, "a position of special interest, the TSS is +1"),
        "motif_file": Parameter(
            str,
            None,
            "known motifs, TRANSFAC; None: RegulonDB's (E. coli), else the elements",
            optional=True,
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "n_permutations": Parameter(
            int, 200, "times that each motif's columns are shuffled, for TOMTOM's null", low=1
        ),
        "min_sites": Parameter(
            int, 40, "known sites that a factor needs to be tested by itself", low=1
        ),
        "min_similarity": Parameter(
            float, 0.5, "least similarity of motif and element for a match", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
    },
    at_most=(("n_known", "k_census"), ("region_first", "region_last")),
)
"""What this chapter may be asked."""
