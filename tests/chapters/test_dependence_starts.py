"""What only starts of genes are asked: sentences at their limits, steps on a toy."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from genoattn.chapters import dependence as chapter
from genoattn.chapters import dependence_starts as steps
from genoattn.chapters import dependence_starts_words as words
from genoattn.interventions.written import STOPS
from genoattn.model.card import Card
from genoattn.study import inputs
from genoattn.study.parameters import check
from genoattn.study.run import Run
from tests import toy_reader

NAMES = ["ATG", "GTG", "TTG", "CTG", "AAA"]


def codon_table(names=NAMES, change=(0.0, -1.0, -2.0, -3.0, -4.0)):
    return pd.DataFrame({"codon": names, "change": change, "ci_low": -5.0, "ci_high": 0.5})


def test_codons_are_told_in_their_order():
    said = words.say_codons(codon_table(), 9)
    assert "rank first, in the order of their frequency" in said
    assert "GTG -1.00 (-5.00 to +0.50) and TTG -2.00" in said
    assert "the best of the other 61 is CTG, -3.00" in said
    assert "rank first. " in words.say_codons(codon_table(["GTG", "ATG", *NAMES[2:]]), 9)
    other = words.say_codons(codon_table(["ATG", "CTG", "GTG", "TTG", "AAA"]), 9)
    assert "The three best codons are ATG, CTG and GTG" in other


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.2, -0.001, "**A stop codon costs more in frame than out of frame.**"),
        (-0.2, 0.0, "is not shown"),
        (0.0, 0.2, "is not shown"),
        (0.001, 0.2, "costs less in frame"),
    ],
)
def test_the_frame_is_read_if_the_interval_lies_below_zero(low, high, text):
    assert text in words.read_frame((-0.1, low, high))


def leaders(found_high=0.4, upstream_low=-1.0, names=("leaderless", "with a leader")):
    return pd.DataFrame(
        {
            "genes": names, "n": [8, 90][: len(names)],
            "found": [0.2, 0.6][: len(names)], "found_low": [0.1, 0.5][: len(names)],
            "found_high": [found_high, 0.7][: len(names)],
            "output": -3.0, "output_low": -4.0, "output_high": -2.0,
            "matching": 0.3, "matching_low": 0.1, "matching_high": 0.5,
            "upstream": [-0.5, -3.0][: len(names)],
            "upstream_low": [upstream_low, -4.0][: len(names)],
            "upstream_high": [0.0, -2.0][: len(names)],
        }
    )  # fmt: skip


def test_leaderless_genes_differ_where_intervals_do_not_meet():
    said = words.say_leaderless(leaders())
    assert "8 genes of the test part are leaderless" in said
    assert "**They are found less often:** 20% (10% to 40%) are found, against 60%" in said
    assert "Their output depends less on what lies upstream" in said
    same = words.leaderless_verdict(leaders(found_high=0.5, upstream_low=-2.0))
    assert "**No loss of recall is shown:**" in same
    assert "not shown to depend less" in same
    wide = words.leaderless_verdict(leaders(found_high=0.7, upstream_low=-2.0))
    assert "**They are too few to tell whether fewer are found:** 20% (10% to 70%)" in wide


@pytest.mark.parametrize(
    ("costs", "told"), [((-1.0, -2.0, -0.5, -0.5), True), ((-1.0,) * 4, False)]
)
def test_it_is_said_if_two_places_bring_most_of_what_a_stop_in_frame_costs(costs, told):
    frames = pd.DataFrame(
        {"offset": [3, 6, 9, 12, 15, 7, 8], "frame": [0] * 5 + [1, 2], "change": [-9, *costs, 0, 0]}
    ).assign(ci_low=-9.0, ci_high=9.0)
    said = words.say_stops(frames, (-0.1, -0.2, -0.05), 9)
    assert ("most of it falls to +7 and +10 alone, out of 4 places" in said) == told


def test_too_few_leaderless_genes_are_not_asked_about():
    assert "too few to ask" in words.say_leaderless(pd.DataFrame())
    assert "too few to ask" in words.say_leaderless(leaders(names=("with a leader",)))


def test_in_short_names_effects_carriers_and_what_is_not_shown():
    effects = pd.DataFrame(
        {"element": ["start codon", "second codon AAA"], "control": "", "effect": [5.0, 0.0],
         "ci_low": [4.0, -0.1], "ci_high": [6.0, 0.1]}
    )  # fmt: skip
    carriers = pd.DataFrame(
        {"element": ["start codon"], "layer": [2], "head": [6], "share": [0.5], "ci_low": [0.4],
         "ci_high": [0.6]}
    )  # fmt: skip
    criteria = SimpleNamespace(least=0.05)
    found = SimpleNamespace(
        effects=effects, carriers=carriers, used=["start codon"], criteria=criteria
    )
    said = words.say_in_short(found, None, codon_table(), (0.0, -0.1, 0.1), pd.DataFrame())
    assert "Of two elements and edits asked about, the output depends on one" in said
    assert "A loss of more than 0.05 is not shown for second codon AAA (+0.00 (-0.10 to" in said
    assert "every distance" not in said
    assert "- **start codon**: +5.00 (+4.00 to +6.00) log-odds; L2 H6 alone restores 50%" in said
    assert "worth most as a start is ATG" in said and "leaderless" not in said
    control = effects.iloc[:1].assign(control="frame kept", ci_high=4.0)
    both = pd.concat([effects, control])
    met = words.say_in_short(
        SimpleNamespace(**found.__dict__ | {"effects": both}),
        None,
        codon_table(),
        (0, -1, 1),
        leaders(),
    )
    assert "log-odds, not significantly more than its control (+5.00 (+4.00 to +4.00)); L2" in met
    apart = both.assign(ci_high=both["ci_high"].where(both["control"] == "", 3.9))
    clear = SimpleNamespace(**found.__dict__ | {"effects": apart})
    assert "its control" not in words.say_in_short(
        clear, None, codon_table(), (0, -1, 1), leaders()
    )
    lone = found.__dict__ | {"carriers": carriers.iloc[:0]}
    spaced = pd.DataFrame(
        {"upstream": "Shine-Dalgarno", "downstream": "start codon", "spacer": [6, 7],
         "effect": [1.0, 2.0], "effect_low": [0.5, 1.5], "effect_high": [1.5, 2.5]}
    )  # fmt: skip
    said = words.say_in_short(SimpleNamespace(**lone), spaced, codon_table(), (0, -1, 1), leaders())
    assert "is worth most 7 nt before the start codon (+2.00 (+1.50 to +2.50))." in said
    assert "no single head carries it" in said
    assert "Eight genes are leaderless. They are found less often: 20%" in said


# ------------------------------------------------------------------------------------- steps


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A run of the task tis whose model reads TTGACA upstream, and nothing of codons."""
    run = Run(tmp_path_factory.mktemp("run"))
    genome, promoters = toy_reader.promoters()
    made = inputs.synthetic_inputs(seed=0, length=20_000)
    run.save_inputs(dataclasses.replace(made, genome=genome, elements=None, task="tis"))
    run.write_curated(
        promoters[["position", "strand"]].assign(n_sources=1, members="a", kind="x", votes=1)
    )
    length = len(genome)
    split = {"test": [0, length - 4_000], "validation": [length - 4_000, length - 2_000]}
    card = Card.of({"config": {}, "train_set": "curated", "split": split, "task": "tis"})
    toy_reader.reader(linear=False).save(run.training / "toy.safetensors", card)
    given = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {"n_mapped": 12, "block": 2_000, "n_bootstrap": 50, "weights": "toy"}
    p = check(chapter.PARAMETERS, {**given, **small, "run_dir": str(run.folder)})
    model = run.model("toy")
    run.predict(model.file, "test", model.split, "cpu")
    return run, model, p


