"""Binding sites at promoters, their controls, and the effect beyond them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome, encode
from genoattn.interventions import factors, replacement
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalNetwork

STARTS = pd.DataFrame({"position": [100, 300, 5], "strand": ["+", "-", "+"]})


def sites(*rows):
    return pd.DataFrame(rows, columns=["regulator", "start", "end"])


def test_a_site_is_laid_at_the_nearest_start_along_its_strand():
    found = factors.in_promoters(
        sites(("CRP", 55, 60), ("CRP", 341, 346), ("Fis", 700, 705), ("Fis", 980, 985)),
        STARTS,
        1_000,
        first=-80,
        last=10,
    )
    assert found.to_dict("list") == {
        "factor": ["CRP", "CRP", "Fis"],
        "position": [100, 300, 5],
        "strand": ["+", "-", "+"],
        "first": [-45, -45, -25],  # the last lies across the origin
        "last": [-41, -41, -21],
    }


def test_only_frequent_factors_of_the_part_and_short_sites_are_asked_for():
    inside = np.arange(1_000) < 500
    table = sites(*[("A", at, at + 9) for at in (10, 50, 90)], ("B", 10, 20), ("B", 30, 40),
                  ("B", 60, 200), ("B", 700, 710))  # fmt: skip
    assert factors.frequent(table, inside, fewest=3)["regulator"].unique().tolist() == ["A"]
    assert len(factors.frequent(table, inside, fewest=2)) == 5


def test_words_and_fixed_stretches_are_given_as_sites_are():
    genome = Genome("toy", encode("AAAAGGAAATCCCCCCCCCC" * 3), circular=False)
    starts = pd.DataFrame({"position": [15], "strand": ["+"]})
    found = factors.word_stretches(genome, starts, "FecI", "GGAAAT", first=-15, last=0)
    assert found.to_dict("records") == [
        {"factor": "FecI", "position": 15, "strand": "+", "first": -11, "last": -6}
    ]
    fixed = factors.fixed_stretches(STARTS, "lac", first=-85, last=-79)
    assert (fixed["first"] == -85).all()
    assert len(fixed) == 3


def test_controls_have_the_same_offsets_no_known_site_and_the_nearest_output():
    starts = pd.DataFrame(
        {
            "position": [1_000, 2_000, 3_000, 4_000, 5_000, 1_050],
            "strand": ["+", "+", "-", "+", "+", "+"],
            "log_odds": [0.0, 0.1, 0.2, 0.3, 5.0, 0.0],
        }
    )
    treated = pd.DataFrame([{"factor": "CRP", "position": 1_000, "strand": "+", "first": -45,
                             "last": -41, "log_odds": 0.0}])  # fmt: skip
    known = sites(("CRP", 955, 960), ("Fis", 1_957, 1_958), ("Fis", 3_030, 3_035))
    found = factors.control_stretches(treated, starts, known, 10_000, n=2)
    # 2,000 holds a site at -43; 1,050 is near; 3,000 on the minus strand is free at 3,041..3,045
    assert found["position"].tolist() == [3_000, 4_000]
    assert (found["first"] == -45).all()
    assert (found["treated"] == 0).all()


def test_the_effect_is_what_goes_beyond_the_controls_with_blocks_as_units():
    rng = np.random.default_rng(0)
    n = 40
    treated = pd.DataFrame({"factor": ["CRP"] * n + ["Nac"] * n})
    treated["change"] = np.concatenate([-1.5 + rng.normal(0, 0.3, n), -0.5 + rng.normal(0, 0.3, n)])
    control = pd.DataFrame({"treated": np.arange(2 * n), "change": -0.5})
    table = factors.summarise(treated, control, np.arange(2 * n)).set_index("factor")
    assert table.loc["CRP", "effect"] == pytest.approx(-1.0, abs=0.15)
    assert table.loc["CRP", "ci_high"] < 0
    assert table.loc["CRP", "q_value"] < 1e-6
    assert table.loc["Nac", "ci_low"] < 0 < table.loc["Nac", "ci_high"]
    assert table.loc["CRP", "control"] == pytest.approx(-0.5)
    twice = factors.summarise(
        pd.concat([treated] * 2, ignore_index=True),
        pd.DataFrame({"treated": np.arange(4 * n), "change": -0.5}),
        np.tile(np.arange(2 * n), 2),
    ).set_index("factor")
    assert twice["p_value"].to_numpy() == pytest.approx(table["p_value"].to_numpy())
    assert twice.loc["CRP", "n_sites"] == 2 * n


def test_the_smallest_effect_that_would_be_found_is_found_four_times_out_of_five():
    rng = np.random.default_rng(1)
    control = pd.DataFrame({"treated": np.arange(20), "change": 0.0})
    hits, stated = [], []
    for _ in range(300):
        change = rng.normal(0.72, 1.0, 20)
        table = factors.summarise(
            pd.DataFrame({"factor": "X", "change": change}), control, np.arange(20)
        )
        hits.append(table["q_value"][0] < 0.05)
        stated.append(table["detectable"][0])
    assert np.mean(stated) == pytest.approx(0.66, abs=0.05)
    assert np.mean(hits) == pytest.approx(0.84, abs=0.07)  # at an effect a little above it


def test_a_site_without_control_and_one_block_alone_say_nothing_sure():
    treated = pd.DataFrame({"factor": ["X", "X"], "change": [-1.0, -2.0]})
    control = pd.DataFrame({"treated": [0], "change": [0.0]})
    table = factors.summarise(treated, control, np.array([0, 1]))
    assert table["n_sites"][0] == 1
    assert table["p_value"][0] == 1
    assert np.isnan(table["ci_low"][0])
    assert len(factors.summarise(treated, control[:0], np.array([0, 1]))) == 0


def test_shares_of_heads_add_up_to_the_whole_where_there_is_one_head():
    torch.manual_seed(0)
    model = Annotator(
        AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=4, window=24, conv_width=3,
                        downstream=4, dropout=0.0)
    ).eval()  # fmt: skip
    for parameter in model.parameters():
        parameter.data.normal_(std=0.7)
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 300).astype(np.uint8))
    stretches = pd.DataFrame({"position": [150, 200], "strand": ["+", "-"], "first": [-9, -6],
                              "last": [-5, -2]})  # fmt: skip
    settings = {"n_draws": 3, "composition": np.full(4, 0.25), "seed": 4, "progress": False}
    by_head = factors.carried(model, genome, stretches, **settings)
    whole = replacement.replace(model, genome, stretches, **settings)
    np.testing.assert_allclose(by_head[:, 0, 0], whole["change"], atol=1e-5)
    assert np.abs(whole["change"]).max() > 0.01
    with pytest.raises(ValueError, match="a ConvolutionalNetwork has no attention"):
        factors.carried(ConvolutionalNetwork(), genome, stretches, **settings)
