"""What a model may be able to do, asked with `isinstance`; anybody's model counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Undecayed(Protocol):
    """A part of a model with matrices that weight decay must leave alone.

    Attributes:
        undecayed: names of its own parameters that stand for themselves and multiply nothing:
            tokens, positions, separators, the dynamics of a state space.

    Book: ptacl#training
    """

    undecayed: Sequence[str]


@runtime_checkable
class ECGEncoder(Protocol):
    """What every method needs of an ECG encoder; a `torch.nn.Module` that has these is accepted.

    `forward` takes standardised signals (B, 12, time) of any length and gives tokens in order of
    time (B, N, D), N = `tokens(time)` and D = `width`.

    Attributes:
        width: D, features of a token.

    Book: your-own-method#own-encoder
    """

    width: int

    def tokens(self, samples: int, /) -> int:
        """N for a record of this length."""
        ...

    def seconds(self, samples: int, fs: float, /) -> Tensor:
        """The second of the centre of each token (N,)."""
        ...

    def __call__(self, ecg: Any, /) -> Tensor:
        """Tokens (B, N, D) of signals (B, 12, time)."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """All that evaluation needs of anybody's model: vectors of records.

    Book: five-methods#contract
    """

    def embed(self, batch: Any, /) -> Any:
        """Vectors (B, D), a tensor or an array."""
        ...


@runtime_checkable
class EmbedsText(Embeds, Protocol):
    """A model that also puts texts into the space of its vectors: it can be asked in words.

    Book: five-methods#contract
    """

    def embed_text(self, texts: Sequence[str], /) -> Any:
        """Vectors of texts (C, D)."""
        ...


@runtime_checkable
class Scores(Protocol):
    """A model that gives a score for each class at once, such as one read through a probe.

    Book: five-methods#contract
    """

    def score(self, batch: Any, /) -> Any:
        """Scores (B, K), higher means more likely."""
        ...


@runtime_checkable
class LocalTokens(Protocol):
    """A model that says something about each time of a record.

    Book: five-methods#contract
    """

    def local_tokens(self, batch: Any, /) -> tuple[Tensor, Tensor]:
        """Tokens in order of time (B, N, D), and the second each is centred at (N,)."""
        ...


@runtime_checkable
class EmbedsCine(Embeds, Protocol):
    """A model that also reads cine loops, as a whole and phase by phase.

    Book: five-methods#contract
    """

    def embed_cine(self, batch: Any, /) -> Tensor:
        """Features of the cine (B, D)."""
        ...

    def project(self, batch: Any, /) -> tuple[Tensor, Tensor]:
        """ECG and cine in the common space (B, P), (B, P)."""
        ...

    def local(self, batch: Any, /) -> tuple[Tensor, Tensor, Tensor]:
        """Phases of ECG and cine (B, T, D), and which records have a usable beat (B,)."""
        ...
