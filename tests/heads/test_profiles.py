"""Heads: offsets, samples, profiles, sequences, ranks and matches, by hand and by brute force."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from genoattn.genome.sequence import Genome, reverse_complement
from genoattn.heads import atlas, preferred
from genoattn.heads import elements as promoter_elements
from genoattn.heads import profiles as head_profiles

WINDOW, DOWNSTREAM = 64, 20


def toy_attention(n: int, seed: int, layers: int = 2, n_heads: int = 3) -> np.ndarray:
    """Random softmax-like weights, float16, (n, layers, heads, WINDOW)."""
    raw = np.random.default_rng(seed).gamma(0.5, size=(n, layers, n_heads, WINDOW))
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float16)


def random_genome(length: int, seed: int, circular: bool = True) -> Genome:
    codes = np.random.default_rng(seed).integers(0, 4, length, dtype=np.uint8)
    return Genome("toy", codes, circular)


def test_profile_frame_puts_each_weight_at_its_offset() -> None:
    values = np.arange(2 * 3 * WINDOW, dtype=float).reshape(2, 3, WINDOW)
    frame = head_profiles.profile_frame(DOWNSTREAM, mean=values)
    assert len(frame) == values.size
    for layer, head, distance in [(0, 0, 0), (1, 2, 20), (1, 0, 63)]:
        row = frame[
            (frame["layer_1based"] == layer + 1)
            & (frame["head_1based"] == head + 1)
            & (frame["offset"] == DOWNSTREAM - distance)
        ]
        assert row["mean"].tolist() == [values[layer, head, distance]]
    assert frame.groupby(["layer_1based", "head_1based"])["offset"].is_monotonic_increasing.all()
    with pytest.raises(ValueError, match="one shape"):
        head_profiles.profile_frame(DOWNSTREAM, a=values, b=values[:1])


# ------------------------------------------------------------------------------------ samples


def test_samples_are_the_extremes_and_distinct_random_positions_of_the_part() -> None:
    length = 400
    track = np.random.default_rng(0).random((2, length)).astype(np.float32)
    inside = np.zeros(length, bool)
    inside[50:250] = True
    samples = head_profiles.choose_samples(track, inside, n_random=100, n_extreme=7, seed=1)
    assert samples["group"].value_counts().to_dict() == {"random": 100, "highest": 7, "lowest": 7}
    assert inside[samples["position"]].all()
    row = (samples["strand"] == "-").to_numpy().astype(int)
    np.testing.assert_array_equal(samples["output"], track[row, samples["position"]])
    values = np.sort(track[:, inside], axis=None)
    by_group = samples.groupby("group")["output"]
    np.testing.assert_array_equal(np.sort(by_group.get_group("highest")), values[-7:])
    np.testing.assert_array_equal(np.sort(by_group.get_group("lowest")), values[:7])
    random = samples[samples["group"] == "random"]
    assert not random.duplicated(["strand", "position"]).any()
    assert 20 < (random["strand"] == "+").sum() < 80
    again = head_profiles.choose_samples(track, inside, n_random=100, n_extreme=7, seed=1)
    pd.testing.assert_frame_equal(samples, again)
    other = head_profiles.choose_samples(track, inside, n_random=100, n_extreme=7, seed=2)
    assert not samples.equals(other)


def test_samples_that_cannot_be_had() -> None:
    track, inside = np.zeros((2, 100), np.float32), np.ones(100, bool)
    with pytest.raises(ValueError, match="too few"):
        head_profiles.choose_samples(track, inside, n_random=201, n_extreme=1, seed=0)
    with pytest.raises(ValueError, match="too few"):
        head_profiles.choose_samples(track, inside, n_random=1, n_extreme=101, seed=0)
    with pytest.raises(ValueError, match="do not fit"):
        head_profiles.choose_samples(track, inside[:50], n_random=1, n_extreme=1, seed=0)
    track[1, 3] = np.nan
    with pytest.raises(ValueError, match="predict"):
        head_profiles.choose_samples(track, inside, n_random=1, n_extreme=1, seed=0)


# ----------------------------------------------------------------------------------- profiles


def test_average_of_a_group_against_a_plain_loop() -> None:
    attention = toy_attention(40, 0)
    rows = np.arange(40) % 3 == 0
    mean, maximum = head_profiles.average(attention, rows)
    for layer in range(2):
        for head in range(3):
            for distance in range(WINDOW):
                column = [float(a[layer, head, distance]) for a in attention[rows]]
                assert mean[layer, head, distance] == pytest.approx(sum(column) / len(column))
                assert maximum[layer, head, distance] == max(column)
    with pytest.raises(ValueError, match="empty"):
        head_profiles.average(attention, np.zeros(40, bool))


def test_a_mean_over_many_samples_keeps_small_weights() -> None:
    attention = np.full((40_000, 1, 1, 2), 1 / 512, np.float16)
    assert head_profiles.average(attention).mean == pytest.approx(1 / 512)


def test_selectivity_from_flat_to_one_position() -> None:
    profiles = np.zeros((1, 3, 16))
    profiles[0, 0] = 1 / 16
    profiles[0, 1, 5] = 1.0
    profiles[0, 2, [3, 4]] = 0.5
    assert head_profiles.selectivity(profiles)[0] == pytest.approx([0.0, 1.0, 0.75])
    assert head_profiles.favourite(profiles)[0].tolist() == [0, 5, 3]
    assert head_profiles.share_near_peak(profiles, 2)[0] == pytest.approx([3 / 16, 1.0, 1.0])
    assert head_profiles.share_near_peak(profiles, 0)[0] == pytest.approx([1 / 16, 1.0, 0.5])


def test_what_moved_is_the_share_that_lies_elsewhere() -> None:
    a = np.array([[[0.5, 0.5, 0.0, 0.0]]])
    b = np.array([[[0.5, 0.2, 0.3, 0.0]]])
    assert head_profiles.share_moved(a, b) == pytest.approx(0.3)
    assert head_profiles.share_moved(a, a) == 0.0
    assert head_profiles.share_moved(a, a[..., ::-1]) == pytest.approx(1.0)


# ------------------------------------------------------------------------------ best sequences


def test_a_head_that_looks_for_a_word_gives_the_word_back() -> None:
    """A head whose attention at offset -12 is high exactly where GATTACA is centred there."""
    rng = np.random.default_rng(5)
    genome = random_genome(5_000, 6)
    codes = genome.codes.copy()
    motif = np.array([2, 0, 3, 3, 0, 1, 0], np.uint8)
    samples = pd.DataFrame(
        {"strand": np.tile(["+", "-"], 40), "position": np.arange(80) * 60 + 100}
    )
    for _, strand, position in samples.iloc[:30].itertuples():
        if strand == "+":
            codes[position - 15 : position - 8] = motif
        else:
            codes[position + 9 : position + 16] = reverse_complement(motif)
    attention = rng.uniform(0.0, 0.01, (80, 1, 2, WINDOW)).astype(np.float16)
    attention[:, 0, 0, DOWNSTREAM + 12] = 0.2
    attention[:30, 0, 0, DOWNSTREAM + 12] = 0.9
    attention[:, 0, 1, DOWNSTREAM + 30] = 0.5
    mean = head_profiles.average(attention).mean
    best = preferred.best_sequences(
        attention, samples, Genome("toy", codes), mean, downstream=DOWNSTREAM, n_best=30, width=7
    )
    assert best.offset.tolist() == [[-12, -30]]
    assert best.n_distinct[0, 0] == 1 and best.n_distinct[0, 1] > 20
    np.testing.assert_array_equal(best.counts[0, 0], 30 * np.eye(4)[motif])
    assert best.weakest[0, 0] == pytest.approx(0.9, abs=1e-3)

    groups = dict.fromkeys(head_profiles.GROUPS, head_profiles.average(attention))
    rho = head_profiles.spearman(attention, np.arange(80.0)[::-1])
    table = atlas.head_table(groups, best, rho, half_width=5)
    assert table["peak_label"].tolist() == [-12, -30]
    assert head_profiles.names(table) == ["L1 H1", "L1 H2"]
    assert table["consensus"].tolist()[0] == "GATTACA"
    assert table.loc[0, "spearman_max_label"] == -12
    assert table.loc[0, "spearman_max"] == pytest.approx(np.nanmax(rho[0, 0]))
    assert (table["share_moved"] == 0).all()

    elements = (
        promoter_elements.word("planted", "ATTAC", -14, -14, "here"),
        promoter_elements.word("other word", "CCGGC", -14, -14, "here"),
        promoter_elements.word("elsewhere", "ATTAC", 0, 3, "here"),
    )
    matches = promoter_elements.match_elements(best, elements, n_shuffles=2_000, seed=0)
    first = matches[matches["head_1based"] == 1].set_index("element")
    assert first.loc["planted", "similarity"] == pytest.approx(np.sqrt(5 / 7), abs=0.03)
    assert first.loc["planted", "p_value"] < 0.01 and first.loc["planted", "n_overlap"] == 5
    assert first.loc["other word", "p_value"] > 0.2
    assert first.loc["elsewhere", ["similarity", "p_value", "n_overlap"]].tolist() == [0, 1, 0]
    roles = promoter_elements.name_roles(matches, min_similarity=0.5, max_q=0.05)
    assert roles[["head_1based", "element"]].to_numpy().tolist() == [[1, "planted"]]
    found = promoter_elements.found_elements(elements, matches, roles, table, selective_share=0.5)
    assert found["n_looking"].tolist() == [1, 1, 0]  # at -14..-10, where the first head looks
    assert found["n_heads"].tolist() == [1, 0, 0]
    assert found["best_head"].tolist() == ["L1 H1", "L1 H1", ""]
    assert found["places"].tolist() == ["-14", "-14", "+1 to +4"]
    assert found["bits"].tolist() == [10, 10, 10]


def test_the_error_of_a_sample_is_what_its_standard_error_says() -> None:
    attention = toy_attention(4_000, 3)
    census = head_profiles.average(attention).mean
    found = head_profiles.sample_error(attention[::10], census)
    assert len(found) == 6 and 0.01 < found["beyond_two"].mean() < 0.12
    gap = np.abs(attention[::10, 1, 2].astype(float).mean(axis=0) - census[1, 2])
    assert found["largest"].iloc[-1] == pytest.approx(gap.max(), rel=1e-3)
    assert found["relative"].iloc[-1] == pytest.approx(gap.max() / census[1, 2].max(), rel=1e-3)
    census[0, 0, 7] = 1.0
    found = head_profiles.sample_error(attention[::10], census)
    assert not found["same_peak"].iloc[0] and found["peak_distance"].iloc[0] > 0


def test_who_looks_at_one_place() -> None:
    mean = np.full((1, 2, WINDOW), 1 / WINDOW)
    mean[0, 1] = 0.001
    mean[0, 1, DOWNSTREAM + 30] = 0.9
    found = head_profiles.looking_at(mean, DOWNSTREAM, -31, half_width=2)
    assert head_profiles.names(found) == ["L1 H2", "L1 H1"]
    assert found["enrichment"].tolist()[1] == pytest.approx(1)
    assert found["share"][0] == pytest.approx(0.904 / (0.9 + 63 * 0.001))
    assert found["peak_label"][0] == -30
    nowhere = head_profiles.looking_at(mean, DOWNSTREAM, -200)
    assert nowhere.empty and nowhere.columns.tolist() == found.columns.tolist()


def test_chance_is_the_largest_correlation_with_shuffled_outputs() -> None:
    attention, output = toy_attention(50, 0), np.linspace(0, 1, 50)
    shuffled = np.random.default_rng(3).permutation(output)
    expected = max(
        abs(spearmanr(attention[:, layer, head, distance].astype(float), shuffled).statistic)
        for layer in range(2)
        for head in range(3)
        for distance in range(WINDOW)
    )
    assert head_profiles.chance_correlation(attention, output, 3) == pytest.approx(expected)


# --------------------------------------------------------------------------------- correlation


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 60), st.integers(0, 10_000), st.sampled_from([1.0, 1e-4, 1e-7]))
def test_spearman_equals_scipy_with_ties_and_subnormal_numbers(
    n: int, seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    attention = (scale * rng.random((n, 1, 2, 5))).astype(np.float16)
    attention[0, 0, 1, 0] = -0.0
    output = rng.integers(0, 6, n).astype(float)
    got = head_profiles.spearman(attention, output)
    for head in range(2):
        for distance in range(5):
            column = attention[:, 0, head, distance].astype(float)
            if np.ptp(column) == 0 or np.ptp(output) == 0:
                assert np.isnan(got[0, head, distance])
            else:
                assert got[0, head, distance] == pytest.approx(spearmanr(column, output).statistic)


def test_spearman_refuses_what_it_cannot_rank() -> None:
    attention = toy_attention(10, 0)
    with pytest.raises(ValueError, match="9 outputs"):
        head_profiles.spearman(attention, np.arange(9))
    with pytest.raises(ValueError, match="float16"):
        head_profiles.spearman(attention.astype(np.float32), np.arange(10))
    for bad in (np.nan, -0.5):
        attention[3, 1, 1, 1] = bad
        with pytest.raises(ValueError, match="negative values or NaN"):
            head_profiles.spearman(attention, np.arange(10))


def test_spearman_of_a_layer_is_its_extremes() -> None:
    rho = np.array([[[0.1, np.nan, -0.4]], [[0.9, 0.2, 0.3]]])
    frame = head_profiles.extremes_by_layer(rho)
    assert frame["maximum"].tolist() == [0.1, 0.9] and frame["minimum"].tolist() == [-0.4, 0.2]


def test_spearman_is_fast_enough_for_the_whole_study() -> None:
    """18,295 samples x 36 heads x 512 distances within a minute: one head within 1.5 s of CPU."""
    weights = np.random.default_rng(0).random((18_295, 1, 1, 512)).astype(np.float16)
    start = time.process_time()
    head_profiles.spearman(weights, np.arange(18_295.0))
    assert time.process_time() - start < 1.5
