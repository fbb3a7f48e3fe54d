"""The mean of the weights over the last passes: less of the chance of where training stops."""

from __future__ import annotations

from typing import Any

from torch.optim.swa_utils import AveragedModel

LAST = 3


class Averaged:
    """Collects the weights of a method after each of its last passes.

    Args:
        method: in training.
        passes: how many there will be.
    """

    def __init__(self, method: Any, passes: int) -> None:
        self.trained, self.first, self.mean = method, passes - LAST + 1, None

    def after_epoch(self, done: int) -> None:
        """For `fit`."""
        if done >= self.first:
            self.mean = self.mean or AveragedModel(self.trained, use_buffers=True)
            self.mean.update_parameters(self.trained)

    @property
    def method(self) -> Any:
        """The method with mean weights."""
        assert self.mean is not None
        return self.mean.module.eval()
