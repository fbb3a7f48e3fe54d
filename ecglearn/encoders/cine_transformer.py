"""Patches of a cine loop to tokens, and a transformer over them."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

from ecglearn.encoders.transformer import Blocks, initialise
from ecglearn.errors import InputError


class CineTransformer(nn.Module):
    """Cine MRI encoder: a 3-D convolution cuts patches, learnable positions, transformer blocks.

    Tokens are time-major: index = time * spatial tokens + row * columns + column. The paper gives
    each of them a position in time. That lets the encoder count frames instead of looking at them
    (the chapter on alignment matrices measures this), so `time_positions=False` keeps only the
    positions in space.

    Args:
        frames: frames of the input; time tokens T = frames // patch[0].
        size: pixels along each side.
        patch: frames, rows and columns of a token.
        width: features D of a token.
        depth: number of blocks.
        heads: attention heads.
        time_positions: learn a position for each time and place; otherwise for each place.
        layer_scale: see `Block`.

    Raises:
        InputError: the patch does not divide the image.

    Source: Selivanov et al. 2025 (PTACL), section "encoders".

    Book: ptacl#encoders
    """

    undecayed = ("positions",)

    def __init__(
        self,
        *,
        frames: int = 26,
        size: int = 84,
        patch: tuple[int, int, int] = (2, 12, 12),
        width: int = 512,
        depth: int = 4,
        heads: int = 8,
        time_positions: bool = True,
        layer_scale: float | None = 1e-5,
    ) -> None:
        super().__init__()
        if size % patch[1] or size % patch[2]:
            raise InputError(f"patches of {patch[1]} x {patch[2]} do not tile {size} x {size}")
        self.patch = patch
        self.time_tokens = frames // patch[0]
        self.places = (size // patch[1]) * (size // patch[2])
        self.tokens = self.time_tokens * self.places
        self.patch_size = patch[0] * patch[1] * patch[2]
        self.width = width
        self.embed = nn.Conv3d(1, width, patch, patch)
        self.positions = nn.Parameter(
            torch.zeros(1, self.tokens if time_positions else self.places, width)
        )
        self.blocks = Blocks(width, depth, heads, layer_scale=layer_scale)
        self.apply(initialise)

    def patches(self, x: Float[Tensor, "B frames rows columns"]) -> Float[Tensor, "B N P"]:
        """The pixels of each token, in token order: what a masked autoencoder must fill in."""
        used = x[:, : self.time_tokens * self.patch[0]]
        t, r, c = self.patch
        return rearrange(used, "B (T t) (h r) (w c) -> B (T h w) (t r c)", t=t, r=r, c=c)

    def tokenise(self, x: Float[Tensor, "B frames rows columns"]) -> Float[Tensor, "B N D"]:
        """Patch embedding plus position."""
        # a convolution whose stride is its kernel is a matrix product over patches
        kernel = self.embed.weight.flatten(1)
        tokens = linear(self.patches(x), kernel, self.embed.bias)
        repeats = self.tokens // self.positions.shape[1]
        return tokens + self.positions.repeat(1, repeats, 1)

    def forward(
        self, x: Float[Tensor, "B frames rows columns"], visible: Int[Tensor, "B V"] | None = None
    ) -> Float[Tensor, "B M D"]:
        """Tokens after the final norm (B, N, D), or of the visible ones only (B, V, D).

        Args:
            x: frames in [0, 1] (B, frames, rows, columns).
            visible: indices of the tokens that the encoder may see.
        """
        tokens = self.tokenise(x)
        if visible is not None:
            tokens = tokens.gather(1, visible[..., None].expand(-1, -1, self.width))
        return self.blocks(tokens)

    def over_time(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B T D"]:
        """Mean over places at each time token, (B, T, D)."""
        return rearrange(tokens, "B (T s) D -> B T s D", s=self.places).mean(2)
