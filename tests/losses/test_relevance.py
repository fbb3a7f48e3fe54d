"""What the report says about tokens, and the weights that learn from it."""

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity

from ecglearn.losses.relevance import relevance, relevance_weights, selector_loss


def _draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_relevance_is_the_loop():
    tokens, texts = _draw(4, 5, 6), _draw(4, 6, seed=1)
    texts[2] = texts[0]
    own = torch.eye(4, dtype=torch.bool)
    own[0, 2] = own[2, 0] = True
    found = relevance(tokens, texts, own)
    for i in range(4):
        for j in range(5):
            cosine = [float(cosine_similarity(tokens[i, j], t, dim=0)) for t in texts]
            mine = [c for c, is_own in zip(cosine, own[i].tolist(), strict=True) if is_own]
            other = [c for c, is_own in zip(cosine, own[i].tolist(), strict=True) if not is_own]
            by_hand = sum(mine) / len(mine) - sum(other) / len(other)
            assert float(found[i, j]) == pytest.approx(by_hand)


def test_where_all_reports_are_ones_own_relevance_is_the_plain_cosine():
    tokens, text = _draw(2, 5, 6), _draw(1, 6, seed=1)
    found = relevance(tokens, text.expand(2, -1), torch.ones(2, 2, dtype=torch.bool))
    torch.testing.assert_close(found, cosine_similarity(tokens, text[None], dim=-1))


def test_what_fits_every_report_is_not_relevant():
    texts = torch.ones(3, 4, dtype=torch.float64)
    r = relevance(_draw(3, 5, 4), texts, torch.eye(3, dtype=torch.bool))
    assert float(r.abs().max()) < 1e-12


def test_teacher_moves_to_what_is_left():
    r = torch.tensor([[0.9, 0.5, 0.1, 0.0]])
    keep = torch.ones(1, 4, dtype=torch.bool)
    before = relevance_weights(r, keep, temperature=0.1)
    keep[0, 0] = False
    after = relevance_weights(r, keep, temperature=0.1)
    assert float(after[0, 0]) == 0
    assert float(after.sum()) == pytest.approx(1)
    assert float(after[0, 1]) > 10 * float(before[0, 1])
    assert (relevance_weights(r, torch.zeros_like(keep), temperature=0.1) == 0).all()


def test_loss_is_kl_and_zero_at_the_teacher():
    r, keep = _draw(3, 6), torch.rand(3, 6, generator=torch.Generator().manual_seed(2)) > 0.3
    teacher = relevance_weights(r, keep, temperature=0.5)
    assert float(selector_loss(teacher, r, keep, temperature=0.5)) == pytest.approx(0, abs=1e-12)
    even = keep.double() / keep.sum(1, keepdim=True)
    by_hand = 0.0
    for i in range(3):
        for j in range(6):
            if keep[i, j]:
                p = float(teacher[i, j])
                by_hand += p * math.log(p / float(even[i, j])) / 3
    assert float(selector_loss(even, r, keep, temperature=0.5)) == pytest.approx(by_hand)


def test_gradient_goes_to_the_weights_only():
    logits = _draw(2, 5).requires_grad_()
    r = _draw(2, 5, seed=1).requires_grad_()
    keep = torch.tensor([[True, True, False, True, True]] * 2)

    def loss(u):
        alpha = u.masked_fill(~keep, -torch.inf).softmax(1)
        return selector_loss(alpha, r, keep, temperature=0.3)

    assert torch.autograd.gradcheck(loss, logits)
    sent = torch.autograd.grad(loss(logits), [logits, r], allow_unused=True)
    assert sent[1] is None
    assert (sent[0][:, 2] == 0).all()


def test_records_without_tokens_do_not_count():
    r = _draw(2, 5)
    keep = torch.ones(2, 5, dtype=torch.bool)
    keep[1] = False
    alpha = torch.full((2, 5), 0.2, dtype=torch.float64) * keep
    alone = selector_loss(alpha[:1], r[:1], keep[:1], temperature=0.3)
    assert float(selector_loss(alpha, r, keep, temperature=0.3)) == pytest.approx(float(alone))
    nobody = torch.zeros_like(keep)
    assert float(selector_loss(alpha * nobody, r, nobody, temperature=0.3)) == 0
