"""The rule of what is decayed, and the course of the learning rate."""

import math

import pytest
import torch
from torch import nn

from ecglearn.abilities import Undecayed
from ecglearn.encoders import (
    S4D,
    CineTransformer,
    ClassTokenPool,
    ECGTransformer,
    LeadTimeTransformer,
    MaskedAutoencoder,
    SeparatedAttention,
)
from ecglearn.encoders.cross_decoder import CrossDecoder
from ecglearn.method import Objective
from ecglearn.registry import create, list_methods
from ecglearn.train.optim import optimiser, schedule


def rates(total, warmup, steps, restarts=None):
    """Learning rate of each step, as a share of the peak."""
    stepped = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=2.0)
    planned, found = schedule(stepped, total, warmup, restarts), []
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


def test_one_step_rises_where_none_is_asked_for():
    falling = [(1 + math.cos(math.pi * k / 4)) / 2 for k in range(5)]
    assert rates(5, 0.0, 6) == pytest.approx([1, *falling])


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
        nn.ModuleList([first, second]),
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


def test_cycles_begin_at_the_peak_and_have_equal_length():
    found = rates(100, 0.0, 75, restarts=30)
    one = [(1 + math.cos(math.pi * k / 30)) / 2 for k in range(30)]
    assert found == pytest.approx([*one, *one, *one[:15]])
    assert rates(100, 0.1, 41, restarts=30)[9:11] == pytest.approx([1, 1])
    assert rates(100, 0.1, 41, restarts=30)[40] == pytest.approx(1)


def small_ecg():
    return ECGTransformer(samples=100, patch=50, width=8, depth=1, heads=2, use_cls=True)


PARTS = {
    "class token and positions of a pool": (
        lambda: ClassTokenPool(5, 8, 2),
        {"class_token", "positions"},
    ),
    "ECG": (small_ecg, {"class_token", "positions"}),
    "cine": (
        lambda: CineTransformer(frames=2, size=12, width=8, depth=1, heads=2),
        {"positions"},
    ),
    "masked autoencoder": (
        lambda: MaskedAutoencoder(small_ecg(), ratio=0.5, decoder_width=8),
        {"mask_token", "positions", "encoder.positions", "encoder.class_token"},
    ),
    "separators": (lambda: SeparatedAttention(5, 8, 2), {"separator", "positions"}),
    "decoder": (lambda: CrossDecoder(5, 8, 8), {"separator", "positions"}),
    "leads and time": (
        lambda: LeadTimeTransformer(samples=100, patch=50, width=8, depth=1, heads=2, out=4),
        {"lead", "null"},
    ),
    "state space": (lambda: S4D(4, 2), {"log_decay", "frequency", "log_step"}),
}


@pytest.mark.parametrize("part", PARTS)
def test_what_stands_for_itself_does_not_decay(part):
    make, names = PARTS[part]
    module = make()
    both = [
        optimiser([Objective(list(module.parameters()), lambda *_: {})], module, 1, 0.1, (0.9, 0.9))
    ]
    decay = {id(p): g["weight_decay"] for g in both[0].param_groups for p in g["params"]}
    held = {name for name, p in module.named_parameters() if p.ndim > 1 and not decay[id(p)]}
    assert held == {name for name in names if dict(module.named_parameters())[name].ndim > 1}
    for p in module.parameters():
        p.grad = torch.zeros_like(p)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    for _ in range(3):
        both[0].step()
    for name, p in module.named_parameters():
        same = torch.equal(p, before[name])
        assert same or (p.ndim > 1 and name not in names), name


@pytest.mark.parametrize("name", list_methods())
def test_every_matrix_of_our_own_is_a_weight_or_named(name):
    """A new token or position must say so; `S4D.output` is a weight: it multiplies states."""
    weights = {("S4D", "output")}
    for part in create(name, "smoke").modules():
        if type(part).__module__.startswith("ecglearn"):
            named = part.undecayed if isinstance(part, Undecayed) else ()
            for own, p in part.named_parameters(recurse=False):
                known = own in named or (type(part).__name__, own) in weights
                assert p.ndim <= 1 or known, (type(part).__name__, own)


def test_public_code_of_merl_and_deri_decays_everything():
    module = SeparatedAttention(5, 8, 2)
    objective = Objective(list(module.parameters()), lambda *_: {})
    made = optimiser([objective], module, 1e-3, 1e-8, (0.9, 0.999), decay_all=True)
    assert [g["weight_decay"] for g in made.param_groups] == [1e-8]
    assert len(made.param_groups[0]["params"]) == len(list(module.parameters()))


def test_dynamics_of_a_state_space_outlive_thirty_thousand_steps_of_decay():
    """Decay alone used to take the frequencies to a tenth."""
    layer = S4D(2, 3)
    before = layer.frequency.detach().clone()
    lr, rate = 1e-3, 0.1  # 30,000 steps: (1 - lr rate)^30000 = 0.05
    assert (1 - lr * rate) ** 30_000 < 0.1
    objective = Objective(list(layer.parameters()), lambda *_: {})
    made = optimiser([objective], layer, lr, rate, (0.9, 0.99))
    for p in layer.parameters():
        p.grad = torch.zeros_like(p)
    for _ in range(100):
        made.step()
    assert torch.equal(layer.frequency, before)
