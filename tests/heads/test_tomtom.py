"""Known motifs: alignment, decoys, TOMTOM's q-values and their null, on motifs made by hand."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from toy import most_frequent

from genoattn.genome import motifs
from genoattn.genome.sequence import Genome, decode, encode
from genoattn.heads import elements, preferred, tomtom

UNIFORM = motifs.UNIFORM


def counts_of(letters: str, rng: np.random.Generator, n: int = 60) -> np.ndarray:
    """Counts of ``n`` sites of a word with a few other letters; N is any."""
    rows = [
        np.full(4, 0.25) if letter == "N" else np.eye(4)["ACGT".index(letter)] for letter in letters
    ]
    return rng.multinomial(n, 0.84 * np.array(rows) + 0.04)


def known_motifs(seed: int = 0, n: int = 60) -> list[motifs.Motif]:
    """Random words as motifs, one of them GATTACA."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("ACGT"), rng.integers(6, 12))) for _ in range(n - 1)]
    return [
        motifs.Motif(f"{name} {i}", name, counts_of(name, rng))
        for i, name in enumerate(["GATTACA", *words])
    ]


def best_of(words: list[str]) -> preferred.BestSequences:
    """Motifs of the heads of one layer."""
    rng = np.random.default_rng(9)
    counts = np.array([[counts_of(word, rng) for word in words]])
    shape = counts.shape[:2]
    return preferred.BestSequences(counts, np.full(shape, 9), np.full(shape, -10), np.zeros(shape))


def test_a_head_with_a_known_motif_is_found_on_either_strand_and_others_are_not() -> None:
    rng = np.random.default_rng(3)
    others = ["".join(rng.permutation(list("ACGTNNN"))) for _ in range(8)]
    frame, null = tomtom.compare(
        [best_of(["GATTACA", "TGTAATC", *others])],
        known_motifs(),
        background=UNIFORM,
        n_shuffles=200,
        seed=0,
    )
    best = tomtom.best_match(frame).set_index("head_1based")
    assert best.loc[[1, 2], "motif"].tolist() == ["GATTACA", "GATTACA"]
    assert best.loc[[1, 2], "reverse"].tolist() == [False, True]
    assert (best.loc[[1, 2], "overlap"] == 7).all()
    for q in ("q_value", "q_tomtom"):
        assert (best.loc[[1, 2], q] < 0.05).all()
    assert (best.loc[3:, "q_value"] > 0.05).all()
    assert len(null) == 10 * 200 * 60
    told = tomtom.calibration(frame, null, thresholds=(0.1, 0.01))
    assert told["shuffled"].to_numpy() == pytest.approx([0.1, 0.01], rel=0.6)
    assert told["heads"][1] > told["shuffled"][1]
    assert told["compared"].tolist() == [10 * 60] * 2


def test_decoys_fill_up_and_take_no_part() -> None:
    few = known_motifs(n=3)
    filled = tomtom.with_decoys(few, fewest=30, seed=1)
    assert len(filled) == 30 and [one.name for one in filled[:3]] == [one.name for one in few]
    for decoy, like in zip(filled[3:6], few, strict=True):
        assert decoy.name == f"decoy of {like.name}"
        assert (decoy.counts.sum(axis=1) == 60).all()
        assert (decoy.counts.max(axis=1) > 40).all(), "as much information"
        assert most_frequent(decoy.counts) != most_frequent(like.counts)
    assert len({one.accession for one in filled}) == 30
    assert tomtom.with_decoys(filled, fewest=10, seed=1) == filled
    frame, null = tomtom.compare(
        [best_of(["GATTACA", "CCTTGGN"])], filled, background=UNIFORM, n_shuffles=5, seed=0
    )
    assert frame["decoy"].sum() == 2 * 27 and len(null) == 2 * 5 * 3
    assert (frame.loc[frame["decoy"], ["q_value", "q_tomtom"]] == 1).all(axis=None)
    assert not tomtom.best_match(frame)["decoy"].any()


