"""The chapter on dependence: what it says at the limits of its verdicts, and its steps on a toy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn import ablation, inputs, labels, mutagenesis
from genoattn.card import Card
from genoattn.chapters import dependence as chapter
from genoattn.chapters import dependence_words as wording
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.parameters import check
from genoattn.study.run import Run

KEYS = {"layer_1based": [1, 1, 2], "head_1based": [1, 2, 1]}


def effects(low, high, contrast=(-0.5, -0.1, 0.0)) -> pd.DataFrame:
    """Three heads, in both modes, with these intervals of PR AUC."""
    frame = pd.DataFrame(KEYS).assign(
        delta_pr_auc=[-0.2, -0.3, 0.1],
        ci_low=low,
        ci_high=high,
        delta_contrast=contrast,
        delta_contrast_low=[-0.6, -0.2, -0.1],
        delta_contrast_high=[-0.4, 0.0, 0.1],
        delta_moved=[0.5, 0.2, 0.1],
    )
    return pd.concat([frame.assign(mode="mean"), frame.assign(mode="zero")], ignore_index=True)


def test_a_head_counts_only_when_its_interval_leaves_out_zero():
    said = wording.say_alone(effects([-0.3, -0.4, -0.1], [-0.1, 0.0, 0.2]), 0.95)
    assert "for **1 of 3 heads** (L1 H1, -0.200) and raises it for none" in said
    assert "falls significantly for 1 and rises for none" in said  # a limit of zero is not clear
    assert "have a correlation of 1.00" in said
    none = wording.say_alone(effects([-0.3, -0.4, 0.0], [0.1, 0.0, 0.2]), 0.95)
    assert "for **0 of 3 heads** and raises it for none" in none
    all_ = wording.say_alone(effects([-0.3, -0.4, -0.2], [-0.1, -0.1, -0.1]), 0.95)
    assert "**3 of 3 heads** (L1 H2, -0.300; L1 H1, -0.200; L2 H1, +0.100)" in all_


def test_chance_is_the_share_of_intervals_that_leave_out_zero_by_themselves():
    said = wording.say_alone(effects([0.0] * 3, [0.0] * 3), 0.9)
    assert "about 0.3 of 3 intervals" in said


@pytest.mark.parametrize(("n", "warned"), [(wording.ENOUGH_BLOCKS, False), (19, True)])
def test_few_blocks_are_warned_of(n, warned):
    blank = np.zeros((n, 1))
    segments = ablation.Segments(
        blank.astype(np.uint8), blank.astype(bool), 0, *np.ones((1, n)), *np.array([range(n)] * 3)
    )
    assert ("too narrow" in wording.say_blocks(segments, 500)) is warned


def test_what_is_read_before_a_segment_is_the_full_context_or_less():
    assert "full context of 390 nt" in wording.say_context(390, 390, 0.0, 1.0)
    said = wording.say_context(389, 390, 0.074, 0.9972)
    assert "We read 389 nt" in said and "0.074 on average (correlation 0.9972)" in said


def pairs(low, high) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "interaction_contrast": [-0.2, 0.1],
            "sum_contrast": [-1.0, -1.0],
            "interaction_contrast_low": low,
            "interaction_contrast_high": high,
        }
    )


def test_pairs_lose_more_or_less_than_the_sum():
    said = wording.say_pairs(pairs([-0.3, 0.05], [-0.1, 0.2]))
    assert "larger than the sum of the single losses for 1, and significantly smaller for 1" in said
    assert "2 pairs" in said and "interaction is 15% of that sum" in said
    touching = wording.say_pairs(pairs([-0.3, 0.0], [0.0, 0.2]).head(1))
    assert "1 pair of" in touching and "for none, and significantly smaller for none" in touching


def test_rank_correlations_above_zero_are_named():
    frame = pd.DataFrame(
        {
            "attention": ["selectivity", "peak attention"],
            "importance": ["contrast", "PR AUC"],
            "spearman": [0.5, 0.6],
            "low": [0.1, 0.0],
            "high": [0.7, 0.9],
        }
    )
    said = wording.say_ranks(frame)
    assert "for 1 of the 2 rank correlations: selectivity with the loss of contrast." in said
    assert "The highest is +0.60 (+0.00 to +0.90), of peak attention" in said
    assert "None of the 2" in wording.say_ranks(frame.assign(low=-0.1))


def positions() -> pd.DataFrame:
    values = [-1.0, -3.0, -0.5]
    frame = pd.DataFrame({"label": [-11, -10, 1], "gradient": [1.0, 3.0, 0.5]})
    for name in ("mutation", "word"):
        frame = frame.assign(**{name: values, f"{name}_low": -4.0, f"{name}_high": [-0.1, -2, 0]})
    return frame


def test_the_costliest_positions_come_first():
    said = wording.say_positions(positions())
    assert "at -10 (-3.00), -11 (-1.00) and +1 (-0.50)" in said
    assert "below zero at 2 of 3 positions" in said
    assert "centred at -10: its exchange changes the log-odds by -3.00 (-4.00 to -2.00)" in said
    assert "rank correlation of 1.00" in said


def test_heads_that_respond_to_their_own_site_are_named():
    each = pd.DataFrame({"layer_1based": [0, 1, 1], "head_1based": [0, 1, 2]}).assign(
        method="mutation",
        map=[0.6, 0.2, 0.7],
        map_low=[0.5, -0.1, 0.6],
        map_high=[0.7, 0.5, 0.8],
        gain=[0.5, 0.02, 0.01],
        gain_low=[0.4, 0.01, 0.0],
    )
    said = wording.say_agreement(each)
    assert "+0.60 (+0.50 to +0.70)" in said  # of all heads together, which count nowhere else
    assert "Of the 2 single correlations, 1 lie significantly above zero and none below" in said
    assert "**1 of 2 heads** fits" in said and "(L1 H1, +0.02); the largest gain" in said
    assert "highest is that of L1 H2, +0.70" in said


def words(low, high) -> pd.DataFrame:
    return pd.DataFrame(KEYS).assign(
        share_inside=[0.1, 0.5, 1.0],
        attended=-2.0,
        control=-1.0,
        difference=[-1.0, -0.5, 0.2],
        difference_low=low,
        difference_high=high,
        n_sites=5,
    )


def test_attended_words_matter_more_less_or_neither():
    said = wording.say_words(words([-2.0, -1.0, 0.1], [-0.1, 0.0, 0.3]))
    assert "more for **1 of 3 heads** (L1 H1, -1.00), and significantly less for 1." in said
    assert "10% to 100% of their attention" in said
    assert "**0 of 3 heads**, and significantly less for none" in wording.say_words(
        words([-2.0, -1.0, 0.0], [0.1, 0.1, 0.3])
    )


def test_in_short_gives_the_numbers_with_their_intervals():
    ranks = pd.DataFrame(
        {"attention": ["selectivity"], "spearman": [0.5], "low": [0.1], "high": [0.7]}
    )
    alone = effects([-0.3, -0.4, -0.1], [-0.1, 0.0, 0.2])
    said = wording.say_in_short(alone, ranks, positions(), words([-2.0] * 3, [-0.1, -0.1, 0.3]))
    assert "for 1 of 3 heads (most without L1 H1: -0.200 (-0.300 to -0.100))" in said
    assert "correlation of +0.50 (+0.10 to +0.70) at best (selectivity)" in said
    assert "costs most at -10, where it changes the log-odds by -3.00 (-4.00 to -2.00)" in said
    assert "for 2 of 3 heads." in said
    alone = effects([-0.3, -0.4, -0.1], [0.0, 0.0, 0.2])
    said = wording.say_in_short(alone, ranks, positions(), words([-2.0] * 3, [0.0] * 3))
    assert "for none of 3 heads (the largest change without L1 H2: -0.300 (-0.400 to" in said
    assert "for 0 of 3 heads." in said


@pytest.mark.parametrize(("error", "slow"), [(0.1, False), (0.5, True)])
def test_slow_convergence_is_said(error, slow):
    rng = np.random.default_rng(0)
    n, p = 3, 8
    gradient = rng.normal(size=(n, p))
    ends = np.column_stack([gradient.sum(1) * 0, -np.full(n, 10.0)])
    gradient += ((10 + error - gradient.sum(1)) / p)[:, None]
    scan = mutagenesis.Scan(
        pd.DataFrame({"position": [1, 2, 3]}),
        np.arange(p),
        np.zeros((n, p), dtype=np.uint8),
        rng.normal(size=(n, p, 4)),
        np.arange(1, p - 1),
        np.zeros((n, p - 2)),
        3,
        gradient,
        ends,
        np.zeros((n, 1, 1, p)),
    )
    said = wording.say_scan(scan, 7, 16)
    assert "**3 start sites** (of 7 in the test part), in 96 exchanges" in said
    assert "raises the log-odds by 10.00" in said and f"misses it by {error:.3f}" in said
    assert ("converges slowly" in said) is slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A run of a tiny simulated genome with an untrained model; its parameters of the chapter."""
    folder = tmp_path_factory.mktemp("run")
    run = Run(folder)
    length = 20_000
    made = inputs.synthetic_inputs(seed=0, length=length)
    run.save_inputs(made)
    sites = made.sites.drop_duplicates(["position", "strand"])
    run.write_curated(sites.assign(n_sources=1, members="a", kind="x", votes=1))
    torch.manual_seed(0)
    shape = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=32, downstream=10)
    split = {"test": [2_000, 10_000], "validation": [10_000, 12_000]}
    card = Card.of({"config": {}, "train_set": "curated", "split": split})
    Annotator(shape).save(run.training / "toy.safetensors", card)
    model = run.model("toy")
    run.predict(model.file, "test", model.split)
    given = {name: one.default for name, one in chapter.PARAMETERS.items()}
    small = {
        "n_segments": 8, "segment": 128, "context": 40, "n_sites": 4, "region_first": -10,
        "region_last": 5, "n_steps": 4, "block": 500, "n_bootstrap": 20, "weights": "toy",
    }  # fmt: skip
    return run, model, check(chapter.PARAMETERS, {**given, **small, "run_dir": str(folder)})


