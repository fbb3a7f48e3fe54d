"""Tokens between two separators: one attention layer, and the decoder into another modality."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from ecglearn.errors import InputError


class SeparatedAttention(nn.Module):
    """One self-attention layer over `[s, tokens, s]` plus positions; separators are dropped again.

    There is no residual, no norm and no feed-forward layer: what comes out at place i is gathered
    from all places.

    Args:
        tokens: how many tokens come in; each place has a learned position.
        width: features D of a token.
        heads: attention heads.
        separator_std: spread of the separator's first value; None: that of the positions, 1 / D.
            The public code has 1.

    Source: Chen et al. 2025 (DERI), attention of the ECG side and of both masked views.

    Book: deri#attention-pool
    """

    undecayed = ("separator", "positions")

    def __init__(
        self, tokens: int, width: int, heads: int = 4, *, separator_std: float | None = None
    ) -> None:
        super().__init__()
        spread = 1 / width if separator_std is None else separator_std
        self.separator = nn.Parameter(torch.randn(1, 1, width) * spread)
        self.positions = nn.Parameter(torch.randn(1, tokens + 2, width) / width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """What each place gathered.

        Args:
            tokens: Z (B, N, D).
        """
        side = self.separator.expand(tokens.shape[0], -1, -1)
        x = torch.cat([side, tokens, side], 1) + self.positions
        gathered: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return gathered[:, 1:-1]


class GatedMLP(nn.Module):
    """out(silu(gate(x)) * up(x)), with dropout before the last layer.

    Args:
        width: features of the input.
        hidden: features between the layers.
        out: features of the output.
        dropout: share of hidden features that are hidden while training.
        drop_branches: hide features of gate and up, each by a draw of its own and before the gate's
            silu, as the public code does: 1 - (1 - rate)^2 of the products are 0.

    Source: Shazeer 2020 for the gate; Chen et al. 2025 (DERI) for its places.

    Book: deri#cross-decoders
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        out: int,
        dropout: float = 0.0,
        *,
        drop_branches: bool = False,
    ) -> None:
        super().__init__()
        self.drop_branches = drop_branches
        self.gate, self.up = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.out = nn.Linear(hidden, out)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*rest D"]) -> Float[Tensor, "*rest E"]:
        """Each token on its own."""
        return self.out(self.hidden(x))

    def hidden(self, x: Float[Tensor, "*rest D"]) -> Float[Tensor, "*rest H"]:
        """What the last linear layer reads.

        Args:
            x: tokens.
        """
        if self.drop_branches:
            return silu(self.dropout(self.gate(x))) * self.dropout(self.up(x))
        return self.dropout(silu(self.gate(x)) * self.up(x))


class DecoderBlock(nn.Module):
    """Pre-norm self-attention and gated MLP, each added to its input.

    Args:
        width: features D of a token.
        heads: attention heads.
        head_width: features of a head; heads times head_width need not be D.
        drop_path: probability to skip a branch for a record while training.
        bias: give queries, keys and values a bias, as the public code does.

    Source: Chen et al. 2025 (DERI).

    Book: deri#cross-decoders
    """

    def __init__(
        self, width: int, heads: int, head_width: int, drop_path: float = 0.0, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.drop_path = heads, drop_path
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * heads * head_width, bias=bias)
        self.out = nn.Linear(heads * head_width, width)
        self.mlp = GatedMLP(width, width, width)

    def forward(
        self, x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """Tokens look at those that exist.

        Args:
            x: tokens.
            mask: which of them exist.
        """
        joint = self.query_key_value(self.norm_attention(x))
        q, k, v = rearrange(joint, "B N (three H d) -> three B H N d", three=3, H=self.heads)
        seen = None if mask is None else mask[:, None, None]
        gathered = scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self._branch(self.out(rearrange(gathered, "B H N d -> B N (H d)")))
        return x + self._branch(self.mlp(self.norm_mlp(x)))

    def _branch(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
        return x * kept / (1 - self.drop_path)


class CrossDecoder(nn.Module):
    """From tokens of one modality to tokens in the space of the other.

    Gated MLP, `[s, tokens, s]` plus positions, two blocks of self-attention, separators dropped,
    norm, gated MLP. The tokens see each other, never those of the other modality.

    Args:
        tokens: most tokens that may come in.
        width: features D of a token, also inside.
        out: features of the output.
        depth: blocks.
        heads: attention heads.
        head_width: features of a head.
        dropout: of the first and the last gated MLP.
        drop_path: of the last block; it grows linearly from 0 in the first.
        bias: of queries, keys and values.
        drop_branches: see `GatedMLP`.

    Source: Chen et al. 2025 (DERI), both cross-modal decoders.

    Book: deri#cross-decoders
    """

    undecayed = ("separator", "positions")

    def __init__(
        self,
        tokens: int,
        width: int,
        out: int,
        *,
        depth: int = 2,
        heads: int = 8,
        head_width: int = 64,
        dropout: float = 0.2,
        drop_path: float = 0.1,
        bias: bool = False,
        drop_branches: bool = False,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.inside = GatedMLP(width, width, width, dropout, drop_branches=drop_branches)
        self.separator = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, tokens + 2, width))
        rates = torch.linspace(0, drop_path, depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(
            DecoderBlock(width, heads, head_width, r, bias=bias) for r in rates
        )
        self.norm = nn.LayerNorm(width)
        self.outside = GatedMLP(width, width, out, dropout, drop_branches=drop_branches)

    def forward(
        self, tokens: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N E"]:
        """Decoded tokens, one for each that came in.

        Args:
            tokens: of the other modality.
            mask: which of them exist; the others are seen by none, and what is decoded at their
                places means nothing.

        Raises:
            InputError: there are more tokens than positions.
        """
        return self.outside(self._inner(tokens, mask))

    def mean(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B E"]:
        """The mean of the decoded tokens; taken before the last layer, which is linear.

        Args:
            tokens: of the other modality, all of which exist.
        """
        return self.outside.out(self.outside.hidden(self._inner(tokens)).mean(1))

    def _inner(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        count = tokens.shape[1]
        if count > self.tokens:
            raise InputError(f"{count} tokens, and this decoder has {self.tokens} positions")
        x = self.inside(tokens) + self.positions[:, 1 : count + 1]
        first, last = (self.separator + self.positions[:, [i]] for i in (0, -1))
        x = torch.cat([first.expand(x.shape[0], -1, -1), x, last.expand(x.shape[0], -1, -1)], 1)
        if mask is not None:
            mask = torch.nn.functional.pad(mask, (1, 1), value=True)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x[:, 1:-1])
