"""The chapter atlas: what it says at the limits of its verdicts, and what it keeps in the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import atlas as chapter
from genoattn.chapters import atlas_words as words
from genoattn.heads import atlas, preferred
from genoattn.interventions import recovery
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import Checked, check
from genoattn.study.run import Run

SMALL = {"n_random": 200, "n_best": 5}


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


def keep(run, room, kind, **columns):
    file = run.file(room, "toy", kind)
    file.parent.mkdir(exist_ok=True)
    pd.DataFrame(columns).to_csv(file, index=False)


@pytest.fixture
def with_heads(run):
    keep(run, "heads", "table", layer=[1, 1], head=[1, 2], peak_offset=0, selectivity=0.5)
    keep(run, "heads", "profiles", layer_1based=[1], head_1based=[1], offset=[0])
    return run


def test_without_the_chapter_on_dependence_nothing_is_known_of_what_heads_carry(with_heads):
    found = chapter.joined(with_heads, parameters(weights="toy"))
    assert found.joined["ablation_delta_pr_auc"].isna().all()
    assert found.logos is None and found.n_others == 0
    assert chapter.elements(with_heads, found).said == words.NOT_ASKED
    assert "which element a head carries (chapter 06 not run)" in found.finding.said
    assert all(one.startswith("What it carries was not measured.") for one in found.says)


def test_what_was_found_by_intervention_is_joined(with_heads, tmp_path):
    run = with_heads
    pair = {"layer_1based": 1, "head_1based": [1, 2]}
    keep(run, "dependence", "ablation", **pair, delta_pr_auc=[-0.1, 0.0], ci_low=[-0.4, -0.1],
         ci_high=[-0.05, 0.1])  # fmt: skip
    keep(run, "dependence", "seed_carriers", model=["toy", "toy-s1"], layer=1, head=1,
         element="-35", share=[0.41, 0.9], ci_low=[0.34, 0.8], ci_high=[0.51, 1.0])  # fmt: skip
    keep(run, "dependence", "roles", seed=["toy", "toy", "toy-s1"], layer=1, head=1, element="-35",
         other_seed=["toy-s1", "toy-s2", "toy"], returns=[True, False, True])  # fmt: skip
    keep(run, "dependence", "effects", element=["-35", "-35", "UP"],
         control=["", "no element here", ""], used=[True, True, False],
         effect=[2.0, 0.0, 0.1], ci_low=[1.0, -0.1, -0.1], ci_high=[3.0, 0.1, 0.3],
         detectable=[0.12, 0.9, np.nan])  # fmt: skip
    keep(run, "dependence", "logos", layer=1, head=[1, 1, 2], offset=[-35, -34, -35], letter="T",
         contribution=[0.5, 0.25, 0.0])  # fmt: skip
    keep(run, "dependence", "logo_names", layer=[1], head=[1], name=["-35"])
    found = chapter.joined(run, parameters(weights="toy"))
    assert found.n_others == 2
    by_element = chapter.elements(run, found)
    table = by_element.results["heads_by_element"].set_index("element")
    assert table["carried_by"].to_dict() == {"-35": "L1 H1", "UP": ""}
    assert table.loc["-35", ["share", "share_low", "share_high"]].tolist() == [0.41, 0.34, 0.51]
    assert table["n_seeds"].to_dict() == {"-35": 1, "UP": 0}
    assert found.joined["carries"].tolist() == ["-35", ""]
    assert found.joined["mediated"].tolist() == [0.75, 0.0]
    assert found.joined["seed_stability"].iloc[0] == 0.5
    first, second = found.says
    assert first.startswith(
        "Carries the -35: 41% (34% to 51%) of its effect comes back with this head alone; the "
        "letters that pass through it fit the -35; a head of the same profile over all elements is "
        "found in 1 of 2 other seeds. "
        "Without it PR AUC falls by 0.100. Its attention peaks at +1"
    )
    assert second.startswith(
        "Carries none of the elements asked about (12% of an effect would have been found). "
        "Without it PR AUC does not change significantly."
    )


def test_elements_get_both_verdicts_with_their_power():
    found = pd.DataFrame(
        {
            "element": ["-10", "-35", "UP"], "by_attention": ["", "L2 H1; L2 H3", ""],
            "effect": [3.0, 2.0, 0.0], "ci_low": [2.0, 1.0, -0.1], "ci_high": [4.0, 3.0, 0.1],
            "used": [True, True, False], "detectable": [0.1, 0.12, np.nan], "n_carriers": [3, 0, 0],
            "carried_by": ["L4 H6", "", ""], "share": [0.4, np.nan, np.nan], "share_low": 0.3,
            "share_high": 0.5, "n_seeds": [2, 0, 0],
        }
    )  # fmt: skip
    said = words.say_elements(found, {"-10", "-35"}, 2)
    assert "one has a head by attention (" in said and ", and one by intervention." in said
    assert (
        "two of them with a head by eye; of these, attention gives some head to one, inter" in said
    )
    assert "| -10* | none | -3.00 (-4.00 to -2.00) | L4 H6 40% (30% to 50%) and 2 more |" in said
    assert "| none (detection limit 12%) |" in said and "| not used |" in said
    assert "The paper" not in words.say_elements(found, set(), 0)


def row(**given):
    whole = dict.fromkeys(atlas.COLUMNS, np.nan) | {
        "peak_offset": 0, "selectivity": 0.5, "consensus": "NN", "best_motif": "", "role": "",
        "carries": "", "mediated_name": "",
    }  # fmt: skip
    return pd.DataFrame([whole | given])


def sentence(**given):
    asked = {"max_q": 0.05, "selective": 0.2}
    asked |= {name: given.pop(name) for name in ("n_others", "detectable") if name in given}
    return words.sentences(row(**given), **asked)[0]


def test_that_a_head_carries_nothing_stands_beside_what_would_have_been_found():
    assert "as the output uses none of them" in sentence()
    assert (
        "(12% to 30% of the effect, depending on the element, would have been found)"
        in sentence(detectable=(0.12, 0.3))
    )
    told = sentence(detectable=(0.1, 0.2), mediated=0.1, mediated_name="-10 box")
    assert "would have been found), though the letters that pass through it fit the -10" in told
    told = sentence(detectable=(0.1, 0.2), mediated=0.1, mediated_name="ArcA")
    assert "fit the ArcA site." in told


def test_a_head_of_several_elements_names_the_first_with_its_share():
    told = sentence(carries="-10 box; start", carried_share=0.5, carried_low=0.4, carried_high=0.6)
    assert (
        "Carries the -10 box: 50% (40% to 60%)" in told
        and "alone; it carries the start, too; one s" in told
    )


@pytest.mark.parametrize(
    ("change", "low", "high", "said"),
    [
        (-0.1, -0.2, -0.01, "PR AUC falls by 0.100"),
        (0.1, 0.01, 0.2, "PR AUC rises by 0.100"),
        (-0.1, -0.2, 0.0, "does not change significantly"),
        (np.nan, np.nan, np.nan, "Ablation not run"),
    ],
)
def test_the_loss_is_said_by_its_interval(change, low, high, said):
    assert said in sentence(ablation_delta_pr_auc=change, ci_low=low, ci_high=high)


def test_attention_comes_last_and_by_its_limits():
    assert (
        "Spreads its attention, with the highest mean at -12, where it prefers TATAAT; not"
        in sentence(selectivity=0.19, peak_offset=-12, consensus="TATAAT")
    )
    assert "its motif resembles CRP (q = 0.05)" in sentence(q_value=0.05, best_motif="CRP")
    assert "resembles" not in sentence(q_value=0.051)
    assert "the chapter on heads names it -10 box, because it" in sentence(role="-10 box")
    assert "lie less often in known binding" in sentence(site_q=0.05, site_odds_ratio=0.5)
    assert "binding sites" not in sentence(site_q=0.051, site_odds_ratio=0.5)


def test_heads_like_no_known_motif_are_counted_once_for_all_cards():
    columns = dict.fromkeys(("carries", "ablation_delta_pr_auc", "site_q"), 0.0)
    heads = pd.DataFrame({"q_value": [0.01, 0.06, 0.4, np.nan]}).assign(**columns)
    said = words.say_measured(heads, 0.05)
    assert said.startswith("No measurement is missing. Compared with all known motifs")
    assert "match none significantly for 2 of 3 heads (least q = 0.06)" in said
    assert words.say_measured(heads.head(1), 0.05) == "No measurement is missing."
    assert "Compared" not in words.say_measured(heads.tail(1), 0.05)


def known(planted_share=0.8, nothing=True) -> recovery.Recovery:
    """Two elements, one recovered; two claims, one false; perhaps networks with nothing to find."""
    recovered = pd.DataFrame(
        {
            "genome_seed": [0, 0],
            "element": ["-10", "-35"],
            "recovered": [True, False],
            "used": [True, False],
            "change": [-1.0, -0.1],
            "ideal": [-5.0, -2.5],
            "chance": [0.25, 0.0],
            "foreign": [False, False],
        }
    )
    claims = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1, 0, 0],
            "grammar": [True, True, False, True, True],
            "trained": [True, True, True, False, False],
            "foreign": False,
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
            "foreign": False,
            "r": [0.91, np.nan, np.nan],
            "r_low": [0.85, np.nan, np.nan],
            "r_high": [0.95, np.nan, np.nan],
            "r_ideal": [0.8, np.nan, np.nan],
        }
    )
    if nothing:
        return recovery.Recovery(recovered, claims, genomes)
    return recovery.Recovery(recovered, claims.head(2), genomes.head(1))


def test_recovered_elements_are_counted_of_all_by_chance_and_of_those_used():
    said = words.say_recovered(known())
    assert said.startswith("1 genome was simulated, with 2 planted elements in all.")
    assert "**1 of 2 (50%)** were recovered" in said
    assert "would have recovered 0.2 (12%)" in said
    assert "The models use 1 of the elements" in said and "**1 of 1 (100%)**" in said
    assert "1 of the 1 elements that they do not use could be of use: when one of" in said
    assert "loses 2.5 log-odds in the mean, and a network loses 0.1. The networks have" in said
    assert "although their effect is smaller" not in said
    small = known()
    small.recovered["recovered"] = True
    assert "were not. One more were" not in words.say_recovered(small)
    assert "One more was recovered although its effect" in words.say_recovered(small)
    tables = known()
    tables.recovered["ideal"] = [-5.0, -0.4]
    assert "With none of the 1 elements that they do not use an observer that" in (
        words.say_recovered(tables)
    )
    tables.recovered["used"] = True
    assert words.say_recovered(tables).endswith("were recovered, and 1 was not.")
    tables.recovered["used"] = False
    assert "**0 of 0** were recovered" in words.say_recovered(tables)


def test_false_claims_are_counted_and_those_of_parts_are_named():
    said = words.say_claims(known())
    assert "Of 2 claims on these genomes, **1** matches no planted element" in said
    assert (
        "That one is a part of planted elements (-35), too small for a match. "
        "Of the letters by which such a claim is made" in said
    )
    assert "on average belong to a planted copy; of those at the same positions" in said
    assert (
        "Through such parts, one of the 1 elements that were not recovered is claimed in part"
        in said
    )
    assert "of planted elements (" not in words.say_claims(known(planted_share=0.5))


def test_genomes_of_another_grammar_are_told_apart():
    tables = known()
    assert "The limits of the rule" not in words.say_claims(tables)
    others = tables.recovered.assign(genome_seed=7, foreign=True)
    claims = tables.claims.head(1).assign(genome_seed=7, foreign=True)
    said = words.say_claims(
        tables._replace(
            recovered=pd.concat([tables.recovered, others]),
            claims=pd.concat([tables.claims, claims]),
        )
    )
    assert (
        "one of those counted here has another, with other words for the boxes. There, 1 of 1"
        in (said)
    )
    assert "(100%) of the used elements were recovered, and 0 of 1 claims match none." in said


def test_claims_where_none_can_be_true_are_counted_by_what_is_missing():
    said = words.say_claims(known())
    assert "On 1 genome without grammar, where every claim is false, there were **1**" in said
    assert (
        "1 genome with an untrained network, where every claim is false, there were **2**" in said
    )
    without = words.say_claims(known(nothing=False))
    assert "No genome without grammar was treated. No untrained network was treated." in without


def test_what_claims_predict_is_said_with_its_interval_where_there_are_any():
    said = words.say_claims(known())
    assert "are replaced: r = 0.91 (0.85 to 0.95). For comparison, the prediction of an ob" in said
    assert said.endswith("knows the grammar correlates with the same losses: r = 0.80.")
    tables = known()
    two = tables.genomes.head(1).assign(r=0.71, r_low=0.51, r_high=0.91, r_ideal=0.9)
    several = tables._replace(genomes=pd.concat([tables.genomes, two]))
    said = words.say_claims(several)
    assert "r = 0.81 in the mean of 2 genomes (least 0.71, greatest 0.91); within" in said
    assert "is 0.25 wide in the mean. For comparison" in said
    assert said.endswith("losses: r = 0.85 in the mean of 2 genomes (least 0.80, greatest 0.90).")
    tables.genomes["r_ideal"] = np.nan
    assert words.say_claims(tables).endswith("are replaced: r = 0.91 (0.85 to 0.95).")
    tables.genomes["r"] = np.nan
    assert "correlates" not in words.say_claims(tables)


def test_without_the_command_there_is_nothing_to_trust(tmp_path):
    absent = {"recovery_file": str(tmp_path / "recovery.csv"), "results_dir": str(tmp_path)}
    found = chapter.recovered(parameters(**absent))
    assert found.elements is None and "run `genoattn recover`" in found.finding.said
    assert found.finding.said.endswith("run `genoattn recover`.")
    assert "was not tested" in words.say_trust(found.tables)
    said = words.say_trust(known())
    assert "1 of 2 (50%) planted elements and 1 of 1 (100%) of those that the models use" in said
    assert "1 of its 2 claims matched none" in said


def real(**changes) -> pd.DataFrame:
    """Two elements of a model on a real genome, one of them claimed."""
    table = pd.DataFrame(
        {
            "model": "curated", "name": ["-35 box", "WWWW at -50"], "consensus": ["TTGACA", "WWWW"],
            "first": [-35, -50], "effect": [2.0, 0.1], "ci_low": [1.5, 0.0], "ci_high": [2.5, 0.2],
            "head": ["L1 H6", ""], "part_of": "",
            "claimed": [True, False], "r": 0.9, "r_low": 0.8, "r_high": 0.95,
        }
    )  # fmt: skip
    return table.assign(**changes)


def test_what_the_same_rule_claims_of_a_real_genome_is_said(tmp_path):
    said = words.say_real(real(), "curated")
    assert "one of two elements that are found in the mutation map of `curated`" in said
    assert "-35 box (TTGACA at -35; 2.00 (1.50 to 2.50) log-odds lost, foremost by L1 H6)" in said
    assert "correlate with those seen there: r = 0.90 (0.80 to 0.95)." in said
    two = words.say_real(pd.concat([real(), real(model="annotator")]), "curated")
    assert two.count("correlate with those seen there") == 2
    assert two.count("This rule differs from that by which heads carry elements") == 1
    assert "map of a network of another architecture, `annotator`, become claims: -35 box" in two
    assert "foremost by its L1 H6" in two and "foremost by its" not in said
    assert "WWWW" not in said
    unnamed = words.say_real(real(claimed=[False, True]), "curated")
    assert "become claims: WWWW at -50 (0.10 (0.00 to 0.20) log-odds lost, foremost by" in unnamed
    part = words.say_real(real(claimed=[False, True], part_of="ArcA"), "curated")
    assert "become claims: WWWW at -50 (a part of the ArcA site; 0.10 (0.00 to 0.20)" in part
    assert words.say_real(real(claimed=False), "curated").endswith(
        "none of two elements that are found in the mutation map of `curated` become claims."
    )
    real().to_csv(tmp_path / "claims.csv", index=False)
    p = parameters(recovery_file="absent.csv", results_dir=str(tmp_path), weights="curated")
    found = chapter.recovered(p).finding.said
    assert said in found and "run `genoattn recover`" in found


def test_in_short_counts_carriers_losses_and_roles_that_return():
    joined = pd.concat(
        [
            row(layer=1, head=1, carries="-35; start", carried_share=0.4, carried_low=0.3,
                carried_high=0.5, ablation_delta_pr_auc=-0.1, ci_high=-0.01, seed_stability=1.0),
            row(layer=1, head=2, ablation_delta_pr_auc=0.0, ci_high=0.0),
        ]
    )  # fmt: skip
    said = words.say_in_short(joined, 2)
    assert (
        "Of 2 heads, one carries an element to the output: foremost L1 H1 carries the -35 (40% ("
        in said
    )
    assert "Switched off alone, 1 of all 2 heads lower PR AUC significantly." in said
    assert "element, one has a partner in both other seeds; none has none." in said
    alone = joined.assign(ablation_delta_pr_auc=np.nan, seed_stability=np.nan, carries="")
    said = words.say_in_short(alone, 0)
    assert "Of 2 heads, none carries an element to the output. No head was switched off." in said
    assert "one seed only" in said
    assert "was not measured" in words.say_in_short(joined.assign(carries=np.nan), 0)
