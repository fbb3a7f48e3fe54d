"""The only file that talks to other processes: start, rank, size, gather with gradient."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, distributed


def start() -> None:
    """Join the processes that `torchrun` started; without `torchrun` there is nothing to do.

    Call it once, first thing in a script. Uses NCCL when every process has a GPU, else gloo.

    Book: ptacl#many-processes
    """
    if "RANK" not in os.environ or distributed.is_initialized():
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.device_count() > local:
        torch.cuda.set_device(local)
        distributed.init_process_group("nccl")
    else:
        distributed.init_process_group("gloo")


def size() -> int:
    """Number of processes; 1 when nothing is distributed.

    Book: ptacl#many-processes
    """
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Index of this process; 0 when nothing is distributed.

    Book: ptacl#many-processes
    """
    return distributed.get_rank() if distributed.is_initialized() else 0


def gather(x: Shaped[Tensor, "local *rest"]) -> Shaped[Tensor, "all *rest"]:
    """Rows of all processes and micro-batches, in order, with gradient to each owner.

    Every process then computes the loss of the whole batch. The backward pass adds what all
    processes send back to a row, so after DistributedDataParallel has taken the mean the gradient
    is that of a single process. Gathering without gradient would shorten it by the number of
    processes and so shift the balance between gathered and local terms.

    Args:
        x: rows of this process, as many as in any other.

    Returns:
        The rows of all; `x` itself when nothing is distributed.

    Book: ptacl#many-processes
    """
    rows: Tensor = x if size() == 1 else _Gather.apply(x)  # pyright: ignore[reportAssignmentType]
    return rows if _turn is None else _turn.meet(rows)


def own(rows: int) -> slice:
    """Where the rows of this process and micro-batch stand among gathered ones.

    Args:
        rows: how many they are.

    Book: many-machines#accumulation
    """
    first = (rank() if _turn is None else _turn.place()) * rows
    return slice(first, first + rows)


class MicroBatches:
    """Parts of a batch that go through a model one after the other and meet as if at once.

    Each part takes two turns. In the first, `gather` notes its rows; in the second it gives the
    rows of all parts, of which only the part's own carry a gradient. That gradient is multiplied by
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
        global _turn
        self._part, self._call, self._second = part, 0, second
        _turn = self
        try:
            yield
        finally:
            _turn = None

    def meet(self, rows: Tensor) -> Tensor:
        """What `gather` gives for the rows of the part at work.

        Args:
            rows: gathered over processes.
        """
        if not self._second:
            self._noted[self._part].append(rows.detach())
            return rows
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


_turn: MicroBatches | None = None  # the micro-batches of which one is at work


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        rows = [torch.empty_like(x) for _ in range(size())]
        distributed.all_gather(rows, x.contiguous())
        ctx.rows = len(x)
        return torch.cat(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total[rank() * ctx.rows : (rank() + 1) * ctx.rows]
