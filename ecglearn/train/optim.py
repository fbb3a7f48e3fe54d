"""AdamW with warm-up and cosine decay, for the objectives of a method."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ecglearn.abilities import Undecayed
from ecglearn.method import Objective


def optimiser(
    objectives: Sequence[Objective],
    method: nn.Module,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float],
    *,
    decay_all: bool = False,
) -> AdamW:
    """AdamW whose decay reaches the matrices that multiply features, and nothing else.

    No decay for vectors (biases, gains, norms) nor for what a part of the method names in
    `undecayed`: class tokens, positions, separators, the dynamics of a state space.

    Args:
        objectives: whose parameters are stepped together.
        method: holds them.
        lr: peak learning rate.
        weight_decay: of matrices, where the objective does not say.
        betas: of AdamW.
        decay_all: decay everything, as the public code of MERL and DERI does.

    Source: the masked autoencoders of PTACL's group (tokens and positions), the public code of S4D
        (dynamics); one rule for all methods is our choice.

    Book: ptacl#training
    """
    named = {
        id(getattr(part, name))
        for part in method.modules()
        if isinstance(part, Undecayed)
        for name in part.undecayed
    }
    groups = []
    for objective in objectives:
        decay = weight_decay if objective.weight_decay is None else objective.weight_decay
        kinds: dict[float, list[nn.Parameter]] = {decay: [], 0.0: []}
        for p in objective.parameters:
            held = not decay_all and (p.ndim <= 1 or id(p) in named)
            kinds[0.0 if held else decay].append(p)
        groups += [
            {"params": parameters, "lr": lr * objective.lr_scale, "weight_decay": rate}
            for rate, parameters in kinds.items()
            if parameters
        ]
    cards = all(p.is_cuda for group in groups for p in group["params"])
    return AdamW(groups, betas=betas, **({"fused": True} if cards else {}))


def schedule(optimiser: AdamW, total: int, warmup: float, restarts: int | None = None) -> LambdaLR:
    """A rate that rises over the first steps and then falls along half a cosine to 0.

    Args:
        optimiser: whose rates are multiplied.
        total: steps in all.
        warmup: share of the steps with a rising rate.
        restarts: steps of one fall, after which the next begins at the peak (Loshchilov and Hutter
            2017, cycles of equal length); None: one fall over the rest of the run.

    Book: ptacl#training
    """
    rising = max(round(warmup * total), 1 if restarts is None else 0)
    falling = max(total - rising, 1) if restarts is None else restarts

    def share(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        since = step - rising if restarts is None else (step - rising) % restarts
        return 0.5 * (1 + math.cos(math.pi * since / falling))

    return LambdaLR(optimiser, share)
