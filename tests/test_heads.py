"""Heads: offsets, samples, profiles, sequences, ranks and matches, by hand and by brute force."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from genoattn import heads, promoter_elements
from genoattn.genome import Genome, reverse_complement

WINDOW, DOWNSTREAM = 64, 20


def toy_attention(n: int, seed: int, layers: int = 2, n_heads: int = 3) -> np.ndarray:
    """Random softmax-like weights, float16, (n, layers, heads, WINDOW)."""
    raw = np.random.default_rng(seed).gamma(0.5, size=(n, layers, n_heads, WINDOW))
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float16)


def random_genome(length: int, seed: int, circular: bool = True) -> Genome:
    codes = np.random.default_rng(seed).integers(0, 4, length, dtype=np.uint8)
    return Genome("toy", codes, circular)


# ------------------------------------------------------------------------- offsets and labels


def test_offsets_of_the_papers_model() -> None:
    offset = heads.offsets(512, 20)
    assert offset[0] == 20 and offset[20] == 0 and offset[-1] == -491


def test_label_has_no_zero() -> None:
    label = heads.paper_label(np.arange(-3, 4))
    assert label.tolist() == [-3, -2, -1, 1, 2, 3, 4]
    assert heads.paper_label(0) == 1


def test_profile_frame_puts_each_weight_at_its_offset() -> None:
    values = np.arange(2 * 3 * WINDOW, dtype=float).reshape(2, 3, WINDOW)
    frame = heads.profile_frame(DOWNSTREAM, mean=values)
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
        heads.profile_frame(DOWNSTREAM, a=values, b=values[:1])


# ------------------------------------------------------------------------------------ samples


def test_samples_are_the_extremes_and_distinct_random_positions_of_the_part() -> None:
    length = 400
    track = np.random.default_rng(0).random((2, length)).astype(np.float32)
    inside = np.zeros(length, bool)
    inside[50:250] = True
    samples = heads.choose_samples(track, inside, n_random=100, n_extreme=7, seed=1)
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
    again = heads.choose_samples(track, inside, n_random=100, n_extreme=7, seed=1)
    pd.testing.assert_frame_equal(samples, again)
    other = heads.choose_samples(track, inside, n_random=100, n_extreme=7, seed=2)
    assert not samples.equals(other)


def test_samples_that_cannot_be_had() -> None:
    track, inside = np.zeros((2, 100), np.float32), np.ones(100, bool)
    with pytest.raises(ValueError, match="too few"):
        heads.choose_samples(track, inside, n_random=201, n_extreme=1, seed=0)
    with pytest.raises(ValueError, match="too few"):
        heads.choose_samples(track, inside, n_random=1, n_extreme=101, seed=0)
    with pytest.raises(ValueError, match="do not fit"):
        heads.choose_samples(track, inside[:50], n_random=1, n_extreme=1, seed=0)
    track[1, 3] = np.nan
    with pytest.raises(ValueError, match="predict"):
        heads.choose_samples(track, inside, n_random=1, n_extreme=1, seed=0)


@given(st.integers(0, 59), st.sampled_from("+-"), st.integers(-100, 100), st.booleans())
def test_sequences_are_read_on_the_samples_strand(
    position: int, strand: str, offset: int, circular: bool
) -> None:
    genome = random_genome(60, 3, circular)
    got = heads.sequences_at(
        genome, pd.DataFrame({"strand": [strand], "position": [position]}), offset, 7
    )[0]
    codes = genome.codes if strand == "+" else reverse_complement(genome.codes)
    centre = (position if strand == "+" else 59 - position) + offset
    for column, index in enumerate(range(centre - 3, centre + 4)):
        outside = not circular and not 0 <= index < 60
        assert got[column] == (4 if outside else codes[index % 60])


def test_an_even_width_has_no_centre() -> None:
    samples = pd.DataFrame({"strand": ["+"], "position": [1]})
    with pytest.raises(ValueError, match="odd"):
        heads.sequences_at(random_genome(60, 0), samples, 0, 6)


# ----------------------------------------------------------------------------------- profiles


def test_average_of_a_group_against_a_plain_loop() -> None:
    attention = toy_attention(40, 0)
    rows = np.arange(40) % 3 == 0
    mean, maximum = heads.average(attention, rows)
    for layer in range(2):
        for head in range(3):
            for distance in range(WINDOW):
                column = [float(a[layer, head, distance]) for a in attention[rows]]
                assert mean[layer, head, distance] == pytest.approx(sum(column) / len(column))
                assert maximum[layer, head, distance] == max(column)
    with pytest.raises(ValueError, match="empty"):
        heads.average(attention, np.zeros(40, bool))


def test_a_mean_over_many_samples_keeps_small_weights() -> None:
    attention = np.full((40_000, 1, 1, 2), 1 / 512, np.float16)
    assert heads.average(attention).mean == pytest.approx(1 / 512)


def test_selectivity_from_flat_to_one_position() -> None:
    profiles = np.zeros((1, 3, 16))
    profiles[0, 0] = 1 / 16
    profiles[0, 1, 5] = 1.0
    profiles[0, 2, [3, 4]] = 0.5
    assert heads.selectivity(profiles)[0] == pytest.approx([0.0, 1.0, 0.75])
    assert heads.favourite(profiles)[0].tolist() == [0, 5, 3]
    assert heads.share_near_peak(profiles, 2)[0] == pytest.approx([3 / 16, 1.0, 1.0])
    assert heads.share_near_peak(profiles, 0)[0] == pytest.approx([1 / 16, 1.0, 0.5])


def test_contrast_is_the_share_that_moved() -> None:
    a = np.array([[[0.5, 0.5, 0.0, 0.0]]])
    b = np.array([[[0.5, 0.2, 0.3, 0.0]]])
    assert heads.contrast(a, b) == pytest.approx(0.3)
    assert heads.contrast(a, a) == 0.0
    assert heads.contrast(a, a[..., ::-1]) == pytest.approx(1.0)


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
    mean = heads.average(attention).mean
    best = heads.best_sequences(
        attention, samples, Genome("toy", codes), mean, downstream=DOWNSTREAM, n_best=30, width=7
    )
    assert best.offset.tolist() == [[-12, -30]]
    assert best.n_distinct[0, 0] == 1 and best.n_distinct[0, 1] > 20
    np.testing.assert_array_equal(best.counts[0, 0], 30 * np.eye(4)[motif])
    assert best.weakest[0, 0] == pytest.approx(0.9, abs=1e-3)

    groups = dict.fromkeys(heads.GROUPS, heads.average(attention))
    rho = heads.spearman(attention, np.arange(80.0)[::-1])
    table = heads.head_table(groups, best, rho, half_width=5)
    assert table["peak_label"].tolist() == [-12, -30]
    assert heads.names(table) == ["L1 H1", "L1 H2"]
    assert table["consensus"].tolist()[0] == "GATTACA"
    assert table.loc[0, "spearman_max_label"] == -12
    assert table.loc[0, "spearman_max"] == pytest.approx(np.nanmax(rho[0, 0]))
    assert (table["contrast"] == 0).all()

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


def test_the_best_of_a_census_are_those_of_its_distance() -> None:
    """Three kept at each distance: of each head, those at its own distance, the best first."""
    rng = np.random.default_rng(0)
    shape = (2, 2, 5, 3)
    weight = -np.sort(-rng.random(shape), axis=-1)
    position, strand = rng.integers(0, 99, shape), np.array(["+", "-"])[rng.integers(0, 2, shape)]
    distance = np.array([[0, 4], [2, 2]])
    best = heads.census_positions(strand, position, weight, distance)
    for layer, head in np.ndindex(2, 2):
        at = layer, head, distance[layer, head]
        assert best.position[layer, head].tolist() == position[at].tolist()
        assert best.strand[layer, head].tolist() == strand[at].tolist()
        assert best.weight[layer, head].tolist() == weight[at].tolist()
    with pytest.raises(ValueError, match="do not fit"):
        heads.census_positions(strand, position, weight, distance[:1])
    with pytest.raises(ValueError, match="fewer positions"):
        heads.census_positions(strand, position, weight - 2, distance)


def test_copies_of_a_stretch_count_once() -> None:
    """Three of five best positions lie in copies of one stretch; the same word elsewhere counts."""
    codes = np.random.default_rng(2).integers(0, 4, 1_000, dtype=np.uint8)
    for copy in (300, 500):
        codes[copy - 30 : copy + 31] = codes[70:131]
    codes[697:704] = codes[97:104]  # the word alone, in other surroundings
    best = heads.BestPositions(
        np.full((1, 1, 5), "+"),
        np.array([[[112, 312, 512, 712, 912]]]),
        np.array([[[0.9, 0.8, 0.7, 0.6, 0.5]]]),
        np.array([[DOWNSTREAM + 12]]),
    )
    genome = Genome("toy", codes)
    given = {"downstream": DOWNSTREAM, "width": 7}
    every = heads.motifs_at(best, genome, n_best=5, **given)
    assert every.counts[0, 0].sum() == 5 * 7 and every.n_distinct[0, 0] == 2
    once = heads.motifs_at(best, genome, n_best=5, context=41, **given)
    assert once.counts[0, 0].sum() == 3 * 7 and once.n_distinct[0, 0] == 2
    two = heads.motifs_at(best, genome, n_best=2, context=41, **given)
    assert two.weakest[0, 0] == 0.6 and two.counts[0, 0].max() == 2
    np.testing.assert_array_equal(two.counts[0, 0], 2 * np.eye(4)[codes[97:104]])
    with pytest.raises(ValueError, match="5 positions only"):
        heads.motifs_at(best, genome, n_best=6, **given)


def test_the_error_of_a_sample_is_what_its_standard_error_says() -> None:
    attention = toy_attention(4_000, 3)
    census = heads.average(attention).mean
    found = heads.sample_error(attention[::10], census)
    assert len(found) == 6 and 0.01 < found["beyond_two"].mean() < 0.12
    gap = np.abs(attention[::10, 1, 2].astype(float).mean(axis=0) - census[1, 2])
    assert found["largest"].iloc[-1] == pytest.approx(gap.max(), rel=1e-3)
    assert found["relative"].iloc[-1] == pytest.approx(gap.max() / census[1, 2].max(), rel=1e-3)
    census[0, 0, 7] = 1.0
    found = heads.sample_error(attention[::10], census)
    assert not found["same_peak"].iloc[0] and found["peak_distance"].iloc[0] > 0


def test_who_looks_at_one_place() -> None:
    mean = np.full((1, 2, WINDOW), 1 / WINDOW)
    mean[0, 1] = 0.001
    mean[0, 1, DOWNSTREAM + 30] = 0.9
    found = heads.looking_at(mean, DOWNSTREAM, -31, half_width=2)
    assert heads.names(found) == ["L1 H2", "L1 H1"]
    assert found["enrichment"].tolist()[1] == pytest.approx(1)
    assert found["share"][0] == pytest.approx(0.904 / (0.9 + 63 * 0.001))
    assert found["peak_label"][0] == -30
    nowhere = heads.looking_at(mean, DOWNSTREAM, -200)
    assert nowhere.empty and nowhere.columns.tolist() == found.columns.tolist()


def test_heights_against_a_background() -> None:
    counts = np.array([[100, 0, 0, 0], [25, 25, 25, 25]])
    rich = np.array([0.4, 0.1, 0.1, 0.4])
    assert heads.letter_heights(counts, rich)[0].sum() < heads.letter_heights(counts)[0].sum()
    assert heads.letter_heights(counts, rich)[1].sum() > 0.2
    genome = Genome("toy", np.array([0, 0, 0, 1, 1, 2, 3, 0], np.uint8))
    np.testing.assert_allclose(heads.background(genome), [5 / 16, 3 / 16, 3 / 16, 5 / 16])


def test_information_of_whole_motifs_keeps_their_shape() -> None:
    sharp = np.tile([1000, 0, 0, 0], (3, 1))
    counts = np.stack([sharp, np.full((3, 4), 250)])[None]  # one layer of two heads
    bits = heads.information(counts)
    assert bits.shape == (1, 2)
    np.testing.assert_allclose(bits, [[6, 0]], atol=0.05)


def test_chance_is_the_largest_correlation_with_shuffled_outputs() -> None:
    attention, output = toy_attention(50, 0), np.linspace(0, 1, 50)
    shuffled = np.random.default_rng(3).permutation(output)
    expected = max(
        abs(spearmanr(attention[:, layer, head, distance].astype(float), shuffled).statistic)
        for layer in range(2)
        for head in range(3)
        for distance in range(WINDOW)
    )
    assert heads.chance_correlation(attention, output, 3) == pytest.approx(expected)


def test_too_few_samples_for_the_best() -> None:
    attention = toy_attention(10, 0)
    samples = pd.DataFrame({"strand": ["+"] * 10, "position": range(10)})
    mean = heads.average(attention).mean
    with pytest.raises(ValueError, match="10 samples only"):
        heads.best_sequences(
            attention, samples, random_genome(99, 0), mean, downstream=20, n_best=11, width=7
        )
    with pytest.raises(ValueError, match="9 samples"):
        heads.best_sequences(
            attention, samples[:9], random_genome(99, 0), mean, downstream=20, n_best=5, width=7
        )


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
    got = heads.spearman(attention, output)
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
        heads.spearman(attention, np.arange(9))
    with pytest.raises(ValueError, match="float16"):
        heads.spearman(attention.astype(np.float32), np.arange(10))
    for bad in (np.nan, -0.5):
        attention[3, 1, 1, 1] = bad
        with pytest.raises(ValueError, match="negative values or NaN"):
            heads.spearman(attention, np.arange(10))


def test_spearman_of_a_layer_is_its_extremes() -> None:
    rho = np.array([[[0.1, np.nan, -0.4]], [[0.9, 0.2, 0.3]]])
    frame = heads.extremes_by_layer(rho)
    assert frame["maximum"].tolist() == [0.1, 0.9] and frame["minimum"].tolist() == [-0.4, 0.2]


def test_spearman_is_fast_enough_for_the_whole_study() -> None:
    """18,295 samples x 36 heads x 512 distances within a minute: one head within 1.5 s of CPU."""
    weights = np.random.default_rng(0).random((18_295, 1, 1, 512)).astype(np.float16)
    start = time.process_time()
    heads.spearman(weights, np.arange(18_295.0))
    assert time.process_time() - start < 1.5


# ---------------------------------------------------------------------- the paper's statements


def test_statements_follow_from_the_table() -> None:
    table = pd.DataFrame(
        {
            "layer_1based": np.repeat(np.arange(1, 7), 2),
            "head_1based": [1, 2] * 6,
            "peak_label": [-12, -35, -10, -33, 4, -20, -300, -82, -400, -40, -81, 19],
            "share_near_peak": [0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1],
            "contrast": [0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.05, 0.1, 0.15, 0.2, 0.1, 0.1],
        }
    )
    rho = np.zeros((6, 2, 4))
    rho[:, 0, 0] = [0.1, -0.3, 0.2, 0.4, 0.5, 0.6]
    roles = table.iloc[:4].assign(element="x")
    found = heads.statements(table, rho, roles, selective_share=0.5)
    assert found["holds"].tolist() == ["yes", "yes", "yes", "yes", "no", "yes"]
    assert "7 of 12" in found["here"][0] and "6 of 7" in found["here"][1]
    assert found["here"][3].endswith("L4 H2, L6 H1")
    found = heads.statements(table, rho, roles.iloc[:0], selective_share=0.95)
    assert found["holds"].tolist() == ["no", "undecided", "undecided", "yes", "no", "undecided"]
