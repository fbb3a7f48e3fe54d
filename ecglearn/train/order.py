"""In which order an epoch sees its patients."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from ecglearn.data.store.several import Stores
from ecglearn.errors import InputError

POOL = 16  # batches whose records are sorted by the length of their report, among each other


def report_lengths(data: Any) -> Int[Tensor, " n"]:
    """Letters of each report, which is how long it will be in tokens, near enough.

    Args:
        data: patients with `reports`.

    Raises:
        InputError: they have none.

    Book: many-machines#flags
    """
    reports = getattr(data, "reports", None)
    if reports is None:
        raise InputError("batches by length need patients with reports: leave out by_length")
    return torch.tensor([len(text) for text in reports])


def epoch_order(
    data: Any, batch_size: int, generator: Generator, lengths: Int[Tensor, " n"] | None = None
) -> Int[Tensor, " n"]:
    """All patients in a random order.

    With lengths, records of some batches in a row are dealt to these batches by length, so that
    each holds reports of like length; which batches come first stays random, as does the rest that
    fills no batch.

    Args:
        data: patients.
        batch_size: patients of a step.
        generator: source of randomness.
        lengths: of the reports; None leaves the order alone.

    Book: many-machines#flags
    """
    if isinstance(data, Stores):
        order = data.order(generator)
    else:
        order = torch.randperm(len(data), generator=generator)
    if lengths is None:
        return order
    whole = len(order) // batch_size
    for first in range(0, whole, POOL):
        count = min(POOL, whole - first)
        pool = slice(first * batch_size, (first + count) * batch_size)
        some = order[pool]
        dealt = some[lengths[some].argsort(stable=True)].view(count, batch_size)
        order[pool] = dealt[torch.randperm(count, generator=generator)].flatten()
    return order
