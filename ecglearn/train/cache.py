"""Train once, load afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecglearn.checkpoint import cache_file, load, load_weights, save
from ecglearn.train.logging import History
from ecglearn.train.loop import fit


def fit_cached(
    method: Any,
    data: Any,
    *,
    name: str,
    data_key: str,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    after_epoch: Callable[[int], None] | None = None,
    **settings: Any,
) -> History:
    """`fit`, or load the weights that the same call left in the cache.

    Args:
        method: module to train in place; its configuration and initial weights belong to the key.
        data: patients.
        name: readable start of the file's name.
        data_key: says what the data are, for instance "cohort 1024 seed 0".
        epochs: passes over the data.
        batch_size: patients of a step.
        seed: seed of the run.
        after_epoch: as for `fit`; with it the run itself is wanted, so nothing is loaded, but the
            weights are kept for others.
        **settings: other arguments of `fit` that change the result.

    Book: ptacl#training
    """
    first = sum(float(p.detach().double().sum()) for p in method.parameters())
    key = {
        "config": repr(getattr(method, "config", None)),
        "first": first,
        "data": data_key,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        **settings,
    }
    path = cache_file(name, **key)
    if path.exists() and after_epoch is None:
        tensors, about = load(path)
        load_weights(method, tensors, source=path)
        return History(**about["history"], loaded=True)
    history = fit(
        method,
        data,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        after_epoch=after_epoch,
        **settings,
    )
    about = {"history": {"epochs": history.epochs, "steps": history.steps}}
    save(path, method.state_dict(), about=about)
    return history
