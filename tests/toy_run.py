"""A run folder with a toy genome, its sites and an untrained model, as chapters leave it."""

from pathlib import Path

import torch
from toy import MODEL, toy

from genoattn.model.annotator import Annotator
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import Checked, check
from genoattn.study.run import Run

PARTS = {"test": [3600, 4800], "validation": [4800, 5400]}


def asked(chapter, run, **given) -> Checked:
    """Checked parameters of a chapter in a run of one's own, whose blocks are short."""
    folders = {"run_dir": str(run.folder), "results_dir": str(run.folder / "results")}
    short = {"block": 200} if "block" in chapter.PARAMETERS else {}
    return check(chapter.PARAMETERS, chapter.PARAMETERS.defaults | folders | short | given)


def save(run, name, seed=0, model=MODEL, **card) -> Path:
    """Save an untrained model of the run's genome, as if it had been trained there."""
    torch.manual_seed(seed)
    file = run.training / f"{name}.safetensors"
    facts = {"genome": "toy", "train_set": "curated", "parts": PARTS}
    Annotator(model).save(file, Card(config={}, **facts | card))
    return file


def toy_run(folder) -> Run:
    """Inputs of one source, their curated set, an untrained model m and its output."""
    run = Run(folder)
    genome, sites = toy()
    empty = {name: inputs._empty_table(name) for name in ("features", "operons", "terminators")}
    run.save_inputs(
        inputs.StudyInputs(genome, sites=sites.assign(source="a"), named=("a",), **empty)
    )
    run.write_curated(sites.assign(source="curated", n_sources=1, kind="shared", votes=1))
    save(run, "m")
    model = run.model("m", "cpu")
    run.predict(model.file, "test", model.split, "cpu")
    return run
