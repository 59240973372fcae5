"""The blocked form against the equation, by property; the equation by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.model.attention import (
    TILE_SCORES,
    dense_attention,
    dense_weights,
    fused_attention,
    relative_attention,
    sinusoids,
    turned,
    window_mask,
)


def arguments(batch, heads, length, d_head, dtype, *, d_model=6, seed=0, grad=False, size=1.0):
    """Query, key, value, distance and the two biases; then the positions' code."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (
        [(batch, heads, length, d_head)] * 3 + [(heads, d_head, d_model)] + [(heads, d_head)] * 2
    )
    tensors = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]
    tensors = [(size * tensor).to(dtype).requires_grad_(grad) for tensor in tensors]
    return tensors, sinusoids(length, d_model, dtype)


def test_weights_by_hand():
    """Two positions, one head of width 1: the scores are products that can be done on paper."""
    query = torch.tensor([[[[1.0], [2.0]]]])
    key = torch.tensor([[[[3.0], [5.0]]]])
    distance = torch.tensor([[[0.5], [-1.0]]])  # itself, one upstream
    u, w = torch.tensor([[0.1]]), torch.tensor([[0.2]])
    itself = (2 + 0.1) * 5 + (2 + 0.2) * 0.5
    upstream = (2 + 0.1) * 3 + (2 + 0.2) * -1.0
    share = math.exp(upstream) / (math.exp(upstream) + math.exp(itself))
    weights = dense_weights(query, key, distance, u, w)[0, 0]
    assert weights[0].tolist() == [1.0, 0.0]
    assert weights[1].tolist() == pytest.approx([share, 1 - share], rel=1e-5)


def test_sinusoids_by_hand():
    code = sinusoids(3, 4)
    assert code.shape == (3, 4)
    assert code[0].tolist() == [0, 0, 1, 1]
    wanted = [math.sin(2), math.sin(0.02), math.cos(2), math.cos(0.02)]
    assert code[2].tolist() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("distance", [0, 1, 17, 511])
def test_a_turned_query_reads_the_distance(distance):
    code = sinusoids(100_000, 32)
    query = torch.randn(32, generator=torch.Generator().manual_seed(distance))
    got = (turned(query, code[distance:]) * code[: len(code) - distance]).sum(-1)
    wanted = (query @ code[distance]).expand_as(got)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)


@settings(max_examples=80, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    length=st.integers(1, 90),
    window=st.integers(1, 40),
    block=st.integers(1, 33),
    history=st.integers(0, 60),
    kept=st.booleans(),
    size=st.sampled_from([0.1, 1.0, 40.0]),
    seed=st.integers(0, 1000),
)
def test_blocked_equals_dense_with_all_gradients(
    batch, heads, length, window, block, history, kept, size, seed
):
    """Large sizes leave the range of 2**score and go through the shift by the maximum."""
    history = min(history, length - 1)
    tensors, code = arguments(batch, heads, length, 4, torch.float64, seed=seed, grad=True)
    tensors[0] = (tensors[0] * size).detach().requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genoattn.model.attention.KEPT_SCORES", 10**9 if kept else 0)
        wanted = dense_attention(*tensors, code, window)[:, :, history:]
        late, *others = tensors[0][:, :, history:], *tensors[1:]
        got = relative_attention(late, *others, code, window, block=block)
        torch.testing.assert_close(
            dense_attention(late, *others, code, window), wanted, rtol=0, atol=1e-10
        )
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)
        direction = torch.randn_like(wanted)
        for ours, theirs in zip(
            torch.autograd.grad(got, tensors, direction),
            torch.autograd.grad(wanted, tensors, direction),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 700])
def test_blocked_equals_dense_in_float32(length):
    tensors, code = arguments(1, 2, length, 32, torch.float32, d_model=32)
    torch.testing.assert_close(
        relative_attention(*tensors, code, 512),
        dense_attention(*tensors, code, 512),
        rtol=0,
        atol=1e-5,
    )


