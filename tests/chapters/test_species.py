"""The chapter species on a toy archive, and what it says at its limits."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from toy import toy
from toy_species import toy_archive, toy_codes, toy_row

from genoattn.chapters import species as chapter
from genoattn.chapters import species_maps
from genoattn.chapters import species_words as words
from genoattn.data.species import ARCHIVE, WholeGenome
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.model.weights import weights_sha256
from genoattn.plots import species as draw
from genoattn.prediction.ensemble import EDGES, GenePrior
from genoattn.study.parameters import Checked
from genoattn.study.run import Run

ROOT = Path(__file__).parents[2]
LENGTH = 4000


def asked(**given) -> Checked:
    default = {name: one.default for name, one in chapter.PARAMETERS.items()}
    return Checked(chapter.PARAMETERS, default | given)


def save(path, train_set):
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=4, downstream=25))
    genome, _ = toy()
    split = {"test": [3600, 4800], "validation": [4800, 5400]}
    network.save(path, Card(train_set=train_set, genome=genome.name, parts=split))


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A data folder with three tables and a genome, weights of two folds, and an E. coli."""
    codes, home = toy_codes(LENGTH), toy_codes(LENGTH, 1)
    places = [i for i in range(200, LENGTH - 200, 25) if codes[i] in (0, 2)]
    wrong = [i for i in range(200, LENGTH - 200, 25) if codes[i] in (1, 3)]
    at_home = [i for i in range(200, LENGTH - 200, 25) if home[i] in (0, 2)]
    tables = {
        "Whole": [toy_row(codes, i, "+") for i in places],
        "Shifted": [toy_row(codes, i, "+") for i in wrong],
        chapter.ECOLI: [toy_row(home, i, "+") for i in at_home],
    }
    toy_archive(
        tmp_path / ARCHIVE,
        tables,
        {"Whole": "L1", "Shifted": "L1", chapter.ECOLI: chapter.ECOLI_LINEAGE},
    )
    write_fasta(Genome("whole", codes), tmp_path / "whole.fasta")
    rows = [f"whole\t{i}\t{i + 1}\t.\t0\t+\n" for i in places]
    (tmp_path / "whole.bed").write_text("".join(rows))
    one = WholeGenome("Whole", "L1", "whole.fasta", "whole.bed")
    monkeypatch.setattr(chapter, "WHOLE_GENOMES", (one,))
    genome, sites = toy()
    test = Split.at((3600, 4800, 5400), len(genome)).mask("test")
    monkeypatch.setattr(chapter, "_ecoli", lambda _: chapter.Ecoli(genome, sites, test))
    torch.manual_seed(0)
    training = tmp_path / "run/training"
    save(training / "home.safetensors", "curated")
    sha = weights_sha256(training / "home.safetensors")
    facts = {"weights_sha256": {"home": sha}}
    prior = GenePrior(("home",), 1.0, (0.5,) * (len(EDGES) + 1), EDGES, facts)
    prior.save(training / "home-and-genes.prior.json")
    save(training / "many-one.safetensors", "species without L1")
    save(training / "many-two.safetensors", f"species without {chapter.ECOLI_LINEAGE}")
    p = asked(
        run_dir=str(tmp_path / "run"), results_dir=str(tmp_path / "results"),
        data_dir=str(tmp_path), models=["home"], priors=["home-and-genes"],
        families=["many", "none"], folds=["one", "two"],
        n_sites=20, reach=10, wide=30, block=100, n_bootstrap=20, accelerator="cpu",
        n_mapped=6, control="many-one", n_control=4,
    )  # fmt: skip
    return Run.of(p), p


