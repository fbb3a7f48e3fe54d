"""Everything a run needs to go on exactly where it was killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ecglearn.checkpoint import load, load_weights, save
from ecglearn.errors import EcglearnError
from ecglearn.train.logging import History

WEIGHTS, OPTIMISER = "weights/", "optimiser/"


class TrainingError(EcglearnError, RuntimeError):
    """Training cannot go on; the message says what happened and where the last good state is.

    Book: ptacl#training
    """


def save_state(
    path: Path,
    method: nn.Module,
    optimisers: Sequence[AdamW],
    history: History,
    settings: Mapping[str, Any],
) -> None:
    """Write weights, optimisers and history to one file.

    Args:
        path: file to write.
        method: whose weights are kept.
        optimisers: one for each turn of a step.
        history: until now.
        settings: that a resumed run must repeat.

    Book: ptacl#training
    """
    tensors = {WEIGHTS + name: value for name, value in method.state_dict().items()}
    for k, optimiser in enumerate(optimisers):
        for i, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{OPTIMISER}{k}/{i}/{name}": value for name, value in state.items()}
    about = {"settings": settings, "epochs": history.epochs, "steps": history.steps}
    save(path, tensors, about=about)


def load_state(
    path: Path,
    method: nn.Module,
    optimisers: Sequence[AdamW],
    schedules: Sequence[LambdaLR],
    settings: Mapping[str, Any],
) -> History:
    """Put what `save_state` wrote back in place.

    Args:
        path: file to read.
        method: receives the weights.
        optimisers: receive their states.
        schedules: of these optimisers.
        settings: of this run.

    Raises:
        TrainingError: the file was written with other settings.
        CheckpointError: the file is damaged, or its weights do not fit.

    Book: ptacl#training
    """
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
