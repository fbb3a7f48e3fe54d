"""How a stage of a method is trained: everything that `fit` is given besides data and seed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How one stage is trained, by AdamW.

    Attributes:
        epochs: passes over the data.
        batch_size: records of a step, over all processes and micro-batches.
        lr: peak learning rate.
        betas: of AdamW.
        weight_decay: of the matrices that multiply features.
        warmup: share of the steps with a rising rate.
        restarts: steps after which the rate starts anew at its peak; None: one fall over the run.
        decay_all: let the decay reach every parameter.
        known: names of the fields that the paper or its public code states; the others are our
            choice.

    Book: many-machines#recipes
    """

    epochs: int = 12
    batch_size: int = 64
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.05
    warmup: float = 0.1
    restarts: int | None = None
    decay_all: bool = False
    known: tuple[str, ...] = ()

    def arguments(self) -> dict[str, Any]:
        """Arguments for `fit`: epochs, batch size, and what differs from its defaults."""
        always = ("epochs", "batch_size")
        return {
            field.name: value
            for field in fields(self)
            if field.name != "known"
            and ((value := getattr(self, field.name)) != field.default or field.name in always)
        }

    def __str__(self) -> str:
        """All fields in one line; those that a paper or its code states have a mark."""
        shown = (f for f in fields(self) if f.name != "known")
        return ", ".join(
            f"{f.name} {getattr(self, f.name)}{' (known)' * (f.name in self.known)}" for f in shown
        )