def test_the_chapter_goes_through_on_a_toy_archive(world):
    run, p = world
    given = chapter.opened(run, p)
    assert [table.species for table in given.tables] == [chapter.ECOLI, "Whole"]
    assert "**2 of 3 tables** pass" in given.finding.said
    assert "1 tables set apart" in given.finding.said
    assert "`none-one` and `none-two`" in given.finding.said
    assert given.families["many"]["L1"].stem == "many-one"
    found = chapter.located(run, given, p)
    own = found.shares[found.shares["species"] == "Whole"]
    assert set(own["model"]) == {"scanner", "home", "many"}
    assert set(own["reach"]) == {10, 30}
    assert (own["n"] == 20).all()
    # of E. coli, only sites of the test part
    home = given.tables[0].sites["position"]
    inside = int(given.ecoli.test[home.to_numpy()].sum())
    there = found.shares[found.shares["species"] == chapter.ECOLI]
    assert set(there["n"]) == {min(20, inside)}
    assert (found.shares["gc"] == 50).all(), "in per cent"
    follows = chapter.followed(found, p)
    maps = chapter.mapped(run, given, follows, p)
    assert maps.chosen["species"].tolist() == [chapter.ECOLI, "Whole"]
    assert set(maps.table["model"]) == {"home", "many-one"}
    assert len(maps.table) == 2 * 2 * 6
    there = given.tables[0].sites["position"].to_numpy()
    rows = species_maps.chosen_sites(given.tables[0], given.ecoli.test, 6, p.seed)
    assert given.ecoli.test[there[rows]].all(), "of E. coli, only sites of the test part"
    assert "`many-one`, trained on labels that were turned" in maps.finding.said
    again = chapter.mapped(run, given, follows, p)
    pd.testing.assert_frame_equal(again.table, maps.table)
    scores = chapter.scored(run, given, found, p)
    exact = (scores.table["metric"] == "pr_auc") & (scores.table["resolution"] == 1)
    assert scores.table.loc[~exact, "p"].isna().all()
    assert set(scores.table["species"]) == {"Whole", chapter.ECOLI}
    assert set(scores.table["resolution"]) == {1, 10}
    both = scores.table.set_index(["species", "model", "metric", "resolution"])["value"]
    for metric in ("pr_auc", "roc_auc"):  # no gene, so each position gets the same
        ours = both["Whole", "home-and-genes", metric, 1]
        assert ours == pytest.approx(both["Whole", "home", metric, 1], rel=1e-4)
    advice = chapter.advised(run, scores, p)
    assert advice.table["networks"].tolist() == [1, 1]
    assert "None is better than `home`" in advice.finding.said
    tested = scores.finding.results["tested"]
    assert tested.loc[tested["model"] == "home-and-genes", "share"].isna().all()
    verdicts = chapter.judged(given, scores, p)
    assert verdicts.table["genomes"].tolist() == [1]
    said = chapter.in_short(given, found, follows, maps, advice, verdicts, p).said
    assert "the output of `home`, which was trained on *E. coli* alone, is highest within 5" in said
    for drawn in (
        draw.shares_by_species(follows.shares),
        draw.shares_by_gc(follows.shares),
        draw.mutation_maps(maps.letters, maps.chosen, maps.table),
        draw.whole_genomes(scores.table),
    ):
        assert drawn.caption
        plt.close(drawn.figure)
    assert not chapter.peered(run, given, p).table.size
    output = np.random.default_rng(3).random((2, len(given.ecoli.genome)), dtype=np.float32)
    output[:, 4700:] = np.nan  # the last of the test part was not asked
    np.save(run.folder / "a_peer.npy", output)
    (run.folder / "a_peer.json").write_text('{"seconds_per_million": 12}')
    peer = chapter.peered(run, given, asked(**{**p, "peers": [str(run.folder / "a_peer.npy")]}))
    assert set(peer.table["predictor"]) == {"a peer", "home", "scanner"}
    assert "| 12.0 |" in peer.finding.said
    run.write(p, found, follows, maps, scores, advice, verdicts, peer)
    pd.testing.assert_frame_equal(chapter.peered(run, given, p).table, peer.table, rtol=1e-4)
    for file in ("localisation", "maps", "whole_genome", "verdict"):
        assert "position" not in pd.read_csv(run.results / f"{file}.csv").columns


def test_without_data_it_says_so_and_shows_nothing(tmp_path):
    p = asked(run_dir=str(tmp_path), data_dir=str(tmp_path / "absent"))
    run = Run.of(p)
    given = chapter.opened(run, p)
    assert "so this chapter is skipped" in given.finding.said
    found = chapter.located(run, given, p)
    follows = chapter.followed(found, p)
    scores = chapter.scored(run, given, found, p)
    verdicts = chapter.judged(given, scores, p)
    advice = chapter.advised(run, scores, p)
    maps = chapter.mapped(run, given, follows, p)
    assert (
        chapter.in_short(given, found, follows, maps, advice, verdicts, p).said
        == given.finding.said
    )
    assert draw.shares_by_species(follows.shares) is None
    assert draw.shares_by_gc(follows.shares) is None
    assert not maps.finding.said
    assert draw.mutation_maps(maps.letters, maps.chosen, maps.table) is None
    assert draw.whole_genomes(scores.table) is None
    assert "No output of another predictor" in chapter.peered(run, given, p).finding.said


def advice_of(*rows):
    """A table of models: networks, mean PR AUC, better on, worse on, of four genomes."""
    columns = ["model", "networks", "pr_auc", "better", "worse"]
    table = pd.DataFrame(rows, columns=columns).assign(genomes=4)
    return table.assign(ratio=table["pr_auc"] / table["pr_auc"].iloc[0])


