"""Masked attention against unmasked, and masks of an exact size against a loop over records."""

from __future__ import annotations

import torch

from benchmarks.measure import report, seconds
from ecglearn.encoders.lead_time_transformer import LeadTimeTransformer
from ecglearn.encoders.masker import remove


def masked_attention() -> bool:
    """A step over the paper-size token grid with three quarters hidden, and with none."""
    encoder = LeadTimeTransformer(depth=2)
    x = torch.randn(4, 12, 5000)
    keep = torch.rand(4, 12, 40, generator=torch.Generator().manual_seed(0)) > 0.75

    def step(visible: torch.Tensor | None) -> None:
        tokens = encoder.tokenise(x, torch.ones_like(keep) if visible is None else visible)
        first = encoder.null.expand(len(x), -1, -1)
        both = torch.cat([first, tokens], 1)
        seen = None
        if visible is not None:
            seen = torch.cat([torch.ones(len(x), 1, dtype=torch.bool), visible.flatten(1)], 1)
        encoder.blocks(both, seen).sum().backward()

    masked, plain = seconds(lambda: step(keep), lambda: step(None))
    ratio = masked / plain
    return report(
        "attention over 481 tokens, masked over unmasked",
        f"{ratio:.2f} times",
        "<= 1.5 times",
        ratio <= 1.5,
    )


def budget() -> bool:
    """Taking half of 480 tokens of 256 records, with gradient; the masks must agree first."""
    scores = torch.randn(256, 480, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def batched() -> torch.Tensor:
        mask = remove(scores, 0.5, temperature=0.5)
        mask.sum().backward()
        return mask.detach()

    def loop() -> torch.Tensor:
        rows = []
        for row in scores:
            ordered = row.detach().sort(descending=True).values
            theta = (ordered[239] + ordered[240]) / 2
            soft = ((row - theta) / 0.5).sigmoid()
            rows.append((row > theta).float() + (soft - soft.detach()))
        mask = torch.stack(rows)
        mask.sum().backward()
        return mask.detach()

    assert torch.equal(batched(), loop())
    slow, fast = seconds(loop, batched)
    return report(
        "masks of an exact size, 256 x 480, over a loop over records",
        f"{slow / fast:.1f} times",
        ">= 1.5 times",
        slow / fast >= 1.5,
    )
