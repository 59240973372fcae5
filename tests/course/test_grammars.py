from __future__ import annotations

import numpy as np
import pytest

from genoattn.course.grammars import PLACES, drawn_grammar


def test_a_drawn_grammar_never_contradicts_itself():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        grammar = drawn_grammar(rng, n_elements=len(PLACES))
        for _ in range(20):
            grammar.draw(rng)  # raises where elements overlap


def test_the_same_seed_draws_the_same_words_and_another_others():
    def drawn(seed):
        grammar = drawn_grammar(np.random.default_rng(seed))
        return [(one.matrix.argmax(1).tolist(), dict(one.offsets)) for one in grammar.elements]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_elements_are_named_from_upstream_to_downstream():
    grammar = drawn_grammar(np.random.default_rng(3), n_elements=3)
    firsts = [max(one.offsets, key=one.offsets.get) for one in grammar.elements]
    assert [one.name for one in grammar.elements] == ["A", "B", "C"]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("n", [0, 6])
def test_more_elements_than_places_are_refused(n):
    with pytest.raises(ValueError, match="n_elements must be from 1 to 5"):
        drawn_grammar(np.random.default_rng(0), n)
