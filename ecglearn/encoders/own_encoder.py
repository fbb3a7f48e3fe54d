"""Anybody's ECG encoder inside a method: its promises checked, its tokens brought into shape."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

from ecglearn.abilities import ECGEncoder
from ecglearn.encoders.lead_time_transformer import Encoded, LeadTimeTransformer, select, standard
from ecglearn.errors import InputError
from ecglearn.signals.missing import keep_samples

Maker = Callable[[], nn.Module]  # a class without arguments, or a function


def own_encoder(given: nn.Module | Maker, samples: int, fs: float) -> Any:
    """The encoder that was given, or that what was given makes, when it keeps its promises.

    Args:
        given: a module, or what makes one when called.
        samples: length of the records that it will read.
        fs: their sampling rate in hertz.

    Raises:
        InputError: it lacks something of `ecglearn.abilities.ECGEncoder`, or its tokens are not
            those it promises.

    Book: your-own-method#own-encoder
    """
    made = given if isinstance(given, nn.Module) else given()
    who = type(made).__name__
    if not isinstance(made, nn.Module) or not isinstance(made, ECGEncoder):
        absent = [n for n in ("width", "tokens", "seconds") if getattr(made, n, None) is None]
        raise InputError(
            f"the encoder {who} is no torch.nn.Module with {', '.join(absent) or 'forward'}: give "
            "`width`, `tokens(samples)`, `seconds(samples, fs)`, and a `forward` from signals "
            "(B, 12, time) to tokens (B, N, width)"
        )
    was_training = made.training
    with torch.no_grad():
        place = next((p.device for p in made.parameters()), torch.device("cpu"))
        found = made.eval()(torch.zeros(2, 12, samples, device=place))
    made.train(was_training)
    want = (2, made.tokens(samples), made.width)
    if not isinstance(found, Tensor) or tuple(found.shape) != want:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise InputError(
            f"the encoder {who} promises tokens {want} of two records with {samples} samples and "
            f"gives {shape}: `forward` returns (B, N, width) with N = tokens(samples), features "
            "last"
        )
    times = torch.as_tensor(made.seconds(samples, fs))
    if tuple(times.shape) != want[1:2]:
        raise InputError(
            f"the encoder {who} has {want[1]} tokens and seconds {tuple(times.shape)}: "
            "`seconds(samples, fs)` gives one number for each token"
        )
    return made


def renewed(given: nn.Module | Maker) -> nn.Module:
    """Another encoder of the same kind that has learned nothing.

    Args:
        given: as for `own_encoder`; of a module, every part begins anew by its `reset_parameters`.

    Raises:
        InputError: a part of the module has weights and cannot begin anew.

    Book: your-own-method#own-encoder
    """
    if not isinstance(given, nn.Module):
        return given()
    twin = copy.deepcopy(given)
    for name, part in twin.named_modules():
        own = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if own and not callable(reset):
            raise InputError(
                f"the part {name or type(part).__name__!r} of the encoder has no "
                "`reset_parameters`, so no untrained one can be made: give the class or a function "
                "that makes the encoder, not the encoder"
            )
        if callable(reset):
            reset()
    return twin


class TimeTokens(nn.Module):
    """An encoder whose tokens lie at regular times and have another width, for PTACL.

    Args:
        encoder: anybody's, see `own_encoder`.
        width: features D of a token.
        patch: samples between two tokens.
        samples: length of a record.

    Book: your-own-method#own-encoder
    """

    def __init__(self, encoder: Any, *, width: int, patch: int, samples: int) -> None:
        super().__init__()
        self.encoder, self.width, self.patch = encoder, width, patch
        self.tokens = self.time_tokens = samples // patch
        self.to_width = nn.Linear(encoder.width, width)

    def forward(self, ecg: Float[Tensor, "B leads time"]) -> Float[Tensor, "B T D"]:
        """Tokens, each a mean over its stretch of time."""
        return adaptive_avg_pool1d(self.to_width(self.encoder(ecg)).mT, self.time_tokens).mT

    def over_time(self, tokens: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """The same: they are in order of time."""
        return tokens

    def seconds(self, samples: int, fs: float) -> Float[Tensor, " T"]:
        """The second of the centre of each token.

        Args:
            samples: length of the signal.
            fs: sampling rate in hertz.
        """
        return (torch.arange(samples // self.patch) * self.patch + (self.patch - 1) / 2) / fs


class TokenMean(nn.Module):
    """An encoder read as one vector, the mean of its tokens, for clinical transfer.

    Args:
        encoder: anybody's, see `own_encoder`.

    Book: your-own-method#own-encoder
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder, self.width = encoder, encoder.width

    def tokens(self, ecg: Float[Tensor, "B leads L"]) -> Float[Tensor, "B N D"]:
        """Its tokens.

        Args:
            ecg: any length.
        """
        return self.encoder(ecg)

    def forward(self, ecg: Float[Tensor, "B leads L"]) -> Float[Tensor, "B D"]:
        """Their mean over time."""
        return self.tokens(ecg).mean(1)


class LeadByLead(LeadTimeTransformer):
    """Anybody's encoder as a grid of lead by time tokens, any of which may be missing, for SCAR.

    It reads each lead alone, the others blank, so that nothing of a hidden cell reaches another:
    twelve passes where a whole record takes one. Selector, null token and projection are those of
    `LeadTimeTransformer`; there are no blocks above. Only where the masker asks what removing a
    cell would change do the edges of its neighbours read it.

    Args:
        encoder: see `own_encoder`.
        samples: length of the input.
        patch: samples of a token.
        out: features of the vector.
        selector: "learned" weights, or the plain "mean" over what is visible.
        leads: leads of the input.

    Book: your-own-method#own-encoder
    """

    undecayed = ("null",)

    def __init__(
        self,
        encoder: Any,
        *,
        samples: int,
        patch: int,
        out: int,
        selector: str = "learned",
        leads: int = 12,
    ) -> None:
        nn.Module.__init__(self)
        if samples % patch:
            raise InputError(f"patches of {patch} samples do not tile {samples} samples")
        self.leads, self.segments, self.patch = leads, samples // patch, patch
        self.encoder, width = encoder, encoder.width
        self.null = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.weigh: nn.Module | None = None
        if selector == "learned":
            self.weigh = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.project = nn.Linear(width, out, bias=False)

    def tokenise(self, x: Tensor, visible: Tensor, *, blank: bool = True) -> Tensor:
        """Tokens of each lead, standardised with the visible samples only.

        Args:
            x: signals (B, leads, time).
            visible: by segment (B, leads, segments).
            blank: overwrite what is not visible.
        """
        seen = keep_samples(visible, x.shape[-1])
        x = standard(x, seen)
        if blank:
            x = x.where(seen, 0)
        alone = x[:, :, None] * torch.eye(self.leads, device=x.device)[None, :, :, None]
        tokens = adaptive_avg_pool1d(self.encoder(alone.flatten(0, 1)).mT, self.segments).mT
        return tokens.unflatten(0, (-1, self.leads)).flatten(1, 2)

    def encode(self, tokens: Float[Tensor, "B N D"], keep: Shaped[Tensor, "B N"]) -> Encoded:
        """Selector and projection.

        Args:
            tokens: of `tokenise`.
            keep: bool, or weights from 0 to 1 with a gradient (B, N).
        """
        logits = tokens.new_zeros(keep.shape) if self.weigh is None else self.weigh(tokens)[..., 0]
        alpha = select(logits, keep)
        pooled = torch.einsum("bn,bnd->bd", alpha, tokens) + self.null[:, 0]
        return Encoded(self.project(pooled), alpha, tokens)
