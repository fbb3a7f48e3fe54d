"""The models of the method chapters, exactly as those train them: from the cache, or anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ecglearn.data.batch import ECGBatch
from ecglearn.methods import clinical_transfer
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
)
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.methods.ptacl import PTACL, PTACLConfig, PTACLPretraining
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.methods.tamer import MERL, TAMER, MERLConfig, TAMERConfig
from ecglearn.train.cache import fit_cached

PATIENTS = {"class": 1024, "smoke": 96}
METHODS: dict[str, tuple[type, Any]] = {
    "PTACL": (PTACL, PTACLConfig),
    "TAMER": (TAMER, TAMERConfig),
    "DERI": (DERI, DERIConfig),
    "SCAR": (SCAR, SCARConfig),
    "clinical transfer": (ClinicalTransfer, ClinicalTransferConfig),
    "MERL": (MERL, MERLConfig),
}
# method -> epochs of each stage, patients of a step in each stage
CLASS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "PTACL": ((10, 10, 20), (64, 64, 64)),
    "TAMER": ((12,), (64,)),
    "MERL": ((12,), (64,)),
    "DERI": ((12,), (64,)),
    "SCAR": ((8,), (64,)),
    "clinical transfer": ((12, 8, 10), (128, 64, 64)),
}
SMOKE: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "PTACL": ((1, 1, 2), (32, 32, 32)),
    "TAMER": ((2,), (32,)),
    "MERL": ((2,), (32,)),
    "DERI": ((2,), (32,)),
    "SCAR": ((2,), (32,)),
    "clinical transfer": ((1, 1, 1), (32, 16, 16)),
}
SCHEDULES = {"class": CLASS, "smoke": SMOKE}


@dataclass(frozen=True)
class Trained:
    """A method after all its stages.

    Attributes:
        method: in evaluation mode.
        loaded: all of its stages came from the cache.

    Book: five-methods#trained-weights
    """

    method: Any
    loaded: bool


def trained(name: str, patients: ECGBatch, *, preset: str = "class", seed: int = 0) -> Trained:
    """One of the models of the method chapters.

    Args:
        name: one of `METHODS`.
        patients: of the cohort with this seed, at least `PATIENTS[preset]`; only the first of them
            are used. PTACL needs their cines.
        preset: "class" or "smoke".
        seed: of cohort, untrained and order.

    Raises:
        ValueError: another name or preset, or too few patients.

    Book: five-methods#trained-weights
    """
    if name not in METHODS or preset not in SCHEDULES:
        raise ValueError(
            f"no recipe for '{name}' in preset '{preset}'; there are {', '.join(METHODS)} in "
            f"{' and '.join(SCHEDULES)}"
        )
    size = PATIENTS[preset]
    if len(patients) < size:
        raise ValueError(f"preset '{preset}' needs {size} patients, not {len(patients)}")
    kind, config_kind = METHODS[name]
    config = config_kind.preset(preset)
    epochs, sizes = SCHEDULES[preset][name]
    if name == "SCAR":
        config = replace(config, horizon=epochs[0] * (size // sizes[0]))
    torch.manual_seed(seed)
    method, train = kind(config), patients[slice(0, size)]
    fed = "reports" if hasattr(method, "embed_text") else "cines and tables"
    histories = []
    for (stage, module), passes, batch_size in zip(stages(method), epochs, sizes, strict=True):
        if isinstance(module, JointEmbedding):
            assert train.table is not None
            module.table.scaler.fit(train.table[:, : config.columns])
        histories.append(
            fit_cached(
                module,
                train,
                name=f"{name.lower().replace(' ', '-')}-{stage}",
                data_key=f"cohort {size} seed {seed}, {fed}",
                epochs=passes,
                batch_size=batch_size,
                seed=seed,
                progress=False,
            )
        )
    return Trained(method.eval(), all(history.loaded for history in histories))


def stages(method: Any) -> list[tuple[str, nn.Module]]:
    """What is trained one after the other; most methods have one stage.

    Args:
        method: trained in place.

    Book: five-methods#trained-weights
    """
    if isinstance(method, PTACL):
        alone = [(side, PTACLPretraining(method, side)) for side in ("ecg", "cine")]
        return [*alone, ("joint", method)]
    if isinstance(method, ClinicalTransfer):
        return clinical_transfer.stages(method)
    return [("joint", method)]
