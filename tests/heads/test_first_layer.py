"""Words of the first layer: against the model's own attention, and against all pairs of words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genoattn.genome.sequence import Genome, encode
from genoattn.heads import first_layer
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalNetwork

CONFIG = AnnotatorConfig(
    layers=1, heads=2, d_model=8, d_head=4, window=10, conv_width=3, downstream=4, dropout=0.0
)


@pytest.fixture(scope="module")
def model() -> Annotator:
    torch.manual_seed(0)
    made = Annotator(CONFIG).eval()
    for parameter in made.parameters():
        parameter.data.normal_(std=0.6)
    return made


@pytest.fixture(scope="module")
def share():
    raw = np.random.default_rng(0).random(64)
    return raw / raw.sum()


@pytest.fixture(scope="module")
def read(model, share):
    return first_layer.read_first_layer(model, share)


def raw(model):
    """q, k (heads, words, d_head) by the layer's own modules, one after the other."""
    layer = model.layers[0]
    words = torch.from_numpy(first_layer.all_words(3).astype(np.int64))
    h = layer.project(model.embedding(words)).view(64, 3, 3, 2, 4)  # n, place, qkv, head, d
    with torch.no_grad():
        return [
            torch.stack(
                [
                    torch.nn.functional.conv1d(
                        h[:, :, part, head].transpose(1, 2),
                        layer.convolve[part].weight,
                        layer.convolve[part].bias,
                    )[:, :, 0]
                    for head in range(2)
                ]
            ).double().numpy()
            for part in (0, 1)
        ]  # fmt: skip


def test_every_word_is_there_once():
    words = first_layer.all_words(3)
    assert len(np.unique(words, axis=0)) == 64
    assert words[27].tolist() == [1, 2, 3]


def test_words_are_counted_on_both_strands_and_never_across_unknown_letters():
    genome = Genome("toy", encode("ACGTTN" + "GGG"), circular=False)
    share = first_layer.word_shares(genome, 3)
    counts = share * (64 + 2 * 4)  # ACG, CGT, GTT, GGG and their reverse complements
    index = {"".join("ACGT"[c] for c in word): n for n, word in enumerate(first_layer.all_words(3))}
    assert counts[index["ACG"]] == pytest.approx(1 + 2)  # CGT reads ACG on the other strand
    assert counts[index["AAC"]] == pytest.approx(1 + 1)
    assert counts[index["CCC"]] == pytest.approx(1 + 1)
    assert counts[index["TTT"]] == pytest.approx(1)
    assert share.sum() == pytest.approx(1)


def test_scores_of_keys_are_those_of_the_mean_query_and_exactly_a_matrix(model, share, read):
    q, k = raw(model)
    for head in range(2):
        mean = share @ q[head] + model.content_bias[head].detach().double().numpy()
        score = k[head] @ mean / 2
        np.testing.assert_allclose(read.key[head], score - share @ score, atol=1e-5)
        rebuilt = read.key_matrix[head][np.arange(3), read.words].sum(1)
        np.testing.assert_allclose(
            rebuilt - rebuilt.mean(), read.key[head] - read.key[head].mean(), atol=1e-5
        )


def test_shares_of_variance_are_those_over_all_pairs_of_words(model, share, read):
    q, k = raw(model)
    for head in range(2):
        score = (q[head] + model.content_bias[head].detach().numpy()) @ k[head].T / 2
        score -= (score @ share)[:, None]  # what is the same for all keys plays no role
        pair = share[:, None] * share
        whole = (pair * score**2).sum()
        one = (pair * (score - read.key[head]) ** 2).sum()
        assert read.alone[head] == pytest.approx(1 - one / whole, abs=1e-5)
        product = read.pair_query[head][np.arange(3), read.words].sum(1)[:, None] * read.pair_key[
            head
        ][np.arange(3), read.words].sum(1)
        product -= (product @ share)[:, None]
        product -= share @ product
        two = (pair * (score - read.key[head] - product) ** 2).sum()
        assert read.paired[head] == pytest.approx(1 - two / whole, abs=1e-4)
        assert read.alone[head] < read.paired[head] <= 1


def test_attention_by_distance_alone_is_the_models_own_where_all_keys_are_alike(model, read):
    layer = model.layers[0]
    for code in range(4):
        word = int(np.flatnonzero((read.words == code).all(1))[0])
        codes = torch.full((1, 30), code)  # one letter over and over: every key is the same
        seen: dict[int, torch.Tensor] = {}
        with torch.no_grad():
            model(codes, lambda _, row, start, a, seen=seen: seen.update({row: a.clone()}))
        for head in range(2):
            expected = seen[head][20].flip(0)  # of a query in the middle; nearest first
            d = read.distance[head]
            assert read.query[head, word] == pytest.approx(float(expected[d]), abs=1e-5)
    assert layer.config.window == read.by_distance.shape[1]
    np.testing.assert_allclose(read.by_distance.sum(1), 1)
    np.testing.assert_array_equal(read.by_distance.argmax(1), read.distance)


def test_a_matrix_fits_an_additive_score_whole_and_a_product_in_part():
    words = first_layer.all_words(2)
    even = np.full(16, 1 / 16)
    true = np.array([[3.0, -1, -1, -1], [0, 1, 0, -1]])
    matrix, r = first_layer.additive(words, true[0][words[:, 0]] + true[1][words[:, 1]] + 5, even)
    np.testing.assert_allclose(matrix, true, atol=1e-9)
    assert r == pytest.approx(1)
    both = ((words[:, 0] == 0) & (words[:, 1] == 0)).astype(float)
    assert 0.2 < first_layer.additive(words, both, even)[1] < 0.6
    assert first_layer.additive(words, np.ones(16), even)[1] == 1


def test_tables_name_the_best_words(read):
    best = read.best_words(2)
    assert len(best) == 2 * 2 * 2
    row = best[(best["head"] == 1) & (best["side"] == "key") & (best["rank"] == 1)].iloc[0]
    top = read.key[0].argmax()
    assert row["word"] == "".join("ACGT"[c] for c in read.words[top])
    table = read.summary()
    assert table["key_word"][0] == row["word"]
    assert table["query_attention"].between(0, 1).all()


def test_a_stem_and_a_network_without_attention_are_refused_by_name():
    with pytest.raises(ValueError, match="depends on the 9 nt that its stem of 2 convolutions"):
        first_layer.read_first_layer(Annotator(AnnotatorConfig(stem=2, conv_width=3)))
    with pytest.raises(ValueError, match="a ConvolutionalNetwork has no attention"):
        first_layer.read_first_layer(ConvolutionalNetwork())
