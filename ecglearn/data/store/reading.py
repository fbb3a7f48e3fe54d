"""From the integers on disk to a batch: into memory that is used again, or scaled on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int16
from torch import Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError

Stretch = tuple[int, int, int, int]  # record, lead, first sample, first sample after it


class Buffers:
    """Memory for a few batches, used again and again: fresh memory costs more than reading into it.

    The batch before the last `count` ones is overwritten, so who wants to keep one clones it.

    Args:
        count: batches that are in use at once.
        pin: page-locked memory, from which a device copies while the processor goes on.

    Raises:
        InputError: fewer than one.

    Book: many-machines#flags
    """

    def __init__(self, count: int = 1, *, pin: bool = False) -> None:
        if count < 1:
            raise InputError(f"memory for {count} batches holds none; give 1 or more")
        self.count, self.pin = count, pin
        self._held: dict[torch.dtype, list[Tensor]] = {}
        self._turn = 0

    def take(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of a shape, with whatever stands in it.

        Args:
            shape: wanted.
            dtype: of the numbers.
        """
        size = 1
        for side in shape:
            size *= side
        ring = self._held.setdefault(dtype, [torch.empty(0, dtype=dtype)] * self.count)
        place = self._turn % self.count
        self._turn += 1
        if ring[place].numel() < size:
            ring[place] = torch.empty(size, dtype=dtype, pin_memory=self.pin)
        return ring[place][:size].view(*shape)


@dataclass(frozen=True)
class Counts:
    """Records as a store holds them; `to(device)` makes the batch, scaled where it will be used.

    Attributes:
        counts: microvolts (B, 12, time).
        mean: what is taken off each record (B,).
        scale: what it is multiplied by (B,).
        missing: stretches that were not observed.
        rest: the other fields of the batch.

    Book: many-machines#flags
    """

    counts: Int16[Tensor, "B lead time"]
    mean: Float[Tensor, " B"]
    scale: Float[Tensor, " B"]
    missing: list[Stretch] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.counts)

    def pin_memory(self) -> Counts:
        """The same in page-locked memory; a DataLoader asks for it."""
        return replace(self, counts=self.counts.pin_memory())

    def to(self, device: torch.device | str, buffers: Buffers | None = None) -> ECGBatch:
        """The batch on a device: copied as integers, scaled there.

        Args:
            device: where to.
            buffers: memory to scale into, on the processor only.
        """
        here = torch.device(device).type == "cpu"
        counts = self.counts.to(device, non_blocking=not here)
        if here and buffers is not None:
            ecg = buffers.take(counts.shape, torch.float32).copy_(counts)
        else:
            ecg = counts.float()
        ecg.sub_(self.mean.to(device)[:, None, None]).mul_(self.scale.to(device)[:, None, None])
        return finished(ecg, self.missing, self.rest, device)


def finished(
    ecg: Tensor, missing: Sequence[Stretch], rest: dict[str, Any], device: torch.device | str
) -> ECGBatch:
    """A batch from scaled signals: what was not observed is 0 and marked.

    Args:
        ecg: scaled, changed in place.
        missing: stretches that were not observed.
        rest: the other fields.
        device: of the fields.

    Book: many-machines#flags
    """
    keep = None
    if missing:
        keep = torch.ones(ecg.shape, dtype=torch.bool, device=ecg.device)
        for row, lead, first, last in missing:
            keep[row, lead, first:last] = False
            ecg[row, lead, first:last] = 0
    moved: dict[str, Any] = {
        name: value.to(device) if isinstance(value, Tensor) else value
        for name, value in rest.items()
    }
    return ECGBatch(ecg=ecg, keep=keep, **moved)
