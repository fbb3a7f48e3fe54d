"""A residual network along time: samples of twelve leads in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu


class TimeBlock(nn.Module):
    """Two convolutions of three samples whose result is added to their input.

    Args:
        width_in: channels of the input.
        width: channels of the output.
        stride: samples from one output to the next; where it or the width changes, the input is
            brought to shape by a convolution of one sample.

    Source: He et al. 2016, basic block, in one dimension.

    Book: tamer#tamer-encoders
    """

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv1d(width_in, width, 3, stride, padding=1, bias=False)
        self.second = nn.Conv1d(width, width, 3, padding=1, bias=False)
        self.norm_first, self.norm_second = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.skip = nn.Identity()
        if stride != 1 or width_in != width:
            self.skip = nn.Sequential(
                nn.Conv1d(width_in, width, 1, stride, bias=False), nn.BatchNorm1d(width)
            )

    def forward(self, x: Float[Tensor, "B C time"]) -> Float[Tensor, "B D shorter"]:
        """Input plus correction, rectified."""
        inner = relu(self.norm_first(self.first(x)))
        return relu(self.norm_second(self.second(inner)) + self.skip(x))


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
        self, *, widths: Sequence[int] = (64, 128, 256, 512), blocks: Sequence[int] = (3, 4, 6, 3),
        leads: int = 12,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stages = len(widths)
        self.width = widths[-1]
        self.stem = nn.Sequential(
            nn.Conv1d(leads, widths[0], 7, 2, padding=3, bias=False),
            nn.BatchNorm1d(widths[0]),
            nn.ReLU(),
        )
        layers, before = [], widths[0]
        for stage, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(depth):
                layers.append(TimeBlock(before, width, 2 if stage and not block else 1))
                before = width
        self.blocks = nn.Sequential(*layers)

    def tokens(self, samples: int) -> int:
        """How many tokens an input of this length gives.

        Args:
            samples: length of the signal.
        """
        for _ in range(self.stages):
            samples = (samples + 1) // 2
        return samples

    def forward(self, x: Float[Tensor, "B leads time"]) -> Float[Tensor, "B N D"]:
        """Tokens in order of time.

        Args:
            x: standardised signals (B, leads, time).
        """
        return self.blocks(self.stem(x)).mT
