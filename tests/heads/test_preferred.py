from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_attention import DOWNSTREAM, WINDOW, attended

from genoattn.genome import motifs
from genoattn.genome.sequence import Genome, reverse_complement
from genoattn.heads import elements, preferred, profiles
from genoattn.plots import atlas as figures
from genoattn.plots import style

toy = pytest.fixture(scope="module")(attended)


def test_the_sweep_at_the_favourite_is_the_motif_of_the_head(toy):
    genome, samples, attention, made = toy
    mean = profiles.average(attention).mean
    best = preferred.best_sequences(
        attention, samples, genome, mean, downstream=DOWNSTREAM, n_best=9, width=7
    )
    assert np.allclose(made.mean, mean)
    assert (made.favourite_counts == best.counts).all()
    assert (made.favourite_offset == best.offset).all()
    asked = {"elements": elements.PAPER_ELEMENTS, "n_shuffles": 10, "seed": 0}
    pd.testing.assert_frame_equal(
        elements.match_elements(made.favourites, **asked),
        elements.match_elements(best, **asked),
    )


def test_the_sweep_anywhere_is_what_sorting_gives(toy):
    genome, samples, attention, made = toy
    for layer, head, distance in [(0, 1, 0), (1, 0, WINDOW - 1), (1, 1, 7)]:
        order = np.argsort(-attention[:, layer, head, distance].astype(float), kind="stable")[:9]
        codes = preferred.sequences_at(genome, samples.iloc[order], DOWNSTREAM - distance, 7)
        assert (made.counts[layer, head, distance] == motifs.count_matrix(codes)).all()


def test_a_sweep_is_kept(toy, tmp_path):
    made = toy[3]._replace(identity="abc")
    made.save(tmp_path / "sweep.npz")
    again = preferred.Sweep.read(tmp_path / "sweep.npz")
    assert again.identity == "abc" and again.n_best == 9 and again.downstream == DOWNSTREAM
    assert (again.counts == made.counts).all()
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="not a sweep"):
        preferred.Sweep.read(tmp_path / "other.npz")


def test_a_sweep_refuses_what_does_not_fit(toy):
    genome, samples, attention, _ = toy
    with pytest.raises(ValueError, match="does not fit"):
        preferred.sweep(attention[1:], samples, genome, downstream=5, n_best=9, width=7)
    with pytest.raises(ValueError, match="width=6 odd"):
        preferred.sweep(attention, samples, genome, downstream=5, n_best=9, width=6)
    with pytest.raises(ValueError, match="n_best=61"):
        preferred.sweep(attention, samples, genome, downstream=5, n_best=61, width=7)


def profile_frame(made):
    columns = {
        name: made.mean * scale
        for name, scale in (("mean", 1), ("maximum", 2), ("highest", 1.5), ("lowest", 0.5))
    }
    return profiles.profile_frame(DOWNSTREAM, **columns)


def test_the_explorer_holds_every_number(toy):
    made = toy[3]
    says = [f"head {i} </script> & more" for i in range(4)]
    page = figures.explorer(profile_frame(made), made, says, np.full(4, 0.25), None).data
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


HEADS_WINDOW, HEADS_DOWNSTREAM = 64, 20


def toy_attention(n: int, seed: int, layers: int = 2, n_heads: int = 3) -> np.ndarray:
    """Random softmax-like weights, float16, (n, layers, heads, WINDOW)."""
    raw = np.random.default_rng(seed).gamma(0.5, size=(n, layers, n_heads, HEADS_WINDOW))
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float16)


def random_genome(length: int, seed: int, circular: bool = True) -> Genome:
    codes = np.random.default_rng(seed).integers(0, 4, length, dtype=np.uint8)
    return Genome("toy", codes, circular)


