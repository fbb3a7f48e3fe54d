"""One optimiser step: losses and gradient of a batch, whole or in micro-batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ecglearn.distributed import size
from ecglearn.errors import InputError
from ecglearn.method import Losses, Objective, Stage
from ecglearn.train.grad_cache import MicroBatches

Precision = Literal["fp32", "tf32", "bf16"]


def turns(method: nn.Module) -> list[list[Objective]]:
    """What takes its turn within each batch: objectives that share their losses, together.

    Args:
        method: a `Stage`; of any other module with `losses` all parameters are one objective.

    Book: ptacl#training
    """
    if not isinstance(method, Stage):
        return [[Objective(list(method.parameters()), method.losses)]]  # pyright: ignore
    found = groupby(method.objectives(), key=lambda objective: objective.losses)
    return [list(together) for _, together in found]


@contextmanager
def only(objectives: Iterable[Objective], method: nn.Module) -> Iterator[None]:
    """Until the end of the `with` block, exactly the objectives' parameters have a gradient.

    Args:
        objectives: of the method.
        method: all of whose other parameters are held.

    Book: ptacl#training
    """
    trained = {p for objective in objectives for p in objective.parameters}
    before = {p: p.requires_grad for p in method.parameters()}
    for p in before:
        p.requires_grad_(p in trained)
    try:
        yield
    finally:
        for p, wanted in before.items():
            p.requires_grad_(wanted)


class _Terms(nn.Module):
    """Losses as a module that holds the method, so that DistributedDataParallel can wrap it."""

    def __init__(self, method: nn.Module, losses: Callable[..., Losses]) -> None:
        super().__init__()
        self.method, self.losses = method, losses

    def forward(self, batch: Any, generator: Generator | None, step: int | None) -> Losses:
        return self.losses(batch, generator, step)


class StepRunner:
    """One turn of a step: the losses of a batch, and their gradient on the parameters.

    Args:
        method: holds the parameters.
        losses: of the turn.
        alone: no other turn trains other parameters of the method.
        precision: "bf16" runs matrix products in bfloat16 by autocast.
        compile: through `torch.compile`.

    Attributes:
        late: terms are asked for when the next step is on its way, since asking waits for them.

    Book: many-machines#flags
    """

    _late = False

    def __init__(
        self,
        method: nn.Module,
        losses: Callable[..., Losses],
        *,
        alone: bool = True,
        precision: Precision = "fp32",
        compile: bool = False,
    ) -> None:
        self.method = method
        self.device = next(method.parameters()).device
        self.low = precision == "bf16"
        self.late = self._late or self.device.type == "cuda"
        self.alone = self.module = _Terms(method, losses)
        if compile:
            for part in method.children():
                part.compile()
        if size() > 1:
            self.module = DistributedDataParallel(
                self.alone, find_unused_parameters=not alone, broadcast_buffers=False
            )

    def __call__(self, parts: Sequence[Any], keys: Sequence[int], step: int) -> Noted:
        """Gradients are left on the parameters; the terms are returned, mean over the parts.

        Args:
            parts: the batch of this process, in one piece or in micro-batches of equal size.
            keys: seed of each part.
            step: number of the step.

        Raises:
            NotFinite: a term is not; on an accelerator `Noted.values` says so, since asking would
                hold up the step.
        """
        if len(parts) == 1:
            return Noted([self._backward(self.module, parts[0], keys[0], step)])
        micro = MicroBatches(len(parts))
        # what a step writes to buffers (running statistics, counters) is written once for all parts
        buffers = [(b, b.clone()) for b in self.method.buffers()]
        last = len(parts) - 1
        for part in range(last):
            with torch.no_grad(), micro.turn(part, second=False):
                self._terms(self.alone, parts[part], keys[part], step)
            _put_back(buffers)
        noted = []
        # the last part is noted in its second turn, which comes first, and so needs no other
        for number, part in enumerate((last, *range(last))):
            _put_back(buffers)
            with micro.turn(part, second=True), self._quiet(number < last):
                terms = self._backward(
                    self.module, parts[part], keys[part], step, share=1 / len(parts)
                )
            noted.append(terms)
        return Noted(noted)

    def terms(self, batch: Any, key: int) -> Losses:
        """The terms of a batch, as at the end of training.

        Args:
            batch: records.
            key: seed of what is drawn.
        """
        return self._terms(self.alone, batch, key, None)

    def _backward(
        self, module: nn.Module, batch: Any, key: int, step: int, *, share: float = 1.0
    ) -> dict[str, Tensor]:
        terms = self._terms(module, batch, key, step)
        loss = torch.stack(list(terms.values())).sum()
        values = {name: value.detach() for name, value in terms.items()}
        if not self.late:
            check_finite(values)
        (loss * share).backward()
        return values

    def _terms(self, module: nn.Module, batch: Any, key: int, step: int | None) -> Losses:
        with (
            torch.random.fork_rng(devices=[]),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.low),
        ):
            if self.device.type == "cpu":  # torch.manual_seed would write a trace for each device
                torch.default_generator.manual_seed(key)
            else:
                torch.manual_seed(key)
            return module(batch.to(self.device), Generator().manual_seed(key), step)

    def _quiet(self, wanted: bool) -> Any:
        """No sum over processes yet."""
        if wanted and isinstance(self.module, DistributedDataParallel):
            return self.module.no_sync()
        return nullcontext()


class Noted:
    """Terms of one turn, still where they were computed.

    Args:
        parts: terms of each micro-batch.

    Book: many-machines#flags
    """

    def __init__(self, parts: list[dict[str, Tensor]]) -> None:
        self._parts = parts

    def values(self) -> dict[str, float]:
        """Mean over the parts; waits for the device.

        Raises:
            NotFinite: a term is not finite.
        """
        sums: dict[str, float] = {}
        for terms in self._parts:
            check_finite(terms)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(self._parts)
        return sums


def check_finite(terms: Mapping[str, Tensor]) -> None:
    """Refuse terms whose sum cannot be descended.

    Args:
        terms: of one turn.

    Raises:
        NotFinite: their sum is not finite; names all.

    Book: ptacl#training
    """
    if not bool(torch.isfinite(torch.stack(list(terms.values())).sum())):
        raise NotFinite(", ".join(f"{name} {float(value):g}" for name, value in terms.items()))


class NotFinite(ArithmeticError):
    """A loss is NaN or infinite; the message has the terms.

    Book: ptacl#training
    """


@contextmanager
def products(precision: Precision) -> Iterator[None]:
    """Until the end of the `with` block, matrix products of fp32 run in TF32 if that is wanted.

    Args:
        precision: of the run.

    Book: many-machines#flags
    """
    before = torch.get_float32_matmul_precision()
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse an unknown precision; warn where bfloat16 is emulated.

    Args:
        precision: "fp32", "tf32" or "bf16".
        device: that would compute.

    Raises:
        InputError: another precision.

    Book: many-machines#flags
    """
    if precision not in ("fp32", "tf32", "bf16"):
        raise InputError(f"precision is 'fp32', 'tf32' or 'bf16', not {precision!r}")
    if precision == "fp32" or (precision == "tf32" and device.type == "cuda"):
        return
    if precision == "tf32":
        warnings.warn(f"this {device.type} has no TF32: tf32 computes as fp32 here", stacklevel=3)
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


def _put_back(buffers: list[tuple[Tensor, Tensor]]) -> None:
    for buffer, before in buffers:
        buffer.copy_(before)
