"""How well hidden content was filled in."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def masked_mse(
    prediction: Float[Tensor, "B N P"],
    target: Float[Tensor, "B N P"],
    hidden: Bool[Tensor, "B N"],
) -> Float[Tensor, ""]:
    """Mean squared error over hidden patches: over their pixels, then over patches.

    Args:
        prediction: content of every patch (B, N, P).
        target: true, uncorrupted content (B, N, P).
        hidden: patches that count (B, N).

    Returns:
        The loss, 0 for a perfect filling whatever stands at visible patches.

    Source: Selivanov et al. 2025 (PTACL), stage 1; He et al. 2022.

    Book: ptacl#stage-1
    """
    error = ((prediction - target) ** 2).mean(-1)
    return (error * hidden).sum() / hidden.sum().clamp(min=1)
