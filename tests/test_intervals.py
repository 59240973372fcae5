"""Stretches of a mask, put back together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genoattn.intervals import runs


@given(st.lists(st.booleans(), max_size=30), st.booleans())
def test_runs_give_the_mask_back(values, circular):
    mask = np.array(values, dtype=bool)
    again = np.zeros(mask.size, dtype=int)
    found = runs(mask, circular=circular)
    for start, size in found:
        stretch = np.arange(start, start + size)
        assert circular or start + size <= mask.size
        again[stretch % mask.size] += 1
        if not mask.all():
            for outside in (start - 1, start + size):
                if circular or 0 <= outside < mask.size:
                    assert not mask[outside % mask.size]
    assert (again == mask).all()
    assert (np.diff(found[:, 0]) > 0).all()
