"""All methods and their baselines on one table: preset `full`, with encoders of one size.

Every encoder sees every training patient PASSES times, all stages counted, and what `embed` runs
through has 275,000 parameters, 5% more or less.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch

from ecglearn.cohort import Cohort, simulate
from ecglearn.cohort.site import second_site
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import compare, cost
from ecglearn.evaluate.benchmark.compare import DEMOGRAPHICS
from ecglearn.methods.clinical_transfer import ClinicalTransferConfig
from ecglearn.methods.deri import DERIConfig
from ecglearn.methods.merl import MERLConfig
from ecglearn.methods.ptacl import PTACLConfig
from ecglearn.methods.scar import SCARConfig
from ecglearn.methods.tamer import TAMERConfig
from ecglearn.registry import list_methods, method_class
from ecglearn.train import fit

TRAIN, TEST, EXTERNAL, PASSES, BATCH = 2048, 1024, 1024, 12, 64
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# slower on a processor without hardware for it, and minutes to compile
FASTER: dict[str, Any] = {"precision": "bf16", "compile": True} if DEVICE == "cuda" else {}

CONFIGS: dict[str, Any] = {
    "PTACL": replace(PTACLConfig.preset("class"), width=84),
    "TAMER": replace(
        TAMERConfig.preset("class"), widths=(24, 48, 92), spectrogram_widths=(10, 20, 40), heads=4
    ),
    "DERI": replace(DERIConfig.preset("class"), widths=(26, 52, 104)),
    "SCAR": replace(SCARConfig.preset("class"), width=100),
    "clinical transfer": replace(ClinicalTransferConfig.preset("class"), width=252),
    "MERL": MERLConfig.preset("class"),
    "masked ECG alone": replace(PTACLConfig.preset("class"), width=84),
    "supervised ECG alone": replace(
        ClinicalTransferConfig.preset("class"), width=252, lab_weight=0.0
    ),
}
KINDS = {kind.config_class: kind for kind in map(method_class, list_methods())}


@cache
def patients() -> tuple[Cohort, ECGBatch, Cohort]:
    """Everybody, the training patients as a batch, and the patients of a second site."""
    cohort = simulate(TRAIN + TEST, seed=0)
    return cohort, ECGBatch.from_cohort(cohort[:TRAIN]), second_site(simulate(EXTERNAL, seed=1))


# shares of the passes; every other method has one stage
SHARES = {"PTACL": (1 / 3, 1 / 3, 2 / 3), "clinical transfer": (1 / 3, 1 / 4, 5 / 12)}
VARIANTS = (*CONFIGS, DEMOGRAPHICS)


def trained(variant: str, seed: int) -> Any:
    """A method after all its stages."""
    config = CONFIGS[variant]
    torch.manual_seed(seed)
    method = KINDS[type(config)](config).to(DEVICE)
    batch = patients()[1]
    plan = method.stages()
    if variant == "masked ECG alone":
        plan = plan[:1]
    elif variant == "supervised ECG alone":
        plan = plan[-1:]
    for (_, module), share in zip(plan, SHARES.get(variant, (1,)), strict=True):
        fit(
            module.to(DEVICE),
            batch,
            epochs=round(share * PASSES),
            batch_size=BATCH,
            seed=seed,
            progress=False,
            **FASTER,
        )
    return method.eval()


def run(variant: str, seed: int) -> dict[str, float]:
    """The value of every row of `compare`, also untrained, and what training cost."""
    cohort, batch, external = patients()
    models = {} if variant == DEMOGRAPHICS else {variant: trained(variant, seed)}
    table = compare(models, cohort, train=TRAIN, external=external, n_resamples=1, seed=seed)
    found: dict[str, float] = {}
    columns = ("model", "task", "measure", "name", "value")
    for model, task, measure, name, value in zip(*(table[c] for c in columns), strict=True):
        mark = model.removeprefix(variant).removeprefix(", ")
        if mark != DEMOGRAPHICS and value == value:
            where = ": ".join(part for part in (mark, task, measure, name) if part)
            found[where.removesuffix(": all")] = float(value)
    if not models:
        return found
    method = models[variant]
    spent = cost(method, batch[slice(0, BATCH)].to(DEVICE))
    return found | {f"cost: {name}": float(value) for name, value in spent._asdict().items()}
