"""Batch norm over the records of all processes."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from ecglearn.distributed import gather, size


class _OverAll(nn.modules.batchnorm._BatchNorm):
    """PyTorch's own layer in one process; its SyncBatchNorm is for GPUs only."""

    def forward(self, input: Float[Tensor, "B C *axes"]) -> Float[Tensor, "B C *axes"]:
        if size() == 1 or not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        with torch.no_grad():
            # the statistics of PyTorch's own layer; var_mean takes four times as long
            mean, variance = torch.batch_norm_update_stats(input, None, None, 0.0)
            means, variances = gather(torch.stack([mean, variance])[None]).unbind(1)  # (ranks, C)
            mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
            self._remember(mean, variance, size() * input.numel() // len(mean))
        return _Standardise.apply(input, self.weight, self.bias, mean, variance, self.eps)  # pyright: ignore[reportReturnType]

    def _remember(self, mean: Tensor, variance: Tensor, values: int) -> None:
        """Move the running statistics as PyTorch does: towards the unbiased variance."""
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        unbiased = variance * values / (values - 1)
        self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)


class BatchNorm1d(_OverAll, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` whose statistics are taken over all processes, with gradient.

    In one process it is that layer, number for number; the names of its weights are the same too.

    Book: many-machines#batch-norm
    """


class BatchNorm2d(_OverAll, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose statistics are taken over all processes, with gradient.

    Book: many-machines#batch-norm
    """


class _Standardise(torch.autograd.Function):
    """Standardise by statistics that depend on the input of every process.

    Backward, with y = x standardised and g the gradient at y times the weight,
    dx = (g - mean(g) - y mean(g y)) / spread. PyTorch's kernel takes these means over the values of
    this process; what the means over all differ by is a line in x for each channel.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt())
        ctx.eps = eps
        return batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, over_spread = ctx.saved_tensors
        dx, dweight, dbias = torch.ops.aten.native_batch_norm_backward(
            gradients[0].contiguous(),
            x,
            weight,
            None,
            None,
            mean,
            over_spread,
            True,
            ctx.eps,
            [True, True, True],
        )
        here = torch.stack([dbias, dweight]) * (len(mean) / x.numel())
        everywhere = gather(here[None]).mean(0)
        level, slope = (here - everywhere) * weight * over_spread
        column = (-1, *[1] * (x.ndim - 2))
        slope = slope * over_spread
        level = (level - slope * mean).view(column).to(dx)
        return (
            dx.add_(level).addcmul_(x, slope.view(column).to(dx)),
            dweight,
            dbias,
            None,
            None,
            None,
        )
