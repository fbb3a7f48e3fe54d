"""Teach weights over tokens by what the report says, without asking for the report later."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize


def relevance(
    tokens: Float[Tensor, "B N D"],
    texts: Float[Tensor, "M D"],
    own: Bool[Tensor, "B M"],
) -> Float[Tensor, "B N"]:
    """How much better a token fits the own report than the reports of others.

    r_ij = mean over own texts of cos(v_ij, t_k) - mean over the other texts of cos(v_ij, t_k). What
    fits every report alike gets 0.

    Args:
        tokens: v, projected into the space of the texts (B, N, D).
        texts: t, of all records that are compared (M, D).
        own: texts that are word for word the record's own (B, M); at least one in each row.

    Returns:
        r (B, N), from -2 to 2; where all texts are one's own, the plain cosine.

    Source: our choice for a SCAR-style selector (Liu et al. 2026).

    Book: scar#relevance
    """
    mine, others = own.to(tokens), (~own).to(tokens)
    wanted = mine / mine.sum(1, keepdim=True) - others / others.sum(1, keepdim=True).clamp_min(1)
    # one direction for each record: the mean of cosines is a cosine with the mean of unit vectors
    direction = wanted @ normalize(texts, dim=-1)
    return torch.einsum("bnd,bd->bn", normalize(tokens, dim=-1), direction)


def selector_loss(
    alpha: Float[Tensor, "B N"],
    relevance: Float[Tensor, "B N"],
    keep: Bool[Tensor, "B N"],
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """Mean of KL(R_i || alpha_i): weights should go where the report finds its words shown.

    R_i is a softmax of relevance / temperature over visible tokens, without gradient. When the
    most relevant tokens are missing, R_i moves to the next best: that is the compensation.

    Args:
        alpha: the selector's weights (B, N), 0 where missing.
        relevance: r (B, N).
        keep: visible tokens (B, N).
        temperature: of the teacher.

    Returns:
        The loss, 0 where alpha equals R; records without a visible token do not count.

    Source: our choice for a SCAR-style selector (Liu et al. 2026).

    Book: scar#relevance
    """
    teacher = relevance_weights(relevance, keep, temperature=temperature)
    tiny = torch.finfo(alpha.dtype).tiny
    parts = torch.xlogy(teacher, teacher) - teacher * alpha.clamp_min(tiny).log()
    some = keep.any(1)
    return parts.where(keep, 0).sum(1).where(some, 0).sum() / some.sum().clamp_min(1)


def relevance_weights(
    relevance: Float[Tensor, "B N"], keep: Bool[Tensor, "B N"], *, temperature: float
) -> Float[Tensor, "B N"]:
    """The teacher R: a softmax of relevance over visible tokens, without gradient.

    Args:
        relevance: r (B, N).
        keep: visible tokens (B, N).
        temperature: small ones pick the best token, large ones weigh all alike.

    Returns:
        Rows that sum to 1; zeros where nothing is visible.

    Source: our choice for a SCAR-style selector (Liu et al. 2026).

    Book: scar#relevance
    """
    scores = (relevance.detach() / temperature).masked_fill(~keep, -torch.inf)
    return scores.softmax(1).where(keep, 0)
