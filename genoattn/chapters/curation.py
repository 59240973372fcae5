"""The chapter curation: four sources of start sites, merged; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "01_curation",
    {
        "source": Parameter(
            str,
            "synthetic",
            "which tables: of a simulation, the published ones, or your files",
            choices=("synthetic", "ecoli", "files"),
        ),
        "seed": Parameter(int, 0, "seed of the simulation", low=0),
        "genome_length": Parameter(int, 300_000, "nucleotides of the simulated genome", low=10_000),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "fasta": Parameter(str, None, "your genome, if source is files", optional=True),
        "gff": Parameter(str, None, "its annotation, if source is files", optional=True),
        "tables": Parameter(list[str], [], "your tables of sites, if source is files"),
        "window": Parameter(
            int, 5, "farthest that two sites of one TSS may be apart, nt", low=0, high=50
        ),
        "rule": Parameter(
            str,
            "agreed",
            "which sites are one TSS: the reading of 'within five nucleotides'",
            choices=("agreed", "one-to-one", "complete-link", "star", "single-link"),
        ),
        "outvoted": Parameter(
            str,
            "kept",
            "what becomes of a SEnd-seq site that loses the vote",
            choices=("kept", "merged"),
        ),
        **FOLDERS,
    },
)
"""What this chapter may be asked."""
