"""Clinical transfer: every seed draws its own patients; their charts say more or less of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import enough_cases, lab_flags
from ecglearn.evaluate import mean_auroc
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)
from ecglearn.train import fit

TRAIN, TEST, STREAM = 2048, 2048, 5000
JOINT, LABS, DIAGNOSES, STEPS, BATCH = 8, 4, 5, 100, 64
LABELS = (64, 256, 2048)
CLASS = ClinicalTransferConfig.preset("class")
NAMES = ("clinical transfer", "ECG alone", "strangers' tables", "ECG and table")
NOISE = (0.0, 1.0, 4.0)
# an ECG that saw no table does not change with it
VARIANTS = (
    *(
        f"{name}; noise {noise:g}"
        for noise in NOISE
        for name in NAMES
        if noise == 1 or name in ("clinical transfer", "ECG and table")
    ),
    "clinical transfer without flags; noise 1",  # asks why strangers' tables do as well
)
SUGGESTED = tuple(
    f"{name}; noise 1"
    for name in ("clinical transfer without flags", "ECG alone", "strangers' tables")
)


@lru_cache(maxsize=1)
def patients(noise: float, seed: int) -> tuple[ECGBatch, ECGBatch]:
    """Training and test patients, without cines."""
    cohort = simulate(TEST + TRAIN, seed=STREAM + seed, frames=1, size=2, table_noise=noise)
    batch = replace(ECGBatch.from_cohort(cohort), cine=None)
    return batch[slice(TEST, None)], batch[slice(0, TEST)]


def prepared(name: str, train: ECGBatch, seed: int) -> dict[str, Tensor]:
    """Weights before the stage of the diagnoses."""
    torch.manual_seed(seed)
    method = ClinicalTransfer(CLASS)
    if name != "ECG alone":
        settings: dict[str, Any] = {"seed": seed, "progress": False}
        assert train.table is not None
        table = train.table
        if name == "strangers' tables":
            table = table[torch.randperm(TRAIN, generator=torch.Generator().manual_seed(seed))]
        pairs = replace(train, table=table)
        fit(JointEmbedding(method), pairs, epochs=JOINT, batch_size=128, **settings)
        if name == "clinical transfer":
            fit(LabStage(method), train, epochs=LABS, batch_size=BATCH, **settings)
    return {key: value.clone() for key, value in method.state_dict().items()}


def tune(method: Any, train: ECGBatch, count: int, seed: int) -> None:
    """The stage of the diagnoses on the first patients; few labels get as many steps."""
    size = min(BATCH, count // 2)
    epochs = DIAGNOSES if count == TRAIN else -(-STEPS // (count // size))
    few = train[slice(0, count)]
    fit(method, few, epochs=epochs, batch_size=size, seed=seed, progress=False)


def run(variant: str, seed: int) -> dict[str, float]:
    """Macro AUROC of diagnoses by number of labels, and of laboratory flags after the last."""
    name, _, noise = variant.partition("; noise ")
    train, test = patients(float(noise), seed)
    assert test.diagnoses is not None
    truth = test.diagnoses.numpy()
    row: dict[str, float] = {}
    start = None if name == "ECG and table" else prepared(name, train, seed)
    for count in LABELS:
        torch.manual_seed(seed)
        if start is None:
            both = Reference(CLASS, ecg=True)
            tune(both, train, count, seed)
            scores = both.predict(test).numpy()
        else:
            alpha = CLASS.lab_weight if name == "clinical transfer" else 0.0
            method = ClinicalTransfer(replace(CLASS, lab_weight=alpha))
            method.load_state_dict(start)
            tune(method, train, count, seed)
            found, flags = method.predict(test)
            scores = found.numpy()
            if name == "clinical transfer" and count == TRAIN:
                assert test.labs is not None
                known = lab_flags(test.labs).numpy()
                kept = enough_cases(known)
                row["lab_auroc"] = mean_auroc(known[:, kept], flags.numpy()[:, kept])
        row[f"auroc_{count}"] = mean_auroc(truth, scores)
    return row
