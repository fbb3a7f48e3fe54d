"""Train once, load afterwards."""

from __future__ import annotations

import inspect
import os
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import nn

from ecglearn.checkpoint import CheckpointError, cache_file, load, load_weights, save
from ecglearn.metadata import Count, Description, described
from ecglearn.method import Stage
from ecglearn.provenance import code_digest, data_digest
from ecglearn.train.logging import History, Kind
from ecglearn.train.loop import describe, fit


class Kept(Description):
    """What a cached file says besides its weights.

    Attributes:
        epochs: mean of each term.
        steps: taken.
        made: when.
        key: what they were trained with: settings, digests of data and code.

    Book: ptacl#training
    """

    epochs: list[dict[str, float]]
    steps: Count
    made: str = "an unknown day"
    key: dict[str, Any] = Field(default_factory=dict)


def fit_cached(
    method: nn.Module,
    data: Any,
    *,
    name: str,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    after_epoch: Callable[[int], None] | None = None,
    progress: bool | Kind | None = None,
    **settings: Any,
) -> History:
    """`fit`, or load the weights that the same call left in the cache or that a pack holds.

    A pack is a folder of such files for those who have no time to train: `ECGLEARN_WEIGHTS`, or
    `weights` here or one folder up.

    The same call has the same settings, the same initial weights, the same data (the fields that
    the method reads), and code whose imports say the same; docstrings and comments do not count.
    A file that is damaged is named in a warning, and the method trained anew.

    Args:
        method: module to train in place.
        data: patients.
        name: readable start of the file's name.
        epochs: passes over the data.
        batch_size: patients of a step.
        seed: seed of the run.
        after_epoch: as for `fit`; with it the run itself is wanted, so nothing is loaded from the
            cache, but the weights are kept for others. With weights from a pack it is called once,
            after the last epoch.
        progress: as for `fit`.
        **settings: other arguments of `fit` that change the result.

    Book: ptacl#training
    """
    needs = {"ecg", "fs", "keep", *method.needs} if isinstance(method, Stage) else None
    if needs is not None and "labs" in needs:
        needs.add("lab_columns")  # flags are made of their reference ranges
    key = {
        "config": describe(method),
        "initial": data_digest(list(method.state_dict().values())),
        "data": data_digest(data, only=needs),
        "code": code_digest(*_modules(method), fit.__module__),
        **_written_here(method),
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        **settings,
    }
    path = cache_file(name, **key)
    cached = None if after_epoch else _loaded(path, method)
    if cached is not None:
        path.touch()  # its date says when it was last of use
        return cached
    for folder in packs():
        history = _loaded(folder / path.name, method)
        if history is not None:
            if after_epoch:
                after_epoch(epochs)
            return history
    start = time.perf_counter()
    history = fit(
        method,
        data,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        after_epoch=after_epoch,
        progress=progress,
        **settings,
    )
    history.origin = f"trained now, in {time.perf_counter() - start:.0f} s"
    about = {"epochs": history.epochs, "steps": history.steps, "made": str(date.today())}
    save(path, method.state_dict(), about=about | {"key": key})
    return history


def packs() -> list[Path]:
    """Folders with weights that somebody else trained, the nearest first.

    Book: ptacl#training
    """
    named = os.environ.get("ECGLEARN_WEIGHTS")
    folders = [Path(named)] if named else [Path("weights"), Path("..") / "weights"]
    return [folder for folder in folders if folder.is_dir()]


def _loaded(path: Path, method: nn.Module) -> History | None:
    """The history of kept weights, which the method has now; nothing where there are none."""
    if not path.exists():
        return None
    try:
        tensors, about = load(path)
        kept = described(Kept, about, path, CheckpointError)
        load_weights(method, tensors, source=path)
    except CheckpointError as error:
        warnings.warn(f"trained anew, since {error}", stacklevel=3)
        return None
    origin = f"loaded from {path.parent.name}/{path.name}, made on {kept.made}"
    return History(kept.epochs, kept.steps, loaded=True, origin=origin)


def _modules(method: nn.Module) -> list[str]:
    """Where the code of the method and of all its parts lies, PyTorch's own aside."""
    found = {type(part).__module__ for part in method.modules()}
    return sorted(name for name in found if name.partition(".")[0] != "torch")


def _written_here(method: nn.Module) -> dict[str, Any]:
    """Classes of a notebook or a script, which are no module that could be found again."""
    found = {type(part) for part in method.modules() if type(part).__module__ == "__main__"}
    if not found:
        return {}
    return {"here": {kind.__qualname__: _source(kind) for kind in found}}


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a console
        return ""
