"""Networks on genomes of known truth: the tables of the command, and what goes into them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from toy_reader import CONFIG, promoters, reader

from genoattn.data.grammar import NO_GRAMMAR
from genoattn.data.ideal_observer import IdealObserver
from genoattn.data.simulation import Layout, simulate
from genoattn.interventions import recovery
from genoattn.interventions.claims import Rule
from genoattn.model.annotator import untrained
from genoattn.study import recover

ROOT = Path(__file__).parents[2]

RULE = Rule(
    first=-45, last=0, n_learn=90, min_seqlets=15, n_sites=30, block=1_000, n_bootstrap=200,
    min_used=0.5, n_permuted=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def judged():
    """The network that reads TTGACA, where it was planted beside a word that nothing reads."""
    genome, sites = promoters(n=150)
    copies = sites[sites["has"]].rename(columns={"position": "tss_position"})
    box = copies.assign(element="box", offset=-35, sequence="TTGACA")
    other = copies.assign(element="other", offset=-15, sequence="GGCCTT")
    planted = pd.concat([box, other], ignore_index=True)
    held = np.arange(len(genome)) >= 300 + 400 * 100 - 200
    return recovery.judge(reader(), genome, sites, planted, held, rule=RULE, seed=0)


def test_what_is_planted_and_used_is_recovered_and_what_is_not_used_is_told_from_it(judged):
    told = judged.recovered.set_index("element")
    assert told.loc["box", "recovered"] and told.loc["box", "used"]
    assert told.loc["box", "head"] == "L1 H1"
    assert not told.loc["other", "recovered"] and not told.loc["other", "used"]
    assert told["chance"].max() < 0.2
    assert not judged.claims["false_claim"].any()
    assert judged.claims.loc[judged.claims["claimed"], "planted_share"].min() > 0.8


def test_claims_predict_what_replacing_costs_at_sites_that_they_were_not_made_of(judged):
    (row,) = judged.genome.to_dict("records")
    assert row["n_claims"] == judged.claims["claimed"].sum() == 1
    assert row["r_low"] <= row["r"] <= row["r_high"] and row["r_low"] > 0.5
    assert "1 claims, 0 false; 1 of 2 planted and 1 of 1 used elements recovered" in (
        recover._said(with_names(judged))
    )


def test_an_observer_that_knows_the_grammar_foresees_drops_where_its_elements_are_replaced():
    simulation = simulate(seed=5, length=60_000, layout=Layout(tss_per_kb=8.0))
    observer = IdealObserver.of(simulation, simulation.truth_sites)
    boxes = simulation.elements[simulation.elements["element"] == "-10"].head(80)
    sites = boxes.rename(columns={"tss_position": "position"})[["position", "strand"]]
    box = sites.assign(first=boxes["offset"], last=boxes["offset"] + 5)
    nothing = sites.assign(first=25, last=33)  # downstream of every element
    drops = pd.concat([box, nothing], ignore_index=True)
    drop = recovery.foreseen(observer, simulation.genome, drops, seed=0)
    assert np.median(drop[:80]) > 3 and np.abs(drop[80:]).max() < 1e-9
    again = recovery.foreseen(observer, simulation.genome, drops, seed=0)
    assert np.array_equal(drop, again)
    assert (
        len(recovery.foreseen(observer, simulation.genome, drops.head(0).astype(object), seed=0))
        == 0
    )


def with_names(judged: recovery.Treated) -> recovery.Treated:
    genome = judged.genome.assign(genome_seed=0, grammar=True, foreign=False, trained=True)
    return judged._replace(genome=genome)


def test_an_untrained_network_is_that_of_its_seed_and_leaves_the_others_chance_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, again = untrained(CONFIG, 3), untrained(CONFIG, 3)
    assert torch.equal(torch.rand(1), expected) and not first.training
    other = untrained(CONFIG, 4)
    weights = [next(one.parameters()) for one in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_command_writes_all_tables_after_each_genome(judged, tmp_path, monkeypatch, capsys):
    asked = []

    def treated(seed, folder, *, grammar, trained, **given):
        asked.append((seed, grammar, trained))
        kind = {"grammar": grammar != "none", "foreign": grammar == "foreign"}
        frames = [frame.assign(genome_seed=seed, trained=trained, **kind) for frame in judged]
        return recovery.Treated(*frames)

    monkeypatch.setattr(recover, "one_genome", treated)
    given = ["--seeds", "8", "9", "--foreign", "6", "--blank", "7", "--untrained", "8"]
    recover.main([*given, "--results", str(tmp_path)])
    assert asked == [
        (8, "grammar", True),
        (6, "foreign", True),
        (7, "none", True),
        (8, "grammar", False),
        (9, "grammar", True),
    ]
    told = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["grammar 8", "foreign 6", "none 7", "untrained 8", "grammar 9"]
    tables = recovery.read(tmp_path / "recovery.csv")
    assert tables.recovered["trained"].all()
    assert set(tables.recovered) >= {"element", "recovered", "used", "chance", "change"}
    assert tables.genomes["trained"].tolist() == [True, True, True, False, True]
    assert tables.genomes["foreign"].tolist() == [False, True, False, False, False]
    assert len(tables.claims) == 5 * len(judged.claims)


def test_the_command_treats_networks_that_learnt_nothing_alone(judged, tmp_path, monkeypatch):
    kind = {"grammar": True, "foreign": False, "trained": False}
    frames = [one.assign(genome_seed=8, **kind) for one in judged]
    monkeypatch.setattr(recover, "one_genome", lambda *_, **__: recovery.Treated(*frames))
    kinds = ["--seeds", "--foreign", "--blank", "--untrained", "8"]
    recover.main([*kinds, "--results", str(tmp_path)])
    tables = recovery.read(tmp_path / "recovery.csv")
    assert tables.recovered.empty and len(tables.genomes) == 1
    assert len(tables.claims) == len(judged.claims)


def test_the_command_without_a_genome_says_what_to_name(capsys):
    with pytest.raises(SystemExit):
        recover.main(["--seeds", "--foreign", "--blank", "--untrained"])
    assert "no genome is named: give a seed to --seeds" in capsys.readouterr().err


def test_where_nothing_is_planted_nothing_is_recovered_and_its_columns_are_there():
    genome, sites = promoters(n=150)
    held = np.arange(len(genome)) >= 300 + 400 * 100 - 200
    nothing = simulate(seed=1, length=20_000, grammar=NO_GRAMMAR).elements
    network = untrained(CONFIG, 3)
    one = recovery.judge(network, genome, sites, nothing, held, rule=RULE, seed=0)
    assert one.recovered.empty and set(one.recovered) >= {"used", "recovered", "chance", "ideal"}
    assert one.genome["n_claims"].tolist() == [0]


def test_a_table_that_is_missing_is_named(tmp_path):
    pd.DataFrame({"element": ["-10"]}).to_csv(tmp_path / "recovery.csv", index=False)
    with pytest.raises(FileNotFoundError, match=r"recovery_claims\.csv"):
        recovery.read(tmp_path / "recovery.csv")


def tables_in(folder) -> dict[str, pd.DataFrame]:
    """The three tables, written; two claims, one of an element called by a number."""
    tables = {
        "recovery": pd.DataFrame(
            {
                "element": ["-10"],
                "recovered": [True],
                "used": [True],
                "chance": [0.0],
                "ideal": [-1.0],
                "foreign": [False],
            }
        ),
        "recovery_claims": pd.DataFrame(
            {
                "element": ["-10", None],
                "planted_element": [None, "-35"],
                "claimed": [True, False],
                "trained": True,
                "foreign": False,
            }
        ),
        "recovery_genomes": pd.DataFrame(
            {"genome_seed": [0], "foreign": [False], "trained": [True], "r": [0.9]}
        ),
    }
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return tables


def test_names_of_elements_stay_names(tmp_path):
    tables_in(tmp_path)
    tables = recovery.read(tmp_path / "recovery.csv")
    assert tables.recovered["element"].tolist() == ["-10"]
    assert tables.claims["element"].tolist() == ["-10", ""]
    assert tables.claims["planted_element"].tolist() == ["", "-35"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("recovery", "chance"),
        ("recovery", "foreign"),
        ("recovery_claims", "trained"),
        ("recovery_genomes", "r"),
    ],
)
def test_tables_of_another_rule_are_refused(tmp_path, name, column):
    before = tables_in(tmp_path)[name].drop(columns=column)
    before.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(ValueError, match=rf"{name}\.csv: column '{column}' is missing"):
        recovery.read(tmp_path / "recovery.csv")


@pytest.mark.skipif(not (ROOT / "book").is_dir(), reason="only the package is here")
def test_the_page_on_running_again_names_the_genomes_of_the_committed_tables():
    page = (ROOT / "book/rerun.md").read_text(encoding="utf-8")
    [line] = [one for one in page.splitlines() if one.startswith("genoattn recover ")]
    given = re.findall(r"--(seeds|foreign|blank|untrained)((?: \d+)*)", line)
    named = {kind: {int(seed) for seed in seeds.split()} for kind, seeds in given}
    table = recovery.read(ROOT / "book/results/demo/recovery.csv").genomes
    kinds = {
        "seeds": (True, False, True),
        "foreign": (True, True, True),
        "blank": (False, False, True),
        "untrained": (True, False, False),
    }
    assert set(named) == set(kinds)
    for kind, what in kinds.items():
        rows = table[(table[["grammar", "foreign", "trained"]] == what).all(axis=1)]
        assert set(rows["genome_seed"]) == named[kind], kind