def test_weights_are_advised_if_better_on_most_genomes_and_worse_on_none():
    first = ("first", 1, 0.1, 0, 0)
    assert "None is better" in words.say_best(advice_of(first, ("half", 1, 0.3, 2, 0)))
    assert "None is better" in words.say_best(advice_of(first, ("worse", 1, 0.3, 3, 1)))
    said = words.say_best(advice_of(first, ("good", 1, 0.12, 3, 0), ("dear", 7, 0.2, 4, 0)))
    assert (
        "is `dear`**, with 2.00 times the PR AUC of `first`; it is better on four of four" in said
    )
    assert "and takes the time of seven networks. Of those" in said
    assert "time of one, it is `good`, with 1.20 times." in said
    said = words.say_best(advice_of(first, ("good", 1, 0.12, 3, 0), ("dear", 7, 0.11, 4, 0)))
    assert "is `good`**, with 1.20 times" in said
    assert "networks" not in said
    assert "| 7 |" in words.say_advice(advice_of(first, ("dear", 7, 0.2, 4, 0)))


def scores_of(**values):
    """A table of PR AUC: species -> model -> value."""
    rows = [
        {"species": species, "model": model, "metric": "pr_auc", "resolution": 1, "value": value}
        for species, of in values.items()
        for model, value in of.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("many", "scanner", "home", "earned"),
    [(0.2, 0.2, 0.27, True), (0.199, 0.1, 0.3, False), (0.2, 0.201, 0.3, False),
     (0.2, 0.2, 0.269, False)],
)  # fmt: skip
def test_a_model_of_many_species_earns_its_place_by_all_three_numbers(many, scanner, home, earned):
    table = scores_of(
        a={"own": 0.1, "many": many, "scanner": scanner},
        **{chapter.ECOLI: {"own": 0.3, "many": home, "scanner": 0.1}},
        b={"own": 0.9, "scanner": 0.9},  # not asked
    )
    row = chapter.verdict(table, "many", "own")
    assert row["earned"] is earned
    assert row["genomes"] == 1
    said = words.say_verdict(pd.DataFrame([row]), "own")
    assert ("**earns its place**" in said) is earned
    assert "over one genome of" in said


@pytest.mark.parametrize(
    ("correlation", "p", "word"),
    [(-0.6, 0.049, "falls"), (0.6, 0.049, "rises"), (-0.6, 0.05, "does not change significantly")],
)
def test_gc_is_said_to_matter_only_if_it_does(correlation, p, word):
    row = {"model": "m", "property": "gc", "correlation": correlation, "ci_low": -0.9,
           "ci_high": 0.9, "p": p}  # fmt: skip
    assert word in words.say_gc(pd.DataFrame([row]), "m")
    assert words.say_gc(pd.DataFrame([row]), "other") == ""


def test_nothing_is_said_to_be_set_apart_if_nothing_is():
    audit = pd.DataFrame({"species": ["A"], "lineage": ["L"], "n": [5], "apart": [""]})
    said = words.say_audit(audit)
    assert "**1 of 1 tables**" in said
    assert "set apart" not in said
    assert "No model of many species" in words.say_models({}, [])


def test_wide_windows_are_named_only_where_there_are_some():
    rows = [("A", 50, 0.8), ("A", 200, 0.5), ("B", 50, 0.7)]
    shares = pd.DataFrame(rows, columns=["species", "reach", "share"]).assign(model="m", within=5)
    assert "*A* 0.80 and 0.50." in words.say_wide(shares, "m", 50, 200, 5)
    assert "*B*" not in words.say_wide(shares, "m", 50, 200, 5)
    assert words.say_wide(shares[shares["reach"] == 50], "m", 50, 200, 5) == ""


def test_the_model_of_all_lineages_is_judged_at_home():
    table = scores_of(
        a={"own": 0.1, "many": 0.3, "scanner": 0.1},
        **{chapter.ECOLI: {"own": 0.3, "many": 0.1, "many (all)": 0.28, "scanner": 0.1}},
    )
    row = chapter.verdict(table, "many", "own")
    assert row["ecoli"] == pytest.approx(-0.02)
    assert row["earned"]
    assert "worse than the scanner on none of them" in words.say_verdict(pd.DataFrame([row]), "own")


def test_the_audit_of_the_real_tables_is_the_one_that_the_page_shows(data_dir):
    folder = data_dir / "species"
    if not folder.is_dir():
        pytest.skip("the tables of other species are not there")
    tables = chapter.read_promoter_tables(folder / ARCHIVE)
    audit = pd.DataFrame([chapter._audited(table) for table in tables])
    used = audit[audit["apart"] == ""]
    assert len(used) == 39
    shown = pd.read_csv(ROOT / "book/results/species/localisation.csv")
    shown = shown.drop_duplicates("species").set_index("species")
    assert set(used["species"]) == set(shown.index)
    for _, row in used.iterrows():
        assert shown.loc[row["species"], "purine_share"] == pytest.approx(
            row["purine_share"], abs=1e-5
        )
        assert shown.loc[row["species"], "gc"] == pytest.approx(row["gc"], abs=1e-3)
