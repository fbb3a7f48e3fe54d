"""Records in which it is known which tokens carry the finding: noise, and a wave in a few leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import apply_missing, macro_auroc, zero_shot
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train import fit

CLASSES = (
    "sinus tachycardia.",
    "left bundle branch block.",
    "old anterior infarction.",
    "atrial flutter.",
    "low qrs voltage.",
    "peaked t waves.",
)
PRIMARY, SECONDARY = (1, 7), (3, 10)  # leads
CONFIG = replace(
    SCARConfig.preset("smoke"),
    samples=200,
    patch=50,
    width=32,
    depth=1,
    heads=2,
    stem=None,
    temperature=0.1,
    masker_rate=2.0,
    horizon=150,
    budget=(8 / 48, 8 / 48),
)


@dataclass
class Planted:
    """Records, their class, and which cells are which."""

    batch: ECGBatch
    kind: torch.Tensor
    primary: torch.Tensor
    secondary: torch.Tensor


def planted(
    n: int,
    seed: int = 0,
    *,
    leads: tuple[int, ...] = PRIMARY,
    strong: float = 0.6,
    weak: float = 0.2,
    secondary: tuple[int, ...] = SECONDARY,
    times: slice = slice(None),
) -> Planted:
    """Six classes; each has its own strong wave in some leads and a weak one in others."""
    waves = torch.randn(2, len(CLASSES), 50, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(len(CLASSES), (n,), generator=generator)
    x = torch.randn(n, 12, 4, 50, generator=generator)
    primary = torch.zeros(12, 4, dtype=torch.bool)
    second = primary.clone()
    primary[list(leads), times] = True
    second[list(secondary)] = True
    x = x + strong * waves[0][kind][:, None, None] * primary[..., None]
    x = x + weak * waves[1][kind][:, None, None] * second[..., None]
    batch = ECGBatch(ecg=x.flatten(2), fs=100, reports=[CLASSES[i] for i in kind])
    return Planted(batch, kind, primary, second)


def two_findings(n: int, seed: int = 0) -> tuple[ECGBatch, torch.Tensor]:
    """Each record shows two of six classes, each class in two leads of its own; the report names
    one of them. Also which cells show the one that is named (n, 12, 4)."""
    waves = torch.randn(len(CLASSES), 50, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    shown = torch.rand(n, len(CLASSES), generator=generator).argsort(1)[:, :2]
    x = torch.randn(n, 12, 4, 50, generator=generator)
    cells = torch.zeros(n, 2, 12, 4, dtype=torch.bool)
    rows = torch.arange(n)
    for which in range(2):
        kind = shown[:, which]
        for lead in (2 * kind, 2 * kind + 1):
            x[rows, lead] += waves[kind][:, None]
            cells[rows, which, lead] = True
    reports = [CLASSES[i] for i in shown[:, 0]]
    return ECGBatch(ecg=x.flatten(2), fs=100, reports=reports), cells[:, 0]


# the map: how many leads carry the strong sign, how strong the weak one in one other lead is
LEADS, WEAK, STEPS = (2, 5, 8, 10), (0.2, 0.4, 0.6), (150, 400, 800)
ORDER, ONE = (1, 7, 4, 0, 9, 5, 2, 8, 6, 3), (11,)
RECORDS, BATCH, STREAM = 1600, 64, 3000
POLICIES = {"opponent": "masker", "chance": "random", "lead dropping": "leads"}
CELLS = [(k, w, n) for n in STEPS for k in LEADS for w in WEAK if n == 400 or w == 0.4]


def named(policy: str, leads: int, weak: float, steps: int) -> str:
    """A variant of the table."""
    return f"{policy}; {leads} leads; weak {weak}; {steps} steps"


VARIANTS = {named(policy, *cell): (policy, *cell) for cell in CELLS for policy in POLICIES}


def planted_run(variant: str, seed: int) -> dict[str, float]:
    """Macro AUROC with everything, and without the cells that carry the strong sign.

    Opponent and chance take as many cells as the strong sign has.
    """
    policy, leads, weak, steps = VARIANTS[variant]
    share = leads / 12
    config = replace(CONFIG, mask=POLICIES[policy], horizon=None, budget=(share, share))
    case: dict[str, Any] = {"leads": ORDER[:leads], "secondary": ONE, "weak": weak}
    train = planted(RECORDS, STREAM + 2 * seed, **case)
    test = planted(RECORDS, STREAM + 2 * seed + 1, **case)
    torch.manual_seed(seed)
    method = SCAR(config)
    epochs = round(steps * BATCH / RECORDS)
    fit(method, train.batch, epochs=epochs, batch_size=BATCH, lr=3e-3, seed=seed, progress=False)
    method.eval()
    prompts = {name: name for name in CLASSES}
    labels = np.eye(len(CLASSES))[test.kind.numpy()]
    without = (~test.primary).expand(len(test.kind), -1, -1)
    found = {
        "auroc": macro_auroc(zero_shot(method, test.batch, prompts).to_numpy(), labels).value,
        "without_auroc": macro_auroc(
            zero_shot(method, apply_missing(test.batch, without), prompts).to_numpy(), labels
        ).value,
    }
    if method.masker is not None:
        x, there = method.read(test.batch)
        with torch.no_grad():
            gone = ~method.kept_by_masker(x, there, method.embed_text(test.batch.reports or []))
        found["hidden_share"] = float(gone[:, test.primary].float().mean())
    return found
