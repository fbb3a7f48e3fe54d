"""Masked mean squared error: PTACL's property 18."""

import pytest
import torch

from ecglearn.losses.reconstruction import masked_mse


def test_by_hand_and_blind_to_visible_patches():
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, 3, 6, 4, generator=generator)
    hidden = torch.rand(3, 6, generator=generator) < 0.5
    total = sum(
        float(((prediction[i, n] - target[i, n]) ** 2).sum()) / 4
        for i in range(3)
        for n in range(6)
        if hidden[i, n]
    )
    assert float(masked_mse(prediction, target, hidden)) == pytest.approx(
        total / int(hidden.sum()), abs=1e-6
    )
    elsewhere = prediction + 100 * (~hidden)[..., None]
    assert torch.equal(
        masked_mse(elsewhere, target, hidden), masked_mse(prediction, target, hidden)
    )
    assert float(masked_mse(target, target, hidden)) == 0


def test_gradient():
    x = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(2, 3, 2, dtype=torch.float64)
    hidden = torch.tensor([[True, False, True], [False, True, True]])
    assert torch.autograd.gradcheck(lambda a: masked_mse(a, y, hidden), (x,))


def test_nothing_hidden_costs_nothing():
    x = torch.ones(2, 3, 4)
    assert float(masked_mse(x, 2 * x, torch.zeros(2, 3, dtype=torch.bool))) == 0
