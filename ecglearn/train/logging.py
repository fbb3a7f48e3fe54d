"""What happened in a run: kept by epoch, and by step for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecglearn.distributed import rank
from ecglearn.errors import MissingGroupError
from ecglearn.files import disk


@dataclass
class History:
    """What happened, epoch by epoch.

    Attributes:
        epochs: mean of each term over an epoch, with `epoch` and `total`.
        steps: optimiser steps taken.
        loaded: the weights came from the cache; nothing was trained.

    Book: ptacl#training
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    loaded: bool = False

    def curve(self, term: str = "total") -> list[float]:
        """One term over the epochs.

        Args:
            term: name of a loss term, or `total`.
        """
        return [epoch[term] for epoch in self.epochs]


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
