"""Contrast over time inside one patient: phase k of the ECG belongs to phase t of the cine."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, log_softmax, normalize

from ecglearn.errors import InputError


def phase_target(steps: int, *, sigma: float, distance: str = "linear") -> Float[Tensor, "T T"]:
    """Which step should match which, as a distribution in each row.

    P_kt is proportional to exp(-(d_kt / sigma)^2 / 2); at sigma = 0 it is the identity.
    d is |k - t| / (T - 1) (`linear`) or min(|k - t|, T - |k - t|) / (T / 2) (`circular`).

    Args:
        steps: number of time steps T.
        sigma: width of the match, as a share of the cycle; 0 is a hard match.
        distance: whether the last step borders on the first.

    Returns:
        Matrix P (T, T); rows sum to 1. Every entry is 1 / T for a very large sigma.

    Raises:
        InputError: sigma is negative, or the distance is unknown.

    Source: Selivanov et al. 2025 (PTACL), local loss; the form of the distance is our choice.

    Book: ptacl#local-loss
    """
    if sigma < 0:
        raise InputError(f"sigma is a width and cannot be {sigma}")
    if distance not in ("linear", "circular"):
        raise InputError(f"distance is 'linear' or 'circular', not '{distance}'")
    if sigma == 0:
        return torch.eye(steps)
    index = torch.arange(steps, dtype=torch.float64)
    gap = (index[:, None] - index).abs()
    if distance == "linear":
        gap = gap / max(steps - 1, 1)
    else:
        gap = torch.minimum(gap, steps - gap) / (steps / 2)
    return torch.softmax(-0.5 * (gap / sigma) ** 2, dim=1).float()


def local_contrastive(
    ecg: Float[Tensor, "B T D"],
    cmr: Float[Tensor, "B T D"],
    alignment: Float[Tensor, "T T"],
    *,
    temperature: float,
    weight: float = 0.5,
    valid: Bool[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """InfoNCE over the time steps of each patient; other patients take no part.

    l_k = -sum_t P_kt log softmax_t(cos(z_E^k, z_C^t) / tau), averaged over k, over patients and,
    with `weight`, over both directions.

    Args:
        ecg: local embeddings z_E (B, T, D).
        cmr: local embeddings z_C (B, T, D).
        alignment: P (T, T), rows sum to 1; the anchor's step is the row, in both directions.
        temperature: tau.
        weight: lambda, weight of the direction from ECG to cine.
        valid: patients with a usable beat (B,); the others count for nothing.

    Returns:
        The loss; log T when all local embeddings are equal, 0 without a valid patient.

    Source: Selivanov et al. 2025 (PTACL), local loss.

    Book: ptacl#local-loss
    """
    similarity = normalize(ecg, dim=-1) @ normalize(cmr, dim=-1).mT / temperature  # (B, T, T)
    target = alignment.to(similarity)
    ecg_to_cmr = -(target * log_softmax(similarity, 2)).sum(2).mean(1)
    cmr_to_ecg = -(target * log_softmax(similarity.mT, 2)).sum(2).mean(1)
    return _mean_valid(weight * ecg_to_cmr + (1 - weight) * cmr_to_ecg, valid)


def aligned_cosine(
    ecg: Float[Tensor, "B T D"],
    cmr: Float[Tensor, "B T D"],
    *,
    valid: Bool[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """One minus the mean cosine of matched steps: the local loss without negatives.

    Args:
        ecg: local embeddings z_E (B, T, D).
        cmr: local embeddings z_C (B, T, D).
        valid: patients with a usable beat (B,).

    Returns:
        The loss, 0 for equal directions and 2 for opposite ones.

    Source: Selivanov et al. 2025 (PTACL), ablation "CosSim++"; the formula is our choice.

    Book: ptacl#ablations
    """
    return _mean_valid(1 - cosine_similarity(ecg, cmr, dim=-1).mean(1), valid)


def _mean_valid(per_patient: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return per_patient.mean()
    # where, not a product: an invalid patient may hold NaN
    kept = torch.where(valid, per_patient, torch.zeros_like(per_patient))
    return kept.sum() / valid.sum().clamp(min=1)
