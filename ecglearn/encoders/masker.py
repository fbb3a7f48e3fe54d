"""Which tokens to take away: learned scores, and an exact budget with a gradient."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from ecglearn.encoders.transformer import initialise
from ecglearn.errors import InputError

NEVER = -1e4  # score of a token that is not there to be removed


class Masker(nn.Module):
    """Scores tokens by how much their removal should hurt, given what the report says.

    s_j = c tanh(MLP(LN(q_j * p + q_j)) / c) with q_j = tanh(W_h h_j) and p = W_t t. Scores stay
    within -c and c, so that noise always matters.

    Args:
        width: features D of a token.
        text: features of the report's vector.
        use_text: False scores without the report (p = 1).
        structured: add scores of whole leads and of whole time segments, so that these can go at
            once.
        bound: c.

    Source: Liu et al. 2026 (SCAR) has a learned masker; its form is ours.

    Book: scar#masker
    """

    def __init__(
        self,
        width: int,
        text: int,
        *,
        use_text: bool = True,
        structured: bool = False,
        bound: float = 3.0,
    ) -> None:
        super().__init__()
        self.bound, self.structured = bound, structured
        self.token = nn.Linear(width, width)
        self.report = nn.Linear(text, width) if use_text else None
        self.cells = _scorer(width)
        if structured:
            self.whole_leads, self.whole_times = _scorer(width), _scorer(width)
        self.apply(initialise)

    def forward(
        self,
        tokens: Float[Tensor, "B N D"],
        report: Float[Tensor, "B text"],
        keep: Bool[Tensor, "B lead segment"],
    ) -> Float[Tensor, "B N"]:
        """Scores, higher = take it away; no gradient goes back to tokens or report.

        Args:
            tokens: before the first block (B, N, D), lead-major.
            report: t (B, D').
            keep: which tokens are there (B, leads, segments).
        """
        q = self.token(tokens.detach()).tanh()
        if self.report is not None:
            q = q * self.report(report.detach())[:, None] + q
        s = self.cells(q)[..., 0]
        if self.structured:
            grid = q.unflatten(1, keep.shape[1:])
            here = keep[..., None].to(q)
            leads = self.whole_leads((grid * here).sum(2) / here.sum(2).clamp_min(1))
            times = self.whole_times((grid * here).sum(1) / here.sum(1).clamp_min(1))
            s = s + (leads + times.transpose(1, 2)).flatten(1)
        return self.bound * (s / self.bound).tanh()


def remove(
    scores: Float[Tensor, "B N"],
    share: float,
    *,
    temperature: float,
    keep: Bool[Tensor, "B N"] | None = None,
    generator: Generator | None = None,
) -> Float[Tensor, "B N"]:
    """Take away exactly round(share * tokens) tokens of each record: 1 = removed, 0 = stays.

    Gumbel-Sigmoid: logistic noise is added to the scores, the largest go. Backwards the mask is
    sigmoid((y_j - theta) / tau), theta halfway between the last that goes and the first that stays.

    Args:
        scores: s (B, N).
        share: rho, share of a record's tokens to take away, 0 to 1.
        temperature: tau of the sigmoid.
        keep: tokens that are there (B, N); others are not taken and do not count.
        generator: source of the noise; None adds none.

    Returns:
        Mask (B, N), exactly 0 or 1, with the gradient of the sigmoid.

    Raises:
        InputError: a share outside 0 to 1.

    Source: Gumbel-Sigmoid as reported for Liu et al. 2026 (SCAR); exact budget and threshold are
        our choice.

    Book: scar#budget
    """
    if not 0 <= share <= 1:
        raise InputError(f"the share of tokens to remove must be from 0 to 1, got {share:g}")
    y = scores
    if generator is not None:
        u = torch.rand(scores.shape, generator=generator, device=generator.device)
        u = u.clamp(1e-6, 1 - 1e-6).to(scores)
        y = y + u.log() - (1 - u).log()
    if keep is not None:
        y = y.masked_fill(~keep, NEVER)
        there = keep.sum(1, keepdim=True)
    else:
        there = torch.full_like(scores[:, :1], scores.shape[1], dtype=torch.int64)
    count = (share * there).round().long()
    ordered, order = y.detach().sort(stable=True, dim=1, descending=True)
    ends = torch.cat([ordered[:, :1] + 1, ordered, ordered[:, -1:] - 1], 1)
    theta = (ends.gather(1, count) + ends.gather(1, count + 1)) / 2
    first = torch.arange(scores.shape[1], device=scores.device) < count
    hard = torch.zeros_like(scores).scatter(1, order, first.to(scores))
    soft = ((y - theta) / temperature).sigmoid()
    return hard + (soft - soft.detach())  # the bracket is exactly 0: without it, rounding leaks


def _scorer(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1)
    )
