"""DERI: cached text, real words instead of padding, reports written together."""

from __future__ import annotations

import torch

from benchmarks.measure import report, seconds
from benchmarks.reports import cached_reports
from ecglearn.encoders.report_generator import report_generator
from ecglearn.encoders.text_encoder import EncodedReports
from ecglearn.methods.deri import DERI, DERIConfig

WORDS = 40  # of a usual report; the public code pads to 256


def deri_step() -> bool:
    """ResNet-18, two decoders."""
    return cached_reports(DERI(DERIConfig()), 4)


def decoder() -> bool:
    """D_te on the words of 16 reports against the same reports padded to 256, paper's size."""
    torch.manual_seed(0)
    method = DERI(DERIConfig()).eval()
    padded = DERI(DERIConfig(mask_padding=False)).eval()
    padded.load_state_dict(method.state_dict())
    tokens = torch.randn(16, WORDS, 768)
    text = EncodedReports(tokens, torch.ones(16, WORDS, dtype=torch.bool), torch.zeros(16, WORDS))

    def run(model: DERI) -> None:
        model.text_side(text).mixed.sum().backward()

    slow, fast = seconds(lambda: run(padded), lambda: run(method), repeats=5)
    return report(
        f"text decoder on {WORDS} words over padding to 256, with backward",
        f"{slow / fast:.1f} times",
        ">= 3 times",
        slow / fast >= 3,
    )


def writing() -> bool:
    """64 reports together against one by one; the texts must agree first."""
    torch.manual_seed(0)
    writer = report_generator(width=64).eval()
    memory = torch.randn(64, 1, 64)

    def together() -> list[str]:
        return writer.generate(memory)

    def alone() -> list[str]:
        return [writer.generate(memory[[i]])[0] for i in range(64)]

    assert together() == alone()
    slow, fast = seconds(alone, together, repeats=1)
    return report(
        "64 reports written together over one by one",
        f"{slow / fast:.0f} times",
        ">= 5 times",
        slow / fast >= 5,
    )
