"""PTACL on ECG and cine: every seed draws its own patients, shared by all variants."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    alignment_maps,
    alignment_numbers,
    cosine,
    linear_probe_r2,
    patient_rank,
    retrieval_table,
)
from ecglearn.methods.ptacl import PTACL, PTACLConfig, PTACLPretraining
from ecglearn.train import fit

TEST, PASSES, BATCH = 1024, 20, 64
STREAM = 2000
_LAPTOP = PTACLConfig.preset("class")
# variant -> configuration, with stage 1, with stage 2
CONFIGS: dict[str, tuple[PTACLConfig, bool, bool]] = {
    "PTACL": (_LAPTOP, True, True),
    "PTACL, global loss alone": (replace(_LAPTOP, beta=0.0), True, True),
    "PTACL without stage 1": (_LAPTOP, False, True),
    "masked ECG alone": (_LAPTOP, True, False),
}
SIZES = (512, 1024, 2048)
VARIANTS = tuple(f"{name}; {size} pairs" for size in SIZES for name in CONFIGS)


@lru_cache(maxsize=1)
def patients(size: int, seed: int) -> tuple[ECGBatch, ECGBatch, dict[str, Tensor]]:
    """Training and test patients; and what their hearts do: rate and right ventricle."""
    cohort = simulate(TEST + size, seed=STREAM + seed)
    rate = torch.from_numpy(cohort.latents["heart_rate"]).float()[:, None]
    batch = ECGBatch.from_cohort(cohort)
    return (
        batch[slice(TEST, None)],
        batch[slice(0, TEST)],
        {"train": rate[TEST:], "test": rate[:TEST]},
    )


@lru_cache(maxsize=2)
def pretrained(size: int, seed: int) -> dict[str, Tensor]:
    """Weights after stage 1 of both encoders."""
    torch.manual_seed(seed)
    method = PTACL(_LAPTOP)
    for modality in ("ecg", "cine"):
        stage = PTACLPretraining(method, modality)
        fit(stage, patients(size, seed)[0], **_settings(seed))
    return {name: value.clone() for name, value in method.state_dict().items()}


def run(variant: str, seed: int) -> dict[str, float]:
    """Probes of ECG and cine, phases, retrieval."""
    name, size = variant.removesuffix(" pairs").split("; ")
    config, first, second = CONFIGS[name]
    train, test, rate = patients(int(size), seed)
    torch.manual_seed(seed)
    method = PTACL(config)
    if first:
        method.load_state_dict(pretrained(int(size), seed))
    if second:
        fit(method, train, **_settings(seed))
    method.eval()
    assert train.phenotypes is not None
    assert test.phenotypes is not None
    row: dict[str, float] = {}
    for view, embed in (("ecg", method.embed), ("cine", method.embed_cine)):
        x, y = embed(train), embed(test)
        found = linear_probe_r2(x, train.phenotypes, y, test.phenotypes)
        row[f"{view}_r2"] = float(found.mean())
        row[f"{view}_rate_r2"] = float(linear_probe_r2(x, rate["train"], y, rate["test"])[0])
    if not second:
        return row
    ecg, cine, valid = method.local(test)
    numbers = alignment_numbers(alignment_maps(ecg, cine), valid=valid)
    similarity = cosine(*method.project(test))
    table = retrieval_table(similarity, test.phenotypes, include_self=False)
    return row | {
        "right_phase": numbers.top1,
        "phase_error": numbers.phase_error,
        "contrast": numbers.contrast,
        "patient_rank": float(patient_rank(similarity).float().mean()),
        "p10": float(table.loc[("model", "mean"), "P@10"]),
    }


def _settings(seed: int) -> dict[str, Any]:
    return {"epochs": PASSES, "batch_size": BATCH, "seed": seed, "progress": False}
