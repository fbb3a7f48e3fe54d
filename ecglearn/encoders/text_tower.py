"""The text side of a method that reads reports: a frozen model, and a head that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ecglearn.distributed import gather
from ecglearn.encoders.heads import MLPHead
from ecglearn.encoders.text_encoder import (
    LIMIT,
    EncodedReports,
    ReportError,
    TextEncoder,
    text_encoder,
)

Pooling = Literal["words", "pooler"]


class TextTower(nn.Module):
    """Reports to vectors of the common space: one vector of the frozen model, through a head.

    The frozen model is loaded at its first use; its weights are no parameters of the tower. Which
    they must be, `fingerprint` says where a file knew it: the head fits no others.

    Args:
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        width: features D of the common space.
        pooling: one vector from a report: the mean of its `words`, or the model's own `pooler`.
        limit: tokens of a report that are read.
        words: its method needs every word, and not the pooled vector alone.
        pad_to: positions that the frozen model reads of each report, padding included.

    Source: Liu et al. 2024 (MERL) for the head and the pooler; that the words are averaged
        otherwise is our choice: the small embedded model was not trained with a pooler.

    Book: tamer#text-side
    """

    def __init__(
        self,
        text: str,
        text_width: int,
        width: int,
        *,
        pooling: Pooling = "words",
        limit: int = LIMIT,
        pad_to: int | None = None,
        words: bool = True,
    ) -> None:
        super().__init__()
        self.text, self.text_width = text, text_width
        self.pooling, self.limit, self.pad_to = pooling, limit, pad_to
        self.words, self.fingerprint = words, ""
        self.head = MLPHead(text_width, width)
        self._model: TextEncoder | None = None

    @property
    def model(self) -> TextEncoder:
        """The frozen text model.

        Raises:
            ReportError: it cannot be loaded, has another width than configured, or is another one
                than the head was trained on.
        """
        if self._model is None:
            encoder = text_encoder(
                self.text, **({} if self.limit == LIMIT else {"limit": self.limit})
            )
            if encoder.width != self.text_width:
                raise ReportError(
                    f"{encoder.name} has {encoder.width} features; set text_width to this number "
                    f"instead of {self.text_width}"
                )
            if self.fingerprint and encoder.fingerprint != self.fingerprint:
                raise ReportError(
                    f"the text model {self.text!r} has other weights or words than the one that "
                    f"this method was trained on (fingerprint {encoder.fingerprint}, not "
                    f"{self.fingerprint}): give the model of that time, or train again"
                )
            self._model = encoder
        return self._model

    def known_fingerprint(self) -> str:
        """That of the model in use, or of the one that a file named; empty where neither is."""
        return self.fingerprint if self._model is None else self._model.fingerprint

    def encode(self, reports: str | Sequence[str]) -> EncodedReports:
        """What the frozen model says, on the device of the head and in its precision.

        Args:
            reports: B texts; a lone one is one text.

        Raises:
            ReportError: a report has no word, or the model cannot be used.
        """
        like = next(self.parameters())
        model = self.model.to(like.device)
        reports = [reports] if isinstance(reports, str) else list(reports)
        encoded = model.encode(reports, pad_to=self.pad_to).to(like.device)
        pooled = None if encoded.pooled is None else encoded.pooled.to(like)
        weights = encoded.cls_attention.to(like)
        return EncodedReports(encoded.tokens.to(like), encoded.mask, weights, pooled)

    def remember(self, reports: Sequence[str]) -> None:
        """Let the frozen model read texts now, and keep of them what the method needs.

        Args:
            reports: texts, in whatever order suits: those of similar length are read together.
        """
        keep = self.model.encode if self.words else self.model.vectors
        keep(list(reports), pad_to=self.pad_to)

    def read(self, reports: str | Sequence[str]) -> Float[Tensor, "B D"]:
        """The head of the pooled vector of texts, of which no word is kept.

        Args:
            reports: B texts; a lone one is one text.

        Raises:
            ReportError: a report has no word, or the model cannot be used as configured.
        """
        like = next(self.parameters())
        model = self.model.to(like.device)
        reports = [reports] if isinstance(reports, str) else list(reports)
        mean, pooled = model.vectors(reports, pad_to=self.pad_to)
        if self.pooling == "words":
            return self.head(mean.to(like))
        if pooled is None:
            raise self._no_pooler()
        return self.head(pooled.to(like))

    def _no_pooler(self) -> ReportError:
        return ReportError(f"{self.text} has no pooler; configure the pooling of words instead")

    def pool(self, encoded: EncodedReports) -> Float[Tensor, "B W"]:
        """One vector of the frozen model for each report.

        Args:
            encoded: of `encode`.

        Raises:
            ReportError: the model has no pooler, and it is asked for.
        """
        if self.pooling == "words":
            return encoded.mean()
        if encoded.pooled is None:
            raise self._no_pooler()
        return encoded.pooled

    def forward(self, encoded: EncodedReports) -> Float[Tensor, "B D"]:
        """The head of the pooled vector.

        Args:
            encoded: of `encode`.
        """
        return self.head(self.pool(encoded))


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
