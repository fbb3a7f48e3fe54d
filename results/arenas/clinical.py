"""Runs of clinical transfer that take longer than a chapter may: one function gives one row."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import enough_cases, lab_flags
from ecglearn.evaluate import Split, fit_probe, mean_auroc
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)
from ecglearn.train import fit

TRAIN, TEST = 1024, 1024
JOINT, LABS, STEPS, EPOCHS, BATCH = 12, 8, 100, 10, 64
SHARES = {"5%": 0.05, "20%": 0.2, "100%": 1.0}
CLASS = ClinicalTransferConfig.preset("class")

# variant -> what comes before the diagnosis stage: stage 1 (pairs), stage 2; "diagnosis first" has
# its laboratory head fitted afterwards, so for diagnoses it is the row without stage 2
VARIANTS: dict[str, tuple[str, bool]] = {
    "clinical transfer": ("true", True),
    "signal only": ("none", False),
    "without stage 1": ("none", True),
    "shuffled pairs": ("shuffled", False),
    "frozen probe": ("true", False),
    "diagnosis first": ("true", False),
    "table only": ("none", False),
    "ECG and table": ("none", False),
}


@cache
def patients() -> tuple[ECGBatch, ECGBatch]:
    """Training and test patients, without the cines."""
    batch = replace(ECGBatch.from_cohort(simulate(TRAIN + TEST, seed=0)), cine=None)
    return batch[slice(0, TRAIN)], batch[slice(TRAIN, None)]


def fresh(config: ClinicalTransferConfig, seed: int) -> ClinicalTransfer:
    """Random initialisation of a seed, the same for every variant."""
    torch.manual_seed(seed)
    return ClinicalTransfer(config)


@cache
def prepared(pairs: str, labs: bool, seed: int) -> dict[str, Tensor]:
    """Weights after stage 1 and stage 2, each optional."""
    train, _ = patients()
    method = fresh(CLASS, seed)
    settings: dict[str, Any] = {"seed": seed, "progress": False}
    if pairs != "none":
        joint = JointEmbedding(method)
        assert train.table is not None
        table = train.table
        if pairs == "shuffled":
            order = torch.randperm(TRAIN, generator=torch.Generator().manual_seed(seed))
            table = table[order]
        fit(joint, replace(train, table=table), epochs=JOINT, batch_size=128, **settings)
    if labs:
        fit(LabStage(method), train, epochs=LABS, batch_size=BATCH, **settings)
    return {name: value.clone() for name, value in method.state_dict().items()}


def tune(method: Any, share: float, seed: int) -> None:
    """The stage of the diagnoses, on the first patients only; few labels get as many steps."""
    train, _ = patients()
    count = round(share * TRAIN)
    size = min(BATCH, count // 2)
    epochs = EPOCHS if share == 1 else -(-STEPS // (count // size))
    fit(method, train[slice(0, count)], epochs=epochs, batch_size=size, seed=seed, progress=False)


def run(variant: str, seed: int) -> dict[str, float]:
    """Macro AUROC of diagnoses with 5, 20 and 100% of the labels, and of laboratory flags."""
    pairs, labs = VARIANTS[variant]
    row: dict[str, float] = {}
    _, test = patients()
    assert test.diagnoses is not None
    truth = test.diagnoses.numpy()
    for name, share in SHARES.items():
        count = round(share * TRAIN)
        if variant in ("table only", "ECG and table"):
            torch.manual_seed(seed)
            reference = Reference(CLASS, ecg=variant == "ECG and table")
            tune(reference, share, seed)
            scores = reference.predict(test).numpy()
        elif variant == "frozen probe":
            scores = probe(fresh_with(CLASS, seed, prepared(pairs, labs, seed)), count)
        else:
            weight = CLASS.lab_weight if labs else 0.0
            method = fresh(replace(CLASS, lab_weight=weight), seed)
            method.load_state_dict(prepared(pairs, labs, seed))
            tune(method, share, seed)
            scores = method.predict(test)[0].numpy()
            if name == "100%" and (labs or variant == "diagnosis first"):
                row["lab_auroc"] = lab_auroc(method, variant, seed)
        row[f"auroc_{name.rstrip('%')}"] = mean_auroc(truth, scores)
    return row


def fresh_with(
    config: ClinicalTransferConfig, seed: int, weights: dict[str, Tensor]
) -> ClinicalTransfer:
    """A method with given weights."""
    method = fresh(config, seed)
    method.load_state_dict(weights)
    return method


def probe(method: ClinicalTransfer, count: int) -> np.ndarray:
    """Scores of a linear probe on frozen features; a fifth of the labelled patients selects."""
    train, test = patients()
    fifth = max(count // 5, 8)
    parts = [train[slice(fifth, count)], train[slice(0, fifth)], test]
    features = Split(*(method.embed(part).numpy() for part in parts))
    labels = Split(*(part.diagnoses.numpy() for part in parts if part.diagnoses is not None))
    return fit_probe(features, labels).scores


def lab_auroc(method: ClinicalTransfer, variant: str, seed: int) -> float:
    """AUROC of the laboratory head after the last stage."""
    _, test = patients()
    if variant == "diagnosis first":
        fit(
            LabStage(method, frozen=True),
            patients()[0],
            epochs=LABS,
            batch_size=BATCH,
            seed=seed,
            progress=False,
        )
    assert test.labs is not None
    flags = lab_flags(test.labs).numpy()
    kept = enough_cases(flags)
    return mean_auroc(flags[:, kept], method.predict(test)[1].numpy()[:, kept])
