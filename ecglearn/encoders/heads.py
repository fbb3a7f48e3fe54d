"""Small heads on top of an encoder."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn


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


class MLPHead(nn.Sequential):
    """Linear, GELU, linear: from pooled features to the space in which modalities are compared.

    Args:
        width: features of the encoder.
        out: features of the projection, also those between the layers.

    Source: text projection of Liu et al. 2024 (MERL); that TAMER uses it everywhere is our choice.

    Book: tamer#tamer-encoders
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__(nn.Linear(width, out), nn.GELU(), nn.Linear(out, out))


class ClassTokenPool(nn.Module):
    """One vector from many tokens: a learned class token asks, itself and all tokens answer.

    Args:
        tokens: how many tokens come in; each place has a learned position.
        width: features D of a token.
        heads: attention heads.
        start: spread of the first class token and positions: D^(-1/2) for both, or, as `released`,
            1 and 1 / D.

    Source: attention pooling of Liu et al. 2024 (MERL).

    Book: tamer#wlai
    """

    undecayed = ("class_token", "positions")

    def __init__(
        self,
        tokens: int,
        width: int,
        heads: int = 4,
        *,
        start: Literal["even", "released"] = "even",
    ) -> None:
        super().__init__()
        token, place = (1.0, 1 / width) if start == "released" else (width**-0.5, width**-0.5)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * token)
        self.positions = nn.Parameter(torch.randn(1, tokens + 1, width) * place)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B D"]:
        """Pooled features (B, D)."""
        first = self.class_token.expand(tokens.shape[0], -1, -1)
        x = torch.cat([first, tokens], 1) + self.positions
        answer: Tensor = self.attention(x[:, :1], x, x, need_weights=False)[0]
        return self.out(torch.squeeze(answer, 1))


def dropout_view(
    z: Float[Tensor, "B D"], rate: float, generator: Generator | None = None
) -> Float[Tensor, "B D"]:
    """A view of some vectors by dropout, drawn from a generator of its own.

    Args:
        z: vectors.
        rate: chance of a feature to become 0; the others grow by 1 / (1 - rate). 0 changes nothing.
        generator: source of randomness.

    Source: Liu et al. 2024 (MERL), its contrast of two views.

    Book: tamer#merl
    """
    if rate == 0:
        return z
    kept = torch.rand(z.shape, generator=generator).to(z.device) >= rate
    return z * kept / (1 - rate)
