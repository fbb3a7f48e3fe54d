"""Small heads on top of an encoder."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ProjectionHead(nn.Sequential):
    """Linear, batch norm, ReLU, linear: from pooled features to the space of the contrast.

    Args:
        width: features of the encoder.
        out: features of the projection.

    Source: Chen et al. 2020 (SimCLR); that PTACL uses this form is our choice.

    Book: ptacl#stage-2
    """

    def __init__(self, width: int, out: int = 128) -> None:
        super().__init__(
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, out)
        )


class AttentionPool(nn.Module):
    """One vector from many tokens: the mean token asks, all tokens answer.

    Args:
        width: features D of a token.
        heads: attention heads.

    Source: public code of oetu/mae; that PTACL uses this form is our choice.

    Book: ptacl#stage-3
    """

    def __init__(self, width: int, heads: int = 8) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B D"]:
        """Pooled features (B, D)."""
        question = tokens.mean(1, keepdim=True)
        answer: Tensor = self.attention(question, tokens, tokens, need_weights=False)[0]
        return self.norm(torch.squeeze(answer, 1))