@pytest.mark.parametrize("size", [3.0, 10.0, 20.0, 30.0, 50.0, 1e2, 1e4])
def test_scores_beyond_the_range_of_powers(size):
    """Weights that would overflow, or all underflow, are divided by their row's largest."""
    tensors, code = arguments(1, 2, 150, 8, torch.float32)
    tensors[0] = tensors[0] * size
    wanted = dense_attention(*(tensor.double() for tensor in tensors), code.double(), 30)
    got = relative_attention(*tensors, code, 30, block=16)
    assert got.isfinite().all()
    # a near tie between two keys feels the rounding of such scores
    assert (got - wanted).abs().median() < 1e-5


def test_no_weight_is_subnormal():
    """Many a processor takes far longer for numbers that a float holds with fewer digits."""
    tensors, code = arguments(1, 2, 150, 8, torch.float32)
    tensors[0] = tensors[0] * 50
    query, key, _, distance, *biases = (tensor.double() for tensor in tensors)
    vectors = code.double()[:30] @ distance.transpose(-1, -2)
    exact = dense_weights(query, key, vectors, *biases)
    assert ((exact > 0) & (exact < torch.finfo(torch.float32).tiny)).any()
    seen = []
    relative_attention(*tensors, code, 30, block=16, observe=lambda *tile: seen.append(tile[2] + 0))
    weights = torch.cat(seen)
    assert (weights > 0).sum() == (exact > 0).sum()
    assert weights[weights > 0].min() > 2.0**-80


def test_autocast_leaves_attention_in_full_precision():
    tensors, code = arguments(1, 2, 100, 8, torch.float32)
    wanted = relative_attention(*tensors, code, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = relative_attention(*tensors, code, 30)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("scores", [1, 3000, 10**9])
def test_tiles_do_not_show(monkeypatch, scores):
    tensors, code = arguments(2, 2, 200, 4, torch.float64, grad=True)
    monkeypatch.setitem(TILE_SCORES, "cpu", scores)
    out = relative_attention(*tensors, code, 30, block=16)
    wanted = dense_attention(*tensors, code, 30)
    results = [
        [z, *torch.autograd.grad(z.square().sum(), tensors, retain_graph=True)]
        for z in (out, wanted)
    ]
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("scores", [1, 10**9])
def test_observer_sees_every_weight_once(monkeypatch, scores):
    batch, heads, length, window = 2, 3, 75, 20
    monkeypatch.setitem(TILE_SCORES, "cpu", scores)
    (query, key, value, distance, u, w), code = arguments(batch, heads, length, 4, torch.float64)
    seen = torch.full((batch * heads, length, window), torch.nan, dtype=torch.float64)

    def observe(row, start, weights):
        part = seen[row, start : start + len(weights)]
        assert part.isnan().all()
        part.copy_(weights)

    relative_attention(query, key, value, distance, u, w, code, window, block=16, observe=observe)
    vectors = code[:window] @ distance.transpose(-1, -2)
    dense = dense_weights(query, key, vectors, u, w).flatten(0, 1)
    for i in range(length):
        for column in range(window):
            j = i - (window - 1 - column)
            wanted = dense[:, i, j] if j >= 0 else torch.zeros(batch * heads, dtype=torch.float64)
            torch.testing.assert_close(seen[:, i, column], wanted, rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize(("history", "window"), [(0, 7), (13, 20), (5, 64)])
def test_flex_attention_is_given_the_same_equation(history, window):
    """What a GPU computes in one kernel, here step by step, against the equation."""
    tensors, code = arguments(2, 3, 50, 4, torch.float64)
    tensors[0] = tensors[0][:, :, history:]
    mask = window_mask(50 - history, history, window, code.device)
    got = fused_attention(*tensors, code, mask, torch.float64)
    torch.testing.assert_close(got, dense_attention(*tensors, code, window))
