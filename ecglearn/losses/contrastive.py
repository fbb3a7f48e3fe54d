"""InfoNCE: a pair should be more alike than either is to the rest of the batch."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from ecglearn.errors import InputError


def info_nce(
    a: Float[Tensor, "B D"],
    b: Float[Tensor, "B D"],
    *,
    temperature: float | Tensor,
    weight: float = 0.5,
    same: Bool[Tensor, "B B"] | None = None,
    same_positive: bool = False,
    exclude_positive: bool = False,
) -> Float[Tensor, ""]:
    r"""Contrast each row of `a` with all rows of `b`, and the other way round.

    L = weight * L(a to b) + (1 - weight) * L(b to a), each the mean over i of
    -log exp(s_ii / tau) / sum_j exp(s_ij / tau), s the cosine.

    Args:
        a: embeddings z_E (B, D); row i belongs to row i of `b`.
        b: embeddings z_C (B, D).
        temperature: tau.
        weight: lambda, weight of the direction from a to b.
        same: pairs (i, j) that show the same content, say the same report; they are no negatives
            and leave the denominators. The diagonal is ignored.
        same_positive: these pairs stay in the denominators and enter the numerators as well: it is
            enough that one of them is found. A mean over positives instead would change nothing
            where two rows of a side are equal.
        exclude_positive: leave the pair itself out of its denominator, as some papers print the
            loss. It then has no lower bound.

    Returns:
        The loss. It is log B when all embeddings are equal; with `exclude_positive`, log(B - 1).

    Raises:
        InputError: `exclude_positive` leaves a row without any negative.

    Source: Selivanov et al. 2025 (PTACL), global loss; van den Oord et al. 2018; Miech et al. 2020
    for several positives.

    Book: contrastive-learning#info-nce
    """
    similarity = normalize(a, dim=-1) @ normalize(b, dim=-1).T / temperature
    diagonal = torch.eye(len(a), dtype=torch.bool, device=a.device)
    left_out = torch.zeros_like(diagonal) if same is None else same & ~diagonal
    to_b = to_a = similarity.diagonal()
    if same_positive and same is not None:
        positives = similarity.masked_fill(~(same | diagonal), -torch.inf)
        to_b, to_a = positives.logsumexp(1), positives.logsumexp(0)
        left_out = torch.zeros_like(diagonal)
    if exclude_positive:
        left_out = left_out | diagonal
        if bool((left_out.all(0) | left_out.all(1)).any()):
            raise InputError("a record has no negative in this batch; use a larger batch")
    considered = similarity.masked_fill(left_out, -torch.inf)
    a_to_b = (considered.logsumexp(1) - to_b).mean()
    b_to_a = (considered.logsumexp(0) - to_a).mean()
    return weight * a_to_b + (1 - weight) * b_to_a