@given(st.integers(0, 59), st.sampled_from("+-"), st.integers(-100, 100), st.booleans())
def test_sequences_are_read_on_the_samples_strand(
    position: int, strand: str, offset: int, circular: bool
) -> None:
    genome = random_genome(60, 3, circular)
    got = preferred.sequences_at(
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
        preferred.sequences_at(random_genome(60, 0), samples, 0, 6)


def test_the_best_of_a_census_are_those_of_its_distance() -> None:
    """Three kept at each distance: of each head, those at its own distance, the best first."""
    rng = np.random.default_rng(0)
    shape = (2, 2, 5, 3)
    weight = -np.sort(-rng.random(shape), axis=-1)
    position, strand = rng.integers(0, 99, shape), np.array(["+", "-"])[rng.integers(0, 2, shape)]
    distance = np.array([[0, 4], [2, 2]])
    best = preferred.census_positions(strand, position, weight, distance)
    for layer, head in np.ndindex(2, 2):
        at = layer, head, distance[layer, head]
        assert best.position[layer, head].tolist() == position[at].tolist()
        assert best.strand[layer, head].tolist() == strand[at].tolist()
        assert best.weight[layer, head].tolist() == weight[at].tolist()
    with pytest.raises(ValueError, match="do not fit"):
        preferred.census_positions(strand, position, weight, distance[:1])
    with pytest.raises(ValueError, match="fewer positions"):
        preferred.census_positions(strand, position, weight - 2, distance)


def test_copies_of_a_stretch_count_once() -> None:
    """Three of five best positions lie in copies of one stretch; the same word elsewhere counts."""
    codes = np.random.default_rng(2).integers(0, 4, 1_000, dtype=np.uint8)
    for copy in (300, 500):
        codes[copy - 30 : copy + 31] = codes[70:131]
    codes[697:704] = codes[97:104]  # the word alone, in other surroundings
    best = preferred.BestPositions(
        np.full((1, 1, 5), "+"),
        np.array([[[112, 312, 512, 712, 912]]]),
        np.array([[[0.9, 0.8, 0.7, 0.6, 0.5]]]),
        np.array([[HEADS_DOWNSTREAM + 12]]),
    )
    genome = Genome("toy", codes)
    given = {"downstream": HEADS_DOWNSTREAM, "width": 7}
    every = preferred.motifs_at(best, genome, n_best=5, **given)
    assert every.counts[0, 0].sum() == 5 * 7 and every.n_distinct[0, 0] == 2
    once = preferred.motifs_at(best, genome, n_best=5, context=41, **given)
    assert once.counts[0, 0].sum() == 3 * 7 and once.n_distinct[0, 0] == 2
    two = preferred.motifs_at(best, genome, n_best=2, context=41, **given)
    assert two.weakest[0, 0] == 0.6 and two.counts[0, 0].max() == 2
    np.testing.assert_array_equal(two.counts[0, 0], 2 * np.eye(4)[codes[97:104]])
    with pytest.raises(ValueError, match="5 positions only"):
        preferred.motifs_at(best, genome, n_best=6, **given)


def test_too_few_samples_for_the_best() -> None:
    attention = toy_attention(10, 0)
    samples = pd.DataFrame({"strand": ["+"] * 10, "position": range(10)})
    mean = profiles.average(attention).mean
    with pytest.raises(ValueError, match="10 samples only"):
        preferred.best_sequences(
            attention, samples, random_genome(99, 0), mean, downstream=20, n_best=11, width=7
        )
    with pytest.raises(ValueError, match="9 samples"):
        preferred.best_sequences(
            attention, samples[:9], random_genome(99, 0), mean, downstream=20, n_best=5, width=7
        )


def test_count_matrices_come_back_from_their_table() -> None:
    rng = np.random.default_rng(5)
    best = preferred.BestSequences(
        rng.integers(0, 9, (2, 3, 5, 4)), rng.integers(1, 9, (2, 3)),
        rng.integers(-90, 5, (2, 3)), rng.random((2, 3)),
    )  # fmt: skip
    table = preferred.count_table(best)
    assert len(table) == 2 * 3 * 5
    middle = table[(table["layer_1based"] == 2) & (table["head_1based"] == 3)].iloc[2]
    assert middle["offset"] == best.offset[1, 2] and middle["G"] == best.counts[1, 2, 2, 2]
    back = preferred.read_counts(table.sample(frac=1, random_state=0))
    for name in ("counts", "n_distinct", "offset"):
        assert np.array_equal(getattr(back, name), getattr(best, name)), name
