"""A residual network over frequency and time: spectrograms of twelve leads in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from ecglearn.encoders.residual import residual_stages


class SpectrogramCNN(nn.Module):
    """Residual network over the plane of frequency and time, leads as channels.

    The defaults turn 63 x 78 cells into 8 x 10 = 80 tokens of width 256 (2.81 million parameters).

    Args:
        widths: channels of each stage; all stages but the first halve both axes.
        blocks: blocks of each stage.
        leads: leads of the input.

    Source: Zhou et al. 2026 (TAMER) names a 2-D CNN without its sizes; these are our choice.

    Book: tamer#tamer-encoders
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256),
        blocks: Sequence[int] = (2, 2, 2),
        leads: int = 12,
    ) -> None:
        super().__init__()
        self.stem, self.blocks = residual_stages(leads, widths, blocks, axes=2)
        self.stages = len(widths)
        self.width = widths[-1]

    def plane(self, frequencies: int, frames: int) -> tuple[int, int]:
        """Rows and columns of the grid of tokens.

        Args:
            frequencies: F of the spectrogram.
            frames: M of the spectrogram.
        """
        for _ in range(self.stages):
            frequencies, frames = (frequencies + 1) // 2, (frames + 1) // 2
        return frequencies, frames

    def forward(self, x: Float[Tensor, "B leads F M"]) -> Float[Tensor, "B N D"]:
        """Tokens, frequency-major: index = row of the grid * columns + column.

        Args:
            x: standardised spectrograms (B, leads, F, M).
        """
        return self.blocks(self.stem(x)).flatten(2).mT
