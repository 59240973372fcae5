"""Nothing is computed from what does not belong together, and nothing of another is overwritten.

Each test is a case that people meet: a chapter that failed on its way, an edited file, another
sequence of the same name, two runs at once, a name that two things have.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import CUTS, MODEL, toy
from toy_run import asked, save, toy_run

from genoattn.annotate import annotate
from genoattn.chapters import curation, heads, training, training_models, your_genome
from genoattn.genome.formats import write_fasta
from genoattn.genome.locks import LockedError
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.card import Card
from genoattn.model.training import fit
from genoattn.model.weights import WeightsError, find_weights
from genoattn.study import train
from genoattn.study.manifest import ManifestError
from genoattn.study.parameters import Checked, ParameterError, check
from genoattn.study.report import Finding
from genoattn.study.run import Run, fit_gene_prior


@pytest.fixture
def run(tmp_path) -> Run:
    return toy_run(tmp_path / "runs/mine")


def keep(run):
    """Let the chapter on heads keep a table of the model m."""
    run.write(asked(heads, run, weights="m"), Finding("", {}, {"table": pd.DataFrame({"a": [1]})}))


def change_sites(run):
    """Do what chapter 01 does first, with another table of sites, and no more."""
    study = run.study
    run.save_inputs(replace(study, sites=study.sites.iloc[1:].reset_index(drop=True)))


# -------------------------------------------------------------------------- chapters in their order


def test_inputs_of_a_failed_chapter_are_not_mixed_with_an_older_curated_set(tmp_path):
    """Chapter 01 writes its inputs first; if it stops then, 02 must not train on the mix."""
    table, fasta = tmp_path / "t.tsv", tmp_path / "g.fa"
    genome, sites = toy()
    write_fasta(genome, fasta)

    def one(places, trusted):
        rows = sites.assign(position_1based=sites["position"] + 1, source="a").iloc[places]
        rows.to_csv(table, sep="\t", index=False)
        run = Run(tmp_path / "run")
        p = asked(
            curation, run, source="files", fasta=str(fasta), tables=[str(table)], trusted=trusted
        )
        run = Run.of(p)
        curation.curated(run, curation.tables(run, p))
        return run

    run = one(slice(None), None)
    before = run.curated_file.read_bytes()
    assert len(run.curated) == len(sites)
    with pytest.raises(ValueError, match="the curated set is empty"):
        one(slice(30), "")
    run = Run(tmp_path / "run")
    assert run.curated_file.read_bytes() == before, "the failure left the old set in its place"
    with pytest.raises(
        ManifestError,
        match=r"curated\.tsv was made from another .*inputs/sites\.tsv than is there now; run the "
        r"chapter 01_curation again",
    ):
        training_models.parts(run, asked(training, run))
    assert len(one(slice(30), None).curated) == 30, "the remedy helps"


@pytest.mark.parametrize("name", ["genome.fa", "sites.tsv", "task.txt", "sources.txt"])
def test_an_edited_input_is_named(run, name):
    file = run.inputs / name
    file.write_bytes(file.read_bytes().replace(b"A", b"C").replace(b"a\n", b"b\n") + b"\n")
    with pytest.raises(ManifestError, match=rf"inputs/{name} is not what 01_curation wrote"):
        _ = Run(run.folder).study


def test_an_input_that_was_removed_is_named(run):
    (run.inputs / "sources.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"sources\.txt: no such file; run the chapter 01"):
        _ = Run(run.folder).study


def test_an_edited_curated_set_is_named(run):
    lines = run.curated_file.read_text().splitlines(keepends=True)
    run.curated_file.write_text("".join(lines[:-1]))
    with pytest.raises(ManifestError, match=r"curated\.tsv is not what 01_curation wrote there"):
        _ = run.curated


def test_a_folder_put_together_by_hand_is_taken_as_it_is(run, tmp_path):
    for name in ("inputs", "curation", "training", "prediction"):
        shutil.copytree(run.folder / name, tmp_path / "other" / name)
    other = Run(tmp_path / "other")
    assert other.curated.equals(run.curated)
    np.testing.assert_array_equal(other.output("m"), run.output("m"))
    change_sites(other)  # from here on there are records
    with pytest.raises(ManifestError, match=r"curated\.tsv is not of this run: .* knows inputs/"):
        _ = other.curated


def test_a_whole_run_may_be_copied_or_moved(run, tmp_path):
    keep(run)
    shutil.copytree(run.folder, tmp_path / "elsewhere/copy")
    copy = Run(tmp_path / "elsewhere/copy")
    assert len(copy.kept("03_heads", "m", "table")) == 1
    np.testing.assert_array_equal(copy.output("m"), run.output("m"))


# ------------------------------------------------------------------------------ outputs and tables


def test_the_output_of_former_weights_is_refused(run):
    save(run, "m", seed=1)
    with pytest.raises(
        ManifestError,
        match=r"prediction/m\.npy was made with other weights than .*training/m\.safetensors holds "
        r"now.*; run the chapter 02_training again",
    ):
        Run(run.folder).output("m")
    model = run.model("m", "cpu")
    run.predict(model.file, "test", model.split, "cpu")
    Run(run.folder).output("m")


def test_the_output_beside_another_curated_set_is_refused(run):
    run.write_curated(run.curated.iloc[1:])
    with pytest.raises(ManifestError, match=r"m\.npy was made from another .*curated\.tsv"):
        Run(run.folder).output("m")


def test_an_output_that_is_not_what_was_written_is_refused(run):
    file = run.predictions / "m.npy"
    np.save(file, np.load(file) / 2)
    with pytest.raises(ManifestError, match=r"m\.npy is not what 02_training wrote there"):
        run.output("m")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda run: save(run, "m", seed=1), r"training/m\.safetensors"),
        (lambda run: run.write_curated(run.curated.iloc[1:]), r"curation/curated\.tsv"),
        (change_sites, r"inputs/sites\.tsv"),
    ],
    ids=["weights", "labels", "inputs"],
)
def test_a_table_of_what_is_there_no_more_is_refused(run, change, says):
    keep(run)
    assert len(run.kept("03_heads", "m", "table")) == 1
    change(run)
    with pytest.raises(
        ManifestError, match=rf"heads/m_table\.csv was made from another .*({says}|curated)"
    ) as caught:
        Run(run.folder).kept("03_heads", "m", "table")
    assert "run the chapter 03_heads again" in str(caught.value)


def test_a_table_is_bound_to_the_weights_that_were_opened(run, tmp_path):
    """Weights of the same name elsewhere are others."""
    keep(run)
    elsewhere = Run(tmp_path / "elsewhere")
    file = save(elsewhere, "m", seed=3)
    opened = Run(run.folder)
    opened.model(str(file), "cpu")
    with pytest.raises(ManifestError, match=r"m_table\.csv was made from another"):
        opened.kept("03_heads", "m", "table")


def test_names_of_sources_come_back_from_the_curated_set(run):
    """A table reader of its own mind takes them for comments, numbers or missing values."""
    names = ["run #1+2", "1", "NaN", "1.0", "-nan", "x"]
    curated = run.curated.iloc[: len(names)].assign(members=names)
    run.write_curated(curated)
    assert Run(run.folder).curated["members"].tolist() == names


@pytest.mark.parametrize(
    ("file", "use", "says"),
    [
        (
            "prediction/m.npy",
            lambda run: run.output("m"),
            "damaged; remove it, and run",
        ),
        ("heads/m_table.csv", lambda run: run.kept("03_heads", "m", "table"), "damaged"),
        ("results/performance.csv", lambda run: run.earlier("performance"), "damaged"),
        ("curation/curated.tsv", lambda run: run.curated, "line 1: '# 0-based positions' expected"),
    ],
)
def test_a_torn_file_of_a_folder_put_together_by_hand_is_named(run, file, use, says):
    run.manifest.file.unlink()
    path = run.folder / file
    path.parent.mkdir(exist_ok=True)
    for torn in (b"", b"\x93NUMPY\x01"[: 0 if path.suffix != ".npy" else 7]):
        path.write_bytes(torn)
        with pytest.raises(ValueError, match=rf"{path.name}.*{says}") as caught:
            use(Run(run.folder))
        assert len(str(caught.value).splitlines()) == 1


def test_what_a_chapter_can_make_again_it_makes_again(run):
    model, whole = run.model("m", "cpu"), run.output("m").copy()
    for file, torn in (("m.npy", b"\x93NUMPY"), ("m.json", b"{"), ("m.npy", b"")):
        (run.predictions / file).write_bytes(torn)
        np.testing.assert_array_equal(run.predict(model.file, "test", model.split, "cpu"), whole)
    file = run.file("heads", "m", "x", "npz")
    file.parent.mkdir(exist_ok=True)
    for torn in (b"", b"PK\x03\x04torn"):
        file.write_bytes(torn)
        made = run.once("03_heads", "m", "x", {"a": 1}, lambda: {"v": np.arange(3)})
        assert made["v"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["../../evil", "/evil", "..", "a/b", "x" * 300])
def test_an_output_on_another_genome_stays_in_the_folder(run, name):
    genome = Genome(name, run.study.genome.codes[:300])
    file = run.weights("m")
    run.predict_elsewhere(file, genome, np.ones(300, bool), "cpu", progress=False)
    (made,) = [path for path in run.predictions.rglob("m.npy") if path.parent != run.predictions]
    assert made.parent.parent == run.predictions


def test_a_prior_knows_the_weights_that_it_was_fitted_to(run):
    save(run, "n", seed=2)
    files = {name: run.weights(name) for name in ("m", "n")}
    distance, track = np.full((2, 6000), 30.0), np.zeros((2, 6000), np.uint8)
    track[:, 5000] = 1
    split = Card.read(files["m"]).split(6000)
    prior = fit_gene_prior(
        files, run.study.genome, distance, track, split, run.folder / "prediction/validation", "cpu"
    )
    file = run.training / "both.prior.json"
    prior.save(file)
    assert prior.weights(file) == [*files.values()]
    save(run, "n", seed=4)
    with pytest.raises(WeightsError, match=r"both\.prior\.json was fitted to other weights"):
        annotate(file, run.study.genome, progress=False)


# -------------------------------------------------------------------------------- genome and task


def test_another_sequence_of_the_same_name_is_refused_as_the_card_knows_its_sequence(run):
    genome, sites = toy()
    facts = {"data": {"sequence_sha256": _sha(genome)}}
    save(run, "right", **facts)
    run.model("right", "cpu")
    codes = genome.codes.copy()
    codes[5] = (codes[5] + 1) % 4
    run.save_inputs(replace(run.study, genome=Genome("toy", codes)))
    run.write_curated(sites.assign(source="curated", n_sources=1, kind="shared", votes=1))
    says = r"trained on another sequence that is named toy \(SHA-256 \w{8}…, here \w{8}…\), so its"
    with pytest.raises(WeightsError, match=says):
        run.model("right", "cpu")
    p = asked(training, run, train=False, weights="right")
    with pytest.raises(WeightsError, match=says):
        training_models.parts(run, p)
    save(run, "other")
    data = training_models.parts(run, asked(training, run, train=False, weights="other"))
    with pytest.raises(WeightsError, match=rf"^others: right: {says}"):
        training_models.check_parts({"right": Card.read(run.weights("right"))}, data, "others")


def _sha(genome):
    return hashlib.sha256(genome.codes.tobytes()).hexdigest()


def test_models_of_another_task_are_refused_in_a_study(run):
    save(run, "starts", task="tis")
    with pytest.raises(WeightsError, match="starts: trained on sites of the task 'tis', but"):
        run.model("starts", "cpu")


def test_models_of_two_tasks_are_not_averaged(run):
    genome = Genome("g", np.zeros(50, np.uint8))
    with pytest.raises(
        WeightsError, match=r"^curated is a model of the task 'tss', tis of 'tis'; average models"
    ):
        annotate(["curated", "tis"], genome, progress=False)
    assert Card.read("tis").task == "tis"
    assert Card.read("annotator").task == "tss"
    files = [save(run, "a", task="tis"), save(run, "b", seed=1, task="tis")]
    assert annotate(files, genome, progress=False)["g"].shape == (2, 50)


def test_a_training_writes_its_task_into_the_card(run):
    study = run.study
    run.save_inputs(replace(study, task="tis"))
    run.write_curated(study.sites.assign(source="curated"))
    assert train_by_command(run, "starts") == 0
    assert Card.read(run.weights("starts")).task == "tis"
    assert json.loads((run.training / "starts.json").read_text())["task"] == "tis"


# ------------------------------------------------------------------------------------ at one time


def train_by_command(run, name, *more) -> int:
    settings = {
        "passes": 0.2, "segment": 128, "context": 16, "batch": 8, "steps-per-round": 4,
    }  # fmt: skip
    options = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    shape = {name: getattr(MODEL, name) for name in ("layers", "heads", "d_model", "d_head")}
    return train.main(
        [
            str(run.folder), "--name", name, "--cuts", *map(str, CUTS), "--accelerator", "cpu",
            "--model", json.dumps(shape | {"window": 16, "downstream": 4}), *options, *more,
        ]
    )  # fmt: skip


def test_the_second_of_two_trainings_of_one_name_is_refused_and_none_is_lost(run, held, capsys):
    held(run.training / "x.lock")
    assert train_by_command(run, "x") == 1
    said = capsys.readouterr().err
    assert "training/x.safetensors is being written by process" in said
    assert "wait until it has ended, or train under another name" in said
    assert not (run.training / "x.safetensors").exists()
    assert train_by_command(run, "y") == 0, "another name may be trained beside it"
    p = asked(training, run, weights="x")
    data = training_models.parts(run, p)
    with pytest.raises(LockedError, match=r"x\.safetensors is being written"):
        training_models.trained(run, data, p)


def test_a_script_that_trains_holds_the_name_as_well(run, held):
    held(run.folder / "mine.lock")
    genome, sites = toy()
    with pytest.raises(LockedError, match=r"mine\.safetensors is being written by process"):
        fit(genome, sites, Split.at(CUTS, len(genome)), run.folder / "mine.safetensors")
    assert not (run.folder / "mine.safetensors").exists()


def test_a_training_goes_on_after_one_of_its_name_was_killed(run, held):
    process = held(run.training / "x.lock")
    process.kill()
    process.wait()
    assert train_by_command(run, "x") == 0
    assert not (run.training / "x.lock").exists()


def test_processes_of_one_training_do_not_wait_for_each_other(run, held, monkeypatch):
    held(run.training / "x.lock")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert train_by_command(run, "x") == 0


def test_the_second_of_two_chapters_in_one_folder_is_refused_in_its_second_cell(run, held):
    process = held(run.folder / "01_curation.lock")
    p = asked(curation, run)
    with pytest.raises(
        ParameterError,
        match=rf"^curation: parameter 'run_dir': {run.folder} is being written by process "
        rf"{process.pid} on .* wait until it has ended, or name another folder in run_dir",
    ):
        Run.of(p)
    process.kill()
    process.wait()
    opened = Run.of(p)
    assert Run.of(p).folder == opened.folder, "a cell may be run again"


def test_a_chapter_holds_its_folder_until_it_has_written(run):
    p = asked(curation, run)
    opened = Run.of(p)
    lock = run.folder / "01_curation.lock"
    assert lock.exists()
    opened.write(p)
    assert not lock.exists()
    opened.save_inputs(run.study)  # a cell that is run once more
    assert lock.exists()
    opened.release()


def test_to_read_weights_of_a_run_is_not_to_write_there(run, held, tmp_path, monkeypatch):
    """One's own genome is annotated by a model of a run that somebody is using."""
    monkeypatch.chdir(tmp_path)
    held(Path("runs/demo/05_your_genome.lock"))
    p = Checked(your_genome.PARAMETERS, your_genome.PARAMETERS.defaults | {"fasta": "own.fa"})
    assert Run.of(p).folder == Path("runs/demo")
    assert Run.of_own(p).folder == Path("runs/my_genome")


