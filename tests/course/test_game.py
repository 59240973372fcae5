"""The claim game: made, claimed, graded; the network is small and the truth known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import toy_reader

from genoattn.course import game
from genoattn.genome.files import AnnotationError
from genoattn.interventions.claims import Rule

RULE = Rule(n_learn=40, min_seqlets=10, n_sites=20, draws=1, block=500, n_bootstrap=100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A game whose network has hardly learnt."""
    folder = tmp_path_factory.mktemp("game")
    few_steps = pytest.MonkeyPatch()
    few_steps.setattr(game, "TRAINING", replace(game.TRAINING, steps_per_round=3))
    arguments = ["--seeds", "3", "--out", str(folder), "--length", "20000", "--passes", "0.2"]
    assert game.main(["new", *arguments]) == 0
    yield folder / "3"
    few_steps.undo()


def write(path, *rows):
    path.write_text("\n".join([",".join(game.COLUMNS), *rows]) + "\n")
    return path


def read(path, *rows):
    return game.read_claims(write(path, *rows), game.MODEL)


def test_a_player_gets_sequence_sites_network_and_an_empty_table(folder):
    made = game.Game.read(folder)
    assert len(made.genome) == 20_000
    assert set(made.sites["part"]) == {"train", "held"}
    assert len(made.held) == (made.sites["part"] == "held").sum()
    assert (folder / "claims.csv").read_text() == "element,place,motif,head\n"


def test_a_game_is_not_written_over_by_another(folder):
    before = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    with pytest.raises(ValueError, match=r"holds a game of another seed, key or length: play it"):
        game.new(1, folder, key="another word", length=20_000)
    assert {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()} == before


def test_the_truth_is_not_read_at_a_glance_and_comes_back_whole(folder, tmp_path):
    text = (folder / "truth.sealed").read_text()
    assert "tss_position" not in text and text.startswith("# What was planted, sealed")
    elements = game.unseal(folder / "truth.sealed")
    assert set(elements["element"]) == {"A", "B", "C", "D"}
    game.seal(elements, tmp_path / "again.sealed")
    pd.testing.assert_frame_equal(game.unseal(tmp_path / "again.sealed"), elements)
    made = game.Game.read(folder)
    copies = elements[elements["element"] == "A"]
    width = np.arange(len(copies["sequence"].iloc[0]))
    for copy in copies.itertuples():
        codes = made.genome.around([copy.tss_position], [copy.strand], copy.offset + width)[0]
        assert "".join("ACGT"[code] for code in codes) == copy.sequence


def test_a_damaged_or_absent_truth_is_told(folder, tmp_path):
    damaged = tmp_path / "truth.sealed"
    damaged.write_text((folder / "truth.sealed").read_text()[:200])
    with pytest.raises(AnnotationError, match="is no sealed truth, or damaged"):
        game.unseal(damaged)
    with pytest.raises(FileNotFoundError, match="name the sealed truth with --truth"):
        game.unseal(tmp_path / "absent")


def test_a_key_changes_what_a_seed_draws(folder, tmp_path):
    with_key = ["--seeds", "3", "--key", "secret", "--length", "20000", "--passes", "0.01"]
    elsewhere = tmp_path / "truths"
    arguments = [*with_key, "--out", str(tmp_path), "--truth", str(elsewhere)]
    assert game.main(["new", *arguments]) == 0
    assert not (tmp_path / "3/truth.sealed").exists()
    other = game.unseal(elsewhere / "3.sealed")
    assert set(other["sequence"]) != set(game.unseal(folder / "truth.sealed")["sequence"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,-35,TTGACA,L9 H1", "line 2: the network has no head L9 H1: 2 layers of 4 heads"),
        ("a,-35,TTGACA,first", "line 2: head 'first' is not written as L1 H2"),
        ("a,-35,T,L1 H1", "line 2: motif 'T' must be 2 to 16 letters"),
        ("a,-35,TTGACATATAATTGACA,L1 H1", "must be 2 to 16 letters"),
        ("a,-35,NNN,L1 H1", "line 2: motif 'NNN' names no letter"),
        ("a,box,TTGACA,L1 H1", "line 2: place 'box' is not a whole number"),
        ("a,-108,TTGACA,L1 H1", "lies outside what a head sees, -107 to 20"),
        ("a,16,TTGACA,L1 H1", "a motif of 6 letters at 16 lies outside"),
    ],
)
def test_a_wrong_row_is_told_by_its_line(row, said, tmp_path):
    with pytest.raises(AnnotationError) as caught:
        read(tmp_path / "claims.csv", row)
    assert said in str(caught.value)


def test_a_claim_at_the_edge_of_the_window_is_read_and_its_head_written_alike(tmp_path):
    claimed = read(tmp_path / "claims.csv", "a,-107,TTGACA,L1 H2", "b,15,ttgaca,l2h4")
    assert claimed["place"].tolist() == [-107, 15]
    assert claimed["motif"].tolist() == ["TTGACA"] * 2
    assert claimed["head"].tolist() == ["L1 H2", "L2 H4"]


def test_claims_of_a_network_that_has_not_learnt_are_not_supported(folder, tmp_path):
    made = game.Game.read(folder)
    truth = game.unseal(folder / "truth.sealed")
    claimed = read(tmp_path / "claims.csv", "a,-35,TTGACA,L1 H1")
    grades = game.grade(made, claimed, truth, RULE)
    assert grades.claims["verdict"].tolist() == ["not supported"]
    assert not grades.elements["found"].any()
    nothing = game.grade(made, claimed.iloc[:0], truth, RULE)
    assert len(nothing.claims) == 0 and nothing.score == 0.0


