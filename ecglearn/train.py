"""One training loop for every method: batches, named terms, save, resume exactly, progress."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from ecglearn.checkpoint import cache_file, load, load_weights, save
from ecglearn.distributed import rank, size

WEIGHTS, OPTIMISER = "weights/", "optimiser/"


class TrainingError(RuntimeError):
    """Training cannot go on; the message says what happened and where the last good state is.

    Book: ptacl#training
    """


class Method(Protocol):
    """What the loop needs of a method.

    Book: ptacl#training
    """

    def steps(self) -> list[tuple[list[dict], Callable[..., dict[str, Tensor]]]]:
        """Parameter groups and the function that gives their losses."""
        ...


@dataclass
class History:
    """What happened, epoch by epoch.

    Attributes:
        epochs: mean of each term over an epoch, with `epoch` and `total`.
        steps: optimiser steps taken.

    Book: ptacl#training
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0

    def curve(self, term: str = "total") -> list[float]:
        """One term over the epochs.

        Args:
            term: name of a loss term, or `total`.
        """
        return [epoch[term] for epoch in self.epochs]


def fit(
    method: Any, data: Any, *, epochs: int, batch_size: int, seed: int = 0,
    out: str | Path | None = None, resume: bool = False, lr: float = 3e-3,
    weight_decay: float = 0.05, betas: tuple[float, float] = (0.9, 0.95), warmup: float = 0.1,
    progress: bool | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> History:  # fmt: skip
    """Train a method: AdamW, warm-up, cosine decay, one bar with the named terms.

    Every random choice of step k follows from (seed, k), so a run that was killed and resumed ends
    with the weights of an undisturbed one. Under `torchrun` each process takes its share of every
    batch.

    Args:
        method: module with `steps()`; trained in place, on the device it lies on.
        data: patients: `len(data)` and `data[indices] -> ECGBatch`.
        epochs: passes over the data.
        batch_size: patients of a step, over all processes; the last incomplete batch is dropped.
        seed: seed of order, windows, masks and augmentations.
        out: folder for `last.safetensors`, written after each epoch; None keeps nothing.
        resume: go on from `last.safetensors` in `out` if it is there.
        lr: peak learning rate.
        weight_decay: of AdamW.
        betas: of AdamW.
        warmup: share of the steps with a rising rate.
        progress: show a bar; None shows it unless the environment sets TQDM_DISABLE.
        after_epoch: called with the number of epochs done.

    Raises:
        TrainingError: a loss is not finite; the last good checkpoint is kept.
        CheckpointError: the checkpoint belongs to another model or to other settings.
        ValueError: a batch is larger than the data, or does not divide among the processes.

    Book: ptacl#training
    """
    batches = len(data) // batch_size
    if batches == 0:
        raise ValueError(f"a batch of {batch_size} is larger than the data ({len(data)} patients)")
    if batch_size % size():
        raise ValueError(f"a batch of {batch_size} does not divide among {size()} processes")
    total = epochs * batches
    device = next(method.parameters()).device
    optimisers = [_optimiser(groups, lr, weight_decay, betas) for groups, _ in method.steps()]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: _rate(k, total, warmup))
        for optimiser in optimisers
    ]
    settings = {
        "batch_size": batch_size, "epochs": epochs, "seed": seed, "lr": lr,
        "weight_decay": weight_decay, "betas": list(betas), "warmup": warmup, "patients": len(data),
        "config": repr(getattr(method, "config", None)),
    }  # fmt: skip
    history = History()
    path = None if out is None else Path(out) / "last.safetensors"
    if resume and path is not None and path.exists():
        history = _restore(path, method, optimisers, schedules, settings)
    modules = [_replica(method, index) for index in range(len(optimisers))]
    method.train()
    hidden = bool(os.environ.get("TQDM_DISABLE")) if progress is None else not progress
    bar = tqdm(total=total, initial=history.steps, disable=hidden or rank() > 0, unit="step")
    for epoch in range(history.steps // batches, epochs):
        order = torch.randperm(len(data), generator=Generator().manual_seed(_mix(seed, epoch, -1)))
        sums: dict[str, float] = {}
        for number in range(batches):
            rows = order[number * batch_size : (number + 1) * batch_size][rank() :: size()]
            batch = data[rows].to(device)
            for index, module in enumerate(modules):
                key = _mix(seed, history.steps, rank() + 1000 * index)
                terms = _step(module, optimisers[index], batch, key, history, path)
                schedules[index].step()
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + value / batches
            history.steps += 1
            bar.update()
            bar.set_postfix({k: f"{v * batches / (number + 1):.3f}" for k, v in sums.items()})
        history.epochs.append({"epoch": epoch + 1, **sums, "total": sum(sums.values())})
        if path is not None and rank() == 0:
            _keep(path, method, optimisers, history, settings)
        if after_epoch is not None:
            after_epoch(epoch + 1)
    bar.close()
    return history


def fit_cached(
    method: Any, data: Any, *, name: str, data_key: str, epochs: int, batch_size: int,
    seed: int = 0, **settings: Any,
) -> History:  # fmt: skip
    """`fit`, or load the weights that the same call left in the cache.

    Args:
        method: module to train in place; its configuration and its first weights belong to the key.
        data: patients.
        name: readable start of the file's name.
        data_key: says what the data are, for instance "cohort 1024 seed 0".
        epochs: passes over the data.
        batch_size: patients of a step.
        seed: seed of the run.
        **settings: other arguments of `fit` that change the result.

    Book: ptacl#training
    """
    first = sum(float(p.detach().double().sum()) for p in method.parameters())
    key = {"config": repr(getattr(method, "config", None)), "first": first, "data": data_key,
           "epochs": epochs, "batch_size": batch_size, "seed": seed, **settings}  # fmt: skip
    path = cache_file(name, **key)
    if path.exists():
        tensors, about = load(path)
        load_weights(method, tensors, source=path)
        return History(**about["history"])
    history = fit(method, data, epochs=epochs, batch_size=batch_size, seed=seed, **settings)
    about = {"history": {"epochs": history.epochs, "steps": history.steps}}
    save(path, method.state_dict(), about=about)
    return history


class _Step(nn.Module):
    """One entry of `steps()` as a module, so that DistributedDataParallel can wrap it."""

    def __init__(self, method: Any, index: int) -> None:
        super().__init__()
        self.method, self.index = method, index

    def forward(self, batch: Any, generator: Generator) -> dict[str, Tensor]:
        return self.method.steps()[self.index][1](batch, generator)


def _replica(method: Any, index: int) -> nn.Module:
    step = _Step(method, index)
    if size() == 1:
        return step
    many = len(method.steps()) > 1
    return DistributedDataParallel(step, find_unused_parameters=many, broadcast_buffers=False)


def _step(
    module: nn.Module, optimiser: torch.optim.Optimizer, batch: Any, key: int, history: History,
    path: Path | None,
) -> dict[str, float]:  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key)
        terms = module(batch, Generator().manual_seed(key))
        loss = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(loss)):
            kept = f"the last good state is in {path}" if path and path.exists() else "none is kept"
            values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
            raise TrainingError(
                f"step {history.steps}: the loss is not finite ({values}); {kept}; look for NaN in "
                "the input or lower the learning rate"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def _optimiser(
    groups: list[dict], lr: float, weight_decay: float, betas: tuple[float, float]
) -> torch.optim.AdamW:
    """AdamW without decay on vectors: biases, gains, norms."""
    split = []
    for group in groups:
        rate = lr * group.get("lr_scale", 1.0)
        matrices = [p for p in group["params"] if p.ndim > 1]
        of_matrices = group.get("weight_decay", weight_decay)
        vectors = [p for p in group["params"] if p.ndim <= 1]
        split += [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for parameters, decay in ((matrices, of_matrices), (vectors, 0.0))
            if parameters
        ]
    return torch.optim.AdamW(split, betas=betas)


def _rate(step: int, total: int, warmup: float) -> float:
    rising = max(round(warmup * total), 1)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(total - rising, 1)))


