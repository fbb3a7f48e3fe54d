"""Judges of exercises on losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.losses.contrastive import info_nce as reference
from ecglearn.losses.temporal import phase_target

TEMPERATURE = 0.2


def info_nce(loss: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Try a function `loss(a, b, temperature)`: InfoNCE of both directions, value and gradient.

    Args:
        loss: what was written.

    Book: for-instructors#instructors-checks
    """
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(7, 5, generator=generator).double().requires_grad_() for _ in range(2))
    value = loss(a, b, TEMPERATURE)
    if not isinstance(value, Tensor) or value.ndim:
        return "a single number as a tensor is asked for"
    true = reference(a, b, temperature=TEMPERATURE)
    if not torch.allclose(value.double(), true, atol=1e-6):
        return _kind(float(value.detach()), a.detach(), b.detach())
    if not value.requires_grad:
        return "the value is right, but it has no gradient: something in it was detached"
    (got,) = torch.autograd.grad(value, a, retain_graph=True)
    (wanted,) = torch.autograd.grad(true, a)
    return "" if torch.allclose(got, wanted, atol=1e-6) else "the value is right, its gradient not"


def _kind(value: float, a: Tensor, b: Tensor) -> str:
    """Which mistake gives this value."""
    cosine = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    both = reference(a, b, temperature=TEMPERATURE)

    def rows(logits: Tensor) -> Tensor:
        return (logits.logsumexp(1) - logits.diagonal()).mean()

    scaled = cosine / TEMPERATURE
    mistakes = {
        "only the rows are asked, the columns are missing": rows(scaled),
        "only the columns are asked, the rows are missing": rows(scaled.T),
        "the sum over the batch is taken, not the mean": len(a) * both,
        "both directions are added, not averaged": 2 * both,
        "the rows are not normalised: dot products instead of cosines": (
            rows(a @ b.T / TEMPERATURE) + rows((a @ b.T).T / TEMPERATURE)
        )
        / 2,
        "the temperature is missing": (rows(cosine) + rows(cosine.T)) / 2,
        "the temperature multiplies, it should divide": (
            rows(cosine * TEMPERATURE) + rows((cosine * TEMPERATURE).T)
        )
        / 2,
        "the sign is turned over": -both,
        "this is in bits, natural logarithms are asked for": both / math.log(2),
    }
    for says, wrong in mistakes.items():
        if math.isclose(value, float(wrong), abs_tol=1e-5):
            return says
    return "the value is another one"


def two_directions(pair: Any) -> str:
    """Judge two embeddings for which the loss from rows and the loss from columns differ.

    Args:
        pair: two tensors (B, D).

    Book: for-instructors#instructors-checks
    """
    try:
        a, b = (torch.as_tensor(x, dtype=torch.float64) for x in pair)
        one, other = (
            float(reference(a, b, temperature=0.1, weight=weight)) for weight in (1.0, 0.0)
        )
    except (TypeError, ValueError, RuntimeError, InputError):
        return "two tensors (B, D) of one shape are asked for"
    if abs(one - other) < 0.01:
        return f"the loss from rows is {one:.3f}, from columns {other:.3f}: no difference yet"
    return ""


def circular_target(target: Callable[[int, float], Tensor]) -> str:
    """Try a function `target(steps, sigma)`: the phase target of a cycle that closes on itself.

    Args:
        target: what was written.

    Book: for-instructors#instructors-checks
    """
    for steps, sigma in ((13, 0.1), (8, 0.3)):
        got = torch.as_tensor(target(steps, sigma)).double()
        if got.shape != (steps, steps):
            return f"the shape is {tuple(got.shape)}, asked for: {(steps, steps)}"
        true = phase_target(steps, sigma=sigma, distance="circular").double()
        if torch.allclose(got, true, atol=1e-5):
            continue
        if torch.allclose(got, phase_target(steps, sigma=sigma).double(), atol=1e-5):
            return "this is the target of a line: the last phase does not border on the first"
        if not torch.allclose(got.sum(1), torch.ones(steps).double(), atol=1e-5):
            return "the rows do not sum to 1"
        if not torch.allclose(got[0], got[1].roll(-1), atol=1e-5):
            return "in a cycle every row is the one before, moved on by one; here they differ"
        if torch.allclose(got, _narrower(true), atol=1e-5):
            return "the exponent lacks the factor one half"
        return "rows sum to 1 and the cycle closes, but the width is another one"
    return ""


def _narrower(target: Tensor) -> Tensor:
    """The target without the half in its exponent: its entries squared, then normalised."""
    return target**2 / (target**2).sum(1, keepdim=True)
