"""Cards and tables of made-up trainings, for tests of the chapter on training."""

from __future__ import annotations

import pandas as pd

from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card

BOTH = ("roc_auc", "pr_auc")
LENGTH = 1_000
"""Of the genome; a step reads half a pass: 500 of 1,000 positions, both strands."""


def card(passes=2.0, loss=0.01, config=None, **changes):
    return Card(
        train_set="curated",
        config=vars(config or AnnotatorConfig()),
        training={"seed": 1, "batch": 1, "segment": 500, "context": 512, "empty_share": 0.2,
                  "learning_rate": 0.001},
        history=({"step": int(2 * passes), "validation_loss": loss},),
        best={"step": int(2 * passes), "validation_loss": loss},
        parts={"test": [0, LENGTH - 700], "validation": [LENGTH - 700, LENGTH - 500]},
        data={"sites": 100},
        hardware="a machine",
        seconds=120,
    ).replace(**changes)  # fmt: skip


def readings():
    return pd.DataFrame(
        [
            {"model": model, "metric": metric, "value": 0.5, "difference": change,
             "difference_low": change - 0.1, "difference_high": change + 0.1,
             "test_set": test_set, "differs_in": setting, "passes": 0.8}
            for test_set in ("curated", "smrt")
            for model, setting, change in (("base", "", 0.0), ("cold", "context 128 → 0", -0.2))
            for metric in BOTH
        ]
    )  # fmt: skip
