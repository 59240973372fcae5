"""The chapter atlas: what it says at the limits of its verdicts, and what it keeps in the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import atlas as chapter
from genoattn.chapters import atlas_words as words
from genoattn.heads import preferred
from genoattn.interventions import recovery
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import Checked, check
from genoattn.study.run import Run

SMALL = {"n_random": 200, "n_best": 5, "n_permutations": 5, "n_shuffles": 5}


def parameters(**given) -> Checked:
    defaults = {name: one.default for name, one in chapter.PARAMETERS.items()}
    return check(chapter.PARAMETERS, {**defaults, **SMALL, **given})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a tiny simulated genome with untrained models of two seeds."""
    run = Run(tmp_path_factory.mktemp("run"))
    run.save_inputs(inputs.synthetic_inputs(seed=0, length=20_000))
    shape = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=32, downstream=10)
    split = {"test": [2_000, 4_000], "validation": [10_000, 12_000]}
    for seed, name in enumerate(("toy", "toy-s1")):
        torch.manual_seed(seed)
        card = Card.of({"config": {}, "train_set": "curated", "split": split})
        Annotator(shape).save(run.training / f"{name}.safetensors", card)
    return run


def test_a_sweep_is_kept_and_used_until_what_it_was_made_from_changes(run, monkeypatch):
    made = chapter.kept_sweep(run, "toy", parameters())
    assert run.file("heads", "toy", "sweep", "npz").exists()
    calls = []
    sweep_part = preferred.sweep_part
    monkeypatch.setattr(
        preferred, "sweep_part", lambda *a, **k: calls.append(1) or sweep_part(*a, **k)
    )
    again = chapter.kept_sweep(run, "toy", parameters())
    assert not calls and (again.counts == made.counts).all()
    other = chapter.kept_sweep(run, "toy", parameters(n_best=6))
    assert calls == [1] and other.n_best == 6 and other.identity != made.identity
    assert (other.counts.sum(axis=-1) == 6).all()


def test_seeds_that_are_not_there_are_left_out_and_named(run):
    p = parameters(weights="toy", seeds=["toy-s1", "nowhere"])
    swept = chapter.swept(run, p)
    assert list(swept.sweeps) == ["toy", "toy-s1"] and swept.n_others == 1
    assert swept.mine is swept.sweeps["toy"]
    assert "Other seeds: toy-s1. Left out, as there are no such weights: nowhere." in (
        swept.finding.said
    )
    seeds = chapter.seeds(swept, p)
    assert list(seeds.finding.results) == ["seeds", "seeds_heads"]
    table = seeds.finding.results["seeds"]
    assert table["matched"].tolist() == ["within a layer", "across layers"]
    assert len(seeds.stability) == 2
    roles = chapter.roles(run, swept, p)
    assert ("seeds_roles" in roles.results) is ("no head of any seed" not in roles.said)


def test_one_seed_alone_says_that_nothing_is_known(run):
    p = parameters(weights="toy")
    swept = chapter.swept(run, p)
    assert "No other seed is given" in swept.finding.said
    seeds = chapter.seeds(swept, p)
    assert seeds.across is None and seeds.stability is None and not seeds.finding.results
    assert "**not known**" in seeds.finding.said


def compared(p_within, p_across) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seed": "s1",
            "within_layer": [True, False],
            "observed": [0.5, 0.6],
            "by_chance": 0.5,
            "p_value": [p_within, p_across],
            "back": [1, 3],
            "n": 4,
        }
    )


@pytest.mark.parametrize(("p", "n"), [(0.05, 1), (0.051, 0)])
def test_seeds_are_more_similar_than_chance_up_to_the_limit(p, n):
    said = words.say_seeds(compared(1.0, p), "mine")
    assert (
        f"Matched across layers, the heads of mine are significantly more similar to those of {n}"
        in said
    )
    assert "Of these heads, 3 of 4 in s1 come back. Matched within layers" in said
    assert "to those of 0 of 1 other seeds" in said.split("within layers")[1]


def test_roles_are_listed_or_said_to_be_none():
    found = pd.DataFrame(
        {"role": ["-10"], "n_seeds": 1, "of": 2, "heads": "a: L1 H1", "verdict": "in one"}
    )
    assert "| -10 | 1 | 2 | a: L1 H1 | in one |" in words.say_roles(found)
    assert "no head of any seed has a role" in words.say_roles(found.head(0))


def test_names_that_read_as_numbers_stay_names(tmp_path):
    run, folder = Run(tmp_path), tmp_path / "heads"
    folder.mkdir()
    (folder / "demo_table.csv").write_text(
        "layer,head,peak_offset,selectivity,best_motif,role\n1,1,-12,0.5,-10,-10\n1,2,0,0.1,-35,\n"
    )
    table = chapter.head_table(run, "demo")
    assert table["role"].tolist() == ["-10", ""] and table["best_motif"].tolist() == ["-10", "-35"]
    with pytest.raises(FileNotFoundError, match="run the chapter 03_heads first"):
        chapter.head_table(run, "other")
    (folder / "other_table.csv").write_text("layer,head\n1,1\n")
    with pytest.raises(ValueError, match="'peak_offset' is missing"):
        chapter.head_table(run, "other")


