"""The text side of a method that reads reports: a frozen model, and a head that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ecglearn.distributed import gather
from ecglearn.encoders.heads import MLPHead
from ecglearn.encoders.text_encoder import (
    EncodedReports,
    ReportError,
    TextEncoder,
    text_encoder,
)


class TextTower(nn.Module):
    """Reports to vectors of the common space: the mean of the words, through a head.

    The frozen model is loaded at its first use; its weights are no parameters of the tower.

    Args:
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        width: features D of the common space.

    Source: Liu et al. 2024 (MERL) for the head; that the words are averaged is our choice.

    Book: tamer#text-side
    """

    def __init__(self, text: str, text_width: int, width: int) -> None:
        super().__init__()
        self.text, self.text_width = text, text_width
        self.head = MLPHead(text_width, width)
        self._model: TextEncoder | None = None

    @property
    def model(self) -> TextEncoder:
        """The frozen text model.

        Raises:
            ReportError: it cannot be loaded, or has another width than configured.
        """
        if self._model is None:
            encoder = text_encoder(self.text)
            if encoder.width != self.text_width:
                raise ReportError(
                    f"{encoder.name} has {encoder.width} features; set text_width to this number "
                    f"instead of {self.text_width}"
                )
            self._model = encoder
        return self._model

    def encode(self, reports: Sequence[str]) -> EncodedReports:
        """What the frozen model says, on the device of the head and in its precision.

        Args:
            reports: B texts.

        Raises:
            ReportError: a report has no word, or the model cannot be used.
        """
        like = next(self.parameters())
        encoded = self.model.to(like.device).encode(reports).to(like.device)
        return EncodedReports(encoded.tokens.to(like), encoded.mask, encoded.cls_attention.to(like))

    def forward(self, encoded: EncodedReports) -> Float[Tensor, "B D"]:
        """The head of the mean of the words.

        Args:
            encoded: of `encode`.
        """
        return self.head(encoded.mean())


def same_reports(reports: Sequence[str], device: torch.device) -> Bool[Tensor, "N N"]:
    """Pairs of records, of all processes, with the very same report.

    Args:
        reports: of the records of this process.
        device: where the answer is needed.

    Returns:
        True where two records have one text; the diagonal is True.

    Book: tamer#text-side
    """
    keys = [blake2b(text.encode(), digest_size=7).digest() for text in reports]
    numbers = torch.tensor([int.from_bytes(key) for key in keys], device=device)
    numbers = gather(numbers)
    return numbers[:, None] == numbers[None]
