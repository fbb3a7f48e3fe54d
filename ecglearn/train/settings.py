"""What a run may be: its numbers and their ranges, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecglearn.errors import InputError
from ecglearn.metadata import faults

Whole = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Below = Annotated[float, Field(ge=0, lt=1)]


class RunSettings(BaseModel):
    """Arguments of `fit` that are numbers.

    Attributes:
        epochs: passes over the data.
        batch_size: patients of a step.
        seed: of the run.
        lr: peak learning rate.
        weight_decay: of AdamW.
        betas: of AdamW.
        warmup: share of the steps with a rising rate.
        restarts: steps of one fall of the rate, or None.
        decay_all: let the decay reach every parameter.
        accumulate: micro-batches of a step.
        clip: greatest norm of the gradient, or None.
        workers: processes that read ahead.

    Book: many-machines#flags
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    epochs: Whole
    batch_size: Whole
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    lr: Annotated[float, Field(gt=0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    betas: tuple[Below, Below] = (0.9, 0.95)
    warmup: Share = 0.1
    restarts: Whole | None = None
    decay_all: bool = False
    accumulate: Whole = 1
    clip: Annotated[float, Field(gt=0)] | None = None
    workers: Annotated[int, Field(ge=0)] = 0


def check_run(values: Mapping[str, Any]) -> None:
    """Refuse a run that cannot be, before anything is computed.

    Args:
        values: fields of `RunSettings`.

    Raises:
        InputError: one is of another type or outside its range; names it.

    Book: many-machines#flags
    """
    try:
        RunSettings.model_validate(
            {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}
        )
    except ValidationError as error:
        raise InputError(f"no such run: {faults(error)}") from error
