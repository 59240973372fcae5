"""The claim game: made, claimed, graded; the network is small and the truth known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genoattn.course import game
from genoattn.genome.files import AnnotationError
from genoattn.interventions.claims import Rule

RULE = Rule(n_sites=20, n_words=10)


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
        ("a,-35,TT,L1 H1", "line 2: motif 'TT' must be 3 to 9 letters"),
        ("a,-35,TTGACATATAAT,L1 H1", "claim a longer one in two rows"),
        ("a,box,TTGACA,L1 H1", "line 2: place 'box' is not a whole number"),
        ("a,-500,TTGACA,L1 H1", "lies outside what a head sees, -108 to 20"),
    ],
)
def test_a_wrong_row_is_told_by_its_line(row, said, tmp_path):
    with pytest.raises(AnnotationError) as caught:
        read(tmp_path / "claims.csv", row)
    assert said in str(caught.value)


def test_a_motif_is_laid_where_the_claim_says(tmp_path):
    claimed = read(tmp_path / "claims.csv", "a,-35,TTGACA,L1 H2", "b,-35,ttgacatat,l2h4")
    assert claimed["offset"].tolist() == [-32, -31]
    assert claimed[["layer_1based", "head_1based"]].to_numpy().tolist() == [[1, 2], [2, 4]]
    counts = game._counts("TTGACA")
    first = claimed["offset"].iloc[0] - game.WIDEST // 2
    assert (counts[:1] == 25).all()  # one letter of padding, then the word from -35 on
    assert first + 1 == -35
    assert counts[1:7].argmax(1).tolist() == [3, 3, 2, 0, 1, 0]
    assert (counts[7:] == 25).all()


def test_claims_of_a_network_that_has_not_learnt_are_not_supported(folder, tmp_path):
    made = game.Game.read(folder)
    truth = game.unseal(folder / "truth.sealed")
    claimed = read(tmp_path / "claims.csv", "a,-35,TTGACA,L1 H1")
    grades = game.grade(made, claimed, truth, RULE)
    assert grades.claims["verdict"].tolist() == ["not supported"]
    assert "more of this head's attention" in grades.claims["why"].iloc[0]
    assert not grades.elements["found"].any()
    nothing = game.grade(made, claimed.iloc[:0], truth, RULE)
    assert len(nothing.claims) == 0 and nothing.score == 0.0


def test_a_claim_needs_an_effect_of_its_head_and_of_its_letters():
    rule = Rule()
    sure = {"q_value": 0.0, "p_effect": 0.0, "p_word": 0.0, "effect": -1.0, "word_effect": -1.0}
    sure |= {"echo": False, "false_claim": False, "planted": "A"}

    def verdict(**changes):
        return game._verdict(pd.Series(sure | changes), rule)

    assert verdict() == ("right", "right: A is planted there")
    assert verdict(p_effect=0.5)[0] == "not supported" and "head" in verdict(p_effect=0.5)[1]
    assert verdict(p_word=0.5)[0] == "not supported" and "letters" in verdict(p_word=0.5)[1]
    assert verdict(echo=True)[0] == "echo"
    assert verdict(false_claim=True)[0] == "false"


def test_every_head_is_asked_whether_it_reads_a_word(folder):
    asked = game.readers(game.Game.read(folder), [(-35, "TTGACA"), (5, "CCC")], RULE)
    assert len(asked) == 2 * 8
    assert asked["head"].tolist()[:2] == ["L1 H1", "L1 H2"]
    assert asked["p_attention"].between(0, 1).all()


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


def test_the_grade_is_that_of_the_automatic_rule(monkeypatch, folder, tmp_path):
    """A head that matters, letters that matter: the planted word at its place is right."""
    made, truth = game.Game.read(folder), game.unseal(folder / "truth.sealed")
    word = truth[truth["element"] == "A"]
    motif = "".join(
        pd.Series([text[i] for text in word["sequence"]]).mode()[0]
        for i in range(len(word["sequence"].iloc[0]))
    )
    place = int(word["offset"].mode().iloc[0])
    rows = [f"mine,{place},{motif},L1 H1", f"wrong,{place - 30},GGGGGG,L1 H2"]
    claimed = read(tmp_path / "claims.csv", *rows)
    heads = pd.DataFrame(
        [(layer, head, -1.0, -1.1, -0.9, 0.0) for layer in (1, 2) for head in range(1, 5)],
        columns=["layer_1based", "head_1based", "effect", "ci_low", "ci_high", "p_effect"],
    )
    words = pd.DataFrame({"word_effect": [-1.0] * 2, "p_word": [0.0] * 2})
    monkeypatch.setattr(game, "effects", lambda *given: heads)
    monkeypatch.setattr(game.claims, "letters", lambda *given, **settings: words.copy())
    unread = game.grade(made, claimed, truth, RULE).claims
    assert unread["verdict"].tolist() == ["not supported"] * 2
    monkeypatch.setattr(game, "mann_whitney_greater", lambda *given: 0.0)
    grades = game.grade(made, claimed, truth, replace(RULE, min_echo=0.9))
    assert grades.claims["verdict"].tolist() == ["right", "false"]
    assert grades.claims["why"].iloc[0] == "right: A is planted there"
    assert grades.elements.set_index("element")["found"].to_dict()["A"]


def test_the_commands_solve_and_grade_a_folder(folder, capsys):
    write(folder / "claims.csv", "mine,-35,TTGACA,L1 H1")
    assert game.main(["grade", str(folder)]) == 0
    assert "Score 0.00" in capsys.readouterr().out
    grades = json.loads((folder / "grades.json").read_text())
    assert [one["verdict"] for one in grades["claims"]] == ["not supported"]
    assert game.main(["solve", str(folder)]) == 1
    assert "sites to learn from" in capsys.readouterr().err
    made = game.solve(game.Game.read(folder), replace(RULE, n_best=10))
    assert list(made) == list(game.COLUMNS)


def test_a_folder_without_a_game_is_told(tmp_path, capsys):
    assert game.main(["grade", str(tmp_path)]) == 1
    assert "make the game with genoattn game new" in capsys.readouterr().err
