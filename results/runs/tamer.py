"""Runs of TAMER that take longer than a chapter may: one function gives one row."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import torch

from ecglearn.cohort import FINDINGS, RHYTHM_FINDINGS, simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import cosine, load_prompts, macro_auroc, patient_rank, zero_shot
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.train import fit

TRAIN, TEST, EPOCHS, BATCH = 512, 512, 8, 64
LAPTOP = TAMERConfig.preset("class")

# variant -> configuration; every row has the same data, epochs and learning rate
ABLATION: dict[str, TAMERConfig | MERLConfig] = {
    "TAMER": LAPTOP,
    "without RLCA": replace(LAPTOP, rlca=0.0),
    "without WLAI": replace(LAPTOP, wlai=False),
    "without UECR": replace(LAPTOP, uecr=0.0),
    "without RGWR": replace(LAPTOP, rgwr=0.0),
    "without spectrogram": replace(LAPTOP, spectrogram=False),
    "loss as printed": replace(LAPTOP, exclude_positive=True),
    "MERL": MERLConfig.preset("class"),
    "untrained": LAPTOP,
}


@cache
def patients() -> tuple[ECGBatch, ECGBatch]:
    """Training and test patients, without the cines."""
    batch = replace(ECGBatch.from_cohort(simulate(TRAIN + TEST, seed=0)), cine=None)
    return batch[slice(0, TRAIN)], batch[slice(TRAIN, None)]


def ablation_run(variant: str, seed: int) -> dict[str, float]:
    """Zero-shot AUROC of all findings, of those of rhythm, of the others; rank of the report."""
    train, test = patients()
    config = ABLATION[variant]
    torch.manual_seed(seed)
    method = TAMER(config) if isinstance(config, TAMERConfig) else MERL(config)
    if variant != "untrained":
        fit(method, train, epochs=EPOCHS, batch_size=BATCH, seed=seed, progress=False)
    assert test.findings is not None
    assert test.reports is not None
    labels = pd.DataFrame(test.findings.numpy(), columns=list(FINDINGS))
    result = macro_auroc(zero_shot(method, test, load_prompts()), labels)
    rhythm = [name for name in FINDINGS if name in RHYTHM_FINDINGS]
    form = [name for name in FINDINGS if name not in RHYTHM_FINDINGS]
    rank = patient_rank(cosine(method.embed(test), method.embed_text(test.reports))).float()
    return {
        "auroc": result.value,
        "rhythm_auroc": float(result.per_class[rhythm].mean()),
        "form_auroc": float(result.per_class[form].mean()),
        "report_median_rank": float(rank.median()),
    }
