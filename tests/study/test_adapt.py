from __future__ import annotations

import gzip
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toy import TRAINING, toy
from toy_pipe import piped

from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.formats import write_fasta
from genoattn.genome.sites import site_track
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.study import adapt
from genoattn.study.run import Run

RECIPE = replace(TRAINING, patience=2)


@pytest.fixture
def species(tmp_path):
    """Files of a genome and its sites, and of an untrained network."""
    genome, sites = toy()
    write_fasta(genome, tmp_path / "toy.fa")
    rows = [f"toy\t{p}\t{p + 1}\t.\t0\t{s}\n" for p, s in sites.itertuples(index=False)]
    (tmp_path / "toy.bed").write_text("".join(rows))
    torch.manual_seed(0)
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=8, downstream=7))
    network.start_from_rate(0.01)
    weights = tmp_path / "start.safetensors"
    network.save(weights, Card(train_set="none"))
    return genome, sites, tmp_path, weights


def given(folder, weights, *further):
    return [str(folder / "run"), "--fasta", str(folder / "toy.fa"), "--sites",
            str(folder / "toy.bed"), "--weights", str(weights), "--n-bootstrap", "20",
            "--block", "200", *further]  # fmt: skip


def test_sites_as_bed_and_as_a_table_are_the_same(species):
    genome, sites, folder, _ = species
    table = pd.DataFrame({"position_1based": sites["position"] + 1, "strand": sites["strand"]})
    pd.concat([table, table]).to_csv(folder / "toy.tsv", sep="\t", index=False)
    read, one = adapt.read_species(folder / "toy.fa", folder / "toy.bed")
    _, other = adapt.read_species(folder / "toy.fa", folder / "toy.tsv")
    assert (read.codes == genome.codes).all()
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
    assert one["position"].tolist() == sorted(sites["position"])


def test_a_site_beyond_the_genome_is_named(species):
    *_, folder, _ = species
    (folder / "toy.tsv").write_text("position_1based\tstrand\n6001\t+\n")
    with pytest.raises(ValueError, match=re.escape("line 2: position_1based 6001 is not within")):
        adapt.read_species(folder / "toy.fa", folder / "toy.tsv")


def test_the_held_out_half_teaches_nothing(species):
    genome, sites, *_ = species
    lesson = adapt.taught(genome, sites)
    half = len(genome) // 2
    assert sum(piece.codes.size for piece in lesson.pieces) == half
    assert lesson.n_sites == (sites["position"] < half).sum()
    train, validation = lesson.pieces
    assert (np.concatenate([train.codes, validation.codes]) == genome.codes[:half]).all()
    assert len(validation.sites) == round(adapt.VALIDATION * lesson.n_sites)
    where = adapt.held_out_half(genome)
    assert not where[:half].any()
    assert where[half:].all()
    assert np.flatnonzero(adapt.held_out_half(genome, 70)).tolist() == list(range(half, half + 70))


@pytest.mark.parametrize("seed", range(5))
def test_of_a_stretch_all_sites_are_labelled(species, seed):
    genome, sites, *_ = species
    lesson = adapt.taught(genome, sites, 12, seed)
    codes = np.concatenate([piece.codes for piece in lesson.pieces])
    text, here = genome.sequence, "".join("ACGT"[code] for code in codes)
    first = text.index(here)
    assert first + len(here) <= len(genome) // 2
    assert lesson.n_sites == 12
    assert sites["position"].between(first, first + len(here) - 1).sum() == 12


@pytest.mark.parametrize(
    ("chosen", "n_sites", "message"),
    [
        (slice(0, 9), None, "the first half of toy has 9 labelled sites; 10 are needed"),
        (slice(None), 32, "has 31 labelled sites; 32 are needed, at least 10"),
        (slice(None), 9, "10 are needed"),
        (slice(0, 20), None, "the second half of toy has no labelled site"),
    ],
)
def test_a_half_with_too_few_sites_is_refused(species, chosen, n_sites, message):
    genome, sites, *_ = species
    with pytest.raises(ValueError, match=message):
        adapt.taught(genome, sites.iloc[chosen], n_sites)


def test_adapting_teaches_the_grammar_of_the_genome(species):
    genome, sites, folder, weights = species
    where = adapt.held_out_half(genome)
    resampling = Resampling.of(where, 200, 50, 0)
    table = adapt.learning_curve(
        genome, sites, weights, [None], Run(folder / "run"), "toy", resampling=resampling,
        recipe=replace(RECIPE, passes=20),
    )  # fmt: skip
    one = table.set_index(["resolution", "metric"]).loc[(1, "pr_auc")]
    assert one["after"] > one["before"] + 0.2
    assert one["difference_low"] > 0
    assert set(table["n_sites"]) == {31}
    card = Card.read(folder / "run/training/toy.safetensors")
    assert card.train_set == "31 sites of toy"
    assert card.initial.train_set == "none"
    assert not list((folder / "run/training").glob("*.ckpt"))


@pytest.mark.parametrize(
    ("passes", "least_steps", "taken"), [(3.0, 1, 3.0), (0.1, 8, 4.0), (0.1, 10_000, 50.0)]
)
def test_few_sites_get_more_passes_up_to_a_limit(species, monkeypatch, passes, least_steps, taken):
    genome, sites, folder, weights = species
    seen = []
    monkeypatch.setattr(adapt, "fit", lambda *_, training, **__: seen.append(training))
    monkeypatch.setattr(adapt.Passes, "size", lambda *_: 2 * RECIPE.batch)
    recipe = replace(adapt.RECIPE, passes=passes, batch=RECIPE.batch)
    lesson = adapt.taught(genome, sites)
    adapt.adapt(weights, lesson, folder / "new.safetensors", recipe=recipe, least_steps=least_steps)
    assert seen[0].passes == taken
    assert seen[0].keep == "last"


