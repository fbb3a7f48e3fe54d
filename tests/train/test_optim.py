"""The published recipe: warm-up, half a cosine, and no decay on vectors."""

import math

import pytest
import torch
from torch import nn

from ecglearn.method import Objective
from ecglearn.train.optim import optimiser, schedule


def rates(total, warmup, steps):
    """Learning rate of each step, as a share of the peak."""
    stepped = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=2.0)
    planned, found = schedule(stepped, total, warmup), []
    for _ in range(steps):
        found.append(stepped.param_groups[0]["lr"] / 2)
        stepped.step()
        planned.step()
    return found


def test_rate_rises_to_its_peak_and_falls_along_half_a_cosine():
    found = rates(100, 0.1, 101)
    assert found[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert found[10] == pytest.approx(1)
    assert found[32] == pytest.approx((1 + math.cos(math.pi * 22 / 90)) / 2)
    assert found[55] == pytest.approx(0.5)
    assert found[99] == pytest.approx((1 + math.cos(math.pi * 89 / 90)) / 2)
    assert found[100] == pytest.approx(0)


@pytest.mark.parametrize("warmup", [0.0, 0.3, 1.0])
def test_a_run_of_one_step_has_the_full_rate(warmup):
    assert rates(1, warmup, 2)[0] == 1


def test_only_matrices_decay():
    """Biases, gains and norms keep their size; an objective may ask for its own rates."""
    first = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Conv1d(1, 2, 3))
    second = nn.Linear(2, 2)
    made = optimiser(
        [
            Objective(list(first.parameters()), lambda *_: {}),
            Objective(list(second.parameters()), lambda *_: {}, lr_scale=3.0, weight_decay=0.2),
        ],
        1e-3,
        0.05,
        (0.8, 0.9),
    )
    decay = {id(p): g["weight_decay"] for g in made.param_groups for p in g["params"]}
    for module, rate in ((first, 0.05), (second, 0.2)):
        for p in module.parameters():
            assert decay[id(p)] == (rate if p.ndim > 1 else 0), tuple(p.shape)
    lr = {id(p): g["lr"] for g in made.param_groups for p in g["params"]}
    assert lr[id(first[0].weight)] == pytest.approx(1e-3)
    assert lr[id(second.bias)] == lr[id(second.weight)] == pytest.approx(3e-3)
    assert {g["betas"] for g in made.param_groups} == {(0.8, 0.9)}
