"""What happened in a run: kept by epoch, and by step for TensorBoard."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tqdm.auto import tqdm

from ecglearn.distributed import rank
from ecglearn.errors import MissingGroupError
from ecglearn.files import disk

Kind = Literal["bar", "lines", "none"]


@dataclass
class History:
    """What happened, epoch by epoch.

    Attributes:
        epochs: mean of each term over an epoch, with `epoch` and `total`.
        steps: optimiser steps taken.
        loaded: the weights came from the cache; nothing was trained.
        best_epoch: whose weights the method has; 0 for the last, where nothing was validated.
        origin: whether it was trained now, in how many seconds, or loaded, from where, made when;
            said by `fit_cached`.

    Book: ptacl#training
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    loaded: bool = False
    best_epoch: int = 0
    origin: str = "trained now"

    def curve(self, term: str = "total") -> list[float]:
        """One term over the epochs.

        Args:
            term: name of a loss term, or `total`.
        """
        return [epoch[term] for epoch in self.epochs]


class Progress:
    """What a user sees of a run: a bar that is redrawn, or one line for each epoch.

    Args:
        kind: "bar", "lines", or "none".
        total: steps of the run.
        done: steps that were taken before.
        epochs: of the run.

    Book: ptacl#training
    """

    def __init__(self, kind: Kind, *, total: int, done: int, epochs: int) -> None:
        self._lines = kind == "lines" and rank() == 0
        self._epochs = epochs
        self._bar = tqdm(
            total=total, initial=done, disable=kind != "bar" or rank() > 0, unit="step"
        )

    def step(self, terms: Mapping[str, float]) -> None:
        """One step is done.

        Args:
            terms: mean of each term in this epoch, until now.
        """
        self._bar.update()
        if not self._bar.disable:
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})

    def epoch(self, number: int, steps: int, terms: Mapping[str, float]) -> None:
        """One epoch is done.

        Args:
            number: of the epoch, from 1.
            steps: taken in all.
            terms: mean of each term.
        """
        if self._lines:
            told = ", ".join(f"{name} {value:.3f}" for name, value in terms.items())
            print(f"epoch {number} of {self._epochs}, step {steps}: {told}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def progress_kind(wanted: bool | Kind | None) -> Kind:
    """How a run is shown when nobody says: a bar where it can be redrawn, else lines.

    Args:
        wanted: a kind; True for a bar, False for none; None for what the place allows: none where
            the environment sets TQDM_DISABLE, a bar in a terminal or a notebook, lines in a file.

    Book: ptacl#training
    """
    if isinstance(wanted, str):
        return wanted
    if wanted is not None:
        return "bar" if wanted else "none"
    if os.environ.get("TQDM_DISABLE"):
        return "none"
    return "bar" if redrawn() else "lines"


def redrawn() -> bool:
    """Whether a bar can be redrawn in place: in a terminal, or by a notebook.

    Book: ptacl#training
    """
    return sys.stderr.isatty() or any(kind.__name__ == "tqdm_notebook" for kind in tqdm.__mro__)


class StepLog:
    """Every term and rate of every step, for TensorBoard; written by the first process alone.

    Args:
        folder: where to; None writes nothing.
        step: first step; what an earlier run wrote from there on is hidden.

    Raises:
        MissingGroupError: the optional group `train` is not installed.
        DiskError: the folder cannot be written.

    Book: many-machines#flags
    """

    def __init__(self, folder: str | Path | None, step: int = 0) -> None:
        self._writer, self._folder = None, folder or ""
        if folder is None or rank() > 0:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingGroupError(
                'a TensorBoard log needs the optional group "train": pip install "ecglearn[train]"'
            ) from error
        with disk(folder):
            self._writer = SummaryWriter(str(folder), purge_step=step or None)

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write some numbers of one step.

        Args:
            step: number of the step.
            scalars: name to number.
        """
        if self._writer is not None:
            with disk(self._folder):
                for name, value in scalars.items():
                    self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer is not None:
            with disk(self._folder):
                self._writer.close()
