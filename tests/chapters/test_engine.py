"""The chapter engine: what its steps find on a toy, and what it says at the limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.chapters import engine as chapter
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction import checks
from genoattn.prediction.benchmark import COLUMNS
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding

CONFIG = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, downstream=3, dropout=0)


def asked(**given) -> Checked:
    """The chapter's defaults, made small, some of them changed."""
    default = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {
        "lengths": [1, 30],
        "chunks": [7, 50],
        "seam_length": 120,
        "n_census": 60,
        "n_sample": 30,
        "k_best": 3,
        "mixed_steps": 3,
    }
    return Checked(chapter.PARAMETERS, default | small | given)


def bench() -> pd.DataFrame:
    rows = [
        ("predict", "plain", "a", 1_000, 100, 1.0, 900),
        ("predict", "blocked", "a", 1_000, 900, 9.0, 700),
        ("census", "blocked", "a", 1_000, 600, 6.0, 800),
        ("train", "blocked", "a", 1_000, 60, 30.0, 1_200),
        ("growth", "blocked", "a", 10**6, 5_000, np.nan, 400),
        ("growth", "blocked", "a", 10**8, 4_000, np.nan, 1_000),
    ]
    names = ["what", "form", "device", "positions", "nt_per_s", "ratio_to_plain", "peak_mib"]
    facts = {"dtype": "float32", "gemm_fraction": 0.5, "workers": 1, "threads": 2}
    table = pd.DataFrame(rows, columns=names).assign(**facts)
    return table[list(COLUMNS)]


@pytest.fixture(scope="module")
def opened() -> chapter.Opened:
    torch.manual_seed(0)
    codes = np.random.default_rng(0).integers(0, 4, 400).astype(np.uint8)
    split = Split((0, 99), (100, 199), 400)
    network = Annotator(CONFIG).eval()
    return chapter.Opened(Genome("toy", codes), network, split, bench(), pd.DataFrame(), Finding())


def test_the_fast_ways_compute_the_same_as_the_slow_ones(opened):
    p = asked()
    forms = chapter.forms_compared(opened, p)
    assert "which is rounding" in forms.finding.said
    assert forms.finding.results["engine_exactness"] is forms.differences
    chunks = chapter.chunks_compared(opened, p)
    assert chunks.differences["chunk"].tolist() == [7, 50]
    assert chunks.differences["difference"].max() < 1e-5
    census = chapter.census_compared(opened, p)
    assert "over 2 heads and 16 distances, at 120 positions" in census.finding.said
    assert census.finding.results["engine_census"] is census.differences
    assert "| 3 best | exact |" in census.finding.said


def test_the_steps_of_mixed_precision_read_the_plus_strand_from_its_start(opened, monkeypatch):
    taken = {}

    def mixed_precision(network, codes, target, steps, learning_rate):
        taken.update(codes=codes, target=target)
        return pd.DataFrame({"step": [1, 2], "float32": [1.0, 1.0], "bfloat16": [1.0, 1.0]})

    monkeypatch.setattr(checks, "mixed_precision", mixed_precision)

    class Labelled:
        def sites(self, name):
            assert name == "curated"
            return pd.DataFrame({"position": [0, 20, 9], "strand": ["+", "+", "-"]})

    chapter.precision_compared(Labelled(), opened, asked())
    assert taken["codes"].shape == taken["target"].shape == (3, 1, 16)
    assert taken["codes"].flatten().tolist() == opened.genome.codes[:48].tolist()
    assert np.flatnonzero(taken["target"].numpy()).tolist() == [3, 23]


def test_a_form_that_is_another_function_is_told():
    same = pd.DataFrame(
        {
            "length": 5,
            "dtype": ["float64", "float32"],
            "output": [1e-13, 1e-6],
            "gradient": [1e-13, 1e-6],
        }
    )
    said = chapter.say_forms(same)
    assert "at most 1.0e-13 in 64 bits and 1.0e-06 in 32 bits" in said
    chunks = pd.DataFrame({"chunk": [9], "difference": [2e-7]})
    assert "form computes the same function" in chapter.say_same(same, chunks)
    assert "by more than 2.0e-07" in chapter.say_same(same, chunks)
    for column in ("output", "gradient"):
        wrong = same.assign(**{column: [1e-9, 1e-6]})
        assert "not the same function" in chapter.say_forms(wrong)
        assert "**does not compute**" in chapter.say_same(wrong, chunks)


