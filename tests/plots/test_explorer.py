from __future__ import annotations

import numpy as np
import pytest
from toy_attention import DOWNSTREAM, attended

from genoattn.heads import profiles
from genoattn.plots import explorer

toy = pytest.fixture(scope="module")(attended)


def profile_frame(made):
    columns = {
        name: made.mean * scale
        for name, scale in (("mean", 1), ("maximum", 2), ("highest", 1.5), ("lowest", 0.5))
    }
    return profiles.profile_frame(DOWNSTREAM, **columns)


def test_the_explorer_refuses_other_heads(toy):
    made = toy[3]
    asked = {"background": np.full(4, 0.25), "colours": {}}
    with pytest.raises(ValueError, match="do not fit"):
        explorer.explorer(profile_frame(made), made, ["one"], **asked)
    with pytest.raises(ValueError, match="at most 63"):
        explorer.explorer(profile_frame(made), made._replace(n_best=64), ["a"] * 4, **asked)
