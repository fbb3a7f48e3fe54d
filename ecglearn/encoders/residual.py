"""Residual networks over one axis (time) or two (frequency and time), built from the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ecglearn.errors import InputError

CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d}
NORM = {1: BatchNorm1d, 2: BatchNorm2d}


class ResidualBlock(nn.Module):
    """Two convolutions of width three whose result is added to their input.

    Args:
        width_in: channels of the input.
        width: channels of the output.
        stride: steps from one output to the next, along every axis; where it or the width changes,
            a convolution of width one brings the input to shape.
        axes: 1 for time, 2 for frequency and time.

    Source: He et al. 2016, basic block.

    Book: tamer#tamer-encoders
    """

    def __init__(
        self, width_in: int, width: int, stride: int = 1, *, axes: Literal[1, 2] = 1
    ) -> None:
        super().__init__()
        convolution, norm = CONVOLUTION[axes], NORM[axes]
        self.first = convolution(width_in, width, 3, stride, padding=1, bias=False)
        self.second = convolution(width, width, 3, padding=1, bias=False)
        self.norm_first, self.norm_second = norm(width), norm(width)
        self.skip = nn.Identity()
        if stride != 1 or width_in != width:
            self.skip = nn.Sequential(
                convolution(width_in, width, 1, stride, bias=False), norm(width)
            )

    def forward(self, x: Float[Tensor, "B C *axes"]) -> Float[Tensor, "B D *fewer"]:
        """Input plus correction, rectified."""
        inner = relu(self.norm_first(self.first(x)))
        return relu(self.norm_second(self.second(inner)) + self.skip(x))


def residual_stages(
    channels: int, widths: Sequence[int], blocks: Sequence[int], *, axes: Literal[1, 2]
) -> tuple[nn.Sequential, nn.Sequential]:
    """Stem (width seven, stride two, no pooling) and stages; all but the first halve every axis.

    Args:
        channels: of the input.
        widths: channels of each stage.
        blocks: blocks of each stage.
        axes: 1 for time, 2 for frequency and time.

    Raises:
        InputError: `widths` and `blocks` have different lengths, or there is no stage.

    Source: He et al. 2016; the stem without pooling is that of Liu et al. 2024 (MERL).

    Book: tamer#tamer-encoders
    """
    if len(widths) != len(blocks) or not widths:
        raise InputError(
            f"widths {tuple(widths)} and blocks {tuple(blocks)} should have one number for each "
            "stage, one stage or more"
        )
    stem = nn.Sequential(
        CONVOLUTION[axes](channels, widths[0], 7, 2, padding=3, bias=False),
        NORM[axes](widths[0]),
        nn.ReLU(),
    )
    layers, before = [], widths[0]
    for stage, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(depth):
            stride = 2 if stage and not block else 1
            layers.append(ResidualBlock(before, width, stride, axes=axes))
            before = width
    return stem, nn.Sequential(*layers)