def test_what_the_corners_of_a_block_cost():
    assert "**6%** more scores" in chapter.say_blocks(512, 32)
    assert "**0%** more scores" in chapter.say_blocks(512, 1)
    blocks = chapter.blocks(CONFIG)
    assert (blocks.window, blocks.block) == (16, 16)


def test_mixed_precision_is_compared_with_the_range_of_the_steps():
    losses = pd.DataFrame({"float32": [1.0, 2.0, 1.0], "bfloat16": [1.0, 2.04, 1.01]})
    said = chapter.say_precision(losses)
    assert "Over 3 steps the losses in mixed precision differ" in said
    assert "at most **2%**" in said
    assert "themselves lie between 1 and 2 nats" in said


def test_rates_are_said_for_every_machine(opened):
    two = pd.concat([bench(), bench().assign(device="b", nt_per_s=10.0)])
    rates = chapter.rated(two)
    assert "growth" not in set(rates.rows["what"])
    said = rates.finding.said
    assert (
        "On `a`, the blocked form predicts 900 positions per second, **9.0 times** as many as the "
        "plain form, and trains on 60 with their full window, **30.0 times** as many. A "
        "prediction with the census of all attention takes 1.50 times"
    ) in said
    assert "On `b`, the blocked form predicts 10 " in said
    assert "| training (full window) | blocked | a | 1 × 2 | 60 | 30.0× | 1,200 | 50% |" in said


@pytest.mark.parametrize(
    ("share", "bound"), [(0.51, "Arithmetic limits"), (0.5, "Arithmetic alone does not")]
)
def test_what_bounds_the_blocked_form(share, bound):
    parts = pd.DataFrame(
        {
            "form": ["plain", "plain", "blocked", "blocked"],
            "part": ["matrix products", "the rest"] * 2,
            "share": [0.4, 0.6, share, 1 - share],
            "us_per_nt": [40.0, 60.0, 20.0, 5.0],
        }
    )
    said = chapter.time_spent(parts).said
    assert bound in said
    assert "the plain form 40%" in said
    assert "4.0 times as fast" in said


def test_growth_is_said_if_it_was_measured(opened):
    growth = chapter.grown(opened.bench)
    assert "100 times as many" in growth.finding.said
    assert "from 400 to **1,000 MiB**, by 6.4 bytes for each further" in growth.finding.said
    assert "between 4,000 and 5,000 positions" in growth.finding.said
    none = chapter.grown(opened.bench[:0])
    assert "not measured" in none.finding.said
    assert chapter.say_memory(none.rows) == ""
    assert "100,000,000 positions needed 1,000 MiB" in chapter.say_memory(growth.rows)


def test_the_plan_and_the_answer(opened):
    plan = chapter.planned(opened, asked(days=0.5, n_genomes=10, mean_length=1_000))
    assert "machines for the collection in 0.5 days" in plan.finding.said
    assert "This genome has 400 nt; the collection is 10 genomes of 1,000 nt" in plan.finding.said
    forms = chapter.forms_compared(opened, asked())
    chunks = chapter.chunks_compared(opened, asked())
    said = chapter.in_short(
        forms, chunks, chapter.rated(opened.bench), chapter.grown(opened.bench), plan
    ).said
    assert "the blocked form predicts 900 positions" in said
    assert f"take {2 * 400 / 900 / 60:.1f} minutes there (a)" in said
    assert "without an interval" in said


def test_the_size_of_the_model_is_said():
    assert "2 heads in 1 layer; each attends to 16 positions" in chapter.say_model(CONFIG)
    assert "36 heads in 6 layers;" in chapter.say_model(AnnotatorConfig())
