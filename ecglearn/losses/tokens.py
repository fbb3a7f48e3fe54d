"""Report words and ECG tokens of one patient, refined against each other (RGWR)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize


class Attended(NamedTuple):
    """What each query found among the keys.

    Attributes:
        context: c, weighted mean of the values (B, K, D).
        attention: A, weights of that mean; each row sums to 1 (B, K, M).

    Book: tamer#rgwr
    """

    context: Float[Tensor, "B K D"]
    attention: Float[Tensor, "B K M"]


def attend(
    query: Float[Tensor, "B K D"],
    key: Float[Tensor, "B M D"],
    value: Float[Tensor, "B M D"],
    *,
    mask: Bool[Tensor, "B M"] | None = None,
) -> Attended:
    """Single-head attention: softmax over m of q_k . k_m / sqrt(D), applied to the values.

    Args:
        query: Q t (B, K, D).
        key: K r (B, M, D).
        value: V r (B, M, D).
        mask: which keys exist; None takes all.

    Returns:
        Contexts and weights. With equal keys the context is the mean of the existing values.

    Source: Zhou et al. 2026 (TAMER), RGWR, as reported in a secondary summary.

    Book: tamer#rgwr
    """
    scores = query @ key.mT / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], -torch.inf)
    attention = scores.softmax(-1)
    return Attended(attention @ value, attention)


def token_weights(
    raw: Float[Tensor, "B K"],
    *,
    mask: Bool[Tensor, "B K"] | None = None,
    clip: tuple[float, float] = (0.1, 0.9),
) -> Float[Tensor, "B K"]:
    """Weights w of one record's tokens: clipped to its own quantiles, sum 1, no gradient.

    Args:
        raw: importance, at least 0 (B, K).
        mask: which tokens exist; the others get 0.
        clip: lower and upper quantile, over the existing tokens.

    Returns:
        w (B, K). Equal importance gives 1 / K.

    Source: clipping and scale of Wang et al. 2022 (MGCA); our choice for TAMER.

    Book: tamer#word-weights
    """
    raw = raw.detach()
    mask = torch.ones_like(raw, dtype=torch.bool) if mask is None else mask
    seen = raw.masked_fill(~mask, torch.nan)
    bounds = torch.tensor(clip, dtype=raw.dtype, device=raw.device)
    low, high = torch.nanquantile(seen, bounds, dim=1, keepdim=True)
    clipped = raw.clamp(low, high).masked_fill(~mask, 0)
    count = mask.sum(1, keepdim=True).clamp_min(1)
    total = clipped.sum(1, keepdim=True)
    return torch.where(total > 0, clipped / total.clamp_min(1e-30), mask / count)


def carried_weights(
    attention: Float[Tensor, "B K M"], words: Float[Tensor, "B M"]
) -> Float[Tensor, "B K"]:
    """Importance of the ECG tokens: that of the words, carried through attention.

    Args:
        attention: A, ECG token to word (B, K, M).
        words: w of the words (B, M).

    Returns:
        sum over m of A[k, m] w[m] (B, K), no gradient; to be passed to `token_weights`.

    Source: our reading; Zhou et al. 2026 (TAMER) defines weights on words only.

    Book: tamer#word-weights
    """
    return (attention.detach() @ words.detach()[..., None])[..., 0]


def token_contrast(
    tokens: Float[Tensor, "B K D"],
    contexts: Float[Tensor, "B K D"],
    weights: Float[Tensor, "B K"],
    *,
    temperature: float | Tensor,
    mask: Bool[Tensor, "B K"] | None = None,
) -> Float[Tensor, ""]:
    r"""Each token should be nearest to its own context among the contexts of the same record.

    L = 1/(2B) sum_i sum_k w_ik (-log softmax_j s(t_k, c_j) / lambda at j = k
    - log softmax_j s(t_j, c_k) / lambda at j = k), s the cosine. Records never meet: the loss of a
    batch is the mean of the losses of its records.

    Args:
        tokens: t (B, K, D).
        contexts: c, of the same tokens in the same order (B, K, D).
        weights: w, each record's sum to 1 (B, K).
        temperature: lambda.
        mask: which tokens exist; the others neither count nor are compared with.

    Returns:
        The loss. It is log K when all tokens and contexts are equal, 0 when every token meets its
        own context alone. When K tokens have only M different contexts it cannot fall below
        log(K / M).

    Source: Zhou et al. 2026 (TAMER), RGWR, as reported in a secondary summary; both directions: our
        choice.

    Book: tamer#rgwr
    """
    scores = normalize(tokens, dim=-1) @ normalize(contexts, dim=-1).mT / temperature
    own = scores.diagonal(dim1=1, dim2=2)
    if mask is not None:
        lowest = torch.finfo(scores.dtype).min
        scores = scores.masked_fill(~(mask[:, :, None] & mask[:, None, :]), lowest)
        own = own.masked_fill(~mask, 0)
    rows, columns = scores.logsumexp(2) - own, scores.logsumexp(1) - own
    each = weights * (rows + columns)
    if mask is not None:
        each = each.masked_fill(~mask, 0)
    return each.sum() / (2 * len(tokens))


def pooled_tokens(tokens: Float[Tensor, "B N D"], count: int) -> Float[Tensor, "B K D"]:
    """Average neighbouring tokens until `count` are left; fewer stay as they are.

    Args:
        tokens: in order of time (B, N, D).
        count: K.

    Source: our choice: contexts that mix M words cannot tell many more than M tokens apart.

    Book: tamer#rgwr
    """
    if tokens.shape[1] <= count:
        return tokens
    return torch.nn.functional.adaptive_avg_pool1d(tokens.mT, count).mT
