"""How far two runs of the table `reports` lie apart by chance, and what makes it less."""

from __future__ import annotations

from typing import Any

import torch

from ecglearn.evaluate import load_prompts, macro_auroc, prompt_scores
from ecglearn.train import fit
from results.arenas.averaging import Averaged
from results.arenas.reports import (
    BATCH,
    CONFIGS,
    FORM,
    PASSES,
    RHYTHM,
    TEST,
    asked,
    findings,
    made,
    patients,
)

TRAIN, FIRST = 2048, 100
VARIANTS = ("MERL", "TAMER", "TAMER without word-level alignment")
FEW = 1024


def run(variant: str, seed: int) -> dict[str, float]:
    """Zero-shot AUROC by the last weights and by their mean, by wordings, by test patients."""
    train, test, _ = patients(TRAIN, FIRST + seed)
    torch.manual_seed(FIRST + seed)
    method = made(CONFIGS[variant])
    mean = Averaged(method, PASSES)
    settings: dict[str, Any] = {"batch_size": BATCH, "seed": FIRST + seed, "progress": False}
    fit(method, train, epochs=PASSES, after_epoch=mean.after_epoch, **settings)
    usual, y = load_prompts(), findings(test)
    wordings = {
        "one wording": {name: lines[:1] for name, lines in usual.items()},
        "the book's wordings": usual,
        "all wordings": asked(),
    }
    row: dict[str, float] = {}
    for weights, one in (("last", method.eval()), ("mean", mean.method)):
        here = one.embed(test)
        for words, prompts in wordings.items():
            scores = prompt_scores(here, one.embed_text, prompts)
            for count in (FEW, TEST):
                found = macro_auroc(scores.head(count), y.head(count)).per_class
                about = f"{weights}, {words}, {count} patients"
                row |= {
                    f"{about}: rhythm": float(found[RHYTHM].mean()),
                    f"{about}: form": float(found[FORM].mean()),
                    f"{about}: all": float(found.mean()),
                }
    return row
