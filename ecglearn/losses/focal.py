"""Focal loss over labels of which some were never measured."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def masked_focal(
    logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"], *, gamma: float = 2.0
) -> Float[Tensor, ""]:
    r"""Binary cross entropy that cares less for easy records and not at all for unmeasured ones.

    L = sum over labels k of sum_b M_bk (1 - p_bk)^gamma BCE_bk / max(1, sum_b M_bk), where p is the
    probability given to what is true and M says what was measured.

    Args:
        logits: (B, K).
        targets: 1, 0, or NaN where unmeasured (B, K).
        gamma: focal power; 0 gives the plain mean cross entropy of each label.

    Returns:
        The loss, a sum over labels; 0 when nothing was measured. K log 2 / 2^gamma for logits of 0.

    Source: Lin et al. 2017 (focal loss); that unmeasured labels are left out follows Alcaraz and
        Strodthoff 2024 (CardioLab).

    Book: clinical-transfer#lab-flags
    """
    measured = ~targets.isnan()
    known = targets.nan_to_num()
    entropy = binary_cross_entropy_with_logits(logits, known, reduction="none")
    value = (1 - torch.exp(-entropy)) ** gamma * entropy if gamma else entropy
    return (value * measured).sum(0).div(measured.sum(0).clamp_min(1)).sum()
