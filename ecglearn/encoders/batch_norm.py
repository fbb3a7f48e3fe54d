"""Batch norm over the records of all processes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecglearn.distributed import gather, size


class _OverAll(nn.modules.batchnorm._BatchNorm):
    """PyTorch's own layer in one process; its SyncBatchNorm is for GPUs only."""

    def forward(self, input: Float[Tensor, "B C *axes"]) -> Float[Tensor, "B C *axes"]:
        if size() == 1 or not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        axes = [0, *range(2, input.ndim)]
        variance, mean = torch.var_mean(input, axes, correction=0)
        means, variances = gather(torch.stack([mean, variance])[None]).unbind(1)  # (ranks, C)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)
        self._remember(mean.detach(), variance.detach(), size() * input.numel() // len(mean))
        column = (-1, *[1] * (input.ndim - 2))
        standardised = (input - mean.view(column)) * (variance + self.eps).rsqrt().view(column)
        return standardised * self.weight.view(column) + self.bias.view(column)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, values: int) -> None:
        """Move the running statistics as PyTorch does: towards the unbiased variance."""
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * values / (values - 1), self.momentum)


class BatchNorm1d(_OverAll, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` whose statistics are taken over all processes, with gradient.

    In one process it is that layer, number for number; the names of its weights are the same too.

    Book: many-machines#batch-norm
    """


class BatchNorm2d(_OverAll, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose statistics are taken over all processes, with gradient.

    Book: many-machines#batch-norm
    """
