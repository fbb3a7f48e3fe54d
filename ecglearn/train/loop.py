"""The loop: batches in a seeded order, one step after the other, kept after each epoch."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from torch import Generator, Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm

from ecglearn.data.store.learnable import learnable
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.distributed import rank, size
from ecglearn.errors import InputError
from ecglearn.files import holding
from ecglearn.method import Method, Stage
from ecglearn.train.best import Best
from ecglearn.train.feed import closed, feed
from ecglearn.train.grad_cache import check_accumulation
from ecglearn.train.logging import History, Kind, Progress, StepLog, progress_kind
from ecglearn.train.optim import optimiser, schedule
from ecglearn.train.order import epoch_order, report_lengths
from ecglearn.train.resume import TrainingError, load_state, save_state
from ecglearn.train.settings import check_run
from ecglearn.train.step import (
    Noted,
    NotFinite,
    Precision,
    StepRunner,
    check_precision,
    only,
    products,
    turns,
)


def fit(
    method: nn.Module,
    data: Any,
    *,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    lr: float = 3e-3,
    weight_decay: float = 0.05,
    betas: tuple[float, float] = (0.9, 0.95),
    warmup: float = 0.1,
    restarts: int | None = None,
    decay_all: bool = False,
    accumulate: int = 1,
    precision: Precision = "fp32",
    compile: bool = False,
    clip: float | None = None,
    validation: Any = None,
    extend: bool = False,
    workers: int = 0,
    by_length: bool = False,
    log: str | Path | None = None,
    progress: bool | Kind | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> History:
    """Train a method: AdamW, warm-up, cosine decay, one bar with the named terms.

    Every random choice of step k follows from (seed, k), so a run that was killed and resumed ends
    with the weights of an undisturbed one (with reports: to the rounding of the text model, which
    depends on what it reads together, unless all were read before). Under `torchrun` each process
    takes its share of every batch.

    Args:
        method: a `Stage` of a method, or any module with `losses(batch, generator, step)`; trained
            in place, on the device it lies on.
        data: patients: `len(data)` and `data[indices] -> ECGBatch`. Of a store, records without a
            report, or a film, are left out and counted where the method learns from them.
        epochs: passes over the data.
        batch_size: patients of a step, over all processes; the last incomplete batch is dropped.
        seed: seed of order, windows, masks and augmentations.
        out: folder for `last.safetensors`, written after each epoch; None keeps nothing.
        resume: go on from `last.safetensors` in `out` if it is there.
        lr: peak learning rate.
        weight_decay: of AdamW, for the matrices that multiply features (see `optimiser`).
        betas: of AdamW.
        warmup: share of the steps with a rising rate.
        restarts: steps after which the rate starts anew at its peak; None: one fall over the run.
        decay_all: let the decay reach every parameter.
        accumulate: micro-batches of a step and process; loss and gradient are those of the whole
            batch, the memory for activations that of one micro-batch, the time that of one more
            forward pass. Draws are those of a run with as many processes more.
        precision: "bf16" for matrix products in bfloat16, "tf32" for those of fp32 in TF32.
        compile: through `torch.compile`; rounding differs.
        clip: greatest norm of the gradient of a turn; None clips nothing.
        validation: patients who teach nobody: after each epoch the loss of the first turn on them
            is noted, and at the end the method has the weights of the epoch in which it was least,
            which `out` holds as `best.safetensors`.
        extend: with `resume`, go on to more epochs than the run before was meant to have; the rate
            is from there on that of the longer run.
        workers: processes that read ahead; 0 reads in this one.
        by_length: batches of reports of like length, so that less padding is read: faster where a
            loss reads words. Strangers of a batch are then more alike, which a contrast feels.
        log: folder for TensorBoard: each term and rate at each step.
        progress: "bar" (or True), "lines" for one line an epoch, "none" (or False); None: a bar in
            a terminal or a notebook, lines in a file, and nothing where the environment sets
            TQDM_DISABLE.
        after_epoch: called with the number of epochs done.

    Raises:
        TrainingError: a loss is not finite; the last good checkpoint is kept.
        CheckpointError: the checkpoint belongs to another model, or weights are not finite.
        DiskError: another process trains into `out`, or the disk is full or read-only.
        InputError: a number is outside its range; a batch is larger than the data, or does not
            divide among processes and micro-batches; or the method cannot be trained in
            micro-batches.
        ImportError: `log` without the optional group `train`.

    Book: ptacl#training
    """
    numbers = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "lr": lr}
    numbers |= {"weight_decay": weight_decay, "betas": tuple(betas), "warmup": warmup}
    numbers |= {"accumulate": accumulate, "restarts": restarts, "decay_all": decay_all}
    check_run(numbers | {"clip": clip, "workers": workers})
    if isinstance(data, Store | Stores) and isinstance(method, Stage):
        data, told = learnable(data, method.needs)
        for line in told if rank() == 0 else ():
            tqdm.write(line, file=sys.stderr)
        if isinstance(validation, Store | Stores):
            validation, _ = learnable(validation, method.needs)
    batches, parts = len(data) // batch_size, size() * accumulate
    if batches == 0:
        raise InputError(f"a batch of {batch_size} is larger than the data ({len(data)} patients)")
    if batch_size % parts:
        raise InputError(
            f"a batch of {batch_size} does not divide among {size()} processes with {accumulate} "
            "micro-batches each"
        )
    lengths = report_lengths(data) if by_length else None
    check_precision(precision, next(method.parameters()).device)
    check_accumulation(method, accumulate)
    if isinstance(method, Stage):
        method.setup(data, epochs * batches)
    for part in method.modules():
        if isinstance(part, Method):
            part.about = {}  # what a file said of the weights is true no longer
    settings = {
        "batch_size": batch_size,
        "epochs": epochs,
        "seed": seed,
        "lr": lr,
        "weight_decay": weight_decay,
        "betas": list(betas),
        "warmup": warmup,
        "restarts": restarts,
        "decay_all": decay_all,
        "patients": len(data),
        "accumulate": accumulate,
        "precision": precision,
        "compile": compile,
        "config": describe(method),
        **({} if clip is None else {"clip": clip}),
        **({"by_length": True} if by_length else {}),
        **({} if validation is None else {"validation": len(validation)}),
    }
    path = None if out is None else Path(out) / "last.safetensors"
    found = turns(method)
    alone = nullcontext() if out is None or rank() > 0 else holding(Path(out))
    with only(chain.from_iterable(found), method), alone:
        optimisers = [
            optimiser(together, method, lr, weight_decay, betas, decay_all=decay_all)
            for together in found
        ]
        schedules = [schedule(each, epochs * batches, warmup, restarts) for each in optimisers]
        history = History()
        if resume and path is not None and path.exists():
            history = load_state(path, method, optimisers, schedules, settings, extend=extend)
        plan = [
            _Turn(
                StepRunner(
                    method,
                    together[0].losses,
                    alone=len(found) == 1,
                    precision=precision,
                    compile=compile,
                ),
                one,
                rate,
            )
            for together, one, rate in zip(found, optimisers, schedules, strict=True)
        ]
        method.train()
        device = next(method.parameters()).device
        log_steps = StepLog(log, history.steps)
        shown = Progress(
            progress_kind(progress), total=epochs * batches, done=history.steps, epochs=epochs
        )
        best = None
        if validation is not None:
            place = None if out is None else Path(out)
            best = Best(method, validation, batch_size=batch_size, seed=seed, folder=place)
            best.resume(len(history.epochs))
        first, mine = len(history.epochs), range(rank(), parts, size())
        steps = _steps(data, batch_size, seed, range(first, epochs), mine, parts, lengths)
        # an accelerator is asked for the terms of a step when the next one is on its way
        lag = int(plan[0].runner.late)
        with products(precision), closed(feed(data, steps, device=device, workers=workers)) as read:
            for epoch in range(first, epochs):
                sums: dict[str, float] = {}
                waiting: deque[_Done] = deque()

                def settle(sums: dict[str, float] = sums, waiting: deque[_Done] = waiting) -> None:
                    done = waiting.popleft()
                    for index, (noted, rate) in enumerate(done.turns):
                        try:
                            terms = noted.values()
                        except NotFinite as error:
                            raise TrainingError(_last_good(done.step, error, path)) from error
                        log_steps.add(done.step, terms | {f"rate/{index}": rate})
                        for name, value in terms.items():
                            sums[name] = sums.get(name, 0.0) + value / batches
                    number = done.step % batches + 1
                    shown.step({k: v * batches / number for k, v in sums.items()})

                for batch in islice(read, batches):
                    taken = []
                    for index, turn in enumerate(plan):
                        keys = [_mix(seed, history.steps, part + 1000 * index) for part in mine]
                        try:
                            taken.append((turn.take(batch, keys, history.steps, clip), turn.rate))
                        except NotFinite as error:
                            raise TrainingError(_last_good(history.steps, error, path)) from error
                        turn.schedule.step()
                    waiting.append(_Done(history.steps, taken))
                    history.steps += 1
                    if len(waiting) > lag:
                        settle()
                while waiting:
                    settle()
                line = {"epoch": epoch + 1, **sums, "total": sum(sums.values())}
                if best is not None:
                    line["validation"] = best.judge(plan[0].runner, epoch + 1)
                told = sums if best is None else sums | {"validation": line["validation"]}
                shown.epoch(epoch + 1, history.steps, told)
                history.epochs.append(line)
                if path is not None and rank() == 0:
                    save_state(path, method, optimisers, history, settings)
                if after_epoch is not None:
                    after_epoch(epoch + 1)
        if best is not None:
            best.restore()
            history.best_epoch = 0 if best.least is None else best.least.epoch
        shown.close()
        log_steps.close()
    return history


def _steps(
    data: Any,
    batch_size: int,
    seed: int,
    epochs: range,
    mine: range,
    parts: int,
    lengths: Tensor | None,
) -> Iterator[list[Tensor]]:
    """Rows of each part of this process, step by step, in the order that follows from the seed."""
    for epoch in epochs:
        drawn = Generator().manual_seed(_mix(seed, epoch, -1))
        order = epoch_order(data, batch_size, drawn, lengths)
        for number in range(len(data) // batch_size):
            rows = order[number * batch_size : (number + 1) * batch_size]
            yield [rows[part::parts] for part in mine]


class _Done(NamedTuple):
    """A step that was taken, its terms perhaps still on the device."""

    step: int
    turns: list[tuple[Noted, float]]


def describe(method: nn.Module) -> str:
    """What decides the form of a method, as text.

    Args:
        method: a `Stage`, or any module.

    Book: ptacl#training
    """
    return repr(method.config) if isinstance(method, Stage) else type(method).__qualname__


class _Turn(NamedTuple):
    """Losses, optimiser and learning rate of what takes its turn within each batch."""

    runner: StepRunner
    optimiser: AdamW
    schedule: LambdaLR

    def take(self, batch: list[Any], keys: list[int], step: int, clip: float | None) -> Noted:
        self.optimiser.zero_grad(set_to_none=True)
        noted = self.runner(batch, keys, step)
        if clip is not None:
            trained = [p for group in self.optimiser.param_groups for p in group["params"]]
            clip_grad_norm_(trained, clip)
        self.optimiser.step()
        return noted

    @property
    def rate(self) -> float:
        return float(self.schedule.get_last_lr()[0])


def _last_good(step: int, error: NotFinite, path: Path | None) -> str:
    kept = f"the last good state is in {path}" if path and path.exists() else "none is kept"
    return (
        f"step {step}: the loss is not finite ({error}); {kept}; look for NaN in the input or "
        "lower the learning rate"
    )


def _mix(*parts: int) -> int:
    """One seed from several whole numbers (integer arithmetic, so the same in every process)."""
    value = 0x9E3779B97F4A7C15
    for part in parts:
        value = (value ^ (part & 0xFFFFFFFF)) * 0xBF58476D1CE4E5B9 % 2**64
        value ^= value >> 31
    return value >> 1
