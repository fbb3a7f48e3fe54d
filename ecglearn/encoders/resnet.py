"""A residual network along time: samples of twelve leads in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecglearn.encoders.residual import residual_stages


class ECGResNet(nn.Module):
    """Residual network over time: stem of seven samples and stride 2, no pooling, basic blocks.

    The defaults are ResNet-34: 5,000 samples give 313 tokens of width 512. `blocks=(2, 2, 2, 2)` is
    ResNet-18.

    Args:
        widths: channels of each stage.
        blocks: blocks of each stage; all stages but the first halve the time.
        leads: leads of the input.

    Source: Zhou et al. 2026 (TAMER) for ResNet-34; the stem is that of Liu et al. 2024 (MERL).

    Book: tamer#tamer-encoders
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (3, 4, 6, 3),
        leads: int = 12,
    ) -> None:
        super().__init__()
        self.stem, self.blocks = residual_stages(leads, widths, blocks, axes=1)
        self.stages = len(widths)
        self.width = widths[-1]

    def tokens(self, samples: int) -> int:
        """How many tokens an input of this length gives.

        Args:
            samples: length of the signal.
        """
        for _ in range(self.stages):
            samples = (samples + 1) // 2
        return samples

    def seconds(self, samples: int, fs: float) -> Float[Tensor, " N"]:
        """The second of the sample that each token is centred at.

        Args:
            samples: length of the signal.
            fs: sampling rate in hertz.
        """
        return torch.arange(self.tokens(samples)) * 2**self.stages / fs

    def forward(self, x: Float[Tensor, "B leads time"]) -> Float[Tensor, "B N D"]:
        """Tokens in order of time.

        Args:
            x: standardised signals (B, leads, time).
        """
        return self.blocks(self.stem(x)).mT
