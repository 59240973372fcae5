from __future__ import annotations

import gzip
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from toy import most_frequent

from genoattn.genome import motifs
from genoattn.genome.motifs import (
    UNIFORM,
    Motif,
    MotifError,
    composition,
    count_matrix,
    information_content,
    information_matrix,
    iupac_consensus,
    log_odds_matrix,
    probability_matrix,
    read_transfac,
    scan,
)
from genoattn.genome.sequence import Genome, encode, reverse_complement


def kmers(*words: str) -> np.ndarray:
    return np.stack([encode(word) for word in words])


words = st.integers(1, 8).flatmap(
    lambda k: st.lists(st.text("ACGTN", min_size=k, max_size=k), min_size=1, max_size=20)
)
matrices = npst.arrays(
    float, st.tuples(st.integers(1, 8), st.just(4)), elements=st.floats(0.01, 100)
).map(lambda values: values / values.sum(axis=1, keepdims=True))


# ---- counts and probabilities


def test_counts_by_hand() -> None:
    expected = [[1, 0, 0, 2], [3, 0, 0, 0], [0, 1, 1, 0]]  # an N counts nowhere
    assert count_matrix(kmers("TAC", "TAG", "AAN")).tolist() == expected


@given(words)
def test_counts_against_counting_letters(texts: list[str]) -> None:
    counts = count_matrix(kmers(*texts))
    for i, row in enumerate(counts):
        column = Counter(text[i] for text in texts)
        assert row.tolist() == [column[letter] for letter in "ACGT"]


@given(words)
def test_counts_of_the_opposite_strand_are_the_reverse_complement(texts: list[str]) -> None:
    forward = kmers(*texts)
    np.testing.assert_array_equal(
        count_matrix(reverse_complement(forward)), count_matrix(forward)[::-1, ::-1]
    )


def test_no_kmers_give_zero_counts() -> None:
    assert count_matrix(np.empty((0, 3), dtype=np.uint8)).tolist() == [[0] * 4] * 3


def test_probabilities_by_hand() -> None:
    counts = [[3, 0, 0, 1]]
    np.testing.assert_allclose(probability_matrix(counts, 0), [[0.75, 0, 0, 0.25]])
    np.testing.assert_allclose(probability_matrix(counts), [[0.65, 0.05, 0.05, 0.25]])
    np.testing.assert_allclose(
        probability_matrix(counts, 4, [0.4, 0.1, 0.1, 0.4]), [[0.575, 0.05, 0.05, 0.325]]
    )


def test_a_pseudocount_alone_is_the_background() -> None:
    background = np.array([0.4, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        probability_matrix(np.zeros((2, 4)), 1, background), [background] * 2
    )


def test_composition_by_hand() -> None:
    np.testing.assert_allclose(composition(encode("AAACCGTTNN")), [3 / 8, 2 / 8, 1 / 8, 2 / 8])


# ---- information and log-odds


def test_information_by_hand() -> None:
    p = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4, [0.5, 0.25, 0.125, 0.125]]
    np.testing.assert_allclose(information_content(p), [2, 1, 0, 0.25])
    background = [0.5, 0.25, 0.125, 0.125]
    np.testing.assert_allclose(information_content(p, background), [1, 0.5, 0.25, 0], atol=1e-12)


