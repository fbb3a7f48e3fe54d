"""AdamW with warm-up and cosine decay, for the parameter groups of a method."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def optimiser(
    groups: Sequence[dict], lr: float, weight_decay: float, betas: tuple[float, float]
) -> AdamW:
    """AdamW without decay on vectors: biases, gains, norms.

    Args:
        groups: parameters with an optional `lr_scale` and `weight_decay` of their own.
        lr: peak learning rate.
        weight_decay: of matrices.
        betas: of AdamW.

    Book: ptacl#training
    """
    split = []
    for group in groups:
        rate = lr * group.get("lr_scale", 1.0)
        matrices = [p for p in group["params"] if p.ndim > 1]
        of_matrices = group.get("weight_decay", weight_decay)
        vectors = [p for p in group["params"] if p.ndim <= 1]
        split += [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for parameters, decay in ((matrices, of_matrices), (vectors, 0.0))
            if parameters
        ]
    return AdamW(split, betas=betas)


def schedule(optimiser: AdamW, total: int, warmup: float) -> LambdaLR:
    """A rate that rises over the first steps and then falls along half a cosine to 0.

    Args:
        optimiser: whose rates are multiplied.
        total: steps in all.
        warmup: share of the steps with a rising rate.

    Book: ptacl#training
    """
    rising = max(round(warmup * total), 1)

    def share(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(total - rising, 1)))

    return LambdaLR(optimiser, share)
