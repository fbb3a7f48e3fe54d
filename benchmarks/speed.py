"""Losses, filters, cohort and encoder against what a plain reader would write first."""

from __future__ import annotations

from dataclasses import replace

import pywt
import torch
from torch.nn.functional import cosine_similarity

from benchmarks.measure import matrix_rate, report, seconds
from ecglearn.cohort import simulate
from ecglearn.cohort.electrocardiogram import render_ecg
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import derive, draw_latents
from ecglearn.cohort.rhythm import draw_rhythm
from ecglearn.losses.temporal import local_contrastive, phase_target
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.signals.filters import denoise_wavelet


def local_loss() -> bool:
    """Batched local loss against a loop over patients and steps; values must agree first."""
    ecg, cmr = torch.randn(2, 256, 13, 128, generator=torch.Generator().manual_seed(0))
    ecg.requires_grad_()
    cmr.requires_grad_()
    P = phase_target(13, sigma=0.1)

    def loop() -> torch.Tensor:
        total = torch.zeros(())
        for a, b in ((ecg, cmr), (cmr, ecg)):
            for i in range(256):
                for k in range(13):
                    scores = cosine_similarity(a[i, k][None], b[i]) / 0.1
                    total = total - (P[k] * scores.log_softmax(0)).sum() / (2 * 256 * 13)
        return total

    def batched() -> torch.Tensor:
        return local_contrastive(ecg, cmr, P, temperature=0.1)

    assert torch.allclose(loop(), batched(), atol=1e-4)
    slow, fast = seconds(lambda: loop().backward(), lambda: batched().backward(), repeats=3)
    ratio = slow / fast
    return report(
        "local loss, 256 x 13 x 128, forward and backward, over a loop",
        f"{ratio:.0f} times",
        ">= 20 times",
        ratio >= 20,
    )


def wavelet() -> bool:
    """Twelve leads at once against lead by lead."""
    x = simulate(1, fs=500).ecg[0]

    def lead_by_lead() -> None:
        for lead in x:
            parts = pywt.wavedec(lead, "db6", mode="symmetric", level=8)
            for j in (0, -1, -2):
                parts[j] = parts[j] * 0
            pywt.waverec(parts, "db6", mode="symmetric")

    slow, fast = seconds(lead_by_lead, lambda: denoise_wavelet(x), repeats=15)
    return report(
        "wavelet filter, 12 x 5000, over a loop over leads",
        f"{slow / fast:.1f} times",
        ">= 1 time",
        slow / fast >= 1,
    )


def cohort() -> bool:
    """Patients for each CPU second: the ECG alone, and everything."""
    n = 128

    def ecg() -> None:
        for start in range(0, n, 32):
            p = derive(draw_latents(32, seed=0, start=start))
            beat, rhythm = draw_beat(p, seed=0, start=start), draw_rhythm(p, seed=0, start=start)
            render_ecg(p, beat, rhythm, fs=100, seed=0, start=start)

    only_ecg, complete = (n / s for s in seconds(ecg, lambda: simulate(n), repeats=3))
    first = report("cohort, ECG at 100 Hz", f"{only_ecg:.0f} patients/s", ">= 500", only_ecg >= 500)
    second = report(
        "cohort, complete (cine 26 x 42 x 42, report, labs)",
        f"{complete:.0f} patients/s",
        ">= 150",
        complete >= 150,
    )
    return first and second


def encoder() -> bool:
    """Operations per second of the paper's ECG encoder against a plain matrix product."""
    config = replace(PTACLConfig.preset("paper"), ecg_depth=2, cine_depth=2)
    model = PTACL(config).ecg_encoder.eval()
    x = torch.randn(4, 12, 2500)
    n, d = model.tokens, config.width
    block = 2 * (12 * n * d * d + 2 * n * n * d)
    operations = len(x) * (config.ecg_depth * block + 2 * n * config.patch * d)
    with torch.no_grad():
        taken = seconds(lambda: model(x))[0]
    share = operations / taken / matrix_rate()
    return report(
        "paper-size ECG encoder forward, share of the matrix-product rate",
        f"{share:.2f}",
        ">= 0.4",
        share >= 0.4,
    )
