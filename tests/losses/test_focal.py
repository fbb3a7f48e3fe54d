"""Focal loss: by hand, and blind to what was not measured."""

import math

import pytest
import torch

from ecglearn.losses.focal import masked_focal

NAN = float("nan")


@pytest.fixture
def some():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 2, (7, 3), generator=generator).double()
    targets[0, 0] = targets[3, 1] = targets[5, 1] = NAN
    return logits, targets


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_by_hand(some, gamma):
    logits, targets = some
    total = 0.0
    for k in range(3):
        values = []
        for x, y in zip(logits[:, k].tolist(), targets[:, k].tolist(), strict=True):
            if math.isnan(y):
                continue
            p = 1 / (1 + math.exp(-x))
            right = p if y else 1 - p
            values.append(-((1 - right) ** gamma) * math.log(right))
        total += sum(values) / len(values)
    assert float(masked_focal(logits, targets, gamma=gamma)) == pytest.approx(total)


def test_unmeasured_labels_have_no_gradient_and_no_effect(some):
    logits, targets = some
    logits = logits.requires_grad_()
    masked_focal(logits, targets).backward()
    assert logits.grad is not None
    assert bool((logits.grad[targets.isnan()] == 0).all())
    assert bool((logits.grad[~targets.isnan()] != 0).all())
    changed = logits.detach().where(~targets.isnan(), torch.tensor(50.0).double())
    assert float(masked_focal(changed, targets)) == float(masked_focal(logits.detach(), targets))


def test_nothing_measured_is_zero():
    logits = torch.zeros(4, 2, requires_grad=True)
    loss = masked_focal(logits, torch.full((4, 2), NAN))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert bool((logits.grad == 0).all())


def test_closed_form_at_zero_and_finite_far_away():
    targets = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert float(masked_focal(torch.zeros(2, 2), targets)) == pytest.approx(2 * math.log(2) / 4)
    far = torch.full((2, 2), 200.0, requires_grad=True)
    loss = masked_focal(far, targets)
    loss.backward()
    assert bool(torch.isfinite(loss.detach()))
    assert far.grad is not None
    assert bool(torch.isfinite(far.grad).all())


def test_gradient(some):
    logits, targets = some
    assert torch.autograd.gradcheck(lambda x: masked_focal(x, targets), logits.requires_grad_())
