from __future__ import annotations

import json

import numpy as np
import pandas as pd
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


def test_what_passes_through_a_head_is_in_the_page_at_its_offsets(toy):
    made = toy[3]
    logos = pd.DataFrame(
        [(layer, head, offset, letter, 0.0)
         for layer in (1, 2) for head in (1, 2) for offset in (-2, -1, 0) for letter in "ACGT"],
        columns=["layer", "head", "offset", "letter", "contribution"],
    )  # fmt: skip
    logos.loc[0, "contribution"], logos.loc[1, "contribution"] = 0.5, -0.5
    asked = {"background": np.full(4, 0.25), "colours": {}}
    page = explorer.explorer(profile_frame(made), made, ["a"] * 4, logos=logos, **asked)
    data = json.loads(page.split('class="data">')[1].split("</script>")[0])
    through = data["through"]
    assert (through["first"], through["places"], through["top"]) == (-2, 3, 0.5)
    assert through["values"][:6] == "//" + "AA" + through["values"][4:6]
    assert len(through["values"]) == 2 * logos.shape[0]
    without = explorer.explorer(profile_frame(made), made, ["a"] * 4, **asked)
    assert '"through":null' in without
