"""The only file that talks to other processes: start, rank, size, gather with gradient."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

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
    return rows if _parts is None else _parts.meet(rows)


def own(rows: int) -> slice:
    """Where the rows of this process and micro-batch stand among gathered ones.

    Args:
        rows: how many they are.

    Book: many-machines#accumulation
    """
    first = (rank() if _parts is None else _parts.place()) * rows
    return slice(first, first + rows)


@runtime_checkable
class Meeting(Protocol):
    """How rows of this process meet those of other parts of its batch, which come at other times.

    Book: many-machines#accumulation
    """

    def meet(self, rows: Tensor) -> Tensor:
        """What `gather` gives for rows that were gathered over processes."""
        ...

    def place(self) -> int:
        """Number of this process and part among all."""
        ...


@contextmanager
def meeting(parts: Meeting) -> Iterator[None]:
    """Until the end of the `with` block, `gather` and `own` go through the parts of a batch.

    Args:
        parts: answers for them.

    Book: many-machines#accumulation
    """
    global _parts
    _parts = parts
    try:
        yield
    finally:
        _parts = None


_parts: Meeting | None = None  # the micro-batches of which one is at work


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