# ------------------------------------------------------------------------------ whose folder it is


@pytest.mark.parametrize(
    ("given", "results"),
    [
        ({"run_dir": "runs/mine"}, "runs/mine/results"),
        ({"run_dir": "runs/mine", "results_dir": "there"}, "there"),
        ({"run_dir": "runs/demo", "results_dir": "there"}, "there"),
        ({}, "runs/demo/results"),
    ],
)
def test_results_of_a_run_of_ones_own_are_never_among_the_demos(
    tmp_path, monkeypatch, given, results
):
    monkeypatch.chdir(tmp_path)
    for chapter in (curation, training):
        p = Checked(chapter.PARAMETERS, chapter.PARAMETERS.defaults | given)
        assert Run.of(p).results == Path(results)


def test_the_demos_folder_is_not_for_parameters_of_ones_own(tmp_path, monkeypatch):
    """As the README's command would have done once: papermill ... -p window 3."""
    monkeypatch.chdir(tmp_path)
    p = Checked(curation.PARAMETERS, curation.PARAMETERS.defaults | {"window": 3})
    with pytest.raises(
        ParameterError,
        match=r"^curation: parameter 'run_dir': runs/demo is the run of the profile demo, which "
        r"has window = 5; name a folder of your own, such as runs/mine, and copy this one there",
    ):
        Run.of(p)
    assert not Path("runs/demo/inputs").exists()


