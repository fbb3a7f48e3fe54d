"""Hide most tokens, encode the rest, fill the gaps: works with any encoder that cuts patches."""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ecglearn.encoders.transformer import Blocks, initialise
from ecglearn.errors import InputError


class PatchEncoder(Protocol):
    """What a masked autoencoder needs of an encoder.

    Book: ptacl#stage-1
    """

    tokens: int
    patch_size: int
    width: int

    def patches(self, x: Tensor) -> Tensor:
        """Content of each token."""
        ...

    def __call__(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Tokens of the visible patches."""
        ...


def random_visible(
    records: int, tokens: int, ratio: float, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "B V"], Bool[Tensor, "B N"]]:
    """Choose the tokens that stay visible, anew for each record.

    Args:
        records: number of records B.
        tokens: tokens of a record N.
        ratio: share of hidden tokens; int(N (1 - ratio) + 0.5) stay visible.
        generator: source of randomness.

    Returns:
        Indices of visible tokens (B, V), and which tokens are hidden (B, N).

    Raises:
        InputError: the ratio leaves no token, or hides none.

    Source: He et al. 2022 (MAE); rounding as in the PTACL authors' fork.

    Book: ptacl#stage-1
    """
    kept = int(tokens * (1 - ratio) + 0.5)
    if not 0 < kept < tokens:
        raise InputError(f"a mask ratio of {ratio} leaves {kept} of {tokens} tokens visible")
    order = torch.rand(records, tokens, generator=generator).argsort(1)
    visible = order[:, :kept]
    hidden = torch.ones(records, tokens, dtype=torch.bool).scatter_(1, visible, False)
    return visible, hidden


class MaskedAutoencoder(nn.Module):
    """An encoder that sees few tokens and a small decoder that fills in the others.

    Args:
        encoder: cuts patches and encodes visible ones.
        ratio: share of hidden tokens.
        decoder_width: features of a decoder token.
        decoder_heads: heads of the decoder's single block.
        layer_scale: see `Block`.

    Source: Selivanov et al. 2025 (PTACL): one decoder layer, four heads; its width is our choice.

    Book: ptacl#stage-1
    """

    undecayed = ("mask_token", "positions")

    def __init__(
        self,
        encoder: nn.Module,
        *,
        ratio: float,
        decoder_width: int = 256,
        decoder_heads: int = 4,
        layer_scale: float | None = 1e-5,
    ) -> None:
        super().__init__()
        self.encoder, self.ratio = encoder, ratio
        shape: PatchEncoder = encoder  # pyright: ignore[reportAssignmentType]
        self.tokens = shape.tokens
        self.to_decoder = nn.Linear(shape.width, decoder_width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder_width))
        self.positions = nn.Parameter(torch.zeros(1, shape.tokens, decoder_width))
        self.decoder = Blocks(decoder_width, 1, decoder_heads, layer_scale=layer_scale)
        self.to_patch = nn.Linear(decoder_width, shape.patch_size)
        for part in (self.to_decoder, self.decoder, self.to_patch):
            part.apply(initialise)
        nn.init.normal_(self.mask_token, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    def forward(
        self, x: Float[Tensor, "B *input"], generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B N P"], Bool[Tensor, "B N"]]:
        """Predicted content of all patches, and which of them were hidden."""
        visible, hidden = random_visible(len(x), self.tokens, self.ratio, generator)
        visible, hidden = visible.to(x.device), hidden.to(x.device)
        seen = self.to_decoder(self.encoder(x, visible))
        full = self.mask_token.expand(len(x), self.tokens, -1).to(seen.dtype)
        full = full.scatter(1, visible[..., None].expand_as(seen), seen)
        return self.to_patch(self.decoder(full + self.positions)), hidden
