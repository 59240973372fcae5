from __future__ import annotations

import pandas as pd

from genoattn.book.redrawn import first_and_seeds


def test_seeds_of_a_recipe_are_told_from_models_of_like_names():
    names = pd.Series(["curated", "curated-s1", "curated-s12", "curated-long", "curated-s1"])
    assert first_and_seeds(names, "curated") == ["curated", "curated-s1", "curated-s12"]
    assert first_and_seeds(names, "none") == []