def test_no_change_is_no_difference(species):
    genome, sites, *_ = species
    rng = np.random.default_rng(0)
    output = rng.random((2, len(genome)))
    resampling = Resampling.of(adapt.held_out_half(genome), 200, 20, 0)
    table = adapt.before_and_after(output, output, site_track(sites, len(genome)), resampling)
    assert (table[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()


def test_the_audit_stops_shifted_sites_unless_told_to_go_on(species, capsys):
    *_, folder, weights = species
    text = (folder / "toy.bed").read_text().splitlines()
    genome, sites = toy()
    plus = [genome.codes[int(p)] in (1, 3) for p in sites["position"]]
    (folder / "toy.bed").write_text("\n".join(np.array(text)[plus]) + "\n")
    short = ["--passes", "0.1"]
    assert adapt.main(given(folder, weights, *short)) == 1
    said = capsys.readouterr().err
    assert "toy.bed: " in said
    assert "--go-on to use it as it is" in said
    assert not (folder / "run").exists()


def test_the_command_adapts_and_writes_scores_without_sites(species, capsys, monkeypatch):
    _, sites, folder, weights = species
    monkeypatch.setattr(adapt, "RECIPE", replace(RECIPE, passes=0.1))
    monkeypatch.setattr(adapt, "LEAST_STEPS", 2)
    assert adapt.main(given(folder, weights, "--n-sites", "12", "--passes", "0.1", "--go-on")) == 0
    said = capsys.readouterr().out
    assert f"{len(sites):,} sites on toy; " in said
    assert "12 sites: PR AUC " in said
    table = pd.read_csv(folder / "run/results/adapted.csv")
    assert set(table["n_sites"]) == {12, 31}
    assert "position" not in table.columns
    assert {p.stem for p in (folder / "run/training").glob("*.safetensors")} == {
        "adapted", "adapted-12",
    }  # fmt: skip
    assert adapt.main(given(folder, folder / "none.safetensors", "--go-on")) == 1
    assert "none.safetensors: no such weights file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--passes", "0"), ("--passes", "nan"), ("--learning-rate", "-1"), ("--n-sites", "0"),
        ("--most", "-1"), ("--block", "0"), ("--n-bootstrap", "0"), ("--seed", "-1"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_said_before_anything_is_read(option, value, capsys):
    with pytest.raises(SystemExit):
        adapt.main(["run", "--fasta", "no.fa", "--sites", "no.bed", option, value])
    assert f"argument {option}: must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--most", "1"],
            "most: no labelled site lies in the first 1 nt of the second half",
        ),
        (["--block", "4000"], "block: with 4,000 nt, the 3,000 nt that are scored are one block"),
        (["--most", "300", "--block", "250"], "block: with 250 nt, the 300 nt that are scored"),
    ],
)
def test_a_part_of_which_nothing_can_be_said_is_refused_at_once(species, capsys, options, says):
    *_, folder, weights = species
    assert adapt.main(given(folder, weights, "--go-on", *options)) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(says)
    assert not (folder / "run").exists()


@pytest.mark.parametrize("name", ["sites.bed.gz", "SITES.BED", "sites.txt"])
def test_bed_is_told_by_its_content(species, name):
    *_, folder, _ = species
    text = b"track name=x\n" + (folder / "toy.bed").read_bytes()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    _, wanted = adapt.read_species(folder / "toy.fa", folder / "toy.bed")
    _, found = adapt.read_species(folder / "toy.fa", folder / name)
    pd.testing.assert_frame_equal(found, wanted)
    with piped(folder / "pipe", text) as pipe:
        pd.testing.assert_frame_equal(adapt.read_species(folder / "toy.fa", pipe)[1], wanted)


def test_what_is_there_already_is_not_adapted_over(species, capsys):
    """Neither a model of another genome nor one that an ensemble's name would be taken for."""
    *_, folder, weights = species
    training = folder / "run/training"
    network = ConvolutionalNetwork.load(weights)
    network.save(training / "adapted.safetensors", Card(genome="another"))
    before = (training / "adapted.safetensors").read_bytes()
    assert adapt.main(given(folder, weights, "--go-on")) == 1
    assert "adapted.safetensors is a model of another; give the adapt" in capsys.readouterr().err
    assert (training / "adapted.safetensors").read_bytes() == before
    (training / "mine.prior.json").write_text("{}")
    assert adapt.main(given(folder, weights, "--go-on", "--name", "mine")) == 1
    assert "an ensemble is named mine" in capsys.readouterr().err
    assert adapt.main(given(folder, weights, "--go-on", "--n-sites", "12", "12")) == 1
    assert "n-sites names a number twice" in capsys.readouterr().err
    assert sorted(path.name for path in training.iterdir()) == [
        "adapted.json", "adapted.safetensors", "mine.prior.json",
    ]  # fmt: skip


def test_the_second_of_two_adaptations_into_one_folder_is_refused(species, held, capsys):
    *_, folder, weights = species
    other = held(folder / "run/run.lock")
    assert adapt.main(given(folder, weights, "--go-on")) == 1
    assert f"is being written by process {other.pid}" in capsys.readouterr().err