@pytest.mark.parametrize("name", ["inputs", "training", "results", "heads"])
def test_an_annotation_is_not_named_like_a_folder_of_the_run(run, name):
    p = asked(your_genome, run, fasta="own.fa", name=name)
    with pytest.raises(ParameterError, match=rf"'name': {name} is a folder that a run has anyway"):
        Run.of_own(p)


def test_former_tracks_are_neither_listed_nor_left(run, monkeypatch):
    write_fasta(Genome("c", toy()[0].codes[:400], circular=False), run.folder / "own.fa")

    def annotated(**given):
        p = asked(
            your_genome, run, weights="m", fasta=str(run.folder / "own.fa"), threshold=0.0, **given
        )
        own = Run.of_own(p)
        opened = your_genome.opened(Run.of(p), own, p)
        found = your_genome.annotated(opened, p)
        said = your_genome.written(own, opened, found, p).said
        own.write(p, opened, found)
        return own.annotation(p.name), said

    folder, said = annotated(heads=["1.1", "1.2"])
    assert said.count("head_1_") == 4
    (folder / "notes.txt").write_text("mine")
    folder, said = annotated(heads=["1.2"])
    left = {path.name for path in folder.rglob("head_*")}
    assert left == {"head_1_2.plus.bw", "head_1_2.minus.bw"}
    assert "head_1_1" not in said and "notes" not in said
    assert (folder / "notes.txt").read_text() == "mine"


