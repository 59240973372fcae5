"""The chapter training: train an annotator, score it; its parameters and its steps."""

from __future__ import annotations

from genoattn.parameters import FOLDERS, WEIGHTS, Parameter, Schema

__all__ = ["PARAMETERS"]

PARAMETERS = Schema(
    "02_training",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "others": Parameter(
            list[str],
            [],
            "further models to compare with, as weights; those not there are left out",
        ),
        "steps": Parameter(
            list[str],
            [],
            "those of them that lead from one model to a better one, in order, for a table",
        ),
        "ensembles": Parameter(
            list[str],
            [],
            "models to average, each as 'name: first, second'; genes counts as one of them",
        ),
        "readings": Parameter(
            list[str],
            [],
            "models that differ from the first of them in one reading of the paper, for a table",
        ),
        "train": Parameter(
            bool,
            True,
            "whether to train (under this name, in run_dir/training) or to use what is there",
        ),
        "fresh": Parameter(
            bool,
            True,
            "whether to forget an earlier training of that name instead of going on with it",
        ),
        "train_set": Parameter(
            str, "curated", "sites to train on: curated, or the name of a source"
        ),
        "external": Parameter(
            list[str],
            [],
            "published start sites that no curation step used, to test on",
            choices=("drnaseq",),
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "cuts": Parameter(
            list[int],
            [],
            "where test, validation and training part start, nt; none: as in the paper, relatively",
            low=0,
        ),
        "layers": Parameter(int, 3, "attention layers, if a model is trained (paper 6)", low=1),
        "heads": Parameter(
            int, 4, "attention heads of a layer, if a model is trained (paper 6)", low=1
        ),
        "d_model": Parameter(
            int, 32, "width of the hidden state, if a model is trained (paper 32)", low=2
        ),
        "d_head": Parameter(
            int, 16, "width of query, key and value, if a model is trained (paper 32)", low=1
        ),
        "window": Parameter(
            int,
            128,
            "positions that a query attends to, nt, if a model is trained (paper 512)",
            low=1,
        ),
        "downstream": Parameter(
            int,
            20,
            "sequence downstream of a site that is read, nt, if a model is trained (paper 20)",
            low=0,
        ),
        "dropout": Parameter(
            float, 0.1, "dropout, if a model is trained (paper 0.1)", low=0, high=0.9
        ),
        "passes": Parameter(float, 6.0, "most passes over the training part", low=0.01),
        "segment": Parameter(int, 1024, "scored positions of a training segment, nt", low=1),
        "context": Parameter(
            int, 128, "positions read, but not scored, before each segment, nt", low=0
        ),
        "batch": Parameter(int, 4, "segments in a step", low=1),
        "empty_share": Parameter(
            float, 1.0, "share of the segments without a site that a pass reads", low=0.001, high=1
        ),
        "learning_rate": Parameter(float, 0.005, "highest learning rate", low=0),
        "steps_per_round": Parameter(
            int, 100, "steps between two looks at the validation part", low=1
        ),
        "patience": Parameter(
            int, 6, "rounds without a lower validation loss after which training stops", low=1
        ),
        "seed": Parameter(
            int,
            1,
            "seed of the weights, of the order of segments, of dropout, of resampling",
            low=0,
        ),
        "precision": Parameter(
            str, "32-true", "arithmetic of the training", choices=("32-true", "bf16-mixed")
        ),
        "accelerator": Parameter(str, "auto", "cpu, gpu or auto", choices=("auto", "cpu", "gpu")),
        "k_max": Parameter(
            int, 20, "longest k-mer at which the output is scored, nt", low=2, high=200
        ),
        "tolerances": Parameter(
            list[int], [0, 1, 2, 5], "farthest that a call and its site may be apart, nt", low=0
        ),
        "radius": Parameter(
            int, 5, "a call is the highest output within so many nt on its strand", low=0
        ),
        "block": Parameter(
            int, 2_000, "length of the blocks of the genome that are resampled, nt", low=1
        ),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
    },
)
"""What this chapter may be asked."""