def test_ablation_is_joined_where_it_was_run(run):
    heads = pd.DataFrame({"layer": 1, "head": [1, 2], "peak_offset": 0, "selectivity": 0.5})
    profiles = pd.DataFrame({"layer_1based": [1], "head_1based": [1], "offset": [0]})
    folder = run.file("heads", "toy", "table").parent
    folder.mkdir(exist_ok=True)
    heads.to_csv(run.file("heads", "toy", "table"), index=False)
    profiles.to_csv(run.file("heads", "toy", "profiles"), index=False)
    p = parameters(weights="toy")
    swept = chapter.swept(run, p)
    seeds = chapter.seeds(swept, p)
    without = chapter.joined(run, swept, seeds, p)
    assert without.joined["ablation_delta_pr_auc"].isna().all()
    assert "ablation not run" in without.finding.said
    file = run.file("dependence", "toy", "ablation")
    file.parent.mkdir()
    pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": [1, 2, 1, 2],
            "mode": ["mean", "mean", "zero", "zero"],
            "delta_pr_auc": [-0.1, 0.0, -0.3, 0.1],
            "ci_low": -0.4,
            "ci_high": [-0.05, 0.1, -0.2, 0.2],
        }
    ).to_csv(file, index=False)
    with_it = chapter.joined(run, swept, seeds, p)
    assert with_it.joined["ablation_delta_pr_auc"].tolist() == [-0.1, 0.0]
    assert "PR AUC falls by 0.100" in with_it.says[0] and len(with_it.says) == 2
    zero = chapter.joined(run, swept, seeds, parameters(weights="toy", ablation="zero"))
    assert zero.joined["ablation_delta_pr_auc"].tolist() == [-0.3, 0.1]


def known(planted_share=0.8, nothing=True) -> recovery.Recovery:
    """Two elements, one recovered; two claims, one false; perhaps networks with nothing to find."""
    recovered = pd.DataFrame(
        {
            "genome_seed": [0, 0],
            "element": ["-10", "-35"],
            "recovered": [True, False],
            "used": [True, False],
            "change": [-1.0, -0.1],
            "chance": [0.25, 0.0],
        }
    )
    claims = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1, 0, 0],
            "grammar": [True, True, False, True, True],
            "trained": [True, True, True, False, False],
            "element": ["-10", "", "", "", ""],
            "claimed": [True, True, True, True, True],
            "false_claim": [False, True, True, True, True],
            "planted_share": [0.9, planted_share, 0.0, 0.9, 0.9],
            "planted_elsewhere": [0.5, 0.1, 0.0, 0.0, 0.0],
            "planted_element": ["-10", "-35", "", "-10", "-10"],
        }
    )
    genomes = pd.DataFrame(
        {
            "genome_seed": [0, 1, 0],
            "grammar": [True, False, True],
            "trained": [True, True, False],
            "r": [0.91, np.nan, np.nan],
            "r_low": [0.85, np.nan, np.nan],
            "r_high": [0.95, np.nan, np.nan],
        }
    )
    if nothing:
        return recovery.Recovery(recovered, claims, genomes)
    return recovery.Recovery(recovered, claims.head(2), genomes.head(1))


def test_recovered_elements_are_counted_of_all_by_chance_and_of_those_used():
    said = words.say_recovered(known())
    assert "**1 of 2 (50%)** were recovered" in said
    assert "would have recovered 0.2 (12%)" in said
    assert "The models use 1 of the elements" in said and "**1 of 1 (100%)**" in said
    tables = known()
    tables.recovered["used"] = False
    assert "**0 of 0** were recovered" in words.say_recovered(tables)


def test_false_claims_are_counted_and_those_of_parts_are_named():
    said = words.say_claims(known())
    assert "Of 2 claims on these genomes, **1** match no planted element" in said
    assert "1 are parts of planted elements (-35): at the sites" in said
    assert "on average 80%, against 10% at that place" in said
    assert "1 of the 1 elements that were not recovered are claimed in part" in said
    assert "parts of planted elements" not in words.say_claims(known(planted_share=0.5))


def test_claims_where_none_can_be_true_are_counted_by_what_is_missing():
    said = words.say_claims(known())
    assert "On 1 genome without grammar, where every claim is false, there were **1**" in said
    assert (
        "1 genome with an untrained network, where every claim is false, there were **2**" in said
    )
    without = words.say_claims(known(nothing=False))
    assert "No genome without grammar was treated. No untrained network was treated." in without


def test_what_claims_predict_is_said_with_its_interval_where_there_are_any():
    assert "r = 0.91 (0.85 to 0.95), a number a genome" in words.say_claims(known())
    tables = known()
    tables.genomes["r"] = np.nan
    assert "correlates" not in words.say_claims(tables)


def test_without_the_command_there_is_nothing_to_trust(tmp_path):
    found = chapter.recovered(parameters(recovery_file=str(tmp_path / "recovery.csv")))
    assert found.elements is None and "run `genoattn recover`" in found.finding.said
    assert "was not tested" in words.say_trust(found.tables)
    said = words.say_trust(known())
    assert "1 of 2 (50%) planted elements and 1 of 1 (100%) of those that the models use" in said
    assert "and 1 of 2 claims matched none" in said


def test_in_short_counts_places_roles_effects_and_matches():
    joined = pd.DataFrame(
        {
            "selectivity": [0.2, 0.19, 0.5],
            "role": ["-10 box", "", "-10 box"],
            "ablation_delta_pr_auc": [-0.1, 0.0, np.nan],
            "ci_high": [-0.01, 0.0, np.nan],
            "seed_stability": [1.0, 0.5, 0.0],
        }
    )
    said = words.say_in_short(joined, 2, 0.2)
    assert "Of 3 heads, 2 look mostly at one place" in said
    assert "and 2 have a role by the rule (-10 box)" in said
    assert "switching a single one off lowers PR AUC significantly for 1." in said
    assert "every other seed (2 compared) for 1 heads, and in none for 1." in said
    alone = joined.assign(ablation_delta_pr_auc=np.nan, seed_stability=np.nan, role="")
    said = words.say_in_short(alone, 0, 0.2)
    assert "0 have a role by the rule; no head was switched off." in said
    assert "only one seed" in said or "one seed only" in said
