"""Runs of the SCAR-style method and its baselines that take longer than a chapter may."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.cohort.truth import evidence
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    apply_missing,
    cmrs,
    critical,
    critical_views,
    evidence_removed,
    load_prompts,
    macro_auroc,
    random_keep_masks,
    token_drops,
    zero_shot,
)
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.train import fit

TRAIN, TEST, WHITE_BOX, EPOCHS, BATCH = 1024, 512, 128, 10, 64
LAPTOP = SCARConfig.preset("class")
SEGMENTS = LAPTOP.samples // LAPTOP.patch
FULL = replace(LAPTOP, mask="none", selector="learned")

# variant -> configuration; every row has the same data, epochs and learning rate
MISSINGNESS: dict[str, SCARConfig | MERLConfig | TAMERConfig] = {
    "full input": FULL,
    "random leads": replace(FULL, mask="leads"),
    "random tokens": replace(FULL, mask="random"),
    "random tokens, supervised selector": replace(FULL, mask="random", selector="supervised"),
    "masker, mean": replace(LAPTOP, selector="mean"),
    "masker, learned selector": replace(LAPTOP, selector="learned"),
    "masker without text": replace(LAPTOP, masker_text=False),
    "without curriculum": replace(LAPTOP, curriculum=False),
    "SCAR": LAPTOP,
    "MERL": MERLConfig.preset("class"),
    "TAMER": TAMERConfig.preset("class"),
}


@cache
def patients() -> tuple[ECGBatch, ECGBatch, NDArray[np.float32]]:
    """Training and test patients without the cines, and where the tests' findings are written."""
    cohort = simulate(TRAIN + TEST, seed=0)
    batch = replace(ECGBatch.from_cohort(cohort), cine=None)
    written = evidence(cohort[TRAIN:].truth, segments=SEGMENTS)
    return batch[slice(0, TRAIN)], batch[slice(TRAIN, None)], written


@cache
def labels() -> pd.DataFrame:
    """Findings of the test patients."""
    findings = patients()[1].findings
    assert findings is not None
    return pd.DataFrame(findings.numpy(), columns=list(FINDINGS))


@cache
def trained(variant: str, seed: int) -> Any:
    """A method after training."""
    config = MISSINGNESS[variant]
    torch.manual_seed(seed)
    kind = {SCARConfig: SCAR, MERLConfig: MERL, TAMERConfig: TAMER}[type(config)]
    method = kind(config)
    fit(method, patients()[0], epochs=EPOCHS, batch_size=BATCH, seed=seed, progress=False)
    return method


@cache
def views(seed: int) -> dict[str, Tensor]:
    """Keep maps that every variant meets: by chance, by the reference model, by the truth."""
    _, test, written = patients()
    reference = trained("full input", seed)
    drops = token_drops(reference, test, load_prompts(), labels(), segments=SEGMENTS)
    truth = torch.from_numpy(np.nan_to_num(written).sum(1))
    return {
        **random_keep_masks(TEST, segments=SEGMENTS, seed=seed),
        **critical_views(drops, seed=seed),
        "evidence 25%": critical(truth, 0.25),
    }


def _measured(
    method: Any, batch: ECGBatch, view: str, keep: Tensor, full: pd.DataFrame, y: pd.DataFrame
) -> dict[str, float]:
    scores = zero_shot(method, apply_missing(batch, keep), load_prompts())
    left = cmrs(scores, full, y)
    return {
        f"{view}: auroc": macro_auroc(scores, y).value,
        f"{view}: cmrs": left.value,
        f"{view}: cmrs_mag": left.magnitude,
    }


def missingness_run(variant: str, seed: int) -> dict[str, float]:
    """Macro AUROC, CMRS and its companion with nothing missing and on each view."""
    _, test, written = patients()
    method = trained(variant, seed)
    found: dict[str, float] = {}
    full = zero_shot(method, test, load_prompts())
    found["auroc"] = macro_auroc(full, labels()).value
    for view, keep in views(seed).items():
        found |= _measured(method, test, view, keep, full, labels())
    few, y = test[slice(0, WHITE_BOX)], labels().head(WHITE_BOX)
    drops = token_drops(method, few, load_prompts(), y, segments=SEGMENTS)
    own = critical(drops, 0.25)
    found |= _measured(method, few, "white-box 25%", own, full.head(WHITE_BOX), y)
    if isinstance(method, SCAR) and method.masker is not None:
        method.eval()
        x, there = method.read(test)
        with torch.no_grad():
            keep = method.kept_by_masker(x, there, method.embed_text(test.reports or []))
        hit, chance = evidence_removed(keep, written)
        found["masker_hits"] = hit / chance
    return found