def test_a_claim_needs_an_effect_of_its_letters_and_a_head_that_carries_them():
    sure = {"effect": 1.0, "used": True, "claimed": True, "counted": True, "planted": "A"}
    sure |= {"false_claim": False}

    def verdict(**changes):
        return game._verdict(pd.Series(sure | changes), {"A"})

    assert verdict() == ("right", "right: A is planted there")
    assert "too few sites" in verdict(effect=np.nan, used=False, claimed=False)[1]
    assert "letters are replaced (-0.02 log-odds)" in verdict(effect=0.02, used=False)[1]
    assert verdict(claimed=False)[0] == "not supported" and "head" in verdict(claimed=False)[1]
    assert verdict(counted=False) == ("echo", "not counted, as another claim says the same of A")
    assert verdict(counted=False, planted="B")[0] == "part"
    assert verdict(counted=False, planted="B")[1].endswith("part of B: give more of its letters")
    assert verdict(false_claim=True, counted=False)[0] == "false"


@pytest.fixture(scope="module")
def reading():
    """A game whose network was made by hand: its first head reads TTGACA, its second nothing."""
    genome, sites = toy_reader.promoters(n=150)
    part = game._split(len(genome)).mask("train")[sites["position"].to_numpy()]
    sites = sites.assign(part=np.where(part, "train", "held"))
    copies = sites[sites["has"]].rename(columns={"position": "tss_position"})
    truth = copies.assign(element="box", offset=-35, sequence="TTGACA")
    return game.Game(genome, sites, toy_reader.reader()), truth


def verdicts(reading, tmp_path, *rows):
    made, truth = reading
    claimed = game.read_claims(write(tmp_path / "claims.csv", *rows), toy_reader.CONFIG)
    return game.grade(made, claimed, truth, replace(RULE, n_sites=30, block=1_000))


def test_what_the_network_reads_is_right_with_the_head_that_carries_it_alone(reading, tmp_path):
    grades = verdicts(
        reading, tmp_path,
        "box,-35,TTGACA,L1 H1", "again,-35,TTGAC,L1 H1", "other head,-35,TTGACA,L1 H2",
        "elsewhere,-20,GGGG,L1 H1",
    )  # fmt: skip
    assert grades.claims["verdict"].tolist() == ["right", "echo", "not supported", "not supported"]
    assert "comes back with this head" in grades.claims["why"].iloc[2]
    assert grades.elements[["found", "head"]].to_numpy().tolist() == [[True, "L1 H1"]]
    assert grades.score == 1.0


def test_a_claim_that_holds_but_was_not_planted_is_false(reading, tmp_path):
    made, truth = reading
    grades = verdicts((made, truth.assign(offset=-15)), tmp_path, "box,-35,TTGACA,L1 H1")
    assert grades.claims["verdict"].tolist() == ["false"] and grades.score == 0.0


def test_every_head_is_asked_whether_it_carries_a_word_that_enough_sites_have(reading):
    words = [(-20, "GC"), (-35, "TTGACA"), (-34, "TGACA")]
    asked = game.carriers(reading[0], words, RULE)
    assert asked["place"].tolist() == [-35, -35, -34, -34]
    assert asked["head"].tolist() == ["L1 H1", "L1 H2"] * 2
    assert asked["carries"].tolist() == [True, False] * 2
    assert asked["share"].iloc[0] == pytest.approx(1) and asked["effect"].iloc[0] > 1


def graded(verdicts, found, used):
    n, m = len(verdicts), len(found)
    return game.Grades(
        pd.DataFrame(
            {
                "element": "x", "place": -35, "motif": "TTGACA", "head": "L1 H1",
                "verdict": verdicts, "why": ["because"] * n,
            }
        ),
        pd.DataFrame(
            {
                "element": list("ABCDE")[:m], "place": -35, "motif": "TTGACA", "used": used,
                "change": -1.0, "found": found, "head": "",
            }
        ),
    )  # fmt: skip


def test_the_score_counts_what_could_be_found_and_what_is_false():
    half = graded(["right", "false"], [True, False, False], [True, True, False])
    assert half.score == pytest.approx(1 / 3)
    assert "1 of 2 elements that the network uses were found; 1 false" in half.said()
    assert "missed (-1.0 log-odds)" in half.said()
    assert "not used by the network, so not asked for" in half.said()
    assert graded(["right"], [True], [True]).score == 1.0


def test_the_commands_solve_and_grade_a_folder(folder, capsys):
    write(folder / "claims.csv", "mine,-35,TTGACA,L1 H1")
    assert game.main(["grade", str(folder)]) == 0
    assert "Score 0.00" in capsys.readouterr().out
    grades = json.loads((folder / "grades.json").read_text())
    assert [one["verdict"] for one in grades["claims"]] == ["not supported"]
    assert game.main(["solve", str(folder)]) == 0
    assert f"{folder / 'claims.csv'}: 0 claims" in capsys.readouterr().out
    assert (folder / "claims.csv").read_text() == "element,place,motif,head\n"


def test_the_automatic_rule_claims_what_the_network_reads(reading):
    made, _ = reading
    rule = Rule(first=-45, last=0, n_learn=90, min_seqlets=15, n_sites=30, block=1_000)
    (row,) = game.solve(made, rule).to_dict("records")
    assert list(row) == list(game.COLUMNS)
    assert row["head"] == "L1 H1" and "TGAC" in row["motif"] and row["place"] in (-35, -34)


def test_a_folder_without_a_game_is_told(tmp_path, capsys):
    assert game.main(["grade", str(tmp_path)]) == 1
    assert "make the game with genoattn game new" in capsys.readouterr().err
