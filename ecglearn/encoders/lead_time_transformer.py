"""An ECG as a grid of lead by time tokens, any of which may be missing."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import gelu

from ecglearn.encoders.transformer import LARGEST, Blocks, initialise
from ecglearn.errors import InputError
from ecglearn.signals.missing import keep_samples

LEAD_STD = 0.5  # as large as a token's content: with 0.02, leads were hardly told apart


class Encoded(NamedTuple):
    """What the encoder says about some records.

    Attributes:
        z: one vector each (B, D'), not normalised.
        alpha: how much each token counts in it (B, N); sums to 1, 0 where missing.
        tokens: the tokens after the last block (B, N, D); lead-major.

    Book: scar#selector
    """

    z: Float[Tensor, "B out"]
    alpha: Float[Tensor, "B N"]
    tokens: Float[Tensor, "B N D"]


class LeadTimeTransformer(nn.Module):
    """Transformer over one token for each lead and time segment; missing tokens are never read.

    A null token is always there, so that the empty record has an answer too. The vector of a
    record is a weighted sum of its tokens, weighted by the selector. The last layer is linear,
    so that each token's share in a product with a text is exactly alpha_j times its own product.

    Args:
        samples: length of the input.
        patch: samples of a token.
        width: features D of a token.
        depth: number of blocks.
        heads: attention heads.
        out: features of the vector.
        selector: "learned" weights, or the plain "mean" over what is visible.
        stem: window, hop and features of a `WindowStem`; None reads a token with one linear layer.
        leads: leads of the input.

    Raises:
        InputError: the patch does not divide the samples.

    Source: Liu et al. 2026 (SCAR) names the parts; sizes after Na et al. 2024 (ST-MEM); null token,
        linear last layer and the rest are our choice.

    Book: scar#scar-encoder
    """

    undecayed = ("lead", "null")

    def __init__(
        self,
        *,
        samples: int = 5000,
        patch: int = 125,
        width: int = 192,
        depth: int = 12,
        heads: int = 3,
        out: int = 256,
        selector: Literal["mean", "learned"] = "learned",
        stem: tuple[int, int, int] | None = None,
        leads: int = 12,
    ) -> None:
        super().__init__()
        if samples % patch:
            raise InputError(f"patches of {patch} samples do not tile {samples} samples")
        self.leads, self.segments, self.patch = leads, samples // patch, patch
        self.cut = nn.Linear(patch, width) if stem is None else WindowStem(*stem, width)
        self.lead = nn.Parameter(torch.randn(leads, 1, width) * LEAD_STD)
        self.register_buffer("time", sine_positions(self.segments, width), persistent=False)
        self.null = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.blocks = Blocks(width, depth, heads, layer_scale=None)
        self.apply(initialise)
        self.weigh: nn.Module | None = None
        if selector == "learned":
            self.weigh = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.project = nn.Linear(width, out, bias=False)

    def forward(
        self, x: Float[Tensor, "B lead time"], keep: Bool[Tensor, "B lead segment"] | None = None
    ) -> Encoded:
        """Vector, weights and tokens; nothing of what is missing is read.

        Args:
            x: signals (B, leads, time), any unit: they are standardised here, by what is visible.
            keep: True = observed, by segment (B, leads, segments); None = everything.

        Raises:
            InputError: signal or keep map have another shape.
        """
        keep = self.map_of(x, keep)
        return self.encode(self.tokenise(x, keep), keep.flatten(1))

    def map_of(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """The keep map, checked; everything where it is None.

        Args:
            x: signals.
            keep: by segment.
        """
        want = (x.shape[0], self.leads, self.segments)
        if x.shape[1:] != (self.leads, self.segments * self.patch):
            raise InputError(
                f"signals are {tuple(x.shape)}, and this encoder reads (records, {self.leads}, "
                f"{self.segments * self.patch})"
            )
        if keep is None:
            return torch.ones(want, dtype=torch.bool, device=x.device)
        if keep.shape != want:
            raise InputError(
                f"the keep map is {tuple(keep.shape)} and should be {want}: records, leads, "
                f"segments of {self.patch} samples (see keep_segments)"
            )
        return keep

    def tokenise(
        self,
        x: Float[Tensor, "B lead time"],
        visible: Bool[Tensor, "B lead segment"],
        *,
        blank: bool = True,
    ) -> Float[Tensor, "B N D"]:
        """Tokens before the first block, standardised with the visible samples only.

        Args:
            x: signals (B, leads, time).
            visible: by segment (B, leads, segments).
            blank: overwrite what is not visible. The masker's step needs it, to know what removing
                a token would change.
        """
        seen = keep_samples(visible, x.shape[-1])
        x = standard(x, seen)
        if blank:
            x = x.where(seen, 0)
        pieces = rearrange(x, "B l (t p) -> B l t p", p=self.patch)
        return (self.cut(pieces) + self.lead + self.get_buffer("time")).flatten(1, 2)

    def encode(self, tokens: Float[Tensor, "B N D"], keep: Shaped[Tensor, "B N"]) -> Encoded:
        """Blocks, selector, projection.

        Args:
            tokens: of `tokenise`.
            keep: bool, or weights from 0 to 1 with a gradient (B, N).
        """
        first = self.null.expand(tokens.shape[0], -1, -1)
        with_null = torch.cat([torch.ones_like(keep[:, :1]), keep], 1)
        hidden = self.blocks(torch.cat([first, tokens], 1), with_null)
        null, hidden = hidden[:, 0], hidden[:, 1:]
        logits = hidden.new_zeros(keep.shape) if self.weigh is None else self.weigh(hidden)[..., 0]
        alpha = select(logits, keep)
        pooled = torch.einsum("bn,bnd->bd", alpha, hidden) + null
        return Encoded(self.project(pooled), alpha, hidden)


class WindowStem(nn.Module):
    """A token from short windows inside it: what they show counts, wherever in the token it is.

    The same two layers read every window; their mean and their maximum over the token's windows go
    on. No window crosses the border between tokens, so nothing missing leaks into its neighbours.

    Args:
        window: samples of a window.
        hop: samples from one window to the next.
        features: of a window.
        out: features of a token.

    Source: our choice; the linear layer of Na et al. 2024 (ST-MEM) needs far more records.

    Book: scar#scar-encoder
    """

    def __init__(self, window: int, hop: int, features: int, out: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.first, self.second = nn.Linear(window, features), nn.Linear(features, features)
        self.out = nn.Linear(2 * features, out)

    def forward(self, pieces: Float[Tensor, "*tokens patch"]) -> Float[Tensor, "*tokens D"]:
        """One vector for each piece.

        Args:
            pieces: samples of each token.
        """
        windows = pieces.unfold(-1, self.window, self.hop)
        seen = gelu(self.second(gelu(self.first(windows))))
        return self.out(torch.cat([seen.mean(-2), seen.amax(-2)], -1))


def select(logits: Float[Tensor, "B N"], keep: Shaped[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Weights alpha of the visible tokens: a softmax over them, exactly 0 elsewhere.

    Args:
        logits: u (B, N).
        keep: bool, or weights from 0 to 1 (B, N).

    Returns:
        Rows that sum to 1; zeros where nothing is visible. Equal logits give equal weights.

    Source: our form of the adaptive selector of Liu et al. 2026 (SCAR).

    Book: scar#selector
    """
    weights = keep.to(logits)
    top = logits.detach().masked_fill(weights <= 0, -torch.inf).amax(1, keepdim=True)
    top = top.where(top.isfinite(), 0)
    shares = weights * (logits - top).clamp(max=LARGEST).exp()
    return shares / shares.sum(1, keepdim=True).clamp_min(torch.finfo(shares.dtype).tiny)


def sine_positions(steps: int, width: int) -> Float[Tensor, "{steps} {width}"]:
    """Fixed position vectors: sines and cosines of the step at falling frequencies.

    Args:
        steps: how many positions.
        width: features, even.

    Raises:
        InputError: an odd width.

    Source: Vaswani et al. 2017.

    Book: scar#scar-encoder
    """
    if width % 2:
        raise InputError(f"sine positions need an even width, not {width}")
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(steps)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


def standard(
    x: Float[Tensor, "B lead time"], seen: Bool[Tensor, "B lead time"]
) -> Float[Tensor, "B lead time"]:
    """Mean 0 and spread 1 of a record's visible samples; the same shift and scale for the rest.

    Args:
        x: signals.
        seen: which samples are visible.

    Book: scar#scar-encoder
    """
    count = seen.sum((1, 2), keepdim=True).clamp_min(1)
    mean = x.where(seen, 0).sum((1, 2), keepdim=True) / count
    spread = (x - mean).where(seen, 0).square().sum((1, 2), keepdim=True) / count
    return (x - mean) / (spread.sqrt() + 1e-6)
