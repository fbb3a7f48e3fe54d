"""RGWR: property 5 and 6 of the method, and the batched form against a loop."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity, scaled_dot_product_attention

from ecglearn.losses.tokens import (
    attend,
    carried_weights,
    pooled_tokens,
    token_contrast,
    token_weights,
)

LAMBDA = 0.04


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loop(tokens, contexts, weights, mask):
    """Record by record and token by token, as the formula reads."""
    total = torch.zeros((), dtype=tokens.dtype)
    for i in range(len(tokens)):
        t, c = tokens[i][mask[i]], contexts[i][mask[i]]
        for k in range(len(t)):
            row = cosine_similarity(t[k][None], c) / LAMBDA
            column = cosine_similarity(t, c[k][None]) / LAMBDA
            one = -row.log_softmax(0)[k] - column.log_softmax(0)[k]
            total = total + weights[i][mask[i]][k] * one / (2 * len(tokens))
    return total


@pytest.fixture
def record():
    mask = torch.arange(7) < torch.tensor([[5], [7], [3]])
    weights = token_weights(draw(3, 7, seed=2).abs(), mask=mask)
    return draw(3, 7, 6), draw(3, 7, 6, seed=1), weights, mask


def test_equals_the_loop_in_value_and_gradient(record):
    tokens, contexts, weights, mask = record
    found = []
    for function in (
        lambda a, b: loop(a, b, weights, mask),
        lambda a, b: token_contrast(a, b, weights, temperature=LAMBDA, mask=mask),
    ):
        a, b = tokens.clone().requires_grad_(), contexts.clone().requires_grad_()
        value = function(a, b)
        value.backward()
        found.append((value.detach(), a.grad, b.grad))
    for slow, fast in zip(*found, strict=True):
        assert torch.allclose(slow, fast, atol=1e-9)


def test_permuting_tokens_with_their_weights_changes_nothing(record):
    tokens, contexts, weights, mask = record
    order = torch.randperm(7, generator=torch.Generator().manual_seed(5))
    value = token_contrast(tokens, contexts, weights, temperature=LAMBDA, mask=mask)
    moved = token_contrast(
        tokens[:, order],
        contexts[:, order],
        weights[:, order],
        temperature=LAMBDA,
        mask=mask[:, order],
    )
    assert torch.allclose(value, moved)


def test_scale_and_padding_change_nothing(record):
    tokens, contexts, weights, mask = record
    value = token_contrast(tokens, contexts, weights, temperature=LAMBDA, mask=mask)
    scaled = token_contrast(3 * tokens, 0.2 * contexts, weights, temperature=LAMBDA, mask=mask)
    assert torch.allclose(value, scaled)
    rubbish = tokens.masked_fill(~mask[..., None], 99.0)
    other = token_contrast(
        rubbish, contexts * mask[..., None], weights, temperature=LAMBDA, mask=mask
    )
    assert torch.allclose(value, other)
    shorter = [
        token_contrast(
            tokens[i : i + 1, :n],
            contexts[i : i + 1, :n],
            weights[i : i + 1, :n],
            temperature=LAMBDA,
        )
        for i, n in enumerate((5, 7, 3))
    ]
    assert torch.allclose(value, torch.stack(shorter).mean())


def test_extreme_values():
    equal = torch.ones(2, 18, 4)
    weights = torch.full((2, 18), 1 / 18)
    value = token_contrast(equal, equal, weights, temperature=LAMBDA)
    assert float(value) == pytest.approx(math.log(18), abs=1e-5)
    perfect = torch.eye(18).expand(2, -1, -1)
    value = token_contrast(perfect, perfect, weights, temperature=LAMBDA)
    assert float(value) == pytest.approx(0, abs=1e-5)


def test_contexts_of_few_words_set_a_floor():
    """18 tokens whose contexts are 9 distinct directions: log 2 is all that can be reached."""
    nine = torch.eye(9).repeat(2, 1)[None]
    value = token_contrast(nine, nine, torch.full((1, 18), 1 / 18), temperature=LAMBDA)
    assert float(value) == pytest.approx(math.log(2), abs=1e-5)


def test_linear_in_the_weights(record):
    tokens, contexts, weights, mask = record
    other = token_weights(draw(3, 7, seed=9).abs(), mask=mask)

    def loss(w):
        return token_contrast(tokens, contexts, w, temperature=LAMBDA, mask=mask)

    assert torch.allclose(loss(0.3 * weights + 2 * other), 0.3 * loss(weights) + 2 * loss(other))


@given(seed=st.integers(0, 10_000), words=st.integers(1, 9))
def test_weights_are_a_distribution_over_words(seed, words):
    mask = torch.arange(10)[None] < words
    raw = draw(1, 10, seed=seed).abs().requires_grad_()
    w = token_weights(raw, mask=mask)
    assert not w.requires_grad
    assert bool((w >= 0).all())
    assert bool((w[~mask] == 0).all())
    assert float(w.sum()) == pytest.approx(1)
    seen = raw.detach()[mask]
    low, high = torch.quantile(seen, torch.tensor([0.1, 0.9], dtype=seen.dtype))
    assert torch.allclose(w[mask] * seen.clamp(low, high).sum(), seen.clamp(low, high))


def test_weights_without_any_importance_are_even():
    w = token_weights(torch.zeros(1, 4), mask=torch.tensor([[True, True, False, True]]))
    assert torch.allclose(w, torch.tensor([[1 / 3, 1 / 3, 0, 1 / 3]]))


def test_carried_weights_follow_attention():
    attention = torch.tensor([[[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]])
    carried = carried_weights(attention, torch.tensor([[0.8, 0.2]]))
    assert torch.allclose(carried, torch.tensor([[0.8, 0.5, 0.2]]))


def test_attention_ignores_masked_keys_and_averages_equal_ones():
    value = draw(1, 4, 3)
    mask = torch.tensor([[True, True, True, False]])
    context, attention = attend(draw(1, 2, 3), torch.ones(1, 4, 3).double(), value, mask=mask)
    assert torch.allclose(context, value[:, :3].mean(1, keepdim=True).expand_as(context))
    assert torch.equal(attention[..., 3], torch.zeros(1, 2).double())


def test_attention_is_scaled_by_the_width():
    """Seven queries of three features among four keys."""
    query, key, value = draw(2, 7, 3), draw(2, 4, 3, seed=1), draw(2, 4, 3, seed=2)
    mask = torch.tensor([[True, True, True, False], [True] * 4])
    context, attention = attend(query, key, value, mask=mask)
    wanted = scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None])
    assert torch.allclose(context, wanted)
    assert torch.allclose(attention @ value, wanted)


def test_pooling_keeps_order_and_short_sequences():
    steps = torch.arange(12.0)[None, :, None]
    assert pooled_tokens(steps, 4)[0, :, 0].tolist() == [1.0, 4.0, 7.0, 10.0]
    assert pooled_tokens(steps, 40) is steps


def test_a_record_without_tokens_has_no_weights():
    mask = torch.tensor([[True, True], [False, False]])
    assert token_weights(torch.ones(2, 2), mask=mask).tolist() == [[0.5, 0.5], [0, 0]]
    one = torch.tensor([[False, True]])
    assert token_weights(torch.zeros(1, 2), mask=one).tolist() == [[0, 1]]


def test_carried_weights_teach_nobody():
    attention, words = draw(2, 3, 4).requires_grad_(), draw(2, 4, seed=1).requires_grad_()
    carried = carried_weights(attention, words)
    assert not carried.requires_grad
    torch.testing.assert_close(carried, torch.einsum("bkm,bm->bk", attention, words).detach())