def test_every_codon_is_weighed_against_atg_and_every_frame_as_often(study):
    run, model, p = study
    found = chapter.codons(run, model, p)
    assert len(found.table) == 64 and found.table["change"].is_monotonic_decreasing
    assert found.table.set_index("codon").loc["ATG", ["change", "ci_low", "ci_high"]].eq(0).all()
    assert (found.table["ci_low"] <= found.table["ci_high"]).all()
    framed = chapter.stops(run, model, p)
    assert framed.table.groupby("frame").size().nunique() == 1, "each frame as often"
    assert framed.table["offset"].iloc[0] == 3
    c = model.config
    latest = c.downstream + c.reach_downstream
    assert framed.table["offset"].iloc[-1] + STOPS.shape[1] - 1 <= latest
    by = framed.table.groupby("frame")["change"].mean()
    assert framed.contrast[0] == pytest.approx(by[0] - (by[1] + by[2]) / 2)
    assert framed.contrast[1] <= framed.contrast[0] <= framed.contrast[2]
    assert "included, those that cost most are +" in framed.finding.said
    again = chapter.codons(run, model, p)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_leaderless_genes_are_those_whose_transcript_begins_at_the_start_codon(study, monkeypatch):
    run, model, p = study
    assert chapter.leaderless(run, model, p).finding.said == words.NO_TRANSCRIPTS
    starts = steps.labelled_sites(run, model)
    along = np.where(starts["strand"] == "+", 1, -1)
    known = starts.assign(
        position=starts["position"] - along * np.where(np.arange(len(starts)) % 4, 40, 5)
    )
    named = dataclasses.replace(run.study.genome, name="NC_000913.3")
    monkeypatch.setitem(run.__dict__, "study", dataclasses.replace(run.study, genome=named))
    monkeypatch.setattr(steps, "ecoli_inputs", lambda folder: SimpleNamespace(sites=known))
    monkeypatch.setattr(steps, "curate", lambda sites: sites)
    table = chapter.leaderless(run, model, p).table.set_index("genes")
    assert table.loc["leaderless", "n"] == -(-len(starts) // 4)
    assert table["n"].sum() == len(starts)
    assert table["found"].between(0, 1).all() and (table["upstream_low"] <= table["upstream"]).all()


def test_start_sites_of_transcription_are_not_asked(study, monkeypatch):
    run, model, p = study
    monkeypatch.setitem(run.__dict__, "study", dataclasses.replace(run.study, task="tss"))
    for found in (chapter.codons(run, model, p), chapter.stops(run, model, p),
                  chapter.leaderless(run, model, p)):  # fmt: skip
        assert found.table.empty and not found.finding.said and not found.finding.results
    assert not chapter.short_of_gene_starts(run, *[None] * 5).said
