"""One optimiser step: losses and gradient of a batch, whole or in micro-batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ecglearn.distributed import MicroBatches, size
from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d

Precision = Literal["fp32", "bf16"]


class Method(Protocol):
    """What the loop needs of a method.

    Book: ptacl#training
    """

    def steps(self) -> list[tuple[list[dict], Callable[..., dict[str, Tensor]]]]:
        """Parameter groups and the function that gives their losses."""
        ...


class Step(nn.Module):
    """One entry of `steps()` as a module, so that DistributedDataParallel can wrap it.

    Args:
        method: with `steps()`.
        index: which entry.

    Book: ptacl#training
    """

    def __init__(self, method: Any, index: int) -> None:
        super().__init__()
        self.method, self.index = method, index

    def forward(self, batch: Any, generator: Generator | None) -> dict[str, Tensor]:
        """Named terms of a batch.

        Args:
            batch: patients.
            generator: source of randomness.
        """
        return self.method.steps()[self.index][1](batch, generator)


class StepRunner:
    """Losses of an entry of `steps()`, and their gradient on its parameters.

    Args:
        method: with `steps()`.
        index: which entry.
        precision: "bf16" runs matrix products in bfloat16 by autocast.
        compile: through `torch.compile`.

    Book: many-machines#flags
    """

    def __init__(
        self, method: Any, index: int, *, precision: Precision = "fp32", compile: bool = False
    ) -> None:
        self.method = method
        self.device = next(method.parameters()).device
        self.low = precision == "bf16"
        self.alone = self.module = Step(method, index)
        if compile:
            for part in method.children():
                part.compile()
        if size() > 1:
            self.module = DistributedDataParallel(
                self.alone, find_unused_parameters=len(method.steps()) > 1, broadcast_buffers=False
            )

    def __call__(self, parts: Sequence[Any], keys: Sequence[int]) -> dict[str, float]:
        """Gradients are left on the parameters; the terms are returned, mean over the parts.

        Args:
            parts: the batch of this process, in one piece or in micro-batches of equal size.
            keys: seed of each part.
        """
        if len(parts) == 1:
            return self._backward(self.module, parts[0], keys[0])
        micro = MicroBatches(len(parts))
        # what a step writes to buffers (running statistics, counters) is written once for all parts
        buffers = [(b, b.clone()) for b in self.method.buffers()]
        for part, (batch, key) in enumerate(zip(parts, keys, strict=True)):
            with torch.no_grad(), micro.turn(part, second=False):
                self._terms(self.alone, batch, key)
            _put_back(buffers)
        sums: dict[str, float] = {}
        for part, (batch, key) in enumerate(zip(parts, keys, strict=True)):
            _put_back(buffers)
            with micro.turn(part, second=True), self._quiet(part < len(parts) - 1):
                terms = self._backward(self.module, batch, key, share=1 / len(parts))
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value / len(parts)
        return sums

    def _backward(self, module: nn.Module, batch: Any, key: int, *, share: float = 1.0) -> dict:
        terms = self._terms(module, batch, key)
        loss = torch.stack(list(terms.values())).sum()
        values = {name: float(value.detach()) for name, value in terms.items()}
        if not bool(torch.isfinite(loss)):
            raise NotFinite(", ".join(f"{name} {value:g}" for name, value in values.items()))
        (loss * share).backward()
        return values

    def _terms(self, module: nn.Module, batch: Any, key: int) -> dict[str, Tensor]:
        with (
            torch.random.fork_rng(devices=[]),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.low),
        ):
            torch.manual_seed(key)
            return module(batch.to(self.device), Generator().manual_seed(key))

    def _quiet(self, wanted: bool) -> Any:
        """No sum over processes yet."""
        if wanted and isinstance(self.module, DistributedDataParallel):
            return self.module.no_sync()
        return nullcontext()


class NotFinite(ArithmeticError):
    """A loss is NaN or infinite; the message has the terms.

    Book: ptacl#training
    """


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse an unknown precision; warn where bfloat16 is emulated.

    Args:
        precision: "fp32" or "bf16".
        device: that would compute.

    Raises:
        ValueError: another precision.

    Book: many-machines#flags
    """
    if precision not in ("fp32", "bf16"):
        raise ValueError(f"precision is 'fp32' or 'bf16', not {precision!r}")
    if precision == "fp32":
        return
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if not native:
        warnings.warn(
            f"this {device.type} has no bfloat16 arithmetic: bf16 works here, but is many times "
            "slower than fp32",
            stacklevel=3,
        )


def check_accumulation(method: nn.Module, parts: int) -> None:
    """Refuse micro-batches where they would give other numbers than the whole batch.

    Args:
        method: about to be trained.
        parts: micro-batches of a step.

    Raises:
        ValueError: an encoder takes statistics of the whole batch before rows meet.

    Book: many-machines#accumulation
    """
    if parts > 1 and any(isinstance(m, BatchNorm1d | BatchNorm2d) for m in method.modules()):
        raise ValueError(
            f"{type(method).__name__} has batch norms inside its encoder, and a micro-batch does "
            "not have the statistics of the whole batch; use more processes (torchrun) instead of "
            "accumulate, or an encoder without batch norm"
        )


def _put_back(buffers: list[tuple[Tensor, Tensor]]) -> None:
    for buffer, before in buffers:
        buffer.copy_(before)
