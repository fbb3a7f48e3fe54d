"""Loss on patients who teach nobody, and the weights of the epoch in which it was least."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ecglearn.checkpoint import CheckpointError, load, load_weights, save
from ecglearn.distributed import rank, size
from ecglearn.errors import InputError
from ecglearn.metadata import Description, described
from ecglearn.train.feed import feed
from ecglearn.train.step import StepRunner


class Least(Description):
    """What `best.safetensors` says besides its weights.

    Attributes:
        epoch: after which the weights were these.
        validation: loss then.

    Book: many-machines#flags
    """

    epoch: int
    validation: float


class Best:
    """Judges a method after each epoch and remembers its best weights.

    The loss is the one that is trained, without dropout and with the same draws each time, mean
    over whole batches: a contrast depends on how many it is asked among.

    Args:
        method: that is trained.
        data: validation records.
        batch_size: as in training, or all of them where they are fewer.
        seed: of the draws.
        folder: where the best weights are kept; None keeps them in memory.

    Raises:
        InputError: fewer than two records.

    Book: many-machines#flags
    """

    def __init__(
        self, method: nn.Module, data: Any, *, batch_size: int, seed: int, folder: Path | None
    ) -> None:
        if len(data) < 2:
            raise InputError(f"a validation loss needs two records or more, not {len(data)}")
        self.method, self.data, self.seed = method, data, seed
        self.batch_size = max(min(batch_size, len(data)) // size(), 1) * size()
        self.path = None if folder is None else folder / "best.safetensors"
        self.least: Least | None = None
        self._weights: dict[str, Tensor] = {}

    def resume(self, epochs: int) -> None:
        """Take up what an earlier part of the run found best.

        Args:
            epochs: done before.
        """
        if self.path is None or not self.path.exists() or not epochs:
            return
        self._weights, about = load(self.path)
        self.least = described(Least, about, self.path, CheckpointError)

    @torch.no_grad()
    def judge(self, runner: StepRunner, epoch: int) -> float:
        """The loss now; the weights are remembered where it is the least so far.

        Args:
            runner: of the first turn.
            epoch: that is done.
        """
        count = len(self.data) // self.batch_size
        each = torch.arange(count * self.batch_size).view(count, -1)
        steps = [[rows[rank() :: size()]] for rows in each]
        was_training = self.method.training
        self.method.eval()
        total = 0.0
        for number, (batch,) in enumerate(feed(self.data, steps, device=runner.device)):
            terms = runner.terms(batch, self.seed + number)
            total += float(torch.stack(list(terms.values())).sum()) / count
        self.method.train(was_training)
        if self.least is None or total < self.least.validation:
            self.least = Least(epoch=epoch, validation=total)
            self._weights = {k: v.detach().clone() for k, v in self.method.state_dict().items()}
            if self.path is not None and rank() == 0:
                save(self.path, self._weights, about=self.least.model_dump())
        return total

    def restore(self) -> None:
        """Put the best weights into the method."""
        if self._weights:
            load_weights(self.method, self._weights, source=self.path or "the best epoch")
