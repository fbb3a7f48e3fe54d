"""Filling what is missing from what is there: computable limb leads, and means of segments."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ecglearn.signals.leads import twelve_from_eight
from ecglearn.signals.missing import keep_samples

_SIX = 6


def computable(keep: Bool[Tensor, "*batch 12 time"]) -> Bool[Tensor, "*batch 12 time"]:
    """Tell what is observed or follows from what is observed.

    Any two of the six limb leads give the other four, at every instant at which both were seen.

    Args:
        keep: True = observed (..., 12, time or segments).

    Returns:
        The same map, with all limb leads True wherever two of them are.

    Book: scar#computable-leads
    """
    two = keep[..., :_SIX, :].sum(-2, keepdim=True) >= 2
    limbs = keep[..., :_SIX, :] | two
    return torch.cat([limbs, keep[..., _SIX:, :]], -2)


def recover_limb_leads(
    x: Float[Tensor, "*batch 12 time"], keep: Bool[Tensor, "*batch 12 segment"]
) -> tuple[Float[Tensor, "*batch 12 time"], Bool[Tensor, "*batch 12 segment"]]:
    """Compute missing limb leads from two or more others; what was observed stays as it is.

    At every instant leads I and II are fitted to the limb leads that were seen, by least squares;
    with two of them the fit is exact. The signal must still obey the limb-lead rules: in millivolt,
    or scaled by one number for the whole record, not lead by lead.

    Args:
        x: signal (..., 12, time).
        keep: True = observed, by segment or by sample.

    Returns:
        Signal and keep map with the computable leads filled in.

    Source: Einthoven 1908 and Goldberger 1942, as in any textbook of electrocardiography.

    Book: scar#computable-leads
    """
    seen = keep_samples(keep, x.shape[-1])
    basis = torch.eye(8, dtype=x.dtype, device=x.device)[:, :2]
    rows = twelve_from_eight(basis)[:_SIX]  # limb leads from (I, II)
    limbs = x[..., :_SIX, :].where(seen[..., :_SIX, :], 0)
    weight = seen[..., :_SIX, :].to(x)
    normal = torch.einsum("...lt,li,lj->...tij", weight, rows, rows)
    right = torch.einsum("...lt,li->...ti", limbs, rows)
    enough = weight.sum(-2) >= 2
    unit = torch.eye(2, dtype=x.dtype, device=x.device)
    solved = torch.linalg.solve(normal.where(enough[..., None, None], unit), right)
    fitted = torch.einsum("...ti,li->...lt", solved, rows)
    missing = enough[..., None, :] & ~seen[..., :_SIX, :]
    limbs = torch.where(missing, fitted, x[..., :_SIX, :])
    return torch.cat([limbs, x[..., _SIX:, :]], -2), computable(keep)


def fill_segments(
    x: Float[Tensor, "*batch lead time"], observed: Bool[Tensor, "*batch lead time"], segments: int
) -> Float[Tensor, "*batch lead time"]:
    """Fill missing samples with the mean of what was observed in the same segment of the same lead.

    Args:
        x: signal (..., lead, time); what is missing is never read.
        observed: True = observed (..., lead, time).
        segments: number of segments of equal length.

    Returns:
        The signal, with 0 in segments without any observed sample.

    Source: our choice for a SCAR-style method (Liu et al. 2026).

    Book: scar#what-counts-as-missing
    """
    of = torch.arange(x.shape[-1], device=x.device) * segments // x.shape[-1]
    kept = x.where(observed, 0)
    total = torch.zeros(*x.shape[:-1], segments, dtype=x.dtype, device=x.device)
    count = torch.zeros_like(total)
    total.index_add_(-1, of, kept)
    count.index_add_(-1, of, observed.to(x))
    return kept.where(observed, (total / count.clamp_min(1))[..., of])
