"""SCAR and its controls with leads and times missing: every seed draws its own patients."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ecglearn.cohort import simulate
from ecglearn.cohort.truth import evidence
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    apply_missing,
    cmrs,
    critical,
    evidence_removed,
    macro_auroc,
    prompt_scores,
    random_keep_masks,
)
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train import fit
from results.arenas.averaging import Averaged
from results.arenas.reports import Probed, asked, findings

TRAIN, TEST, PASSES, BATCH, STREAM = 2048, 1024, 8, 64, 4000
_LAPTOP = SCARConfig.preset("class")
SEGMENTS = _LAPTOP.samples // _LAPTOP.patch
CONFIGS: dict[str, Any] = {
    "SCAR": _LAPTOP,
    "chance for opponent": replace(_LAPTOP, mask="random"),
    "lead dropping for opponent": replace(_LAPTOP, mask="leads"),
    "SCAR, learned selector": replace(_LAPTOP, selector="learned"),
    "full input": replace(_LAPTOP, mask="none"),
    "MERL": replace(MERLConfig.preset("class"), widths=(16, 32, 64)),
}
VARIANTS = tuple(CONFIGS)


@lru_cache(maxsize=1)
def patients(seed: int) -> tuple[ECGBatch, ECGBatch, np.ndarray, dict[str, Tensor]]:
    """Training and test patients without cines, where findings are written, and the keep maps."""
    cohort = simulate(TEST + TRAIN, seed=STREAM + seed, frames=1, size=2)
    batch = replace(ECGBatch.from_cohort(cohort), cine=None)
    written = evidence(cohort[:TEST].truth, segments=SEGMENTS)
    truth = torch.from_numpy(np.nan_to_num(written).sum(1))
    views = random_keep_masks(TEST, segments=SEGMENTS, seed=seed)
    views |= {f"evidence {share}%": critical(truth, share / 100) for share in (10, 25, 50)}
    return batch[slice(TEST, None)], batch[slice(0, TEST)], written, views


def run(variant: str, seed: int) -> dict[str, float]:
    """Zero-shot AUROC and CMRS with nothing missing and on each view; probes; masker's hits."""
    train, test, written, views = patients(seed)
    config = CONFIGS[variant]
    torch.manual_seed(seed)
    kind: Any = SCAR if isinstance(config, SCARConfig) else MERL
    method = kind(config)
    mean = Averaged(method, PASSES)
    settings: dict[str, Any] = {"batch_size": BATCH, "seed": seed, "progress": False}
    fit(method, train, epochs=PASSES, after_epoch=mean.after_epoch, **settings)
    method = mean.method
    y, prompts, read = findings(test), asked(), method.embed_text
    here, probe = method.embed(test), Probed(method.embed(train), train)
    full = prompt_scores(here, read, prompts)
    row = {"auroc": macro_auroc(full, y).value, "probe": probe.auroc(here, test)}
    for view, keep in views.items():
        seen = method.embed(apply_missing(test, keep))
        scores = prompt_scores(seen, read, prompts)
        left = cmrs(scores, full, y)
        row |= {f"{view}: auroc": macro_auroc(scores, y).value, f"{view}: cmrs": left.value}
        row[f"{view}: probe"] = probe.auroc(seen, test)
    if isinstance(method, SCAR) and method.masker is not None:
        x, observed = method.read(test)
        with torch.no_grad():
            keep = method.kept_by_masker(x, observed, read(test.reports or []))
        hit, chance = evidence_removed(keep, written)
        row["masker_hits"] = hit / chance
    return row
