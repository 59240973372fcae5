from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.sequence import (
    UNKNOWN,
    Genome,
    GenomeError,
    decode,
    encode,
    reverse_complement,
    strand_index,
)

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
dna = st.text("ACGTN", min_size=1, max_size=60)


def genome(sequence: str, circular: bool = True) -> Genome:
    return Genome("toy", encode(sequence), circular)


# Codes and strands


@given(dna)
def test_decoding_undoes_encoding_in_either_case(sequence: str) -> None:
    assert decode(encode(sequence)) == sequence
    assert decode(encode(sequence.lower())) == sequence


def test_ambiguity_letters_are_unknown_and_others_are_refused() -> None:
    assert (encode("RYSWKMBDHVNryswkmbdhvn") == UNKNOWN).all()
    assert encode("UuXx").tolist() == [3, 3, UNKNOWN, UNKNOWN]
    for wrong in ("A-G", "A*G", "A G", "Aé"):
        with pytest.raises(GenomeError, match="is not an IUPAC DNA letter"):
            encode(wrong)


@given(dna)
def test_reverse_complement_is_that_of_the_letters(sequence: str) -> None:
    assert decode(reverse_complement(encode(sequence))) == sequence.translate(COMPLEMENT)[::-1]
    assert genome(sequence).sequence == decode(genome(sequence).strand("+"))


@given(st.integers(1, 10**7), st.data())
def test_strand_index_is_its_own_inverse(length: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, length - 1))
    for strand in "+-":
        index = strand_index(position, strand, length)
        assert 0 <= index < length
        assert strand_index(index, strand, length) == position


@given(dna, st.data())
def test_strand_index_finds_the_nucleotide_on_its_strand(
    sequence: str, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(sequence) - 1))
    toy = genome(sequence)
    assert toy.strand("+")[strand_index(position, "+", len(toy))] == encode(sequence[position])[0]
    assert (
        toy.strand("-")[strand_index(position, "-", len(toy))]
        == encode(sequence[position].translate(COMPLEMENT))[0]
    )


def test_strand_index_takes_arrays_of_strands() -> None:
    found = strand_index(np.array([0, 0, 9]), np.array(["+", "-", "-"], dtype=object), 10)
    assert found.tolist() == [0, 9, 0]
    with pytest.raises(GenomeError, match=r"unknown strand '\.'"):
        strand_index(np.array([0]), np.array(["."]), 10)


@given(
    dna,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 59), st.sampled_from("+-")), min_size=1, max_size=5),
    st.lists(st.integers(-70, 70), min_size=1, max_size=6),
)
def test_around_reads_along_the_sites_own_strand(
    sequence: str, circular: bool, sites: list[tuple[int, str]], offsets: list[int]
) -> None:
    length = len(sequence)
    sites = [(p % length, s) for p, s in sites]
    expected = []
    for position, strand in sites:
        letters = ""
        for offset in offsets:
            place = position + (offset if strand == "+" else -offset)
            if circular:
                place %= length
            letter = sequence[place] if 0 <= place < length else "N"
            letters += letter if strand == "+" else letter.translate(COMPLEMENT)
        expected.append(letters)
    positions = np.array([p for p, _ in sites])
    strands = np.array([s for _, s in sites], dtype=object)
    found = genome(sequence, circular).around(positions, strands, offsets)
    assert [decode(row) for row in found] == expected


def test_a_genome_is_checked_and_cannot_be_changed() -> None:
    codes = encode("ACGT")
    toy = Genome("toy", codes)
    codes[0] = 3
    assert toy.sequence == "ACGT"
    with pytest.raises(ValueError, match="read-only"):
        toy.codes[0] = 1
    for name, wrong in [
        ("two words", encode("A")),
        ("", encode("A")),
        ("toy", encode("")),
        ("toy", np.array([5], dtype=np.uint8)),
        ("toy", np.array([0, 1])),
        ("toy", np.zeros((2, 2), dtype=np.uint8)),
    ]:
        with pytest.raises(GenomeError):
            Genome(name, wrong)
