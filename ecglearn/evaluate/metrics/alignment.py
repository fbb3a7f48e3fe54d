"""Does phase k of the ECG find phase t of the cine? The alignment map and its numbers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from ecglearn.errors import InputError


class Alignment(NamedTuple):
    """Numbers of an alignment map; each is a mean over patients.

    Attributes:
        contrast: mean cosine on the diagonal minus the mean beside it.
        top1: share of ECG phases whose most similar cine phase is the right one; chance 1 / T.
        within1: the same with one step of tolerance on the cycle; chance 3 / T.
        phase_error: mean distance on the cycle between the most similar and the right phase, as a
            share of the cycle; chance about 0.25.

    Book: alignment-matrices#numbers
    """

    contrast: float
    top1: float
    within1: float
    phase_error: float


def alignment_maps(
    ecg: Float[Tensor, "B T D"], cmr: Float[Tensor, "B T D"]
) -> Float[Tensor, "B T T"]:
    """Cosine of every ECG phase (row) with every cine phase (column), for each patient.

    Args:
        ecg: local embeddings of the ECG.
        cmr: local embeddings of the cine.

    Source: Selivanov et al. 2025 (PTACL), figure 2.

    Book: alignment-matrices#the-map
    """
    return normalize(ecg, dim=-1) @ normalize(cmr, dim=-1).mT


def alignment_numbers(
    maps: Float[Tensor, "B T T"], *, valid: Bool[Tensor, " B"] | None = None, shift: int = 0
) -> Alignment:
    """Summarise alignment maps.

    Args:
        maps: cosines (B, T, T).
        valid: patients with a usable beat; None takes all.
        shift: the right cine phase of ECG phase k is k + shift, modulo T: for rolled loops.

    Raises:
        InputError: no valid patient.

    Book: alignment-matrices#numbers
    """
    if valid is not None:
        maps = maps[valid]
    if len(maps) == 0:
        raise InputError("no patient has a usable beat, so there is no alignment to measure")
    steps = maps.shape[1]
    right = (torch.arange(steps, device=maps.device) + shift) % steps
    on = maps.gather(2, right.view(1, -1, 1).expand(len(maps), -1, 1))[..., 0]
    off = (maps.sum(2) - on) / (steps - 1)
    gap = (maps.argmax(2) - right).abs()
    gap = torch.minimum(gap, steps - gap).double()
    return Alignment(
        float((on - off).mean()),
        float((gap == 0).double().mean()),
        float((gap <= 1).double().mean()),
        float(gap.mean() / steps),
    )


def diagonal_contrast(maps: Float[Tensor, "B T T"]) -> Float[Tensor, " B"]:
    """Mean cosine on the diagonal minus the mean beside it, for each patient.

    Args:
        maps: cosines (B, T, T).

    Book: alignment-matrices#numbers
    """
    steps = maps.shape[1]
    on = maps.diagonal(dim1=1, dim2=2).mean(1)
    return on - (maps.mean((1, 2)) * steps - on) / (steps - 1)
