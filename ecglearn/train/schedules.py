"""The models of the method chapters, exactly as those train them: from the cache, or anew."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.method import Method
from ecglearn.registry import list_methods, method_class
from ecglearn.train.cache import fit_cached

PATIENTS = {"class": 1024, "smoke": 96}


@dataclass(frozen=True)
class Trained:
    """A method after all its stages.

    Attributes:
        method: in evaluation mode.
        loaded: all of its stages came from the cache.

    Book: five-methods#trained-weights
    """

    method: Method
    loaded: bool


def trained(
    name: str,
    patients: ECGBatch,
    *,
    count: int | None = None,
    preset: str = "class",
    seed: int = 0,
) -> Trained:
    """One of the models of the method chapters.

    Args:
        name: one of `ecglearn.list_methods()`, or its title.
        patients: of the cohort with this seed, or yours; only the first of them are used. They
            need the fields that the method reads.
        count: how many of them teach; None: as many as in the chapters, `PATIENTS[preset]`.
        preset: "class" or "smoke".
        seed: of cohort, initial weights and order.

    Raises:
        InputError: another name or preset, or too few patients.

    Book: five-methods#trained-weights
    """
    if preset not in PATIENTS:
        raise InputError(f"no recipe for the preset '{preset}'; there are {', '.join(PATIENTS)}")
    size = PATIENTS[preset] if count is None else count
    if len(patients) < size:
        raise InputError(f"preset '{preset}' needs {size} patients, not {len(patients)}")
    train, kind = patients[slice(0, size)], method_class(name)
    torch.manual_seed(seed)
    method = kind(kind.config_class.preset(preset).for_data(train))
    histories = [
        fit_cached(
            stage,
            train,
            name=f"{method.name}-{part}",
            seed=seed,
            **recipe.arguments(),
        )
        for (part, stage), recipe in zip(method.stages(), method.recipe(preset), strict=True)
    ]
    return Trained(method.eval(), all(history.loaded for history in histories))


def titles() -> dict[str, str]:
    """Title to name of every method, in the order of the book.

    Book: five-methods#trained-weights
    """
    return {method_class(name).title: name for name in list_methods()}
