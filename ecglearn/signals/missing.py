"""Hiding leads and stretches of time: draw what is missing, apply it, count it.

`keep` is True where something was observed. It travels as an argument and is never guessed from
zeros: a zero may be a measurement.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, TypedDict

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from ecglearn.errors import InputError
from ecglearn.signals.leads import LEADS, Signal


class Level(TypedDict):
    """How much goes missing: whole leads, and a share of the time in the leads that are left.

    Book: the-12-lead-ecg#ecg-missing
    """

    leads: int
    fraction: float


#: The three severities; they hide 43.75 %, 75 % and 87.5 % of the (lead, segment) cells.
LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "mild": Level(leads=3, fraction=0.25),
        "moderate": Level(leads=6, fraction=0.5),
        "severe": Level(leads=9, fraction=0.5),
    }
)

#: The nine electrodes that are measured against each other; the right leg only grounds.
ELECTRODES: tuple[str, ...] = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_USED_BY: dict[str, tuple[str, ...]] = {
    # every chest lead is measured against Wilson's terminal, the mean of RA, LA and LL
    "RA": tuple(lead for lead in LEADS if lead != "III"),
    "LA": tuple(lead for lead in LEADS if lead != "II"),
    "LL": tuple(lead for lead in LEADS if lead != "I"),
    **{f"V{k}": (f"V{k}",) for k in range(1, 7)},
}
_HIT = torch.tensor([[lead in _USED_BY[e] for lead in LEADS] for e in ELECTRODES])  # (9, 12)


def electrodes_off(electrodes: Iterable[str]) -> Bool[Tensor, " 12"]:
    """Tell which leads are left when electrodes have come off.

    Without RA only lead III is left (it is LL minus LA); without LA only II, without LL only I,
    because the augmented leads and Wilson's central terminal use all three. A chest electrode takes
    its own lead only.

    Args:
        electrodes: names out of `ELECTRODES`.

    Returns:
        For each of `LEADS`, True when it can still be measured.

    Raises:
        InputError: a name is not an electrode.

    Book: the-12-lead-ecg#ecg-electrodes
    """
    names = list(electrodes)
    unknown = [name for name in names if name not in ELECTRODES]
    if unknown:
        raise InputError(
            f"not an electrode: {', '.join(unknown)}; there are {', '.join(ELECTRODES)}"
        )
    return ~_HIT[[ELECTRODES.index(name) for name in names]].any(0)


def draw_missing(
    batch: int,
    *,
    leads: int,
    fraction: float | int,
    segments: int,
    generator: Generator,
    mode: Literal["lead", "electrode"] = "lead",
) -> Bool[Tensor, "{batch} 12 {segments}"]:
    """Draw, for each record, which leads and which stretch of time are missing.

    `leads` whole leads, chosen at random, and one stretch of round(fraction * segments) segments in
    a row, at a random place, hidden in every lead: leads and time go missing together. With
    `mode="electrode"` it is `leads` of the nine electrodes that come off, and each takes every lead
    that uses it.

    Args:
        batch: number of records.
        leads: number of leads (or electrodes) to hide.
        fraction: share of the time to hide, 0 to 1.
        segments: number of segments of equal length into which the time is cut.
        generator: source of randomness; the result lies on its device.
        mode: hide single leads, or electrodes.

    Returns:
        keep (batch, 12, segments), True = observed.

    Raises:
        InputError: more leads than there are, a fraction outside 0 to 1, or an unknown mode.

    Source: severities are our choice for a SCAR-style protocol (Liu et al. 2026).

    Book: the-12-lead-ecg#ecg-missing
    """
    if mode not in ("lead", "electrode"):
        raise InputError(f'mode must be "lead" or "electrode", got {mode!r}')
    units = len(LEADS) if mode == "lead" else len(ELECTRODES)
    if not 0 <= leads <= units:
        raise InputError(f"can hide 0 to {units} {mode}s, not {leads}")
    if not 0 <= fraction <= 1:
        raise InputError(f"fraction must be from 0 to 1, got {fraction:g}")
    device = generator.device
    rank = torch.rand(batch, units, generator=generator, device=device).argsort(1).argsort(1)
    gone = rank < leads  # (batch, units)
    if mode == "electrode":
        gone = (gone.float() @ _HIT.float().to(device)) > 0
    length = round(fraction * segments)
    start = torch.randint(segments - length + 1, (batch, 1), generator=generator, device=device)
    segment = torch.arange(segments, device=device)
    hidden = (segment >= start) & (segment < start + length)  # (batch, segments)
    return ~(gone[:, :, None] | hidden[:, None])


def keep_samples(
    keep: Bool[Signal, "*batch lead segment"], samples: int
) -> Bool[Signal, "*batch lead {samples}"]:
    """Stretch a keep map from segments to samples.

    Args:
        keep: True = observed (..., lead, segment).
        samples: number of samples; sample k lies in segment floor(k * segments / samples).

    Returns:
        The same map, sample by sample (..., lead, samples).

    Book: the-12-lead-ecg#ecg-missing
    """
    return keep[..., np.arange(samples) * keep.shape[-1] // samples]


def keep_segments(
    observed: Bool[Tensor, "*batch lead time"], segments: int
) -> Bool[Tensor, "*batch lead {segments}"]:
    """Shrink a keep map from samples to segments: a segment counts if more than half was observed.

    Args:
        observed: True = observed (..., lead, time).
        segments: number of segments of equal length.

    Returns:
        keep (..., lead, segments): False where half or more of the samples are missing.

    Raises:
        InputError: more segments than samples.

    Book: the-12-lead-ecg#ecg-missing
    """
    samples = observed.shape[-1]
    if not 1 <= segments <= samples:
        raise InputError(f"cannot cut {samples} samples into {segments} segments")
    of = torch.arange(samples, device=observed.device) * segments // samples
    size = torch.zeros_like(of[:segments]).index_add_(0, of, torch.ones_like(of))
    seen = torch.zeros(*observed.shape[:-1], segments, dtype=torch.int64, device=observed.device)
    seen.index_add_(-1, of, observed.long())
    return seen * 2 > size


def apply_missing(
    x: Float[Tensor, "*batch lead time"],
    keep: Bool[Tensor, "*batch lead segment"],
    *,
    fill: float | int = 0,
) -> Float[Tensor, "*batch lead time"]:
    """Overwrite what is missing, so that nothing of it is left to be read.

    Args:
        x: signal (..., lead, time), any unit; 0 is the mean of a standardised one.
        keep: True = observed, by segment (..., lead, segment) or by sample (..., lead, time).
        fill: value to write.

    Returns:
        The signal with `fill` where it was missing. Pass `keep` on with it.

    Book: the-12-lead-ecg#ecg-missing
    """
    return x.where(keep_samples(keep, x.shape[-1]), fill)


def missing_share(keep: Bool[Tensor, "*batch lead segment"]) -> Float[Tensor, "*batch"]:
    """Count what is missing in each record.

    Args:
        keep: True = observed (..., lead, segment).

    Returns:
        Share of (lead, segment) cells that are missing, 0 to 1 (...).

    Book: the-12-lead-ecg#ecg-missing
    """
    return 1 - keep.float().mean((-2, -1))
