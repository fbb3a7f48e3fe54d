"""What a method costs: parameters, time of a training step, memory of a training step."""

from __future__ import annotations

import time
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ecglearn.abilities import Embeds


class Cost(NamedTuple):
    """Measured on this machine, in this process.

    Attributes:
        parameters: trained ones.
        encoder: of them in what a user keeps, the part that `embed` runs through.
        seconds: of one optimiser-free training step (forward and backward); on a CPU, its time over
            all threads.
        embed_seconds: of embedding the same records.
        megabytes: what the forward pass keeps for the backward pass.

    Book: five-methods#cost
    """

    parameters: int
    encoder: int
    seconds: float
    embed_seconds: float
    megabytes: float


def cost(method: Any, batch: Any, *, repeats: int = 3) -> Cost:
    """Measure one method on one batch; its weights stay as they are.

    A training step is the sum of all its turns. Memory counts each tensor that autograd
    keeps once, so it does not depend on the device.

    Args:
        method: a `Stage` with `embed(batch)`, whose objectives are measured.
        batch: with all fields the method is trained on.
        repeats: times are medians over so many, after one that warms up.

    Book: five-methods#cost
    """
    objectives, kept = method.objectives(), dict[int, int]()
    device = next(method.parameters()).device

    def keep(x: Tensor) -> Tensor:
        if not isinstance(x, torch.nn.Parameter):
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    def step() -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for losses in dict.fromkeys(one.losses for one in objectives):
                terms = losses(batch, Generator().manual_seed(0))
                torch.stack(list(terms.values())).sum().backward()

    before = {name: value.clone() for name, value in method.state_dict().items()}
    was_training = method.training
    method.train()
    with saved_tensors_hooks(keep, lambda x: x):
        step()
    seconds = median(_timed(step, device) for _ in range(repeats))
    method.zero_grad(set_to_none=True)
    method.load_state_dict(before)
    embed_seconds = median(_timed(lambda: method.embed(batch), device) for _ in range(repeats))
    method.train(was_training)
    trained = {p for one in objectives for p in one.parameters}
    return Cost(
        sum(p.numel() for p in trained),
        sum(p.numel() for p in used_by_embed(method, batch)),
        seconds,
        embed_seconds,
        sum(kept.values()) / 1e6,
    )


def used_by_embed(method: Embeds, batch: Any) -> list[torch.nn.Parameter]:
    """Parameters that take part when a record is embedded.

    Args:
        method: has `embed(batch)`.
        batch: records; two are enough.

    Book: five-methods#cost
    """
    used: dict[torch.nn.Parameter, None] = {}

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            used.update(
                dict.fromkeys(
                    x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.nn.Parameter)
                )
            )
            return func(*args, **(kwargs or {}))

    with Watch():
        method.embed(batch[slice(0, 2)])
    return list(used)


def _timed(what: Any, device: torch.device) -> float:
    """CPU time of this process, which other work does not stretch; else by the clock."""
    if device.type == "cpu":
        start = time.process_time()
        what()
        return time.process_time() - start
    torch.accelerator.synchronize(device)
    start = time.perf_counter()
    what()
    torch.accelerator.synchronize(device)
    return time.perf_counter() - start
