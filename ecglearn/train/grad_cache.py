"""Micro-batches that give the loss and the gradient of the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ecglearn.distributed import meeting, rank, size
from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ecglearn.errors import InputError


class MicroBatches:
    """Parts of a batch that go through a model one after the other and meet as if at once.

    Each part takes two turns. In the first, `gather` notes its rows; in the second it gives the
    rows of all parts, of which only the part's own carry a gradient. One part may do without a
    first turn, when its second one comes before all others. That gradient is multiplied by
    the number of parts, as if every part had sent its own back: the mean over parts is then the
    gradient of the whole batch, as the mean over processes is.

    Args:
        count: how many parts.

    Source: two passes as in Gao et al. 2021 (GradCache), here through `gather`.

    Book: many-machines#accumulation
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._noted: list[list[Tensor]] = [[] for _ in range(count)]
        self._part, self._call, self._second = 0, 0, False

    @contextmanager
    def turn(self, part: int, *, second: bool) -> Iterator[None]:
        """Until the end of the `with` block, one part is at work.

        Args:
            part: 0, 1, ...
            second: its rows were noted before.
        """
        self._part, self._call, self._second = part, 0, second
        with meeting(self):
            yield

    def meet(self, rows: Tensor) -> Tensor:
        """What `gather` gives for the rows of the part at work.

        Args:
            rows: gathered over processes.
        """
        if not self._second:
            self._noted[self._part].append(rows.detach())
            return rows
        if self._call == len(self._noted[self._part]):  # of the part that takes no first turn
            self._noted[self._part].append(rows.detach())
        live = rows.view_as(rows)
        if live.requires_grad:
            live.register_hook(lambda gradient: gradient * self.count)
        parts = [noted[self._call] for noted in self._noted]
        parts[self._part] = live
        self._call += 1
        return torch.cat(parts)

    def place(self) -> int:
        """Number of this process and part among all: parts in order, processes within each."""
        return (self._part * size() if self._second else 0) + rank()


def check_accumulation(method: nn.Module, parts: int) -> None:
    """Refuse micro-batches where they would give other numbers than the whole batch.

    Args:
        method: about to be trained.
        parts: micro-batches of a step.

    Raises:
        InputError: an encoder takes statistics of the whole batch before rows meet.

    Book: many-machines#accumulation
    """
    if parts > 1 and any(isinstance(m, BatchNorm1d | BatchNorm2d) for m in method.modules()):
        raise InputError(
            f"{type(method).__name__} has batch norms inside its encoder, and a micro-batch does "
            "not have the statistics of the whole batch; use more processes (torchrun) instead of "
            "accumulate, or an encoder without batch norm"
        )
