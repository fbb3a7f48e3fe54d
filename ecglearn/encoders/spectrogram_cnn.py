"""A residual network over frequency and time: spectrograms of twelve leads in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu


class PlaneBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input.

    Args:
        width_in: channels of the input.
        width: channels of the output.
        stride: steps from one output to the next, along both axes.

    Source: He et al. 2016, basic block.

    Book: tamer#tamer-encoders
    """

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_first, self.norm_second = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.skip = nn.Identity()
        if stride != 1 or width_in != width:
            self.skip = nn.Sequential(
                nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Float[Tensor, "B C F M"]) -> Float[Tensor, "B D f m"]:
        """Input plus correction, rectified."""
        inner = relu(self.norm_first(self.first(x)))
        return relu(self.norm_second(self.second(inner)) + self.skip(x))


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
        self, *, widths: Sequence[int] = (64, 128, 256), blocks: Sequence[int] = (2, 2, 2),
        leads: int = 12,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stages = len(widths)
        self.width = widths[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(leads, widths[0], 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        layers, before = [], widths[0]
        for stage, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(depth):
                layers.append(PlaneBlock(before, width, 2 if stage and not block else 1))
                before = width
        self.blocks = nn.Sequential(*layers)

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
