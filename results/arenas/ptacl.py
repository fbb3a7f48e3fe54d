"""Runs of PTACL that take longer than a chapter may: one function gives one row."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from ecglearn.cohort import simulate
from ecglearn.cohort.cine import event_times
from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import roll_frames
from ecglearn.evaluate import (
    alignment_maps,
    alignment_numbers,
    cosine,
    linear_probe_r2,
    patient_rank,
    r2,
    retrieval_table,
)
from ecglearn.methods.ptacl import PTACL, PTACLConfig, PTACLPretraining, PTACLRegression
from ecglearn.train import fit

TEST = 512
ROLL = 8  # frames, so four of the thirteen steps
LAPTOP = PTACLConfig.preset("class")

# variant -> configuration of a run from scratch with 2,048 training patients
ALIGNMENT = {
    "global only": replace(LAPTOP, beta=0.0),
    "sigma 0": LAPTOP,
    "sigma 0.1": replace(LAPTOP, sigma=0.1, local_temperature=1.0),
    "global only, time positions": replace(LAPTOP, beta=0.0, time_positions=True),
    "sigma 0, time positions": replace(LAPTOP, time_positions=True),
}
# variant -> (configuration, with stage 1) with 1,024 training patients
ABLATION = {
    "PTACL": (LAPTOP, True),
    "PTACL, first block frozen": (replace(LAPTOP, frozen_layers=1), True),
    "without stage 1": (LAPTOP, False),
    "global only": (replace(LAPTOP, beta=0.0), False),
    "CosSim++": (replace(LAPTOP, local="cosine"), False),
    "soft, sigma 0.1": (replace(LAPTOP, sigma=0.1, local_temperature=1.0), False),
    "circular, sigma 0.1": (
        replace(LAPTOP, sigma=0.1, local_temperature=1.0, distance="circular"),
        False,
    ),
}


@cache
def patients(train: int) -> tuple[ECGBatch, ECGBatch, torch.Tensor, torch.Tensor]:
    """Training and test patients, and two more targets: heart rate, share of systole."""
    cohort = simulate(train + TEST, seed=0)
    batch = ECGBatch.from_cohort(cohort)
    timing = event_times(cohort.latents)
    clock = torch.from_numpy(
        np.stack([cohort.latents["heart_rate"], timing.closing / timing.rr], 1)
    )
    clock = clock.float()
    return batch[slice(0, train)], batch[slice(train, None)], clock[:train], clock[train:]


def alignment_run(variant: str, seed: int) -> dict:
    """Alignment, retrieval, probes and the rolled control of one variant and seed."""
    torch.manual_seed(seed)
    method = PTACL(ALIGNMENT[variant])
    train = patients(2048)[0]
    fit(method, train, epochs=20, batch_size=128, seed=seed, progress=False)
    return {**measures(method, 2048), **rolled(method, 2048)}


def ablation_run(variant: str, seed: int) -> dict:
    """Probes, retrieval and alignment of one row of the ablation table."""
    train, test, _, _ = patients(1024)
    assert train.phenotypes is not None
    torch.manual_seed(seed)
    if variant == "random init":
        return measures(PTACL(LAPTOP), 1024)
    if variant == "supervised":
        method = PTACLRegression(PTACL(LAPTOP), train.phenotypes)
        fit(method, train, epochs=20, batch_size=64, seed=seed, progress=False)
        return {"ecg_r2": mean_r2(method, test)}
    if variant == "PTACL, fine-tuned":
        method = PTACL(LAPTOP)
        pretrain(method, train, seed)
        fit(method, train, epochs=20, batch_size=64, seed=seed, progress=False)
        tuned = PTACLRegression(method, train.phenotypes)
        fit(tuned, train, epochs=10, batch_size=64, seed=seed, lr=1e-3, progress=False)
        return {"ecg_r2": mean_r2(tuned, test)}
    config, stage_1 = ABLATION[variant]
    method = PTACL(config)
    if stage_1:
        pretrain(method, train, seed)
    fit(method, train, epochs=20, batch_size=64, seed=seed, progress=False)
    return measures(method, 1024)


def pretrain(method: PTACL, train: ECGBatch, seed: int) -> None:
    """Stage 1 of both modalities."""
    for modality in ("ecg", "cine"):
        stage = PTACLPretraining(method, modality)
        fit(stage, train, epochs=20, batch_size=64, seed=seed, progress=False)


def mean_r2(method: PTACLRegression, test: ECGBatch) -> float:
    """Mean R2 of predicted phenotypes."""
    assert test.phenotypes is not None
    return float(r2(method.predict(test), test.phenotypes).mean())


def measures(method: PTACL, size: int) -> dict[str, float]:
    """Numbers of one trained method on the test patients."""
    train, test, clock, test_clock = patients(size)
    assert train.phenotypes is not None
    assert test.phenotypes is not None
    ecg, cine, valid = method.local(test)
    alignment = alignment_numbers(alignment_maps(ecg, cine), valid=valid)
    similarity = cosine(*method.project(test))
    rank = patient_rank(similarity).float()
    table = retrieval_table(similarity, test.phenotypes, include_self=False)
    out = {
        **alignment._asdict(),
        "patient_r10": float((rank <= 10).float().mean()),
        "patient_median_rank": float(rank.median()),
        "p1": float(table.loc[("model", "mean"), "P@1"]),
        "p10": float(table.loc[("model", "mean"), "P@10"]),
        "p1_random": float(table.loc[("random", "mean"), "P@1"]),
    }
    for name, embed in (("ecg", method.embed), ("cine", method.embed_cine)):
        x, test_x = embed(train), embed(test)
        probe = linear_probe_r2(x, train.phenotypes, test_x, test.phenotypes)
        out[f"{name}_r2"] = float(probe.mean())
        rate, systole = linear_probe_r2(x, clock, test_x, test_clock).tolist()
        out |= {f"{name}_rate_r2": rate, f"{name}_systole_r2": systole}
    return out


def rolled(method: PTACL, size: int) -> dict[str, float]:
    """Top-1 alignment when the test loops start later: to the content, and to the position."""
    test = patients(size)[1]
    assert test.cine is not None
    late = replace(test, cine=roll_frames(test.cine, ROLL))
    ecg, cine, valid = method.local(late)
    maps, shift = alignment_maps(ecg, cine), ROLL // method.config.cine_patch[0]
    return {
        "rolled_content": alignment_numbers(maps, valid=valid, shift=-shift).top1,
        "rolled_position": alignment_numbers(maps, valid=valid).top1,
    }