# --------------------------------------------------------------------------- names of two things


@pytest.mark.parametrize(
    ("ensembles", "says"),
    [
        (["m: m, genes"], "an ensemble that is named as the model 'm'; rename it"),
        (["n: m, n"], "an ensemble that is named as the model 'n'"),
        (["o: m, n"], "an ensemble that is named as the model 'o'"),
        (["curated: m, n"], "an ensemble that is named as the model 'curated'"),
        (["curated s1: m, n"], "an ensemble that is named as the model 'curated s1'"),
        (["a b: m, n", "a-b: m, o"], "'a b' and 'a-b' would have one file; rename one"),
        (["x: m, n", "x: m, o"], "two ensembles named 'x'"),
        (["x: m, m"], "which names a model twice"),
        (["../x: m, n"], "must be a plain name"),
        (["m, n"], "must name an ensemble and two or more models"),
    ],
)
def test_an_ensemble_is_not_named_like_a_model(ensembles, says):
    given = {"weights": "m", "others": ["n", "o"], "ensembles": ensembles}
    with pytest.raises(ParameterError, match=rf"^training: parameter 'ensembles'.*{says}"):
        check(training.PARAMETERS, training.PARAMETERS.defaults | given)


def test_an_ensemble_is_not_named_like_another_model_of_the_run(run):
    save(run, "my-other", seed=5)
    p = asked(training, run, train=False, weights="m", ensembles=["my other: m, genes"])
    with pytest.raises(ParameterError, match=r"named as the model .*my-other\.safetensors; rename"):
        training_models.parts(run, p)


def test_a_model_is_not_trained_under_the_name_of_an_ensemble(run, capsys):
    (run.training / "both.prior.json").write_text("{}")
    with pytest.raises(ParameterError, match="'weights' is to be trained, but is what"):
        training_models.parts(run, asked(training, run, weights="both"))
    for name in ("both", "with-genes"):
        assert train_by_command(run, name) == 1
        assert f"an ensemble is named {name} (" in capsys.readouterr().err
    for name in ("with-genes", "genes"):
        with pytest.raises(ParameterError, match="'weights' must not be what an ensemble"):
            asked(training, run, weights=name)


def test_shipped_models_are_of_the_sequence_that_their_cards_say():
    """So that the check has something to compare."""
    for name in ("curated", "annotator", "tis"):
        assert len(Card.read(find_weights(name)).data["sequence_sha256"]) == 64
