"""The blocked form against the equation, by property; the equation by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.attention import blocked_attention, dense_attention, dense_weights


def arguments(batch, heads, length, window, d_head, dtype, seed=0, grad=False):
    generator = torch.Generator().manual_seed(seed)
    shapes = (
        [(batch, heads, length, d_head)] * 3 + [(heads, window, d_head)] + [(heads, d_head)] * 2
    )
    tensors = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [tensor.to(dtype).requires_grad_(grad) for tensor in tensors]


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


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    length=st.integers(1, 90),
    window=st.integers(1, 40),
    block=st.integers(1, 33),
    seed=st.integers(0, 1000),
)
def test_blocked_equals_dense_with_all_gradients(batch, heads, length, window, block, seed):
    tensors = arguments(batch, heads, length, window, 4, torch.float64, seed, grad=True)
    wanted = dense_attention(*tensors)
    got = blocked_attention(*tensors, block=block)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)
    direction = torch.randn_like(wanted)
    for ours, theirs in zip(
        torch.autograd.grad(got, tensors, direction),
        torch.autograd.grad(wanted, tensors, direction),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 700])
def test_blocked_equals_dense_in_float32(length):
    tensors = arguments(1, 2, length, 512, 32, torch.float32)
    torch.testing.assert_close(
        blocked_attention(*tensors), dense_attention(*tensors), rtol=0, atol=1e-5
    )


def test_tiles_of_one_block_equal_one_large_tile(monkeypatch):
    tensors = arguments(2, 2, 200, 30, 4, torch.float64, grad=True)
    results = []
    for scores in (1, 10**9):
        monkeypatch.setattr("genoattn.attention.TILE_SCORES", scores)
        out = blocked_attention(*tensors, block=16)
        results.append([out, *torch.autograd.grad(out.square().sum(), tensors)])
    for small, large in zip(*results, strict=True):
        torch.testing.assert_close(small, large, rtol=0, atol=1e-10)


def test_observer_sees_every_weight_once():
    batch, heads, length, window = 2, 3, 75, 20
    query, key, value, distance, u, w = arguments(batch, heads, length, window, 4, torch.float64)
    seen = torch.full((batch * heads, length, window), torch.nan, dtype=torch.float64)

    def observe(row, start, weights):
        part = seen[row, start : start + len(weights)]
        assert part.isnan().all()
        part.copy_(weights)

    blocked_attention(query, key, value, distance, u, w, block=16, observe=observe)
    dense = dense_weights(query, key, distance, u, w).flatten(0, 1)
    for i in range(length):
        for column in range(window):
            j = i - (window - 1 - column)
            wanted = dense[:, i, j] if j >= 0 else torch.zeros(batch * heads, dtype=torch.float64)
            torch.testing.assert_close(seen[:, i, column], wanted, rtol=0, atol=1e-10)
