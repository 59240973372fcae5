"""Right answers pass; wrong ones get the hint that fits, blank ones what to do first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.course import attention, genomes, heads, patching, planted, scores, tables, votes
from genoattn.course.checks import check, choice, close
from genoattn.genome.sequence import Genome, encode


@check("Say seven.", "Indeed.")
def seven(given):
    return None if given == 7 else f"{given} is not seven."


@check("Write a function.")
def doubles(function):
    return None if function(3) == 6 else "Twice three is six."


@pytest.mark.parametrize("blank", [..., None, "", "  ", [], (..., 1), {"a": ...}])
def test_a_blank_answer_says_what_to_do_first(blank):
    assert seven(blank).said == "Nothing here yet. Say seven."
    assert not seven(blank)


def test_an_answer_is_right_or_gets_its_hint():
    assert seven(7) and seven(7).said == "Indeed."
    assert not seven(8) and seven(8).said == "8 is not seven."
    assert seven(7)._repr_markdown_() == "**✓ Right.** Indeed."
    assert repr(seven(8)) == "Not yet: 8 is not seven."


def test_what_a_students_function_raises_becomes_a_sentence():
    def wrong(number):
        return [number][number]

    verdict = doubles(wrong)
    assert not verdict
    assert verdict.said == (
        "`wrong` stopped in the line `return [number][number]` with IndexError: list index out of "
        "range. Write a function."
    )
    assert doubles(lambda number: None).said == "`<lambda>` returns nothing yet. Write a function."


def test_an_answer_of_the_wrong_kind_becomes_a_sentence():
    assert doubles(6).said.startswith("The check cannot use this answer (TypeError: ")
    assert "Traceback" not in doubles(6).said


def test_numbers_of_another_shape_are_not_close():
    assert close(torch.ones(2), [1.0, 1.0])
    assert not close([1.0], [1.0, 1.0])
    assert not close([1.0, 1.1], [1.0, 1.0])


def test_a_choice_may_be_written_in_any_way_but_must_be_one():
    why_not = {"a": "Too few."}
    assert choice("(B)", "b", why_not) is None
    assert choice("a", "b", why_not) == "Too few."
    assert choice("x", "b", why_not) == "Answer with one of the letters a, b."


# ------------------------------------------------------------------------------------- tables

TABLE = pd.DataFrame({"Position": [5, 9], "Strand": ["forward", "reverse"]})
GENOME = Genome("toy", np.random.default_rng(0).integers(4, size=2000).astype(np.uint8))


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ([5, 9], "still the printed numbers"),
        ([6, 10], "by +1"),
        ([4, 9], "whatever its strand"),
        ([4], "Every row"),
    ],
)
def test_positions_that_were_moved_wrongly_are_told_how(given, hint):
    assert hint in tables.zero_based(given, table=TABLE).said
    assert tables.zero_based([4, 8], table=TABLE)


def reader(begin, end, left, right, turn=True, swap=True):
    def read(text, position, strand):
        if strand == "+":
            return text[position + begin : position + end]
        letters = text[position + left : position + right][:: -1 if turn else 1]
        return letters.translate(str.maketrans("ACGT", "TGCA")) if swap else letters

    return read


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (reader(-13, -7, 7, 13), "1 nt too far upstream"),
        (reader(-11, -5, 7, 13), "1 nt too far downstream"),
        (reader(-12, -7, 7, 13), "You return 5 letters"),
        (reader(6, 12, 7, 13), "smaller positions"),
        (reader(-12, -6, 7, 13, turn=False), "turn the letters round"),
        (reader(-12, -6, 7, 13, swap=False), "complement"),
        (reader(-12, -6, 6, 12), "one nt off"),
        (reader(-12, -6, -12, -6, turn=False, swap=False), "you read the forward one"),
        (lambda text, position, strand: 3, "not a int"),
    ],
)
def test_a_wrong_reading_of_a_strand_is_recognised(function, hint):
    assert hint in tables.box(function, genome=GENOME).said
    assert tables.box(reader(-12, -6, 7, 13), genome=GENOME)


def test_a_shift_of_the_wrong_sign_or_strand_is_told():
    assert "wrong direction" in tables.shifts(0, 1).said
    assert "forward strand" in tables.shifts(1, -1).said
    assert "reverse strand" in tables.shifts(0, 0).said
    assert tables.shifts(0, -1)
    assert tables.cause("C") and not tables.cause("a") and not tables.cause("b")


def test_each_story_prints_what_its_answer_says():
    """An interval [start, end) a site; the first nucleotide is start on plus, end - 1 on minus."""
    start, end = 100, 105
    sites = pd.DataFrame({"position": [start, end - 1], "strand": ["+", "-"]})
    right = np.array([start, end - 1]) + 1
    along = np.array([1, -1])
    stories = {"a": [start, end - 1], "b": [start + 1, end + 1], "c": [start + 1, end - 1]}
    moves = {story: (along * (right - printed)).tolist() for story, printed in stories.items()}
    assert moves == {"a": [1, -1], "b": [0, 1], "c": [0, -1]}
    assert stories["c"] == tables.printed(sites, 1000)["Position"].tolist()
    assert [story for story, by in moves.items() if tables.shifts(*by)] == ["c"]
    assert [story for story in stories if tables.cause(story)] == ["c"]


def test_the_printed_table_has_its_mistake_on_the_minus_strand():
    sites = pd.DataFrame({"position": [10, 10, 0], "strand": ["+", "-", "-"]})
    assert tables.printed(sites, 100)["Position"].tolist() == [11, 10, 100]


# -------------------------------------------------------------------------------------- votes

ASSAYS = pd.DataFrame(
    {"source": ["a", "b", "c"], "precision": [0.9, 0.5, 0.7], "recall": [0.3, 0.8, 0.5]}
)
WINDOWS = pd.DataFrame(
    {"window": [0, 5, 9], "precision": [0.9, 0.8, 0.5], "recall": [0.5, 0.8, 0.9]}
)


def test_an_assay_is_named_for_what_it_is_best_at():
    assert votes.assays("a", "b", table=ASSAYS)
    assert "other way round" in votes.assays("b", "a", table=ASSAYS).said
    assert "is no assay" in votes.assays("a", "d", table=ASSAYS).said
    assert "precision 0.70" in votes.assays("c", "b", table=ASSAYS).said
    assert "finds 0.50" in votes.assays("a", "c", table=ASSAYS).said


def test_clusters_that_are_cut_wrongly_are_told_where():
    def cut(positions, window, strict=False, first=0):
        gaps = np.diff(positions)
        return first + np.concatenate([[0], np.cumsum(gaps >= window if strict else gaps > window)])

    def boxes(positions, window):
        return np.unique((positions - positions[0]) // (window + 1), return_inverse=True)[1]

    assert votes.cluster(cut)
    assert "inclusive" in votes.cluster(lambda p, w: cut(p, w, strict=True)).said
    assert "from 0" in votes.cluster(lambda p, w: cut(p, w, first=1)).said
    assert "a chain" in votes.cluster(boxes).said
    assert "one number for each" in votes.cluster(lambda p, w: [0]).said


def test_a_vote_that_is_counted_wrongly_is_told_how():
    assert (
        "Two votes beat one" in votes.elect(lambda ballots: max(b[::-1] for b in ballots)[1]).said
    )
    assert "return a position" in votes.elect(lambda ballots: ballots[0][1]).said
    assert "A tie" in votes.elect(lambda ballots: ballots[0][0]).said


def test_a_window_is_chosen_by_both_scores():
    assert votes.f1_window(5, table=WINDOWS)
    assert "highest precision" in votes.f1_window(0, table=WINDOWS).said
    assert "highest recall" in votes.f1_window(9, table=WINDOWS).said
    assert votes.too_wide("b") and not votes.too_wide("a") and not votes.too_wide("c")


# ---------------------------------------------------------------------------------- attention


def by_hand(query, key, value, *, scale=0.5, mask=None, fill=-torch.inf, axis=1):
    n = len(query)
    mask = torch.ones(n, n).triu(1).bool() if mask is None else mask(torch.ones(n, n)).bool()
    return (query @ key.T * scale).masked_fill(mask, fill).softmax(axis).nan_to_num() @ value


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"scale": 1.0}, "before the softmax"),
        ({"scale": 0.25}, "not by d_head"),
        ({"mask": torch.zeros_like}, "mask the keys that come later"),
        ({"fill": 0.0}, "minus infinity"),
        ({"mask": lambda one: one.triu(0)}, "the diagonal stays"),
        ({"mask": lambda one: one.tril(-1)}, "turned round"),
        ({"axis": 0}, "over the keys"),
    ],
)
def test_a_usual_mistake_in_attention_is_recognised(wrong, hint):
    assert attention.causal(by_hand)
    assert hint in attention.causal(lambda q, k, v: by_hand(q, k, v, **wrong)).said


def test_a_result_of_another_shape_is_told():
    assert "return the weights" in attention.causal(lambda q, k, v: torch.zeros(9, 9)).said
    assert "(9, 4)" in attention.causal(lambda q, k, v: torch.zeros(9)).said


def windowed(query, key, value, window):
    d = torch.arange(len(query))[:, None] - torch.arange(len(query))
    return by_hand(query, key, value, mask=lambda one: (d < 0) | (d >= window))


def test_a_window_that_is_too_wide_or_narrow_is_told():
    assert attention.sliding(windowed)
    far, near, never = (
        attention.sliding(lambda q, k, v, w, by=by: windowed(q, k, v, w + by)).said
        for by in (1, -1, 99)
    )
    assert "one too far" in far
    assert "differ" in near or "too short" in near
    assert "changes nothing" in never


def related(query, key, value, u, w, r, window, *, by_key=False):
    n = len(query)
    d = torch.arange(n)[:, None] - torch.arange(n)
    index = torch.arange(n).expand(n, n) if by_key else d.clamp(min=0)
    score = ((query + u) @ key.T + ((query + w) @ r.T).gather(1, index)) / 2
    return score.masked_fill((d < 0) | (d >= window), -torch.inf).softmax(1) @ value


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda q, k, v, u, w, r, n: related(q, k, v, u, w, 0 * r, n), "term of the distance"),
        (lambda q, k, v, u, w, r, n: related(q, k, v, w, u, r, n), "changed them"),
        (lambda q, k, v, u, w, r, n: related(q, k, v, 0 * u, w, r, n), "content bias u"),
        (lambda q, k, v, u, w, r, n: related(q, k, v, u, 0 * w, r, n), "position bias w"),
        (lambda q, k, v, u, w, r, n: related(q, k, v, u, w, r, 99), "window is missing"),
        (lambda *given: related(*given, by_key=True), "the distance d = i - j"),
    ],
)
def test_a_usual_mistake_in_relative_positions_is_recognised(wrong, hint):
    assert attention.relative(related)
    assert hint in attention.relative(wrong).said


def test_scores_are_counted_for_all_heads_and_half_of_the_pairs():
    windowed_scores = 1_856_660 * 36 * 512
    dense = 36 * 1_856_660**2 / 2
    assert attention.counts(windowed_scores, dense)
    assert "one head" in attention.counts(windowed_scores / 36, dense).said
    assert "Half as many" in attention.counts(windowed_scores, 2 * dense).said
    assert "positions times heads" in attention.counts(1, dense).said
    assert "the sum of" in attention.counts(windowed_scores, 1).said


# ------------------------------------------------------------------------------------- scores


def ranked(label, output):
    site, other = output[label == 1][:, None], output[label == 0][None]
    return (site > other).mean() + 0.5 * (site == other).mean()


def precise(label, output, falling=True, everywhere=False):
    order = np.argsort(-output if falling else output, kind="stable")
    precision = np.cumsum(label[order]) / np.arange(1, len(label) + 1)
    return precision.mean() if everywhere else precision[label[order] == 1].mean()


def test_scores_that_are_turned_round_or_averaged_wrongly_are_told():
    assert scores.roc_auc(ranked) and scores.average_precision(precise)
    assert "one minus" in scores.roc_auc(lambda a, b: 1 - ranked(a, b)).said
    assert "average precision" in scores.roc_auc(precise).said
    assert "it is" in scores.roc_auc(lambda a, b: 0.1).said
    assert (
        "over those that are sites"
        in scores.average_precision(lambda a, b: precise(a, b, everywhere=True)).said
    )
    assert (
        "lowest output" in scores.average_precision(lambda a, b: precise(a, b, falling=False)).said
    )


def test_chance_and_thinning_are_told_apart():
    rng = np.random.default_rng(0)
    label = (rng.random(3000) < 0.05).astype(int)
    output = rng.random(3000) + 0.5 * label
    kept = np.sort(np.r_[np.flatnonzero(label == 1), np.flatnonzero(label == 0)[::10]])
    roc, pr = ranked(label[kept], output[kept]), precise(label[kept], output[kept])
    assert scores.by_chance(0.5, label.mean(), label=label)
    assert "half of the time" in scores.by_chance(0.0, label.mean(), label=label).said
    assert "share of positions" in scores.by_chance(0.5, 0.5, label=label).said
    assert scores.thinned(roc, pr, label=label, output=output)
    assert (
        "all positions"
        in scores.thinned(roc, precise(label, output), label=label, output=output).said
    )
    assert "every tenth" in scores.thinned(roc, 0.01, label=label, output=output).said
    assert scores.which("b") and not scores.which("a")


# -------------------------------------------------------------------------------------- heads

READ = heads.Read(
    pd.DataFrame(
        {"head": ["L1 H1", "L1 H2", "L2 H1"], "offset": [-10, -60, -10], "-10": [0.02, 0.5, 0.8]}
    ),
    {"-10": 2.0},
)
PLACES = {"-10": range(-13, -6)}


def test_a_favourite_of_the_wrong_sign_or_unit_is_told():
    assert heads.favourite(lambda profile, downstream: downstream - profile.argmax())
    assert "distance from the query" in heads.favourite(lambda p, d: p.argmax()).said
    assert "turned round" in heads.favourite(lambda p, d: p.argmax() - d).said


def test_words_of_the_lowest_weights_are_told():
    assert heads.words(lambda weights, letters, n: "TATA")
    assert "lowest" in heads.words(lambda weights, letters, n: "GGGC").said
    assert "4 letters" in heads.words(lambda weights, letters, n: "TA").said
    assert "consensus" in heads.words(lambda weights, letters, n: "TACA").said


def test_a_share_is_a_ratio_of_means():
    assert heads.share(lambda c, n, r: (r - n).mean() / (c - n).mean())
    assert "mean of ratios" in heads.share(lambda c, n, r: ((r - n) / (c - n)).mean()).said
    assert "Subtract" in heads.share(lambda c, n, r: r.mean() / c.mean()).said
    assert "stays lost" in heads.share(lambda c, n, r: 1 - (r - n).mean() / (c - n).mean()).said
    assert "One number" in heads.share(lambda c, n, r: (r - n) / (c - n)).said


def test_a_head_misleads_if_attention_and_effect_disagree():
    def ask(head, element="-10"):
        return heads.misleading(head, element, read=READ, places=PLACES)

    assert ask("l1 h1") and ask("L1 H2")
    assert "agree" in ask("L2 H1").said
    assert "is no head" in ask("L9 H9").said
    assert "is no element" in ask("L1 H1", "-99").said


def test_heads_are_found_after_correction():
    p_values = {"L1 H1": 0.001, "L1 H2": 0.03, "L1 H3": 0.5}
    assert heads.found(["L1 H1"], p_values=p_values)
    assert "correct for that" in heads.found(["L1 H1", "L1 H2"], p_values=p_values).said
    assert "is no head" in heads.found(["L7 H1"], p_values=p_values).said
    assert "the rule 1" in heads.found(["L1 H3"], p_values=p_values).said
    assert heads.found(["none"], p_values={"L1 H1": 0.5})


def test_bits_and_p_values_by_the_usual_mistakes():
    def bits(counts, log=np.log2, sign=1):
        p = counts / counts.sum(1, keepdims=True)
        each = np.where(p > 0, p * log(np.where(p > 0, p, 1)), 0)
        return sign * (2 * log(2) + each.sum(1)).sum()

    assert heads.information(bits)
    assert "log2" in heads.information(lambda counts: bits(counts, np.log)).said
    assert "turned round" in heads.information(lambda counts: bits(counts, sign=-1)).said
    assert heads.p_value(lambda value, null: (1 + (null >= value).sum()) / (1 + len(null)))
    assert "never 0" in heads.p_value(lambda value, null: (null >= value).mean()).said
    assert (
        "equal values"
        in heads.p_value(lambda value, null: (1 + (null > value).sum()) / (1 + len(null))).said
    )
    assert heads.sharp("a") and not heads.sharp("b")


# ------------------------------------------------------------------- patching, genomes, planted


def test_letters_replaced_in_the_original_are_told():
    def in_place(codes, begin, letters):
        codes[:, begin : begin + len(letters)] = letters
        return codes

    assert "Copy it" in patching.replaced(in_place).said
    assert patching.replaced(lambda c, b, x: in_place(c.copy(), b, x))
    assert "Nothing has changed" in patching.replaced(lambda c, b, x: c.copy()).said
    assert "must stay" in patching.replaced(lambda c, b, x: c[0]).said


def test_predictions_of_the_wrong_sign_or_size_are_told():
    truth = {"box": -3.0, "control": 0.1, "patch": -1.5}
    assert patching.predicted(-2.5, 0, -1, truth=truth)
    assert "The sign" in patching.predicted(3, 0, -1, truth=truth).said
    assert "little can be lost" in patching.predicted(-3, -2, -1, truth=truth).said
    assert "first half" in patching.predicted(-9, 0, -1, truth=truth).said
    clean, noised = np.array([3.0, 1.0]), np.array([1.0, 0.0])
    assert patching.effect(1.5, clean=clean, noised=noised)
    assert "turned round" in patching.effect(-1.5, clean=clean, noised=noised).said


def test_false_peaks_are_counted_among_the_real_ones():
    def share(real, shuffled, cut):
        n = (real >= cut).sum()
        return (shuffled >= cut).sum() / n if n else 0.0

    assert genomes.false_share(share)
    assert (
        "real genome alone"
        in genomes.false_share(
            lambda r, s, c: (s >= c).sum() / ((r >= c).sum() + (s >= c).sum())
        ).said
    )
    real, control = np.array([0.9, 0.8, 0.6, 0.4]), np.array([0.5])
    settings = {"real": real, "shuffled": control, "most": 0.1}
    assert genomes.threshold(0.6, **settings)
    assert "go lower" in genomes.threshold(0.9, **settings).said
    assert "25% false" in genomes.threshold(0.4, **settings).said


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("c1\tg\tTSS\t41\t41\t0.5\t-\t.\t.", "counts from 1"),
        ("c1\tg\tTSS\t41\t42\t0.5\t-\t.\t.", "inclusive"),
        ("c1\tg\tTSS\t42\t43\t0.5\t-\t.\t.", "the same for both"),
        ("c1\tg\tTSS\t42\t42\t0.5\t+\t.\t.", "seventh"),
        ("c1 42 42", "1 columns"),
    ],
)
def test_a_line_for_a_browser_counts_from_one(line, hint):
    assert hint in genomes.gff_line(lambda *given: line).said
    assert genomes.gff_line(lambda *given: "c1\tg\tTSS\t42\t42\t0.5\t-\t.\t.")


def test_the_shuffled_genome_keeps_its_pairs_and_its_unknown_letters():
    genome = Genome("toy", encode("ACGTNACGGTTA" * 20), circular=False)
    other = genomes.control(genome, seed=1)
    assert (np.bincount(other.codes, minlength=5) == np.bincount(genome.codes, minlength=5)).all()
    assert ((other.codes == 4) == (genome.codes == 4)).all()
    assert (other.codes != genome.codes).any() and not other.circular


def test_stretches_are_half_open_and_may_reach_the_end():
    assert planted.runs_above(lambda bits, limit: [(1, 3), (5, 7)])
    assert "Half-open" in planted.runs_above(lambda bits, limit: [(1, 2), (5, 6)]).said
    assert "last column" in planted.runs_above(lambda bits, limit: [(1, 3)]).said
