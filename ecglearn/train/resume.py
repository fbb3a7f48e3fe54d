"""Everything a run needs to go on exactly where it was killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ecglearn.checkpoint import CheckpointError, load, load_weights, save
from ecglearn.errors import EcglearnError
from ecglearn.metadata import Count, Description, described
from ecglearn.train.logging import History

WEIGHTS, OPTIMISER = "weights/", "optimiser/"


class TrainingError(EcglearnError, RuntimeError):
    """Training cannot go on; the message says what happened and where the last good state is.

    Book: ptacl#training
    """


class State(Description):
    """What a resumable file says besides its tensors.

    Attributes:
        settings: that a resumed run must repeat.
        epochs: mean of each term.
        steps: taken.

    Book: ptacl#training
    """

    settings: dict[str, Any]
    epochs: list[dict[str, float]]
    steps: Count


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
    *,
    extend: bool = False,
) -> History:
    """Put what `save_state` wrote back in place.

    Args:
        path: file to read.
        method: receives the weights.
        optimisers: receive their states.
        schedules: of these optimisers.
        settings: of this run.
        extend: take more epochs than those of the file for the same run, made longer.

    Raises:
        TrainingError: the file was written with other settings.
        CheckpointError: the file is damaged, or its weights do not fit.

    Book: ptacl#training
    """
    tensors, about = load(path)
    state = described(State, about, path, CheckpointError)
    before = dict(state.settings)
    if extend and before.get("epochs", 0) <= settings["epochs"]:
        before["epochs"] = settings["epochs"]
    if before != settings:
        keys = sorted(settings.keys() | state.settings.keys())
        changed = [k for k in keys if state.settings.get(k) != settings.get(k)]
        raise TrainingError(
            f"{path} was written with other settings ({', '.join(changed)}); repeat them, or start "
            "in another folder"
        )
    each = settings["patients"] // settings["batch_size"]
    if state.steps != each * len(state.epochs) or len(state.epochs) > settings["epochs"]:
        raise CheckpointError(
            f"{path} says {state.steps} steps after {len(state.epochs)} epochs of {each}: it is "
            "damaged; start in another folder"
        )
    weights = {k.removeprefix(WEIGHTS): v for k, v in tensors.items() if k.startswith(WEIGHTS)}
    states = [_optimiser_state(path, k, one, tensors) for k, one in enumerate(optimisers)]
    known = len(weights) + sum(len(of) for one in states for of in one.values())
    if known != len(tensors):
        raise CheckpointError(
            f"{path} has {len(tensors) - known} tensors that belong to no weight and no optimiser "
            "of this run; start in another folder"
        )
    load_weights(method, weights, source=path)
    for optimiser, schedule, one in zip(optimisers, schedules, states, strict=True):
        whole = optimiser.state_dict()
        optimiser.load_state_dict({"state": one, "param_groups": whole["param_groups"]})
        schedule.last_epoch = state.steps
        for group, base in zip(optimiser.param_groups, schedule.base_lrs, strict=True):
            group["lr"] = base * schedule.lr_lambdas[0](state.steps)
    return History(state.epochs, state.steps)


def _optimiser_state(
    path: Path, k: int, optimiser: AdamW, tensors: Mapping[str, Tensor]
) -> dict[int, dict[str, Tensor]]:
    """State of one optimiser by the number of the parameter; every tensor fits its parameter."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    found: dict[int, dict[str, Tensor]] = {}
    for i, parameter in enumerate(parameters):
        shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        names = {item: f"{OPTIMISER}{k}/{i}/{item}" for item in shapes}
        there = {item: tensors[name] for item, name in names.items() if name in tensors}
        if not there:  # never stepped
            continue
        if wrong := [names[i] for i in shapes if i not in there or there[i].shape != shapes[i]]:
            raise CheckpointError(
                f"{path} does not fit: {', '.join(wrong)} is absent or of another shape than its "
                "parameter; start in another folder"
            )
        found[i] = there
    return found
