"""AdamW with warm-up and cosine decay, for the objectives of a method."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ecglearn.method import Objective


def optimiser(
    objectives: Sequence[Objective], lr: float, weight_decay: float, betas: tuple[float, float]
) -> AdamW:
    """AdamW without decay on vectors: biases, gains, norms.

    Args:
        objectives: whose parameters are stepped together.
        lr: peak learning rate.
        weight_decay: of matrices, where the objective does not say.
        betas: of AdamW.

    Book: ptacl#training
    """
    groups = []
    for objective in objectives:
        decay = weight_decay if objective.weight_decay is None else objective.weight_decay
        matrices = [p for p in objective.parameters if p.ndim > 1]
        vectors = [p for p in objective.parameters if p.ndim <= 1]
        groups += [
            {"params": parameters, "lr": lr * objective.lr_scale, "weight_decay": rate}
            for parameters, rate in ((matrices, decay), (vectors, 0.0))
            if parameters
        ]
    return AdamW(groups, betas=betas)


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
