"""The only file that talks to other processes: start, rank, size, gather with gradient."""

from __future__ import annotations

import os
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
    """Rows of all processes, in the order of their ranks, with gradient to each owner.

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
    return x if size() == 1 else _Gather.apply(x)  # pyright: ignore[reportReturnType]


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