def test_the_steps_measure_every_head(study):
    run, model, p = study
    sample = chapter.sample(run, model, p)
    assert "PR AUC is" in sample.finding.said and "too narrow" in sample.finding.said
    alone = chapter.alone(model, sample, p)
    assert len(alone.effects) == 4  # two heads, two modes
    assert alone.finding.kept["ablation"] is alone.finding.results["dependence_ablation"]
    pairs = chapter.pairs(model, sample, alone, p)
    assert len(pairs.interactions) == 1


def test_sites_are_changed_where_the_region_says(study):
    run, model, p = study
    scanned = chapter.scanned(run, model, p)
    assert scanned.scan.offset.tolist() == list(range(-10, 5))  # +5 is offset 4
    label = labels.site_track(run.curated, len(run.study.genome))
    rows = (scanned.scan.sites["strand"] == "-").astype(int)
    assert label[rows, scanned.scan.sites["position"]].all()
    effects = chapter.positions(scanned).effects
    assert effects["label"].tolist() == [*range(-10, 0), *range(1, 6)]
    agreement = chapter.agreement(scanned)
    assert (agreement.by_head["layer_1based"] > 0).all()
    assert (agreement.finding.kept["agreement"]["layer_1based"] == 0).sum() == 2
    assert len(chapter.words(scanned).effects) == 2


def test_without_planted_elements_there_is_no_comparison_with_the_truth(study):
    run, model, p = study
    scanned = chapter.scanned(run, model, p)
    found = chapter.planted(run, scanned)
    assert (
        found.said.startswith("**Against the truth.**") and "dependence_elements" in found.results
    )
    without = Run(run.folder)
    without.__dict__["study"] = dataclasses.replace(run.study, elements=None)
    left_out = chapter.planted(without, scanned)
    assert "no comparison with the truth" in left_out.said and not left_out.results
