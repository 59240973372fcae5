from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from genoattn.data.grammar import (
    DEFAULT_GRAMMAR,
    NO_GRAMMAR,
    TSS,
    Element,
    Grammar,
    consensus_matrix,
)

CERTAIN = consensus_matrix("TATAAT", 1.0)


def one_class(*elements: Element) -> Grammar:
    return Grammar({"a": 1.0}, elements, {"anywhere": 1.0})


def test_a_certain_grammar_draws_its_consensus_at_its_offsets() -> None:
    box_10 = Element("-10", "a", CERTAIN, {-12: 1.0})
    box_35 = Element("-35", "a", consensus_matrix("TTGACA", 1.0), {-23: 1.0}, anchor="-10")
    promoter = one_class(box_10, box_35).draw(np.random.default_rng(0))
    assert [part.offset for part in promoter.parts] == [-12, -35]
    assert promoter.parts[0].codes.tolist() == [3, 0, 3, 0, 0, 3]
    assert promoter.parts[1].codes.tolist() == [3, 3, 2, 0, 1, 0]
    assert promoter.strength == pytest.approx(2 * 12)


def test_consensus_matrix_by_hand() -> None:
    matrix = consensus_matrix("TRWN", [0.7, 0.9, 0.5, 0.8])
    expected = [
        [0.1, 0.1, 0.1, 0.7],
        [0.45, 0.05, 0.45, 0.05],
        [0.25, 0.25, 0.25, 0.25],
        [0.25, 0.25, 0.25, 0.25],
    ]
    np.testing.assert_allclose(matrix, expected)


def test_an_absent_anchor_still_places_what_is_measured_from_it() -> None:
    rare = Element("-10", "a", CERTAIN, {-12: 1.0}, presence=1e-12)
    box_35 = Element("-35", "a", CERTAIN, {-23: 1.0}, anchor="-10")
    promoter = one_class(rare, box_35).draw(np.random.default_rng(0))
    assert [(part.element.name, part.offset) for part in promoter.parts] == [("-35", -35)]


def test_presence_is_the_share_of_promoters_with_the_element() -> None:
    grammar = one_class(Element("-10", "a", CERTAIN, {-12: 1.0}, presence=0.3))
    rng = np.random.default_rng(1)
    present = sum(len(grammar.draw(rng).parts) for _ in range(2_000))
    assert abs(present - 600) < 4 * math.sqrt(2_000 * 0.3 * 0.7)


@pytest.mark.parametrize("promoter_class", DEFAULT_GRAMMAR.classes)
def test_no_draw_of_the_default_grammar_can_overlap_itself(promoter_class: str) -> None:
    elements = DEFAULT_GRAMMAR.of(promoter_class)
    for offsets in itertools.product(*[element.offsets for element in elements]):
        begins = {TSS: 0}
        covered: list[int] = []
        for element, offset in zip(elements, offsets, strict=True):
            begins[element.name] = begins[element.anchor] + offset
            covered += range(begins[element.name], begins[element.name] + element.width)
        assert len(covered) == len(set(covered))


def element_of(promoter_class: str, name: str) -> Element:
    return next(e for e in DEFAULT_GRAMMAR.of(promoter_class) if e.name == name)


@pytest.mark.parametrize(
    ("promoter_class", "name", "word"),
    [
        ("core", "-10", "TATAAT"),
        ("core", "-35", "TTGACA"),
        ("extended", "extended", "TG"),
        ("activated", "-35", "TTGACA"),
        ("sigma54", "-24", "TGGCAC"),
        ("sigma54", "-12", "TTGC"),
    ],
)
def test_consensus_of_the_default_elements(promoter_class: str, name: str, word: str) -> None:
    best = element_of(promoter_class, name).matrix.argmax(axis=1)
    assert "".join("ACGT"[i] for i in best).startswith(word)


def test_spacer_is_15_to_19_nt_and_17_favoured() -> None:
    # between the end of the -35 box (6 nt) and the begin of the -10 box
    spacers = {-begin - 6: p for begin, p in element_of("core", "-35").offsets.items()}
    assert sorted(spacers) == [15, 16, 17, 18, 19]
    assert max(spacers, key=lambda length: spacers[length]) == 17


def test_sigma54_has_gg_at_minus_24_and_gc_at_minus_12() -> None:
    minus_12, minus_24 = element_of("sigma54", "-12"), element_of("sigma54", "-24")
    begin_12 = max(minus_12.offsets, key=lambda offset: minus_12.offsets[offset])
    begin_24 = begin_12 + next(iter(minus_24.offsets))
    assert [begin_24 + 1, begin_24 + 2] == [-25, -24]  # GG of TGGCACG
    assert [begin_12 + 2, begin_12 + 3] == [-13, -12]  # GC of TTGCW


def test_purine_is_preferred_at_the_start_site() -> None:
    initiator = element_of("core", "initiator")
    assert list(initiator.offsets) == [-1]
    assert initiator.matrix[1, [0, 2]].sum() == pytest.approx(0.9)


def test_no_grammar_draws_nothing() -> None:
    promoter = NO_GRAMMAR.draw(np.random.default_rng(0))
    assert (promoter.promoter_class, promoter.parts, promoter.strength) == ("none", (), 0.0)


def test_data_are_read_only() -> None:
    element = element_of("core", "-10")
    with pytest.raises(ValueError, match="read-only"):
        element.matrix[0, 0] = 1
    with pytest.raises(TypeError):
        element.offsets[0] = 1.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("matrix", "offsets", "presence", "message"),
    [
        (np.full((6, 3), 1 / 3), {0: 1.0}, 1.0, r"-10 of class a: matrix must have shape"),
        (np.full((6, 4), 0.3), {0: 1.0}, 1.0, "each row of the matrix"),
        (CERTAIN, {0: 0.5}, 1.0, "offsets must be probabilities that sum to 1, sum is 0.5"),
        (CERTAIN, {0: 1.5, 1: -0.5}, 1.0, "offsets must be probabilities"),
        (CERTAIN, {0: 1.0}, 0.0, "presence must be in"),
    ],
)
def test_a_wrong_element_is_refused(
    matrix: np.ndarray, offsets: dict[int, float], presence: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Element("-10", "a", matrix, offsets, presence=presence)


@pytest.mark.parametrize(
    ("elements", "classes", "places", "message"),
    [
        ([("-10", "b", TSS)], {"a": 1.0}, {"anywhere": 1.0}, "no such class"),
        ([("-35", "a", "-10")], {"a": 1.0}, {"anywhere": 1.0}, "anchor -10 must be listed before"),
        ([("-10", "a", TSS)] * 2, {"a": 1.0}, {"anywhere": 1.0}, "listed twice"),
        ([], {"a": 0.9}, {"anywhere": 1.0}, "classes must be probabilities"),
        ([], {"a": 1.0}, {"moon": 1.0}, "unknown place 'moon'"),
    ],
)
def test_a_wrong_grammar_is_refused(
    elements: list[tuple[str, str, str]],
    classes: dict[str, float],
    places: dict[str, float],
    message: str,
) -> None:
    made = tuple(
        Element(name, kind, CERTAIN, {-12: 1.0}, anchor) for name, kind, anchor in elements
    )
    with pytest.raises(ValueError, match=message):
        Grammar(classes, made, places)


def test_a_grammar_whose_elements_overlap_is_found_out() -> None:
    twice = one_class(
        Element("one", "a", CERTAIN, {-12: 1.0}), Element("two", "a", CERTAIN, {-8: 1.0})
    )
    with pytest.raises(ValueError, match="class a overlap"):
        twice.draw(np.random.default_rng(0))