def _mix(*parts: int) -> int:
    """One seed from several whole numbers (integer arithmetic, so the same in every process)."""
    value = 0x9E3779B97F4A7C15
    for part in parts:
        value = (value ^ (part & 0xFFFFFFFF)) * 0xBF58476D1CE4E5B9 % 2**64
        value ^= value >> 31
    return value >> 1


def _keep(
    path: Path, method: Any, optimisers: list, history: History, settings: dict[str, Any]
) -> None:
    tensors = {WEIGHTS + name: value for name, value in method.state_dict().items()}
    for k, optimiser in enumerate(optimisers):
        for i, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{OPTIMISER}{k}/{i}/{name}": value for name, value in state.items()}
    about = {"settings": settings, "epochs": history.epochs, "steps": history.steps}
    save(path, tensors, about=about)


def _restore(
    path: Path, method: Any, optimisers: list, schedules: list, settings: dict[str, Any]
) -> History:
    tensors, about = load(path)
    if about.get("settings") != settings:
        before = about.get("settings") or {}
        changed = sorted(k for k in settings if before.get(k) != settings[k])
        raise TrainingError(
            f"{path} was written with other settings ({', '.join(changed)}); repeat them, or start "
            "in another folder"
        )
    weights = {k.removeprefix(WEIGHTS): v for k, v in tensors.items() if k.startswith(WEIGHTS)}
    load_weights(method, weights, source=path)
    for k, (optimiser, schedule) in enumerate(zip(optimisers, schedules, strict=True)):
        state: dict[int, dict[str, Tensor]] = {}
        prefix = f"{OPTIMISER}{k}/"
        for name, value in tensors.items():
            if name.startswith(prefix):
                i, item = name.removeprefix(prefix).split("/")
                state.setdefault(int(i), {})[item] = value
        whole = optimiser.state_dict()
        optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        schedule.last_epoch = about["steps"]
        for group, base in zip(optimiser.param_groups, schedule.base_lrs, strict=True):
            group["lr"] = base * schedule.lr_lambdas[0](about["steps"])
    return History(about["epochs"], about["steps"])