def test_logo_heights_by_hand() -> None:
    heights = information_matrix([[0.5, 0.5, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(heights, [[0.5, 0.5, 0, 0], [0, 0, 0, 2]])


def test_log_odds_by_hand() -> None:
    with np.errstate(all="raise"):
        odds = log_odds_matrix([[0.5, 0.25, 0.25, 0]])
    assert odds.tolist() == [[1, 0, 0, -math.inf]]
    odds = log_odds_matrix([[0.5, 0.25, 0.125, 0.125]], [0.125, 0.25, 0.5, 0.125])
    np.testing.assert_allclose(odds, [[2, 0, -2, 0]])


@given(matrices, st.sampled_from([UNIFORM, np.array([0.3, 0.2, 0.2, 0.3])]))
def test_information_is_the_mean_log_odds_and_never_negative(
    probabilities: np.ndarray, background: np.ndarray
) -> None:
    bits = information_content(probabilities, background)
    assert (bits >= -1e-12).all() and (bits <= -math.log2(background.min()) + 1e-12).all()
    mean = [
        sum(p * math.log2(p / q) for p, q in zip(row, background, strict=True))
        for row in probabilities
    ]
    np.testing.assert_allclose(bits, mean, atol=1e-9)
    np.testing.assert_allclose(
        information_matrix(probabilities, background).sum(axis=1), bits, atol=1e-9
    )


# ---- strands and consensus


@pytest.mark.parametrize(
    ("counts", "letter"),
    [
        ([10, 0, 0, 0], "A"),
        ([6, 2, 1, 1], "A"),  # more than half, more than twice the second
        ([6, 3, 1, 0], "M"),  # not more than twice the second; the two have 90 %
        ([5, 2, 2, 1], "N"),  # half is not more than half; 70 % are too few for two
        ([4, 4, 1, 1], "M"),
        ([4, 1, 4, 1], "R"),
        ([4, 1, 1, 4], "W"),
        ([1, 4, 4, 1], "S"),
        ([1, 4, 1, 4], "Y"),
        ([1, 1, 4, 4], "K"),
        ([3, 3, 3, 0], "V"),
        ([3, 3, 0, 3], "H"),
        ([3, 0, 3, 3], "D"),
        ([0, 3, 3, 3], "B"),
        ([5, 5, 5, 5], "N"),
        ([15, 15, 5, 5], "N"),  # exactly three quarters are not more than three quarters
    ],
)
def test_iupac_consensus_by_hand(counts: list[int], letter: str) -> None:
    assert iupac_consensus(np.array([counts])) == letter
    assert iupac_consensus(np.array([counts]) / sum(counts)) == letter


@given(matrices)
def test_consensus_of_the_opposite_strand_is_the_complement(matrix: np.ndarray) -> None:
    # equal shares are ordered by letter, which a strand swap does not keep: leave them out
    if any(len(set(row.tolist())) < 4 for row in matrix):
        return
    complement = str.maketrans("ACGTMRWSYKVHDBN", "TGCAKYWSRMBDHVN")
    opposite = iupac_consensus(matrix[::-1, ::-1])
    assert opposite == iupac_consensus(matrix)[::-1].translate(complement)


# ---- scanning


def test_scan_by_hand() -> None:
    log_odds = np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])
    assert scan(encode("ACGTN"), log_odds).tolist() == [21, 32, 43, 4]


@given(
    st.text("ACGTN", min_size=1, max_size=60),
    npst.arrays(float, st.tuples(st.integers(1, 8), st.just(4)), elements=st.floats(-10, 10)),
)
def test_scan_against_one_word_at_a_time(text: str, log_odds: np.ndarray) -> None:
    if len(text) < len(log_odds):
        with pytest.raises(MotifError, match="the motif's width"):
            scan(encode(text), log_odds)
        return
    expected = [
        sum(
            log_odds[i, "ACGT".index(letter)]
            for i, letter in enumerate(text[start : start + len(log_odds)])
            if letter != "N"
        )
        for start in range(len(text) - len(log_odds) + 1)
    ]
    np.testing.assert_allclose(scan(encode(text), log_odds), expected, atol=1e-9)


@given(st.text("ACGT", min_size=8, max_size=60), matrices)
def test_scanning_the_opposite_strand_is_scanning_with_the_opposite_matrix(
    text: str, probabilities: np.ndarray
) -> None:
    codes, log_odds = encode(text), log_odds_matrix(probabilities)
    np.testing.assert_allclose(
        scan(reverse_complement(codes), log_odds),
        scan(codes, log_odds[::-1, ::-1])[::-1],
        atol=1e-9,
    )


def test_scan_carries_minus_infinity_but_not_over_an_unknown_nucleotide() -> None:
    log_odds = log_odds_matrix([[1, 0, 0, 0], [0, 0, 0, 1]])
    assert scan(encode("ATNT"), log_odds).tolist() == [4, -math.inf, 2]


# ---- TRANSFAC

RECORD = """AC  M1
XX
ID  Ada
XX
P0           A         C         G         T
1          1.0       2.0       1.0       0.0
2          0.0       0.0       0.5       3.0
XX
CC  sites: 4
XX
//
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "motifs.tf"
    path.write_text(text)
    return path


def test_transfac_by_hand(tmp_path: Path) -> None:
    second = "AC M2\nPO A C G T\n01 1 0 0 0 A\n02 0 0 0 1 T\n03 2 2 0 0 M\n//\n"  # consensus column
    motifs = read_transfac(written(tmp_path, "VV  version\n\n" + RECORD + second))
    assert [(motif.accession, motif.name) for motif in motifs] == [("M1", "Ada"), ("M2", "M2")]
    assert motifs[0].counts.tolist() == [[1, 2, 1, 0], [0, 0, 0.5, 3]]
    assert motifs[1].counts.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [2, 2, 0, 0]]


def test_transfac_gzip_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "motifs.tf.gz"
    path.write_bytes(gzip.compress(RECORD.replace("\n", "\r\n").encode()))
    assert read_transfac(path)[0].counts.shape == (2, 4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("//\n", "", r"motifs\.tf: the last record has no '//' line"),
        ("AC  M1\n", "", "line 10: a record without an AC line"),
        ("P0 ", "XY ", "line 11: motif M1 has no matrix"),
        ("A         C ", "C         A ", "line 5: the columns must be A C G T"),
        ("0.5", "half", r"line 7: .* are not four counts"),
        ("0.5", "-0.5", r"line 7: .* are not four counts"),
        ("0.5", "nan", r"line 7: .* are not four counts"),
        ("       3.0", "", r"line 7: .* are not four counts"),
        ("\n2  ", "\n3  ", "line 7: row 3 where row 2 is expected"),
        ("1.0       2.0       1.0", "0         0         0  ", "line 11: .* without any count"),
        (RECORD, RECORD + RECORD, "line 22: a second motif of accession M1"),
        (RECORD, "", "no motif in this file"),
        (RECORD, "VV  version\n", "no motif in this file"),
        (RECORD, "position\tstrand\n", "no motif in this file; a TRANSFAC file is needed"),
    ],
)
def test_a_wrong_transfac_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in RECORD
    with pytest.raises(MotifError, match=message):
        read_transfac(written(tmp_path, RECORD.replace(old, new, 1)))


def test_a_missing_or_truncated_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.tf"):
        read_transfac(tmp_path / "absent.tf")
    path = tmp_path / "cut.tf.gz"
    path.write_bytes(gzip.compress(RECORD.encode())[:-12])
    with pytest.raises(MotifError, match="truncated"):
        read_transfac(path)


def test_regulondb_matrices(data_dir: Path) -> None:
    motifs = read_transfac(data_dir / "regulonDB_2025-05.tf")
    assert len(motifs) == 109
    by_name = {motif.name: motif for motif in motifs}
    assert len(by_name) == 109
    arca = by_name["ArcA"].counts
    assert arca.shape == (16, 4)
    assert arca[1].tolist() == [16, 15, 3, 157]
    for motif in motifs:  # every position of a motif counts the same sites
        totals = motif.counts.sum(axis=1)
        np.testing.assert_allclose(totals, totals[0])
        assert len(iupac_consensus(motif.counts)) == len(motif.counts)
    assert most_frequent(by_name["CRP"].counts).count("TGTGA") == 1


# ---- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count_matrix(encode("ACGT")), "shape"),
        (lambda: count_matrix(np.full((2, 2), 5)), r"outside 0\.\.4"),
        (lambda: probability_matrix(np.zeros((2, 3))), "shape"),
        (lambda: probability_matrix([[1, 1, 1, -1]]), "at least zero"),
        (lambda: probability_matrix([[1, 1, 1, 1]], -1), "pseudocount must be at least zero"),
        (lambda: probability_matrix([[1, 1, 1, 1]], math.nan), "pseudocount must be"),
        (lambda: probability_matrix([[0, 0, 0, 0]], 0), "needs a pseudocount"),
        (lambda: information_content([[3, 0, 0, 1]]), "must sum to 1"),
        (lambda: log_odds_matrix([[1, 0, 0, 0]], [1, 0, 0, 0]), "background must be"),
        (lambda: log_odds_matrix([[1, 0, 0, 0]], [0.5, 0.5]), "background must be"),
        (lambda: composition(encode("AAA")), "does not occur"),
        (lambda: iupac_consensus([[0, 0, 0, 0]]), "without any count"),
        (lambda: scan(encode("ACGT"), np.zeros((2, 3))), "shape"),
        (lambda: Motif("M1", "Ada", np.array([[0, 0, 0, 0]])), "motif Ada: a position without"),
    ],
)
def test_wrong_input_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MotifError, match=message):
        call()


def test_a_motif_cannot_be_changed() -> None:
    motif = Motif("M1", "Ada", np.array([[1.0, 2.0, 3.0, 4.0]]))
    with pytest.raises(ValueError, match="read-only"):
        motif.counts[0, 0] = 5


def test_heights_against_a_background() -> None:
    counts = np.array([[100, 0, 0, 0], [25, 25, 25, 25]])
    rich = np.array([0.4, 0.1, 0.1, 0.4])
    assert motifs.letter_heights(counts, rich)[0].sum() < motifs.letter_heights(counts)[0].sum()
    assert motifs.letter_heights(counts, rich)[1].sum() > 0.2
    genome = Genome("toy", np.array([0, 0, 0, 1, 1, 2, 3, 0], np.uint8))
    np.testing.assert_allclose(motifs.background(genome), [5 / 16, 3 / 16, 3 / 16, 5 / 16])


def test_information_of_whole_motifs_keeps_their_shape() -> None:
    sharp = np.tile([1000, 0, 0, 0], (3, 1))
    counts = np.stack([sharp, np.full((3, 4), 250)])[None]  # one layer of two heads
    bits = motifs.information(counts)
    assert bits.shape == (1, 2)
    np.testing.assert_allclose(bits, [[6, 0]], atol=0.05)
