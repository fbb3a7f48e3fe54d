"""Patches of an ECG to tokens, and a transformer over them."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from ecglearn.encoders.transformer import Blocks, initialise
from ecglearn.errors import InputError


class ECGTransformer(nn.Module):
    """ECG encoder: one shared convolution cuts patches, learnable positions, transformer blocks.

    With `leads_per_token=1` every lead is cut on its own with the same weights and the order of
    tokens is lead-major (lead * time + time), as in the paper. With `leads_per_token=12` one token
    holds all leads of a tenth of a second: 12 times fewer tokens, for laptops.

    Args:
        samples: length of the input.
        patch: samples of a token.
        width: features D of a token.
        depth: number of blocks.
        heads: attention heads.
        leads: leads of the input.
        leads_per_token: leads that share a token; divides `leads`.
        use_cls: put a class token first; it takes no part in pooling or in local embeddings.
        layer_scale: see `Block`.
        drop_path: see `Blocks`.
        eps: see `Blocks`.

    Raises:
        InputError: the patch does not divide the samples, or the leads do not divide.

    Source: Selivanov et al. 2025 (PTACL), section "encoders".

    Book: ptacl#encoders
    """

    undecayed = ("positions", "class_token")

    def __init__(
        self,
        *,
        samples: int = 2500,
        patch: int = 50,
        width: int = 512,
        depth: int = 6,
        heads: int = 8,
        leads: int = 12,
        leads_per_token: int = 1,
        use_cls: bool = False,
        layer_scale: float | None = 1e-5,
        drop_path: float = 0.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if samples % patch or leads % leads_per_token:
            raise InputError(
                f"patches of {leads_per_token} leads by {patch} samples do not tile "
                f"{leads} leads by {samples} samples"
            )
        self.leads, self.leads_per_token, self.patch = leads, leads_per_token, patch
        self.groups, self.time_tokens = leads // leads_per_token, samples // patch
        self.tokens = self.groups * self.time_tokens
        self.patch_size = patch * leads_per_token
        self.width = width
        self.embed = nn.Conv1d(leads_per_token, width, patch, patch)
        self.positions = nn.Parameter(torch.zeros(1, self.tokens, width))
        self.class_token = nn.Parameter(torch.zeros(1, 1, width)) if use_cls else None
        self.blocks = Blocks(
            width, depth, heads, layer_scale=layer_scale, drop_path=drop_path, eps=eps
        )
        self.apply(initialise)

    def patches(self, x: Float[Tensor, "B leads time"]) -> Float[Tensor, "B N P"]:
        """The samples of each token, in token order: what a masked autoencoder must fill in."""
        return rearrange(x, "B (g l) (t p) -> B (g t) (l p)", l=self.leads_per_token, p=self.patch)

    def tokenise(self, x: Float[Tensor, "B leads time"]) -> Float[Tensor, "B N D"]:
        """Patch embedding plus position."""
        groups = rearrange(x, "B (g l) time -> (B g) l time", l=self.leads_per_token)
        tokens = rearrange(self.embed(groups), "(B g) D t -> B (g t) D", g=self.groups)
        return tokens + self.positions

    def forward(
        self, x: Float[Tensor, "B leads time"], visible: Int[Tensor, "B V"] | None = None
    ) -> Float[Tensor, "B M D"]:
        """Tokens after the final norm (B, N, D), or of the visible ones only (B, V, D).

        Args:
            x: standardised signals (B, leads, time).
            visible: indices of the tokens that the encoder may see.
        """
        tokens = self.tokenise(x)
        if visible is not None:
            tokens = tokens.gather(1, visible[..., None].expand(-1, -1, self.width))
        if self.class_token is None:
            return self.blocks(tokens)
        first = self.class_token.expand(tokens.shape[0], -1, -1)
        return self.blocks(torch.cat([first, tokens], 1))[:, 1:]

    def seconds(self, samples: int, fs: float) -> Float[Tensor, " T"]:
        """The second of the centre of each token.

        Args:
            samples: length of the signal.
            fs: sampling rate in hertz.
        """
        return (torch.arange(samples // self.patch) * self.patch + (self.patch - 1) / 2) / fs

    def over_time(self, tokens: Float[Tensor, "B N D"]) -> Float[Tensor, "B T D"]:
        """Mean over leads at each time, (B, time tokens, D)."""
        return rearrange(tokens, "B (g t) D -> B g t D", g=self.groups).mean(1)
