"""Keep maps for training: random cells, random leads, and a mix of the three severities."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Generator

from ecglearn.errors import InputError
from ecglearn.signals.leads import LEADS
from ecglearn.signals.missing import LEVELS, draw_missing


def draw_cells(
    batch: int, *, share: float | int, segments: int, generator: Generator
) -> Bool[torch.Tensor, "{batch} 12 {segments}"]:
    """Hide round(share * cells) single (lead, segment) cells of each record, anywhere.

    Args:
        batch: number of records.
        share: of the cells to hide, 0 to 1.
        segments: number of segments of equal length.
        generator: source of randomness; the result lies on its device.

    Returns:
        keep (batch, 12, segments), True = observed.

    Raises:
        InputError: a share outside 0 to 1.

    Book: scar#baselines
    """
    if not 0 <= share <= 1:
        raise InputError(f"share must be from 0 to 1, got {share:g}")
    cells = len(LEADS) * segments
    draw = torch.rand(batch, cells, generator=generator, device=generator.device)
    rank = draw.argsort(1).argsort(1)
    return (rank >= round(share * cells)).unflatten(1, (len(LEADS), segments))


def draw_leads(
    batch: int, *, chance: float, segments: int, generator: Generator
) -> Bool[torch.Tensor, "{batch} 12 {segments}"]:
    """Hide each lead with the same chance, independently; one lead always stays.

    Args:
        batch: number of records.
        chance: of a lead to be hidden, 0 to 1.
        segments: number of segments of equal length.
        generator: source of randomness; the result lies on its device.

    Returns:
        keep (batch, 12, segments), True = observed.

    Raises:
        InputError: a chance outside 0 to 1.

    Source: random lead masking with chance 0.5, as in the code of MELP and D-BETA.

    Book: scar#baselines
    """
    if not 0 <= chance <= 1:
        raise InputError(f"chance must be from 0 to 1, got {chance:g}")
    device = generator.device
    draw = torch.rand(batch, len(LEADS), generator=generator, device=device)
    stays = (draw >= chance) | (draw == draw.amax(1, keepdim=True))
    return stays[..., None].expand(-1, -1, segments).clone()


def draw_kept_leads(
    batch: int, *, kept: tuple[int, int], segments: int, generator: Generator
) -> Bool[torch.Tensor, "{batch} 12 {segments}"]:
    """Leave a number of leads, drawn evenly, and hide the others through the whole record.

    Args:
        batch: number of records.
        kept: least and greatest number of leads that stay.
        segments: number of segments of equal length.
        generator: source of randomness; the result lies on its device.

    Returns:
        keep (batch, 12, segments), True = observed.

    Raises:
        InputError: not 1 <= least <= greatest <= 12.

    Source: public code of TolerantECG (2025): students see 1 to 6 leads, teachers 6 to 12; its
        bands of difficulty keep 9 to 12, 5 to 8 and 1 to 4.

    Book: scar#baselines
    """
    least, most = kept
    if not 1 <= least <= most <= len(LEADS):
        raise InputError(f"1 to 12 leads can be kept, not {least} to {most}")
    device = generator.device
    count = torch.randint(least, most + 1, (batch, 1), generator=generator, device=device)
    place = torch.rand(batch, len(LEADS), generator=generator, device=device).argsort(1).argsort(1)
    return (place < count)[..., None].expand(-1, -1, segments).clone()


def draw_levels(
    batch: int, *, segments: int, generator: Generator
) -> Bool[torch.Tensor, "{batch} 12 {segments}"]:
    """Hide leads and time together, each record at one of the three `LEVELS`, drawn evenly.

    Args:
        batch: number of records.
        segments: number of segments of equal length.
        generator: source of randomness; the result lies on its device.

    Returns:
        keep (batch, 12, segments), True = observed.

    Source: severities are our choice for a SCAR-style protocol (Liu et al. 2026).

    Book: scar#curriculum
    """
    maps = torch.stack(
        [
            draw_missing(batch, **level, segments=segments, generator=generator)
            for level in LEVELS.values()
        ]
    )
    device = generator.device
    chosen = torch.randint(len(maps), (batch,), generator=generator, device=device)
    return maps[chosen, torch.arange(batch, device=device)]