def test_flat_ends_are_cut_off_and_something_is_left() -> None:
    matrix = motifs.probability_matrix(counts_of("NNTANTNNN", np.random.default_rng(0), 2_000))
    np.testing.assert_array_equal(tomtom.trimmed(matrix, UNIFORM), matrix[2:6])
    flat = np.full((5, 4), 0.25)
    assert len(tomtom.trimmed(flat, UNIFORM)) >= 1


def test_fdr_of_the_null_by_hand() -> None:
    """1 (one added) of 21 null ones at 0.001, 2 at 0.01, all at 0.9; of four 1, 2, 2 and 4."""
    null = np.r_[0.005, np.full(19, 0.6)]
    q = tomtom._empirical_fdr(np.array([0.01, 0.001, 0.7, 0.9]), null)
    assert q == pytest.approx([4 * 2 / 21 / 2, 4 * 1 / 21, 1.0, 1.0])


def test_elements_become_motifs_of_drawn_sites() -> None:
    (one,) = tomtom.element_motifs([elements.word("box", "TATNAT", 0, 0, "here")], n=1_000, seed=0)
    assert one.name == "box" and (one.counts.sum(axis=1) == 1_000).all()
    assert motifs.iupac_consensus(one.counts) == "TATNAT"


def test_alignment_finds_the_box_that_floats() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (300, 20), dtype=np.uint8)
    for row in codes:
        at = rng.integers(0, 12)
        row[at : at + 6] = np.where(rng.random(6) < 0.9, encode("TATAAT"), row[at : at + 6])
    start = 0.5 * np.eye(4)[encode("TACAAT")] + 0.5 * UNIFORM
    counts = tomtom.align(codes, start, background=UNIFORM)
    assert counts.sum(axis=1) == pytest.approx(np.full(6, 300.0))
    assert most_frequent(counts) == "TATAAT"
    share = counts[np.arange(6), encode("TATAAT")] / 300
    assert (share > 0.8).all()
    with pytest.raises(motifs.MotifError, match="shorter"):
        tomtom.align(codes[:, :4], start, background=UNIFORM)


def test_sigma_motifs_come_from_their_own_promoters_on_both_strands() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, 40_000, dtype=np.uint8)
    rows = []
    for i, position in enumerate(range(200, 39_800, 200)):
        strand = "+-"[i % 2]
        word = encode("TATAAT") if i % 4 < 2 else encode("GGCCGG")
        where = position - 12 if strand == "+" else position + 12 - 5
        codes[where : where + 6] = word if strand == "+" else 3 - word[::-1]
        rows.append((position, strand, "sigma70" if i % 4 < 2 else "sigma24"))
    promoters = pd.DataFrame(rows, columns=["position", "strand", "sigma"])
    genome = Genome("toy", codes)
    box = tomtom.Box("sigma70", elements.word("sigma70 -10", "TATAAT", -16, -7, "here"))
    rare = tomtom.Box("sigma54", elements.word("sigma54 -12", "TTGCA", -16, -7, "here"))
    found = tomtom.sigma_motifs(promoters, genome, (box, rare), background=UNIFORM)
    assert [one.name for one in found] == ["sigma70 -10"]
    assert most_frequent(found[0].counts) == "TATAAT"
    assert decode(found[0].counts.argmax(axis=1).astype(np.uint8)) == "TATAAT"
    assert "99 promoters" in found[0].accession or "100 promoters" in found[0].accession


def test_torch_keeps_the_threads_that_it_was_given() -> None:
    """In a process of its own, where numba has not counted yet."""
    code = (
        "import numpy as np, torch\n"
        "torch.set_num_threads(1)\n"
        "from genoattn.genome.motifs import Motif\n"
        "from genoattn.heads import tomtom\n"
        "draw = np.random.default_rng(0)\n"
        "known = [Motif(str(n), str(n), draw.random((6, 4)) + 1) for n in range(60)]\n"
        "tomtom.tomtom([draw.dirichlet(np.ones(4), 6)], known)\n"
        "print(torch.get_num_threads(), 'omp_get_max_threads() : 1\\n' in "
        "torch.__config__.parallel_info())"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"NUMBA_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert told.stdout == "1 True\n"
