"""The atlas: motifs at every offset, the joined table, sentences by rule, the explorer's page."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from genoattn import atlas, heads, motifs, promoter_elements
from genoattn.genome import Genome
from genoattn.plots import atlas as figures
from genoattn.plots import style

LAYERS, HEADS, WINDOW, N, DOWNSTREAM = 2, 2, 16, 60, 5


@pytest.fixture(scope="module")
def toy():
    """Random attention on a random genome; float16, with ties."""
    rng = np.random.default_rng(0)
    genome = Genome("toy", rng.integers(4, size=500).astype(np.uint8), circular=True)
    samples = pd.DataFrame(
        {"strand": rng.choice(["+", "-"], N), "position": rng.integers(500, size=N)}
    )
    attention = rng.random((N, LAYERS, HEADS, WINDOW)).round(1).astype(np.float16)
    made = atlas.sweep(attention, samples, genome, downstream=DOWNSTREAM, n_best=9, width=7)
    return genome, samples, attention, made


@pytest.fixture
def table():
    """Four heads with everything that the chapter on heads measures."""
    return pd.DataFrame(
        {
            "layer_1based": [2, 1, 1, 2],
            "head_1based": [1, 1, 2, 2],
            "peak_offset": [-12, 0, -300, 3],
            "selectivity": [0.8, 0.1, 0.5, 0.5],
            "consensus": ["TATAAT", "NNNNNN", "RYNNNN", "ANNNNN"],
            "best_motif": ["-10", "CRP", "LexA", "Fis"],
            "q_value": [0.001, 0.6, np.nan, 0.2],
            "site_odds_ratio": [3.0, 1.0, np.nan, 1.0],
            "site_q": [0.01, 0.9, np.nan, 0.9],
            "spearman_max": [0.5, 0.1, 0.2, 0.3],
            "role": ["-10 box", "", "", ""],
        }
    )


@pytest.fixture
def ablation():
    frame = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "mode": "mean",
            "delta_pr_auc": [0.0, 0.01, -0.125, 0.0],
            "ci_low": [-0.1, 0.005, -0.2, -0.1],
            "ci_high": [0.1, 0.02, -0.05, 0.1],
        }
    )
    return pd.concat([frame.assign(mode="zero", delta_pr_auc=9.0), frame])


def test_the_sweep_at_the_favourite_is_the_motif_of_the_head(toy):
    genome, samples, attention, made = toy
    mean = heads.average(attention).mean
    best = heads.best_sequences(
        attention, samples, genome, mean, downstream=DOWNSTREAM, n_best=9, width=7
    )
    assert np.allclose(made.mean, mean)
    assert (made.favourite_counts == best.counts).all()
    assert (made.favourite_offset == best.offset).all()
    asked = {"elements": promoter_elements.PAPER_ELEMENTS, "n_shuffles": 10, "seed": 0}
    pd.testing.assert_frame_equal(
        promoter_elements.match_elements(made.favourites, **asked),
        promoter_elements.match_elements(best, **asked),
    )


def test_the_sweep_anywhere_is_what_sorting_gives(toy):
    genome, samples, attention, made = toy
    for layer, head, distance in [(0, 1, 0), (1, 0, WINDOW - 1), (1, 1, 7)]:
        order = np.argsort(-attention[:, layer, head, distance].astype(float), kind="stable")[:9]
        codes = heads.sequences_at(genome, samples.iloc[order], DOWNSTREAM - distance, 7)
        assert (made.counts[layer, head, distance] == motifs.count_matrix(codes)).all()


def test_a_sweep_is_kept(toy, tmp_path):
    made = toy[3]._replace(identity="abc")
    made.save(tmp_path / "sweep.npz")
    again = atlas.Sweep.read(tmp_path / "sweep.npz")
    assert again.identity == "abc" and again.n_best == 9 and again.downstream == DOWNSTREAM
    assert (again.counts == made.counts).all()
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="not a sweep"):
        atlas.Sweep.read(tmp_path / "other.npz")


def test_a_sweep_refuses_what_does_not_fit(toy):
    genome, samples, attention, _ = toy
    with pytest.raises(ValueError, match="does not fit"):
        atlas.sweep(attention[1:], samples, genome, downstream=5, n_best=9, width=7)
    with pytest.raises(ValueError, match="width=6 odd"):
        atlas.sweep(attention, samples, genome, downstream=5, n_best=9, width=6)
    with pytest.raises(ValueError, match="n_best=61"):
        atlas.sweep(attention, samples, genome, downstream=5, n_best=61, width=7)


def test_heads_are_joined_one_by_one(table, ablation):
    stability = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2, 2],
            "head_1based": [1, 2, 1, 2],
            "seed_stability": [0, 0.5, 1, 1],
        }
    )
    joined = atlas.join(table, ablation=ablation, stability=stability)
    assert list(joined.columns) == list(atlas.COLUMNS)
    assert joined[["layer", "head"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    row = joined.set_index(["layer", "head"]).loc[(2, 1)]
    assert row["ablation_delta_pr_auc"] == -0.125 and row["seed_stability"] == 1
    assert row["consensus"] == "TATAAT"
    assert atlas.join(table, ablation=ablation, mode="zero")["ablation_delta_pr_auc"].eq(9).all()


def test_what_was_not_measured_is_missing_and_named(table):
    joined = atlas.join(table.drop(columns=["q_value", "best_motif"]))
    assert joined[["ablation_delta_pr_auc", "seed_stability", "q_value"]].isna().all(axis=None)
    missing = " ".join(atlas.not_measured(joined))
    assert "ablation not run" in missing and "one seed only" in missing and "motifs" in missing
    assert "binding sites" not in missing
    for text in atlas.sentences(joined, max_q=0.05, selective=0.2):
        assert "Ablation not run; one seed only" in text and "not compared with known" in text


def test_heads_of_another_model_are_refused(table, ablation):
    with pytest.raises(ValueError, match="of the same model"):
        atlas.join(table, ablation=ablation[ablation["layer_1based"] == 1])
    with pytest.raises(ValueError, match="L2 H1 is listed twice"):
        atlas.join(pd.concat([table, table.head(1)]))


def test_sentences_follow_from_the_numbers(table, ablation):
    joined = atlas.join(table, ablation=ablation)
    first, second, third, _ = atlas.sentences(joined, max_q=0.05, selective=0.2)
    assert first == (
        "Spreads its attention, with the highest mean at +1, without a preference for letters; no "
        "known motif resembles it (least q = 0.6). Without it PR AUC does not change "
        "significantly; one seed only, so its stability is not known."
    )
    assert "not compared with known motifs. Without it PR AUC rises by 0.010" in second
    assert third == (
        "Looks mostly around -12 for TATAAT; by the rule it has the role -10 box; its motif "
        "resembles -10 (q = 0.001); its best positions lie more often in known binding sites than "
        "matched positions do (odds ratio 3). Without it PR AUC falls by 0.125; one seed only, so "
        "its stability is not known."
    )
    for share, words in ((1.0, "in 4 of 4 other"), (0.25, "in 1 of 4 other"), (0.0, "in 0 of 4")):
        seeds = joined.assign(seed_stability=share)
        assert words in atlas.sentences(seeds, max_q=0.05, selective=0.2, n_others=4)[0]


def profile_frame(made):
    columns = {
        name: made.mean * scale
        for name, scale in (("mean", 1), ("maximum", 2), ("highest", 1.5), ("lowest", 0.5))
    }
    return heads.profile_frame(DOWNSTREAM, **columns)


def test_the_explorer_holds_every_number(toy):
    made = toy[3]
    says = [f"head {i} </script> & more" for i in range(4)]
    page = figures.explorer(profile_frame(made), made, says, np.full(4, 0.25)).data
    assert page.count("<script") == page.count("</script>") == 2
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    counts = np.array([digits.index(one) for one in data["counts"]]).reshape(made.counts.shape)
    assert (counts == made.counts).all()
    codes = np.array([digits.index(one) for one in data["profiles"]["highest"]]).reshape(-1, 2)
    values = (
        (codes @ [64, 1]).reshape(4, WINDOW) * np.array(data["scales"]["highest"])[:, None] / 4095
    )
    assert np.allclose(values, 1.5 * made.mean.reshape(4, WINDOW), rtol=2e-3, atol=1e-3)
    assert data["sentences"] == says
    assert data["colours"] == style.NUCLEOTIDES


def test_the_explorer_refuses_other_heads(toy):
    made = toy[3]
    asked = {"background": np.full(4, 0.25), "colours": {}}
    with pytest.raises(ValueError, match="do not fit"):
        atlas.explorer(profile_frame(made), made, ["one"], **asked)
    with pytest.raises(ValueError, match="at most 63"):
        atlas.explorer(profile_frame(made), made._replace(n_best=64), ["a"] * 4, **asked)
